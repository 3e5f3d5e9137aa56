// A label set as one run of bytes: compared, hashed and stored as such. Native byte order.
//   response code (HTTP only) | length of each text | the texts
// Pure; any thread.
#pragma once

#include "userspace-proxy/telemetry/labels.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace fairlead::telemetry {

inline constexpr size_t kTcpKeyTexts = kCommonLabels<std::string_view>.size();
inline constexpr size_t kHttpKeyTexts = kTcpKeyTexts + 1;
inline constexpr size_t kMaxKeyBytes = sizeof(uint16_t) * (1 + kHttpKeyTexts) + kHttpKeyTexts * kMaxLabelBytes;
static_assert(kMaxKeyBytes <= UINT16_MAX);

using KeyBuffer = std::array<std::byte, kMaxKeyBytes>;

// The key in `buffer`. Texts are cut to kMaxLabelBytes.
std::span<const std::byte> encode_key(const HttpLabels& labels, KeyBuffer& buffer);
std::span<const std::byte> encode_key(const TcpLabels& labels, KeyBuffer& buffer);

// The labels, made valid UTF-8. nullopt if these bytes are no key: they may come from a hostile writer.
std::optional<HttpLabelsOwned> decode_http_key(std::span<const std::byte> key);
std::optional<TcpLabelsOwned> decode_tcp_key(std::span<const std::byte> key);

}  // namespace fairlead::telemetry
