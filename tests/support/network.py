"""Pods' network namespaces on one bridge, IPv4 and IPv6, and sockets made inside them.

Everything carries a prefix (`flt3`): namespaces `flt3-shop.client`, the bridge `flt3br`, host ends `flt3v7`. The number
is also the third part of the addresses, so that test files run side by side. The bridge does not forward: nothing that
a pod sends leaves the machine.
"""
from __future__ import annotations

import contextlib
import ctypes
import ipaddress
import os
import re
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from .processes import eventually, run

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_SO_NETNS_COOKIE = 71
_NETNS = Path("/run/netns")


@dataclass(frozen=True)
class Netns:
    """A pod's network namespace and its addresses."""
    name: str
    ip4: str
    ip6: str

    @property
    def path(self) -> str:
        return f"{_NETNS}/{self.name}"

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Puts the calling thread into the namespace. A socket made meanwhile stays there for good; nothing else moves."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if _libc.setns(there, _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns {self.path}")
            try:
                yield
            finally:
                if _libc.setns(home, _CLONE_NEWNET) != 0:
                    os._exit(70)     # a thread in the wrong namespace must not go on
        finally:
            os.close(there)
            os.close(home)

    def socket(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, protocol: int = 0) -> socket.socket:
        with self.inside():
            return socket.socket(family, kind, protocol)

    def cookie(self) -> int:
        with self.socket() as probe:
            return int.from_bytes(probe.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8), "little")

    def dial(self, address: str, port: int, timeout: float = 20, source: tuple[str, int] | None = None) -> socket.socket:
        """A connected TCP socket of this pod; what connect() raises otherwise."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        made = self.socket(family)
        try:
            made.settimeout(timeout)
            if source:
                made.bind(source)
            made.connect((address, port))
        except BaseException:
            made.close()
            raise
        return made

    def listen(self, port: int, address: str = "::", protocol: int = 0) -> socket.socket:
        """A listening TCP socket of this pod; on "::" it takes IPv4 too."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        made = self.socket(family, protocol=protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind((address, port))
        made.listen(128)
        return made


class Network:
    def __init__(self, prefix: str, slot: int):
        if not re.fullmatch(r"[a-z]{2,5}", prefix) or not 0 <= slot < 100:
            raise ValueError(f"prefix: two to five lower-case letters, slot: 0 to 99; found {prefix!r}, {slot}")
        self.prefix, self.slot = f"{prefix}{slot}", slot
        self.bridge = f"{self.prefix}br"
        self._net4 = ipaddress.ip_network(f"10.77.{slot}.0/24")
        self._net6 = ipaddress.ip_network(f"fd77:0:0:{slot}::/64")
        self._services4 = ipaddress.ip_network(f"10.78.{slot}.0/24")
        self._services6 = ipaddress.ip_network(f"fd78:0:0:{slot}::/64")
        self._pods = self._links = self._services = 0
        self._link_of: dict[str, str] = {}

    def service_addresses(self) -> tuple[str, str]:
        """The next free cluster IPs (IPv4, IPv6)."""
        self._services += 1
        return str(self._services4[self._services]), str(self._services6[self._services])

    def up(self) -> None:
        run("ip", "-batch", "-", input=f"link add {self.bridge} type bridge mcast_snooping 0\n"
                                       f"link set {self.bridge} addrgenmode none\n"
                                       f"addr add {self._net4[1]}/24 dev {self.bridge}\n"
                                       f"addr add {self._net6[1]}/64 dev {self.bridge} nodad\n"
                                       f"link set {self.bridge} up\n")
        for family in ("ipv4", "ipv6"):
            Path(f"/proc/sys/net/{family}/conf/{self.bridge}/forwarding").write_text("0")

    def add(self, key: str) -> Netns:
        """Makes the namespace for the pod NAMESPACE/NAME (or for a client that is no pod)."""
        self._pods += 1
        self._links += 1
        pod = Netns(f"{self.prefix}-{key.replace('/', '.')}", str(self._net4[self._pods + 1]), str(self._net6[self._pods + 1]))
        link = self._link_of[pod.name] = f"{self.prefix}v{self._links}"
        run("ip", "-batch", "-", input=f"netns add {pod.name}\n"
                                       f"link add {link} type veth peer name eth0 netns {pod.name}\n"
                                       f"link set {link} master {self.bridge} addrgenmode none up\n")
        # nodad: an IPv6 address is usable at once, not after a second of looking for duplicates.
        run("ip", "-n", pod.name, "-batch", "-", input=f"link set lo up\n"
                                                       f"link set eth0 addrgenmode none\n"
                                                       f"addr add {pod.ip4}/24 dev eth0\n"
                                                       f"addr add {pod.ip6}/64 dev eth0 nodad\n"
                                                       f"link set eth0 up\n"
                                                       f"route add default via {self._net4[1]}\n"
                                                       f"route add default via {self._net6[1]}\n")
        return pod

    def remove(self, pod: Netns) -> None:
        run("ip", "link", "del", self._link_of.pop(pod.name), check=False)
        run("ip", "netns", "del", pod.name)

    def left(self) -> list[str]:
        """What there is with this prefix: namespaces, links, and processes inside the namespaces."""
        names = sorted(path.name for path in _NETNS.glob(f"{self.prefix}-*"))
        links = sorted(path.name for path in Path("/sys/class/net").iterdir()
                       if re.fullmatch(rf"{self.prefix}(br|v[0-9]+)", path.name))
        return [*(f"process {pid} in {name}" for name in names for pid in self._pids(name)),
                *(f"namespace {name}" for name in names), *(f"link {link}" for link in links)]

    def sweep(self) -> None:
        """Removes all of `left()`. A process in a namespace with our prefix was started by a run of ours."""
        for entry in self.left():
            kind, name = entry.split()[:2]
            if kind == "process":
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(name), signal.SIGKILL)
            elif kind == "link":
                run("ip", "link", "del", name, check=False)
            else:
                run("ip", "netns", "del", name, check=False)
        self._link_of.clear()
        eventually(f"everything named {self.prefix} to be gone", lambda: not self.left())

    @staticmethod
    def _pids(name: str) -> list[str]:
        # A socket made by `inside` belongs to the namespace, its process does not: we are never listed ourselves.
        return [pid for pid in run("ip", "netns", "pids", name, check=False).stdout.split() if int(pid) != os.getpid()]
