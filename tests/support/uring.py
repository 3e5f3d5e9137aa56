"""io_uring by its system calls: one operation at a time, each waited for (linux/io_uring.h; numbers of every 64-bit port)."""
from __future__ import annotations

import ctypes
import mmap
import os
import socket
import struct

_libc = ctypes.CDLL(None, use_errno=True)
_SETUP, _ENTER = 425, 426
_OFFSET_SQ_RING, _OFFSET_SQES = 0, 0x10000000
_FEATURE_SINGLE_MMAP = 1
_ENTER_GETEVENTS = 1
_OP_CONNECT, _OP_SEND, _OP_RECV = 16, 26, 27
_ENTRIES = 4


class _Parameters(ctypes.Structure):
    """struct io_uring_params; the two arrays are struct io_sqring_offsets and io_cqring_offsets."""
    _fields_ = [("sq_entries", ctypes.c_uint32), ("cq_entries", ctypes.c_uint32), ("flags", ctypes.c_uint32),
                ("sq_thread", ctypes.c_uint32 * 2), ("features", ctypes.c_uint32), ("wq_fd", ctypes.c_uint32),
                ("reserved", ctypes.c_uint32 * 3), ("sq", ctypes.c_uint32 * 10), ("cq", ctypes.c_uint32 * 10)]


def _sockaddr(family: int, address: str, port: int) -> bytes:
    packed = socket.inet_pton(family, address)
    if family == socket.AF_INET:
        return struct.pack("=H", family) + struct.pack("!H", port) + packed + bytes(8)
    return struct.pack("=H", family) + struct.pack("!HI", port, 0) + packed + bytes(4)


class Ring:
    def __init__(self) -> None:
        parameters = _Parameters()
        self._fd = _libc.syscall(_SETUP, _ENTRIES, ctypes.byref(parameters))
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "io_uring_setup")
        assert parameters.features & _FEATURE_SINGLE_MMAP, "both rings in one mapping: since Linux 5.4"
        size = max(parameters.sq[6] + 4 * parameters.sq_entries, parameters.cq[5] + 16 * parameters.cq_entries)
        self._rings = mmap.mmap(self._fd, size, flags=mmap.MAP_SHARED, offset=_OFFSET_SQ_RING)
        self._sqes = mmap.mmap(self._fd, 64 * parameters.sq_entries, flags=mmap.MAP_SHARED, offset=_OFFSET_SQES)
        self._sq_tail, self._sq_mask, self._sq_array = parameters.sq[1], parameters.sq[2], parameters.sq[6]
        self._cq_head, self._cq_mask, self._cqes = parameters.cq[0], parameters.cq[2], parameters.cq[5]

    def _number(self, place: int) -> int:
        return struct.unpack_from("=I", self._rings, place)[0]

    def _run(self, operation: int, fd: int, address: int, length: int, offset: int = 0) -> int:
        """The operation's result; its error as an OSError."""
        tail = self._number(self._sq_tail)
        index = tail & self._number(self._sq_mask)
        struct.pack_into("=BBHiQQII32x", self._sqes, 64 * index, operation, 0, 0, fd, offset, address, length, 0)
        struct.pack_into("=I", self._rings, self._sq_array + 4 * index, index)
        struct.pack_into("=I", self._rings, self._sq_tail, (tail + 1) & 0xFFFFFFFF)
        if _libc.syscall(_ENTER, self._fd, 1, 1, _ENTER_GETEVENTS, None, 0) != 1:
            raise OSError(ctypes.get_errno(), "io_uring_enter")
        head = self._number(self._cq_head)
        result = struct.unpack_from("=Qi", self._rings, self._cqes + 16 * (head & self._number(self._cq_mask)))[1]
        struct.pack_into("=I", self._rings, self._cq_head, (head + 1) & 0xFFFFFFFF)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return result

    def connect(self, sock: socket.socket, address: str, port: int) -> None:
        to = ctypes.create_string_buffer(_sockaddr(sock.family, address, port))
        self._run(_OP_CONNECT, sock.fileno(), ctypes.addressof(to), 0, offset=len(to) - 1)

    def send(self, sock: socket.socket, data: bytes) -> None:
        while data:
            piece = ctypes.create_string_buffer(data)
            data = data[self._run(_OP_SEND, sock.fileno(), ctypes.addressof(piece), len(data)):]

    def receive(self, sock: socket.socket, size: int) -> bytes:
        """Exactly `size` bytes; fewer only if the peer ends."""
        got = b""
        piece = ctypes.create_string_buffer(65536)
        while len(got) < size:
            count = self._run(_OP_RECV, sock.fileno(), ctypes.addressof(piece), min(size - len(got), len(piece)))
            if count == 0:
                break
            got += piece.raw[:count]
        return got

    def close(self) -> None:
        self._rings.close()
        self._sqes.close()
        os.close(self._fd)

    def __enter__(self) -> "Ring":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
