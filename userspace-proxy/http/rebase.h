// Views into a buffer that has moved. Internal to this room.
#pragma once

#include <cstdint>
#include <string_view>

namespace fairlead::http {

// The old place comes as a number: its pointer may be one into memory that was given back, which may not even be
// compared.
inline std::string_view rebased(std::string_view view, uintptr_t from, std::string_view bytes) {
  return {bytes.data() + (reinterpret_cast<uintptr_t>(view.data()) - from), view.size()};
}

}  // namespace fairlead::http
