// HTTP/1.1 messages on the wire, strict: RFC 9112. Bytes in, values out: no sockets, no clock, no state between calls
// but what the caller keeps. Everything that two parties might read differently is refused, never repaired: bare LF and
// CR, obs-fold, blanks before a colon, NUL, two Content-Length or Host fields, Content-Length with Transfer-Encoding,
// signs, spaces or 0x in sizes.
//
// The bytes belong to the caller: every string_view points into what was given (or, for a normalised path, into the
// RequestHead itself). Thread: any; values are not shared.
#pragma once

#include "userspace-proxy/base/reason.h"
#include "userspace-proxy/http/fields.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::http {

// How a message's body ends. kNone: there is no body, nor a Content-Length that says so (a HEAD answer may have one,
// which is about the answer to GET); kLength with 0: "Content-Length: 0" was sent.
struct BodyFraming {
  enum class Kind : uint8_t { kNone, kLength, kChunked, kUntilClose };
  Kind kind = Kind::kNone;
  uint64_t length = 0;

  bool operator==(const BodyFraming&) const = default;
};

// About 4 KB, made to be used again for each request of a connection: the parser resets what it has to and no more.
// Not to be copied or moved while path_was_normalised: `path` points into it.
struct RequestHead {
  std::string_view method;
  std::string_view target;     // as sent, without a fragment
  std::string_view path;       // normalised (Istio BASE, see path.h), no query; "*" for OPTIONS *; empty for CONNECT
  std::string_view query;      // without "?", undecoded; has_query tells "/x?" from "/x"
  std::string_view authority;  // Host as sent (of an absolute-form target or CONNECT: the target's)
  bool has_query = false;
  bool path_was_normalised = false;     // path differs from what was sent
  bool target_names_authority = false;  // absolute-form or CONNECT: Host, which may differ, is to be rewritten
  bool keep_alive = true;               // no "Connection: close"
  bool expects_continue = false;        // "Expect: 100-continue"
  bool has_upgrade = false;             // Connection names Upgrade and an Upgrade field is there
  BodyFraming body;
  Fields fields;                // all fields as sent, Host and hop-by-hop ones included
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

// Where a parser stands in a head that comes in pieces.
struct HeadPosition {
  size_t line = 0;             // start of the first line that is not complete
  size_t scanned = 0;          // no line ends between `line` and here
  uintptr_t base = 0;          // where the bytes lay at the last call, 0: there was none
  bool in_fields = false;      // the start line is done
  uint8_t target_classes = 0;  // which kinds of characters the target has, see scan.h
};

// Reads a request head at the front of `bytes`. Empty lines before it are skipped (RFC 9112 section 2.2).
// kDone: `head` is filled, `consumed` counts the bytes up to and with the empty line.
// kNeedMore: call again with more bytes (the same ones and further behind them; they may have moved) and the same head.
// kRefused: `refusal` says why. A malformed line is refused as soon as it is complete, a first byte that begins no
// request at once: the answer does not depend on how the bytes were split. After kDone and kRefused the parser begins
// anew. One parser per connection: it remembers how far it has looked, so that bytes that come one by one cost O(n).
class RequestParser {
 public:
  Progress parse(std::string_view bytes, RequestHead& head, size_t& consumed, Refusal& refusal);
  void reset() { position_ = {}; }

 private:
  HeadPosition position_;
};

// The same for a response. `request_method` decides about the body (HEAD); 1xx, 204 and 304 have none. An answer 101 is
// refused unless the caller has asked for an upgrade; then it has kUntilClose: the connection belongs to the new
// protocol. A refusal has status 502.
class ResponseParser {
 public:
  Progress parse(std::string_view bytes, std::string_view request_method, ResponseHead& head, size_t& consumed,
                 Refusal& refusal);
  // The request that the next answers belong to asked for an upgrade. Until reset().
  void expect_upgrade() { upgrade_expected_ = true; }
  void reset() { *this = {}; }

 private:
  HeadPosition position_;
  bool upgrade_expected_ = false;
};

// A chunked body, read in any pieces (RFC 9112 section 7.1). Extensions are read over (at most 4 KiB per chunk line),
// trailer fields are checked (as head fields are, same limits) and dropped. Holds no bytes: nothing has to be kept
// between the calls.
class ChunkedReader {
 public:
  struct Step {
    Progress progress = Progress::kNeedMore;
    size_t consumed = 0;       // bytes of the input that are dealt with
    std::string_view payload;  // a part of the input; may be empty
  };
  // One step: at most one piece of payload. Call until kDone (the body has ended), kRefused, or consumed == 0.
  Step step(std::string_view bytes);

 private:
  enum class State : uint8_t {
    kSize,       // digits; at least one
    kSizeBlank,  // blanks behind the size, which only an extension may follow
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailer,  // at the start of a line
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kLastLf,
    kDone,
    kBad,
  };
  // The state after one byte that is not payload.
  State after(char c);
  State after_size(char c);
  State after_trailer(char c);

  State state_ = State::kSize;
  uint8_t digits_ = 0;
  uint8_t trailer_fields_ = 0;
  uint32_t line_bytes_ = 0;  // of the chunk line, or of all trailers
  uint64_t left_ = 0;        // of the chunk
};

// Writing. Every function appends to `out`.
void append_chunk(std::string& out, std::string_view payload);  // nothing for an empty payload
void append_last_chunk(std::string& out);                       // "0\r\n\r\n"
// CR, LF and NUL in either part become spaces: a configured value never begins a line of its own.
void append_field(std::string& out, std::string_view name, std::string_view value);
// "Thu, 01 Jan 1970 00:00:00 GMT" from seconds since the epoch (RFC 9110 section 5.6.7); years 0 to 9999.
void append_date(std::string& out, int64_t unix_seconds);
// The standard phrase of a status; "Unknown" if it has none.
std::string_view phrase_of(uint16_t status);

}  // namespace fairlead::http
