// fairlead: the command line. Parses, and calls one of the functions in commands.h.
#include "agent/ctl/bench_command.h"
#include "agent/ctl/commands.h"
#include "agent/ctl/duration.h"
#include "agent/host/version.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace fairlead::ctl {
namespace {

class Parser {
 public:
  Parser() : app_("fairlead: the command line of the node agent", "fairlead") {
    app_.set_version_flag("--version", fmt::format("fairlead {}", host::version()));
    app_.add_option("--run-dir", settings_.run_dir, "run-dir of the agent to speak to")->capture_default_str();
    app_.require_subcommand(1);
    app_.fallthrough();
    add_status();
    add_wait();
    add_mode();
    add_accelerate();
    add_explain();
    add_analyze();
    add_flows();
    add_bench();
    add_uninstall();
  }

  int run(int argc, char** argv) {
    bench_.command_line.assign(argv, argv + argc);
    try {
      app_.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
      fmt::print("{}", app_.help());
      return 0;
    } catch (const CLI::CallForVersion&) {
      fmt::print("fairlead {}\n", host::version());
      return 0;
    } catch (const CLI::ParseError& error) {
      fmt::print(stderr, "fairlead: {}\n", app_.get_subcommands().empty() ? without_command(error) : error.what());
      return 2;
    }
    return code_;
  }

 private:
  // CLI11 says only that a subcommand is required, whatever stands in its place.
  std::string without_command(const CLI::ParseError& error) {
    const std::vector<std::string> words = app_.remaining();
    if (!words.empty() && words.front().starts_with('-')) {
      return fmt::format("unknown option {}", words.front());
    }
    if (dynamic_cast<const CLI::RequiredError*>(&error) == nullptr) {
      return error.what();
    }
    std::vector<std::string> names;
    for (const CLI::App* sub : app_.get_subcommands({})) {
      names.push_back(sub->get_name());
    }
    return fmt::format("{}; write one of {} (fairlead --help)",
                       words.empty() ? "no command" : fmt::format("\"{}\" is not a command", words.front()),
                       fmt::join(names, ", "));
  }

  CLI::App* command(const char* name, const char* description, std::function<int()> action) {
    CLI::App* sub = app_.add_subcommand(name, description);
    sub->final_callback([this, action = std::move(action)] { code_ = action(); });
    return sub;
  }

  void add_output(CLI::App* sub) {
    sub->add_option_function<std::string>(
           "-o,--output",
           [this](const std::string& value) { settings_.output = value == "json" ? Output::kJson : Output::kText; },
           "text or json")
        ->check(CLI::IsMember({"text", "json"}));
  }

  void add_status() {
    add_output(command("status", "agent, proxies and pods: mode, path, identity and why",
                       [this] { return status(settings_); }));
  }

  void add_wait() {
    CLI::App* sub = command("wait", "returns when the configuration, as it is now, is in force everywhere",
                            [this] { return wait(settings_, *parse_duration(timeout_)); });
    sub->add_option("--timeout", timeout_, "how long to wait at most: 20s, 500ms, 1m")
        ->check(duration_check())
        ->capture_default_str();
  }

  static CLI::Validator duration_check() {
    return CLI::Validator(
        [](std::string& text) {
          return parse_duration(text) ? std::string()
                                      : fmt::format("\"{}\" is not a duration; write 20s, 500ms or 1m", text);
        },
        "DURATION");
  }

  void add_mode() {
    CLI::App* sub = command("mode", "shows or sets the mode of a pod, of a namespace's pods, or of all",
                            [this] { return mode(settings_, target_, mode_); });
    sub->add_option("target", target_, "pod/NAMESPACE/NAME, ns/NAMESPACE or default")->required();
    sub->add_option("mode", mode_, "node, sidecar, off; default ends the override")
        ->check(CLI::IsMember({"node", "sidecar", "off", "default"}));
    add_output(sub);
  }

  void add_accelerate() {
    CLI::App* sub = command("accelerate", "shows or turns the acceleration of this node; cuts no connection",
                            [this] { return accelerate(settings_, accelerate_); });
    sub->add_option("to", accelerate_, "on or off")->check(CLI::IsMember({"on", "off"}));
    add_output(sub);
  }

  void add_explain() {
    CLI::App* sub = command("explain", "what would happen to a connection or request, and which rule decides",
                            [this] { return explain(settings_, explain_); });
    sub->add_option("--from", explain_.from, "pod/NAMESPACE/NAME")->required();
    sub->add_option("--to", explain_.to, "HOST:PORT")->required();
    sub->add_option("--method", explain_.method, "HTTP method")->capture_default_str();
    sub->add_option("--path", explain_.path, "HTTP path, with query")->capture_default_str();
    sub->add_option_function<std::vector<std::string>>(
           "--header",
           [this](const std::vector<std::string>& headers) {
             for (const std::string& header : headers) {
               explain_.headers[header.substr(0, header.find('='))] = header.substr(header.find('=') + 1);
             }
           },
           "NAME=VALUE; may be given several times")
        ->check([](const std::string& text) {
          const size_t at = text.find('=');
          return at == 0 || at == std::string::npos ? fmt::format("\"{}\" is not NAME=VALUE", text) : std::string();
        });
    add_output(sub);
  }

  void add_analyze() {
    CLI::App* sub =
        command("analyze", "offline validation of manifests", [this] { return analyze(settings_, files_); });
    sub->add_option("-f,--file", files_, "file or directory; may be given several times")->required();
    add_output(sub);
  }

  void add_flows() {
    CLI::App* sub = command("flows", "requests and proxied connections, one record each",
                            [this] { return flows(settings_, parse_duration(since_), follow_); });
    sub->add_option("--since", since_, "only what began in this time until now: 30s, 5m")->check(duration_check());
    sub->add_flag("--follow", follow_, "go on with what comes");
    add_output(sub);
  }

  void add_bench() {
    add_bench_options(*command("bench", "measures what each way to mesh a pod adds to a request, on this machine",
                               [this] { return bench(bench_, settings_.run_dir); }),
                      bench_);
  }

  void add_uninstall() {
    CLI::App* sub = command("uninstall", "takes what an agent that is gone has left out of the kernel",
                            [this] { return uninstall(settings_, all_); });
    sub->add_flag("--all", all_, "of every run-dir that no living agent owns");
  }

  CLI::App app_;
  Settings settings_;
  ExplainArguments explain_;
  BenchArguments bench_;
  std::string timeout_ = "20s", since_, target_, mode_, accelerate_;
  std::vector<std::string> files_;
  bool follow_ = false, all_ = false;
  int code_ = 0;
};

}  // namespace

int refused(const std::string& what) {
  fmt::print(stderr, "fairlead: {}\n", what);
  return 1;
}

}  // namespace fairlead::ctl

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);  // `fairlead flows | head` ends quietly
  try {
    return fairlead::ctl::Parser().run(argc, argv);
  } catch (const std::exception& error) {  // of a library; ours are values
    return fairlead::ctl::refused(error.what());
  }
}
