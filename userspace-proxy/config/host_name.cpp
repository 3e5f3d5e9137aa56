#include "userspace-proxy/config/host_name.h"

#include <algorithm>

namespace fairlead::config {
namespace {

std::string_view without_port(std::string_view authority) {
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    return end == std::string_view::npos ? std::string_view() : authority.substr(1, end - 1);
  }
  return authority.substr(0, authority.rfind(':'));
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

HostName::HostName(std::string_view authority) {
  std::string_view host = without_port(authority);
  if (host.ends_with('.')) {
    host.remove_suffix(1);
  }
  if (host.size() > kMaxBytes) {
    return;
  }
  std::ranges::transform(host, buffer_.begin(), lower);
  size_ = host.size();
}

std::string_view HostName::in_namespace(std::string_view ns) {
  if (ns.empty() || ns.size() > kMaxLabelBytes) {
    return {};
  }
  buffer_[size_] = '.';
  std::ranges::copy(ns, buffer_.begin() + size_ + 1);
  return {buffer_.data(), size_ + 1 + ns.size()};
}

}  // namespace fairlead::config
