#include "agent/bench/mesh.h"

#include "agent/bench/ask.h"
#include "agent/bench/servers.h"
#include "agent/ctl/client.h"
#include "agent/host/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>

namespace fairlead::bench {
namespace {

using nlohmann::json;

constexpr int64_t kWaitMs = 20'000;

// A port on the host that others use is none of ours: the kernel chooses, `status` tells.
std::vector<std::string> agent_command(const std::string& program, const std::string& config,
                                       const std::string& run_dir) {
  return {program,       "--config",        config,       "--run-dir",         run_dir,       "--node-name",
          "bench",       "--log-level",     "warn",       "--metrics-address", "127.0.0.1:0", "--ready-address",
          "127.0.0.1:0", "--admin-address", "127.0.0.1:0"};
}

Endpoint endpoint_of(const std::string& address) {
  const size_t colon = address.rfind(':');
  Endpoint endpoint{address.substr(0, colon), 0};
  std::from_chars(address.data() + colon + 1, address.data() + address.size(), endpoint.port);
  return endpoint;
}

std::string warnings_of(const json& answer) {
  std::string lines;
  for (const char* kind : {"missing", "warnings"}) {
    for (const json& line : answer.value(kind, json::array())) {
      lines += (lines.empty() ? "" : "; ") + line.get<std::string>();
    }
  }
  return lines;
}

}  // namespace

Counters parse_counters(std::string_view text) {
  Counters counters;
  const auto has = [](std::string_view line, std::string_view part) { return line.find(part) != line.npos; };
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto value =
        static_cast<uint64_t>(std::strtod(std::string(line.substr(line.rfind(' ') + 1)).c_str(), nullptr));
    const bool is_source = has(line, "reporter=\"source\"");
    if (line.starts_with("istio_requests_total{")) {
      (is_source ? counters.requests_source : counters.requests_destination) += value;
    } else if (line.starts_with("istio_tcp_connections_opened_total{")) {
      (is_source ? counters.tcp_source : counters.tcp_destination) += value;
    } else if (line.starts_with("fairlead_kernel_connections_total{")) {
      counters.kernel_path += has(line, "reason=\"kernel_path\"") ? value : 0;
      counters.to_proxy += has(line, "reason=\"to_proxy\"") ? value : 0;
    }
  }
  return counters;
}

Mesh::Mesh(const Stage& stage, std::vector<int> cpus)
    : folder_(stage.folder()),
      run_dir_(stage.run_dir()),
      plain_manifests_(manifests(stage, Accelerate::kNo)),
      accelerated_manifests_(manifests(stage, Accelerate::kYes)),
      cpus_(std::move(cpus)) {}
Mesh::Mesh(Mesh&& other) noexcept = default;

Result<Mesh> Mesh::start(const Stage& stage, const std::vector<int>& cpus, const Interrupt& interrupt) {
  const std::string config = stage.folder() + "/config";
  if (const Status made = host::make_folder(config); !made) {
    return std::unexpected(made.error());
  }
  Mesh mesh(stage, cpus);
  if (const Status written = mesh.set_accelerated(false); !written) {
    return std::unexpected(written.error());
  }
  std::error_code ignored;
  mesh.programs_ = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string();
  if (const Status launched = mesh.launch(interrupt); !launched) {
    return std::unexpected(launched.error());
  }
  return mesh;
}

Status Mesh::launch(const Interrupt& interrupt) {
  const std::string program = programs_ + "/fairlead-agent";
  const std::string log = folder_ + "/agent.log";
  const Fd output(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!output) {
    return fail_sys(log);
  }
  auto agent = Process::exec(agent_command(program, folder_ + "/config", run_dir_), {.netns = {}, .cpus = cpus_},
                             {.input = -1, .output = output.get()});
  if (!agent) {
    return std::unexpected(agent.error());
  }
  agent_ = std::move(*agent);
  return await_start(log, interrupt);
}

