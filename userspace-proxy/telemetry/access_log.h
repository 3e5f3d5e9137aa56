// Access records for people and for log collectors. Pure; any thread.
//
// Both forms carry Istio's default fields under Istio's names and in its order (istio.io: "Envoy access logs", default
// format), because collectors parse them, and then ours. What a record does not hold (user agent, request id, the
// upstream's local address ...) is `-` in text and null in JSON, as Istio writes a missing value.
#pragma once

#include "userspace-proxy/telemetry/record.h"

#include <string>

namespace fairlead::telemetry {

// One line without its line feed. Control characters, quotes, backslashes and bytes beyond ASCII in texts are written
// as
// \xHH: the line may go to a terminal, and clients choose targets and hosts.
std::string access_line(const RecordOwned& record);

// One JSON object on one line, ASCII only; bytes that are not UTF-8 become U+FFFD.
std::string access_json(const RecordOwned& record);

}  // namespace fairlead::telemetry
