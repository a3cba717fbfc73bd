"""Checks of 05_regularization: mixing."""

import numpy as np

from autograder.checks import Case, Claim, Distribution, Exercise, Points, Ref, seeded, statistics
from autograder.spec import Check

from .shared import (
    DEVICE,
    FLOAT32,
    UNTOUCHED,
    AllAlike,
    all_as_they_were,
    close,
    even,
    judge_untouched,
    judge_words,
    new_rng,
    untouched_words,
)

MIXED = "images and targets are mixed with the same share and the same partners"


SHARES = "shares follow a Beta distribution, and partners are drawn evenly"


IMAGES, TARGETS, PARTNERS = "what becomes of x", "what becomes of t", "the partners of the batch"


def one_hot(labels, classes):
    return (np.asarray(labels)[:, None] == np.arange(classes)).astype(float)


def mixing_cases(rng):
    """Batches so large that a permutation that moves nobody is rarer than 1e-8; the last with soft targets."""
    for shape, classes in [((12, 5), 3), ((13, 2, 3, 2), 12)]:
        labels = np.arange(shape[0]) % classes
        yield Case({"alpha": 4.0, "rng": new_rng(rng)}, x=rng.normal(size=shape), t=one_hot(labels, classes))
    soft = rng.dirichlet(np.ones(4), size=14)
    yield Case({"alpha": 4.0, "rng": new_rng(rng)}, x=rng.normal(size=(14, 3)), t=soft)


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


def words_of_mixture(x, t, result):
    """In words: what has been made of x, of t, and who was whose partner."""
    if not (isinstance(result, tuple | list) and len(result) == 2):
        return {IMAGES: "mix does not return a pair (x, t)"}
    mixed, targets = result
    for made, given, name in ((mixed, x, "x"), (targets, t, "t")):
        right = isinstance(made, np.ndarray) and made.shape == given.shape and made.dtype.kind == "f"
        if not right or not np.isfinite(made).all():
            return {IMAGES: f"the mixed {name} is no array of finite floats in the shape of {name}"}
    shares, partners = partners_of(x, mixed)
    if (partners < 0).any():
        return {IMAGES: "rows are no mixtures of two rows"}
    known = shares[np.isfinite(shares)]
    if not known.size:
        return {IMAGES: "not mixed"}
    if np.ptp(known) > 1e-4:
        return {IMAGES: "mixed with another share in every row"}
    share = float(known[0])
    return {
        IMAGES: "mixed" if 0 <= share <= 1 else "mixed with a share that is not between 0 and 1",
        PARTNERS: "every sample once" if len(set(partners)) == len(partners) else "some samples more than once",
        TARGETS: word_of_targets(t, t[partners], targets, share),
    }


def word_of_targets(t, other, targets, share):
    """What the targets are of their own rows t and of their partners', given the share with which x was mixed."""
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


RIGHT_MIXTURE = {IMAGES: "mixed", PARTNERS: "every sample once", TARGETS: "mixed like x"}


def mixed(subject, case):
    x, t = case.inputs.values()
    return words_of_mixture(x, t, subject.make("Mixup", **case.arguments).call("mix", x, t))


def mixed_dtypes(subject, case):
    result = subject.make("Mixup", **case.arguments).call("mix", *case.inputs.values())
    pair = result if isinstance(result, tuple | list) and len(result) == 2 else (None, None)
    return {
        f"the dtype of the mixed {name}": str(getattr(y, "dtype", None)) for name, y in zip("xt", pair, strict=True)
    }


def unmixed(subject, case):
    return untouched_words(case.inputs, subject.make("Mixup", **case.arguments).echo("mix", *case.inputs.values())[1])


def mix_check(name, cases, observe, judge, weight=1.0, **more):
    return Check(name, "mix", weight, lambda rng, _: list(cases(rng)), observe, judge, needs=("mix",), **more)


def single_mixing(rng):
    for case in mixing_cases(rng):
        yield case.with_changes(inputs={name: x.astype("float32") for name, x in case.inputs.items()})


mixup = Exercise(
    "Mixup",
    "class",
    ("mix",),
    Points(mix=4),
    [
        mix_check(
            MIXED,
            mixing_cases,
            mixed,
            judge_words(
                {
                    "rows are no mixtures of two rows": "a row of the mixed x is no mixture of its own row and another of the batch",
                    "not mixed": "x comes back as it was",
                    "mixed with another share in every row": "every row of x is mixed with a share of its own: one λ a call",
                    "mixed with a share that is not between 0 and 1": "the share is not between 0 and 1",
                    "some samples more than once": "some samples are the partner of several: draw a permutation",
                }
            ),
            3.0,
            expect=lambda _s, _c, _r: RIGHT_MIXTURE,
        )
    ],
    support_files=("mixtures",),
)


mixup.checks.extend(
    [
        mix_check(
            UNTOUCHED,
            mixing_cases,
            unmixed,
            judge_untouched,
            expect=all_as_they_were,
            after=(MIXED,),
        ),
        mix_check(
            FLOAT32,
            single_mixing,
            mixed_dtypes,
            judge_words({"float64": "the mixture is float64 where x and t are float32: dtype in is dtype out"}),
            expect=lambda _s, _c, _r: {f"the dtype of the mixed {name}": "float32" for name in "xt"},
            after=(MIXED,),
        ),
        mix_check(
            DEVICE,
            mixing_cases,
            mixed,
            judge_words({}),
            expect=lambda _s, _c, _r: RIGHT_MIXTURE,
            after=(MIXED,),
            backend="stand-in",
        ),
    ]
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
    """Of every call: the smallest number on the diagonal, for a row that is its own partner has a 1 there."""
    return np.diagonal(seen["mixtures"], axis1=1, axis2=2).min(axis=1)


def first_partners(seen, _case):
    """Of every call: whose share the first row has besides its own."""
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
            lambda _: even(12),
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
