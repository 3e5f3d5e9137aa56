// Where proxies that have outlived their agent come to the next one: a SOCK_SEQPACKET socket in a directory of its own
// below the run-dir (userspace-proxy/broker/reconnect.h). The directory lets only root and the proxies' group in; who
// connects is told by the kernel (SO_PEERCRED), and everybody but a process that this agent has adopted is sent away
// before a byte of theirs is read. Main thread only.
#pragma once

#include "agent/loop.h"
#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

namespace fairlead::agent_broker {

class BrokerSocket {
 public:
  // A worker of the process `pid` has come. False: that is none of ours. By then the socket is closed.
  using OnWorker = std::function<bool(pid_t pid, Fd socket)>;

  // Makes the directory if it is absent, and replaces a socket that an agent before us has left.
  static Result<std::unique_ptr<BrokerSocket>> open(agent::Loop& loop, const std::string& directory, gid_t proxies,
                                                    OnWorker on_worker);
  // The socket's name stays: proxies look for it, and the next agent replaces it.
  ~BrokerSocket() = default;
  BrokerSocket(const BrokerSocket&) = delete;
  BrokerSocket& operator=(const BrokerSocket&) = delete;

 private:
  BrokerSocket(agent::Loop& loop, Fd listener, OnWorker on_worker);
  void accept_one();

  Fd listener_;
  OnWorker on_worker_;
  agent::Loop::Watch watch_;
};

}  // namespace fairlead::agent_broker
