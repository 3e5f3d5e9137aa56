// Snapshots for the tables' tests, written as the compiler would, and lookups as the kernel does them.
#pragma once

#include "agent/kernel/tables.h"
#include "userspace-proxy/config/snapshot.pb.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fairlead::kernel {

namespace wire = config::wire;

inline IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

inline std::string wire_ip(std::string_view text) {
  const auto bytes = ip(text).bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A snapshot under construction: identities come with the workloads, one service account each.
class SnapshotMaker {
 public:
  // REQUIRES: all workloads are added before references to them are kept.
  wire::Workload& add_workload(const std::string& name, const std::string& address, uint64_t netns,
                               wire::Mode mode = wire::NODE) {
    wire::Identity& identity = *wire_.add_identities();
    identity.set_id(static_cast<uint32_t>(100 + wire_.identities_size()));
    identity.set_spiffe("spiffe://cluster.local/ns/shop/sa/" + name);
    identity.set_namespace_("shop");
    identity.set_service_account(name);
    wire::Workload& workload = *wire_.add_workloads();
    workload.set_uid("shop/" + name);
    workload.set_namespace_("shop");
    workload.set_name(name);
    workload.set_identity(static_cast<uint32_t>(wire_.identities_size() - 1));
    if (!address.empty()) {
      workload.add_ips(wire_ip(address));
    }
    workload.set_netns(netns);
    workload.set_mode(mode);
    return workload;
  }

  static void add_port(wire::Workload& workload, uint32_t number, wire::Protocol protocol) {
    wire::WorkloadPort& port = *workload.add_ports();
    port.set_port(number);
    port.set_protocol(protocol);
  }

  struct Endpoint {
    std::string address;
    uint32_t port = 0;
    uint32_t workload = 0;  // 1 + index
  };

  void add_service(const std::string& name, const std::vector<std::string>& vips, uint32_t port,
                   wire::Protocol protocol, const std::vector<Endpoint>& endpoints) {
    wire::Cluster& cluster = *wire_.add_clusters();
    cluster.set_name("outbound|" + std::to_string(port) + "||" + name);
    for (const Endpoint& endpoint : endpoints) {
      wire::Endpoint& out = *cluster.add_endpoints();
      out.set_ip(wire_ip(endpoint.address));
      out.set_port(endpoint.port);
      out.set_workload(endpoint.workload);
    }
    wire::Service& service = *wire_.add_services();
    service.set_host(name + ".shop.svc.cluster.local");
    service.set_namespace_("shop");
    service.set_name(name);
    for (const std::string& vip : vips) {
      service.add_vips(wire_ip(vip));
    }
    wire::ServicePort& out = *service.add_ports();
    out.set_port(port);
    out.set_protocol(protocol);
    out.set_cluster(static_cast<uint32_t>(wire_.clusters_size() - 1));
  }

  // Index of the policy.
  uint32_t add_policy(wire::Policy policy) {
    *wire_.add_policies() = std::move(policy);
    return static_cast<uint32_t>(wire_.policies_size() - 1);
  }

  wire::Snapshot& wire() { return wire_; }

  [[nodiscard]] std::shared_ptr<const config::Snapshot> build() const {
    auto built = config::Snapshot::build(wire_);
    EXPECT_TRUE(built.has_value()) << (built ? "" : built.error().message());
    return built.value();
  }

 private:
  wire::Snapshot wire_;
};

// The verdict for a pod, as bpf/abi/policy.h says: longest block of the set, then the port, then port 0; none denies.
struct Lookup {
  const Tables& tables;

  [[nodiscard]] fl_verdict verdict(uint32_t set, uint32_t identity, const IpAddress& source, uint16_t port) const {
    fl_policy_key key{
        .policy_set = set, .identity = identity, .ip_class = ip_class(set, source), .port = htons(port), .pad = 0};
    auto found = tables.policy.find(key);
    if (found == tables.policy.end()) {
      key.port = 0;
      found = tables.policy.find(key);
    }
    return found != tables.policy.end() ? found->second : fl_verdict{};
  }

  [[nodiscard]] uint32_t ip_class(uint32_t set, const IpAddress& source) const {
    uint32_t best_bits = 0;
    uint32_t best = 0;
    for (const auto& [key, number] : tables.ip_classes) {
      const Cidr block{IpAddress(key.ip), static_cast<uint8_t>(key.prefixlen - 32)};
      if (key.policy_set == set && key.prefixlen >= best_bits && block.contains(source)) {
        best_bits = key.prefixlen;
        best = number;
      }
    }
    return best;
  }

  // Whether a network set allows it, as bpf/lib/network.bpf.h asks.
  [[nodiscard]] bool network(uint32_t set, uint32_t pod_class, const IpAddress& peer, uint16_t port) const {
    return set == 0 || (pod_class != 0 && network_holds(set, {FL_PEER_POD, pod_class}, port)) ||
           network_holds(set, {FL_PEER_ADDRESS, ip_class(set, peer)}, port);
  }

  [[nodiscard]] bool network_holds(uint32_t set, std::pair<fl_peer_kind, uint32_t> peer, uint16_t port) const {
    for (uint32_t bits = 0; bits <= 16; ++bits) {
      const auto prefix = static_cast<uint16_t>(bits == 0 ? 0 : port & (0xffffU << (16 - bits)));
      if (tables.network.contains({.prefixlen = FL_NETWORK_PREFIX + bits,
                                   .set = set,
                                   .peer = peer.second,
                                   .kind = static_cast<uint16_t>(peer.first),
                                   .port = htons(prefix)})) {
        return true;
      }
    }
    return false;
  }

  // An address and port as connect() and the SYN look them up; null: not in the mesh.
  [[nodiscard]] const fl_target* target(std::string_view address, uint16_t port) const {
    for (const uint16_t number : {port, uint16_t{0}}) {
      const auto found = tables.targets.find({.ip = ip(address).raw(), .port = htons(number), .pad = 0});
      if (found != tables.targets.end()) {
        return &found->second;
      }
    }
    return nullptr;
  }

  // "10.0.0.1:80=OWNER ..." of a target's set.
  [[nodiscard]] std::string backends(const fl_target& target) const {
    std::string out;
    for (uint32_t i = 0; i < target.count; ++i) {
      const fl_backend& backend = tables.backends.at({.set = target.backends, .index = i, .pad = 0});
      out += (i == 0 ? "" : " ") + SocketAddress::from(backend.address).text() + "=" + std::to_string(backend.owner);
    }
    return out;
  }
};

}  // namespace fairlead::kernel
