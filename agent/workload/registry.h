// The pods of this node that exist right now: which network namespace is whose, what each listens on, and in which mode
// it is. Compares what is wanted with what is there; whoever calls acts on the difference. Main thread only.
#pragma once

#include "agent/compile/acceleration.h"
#include "agent/model/objects.h"
#include "agent/workload/netns.h"
#include "agent/workload/sockets.h"
#include "bpf/abi/workload.h"
#include "userspace-proxy/base/address.h"
#include "userspace-proxy/base/fd.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace fairlead::workload {

// A Pod of this node, as the configuration has it.
struct WantedPod {
  std::string uid;  // "shop/client"
  std::string netns_path;
  std::vector<IpAddress> ips;  // a family without any: read in the namespace
  fl_mode mode = FL_MODE_OFF;
  std::string mode_reason;  // "annotation fairlead.dev/mode of the pod"
  compile::AccelerationWish acceleration = {};
  model::Origin netns_origin = {};  // where the path is written
};

struct LocalPod {
  std::string uid;
  std::string netns_path;
  NetnsFile file;
  Fd netns;
  uint64_t cookie = 0;
  std::vector<IpAddress> ips;
  fl_mode wanted_mode = FL_MODE_OFF;
  std::string mode_reason;
  // What the configuration is compiled with. Lags behind wanted_mode while the pod's sidecar is being started.
  fl_mode mode = FL_MODE_OFF;
  compile::AccelerationWish acceleration;
  std::vector<Listener> listeners;  // of both shapes, from first need until the pod goes
  std::string problem;              // why the pod is not served as wanted; empty: it is
  std::string logged_problem;       // the last one that was logged

  [[nodiscard]] Place place() const { return {netns.get(), cookie}; }
  [[nodiscard]] bool has_listeners(fl_mode shape) const;
};

// A pod that cannot be enrolled, and why.
struct RefusedPod {
  std::string uid, netns_path, problem;
  model::Origin netns_origin;

  // As one is told about an object: file, line and field.
  [[nodiscard]] model::Message message() const;
};

class Registry {
 public:
  Registry(const NetnsDoor& door, SocketMaker& sockets) : door_(door), sockets_(sockets) {}

  // Listeners that an agent before us made: a pod that is opened gets its own of them instead of new ones. Of two for
  // the same place the first counts.
  void expect(std::vector<Listener> found);
  // Gives up what nobody has claimed; the namespaces that it lives in, which are of no pod.
  std::set<uint64_t> drop_unclaimed();

  // Takes over the list: new pods are opened, changed ones updated, those no longer wanted or whose namespace file is
  // gone or another one now are handed back. Destroying what is handed back closes the agent's last fds into the
  // namespace.
  [[nodiscard]] std::vector<LocalPod> reconcile(const std::vector<WantedPod>& wanted);

  // Whether reconcile() with the same list would find anything changed: two system calls per pod.
  [[nodiscard]] bool is_stale() const;

  // Makes what the pod lacks of the listeners of a mode: all at first, later the IPv6 one, since a pod may get its IPv6
  // loopback after it was first seen. An error is also kept as the pod's problem.
  Status ensure_listeners(LocalPod& pod, fl_mode shape);

  [[nodiscard]] std::map<std::string, LocalPod>& pods() { return pods_; }  // by uid
  [[nodiscard]] const std::map<std::string, LocalPod>& pods() const { return pods_; }
  [[nodiscard]] const std::vector<RefusedPod>& refused() const { return refused_; }
  // Null if there is none.
  [[nodiscard]] LocalPod* find(uint64_t cookie);

 private:
  Result<LocalPod> open_pod(const WantedPod& wanted);
  void claim_expected(LocalPod& pod);

  const NetnsDoor& door_;
  SocketMaker& sockets_;
  std::map<std::string, LocalPod> pods_;
  std::vector<RefusedPod> refused_;
  std::vector<Listener> expected_;
};

}  // namespace fairlead::workload
