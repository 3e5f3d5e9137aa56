// One proxy process and its workers, as the agent sees it: started or adopted, given what it needs, restarted when it
// dies, drained. What a proxy should have (snapshot, listeners) is kept here, so that a new process gets all of it at
// once. The workers of an adopted process come by themselves (broker_socket.h), and are then as those of any other.
//
// Order on every channel: the snapshot first, then listeners; a worker never accepts a connection that it knows nothing
// about. Descriptors of a namespace that is gone are withdrawn from the queue.
//
// Everything a worker says is untrusted: it may be a proxy that an attacker took over. It can acknowledge what it did
// not apply (and then only harms those that it serves already), ask for sockets (granted by the owner of this object),
// and be silent (then it is killed). Main thread only.
#pragma once

#include "agent/broker/arenas.h"
#include "agent/broker/channel.h"
#include "agent/broker/process.h"
#include "agent/broker/snapshot_file.h"
#include "agent/broker/survivors.h"
#include "agent/loop.h"
#include "agent/workload/sockets.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace fairlead::agent_broker {

struct ProxySettings {
  std::string executable;
  std::string directory = {};  // where a proxy finds the next agent; empty: nowhere
  std::string log_level = "info";
  uint32_t workers = 1;
  // For a greeting, and for the application of a snapshot; then the process is killed. Counted in ten parts, each of
  // which this agent sees pass: where the whole machine stood still, or nobody here got the CPU, there was no silence.
  std::chrono::milliseconds answer_within{10'000};
  uid_t uid = 15006;
  gid_t gid = 15006;
};

// What a metric says of proxies. Monotonic.
struct ProxyCounts {
  uint64_t restarts = 0;  // of processes that ended unasked
  uint64_t sockets = 0;   // upstream sockets made for it
  uint64_t batches = 0;   // messages that they went in
  uint64_t waits = 0;     // connections that had to wait for one, as the workers say
  ProxyCounts& operator+=(const ProxyCounts& other);
};

enum class ProxyState : uint8_t {
  kStopped,
  kRunning,
  kBackingOff,  // died; a restart is due
  kDraining,    // accepts nothing new; ends by itself
  kEnding,      // has been told to end, and is killed if it does not
};
std::string_view name_of(ProxyState state);

class Proxy {
 public:
  struct Owner {
    // Something that a waiter may be waiting for has changed.
    std::function<void()> progress;
    // Upstream sockets for a worker of this proxy, or why not.
    std::function<Result<std::vector<Fd>>(uint64_t netns, int family, uint32_t count)> sockets;
  };
  // Whom it serves.
  struct Subject {
    std::string name;    // "node", or the uid of the pod
    uint64_t netns = 0;  // of a sidecar: its pod's cookie; 0: the node proxy
    Fd netns_fd;         // of a sidecar
  };

  Proxy(agent::Loop& loop, Arenas& arenas, const ProxySettings& settings, Subject subject, Owner owner);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  // Starts it, or calls a draining one back. Nothing if it runs.
  void start();
  // In place of start(): takes over a running process. REQUIRES: its netns is the subject's. One that is not current
  // has a successor that accepts from the same listeners: it is to drain once that one serves, and is never started
  // again.
  void adopt(Survivor survivor);
  // A worker of the adopted process is here. False: all are.
  bool attach(Fd socket);
  void publish(const SnapshotFile& snapshot);
  // Nothing if it has it already.
  void give(const workload::Listener& listener);
  // Every listener and socket of that namespace is to be closed.
  void forget_netns(uint64_t netns);
  // It accepts nothing new and ends with its last connection.
  void drain();
  // SIGTERM, then SIGKILL after `patience`.
  void end(std::chrono::milliseconds patience);

