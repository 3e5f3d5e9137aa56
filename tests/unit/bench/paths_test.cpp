#include "agent/bench/paths.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace fairlead::bench {
namespace {

const std::vector<Path> kPaths(std::begin(kAllPaths), std::end(kAllPaths));
const std::vector<Load> kLoads{{Load::Kind::kHttp, 1}, {Load::Kind::kHttp, 64}, {Load::Kind::kTcpRoundTrip, 1, 64}};

TEST(PathNames, AreReadAsTheyAreWritten) {
  for (const Path path : kAllPaths) {
    EXPECT_EQ(parse_path(name_of(path)), path);
  }
  EXPECT_EQ(parse_path("node"), std::nullopt);
}

TEST(LoadNames, AreThoseOfTheReport) {
  EXPECT_EQ(name_of(kLoads[1]), "http-c64");
  EXPECT_EQ(name_of(kLoads[2]), "tcp-rr-64");
}

TEST(LoadNames, AreReadAsTheyAreWritten) {
  for (const char* name :
       {"http-c1", "http-c1000", "http-c64-10k", "http-c1-1m", "http-c8-new", "http-c64-close", "http-c64-r5000",
        "http-c8-10k-new-r100", "tcp-rr-64", "tcp-rr-16k", "tcp-stream-1k", "tcp-stream-128k"}) {
    const auto load = parse_load(name);
    ASSERT_TRUE(load) << name;
    EXPECT_EQ(name_of(*load), name);
  }
  EXPECT_EQ(parse_load("http-c64-10k-new-r7"),
            (Load{.connections = 64, .bytes = 10240, .rate = 7, .life = Connections::kPerRequest}));
}

TEST(LoadNames, OthersAreNone) {
  for (const char* name : {"", "http", "http-c", "http-c0", "http-c1001", "http-c1-", "http-c1-9k", "http-c1-r0",
                           "http-c1-r", "http-c1-r5-new", "http-c1-new-close", "http-c1x", "tcp-rr-", "tcp-rr-0",
                           "tcp-rr-2m", "tcp-rr-1q", "tcp-stream-99999999999", "udp"}) {
    EXPECT_EQ(parse_load(name), std::nullopt) << name;
  }
}

TEST(OrderOfRound, HasEveryCellThatExistsOnce) {
  const std::vector<Cell> order = order_of_round(kPaths, kLoads, 1);
  std::set<std::pair<std::string, std::string>> seen;
  for (const Cell& cell : order) {
    EXPECT_TRUE(seen.emplace(name_of(cell.path), name_of(cell.load)).second);
    EXPECT_TRUE(carries(cell.path, cell.load));
  }
  // Of 20 paths and 3 loads, node-http, encrypted, accelerated or neither, the relay and what others carry as HTTP
  // (three alone, three pairs) have no TCP round trip.
  EXPECT_EQ(order.size(), 20U * 3 - 10);
}

TEST(AcceleratedPaths, DifferFromTheirPlainOnesInThatAlone) {
  for (const auto& [plain, accelerated] : {std::pair(Path::kNodeKernel, Path::kNodeKernelAccelerated),
                                           {Path::kNodeHttp, Path::kNodeHttpAccelerated},
                                           {Path::kSidecarPair, Path::kSidecarPairAccelerated}}) {
    Modes modes = modes_of(plain);
    EXPECT_FALSE(modes.accelerated);
    modes.accelerated = true;
    EXPECT_EQ(modes_of(accelerated), modes);
    EXPECT_EQ(is_kernel_path(accelerated), is_kernel_path(plain));
    EXPECT_EQ(std::string(name_of(accelerated)), std::string(name_of(plain)) + "-accelerated");
  }
}

TEST(OrderOfRound, KeepsThePathsTogether) {
  const std::vector<Cell> order = order_of_round(kPaths, kLoads, 2);
  std::vector<Path> visits;
  for (const Cell& cell : order) {
    if (visits.empty() || visits.back() != cell.path) {
      visits.push_back(cell.path);
    }
  }
  EXPECT_EQ(visits.size(), kPaths.size());
}

TEST(OrderOfRound, DiffersFromRoundToRoundAndPutsNoPathFirstAlways) {
  std::set<Path> first;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    EXPECT_EQ(order_of_round(kPaths, kLoads, seed), order_of_round(kPaths, kLoads, seed));
    first.insert(order_of_round(kPaths, kLoads, seed).front().path);
  }
  EXPECT_EQ(first.size(), kPaths.size());
}

}  // namespace
}  // namespace fairlead::bench
