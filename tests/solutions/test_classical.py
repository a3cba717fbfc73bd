"""References of the first half of 12 beside scikit-learn and closed forms, and what the texts work out by hand."""

import numpy as np
import pytest
from sklearn import cluster, decomposition, linear_model, metrics, mixture, neighbors, svm, tree

from autograder.checks import Case
from dlkit.datasets import digits, iris
from tests.solutions.golden import ROOT, agree
from tests.solutions.references import names_of

ASSIGNMENT = "12_paradigms"


@pytest.fixture(scope="module")
def names():
    return names_of(ASSIGNMENT)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize(("rows", "features"), [(40, 3), (4, 7), (1, 2), (9, 1)])
def test_least_squares_are_scikit_learns_also_with_more_features_than_rows(names, rng, rows, features):
    x, y = 3 + rng.normal(size=(rows, features)), rng.normal(size=rows)
    x = np.concatenate([x, 2 * x[:, :1], np.full((rows, 1), 0.5)], axis=1)
    model, other = names["LinearRegression"](), linear_model.LinearRegression().fit(x, y)
    model.fit(x, y)
    agree(model.W, other.coef_)
    agree(model.b, other.intercept_)
    agree(model.predict(x + 1), other.predict(x + 1))


def test_descent_ends_at_least_squares_and_its_first_step_is_worked_out_by_hand(names, rng):
    x, y = np.array([[0.0], [1], [2]]), np.array([1.0, 1, 4])
    model = names["LinearRegression"]()
    model.descend(x, y, lr=0.1, steps=1)
    agree([model.W[0], model.b], np.array([0.6, 0.4]))
    model.descend(x, y, lr=0.1, steps=2000)
    agree([model.W[0], model.b], np.array([1.5, 0.5]))
    x, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    model.descend(x, y, lr=0.2, steps=2000)
    reached = model.W, model.b
    model.fit(x, y)
    agree(reached[0], model.W)


@pytest.mark.parametrize("l2", [1e-4, 0.01, 1.0])
def test_logistic_regression_is_scikit_learns_on_rows_that_overlap_and_on_separable_ones(names, l2):
    flowers, kinds = iris()
    for kept in (slice(0, 100), slice(50, 150)):
        x, y = flowers[kept], (kinds[kept] == kinds[kept][-1]).astype(int)
        model = names["LogisticRegression"](l2)
        model.fit(x, y)
        other = linear_model.LogisticRegression(C=1 / (l2 * len(x)), tol=1e-12, max_iter=10_000).fit(x, y)
        np.testing.assert_allclose(model.W, other.coef_[0], atol=2e-3, rtol=2e-3)
        np.testing.assert_allclose(model.probabilities(x), other.predict_proba(x)[:, 1], atol=1e-4)
        assert model.loss(x, y) <= metrics.log_loss(y, other.predict_proba(x)) + l2 / 2 * (other.coef_**2).sum() + 1e-12
        assert max(abs(np.append(*model.gradient(x, y)))) <= 1e-8


def test_many_small_steps_of_pegasos_come_near_the_minimum_that_scikit_learn_finds(names):
    flowers, kinds = iris()
    x = flowers[50:] - flowers[50:].mean(axis=0)
    y = np.where(kinds[50:] == 2, 1, -1)
    l2 = 0.1

    def loss(w):
        return l2 / 2 * w @ w + np.maximum(0, 1 - y * (x @ w)).mean()

    other = svm.LinearSVC(loss="hinge", C=1 / (l2 * len(x)), fit_intercept=False, max_iter=1_000_000, tol=1e-9)
    least = loss(other.fit(x, y).coef_[0])
    model = names["LinearSVM"](l2, steps=20_000, size=20)
    model.fit(x, y, rng=np.random.default_rng(0))
    assert least <= loss(model.W) <= least + 1e-4


def test_the_weights_of_pegasos_are_the_sum_of_all_rows_that_violated(names, rng):
    x, y, l2 = rng.normal(size=(12, 3)), rng.choice([-1, 1], size=12), 0.2
    W, total = np.zeros(3), np.zeros(3)
    for t in range(1, 40):
        rows = rng.integers(12, size=3)
        violate = y[rows] * (x[rows] @ W) < 1
        total += (y[rows, None] * x[rows])[violate].sum(axis=0) / 3
        W = names["pegasos_step"](W, x[rows], y[rows], t, l2)
        agree(W, total / (l2 * t))


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 20])
def test_trees_are_scikit_learns_where_no_split_is_tied(names, rng, depth):
    x = rng.normal(size=(60, 3)).astype("float32").astype(float)  # scikit-learn rounds to float32
    y = rng.choice([-2, 0, 5], p=[0.5, 0.3, 0.2], size=60)
    model = names["DecisionTree"](depth)
    model.fit(x, y)
    if depth == 0:
        assert set(model.predict(x)) == {-2}
        return
    other = tree.DecisionTreeClassifier(max_depth=depth, random_state=0).fit(x, y)
    assert model.root.feature == other.tree_.feature[0]
    agree(model.root.threshold, other.tree_.threshold[0])
    at = rng.normal(size=(400, 3))
    share = (model.predict(at) == other.predict(at)).mean()
    assert share == 1 if depth <= 2 else share > 0.85  # deeper down, few rows tie, and scikit-learn then draws


