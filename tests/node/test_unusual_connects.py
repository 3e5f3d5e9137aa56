"""However a connection is opened, it reaches an endpoint of what was dialled, its client is known, and policy applies."""
from __future__ import annotations

import errno
import json

import pytest

from shop import PORTS, Shop, allow, from_account
from support import apps, dialling, manifests, uring
from support.traffic import exchange, read_all

REQUEST = "GET /{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n"
WORDS = b"first words"
WAYS = pytest.mark.parametrize("way", dialling.ALL, ids=lambda way: way.__name__)
VIPS = pytest.mark.parametrize("vip, own", [("vip", "ip4"), ("vip6", "ip6")], ids=["ipv4", "ipv6"])


@pytest.fixture(scope="module")
def shop(bare_node):
    return Shop(bare_node)


def unmapped(address) -> tuple[str, int]:
    return address[0].removeprefix("::ffff:"), address[1]


def name_over_tcp(way, pod, address: str) -> str:
    """The name of the TCP server that `way` leads to, which must echo what came first."""
    with way(pod, address, 9000, WORDS) as sock:
        answer = exchange(sock, b"", 6 + len(WORDS))
    assert answer[6:] == WORDS
    return answer[:5].decode()


def request(path: str, host: str = "web.shop") -> bytes:
    return REQUEST.format(path, host).encode()


def ask(way, pod, address: str, port: int = 80, host: str = "web.shop") -> tuple[int, dict]:
    """The status and, if it is 200, the JSON body of the answer."""
    with way(pod, address, port, request(way.__name__, host)) as sock:
        head, _, body = read_all(sock).partition(b"\r\n\r\n")
    status = int(head.split()[1])
    return status, json.loads(body) if status == 200 else {}


# --- the right endpoint, and who is seen on both sides ---

@WAYS
@VIPS
def test_on_the_kernel_path_both_ends_see_each_other(shop, way, vip, own):
    address = getattr(shop, vip)
    with way(shop.client, address, 9000, WORDS) as sock:
        name = exchange(sock, b"", 6 + len(WORDS))[:5].decode()
        local, peer = unmapped(sock.getsockname()), unmapped(sock.getpeername())
    assert name in shop.pod_names
    assert peer == (address, 9000)
    assert local[0] == getattr(shop.client, own)
    assert unmapped(shop.tcp[f"v{name[-1]}"].peers[-1]) == local


@WAYS
@VIPS
def test_through_the_proxy_both_ends_see_each_other(shop, way, vip, own):
    address = getattr(shop, vip)
    with way(shop.client, address, 80, request("seen")) as sock:
        peer, local = unmapped(sock.getpeername()), unmapped(sock.getsockname())
        answer = read_all(sock)
    body = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert body["pod"] in shop.pod_names
    assert body["client"] == getattr(shop.client, own)
    assert peer == (address, 80)
    assert local[0] == getattr(shop.client, own)


# --- policy, by identity ---

@WAYS
def test_l4_policy_knows_the_client(shop, way):
    with shop.node.having(allow("client")):
        for address in (shop.vip, shop.vip6, shop.web["v1"].ip4, shop.web["v1"].ip6):
            assert name_over_tcp(way, shop.client, address) in shop.pod_names, address
            with pytest.raises(OSError) as refused:
                name_over_tcp(way, shop.other, address)
            assert refused.value.errno == errno.EPERM, address


@WAYS
def test_http_policy_knows_the_client(shop, way):
    only_this_path = [{"operation": {"paths": [f"/{way.__name__}"]}}]
    with shop.node.having(allow(**{"from": from_account("client"), "to": only_this_path})):
        for address, port in ((shop.vip, 80), (shop.vip6, 80), (shop.web["v1"].ip4, 8080), (shop.web["v1"].ip6, 8080)):
            assert ask(way, shop.client, address, port)[0] == 200, address
            assert ask(way, shop.other, address, port)[0] == 403, address


@WAYS
def test_network_policy_knows_the_client(shop, way):
    only_clients = manifests.network_policy("shop/web", {"app": "web"}, ingress=[
        {"from": [{"podSelector": {"matchLabels": {"app": "client"}}}]}])
    with shop.node.having(only_clients):
        for address, port in ((shop.vip, 9000), (shop.vip6, 9000), (shop.vip, 80), (shop.web["v1"].ip4, 9000)):
            way(shop.client, address, port, WORDS).close()
            with pytest.raises(OSError) as refused:
                way(shop.other, address, port, WORDS).close()
            assert refused.value.errno == errno.EPERM, (address, port)


@WAYS
def test_a_port_that_the_service_lacks_is_refused(shop, way):
    with pytest.raises(OSError) as refused:
        way(shop.client, shop.vip, 81, WORDS)
    assert refused.value.errno == errno.ECONNREFUSED


# --- with a sidecar at both ends, which takes TCP too ---

@pytest.fixture(scope="class")
def sidecars(shop):
    pods = [f"pod/shop/{name}" for name in ("client", "other", "web-1", "web-2")]
    for pod in pods:
        shop.node.cli("mode", pod, "sidecar")
    shop.node.cli.wait()
    yield
    for pod in pods:
        shop.node.cli("mode", pod, "default")
    shop.node.cli.wait()


