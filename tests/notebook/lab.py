"""JupyterLab on a folder, and one of its notebooks in a browser: what a student does and sees."""

import contextlib
import importlib.util
import json
import os
import secrets
import socket
import subprocess
import sys
import urllib.error
import urllib.request

from tests.notebook.browser import CONTROL, PATIENCE_S, SHIFT, wait_for

INSTALLED = importlib.util.find_spec("jupyterlab") is not None
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "notebook-extension/tracker": {"windowingMode": "none"},  # every cell is in the page, seen or not
    "docmanager-extension/plugin": {"autosave": False},
}
PANEL = '[...jupyterapp.shell.widgets("main")].find(shown => shown.sessionContext)'
NOTEBOOK = f"{PANEL}.content"
READY = f"""
{PANEL}.sessionContext.session.kernel.status === "idle"
&& {NOTEBOOK}.widgets.length > 1 && {NOTEBOOK}.widgets.every(cell => cell.isAttached)
"""
SMALLEST_CONTRAST = """
(node => {
  const parse = text => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return [r, g, b, a] }
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3]))
  const ground = at => {
    const own = parse(getComputedStyle(at).backgroundColor)
    return own[3] === 1 || !at.parentElement ? own : [...over(own, ground(at.parentElement)), 1]
  }
  const light = rgb => rgb.slice(0, 3)
    .map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)
  const texts = document.createTreeWalker(node, NodeFilter.SHOW_TEXT)
  let smallest = 21
  while (texts.nextNode()) {
    const at = texts.currentNode.parentElement
    if (!texts.currentNode.data.trim() || at.closest("[role=img], [aria-hidden]")) continue
    const under = ground(at), ink = over(parse(getComputedStyle(at).color), under)
    const [low, high] = [light(ink), light(under)].sort((a, b) => a - b)
    smallest = Math.min(smallest, (high + 0.05) / (low + 0.05))
  }
  return smallest
})
"""
"""Of the text below a node, by WCAG 2.2's measure."""


class Lab:
    """JupyterLab without extensions, serving ``folder``, with settings and a token of its own.

    scratch: a folder for its settings; to be used in a ``with`` statement.
    """

    def __init__(self, folder, scratch):
        self.token = secrets.token_hex(16)
        settings = scratch / "settings"
        for name, values in SETTINGS.items():
            file = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))
        own = (
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "JUPYTER_RUNTIME_DIR",
            "JUPYTERLAB_WORKSPACES_DIR",
            "IPYTHONDIR",
        )
        environment = {name: value for name, value in os.environ.items() if name != "DLKIT_COURSE"}
        environment |= {name: str(scratch / name.lower()) for name in own}
        environment |= {"JUPYTERLAB_SETTINGS_DIR": str(settings), "JUPYTER_TOKEN": self.token}
        self._running = scratch / "jupyter_runtime_dir"
        self._log = scratch / "log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = [
            "--core-mode", "--expose-app-in-browser", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}",
        ]  # fmt: skip
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *options], cwd=folder, env=environment, stdout=log, stderr=log
            )

    def __enter__(self):
        try:
            self.address = wait_for(self._address, "JupyterLab's address")
            wait_for(self._answers, "JupyterLab's first answer")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.terminate()  # it ends its kernels first
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE_S / 5)
        self._process.kill()
        self._process.wait()

    def _address(self):
        assert self._process.poll() is None, self._log.read_text()
        for file in self._running.glob("jpserver-*.json"):
            with contextlib.suppress(json.JSONDecodeError):  # half written
                return json.loads(file.read_text())["url"]
        return None

    def _answers(self):
        try:
            address = f"{self.address}api/status?token={self.token}"
            urllib.request.urlopen(address, timeout=PATIENCE_S).close()  # noqa: S310 - the server that we have started
        except urllib.error.URLError:
            return False
        return True

    def page_of(self, notebook):
        """The address of a notebook, alone on its page."""
        return f"{self.address}doc/tree/{notebook}?token={self.token}"


class Notebook:
    """A notebook that is open in a browser."""

    def __init__(self, browser, address):
        self.browser = browser
        browser.open(address)
        browser.until(READY, "the notebook and its kernel")

    def cell(self, beginning):
        """The number of the code cell that begins like this."""
        source = f"startsWith({json.dumps(beginning)})"
        found = f'cell => cell.model.type === "code" && cell.model.sharedModel.getSource().{source}'
        number = self.browser.value(f"{NOTEBOOK}.widgets.findIndex({found})")
        assert number >= 0, beginning
        return number

    def rewrite(self, number, source):
        """Put other text into a cell, at its cursor."""
        self._choose(number)
        self.browser.press("a", CONTROL)
        self.browser.type(source)
        assert self.browser.value(f"{NOTEBOOK}.widgets[{number}].model.sharedModel.getSource()") == source

    def run(self, number):
        """Run a cell by Shift-Enter; return the text that its output shows."""
        count = f"{NOTEBOOK}.widgets[{number}].model.executionCount"
        before = self.browser.value(count)
        self._choose(number)
        self.browser.press("Enter", SHIFT)
        done = f"{count} !== null && {count} !== {json.dumps(before)} && {READY}"
        self.browser.until(done, f"cell {number} to be run")
        return self.browser.value(f"{NOTEBOOK}.widgets[{number}].outputArea.node.innerText")

    def _choose(self, number):
        self.browser.value(
            f"""{NOTEBOOK}.activeCellIndex = {number}; {NOTEBOOK}.mode = "edit";
            {NOTEBOOK}.activeCell.editor.focus(); 0"""
        )
        focused = f"{NOTEBOOK}.widgets[{number}].node.contains(document.activeElement)"
        self.browser.until(focused, f"the cursor in cell {number}")

    def output(self, number, script):
        """Evaluate JavaScript of ``node``, the output of a cell."""
        return self.browser.value(f"(node => {script})({NOTEBOOK}.widgets[{number}].outputArea.node)")

    def contrast(self, number):
        """The smallest contrast of text to its ground in a cell's output."""
        return self.browser.value(f"{SMALLEST_CONTRAST}({NOTEBOOK}.widgets[{number}].outputArea.node)")

    def use_theme(self, theme):
        """Change the theme, and wait for it."""
        self.browser.value(f'jupyterapp.commands.execute("apputils:change-theme", {{theme: "{theme}"}}).then(() => 0)')
        self.browser.until(f'document.body.dataset.jpThemeName === "{theme}"', f"the theme {theme}")
        self.browser.until('document.getElementById("jupyterlab-splash") === null', "the end of the splash screen")

    def photograph(self, path, first, last):
        """Save a picture of the cells from ``first`` to ``last``."""
        self.browser.press("Escape")
        corners = f"""new Promise(done => {{
            const [top, bottom] = [{first}, {last}].map(i => {NOTEBOOK}.widgets[i].node)
            top.scrollIntoView()
            requestAnimationFrame(() => requestAnimationFrame(() => {{
                const from = top.getBoundingClientRect(), to = bottom.getBoundingClientRect()
                done([from.x, from.y, from.width, to.bottom - from.y - 8])  // less the room between cells
            }}))
        }})"""
        self.browser.photograph(path, self.browser.value(corners))
