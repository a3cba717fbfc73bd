"""Without the reference: estimates by what was stored at release, and no verdict where they disagree."""

import shutil
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from autograder.authoring import calibration
from autograder.course.catalogue import load
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.measuring import speed, timing, yardstick
from autograder.report import Growth, Pace, Status
from autograder.submission import Submission
from dlkit.extraction import Extraction, take

OLD = "return array_module(x).clip(x, 0, np.inf)"
"""A line of ReLU's reference."""
ONLY = frozenset({"Softmax"})


@pytest.fixture(scope="module")
def released(root, tmp_path_factory):
    """A student's machine: the released folder alone."""
    folder = tmp_path_factory.mktemp("student")
    shutil.copytree(root / "assignments" / "02_layers", folder / "assignments" / "02_layers")
    return folder


@pytest.fixture
def verdicts(released, root, zygote):
    """Grade Softmax, with these methods in place of the reference's, on the student's machine; by check."""
    author = load("02_layers", root)
    exercise = author.assignment.exercise("Softmax")

    def grade(methods=""):
        loaded = load("02_layers", released)
        assert not loaded.official
        chunks = [
            replace(chunk, source=exercise.varied(chunk.source, methods)) if "Softmax" in chunk.defines else chunk
            for chunk in author.reference.chunks
        ]
        grader = Grader(loaded, zygote, Options(seed=3, only=ONLY))
        return {
            v.check: v for v in grader.grade(Submission("l.py", Extraction(tuple(chunks)), "")).exercises[0].verdicts
        }

    return grade


def test_the_reference_is_about_as_fast_as_itself(verdicts):
    found = verdicts()
    fast, lean = found["fast enough"], found["sparing with memory"]
    assert fast.status in (Status.PASSED, Status.INCONCLUSIVE)
    assert fast.measurement.estimated
    assert len(fast.measurement.pairs) == len(yardstick.PIECES)
    assert fast.measurement.low < 2
    assert lean.status is Status.PASSED
    assert lean.measurement.estimated


WASTEFUL = """
def forward(self, x):
    for _ in range(400):
        e = array_module(x).exp(x - x.max(axis=self.axis, keepdims=True))
    self.y = e / e.sum(axis=self.axis, keepdims=True)
    return self.y
"""


def test_a_loop_is_too_slow_by_every_yardstick(verdicts):
    verdict = verdicts(WASTEFUL)["fast enough"]
    assert verdict.status is Status.FAILED
    assert verdict.measurement.estimated
    assert verdict.measurement.low > verdict.measurement.limit
    assert "Python loop" in verdict.sentence


def test_a_whole_jacobian_is_too_much_beside_the_stored_peak(verdicts, root):
    bulky = load("02_layers", root).assignment.exercise("Softmax").variants["bulky"]
    verdict = verdicts(bulky)["sparing with memory"]
    assert verdict.status is Status.FAILED
    assert verdict.measurement.estimated


RAISES = """
def forward(self, x):
    if x.size > 3000:
        raise ValueError("this is a lot")
    e = array_module(x).exp(x - x.max(axis=self.axis, keepdims=True))
    self.y = e / e.sum(axis=self.axis, keepdims=True)
    return self.y
"""


def test_what_raises_while_it_is_measured_has_failed_and_not_the_grader(verdicts):
    for name in ("fast enough", "sparing with memory"):
        verdict = verdicts(RAISES)[name]
        assert verdict.status is Status.FAILED
        assert verdict.sentence.startswith("while measured: ")
        assert "this is a lot" in verdict.sentence


