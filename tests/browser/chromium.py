# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium, driven by its DevTools protocol over a pair of pipes: no port, no driver program, no library.

The protocol is https://chromedevtools.github.io/devtools-protocol/; over pipes (--remote-debugging-pipe) the browser reads
messages on descriptor 3 and writes them on 4, JSON that ends with a zero byte.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# As root, in a container: no sandbox of its own, no GPU, and no shared memory beyond what /dev/shm has.
OPTIONS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--lang=en",
]
TIME_LIMIT_S = 60.0


class BrowserError(Exception):
    """The browser refused a command, its page threw an error, or it is gone."""


class Chromium:
    """One browser with one page. What the page asked for and said is kept: `requests` (URLs) and `complaints` (words)."""

    def __init__(self, scratch: Path) -> None:
        """Start it. `scratch` is an empty folder for its profile and its log."""
        program = shutil.which("chromium")
        if program is None:
            raise BrowserError("there is no chromium; tools/bootstrap installs it")
        self._log = scratch / "chromium.log"
        commands, self._write = os.pipe()
        self._read, answers = os.pipe()
        # Out of the way of 3 and 4, which the browser wants.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (commands, answers)]

        def arrange() -> None:
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, *OPTIONS, f"--user-data-dir={scratch / 'profile'}", "about:blank"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(3, 4),
                preexec_fn=arrange,
                env={**os.environ, "HOME": str(scratch), "TZ": "Asia/Shanghai"},
            )
        for end in (commands, answers, *ends):
            os.close(end)
        self._numbers, self._buffer, self._session = 0, b"", ""
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._events: list[dict] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")

    # --- the protocol

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give a command and return its result. Raises BrowserError when it is refused or no answer comes in a minute."""
        self._numbers += 1
        number = self._numbers
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        waiting = json.dumps(message).encode() + b"\0"
        while waiting:
            waiting = waiting[os.write(self._write, waiting) :]
        answer = self._until(lambda message: message.get("id") == number, method)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def _until(self, wanted: Callable[[dict], bool], what: str) -> dict[str, Any]:
        end = time.monotonic() + TIME_LIMIT_S
        while True:
            message = self._message(end, what)
            self._notice(message)
            if wanted(message):
                return message

    def _message(self, end: float, what: str) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _write, _error = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            got = os.read(self._read, 1 << 20) if ready else b""
            if not got:
                why = "is gone" if ready else f"gave no answer in {TIME_LIMIT_S:.0f} s"
                tail = self._log.read_text(errors="replace")[-2000:]
                raise BrowserError(f"{what}: the browser {why}; its last words:\n{tail}")
            self._buffer += got
        first, _zero, self._buffer = self._buffer.partition(b"\0")
        return json.loads(first)

    def _notice(self, message: dict[str, Any]) -> None:
        method, about = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = about["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(" ".join(str(argument.get("value")) for argument in about["args"]))
        elif method == "Log.entryAdded":
            self.complaints.append(about["entry"]["text"])
        elif method == "Page.javascriptDialogOpening":
            self.complaints.append("a dialog: " + about["message"])
        if method:
            self._events.append(message)

    # --- what a person does

    def open(self, page: Path) -> None:
        """Open a page from disk and wait until it is loaded; what was noticed of the page before is forgotten."""
        self.requests, self.complaints, self._events = [], [], []
        loader = self.call("Page.navigate", url=page.as_uri())
        if "errorText" in loader:
            raise BrowserError(f"{page}: {loader['errorText']}")
        if not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._until(lambda message: message.get("method") == "Page.loadEventFired", "loading " + page.name)

    def evaluate(self, expression: str, *arguments: Any) -> Any:
        """Return what a JavaScript expression gives as JSON; `arguments` are there as args[0], args[1] …"""
        source = f"((args) => ({expression}))({json.dumps(arguments)})"
        answer = self.call("Runtime.evaluate", expression=source, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    def press(self, key: str, text: str = "") -> None:
        """Press and release a key, such as Tab, or Enter with its text."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27}
        about = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
        self.call("Input.dispatchKeyEvent", type="keyDown", **about, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Click in the middle of the first element of a CSS selector, scrolled into view."""
        middle = self.evaluate(
            """(() => { const node = document.querySelector(args[0]); node.scrollIntoView({block: "center"});
            const box = node.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()""",
            selector,
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=middle[0], y=middle[1], button="left", clickCount=1)

    def resize(self, width: int, height: int, scale: float = 1, mobile: bool = False) -> None:
        """Give the window another size, in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile
        )

    def prefer(self, **features: str) -> None:
        """Ask for what users set in their systems, such as color_scheme="dark"; another call undoes it."""
        wanted = [{"name": "prefers-" + name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", features=wanted)

    def run_scripts(self, allowed: bool) -> None:
        """Let pages that are opened from now on run scripts, or not."""
        self.call("Emulation.setScriptExecutionDisabled", value=not allowed)

    def print(self, path: Path) -> None:
        """Print the page into a PDF file."""
        printed = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        path.write_bytes(base64.b64decode(printed["data"]))

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """Write what the window shows, or the whole page, as a PNG file."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        """End the browser."""
        os.close(self._write)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)
