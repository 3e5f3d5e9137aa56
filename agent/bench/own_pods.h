// `fairlead bench --from pod/NS/NAME --to URL`: the way that a user's own pod takes to a URL now, and, where asked for,
// in the other modes. The agent is the one that runs; nothing is made but the load. Main thread only, and there must be
// no other.
#pragma once

#include "userspace-proxy/base/error.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::bench {

struct OwnPods {
  std::string run_dir;      // of the running agent
  std::string from, to;     // "pod/NS/NAME", "http://HOST[:PORT][/PATH]"
  bool is_toggled = false;  // measure in node, sidecar and off mode; the pod's mode is restored afterwards
  unsigned connections = 1, rounds = 5;
  std::chrono::milliseconds duration{1000};  // of one mode in one round
  std::string out = ".";
  std::vector<std::string> command_line{};
};

// The exit code: 0; 1 with one line on stderr. However it ends short of a SIGKILL, the pod's mode is what it was.
int run(const OwnPods& wanted);

// Of an http URL. An error says what is wrong with it. Pure.
struct Url {
  std::string host;  // without brackets
  uint16_t port = 80;
  std::string path = "/";  // with the query
  std::string authority;   // as written: the request's Host
};
Result<Url> parse_url(std::string_view text);

}  // namespace fairlead::bench
