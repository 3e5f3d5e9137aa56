#include "agent/broker/channel.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>

namespace fairlead::agent_broker {
namespace {

constexpr int kMessagesPerRound = 64;  // then other fds get their turn

}  // namespace

Channel::Channel(agent::Loop& loop, Fd socket, Handlers handlers, Limits limits)
    : loop_(loop), socket_(std::move(socket)), handlers_(std::move(handlers)), limits_(limits) {
  watch_ = loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t events) { on_events(events); });
}

void Channel::send(const broker::Message& message, SharedFds fds) {
  if (broken_) {
    return;
  }
  queue_.push_back({message, std::move(fds)});
  if (queue_.size() == 1) {
    flush();
  } else if (queue_.size() > limits_.queue) {
    break_off(fmt::format("{} messages wait for it", queue_.size()));
  }
}

std::vector<uint64_t> Channel::withdraw(uint64_t netns) {
  std::vector<uint64_t> listeners;
  std::erase_if(queue_, [&](const Outgoing& outgoing) {
    if (outgoing.message.netns != netns || outgoing.fds.empty()) {
      return false;
    }
    if (outgoing.message.type == broker::Type::kListener) {
      listeners.push_back(outgoing.message.number);
    }
    return true;
  });
  return listeners;
}

void Channel::on_events(uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    flush();
  }
  if (!broken_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    receive();
  }
}

void Channel::flush() {
  while (!queue_.empty()) {
    const Outgoing& next = queue_.front();
    std::array<int, broker::kMaxFds> fds;
    const size_t count = std::min(next.fds.size(), fds.size());
    std::transform(next.fds.begin(), next.fds.begin() + static_cast<ptrdiff_t>(count), fds.begin(),
                   [](const auto& fd) { return fd->get(); });
    const Status sent = broker::send(socket_.get(), next.message, std::span(fds.data(), count));
    if (!sent && sent.error().errno_value() == EAGAIN) {
      break;
    }
    if (!sent) {
      break_off(sent.error().message());
      return;
    }
    queue_.pop_front();
    stall_.reset();
  }
  watch_for(!queue_.empty());
  if (!queue_.empty() && !stall_.active()) {
    stall_ = loop_.after(limits_.stall, [this] {
      break_off(fmt::format("it has read nothing for {} s", limits_.stall.count() / 1000.0));
    });
  }
}

void Channel::receive() {
  for (int i = 0; i < kMessagesPerRound && !broken_; ++i) {
    const auto received = broker::receive(socket_.get());
    if (!received) {
      break_off(received.error().message());
      return;
    }
    if (!received->has_value()) {
      return;
    }
    handlers_.on_message((*received)->message);
  }
}

void Channel::break_off(const std::string& why) {
  if (!broken_) {
    broken_ = true;
    watch_.reset();
    queue_.clear();
    stall_ = loop_.after({}, [this, why] { handlers_.on_broken(why); });
  }
}

void Channel::watch_for(bool writing) {
  if (writing != writing_ && watch_.active()) {
    writing_ = writing;
    watch_.set_events(writing ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
}

}  // namespace fairlead::agent_broker
