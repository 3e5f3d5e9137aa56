#include "userspace-proxy/config/snapshot_index.h"

#include "userspace-proxy/config/host_name.h"

#include <algorithm>

namespace fairlead::config {
namespace {

constexpr std::string_view kServiceSuffix = ".svc";

template <class Map, class Key>
const Service* find_service(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : found->second;
}

bool may_be_address(std::string_view host) {
  return !host.empty() && ((host[0] >= '0' && host[0] <= '9') || host.find(':') != std::string_view::npos);
}

}  // namespace

void VirtualHosts::add(std::string_view domain, std::string_view client_namespace, uint16_t port,
                       const route::RouteTable* table) {
  const bool is_wildcard = domain.starts_with('*');
  Domains& domains = is_wildcard ? wildcards_ : exact_;
  domains[std::string(domain.substr(is_wildcard ? 1 : 0))].push_back({std::string(client_namespace), port, table});
}

void VirtualHosts::finish() {
  for (Domains* domains : {&exact_, &wildcards_}) {
    for (auto& [domain, entries] : *domains) {
      // What names a client goes first, then what names a port: the first that fits is the most specific.
      std::ranges::stable_sort(entries, std::ranges::greater(), [](const Entry& entry) {
        return std::pair(!entry.client_namespace.empty(), entry.port != 0);
      });
    }
  }
  for (const auto& [suffix, entries] : wildcards_) {
    wildcard_lengths_.push_back(suffix.size());
  }
  std::ranges::sort(wildcard_lengths_, std::ranges::greater());
  wildcard_lengths_.erase(std::unique(wildcard_lengths_.begin(), wildcard_lengths_.end()), wildcard_lengths_.end());
}

const route::RouteTable* VirtualHosts::find(std::string_view host, uint16_t port,
                                            std::string_view client_namespace) const {
  if (const auto* table = find_in(exact_, host, port, client_namespace)) {
    return table;
  }
  for (const size_t length : wildcard_lengths_) {
    if (length >= host.size()) {
      continue;  // the asterisk stands for at least one character
    }
    if (const auto* table = find_in(wildcards_, host.substr(host.size() - length), port, client_namespace)) {
      return table;
    }
  }
  return nullptr;
}

const route::RouteTable* VirtualHosts::find_in(const Domains& domains, std::string_view domain, uint16_t port,
                                               std::string_view client_namespace) {
  const auto found = domains.find(domain);
  if (found == domains.end()) {
    return nullptr;
  }
  for (const Entry& entry : found->second) {
    if ((entry.port == 0 || entry.port == port) &&
        (entry.client_namespace.empty() || entry.client_namespace == client_namespace)) {
      return entry.table;
    }
  }
  return nullptr;
}

const Service* Snapshot::Index::named_service(HostName& host, std::string_view client_namespace) const {
  const std::string_view name = host.text();
  if (may_be_address(name)) {
    if (const auto ip = IpAddress::parse(name)) {
      return find_service(services_by_vip, *ip);
    }
  }
  const std::string_view qualified = host.in_namespace(client_namespace);
  if (const Service* service = by_name(name, qualified, Wanted::kAny)) {
    return service;
  }
  // A headless service's pods have names under the service's.
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) {
    return nullptr;
  }
  return by_name(name.substr(dot + 1), qualified.empty() ? qualified : qualified.substr(dot + 1), Wanted::kHeadless);
}

const Service* Snapshot::Index::by_name(std::string_view name, std::string_view qualified, Wanted wanted) const {
  const auto fits = [wanted](const Service* service) {
    return service != nullptr && (wanted == Wanted::kAny || service->headless);
  };
  if (const Service* service = find_service(services_by_host, name); fits(service)) {
    return service;
  }
  const Service* service = by_short_name(name, qualified);
  return fits(service) ? service : nullptr;
}

const Service* Snapshot::Index::by_short_name(std::string_view name, std::string_view qualified) const {
  if (name.ends_with(kServiceSuffix)) {
    if (const auto* found = find_service(services_by_short_name, name.substr(0, name.size() - kServiceSuffix.size()))) {
      return found;
    }  // else a namespace may have that name
  }
  switch (std::ranges::count(name, '.')) {
    case 0:
      return qualified.empty() ? nullptr : find_service(services_by_short_name, qualified);
    case 1:
      return find_service(services_by_short_name, name);
    default:
      return nullptr;
  }
}

}  // namespace fairlead::config
