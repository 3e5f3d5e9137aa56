"""HTTP/1.1 from a pod: single requests, kept connections, request loops, and counting answers."""
from __future__ import annotations

import collections
import http.client
import json
import socket
import threading
from dataclasses import dataclass
from typing import Any, Mapping

from .network import Netns


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Connection(http.client.HTTPConnection):
    """A kept connection from a pod. It never dials a second time by itself: what ended stays ended."""

    auto_open = 0

    def __init__(self, pod: Netns, address: str, port: int = 80, host: str | None = None, timeout: float = 30):
        super().__init__(address, port, timeout=timeout)
        self.host_header = host or f"{f'[{address}]' if ':' in address else address}:{port}"
        self.sock = pod.dial(address, port, timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, path: str = "/", method: str = "GET", headers: Mapping[str, str] | None = None,
            body: bytes | None = None) -> Answer:
        self.request(method, path, body, {"Host": self.host_header, **(headers or {})})
        response = self.getresponse()
        return Answer(response.status, response.headers, response.read())

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ask(pod: Netns, address: str, path: str = "/", port: int = 80, host: str | None = None, method: str = "GET",
        headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
    """One request on a connection of its own."""
    with Connection(pod, address, port, host) as connection:
        return connection.ask(path, method, headers, body)


def count(times: int, key, *args, **kwargs) -> collections.Counter:
    """How often each `key(answer)` came in `times` requests, one connection each."""
    return collections.Counter(key(ask(*args, **kwargs)) for _ in range(times))


def exchange(sock: socket.socket, sent: bytes, until: int | None = None) -> bytes:
    """Sends, and reads `until` bytes (default: as many as were sent), fewer only if the peer ends."""
    sock.sendall(sent)
    wanted, got = len(sent) if until is None else until, b""
    while len(got) < wanted and (piece := sock.recv(wanted - len(got))):
        got += piece
    return got


def read_all(sock: socket.socket) -> bytes:
    """Everything until the peer ends or resets the connection."""
    got = b""
    try:
        while piece := sock.recv(65536):
            got += piece
    except ConnectionResetError:
        pass
    return got


class RequestLoop:
    """Requests without a pause, each on a connection of its own, from a thread. A context manager; `failures` are
    answers other than 200, and errors, as text."""

    def __init__(self, pod: Netns, address: str, port: int = 80, host: str | None = None):
        self._args = (pod, address, "/", port, host)
        self.sent, self.failures = 0, []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)

    def _loop(self) -> None:
        while not self._stop.is_set():
            try:
                answer = ask(*self._args)
                if answer.status != 200:
                    self.failures.append(f"request {self.sent}: {answer.status} {answer.text[:80]}")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"request {self.sent}: {error!r}")
            self.sent += 1

    def passed(self, more: int):
        """A probe for `eventually`: true once `more` further requests are done."""
        goal = self.sent + more
        return lambda: self.sent >= goal

    def __enter__(self) -> "RequestLoop":
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)

    def __exit__(self, *_: object) -> None:
        self.stop()
