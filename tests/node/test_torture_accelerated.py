"""As test_torture.py, between pods that ask for acceleration: what is redirected arrives as over TCP.

Readers by splice() and FIONREAD that never block are what acceleration can't serve, and the annotation says that there are none.
"""
from __future__ import annotations

import select
import threading

import pytest

from support import apps
from support.torture import Mesh
from support.traffic import ask

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


def send_all(sock, data: bytes) -> None:
    """On a socket that does not block."""
    while data:
        select.select([], [sock], [], 20)
        data = data[sock.send(data):]


def test_a_large_body_behind_a_small_head_arrives(mesh):
    """The head may pass by TCP while the body, which is too much for that, does not: one event tells of both."""
    body = apps.pattern(1_000_000)
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)

    def serve(listener) -> None:
        while True:
            sock, _ = listener.accept()
            with sock:
                sock.setblocking(False)
                select.select([sock], [], [], 20)
                if not sock.recv(65536).startswith(b"GET"):
                    return
                send_all(sock, head)
                send_all(sock, body)

    with mesh.server.listen(8080) as listener:
        server = threading.Thread(target=serve, args=(listener,), daemon=True)
        server.start()
        for _ in range(300):
            assert ask(mesh.client, mesh.vip, host="server.shop").body == body
        with mesh.server.dial("127.0.0.1", 8080) as last:
            last.sendall(b"end")
            server.join(20)


@FRAMINGS
def test_applications_that_sometimes_block(mesh, port, framing):
    """Last: sockets that block stay out, and a listener's that block leave all of the listener to TCP, so that what is read
    from them may be read in any way. Before a proxy the client's socket alone decides, and the annotation says for it that
    nobody splices or asks FIONREAD."""
    mesh.torture(mesh.vip, port, *framing, "--receiving=recv,MSG_PEEK")
    if not framing:
        mesh.torture(mesh.vip, port)
