"""A node: a network, pods with applications, a directory of manifests, and the agent that governs them.

What it made is gone after `close()`, and `remains()` says what is not.
"""
from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Callable, Iterable

import yaml

from . import manifests
from .agent import Agent, Cli
from .manifests import Object
from .network import Netns, Network
from .processes import eventually

PREFIX = os.environ.get("FAIRLEAD_TEST_PREFIX", "flt")


class Node:
    def __init__(self, slot: int, arguments: Iterable[object] = ()):
        self.network = Network(PREFIX, slot)
        # Not the runner's temporary directory: Apache's workers, who are not root, read their pages below it.
        self.folder = folder = Path(tempfile.mkdtemp(prefix=f"{self.network.prefix}-"))
        folder.chmod(0o755)
        self.config, self.run_dir = folder / "config", folder / "run"
        self.config.mkdir()
        self.agent = Agent(self.config, self.run_dir, folder / "agent.log",
                           ["--metrics-address", "127.0.0.1:0", "--ready-address", "127.0.0.1:0",
                            "--admin-address", "127.0.0.1:0", *arguments])
        self.pods: dict[str, Netns] = {}
        self._apps: list[Any] = []
        self.agents = [self.agent]
        self.network.sweep()
        self.network.up()

    @property
    def cli(self) -> Cli:
        return self.agent.cli

    # --- pods and applications ---
    def netns(self, name: str) -> Netns:
        """A namespace; no Pod object."""
        made = self.pods[name] = self.network.add(name)
        return made

    def pod(self, name: str, **fields: Any) -> Netns:
        """A namespace and its Pod object in the directory; `fields` as in manifests.pod."""
        made = self.netns(name)
        self.write(manifests.pod(name, made.path, [made.ip4, made.ip6], **fields))
        return made

    def app(self, kind: Callable[..., Any], pod: Netns, *arguments: Any, **fields: Any) -> Any:
        """Starts an application of apps.py in the pod; it ends with the node."""
        made = kind(pod, *arguments, **fields)
        self._apps.append(made)
        return made

    def folder_for(self, name: str) -> Path:
        return self.folder / "apps" / name

    def service(self, name: str, ports: list[Object], selector: dict[str, str], headless: bool = False) -> tuple[str, str]:
        """A Service object in the directory; its cluster IPs (IPv4, IPv6)."""
        addresses = ("None", "") if headless else self.network.service_addresses()
        self.write(manifests.service(name, ports, selector, [a for a in addresses if a]))
        return addresses

    # --- the directory ---
    def write(self, *objects: Object) -> None:
        """One file per object, which appears whole."""
        for obj in objects:
            draft = self.folder / "draft.yaml"
            draft.write_text(yaml.safe_dump(obj, sort_keys=False))
            draft.rename(self.file(manifests.key(obj)))

    def file(self, key: str) -> Path:
        """The file of the object Kind/namespace/name."""
        return self.config / f"{key.replace('/', '.').lower()}.yaml"

    def apply(self, *objects: Object) -> str:
        """Writes, and waits until it is in force; the warnings of `fairlead wait`."""
        self.write(*objects)
        return self.cli.wait()

    def delete(self, *keys: str) -> str:
        for key in keys:
            self.file(key).unlink()
        return self.cli.wait()

    def having(self, *objects: Object) -> "_Having":
        """A context: these objects are in force inside, and gone, or as before, afterwards."""
        return _Having(self, objects)

    # --- the end ---
    def another_agent(self, config: Path, run_dir: Path, arguments: Iterable[object] = (), **fields: Any) -> Agent:
        """A further agent on this machine; it ends with the node."""
        made = Agent(config, run_dir, self.folder / f"agent-{len(self.agents)}.log",
                     ["--metrics-address", "127.0.0.1:0", "--ready-address", "127.0.0.1:0",
                      "--admin-address", "127.0.0.1:0", *arguments], **fields)
        self.agents.append(made)
        return made

    def close(self) -> None:
        for agent in self.agents:
            if agent.alive():
                agent.stop()
            elif agent.cgroups:
                agent.cli("uninstall")      # a test may have killed it; nothing is left then either
        for app in reversed(self._apps):
            app.close()
        self.network.sweep()

    def remains(self) -> list[str]:
        """What is left of this node on the machine."""
        left = self.network.left()
        for agent in self.agents:
            left += [f"cgroup {path}" for path in agent.cgroups if path.exists()]
            left += [f"pins {path}" for path in agent.pins if path.exists()]
        left += [f"process {pid}" for pid in _processes_naming(str(self.folder))]
        left += [f"mount {line.split()[1]}" for line in Path("/proc/self/mounts").read_text().splitlines()
                 if str(self.folder) in line]      # those of namespaces are counted as namespaces
        return left

    def assert_nothing_remains(self) -> None:
        eventually_nothing(self.remains)


def eventually_nothing(remains: Callable[[], list[str]]) -> None:
    """The kernel frees namespaces and programs a moment after their last user."""
    try:
        eventually("nothing to remain", lambda: not remains(), patience=15)
    except AssertionError:
        raise AssertionError("left behind: " + ", ".join(remains())) from None


class _Having:
    def __init__(self, node: Node, objects: tuple[Object, ...]):
        self._node, self._objects = node, objects
        self._before: dict[str, str | None] = {}

    def __enter__(self) -> str:
        for obj in self._objects:
            file = self._node.file(manifests.key(obj))
            self._before[manifests.key(obj)] = file.read_text() if file.exists() else None
        try:
            return self._node.apply(*self._objects)
        except BaseException:
            self._restore()
            raise

    def __exit__(self, *_: object) -> None:
        self._restore()
        self._node.cli.wait()

    def _restore(self) -> None:
        for key, text in self._before.items():
            if text is None:
                self._node.file(key).unlink()
            else:
                self._node.file(key).write_text(text)


def _processes_naming(text: str) -> list[str]:
    """Processes, but this one, whose command line has the text."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if text in command:
                found.append(f"{entry.name} ({command.strip()[:80]})")
    return found
