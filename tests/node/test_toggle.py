"""Modes of a pod: node, sidecar, off. Every combination of two ends, switching under load, and who has the last word."""
from __future__ import annotations

import itertools

import pytest
import yaml

from shop import Shop, allow
from support.agent import settle
from support.processes import eventually
from support.traffic import Connection, RequestLoop, ask, exchange

MODES = ("node", "sidecar", "off")


@pytest.fixture(scope="module")
def shop(bare_node):
    return Shop(bare_node)


@pytest.fixture(autouse=True)
def by_default_afterwards(shop):
    yield
    for name in ("client", "web-1", "web-2"):
        shop.node.cli("mode", f"pod/shop/{name}", "default")
    shop.node.cli.wait()


def switch(shop, client: str | None = None, web: str | None = None) -> None:
    for name, mode in (("client", client), ("web-1", web), ("web-2", web)):
        if mode:
            shop.node.cli("mode", f"pod/shop/{name}", mode)
    shop.node.cli.wait()


def workload(shop, name: str) -> dict:
    return shop.node.cli.pod(f"shop/{name}")


@pytest.mark.parametrize("a, b", [*itertools.product(MODES, MODES)])
def test_the_nine_combinations(shop, a, b):
    """Who serves which end: identity arrives unless the client is off; policy is applied unless the server is off; each
    meshed end reports once; the application sees the true client always."""
    switch(shop, a, b)

    def reports():
        return [shop.node.agent.counts("istio_requests_total", reporter=side) for side in ("source", "destination")]

    before = settle(reports)
    for address, own in ((shop.vip, shop.client.ip4), (shop.vip6, shop.client.ip6)):
        answer = ask(shop.client, address, "/combination", host="web.shop")
        assert (answer.status, answer.json["client"]) == (200, own)
    expected = [before[0] + 2 * (a != "off"), before[1] + 2 * (b != "off")]
    assert settle(reports, expected) == expected

    with shop.client.dial(shop.vip, 9000) as sock:
        name, own = exchange(sock, b"", 6).decode().strip(), sock.getsockname()
        assert exchange(sock, b"ping") == b"ping"
        assert shop.tcp[f"v{name[-1]}"].peers[-1] == (f"::ffff:{own[0]}", own[1])

    for account, has_identity in (("client", a != "off"), ("other", False)):
        with shop.node.having(allow(account)):
            allowed = b == "off" or has_identity
            assert ask(shop.client, shop.vip, host="web.shop").status == (200 if allowed else 403), account
            if allowed:
                with shop.client.dial(shop.vip, 9000) as sock:
                    assert exchange(sock, b"", 4) == b"web-"
            else:
                with pytest.raises(OSError):
                    with shop.client.dial(shop.vip, 9000) as sock:
                        if exchange(sock, b"", 4) == b"":
                            raise ConnectionResetError     # a proxy accepts first and ends it then


def test_switching_under_a_request_loop_fails_no_request(shop):
    with RequestLoop(shop.client, shop.vip, host="web.shop") as loop:
        for client, web in (("sidecar", "node"), ("sidecar", "sidecar"), ("node", "sidecar"), ("off", "sidecar"),
                            ("off", "node"), ("off", "off"), ("sidecar", "off"), ("node", "node")):
            switch(shop, client, web)
            eventually("requests in this mode", loop.passed(20))
    assert loop.failures == []
    assert loop.sent >= 160


def test_open_connections_survive_a_switch_and_new_ones_go_the_new_way(shop):
    with Connection(shop.client, shop.vip, host="web.shop") as http, shop.client.dial(shop.vip, 9000) as tcp:
        assert exchange(tcp, b"", 4) == b"web-"
        exchange(tcp, b"", 2)
        for mode in ("sidecar", "node", "off", "sidecar", "node"):
            switch(shop, mode, mode)
            assert http.ask().status == 200
            assert exchange(tcp, mode.encode()) == mode.encode()
            assert ask(shop.client, shop.vip, host="web.shop").status == 200


def sidecars(shop) -> dict[int, str]:
    """Pid -> state of every sidecar there is, those that drain included."""
    return {proxy["pid"]: proxy["state"] for proxy in shop.node.cli.json("status")["proxies"] if proxy["shape"] == "sidecar"}


