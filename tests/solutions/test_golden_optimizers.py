"""Every reference of 04_optimizers agrees with PyTorch, or with a second formula where PyTorch has none.

The golden values were computed by ``tests/golden/optimizers.py``; no PyTorch is needed here.
"""

import math
from pathlib import Path

import numpy as np
import pytest

import dlkit
from autograder.course import catalogue
from dlkit import Parameter, asarray, to_numpy
from tests.solutions.golden import read_golden
from tests.solutions.references import names_of

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENT = "04_optimizers"
TOLERANCE = {"float64": {"rtol": 1e-10, "atol": 1e-14}, "float32": {"rtol": 2e-4, "atol": 2e-5}}
HEADER, GOLDEN = read_golden(ASSIGNMENT)
PARAMETERS = [name for name in GOLDEN if name.startswith("start.")]


def said(call):
    given = [f"{key}={value}" for key, value in call["arguments"].items()]
    return "-".join([call["exercise"], *given, *(["changing"] if call.get("rates") else [])])


def arguments_of(call):
    return {key: tuple(value) if key == "betas" else value for key, value in call["arguments"].items()}


def start(dtype="float64"):
    return [Parameter(asarray(GOLDEN[name].astype(dtype))) for name in PARAMETERS]


def give(parameters, gradients):
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad[...] = asarray(gradient.astype(to_numpy(parameter.grad).dtype))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("n", range(len(HEADER["calls"])), ids=lambda n: said(HEADER["calls"][n]))
def test_twenty_steps_lead_where_pytorch_goes(n, dtype, names, array_library):
    call = HEADER["calls"][n]
    with dlkit.use(array_library):
        parameters = start(dtype)
        optimizer = names[call["exercise"]](parameters, **arguments_of(call))
        for t in range(20):
            give(parameters, [GOLDEN[f"gradients.{i}"][t] for i in range(3)])
            if call["rates"]:
                optimizer.lr = call["rates"][t]
            optimizer.step()
            for i, parameter in enumerate(parameters):
                place = to_numpy(parameter.data)
                assert place.dtype == dtype
                np.testing.assert_allclose(
                    place, GOLDEN[f"road.{n}.{i}"][t], **TOLERANCE[dtype], err_msg=f"parameter {i} after step {t + 1}"
                )


def test_every_optimizer_has_golden_values_with_and_without_decay_and_with_a_changing_rate():
    exercises = catalogue.load("04_optimizers", ROOT).assignment.exercises
    for exercise in exercises:
        calls = [call for call in HEADER["calls"] if call["exercise"] == exercise.name]
        if exercise.kind == "optimizer":
            assert {bool(call["arguments"]["weight_decay"]) for call in calls} == {True, False}
            assert any(call["rates"] for call in calls)
        if exercise.kind == "schedule":
            assert sum(schedule["exercise"] == exercise.name for schedule in HEADER["schedules"]) > 1


