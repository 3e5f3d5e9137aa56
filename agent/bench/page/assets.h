// The files beside this one and Chart.js (MIT, Debian's libjs-chart.js), as they were when this was built. Constants;
// any thread.
#pragma once

#include <span>
#include <string_view>

namespace fairlead::bench {

// With the marks {{style}}, {{library}}, {{scripts}} and {{report}}, once each.
std::string_view page_template();
std::string_view page_style();
std::string_view chart_library();

// In the order in which they are to be run.
std::span<const std::string_view> page_scripts();

}  // namespace fairlead::bench
