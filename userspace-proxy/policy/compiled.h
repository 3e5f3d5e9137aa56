// A policy's rules as policy.cpp evaluates them and compile.cpp builds them: from AND to AND when, alternatives in from
// and to, all conditions of an alternative. Immutable after build, any thread.
#pragma once

#include "userspace-proxy/policy/condition.h"
#include "userspace-proxy/policy/policy.h"

#include <vector>

namespace fairlead::policy {

struct Rule {
  std::vector<std::vector<Condition>> from;  // empty: any
  std::vector<std::vector<Condition>> to;    // empty: any
  std::vector<Condition> when;
  bool needs_http = false;  // some condition does
  bool is_judged = true;    // all conditions are
};

struct Policy::Compiled {
  std::vector<Rule> rules;

  template <class Visit>
  void for_each_condition(Visit visit) const {
    for (const Rule& rule : rules) {
      for (const auto* alternatives : {&rule.from, &rule.to}) {
        for (const auto& conditions : *alternatives) {
          for (const Condition& condition : conditions) {
            visit(condition);
          }
        }
      }
      for (const Condition& condition : rule.when) {
        visit(condition);
      }
    }
  }
};

}  // namespace fairlead::policy
