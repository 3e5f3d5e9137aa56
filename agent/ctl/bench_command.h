// What `fairlead bench` is told on the command line.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace fairlead::ctl {

struct BenchArguments {
  std::vector<std::string> modes;         // none: all
  std::vector<std::string> loads, parts;  // none: the default
  std::vector<unsigned> connections{1, 64};
  unsigned rounds = 0;   // 0: the default
  std::string duration;  // empty: the default
  std::string placement = "one-core", out = ".";
  std::string from, to;  // a user's own pod, and where it asks; empty: the bench's own pods
  bool toggle = false;
  std::string render;  // a report.json whose page is wanted; empty: measure
  bool quick = false, full = false;
  std::vector<std::string> compare;       // two report.json: compares them and measures nothing
  std::vector<std::string> command_line;  // for the report
};

void add_bench_options(CLI::App& sub, BenchArguments& arguments);

// `run_dir`: of the agent that governs the user's own pods.
int bench(const BenchArguments& arguments, const std::string& run_dir);

}  // namespace fairlead::ctl
