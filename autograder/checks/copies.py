"""Capstones that are judged by a copy of the trained network, which the grader makes of its arrays.

Dense   the prescribed architecture; a copy of it has its own forward and its own gradients
Attack  accuracy under attack: the grader attacks its copy, so that the student's gradients play no part
Stored  a model that is returned as it would be stored: its size is counted, and the grader unpacks it
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from autograder.isolation.tree import Value, Values
from autograder.spec import Observations
from autograder.spec.comparison import Mismatch
from autograder.subject import Instance
from dlkit.backend import NumpyArray

__all__ = ["Attack", "Copy", "Dense", "Stored", "UnpackError", "count_bytes", "first_output"]

AGREE_TO = 1e-3
"""How far a model's scores may lie from those of the copy, as a share of the largest."""
NUMBER = 8
"""Bytes of a single number."""
FAULTS = (ArithmeticError, AttributeError, IndexError, KeyError, MemoryError, TypeError, ValueError)
"""What unpacking may raise when what is stored has another form."""


class UnpackError(ValueError):
    """What is stored has another form than it should have; the message is for students."""


@dataclass(frozen=True)
class Copy:
    """Affine maps with ReLU between them, in float64: W (in, out) and b (out,) of each."""

    layers: Sequence[tuple[NumpyArray, NumpyArray]]

    def forward(self, x: NumpyArray) -> NumpyArray:
        """Scores (rows, classes) of rows (rows, features)."""
        return self._values(x)[-1]

    def _values(self, x: NumpyArray) -> list[NumpyArray]:
        values = [x.astype(float)]
        for number, (W, b) in enumerate(self.layers):  # noqa: N806 - as in formulas
            values.append((values[-1] if number == 0 else np.maximum(values[-1], 0)) @ W + b)
        return values

    def gradient(self, x: NumpyArray, at_scores: Callable[[NumpyArray], NumpyArray]) -> NumpyArray:
        """The gradient at x; at_scores: the gradient at the scores, of the scores."""
        values = self._values(x)
        dy = at_scores(values[-1])
        for number in reversed(range(len(self.layers))):
            dy = dy @ self.layers[number][0].T
            if number:
                dy = dy * (values[number] > 0)
        return dy


