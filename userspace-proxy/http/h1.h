// HTTP/1.1 messages on the wire, strict: RFC 9112. Bytes in, values out: no sockets, no clock, no state between calls but
// what the caller keeps. Everything that two parties might read differently is refused, never repaired: bare LF and CR,
// obs-fold, blanks before a colon, NUL, two Content-Length or Host fields, Content-Length with Transfer-Encoding, signs,
// spaces or 0x in sizes.
//
// The bytes belong to the caller: every string_view points into what was given (or, for a normalised path, into the
// RequestHead itself). Thread: any; values are not shared.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "userspace-proxy/base/reason.h"

namespace fairlead::http {

struct Field {
  std::string_view name;   // as sent
  std::string_view value;  // without blanks round it
};

// Limits of a head: Envoy's defaults (max_request_headers_kb 60, max_headers_count 100).
inline constexpr size_t kMaxHeadBytes = 60 * 1024;
inline constexpr size_t kMaxFields = 100;

class Fields {
 public:
  [[nodiscard]] size_t size() const { return count_; }
  [[nodiscard]] const Field* begin() const { return fields_.data(); }
  [[nodiscard]] const Field* end() const { return fields_.data() + count_; }
  // False when full.
  bool push(Field field);
  void clear() { count_ = 0; }
  // The first value, `name` in lower case; names compare without case.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view lower_name) const;
  // All values of the name joined with ",": into `scratch` only if there are several.
  [[nodiscard]] std::optional<std::string_view> joined(std::string_view lower_name, std::string& scratch) const;

 private:
  std::array<Field, kMaxFields> fields_;
  size_t count_ = 0;
};

// How a message's body ends.
struct BodyFraming {
  enum class Kind : uint8_t { kNone, kLength, kChunked, kUntilClose };
  Kind kind = Kind::kNone;
  uint64_t length = 0;
};

struct RequestHead {
  std::string_view method;
  std::string_view target;     // as sent, without a fragment
  std::string_view path;       // normalised (Istio BASE: dot segments, %-encoded unreserved, backslash to slash), no query
  std::string_view query;      // without "?", undecoded; has_query tells "/x?" from "/x"
  std::string_view authority;  // Host as sent (of an absolute-form target: its authority)
  bool has_query = false;
  bool path_was_normalised = false;  // path differs from what was sent
  bool keep_alive = true;            // no "Connection: close"
  bool expects_continue = false;     // "Expect: 100-continue"
  bool has_upgrade = false;          // Connection names Upgrade and an Upgrade field is there
  BodyFraming body;
  Fields fields;  // all fields as sent, Host and hop-by-hop ones included
  std::string normalised_path;  // storage of `path` where path_was_normalised

  // Value of a query parameter, undecoded, the first of that name; nullopt: absent.
  [[nodiscard]] std::optional<std::string_view> query_param(std::string_view name) const;
};

struct ResponseHead {
  uint16_t status = 0;
  std::string_view phrase;
  uint8_t minor = 1;  // HTTP/1.MINOR
  bool keep_alive = true;
  BodyFraming body;
  Fields fields;
};

// A refusal: the status to answer and why. The connection is to be closed.
struct Refusal {
  uint16_t status = 400;
  Reason reason = Reason::BAD_REQUEST;
  std::string_view detail;  // static text: what is wrong
};

enum class Progress : uint8_t { kDone, kNeedMore, kRefused };

// Reads a request head at the front of `bytes`. Empty lines before it are skipped (RFC 9112 section 2.2).
// kDone: `head` is filled, `consumed` counts the bytes up to and with the empty line.
// kNeedMore: call again with more bytes (the same ones and further behind them). kRefused: `refusal` says why.
// One parser per connection: it remembers how far it has looked, so that bytes that come one by one cost O(n).
class RequestParser {
 public:
  Progress parse(std::string_view bytes, RequestHead& head, size_t& consumed, Refusal& refusal);
  void reset() { scanned_ = 0; }

 private:
  size_t scanned_ = 0;
};

// The same for a response. `request_method` decides about the body (HEAD); 1xx, 204 and 304 have none; 101 has kUntilClose
// only where the caller asked for an upgrade. A refusal has status 502.
class ResponseParser {
 public:
  Progress parse(std::string_view bytes, std::string_view request_method, ResponseHead& head, size_t& consumed,
                 Refusal& refusal);
  void reset() { scanned_ = 0; }

 private:
  size_t scanned_ = 0;
};

// A chunked body, read in any pieces (RFC 9112 section 7.1). Extensions are read over (at most 4 KiB per chunk line),
// trailer fields are checked (as head fields are, same limits) and dropped.
class ChunkedReader {
 public:
  struct Step {
    Progress progress = Progress::kNeedMore;
    size_t consumed = 0;        // bytes of the input that are dealt with
    std::string_view payload;   // a part of the input; may be empty
  };
  // One step: at most one piece of payload. Call until kDone (the body has ended), kRefused, or consumed == 0.
  Step step(std::string_view bytes);

 private:
  enum class State : uint8_t { kSizeStart, kSize, kExtension, kSizeLf, kData, kDataCr, kDataLf, kTrailer, kDone, kBad };
  State state_ = State::kSizeStart;
  uint64_t left_ = 0;
  uint32_t digits_ = 0;
  uint32_t line_bytes_ = 0;
  std::string trailer_;
};

// Writing. Every function appends to `out`.
void append_chunk(std::string& out, std::string_view payload);  // nothing for an empty payload
void append_last_chunk(std::string& out);                       // "0\r\n\r\n"
void append_field(std::string& out, std::string_view name, std::string_view value);
// "Thu, 01 Jan 1970 00:00:00 GMT" from seconds since the epoch (RFC 9110 section 5.6.7).
void append_date(std::string& out, int64_t unix_seconds);
// The standard phrase of a status; "Unknown" if it has none.
std::string_view phrase_of(uint16_t status);

// True for fields that end at this hop: Connection and what it names, Keep-Alive, Proxy-Connection, TE (unless it is just
// "trailers"), Transfer-Encoding, Upgrade, and Content-Length where the framing is rewritten. RFC 9110 section 7.6.1.
class HopByHop {
 public:
  explicit HopByHop(const Fields& fields);
  [[nodiscard]] bool contains(const Field& field) const;

 private:
  std::array<std::string_view, 16> named_{};  // values of Connection
  size_t count_ = 0;
  bool too_many_ = false;  // then the whole Connection lists are searched again
  const Fields* fields_;
};

// ASCII without case.
bool equals_ignoring_case(std::string_view a, std::string_view b);
// `list` (a comma-separated field value) holds `token`, without case.
bool list_contains(std::string_view list, std::string_view token);

}  // namespace fairlead::http
