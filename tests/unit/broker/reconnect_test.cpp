#include "userspace-proxy/broker/reconnect.h"

#include "tests/unit/host/temporary_directory.h"
#include "userspace-proxy/broker/wire.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <string>

namespace fairlead::broker {
namespace {

TEST(Reconnect, WhileNoAgentListensThereIsAnErrorAtOnce) {
  const test::TemporaryDirectory place;
  const auto found = connect_to_agent((place / kAgentSocket).c_str());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().errno_value(), ENOENT);
}

TEST(Reconnect, TheChannelCarriesMessagesWhole) {
  const test::TemporaryDirectory place;
  const std::string path = place / kAgentSocket;
  const Fd listener(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  const auto worker = connect_to_agent(path.c_str());
  ASSERT_TRUE(worker) << worker.error().message();
  const Fd agent(accept(listener.get(), nullptr, nullptr));
  ASSERT_TRUE(send(worker->get(), Message{.type = Type::kHello, .number = kVersion, .count = 1}));
  const auto received = receive(agent.get());
  ASSERT_TRUE(received && received->has_value());
  EXPECT_EQ((*received)->message.count, 1U);
}

TEST(Reconnect, ANameThatFitsInNoAddressIsRefused) { EXPECT_FALSE(connect_to_agent(std::string(200, 'x').c_str())); }

}  // namespace
}  // namespace fairlead::broker
