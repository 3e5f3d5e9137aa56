// What to do about a field that is not known. Pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace fairlead::model {

// From the names that are known at that place: "did you mean subsets?", or what took the place of an old spelling.
std::string advice(std::string_view name, std::span<const std::string_view> known);

}  // namespace fairlead::model
