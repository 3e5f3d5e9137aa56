// How a Snapshot finds things: hash tables over its objects, and over the domains of its virtual hosts. Private to the
// room. Filled by SnapshotBuilder, immutable afterwards, any thread. Keys are views into the indexed objects where
// those own the text.
#pragma once

#include "userspace-proxy/config/snapshot.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fairlead::config {

class HostName;

// Which route table a domain has for which clients and ports.
class VirtualHosts {
 public:
  // `domain`: lower case, a name or "*SUFFIX". REQUIRES: finish() afterwards.
  void add(std::string_view domain, std::string_view client_namespace, uint16_t port, const route::RouteTable* table);
  void finish();

  // Null if no domain fits. `host`: lower case, without port.
  [[nodiscard]] const route::RouteTable* find(std::string_view host, uint16_t port,
                                              std::string_view client_namespace) const;

 private:
  struct Entry {
    std::string client_namespace;  // empty: all
    uint16_t port = 0;             // 0: any
    const route::RouteTable* table = nullptr;
  };
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
  };
  using Domains = std::unordered_map<std::string, std::vector<Entry>, TextHash, std::equal_to<>>;

  static const route::RouteTable* find_in(const Domains& domains, std::string_view domain, uint16_t port,
                                          std::string_view client_namespace);

  Domains exact_;
  Domains wildcards_;                     // by what follows the "*"
  std::vector<size_t> wildcard_lengths_;  // of their keys, longest first
};

struct Snapshot::Index {
  std::unordered_map<uint64_t, const Workload*> workloads_by_netns;
  std::unordered_map<IpAddress, const Workload*> workloads_by_ip;
  std::unordered_map<uint32_t, policy::Identity> identities;
  std::unordered_map<std::string_view, const Service*> services_by_host;
  std::unordered_map<std::string_view, const Service*> services_by_short_name;  // "name.ns", of Kubernetes services
  std::unordered_map<IpAddress, const Service*> services_by_vip;
  std::unordered_map<SocketAddress, const Service*> services_at_external;
  VirtualHosts virtual_hosts;

  // The service that a Host names, or null.
  [[nodiscard]] const Service* named_service(HostName& host, std::string_view client_namespace) const;

 private:
  enum class Wanted : uint8_t { kAny, kHeadless };
  // `qualified`: `name` with the client's namespace behind it; empty if it has none.
  [[nodiscard]] const Service* by_name(std::string_view name, std::string_view qualified, Wanted wanted) const;
  [[nodiscard]] const Service* by_short_name(std::string_view name, std::string_view qualified) const;
};

}  // namespace fairlead::config
