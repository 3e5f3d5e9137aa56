"""fairlead-proxy under callgrind, started by an agent as always, and a load that wakes it the same number of times for
each request: one connection, one request at a time, messages of the same bytes in one piece.
"""
from __future__ import annotations

import contextlib
import json
import shutil
import socket
import threading
import time
from pathlib import Path
from typing import Callable

from . import manifests
from .agent import settle
from .network import Netns
from .node import Node
from .processes import run

VALGRIND = "/usr/bin/valgrind"
PORTS = {"http": 8080, "tcp": 9000}
PIECE = 16 * 1024
BODY = b"x" * 100
REQUEST = (b"GET /hello HTTP/1.1\r\nHost: web.shop\r\nUser-Agent: instructions/1.0\r\nAccept: */*\r\n"
           b"canary: true\r\n\r\n")
RESPONSE = (b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
            b"Content-Type: text/plain\r\nContent-Length: 100\r\nConnection: keep-alive\r\n\r\n" + BODY)

# What the proxy's loop needs to find its next timer depends on how many words of its wheel (64 ticks of 20 ms) lie in
# between. So a connection begins in the middle of a word, and a load during which the next timer comes nearer, as the
# report every 5 s of a TCP connection does, is spread evenly over two such periods, however fast the machine is.
WORD = 1.28
SPREAD = {"http": 0.0, "tcp": 10.0}

# The agent executes its proxy by a descriptor that closes on exec, which an interpreter could not open any more: the
# program in the proxy's place has to be a binary. The environment is the agent's choice, so options are built in.
_LAUNCHER = """\
#include <unistd.h>
int main(int argc, char** argv) {
  char* all[64] = {%s};
  int count = 0;
  while (all[count]) ++count;
  for (int i = 1; i < argc && count < 63; ++i) all[count++] = argv[i];
  execv(all[0], all);
  return 127;
}
"""


def make_programs(build: Path, folder: Path, written: Path) -> None:
    """A folder of programs for an agent whose proxies run under callgrind; its files appear in `written`."""
    folder.mkdir()
    for name in ("fairlead", "fairlead-agent"):
        shutil.copy(build / "bin" / name, folder)
    # Not beside the agent, where the launcher has its name. Valgrind 3.19 dies of DWARF 5, and the symbols are enough.
    real = folder / "measured" / "fairlead-proxy"
    real.parent.mkdir()
    run("llvm-strip-19", "--strip-debug", "-o", real, build / "bin" / "fairlead-proxy")
    command = [VALGRIND, "-q", "--tool=callgrind", "--vgdb=no", f"--callgrind-out-file={written}/%p.out", str(real)]
    run("clang-19", "-x", "c", "-O1", "-o", folder / "fairlead-proxy", "-",
        input=_LAUNCHER % ", ".join(map(json.dumps, command)))
    written.mkdir()
    written.chmod(0o777)    # callgrind writes as the proxy's user


class _Server:
    """Sends the same answer for every whole request."""

    def __init__(self, pod: Netns, port: int, is_whole: Callable[[bytes], bool], answer: bytes):
        self._listener, self._is_whole, self._answer = pod.listen(port), is_whole, answer
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        got = b""
        with sock, contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while piece := sock.recv(65536):
                got += piece
                if self._is_whole(got):
                    sock.sendall(self._answer)
                    got = b""

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)    # wakes accept(), which close() does not
        self._listener.close()


def _is_answer(got: bytes) -> bool:
    head, end, body = got.partition(b"\r\n\r\n")
    assert not end or head.startswith(b"HTTP/1.1 200 "), f"the proxy answers {head!r}"
    return len(body) == len(BODY)


def _ask(sock: socket.socket, times: int, every: float, request: bytes, is_whole: Callable[[bytes], bool]) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    begin = time.monotonic()
    for number in range(times):
        if (early := begin + number * every - time.monotonic()) > 0:
            time.sleep(early)
        sock.sendall(request)
        got = b""
        while not is_whole(got):
            piece = sock.recv(65536)
            assert piece, "the proxy has ended the connection"
            got += piece


class Rig:
    """shop/client, and shop/server behind the service shop/web, with policies and a route as users have them."""

    def __init__(self, node: Node, written: Path):
        self._node, self._written = node, written
        self._kept = written / "kept"
        self._kept.mkdir()
        self._pods = {name: node.netns(f"shop/{name}") for name in ("client", "server")}
        server = self._pods["server"]
        node.app(_Server, server, PORTS["http"], lambda got: got.endswith(b"\r\n\r\n"), RESPONSE)
        node.app(_Server, server, PORTS["tcp"], lambda got: len(got) == PIECE, b"y" * PIECE)
        self._vip, _ = node.service("shop/web", [{"name": name, "port": port, "targetPort": port}
                                                 for name, port in PORTS.items()], {"app": "server"})
        to_web = [{"destination": {"host": "web"}}]
        caller = {"from": [{"source": {"principals": [manifests.principal("shop", "client")]}}]}
        admin = {"to": [{"operation": {"paths": ["/admin*"], "ports": [str(PORTS["http"])]}}]}
        node.write(manifests.namespace("shop"),
                   manifests.authorization("shop/callers", "ALLOW", [caller], {"app": "server"}),
                   manifests.authorization("shop/no-admin", "DENY", [admin], {"app": "server"}),
                   manifests.virtual_service("shop/web", ["web"], [
                       {"match": [{"headers": {"canary": {"exact": "true"}}}], "route": to_web}, {"route": to_web}]))

    def run(self, mode: str, port: str, requests: int) -> list[Path]:
        """The files of callgrind, one per proxy, each from its start to its end."""
        for name, pod in self._pods.items():
            self._node.write(manifests.pod(
                f"shop/{name}", pod.path, [pod.ip4, pod.ip6], labels={"app": name}, account=name,
                ports=PORTS if name == "server" else None, annotations={"fairlead.dev/mode": mode}))
        agent = self._node.agent
        agent.start()
        time.sleep((WORD / 2 - time.monotonic()) % WORD)
        with self._pods["client"].dial(self._vip, PORTS[port], timeout=60) as sock:
            load = (REQUEST, _is_answer) if port == "http" else (b"x" * PIECE, lambda got: len(got) == PIECE)
            _ask(sock, requests, SPREAD[port] / requests, *load)
        if port == "http":
            self._must_have_counted("istio_requests_total", requests)
        else:
            self._must_have_counted("istio_tcp_connections_closed_total", 1)
        agent.stop()
        files = []
        for file in self._written.glob("*.out"):
            files.append(file.rename(self._kept / f"{mode}-{port}-{requests}-{file.stem}.callgrind"))
        return files

    def _must_have_counted(self, metric: str, expected: int) -> None:
        """That the load took the path whose cost is told."""
        for reporter in ("source", "destination"):
            counted = settle(lambda: self._node.agent.counts(metric, reporter=reporter), expected)
            assert counted == expected, f"{metric} of the {reporter} is {counted:.0f} instead of {expected}"
