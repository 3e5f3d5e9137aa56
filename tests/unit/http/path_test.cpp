#include "userspace-proxy/http/path.h"

#include <gtest/gtest.h>

#include <random>

namespace fairlead::http {
namespace {

// What an application would see; "(refused)" if it sees nothing.
std::string seen(std::string_view path) {
  std::string out;
  switch (normalise_path(path, out)) {
    case Normalised::kAsSent:
      return std::string(path);
    case Normalised::kChanged:
      return out;
    case Normalised::kRefused:
      return "(refused)";
  }
  return "";
}

TEST(Path, IsNormalisedAsIstioBaseSays) {
  struct {
    std::string_view sent, seen;
  } const cases[] = {
      {"/", "/"},
      {"/a//b", "/a//b"},
      {"/a/", "/a/"},
      {"/a/./b/../c", "/a/c"},
      {"/a/b/..", "/a/"},
      {"/a/b/.", "/a/b/"},
      {"/.", "/"},
      {"/..", "/"},
      {"/../../a", "/a"},
      {"/a/%2e%2e/b", "/b"},
      {"/a/%2E%2E/b", "/b"},
      {"/a/.%2e/b", "/b"},
      {"/a//../b", "/a/b"},
      {"//../a", "/a"},
      {"/a%2fb", "/a%2fb"},
      {"/a%5Cb", "/a%5Cb"},
      {"/a\\b", "/a/b"},
      {"/public/..\\admin", "/admin"},
      {"/public\\..\\admin\\x", "/admin/x"},
      {"/a%20b", "/a%20b"},
      {"/a%2525b", "/a%2525b"},
      {"/%61bc", "/abc"},
      {"/%7e%5f%2d", "/~_-"},
      {"/a;x=1/b", "/a;x=1/b"},
      {"/caf%C3%A9", "/caf%C3%A9"},
      {"/a+b", "/a+b"},
      {"/...", "/..."},
      {"/.well-known/x", "/.well-known/x"},
      {"/a..b/.c", "/a..b/.c"},
      {"/%", "/%"},
      {"/%zz%4", "/%zz%4"},
      {"/%00", "(refused)"},
      {"/%%32e", "(refused)"},
      {"/%2%35", "/%25"},
      {"/%%300", "(refused)"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(seen(c.sent), c.seen) << c.sent;
  }
}

TEST(Path, SaysWhetherItChangedAnything) {
  std::string out;
  EXPECT_EQ(normalise_path("/a%2f/.b", out), Normalised::kAsSent);
  EXPECT_EQ(normalise_path("/a/./b", out), Normalised::kChanged);
}

TEST(Path, NormalisedTwiceIsNormalisedOnceAndHasNoDotSegments) {
  std::mt19937 random(1);
  constexpr std::string_view kPieces[] = {"/", "\\", ".", "%2e", "%2E", "%", "%2", "25", "a", "%61", "%2f", "..", "0"};
  for (int round = 0; round < 200'000; ++round) {
    std::string path = "/";
    for (unsigned i = random() % 12; i > 0; --i) {
      path += kPieces[random() % std::size(kPieces)];
    }
    const std::string once = seen(path);
    if (once == "(refused)") {
      continue;
    }
    ASSERT_EQ(seen(once), once) << path;
    ASSERT_TRUE(once.starts_with('/')) << path;
    ASSERT_EQ((once + "/").find("/../"), std::string::npos) << path;
    ASSERT_EQ((once + "/").find("/./"), std::string::npos) << path;
    ASSERT_EQ(once.find('\\'), std::string::npos) << path;
  }
}

}  // namespace
}  // namespace fairlead::http
