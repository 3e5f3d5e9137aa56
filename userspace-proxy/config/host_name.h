// The host part of an authority ("WEB.shop:80", "[fd00::1]:80"), ready for comparison: lower case, without port,
// brackets and the root's dot. Lives on the stack and allocates nothing. Thread: any.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace fairlead::config {

class HostName {
 public:
  // What DNS allows for a name (RFC 1035 section 2.3.4, without the length octets), and for one label.
  static constexpr size_t kMaxBytes = 253;
  static constexpr size_t kMaxLabelBytes = 63;

  explicit HostName(std::string_view authority);
  HostName(const HostName&) = delete;
  HostName& operator=(const HostName&) = delete;
  ~HostName() = default;

  // Empty if the authority has no host, or one longer than a name can be.
  [[nodiscard]] std::string_view text() const { return {buffer_.data(), size_}; }
  // "TEXT.ns", at the same place as text(); empty if `ns` is empty or no label.
  [[nodiscard]] std::string_view in_namespace(std::string_view ns);

 private:
  std::array<char, kMaxBytes + 1 + kMaxLabelBytes> buffer_;
  size_t size_ = 0;
};

}  // namespace fairlead::config
