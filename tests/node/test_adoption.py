"""Proxies outlive their agent, and the next one adopts them: what runs through them does not notice."""
from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import socket
import stat
import threading
import time

import pytest

from outliving import WITHOUT, as_before, listeners, long_transfer, modes, pids, proxies, requests
from shop import Shop, allow
from support import apps
from support.processes import eventually
from support.traffic import Connection, RequestLoop, ask, exchange

_libc = ctypes.CDLL(None, use_errno=True)
_SYS_PIDFD_GETFD = 438


@pytest.fixture(scope="module")
def shop(bare_node):
    return Shop(bare_node)


@pytest.fixture(autouse=True)
def running(shop):
    yield
    as_before(shop)


@pytest.mark.parametrize("mode", ["node", "sidecar"])
def test_an_agent_killed_under_load_is_followed_by_one_that_adopts_its_proxies(shop, mode):
    modes(shop, mode)
    agent = shop.node.agent
    before, ports, counted = pids(shop), listeners(shop), requests(shop)
    sent = 0
    with contextlib.ExitStack() as stack:
        # To one pod: its worker has the connection to that one, and without an agent it gets none to another.
        http = stack.enter_context(Connection(shop.client, shop.web["v1"].ip4, 8080))
        tcp = stack.enter_context(shop.client.dial(shop.vip, 9000))
        assert exchange(tcp, b"", 4) == b"web-" and exchange(tcp, b"", 2)
        assert http.ask().status == 200
        moved = stack.enter_context(long_transfer(shop))
        load = stack.enter_context(RequestLoop(shop.client, shop.vip, host="web.shop"))
        eventually("requests", load.passed(20))

        agent.kill()
        time.sleep(WITHOUT)
        assert http.ask().status == 200
        assert exchange(tcp, b"without an agent") == b"without an agent"
        at = moved[0]
        eventually("bytes without an agent", lambda: moved[0] > at)
        agent.start()

        eventually("requests with the next", load.passed(50))
        assert http.ask().status == 200
        assert exchange(tcp, b"with the next") == b"with the next"
        assert pids(shop) == before
        assert listeners(shop) == ports
        load.stop()
        sent = load.sent + 4        # three kept ones, and the transfer
        assert load.failures == []
    assert requests(shop) == counted + sent
    adopted = {name: proxy["adopted_unix"] for name, proxy in proxies(shop).items()}
    assert all(abs(time.time() - since) < 120 for since in adopted.values()), adopted
    assert re.search(r"^node +node +running +\d+ +20\d\d-\d\d-\d\dT", shop.node.cli("status").stdout, re.MULTILINE)


def test_a_sidecar_keeps_its_customary_ports(shop):
    modes(shop, "sidecar")
    for _ in range(2):
        shop.node.agent.kill()
        shop.node.agent.start()
        addresses = {listener["address"] for listener in listeners(shop)["shop/client"] if listener["mode"] == "sidecar"}
        assert addresses == {"127.0.0.1:15001", "[::1]:15001", "127.0.0.1:15006"}


def test_the_next_agents_configuration_reaches_an_adopted_proxy(shop):
    with Connection(shop.client, shop.web["v1"].ip4, 8080) as connection:
        assert connection.ask().status == 200
        shop.node.agent.kill()
        shop.node.write(allow("other"))
        assert connection.ask().status == 200       # by the snapshot that the proxy has
        shop.node.agent.start()
        assert connection.ask().status == 403
        shop.node.delete("AuthorizationPolicy/shop/web")
        assert connection.ask().status == 200


def test_a_connection_that_needs_a_socket_waits_for_the_next_agent(shop):
    modes(shop, "sidecar", "web-2")      # a namespace that the node proxy has not connected from or to before
    modes(shop, "node", "web-2")
    fresh = shop.node.pod("shop/fresh", account="web", labels={"app": "fresh"}, ports={"http": 8080})
    shop.node.app(apps.Echo, fresh, "fresh", 8080)
    shop.node.cli.wait()
    shop.node.agent.kill()
    answers = []
    asking = threading.Thread(target=lambda: answers.append(ask(shop.client, fresh.ip4, port=8080).status), daemon=True)
    asking.start()
    time.sleep(0.5)
    assert answers == [], "it was answered without a socket"
    shop.node.agent.start()
    asking.join(20)
    assert answers == [200]
    assert shop.node.agent.counts("fairlead_upstream_socket_waits_total") >= 1
    shop.node.delete("Pod/shop/fresh")


def test_without_an_agent_a_connection_that_needs_a_socket_fails_after_its_connect_timeout(shop):
    fresh = shop.node.pod("shop/late", account="web", labels={"app": "late"}, ports={"http": 8080})
    shop.node.app(apps.Echo, fresh, "late", 8080)
    shop.node.cli.wait()
    shop.node.agent.kill()
    began = time.monotonic()
    assert ask(shop.client, fresh.ip4, port=8080).status == 503
    assert time.monotonic() - began > 5
    shop.node.agent.start()
    [record] = shop.node.agent.flows(destination=f"{fresh.ip4}:8080")
    assert record["response_flags"] == "UF"
    assert ask(shop.client, fresh.ip4, port=8080).status == 200
    shop.node.delete("Pod/shop/late")


