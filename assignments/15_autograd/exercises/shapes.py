"""Operations that change shapes: Reductions, Reshaping, concatenate, Products."""

import numpy as np

from autograder.checks import Case, Code, Operation, OperationExercise

REDUCED = [
    ((2, 3), {"axis": 1}),
    ((3, 2, 4), {"axis": (0, 2), "keepdims": True}),
    ((2, 5), {}),
    ((4, 3), {"axis": 0}),
    ((2, 3), {"axis": -1, "keepdims": True}),
    ((2, 3, 4), {"axis": -2}),
    ((2, 3, 4), {"axis": (-1, 0)}),
    ((3, 3, 3), {"axis": 1}),
    ((2, 3), {"axis": None, "keepdims": True}),
    ((2, 3), {"axis": (0, 1)}),
    ((), {}),
    ((1, 3), {"axis": 0}),
    ((5, 1), {"axis": 1, "keepdims": True}),
]
"""Shapes and arguments: one axis and several, all, negative ones, kept and not, a number, length 1."""


def reduced(rng):
    for shape, arguments in REDUCED:
        yield Case(arguments, x=rng.normal(size=shape))


def reduced_and_empty(rng):
    yield from reduced(rng)
    yield Case({"axis": 1}, x=rng.normal(size=(0, 3)))
    yield Case({"axis": 0}, x=rng.normal(size=(0, 3)))


reductions = OperationExercise(
    "Reductions",
    operations={
        "sum": Operation(np.sum, reduced_and_empty),
        "mean": Operation(np.mean, reduced),
    },
    depends=("Node", "spread"),
)


def reshaped(rng):
    for old, new in [
        ((2, 6), (3, 4)),
        ((4, 3), (-1,)),
        ((2, 3, 4), (6, -1)),
        ((6,), (2, 3)),
        ((1,), ()),
        ((), (1, 1)),
        ((2, 3), (3, 2)),
        ((0, 2), (2, 0)),
    ]:
        yield Case({"shape": new}, x=rng.normal(size=old))


def transposed(rng):
    for shape, axes in [
        ((2, 3, 4), (2, 0, 1)),
        ((2, 3), None),
        ((2, 3, 4), (0, 2, 1)),
        ((2, 3, 4), (1, 2, 0)),
        ((2, 3, 4, 5), (0, 2, 1, 3)),
        ((2, 3, 2, 2), (3, 0, -2, 1)),
        ((2, 2, 2), (-1, 0, 1)),
        ((2, 3, 4), None),
        ((3, 3), (-1, -2)),
        ((4,), (0,)),
        ((), None),
    ]:
        yield Case({"axes": axes} if axes is not None else {}, x=rng.normal(size=shape))


def indexed(rng):
    """Numbers, slices, lists, negative numbers, repeated ones, new axes, arrays of numbers, masks of booleans."""
    for shape, index in [
        ((5, 3), "np.s_[[0, 2, 0]]"),
        ((4, 3), "np.s_[1:3]"),
        ((4, 3), "2"),
        ((5,), "np.s_[[4, -1, 4, 0]]"),
        ((4, 5), "np.s_[:, [1, 1, 3]]"),
        ((4, 5), "np.s_[::2, -1]"),
        ((4, 5), "np.s_[[0, 1, 1], [2, 3, 3]]"),
        ((3, 4), "np.s_[..., None]"),
        ((3, 4), "np.s_[None, 1]"),
        ((3,), "-1"),
        ((2, 3, 4), "np.s_[1, :, ::-1]"),
        ((3, 4), "np.s_[[[0, 1], [1, 1]]]"),
        ((3, 4), "np.s_[1:1]"),
    ]:
        yield Case({"index": Code(index)}, x=rng.normal(size=shape))
    yield Case(x=rng.normal(size=(6, 2)), index=rng.integers(6, size=(4, 3)))
    yield Case(x=rng.normal(size=(3, 2)), index=rng.integers(3, size=20).astype(np.uint8))


reshaping = OperationExercise(
    "Reshaping",
    operations={
        "reshape": Operation(np.reshape, reshaped),
        "transpose": Operation(np.transpose, transposed),
        "getitem": Operation(lambda x, index: x[index], indexed),
    },
    depends=("Node",),
)


def joined(rng):
    """Parts of different lengths, along every axis; one alone; the same several times; empty ones; vectors."""
    for shapes, arguments in [
        (((2, 3), (1, 3), (4, 3)), {}),
        (((2, 3), (2, 1)), {"axis": 1}),
        (((2, 3, 1), (2, 3, 4)), {"axis": -1}),
        (((2, 1, 2), (2, 3, 2), (2, 2, 2)), {"axis": -2}),
        (((3,), (1,), (2,), (5,)), {"axis": 0}),
        (((2, 2),), {"axis": 1}),
        (((2, 2), (2, 2), (2, 2)), {"axis": 1}),
        (((0, 2), (3, 2)), {"axis": 0}),
    ]:
        yield Case(arguments, **{"abcd"[i]: rng.normal(size=shape) for i, shape in enumerate(shapes)})
    yield Case({"axis": 0}, a=rng.normal(size=(2, 3)), b=rng.normal(size=(1, 3))).with_changes(
        hidden={"operands": ["a", "b", "a"]}
    )


concatenated = OperationExercise(
    "concatenate",
    operations={"concatenate": Operation(np.concatenate, joined, listed=True)},
    tensor="Node",
    depends=("Node",),
)


def multiplied(rng):
    """Matrices, stacks that broadcast in one operand or both, vectors on both sides, rows and columns, an array."""
    yield Case(a=rng.normal(size=(2, 4, 3)), b=rng.normal(size=(3, 2)))
    yield Case(a=rng.normal(size=(2, 3)), b=rng.normal(size=(3, 2))).with_changes(hidden={"arrays": ["b"]})
    for a, b in [
        ((2, 3), (3, 4)),
        ((4, 1, 2, 3), (2, 3, 2)),
        ((2, 3), (4, 3, 2)),
        ((3, 2, 4), (3, 4, 2)),
        ((2, 1, 3, 2), (2, 3)),
        ((1, 3, 2), (4, 2, 3)),
        ((3,), (3, 2)),
        ((2, 3), (3,)),
        ((4,), (4,)),
        ((3,), (2, 3, 4)),
        ((2, 3, 4), (4,)),
        ((2, 2, 2), (2,)),
        ((2,), (2, 2, 2)),
        ((1, 3), (3, 1)),
        ((2, 2), (2, 2)),
        ((3, 1), (1, 2)),
    ]:
        yield Case(a=rng.normal(size=a), b=rng.normal(size=b))
    yield Case(a=rng.normal(size=(3, 3))).with_changes(hidden={"operands": ["a", "a"]})


products = OperationExercise(
    "Products", operations={"matmul": Operation(np.matmul, multiplied)}, depends=("Node", "unbroadcast")
)
