"""The exercises of the Gaussian mixture: floors, responsibilities, the M step, EM whose likelihood never falls."""

from itertools import pairwise

import numpy as np

from autograder.checks import Case, Exercise, FunctionExercise, Mismatch, habits, mutated

from .fitted import add_fit


def covariance(rng, features, values):
    """A covariance with these variances along drawn axes."""
    V, _ = np.linalg.qr(rng.normal(size=(features, features)))
    return V * np.array(values) @ V.T


def some_covariances(rng):
    """Wide enough, flat in one direction or all, one feature, several, copies of a feature; a little below 0."""
    yield Case({"floor": 0.5}, S=covariance(rng, 3, [3.0, 0.1, 1.0]))
    yield Case({"floor": 1e-3}, S=covariance(rng, 2, [3.0, 0.2]))
    yield Case({"floor": 0.1}, S=np.ones((2, 2)))
    yield Case({"floor": 0.2}, S=np.zeros((3, 3)))
    yield Case({"floor": 0.3}, S=np.array([[0.1]]))
    yield Case({"floor": 1.0}, S=np.stack([covariance(rng, 3, 3 * rng.random(3)) for _ in range(4)]))
    yield Case({"floor": 0.2}, S=np.array([[4.0, 2.0, 0], [2.0, 1.0 - 1e-12, 0], [0, 0, 0.25]]))
    yield Case({"floor": 0.7}, S=np.stack([covariance(rng, 2, [0.1, 5.0]), covariance(rng, 2, [0.1, 0.2])])[None])
    yield Case({"floor": 0.4}, S=covariance(rng, 4, [2.0, 0.1, 0.2, 1.0]))


floors = FunctionExercise("floored_covariance", cases=some_covariances, float32=True)


def components(rng, k, features, *, size=1.0):
    """Weights, means and covariances of components."""
    weights = rng.uniform(0.2, 1, k)
    spreads = np.stack([covariance(rng, features, rng.uniform(0.3, 2, features)) for _ in range(k)])
    return {
        "weights": weights / weights.sum(),
        "means": 2 * rng.normal(size=(k, features)),
        "covariances": spreads * size,
    }


def rows_of_components(rng):
    """One component and several, one row, one feature, rows so far away that every density is 0; a weight of 0."""
    for rows, k, features, far, size in [
        (9, 3, 2, 1.0, 1.0),
        (1, 2, 3, 1.0, 1.0),
        (7, 1, 2, 1.0, 1.0),
        (12, 4, 1, 2.0, 0.2),
        (6, 2, 3, 90.0, 1.0),
        (8, 3, 2, 1e4, 1.0),
        (5, 2, 30, 1.0, 1e-14),
    ]:
        given = components(rng, k, features, size=size)
        x = far * rng.normal(size=(rows, features)) if size > 1e-9 else 1e-7 * rng.normal(size=(rows, features))
        if size < 1e-9:
            given["means"] = 1e-7 * given["means"]
        yield Case(x=x, **given)
    for zero in (0, 2):
        given = components(rng, 3, 2)
        given["weights"] = given["weights"] * (np.arange(3) != zero)
        given["weights"] = given["weights"] / given["weights"].sum()
        yield Case(x=3 * rng.normal(size=(7, 2)), **given)
    given = components(rng, 2, 2)  # the component of weight 0 is where the rows are
    given["weights"], given["means"] = np.array([0.0, 1.0]), np.array([[300.0, -200.0], [0.0, 0.0]])
    yield Case(x=given["means"][0] + rng.normal(size=(4, 2)), **given)
    yield Case(x=rng.normal(size=(10, 2)), **components(rng, 3, 2))


shares = FunctionExercise(
    "responsibilities", cases=rows_of_components, outputs=("the log-likelihood", "r"), float32=True
)


def shared_rows(rng):
    """Several components and one; some without rows, one with a single row; constant features; rows far from zero.

    Also one that is responsible for next to nothing: its mean is that of its rows all the same.
    """
    r = rng.dirichlet([1, 1, 1], size=9) * [1, 1e-13, 1]
    yield shared(rng, 3 + rng.normal(size=(9, 2)), r, 1e-3)
    for rows, k, features, shift in [(9, 3, 2, 0.0), (6, 1, 3, 2.0), (14, 4, 1, 0.0), (20, 2, 3, 1e6), (1, 2, 2, 0.0)]:
        x, r = shift + rng.normal(size=(rows, features)), rng.dirichlet(np.full(k, 0.5), size=rows)
        yield shared(rng, x, r, 1e-4)
    x, r = rng.normal(size=(8, 2)), np.eye(5)[[1, 1, 1, 3, 3, 3, 3, 2]]
    yield shared(rng, x, r, 0.01)
    yield shared(rng, 4 + x[:, ::-1] * [1, 0], rng.dirichlet([1, 1, 1], size=8), 0.2)
    yield shared(rng, rng.normal(size=(12, 3)), rng.dirichlet([1, 1], size=12), 0.5)
    yield shared(rng, 1 + rng.normal(size=(15, 2)), rng.dirichlet([1, 2, 1], size=15), 1e-3)


def shared(rng, x, r, floor):
    before = components(rng, r.shape[1], x.shape[1])
    return Case({"floor": floor}, x=x, r=r, means=before["means"], covariances=before["covariances"])


step = FunctionExercise(
    "maximized",
    cases=shared_rows,
    outputs=("the weights", "the means", "the covariances"),
    depends=("floored_covariance",),
    float32=True,
)

ENDS, RISES, BELONGS = (
    "ends with the components and the history of its rounds",
    "the likelihood never falls",
    "predicts the component with the largest responsibility",
)
mixture = Exercise(
    "GaussianMixture", "class", ("fit", "predict"), depends=("floored_covariance", "responsibilities", "maximized")
)


