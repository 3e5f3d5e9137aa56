#include "agent/flow/kernel_flows.h"

#include "agent/flow/ending.h"
#include "userspace-proxy/base/log.h"

#include <sys/epoll.h>

#include <utility>

namespace fairlead::flow {
namespace {

// The list of open connections, or none and a warning: what needs it does less then, and nothing else fails.
std::vector<fl_flow> open_or_none(const kernel::Datapath& datapath) {
  auto open = datapath.open_connections();
  if (!open) {
    log::warn("open connections cannot be listed: {}", open.error().message());
    return {};
  }
  return std::move(*open);
}

}  // namespace

KernelFlows::KernelFlows(Parts parts)
    : parts_(parts), piled_up_(parts.loop.watch(parts.datapath.flows_fd(), EPOLLIN, [this](uint32_t) { collect(); })) {
  look();
}

void KernelFlows::look() {
  collect();
  look_ = parts_.loop.after(kLook, [this] { look(); });
}

void KernelFlows::collect() {
  if (directory_.snapshot() != nullptr) {  // before, nobody could be named: what was left for us waits
    records_.add(parts_.datapath.take_flows(), directory_, parts_.datapath.policy_names());
  }
}

void KernelFlows::in_force(std::shared_ptr<const config::Snapshot> snapshot) {
  collect();
  directory_.learn(std::move(snapshot));
  end_forbidden();
  once_more_ = parts_.loop.after(kOnceMore, [this] { end_forbidden(); });
}

void KernelFlows::end_forbidden() {
  std::map<const workload::LocalPod*, std::vector<fl_flow>> forbidden;  // by the pod of the watched socket
  for (const fl_flow& open : open_or_none(parts_.datapath)) {
    const workload::LocalPod* const pod = parts_.registry.find(netns_of_socket(open));
    if (pod == nullptr) {
      continue;
    }
    if (auto objection = objection_to(*directory_.snapshot(), open)) {
      ++ended_[objection->reason];
      records_.expect_end(open.cookie, std::move(*objection));
      forbidden[pod].push_back(open);
    }
  }
  for (const auto& [pod, flows] : forbidden) {
    end_in(*pod, flows);
  }
}

void KernelFlows::end_in(const workload::LocalPod& pod, const std::vector<fl_flow>& flows) {
  const auto ended = end_connections(parts_.door, pod.netns.get(), flows);
  if (!ended) {
    log::error("pod {}: connections that a policy forbids now stay open: {}", pod.uid, ended.error().message());
    return;
  }
  log::info("pod {}: {} connections ended, which a policy forbids now", pod.uid, *ended);
}

telemetry::RecordBatch KernelFlows::records(Records::Follower& follower) {
  collect();
  return records_.read(follower);
}

void KernelFlows::add_to(telemetry::SeriesSum& sum) {
  const auto ended = parts_.datapath.traffic();
  if (!ended) {
    log::warn("the kernel's sums cannot be read: {}", ended.error().message());
    return;
  }
  traffic_.update(*ended, open_or_none(parts_.datapath), directory_);
  traffic_.add_to(sum);
  for (const fl_traffic_key& key : traffic_.retire(directory_)) {
    parts_.datapath.forget_traffic(key);
  }
}

}  // namespace fairlead::flow
