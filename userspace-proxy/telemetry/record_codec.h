// A record as 64-bit words, as it lies in the ring: RecordFrame, then the texts. Native byte order. Pure; any thread.
#pragma once

#include "bpf/abi/addr.h"
#include "userspace-proxy/telemetry/record.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace fairlead::telemetry {

inline constexpr size_t kRecordTexts = 10;

struct RecordFrame {
  uint64_t sequence;  // of this ring's records, from 0
  uint32_t words;     // the whole frame
  uint8_t kind, path, reason, pad;
  int64_t start_unix_ns;
  uint64_t duration_ns, bytes_received, bytes_sent;
  fl_sockaddr client, destination, upstream;
  uint16_t text_bytes[kRecordTexts];
  uint16_t status;
  uint16_t pad2[3];
};
static_assert(sizeof(RecordFrame) == 136 && sizeof(RecordFrame) % 8 == 0);

inline constexpr size_t kMinFrameWords = sizeof(RecordFrame) / 8;
inline constexpr size_t kMaxFrameWords = (sizeof(RecordFrame) + kRecordTexts * kMaxRecordText) / 8;
static_assert(kRecordTexts * kMaxRecordText % 8 == 0);

using FrameBuffer = std::array<uint64_t, kMaxFrameWords>;

// The sequence number and the length lie in the first two words, which a ring reads before the rest.
inline constexpr size_t kFrameHeadWords = 2;
uint64_t sequence_of(std::span<const uint64_t, kFrameHeadWords> head);
uint32_t words_of(std::span<const uint64_t, kFrameHeadWords> head);

// The frame in `buffer`.
std::span<const uint64_t> encode(const Record& record, uint64_t sequence, FrameBuffer& buffer);

// nullopt if these words are no frame of exactly this length: they may come from a hostile writer. The texts are bytes
// as they came, control characters and broken UTF-8 included; a reason may lie beyond those this build knows.
std::optional<RecordOwned> decode(std::span<const uint64_t> frame);

}  // namespace fairlead::telemetry
