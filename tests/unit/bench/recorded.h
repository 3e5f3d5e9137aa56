// A report.json as the tests of comparing want it: rounds of known ratios.
#pragma once

#include <nlohmann/json.hpp>

#include <random>
#include <string>
#include <vector>

namespace fairlead::bench {

// Rounds whose ratios are lognormal around `ratio`; direct drifts by a factor of three over them.
inline nlohmann::json rounds_around(double ratio, double noise, uint64_t seed) {
  constexpr int kRounds = 15;
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> wobble(0, noise);
  nlohmann::json rounds = nlohmann::json::array();
  for (int i = 0; i < kRounds; ++i) {
    const double direct_us = 10 + 20.0 * i / kRounds;
    rounds.push_back(
        {{"us_per_request", direct_us * ratio * wobble(random)}, {"direct_us", direct_us}, {"requests", 100}});
  }
  return rounds;
}

inline nlohmann::json row_around(const std::string& path, const std::string& load, nlohmann::json rounds) {
  return {{"path", path},
          {"placement", "one-core"},
          {"load", load},
          {"latency_us", {{"p50", 30.0}, {"p99", 90.0}}},
          {"rounds", std::move(rounds)}};
}

// direct and three paths under one load, with 2 % of noise.
inline nlohmann::json recorded_report(uint64_t seed = 1) {
  constexpr double kNoise = 0.02;
  nlohmann::json rows = {row_around("direct", "http-c1", rounds_around(1, 0, seed)),
                         row_around("node-http", "http-c1", rounds_around(2, kNoise, seed + 1)),
                         row_around("sidecar-pair", "http-c1", rounds_around(3.3, kNoise, seed + 2)),
                         row_around("haproxy-pair", "http-c1", rounds_around(5.5, kNoise, seed + 3))};
  return {{"version", 1},
          {"machine",
           {{"cpu", "A"},
            {"cpus", 2},
            {"kernel", "Linux 6.1"},
            {"date", "2026-01-02T03:04:05Z"},
            {"versions", {{"fairlead", "1.0"}}}}},
          {"method", {{"rounds", 15}, {"duration_ms", 500}, {"seed", seed}, {"body_bytes", 100}}},
          {"rows", std::move(rows)},
          {"memory", {{"agent", {{"under_load", {{"rss_kib", 9000}, {"pss_kib", 8000}}}}}}},
          {"not_measured", nlohmann::json::array()}};
}

}  // namespace fairlead::bench
