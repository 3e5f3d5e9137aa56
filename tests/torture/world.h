// What all parts of a run share. Made by main, outlives every thread.
#pragma once

#include "tests/torture/report.h"

#include <string>
#include <vector>

namespace fairlead::torture {

struct Options {
  Mix mix;
  std::string client_netns, server_netns;  // paths; empty: where the program runs
  std::string address;                     // dialled
  uint16_t port = 0, listen_port = 0;
  std::string host = "torture";  // HTTP: the Host field
  uint64_t connections = 1000, at_once = 200;
  uint64_t unread_limit = 4U << 20U;  // bytes that a sender may get rid of while its reader reads nothing
  uint64_t patience_s = 30;           // a connection on which nothing moves for so long is stuck
  std::vector<std::string> switches;  // shell commands, one after the other, over and over
  uint64_t switch_every_ms = 100;
};

struct World {
  explicit World(Options given);

  const Options options;
  const Pattern pattern;
  Report report;
  std::deque<Connection> connections;
  std::atomic<bool> all_dialled{false};  // and all clients' ends are done
  std::atomic<int> threads{0};           // of blocking ends
};

}  // namespace fairlead::torture