def test_a_pod_that_went_while_nobody_looked_is_forgotten(shop):
    passing = Passing(shop, "gone")
    with Connection(shop.client, passing.pod.ip4, 8080) as connection:
        assert connection.ask().status == 200
        shop.node.agent.kill()
        passing.go()
        assert passing.sockets(), "nothing held the namespace: there is nothing to be seen here"
        shop.node.agent.start()
        assert "shop/gone" not in listeners(shop)
        passing.assert_gone()


class Passing:
    """A pod that serves HTTP and that goes. `sockets`: those that a proxy still holds in its namespace."""

    def __init__(self, shop, name: str):
        self.shop, self.name = shop, name
        self.pod = shop.node.pod(f"shop/{name}", account="web", labels={"app": name}, ports={"http": 8080})
        self._server = apps.Echo(self.pod, name, 8080)
        shop.node.cli.wait()
        assert ask(shop.client, self.pod.ip4, port=8080).status == 200
        self._cookie = self.pod.cookie()

    def go(self) -> None:
        self._server.close()
        self.shop.node.file(f"Pod/shop/{self.name}").unlink()
        self.shop.node.network.remove(self.pod)

    def sockets(self) -> list[str]:
        return [f"{pid} {fd}" for pid in [*self.shop.node.agent.proxies(), *self._agents()] for fd in os.listdir(f"/proc/{pid}/fd")
                if netns_cookie(pid, int(fd)) == self._cookie]

    def _agents(self) -> list[int]:
        return [self.shop.node.agent.pid] if self.shop.node.agent.alive() else []

    def assert_gone(self) -> None:
        eventually("every socket in the namespace to be closed", lambda: not self.sockets())


def netns_cookie(pid: int, number: int) -> int | None:
    """Of the namespace that the socket `number` of a process lives in: looked at through a copy of it."""
    process = os.pidfd_open(pid)
    copy = _libc.syscall(_SYS_PIDFD_GETFD, process, number, 0)
    os.close(process)
    if copy < 0:
        return None
    if not stat.S_ISSOCK(os.fstat(copy).st_mode):
        os.close(copy)
        return None
    with socket.socket(fileno=copy) as sock, contextlib.suppress(OSError):
        return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, 71, 8), "little")


def test_a_draining_sidecar_is_adopted_as_draining(shop):
    modes(shop, "sidecar", "client")
    with shop.client.dial(shop.vip, 9000) as never_used, Connection(shop.client, shop.vip, host="web.shop") as connection:
        pid = pids(shop)["shop/client"]
        sock = shop.client.dial(shop.web["v1"].ip4, 8080)
        sock.sendall(b"POST / HTTP/1.1\r\nHost: web.shop\r\nContent-Length: 4\r\n\r\n12")     # keeps it busy
        modes(shop, "node", "client")
        eventually("it to drain", lambda: proxies(shop)["shop/client"]["state"] == "draining")
        shop.node.agent.kill()
        shop.node.agent.start()
        found = proxies(shop)["shop/client"]
        assert (found["pid"], found["state"]) == (pid, "draining")
        sock.sendall(b"34")
        assert sock.recv(100).startswith(b"HTTP/1.1 200")
        sock.close()
    eventually("it to end", lambda: "shop/client" not in proxies(shop))


def test_a_proxy_killed_meanwhile_is_replaced_and_the_other_adopted(shop):
    modes(shop, "sidecar", "client")
    before = pids(shop)
    shop.node.agent.kill()
    os.kill(before["node"], signal.SIGKILL)
    eventually("it to be gone", lambda: before["node"] not in shop.node.agent.proxies())
    shop.node.agent.start()
    after = pids(shop)
    assert after["node"] != before["node"] and after["shop/client"] == before["shop/client"]
    assert ask(shop.client, shop.vip, host="web.shop").status == 200
    assert ask(shop.outside, shop.web["v1"].ip4, port=8080).status == 200


def test_an_adopted_proxy_that_dies_is_restarted(shop):
    shop.node.agent.kill()
    shop.node.agent.start()
    ports = listeners(shop)
    [killed] = shop.node.agent.kill_proxies()
    assert ask(shop.client, shop.vip, host="web.shop").status == 200
    assert pids(shop)["node"] != killed and listeners(shop) == ports
    assert proxies(shop)["node"]["adopted_unix"] is None


