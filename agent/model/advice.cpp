#include "agent/model/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <vector>

namespace fairlead::model {

namespace {

// Edits that turn one name into the other, case aside; for "did you mean".
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = std::tolower(static_cast<uint8_t>(a[i - 1])) == std::tolower(static_cast<uint8_t>(b[j - 1]));
      const size_t replaced = diagonal + (same ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// Spellings of older releases, and what took their place.
struct Former {
  std::string_view name;
  std::string_view instead;
};

constexpr Former kFormer[] = {
    {"websocketUpgrade", "leave it out: upgrades to WebSocket are always allowed"},
    {"appendHeaders", "use headers.request.add"},
    {"appendRequestHeaders", "use headers.request.add"},
    {"removeRequestHeaders", "use headers.request.remove"},
    {"appendResponseHeaders", "use headers.response.add"},
    {"removeResponseHeaders", "use headers.response.remove"},
    {"httpMaxPendingRequests", "use connectionPool.http.http1MaxPendingRequests"},
    {"httpMaxRequests", "use connectionPool.http.http2MaxRequests"},
    {"httpMaxRequestsPerConnection", "use connectionPool.http.maxRequestsPerConnection"},
    {"httpMaxRetries", "use connectionPool.http.maxRetries"},
    {"httpConsecutiveErrors", "use outlierDetection.consecutive5xxErrors"},
    {"sleepWindow", "use outlierDetection.baseEjectionTime"},
    {"httpDetectionInterval", "use outlierDetection.interval"},
    {"httpMaxEjectionPercent", "use outlierDetection.maxEjectionPercent"},
};

}  // namespace

std::string advice(std::string_view name, std::span<const std::string_view> known) {
  static constexpr size_t kMaxEdits = 2;
  static constexpr size_t kMaxName = 64;
  const auto* const former = std::ranges::find(kFormer, name, &Former::name);
  if (former != std::end(kFormer)) {
    return std::string(former->instead);
  }
  size_t least = kMaxEdits + 1;
  std::string_view nearest;
  for (const std::string_view candidate : known) {
    const size_t edits = name.size() <= kMaxName ? distance(candidate, name) : least;
    if (edits < least) {
      least = edits;
      nearest = candidate;
    }
  }
  return nearest.empty() ? "remove it" : fmt::format("did you mean {}?", nearest);
}

}  // namespace fairlead::model
