// IP addresses and socket addresses as values. IPv4 is kept v4-mapped, as bpf/abi/addr.h does: every algorithm once.
#pragma once

#include "bpf/abi/addr.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead {

// 16 bytes in network order; an IPv4 address is ::ffff:a.b.c.d.
class IpAddress {
 public:
  IpAddress() = default;  // "::", which stands for "none"
  explicit IpAddress(const fl_addr& raw);
  static IpAddress from_v4(in_addr address);
  static IpAddress from_v6(const in6_addr& address);
  // "10.0.0.1" or "fd00::1"; nothing else.
  static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] bool is_none() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  [[nodiscard]] fl_addr raw() const;
  [[nodiscard]] std::string text() const;
  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<uint8_t, 16> bytes_{};
};

// A block of addresses. `bits` counts from the front of the 128-bit form: an IPv4 /24 has bits 120.
struct Cidr {
  IpAddress address;  // host bits are zero
  uint8_t bits = 0;

  // "10.0.0.0/8", "fd00::/8", or a single address. Host bits may be set in the text; they are cleared.
  static std::optional<Cidr> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& ip) const;
  [[nodiscard]] std::string text() const;
  auto operator<=>(const Cidr&) const = default;
};

struct SocketAddress {
  IpAddress ip;
  uint16_t port = 0;  // host order

  static SocketAddress from(const sockaddr_storage& storage);
  static SocketAddress from(const fl_sockaddr& raw);
  [[nodiscard]] fl_sockaddr raw() const;
  // Fills `storage` for a socket of `family` (AF_INET6 takes IPv4 addresses in mapped form); the length to pass on.
  [[nodiscard]] socklen_t to(sockaddr_storage& storage, int family) const;
  // "10.0.0.1:80", "[fd00::1]:80"
  [[nodiscard]] std::string text() const;
  auto operator<=>(const SocketAddress&) const = default;
};

}  // namespace fairlead

template <>
struct std::hash<fairlead::IpAddress> {
  size_t operator()(const fairlead::IpAddress& ip) const noexcept {
    const auto& b = ip.bytes();
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(b.data()), b.size()});
  }
};

template <>
struct std::hash<fairlead::SocketAddress> {
  size_t operator()(const fairlead::SocketAddress& address) const noexcept {
    return std::hash<fairlead::IpAddress>()(address.ip) ^ (size_t{address.port} * 0x9e3779b97f4a7c15ULL);
  }
};
