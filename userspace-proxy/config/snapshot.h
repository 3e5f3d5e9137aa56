// The immutable picture of the configuration that a proxy works from, built once from config/snapshot.proto and shared
// by all workers of the process. Everything is resolved and indexed: a request looks up, it never parses.
//
// Ownership: std::shared_ptr<const Snapshot>; views and pointers into it live as long as it does.
// Thread: immutable, any.
#pragma once

#include "userspace-proxy/base/address.h"
#include "userspace-proxy/base/error.h"
#include "userspace-proxy/config/source_ring.h"
#include "userspace-proxy/config/string_match.h"
#include "userspace-proxy/policy/network.h"
#include "userspace-proxy/policy/policy.h"
#include "userspace-proxy/route/route.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fairlead::config {

namespace wire {
class Snapshot;
}

enum class Mode : uint8_t { kOff, kNode, kSidecar };
enum class Protocol : uint8_t { kTcp, kHttp, kHttp2, kUndeclared };

struct Service;

struct WorkloadPort {
  uint16_t port = 0;
  Protocol protocol = Protocol::kUndeclared;
  const Service* service = nullptr;  // the one that targets it, or null
  bool refuse_opaque = false;
};

struct Workload {
  std::string uid;  // "shop/client"
  std::string ns;
  std::string name;
  policy::Identity identity;  // id 0 for a workload without one
  std::vector<IpAddress> ips;
  uint64_t netns = 0;  // cookie; 0: not on this node or not enrolled
  Mode mode = Mode::kOff;
  bool accelerated = false;  // its sockets may be redirected
  std::map<std::string, std::string, std::less<>> labels;
  std::vector<WorkloadPort> ports;
  policy::PolicySet policies;  // of what arrives here
  uint32_t peer_class = 0;     // as network policies name their peers
  std::vector<policy::NamedPort> named_ports;
  policy::NetworkPolicySet ingress{policy::Direction::kIngress, {}}, egress{policy::Direction::kEgress, {}};
  std::string workload_name, canonical_service, canonical_revision, app, version, cluster;

  // The port's entry, or null: undeclared.
  [[nodiscard]] const WorkloadPort* port(uint16_t number) const;
  // Served by the node proxy of this node.
  [[nodiscard]] bool in_node_mode() const { return netns != 0 && mode == Mode::kNode; }
};

struct Endpoint {
  SocketAddress address;
  const Workload* workload = nullptr;  // null: an address of no known pod
};

enum class Balance : uint8_t { kUnspecified, kRoundRobin, kLeastRequest, kRandom, kSource };

struct Cluster {
  std::string name;
  const Service* service = nullptr;
  std::vector<Endpoint> endpoints;  // IPv4 ones first, each family in the order of addresses
  size_t ipv4_count = 0;
  bool original_destination = false;
  std::chrono::milliseconds connect_timeout{10'000};
  Balance balance = Balance::kUnspecified;
  std::chrono::seconds affinity{0};  // for how long a client keeps its endpoint after its last connection; 0: not
  // Of kSource: one for the endpoints of each family that has some.
  std::optional<SourceRing> ipv4_ring, ipv6_ring;

  // Those of the family that was dialled, as kube-proxy would choose among (a dual-stack pod has an endpoint of each),
  // so that the application can be shown the client's true address; all of them if that family has none.
  [[nodiscard]] std::span<const Endpoint> of_family(const IpAddress& dialled) const {
    const std::span<const Endpoint> all(endpoints);
    const auto wanted = dialled.is_v4() ? all.first(ipv4_count) : all.subspan(ipv4_count);
    return wanted.empty() ? all : wanted;
  }
};

struct ServicePort {
  uint16_t port = 0;
  std::string name;
  Protocol protocol = Protocol::kUndeclared;
  const Cluster* cluster = nullptr;
};

struct Service {
  std::string host, ns, name;
  std::vector<IpAddress> vips;
  std::vector<ServicePort> ports;
  bool headless = false;
  size_t external_vips = 0;  // the last ones of `vips`: only its ports are its there

  [[nodiscard]] const ServicePort* port(uint16_t number) const;
};

class Snapshot {
 public:
  // Builds from the wire form. The agent made it, but a wrong index is an error here, never undefined behaviour. Two
  // workloads with one netns cookie, or two identities with one number, are errors: who calls would be ambiguous. Of
  // several services with one host or address, and workloads with one address (hostNetwork), the first is found.
  static Result<std::shared_ptr<const Snapshot>> build(const wire::Snapshot& wire);
  // From the bytes of a memfd.
  static Result<std::shared_ptr<const Snapshot>> parse(std::span<const std::byte> bytes);
  ~Snapshot();
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  [[nodiscard]] uint64_t generation() const { return generation_; }
  [[nodiscard]] const std::string& trust_domain() const { return trust_domain_; }
  [[nodiscard]] std::span<const std::unique_ptr<Workload>> workloads() const { return workloads_; }
  [[nodiscard]] std::span<const std::unique_ptr<Service>> services() const { return services_; }

  // Null where there is none.
  [[nodiscard]] const Workload* workload_by_netns(uint64_t cookie) const;
  [[nodiscard]] const Workload* workload_by_ip(const IpAddress& ip) const;
  [[nodiscard]] const policy::Identity* identity(uint32_t id) const;
  [[nodiscard]] const Service* service_by_host(std::string_view host) const;
  // The service whose cluster address that is.
  [[nodiscard]] const Service* service_by_vip(const IpAddress& ip) const;
  // The service that was dialled. Several may share an external address, each with ports of its own.
  [[nodiscard]] const Service* service_at(const SocketAddress& dialled) const;

  // The virtual host for a request: `host` as sent (any case, with or without port), seen by a client of
  // `client_namespace` that dialled `port`. Short names mean services of the client's namespace (a.ns, a.ns.svc and so
  // on work from anywhere), a cluster address means its service, a name under a headless service that service. `table`:
  // the rules, null if no VirtualService covers the host; `service` and `port`: null if the host names no service. A
  // host whose service lacks the port, or that is longer than a DNS name, is an unknown one. Both null: an unknown
  // host, ALLOW_ANY. Costs two or three hash lookups and one per length of wildcard in use; allocates nothing.
  struct HostMatch {
    const route::RouteTable* table = nullptr;
    const Service* service = nullptr;
    const ServicePort* port = nullptr;
  };
  [[nodiscard]] HostMatch find_host(std::string_view host, uint16_t port, std::string_view client_namespace) const;

 private:
  Snapshot();
  struct Index;
  friend class SnapshotBuilder;

  uint64_t generation_ = 0;
  std::string trust_domain_;
  std::vector<std::unique_ptr<Workload>> workloads_;
  std::vector<std::unique_ptr<Service>> services_;
  std::vector<std::unique_ptr<Cluster>> clusters_;
  std::vector<std::unique_ptr<route::RouteTable>> tables_;
  std::vector<std::unique_ptr<policy::Policy>> policies_;
  std::vector<std::unique_ptr<policy::NetworkPolicy>> network_policies_;
  std::unique_ptr<Index> index_;
};

}  // namespace fairlead::config
