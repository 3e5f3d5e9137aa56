#include "agent/kernel/acceleration.h"

#include "agent/kernel/attachments.h"

#include <algorithm>

namespace fairlead::kernel {
// What sockets left that closed while nobody looked. Those that are open are forgotten too, and go on over TCP.
Status Acceleration::forget_legs() {
  Status done = maps_.legs.clear();
  return done ? maps_.meetings.clear() : done;
}

Status Acceleration::attach() {
  if (attached_) {
    return {};
  }
  const auto programs = bpf::load_acceleration_programs(maps_);
  if (!programs) {
    return std::unexpected(programs.error());
  }
  // Before sockets can join: one that joins without a program would stay without.
  if (auto done = bpf::attach_to_members(programs->redirect, maps_); !done) {
    return done;
  }
  const auto hooks = attach_to_cgroup(programs->hooks, cgroups_.hook, pins_);
  if (!hooks) {
    return std::unexpected(hooks.error());
  }
  if (*hooks == Attached::kNew) {
    if (auto done = forget_legs(); !done) {
      return done;
    }
  }
  attached_ = true;
  return {};
}

Status Acceleration::turn(bool on) { return maps_.acceleration_switch.update(FL_SWITCH_INDEX, on ? FL_SWITCH_ON : 0); }

fl_outcomes Acceleration::outcomes(uint64_t netns_cookie) const {
  const auto found = maps_.outcomes.lookup(netns_cookie);
  return found && *found ? **found : fl_outcomes{};
}

Status Acceleration::forget(uint64_t netns_cookie) {
  if (auto erased = maps_.outcomes.erase(netns_cookie); !erased) {
    return std::unexpected(erased.error());
  }
  const auto manners = maps_.manners.entries();
  if (!manners) {
    return std::unexpected(manners.error());
  }
  for (const auto& [key, manner] : *manners) {
    if (key.netns != netns_cookie) {
      continue;
    }
    if (auto erased = maps_.manners.erase(key); !erased) {
      return std::unexpected(erased.error());
    }
  }
  return {};
}

}  // namespace fairlead::kernel
