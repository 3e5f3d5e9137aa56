// `fairlead bench --render`: the page of a report that was written before. Any thread.
#pragma once

#include "userspace-proxy/base/error.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace fairlead::bench {

// FOLDER/page.html. Errors name the file.
Status write_page(const nlohmann::json& report, const std::string& folder);

// Reads `file`, a report.json, and writes FOLDER/page.html; the folder is made if it is absent. The exit code: 0; 1,
// with one line on stderr.
int render(const std::string& file, const std::string& folder);

}  // namespace fairlead::bench
