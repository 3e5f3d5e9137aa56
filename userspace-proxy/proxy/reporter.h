// Metrics and records of what a worker has served. Each request and connection is reported once, with one reason.
// Series are found by labels once and remembered per (ends, outcome): counting costs a hash of pointers. Worker-local.
#pragma once

#include "userspace-proxy/proxy/arrival.h"
#include "userspace-proxy/telemetry/arena.h"

#include <memory>
#include <unordered_map>

namespace fairlead::proxy {

// What happened, for the metrics and the record.
struct Outcome {
  Reason reason = Reason::NONE;
  uint16_t status = 0;
  int64_t start_unix_ns = 0;
  uint64_t duration_ns = 0;
  uint64_t received_bytes = 0;  // body bytes from the client
  uint64_t sent_bytes = 0;      // body bytes to the client
  uint64_t request_size = 0;    // head and body, for istio_request_bytes
  uint64_t response_size = 0;
};

// Whom it concerned. Pointers into the pinned snapshot, texts into the request.
struct Subject {
  const Arrival* arrival = nullptr;
  Ends ends;
  plan::Plan plan;
  const policy::Policy* policy = nullptr;  // the one that decided
  std::string_view method, authority, target;
};

class Reporter {
 public:
  explicit Reporter(std::unique_ptr<telemetry::ArenaWriter> arena) : arena_(std::move(arena)) {}

  // The snapshot was changed: what is remembered by pointer is void.
  void forget() {
    http_.clear();
    tcp_.clear();
  }

  void http(const Subject& subject, const Outcome& outcome);
  // A connection that no session was made for.
  void turned_away(const Arrival& arrival, Reason reason, int64_t unix_ns);
  void tcp_opened(const Subject& subject);
  // `sent`, `received`: bytes since the last call for this connection; towards the client, and from it.
  void tcp_bytes(const Subject& subject, uint64_t sent, uint64_t received);
  void tcp_closed(const Subject& subject, const Outcome& outcome);

 private:
  // One request concerns at most the source's and the destination's series.
  template <class Series>
  struct Pair {
    Series* source = nullptr;
    Series* destination = nullptr;
  };
  struct SeriesKey {
    const void *source, *destination, *service, *identity;
    uint16_t status;
    uint8_t reason;
    uint8_t sides;
    bool operator==(const SeriesKey&) const = default;
  };
  struct SeriesKeyHash {
    size_t operator()(const SeriesKey& key) const noexcept;
  };

  static SeriesKey key_of(const Subject& subject, uint16_t status, Reason reason);
  Pair<telemetry::HttpSeries> http_series(const Subject& subject, const Outcome& outcome);
  Pair<telemetry::TcpSeries> tcp_series(const Subject& subject);
  void record(telemetry::RecordKind kind, const Subject& subject, const Outcome& outcome);

  std::unique_ptr<telemetry::ArenaWriter> arena_;
  std::unordered_map<SeriesKey, Pair<telemetry::HttpSeries>, SeriesKeyHash> http_;
  std::unordered_map<SeriesKey, Pair<telemetry::TcpSeries>, SeriesKeyHash> tcp_;
};

}  // namespace fairlead::proxy
