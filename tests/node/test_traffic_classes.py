"""Every class of traffic that a pod may have: each gets where it would without a mesh, or is refused for a stated reason."""
from __future__ import annotations

import errno
import socket

import pytest

from shop import PORTS, WEB, Shop, allow, deny
from support import apps, manifests
from support.rawtcp import ACK, RST, SYN, HandMade
from support.traffic import Connection, ask, count, exchange


@pytest.fixture(scope="module")
def shop(bare_node):
    shop = Shop(bare_node, start=False)
    # Opened before there is an agent: to the service's pods, whose listeners are older than it too.
    shop.early_tcp = shop.client.dial(shop.web["v1"].ip4, 9000)
    shop.early_http = Connection(shop.client, shop.web["v1"].ip4, 8080)
    assert exchange(shop.early_tcp, b"", 6) == b"web-1\n"
    shop.off = bare_node.pod("shop/off", annotations={"fairlead.dev/mode": "off"})
    shop.headless, _ = bare_node.service("shop/headless", [{"name": "http", "port": 8080}, {"name": "tcp", "port": 9000}],
                                         WEB, headless=True)
    bare_node.agent.start()
    yield shop
    shop.early_tcp.close()
    shop.early_http.close()


def name_of(sock: socket.socket) -> str:
    """What a TCP echo server says first."""
    return exchange(sock, b"", 6).decode().strip()


def tcp_names(shop, pod, address, times=40) -> set[str]:
    names = set()
    for _ in range(times):
        with pod.dial(address, 9000) as sock:
            names.add(name_of(sock))
    return names


# --- a service's own pods ---

@pytest.mark.parametrize("address", ["vip", "vip6"])
def test_a_pod_that_dials_its_own_service_is_balanced_and_may_reach_itself(shop, address):
    inside = shop.web["v1"]
    assert tcp_names(shop, inside, getattr(shop, address)) == shop.pod_names
    assert set(count(40, lambda a: a.json["pod"], inside, getattr(shop, address), host="web.shop")) == shop.pod_names


def test_a_pod_that_dials_its_own_service_is_policed(shop):
    with shop.node.having(allow("client")):
        assert {ask(shop.web["v1"], shop.vip, host="web.shop").status for _ in range(20)} == {403}
        for _ in range(20):
            with pytest.raises(OSError) as refused:
                shop.web["v1"].dial(shop.vip, 9000)
            assert refused.value.errno in (errno.EPERM, errno.ECONNREFUSED)


def test_loopback_and_the_own_address_are_left_alone(shop):
    with shop.node.having(allow("client")):     # would refuse web-1 anywhere else
        for address in ("127.0.0.1", "::1", shop.web["v1"].ip4, shop.web["v1"].ip6):
            answer = ask(shop.web["v1"], address, port=8080)
            assert (answer.status, answer.json["pod"]) == (200, "web-1"), address
            with shop.web["v1"].dial(address, 9000) as sock:
                assert name_of(sock) == "web-1"


# --- address families ---

def test_native_ipv6_is_served_as_ipv4_is(shop):
    answer = ask(shop.client, shop.vip6, host="web.shop")
    assert (answer.status, answer.json["client"]) == (200, shop.client.ip6)
    assert tcp_names(shop, shop.client, shop.vip6) == shop.pod_names


@pytest.mark.parametrize("port", [80, 9000])
def test_an_ipv4_service_dialled_from_an_ipv6_socket(shop, port):
    with shop.client.dial(f"::ffff:{shop.vip}", port) as sock:
        assert sock.getpeername()[:2] == (f"::ffff:{shop.vip}", port)
        assert sock.getsockname()[0] == f"::ffff:{shop.client.ip4}"
        if port == 80:
            answer = exchange(sock, b"GET / HTTP/1.1\r\nHost: web.shop\r\nConnection: close\r\n\r\n", 100_000)
            assert f'"client": "{shop.client.ip4}"'.encode() in answer
        else:
            assert name_of(sock) in shop.pod_names


def test_a_server_on_a_dual_stack_socket_sees_ipv4_clients_as_such(shop):
    """The shop's servers all listen on [::]."""
    for _ in range(10):
        with shop.client.dial(shop.vip, 9000) as sock:
            own, name = sock.getsockname(), name_of(sock)
            server = shop.tcp[f"v{name[-1]}"]
            assert server.peers[-1] == (f"::ffff:{own[0]}", own[1])


