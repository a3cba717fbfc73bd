"""What a learner waits for: from a save to its verdict in ``watch``, and the first check in a fresh notebook."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.course import catalogue
from autograder.learner.originals import start
from benchmarks.grading import ASSIGNMENT
from benchmarks.table import ROOT, Row, Table

SAVE_S, NOTEBOOK_S = 0.5, 1.5
READY = b"waiting for the next save."
EXERCISES = {
    "Linear": ("return dy @ self.W.data.T", "return dy"),
    "Sigmoid": ("dx = 1 - self.y", "dx = 1 + self.y"),
    "Softmax": ("axis=self.axis, keepdims=True", "axis=self.axis, keepdims=True, initial=0.1"),
}


class Watched:
    """``autograder watch`` on a learner's file, and the time from a save to the last of its output."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "assignments" / ASSIGNMENT / "layers.py"
        self.file.with_suffix(".ipynb").unlink()
        command = [sys.executable, "-m", "autograder", "watch", ASSIGNMENT]
        self._process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self._wait(b"next save.")

    def _wait(self, for_what: bytes) -> bytes:
        assert self._process.stdout is not None
        shown = b""
        while for_what not in shown:
            shown += os.read(self._process.stdout.fileno(), 1 << 16) or sys.exit("watch ended by itself.")
        return shown

    def save(self, name: str, source: str) -> tuple[float, bytes]:
        """Save with another text of one exercise, by rename; seconds until its verdict is on the screen."""
        before = re.compile(rf"^class {name}\(.*?(?=\n\n\n)", re.DOTALL | re.MULTILINE)
        text = before.sub(lambda _: source, self.file.read_text())
        part = self.file.with_name("layers.py~")
        part.write_text(text)
        started = time.perf_counter()
        part.replace(self.file)
        shown = self._wait(READY)
        return time.perf_counter() - started, shown

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def solution(name: str) -> str:
    """The reference's text of an exercise."""
    loaded = catalogue.load(ASSIGNMENT, ROOT)
    return loaded.source_of(loaded.assignment.exercise(name))


def saves(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of every save, by what was saved: wrong, then right, one exercise after the other."""
    os.environ["XDG_STATE_HOME"] = str(folder / "state")  # for the user there is nothing to remember
    start(ASSIGNMENT, folder, ROOT)
    watched = Watched(folder)
    seconds: dict[str, list[float]] = {"wrong": [], "right": []}
    try:
        for number in range(rounds):
            for name, (old, new) in EXERCISES.items():
                right = solution(name) + f"\n    # save {number}"
                assert old in right
                for kind, source in (("wrong", right.replace(old, new)), ("right", right)):
                    took, shown = watched.save(name, source)
                    assert (b"failed" if kind == "wrong" else b"passed") in shown, shown.decode()
                    seconds[kind].append(took)
    finally:
        watched.close()
    return seconds


def notebook(folder: Path, rounds: int) -> list[float]:
    """Seconds in a fresh kernel, which is running already: the notebook's imports, a class, its first check."""
    from jupyter_client.manager import start_new_kernel

    cells = [
        "from autograder import check\nfrom dlkit import Layer, Parameter, array_module, zeros",
        solution("Linear"),
        "check(Linear)",
    ]
    found = []
    for _ in range(rounds):
        manager, client = start_new_kernel(cwd=str(folder / "assignments" / ASSIGNMENT), stderr=subprocess.DEVNULL)
        try:
            client.execute_interactive("pass", timeout=60)
            told: list[str] = []

            def hear(message: dict[str, Any], told: list[str] = told) -> None:
                told.append(str(message["content"]))

            started = time.perf_counter()
            for cell in cells:
                client.execute_interactive(cell, timeout=60, output_hook=hear)
            found.append(time.perf_counter() - started)
            assert "passed" in "".join(told), told
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    return found


def tables(*, quick: bool) -> Iterator[Table]:
    """Measure saves of three exercises, wrong and right, and first checks in kernels of their own."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        seconds = saves(folder, rounds=1 if quick else 7)
        every = seconds["wrong"] + seconds["right"]
        rows = [
            Row("save to verdict, median", statistics.median(every), "s", SAVE_S, note=f"{len(every)} saves"),
            *(Row(f"where the work is {kind}", statistics.median(some), "s") for kind, some in seconds.items()),
            Row("the slowest save", max(every), "s"),
        ]
        try:
            first = notebook(folder, rounds=1 if quick else 5)
            rows.append(Row("first check in a fresh notebook, with imports", statistics.median(first), "s", NOTEBOOK_S))
            note = ""
        except ImportError:
            note = "The notebook was not measured. Install the extra dlkit-course[course]."
    yield Table("What a learner waits for", rows, note)
