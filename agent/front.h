// What an agent shows to the outside: the admin socket that the `fairlead` command speaks to, and its HTTP endpoints
// (docs/admin-socket.md). Reads the other parts; changes them only for `wait` and `mode`. Main thread only.
#pragma once

#include "agent/accelerator.h"
#include "agent/api/admin_socket.h"
#include "agent/api/flows.h"
#include "agent/api/http_endpoint.h"
#include "agent/api/status.h"
#include "agent/broker/fleet.h"
#include "agent/flow/kernel_flows.h"
#include "agent/kernel/datapath.h"
#include "agent/loop.h"
#include "agent/reconcile.h"
#include "agent/workload/mode_store.h"
#include "agent/workload/registry.h"
#include "userspace-proxy/base/error.h"

#include <memory>
#include <string>
#include <string_view>

namespace fairlead::agent {

class Front {
 public:
  // All outlive this object.
  struct Parts {
    Loop& loop;
    workload::Registry& registry;
    agent_broker::Fleet& fleet;
    kernel::Datapath& datapath;
    workload::ModeStore& modes;
    Accelerator& accelerator;
    Reconciler& reconciler;
    flow::KernelFlows& flows;
  };
  struct Places {
    std::string socket;
    api::ListenAddress metrics, ready, admin;
  };

  // `facts.addresses` are filled in by open().
  Front(Parts parts, api::AgentFacts facts);
  // Listens everywhere. A taken HTTP port is replaced by a free one.
  Status open(const Places& places);
  // From now on the agent is not ready any more.
  void announce_end() { ending_ = true; }

 private:
  void add_admin_requests();
  void answer_wait(const nlohmann::json& request, const api::Answer& answer);
  void answer_accelerate(const nlohmann::json& request, const api::Answer& answer);
  void answer_mode(const nlohmann::json& request, const api::Answer& answer);
  void answer_explain(const nlohmann::json& request, const api::Answer& answer);
  [[nodiscard]] api::ConfigState config_state() const;
  [[nodiscard]] nlohmann::json status() const;
  [[nodiscard]] std::string metrics() const;
  [[nodiscard]] bool is_ready() const;
  [[nodiscard]] api::HttpAnswer answer_metrics_port(std::string_view path) const;
  [[nodiscard]] api::HttpAnswer answer_ready_port(std::string_view path) const;
  [[nodiscard]] api::HttpAnswer answer_admin_port(std::string_view path) const;

  Parts parts_;
  api::AgentFacts facts_;
  api::Flows flows_;
  std::unique_ptr<api::AdminSocket> admin_socket_;
  std::unique_ptr<api::HttpEndpoint> metrics_endpoint_, ready_endpoint_, admin_endpoint_;
  bool ending_ = false;
};

}  // namespace fairlead::agent
