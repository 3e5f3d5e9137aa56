#include "tests/bpf/served.h"

#include <arpa/inet.h>

#include <algorithm>

namespace fairlead::test {

void ServedTest::SetUp() {
  DatapathTest::SetUp();
  for (const Pod* pod : {&a(), &b(), &c()}) {
    build_.pod(*pod);
  }
  build_.pod_port(b(), 0, FL_PROTOCOL_TCP);
  build_.pod_port(c(), 0, FL_PROTOCOL_TCP);
}

fl_target& ServedTest::serve(size_t endpoints, fl_protocol protocol) {
  struct Place {
    const Pod* owner;
    SocketAddress address;
    Fd listener;
  };
  std::vector<Place> places;
  for (size_t i = 0; i < endpoints; i++) {
    const Pod& owner = i % 2 == 0 ? b() : c();
    Fd listener = listen_on(owner.netns, owner.at(0));
    const uint16_t port = port_of(listener);
    places.push_back({&owner, owner.at(port), std::move(listener)});
  }
  std::ranges::sort(places, {}, &Place::address);
  for (Place& place : places) {
    endpoints_.push_back({place.owner, place.address});
    listeners_.push_back(std::move(place.listener));
  }
  return build_.service(vip_, protocol, endpoints_);
}

void ServedTest::lead_to(const std::vector<size_t>& endpoints) {
  const fl_target_key key{.ip = vip_.ip.raw(), .port = htons(vip_.port), .pad = 0};
  const fl_target before = build_.tables.targets.at(key);
  std::vector<TablesBuilder::Endpoint> some;
  std::ranges::transform(endpoints, std::back_inserter(some), [&](size_t i) { return endpoints_[i]; });
  std::erase_if(build_.tables.backends, [&](const auto& entry) { return entry.first.set == before.backends; });
  fl_target& target = build_.service(vip_, static_cast<fl_protocol>(before.protocol), some);
  target.balance = before.balance;
  target.affinity_s = before.affinity_s;
}

size_t ServedTest::reached(Keep keep) {
  auto client = dial(a().netns, vip_);
  EXPECT_EQ(client.error, 0);
  for (int attempt = 0; attempt < 100; attempt++) {
    for (size_t i = 0; i < listeners_.size(); i++) {
      if (Accepted accepted = accept_one(listeners_[i], attempt == 0 ? 0 : 1); accepted.fd.valid()) {
        if (keep == Keep::kOpen) {
          held_.push_back({i, std::move(client.fd), std::move(accepted.fd)});
        }
        return i;
      }
    }
  }
  ADD_FAILURE() << "nobody was reached";
  return listeners_.size();
}

std::vector<int> ServedTest::spread(int dials) {
  std::vector<int> counts(listeners_.size() + 1);
  for (int i = 0; i < dials; i++) {
    counts[reached()]++;
  }
  counts.pop_back();
  return counts;
}

void ServedTest::become_client(uint32_t n) {
  build_.tables.pods[a().cookie].ip4 = IpAddress::from_v4({.s_addr = htonl(0x0a640000 + n)}).raw();
  apply();
}

}  // namespace fairlead::test
