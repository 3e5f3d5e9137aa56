#include "bpf/user/map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>

#include <numeric>

namespace fairlead::bpf {
namespace {

// Entries per system call. One bucket of a hash must fit; on ENOSPC it is doubled.
constexpr size_t kBatch = 1024;

Result<bpf_map_info> kernel_info(const RawMap& map) {
  bpf_map_info kernel{};
  __u32 size = sizeof(kernel);
  if (bpf_obj_get_info_by_fd(map.fd(), &kernel, &size) != 0) {
    return fail_sys(map.name());
  }
  return kernel;
}

}  // namespace

Status RawMap::check_sizes(size_t key_size, size_t value_size) const {
  const auto kernel = kernel_info(*this);
  if (!kernel) {
    return std::unexpected(kernel.error());
  }
  if (kernel->key_size != key_size || kernel->value_size != value_size) {
    return fail(fmt::format("{}: key and value have {} and {} bytes, expected {} and {}", name_, kernel->key_size,
                            kernel->value_size, key_size, value_size));
  }
  return {};
}

Result<bool> RawMap::lookup(const void* key, void* value) const {
  if (bpf_map_lookup_elem(fd_.get(), key, value) == 0) {
    return true;
  }
  if (errno == ENOENT) {
    return false;
  }
  return fail_sys(name_);
}

Status RawMap::update(const void* key, const void* value) {
  if (bpf_map_update_elem(fd_.get(), key, value, BPF_ANY) == 0) {
    return {};
  }
  if (errno == E2BIG || errno == ENOSPC) {
    return std::unexpected(Error(name_ + " is full", errno));
  }
  return fail_sys(name_);
}

Result<bool> RawMap::erase(const void* key) {
  if (bpf_map_delete_elem(fd_.get(), key) == 0) {
    return true;
  }
  if (errno == ENOENT) {
    return false;
  }
  return fail_sys(name_);
}

Result<RawMap::Contents> RawMap::read_all(size_t key_size, size_t value_size) const {
  Contents contents;
  // A position is a bucket number (hash) or the last key (other types).
  std::vector<std::byte> position(std::max(key_size, sizeof(uint32_t)));
  std::vector<std::byte> next(position.size());
  size_t room = kBatch;
  bool first = true;
  while (true) {
    contents.keys.resize((contents.count + room) * key_size);
    contents.values.resize((contents.count + room) * value_size);
    auto got = static_cast<__u32>(room);
    const int error = bpf_map_lookup_batch(fd_.get(), first ? nullptr : position.data(), next.data(),
                                           contents.keys.data() + contents.count * key_size,
                                           contents.values.data() + contents.count * value_size, &got, nullptr);
    if (error != 0 && errno == ENOSPC) {
      room *= 2;
      continue;
    }
    if (error != 0 && errno != ENOENT) {
      return fail_sys(name_);
    }
    contents.count += got;
    if (error != 0) {  // ENOENT: that was the last
      break;
    }
    position.swap(next);
    first = false;
  }
  contents.keys.resize(contents.count * key_size);
  contents.values.resize(contents.count * value_size);
  return contents;
}

Result<CounterMap> CounterMap::from(RawMap raw) {
  if (auto sizes = raw.check_sizes(sizeof(uint32_t), sizeof(uint64_t)); !sizes) {
    return std::unexpected(sizes.error());
  }
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) {
    return fail_sys("number of CPUs", -cpus);
  }
  CounterMap map;
  map.raw_ = std::move(raw);
  map.cpus_ = static_cast<size_t>(cpus);
  return map;
}

Result<uint64_t> CounterMap::sum(uint32_t index) const {
  std::vector<uint64_t> values(cpus_);
  const auto found = raw_.lookup(&index, values.data());
  if (!found) {
    return std::unexpected(found.error());
  }
  return std::accumulate(values.begin(), values.end(), uint64_t{0});
}

}  // namespace fairlead::bpf
