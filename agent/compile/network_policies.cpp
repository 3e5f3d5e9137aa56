#include "agent/compile/network_policies.h"

#include "agent/compile/identities.h"
#include "agent/compile/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace fairlead::compile {
namespace {

namespace wire = config::wire;

constexpr const char* kNameLabel = "kubernetes.io/metadata.name";  // which every namespace has (Kubernetes 1.22)
constexpr const char* kTcp = "TCP";

// The labels of every namespace that has a pod or an object.
class Namespaces {
 public:
  explicit Namespaces(const Inputs& inputs) {
    for (const model::Namespace* ns : inputs.objects->all<model::Namespace>()) {
      labels_[ns->meta.name] = ns->meta.labels;
    }
  }
  const model::Labels& labels(const std::string& ns) {
    model::Labels& labels = labels_[ns];
    labels[kNameLabel] = ns;
    return labels;
  }

 private:
  std::map<std::string, model::Labels> labels_;
};

// Pods that no selector and no named port can tell apart. What a class is does not depend on the policies: while one
// changes, an old number never means somebody else.
struct PeerClass {
  uint32_t id = 0;
  const model::Pod* example = nullptr;
};

std::string class_text(const model::Pod& pod, const model::Labels& ns_labels) {
  std::string text = pod.meta.ns;
  const auto add_all = [&text](const model::Labels& labels) {
    text += '\n';
    for (const auto& [name, value] : labels) {
      fmt::format_to(std::back_inserter(text), "{}={}\n", name, value);
    }
  };
  add_all(ns_labels);
  add_all(pod.meta.labels);
  std::set<std::pair<std::string, uint16_t>> ports;
  for (const model::ContainerPort& port : pod.ports) {
    if (!port.name.empty() && port.protocol == kTcp) {
      ports.emplace(port.name, port.port);
    }
  }
  for (const auto& [name, number] : ports) {
    fmt::format_to(std::back_inserter(text), "{}:{}\n", name, number);
  }
  return text;
}

// Numbers every pod with an address of its own, and gives one entry per class.
std::vector<PeerClass> number_classes(const Registry& registry, Namespaces& namespaces, NetworkPolicies& out) {
  std::vector<std::string> by_pod;
  std::set<std::string> texts;
  for (const PodEntry& entry : registry.pods()) {
    const bool is_peer = !entry.ips.empty();
    by_pod.push_back(is_peer ? class_text(*entry.pod, namespaces.labels(entry.pod->meta.ns)) : "");
    if (is_peer) {
      texts.insert(by_pod.back());
    }
  }
  const auto numbers = number_identities(texts);
  std::map<uint32_t, const model::Pod*> examples;
  for (size_t i = 0; i < by_pod.size(); ++i) {
    if (!by_pod[i].empty()) {
      out.by_pod[i].peer_class = numbers.at(by_pod[i]);
      examples.emplace(out.by_pod[i].peer_class, registry.pods()[i].pod);
    }
  }
  std::vector<PeerClass> classes;
  classes.reserve(examples.size());
  for (const auto& [id, example] : examples) {
    classes.push_back({id, example});
  }
  return classes;
}

bool takes(const model::NetworkPeer& peer, const std::string& policy_ns, const model::Pod& pod,
           const model::Labels& ns_labels) {
  if (peer.block) {
    return false;
  }
  const bool in_namespace = peer.namespaces ? selects(*peer.namespaces, ns_labels) : pod.meta.ns == policy_ns;
  return in_namespace && (!peer.pods || selects(*peer.pods, pod.meta.labels));
}

class Rules {
 public:
  Rules(const std::vector<PeerClass>& classes, Namespaces& namespaces) : classes_(classes), namespaces_(namespaces) {}

  void add_ingress(const model::NetworkPolicy& policy, wire::NetworkPolicy& out) {
    for (const model::NetworkRule& rule : *policy.ingress) {
      wire::NetworkRule compiled;
      add_ports(rule.ports, compiled);
      add_peers(rule.peers, policy.meta.ns, compiled);
      keep(std::move(compiled), out.mutable_ingress());
    }
  }

