// Who asks in the tests of policies, and a table of requests with the answers that are expected.
#pragma once

#include "tests/unit/config/request.h"
#include "tests/unit/policy/policy_wire.h"
#include "userspace-proxy/policy/policy.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string_view>

namespace fairlead::test {

inline const policy::Identity kClient = identity(1, "shop", "client");
inline const policy::Identity kBatch = identity(2, "shop", "batch");
inline const policy::Identity kElsewhere = identity(3, "other", "client");
inline const policy::Identity kSimilarNamespace = identity(4, "shopping", "client");
inline const policy::Identity* const kNobody = nullptr;

inline IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

inline policy::Facts facts_of(const policy::Identity* source, const http::RequestHead* head, uint16_t port = 8080) {
  return {.source = source,
          .source_ip = ip("10.0.0.1"),
          .remote_ip = ip("10.0.0.1"),
          .destination_ip = ip("10.0.0.9"),
          .destination_port = port,
          .http = head};
}

struct HttpCase {
  const char* name;
  const policy::Identity* source;
  const char* target;
  bool allowed;
  const char* method = "GET";
  const char* host = "web.shop";
  Request::Headers headers = {};
};

inline void check(const Policies& policies, std::initializer_list<HttpCase> cases) {
  for (const HttpCase& c : cases) {
    Request request(c.target, c.method, c.host);
    request.with(c.headers);
    EXPECT_EQ(policies.decide(facts_of(c.source, &request.head())).allowed, c.allowed) << c.name;
  }
}

}  // namespace fairlead::test
