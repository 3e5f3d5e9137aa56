// VirtualServices of the mesh: which one owns a host, for clients of which namespace. Refers to the objects.
// One compilation, one thread.
#pragma once

#include "agent/compile/registry.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::compile {

// One host of one VirtualService.
struct BoundHost {
  const model::VirtualService* object = nullptr;
  std::string host;  // expanded, lower case; may be a wildcard
};

class VirtualServices {
 public:
  explicit VirtualServices(const Inputs& inputs);

  // The one that decides for `host` when `port` is dialled: of those that have rules for that port the most specific
  // host, then as `Visibility` orders, then the oldest. Null: none. `client` empty: a namespace without a view of its
  // own.
  [[nodiscard]] const BoundHost* owner(std::string_view host, uint16_t port, std::string_view client) const;
  // All that could own it, for one client or another.
  [[nodiscard]] std::vector<const BoundHost*> candidates(std::string_view host) const;
  // Hosts that are no service and, as wildcards, cover none: their own domains. In order, each once.
  [[nodiscard]] std::set<std::string> foreign_hosts(const Registry& registry) const;
  // Says which hosts of which objects are in vain, because another owns them for every client.
  void report_conflicts(Messages& messages) const;

 private:
  std::map<std::string, std::vector<BoundHost>, std::less<>> bound_;  // by host; of one host the oldest first
  std::vector<std::string> wildcards_;                                // keys of `bound_`
};

// Static selectors of a rule, for the mesh's sidecars and one dialled port (0: one that nothing names).
bool rule_applies(const model::HttpRoute& route, uint16_t port);
bool match_applies(const model::HttpMatch& match, uint16_t port);
// It has rules for that port.
bool has_rules(const model::VirtualService& object, uint16_t port);

}  // namespace fairlead::compile
