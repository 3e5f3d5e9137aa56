// wrk (bench/load.h).
#include "agent/bench/load.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/mman.h>

namespace fairlead::bench {

using nlohmann::json;

const char* const kWrkScript = R"(done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,' ..
    '"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect, e.read, e.write, e.timeout, e.status))
end
)";

Result<Sample> parse_wrk(std::string_view output) {
  const std::string_view line = last_line(output);
  const json told = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!told.is_object()) {
    return fail(fmt::format("wrk: {}", line.empty() ? "no answer" : line));
  }
  std::string errors;
  for (const char* kind : {"connect", "read", "write", "timeout", "status"}) {
    if (const auto count = told.value(kind, uint64_t{0}); count != 0) {
      errors += fmt::format("{}{} {}", errors.empty() ? "" : ", ", count, kind);
    }
  }
  if (!errors.empty()) {
    return fail(fmt::format("requests failed: {}", errors));
  }
  Sample sample{.requests = told.value("requests", uint64_t{0}),
                .p50_us = told.value("p50_us", 0.0),
                .p99_us = told.value("p99_us", 0.0)};
  if (sample.requests == 0) {
    return fail("no request was answered");
  }
  sample.us_per_request = told.value("duration_us", 0.0) / static_cast<double>(sample.requests);
  return sample;
}

Result<Sample> run_wrk(const std::string& script, const std::string& url, unsigned connections, const Slice& slice,
                       const Interrupt& interrupt) {
  // wrk takes whole seconds only; on SIGINT it stops and reports, with the time that it really ran.
  constexpr std::chrono::seconds kPatience(20);
  const Fd output(memfd_create("wrk", MFD_CLOEXEC));
  if (!output) {
    return fail_sys("memfd_create");
  }
  auto wrk = Process::exec({"wrk", "-t1", fmt::format("-c{}", connections), "-d1h", "--timeout", "5s", "-H",
                            fmt::format("Host: {}", kAuthority), "-s", script, url},
                           slice.place, {.input = -1, .output = output.get()});
  if (!wrk) {
    return std::unexpected(wrk.error());
  }
  const Clock::time_point end = Clock::now() + slice.duration;
  if (slice.in_the_middle) {
    if (const Status slept = interrupt.wait(-1, end - slice.duration / 2); !slept) {
      return std::unexpected(slept.error());
    }
    slice.in_the_middle();
  }
  if (const Status slept = interrupt.wait(-1, end); !slept) {
    return std::unexpected(slept.error());
  }
  wrk->signal(SIGINT);
  const auto ended = wrk->wait(interrupt, Clock::now() + kPatience);
  if (!ended) {
    return fail(ended.error(), "wrk");
  }
  auto sample = parse_wrk(content_of(output.get()));
  if (sample) {
    sample->client_cpu_us = ended->cpu_us;
  }
  return sample;
}

}  // namespace fairlead::bench
