#include "agent/bench/render.h"

#include "agent/bench/load_report.h"
#include "agent/bench/page/page.h"
#include "agent/host/file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>

namespace fairlead::bench {
namespace {

using nlohmann::json;

Result<json> read_report(const std::string& file) {
  auto report = read_json(file);
  if (report && (!report->is_object() || report->value("version", json()) != 1)) {
    return fail(fmt::format("{}: not a report of version 1", file));
  }
  return report;
}

Status render_to(const std::string& file, const std::string& folder) {
  const auto report = read_report(file);
  if (!report) {
    return std::unexpected(report.error());
  }
  const Status made = host::make_folder(folder);
  return made ? write_page(*report, folder) : made;
}

}  // namespace

Status write_page(const json& report, const std::string& folder) {
  return host::replace_file(folder + "/page.html", to_page(report));
}

int render(const std::string& file, const std::string& folder) {
  if (const Status written = render_to(file, folder); !written) {
    fmt::print(stderr, "fairlead: bench: {}\n", written.error().message());
    return 1;
  }
  fmt::print("{}/page.html written\n", folder);
  return 0;
}

}  // namespace fairlead::bench
