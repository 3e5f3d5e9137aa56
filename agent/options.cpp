#include "agent/options.h"

#include "agent/compile/mode.h"
#include "agent/host/version.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace fairlead::agent {
namespace {

constexpr uint32_t kMaxWorkers = 64;  // as many channels as one launch passes

uint32_t usable_cpus() {
  cpu_set_t set;
  const int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return std::clamp<uint32_t>(static_cast<uint32_t>(count), 1, kMaxWorkers);
}

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

CLI::Validator listen_address(api::ListenAddress& target) {
  return CLI::Validator(
      [&target](std::string& text) {
        const auto parsed = api::parse_listen_address(text);
        if (parsed) {
          target = *parsed;
        }
        return parsed ? std::string() : parsed.error().message();
      },
      "ADDRESS");
}

CLI::Validator mode(config::Mode& target) {
  return CLI::Validator(
      [&target](std::string& text) {
        const auto parsed = compile::parse_mode(text);
        target = parsed.value_or(target);
        return parsed ? std::string() : fmt::format("\"{}\" is not a mode; write node, sidecar or off", text);
      },
      "MODE");
}

CLI::Validator acceleration(compile::Acceleration& target) {
  return CLI::Validator(
      [&target](std::string& text) {
        const auto parsed = compile::parse_acceleration(text);
        target = parsed.value_or(target);
        return parsed ? std::string() : fmt::format("\"{}\" is not one of true, auto and false", text);
      },
      "ACCELERATE");
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  Options& options = line.options;
  options.node_name = host_name();
  options.proxy_workers = usable_cpus();
  options.metrics = *api::parse_listen_address(":15020");
  options.ready = *api::parse_listen_address(":15021");
  options.admin = *api::parse_listen_address("127.0.0.1:15000");
  std::string metrics = ":15020", ready = ":15021", admin = "127.0.0.1:15000", default_mode = "node",
              accelerate = "false";

  CLI::App app("fairlead-agent: meshes the pods of this node", "fairlead-agent");
  app.set_version_flag("--version", fmt::format("fairlead-agent {}", host::version()));
  app.add_option("--config", options.config_dir, "directory of Kubernetes and Istio manifests, followed with inotify")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--run-dir", options.run_dir, "socket, lock and mode overrides of this agent")->capture_default_str();
  app.add_option("--node-name", options.node_name, "spec.nodeName of this node's pods")->capture_default_str();
  app.add_option("--log-level", options.log_level, "how much to tell")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  app.add_option("--default-mode", default_mode, "mode of pods that nothing else puts in one")
      ->check(mode(options.default_mode))
      ->capture_default_str();
  app.add_option("--accelerate", accelerate, "for pods that say nothing: true, auto, false")
      ->check(acceleration(options.acceleration))
      ->capture_default_str();
  app.add_flag("--keep-kernel-state", options.keep_kernel_state, "leave programs and maps in force at the end");
  app.add_option("--pin-dir", options.pin_dir, "bpffs directory (default: /sys/fs/bpf/fairlead/HASH of the run-dir)");
  app.add_option("--hook-cgroup", options.hook_cgroup, "cgroup2 directory whose processes are governed (default: all)")
      ->check(CLI::ExistingDirectory);
  app.add_option("--metrics-address", metrics, "where Prometheus scrapes")
      ->check(listen_address(options.metrics))
      ->capture_default_str();
  app.add_option("--ready-address", ready, "where readiness is asked")
      ->check(listen_address(options.ready))
      ->capture_default_str();
  app.add_option("--admin-address", admin, "read-only admin endpoint")
      ->check(listen_address(options.admin))
      ->capture_default_str();
  app.add_option("--proxy-workers", options.proxy_workers, "threads of the node proxy (default: one per CPU)")
      ->check(CLI::Range(1U, kMaxWorkers));
  app.add_option("--proxy-uid", options.proxy_uid, "uid of the proxies")
      ->check(CLI::Range(1U, 4294967294U))
      ->capture_default_str();
  app.add_option("--proxy-gid", options.proxy_gid, "gid of the proxies")
      ->check(CLI::Range(1U, 4294967294U))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    line.run = true;
  } catch (const CLI::CallForHelp&) {
    line.text = app.help();
  } catch (const CLI::CallForVersion&) {
    line.text = fmt::format("fairlead-agent {}\n", host::version());
  } catch (const CLI::ParseError& error) {
    line.text = fmt::format("fairlead-agent: {}\n", error.what());
    line.exit_code = 2;
  }
  return line;
}

}  // namespace fairlead::agent
