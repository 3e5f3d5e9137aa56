#include "userspace-proxy/broker/wire.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace fairlead::broker {
namespace {

static_assert(sizeof(Message) == 48 && std::has_unique_object_representations_v<Message>,
              "a message goes over the wire as it lies in memory, so it has no padding that would leak");

// One spare place: a control message with a descriptor too many arrives whole and is told from a truncated one.
constexpr size_t kControlBytes = CMSG_SPACE((kMaxFds + 1) * sizeof(int));

struct FdCount {
  size_t least, most;
};

// What each type carries. nullptr for a number that is no type.
const FdCount* fds_of(Type type) {
  static constexpr FdCount kNone = {0, 0}, kOne = {1, 1}, kSome = {1, kMaxFds};
  switch (type) {
    case Type::kSnapshot:
    case Type::kListener:
      return &kOne;
    case Type::kSockets:
      return &kSome;
    case Type::kListenerGone:
    case Type::kSocketsRefused:
    case Type::kPodGone:
    case Type::kDrain:
    case Type::kHello:
    case Type::kSnapshotApplied:
    case Type::kSnapshotRefused:
    case Type::kSocketsWanted:
    case Type::kListenerGoneDone:
      return &kNone;
  }
  return nullptr;
}

Error malformed(std::string_view what) { return Error(fmt::format("broker message: {}", what), EPROTO); }

Status check(const Message& message, size_t fds) {
  if (message.version != kVersion) {
    return std::unexpected(malformed(fmt::format("version {}, this is {}", message.version, kVersion)));
  }
  const FdCount* allowed = fds_of(message.type);
  if (allowed == nullptr) {
    return std::unexpected(malformed(fmt::format("unknown type {}", static_cast<uint32_t>(message.type))));
  }
  if (fds < allowed->least || fds > allowed->most) {
    return std::unexpected(
        malformed(fmt::format("{} descriptors with type {}", fds, static_cast<uint32_t>(message.type))));
  }
  if (message.role != Role::kOutbound && message.role != Role::kInbound) {
    return std::unexpected(malformed(fmt::format("unknown role {}", static_cast<uint32_t>(message.role))));
  }
  if (message.family != 0 && message.family != AF_INET && message.family != AF_INET6) {
    return std::unexpected(malformed(fmt::format("unknown address family {}", message.family)));
  }
  return {};
}

// Takes ownership of every descriptor in the control messages, whatever becomes of the message.
std::vector<Fd> take_fds(msghdr& header) {
  std::vector<Fd> fds;
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr; control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + i * sizeof fd, sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

Status send(int channel, const Message& message, std::span<const int> fds) {
  if (const Status valid = check(message, fds.size()); !valid) {
    return valid;
  }
  iovec bytes = {.iov_base = const_cast<Message*>(&message), .iov_len = sizeof message};
  alignas(cmsghdr) std::array<std::byte, kControlBytes> control{};
  msghdr header{};
  header.msg_iov = &bytes;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
  }
  ssize_t sent = -1;
  do {
    sent = sendmsg(channel, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    return fail_sys("broker message: sendmsg");
  }
  return {};  // a SOCK_SEQPACKET socket takes a message whole or not at all
}

Result<std::optional<Received>> receive(int channel) {
  Received received;
  iovec bytes = {.iov_base = &received.message, .iov_len = sizeof received.message};
  alignas(cmsghdr) std::array<std::byte, kControlBytes> control;
  msghdr header{};
  header.msg_iov = &bytes;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t size = -1;
  do {
    size = recvmsg(channel, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return std::optional<Received>();
    }
    return fail_sys("broker message: recvmsg");
  }
  received.fds = take_fds(header);
  if (size == 0) {
    return std::unexpected(Error("broker message: the peer is gone", ECONNRESET));
  }
  if ((header.msg_flags & MSG_TRUNC) != 0 || size != static_cast<ssize_t>(sizeof received.message)) {
    return std::unexpected(malformed(fmt::format("not {} bytes", sizeof received.message)));
  }
  if ((header.msg_flags & MSG_CTRUNC) != 0) {
    // More than ever belong to one message, or this process may open no more (RLIMIT_NOFILE): both look the same here.
    return std::unexpected(malformed("descriptors were lost: too many, or the limit of open files is reached"));
  }
  if (const Status valid = check(received.message, received.fds.size()); !valid) {
    return std::unexpected(valid.error());
  }
  return std::optional(std::move(received));
}

}  // namespace fairlead::broker
