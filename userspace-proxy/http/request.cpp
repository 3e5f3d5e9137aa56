#include "userspace-proxy/http/head_lines.h"
#include "userspace-proxy/http/rebase.h"
#include "userspace-proxy/http/scan.h"
#include "userspace-proxy/http/target.h"

namespace fairlead::http {
namespace {

void clear(RequestHead& head) {
  head.method = head.target = head.path = head.query = head.authority = {};
  head.has_query = head.path_was_normalised = head.target_names_authority = false;
  head.expects_continue = head.has_upgrade = false;
  head.keep_alive = true;
  head.body = {};
  head.fields.clear();
}

void rebase(RequestHead& head, const HeadPosition& position, std::string_view bytes) {
  if (position.in_fields) {
    head.method = rebased(head.method, position.base, bytes);
    head.target = rebased(head.target, position.base, bytes);
    head.fields.rebase(position.base, bytes);
  }
}

Line bad(HeadCursor& cursor, std::string_view detail) {
  cursor.detail = detail;
  return Line::kBad;
}

// Empty lines before a request, RFC 9112 section 2.2. kOk: the cursor is at the first byte of the request.
Line skip_empty_lines(HeadCursor& cursor) {
  while (cursor.p != cursor.end && *cursor.p == '\r') {
    if (const Line line = read_line_end(cursor, cursor.p, ""); line != Line::kOk) {
      return line;
    }
    cursor.p += 2;
  }
  if (cursor.p == cursor.end) {
    return Line::kIncomplete;
  }
  if (!scan::is(*cursor.p, scan::kToken)) {
    cursor.at_once = true;
    return bad(cursor, "first byte begins no request");
  }
  return Line::kOk;
}

uint8_t joined_classes(std::string_view text) {
  uint8_t classes = 0;
  for (const char c : text) {
    classes |= scan::classes_of(c);
  }
  return classes;
}

// Of a complete request line whose version is not 1.1.
Line refuse_version(HeadCursor& cursor, std::string_view version, Refusal& refusal) {
  if (version.size() != 8 || !version.starts_with("HTTP/") || !scan::is_digit(version[5]) || version[6] != '.' ||
      !scan::is_digit(version[7])) {
    return bad(cursor, "malformed request line");
  }
  if (version == "HTTP/1.0") {
    refusal = {426, Reason::UPGRADE_REQUIRED, {}};
    return bad(cursor, "HTTP/1.0");
  }
  refusal.status = 505;
  return bad(cursor, "HTTP version other than 1.1");
}

Line read_request_line(HeadCursor& cursor, RequestHead& head, uint8_t& target_classes, Refusal& refusal) {
  if (const Line line = skip_empty_lines(cursor); line != Line::kOk) {
    return line;
  }
  const char* const end = cursor.end;
  const char* p = scan::skip(cursor.p, end, scan::kToken);
  if (p == end) {
    return Line::kIncomplete;
  }
  if (*p != ' ') {
    return bad(cursor, "bad method");
  }
  head.method = scan::between(cursor.p, p);
  const char* const target = ++p;
  p = scan::skip_target(p, end);
  if (p == end) {
    return Line::kIncomplete;
  }
  if (*p != ' ' || p == target) {
    return bad(cursor, "malformed request line");
  }
  head.target = scan::between(target, p);
  target_classes = joined_classes(head.target);
  const char* const version = ++p;
  static constexpr std::string_view kUsual = "HTTP/1.1\r\n";
  if (scan::between(version, end).starts_with(kUsual)) {
    cursor.p = version + kUsual.size();
    return Line::kOk;
  }
  p = scan::skip_target(p, end);
  if (const Line line = read_line_end(cursor, p, "malformed request line"); line != Line::kOk) {
    return line;
  }
  return refuse_version(cursor, scan::between(version, p), refusal);
}

// What the fields mean together. Nothing: fine.
std::optional<Refusal> judge(RequestHead& head, uint8_t target_classes) {
  Fields& fields = head.fields;
  auto bad_request = [](std::string_view detail) { return Refusal{400, Reason::BAD_REQUEST, detail}; };
  if (!fields.has(FieldId::kHost)) {
    return bad_request("no Host");
  }
  if (fields.repeats(FieldId::kHost)) {
    return bad_request("more than one Host");
  }
  if (const std::string_view wrong = resolve_target(head, target_classes, fields.first(FieldId::kHost));
      !wrong.empty()) {
    return bad_request(wrong);
  }
  const FramingFields framing = read_framing(fields);
  if (framing.verdict == FramingFields::Verdict::kUnknownCoding) {
    return Refusal{501, Reason::UNKNOWN_TRANSFER_CODING, framing.detail};
  }
  if (framing.verdict == FramingFields::Verdict::kBad) {
    return bad_request(framing.detail);
  }
  head.body = framing.body;
  // RFC 9110 section 9.3.6: CONNECT has no content, and what would it be taken for?
  if (head.method == "CONNECT" && head.body.kind != BodyFraming::Kind::kNone) {
    return bad_request("CONNECT with a body");
  }
  const ConnectionOptions connection = read_connection(fields);
  if (!connection.detail.empty()) {
    return bad_request(connection.detail);
  }
  head.keep_alive = !connection.close;
  head.has_upgrade = connection.upgrade && fields.has(FieldId::kUpgrade);
  head.expects_continue =
      fields.has(FieldId::kExpect) && equals_ignoring_case(fields.first(FieldId::kExpect), "100-continue");
  return std::nullopt;
}

}  // namespace

Progress RequestParser::parse(std::string_view bytes, RequestHead& head, size_t& consumed, Refusal& refusal) {
  const std::string_view window = bytes.substr(0, kMaxHeadBytes);
  if (window.empty()) {
    return Progress::kNeedMore;
  }
  const auto base = reinterpret_cast<uintptr_t>(window.data());
  if (position_.base == 0) {
    clear(head);
  } else if (position_.base != base) {
    rebase(head, position_, window);
  }
  position_.base = base;
  refusal = {};
  HeadCursor cursor{window.data() + position_.line, window.data() + window.size(), {}};
  Line line = Line::kIncomplete;
  if (has_new_line(position_, window)) {
    line = Line::kOk;
    if (!position_.in_fields) {
      line = read_request_line(cursor, head, position_.target_classes, refusal);
      position_.in_fields = line == Line::kOk;
    }
    if (line == Line::kOk) {
      line = read_fields(cursor, head.fields);
    }
    line = settle(line, cursor, window, position_);
  }
  if (line == Line::kIncomplete && window.size() < kMaxHeadBytes) {
    return Progress::kNeedMore;
  }
  const uint8_t target_classes = position_.target_classes;
  reset();
  if (line == Line::kEmpty) {
    if (const std::optional<Refusal> refused = judge(head, target_classes)) {
      refusal = *refused;
      return Progress::kRefused;
    }
    consumed = static_cast<size_t>(cursor.p - window.data());
    return Progress::kDone;
  }
  if (line == Line::kIncomplete) {
    refusal = {431, Reason::HEAD_TOO_LARGE, "head beyond 60 KiB"};
  } else if (cursor.detail.empty()) {
    refusal = {431, Reason::HEAD_TOO_LARGE, "more than 100 header fields"};
  } else {
    refusal.detail = cursor.detail;
  }
  return Progress::kRefused;
}

std::optional<std::string_view> RequestHead::query_param(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    const size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    const size_t equals = pair.find('=');
    if (!pair.empty() && pair.substr(0, equals) == name) {
      return equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    }
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  return std::nullopt;
}

}  // namespace fairlead::http
