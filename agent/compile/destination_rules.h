// DestinationRules: which one a client of a namespace gets for a service. Refers to the objects; any thread once built.
#pragma once

#include "agent/compile/compile.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::compile {

// What the rules that apply say together.
struct DestinationSettings {
  std::vector<const model::Subset*> subsets;
  std::chrono::milliseconds connect_timeout{0};  // 0: not given
  std::optional<model::LoadBalancer> load_balancer = std::nullopt;

  [[nodiscard]] const model::Subset* subset(std::string_view name) const;
};

class DestinationRules {
 public:
  explicit DestinationRules(const Inputs& inputs);

  // The client's namespace, then the service's, then the root namespace, each by the most specific host; rules of one
  // namespace for one host are merged, the oldest first. `client` empty: a namespace without a view of its own.
  [[nodiscard]] DestinationSettings find(std::string_view host, std::string_view service_ns,
                                         std::string_view client) const;
  // Namespaces whose clients may get other settings for `host` than the rest.
  [[nodiscard]] std::vector<std::string> client_namespaces(std::string_view host) const;

 private:
  struct Rule {
    const model::DestinationRule* object;
    std::string host;
  };
  [[nodiscard]] std::optional<DestinationSettings> of_namespace(std::string_view ns, std::string_view host,
                                                                std::string_view client) const;

  std::vector<Rule> rules_;  // the oldest first
  std::string root_namespace_;
};

}  // namespace fairlead::compile
