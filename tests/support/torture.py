"""build/bin/torture (tests/torture) between two pods.

Environment: FAIRLEAD_TORTURE_CONNECTIONS (per run, default 300), FAIRLEAD_TORTURE_SEED (default 1; `random`: another each
time, which a failure names). A soak is both: FAIRLEAD_TORTURE_CONNECTIONS=20000 FAIRLEAD_TORTURE_SEED=random.
"""
from __future__ import annotations

import json
import os
import random
import re
import subprocess

from . import manifests
from .agent import BIN
from .node import Node
from .processes import run

CONNECTIONS = int(os.environ.get("FAIRLEAD_TORTURE_CONNECTIONS", "300"))
SEED = os.environ.get("FAIRLEAD_TORTURE_SEED", "1")
PORTS = {"http": 8080, "tcp": 9000}
# With the kernel's own limits (4 MiB and more per socket) each leg alone may hold what a whole path is allowed to hold.
BUFFERS = {"tcp_wmem": "4096 16384 524288", "tcp_rmem": "4096 131072 524288"}


class Mesh:
    """shop/client and shop/server, whose service has the ports 80 (HTTP) and 9000 (TCP); `fields` as of manifests.pod."""

    def __init__(self, node: Node, **fields: object):
        self.node = node
        node.write(manifests.namespace("shop"))
        self.client = node.pod("shop/client", account="client", **fields)
        self.server = node.pod("shop/server", account="server", labels={"app": "server"}, ports=PORTS, **fields)
        for pod in (self.client, self.server):
            run("nsenter", f"--net={pod.path}", "--", "sysctl", "-q",
                *(f"net.ipv4.{name}={value}" for name, value in BUFFERS.items()))
        self.vip, self.vip6 = node.service("shop/server", [{"name": "http", "port": 80, "targetPort": 8080},
                                                           {"name": "tcp", "port": 9000}], {"app": "server"})
        node.agent.start()

    def switch(self, client: str, server: str) -> None:
        """The modes of the two pods."""
        self.node.cli("mode", "pod/shop/client", client)
        self.node.cli("mode", "pod/shop/server", server)
        self.node.cli.wait()

    def command(self, *words: object) -> str:
        """A `fairlead` command for --switch."""
        return " ".join(str(word) for word in (BIN / "fairlead", "--run-dir", self.node.run_dir, *words, ">/dev/null"))

    def records_of_failures(self, text: str) -> str:
        """What the proxies say of the requests of the connections that a run has complained of."""
        targets = {f"/torture/{number}" for number in re.findall(r"^connection (\d+):", text, re.MULTILINE)}
        records = self.node.cli("flows", "-o", "json").stdout.splitlines()
        return "\n".join(line for line in records if json.loads(line).get("target") in targets)

    def torture(self, address: str, port: int, *arguments: object, connections: int = CONNECTIONS) -> dict:
        """The figures of a run in which nothing was wrong."""
        seed = random.randrange(1 << 32) if SEED == "random" else int(SEED)
        command = [BIN / "torture", "--client-netns", self.client.path, "--server-netns", self.server.path, "--dial", address,
                   "--port", port, "--listen", 8080 if port == 80 else port, "--host", "server.shop", "--seed", seed,
                   "--connections", connections, *arguments]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120 + connections)
        assert done.returncode == 0, f"seed {seed}: {done.stderr[-6000:]}\n{done.stdout}\n" \
            f"{self.records_of_failures(done.stderr)}"
        figures = json.loads(done.stdout)
        assert figures["connections"] == connections and figures["failures"] == 0
        assert all(figures["sending"]), f"one of the ways to send was not drawn at all: {figures}"
        assert figures["complete"] > connections * 3 // 4
        assert figures["stalls"] > 0, "no sender was blocked by a reader that reads nothing"
        return figures
