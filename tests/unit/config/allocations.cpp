// In a file of its own: seen by the tests' compiler, the replaced operators would be inlined and warned about.
#include "tests/unit/config/allocations.h"

#include <cstdlib>
#include <new>

// Every form but the aligned ones: a sanitizer brings its own of each, and complains about a mixture.
namespace {

size_t count = 0;

void* counted(size_t size) noexcept {
  ++count;
  return std::malloc(size);
}

void* counted_or_throw(size_t size) {
  if (void* memory = counted(size)) {
    return memory;
  }
  throw std::bad_alloc();
}

}  // namespace

void* operator new(size_t size) { return counted_or_throw(size); }
void* operator new[](size_t size) { return counted_or_throw(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

namespace fairlead::test {

size_t allocations() { return count; }

}  // namespace fairlead::test
