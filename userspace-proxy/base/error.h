// Errors as values, for everything that is not the per-request path (there: base/reason.h).
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace fairlead {

// What went wrong, as one line for a person, and the errno if the kernel said it (0 otherwise).
// A value type; made only on failure, so it may allocate.
class [[nodiscard]] Error {
 public:
  explicit Error(std::string message, int errno_value = 0) : message_(std::move(message)), errno_(errno_value) {}

  // "WHAT: No such file or directory", from the given (default: the current) errno.
  static Error sys(std::string_view what, int errno_value = errno);

  [[nodiscard]] const std::string& message() const { return message_; }
  [[nodiscard]] int errno_value() const { return errno_; }
  // "CONTEXT: " put in front of the message.
  [[nodiscard]] Error in(std::string_view context) const;

 private:
  std::string message_;
  int errno_;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(std::string message) { return std::unexpected(Error(std::move(message))); }
inline std::unexpected<Error> fail_sys(std::string_view what, int errno_value = errno) {
  return std::unexpected(Error::sys(what, errno_value));
}
inline std::unexpected<Error> fail(const Error& error, std::string_view context) {
  return std::unexpected(error.in(context));
}

}  // namespace fairlead
