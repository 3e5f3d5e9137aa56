"""The kernel path is told of: records and Istio's TCP series, for connections and for those that are refused."""
from __future__ import annotations

import contextlib
import socket
import struct

import pytest

from shop import WEB, Shop, allow
from support import manifests
from support.agent import settle
from support.traffic import exchange, read_all

GREETING = len(b"web-1\n")
OPENED, CLOSED = "istio_tcp_connections_opened_total", "istio_tcp_connections_closed_total"
SENT, RECEIVED = "istio_tcp_sent_bytes_total", "istio_tcp_received_bytes_total"


@pytest.fixture(scope="module")
def shop(bare_node):
    return Shop(bare_node)


class Counted:
    """How much the four series have grown since it was made."""

    def __init__(self, shop, **labels):
        self._shop, self._labels = shop, labels
        self._before = self._now()

    def _now(self) -> list[float]:
        return [self._shop.node.agent.counts(metric, **self._labels) for metric in (OPENED, CLOSED, RECEIVED, SENT)]

    def _grown(self) -> list[float]:
        return [after - before for after, before in zip(self._now(), self._before)]

    def assert_settles_at(self, *expected: float) -> None:
        """Opened, closed, received from the client, sent to it."""
        grown = settle(self._grown, list(expected))
        assert grown == list(expected), (self._labels, grown)


def records(shop, **fields):
    return shop.node.agent.flows(path="kernel", **fields)


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@pytest.mark.parametrize("address", ["vip", "vip6"])
def test_each_connection_counts_once_at_either_end_with_its_bytes(shop, address):
    sides = [Counted(shop, reporter=reporter, source_workload="client", destination_service="web.shop.svc.cluster.local",
                     request_protocol="tcp") for reporter in ("source", "destination")]
    for size in (1, 1000, 300_000):
        with shop.client.dial(getattr(shop, address), 9000) as sock:
            exchange(sock, b"x" * size, GREETING + size)
    bytes_in = 1 + 1000 + 300_000
    for side in sides:
        side.assert_settles_at(3, 3, bytes_in, bytes_in + 3 * GREETING)


def test_an_open_connection_shows_what_it_has_carried_so_far(shop):
    side = Counted(shop, reporter="destination", source_workload="client")
    with shop.client.dial(shop.vip, 9000) as sock:
        exchange(sock, b"x" * 5000, GREETING + 5000)
        side.assert_settles_at(1, 0, 5000, 5000 + GREETING)
        exchange(sock, b"x" * 7, 7)
        side.assert_settles_at(1, 0, 5007, 5007 + GREETING)
    side.assert_settles_at(1, 1, 5007, 5007 + GREETING)


@pytest.mark.parametrize("end", ["client resets", "client shuts down first", "server's greeting is all"])
def test_the_way_a_connection_ends_adds_no_byte(shop, end):
    side = Counted(shop, reporter="source", source_workload="other")
    sock = shop.other.dial(shop.vip, 9000)
    if end == "client resets":
        assert len(exchange(sock, b"ab", GREETING + 2)) == GREETING + 2
        reset(sock)
    elif end == "client shuts down first":
        sock.sendall(b"ab")
        sock.shutdown(socket.SHUT_WR)
        assert len(read_all(sock)) == GREETING + 2
        sock.close()
    else:
        assert len(exchange(sock, b"", GREETING)) == GREETING
        sock.close()
    sent = 0 if end.startswith("server") else 2
    side.assert_settles_at(1, 1, sent, GREETING + sent)


def test_labels_and_record_name_both_ends(shop):
    with shop.client.dial(shop.vip, 9000) as sock:
        server = exchange(sock, b"", GREETING).decode().strip()
        port = sock.getsockname()[1]
    client = f"{shop.client.ip4}:{port}"
    record, = settle(lambda: records(shop, client=client))
    web = shop.web[f"v{server[-1]}"]
    assert record == {**record, "kind": "tcp", "reason": "kernel_path", "destination": f"{shop.vip}:9000",
                      "upstream": f"{web.ip4}:9000", "source_workload": "shop/client",
                      "source_principal": "cluster.local/ns/shop/sa/client", "destination_workload": f"shop/{server}",
                      "cluster": "outbound|9000||web.shop.svc.cluster.local", "bytes_received": 0, "bytes_sent": GREETING,
                      "protocol": "TCP", "policy": None}
    assert 0 < record["duration_ns"] < 60e9
    assert shop.node.agent.counts(OPENED, reporter="source", source_principal="spiffe://cluster.local/ns/shop/sa/client",
                                  destination_principal="spiffe://cluster.local/ns/shop/sa/web",
                                  destination_service_name="web", source_app="client", destination_app="web") > 0


