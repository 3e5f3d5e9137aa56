#include "userspace-proxy/policy/policy.h"

#include "userspace-proxy/policy/compiled.h"

#include <algorithm>

namespace fairlead::policy {
namespace {

using Conditions = std::vector<Condition>;

// A condition that can't be judged counts as fulfilled: only DENY gets here with one, and denies more than written.
bool all_hold(const Conditions& conditions, const Facts& facts) {
  return std::ranges::all_of(conditions, [&](const Condition& c) { return !c.can_judge(facts) || c.holds(facts); });
}

bool one_holds(const std::vector<Conditions>& alternatives, const Facts& facts) {
  return alternatives.empty() ||
         std::ranges::any_of(alternatives, [&](const Conditions& each) { return all_hold(each, facts); });
}

enum class DryRun : uint8_t { kSkip, kEnforce };

bool counts(const Policy& policy, Action action, DryRun dry_run) {
  return policy.action() == action && (!policy.dry_run() || dry_run == DryRun::kEnforce);
}

struct Verdict {
  bool allowed = true;
  const Policy* policy = nullptr;
  int rule = -1;
  const Policy* closes = nullptr;  // the first ALLOW policy that counts: why nothing else is allowed
};

Verdict evaluate(std::span<const Policy* const> policies, const Facts& facts, DryRun dry_run) {
  for (const Policy* policy : policies) {
    if (!counts(*policy, Action::kDeny, dry_run)) {
      continue;
    }
    if (const int rule = policy->match(facts); rule >= 0) {
      return {.allowed = false, .policy = policy, .rule = rule};
    }
  }
  const Policy* closes = nullptr;
  for (const Policy* policy : policies) {
    if (!counts(*policy, Action::kAllow, dry_run)) {
      continue;
    }
    closes = closes == nullptr ? policy : closes;
    if (const int rule = policy->match(facts); rule >= 0) {
      return {.allowed = true, .policy = policy, .rule = rule};
    }
  }
  return {.allowed = closes == nullptr, .closes = closes};
}

}  // namespace

Policy::Policy() = default;
Policy::~Policy() = default;

int Policy::match(const Facts& facts) const {
  const auto& rules = compiled_->rules;
  for (size_t i = 0; i < rules.size(); ++i) {
    const Rule& rule = rules[i];
    const bool can_judge = rule.is_judged && (facts.http != nullptr || !rule.needs_http);
    if (action_ == Action::kAllow && !can_judge) {
      continue;
    }
    if (one_holds(rule.from, facts) && one_holds(rule.to, facts) && all_hold(rule.when, facts)) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

std::vector<Cidr> Policy::blocks() const {
  std::vector<Cidr> result;
  compiled_->for_each_condition([&](const Condition& condition) {
    if (condition.attribute() != Attribute::kDestinationIp && condition.blocks() != nullptr) {
      result.insert(result.end(), condition.blocks()->begin(), condition.blocks()->end());
    }
  });
  std::ranges::sort(result);
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

std::vector<uint16_t> Policy::ports() const {
  std::vector<uint16_t> result;
  compiled_->for_each_condition([&](const Condition& condition) {
    if (condition.ports() != nullptr) {
      result.insert(result.end(), condition.ports()->begin(), condition.ports()->end());
    }
  });
  std::ranges::sort(result);
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

bool Policy::names_destination_ip() const {
  bool found = false;
  compiled_->for_each_condition(
      [&](const Condition& condition) { found |= condition.attribute() == Attribute::kDestinationIp; });
  return found;
}

bool PolicySet::needs_http() const {
  return std::ranges::any_of(policies, [](const Policy* policy) { return policy->needs_http(); });
}

Decision PolicySet::decide(const Facts& facts) const {
  const Verdict real = evaluate(policies, facts, DryRun::kSkip);
  Decision decision{.allowed = real.allowed, .policy = real.policy, .rule = real.rule};
  if (std::ranges::any_of(policies, [](const Policy* policy) { return policy->dry_run(); })) {
    const Verdict enforced = evaluate(policies, facts, DryRun::kEnforce);
    if (enforced.allowed != real.allowed) {
      decision.shadow = enforced.policy != nullptr ? enforced.policy : enforced.closes;
    }
  }
  return decision;
}

}  // namespace fairlead::policy
