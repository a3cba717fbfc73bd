"""A learner's own folder, begun by ``start`` from a small course, and ways to write in it."""

import re
import shutil
from types import SimpleNamespace

import pytest

from autograder.course import catalogue
from autograder.learner.originals import start

NAME = "02_layers"


@pytest.fixture(scope="session")
def handed_out(small_course, tmp_path_factory):
    """The small course without its solutions: what a learner takes assignments from."""
    folder = tmp_path_factory.mktemp("handed out")
    shutil.copytree(small_course / "assignments", folder / "assignments")
    return folder


@pytest.fixture
def mine(handed_out, tmp_path, monkeypatch):
    """The learner's own folder, with 02_layers begun, as the current one."""
    monkeypatch.delenv("DLKIT_COURSE", raising=False)
    folder = tmp_path / "mine"
    folder.mkdir()
    start(NAME, folder, handed_out)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def script(mine):
    """The Python file of the assignment; the notebook beside it is gone."""
    (mine / "assignments" / NAME / "layers.ipynb").unlink()
    return mine / "assignments" / NAME / "layers.py"


@pytest.fixture
def loaded(mine):
    return catalogue.load(NAME, mine)


@pytest.fixture(scope="session")
def solution(small_course):
    """The solution's text of an exercise, with some text replaced, which must be there."""
    whole = (small_course / "solutions" / NAME / "layers.py").read_text()

    def make(name, *changes):
        text = re.search(rf"class {name}\(.*?(?=\n\n\n|\n# %%|\Z)", whole, re.DOTALL)[0]
        text = re.sub(r" *### (BEGIN|END) SOLUTION\n", "", text + "\n").rstrip("\n")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        return text

    return make


@pytest.fixture
def write(script, solution):
    """Write a solution, or one with changes, in place of whatever the script has for an exercise."""

    def put(name, *changes):
        text = script.read_text()
        new, count = re.subn(
            rf"class {name}\(.*?(?=\n\n\n|\n# %%|\Z)", lambda _: solution(name, *changes), text, flags=re.DOTALL
        )
        assert count == 1
        script.write_text(new)

    return SimpleNamespace(right=put, wrong=put)
