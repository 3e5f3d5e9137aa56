#include "agent/workload/mode_store.h"

#include "tests/unit/host/temporary_directory.h"

#include <gtest/gtest.h>

#include <fstream>

namespace fairlead::workload {
namespace {

using config::Mode;
using test::TemporaryDirectory;

TEST(ModeStore, AnOverrideSurvivesARestartAndEndsWithNothing) {
  const TemporaryDirectory place;
  auto store = *ModeStore::open(place / "modes.json");
  ASSERT_TRUE(store.set("pod/shop/client", Mode::kSidecar));
  ASSERT_TRUE(store.set("ns/shop", Mode::kOff));
  EXPECT_EQ(ModeStore::open(place / "modes.json")->get("pod/shop/client"), Mode::kSidecar);

  ASSERT_TRUE(store.set("pod/shop/client", std::nullopt));
  const auto again = *ModeStore::open(place / "modes.json");
  EXPECT_EQ(again.get("pod/shop/client"), std::nullopt);
  EXPECT_EQ(again.get("ns/shop"), Mode::kOff);
}

TEST(ModeStore, ADamagedFileIsAnErrorThatNamesIt) {
  const TemporaryDirectory place;
  for (const char* text :
       {"", "[]", "{\"pod/shop/client\": \"sidcar\"}", "{\"shop/client\": \"node\"}", "{\"ns/a\": 1}"}) {
    std::ofstream(place / "modes.json") << text;
    const auto store = ModeStore::open(place / "modes.json");
    ASSERT_FALSE(store) << text;
    EXPECT_NE(store.error().message().find("modes.json"), std::string::npos);
  }
}

TEST(ModeStore, WhatCannotBeWrittenDoesNotCount) {
  const TemporaryDirectory place;
  auto store = *ModeStore::open(place / "absent/modes.json");
  EXPECT_FALSE(store.set("default", Mode::kOff));
  EXPECT_EQ(store.get("default"), std::nullopt);
}

TEST(ModeTarget, IsAPodANamespaceOrTheDefault) {
  for (const char* target : {"default", "ns/shop", "pod/shop/client-7.x"}) {
    EXPECT_TRUE(is_mode_target(target)) << target;
  }
  for (const char* target :
       {"", "pod/shop", "pod//x", "pod/shop/", "pod/a/b/c", "ns/", "ns/Shop", "shop/client", "ns/a b"}) {
    EXPECT_FALSE(is_mode_target(target)) << target;
  }
}

}  // namespace
}  // namespace fairlead::workload
