#include "agent/ctl/answer.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace fairlead::ctl {
namespace {

using nlohmann::json;

// Columns as wide as their widest cell.
class Table {
 public:
  explicit Table(std::vector<std::string> heads) { add(std::move(heads)); }
  void add(std::vector<std::string> cells) {
    widths_.resize(std::max(widths_.size(), cells.size()));
    for (size_t i = 0; i < cells.size(); ++i) {
      widths_[i] = std::max(widths_[i], cells[i].size());
    }
    rows_.push_back(std::move(cells));
  }
  void print() const {
    for (const auto& row : rows_) {
      std::string line;
      for (size_t i = 0; i < row.size(); ++i) {
        line += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}  ", row[i], widths_[i]);
      }
      fmt::print("{}\n", line);
    }
  }

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<size_t> widths_;
};

std::string text_or_dash(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "-";
}

std::string number(const json& object, const char* key) { return std::to_string(object.value(key, uint64_t{0})); }

std::string ports_text(const json& pod) {
  std::string text;
  for (const json& port : pod.value("ports", json::array())) {
    text += fmt::format("{}{}/{}:{}", text.empty() ? "" : " ", number(port, "port"), text_or_dash(port, "protocol"),
                        text_or_dash(port, "path"));
  }
  return text.empty() ? "-" : text;
}

std::string mode_text(const json& pod) {
  const std::string mode = text_or_dash(pod, "mode"), wanted = text_or_dash(pod, "wanted_mode");
  return wanted == "-" || wanted == mode ? mode : fmt::format("{} (becoming {})", mode, wanted);
}

void print_head(const json& status) {
  fmt::print("fairlead-agent {}, pid {}, node {}\n", text_or_dash(status, "version"), number(status, "pid"),
             text_or_dash(status, "node"));
  fmt::print("config {}, run-dir {}, pins {}\n", text_or_dash(status, "config_dir"), text_or_dash(status, "run_dir"),
             text_or_dash(status, "pin_dir"));
  fmt::print("generation {}, in the kernel {}, {}\n", number(status, "generation"), number(status, "kernel_generation"),
             status.value("in_force", false) ? "in force everywhere" : "not in force everywhere:");
  for (const json& line : status.value("missing", json::array())) {
    fmt::print("  {}\n", line.get<std::string>());
  }
  size_t present = 0;
  const json features = status.value("features", json::array());
  for (const json& feature : features) {
    present += feature.value("present", false) ? 1 : 0;
  }
  fmt::print("kernel features needed: {}, present: {}\n", features.size(), present);
  const json addresses = status.value("addresses", json::object());
  for (const auto& [name, address] : addresses.items()) {
    fmt::print("{} at {}\n", name, address.get<std::string>());
  }
}

// Since when this agent has a proxy that one before it had started, in UTC.
std::string adopted_text(const json& proxy) {
  const auto found = proxy.find("adopted_unix");
  if (found == proxy.end() || !found->is_number_integer()) {
    return "-";
  }
  return fmt::format("{:%FT%TZ}", fmt::gmtime(found->get<time_t>()));
}

void print_proxies(const json& status) {
  Table table({"PROXY", "SHAPE", "STATE", "PID", "ADOPTED", "RESTARTS", "GENERATION"});
  for (const json& proxy : status.value("proxies", json::array())) {
    table.add({text_or_dash(proxy, "name"), text_or_dash(proxy, "shape"), text_or_dash(proxy, "state"),
               number(proxy, "pid"), adopted_text(proxy), number(proxy, "restarts"), number(proxy, "generation")});
  }
  fmt::print("\n");
  table.print();
}

void print_pods(const json& status) {
  Table table({"POD", "MODE", "BECAUSE OF", "IDENTITY", "PORTS", "PROBLEM"});
  for (const json& pod : status.value("pods", json::array())) {
    table.add({text_or_dash(pod, "pod"), mode_text(pod), text_or_dash(pod, "mode_reason"),
               text_or_dash(pod, "identity"), ports_text(pod), text_or_dash(pod, "problem")});
  }
  fmt::print("\n");
  table.print();
}

// Only where somebody asks for it: what this kernel was found to do, and what each pod gets and why not more.
void print_acceleration(const json& status) {
  const json node = status.value("acceleration", json::object()), pods = status.value("pods", json::array());
  const bool asked = std::ranges::any_of(pods, [](const json& pod) {
    return pod.value("acceleration", json::object()).value("wish", "false") != "false";
  });
  if (!asked) {
    return;
  }
  fmt::print("\nacceleration: {}{}{}\n", text_or_dash(node, "switch"),
             node["problem"].is_string() ? ", not here: " : "",
             node["problem"].is_string() ? text_or_dash(node, "problem") : "");
  for (const json& test : node.value("self_tests", json::array())) {
    const bool passed = test.value("passed", false);
    fmt::print("  {} {}{}{}\n", passed ? "yes" : "NO ", text_or_dash(test, "name"), passed ? "" : ": ",
               passed ? "" : text_or_dash(test, "meaning"));
  }
  Table table({"POD", "ACCELERATE", "BECAUSE OF", "GETS", "SOCKETS", "ADVICE"});
  for (const json& pod : pods) {
    const json own = pod.value("acceleration", json::object());
    std::string sockets;
    for (const auto& [name, outcome] : own.value("sockets", json::object()).items()) {
      sockets += fmt::format("{}{}:{}", sockets.empty() ? "" : " ", name, number(outcome, "count"));
    }
    table.add({text_or_dash(pod, "pod"), text_or_dash(own, "wish"), text_or_dash(own, "reason"),
               own.value("accelerated", false) ? "yes" : "no: " + text_or_dash(own, "why_not"),
               sockets.empty() ? "-" : sockets, text_or_dash(own, "advice")});
  }
  fmt::print("\n");
  table.print();
}

void print_messages(const json& status) {
  const json messages = status.value("messages", json::array());
  if (!messages.empty()) {
    fmt::print("\n");
  }
  for (const json& message : messages) {
    fmt::print("{} {} {}\n", text_or_dash(message, "severity"), text_or_dash(message, "code"),
               text_or_dash(message, "message"));
  }
}

}  // namespace

int status(const Settings& settings) {
  return ask_and_print(settings, {{"op", "status"}}, "status", [](const json& report) {
    print_head(report);
    print_proxies(report);
    print_pods(report);
    print_acceleration(report);
    print_messages(report);
  });
}

}  // namespace fairlead::ctl
