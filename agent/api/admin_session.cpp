#include "agent/api/admin_session.h"

#include "agent/api/admin_socket.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace fairlead::api {

void AdminSession::start(agent::Loop& loop) {
  watch_ = loop.watch(socket_.get(), EPOLLIN, [this](uint32_t events) {
    const std::shared_ptr<AdminSession> self = shared_from_this();  // close() gives up the owner's reference
    on_events(events);
  });
}

void AdminSession::on_events(uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    flush();
  }
  if (!closed_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    receive();
  }
}

void AdminSession::receive() {
  std::array<char, 16 * 1024> buffer;
  const ssize_t count = read(socket_.get(), buffer.data(), buffer.size());
  if (count <= 0) {
    if (count == 0 || errno != EAGAIN) {
      close();
    }
    return;
  }
  input_.append(buffer.data(), static_cast<size_t>(count));
  size_t begin = 0;
  for (size_t end; !closed_ && (end = input_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    owner_.dispatch(input_.substr(begin, end - begin), shared_from_this());
  }
  input_.erase(0, begin);
  if (input_.size() > kMaxRequest) {
    close();
  }
}

void AdminSession::send(const std::string& line) {
  if (closed_) {
    return;
  }
  output_ += line;
  flush();
}

void AdminSession::flush() {
  while (!output_.empty()) {
    const ssize_t count = ::send(socket_.get(), output_.data(), output_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) {
      break;
    }
    if (count <= 0) {
      close();
      return;
    }
    output_.erase(0, static_cast<size_t>(count));
  }
  if (output_.size() > kMaxQueued) {
    close();
    return;
  }
  if (writing_ != !output_.empty()) {
    writing_ = !output_.empty();
    watch_.set_events(writing_ ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
}

void AdminSession::close() {
  closed_ = true;
  watch_.reset();
  owner_.close(this);
}

}  // namespace fairlead::api
