"""Every byte of many unfriendly connections over every path: build/bin/torture (tests/torture) between two pods.

Environment: FAIRLEAD_TORTURE_CONNECTIONS (per test, default 300), FAIRLEAD_TORTURE_SEED (default 1; `random`: another each
time, which a failure names). A soak is both: FAIRLEAD_TORTURE_CONNECTIONS=20000 FAIRLEAD_TORTURE_SEED=random.
"""
from __future__ import annotations

import json
import os
import random
import subprocess
from dataclasses import dataclass

import pytest

from support import manifests
from support.agent import BIN
from support.network import Netns
from support.node import Node
from support.processes import run

CONNECTIONS = int(os.environ.get("FAIRLEAD_TORTURE_CONNECTIONS", "300"))
SEED = os.environ.get("FAIRLEAD_TORTURE_SEED", "1")
PORTS = {"http": 8080, "tcp": 9000}
# With the kernel's own limits (4 MiB and more per socket) each leg alone may hold what a whole path is allowed to hold.
BUFFERS = {"tcp_wmem": "4096 16384 524288", "tcp_rmem": "4096 131072 1048576"}


@dataclass
class Mesh:
    node: Node
    client: Netns
    server: Netns
    vip: str
    vip6: str


@pytest.fixture(scope="module")
def mesh(bare_node):
    bare_node.write(manifests.namespace("shop"))
    client = bare_node.pod("shop/client", account="client")
    server = bare_node.pod("shop/server", account="server", labels={"app": "server"}, ports=PORTS)
    for pod in (client, server):
        run("nsenter", f"--net={pod.path}", "--", "sysctl", "-q", *(f"net.ipv4.{name}={value}" for name, value in BUFFERS.items()))
    vip, vip6 = bare_node.service("shop/server", [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "tcp", "port": 9000}],
                                  {"app": "server"})
    bare_node.agent.start()
    return Mesh(bare_node, client, server, vip, vip6)


@pytest.fixture
def modes(mesh):
    """Puts the two pods into modes, for one test."""
    def switch(client: str, server: str) -> None:
        mesh.node.cli("mode", "pod/shop/client", client)
        mesh.node.cli("mode", "pod/shop/server", server)
        mesh.node.cli.wait()
    yield switch
    switch("default", "default")


def torture(mesh: Mesh, address: str, port: int, *arguments: object, connections: int = CONNECTIONS) -> dict:
    """The figures of a run in which nothing was wrong."""
    seed = random.randrange(1 << 32) if SEED == "random" else int(SEED)
    command = [BIN / "torture", "--client-netns", mesh.client.path, "--server-netns", mesh.server.path, "--dial", address,
               "--port", port, "--listen", 8080 if port == 80 else port, "--host", "server.shop", "--seed", seed,
               "--connections", connections, *arguments]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60 + connections)
    assert done.returncode == 0, f"seed {seed}: {done.stderr[-6000:]}\n{done.stdout}"
    figures = json.loads(done.stdout)
    assert figures["connections"] == connections and figures["failures"] == 0
    for calls in ("sending", "receiving", "waiting"):
        assert all(figures[calls]), f"{calls}: one of the ways was not drawn at all: {figures}"
    assert figures["complete"] > connections * 3 // 4
    assert figures["stalls"] > 0, "no sender was blocked by a reader that reads nothing"
    return figures


@pytest.mark.parametrize("address", ["vip", "vip6"], ids=["ipv4", "ipv6"])
def test_tcp_over_the_kernel_path(mesh, address):
    figures = torture(mesh, getattr(mesh, address), 9000)
    assert figures["resets_seen"] > 0 and figures["resets_as_end"] == 0


def test_http_bodies_through_the_node_proxy(mesh):
    assert torture(mesh, mesh.vip, 80, "--http")["kept"] > 0


def test_upgraded_connections_through_the_node_proxy(mesh):
    torture(mesh, mesh.vip, 80, "--upgrade")


def test_upgraded_connections_among_bodies(mesh):
    assert torture(mesh, mesh.vip6, 80, "--http", "--upgrade")["kept"] > 0


@pytest.mark.parametrize("client, server", [("sidecar", "sidecar"), ("sidecar", "node"), ("node", "sidecar")])
def test_tcp_through_sidecars(mesh, modes, client, server):
    modes(client, server)
    torture(mesh, mesh.vip, 9000)


def test_http_through_a_pair_of_sidecars(mesh, modes):
    modes("sidecar", "sidecar")
    assert torture(mesh, mesh.vip, 80, "--http", "--upgrade")["kept"] > 0


@pytest.mark.parametrize("port, framing", [(9000, []), (80, ["--http", "--upgrade", "--fresh"])], ids=["tcp", "http"])
def test_pods_that_change_their_mode_meanwhile(mesh, modes, port, framing):
    """Open connections stay where they are, new ones go the new way."""
    mode = f"{BIN / 'fairlead'} --run-dir {mesh.node.run_dir} mode pod/shop"
    switches = [f"{mode}/{pod} {to} >/dev/null" for to in ("sidecar", "node") for pod in ("client", "server")]
    figures = torture(mesh, mesh.vip, port, *framing, *(f"--switch={command}" for command in switches))
    assert figures["switches"] > 0
