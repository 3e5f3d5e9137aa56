// Access to memory that one thread writes while others, also in other processes, read it: no locked instruction, no
// data race in the language's sense. The writer is alone, so a load and a store make an increment.
#pragma once

#include <atomic>
#include <cstdint>

namespace fairlead::telemetry {

static_assert(std::atomic_ref<uint64_t>::is_always_lock_free && std::atomic_ref<double>::is_always_lock_free,
              "the arena is read through a read-only mapping, where a lock could not be taken");

template <class T>
[[nodiscard]] T load(const T& slot, std::memory_order order = std::memory_order_relaxed) {
  // atomic_ref<const T> comes with C++26. A lock-free load writes nothing.
  return std::atomic_ref<T>(const_cast<T&>(slot)).load(order);
}

template <class T>
void store(T& slot, T value, std::memory_order order = std::memory_order_relaxed) {
  std::atomic_ref<T>(slot).store(value, order);
}

// The one writer's increment.
template <class T>
void add(T& slot, T amount) {
  store(slot, load(slot) + amount);
}

}  // namespace fairlead::telemetry
