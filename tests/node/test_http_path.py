"""HTTP from pod to pod through the node proxy: Apache as the application; sockets, curl and wrk as clients."""
from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import apps, manifests
from support.agent import settle
from support.processes import run
from support.traffic import Connection, ask, read_all

LARGE = apps.pattern(3_000_000)


@pytest.fixture(scope="module")
def site(bare_node):
    return Site(bare_node)


class Site:
    """shop/client, Apache in shop/httpd behind the service shop/httpd, an echo server in shop/echo; off and off2 are off."""

    def __init__(self, node):
        self.node = node
        node.write(manifests.namespace("shop"))
        self.client = node.pod("shop/client", account="client")
        off = {"fairlead.dev/mode": "off"}
        self.off, self.off2 = (node.pod(f"shop/{name}", annotations=off, ports={"http": 8080}) for name in ("off", "off2"))
        node.app(apps.Echo, self.off2, "off2", 8080)
        self.httpd = node.pod("shop/httpd", labels={"app": "httpd"}, ports={"http": 8080})
        pages = {"index.html": b"welcome\n", "large.bin": LARGE, "10k": b"x" * 10_000, **{page: b"page\n" for page in ("a4", "a6", "kept")}}
        self.apache = node.app(apps.Apache, self.httpd, node.folder_for("httpd"), 8080, pages)
        echo = node.pod("shop/echo", labels={"app": "echo"}, ports={"http": 8080})
        node.app(apps.Echo, echo, "echo", 8080)
        port = [{"name": "http", "port": 80, "targetPort": 8080}]
        self.vip, self.vip6 = node.service("shop/httpd", port, {"app": "httpd"})
        self.echo_vip, _ = node.service("shop/echo", port, {"app": "echo"})
        node.agent.start()

    def requests(self, expected=None, **labels) -> float:
        # An answer leaves the proxy before it is counted: a client may read the metrics in between.
        return settle(lambda: self.node.agent.counts("istio_requests_total", **labels), expected)


@pytest.mark.parametrize("address", ["vip", "vip6"])
def test_a_request_to_the_service_passes_the_proxy_once_and_reaches_apache(site, address):
    before = [site.requests(reporter=side) for side in ("source", "destination")]
    answer = ask(site.client, getattr(site, address), "/", host="httpd.shop")
    assert (answer.status, answer.body) == (200, b"welcome\n")
    for side, count in zip(("source", "destination"), before):
        assert site.requests(count + 1, reporter=side) == count + 1


def test_a_request_of_a_pod_that_is_off_to_another_does_not_pass_it(site):
    before = site.requests()
    assert ask(site.off, site.off2.ip4, "/", 8080).status == 200
    assert site.requests() == before


@pytest.mark.parametrize("address, own, page", [("vip", "ip4", "/a4"), ("vip6", "ip6", "/a6")])
def test_apache_logs_the_true_client(site, address, own, page):
    with Connection(site.client, getattr(site, address), host="httpd.shop") as connection:
        assert connection.ask(page).status == 200
    assert [client.rpartition(":")[0] for client in site.apache.clients(page)] == [getattr(site.client, own)]


def test_many_requests_share_a_connection_on_both_sides(site):
    with Connection(site.client, site.vip, host="httpd.shop") as connection:
        assert {connection.ask("/kept").status for _ in range(50)} == {200}
    clients = site.apache.clients("/kept", at_least=50)
    assert len(clients) == 50 and len(set(clients)) == 1


def test_answers_of_some_kilobytes_keep_the_connection_to_the_application(site):
    made = site.node.agent.counts("fairlead_upstream_sockets_total")
    with Connection(site.client, site.vip, host="httpd.shop") as connection:
        assert {len(connection.ask("/10k").body) for _ in range(200)} == {10_000}
    assert site.node.agent.counts("fairlead_upstream_sockets_total") - made < 100     # they are made in advance, some at a time


def test_an_idle_connection_stays_open_however_large_the_request_before_was(site):
    """Longer than a head may take (15 s)."""
    with contextlib.ExitStack() as stack:
        kept = [stack.enter_context(Connection(site.client, site.echo_vip, host="echo.shop")) for _ in range(3)]
        for connection, size in zip(kept, (10, 2100, 9000)):
            assert connection.ask("/first", headers={"X-Padding": "x" * size}).status == 200
        time.sleep(17)
        assert [connection.ask("/second").status for connection in kept] == [200, 200, 200]


def test_large_bodies_arrive_whole_both_ways(site):
    assert hashlib.sha256(ask(site.client, site.vip, "/large.bin").body).digest() == hashlib.sha256(LARGE).digest()
    with Connection(site.client, site.echo_vip) as connection:
        answer = connection.ask("/", "POST", body=LARGE).json
        assert (answer["body_size"], answer["body_sha256"]) == (len(LARGE), hashlib.sha256(LARGE).hexdigest())


def test_a_chunked_body_arrives_whole(site):
    pieces = [LARGE[start:start + 70_000] for start in range(0, len(LARGE), 70_000)]
    with site.client.dial(site.echo_vip, 80) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: echo.shop\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        for piece in pieces:
            sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        sock.sendall(b"0\r\n\r\n")
        answer = read_all(sock)
    assert hashlib.sha256(LARGE).hexdigest().encode() in answer


def test_a_client_that_shuts_down_after_its_request_gets_the_answer(site):
    with site.client.dial(site.vip, 80) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: httpd.shop\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        answer = read_all(sock)
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"welcome\n")


def test_requests_sent_together_are_answered_in_order(site):
    with site.client.dial(site.echo_vip, 80) as sock:
        sock.sendall(b"".join(b"GET /n%d HTTP/1.1\r\nHost: echo.shop\r\n%s\r\n" % (n, b"Connection: close\r\n" if n == 9 else b"")
                              for n in range(10)))
        answer = read_all(sock)
    assert re.findall(rb'"path": "/n(\d)"', answer) == [b"%d" % n for n in range(10)]


def test_a_hundred_connections_at_once(site):
    def one(number: int) -> bool:
        with Connection(site.client, site.echo_vip, host="echo.shop") as connection:
            return connection.ask(f"/{number}").json["path"] == f"/{number}"

    with ThreadPoolExecutor(100) as pool:
        assert all(pool.map(one, range(300)))


def test_curl_by_service_name(site):
    done = run("nsenter", f"--net={site.client.path}", "--", "curl", "-sS", "--noproxy", "*", "--max-time", "30",
               "--resolve", f"httpd.shop:80:{site.vip}", "-w", "%{http_code} %{remote_ip}", "http://httpd.shop/")
    assert done.stdout == f"welcome\n200 {site.vip}"


def test_wrk_has_no_failed_request_and_each_is_counted(site):
    before = site.requests(reporter="source")
    done = run("nsenter", f"--net={site.client.path}", "--", "wrk", "-t1", "-c16", "-d2s", "-H", "Host: httpd.shop",
               f"http://{site.vip}/").stdout
    assert "Socket errors" not in done and "Non-2xx" not in done, done
    sent = int(re.search(r"(\d+) requests in", done)[1])
    # wrk does not count the request that each of its 16 connections has under way when it ends.
    assert sent > 0
    assert sent <= site.requests(reporter="source") - before <= sent + 16


def test_a_body_behind_a_204_is_never_the_next_requests_answer(site):
    """The echo server sends one, which RFC 9110 forbids: its connections are not used again."""
    with Connection(site.client, site.echo_vip, host="echo.shop") as connection:
        for _ in range(50):
            assert connection.ask("/status/204").status == 204
            assert connection.ask("/").status == 200
