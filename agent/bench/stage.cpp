#include "agent/bench/stage.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fairlead::bench {
namespace {

// The bridge has no address and the pods no way out, so these meet nothing else on the machine; they only have to
// differ from the services' (mesh.cpp).
constexpr const char* kClientAddress = "10.76.0.2";
constexpr const char* kServerAddress = "10.76.0.3";
constexpr fmt::format_string<size_t, size_t> kFurtherAddress = "10.76.{}.{}";  // from 10.76.8.1 on

std::string commands_for(const Pod& pod, const std::string& netns_name, const std::string& link,
                         const std::string& bridge) {
  return fmt::format(
      "netns add {0}\n"
      "link add {1} type veth peer name eth0 netns {0}\n"
      "link set {1} master {2} addrgenmode none up\n",
      netns_name, link, bridge, pod.address);
}

}  // namespace

Result<Stage> Stage::open(const Interrupt& interrupt) {
  auto lock = MachineLock::take();
  if (!lock) {
    return std::unexpected(lock.error());
  }
  Stage stage(std::move(*lock));
  sweep_stage(0);
  const std::string folder = fmt::format("/tmp/flbench-{}", getpid());
  if (mkdir(folder.c_str(), 0755) != 0) {
    return fail_sys(folder);
  }
  stage.folder_ = folder;
  if (const Status made = stage.make_pods(interrupt); !made) {
    return std::unexpected(made.error());
  }
  return stage;
}

Status Stage::make_pods(const Interrupt& interrupt) {
  const pid_t pid = getpid();
  const std::string bridge = fmt::format("flb{}br", pid);
  client_ = {.name = "client", .netns = {}, .address = kClientAddress};
  server_ = {.name = "server", .netns = {}, .address = kServerAddress};
  std::string commands =
      fmt::format("link add {0} type bridge mcast_snooping 0\nlink set {0} addrgenmode none up\n", bridge);
  int number = 0;
  for (Pod* pod : {&client_, &server_}) {
    const std::string name = fmt::format("flbench-{}-{}", pid, pod->name);
    pod->netns = "/run/netns/" + name;
    commands += commands_for(*pod, name, fmt::format("flb{}v{}", pid, ++number), bridge);
  }
  if (const auto made = run({"ip", "-batch", "-"}, interrupt, commands); !made) {
    return std::unexpected(made.error());
  }
  for (const Pod* pod : {&client_, &server_}) {
    // The default route is what a service's address is looked up by, before connect() is redirected.
    const auto made = run({"ip", "-n", pod->netns.substr(sizeof "/run/netns"), "-batch", "-"}, interrupt,
                          fmt::format("link set lo up\naddr add {}/24 dev eth0\nlink set eth0 up\n"
                                      "route add default dev eth0\n",
                                      pod->address));
    if (!made) {
      return std::unexpected(made.error());
    }
  }
  return {};
}

Result<std::vector<Pod>> Stage::further_pods(unsigned count, const Interrupt& interrupt) {
  while (further_.size() < count) {
    const size_t number = further_.size();
    const std::string pod = fmt::format("further-{}", number), netns = fmt::format("flbench-{}-{}", getpid(), pod);
    const auto made = run({"ip", "netns", "add", netns}, interrupt);
    const auto up = made ? run({"ip", "-n", netns, "link", "set", "lo", "up"}, interrupt) : made;
    if (!up) {
      return std::unexpected(up.error());
    }
    further_.push_back({pod, "/run/netns/" + netns, fmt::format(kFurtherAddress, 8 + number / 250, number % 250 + 1)});
  }
  return std::vector<Pod>(further_.begin(), further_.begin() + count);
}

Stage::~Stage() {
  if (lock_.is_held()) {
    sweep_stage(getpid());
  }
}

}  // namespace fairlead::bench
