// Pods and services by what the rest of the compiler asks for: who has an address, which pods a service targets, which
// endpoints are ready. Refers to the objects it was built from, which must outlive it. One compilation, one thread.
#pragma once

#include "agent/compile/compile.h"
#include "agent/compile/messages.h"
#include "agent/compile/topology.h"
#include "agent/model/objects.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fairlead::compile {

struct PodEntry {
  const model::Pod* pod = nullptr;
  std::vector<IpAddress> ips;  // its own: a hostNetwork pod has none, the node's address is everybody's
  uint64_t netns = 0;
  config::Mode mode = config::Mode::kOff;
  bool accelerated = false;

  // Policy is applied, and identity known, on this node.
  [[nodiscard]] bool meshed() const { return netns != 0 && mode != config::Mode::kOff; }
};

// A port of a pod that a service leads to, whether the pod is ready or not.
struct Target {
  size_t pod = 0;  // index
  uint16_t port = 0;
};

struct ReadyEndpoint {
  SocketAddress address;
  std::optional<size_t> pod;  // index; nullopt: an address of no known pod
  Nearness near{};
};

struct ServicePortEntry {
  const model::ServicePort* spec = nullptr;
  std::optional<config::Protocol> declared;  // nullopt: not TCP; known, so that "the only port" means what it says
  std::vector<Target> targets{};
  std::vector<ReadyEndpoint> endpoints{};  // each address once, in order
};

struct ServiceEntry {
  const model::Service* service = nullptr;
  std::string host;
  std::vector<ServicePortEntry> ports{};
};

class Registry {
 public:
  static Registry build(const Inputs& inputs, Messages& messages);

  // Ordered by namespace and name, as the object set is.
  [[nodiscard]] const std::vector<PodEntry>& pods() const { return pods_; }
  // Their indexes: [first, last).
  [[nodiscard]] std::pair<size_t, size_t> pods_of_namespace(std::string_view ns) const;
  // Without ExternalName.
  [[nodiscard]] const std::vector<ServiceEntry>& services() const { return services_; }
  // Index of a service; nullopt if none has that full name.
  [[nodiscard]] std::optional<size_t> find(std::string_view host) const;
  [[nodiscard]] std::optional<size_t> pod_by_ip(const IpAddress& ip) const;
  [[nodiscard]] const Topology& topology() const { return topology_; }

 private:
  explicit Registry(const Inputs& inputs) : topology_(inputs) {}

  void add_pods(const Inputs& inputs, Messages& messages);
  void settle_netns(Messages& messages);
  void settle_addresses(Messages& messages);
  void add_services(const Inputs& inputs, Messages& messages);

  Topology topology_;
  std::vector<PodEntry> pods_;
  std::vector<ServiceEntry> services_;
  std::map<std::string, size_t, std::less<>> by_host_;
  std::map<IpAddress, size_t> by_ip_;
};

// The port of `pod` that a service port targets; nullopt if it is named and the pod has no such port.
std::optional<uint16_t> target_port(const model::ServicePort& port, const model::Pod& pod);

}  // namespace fairlead::compile
