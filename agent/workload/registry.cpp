#include "agent/workload/registry.h"

#include "agent/model/codes.h"
#include "agent/workload/addresses.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

namespace fairlead::workload {
namespace {

bool still_there(const LocalPod& pod) {
  const auto file = netns_file_at(pod.netns_path);
  return file && *file == pod.file;
}

}  // namespace

bool LocalPod::has_listeners(fl_mode shape) const {
  return std::ranges::any_of(listeners, [&](const Listener& listener) { return listener.mode == shape; });
}

Result<LocalPod> Registry::open_pod(const WantedPod& wanted) {
  const auto file = netns_file_at(wanted.netns_path);
  if (!file) {
    return std::unexpected(file.error());
  }
  if (*file == door_.own()) {
    return fail(fmt::format("{}: this is the agent's own network namespace; the host's traffic is never meshed",
                            wanted.netns_path));
  }
  for (const auto& [uid, pod] : pods_) {
    if (pod.file == *file) {
      return fail(fmt::format("{}: the network namespace of pod {} already", wanted.netns_path, uid));
    }
  }
  LocalPod pod;
  pod.uid = wanted.uid;
  pod.netns_path = wanted.netns_path;
  pod.file = *file;
  pod.netns = Fd(open(wanted.netns_path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!pod.netns) {
    return fail_sys(wanted.netns_path);
  }
  const auto cookie = door_.cookie_of(pod.netns.get());
  if (!cookie) {
    return fail(cookie.error(), wanted.netns_path);
  }
  pod.cookie = *cookie;
  claim_expected(pod);
  return pod;
}

model::Message RefusedPod::message() const {
  return {.code = std::string(model::codes::kDoubtful),
          .severity = model::Severity::kWarning,
          .object = "Pod/" + uid,
          .origin = netns_origin,
          .field = "metadata.annotations[fairlead.dev/netns]",
          .text = fmt::format("the pod is not meshed: {}", problem)};
}

std::vector<LocalPod> Registry::reconcile(const std::vector<WantedPod>& wanted) {
  std::vector<LocalPod> gone;
  std::map<std::string, const WantedPod*> by_uid;
  for (const WantedPod& pod : wanted) {
    by_uid.emplace(pod.uid, &pod);
  }
  for (auto item = pods_.begin(); item != pods_.end();) {
    const auto found = by_uid.find(item->first);
    if (found == by_uid.end() || found->second->netns_path != item->second.netns_path || !still_there(item->second)) {
      gone.push_back(std::move(item->second));
      item = pods_.erase(item);
    } else {
      ++item;
    }
  }
  refused_.clear();
  for (const WantedPod& want : wanted) {
    auto found = pods_.find(want.uid);
    if (found == pods_.end()) {
      auto opened = open_pod(want);
      if (!opened) {
        refused_.push_back({want.uid, want.netns_path, opened.error().message(), want.netns_origin});
        continue;
      }
      opened->mode = want.mode;
      found = pods_.emplace(want.uid, std::move(*opened)).first;
    }
    LocalPod& pod = found->second;
    pod.wanted_mode = want.mode;
    pod.mode_reason = want.mode_reason;
    pod.acceleration = want.acceleration;
    pod.problem.clear();
    pod.ips = with_missing_family(want.ips, addresses_in(door_, pod.netns.get()).value_or(std::vector<IpAddress>()));
  }
  return gone;
}

bool Registry::is_stale() const {
  const bool one_left = std::ranges::any_of(pods_, [](const auto& item) { return !still_there(item.second); });
  const bool one_came = std::ranges::any_of(refused_, [&](const RefusedPod& pod) {
    const auto file = netns_file_at(pod.netns_path);
    const bool taken = file && (*file == door_.own() || std::ranges::any_of(pods_, [&](const auto& item) {
                         return item.second.file == *file;
                       }));
    return file && !taken;
  });
  return one_left || one_came;
}

Status Registry::ensure_listeners(LocalPod& pod, fl_mode shape) {
  constexpr ptrdiff_t kFullSet = 3;
  if (std::ranges::count(pod.listeners, shape, &Listener::mode) == kFullSet) {
    return {};
  }
  auto made = sockets_.listeners(pod.place(), shape, pod.listeners);
  if (!made) {
    pod.problem = fmt::format("no listeners inside the pod: {}", made.error().message());
    return std::unexpected(made.error());
  }
  if (!made->empty()) {
    std::ranges::move(*made, std::back_inserter(pod.listeners));
    pod.problem.clear();
    pod.logged_problem.clear();
  }
  return {};
}

void Registry::expect(std::vector<Listener> found) { expected_ = std::move(found); }

std::set<uint64_t> Registry::drop_unclaimed() {
  std::set<uint64_t> namespaces;
  for (const Listener& listener : expected_) {
    namespaces.insert(listener.netns);
  }
  expected_.clear();
  return namespaces;
}

void Registry::claim_expected(LocalPod& pod) {
  for (Listener& listener : expected_) {
    const bool there = std::ranges::any_of(pod.listeners, [&](const Listener& other) {
      return other.mode == listener.mode && other.role == listener.role &&
             (other.family == listener.family || other.role == broker::Role::kInbound);
    });
    if (listener.netns == pod.cookie && !there) {
      pod.listeners.push_back(listener);
    }
  }
  std::erase_if(expected_, [&](const Listener& listener) { return listener.netns == pod.cookie; });
}

LocalPod* Registry::find(uint64_t cookie) {
  const auto found = std::ranges::find_if(pods_, [&](const auto& item) { return item.second.cookie == cookie; });
  return found == pods_.end() ? nullptr : &found->second;
}

}  // namespace fairlead::workload