  [[nodiscard]] const std::string& name() const { return subject_.name; }
  [[nodiscard]] uint64_t netns() const { return subject_.netns; }
  [[nodiscard]] bool is_sidecar() const { return subject_.netns != 0; }
  [[nodiscard]] ProxyState state() const { return state_; }
  [[nodiscard]] pid_t pid() const { return process_ ? process_->pid() : 0; }
  // Its process lives: the pid is certainly still its own.
  [[nodiscard]] bool lives() const { return process_ && process_->lives(); }
  // When this agent adopted the process; nullopt: it started it.
  [[nodiscard]] std::optional<std::chrono::system_clock::time_point> adopted() const { return adopted_; }
  [[nodiscard]] bool has_successor() const { return has_successor_; }
  // Its telemetry cannot be read, so how many workers it has is not known: it can only be waited for.
  [[nodiscard]] bool is_beyond_reach() const { return has_successor_ && process_ && workers_.empty(); }
  // Every worker has said hello to this agent.
  [[nodiscard]] bool has_all_workers() const;
  [[nodiscard]] const ProxyCounts& counts() const { return counts_; }
  // The oldest generation that all workers have applied; 0: some have none.
  [[nodiscard]] uint64_t generation() const;
  // Every worker runs, has said hello and applied `generation` or a later one.
  [[nodiscard]] bool has_applied(uint64_t generation) const;
  // Some worker still judges by a configuration older than `generation`. Not the same as !has_applied(): a process that
  // is being started judges nothing, and gets the newest configuration before its first connection.
  [[nodiscard]] bool judges_by_older_than(uint64_t generation) const;
  // Some worker could not build `generation`.
  [[nodiscard]] bool refuses(uint64_t generation) const;
  // Listeners that it was told to close, and has not said that it did.
  [[nodiscard]] bool is_closing_listeners() const;

 private:
  struct Worker {
    std::unique_ptr<Channel> channel;  // null: of an adopted process, and has not come yet
    bool hello = false;
    bool judges = false;                                          // by a configuration of the agent before us
    uint64_t first_sent = 0, sent = 0, applied = 0, refused = 0;  // generations
    std::set<uint64_t> closing;                                   // listener ids
    agent::Loop::Timer answer;  // by then it must have said hello, or applied what it was sent
  };

  void launch();
  Status try_launch();
  void open_channel(Worker& worker, Fd socket);
  void forget_process();
  void send_drain(Worker& worker);
  [[nodiscard]] bool is_absent(const Worker& worker) const;
  void send_listener_gone(Worker& worker, const workload::Listener& listener);
  void on_exit(int wait_status);
  void on_message(Worker& worker, const broker::Message& message);
  void on_hello(Worker& worker, const broker::Message& message);
  void on_sockets_wanted(Worker& worker, const broker::Message& message);
  void send_snapshot(Worker& worker);
  void send_listener(Worker& worker, const workload::Listener& listener);
  void expect_answer(Worker& worker, const char* what);
  void look_for_answer(Worker& worker, const char* what, int looks);
  // A worker is not to be had any more: the process goes, and a new one comes.
  void give_up(const std::string& why);

  agent::Loop& loop_;
  Arenas& arenas_;
  const ProxySettings& settings_;
  Subject subject_;
  Owner owner_;

  ProxyState state_ = ProxyState::kStopped;
  std::unique_ptr<Process> process_;
  std::vector<std::unique_ptr<Worker>> workers_;
  uint64_t arena_ = 0;
  SnapshotFile snapshot_;
  std::map<uint64_t, workload::Listener> listeners_;  // by id
  std::set<uint64_t> gone_;                           // namespaces of which an adopted worker that comes is told so
  bool wanted_ = false;                               // since the last start() or drain()
  bool has_successor_ = false;
  std::optional<std::chrono::system_clock::time_point> adopted_;
  ProxyCounts counts_;
  std::chrono::milliseconds backoff_;
  agent::Loop::Clock::time_point started_;
  agent::Loop::Timer timer_;  // back-off, or the patience of end()
};

}  // namespace fairlead::agent_broker
