"""Agents of different builds, one after the other, under load."""
from __future__ import annotations

import contextlib
import json
import shutil
import threading

import pytest

from outliving import as_before, listeners, long_transfer, modes, pids, requests
from shop import Shop, allow
from support.agent import BIN
from support.processes import eventually, run
from support.traffic import RequestLoop, exchange

REBUILT = BIN.parent / "rebuilt"       # tests/rebuilt


@pytest.fixture(scope="module")
def shop(bare_node):
    return Shop(bare_node)


@pytest.fixture(autouse=True)
def running(shop):
    yield
    as_before(shop)


@contextlib.contextmanager
def installed(shop, name: str):
    """Another installation of the same programs: other files, so other programs to an agent."""
    folder = shop.node.folder / name
    folder.mkdir()
    for program in ("fairlead-agent", "fairlead-proxy"):
        shutil.copy2(BIN / program, folder / program)
    try:
        yield folder
    finally:
        shop.node.agent.programs = BIN
        shutil.rmtree(folder)


@pytest.mark.parametrize("mode", ["node", "sidecar"])
def test_an_upgrade_under_load_fails_no_request(shop, mode):
    modes(shop, mode)
    agent = shop.node.agent
    agent.kill()
    agent.start()       # what proxies had counted that ended before is not counted any more
    before, ports, counted = pids(shop), listeners(shop), requests(shop)
    with installed(shop, "upgrade") as folder, RequestLoop(shop.client, shop.vip, host="web.shop") as load, \
            long_transfer(shop):
        eventually("requests", load.passed(20))
        agent.kill()
        agent.programs = folder
        agent.start()
        eventually("requests with the new ones", load.passed(50))
        after = {proxy["name"]: proxy["pid"] for proxy in shop.node.cli.json("status")["proxies"]
                 if proxy["state"] == "running"}
        assert after.keys() == before.keys() and not {*after.values()} & {*before.values()}
        assert listeners(shop) == ports
        # What the old one has counted and the new one counts.
        sent = load.sent
        assert shop.node.agent.counts("istio_requests_total", reporter="source") >= counted + sent - 1
        agent.kill()
        agent.programs = BIN
        agent.start()       # and back
        eventually("requests with the old ones", load.passed(50))
    assert load.failures == []
    eventually("all others to end", lambda: len(agent.proxies()) == len(before), patience=60)


class ConnectLoop:
    """TCP on the kernel path without a pause: every connection of `client` is served, every one of `other` refused."""

    def __init__(self, shop):
        self.shop, self.done, self.failures = shop, 0, []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)

    def _loop(self) -> None:
        while not self._stop.is_set():
            address = (self.shop.vip, self.shop.vip6)[self.done % 2]
            try:
                with self.shop.client.dial(address, 9000) as sock:
                    if exchange(sock, b"ping", 10)[6:] != b"ping":
                        self.failures.append(f"{self.done}: not what was sent")
                    if sock.getpeername()[0] != address:
                        self.failures.append(f"{self.done}: peer {sock.getpeername()}")
            except OSError as error:
                self.failures.append(f"{self.done}: {error!r}")
            with contextlib.suppress(OSError):
                self.shop.other.dial(address, 9000).close()
                self.failures.append(f"{self.done}: one that is denied was served")
            self.done += 1

    def passed(self, more: int):
        goal = self.done + more
        return lambda: self.done >= goal

    def __enter__(self) -> "ConnectLoop":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)


def attached(shop) -> dict[str, str]:
    """The tag of the program behind each link that the agent has pinned, by the link's path; and the links' ids."""
    [pins] = shop.node.agent.pins
    tags = {prog["id"]: prog["tag"] for prog in json.loads(run("bpftool", "-j", "prog", "show").stdout)}
    return {path: (link["id"], tags[link["prog_id"]]) for link in json.loads(run("bpftool", "-j", "-f", "link", "show").stdout)
            for path in link.get("pinned", []) if path.startswith(f"{pins}/")}


def test_agents_of_two_builds_take_turns_and_no_connection_on_the_kernel_path_fails(shop):
    agent = shop.node.agent
    with shop.node.having(allow("client")):
        usual = attached(shop)
        with shop.client.dial(shop.vip, 9000) as kept, ConnectLoop(shop) as load:
            assert exchange(kept, b"", 4) == b"web-" and exchange(kept, b"", 2)
            for round_ in range(6):
                eventually("connections", load.passed(5))
                agent.kill()
                eventually("connections without an agent", load.passed(5))
                agent.programs = REBUILT if round_ % 2 == 0 else BIN
                agent.start()
                now = attached(shop)
                # The very links: nothing was detached meanwhile. Behind them the other build's programs, all of them.
                assert {path: link for path, (link, _) in now.items()} == {path: link for path, (link, _) in usual.items()}
                changed = {path for path in usual if now[path][1] != usual[path][1]}
                assert changed == (set(usual) if round_ % 2 == 0 else set())
                assert exchange(kept, b"still there") == b"still there"
            assert load.failures == []
