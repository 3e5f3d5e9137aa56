// A connection that passes as bytes: planned and judged once at its start, one record at its end. Worker-local.
#pragma once

#include "userspace-proxy/io/stream_end.h"
#include "userspace-proxy/io/task.h"
#include "userspace-proxy/proxy/arrival.h"
#include "userspace-proxy/proxy/byte_pump.h"
#include "userspace-proxy/proxy/reporter.h"
#include "userspace-proxy/proxy/session_list.h"
#include "userspace-proxy/proxy/snapshot_pin.h"
#include "userspace-proxy/upstream/connection.h"

namespace fairlead::proxy {

class Worker;

// The byte part by itself: also for an HTTP/2 preface on an HTTP port. Connects, pumps, reports; by `upstream_now` the
// owner can cancel the upstream side meanwhile.
io::Task<void> pass_bytes(Worker& worker, const Arrival& arrival, io::StreamEnd client_end, UpstreamNow& upstream_now);

class TcpSession final : public Session {
 public:
  TcpSession(Worker& worker, Fd fd, const Arrival& arrival);

  io::Task<void> run();
  void drain() override;
  void pod_gone(uint64_t netns) override;
  void configured(const SnapshotPin& snapshot) override;

 private:
  Worker& worker_;
  Arrival arrival_;
  io::Socket client_;
  io::Buffer in_;
  UpstreamNow upstream_;
};

}  // namespace fairlead::proxy
