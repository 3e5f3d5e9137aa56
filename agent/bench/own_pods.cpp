#include "agent/bench/own_pods.h"

#include "agent/bench/load/generator.h"
#include "agent/bench/load/slice.h"
#include "agent/bench/machine.h"
#include "agent/bench/machine_lock.h"
#include "agent/bench/own_report.h"
#include "agent/bench/progress.h"
#include "agent/ctl/client.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <numeric>
#include <optional>
#include <random>

namespace fairlead::bench {
namespace {

using nlohmann::json;

constexpr int64_t kInForceMs = 20'000;

// The running agent.
class Agent {
 public:
  explicit Agent(const std::string& run_dir) : run_dir_(run_dir) {}

  [[nodiscard]] Result<json> ask(const json& request) const { return ctl::ask(run_dir_, request); }
  [[nodiscard]] Status set_mode(const std::string& pod, const std::string& mode) const {
    if (const auto set = ask({{"op", "mode"}, {"target", pod}, {"mode", mode}}); !set) {
      return std::unexpected(set.error());
    }
    const auto waited = ask({{"op", "wait"}, {"timeout_ms", kInForceMs}});
    return waited ? Status() : std::unexpected(waited.error());
  }

 private:
  const std::string& run_dir_;
};

// Gives a pod its mode back.
class ModeKeeper {
 public:
  ModeKeeper(const Agent& agent, std::string pod, std::string mode)
      : agent_(agent), pod_(std::move(pod)), mode_(std::move(mode)) {}
  ModeKeeper(const ModeKeeper&) = delete;
  ModeKeeper& operator=(const ModeKeeper&) = delete;
  ~ModeKeeper() {
    if (const Status restored = agent_.set_mode(pod_, mode_); !restored) {
      fmt::print(stderr, "fairlead: bench: {} is not in its mode again: {}; write fairlead mode {} {}\n", pod_,
                 restored.error().message(), pod_, mode_);
    }
  }

 private:
  const Agent& agent_;
  const std::string pod_, mode_;
};

struct Target {
  std::string netns, mode;           // of the pod
  std::string override = "default";  // that it has been given: "default" is none
  Url url;
  Endpoint address;
  std::string version;  // the agent's
};

// What the agent says of the way: its name, and the address that the URL's host stands for.
Result<json> explain(const Agent& agent, const OwnPods& wanted, const Url& url) {
  const bool is_v6 = url.host.find(':') != std::string::npos;
  auto answer = agent.ask({{"op", "explain"},
                           {"from", wanted.from},
                           {"to", fmt::format("{}:{}", is_v6 ? "[" + url.host + "]" : url.host, url.port)},
                           {"method", "GET"},
                           {"path", url.path}});
  return answer ? Result<json>((*answer)["explain"]) : std::unexpected(answer.error());
}

Status find_pod(const Agent& agent, const OwnPods& wanted, Target& target) {
  const auto status = agent.ask({{"op", "status"}});
  if (!status) {
    return std::unexpected(status.error());
  }
  const json& report = (*status)["status"];
  target.version = report.value("version", "");
  for (const json& pod : report.value("pods", json::array())) {
    if ("pod/" + pod.value("pod", "") == wanted.from) {
      target.netns = pod.value("netns", "");
      target.mode = pod.value("mode", "");
    }
  }
  const json overrides = report.value("mode_overrides", json::object());
  target.override = overrides.value(wanted.from, target.override);
  return target.netns.empty()
             ? fail(fmt::format("{}: no such pod on this node; `fairlead status` names those there are", wanted.from))
             : Status();
}

Result<Target> find(const Agent& agent, const OwnPods& wanted) {
  auto url = parse_url(wanted.to);
  if (!url) {
    return std::unexpected(url.error());
  }
  Target target;
  target.url = *url;
  if (const Status found = find_pod(agent, wanted, target); !found) {
    return std::unexpected(found.error());
  }
  const auto way = explain(agent, wanted, *url);
  if (!way) {
    return fail(way.error(), wanted.to);
  }
  const std::string address = (*way)["to"].value("address", "");  // "10.0.0.1:80" or "[fd00::1]:80"
  target.address = {address.substr(0, address.rfind(':')), url->port};
  if (target.address.address.starts_with('[')) {
    target.address.address = target.address.address.substr(1, target.address.address.size() - 2);
  }
  return target;
}

class Measuring {
 public:
  Measuring(const OwnPods& wanted, const Agent& agent, Target target)
      : wanted_(wanted), agent_(agent), target_(std::move(target)) {}

