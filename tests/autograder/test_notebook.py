"""``check(Linear)`` in a notebook: the live class, in this process."""

import linecache
import math
import subprocess
import sys
import types

import IPython.display
import pytest
import threadpoolctl

from autograder import check
from autograder.learner import notebook_check
from autograder.learner.notebook_check import run_checks
from autograder.report import Status


@pytest.fixture
def cell(small_course, monkeypatch):
    """Run source text as a notebook's cells do; its names."""
    monkeypatch.setenv("DLKIT_COURSE", str(small_course))
    module = types.ModuleType("live_notebook")
    monkeypatch.setitem(sys.modules, "live_notebook", module)
    count = 0

    def run(source):
        nonlocal count
        count += 1
        name = f"<ipython-input-{count}-live>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec"), module.__dict__)  # noqa: S102 - our own text
        return module

    run("from dlkit import Layer, array_module\nimport numpy as np")
    return run


@pytest.fixture
def tanh(layers):
    return layers.source_of(layers.assignment.exercise("Tanh"))


def test_a_right_class_passes(cell, tanh):
    result = run_checks(cell(tanh).Tanh)
    assert (result.name, result.status) == ("Tanh", Status.PASSED)
    assert result.points == result.max_points == 3


def test_an_exercise_may_be_named_by_a_string(cell, tanh, monkeypatch):
    monkeypatch.setitem(sys.modules, "__main__", cell("A = 1"))
    with pytest.raises(LookupError, match=r"Tanh is not defined in this notebook: run the cell that defines it first"):
        run_checks("Tanh")
    cell(tanh)
    assert run_checks("Tanh").points == 3


def test_a_wrong_class_fails_with_its_diagnosis(cell, tanh):
    result = run_checks(cell(tanh.replace("self.y * self.y", "1 * self.y")).Tanh)
    failed = next(verdict for verdict in result.verdicts if verdict.status is Status.FAILED)
    assert failed.mistake == "forgets the square"
    assert result.parts()["forward"] is Status.PASSED


def test_a_stub_is_not_attempted(cell):
    module = cell(
        "class Tanh(Layer):\n    def forward(self, x):\n        raise NotImplementedError()\n\n"
        "    def backward(self, dy):\n        raise NotImplementedError()\n"
    )
    result = run_checks(module.Tanh)
    assert result.status is Status.NOT_ATTEMPTED
    assert result.verdicts[0].sentence == "Tanh.forward is still to be written"


def test_a_class_that_raises_says_where(cell):
    module = cell(
        "class Tanh(Layer):\n    def forward(self, x):\n        return x[99]\n\n"
        "    def backward(self, dy):\n        return dy\n"
    )
    sentence = run_checks(module.Tanh).verdicts[0].sentence
    assert sentence.startswith("raised IndexError: index 99 is out of bounds")
    assert "line 3 of its cell: return x[99]" in sentence


def test_what_the_notebook_defines_elsewhere_is_seen(cell, tanh):
    cell("def own_tanh(x):\n    return np.tanh(x)\n")
    result = run_checks(cell(tanh.replace("array_module(x).tanh(x)", "own_tanh(x)")).Tanh)
    assert next(v for v in result.verdicts if v.check == "forward matches the reference").status is Status.PASSED


def test_a_helper_is_searched_for_what_no_gradient_needs(cell, tanh):
    cell("def slope(y):\n    step = 1e-30j\n    return (y + step).imag\n")
    result = run_checks(cell(tanh.replace("self.y * self.y", "self.y * self.y * slope(1.0)")).Tanh)
    first = next(verdict for verdict in result.verdicts if verdict.part == "backward")
    assert first.sentence.startswith("cell, line 2 uses complex numbers")
    assert result.parts()["forward"] is Status.PASSED


def test_the_last_definition_counts(cell, tanh):
    cell(tanh.replace("self.y * self.y", "1 * self.y"))
    assert run_checks(cell(tanh).Tanh).status is Status.PASSED


