#include "userspace-proxy/proxy/channel.h"

#include "userspace-proxy/base/log.h"

namespace fairlead::proxy {

Channel::Channel(io::Loop& loop, Fd fd, ChannelHandler& handler) : loop_(loop), fd_(std::move(fd)), handler_(handler) {}

Channel::~Channel() {
  if (fd_) {
    loop_.remove(fd_.get(), *this);
  }
}

Status Channel::start() {
  if (auto added = loop_.add(fd_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this); !added) {
    fd_.reset();
    return added;
  }
  send({.type = broker::Type::kHello, .number = broker::kVersion});
  return {};
}

void Channel::send(const broker::Message& message) {
  if (fd_) {
    unsent_.push_back(message);
    flush();
  }
}

void Channel::flush() {
  while (!unsent_.empty()) {
    if (const auto sent = broker::send(fd_.get(), unsent_.front()); !sent) {
      if (sent.error().errno_value() != EAGAIN) {
        close(sent.error().message());
      }
      return;
    }
    unsent_.pop_front();
  }
}

void Channel::close(std::string_view why) {
  if (!fd_) {
    return;
  }
  log::warn("the agent is gone ({}): serving on with what there is", why);
  loop_.remove(fd_.get(), *this);
  fd_.reset();
  unsent_.clear();
  handler_.agent_gone();
}

void Channel::on_events(uint32_t) {
  flush();
  while (fd_) {
    auto received = broker::receive(fd_.get());
    if (!received) {
      close(received.error().message());
      return;
    }
    if (!*received) {
      return;
    }
    handler_.message(std::move(**received));
  }
}

}  // namespace fairlead::proxy
