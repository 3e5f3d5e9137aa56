// One question to a server on this machine, and all that it answers until it closes the connection. Main thread only;
// none waits longer than ten seconds for the next bytes.
#pragma once

#include "agent/bench/load/target.h"
#include "agent/bench/process.h"
#include "userspace-proxy/base/error.h"

#include <string>
#include <string_view>

namespace fairlead::bench {

// Whether somebody listens on this unix socket.
bool is_listening(const std::string& path);
Result<std::string> ask(const std::string& path, std::string_view question);

// GET: the body of a 200; anything else is an error with the status line.
Result<std::string> http_get(const Endpoint& endpoint, const std::string& path);
// The same in a namespace, by its path.
Result<std::string> http_get_within(const std::string& netns, const Endpoint& endpoint, const std::string& path,
                                    const Interrupt& interrupt);

}  // namespace fairlead::bench
