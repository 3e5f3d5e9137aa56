#include "agent/workload/addresses.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <iterator>
#include <memory>

namespace fairlead::workload {
namespace {

bool is_link_local(const IpAddress& ip) {
  static const Cidr kV4 = *Cidr::parse("169.254.0.0/16");
  static const Cidr kV6 = *Cidr::parse("fe80::/10");
  return kV4.contains(ip) || kV6.contains(ip);
}

IpAddress address_of(const sockaddr* raw) {
  if (raw == nullptr) {
    return {};
  }
  if (raw->sa_family == AF_INET) {
    return IpAddress::from_v4(reinterpret_cast<const sockaddr_in*>(raw)->sin_addr);
  }
  if (raw->sa_family == AF_INET6) {
    return IpAddress::from_v6(reinterpret_cast<const sockaddr_in6*>(raw)->sin6_addr);
  }
  return {};
}

}  // namespace

Result<std::vector<IpAddress>> addresses_in(const NetnsDoor& door, int netns_fd) {
  return door.inside(netns_fd, []() -> Result<std::vector<IpAddress>> {
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) {
      return fail_sys("getifaddrs");
    }
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, freeifaddrs);
    std::vector<IpAddress> found;
    for (const ifaddrs* item = list; item != nullptr; item = item->ifa_next) {
      const IpAddress ip = address_of(item->ifa_addr);
      if (!ip.is_none() && !ip.is_loopback() && !is_link_local(ip) && std::ranges::find(found, ip) == found.end()) {
        found.push_back(ip);
      }
    }
    std::ranges::stable_partition(found, [](const IpAddress& ip) { return ip.is_v4(); });
    return found;
  });
}

std::vector<IpAddress> with_missing_family(std::vector<IpAddress> stated, const std::vector<IpAddress>& found) {
  const bool has_v4 = std::ranges::any_of(stated, &IpAddress::is_v4);
  const bool has_v6 = std::ranges::any_of(stated, [](const IpAddress& ip) { return !ip.is_v4(); });
  std::ranges::copy_if(found, std::back_inserter(stated),
                       [&](const IpAddress& ip) { return ip.is_v4() ? !has_v4 : !has_v6; });
  return stated;
}

}  // namespace fairlead::workload
