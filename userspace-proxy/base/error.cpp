#include "userspace-proxy/base/error.h"

#include <fmt/format.h>

#include <cstring>

namespace fairlead {

Error Error::sys(std::string_view what, int errno_value) {
  char buffer[128];
  return Error(fmt::format("{}: {}", what, strerror_r(errno_value, buffer, sizeof buffer)), errno_value);
}

Error Error::in(std::string_view context) const { return Error(fmt::format("{}: {}", context, message_), errno_); }

}  // namespace fairlead
