"""Ways to open a TCP connection besides connect() on a blocking socket. Each is a function of (pod, address, port, first)
that returns the connected socket once the bytes `first` are sent; what the kernel refuses raises OSError."""
from __future__ import annotations

import ctypes
import errno
import functools
import os
import select
import socket
import struct

from . import uring
from .network import Netns

IPPROTO_MPTCP = 262
_MSG_FASTOPEN = 0x20000000
_TCP_FASTOPEN_CONNECT = 30
_IP_BIND_ADDRESS_NO_PORT = 24
_TIMEOUT = 20

_libc = ctypes.CDLL(None, use_errno=True)


def _made(pod: Netns, address: str, protocol: int = 0) -> socket.socket:
    made = pod.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, protocol=protocol)
    made.settimeout(_TIMEOUT)
    return made


def _connected(made: socket.socket, address: str, port: int, first: bytes) -> socket.socket:
    made.connect((address, port))
    made.sendall(first)
    return made


def _closing_on_failure(way):
    """`way` is a function of (socket, pod, address, port, first)."""
    @functools.wraps(way)
    def dial(pod: Netns, address: str, port: int, first: bytes, protocol: int = 0) -> socket.socket:
        made = _made(pod, address, protocol)
        try:
            way(made, pod, address, port, first)
        except BaseException:
            made.close()
            raise
        return made
    return dial


@_closing_on_failure
def plain(made, pod, address, port, first):
    _connected(made, address, port, first)


def ipv4_by_an_ipv6_socket(pod: Netns, address: str, port: int, first: bytes) -> socket.socket:
    return plain(pod, address if ":" in address else f"::ffff:{address}", port, first)


def mptcp(pod: Netns, address: str, port: int, first: bytes) -> socket.socket:
    return plain(pod, address, port, first, protocol=IPPROTO_MPTCP)


def mptcp_by_an_ipv6_socket(pod: Netns, address: str, port: int, first: bytes) -> socket.socket:
    return plain(pod, address if ":" in address else f"::ffff:{address}", port, first, protocol=IPPROTO_MPTCP)


@_closing_on_failure
def non_blocking(made, pod, address, port, first):
    made.setblocking(False)
    error = made.connect_ex((address, port))
    if error not in (0, errno.EINPROGRESS):
        raise OSError(error, os.strerror(error))
    assert select.select([], [made], [], _TIMEOUT)[1], "the connection is neither made nor refused"
    if error := made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(error, os.strerror(error))
    made.settimeout(_TIMEOUT)
    made.sendall(first)


def non_blocking_mptcp(pod: Netns, address: str, port: int, first: bytes) -> socket.socket:
    return non_blocking(pod, address, port, first, protocol=IPPROTO_MPTCP)


@_closing_on_failure
def data_with_the_syn(made, pod, address, port, first):
    """MSG_FASTOPEN: no call of connect() at all."""
    made.setblocking(True)     # Python's time-out makes the socket non-blocking, and the call would not wait
    sent = made.sendto(first, _MSG_FASTOPEN, (address, port))
    made.settimeout(_TIMEOUT)
    made.sendall(first[sent:])


def data_with_the_syn_of_mptcp(pod: Netns, address: str, port: int, first: bytes) -> socket.socket:
    return data_with_the_syn(pod, address, port, first, protocol=IPPROTO_MPTCP)


@_closing_on_failure
def connect_that_waits_for_data(made, pod, address, port, first):
    """TCP_FASTOPEN_CONNECT: the SYN goes out with the first write."""
    made.setsockopt(socket.IPPROTO_TCP, _TCP_FASTOPEN_CONNECT, 1)
    _connected(made, address, port, first)


@_closing_on_failure
def bound_without_a_port(made, pod, address, port, first):
    """IP_BIND_ADDRESS_NO_PORT: the source address is chosen beforehand, the port by connect()."""
    made.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
    made.bind((pod.ip6 if ":" in address else pod.ip4, 0))
    _connected(made, address, port, first)


@_closing_on_failure
def bound(made, pod, address, port, first):
    made.bind((pod.ip6 if ":" in address else pod.ip4, 0))
    _connected(made, address, port, first)


def dissolve(made: socket.socket) -> None:
    """connect() to AF_UNSPEC: the socket is as new."""
    nobody = struct.pack("=H14x", socket.AF_UNSPEC)
    if _libc.connect(made.fileno(), nobody, len(nobody)) != 0:
        raise OSError(ctypes.get_errno(), "connect to AF_UNSPEC")


@_closing_on_failure
def used_before_for_itself(made, pod, address, port, first):
    """First connected to a server of its own pod, dissolved, then connected anew."""
    inside = pod.listen(0)
    with inside:
        made.connect(("::1" if ":" in address else "127.0.0.1", inside.getsockname()[1]))
        dissolve(made)
    _connected(made, address, port, first)


@_closing_on_failure
def used_before_for_the_same(made, pod, address, port, first):
    made.connect((address, port))
    dissolve(made)
    _connected(made, address, port, first)


@_closing_on_failure
def by_io_uring(made, pod, address, port, first):
    with uring.Ring() as ring:
        ring.connect(made, address, port)
        ring.send(made, first)


def mptcp_by_io_uring(pod: Netns, address: str, port: int, first: bytes) -> socket.socket:
    return by_io_uring(pod, address, port, first, protocol=IPPROTO_MPTCP)


ALL = [ipv4_by_an_ipv6_socket, non_blocking, data_with_the_syn, connect_that_waits_for_data, bound_without_a_port, bound,
       used_before_for_itself, used_before_for_the_same, by_io_uring, mptcp, mptcp_by_an_ipv6_socket, non_blocking_mptcp,
       data_with_the_syn_of_mptcp, mptcp_by_io_uring]
