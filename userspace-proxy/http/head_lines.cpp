#include "userspace-proxy/http/head_lines.h"

#include "userspace-proxy/http/field_id.h"
#include "userspace-proxy/http/scan.h"

#include <cstring>

namespace fairlead::http {
namespace {

// Envoy refuses from ten options on; each one costs a search through the fields of the message.
constexpr size_t kMaxConnectionOptions = 16;

Line bad(HeadCursor& cursor, std::string_view detail) {
  cursor.detail = detail;
  return Line::kBad;
}

std::string_view why_no_name(const char* line, const char* stop) {
  if (line == stop) {
    return scan::is_blank(*stop) ? "folded header line" : *stop == ':' ? "header without a name" : "bad header name";
  }
  if (*stop == '\r' || *stop == '\n') {
    return "header line without a colon";
  }
  return scan::is_blank(*stop) ? "blank in a header name" : "bad header name";
}

bool is_token(std::string_view text) {
  uint8_t all = scan::kToken;
  for (const char c : text) {
    all &= scan::classes_of(c);
  }
  return all != 0 && !text.empty();
}

// One field line at cursor.p; kEmpty is the end of the head. Moves the cursor past the line if it is a good one.
Line read_field(HeadCursor& cursor, Fields& fields) {
  const char* const line = cursor.p;
  const char* const end = cursor.end;
  const char* const p = scan::skip_to_colon(line, end);
  if (p == end) {
    return Line::kIncomplete;
  }
  if (p == line && *p == '\r') {
    const Line blank = read_line_end(cursor, p, "");
    return blank == Line::kOk ? Line::kEmpty : blank;
  }
  const std::string_view name = scan::between(line, p);
  const FieldId id = classify(name);
  // A name that is known is one of token characters.
  if (*p != ':' || (id == FieldId::kOther && !is_token(name))) {
    return bad(cursor, why_no_name(line, scan::skip(line, end, scan::kToken)));
  }
  const char* value = p + 1;
  while (value != end && scan::is_blank(*value)) {
    ++value;
  }
  const char* const stop = scan::skip_value(value, end);
  if (const Line line_end = read_line_end(cursor, stop, "control character in a header value"); line_end != Line::kOk) {
    return line_end;
  }
  const char* last = stop;
  while (last != value && scan::is_blank(last[-1])) {
    --last;
  }
  const bool verbatim = value == p + 2 && p[1] == ' ' && last == stop;
  if (!fields.push({name, scan::between(value, last)}, id,
                   verbatim ? Fields::Layout::kVerbatim : Fields::Layout::kScattered)) {
    return bad(cursor, "");
  }
  cursor.p = stop + 2;
  return Line::kOk;
}

bool parse_length(std::string_view digits, uint64_t& length) {
  static constexpr uint64_t kMax = UINT64_MAX;
  if (digits.empty()) {
    return false;
  }
  length = 0;
  for (const char c : digits) {
    const auto digit = static_cast<uint64_t>(c - '0');
    if (!scan::is_digit(c) || length > (kMax - digit) / 10) {
      return false;
    }
    length = length * 10 + digit;
  }
  return true;
}

}  // namespace

Line read_line_end(HeadCursor& cursor, const char* p, std::string_view otherwise) {
  if (p == cursor.end) {
    return Line::kIncomplete;
  }
  if (*p != '\r') {
    return bad(cursor, *p == '\n' ? "bare LF" : otherwise);
  }
  if (p + 1 == cursor.end) {
    return Line::kIncomplete;
  }
  return p[1] == '\n' ? Line::kOk : bad(cursor, "bare CR");
}

Line read_fields(HeadCursor& cursor, Fields& fields) {
  Line line = Line::kOk;
  while (line == Line::kOk) {
    line = read_field(cursor, fields);
  }
  if (line == Line::kEmpty) {
    cursor.p += 2;
  }
  return line;
}

bool has_new_line(HeadPosition& position, std::string_view window) {
  if (position.scanned <= position.line) {
    return true;
  }
  const size_t fresh = window.size() - position.scanned;
  if (fresh == 0 || std::memchr(window.data() + position.scanned, '\n', fresh) == nullptr) {
    position.scanned = window.size();
    return false;
  }
  return true;
}

Line settle(Line line, const HeadCursor& cursor, std::string_view window, HeadPosition& position) {
  if (line == Line::kBad && !cursor.at_once &&
      std::memchr(cursor.p, '\n', static_cast<size_t>(cursor.end - cursor.p)) == nullptr) {
    line = Line::kIncomplete;
  }
  if (line == Line::kIncomplete) {
    position.line = static_cast<size_t>(cursor.p - window.data());
    position.scanned = window.size();
  }
  return line;
}

FramingFields read_framing(const Fields& fields) {
  using Verdict = FramingFields::Verdict;
  FramingFields framing;
  if (fields.has(FieldId::kTransferEncoding)) {
    if (fields.has(FieldId::kContentLength)) {
      return {Verdict::kBad, "Content-Length with Transfer-Encoding", {}};
    }
    if (fields.repeats(FieldId::kTransferEncoding) ||
        !equals_ignoring_case(fields.first(FieldId::kTransferEncoding), "chunked")) {
      return {Verdict::kUnknownCoding, "transfer coding other than chunked", {}};
    }
    framing.body.kind = BodyFraming::Kind::kChunked;
    return framing;
  }
  if (!fields.has(FieldId::kContentLength)) {
    return framing;
  }
  if (fields.repeats(FieldId::kContentLength)) {
    return {Verdict::kBad, "more than one Content-Length", {}};
  }
  if (!parse_length(fields.first(FieldId::kContentLength), framing.body.length)) {
    return {Verdict::kBad, "malformed Content-Length", {}};
  }
  framing.body.kind = BodyFraming::Kind::kLength;
  return framing;
}

ConnectionOptions read_connection(const Fields& fields) {
  ConnectionOptions options;
  if (!fields.has(FieldId::kConnection)) {
    return options;
  }
  size_t count = 0;
  auto read_option = [&](std::string_view option) {
    if (equals_ignoring_case(option, "close")) {
      options.close = true;
    } else if (equals_ignoring_case(option, "keep-alive")) {
      options.keep_alive = true;
    } else if (equals_ignoring_case(option, "upgrade")) {
      options.upgrade = true;
    } else if (equals_ignoring_case(option, "host") || equals_ignoring_case(option, "x-forwarded-for") ||
               equals_ignoring_case(option, "x-forwarded-host") || equals_ignoring_case(option, "x-forwarded-proto") ||
               option.front() == ':') {
      // Naming these would hide from the next hop who asks, and for what; Envoy refuses the last four too.
      options.detail = "Connection names a field that is not the sender's to remove";
    }
    if (++count > kMaxConnectionOptions) {
      options.detail = "too many Connection options";
    }
    return options.detail.empty();
  };
  for (size_t i = 0; i < fields.size() && options.detail.empty(); ++i) {
    if (fields.id(i) == FieldId::kConnection) {
      scan::for_each_element(fields[i].value, read_option);
    }
  }
  return options;
}

}  // namespace fairlead::http
