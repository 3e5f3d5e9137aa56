// What the kernel knows of a connection: the private socket options of bpf/abi/connection.h. They are answered by
// programs on the agent's cgroup, for sockets that the agent made (or that were accepted from them), and by nobody
// else.
#pragma once

#include "bpf/abi/connection.h"
#include "userspace-proxy/base/address.h"
#include "userspace-proxy/base/error.h"

#include <optional>

namespace fairlead::net {

struct ConnectionOrigin {
  fl_connection_kind kind = FL_CONNECTION_NONE;
  uint64_t source_netns = 0;  // cookie of the pod that dialled, 0 if unknown
  uint32_t identity = 0;      // numeric, 0: none
  SocketAddress original;     // what was dialled
  SocketAddress client;       // as the table states it; none if it does not
  SocketAddress kept;         // of FL_CONNECTION_OUTBOUND: the endpoint that session affinity keeps; none: none
};

// Of a socket accepted from a tagged listener.
Result<ConnectionOrigin> connection_origin(int fd);

// States the true client of an upstream socket, before connect(): what the application's accept() and getpeername()
// show.
Status claim_client(int fd, const SocketAddress& client);

// Whether this upstream socket's connection, just opened, is one by which the kernel's half learns how the application
// uses its sockets: it goes over TCP for good, a later one to the same place may be redirected.
bool is_watched(int fd);

}  // namespace fairlead::net
