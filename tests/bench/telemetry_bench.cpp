// What telemetry costs a worker per request. Marks to stay under on one core of a 2020s server: a record of usual size
// 300 ns, counting 30 ns; finding a series costs a hash of its labels, which is why workers keep the pointer.
#include "userspace-proxy/telemetry/arena.h"
#include "userspace-proxy/telemetry/prometheus.h"

#include <benchmark/benchmark.h>

#include <string>

namespace fairlead::telemetry {
namespace {

struct Arena {
  Fd fd = make_arena({}).value();
  std::unique_ptr<ArenaWriter> writer = ArenaWriter::open(fd.get(), 0).value();
  std::unique_ptr<ArenaReader> reader = ArenaReader::open(fd.get()).value();
};

HttpLabels usual_labels() {
  HttpLabels labels;
  labels.common = {.reporter = "destination",
                   .source_workload = "productpage-v1",
                   .source_canonical_service = "productpage",
                   .source_canonical_revision = "v1",
                   .source_workload_namespace = "bookinfo",
                   .source_principal = "spiffe://cluster.local/ns/bookinfo/sa/bookinfo-productpage",
                   .source_app = "productpage",
                   .source_version = "v1",
                   .source_cluster = "Kubernetes",
                   .destination_workload = "reviews-v2",
                   .destination_workload_namespace = "bookinfo",
                   .destination_principal = "spiffe://cluster.local/ns/bookinfo/sa/bookinfo-reviews",
                   .destination_app = "reviews",
                   .destination_version = "v2",
                   .destination_service = "reviews.bookinfo.svc.cluster.local",
                   .destination_canonical_service = "reviews",
                   .destination_canonical_revision = "v2",
                   .destination_service_name = "reviews",
                   .destination_service_namespace = "bookinfo",
                   .destination_cluster = "Kubernetes",
                   .request_protocol = "http",
                   .response_flags = "-",
                   .connection_security_policy = "mutual_tls"};
  labels.response_code = 200;
  return labels;
}

Record usual_record() {
  Record record;
  record.reason = Reason::VIA_UPSTREAM;
  record.status = 200;
  record.start_unix_ns = 1'767'323'045'678'901'234;
  record.duration_ns = 1'234'567;
  record.bytes_sent = 612;
  record.client = record.destination = record.upstream = {*IpAddress::parse("10.0.0.2"), 80};
  record.source_workload = "bookinfo/productpage-v1-6f4c4d8b9c-x2x7k";
  record.source_principal = "spiffe://cluster.local/ns/bookinfo/sa/bookinfo-productpage";
  record.destination_workload = "bookinfo/reviews-v2-7d79d5bd5d-8zzqd";
  record.method = "GET";
  record.authority = "reviews:9080";
  record.target = "/reviews/0";
  record.route = "canary";
  record.cluster = "outbound|9080|v2|reviews.bookinfo.svc.cluster.local";
  record.policy = "bookinfo/productpage-may-read";
  record.protocol = "HTTP/1.1";
  return record;
}

void count_request(benchmark::State& state) {
  const Arena arena;
  HttpSeries* const series = arena.writer->http(usual_labels());
  double duration = 0;
  for (auto _ : state) {
    series->count(duration, 0, 612);
    duration = duration < 100 ? duration + 0.37 : 0;
  }
}
BENCHMARK(count_request);

void find_series(benchmark::State& state) {
  const Arena arena;
  const HttpLabels labels = usual_labels();
  arena.writer->http(labels);
  for (auto _ : state) {
    benchmark::DoNotOptimize(arena.writer->http(labels));
  }
}
BENCHMARK(find_series);

void write_record(benchmark::State& state) {
  const Arena arena;
  const Record record = usual_record();
  for (auto _ : state) {
    arena.writer->record(record);
  }
}
BENCHMARK(write_record);

void read_records(benchmark::State& state) {
  const Arena arena;
  const Record record = usual_record();
  ArenaReader::Cursor cursor;
  for (auto _ : state) {
    state.PauseTiming();
    for (int i = 0; i < 500; ++i) {
      arena.writer->record(record);
    }
    state.ResumeTiming();
    benchmark::DoNotOptimize(arena.reader->records(cursor));
  }
  state.SetItemsProcessed(state.iterations() * 500);
}
BENCHMARK(read_records);

// A scrape of 1000 series.
void write_text(benchmark::State& state) {
  const Arena arena;
  HttpLabels labels = usual_labels();
  for (uint16_t code = 0; code < 1000; ++code) {
    labels.response_code = code;
    arena.writer->http(labels)->count(1, 2, 3);
  }
  size_t bytes = 0;
  for (auto _ : state) {
    SeriesSum sum;
    sum.add(arena.reader->series());
    PrometheusText text(std::move(sum));
    bytes = 0;
    for (auto piece = text.next(); !piece.empty(); piece = text.next()) {
      bytes += piece.size();
    }
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(write_text)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fairlead::telemetry
