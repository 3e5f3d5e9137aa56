"""Child processes: each in a session of its own, with a log file, and ended with us even if we are killed."""
from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable, Sequence, TypeVar

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1

# For events that must come. Generous: a test that passes never waits for it to run out.
PATIENCE = 30.0

T = TypeVar("T")


def eventually(what: str, probe: Callable[[], T], patience: float = PATIENCE) -> T:
    """The first true value that `probe` returns; an AssertionError that names `what`, with the last value, when the time
    has run out."""
    deadline = time.monotonic() + patience
    while not (value := probe()):
        assert time.monotonic() < deadline, f"{what}: not within {patience:.0f} s (last seen: {value!r})"
        time.sleep(0.02)
    return value


def run(*command: object, input: str | None = None, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess:
    """Runs a command to its end. A failure is an AssertionError with the command and its words."""
    argv = [str(part) for part in command]
    done = subprocess.run(argv, input=input, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: exit code {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done


class Process:
    """A running child. `netns`: path of the network namespace to start it in."""

    def __init__(self, command: Sequence[object], log: Path, netns: str | None = None,
                 wrap: Sequence[str] = (), cwd: Path | None = None, pass_fds: Sequence[int] = ()):
        argv = [*wrap, *(["nsenter", f"--net={netns}", "--"] if netns else []), *(str(part) for part in command)]
        self.what, self.log = Path(str(command[0])).name, log
        with log.open("ab") as output:
            # nsenter without --pid executes in place: the child's pid is the program's.
            self._child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd,
                                           start_new_session=True, pass_fds=pass_fds,
                                           preexec_fn=lambda: _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM))

    @property
    def pid(self) -> int:
        return self._child.pid

    def returncode(self) -> int | None:
        return self._child.poll()

    def alive(self) -> bool:
        return self._child.poll() is None

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait(self, patience: float = PATIENCE) -> int:
        """Its exit code, once it has ended."""
        try:
            return self._child.wait(patience)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.what} has not ended within {patience:.0f} s:\n{self.text()[-2000:]}") from None

    def signal(self, number: int) -> None:
        self._child.send_signal(number)

    def stop(self) -> int:
        """SIGTERM, and its exit code. Killed, with its group, when that does not end it: then an AssertionError."""
        if self.alive():
            self.signal(signal.SIGTERM)
        try:
            return self.wait()
        finally:
            self.kill_group()

    def kill(self) -> None:
        """SIGKILL to this process only; what it started lives on."""
        if self.alive():
            self.signal(signal.SIGKILL)
        self._child.wait()

    def kill_group(self) -> None:
        """Ends the whole session's group. It is ours: the child was made its leader."""
        try:
            os.killpg(self._child.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self._child.wait()
