#include "userspace-proxy/proxy/http_session.h"

#include "userspace-proxy/base/log.h"
#include "userspace-proxy/io/wait.h"
#include "userspace-proxy/proxy/exchange.h"
#include "userspace-proxy/proxy/limits.h"
#include "userspace-proxy/proxy/passage.h"
#include "userspace-proxy/proxy/tcp_session.h"
#include "userspace-proxy/proxy/worker.h"

#include <algorithm>
#include <utility>

namespace fairlead::proxy {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// The refusal's one line more than the limit, so that the parser sees that it is too much.
constexpr size_t kInLimit = http::kMaxHeadBytes + 4096;

}  // namespace

HttpSession::HttpSession(Worker& worker, Fd fd, const Arrival& arrival)
    : Session(worker.sessions()),
      worker_(worker),
      arrival_(arrival),
      client_(worker.loop(), std::move(fd)),
      in_(worker.buffers()) {}

void HttpSession::drain() {
  // The first request of a new connection is on its way.
  const bool may_be_ended = served_any_ || std::exchange(was_asked_to_drain_, true);
  if (between_requests_ && may_be_ended) {
    client_.cancel();
  }
}

void HttpSession::pod_gone(uint64_t netns) {
  if (upstream_.socket != nullptr && upstream_.netns == netns) {
    upstream_.socket->cancel();
  } else if (arrival_.netns == netns) {
    client_.cancel();
  }
}

void HttpSession::configured(const SnapshotPin& snapshot) {
  if (upstream_.passage != nullptr) {
    upstream_.passage->judge_again(snapshot);
  }
}

io::Task<void> HttpSession::run() {
  if (const auto started = client_.start(); !started) {
    log::warn("http session: {}", started.error().message());
    co_return;
  }
  After after = After::kNext;
  while (after == After::kNext) {
    between_requests_ = true;
    // Nothing is held while the client is silent.
    if (in_.empty()) {
      in_.release();
      io::Wait wait(worker_.loop());
      wait.on(client_, io::Interest::kRead).until(worker_.loop().now_ns() + kKeepAliveNs);
      const io::Wake wake = co_await wait;
      if (wake != io::Wake::kReady) {
        co_return;
      }
    }
    const auto scratch = worker_.scratch().take();
    const Read read = co_await read_head(*scratch);
    if (read == Read::kNothing) {
      continue;
    }
    between_requests_ = false;
    served_any_ = true;
    switch (read) {
      case Read::kNothing:
      case Read::kOver:
        co_return;
      case Read::kPreface:
        co_await pass_bytes(worker_, arrival_, {client_, in_}, upstream_);
        co_return;
      case Read::kRefused:
        after = co_await refuse_head(*scratch);
        break;
      case Read::kHead: {
        Exchange exchange(*this, *scratch);
        after = co_await exchange.run();
        break;
      }
    }
    if (after == After::kNext && worker_.draining() && in_.empty()) {
      after = After::kClose;
    }
  }
  if (after == After::kCloseGently) {
    co_await close_gently();
  }
}

io::Task<HttpSession::Read> HttpSession::read_head(Scratch& scratch) {
  io::Loop& loop = worker_.loop();
  head_began_ns_ = loop.now_ns();
  parser_.reset();
  bool any = !in_.empty();
  while (true) {
    if (!in_.empty()) {
      const std::string_view bytes = in_.bytes();
      const size_t compare = std::min(bytes.size(), kPreface.size());
      const bool preface = bytes.substr(0, compare) == kPreface.substr(0, compare);
      if (preface && compare == kPreface.size()) {
        co_return Read::kPreface;
      }
      // "P" alone may become either.
      if (!preface || compare < 4) {
        const auto progress = parser_.parse(bytes, scratch.head, head_bytes_, refusal_);
        if (progress != http::Progress::kNeedMore) {
          co_return progress == http::Progress::kDone ? Read::kHead : Read::kRefused;
        }
      }
    }
    if (!client_.ready(io::Interest::kRead)) {
      if (!any) {
        co_return Read::kNothing;
      }
      io::Wait wait(loop);
      wait.on(client_, io::Interest::kRead).until(head_began_ns_ + kHeadNs);
      const io::Wake wake = co_await wait;
      if (wake == io::Wake::kTimeout) {
        refusal_ = {.status = 408, .reason = Reason::HEAD_TIMEOUT, .detail = "the head did not come in time"};
        co_return Read::kRefused;
      }
      if (wake != io::Wake::kReady) {
        co_return Read::kOver;
      }
    }
    const auto got = client_.read(in_.fill_space(kInLimit));
    if (got.outcome == io::Transfer::Outcome::kBytes) {
      in_.filled(got.bytes);
      if (!any) {
        any = true;
        head_began_ns_ = loop.now_ns();
      }
    } else if (got.outcome != io::Transfer::Outcome::kWouldBlock) {
      co_return Read::kOver;
    }
  }
}

io::Task<HttpSession::After> HttpSession::refuse_head(Scratch& scratch) {
  const SnapshotPin snapshot = worker_.snapshot();
  io::Loop& loop = worker_.loop();
  Subject subject;
  subject.arrival = &arrival_;
  subject.ends = ends_of(*snapshot, arrival_);
  http::append_local_reply(
      scratch.to_client,
      {.status = refusal_.status, .unix_seconds = loop.unix_ns() / 1'000'000'000, .keep_alive = false});
  const uint64_t size = scratch.to_client.size();
  co_await send_to_client(scratch);
  const uint64_t duration = loop.now_ns() - head_began_ns_;
  worker_.reporter().http(subject, {.reason = refusal_.reason,
                                    .status = refusal_.status,
                                    .start_unix_ns = loop.unix_ns() - static_cast<int64_t>(duration),
                                    .duration_ns = duration,
                                    .request_size = in_.size(),
                                    .response_size = size});
  co_return After::kCloseGently;
}

io::Task<bool> HttpSession::send_to_client(Scratch& scratch) {
  const std::string_view all = scratch.to_client;
  size_t sent = 0;
  while (sent < all.size()) {
    const auto transfer = client_.write(std::span<const char>(all.substr(sent)));
    if (transfer.outcome == io::Transfer::Outcome::kBytes) {
      sent += transfer.bytes;
      continue;
    }
    if (transfer.outcome != io::Transfer::Outcome::kWouldBlock) {
      co_return false;
    }
    io::Wait wait(worker_.loop());
    wait.on(client_, io::Interest::kWrite).until(worker_.loop().now_ns() + kStreamIdleNs);
    const io::Wake wake = co_await wait;
    if (wake != io::Wake::kReady) {
      co_return false;
    }
  }
  scratch.to_client.clear();
  co_return true;
}

io::Task<void> HttpSession::close_gently() {
  in_.release();
  client_.shut_down_writing();
  const uint64_t deadline_ns = worker_.loop().now_ns() + kLingerNs;
  while (true) {
    const auto got = client_.read(in_.fill_space());
    if (got.outcome == io::Transfer::Outcome::kEnd || got.outcome == io::Transfer::Outcome::kError) {
      co_return;
    }
    if (got.outcome == io::Transfer::Outcome::kBytes && worker_.loop().now_ns() < deadline_ns) {
      io::Yield yield(worker_.loop());
      co_await yield;
      continue;
    }
    io::Wait wait(worker_.loop());
    wait.on(client_, io::Interest::kRead).until(deadline_ns);
    const io::Wake wake = co_await wait;
    if (wake != io::Wake::kReady || worker_.loop().now_ns() >= deadline_ns) {
      co_return;
    }
  }
}

}  // namespace fairlead::proxy
