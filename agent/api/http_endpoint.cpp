#include "agent/api/http_endpoint.h"

#include "userspace-proxy/base/log.h"

#include <fmt/format.h>
#include <microhttpd.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <charconv>
#include <utility>

namespace fairlead::api {
namespace {

constexpr unsigned kIdleSeconds = 30;
constexpr unsigned kMaxConnections = 64;

// The shape is libmicrohttpd's (MHD_AccessHandlerCallback).
// NOLINTNEXTLINE(readability-function-size)
MHD_Result on_request(void* self, MHD_Connection* connection, const char* path, const char* method, const char*,
                      const char*, size_t* body_size, void**) {
  HttpAnswer answer;
  const std::string_view verb = method;
  if (*body_size != 0 || (verb != MHD_HTTP_METHOD_GET && verb != MHD_HTTP_METHOD_HEAD)) {
    answer = {.status = MHD_HTTP_METHOD_NOT_ALLOWED, .body = "only GET\n"};
  } else {
    answer = static_cast<HttpEndpoint*>(self)->answer(path);
  }
  MHD_Response* response =
      MHD_create_response_from_buffer(answer.body.size(), answer.body.data(), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) {
    return MHD_NO;
  }
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer.content_type.c_str());
  const MHD_Result queued = MHD_queue_response(connection, answer.status, response);
  MHD_destroy_response(response);
  return queued;
}

// A listening socket for the address; "any" is one dual-stack socket where there is IPv6.
Result<Fd> listen_on(const SocketAddress& wanted, uint16_t port) {
  const bool any = wanted.ip.is_none();
  const int family = any || !wanted.ip.is_v4() ? AF_INET6 : AF_INET;
  for (const int attempt : {family, any ? AF_INET : family}) {
    Fd fd(socket(attempt, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
      continue;
    }
    const int on = 1, off = 0;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (attempt == AF_INET6) {
      setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, any ? &off : &on, sizeof on);
    }
    sockaddr_storage storage;
    const SocketAddress address{any && attempt == AF_INET ? IpAddress::from_v4({INADDR_ANY}) : wanted.ip, port};
    const socklen_t size = address.to(storage, attempt);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) == 0 && listen(fd.get(), 128) == 0) {
      return fd;
    }
    if (errno == EADDRINUSE) {
      return fail_sys("bind");
    }
  }
  return fail_sys("bind");
}

uint16_t port_of(const Fd& fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &size);
  return SocketAddress::from(storage).port;
}

}  // namespace

std::string ListenAddress::text() const {
  return address.ip.is_none() ? fmt::format(":{}", address.port) : address.text();
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const size_t colon = text.rfind(':');
  std::string_view host = colon == std::string_view::npos ? "" : text.substr(0, colon);
  const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  ListenAddress parsed;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.address.port);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
  }
  const auto ip = host.empty() ? IpAddress() : IpAddress::parse(host);
  if (error != std::errc() || end != port.data() + port.size() || !ip || (!bracketed && host.find(':') != host.npos)) {
    return fail(fmt::format("\"{}\" is not an address to listen on; write IP:PORT, [IP6]:PORT or :PORT", text));
  }
  parsed.address.ip = *ip;
  if (parsed.address.ip == IpAddress::from_v4({INADDR_ANY})) {
    parsed.address.ip = IpAddress();
  }
  return parsed;
}

HttpEndpoint::HttpEndpoint(agent::Loop& loop, ListenAddress address, Handler handler)
    : loop_(loop), address_(address), handler_(std::move(handler)) {}

HttpEndpoint::~HttpEndpoint() {
  watch_.reset();
  if (daemon_ != nullptr) {
    MHD_stop_daemon(daemon_);
  }
}

Result<std::unique_ptr<HttpEndpoint>> HttpEndpoint::open(agent::Loop& loop, const ListenAddress& wanted,
                                                         Handler handler) {
  auto socket = listen_on(wanted.address, wanted.address.port);
  if (!socket && socket.error().errno_value() == EADDRINUSE) {
    socket = listen_on(wanted.address, 0);
  }
  if (!socket) {
    return fail(socket.error(), wanted.text());
  }
  ListenAddress actual = wanted;
  actual.address.port = port_of(*socket);
  if (actual.address.port != wanted.address.port && wanted.address.port != 0) {
    log::warn("port {} is taken: listening on {} instead", wanted.address.port, actual.address.port);
  }
  auto endpoint = std::unique_ptr<HttpEndpoint>(new HttpEndpoint(loop, actual, std::move(handler)));
  endpoint->daemon_ = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ITC, 0, nullptr, nullptr, &on_request, endpoint.get(),
                                       MHD_OPTION_LISTEN_SOCKET, socket->get(), MHD_OPTION_CONNECTION_TIMEOUT,
                                       kIdleSeconds, MHD_OPTION_CONNECTION_LIMIT, kMaxConnections, MHD_OPTION_END);
  if (endpoint->daemon_ == nullptr) {
    return fail(fmt::format("{}: libmicrohttpd does not start", wanted.text()));
  }
  [[maybe_unused]] const int owned_by_daemon = socket->release();
  const MHD_DaemonInfo* epoll = MHD_get_daemon_info(endpoint->daemon_, MHD_DAEMON_INFO_EPOLL_FD);
  endpoint->watch_ = loop.watch(epoll->epoll_fd, EPOLLIN, [raw = endpoint.get()](uint32_t) { raw->run(); });
  return endpoint;
}

void HttpEndpoint::run() {
  MHD_run(daemon_);
  MHD_UNSIGNED_LONG_LONG milliseconds = 0;
  timeout_.reset();
  if (MHD_get_timeout(daemon_, &milliseconds) == MHD_YES) {
    timeout_ = loop_.after(std::chrono::milliseconds(milliseconds), [this] { run(); });
  }
}

}  // namespace fairlead::api
