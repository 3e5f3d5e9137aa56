// TCP without HTTP: round trips, and a stream one way. Client and server are children of the bench: no program but ours
// takes part, so that the figure is the path's. Blocking sockets, TCP_NODELAY, one connection.
#pragma once

#include "agent/bench/load/running.h"
#include "agent/bench/load/target.h"

#include <chrono>
#include <cstdint>

namespace fairlead::bench {

struct TcpPlan {
  enum class Kind : uint32_t {
    kRoundTrip,  // `bytes` there and as many back; one of these is a request
    kStream,     // writes of `bytes`, as fast as they are taken; a write is a request, and its time says nothing
  } kind = Kind::kRoundTrip;
  Endpoint target;
  uint32_t bytes = 64;
  std::chrono::milliseconds duration{};
};

Result<RunningLoad> start_tcp(const TcpPlan& plan, const Place& place);
// The server of both kinds: one connection at a time. Ends with us.
Result<Process> start_tcp_server(uint16_t port, const Place& place);

}  // namespace fairlead::bench
