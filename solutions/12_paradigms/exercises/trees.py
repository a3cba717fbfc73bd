"""The exercises gini, best_split and DecisionTree: impurities, splits with ties, leaves."""

from itertools import permutations

import numpy as np

from autograder.checks import Case, Exercise, FunctionExercise, Ref, habits

CPU = "Trees compare single numbers and decide where to go on, in CPU memory."


def counted(rng):
    """One node and several, one class, no rows in some nodes or in all, many rows, floats."""
    yield Case(counts=np.array([3, 1]))
    yield Case(counts=rng.integers(0, 9, (5, 3)))
    yield Case(counts=np.array([[0, 0], [4, 0], [2, 2], [0, 0], [1, 7]]))
    yield Case(counts=rng.integers(1, 9, (2, 3, 4)))
    yield Case(counts=np.array([6]))
    yield Case(counts=np.array([0, 0, 0]))
    yield Case(counts=rng.integers(50_000, 90_000, (2, 4)))
    yield Case(counts=rng.integers(0, 5, (3, 5)).astype(float))
    yield Case(counts=rng.random((4, 3)) / 4)
    yield Case(counts=rng.random(3) / 4)


impurity = FunctionExercise("gini", cases=counted, cpu_only=CPU)


def remaining(x, y):
    """The impurities that all splits leave."""
    found = []
    for values in x.T:
        for threshold in np.unique(values)[:-1]:
            parts = [y[values <= threshold], y[values > threshold]]
            counts = [np.unique(part, return_counts=True)[1] for part in parts]
            found.append(sum(n.sum() - (n * n).sum() / n.sum() for n in counts) / len(y))
    return np.sort(found)


def without_ties(draw):
    """What is drawn, drawn anew until one split is the best."""
    while True:
        x, y = draw()
        left = remaining(x, y)
        if len(left) == 1 or left[1] > left[0] + 1e-6:
            return Case(x=x, y=y)


def questioned(rng):
    """Few and many rows, values that repeat, negative and missing classes, constant columns, one row."""

    def rows_of(rows, features, classes, places):
        x = rng.normal(size=(rows, features))
        if places:
            x = np.take_along_axis(rng.normal(size=(places, features)), rng.integers(places, size=x.shape), axis=0)
        return x, rng.choice([-3, 0, 7, 8, 100], size=classes, replace=False)[rng.integers(classes, size=rows)]

    for spec in [(12, 2, 2, 0), (30, 3, 3, 4), (9, 1, 4, 3), (40, 4, 2, 9), (25, 2, 5, 0)]:
        yield without_ties(lambda spec=spec: rows_of(*spec))
    yield without_ties(lambda: (np.insert(rng.normal(size=(14, 2)), 0, 2.5, axis=1), rng.integers(3, size=14)))
    yield Case(x=np.full((5, 2), 1.5), y=np.array([0, 1, 0, 2, 1]))
    yield Case(x=rng.normal(size=(1, 2)), y=np.array([4]))
    yield without_ties(lambda: (1e9 + rng.permutation(8)[:, None].astype(float), rng.integers(3, size=8)))
    y = np.arange(20) // 10
    yield without_ties(
        lambda: (np.stack([y - 1.0 * (np.arange(20) == 19), rng.permutation(20).astype(float)], axis=1), y)
    )
    for sign in (1, -1):
        yield without_ties(lambda sign=sign: (sign * rng.uniform(0, 1, 6).cumsum()[:, None], np.array([1] * 5 + [0])))


def equally_good(rng):
    """XOR, one class; mirrored rows, and copies of a column: the same score at two thresholds, for two features."""
    yield Case(x=rng.normal(size=(6, 2)), y=np.full(6, -1))
    yield Case(x=np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), y=np.array([0, 1, 1, 0]))
    for classes in (2, 3):
        y = rng.integers(classes, size=13)
        x = rng.permutation(13).astype(float)
        mirrored = np.concatenate([x, 30 - x])
        yield Case(x=np.stack([np.concatenate([x, x]) % 3, mirrored, mirrored * 2], axis=1), y=np.concatenate([y, y]))
    x = rng.normal(size=(21, 1))
    yield Case(x=np.concatenate([-x, x, 3 * x, x], axis=1), y=rng.integers(3, size=21))
    y = np.array([0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 2])
    yield Case(x=np.stack([np.arange(13.0), np.arange(13.0)[::-1]], axis=1), y=y)
    for each in (3, 7, 13, 3):
        yield decided_by_rounding(rng, each)


def decided_by_rounding(rng, each):
    """Features that sort the classes alike but for their names: equal scores, whose sums are of another order.

    Drawn until the plain sum is smallest for a later feature than the first, in one of 30 drawings.
    """
    for _ in range(400):
        order = rng.permutation(np.arange(3 * each) % 3)
        y, columns = order, [np.arange(3.0 * each)]
        for names in permutations(range(3)):
            column = np.empty(3 * each)
            for name in range(3):
                column[y == names[name]] = np.flatnonzero(order == name)
            columns.append(column)
        scores = []
        for column in columns:
            left = np.cumsum(np.eye(3)[y[np.argsort(column)]], axis=0)[:-1]
            sides = [(n.sum(axis=1), n) for n in (left, each - left)]
            scores.append(sum(n * (1 - ((c / n[:, None]) ** 2).sum(axis=1)) for n, c in sides) / (3 * each))
        case = Case(x=np.stack(columns, axis=1), y=y)
        if np.argmin(scores) >= len(scores[0]):
            break
    return case


