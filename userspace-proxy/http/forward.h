// Writes a head that was read on for the next hop: hop-by-hop fields dropped, framing fields rewritten, everything else
// as it came, in its order, unless an edit says otherwise. RFC 9110 section 7.6, RFC 9112 section 3.2.
//
// Where nothing is edited, whole runs of fields are copied at once. Everything is appended to `out`, which the caller
// keeps: nothing else allocates. The views must live during the call only. Thread: any.
#pragma once

#include "userspace-proxy/http/h1.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fairlead::http {

// One level of configured header operations. `remove` and `set` take every field of that name away, then `set` (the
// last one of a name) and `add` put theirs at the end. Names compare without case.
//
// Fields that the connection or the framing owns (Connection, Content-Length, Keep-Alive, Proxy-Connection, TE,
// Trailer, Transfer-Encoding, Upgrade) are no configuration's to change: such entries have no effect. Host is set as
// `authority` is.
struct FieldEdits {
  std::span<const Field> set;
  std::span<const Field> add;
  std::span<const std::string_view> remove;
};

// Every member has a default of its own, so that a caller names those that it means.
struct RequestEdits {
  std::string_view target = {};             // origin form; empty: normalised path and query of the head
  std::string_view authority = {};          // empty: the last Host that `fields` sets or adds, else the head's
  std::span<const FieldEdits> fields = {};  // one after the other, as if each had the former's result before it
  std::span<const Field> append = {};       // the proxy's own, after all that
  std::optional<BodyFraming> body = {};     // where it is sent on in another framing than it came in
  bool connection_close = false;            // adds "Connection: close"
  bool keep_upgrade = false;                // a websocket: Upgrade is kept, "Connection: Upgrade" added
};

struct ResponseEdits {
  std::span<const FieldEdits> fields = {};
  std::span<const Field> append = {};
  std::optional<BodyFraming> body = {};  // such as kChunked for a body that came until close
  bool connection_close = false;
  bool keep_upgrade = false;  // 101
};

// "Expect: 100-continue" is dropped: whoever forwards has answered it, or sends the body at once.
void write_request(std::string& out, const RequestHead& head, const RequestEdits& edits);
// Always as HTTP/1.1. Content-Length of an answer without a body is kept where it is about the body that GET would have
// had (HEAD, 304), and dropped from 1xx and 204, which may not have one (RFC 9110 section 8.6).
void write_response(std::string& out, const ResponseHead& head, const ResponseEdits& edits);

}  // namespace fairlead::http
