// Child processes of the bench: in a pod's namespace, on given CPUs, and ended with us, however we end. Main thread
// only; the process must have no other thread (children run code between fork and exec).
#pragma once

#include "agent/bench/usage.h"
#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/fd.h"

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fairlead::bench {

using Clock = std::chrono::steady_clock;

inline uint64_t ns_of(Clock::duration time) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
}

// SIGINT, SIGTERM and SIGHUP, held back from the moment this is made: whoever waits is woken, nothing is cut short, and
// everything is taken down in order. One per process.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Waits until `until`, or until `fd` (-1: none) can be read. An error if a signal came.
  Status wait(int fd, Clock::time_point until) const;
  [[nodiscard]] Status sleep(Clock::duration time) const { return wait(-1, Clock::now() + time); }

 private:
  Fd signals_;
};

// Where a child runs.
struct Place {
  std::string netns;      // path of a namespace; empty: ours
  std::vector<int> cpus;  // empty: as we do
};

// Descriptors for stdin, and for stdout and stderr. -1: /dev/null.
struct Streams {
  int input = -1, output = -1;
};

struct Ended {
  int status = 0;  // as waitpid gives it
  Usage usage;     // of the whole process
  [[nodiscard]] bool is_success() const;
};

class Process {
 public:
  // Runs argv[0] (looked up in PATH). Returns when the exec has happened.
  static Result<Process> exec(const std::vector<std::string>& argv, const Place& place, Streams streams);
  // Runs a function in a child; its return value is the exit code. It finds no descriptor above stderr.
  static Result<Process> call(const std::function<int()>& body, const Place& place, Streams streams);

  Process() = default;
  Process(Process&& other) noexcept { swap(other); }
  Process& operator=(Process&& other) noexcept {
    swap(other);
    return *this;
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { end(); }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool is_running() const;
  void signal(int number) const;
  // Until it ends. An error: it has not, by `until`, or we were interrupted; it runs on then.
  Result<Ended> wait(const Interrupt& interrupt, Clock::time_point until);
  // Until it ends, however long that takes.
  Ended await() { return pid_ != 0 ? reap() : Ended{}; }
  // SIGTERM, after `grace` SIGKILL. Nothing if it has ended.
  void end(std::chrono::milliseconds grace = std::chrono::seconds(5));

 private:
  static Result<Process> start(const std::function<int()>& body, const Place& place, Streams streams);
  void swap(Process& other) noexcept;
  Ended reap();

  pid_t pid_ = 0;
  Fd pidfd_;
};

// Runs a program to its end, at most half a minute, with `input` on its stdin; what it wrote. An exit code that is not
// 0 is an error with the last line that it wrote.
Result<std::string> run(const std::vector<std::string>& argv, const Interrupt& interrupt, std::string_view input = {});

// The path of a program in PATH or where servers lie (/usr/sbin); empty if there is none.
std::string find_program(std::string_view name);

// What a file holds from its beginning, by descriptor. Empty if it cannot be read.
std::string content_of(int fd);

// The last line that is not empty.
std::string_view last_line(std::string_view text);

}  // namespace fairlead::bench
