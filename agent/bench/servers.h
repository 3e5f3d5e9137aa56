// The applications of the bench: nginx as the server, and stock nginx or HAProxy as the sidecars of a pair to compare
// with. Each is one process with a private configuration in the bench's folder. Main thread only.
//
// A pair does the work that a mesh does: each proxy routes by a header, refuses a path, counts, and writes an access
// record. Both are given their best: kept connections without limit, HAProxy's log in a
// ring in memory, nginx's buffered.
#pragma once

#include "agent/bench/load/target.h"
#include "agent/bench/paths.h"
#include "agent/bench/process.h"
#include "agent/bench/stage.h"
#include "userspace-proxy/base/error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace fairlead::bench {

inline constexpr uint16_t kHttpPort = 8080, kTcpPort = 9000;  // of the server: the same pages at both
inline constexpr uint16_t kEchoPort = 9001;
// Where a body of that size is: "/", "/10k", "/1m".
std::string page_of(unsigned bytes);

// nginx in the server's pod.
Result<Process> start_server(const Stage& stage, const std::vector<int>& cpus, const Interrupt& interrupt);

// One pair of stock proxies.
class StockPair {
 public:
  enum class Kind { kNginx, kHaproxy };
  static Result<StockPair> start(Kind kind, const Stage& stage, const std::vector<int>& cpus,
                                 const Interrupt& interrupt);

  // Where the client's proxy listens, inside the client's pod.
  [[nodiscard]] Endpoint entrance() const;
  // Requests that either proxy has answered so far, by its own count.
  [[nodiscard]] Result<std::vector<uint64_t>> counts() const;
  [[nodiscard]] const std::vector<Process>& processes() const { return processes_; }
  // Empties the access logs that are files.
  void empty_logs() const;

 private:
  explicit StockPair(Kind kind) : kind_(kind) {}

  Kind kind_;
  std::vector<Process> processes_;
  std::vector<std::string> sockets_;  // where each tells its counts
  std::vector<std::string> logs_;
};

}  // namespace fairlead::bench
