#!/usr/bin/env python3
"""Checks who includes whom: the tables below against every #include of the shipped C and C++ sources.

Prints one line per violation, FILE:LINE, and exits 1 if there is one. A room that is not in the table is a violation
too: adding a room means saying here what it may see. Tests may include anything.
"""
from __future__ import annotations

import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent

# Room (folder) -> the rooms, or single headers, that it may include besides its own. Not transitive: what is used is named.
UP = "userspace-proxy"


def up(*rooms: str) -> set[str]:
    return {f"{UP}/{room}" for room in rooms}


LOOP = {"agent/loop.h"}                 # the agent's event loop; the one file of its root that rooms may see
ROOMS: dict[str, set[str]] = {
    # Kernel side, and the one library that talks to the kernel about it.
    "bpf/abi": set(),
    "bpf/lib": {"bpf/abi", "bpf/vmlinux"},
    "bpf/progs": {"bpf/abi", "bpf/lib", "bpf/vmlinux"},
    "bpf/vmlinux": set(),
    "bpf/user": {"bpf/abi", "bpf/skel"} | up("base"),
    # Data plane. It never sees the agent.
    f"{UP}/base": {"bpf/abi"},
    f"{UP}/io": up("base"),
    f"{UP}/net": {"bpf/abi"} | up("base", "io"),
    f"{UP}/http": up("base"),                                               # bytes in, events out: no sockets, no loop
    f"{UP}/config": {"bpf/abi"} | up("base", "http", "policy", "route"),    # the snapshot holds policies and routes, compiled
    f"{UP}/policy": up("base", "http", "config"),                           # these three: pure functions of
    f"{UP}/route": up("base", "http", "config"),                            # (snapshot, facts), no loop
    f"{UP}/plan": up("base", "http", "config", "policy", "route"),
    f"{UP}/telemetry": {"bpf/abi"} | up("base"),
    f"{UP}/report": up("base", "config", "policy", "telemetry"),
    f"{UP}/broker": up("base", "io", "net"),
    f"{UP}/upstream": up("base", "io", "net", "http", "config", "broker", "telemetry"),
    f"{UP}/proxy": {"bpf/abi"} | up("base", "io", "net", "http", "config", "policy", "route", "plan", "telemetry", "report", "broker",
                                    "upstream"),
    # Agent. Of the data plane it sees what both halves share, never codecs, pools or connections.
    "agent/host": {"agent/kernel"} | up("base"),
    "agent/model": up("base"),
    "agent/source": {"agent/model"} | LOOP | up("base"),
    "agent/compile": {"agent/model"} | up("base", "config"),
    "agent/kernel": {"bpf/abi", "bpf/user"} | up("base", "config"),
    "agent/workload": {"bpf/abi", "agent/host", "agent/model", "agent/compile", "agent/kernel"} | up("base", "config", "broker"),
    "agent/broker": {"bpf/abi", "agent/host", "agent/kernel", "agent/workload"} | LOOP | up("base", "config", "broker", "telemetry"),
    "agent/flow": {"bpf/abi", "agent/kernel", "agent/workload"} | LOOP | up("base", "config", "policy", "plan", "report", "telemetry"),
    "agent/api": {"bpf/abi", "agent/flow", "agent/host", "agent/model", "agent/source", "agent/compile", "agent/kernel", "agent/workload",
                  "agent/broker"} | LOOP | up("base", "config", "policy", "route", "plan", "http", "telemetry"),
    "agent/bench": {"agent/bench/load", "agent/bench/page", "agent/bench/stock", "agent/host", "agent/ctl/client.h"} | up("base"),  # speaks to its agent as the commands do
    "agent/bench/load": {"agent/bench/process.h", "agent/bench/usage.h", "agent/host"} | up("base", "http"),
    "agent/bench/stock": {"agent/bench/ask.h", "agent/bench/load", "agent/bench/numbers.h", "agent/bench/paths.h", "agent/bench/process.h", "agent/bench/servers.h", "agent/bench/stage.h", "agent/host"}
                         | up("base"),                                      # one file per proxy of others
    "agent/bench/page": set(),                                              # a report in, a document out
    "agent/ctl": {"agent/bench", "agent/host", "agent/model", "agent/source", "agent/compile", "agent/kernel", "agent/api"} | up("base", "config"),
}
# The composition roots name every part of their half: the files directly in these folders.
ROOTS: dict[str, re.Pattern] = {
    "agent": re.compile(r"agent/|bpf/|userspace-proxy/(base|config|broker|telemetry)/"),
    UP: re.compile(r"userspace-proxy/|bpf/abi/"),
}