def neighbouring_floats(rng):
    """Values between which there is no other float."""
    for start in (1 + rng.random(), 1e5 * rng.random(), -1 - rng.random()):
        values = [start]
        for _ in range(3):
            values.append(np.nextafter(values[-1], np.inf))
        x = np.array(values)
        for y in ([0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]):
            yield Case(x=x[:, None], y=np.array(y))


TIES, TOUCHING = "of equally good splits the first wins", "every threshold separates the two values beside it"


def described(seen, case):
    """The feature and the threshold; in words, what else was returned."""
    del case
    found = seen["the result"]
    if found is None:
        return {"the split": "none"}
    if not isinstance(found, tuple | list) or len(found) != 2:
        return {"the split": "no pair (feature, threshold)"}
    return {"the split": "a pair", "the feature": found[0], "the threshold": found[1]}


split = FunctionExercise("best_split", cases=questioned, invariant=described, cpu_only=CPU, depends=("gini",))


def splits(subject, case):
    return described({"the result": subject.run("best_split", *case.inputs.values())}, case)


split.check(TIES, cases=equally_good, weight=3)(splits)


def sides(subject, case):
    """Which rows go left: thresholds between two floats are no numbers to compare."""
    found = subject.run("best_split", *case.inputs.values())
    if not isinstance(found, tuple | list) or len(found) != 2:
        return {"the split": found}
    return {"the rows that go left": (case.inputs["x"][:, 0] <= found[1]).astype(int)}


split.check(TOUCHING, cases=neighbouring_floats, weight=1)(sides)

# --- trees -----------------------------------------------------------------------------------

GROWS = "answers as the tree of best splits"
tree = Exercise("DecisionTree", "class", ("fit",), depends=("gini", "best_split"))


def grown(rng):
    """Trees of no question, one, two and many; ties in leaves; equal rows; one class, constant columns, one row.

    Some values are neighbouring floats.
    """
    for rows, features, classes, depth in [(30, 2, 3, 0), (20, 2, 2, 1), (40, 3, 4, 2), (35, 2, 3, 20), (60, 4, 3, 4)]:
        labels = rng.choice([-3, 0, 7, 8, 100], size=classes, replace=False)
        x = np.round(rng.normal(size=(rows, features)), 1)
        case = Case({"depth": depth}, x=x, y=labels[rng.integers(classes, size=rows)])
        yield case.with_changes(hidden={"at": np.round(rng.normal(0, 1.5, (80, features)), 2)})
    xor = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    corners = np.concatenate([xor, xor + rng.uniform(-0.4, 0.4, xor.shape)])
    for depth in (1, 2, 3):
        yield Case({"depth": depth}, x=xor, y=np.array([5, -2, -2, 5])).with_changes(hidden={"at": corners})
    same = np.repeat(xor, 3, axis=0)
    for y in (np.array([2, 1, 1, 0, 3, 3, 4, 4, 2, 9, 1, 0]), np.full(12, 6)):
        yield Case({"depth": 9}, x=same, y=y).with_changes(hidden={"at": corners})
    yield Case({"depth": 3}, x=np.full((6, 2), 0.5), y=np.array([4, 4, 1, 1, 9, -7])).with_changes(hidden={"at": xor})
    touching = np.array([1 + rng.random()] * 4)
    for i in (1, 2, 3):
        touching[i] = np.nextafter(touching[i - 1], 2)
    for y in ([0, 1, 1, 1], [0, 0, 1, 1]):
        case = Case({"depth": 2}, x=touching[:, None], y=np.array(y))
        yield case.with_changes(hidden={"at": touching[:, None]})
    yield Case({"depth": 3}, x=xor[:1], y=np.array([-4])).with_changes(hidden={"at": xor})


def answered(subject, case):
    made = subject.make("DecisionTree", **case.arguments)
    made.call("fit", *case.inputs.values())
    return {"the classes of new rows": made.call("predict", case.hidden["at"])}


tree.check(GROWS, cases=grown, weight=8)(answered)


def two_trees(rng):
    drawn = list(grown(rng))
    for first, second in ((drawn[3], drawn[2]), (drawn[4], drawn[0]), (drawn[1], drawn[3])):
        yield second.with_changes(hidden={**second.hidden, "before": list(first.inputs.values())})


@tree.check("a second fit begins anew", cases=two_trees, after=(GROWS,))
def replanted(subject, case):
    made = subject.make("DecisionTree", **case.arguments)
    made.call("fit", *case.hidden["before"])
    first = made.keep("__getattribute__", "root")
    made.call("fit", *case.inputs.values())
    again = subject.make("DecisionTree", depth=0)
    again.set("root", Ref(first.handle))
    return {
        "the classes of new rows": made.call("predict", case.hidden["at"]),
        "the classes by the first tree, afterwards": again.call("predict", case.hidden["before"][0]),
    }


habits(tree, answered, cases=grown, after=(GROWS,), among=("inputs",))