  // A port's name is the destination pod's. What a block holds is addresses, which have no names: such a rule becomes
  // two, so that the kernel need not know which addresses are pods.
  void add_egress(const model::NetworkPolicy& policy, wire::NetworkPolicy& out) {
    for (const model::NetworkRule& rule : *policy.egress) {
      wire::NetworkRule compiled;
      add_ports(rule.ports, compiled);
      add_peers(rule.peers, policy.meta.ns, compiled);
      const bool is_named =
          std::ranges::any_of(compiled.ports(), [](const auto& range) { return !range.name().empty(); });
      if (is_named && !compiled.blocks().empty()) {
        wire::NetworkRule of_blocks;
        of_blocks.mutable_blocks()->Swap(compiled.mutable_blocks());
        of_blocks.set_any_port(compiled.any_port());
        for (const wire::PortRange& range : compiled.ports()) {
          if (range.name().empty()) {
            *of_blocks.add_ports() = range;
          }
        }
        keep(std::move(of_blocks), out.mutable_egress());
      }
      keep(std::move(compiled), out.mutable_egress());
    }
  }

 private:
  // Not a rule for other protocols alone.
  static void keep(wire::NetworkRule rule, google::protobuf::RepeatedPtrField<wire::NetworkRule>* out) {
    if (rule.any_port() || !rule.ports().empty()) {
      *out->Add() = std::move(rule);
    }
  }

  static void add_ports(const std::vector<model::NetworkPort>& ports, wire::NetworkRule& out) {
    out.set_any_port(ports.empty());
    for (const model::NetworkPort& port : ports) {
      if (port.protocol != kTcp) {
        continue;
      }
      wire::PortRange range;
      if (const auto* name = std::get_if<std::string>(&port.port)) {
        range.set_name(*name);
      } else if (const uint16_t first = std::get<uint16_t>(port.port); first != 0) {
        range.set_first(first);
        range.set_last(port.end_port != 0 ? port.end_port : first);
      } else {
        out.set_any_port(true);
        continue;
      }
      *out.add_ports() = std::move(range);
    }
  }

  void add_peers(const std::vector<model::NetworkPeer>& peers, const std::string& policy_ns, wire::NetworkRule& out) {
    out.set_any_peer(peers.empty());
    for (const model::NetworkPeer& peer : peers) {
      if (!peer.block) {
        continue;
      }
      wire::IpBlock& block = *out.add_blocks();
      block.set_cidr(peer.block->text());
      for (const Cidr& except : peer.except) {
        block.add_except(except.text());
      }
    }
    for (const PeerClass& each : classes_) {
      const model::Labels& ns_labels = namespaces_.labels(each.example->meta.ns);
      if (std::ranges::any_of(peers, [&](const model::NetworkPeer& peer) {
            return takes(peer, policy_ns, *each.example, ns_labels);
          })) {
        out.add_peer_classes(each.id);
      }
    }
  }

  const std::vector<PeerClass>& classes_;
  Namespaces& namespaces_;
};

}  // namespace

NetworkPolicies compile_network_policies(const Inputs& inputs, const Registry& registry) {
  NetworkPolicies out;
  out.by_pod.resize(registry.pods().size());
  const auto policies = inputs.objects->all<model::NetworkPolicy>();
  if (policies.empty()) {
    return out;
  }
  Namespaces namespaces(inputs);
  const std::vector<PeerClass> classes = number_classes(registry, namespaces, out);
  Rules rules(classes, namespaces);
  for (const model::NetworkPolicy* policy : policies) {
    std::vector<size_t> selected;
    const auto [first, last] = registry.pods_of_namespace(policy->meta.ns);
    for (size_t i = first; i < last; ++i) {
      const PodEntry& entry = registry.pods()[i];
      if (entry.meshed() && !entry.pod->host_network && selects(policy->pods, entry.pod->meta.labels)) {
        selected.push_back(i);
      }
    }
    if (selected.empty()) {
      continue;
    }
    const auto index = static_cast<uint32_t>(out.list.size());
    wire::NetworkPolicy& compiled = out.list.emplace_back();
    compiled.set_name(fmt::format("{}/{}", policy->meta.ns, policy->meta.name));
    if (policy->ingress) {
      rules.add_ingress(*policy, compiled);
    }
    if (policy->egress) {
      rules.add_egress(*policy, compiled);
    }
    for (const size_t pod : selected) {
      if (policy->ingress) {
        out.by_pod[pod].ingress.push_back(index);
      }
      if (policy->egress) {
        out.by_pod[pod].egress.push_back(index);
      }
    }
  }
  return out;
}

}  // namespace fairlead::compile
