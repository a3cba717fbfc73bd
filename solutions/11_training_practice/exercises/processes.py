"""The pieces of Bayesian search: kernel, posterior, marginal likelihood, expected improvement."""

import math

import numpy as np

from autograder.checks import MATCHES, Case, FunctionExercise, mutated_function

CPU = "It is about a few points of a search, in CPU memory."


def pairs_of_points(rng):
    """One point, more of one than of the other, several features, equal points; points far apart, and far from zero."""
    for n, m, d, length in [(1, 1, 1, 1.0), (3, 5, 2, 0.4), (6, 2, 3, 2.0), (4, 4, 1, 0.05)]:
        yield Case({"length": length}, a=rng.random((n, d)), b=rng.random((m, d)))
    far = 1e6 * rng.choice([-1, 1], 2)
    yield Case({"length": 0.5}, a=far + rng.random((3, 2)), b=far + rng.random((4, 2)))
    same = rng.random((4, 2))
    yield Case({"length": 0.3}, a=same, b=same[::-1].copy())
    yield Case({"length": 0.7}, a=rng.normal(0, 30, (3, 2)), b=rng.normal(0, 30, (2, 2)))


kernel = FunctionExercise("rbf_kernel", cases=pairs_of_points, cpu_only=CPU, float32=True)


def spread_points(rng, n, d):
    """Points in units that are not too close to each other."""
    return (np.stack([rng.permutation(n) for _ in range(d)], axis=1) + rng.uniform(0.2, 0.8, (n, d))) / n


def observed_points(rng):
    """Few observations and many, of one and several settings, much noise and none, short and long lengths."""
    for n, m, d, length, noise in [
        (1, 4, 1, 1.0, 0.5),
        (2, 3, 1, 0.3, 0.0),
        (4, 1, 2, 0.2, 0.1),
        (5, 7, 3, 0.6, 1e-2),
        (9, 5, 2, 0.8, 1.5),
        (12, 6, 1, 0.1, 1e-4),
    ]:
        x = spread_points(rng, n, d)
        yield Case({"length": length, "noise": noise}, x=x, y=rng.normal(size=n), at=rng.random((m, d)))


posterior = FunctionExercise(
    "gaussian_process_posterior",
    cases=observed_points,
    outputs=("the mean", "the standard deviation"),
    depends=("rbf_kernel",),
    cpu_only=CPU,
    float32=lambda rng: list(observed_points(rng))[:5:2],
)


def two_outputs(subject, case):
    mean, sd = subject.run("gaussian_process_posterior", *case.inputs.values(), **case.arguments)
    return {"the mean": mean, "the standard deviation": sd}


def up_to_three(rng):
    for n in (1, 2, 3, 3):
        yield Case(
            {"length": float(rng.uniform(0.3, 1)), "noise": float(rng.uniform(0.01, 0.5))},
            x=spread_points(rng, n, 2),
            y=rng.normal(size=n),
            at=rng.random((4, 2)),
        )


def inverse(matrix):
    """The inverse by cofactors, of up to three rows, and the determinant."""
    n = len(matrix)
    if n == 1:
        return 1 / matrix, float(matrix[0, 0])
    cofactors = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            rest = np.delete(np.delete(matrix, i, 0), j, 1)
            minor = rest[0, 0] if n == 2 else rest[0, 0] * rest[1, 1] - rest[0, 1] * rest[1, 0]
            cofactors[i, j] = (-1) ** (i + j) * minor
    determinant = float(matrix[0] @ cofactors[0])
    return cofactors.T / determinant, determinant


def covariances(a, b, case):
    return np.array([[math.exp(-((p - q) ** 2).sum() / (2 * case.arguments["length"] ** 2)) for q in b] for p in a])


def in_closed_form(case):
    x, y, at = case.inputs.values()
    K, _ = inverse(covariances(x, x, case) + case.arguments["noise"] * np.eye(len(x)))
    k = covariances(x, at, case)
    return {"the mean": k.T @ K @ y, "the standard deviation": np.sqrt(1 - np.einsum("nm,np,pm->m", k, K, k))}


posterior.check(
    "up to three observations agree with the closed form",
    cases=up_to_three,
    expect=in_closed_form,
    weight=2,
    mutation=mutated_function("return y[0], y[1] + 0.01 * (len(args[0]) == 3)"),
)(two_outputs)


