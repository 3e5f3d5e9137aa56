// In a file of its own: seen by the tests' compiler, the replaced operators would be inlined and warned about.
#include "tests/unit/config/allocations.h"

#include <cstdlib>
#include <new>

namespace {
size_t count = 0;
}  // namespace

void* operator new(size_t size) {
  ++count;
  if (void* memory = std::malloc(size)) {
    return memory;
  }
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace fairlead::test {

size_t allocations() { return count; }

}  // namespace fairlead::test
