#include "agent/bench/stock/nginx.h"

#include "agent/bench/ask.h"
#include "agent/bench/numbers.h"
#include "agent/bench/stock/proxy.h"

#include <fmt/format.h>

namespace fairlead::bench {
namespace {

struct Nginx {
  static std::string config_of(const Seat& seat) {
    constexpr std::string_view kBody =
        "  access_log {0}/access.log combined buffer=64k;\n"
        "  map $http_canary $pool {{ default stable; \"true\" canary; }}\n"
        "  upstream stable {{ server {1}:{2}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 1h; }}\n"
        "  upstream canary {{ server {1}:{2}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 1h; }}\n"
        "  server {{\n"
        "    listen {3};\n"
        "    location /admin {{ return 403; }}\n"
        "    location / {{\n"
        "      proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host;\n"
        "      proxy_pass http://$pool;\n"
        "    }}\n  }}\n}}\n";
    return nginx_head(seat.folder) +
           fmt::format(kBody, seat.folder, seat.upstream.address, seat.upstream.port, seat.port);
  }

  static Result<uint64_t> count(const Seat& seat, const Interrupt&) {
    const auto told = ask(seat.folder + "/counts", "GET / HTTP/1.0\r\n\r\n");
    if (!told) {
      return std::unexpected(told.error());
    }
    // "server accepts handled requests\n 3 3 7 \n": the third number.
    constexpr std::string_view kNames = "requests\n";
    const size_t names = told->find(kNames);
    if (names == std::string::npos) {
      return fail("nginx tells no counts");
    }
    std::string_view numbers = std::string_view(*told).substr(names + kNames.size());
    leading_number(numbers);
    leading_number(numbers);
    return leading_number(numbers);
  }
};

}  // namespace

std::string nginx_head(const std::string& folder) {
  constexpr std::string_view kHead =
      "daemon off;\nmaster_process off;\nworker_processes 1;\nuser root;\npid {0}/pid;\nerror_log stderr warn;\n"
      "worker_rlimit_nofile 16384;\nevents {{ worker_connections 16384; }}\n"
      "http {{\n"
      "  keepalive_requests 1000000000;\n  keepalive_timeout 1h;\n"
      "  client_body_temp_path {0}/tmp; proxy_temp_path {0}/tmp; fastcgi_temp_path {0}/tmp;\n"
      "  uwsgi_temp_path {0}/tmp; scgi_temp_path {0}/tmp;\n"
      "  server {{ listen unix:{0}/counts; access_log off; location / {{ stub_status; }} }}\n";
  return fmt::format(kHead, folder);
}

const StockProxy kNginx = {
    .pair = Path::kNginxPair,
    .hop = Path::kNginxHop,
    .program = "nginx",
    .variable = nullptr,
    .where_from = "Debian's package nginx-light",
    .version_option = "-v",
    .port = 15110,
    .counted = Counted::kRequests,
    .file = "nginx.conf",
    .config = Nginx::config_of,
    .command = [](const Seat& seat,
                  const std::string& program) { return std::vector{program, std::string("-c"), seat.file}; },
    .count = Nginx::count,
    .capture = nullptr,
};

}  // namespace fairlead::bench
