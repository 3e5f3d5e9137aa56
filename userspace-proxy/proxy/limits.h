// Time limits of the data plane, in ns. Defaults follow Envoy where it has one.
#pragma once

#include <cstdint>

namespace fairlead::proxy {

inline constexpr uint64_t kSecond = 1'000'000'000;
// A client that begins a head must finish it (Envoy: off; nginx: 60 s; Apache: 20 to 40 s).
inline constexpr uint64_t kHeadNs = 15 * kSecond;
// A kept client connection without a request (Envoy's idle_timeout).
inline constexpr uint64_t kKeepAliveNs = 3600 * kSecond;
// Inside a request: nothing moves in either direction (Envoy's stream_idle_timeout).
inline constexpr uint64_t kStreamIdleNs = 300 * kSecond;
// A proxied TCP connection on which nothing moves (Envoy's tcp_proxy idle_timeout).
inline constexpr uint64_t kTcpIdleNs = 3600 * kSecond;
// After a refusal: how long the client's bytes are read and thrown away, so that the answer is not lost to a reset.
inline constexpr uint64_t kLingerNs = kSecond;
// A draining proxy goes on accepting for this long: redirections that were under way when the kernel was switched.
inline constexpr uint64_t kLastAcceptNs = kSecond / 4;
// And a connection that it has accepted may take so long until its first request.
inline constexpr uint64_t kFirstRequestNs = 5 * kSecond;
// Upstream connect, where no cluster says otherwise (Istio's connectTimeout).
inline constexpr uint64_t kConnectNs = 10 * kSecond;

}  // namespace fairlead::proxy