def test_a_server_on_an_ipv4_socket_is_served_too(shop):
    pod = shop.node.pod("shop/narrow", labels={"app": "narrow"}, ports=PORTS)
    shop.node.app(apps.Echo, pod, "narrow", 8080, "0.0.0.0")
    narrow = shop.node.app(apps.TcpEcho, pod, "narrow", 9000, "0.0.0.0")
    vip, _ = shop.node.service("shop/narrow", [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "tcp", "port": 9000}],
                               {"app": "narrow"})
    shop.node.cli.wait()
    assert ask(shop.client, vip, host="narrow.shop").json["client"] == shop.client.ip4
    with shop.client.dial(vip, 9000) as sock:
        own = sock.getsockname()
        assert exchange(sock, b"", 7) == b"narrow\n"
    assert narrow.peers == [own]


# --- what is not TCP ---

def test_udp_is_untouched(shop):
    with shop.client.socket(kind=socket.SOCK_DGRAM) as sock:
        sock.settimeout(20)
        sock.connect((shop.web["v2"].ip4, 5353))
        sock.send(b"hello")
        assert sock.recv(100) == b"web-2 hello"
        assert sock.getpeername() == (shop.web["v2"].ip4, 5353)
    with shop.client.socket(kind=socket.SOCK_DGRAM) as sock:
        sock.connect((shop.vip, 80))
        assert sock.getpeername() == (shop.vip, 80)     # also to a service's address: not translated


# --- how a client may open its connection: test_unusual_connects.py has more ---

@pytest.mark.parametrize("address, own", [("vip", "ip4"), ("vip6", "ip6")])
@pytest.mark.parametrize("source_port", [0, 45678])
def test_a_source_bound_beforehand_is_kept(shop, address, own, source_port):
    source = (getattr(shop.client, own), source_port)
    with shop.client.dial(getattr(shop, address), 9000, source=source) as sock:
        bound, name = sock.getsockname()[:2], name_of(sock)
        assert bound[0] == source[0] and bound[1] in (source_port or bound[1],)
        assert shop.tcp[f"v{name[-1]}"].peers[-1][0].removeprefix("::ffff:") == bound[0]
        assert shop.tcp[f"v{name[-1]}"].peers[-1][1] == bound[1]
    source = (getattr(shop.client, own), source_port and source_port + 1)
    with shop.client.dial(getattr(shop, address), 80, source=source) as sock:
        assert sock.getsockname()[0] == source[0]
        answer = exchange(sock, b"GET / HTTP/1.1\r\nHost: web.shop\r\nConnection: close\r\n\r\n", 100_000)
        assert f'"client": "{source[0]}"'.encode() in answer


@pytest.mark.parametrize("address", ["vip", "vip6"])
def test_a_port_that_the_service_lacks_is_refused_at_once(shop, address):
    # Nobody answers for a cluster IP on the network: without a refusal the dial would run into its timeout.
    with pytest.raises(OSError) as refused:
        shop.client.dial(getattr(shop, address), 81)
    assert refused.value.errno in (errno.ECONNREFUSED, errno.EPERM)


# --- what the client sees ---

@pytest.mark.parametrize("port", [80, 9000])
@pytest.mark.parametrize("address, own", [("vip", "ip4"), ("vip6", "ip6")])
def test_the_client_sees_what_it_dialled_and_its_own_address(shop, port, address, own):
    with shop.client.dial(getattr(shop, address), port) as sock:
        assert sock.getpeername()[:2] == (getattr(shop, address), port)
        assert sock.getsockname()[0] == getattr(shop.client, own)


# --- addresses that are no service's ---

def test_a_pods_own_address_reaches_that_pod_with_policy(shop):
    for version, name in (("v1", "web-1"), ("v2", "web-2")):
        assert {ask(shop.client, shop.web[version].ip4, port=8080).json["pod"] for _ in range(5)} == {name}
        with shop.client.dial(shop.web[version].ip6, 9000) as sock:
            assert name_of(sock) == name
    with shop.node.having(allow("client")):
        assert ask(shop.client, shop.web["v1"].ip4, port=8080).status == 200
        assert ask(shop.other, shop.web["v1"].ip4, port=8080).status == 403
        with pytest.raises(OSError):
            shop.other.dial(shop.web["v1"].ip4, 9000)


def test_a_headless_service_leads_to_the_pod_whose_address_was_dialled(shop):
    assert shop.headless == "None"
    for version, name in (("v1", "web-1"), ("v2", "web-2")):
        seen = count(5, lambda a: a.json["pod"], shop.client, shop.web[version].ip4, port=8080, host="headless.shop:8080")
        assert seen == {name: 5}
    with shop.node.having(allow("client")):
        assert ask(shop.other, shop.web["v2"].ip4, port=8080, host="headless.shop:8080").status == 403


