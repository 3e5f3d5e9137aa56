// What was measured of a user's own pods, and how it is told. Pure but for `write_own`; any thread.
#pragma once

#include "agent/bench/load/histogram.h"
#include "userspace-proxy/base/error.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fairlead::bench {

// One mode of the pod. The first of a report is the mode that the pod was in.
struct OwnRow {
  struct Round {
    double us_per_request = 0;
    uint64_t requests = 0;
  };
  std::string mode, path;  // the way as `fairlead explain` names it
  std::vector<Round> rounds;
  std::shared_ptr<Histogram> latency;  // of all rounds
};

struct OwnReport {
  std::string from, to, address;
  std::vector<OwnRow> rows;
};

std::string to_markdown(const OwnReport& report);
nlohmann::json to_json(const OwnReport& report);
// report.json and report.md in that folder, which is made if it is absent.
Status write_own(const OwnReport& report, const nlohmann::json& machine, const nlohmann::json& method,
                 const std::string& folder);

}  // namespace fairlead::bench
