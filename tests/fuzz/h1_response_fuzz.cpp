// Any bytes as a response head, as the answer to any of a few requests: the same conditions as for requests.
#include "tests/fuzz/check.h"
#include "userspace-proxy/http/forward.h"

namespace fairlead::http::fuzz {
namespace {

struct Asked {
  std::string_view method;
  bool upgrade;
};

struct Outcome {
  Progress progress = Progress::kNeedMore;
  size_t consumed = 0;
  Refusal refusal;
};

ResponseParser parser_for(const Asked& asked) {
  ResponseParser parser;
  if (asked.upgrade) {
    parser.expect_upgrade();
  }
  return parser;
}

void check_pieces(std::string_view bytes, const Asked& asked, const ResponseHead& head, const Outcome& whole) {
  auto pieces_head = std::make_unique<ResponseHead>();
  std::unique_ptr<Exact> buffer;
  ResponseParser parser = parser_for(asked);
  Outcome outcome;
  Pieces pieces(bytes);
  for (size_t given = 0; given < bytes.size() && outcome.progress == Progress::kNeedMore;) {
    given = std::min(bytes.size(), given + pieces.next());
    auto grown = std::make_unique<Exact>(bytes.substr(0, given));
    outcome.progress = parser.parse(grown->view(), asked.method, *pieces_head, outcome.consumed, outcome.refusal);
    buffer = std::move(grown);
  }
  check(outcome.progress == whole.progress, "pieces: the same progress");
  if (whole.progress == Progress::kRefused) {
    check_same(outcome.refusal, whole.refusal);
  } else if (whole.progress == Progress::kDone) {
    check(outcome.consumed == whole.consumed && pieces_head->status == head.status &&
              pieces_head->phrase == head.phrase && pieces_head->minor == head.minor &&
              pieces_head->keep_alive == head.keep_alive && pieces_head->body == head.body,
          "pieces: the same response");
    check_same(pieces_head->fields, head.fields);
  }
}

void check_next_hop(const ResponseHead& head, const Asked& asked) {
  const bool upgraded = head.status == 101;
  std::string out;
  write_response(out, head, {.keep_upgrade = upgraded});
  const Exact wire(out);
  auto next = std::make_unique<ResponseHead>();
  ResponseParser parser = parser_for(asked);
  Outcome outcome;
  outcome.progress = parser.parse(wire.view(), asked.method, *next, outcome.consumed, outcome.refusal);
  if (outcome.progress != Progress::kDone && (out.size() > kMaxHeadBytes || head.fields.size() == kMaxFields)) {
    return;  // grown beyond the limits by what forwarding adds
  }
  check(outcome.progress == Progress::kDone && outcome.consumed == out.size(), "what is forwarded is a response head");
  check(next->status == head.status && next->phrase == head.phrase && next->minor == 1, "with the same status");
  check(next->body == head.body, "and the same body");
  check(next->keep_alive == (head.body.kind != BodyFraming::Kind::kUntilClose), "on a connection of its own");
  const HopByHop hop_by_hop(head.fields);
  const bool no_length = (head.status < 200 || head.status == 204) || head.body.kind == BodyFraming::Kind::kUntilClose;
  auto sent = std::make_unique<Fields>();
  for (size_t i = 0; i < next->fields.size(); ++i) {
    const FieldId id = next->fields.id(i);
    if (id != FieldId::kTransferEncoding && id != FieldId::kConnection) {
      sent->push(next->fields[i]);
    }
  }
  check_forwarded(head.fields, *sent, [&](size_t i) {
    const FieldId id = head.fields.id(i);
    if (id == FieldId::kUpgrade) {
      return upgraded;
    }
    return !hop_by_hop.contains_at(i) && !(id == FieldId::kContentLength && no_length) &&
           !(id == FieldId::kExpect && equals_ignoring_case(head.fields[i].value, "100-continue"));
  });
}

void run(std::string_view bytes, const Asked& asked) {
  static const auto head = std::make_unique<ResponseHead>();
  ResponseParser parser = parser_for(asked);
  Outcome whole;
  whole.progress = parser.parse(bytes, asked.method, *head, whole.consumed, whole.refusal);
  check_pieces(bytes, asked, *head, whole);
  if (whole.progress == Progress::kDone) {
    check(whole.consumed >= 4 && whole.consumed <= bytes.size(), "consumed inside");
    check(bytes.substr(whole.consumed - 4, 4) == "\r\n\r\n", "consumed up to the empty line");
    check(head->status != 101 || asked.upgrade, "no upgrade that nobody asked for");
    check_inside(head->phrase, bytes, "phrase inside");
    for (const Field& field : head->fields) {
      check_inside(field.name, bytes, "name inside");
      check_inside(field.value, bytes, "value inside");
    }
    check_next_hop(*head, asked);
  } else if (whole.progress == Progress::kRefused) {
    check(whole.refusal.status == 502 && !whole.refusal.detail.empty(), "a refusal says why");
  }
}

}  // namespace
}  // namespace fairlead::http::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fairlead::http::fuzz;
  const Exact input({reinterpret_cast<const char*>(data), size});
  for (const Asked& asked : {Asked{"GET", false}, Asked{"HEAD", false}, Asked{"CONNECT", false}, Asked{"GET", true}}) {
    run(input.view(), asked);
  }
  return 0;
}
