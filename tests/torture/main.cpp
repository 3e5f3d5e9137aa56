// torture: opens thousands of connections between two network namespaces and checks every byte.
//
// One program is both ends, so that it knows how much a sender got rid of and its reader took. Prints one JSON object;
// exit code 0: nothing was wrong, 1: what was is on stderr, with the seed to run it again, 2: usage.
#include "tests/torture/end.h"
#include "tests/torture/roles.h"

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <thread>

namespace fairlead::torture {

World::World(Options given) : options(std::move(given)) {
  for (uint64_t id = 0; id < options.connections; id++) {
    connections.emplace_back().plan = plan_of(options.mix, id);
  }
}

void enter(const std::string& netns) {
  if (netns.empty()) {
    return;
  }
  const Fd there(open(netns.c_str(), O_RDONLY | O_CLOEXEC));
  if (!there || setns(there.get(), CLONE_NEWNET) != 0) {
    fmt::print(stderr, "torture: {}: {}\n", netns, strerror(errno));
    std::exit(2);
  }
}

namespace {

using namespace std::chrono_literals;

// Runs the commands of --switch in turn until the run is over.
class Switcher {
 public:
  explicit Switcher(World& world) : world_(world) {
    if (!world.options.switches.empty()) {
      thread_ = std::thread([this] { run(); });
    }
  }
  ~Switcher() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  Switcher(const Switcher&) = delete;
  Switcher& operator=(const Switcher&) = delete;

 private:
  void run() {
    const auto& commands = world_.options.switches;
    std::unique_lock lock(mutex_);
    for (size_t turn = 0;
         !wake_.wait_for(lock, std::chrono::milliseconds(world_.options.switch_every_ms), [this] { return over_; });
         turn++) {
      const std::string& command = commands[turn % commands.size()];
      // A shell command, as the caller wrote it.
      if (const int status = std::system(command.c_str()); status != 0) {  // NOLINT(cert-env33-c,concurrency-mt-unsafe)
        world_.report.fail(fmt::format("`{}` ended with {}", command, status));
      }
      world_.report.switches++;
    }
  }

  World& world_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool over_ = false;
  std::thread thread_;
};

void list_unfinished(const World& world) {
  for (const auto& connection : world.connections) {
    if (connection.server_begun && !(connection.client_done && connection.server_done)) {
      fmt::print(stderr, "unfinished: connection {}: {} of {} up, {} of {} down, the {} is not done ({})\n",
                 connection.plan.id, connection.up.received.load(), connection.plan.client.sends.total,
                 connection.down.received.load(), connection.plan.server.sends.total,
                 connection.client_done ? "server" : "client", text(connection.plan));
    }
  }
}

// Waits for `done`; ends the program when nothing has moved for too long: threads that sleep in the kernel can't be
// told to stop.
void watch(World& world, const std::atomic<bool>& done) {
  uint64_t moved = world.report.moved;
  uint64_t still_ms = 0;
  constexpr auto kEvery = 20ms;
  while (!done) {
    std::this_thread::sleep_for(kEvery);
    still_ms = world.report.moved == moved ? still_ms + kEvery.count() : 0;
    moved = world.report.moved;
    if (still_ms > (world.options.patience_s + 10) * 1000) {
      fmt::print(stderr, "torture: nothing moves any more (seed {})\n", world.options.mix.seed);
      list_unfinished(world);
      _exit(1);
    }
  }
}

void expect_all_served(World& world, std::optional<uint64_t> only) {
  for (auto& connection : world.connections) {
    const bool wanted = !only || connection.plan.id == *only;
    if (wanted && connection.plan.complete() && !connection.server_done) {
      world.report.fail(connection, "it never reached the server");
    }
  }
}

int run(Options options, std::optional<uint64_t> only) {
  World world(std::move(options));
  std::atomic<bool> done = false;
  std::thread both([&] {
    enter(world.options.server_netns);
    std::thread server(
        [&, listener = listen_at(world.options.listen_port)]() mutable { serve(world, std::move(listener)); });
    enter(world.options.client_netns);
    {
      const Switcher switcher(world);
      dial_all(world, only);
      world.all_dialled = true;
      server.join();
    }
    while (world.threads != 0) {
      std::this_thread::sleep_for(1ms);
    }
    done = true;
  });
  watch(world, done);
  both.join();
  expect_all_served(world, only);
  fmt::print("{}\n", world.report.json(world.connections));
  if (!world.report.failed()) {
    return 0;
  }
  fmt::print(stderr, "torture: --seed {} fails\n", world.options.mix.seed);
  return 1;
}

}  // namespace
}  // namespace fairlead::torture

int main(int argc, char** argv) {
  using namespace fairlead::torture;
  Options options;
  std::optional<uint64_t> only;
  CLI::App app("Opens thousands of connections and checks every byte.");
  app.add_option("--client-netns", options.client_netns, "Path of the clients' network namespace");
  app.add_option("--server-netns", options.server_netns, "Path of the servers' network namespace");
  app.add_option("--dial", options.address, "Address that the clients dial")->required();
  app.add_option("--port", options.port, "Port that the clients dial")->required();
  app.add_option("--listen", options.listen_port, "Port that the servers listen at")->required();
  app.add_option("--host", options.host, "Host field of HTTP requests");
  app.add_flag("--http", options.mix.http, "HTTP bodies, chunked and with Content-Length");
  app.add_flag("--upgrade", options.mix.upgrade, "HTTP connections that are upgraded; with --http: among them");
  app.add_flag("!--no-blocking", options.mix.blocking, "No end blocks");
  app.add_option_function<std::vector<std::string>>(
         "--receiving",
         [&options](const std::vector<std::string>& names) {
           for (const auto& name : names) {
             const auto way = receiving_named(name);
             if (!way) {
               throw CLI::ValidationError("--receiving", name + " is none of recv, MSG_PEEK, splice and FIONREAD");
             }
             options.mix.receiving.push_back(*way);
           }
         },
         "Only these ways, in ends that do not block")
      ->delimiter(',');
  app.add_flag("--fresh", options.mix.fresh, "A connection for each exchange: where idle ones may be closed meanwhile");
  app.add_option("--seed", options.mix.seed, "What is drawn depends on it alone");
  app.add_option("--connections", options.connections, "How many");
  app.add_option("--at-once", options.at_once, "How many of them at a time");
  app.add_option("--only", only, "Only the connection of this number");
  app.add_option("--largest", options.mix.largest, "Most bytes of a direction, but for stalled readers");
  app.add_option("--unread-limit", options.unread_limit, "What a sender may get rid of while its reader reads nothing");
  app.add_option("--patience", options.patience_s, "Seconds after which a connection on which nothing moves is stuck");
  app.add_option("--switch", options.switches, "A shell command to run meanwhile; several: in turn");
  app.add_option("--switch-every", options.switch_every_ms, "Milliseconds between them");
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  return run(std::move(options), only);
}
