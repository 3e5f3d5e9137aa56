#include "userspace-proxy/http/fields.h"

#include "userspace-proxy/http/scan.h"

#include <gtest/gtest.h>

#include <memory>

namespace fairlead::http {
namespace {

TEST(Fields, EveryKnownNameIsRecognisedInAnyCaseAndNoOther) {
  struct {
    std::string name;
    FieldId id;
  } const cases[] = {
      {"connection", FieldId::kConnection},
      {"content-length", FieldId::kContentLength},
      {"content-type", FieldId::kContentType},
      {"date", FieldId::kDate},
      {"expect", FieldId::kExpect},
      {"host", FieldId::kHost},
      {"keep-alive", FieldId::kKeepAlive},
      {"proxy-connection", FieldId::kProxyConnection},
      {"server", FieldId::kServer},
      {"te", FieldId::kTe},
      {"trailer", FieldId::kTrailer},
      {"transfer-encoding", FieldId::kTransferEncoding},
      {"upgrade", FieldId::kUpgrade},
      {"user-agent", FieldId::kUserAgent},
      {"x-forwarded-for", FieldId::kXForwardedFor},
      {"x-forwarded-proto", FieldId::kXForwardedProto},
      {"x-request-id", FieldId::kXRequestId},
  };
  EXPECT_EQ(std::size(cases), static_cast<size_t>(FieldId::kCount) - 1);
  for (const auto& c : cases) {
    std::string upper = c.name;
    for (char& letter : upper) {
      letter = letter == '-' ? '-' : static_cast<char>(letter & ~0x20);
    }
    EXPECT_EQ(field_id_of(c.name), c.id) << c.name;
    EXPECT_EQ(field_id_of(upper), c.id) << upper;
    // One character changed to any other that a name may have: another name.
    for (size_t i = 0; i < c.name.size(); ++i) {
      for (int byte = 0x21; byte < 0x7f; ++byte) {
        std::string other = c.name;
        other[i] = static_cast<char>(byte);
        if (scan::is(other[i], scan::kToken) && !equals_ignoring_case(other, c.name)) {
          ASSERT_EQ(field_id_of(other), FieldId::kOther) << other;
        }
      }
    }
  }
}

TEST(Fields, AreFoundWithoutCaseAndTheFirstCounts) {
  auto fields = std::make_unique<Fields>();
  EXPECT_TRUE(fields->push({"X-A", "1"}));
  EXPECT_TRUE(fields->push({"x-a", "2"}));
  EXPECT_TRUE(fields->push({"HOST", "h"}));
  EXPECT_EQ(fields->get("x-a"), "1");
  EXPECT_EQ(fields->get("host"), "h");
  EXPECT_EQ(fields->get("date"), std::nullopt);
  EXPECT_EQ(fields->get("x-b"), std::nullopt);
  EXPECT_FALSE(fields->repeats(FieldId::kHost));
  fields->push({"host", "i"});
  EXPECT_TRUE(fields->repeats(FieldId::kHost));
  EXPECT_EQ(fields->first(FieldId::kHost), "h");
  fields->clear();
  EXPECT_FALSE(fields->has(FieldId::kHost));
  EXPECT_EQ(fields->get("host"), std::nullopt);
}

TEST(Fields, SeveralValuesAreJoinedWithCommas) {
  auto fields = std::make_unique<Fields>();
  fields->push({"X-A", "1"});
  std::string scratch = "kept";
  EXPECT_EQ(fields->joined("x-a", scratch), "1");
  EXPECT_EQ(scratch, "kept");
  fields->push({"x-A", ""});
  fields->push({"X-B", "other"});
  fields->push({"X-A", "3"});
  EXPECT_EQ(fields->joined("x-a", scratch), "1,,3");
  EXPECT_EQ(fields->joined("x-c", scratch), std::nullopt);
}

TEST(Fields, HoldAHundredAndNoMore) {
  auto fields = std::make_unique<Fields>();
  for (size_t i = 0; i < kMaxFields; ++i) {
    ASSERT_TRUE(fields->push({"X", "y"}));
  }
  EXPECT_FALSE(fields->push({"X", "y"}));
  EXPECT_EQ(fields->size(), kMaxFields);
}

TEST(HopByHop, HoldsConnectionWhatItNamesAndTheFixedOnes) {
  auto fields = std::make_unique<Fields>();
  for (const Field field : {Field{"Connection", "close , X-Hop,Content-Length, Host"}, Field{"x-hop", "1"},
                            Field{"Connection", "X-Too, TE"}, Field{"X-Too", "1"}, Field{"Keep-Alive", "timeout=5"},
                            Field{"Proxy-Connection", "close"}, Field{"TE", "gzip"}, Field{"Trailer", "X"},
                            Field{"Transfer-Encoding", "chunked"}, Field{"Upgrade", "h2c"}}) {
    fields->push(field);
  }
  const HopByHop hop_by_hop(*fields);
  for (size_t i = 0; i < fields->size(); ++i) {
    EXPECT_TRUE(hop_by_hop.contains_at(i)) << (*fields)[i].name;
    EXPECT_TRUE(hop_by_hop.contains((*fields)[i])) << (*fields)[i].name;
  }
  for (const Field field : {Field{"Host", "h"}, Field{"Content-Length", "1"}, Field{"TE", "Trailers"},
                            Field{"X-A", "close"}, Field{"Cookie", "c"}}) {
    EXPECT_FALSE(hop_by_hop.contains(field)) << field.name;
  }
}

TEST(Lists, AreSearchedByElementWithoutCase) {
  EXPECT_TRUE(list_contains("a, Close\t,b", "close"));
  EXPECT_TRUE(list_contains(",,close,", "close"));
  EXPECT_FALSE(list_contains("closed, en-close", "close"));
  EXPECT_FALSE(list_contains("a b", "b"));
  EXPECT_FALSE(list_contains("", ""));
}

TEST(Names, AreComparedWithoutCaseInAsciiOnly) {
  EXPECT_TRUE(equals_ignoring_case("X-Aa", "x-aA"));
  EXPECT_FALSE(equals_ignoring_case("a", "ab"));
  EXPECT_FALSE(equals_ignoring_case("@[", "`{"));      // 0x20 apart, but no letters
  EXPECT_FALSE(equals_ignoring_case("\xc9", "\xe9"));  // nor these, in Latin-1
}

TEST(Scan, BlocksEndWhereSingleBytesDo) {
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t at = 0; at < 40; ++at) {
      std::string value(40, 'v');
      value[at] = static_cast<char>(byte);
      const char* const end = value.data() + value.size();
      const char* const begin = value.data();
      ASSERT_EQ(scan::skip_value(begin, end), scan::skip(begin, end, scan::kValue)) << byte << " " << at;
      const char* const visible_end = scan::skip(begin, end, scan::kTarget);
      ASSERT_EQ(scan::skip_target(begin, end), visible_end) << byte << " " << at;
      ASSERT_EQ(scan::skip_to_colon(begin, end), byte == ':' ? begin + at : visible_end) << byte << " " << at;
    }
  }
}

}  // namespace
}  // namespace fairlead::http
