// `fairlead flows`: access records as JSON, and following them. Main thread only.
#pragma once

#include "agent/api/admin_socket.h"
#include "agent/broker/arenas.h"
#include "agent/flow/kernel_flows.h"
#include "agent/loop.h"

#include <nlohmann/json_fwd.hpp>

#include <list>

namespace fairlead::api {

// A record as docs/admin-socket.md has it.
nlohmann::json record_json(const telemetry::RecordOwned& record);

struct FlowsQuery {
  bool follow = false;        // what comes too, until the peer goes away
  int64_t since_unix_ns = 0;  // only what began then or later
};

// Answers "flows" requests.
class Flows {
 public:
  Flows(agent::Loop& loop, const agent_broker::Arenas& arenas, flow::KernelFlows& kernel)
      : loop_(loop), arenas_(arenas), kernel_(kernel) {}
  void answer(const FlowsQuery& query, const Answer& answer);

 private:
  struct Reader {
    Answer answer;
    int64_t since_unix_ns;
    agent_broker::Arenas::Follower proxies;
    flow::Records::Follower kernel;
  };
  void send_new(Reader& reader) const;
  void poll();

  agent::Loop& loop_;
  const agent_broker::Arenas& arenas_;
  flow::KernelFlows& kernel_;
  std::list<Reader> readers_;
  agent::Loop::Timer timer_;
};

}  // namespace fairlead::api
