// Parses whole heads for the tests of this folder, and says in one line what came of it.
#pragma once

#include "userspace-proxy/http/h1.h"

#include <memory>
#include <string>
#include <string_view>

namespace fairlead::http {

template <typename Head>
struct Parsed {
  std::string bytes;  // what the views of the head point into
  Head head;
  Progress progress = Progress::kNeedMore;
  size_t consumed = 0;
  Refusal refusal;
};

// The status of the refusal; 0: taken; 1: more is needed.
template <typename Head>
int verdict(const Parsed<Head>& parsed) {
  return parsed.progress == Progress::kDone ? 0 : parsed.progress == Progress::kNeedMore ? 1 : parsed.refusal.status;
}

inline std::unique_ptr<Parsed<RequestHead>> parse_request(std::string_view bytes) {
  auto parsed = std::make_unique<Parsed<RequestHead>>();
  parsed->bytes = bytes;
  RequestParser parser;
  parsed->progress = parser.parse(parsed->bytes, parsed->head, parsed->consumed, parsed->refusal);
  return parsed;
}

inline std::unique_ptr<Parsed<ResponseHead>> parse_response(std::string_view bytes, std::string_view method = "GET",
                                                            bool upgrade_expected = false) {
  auto parsed = std::make_unique<Parsed<ResponseHead>>();
  parsed->bytes = bytes;
  ResponseParser parser;
  if (upgrade_expected) {
    parser.expect_upgrade();
  }
  parsed->progress = parser.parse(parsed->bytes, method, parsed->head, parsed->consumed, parsed->refusal);
  return parsed;
}

}  // namespace fairlead::http
