// How the kernel is told to choose among endpoints.
#include "agent/kernel/tables.h"
#include "tests/unit/kernel/snapshots.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace fairlead::kernel {
namespace {

// A service `web` at 10.96.0.1:80 with these endpoints, in this way.
SnapshotMaker web(wire::Balance balance, uint32_t endpoints = 3) {
  SnapshotMaker maker;
  std::vector<SnapshotMaker::Endpoint> list;
  for (uint32_t n = 1; n <= endpoints; ++n) {
    list.push_back({"10.0.0." + std::to_string(n), 8080});
  }
  maker.add_service("web", {"10.96.0.1"}, 80, wire::TCP, list);
  maker.wire().mutable_clusters(0)->set_balance(balance);
  return maker;
}

const fl_target& target_of(const Tables& tables) { return *Lookup{tables}.target("10.96.0.1", 80); }

TEST(BalanceTablesTest, WithoutARuleTheKernelDrawsAndCountsNothing) {
  for (const wire::Balance balance : {wire::UNSPECIFIED, wire::RANDOM}) {
    const Tables tables = make_tables(*web(balance).build(), {});
    EXPECT_EQ(target_of(tables).balance, FL_BALANCE_RANDOM);
    EXPECT_TRUE(tables.turns.empty() && tables.loads.empty() && tables.slots.empty());
  }
}

TEST(BalanceTablesTest, RoundRobinHasATurnForEachService) {
  SnapshotMaker maker = web(wire::ROUND_ROBIN);
  maker.add_service("same", {"10.96.0.2"}, 80, wire::TCP, {{"10.0.0.1", 8080}, {"10.0.0.2", 8080}, {"10.0.0.3", 8080}});
  maker.wire().mutable_clusters(1)->set_balance(wire::ROUND_ROBIN);
  const Tables tables = make_tables(*maker.build(), {});
  EXPECT_EQ(target_of(tables).balance, FL_BALANCE_ROUND_ROBIN);
  EXPECT_TRUE(tables.turns.contains(target_of(tables).backends));
  EXPECT_EQ(tables.turns.size(), 2U);
}

TEST(BalanceTablesTest, LeastRequestCountsEachEndpoint) {
  const Tables tables = make_tables(*web(wire::LEAST_REQUEST).build(), {});
  EXPECT_EQ(target_of(tables).balance, FL_BALANCE_LEAST_CONNECTIONS);
  ASSERT_EQ(tables.loads.size(), 3U);
  EXPECT_EQ(SocketAddress::from(tables.loads.begin()->first).text(), "10.0.0.1:8080");
}

TEST(BalanceTablesTest, BySourceTheSlotsAreThoseOfTheClustersRing) {
  const auto snapshot = web(wire::SOURCE).build();
  const Tables tables = make_tables(*snapshot, {});
  const fl_target& target = target_of(tables);
  EXPECT_EQ(target.balance, FL_BALANCE_SOURCE);
  const auto& ring = snapshot->services()[0]->ports[0].cluster->ipv4_ring;
  ASSERT_TRUE(ring.has_value());
  EXPECT_EQ(target.slot_bits, ring->bits());
  for (uint32_t slot = 0; slot < ring->slots().size(); ++slot) {
    const fl_slots& block = tables.slots.at({.set = target.backends, .index = slot / FL_SLOTS_PER_BLOCK, .pad = 0});
    ASSERT_EQ(block.index[slot % FL_SLOTS_PER_BLOCK], ring->slots()[slot]);
  }
}

TEST(BalanceTablesTest, OneEndpointNeedsNoChoice) {
  for (const wire::Balance balance : {wire::ROUND_ROBIN, wire::LEAST_REQUEST, wire::SOURCE}) {
    const Tables tables = make_tables(*web(balance, 1).build(), {});
    EXPECT_EQ(target_of(tables).balance, FL_BALANCE_RANDOM);
    EXPECT_TRUE(tables.turns.empty() && tables.loads.empty() && tables.slots.empty());
  }
}

TEST(BalanceTablesTest, AffinityIsTheServicesAlsoWhileItHasNoEndpoint) {
  for (const uint32_t endpoints : {0U, 1U, 3U}) {
    SnapshotMaker maker = web(wire::UNSPECIFIED, endpoints);
    maker.wire().mutable_clusters(0)->set_affinity_timeout_s(10'800);
    EXPECT_EQ(target_of(make_tables(*maker.build(), {})).affinity_s, 10'800U);
  }
}

TEST(BalanceTablesTest, EndpointsAreInTheOrderOfTheirAddresses) {
  SnapshotMaker maker;
  maker.add_service("web", {"10.96.0.1"}, 80, wire::TCP,
                    {{"10.0.1.0", 80}, {"9.255.0.1", 80}, {"10.0.0.255", 8080}, {"10.0.0.255", 81}});
  const Tables tables = make_tables(*maker.build(), {});
  EXPECT_EQ(Lookup{tables}.backends(target_of(tables)),
            "9.255.0.1:80=0 10.0.0.255:81=0 10.0.0.255:8080=0 10.0.1.0:80=0");
}

TEST(BalanceTablesTest, OtherPortsOfAnExternalAddressAreNotTheServices) {
  SnapshotMaker maker;
  maker.add_service("web", {"10.96.0.1", "192.0.2.1"}, 80, wire::TCP, {{"10.0.0.1", 8080}});
  maker.wire().mutable_services(0)->set_external_vips(1);
  const Tables tables = make_tables(*maker.build(), {});
  const Lookup lookup{tables};
  EXPECT_EQ(lookup.target("192.0.2.1", 80)->kind, FL_TARGET_SERVICE);
  EXPECT_EQ(lookup.target("192.0.2.1", 22), nullptr);
  EXPECT_EQ(lookup.target("10.96.0.1", 22)->kind, FL_TARGET_NO_PORT);
}

}  // namespace
}  // namespace fairlead::kernel
