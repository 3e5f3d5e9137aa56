// Connections whose bytes may be redirected, and what tests do with them: both ends non-blocking, pods a and b want it.
// Ports are each test's own, so that what one has taught the programs about a listener is not known to another.
#pragma once

#include "tests/bpf/world.h"

#include <optional>
#include <string>
#include <utility>

namespace fairlead::test {

struct Pair {
  Fd client, server;
};

// How a socket is used once it is connected.
enum class Manner : uint8_t { kNonBlocking, kBlocking };

class FastTest : public DatapathTest {
 protected:
  static constexpr uint16_t kPort = 9100;

  void SetUp() override;

  // A connection of pod a with a listener in pod b. The first of them are plain TCP: the programs watch them.
  Pair connect_pair(Manner client = Manner::kNonBlocking, Manner server = Manner::kNonBlocking);
  // One whose bytes can be redirected in both directions.
  Pair fast_pair();
  // Teaches the programs how both ends use their sockets.
  void be_watched(Manner client = Manner::kNonBlocking, Manner server = Manner::kNonBlocking);

  void turn(bool on);
  [[nodiscard]] std::optional<fl_leg> leg_of(const Fd& socket) const;
  [[nodiscard]] bool is_redirected(const Fd& sender) const;
  [[nodiscard]] uint64_t redirected_from(const Fd& sender) const;
  [[nodiscard]] size_t legs() const;

  Fd listener_;
};

uint64_t cookie_of(const Fd& socket);
void make_blocking(const Fd& socket, bool blocking);
// Waits for poll events, 3 s at most.
bool becomes(const Fd& socket, short events);

// Sends all of it, waiting where it must; false: an error.
bool send_all(const Fd& socket, std::string_view bytes);
// As many bytes as asked, waiting where it must; fewer: the end or an error came.
std::string receive(const Fd& socket, size_t count);
// Everything until the end.
std::string receive_rest(const Fd& socket);
// One send and one receive in each direction.
bool round_trip(const Pair& pair, std::string_view bytes = "ping");
// Bytes that tell where they belong.
std::string pattern(size_t count, uint32_t seed = 1);

}  // namespace fairlead::test
