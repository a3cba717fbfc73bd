"""No folder of this machine reaches a student: not in a report, on a page, in an export or below a cell."""

import os
import re
import sys
import sysconfig
import tempfile
from pathlib import Path

import numpy as np
import pytest

from autograder.classroom.finding import discover, report_path
from autograder.classroom.processes import open_pool
from autograder.classroom.runs import prepare_run
from autograder.cli import main
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.launcher import open_launcher
from autograder.render.notebook import notebook_html, notebook_text
from autograder.report import Problem, Redactor, Report, encodable, read_report
from autograder.submission import Submission
from dlkit.extraction import take
from tests.autograder.export.made_up import run_command

COURSE = Path("/srv/teaching/course")
STDLIB = sysconfig.get_path("stdlib")


SHOWN = [
    (f"cannot import 'x' from 'numpy' ({np.__file__})", "cannot import 'x' from 'numpy' (numpy/__init__.py)"),
    (f"raised at {STDLIB}/json/decoder.py:12", "raised at <python>/json/decoder.py:12"),
    (f"read {sys.prefix}/bin/python", "read <python>/bin/python"),
    (f"read {COURSE}/solutions/02_layers/layers.py", "read solutions/02_layers/layers.py"),
    (f"in {COURSE}.", "in <course>."),
    (f"in {COURSE}2 and /mnt{COURSE}", f"in {COURSE}2 and /mnt{COURSE}"),
    (f"file://{COURSE}/x", "file://x"),
    (f"No such file: '{tempfile.gettempdir()}/worker-7/x.npy'", "No such file: '<tmp>/worker-7/x.npy'"),
    (f"{Path.home()}/.ssh/id_rsa, {Path.home()}", "~/.ssh/id_rsa, ~"),
    ("read /etc/passwd and /usr/share/zoneinfo", "read /etc/passwd and /usr/share/zoneinfo"),
    ("dx has shape (2, 3)", "dx has shape (2, 3)"),
]


@pytest.mark.parametrize(("text", "shown"), SHOWN, ids=[shown for _, shown in SHOWN])
def test_a_folder_of_this_machine_is_shown_as_what_it_holds(text, shown):
    assert Redactor(folders=[COURSE]).shown(text) == shown


def test_a_path_that_the_submission_spells_stays_as_it_was_written():
    redactor = Redactor(f"x = np.load('{Path.home()}/data/x.npy')", [COURSE])
    text = f"raised FileNotFoundError: '{Path.home()}/data/x.npy', not {Path.home()}/grades.csv"
    assert redactor.shown(text) == f"raised FileNotFoundError: '{Path.home()}/data/x.npy', not ~/grades.csv"


def test_every_text_of_a_report_is_redacted_but_the_students_name():
    name = f"{COURSE}/ada"
    report = Report(
        student=name, assignment="02_layers", problems=[Problem(f"torn: {COURSE}/x.ipynb")], tried=[f"read {COURSE}/y"]
    )
    told = encodable(report, folders=[COURSE])
    assert (told.student, told.problems[0].sentence, told.tried) == (name, "torn: x.ipynb", ["read y"])


# --- a whole class ---------------------------------------------------------------------------

LEAKS = {
    "names numpy's file": "raise ValueError(np.__file__)",
    "cannot import": "from dlkit.datasets import no_such_thing",
    "reads beside dlkit": "import dlkit; open(dlkit.__file__.replace('__init__.py', '../solutions.txt'))",
    "reads dlkit's data": "import dlkit; open(dlkit.__file__.replace('__init__.py', 'datasets/data/digits.npz'))",
    "names the interpreter": "import sys; raise OSError(sys.executable, sys.prefix, sys.base_prefix)",
    "names a module's file": "import json.decoder; raise KeyError(json.decoder.__file__)",
    "shows a traceback": "import traceback; raise RuntimeError(''.join(traceback.format_stack()))",
    "writes to a temporary folder": "import tempfile; tempfile.mkdtemp()",
    "names its environment": "import os; raise RuntimeError(str(dict(os.environ)))",
    "saves beside itself": "np.save(os.path.join(os.getcwd(), 'x.npy'), x) if (os := __import__('os')) else 0",
    "lists a home": "import os; os.listdir(os.path.expanduser('~'))",
}
TANH = """\
from dlkit import Layer
import numpy as np


class Tanh(Layer):
    def forward(self, x):
        {body}
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y**2)
"""
ALL_FORMATS = ("gradescope", "classroom", "prairielearn", "junit", "csv")


