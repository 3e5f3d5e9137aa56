// `fairlead analyze`: what is to be said about manifests, without a cluster. Reads files; any thread.
#pragma once

#include "agent/model/objects.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace fairlead::model {

// Files, or folders (see files.h for what counts in them), as one set of objects. A path that cannot be read is an
// error message, too.
std::vector<Message> analyze(const std::vector<std::string>& paths);

// {"code", "severity", "object", "file", "line", "field", "message"}. File names may be any bytes: dump it with
// error_handler_t::replace.
nlohmann::json to_json(const Message& message);

}  // namespace fairlead::model
