"""Hand-ins that use as much of the grader as they can: replies as large as allowed, sleep, text hard to parse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.memory import ASSIGNMENT

HEAD = "import numpy as np\nimport time\nfrom dlkit import Layer\n\n"
HEAD += "def spend(s):\n    end = time.process_time() + s\n    while time.process_time() < end: pass\n\n"
BODIES = {
    "2 to the power of 27 bytes": "return np.zeros(1 << 27, np.int8)",
    "100 MB in every case": "return np.zeros(13 << 20)",
    "100 MB in ten arrays": "return [np.zeros(10 << 17) for _ in range(10)]",
    "just what is read": "return np.zeros(1 << 17)",
    "just what is read, in many arrays": "return [np.zeros(1 << 13) for _ in range(15)]",
    "a column that meets a row": "return np.zeros((1 << 17, 1))",
    "a million truths": "return np.zeros((1 << 20, 1), bool)",
    "50,000 numbers in lists": "return [[0.5] * 9_000] * 5",
    "a quarter of a second": "time.sleep(0.25); return 0 * x",
    "almost a call's time": "spend(2); return 0 * x",
}
TEXTS = {
    "a number of 5,000 digits": "X = 1; Y = 0x" + "f" * 5_000,
    "a sum of 2,500 terms": "x = 1" + " + 1" * 2_500,
    "100,000 brackets": "x = " + "(" * 100_000,
    "80,000 statements": "x = 1\n" * 80_000,
}
CLASSES = ("Linear", "ReLU", "Sigmoid", "Tanh", "Softmax")


def make_wasteful(folder: Path, most: int | None = None) -> list[str]:
    """Write one hand-in of each kind, at most so many; return the students' names."""
    names = []
    for number, (what, source) in enumerate(list(_sources())[:most]):
        names.append(f"{7 * number:03d} wasteful ({what})")
        target = folder / names[-1] / ASSIGNMENT
        target.mkdir(parents=True)
        (target / "layers.py").write_text(source)
    return names


def _sources() -> Iterator[tuple[str, str]]:
    for what, body in BODIES.items():
        methods = (
            f"    def forward(self, x):\n        {body}\n    def backward(self, dy):\n        x = dy\n        {body}\n"
        )
        yield what, HEAD + "".join(f"class {name}(Layer):\n{methods}\n" for name in CLASSES)
    for what, text in TEXTS.items():
        yield what, f"{HEAD}class Tanh(Layer):\n    def forward(self, x):\n        return 0 * x\n\n{text}\n"