def test_a_class_that_exits_does_not_end_the_notebook(cell, tanh):
    module = cell(tanh.replace("self.y = array", "raise SystemExit(3)\n        self.y = array"))
    verdict = run_checks(module.Tanh).verdicts[0]
    assert (verdict.status, verdict.sentence.partition(" (")[0]) == (Status.FAILED, "raised SystemExit: 3")


def test_a_function_is_checked(monkeypatch, root, layers, cell):
    monkeypatch.setenv("DLKIT_COURSE", str(root))
    source = layers.source_of(layers.assignment.exercise("gradient_norms"))
    assert run_checks(cell(source).gradient_norms).status is Status.PASSED
    wrong = run_checks(cell(source.replace("norms[::-1]", "norms")).gradient_norms)
    assert wrong.verdicts[0].mistake == "returns the last layer first"


def test_speed_waits_for_the_grader(monkeypatch, root, layers, cell):
    monkeypatch.setenv("DLKIT_COURSE", str(root))
    result = run_checks(cell(layers.source_of(layers.assignment.exercise("ReLU"))).ReLU)
    timed = next(verdict for verdict in result.verdicts if verdict.part == "speed")
    assert timed.status is Status.SKIPPED
    assert "speed is measured when the work is graded" in timed.sentence


@pytest.mark.parametrize("thing", [dict, "Conv2d", 3])
def test_what_is_not_an_exercise_is_reported(cell, thing):
    with pytest.raises(
        LookupError, match=r"No assignment of this course has an exercise .* Pass the class or function itself"
    ):
        check(thing)


# --- what the cell shows, and its value ------------------------------------------------------


@pytest.fixture
def shown(monkeypatch):
    """What ``check`` displays from now on."""
    found = []
    monkeypatch.setattr(IPython.display, "display", found.append)
    return found


def test_the_cell_shows_the_table_and_its_value_is_the_points(cell, tanh, shown):
    points = check(cell(tanh.replace("self.y * self.y", "1 * self.y")).Tanh)
    assert type(points) is float
    assert 0 < points < 3
    [result] = shown
    for text in (repr(result), result._repr_html_()):
        assert "Tanh" in text
        assert "the output is squared" in text
        assert f"{points:g} / 3" in text


@pytest.mark.parametrize("forward", ["array_module(x).tanh(x)", "array_module(x).tanh(x) * np.float64(2)"])
def test_the_value_is_what_nbgrader_takes_for_a_score(cell, tanh, shown, forward):
    value = check(cell(tanh.replace("array_module(x).tanh(x)", forward)).Tanh)
    assert float(repr(value)) == value
    assert math.isfinite(value)


def test_nothing_that_the_code_says_reaches_stderr(cell, tanh, shown, capsys):
    noisy = "__import__('sys').stderr.write('noise'); self.y = array"
    assert check(cell(tanh.replace("self.y = array", noisy)).Tanh) == 3
    said = capsys.readouterr()
    assert said.err == ""
    assert "noise" in said.out


def test_without_a_notebook_the_table_is_printed(small_course):
    code = "from autograder import check\ndef Tanh(): pass\nprint('value', check(Tanh))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"DLKIT_COURSE": str(small_course), "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("value 0.0\n")
    assert "Tanh" in done.stdout.partition("value")[0]
    assert done.stderr == ""


def test_a_live_check_computes_on_one_thread_and_gives_the_others_back(small_course, monkeypatch):
    monkeypatch.setenv("DLKIT_COURSE", str(small_course))
    seen = []

    def grade(*_):
        seen.append(threads())
        return types.SimpleNamespace(exercises=[None])

    monkeypatch.setattr(notebook_check.Grader, "grade", grade)
    with threadpoolctl.threadpool_limits(2):
        notebook_check.run_checks(type("Tanh", (), {}))
        assert threads() == {2}
    assert seen == [{1}]


def threads():
    return {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
