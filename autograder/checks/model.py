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

from autograder.isolation.tree import Rng, Value, Values
from autograder.spec import Case, Check, Exercise, Extras, Observations, Points, SpecError, points_by_part
from autograder.spec.comparison import Mismatch
from autograder.subject import Subject
from dlkit.backend import NumpyArray

__all__ = ["CHARACTERS", "DISGUISES", "ModelExercise", "Score", "Task", "disguise"]

Change = Callable[[NumpyArray], NumpyArray]
"""What is done to rows."""
CHARACTERS = "characters"
"""The disguise of sequences of symbols: renumbered everywhere, in rows as well as in labels."""


@dataclass(frozen=True)
class Task:
    """Training data, and rows that the model is judged by.

    x, y: passed to the student's function; x_test, y_test: not seen before training has ended.
    """

    x: NumpyArray
    y: NumpyArray
    x_test: NumpyArray
    y_test: NumpyArray


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


def disguise(task: Task, how: str, rng: np.random.Generator) -> Task:
    """Another task, equally hard to learn, that nobody can have prepared for.

    Classes (integer labels) are renumbered; rows are changed as ``how`` of ``DISGUISES`` says, in the same way for
    training and test.  ``CHARACTERS`` renumbers the symbols of whole sequences, in all four arrays alike.
    """
    if how == CHARACTERS:
        return _in_another_alphabet(task, rng)
    y, y_test = task.y, task.y_test
    if how != "none" and np.issubdtype(np.asarray(y).dtype, np.integer):
        classes = np.unique(np.concatenate([y, y_test]))
        renumbered = rng.permutation(classes)
        y, y_test = (renumbered[np.searchsorted(classes, labels)] for labels in (y, y_test))
    change = DISGUISES[how](task.x, rng)
    return Task(change(task.x), y, change(task.x_test), y_test)


def _in_another_alphabet(task: Task, rng: np.random.Generator) -> Task:
    parts = (task.x, task.y, task.x_test, task.y_test)
    alphabet = np.unique(np.concatenate([np.ravel(part) for part in parts]))
    renumbered = rng.permutation(alphabet)
    return Task(*(renumbered[np.searchsorted(alphabet, part)] for part in parts))


def _in_another_order(x: NumpyArray, rng: np.random.Generator) -> Change:
    order = rng.permutation(x.shape[-1])
    return lambda rows: rows[..., order]


def _turned(x: NumpyArray, rng: np.random.Generator) -> Change:
    axes, _ = np.linalg.qr(rng.normal(size=(x.shape[-1],) * 2))
    return lambda rows: (rows @ axes).astype(x.dtype)


def _from_another_side(_x: NumpyArray, rng: np.random.Generator) -> Change:
    quarters, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    return lambda rows: np.rot90(rows[..., ::-1] if mirrored else rows, quarters, axes=(-2, -1)).copy()


DISGUISES: dict[str, Callable[[NumpyArray, np.random.Generator], Change]] = {
    "columns": _in_another_order,
    "rotation": _turned,
    "sides": _from_another_side,
    "labels": lambda _x, _rng: lambda rows: rows,
    "none": lambda _x, _rng: lambda rows: rows,
}
"""How rows are changed: features in another order (pixels, to a model that knows of no neighbours), all turned in
space (points), images turned by quarters and mirrored (square ones, to a model that looks at neighbours), or only the
labels, or nothing (where the disguise would change what is to be learned)."""


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
    arguments: Values | None = None,
    **extras: Unpack[Extras],
) -> Exercise:
    """Make a capstone: ``name(x, y, *, rng)`` returns a trained model.

    cpu_s: CPU seconds that one training may take; state them in the notebook.
    disguised: how each seed's data are disguised: one of ``DISGUISES``, or ``CHARACTERS``.
    accuracy: share of unseen rows that the model's ``forward`` must classify correctly.  One training that reaches it
    is enough; after a miss there are others, up to ``seeds`` in all.
    score: what is required instead of an accuracy.  Of several arrays (outputs and a state) the first is judged.
    State beside the exercise over how many seeds either was measured, and with what margin.
    """
    judged: Callable[[Value, NumpyArray], Mismatch | None]
    if accuracy is not None and score is None:
        goal, judged = f"{100 * accuracy:.3g} %", partial(_judge_accuracy, accuracy)
    elif score is not None and accuracy is None:
        goal, judged = f"{score.words.format(score.at_most)} or less", score.judge
    else:
        message = f"{name}: a capstone is judged by its accuracy or by a score: give one of the two"
        raise SpecError(message)
    sentence = f"reaches {goal} on unseen data"

    def draw(rng: np.random.Generator, _reference: Subject) -> list[Case]:
        cases = []
        for _ in range(seeds):
            data = disguise(task(rng), disguised, rng)
            case = Case(dict(arguments or {}), x=data.x, y=data.y)
            hidden = {"seed": int(rng.integers(1 << 31)), "x": data.x_test, "y": data.y_test}
            cases.append(case.with_changes(hidden=hidden))
        return cases

    def observe(subject: Subject, case: Case) -> Observations:
        model = subject.keep(name, *case.inputs.values(), **case.arguments, rng=Rng(case.hidden["seed"]))
        model.call("eval")
        outputs = model.call("forward", case.hidden["x"])
        return {"scores": outputs[0] if isinstance(outputs, tuple) and outputs else outputs}

    def expect(_reference: Subject, case: Case, _rng: np.random.Generator) -> Observations:
        return {"labels": case.hidden["y"]}

    def judge(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
        del case
        return judged(observed["scores"], expected["labels"])

    check = Check(sentence, name, 1.0, draw, observe, judge, expect=expect, needs=(name,), capstone=True, cpu_s=cpu_s)
    return Exercise(name, "model", (name,), points_by_part(name, points), [check], **extras)
