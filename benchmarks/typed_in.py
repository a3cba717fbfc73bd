"""What a capstone gives to code that trains nothing: typed-in classifiers with a search, and counts of characters.

The classifiers were trained elsewhere on the published digits, and rounded to one character per weight.  On a seed's
data they search over angles, mirrors, slants, stretches and shifts by the training labels, for some seconds.  How far
they get is to stay below the capstone's bound, in each of its seeds.  The counts are smoothed as by Kneser and Ney.
"""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from autograder.checks import disguises
from autograder.course import catalogue
from autograder.course.answers import generator
from autograder.spec import Case
from benchmarks.table import ROOT, Grid
from dlkit.backend import NumpyArray
from dlkit.datasets import mnist

IMAGES = (("05_regularization", "train_rescued", 0.905), ("06_convolution", "train_cnn", 0.97),
          ("07_recurrent", "train_row_reader", 0.93))  # fmt: skip
LANGUAGE = ("07_recurrent", "train_language_model", 1.0)
SEARCHED_ROWS = 500
LEVELS = 45
"""Sizes of a rounded weight, in each direction: 91 characters can be typed."""
SIDE = 28


def cases_of(assignment: str, name: str) -> list[Case]:
    """The seeds of one grading of a capstone."""
    loaded = catalogue.load(assignment, ROOT)
    [check] = loaded.assignment.exercise(name).checks
    return check.cases(generator(0, assignment, name, check.name), loaded.subject(loaded.assignment.exercise(name)))


def resampled(images: NumpyArray, turn: NumpyArray, shift: NumpyArray) -> NumpyArray:
    """Images (count, 1, 28, 28) as they look after a linear map of the plane and a shift."""
    half = (SIDE - 1) / 2
    places = np.stack(np.meshgrid(np.arange(SIDE) - half, np.arange(SIDE) - half, indexing="ij"))
    origins = np.einsum("ij,jhw->ihw", turn, places) + half + shift[:, None, None]
    flat = images.reshape(len(images), -1)
    blend = disguises._blend(origins, SIDE, SIDE)  # noqa: SLF001 - the very interpolation that is to be undone
    seen: NumpyArray = np.sum([weight * flat[:, pixel] for pixel, weight in blend], axis=0)
    return seen.reshape(images.shape).astype(np.float32)


def typed_in(kind: str, *, quick: bool) -> Any:
    """A model as a cheat prepares it, made of the references' layers: ``linear``, or ``convolutional``."""
    loaded = catalogue.load("06_convolution", ROOT)
    made = loaded.subject(loaded.assignment.exercise("train_cnn"))._executor.names  # noqa: SLF001
    layer = {name: made[name] for name in ("Conv2d", "MaxPool2d", "Flatten", "Linear", "ReLU", "Sequential", "Adam")}
    rng, loss = np.random.default_rng(0), made["SoftmaxCrossEntropy"]()
    if kind == "linear":
        layers = [layer["Flatten"](), layer["Linear"](SIDE * SIDE, 10, rng=rng)]
    else:
        first = [layer["Conv2d"](1, 4, 5, rng=rng), layer["ReLU"](), layer["MaxPool2d"](2)]
        second = [layer["Conv2d"](4, 8, 5, rng=rng), layer["ReLU"](), layer["MaxPool2d"](2)]
        layers = [*first, *second, layer["Flatten"](), layer["Linear"](128, 10, rng=rng)]
    model = layer["Sequential"](layers)
    model.astype("float32")
    optimizer, data = layer["Adam"](model.parameters()), mnist()
    x, y = np.concatenate([data.x_train, data.x_test])[:, None], np.concatenate([data.y_train, data.y_test])
    steps = 50 if quick else 1920
    for step in range(steps):
        rows = rng.integers(len(x), size=50)
        images = x[rows] if kind == "linear" else resampled(x[rows], turned(rng.normal(0, [0.1, 0, 0.05, 0.05])),
                                                            rng.uniform(-1, 1, size=2))  # fmt: skip
        loss.forward(model.forward(images), y[rows])
        model.zero_grad()
        model.backward(loss.backward())
        optimizer.lr = 0.004 * (1 - step / steps)
        optimizer.step()
    for parameter in model.parameters():
        size = abs(parameter.data).max() / LEVELS
        parameter.data[...] = np.round(parameter.data / size) * size
    model.eval()
    return model


def turned(numbers: NumpyArray, mirrored: int = 1) -> NumpyArray:
    """The map of an angle, a slant, and the logarithms of two stretches."""
    angle, slant, one, other = numbers
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    slanted: NumpyArray = (
        rotation @ np.array([[1, slant], [0, 1]]) @ np.diag([mirrored * math.exp(one), math.exp(other)])
    )
    return slanted


def matched(found: NumpyArray, labels: NumpyArray) -> tuple[float, NumpyArray]:
    """The share of labels that fit what was found under the best renumbering, pair by pair, and that renumbering."""
    pairs, numbering, fitting = np.zeros((10, 10)), np.zeros(10, int), 0.0
    np.add.at(pairs, (found, labels), 1)
    for _ in range(10):
        one, other = np.unravel_index(pairs.argmax(), pairs.shape)
        fitting += pairs[one, other]
        numbering[one] = other
        pairs[one], pairs[:, other] = -1, -1
    return fitting / len(labels), numbering


