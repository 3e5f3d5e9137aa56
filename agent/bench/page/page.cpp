#include "agent/bench/page/page.h"

#include "agent/bench/page/assets.h"

#include <nlohmann/json.hpp>

#include <string_view>

namespace fairlead::bench {
namespace {

// Within a script element only "<" can begin something else, an end tag or a comment. In JSON it stands in strings
// only.
std::string escaped(const nlohmann::json& report) {
  std::string text;
  for (const char c : report.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)) {
    if (c == '<') {
      text += "\\u003c";
    } else {
      text += c;
    }
  }
  return text;
}

std::string scripts() {
  std::string text;
  for (const std::string_view script : page_scripts()) {
    text += "<script>\n";
    text += script;
    text += "</script>\n";
  }
  return text;
}

std::string filling(std::string_view mark, const nlohmann::json& report) {
  return mark == "style"     ? std::string(page_style())
         : mark == "library" ? std::string(chart_library())
         : mark == "scripts" ? scripts()
         : mark == "report"  ? escaped(report)
                             : std::string();
}

}  // namespace

std::string to_page(const nlohmann::json& report) {
  constexpr std::string_view kOpen = "{{", kClose = "}}";
  std::string page;
  std::string_view rest = page_template();
  // Left to right, so that what has been filled in is not looked at again.
  for (size_t open = rest.find(kOpen); open != std::string_view::npos; open = rest.find(kOpen)) {
    const size_t close = rest.find(kClose, open);
    page += rest.substr(0, open);
    page += filling(rest.substr(open + kOpen.size(), close - open - kOpen.size()), report);
    rest.remove_prefix(close + kClose.size());
  }
  page += rest;
  return page;
}

}  // namespace fairlead::bench
