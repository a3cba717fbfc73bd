"""How layers with two modes and layers that draw numbers are checked, and what incorrect ones get to read."""

import re
from dataclasses import replace

import numpy as np
import pytest

from autograder.checks import Case, LayerExercise, Modes, Points, Rng
from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.subject import LocalSubject
from autograder.submission import Submission
from dlkit import Layer, asarray, zeros
from dlkit.extraction import Extraction
from tests.autograder.conftest import QUICK, ROOT, by_name, untimed
from tests.sampling import nightly

DIFFER, GRADIENTS = "train and eval differ", "gradients in eval match numerical differences"
FORWARD = "forward matches the reference"
WHERE_MODES = (DIFFER, "float32 stays float32 in eval", "eval stays on the device", GRADIENTS)


class Centre(Layer):
    """Subtracts the mean of the batch; in evaluation half of the running sum of means."""

    def __init__(self):
        self.total = zeros(3)

    def forward(self, x):
        mean = x.mean(axis=0)
        self.trained = self.training
        if self.training:
            self.total += mean
            return x - mean
        return x - self.total.astype(x.dtype) / 2

    def backward(self, dy):
        return dy - dy.mean(axis=0) if self.trained else dy * 1


centre = LayerExercise(
    "Centre",
    cases=lambda rng: [Case(x=rng.normal(1, 2, (n, 3))) for n in (4, 6)],
    points=Points(forward=1, backward=1),
    modes=Modes(steps=2, state=("total",)),
)


class Noise(Layer):
    """Each number, in training, is doubled or tripled."""

    def __init__(self, rng):
        self.rng = rng

    def forward(self, x):
        self.factor = asarray(2.0 + self.rng.integers(2, size=x.shape), x.dtype) if self.training else 1
        return x * self.factor

    def backward(self, dy):
        return dy * self.factor


def apart(seen, case):
    ratio = seen["y"] / case.inputs["x"]
    found = {"the smallest factor": ratio.min(), "the largest factor": ratio.max()}
    if "dx" in seen:
        found["dx / dy less y / x"] = abs(seen["dx"] / case.upstream - ratio).max()
    return found


noise = LayerExercise(
    "Noise",
    cases=lambda rng: [Case({"rng": Rng(int(rng.integers(99)))}, x=rng.normal(size=(8, n))) for n in (9, 11)],
    points=Points(forward=1, backward=1),
    modes=Modes(steps=1),
    invariant=apart,
)


def asked(check, kind, *, of=centre, right=Centre):
    """The mismatch of the first case that a class fails at one check; None where it passes."""
    reference, subject = (LocalSubject.live({of.name: each}, "") for each in (right, kind))
    check = of.find(check)
    rng = np.random.default_rng(0)
    for case in check.cases(rng, reference):
        expected = check.expect(reference, case, rng) if check.expect else check.observe(reference, case)
        with np.errstate(all="ignore"):
            found = check.judge(check.observe(subject.on(check.backend or "numpy"), case), expected, case)
        if found:
            return found
    return None


@pytest.mark.parametrize("check", [check.name for check in centre.checks])
def test_a_right_layer_passes_every_check(check):
    assert asked(check, Centre) is None


def spoil(change, base=Centre):
    """A subclass whose forward is changed in eval mode only."""

    class Spoiled(base):
        def forward(self, x):
            y = super().forward(x)
            return y if self.training else change(self, x, y)

    return Spoiled


def of_the_batch(layer, x, _y):
    return x - x.mean(axis=0)


def moves_on(layer, x, y):
    layer.total = layer.total + x.mean(axis=0)
    return y


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (of_the_batch, "y in eval"),
        (lambda _, x, _y: x * 1, "y in eval"),
        (lambda _, x, y: y if len(x) > 2 else y + 1, "y in eval, two rows alone"),
        (moves_on, "y in eval, two rows alone"),
        (
            lambda layer, x, y: (y, setattr(layer, "total", layer.total + 1))[0] if len(x) == 2 else y,
            "total after eval",
        ),
    ],
)
def test_the_first_thing_that_is_wrong_in_eval_is_named(change, name):
    assert asked(FORWARD, spoil(change)) is None
    assert asked(DIFFER, spoil(change)).name == name


