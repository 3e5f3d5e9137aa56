// The upstream half of an exchange: connect, send, await the answer, relay it.
#include "userspace-proxy/io/wait.h"
#include "userspace-proxy/proxy/byte_pump.h"
#include "userspace-proxy/proxy/exchange.h"
#include "userspace-proxy/proxy/limits.h"
#include "userspace-proxy/proxy/worker.h"

namespace fairlead::proxy {
namespace {

using Kind = http::BodyFraming::Kind;
using Step = BodyPump::Step;

}  // namespace

upstream::Key Exchange::upstream_key() const {
  const plan::Plan& plan = subject_.plan;
  const policy::Identity* const identity = subject_.ends.caller.identity;
  const config::Mode served_by = plan.destination == nullptr ? config::Mode::kOff : plan.destination->mode;
  return {.netns = plan.netns,
          .endpoint = plan.endpoint,
          .client = subject_.ends.caller.address.ip,
          .identity = identity == nullptr ? 0 : identity->id,
          .served_by = static_cast<uint8_t>(served_by),
          .accelerated = plan.destination != nullptr && plan.destination->accelerated};
}

io::Task<HttpSession::After> Exchange::forward() {
  const plan::Plan& plan = subject_.plan;
  if (head_.expects_continue) {
    scratch_.to_client = "HTTP/1.1 100 Continue\r\n\r\n";
    const bool sent = co_await session_.send_to_client(scratch_);
    if (!sent) {
      fail(Reason::DOWNSTREAM_DISCONNECT);
      co_return After::kClose;
    }
  }
  if (head_.body.kind != Kind::kNone) {
    keep_texts();
  }
  const upstream::Key key = upstream_key();
  const uint64_t connect_ns =
      plan.cluster == nullptr ? kConnectNs : static_cast<uint64_t>(plan.cluster->connect_timeout.count()) * 1'000'000;
  worker_.endpoint_taken(plan.endpoint);
  After after = After::kClose;
  while (true) {
    upstream_ = websocket_ ? nullptr : worker_.pool().take(key);
    if (upstream_ == nullptr) {
      upstream_ = co_await worker_.connector().connect(key, subject_.ends.caller.address, deadline_or(connect_ns));
    }
    if (upstream_ == nullptr) {
      const bool late = late_or_idle() == Reason::RESPONSE_TIMEOUT;
      after = co_await refuse(late ? Reason::RESPONSE_TIMEOUT : Reason::UPSTREAM_CONNECT_FAILED);
      break;
    }
    session_.upstream_ = {.socket = &upstream_->socket, .netns = plan.netns};
    upstream_->parser.reset();
    if (websocket_) {
      upstream_->parser.expect_upgrade();
    }
    BodyPump request_body({session_.client_, session_.in_}, {upstream_->socket, scratch_.to_upstream}, head_.body,
                          /*rechunk=*/false);
    const Attempt attempted = co_await attempt(request_body);
    outcome_.received_bytes = request_body.bytes();
    if (attempted == Attempt::kRetry) {
      // RFC 9112 section 9.3.1: a kept connection that was closed before it carried this request; sent once more.
      session_.upstream_ = {};
      upstream_.reset();
      scratch_.to_upstream.clear();
      write_request_head();
      continue;
    }
    if (attempted == Attempt::kAnswered) {
      after = co_await relay_answer(request_body);
      if (upgrade_ == nullptr) {
        outcome_.received_bytes = request_body.bytes();
      }
    } else if (attempted == Attempt::kFailed) {
      after = co_await refuse(outcome_.reason);
    }
    break;
  }
  session_.upstream_ = {};
  upstream_.reset();
  worker_.endpoint_released(plan.endpoint);
  co_return after;
}

io::Task<Exchange::Attempt> Exchange::attempt(BodyPump& request_body) {
  const bool reused = upstream_->reused;
  const Attempt attempted = co_await await_answer(request_body);
  if (attempted != Attempt::kFailed || outcome_.reason != Reason::UPSTREAM_RESET) {
    co_return attempted;
  }
  const bool nothing_came = upstream_->in.empty();
  const bool idempotent = head_.method != "POST" && head_.method != "PATCH" && head_.method != "CONNECT";
  if (reused && nothing_came && idempotent && head_.body.kind == Kind::kNone) {
    co_return Attempt::kRetry;
  }
  co_return attempted;
}

Exchange::Turn Exchange::send_request(BodyPump& request_body, Waits& waits) {
  if (request_body.done() || request_given_up_) {
    return Turn::kWait;
  }
  switch (request_body.advance()) {
    case Step::kDone:
      return Turn::kWait;
    case Step::kWantRead:
      waits.client = io::Interest::kRead;
      return Turn::kWait;
    case Step::kWantWrite:
      waits.upstream = io::Interest::kBoth;
      return Turn::kWait;
    case Step::kBusy:
      return Turn::kYield;
    case Step::kSourceEnded:
      fail(Reason::DOWNSTREAM_DISCONNECT);
      upstream_->socket.reset_on_close();
      return Turn::kOver;
    case Step::kBadFraming:
      fail(Reason::BAD_REQUEST);
      upstream_->socket.reset_on_close();
      return Turn::kFailed;
    case Step::kSinkFailed:
      break;
  }
  request_given_up_ = true;
  return Turn::kWait;
}

// Of what has been read.
Exchange::Turn Exchange::parse_answer_head() {
  while (!upstream_->in.empty()) {
    size_t consumed = 0;
    http::Refusal refusal;
    const auto progress =
        upstream_->parser.parse(upstream_->in.bytes(), head_.method, scratch_.response, consumed, refusal);
    if (progress == http::Progress::kRefused) {
      fail(Reason::UPSTREAM_PROTOCOL_ERROR);
      return Turn::kFailed;
    }
    if (progress == http::Progress::kNeedMore) {
      return Turn::kAgain;
    }
    answer_began_ns_ = loop_.now_ns();
    const bool interim = scratch_.response.status < 200 && scratch_.response.status != 101;
    const bool rechunk = scratch_.response.body.kind == Kind::kUntilClose && scratch_.response.status != 101;
    // 100 was answered here already, if the client asked for it.
    const bool passes = !interim || scratch_.response.status != 100;
    if (passes) {
      write_response_head(rechunk);
    }
    upstream_->in.consume(consumed);
    if (passes) {
      return interim ? Turn::kInterim : Turn::kAnswered;
    }
  }
  return Turn::kAgain;
}

Exchange::Turn Exchange::read_answer_head() {
  io::Socket& upstream = upstream_->socket;
  if (!upstream.ready(io::Interest::kRead)) {
    return Turn::kWait;
  }
  const auto got = upstream.read(upstream_->in.fill_space(http::kMaxHeadBytes + 4096));
  if (got.outcome == io::Transfer::Outcome::kWouldBlock) {
    return Turn::kWait;
  }
  if (got.outcome != io::Transfer::Outcome::kBytes) {
    fail(Reason::UPSTREAM_RESET);
    return Turn::kFailed;
  }
  upstream_->in.filled(got.bytes);
  return parse_answer_head();
}

Reason Exchange::late_or_idle() const {
  return deadline_ns_ != 0 && loop_.now_ns() >= deadline_ns_ ? Reason::RESPONSE_TIMEOUT : Reason::IDLE_TIMEOUT;
}

io::Task<Exchange::Attempt> Exchange::await_answer(BodyPump& request_body) {
  io::Socket& upstream = upstream_->socket;
  request_given_up_ = false;
  while (true) {
    Waits waits;
    Turn turn = send_request(request_body, waits);
    if (turn == Turn::kWait) {
      turn = read_answer_head();
    }
    while (turn == Turn::kInterim) {
      const bool sent = co_await session_.send_to_client(scratch_);
      if (!sent) {
        fail(Reason::DOWNSTREAM_DISCONNECT);
        co_return Attempt::kOver;
      }
      turn = parse_answer_head();
    }
    if (turn == Turn::kAnswered || turn == Turn::kFailed || turn == Turn::kOver) {
      co_return turn == Turn::kAnswered ? Attempt::kAnswered
                                        : (turn == Turn::kOver ? Attempt::kOver : Attempt::kFailed);
    }
    if (turn == Turn::kYield) {
      io::Yield yield(loop_);
      co_await yield;
    }
    if (turn != Turn::kWait) {
      continue;
    }
    if (request_given_up_ && upstream.failed()) {
      fail(Reason::UPSTREAM_RESET);
      co_return Attempt::kFailed;
    }
    if (waits.client == io::Interest::kFailure && session_.client_.failed()) {
      fail(Reason::DOWNSTREAM_DISCONNECT);
      upstream.reset_on_close();
      co_return Attempt::kOver;
    }
    io::Wait wait(loop_);
    wait.on(session_.client_, waits.client).on(upstream, waits.upstream).until(deadline_or(kStreamIdleNs));
    const io::Wake wake = co_await wait;
    if (wake == io::Wake::kTimeout) {
      fail(late_or_idle());
      upstream.reset_on_close();
      co_return Attempt::kFailed;
    }
    if (wake == io::Wake::kCancelled) {
      fail(Reason::UPSTREAM_RESET);
      upstream_->reused = false;
      co_return Attempt::kFailed;
    }
  }
}

io::Task<HttpSession::After> Exchange::relay_answer(BodyPump& request_body) {
  outcome_.status = scratch_.response.status;
  outcome_.response_size = scratch_.to_client.size();
  outcome_.reason = Reason::VIA_UPSTREAM;
  if (scratch_.response.status == 101) {
    const After after = co_await upgraded();
    co_return after;
  }
  const http::BodyFraming framing = scratch_.response.body;
  io::Socket &client = session_.client_, &upstream = upstream_->socket;
  BodyPump answer_body({upstream, upstream_->in}, {client, scratch_.to_client}, framing,
                       /*rechunk=*/framing.kind == Kind::kUntilClose);
  bool request_over = request_body.done();
  while (true) {
    const Step step = answer_body.advance();
    outcome_.sent_bytes = answer_body.bytes();
    if (step == Step::kDone) {
      break;
    }
    if (step == Step::kSinkFailed) {
      fail(Reason::DOWNSTREAM_DISCONNECT);
      co_return After::kClose;
    }
    if (step == Step::kSourceEnded || step == Step::kBadFraming) {
      // The client must see that the answer is cut.
      fail(Reason::UPSTREAM_CUT);
      client.reset_on_close();
      co_return After::kClose;
    }
    Step request_step = Step::kDone;
    if (!request_over) {
      request_step = request_body.advance();
      if (request_step == Step::kSourceEnded || request_step == Step::kBadFraming) {
        // The upstream would wait for the rest of the request, and the client for the rest of its answer.
        co_return cut(request_step == Step::kSourceEnded ? Reason::DOWNSTREAM_DISCONNECT : Reason::BAD_REQUEST);
      }
      request_over = request_step != Step::kWantRead && request_step != Step::kWantWrite && request_step != Step::kBusy;
    }
    if (step == Step::kBusy || request_step == Step::kBusy) {
      io::Yield yield(loop_);
      co_await yield;
      continue;
    }
    const bool client_read = request_step == Step::kWantRead, client_write = step == Step::kWantWrite;
    const bool upstream_read = step == Step::kWantRead, upstream_write = request_step == Step::kWantWrite;
    io::Wait wait(loop_);
    wait.on(client, io::interest_in(client_read, client_write, io::Interest::kFailure))
        .on(upstream, io::interest_in(upstream_read, upstream_write, io::Interest::kNone))
        .until(deadline_or(kStreamIdleNs));
    const io::Wake wake = co_await wait;
    if (wake != io::Wake::kReady || (!client_read && !client_write && client.failed())) {
      co_return cut(wake == io::Wake::kReady       ? Reason::DOWNSTREAM_DISCONNECT
                    : wake == io::Wake::kCancelled ? Reason::UPSTREAM_CUT
                                                   : late_or_idle());
    }
  }
  outcome_.response_size += answer_body.bytes();
  co_return after_answer(request_body.done());
}

HttpSession::After Exchange::cut(Reason reason) {
  fail(reason);
  session_.client_.reset_on_close();
  upstream_->socket.reset_on_close();
  return After::kClose;
}

HttpSession::After Exchange::after_answer(bool request_whole) {
  const http::ResponseHead& answer = scratch_.response;
  if (answer.keep_alive && answer.body.kind != Kind::kUntilClose && request_whole && upstream_->in.empty()) {
    session_.upstream_ = {};
    worker_.pool().put(std::move(upstream_));
  }
  return request_whole && head_.keep_alive && !worker_.draining() ? After::kNext : After::kCloseGently;
}

io::Task<HttpSession::After> Exchange::upgraded() {
  const bool sent = co_await session_.send_to_client(scratch_);
  if (!sent) {
    fail(Reason::DOWNSTREAM_DISCONNECT);
    co_return After::kClose;
  }
  keep_texts();
  upgrade_ = std::make_unique<Upgrade>(std::move(upgrade_head_), session_.arrival_, subject_.plan, session_.client_);
  Passage& passage = upgrade_->passage();
  session_.upstream_.passage = &passage;
  ByteCounts counts;
  Reason ended = Reason::NONE;
  if (passage.may_begin(snapshot_, worker_.snapshot())) {
    ended =
        co_await pump_bytes({session_.client_, session_.in_}, {upstream_->socket, upstream_->in}, kTcpIdleNs, counts);
  }
  session_.upstream_.passage = nullptr;
  outcome_.received_bytes = counts.from_client;
  outcome_.sent_bytes = counts.to_client;
  if (const Judgement& objection = passage.objection(); objection.reason != Reason::NONE) {
    subject_.policy = objection.policy;
    co_return cut(objection.reason);
  }
  if (ended != Reason::TCP_DONE) {
    fail(ended);
  }
  co_return After::kClose;
}

}  // namespace fairlead::proxy
