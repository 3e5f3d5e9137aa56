// An event loop over epoll, and the ends in it: level-triggered ones one call at a time, edge-triggered ones until the
// socket has no more. One thread.
#pragma once

#include "tests/torture/end.h"

#include <memory>
#include <vector>

namespace fairlead::torture {

// Something with a descriptor in the loop.
class Watched {
 public:
  virtual ~Watched() = default;
  virtual void ready(uint32_t events) = 0;
  // Goes on where it stopped for others' sake, and every End::kTickMs.
  virtual void again() {}
  virtual void tick() {}
  [[nodiscard]] virtual bool gone() const = 0;
  [[nodiscard]] virtual bool busy() const { return false; }
};

class Loop {
 public:
  Loop();
  void add(std::unique_ptr<Watched> watched);
  // Every descriptor once; the caller's time for other things comes after it.
  void turn();
  void watch(int fd, uint32_t events, Watched& watched) const;
  void change(int fd, uint32_t events, Watched& watched) const;
  void forget(int fd) const;
  [[nodiscard]] bool empty() const { return all_.empty(); }

 private:
  void tick_when_due();

  Fd epoll_;
  std::vector<std::unique_ptr<Watched>> all_;
  uint64_t next_tick_ms_ = 0;
};

// What an end leaves behind is its owner's.
class Owner {
 public:
  virtual ~Owner() = default;
  virtual void ended(Remains remains) = 0;
};

// Starts an end, in this loop or in threads of its own as its plan says.
void start_end(World& world, Loop& loop, Owner& owner, std::unique_ptr<End> end);

}  // namespace fairlead::torture
