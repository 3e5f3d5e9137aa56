#include "userspace-proxy/base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace fairlead {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr uint8_t kMappedBits = 96;

std::optional<int> parse_number(std::string_view text, int max) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > max) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

IpAddress::IpAddress(const fl_addr& raw) { std::memcpy(bytes_.data(), &raw, sizeof raw); }

IpAddress IpAddress::from_v4(in_addr address) {
  IpAddress ip;
  std::ranges::copy(kMappedPrefix, ip.bytes_.begin());
  std::memcpy(ip.bytes_.data() + 12, &address, 4);
  return ip;
}

IpAddress IpAddress::from_v6(const in6_addr& address) {
  IpAddress ip;
  std::memcpy(ip.bytes_.data(), &address, 16);
  return ip;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof buffer) {
    return std::nullopt;
  }
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, buffer, &v4) == 1) {
    return from_v4(v4);
  }
  if (inet_pton(AF_INET6, buffer, &v6) == 1) {
    return from_v6(v6);
  }
  return std::nullopt;
}

bool IpAddress::is_v4() const { return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes_.begin()); }

bool IpAddress::is_none() const {
  return std::ranges::all_of(bytes_, [](uint8_t b) { return b == 0; });
}

bool IpAddress::is_loopback() const {
  if (is_v4()) {
    return bytes_[12] == 127;
  }
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](uint8_t b) { return b == 0; }) && bytes_[15] == 1;
}

fl_addr IpAddress::raw() const {
  fl_addr raw;
  std::memcpy(&raw, bytes_.data(), sizeof raw);
  return raw;
}

std::string IpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN];
  if (is_v4()) {
    inet_ntop(AF_INET, bytes_.data() + 12, buffer, sizeof buffer);
  } else {
    inet_ntop(AF_INET6, bytes_.data(), buffer, sizeof buffer);
  }
  return buffer;
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto ip = IpAddress::parse(text.substr(0, slash));
  if (!ip) {
    return std::nullopt;
  }
  int bits = 128;
  if (slash != std::string_view::npos) {
    const auto given = parse_number(text.substr(slash + 1), ip->is_v4() ? 32 : 128);
    if (!given) {
      return std::nullopt;
    }
    bits = ip->is_v4() ? *given + kMappedBits : *given;
  }
  auto bytes = ip->bytes();
  for (int i = 0; i < 16; ++i) {
    const int keep = std::clamp(bits - i * 8, 0, 8);
    bytes[i] = static_cast<uint8_t>(bytes[i] & (0xff00 >> keep));
  }
  fl_addr raw;
  std::memcpy(&raw, bytes.data(), sizeof raw);
  return Cidr{IpAddress(raw), static_cast<uint8_t>(bits)};
}

bool Cidr::contains(const IpAddress& ip) const {
  const auto &a = address.bytes(), &b = ip.bytes();
  const int whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) {
    return false;
  }
  const int rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

std::string Cidr::text() const {
  return fmt::format("{}/{}", address.text(), address.is_v4() && bits >= kMappedBits ? bits - kMappedBits : bits);
}

SocketAddress SocketAddress::from(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(storage);
    return {IpAddress::from_v4(in.sin_addr), ntohs(in.sin_port)};
  }
  if (storage.ss_family == AF_INET6) {
    const auto& in = reinterpret_cast<const sockaddr_in6&>(storage);
    return {IpAddress::from_v6(in.sin6_addr), ntohs(in.sin6_port)};
  }
  return {};
}

SocketAddress SocketAddress::from(const fl_sockaddr& raw) { return {IpAddress(raw.ip), ntohs(raw.port)}; }

fl_sockaddr SocketAddress::raw() const { return {.ip = ip.raw(), .port = htons(port), .pad = 0}; }

socklen_t SocketAddress::to(sockaddr_storage& storage, int family) const {
  std::memset(&storage, 0, sizeof storage);
  if (family == AF_INET) {
    auto& out = reinterpret_cast<sockaddr_in&>(storage);
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    std::memcpy(&out.sin_addr, ip.bytes().data() + 12, 4);
    return sizeof out;
  }
  auto& out = reinterpret_cast<sockaddr_in6&>(storage);
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(port);
  std::memcpy(&out.sin6_addr, ip.bytes().data(), 16);
  return sizeof out;
}

std::string SocketAddress::text() const {
  return ip.is_v4() ? fmt::format("{}:{}", ip.text(), port) : fmt::format("[{}]:{}", ip.text(), port);
}

}  // namespace fairlead
