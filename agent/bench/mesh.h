// The bench's own node agent: its manifests, its process, the modes of the two pods, and what the product itself counts
// on each path. Main thread only; calls block.
#pragma once

#include "agent/bench/paths.h"
#include "agent/bench/process.h"
#include "agent/bench/stage.h"
#include "agent/bench/usage.h"
#include "userspace-proxy/base/error.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace fairlead::bench {

// Addresses of the services: the same server behind an HTTP port, a TCP port, and the echo server.
inline constexpr const char* kHttpService = "10.76.1.1";
inline constexpr const char* kTcpService = "10.76.1.2";
inline constexpr uint16_t kServicePort = 80, kServiceEchoPort = 81;

// Sums of the agent's metrics since it started.
struct Counters {
  uint64_t requests_source = 0, requests_destination = 0;  // istio_requests_total by reporter
  uint64_t tcp_source = 0, tcp_destination = 0;            // istio_tcp_connections_opened_total
  uint64_t kernel_path = 0, to_proxy = 0;                  // verdicts of the programs at connect()
  bool operator==(const Counters&) const = default;
};

class Mesh {
 public:
  // Writes the manifests, starts the fairlead-agent that lies beside this program, waits until all is in force.
  static Result<Mesh> start(const Stage& stage, const std::vector<int>& cpus, const Interrupt& interrupt);
  Mesh(Mesh&& other) noexcept;
  Mesh& operator=(Mesh&&) = delete;
  Mesh(const Mesh&) = delete;
  Mesh& operator=(const Mesh&) = delete;
  // SIGTERM, after ten seconds SIGKILL; then whatever is still in the kernel is removed.
  ~Mesh();

  // Returns when new connections go the new way.
  Status set_modes(const Modes& modes, const Interrupt& interrupt);
  // The client's pod alone, with nothing ended on its way: "node" or "sidecar".
  Status switch_client(std::string_view mode);
  // Ends the agent and its proxies and starts others, which have seen nothing yet. Returns when all is in force.
  Status restart_agent(const Interrupt& interrupt);
  // Kills the agent and starts that of another installation, which takes over and replaces the proxies by its own.
  // Returns when all is in force. REQUIRES: not called before.
  Status upgrade(const Interrupt& interrupt);
  // Governs these too, in this mode. Returns when that is in force.
  Status govern(std::span<const Pod> further, std::string_view mode);
  // A policy that denies the server's kTcpPort to the client, put beside the others and waited for by nobody; and taken
  // away.
  [[nodiscard]] Status forbid_client() const;
  [[nodiscard]] Status allow_client() const;
  [[nodiscard]] Result<Counters> counters() const;
  // The paths that access records since then tell ("node_http", "sidecar_outbound", ...).
  [[nodiscard]] Result<std::set<std::string>> paths_since(int64_t unix_ns) const;
  // All living proxies. `name`: "node", or the pod's.
  struct Proxy {
    std::string name;
    pid_t pid = 0;
  };
  [[nodiscard]] Result<std::vector<Proxy>> proxies() const;
  // The agent and, of these, what takes part in a path: "agent", "node-proxy", "client-sidecar", "server-sidecar".
  [[nodiscard]] Result<std::map<std::string, pid_t>> processes() const;
  [[nodiscard]] pid_t agent() const { return agent_.pid(); }
  [[nodiscard]] const std::string& version() const { return version_; }
  [[nodiscard]] const std::string& metrics_address() const { return metrics_address_; }  // HOST:PORT

 private:
  Mesh(const Stage& stage, std::vector<int> cpus);
  Status launch(const Interrupt& interrupt);
  Status await_start(const std::string& log, const Interrupt& interrupt);
  Status set_mode(std::string_view pod, std::string_view mode) const;
  Status await_end(std::string_view sidecar, const Interrupt& interrupt) const;
  [[nodiscard]] Status set_both(const Modes& modes) const;
  [[nodiscard]] Status wait() const;
  [[nodiscard]] Result<nlohmann::json> ask(const nlohmann::json& request) const;

  // Connections that are opened from now on are accelerated, or are not.
  [[nodiscard]] Status set_accelerated(bool accelerated) const;

  std::string folder_, run_dir_, plain_manifests_, accelerated_manifests_;
  std::string programs_;  // the folder that agent and proxy are started from
  std::vector<int> cpus_;
  std::string metrics_address_, version_;
  Modes modes_{"node", "node"};
  Process agent_;
};

enum class Accelerate : uint8_t { kNo, kYes };

// The manifests, one file's text: two pods, their services, and rules like a user's: a route by header, a path that is
// refused, and one identity that may call. Pure.
std::string manifests(const Stage& stage, Accelerate accelerate);
// Of pods without services.
std::string manifests(std::span<const Pod> pods, std::string_view mode);

// Counters out of Prometheus text. Pure.
Counters parse_counters(std::string_view text);

}  // namespace fairlead::bench
