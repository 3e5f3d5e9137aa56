// A connection that passes as bytes: planned and judged once at its start, one record at its end. Worker-local.
#pragma once

#include "userspace-proxy/io/buffer.h"
#include "userspace-proxy/io/socket.h"
#include "userspace-proxy/io/task.h"
#include "userspace-proxy/proxy/arrival.h"
#include "userspace-proxy/proxy/byte_pump.h"
#include "userspace-proxy/proxy/reporter.h"
#include "userspace-proxy/proxy/session_list.h"
#include "userspace-proxy/proxy/snapshot_pin.h"
#include "userspace-proxy/upstream/connection.h"

namespace fairlead::proxy {

class Worker;

// The byte part by itself: also for an HTTP/2 preface on an HTTP port. `in` holds what was read already.
// Connects, pumps, reports; `upstream_now` lets the owner cancel the upstream side meanwhile.
io::Task<void> pass_bytes(Worker& worker, const Arrival& arrival, io::Socket& client, io::Buffer& in,
                          io::Socket*& upstream_now, uint64_t& upstream_netns);

class TcpSession final : public Session {
 public:
  TcpSession(Worker& worker, Fd fd, const Arrival& arrival);

  io::Task<void> run();
  void drain() override;
  void pod_gone(uint64_t netns) override;

 private:
  Worker& worker_;
  Arrival arrival_;
  io::Socket client_;
  io::Buffer in_;
  io::Socket* upstream_ = nullptr;
  uint64_t upstream_netns_ = 0;
};

}  // namespace fairlead::proxy
