// Objects of Istio's kinds for tests, each from its spec alone.
#pragma once

#include "agent/model/load.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>

namespace fairlead::model::test {

inline std::string object(const std::string& kind, const std::string& spec) {
  const bool security = kind == "AuthorizationPolicy" || kind == "PeerAuthentication";
  return std::string("apiVersion: ") + (security ? "security" : "networking") + ".istio.io/v1\nkind: " + kind +
         "\nmetadata: {name: a, namespace: shop}\nspec: " + spec + "\n";
}

template <class T>
T load_one(const std::string& kind, const std::string& spec) {
  const Loaded loaded = load_documents(object(kind, spec), "f");
  for (const Message& message : loaded.messages) {
    EXPECT_NE(message.severity, Severity::kError) << message.line();
  }
  EXPECT_EQ(loaded.objects.size(), 1u);
  return loaded.objects.empty() ? T{} : std::get<T>(loaded.objects[0].second);
}

}  // namespace fairlead::model::test
