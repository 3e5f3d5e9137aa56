// Where in a configuration message something is, for an error that names the field:
// "rules[0].to[1].operation.paths[2]". A chain of names on the stack; the text is made only when there is something to
// complain about. Thread: any.
#pragma once

#include "userspace-proxy/base/error.h"

#include <string>
#include <string_view>

namespace fairlead::config {

// Refers to its parent: every level is a named local of the function that walks it (a temporary has no children).
class FieldPath {
 public:
  FieldPath() = default;  // the message itself

  [[nodiscard]] FieldPath at(std::string_view name) const& { return FieldPath(this, name, kNoIndex); }
  [[nodiscard]] FieldPath at(std::string_view name, int index) const& { return FieldPath(this, name, index); }
  FieldPath at(std::string_view name) && = delete;
  FieldPath at(std::string_view name, int index) && = delete;

  [[nodiscard]] std::string text() const;
  // "FIELD: what".
  [[nodiscard]] std::unexpected<Error> fail(std::string_view what) const;

 private:
  static constexpr int kNoIndex = -1;
  FieldPath(const FieldPath* parent, std::string_view name, int index) : parent_(parent), name_(name), index_(index) {}

  const FieldPath* parent_ = nullptr;
  std::string_view name_;
  int index_ = kNoIndex;
};

}  // namespace fairlead::config
