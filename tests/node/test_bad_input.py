"""Bad manifests and bad clients: one clear line about the former, an answer to the latter, and everything else goes on."""
from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest
import yaml

from shop import Shop, deny, from_account
from support import apps, manifests
from support.processes import eventually
from support.traffic import Connection, ask, read_all


@pytest.fixture(scope="module")
def shop(bare_node):
    return Shop(bare_node)


# --- manifests ---

VIRTUAL_SERVICE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: bad
  namespace: shop
spec:
  hosts: [web]
  http:
  - {extra}
    route:
    - destination:
        host: web
        port: {{number: {port}}}
      weight: {weight}
"""
POLICY = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: bad, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  action: %s
"""


def virtual_service(extra: str = "timeout: 5s", port: object = 80, weight: object = 100) -> str:
    return VIRTUAL_SERVICE.format(extra=extra, port=port, weight=weight)


# What is wrong -> file, the line that is to be named, the field's last part.
BAD = {
    "syntax error": ("a: [1, 2\nb: }\n", 2, None),
    "unknown field": (virtual_service(extra="retires: {attempts: 3}"), 9, "retires"),
    "wrong type": (virtual_service(weight="[ten]"), 14, "weight"),
    "negative weight": (virtual_service(weight=-1), 14, "weight"),
    "impossible port": (virtual_service(port=70000), 13, "number"),
    "bad regex": (virtual_service(extra='match: [{uri: {regex: "("}}]'), 9, "regex"),
    "unknown action": (POLICY % "PERHAPS", 6, "action"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_manifest_is_refused_alone_with_file_line_and_field(shop, name):
    text, line, field = BAD[name]
    path = shop.node.config / f"bad-{name.replace(' ', '-')}.yaml"
    good = deny(**{"from": from_account("other")})
    with shop.node.having(good):
        seen = len(shop.node.agent.text())
        path.write_text(text)
        try:
            shop.node.cli.wait()      # refused objects are warnings, not failures
            logged = shop.node.agent.text()[seen:]
            told = [entry for entry in shop.node.cli.json("status")["messages"] if Path(entry["file"]).name == path.name]
            # The rest stays in force, what was there and what comes.
            assert ask(shop.client, shop.vip, host="web.shop").status == 200
            assert ask(shop.other, shop.vip, host="web.shop").status == 403
        finally:
            path.unlink()
            shop.node.cli.wait()
    assert re.search(rf"{re.escape(path.name)}:{line}\b.*{field or ''}", logged), logged
    assert told, "status does not speak of it"
    assert {entry["severity"] for entry in told} == {"error"}
    assert line in [entry["line"] for entry in told]
    assert field is None or any(field in entry["message"] for entry in told)
    assert not [entry for entry in shop.node.cli.json("status")["messages"] if Path(entry["file"]).name == path.name]


def test_one_bad_document_spoils_no_other_of_its_file(shop):
    good = yaml.safe_dump(deny(**{"from": from_account("other")}))
    path = shop.node.config / "several.yaml"
    path.write_text(virtual_service(weight=-1) + "---\n" + good)
    try:
        shop.node.cli.wait()
        assert ask(shop.other, shop.vip, host="web.shop").status == 403
    finally:
        path.unlink()
        shop.node.cli.wait()
    assert ask(shop.other, shop.vip, host="web.shop").status == 200


def test_the_last_good_version_of_an_object_stays_in_force(shop):
    good = deny(**{"from": from_account("other")})
    with shop.node.having(good):
        broken = {**good, "spec": {**good["spec"], "action": "PERHAPS"}}
        shop.node.apply(broken)
        assert ask(shop.other, shop.vip, host="web.shop").status == 403
        shop.node.apply({**good, "spec": {**good["spec"], "rules": [{"from": from_account("client")}]}})
        assert ask(shop.other, shop.vip, host="web.shop").status == 200
        assert ask(shop.client, shop.vip, host="web.shop").status == 403


def test_an_unknown_kind_is_told_and_nothing_else(shop):
    with shop.node.having({"apiVersion": "example.com/v1", "kind": "Widget",
                           "metadata": {"name": "w", "namespace": "shop"}, "spec": {"x": 1}}) as warnings:
        assert "Widget" in warnings + shop.node.agent.text()
        assert ask(shop.client, shop.vip, host="web.shop").status == 200


def test_a_pod_whose_netns_does_not_exist_is_told_and_the_others_are_served(shop):
    missing = manifests.pod("shop/gone", "/run/netns/no-such-namespace", ["10.77.99.9"])
    seen = len(shop.node.agent.text())
    with shop.node.having(missing) as warnings:
        assert "shop/gone" in warnings and "no-such-namespace" in warnings
        assert "no-such-namespace" in shop.node.cli.pod("shop/gone")["problem"]
        assert re.search(r"warn.*shop/gone.*no-such-namespace", shop.node.agent.text()[seen:])
        assert ask(shop.client, shop.vip, host="web.shop").status == 200


# --- clients ---

def head(*lines: str, request: str = "GET / HTTP/1.1") -> bytes:
    return "\r\n".join([request, "Host: web.shop", *lines, "", ""]).encode()


MALFORMED = {
    "two Content-Length": (head("Content-Length: 1", "Content-Length: 1", request="POST / HTTP/1.1") + b"x", 400),
    "Content-Length and Transfer-Encoding": (head("Content-Length: 5", "Transfer-Encoding: chunked",
                                                  request="POST / HTTP/1.1") + b"0\r\n\r\n", 400),
    "bare LF": (b"GET / HTTP/1.1\nHost: web.shop\n\n", 400),
    "obs-fold": (head("X-A: b", " c"), 400),
    "NUL in a field": (head("X-A: b\0c"), 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (head("Host: web.shop"), 400),
    "space before the colon": (head("X-A : b"), 400),
    "no request line": (b"\x16\x03\x01\x00\x10 nonsense\r\n\r\n", 400),
    "bad chunk size": (head("Transfer-Encoding: chunked", request="POST / HTTP/1.1") + b"zz\r\n", 400),
    "more than 100 fields": (head(*(f"X-{n}: {n}" for n in range(101))), 431),
    "a head beyond the limit": (head("X-Large: " + "x" * 70_000), 431),
    "unknown transfer coding": (head("Transfer-Encoding: gzip, chunked", request="POST / HTTP/1.1") + b"0\r\n\r\n", 501),
    "HTTP/1.0": (b"GET / HTTP/1.0\r\nHost: web.shop\r\n\r\n", 426),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_gets_its_status_and_reaches_no_application(shop, name):
    sent, status = MALFORMED[name]
    before = [len(echo.requests) for echo in shop.echo.values()]
    with shop.client.dial(shop.vip, 80) as sock:
        sock.sendall(sent)
        answer = read_all(sock)         # ends: the connection is closed, and the answer arrived before that
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    if name != "bad chunk size":        # there the head was good, and may have been forwarded
        assert [len(echo.requests) for echo in shop.echo.values()] == before
    assert ask(shop.client, shop.vip, host="web.shop").status == 200


def test_the_answer_arrives_although_the_client_is_still_sending(shop):
    """Closing with unread bytes would reset the connection and take the answer with it."""
    with shop.client.dial(shop.vip, 80) as sock:
        sock.sendall(head("Transfer-Encoding: gzip", request="POST / HTTP/1.1") + b"x" * 200_000)
        answer = read_all(sock)
    assert answer.startswith(b"HTTP/1.1 501 ")


def resident(pids: list[int]) -> int:
    """Bytes of memory that these processes have, together."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids) * os.sysconf("SC_PAGE_SIZE")


def test_a_client_that_never_reads_costs_bounded_memory(shop):
    pod = shop.node.pod("shop/large", labels={"app": "large"}, ports={"http": 8080})
    nginx = shop.node.app(apps.Nginx, pod, shop.node.folder_for("large"), 8080, {})
    with (nginx.folder / "htdocs" / "large").open("wb") as file:
        file.truncate(1 << 30)
    vip, _ = shop.node.service("shop/large", [{"name": "http", "port": 80, "targetPort": 8080}], {"app": "large"})
    shop.node.cli.wait()
    proxies = shop.node.agent.proxies()
    before = resident(proxies)
    clients = []
    try:
        for _ in range(20):
            sock = shop.client.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            sock.settimeout(20)
            sock.connect((vip, 80))
            sock.sendall(head().replace(b"GET / ", b"GET /large ").replace(b"web.shop", b"large.shop"))
            assert sock.recv(12) == b"HTTP/1.1 200"
            clients.append(sock)

        def stalled():
            sent = [line for line in Path(f"/proc/{proxies[0]}/io").read_text().splitlines() if line.startswith("wchar")]
            return (sent, resident(proxies))
        last = None

        def unchanged():
            nonlocal last
            was, last = last, stalled()
            return was == last
        eventually("the proxy to stop reading what nobody takes", unchanged)
        # A GiB is under way for each of the twenty. A quarter of a MiB per connection is a generous bound.
        assert resident(proxies) - before < 20 * 256 * 1024 + (1 << 20)
        assert ask(shop.client, shop.vip, host="web.shop").status == 200
    finally:
        for sock in clients:
            sock.close()


def test_a_client_that_never_finishes_its_head_is_ended(shop):
    with shop.client.dial(shop.vip, 80, timeout=100) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: web.shop\r\nX-Unfinished: ")
        answer = read_all(slow)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")
    assert ask(shop.client, shop.vip, host="web.shop").status == 200


def test_a_client_that_goes_away_in_the_middle_disturbs_nobody(shop):
    for _ in range(50):
        with Connection(shop.client, shop.vip, host="web.shop") as connection:
            connection.request("GET", "/bytes/1000000", headers={"Host": "web.shop"})
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert ask(shop.client, shop.vip, host="web.shop").status == 200


@pytest.mark.parametrize("field, half, rest", [("Content-Length: 10", b"12345", b""),
                                               ("Transfer-Encoding: chunked", b"5\r\n12345\r\n", b""),
                                               ("Transfer-Encoding: chunked", b"5\r\n12345\r\n", b"no chunk\r\n")],
                         ids=["length", "chunked", "framing"])
def test_half_a_request_ends_at_the_application_too_when_its_answer_has_begun(shop, field, half, rest):
    """It would wait for the rest of the body, and its client for the rest of the answer."""
    pod = shop.node.pods.get("shop/slow") or shop.node.pod("shop/slow", ports={"http": 8080})
    shop.node.cli.wait()
    with pod.listen(8080) as listener, shop.client.dial(pod.ip4, 8080) as client:
        client.sendall(f"POST / HTTP/1.1\r\nHost: slow\r\n{field}\r\n\r\n".encode() + half)
        listener.settimeout(20)
        application, _ = listener.accept()
        with application:
            application.settimeout(20)
            got = b""
            while b"12345" not in got:
                got += application.recv(1000)
            application.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n67890")
            answer = b""
            while b"67890" not in answer:
                answer += client.recv(1000)
            client.sendall(rest) if rest else client.close()    # nothing unread: an end, no reset
            read_all(application)       # a socket that does not end raises TimeoutError here
