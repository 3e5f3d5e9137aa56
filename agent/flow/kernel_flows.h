// What happens on the kernel path, where no process of ours sees a byte: records, sums, and the end of connections that
// the configuration forbids by now. Reads what the programs write (bpf/abi/flow.h). Main thread only.
#pragma once

#include "agent/flow/records.h"
#include "agent/flow/rejudge.h"
#include "agent/flow/subject.h"
#include "agent/flow/traffic.h"
#include "agent/kernel/datapath.h"
#include "agent/loop.h"
#include "agent/workload/netns.h"
#include "agent/workload/registry.h"
#include "userspace-proxy/config/snapshot.h"
#include "userspace-proxy/telemetry/prometheus.h"

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace fairlead::flow {

class KernelFlows {
 public:
  // All outlive this object.
  struct Parts {
    agent::Loop& loop;
    kernel::Datapath& datapath;
    workload::Registry& registry;
    const workload::NetnsDoor& door;
  };
  explicit KernelFlows(Parts parts);

  // Before pods go: takes what the kernel wrote of them.
  void collect();
  // A configuration is in the kernel's tables: ends the open connections that it forbids, now and once more in a
  // moment, when a connect() that was judged before has come to its SYN.
  void in_force(std::shared_ptr<const config::Snapshot> snapshot);

  // What is new for a reader.
  [[nodiscard]] telemetry::RecordBatch records(Records::Follower& follower);
  void add_to(telemetry::SeriesSum& sum);
  // Connections that were ended, by reason. Monotonic.
  [[nodiscard]] const std::map<Reason, uint64_t>& ended() const { return ended_; }

 private:
  static constexpr std::chrono::milliseconds kLook{250};
  static constexpr std::chrono::milliseconds kOnceMore{100};

  void look();
  void end_forbidden();
  void end_in(const workload::LocalPod& pod, const std::vector<fl_flow>& flows);

  Parts parts_;
  Directory directory_;
  Records records_;
  Traffic traffic_;
  std::map<Reason, uint64_t> ended_;
  agent::Loop::Watch piled_up_;
  agent::Loop::Timer look_, once_more_;
};

}  // namespace fairlead::flow
