// Counts the program's calls of operator new, which it replaces. For tests of what must not allocate. Single thread.
#pragma once

#include <cstddef>

namespace fairlead::test {

size_t allocations();

}  // namespace fairlead::test