  Result<OwnReport> measure() {
    OwnReport report{.from = wanted_.from, .to = wanted_.to, .address = target_.address.address, .rows = {}};
    std::vector<std::string> modes = {target_.mode};
    if (wanted_.is_toggled) {
      std::ranges::copy_if(std::initializer_list<const char*>{"node", "sidecar", "off"}, std::back_inserter(modes),
                           [&](const char* mode) { return mode != target_.mode; });
    }
    std::ranges::transform(modes, std::back_inserter(report.rows), [](const std::string& mode) {
      return OwnRow{.mode = mode, .path = {}, .rounds = {}, .latency = std::make_shared<Histogram>()};
    });
    const std::optional<ModeKeeper> keeper =
        wanted_.is_toggled ? std::optional<ModeKeeper>(std::in_place, agent_, wanted_.from, target_.override)
                           : std::nullopt;
    Progress progress;
    progress.expect(modes.size() * wanted_.rounds);
    std::mt19937_64 random(std::random_device{}());
    std::vector<size_t> order(modes.size());
    std::iota(order.begin(), order.end(), size_t{0});
    for (unsigned round = 1; round <= wanted_.rounds; ++round) {
      std::ranges::shuffle(order, random);
      for (const size_t number : order) {
        progress.step(fmt::format("round {}, {}", round, modes[number]));
        if (const Status measured = measure_one(report.rows[number]); !measured) {
          progress.clear();
          return fail(measured.error(), fmt::format("{} in {} mode", wanted_.to, modes[number]));
        }
      }
    }
    progress.clear();
    return report;
  }

 private:
  Status measure_one(OwnRow& row) {
    if (wanted_.is_toggled) {
      if (const Status set = agent_.set_mode(wanted_.from, row.mode); !set) {
        return set;
      }
    }
    const auto way = explain(agent_, wanted_, target_.url);
    if (!way) {
      return std::unexpected(way.error());
    }
    row.path = way->value("path", "");
    if (const auto warm = send(kWarmUp); !warm) {
      return std::unexpected(warm.error());
    }
    const auto sample = send(wanted_.duration);
    if (!sample) {
      return std::unexpected(sample.error());
    }
    if (sample->requests == 0) {
      return fail("no request was answered");
    }
    row.rounds.push_back({sample->us_per_request, sample->requests});
    row.latency->add(*sample->latency);
    return {};
  }

  Result<Sample> send(std::chrono::milliseconds duration) const {
    const Place place{target_.netns, {}};
    auto load = start_http({.target = target_.address,
                            .request = get_request(target_.url.authority, target_.url.path),
                            .connections = wanted_.connections,
                            .duration = duration},
                           place);
    return load ? finish(*load, {.place = place, .duration = duration, .in_the_middle = {}}, interrupt_)
                : std::unexpected(load.error());
  }

  static constexpr std::chrono::milliseconds kWarmUp{100};

  const OwnPods& wanted_;
  const Agent& agent_;
  const Target target_;
  const Interrupt interrupt_;
};

Status measure(const OwnPods& wanted) {
  if (geteuid() != 0) {
    return fail("sends its load from within the pod's network namespace: run it as root");
  }
  const auto lock = MachineLock::take();
  if (!lock) {
    return std::unexpected(lock.error());
  }
  const Agent agent(wanted.run_dir);
  auto target = find(agent, wanted);
  if (!target) {
    return std::unexpected(target.error());
  }
  const json machine = describe_machine(usable_cpus(), target->version);
  const auto report = Measuring(wanted, agent, std::move(*target)).measure();
  if (!report) {
    return std::unexpected(report.error());
  }
  const json method = {{"command_line", wanted.command_line},
                       {"rounds", wanted.rounds},
                       {"duration_ms", wanted.duration.count()},
                       {"connections", wanted.connections}};
  if (const Status written = write_own(*report, machine, method, wanted.out); !written) {
    return written;
  }
  fmt::print("{}\n{}/report.json, report.md and page.html written\n", to_markdown(*report), wanted.out);
  return {};
}

}  // namespace

int run(const OwnPods& wanted) {
  if (const Status measured = measure(wanted); !measured) {
    fmt::print(stderr, "fairlead: bench: {}\n", measured.error().message());
    return 1;
  }
  return 0;
}

}  // namespace fairlead::bench
