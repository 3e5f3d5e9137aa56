#include "userspace-proxy/proxy/exchange.h"

#include "userspace-proxy/http/forward.h"
#include "userspace-proxy/proxy/limits.h"
#include "userspace-proxy/proxy/worker.h"

#include <algorithm>

namespace fairlead::proxy {
namespace {

using Kind = http::BodyFraming::Kind;

// Texts of Envoy's local answers (config docs, locally generated responses).
struct Refused {
  uint16_t status;
  std::string_view body;
};

Refused answer_of(Reason reason) {
  switch (reason) {
    case Reason::RBAC_DENIED:
      return {403, "RBAC: access denied"};
    case Reason::ROUTE_NOT_FOUND:
      return {404, ""};
    case Reason::NO_HEALTHY_UPSTREAM:
      return {503, "no healthy upstream"};
    case Reason::UPSTREAM_CONNECT_FAILED:
    case Reason::NETWORK_DENIED:
      return {503,
              "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure"};
    case Reason::UPSTREAM_RESET:
      return {503, "upstream connect error or disconnect/reset before headers. reset reason: connection termination"};
    case Reason::UPSTREAM_PROTOCOL_ERROR:
      return {502, "upstream connect error or disconnect/reset before headers. reset reason: protocol error"};
    case Reason::RESPONSE_TIMEOUT:
      return {504, "upstream request timeout"};
    case Reason::IDLE_TIMEOUT:
      return {408, "stream timeout"};
    case Reason::BAD_REQUEST:
      return {400, ""};
    case Reason::UPGRADE_REFUSED:
      return {403, ""};
    default:
      return {503, ""};
  }
}

// The header operations of a route as the codec takes them; storage in the scratch.
void add_edits(Scratch& scratch, const route::HeaderOperations& operations) {
  if (operations.empty()) {
    return;
  }
  auto& edits = scratch.edits;
  const size_t first = edits.fields.size(), first_name = edits.names.size();
  for (const auto& header : operations.set) {
    edits.fields.push_back({header.name, header.value});
  }
  for (const auto& header : operations.add) {
    edits.fields.push_back({header.name, header.value});
  }
  for (const auto& name : operations.remove) {
    edits.names.push_back(name);
  }
  edits.levels.push_back({first, operations.set.size(), operations.add.size(), first_name, operations.remove.size()});
}

std::span<const http::FieldEdits> edits_of(Scratch& scratch, const route::HeaderOperations* destination,
                                           const route::HeaderOperations* route) {
  scratch.edits.clear();
  // The destination's come first: for `set` of one name the route's value stays (config docs, header manipulation).
  if (destination != nullptr) {
    add_edits(scratch, *destination);
  }
  if (route != nullptr) {
    add_edits(scratch, *route);
  }
  return scratch.edits.finish();
}

}  // namespace

Exchange::Exchange(HttpSession& session, Scratch& scratch)
    : session_(session),
      worker_(session.worker_),
      scratch_(scratch),
      loop_(session.worker_.loop()),
      snapshot_(session.worker_.snapshot()),
      head_(scratch.head) {
  subject_.arrival = &session.arrival_;
  subject_.method = head_.method;
  subject_.authority = head_.authority;
  subject_.target = head_.target;
  outcome_.request_size = session.head_bytes_;
  outcome_.start_unix_ns = loop_.unix_ns() - static_cast<int64_t>(loop_.now_ns() - session.head_began_ns_);
}

uint64_t Exchange::deadline_or(uint64_t fallback_ns) const {
  const uint64_t idle = loop_.now_ns() + fallback_ns;
  return deadline_ns_ == 0 ? idle : std::min(idle, deadline_ns_);
}

Reason Exchange::decide() {
  subject_.ends = ends_of(*snapshot_, session_.arrival_);
  if (!subject_.ends.known) {
    return Reason::CONFIG_MISSING;
  }
  const Arrival& arrival = session_.arrival_;
  subject_.plan = arrival.role == broker::Role::kOutbound
                      ? plan::outbound_http({.snapshot = *snapshot_,
                                             .shape = arrival.shape,
                                             .source = *subject_.ends.source,
                                             .dialled = arrival.origin.original,
                                             .kept = arrival.origin.kept,
                                             .random = worker_.random(),
                                             .state = worker_.balance()},
                                            head_)
                      : plan::inbound(*subject_.ends.destination, arrival.origin.original);
  if (subject_.plan.kind == plan::Plan::Kind::kRefuse) {
    return subject_.plan.reason;
  }
  if (head_.has_upgrade) {
    const auto upgrade = head_.fields.get("upgrade").value_or("");
    websocket_ = http::list_contains(upgrade, "websocket");
    // An h2c upgrade is an offer that may be left alone (RFC 9110 section 7.8); any other is not offered here.
    if (!websocket_ && !http::list_contains(upgrade, "h2c")) {
      return Reason::UPGRADE_REFUSED;
    }
  }
  if (const route::Route* const route = subject_.plan.route; route != nullptr && route->timeout.count() > 0) {
    deadline_ns_ = session_.head_began_ns_ + static_cast<uint64_t>(route->timeout.count()) * 1'000'000;
  }
  return Reason::NONE;
}

// The destination judges what it would see: the request after the route's rewrites.
Reason Exchange::judge() {
  if (!subject_.plan.judge || subject_.plan.destination->policies.empty()) {
    return Reason::NONE;
  }
  const http::RequestHead* seen = &head_;
  if (!scratch_.edits.levels.empty() || (subject_.plan.route != nullptr && scratch_.rewritten)) {
    http::RequestParser parser;
    http::Refusal refusal;
    size_t consumed = 0;
    if (parser.parse(scratch_.to_upstream, scratch_.edited_head, consumed, refusal) != http::Progress::kDone) {
      return Reason::BAD_REQUEST;
    }
    seen = &scratch_.edited_head;
  }
  const auto decision = plan::judge(*subject_.plan.destination, subject_.plan.endpoint, subject_.ends.caller, seen);
  subject_.policy = decision.policy;
  return decision.allowed ? Reason::NONE : Reason::RBAC_DENIED;
}

void Exchange::write_request_head() {
  const plan::Plan& plan = subject_.plan;
  http::RequestEdits edits;
  edits.keep_upgrade = websocket_;
  scratch_.rewritten = false;
  scratch_.edits.clear();
  std::optional<std::string> target;
  if (plan.route != nullptr) {
    edits.fields = edits_of(scratch_, plan.choice == nullptr ? nullptr : &plan.choice->request_headers,
                            &plan.route->request_headers);
    target = plan.route->rewritten_target(head_, plan.match);
    if (target) {
      edits.target = *target;
    }
    edits.authority = plan.route->rewrite_authority;
    scratch_.rewritten = target.has_value() || !edits.authority.empty();
  }
  http::write_request(scratch_.to_upstream, head_, edits);
  if (websocket_) {
    upgrade_head_ = scratch_.to_upstream;
  }
}

void Exchange::write_response_head(bool rechunk) {
  const plan::Plan& plan = subject_.plan;
  http::ResponseEdits edits;
  edits.keep_upgrade = scratch_.response.status == 101;
  edits.connection_close = !head_.keep_alive || worker_.draining();
  if (rechunk) {
    edits.body = http::BodyFraming{.kind = Kind::kChunked, .length = 0};
  }
  if (plan.route != nullptr) {
    edits.fields = edits_of(scratch_, plan.choice == nullptr ? nullptr : &plan.choice->response_headers,
                            &plan.route->response_headers);
  }
  http::write_response(scratch_.to_client, scratch_.response, edits);
}

io::Task<HttpSession::After> Exchange::run() {
  After after = After::kClose;
  if (const Reason reason = decide(); reason != Reason::NONE) {
    after = co_await refuse(reason);
  } else if (subject_.plan.kind == plan::Plan::Kind::kDirectResponse) {
    const auto& direct = std::get<route::DirectResponse>(subject_.plan.route->action);
    fail(Reason::DIRECT_RESPONSE);
    const auto fields = edits_of(scratch_, nullptr, &subject_.plan.route->response_headers);
    std::span<const http::Field> added;
    if (!fields.empty()) {
      added = fields[0].set;
    }
    after = co_await reply(direct.status, direct.body, added);
  } else if (subject_.plan.kind == plan::Plan::Kind::kRedirect) {
    const auto& redirect = std::get<route::Redirect>(subject_.plan.route->action);
    fail(Reason::DIRECT_RESPONSE);
    const std::string location = redirect.location(head_, session_.arrival_.origin.original.port);
    const http::Field field{"location", location};
    after = co_await reply(redirect.status, "", std::span(&field, 1));
  } else {
    write_request_head();
    if (const Reason denied = judge(); denied != Reason::NONE) {
      after = co_await refuse(denied);
    } else {
      after = co_await forward();
    }
  }
  report();
  if (head_in_buffer_) {
    session_.in_.consume(session_.head_bytes_);
  }
  co_return after;
}

void Exchange::report() {
  outcome_.duration_ns = loop_.now_ns() - session_.head_began_ns_;
  outcome_.request_size += outcome_.received_bytes;
  worker_.reporter().http(subject_, outcome_);
}

// A body that lies in the buffer whole is used up; for any other the connection cannot be kept.
bool Exchange::skip_body() {
  if (head_.body.kind == Kind::kNone) {
    return true;
  }
  const size_t behind = session_.in_.size() - (head_in_buffer_ ? session_.head_bytes_ : 0);
  if (!head_in_buffer_ || head_.body.kind != Kind::kLength || head_.body.length > behind || head_.expects_continue) {
    return false;
  }
  keep_texts();
  session_.in_.consume(static_cast<size_t>(head_.body.length));
  return true;
}

io::Task<HttpSession::After> Exchange::refuse(Reason reason) {
  fail(reason);
  const Refused refused = answer_of(reason);
  const After after = co_await reply(refused.status, refused.body, std::span<const http::Field>());
  co_return after;
}

io::Task<HttpSession::After> Exchange::reply(uint16_t status, std::string_view body,
                                             std::span<const http::Field> fields) {
  const bool head_only = head_.method == "HEAD";
  const bool keep = head_.keep_alive && !worker_.draining() && skip_body();
  http::append_local_reply(scratch_.to_client, {.status = status,
                                                .body = body,
                                                .fields = fields,
                                                .unix_seconds = loop_.unix_ns() / 1'000'000'000,
                                                .head_only = head_only,
                                                .keep_alive = keep});
  outcome_.status = status;
  outcome_.response_size = scratch_.to_client.size();
  outcome_.sent_bytes = head_only ? 0 : body.size();
  const bool sent = co_await session_.send_to_client(scratch_);
  if (!sent) {
    co_return After::kClose;
  }
  co_return keep ? After::kNext : After::kCloseGently;
}

// The head's bytes are about to leave the buffer: what the record and a second attempt need is copied.
void Exchange::keep_texts() {
  if (!head_in_buffer_) {
    return;
  }
  auto& texts = scratch_.texts;
  texts.clear();
  texts.append(head_.method).append(head_.authority).append(head_.target);
  const std::string_view all = texts;
  const size_t method = head_.method.size(), authority = head_.authority.size();
  scratch_.head.method = subject_.method = all.substr(0, method);
  scratch_.head.authority = subject_.authority = all.substr(method, authority);
  scratch_.head.target = subject_.target = all.substr(method + authority);
  session_.in_.consume(session_.head_bytes_);
  head_in_buffer_ = false;
}

}  // namespace fairlead::proxy
