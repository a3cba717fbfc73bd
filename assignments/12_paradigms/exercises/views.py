"""Two views of each image: UnitLength, NTXent and contrastive_step."""

import numpy as np

from autograder.checks import Case, LayerExercise, LossExercise, New, Rng, TrainingStepExercise, mutated

COLD = "a low temperature does no harm"
ZEROS = "a row of zeros gives zeros, and gets the gradient 0"
TINY = "the shortest rows have the length 1 too"


def of_lengths(rng, x, low, high):
    """Each row as long as drawn between these powers of ten.

    Numerical differences take one step for all rows, so that rows of very different length have poor ones.
    """
    return x / np.linalg.norm(x, axis=1, keepdims=True) * 10.0 ** rng.uniform(low, high, (len(x), 1))


def rows(rng):
    """Batch 1, two features and more, rows of very different length, shorter and longer than 1."""
    yield Case(x=of_lengths(rng, rng.normal(size=(5, 2)), -0.7, 0.8))
    for shape in [(1, 4), (6, 3), (4, 7)]:
        yield Case(x=of_lengths(rng, rng.normal(size=shape), -0.7, 0.8))


unit = LayerExercise("UnitLength", cases=rows, wide=Case(x=(2, 8000)), extreme=1e6)


def silent_rows(rng):
    """One silent row among others, and nothing else."""
    x = rng.normal(size=(4, 3))
    x[1] = 0
    yield Case(x=x).with_changes(hidden={"dy": rng.normal(size=(4, 3))})
    yield Case(x=np.zeros((2, 5))).with_changes(hidden={"dy": rng.normal(size=(2, 5))})


@unit.check(ZEROS, cases=silent_rows, part="backward", after=("gradients match numerical differences",))
def silent(subject, case):
    made = subject.make("UnitLength")
    return {"y": made.call("forward", case.inputs["x"]), "dx": made.call("backward", case.hidden["dy"])}


def shortest_rows(rng):
    """Rows of lengths down to 10⁻¹², among longer ones."""
    x = rng.normal(size=(5, 3))
    yield Case(x=of_lengths(rng, x, -6, -4))
    yield Case(x=x * 10.0 ** np.array([[0], [-12], [-9], [-7], [-3]]))


@unit.check(
    TINY, cases=shortest_rows, part="forward", after=("forward matches the reference",),
    mutation=mutated("long = abs(xs[0]).max(axis=1, keepdims=True) > 1e-5", "return super().forward(*xs) * long"),
)  # fmt: skip
def shortest(subject, case):
    return {"y": subject.make("UnitLength").call("forward", case.inputs["x"])}


# --- NT-Xent ---------------------------------------------------------------------------------


def unlike_views(rng):
    """Every view at a right angle to all others, or nearly, at a low temperature."""
    axes = np.eye(6) + rng.normal(0, 0.02, (6, 6))
    return Case({"temperature": 0.02}, a=axes[:3], b=axes[3:])


def two_views(rng):
    """One pair, as many pairs as features, more, fewer; low and high temperatures; rows of several lengths."""
    for temperature, batch, features in [(0.5, 1, 3), (1.0, 4, 4), (0.02, 5, 2), (0.1, 3, 6), (0.5, 6, 3)]:
        a = rng.normal(size=(batch, features))
        b = a + rng.normal(0, 0.7, size=a.shape)
        yield Case({"temperature": temperature}, a=of_lengths(rng, a, 1, 1.4), b=of_lengths(rng, b, -0.2, 0.2))
        if batch == 1:
            yield unlike_views(rng)


contrast = LossExercise(
    "NTXent",
    cases=two_views,
    gradient_of=("a", "b"),
    wide=Case({"temperature": 0.5}, a=(3, 6000), b=(3, 6000)),
    extreme=1000.0,
    batch_mean=False,
    depends=("UnitLength",),
)


def cold_views(rng):
    """So low a temperature that exponentials overflow, or underflow where a row has no near candidate."""
    a = np.eye(4) + rng.normal(0, 0.05, (4, 4))
    b = a + rng.normal(0, 0.05, a.shape)
    b[2] *= -1
    yield Case({"temperature": 0.0005}, a=a, b=b)


@contrast.check(COLD, cases=cold_views, part="forward", needs=("forward",), after=("forward matches the reference",))
def cold(subject, case):
    return {"the loss": subject.make("NTXent", **case.arguments).call("forward", *case.inputs.values())}


@contrast.check(
    f"{COLD}: gradients", cases=cold_views, part="backward", after=("gradients match numerical differences",),
    mutation=mutated(
        "dx = super().backward(*dy)",
        "factor = float('nan') if self.temperature < 1e-3 else 1",
        "return tuple(d * factor for d in dx)",
        method="backward",
    ),
)  # fmt: skip
def cold_gradients(subject, case):
    made = subject.make("NTXent", **case.arguments)
    made.call("forward", *case.inputs.values())
    found = made.call("backward")
    several = isinstance(found, tuple | list) and len(found) == 2
    return dict(zip(("da", "db"), found, strict=True)) if several else {"what backward returns": found}


# --- a step ----------------------------------------------------------------------------------


def batches(rng):
    """One image and several, as rows and with more axes."""
    for shape in [(4, 3), (1, 3), (5, 3), (6, 3)]:
        yield Case(a=rng.normal(size=shape), b=rng.normal(size=shape))


step = TrainingStepExercise(
    "contrastive_step",
    cases=batches,
    networks=lambda _: {
        "encoder": New("support.Perceptron", 3, 6, 4, rng=Rng(1)),
        "head": New("support.Perceptron", 4, 5, 2, rng=Rng(2)),
    },
    optimizers={"optimizer": ("encoder", "head")},
    losses={"loss": New("support.DistanceOfViews")},
    stale=True,
    float32=True,
    support_files=("distances",),
)
