// Idle upstream connections, kept for the next request with the same key. A connection that becomes readable or fails
// while it idles is closed. Worker-local.
#pragma once

#include "userspace-proxy/upstream/connection.h"

#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace fairlead::upstream {

class Pool {
 public:
  // Idle connections are closed after a minute. The application's own limit is usually shorter (Apache: 5 s, nginx: 75
  // s).
  static constexpr uint64_t kIdleNs = 60'000'000'000;
  static constexpr size_t kMaxIdlePerKey = 128;

  explicit Pool(io::Loop& loop) : loop_(loop) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() = default;

  // Of connections that are watched (net::is_watched), so many to one place are closed after one request, so that the
  // next can be redirected; should an application never show its manner, the next are kept as any other.
  static constexpr uint8_t kMostWatched = 4;

  // The one used last, or null.
  std::unique_ptr<Connection> take(const Key& key);
  // REQUIRES: the last answer was read whole, nothing is left in its buffer.
  void put(std::unique_ptr<Connection> connection);
  void drop(uint64_t netns);
  void clear() { idle_.clear(); }

 private:
  // An idle connection with the eyes on it.
  struct Idle final : io::Waiter, private io::Timer {
    Idle(Pool& owner, std::unique_ptr<Connection> what);
    void wake(io::Wake wake) override;
    void on_timer() override;

    Pool& pool;
    std::unique_ptr<Connection> connection;
  };
  void forget(const Idle& idle);

  bool is_given_up(const Connection& connection);

  io::Loop& loop_;
  std::map<std::pair<uint64_t, SocketAddress>, uint8_t> watched_;  // by netns and endpoint
  std::unordered_map<Key, std::vector<std::unique_ptr<Idle>>, KeyHash> idle_;
};

}  // namespace fairlead::upstream
