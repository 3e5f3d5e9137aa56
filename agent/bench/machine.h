// What the figures were made on. Any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace fairlead::bench {

// CPU model, kernel, clock source, governor, memory, load average, versions of the programs, date: the "machine" of
// report.json.
nlohmann::json describe_machine(const std::vector<int>& measured_cpus, const std::string& agent_version);

// The CPUs that this process may run on.
std::vector<int> usable_cpus();

}  // namespace fairlead::bench