@dataclass(frozen=True)
class Dense:
    """The architecture that a model has to have: linear layers with ReLU between them.

    sizes: features of the input, of each hidden layer, and of the output.
    """

    sizes: tuple[int, ...]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters in their order: W, b of each layer."""
        return [shape for n_in, n_out in pairwise(self.sizes) for shape in ((n_in, n_out), (n_out,))]

    def copied(self, parameters: Values) -> Copy | Mismatch:
        """A network with these arrays (by path, in their order), or what is wrong with them."""
        arrays = list(parameters.values()) if isinstance(parameters, dict) else []
        found = [getattr(each, "shape", None) for each in arrays]
        if found != self.shapes:
            wanted, got = (", ".join(map(str, each)) or "none" for each in (self.shapes, found))
            text = f"the model's parameters: expected shapes {wanted}, in this order, got {got}"
            return Mismatch("structure", "the parameters", text)
        if not all(isinstance(each, np.ndarray) and each.dtype.kind in "iuf" and _finite(each) for each in arrays):
            return Mismatch("value", "the parameters", "the model's parameters: expected finite real numbers")
        numbers = [np.asarray(each, float) for each in arrays]
        return Copy(list(zip(numbers[::2], numbers[1::2], strict=True)))


def _finite(array: NumpyArray) -> bool:
    return bool(np.isfinite(array).all())


@dataclass(frozen=True)
class Attack:
    """What is required of a model under attack: its parameters are copied, and the copy is attacked.

    network: the model's architecture; x holds rows of numbers from 0 to 1;
    eps: how far any number may be changed; at_least: the share of rows that have to be classified correctly;
    rows: how many unseen rows are attacked; steps: of each attack.
    There are two projected attacks, by the margin between the true class and the next and by the cross-entropy of
    scores that are scaled to be neither sure nor unsure. A row counts if both attacks fail, and every step of them.
    """

    network: Dense
    eps: float
    at_least: float
    rows: int = 500
    steps: int = 20

    def observe(self, model: Instance, scores: Value, case_x: NumpyArray, labels: NumpyArray) -> Observations:
        """Copy the model, attack the copy, and ask the model about the attacked rows."""
        copy = self.network.copied(model.parameters())
        if isinstance(copy, Mismatch):
            return {"copy": copy.sentence}
        x, y = case_x[: self.rows], labels[: self.rows]
        changed, survived = self.attacked(copy, x, y)
        answers = model.call("forward", changed)
        same = _agree(scores, copy.forward(case_x)) and _agree(first_output(answers), copy.forward(changed))
        return {"copy": "", "agree": same, "survived": survived}

    def attacked(self, copy: Copy, x: NumpyArray, y: NumpyArray) -> tuple[NumpyArray, float]:
        """Rows with the worst that was found for each, in the dtype of x; and the share of rows that survived."""
        rng = np.random.default_rng(0)
        lowest, highest = np.maximum(x - self.eps, 0), np.minimum(x + self.eps, 1)
        worst, survives = x.copy(), copy.forward(x).argmax(axis=1) == y
        for at_scores in (_margin(y), _cross_entropy(y)):
            start: NumpyArray = np.add(x, rng.uniform(-self.eps, self.eps, x.shape))
            here = np.clip(start.astype(x.dtype), lowest, highest)
            for step in range(self.steps + 1):
                fooled = survives & (copy.forward(here).argmax(axis=1) != y)
                worst[fooled], survives = here[fooled], survives & ~fooled
                if step < self.steps:
                    signs: NumpyArray = np.sign(copy.gradient(here, at_scores))
                    moved: NumpyArray = np.add(here, 2.5 * self.eps / self.steps * signs)
                    here = np.clip(moved.astype(x.dtype), lowest, highest)
        return worst, float(survives.mean())

    def judge(self, observed: Observations) -> Mismatch | None:
        """Require the prescribed network; the accuracy under attack comes last."""
        if observed.get("copy"):
            return Mismatch("structure", "the parameters", observed["copy"])
        if not observed.get("agree"):
            layers = ", ReLU, ".join(f"Linear({a}, {b})" for a, b in pairwise(self.network.sizes))
            text = f"the model's scores are not those of {layers} with the model's parameters"
            return Mismatch("structure", "scores", text)
        return None

    def judge_survived(self, observed: Observations) -> Mismatch | None:
        """Require the accuracy under attack."""
        survived = float(observed["survived"])
        if survived >= self.at_least:
            return None
        text = (
            f"under attack (ε = {self.eps:g}) the model classifies {100 * survived:.1f} % of the unseen rows "
            f"correctly; {100 * self.at_least:.3g} % required. The attack uses gradients of its own"
        )
        return Mismatch("accuracy", "scores", text, error=self.at_least - survived)


def first_output(outputs: Value) -> Value:
    """The first of several outputs (and a state), or the only one."""
    return outputs[0] if isinstance(outputs, tuple) and outputs else outputs


def _agree(found: Value, expected: NumpyArray) -> bool:
    """Whether scores are those of the copy, up to the rounding errors of float32."""
    if not isinstance(found, np.ndarray) or found.shape != expected.shape or not np.isrealobj(found):
        return False
    return bool(abs(found - expected).max() <= AGREE_TO * max(1.0, abs(expected).max()))


def _margin(y: NumpyArray) -> Callable[[NumpyArray], NumpyArray]:
    """The gradient of the best other score minus the true one: it does not vanish where a model is sure."""

    def at_scores(scores: NumpyArray) -> NumpyArray:
        rows = np.arange(len(y))
        others = scores.copy()
        others[rows, y] = -np.inf
        dy = np.zeros_like(scores)
        dy[rows, others.argmax(axis=1)] = 1
        dy[rows, y] -= 1
        return dy

    return at_scores


def _cross_entropy(y: NumpyArray) -> Callable[[NumpyArray], NumpyArray]:
    """The gradient of the cross-entropy of scores whose spread is scaled to 1, the scale being held."""

    def at_scores(scores: NumpyArray) -> NumpyArray:
        scaled = (scores - scores.max(axis=1, keepdims=True)) / np.maximum(scores.std(axis=1, keepdims=True), 1e-300)
        e = np.exp(scaled)
        dy: NumpyArray = e / e.sum(axis=1, keepdims=True)
        dy[np.arange(len(y)), y] -= 1
        return dy

    return at_scores


@dataclass(frozen=True)
class Stored:
    """What is required of a model that is returned as it would be stored: arrays in lists and dicts.

    at_most: bytes of all arrays together, a single number counting for eight, a text for its bytes;
    unpack(stored): makes a function of it that takes rows and gives their scores; where the form is incorrect it
    raises UnpackError with a sentence for students.
    """

    at_most: int
    unpack: Callable[[Value], Callable[[NumpyArray], NumpyArray]]

    def observe(self, stored: Value, x: NumpyArray) -> Observations:
        """The size, and the scores that the grader's own unpacking gives."""
        found = {"bytes": count_bytes(stored)}
        try:
            with np.errstate(all="ignore"):
                return {**found, "scores": self.unpack(stored)(x)}
        except FAULTS as error:
            said = str(error) if isinstance(error, UnpackError) else "it does not have the form that the text describes"
            return {**found, "form": said}

    def judge(self, observed: Observations) -> Mismatch | None:
        """Require the form and the size."""
        if "form" in observed:
            return Mismatch("structure", "what is stored", f"what is stored cannot be unpacked: {observed['form']}")
        if observed["bytes"] > self.at_most:
            text = f"what is stored takes {observed['bytes']:,} bytes; {self.at_most:,} or fewer are required"
            return Mismatch("structure", "what is stored", text)
        return None


def count_bytes(value: Value) -> int:
    """Bytes of everything in it as it would be stored; keys of dicts are free."""
    if isinstance(value, dict):
        return sum(count_bytes(each) for each in value.values())
    if isinstance(value, list | tuple):
        return sum(count_bytes(each) for each in value)
    if isinstance(value, np.ndarray | np.generic):
        return value.nbytes
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    return 0 if value is None else NUMBER
