// Pod (v1): where it runs, who it is, which ports it declares, and what its status says.
#include "agent/model/loaders.h"

#include <fmt/format.h>

namespace fairlead::model {

namespace {

constexpr std::string_view kNetns = "fairlead.dev/netns";

void read_ports(const Cursor& container, std::vector<ContainerPort>& ports) {
  Fields fields(container);
  for (const Cursor& item : fields["ports"].items()) {
    Fields port(item);
    ContainerPort read;
    read.name = port["name"].string(port_name);
    read.port = port.required("containerPort").port();
    if (const Cursor protocol = port["protocol"]) {
      read.protocol = protocol.word({"TCP", "UDP", "SCTP"});
    }
    ports.push_back(std::move(read));
  }
}

// An init container that always restarts runs beside the others (Kubernetes' sidecar containers), so its ports count.
void read_all_ports(Fields& spec, std::vector<ContainerPort>& ports) {
  for (const Cursor& container : spec["containers"].items()) {
    read_ports(container, ports);
  }
  for (const Cursor& container : spec["initContainers"].items()) {
    Fields fields(container);
    if (fields["restartPolicy"].string() == "Always") {
      read_ports(container, ports);
    }
  }
}

std::vector<IpAddress> read_addresses(Fields& status) {
  std::vector<IpAddress> addresses;
  const auto add = [&](const Cursor& at) {
    if (const auto address = IpAddress::parse(at.string(ip_address))) {
      addresses.push_back(*address);
    }
  };
  for (const Cursor& item : status["podIPs"].items()) {
    Fields fields(item);
    if (const Cursor ip = fields["ip"]) {
      add(ip);
    }
  }
  if (const Cursor ip = status["podIP"]; ip && addresses.empty() && !ip.string().empty()) {
    add(ip);
  }
  return addresses;
}

// A status written by hand may have an address only: then the pod counts as ready, as it does without a status.
bool is_ready(Fields& status, std::string_view phase) {
  const Cursor conditions = status["conditions"];
  for (const Cursor& item : conditions.items()) {
    Fields condition(item);
    if (condition["type"].string() == "Ready") {
      return condition["status"].string() == "True";
    }
  }
  return !conditions && (phase.empty() || phase == "Running");
}

std::vector<OwnerReference> read_owners(Fields& metadata) {
  std::vector<OwnerReference> owners;
  for (const Cursor& item : metadata["ownerReferences"].items()) {
    Fields owner(item);
    owners.push_back({owner["kind"].string(), owner["name"].string()});
  }
  return owners;
}

}  // namespace

Object load_pod(Metadata meta, Fields& object) {
  Pod pod;
  Fields metadata(object["metadata"]);
  pod.owners = read_owners(metadata);
  pod.terminating = metadata["deletionTimestamp"].present();
  for (const auto& [name, value] : metadata["annotations"].entries()) {
    if (name == kNetns) {
      pod.netns_path = value.string();
      pod.netns_origin = {meta.origin.file, value.node()->line};
      if (!pod.netns_path.starts_with('/')) {
        value.error(fmt::format("{} is not an absolute path, such as /run/netns/NAME", in_quotes(pod.netns_path)));
      }
    }
  }

  Fields spec(object["spec"]);
  pod.node_name = spec["nodeName"].string();
  const std::string former_name = spec["serviceAccount"].string();
  pod.service_account = spec["serviceAccountName"].string();
  if (pod.service_account.empty()) {
    pod.service_account = former_name.empty() ? "default" : former_name;
  }
  pod.host_network = spec["hostNetwork"].boolean();
  read_all_ports(spec, pod.ports);

  if (const Cursor at = object["status"]) {
    Fields status(at);
    const std::string phase = status["phase"].string();
    pod.ips = read_addresses(status);
    pod.ready = is_ready(status, phase);
    pod.terminating = pod.terminating || phase == "Succeeded" || phase == "Failed";
  }
  pod.meta = std::move(meta);
  return pod;
}

}  // namespace fairlead::model
