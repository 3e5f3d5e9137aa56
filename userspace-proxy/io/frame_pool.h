// Memory of coroutine frames: size classes of 256 bytes, kept per thread. A frame is freed on the thread that made it
// (a coroutine never leaves its worker), so nothing is locked.
#pragma once

#include <cstddef>

namespace fairlead::io {

void* allocate_frame(size_t size);
void free_frame(void* frame, size_t size) noexcept;

}  // namespace fairlead::io
