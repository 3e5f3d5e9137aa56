#include "agent/compile/acceleration.h"

#include <fmt/format.h>

namespace fairlead::compile {
namespace {

constexpr std::string_view kKey = "fairlead.dev/accelerate";

std::optional<AccelerationWish> own_key(const model::Metadata& meta, std::string_view where) {
  const auto text = meta.label_or_annotation(kKey);
  const auto wish = text ? parse_acceleration(*text) : std::nullopt;
  if (!wish) {
    return std::nullopt;
  }
  const bool label = meta.labels.contains(kKey);
  return AccelerationWish{*wish, fmt::format("{} {} on the {}", label ? "label" : "annotation", kKey, where)};
}

}  // namespace

std::optional<Acceleration> parse_acceleration(std::string_view text) {
  for (const Acceleration wish : {Acceleration::kFalse, Acceleration::kAuto, Acceleration::kTrue}) {
    if (text == name_of(wish)) {
      return wish;
    }
  }
  return std::nullopt;
}

std::string_view name_of(Acceleration wish) {
  switch (wish) {
    case Acceleration::kFalse:
      return "false";
    case Acceleration::kAuto:
      return "auto";
    case Acceleration::kTrue:
      return "true";
  }
  return "false";
}

AccelerationWish decide_acceleration(const model::Pod& pod, const model::Namespace* ns, Acceleration by_default) {
  if (auto wish = own_key(pod.meta, "pod")) {
    return *std::move(wish);
  }
  if (ns != nullptr) {
    if (auto wish = own_key(ns->meta, "namespace")) {
      return *std::move(wish);
    }
  }
  return {by_default, "default"};
}

}  // namespace fairlead::compile
