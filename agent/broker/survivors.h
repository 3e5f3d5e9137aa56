// Proxies that have outlived their agent: which of the processes in the agent's cgroup are proxies, whose, and what
// they hold that the next agent needs: listening sockets and telemetry. docs/decisions/0015-adoption.md has the
// reasons.
//
// Nothing that a proxy says counts here. The kernel tells that a process is in the cgroup (only root puts one there,
// and children stay), which program it runs, as which user, and in which network namespace it lives: that is whom it
// serves, for a process without capabilities never leaves one namespace for another that exists. Its descriptors are
// copied out of it (pidfd_getfd, Linux 5.6; needs CAP_SYS_PTRACE) and looked at one by one. Main thread only.
#pragma once

#include "agent/host/cgroup.h"
#include "agent/workload/found_listener.h"
#include "agent/workload/netns.h"
#include "agent/workload/sockets.h"
#include "userspace-proxy/base/fd.h"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace fairlead::agent_broker {

struct Survivor {
  pid_t pid = 0;
  Fd pidfd;
  uint64_t started = 0;  // clock ticks since the machine's start
  uint64_t netns = 0;    // of a sidecar: its pod's cookie; 0: it lives where the agent does, and is a node proxy
  Fd netns_fd;           // of a sidecar
  // It runs the very program that this agent would start, as the same user, and its telemetry can be read: it can go
  // on. Another one is replaced.
  bool is_current = false;
  uint32_t workers = 0;
  Fd arena;
  std::vector<workload::Listener> listeners;
};

struct SurvivorSearch {
  const host::Cgroup& cgroup;
  const workload::NetnsDoor& door;
  workload::TagOf tag_of;
  std::string executable;
  uid_t uid = 0;
};

// All proxies in the cgroup, the newest first. A process that holds neither a listener of ours nor telemetry is none.
// Costs a few system calls per descriptor.
std::vector<Survivor> find_survivors(const SurvivorSearch& search);

}  // namespace fairlead::agent_broker
