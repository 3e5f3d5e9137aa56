"""Every byte of many unfriendly connections over every path; support/torture.py says how to make a soak of it."""
from __future__ import annotations

import pytest

from support.torture import Mesh


@pytest.fixture(scope="module")
def mesh(bare_node):
    return Mesh(bare_node)


@pytest.fixture
def modes(mesh):
    """Puts the two pods into modes, for one test."""
    yield mesh.switch
    mesh.switch("default", "default")


def every_way(figures: dict) -> dict:
    assert all(figures["receiving"]) and all(figures["waiting"]), f"one of the ways was not drawn at all: {figures}"
    return figures


@pytest.mark.parametrize("address", ["vip", "vip6"], ids=["ipv4", "ipv6"])
def test_tcp_over_the_kernel_path(mesh, address):
    figures = every_way(mesh.torture(getattr(mesh, address), 9000))
    assert figures["resets_seen"] > 0 and figures["resets_as_end"] == 0


def test_http_bodies_through_the_node_proxy(mesh):
    assert every_way(mesh.torture(mesh.vip, 80, "--http"))["kept"] > 0


def test_upgraded_connections_through_the_node_proxy(mesh):
    every_way(mesh.torture(mesh.vip, 80, "--upgrade"))


def test_upgraded_connections_among_bodies(mesh):
    assert every_way(mesh.torture(mesh.vip6, 80, "--http", "--upgrade"))["kept"] > 0


@pytest.mark.parametrize("client, server", [("sidecar", "sidecar"), ("sidecar", "node"), ("node", "sidecar")])
def test_tcp_through_sidecars(mesh, modes, client, server):
    modes(client, server)
    every_way(mesh.torture(mesh.vip, 9000))


def test_http_through_a_pair_of_sidecars(mesh, modes):
    modes("sidecar", "sidecar")
    assert every_way(mesh.torture(mesh.vip, 80, "--http", "--upgrade"))["kept"] > 0


@pytest.mark.parametrize("port, framing", [(9000, []), (80, ["--http", "--upgrade", "--fresh"])], ids=["tcp", "http"])
def test_pods_that_change_their_mode_meanwhile(mesh, modes, port, framing):
    """Open connections stay where they are, new ones go the new way."""
    switches = [mesh.command("mode", f"pod/shop/{pod}", to) for to in ("sidecar", "node")
                for pod in ("client", "server")]
    figures = mesh.torture(mesh.vip, port, *framing, *(f"--switch={command}" for command in switches))
    assert figures["switches"] > 0
