#include "bpf/user/ring.h"

#include <bpf/libbpf.h>

#include <utility>

namespace fairlead::bpf {

void RawRing::Free::operator()(ring_buffer* ring) const { ring_buffer__free(ring); }

Result<RawRing> RawRing::from(RawMap raw, size_t record_size) {
  RawRing ring;
  ring.taken_ = std::make_unique<Taken>(Taken{.record_size = record_size, .bytes = {}});
  ring.ring_.reset(ring_buffer__new(raw.fd(), on_record, ring.taken_.get(), nullptr));
  if (ring.ring_ == nullptr) {
    return fail_sys("ring buffer " + raw.name());
  }
  ring.raw_ = std::move(raw);
  return ring;
}

int RawRing::event_fd() const { return ring_buffer__epoll_fd(ring_.get()); }

int RawRing::on_record(void* taken, void* record, size_t size) {
  auto& into = *static_cast<Taken*>(taken);
  if (size == into.record_size) {
    const auto* const bytes = static_cast<const std::byte*>(record);
    into.bytes.insert(into.bytes.end(), bytes, bytes + size);
  }
  return 0;
}

std::vector<std::byte> RawRing::drain() {
  ring_buffer__consume(ring_.get());
  return std::exchange(taken_->bytes, {});
}

}  // namespace fairlead::bpf
