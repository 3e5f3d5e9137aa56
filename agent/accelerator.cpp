#include "agent/accelerator.h"

#include "agent/host/file.h"
#include "bpf/abi/accelerate.h"
#include "userspace-proxy/base/log.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <utility>

namespace fairlead::agent {
namespace {

using nlohmann::json;
using Wish = compile::Acceleration;

struct Outcome {
  const char* name;
  const char* meaning;
};
constexpr Outcome kOutcomes[] = {
#define FL_OUTCOME_TEXT(symbol, name, meaning) {name, meaning},
    FL_OUTCOMES(FL_OUTCOME_TEXT)
#undef FL_OUTCOME_TEXT
};

}  // namespace

Result<Accelerator> Accelerator::open(kernel::Acceleration& kernel, std::string path) {
  Accelerator accelerator(kernel, std::move(path));
  if (access(accelerator.path_.c_str(), F_OK) != 0) {
    return accelerator;
  }
  const auto text = host::read_file(accelerator.path_);
  if (!text) {
    return std::unexpected(text.error());
  }
  const json state = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!state.is_object() || !state.value("on", json()).is_boolean()) {
    return fail(fmt::format("{}: not {{\"on\": true}} or {{\"on\": false}}; correct or remove it", accelerator.path_));
  }
  accelerator.on_ = state["on"];
  return accelerator;
}

Status Accelerator::make_ready() {
  auto tests = kernel_.test();
  if (!tests) {
    return std::unexpected(tests.error());
  }
  tests_ = std::move(*tests);
  for (const kernel::SelfTest& test : tests_) {
    if (!test.passed && test.need == kernel::SelfTest::Need::kRequired) {
      return fail(fmt::format("self-test \"{}\": {}", test.name, test.meaning));
    }
  }
  Status attached = kernel_.attach();
  return attached ? kernel_.turn(on_) : attached;
}

void Accelerator::prepare() {
  if (std::exchange(prepared_, true)) {
    return;
  }
  if (const Status ready = make_ready(); !ready) {
    problem_ = ready.error().message();
    log::warn("no acceleration on this node: {}", problem_);
  }
}

bool Accelerator::admits(const workload::LocalPod& pod) {
  if (pod.acceleration.wish == Wish::kFalse) {
    return false;
  }
  prepare();
  return problem_.empty() && pod.acceleration.wish == Wish::kTrue;
}

Status Accelerator::turn(bool on) {
  const json state = {{"on", on}};
  if (Status written = host::replace_file(path_, state.dump() + "\n"); !written) {
    return written;
  }
  on_ = on;
  return kernel_.turn(on);  // also where nobody asks now: sockets of an agent before us may have joined
}

void Accelerator::forget(const workload::LocalPod& pod) {
  if (const Status forgotten = kernel_.forget(pod.cookie); !forgotten) {
    log::debug("pod {}: {}", pod.uid, forgotten.error().message());
  }
}

std::string Accelerator::why_not(const workload::LocalPod& pod) const {
  if (pod.mode == FL_MODE_OFF) {
    return "mode off";
  }
  if (pod.acceleration.wish == Wish::kFalse) {
    return "not asked for";
  }
  if (!problem_.empty()) {
    return problem_;
  }
  if (pod.acceleration.wish == Wish::kAuto) {
    return "auto: nothing here tells whether the application uses splice() or FIONREAD";
  }
  return on_ ? "" : "turned off on this node (fairlead accelerate on)";
}

std::string Accelerator::advice(const workload::LocalPod& pod) const {
  const fl_outcomes outcomes = kernel_.outcomes(pod.cookie);
  if (pod.acceleration.wish != Wish::kTrue) {
    return "would gain where it sends requests or streams to pods of this node; safe where the application neither "
           "splice()s from its sockets nor asks FIONREAD of them: fairlead.dev/accelerate: \"true\"";
  }
  if (outcomes.count[FL_OUTCOME_JOINED] == 0 && outcomes.count[FL_OUTCOME_BLOCKING] != 0) {
    return "gains nothing: the application's sockets block";
  }
  std::string text;
  for (const kernel::SelfTest& test : tests_) {
    if (!test.passed && test.need == kernel::SelfTest::Need::kAdvice) {
      text += (text.empty() ? "" : "; ") + test.meaning;
    }
  }
  return text;
}

json Accelerator::report() const {
  json tests = json::array();
  for (const kernel::SelfTest& test : tests_) {
    tests.push_back({{"name", test.name},
                     {"passed", test.passed},
                     {"required", test.need == kernel::SelfTest::Need::kRequired},
                     {"meaning", test.meaning}});
  }
  return {{"switch", on_ ? "on" : "off"},
          {"attached", kernel_.attached()},
          {"observes_uses", false},
          {"self_tests", std::move(tests)},
          {"problem", problem_.empty() ? json(nullptr) : json(problem_)}};
}

json Accelerator::describe(const workload::LocalPod& pod) const {
  const fl_outcomes outcomes = kernel_.outcomes(pod.cookie);
  json sockets = json::object();
  for (size_t i = 0; i < FL_OUTCOME_COUNT; ++i) {
    if (outcomes.count[i] != 0) {
      sockets[kOutcomes[i].name] = {{"count", outcomes.count[i]}, {"meaning", kOutcomes[i].meaning}};
    }
  }
  const std::string why = why_not(pod);
  return {{"wish", compile::name_of(pod.acceleration.wish)},
          {"reason", pod.acceleration.reason},
          {"accelerated", why.empty()},
          {"why_not", why.empty() ? json(nullptr) : json(why)},
          {"sockets", std::move(sockets)},
          {"advice", advice(pod)}};
}

}  // namespace fairlead::agent
