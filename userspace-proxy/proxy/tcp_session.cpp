#include "userspace-proxy/proxy/tcp_session.h"

#include "userspace-proxy/base/log.h"
#include "userspace-proxy/proxy/passage.h"
#include "userspace-proxy/proxy/worker.h"

namespace fairlead::proxy {
namespace {

// Plans and judges; the reason why it must not be, or NONE.
Reason admit(Worker& worker, const Arrival& arrival, const config::Snapshot& snapshot, Subject& subject) {
  subject.arrival = &arrival;
  subject.ends = ends_of(snapshot, arrival);
  if (!subject.ends.known) {
    return Reason::CONFIG_MISSING;
  }
  const SocketAddress& dialled = arrival.origin.original;
  subject.plan = arrival.role == broker::Role::kOutbound ? plan::outbound_tcp({.snapshot = snapshot,
                                                                               .shape = arrival.shape,
                                                                               .source = *subject.ends.source,
                                                                               .dialled = dialled,
                                                                               .kept = arrival.origin.kept,
                                                                               .random = worker.random(),
                                                                               .state = worker.balance()})
                                                         : plan::inbound(*subject.ends.destination, dialled);
  if (subject.plan.kind != plan::Plan::Kind::kForward) {
    return subject.plan.reason;
  }
  if (!subject.plan.judge) {
    return Reason::NONE;
  }
  const Judgement judgement = judge_bytes(*subject.plan.destination, subject.plan.endpoint, subject.ends.caller);
  subject.policy = judgement.policy;
  return judgement.reason;
}

// Bytes are reported while they flow (Istio: every 5 s), so that long connections show.
class Progress final : private io::Timer {
 public:
  Progress(Worker& worker, const Subject& subject, const ByteCounts& counts)
      : worker_(worker), subject_(subject), counts_(counts) {
    rearm();
  }
  ~Progress() override { report(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  static constexpr uint64_t kEveryNs = 5 * kSecond;

  void rearm() { worker_.loop().arm(*this, worker_.loop().now_ns() + kEveryNs); }
  void on_timer() override {
    report();
    rearm();
  }
  void report() {
    worker_.reporter().tcp_bytes(subject_, counts_.to_client - reported_.to_client,
                                 counts_.from_client - reported_.from_client);
    reported_ = counts_;
  }

  Worker& worker_;
  const Subject& subject_;
  const ByteCounts& counts_;
  ByteCounts reported_;
};

}  // namespace

io::Task<void> pass_bytes(Worker& worker, const Arrival& arrival, io::StreamEnd client_end, UpstreamNow& upstream_now) {
  io::Loop& loop = worker.loop();
  const SnapshotPin snapshot = worker.snapshot();
  const uint64_t start_ns = loop.now_ns();
  Subject subject;
  Outcome outcome;
  outcome.start_unix_ns = loop.unix_ns();
  ByteCounts counts;
  Passage passage(arrival, subject.plan, client_end.socket);
  outcome.reason = admit(worker, arrival, *snapshot, subject);
  worker.reporter().tcp_opened(subject);
  if (outcome.reason != Reason::NONE) {
    client_end.socket.reset_on_close();
  } else {
    const plan::Plan& plan = subject.plan;
    const upstream::Key key{.netns = plan.netns,
                            .endpoint = plan.endpoint,
                            .client = {},
                            .identity = 0,
                            .served_by = 0,
                            .accelerated = false};
    const uint64_t connect_ns =
        plan.cluster == nullptr ? kConnectNs : static_cast<uint64_t>(plan.cluster->connect_timeout.count()) * 1'000'000;
    worker.endpoint_taken(plan.endpoint);
    auto upstream = co_await worker.connector().connect(key, subject.ends.caller.address, loop.now_ns() + connect_ns);
    if (upstream == nullptr) {
      outcome.reason = Reason::UPSTREAM_CONNECT_FAILED;
      client_end.socket.reset_on_close();
    } else {
      upstream_now = {.socket = &upstream->socket, .netns = plan.netns, .passage = &passage};
      const Progress progress(worker, subject, counts);
      if (passage.may_begin(snapshot, worker.snapshot())) {
        outcome.reason = co_await pump_bytes(client_end, {upstream->socket, upstream->in}, kTcpIdleNs, counts);
      }
      upstream_now = {};
      if (passage.objection().reason != Reason::NONE) {
        outcome.reason = passage.objection().reason;
        subject.policy = passage.objection().policy;
        client_end.socket.reset_on_close();
        upstream->socket.reset_on_close();
      }
    }
    worker.endpoint_released(plan.endpoint);
  }
  outcome.duration_ns = loop.now_ns() - start_ns;
  outcome.received_bytes = counts.from_client;
  outcome.sent_bytes = counts.to_client;
  worker.reporter().tcp_closed(subject, outcome);
}

TcpSession::TcpSession(Worker& worker, Fd fd, const Arrival& arrival)
    : Session(worker.sessions()),
      worker_(worker),
      arrival_(arrival),
      client_(worker.loop(), std::move(fd)),
      in_(worker.buffers()) {}

io::Task<void> TcpSession::run() {
  if (const auto started = client_.start(); !started) {
    log::warn("tcp session: {}", started.error().message());
    co_return;
  }
  co_await pass_bytes(worker_, arrival_, {client_, in_}, upstream_);
}

// A TCP connection has no pause between requests: it goes on until it ends.
void TcpSession::drain() {}

void TcpSession::pod_gone(uint64_t netns) {
  if (arrival_.netns == netns || (upstream_.socket != nullptr && upstream_.netns == netns)) {
    client_.cancel();
  }
}

void TcpSession::configured(const SnapshotPin& snapshot) {
  if (upstream_.passage != nullptr) {
    upstream_.passage->judge_again(snapshot);
  }
}

}  // namespace fairlead::proxy