def test_a_caller_from_outside_is_told_of_by_the_destination_only(shop):
    destination = Counted(shop, reporter="destination", source_workload="unknown", destination_workload="web-1")
    source = Counted(shop, reporter="source", source_workload="unknown")
    with shop.outside.dial(shop.web["v1"].ip4, 9000) as sock:
        exchange(sock, b"abc", GREETING + 3)
    destination.assert_settles_at(1, 1, 3, 3 + GREETING)
    source.assert_settles_at(0, 0, 0, 0)
    record, = records(shop, source_workload=None, destination_workload="shop/web-1", bytes_received=3)
    assert (record["source_principal"], record["cluster"]) == (None, "inbound")


def test_a_connection_that_leaves_the_mesh_is_told_of_by_its_source(shop):
    side = Counted(shop, reporter="source", source_workload="client", destination_service_name="PassthroughCluster")
    with shop.outside.listen(4444) as listener, shop.client.dial(shop.outside.ip4, 4444) as sock:
        accepted, _ = listener.accept()
        with accepted:
            sock.sendall(b"12345")
            assert accepted.recv(100) == b"12345"
        sock.close()
    side.assert_settles_at(1, 1, 5, 0)
    assert records(shop, destination=f"{shop.outside.ip4}:4444", cluster="PassthroughCluster", bytes_received=5)


def refusal(shop, pod, port: int, **fields):
    with pytest.raises(OSError):
        pod.dial(shop.vip, port)
    return records(shop, destination=f"{shop.vip}:{port}", **fields)


def test_a_refused_connection_has_a_record_that_names_the_policy(shop):
    with shop.node.having(allow("client")):
        assert refusal(shop, shop.other, 9000, reason="policy_denied", source_workload="shop/other")
    deny = manifests.authorization("shop/web-deny-9000", "DENY", [{"to": [{"operation": {"ports": ["9000"]}}]}], WEB)
    with shop.node.having(deny):
        assert refusal(shop, shop.client, 9000, reason="policy_denied", policy="shop/web-deny-9000",
                       source_workload="shop/client")
    with shop.node.having(manifests.network_policy("shop/closed", WEB, ingress=[])):
        assert refusal(shop, shop.client, 9000, reason="network_policy_denied", policy="shop/closed")
        with pytest.raises(ConnectionRefusedError):
            shop.outside.dial(shop.web["v2"].ip4, 9000)
        assert records(shop, reason="steer_network_policy_denied", policy="shop/closed", destination_workload="shop/web-2")
    assert refusal(shop, shop.client, 81, reason="no_port")


def test_an_endpoint_that_does_not_answer_is_no_connection_and_has_a_record(shop):
    side = Counted(shop, reporter="source", source_workload="client")
    with pytest.raises(ConnectionRefusedError):
        shop.client.dial(shop.web["v1"].ip4, 9999)
    assert records(shop, upstream=f"{shop.web['v1'].ip4}:9999", response_flags="UF")
    side.assert_settles_at(0, 0, 0, 0)


def test_what_ends_while_no_agent_lives_is_counted_by_the_next_one(shop):
    side = Counted(shop, reporter="source", source_workload="other")
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(shop.other.dial(shop.vip, 9000))
        exchange(sock, b"x" * 10, GREETING + 10)
        shop.node.agent.kill()
        exchange(sock, b"x" * 10, 10)
        sock.close()
        with shop.other.dial(shop.vip, 9000) as second:
            exchange(second, b"y" * 3, GREETING + 3)
            client = f"{shop.other.ip4}:{second.getsockname()[1]}"
        shop.node.agent.start()
    side.assert_settles_at(2, 2, 23, 23 + 2 * GREETING)
    record, = records(shop, client=client)
    assert (record["source_workload"], record["bytes_received"]) == ("shop/other", 3)
