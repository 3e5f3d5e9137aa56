#include "agent/bench/page/assets.h"

namespace fairlead::bench {
namespace {

constexpr char kTemplate[] = {
#embed "page.html"
};
constexpr char kStyle[] = {
#embed "page.css"
};
constexpr char kChartLibrary[] = {
#embed "chart.min.js"
};
constexpr char kFormat[] = {
#embed "format.js"
};
constexpr char kCharts[] = {
#embed "charts.js"
};
constexpr char kOverhead[] = {
#embed "overhead.js"
};
constexpr char kLatency[] = {
#embed "latency.js"
};
constexpr char kCost[] = {
#embed "cost.js"
};
constexpr char kEvents[] = {
#embed "events.js"
};
constexpr char kOwn[] = {
#embed "own.js"
};
constexpr char kTables[] = {
#embed "tables.js"
};
constexpr char kPage[] = {
#embed "page.js"
};

// Without a zero at the end, unlike a literal.
template <size_t N>
constexpr std::string_view text(const char (&bytes)[N]) {
  return {bytes, N};
}

constexpr std::string_view kScripts[] = {text(kFormat), text(kCharts), text(kOverhead), text(kLatency), text(kCost),
                                         text(kEvents), text(kTables), text(kOwn),      text(kPage)};

}  // namespace

std::string_view page_template() { return text(kTemplate); }
std::string_view page_style() { return text(kStyle); }
std::string_view chart_library() { return text(kChartLibrary); }
std::span<const std::string_view> page_scripts() { return kScripts; }

}  // namespace fairlead::bench
