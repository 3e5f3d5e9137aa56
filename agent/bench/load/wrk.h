// One slice of load from the client's pod, and what came of it. Closed loops: the time per request on one core is
// everybody's work for it; the percentiles are those of a closed loop too and say nothing about a schedule of arrivals.
// Main thread only.
#pragma once

#include "agent/bench/process.h"
#include "userspace-proxy/base/error.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace fairlead::bench {

// What one slice gave.
struct Sample {
  uint64_t requests = 0;  // answered as expected; 0: the slice was too short on this machine, and nothing else is set
  double us_per_request = 0;
  double p50_us = 0, p99_us = 0;
  double client_cpu_us = 0;  // of the client process, user and system
};

struct Slice {
  Place place;
  std::chrono::milliseconds duration;
  // Called in the middle of it. May be empty. What it does costs the CPU that is measured.
  std::function<void()> in_the_middle;
};

// wrk on one thread. `script` is a file with kWrkScript. A request that failed, or was not answered by 2xx or 3xx, is
// an error that counts them: no figure is made of such a slice. wrk looks ten times a second whether it is to end.
struct WrkLoad {
  std::string script, url;
  unsigned connections = 1;
};
Result<Sample> run_wrk(const WrkLoad& load, const Slice& slice, const Interrupt& interrupt);

// The authority that every request names, whatever address it goes to: the same bytes on every path.
inline constexpr const char* kAuthority = "web-http";
// Makes wrk tell its figures as JSON on its last line.
extern const char* const kWrkScript;

// A TCP round trip: 64 bytes there and 64 back, one connection, TCP_NODELAY, blocking sockets.
struct Endpoint {
  std::string address;
  uint16_t port = 0;
};
Result<Sample> run_round_trips(const Endpoint& target, const Slice& slice, const Interrupt& interrupt);
// Its server: answers on every connection, one at a time, what it gets. Ends with us.
Result<Process> start_echo(uint16_t port, const Place& place);

// Out of what wrk wrote. Pure.
Result<Sample> parse_wrk(std::string_view output);

}  // namespace fairlead::bench
