#include "userspace-proxy/http/h1.h"
#include "userspace-proxy/http/scan.h"

#include <algorithm>

namespace fairlead::http {
namespace {

constexpr uint8_t kMaxSizeDigits = 16;  // 64 bits
constexpr uint32_t kMaxChunkLine = 4096;

}  // namespace

ChunkedReader::Step ChunkedReader::step(std::string_view bytes) {
  Step step;
  while (step.consumed < bytes.size()) {
    if (state_ == State::kData) {
      const size_t size = std::min<uint64_t>(left_, bytes.size() - step.consumed);
      step.payload = bytes.substr(step.consumed, size);
      step.consumed += size;
      left_ -= size;
      if (left_ == 0) {
        state_ = State::kDataCr;
      }
      return step;
    }
    if (state_ == State::kDone || state_ == State::kBad) {
      break;
    }
    state_ = after(bytes[step.consumed]);
    if (state_ == State::kBad) {
      break;
    }
    ++step.consumed;
  }
  if (state_ == State::kDone || state_ == State::kBad) {
    step.progress = state_ == State::kDone ? Progress::kDone : Progress::kRefused;
  }
  return step;
}

ChunkedReader::State ChunkedReader::after(char c) {
  switch (state_) {
    case State::kSize:
    case State::kSizeBlank:
    case State::kExtension:
      return after_size(c);
    case State::kSizeLf:
      if (c != '\n') {
        return State::kBad;
      }
      line_bytes_ = 0;
      digits_ = 0;
      return left_ == 0 ? State::kTrailer : State::kData;
    case State::kDataCr:
      return c == '\r' ? State::kDataLf : State::kBad;
    case State::kDataLf:
      return c == '\n' ? State::kSize : State::kBad;
    case State::kTrailer:
    case State::kTrailerName:
    case State::kTrailerValue:
      return after_trailer(c);
    case State::kTrailerLf:
      return c == '\n' ? State::kTrailer : State::kBad;
    case State::kLastLf:
      return c == '\n' ? State::kDone : State::kBad;
    case State::kData:
    case State::kDone:
    case State::kBad:
      return state_;
  }
  return State::kBad;
}

// chunk-size [ chunk-ext ]: RFC 9112 section 7.1.1 lets blanks stand before ";".
ChunkedReader::State ChunkedReader::after_size(char c) {
  if (++line_bytes_ > kMaxChunkLine) {
    return State::kBad;
  }
  if (state_ == State::kExtension) {
    if (c == '\r') {
      return State::kSizeLf;
    }
    return scan::is(c, scan::kValue) ? State::kExtension : State::kBad;
  }
  if (state_ == State::kSize && scan::is(c, scan::kHex)) {
    if (++digits_ > kMaxSizeDigits) {
      return State::kBad;
    }
    left_ = left_ << 4 | scan::hex_value(c);
    return State::kSize;
  }
  if (digits_ == 0) {
    return State::kBad;
  }
  if (c == ';') {
    return State::kExtension;
  }
  if (scan::is_blank(c)) {
    return State::kSizeBlank;
  }
  return c == '\r' && state_ == State::kSize ? State::kSizeLf : State::kBad;
}

ChunkedReader::State ChunkedReader::after_trailer(char c) {
  if (++line_bytes_ > kMaxHeadBytes) {
    return State::kBad;
  }
  switch (state_) {
    case State::kTrailer:
      if (c == '\r') {
        return State::kLastLf;
      }
      if (trailer_fields_ == kMaxFields) {
        return State::kBad;
      }
      ++trailer_fields_;
      return scan::is(c, scan::kToken) ? State::kTrailerName : State::kBad;
    case State::kTrailerName:
      if (c == ':') {
        return State::kTrailerValue;
      }
      return scan::is(c, scan::kToken) ? State::kTrailerName : State::kBad;
    default:
      if (c == '\r') {
        return State::kTrailerLf;
      }
      return scan::is(c, scan::kValue) ? State::kTrailerValue : State::kBad;
  }
}

}  // namespace fairlead::http
