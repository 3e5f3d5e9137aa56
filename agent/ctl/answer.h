// One question to the agent, and its answer on stdout: what `status`, `mode`, `accelerate` and `explain` have in
// common.
#pragma once

#include "agent/ctl/commands.h"

#include <nlohmann/json_fwd.hpp>

#include <functional>

namespace fairlead::ctl {

// `part`: the member of the answer that is wanted; empty: all of it. As JSON, or as `print` writes it. Returns the exit
// code.
int ask_and_print(const Settings& settings, const nlohmann::json& request, const char* part,
                  const std::function<void(const nlohmann::json&)>& print);

}  // namespace fairlead::ctl
