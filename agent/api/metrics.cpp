#include "agent/api/metrics.h"

#include <fmt/format.h>

namespace fairlead::api {
namespace {

class Writer {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  void sample(std::string_view name, std::string_view labels, uint64_t value) {
    text_ += labels.empty() ? fmt::format("{} {}\n", name, value) : fmt::format("{}{{{}}} {}\n", name, labels, value);
  }
  void single(std::string_view name, std::string_view type, std::string_view help, uint64_t value) {
    family(name, type, help);
    sample(name, "", value);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace

std::string own_metrics_text(const OwnMetrics& metrics) {
  Writer out;
  out.family("istio_build", "gauge", "Version of the data plane.");
  out.sample("istio_build", fmt::format("component=\"proxy\",tag=\"{}\"", telemetry::escape_label(metrics.version)), 1);
  out.family("fairlead_kernel_connections_total", "counter", "Verdicts of the programs in the kernel, by reason.");
  for (const auto& [reason, count] : metrics.kernel.by_reason) {
    if (reason != Reason::NONE) {
      out.sample("fairlead_kernel_connections_total",
                 fmt::format("reason=\"{}\"", telemetry::escape_label(text_of(reason).name)), count);
    }
  }
  out.family("fairlead_kernel_connections_ended_total", "counter",
             "Open connections of the kernel path that were ended, by reason.");
  for (const auto& [reason, count] : metrics.ended) {
    out.sample("fairlead_kernel_connections_ended_total",
               fmt::format("reason=\"{}\"", telemetry::escape_label(text_of(reason).name)), count);
  }
  out.single("fairlead_kernel_flow_records_lost_total", "counter",
             "Records of connections that found the kernel's ring buffer full.", metrics.kernel.flows_lost);
  out.single("fairlead_kernel_traffic_lost_total", "counter",
             "Ended connections that found the kernel's table of sums full.", metrics.kernel.traffic_lost);
  out.single("fairlead_config_generation", "gauge", "Newest configuration that was compiled.", metrics.generation);
  out.single("fairlead_config_kernel_generation", "gauge", "Configuration that the kernel has.",
             metrics.kernel_generation);
  out.single("fairlead_config_rejected_objects", "gauge", "Objects with an error, which are not in force.",
             metrics.rejected_objects);
  out.family("fairlead_pods", "gauge", "Pods of this node, by mode.");
  for (const auto& [mode, count] : metrics.pods) {
    out.sample("fairlead_pods", fmt::format("mode=\"{}\"", mode), count);
  }
  out.single("fairlead_proxy_restarts_total", "counter", "Proxies that ended unasked, and were started again.",
             metrics.proxies.restarts);
  out.single("fairlead_upstream_sockets_total", "counter", "Sockets made in pods for the proxies to connect with.",
             metrics.proxies.sockets);
  out.single("fairlead_upstream_socket_batches_total", "counter", "Batches in which these sockets were handed over.",
             metrics.proxies.batches);
  out.single("fairlead_upstream_socket_waits_total", "counter",
             "Connections of the proxies that had to wait for a socket.", metrics.proxies.waits);
  return out.take();
}

std::string metrics_text(const telemetry::SeriesSum& series, const OwnMetrics& metrics) {
  std::string text;
  telemetry::PrometheusText pieces(series);
  for (std::string_view piece = pieces.next(); !piece.empty(); piece = pieces.next()) {
    text += piece;
  }
  return text + own_metrics_text(metrics);
}

}  // namespace fairlead::api
