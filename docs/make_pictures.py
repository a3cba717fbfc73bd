"""Draw the README's pictures here and now: a graded class's page, what a student sees, a learner at work."""

from __future__ import annotations

import io
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
from autograder.verdict import read_report

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"]


def draw() -> None:
    """Grade the made-up class with a fixed seed; write ``class.png``, ``check.svg`` and ``watch.svg``."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("pictures: chromium is not installed; it draws the page.")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "demo"
        if main(["demo", "--out", str(out), "--seed", "1", "--course", str(ROOT)]):
            sys.exit("pictures: the demonstration failed.")
        page = out / "graded" / "02_layers.html"
        command = [browser, *CHROMIUM, f"--user-data-dir={folder}/profile", "--window-size=1100,1180"]
        subprocess.run(
            [*command, f"--screenshot={PICTURES / 'class.png'}", page.as_uri()], check=True, capture_output=True
        )
        [report] = (out / "graded" / "reports").glob("jun*/02_layers.json")
        console = Console(record=True, width=84, file=io.StringIO(), force_terminal=True)
        print_report(console, read_report(report))
        svg = console.export_svg(title="autograder check 02_layers")
        svg = re.sub(r"@font-face \{.*?\}|<!--.*?-->", "", svg, flags=re.DOTALL)  # the reader's own fonts will do
        (PICTURES / "check.svg").write_text(svg, encoding="utf-8")
    record(PICTURES / "watch.svg")


if __name__ == "__main__":
    draw()
