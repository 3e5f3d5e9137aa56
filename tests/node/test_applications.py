"""Applications as they are, on both ends, over the kernel path, the node proxy, and a pair of sidecars: what they send arrives."""
from __future__ import annotations

import hashlib
import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support import apps, manifests, servers
from support.processes import run
from support.traffic import exchange

PORTS = {"nginx": 8080, "apache": 8081, "python": 8082, "redis": 6379, "pg": 5432, "iperf": 5201, "go": 7000, "gomp": 7001}
HTTP = ("nginx", "apache", "python")
LARGE = apps.pattern(4_000_000)
PAGES = {"small": b"a small page\n", "large": LARGE}


class Shop:
    """shop/client and shop/server; the server's applications start when they are first asked for."""

    def __init__(self, node):
        self.node = node
        node.write(manifests.namespace("shop"))
        names = {name: f"{'http' if name in HTTP else 'tcp'}-{name}" for name in PORTS}
        self.client = node.pod("shop/client", account="client")
        self.server = node.pod("shop/server", account="server", labels={"app": "server"},
                               ports={names[name]: port for name, port in PORTS.items()})
        self.vip, _ = node.service("shop/server", [{"name": names[name], "port": port} for name, port in PORTS.items()],
                                   {"app": "server"})
        node.agent.start()
        self._apps = {}

    def app(self, name: str, kind, *arguments):
        if name not in self._apps:
            self._apps[name] = self.node.app(kind, self.server, self.node.folder_for(name), PORTS[name], *arguments)
        return self._apps[name]

    def run(self, *command: object, **fields):
        """In the client's pod."""
        return run("nsenter", f"--net={self.client.path}", "--", *command, **fields)


@pytest.fixture(scope="module")
def _shop(bare_node):
    return Shop(bare_node)


@pytest.fixture(params=["node", "sidecar"])
def shop(_shop, request):
    for pod in ("client", "server"):
        if _shop.node.cli.pod(f"shop/{pod}")["mode"] != request.param:
            _shop.node.cli("mode", f"pod/shop/{pod}", request.param)
    _shop.node.cli.wait()
    return _shop


# --- web servers ---

@pytest.mark.parametrize("name, kind", [("nginx", apps.Nginx), ("apache", apps.Apache), ("python", servers.PythonHttp)])
def test_files_of_web_servers(shop, name, kind):
    shop.app(name, kind, PAGES)
    url = f"http://{shop.vip}:{PORTS[name]}"

    def fetch(page: str) -> str:
        path = shop.node.folder / f"fetched-{name}-{random.getrandbits(64):x}"
        shop.run("curl", "-sS", "-f", "-o", path, f"{url}/{page}")
        content = path.read_bytes()
        path.unlink()
        return hashlib.sha256(content).hexdigest()

    with ThreadPoolExecutor(8) as pool:
        for page in PAGES:
            assert {*pool.map(fetch, [page] * 8)} == {hashlib.sha256(PAGES[page]).hexdigest()}


@pytest.mark.parametrize("name, kind", [("nginx", apps.Nginx), ("apache", apps.Apache)])
def test_wrk_has_no_failed_request(shop, name, kind):
    shop.app(name, kind, PAGES)
    said = shop.run("wrk", "-t1", "-c16", "-d1s", f"http://{shop.vip}:{PORTS[name]}/small").stdout
    assert "Non-2xx" not in said and "Socket errors" not in said, said
    assert int(re.search(r"(\d+) requests in", said)[1]) > 0


# --- Redis ---

