// What agent and proxy say to each other: fixed-size messages over one SOCK_SEQPACKET socketpair per worker, with file
// descriptors alongside (SCM_RIGHTS). The agent makes the pairs before it starts the proxy. A worker whose agent is
// gone comes to the next one by a socket (reconnect.h) and says the same things there. Everything that a proxy sends is
// untrusted: fixed size, known type, and only about pods that the agent enrolled. Both ends are built from the same
// tree and started by each other; kVersion tells them apart after an upgrade.
#pragma once

#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace fairlead::broker {

inline constexpr uint32_t kVersion = 1;
inline constexpr size_t kMaxFds = 64;

enum class Type : uint32_t {
  // agent -> worker
  kSnapshot = 1,        // fd: sealed memfd with a config.wire.Snapshot of `size` bytes; `number`: its generation
  kListener = 2,        // fd: a listening socket; `number`: listener id; `netns`, `role`, `family`, `mode`
  kListenerGone = 3,    // `number`: listener id; close it
  kSockets = 4,         // fds (1 to kMaxFds): tagged upstream sockets of `netns` and `family`
  kSocketsRefused = 5,  // `netns`, `family`: none will come (pod gone, or limit): fail the waiting ones
  kPodGone = 6,         // `netns`: close every socket in that namespace, also those in use
  kDrain = 7,           // accept nothing new, end when the last connection ends
  // worker -> agent
  kHello = 32,             // `number`: kVersion; `count`: 1 if it drains, else 0; the worker is ready for messages
  kSnapshotApplied = 33,   // `number`: generation; every later request is judged by it
  kSnapshotRefused = 34,   // `number`: generation that could not be built
  kSocketsWanted = 35,     // `netns`, `family`, `count`; `number`: connections that waited since the last of these
  kListenerGoneDone = 36,  // `number`: listener id; it is closed here
};

enum class Role : uint32_t { kOutbound = 1, kInbound = 2 };

struct Message {
  Type type = Type::kHello;
  uint32_t version = kVersion;
  uint64_t number = 0;
  uint64_t netns = 0;
  uint64_t size = 0;
  Role role = Role::kOutbound;
  int32_t family = 0;  // AF_INET or AF_INET6
  uint32_t count = 0;
  uint32_t mode = 0;  // enum fl_mode: whose listener it is
};

struct Received {
  Message message;
  std::vector<Fd> fds;
};

// Both functions never block, whatever the channel's mode, hold nothing, and may be called from any thread, one at a
// time per channel and direction.

// Sends one message with its descriptors (which stay the caller's), whole or not at all. An Error with errno EAGAIN:
// the peer does not read; EPIPE: it is gone; EPROTO: the message breaks the rules below.
Status send(int channel, const Message& message, std::span<const int> fds = {});

// Receives one message. nullopt inside: nothing there now (EAGAIN). Errors: ECONNRESET, the peer is gone; EPROTO, what
// came is not a message: another size or version, an unknown type, role or family, or not the descriptors that belong
// to the type: exactly one with kSnapshot and kListener, 1 to kMaxFds with kSockets, none with others, so that a worker
// can make the agent hold none. Descriptors that came with an error are closed, received ones are close-on-exec. EPROTO
// too where this process may open no more files. Which side may send which type is the caller's to check.
Result<std::optional<Received>> receive(int channel);

}  // namespace fairlead::broker
