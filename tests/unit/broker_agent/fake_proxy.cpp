// A proxy that only keeps the protocol with the agent (broker/wire.h), for the tests of supervision. Takes the flags
// that a real one takes; --name says how it behaves: "good", "mute" (says nothing), "deaf" (applies no snapshot),
// "refuses" (cannot build one), "liar" (acknowledges generation 1000000), "asks" (wants sockets in the namespace of
// every snapshot's generation number), "outlives" (looks for the next agent when its own is gone), "outlives draining"
// (and says to that one that it drains).
#include "userspace-proxy/broker/reconnect.h"
#include "userspace-proxy/broker/wire.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace {

using fairlead::broker::Message;
using fairlead::broker::Type;

void say(int channel, Type type, uint64_t number) {
  Message message{.type = type};
  message.number = number;
  [[maybe_unused]] const auto sent = fairlead::broker::send(channel, message);
}

void want_sockets(int channel, uint64_t netns) {
  Message message{.type = Type::kSocketsWanted};
  message.netns = netns;
  message.family = AF_INET;
  message.count = 1000;
  [[maybe_unused]] const auto sent = fairlead::broker::send(channel, message);
}

// The line to the next agent takes the old one's place.
void find_next_agent(int channel, bool is_draining) {
  auto found = fairlead::broker::connect_to_agent();
  while (!found) {
    usleep(10'000);
    found = fairlead::broker::connect_to_agent();
  }
  dup2(found->get(), channel);
  Message hello{.type = Type::kHello, .number = fairlead::broker::kVersion};
  hello.count = is_draining ? 1 : 0;
  [[maybe_unused]] const auto sent = fairlead::broker::send(channel, hello);
}

}  // namespace

int main(int argc, char** argv) {
  std::string name;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--name") {
      name = argv[i + 1];
    }
  }
  constexpr int kChannel = 3;
  if (name == "mute") {
    pause();
  }
  say(kChannel, Type::kHello, fairlead::broker::kVersion);
  size_t sockets = 0;
  while (true) {
    pollfd waiting{kChannel, POLLIN, 0};
    poll(&waiting, 1, -1);
    auto received = fairlead::broker::receive(kChannel);
    if (!received && name.starts_with("outlives")) {
      find_next_agent(kChannel, name == "outlives draining");
      continue;
    }
    if (!received) {
      return 0;
    }
    if (!received->has_value()) {
      continue;
    }
    const Message& message = (*received)->message;
    if (message.type == Type::kSnapshot && name == "refuses") {
      say(kChannel, Type::kSnapshotRefused, message.number);
    } else if (message.type == Type::kSnapshot && name != "deaf") {
      say(kChannel, Type::kSnapshotApplied, name == "liar" ? 1'000'000 : message.number);
      if (name == "asks") {
        want_sockets(kChannel, message.number);
      }
    } else if (message.type == Type::kListenerGone) {
      say(kChannel, Type::kListenerGoneDone, message.number);
    } else if (message.type == Type::kDrain) {
      return 0;
    } else if (message.type == Type::kSockets) {
      sockets += (*received)->fds.size();
      say(kChannel, Type::kListenerGoneDone, 5000 + sockets);  // tells the test how many came
    } else if (message.type == Type::kSocketsRefused) {
      say(kChannel, Type::kListenerGoneDone, 4000);
    }
  }
}
