// What a real Prometheus has read of the mesh's metrics, against the load that was sent. Pure.
#pragma once

#include "agent/bench/paths.h"

#include <cstdint>
#include <string>

namespace fairlead::bench {

struct Scraped {
  std::string version;  // of Prometheus
  Path path = Path::kNodeHttp;
  uint64_t sent = 0;                   // requests, each answered
  double source = 0, destination = 0;  // increase of istio_requests_total meanwhile, by reporter
  uint64_t scrapes = 0;                // during the load and after it
};

}  // namespace fairlead::bench
