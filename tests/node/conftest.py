"""Fixtures of the node tests. Each file has a node of its own: a number, out of it names and addresses, and an agent.

Environment: FAIRLEAD_BIN (folder of the programs, default build/bin), FAIRLEAD_TEST_PREFIX (default `flt`: names of
namespaces, links and folders), FAIRLEAD_TEST_KEEP (leaves the folder /tmp/PREFIX... with the logs of a file that passed),
FAIRLEAD_TEST_SLOT (default 0: the number of the first file, so that two checkouts can be tested side by side).
Files may run side by side, each as one pytest process.
"""
from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.node import Node  # noqa: E402

_FILES = sorted(path.name for path in Path(__file__).resolve().parent.glob("test_*.py"))


def _end(number: int, _frame: object) -> None:
    """As after Ctrl-C: pytest ends the running test and tears everything down."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def pytest_configure() -> None:
    if os.geteuid() != 0:
        pytest.exit("the node tests make network namespaces and load BPF programs: run them as root", 77)
    signal.signal(signal.SIGTERM, _end)


@pytest.fixture(scope="module")
def bare_node(request: pytest.FixtureRequest):
    """A node whose agent has not been started."""
    node = Node(int(os.environ.get("FAIRLEAD_TEST_SLOT", "0")) + _FILES.index(Path(request.path).name))
    request.config.stash[_NODE] = node
    try:
        yield node
    finally:
        node.close()
    node.assert_nothing_remains()
    if not os.environ.get("FAIRLEAD_TEST_KEEP"):
        shutil.rmtree(node.folder)


_NODE = pytest.StashKey[Node]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """A failed test shows the end of the agent's log."""
    report = (yield).get_result()
    node = item.config.stash.get(_NODE, None)
    if report.failed and node is not None:
        report.sections.append(("agent.log", node.agent.text()[-4000:]))
