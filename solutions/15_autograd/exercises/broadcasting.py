"""unbroadcast and spread: gradients in the shape of operands."""

from autograder.checks import Case, FunctionExercise


def broadcast_shapes(rng):
    """The same shape, new axes, stretched ones, both, in front, inside and behind; numbers; axes of length 1 and 0."""
    for dy, shape in [
        ((3, 4), (4,)),
        ((3, 4), (3, 1)),
        ((2, 5, 4, 3), (4, 1)),
        ((2, 3), (2, 3)),
        ((2, 3), ()),
        ((), ()),
        ((4,), (1,)),
        ((3, 2), (1, 1)),
        ((2, 3, 4), (1, 3, 1)),
        ((2, 3, 4), (2, 1, 4)),
        ((2, 3, 4), (1, 4)),
        ((2, 3, 1), (3, 1)),
        ((1, 3), (1, 1)),
        ((1, 1, 2), (1, 2)),
        ((1, 3), (3,)),
        ((3, 3), (3, 1)),
        ((3, 3), (1, 3)),
        ((3, 3), (3,)),
        ((2, 2, 2), (2, 2)),
        ((0, 3), (3,)),
        ((0, 3), (1, 3)),
        ((2, 0), (2, 1)),
        ((2, 0), (2, 0)),
    ]:
        yield Case({"shape": shape}, dy=rng.normal(size=dy))


unbroadcast = FunctionExercise(
    "unbroadcast", cases=broadcast_shapes, float32=lambda rng: list(broadcast_shapes(rng))[:3]
)


def summed_shapes(rng):
    """All axes and some, kept and not, negative, in tuples in any order; axes of length 1 and 0; a number."""
    for dy, shape, axis in [
        ((2,), (2, 3), 1),
        ((3,), (2, 3), 0),
        ((2, 1, 1), (2, 3, 4), (1, 2)),
        ((), (2, 3), None),
        ((1, 1), (2, 3), None),
        ((), (), None),
        ((2,), (2, 3), -1),
        ((3,), (2, 3), -2),
        ((2, 1), (2, 3), -1),
        ((2, 1), (2, 3), 1),
        ((2, 4), (2, 3, 4), -2),
        ((3, 3), (3, 3, 3), 0),
        ((3, 3), (3, 3, 3), 1),
        ((3, 1, 3), (3, 3, 3), 1),
        ((3,), (2, 3, 4), (0, 2)),
        ((3,), (2, 3, 4), (-1, 0)),
        ((3,), (2, 3, 4), (2, 0)),
        ((4,), (2, 3, 4), (1, 0)),
        ((2, 1, 1), (2, 3, 4), (2, -2)),
        ((), (2, 3), (0, 1)),
        ((1, 3), (1, 1, 3), 0),
        ((1, 3), (1, 3, 3), 2),
        ((3, 1), (3, 4, 1), 1),
        ((1,), (1, 4), -1),
        ((0,), (0, 2), 1),
        ((2,), (2, 0), 1),
    ]:
        yield Case({"shape": shape, "axis": axis}, dy=rng.normal(size=dy))


spread = FunctionExercise("spread", cases=summed_shapes, float32=lambda rng: list(summed_shapes(rng))[:3])
