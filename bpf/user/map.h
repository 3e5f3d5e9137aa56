// BPF maps by descriptor: RawMap in bytes, Map<K, V> with types whose sizes are checked when the map is opened.
// Owner: bpf/user/maps.h. The kernel serialises; one object may be used from any thread.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace fairlead::bpf {

class RawMap {
 public:
  RawMap() = default;
  RawMap(std::string name, Fd fd) : name_(std::move(name)), fd_(std::move(fd)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

  // An Error unless the kernel's sizes are these.
  [[nodiscard]] Status check_sizes(size_t key_size, size_t value_size) const;
  // False: no such entry.
  Result<bool> lookup(const void* key, void* value) const;
  // A full map is an Error that says so.
  Status update(const void* key, const void* value);
  // False: there was none.
  Result<bool> erase(const void* key);

  // All entries, keys and values back to back. Entries written meanwhile may be missing or old.
  struct Contents {
    std::vector<std::byte> keys;
    std::vector<std::byte> values;
    size_t count = 0;
  };
  [[nodiscard]] Result<Contents> read_all(size_t key_size, size_t value_size) const;

 private:
  std::string name_;
  Fd fd_;
};

template <class K, class V>
class Map {
 public:
  static_assert(std::is_trivially_copyable_v<K> && std::is_trivially_copyable_v<V>);

  Map() = default;
  static Result<Map> from(RawMap raw) {
    if (auto sizes = raw.check_sizes(sizeof(K), sizeof(V)); !sizes) {
      return std::unexpected(sizes.error());
    }
    Map map;
    map.raw_ = std::move(raw);
    return map;
  }

  [[nodiscard]] int fd() const { return raw_.fd(); }
  [[nodiscard]] const std::string& name() const { return raw_.name(); }

  [[nodiscard]] Result<std::optional<V>> lookup(const K& key) const {
    V value;
    auto found = raw_.lookup(&key, &value);
    if (!found) {
      return std::unexpected(found.error());
    }
    return *found ? std::optional<V>(value) : std::nullopt;
  }
  Status update(const K& key, const V& value) { return raw_.update(&key, &value); }
  Result<bool> erase(const K& key) { return raw_.erase(&key); }

  // Every entry that is there now.
  Status clear() {
    const auto all = entries();
    if (!all) {
      return std::unexpected(all.error());
    }
    for (const auto& [key, value] : *all) {
      if (auto erased = erase(key); !erased) {
        return std::unexpected(erased.error());
      }
    }
    return {};
  }

  [[nodiscard]] Result<std::vector<std::pair<K, V>>> entries() const {
    auto contents = raw_.read_all(sizeof(K), sizeof(V));
    if (!contents) {
      return std::unexpected(contents.error());
    }
    std::vector<std::pair<K, V>> entries(contents->count);
    for (size_t i = 0; i < contents->count; i++) {
      std::memcpy(&entries[i].first, contents->keys.data() + i * sizeof(K), sizeof(K));
      std::memcpy(&entries[i].second, contents->values.data() + i * sizeof(V), sizeof(V));
    }
    return entries;
  }

 private:
  RawMap raw_;
};

// A per-CPU array of 64-bit counters.
class CounterMap {
 public:
  CounterMap() = default;
  static Result<CounterMap> from(RawMap raw);
  // Summed over all CPUs.
  [[nodiscard]] Result<uint64_t> sum(uint32_t index) const;

 private:
  RawMap raw_;
  size_t cpus_ = 0;
};

}  // namespace fairlead::bpf
