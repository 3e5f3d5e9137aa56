// All proxies of a node: one for the pods in node mode, and one sidecar per pod in sidecar mode, those that drain
// included. Decides which proxy serves what, and which of those that an agent before us left go on; class Proxy does
// the rest. Main thread only.
#pragma once

#include "agent/broker/arenas.h"
#include "agent/broker/proxy.h"
#include "agent/broker/snapshot_file.h"
#include "agent/loop.h"
#include "agent/workload/registry.h"
#include "agent/workload/sockets.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace fairlead::agent_broker {

class Fleet {
 public:
  // What all proxies of the fleet have in common. `settings.workers` is for the node proxy; a sidecar has one.
  Fleet(agent::Loop& loop, const ProxySettings& settings, workload::SocketMaker& sockets, workload::Registry& registry);

  // Called, from the loop, whenever an answer of has_applied(), missing() and the like may have changed. It may call
  // everything here.
  void on_progress(std::function<void()> callback) { progress_ = std::move(callback); }

  // Adopts or starts the node proxy. `survivors`, the newest first: sidecars among them are adopted as attend() meets
  // their pods. Their listeners are to be told to the registry before its first reconcile (Registry::expect).
  void start(std::vector<Survivor> survivors);
  // A worker of the process `pid` has come to its new agent. False: no living proxy of ours has that pid.
  bool attach(pid_t pid, Fd socket);
  // Brings proxies and listeners in line with the registry: every pod that wants a sidecar has one, every proxy has its
  // pods' listeners. Drains nobody. Errors of a pod are kept as its problem.
  void attend();
  void publish(const SnapshotFile& snapshot);
  // The pod's namespace is gone: its sidecar ends, every proxy closes what it has in there.
  void forget(const workload::LocalPod& gone);
  // Drains the sidecars of pods that are not in sidecar mode any more. To be called once the kernel sends them nothing
  // new; connections that it sent before are still accepted, since the order goes out only after kBeforeDrain.
  void retire_sidecars();
  // Ends everything: SIGTERM, and after `patience` SIGKILL. `done` is called when no process is left.
  void end_all(std::chrono::milliseconds patience, std::function<void()> done);

  // The sidecar of a pod runs and has a configuration: what is redirected to it is accepted.
  [[nodiscard]] bool sidecar_serves(uint64_t netns) const;
  // Some worker of some proxy still judges by a configuration older than this one.
  [[nodiscard]] bool judges_by_older_than(uint64_t generation) const;
  // What keeps `generation` from being in force in every worker of every proxy, one line each; none: nothing does.
  [[nodiscard]] std::vector<std::string> missing(uint64_t generation) const;

  [[nodiscard]] ProxyCounts counts() const;
  [[nodiscard]] const Arenas& arenas() const { return arenas_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Proxy>>& proxies() const { return proxies_; }

 private:
  // What may still be on its way into an accept queue when the kernel has been switched: a handshake over loopback.
  static constexpr std::chrono::milliseconds kBeforeDrain{500};
  static constexpr std::chrono::milliseconds kPatienceWithoutPod{300};
  // For a proxy of another build to come to its new agent: its connections need sockets until they end.
  static constexpr std::chrono::milliseconds kTimeToCome{1500};

  // A pod, or for the node proxy none, as the subject of a new Proxy.
  static Proxy::Subject subject_of(const workload::LocalPod* pod);
  Proxy& add(const ProxySettings& settings, Proxy::Subject subject);
  // Adopts those that are left of this pod's (null: the node's) proxies. Only one goes on, if any: the newest.
  void adopt_survivors(const workload::LocalPod* pod);
  void end_survivors_without_pod();
  void retire_predecessors();
  [[nodiscard]] Proxy* sidecar_of(uint64_t netns) const;
  Result<std::vector<Fd>> sockets_for(uint64_t proxy_netns, workload::LocalPod* pod, int family, uint32_t count);
  void drain_if_unwanted(Proxy& sidecar);
  // From the loop, later: whoever reports is still on the stack.
  void report_progress();
  void reap();

  agent::Loop& loop_;
  ProxySettings settings_, sidecar_settings_;
  workload::SocketMaker& sockets_;
  workload::Registry& registry_;
  Arenas arenas_;
  SnapshotFile snapshot_;
  std::vector<std::unique_ptr<Proxy>> proxies_;  // the node proxy first
  std::vector<Survivor> survivors_;              // until the first attend()
  ProxyCounts counts_of_reaped_;
  std::function<void()> progress_;
  std::function<void()> all_ended_;
  agent::Loop::Timer report_;
  agent::Loop::Timer before_drain_;
  agent::Loop::Timer time_to_come_;  // runs from the first adoption
};

}  // namespace fairlead::agent_broker
