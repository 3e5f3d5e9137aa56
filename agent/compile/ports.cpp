#include "agent/compile/ports.h"

#include "agent/compile/names.h"
#include "agent/compile/protocol.h"

#include <fmt/format.h>

namespace fairlead::compile {
namespace {

using config::Protocol;

class Resolver {
 public:
  Resolver(const PortInputs& inputs, Messages& messages) : in_(inputs), messages_(messages) {}

  Protocols run() {
    declare_service_ports();
    do {
      derive_pod_ports();
    } while (lift_service_ports());
    judge_http2();
    return std::move(out_);
  }

 private:
  // The first policy with HTTP rules for that port of that pod; null: none.
  const std::string* http_policy(size_t pod, uint16_t port) const {
    for (const uint32_t index : in_.policies.by_pod[pod]) {
      if (selects_http(in_.policies.list[index], port)) {
        return &in_.policies.objects[index];
      }
    }
    return nullptr;
  }

  const model::VirtualService* http_rules(const ServiceEntry& service, uint16_t port) const {
    for (const BoundHost* bound : in_.virtual_services.candidates(service.host)) {
      if (has_rules(*bound->object, port)) {
        return bound->object;
      }
    }
    return nullptr;
  }

  void declare_service_ports() {
    for (const ServiceEntry& service : in_.registry.services()) {
      std::vector<Protocol>& ports = out_.services.emplace_back();
      for (const ServicePortEntry& port : service.ports) {
        Protocol protocol = port.declared.value_or(Protocol::kUndeclared);
        if (port.declared == Protocol::kUndeclared) {
          if (const auto* rules = http_rules(service, port.spec->port)) {
            protocol = Protocol::kHttp;
            tell_treated_as_http(service, *port.spec,
                                 fmt::format("VirtualService/{}/{}", rules->meta.ns, rules->meta.name));
          }
        }
        ports.push_back(protocol);
      }
    }
  }

  void tell_treated_as_http(const ServiceEntry& service, const model::ServicePort& port, const std::string& selector) {
    messages_.add(
        code::kTreatedAsHttp, model::Severity::kInfo, {"Service", service.service->meta},
        fmt::format("port {} declares no protocol and {} has HTTP rules for it: it is taken for HTTP/1.1; name "
                    "it http-..., or set appProtocol",
                    port.port, selector));
  }

  // The union of the services that target a port, then the container port's name, then HTTP rules.
  void derive_pod_ports() {
    out_.pods.assign(in_.registry.pods().size(), {});
    for (size_t s = 0; s < in_.registry.services().size(); ++s) {
      const ServiceEntry& service = in_.registry.services()[s];
      for (size_t p = 0; p < service.ports.size(); ++p) {
        if (!service.ports[p].declared) {
          continue;
        }
        for (const Target& target : service.ports[p].targets) {
          PodPort& port = out_.pods[target.pod][target.port];
          port.protocol = stronger(port.protocol, out_.services[s][p]);
          if (!port.service || older(service.service->meta, in_.registry.services()[*port.service].service->meta)) {
            port.service = s;
          }
        }
      }
    }
    for (size_t i = 0; i < out_.pods.size(); ++i) {
      name_container_ports(i);
    }
  }

  void name_container_ports(size_t pod) {
    const model::Pod& object = *in_.registry.pods()[pod].pod;
    auto& ports = out_.pods[pod];
    for (const model::ContainerPort& container : object.ports) {
      const auto declared = declared_protocol({container.protocol, "", container.name, container.port});
      if (!declared) {
        continue;
      }
      PodPort& port = ports[container.port];
      if (port.protocol == Protocol::kUndeclared) {
        port.protocol = *declared;
      }
    }
    for (auto& [number, port] : ports) {
      const std::string* const policy = port.protocol == Protocol::kUndeclared ? http_policy(pod, number) : nullptr;
      if (policy != nullptr) {
        port.protocol = Protocol::kHttp;
        messages_.add(
            code::kTreatedAsHttp, model::Severity::kInfo, {"Pod", object.meta},
            fmt::format("port {} declares no protocol and {} has HTTP rules for it: it is taken for HTTP/1.1; "
                        "name it http-..., or set appProtocol on the Service",
                        number, *policy));
      }
    }
    std::erase_if(ports, [](const auto& entry) {
      return entry.second.protocol == Protocol::kUndeclared && !entry.second.service;
    });
  }

  // An undeclared service port in front of a pod port whose HTTP rules have to be judged goes the same way. True: some
  // port changed, which may change other pods' ports.
  bool lift_service_ports() {
    bool changed = false;
    for (size_t s = 0; s < in_.registry.services().size(); ++s) {
      const ServiceEntry& service = in_.registry.services()[s];
      for (size_t p = 0; p < service.ports.size(); ++p) {
        if (service.ports[p].declared != Protocol::kUndeclared || out_.services[s][p] != Protocol::kUndeclared) {
          continue;
        }
        for (const Target& target : service.ports[p].targets) {
          if (out_.pods[target.pod].at(target.port).protocol == Protocol::kHttp &&
              http_policy(target.pod, target.port) != nullptr) {
            out_.services[s][p] = Protocol::kHttp;
            changed = true;
            break;
          }
        }
      }
    }
    return changed;
  }

  void tell_refused(const Subject& subject, uint16_t port, const std::string& selector) {
    messages_.add(
        code::kHttp2Refused, model::Severity::kWarning, subject,
        fmt::format("port {} declares HTTP/2 or gRPC and {} has HTTP rules for it: HTTP/2 is not judged yet, so "
                    "connections to it are refused",
                    port, selector));
  }

  void judge_http2() {
    for (size_t i = 0; i < out_.pods.size(); ++i) {
      for (auto& [number, port] : out_.pods[i]) {
        const std::string* const policy = port.protocol == Protocol::kHttp2 ? http_policy(i, number) : nullptr;
        if (policy != nullptr) {
          port.refuse_opaque = true;
          tell_refused({"Pod", in_.registry.pods()[i].pod->meta}, number, *policy);
        }
      }
    }
    for (size_t s = 0; s < in_.registry.services().size(); ++s) {
      const ServiceEntry& service = in_.registry.services()[s];
      for (size_t p = 0; p < service.ports.size(); ++p) {
        const uint16_t number = service.ports[p].spec->port;
        const auto* rules = out_.services[s][p] == Protocol::kHttp2 ? http_rules(service, number) : nullptr;
        if (rules != nullptr) {
          tell_refused({"Service", service.service->meta}, number,
                       fmt::format("VirtualService/{}/{}", rules->meta.ns, rules->meta.name));
        }
      }
    }
  }

  const PortInputs& in_;
  Messages& messages_;
  Protocols out_;
};

}  // namespace

Protocols resolve_protocols(const PortInputs& inputs, Messages& messages) { return Resolver(inputs, messages).run(); }

}  // namespace fairlead::compile
