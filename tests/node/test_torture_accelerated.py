"""As test_torture.py, between pods that ask for acceleration: what is redirected arrives as over TCP.

Readers by splice() and FIONREAD that never block are what acceleration can't serve, and the annotation says that there are none.
"""
from __future__ import annotations

import pytest

from support.torture import Mesh

ACCELERATED = {"fairlead.dev/accelerate": "true"}
POLITE = ["--no-blocking", "--receiving=recv,MSG_PEEK"]


@pytest.fixture(scope="module")
def mesh(bare_node):
    mesh = Mesh(bare_node, annotations=ACCELERATED)
    if "accelerate" not in mesh.node.cli("--help").stdout:
        pytest.skip("no acceleration in this build")
    mesh.node.cli("accelerate", "on")
    return mesh


@pytest.fixture
def modes(mesh):
    yield mesh.switch
    mesh.switch("default", "default")


FRAMINGS = pytest.mark.parametrize("port, framing", [(9000, []), (80, ["--http", "--upgrade"])], ids=["tcp", "http"])


@FRAMINGS
def test_applications_that_do_not_block(mesh, port, framing):
    mesh.torture(mesh.vip, port, *framing, *POLITE)


@FRAMINGS
def test_through_a_pair_of_sidecars(mesh, modes, port, framing):
    modes("sidecar", "sidecar")
    mesh.torture(mesh.vip, port, *framing, *POLITE)


@FRAMINGS
@pytest.mark.parametrize("every", [5, 100])
def test_switched_on_and_off_meanwhile(mesh, port, framing, every):
    switches = [f"--switch={mesh.command('accelerate', to)}" for to in ("off", "on")]
    figures = mesh.torture(mesh.vip, port, *framing, *POLITE, *switches, f"--switch-every={every}")
    assert figures["switches"] > 1


@FRAMINGS
def test_applications_that_sometimes_block(mesh, port, framing):
    """Last: one socket that blocks, and its application is left to TCP."""
    mesh.torture(mesh.vip, port, *framing, "--receiving=recv,MSG_PEEK")
    mesh.torture(mesh.vip, port, *framing)
