// Servers of others, each one process with a folder of its own: written, started, asked. Main thread only.
#pragma once

#include "agent/bench/load/target.h"
#include "agent/bench/process.h"
#include "userspace-proxy/base/error.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::bench {

// Writes a file anew.
Status write_new(const std::string& path, std::string_view text);

// Starts a server and waits until `is_ready`. What it writes lies in FOLDER/output.log; its last line is the error if
// it does not start.
Result<Process> start_serving(const std::string& folder, const std::vector<std::string>& argv, const Place& place,
                              const Interrupt& interrupt, const std::function<bool()>& is_ready);

// Whether somebody listens on this unix socket.
bool is_listening(const std::string& path);

// Sends a question and returns all that comes until the other side closes: over a unix socket, and over TCP within a
// network namespace.
Result<std::string> ask_socket(const std::string& path, std::string_view question);
Result<std::string> ask_within(const std::string& netns, const Endpoint& endpoint, std::string_view question,
                               const Interrupt& interrupt);

// The first whole number after `key`; zero if there is none.
uint64_t number_after(std::string_view text, std::string_view key);

}  // namespace fairlead::bench
