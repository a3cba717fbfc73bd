"""A page in headless Chromium, driven over the DevTools protocol."""

import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0",
]  # fmt: skip
PATIENCE_S = 300.0
"""A condition that is not true by then never will be, even on a busy machine."""
LOOK_EVERY_S = 0.1

KEYS = {"Enter": (13, "\r"), "a": (65, "a"), "Escape": (27, ""), "Tab": (9, ""), " ": (32, " "), "?": (191, "?")}
KEYS |= {key: (ord(key.upper()), key) for key in "bcfknsu0123456789"} | {".": (190, "."), "ArrowRight": (39, "")}
KEYS |= {"ArrowLeft": (37, "")}
SHIFT, CONTROL = 8, 2


def wait_for(condition, what):
    """Look until a condition holds; return what it gave.  AssertionError, naming ``what``, where it never does."""
    deadline, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while time.monotonic() < deadline:
        if found := condition():
            return found
        pause.wait(LOOK_EVERY_S)
    raise AssertionError(f"waited {PATIENCE_S:g} s for {what}")


class Browser:
    """Chromium with one page, to be used in a ``with`` statement.

    folder: for its profile; size: of the window, in pixels.
    """

    def __init__(self, folder: Path, size=(1000, 1400)):
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "--window-size={},{}".format(*size), "about:blank"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self._folder = folder
        self._numbers = itertools.count(1)

    def __enter__(self):
        import websocket  # comes with JupyterLab, without which the tests that use this are skipped

        try:
            port = wait_for(self._port, "Chromium's port")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE_S) as answer:
                page = next(target for target in json.load(answer) if target["type"] == "page")
            self._socket = websocket.create_connection(
                page["webSocketDebuggerUrl"], timeout=PATIENCE_S, suppress_origin=True
            )
            self.tell("Emulation.setFocusEmulationEnabled", enabled=True)  # there is no window to be in front
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_):
        self._socket.close()
        self._end()

    def _port(self):
        assert self._process.poll() is None, "Chromium ended by itself"
        file = self._folder / "DevToolsActivePort"
        return file.read_text().split("\n")[0] if file.is_file() else None

    def _end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def tell(self, method, **parameters):
        """Send one command and return its answer; events in between are ignored."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                return message["result"]

    def open(self, address):
        """Go to a page; ``until`` waits for what should be on it."""
        self.tell("Page.navigate", url=address)

    def value(self, script):
        """Evaluate JavaScript, wait for its promise, return its value; AssertionError where it throws."""
        done = self.tell("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, (script, done["exceptionDetails"])
        return done["result"].get("value")

    def until(self, script, what):
        """Wait until JavaScript gives something true, and return it; while the page loads it may throw."""

        def look():
            with contextlib.suppress(AssertionError):
                return self.value(script)

        return wait_for(look, what)

    def press(self, key, modifiers=0):
        """Press one key and let it go."""
        code, text = KEYS[key]
        event = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self.tell("Input.dispatchKeyEvent", type="keyDown", text="" if modifiers == CONTROL else text, **event)
        self.tell("Input.dispatchKeyEvent", type="keyUp", **event)

    def type(self, text):
        """Put text where the cursor is, as pasted."""
        self.tell("Input.insertText", text=text)

    def photograph(self, path, clip):
        """Save part of the page: x, y, width, height in pixels of the page."""
        clip = dict(zip(("x", "y", "width", "height"), clip, strict=True), scale=1)
        path.write_bytes(base64.b64decode(self.tell("Page.captureScreenshot", format="png", clip=clip)["data"]))
