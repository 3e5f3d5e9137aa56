#include "userspace-proxy/proxy/body_pump.h"

#include <algorithm>
#include <array>

namespace fairlead::proxy {
namespace {

using Kind = http::BodyFraming::Kind;

// A piece of body up to this size is copied behind the head: one plain send costs less than a gathering one.
constexpr size_t kCopyBytes = 1024;

// Reads and writes of one turn, about 512 KiB: then the worker's other connections have theirs.
constexpr int kTurns = 32;

}  // namespace

BodyPump::BodyPump(io::StreamEnd source, Sink sink, http::BodyFraming framing, bool rechunk)
    : source_(source.socket),
      in_(source.in),
      sink_(sink.socket),
      framing_(framing),
      pending_(sink.pending),
      left_(framing.length),
      rechunk_(rechunk) {
  read_all_ = framing.kind == Kind::kNone || (framing.kind == Kind::kLength && framing.length == 0);
}

// Looks at what lies in the buffer and decides what goes out.
void BodyPump::take() {
  if (read_all_ || direct_ > 0 || in_.empty()) {
    return;
  }
  if (framing_.kind == Kind::kChunked) {
    take_chunked();
    return;
  }
  if (framing_.kind == Kind::kUntilClose && rechunk_) {
    bytes_ += in_.size();
    http::append_chunk(pending_, in_.bytes());
    in_.consume(in_.size());
    return;
  }
  direct_ = in_.size();
  if (framing_.kind == Kind::kLength) {
    direct_ = static_cast<size_t>(std::min<uint64_t>(direct_, left_));
    left_ -= direct_;
    read_all_ = left_ == 0;
  }
  bytes_ += direct_;
  if (direct_ <= kCopyBytes && pending_.size() > sent_) {
    pending_.append(in_.bytes().substr(0, direct_));
    in_.consume(direct_);
    direct_ = 0;
  }
}

void BodyPump::take_chunked() {
  while (!in_.empty()) {
    const auto step = chunks_.step(in_.bytes());
    bytes_ += step.payload.size();
    http::append_chunk(pending_, step.payload);
    in_.consume(step.consumed);
    if (step.progress == http::Progress::kRefused) {
      bad_ = true;
      return;
    }
    if (step.progress == http::Progress::kDone) {
      read_all_ = true;
      http::append_last_chunk(pending_);
      return;
    }
    if (step.consumed == 0) {
      return;
    }
  }
}

BodyPump::Step BodyPump::flush() {
  while (pending_.size() > sent_ || direct_ > 0) {
    const std::array<iovec, 2> pieces = {iovec{.iov_base = pending_.data() + sent_, .iov_len = pending_.size() - sent_},
                                         iovec{.iov_base = const_cast<char*>(in_.bytes().data()), .iov_len = direct_}};
    const size_t from = pieces[0].iov_len == 0 ? 1 : 0, to = direct_ == 0 ? 1 : 2;
    const auto transfer =
        to - from == 1
            ? sink_.write(std::span<const char>(static_cast<const char*>(pieces[from].iov_base), pieces[from].iov_len))
            : sink_.write(std::span<const iovec>(pieces));
    if (transfer.outcome == io::Transfer::Outcome::kWouldBlock) {
      return Step::kWantWrite;
    }
    if (transfer.outcome != io::Transfer::Outcome::kBytes) {
      return Step::kSinkFailed;
    }
    const size_t framed = std::min(transfer.bytes, pieces[0].iov_len);
    sent_ += framed;
    in_.consume(transfer.bytes - framed);
    direct_ -= transfer.bytes - framed;
  }
  pending_.clear();
  sent_ = 0;
  return Step::kDone;
}

BodyPump::Step BodyPump::advance() {
  for (int turn = 0; turn < kTurns; ++turn) {
    take();
    if (const Step flushed = flush(); flushed != Step::kDone) {
      return flushed;
    }
    if (bad_) {
      return Step::kBadFraming;
    }
    if (read_all_) {
      return Step::kDone;
    }
    if (!in_.empty() && framing_.kind != Kind::kChunked) {
      continue;
    }
    if (!source_.ready(io::Interest::kRead)) {
      return Step::kWantRead;
    }
    const auto space = in_.fill_space();
    const auto transfer = source_.read(space);
    switch (transfer.outcome) {
      case io::Transfer::Outcome::kBytes:
        in_.filled(transfer.bytes);
        break;
      case io::Transfer::Outcome::kWouldBlock:
        return Step::kWantRead;
      case io::Transfer::Outcome::kEnd:
        if (framing_.kind != Kind::kUntilClose) {
          return Step::kSourceEnded;
        }
        read_all_ = true;
        if (rechunk_) {
          http::append_last_chunk(pending_);
        }
        break;
      case io::Transfer::Outcome::kError:
        return Step::kSourceEnded;
    }
  }
  return Step::kBusy;
}

}  // namespace fairlead::proxy
