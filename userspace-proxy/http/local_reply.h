// An answer that the proxy gives by itself: refusals, direct responses, failures. In Envoy's form. Thread: any.
#pragma once

#include "userspace-proxy/http/h1.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace fairlead::http {

struct LocalReply {
  uint16_t status = 200;
  std::string_view body = {};          // text/plain, unless `fields` has a content-type
  std::span<const Field> fields = {};  // further ones
  std::string_view server = "envoy";
  int64_t unix_seconds = 0;  // for the date
  bool head_only = false;    // the request was HEAD: content-length, but no body
  bool keep_alive = true;    // else "connection: close"
};

// Appends head and body to `out`. 1xx, 204 and 304 get neither content-length nor body.
void append_local_reply(std::string& out, const LocalReply& reply);

}  // namespace fairlead::http
