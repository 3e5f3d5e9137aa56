#include "userspace-proxy/proxy/worker.h"

#include "userspace-proxy/base/log.h"
#include "userspace-proxy/broker/reconnect.h"
#include "userspace-proxy/proxy/limits.h"
#include "userspace-proxy/proxy/serve.h"

#include <sys/random.h>

namespace fairlead::proxy {

// Tells this worker that the process is to drain.
class Worker::DrainSignal final : public io::Source {
 public:
  DrainSignal(Worker& worker, Fd fd) : worker_(worker), fd_(std::move(fd)) {}
  ~DrainSignal() override { worker_.loop_->remove(fd_.get(), *this); }
  DrainSignal(const DrainSignal&) = delete;
  DrainSignal& operator=(const DrainSignal&) = delete;
  Status start() { return worker_.loop_->add(fd_.get(), EPOLLIN | EPOLLET, *this); }
  void on_events(uint32_t) override { worker_.drain(); }

 private:
  Worker& worker_;
  Fd fd_;
};

Worker::Accepting::Accepting(Worker& owner, const broker::Message& message, Fd fd)
    : worker(owner), role(message.role), netns(message.netns), listener(*owner.loop_, std::move(fd), *this) {}

void Worker::Accepting::accepted(Fd fd, const SocketAddress& peer) {
  auto origin = net::connection_origin(fd.get());
  if (!origin) {
    log::warn("accepted connection: {}", origin.error().message());
    return;
  }
  serve(worker, std::move(fd), {.role = role, .shape = worker.shape_, .netns = netns, .peer = peer, .origin = *origin});
}

Result<std::unique_ptr<Worker>> Worker::create(WorkerOptions options, SnapshotStore& store) {
  auto loop = io::Loop::create();
  if (!loop) {
    return std::unexpected(loop.error());
  }
  auto arena = telemetry::ArenaWriter::open(options.telemetry, options.number);
  if (!arena) {
    return fail(arena.error(), "telemetry arena");
  }
  Fd drain_signal = std::move(options.drain_signal);
  std::unique_ptr<Worker> worker(new Worker(std::move(options), store, std::move(*loop), std::move(*arena)));
  if (auto started = worker->channel_.start(); !started) {
    return fail(started.error(), "channel to the agent");
  }
  if (drain_signal) {
    worker->drain_signal_ = std::make_unique<DrainSignal>(*worker, std::move(drain_signal));
    if (auto started = worker->drain_signal_->start(); !started) {
      return std::unexpected(started.error());
    }
  }
  return worker;
}

Worker::Worker(WorkerOptions options, SnapshotStore& store, std::unique_ptr<io::Loop> loop,
               std::unique_ptr<telemetry::ArenaWriter> arena)
    : shape_(options.shape),
      store_(store),
      loop_(std::move(loop)),
      channel_(*loop_, std::move(options.channel), *this, broker::kAgentSocket),
      stock_(*loop_, *this),
      pool_(*loop_),
      connector_(*loop_, stock_, buffers_),
      reporter_(std::move(arena)),
      last_accept_(*this) {
  if (getrandom(&random_state_, sizeof random_state_, 0) != sizeof random_state_) {
    random_state_ = loop_->now_ns();
  }
}

Worker::~Worker() = default;

void Worker::run() {
  while (!(draining_ && sessions_.size() == 0 && loop_->now_ns() >= drained_at_ns_)) {
    loop_->turn();
  }
}

// splitmix64: a full period, and every output bit depends on all of the state. Not for secrets.
uint64_t Worker::random() {
  uint64_t z = random_state_ += 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

uint32_t Worker::active(const SocketAddress& endpoint) const {
  const auto found = active_.find(endpoint);
  return found == active_.end() ? 0 : found->second;
}

// Workers do not begin with the same endpoint, nor does a worker with every snapshot.
uint32_t Worker::next_turn(const config::Cluster& cluster) {
  auto turn = turns_.find(&cluster);
  if (turn == turns_.end()) {
    turn = turns_.emplace(&cluster, static_cast<uint32_t>(random())).first;
  }
  return turn->second++;
}

void Worker::endpoint_released(const SocketAddress& endpoint) {
  const auto found = active_.find(endpoint);
  if (found != active_.end() && --found->second == 0) {
    active_.erase(found);
  }
}

broker::Message Worker::greeting() const {
  return {.type = broker::Type::kHello, .number = broker::kVersion, .count = draining_ ? 1U : 0U};
}

// While there is no agent, connections wait for the next one as they do for a slow one: within their connect timeout.
bool Worker::want_sockets(const Wish& wish) {
  if (!channel_.open()) {
    return false;
  }
  channel_.send({.type = broker::Type::kSocketsWanted,
                 .number = wish.waited,
                 .netns = wish.netns,
                 .family = wish.family,
                 .count = wish.count});
  return channel_.open();
}

void Worker::message(broker::Received received) {
  const broker::Message& message = received.message;
  switch (message.type) {
    case broker::Type::kSnapshot:
      take_snapshot(received);
      return;
    case broker::Type::kListener:
      take_listener(std::move(received));
      return;
    case broker::Type::kListenerGone:
      listeners_.erase(message.number);
      channel_.send({.type = broker::Type::kListenerGoneDone, .number = message.number});
      return;
    case broker::Type::kSockets:
      stock_.add(message.netns, message.family, std::move(received.fds));
      return;
    case broker::Type::kSocketsRefused:
      stock_.refused(message.netns, message.family);
      return;
    case broker::Type::kPodGone:
      pod_gone(message.netns);
      return;
    case broker::Type::kDrain:
      drain();
      return;
    default:
      log::warn("unexpected message {} from the agent", static_cast<uint32_t>(message.type));
  }
}

void Worker::take_snapshot(const broker::Received& received) {
  const uint64_t generation = received.message.number;
  if (received.fds.size() != 1) {
    log::error("snapshot {} came without its memory", generation);
    channel_.send({.type = broker::Type::kSnapshotRefused, .number = generation});
    return;
  }
  auto snapshot = store_.get(generation, received.fds[0].get(), received.message.size);
  if (!snapshot) {
    log::error("snapshot {}: {}", generation, snapshot.error().message());
    channel_.send({.type = broker::Type::kSnapshotRefused, .number = generation});
    return;
  }
  snapshot_ = SnapshotPin(std::move(*snapshot));
  turns_.clear();
  reporter_.forget();
  sessions_.for_each([this](Session& session) { session.configured(snapshot_); });
  channel_.send({.type = broker::Type::kSnapshotApplied, .number = generation});
}

void Worker::take_listener(broker::Received received) {
  const uint64_t number = received.message.number;
  if (received.fds.size() != 1) {
    return;
  }
  // A sidecar that lingers for its last connections is wanted again.
  draining_ = false;
  if (listeners_.contains(number)) {
    return;  // an agent that has adopted us gives what it found here
  }
  auto accepting = std::make_unique<Accepting>(*this, received.message, std::move(received.fds[0]));
  if (auto started = accepting->listener.start(); !started) {
    log::error("listener {}: {}", number, started.error().message());
    return;
  }
  listeners_[number] = std::move(accepting);
}

// Listeners stay for a moment: a connect() that was redirected just before the kernel was told otherwise waits in their
// queue, and nobody else would take it. Not for longer: another proxy may accept from them by now.
void Worker::drain() {
  if (draining_) {
    return;
  }
  draining_ = true;
  drained_at_ns_ = loop_->now_ns() + kLastAcceptNs;
  loop_->arm(last_accept_, drained_at_ns_);
  pool_.clear();
}

// Until now answers have told busy clients that their connection closes; idle ones go. Looks again for those that have
// come since.
void Worker::LastAccept::on_timer() {
  if (worker.draining_) {
    for (const auto& [number, accepting] : worker.listeners_) {
      accepting->listener.take_the_rest();
    }
    worker.listeners_.clear();
    worker.sessions_.for_each([](Session& session) { session.drain(); });
    worker.loop_->arm(*this, worker.loop_->now_ns() + kFirstRequestNs);
  }
}

void Worker::pod_gone(uint64_t netns) {
  std::erase_if(listeners_, [netns](const auto& entry) { return entry.second->netns == netns; });
  pool_.drop(netns);
  sessions_.for_each([netns](Session& session) { session.pod_gone(netns); });
  stock_.drop(netns);
}

}  // namespace fairlead::proxy
