#include "tests/torture/loop.h"

#include <fcntl.h>
#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <thread>

namespace fairlead::torture {
namespace {

using namespace std::chrono_literals;

uint64_t now_ms() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

void set_blocking(int fd, bool blocking) { fcntl(fd, F_SETFL, blocking ? 0 : O_NONBLOCK); }

class LoopedEnd final : public Watched {
 public:
  LoopedEnd(Loop& loop, Owner& owner, std::unique_ptr<End> end) : loop_(loop), owner_(owner), end_(std::move(end)) {
    interest_ = edge() ? EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET : wanted();
    loop_.watch(end_->socket(), interest_, *this);
    again();
  }

  void ready(uint32_t events) override {
    if (gone_) {
      return;
    }
    readable_ = readable_ || (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0;
    writable_ = writable_ || (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    run((events & EPOLLIN) != 0);
  }

  void again() override { run(false); }

  void tick() override {
    end_->tick();
    run(false);
  }

  [[nodiscard]] bool gone() const override { return gone_; }
  [[nodiscard]] bool busy() const override { return busy_; }

 private:
  static constexpr int kCalls = 32;  // then the others have a turn

  [[nodiscard]] bool edge() const { return end_->plan().waiting == Waiting::kEdge; }

  void run(bool announced) {
    if (gone_) {
      return;
    }
    busy_ = false;
    bool moved = true;
    for (int call = 0; moved && !end_->over() && call < (edge() ? kCalls : 1); call++) {
      moved = false;
      if (readable_) {
        moved = went_on(end_->read_step(announced), readable_);
        announced = false;
      }
      if (writable_ || gated_) {
        moved = went_on(end_->write_step(), writable_) || moved;
      }
    }
    if (end_->over()) {
      finish();
      return;
    }
    busy_ = edge() && moved;
    if (!edge()) {
      readable_ = writable_ = false;  // epoll says it again
      if (const uint32_t now = wanted(); now != interest_) {
        interest_ = now;
        loop_.change(end_->socket(), interest_, *this);
      }
    }
  }

  bool went_on(End::Step step, bool& ready) {
    if (step == End::Step::kBlocked) {
      ready = false;
    }
    if (&ready == &writable_) {
      gated_ = step == End::Step::kGated;
    }
    return step == End::Step::kAgain;
  }

  // While gated the writer is tried whenever something was read, and at every tick.
  [[nodiscard]] uint32_t wanted() const {
    const uint32_t read = end_->reading_over() || end_->stalled() ? 0 : static_cast<uint32_t>(EPOLLIN);
    return read | (end_->writing_over() || gated_ ? 0 : static_cast<uint32_t>(EPOLLOUT));
  }

  void finish() {
    gone_ = true;
    // A socket that is closed only would stay in the loop while a child of --switch, not yet at its exec(), has it too.
    loop_.forget(end_->socket());
    owner_.ended(end_->finish());
  }

  Loop& loop_;
  Owner& owner_;
  std::unique_ptr<End> end_;
  uint32_t interest_ = 0;
  bool readable_ = true, writable_ = true, gated_ = false, gone_ = false, busy_ = false;
};

// The halves of a blocking end poll only for what no system call waits for.
void read_all(End& end) {
  for (auto step = End::Step::kAgain; step != End::Step::kOver; step = end.read_step(false)) {
    if (step == End::Step::kGated) {
      std::this_thread::sleep_for(std::chrono::milliseconds(End::kTickMs));
      end.tick();
    }
  }
}

void write_all(End& end) {
  for (auto step = End::Step::kAgain; step != End::Step::kOver; step = end.write_step()) {
    if (step == End::Step::kGated) {
      std::this_thread::sleep_for(200us);
    }
  }
}

}  // namespace

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

void Loop::add(std::unique_ptr<Watched> watched) { all_.push_back(std::move(watched)); }

void Loop::watch(int fd, uint32_t events, Watched& watched) const {
  epoll_event event{.events = events, .data = {.ptr = &watched}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void Loop::forget(int fd) const { epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void Loop::change(int fd, uint32_t events, Watched& watched) const {
  epoll_event event{.events = events, .data = {.ptr = &watched}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Loop::turn() {
  std::array<epoll_event, 128> events{};
  bool busy = false;
  for (size_t i = 0; i < all_.size(); i++) {
    if (all_[i]->busy()) {
      all_[i]->again();
      busy = busy || all_[i]->busy();
    }
  }
  const int count = epoll_wait(epoll_.get(), events.data(), events.size(), busy ? 0 : End::kTickMs);
  for (int i = 0; i < count; i++) {
    static_cast<Watched*>(events[static_cast<size_t>(i)].data.ptr)->ready(events[static_cast<size_t>(i)].events);
  }
  tick_when_due();
  std::erase_if(all_, [](const auto& watched) { return watched->gone(); });
}

void Loop::tick_when_due() {
  const uint64_t now = now_ms();
  if (now < next_tick_ms_) {
    return;
  }
  next_tick_ms_ = now + End::kTickMs;
  for (size_t i = 0; i < all_.size(); i++) {
    all_[i]->tick();
  }
}

void start_end(World& world, Loop& loop, Owner& owner, std::unique_ptr<End> end) {
  const bool blocks = end->plan().waiting == Waiting::kBlocking;
  set_blocking(end->socket(), blocks);
  if (!blocks) {
    loop.add(std::make_unique<LoopedEnd>(loop, owner, std::move(end)));
    return;
  }
  world.threads++;
  std::thread([&world, &owner, end = std::move(end)] {
    std::thread reader([&end] { read_all(*end); });
    write_all(*end);
    reader.join();
    owner.ended(end->finish());
    world.threads--;
  }).detach();
}

}  // namespace fairlead::torture
