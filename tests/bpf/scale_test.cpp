// 10,000 services with 100,000 endpoints: they fit, and the last of them is reached like the first.
#include "tests/bpf/world.h"

#include <arpa/inet.h>

namespace fairlead::test {
namespace {

constexpr uint32_t kServices = 10'000;
constexpr uint32_t kEndpoints = 10;  // each

class ScaleTest : public DatapathTest {
 protected:
  static SocketAddress vip(uint32_t n) {
    return {.ip = IpAddress::from_v4({.s_addr = htonl(0x0a600000 + n)}), .port = 80};
  }
  static SocketAddress stranger(uint32_t service, uint32_t n) {
    return {.ip = IpAddress::from_v4({.s_addr = htonl(0x0b000000 + service * kEndpoints + n)}), .port = 8080};
  }
  // Every kind of balancing in turn, and affinity for every third. Two services lead to a pod that answers.
  void build(const SocketAddress& answers) {
    for (uint32_t s = 0; s < kServices; s++) {
      std::vector<TablesBuilder::Endpoint> endpoints;
      const bool real = s == 0 || s + 1 == kServices;
      for (uint32_t n = 0; n < kEndpoints; n++) {
        endpoints.push_back(real ? TablesBuilder::Endpoint{&b(), answers}
                                 : TablesBuilder::Endpoint{nullptr, stranger(s, n)});
      }
      fl_target& target = build_.service(vip(s), FL_PROTOCOL_TCP, endpoints);
      target.balance = static_cast<__u8>(s % 4);
      target.affinity_s = s % 3 == 0 ? 10'800 : 0;
      build_.tables.turns.emplace(target.backends, 0);
      for (const auto& endpoint : endpoints) {
        build_.tables.loads.emplace(endpoint.address.raw(), fl_load{});
      }
      target.slot_bits = 8;
      for (uint32_t block = 0; block < 4; block++) {
        build_.tables.slots[{.set = target.backends, .index = block, .pad = 0}] = {};
      }
    }
  }
};

TEST_F(ScaleTest, TenThousandServicesWithAHundredThousandEndpointsLoadAndConnect) {
  build_.pod(a());
  build_.pod(b());
  build_.pod_port(b(), 0, FL_PROTOCOL_TCP);
  const Fd server = listen_on(b().netns, b().at(0));
  build(b().at(port_of(server)));
  ASSERT_EQ(build_.tables.backends.size(), size_t{kServices} * kEndpoints);
  apply();
  EXPECT_EQ(maps().backends.entries()->size(), size_t{kServices} * kEndpoints);
  for (const uint32_t s : {0U, kServices - 1}) {
    const auto client = dial(a().netns, vip(s));
    ASSERT_EQ(client.error, 0) << s;
    EXPECT_EQ(accept_one(server).peer, local_of(client.fd));
    EXPECT_EQ(peer_of(client.fd), vip(s));
  }
}

}  // namespace
}  // namespace fairlead::test
