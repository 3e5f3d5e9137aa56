// Sockets to connect with. A proxy has no right to make one inside a pod: the agent makes them, tagged, in batches, and
// this is what a worker has left of them, per namespace and family. Empty until the first use; asks for more when half
// of the last batch is used up, for larger batches while somebody waits, and closes what nobody has used for kIdleNs: a
// socket that waits costs the kernel 3.8 KiB. docs/decisions/0012-stock-of-sockets.md has the sizes. Worker-local.
#pragma once

#include "userspace-proxy/base/fd.h"
#include "userspace-proxy/io/loop.h"
#include "userspace-proxy/io/task.h"

#include <sys/socket.h>

#include <coroutine>
#include <cstdint>
#include <list>
#include <map>
#include <vector>

namespace fairlead::upstream {

// Where the sockets come from.
class SocketSource {
 public:
  struct Wish {
    uint64_t netns;
    int family;
    uint32_t count;
    uint64_t waited;  // connections, of any namespace, that have had to wait for a socket since the wish before
  };
  // False: there is nobody to ask now. Stock::ask_again() is called when there is.
  virtual bool want_sockets(const Wish& wish) = 0;

 protected:
  ~SocketSource() = default;
};

class Stock {
 public:
  // A batch never exceeds what one message carries (broker::kMaxFds).
  static constexpr uint32_t kFirstBatch = 4, kLargestBatch = 32;
  static constexpr uint64_t kIdleNs = 60'000'000'000;

  // `idle_ns`: for tests.
  Stock(io::Loop& loop, SocketSource& source, uint64_t idle_ns = kIdleNs)
      : loop_(loop), source_(source), idle_ns_(idle_ns), sweep_(*this) {}
  Stock(const Stock&) = delete;
  Stock& operator=(const Stock&) = delete;
  ~Stock() = default;

  // A socket of that namespace; an invalid Fd if none came until the deadline or none will come.
  io::Task<Fd> take(uint64_t netns, int family, uint64_t deadline_ns);

  void add(uint64_t netns, int family, std::vector<Fd> fds);
  // Whoever was asked is gone, and somebody else is there now: everything that is wanted is asked for once more.
  void ask_again();
  // None will come: those who wait go away empty-handed.
  void refused(uint64_t netns, int family);
  // Closes what is left of a namespace.
  void drop(uint64_t netns);

 private:
  struct Waiting;
  struct Shelf {
    std::vector<Fd> fds;
    std::list<Waiting*> waiting;
    uint32_t batch = kFirstBatch;
    bool asked = false;
    uint64_t used_ns = 0;  // last; of the monotonic clock
  };
  using Key = std::pair<uint64_t, int>;

  struct Sweep final : io::Timer {
    explicit Sweep(Stock& of) : stock(of) {}
    void on_timer() override { stock.close_idle(); }
    Stock& stock;
  };

  void ask(const Key& key, Shelf& shelf);
  void send_wish(const Key& key, const Shelf& shelf);
  void close_idle();

  io::Loop& loop_;
  SocketSource& source_;
  const uint64_t idle_ns_;
  std::map<Key, Shelf> shelves_;
  Sweep sweep_;          // armed while there is something on a shelf
  uint64_t waited_ = 0;  // and not reported yet
};

}  // namespace fairlead::upstream
