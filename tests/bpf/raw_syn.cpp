#include "tests/bpf/raw_syn.h"

#include "userspace-proxy/base/fd.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace fairlead::test {
namespace {

// RFC 1071.
uint16_t checksum(const void* bytes, size_t size) {
  uint32_t sum = 0;
  const auto* word = static_cast<const uint8_t*>(bytes);
  for (size_t i = 0; i + 1 < size; i += 2) {
    sum += static_cast<uint32_t>(word[i] << 8 | word[i + 1]);
  }
  while (sum >> 16 != 0) {
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return htons(static_cast<uint16_t>(~sum));
}

tcphdr syn(uint16_t source_port, uint16_t destination_port) {
  tcphdr tcp{};
  tcp.source = htons(source_port);
  tcp.dest = htons(destination_port);
  tcp.seq = htonl(0x1000);
  tcp.doff = sizeof(tcp) / 4;
  tcp.syn = 1;
  tcp.window = htons(64000);
  return tcp;
}

// Over the pseudo header of RFC 8200 section 8.1; the one of IPv4 gives the same sum when addresses are not mapped.
uint16_t tcp_checksum(const SocketAddress& source, const SocketAddress& destination, const tcphdr& tcp) {
  std::array<uint8_t, 40 + sizeof(tcphdr)> bytes{};
  const size_t skip = source.ip.is_v4() ? 12 : 0;  // an IPv4 address is the last 4 bytes
  std::memcpy(bytes.data() + skip, source.ip.bytes().data() + skip, 16 - skip);
  std::memcpy(bytes.data() + 16 + skip, destination.ip.bytes().data() + skip, 16 - skip);
  bytes[35] = sizeof(tcp);
  bytes[39] = IPPROTO_TCP;
  std::memcpy(bytes.data() + 40, &tcp, sizeof(tcp));
  return checksum(bytes.data(), bytes.size());
}

void send_bytes(int fd, const void* bytes, size_t size, const SocketAddress& destination) {
  sockaddr_storage to{};
  const int family = destination.ip.is_v4() ? AF_INET : AF_INET6;
  const socklen_t length = SocketAddress{.ip = destination.ip, .port = 0}.to(to, family);
  EXPECT_EQ(sendto(fd, bytes, size, 0, reinterpret_cast<sockaddr*>(&to), length), static_cast<ssize_t>(size))
      << strerror(errno);
}

}  // namespace

void send_raw_syn(const Netns& from, const SocketAddress& source, const SocketAddress& destination) {
  tcphdr tcp = syn(source.port, destination.port);
  tcp.check = tcp_checksum(source, destination, tcp);
  const bool v4 = source.ip.is_v4();
  const Fd fd = from.in([&] { return Fd(socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)); });
  ASSERT_TRUE(fd.valid()) << strerror(errno);
  if (v4) {
    struct {
      iphdr ip;
      tcphdr tcp;
    } packet{};
    packet.ip.version = 4;
    packet.ip.ihl = 5;
    packet.ip.ttl = 64;
    packet.ip.protocol = IPPROTO_TCP;
    std::memcpy(&packet.ip.saddr, source.ip.bytes().data() + 12, 4);
    std::memcpy(&packet.ip.daddr, destination.ip.bytes().data() + 12, 4);
    packet.tcp = tcp;
    send_bytes(fd.get(), &packet, sizeof(packet), destination);
    return;
  }
  struct {
    uint8_t version_and_flow[4];
    uint16_t payload;
    uint8_t next, hops;
    uint8_t source[16], destination[16];
    tcphdr tcp;
  } packet{};
  packet.version_and_flow[0] = 0x60;
  packet.payload = htons(sizeof(tcp));
  packet.next = IPPROTO_TCP;
  packet.hops = 64;
  std::memcpy(packet.source, source.ip.bytes().data(), 16);
  std::memcpy(packet.destination, destination.ip.bytes().data(), 16);
  packet.tcp = tcp;
  send_bytes(fd.get(), &packet, sizeof(packet), destination);
}

}  // namespace fairlead::test
