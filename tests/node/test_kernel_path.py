"""TCP on the kernel path: allowed, denied, unseen by the proxy, and unmoved by what happens to agent and proxy."""
from __future__ import annotations

import contextlib
import errno
import os

import pytest

from shop import Shop, allow
from support.agent import settle
from support.processes import eventually, run
from support.traffic import Connection, ask, exchange


@pytest.fixture(scope="module")
def shop(bare_node):
    return Shop(bare_node)


@pytest.fixture
def running(shop):
    """Whatever a test did to the agent: one runs again afterwards."""
    yield shop
    if not shop.node.agent.alive():
        shop.node.agent.start()


@contextlib.contextmanager
def open_connection(shop, pod=None):
    with (pod or shop.client).dial(shop.vip, 9000) as sock:
        name = exchange(sock, b"", 6).decode().strip()
        assert name in shop.pod_names
        yield sock, shop.web[f"v{name[-1]}"], shop.tcp[f"v{name[-1]}"]


def assert_refused(pod, address) -> None:
    with pytest.raises(OSError) as refused:
        pod.dial(address, 9000)
    assert refused.value.errno in (errno.EPERM, errno.ECONNREFUSED), refused.value


@pytest.mark.parametrize("address", ["vip", "vip6"])
def test_policy_allows_one_identity_and_refuses_the_other_at_connect(shop, address):
    with shop.node.having(allow("client")):
        for _ in range(10):
            with shop.client.dial(getattr(shop, address), 9000) as sock:
                assert exchange(sock, b"ping", 10)[6:] == b"ping"
            assert_refused(shop.other, getattr(shop, address))


def test_the_server_sees_the_clients_own_address_and_port(shop):
    with open_connection(shop) as (sock, _, server):
        assert server.peers[-1] == (f"::ffff:{shop.client.ip4}", sock.getsockname()[1])


def test_no_socket_of_a_proxy_is_on_the_way(shop):
    def established(pod, port: int) -> list[str]:
        """"LOCAL PEER" of the pod's established sockets that have this port at one end."""
        out = run("nsenter", f"--net={pod.path}", "--", "ss", "-Htn", "state", "established",
                  f"( sport = :{port} or dport = :{port} )").stdout
        return [" ".join(line.split()[2:4]).replace("[::ffff:", "").replace("]", "") for line in out.splitlines()]

    with open_connection(shop) as (sock, pod, _):
        own = sock.getsockname()[1]
        assert established(shop.client, own) == [f"{shop.client.ip4}:{own} {pod.ip4}:9000"]
        assert established(pod, own) == [f"{pod.ip4}:9000 {shop.client.ip4}:{own}"]


def test_the_proxy_records_none_of_it_and_the_kernel_each(shop):
    def proxied():
        return [record for record in shop.node.agent.flows() if record["path"] != "kernel"]

    before, kernel = settle(proxied), shop.node.agent.counts("fairlead_kernel_connections_total", reason="kernel_path")
    for _ in range(5):
        with open_connection(shop) as (sock, _, _):
            assert exchange(sock, b"x" * 100_000) == b"x" * 100_000
    assert settle(proxied) == before
    assert shop.node.agent.counts("fairlead_kernel_connections_total", reason="kernel_path") == kernel + 5


def test_a_denial_is_counted_by_its_reason(shop):
    with shop.node.having(allow("client")):
        before = shop.node.agent.counts("fairlead_kernel_connections_total", reason="policy_denied")
        for _ in range(3):
            assert_refused(shop.other, shop.vip)
        assert shop.node.agent.counts("fairlead_kernel_connections_total", reason="policy_denied") == before + 3


def test_an_agent_that_is_stopped_and_started_ends_no_connection(running):
    shop = running
    with open_connection(shop) as (sock, _, _):
        shop.node.agent.stop()
        assert exchange(sock, b"without an agent") == b"without an agent"
        shop.node.agent.start()
        assert exchange(sock, b"with the next") == b"with the next"
    with open_connection(shop):
        pass


def test_after_kill_9_of_agent_and_proxies_the_kernel_path_goes_on_and_the_next_agent_adopts_it(running):
    shop, agent = running, running.node.agent
    with shop.node.having(allow("client")):
        with open_connection(shop) as (sock, _, _):
            assert agent.proxies(), "no proxy to kill"
            agent.kill()
            for pid in agent.proxies():
                os.kill(pid, 9)
            eventually("the proxies to be gone", lambda: not agent.proxies())

            # Nobody is there: what was open, what is new, and what is denied.
            assert exchange(sock, b"still open") == b"still open"
            for _ in range(10):
                with open_connection(shop):
                    pass
                assert_refused(shop.other, shop.vip)

            agent.start()
            assert exchange(sock, b"adopted") == b"adopted"
            for _ in range(10):
                with open_connection(shop):
                    pass
                assert_refused(shop.other, shop.vip)
            # HTTP resumes with the next proxy.
            assert ask(shop.client, shop.vip, host="web.shop").status == 200
            assert ask(shop.other, shop.vip, host="web.shop").status == 403


def test_http_through_a_proxy_whose_agent_was_killed_goes_on(running):
    shop, agent = running, running.node.agent
    # To one pod: a proxy without an agent has the upstream connections that it has, and gets no sockets for others.
    with Connection(shop.client, shop.web["v1"].ip4, 8080) as connection:
        assert connection.ask().status == 200
        agent.kill()
        assert agent.proxies(), "the proxy ended with its agent"
        for _ in range(20):
            assert connection.ask().status == 200


def test_a_killed_proxy_is_replaced_and_its_backlog_waits_for_the_next(running):
    shop, agent = running, running.node.agent
    killed = agent.kill_proxies()
    assert killed
    # The listeners are the agent's: a request that comes meanwhile waits, it is not refused.
    assert ask(shop.client, shop.vip, host="web.shop").status == 200
    assert not set(agent.proxies()) & set(killed) and agent.proxies()


def test_an_agent_that_ends_takes_its_programs_with_it_and_one_started_again_governs(running):
    shop, agent = running, running.node.agent
    with shop.node.having(allow("client")):
        assert_refused(shop.other, shop.web["v1"].ip4)
        agent.stop()
        with shop.other.dial(shop.web["v1"].ip4, 9000) as sock:     # no mesh: nobody refuses
            assert exchange(sock, b"", 6) == b"web-1\n"
        agent.start()
        assert_refused(shop.other, shop.web["v1"].ip4)
