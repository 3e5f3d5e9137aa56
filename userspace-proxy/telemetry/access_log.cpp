#include "userspace-proxy/telemetry/access_log.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <ctime>
#include <iterator>

namespace fairlead::telemetry {
namespace {

using Json = nlohmann::ordered_json;

// "2026-01-02T03:04:05.678Z"
std::string utc_text(int64_t unix_ns) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(std::chrono::nanoseconds(unix_ns));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(ms);
  const std::time_t time = seconds.count();
  std::tm utc{};
  gmtime_r(&time, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, (ms - seconds).count());
}

std::string printable(std::string_view text) {
  if (text.empty()) {
    return "-";
  }
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e || c == '"' || c == '\\') {
      fmt::format_to(std::back_inserter(safe), "\\x{:02x}", byte);
    } else {
      safe += c;
    }
  }
  return safe;
}

// Fields outside quotes end at a space.
std::string word(std::string_view text) {
  std::string safe = printable(text);
  for (size_t at = safe.find(' '); at != std::string::npos; at = safe.find(' ', at)) {
    safe.replace(at, 1, "\\x20");
  }
  return safe;
}

std::string address_text(const SocketAddress& address) { return address.ip.is_none() ? "" : address.text(); }

// Istio: rbac_access_denied_matched_policy[ns[NS]-policy[NAME]-rule[N]], or [none] where no ALLOW policy matched.
// Records do not hold the rule's number.
std::string details_of(const RecordOwned& record) {
  const std::string_view name = text_of(record.reason).name;
  if (record.reason != Reason::RBAC_DENIED) {
    return std::string(name);
  }
  const size_t slash = record.policy.find('/');
  if (slash == std::string::npos) {
    return fmt::format("{}[none]", name);
  }
  return fmt::format("{}[ns[{}]-policy[{}]]", name, record.policy.substr(0, slash), record.policy.substr(slash + 1));
}

// The fields whose texts both forms share.
struct Fields {
  std::string details, termination;  // of an HTTP response; of a TCP connection that policy ended
  std::string upstream, client, destination;

  explicit Fields(const RecordOwned& record)
      : upstream(address_text(record.upstream)),
        client(address_text(record.client)),
        destination(address_text(record.destination)) {
    if (record.kind == RecordKind::kHttp) {
      details = details_of(record);
    } else if (record.reason == Reason::RBAC_DENIED) {
      termination = details_of(record);
    }
  }
};

Json text_or_null(std::string_view text) { return text.empty() ? Json(nullptr) : Json(text); }

}  // namespace

std::string access_line(const RecordOwned& record) {
  const Fields fields(record);
  std::string line =
      fmt::format("[{}] \"{} {} {}\" {} {} {} {} \"-\" {} {} {} - \"-\" \"-\" \"-\" \"{}\" \"{}\" {} - {} {} - {}",
                  utc_text(record.start_unix_ns), word(record.method), word(record.target),
                  record.kind == RecordKind::kHttp ? word(record.protocol) : "-", record.status,
                  text_of(record.reason).flag, word(fields.details), word(fields.termination), record.bytes_received,
                  record.bytes_sent, record.duration_ns / 1'000'000, printable(record.authority), word(fields.upstream),
                  word(record.cluster), word(fields.destination), word(fields.client), word(record.route));
  fmt::format_to(std::back_inserter(line),
                 " source_workload={} source_principal={} destination_workload={} policy={} reason={} path_taken={}",
                 word(record.source_workload), word(record.source_principal), word(record.destination_workload),
                 word(record.policy), text_of(record.reason).name, name_of(record.path));
  return line;
}

std::string access_json(const RecordOwned& record) {
  const Fields fields(record);
  const Json json = {
      {"start_time", utc_text(record.start_unix_ns)},
      {"method", text_or_null(record.method)},
      {"path", text_or_null(record.target)},
      {"protocol", record.kind == RecordKind::kHttp ? text_or_null(record.protocol) : Json(nullptr)},
      {"response_code", record.status},
      {"response_flags", text_of(record.reason).flag},
      {"response_code_details", text_or_null(fields.details)},
      {"connection_termination_details", text_or_null(fields.termination)},
      {"upstream_transport_failure_reason", nullptr},
      {"bytes_received", record.bytes_received},
      {"bytes_sent", record.bytes_sent},
      {"duration", record.duration_ns / 1'000'000},
      {"upstream_service_time", nullptr},
      {"x_forwarded_for", nullptr},
      {"user_agent", nullptr},
      {"request_id", nullptr},
      {"authority", text_or_null(record.authority)},
      {"upstream_host", text_or_null(fields.upstream)},
      {"upstream_cluster", text_or_null(record.cluster)},
      {"upstream_local_address", nullptr},
      {"downstream_local_address", text_or_null(fields.destination)},
      {"downstream_remote_address", text_or_null(fields.client)},
      {"requested_server_name", nullptr},
      {"route_name", text_or_null(record.route)},
      {"duration_us", record.duration_ns / 1'000},  // most requests on one node take less than a millisecond
      {"source_workload", text_or_null(record.source_workload)},
      {"source_principal", text_or_null(record.source_principal)},
      {"destination_workload", text_or_null(record.destination_workload)},
      {"policy", text_or_null(record.policy)},
      {"reason", text_of(record.reason).name},
      {"path_taken", name_of(record.path)},
  };
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace fairlead::telemetry
