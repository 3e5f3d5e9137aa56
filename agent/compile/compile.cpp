#include "agent/compile/compile.h"

#include "agent/compile/clusters.h"
#include "agent/compile/destination_rules.h"
#include "agent/compile/identities.h"
#include "agent/compile/network_policies.h"
#include "agent/compile/policies.h"
#include "agent/compile/ports.h"
#include "agent/compile/registry.h"
#include "agent/compile/routes.h"
#include "agent/compile/virtual_services.h"
#include "agent/compile/wire_bytes.h"
#include "agent/compile/workload_names.h"

#include <fmt/format.h>

#include <set>

namespace fairlead::compile {
namespace {

namespace wire = config::wire;

wire::Protocol protocol_to_wire(config::Protocol protocol) {
  switch (protocol) {
    case config::Protocol::kTcp:
      return wire::TCP;
    case config::Protocol::kHttp:
      return wire::HTTP;
    case config::Protocol::kHttp2:
      return wire::HTTP2;
    case config::Protocol::kUndeclared:
      return wire::UNDECLARED;
  }
  return wire::UNDECLARED;
}

wire::Mode mode_to_wire(config::Mode mode) {
  switch (mode) {
    case config::Mode::kOff:
      return wire::OFF;
    case config::Mode::kNode:
      return wire::NODE;
    case config::Mode::kSidecar:
      return wire::SIDECAR;
  }
  return wire::OFF;
}

void add_address(const IpAddress& ip, google::protobuf::RepeatedPtrField<std::string>* out) {
  out->Add()->assign(reinterpret_cast<const char*>(ip.bytes().data()), ip.bytes().size());
}

// The parts of the snapshot in the order in which they refer to each other.
class Assembly {
 public:
  Assembly(const Inputs& inputs, Compiled& out)
      : in_(inputs),
        out_(out.snapshot),
        registry_(Registry::build(inputs, messages_)),
        policies_(compile_policies(inputs, registry_, messages_)),
        network_policies_(compile_network_policies(inputs, registry_)),
        virtual_services_(inputs),
        protocols_(resolve_protocols({registry_, policies_, virtual_services_}, messages_)),
        destination_rules_(inputs) {
    virtual_services_.report_conflicts(messages_);
  }

  void run() {
    add_identities();
    add_workloads();
    Clusters clusters(registry_, workloads_, out_);
    add_services(clusters);
    const RouteInputs routes{in_, registry_, protocols_, virtual_services_, destination_rules_};
    Routes(routes, clusters, out_, messages_).compile();
    for (wire::Policy& policy : policies_.list) {
      *out_.add_policies() = std::move(policy);
    }
    for (wire::NetworkPolicy& policy : network_policies_.list) {
      *out_.add_network_policies() = std::move(policy);
    }
  }

  std::vector<model::Message> messages() { return messages_.take(); }

 private:
  // A pod without any address can be neither source nor destination.
  static bool present(const PodEntry& entry) {
    return entry.netns != 0 || !entry.ips.empty() || (entry.pod->host_network && !entry.pod->ips.empty());
  }

  void add_identities() {
    std::set<std::string> ids;
    std::map<std::string, const model::Pod*> owners;
    for (const PodEntry& entry : registry_.pods()) {
      if (present(entry)) {
        const std::string id = spiffe_id(in_.trust_domain, entry.pod->meta.ns, entry.pod->service_account);
        ids.insert(id);
        owners.emplace(id, entry.pod);
      }
    }
    for (const auto& [id, number] : number_identities(ids)) {
      identities_.emplace(id, out_.identities_size());
      wire::Identity& identity = *out_.add_identities();
      identity.set_id(number);
      identity.set_spiffe(id);
      identity.set_namespace_(owners.at(id)->meta.ns);
      identity.set_service_account(owners.at(id)->service_account);
    }
  }

  void add_workloads() {
    for (size_t i = 0; i < registry_.pods().size(); ++i) {
      if (!present(registry_.pods()[i])) {
        workloads_.push_back(0);
        continue;
      }
      add_workload(i, *out_.add_workloads());
      workloads_.push_back(static_cast<uint32_t>(out_.workloads_size()));
    }
  }

