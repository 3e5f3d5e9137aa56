// Whole numbers out of what the kernel and other programs write for people. Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace fairlead::bench {

// The number at the front of `text`, behind white space, taken off it; zero if there is none.
uint64_t leading_number(std::string_view& text);
// The one after `key`; zero if the key is not there.
uint64_t number_after(std::string_view text, std::string_view key);

}  // namespace fairlead::bench
