"""Repairs: published code in place of a stub, from the spec to the student's file and back to the verdict."""

import ast
import json
from dataclasses import replace

import pytest

from autograder.authoring.audit import audit
from autograder.authoring.release import author_version, student_version
from autograder.course import catalogue
from autograder.course.repairs import NOTICE, as_published, attempted, is_published
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.report import Status
from autograder.spec import Exercise, Points, SpecError
from autograder.submission import Submission, read_submission
from dlkit.extraction import Extraction

SOURCE = '''class Counter:
    """Counts."""

    def start(self):
        return 0

    def up(self, n):
        """One more."""
        ### BEGIN SOLUTION
        def step(n):
            return n + 1

        return step(n)
        ### END SOLUTION

    def down(self, n):
        ### BEGIN SOLUTION
        return n - 1
        ### END SOLUTION
'''
PUBLISHED = {"up": "\nif n:\n    return n - 1\nreturn n\n", "down": "return n + 1"}


def counter(**published):
    return Exercise("Counter", "thing", ("up", "down"), Points(up=1, down=1), published=published or PUBLISHED)


def method(source, name):
    return next(n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef) and n.name == name)


@pytest.fixture(scope="module")
def foundations(root):
    loaded = catalogue.load("01_foundations", root)
    networks = [e for e in loaded.assignment.exercises if e.published]
    assert [e.name for e in networks] == ["SimpleNetwork", "TwoLayerNet"]
    return loaded


@pytest.fixture(scope="module")
def results(foundations, zygote):
    grader = Grader(foundations, zygote, Options(seed=5))
    grader.limit_to({"SimpleNetwork", "TwoLayerNet"})

    def grade(submission):
        return {result.name: result for result in grader.grade(submission).exercises}

    return grade


def test_every_region_becomes_the_published_body_in_its_place():
    text = as_published(SOURCE, counter())
    assert f"        {NOTICE}\n        if n:\n            return n - 1\n        return n\n\n    def down" in text
    assert text.endswith(f"    def down(self, n):\n        {NOTICE}\n        return n + 1\n")
    assert "SOLUTION" not in text
    assert "step" not in text
    assert '"""One more."""' in text


def test_a_region_of_no_part_is_the_authors_mistake():
    with pytest.raises(SpecError, match="published code for every part; 'start' has none"):
        as_published(
            SOURCE.replace("        return 0", "        ### BEGIN SOLUTION\n        ### END SOLUTION"), counter()
        )


def test_published_code_for_some_parts_only_is_refused():
    with pytest.raises(SpecError, match="Counter: a repair has published code for every part: up, down"):
        counter(up="return n")


def test_layout_comments_and_docstring_do_not_make_published_code_somebodys_work():
    text = as_published(SOURCE, counter())
    assert is_published(method(text, "up"), PUBLISHED["up"])
    assert is_published(method(text.replace("return n\n", "return (n)  # why?\n\n"), "up"), PUBLISHED["up"])
    assert not is_published(method(text.replace("if n:", "if n > 1:"), "up"), PUBLISHED["up"])
    assert not is_published(method(SOURCE, "up"), PUBLISHED["up"])
    assert not is_published(None, PUBLISHED["up"])
    assert not is_published(method(text, "up"), None)


def test_an_attempt_is_the_published_code_of_these_parts_and_the_reference_of_the_others():
    text = attempted(SOURCE, counter(), ["down"])
    assert "        pass\n        return n + 1" in text
    assert "step" in text
    assert not is_published(method(text, "down"), PUBLISHED["down"])


def test_nbgrader_releases_the_published_code_and_no_stub(foundations):
    notebook = student_version(author_version(foundations))
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    for exercise in foundations.assignment.exercises:
        source = cells[exercise.name].source
        assert ("raise NotImplementedError" in source) == (not exercise.published)
        assert source.count(NOTICE) == len(exercise.published)
        assert "SOLUTION" not in source


@pytest.mark.parametrize("suffix", [".py", ".ipynb"])
def test_what_is_released_is_not_attempted_and_earns_nothing(suffix, foundations, results):
    found = results(read_submission(foundations.released / f"foundations{suffix}", foundations))
    for result in found.values():
        assert result.status is Status.NOT_ATTEMPTED
        assert result.points == 0
    said = {verdict.sentence for verdict in found["SimpleNetwork"].verdicts}
    assert said == {"SimpleNetwork.train is still as it was published: repair it"}


def test_two_untouched_files_beside_each_other_are_no_conflict(foundations, tmp_path):
    for suffix in (".py", ".ipynb"):
        text = (foundations.released / f"foundations{suffix}").read_text()
        (tmp_path / f"foundations{suffix}").write_text(text)
    assert read_submission(tmp_path, foundations).file == "foundations.ipynb"
    repaired = (
        (tmp_path / "foundations.py").read_text().replace("self.weights += inputs", "self.weights -= 0.1 * inputs")
    )
    (tmp_path / "foundations.py").write_text(repaired)
    assert read_submission(tmp_path, foundations).file == "foundations.py"


def test_published_code_that_was_touched_is_work_and_earns_nothing(foundations, results):
    for name in ("SimpleNetwork", "TwoLayerNet"):
        exercise = foundations.assignment.exercise(name)
        source = attempted(foundations.source_of(exercise), exercise, exercise.parts)
        submission = Submission("x.py", Extraction(foundations.variant(exercise, source)), "")
        result = results(submission)[name]
        assert result.points == 0
        for part in exercise.parts:
            assert next(v for v in result.verdicts if v.part == part).status is Status.FAILED


def test_half_a_repair_is_diagnosed_as_the_half_that_is_missing(foundations, results, tmp_path):
    text = (foundations.released / "foundations.ipynb").read_text()
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        whole = "".join(cell["source"])
        if "class SimpleNetwork" in whole:
            cell["source"] = whole.replace("self.weights += inputs", "self.weights -= inputs")
        if "class TwoLayerNet" in whole:
            cell["source"] = whole.replace("np.argmax(self.forward(x), axis=1)", "np.argmax(self.forward(x), axis=-1)")
    path = tmp_path / "foundations.ipynb"
    path.write_text(json.dumps(notebook))
    found = results(read_submission(path, foundations))
    first = found["SimpleNetwork"].verdicts[0]
    assert (first.status, first.mistake) == (Status.FAILED, "has no learning rate")
    by_part = {verdict.part: verdict for verdict in reversed(found["TwoLayerNet"].verdicts)}
    assert by_part["predict"].mistake == "takes the argmax of one column"
    assert by_part["loss"].status is Status.NOT_ATTEMPTED


def test_the_audit_says_where_published_code_is_right(foundations, monkeypatch):
    exercise = foundations.assignment.exercise("SimpleNetwork")
    right = """
for _ in range(epochs):
    gradient = inputs.T @ (self.predict(inputs) - targets)
    self.weights = self.weights - learning_rate * gradient
"""
    other = replace(exercise, published={"train": right}, mistakes=exercise.mistakes[1:4])
    assignment = foundations.assignment
    harmless = replace(
        foundations,
        assignment=type(assignment)(assignment.name, title=assignment.title, exercises=[other]),
    )
    monkeypatch.setattr(catalogue, "load", lambda *_: harmless)
    failures = audit(foundations.root, ["01_foundations"], seed=1).failures
    told = [failure for failure in failures if "published" in failure]
    assert "01_foundations: SimpleNetwork: the published train is passed at “training goes down the gradient”" in told
    assert any("the published code earns 4.0 points" in failure for failure in told)
