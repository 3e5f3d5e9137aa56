#include "userspace-proxy/upstream/stock.h"

#include <algorithm>
#include <utility>

namespace fairlead::upstream {

// One task in the queue of a shelf.
struct Stock::Waiting final : private io::Timer {
  Waiting(io::Loop& io_loop, std::list<Waiting*>& in, uint64_t deadline)
      : loop(io_loop), queue(in), deadline_ns(deadline) {}
  ~Waiting() override { queue.remove(this); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  [[nodiscard]] bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    task = handle;
    queue.push_back(this);
    loop.arm(*this, deadline_ns);
  }
  Fd await_resume() { return std::move(fd); }

  void finish(Fd given) {
    disarm();
    queue.remove(this);
    fd = std::move(given);
    task.resume();
  }
  void on_timer() override { finish(Fd()); }

  io::Loop& loop;
  std::list<Waiting*>& queue;
  uint64_t deadline_ns;
  std::coroutine_handle<> task;
  Fd fd;
};

io::Task<Fd> Stock::take(uint64_t netns, int family, uint64_t deadline_ns) {
  const Key key(netns, family);
  Shelf& shelf = shelves_[key];
  const bool is_first_use = std::exchange(shelf.used_ns, loop_.now_ns()) == 0;
  if (!shelf.fds.empty() && shelf.waiting.empty()) {
    Fd fd = std::move(shelf.fds.back());
    shelf.fds.pop_back();
    if (shelf.fds.size() * 2 <= shelf.batch) {
      ask(key, shelf);
    }
    co_return fd;
  }
  ++waited_;
  if (!is_first_use) {
    shelf.batch = std::min(shelf.batch * 2, kLargestBatch);
  }
  ask(key, shelf);
  Waiting waiting(loop_, shelf.waiting, deadline_ns);
  Fd fd = co_await waiting;
  co_return fd;
}

void Stock::ask(const Key& key, Shelf& shelf) {
  if (!shelf.asked) {
    shelf.asked = true;
    send_wish(key, shelf);
  }
}

void Stock::send_wish(const Key& key, const Shelf& shelf) {
  const uint64_t waited = std::exchange(waited_, 0);
  if (!source_.want_sockets({key.first, key.second, shelf.batch, waited})) {
    waited_ += waited;
  }
}

void Stock::ask_again() {
  for (const auto& [key, shelf] : shelves_) {
    if (shelf.asked) {
      send_wish(key, shelf);
    }
  }
}

void Stock::add(uint64_t netns, int family, std::vector<Fd> fds) {
  Shelf& shelf = shelves_[Key(netns, family)];
  shelf.asked = false;
  for (Fd& fd : fds) {
    shelf.fds.push_back(std::move(fd));
  }
  while (!shelf.waiting.empty() && !shelf.fds.empty()) {
    Fd fd = std::move(shelf.fds.back());
    shelf.fds.pop_back();
    shelf.waiting.front()->finish(std::move(fd));
  }
  if (!shelf.waiting.empty()) {
    ask(Key(netns, family), shelf);
  }
  if (!shelf.fds.empty() && !sweep_.armed()) {
    loop_.arm(sweep_, loop_.now_ns() + idle_ns_);
  }
}

void Stock::refused(uint64_t netns, int family) {
  Shelf& shelf = shelves_[Key(netns, family)];
  shelf.asked = false;
  // Who asks again while these are woken waits for the next answer.
  for (size_t left = shelf.waiting.size(); left > 0 && !shelf.waiting.empty(); --left) {
    shelf.waiting.front()->finish(Fd());
  }
}

void Stock::drop(uint64_t netns) {
  for (const int family : {AF_INET, AF_INET6}) {
    if (const auto shelf = shelves_.find(Key(netns, family)); shelf != shelves_.end()) {
      shelf->second.fds.clear();
      refused(netns, family);
      if (shelf->second.waiting.empty()) {
        shelves_.erase(shelf);
      }
    }
  }
}

void Stock::close_idle() {
  const uint64_t now = loop_.now_ns();
  uint64_t next = UINT64_MAX;
  std::erase_if(shelves_, [&](const auto& entry) {
    const Shelf& shelf = entry.second;
    if (!shelf.waiting.empty() || shelf.asked) {
      next = std::min(next, now + idle_ns_);
      return false;
    }
    next = std::min(next, std::max(shelf.used_ns + idle_ns_, now + 1));
    return now >= shelf.used_ns + idle_ns_;
  });
  if (!shelves_.empty()) {
    loop_.arm(sweep_, next);
  }
}

}  // namespace fairlead::upstream
