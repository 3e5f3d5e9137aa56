"""Acceleration from end to end: pods that ask for it, through the node proxy, sidecars and the kernel path, and what
`fairlead status` says. Applications here do not block: nginx at one end, an event loop at the other."""
from __future__ import annotations

import contextlib
import random
import selectors
import socket
import threading

import pytest

from support import apps, manifests
from support.agent import settle
from support.traffic import Connection

ASKS = {"fairlead.dev/accelerate": "true"}
LARGE = apps.pattern(3 << 20)


class EventEcho(threading.Thread):
    """An event loop's echo server inside a pod: non-blocking, level-triggered, as most event-driven programs are."""

    def __init__(self, pod, port: int):
        super().__init__(daemon=True)
        self.listener = pod.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("0.0.0.0", port))
        self.listener.listen(64)
        self.listener.setblocking(False)
        self.ended = False
        self.start()

    def run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.listener, selectors.EVENT_READ)
            waiting: dict[socket.socket, bytes] = {}
            while not self.ended:
                for key, events in selector.select(0.1):
                    if key.fileobj is self.listener:
                        peer, _ = self.listener.accept()
                        peer.setblocking(False)
                        waiting[peer] = b""
                        selector.register(peer, selectors.EVENT_READ)
                    else:
                        self.serve(selector, waiting, key.fileobj, events)

    def serve(self, selector, waiting, peer: socket.socket, events: int) -> None:
        try:
            if events & selectors.EVENT_READ and len(waiting[peer]) < 1 << 20:
                more = peer.recv(65536)
                if not more and not waiting[peer]:
                    raise ConnectionError
                waiting[peer] += more
            waiting[peer] = waiting[peer][peer.send(waiting[peer]):] if waiting[peer] else b""
        except BlockingIOError:
            pass
        except OSError:
            selector.unregister(peer)
            peer.close()
            return
        selector.modify(peer, selectors.EVENT_READ | (selectors.EVENT_WRITE if waiting[peer] else 0))

    def close(self) -> None:
        self.ended = True
        self.join()
        self.listener.close()


class World:
    def __init__(self, node):
        self.node = node
        node.write(manifests.namespace("shop"))
        self.client = node.pod("shop/client", account="client", annotations=ASKS)
        self.quiet = node.pod("shop/quiet", account="quiet")
        self.web = node.pod("shop/web", account="web", labels={"app": "web"}, annotations=ASKS,
                            ports={"http": 8080, "tcp": 9000})
        node.app(apps.Nginx, self.web, node.folder_for("web"), 8080, {"/small": b"small", "/large": LARGE})
        node.app(EventEcho, self.web, 9000)
        self.vip, self.vip6 = node.service("shop/web", [{"name": "http", "port": 80, "targetPort": 8080},
                                                        {"name": "tcp", "port": 9000, "targetPort": 9000}], {"app": "web"})
        node.agent.start()

    def acceleration(self, pod: str) -> dict:
        return self.node.cli.pod(f"shop/{pod}")["acceleration"]

    def joined(self, pod: str) -> int:
        return self.acceleration(pod)["sockets"].get("joined", {"count": 0})["count"]


@pytest.fixture(scope="module")
def world(bare_node):
    return World(bare_node)


@pytest.fixture(params=["node", "sidecar"])
def mode(world, request):
    for pod in ("client", "web"):
        world.node.cli("mode", f"pod/shop/{pod}", request.param)
    world.node.cli.wait()
    yield request.param
    for pod in ("client", "web"):
        world.node.cli("mode", f"pod/shop/{pod}", "default")
    world.node.cli.wait()


def segments(pod) -> int:
    """TCP segments that the pod's namespace has sent."""
    with pod.inside():
        rows = [line.split() for line in open("/proc/thread-self/net/snmp") if line.startswith("Tcp:")]
    return int(rows[1][rows[0].index("OutSegs")])


def teach(world, address: str | None = None) -> None:
    """The first connections of each kind show how the applications use their sockets."""
    for _ in range(3):
        with Connection(world.client, address or world.vip) as connection:
            for _ in range(3):
                assert connection.ask("/small").status == 200


@contextlib.contextmanager
def switched_all_the_time(world):
    """Turns acceleration off and on as fast as the agent takes it, and leaves it on."""
    ended = threading.Event()

    def turn() -> None:
        while not ended.is_set():
            world.node.cli("accelerate", "off")
            world.node.cli("accelerate", "on")

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_requests_pass_both_hops_of_a_proxy_without_a_segment(world, mode):
    teach(world)
    with Connection(world.client, world.vip) as connection:
        for _ in range(3):
            assert connection.ask("/small").body == b"small"
        settle(lambda: (segments(world.client), segments(world.web)))
        before = segments(world.client) + segments(world.web)
        for _ in range(200):
            assert connection.ask("/small").body == b"small"
        # Two sidecars speak to each other; that hop, too, is between sockets of ours.
        assert segments(world.client) + segments(world.web) - before < 50, mode
    assert world.joined("client") and world.joined("web")


