"""What a GPT is made of: softmax, cross_entropy, rms_norm, causal_attention."""

import numpy as np

from autograder.checks import Case, Operation, OperationExercise

OPERATIONS = ("Tensor", "Node", "Arithmetic", "Elementwise", "Reductions", "Reshaping", "Products")


def shares(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    total = e.sum(axis=-1, keepdims=True)
    return e / total


def rows(rng):
    """Rows of one class and of several, sequences, a single row; numbers so large that exponentials overflow; −∞."""
    for shape in [(3, 4), (2, 3, 5), (6,), (1, 1), (2, 2, 2, 3)]:
        yield Case(x=rng.normal(0, 1.5, size=shape))
    yield Case(x=np.array([[900.0, 899.0, 0.0], [-1000.0, -1001.0, -999.5]]))
    yield Case(x=np.array([[5.0, 5.0], [0.0, 0.0]]))
    hidden = np.array([[0.4, -np.inf, 0.1], [-np.inf, -np.inf, 2.0]])
    dy = rng.normal(size=(2, 3))
    p = shares(hidden)
    slopes = p * (dy - (p * dy).sum(axis=-1, keepdims=True))
    yield Case(x=hidden).with_changes(hidden={"dy": dy, "gradients": {"x": slopes}})


softmax = OperationExercise(
    "softmax", operations={"softmax": Operation(shares, rows)}, tensor="Tensor", depends=OPERATIONS
)


def loss(scores, targets):
    """By logarithms of sums of exponentials, position by position."""
    total, count = 0.0, 0
    for row, target in zip(scores.reshape(-1, scores.shape[-1]), targets.reshape(-1), strict=True):
        if target >= 0:
            total += row.max() + np.log(np.exp(row - row.max()).sum()) - row[target]
            count += 1
    return np.asarray(total / count)


def scored(rng):
    """Rows and sequences, with and without positions that have no target, one position; large scores of both signs."""
    for shape, without in [((4, 3), 0.0), ((2, 5, 4), 0.4), ((3, 2), 0.5), ((1, 6), 0.0), ((2, 2, 3, 3), 0.3)]:
        targets = rng.integers(shape[-1], size=shape[:-1])
        targets = np.where(rng.random(targets.shape) < without, -1, targets)
        targets.reshape(-1)[0] = shape[-1] - 1
        yield Case(scores=rng.normal(0, 2, size=shape), targets=targets)
    large = np.array([[1000.0, 0.0, -3.0], [-900.0, 1.0, 950.0], [0.0, 0.0, 0.0], [2.0, 1.0, 1e4]])
    yield Case(scores=large, targets=np.array([1, 0, 2, -1]))
    yield Case(scores=800 + rng.normal(size=(2, 3)), targets=np.array([2, 0]))
    yield Case(scores=rng.normal(size=(3, 2, 3)), targets=np.array([[-1, -1], [2, -1], [0, 0]]))


losses = OperationExercise(
    "cross_entropy", operations={"cross_entropy": Operation(loss, scored)}, tensor="Tensor", depends=OPERATIONS
)


def normalized(x, eps=1e-6):
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)


def features(rng):
    for shape in [(3, 4), (2, 3, 5), (4,), (2, 1), (1, 2, 3, 2)]:
        yield Case(x=rng.choice([-1, 1], size=shape) * rng.uniform(0.4, 2, size=shape))
    for eps in (0.5, 2.0):
        yield Case({"eps": eps}, x=rng.normal(0.3, 0.7, size=(3, 5)))
    yield Case({"eps": 0.1}, x=np.zeros((2, 3)))


norm = OperationExercise(
    "rms_norm", operations={"rms_norm": Operation(normalized, features)}, tensor="Tensor", depends=OPERATIONS
)


def attended(q, k, v):
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    return shares(np.where(np.tri(scores.shape[-1], dtype=bool), scores, -np.inf)) @ v


def sequences(rng):
    """One head and several, one position, values longer than keys, as many heads as positions, large scores."""
    for lead, steps, n, m in [
        ((2,), 4, 3, 2),
        ((2, 3), 5, 2, 2),
        ((), 3, 4, 5),
        ((2,), 1, 2, 3),
        ((3, 2), 2, 1, 1),
        ((4, 4), 4, 4, 4),
    ]:
        yield Case(
            q=rng.normal(size=(*lead, steps, n)),
            k=rng.normal(size=(*lead, steps, n)),
            v=rng.normal(size=(*lead, steps, m)),
        )
    q = 60 * rng.choice([-1, 1], size=(2, 4, 3)) * rng.uniform(0.5, 1, size=(2, 4, 3))
    yield Case(q=q, k=q[:, ::-1] * 0.7, v=rng.normal(size=(2, 4, 2)))


attention = OperationExercise(
    "causal_attention",
    operations={"causal_attention": Operation(attended, sequences)},
    tensor="Tensor",
    depends=(*OPERATIONS, "softmax"),
)
