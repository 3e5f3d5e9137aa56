// Memory by pods and by connections (bench/run.h).
#include "agent/bench/memory.h"

#include "agent/bench/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>

namespace fairlead::bench {
namespace {

using std::chrono::milliseconds;

constexpr unsigned kOwnPods = 2;
constexpr std::array kFurtherPods = {0U, 10U, 25U, 50U};
constexpr std::array kConnections = {0U, 100U, 1000U};
constexpr milliseconds kRest(500);

uint64_t pss_of(pid_t pid) { return memory_of(pid).value_or(Memory()).pss_kib; }

Status note_pods(Run& run, const std::string& mode, unsigned further) {
  Mesh& mesh = run.rig.mesh();
  run.progress.line(fmt::format("memory of {} pods in {} mode", kOwnPods + further, mode));
  const auto pods = run.rig.stage().further_pods(further, run.interrupt);
  if (!pods) {
    return std::unexpected(pods.error());
  }
  if (const Status governed = mesh.govern(*pods, mode); !governed) {
    return governed;
  }
  if (const Status rested = run.interrupt.sleep(kRest); !rested) {
    return rested;
  }
  const auto proxies = mesh.proxies();
  if (!proxies) {
    return std::unexpected(proxies.error());
  }
  uint64_t proxies_kib = 0;
  for (const Mesh::Proxy& proxy : *proxies) {
    proxies_kib += pss_of(proxy.pid);
  }
  run.report.memory_by_pods.push_back(
      {.mode = mode, .pods = kOwnPods + further, .agent_kib = pss_of(mesh.agent()), .proxies_kib = proxies_kib});
  return {};
}

// Each mode with an agent that has not seen the other: memory that was once used does not all come back.
Status grow_pods(Run& run) {
  for (const Path path : {Path::kNodeHttp, Path::kSidecarPair}) {
    if (const Status restarted = run.rig.mesh().restart_agent(run.interrupt); !restarted) {
      return restarted;
    }
    if (const Status entered = run.rig.enter(path); !entered) {
      return entered;
    }
    for (const unsigned further : kFurtherPods) {
      if (const Status noted = note_pods(run, std::string(modes_of(path).client), further); !noted) {
        return noted;
      }
    }
    if (const Status left = run.rig.mesh().govern({}, "node"); !left) {
      return left;
    }
  }
  return {};
}

Status note_connections(Run& run, Path path, unsigned connections) {
  run.progress.line(fmt::format("memory of {} connections, {}", connections, name_of(path)));
  if (const Status rested = run.interrupt.sleep(kRest); !rested) {
    return rested;
  }
  const auto before = tcp_sockets_kib();
  const auto held = run.rig.hold(path, connections);
  if (!held) {
    return std::unexpected(held.error());
  }
  if (const Status rested = run.interrupt.sleep(kRest); !rested) {
    return rested;
  }
  const auto after = tcp_sockets_kib();
  uint64_t proxies_kib = 0;
  for (const pid_t pid : run.rig.proxies_of(path)) {
    proxies_kib += pss_of(pid);
  }
  const auto grown = before && after ? std::optional(*after - std::min(*before, *after)) : std::nullopt;
  run.report.memory_by_connections.push_back({.path = path,
                                              .connections = connections,
                                              .proxies_kib = proxies_kib,
                                              .socket_kib = connections == 0 ? std::optional(uint64_t{0}) : grown});
  return {};
}

}  // namespace

Status measure_memory(Run& run) {
  for (const Path path : run.options.paths) {
    const Status entered = run.rig.enter(path);
    for (const unsigned connections : kConnections) {
      const Status noted = entered ? note_connections(run, path, connections) : entered;
      if (noted) {
        continue;
      }
      if (const Status named = run.failed({path, {.connections = connections}}, noted.error()); !named) {
        return named;
      }
      break;  // more of them would fail too
    }
  }
  return grow_pods(run);
}

}  // namespace fairlead::bench
