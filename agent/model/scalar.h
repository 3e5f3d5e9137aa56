// What a scalar of YAML means, by the rules of YAML 1.1 that Kubernetes' reader follows. Pure functions.
#pragma once

#include "agent/model/yaml.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::model {

enum class Scalar : uint8_t { kText, kBoolean, kInteger, kFloat };

Scalar type_of(const YamlNode& node);
std::optional<bool> as_boolean(std::string_view text);
std::optional<int64_t> as_integer(std::string_view text);
std::optional<double> as_number(std::string_view text);

// A value of any kind for a message: "the number 5", "a list".
std::string describe(const YamlNode& node);

}  // namespace fairlead::model
