#include "userspace-proxy/io/wait.h"

namespace fairlead::io {

bool Wait::await_ready() {
  for (uint8_t i = 0; i < count_; ++i) {
    if (sockets_[i]->ready(interests_[i])) {
      return true;
    }
  }
  if (deadline_ns_ != 0 && deadline_ns_ <= loop_.now_ns()) {
    result_ = Wake::kTimeout;
    return true;
  }
  return false;
}

void Wait::await_suspend(std::coroutine_handle<> task) {
  task_ = task;
  for (uint8_t i = 0; i < count_; ++i) {
    sockets_[i]->set_waiter(this, interests_[i]);
  }
  if (deadline_ns_ != 0) {
    loop_.arm(*this, deadline_ns_);
  }
}

void Wait::wake(Wake wake) {
  for (uint8_t i = 0; i < count_; ++i) {
    sockets_[i]->set_waiter(nullptr, Interest::kNone);
  }
  disarm();
  result_ = wake;
  task_.resume();
}

}  // namespace fairlead::io
