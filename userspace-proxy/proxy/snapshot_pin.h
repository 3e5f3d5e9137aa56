// The current snapshot of a worker, counted without atomics: a request pins it for its duration, so that an update
// never pulls it away. The shared count of the process is touched once per worker and update. Worker-local.
#pragma once

#include "userspace-proxy/config/snapshot.h"

#include <cstdint>
#include <memory>
#include <utility>

namespace fairlead::proxy {

class SnapshotPin {
 public:
  SnapshotPin() = default;
  explicit SnapshotPin(std::shared_ptr<const config::Snapshot> snapshot) : held_(new Held{std::move(snapshot), 1}) {}
  SnapshotPin(const SnapshotPin& other) : held_(other.held_) {
    if (held_ != nullptr) {
      ++held_->pins;
    }
  }
  SnapshotPin(SnapshotPin&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  SnapshotPin& operator=(const SnapshotPin& other) {
    SnapshotPin copy(other);
    std::swap(held_, copy.held_);
    return *this;
  }
  SnapshotPin& operator=(SnapshotPin&& other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~SnapshotPin() {
    if (held_ != nullptr && --held_->pins == 0) {
      delete held_;
    }
  }

  explicit operator bool() const { return held_ != nullptr; }
  const config::Snapshot* operator->() const { return held_->snapshot.get(); }
  const config::Snapshot& operator*() const { return *held_->snapshot; }

 private:
  struct Held {
    std::shared_ptr<const config::Snapshot> snapshot;
    uint32_t pins;
  };
  Held* held_ = nullptr;
};

}  // namespace fairlead::proxy
