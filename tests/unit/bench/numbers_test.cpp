#include "agent/bench/numbers.h"

#include <gtest/gtest.h>

namespace fairlead::bench {
namespace {

TEST(NumberAfter, IsTheOneBehindKeyAndWhiteSpace) {
  EXPECT_EQ(number_after("Name: haproxy\nCumReq: 42\nMaxconn: 7\n", "CumReq:"), 42U);
  EXPECT_EQ(number_after("\nRss:\t    1234 kB\n", "\nRss:"), 1234U);
  EXPECT_EQ(number_after("istio_tcp_connections_opened_total{reporter=\"source\"} 5", "}"), 5U);
  EXPECT_EQ(number_after("17 4", ""), 17U);
}

TEST(NumberAfter, IsZeroWhereThereIsNone) {
  EXPECT_EQ(number_after("Maxconn: 7\n", "CumReq:"), 0U);
  EXPECT_EQ(number_after("CumReq: none", "CumReq:"), 0U);
  EXPECT_EQ(number_after("CumReq:", "CumReq:"), 0U);
}

TEST(LeadingNumber, IsTakenOffTheText) {
  std::string_view text = " 3 4\n 70 ";
  EXPECT_EQ(leading_number(text), 3U);
  EXPECT_EQ(leading_number(text), 4U);
  EXPECT_EQ(leading_number(text), 70U);
  EXPECT_EQ(leading_number(text), 0U);
  EXPECT_TRUE(text.empty());
}

}  // namespace
}  // namespace fairlead::bench
