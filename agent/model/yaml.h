// YAML (and so JSON) text as a tree of plain nodes. The only place that includes yaml-cpp: its exceptions end here.
// Value types, any thread. Lines are 1-based and count from the start of the whole text.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::model {

// Bounds against hostile text; real manifests stay far below all of them.
inline constexpr size_t kMaxYamlBytes = size_t{32} << 20;
inline constexpr size_t kMaxYamlDepth = 64;
inline constexpr size_t kMaxYamlNodes = 1'000'000;     // per document
inline constexpr size_t kMaxYamlAliasNodes = 100'000;  // per document: what anchors and aliases may copy, all together

struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kSequence, kMap };

  Kind kind = Kind::kNull;
  bool quoted = false;  // a scalar in quotes, a block scalar, or one with the tag !!str: always text
  int line = 0;         // a field's line is its key's
  const YamlNode* parent = nullptr;
  std::string key;                 // the name in the parent, if that is a map
  std::string text;                // of a scalar
  std::vector<YamlNode> children;  // items of a sequence, fields of a map, in order; a key may occur twice

  [[nodiscard]] const YamlNode* find(std::string_view name) const;  // the first field of that name, or null
  [[nodiscard]] bool is_null() const { return kind == Kind::kNull; }
  [[nodiscard]] bool is_map() const { return kind == Kind::kMap; }
};

struct YamlProblem {
  int line = 0;
  std::string text;
};

struct YamlText {
  // Empty documents are left out. The deque keeps every node in its place: `parent` points into it.
  std::deque<YamlNode> documents;
  // One per document that is not readable; the others are read all the same.
  std::vector<YamlProblem> problems;
};

// Each document (a line "---" begins the next one) is read alone, so that a syntax error costs only its own document.
YamlText parse_yaml(std::string_view text);

}  // namespace fairlead::model
