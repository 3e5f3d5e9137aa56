// fairlead-proxy: the data plane of a node, or of one pod as its sidecar. Started by fairlead-agent, which passes
// everything by file descriptor; composition root of the process.
#include "userspace-proxy/base/log.h"
#include "userspace-proxy/proxy/snapshot_store.h"
#include "userspace-proxy/proxy/worker.h"

#include <CLI/CLI.hpp>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace fairlead {
namespace {

struct Options {
  std::vector<int> channels;
  int telemetry = -1;
  std::string mode = "node";
  std::string name = "node";
  std::string log_level = "info";
};

// SIGTERM, SIGINT: drain; a second one ends the process at once. SIGUSR1: drain, however often it comes: from an agent
// whose language this build does not speak.
sigset_t signals_to_drain() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) {
    sigaddset(&signals, number);
  }
  return signals;
}

// In a thread of its own: waits for such a signal and wakes every worker.
void watch_signals(const std::vector<int>& wakeups) {
  const sigset_t signals = signals_to_drain();
  bool was_told_to_end = false;
  while (true) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal != SIGUSR1 && std::exchange(was_told_to_end, true)) {
      _exit(1);
    }
    log::info("draining");
    for (const int wakeup : wakeups) {
      eventfd_write(wakeup, 1);
    }
  }
}

int run(const Options& options) {
  const sigset_t signals = signals_to_drain();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  proxy::SnapshotStore store;
  std::vector<std::unique_ptr<proxy::Worker>> workers;
  std::vector<int> wakeups;
  for (const int channel : options.channels) {
    Fd wakeup(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    wakeups.push_back(wakeup.get());
    auto worker =
        proxy::Worker::create({.shape = options.mode == "sidecar" ? plan::Shape::kSidecar : plan::Shape::kNode,
                               .number = static_cast<uint32_t>(workers.size()),
                               .channel = Fd(channel),
                               .telemetry = options.telemetry,
                               .drain_signal = std::move(wakeup)},
                              store);
    if (!worker) {
      log::error("{}", worker.error().message());
      return 1;
    }
    workers.push_back(std::move(*worker));
  }
  std::thread(watch_signals, wakeups).detach();
  std::vector<std::thread> threads;
  for (size_t i = 1; i < workers.size(); ++i) {
    threads.emplace_back([worker = workers[i].get()] { worker->run(); });
  }
  workers.front()->run();
  for (std::thread& thread : threads) {
    thread.join();
  }
  log::info("drained");
  // The signal thread still waits; nothing is left to be destroyed in order.
  _exit(0);
}

}  // namespace
}  // namespace fairlead

int main(int argc, char** argv) {
  fairlead::Options options;
  CLI::App app("The data plane of Fairlead. Started by fairlead-agent.");
  app.set_version_flag("--version", std::string("fairlead-proxy ") + FAIRLEAD_VERSION);
  app.add_option("--channels", options.channels, "descriptors of the lines to the agent, one per worker")
      ->required()
      ->delimiter(',');
  app.add_option("--telemetry", options.telemetry, "descriptor of the telemetry arena")->required();
  app.add_option("--mode", options.mode, "node or sidecar")->check(CLI::IsMember({"node", "sidecar"}));
  app.add_option("--name", options.name, "what the log calls this proxy: node, or the pod of a sidecar");
  app.add_option("--log-level", options.log_level, "trace, debug, info, warn, error or off");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  if (!fairlead::log::start("fairlead-proxy " + options.name, options.log_level)) {
    fprintf(stderr, "fairlead-proxy: --log-level: no such level: %s\n", options.log_level.c_str());
    return 2;
  }
  return fairlead::run(options);
}
