"""minibatches: every row once per epoch, with its label, in an order drawn from the generator."""

import numpy as np

from autograder.checks import Case, Claim, Exercise, Mean, Rng, even_draw, judge_unchanged, new_rng, statistics

EVERY = "every row comes once, in batches of the size"
TOGETHER = "x and y stay together"
ANOTHER = "another order every epoch"
REPEATED = "the same generator gives the same order"
LIKELY = "every order is equally likely"

minibatches = Exercise("minibatches", "function", ("minibatches",))


def minibatch_cases(rng):
    """Row i begins with i and has the label 10 i, so that a batch shows which rows it contains."""
    for rows, size, shape in [(23, 5, (2,)), (24, 8, (3, 2)), (20, 32, (1,)), (17, 4, ())]:
        x = rng.normal(size=(rows, *shape))
        x.reshape(rows, -1)[:, 0] = np.arange(rows)
        yield Case({"size": size, "rng": Rng(int(rng.integers(1 << 31)))}, x=x, y=10.0 * np.arange(rows))


def epochs_of(subject, case, generators, seen):
    """What ``seen`` returns for the epochs drawn with these generators, or a description of what is not an epoch.

    An epoch is a list of (numbers of the rows, labels), one for each batch.
    """
    x, y = case.inputs.values()
    found = [subject.run("minibatches", x, y, case.arguments["size"], generator) for generator in generators]
    epochs = [rows_of(batches) for batches in found]
    wrong = next((epoch for epoch in epochs if isinstance(epoch, str)), None)
    return {"what comes": wrong} if wrong else seen(*epochs)


def rows_of(batches):
    """The batches as (numbers of the rows, labels), or a description of what they are instead."""
    if not isinstance(batches, tuple | list):
        return f"a {type(batches).__name__}"
    if not batches:
        return "no batch"
    rows = []
    for batch in batches:
        if not isinstance(batch, tuple | list) or [type(part) for part in batch] != [np.ndarray] * 2:
            return "batches that are not pairs (x, y) of arrays"
        if not all(part.ndim and part.size and part.dtype.kind in "fiu" for part in batch):
            return "batches without rows"
        rows.append((batch[0].reshape(len(batch[0]), -1)[:, 0], batch[1]))
    return rows


def order_of(epoch):
    return np.concatenate([rows for rows, _ in epoch])


@minibatches.check(EVERY, cases=minibatch_cases, weight=3)
def every_row(subject, case):
    return epochs_of(
        subject,
        case,
        [case.arguments["rng"]],
        lambda epoch: {
            "the sizes of the batches": np.array([len(rows) for rows, _ in epoch]),
            "the rows of all batches": np.sort(order_of(epoch)),
        },
    )


@minibatches.check(TOGETHER, cases=minibatch_cases, after=(EVERY,))
def rows_with_labels(subject, case):
    def differences(epoch):
        found = [labels - 10 * rows if labels.shape == rows.shape else [-1.0] for rows, labels in epoch]
        return {"the difference of every label from that of its row": np.concatenate(found)}

    return epochs_of(subject, case, [case.arguments["rng"]], differences)


@minibatches.check(ANOTHER, cases=minibatch_cases, after=(EVERY,))
def another_order(subject, case):
    """Two epochs of one generator."""

    def orders(first, second):
        one, two = order_of(first), order_of(second)
        return {
            "the rows come in their given order": bool(np.array_equal(one, np.sort(one))),
            "the second epoch has the order of the first": bool(np.array_equal(one, two)),
        }

    return epochs_of(subject, case, 2 * [subject.put(case.arguments["rng"])], orders)


ROWS, EPOCHS = 24, 800


def many_epochs(rng):
    """A batch size that divides nothing, and one that divides the rows."""
    for size in (7, 8):
        yield Case({"size": size, "rng": new_rng(rng)}, x=np.arange(ROWS) * 1.0, y=np.arange(ROWS) * 10.0)


def at_place(place):
    return lambda seen, _: seen["orders"][:, place]


@statistics(
    minibatches,
    LIKELY,
    cases=many_epochs,
    after=(ANOTHER,),
    claims=[
        Claim("the distance of the rows that come first", at_place(0), lambda _: even_draw(ROWS)),
        Claim("the distance of the rows that come tenth", at_place(9), lambda _: even_draw(ROWS)),
        Claim(
            "the share of epochs whose second row follows the first in x",
            lambda seen, _: seen["orders"][:, 1] == seen["orders"][:, 0] + 1,
            lambda _: Mean(1 / ROWS),
            {"blocks of rows in another order": lambda _: Mean(1.0)},
        ),
    ],
)
def orders(subject, case):
    generator = subject.put(case.arguments["rng"])
    case = case.with_changes(arguments={**case.arguments, "rng": generator})
    return {"orders": np.stack([epochs_of(subject, case, [generator], order_of) for _ in range(EPOCHS)])}


@minibatches.check(REPEATED, cases=minibatch_cases, after=(EVERY,))
def repeated_order(subject, case):
    """Two generators with the same seed."""

    def same(first, second):
        alike = np.array_equal(order_of(first), order_of(second))
        return {"two generators with the same seed give the same order": bool(alike)}

    return epochs_of(subject, case, 2 * [case.arguments["rng"]], same)


@minibatches.check(
    "inputs are not modified",
    cases=minibatch_cases,
    expect=lambda case: dict(case.inputs),
    judge=judge_unchanged,
    after=(EVERY,),
)
def rows_afterwards(subject, case):
    """The arrays x and y after the call."""
    x, y = case.inputs.values()
    _, after = subject.run_echo("minibatches", x, y, case.arguments["size"], case.arguments["rng"])
    return {"x": after[0], "y": after[1]}
