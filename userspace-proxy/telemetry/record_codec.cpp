#include "userspace-proxy/telemetry/record_codec.h"

#include <algorithm>
#include <cstring>

namespace fairlead::telemetry {
namespace {

template <class Text>
constexpr std::array<Text BasicRecord<Text>::*, kRecordTexts> kTexts = {
    &BasicRecord<Text>::source_workload, &BasicRecord<Text>::source_principal, &BasicRecord<Text>::destination_workload,
    &BasicRecord<Text>::method,          &BasicRecord<Text>::authority,        &BasicRecord<Text>::target,
    &BasicRecord<Text>::route,           &BasicRecord<Text>::cluster,          &BasicRecord<Text>::policy,
    &BasicRecord<Text>::protocol};

constexpr size_t words_for(size_t bytes) { return (bytes + 7) / 8; }

}  // namespace

uint64_t sequence_of(std::span<const uint64_t, kFrameHeadWords> head) { return head[0]; }

uint32_t words_of(std::span<const uint64_t, kFrameHeadWords> head) {
  static_assert(offsetof(RecordFrame, sequence) == 0 && offsetof(RecordFrame, words) == 8);
  uint32_t words;
  std::memcpy(&words, &head[1], sizeof words);
  return words;
}

std::span<const uint64_t> encode(const Record& record, uint64_t sequence, FrameBuffer& buffer) {
  RecordFrame frame = {.sequence = sequence,
                       .words = 0,
                       .kind = static_cast<uint8_t>(record.kind),
                       .path = static_cast<uint8_t>(record.path),
                       .reason = static_cast<uint8_t>(record.reason),
                       .pad = 0,
                       .start_unix_ns = record.start_unix_ns,
                       .duration_ns = record.duration_ns,
                       .bytes_received = record.bytes_received,
                       .bytes_sent = record.bytes_sent,
                       .client = record.client.raw(),
                       .destination = record.destination.raw(),
                       .upstream = record.upstream.raw(),
                       .text_bytes = {},
                       .status = record.status,
                       .pad2 = {}};
  auto* const bytes = reinterpret_cast<char*>(buffer.data());
  size_t end = sizeof frame;
  for (size_t i = 0; i < kRecordTexts; ++i) {
    const std::string_view text = record.*kTexts<std::string_view>[i];
    const size_t length = std::min(text.size(), kMaxRecordText);
    frame.text_bytes[i] = static_cast<uint16_t>(length);
    if (length != 0) {
      std::memcpy(bytes + end, text.data(), length);
    }
    end += length;
  }
  frame.words = static_cast<uint32_t>(words_for(end));
  std::memset(bytes + end, 0, frame.words * 8 - end);
  std::memcpy(bytes, &frame, sizeof frame);
  return std::span(buffer).first(frame.words);
}

std::optional<RecordOwned> decode(std::span<const uint64_t> words) {
  RecordFrame frame;
  if (words.size_bytes() < sizeof frame) {
    return std::nullopt;
  }
  std::memcpy(&frame, words.data(), sizeof frame);
  if (frame.words != words.size() || frame.kind < static_cast<uint8_t>(RecordKind::kHttp) ||
      frame.kind > static_cast<uint8_t>(RecordKind::kTcp) || frame.path < static_cast<uint8_t>(Path::kNodeHttp) ||
      frame.path > static_cast<uint8_t>(Path::kNodeInbound)) {
    return std::nullopt;
  }
  RecordOwned record;
  std::string_view rest(reinterpret_cast<const char*>(words.data()), words.size_bytes());
  rest.remove_prefix(sizeof frame);
  for (size_t i = 0; i < kRecordTexts; ++i) {
    const size_t length = frame.text_bytes[i];
    if (length > kMaxRecordText || length > rest.size()) {
      return std::nullopt;
    }
    record.*kTexts<std::string>[i] = rest.substr(0, length);
    rest.remove_prefix(length);
  }
  record.kind = static_cast<RecordKind>(frame.kind);
  record.path = static_cast<Path>(frame.path);
  record.reason = static_cast<Reason>(frame.reason);
  record.status = frame.status;
  record.start_unix_ns = frame.start_unix_ns;
  record.duration_ns = frame.duration_ns;
  record.bytes_received = frame.bytes_received;
  record.bytes_sent = frame.bytes_sent;
  record.client = SocketAddress::from(frame.client);
  record.destination = SocketAddress::from(frame.destination);
  record.upstream = SocketAddress::from(frame.upstream);
  return record;
}

std::string_view name_of(Path path) {
  switch (path) {
    case Path::kNodeHttp:
      return "node_http";
    case Path::kNodeTcp:
      return "node_tcp";
    case Path::kSidecarOutbound:
      return "sidecar_outbound";
    case Path::kSidecarInbound:
      return "sidecar_inbound";
    case Path::kKernel:
      return "kernel";
    case Path::kNodeInbound:
      return "node_inbound";
  }
  return "unknown";
}

}  // namespace fairlead::telemetry