@pytest.mark.parametrize("n", range(len(HEADER["schedules"])), ids=lambda n: said(HEADER["schedules"][n]))
def test_a_schedule_gives_the_rates_of_pytorch(n, names):
    schedule = HEADER["schedules"][n]
    optimizer = names["SGD"]([Parameter(np.zeros(1))], lr=schedule["lr"])
    ours = names[schedule["exercise"]](optimizer, **schedule["arguments"])
    rates = [optimizer.lr]
    for _ in range(len(GOLDEN[f"rates.{n}"]) - 1):
        ours.step()
        rates.append(optimizer.lr)
    # PyTorch multiplies and adds the last rate at every step, which loses a few digits more than a formula.
    np.testing.assert_allclose(rates, GOLDEN[f"rates.{n}"], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("n", range(len(HEADER["max_norms"])))
def test_clipping_shortens_as_pytorch_does(n, names, array_library):
    with dlkit.use(array_library):
        parameters = start()
        give(parameters, [GOLDEN[f"clip.{n}.gradient.{i}"] for i in range(3)])
        norm = names["clip_gradient_norm"](parameters, HEADER["max_norms"][n])
        np.testing.assert_allclose(to_numpy(norm), GOLDEN[f"clip.{n}.norm"], rtol=1e-10)
        for i, parameter in enumerate(parameters):
            np.testing.assert_allclose(to_numpy(parameter.grad), GOLDEN[f"clip.{n}.clipped.{i}"], rtol=1e-10)


@pytest.mark.parametrize(("size", "every"), [(6, 1), (3, 2), (2, 3), (1, 6)])
def test_accumulated_batches_train_as_whole_ones_do_in_pytorch(size, every, names, array_library):
    layers, losses = names_of("02_layers"), names_of("03_losses")
    with dlkit.use(array_library):
        rng = np.random.default_rng(0)
        model = layers["Sequential"](
            [layers["Linear"](3, 4, rng=rng), layers["Tanh"](), layers["Linear"](4, 2, rng=rng)]
        )
        for parameter, name in zip(model.parameters(), "Vawb", strict=True):
            parameter.data[...] = asarray(GOLDEN[f"accumulate.start.{name}"])
        loss = names["accumulate_gradients"](
            asarray(GOLDEN["accumulate.x"]),
            asarray(GOLDEN["accumulate.y"]),
            model=model,
            loss=losses["MeanSquaredError"](),
            optimizer=names["SGD"](model.parameters(), lr=0.2),
            size=size,
            every=every,
        )
        np.testing.assert_allclose(to_numpy(loss), GOLDEN["accumulate.loss"], rtol=1e-10)
        for parameter, name in zip(model.parameters(), "Vawb", strict=True):
            np.testing.assert_allclose(to_numpy(parameter.data), GOLDEN[f"accumulate.end.{name}"], rtol=1e-10)


def test_adams_means_are_the_weighted_means_of_all_gradients(names):
    """A second formula: the sums that the recursions stand for, written out."""
    beta1, beta2, lr, eps = 0.8, 0.95, 0.1, 0.01
    parameters = start()
    optimizer = names["Adam"](parameters, lr, (beta1, beta2), eps)
    place = GOLDEN["start.0"].copy()
    for t in range(1, 21):
        give(parameters, [GOLDEN[f"gradients.{i}"][t - 1] for i in range(3)])
        optimizer.step()
        past = GOLDEN["gradients.0"][:t]
        mean = np.average(past, axis=0, weights=beta1 ** np.arange(t)[::-1])
        square = np.average(past**2, axis=0, weights=beta2 ** np.arange(t)[::-1])
        place -= lr * mean / (np.sqrt(square) + eps)
        np.testing.assert_allclose(parameters[0].data, place, rtol=1e-10)


def test_nesterov_stands_where_the_form_that_looks_ahead_would_evaluate_the_gradient(names):
    """A second formula: the one of the paper, whose gradient is taken at θ − lr · momentum · v."""
    lr, momentum, curvature = 0.02, 0.9, np.array([1.0, 30.0])
    theta, velocity = np.array([1.0, -2.0]), np.zeros(2)
    parameter = Parameter(theta.copy())
    optimizer = names["Nesterov"]([parameter], lr, momentum)
    for _ in range(30):
        ahead = theta - lr * momentum * velocity
        np.testing.assert_allclose(parameter.data, ahead, rtol=1e-10, atol=1e-14)
        velocity = momentum * velocity + curvature * ahead
        theta = theta - lr * velocity
        parameter.grad[...] = curvature * parameter.data
        optimizer.step()


def test_cosine_annealing_sums_to_half_the_base_over_a_whole_wave(names):
    optimizer = names["SGD"]([Parameter(np.zeros(1))], lr=0.8)
    schedule = names["CosineAnnealing"](optimizer, 50)
    assert math.fsum(schedule.rate(t) for t in range(100)) == pytest.approx(100 * 0.8 / 2)
