"""References of 11 beside PyTorch, scikit-learn and SciPy, and what the searches find."""

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn import linear_model, metrics, model_selection
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF

from autograder.checks import Rng
from dlkit import Layer, Optimizer, Parameter
from dlkit.search import BRANIN, FORRESTER, QUADRATIC, Range, minimize
from tests.solutions.golden import GoldenCalls, agree
from tests.solutions.references import names_of

ASSIGNMENT = "11_training_practice"
GOLDEN = GoldenCalls(ASSIGNMENT)
subject_of, calls_of, arrays_of = GOLDEN.subject_of, GOLDEN.calls_of, GOLDEN.arrays_of


@pytest.fixture(scope="module")
def names():
    return names_of(ASSIGNMENT)


class Descent(Optimizer):
    def step(self):
        for parameter in self.parameters:
            parameter.data -= self.lr * parameter.grad


class Times(Layer):
    """y = factor · x · w, the factor another one in training."""

    def __init__(self, w, factors=(1.0, 1.0)):
        self.w, self.factors = Parameter(np.array(w, float)), factors

    def forward(self, x):
        self.x = x * self.factors[self.training]
        return self.x * self.w.data

    def backward(self, dy):
        self.w.grad += (self.x * dy).sum(axis=0)
        return dy * self.w.data * self.factors[self.training]


class SquaredError:
    def forward(self, prediction, target):
        self.difference = prediction - target
        return (self.difference**2).mean()

    def backward(self):
        return 2 * self.difference / self.difference.size


def logits(scores):
    return np.log(np.array(scores))


@calls_of("LoRA")
def test_an_addition_of_low_rank_is_pytorchs(number, call, array_library):
    arrays, arguments = arrays_of(number, call), call["arguments"]
    subject = subject_of("LoRA", array_library)
    layer = subject.make("LoRA", arrays["W"], arrays["b"], **arguments, rng=Rng(0))
    for name in ("A", "B"):
        layer.set(f"{name}.data", arrays[name])
    agree(layer.call("forward", arrays["x"]), arrays["y"])
    agree(layer.call("backward", arrays["dy"]), arrays["dx"])
    for name in ("A", "B"):
        agree(layer.get(f"{name}.grad"), arrays[f"d{name}"])
    merged = subject_of("merged_weights", array_library)
    factors = [arrays[name] for name in ("W", "A", "B")]
    agree(merged.run("merged_weights", *factors, alpha=arguments["alpha"]), arrays["merged"])


@calls_of("LossScaler")
def test_the_scale_moves_and_steps_are_skipped_as_in_pytorch(number, call, names):
    arrays = arrays_of(number, call)
    parameter = Parameter(arrays["start"].copy())
    optimizer, scaler = Descent([parameter], 0.5), names["LossScaler"](**call["arguments"])
    for gradient, scale, place in zip(arrays["gradients"], arrays["scales"], arrays["places"], strict=True):
        parameter.grad[...] = gradient * np.float32(scaler.scale)
        assert scaler.step(optimizer) == np.isfinite(gradient).all()
        assert scaler.scale == scale
        np.testing.assert_allclose(parameter.data, place, rtol=1e-5)


def test_folds_are_as_even_as_scikit_learns(rng, names):
    labels = rng.integers(4, size=101)
    for k in (2, 5, 7):
        ours = names["k_fold"](labels, k, rng=rng)
        theirs = list(model_selection.StratifiedKFold(k, shuffle=True, random_state=0).split(labels, labels))
        counts = [
            sorted(np.bincount(labels[test], minlength=4).tolist() for _, test in folds) for folds in (ours, theirs)
        ]
        for c in range(4):
            assert sorted(row[c] for row in counts[0]) == sorted(row[c] for row in counts[1])
        assert sorted(map(sum, counts[0])) == sorted(map(sum, counts[1]))


def test_the_confusion_matrix_is_scikit_learns(rng, array_library):
    labels, predicted = rng.integers(5, size=(2, 200))
    found = subject_of("confusion_matrix", array_library).run("confusion_matrix", labels, predicted, classes=6)
    np.testing.assert_array_equal(found, metrics.confusion_matrix(labels, predicted, labels=range(6)))


