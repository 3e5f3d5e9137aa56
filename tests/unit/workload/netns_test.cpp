#include "agent/workload/netns.h"

#include "agent/workload/addresses.h"
#include "tests/unit/host/temporary_directory.h"
#include "tests/unit/workload/temporary_netns.h"

#include <gtest/gtest.h>

namespace fairlead::workload {
namespace {

using test::TemporaryNetns;

NetnsFile here() { return *netns_file_at("/proc/thread-self/ns/net"); }

TEST(NetnsDoor, WorkIsDoneInsideAndTheThreadComesBack) {
  const TemporaryNetns pod;
  const auto door = NetnsDoor::open();
  ASSERT_TRUE(door) << door.error().message();
  const NetnsFile before = here();
  const auto inside = door->inside(pod.fd(), []() -> Result<NetnsFile> { return here(); });
  ASSERT_TRUE(inside) << inside.error().message();
  EXPECT_EQ(*inside, *netns_file_at(pod.proc_path()));
  EXPECT_NE(*inside, before);
  EXPECT_EQ(here(), before);
}

TEST(NetnsDoor, AFailureInsideComesBackToo) {
  const TemporaryNetns pod;
  const auto door = NetnsDoor::open();
  const NetnsFile before = here();
  EXPECT_FALSE(door->inside(pod.fd(), []() -> Status { return fail("no"); }));
  EXPECT_EQ(here(), before);
}

TEST(NetnsDoor, WhatIsNoNamespaceIsNotEntered) {
  const Fd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto door = NetnsDoor::open();
  bool ran = false;
  EXPECT_FALSE(door->inside(file.get(), [&]() -> Status {
    ran = true;
    return {};
  }));
  EXPECT_FALSE(ran);
}

TEST(NetnsDoor, EveryNamespaceHasACookieOfItsOwn) {
  const TemporaryNetns a, b;
  const auto door = NetnsDoor::open();
  const auto first = door->cookie_of(a.fd()), again = door->cookie_of(a.fd()), other = door->cookie_of(b.fd());
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(*first, *again);
  EXPECT_NE(*first, *other);
}

TEST(NetnsFileAt, AnOrdinaryFileIsNone) {
  const test::TemporaryDirectory place;
  std::ofstream(place / "pod") << "";
  EXPECT_FALSE(netns_file_at(place / "pod"));
  EXPECT_FALSE(netns_file_at(place / "absent"));
}

TEST(AddressesIn, LoopbackIsNobodysAddress) {
  const TemporaryNetns pod;
  const auto door = NetnsDoor::open();
  const auto found = addresses_in(*door, pod.fd());
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_TRUE(found->empty());
}

std::vector<IpAddress> ips(std::initializer_list<const char*> texts) {
  std::vector<IpAddress> list;
  for (const char* text : texts) {
    list.push_back(*IpAddress::parse(text));
  }
  return list;
}

TEST(WithMissingFamily, WhatTheManifestStatesCountsForItsFamily) {
  EXPECT_EQ(with_missing_family(ips({"10.0.0.1"}), ips({"10.0.0.2", "fd00::2"})), ips({"10.0.0.1", "fd00::2"}));
  EXPECT_EQ(with_missing_family(ips({"fd00::1"}), ips({"10.0.0.2", "fd00::2"})), ips({"fd00::1", "10.0.0.2"}));
  EXPECT_EQ(with_missing_family(ips({"10.0.0.1", "fd00::1"}), ips({"10.0.0.2"})), ips({"10.0.0.1", "fd00::1"}));
  EXPECT_EQ(with_missing_family({}, ips({"10.0.0.2", "fd00::2"})), ips({"10.0.0.2", "fd00::2"}));
}

}  // namespace
}  // namespace fairlead::workload
