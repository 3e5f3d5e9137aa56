#include "userspace-proxy/net/listener.h"

#include "userspace-proxy/base/log.h"

namespace fairlead::net {
namespace {

// Connections taken per event: the rest is left to other workers, or to the next turn.
constexpr int kBatch = 8;
// What the kernel lets wait at most (net.core.somaxconn, by default).
constexpr int kLongestBacklog = 4096;

}  // namespace

Listener::Listener(io::Loop& loop, Fd fd, AcceptHandler& handler)
    : loop_(loop), fd_(std::move(fd)), handler_(handler) {}

Listener::~Listener() {
  if (started_) {
    loop_.remove(fd_.get(), *this);
  }
}

Status Listener::start() {
  if (auto added = loop_.add(fd_.get(), EPOLLIN | EPOLLEXCLUSIVE, *this); !added) {
    return added;
  }
  started_ = true;
  return {};
}

void Listener::on_events(uint32_t) {
  for (int i = 0; i < kBatch && take_one(); ++i) {
  }
}

void Listener::take_the_rest() {
  for (int i = 0; i < kLongestBacklog && take_one(); ++i) {
  }
}

bool Listener::take_one() {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  Fd fd(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) {
    // ECONNABORTED and the like concern one connection; EMFILE leaves the backlog to a worker that has room.
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
      log::warn("accept: {}", Error::sys("accept4").message());
    }
    return false;
  }
  handler_.accepted(std::move(fd), SocketAddress::from(storage));
  return true;
}

}  // namespace fairlead::net