@pytest.mark.parametrize(("n", "d", "constants"), [(1, 1, (0.5, 0.1)), (8, 2, (0.3, 1e-4)), (20, 3, (1.2, 0.5))])
def test_the_posterior_and_the_likelihood_are_scikit_learns(rng, names, n, d, constants):
    length, noise = constants
    x, y, at = rng.random((n, d)), rng.normal(size=n), rng.random((6, d))
    process = GaussianProcessRegressor(RBF(length), alpha=noise, optimizer=None).fit(x, y)
    mean, sd = names["gaussian_process_posterior"](x, y, at, length=length, noise=noise)
    expected = process.predict(at, return_std=True)
    np.testing.assert_allclose(mean, expected[0], rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(sd, expected[1], rtol=1e-5, atol=1e-7)
    likelihood = names["log_marginal_likelihood"](x, y, length=length, noise=noise)
    assert likelihood == pytest.approx(process.log_marginal_likelihood(), rel=1e-8)


def test_the_expected_improvement_is_the_integral(names):
    mean, sd = np.array([-1.0, 0.2, 3.0, 0.5]), np.array([0.5, 1.5, 1.0, 0.01])
    expected = [
        integrate.quad(lambda f: (0.4 - f) * stats.norm.pdf(f, m, s), m - 12 * s, 0.4, points=[m])[0]  # noqa: B023
        if m - 12 * s < 0.4
        else 0.0
        for m, s in zip(mean, sd, strict=True)
    ]
    np.testing.assert_allclose(names["expected_improvement"](mean, sd, 0.4), expected, atol=1e-8)


def test_settings_by_logarithm_are_scipys(names):
    u, one = np.linspace(0, 1, 11), Range(1e-4, 10, log=True)
    expected = stats.loguniform(one.low, one.high).ppf(u)
    np.testing.assert_allclose(names["to_settings"](u[:, None], [one])[:, 0], expected, rtol=1e-12)


def test_a_grid_has_the_points_of_scikit_learns(names):
    space = [Range(0, 1), Range(1, 100, log=True)]
    expected = model_selection.ParameterGrid({"a": [0.0, 0.5, 1.0], "b": [1.0, 10.0, 100.0]})
    found = names["GridSearch"](space, [3, 3]).points()
    np.testing.assert_allclose(found, [[point["a"], point["b"]] for point in expected])


@pytest.mark.parametrize("problem", [FORRESTER, BRANIN, QUADRATIC], ids=lambda one: one.name)
def test_bayesian_search_leaves_less_than_half_of_what_random_search_leaves(problem, names):
    left = {
        name: [
            minimize(problem.function, names[name](problem.space, rng=np.random.default_rng(seed)), 25)[-1]
            for seed in range(20)
        ]
        for name in ("RandomSearch", "BayesianSearch")
    }
    random, bayesian = (np.median(values) - problem.minimum for values in left.values())
    assert bayesian < random / 2


def test_a_seed_gives_the_same_search_again(names):
    found = []
    for _ in range(2):
        search = names["BayesianSearch"](BRANIN.space, rng=np.random.default_rng(3))
        minimize(BRANIN.function, search, 9)
        found.append(np.stack(search.settings))
    np.testing.assert_array_equal(*found)
    assert len(np.unique(found[0], axis=0)) == 9


def test_probabilities_are_averaged_and_not_scores(names):
    class Says(Layer):
        def __init__(self, p):
            self.p = p

        def forward(self, x):
            return logits([self.p]) + 0 * x[:, :1]

    ensemble = names["Ensemble"]([Says([0.9, 0.1]), Says([0.1, 0.9]), Says([0.2, 0.8])])
    np.testing.assert_allclose(ensemble.forward(np.ones((1, 3))), [[0.4, 0.6]])
    seen = names["TestTimeAugmentation"](Times(np.array([1.0, 0.0])), [lambda x: x, lambda x: -2 * x])
    np.testing.assert_allclose(seen.forward(np.ones((1, 2))), [[0.425, 0.575]], atol=5e-4)  # the example of the text


def test_a_head_is_tuned_as_in_the_example_of_the_text(names, rng):
    body, head = Times([2.0], (1.0, 5.0)), Times([1.0])
    optimizer = Descent(head.parameters(), 0.1)
    given = {"body": body, "head": head, "loss": SquaredError(), "optimizer": optimizer, "epochs": 2, "size": 4}
    found = names["fine_tune"](np.array([[1.0]]), np.array([[3.0]]), **given, rng=rng)
    np.testing.assert_allclose(found, [1, 0.04])
    np.testing.assert_allclose([head.w.data[0], body.w.data[0], body.w.grad[0]], [1.48, 2, 0])


def test_losses_are_smoothed_and_all_is_as_before(names):
    model = Times([0.0])
    optimizer = Descent(model.parameters(), 0.25)
    x, y = np.zeros((3, 1)), np.array([[2.0], [2**0.5], [3.0]])
    rates, losses = names["learning_rate_finder"](
        x, y, model=model, loss=SquaredError(), optimizer=optimizer, size=1, lowest=0.01, highest=1, beta=0.5, stop=2
    )
    np.testing.assert_allclose(rates, [0.01, 0.1])
    np.testing.assert_allclose(losses, [4, 8 / 3])
    assert (model.w.data[0], optimizer.lr) == (0, 0.25)


@pytest.mark.parametrize("shape", [(3, 5), (6, 2), (4, 4)])
def test_newton_and_schulz_apply_a_polynomial_to_singular_values(rng, names, shape):
    G = rng.normal(size=shape)
    U, s, Vh = np.linalg.svd(G / np.linalg.norm(G), full_matrices=False)
    for _ in range(5):
        s = 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5
    np.testing.assert_allclose(names["newton_schulz"](G), U * s @ Vh, atol=1e-10)
    assert s.min() > 0.6
    assert s.max() < 1.3


@calls_of("Muon")
def test_muon_moves_matrices_as_pytorch_does_up_to_its_rounding(number, call, names):
    """PyTorch computes the five products with eight bits of precision."""
    arrays = arrays_of(number, call)
    parameter = Parameter(arrays["start"].copy())
    optimizer = names["Muon"]([parameter], **call["arguments"])
    for gradient in arrays["gradients"]:
        parameter.grad[...] = gradient
        optimizer.step()
    moved, expected = parameter.data - arrays["start"], arrays["end"] - arrays["start"]
    assert abs(moved - expected).max() < 0.05 * abs(expected).max()


def test_the_calibration_error_of_the_example_and_of_bins_one_by_one(rng, names):
    p = np.array([[0.4, 0.35, 0.25], [0.8, 0.1, 0.1], [0.9, 0.05, 0.05]])
    assert names["calibration_error"](p, np.array([1, 0, 2]), bins=2) == pytest.approx(1.1 / 3)
    p, labels = rng.dirichlet(np.ones(4), 300), rng.integers(4, size=300)
    confidence, total = p.max(axis=1), 0.0
    for low in np.arange(10) / 10:
        inside = (confidence > low) & (confidence <= low + 0.1)
        if inside.any():
            correct = (p[inside].argmax(axis=1) == labels[inside]).mean()
            total += inside.mean() * abs(correct - confidence[inside].mean())
    assert names["calibration_error"](p, labels, bins=10) == pytest.approx(total)


def test_the_temperature_is_that_of_a_logistic_regression_with_one_weight(rng, names):
    scores = rng.normal(size=200) * 3
    labels = (rng.random(200) < 1 / (1 + np.exp(-scores / 2))).astype(int)
    scaling = names["TemperatureScaling"]()
    scaling.fit(np.stack([np.zeros(200), scores], axis=1), labels)
    regression = linear_model.LogisticRegression(C=1e10, fit_intercept=False, tol=1e-10).fit(scores[:, None], labels)
    assert 1 / scaling.temperature == pytest.approx(regression.coef_.item(), rel=1e-4)


def test_the_area_is_scikit_learns_with_ties(rng, names, array_library):
    labels = (rng.random(80) < 0.3).astype(int)
    scores = np.round(rng.normal(size=80) + labels, 1)
    found = subject_of("roc_auc", array_library).run("roc_auc", scores, labels)
    assert found == pytest.approx(metrics.roc_auc_score(labels, scores))


def test_a_power_law_is_a_line_in_logarithms(rng, names):
    x, y = rng.uniform(1, 1000, 20), rng.uniform(0.1, 9, 20)
    slope, height = np.polyfit(np.log(x), np.log(y), 1)
    np.testing.assert_allclose(names["fit_power_law"](x, y), [np.exp(height), -slope])


@calls_of("MultiTaskLoss")
def test_weighted_tasks_are_those_of_pytorchs_normal_likelihood(number, call, array_library):
    arrays = arrays_of(number, call)
    layer = subject_of("MultiTaskLoss", array_library).make("MultiTaskLoss", **call["arguments"])
    layer.set("s.data", arrays["s"])
    agree(layer.call("forward", arrays["losses"]), arrays["y"])
    agree(layer.call("backward", arrays["dy"]), arrays["dlosses"])
    agree(layer.get("s.grad"), arrays["ds"])