# Headers of libraries and of the kernel -> the rooms (or single files) that may include them.
FOREIGN: list[tuple[str, set[str]]] = [
    (r"bpf/.*", {"bpf/user", "bpf/lib", "bpf/progs", "bpf/vmlinux"}),
    (r"linux/bpf\.h", {"bpf/user", "bpf/lib", "bpf/progs"}),
    (r"yaml-cpp/.*", {"agent/model", "agent/source"}),
    (r"re2/.*", {f"{UP}/config", "agent/model"}),
    (r"google/protobuf/.*|.*\.pb\.h", {"agent/compile", "agent/api", *up("config", "policy", "route")}),
    (r"microhttpd\.h", {"agent/api"}),
    (r"CLI/.*", {"agent", "agent/ctl", f"{UP}/proxy/main.cpp"}),
    (r"nlohmann/.*", {"agent", "agent/host", "agent/model", "agent/workload", "agent/api", "agent/bench", "agent/bench/load", "agent/bench/page", "agent/ctl", f"{UP}/telemetry"}),
    (r"sys/epoll\.h|sys/timerfd\.h", {f"{UP}/io", "agent", "agent/broker", "agent/flow", "agent/api", "agent/source", "agent/bench/load"}),
    (r"regex|iostream|ranges", set()),
]

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')
SUFFIXES = {".h", ".cpp", ".c"}


def room_of(path: str) -> str:
    """The table's room for a file: the deepest folder above it that is in the table, else its folder cut to two levels."""
    folders = path.split("/")[:-1]
    for depth in range(len(folders), 2, -1):
        if (room := "/".join(folders[:depth])) in ROOMS:
            return room
    return "/".join(folders[:2])


def complaint(file: str, quoted: str | None, angled: str | None) -> str | None:
    room = room_of(file)
    include = quoted or angled
    for pattern, rooms in FOREIGN:
        # "bpf/abi/..." in quotes is ours, <bpf/...> is libbpf's.
        if re.fullmatch(pattern, include) and (angled or ".pb." in include):
            return None if room in rooms or file in rooms else f"<{include}> belongs in {', '.join(sorted(rooms)) or 'no file'}"
    if angled:
        return None
    if "/" not in include:
        # BPF C is compiled with its own folder's headers beside it, and a skeleton is made in the build directory.
        return None if room.startswith("bpf/") else f'"{include}": write includes from the top of the tree'
    target = "bpf/skel" if include.startswith("skel/") else room_of(include)
    if room in ROOTS:
        return None if target == room or ROOTS[room].match(include) else f"{room} may not include {target}"
    if room not in ROOMS:
        return f"{room} is not in the table of scripts/layering.py"
    if target == room or target in ROOMS[room] or include in ROOMS[room]:
        return None
    return f"{room} may not include {target}"


def main() -> int:
    violations = files = 0
    for top in ("bpf", "agent", UP):
        for path in sorted((TOP / top).rglob("*")):
            if path.suffix not in SUFFIXES or not path.is_file():
                continue
            files += 1
            file = str(path.relative_to(TOP))
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if found := INCLUDE.match(line):
                    if words := complaint(file, *found.groups()):
                        print(f"{file}:{number}: {words}")
                        violations += 1
    print(f"layering: {files} files, {violations} violations")
    return 1 if violations or not files else 0


if __name__ == "__main__":
    sys.exit(main())
