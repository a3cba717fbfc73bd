"""How the example exercises are checked: every kind that patterns need, without planted mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from autograder.checks import (
    FORWARD,
    GRADIENTS,
    Case,
    FunctionExercise,
    LayerExercise,
    LossExercise,
    Modes,
    OptimizerExercise,
    Quadratic,
)
from autograder.checks.drawing import CaseMaker
from autograder.diagnosis.shares import TIES
from autograder.spec import Observations
from autograder.subject import Subject

__all__ = ["EXERCISES"]


def draws(*shapes: tuple[int, ...], inputs: Iterable[str] = ("x",), **arguments: tuple[float, ...]) -> CaseMaker:
    """A function that draws normal inputs of each of these shapes; arguments: a value of each for every shape."""

    def cases(rng: np.random.Generator) -> Iterator[Case]:
        for i, shape in enumerate(shapes):
            given = {name: values[i] for name, values in arguments.items()}
            yield Case(given).with_changes(inputs={name: rng.normal(size=shape) for name in inputs})

    return cases


# --- layers ----------------------------------------------------------------------------------

linear = LayerExercise(
    "Linear",
    cases=draws((4, 3), (7, 2), (5, 3), in_features=(3, 2, 3), out_features=(2, 4, 2)),
    has_parameters=True,
)
relu = LayerExercise("ReLU", cases=draws((4, 3), (7, 2), (2, 3)))
leaky_relu = LayerExercise("LeakyReLU", cases=draws((4, 3), (7, 2), (5, 3), slope=(0.1, 0.3, 0.25)))
tanh = LayerExercise("Tanh", cases=draws((4, 3), (7, 2), (5, 3)))
softmax = LayerExercise("Softmax", cases=draws((4, 3), (3, 5), (2, 3), axis=(0, 1, -1)), extreme=1000)
product = LayerExercise("Product", cases=draws((4, 3), (7, 2), (5, 3), inputs=("a", "b")))
moving_sum = LayerExercise("MovingSum", cases=draws((2, 6), (3, 5), (2, 5), width=(2, 3, 3)))
largest = LayerExercise("Largest", cases=draws((4, 2, 3), (3, 3, 2), (5, 2, 2)))
centre = LayerExercise("Centre", cases=draws((4, 3), (7, 2), (5, 3), features=(3, 2, 3)), modes=Modes(state=("mean",)))


def tied(rng: np.random.Generator) -> Iterator[Case]:
    """Few different values, so that the largest occurs several times."""
    for shape in ((6, 3, 4), (5, 4, 2)):
        yield Case(x=rng.integers(0, 3, size=shape) * 1.0)


@largest.check(TIES, cases=tied, part="backward", after=(FORWARD, GRADIENTS))
def ties(subject: Subject, case: Case) -> Observations:
    """The gradient where images hold their largest number several times."""
    layer = subject.make("Largest")
    y = layer.call("forward", case.inputs["x"])
    return {"dx": layer.call("backward", 1.0 + np.arange(y.size))}


# --- losses ----------------------------------------------------------------------------------


def positive_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Predictions and targets, all greater than zero."""
    for shape in ((4, 3), (5, 2), (3, 4)):
        yield Case(prediction=np.exp(rng.normal(size=shape)), target=np.exp(rng.normal(size=shape)))


def labelled_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Scores, and a label for each row."""
    for rows, classes in ((4, 3), (7, 5), (5, 4)):
        yield Case(scores=rng.normal(size=(rows, classes)), labels=rng.integers(0, classes, rows))


def paired_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Distances of pairs, every other of which is alike."""
    for rows in (6, 8, 5):
        yield Case(distances=rng.uniform(0.1, 0.9, rows), alike=np.arange(rows) % 2)


root_mean_square = LossExercise(
    "RootMeanSquare",
    cases=draws((4, 3), (7, 2), (5, 3), inputs=("prediction", "target")),
    gradient_of=("prediction",),
)
poisson_loss = LossExercise("PoissonLoss", cases=positive_cases, gradient_of=("prediction",))
cross_entropy = LossExercise("CrossEntropy", cases=labelled_cases, gradient_of=("scores",), extreme=1000)
pair_loss = LossExercise("PairLoss", cases=paired_cases, gradient_of=("distances",))

# --- functions -------------------------------------------------------------------------------

running_sums = FunctionExercise("running_sums", cases=draws((7, 3), (5, 4), (6, 2)))
running_means = FunctionExercise("running_means", cases=draws((4, 5), (3, 6), (2, 3, 4)))
split_heads = FunctionExercise("split_heads", cases=draws((2, 3, 8), (3, 5, 6), heads=(4, 2)))
unit_rows = FunctionExercise("unit_rows", cases=draws((4, 3), (7, 2), (5, 3), eps=(1e-4, 1e-5, 1e-5)))
cross_product = FunctionExercise("cross_product", cases=draws((5, 3), (2, 4, 3), inputs=("a", "b")))

# --- optimizers ------------------------------------------------------------------------------


def rates(_rng: np.random.Generator) -> Iterator[Case]:
    """Learning rates, with and without momentum's usual value and a weight decay."""
    yield Case({"lr": 0.1, "momentum": 0.9})
    yield Case({"lr": 0.03, "momentum": 0.7, "weight_decay": 0.3})
    yield Case({"lr": 0.05, "momentum": 0.8, "weight_decay": 0.1})


descent = Quadratic({"lr": 0.02, "momentum": 0.9}, steps=200, below=0.1)
momentum = OptimizerExercise("Momentum", cases=rates, quadratic=descent)
average = OptimizerExercise("Average", cases=rates, quadratic=descent)

EXERCISES = (
    *(linear, relu, leaky_relu, tanh, softmax, product, moving_sum, largest, centre),
    *(root_mean_square, poisson_loss, cross_entropy, pair_loss),
    *(running_sums, running_means, split_heads, unit_rows, cross_product),
    *(momentum, average),
)
