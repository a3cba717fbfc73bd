"""The exercises nearest_centres, updated_centres, kmeans_plus_plus and KMeans: ties, empty clusters, equal rows."""

import numpy as np

from autograder.checks import Case, Exercise, FunctionExercise, new_rng

from .fitted import add_fit

CPU = "Rows are drawn in CPU memory, where it is also decided when the rounds end."


def rows_and_centres(rng):
    """One centre and several, one row, equal distances and equal centres, one feature, far from zero."""
    for rows, k, features in [(9, 3, 2), (1, 4, 3), (12, 1, 2), (7, 5, 1), (20, 6, 4)]:
        yield Case(x=rng.normal(size=(rows, features)), centres=rng.normal(size=(k, features)))
    grid = np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), axis=-1).reshape(-1, 2)
    yield Case(x=grid, centres=np.array([[4.0, 0], [0, 0], [2, 3], [0, 0], [2, 0]]))
    yield Case(x=rng.permutation(11)[:, None].astype(float), centres=np.array([[10.0], [2], [6], [2]]))
    for far in (1e8, -3e8):
        yield Case(x=far + rng.integers(12, size=(60, 3)), centres=far + rng.uniform(0, 12, size=(6, 3)))
    yield Case(x=rng.normal(size=(8, 2)), centres=3 * rng.normal(size=(3, 2)))


nearest = FunctionExercise("nearest_centres", cases=rows_and_centres)


def labelled_rows(rng):
    """All clusters with rows, and some without, the first and the last among them; one row; bytes as labels.

    Also as many features and clusters as no byte can count.
    """
    labels = rng.integers(12, size=40).astype(np.uint8)
    yield Case(x=rng.normal(size=(40, 30)), labels=labels, centres=rng.normal(size=(12, 30)))
    for rows, k, features in [(9, 3, 2), (1, 4, 3), (12, 1, 2), (6, 6, 1), (40, 3, 4)]:
        x, centres = rng.normal(size=(rows, features)), rng.normal(size=(k, features))
        yield Case(x=x, labels=rng.integers(k, size=rows), centres=centres)
    x, centres = 1e7 + rng.normal(size=(10, 2)), 1e7 + rng.normal(size=(5, 2))
    yield Case(x=x, labels=rng.choice([1, 3], size=10), centres=centres)
    yield Case(x=rng.normal(size=(300, 2)), labels=rng.integers(1, 3, 300).astype(np.uint8), centres=centres[:4] - 1e7)
    yield Case(x=rng.normal(size=(8, 3)), labels=rng.permutation(8) % 2 * 2, centres=rng.normal(size=(4, 3)))


updated = FunctionExercise("updated_centres", cases=labelled_rows, float32=True)


def rows_to_draw(rng):
    """Few centres and many, one, as many as rows, more than different rows; a far group; equal rows."""
    for rows, k, features in [(9, 3, 2), (30, 8, 3), (5, 1, 2), (6, 6, 1), (1, 1, 3), (50, 12, 2)]:
        yield Case({"k": k, "rng": new_rng(rng)}, x=rng.normal(size=(rows, features)))
    for _ in range(2):
        yield Case({"k": 4, "rng": new_rng(rng)}, x=10.0 ** rng.uniform(-1, 2, (25, 2)))
    yield Case({"k": 5, "rng": new_rng(rng)}, x=rng.normal(size=(7, 2)) * 0 + 1.5)
    yield Case({"k": 6, "rng": new_rng(rng)}, x=np.repeat(rng.normal(size=(3, 2)), 4, axis=0))
    yield Case({"k": 3, "rng": new_rng(rng)}, x=50 + rng.normal(size=(14, 3)))


seeding = FunctionExercise("kmeans_plus_plus", cases=rows_to_draw, cpu_only=CPU, float32=True)

ENDS = "ends with the centres, labels and inertia of its rounds"
kmeans = Exercise(
    "KMeans", "class", ("fit",), depends=("nearest_centres", "updated_centres", "kmeans_plus_plus")
)  # fmt: skip


def rows_in_groups(rng):
    """Groups, and none; one cluster, as many as rows, more than different rows; one round, two, and enough."""
    for rows, k, features, rounds, spread in [
        (40, 4, 2, 100, 3.0),
        (60, 5, 3, 1, 1.0),
        (80, 6, 2, 2, 0.0),
        (90, 7, 2, 100, 0.0),
        (12, 1, 2, 100, 0.0),
        (6, 6, 2, 9, 0.0),
    ]:
        places = spread * rng.normal(size=(k, features))
        x = rng.normal(size=(rows, features)) + places[rng.integers(k, size=rows)]
        yield Case({"rng": new_rng(rng)}, x=x).with_changes(hidden={"made with": {"k": k, "rounds": rounds}})
    for far in (3e4, -1e6):
        yield Case({"rng": new_rng(rng)}, x=far + rng.integers(-512, 513, size=(90, 2)) / 256).with_changes(
            hidden={"made with": {"k": 7}}
        )
    x = np.repeat(rng.normal(size=(3, 2)), 3, axis=0)
    yield Case({"rng": new_rng(rng)}, x=x).with_changes(hidden={"made with": {"k": 5}})
    yield Case({"rng": new_rng(rng)}, x=rng.normal(size=(150, 2))).with_changes(hidden={"made with": {"k": 8}})
    yield Case({"rng": new_rng(rng)}, x=20 + rng.normal(size=(70, 4))).with_changes(
        hidden={"made with": {"k": 3, "rounds": 3}}
    )


add_fit(
    kmeans,
    "fit",
    ENDS,
    cases=rows_in_groups,
    look=("centres", "labels", "inertia"),
    among=("inputs", "float32"),
    alone=("centres",),
)
