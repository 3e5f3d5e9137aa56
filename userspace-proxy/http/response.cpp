#include "userspace-proxy/http/head_lines.h"
#include "userspace-proxy/http/rebase.h"
#include "userspace-proxy/http/scan.h"

namespace fairlead::http {
namespace {

constexpr std::string_view kVersion = "HTTP/1.";

void clear(ResponseHead& head) {
  head.status = 0;
  head.phrase = {};
  head.minor = 1;
  head.keep_alive = true;
  head.body = {};
  head.fields.clear();
}

Line bad(HeadCursor& cursor, std::string_view detail) {
  cursor.detail = detail;
  return Line::kBad;
}

Line read_status_line(HeadCursor& cursor, ResponseHead& head) {
  const std::string_view bytes = scan::between(cursor.p, cursor.end);
  const std::string_view version = bytes.substr(0, kVersion.size());
  if (!kVersion.starts_with(version)) {
    cursor.at_once = true;
    return bad(cursor, "first bytes begin no HTTP/1 response");
  }
  const char* p = cursor.p + version.size();
  // "M SSS": minor version and status.
  static constexpr size_t kNumbers = 5;
  if (static_cast<size_t>(cursor.end - p) < kNumbers + 1) {
    return bad(cursor, "malformed status line");  // unless the rest is still to come
  }
  if (!scan::is_digit(p[0]) || p[0] > '1' || p[1] != ' ' || p[2] < '1' || !scan::is_digit(p[2]) ||
      !scan::is_digit(p[3]) || !scan::is_digit(p[4])) {
    return bad(cursor, "malformed status line");
  }
  head.minor = static_cast<uint8_t>(p[0] - '0');
  head.status = static_cast<uint16_t>((p[2] - '0') * 100 + (p[3] - '0') * 10 + (p[4] - '0'));
  p += kNumbers;
  // The blank before an empty phrase is often missing, and nobody reads that in two ways.
  const char* phrase = p;
  if (*p == ' ') {
    phrase = p + 1;
    p = scan::skip_value(phrase, cursor.end);
  }
  if (const Line line = read_line_end(cursor, p, "malformed status line"); line != Line::kOk) {
    return line;
  }
  head.phrase = scan::between(phrase, p);
  cursor.p = p + 2;
  return Line::kOk;
}

bool has_no_body(uint16_t status, std::string_view request_method) {
  return request_method == "HEAD" || status < 200 || status == 204 || status == 304;
}

// What the fields mean together. Empty: fine; else what is wrong.
std::string_view judge(ResponseHead& head, std::string_view request_method, bool upgrade_expected) {
  const FramingFields framing = read_framing(head.fields);
  if (framing.verdict != FramingFields::Verdict::kOk) {
    return framing.detail;
  }
  // RFC 9112 section 6.1: an HTTP/1.0 message with it is to be treated as if its framing were faulty.
  if (head.minor == 0 && framing.body.kind == BodyFraming::Kind::kChunked) {
    return "Transfer-Encoding in HTTP/1.0";
  }
  const ConnectionOptions connection = read_connection(head.fields);
  if (!connection.detail.empty()) {
    return connection.detail;
  }
  head.keep_alive = !connection.close && (head.minor == 1 || connection.keep_alive);
  if (head.status == 101) {
    head.body.kind = BodyFraming::Kind::kUntilClose;
    head.keep_alive = false;
    return upgrade_expected && connection.upgrade && head.fields.has(FieldId::kUpgrade)
               ? std::string_view{}
               : "101 that nobody asked for, or without Upgrade";
  }
  if (has_no_body(head.status, request_method)) {
    // RFC 9110 section 8.6 forbids a 204 to announce a body. A server that does so sends it: bytes that the
    // connection's next request must not take for its answer.
    const bool announced = framing.body.kind == BodyFraming::Kind::kChunked || framing.body.length > 0;
    head.keep_alive = head.keep_alive && !(head.status == 204 && announced);
    return {};
  }
  head.body = framing.body;
  // RFC 9110 section 9.3.6: after a 2xx to CONNECT the connection is a tunnel, whatever the fields say.
  const bool tunnel = request_method == "CONNECT" && head.status < 300;
  if (tunnel || head.body.kind == BodyFraming::Kind::kNone) {
    head.body = {BodyFraming::Kind::kUntilClose, 0};
    head.keep_alive = false;
  }
  return {};
}

}  // namespace

// One parameter more than elsewhere: the answer is read for a method, which no other part of the call knows.
// NOLINTNEXTLINE(readability-function-size)
Progress ResponseParser::parse(std::string_view bytes, std::string_view request_method, ResponseHead& head,
                               size_t& consumed, Refusal& refusal) {
  const std::string_view window = bytes.substr(0, kMaxHeadBytes);
  if (window.empty()) {
    return Progress::kNeedMore;
  }
  const auto base = reinterpret_cast<uintptr_t>(window.data());
  if (position_.base == 0) {
    clear(head);
  } else if (position_.base != base && position_.in_fields) {
    head.phrase = rebased(head.phrase, position_.base, window);
    head.fields.rebase(position_.base, window);
  }
  position_.base = base;
  HeadCursor cursor{window.data() + position_.line, window.data() + window.size(), {}};
  Line line = Line::kIncomplete;
  const bool version_is_open = position_.scanned < kVersion.size();
  if (has_new_line(position_, window) || version_is_open) {
    line = Line::kOk;
    if (!position_.in_fields) {
      line = read_status_line(cursor, head);
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
  position_ = {};
  refusal = {502, Reason::UPSTREAM_PROTOCOL_ERROR, cursor.detail};
  if (line == Line::kEmpty) {
    refusal.detail = judge(head, request_method, upgrade_expected_);
    if (!refusal.detail.empty()) {
      return Progress::kRefused;
    }
    consumed = static_cast<size_t>(cursor.p - window.data());
    return Progress::kDone;
  }
  if (line == Line::kIncomplete) {
    refusal.detail = "head beyond 60 KiB";
  } else if (refusal.detail.empty()) {
    refusal.detail = "more than 100 header fields";
  }
  return Progress::kRefused;
}

}  // namespace fairlead::http
