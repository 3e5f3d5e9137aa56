// Opens upstream connections: a socket from the stock, the client's address stated, connected. Worker-local.
#pragma once

#include "userspace-proxy/io/task.h"
#include "userspace-proxy/upstream/connection.h"
#include "userspace-proxy/upstream/stock.h"

#include <memory>

namespace fairlead::upstream {

class Connector {
 public:
  Connector(io::Loop& loop, Stock& stock, io::BufferPool& buffers) : loop_(loop), stock_(stock), buffers_(buffers) {}

  // Null if it failed until the deadline (refused, unreachable, no socket). `client`: with its port.
  io::Task<std::unique_ptr<Connection>> connect(Key key, SocketAddress client, uint64_t deadline_ns);

 private:
  io::Loop& loop_;
  Stock& stock_;
  io::BufferPool& buffers_;
};

}  // namespace fairlead::upstream
