"""Every reference gives what PyTorch gives: outputs, gradients of inputs, gradients of parameters.

The golden values were computed by ``tests/golden/make_golden.py``; no PyTorch is needed here.
"""

from pathlib import Path

import numpy as np
import pytest

from autograder.checks import New, Rng
from autograder.course import catalogue
from tests.solutions.golden import FOLDER, read_golden

ROOT = Path(__file__).resolve().parents[2]
OF_THEIR_OWN = {"01_foundations", "04_optimizers", "05_regularization", "07_recurrent", "08_embeddings"}
OF_THEIR_OWN |= {
    "10_autoencoders",
    "10_opponents",
    "11_training_practice",
    "12_views",
    "13_robustness",
    "14_performance",
    "15_autograd",
}
"""Functions, training, optimizers, layers of two modes, with states and of ids, which have tests of their own."""
PART_OF = {
    "07_sequences": "07_recurrent",
    "09_layers": "09_attention",
    "09_blocks": "09_attention",
    "14_layers": "14_performance",
}
"""Files that hold some exercises of an assignment; the others have states, or several outputs."""
EVERY_FILE = sorted(path.stem for path in FOLDER.glob("*.npz"))
FILES = [name for name in EVERY_FILE if name not in OF_THEIR_OWN]
ASSIGNMENTS = [name for name in FILES if name not in PART_OF]
TOLERANCE = {"float64": (1e-10, 1e-13), "float32": (1e-4, 1e-6)}
"""Relative, and absolute beside numbers of size 1: sums that nearly cancel lose digits in every library."""


class Golden:
    """One call and its numbers: inputs, outputs, every gradient."""

    def __init__(self, assignment, number, call, arrays):
        self.assignment = assignment
        self.exercise = call["exercise"]
        self.arguments = call["arguments"]
        by_role = {role: {} for role in ("input", "parameter", "upstream", "output", "gradient")}
        for key in call["arrays"]:
            role, _, name = key.partition(".")
            by_role[role][name] = arrays[f"{number}.{key}"]
        self.inputs, self.parameters, upstream, output, self.gradients = by_role.values()
        self.upstream = list(upstream.values())
        self.y = output["y"]

    @property
    def name(self):
        given = [f"{key}={value}" for key, value in self.arguments.items() if not isinstance(value, list)]
        shape = "x".join(map(str, next(iter(self.inputs.values())).shape))
        return "-".join([self.assignment[:2], self.exercise, *given, shape])


def calls_of(name):
    header, arrays = read_golden(name)
    return [Golden(PART_OF.get(name, name), n, call, arrays) for n, call in enumerate(header["calls"])]


CALLS = [call for name in FILES for call in calls_of(name)]
DRAWN = {"Linear", "Conv2d", "ConvTranspose2d", "LocallyConnected2d", "ResidualBlock", "InceptionBlock"}
DRAWN |= {"RecursiveNet", "CausalConv1d", "TCNBlock", "LocallyConnected1d"}
OF_ATTENTION = {"AdditiveAttention", "MultiHeadAttention", "SwiGLU", "PositionwiseFeedForward"}
OF_TRANSFORMERS = {"EncoderLayer", "DecoderLayer", "Transformer", "GroupedQueryAttention", "PatchEmbedding"}
DRAWN |= OF_ATTENTION | OF_TRANSFORMERS | {"Conv2dFast", "LSTMFusedGates"}
"""Layers that draw their first parameters, and so take an ``rng``."""
of_every_call = pytest.mark.parametrize("golden", CALLS, ids=lambda call: call.name)


def made_of(arguments):
    """Constructor arguments: the layers of a stack are made where the stack is."""
    if isinstance(arguments.get("layers"), list):
        return {"layers": [New(name, **made_for(name, given)) for name, given in arguments["layers"]]}
    return arguments


def made_for(exercise, arguments):
    return {**made_of(arguments), "rng": Rng(0)} if exercise in DRAWN else made_of(arguments)


def run(golden, array_library, dtype):
    """The reference's output and gradients by name, computed with one array library."""

    def cast(x):
        return x.astype(dtype) if x.dtype.kind == "f" else x

    loaded = catalogue.load(golden.assignment, ROOT)
    subject = loaded.subject(loaded.assignment.exercise(golden.exercise)).on(array_library)
    thing = subject.make(golden.exercise, **made_for(golden.exercise, golden.arguments))
    if golden.parameters:
        thing.call("astype", dtype)
    for path, value in golden.parameters.items():
        thing.set(f"{path}.data", cast(value))
    y = thing.call("forward", *(cast(x) for x in golden.inputs.values()))
    returned = thing.call("backward", *(cast(dy) for dy in golden.upstream))
    by_input = [name for name in golden.gradients if name in golden.inputs]
    gradients = dict(zip(by_input, returned if len(by_input) > 1 else [returned], strict=True))
    gradients.update({path: thing.get(f"{path}.grad") for path in golden.parameters})
    return y, gradients


def agree(expected, found, tolerance, what):
    assert np.shape(found) == expected.shape, what
    rtol, atol = tolerance
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol * max(1, np.abs(expected).max()), err_msg=what)


@pytest.mark.parametrize("dtype", TOLERANCE)
@of_every_call
def test_the_reference_gives_what_pytorch_gives(golden, array_library, dtype):
    y, gradients = run(golden, array_library, dtype)
    agree(golden.y, y, TOLERANCE[dtype], "y")
    assert gradients.keys() == golden.gradients.keys()
    for name, expected in golden.gradients.items():
        agree(expected, gradients[name], TOLERANCE[dtype], f"gradient of {name}")
    assert {np.asarray(value).dtype for value in (y, *gradients.values())} == {np.dtype(dtype)}


@pytest.mark.parametrize("exercise", sorted({"ScaledDotProductAttention", "RMSNorm"} | OF_ATTENTION | OF_TRANSFORMERS))
def test_every_layer_of_attention_has_golden_values_of_uneven_shapes(exercise):
    assert len({len(call.inputs[next(iter(call.inputs))]) for call in CALLS if call.exercise == exercise}) > 1


@pytest.mark.parametrize("exercise", ["RecursiveNet", "CausalConv1d", "TCNBlock", "LocallyConnected1d"])
def test_every_layer_over_time_without_a_state_has_golden_values_of_uneven_shapes(exercise):
    assert len({len(call.inputs["x"]) for call in CALLS if call.exercise == exercise}) > 1


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_layer_and_every_loss_has_golden_values_of_uneven_shapes(assignment):
    exercises = catalogue.load(assignment, ROOT).assignment.exercises
    for exercise in exercises:
        calls = [call for call in CALLS if call.exercise == exercise.name]
        batches = {len(next(iter(call.inputs.values()))) for call in calls}
        assert len(batches) > 1 or exercise.kind not in ("layer", "loss"), exercise.name


@pytest.mark.parametrize("name", EVERY_FILE)
def test_golden_values_are_small_finite_and_say_where_they_come_from(name):
    """A loss scaler is given infinite gradients."""
    header, arrays = read_golden(name)
    assert header["torch"]
    assert arrays
    infinite = [key for key, array in arrays.items() if not np.isfinite(array).all()]
    assert [key for key in infinite if not key.endswith(".gradients") or name != "11_training_practice"] == []
    assert (FOLDER / f"{name}.npz").stat().st_size < 200_000


def test_golden_values_are_of_double_precision():
    assert {array.dtype.name for call in CALLS for array in (call.y, *call.gradients.values())} == {"float64"}
