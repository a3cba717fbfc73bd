"""The packages of the autograder as import-linter knows them: drawn from ``pyproject.toml`` and their docstrings."""

from __future__ import annotations

import ast
import tomllib
from typing import Any

from extensions.drawing import GREY, LINE, PADDING, PALE, WARM, Drawing, wrapped
from extensions.repository import ROOT

LEFT, RIGHT, WIDTH = 50, 690, 860
GAP = 8


def draw() -> str:
    """The picture as SVG."""
    return drawing().svg()


def drawing() -> Drawing:
    """Draw one row for each layer, what may import what from top to bottom, and dlkit beside all of them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    picture = Drawing(WIDTH, "The packages of the autograder, from top to bottom: each imports those below it")
    picture.text(LEFT, 24, "autograder", font="mono", bold=True, size=14)
    y: float = 36
    for layer in layers:
        y = _row(picture, [name.strip() for name in layer.split("|")], y) + GAP
    picture.arrow((LEFT - 22, 40), (LEFT - 22, y - GAP))
    picture.box(RIGHT + 20, 36, WIDTH - RIGHT - 34, y - GAP - 36, fill=WARM)
    middle, inner = (RIGHT + WIDTH + 6) / 2, WIDTH - RIGHT - 34 - 2 * PADDING
    picture.text(middle, 60, "dlkit", font="mono", bold=True, middle=True)
    note = "What students build on. Every package may import it; it imports nothing of autograder."
    for i, line in enumerate(wrapped(note, inner, size=12)):
        picture.text(middle, 82 + i * LINE, line, size=12, middle=True, colour=GREY)
    for i, rule in enumerate(["Imports run downward, checked by import-linter:", *_rules(contracts)]):
        picture.text(LEFT, y + 16 + i * LINE, rule, size=12, colour=GREY)
    return picture


def _row(picture: Drawing, names: list[str], top: float) -> float:
    """Draw the packages of one layer side by side; return where the row ends."""
    width = (RIGHT - LEFT - GAP * (len(names) - 1)) / len(names)
    notes = [wrapped(purpose(name), width - 2 * PADDING, size=12) for name in names]
    height = LINE * (1 + max(map(len, notes))) + 12
    for i, (name, lines) in enumerate(zip(names, notes, strict=True)):
        x = LEFT + i * (width + GAP)
        picture.box(x, top, width, height, fill=PALE)
        picture.text(x + PADDING, top + LINE, name, font="mono", bold=True)
        for j, line in enumerate(lines):
            picture.text(x + PADDING, top + LINE * (j + 2), line, size=12, colour=GREY)
    return top + height


def purpose(name: str) -> str:
    """The first sentence of a package's or module's docstring."""
    package = ROOT / "autograder" / name / "__init__.py"
    path = package if package.is_file() else ROOT / "autograder" / f"{name}.py"
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0].replace("\n", " ").replace("``", "").split(".  ")[0].removesuffix(".") + "."


def _rules(contracts: list[dict[str, Any]]) -> list[str]:
    return [f"· {contract['name']}" for contract in contracts if contract["type"] != "layers"]
