// The application of the bench: nginx in the server's pod, with a private configuration in the bench's folder. Main
// thread only.
#pragma once

#include "agent/bench/paths.h"
#include "agent/bench/process.h"
#include "agent/bench/stage.h"
#include "userspace-proxy/base/error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace fairlead::bench {

inline constexpr uint16_t kHttpPort = 8080, kTcpPort = 9000;  // of the server: the same pages at both
inline constexpr uint16_t kRestPort = 9002;                   // the same, of no service
inline constexpr uint16_t kEchoPort = 9001;
// Where the answer of a load is: "/", "/10k", "/1m", and below "/close" where the server closes after it.
std::string page_of(const Load& load);

Result<Process> start_server(const Stage& stage, const std::vector<int>& cpus, const Interrupt& interrupt);

}  // namespace fairlead::bench