def test_a_split_of_four_rows_is_worked_out_by_hand(names):
    x, y = np.array([[1.0], [2], [2], [5]]), np.array([0, 0, 1, 1])
    assert names["best_split"](x, y) == (0, 1.5)
    assert names["best_split"](np.ones((3, 2)), np.array([0, 1, 0])) is None


def test_kmeans_from_the_same_centres_is_scikit_learns(names):
    data = digits()
    x = data.x_train[:400]
    for seed in range(3):
        first = names["kmeans_plus_plus"](x, 6, rng=np.random.default_rng(seed))
        model = names["KMeans"](6)
        model.fit(x, rng=np.random.default_rng(seed))
        other = cluster.KMeans(6, init=first, n_init=1, tol=0, algorithm="lloyd").fit(x)
        agree(model.centres, other.cluster_centers_)
        assert (model.labels == other.labels_).all()
        np.testing.assert_allclose(model.inertia, other.inertia_)


def test_principal_directions_are_scikit_learns_up_to_their_signs(names):
    x = digits().x_train[:200]
    model, other = names["PCA"](12), decomposition.PCA(12, svd_solver="full").fit(x)
    model.fit(x)
    signs = np.sign((model.components * other.components_).sum(axis=1))
    agree(model.components, other.components_ * signs[:, None])
    agree(model.variances, other.explained_variance_)
    agree(model.encode(x), other.transform(x) * signs)
    agree(model.decode(model.encode(x)), other.inverse_transform(other.transform(x)))
    largest = abs(model.components).argmax(axis=1)
    assert (model.components[np.arange(12), largest] > 0).all()


def test_both_steps_of_em_are_scikit_learns(names, rng):
    x = np.concatenate([rng.normal(size=(40, 2)), 2 + rng.normal(size=(60, 2)) @ [[1, 0.8], [0, 0.5]]])
    labels = rng.integers(3, size=100)
    for rounds in (1, 4, 30):
        model = names["GaussianMixture"](3, rounds=rounds, tolerance=-1.0)
        model.fit(x, labels)
        first = names["maximized"](x, np.eye(3)[labels], np.zeros((3, 2)), np.tile(np.eye(2), (3, 1, 1)), 1e-6)
        other = mixture.GaussianMixture(
            3, reg_covar=0, tol=0, max_iter=max(rounds - 1, 1), weights_init=first[0], means_init=first[1],
            precisions_init=np.linalg.inv(first[2]),
        )  # fmt: skip
        if rounds == 1:
            agree(model.means, first[1])
            continue
        with pytest.warns(match="did not converge"):
            other.fit(x)
        agree(model.means, other.means_)
        agree(model.covariances, other.covariances_)
        agree(model.weights, other.weights_)
        np.testing.assert_allclose(model.history[-1], other.score(x), rtol=1e-9)
        agree(names["responsibilities"](x, model.weights, model.means, model.covariances)[1], other.predict_proba(x))


@pytest.mark.parametrize("seed", range(8))
def test_the_likelihood_never_falls_where_no_covariance_is_floored(names, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(50, 3)) @ rng.normal(size=(3, 3)) + 4 * rng.integers(2, size=(50, 1))
    model = names["GaussianMixture"](3, floor=1e-12, rounds=80, tolerance=-1.0)
    model.fit(x, rng.integers(3, size=50))
    history, lowest = np.array(model.history), np.linalg.eigvalsh(model.covariances).min()
    if lowest > 1e-11:
        assert np.diff(history).min() >= -1e-9


def test_a_kernel_density_is_scikit_learns(names, rng):
    x, at = rng.normal(size=(30, 2)), 3 * rng.normal(size=(9, 2))
    for bandwidth in (0.05, 0.4, 3.0):
        model = names["KernelDensity"](bandwidth)
        model.fit(x)
        other = neighbors.KernelDensity(bandwidth=bandwidth, rtol=0, atol=0).fit(x)
        np.testing.assert_allclose(model.log_density(at), other.score_samples(at), rtol=1e-8)


def test_the_capstones_index_is_scikit_learns(rng):
    from autograder.course import catalogue

    loaded = catalogue.load(ASSIGNMENT, ROOT)
    check = loaded.assignment.exercise("train_clusters").checks[0]
    index = check.observe.__globals__["adjusted_rand_index"]
    for groups, classes in ((10, 10), (3, 7), (1, 4), (4, 1)):
        a, b = rng.integers(groups, size=80), rng.integers(classes, size=80)
        for other in (b, a, np.where(rng.random(80) < 0.3, b, a)):
            if groups > 1:
                agree(index(a, other), metrics.adjusted_rand_score(other, a))
    assert isinstance(next(iter(check.cases(rng, None))), Case)
