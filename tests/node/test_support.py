"""The harness itself, without an agent: what the other tests build on works on this machine, and would notice a leak."""
from __future__ import annotations

import hashlib
import socket

import pytest

from support import apps
from support.processes import Process, eventually, run
from support.rawtcp import ACK, RST, SYN, HandMade
from support.traffic import Connection, ask, exchange


@pytest.fixture(scope="module")
def pods(bare_node):
    client, server = bare_node.netns("shop/client"), bare_node.netns("shop/server")
    bare_node.app(apps.Echo, server, "server", 8080)
    bare_node.app(apps.TcpEcho, server, "server", 9000)
    return client, server


@pytest.mark.parametrize("family", ["ip4", "ip6"])
def test_a_pod_reaches_a_server_in_another_which_sees_its_address(pods, family):
    client, server = pods
    answer = ask(client, getattr(server, family), "/x", 8080)
    assert answer.status == 200
    assert answer.json["client"] == getattr(client, family)
    with client.dial(getattr(server, family), 9000) as sock:
        assert exchange(sock, b"", 7) == b"server\n"
        assert exchange(sock, b"abc") == b"abc"


def test_bodies_arrive_whole(pods):
    client, server = pods
    sent = apps.pattern(300_000)
    with Connection(client, server.ip4, 8080) as connection:
        assert connection.ask("/", "POST", body=sent).json["body_sha256"] == hashlib.sha256(sent).hexdigest()
        assert connection.ask("/bytes/300000").body == sent


def test_apache_and_nginx_serve_pages_and_apache_logs_its_clients(bare_node, pods):
    client, server = pods
    apache = bare_node.app(apps.Apache, server, bare_node.folder_for("apache"), 8081,
                           {"ip4": b"apache\n", "ip6": b"apache\n"})
    bare_node.app(apps.Nginx, server, bare_node.folder_for("nginx"), 8082, {"index.html": b"nginx\n"})
    for family in ("ip4", "ip6"):
        with Connection(client, getattr(server, family), 8081) as connection:
            assert connection.ask(f"/{family}").body == b"apache\n"
            port = connection.sock.getsockname()[1]
        assert apache.clients(f"/{family}") == [f"{getattr(client, family)}:{port}"]
        assert ask(client, getattr(server, family), "/", 8082).body == b"nginx\n"


def test_a_socket_made_inside_stays_there_and_the_thread_comes_back(pods):
    client, server = pods
    assert client.cookie() != server.cookie()
    with socket.socket() as here, client.socket() as there:
        cookies = {int.from_bytes(s.getsockopt(socket.SOL_SOCKET, 71, 8), "little") for s in (here, there)}
    assert client.cookie() in cookies and len(cookies) == 2


def test_what_is_left_behind_is_seen(bare_node):
    stray, link, mount = f"{bare_node.network.prefix}-stray", f"{bare_node.network.prefix}v99", bare_node.folder / "mount"
    run("ip", "netns", "add", stray)
    run("ip", "link", "add", link, "type", "bridge")
    mount.mkdir()
    run("mount", "-t", "tmpfs", "none", mount)
    process = Process(["sleep", "1000"], bare_node.folder / "sleep.log", f"/run/netns/{stray}")
    eventually("the process to be in its namespace", lambda: f"process {process.pid} in {stray}" in bare_node.remains())
    left = {entry for entry in bare_node.remains() if entry.endswith((stray, link, str(mount)))}
    process.kill_group()
    run("umount", mount)
    run("ip", "link", "del", link)
    run("ip", "netns", "del", stray)
    assert left == {f"process {process.pid} in {stray}", f"namespace {stray}", f"link {link}", f"mount {mount}"}
    assert not [entry for entry in bare_node.remains() if stray in entry or link in entry]


@pytest.mark.parametrize("family", ["ip4", "ip6"])
def test_tcp_by_hand_is_understood_by_a_server(pods, family):
    client, server = pods
    with HandMade(client, getattr(server, family), 9000, 40001) as made:
        assert made.open().flags & (SYN | ACK) == SYN | ACK
        assert made.ask(b"abc", 10) == b"server\nabc"
    with HandMade(client, getattr(server, family), 9, 40002) as made:
        assert made.open().flags & RST
