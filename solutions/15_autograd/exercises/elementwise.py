"""Operations of every entry by itself: Arithmetic, with broadcasting, and Elementwise."""

import numpy as np

from autograder.checks import Case, Operation, OperationExercise

PAIRS = [
    ((3, 4), (4,)),
    ((2, 1, 3), (5, 1)),
    ((), (2, 3)),
    ((2, 3), (2, 3)),
    ((4, 1), (1, 5)),
    ((1, 3), (2, 3)),
    ((3,), ()),
    ((1, 1), (3,)),
    ((1,), (1, 1)),
    ((3, 3), (3, 1)),
    ((), ()),
    ((0, 3), (1, 3)),
]
"""Shapes of two operands that broadcast: both change, one does, none; numbers; axes of length 1 and 0."""


def two_arrays(rng):
    """Pairs of all kinds, plain numbers, the same tensor twice."""
    for number, (a, b) in enumerate(PAIRS):
        if number == 3:
            yield Case(a=rng.normal(size=(2, 3)), b=float(rng.normal()))
        yield Case(a=rng.normal(size=a), b=rng.normal(size=b))
    yield Case(a=rng.normal(size=3), b=2)
    yield Case(a=rng.normal(size=(3, 2))).with_changes(hidden={"operands": ["a", "a"]})


def apart(rng):
    """The same with every two numbers at a distance, and ties: of some, of all, after broadcasting; nearly a tie."""
    for case in two_arrays(rng):
        if "operands" in case.hidden or not isinstance(case.inputs["b"], np.ndarray):
            continue
        a, b = (np.asarray(x.round(1)) for x in case.inputs.values())
        yield case.with_changes(inputs={"a": a, "b": np.asarray(b + 0.05)})
    yield Case(a=rng.normal(size=(2, 3)).round(1), b=0.25)
    a, dy = np.array([[1.0, 2.0, 3.0], [0.5, 2.0, -1.0]]), rng.normal(size=(2, 3))
    b = np.array([[1.0, 0.0, 3.0], [0.5, 2.5, -1.0]])
    shares = np.array([[0.5, 1, 0.5], [0.5, 0, 0.5]])
    yield Case(a=a, b=b).with_changes(hidden={"dy": dy, "gradients": {"a": dy * shares, "b": dy * (1 - shares)}})
    shares = np.array([[0, 0.5, 1], [0, 0.5, 0]])
    yield Case(a=a, b=np.array([2.0])).with_changes(
        hidden={"dy": dy, "gradients": {"a": dy * shares, "b": (dy * (1 - shares)).sum().reshape(1)}}
    )
    larger = np.array([[1.0, 0, 1], [0, 1, 0]])
    yield Case(a=a * (1 + 2e-6 * np.sign(a) * (larger - 0.5)), b=a).with_changes(
        hidden={"dy": dy, "gradients": {"a": dy * larger, "b": dy * (1 - larger)}}
    )
    yield Case(a=a).with_changes(hidden={"operands": ["a", "a"], "dy": dy, "gradients": {"a": dy}})


arithmetic = OperationExercise(
    "Arithmetic",
    operations={
        "add": Operation(lambda a, b: a + b, two_arrays),
        "mul": Operation(lambda a, b: a * b, two_arrays),
        "maximum": Operation(np.maximum, apart),
    },
    depends=("Node", "unbroadcast"),
)

SHAPES = [(3, 4), (), (5,), (2, 1, 3), (1, 1), (0, 2)]


def of_both_signs(rng):
    for shape in SHAPES:
        yield Case(x=rng.normal(0, 1.5, size=shape))


def far(rng):
    """Also numbers whose exponentials would overflow."""
    yield from of_both_signs(rng)
    yield Case(x=np.array([-800.0, -30.0, 0.0, 40.0, 750.0, 1000.0]))


def positive(rng):
    for shape in SHAPES:
        yield Case(x=rng.uniform(0.4, 4, size=shape))


def with_exponents(rng):
    """Fractions, negative ones, whole numbers of both types, 1, and 0 also at zero."""
    for shape, n in zip(SHAPES, (-0.5, 1.7, -2.0, 0.5, 3, 2), strict=True):
        yield Case({"exponent": n}, x=rng.uniform(0.5, 2, size=shape))
    for n in (2, 3, 1, -1, 4.0):
        yield Case({"exponent": n}, x=rng.uniform(0.4, 2, size=5) * np.array([1, -1, 1, -1, -1]))
    yield Case({"exponent": 1}, x=np.array([0.0, 2.0]))
    x = np.array([0.0, 1.5, -2.0])
    for n in (0, 0.0):
        yield Case({"exponent": n}, x=x).with_changes(hidden={"gradients": {"x": np.zeros(3)}})


def around_zero(rng):
    """Numbers at a distance from zero, and exactly zero."""
    for shape in SHAPES:
        yield Case(x=np.asarray(rng.choice([-1, 1], size=shape) * rng.uniform(0.05, 2, size=shape)))
    dy = np.array([3.0, -2.0, 5.0])
    yield Case(x=np.array([0.0, 1.0, -1.0])).with_changes(hidden={"dy": dy, "gradients": {"x": np.array([0, -2.0, 0])}})


elementwise = OperationExercise(
    "Elementwise",
    operations={
        "power": Operation(lambda x, exponent: x**exponent, with_exponents),
        "exp": Operation(np.exp, of_both_signs),
        "log": Operation(np.log, positive),
        "tanh": Operation(np.tanh, far),
        "relu": Operation(lambda x: np.maximum(x, 0), around_zero),
    },
    depends=("Node",),
)