def rows_with_labels(rng):
    """Labels that fit, and drawn ones; one component, one without label; a floor that acts; one round, few, enough."""
    for rows, k, features, given in [
        (40, 3, 2, {"rounds": 5}),
        (30, 2, 3, {"rounds": 1}),
        (25, 1, 2, {}),
        (60, 3, 1, {"tolerance": 1e-3}),
        (50, 2, 2, {"floor": 0.5, "rounds": 12}),
        (45, 4, 2, {"rounds": 3, "tolerance": 0.0}),
    ]:
        places = 3 * rng.normal(size=(k, features))
        groups = rng.permutation(np.arange(rows) % k)
        x = places[groups] + rng.normal(size=(rows, features))
        labels = np.where(rng.random(rows) < 0.7, groups, rng.integers(k, size=rows))
        yield Case(x=x, labels=labels).with_changes(hidden={"made with": {"k": k, **given}})
    x = np.concatenate([rng.normal(size=(15, 2)), 5 + rng.normal(size=(15, 2))])
    for labels in (np.arange(30) // 15 * 2, 1 + np.arange(30) % 3):
        yield Case(x=x, labels=labels).with_changes(hidden={"made with": {"k": 4, "rounds": 20}})
    x = np.insert(x, 1, 2.0, axis=1)
    yield Case(x=x, labels=rng.integers(2, size=30)).with_changes(
        hidden={"made with": {"k": 3, "rounds": 2, "floor": 0.2}}
    )
    yield Case(x=x, labels=rng.integers(2, size=30)).with_changes(
        hidden={"made with": {"k": 2, "rounds": 6, "floor": 0.01}}
    )


add_fit(
    mixture,
    "fit",
    ENDS,
    cases=rows_with_labels,
    look=("weights", "means", "covariances", "history"),
    among=("inputs",),
)


def overlapping(rng):
    """Two components that overlap, from drawn labels, so that many rounds are needed; wide in all directions."""
    for rows, k, features in [(80, 2, 2), (60, 3, 1)]:
        places = 2 * rng.normal(size=(k, features))
        x = places[rng.integers(k, size=rows)] + rng.normal(size=(rows, features))
        yield Case(x=x, labels=rng.permutation(np.arange(rows) % k)).with_changes(hidden={"made with": {"k": k}})


def log_likelihood(x, weights, means, covariances):
    """The mean log-density, from determinants and inverses."""
    found = []
    for weight, mean, spread in zip(weights, means, covariances, strict=True):
        away = x - mean
        square = (away @ np.linalg.inv(spread) * away).sum(axis=1)
        found.append(np.log(weight) - (square + np.linalg.slogdet(2 * np.pi * spread)[1]) / 2)
    return float(np.logaddexp.reduce(found, axis=0).mean())


def judge_rises(observed, expected, case):
    del expected, case
    levels = observed["likelihoods"]
    if not all(isinstance(level, float) and np.isfinite(level) for level in levels):
        return Mismatch("nan", "likelihoods", "the likelihood of what fit has found is not finite")
    falls = [i for i, (a, b) in enumerate(pairwise(levels), 1) if b < a - 1e-9]
    if not falls:
        return None
    fell = levels[falls[0] - 1] - levels[falls[0]]
    return Mismatch(
        "value",
        "likelihoods",
        f"after {falls[0] + 1} rounds the mean log-likelihood is lower by {fell:.2g} than after {falls[0]}",
    )


@mixture.check(
    RISES,
    cases=overlapping,
    part="fit",
    needs=("fit",),
    judge=judge_rises,
    expect=lambda _: {},
    mutation=mutated("super().fit(*args, **kwargs)", "self.means = self.means + 0.2 * self.rounds", method="fit"),
)
def likelihoods(subject, case):
    found = []
    for rounds in range(1, 9):
        made = subject.make("GaussianMixture", **case.hidden["made with"], rounds=rounds, tolerance=-1.0)
        made.call("fit", *case.inputs.values())
        given = [np.asarray(made.get(name), float) for name in ("weights", "means", "covariances")]
        found.append(log_likelihood(case.inputs["x"], *given))
    return {"likelihoods": found}


def placed_components(rng):
    """Some components, of which one has the weight 0, one is wide; equal ones; one row; rows far away."""
    for rows, k, features, far in [(12, 3, 2, 2.0), (1, 2, 3, 1.0), (9, 4, 1, 2.0), (7, 3, 2, 400.0)]:
        given = components(rng, k, features)
        given["covariances"][0] *= 9
        given["weights"][-1] *= k < 4
        given["weights"] /= given["weights"].sum()
        yield Case(x=far * rng.normal(size=(rows, features))).with_changes(hidden=given)
    given = {"weights": np.array([0.98, 0.02]), "means": np.array([[-1.0], [1.0]]), "covariances": np.ones((2, 1, 1))}
    yield Case(x=np.linspace(-1, 3, 9)[:, None]).with_changes(hidden=given)  # equal shares at x = 1.95
    given = {name: np.concatenate([each, each[::-1]]) for name, each in components(rng, 2, 2).items()}
    yield Case(x=rng.normal(size=(6, 2))).with_changes(hidden={**given, "weights": np.full(4, 0.25)})


def predicted(subject, case):
    made = subject.make("GaussianMixture", k=len(case.hidden["weights"]))
    for name, value in case.hidden.items():
        made.set(name, value)
    return {"the components": made.call("predict", case.inputs["x"])}


mixture.check(BELONGS, cases=placed_components, part="predict", needs=("predict",), weight=4)(predicted)
habits(mixture, predicted, cases=placed_components, after=(BELONGS,), among=("inputs", "device"), prefix="predict: ")
