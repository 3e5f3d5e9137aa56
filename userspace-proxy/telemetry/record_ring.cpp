#include "userspace-proxy/telemetry/record_ring.h"

#include "userspace-proxy/telemetry/relaxed.h"

#include <algorithm>

namespace fairlead::telemetry {

void RecordRing::append(const Record& record) {
  const auto frame = encode(record, sequence_++, frame_);
  make_room(frame.size());
  const uint64_t head = load(head_);
  const size_t start = head % ring_.size();
  const size_t before_end = std::min(frame.size(), ring_.size() - start);
  for (size_t i = 0; i < before_end; ++i) {
    store(ring_[start + i], frame[i], std::memory_order_release);
  }
  for (size_t i = before_end; i < frame.size(); ++i) {
    store(ring_[i - before_end], frame[i], std::memory_order_release);
  }
  store(head_, head + frame.size(), std::memory_order_release);
}

// Gives away the oldest records, whole ones, until `words` are free.
void RecordRing::make_room(size_t words) {
  const uint64_t head = load(head_);
  uint64_t tail = load(tail_);
  while (head + words - tail > ring_.size()) {
    const std::array<uint64_t, kFrameHeadWords> oldest = {load(ring_[tail % ring_.size()]),
                                                          load(ring_[(tail + 1) % ring_.size()])};
    const uint64_t length = words_of(oldest);
    // Only a stray write into our memory makes a wrong length. Starting over loses records, walking on loses the proxy.
    tail = length < kMinFrameWords || length > head - tail ? head : tail + length;
  }
  store(tail_, tail);
}

void RecordRingReader::copy(uint64_t position, std::span<uint64_t> into) const {
  for (size_t i = 0; i < into.size(); ++i) {
    into[i] = load(ring_[(position + i) % ring_.size()], std::memory_order_acquire);
  }
}

void RecordRingReader::read(RecordPlace& place, RecordBatch& batch) const {
  // In this order an honest tail is at most one ring behind this head.
  const uint64_t head = load(head_, std::memory_order_acquire);
  uint64_t tail = load(tail_, std::memory_order_acquire);
  if (tail < head && head - tail > ring_.size()) {
    ++batch.malformed;
    return;
  }
  if (place.position < tail || place.position > head) {
    place.position = tail;
  }
  FrameBuffer frame;
  // Every turn moves the position on, and head is at most one ring away.
  while (place.position < head) {
    std::array<uint64_t, kFrameHeadWords> start;
    copy(place.position, start);
    const uint64_t words = words_of(start);
    const bool plausible =
        words >= kMinFrameWords && words <= std::min<uint64_t>(kMaxFrameWords, head - place.position);
    if (plausible) {
      copy(place.position, std::span(frame).first(words));
    }
    tail = load(tail_);
    if (tail > place.position) {
      place.position = tail;  // overtaken: what was copied may be half of a newer record
      continue;
    }
    auto record = plausible ? decode(std::span(frame).first(words)) : std::nullopt;
    if (!record || frame[0] < place.sequence) {
      ++batch.malformed;
      place.position = head;
      return;
    }
    batch.lost += frame[0] - place.sequence;
    place.sequence = frame[0] + 1;
    place.position += words;
    batch.records.push_back(std::move(*record));
  }
}

}  // namespace fairlead::telemetry
