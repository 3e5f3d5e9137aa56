#include "userspace-proxy/proxy/serve.h"

#include "userspace-proxy/proxy/http_session.h"
#include "userspace-proxy/proxy/tcp_session.h"
#include "userspace-proxy/proxy/worker.h"

namespace fairlead::proxy {
namespace {

config::Protocol protocol_of(const config::Snapshot& snapshot, const Arrival& arrival) {
  const SocketAddress& dialled = arrival.origin.original;
  if (arrival.role == broker::Role::kOutbound) {
    if (const config::Service* const service = snapshot.service_at(dialled); service != nullptr) {
      const config::ServicePort* const port = service->port(dialled.port);
      return port == nullptr ? config::Protocol::kUndeclared : port->protocol;
    }
  }
  const config::Workload* const workload = arrival.role == broker::Role::kOutbound
                                               ? snapshot.workload_by_ip(dialled.ip)
                                               : snapshot.workload_by_netns(arrival.netns);
  const config::WorkloadPort* const port = workload == nullptr ? nullptr : workload->port(dialled.port);
  return port == nullptr ? config::Protocol::kUndeclared : port->protocol;
}

template <class SessionType>
io::Task<void> live(std::unique_ptr<SessionType> session) {
  co_await session->run();
}

}  // namespace

void serve(Worker& worker, Fd fd, const Arrival& arrival) {
  if (!worker.snapshot() ||
      (arrival.role == broker::Role::kOutbound && arrival.origin.kind != FL_CONNECTION_OUTBOUND)) {
    worker.reporter().turned_away(arrival, worker.snapshot() ? Reason::NO_CONNECTION_ENTRY : Reason::CONFIG_MISSING,
                                  worker.loop().unix_ns());
    return;
  }
  if (protocol_of(*worker.snapshot(), arrival) == config::Protocol::kHttp) {
    io::spawn(live(std::make_unique<HttpSession>(worker, std::move(fd), arrival)));
  } else {
    io::spawn(live(std::make_unique<TcpSession>(worker, std::move(fd), arrival)));
  }
}

}  // namespace fairlead::proxy
