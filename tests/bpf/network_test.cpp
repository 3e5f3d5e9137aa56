// Network policy in the kernel: at connect() for both ends, at the SYN for callers that no entry of the table vouches
// for.
#include "tests/bpf/raw_syn.h"
#include "tests/bpf/world.h"

namespace fairlead::test {
namespace {

constexpr uint32_t kIngress = 21, kEgress = 22;
constexpr uint32_t kClassA = 1001, kClassB = 1002, kClassC = 1003;

class NetworkTest : public DatapathTest {
 protected:
  void SetUp() override {
    DatapathTest::SetUp();
    for (const auto& [pod, peer_class] : {std::pair(&a(), kClassA), {&b(), kClassB}, {&c(), kClassC}}) {
      build_.pod(*pod).peer_class = peer_class;
      build_.pod_port(*pod, 0, FL_PROTOCOL_TCP);
    }
    server_ = listen_on(b().netns, b().at(0));
    server6_ = listen_on(b().netns, b().at6(0));
    build_.service(vip_, FL_PROTOCOL_TCP, {{.owner = &b(), .address = b().at(port_of(server_))}});
    steer(b());
    steer(c());
  }

  [[nodiscard]] SocketAddress at() const { return b().at(port_of(server_)); }
  int dialled(const Pod& from, const SocketAddress& to) { return dial(from.netns, to).error; }

  Fd server_, server6_;
  SocketAddress vip_ = address("10.96.0.10", 5432);
};

TEST_F(NetworkTest, AnIsolatedPodTakesThePeersThatItsSetHoldsAndRefusesOthersInConnect) {
  build_.tables.pods[b().cookie].ingress_set = kIngress;
  build_.allow(kIngress, FL_PEER_POD, kClassA);
  apply();
  EXPECT_EQ(dialled(a(), vip_), 0);
  EXPECT_EQ(dialled(a(), at()), 0);
  EXPECT_EQ(dialled(a(), b().at6(port_of(server6_))), 0);
  EXPECT_EQ(dialled(c(), vip_), EPERM);
  EXPECT_EQ(dialled(c(), at()), EPERM);
  EXPECT_EQ(dialled(c(), b().at6(port_of(server6_))), EPERM);
  EXPECT_EQ(count(Reason::NETWORK_DENIED), 3U);
  EXPECT_EQ(count(Reason::STEER_NETWORK_DENIED), 0U);
}

TEST_F(NetworkTest, AnEmptySetRefusesEverybodyButThePodItself) {
  build_.tables.pods[b().cookie].ingress_set = kIngress;
  build_.tables.pods[b().cookie].egress_set = kEgress;
  apply();
  EXPECT_EQ(dialled(a(), at()), EPERM);
  EXPECT_EQ(dialled(outside(), at()), ECONNREFUSED);
  EXPECT_EQ(dialled(b(), at()), 0);
  EXPECT_EQ(dialled(b(), vip_), 0);
  EXPECT_EQ(count(Reason::STEER_NETWORK_DENIED), 1U);
}

TEST_F(NetworkTest, EgressIsAskedOfTheEndpointThatWasDrawn) {
  build_.tables.pods[a().cookie].egress_set = kEgress;
  build_.allow(kEgress, FL_PEER_POD, kClassB, port_of(server_));
  apply();
  EXPECT_EQ(dialled(a(), vip_), 0);
  EXPECT_EQ(dialled(a(), b().at6(port_of(server6_))), EPERM) << "another port";
  EXPECT_EQ(dialled(c(), b().at6(port_of(server6_))), 0) << "c is not isolated";
  EXPECT_EQ(dialled(b(), a().at(1)), ECONNREFUSED) << "a takes connections: nothing listens there";
}

TEST_F(NetworkTest, EgressHoldsForAddressesOutsideTheMeshToo) {
  const Fd stranger = listen_on(outside().netns, outside().at(0));
  build_.tables.pods[a().cookie].egress_set = kEgress;
  apply();
  EXPECT_EQ(dialled(a(), outside().at(port_of(stranger))), EPERM);
  build_.ip_class(kEgress, "10.77.0.8/30", 5);
  build_.allow(kEgress, FL_PEER_ADDRESS, 5);
  apply();
  EXPECT_EQ(dialled(a(), outside().at(port_of(stranger))), 0);
}

TEST_F(NetworkTest, ABlockTakesCallersByAddressWithoutWhatIsCutOut) {
  build_.tables.pods[b().cookie].ingress_set = kIngress;
  build_.ip_class(kIngress, "10.77.0.0/24", 5);
  build_.ip_class(kIngress, "10.77.0.3/32", 6);
  build_.allow(kIngress, FL_PEER_ADDRESS, 5);
  apply();
  EXPECT_EQ(dialled(a(), at()), 0);
  EXPECT_EQ(dialled(outside(), at()), 0);
  EXPECT_EQ(dialled(c(), at()), EPERM);
  EXPECT_EQ(dialled(a(), b().at6(port_of(server6_))), EPERM);
}

TEST_F(NetworkTest, APodThatIsNotServedHereIsKnownByItsAddress) {
  build_.tables.pods[b().cookie].ingress_set = kIngress;
  build_.allow(kIngress, FL_PEER_POD, 1009);
  fl_target remote{};
  remote.kind = FL_TARGET_POD;
  remote.peer_class = 1009;
  build_.tables.targets.emplace(fl_target_key{.ip = outside().ip4.raw(), .port = 0, .pad = 0}, remote);
  apply();
  EXPECT_EQ(dialled(outside(), at()), 0);
  EXPECT_EQ(dialled(a(), at()), EPERM);
}

TEST_F(NetworkTest, AHandMadeSynOfAPodIsNobodysPeer) {
  build_.tables.pods[b().cookie].ingress_set = kIngress;
  build_.allow(kIngress, FL_PEER_POD, kClassA);
  apply();
  EXPECT_EQ(dialled(a(), at()), 0);
  send_raw_syn(a().netns, a().at(40001), at());
  EXPECT_TRUE(reaches(Reason::STEER_NETWORK_DENIED, 1));
}

TEST_F(NetworkTest, AnHttpPortIsRefusedInConnectAndNoProxyIsAsked) {
  build_.service(address("10.96.0.11", 80), FL_PROTOCOL_HTTP, {{.owner = &b(), .address = at()}});
  build_.tables.pods[b().cookie].ingress_set = kIngress;
  build_.allow(kIngress, FL_PEER_POD, kClassA);
  const auto listeners = outbound_listeners(a());
  const auto others = outbound_listeners(c());
  apply();
  EXPECT_EQ(dialled(a(), address("10.96.0.11", 80)), 0);
  EXPECT_EQ(dialled(c(), address("10.96.0.11", 80)), EPERM);
  EXPECT_EQ(count(Reason::TO_PROXY), 1U);
}

TEST_F(NetworkTest, APodThatIsOffIsNotIsolated) {
  build_.tables.pods[b().cookie].ingress_set = kIngress;
  build_.tables.pods[b().cookie].mode = FL_MODE_OFF;
  build_.tables.pods[a().cookie].mode = FL_MODE_OFF;
  build_.tables.pods[a().cookie].egress_set = kEgress;
  apply();
  EXPECT_EQ(dialled(a(), at()), 0);
}

}  // namespace
}  // namespace fairlead::test
