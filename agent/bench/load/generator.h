// The bench's own load generator for HTTP/1.1: one thread, many connections, in the client's pod.
//
// Open loop: requests are due at a constant rate, and a request's time counts from when it was due, whether or not a
// connection was free for it: whoever stalls the load pays for all that was due meanwhile (no coordinated omission).
// Any free connection takes the request that is due longest. Closed loop (rate 0): each connection sends when its
// answer has come, and the time counts from the sending.
//
// Main thread only; the process must have no other thread (the generator is a child made by fork).
#pragma once

#include "agent/bench/load/running.h"
#include "agent/bench/load/target.h"

#include <chrono>
#include <string>

namespace fairlead::bench {

struct HttpPlan {
  Endpoint target;
  std::string request{};  // the bytes of each request, sent as they are
  unsigned connections = 1;
  double rate = 0;                           // requests per second; 0: closed loop
  std::chrono::milliseconds duration{};      // of the schedule
  std::chrono::milliseconds patience{5000};  // for answers that are still to come when the schedule is over
  bool new_connections = false;              // one per request; the request should say "Connection: close"
  unsigned requests_per_connection = 0;  // then it is closed, and a new one is opened when it is needed; 0: no limit
  // Each request is kept, and a failed one is counted, its connection replaced. Without this the first failure ends
  // the load with an error. Open loop only.
  bool keeps_requests = false;
};

Result<RunningLoad> start_http(const HttpPlan& plan, const Place& place);

}  // namespace fairlead::bench
