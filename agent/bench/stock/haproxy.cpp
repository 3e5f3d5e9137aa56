#include "agent/bench/ask.h"
#include "agent/bench/numbers.h"
#include "agent/bench/stock/proxy.h"

#include <fmt/format.h>

namespace fairlead::bench {
namespace {

struct Haproxy {
  // Records go to a ring in memory of the size of ours.
  static std::string config_of(const Seat& seat) {
    constexpr std::string_view kText =
        "global\n"
        "  nbthread 1\n  maxconn 8192\n  stats socket {0}/counts level user\n  log ring@records format raw local0 "
        "info\n"
        "ring records\n"
        "  format raw\n  maxlen 1200\n  size 524288\n"
        "defaults\n"
        "  mode http\n  log global\n  option httplog\n  option http-keep-alive\n  http-reuse always\n"
        "  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n  timeout http-keep-alive 1h\n"
        "frontend in\n"
        "  bind :{3}\n"
        "  http-request deny if {{ path_beg /admin }}\n"
        "  use_backend canary if {{ req.hdr(canary) true }}\n"
        "  default_backend stable\n"
        "backend stable\n  server app {1}:{2}\n"
        "backend canary\n  server app {1}:{2}\n";
    return fmt::format(kText, seat.folder, seat.upstream.address, seat.upstream.port, seat.port);
  }

  static Result<uint64_t> count(const Seat& seat, const Interrupt&) {
    const auto told = ask(seat.folder + "/counts", "show info\n");
    return told ? Result<uint64_t>(number_after(*told, "CumReq:")) : std::unexpected(told.error());
  }
};

}  // namespace

const StockProxy kHaproxy = {
    .pair = Path::kHaproxyPair,
    .hop = Path::kHaproxyHop,
    .program = "haproxy",
    .variable = nullptr,
    .where_from = "Debian's package haproxy",
    .version_option = "-v",
    .port = 15120,
    .counted = Counted::kRequests,
    .file = "haproxy.cfg",
    .config = Haproxy::config_of,
    // -db: in the foreground.
    .command = [](const Seat& seat,
                  const std::string& program) { return std::vector<std::string>{program, "-db", "-f", seat.file}; },
    .count = Haproxy::count,
    .capture = nullptr,
};

}  // namespace fairlead::bench
