"""A student's notebook in JupyterLab and a real browser: an exercise done incorrectly, diagnosed, corrected, passed.

Where the environment variable DLKIT_PICTURES names a folder, screenshots are saved there.
"""

import os
import re
from pathlib import Path

import pytest

from autograder.course import catalogue
from autograder.learner.originals import start
from tests.notebook.browser import CHROMIUM, Browser
from tests.notebook.lab import INSTALLED, Lab, Notebook

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENT, EXERCISE, MISTAKE = "02_layers", "Linear", "averages the weight gradient"
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.notebook,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: it shows the notebook"),
    pytest.mark.skipif(not INSTALLED, reason="JupyterLab is not installed; it comes with dlkit-course[course]"),
]


@pytest.fixture
def notebook(tmp_path):
    """The notebook of 02, as ``autograder start`` puts it into a learner's own folder, open in JupyterLab."""
    mine, scratch = tmp_path / "mine", tmp_path / "scratch"
    mine.mkdir()
    scratch.mkdir()
    start(ASSIGNMENT, mine, ROOT)
    with Lab(mine, scratch) as lab, Browser(tmp_path / "profile") as browser:
        yield Notebook(browser, lab.page_of(f"assignments/{ASSIGNMENT}/layers.ipynb"))


@pytest.fixture
def exercise():
    loaded = catalogue.load(ASSIGNMENT, ROOT)
    return loaded.assignment.exercise(EXERCISE)


@pytest.fixture
def right():
    loaded = catalogue.load(ASSIGNMENT, ROOT)
    source = loaded.source_of(loaded.assignment.exercise(EXERCISE))
    return re.sub(r" *### (BEGIN|END) SOLUTION\n", "", source + "\n").rstrip("\n")


@pytest.fixture
def photograph(notebook):
    """Save pictures of some cells in both themes, where somebody asked for them."""
    folder = os.environ.get("DLKIT_PICTURES")

    def save(name, first, last):
        for theme in (DARK, LIGHT) if folder else ():
            notebook.use_theme(theme)
            notebook.photograph(Path(folder, f"notebook-{name}-{theme.split()[1].lower()}.png"), first, last)

    return save


def test_a_student_sees_what_is_wrong_and_then_that_it_is_right(notebook, exercise, right, photograph):
    mistake = next(planted for planted in exercise.mistakes if planted.name == MISTAKE)
    code, check = notebook.cell(f"class {EXERCISE}"), notebook.cell(f"check({EXERCISE})")
    notebook.run(notebook.cell("import matplotlib"))
    notebook.run(code)
    assert f"{EXERCISE} not attempted" in notebook.run(check)

    notebook.rewrite(code, mistake.apply(right, EXERCISE))
    notebook.run(code)
    shown = notebook.run(check)
    assert f"{EXERCISE} failed" in shown
    assert MISTAKE in shown
    assert mistake.hint in shown
    assert notebook.output(check, "node.querySelector('details').open")
    for theme in (DARK, LIGHT):
        notebook.use_theme(theme)
        assert notebook.contrast(check) >= 4.5, theme
    photograph("wrong", code, check)

    notebook.rewrite(code, right)
    notebook.run(code)
    shown = notebook.run(check)
    assert f"{EXERCISE} passed" in shown
    assert MISTAKE not in shown
    assert not notebook.output(check, "node.querySelector('details').open")
    photograph("right", code, check)
