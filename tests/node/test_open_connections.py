"""Open connections are ended when the configuration forbids them, on the kernel path and through a sidecar; nothing else
ends them."""
from __future__ import annotations

import contextlib
import select

import pytest

from shop import WEB, Shop, allow
from support import manifests
from support.processes import eventually
from support.traffic import exchange

DENY_ALL = manifests.authorization("shop/web-deny", "DENY", [{}], WEB)
DENY_CLIENT = manifests.authorization(
    "shop/web-deny", "DENY", [{"from": [{"source": {"principals": [manifests.principal("shop", "client")]}}]}], WEB)


@pytest.fixture(scope="module")
def shop(bare_node):
    return Shop(bare_node)


@pytest.fixture(params=["node", "sidecar"])
def mode(request, shop):
    """Both clients in this mode, and so the web servers."""
    shop.node.cli("mode", "ns/shop", request.param)
    shop.node.cli.wait()
    yield request.param
    shop.node.cli("mode", "ns/shop", "default")
    shop.node.cli.wait()


@contextlib.contextmanager
def connection(pod, address: str, port: int = 9000):
    with pod.dial(address, port) as sock:
        exchange(sock, b"hello", 11)
        yield sock


def readable(sock, seconds: float) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def is_open(sock) -> bool:
    """Nothing has come, and what is sent comes back."""
    if readable(sock, 0):
        return False
    return exchange(sock, b"again", 5) == b"again"


def assert_ended(sock) -> None:
    """A reset, or the errno of a socket that was ended from outside, or the end of the stream."""
    assert readable(sock, 20), "the connection stays open"
    with contextlib.suppress(ConnectionError):
        assert sock.recv(100) == b""


def test_a_new_policy_ends_what_it_forbids_and_nothing_else(shop, mode):
    with connection(shop.client, shop.vip) as victim, connection(shop.other, shop.vip) as keeper:
        with shop.node.having(DENY_CLIENT):
            assert_ended(victim)
            assert is_open(keeper)
        assert is_open(keeper)


def test_a_policy_that_goes_on_allowing_ends_nothing(shop, mode):
    with connection(shop.client, shop.vip) as first, connection(shop.other, shop.vip) as second:
        with shop.node.having(allow("client", "other")):
            assert is_open(first) and is_open(second)
        assert is_open(first) and is_open(second)


@pytest.mark.parametrize("address", ["vip", "vip6"])
def test_the_end_has_a_record_with_reason_and_policy(shop, address):
    agent = shop.node.agent
    before = agent.counts("fairlead_kernel_connections_ended_total", reason="policy_denied")
    with connection(shop.client, getattr(shop, address)) as sock:
        client = f"{shop.client.ip4 if address == 'vip' else f'[{shop.client.ip6}]'}:{sock.getsockname()[1]}"
        with shop.node.having(DENY_ALL):
            assert_ended(sock)
            record, = agent.flows(path="kernel", client=client)
    assert (record["reason"], record["policy"]) == ("policy_denied", "shop/web-deny")
    assert (record["bytes_received"], record["bytes_sent"]) == (5, 11)
    assert agent.counts("fairlead_kernel_connections_ended_total", reason="policy_denied") == before + 1


def test_both_ends_learn_of_it(shop):
    with shop.web["v1"].listen(6000) as listener, shop.client.dial(shop.web["v1"].ip4, 6000) as sock:
        accepted, _ = listener.accept()
        with accepted, shop.node.having(DENY_ALL):
            assert_ended(sock)
            assert_ended(accepted)


def test_a_connection_from_outside_is_judged_again_by_its_address(shop):
    block = manifests.authorization("shop/web-deny", "DENY", [
        {"from": [{"source": {"ipBlocks": [shop.outside.ip4]}}]}], WEB)
    with connection(shop.outside, shop.web["v1"].ip4) as outside, connection(shop.client, shop.vip) as inside:
        with shop.node.having(block):
            assert_ended(outside)
            assert is_open(inside)


def test_network_policies_end_connections_in_either_direction(shop, mode):
    with connection(shop.client, shop.vip) as sock, connection(shop.other, shop.vip) as keeper:
        ingress = [{"from": [{"podSelector": {"matchLabels": {"app": "other"}}}]}]
        with shop.node.having(manifests.network_policy("shop/web", WEB, ingress=ingress)):
            assert_ended(sock)
            assert is_open(keeper)
    with connection(shop.client, shop.vip) as sock, connection(shop.other, shop.vip) as keeper:
        with shop.node.having(manifests.network_policy("shop/client", {"app": "client"}, egress=[])):
            assert_ended(sock)
            assert is_open(keeper)


def test_an_egress_policy_ends_connections_that_leave_the_mesh(shop):
    with shop.outside.listen(4444) as listener, shop.client.dial(shop.outside.ip4, 4444) as sock:
        accepted, _ = listener.accept()
        with accepted, shop.node.having(manifests.network_policy("shop/client", {"app": "client"}, egress=[])):
            assert_ended(sock)


def test_labels_that_change_who_is_selected_end_connections(shop):
    selects_new = manifests.authorization("shop/quarantine", "DENY", [{}], {"quarantine": "true"})
    with shop.node.having(selects_new), connection(shop.client, shop.web["v1"].ip4) as first, \
            connection(shop.client, shop.web["v2"].ip4) as second:
        pod = shop.web["v1"]
        relabelled = manifests.pod("shop/web-1", pod.path, [pod.ip4, pod.ip6], account="web",
                                   labels={**WEB, "version": "v1", "quarantine": "true"}, ports={"http": 8080, "tcp": 9000})
        with shop.node.having(relabelled):
            assert_ended(first)
            assert is_open(second)


