"""TCP by hand, as a pod with NET_RAW can speak it: no socket of the kernel connects, so no connect hook sees it."""
from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass

from .network import Netns
from .processes import run

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


@dataclass
class Segment:
    flags: int
    sequence: int
    acknowledged: int
    payload: bytes


class HandMade:
    """One connection from `pod`, by a raw socket. Use as a context manager.

    The pod's kernel knows no such connection and would answer with resets: they are dropped on their way out.
    """

    def __init__(self, pod: Netns, address: str, port: int, own_port: int):
        self._v6 = ":" in address
        self._pod, self._port, self._own_port = pod, port, own_port
        family = socket.AF_INET6 if self._v6 else socket.AF_INET
        self._pair = [socket.inet_pton(family, end) for end in (pod.ip6 if self._v6 else pod.ip4, address)]
        self._socket = pod.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
        self._socket.connect((address, 0))
        self._sequence, self._next = 1000, 0

    def __enter__(self) -> "HandMade":
        self._nft("add table inet handmade\n"
                  "add chain inet handmade out { type filter hook output priority 0; }\n"
                  f"add rule inet handmade out tcp sport {self._own_port} tcp flags & (rst|syn|fin) == rst drop\n")
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._nft("delete table inet handmade\n")

    def _nft(self, rules: str) -> None:
        run("nsenter", f"--net={self._pod.path}", "--", "nft", "-f", "-", input=rules)

    def send(self, flags: int, payload: bytes = b"") -> None:
        header = struct.pack("!HHIIBBHHH", self._own_port, self._port, self._sequence, self._next, 5 << 4, flags, 65535, 0, 0)
        self._socket.send(self._checksummed(header, payload))
        self._sequence += len(payload) + bool(flags & (SYN | FIN))

    def _checksummed(self, header: bytes, payload: bytes) -> bytes:
        size = len(header) + len(payload)
        pseudo = b"".join(self._pair) + (struct.pack("!II", size, 6) if self._v6 else struct.pack("!BBH", 0, 6, size))
        whole = pseudo + header + payload + b"\0" * (size % 2)
        total = sum(struct.unpack(f"!{len(whole) // 2}H", whole))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return header[:16] + struct.pack("!H", ~total & 0xFFFF) + header[18:] + payload

    def receive(self, patience: float = 10) -> Segment | None:
        """The next segment of this connection; None when none comes."""
        deadline = time.monotonic() + patience
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                packet = self._socket.recv(65536)
            except TimeoutError:
                return None
            segment = packet if self._v6 else packet[(packet[0] & 15) * 4:]
            source, target, sequence, acknowledged, offset, flags = struct.unpack("!HHIIBB", segment[:14])
            if (source, target) == (self._port, self._own_port):
                return Segment(flags, sequence, acknowledged, segment[(offset >> 4) * 4:])
        return None

    def open(self) -> Segment | None:
        """Sends a SYN; the answer. A SYN-ACK is acknowledged, so that the connection is open."""
        self.send(SYN)
        answer = self.receive()
        if answer is not None and answer.flags & SYN:
            self._next = answer.sequence + 1
            self.send(ACK)
        return answer

    def ask(self, payload: bytes, until: int | None = None) -> bytes:
        """Sends it; what comes back until the end, or until so many bytes came, or nothing for ten seconds."""
        self.send(PSH | ACK, payload)
        got = b""
        while (until is None or len(got) < until) and (segment := self.receive()) is not None:
            if segment.flags & RST:
                break
            if segment.sequence == self._next:
                got += segment.payload
                self._next += len(segment.payload) + bool(segment.flags & FIN)
                self.send(ACK)
            if segment.flags & FIN:
                break
        return got
