// The C++ view of bpf/abi/reasons.h, the one list of reasons for kernel, proxy, logs and metrics.
#pragma once

#include "bpf/abi/reasons.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace fairlead {

enum class Reason : uint8_t {
#define FL_REASON_ENUM(symbol, name, flag, meaning) symbol,
  FL_REASONS(FL_REASON_ENUM)
#undef FL_REASON_ENUM
};

struct ReasonText {
  std::string_view name;     // label value, `fairlead flows`
  std::string_view flag;     // Envoy's response flag; "-" if none
  std::string_view meaning;  // one line for a person
};

inline constexpr std::array<ReasonText, FL_REASON_COUNT> kReasonTexts = {{
#define FL_REASON_TEXT(symbol, name, flag, meaning) {name, flag, meaning},
    FL_REASONS(FL_REASON_TEXT)
#undef FL_REASON_TEXT
}};

// Text of a reason; a number out of range (a newer kernel map, an untrusted record) reads as "none".
constexpr const ReasonText& text_of(Reason reason) {
  const auto index = static_cast<size_t>(reason);
  return kReasonTexts[index < kReasonTexts.size() ? index : 0];
}

}  // namespace fairlead