  void add_workload(size_t index, wire::Workload& out) {
    const PodEntry& entry = registry_.pods()[index];
    const model::Pod& pod = *entry.pod;
    out.set_uid(fmt::format("{}/{}", pod.meta.ns, pod.meta.name));
    out.set_namespace_(pod.meta.ns);
    out.set_name(pod.meta.name);
    out.set_identity(identities_.at(spiffe_id(in_.trust_domain, pod.meta.ns, pod.service_account)));
    for (const IpAddress& ip : entry.ips) {
      add_address(ip, out.mutable_ips());
    }
    out.set_netns(entry.netns);
    out.set_mode(mode_to_wire(entry.mode));
    out.set_accelerated(entry.accelerated && entry.meshed());
    out.mutable_labels()->insert(pod.meta.labels.begin(), pod.meta.labels.end());
    for (const auto& [number, port] : protocols_.pods[index]) {
      wire::WorkloadPort& wire_port = *out.add_ports();
      wire_port.set_port(number);
      wire_port.set_protocol(protocol_to_wire(port.protocol));
      wire_port.set_service(port.service ? static_cast<uint32_t>(*port.service + 1) : 0);
      wire_port.set_refuse_opaque(port.refuse_opaque);
    }
    out.mutable_policies()->Assign(policies_.by_pod[index].begin(), policies_.by_pod[index].end());
    add_network(network_policies_.by_pod[index], pod, out);
    out.set_workload_name(workload_name(pod));
    out.set_canonical_service(canonical_service(pod));
    out.set_canonical_revision(canonical_revision(pod));
    out.set_app(label_value(pod, "app"));
    out.set_version(label_value(pod, "version"));
    out.set_cluster(in_.cluster_id);
  }

  // Nothing where there is no NetworkPolicy.
  static void add_network(const NetworkPolicies::OfPod& network, const model::Pod& pod, wire::Workload& out) {
    if (network.peer_class == 0) {
      return;
    }
    out.set_peer_class(network.peer_class);
    out.mutable_ingress_policies()->Assign(network.ingress.begin(), network.ingress.end());
    out.mutable_egress_policies()->Assign(network.egress.begin(), network.egress.end());
    for (const model::ContainerPort& port : pod.ports) {
      if (!port.name.empty() && port.protocol == "TCP") {
        wire::NamedPort& named = *out.add_named_ports();
        named.set_name(port.name);
        named.set_port(port.port);
      }
    }
  }

  void add_services(Clusters& clusters) {
    for (size_t s = 0; s < registry_.services().size(); ++s) {
      const ServiceEntry& entry = registry_.services()[s];
      const model::Service& service = *entry.service;
      wire::Service& out = *out_.add_services();
      out.set_host(entry.host);
      out.set_namespace_(service.meta.ns);
      out.set_name(service.meta.name);
      out.set_headless(service.headless);
      for (const auto* addresses : {&service.cluster_ips, &service.external_ips}) {
        for (const IpAddress& ip : *addresses) {
          add_address(ip, out.mutable_vips());
        }
      }
      out.set_external_vips(static_cast<uint32_t>(service.external_ips.size()));
      // What a client namespace's own rule says holds only where a rule routes: this cluster is for all clients.
      const auto settings = destination_rules_.find(entry.host, service.meta.ns, "");
      for (size_t p = 0; p < entry.ports.size(); ++p) {
        if (!entry.ports[p].declared) {
          continue;
        }
        wire::ServicePort& port = *out.add_ports();
        port.set_port(entry.ports[p].spec->port);
        port.set_name(entry.ports[p].spec->name);
        port.set_protocol(protocol_to_wire(protocols_.services[s][p]));
        port.set_cluster(clusters.get({s, p, nullptr, settings.connect_timeout, settings.load_balancer}));
      }
    }
  }

  const Inputs& in_;
  wire::Snapshot& out_;
  Messages messages_;
  Registry registry_;
  Policies policies_;
  NetworkPolicies network_policies_;
  VirtualServices virtual_services_;
  Protocols protocols_;
  DestinationRules destination_rules_;
  std::map<std::string, uint32_t> identities_;  // SPIFFE id -> index in the snapshot
  std::vector<uint32_t> workloads_;             // by pod: 1 + index in the snapshot, 0: not there
};

}  // namespace

Compiled compile(const Inputs& inputs) {
  Compiled compiled;
  compiled.snapshot.set_generation(inputs.generation);
  compiled.snapshot.set_node_name(inputs.node_name);
  compiled.snapshot.set_trust_domain(inputs.trust_domain);
  Assembly assembly(inputs, compiled);
  assembly.run();
  compiled.messages = assembly.messages();
  return compiled;
}

std::string serialize(const wire::Snapshot& snapshot) { return deterministic_bytes(snapshot); }

}  // namespace fairlead::compile
