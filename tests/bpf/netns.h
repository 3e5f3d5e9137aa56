// A network namespace without a name: it ends with its last descriptor, also after a SIGKILL. Any thread.
#pragma once

#include "userspace-proxy/base/fd.h"

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <thread>
#include <type_traits>

namespace fairlead::test {

class Netns {
 public:
  // A new one, with lo up. Aborts the test program on failure (as do the other members): without it nothing is
  // testable.
  static Netns make();

  [[nodiscard]] int fd() const { return fd_.get(); }
  // For `ip link ... netns PATH`.
  [[nodiscard]] std::string path() const;
  [[nodiscard]] uint64_t cookie() const;

  // Runs `body` in a thread inside the namespace and waits; sockets made there stay there.
  template <class Body>
  auto in(Body body) const {
    using R = std::invoke_result_t<Body>;
    if constexpr (std::is_void_v<R>) {
      std::thread([&] {
        enter();
        body();
      }).join();
    } else {
      R result{};
      std::thread([&] {
        enter();
        result = body();
      }).join();
      return result;
    }
  }

  // A shell command inside; its failure ends the test program.
  void sh(const std::string& command) const;

 private:
  void enter() const;
  Fd fd_;
};

}  // namespace fairlead::test