def known_points(rng):
    """Without noise, new points that were observed, and others; and observations so close that K is nearly singular."""
    for n, d, length in [(1, 1, 0.5), (4, 2, 0.3), (6, 1, 0.2), (20, 2, 0.1), (40, 3, 0.2)]:
        x = spread_points(rng, n, d)
        yield Case(
            {"length": length, "noise": 0.0},
            x=x,
            y=rng.normal(size=n),
            at=np.concatenate([x[::-1], rng.random((2, d))]),
        )


posterior.check("an observed point without noise is known: sd is 0, never NaN", cases=known_points, after=(MATCHES,))(
    two_outputs
)


def few_observations(rng):
    """The same observations; up to three of them with the density in closed form."""
    for case in [*observed_points(rng), *up_to_three(rng)]:
        yield Case(case.arguments, x=case.inputs["x"], y=case.inputs["y"])


likelihood = FunctionExercise("log_marginal_likelihood", cases=few_observations, depends=("rbf_kernel",), cpu_only=CPU)


def log_density(case):
    x, y = case.inputs.values()
    K, determinant = inverse(covariances(x, x, case) + case.arguments["noise"] * np.eye(len(x)))
    return {"the result": -(y @ K @ y + math.log(determinant) + len(x) * math.log(2 * math.pi)) / 2}


def log_likelihood(subject, case):
    return {"the result": subject.run("log_marginal_likelihood", *case.inputs.values(), **case.arguments)}


likelihood.check(
    "up to three observations agree with the closed form",
    cases=lambda rng: [case.with_changes(inputs={k: case.inputs[k] for k in "xy"}) for case in up_to_three(rng)],
    expect=log_density,
    weight=2,
    mutation=mutated_function("return y + 0.01 * (len(args[0]) == 3)"),
)(log_likelihood)


def many_observations(rng):
    """So many and so correlated that the determinant is smaller than the smallest float."""
    x = rng.random((300, 1))
    yield Case({"length": 0.4, "noise": 1e-3}, x=x, y=np.sin(9 * x[:, 0]))


likelihood.check("many observations give a finite number", cases=many_observations, after=(MATCHES,))(log_likelihood)


def predictions(rng):
    """Means below and above the best, small and large deviations, one point, deviations of 0 on both sides."""
    for m in (1, 6, 9):
        yield Case({"best": float(rng.normal())}, mean=rng.normal(0, 1.5, m), sd=rng.uniform(0.05, 2, m))
    yield Case({"best": 0.3}, mean=np.array([-1.0, 0.3, 2.0, -0.5, 1.0]), sd=np.array([0.0, 0.0, 0.0, 0.7, 1.2]))
    yield Case({"best": -2.0}, mean=np.array([40.0, -60.0, -2.0]), sd=np.array([0.5, 1.0, 3.0]))


improvement = FunctionExercise("expected_improvement", cases=predictions, cpu_only=CPU)


def by_quadrature(case):
    """The integral of the improvement over the normal density, by Gauss and Legendre."""
    mean, sd = case.inputs.values()
    nodes, weights = np.polynomial.legendre.leggauss(60)
    found = []
    for mu, sigma in zip(mean, sd, strict=True):
        low, high = mu - 12 * sigma, min(case.arguments["best"], mu + 12 * sigma)
        total = 0.0
        for i in range(16 if low < high else 0):
            a, b = low + (high - low) * i / 16, low + (high - low) * (i + 1) / 16
            f = (a + b) / 2 + (b - a) / 2 * nodes
            density = np.exp(-(((f - mu) / sigma) ** 2) / 2) / (sigma * math.sqrt(2 * math.pi))
            total += (b - a) / 2 * (weights * density * (case.arguments["best"] - f)).sum()
        found.append(total)
    return {"the result": np.array(found)}


@improvement.check(
    "it is the mean improvement, by integration",
    cases=lambda rng: list(predictions(rng))[1:3],
    expect=by_quadrature,
    weight=2,
    mutation=mutated_function("return 1.01 * y"),
)
def improved(subject, case):
    return {"the result": subject.run("expected_improvement", *case.inputs.values(), **case.arguments)}
