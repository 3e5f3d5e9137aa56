#include "userspace-proxy/config/field_path.h"

#include <fmt/format.h>

namespace fairlead::config {

std::string FieldPath::text() const {
  std::string text = parent_ == nullptr ? std::string() : parent_->text();
  if (!text.empty()) {
    text += '.';
  }
  text += name_;
  if (index_ != kNoIndex) {
    fmt::format_to(std::back_inserter(text), "[{}]", index_);
  }
  return text;
}

std::unexpected<Error> FieldPath::fail(std::string_view what) const {
  return std::unexpected(Error(std::string(what)).in(text()));
}

}  // namespace fairlead::config