Status Mesh::restart_agent(const Interrupt& interrupt) {
  agent_.signal(SIGTERM);
  agent_.await();
  return launch(interrupt);
}

// Another file is another version to an agent, whatever is in it.
Status Mesh::upgrade(const Interrupt& interrupt) {
  const std::string installed = folder_ + "/upgrade";
  if (const Status made = host::make_folder(installed); !made) {
    return made;
  }
  for (const char* name : {"/fairlead-agent", "/fairlead-proxy"}) {
    std::error_code error;
    if (!std::filesystem::copy_file(programs_ + name, installed + name, error)) {
      return fail(fmt::format("{}: {}", installed + name, error.message()));
    }
  }
  programs_ = installed;
  agent_.signal(SIGKILL);
  agent_.await();
  return launch(interrupt);
}

Status Mesh::switch_client(std::string_view mode) {
  if (const Status set = set_mode("pod/bench/client", mode); !set) {
    return set;
  }
  modes_.client = mode == "sidecar" ? "sidecar" : "node";
  return wait();
}

Status Mesh::await_start(const std::string& log, const Interrupt& interrupt) {
  while (!ctl::Client::connect(run_dir_)) {
    if (!agent_.is_running()) {
      const auto told = host::read_file(log);
      return fail(fmt::format("fairlead-agent has ended: {}", told ? last_line(*told) : ""));
    }
    if (const Status slept = interrupt.sleep(std::chrono::milliseconds(20)); !slept) {
      return slept;
    }
  }
  if (const Status waited = wait(); !waited) {
    return waited;
  }
  const auto answer = ask({{"op", "status"}});
  if (!answer) {
    return std::unexpected(answer.error());
  }
  const json& status = (*answer)["status"];
  metrics_address_ = status["addresses"].value("metrics", "");
  version_ = status.value("version", "");
  return {};
}

Mesh::~Mesh() {
  constexpr std::chrono::seconds kGrace(10);
  agent_.end(kGrace);  // what a killed one leaves, the stage's sweep takes
}

Result<json> Mesh::ask(const json& request) const { return ctl::ask(run_dir_, request); }

Status Mesh::wait() const {
  const auto answer = ask({{"op", "wait"}, {"timeout_ms", kWaitMs}});
  if (!answer) {
    return std::unexpected(answer.error());
  }
  // These are our own manifests: a word about any of them says that something else is measured than meant.
  if (const std::string lines = warnings_of(*answer); !lines.empty()) {
    return fail("the configuration is not in force as it should: " + lines);
  }
  return {};
}

Status Mesh::set_mode(std::string_view pod, std::string_view mode) const {
  const auto answer = ask({{"op", "mode"}, {"target", pod}, {"mode", mode}});
  return answer ? Status() : std::unexpected(answer.error());
}

Status Mesh::await_end(std::string_view sidecar, const Interrupt& interrupt) const {
  const Clock::time_point until = Clock::now() + std::chrono::milliseconds(kWaitMs);
  while (true) {
    const auto running = processes();
    if (!running || !running->contains(std::string(sidecar))) {
      return running ? Status() : std::unexpected(running.error());
    }
    if (Clock::now() > until) {
      return fail(fmt::format("the {}, drained, has not ended", sidecar));
    }
    if (const Status slept = interrupt.sleep(std::chrono::milliseconds(20)); !slept) {
      return slept;
    }
  }
}

Status Mesh::set_both(const Modes& modes) const {
  for (const auto& [pod, mode] : {std::pair("pod/bench/client", modes.client), {"pod/bench/server", modes.server}}) {
    if (const Status set = set_mode(pod, mode); !set) {
      return set;
    }
  }
  return wait();
}