def test_the_same_over_ipv6(world, mode):
    teach(world, world.vip6)
    with Connection(world.client, world.vip6) as connection:
        for _ in range(3):
            assert connection.ask("/small").body == b"small"
        before = segments(world.client) + segments(world.web)
        for _ in range(200):
            assert connection.ask("/small").body == b"small"
        assert segments(world.client) + segments(world.web) - before < 50, mode


def test_no_byte_is_lost_or_moved_while_the_switch_is_turned(world, mode):
    teach(world)
    with switched_all_the_time(world), Connection(world.client, world.vip) as connection:
        for _ in range(20):
            assert connection.ask("/large").body == LARGE
            for _ in range(20):
                assert connection.ask("/small").body == b"small"


def echoed(sock: socket.socket, sent: bytes, seed: int) -> bytes:
    """Everything that comes back while `sent` goes out in pieces of random size."""
    def send() -> None:
        sizes, at = random.Random(seed), 0
        while at < len(sent):
            size = sizes.randrange(1, 40_000)
            sock.sendall(sent[at:at + size])
            at += size

    thread, got = threading.Thread(target=send), bytearray()
    thread.start()
    while len(got) < len(sent) and (piece := sock.recv(100_000)):
        got += piece
    thread.join()
    return bytes(got)


def test_streams_on_the_kernel_path_arrive_whole_while_the_switch_is_turned(world):
    for _ in range(3):
        with world.client.dial(world.vip, 9000) as sock:
            for _ in range(2):
                assert echoed(sock, b"ping", 1) == b"ping"
    before = world.joined("client")
    with switched_all_the_time(world):
        for seed in range(4):
            with world.client.dial(world.vip, 9000) as sock:
                assert echoed(sock, LARGE, seed) == LARGE
    with world.client.dial(world.vip, 9000) as sock:
        assert echoed(sock, LARGE, 9) == LARGE
    assert world.joined("client") > before


def test_a_pod_that_does_not_ask_gets_none_and_status_says_why(world):
    with Connection(world.quiet, world.vip) as connection:
        for _ in range(5):
            assert connection.ask("/small").body == b"small"
    acceleration = world.acceleration("quiet")
    assert (acceleration["accelerated"], acceleration["why_not"], acceleration["sockets"]) == (False, "not asked for", {})
    assert 'fairlead.dev/accelerate: "true"' in acceleration["advice"]
    assert world.acceleration("client")["reason"] == "annotation fairlead.dev/accelerate on the pod"


def test_status_shows_the_self_tests_and_what_they_mean(world):
    acceleration = world.node.cli.json("status")["acceleration"]
    assert acceleration["attached"] and acceleration["problem"] is None
    tests = acceleration["self_tests"]
    assert all(test["passed"] for test in tests if test["required"])
    assert {test["name"].split()[0] for test in tests} >= {"FIONREAD", "splice()", "order"}
    text = world.node.cli("status").stdout
    assert all(test["name"] in text and (test["passed"] or test["meaning"] in text) for test in tests)


def test_auto_stays_on_tcp_where_nothing_tells_what_the_application_uses(world):
    world.node.write(manifests.pod("shop/quiet", world.quiet.path, [world.quiet.ip4, world.quiet.ip6], account="quiet",
                                   annotations={"fairlead.dev/accelerate": "auto"}))
    world.node.cli.wait()
    acceleration = world.acceleration("quiet")
    assert not acceleration["accelerated"] and acceleration["why_not"].startswith("auto:")


def test_the_switch_outlives_a_restart_and_a_kill_cuts_no_redirected_connection(world):
    teach(world)
    with world.client.dial(world.vip, 9000) as sock:
        assert echoed(sock, LARGE, 1) == LARGE
        world.node.cli("accelerate", "off")
        world.node.agent.kill()
        assert echoed(sock, LARGE, 2) == LARGE
        world.node.agent.start()
        assert world.node.cli.json("accelerate")["acceleration"]["switch"] == "off"
        assert "turned off" in world.acceleration("client")["why_not"]
        assert echoed(sock, LARGE, 3) == LARGE
        world.node.cli("accelerate", "on")
        assert echoed(sock, LARGE, 4) == LARGE
    assert world.acceleration("client")["accelerated"]