@pytest.mark.usefixtures("sidecars")
class TestThroughSidecars:
    @WAYS
    @VIPS
    def test_both_ends_see_each_other(self, shop, way, vip, own):
        address = getattr(shop, vip)
        with way(shop.client, address, 9000, WORDS) as sock:
            answer = exchange(sock, b"", 6 + len(WORDS))
            local, peer = unmapped(sock.getsockname()), unmapped(sock.getpeername())
        assert answer[6:] == WORDS
        assert peer == (address, 9000)
        assert local[0] == getattr(shop.client, own)
        assert unmapped(shop.tcp[f"v{answer[4:5].decode()}"].peers[-1]) == local
        assert ask(way, shop.client, address)[1]["client"] == getattr(shop.client, own)

    @WAYS
    def test_policy_knows_the_client(self, shop, way):
        with shop.node.having(allow("client")):
            assert name_over_tcp(way, shop.client, shop.vip) in shop.pod_names
            assert ask(way, shop.client, shop.vip)[0] == 200
            assert ask(way, shop.other, shop.vip)[0] == 403
            before = len(shop.tcp["v1"].peers) + len(shop.tcp["v2"].peers)
            with pytest.raises(OSError):
                with way(shop.other, shop.vip, 9000, WORDS) as sock:
                    if exchange(sock, b"", 1) == b"":
                        raise ConnectionResetError     # a proxy accepts first and ends it then
            assert len(shop.tcp["v1"].peers) + len(shop.tcp["v2"].peers) == before


# --- further calls of the same kind ---

@pytest.mark.parametrize("port", [80, 9000])
def test_a_conversation_by_io_uring_alone(shop, port):
    content = apps.pattern(300_000)
    with shop.client.socket() as sock, uring.Ring() as ring:
        ring.connect(sock, shop.vip, port)
        if port == 9000:
            ring.send(sock, content)
            assert ring.receive(sock, 6 + len(content))[6:] == content
        else:
            ring.send(sock, request("bytes/300000"))
            answer = ring.receive(sock, 1 << 30)
            assert answer.partition(b"\r\n\r\n")[2] == content


@pytest.mark.parametrize("protocol", [0, dialling.IPPROTO_MPTCP], ids=["tcp", "mptcp"])
def test_a_socket_shows_nothing_of_what_it_dialled_before(shop, protocol):
    with shop.client.listen(0) as inside, shop.client.socket(protocol=protocol) as sock:
        for port in (80, 9000):
            sock.connect((shop.vip, port))
            assert sock.getpeername() == (shop.vip, port)
            dialling.dissolve(sock)
            there = ("127.0.0.1", inside.getsockname()[1])
            sock.connect(there)
            assert (sock.getpeername(), sock.getsockname()[0]) == (there, "127.0.0.1")
            dialling.dissolve(sock)


# --- servers that speak MPTCP, as those of newer Go programs do ---

@pytest.fixture(scope="module")
def multipath(shop):
    """A service whose pod's servers are MPTCP sockets; (VIP, TCP server)."""
    pod = shop.node.pod("shop/multipath", account="web", labels={"app": "multipath"}, ports=PORTS)
    shop.node.app(apps.Echo, pod, "multi", 8080, protocol=dialling.IPPROTO_MPTCP)
    tcp = shop.node.app(apps.TcpEcho, pod, "multi", 9000, protocol=dialling.IPPROTO_MPTCP)
    vip, _ = shop.node.service("shop/multipath", [{"name": "http", "port": 80, "targetPort": 8080},
                                                  {"name": "tcp", "port": 9000}], {"app": "multipath"})
    shop.node.cli.wait()
    return vip, tcp


@WAYS
def test_an_mptcp_server_is_served_as_any_other(shop, multipath, way):
    vip, tcp = multipath
    answer = ask(way, shop.client, vip, host="multipath.shop")[1]
    assert (answer["pod"], answer["client"]) == ("multi", shop.client.ip4)
    with way(shop.client, vip, 9000, WORDS) as sock:
        assert exchange(sock, b"", 6 + len(WORDS)) == b"multi\n" + WORDS
        assert unmapped(sock.getpeername()) == (vip, 9000)
        assert unmapped(tcp.peers[-1]) == unmapped(sock.getsockname())


@WAYS
def test_an_mptcp_server_is_policed_as_any_other(shop, multipath, way):
    vip, _ = multipath
    policy = manifests.authorization("shop/multipath", "ALLOW", [{"from": from_account("client")}], {"app": "multipath"})
    with shop.node.having(policy):
        assert ask(way, shop.client, vip, host="multipath.shop")[0] == 200
        assert ask(way, shop.other, vip, host="multipath.shop")[0] == 403
        assert name_over_tcp(way, shop.client, vip) == "multi"
        with pytest.raises(OSError) as refused:
            name_over_tcp(way, shop.other, vip)
        assert refused.value.errno == errno.EPERM
