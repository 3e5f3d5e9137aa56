#include "agent/kernel/datapath.h"

#include "agent/kernel/attachments.h"
#include "agent/kernel/reconcile.h"
#include "bpf/user/features.h"
#include "bpf/user/maps.h"
#include "bpf/user/open_list.h"
#include "bpf/user/pins.h"

#include <chrono>
#include <optional>
#include <utility>

namespace fairlead::kernel {
namespace {

// Removes what sockets left that closed while sock_ops was not attached. Entries of open connections go too: one that
// is established needs its entry no more, one that is not yet will be judged as without identity; of what is counted
// the next tables make new entries.
Status sweep_connections(bpf::Maps& maps) {
  Status swept = maps.connections.clear();
  swept = swept ? maps.shares.clear() : swept;
  return swept ? maps.loads.clear() : swept;
}

// A load that is counted anew is told from the one before by a number that no other call has used.
void number_loads(Tables& tables) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto epoch = static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count()) | 1U;
  for (auto& [endpoint, load] : tables.loads) {
    load.epoch = epoch;
  }
}

// A hash says E2BIG, an LPM trie ENOSPC.
bool is_full(const Error& error) { return error.errno_value() == E2BIG || error.errno_value() == ENOSPC; }

// Shares of pods that are gone, once their last entry is. Their cookies never come back.
Status prune_shares(bpf::Maps& maps, const Tables& tables) {
  const auto shares = maps.shares.entries();
  if (!shares) {
    return std::unexpected(shares.error());
  }
  for (const auto& [netns, share] : *shares) {
    if (share > 0 || tables.pods.contains(netns)) {
      continue;
    }
    if (auto erased = maps.shares.erase(netns); !erased) {
      return std::unexpected(erased.error());
    }
  }
  return {};
}

}  // namespace

struct Datapath::Impl {
  Impl(bpf::PinDir pin_dir, bpf::Maps all, const DatapathOptions& options)
      : pins(std::move(pin_dir)),
        maps(std::move(all)),
        acceleration(maps, pins, {options.hook_cgroup, options.own_cgroup}) {}

  bpf::PinDir pins;
  bpf::Maps maps;
  SteerLinks steer{maps, pins};
  Acceleration acceleration;
  std::optional<Tables> applied;  // what the maps hold, once it is known
  std::map<uint32_t, std::string> policy_names;
  std::optional<bpf::OpenList> open_list;  // none: this kernel has no such iterator
};

Datapath::Datapath() = default;
Datapath::~Datapath() = default;

Result<std::unique_ptr<Datapath>> Datapath::open(const DatapathOptions& options) {
  auto pins = bpf::PinDir::open(options.pin_dir);
  if (!pins) {
    return std::unexpected(pins.error());
  }
  auto maps = bpf::Maps::open(*pins);
  if (!maps) {
    return std::unexpected(maps.error());
  }
  std::unique_ptr<Datapath> datapath(new Datapath);
  datapath->impl_ = std::make_unique<Impl>(std::move(*pins), std::move(*maps), options);
  Impl& impl = *datapath->impl_;
  const auto programs = bpf::load_cgroup_programs(impl.maps);
  if (!programs) {
    return std::unexpected(programs.error());
  }
  const auto hooks = attach_to_cgroup(programs->hooks, options.hook_cgroup, impl.pins);
  if (!hooks) {
    return std::unexpected(hooks.error());
  }
  if (auto own = attach_to_cgroup(programs->own, options.own_cgroup, impl.pins); !own) {
    return std::unexpected(own.error());
  }
  if (*hooks == Attached::kNew) {
    if (auto swept = sweep_connections(impl.maps); !swept) {
      return std::unexpected(swept.error());
    }
  }
  if (auto list = bpf::OpenList::load(impl.maps)) {
    impl.open_list = std::move(*list);
  }
  return datapath;
}

Status Datapath::remove() {
  // Members stay in their map, and run their program, until they close: its last word to them.
  if (auto off = impl_->acceleration.turn(false); !off) {
    return off;
  }
  return bpf::remove_pin_dir(impl_->pins.path());
}

Acceleration& Datapath::acceleration() { return impl_->acceleration; }

