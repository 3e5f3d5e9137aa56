// The lines of a head, for requests and responses alike: RFC 9112 sections 2.2 and 5. Internal to this room.
//
// A line is judged once it is complete: only then can one piece and many pieces give the same answer.
#pragma once

#include "userspace-proxy/http/h1.h"

#include <string_view>

namespace fairlead::http {

enum class Line : uint8_t { kOk, kEmpty, kIncomplete, kBad };

// The bytes of a head still to be read. `p` stands at the start of a line between the calls.
struct HeadCursor {
  const char* p;
  const char* end;
  std::string_view detail;  // of kBad
  bool at_once = false;     // kBad although the line may not be complete: its first byte can begin no message
};

// The line end at `p`. kBad: a bare CR or LF, or another byte that may not stand there (then `detail` is `otherwise`).
Line read_line_end(HeadCursor& cursor, const char* p, std::string_view otherwise);

// Reads field lines into `fields` up to and with the empty line. kEmpty: the head is complete. kBad with an empty
// detail: too many fields. `cursor.p` is left at the line that is not complete, or bad.
Line read_fields(HeadCursor& cursor, Fields& fields);

// False: no line has become complete since the last call, there is nothing to be done.
bool has_new_line(HeadPosition& position, std::string_view window);

// What a call found, put into terms of complete lines; remembers the place where it is kIncomplete.
Line settle(Line line, const HeadCursor& cursor, std::string_view window, HeadPosition& position);

// Content-Length and Transfer-Encoding, RFC 9112 section 6.
struct FramingFields {
  enum class Verdict : uint8_t { kOk, kBad, kUnknownCoding };
  Verdict verdict = Verdict::kOk;
  std::string_view detail;
  BodyFraming body;  // kNone where neither field is there
};
FramingFields read_framing(const Fields& fields);

// What Connection says, RFC 9110 section 7.6.1.
struct ConnectionOptions {
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
  std::string_view detail;  // not empty: what is wrong
};
ConnectionOptions read_connection(const Fields& fields);

}  // namespace fairlead::http
