#include "agent/bench/stage.h"

#include "agent/host/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fairlead::bench {
namespace {

constexpr const char* kLock = "/run/fairlead-bench.lock";

// The bridge has no address and the pods no way out, so these meet nothing else on the machine; they only have to
// differ from the services' (mesh.cpp).
constexpr const char* kClientAddress = "10.76.0.2";
constexpr const char* kServerAddress = "10.76.0.3";

// A lock file that goes with its owner: who gets the lock of a file that is no longer there tries again.
Result<Fd> lock_machine() {
  while (true) {
    Fd file(open(kLock, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file) {
      return fail_sys(kLock);
    }
    if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      const auto owner = host::read_file(kLock);
      return fail(fmt::format("another bench runs on this machine (pid {}); two would measure each other",
                              owner ? *owner : std::string("unknown")));
    }
    struct stat held{}, named{};
    if (fstat(file.get(), &held) == 0 && stat(kLock, &named) == 0 && held.st_ino == named.st_ino) {
      const std::string pid = std::to_string(getpid());
      if (ftruncate(file.get(), 0) != 0 || pwrite(file.get(), pid.data(), pid.size(), 0) < 0) {
        return fail_sys(kLock);
      }
      return file;
    }
  }
}

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
  auto lock = lock_machine();
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

Stage::~Stage() {
  if (lock_) {
    sweep_stage(getpid());
    unlink(kLock);
  }
}

}  // namespace fairlead::bench
