// The traffic fields of an http rule that are checked but not built: kept apart, so that each can move out when it is.
#include "agent/model/http_route.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace fairlead::model {

namespace {

constexpr double kLeastPercentage = 0.0001;
constexpr int64_t kMaxPercent = 100;

constexpr auto kRetryOn = std::to_array<std::string_view>(
    {"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx", "refused-stream",
     "retriable-status-codes", "retriable-headers", "envoy-ratelimited", "http3-post-connect-failure", "cancelled",
     "deadline-exceeded", "internal", "resource-exhausted", "unavailable"});

constexpr auto kGrpcStatus = std::to_array<std::string_view>(
    {"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
     "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
     "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"});

constexpr auto kCorsMethods = std::to_array<std::string_view>(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"});

template <size_t N>
bool contains(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// A status that HTTP has a name for (the IANA registry, as Go's net/http lists it).
bool is_http_status(std::string_view text) {
  int code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (error != std::errc() || end != text.data() + text.size()) {
    return false;
  }
  const auto within = [code](int least, int most) { return code >= least && code <= most; };
  return within(100, 103) || within(200, 208) || code == 226 || within(300, 305) || within(307, 308) ||
         within(400, 418) || within(421, 426) || code == 428 || code == 429 || code == 431 || code == 451 ||
         within(500, 508) || within(510, 511);
}

// Istio splits at the comma and does not trim, so "5xx, reset" is refused.
void check_retry_on(const Cursor& at) {
  const std::string text = at.string();
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    if (!contains(kRetryOn, word) && !is_http_status(word)) {
      at.error(
          fmt::format("{} is no condition to retry on; write a list without spaces, such as "
                      "\"connect-failure,refused-stream,503\"",
                      in_quotes(word)));
    }
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
}

void check_retries(const Cursor& at) {
  Fields fields(at);
  const int32_t attempts = fields["attempts"].count();
  const Cursor per_try_timeout = fields["perTryTimeout"];
  const Cursor retry_on = fields["retryOn"];
  const Cursor remote = fields["retryRemoteLocalities"];
  static_cast<void>(per_try_timeout.duration());
  static_cast<void>(remote.boolean());
  static_cast<void>(fields["retryIgnorePreviousHosts"].boolean());
  static_cast<void>(fields["backoff"].duration());
  check_retry_on(retry_on);
  if (attempts == 0 && (per_try_timeout || remote || !retry_on.string().empty())) {
    at.error("has no attempts, which turns retries off; write attempts, or remove the other fields");
  }
}

// A fraction in percent: 0, or from 0.0001 on.
void check_percentage(const Cursor& at) {
  Fields fields(at);
  const Cursor value = fields["value"];
  const double percent = value.number(0, kMaxPercent);
  if (percent > 0 && percent < kLeastPercentage) {
    value.error(fmt::format("is {}; write 0, or a number from {} to {}", percent, kLeastPercentage, kMaxPercent));
  }
}

void check_abort(const Cursor& at) {
  Fields fields(at);
  check_percentage(fields["percentage"]);
  fields.at_most_one({"httpStatus", "grpcStatus", "http2Error"});
  const Cursor http_status = fields["httpStatus"];
  const Cursor grpc_status = fields["grpcStatus"];
  const Cursor http2_error = fields["http2Error"];
  if (http_status) {
    static_cast<void>(http_status.integer(200, 600));
  }
  if (grpc_status && !contains(kGrpcStatus, grpc_status.string())) {
    grpc_status.error(
        fmt::format("{} is no gRPC status; write a name such as UNAVAILABLE", in_quotes(grpc_status.string())));
  }
  if (http2_error) {
    http2_error.error("is not supported; write httpStatus or grpcStatus");
  }
  if (at && !http_status && !grpc_status && !http2_error) {
    at.warn("says no status, so it does nothing; write httpStatus or grpcStatus");
  }
}

void check_fault(const Cursor& at) {
  Fields fields(at);
  const Cursor abort = fields["abort"];
  const Cursor delay = fields["delay"];
  if (at && !abort && !delay) {
    at.error("has neither abort nor delay");
  }
  check_abort(abort);
  Fields delay_fields(delay);
  delay_fields.at_most_one({"fixedDelay", "exponentialDelay"});
  check_percentage(delay_fields["percentage"]);
  static_cast<void>(delay_fields["percent"].int32());
  static_cast<void>(delay_fields["fixedDelay"].duration());
  delay_fields["exponentialDelay"].error("is not supported; write fixedDelay");
}

void check_mirrors(Fields& route) {
  route.at_most_one({"mirror", "mirrors"});
  if (const Cursor mirror = route["mirror"]) {
    static_cast<void>(read_destination(mirror));
  }
  for (const Cursor& item : route["mirrors"].items()) {
    Fields fields(item);
    static_cast<void>(read_destination(fields.required("destination")));
    Fields percentage(fields["percentage"]);
    static_cast<void>(percentage["value"].number(0, kMaxPercent));
  }
  Fields percentage(route["mirrorPercentage"]);
  static_cast<void>(percentage["value"].number(0, kMaxPercent));
  for (const std::string_view former : {"mirrorPercent", "mirror_percent"}) {
    if (const Cursor percent = route[former]) {
      static_cast<void>(percent.integer(0, kMaxPercent));
      percent.warn("is deprecated; write mirrorPercentage");
    }
  }
}

Problem cors_header(std::string_view text) {
  if (text != "*" && !is_token(text)) {
    return fmt::format("{} is not a header's name", in_quotes(text));
  }
  return std::nullopt;
}

Problem cors_method(std::string_view text) {
  if (!contains(kCorsMethods, text)) {
    return fmt::format("{} is not a method that CORS knows; write one such as GET, or \"*\"", in_quotes(text));
  }
  return std::nullopt;
}

void check_cors(const Cursor& at) {
  using namespace std::chrono_literals;
  Fields fields(at);
  for (const Cursor& item : fields["allowOrigins"].items()) {
    const auto match = read_string_match(item, EmptyPrefix::kRefuse);
    if (match && match->text.empty()) {
      item.error("names no origin; write exact, prefix or regex");
    }
  }
  static_cast<void>(fields["allowOrigin"].strings());
  static_cast<void>(fields["allowMethods"].strings(cors_method));
  static_cast<void>(fields["allowHeaders"].strings(cors_header));
  static_cast<void>(fields["exposeHeaders"].strings(cors_header));
  static_cast<void>(fields["allowCredentials"].boolean());
  static_cast<void>(fields["unmatchedPreflights"].word({"UNSPECIFIED", "FORWARD", "IGNORE"}));
  const Cursor max_age = fields["maxAge"];
  if (max_age.duration() % 1s != 0ms) {
    max_age.error("has a fraction; write whole seconds");
  }
}

}  // namespace

void check_http_traffic(Fields& route) {
  check_retries(route["retries"]);
  check_fault(route["fault"]);
  check_mirrors(route);
  check_cors(route["corsPolicy"]);
}

}  // namespace fairlead::model