def test_with_agent_and_proxy_killed_http_is_refused_and_the_next_start_works(shop):
    agent = shop.node.agent
    agent.kill()
    for pid in agent.proxies():
        os.kill(pid, signal.SIGKILL)
    eventually("the proxies to be gone", lambda: not agent.proxies())
    with pytest.raises(ConnectionRefusedError):
        ask(shop.client, shop.vip, host="web.shop")
    with pytest.raises(OSError):
        shop.outside.dial(shop.web["v1"].ip4, 8080, timeout=3)
    with shop.client.dial(shop.vip, 9000) as sock:
        assert exchange(sock, b"", 4) == b"web-"
    agent.start()
    assert ask(shop.client, shop.vip, host="web.shop").status == 200
    assert ask(shop.outside, shop.web["v1"].ip4, port=8080).status == 200


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_twenty_agents_in_a_row_fail_no_request_and_leak_nothing(shop):
    agent = shop.node.agent
    agent.kill()
    agent.start()
    [proxy] = agent.proxies()
    before = None
    passing = Passing(shop, "passing")
    with RequestLoop(shop.client, shop.vip, host="web.shop") as load:
        eventually("requests to both pods", load.passed(20))    # from now on the proxy has sockets
        for round_ in range(20):
            agent.kill()
            time.sleep(WITHOUT)
            agent.start()
            eventually("requests with one", load.passed(2))
            assert agent.proxies() == [proxy]
            if round_ == 1:
                before = descriptors(proxy), descriptors(agent.pid)
    assert load.failures == []
    # Sockets that are kept for reuse come and go; a leak would be of one listener or more in each round.
    after = (descriptors(proxy), descriptors(agent.pid))
    assert after[0] <= before[0] + 16 and after[1] <= before[1] + 4, (before, after)
    passing.go()
    passing.assert_gone()


class Stranger:
    """Connects to the broker's socket as somebody else, from a child process."""

    def __init__(self, shop):
        self.path = shop.node.run_dir / "broker" / "agent.sock"

    def comes(self, before=lambda: None) -> str:
        """What became of it: "EACCES", or "closed" where it was sent away; anything else is what it was told."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            told = "nothing"
            try:
                before()
                with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
                    sock.settimeout(20)
                    sock.connect(str(self.path))
                    with contextlib.suppress(BrokenPipeError):
                        sock.send(hello())
                    told = "closed" if not sock.recv(1000) else "served"
            except PermissionError:
                told = "EACCES"
            except ConnectionResetError:
                told = "closed"
            except BaseException as error:
                told = repr(error)
            os.write(writing, told.encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as answer:
            told = answer.read()
        os.waitpid(child, 0)
        return told


def hello() -> bytes:
    """A worker's first message: userspace-proxy/broker/wire.h."""
    return b"".join([(32).to_bytes(4, "little"), (1).to_bytes(4, "little"), (1).to_bytes(8, "little"), bytes(16),
                     (1).to_bytes(4, "little"), bytes(12)])


def test_strangers_are_sent_away(shop):
    stranger = Stranger(shop)
    [proxy] = shop.node.agent.proxies()

    def become(uid: int, gid: int):
        def change() -> None:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        return change

    def enter_pod() -> None:
        shop.client.inside().__enter__()

    def enter_pod_as_proxy() -> None:
        enter_pod()
        become(15006, 15006)()

    assert stranger.comes(become(65534, 65534)) == "EACCES"
    assert stranger.comes() == "closed"                             # root, outside the cgroup
    assert stranger.comes(become(15006, 15006)) == "closed"         # the proxies' own user, but none of them
    assert stranger.comes(enter_pod) == "closed"
    assert stranger.comes(enter_pod_as_proxy) == "closed"
    # Also while the agent waits for those that it adopted.
    shop.node.agent.kill()
    os.kill(proxy, signal.SIGSTOP)
    try:
        shop.node.agent.start(wait=False)
        eventually("the next agent", lambda: shop.node.cli("status", check=False).returncode == 0)
        assert stranger.comes() == "closed"
        assert stranger.comes(become(15006, 15006)) == "closed"
    finally:
        os.kill(proxy, signal.SIGCONT)
    shop.node.cli.wait()
    assert shop.node.agent.proxies() == [proxy]


def test_a_proxy_that_never_comes_is_replaced(shop):
    [proxy] = shop.node.agent.proxies()
    shop.node.agent.kill()
    os.kill(proxy, signal.SIGSTOP)
    shop.node.agent.start()         # waits for it for 10 s
    assert shop.node.agent.proxies() != [proxy]
    assert ask(shop.client, shop.vip, host="web.shop").status == 200


def test_sigterm_ends_adopted_proxies_too_and_uninstall_those_without_an_agent(shop):
    agent = shop.node.agent
    agent.kill()
    agent.start()
    assert agent.proxies()
    assert agent.stop() == 0
    assert not agent.proxies() and not (shop.node.run_dir / "broker").exists()
    agent.start()
    agent.kill()
    assert agent.proxies()
    agent.cli("uninstall")
    assert not agent.proxies() and not (shop.node.run_dir / "broker").exists()
    assert not any(path.exists() for path in agent.cgroups | agent.pins)
