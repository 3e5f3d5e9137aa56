#include "userspace-proxy/upstream/pool.h"

#include <algorithm>
#include <span>

namespace fairlead::upstream {

Pool::Idle::Idle(Pool& owner, std::unique_ptr<Connection> what) : pool(owner), connection(std::move(what)) {
  connection->socket.set_waiter(this, io::Interest::kRead);
  pool.loop_.arm(*this, pool.loop_.now_ns() + kIdleNs);
}

void Pool::Idle::wake(io::Wake) { pool.forget(*this); }
void Pool::Idle::on_timer() { pool.forget(*this); }

std::unique_ptr<Connection> Pool::take(const Key& key) {
  const auto found = idle_.find(key);
  if (found == idle_.end() || found->second.empty()) {
    return nullptr;
  }
  auto connection = std::move(found->second.back()->connection);
  found->second.pop_back();
  connection->socket.set_waiter(nullptr, io::Interest::kNone);
  return connection;
}

bool Pool::is_given_up(const Connection& connection) {
  return connection.watched && watched_[{connection.key.netns, connection.key.endpoint}]++ < kMostWatched;
}

namespace {

// Something to read already: the application says goodbye, or more than it was asked. What the socket takes for
// readable may be nothing (io::Socket::kMayHideMore), so it is asked: one more system call behind such a read.
bool has_more_to_say(io::Socket& socket) {
  char byte = 0;
  return socket.ready(io::Interest::kRead) &&
         socket.read(std::span(&byte, 1)).outcome != io::Transfer::Outcome::kWouldBlock;
}

}  // namespace

void Pool::put(std::unique_ptr<Connection> connection) {
  if (has_more_to_say(connection->socket) || is_given_up(*connection)) {
    return;
  }
  connection->in.release();
  connection->reused = true;
  auto& idle = idle_[connection->key];
  if (idle.size() < kMaxIdlePerKey) {
    idle.push_back(std::make_unique<Idle>(*this, std::move(connection)));
  }
}

void Pool::forget(const Idle& idle) {
  const auto found = idle_.find(idle.connection->key);
  if (found == idle_.end()) {
    return;
  }
  auto& list = found->second;
  const auto at = std::ranges::find_if(list, [&](const auto& each) { return each.get() == &idle; });
  if (at != list.end()) {
    list.erase(at);
  }
  if (list.empty()) {
    idle_.erase(found);
  }
}

void Pool::drop(uint64_t netns) {
  std::erase_if(watched_, [netns](const auto& entry) { return entry.first.first == netns; });
  std::erase_if(idle_, [netns](const auto& entry) { return entry.first.netns == netns; });
}

}  // namespace fairlead::upstream
