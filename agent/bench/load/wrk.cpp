#include "agent/bench/load/wrk.h"

#include "agent/bench/load/target.h"
#include "agent/host/file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/mman.h>

#include <cstdlib>

namespace fairlead::bench {

using nlohmann::json;

namespace {

constexpr std::chrono::seconds kPatience(20);

// Whether the process has a handler for SIGINT: wrk installs it when its connections have been started.
bool catches_sigint(pid_t pid) {
  const auto text = host::read_file(fmt::format("/proc/{}/status", pid));
  const size_t at = text ? text->find("SigCgt:") : std::string::npos;
  return at != std::string::npos && (std::strtoull(text->c_str() + at + 7, nullptr, 16) >> (SIGINT - 1) & 1) != 0;
}

Status await_running(const Process& wrk, const Interrupt& interrupt) {
  constexpr std::chrono::milliseconds kLook(2);
  const Clock::time_point until = Clock::now() + kPatience;
  while (!catches_sigint(wrk.pid())) {
    if (!wrk.is_running()) {
      return fail("wrk has ended at once");
    }
    if (Clock::now() > until) {
      return fail("wrk has not begun in time");
    }
    if (const Status slept = interrupt.sleep(kLook); !slept) {
      return slept;
    }
  }
  return {};
}

// The slice's time, with what is to happen in the middle of it. wrk looks whether it shall stop every tenth of a
// second: told just before, it stops when the slice ends, and not a tenth later.
Status let_pass(const Slice& slice, const Interrupt& interrupt) {
  constexpr std::chrono::milliseconds kBefore(10);
  const Clock::time_point end = Clock::now() + slice.duration - kBefore;
  if (slice.in_the_middle) {
    if (const Status slept = interrupt.wait(-1, end - slice.duration / 2); !slept) {
      return slept;
    }
    slice.in_the_middle();
  }
  return interrupt.wait(-1, end);
}

// wrk takes whole seconds only; on SIGINT it stops and reports, with the time that it really ran. More than once: a
// signal between its look at the flag and its sleep would be lost.
Result<Ended> stop(Process& wrk, const Interrupt& interrupt) {
  constexpr std::chrono::milliseconds kAgain(300);
  const Clock::time_point until = Clock::now() + kPatience;
  while (true) {
    wrk.signal(SIGINT);
    auto ended = wrk.wait(interrupt, Clock::now() + kAgain);
    if (ended || Clock::now() > until) {
      return ended;
    }
    if (const Status uninterrupted = interrupt.sleep({}); !uninterrupted) {
      return std::unexpected(uninterrupted.error());
    }
  }
}

}  // namespace

const char* const kWrkScript = R"(done = function(summary, latency, requests)
  local e, pairs = summary.errors, {}
  for i = 1, #latency do
    local us, count = latency(i)
    pairs[i] = string.format('[%d,%d]', us, count)
  end
  io.write(string.format('{"requests":%d,"duration_us":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,' ..
    '"status":%d,"latency_us":[%s]}\n', summary.requests, summary.duration, e.connect, e.read, e.write, e.timeout,
    e.status, table.concat(pairs, ',')))
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
  Sample sample;
  sample.requests = told.value("requests", uint64_t{0});
  auto latency = std::make_shared<Histogram>();
  for (const json& pair : told.value("latency_us", json::array())) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_unsigned() || !pair[1].is_number_unsigned()) {
      return fail(fmt::format("wrk: no time and count: {}", pair.dump()));
    }
    latency->record(pair[0].get<uint64_t>() * 1000, pair[1].get<uint64_t>());
  }
  sample.latency = std::move(latency);
  sample.elapsed_us = told.value("duration_us", 0.0);
  if (sample.requests != 0) {
    sample.us_per_request = sample.elapsed_us / static_cast<double>(sample.requests);
  }
  return sample;
}

Result<Sample> run_wrk(const WrkLoad& load, const Slice& slice, const Interrupt& interrupt) {
  const Fd output(memfd_create("wrk", MFD_CLOEXEC));
  if (!output) {
    return fail_sys("memfd_create");
  }
  auto wrk = Process::exec({"wrk", "-t1", fmt::format("-c{}", load.connections), "-d1h", "--timeout", "5s", "-H",
                            fmt::format("Host: {}", kAuthority), "-s", load.script, load.url},
                           slice.place, {.input = -1, .output = output.get()});
  if (!wrk) {
    return std::unexpected(wrk.error());
  }
  if (const Status running = await_running(*wrk, interrupt); !running) {
    const std::string text = content_of(output.get());
    return text.empty() ? Result<Sample>(std::unexpected(running.error())) : parse_wrk(text);
  }
  if (const Status passed = let_pass(slice, interrupt); !passed) {
    return std::unexpected(passed.error());
  }
  const auto ended = stop(*wrk, interrupt);
  if (!ended) {
    return fail(ended.error(), "wrk");
  }
  auto sample = parse_wrk(content_of(output.get()));
  if (sample) {
    sample->client = ended->usage;
  }
  return sample;
}

}  // namespace fairlead::bench
