// Moves bytes between two sockets both ways until both have ended: TCP through the proxy, and HTTP connections that
// were upgraded. Half-close is passed on; a reader that stops makes its sender stop (one block of 16 KiB per
// direction).
#pragma once

#include "userspace-proxy/base/reason.h"
#include "userspace-proxy/io/stream_end.h"
#include "userspace-proxy/io/task.h"

#include <cstdint>

namespace fairlead::proxy {

struct ByteCounts {
  uint64_t from_client = 0;  // taken from the client and written to the upstream
  uint64_t to_client = 0;
};

// Ends with TCP_DONE (both sides ended), DOWNSTREAM_DISCONNECT or UPSTREAM_CUT (one was reset: the other is reset too),
// IDLE_TIMEOUT (nothing moved for `idle_ns`), or DRAINED (cancelled). `counts` is kept current all the while.
// The buffers may hold bytes already.
io::Task<Reason> pump_bytes(io::StreamEnd client_end, io::StreamEnd upstream_end, uint64_t idle_ns, ByteCounts& counts);

}  // namespace fairlead::proxy