def resp(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def test_redis_under_its_benchmark(shop):
    shop.app("redis", servers.Redis)
    for depth in (1, 16):
        said = shop.run("redis-benchmark", "-h", shop.vip, "-p", PORTS["redis"], "-n", 2000, "-c", 20, "-P", depth, "-d", 1000, "-r", 100,
                        "-t", "set,get,incr,lpush,lrange_100", "--csv").stdout
        done = re.findall(r'^"(\w+)[^"]*","[\d.]+",', said, re.MULTILINE)
        assert done == ["SET", "GET", "INCR", "LPUSH", "LPUSH", "LRANGE_100"], said     # one LPUSH prepares LRANGE


def test_what_redis_was_given_is_what_it_gives(shop):
    shop.app("redis", servers.Redis)
    dice = random.Random(1)
    values = {b"key:%d" % number: dice.randbytes(dice.choice((1, 100, 5000, 100_000))) for number in range(300)}
    with shop.client.dial(shop.vip, PORTS["redis"]) as sock:
        assert exchange(sock, resp(b"FLUSHALL"), 5) == b"+OK\r\n"
        assert exchange(sock, b"".join(resp(b"SET", *pair) for pair in values.items()), 5 * len(values)) == b"+OK\r\n" * len(values)
        expected = b"".join(b"$%d\r\n%s\r\n" % (len(value), value) for value in values.values())
        with ThreadPoolExecutor(1) as pool:     # all questions at once: the answers must be read meanwhile
            pool.submit(sock.sendall, b"".join(resp(b"GET", key) for key in values))
            assert exchange(sock, b"", len(expected)) == expected


# --- PostgreSQL ---

def test_postgresql_under_pgbench_keeps_its_books(shop):
    database = shop.app("pg", servers.Postgres)
    database.pgbench(shop.client, shop.vip, "-i", "-q", "-s", 1)
    said = database.pgbench(shop.client, shop.vip, "-c", 8, "-j", 2, "-t", 50)
    assert "transactions actually processed: 400/400" in said, said
    assert database.query(shop.client, shop.vip, "select count(*) from pgbench_history") == "400"
    sums = database.query(shop.client, shop.vip, "select (select sum(abalance) from pgbench_accounts), (select sum(tbalance) from "
                          "pgbench_tellers), (select sum(bbalance) from pgbench_branches), (select sum(delta) from pgbench_history)")
    assert len({*sums.split("|")}) == 1, sums


def test_large_results_of_postgresql_arrive_whole(shop):
    database = shop.app("pg", servers.Postgres)
    rows = "select i, md5(i::text) from generate_series(1, 100000) i"
    got = database.query(shop.client, shop.vip, rows)
    assert got == "\n".join(f"{i}|{hashlib.md5(str(i).encode()).hexdigest()}" for i in range(1, 100001))


# --- streams ---

@pytest.mark.parametrize("direction", [[], ["-R"], ["-P", "4"], ["--bidir"]], ids=["up", "down", "four", "both"])
def test_iperf3(shop, direction):
    shop.app("iperf", servers.Iperf)
    result = json.loads(shop.run("iperf3", "-c", shop.vip, "-p", PORTS["iperf"], "-n", "40M", "-J", *direction).stdout)
    assert "error" not in result
    both = "--bidir" in direction       # then the two directions share the 40 MiB
    assert result["end"]["sum_sent"]["bytes"] >= (1 if both else 40 << 20)
    assert 0 < result["end"]["sum_received"]["bytes"] <= result["end"]["sum_sent"]["bytes"]


# --- Go ---

@pytest.fixture(scope="module")
def copier(_shop) -> Path:
    if servers.go() is None:
        pytest.skip("no Go on this machine")
    return servers.build_copier(_shop.node.folder_for("copier"))


@pytest.mark.parametrize("server, client", [("tcp", "tcp"), ("mptcp", "tcp"), ("mptcp", "mptcp"), ("tcp", "mptcp")])
def test_a_go_program_that_copies(shop, copier, server, client):
    """Its listeners speak MPTCP by default since Go 1.24."""
    port = "go" if server == "tcp" else "gomp"
    shop.app(port, servers.Copier, copier, server)
    for size, count in ((1, 50), (100_000, 50), (5_000_000, 6)):
        said = shop.run(copier, "send", f"{shop.vip}:{PORTS[port]}", client, size, count).stdout
        assert said == f"ok {count}\n"
