// A service with several endpoints at pods b and c, and which of them a connection from pod a reaches. Any pod may be
// said to have another address than it has: that is all that makes a client.
#pragma once

#include "tests/bpf/world.h"

#include <vector>

namespace fairlead::test {

class ServedTest : public DatapathTest {
 protected:
  void SetUp() override;

  // Listeners at b and c, in the order of their addresses, and the service's entry; nothing is applied.
  fl_target& serve(size_t endpoints, fl_protocol protocol = FL_PROTOCOL_TCP);
  // The service's endpoints are these of the listeners from now on, in order; everything else of its entry stays.
  void lead_to(const std::vector<size_t>& endpoints);
  // Which endpoint got the connection. It ends at once, or is kept in `held`, server's end and client's.
  enum class Keep : uint8_t { kNothing, kOpen };
  size_t reached(Keep keep = Keep::kNothing);
  // How often each endpoint was reached.
  std::vector<int> spread(int dials);
  // From now on pod a dials as the client number `n`.
  void become_client(uint32_t n);

  struct Held {
    size_t endpoint;
    Fd client, server;
  };

  SocketAddress vip_ = address("10.96.0.30", 5432);
  std::vector<Fd> listeners_;
  std::vector<TablesBuilder::Endpoint> endpoints_;
  std::vector<Held> held_;
};

}  // namespace fairlead::test
