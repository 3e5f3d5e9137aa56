// `fairlead flows`: access records as JSON, and following them. Main thread only.
#pragma once

#include "agent/api/admin_socket.h"
#include "agent/broker/arenas.h"
#include "agent/loop.h"

#include <nlohmann/json_fwd.hpp>

#include <list>

namespace fairlead::api {

// A record as docs/admin-socket.md has it.
nlohmann::json record_json(const telemetry::RecordOwned& record);

// Answers "flows" requests: what is there, and with {"follow": true} what comes, until the peer goes away.
class Flows {
 public:
  Flows(agent::Loop& loop, const agent_broker::Arenas& arenas) : loop_(loop), arenas_(arenas) {}
  void answer(bool follow, const Answer& answer);

 private:
  struct Reader {
    Answer answer;
    agent_broker::Arenas::Follower follower;
  };
  void send_new(Reader& reader) const;
  void poll();

  agent::Loop& loop_;
  const agent_broker::Arenas& arenas_;
  std::list<Reader> readers_;
  agent::Loop::Timer timer_;
};

}  // namespace fairlead::api