def test_an_undeclared_inbound_port_passes_under_l4_policy(shop):
    def greeting(pod) -> str:
        with pod.dial(shop.web["v1"].ip4, 7777) as sock:
            return exchange(sock, b"", 17).decode().strip()

    for pod in (shop.client, shop.other, shop.off, shop.outside):
        assert greeting(pod) == "web-1-undeclared"
    with shop.node.having(deny(to=[{"operation": {"ports": ["7777"]}}])):
        for pod in (shop.client, shop.off, shop.outside):
            with pytest.raises(OSError):
                greeting(pod)
    with shop.node.having(allow("client")):
        assert greeting(shop.client) == "web-1-undeclared"
        for pod in (shop.other, shop.off, shop.outside):
            with pytest.raises(OSError):
                greeting(pod)


def test_an_unknown_host_at_a_service_address_gets_an_endpoint_of_it(shop):
    assert set(count(30, lambda a: a.json["pod"], shop.client, shop.vip, host="unheard.of")) == shop.pod_names


def test_a_destination_outside_the_mesh_is_untouched(shop):
    stranger = shop.node.app(apps.Echo, shop.outside, "stranger", 8080)
    with Connection(shop.client, shop.outside.ip4, 8080) as connection:
        own = connection.sock.getsockname()
        answer = connection.ask("/x").json
    assert (answer["pod"], answer["client"], answer["port"]) == ("stranger", *own)
    assert len(stranger.requests) == 1


def test_a_pod_that_is_off_gets_an_endpoint_without_identity(shop):
    assert tcp_names(shop, shop.off, shop.vip) == shop.pod_names
    with shop.node.having(allow("client")):
        with pytest.raises(OSError):
            tcp_names(shop, shop.off, shop.vip, 1)


# --- older than the mesh ---

def test_connections_opened_before_the_agent_are_left_alone(shop):
    with shop.node.having(allow("other")):      # would refuse the client anything new
        assert exchange(shop.early_tcp, b"still here") == b"still here"
        answer = shop.early_http.ask("/early").json
        assert (answer["client"], answer["port"]) == shop.early_http.sock.getsockname()


# --- forged ---

@pytest.mark.parametrize("family", ["ip4", "ip6"])
def test_a_hand_made_syn_gets_no_identity_at_a_tcp_port(shop, family):
    address = getattr(shop.web["v1"], family)
    with HandMade(shop.client, address, 9000, 40100) as made:       # nothing selects the pod: anyone may
        assert made.open().flags & (SYN | ACK) == SYN | ACK
        assert made.ask(b"x", 7) == b"web-1\nx"
    with shop.node.having(allow("client")):
        with shop.client.dial(address, 9000) as sock:               # the same pod, by a socket
            assert name_of(sock) == "web-1"
        with HandMade(shop.client, address, 9000, 40101) as made:
            answer = made.open()
            assert answer is None or answer.flags & RST


@pytest.mark.parametrize("family", ["ip4", "ip6"])
def test_a_hand_made_connection_gets_no_identity_at_an_http_port(shop, family):
    address = getattr(shop.web["v1"], family)
    path = f"/forged-{family}"
    request = f"GET {path} HTTP/1.1\r\nHost: web.shop\r\nConnection: close\r\n\r\n".encode()
    with HandMade(shop.client, address, 8080, 40110) as made:
        made.open()
        assert made.ask(request).startswith(b"HTTP/1.1 200")
    with shop.node.having(allow("client")):
        assert ask(shop.client, address, "/real", 8080).status == 200
        with HandMade(shop.client, address, 8080, 40111) as made:
            made.open()
            assert made.ask(request).startswith(b"HTTP/1.1 403")
    assert [asked for _, asked, _ in shop.echo["v1"].requests].count(path) == 1


def test_a_manifest_may_exclude_a_pod_entirely(shop):
    """hostNetwork pods are off, whatever else they say."""
    obj = manifests.pod("shop/host", "/proc/1/ns/net", ["10.200.0.1"], annotations={"fairlead.dev/mode": "node"})
    obj["spec"]["hostNetwork"] = True
    with shop.node.having(obj):
        states = {pod["pod"]: pod["mode"] for pod in shop.node.cli.json("status")["pods"]}
    assert states.get("shop/host", "off") == "off"
    assert states["shop/client"] == "node"
