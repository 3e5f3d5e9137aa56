"""For the files in which agents come and go: what is to stay the same meanwhile."""
from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
import time

from support import apps
from support.agent import settle
from support.processes import eventually


# Seconds for which there is no agent. Well within the connect timeout: a proxy that needs a socket waits for the next one.
WITHOUT = 0.3


def as_before(shop) -> None:
    """Whatever a test did: an agent runs again, and every pod is in its default mode."""
    if not shop.node.agent.alive():
        shop.node.agent.start()
    modes(shop, "default")
    eventually("sidecars of this test to end", lambda: len(shop.node.agent.proxies()) == 1, patience=60)


def modes(shop, mode: str, *names: str) -> None:
    for name in names or ("client", "web-1", "web-2"):
        shop.node.cli("mode", f"pod/shop/{name}", mode)
    shop.node.cli.wait()


def proxies(shop) -> dict[str, dict]:
    """What `status` says of each proxy, by name."""
    return {proxy["name"]: proxy for proxy in shop.node.cli.json("status")["proxies"]}


def pids(shop) -> dict[str, int]:
    return {name: proxy["pid"] for name, proxy in proxies(shop).items()}


def listeners(shop) -> dict[str, list]:
    return {pod["pod"]: sorted(pod["listeners"], key=str) for pod in shop.node.cli.json("status")["pods"]}


def requests(shop) -> float:
    return settle(lambda: shop.node.agent.counts("istio_requests_total", reporter="source"))


@contextlib.contextmanager
def long_transfer(shop, size: int = 16 << 20):
    """A download that goes on meanwhile, read slowly; whole and unharmed at the end."""
    got = hashlib.sha256()
    sock = shop.client.dial(shop.web["v1"].ip4, 8080)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    sock.sendall(f"GET /bytes/{size} HTTP/1.1\r\nHost: web.shop\r\nConnection: close\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(1)
    resume, count = threading.Event(), [0]

    def read() -> None:
        while piece := sock.recv(65536):
            got.update(piece)
            count[0] += len(piece)
            if not resume.is_set():
                time.sleep(0.02)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    yield count
    assert 0 < count[0] < size, "the transfer was not in the middle"
    resume.set()
    reader.join(60)
    sock.close()
    assert (count[0], got.hexdigest()) == (size, hashlib.sha256(apps.pattern(size)).hexdigest())
