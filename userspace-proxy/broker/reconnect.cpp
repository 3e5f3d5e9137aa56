#include "userspace-proxy/broker/reconnect.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

namespace fairlead::broker {

Result<Fd> connect_to_agent(const char* path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) {
    return fail("the agent's socket: its name is too long");
  }
  std::memcpy(address.sun_path, path, length);
  Fd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd || connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail_sys("the agent's socket");
  }
  return fd;
}

}  // namespace fairlead::broker
