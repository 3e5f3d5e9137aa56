#include "agent/flow/records.h"

#include "userspace-proxy/plan/network.h"

#include <time.h>

#include <algorithm>

namespace fairlead::flow {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

int64_t now_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * kSecondNs + now.tv_nsec;
}

// The kernel's table of network policy holds what is allowed, not who refuses: the engine says that.
std::string refusing_policy(const Subject& subject, const SocketAddress& caller, const SocketAddress& endpoint,
                            const config::Snapshot& snapshot) {
  const policy::NetworkPolicy* policy = nullptr;
  if (subject.source != nullptr) {
    policy = plan::judge_network(*subject.source, subject.destination, endpoint).policy;
  } else if (subject.destination != nullptr) {
    policy = plan::judge_network_arrival(snapshot, caller.ip, *subject.destination, endpoint).policy;
  }
  return policy != nullptr ? policy->name() : std::string();
}

}  // namespace

telemetry::RecordOwned Records::record_of(const fl_flow& flow, const Directory& directory, const PolicyNames& names) {
  const Subject subject = directory.find(flow);
  telemetry::RecordOwned record;
  record.kind = telemetry::RecordKind::kTcp;
  record.path = telemetry::Path::kKernel;
  record.reason = static_cast<Reason>(flow.reason);
  record.start_unix_ns = static_cast<int64_t>(flow.opened_ns) + now_ns(CLOCK_REALTIME) - now_ns(CLOCK_MONOTONIC);
  record.duration_ns = flow.ended_ns > flow.opened_ns ? flow.ended_ns - flow.opened_ns : 0;
  record.bytes_received = flow.sent;
  record.bytes_sent = flow.received;
  record.client = SocketAddress::from(flow.source);
  record.destination = SocketAddress::from(flow.dialled);
  record.upstream = SocketAddress::from(flow.destination);
  record.source_workload = subject.source != nullptr ? subject.source->uid : std::string();
  record.source_principal = subject.source_identity != nullptr ? subject.source_identity->principal : std::string();
  record.destination_workload = subject.destination != nullptr ? subject.destination->uid : std::string();
  record.cluster = subject.cluster != nullptr ? subject.cluster->name
                   : flow.source_netns != 0   ? std::string("PassthroughCluster")
                                              : std::string("inbound");
  record.protocol = "TCP";
  if (const auto name = names.find(flow.policy); name != names.end()) {
    record.policy = name->second;
  }
  const bool by_network = record.reason == Reason::NETWORK_DENIED || record.reason == Reason::STEER_NETWORK_DENIED;
  if (by_network && directory.snapshot() != nullptr) {
    record.policy =
        refusing_policy(subject, record.client, record.upstream.ip.is_none() ? record.destination : record.upstream,
                        *directory.snapshot());
  }
  if (const auto ours = ending_.find(flow.cookie); flow.cookie != 0 && ours != ending_.end()) {
    record.reason = ours->second.reason;
    record.policy = ours->second.policy;
    ending_.erase(ours);
  }
  return record;
}

void Records::add(const std::vector<fl_flow>& flows, const Directory& directory, const PolicyNames& names) {
  for (const fl_flow& flow : flows) {
    kept_.push_back(record_of(flow, directory, names));
  }
  while (kept_.size() > kKept) {
    kept_.pop_front();
    ++first_;
  }
}

void Records::expect_end(uint64_t cookie, Objection why) {
  if (ending_.size() >= kExpected) {  // records that the ring buffer lost
    ending_.clear();
  }
  ending_.insert_or_assign(cookie, std::move(why));
}

telemetry::RecordBatch Records::read(Follower& follower) const {
  telemetry::RecordBatch batch;
  if (follower.next < first_) {
    batch.lost = follower.next == 0 ? 0 : first_ - follower.next;
    follower.next = first_;
  }
  for (; follower.next < first_ + kept_.size(); ++follower.next) {
    batch.records.push_back(kept_[follower.next - first_]);
  }
  return batch;
}

}  // namespace fairlead::flow
