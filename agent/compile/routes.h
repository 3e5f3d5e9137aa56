// VirtualServices as the snapshot's virtual hosts and route tables. Static selectors (port, gateways) are decided here;
// what depends on the client stays a condition, or becomes a virtual host for that client's namespace.
// One compilation, one thread.
#pragma once

#include "agent/compile/clusters.h"
#include "agent/compile/destination_rules.h"
#include "agent/compile/ports.h"
#include "agent/compile/virtual_services.h"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace fairlead::compile {

struct RouteInputs {
  const Inputs& inputs;
  const Registry& registry;
  const Protocols& protocols;
  const VirtualServices& virtual_services;
  const DestinationRules& destination_rules;
};

// Adds virtual hosts, route tables and the subsets' clusters to the snapshot.
class Routes {
 public:
  Routes(const RouteInputs& inputs, Clusters& clusters, config::wire::Snapshot& out, Messages& messages)
      : in_(inputs), clusters_(clusters), out_(out), messages_(messages) {}

  void compile();

 private:
  // Serialized route tables by dialled port; 0: any port that has none of its own.
  using PortTables = std::map<uint16_t, std::string>;
  // For whom a table is made. `client` empty: every namespace that has no view of its own.
  struct View {
    const model::VirtualService& object;
    uint16_t port = 0;
    std::string client;
  };

  void compile_host(const std::string& host, const std::set<uint16_t>& ports);
  PortTables tables_for(const std::string& host, const std::set<uint16_t>& ports, const std::string& client);
  void add_virtual_hosts(const std::string& domain, const std::string& client, const PortTables& tables);
  [[nodiscard]] std::set<std::string> client_namespaces(const std::string& host) const;
  [[nodiscard]] std::set<uint16_t> distinguished_ports(const std::string& host) const;
  [[nodiscard]] std::optional<size_t> service_of(const model::Destination& destination,
                                                 const model::VirtualService& object) const;
  // Serialized.
  std::string table(const View& view);
  void forward(const model::HttpRoute& rule, const View& view, config::wire::ForwardAction& out);
  // 1 + index; 0: the destination does not exist.
  uint32_t cluster(const model::Destination& destination, const View& view);

  const RouteInputs& in_;
  Clusters& clusters_;
  config::wire::Snapshot& out_;
  Messages& messages_;
  std::map<std::string, uint32_t> interned_;  // serialized table -> index in the snapshot
};

}  // namespace fairlead::compile
