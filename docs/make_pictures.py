"""Draw the README's pictures here and now: a graded class's pages, what a student sees, a learner at work."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from record_watch import record
from rich.console import Console

from autograder.cli import main
from autograder.render.terminal import print_report
from autograder.report import read_report

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"]
STUDENT = "jun*"
"""Of the made-up class: two mistakes, each recognised."""


def draw(browser: str) -> None:
    """Grade the made-up class with a fixed seed and draw the pages, then the notebook, then the learner at work."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "demo"
        if main(["demo", "--out", str(out), "--seed", "1", "--course", str(ROOT)]):
            sys.exit("pictures: the demonstration failed.")
        graded = out / "graded"
        [page] = graded.glob(f"pages/{STUDENT}/02_layers.html")
        [report] = graded.glob(f"reports/{STUDENT}/02_layers.json")
        photograph(browser, graded / "02_layers.html", PICTURES / "class.png", height=1180)
        photograph(browser, page, PICTURES / "student.png", height=1180)
        draw_terminal(report, PICTURES / "check.svg")
    draw_notebook()
    record(PICTURES / "watch.svg")


def photograph(browser: str, page: Path, picture: Path, *, height: int) -> None:
    """Save the top of a page."""
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, *CHROMIUM, f"--user-data-dir={profile}", f"--window-size=1100,{height}"]
        subprocess.run([*command, f"--screenshot={picture}", page.as_uri()], check=True, capture_output=True)


def draw_terminal(report: Path, picture: Path) -> None:
    """Draw a report as ``autograder check`` prints it."""
    console = Console(record=True, width=84, file=io.StringIO(), force_terminal=True)
    print_report(console, read_report(report))
    svg = console.export_svg(title="autograder check 02_layers")
    svg = re.sub(r"@font-face \{.*?\}|<!--.*?-->", "", svg, flags=re.DOTALL)  # the reader's own fonts will do
    picture.write_text(svg, encoding="utf-8")


def draw_notebook() -> None:
    """Run the test that works through an exercise in JupyterLab, which saves what it sees: ``notebook-*.png``."""
    command = [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", "tests/notebook"]
    before = {picture: picture.stat().st_mtime_ns for picture in PICTURES.glob("notebook-*.png")}
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "DLKIT_PICTURES": str(PICTURES)}, check=False)
    drawn = [p for p in PICTURES.glob("notebook-*.png") if p.stat().st_mtime_ns != before.get(p)]
    if done.returncode or not drawn:
        sys.exit("pictures: the notebook was not drawn; pytest says why above.")


if __name__ == "__main__":
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        sys.exit("pictures: chromium is not installed; it draws the pages.")
    draw(found)
