// The admin endpoint's /config_dump: a compiled configuration as JSON, for people. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace fairlead::api {

// `wire`: config/snapshot.proto. An empty object if it cannot be read.
nlohmann::json config_dump_json(std::string_view wire);

}  // namespace fairlead::api
