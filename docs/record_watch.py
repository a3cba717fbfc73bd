"""Record ``autograder watch`` at a real pseudo-terminal, a whole exercise long, as a picture that moves."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from autograder.course import catalogue
from autograder.learner.originals import start

ROOT = Path(__file__).resolve().parents[1]
COLUMNS, ROWS = 80, 40
ASSIGNMENT, EXERCISE = "02_layers", "Linear"
WRONG = ("return dy @ self.W.data.T", "return dy")
SECONDS = 4.0
"""How long each screen stays."""
PATIENCE_S = 60


class Terminal:
    """A pseudo-terminal with ``autograder watch`` in it."""

    def __init__(self, folder: Path) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        command = [sys.executable, "-m", "autograder", "watch", ASSIGNMENT]
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONIOENCODING": "utf-8"}
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self._shown = ""

    def screen(self, wanted: str) -> str:
        """Wait for a screen with this text; return it with its colours."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            screen = self._shown.rpartition("\x1b[2J\x1b[H")[2].replace("\r", "")
            if wanted in re.sub(r"\x1b\[[0-9;]*m", "", screen) and "quit" in screen:
                return screen
            if select.select([self._ours], [], [], 0.2)[0]:
                self._shown += os.read(self._ours, 1 << 16).decode()
        sys.exit(f"pictures: watch never showed {wanted!r}.")

    def press(self, key: str) -> None:
        """Press a key."""
        os.write(self._ours, key.encode())

    def close(self) -> None:
        """Quit."""
        self.press("q")
        self._process.wait()
        os.close(self._ours)


def screens() -> list[str]:
    """Work through an exercise: the stub, a mistake, two hints, all right, the next one."""
    loaded = catalogue.load(ASSIGNMENT, ROOT)
    right = loaded.source_of(loaded.assignment.exercise(EXERCISE))
    with tempfile.TemporaryDirectory() as place:
        os.environ["XDG_STATE_HOME"] = place  # for the user there is nothing to remember
        start(ASSIGNMENT, Path(place), ROOT)
        file = Path(place, "assignments", ASSIGNMENT, f"{loaded.assignment.module}.py")
        stub = re.compile(rf"^class {EXERCISE}\(.*?(?=\n\n\n)", re.DOTALL | re.MULTILINE)
        terminal = Terminal(Path(place))
        found = [terminal.screen("is still to be written")]
        file.write_text(stub.sub(lambda _: right.replace(*WRONG), file.read_text(encoding="utf-8")), encoding="utf-8")
        found.append(terminal.screen("failed"))
        for hint in ("Hint 1 of", "Hint 2 of"):
            terminal.press("h")
            found.append(terminal.screen(hint))
        file.write_text(stub.sub(lambda _: right, file.read_text(encoding="utf-8")), encoding="utf-8")
        found.append(terminal.screen("Press n for"))
        terminal.press("n")
        found.append(terminal.screen("Sigmoid.forward is still to be written"))
        terminal.close()
    return found


def moving_picture(shown: list[str]) -> str:
    """Draw screens one after the other in one SVG; a reader who prefers reduced motion sees the third."""
    height = max(screen.count("\n") for screen in shown) + 1
    frames = [_drawn(screen, height, i) for i, screen in enumerate(shown)]
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', frames[0])
    assert size is not None  # noqa: S101 - rich says the size of every picture
    share = 100 / len(frames)
    style = "".join(f".screen{i} {{ animation-delay: {i * SECONDS:g}s }} " for i in range(len(frames)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[1]} {size[2]}"><style>'
        f".screen {{ visibility: hidden; animation: shown {len(frames) * SECONDS:g}s step-end infinite }} {style}"
        f"@keyframes shown {{ 0% {{ visibility: visible }} {share:.3f}% {{ visibility: hidden }} }} "
        "@media (prefers-reduced-motion) { .screen { animation: none } .screen2 { visibility: visible } }</style>"
        + "".join(f'<g class="screen screen{i}">{frame}</g>' for i, frame in enumerate(frames))
        + "</svg>\n"
    )


def _drawn(screen: str, height: int, number: int) -> str:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(screen.rstrip("\n") + "\n" * (height - screen.rstrip("\n").count("\n"))))
    svg = console.export_svg(title=f"autograder watch {ASSIGNMENT}", unique_id=f"screen-{number}")
    return re.sub(r"@font-face \{.*?\}|<!--.*?-->", "", svg, flags=re.DOTALL)  # the reader's own fonts will do


def record(path: Path) -> None:
    """Write the recording."""
    path.write_text(moving_picture(screens()), encoding="utf-8")


if __name__ == "__main__":
    record(ROOT / "docs" / "pictures" / "watch.svg")