// A switch of the server resets no connection: those that the client's sidecar keeps for its next requests would go on
// leading to whoever served the server before, so it ends first, and a new one has none. What a drained sidecar does
// until it ends is no work of the path that is measured next either. Both end together: the agent waits for half a
// second before it drains.
Status Mesh::set_modes(const Modes& modes, const Interrupt& interrupt) {
  if (modes == modes_) {
    return {};
  }
  const Modes before = modes_;
  if (modes.accelerated != before.accelerated) {
    if (const Status written = set_accelerated(modes.accelerated); !written) {
      return written;
    }
  }
  if (const Status set = set_both({before.client == "sidecar" ? "off" : modes.client, modes.server}); !set) {
    return set;
  }
  modes_ = modes;
  if (before.client == "sidecar") {
    if (const Status ended = await_end("client-sidecar", interrupt); !ended) {
      return ended;
    }
  }
  if (modes.server != "sidecar") {
    if (const Status ended = await_end("server-sidecar", interrupt); !ended) {
      return ended;
    }
  }
  return before.client == "sidecar" && modes.client != "off" ? set_both(modes) : Status();
}

Status Mesh::set_accelerated(bool accelerated) const {
  return host::replace_file(folder_ + "/config/bench.yaml", accelerated ? accelerated_manifests_ : plain_manifests_);
}

Status Mesh::govern(std::span<const Pod> further, std::string_view mode) {
  const Status written = host::replace_file(folder_ + "/config/further.yaml", manifests(further, mode));
  return written ? wait() : written;
}

Status Mesh::forbid_client() const {
  constexpr std::string_view kPolicy = R"(apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: forbidden, namespace: bench}}
spec:
  selector: {{matchLabels: {{app: server}}}}
  action: DENY
  rules:
  - from:
    - source: {{principals: [cluster.local/ns/bench/sa/client]}}
    to:
    - operation: {{ports: ["{port}"]}}
)";
  return host::replace_file(folder_ + "/config/forbidden.yaml", fmt::format(kPolicy, fmt::arg("port", kTcpPort)));
}

Status Mesh::allow_client() const {
  std::error_code ignored;
  std::filesystem::remove(folder_ + "/config/forbidden.yaml", ignored);
  return wait();
}

Result<Counters> Mesh::counters() const {
  const auto text = http_get(endpoint_of(metrics_address_), "/stats/prometheus");
  return text ? Result<Counters>(parse_counters(*text)) : std::unexpected(text.error());
}

Result<std::set<std::string>> Mesh::paths_since(int64_t unix_ns) const {
  auto client = ctl::Client::connect(run_dir_);
  if (!client) {
    return std::unexpected(client.error());
  }
  std::set<std::string> paths;
  const auto answer = client->ask({{"op", "flows"}, {"since_unix_ns", unix_ns}}, [&](const json& line) {
    if (const auto record = line.find("record"); record != line.end()) {
      paths.insert(record->value("path", ""));
    }
  });
  return answer ? Result<std::set<std::string>>(std::move(paths)) : std::unexpected(answer.error());
}

Result<std::vector<Mesh::Proxy>> Mesh::proxies() const {
  const auto answer = ask({{"op", "status"}});
  if (!answer) {
    return std::unexpected(answer.error());
  }
  std::vector<Proxy> found;
  for (const json& proxy : (*answer)["status"].value("proxies", json::array())) {
    if (const auto pid = proxy.value("pid", pid_t{0}); pid > 0) {
      found.push_back({proxy.value("name", ""), pid});
    }
  }
  return found;
}

Result<std::map<std::string, pid_t>> Mesh::processes() const {
  const auto proxies = this->proxies();
  if (!proxies) {
    return std::unexpected(proxies.error());
  }
  std::map<std::string, pid_t> found = {{"agent", agent_.pid()}};
  for (const auto& [name, pid] : *proxies) {
    for (const auto& [proxy, role] :
         {std::pair("node", "node-proxy"), {"bench/client", "client-sidecar"}, {"bench/server", "server-sidecar"}}) {
      if (name == proxy) {
        found.try_emplace(role, pid);  // those that drain come after their successors
      }
    }
  }
  return found;
}

}  // namespace fairlead::bench