def test_state_is_looked_at_after_every_training_step():
    class Late(Centre):
        steps = 0

        def forward(self, x):
            y = super().forward(x)
            self.steps += 1
            if self.steps == 2:
                self.total = self.total + 1
            return y

    assert asked(DIFFER, Late).name == "total after training step 2"


def test_a_gradient_of_the_other_mode_is_seen():
    class Through(Centre):
        def backward(self, dy):
            return dy - dy.mean(axis=0)

    assert asked("gradients match numerical differences", Through) is None
    assert asked(GRADIENTS, Through).name == "dx"


def test_float64_and_transfers_are_noticed_in_eval_only():
    wide = spoil(lambda _, _x, y: y.astype(float))
    assert asked("float32 stays float32", wide) is None
    assert asked("float32 stays float32 in eval", wide).kind == "dtype"
    assert asked("eval stays on the device", Centre) is None
    with pytest.raises(Exception, match="copies a device array"):
        asked("eval stays on the device", spoil(lambda _, _x, y: np.asarray(y)))


def test_a_layer_without_the_flag_fails_only_where_modes_are_asked_for():
    class Same(Centre):
        def forward(self, x):
            self.training, mode = True, self.training
            y = super().forward(x)
            self.training = mode
            return y

    failed = [check.name for check in centre.checks if asked(check.name, Same)]
    assert failed[0] == DIFFER
    assert set(failed[1:]) <= {name for name in WHERE_MODES if name != DIFFER}


# --- layers that draw ------------------------------------------------------------------------


@pytest.mark.parametrize("check", [check.name for check in noise.checks])
def test_another_draw_is_as_right(check):
    class Other(Noise):
        def forward(self, x):
            doubled = asarray(self.rng.random(x.shape) < 0.5) if self.training else None
            self.factor = (3 - doubled).astype(x.dtype) if self.training else 1
            return x * self.factor

    assert asked(check, Noise, of=noise, right=Noise) is None
    assert asked(check, Other, of=noise, right=Noise) is None


def test_another_draw_on_the_way_back_is_seen():
    class Twice(Noise):
        def backward(self, dy):
            return dy * (2 + self.rng.integers(2, size=dy.shape)) if self.training else dy * 1

    found = asked("gradients match numerical differences", Twice, of=noise, right=Noise)
    assert found.name == "dx / dy less y / x"


@pytest.mark.parametrize(
    ("y", "sentence"), [(None, "y is None"), (np.zeros(3), "y: expected shape"), (3, "y: expected an array")]
)
def test_where_the_invariant_cannot_be_computed_the_usual_sentence_is_given(y, sentence):
    class Odd(Noise):
        def forward(self, *_):
            return y

    assert asked(FORWARD, Odd, of=noise, right=Noise).sentence.startswith(sentence)


# --- what is said ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def regularization():
    return untimed(catalogue.load("05_regularization", ROOT), {"Dropout", "BatchNorm"})


@pytest.fixture(scope="module")
def said(regularization, zygote):
    """Grade one exercise's source without any planted mistakes; return its first failed verdict."""
    assignment = regularization.assignment
    unknown = replace(
        regularization,
        assignment=type(assignment)(
            assignment.name,
            title=assignment.title,
            exercises=[replace(exercise, mistakes=()) for exercise in assignment.exercises],
            earlier=assignment.earlier,
        ),
    )

    def run(name, *swaps):
        source = unknown.source_of(unknown.assignment.exercise(name))
        for old, new in swaps:
            assert old in source
            source = source.replace(old, new)
        chunks = [replace(c, source=source) if c.defines == (name,) else c for c in unknown.reference.chunks]
        grader = Grader(unknown, zygote, Options(seed=11, limits=QUICK))
        grader.limit_to({name})
        result = by_name(grader.grade(Submission("regularization.ipynb", Extraction(tuple(chunks)), "")))
        return next(v for v in getattr(result, name).verdicts if str(v.status) not in ("passed", "skipped"))

    return run


