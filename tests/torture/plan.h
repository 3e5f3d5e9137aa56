// What the two ends of one connection do: drawn from the seed and the connection's number alone.
#pragma once

#include "tests/torture/pattern.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::torture {

enum class Framing : uint8_t {
  kRaw,      // the connection's number, then bytes, as over TCP
  kUpgrade,  // an HTTP request that turns the connection into one of bytes
  kChunked,  // an HTTP request and its answer, both bodies under way at once
  kLength,   // the same with Content-Length
};
enum class Order : uint8_t {
  kTogether,          // both directions at once
  kServerAnswersEnd,  // the server begins once the client has ended its direction: half-close, or the whole request
  kClientAnswersEnd,  // the other way round
  kLockstep,          // small pieces to and fro, nothing else in flight
  kCount,
};
enum class Sending : uint8_t { kSend, kMore, kVector, kSendfile, kSplice, kCount };
enum class Receiving : uint8_t { kRecv, kPeek, kSplice, kFionread, kWaitall, kCount };
enum class Waiting : uint8_t { kLevel, kEdge, kBlocking, kCount };
enum class Ending : uint8_t {
  kOrderly,
  kCloseAtOnce,  // close() behind the last byte; the other side sends none
  kAbrupt,       // close() in the middle
  kReset,        // the same with SO_LINGER 0
};

inline constexpr uint64_t kNever = ~0ULL;

struct EndPlan {
  Stream sends;
  Sending sending = Sending::kSend;
  Receiving receiving = Receiving::kRecv;
  Waiting waiting = Waiting::kLevel;
  uint64_t piece = 1;           // most bytes of one write
  uint64_t gulp = 1;            // most bytes of one read
  uint64_t stalls_at = kNever;  // stops reading there until its peer can't send more
  bool no_delay = false;        // TCP_NODELAY
  Ending ending = Ending::kOrderly;
  uint64_t leaves_at = kNever;  // kAbrupt, kReset: after so many bytes, sent and received
};

struct Plan {
  uint64_t id = 0;
  Framing framing = Framing::kRaw;
  Order order = Order::kTogether;
  uint64_t window = 0;  // kLockstep: bytes that the client may be ahead
  bool keep = false;    // HTTP: the connection carries another exchange afterwards
  EndPlan client, server;

  // Everything arrives and nothing fails.
  [[nodiscard]] bool complete() const;
};

// Which kinds of connection to draw.
struct Mix {
  uint64_t seed = 0;
  bool http = false;     // chunked and length, not raw
  bool upgrade = false;  // upgraded, not raw; with `http`: among them
  uint64_t largest = 4U << 20U;
  bool blocking = true;                // some ends block
  bool fresh = false;                  // no connection is kept for another exchange
  std::vector<Receiving> receiving{};  // the ways of non-blocking ends; empty: all
};

// By its name in `text`; nullopt: there is none.
std::optional<Receiving> receiving_named(std::string_view name);

Plan plan_of(const Mix& mix, uint64_t id);
std::string text(const EndPlan& plan);
std::string text(const Plan& plan);

}  // namespace fairlead::torture
