"""Every reference of part two of 10 gives what PyTorch gives, or what a second formula does.

The golden values were computed by ``tests/golden/opponents.py``; no PyTorch is needed here.
"""

import numpy as np
import pytest

from autograder.checks import Ref, Rng
from tests.solutions.golden import GoldenCalls, agree

ASSIGNMENT = "10_generative"
GOLDEN = GoldenCalls(ASSIGNMENT, "10_opponents")
subject_of, calls_of, arrays_of = GOLDEN.subject_of, GOLDEN.calls_of, GOLDEN.arrays_of
RATE = 0.1


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@calls_of("DiscriminatorLoss", "GeneratorLoss", "CycleConsistencyLoss", "DomainClassificationLoss")
def test_losses_and_their_gradients_are_pytorch_s(number, call, array_library, dtype):
    arrays = arrays_of(number, call)
    arguments = {name: bool(value) if name == "minimax" else value for name, value in call["arguments"].items()}
    names = [name for name in ("real", "fake", "back", "scores") if name in arrays]
    data = [arrays[name] for name in ("x", "domain") if name in arrays]
    loss = subject_of(call["exercise"], array_library).make(call["exercise"], **arguments)
    given = [x.astype(dtype) if x.dtype.kind == "f" else x for x in [*(arrays[name] for name in names), *data]]
    agree(loss.call("forward", *given), arrays["loss"], dtype)
    found = loss.call("backward")
    for name, gradient in zip(names, found if isinstance(found, tuple) else [found], strict=True):
        agree(gradient, arrays[f"d{name}"], dtype)


@calls_of("DCGANGenerator", "DCGANDiscriminator")
def test_both_networks_of_dcgan_are_pytorch_s(number, call, array_library):
    arrays = arrays_of(number, call)
    model = subject_of(call["exercise"], array_library).make(call["exercise"], **call["arguments"], rng=Rng(0))
    paths = [name for name in arrays if ("." in name and not name.startswith("d")) or name.startswith("down")]
    for path in paths:
        model.set(f"{path}.data", arrays[path])
    x = next(name for name in ("z", "x") if name in arrays)
    agree(model.call("forward", arrays[x]), arrays["y"])
    agree(model.call("backward", arrays["dy"]), arrays[f"d{x}"])
    for path in paths:
        agree(model.get(f"{path}.grad"), arrays[f"d{path}"])


NETWORKS = {
    "generator": (2, 5, 3),
    "discriminator": (3, 4, 1),
    "to_y": (3, 4, 3),
    "to_x": (3, 5, 3),
    "judge_y": (3, 4, 1),
    "judge_x": (3, 2, 1),
}


def trained(subject, exercise, arrays, *, inputs, moved, losses):
    """Run a step with the course's losses; the result, and the networks by name."""
    names = [name for name in NETWORKS if f"{name}.V" in arrays]
    networks = {name: subject.make("support.Perceptron", *NETWORKS[name], rng=Rng(0)) for name in names}
    for name, network in networks.items():
        for path in ("V", "w"):
            network.set(f"{path}.data", arrays[f"{name}.{path}"])
    refs = {name: Ref(network.handle) for name, network in networks.items()}
    log = subject.make("support.Log", refs)
    optimizers = {key: log.keep("optimizer", key, [refs[name] for name in of], RATE) for key, of in moved.items()}
    made = {key: subject.make(name) for key, name in losses.items()}
    given = {key: Ref(thing.handle) for key, thing in {**optimizers, **made}.items()}
    return subject.run(exercise, *(arrays[name] for name in inputs), **refs, **given), networks


def have_ended(networks, arrays):
    for name, network in networks.items():
        for path in ("V", "w"):
            agree(network.get(f"{path}.data"), arrays[f"end of {name}.{path}"])


@calls_of("gan_step")
def test_a_step_of_two_networks_is_that_of_automatic_differentiation(number, call, array_library):
    arrays = arrays_of(number, call)
    moved = {"discriminator_optimizer": ["discriminator"], "generator_optimizer": ["generator"]}
    losses = {"discriminator_loss": "DiscriminatorLoss", "generator_loss": "GeneratorLoss"}
    subject = subject_of("gan_step", array_library)
    found, networks = trained(
        subject, "gan_step", arrays, inputs=("real", "noise", "fresh"), moved=moved, losses=losses
    )
    for value, name in zip(found, ("first", "second"), strict=True):
        agree(value, arrays[name])
    have_ended(networks, arrays)


@calls_of("translation_step")
def test_a_step_of_two_generators_is_that_of_automatic_differentiation(number, call, array_library):
    arrays = arrays_of(number, call)
    losses = {"generator_loss": "GeneratorLoss", "cycle_loss": "CycleConsistencyLoss"}
    subject = subject_of("translation_step", array_library)
    moved = {"optimizer": ["to_y", "to_x"]}
    found, networks = trained(subject, "translation_step", arrays, inputs=("x", "y"), moved=moved, losses=losses)
    agree(found, arrays["total"])
    have_ended(networks, arrays)


BETA = np.array([0.05, 0.3, 0.25, 0.6])


@pytest.mark.parametrize("t", range(len(BETA)))
def test_noise_at_once_has_mean_and_variance_of_noise_step_by_step(t, rng):
    factor, variance = 1.0, 0.0
    for beta in BETA[: t + 1]:
        factor, variance = factor * (1 - beta) ** 0.5, variance * (1 - beta) + beta
    x, noise = rng.normal(size=(2, 5, 3))
    found = subject_of("q_sample").run("q_sample", x, np.full(5, t), noise, BETA)
    agree(found, factor * x + variance**0.5 * noise)


@pytest.mark.parametrize("t", range(len(BETA)))
def test_a_step_back_has_the_mean_of_the_normal_posterior_where_the_image_is_known(t, rng):
    """For one known image the mean of what came before, given what there is, follows from Bayes' rule."""
    before = np.prod(1 - BETA[:t])
    now = before * (1 - BETA[t])
    x, noise = rng.normal(size=(2, 3))
    mixed = now**0.5 * x + (1 - now) ** 0.5 * noise
    by_bayes = (before**0.5 * BETA[t] * x + ((1 - BETA[t]) ** 0.5) * (1 - before) * mixed) / (1 - now)
    rows = np.ones((4000, 1))
    draws = subject_of("p_sample").run("p_sample", rows * mixed, t, rows * noise, BETA, rng=Rng(t))
    if t == 0:
        agree(draws, rows * by_bayes)
    else:
        off = (draws.mean(axis=0) - by_bayes) / (BETA[t] / len(draws)) ** 0.5
        assert abs(off).max() < 5
        assert abs(draws.var(axis=0) / BETA[t] - 1).max() < 0.15


def test_numbers_of_variance_one_keep_it_on_the_whole_way_back():
    """The best guess for normal images is √(1 − ᾱ) x; then every step keeps the variance, and the last leaves 1 − β."""
    subject, kept = subject_of("p_sample"), np.cumprod(1 - BETA)
    x = np.random.default_rng(0).normal(size=(200, 100))
    for t in reversed(range(len(BETA))):
        x = subject.run("p_sample", x, t, (1 - kept[t]) ** 0.5 * x, BETA, rng=Rng(t))
        expected = 1.0 if t else 1 - BETA[0]
        assert abs(x.var() / expected - 1) < 0.06
