"""Headless Chromium over the DevTools protocol, on a pair of pipes: one browser, one page at a time, no network."""
from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import tempfile
import time
from pathlib import Path

from support.processes import Process

PATIENCE = 60.0
# The browser reads the protocol from descriptor 3 and writes it to 4.
_MOVED = 'exec 3<&"$0" 4>&"$1"; shift; exec "$@"'
_ABOVE = 10  # where the ends lie until then, so that neither is where the other is to go


def installed() -> bool:
    return shutil.which("chromium") is not None


class Chromium:
    """A context manager. `events` has every message that was no answer, in order."""

    def __enter__(self) -> Chromium:
        self._profile = tempfile.mkdtemp(prefix="fairlead-chromium-")
        read, self._out = os.pipe()
        self._in, write = os.pipe()
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, _ABOVE) for end in (read, write)]
        command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                   "--no-first-run", "--disable-background-networking", "--disable-component-update",
                   "--disable-extensions", "--host-resolver-rules=MAP * ~NOTFOUND",
                   f"--user-data-dir={self._profile}", "--remote-debugging-pipe"]
        self._process = Process(["bash", "-c", _MOVED, *theirs, *command], Path(self._profile) / "log", pass_fds=theirs)
        for end in (read, write, *theirs):
            os.close(end)
        self._rest, self._next, self._session, self.events = b"", 1, None, []
        try:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Network", "Log"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # The processes that the browser has started are in its group.
        self._process.kill_group()
        for end in (self._in, self._out):
            os.close(end)
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method: str, **parameters: object) -> dict:
        """The result of one command; an AssertionError if the browser refuses it or says nothing."""
        number, self._next = self._next, self._next + 1
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while (answer := self._message(deadline, method)).get("id") != number:
            self.events.append(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def _message(self, deadline: float, what: str) -> dict:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(self._in, 1 << 16) if ready else b""
            assert part, f"chromium does not answer {what}: {self._process.text()[-1500:]}"
            self._rest += part
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def open(self, page: Path, width: int = 1280, dark: bool = False) -> None:
        """Loads the file in a window of this width; what the page before it did is forgotten."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
                  mobile=width < 600)
        self.set_dark(dark)
        self.events.clear()
        self.call("Page.navigate", url=page.resolve().as_uri())
        deadline = time.monotonic() + PATIENCE
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._message(deadline, "Page.navigate"))
        self.settle()

    def set_dark(self, dark: bool) -> None:
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def settle(self) -> None:
        """Returns when two frames have been drawn: resizing and redrawing are done."""
        self.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")

    def value(self, expression: str):
        """What a JavaScript expression gives, as JSON; a promise is awaited."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, f"{expression}: {done['exceptionDetails']}"
        return done["result"].get("value")

    def requests(self) -> list[str]:
        """Addresses that the page asked for, other than its own file and what it carries inside."""
        asked = [event["params"]["request"]["url"] for event in self.events
                 if event["method"] == "Network.requestWillBeSent"]
        return [url for url in asked if not url.startswith(("file:", "data:"))] + \
            [url for url in asked if url.startswith("file:")][1:]

    def complaints(self) -> list[str]:
        """Exceptions and messages on the console."""
        return [json.dumps(event["params"]) for event in self.events
                if event["method"] in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")]

    def pdf(self) -> bytes:
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def picture(self) -> bytes:
        """The whole page as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"])