def test_a_policy_on_http_facts_ends_bytes_that_nobody_reads_as_path_changed(shop, mode):
    looks_at_paths = manifests.authorization("shop/web-paths", "ALLOW", [
        {"to": [{"operation": {"paths": ["/public"], "ports": ["8080"]}}]},
        {"to": [{"operation": {"ports": ["9000"]}}]}], WEB)
    with connection(shop.client, shop.vip) as keeper:
        with shop.node.having(looks_at_paths):
            assert is_open(keeper)  # its port is allowed whatever the path
    if mode == "sidecar":
        return
    pod = shop.web["v1"]
    http = manifests.pod("shop/web-1", pod.path, [pod.ip4, pod.ip6], account="web", labels={**WEB, "version": "v1"},
                         ports={"http": 8080, "tcp": 9000, "http-more": 7777})
    needs_path = manifests.authorization("shop/web-paths", "ALLOW", [{"to": [{"operation": {"paths": ["/public"]}}]}], WEB)
    with shop.client.dial(pod.ip4, 7777) as sock:
        exchange(sock, b"hello", len("web-1-undeclared\n") + 5)
        client = f"{shop.client.ip4}:{sock.getsockname()[1]}"
        with shop.node.having(http, needs_path):
            assert_ended(sock)
            record, = shop.node.agent.flows(path="kernel", client=client)
    assert record["reason"] == "path_changed"


def head_from(sock) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = sock.recv(1)
        assert piece, f"the end after {head!r}"
        head += piece
    return head


@pytest.fixture(scope="module")
def live(shop):
    """A service whose one port is HTTP and leads to port 8081 of web-1."""
    return shop.node.service("shop/live", [{"name": "http", "port": 80, "targetPort": 8081}], {**WEB, "version": "v1"})[0]


@contextlib.contextmanager
def upgraded(shop, address: str, *paths: str):
    """The client's ends of connections through a proxy that requests for `paths` have upgraded."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(shop.web["v1"].listen(8081))
        clients = []
        for path in paths:
            client = stack.enter_context(shop.client.dial(address, 80))
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: live\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n".encode())
            server = stack.enter_context(listener.accept()[0])
            head_from(server)
            server.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            assert b" 101 " in head_from(client)
            client.sendall(b"hello")
            assert exchange(server, b"", 5) == b"hello"
            clients.append((client, server))
        yield clients


def test_an_upgraded_connection_is_judged_again_by_the_request_that_it_came_from(shop, live, mode):
    shop.node.cli.wait()
    deny_chat = manifests.authorization("shop/web-deny", "DENY", [{"to": [{"operation": {"paths": ["/chat"]}}]}], WEB)
    with upgraded(shop, live, "/chat", "/news") as ((chat, chat_server), (news, news_server)):
        with shop.node.having(deny_chat):
            assert_ended(chat)
            assert_ended(chat_server)
            news.sendall(b"again")
            assert exchange(news_server, b"", 5) == b"again"
        with shop.node.having(DENY_CLIENT):
            assert_ended(news)
    records = shop.node.agent.flows(target="/chat", path="node_http" if mode == "node" else "sidecar_inbound", status=101)
    assert (records[-1]["reason"], records[-1]["policy"]) == ("rbac_access_denied_matched_policy", "shop/web-deny")
    assert records[-1]["bytes_received"] == 5


def test_an_upgraded_connection_is_judged_by_what_its_route_made_of_the_request(shop, live):
    rewritten = manifests.virtual_service("shop/live", ["live"], [
        {"match": [{"uri": {"exact": "/old"}}], "rewrite": {"uri": "/chat"}, "route": [{"destination": {"host": "live"}}]},
        {"route": [{"destination": {"host": "live"}}]}])
    deny_old = manifests.authorization("shop/web-deny", "DENY", [{"to": [{"operation": {"paths": ["/old"]}}]}], WEB)
    deny_chat = manifests.authorization("shop/web-deny", "DENY", [{"to": [{"operation": {"paths": ["/chat"]}}]}], WEB)
    with shop.node.having(rewritten), upgraded(shop, live, "/old") as ((client, server),):
        with shop.node.having(deny_old):
            client.sendall(b"again")
            assert exchange(server, b"", 5) == b"again"
        with shop.node.having(deny_chat):
            assert_ended(client)


def test_routes_endpoints_and_modes_end_nothing(shop):
    with connection(shop.client, shop.vip) as sock:
        with shop.node.having(manifests.virtual_service("shop/web", ["web"], [{"fault": {"abort": {"httpStatus": 500, "percentage": {
                "value": 100}}}, "route": [{"destination": {"host": "web"}}]}])):
            assert is_open(sock)
        for wanted in ("sidecar", "off", "default"):
            shop.node.cli("mode", "ns/shop", wanted)
            shop.node.cli.wait()
            assert is_open(sock)


def test_connections_opened_under_one_agent_are_ended_by_the_next(shop):
    with connection(shop.client, shop.vip) as sock:
        shop.node.agent.kill()
        shop.node.agent.start()
        assert is_open(sock)
        with shop.node.having(DENY_ALL):
            assert_ended(sock)


def test_a_thousand_connections_are_ended(shop):
    with contextlib.ExitStack() as stack:
        victims = [stack.enter_context(connection(shop.client, shop.vip)) for _ in range(1000)]
        keepers = [stack.enter_context(connection(shop.other, shop.vip)) for _ in range(100)]
        with shop.node.having(DENY_CLIENT):
            for sock in victims:
                assert_ended(sock)
            assert all(is_open(sock) for sock in keepers)
    eventually("their ends to be counted", lambda: shop.node.agent.counts(
        "fairlead_kernel_connections_ended_total", reason="policy_denied") >= 1000)