def test_growth_needs_no_reference_and_mentions_none(root, tmp_path, zygote):
    name = "01_foundations"
    shutil.copytree(root / "assignments" / name, tmp_path / "assignments" / name)
    work = Submission("f.py", load(name, root).reference, "")
    report = Grader(load(name, tmp_path), zygote, Options(seed=3, only=frozenset({"pairwise_distances"}))).grade(work)
    verdict = next(v for v in report.exercises[0].verdicts if isinstance(v.measurement, Growth))
    assert verdict.status is Status.PASSED
    assert verdict.measurement.costs
    assert (verdict.measurement.reference, verdict.measurement.reference_costs) == (0, [])


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"exercises": 3}', b'{"exercises": {"Softmax": {}}}'])
def test_without_stored_figures_it_is_left_to_the_grading(verdicts, released, content):
    path = released / "assignments" / "02_layers" / yardstick.FILE
    kept = path.read_bytes()
    try:
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        found = verdicts()
    finally:
        path.write_bytes(kept)
    for name, part in (("fast enough", "speed"), ("sparing with memory", "memory")):
        assert found[name].status is Status.SKIPPED
        assert found[name].sentence == f"{part} is measured when the work is graded, against the reference"


@pytest.mark.parametrize(
    ("costs", "pace"),
    [((1.0, 1.1), Pace.UNDER), ((9.0, 8.0), Pace.OVER), ((1.0, 9.0), Pace.OPEN)],
    ids=["both under", "both over", "they differ"],
)
def test_only_what_every_yardstick_says_counts(costs, pace, root, monkeypatch):
    rng = np.random.default_rng(0)
    made = {
        piece: [list(cost * rng.normal(2.0, 0.02, size=5)) for _ in range(3)]
        for piece, cost in zip(("matmul", "exp"), costs, strict=True)
    }
    monkeypatch.setattr(yardstick, "ratios", lambda *_: made)
    check = load("02_layers", root).assignment.exercise("Softmax").find("fast enough")
    figures = speed.estimate(check.budget, check, None, {"matmul": 2.0, "exp": 2.0, "copy": 0.0})
    assert figures.pace is pace
    assert figures.low < figures.ratio < figures.high


# --- at release ------------------------------------------------------------------------------


@pytest.fixture
def course(root, tmp_path):
    """A course of which one assignment can be changed."""
    for part in ("solutions", "assignments"):
        shutil.copytree(root / part / "02_layers", tmp_path / part / "02_layers")
    return tmp_path


def test_the_committed_figures_are_of_the_references_here(root):
    for name in ("02_layers", "03_losses"):
        assert not calibration.is_stale(load(name, root))


def test_figures_of_another_reference_are_measured_again_and_the_others_kept(course, monkeypatch):
    path = course / "assignments" / "02_layers" / yardstick.FILE
    before = yardstick.read(path.parent)
    source = course / "solutions" / "02_layers" / "layers.py"
    text = source.read_text()
    assert text.count(OLD) == 1
    source.write_text(text.replace(OLD, "return x * self.positive"))
    loaded = load("02_layers", course)
    assert calibration.is_stale(loaded)
    monkeypatch.setattr(timing, "WORKER_PAIRS", 1)
    assert calibration.refresh(loaded)
    after = yardstick.read(path.parent)
    assert after.find("ReLU", "fast enough").of != before.find("ReLU", "fast enough").of
    assert after.find("Linear", "fast enough") == before.find("Linear", "fast enough")
    assert not calibration.refresh(loaded)


def test_figures_that_nothing_measures_any_more_go(course):
    path = course / "assignments" / "02_layers" / yardstick.FILE
    stored = yardstick.read(path.parent)
    left = yardstick.Stored("0123", {"exp": 1.0})
    path.write_bytes(
        msgspec.json.encode(msgspec.structs.replace(stored, exercises={**stored.exercises, "Gone": {"fast": left}}))
    )
    loaded = load("02_layers", course)
    assert calibration.is_stale(loaded)
    assert calibration.refresh(loaded)
    assert yardstick.read(path.parent) == stored


def test_the_pieces_run_and_give_what_they_say(zygote):
    names = {}
    exec(yardstick.SOURCE, names)  # noqa: S102 - our own text
    a, x = np.eye(3, dtype="float32"), np.zeros(100_000, "float32")
    found = [names[f"yardstick_{piece}"](a, x) for piece in yardstick.PIECES]
    assert np.array_equal(found[0], a)
    assert np.array_equal(found[1], np.ones(100_000))
    assert np.array_equal(found[2], x)
    assert found[3] == pytest.approx(0.5 * 3999 * 4000 / 2)
    assert take([("yardsticks", 1, yardstick.SOURCE)]).broken == ()
