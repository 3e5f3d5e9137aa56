// Any bytes as a request head: nothing is read out of bounds, pieces give what the whole gives, and a request that is
// taken reads the same to the next hop.
#include "tests/fuzz/check.h"
#include "userspace-proxy/http/forward.h"

namespace fairlead::http::fuzz {
namespace {

struct Outcome {
  Progress progress = Progress::kNeedMore;
  size_t consumed = 0;
  Refusal refusal;
};

void check_same_request(const RequestHead& a, const RequestHead& b) {
  check(a.method == b.method && a.target == b.target && a.path == b.path && a.query == b.query &&
            a.authority == b.authority,
        "the same request line");
  check(a.has_query == b.has_query && a.path_was_normalised == b.path_was_normalised &&
            a.target_names_authority == b.target_names_authority && a.keep_alive == b.keep_alive &&
            a.expects_continue == b.expects_continue && a.has_upgrade == b.has_upgrade && a.body == b.body,
        "the same meaning");
  check_same(a.fields, b.fields);
}

void check_pieces(std::string_view bytes, const RequestHead& head, const Outcome& whole) {
  auto pieces_head = std::make_unique<RequestHead>();
  std::unique_ptr<Exact> buffer;  // the views of the head point into it
  RequestParser parser;
  Outcome outcome;
  Pieces pieces(bytes);
  for (size_t given = 0; given < bytes.size() && outcome.progress == Progress::kNeedMore;) {
    given = std::min(bytes.size(), given + pieces.next());
    auto grown = std::make_unique<Exact>(bytes.substr(0, given));
    outcome.progress = parser.parse(grown->view(), *pieces_head, outcome.consumed, outcome.refusal);
    buffer = std::move(grown);
  }
  check(outcome.progress == whole.progress, "pieces: the same progress");
  if (whole.progress == Progress::kDone) {
    check(outcome.consumed == whole.consumed, "pieces: the same length");
    check_same_request(*pieces_head, head);
  } else if (whole.progress == Progress::kRefused) {
    check_same(outcome.refusal, whole.refusal);
  }
}

void check_views(std::string_view bytes, const RequestHead& head) {
  const std::string_view inside = bytes;
  check_inside(head.method, inside, "method inside");
  check_inside(head.target, inside, "target inside");
  check_inside(head.query, inside, "query inside");
  check_inside(head.authority, inside, "authority inside");
  for (const Field& field : head.fields) {
    check_inside(field.name, inside, "name inside");
    check_inside(field.value, inside, "value inside");
    check(field.name.data() + field.name.size() < field.value.data() || field.value.empty(), "value behind its name");
  }
  check(head.path.empty() == (head.method == "CONNECT"), "every request but CONNECT has a path");
  check(head.path.empty() || head.path == "*" || head.path.front() == '/', "a path begins with a slash");
}

void check_next_hop(const RequestHead& head) {
  std::string out;
  write_request(out, head, {});
  const Exact wire(out);
  auto next = std::make_unique<RequestHead>();
  RequestParser parser;
  Outcome outcome;
  outcome.progress = parser.parse(wire.view(), *next, outcome.consumed, outcome.refusal);
  // A head of nearly 60 KiB may grow beyond it by the blanks that are written behind colons.
  if (outcome.progress != Progress::kDone && out.size() > kMaxHeadBytes) {
    return;
  }
  check(outcome.progress == Progress::kDone, "what is forwarded is a request");
  check(outcome.consumed == out.size(), "and nothing but a head");
  check(next->method == head.method && next->path == head.path && next->query == head.query &&
            next->has_query == head.has_query && next->authority == head.authority,
        "for the same resource");
  check(!next->path_was_normalised, "whose path is normal");
  check(next->body == head.body, "with the same body");
  check(next->keep_alive && !next->has_upgrade && !next->expects_continue, "on a connection of its own");
  const HopByHop hop_by_hop(head.fields);
  const bool rewrites_host = head.target_names_authority;
  auto sent = std::make_unique<Fields>();
  for (size_t i = 0; i < next->fields.size(); ++i) {
    const FieldId id = next->fields.id(i);
    if (id != FieldId::kTransferEncoding && !(id == FieldId::kHost && rewrites_host)) {
      sent->push(next->fields[i]);
    }
  }
  check_forwarded(head.fields, *sent, [&](size_t i) {
    const FieldId id = head.fields.id(i);
    return !hop_by_hop.contains_at(i) && !(id == FieldId::kHost && rewrites_host) &&
           !(id == FieldId::kExpect && equals_ignoring_case(head.fields[i].value, "100-continue"));
  });
}

}  // namespace
}  // namespace fairlead::http::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fairlead::http;
  using namespace fairlead::http::fuzz;
  const Exact input({reinterpret_cast<const char*>(data), size});
  const std::string_view bytes = input.view();
  static const auto head = std::make_unique<RequestHead>();  // reused, as a connection does
  RequestParser parser;
  Outcome whole;
  whole.progress = parser.parse(bytes, *head, whole.consumed, whole.refusal);
  check_pieces(bytes, *head, whole);
  if (whole.progress == Progress::kDone) {
    check(whole.consumed >= 4 && whole.consumed <= bytes.size(), "consumed inside");
    check(bytes.substr(whole.consumed - 4, 4) == "\r\n\r\n", "consumed up to the empty line");
    check_views(bytes, *head);
    (void)head->query_param("a");
    check_next_hop(*head);
  } else if (whole.progress == Progress::kRefused) {
    check(whole.refusal.status >= 400 && !whole.refusal.detail.empty(), "a refusal says why");
  }
  return 0;
}
