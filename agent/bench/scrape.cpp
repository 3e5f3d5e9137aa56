// The part of a run with Prometheus (bench/run.h).
#include "agent/bench/scrape.h"

#include "agent/bench/ask.h"
#include "agent/bench/run.h"
#include "agent/bench/stock/serving.h"
#include "agent/host/file.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace fairlead::bench {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kInterval(500), kLoad(5000);
constexpr Load kScrapedLoad{.connections = 64, .rate = 1000};

// Nobody else takes it before Prometheus does, unless by chance: then it says so and ends.
Result<uint16_t> free_port() {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return fail_sys("a port for Prometheus");
  }
  return ntohs(address.sin_port);
}

class Prometheus {
 public:
  // Scrapes the mesh's metrics until this object ends.
  static Result<Prometheus> start(Run& run) {
    const std::string folder = run.rig.stage().folder() + "/prometheus", file = folder + "/prometheus.yml";
    const auto port = free_port();
    if (!port) {
      return std::unexpected(port.error());
    }
    const std::string config = fmt::format(
        "global: {{scrape_interval: {0}ms, scrape_timeout: {0}ms}}\n"
        "scrape_configs:\n"
        "- {{job_name: fairlead, metrics_path: /stats/prometheus, static_configs: [{{targets: [\"{1}\"]}}]}}\n",
        kInterval.count(), run.rig.mesh().metrics_address());
    const Status made = host::make_folder(folder), written = made ? host::replace_file(file, config) : made;
    if (!written) {
      return std::unexpected(written.error());
    }
    const Endpoint server{"127.0.0.1", *port};
    auto process = start_serving(
        {.folder = folder,
         .argv = {find_program("prometheus"), "--config.file=" + file, "--storage.tsdb.path=" + folder + "/data",
                  fmt::format("--web.listen-address={}:{}", server.address, server.port)},
         .place = {},
         .is_ready = [&] { return http_get(server, "/-/ready").has_value(); }},
        run.interrupt);
    return process ? Result<Prometheus>(Prometheus(std::move(*process), server)) : std::unexpected(process.error());
  }

  // The value of an expression that has one; zero where it has none.
  [[nodiscard]] Result<double> ask(const std::string& expression) const {
    const auto body = http_get(server_, "/api/v1/query?query=" + expression);
    if (!body) {
      return std::unexpected(body.error());
    }
    const json answer = json::parse(*body, nullptr, /*allow_exceptions=*/false);
    const json::json_pointer value("/data/result/0/value/1");
    if (!answer.is_object() || answer.value("status", "") != "success") {
      return fail("Prometheus: an answer that is none");
    }
    double number = 0;
    if (answer.contains(value)) {
      const auto text = answer[value].get<std::string>();
      std::from_chars(text.data(), text.data() + text.size(), number);
    }
    return number;
  }

  // Waits for a scrape that began after now.
  Status await_scrape(const Interrupt& interrupt) const {
    const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    for (const Clock::time_point until = Clock::now() + 20 * kInterval; Clock::now() < until;) {
      const auto last = ask("timestamp(up)");
      if (!last) {
        return std::unexpected(last.error());
      }
      if (*last > now) {
        return {};
      }
      if (const Status slept = interrupt.sleep(kInterval / 4); !slept) {
        return slept;
      }
    }
    return fail("Prometheus has not scraped");
  }

  [[nodiscard]] Result<std::string> version() const {
    const auto body = http_get(server_, "/api/v1/status/buildinfo");
    const json answer = body ? json::parse(*body, nullptr, false) : json();
    const json::json_pointer version("/data/version");
    return answer.is_object() && answer.contains(version) ? Result<std::string>(answer[version].get<std::string>())
                                                          : fail("Prometheus does not say its version");
  }

 private:
  Prometheus(Process process, Endpoint server) : process_(std::move(process)), server_(std::move(server)) {}

  Process process_;
  Endpoint server_;
};

struct Sums {
  double source = 0, destination = 0;
};

Result<Sums> sums_of(const Prometheus& prometheus) {
  const auto source = prometheus.ask("sum(istio_requests_total%7Breporter=%22source%22%7D)");
  const auto destination = prometheus.ask("sum(istio_requests_total%7Breporter=%22destination%22%7D)");
  if (!source || !destination) {
    return std::unexpected(source ? destination.error() : source.error());
  }
  return Sums{*source, *destination};
}

Result<Scraped> watch(Run& run, const Prometheus& prometheus, Path path) {
  const auto version = prometheus.version();
  const Status scraped = version ? prometheus.await_scrape(run.interrupt) : std::unexpected(version.error());
  const auto before = scraped ? sums_of(prometheus) : std::unexpected(scraped.error());
  if (!before) {
    return std::unexpected(before.error());
  }
  const auto measured = run.rig.measure({path, kScrapedLoad}, kLoad);
  const Status seen = measured ? prometheus.await_scrape(run.interrupt) : std::unexpected(measured.error());
  const auto after = seen ? sums_of(prometheus) : std::unexpected(seen.error());
  const auto scrapes = after ? prometheus.ask(fmt::format("count_over_time(up%5B{}s%5D)", kLoad.count() / 1000))
                             : std::unexpected(after.error());
  if (!scrapes) {
    return std::unexpected(scrapes.error());
  }
  return Scraped{.version = *version,
                 .path = path,
                 .sent = measured->sample.requests,
                 .source = after->source - before->source,
                 .destination = after->destination - before->destination,
                 .scrapes = static_cast<uint64_t>(*scrapes)};
}

}  // namespace

Status compare_with_prometheus(Run& run) {
  if (find_program("prometheus").empty()) {
    run.report.method["prometheus"] = "not installed: what it would read was not compared";
    return {};
  }
  const auto path = std::ranges::find_if(run.options.paths,
                                         [](Path one) { return one == Path::kNodeHttp || one == Path::kSidecarPair; });
  if (path == run.options.paths.end()) {
    return {};
  }
  run.progress.line(fmt::format("Prometheus scrapes during a load on {}", name_of(*path)));
  const auto prometheus = Prometheus::start(run);
  const Status entered = prometheus ? run.rig.enter(*path) : std::unexpected(prometheus.error());
  const auto scraped = entered ? watch(run, *prometheus, *path) : std::unexpected(entered.error());
  if (!scraped) {
    return fail(scraped.error(), "prometheus");
  }
  run.report.scraped = *scraped;
  const auto sent = static_cast<double>(scraped->sent);
  return scraped->source == sent && scraped->destination == sent
             ? Status()
             : fail(fmt::format("Prometheus read {} requests at the source and {} at the destination; {} were sent",
                                scraped->source, scraped->destination, scraped->sent));
}

}  // namespace fairlead::bench