def texts_below(folder):
    """Every file that students or platforms may see, by name."""
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8-sig")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


def machine(*folders):
    """Folders that would give this machine away."""
    found = {
        sys.prefix,
        sys.base_prefix,
        STDLIB,
        str(Path(np.__file__).parent),
        tempfile.gettempdir(),
        str(Path.home()),
    }
    found |= {str(folder) for folder in folders}
    return {spelled for path in found for spelled in (path, os.path.realpath(path))} - {"/", "/usr", "/usr/local"}


@pytest.fixture(scope="module")
def graded(small_course, tmp_path_factory):
    """A class in which each hand-in gives away what it can, with a planted mistake and torn files among them."""
    folder = tmp_path_factory.mktemp("class")
    hand_ins, out = folder / "in", folder / "out"
    sources = {name.replace(" ", "-").replace("'", ""): TANH.format(body=body) for name, body in LEAKS.items()}
    sources["mistaken"] = TANH.format(body="pass").replace("1 - self.y**2", "1 + self.y**2")
    sources |= {
        "empty": "",
        "torn": "class Tanh(:\n",
        "at-load": "import numpy as np\nx = open(np.__file__[:-11] + 'x')\n",
    }
    for student, source in sources.items():
        path = hand_ins / student / "02_layers" / "layers.py"
        path.parent.mkdir(parents=True)
        path.write_text(source)
    linked = hand_ins / "linked" / "02_layers"
    linked.mkdir(parents=True)
    (linked / "layers.py").symlink_to(small_course / "solutions/02_layers/layers.py")
    entries = discover(hand_ins, small_course)
    run = prepare_run(small_course, out, hand_ins, entries, Options(seed=1))
    with open_launcher() as launcher, open_pool(2, launcher) as pool:
        list(pool.grade_all(entries, run))
    assert main(["report", str(out)]) == 0
    for form in ALL_FORMATS:
        assert run_command(form, out)[0] == 0
    return small_course, hand_ins, out, entries


def test_no_page_report_or_export_names_a_folder_of_this_machine(graded):
    course, hand_ins, out, entries = graded
    texts = texts_below(out)
    for entry in entries:
        report = read_report(report_path(out, entry))
        texts[f"{entry.student}, below a cell"] = notebook_html(report)
        texts[f"{entry.student}, as text"] = notebook_text(report)
    assert len(texts) > 6 * len(entries)
    telling = re.compile("|".join(rf"(?<!\w){re.escape(path)}\b" for path in machine(course, hand_ins, out)))
    found = [
        (name, text[max(0, m.start() - 60) : m.end() + 60])
        for name, text in texts.items()
        for m in telling.finditer(text)
    ]
    assert found == []


def test_what_the_code_tried_and_raised_is_still_said(graded):
    _, _, out, entries = graded
    reports = {entry.student: read_report(report_path(out, entry)) for entry in entries}
    first = {student: report.exercises[0].verdicts[0].sentence for student, report in reports.items()}
    assert "raised ValueError: numpy/__init__.py" in first["names-numpys-file"]
    assert (
        "cannot import name 'no_such_thing' from 'dlkit.datasets' (dlkit/datasets/__init__.py)"
        in first["cannot-import"]
    )
    assert reports["reads-dlkits-data"].tried == ["read dlkit/datasets/data/digits.npz"]
    assert any(what.startswith("write <tmp>/") for what in reports["writes-to-a-temporary-folder"].tried)


def test_the_graders_own_fault_names_no_folder_either(layers, zygote, monkeypatch):
    def fail(*_):
        raise FileNotFoundError(2, "No such file or directory", str(layers.folder / "cases.npz"))

    monkeypatch.setattr("autograder.course.answers.Answers.of", fail)
    grader = Grader(layers, zygote, Options(seed=1, only=frozenset({"Tanh"})))
    report = grader.grade(Submission("layers.py", take([("layers.py", 1, TANH.format(body="pass"))]), ""))
    sentence = report.exercises[0].verdicts[0].sentence
    assert sentence.startswith("the grader itself failed (FileNotFoundError:")
    assert str(layers.root) not in sentence
