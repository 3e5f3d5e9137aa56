#include "userspace-proxy/proxy/channel.h"

#include "userspace-proxy/base/log.h"
#include "userspace-proxy/broker/reconnect.h"

#include <algorithm>

namespace fairlead::proxy {

Channel::Channel(io::Loop& loop, Fd fd, ChannelHandler& handler, std::string rendezvous)
    : loop_(loop), fd_(std::move(fd)), handler_(handler), rendezvous_(std::move(rendezvous)), look_(*this) {}

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
  send(handler_.greeting());
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
  loop_.arm(look_, loop_.now_ns() + until_look_ns_);
}

void Channel::look_for_agent() {
  until_look_ns_ = std::min(until_look_ns_ * 2, kLongestLookNs);
  auto found = broker::connect_to_agent(rendezvous_.c_str());
  if (!found) {
    loop_.arm(look_, loop_.now_ns() + until_look_ns_);
    return;
  }
  fd_ = std::move(*found);
  if (const auto started = start(); !started) {
    log::error("the next agent: {}", started.error().message());
    loop_.arm(look_, loop_.now_ns() + until_look_ns_);
    return;
  }
  log::info("there is an agent again");
  handler_.agent_is_back();
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
    until_look_ns_ = kFirstLookNs;
    handler_.message(std::move(**received));
  }
}

}  // namespace fairlead::proxy
