"""The exercise PCA: directions, their signs, variances, codes and back."""

import numpy as np

from autograder.checks import Case, Exercise, habits, mutated

from .fitted import add_fit

FINDS = "finds the mean, the directions with their signs, and the variances"
CODES, BACK = "gives the coordinates from the mean", "gives the points with these coordinates"
pca = Exercise("PCA", "class", ("fit", "encode", "decode"))


def spread(rng, rows, features, values):
    """Rows with these standard deviations in directions that have one clearly largest entry each."""
    while True:
        U = rng.normal(size=(rows, len(values)))
        U, _ = np.linalg.qr(U - U.mean(axis=0))
        V, _ = np.linalg.qr(rng.normal(size=(features, len(values))))
        largest = np.sort(abs(V), axis=0)
        if features == 1 or (largest[-1] - largest[-2]).min() > 0.02:
            return U * np.sqrt(rows - 1) * np.array(values) @ V.T


def rows_that_spread(rng):
    """Tall and wide, one feature, two rows, constant features, far from zero, close variances; equal entries."""
    for rows, values, features, k, shift in [
        (9, [3.0, 1.0], 2, 2, 0.0),
        (20, [5.0, 2.0, 0.5], 4, 2, 3.0),
        (4, [3.0, 2.0], 7, 2, -2.0),
        (6, [2.0], 1, 1, 5.0),
        (2, [1.5], 3, 1, 1.0),
        (30, [2.0, 1.9, 1.0, 0.2], 5, 3, 100.0),
    ]:
        x = shift + spread(rng, rows, features, values)
        yield Case(x=x).with_changes(hidden={"made with": {"k": k}})
    x = np.insert(spread(rng, 12, 3, [3.0, 1.0]), 1, 2.5, axis=1)
    yield Case(x=x).with_changes(hidden={"made with": {"k": 2}})
    for sign in (1, -1):
        yield Case(x=two_standardized(rng, sign)).with_changes(hidden={"made with": {"k": 2}})
    yield Case(x=four_alike(rng)).with_changes(hidden={"made with": {"k": 2}})
    x = 2 + spread(rng, 15, 4, [4.0, 2.0, 1.0])
    yield Case(x=x).with_changes(hidden={"made with": {"k": 3}})
    yield Case(x=1 + spread(rng, 11, 3, [2.0, 1.0])).with_changes(hidden={"made with": {"k": 1}})
    yield Case(x=1 + spread(rng, 14, 6, [6.0, 4.0, 2.5, 1.5, 1.0])).with_changes(hidden={"made with": {"k": 5}})


def two_standardized(rng, sign):
    """Two features whose directions are (1, 1) and (1, −1), or the other way round."""
    a = rng.normal(size=17)
    x = np.stack([a, sign * a + 0.7 * rng.normal(size=17)], axis=1)
    return (x - x.mean(axis=0)) / x.std(axis=0)


def four_alike(rng):
    """Rows along (−1, 1, 1, −1) and (1, 1, −1, −1)."""
    codes = rng.normal(size=(13, 2)) * [3, 1]
    codes, _ = np.linalg.qr(codes - codes.mean(axis=0))
    return codes * [9, 4] @ np.array([[-1.0, 1, 1, -1], [1, 1, -1, -1]])


add_fit(pca, "fit", FINDS, cases=rows_that_spread, look=("mean", "components", "variances"))


def placed(subject, case):
    made = subject.make("PCA", k=len(case.hidden["components"]))
    made.set("mean", case.hidden["mean"])
    made.set("components", case.hidden["components"])
    return made


def placed_late(part, given):
    """The same object, which has been used with another mean and other directions before."""

    def run(subject, case):
        shown = {name: case.hidden[name] for name in ("mean", "components")}
        made = placed(subject, case.with_changes(hidden={name: 1 - value for name, value in shown.items()}))
        made.call(part, case.inputs[given])
        for name, value in shown.items():
            made.set(name, value)
        return {"the result": made.call(part, case.inputs[given])}

    return run


def places(name):
    """Rows, or codes, for a mean and directions that others have found; one row."""

    def cases(rng):
        for rows, features, k in [(7, 4, 2), (1, 3, 3), (5, 6, 1), (12, 3, 2)]:
            V, _ = np.linalg.qr(rng.normal(size=(features, k)))
            given = {"x": 2 + rng.normal(size=(rows, features)), "code": rng.normal(size=(rows, k))}
            hidden = {"mean": 3 * rng.normal(size=features), "components": V.T.copy()}
            yield Case(**{name: given[name]}).with_changes(hidden=hidden)

    return cases


def add_map(part, name, given):
    def run(subject, case):
        return {"the result": placed(subject, case).call(part, case.inputs[given])}

    pca.check(name, cases=places(given), part=part, needs=(part,), weight=4)(run)
    keeps = (
        "self.kept = getattr(self, 'kept', (self.mean, self.components))",
        "self.mean, self.components = self.kept",
        f"return super().{part}(*args)",
    )
    pca.check(
        f"{part} uses the mean and the directions that are there now",
        cases=places(given),
        part=part,
        needs=(part,),
        after=(name,),
        mutation=mutated(*keeps, method=part),
    )(placed_late(part, given))
    habits(pca, run, cases=places(given), after=(name,), part=part, prefix=f"{part}: ")


add_map("encode", CODES, "x")
add_map("decode", BACK, "code")
