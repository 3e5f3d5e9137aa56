"""Servers as users run them, in pods: Redis, PostgreSQL, iperf3, Python's http.server, a Go program. Each ends with close()."""
from __future__ import annotations

import os
import shutil
from pathlib import Path

from .network import Netns
from .processes import Process, eventually, run

_POSTGRES = Path("/usr/lib/postgresql")
_GO_SOURCE = Path(__file__).resolve().parent / "copier.go"


class Server:
    """A program of a pod that listens at `port`."""

    def __init__(self, pod: Netns, folder: Path, port: int, command: list[object], cwd: Path | None = None):
        self.pod, self.folder, self.port = pod, folder, port
        folder.mkdir(parents=True, exist_ok=True)
        self.process = Process(command, folder / "output.log", pod.path, cwd=cwd)
        eventually(f"{self.process.what} to serve in {pod.name}", self._serves)

    def _serves(self) -> bool:
        assert self.process.alive(), f"{self.process.what} has ended: {self.process.text()[-2000:]}"
        try:
            self.pod.dial("127.0.0.1", self.port).close()
            return True
        except ConnectionRefusedError:
            return False

    def close(self) -> None:
        self.process.stop()


class Redis(Server):
    def __init__(self, pod: Netns, folder: Path, port: int):
        super().__init__(pod, folder, port, ["/usr/bin/redis-server", "--port", port, "--bind", "*", "-::*", "--protected-mode", "no",
                                             "--save", "", "--appendonly", "no", "--dir", folder])


class Iperf(Server):
    def __init__(self, pod: Netns, folder: Path, port: int):
        super().__init__(pod, folder, port, ["/usr/bin/iperf3", "-s", "-p", port])


class PythonHttp(Server):
    """`python3 -m http.server`; `pages`: name -> content."""

    def __init__(self, pod: Netns, folder: Path, port: int, pages: dict[str, bytes]):
        (folder / "pages").mkdir(parents=True)
        for name, content in pages.items():
            (folder / "pages" / name).write_bytes(content)
        super().__init__(pod, folder, port, ["/usr/bin/python3", "-m", "http.server", port, "--bind", "::", "--directory",
                                             folder / "pages"])


class Postgres(Server):
    """A database of its own, of the user `postgres`, who needs no password."""

    def __init__(self, pod: Netns, folder: Path, port: int):
        self.bin = max(_POSTGRES.glob("*/bin"), key=lambda path: int(path.parent.name))
        folder.mkdir(parents=True)
        shutil.chown(folder, "postgres", "postgres")
        self._as_user = ["/usr/bin/setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
        data = folder / "data"
        run(*self._as_user, self.bin / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale", "C")
        with (data / "pg_hba.conf").open("a") as hba:
            hba.write("host all all 0.0.0.0/0 trust\nhost all all ::/0 trust\n")
        super().__init__(pod, folder, port, [*self._as_user, self.bin / "postgres", "-D", data, "-p", port, "-h", "*", "-k", "",
                                             "-F"], cwd=folder)

    def _serves(self) -> bool:
        return super()._serves() and run("nsenter", f"--net={self.pod.path}", "--", self.bin / "pg_isready", "-h", "127.0.0.1",
                                         "-p", self.port, check=False).returncode == 0

    def query(self, client: Netns, address: str, sql: str) -> str:
        """What psql prints in the pod `client`: fields with "|" between them, no heading."""
        return run("nsenter", f"--net={client.path}", "--", self.bin / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                   "-h", address, "-p", self.port, "-U", "postgres", "-c", sql).stdout.strip()

    def pgbench(self, client: Netns, address: str, *arguments: object) -> str:
        return run("nsenter", f"--net={client.path}", "--", self.bin / "pgbench", "-h", address, "-p", self.port, "-U", "postgres",
                   *arguments, "postgres").stdout


def go() -> str | None:
    """The Go command, if it is on the machine."""
    return shutil.which("go", path=os.environ.get("PATH", "") + ":/usr/local/go/bin:/usr/lib/go/bin")


def build_copier(folder: Path) -> Path:
    """copier.go, compiled."""
    folder.mkdir(parents=True, exist_ok=True)
    run("env", "GOFLAGS=-buildvcs=false", "GO111MODULE=off", "CGO_ENABLED=0", go(), "build", "-o",
        folder / "copier", _GO_SOURCE, timeout=300)
    return folder / "copier"


class Copier(Server):
    """The Go program as a server: sends back all that comes, by io.Copy."""

    def __init__(self, pod: Netns, folder: Path, port: int, binary: Path, protocol: str):
        super().__init__(pod, folder, port, [binary, "serve", f"[::]:{port}", protocol])
