// From what the configuration says to what is in force: the agent's one cycle.
//
// A cycle reads the source, compares the pods that it names with the network namespaces that exist, compiles, and - if
// anything differs - makes a new generation, which goes into force in this order:
//
//   1. Pods whose namespace is gone, or that are no longer wanted: at once, waiting for nobody. Their sidecar ends,
//   every
//      proxy closes what it has in there, their steer program is detached.
//   2. Listeners of new pods and new modes are made (nothing leads to them yet), sidecars that are wanted are started.
//   3. Every proxy gets the snapshot, then its new listeners. A proxy knows a pod before the kernel can send it one of
//      its connections; a policy or route that changed is applied to requests on open connections from here on.
//   4. When every worker that judges has acknowledged: listeners into the kernel's table, then the kernel's tables
//   (each
//      value switched by one update, removals last: Datapath::apply), then steer programs of new pods. Between 3 and 4
//      a connection may still be sent to a proxy that would not get it any more: it serves it, by the new
//      configuration, since the snapshot keeps the cookies of pods in every mode, `off` too.
//   5. Open connections of the kernel path that are forbidden by now are ended (flow/kernel_flows.h).
//   6. Steer programs of pods that turned `off` are detached, sidecars that nobody wants are drained: their removal is
//   last
//      because open connections and those in accept queues still need them.
//
// A worker that is just being started holds nobody up: it judges nothing yet, and gets the newest snapshot before its
// first listener. One that judges and does not acknowledge is killed (broker/proxy.h). A pod that turns to sidecar mode
// keeps its old mode in what is compiled until its sidecar serves; then a cycle of its own (2-6) switches it. A pod
// that is new and wants a sidecar is in that mode from the start: its connections wait in the listener's backlog.
//
// A generation that cannot be built is reported and changes nothing; what is in force stays. Main thread only.
#pragma once

#include "agent/accelerator.h"
#include "agent/broker/fleet.h"
#include "agent/compile/compile.h"
#include "agent/flow/kernel_flows.h"
#include "agent/kernel/datapath.h"
#include "agent/loop.h"
#include "agent/source/directory.h"
#include "agent/wait_book.h"
#include "agent/workload/mode_store.h"
#include "agent/workload/registry.h"
#include "userspace-proxy/config/snapshot.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace fairlead::agent {

class Reconciler {
 public:
  struct Parts {
    Loop& loop;
    source::DirectorySource& source;
    workload::Registry& registry;
    agent_broker::Fleet& fleet;
    kernel::Datapath& datapath;
    workload::ModeStore& modes;
    flow::KernelFlows& flows;
    Accelerator& accelerator;
  };
  struct Settings {
    std::string node_name;
    config::Mode default_mode = config::Mode::kNode;
    compile::Acceleration acceleration = compile::Acceleration::kFalse;
  };

  Reconciler(Parts parts, Settings settings);

  // The first cycle, and from then on one whenever the source or a namespace changes.
  void start();
  // Ends all of that; what was read stays readable. Waiters get no answer any more.
  void stop();
  // A cycle now: the source is read before this returns. For `wait` and `mode`.
  void run_now();
  // As run_now; `done` is called when all of it is in force, or at the deadline with what is not.
  void wait(WaitBook::Clock::time_point deadline, WaitBook::Done done);
  // Called once, when the first generation is in force in the kernel.
  void on_first_in_force(std::function<void()> callback) { first_in_force_ = std::move(callback); }

  [[nodiscard]] uint64_t generation() const { return generation_; }
  [[nodiscard]] uint64_t kernel_generation() const { return kernel_generation_; }
  // What keeps the newest configuration from being in force everywhere, one line each.
  [[nodiscard]] std::vector<std::string> missing() const;
  // About the objects, from source and compiler, as of the last cycle.
  [[nodiscard]] const std::vector<model::Message>& messages() const { return messages_; }
  // The newest, whether in force or not; null before the first.
  [[nodiscard]] const std::shared_ptr<const config::Snapshot>& snapshot() const { return snapshot_; }
  // Its wire form (config/snapshot.proto), but for the generation.
  [[nodiscard]] const std::string& compiled_bytes() const { return compiled_bytes_; }

 private:
  void schedule(Loop::Clock::duration delay);
  void look_at_namespaces();
  void tear_down(const std::vector<workload::LocalPod>& gone);
  // Lets pods into the mode they want, where nothing stands against it. True if one changed.
  bool settle_modes();
  void compile_and_publish();
  Status publish(compile::Compiled compiled);
  // After any progress of proxies: goes on with the current generation as far as it can.
  void step();
  void apply_to_kernel();
  Status install_listeners();
  Status attach_steer();
  void detach_idle_steer();
  [[nodiscard]] std::map<uint64_t, kernel::OutboundPorts> outbound_ports() const;
  void settle_waiters();
  void log_new_messages();

  Parts parts_;
  Settings settings_;
  std::shared_ptr<const model::ObjectSet> objects_;
  std::vector<model::Message> source_messages_, messages_;
  std::set<std::string> logged_;  // lines of messages_ that were logged
  std::string compiled_bytes_;    // of the newest generation, with generation 0
  std::map<uint64_t, kernel::OutboundPorts> kernel_ports_;
  std::shared_ptr<const config::Snapshot> snapshot_;
  std::string problem_;         // why the last compilation came to nothing; empty: it did not
  std::string kernel_problem_;  // why the kernel's tables are older than they should be
  uint64_t generation_ = 0, kernel_generation_ = 0;
  std::set<uint64_t> installed_listeners_;  // ids
  std::set<uint64_t> steered_;              // cookies
  std::function<void()> first_in_force_;
  WaitBook waiters_;
  Loop::Watch source_watch_;
  Loop::Timer cycle_, poll_, retry_, deadline_;
};

}  // namespace fairlead::agent
