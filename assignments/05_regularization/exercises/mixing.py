"""The exercise Mixup: samples and their targets are mixed with those of partners."""

import numpy as np

from autograder.checks import (
    AllAlike,
    Case,
    Claim,
    Distribution,
    RandomFunctionExercise,
    Ref,
    even_draw,
    new_rng,
    seeded,
    statistics,
)

MIXED = "images and targets are mixed with the same share and the same partners"
SHARES = "shares follow a Beta distribution, and partners are drawn evenly"
IMAGES, TARGETS, PARTNERS = "what becomes of x", "what becomes of t", "the partners of the batch"


def one_hot(labels, classes):
    return (np.asarray(labels)[:, None] == np.arange(classes)).astype(float)


def mixing_cases(rng):
    """Batches so large that a permutation that moves no row is rarer than 1e-8; the last with soft targets."""
    for shape, classes in [((12, 5), 3), ((13, 2, 3, 2), 12)]:
        labels = np.arange(shape[0]) % classes
        yield Case({"alpha": 4.0}, x=rng.normal(size=shape), t=one_hot(labels, classes))
    soft = rng.dirichlet(np.ones(4), size=14)
    yield Case({"alpha": 4.0}, x=rng.normal(size=(14, 3)), t=soft)


def close(left, right, scale):
    return bool(np.abs(left - right).max() <= 1e-5 * scale)


def partners_of(x, mixed):
    """The share and the partner of every row, where a row is a mixture of its own and another; −1 where it is none."""
    rows, made = x.reshape(len(x), -1), mixed.reshape(len(x), -1)
    shares, partners = np.full(len(x), np.nan), np.full(len(x), -1)
    for i, (own, row) in enumerate(zip(rows, made, strict=True)):
        size = np.abs(rows).max()
        if close(row, own, size):
            partners[i] = i
            continue
        for j, other in enumerate(rows):
            apart = own - other
            share = (row - other) @ apart / (apart @ apart) if j != i else np.nan
            if j != i and close(row, other + share * apart, size):
                shares[i], partners[i] = share, j
                break
    return shares, partners


def words_of_mixture(result, case):
    """In words: what has become of x and of t, and which rows were partners."""
    x, t = case.inputs.values()
    if not (isinstance(result, tuple | list) and len(result) == 2):
        return {IMAGES: "mix does not return a pair (x, t)"}
    mixed, targets = result
    for made, given, name in ((mixed, x, "x"), (targets, t, "t")):
        right = isinstance(made, np.ndarray) and made.shape == given.shape and made.dtype.kind == "f"
        if not right or not np.isfinite(made).all():
            return {IMAGES: f"the mixed {name} is not an array of finite floats with the shape of {name}"}
    shares, partners = partners_of(x, mixed)
    if (partners < 0).any():
        return {IMAGES: "rows are not mixtures of two rows"}
    known = shares[np.isfinite(shares)]
    if not known.size:
        return {IMAGES: "not mixed"}
    if np.ptp(known) > 1e-4:
        return {IMAGES: "mixed with a different share in every row"}
    share = float(known[0])
    return {
        IMAGES: "mixed" if 0 <= share <= 1 else "mixed with a share that is not between 0 and 1",
        PARTNERS: "every sample once" if len(set(partners)) == len(partners) else "some samples more than once",
        TARGETS: word_of_targets(t, t[partners], targets, share),
    }


def word_of_targets(t, other, targets, share):
    """How the targets were mixed from their own rows t and their partners', given the share with which x was mixed."""
    ways = {
        "mixed like x": share * t + (1 - share) * other,
        "not mixed": t,
        "mixed with the shares exchanged": (1 - share) * t + share * other,
        "the partner's": other,
    }
    found = next((word for word, made in ways.items() if close(targets, made, 1)), "")
    if found:
        return found
    fit = ((targets - other) * (t - other)).sum() / ((t - other) ** 2).sum()
    same_partners = close(targets, fit * t + (1 - fit) * other, 1)
    return "mixed with another share than x" if same_partners else "mixed with other partners than x"


mixup = RandomFunctionExercise(
    "Mixup",
    method="mix",
    cases=mixing_cases,
    invariant=words_of_mixture,
    expect=lambda _: {IMAGES: "mixed", PARTNERS: "every sample once", TARGETS: "mixed like x"},
    sentences={
        "rows are not mixtures of two rows": "a row of the mixed x is not a mixture of its own row and another row",
        "not mixed": "x is returned unchanged",
        "mixed with a different share in every row": "every row of x is mixed with its own share: draw one λ per call",
        "mixed with a share that is not between 0 and 1": "the share is not between 0 and 1",
        "some samples more than once": "some samples are the partner of several rows: draw a permutation",
    },
    names=(MIXED, SHARES),
    outputs=("the mixed x", "the mixed t"),
    support_files=("mixtures",),
)


def many_mixtures(rng):
    """Two parameters whose cumulative distributions have a closed form: Beta(½, ½), the arcsine law, and Beta(2, 2)."""
    for alpha in (0.5, 2.0):
        yield Case({"alpha": alpha, "rng": new_rng(rng)}, x=np.eye(12), t=np.eye(12))


def beta(alpha):
    if alpha == 0.5:
        return lambda x: 2 / np.pi * np.arcsin(np.sqrt(np.clip(x, 0, 1)))
    return lambda x: np.clip(x, 0, 1) ** 2 * (3 - 2 * np.clip(x, 0, 1))


def shares_seen(seen, _case):
    """Of every call: the smallest number on the diagonal, because a row that is its own partner has a 1 there."""
    return np.diagonal(seen["mixtures"], axis1=1, axis2=2).min(axis=1)


def first_partners(seen, _case):
    """Of every call: the partner of the first row."""
    rows = seen["mixtures"][:, 0].copy()
    rows[:, 0] = 0
    return rows.argmax(axis=1)


@statistics(
    mixup,
    SHARES,
    cases=many_mixtures,
    claims=[
        Claim(
            "the distance of the shares",
            shares_seen,
            lambda case: Distribution("Beta(alpha, alpha)", beta(case.arguments["alpha"])),
            {
                "uniform": lambda _: Distribution("uniform", lambda x: np.clip(x, 0, 1)),
                "Beta(alpha, 1)": lambda case: Distribution("Beta(alpha, 1)", lambda x: x ** case.arguments["alpha"]),
                "the larger of λ and 1 − λ": lambda case: Distribution(
                    "the larger one", lambda x: np.where(x < 0.5, 0, 2 * beta(case.arguments["alpha"])(x) - 1)
                ),
                "all alike": lambda _: AllAlike(),
            },
        ),
        Claim(
            "the distance of the first row's partners",
            first_partners,
            lambda _: even_draw(12),
            {"all alike": lambda _: AllAlike()},
        ),
    ],
    weight=2,
    after=(MIXED,),
)
def mixtures_drawn(subject, case):
    thing = subject.make("Mixup", **case.arguments)
    return {"mixtures": subject.run("support.mixtures", Ref(thing.handle), *case.inputs.values(), 3000)}


@seeded(mixup, cases=lambda rng: [Case({"alpha": 4.0}, x=rng.normal(size=(40, 3)), t=np.eye(40))], after=(MIXED,))
def mixture_again(subject, case):
    return subject.make("Mixup", **case.arguments).call("mix", *case.inputs.values())
