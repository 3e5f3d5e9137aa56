// YAML text before it is parsed: the bytes that it may have, and where its documents begin. Pure functions.
#pragma once

#include "agent/model/yaml.h"

#include <optional>
#include <string_view>
#include <vector>

namespace fairlead::model {

// A text between two "---" lines, and the line it begins at.
struct YamlChunk {
  std::string_view text;
  int first_line = 1;
};

std::vector<YamlChunk> split_documents(std::string_view text);
// Blank lines, comments and directives only: what may stand before the first "---".
bool is_blank(std::string_view text);
std::optional<YamlProblem> bad_byte(std::string_view text);

}  // namespace fairlead::model
