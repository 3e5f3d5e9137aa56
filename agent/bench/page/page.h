// The result of a run as a page to look at: one HTML document that needs no other file and makes no request. Pure; any
// thread.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace fairlead::bench {

// `report` is what docs/report-json.md describes; what it does not have, the page leaves out. No string in it is taken
// for markup. Bytes that are not UTF-8 are replaced.
std::string to_page(const nlohmann::json& report);

}  // namespace fairlead::bench
