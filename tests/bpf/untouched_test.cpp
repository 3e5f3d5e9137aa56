// What the programs leave alone: everything that is not a TCP connection of a meshed pod to a destination in the mesh.
#include "tests/bpf/world.h"

#include <arpa/inet.h>
#include <unistd.h>

namespace fairlead::test {
namespace {

class UntouchedTest : public DatapathTest {
 protected:
  // Pod a in node mode with outbound listeners; b's ports are HTTP: whatever is touched goes to a listener.
  void mesh() {
    build_.pod(a());
    build_.pod(b());
    outbound_ = outbound_listeners(a());
    build_.pod_port(b(), 0, FL_PROTOCOL_HTTP);
    build_.pod_port(a(), 0, FL_PROTOCOL_HTTP);
    build_.service(vip_, FL_PROTOCOL_HTTP, {{.owner = &b(), .address = b().at(80)}});
    apply();
  }

  SocketAddress vip_ = address("10.96.0.10", 80);
  Outbound outbound_;
};

TEST_F(UntouchedTest, UdpToAMeshedDestinationIsLeftAlone) {
  mesh();
  const Fd receiver = b().netns.in([] { return Fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)); });
  sockaddr_storage storage{};
  socklen_t size = b().at(0).to(storage, AF_INET);
  ASSERT_EQ(bind(receiver.get(), reinterpret_cast<sockaddr*>(&storage), size), 0);
  const auto to = b().at(port_of(receiver));
  const Fd sender = a().netns.in([] { return Fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)); });
  ASSERT_EQ(connect_to(sender, to), 0);
  EXPECT_EQ(peer_of(sender), to);
  EXPECT_TRUE(carries(sender, receiver));
}

TEST_F(UntouchedTest, LoopbackIsLeftAloneInBothFamiliesAndMapped) {
  mesh();
  for (const char* ip : {"127.0.0.1", "127.1.2.3", "::1"}) {
    const Fd server = listen_on(a().netns, address(ip, 0));
    const auto client = dial(a().netns, address(ip, port_of(server)));
    EXPECT_EQ(client.error, 0) << ip;
    EXPECT_EQ(accept_one(server).peer, local_of(client.fd)) << ip;
  }
  const Fd server = listen_on(a().netns, address("127.0.0.1", 0));
  EXPECT_EQ(dial(a().netns, address("127.0.0.1", port_of(server)), {.family = AF_INET6, .bind = {}}).error, 0);
  EXPECT_EQ(count(Reason::TO_PROXY), 0U);
}

TEST_F(UntouchedTest, ThePodsOwnAddressIsReachedDirectlyInspiteOfSteer) {
  mesh();
  steer(a());
  for (const auto& at : {a().at(0), a().at6(0)}) {
    const Fd server = listen_on(a().netns, at);
    const auto client = dial(a().netns, SocketAddress{.ip = at.ip, .port = port_of(server)});
    ASSERT_EQ(client.error, 0) << at.text();
    EXPECT_EQ(accept_one(server).peer, local_of(client.fd));
  }
  EXPECT_EQ(count(Reason::TO_PROXY), 0U);
  EXPECT_EQ(count(Reason::STEER_PASS), 2U);
}

TEST_F(UntouchedTest, ANamespaceThatIsNoPodIsLeftAlone) {
  mesh();
  const Fd server = listen_on(b().netns, b().at(0));
  const auto to = b().at(port_of(server));
  const auto client = dial(outside().netns, to);
  ASSERT_EQ(client.error, 0);
  EXPECT_EQ(peer_of(client.fd), to);
  EXPECT_TRUE(connections().empty());
  EXPECT_EQ(dial(outside().netns, vip_).error, ENETUNREACH);  // no route, and nobody rewrote it
}

TEST_F(UntouchedTest, AConnectionFromBeforeEnrolmentGoesOn) {
  const Fd server = listen_on(b().netns, b().at(0));
  const auto client = dial(a().netns, b().at(port_of(server)));
  ASSERT_EQ(client.error, 0);
  const auto accepted = accept_one(server);
  mesh();
  steer(b());
  EXPECT_TRUE(carries(client.fd, accepted.fd));
  EXPECT_TRUE(carries(accepted.fd, client.fd));
  EXPECT_EQ(peer_of(client.fd), b().at(port_of(server)));
}

TEST_F(UntouchedTest, ADestinationOutsideTheMeshIsLeftAloneAndCounted) {
  mesh();
  const Fd server = listen_on(outside().netns, outside().at(0));
  const auto to = outside().at(port_of(server));
  const auto client = dial(a().netns, to);
  ASSERT_EQ(client.error, 0);
  EXPECT_EQ(accept_one(server).peer, local_of(client.fd));
  EXPECT_EQ(peer_of(client.fd), to);
  EXPECT_EQ(count(Reason::UNMESHED), 1U);
}

TEST_F(UntouchedTest, APodThatIsOffGetsARandomEndpointAndKeepsTheDialledAddress) {
  mesh();
  build_.tables.pods[a().cookie].mode = FL_MODE_OFF;
  const Fd server = listen_on(outside().netns, outside().at(0));
  build_.service(vip_, FL_PROTOCOL_HTTP, {{.owner = nullptr, .address = outside().at(port_of(server))}});
  apply();
  const auto client = dial(a().netns, vip_);
  ASSERT_EQ(client.error, 0);
  EXPECT_EQ(accept_one(server).peer, local_of(client.fd));
  EXPECT_EQ(peer_of(client.fd), vip_);
  EXPECT_EQ(count(Reason::OFF_BALANCED), 1U);
  EXPECT_TRUE(connections().empty()) << "a pod that is off has no entries";
}

TEST_F(UntouchedTest, APodThatIsOffDialsAnotherPodDirectly) {
  mesh();
  build_.tables.pods[a().cookie].mode = FL_MODE_OFF;
  apply();
  const Fd server = listen_on(b().netns, b().at(0));
  const auto client = dial(a().netns, b().at(port_of(server)));
  ASSERT_EQ(client.error, 0);
  EXPECT_EQ(accept_one(server).peer, local_of(client.fd));
  EXPECT_EQ(count(Reason::TO_PROXY), 0U);
}

TEST_F(UntouchedTest, APodThatIsOffIsRefusedWhereNoEndpointIsReady) {
  mesh();
  build_.tables.pods[a().cookie].mode = FL_MODE_OFF;
  build_.service(vip_, FL_PROTOCOL_TCP, {});
  apply();
  EXPECT_EQ(dial(a().netns, vip_).error, ECONNREFUSED);
  EXPECT_EQ(count(Reason::NO_ENDPOINT), 1U);
}

TEST_F(UntouchedTest, ATaggedSocketIsNotIntercepted) {
  mesh();
  const Fd server = listen_on(b().netns, b().at(0));
  const Fd server6 = listen_on(b().netns, b().at6(0));
  const Fd socket = upstream_socket(a(), AF_INET);
  const Fd socket6 = upstream_socket(a(), AF_INET6);
  EXPECT_EQ(connect_to(socket, b().at(port_of(server))), 0);
  EXPECT_EQ(connect_to(socket6, b().at6(port_of(server6))), 0);
  EXPECT_EQ(accept_one(server).peer, local_of(socket));
  EXPECT_EQ(accept_one(server6).peer, local_of(socket6));
  EXPECT_EQ(count(Reason::TO_PROXY), 0U);
}

}  // namespace
}  // namespace fairlead::test
