#include "agent/reconcile.h"

#include "agent/workload/wanted.h"
#include "userspace-proxy/base/log.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>

namespace fairlead::agent {
namespace {

using std::chrono::milliseconds;
using workload::LocalPod;

constexpr milliseconds kDebounce{20};  // an editor, kubectl or git writes several files in a row
// Whether a namespace is still there is looked at, not watched: its file may be unmounted in a mount namespace where
// inotify sees nothing of it. Two system calls per pod; "torn down within a second".
constexpr milliseconds kLookAtNamespaces{250};
constexpr milliseconds kRetry{1000};  // after the kernel refused something

std::vector<fl_mode> shapes() { return {FL_MODE_NODE, FL_MODE_SIDECAR}; }

}  // namespace

Reconciler::Reconciler(Parts parts, Settings settings) : parts_(parts), settings_(std::move(settings)) {}

void Reconciler::start() {
  for (const uint64_t cookie : parts_.datapath.steered()) {
    steered_.insert(cookie);  // of an agent before us
  }
  parts_.fleet.on_progress([this] { step(); });
  if (parts_.source.inotify_fd() >= 0) {
    source_watch_ = parts_.loop.watch(parts_.source.inotify_fd(), EPOLLIN, [this](uint32_t) {
      if (parts_.source.drain_events()) {
        schedule(kDebounce);
      }
    });
  }
  look_at_namespaces();
  run_now();
}

void Reconciler::stop() {
  parts_.fleet.on_progress(nullptr);
  source_watch_.reset();
  for (Loop::Timer* timer : {&cycle_, &poll_, &retry_, &deadline_}) {
    timer->reset();
  }
  waiters_ = WaitBook();
}

void Reconciler::schedule(Loop::Clock::duration delay) {
  if (!cycle_.active()) {
    cycle_ = parts_.loop.after(delay, [this] { run_now(); });
  }
}

void Reconciler::look_at_namespaces() {
  poll_ = parts_.loop.after(kLookAtNamespaces, [this] {
    const bool has_problem =
        std::ranges::any_of(parts_.registry.pods(), [](const auto& item) { return !item.second.problem.empty(); });
    const bool is_blind = parts_.source.inotify_fd() < 0;
    if (parts_.registry.is_stale()) {
      run_now();
    } else if (has_problem || is_blind) {
      schedule(kRetry);  // a pod whose loopback is not up yet, say
    }
    look_at_namespaces();
  });
}

void Reconciler::run_now() {
  cycle_.reset();
  source::Listing listing = parts_.source.scan();
  objects_ = std::move(listing.objects);
  source_messages_ = std::move(listing.messages);
  tear_down(parts_.registry.reconcile(workload::wanted_pods(
      *objects_, {settings_.node_name, settings_.default_mode, parts_.modes.overrides(), settings_.acceleration})));
  compile_and_publish();
  step();
}

void Reconciler::tear_down(const std::vector<LocalPod>& gone) {
  if (!gone.empty()) {
    parts_.flows.collect();
  }
  for (const LocalPod& pod : gone) {
    log::info("pod {} is gone: closing what was opened in its network namespace", pod.uid);
    parts_.fleet.forget(pod);
    parts_.accelerator.forget(pod);
    for (const fl_mode shape : shapes()) {
      if (!pod.has_listeners(shape)) {
        continue;
      }
      if (const Status removed = parts_.datapath.remove_listener(pod.cookie, shape); !removed) {
        log::debug("pod {}: {}", pod.uid, removed.error().message());  // closing the socket removes it as well
      }
    }
    if (steered_.erase(pod.cookie) != 0) {
      if (const Status removed = parts_.datapath.remove_steer(pod.cookie); !removed) {
        log::warn("pod {}: {}", pod.uid, removed.error().message());
      }
    }
  }
}

bool Reconciler::settle_modes() {
  bool changed = false;
  for (auto& [uid, pod] : parts_.registry.pods()) {
    const bool ready = pod.wanted_mode != FL_MODE_SIDECAR || parts_.fleet.sidecar_serves(pod.cookie);
    if (pod.mode != pod.wanted_mode && ready) {
      log::info("pod {}: mode {} ({})", uid, compile::mode_name(workload::from_kernel(pod.wanted_mode)),
                pod.mode_reason);
      pod.mode = pod.wanted_mode;
      changed = true;
    }
  }
  return changed;
}

void Reconciler::compile_and_publish() {
  settle_modes();
  parts_.fleet.attend();
  compile::Inputs inputs;
  inputs.objects = objects_.get();
  inputs.node_name = settings_.node_name;
  for (const auto& [uid, pod] : parts_.registry.pods()) {
    inputs.pods.emplace(uid, compile::PodState{.netns = pod.cookie,
                                               .ips = pod.ips,
                                               .mode = workload::from_kernel(pod.mode),
                                               .mode_reason = pod.mode_reason,
                                               .accelerated = parts_.accelerator.admits(pod)});
  }
  compile::Compiled compiled = compile::compile(inputs);
  messages_ = source_messages_;
  std::ranges::move(compiled.messages, std::back_inserter(messages_));
  for (const workload::RefusedPod& pod : parts_.registry.refused()) {
    messages_.push_back(pod.message());
  }
  log_new_messages();
  problem_.clear();
  if (const Status published = publish(std::move(compiled)); !published) {
    problem_ = published.error().message();
    log::error("this configuration is not put in force: {}", problem_);
  }
}

Status Reconciler::publish(compile::Compiled compiled) {
  std::string bytes = compile::serialize(compiled.snapshot);
  std::map<uint64_t, kernel::OutboundPorts> ports = outbound_ports();
  const bool same_ports = std::ranges::equal(ports, kernel_ports_, [](const auto& a, const auto& b) {
    return a.first == b.first && a.second.v4 == b.second.v4 && a.second.v6 == b.second.v6;
  });
  if (snapshot_ != nullptr && same_ports && bytes == compiled_bytes_) {
    return {};
  }
  compiled.snapshot.set_generation(generation_ + 1);
  auto snapshot = config::Snapshot::build(compiled.snapshot);
  if (!snapshot) {
    return std::unexpected(snapshot.error());
  }
  auto file = agent_broker::make_snapshot_file(generation_ + 1, compile::serialize(compiled.snapshot));
  if (!file) {
    return std::unexpected(file.error());
  }
  ++generation_;
  snapshot_ = std::move(*snapshot);
  compiled_bytes_ = std::move(bytes);
  kernel_ports_ = std::move(ports);
  parts_.fleet.publish(*file);
  return {};
}

void Reconciler::step() {
  const bool waits_for_sidecar = std::ranges::any_of(parts_.registry.pods(), [&](const auto& item) {
    return item.second.mode != item.second.wanted_mode && parts_.fleet.sidecar_serves(item.second.cookie);
  });
  if (waits_for_sidecar) {
    compile_and_publish();
  }
  if (kernel_generation_ < generation_ && !parts_.fleet.judges_by_older_than(generation_)) {
    apply_to_kernel();
  }
  settle_waiters();
}

void Reconciler::apply_to_kernel() {
  Status applied = install_listeners();
  if (applied) {
    applied = parts_.datapath.apply(kernel::make_tables(*snapshot_, kernel_ports_));
  }
  if (applied) {
    applied = attach_steer();
  }
  if (!applied) {
    if (kernel_problem_ != applied.error().message()) {
      kernel_problem_ = applied.error().message();
      log::error("the kernel's tables are not up to date: {}", kernel_problem_);
    }
    retry_ = parts_.loop.after(kRetry, [this] { step(); });
    return;
  }
  kernel_problem_.clear();
  kernel_generation_ = generation_;
  log::debug("generation {} is in force", generation_);
  parts_.flows.in_force(snapshot_);
  detach_idle_steer();
  parts_.fleet.retire_sidecars();
  if (first_in_force_) {
    std::exchange(first_in_force_, nullptr)();
  }
}

Status Reconciler::install_listeners() {
  for (const auto& [uid, pod] : parts_.registry.pods()) {
    for (const workload::Listener& listener : pod.listeners) {
      if (listener.role != broker::Role::kInbound || installed_listeners_.contains(listener.id)) {
        continue;
      }
      if (Status set = parts_.datapath.set_listener(pod.cookie, listener.mode, listener.fd->get()); !set) {
        return fail(set.error(), fmt::format("pod {}", uid));
      }
      installed_listeners_.insert(listener.id);
    }
  }
  return {};
}

Status Reconciler::attach_steer() {
  for (const auto& [uid, pod] : parts_.registry.pods()) {
    if (pod.mode == FL_MODE_OFF) {
      continue;
    }
    if (Status added = parts_.datapath.add_steer(pod.cookie, pod.netns.get()); !added) {
      return fail(added.error(), fmt::format("pod {}", uid));
    }
    steered_.insert(pod.cookie);
  }
  return {};
}

void Reconciler::detach_idle_steer() {
  std::erase_if(steered_, [&](uint64_t cookie) {
    const LocalPod* pod = parts_.registry.find(cookie);
    if (pod != nullptr && pod->mode != FL_MODE_OFF) {
      return false;
    }
    if (const Status removed = parts_.datapath.remove_steer(cookie); !removed) {
      log::warn("a steer program cannot be detached: {}", removed.error().message());
    }
    return true;
  });
}

std::map<uint64_t, kernel::OutboundPorts> Reconciler::outbound_ports() const {
  std::map<uint64_t, kernel::OutboundPorts> ports;
  for (const auto& [uid, pod] : parts_.registry.pods()) {
    kernel::OutboundPorts of_pod;
    for (const workload::Listener& listener : pod.listeners) {
      if (listener.role == broker::Role::kOutbound && listener.mode == pod.mode) {
        (listener.family == AF_INET ? of_pod.v4 : of_pod.v6) = listener.address.port;
      }
    }
    ports.emplace(pod.cookie, of_pod);
  }
  return ports;
}

std::vector<std::string> Reconciler::missing() const {
  std::vector<std::string> lines;
  if (!problem_.empty()) {
    lines.push_back("the configuration cannot be compiled: " + problem_);
  }
  if (kernel_generation_ < generation_) {
    lines.push_back(fmt::format("the kernel has generation {}, not {}{}{}", kernel_generation_, generation_,
                                kernel_problem_.empty() ? "" : ": ", kernel_problem_));
  }
  for (const auto& [uid, pod] : parts_.registry.pods()) {
    if (!pod.problem.empty()) {
      lines.push_back(fmt::format("pod {}: {}", uid, pod.problem));
    } else if (pod.mode != pod.wanted_mode) {
      lines.push_back(
          fmt::format("pod {} is not yet in mode {}", uid, compile::mode_name(workload::from_kernel(pod.wanted_mode))));
    }
  }
  std::ranges::move(parts_.fleet.missing(generation_), std::back_inserter(lines));
  return lines;
}

void Reconciler::wait(WaitBook::Clock::time_point deadline, WaitBook::Done done) {
  run_now();
  waiters_.add(deadline, std::move(done));
  settle_waiters();
}

void Reconciler::settle_waiters() {
  if (waiters_.empty()) {
    return;
  }
  waiters_.settle(WaitBook::Clock::now(), missing());
  deadline_.reset();
  if (const auto next = waiters_.next_deadline()) {
    deadline_ = parts_.loop.after(*next - WaitBook::Clock::now(), [this] { settle_waiters(); });
  }
}

void Reconciler::log_new_messages() {
  std::set<std::string> lines;
  for (const model::Message& message : messages_) {
    std::string line = message.line();
    if (!logged_.contains(line) && !lines.contains(line)) {
      if (message.severity == model::Severity::kInfo) {
        log::info("{}", line);
      } else {
        log::warn("{}", line);
      }
    }
    lines.insert(std::move(line));
  }
  logged_ = std::move(lines);
}

}  // namespace fairlead::agent
