// What `fairlead bench` is told on the command line.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace fairlead::ctl {

struct BenchArguments {
  std::vector<std::string> modes;  // none: all
  std::vector<std::string> loads{"http", "tcp-rr-64"};
  std::vector<unsigned> connections{1, 64};
  unsigned rounds = 0;   // 0: the default
  std::string duration;  // empty: the default
  std::string placement = "one-core", out = ".";
  bool quick = false;
  std::vector<std::string> compare;       // two report.json: compares them and measures nothing
  std::vector<std::string> command_line;  // for the report
};

void add_bench_options(CLI::App& sub, BenchArguments& arguments);

int bench(const BenchArguments& arguments);

}  // namespace fairlead::ctl
