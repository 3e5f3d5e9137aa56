// What the codec costs per message: the head of wrk's request and of nginx's answer, read and written on.
#include "userspace-proxy/http/forward.h"
#include "userspace-proxy/http/h1.h"
#include "userspace-proxy/http/local_reply.h"

#include <benchmark/benchmark.h>

#include <array>
#include <memory>

namespace fairlead::http {
namespace {

constexpr std::string_view kWrk = "GET /index.html HTTP/1.1\r\nHost: httpd.shop:8080\r\n\r\n";
constexpr std::string_view kCurl =
    "GET /reviews/7?stars=5 HTTP/1.1\r\nHost: reviews.shop.svc.cluster.local:9080\r\nUser-Agent: curl/7.88.1\r\n"
    "Accept: */*\r\nX-Request-Id: 6fa459ea-ee8a-3ca4-894e-db77e160355e\r\nConnection: keep-alive\r\n\r\n";
constexpr std::string_view kBrowser =
    "GET /productpage?u=normal HTTP/1.1\r\nHost: bookinfo.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\n"
    "Cookie: session=eyJ1c2VyIjoiamFzb24ifQ.Zq1hXg.3mW9q7oWk9vJ5i8rX2b0cQe1d4Y\r\nUpgrade-Insecure-Requests: 1\r\n"
    "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\nPriority: u=0, i\r\n\r\n";
constexpr std::string_view kDotted =
    "GET /static/../%70roductpage HTTP/1.1\r\nHost: bookinfo.example.com\r\nAccept: */*\r\n\r\n";
constexpr std::string_view kNginx =
    "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 24 Nov 2026 18:03:42 GMT\r\nContent-Type: text/plain\r\n"
    "Content-Length: 100\r\nLast-Modified: Tue, 24 Nov 2026 17:50:00 GMT\r\nConnection: keep-alive\r\n"
    "ETag: \"6744c5b8-64\"\r\nAccept-Ranges: bytes\r\n\r\n";

void parse_request(benchmark::State& state, std::string_view bytes) {
  const auto head = std::make_unique<RequestHead>();
  RequestParser parser;
  size_t consumed = 0;
  Refusal refusal;
  for (auto _ : state) {
    benchmark::DoNotOptimize(bytes);
    if (parser.parse(bytes, *head, consumed, refusal) != Progress::kDone) {
      state.SkipWithError("refused");
      return;
    }
    benchmark::DoNotOptimize(head.get());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK_CAPTURE(parse_request, wrk, kWrk);
BENCHMARK_CAPTURE(parse_request, curl, kCurl);
BENCHMARK_CAPTURE(parse_request, browser, kBrowser);
BENCHMARK_CAPTURE(parse_request, normalised, kDotted);

void parse_response(benchmark::State& state, std::string_view bytes) {
  const auto head = std::make_unique<ResponseHead>();
  ResponseParser parser;
  size_t consumed = 0;
  Refusal refusal;
  for (auto _ : state) {
    benchmark::DoNotOptimize(bytes);
    if (parser.parse(bytes, "GET", *head, consumed, refusal) != Progress::kDone) {
      state.SkipWithError("refused");
      return;
    }
    benchmark::DoNotOptimize(head.get());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK_CAPTURE(parse_response, nginx, kNginx);

void write_request(benchmark::State& state, std::string_view bytes, bool edited) {
  const auto head = std::make_unique<RequestHead>();
  RequestParser parser;
  size_t consumed = 0;
  Refusal refusal;
  parser.parse(bytes, *head, consumed, refusal);
  const std::array append = {Field{"x-request-id", "6fa459ea-ee8a-3ca4-894e-db77e160355e"},
                             Field{"x-forwarded-proto", "http"}};
  RequestEdits edits;
  if (edited) {
    edits.append = append;
  }
  std::string out;
  for (auto _ : state) {
    out.clear();
    http::write_request(out, *head, edits);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK_CAPTURE(write_request, wrk, kWrk, false);
BENCHMARK_CAPTURE(write_request, wrk_with_two_fields_more, kWrk, true);
BENCHMARK_CAPTURE(write_request, browser, kBrowser, false);

void write_response(benchmark::State& state, std::string_view bytes, bool edited) {
  const auto head = std::make_unique<ResponseHead>();
  ResponseParser parser;
  size_t consumed = 0;
  Refusal refusal;
  parser.parse(bytes, "GET", *head, consumed, refusal);
  const std::array set = {Field{"server", "envoy"}, Field{"x-envoy-upstream-service-time", "1"}};
  const std::array levels = {FieldEdits{set, {}, {}}};
  ResponseEdits edits;
  if (edited) {
    edits.fields = levels;
  }
  std::string out;
  for (auto _ : state) {
    out.clear();
    http::write_response(out, *head, edits);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK_CAPTURE(write_response, nginx, kNginx, false);
BENCHMARK_CAPTURE(write_response, nginx_with_server_set, kNginx, true);

void local_reply(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_local_reply(out, {.status = 403, .body = "RBAC: access denied", .unix_seconds = 1795543422});
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(local_reply);

void chunked(benchmark::State& state) {
  std::string wire;
  for (int i = 0; i < 16; ++i) {
    append_chunk(wire, std::string(1000, 'x'));
  }
  append_last_chunk(wire);
  for (auto _ : state) {
    ChunkedReader reader;
    size_t at = 0;
    for (;;) {
      const auto step = reader.step(std::string_view(wire).substr(at));
      at += step.consumed;
      if (step.progress != Progress::kNeedMore) {
        break;
      }
    }
    benchmark::DoNotOptimize(at);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * wire.size()));
}
BENCHMARK(chunked);

}  // namespace
}  // namespace fairlead::http
