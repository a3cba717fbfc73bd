"""ModelExercise: a capstone; a function that trains a model from given data and a given seed.

The worker trains; the grader process sends fresh test rows only after training, and counts itself.  Every seed
disguises the data in its own way, so that weights or rows typed into the source fit nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Unpack

import numpy as np

from autograder.checks.copies import Attack, Stored, first_output
from autograder.checks.disguises import Task, disguise
from autograder.isolation.tree import Rng, Value, Values
from autograder.spec import Case, Check, Exercise, Extras, Observations, Points, SpecError, points_by_part
from autograder.spec.comparison import Mismatch
from autograder.subject import Subject
from dlkit.backend import NumpyArray

__all__ = ["ModelExercise", "Score"]


@dataclass(frozen=True)
class Score:
    """What is required of a model that is not judged by accuracy: a number for which lower is better.

    words: how a sentence reports the number: ``"{:.3g} bits per character"``;  at_most: its limit;
    shape(truth): the required shape of the model's outputs, −1 for any length;
    measure(outputs, truth): the number, for real outputs of that shape.  NaN never passes.
    """

    words: str
    at_most: float
    shape: Callable[[NumpyArray], tuple[int, ...]]
    measure: Callable[[NumpyArray, NumpyArray], float]

    def judge(self, outputs: Value, truth: NumpyArray) -> Mismatch | None:
        """Require outputs of the expected shape, and their number within the limit."""
        wanted = self.shape(truth)
        found: tuple[int, ...] = getattr(outputs, "shape", ())
        if not _fits(found, wanted) or not np.isrealobj(outputs):
            what = f"an array of shape {found}" if found else f"a {type(outputs).__name__}"
            axes = ", ".join("any" if n < 0 else str(n) for n in wanted)
            return Mismatch("shape", "outputs", f"the model's forward: expected shape ({axes}), got {what}")
        with np.errstate(all="ignore"):
            reached = float(self.measure(outputs, truth))
        if reached <= self.at_most:
            return None
        seen, limit = self.words.format(reached), self.words.format(self.at_most)
        text = f"the model has {seen} on unseen data; {limit} or less is required"
        return Mismatch("accuracy", "outputs", text, error=reached - self.at_most)


def _judge_accuracy(wanted: float, scores: Value, labels: NumpyArray) -> Mismatch | None:
    """Require one score per class, the correct class's being the highest in the required share of rows."""
    shape: tuple[int, ...] = getattr(scores, "shape", ())
    if len(shape) != 2 or shape[0] != len(labels) or not shape[1]:  # noqa: PLR2004
        what = f"an array of shape {shape}" if shape else f"a {type(scores).__name__}"
        return Mismatch("shape", "scores", f"the model's forward: expected shape ({len(labels)}, classes), got {what}")
    reached = float((np.argmax(scores, axis=1) == labels).mean())
    if not np.isfinite(scores).all() or reached < wanted:
        text = f"the model classifies {100 * reached:.1f} % of the unseen rows correctly; {100 * wanted:.3g} % required"
        return Mismatch("accuracy", "scores", text, error=wanted - reached)
    return None


