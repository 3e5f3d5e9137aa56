// One thread of the data plane with everything that it owns: loop, line to the agent, listeners, upstream sockets,
// pools, counters, and the snapshot that it judges by. Workers share the SnapshotStore and nothing else.
#pragma once

#include "userspace-proxy/io/buffer.h"
#include "userspace-proxy/io/loop.h"
#include "userspace-proxy/net/listener.h"
#include "userspace-proxy/proxy/arrival.h"
#include "userspace-proxy/proxy/channel.h"
#include "userspace-proxy/proxy/limits.h"
#include "userspace-proxy/proxy/reporter.h"
#include "userspace-proxy/proxy/scratch.h"
#include "userspace-proxy/proxy/session_list.h"
#include "userspace-proxy/proxy/snapshot_pin.h"
#include "userspace-proxy/proxy/snapshot_store.h"
#include "userspace-proxy/upstream/connector.h"
#include "userspace-proxy/upstream/pool.h"
#include "userspace-proxy/upstream/stock.h"

#include <atomic>
#include <memory>
#include <unordered_map>
#include <vector>

namespace fairlead::proxy {

struct WorkerOptions {
  plan::Shape shape = plan::Shape::kNode;
  uint32_t number = 0;
  Fd channel;
  int telemetry = -1;  // the arena's memfd; stays the caller's
  Fd drain_signal;     // readable when the process was told to drain (an eventfd); may be invalid
};

class Worker final : private ChannelHandler, private upstream::SocketSource, private plan::BalanceState {
 public:
  static Result<std::unique_ptr<Worker>> create(WorkerOptions options, SnapshotStore& store);
  ~Worker() override;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Until it is drained.
  void run();

  // --- for the sessions ---
  [[nodiscard]] io::Loop& loop() { return *loop_; }
  [[nodiscard]] io::BufferPool& buffers() { return buffers_; }
  [[nodiscard]] ScratchPool& scratch() { return scratch_; }
  [[nodiscard]] upstream::Pool& pool() { return pool_; }
  [[nodiscard]] upstream::Connector& connector() { return connector_; }
  [[nodiscard]] Reporter& reporter() { return reporter_; }
  [[nodiscard]] const SnapshotPin& snapshot() const { return snapshot_; }
  [[nodiscard]] plan::BalanceState& balance() { return *this; }
  [[nodiscard]] SessionList& sessions() { return sessions_; }
  [[nodiscard]] bool draining() const { return draining_; }
  [[nodiscard]] uint64_t random();
  void endpoint_taken(const SocketAddress& endpoint) { ++active_[endpoint]; }
  void endpoint_released(const SocketAddress& endpoint);

 private:
  // A listener of the agent's, and what it is for.
  struct Accepting final : net::AcceptHandler {
    Accepting(Worker& owner, const broker::Message& message, Fd fd);
    void accepted(Fd fd, const SocketAddress& peer) override;

    Worker& worker;
    broker::Role role;
    uint64_t netns;
    net::Listener listener;
  };
  class DrainSignal;
  // The last moment at which a draining worker accepts.
  struct LastAccept final : io::Timer {
    explicit LastAccept(Worker& of) : worker(of) {}
    void on_timer() override;
    Worker& worker;
  };

  Worker(WorkerOptions options, SnapshotStore& store, std::unique_ptr<io::Loop> loop,
         std::unique_ptr<telemetry::ArenaWriter> arena);

  [[nodiscard]] broker::Message greeting() const override;
  void message(broker::Received received) override;
  void agent_is_back() override { stock_.ask_again(); }
  bool want_sockets(const Wish& wish) override;
  [[nodiscard]] uint32_t active(const SocketAddress& endpoint) const override;
  uint32_t next_turn(const config::Cluster& cluster) override;

  void take_snapshot(const broker::Received& received);
  void take_listener(broker::Received received);
  void drain();
  void pod_gone(uint64_t netns);

  plan::Shape shape_;
  SnapshotStore& store_;
  std::unique_ptr<io::Loop> loop_;
  io::BufferPool buffers_;
  ScratchPool scratch_;
  Channel channel_;
  upstream::Stock stock_;
  upstream::Pool pool_;
  upstream::Connector connector_;
  Reporter reporter_;
  SnapshotPin snapshot_;
  SessionList sessions_;
  std::unordered_map<uint64_t, std::unique_ptr<Accepting>> listeners_;  // by the agent's number
  std::unordered_map<SocketAddress, uint32_t> active_;                  // requests in flight
  std::unordered_map<const config::Cluster*, uint32_t> turns_;          // of the newest snapshot's clusters
  std::unique_ptr<DrainSignal> drain_signal_;
  uint64_t random_state_ = 0;
  bool draining_ = false;
  uint64_t drained_at_ns_ = 0;  // not before: what was redirected here a moment ago still has to be accepted
  LastAccept last_accept_;
};

}  // namespace fairlead::proxy
