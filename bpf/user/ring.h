// The reading end of a BPF ring buffer that holds records of one size. One reader per map; owner: bpf/user/maps.h. Main
// thread of the agent.
#pragma once

#include "bpf/user/map.h"
#include "userspace-proxy/base/error.h"

#include <cstddef>
#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

struct ring_buffer;

namespace fairlead::bpf {

class RawRing {
 public:
  static Result<RawRing> from(RawMap raw, size_t record_size);
  // Readable (epoll) when the programs ask for a reader.
  [[nodiscard]] int event_fd() const;
  // Takes everything that is there, back to back. Records of another size are dropped: no program of ours writes any.
  std::vector<std::byte> drain();

 private:
  struct Free {
    void operator()(ring_buffer* ring) const;
  };
  struct Taken {
    size_t record_size = 0;
    std::vector<std::byte> bytes;
  };
  static int on_record(void* taken, void* record, size_t size);

  RawMap raw_;
  std::unique_ptr<Taken> taken_;  // where it is: the ring keeps its address
  std::unique_ptr<ring_buffer, Free> ring_;
};

template <class T>
class Ring {
 public:
  static_assert(std::is_trivially_copyable_v<T>);

  static Result<Ring> from(RawMap raw) {
    auto opened = RawRing::from(std::move(raw), sizeof(T));
    if (!opened) {
      return std::unexpected(opened.error());
    }
    Ring ring;
    ring.raw_ = std::move(*opened);
    return ring;
  }
  [[nodiscard]] int event_fd() const { return raw_.event_fd(); }
  std::vector<T> drain() {
    const std::vector<std::byte> bytes = raw_.drain();
    std::vector<T> records(bytes.size() / sizeof(T));
    if (!records.empty()) {  // memcpy takes no null pointer, not even for nothing
      std::memcpy(records.data(), bytes.data(), records.size() * sizeof(T));
    }
    return records;
  }

 private:
  RawRing raw_;
};

}  // namespace fairlead::bpf