def _fits(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return len(found) == len(wanted) and all(n == m or (m < 0 < n) for n, m in zip(found, wanted, strict=True))


NOT_LINEAR = Mismatch(
    "linear",
    "scores",
    "the model's scores are not a linear function of its input: its answers to blends of the unseen rows are not the "
    "blends of its answers; return one linear layer, x W + b",
)


LINEAR_TO = 1e-3
"""How far scores of blends may lie from blends of scores, as a share of the largest."""


def shares(count: int, rng: np.random.Generator) -> NumpyArray:
    """Draw the shares of rows in as many blends: an orthogonal matrix each of whose rows adds up to 1."""
    ones = np.full((count, 1), count**-0.5)
    rest, _ = np.linalg.qr(np.hstack([ones, rng.normal(size=(count, count - 1))]))
    turn, _ = np.linalg.qr(rng.normal(size=(count - 1, count - 1)))
    found: NumpyArray = ones @ ones.T + rest[:, 1:] @ turn @ rest[:, 1:].T
    return found


def blended(rows: NumpyArray, shared: NumpyArray) -> NumpyArray:
    """As many blends of rows: an affine model's answers are blended alike, and no other's: the shares are not sent."""
    flat = rows.reshape(len(rows), -1)
    return (shared @ flat).reshape(rows.shape).astype(rows.dtype)


def are_blended(found: Value, scores: NumpyArray, shared: NumpyArray) -> bool:
    """Whether these are blends of the scores, up to the rounding errors of float32: only of an affine model."""
    if not isinstance(found, np.ndarray) or found.shape != scores.shape or not np.isrealobj(found):
        return False
    expected = shared @ scores
    return bool(abs(found - expected).max() <= LINEAR_TO * max(1.0, abs(expected).max()))


@dataclass(frozen=True)
class _Goal:
    """What a capstone has to reach: words, the judge of its outputs, and what else is required of the model."""

    words: str
    judged: Callable[[Value, NumpyArray], Mismatch | None]
    linear: bool
    attacked: Attack | None
    stored: Stored | None

    @property
    def sentence(self) -> str:
        """The goal as students read it."""
        attack = f", {100 * self.attacked.at_least:.3g} % of them under attack" if self.attacked else ""
        size = f" in {self.stored.at_most:,} bytes" if self.stored else ""
        return f"reaches {self.words} on unseen data{attack}{size}"

    def observe(self, name: str, subject: Subject, case: Case) -> Observations:
        """Train, and see what the model, or its copy, does with unseen rows."""
        hidden, given = case.hidden, {**case.arguments, "rng": Rng(case.hidden["seed"])}
        if self.stored:
            return self.stored.observe(subject.run(name, *case.inputs.values(), **given), hidden["x"])
        model = subject.keep(name, *case.inputs.values(), **given)
        model.call("eval")
        found = {"scores": first_output(model.call("forward", hidden["x"]))}
        if self.linear:
            found["of blends"] = first_output(model.call("forward", blended(hidden["x"], hidden["shares"])))
        if self.attacked:
            found |= self.attacked.observe(model, found["scores"], hidden["x"], hidden["y"])
        return found

    def judge(self, observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
        """Judge the form, then what was reached on unseen rows, then the rest."""
        form = next((each.judge(observed) for each in (self.stored, self.attacked) if each), None)
        missed = form or self.judged(observed["scores"], expected["labels"])
        if missed:
            return missed
        if self.attacked:
            return self.attacked.judge_survived(observed)
        if self.linear and not are_blended(observed["of blends"], observed["scores"], case.hidden["shares"]):
            return NOT_LINEAR
        return None


def _goal(
    name: str,
    accuracy: float | None,
    score: Score | None,
    *,
    linear: bool,
    attacked: Attack | None,
    stored: Stored | None,
) -> _Goal:
    """What a capstone has to reach; SpecError where its author asks for what does not go together."""
    if (linear or attacked) and accuracy is None:
        which = "linear=True" if linear else "attacked="
        message = f"{name}: {which} is for a capstone that is judged by its accuracy"
        raise SpecError(message)
    if sum(map(bool, (linear, attacked, stored))) > 1:
        message = f"{name}: give only one of linear=True, attacked= and stored="
        raise SpecError(message)
    if accuracy is not None and score is None:
        return _Goal(f"{100 * accuracy:.3g} %", partial(_judge_accuracy, accuracy), linear, attacked, stored)
    if score is not None and accuracy is None:
        return _Goal(f"{score.words.format(score.at_most)} or less", score.judge, linear, attacked, stored)
    message = f"{name}: a capstone is judged by its accuracy or by a score: give one of the two"
    raise SpecError(message)


def ModelExercise(  # noqa: N802 - reads as the class of exercise that it makes
    name: str,
    *,
    task: Callable[[np.random.Generator], Task],
    accuracy: float | None = None,
    score: Score | None = None,
    points: Points | float | None = None,
    seeds: int = 3,
    cpu_s: float = 20.0,
    disguised: str = "columns",
    linear: bool = False,
    attacked: Attack | None = None,
    stored: Stored | None = None,
    arguments: Values | None = None,
    **extras: Unpack[Extras],
) -> Exercise:
    """Make a capstone: ``name(x, y, *, rng)`` returns a trained model.

    cpu_s: CPU seconds that one training may take; state them in the notebook.
    disguised: how each seed's data are disguised: one of ``DISGUISES``, or ``CHARACTERS``; take a continuous change
    (``rotation``, ``warp``, ``mixed columns``) wherever the data allow it.
    accuracy: share of unseen rows that the model's ``forward`` must classify correctly.  One training that reaches it
    is enough; after a miss there are others, up to ``seeds`` in all.
    linear: the model has to be one linear layer, W and b: its answers to blends of the unseen rows must be the blends
    of its answers.  In which shares the rows are blended is drawn, and is not sent.
    attacked: the model has to be of this architecture, and classify unseen rows correctly under the grader's attack.
    stored: the function returns the model as it would be stored, whose bytes are counted and which the grader unpacks.
    score: what is required instead of an accuracy.  Of several arrays (outputs and a state) the first is judged.
    State beside the exercise over how many seeds either was measured, and with what margin.
    """
    goal = _goal(name, accuracy, score, linear=linear, attacked=attacked, stored=stored)

    def draw(rng: np.random.Generator, _reference: Subject) -> list[Case]:
        cases = []
        for _ in range(seeds):
            data = disguise(task(rng), disguised, rng)
            case = Case(dict(arguments or {}), x=data.x, y=data.y)
            hidden = {"seed": int(rng.integers(1 << 31)), "x": data.x_test, "y": data.y_test}
            if linear:  # from a seed of its own: the other one is sent
                hidden["shares"] = shares(len(data.x_test), rng)
            cases.append(case.with_changes(hidden=hidden))
        return cases

    def expect(_reference: Subject, case: Case, _rng: np.random.Generator) -> Observations:
        return {"labels": case.hidden["y"]}

    check = Check(
        goal.sentence, name, 1.0, draw, partial(goal.observe, name), goal.judge, expect=expect, needs=(name,),
        capstone=True, cpu_s=cpu_s,
    )  # fmt: skip
    return Exercise(name, "model", (name,), points_by_part(name, points), [check], **extras)