def test_a_sidecar_runs_in_its_own_pod_and_is_reused_on_switching_back(shop):
    eventually("the sidecars of earlier tests to end", lambda: not sidecars(shop), patience=60)
    switch(shop, client="sidecar")
    assert [*sidecars(shop).values()] == ["running"]
    [pid] = sidecars(shop)
    assert pid in shop.node.agent.proxies()
    with Connection(shop.client, shop.vip, host="web.shop") as connection:
        assert connection.ask().status == 200
        switch(shop, client="node")
        # It lingers for the connection that it serves, and takes new ones again.
        assert connection.ask().status == 200
        assert [*sidecars(shop)] == [pid]
        switch(shop, client="sidecar")
        assert sidecars(shop) == {pid: "running"}
        assert connection.ask().status == 200
    switch(shop, client="node")
    eventually("the drained sidecar to end", lambda: not sidecars(shop), patience=60)
    assert pid not in shop.node.agent.proxies()


def test_status_and_explain_say_which_mode_and_path(shop):
    def explained() -> str:
        return shop.node.cli("explain", "--from", "pod/shop/client", "--to", "web.shop:80").stdout

    assert workload(shop, "client")["mode"] == "node"
    as_node = explained()
    switch(shop, client="sidecar")
    assert workload(shop, "client")["mode"] == "sidecar"
    as_sidecar = explained()
    assert "sidecar" in as_sidecar and as_sidecar != as_node


def test_the_annotation_of_the_manifest_decides_and_an_override_beats_it(shop):
    file = shop.node.file("Pod/shop/client")
    text = file.read_text()
    obj = yaml.safe_load(text)
    try:
        obj["metadata"]["annotations"]["fairlead.dev/mode"] = "sidecar"
        shop.node.apply(obj)
        assert workload(shop, "client")["mode"] == "sidecar"
        assert ask(shop.client, shop.vip, host="web.shop").status == 200
        switch(shop, client="off")
        assert workload(shop, "client")["mode"] == "off"
        switch(shop, client="default")
        assert workload(shop, "client")["mode"] == "sidecar"
        # The label beats the annotation.
        obj["metadata"]["labels"]["fairlead.dev/mode"] = "node"
        shop.node.apply(obj)
        assert workload(shop, "client")["mode"] == "node"
    finally:
        file.write_text(text)
        shop.node.cli.wait()
    assert workload(shop, "client")["mode"] == "node"


def test_an_override_edits_no_file_and_survives_a_restart(shop):
    files = {path: path.read_bytes() for path in shop.node.config.iterdir()}
    switch(shop, client="sidecar")
    assert {path: path.read_bytes() for path in shop.node.config.iterdir()} == files
    shop.node.agent.stop()
    shop.node.agent.start()
    assert workload(shop, "client")["mode"] == "sidecar"
    assert ask(shop.client, shop.vip, host="web.shop").status == 200
    assert "sidecar" in shop.node.cli("mode", "pod/shop/client").stdout


def test_a_namespace_and_the_default_have_modes_too(shop):
    cli = shop.node.cli
    try:
        cli("mode", "ns/shop", "off")
        cli.wait()
        assert {workload(shop, name)["mode"] for name in ("client", "web-1")} == {"off"}
        switch(shop, client="node")
        assert (workload(shop, "client")["mode"], workload(shop, "web-1")["mode"]) == ("node", "off")
    finally:
        cli("mode", "ns/shop", "default")
        cli.wait()
    try:
        cli("mode", "default", "off")
        cli.wait()
        assert workload(shop, "web-1")["mode"] == "off"
    finally:
        cli("mode", "default", "default")
        cli.wait()
    assert workload(shop, "web-1")["mode"] == "node"


def test_what_is_no_mode_or_has_none_is_refused(shop):
    for arguments in (("pod/shop/client", "fast"), ("service/shop/web", "off"), ("pod/client", "off"),
                      ("pod/shop/nobody", "sidecar"), ("pod/shop/nobody",)):
        done = shop.node.cli("mode", *arguments, check=False)
        assert done.returncode in (1, 2) and len(done.stderr.strip().splitlines()) == 1, (arguments, done.stderr)
    assert workload(shop, "client")["mode"] == "node"
