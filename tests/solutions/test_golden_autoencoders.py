"""Every reference of part one of 10 gives what PyTorch or scikit-learn gives.

The golden values were computed by ``tests/golden/autoencoders.py``; no PyTorch is needed here.
"""

import numpy as np
import pytest
from sklearn.decomposition import sparse_encode

from autograder.checks import New, Rng
from tests.solutions.golden import GoldenCalls, agree

ASSIGNMENT = "10_generative"
GOLDEN = GoldenCalls(ASSIGNMENT, "10_autoencoders")
subject_of, calls_of, arrays_of = GOLDEN.subject_of, GOLDEN.calls_of, GOLDEN.arrays_of


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@calls_of("SparsePenalty", "GaussianKL", "BernoulliLikelihood")
def test_losses_and_their_gradients_are_pytorch_s(number, call, array_library, dtype):
    arrays = arrays_of(number, call)
    inputs = {name: arrays[name] for name in ("code", "mean", "log_variance", "logits", "target") if name in arrays}
    loss = subject_of(call["exercise"], array_library).make(call["exercise"], **call["arguments"])
    agree(loss.call("forward", *(x.astype(dtype) for x in inputs.values())), arrays["loss"], dtype)
    found = loss.call("backward")
    names = [name for name in inputs if name != "target"]
    for name, gradient in zip(names, found if isinstance(found, tuple) else [found], strict=True):
        agree(gradient, arrays[f"d{name}"], dtype)


@calls_of("ContractivePenalty")
def test_the_norm_of_the_jacobian_is_that_of_automatic_differentiation(number, call, array_library):
    """Its gradients too, those through h by the chain rule of a sigmoid layer."""
    arrays = arrays_of(number, call)
    x, W, b = (arrays[name] for name in ("x", "W", "b"))
    h = 1 / (1 + np.exp(-(x @ W + b)))
    layer = subject_of(call["exercise"], array_library).make(
        call["exercise"], New("support.weights", *W.shape, rng=Rng(0))
    )
    layer.set("W.data", W)
    agree(layer.call("forward", h), arrays["y"])
    dz = layer.call("backward", arrays["dy"]) * h * (1 - h)
    agree(layer.get("W.grad") + x.T @ dz, arrays["dW"])
    agree(dz.sum(axis=0), arrays["db"])
    agree(dz @ W.T, arrays["dx"])


def bend(*shape):
    return New("support.Bend", *shape, rng=Rng(0))


@calls_of("VAE")
def test_a_whole_vae_with_both_losses_has_pytorch_s_gradients(number, call, array_library):
    arrays, latent = arrays_of(number, call), call["arguments"]["latent"]
    x, subject = arrays["x"], subject_of("VAE", array_library)
    features = x.shape[1]
    model = subject.make("VAE", bend(features, 2 * latent), New("support.Draw"), bend(latent, features))
    nll, kl = subject.make("BernoulliLikelihood"), subject.make("GaussianKL")
    model.set("encoder.A.data", arrays["A"])
    model.set("decoder.A.data", arrays["B"])
    logits, mean, log_variance = model.call("forward", x)
    agree(nll.call("forward", logits, x) + kl.call("forward", mean, log_variance), arrays["loss"])
    agree(model.call("backward", nll.call("backward"), *kl.call("backward")), arrays["dx"])
    agree(model.get("encoder.A.grad"), arrays["dA"])
    agree(model.get("decoder.A.grad"), arrays["dB"])


@calls_of("Autoencoder")
def test_a_whole_autoencoder_with_a_penalty_has_pytorch_s_gradients(number, call, array_library):
    arrays, latent = arrays_of(number, call), call["arguments"]["latent"]
    x = arrays["x"]
    features = x.shape[1]
    model = subject_of("Autoencoder", array_library).make("Autoencoder", bend(features, latent), bend(latent, features))
    model.set("encoder.A.data", arrays["A"])
    model.set("decoder.A.data", arrays["B"])
    y, code = model.call("forward", x)
    agree(((y - x) ** 2).mean() + (code**4).mean(), arrays["loss"])
    agree(model.call("backward", 2 * (y - x) / x.size, 4 * code**3 / code.size), arrays["dx"])
    agree(model.get("encoder.A.grad"), arrays["dA"])
    agree(model.get("decoder.A.grad"), arrays["dB"])


def test_a_gradient_through_a_draw_is_the_slope_at_the_same_draw():
    subject, step = subject_of("GaussianSample"), 1e-6
    mean, log_variance = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[0.3, -1.0], [1.5, 0.0]])

    def draw(*inputs):
        return subject.make("GaussianSample", rng=Rng(7)).call("forward", *inputs)

    layer = subject.make("GaussianSample", rng=Rng(7))
    np.testing.assert_array_equal(layer.call("forward", mean, log_variance), draw(mean, log_variance))
    dmean, dlog_variance = layer.call("backward", np.ones((2, 2)))
    by_mean = (draw(mean + step, log_variance) - draw(mean - step, log_variance)) / (2 * step)
    by_variance = (draw(mean, log_variance + step) - draw(mean, log_variance - step)) / (2 * step)
    np.testing.assert_allclose(dmean, by_mean, atol=1e-8)
    np.testing.assert_allclose(dlog_variance, by_variance, atol=1e-8)


@pytest.mark.parametrize("shape", [(5, 4, 3), (4, 3, 6)])
def test_many_steps_of_ista_reach_the_minimum_that_scikit_learn_finds(shape, rng):
    batch, features, atoms = shape
    x, D = 2 * rng.normal(size=(batch, features)), rng.normal(size=(atoms, features))
    expected = sparse_encode(x, D, algorithm="lasso_cd", alpha=0.4, max_iter=100_000)
    found = subject_of("sparse_coding").run("sparse_coding", x, D, penalty=0.4, steps=20_000)
    value = [0.5 * ((x - z @ D) ** 2).sum() + 0.4 * abs(z).sum() for z in (found, expected)]
    assert value[0] <= value[1] + 1e-5
    if atoms <= features:  # otherwise several codes may be as good
        np.testing.assert_allclose(found, expected, atol=1e-2)


@pytest.mark.parametrize("shape", [(4, 3), (3, 2, 5, 4)])
def test_a_score_is_the_squared_error_of_each_row_alone(shape, rng):
    x, y = rng.normal(size=(2, *shape))
    alone = [((a - b) ** 2).mean() for a, b in zip(x, y, strict=True)]
    agree(subject_of("anomaly_score").run("anomaly_score", x, y), np.array(alone))