Status Datapath::apply(Tables tables) {
  bpf::Maps& maps = impl_->maps;
  // Forgotten while it is being changed: after an error the next call reads the kernel.
  const std::optional<Tables> known = std::exchange(impl_->applied, std::nullopt);
  Changes ip_classes(maps.ip_classes, known ? &known->ip_classes : nullptr, tables.ip_classes);
  Changes policy(maps.policy, known ? &known->policy : nullptr, tables.policy);
  Changes network(maps.network, known ? &known->network : nullptr, tables.network);
  number_loads(tables);
  Changes slots(maps.slots, known ? &known->slots : nullptr, tables.slots);
  Changes turns(maps.turns, known ? &known->turns : nullptr, tables.turns, Values::kCounted);
  Changes loads(maps.loads, known ? &known->loads : nullptr, tables.loads, Values::kCounted);
  Changes backends(maps.backends, known ? &known->backends : nullptr, tables.backends);
  Changes pods(maps.pods, known ? &known->pods : nullptr, tables.pods);
  Changes targets(maps.targets, known ? &known->targets : nullptr, tables.targets);
  // What is named comes before what names it, and goes after it.
  const auto add = [&] {
    return each([](auto& changes) { return changes.put(); }, ip_classes, policy, network, slots, turns, loads, backends,
                pods, targets);
  };
  const auto remove = [&] {
    return each([](auto& changes) { return changes.remove(); }, targets, pods, backends, loads, turns, slots, network,
                policy, ip_classes);
  };
  auto done = each([](auto& changes) { return changes.read(); }, ip_classes, policy, network, slots, turns, loads,
                   backends, pods, targets);
  if (!done) {
    return done;
  }
  done = add();
  if (!done && is_full(done.error())) {  // room first: a connect() may meet half a picture, and is refused then
    done = remove();
    done = done ? add() : done;
  }
  done = done ? remove() : done;
  done = done ? prune_shares(maps, tables) : done;
  if (done) {
    impl_->policy_names = tables.policy_names;
    impl_->applied = std::move(tables);
  }
  return done;
}

Status Datapath::add_steer(uint64_t netns_cookie, int netns_fd) { return impl_->steer.add(netns_cookie, netns_fd); }

Status Datapath::remove_steer(uint64_t netns_cookie) { return impl_->steer.remove(netns_cookie); }

Status Datapath::tag(int socket_fd, const fl_tag& tag) { return impl_->maps.tags.update(socket_fd, tag); }

Result<std::optional<fl_tag>> Datapath::tag_of(int socket_fd) const { return impl_->maps.tags.lookup(socket_fd); }

Status Datapath::set_listener(uint64_t netns_cookie, fl_mode mode, int socket_fd) {
  const fl_listener_key key{.netns = netns_cookie, .mode = static_cast<uint32_t>(mode), .pad = 0};
  return impl_->maps.listeners.update(key, static_cast<uint64_t>(socket_fd));
}

Status Datapath::remove_listener(uint64_t netns_cookie, fl_mode mode) {
  const fl_listener_key key{.netns = netns_cookie, .mode = static_cast<uint32_t>(mode), .pad = 0};
  if (auto erased = impl_->maps.listeners.erase(key); !erased) {
    return std::unexpected(erased.error());
  }
  return {};
}

Counters Datapath::counters() const {
  Counters counters;
  for (uint32_t reason = 0; reason < FL_REASON_COUNT; reason++) {
    if (const auto sum = impl_->maps.counters.sum(reason); sum && *sum != 0) {
      counters.by_reason.emplace_back(static_cast<Reason>(reason), *sum);
    }
  }
  counters.flows_lost = impl_->maps.counters.sum(FL_COUNTER_FLOWS_LOST).value_or(0);
  counters.traffic_lost = impl_->maps.counters.sum(FL_COUNTER_TRAFFIC_LOST).value_or(0);
  return counters;
}

std::vector<fl_flow> Datapath::take_flows() { return impl_->maps.flows.drain(); }

int Datapath::flows_fd() const { return impl_->maps.flows.event_fd(); }

const std::map<uint32_t, std::string>& Datapath::policy_names() const { return impl_->policy_names; }

Result<std::vector<fl_flow>> Datapath::open_connections() const {
  return impl_->open_list ? impl_->open_list->read()
                          : fail("this kernel has no iterator over socket storage (Linux 5.9, with BTF)");
}

Result<std::vector<std::pair<fl_traffic_key, fl_traffic>>> Datapath::traffic() const {
  return impl_->maps.traffic.entries();
}

void Datapath::forget_traffic(const fl_traffic_key& key) {
  [[maybe_unused]] const auto erased = impl_->maps.traffic.erase(key);
}

std::vector<uint64_t> Datapath::steered() const { return impl_->pins.steered(); }

std::vector<Feature> probe_features() {
  std::vector<Feature> features;
  for (auto& probe : bpf::probe_kernel()) {
    features.push_back({.name = std::move(probe.name), .present = probe.present, .meaning = std::move(probe.meaning)});
  }
  return features;
}

Status remove_pins(const std::string& directory) { return bpf::remove_pin_dir(directory); }

}  // namespace fairlead::kernel
