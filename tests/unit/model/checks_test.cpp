#include "agent/model/checks.h"

#include "agent/model/value_text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fairlead::model {
namespace {

using namespace std::chrono_literals;

struct Case {
  const char* name;
  Check check;
  std::vector<std::string> right;
  std::vector<std::string> wrong;
};

class Checks : public testing::TestWithParam<Case> {};

TEST_P(Checks, TakeWhatIstioTakesAndNothingElse) {
  for (const std::string& text : GetParam().right) {
    const Problem problem = GetParam().check(text);
    EXPECT_FALSE(problem) << text << ": " << *problem;
  }
  for (const std::string& text : GetParam().wrong) {
    const Problem problem = GetParam().check(text);
    ASSERT_TRUE(problem) << text;
    EXPECT_EQ(problem->find('\n'), std::string::npos);
  }
}

const std::string kLong63(63, 'a');
const std::string kLong64(64, 'a');

INSTANTIATE_TEST_SUITE_P(
    All, Checks,
    testing::Values(
        Case{"dns_label", dns_label, {"a", "v1", "a-b", "A1", kLong63}, {"", "-a", "a-", "a.b", "a_b", kLong64}},
        Case{"lower_dns_label", lower_dns_label, {"shop"}, {"Shop", "a.b", ""}},
        Case{"object_name", object_name, {"a", "reviews.v1", "1"}, {"", "A", "a_b", ".a", "a.", "a..b", "a-.b"}},
        Case{"wildcard_domain",
             wildcard_domain,
             {"reviews", "*", "*.foo.com", "*-a.foo", "a.b.svc.cluster.local", "istio.io.", "*a.b"},
             {"", "a*.b", "*.*.b", "a..b", "a.1", "foo_bar.com", "http://x", "a b", "10.0.0.1"}},
        Case{"destination_host", destination_host, {"reviews", "*.foo.com"}, {"*", ""}},
        Case{"label_key",
             label_key,
             {"app", "app.kubernetes.io/name", "A_b.c", "1"},
             {"", "/a", "a/", "a/b/c", "-a", "a b", "a@b", kLong64, ".x/a"}},
        Case{"label_value", label_value, {"", "v1", "a_b.c"}, {"-a", "a b", "a/b", kLong64}},
        Case{"port_name", port_name, {"http", "http-1", "a"}, {"", "80", "a--b", "-a", "HTTP", "abcdefghijklmnop"}},
        Case{"regex",
             regex,
             {"", "^a.*b$", "(?i)x", "[a-z]{1,3}"},
             {"(", "*", "a(?=b)", "(a)\\1", std::string(1025, 'a')}},
        Case{"ip_block", ip_block, {"10.0.0.0/8", "10.1.2.3", "fd00::/8", "::1"}, {"", "10.0.0.0/33", "10.0.0", "a"}},
        Case{"gateway_name", gateway_name, {"mesh", "gw", "ns/gw", "gw.ns.svc"}, {"", "/gw", "ns/", "ns/a/b", "a_b"}},
        Case{"header_name", header_name, {"x-a", ":method", "@request.auth.claims.sub"}, {"", "x a", "x:", ":other"}},
        Case{"header_operation", header_operation, {"x-a"}, {"", "Host", ":path"}},
        Case{"header_operation_or_authority",
             header_operation_or_authority,
             {"x-a", "Host", ":authority"},
             {"", ":path"}},
        Case{"header_value",
             header_value,
             {"", "foo", "%HOSTNAME%", "100%%", "a %REQ(x)% b", "%V([\"a\", \"b\"])%", "tab\tok"},
             {"%", "abc%123", "%START_TIME%%", "%V([a])%", "%V(x", "a\x01z", "a\nb"}}),
    [](const auto& parameter) { return parameter.param.name; });

TEST(Duration, IsReadAsGoReadsIt) {
  EXPECT_EQ(parse_duration("300ms"), 300ms);
  EXPECT_EQ(parse_duration("1.5h"), 90min);
  EXPECT_EQ(parse_duration("1h30m0.5s"), 90min + 500ms);
  EXPECT_EQ(parse_duration("-1s"), -1s);
  EXPECT_EQ(parse_duration("0"), 0s);
  EXPECT_EQ(parse_duration(".5s"), 500ms);
  for (const char* wrong : {"", "5", "s", "1d", "1 s", "1e3s", "infs", "1s2", "--1s", "99999999h"}) {
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
}

TEST(Hosts, OverlapAsInIstio) {
  EXPECT_TRUE(hosts_overlap("foo.com", "foo.com"));
  EXPECT_TRUE(hosts_overlap("*.com", "foo.com"));
  EXPECT_TRUE(hosts_overlap("bar.com", "*.com"));
  EXPECT_TRUE(hosts_overlap("*", "*.com"));
  EXPECT_FALSE(hosts_overlap("*.foo.com", "foo.com"));
  EXPECT_FALSE(hosts_overlap("foo.com", "bar.com"));
  EXPECT_TRUE(host_within("a.foo.com", "*.foo.com"));
  EXPECT_FALSE(host_within("*.com", "*.foo.com"));
}

TEST(Base64, DecodesOnlyWholeText) {
  EXPECT_EQ(decode_base64("aGVsbG8="), "hello");
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_FALSE(decode_base64("aGVsbG8"));
  EXPECT_FALSE(decode_base64("a*=="));
}

TEST(InQuotes, IsOneShortLine) {
  EXPECT_EQ(in_quotes("a\nb"), "\"a\\x0ab\"");
  EXPECT_LT(in_quotes(std::string(1000, 'x')).size(), 80u);
  // Cut in the middle of a two-byte character.
  EXPECT_EQ(in_quotes(std::string(59, 'x') + "\u00e9\u00e9"), "\"" + std::string(59, 'x') + "...\"");
}

}  // namespace
}  // namespace fairlead::model