INVERTED = [
    ("if self.training:", "if not self.training:"),
    ("if self.training else None", "if not self.training else None"),
]


@pytest.mark.parametrize(
    ("name", "swaps", "check", "pattern"),
    [
        ("BatchNorm", INVERTED, FORWARD, "training and eval swapped"),
        ("BatchNorm", [("if self.training", "if False and self.training")], FORWARD, "eval in training"),
        ("BatchNorm", [("if self.training", "if True or self.training")], DIFFER, "training in eval"),
        ("Dropout", [("if not self.training or", "if self.training or")], FORWARD, "training and eval swapped"),
        ("Dropout", [("if not self.training or", "if True or")], FORWARD, "eval in training"),
        ("Dropout", [("if not self.training or", "if")], DIFFER, "training in eval"),
        (
            "Dropout",
            [
                ("if not self.training or", "if"),
                ("rng.random(x.shape, dtype=np.float32) >=", "rng.uniform(size=x.shape) >"),
            ],
            DIFFER,
            "training in eval",
        ),
    ],
)
def test_one_mode_taken_for_the_other_is_said(said, name, swaps, check, pattern):
    verdict = said(name, *swaps)
    assert (verdict.check, verdict.pattern) == (check, pattern)
    assert "self.training is True after train()" in verdict.hint


def test_a_scale_in_eval_is_not_taken_for_the_other_mode(said):
    verdict = said("Dropout", ("            return x\n", "            return x * (1 - self.p)\n"))
    assert verdict.check == DIFFER
    assert verdict.pattern not in ("training in eval", "training and eval swapped")


DRAW = re.compile(r"(self\.rng\.random\([^()]*(?:\([^()]*\)[^()]*)*\))")
BY_THE_DRAW = {
    "divides by the share that is kept",
    "normalizes the kept numbers",
    "writes into its input",
    "uses its own generator",
}
"""Their outcomes differ from draw to draw, whatever the invariant; the last draws no numbers that could be others."""
DROPOUT = next(e for e in catalogue.load("05_regularization", ROOT).assignment.exercises if e.name == "Dropout")


RECOGNISED = [mistake for mistake in DROPOUT.mistakes if mistake.name not in BY_THE_DRAW]


@pytest.mark.parametrize(
    "mistake",
    [m if number % 4 == 0 else nightly(m, id=m.name) for number, m in enumerate(RECOGNISED)],
    ids=lambda m: m.name,
)
def test_a_mistake_is_recognised_whatever_is_drawn(regularization, zygote, mistake):
    right = regularization.source_of(DROPOUT)
    source, count = DRAW.subn(r"(1 - \1)", mistake.apply(right, "Dropout"))
    assert count
    chunks = [replace(c, source=source) if c.defines == ("Dropout",) else c for c in regularization.reference.chunks]
    grader = Grader(regularization, zygote, Options(seed=4, limits=QUICK))
    grader.limit_to({"Dropout"})
    [result] = grader.grade(Submission("regularization.ipynb", Extraction(tuple(chunks)), "")).exercises
    first = next(v for v in result.verdicts if str(v.status) not in ("passed", "skipped"))
    assert first.mistake == mistake.name


def test_no_snippet_is_given_for_what_it_would_not_show(said):
    assert "BatchNorm(" in said("BatchNorm", ("self.scale = 1 /", "self.scale = 1.5 + 0.1 /")).snippet
    verdict = said(
        "BatchNorm", ("var = self.running_var.astype(x.dtype)", "var = 2 + self.running_var.astype(x.dtype)")
    )
    assert (verdict.check, verdict.snippet) == (DIFFER, "")