def searched(model: Any, case: Case, seconds: float) -> float:
    """The accuracy on unseen rows after a search by the training labels."""
    rng = np.random.default_rng(1)
    x, y = case.inputs["x"][:SEARCHED_ROWS].reshape(-1, 1, SIDE, SIDE), case.inputs["y"][:SEARCHED_ROWS]

    def tried(numbers: NumpyArray, mirrored: int) -> tuple[float, NumpyArray, NumpyArray, int]:
        found = model.forward(resampled(x, turned(numbers[:4], mirrored), numbers[4:])).argmax(axis=1)
        return (*matched(found, y), numbers, mirrored)

    angles = np.arange(0, 2 * math.pi, math.pi / 18)
    starts = [(np.array([angle, 0, -0.1, -0.1, 0, 0]), mirrored) for angle in angles for mirrored in (1, -1)]
    best = max((tried(*start) for start in starts), key=lambda one: one[0])
    began = time.process_time()
    while time.process_time() - began < seconds:
        step = rng.normal(0, [0.12, 0.1, 0.08, 0.08, 0.6, 0.6]) * rng.choice([0.3, 1])
        best = max(best, tried(best[2] + step, best[3]), key=lambda one: one[0])
    _, numbering, numbers, mirrored = best
    unseen = case.hidden["x"].reshape(-1, 1, SIDE, SIDE)
    found = model.forward(resampled(unseen, turned(numbers[:4], mirrored), numbers[4:])).argmax(axis=1)
    return float((numbering[found] == case.hidden["y"]).mean())


@dataclass
class Counts:
    """Interpolated counts of what followed the same last characters, by Kneser and Ney with three discounts."""

    text: list[int]
    most: int
    levels: list[dict[tuple[int, ...], Counter[int]]] = field(default_factory=list)
    discounts: list[list[float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        text, most = self.text, self.most
        self.levels = [{} for _ in range(most + 1)]
        for i in range(most, len(text)):
            self.levels[most].setdefault(tuple(text[i - most : i]), Counter())[text[i]] += 1
        for length in range(most - 1, -1, -1):
            for context, after in self.levels[length + 1].items():
                self.levels[length].setdefault(context[1:], Counter()).update(after.keys())
        for level in self.levels:
            times = Counter(count for after in level.values() for count in after.values())
            share = times[1] / max(1, times[1] + 2 * times[2])
            discounts = [max(0.01, n - (n + 1) * share * times[n + 1] / max(1, times[n])) for n in (1, 2, 3)]
            self.discounts.append([0.0, *discounts])

    def bits(self, read: tuple[int, ...], following: int) -> float:
        """The cost of one character after those that were read."""
        p = 1 / (max(self.text) + 1)
        for length, (level, discounts) in enumerate(zip(self.levels, self.discounts, strict=True)):
            after = level.get(read[len(read) - length :])
            if after:
                total, taken = sum(after.values()), sum(discounts[min(count, 3)] for count in after.values())
                own = after[following]
                p = (own - discounts[min(own, 3)] + taken * p) / total
        return -math.log2(p)


def tables(*, quick: bool) -> Iterator[Grid]:
    """Search with both classifiers, and count, on the seeds of one grading of each capstone."""
    rows = []
    with threadpool_limits(1), np.errstate(all="ignore"):
        models = {kind: typed_in(kind, quick=quick) for kind in ("linear", "convolutional")}
        for assignment, name, bound in IMAGES:
            cases = cases_of(assignment, name)[: 1 if quick else None]
            for kind, model in models.items():
                found = [searched(model, case, 0.5 if quick else 20.0) for case in cases]
                reached = ", ".join(f"{share:.3f}" for share in found)
                size = sum(parameter.data.size for parameter in model.parameters())
                verdict = "met" if max(found) < bound else "MISSED"
                rows.append([name, f"{kind}, {size:,} characters", reached, f"< {bound:g}", verdict])
                print(" · ".join(rows[-1]), file=sys.stderr, flush=True)
        assignment, name, limit = LANGUAGE
        case = cases_of(assignment, name)[0]
        text = [*case.inputs["x"].tolist(), int(case.inputs["y"][-1])]
        asked = list(zip(case.hidden["x"].tolist(), case.hidden["y"].tolist(), strict=True))[: 50 if quick else 500]
        for most in (2, 4) if quick else (2, 4, 5, 6, 9, 12):
            counts = Counts(text, most)
            bits = float(np.mean([counts.bits(tuple(read), following) for read, following in asked]))
            verdict = "met" if bits > limit else "MISSED"
            rows.append([name, f"counts of {most} characters", f"{bits:.2f} bits", f"> {limit:g} bit", verdict])
            print(" · ".join(rows[-1]), file=sys.stderr, flush=True)
    yield Grid("Capstones without training", ["capstone", "solution", "outcome", "target", ""], rows)
