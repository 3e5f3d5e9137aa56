// One end of a stream that bytes are moved from: its socket, and what was read from it and not passed on yet.
#pragma once

#include "userspace-proxy/io/buffer.h"
#include "userspace-proxy/io/socket.h"

namespace fairlead::io {

struct StreamEnd {
  Socket& socket;
  Buffer& in;
};

}  // namespace fairlead::io
