#include "bpf/user/maps.h"

#include "bpf/user/features.h"
#include "bpf/user/object.h"
#include "skel/accelerate.skel.h"
#include "skel/connect.skel.h"
#include "skel/maps.skel.h"
#include "skel/peername.skel.h"
#include "skel/redirect.skel.h"
#include "skel/sockops.skel.h"
#include "skel/sockopt.skel.h"
#include "skel/steer.skel.h"

#include <bpf/bpf.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fairlead::bpf {
namespace {

// Makes all maps and pins them below `directory` at once: a reader finds all of them or no directory.
Status create(const std::string& directory) {
  const std::string building = directory + "_new";
  if (auto gone = remove_pins_in(building); !gone) {
    return gone;
  }
  auto skeleton = Skeleton<fl_maps>::open();
  if (!skeleton) {
    return std::unexpected(skeleton.error());
  }
  if (const int error = bpf_object__load(skeleton->object()); error != 0) {
    return fail_sys("creating BPF maps", -error);
  }
  if (mkdir(building.c_str(), 0700) != 0) {
    return fail_sys(building);
  }
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton->object()) {
    const std::string path = building + "/" + bpf_map__name(map);
    if (bpf_obj_pin(bpf_map__fd(map), path.c_str()) != 0) {
      return fail_sys("pinning " + path);
    }
  }
  if (rename(building.c_str(), directory.c_str()) != 0) {
    return fail_sys("renaming " + building);
  }
  return {};
}

// Opens a pinned map. REQUIRES of the kernel's map: the layout that this build declares.
Result<RawMap> adopt(const std::string& directory, const bpf_map* declared) {
  const std::string name = bpf_map__name(declared);
  Fd fd(bpf_obj_get((directory + "/" + name).c_str()));
  if (!fd) {
    return fail_sys(directory + "/" + name);
  }
  bpf_map_info kernel{};
  __u32 size = sizeof(kernel);
  if (bpf_obj_get_info_by_fd(fd.get(), &kernel, &size) != 0) {
    return fail_sys(name);
  }
  if (kernel.type != bpf_map__type(declared) || kernel.key_size != bpf_map__key_size(declared) ||
      kernel.value_size != bpf_map__value_size(declared) || kernel.max_entries != bpf_map__max_entries(declared) ||
      kernel.map_flags != bpf_map__map_flags(declared)) {
    return fail(
        fmt::format("{}/{} was made by a version with another layout: run `fairlead uninstall`, then start again",
                    directory, name));
  }
  return RawMap(name, std::move(fd));
}

// Moves maps by name into their typed places.
class Places {
 public:
  explicit Places(std::map<std::string, RawMap, std::less<>> raw) : raw_(std::move(raw)) {}

  template <class M>
  void put(std::string_view name, M& place) {
    if (!status_) {
      return;
    }
    const auto found = raw_.find(name);
    if (found == raw_.end()) {
      status_ = fail(fmt::format("map {} is not declared", name));
      return;
    }
    auto typed = M::from(std::move(found->second));
    if (!typed) {
      status_ = std::unexpected(typed.error());
      return;
    }
    place = std::move(*typed);
  }
  [[nodiscard]] Status status() const { return status_; }

 private:
  std::map<std::string, RawMap, std::less<>> raw_;
  Status status_;
};

// What an object needs to know of this kernel before it is loaded: bpf/lib/compat.bpf.h.
template <class S>
void tell_kernel(Skeleton<S>&) {}

void tell_kernel(Skeleton<fl_connect>& skeleton) {
  skeleton->rodata->fl_has_set_retval =
      libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_set_retval, nullptr) == 1;
  skeleton->rodata->fl_has_mptcp = has_mptcp();
}

template <class S>
Status load_into(std::vector<Program>& programs, const Maps& maps) {
  auto skeleton = Skeleton<S>::open();
  if (!skeleton) {
    return std::unexpected(skeleton.error());
  }
  tell_kernel(*skeleton);
  auto loaded = load_with(skeleton->object(), maps);
  if (!loaded) {
    return std::unexpected(loaded.error());
  }
  std::move(loaded->begin(), loaded->end(), std::back_inserter(programs));
  return {};
}

}  // namespace

