"""fairlead-agent as a child process, and the `fairlead` command, by their documented interface only."""
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Sequence

from .processes import Process, eventually, run

BIN = Path(os.environ.get("FAIRLEAD_BIN", Path(__file__).resolve().parents[2] / "build" / "bin"))
PINS = Path("/sys/fs/bpf/fairlead")


def cgroup_root() -> Path:
    """Where cgroup2 is mounted."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        if line.split()[2] == "cgroup2":
            return Path(line.split()[1])
    raise AssertionError("no cgroup2 is mounted")


class Cli:
    """The command line against one run-dir."""

    def __init__(self, run_dir: Path):
        self.run_dir = run_dir

    def __call__(self, *arguments: object, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess:
        return run(BIN / "fairlead", "--run-dir", self.run_dir, *arguments, check=check, timeout=timeout)

    def json(self, *arguments: object) -> Any:
        return json.loads(self(*arguments, "-o", "json").stdout)

    def pod(self, name: str) -> dict[str, Any]:
        """What `status` says of the pod NAMESPACE/NAME."""
        return next(pod for pod in self.json("status")["pods"] if pod["pod"] == name)

    def wait(self) -> str:
        """Until everything in the directory is in force; the warnings."""
        return self("wait", "--timeout", "30s").stderr


class Agent:
    """One agent at a time for a run-dir. Ports on the host are the kernel's choice; `status` tells them."""

    def __init__(self, config: Path, run_dir: Path, log: Path, arguments: Sequence[object] = (), wrap: Sequence[str] = ()):
        self.config, self.run_dir, self.log = config, run_dir, log
        self.cli = Cli(run_dir)
        self._arguments, self._wrap = [*arguments], wrap
        self.programs = BIN     # the folder that the next start takes the agent, and it the proxy, from
        self._process: Process | None = None
        # Of every agent that ran here, for the look at what remains.
        self.cgroups: set[Path] = set()
        self.pins: set[Path] = set()

    def start(self, wait: bool = True) -> None:
        assert not self.alive(), "the agent of this run-dir runs already"
        self._process = Process([self.programs / "fairlead-agent", "--config", self.config, "--run-dir", self.run_dir,
                                 "--node-name", "node-1", *self._arguments], self.log, wrap=self._wrap)
        if wait:
            try:
                self.cli.wait()
            except AssertionError as error:
                raise AssertionError(f"{error}\nThe agent's log ends with:\n{self.text()[-3000:]}") from None
            self._remember()

    def _remember(self) -> None:
        """Notes the agent's cgroup, and with it the name of its pin directory: fairlead-HASH, and HASH."""
        path = self.cgroup_of(self.pid)
        found = re.fullmatch(r"/fairlead-(\w+)", path)
        assert found, f"the agent is in the cgroup {path!r}, not in one of its own"
        self.cgroups.add(cgroup_root() / path[1:])
        self.pins.add(PINS / found[1])
        assert (PINS / found[1]).is_dir(), f"the agent runs, and {PINS / found[1]} is not there"

    @staticmethod
    def cgroup_of(pid: int) -> str:
        """Its cgroup2 path."""
        return next((line[3:] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line.startswith("0::")), "")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def process(self) -> Process:
        assert self._process is not None
        return self._process

    def alive(self) -> bool:
        return self._process is not None and self._process.alive()

    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def proxies(self) -> list[int]:
        """The pids of the fairlead-proxy processes in the agent's cgroup, also after the agent is gone."""
        found = []
        for cgroup in self.cgroups:
            try:
                pids = (cgroup / "cgroup.procs").read_text().split()
            except FileNotFoundError:
                continue
            for pid in pids:
                try:
                    if Path(f"/proc/{pid}/comm").read_text().strip() == "fairlead-proxy":
                        found.append(int(pid))
                except (FileNotFoundError, ProcessLookupError):
                    continue
        return sorted(found)

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        code = self.process.stop()
        self._process = None
        return code

    def kill(self) -> None:
        """SIGKILL to the agent alone."""
        self.process.kill()
        self._process = None

    def kill_proxies(self) -> list[int]:
        """SIGKILL to every proxy of the agent; their pids."""
        pids = self.proxies()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        eventually("the killed proxies to be gone", lambda: not set(pids) & set(self.proxies()))
        return pids

    def metrics(self) -> str:
        """The text at /stats/prometheus."""
        address = self.cli.json("status")["addresses"]["metrics"]
        with urllib.request.urlopen(f"http://{address}/stats/prometheus", timeout=20) as answer:
            return answer.read().decode()

    def counts(self, metric: str, **labels: str) -> float:
        """The sum of all series of `metric` that have these labels."""
        return sum(value for found, value in series(self.metrics(), metric) if labels.items() <= found.items())

    def flows(self, **fields: Any) -> list[dict[str, Any]]:
        """Records so far, oldest first, with these fields; read when no more come: an answer leaves a proxy before it is
        recorded."""
        def matching():
            records = map(json.loads, self.cli("flows", "-o", "json").stdout.splitlines())
            return [record for record in records if fields.items() <= record.items()]
        return settle(matching)


def series(text: str, metric: str) -> list[tuple[dict[str, str], float]]:
    """(labels, value) of every sample of `metric` in Prometheus text."""
    found = []
    for line in text.splitlines():
        if match := re.fullmatch(rf"{re.escape(metric)}(?:\{{(.*)\}})? (\S+)", line):
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[1] or ""))
            found.append((labels, float(match[2])))
    return found


def settle(probe, expected=None, quiet: float = 0.2):
    """The value of `probe()` once two readings, `quiet` seconds apart, are equal. With `expected`, once they are that value
    too; where they never become it, the last steady value: a worker that the machine keeps from running counts late."""
    last = []

    def steady():
        before = probe()
        time.sleep(quiet)
        if probe() != before:
            return False
        last[:] = [before]
        return expected is None or before == expected

    try:
        eventually("a steady value", steady)
    except AssertionError:
        if not last:
            raise
    return last[0]
