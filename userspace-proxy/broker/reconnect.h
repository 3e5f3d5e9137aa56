// How a proxy finds the next agent when its own is gone: a SOCK_SEQPACKET socket at a fixed name in the directory that
// the agent made the proxy's current one, so that no directory above it has to be open to the proxy's uid, nor /proc be
// mounted. Any thread.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

namespace fairlead::broker {

inline constexpr const char* kAgentSocket = "agent.sock";

// A new channel, non-blocking. An Error while no agent listens there; it never blocks.
Result<Fd> connect_to_agent(const char* path = kAgentSocket);

}  // namespace fairlead::broker
