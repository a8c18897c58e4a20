"""Headless Chromium, controlled through its DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from support import PATIENCE, wait_until
from websockets.sync.client import ClientConnection, connect


class Page:
    """An open page. There is one at a time."""

    def __init__(self, line: ClientConnection, session: str) -> None:
        self._line = line
        self._session = session
        self._last = 0
        #: The requests of the page, and its errors.
        self.requests: list[str] = []
        self.errors: list[str] = []

    def call(self, method: str, **parameters: Any) -> Any:
        """Calls a method of the browser. Events that come meanwhile are kept."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        self._line.send(json.dumps({**message, "sessionId": self._session} if self._session else message))
        while True:
            told = json.loads(self._line.recv(timeout=PATIENCE))
            if told.get("id") == self._last:
                assert "error" not in told, told
                return told["result"]
            self.hear(told)

    def hear(self, told: dict[str, Any]) -> str:
        """Keeps an event. Returns its name."""
        name: str = told.get("method", "")
        if name == "Network.requestWillBeSent":
            self.requests.append(told["params"]["request"]["url"])
        elif name in ("Runtime.exceptionThrown", "Log.entryAdded"):
            self.errors.append(json.dumps(told["params"]))
        return name

    def wait_for(self, event: str) -> None:
        """Waits for an event."""
        while self.hear(json.loads(self._line.recv(timeout=PATIENCE))) != event:
            pass

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def text(self, selector: str) -> str:
        """The text of an element."""
        return str(self.value(f"document.querySelector({json.dumps(selector)}).textContent"))

    def middle_of(self, selector: str) -> tuple[float, float]:
        """The position of an element's middle, after scrolling to it."""
        found = f"document.querySelector({json.dumps(selector)})"
        self.value(f"{found}.scrollIntoView({{block: 'center'}})")
        x, y, width, height = self.value(f"(b => [b.x, b.y, b.width, b.height])({found}.getBoundingClientRect())")
        return x + width / 2, y + height / 2

    def point_at(self, x: float, y: float) -> None:
        """Moves the pointer there."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key: str) -> None:
        """Presses a key."""
        codes = {"Tab": 9, "ArrowRight": 39}
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key])

    def screenshot(self, path: Path) -> Image.Image:
        """A screenshot of the whole page, which is also saved as a file."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))
        return Image.open(path).convert("RGB")

    def accessibility(self) -> list[tuple[str, str]]:
        """The role and name of each element that a screen reader finds, in order."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        seen = [node for node in nodes if not node.get("ignored")]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in seen]


class Browser:
    """A running Chromium."""

    def __enter__(self) -> Browser:
        program = shutil.which("chromium")
        assert program, "there is no chromium: make setup"
        self._folder = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        port_file = Path(self._folder.name) / "DevToolsActivePort"
        # Chromium has its own versions of many libraries, and must not load the test's.
        env = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
        words = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0"]
        self._process = subprocess.Popen(
            [program, *words, f"--user-data-dir={self._folder.name}", "--window-size=920,1100", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env, start_new_session=True,
        )  # fmt: skip
        wait_until(lambda: port_file.exists() and len(port_file.read_text().split()) == 2, "chromium")
        port, path = port_file.read_text().split()
        self._connecting = connect(f"ws://127.0.0.1:{port}{path}", max_size=None, open_timeout=PATIENCE)
        self._line = self._connecting.__enter__()
        return self

    def open(self, file: Path, *, dark: bool = False) -> Page:
        """Opens a file in a new page."""
        whole = Page(self._line, "")
        target = whole.call("Target.createTarget", url="about:blank")["targetId"]
        session = whole.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self._line, session)
        for domain in ("Page", "Network", "Runtime", "Log", "Accessibility"):
            page.call(f"{domain}.enable")
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        page.call("Emulation.setEmulatedMedia", features=features)
        page.call("Emulation.setFocusEmulationEnabled", enabled=True)
        page.call("Page.navigate", url=file.as_uri())
        wait_until(lambda: page.value("document.readyState") == "complete" and page.value("location.href") != "about:blank", "the page")
        return page

    def __exit__(self, *_: object) -> None:
        self._connecting.__exit__(None, None, None)
        self._process.terminate()
        self._process.wait(timeout=PATIENCE)
        self._folder.cleanup()
