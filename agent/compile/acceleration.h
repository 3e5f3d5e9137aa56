// Whether a pod's sockets may be accelerated, as its configuration wishes, and why: decision 0016. Pure, any thread.
#pragma once

#include "agent/model/objects.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::compile {

enum class Acceleration : uint8_t {
  kFalse,
  kAuto,  // where its application was watched, and uses nothing that acceleration would break
  kTrue,  // whatever it uses
};

struct AccelerationWish {
  Acceleration wish = Acceleration::kFalse;
  std::string reason;  // what decided: "label fairlead.dev/accelerate on the pod", "default"
};

// "true", "auto", "false"; anything else is nothing.
std::optional<Acceleration> parse_acceleration(std::string_view text);
std::string_view name_of(Acceleration wish);

// fairlead.dev/accelerate, label before annotation, of the pod, else of its Namespace (null if there is none), else
// what the agent was started with. A value that is none of the three counts as absent.
AccelerationWish decide_acceleration(const model::Pod& pod, const model::Namespace* ns, Acceleration by_default);

}  // namespace fairlead::compile
