// Random services and rules over a small vocabulary: the indexed lookup must answer as a walk over every name of every
// service and over every domain does.
#include "tests/unit/config/snapshot_wire.h"
#include "userspace-proxy/config/snapshot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace fairlead::config {
namespace {

constexpr uint32_t kPorts[] = {80, 8080};

struct Question {
  std::string host;  // lower case, without port
  uint16_t port;
  std::string ns;
};

bool is_kubernetes(const wire::Service& s) {
  return s.host() == s.name() + "." + s.namespace_() + ".svc.cluster.local";
}

bool has_port(const wire::Service& s, uint32_t port) {
  return std::ranges::any_of(s.ports(), [port](const auto& p) { return p.port() == port; });
}

// The names that Istio gives a service, as a client of `ns` sees it, but for the full one.
std::vector<std::string> other_names(const wire::Service& s, const std::string& ns) {
  if (!is_kubernetes(s)) {
    return {};
  }
  std::vector<std::string> names = {s.name() + "." + s.namespace_(), s.name() + "." + s.namespace_() + ".svc"};
  if (s.namespace_() == ns) {
    names.push_back(s.name());
  }
  return names;
}

bool is_under(const std::string& host, const std::string& name) {
  const size_t dot = host.find('.');
  return dot != std::string::npos && host.substr(dot + 1) == name;
}

// The service that a walk finds: by full name before by another, by its own before by a headless pod's.
const wire::Service* naive_service(const wire::Snapshot& all, const Question& q) {
  const auto find = [&](auto fits) {
    const auto found = std::ranges::find_if(all.services(), fits);
    return found == all.services().end() ? nullptr : &*found;
  };
  const auto by_name = [&](auto fits) {
    const auto* full = find([&](const auto& s) { return fits(s, s.host()); });
    return full != nullptr ? full : find([&](const auto& s) {
      return std::ranges::any_of(other_names(s, q.ns), [&](const auto& name) { return fits(s, name); });
    });
  };
  if (const auto* own = by_name([&](const auto&, const std::string& name) { return q.host == name; })) {
    return own;
  }
  return by_name([&](const auto& s, const std::string& name) { return s.headless() && is_under(q.host, name); });
}

std::string naive_table(const wire::Snapshot& all, const std::string& domain, const Question& q) {
  std::optional<std::tuple<bool, size_t, bool, bool>> best;
  std::string table = "-";
  for (const auto& host : all.virtual_hosts()) {
    const bool wild = host.domain().starts_with('*');
    const std::string suffix = host.domain().substr(wild ? 1 : 0);
    const bool fits = wild ? domain.size() > suffix.size() && domain.ends_with(suffix) : domain == suffix;
    if (!fits || (host.port() != 0 && host.port() != q.port) ||
        (!host.client_namespace().empty() && host.client_namespace() != q.ns)) {
      continue;
    }
    const std::tuple rank(!wild, suffix.size(), !host.client_namespace().empty(), host.port() != 0);
    if (!best || rank > *best) {
      best = rank;
      table = all.route_tables(static_cast<int>(host.route_table())).name();
    }
  }
  return table;
}

std::string naive(const wire::Snapshot& all, const Question& q) {
  const wire::Service* service = naive_service(all, q);
  if (service != nullptr && !has_port(*service, q.port)) {
    return "- -";
  }
  return (service == nullptr ? "-" : service->host()) + " " +
         naive_table(all, service == nullptr ? q.host : service->host(), q);
}

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  uint32_t below(uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n - 1)(random_); }
  template <class List>
  const auto& pick(const List& all) {
    return all[below(static_cast<uint32_t>(std::size(all)))];
  }

  std::string label() { return pick(kLabels); }
  std::string ns() { return pick(kNamespaces); }

  std::string host() {
    std::string host = label();
    for (uint32_t more = below(3); more > 0; --more) {
      host += "." + (below(2) == 0 ? label() : ns());
    }
    return host + pick(kEnds);
  }

  wire::Snapshot snapshot() {
    test::SnapshotWire made;
    std::set<std::string> taken;
    for (uint32_t n = 1 + below(6); n > 0; --n) {
      std::vector<uint32_t> ports = {kPorts[0]};
      if (below(2) == 0) {
        ports.push_back(kPorts[1]);
      }
      const bool is_entry = below(5) == 0;
      const std::string service_ns = ns(), name = is_entry ? host() : label();
      // Names are unique: the first of two would win, which is a matter of another test.
      if (!taken.insert(is_entry ? name : name + "." + service_ns + ".svc.cluster.local").second) {
        continue;
      }
      if (is_entry) {
        made.entry(name, service_ns, {.ports = ports});
      } else {
        made.service(service_ns, name, {.ports = ports, .headless = below(3) == 0});
      }
    }
    for (uint32_t n = below(8); n > 0; --n) {
      std::string domain = below(2) == 0 ? host() : label() + "." + ns() + ".svc.cluster.local";
      if (below(3) == 0) {
        domain = "*" + domain.substr(std::min(domain.size(), domain.find('.')));
      }
      made.virtual_host({.domain = domain,
                         .table = made.table("table-" + std::to_string(n)),
                         .port = below(3) == 0 ? pick(kPorts) : 0,
                         .client_namespace = below(3) == 0 ? ns() : ""});
    }
    return made.wire;
  }

 private:
  const std::vector<std::string> kLabels = {"a", "b", "ns1", "svc"};
  const std::vector<std::string> kNamespaces = {"ns1", "ns2", "svc"};
  const std::vector<std::string> kEnds = {"", "", "", ".svc", ".svc.cluster.local", ".local"};

  std::mt19937 random_;
};

TEST(FindHostProperty, TheIndexAnswersAsAWalkOverAllNames) {
  constexpr uint32_t kSeed = 20240118;  // fixed: a failure can be run again
  constexpr int kRounds = 2'000, kQuestions = 20;
  Generator make(kSeed);
  int with_service = 0, with_table = 0;
  for (int round = 0; round < kRounds; ++round) {
    const wire::Snapshot wire = make.snapshot();
    const auto snapshot = Snapshot::build(wire).value();
    for (int i = 0; i < kQuestions; ++i) {
      const Question q{.host = make.host(), .port = static_cast<uint16_t>(make.pick(kPorts)), .ns = make.ns()};
      const auto match = snapshot->find_host(q.host, q.port, q.ns);
      const std::string answer = (match.service == nullptr ? "-" : match.service->host) + " " +
                                 (match.table == nullptr ? "-" : match.table->name);
      ASSERT_EQ(answer, naive(wire, q)) << q.host << ":" << q.port << " from " << q.ns << ", round " << round;
      with_service += match.service == nullptr ? 0 : 1;
      with_table += match.table == nullptr ? 0 : 1;
    }
  }
  // The vocabulary must ask real questions.
  EXPECT_GT(with_service, kRounds * kQuestions / 20);
  EXPECT_GT(with_table, kRounds * kQuestions / 20);
}

}  // namespace
}  // namespace fairlead::config
