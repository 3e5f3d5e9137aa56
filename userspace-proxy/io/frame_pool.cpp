#include "userspace-proxy/io/frame_pool.h"

#include <array>
#include <new>

namespace fairlead::io {
namespace {

constexpr size_t kStep = 256;
constexpr size_t kClasses = 32;       // up to 8 KiB; larger frames go to the heap
constexpr size_t kKeepPerClass = 64;  // bounds what an idle thread holds

struct FreeFrame {
  FreeFrame* next;
};

struct Pool {
  std::array<FreeFrame*, kClasses> free{};
  std::array<size_t, kClasses> count{};

  Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    for (FreeFrame*& list : free) {
      while (list != nullptr) {
        FreeFrame* const frame = list;
        list = frame->next;
        ::operator delete(frame);
      }
    }
  }
};

thread_local Pool pool;

size_t class_of(size_t size) { return (size + kStep - 1) / kStep - 1; }

}  // namespace

void* allocate_frame(size_t size) {
  const size_t index = class_of(size);
  if (index >= kClasses) {
    return ::operator new(size);
  }
  if (FreeFrame* const frame = pool.free[index]; frame != nullptr) {
    pool.free[index] = frame->next;
    --pool.count[index];
    return frame;
  }
  return ::operator new((index + 1) * kStep);
}

void free_frame(void* frame, size_t size) noexcept {
  const size_t index = class_of(size);
  if (index >= kClasses || pool.count[index] >= kKeepPerClass) {
    ::operator delete(frame);
    return;
  }
  auto* const free = static_cast<FreeFrame*>(frame);
  free->next = pool.free[index];
  pool.free[index] = free;
  ++pool.count[index];
}

}  // namespace fairlead::io
