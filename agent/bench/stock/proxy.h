// Proxies of others that are compared with ours, one at either end of the path or one alone: what each is, how it is
// set up and how it counts. To add one: its file beside this, its path in bench/paths.h, its line in proxies.cpp. Main
// thread only.
//
// Each does the work that a mesh does, as far as the proxy can: routes by a header, refuses a path, counts, writes an
// access record. Each is given its best: kept connections without limit, records buffered, nothing that the work does
// not ask for.
#pragma once

#include "agent/bench/load/target.h"
#include "agent/bench/paths.h"
#include "agent/bench/process.h"
#include "agent/bench/stage.h"
#include "userspace-proxy/base/error.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fairlead::bench {

// One proxy's place.
struct Seat {
  const Stage& stage;
  const Pod& pod;
  std::string folder;  // the proxy's own
  std::string file;    // in it: its configuration
  uint16_t port = 0;   // where it listens in its pod
  Endpoint upstream;   // of proxies that are told where to send
  [[nodiscard]] bool is_client() const { return &pod == &stage.client(); }
};

enum class Counted : uint8_t { kRequests, kConnections };

struct StockProxy {
  Path pair;
  std::optional<Path> hop;  // one alone, at the client
  const char* program;      // as it is looked up in PATH
  const char* variable;     // of the environment: its path, before PATH is asked; null: none
  const char* where_from;   // what a report says when it is not there
  const char* version_option;
  // Where it listens in a pod, as one of a pair; alone, one port further. 0: it takes connections that go to the
  // server, and `capture` makes them.
  uint16_t port;
  Counted counted;

  // Its configuration: how the file is called, which tells some of them the format, and its text.
  const char* file;
  std::string (*config)(const Seat& seat);
  std::vector<std::string> (*command)(const Seat& seat, const std::string& program);
  // So far. An error as long as it has not started.
  Result<uint64_t> (*count)(const Seat& seat, const Interrupt& interrupt);
  // Begins or ceases to send the pod's connections to it. Null where the client is told the proxy's port.
  Status (*capture)(const Seat& seat, bool is_on, const Interrupt& interrupt);
};

extern const StockProxy kNginx, kHaproxy, kEnvoy, kZtunnel;

std::span<const StockProxy* const> stock_proxies();
// Null: the path has none of these.
const StockProxy* stock_proxy(Path path);
// Its program; empty: it is not on this machine.
std::string program_of(const StockProxy& proxy);

}  // namespace fairlead::bench
