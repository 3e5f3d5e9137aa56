// May a connection pass as bytes, from its beginning or since it was upgraded? Asked when it begins, and again under
// each configuration that comes while it is open: a decision does not outlive the policies that it was made under.
// Worker-local.
#pragma once

#include "userspace-proxy/http/h1.h"
#include "userspace-proxy/io/socket.h"
#include "userspace-proxy/proxy/arrival.h"
#include "userspace-proxy/proxy/snapshot_pin.h"

namespace fairlead::proxy {

struct Judgement {
  Reason reason = Reason::NONE;            // NONE: it may
  const policy::Policy* policy = nullptr;  // the one that decided
};

// The destination's policies, without facts of HTTP.
Judgement judge_bytes(const config::Workload& destination, const SocketAddress& endpoint, const plan::Caller& caller);

// An open one. It is ended by cancelling the client's socket; routes, endpoints and modes that changed are no reason.
class Passage {
 public:
  // References outlive this object. `request`: what the destination saw of the request that was upgraded; null: none.
  Passage(const Arrival& arrival, const plan::Plan& plan, io::Socket& client,
          const http::RequestHead* request = nullptr)
      : arrival_(arrival), plan_(plan), client_(client), request_(request) {}

  void judge_again(const SnapshotPin& snapshot);
  // The same, if `current` came after `decided`, which the plan and its decision are by: while it was waited for the
  // upstream. False: it must not begin.
  bool may_begin(const SnapshotPin& decided, const SnapshotPin& current);
  // Why it was ended; NONE: it was not. The policy lives as long as this object.
  [[nodiscard]] const Judgement& objection() const { return objection_; }

 private:
  [[nodiscard]] Judgement judge(const config::Snapshot& snapshot) const;

  const Arrival& arrival_;
  const plan::Plan& plan_;
  io::Socket& client_;
  const http::RequestHead* request_;
  SnapshotPin judged_by_;
  Judgement objection_;
};

}  // namespace fairlead::proxy
