// The agent: everything that lives as long as the process, built in order and taken down in order. The composition
// root; what each part does is said where the part is. Main thread only.
#pragma once

#include "agent/accelerator.h"
#include "agent/broker/broker_socket.h"
#include "agent/broker/fleet.h"
#include "agent/flow/kernel_flows.h"
#include "agent/front.h"
#include "agent/host/cgroup.h"
#include "agent/host/run_dir.h"
#include "agent/kernel/datapath.h"
#include "agent/loop.h"
#include "agent/options.h"
#include "agent/reconcile.h"
#include "agent/source/directory.h"
#include "agent/workload/mode_store.h"
#include "agent/workload/netns.h"
#include "agent/workload/registry.h"
#include "agent/workload/sockets.h"
#include "userspace-proxy/base/error.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace fairlead::agent {

class Agent {
 public:
  explicit Agent(Options options) : options_(std::move(options)) {}
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // Until SIGTERM or SIGINT, then takes everything down. An error: it could not start, and nothing is left of the
  // attempt.
  Status run();

 private:
  Status start();
  Status claim_place();  // run-dir, sweep, cgroup
  Status open_kernel();
  Status open_parts();
  Status open_front();
  Status adopt_proxies();
  void end_strangers();
  void begin_shutdown();
  // After a start that failed: what an agent before us has left stays as it is, what this one made goes.
  void abandon_place();
  // Leaves our cgroup, ends whoever is still in it, gives the run-dir back.
  void leave_place();

  Options options_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<host::RunDir> run_dir_;
  std::unique_ptr<host::Cgroup> cgroup_, cgroup_before_;
  std::vector<pid_t> strangers_;  // in our cgroup; of the agent before us, once those that it adopts are out
  bool was_empty_ = false;        // there was no such agent
  std::unique_ptr<kernel::Datapath> datapath_;
  std::unique_ptr<workload::NetnsDoor> door_;
  std::unique_ptr<workload::SocketMaker> sockets_;
  std::unique_ptr<workload::Registry> registry_;
  std::unique_ptr<workload::ModeStore> modes_;
  std::unique_ptr<Accelerator> accelerator_;
  std::unique_ptr<source::DirectorySource> source_;
  std::unique_ptr<agent_broker::Fleet> fleet_;
  std::unique_ptr<flow::KernelFlows> flows_;
  std::unique_ptr<agent_broker::BrokerSocket> broker_socket_;
  std::unique_ptr<Reconciler> reconciler_;
  std::unique_ptr<Front> front_;
  std::vector<kernel::Feature> features_;
  std::string proxy_program_;
  Fd signals_;
  Loop::Watch signal_watch_;
  Loop::Timer retire_;
  bool ending_ = false;
};

}  // namespace fairlead::agent
