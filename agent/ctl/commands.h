// The subcommands of `fairlead`. Each takes what was given and returns the exit code: 0 done, 1 refused or found
// errors, 2 usage (found by the parser, main.cpp). Answers go to stdout, everything else to stderr.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fairlead::ctl {

enum class Output { kText, kJson };

struct Settings {
  std::string run_dir = "/run/fairlead";
  Output output = Output::kText;
};

struct ExplainArguments {
  std::string from, to, method = "GET", path = "/";
  std::map<std::string, std::string> headers;
};

int status(const Settings& settings);
int wait(const Settings& settings, std::chrono::milliseconds timeout);
int mode(const Settings& settings, const std::string& target, const std::string& mode);  // mode empty: show
int accelerate(const Settings& settings, const std::string& to);                         // "on", "off"; empty: show
int explain(const Settings& settings, const ExplainArguments& arguments);
int analyze(const Settings& settings, const std::vector<std::string>& files);
// `age`: of the oldest record; nullopt: everything that is kept.
int flows(const Settings& settings, std::optional<std::chrono::milliseconds> age, bool follow);
int uninstall(const Settings& settings, bool all);

// "fairlead: WHAT" on stderr; returns 1.
int refused(const std::string& what);

}  // namespace fairlead::ctl
