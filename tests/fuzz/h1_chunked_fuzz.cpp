// Any bytes as a chunked body: the payload and the end do not depend on how the bytes were split, and what was read,
// written again as chunks, is read as the same.
#include "tests/fuzz/check.h"

namespace fairlead::http::fuzz {
namespace {

struct Outcome {
  std::string payload;
  Progress progress = Progress::kNeedMore;
  size_t consumed = 0;
};

// `size_of_next` says how large the next piece is.
template <typename SizeOfNext>
Outcome read(std::string_view bytes, SizeOfNext size_of_next) {
  ChunkedReader reader;
  Outcome outcome;
  size_t given = 0;
  while (outcome.progress == Progress::kNeedMore && given < bytes.size()) {
    given = std::min(bytes.size(), given + size_of_next());
    for (;;) {
      const Exact piece(bytes.substr(outcome.consumed, given - outcome.consumed));
      const ChunkedReader::Step step = reader.step(piece.view());
      check(step.consumed <= piece.view().size(), "consumed inside");
      check_inside(step.payload, piece.view().substr(0, step.consumed), "payload inside what was consumed");
      outcome.payload += step.payload;
      outcome.consumed += step.consumed;
      outcome.progress = step.progress;
      if (step.progress != Progress::kNeedMore || step.consumed == 0) {
        break;
      }
    }
    check(outcome.progress != Progress::kNeedMore || outcome.consumed == given, "no byte is left to be asked again");
  }
  return outcome;
}

}  // namespace
}  // namespace fairlead::http::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fairlead::http;
  using namespace fairlead::http::fuzz;
  const Exact input({reinterpret_cast<const char*>(data), size});
  const std::string_view bytes = input.view();
  const Outcome whole = read(bytes, [&] { return bytes.size(); });
  Pieces pieces(bytes);
  for (const Outcome& cut : {read(bytes, [] { return size_t{1}; }), read(bytes, [&] { return pieces.next(); })}) {
    check(cut.progress == whole.progress && cut.consumed == whole.consumed && cut.payload == whole.payload,
          "pieces: the same body");
  }
  if (whole.progress == Progress::kDone) {
    check(bytes.substr(0, whole.consumed).ends_with("\r\n\r\n"), "ends with an empty line");
    std::string wire;
    append_chunk(wire, whole.payload);
    append_last_chunk(wire);
    const Outcome again = read(wire, [&] { return wire.size(); });
    check(again.progress == Progress::kDone && again.consumed == wire.size() && again.payload == whole.payload,
          "what is written is read");
  }
  return 0;
}
