// The BPF half of a node: loads or adopts the programs and maps of one run-dir, keeps the maps equal to the tables,
// gives pods their steer program, tags sockets, and takes everything away again. One per agent; its main thread only.
#pragma once

#include "agent/kernel/acceleration.h"
#include "agent/kernel/tables.h"
#include "bpf/abi/connection.h"
#include "bpf/abi/flow.h"
#include "userspace-proxy/base/error.h"
#include "userspace-proxy/base/reason.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fairlead::kernel {

struct DatapathOptions {
  std::string pin_dir;      // made if absent; bpffs is mounted on /sys/fs/bpf if it is not
  std::string hook_cgroup;  // cgroup2 directory that connect, sock_ops, peername are attached to
  std::string own_cgroup;   // the agent's own cgroup2 directory: the socket options are attached there
};

// One line of the start-up report: can this kernel do what we need.
struct Feature {
  std::string name;
  bool present = false;
  std::string meaning;  // what breaks without it
};

// Kernel side, summed over CPUs.
struct Counters {
  std::vector<std::pair<Reason, uint64_t>> by_reason;
  uint64_t flows_lost = 0;    // records that found the ring buffer full
  uint64_t traffic_lost = 0;  // ended connections that are in no sum
};

class Datapath {
 public:
  // Loads, or adopts what is pinned: programs whose tag differs are swapped in place, maps are kept where their layout
  // is the same (else the error says to run `fairlead uninstall`). Entries of dead connections are swept.
  static Result<std::unique_ptr<Datapath>> open(const DatapathOptions& options);
  // Closes what it holds; pins stay. Call `remove` for the end.
  ~Datapath();
  Datapath(const Datapath&) = delete;
  Datapath& operator=(const Datapath&) = delete;

  // Detaches and unpins everything of this run-dir.
  Status remove();

  // Makes the maps equal to `tables` (by differences against what they hold, also from an earlier agent): additions in
  // the order policy, backends, pods, targets; each value switched by one update; removals last, in the opposite order
  // (first where a map is full otherwise). An error leaves additions behind, never half a value; call again.
  Status apply(Tables tables);

  // Attaches the steer program (sk_lookup) to a pod's netns; a pinned one is adopted. Idempotent.
  Status add_steer(uint64_t netns_cookie, int netns_fd);
  // Detaches and unpins it.
  Status remove_steer(uint64_t netns_cookie);

  // Marks a socket that this process made (role and netns as in bpf/abi/connection.h). REQUIRES: before listen/connect.
  Status tag(int socket_fd, const fl_tag& tag);
  // The mark of a socket that an agent of this run-dir made; none: it made no such socket.
  [[nodiscard]] Result<std::optional<fl_tag>> tag_of(int socket_fd) const;
  // Makes a listening socket the target of steer for (netns, mode); replaces an earlier one.
  Status set_listener(uint64_t netns_cookie, fl_mode mode, int socket_fd);
  Status remove_listener(uint64_t netns_cookie, fl_mode mode);

  [[nodiscard]] Acceleration& acceleration();

  [[nodiscard]] Counters counters() const;

  // Records of refused and ended connections since the last call. The descriptor is readable when they pile up.
  std::vector<fl_flow> take_flows();
  [[nodiscard]] int flows_fd() const;
  // Names of the numbers in fl_flow.policy, as last applied; none before the first time.
  [[nodiscard]] const std::map<uint32_t, std::string>& policy_names() const;
  // Open connections of the kernel path. An error on kernels that cannot list them (see features).
  [[nodiscard]] Result<std::vector<fl_flow>> open_connections() const;
  // Sums over ended ones, and the end of one sum.
  [[nodiscard]] Result<std::vector<std::pair<fl_traffic_key, fl_traffic>>> traffic() const;
  void forget_traffic(const fl_traffic_key& key);

  // Cookies that pinned state knows, for the sweep after a restart.
  [[nodiscard]] std::vector<uint64_t> steered() const;

 private:
  Datapath();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What this kernel offers of what is needed; read-only, loads tiny probe programs.
std::vector<Feature> probe_features();

// Detaches and unpins everything of a pin directory without opening it: for uninstall and for the sweep at start.
// REQUIRES: no living agent owns it. Absent: success.
Status remove_pins(const std::string& directory);

}  // namespace fairlead::kernel
