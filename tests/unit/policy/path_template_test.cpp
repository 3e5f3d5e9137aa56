#include "userspace-proxy/policy/path_template.h"

#include <gtest/gtest.h>

namespace fairlead::policy {
namespace {

bool fits(std::string_view pattern, std::string_view path) {
  return PathTemplate::parse(pattern).value().matches(path);
}

TEST(PathTemplate, OneSegmentStandsForExactlyOneThatIsNotEmpty) {
  EXPECT_TRUE(fits("/shops/{*}/items", "/shops/12/items"));
  EXPECT_FALSE(fits("/shops/{*}/items", "/shops/1/2/items"));
  EXPECT_FALSE(fits("/shops/{*}/items", "/shops//items"));
  EXPECT_FALSE(fits("/shops/{*}/items", "/shops/12/items/3"));
  EXPECT_FALSE(fits("/shops/{*}/items", "/shops/12/items/"));
  EXPECT_FALSE(fits("/shops/{*}/items", "/shops/12"));
  EXPECT_FALSE(fits("/shops/{*}", "/shops/"));
  EXPECT_FALSE(fits("/shops/{*}", "/shopsx/1"));
  EXPECT_TRUE(fits("/{*}", "/a"));
  EXPECT_FALSE(fits("/{*}", "/"));
  EXPECT_FALSE(fits("/{*}", ""));
}

TEST(PathTemplate, TheRestStandsForAnyNumberOfSegmentsButWantsItsSlash) {
  EXPECT_TRUE(fits("/files/{**}", "/files/a"));
  EXPECT_TRUE(fits("/files/{**}", "/files/a/b.txt"));
  EXPECT_TRUE(fits("/files/{**}", "/files/"));
  EXPECT_FALSE(fits("/files/{**}", "/files"));
  EXPECT_FALSE(fits("/files/{**}", "/filesystem/a"));
  EXPECT_TRUE(fits("/{**}", "/"));
}

TEST(PathTemplate, LiteralsMayFollowTheRest) {
  EXPECT_TRUE(fits("/a/{**}/z", "/a/b/c/z"));
  EXPECT_TRUE(fits("/a/{**}/z", "/a/z/z"));
  EXPECT_FALSE(fits("/a/{**}/z", "/a/z"));
  EXPECT_FALSE(fits("/a/{**}/z", "/a/b/c"));
  EXPECT_TRUE(fits("/users/{*}/photos/{**}", "/users/7/photos/2024/x.jpg"));
  EXPECT_FALSE(fits("/users/{*}/photos/{**}", "/users/7/videos/x"));
}

TEST(PathTemplate, ATrailingSlashIsPartOfTheTemplate) {
  EXPECT_TRUE(fits("/a/{*}/", "/a/b/"));
  EXPECT_FALSE(fits("/a/{*}/", "/a/b"));
  EXPECT_TRUE(fits("/a/{**}/", "/a/b/"));
  EXPECT_FALSE(fits("/a/{**}/", "/a/b"));
}

TEST(PathTemplate, OperatorsStandForPathCharactersOnly) {
  EXPECT_TRUE(fits("/{*}", "/a-._~%20!$&'()+,;:@=Z9"));
  EXPECT_FALSE(fits("/{*}", "/a*b"));
  EXPECT_FALSE(fits("/{*}", "/a b"));
  EXPECT_FALSE(fits("/{**}", "/a/b\"c"));
  EXPECT_FALSE(fits("/{*}", "/caf\xc3\xa9"));
}

TEST(PathTemplate, OnlyWholeOperatorsMakeATemplate) {
  EXPECT_TRUE(PathTemplate::is_template("/a/{*}"));
  EXPECT_TRUE(PathTemplate::is_template("/a/x{**}"));
  EXPECT_FALSE(PathTemplate::is_template("/a/{x}"));
  EXPECT_FALSE(PathTemplate::is_template("/a/*"));
}

TEST(PathTemplate, WhatIstioRefusesIsAnError) {
  for (const char* pattern : {"a/{*}", "/a{*}", "/{*}b", "/{**}/{*}", "/{**}/{**}", "/a//{*}", "/{*}/b*", "/{*}/{b}",
                              "/{*}/a b", "{**}", "/{*}//"}) {
    EXPECT_FALSE(PathTemplate::parse(pattern)) << pattern;
  }
}

}  // namespace
}  // namespace fairlead::policy
