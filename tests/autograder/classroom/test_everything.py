"""One class with every hand-in that ever went wrong in it, beside honest students."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from autograder.report import read_report
from benchmarks.wasteful import make_wasteful
from tests.autograder.test_faults import HOSTILE

HAND_INS = Path(__file__).with_name("handins")
SYSTEM_FILES = {".DS_Store", "._layers.ipynb", "desktop.ini"}


def grade(course, folder, out):
    """Run ``autograder grade`` in the folder itself; return the exit status, the output, and the JSON."""
    command = [sys.executable, "-P", "-m", "autograder", "grade", ".", "--out", out, "--course", course]
    options = ["--assignment", "02_layers", "--seed", "4", "--without", "capstones", "--jobs", "2", "--json"]
    done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr, json.loads(done.stdout)


def honest(folder, right):
    """Three ordinary students: everything correct, one mistake, half of it."""
    some = right.replace("self.y = array_module(x).tanh(x)", "self.y = 0.5 * array_module(x).tanh(x)")
    assert some != right
    for student, text in {"ada": right, "berta": some, "carl": right.partition("class Flatten")[0]}.items():
        path = folder / student / "02_layers/layers.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)


def awkward(folder, right):
    """Everything else: habits of people, text that Python cannot parse, odd names and folders, wasteful code."""
    for path in HAND_INS.iterdir():
        shutil.copytree(path, folder / path.name)
    for number, text in enumerate(HOSTILE.values()):
        path = folder / f"hostile {number}" / "02_layers/layers.py"
        path.parent.mkdir(parents=True)
        path.write_text(f"{right}\n# %%\n{text}")
    for name in ("assignments", "multiprocessing", "numpy", "solutions"):
        path = folder / name / "02_layers/layers.py"
        path.parent.mkdir(parents=True)
        path.write_text(right)
        (folder / name / "__init__.py").write_text("open('/tmp/taken', 'w')")
        shutil.copy(path, folder / name / "02_layers/checks.py")
    for name in ("selectors.py", "msgspec.py", "checks.py"):
        (folder / name).write_text("raise SystemExit('taken')")
    for name in SYSTEM_FILES:
        (folder / "ada" / "02_layers" / name).write_bytes(b"\0" * 9)
    (folder / "dora").mkdir()
    (folder / "dora/essay.pdf").write_bytes(b"%PDF-1.7")
    (folder / "emil").mkdir()
    (folder / "emil/02_layers").symlink_to(folder / "ada/02_layers")
    with zipfile.ZipFile(folder / "fritz.zip", "w") as archive:
        archive.writestr(
            "02-layers\\layers (2).ipynb.txt", HAND_INS.joinpath("00_correct/02_layers/layers.ipynb").read_text()
        )
    make_wasteful(folder, 6)


def marks(out, student):
    report = read_report(out / "reports" / student / "02_layers.json")
    return [(v.check, v.status, v.points) for result in report.exercises for v in result.verdicts]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="what code may use of the machine is bounded on Linux alone")
def test_no_hand_in_stops_the_class_is_overlooked_or_changes_another_mark(small_course, tmp_path, right):
    alone, together = tmp_path / "alone", tmp_path / "together"
    honest(alone, right)
    shutil.copytree(alone, together)
    awkward(together, right)
    before, said, _ = grade(small_course, alone, tmp_path / "graded alone")
    assert (before, said.count("Traceback")) == (0, 0), said
    status, said, found = grade(small_course, together, tmp_path / "graded")
    assert (status, said.count("Traceback")) == (1, 0), said
    for student in ("ada", "berta", "carl"):
        assert marks(tmp_path / "graded", student) == marks(tmp_path / "graded alone", student)
    assert not (tmp_path / "graded/errors").exists()
    assert "broken" not in {v["status"] for r in found["reports"] for e in r["exercises"] for v in e["verdicts"]}
    students = {path.name.removesuffix(".zip") for path in together.iterdir() if path.is_dir() or path.suffix == ".zip"}
    loose = {"selectors", "msgspec"}  # a file in the class's folder may be a student's
    assert students | loose == {report["student"] for report in found["reports"]}
    for name in ("selectors.py", "msgspec.py", "essay.pdf", "emil"):
        assert any(name in f"{row['student']} {row['path']}" for row in found["not_graded"]), name
    assert not any(
        name in row["path"] and row["kind"] == "hand-in" for name in SYSTEM_FILES for row in found["not_graded"]
    )
