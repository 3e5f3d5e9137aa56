#include "userspace-proxy/proxy/byte_pump.h"

#include "userspace-proxy/io/wait.h"

namespace fairlead::proxy {
namespace {

using Outcome = io::Transfer::Outcome;

constexpr int kTurns = 32;  // of 16 KiB: then the other direction and other connections have theirs

// One direction.
struct Half {
  io::Socket& source;
  io::Buffer& in;
  io::Socket& sink;
  uint64_t& moved;
  bool source_ended = false;
  bool finished = false;  // the end was passed on
  bool source_failed = false;
  bool sink_failed = false;
  bool busy = false;

  // True if something moved.
  bool advance() {
    bool any = false;
    busy = false;
    for (int turn = 0; turn < kTurns && !finished; ++turn) {
      while (!in.empty()) {
        const auto sent = sink.write(std::span<const char>(in.bytes()));
        if (sent.outcome == Outcome::kWouldBlock) {
          return any;
        }
        if (sent.outcome != Outcome::kBytes) {
          sink_failed = finished = true;
          return true;
        }
        moved += sent.bytes;
        in.consume(sent.bytes);
        any = true;
      }
      if (source_ended) {
        sink.shut_down_writing();
        finished = true;
        return true;
      }
      if (!source.ready(io::Interest::kRead)) {
        in.release();
        return any;
      }
      const auto got = source.read(in.fill_space());
      if (got.outcome == Outcome::kBytes) {
        in.filled(got.bytes);
        any = true;
      } else if (got.outcome == Outcome::kEnd) {
        source_ended = true;
      } else if (got.outcome == Outcome::kError) {
        source_failed = finished = true;
        return true;
      }
    }
    busy = !finished;
    return any;
  }

  // What it waits for, at its source and at its sink.
  [[nodiscard]] bool wants_source() const { return !finished && !source_ended && in.empty(); }
  [[nodiscard]] bool wants_sink() const { return !finished && !in.empty(); }
};

io::Interest interest(const io::Socket& socket, bool read, bool write) {
  // A side that nobody waits for is still watched for a reset; one that has ended both ways has nothing more to tell.
  return io::interest_in(read, write, socket.failed() ? io::Interest::kNone : io::Interest::kFailure);
}

bool was_reset(const io::Socket& socket) { return socket.failed() && socket.take_error() != 0; }

}  // namespace

io::Task<Reason> pump_bytes(io::StreamEnd client_end, io::StreamEnd upstream_end, uint64_t idle_ns,
                            ByteCounts& counts) {
  io::Socket &client = client_end.socket, &upstream = upstream_end.socket;
  io::Loop& loop = client.loop();
  Half up{client, client_end.in, upstream, counts.from_client};
  Half down{upstream, upstream_end.in, client, counts.to_client};
  uint64_t last_moved_ns = loop.now_ns();
  while (true) {
    const bool moved_up = up.advance(), moved_down = down.advance();
    if (moved_up || moved_down) {
      last_moved_ns = loop.now_ns();
    }
    if (up.source_failed || down.sink_failed || was_reset(client)) {
      upstream.reset_on_close();
      co_return Reason::DOWNSTREAM_DISCONNECT;
    }
    if (down.source_failed || up.sink_failed || was_reset(upstream)) {
      client.reset_on_close();
      co_return Reason::UPSTREAM_CUT;
    }
    if (up.finished && down.finished) {
      co_return Reason::TCP_DONE;
    }
    if (up.busy || down.busy) {
      io::Yield yield(loop);
      co_await yield;
      continue;
    }
    io::Wait wait(loop);
    wait.on(client, interest(client, up.wants_source(), down.wants_sink()))
        .on(upstream, interest(upstream, down.wants_source(), up.wants_sink()))
        .until(last_moved_ns + idle_ns);
    const io::Wake wake = co_await wait;
    if (wake == io::Wake::kTimeout) {
      co_return Reason::IDLE_TIMEOUT;
    }
    if (wake == io::Wake::kCancelled) {
      co_return Reason::DRAINED;
    }
  }
}

}  // namespace fairlead::proxy
