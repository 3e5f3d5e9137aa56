// Makes one kernel map equal to what is wanted, by differences: additions and changes first, removals later, when
// everything that names the removed has gone. What the map holds is read from the kernel once, and known from then on
// (reading the maps of 10,000 services takes some 60 ms). Part of Datapath.
#pragma once

#include "bpf/user/map.h"
#include "userspace-proxy/base/error.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

namespace fairlead::kernel {

// Values that the kernel counts are written once, when their key is new.
enum class Values : uint8_t { kWanted, kCounted };

template <class K, class V, class Less>
class Changes {
 public:
  // `known`: what the map holds; null: read it.
  Changes(bpf::Map<K, V>& map, const std::map<K, V, Less>* known, const std::map<K, V, Less>& wanted,
          Values values = Values::kWanted)
      : map_(map), known_(known), wanted_(wanted), values_(values) {}

  Status read() {
    if (known_ != nullptr) {
      compare(*known_);
      return {};
    }
    auto actual = map_.entries();
    if (!actual) {
      return std::unexpected(actual.error());
    }
    const Less less;
    std::sort(actual->begin(), actual->end(), [&](const auto& a, const auto& b) { return less(a.first, b.first); });
    compare(*actual);
    return {};
  }

  // Each value is switched by one update: a reader sees the old or the new one.
  Status put() {
    for (const auto* entry : put_) {
      if (auto written = map_.update(entry->first, entry->second); !written) {
        return written;
      }
    }
    return {};
  }

  Status remove() {
    for (const auto& key : remove_) {
      if (auto erased = map_.erase(key); !erased) {
        return std::unexpected(erased.error());
      }
    }
    return {};
  }

 private:
  // `actual` is in the order of its keys, as `wanted_` is: one walk along both.
  template <class Entries>
  void compare(const Entries& actual) {
    const Less less;
    auto want = wanted_.begin();
    for (const auto& [key, value] : actual) {
      for (; want != wanted_.end() && less(want->first, key); ++want) {
        put_.push_back(&*want);
      }
      if (want == wanted_.end() || less(key, want->first)) {
        remove_.push_back(key);
        continue;
      }
      if (values_ == Values::kWanted && std::memcmp(&want->second, &value, sizeof(V)) != 0) {
        put_.push_back(&*want);
      }
      ++want;
    }
    for (; want != wanted_.end(); ++want) {
      put_.push_back(&*want);
    }
  }

  bpf::Map<K, V>& map_;
  const std::map<K, V, Less>* known_;
  const std::map<K, V, Less>& wanted_;
  const Values values_;
  std::vector<const std::pair<const K, V>*> put_;  // into wanted_
  std::vector<K> remove_;
};

// Runs `step` on each until one fails.
template <class Step, class... C>
Status each(Step step, C&... changes) {
  Status status;
  static_cast<void>(((status = step(changes)).has_value() && ...));
  return status;
}

}  // namespace fairlead::kernel