Result<Maps> Maps::open(const PinDir& pins) {
  if (access(pins.maps().c_str(), F_OK) != 0) {
    if (auto created = create(pins.maps()); !created) {
      return std::unexpected(created.error());
    }
  }
  auto declared = Skeleton<fl_maps>::open();
  if (!declared) {
    return std::unexpected(declared.error());
  }
  Maps maps;
  std::map<std::string, RawMap, std::less<>> raw;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, declared->object()) {
    auto adopted = adopt(pins.maps(), map);
    if (!adopted) {
      return std::unexpected(adopted.error());
    }
    maps.descriptors.emplace(adopted->name(), adopted->fd());
    raw.emplace(adopted->name(), std::move(*adopted));
  }
  Places places(std::move(raw));
  places.put("m_pods", maps.pods);
  places.put("m_targets", maps.targets);
  places.put("m_backends", maps.backends);
  places.put("m_turns", maps.turns);
  places.put("m_loads", maps.loads);
  places.put("m_slots", maps.slots);
  places.put("m_affinity", maps.affinity);
  places.put("m_policy", maps.policy);
  places.put("m_ip_classes", maps.ip_classes);
  places.put("m_network", maps.network);
  places.put("m_connections", maps.connections);
  places.put("m_shares", maps.shares);
  places.put("m_tags", maps.tags);
  places.put("m_sockets", maps.sockets);
  places.put("m_listeners", maps.listeners);
  places.put("m_counters", maps.counters);
  places.put("m_flows", maps.flows);
  places.put("m_traffic", maps.traffic);
  places.put("m_switch", maps.acceleration_switch);
  places.put("m_members", maps.members);
  places.put("m_legs", maps.legs);
  places.put("m_meetings", maps.meetings);
  places.put("m_manners", maps.manners);
  places.put("m_outcomes", maps.outcomes);
  if (auto status = places.status(); !status) {
    return std::unexpected(status.error());
  }
  return maps;
}

Result<CgroupPrograms> load_cgroup_programs(const Maps& maps) {
  CgroupPrograms programs;
  if (auto loaded = load_into<fl_connect>(programs.hooks, maps); !loaded) {
    return std::unexpected(loaded.error());
  }
  if (auto loaded = load_into<fl_sockops>(programs.hooks, maps); !loaded) {
    return std::unexpected(loaded.error());
  }
  if (auto loaded = load_into<fl_peername>(programs.hooks, maps); !loaded) {
    return std::unexpected(loaded.error());
  }
  if (auto loaded = load_into<fl_sockopt>(programs.own, maps); !loaded) {
    return std::unexpected(loaded.error());
  }
  return programs;
}

Result<AccelerationPrograms> load_acceleration_programs(const Maps& maps) {
  AccelerationPrograms programs;
  if (auto loaded = load_into<fl_accelerate>(programs.hooks, maps); !loaded) {
    return std::unexpected(loaded.error());
  }
  std::vector<Program> redirect;
  if (auto loaded = load_into<fl_redirect>(redirect, maps); !loaded) {
    return std::unexpected(loaded.error());
  }
  programs.redirect = std::move(redirect.front());
  return programs;
}

Status attach_to_members(const Program& redirect, const Maps& maps) {
  if (bpf_prog_attach(redirect.fd.get(), maps.members.fd(), BPF_SK_MSG_VERDICT, 0) != 0) {
    return fail_sys("attaching " + redirect.name);
  }
  return {};
}

Result<Program> load_steer(const Maps& maps, uint64_t netns_cookie) {
  auto skeleton = Skeleton<fl_steer>::open();
  if (!skeleton) {
    return std::unexpected(skeleton.error());
  }
  (*skeleton)->rodata->fl_netns = netns_cookie;
  auto loaded = load_with(skeleton->object(), maps);
  if (!loaded) {
    return std::unexpected(loaded.error());
  }
  return std::move(loaded->front());
}

}  // namespace fairlead::bpf
