"""What is graded of 01_foundations: cases, points, limits, the published code, and the mistakes that people really make."""

import numpy as np

from autograder.checks import (
    Assignment,
    Case,
    Code,
    Exercise,
    FunctionExercise,
    Mistake,
    Points,
    Question,
    Rng,
    Scaling,
    Speed,
    swap,
)
from autograder.checks.model import Task, disguise
from autograder.checks.standard import judge_float32, judge_unchanged
from autograder.spec import Check
from autograder.spec.comparison import Mismatch, compare_all
from autograder.subject import Instance, SubjectRaisedError
from dlkit.datasets import iris

FLOAT32 = "float32 stays float32"
FLOAT64 = "the result is float64"
UNTOUCHED = "inputs are not modified"
DEVICE = "stays on the device"
MATCHES = "the result matches the reference"


def in_float32(cases):
    """The same cases in single precision, state and all."""

    def short(value):
        if isinstance(value, dict):
            return {name: short(item) for name, item in value.items()}
        return value.astype("float32") if getattr(value, "dtype", None) == np.float64 else value

    return lambda rng: [
        case.with_changes(inputs=short(case.inputs), hidden=short(case.hidden)) for case in list(cases(rng))[-2:]
    ]


def spoiled_result(name, change):
    """Source of a function that is right but for what is done to its result."""
    return f"_right = {name}\ndef {name}(*args, **kwargs):\n    return {change('_right(*args, **kwargs)')}\n"


def spoiled_method(name, method, *body):
    """Source of a class that is right but for one method."""
    lines = "".join(f"        {line}\n" for line in body)
    return f"_Right = {name}\nclass {name}(_Right):\n    def {method}(self, *args, **kwargs):\n{lines}"


def keeps_float32(exercise, observe, cases, sabotage):
    """Add the check that a function's result has the dtype of its inputs."""
    exercise.checks.append(
        Check(
            FLOAT32,
            exercise.name,
            1.0,
            cases=lambda rng, _: in_float32(cases)(rng),
            observe=observe,
            judge=judge_float32,
            needs=exercise.parts,
            after=(MATCHES,),
            sabotage=sabotage,
        )
    )


def judge_dtype(kind):
    """Want the dtype that the reference has; kind: of the mismatch."""

    def judge(observed, expected, case):
        del case
        (name, wanted), (_, seen) = *expected.items(), *observed.items()
        return None if seen == wanted else Mismatch(kind, name, f"{name} is {seen}; {wanted} is wanted")

    return judge


# --- the numerical gradient ------------------------------------------------------------------

RESTORED = "x is as it was where f raises"


def numerical_cases(rng):
    """Steps so large that both sides, one side and any other quotient give different numbers."""
    for shape, h, text in [
        ((4,), 0.1, "lambda x: (x * x * x).sum()"),
        ((2, 3), 0.5, "lambda x: (x * x * x).sum() * x[0, 1] + x[1, 2] * x[0, 0]"),
        ((2, 1, 3), 1e-3, "lambda x: (x * x).sum() * (x * x * x).sum()"),
        ((), 0.2, "lambda x: x * x * x * x"),
    ]:
        yield Case({"h": h}, f=Code(text), x=np.asarray(rng.normal(size=shape)))


numerical_gradient = FunctionExercise(
    "numerical_gradient",
    cases=numerical_cases,
    points=4,
    support="""
class Fails:
    def __init__(self, call):
        self.left = call

    def __call__(self, x):
        self.left -= 1
        if not self.left:
            raise ArithmeticError("f has no value here")
        return (x * x).sum()
""",
    hints={
        "numerical_gradient": (
            (
                "How much of x may have moved at the moment when f is called? And what does the caller's x look like "
                "if f raises an error half way?"
            ),
            (
                "∂f/∂xᵢ ≈ (f(x + h eᵢ) − f(x − h eᵢ)) / (2 h), eᵢ being 1 at entry i and 0 elsewhere; "
                "result (…), the shape of x"
            ),
            (
                "Work on a copy of x, and visit the index of every entry, whatever the number of axes. Set that entry "
                "to its value plus h and call f, set it to its value minus h and call f, put it back. The difference "
                "of the two heights over the distance of the two places is the slope."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "takes one side only",
            swap("moved[index] = x[index] - h", "moved[index] = x[index]"),
            swap("(2 * h)", "h"),
            hint="(f(x + h) − f(x)) / h is wrong by h f″/2. Step to both sides, and divide by 2h.",
        ),
        Mistake(
            "divides by h",
            swap("(2 * h)", "h"),
            hint="The two places are 2h apart, not h.",
        ),
        Mistake(
            "multiplies where it should divide",
            swap("/ (2 * h)", "/ 2 * h"),
            hint="/ 2 * h divides by 2 and multiplies by h. Put the divisor into brackets: / (2 * h).",
        ),
        Mistake(
            "takes the sides the wrong way round",
            swap("(above - below)", "(below - above)"),
            hint="A slope is (right − left) / distance.",
        ),
        Mistake(
            "does not move back",
            swap("        moved[index] = x[index]\n", ""),
            hint="Put an entry back before the next one moves, or f is looked at in another place each time.",
        ),
        Mistake(
            "moves all entries at once",
            swap("moved[index] = x[index] + h", "moved[...] = x + h"),
            swap("moved[index] = x[index] - h", "moved[...] = x - h"),
            swap("        moved[index] = x[index]\n", ""),
            hint="That is the slope along the diagonal. One entry moves, the others stay.",
        ),
        Mistake(
            "has a step of its own",
            swap("    moved = x.copy()\n", "    moved = x.copy()\n    h = 1e-5\n"),
            hint="The step is an argument: use h.",
        ),
        Mistake(
            "moves the caller's x",
            swap("moved = x.copy()", "moved = x"),
            swap("moved[index] = x[index] + h", "kept = x[index].copy()\n        moved[index] = kept + h"),
            swap("moved[index] = x[index] - h", "moved[index] = kept - h"),
            swap("        moved[index] = x[index]\n", "        moved[index] = kept\n"),
            hint="Where f raises, nobody puts the entry back. Move a copy, x.copy(), or put it back in a finally.",
            caught_by=RESTORED,
        ),
        Mistake(
            "turns numbers into Python floats",
            swap("above = f(moved)", "above = float(f(moved))"),
            hint="float() pulls the number off the GPU. Store the quotient as the array that it is.",
            caught_by=DEVICE,
        ),
        Mistake(
            "makes float64 slopes",
            swap("array_module(x).zeros_like(x)", "array_module(x).zeros(x.shape)"),
            hint="zeros is float64 unless told otherwise: zeros_like(x), or dtype=x.dtype.",
            caught_by=FLOAT32,
        ),
    ],
)


@numerical_gradient.check(
    FLOAT32,
    cases=lambda rng: [Case(x=rng.normal(size=(2, 3)).astype("float32"), h=0.5)],
    judge=judge_dtype("dtype"),
    after=(MATCHES,),
)
def slopes_in_float32(subject, case):
    """The dtype alone: how a difference of float32 is rounded is anybody's choice."""
    slopes = subject.run("numerical_gradient", Code("lambda x: (x * x).sum()"), *case.inputs.values())
    return {"the result": str(getattr(slopes, "dtype", "no array"))}


@numerical_gradient.check(
    RESTORED,
    cases=lambda rng: [
        Case(x=rng.normal(size=(2, 3)), h=0.5).with_changes(hidden={"call": call}) for call in (1, 2, 5, 12)
    ],
    after=(MATCHES,),
)
def restored(subject, case):
    """What has become of the very array that was handed in."""
    x = subject.put(case.inputs["x"])
    try:
        subject.run("numerical_gradient", Code(f"Fails({case.hidden['call']})"), x, case.inputs["h"])
    except SubjectRaisedError as error:
        if error.type != "ArithmeticError":
            raise
    return {"x": Instance(subject, x.handle).fetch()}


# --- the relative error ----------------------------------------------------------------------


def relative_cases(rng):
    """The largest error is now at a small entry, now at a large one; zeros on one side and on both."""
    for shape in [(5,), (3, 4), (2, 1, 3)]:
        a = rng.normal(size=shape) * 10.0 ** rng.integers(-6, 3, size=shape)
        b = a * (1 + 0.2 * rng.normal(size=shape))
        yield Case(a=a, b=b)
        yield Case(a=b, b=a)
    a = rng.normal(size=(3, 4))
    b = a * (1 + 0.01 * rng.uniform(1, 2, size=a.shape))
    a[0] = b[0] = 0.0
    yield Case(a=a, b=b)
    yield Case(a=-a, b=b)
    yield Case(a=0 * a, b=0 * a)
    yield Case(a=1e-13 * a, b=1e-13 * b)  # no number is too small to be compared
    yield Case(a=1e13 * a, b=-1e13 * b)


relative_error = FunctionExercise(
    "relative_error",
    cases=relative_cases,
    points=2,
    hints={
        "relative_error": (
            (
                "By which of the two numbers is a difference divided, if neither is the truth? And what comes of an "
                "entry that is zero in both?"
            ),
            (
                "error = maxᵢ |aᵢ − bᵢ| / max(|aᵢ|, |bᵢ|), where both are 0 the entry counts 0; "
                "a, b (…) of one shape, result () from 0 to 2"
            ),
            (
                "For every entry by itself: the size of the difference, the larger of the two sizes, and a 1 in its "
                "place where that is exactly 0. Divide entry by entry; only then look for the largest."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "takes one side for the truth",
            swap("array_module(a).maximum(abs(a), abs(b))", "abs(b)"),
            hint="Divide by the larger of |a| and |b|, so that error(a, b) is error(b, a).",
        ),
        Mistake(
            "divides by the sum of the sizes",
            swap("array_module(a).maximum(abs(a), abs(b))", "abs(a) + abs(b)"),
            hint="Here the larger of the two sizes is the measure, not their sum: opposite signs give 2.",
        ),
        Mistake(
            "divides zero by zero",
            swap("(largest + (largest == 0))", "largest"),
            hint="Where both are zero the error is 0, and 0 / 0 is nan: divide by 1 there.",
        ),
        Mistake(
            "adds a small number to every divisor",
            swap("(largest + (largest == 0))", "(largest + 1e-8)"),
            hint="10⁻⁸ is not small beside a gradient of 10⁻⁶. Change the divisor only where it is zero.",
        ),
        Mistake(
            "divides by a small number at least",
            swap("(largest + (largest == 0))", "array_module(a).maximum(largest, 1e-8)"),
            hint="Gradients may well be smaller than 10⁻⁸, and wrong by half. Change the divisor only where it is zero.",
        ),
        Mistake(
            "takes the mean",
            swap(".max()", ".mean()"),
            hint="One wrong entry among a thousand right ones has to show: the largest error counts.",
        ),
        Mistake(
            "gives the absolute error",
            swap("(abs(a - b) / (largest + (largest == 0)))", "abs(a - b)"),
            hint="Divide by the size of the numbers.",
        ),
        Mistake(
            "divides by the largest entry of all",
            swap("array_module(a).maximum(abs(a), abs(b))", "array_module(a).maximum(abs(a), abs(b)).max()"),
            hint="Each difference beside its own two numbers, and the maximum at the very end.",
        ),
        Mistake(
            "forgets the sign of the difference",
            swap("abs(a - b)", "(a - b)"),
            hint="A difference may be negative: take its absolute value before the maximum.",
        ),
    ],
)

# --- one-hot ---------------------------------------------------------------------------------


def one_hot_cases(rng):
    for shape, classes in [((1,), 4), ((7,), 5), ((2, 3), 6), ((4, 1, 2), 3)]:
        yield Case({"classes": classes}, labels=rng.integers(classes - 1, size=shape))


one_hot = FunctionExercise(
    "one_hot",
    cases=one_hot_cases,
    points=2,
    hints={
        "one_hot": (
            (
                "Which axis of the result is new, and what says how long it is: the labels that happen to occur, or "
                "the argument?"
            ),
            (
                "y[…, c] = 1 where labels[…] = c, else 0, for c = 0, 1, …, classes − 1; "
                "labels (…), y (…, classes) of float64"
            ),
            (
                "Give the labels a last axis of length one and compare them with the row of all class numbers: the "
                "comparison spreads over both. Then make numbers of true and false."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "counts classes from one",
            swap("arange(classes)", "arange(1, classes + 1)"),
            hint="Classes are numbered from 0.",
        ),
        Mistake(
            "has as many columns as classes that occur",
            swap("arange(classes)", "arange(int(labels.max()) + 1)"),
            hint="A batch need not hold the last class: the count of columns is the argument classes.",
        ),
        Mistake(
            "puts the classes first",
            swap("labels[..., None] == names", "labels == names.reshape(-1, *(1,) * labels.ndim)"),
            hint="The classes are the last axis: result[…, c].",
        ),
        Mistake(
            "marks every class but the right one",
            swap("[..., None] == names", "[..., None] != names"),
            hint="1 stands at the label's class, and 0 elsewhere.",
        ),
        Mistake(
            "fills up to the class",
            swap("[..., None] == names", "[..., None] >= names"),
            hint="One 1 in a row, at the class alone: class numbers are names and have no order.",
        ),
        Mistake(
            "flattens the labels",
            swap("labels[..., None]", "labels.reshape(-1, 1)"),
            hint="Labels of shape (2, 3) give (2, 3, classes): keep their axes.",
        ),
        Mistake(
            "gives integers",
            swap(".astype(float)", ".astype(int)"),
            hint="What is computed with is float64. Integers cannot hold a share of a class, nor be divided in place.",
            caught_by=FLOAT64,
        ),
        Mistake(
            "gives truth values",
            swap(".astype(float)", ""),
            hint="A comparison gives True and False, which cannot be subtracted: make numbers of them, .astype(float).",
            caught_by=FLOAT64,
        ),
    ],
)


@one_hot.check(FLOAT64, cases=one_hot_cases, judge=judge_dtype("value"), after=(MATCHES,))
def rows_in_float64(subject, case):
    """The dtype of what is to be computed with."""
    rows = subject.run("one_hot", *case.inputs.values(), **case.arguments)
    return {"the result": str(getattr(rows, "dtype", "no array"))}


# --- standardize -----------------------------------------------------------------------------


def standardize_cases(rng):
    for rows, others, columns in [(5, 3, 2), (7, 1, 4), (4, 9, 3)]:
        train = rng.normal(size=(rows, columns)) * rng.uniform(0.1, 50, columns) + rng.normal(0, 20, columns)
        test = rng.normal(3, 2, size=(others, columns))
        yield Case(train=train, test=test)
        train, test = train.copy(), test.copy()
        train[:, 1] = np.round(test[0, 1], 1)
        yield Case(train=train, test=test)
        test[:, 0] = 1.5  # constant in the test rows alone
        yield Case(train=train, test=test)


standardize = FunctionExercise(
    "standardize",
    cases=lambda rng: [*standardize_cases(rng), *spread_cases(rng)],
    points=3,
    hints={
        "standardize": (
            (
                "Whose mean may be taken from the test rows? And what is divided by where a column is the same in "
                "every training row?"
            ),
            (
                "μⱼ = 1/N Σₙ xₙⱼ over the N training rows; "
                "σⱼ = √(1/N Σₙ (xₙⱼ − μⱼ)²), and 1 in place of a σⱼ of 0; "
                "x′ = (x − μ) / σ; "
                "train (N, J), test (M, J), μ and σ (J,)"
            ),
            (
                "Mean and deviation of every column of train, over its rows; put a 1 where the deviation is exactly "
                "zero, and leave small ones as they are. Shift and divide both parts by these two rows of numbers; "
                "return the pair, train first."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "gives each part statistics of its own",
            swap("(test - mean) / scale", "(test - test.mean(axis=0)) / (test.std(axis=0) + (test.std(axis=0) == 0))"),
            hint="The test rows are a future that nobody knows: use the mean and the deviation of the training rows.",
        ),
        Mistake(
            "takes the statistics of both together",
            swap(
                "mean = train.mean(axis=0)",
                "both = array_module(train).concatenate([train, test])\n    mean = both.mean(axis=0)",
            ),
            swap("deviation = train.std(axis=0)", "deviation = both.std(axis=0)"),
            hint="The test rows have leaked into the mean and the deviation: take them from train alone.",
        ),
        Mistake(
            "leaves the test rows as they are",
            swap("(test - mean) / scale", "test"),
            hint="The test rows need the same shift and scale as the training rows, or the model sees another world.",
        ),
        Mistake(
            "divides by zero where a column is constant",
            swap("scale = deviation + (deviation == 0)", "scale = deviation"),
            hint="A constant column has σ = 0, and 0 / 0 is nan. Divide by 1 there.",
        ),
        Mistake(
            "adds a small number to every deviation",
            swap("scale = deviation + (deviation == 0)", "scale = deviation + 1e-8"),
            hint="A constant column divided by 10⁻⁸ throws test rows to millions. Divide by 1 where σ is 0.",
        ),
        Mistake(
            "divides by the variance",
            swap("train.std(axis=0)", "train.var(axis=0)"),
            hint="σ is the root of the variance: then the result has no unit.",
        ),
        Mistake(
            "has one mean for all columns",
            swap("train.mean(axis=0)", "train.mean()"),
            hint="Every column has its own mean: axis=0 goes over the rows.",
        ),
        Mistake(
            "has one deviation for all columns",
            swap("train.std(axis=0)", "train.std()"),
            hint="Every column has its own deviation: axis=0 goes over the rows.",
        ),
        Mistake(
            "divides by N − 1",
            swap("train.std(axis=0)", "train.std(axis=0, ddof=1)"),
            hint="Here σ² is the mean of the squares, divided by N: what is scaled are these rows, nothing is estimated.",
        ),
        Mistake(
            "does not shift",
            swap("(train - mean) / scale", "train / scale"),
            swap("(test - mean) / scale", "test / scale"),
            hint="First subtract the mean, then divide.",
        ),
    ],
)


def spread_cases(rng):
    """Columns of 10⁻⁷: small, and not constant."""
    yield Case(train=1e-7 * rng.normal(size=(6, 2)), test=1e-7 * rng.normal(size=(4, 2)))


def both_parts(subject, case):
    """The two parts apart, so that each is asked for its dtype."""
    found = standardize.find(MATCHES).observe(subject, case)["the result"]
    two = isinstance(found, tuple) and len(found) == 2
    return dict(zip(("the training rows", "the test rows"), found, strict=True)) if two else {"the result": found}


keeps_float32(
    standardize,
    both_parts,
    standardize_cases,
    spoiled_result("standardize", lambda call: f"tuple(part.astype('float64') for part in {call})"),
)

# --- mini-batches ----------------------------------------------------------------------------

EVERY = "every row comes once, in batches of the size"
TOGETHER = "x and y stay together"
ANOTHER = "another order every epoch"
REPEATED = "the same generator gives the same order"


def minibatch_cases(rng):
    """Row i begins with i and has the label 10 i, so that a batch tells what was done."""
    for rows, size, shape in [(23, 5, (2,)), (24, 8, (3, 2)), (20, 32, (1,)), (17, 4, ())]:
        x = rng.normal(size=(rows, *shape))
        x.reshape(rows, -1)[:, 0] = np.arange(rows)
        yield Case({"size": size, "rng": Rng(int(rng.integers(1 << 31)))}, x=x, y=10.0 * np.arange(rows))


def epochs_of(subject, case, generators):
    """What ``minibatches`` yields with each of these generators: lists of (numbers of the rows, labels)."""
    x, y = case.inputs.values()
    found = [subject.run("minibatches", x, y, case.arguments["size"], generator) for generator in generators]
    return [told(batches) for batches in found]


def told(batches):
    """The batches as (numbers of the rows, labels), or a word for what they are instead."""
    if not isinstance(batches, tuple | list):
        return f"a {type(batches).__name__}"
    if not batches:
        return "no batch"
    rows = []
    for batch in batches:
        if not isinstance(batch, tuple | list) or [type(part) for part in batch] != [np.ndarray] * 2:
            return "batches that are no pairs (x, y) of arrays"
        if not all(part.ndim and part.size and part.dtype.kind in "fiu" for part in batch):
            return "batches without rows"
        rows.append((batch[0].reshape(len(batch[0]), -1)[:, 0], batch[1]))
    return rows


def minibatch_check(name, generators, seen):
    """One property: runs with these generators, and what is told of the epochs that come of them."""

    def observe(subject, case):
        epochs = epochs_of(subject, case, generators(subject, case.arguments["rng"]))
        wrong = next((epoch for epoch in epochs if isinstance(epoch, str)), None)
        return {"what comes": wrong} if wrong else seen(*epochs)

    return Check(
        name,
        "minibatches",
        1.0 if name != EVERY else 3.0,
        cases=lambda rng, _: list(minibatch_cases(rng)),
        observe=observe,
        judge=compare_all,
        needs=("minibatches",),
        after=() if name == EVERY else (EVERY,),
    )


def order_of(epoch):
    return np.concatenate([rows for rows, _ in epoch])


def untouched_by_batches(subject, case):
    x, y = case.inputs.values()
    _, after = subject.run_echo("minibatches", x, y, case.arguments["size"], case.arguments["rng"])
    return {"x": after[0], "y": after[1]}


minibatches = Exercise(
    "minibatches",
    "function",
    ("minibatches",),
    Points(minibatches=3),
    [
        minibatch_check(
            EVERY,
            lambda _, rng: [rng],
            lambda epoch: {
                "the sizes of the batches": np.array([len(rows) for rows, _ in epoch]),
                "the rows of all batches": np.sort(order_of(epoch)),
            },
        ),
        minibatch_check(
            TOGETHER,
            lambda _, rng: [rng],
            lambda epoch: {
                "the difference of every label from that of its row": np.concatenate(
                    [labels - 10 * rows if labels.shape == rows.shape else [-1.0] for rows, labels in epoch]
                )
            },
        ),
        minibatch_check(
            ANOTHER,
            lambda subject, rng: 2 * [subject.put(rng)],
            lambda first, second: {
                "the order is that of the rows": bool(np.array_equal(order_of(first), np.sort(order_of(first)))),
                "the second epoch is in the order of the first": bool(
                    np.array_equal(order_of(first), order_of(second))
                ),
            },
        ),
        minibatch_check(
            REPEATED,
            lambda _, rng: [rng, rng],
            lambda first, second: {
                "two generators of one seed give one order": bool(np.array_equal(order_of(first), order_of(second)))
            },
        ),
        Check(
            UNTOUCHED,
            "minibatches",
            1.0,
            cases=lambda rng, _: list(minibatch_cases(rng)),
            observe=untouched_by_batches,
            judge=judge_unchanged,
            expect=lambda _s, case, _r: dict(case.inputs),
            needs=("minibatches",),
            after=(EVERY,),
        ),
    ],
    hints={
        "minibatches": (
            (
                "What is drawn once an epoch, and what is only cut up? By hand: 5 rows and size 2, how many rows has "
                "the last batch?"
            ),
            (
                "o = 0, 1, …, N − 1 in an order drawn from rng; "
                "batch k = the rows o[k s], o[k s + 1], …, o[k s + s − 1] of x, and the same of y, as far as there are "
                "any; "
                "k = 0, 1, …, ⌈N / s⌉ − 1, s = size"
            ),
            (
                "Draw one order of all row numbers from the rng that is handed in. Walk along it in strides of size; "
                "yield those rows of x and, by the same numbers, those of y. A slice that reaches beyond the end is "
                "shorter by itself."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "leaves out the smaller batch",
            swap("range(0, len(x), size)", "range(0, len(x) - size + 1, size)"),
            hint="What is left over at the end is a batch too: let the loop begin it, the slice ends by itself.",
        ),
        Mistake(
            "draws rows with repetition",
            swap("rng.permutation(len(x))", "rng.integers(len(x), size=len(x))"),
            hint="An epoch meets every row exactly once: shuffle the numbers of the rows, do not draw them.",
        ),
        Mistake(
            "steps by one row",
            swap("range(0, len(x), size)", "range(len(x))"),
            hint="The next batch begins where this one ends: step by size.",
        ),
        Mistake(
            "ends its batches one row early",
            swap("[start : start + size]", "[start : start + size - 1]"),
            hint="A slice leaves out its end already: start : start + size has size rows.",
        ),
        Mistake(
            "shuffles x and not y",
            swap("yield x[rows], y[rows]", "yield x[rows], y[start : start + size]"),
            hint="Row i belongs to label i: index both with the same rows.",
            caught_by=TOGETHER,
        ),
        Mistake(
            "shuffles x and y apart",
            swap("yield x[rows], y[rows]", "yield x[rows], y[other[start : start + size]]"),
            swap("order = rng.permutation(len(x))", "order, other = rng.permutation(len(x)), rng.permutation(len(x))"),
            hint="Draw one order, and index both with it.",
            caught_by=TOGETHER,
        ),
        Mistake(
            "does not shuffle",
            swap("rng.permutation(len(x))", "np.arange(len(x))"),
            hint="Rows often come sorted by class. Draw an order: rng.permutation(n).",
            caught_by=ANOTHER,
        ),
        Mistake(
            "has a seed of its own",
            swap("rng.permutation(len(x))", "np.random.default_rng(0).permutation(len(x))"),
            hint="A generator made anew begins anew, and every epoch has the same order. Use the rng that is handed in.",
            caught_by=ANOTHER,
        ),
        Mistake(
            "draws from the global generator",
            swap("rng.permutation(len(x))", "np.random.permutation(len(x))"),
            hint="np.random's own state belongs to nobody, and no run can be repeated. Use the rng that is handed in.",
            caught_by=REPEATED,
        ),
        Mistake(
            "shuffles the caller's arrays",
            swap(
                "order = rng.permutation(len(x))",
                "order = rng.permutation(len(x))\n    x[...], y[...] = x[order], y[order]\n    order = np.arange(len(x))",
            ),
            hint="x[...] = … writes into the caller's arrays. Leave them in place and yield rows of them.",
            caught_by=UNTOUCHED,
        ),
    ],
)

# --- pairwise distances ----------------------------------------------------------------------

NEAR = "nearly equal rows have a distance"


def pairwise_cases(rng):
    for rows, others, columns in [(1, 4, 3), (5, 3, 2), (6, 7, 4), (3, 8, 5)]:
        yield Case(a=rng.normal(size=(rows, columns)), b=rng.normal(1, 2, size=(others, columns)))


# In time the formula written out takes 1.7 times the reference, a loop over the rows of a 14 times.  In memory neither grows
# with the columns (to the power 0.1); all differences at once grow with the power 1, and take 20 times the time besides.
pairwise_distances = FunctionExercise(
    "pairwise_distances",
    cases=pairwise_cases,
    points=4,
    speed=Speed(Case(a=(500, 64), b=(600, 64)), at_most=6.0),
    scaling=Scaling(
        lambda columns: Case(a=(400, columns), b=(400, columns)),
        sizes=(16, 32, 64, 128),
        at_most=0.6,
        of="memory",
        dtype="float64",
    ),
    hints={
        "pairwise_distances": (
            (
                "No pair needs to be visited: which product of two tables holds aᵢ·bⱼ for all i and j? And what does "
                "rounding make of a square that should be 0?"
            ),
            "dᵢⱼ = √max(0, ‖aᵢ‖² + ‖bⱼ‖² − 2 aᵢ·bⱼ); a (R, C), b (S, C), a bᵀ (R, S), d (R, S)",
            (
                "The matrix product, times minus two. Add the sums of squares of a's rows as a column and of b's as a "
                "row. Lift whatever lies below zero to zero; take the root last."
            ),
        ),
        "speed": (
            "Which rows does Python visit one after the other?",
            "R · S · C products, all of them in a bᵀ: (R, C) (C, S) → (R, S)",
            (
                "Leave every loop to the matrix product; what remains are sums over columns and operations on the "
                "whole table."
            ),
        ),
        "scaling": (
            "How many axes has your largest array, and is C, the number of columns, the length of one of them?",
            "aᵢ − bⱼ for all pairs: R · S · C numbers; ‖aᵢ‖² + ‖bⱼ‖² − 2 aᵢ·bⱼ for all pairs: R · S numbers",
            (
                "Multiply the square out, so that the sum over the columns happens inside the matrix product and no "
                "array ever has three axes."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "forgets the root",
            swap("return xp.sqrt(squares, out=squares)", "return squares"),
            hint="These are squared distances: take the root.",
        ),
        Mistake(
            "forgets the factor 2",
            swap("squares *= -2", "squares *= -1"),
            hint="(a − b)² = a² + b² − 2ab: the product counts twice.",
        ),
        Mistake(
            "adds the product",
            swap("squares *= -2", "squares *= 2"),
            hint="That is ‖a + b‖². The product is subtracted.",
        ),
        Mistake(
            "leaves out one of the squares",
            swap("    squares += (b * b).sum(axis=1)\n", ""),
            hint="‖b‖² is missing: (a − b)² = a² + b² − 2ab.",
        ),
        Mistake(
            "gives the table turned over",
            swap("return xp.sqrt(squares, out=squares)", "return xp.sqrt(squares, out=squares).T"),
            hint="Row i of the table belongs to row i of a: the shape is (rows of a, rows of b).",
        ),
        Mistake(
            "sums absolute differences",
            swap(
                "return xp.sqrt(squares, out=squares)",
                "return abs(a[:, None] - b[None]).sum(axis=2)",
            ),
            hint="That is the Manhattan distance. Euclid's is the root of the sum of squares.",
        ),
        Mistake(
            "takes the mean over the columns",
            swap("return xp.sqrt(squares, out=squares)", "return xp.sqrt(squares / a.shape[1], out=squares)"),
            hint="A distance sums over the columns, and divides by nothing.",
        ),
        Mistake(
            "takes the root of a negative number",
            swap("    xp.maximum(squares, 0, out=squares)\n", ""),
            hint="For nearly equal rows rounding may leave −10⁻¹³, whose root is nan. No square is below zero: maximum(…, 0).",
            caught_by=NEAR,
        ),
        Mistake(
            "takes near rows for equal",
            swap("xp.maximum(squares, 0, out=squares)", "squares = xp.where(squares > 1e-6, squares, 0)"),
            hint="A distance of 0.0005 is one: cut off at zero, and no higher.",
            caught_by=NEAR,
        ),
    ],
    slow="""
def pairwise_distances(a, b):
    xp = array_module(a)
    return xp.stack([xp.sqrt(((row - b) ** 2).sum(axis=1)) for row in a])
""",
    plain="""
def pairwise_distances(a, b):
    xp = array_module(a)
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    return xp.sqrt(xp.maximum(squares, 0))
""",
    steep="""
def pairwise_distances(a, b):
    xp = array_module(a)
    return xp.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))
""",
)


def near_cases(rng):
    """Rows of length about 100 that are equal, or 10⁻⁹ apart, or 0.0005: many squares come out below zero."""
    for rows, columns in [(40, 3), (30, 8)]:
        a = 100 * rng.normal(size=(rows, columns))
        b = np.concatenate([a, a + 1e-9 * rng.normal(size=a.shape), a + 2e-4 * rng.normal(size=a.shape)])
        yield Case(a=a, b=b)


def judge_near(observed, expected, case):
    """Rounding of squares of 10⁴ is some 10⁻¹¹, so a distance may be wrong by its root: ten times that is let pass."""
    table = observed["the result"]
    if not isinstance(table, np.ndarray) or table.shape != expected["the result"].shape:
        return Mismatch("shape", "the result", "the result has another shape where rows are nearly equal")
    if not np.isfinite(table).all():
        count = int((~np.isfinite(table)).sum())
        return Mismatch(
            "nan", "the result", f"the result is nan for {count} of {table.size} pairs of nearly equal rows"
        )
    error = float(abs(table - expected["the result"]).max())
    allowed = 3e-7 * float(abs(case.inputs["a"]).max())
    if error > allowed:
        return Mismatch("value", "the result", f"a distance of nearly equal rows is wrong by {error:.1g}", error=error)
    return None


def distances_one_by_one(_reference, case, _rng):
    a, b = case.inputs.values()
    return {"the result": np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))}


pairwise_distances.checks.insert(
    1,
    Check(
        NEAR,
        "pairwise_distances",
        3.0,
        cases=lambda rng, _: list(near_cases(rng)),
        observe=pairwise_distances.find(MATCHES).observe,
        judge=judge_near,
        expect=distances_one_by_one,
        needs=("pairwise_distances",),
        after=(MATCHES,),
    ),
)
keeps_float32(
    pairwise_distances,
    pairwise_distances.find(MATCHES).observe,
    pairwise_cases,
    spoiled_result("pairwise_distances", lambda call: f"{call}.astype('float64')"),
)

# --- repairs ---------------------------------------------------------------------------------


def method_checks(name, part, run, cases, principal, *, changes=("inputs", "float32", "device"), weight=6.0):
    """What is asked of a repaired method: the right numbers, and the course's habits."""

    def check(title, **more):
        more = {"cases": lambda rng, _: list(cases(rng)), "observe": run, "judge": compare_all, **more}
        return Check(title, part, 1.0, needs=(part,), after=(principal,), **more)

    def untouched(subject, case):
        sent = {key: subject.put(x) for key, x in case.inputs.items()}
        run(subject, case.with_changes(inputs=sent))
        return {key: Instance(subject, ref.handle).fetch() for key, ref in sent.items()}

    every = {
        "inputs": check(
            f"{part}: {UNTOUCHED}",
            observe=untouched,
            judge=judge_unchanged,
            expect=lambda _s, case, _r: dict(case.inputs),
            sabotage=spoiled_method(name, part, f"y = super().{part}(*args, **kwargs)", "args[0][...] = 0", "return y"),
        ),
        "float32": check(
            f"{part}: {FLOAT32}",
            cases=lambda rng, _: in_float32(cases)(rng),
            judge=judge_float32,
            sabotage=spoiled_method(name, part, *DOUBLES[part]),
        ),
        "device": check(
            f"{part}: {DEVICE}",
            backend="stand-in",
            sabotage=spoiled_method(
                name, part, "__import__('numpy').asarray(args[0])", f"return super().{part}(*args, **kwargs)"
            ),
        ),
    }
    return [
        Check(principal, part, weight, lambda rng, _: list(cases(rng)), run, compare_all, needs=(part,)),
        *(every[change] for change in changes),
    ]


DOUBLES = {
    "train": (
        "super().train(*args, **kwargs)",
        "state = 'weights' if hasattr(self, 'weights') else 'params'",
        "kept = getattr(self, state)",
        "double = {n: p.astype('float64') for n, p in kept.items()} if state == 'params' else kept.astype('float64')",
        "setattr(self, state, double)",
    ),
    "loss": ("return super().loss(*args, **kwargs).astype('float64')",),
    "gradients": ("return {n: g.astype('float64') for n, g in super().gradients(*args, **kwargs).items()}",),
    "predict": ("return super().predict(*args, **kwargs).astype('float64')",),
}
"""What makes a method give float64, by its name."""

# --- SimpleNetwork ---------------------------------------------------------------------------

TRAINS = "training goes down the gradient"
FITS = "fits the published data"
PUBLISHED_ROWS = np.array([[0.0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
MISFIT = 0.01
"""Largest error after 400 epochs at 0.1.  From 1000 random starts the reference has 3e-12 in the mean and 1.4e-11 at worst; the
slowest direction shrinks by 6 % an epoch, and the bound is reached after 86 epochs at the latest."""


def simple_cases(rng):
    for rows, n_inputs, epochs, rate in [(5, 3, 1, 0.05), (1, 2, 2, 0.3), (7, 4, 3, 0.02), (6, 2, 4, 0.01)]:
        weights = rng.normal(size=(n_inputs, 1))
        inputs = {"inputs": rng.normal(size=(rows, n_inputs)), "targets": rng.normal(0, 3, size=(rows, 1))}
        arguments = {"n_inputs": n_inputs, "rng": Rng(0)}
        training = {"epochs": epochs, "learning_rate": rate}
        yield Case(arguments, **inputs).with_changes(hidden={"weights": weights, "training": training})


def simple_trained(subject, case):
    """The weights after training from given ones."""
    network = subject.make("SimpleNetwork", **case.arguments)
    network.set("weights", case.hidden["weights"])
    network.call("train", *case.inputs.values(), **case.hidden["training"])
    return {"weights": network.get("weights")}


def fit_cases(rng):
    """The published rows, from three random starts; the target is a column of them, in any of three orders."""
    for column in rng.permutation(3)[:2]:
        arguments = {"n_inputs": 3, "rng": Rng(int(rng.integers(1 << 31)))}
        case = Case(arguments, inputs=PUBLISHED_ROWS, targets=PUBLISHED_ROWS[:, [column]])
        yield case.with_changes(hidden={"training": {"epochs": 400, "learning_rate": 0.1}})


def fitted(subject, case):
    network = subject.make("SimpleNetwork", **case.arguments)
    network.call("train", *case.inputs.values(), **case.hidden["training"])
    return {"predictions": network.call("predict", case.inputs["inputs"])}


def judge_fit(observed, _expected, case):
    predictions, targets = observed["predictions"], case.inputs["targets"]
    if not isinstance(predictions, np.ndarray) or predictions.shape != targets.shape:
        return Mismatch("shape", "predictions", f"predict gives no array of shape {targets.shape} after training")
    misfit = float(abs(predictions - targets).max())
    if not misfit <= MISFIT:
        sentence = f"a prediction is wrong by {misfit:.2g} after 400 epochs; at most {MISFIT} is wanted"
        return Mismatch("accuracy", "predictions", sentence, error=misfit)
    return None


STEP = "self.weights = self.weights - learning_rate * gradient"

simple_network = Exercise(
    "SimpleNetwork",
    "network",
    ("train",),
    Points(train=4),
    [
        *method_checks("SimpleNetwork", "train", simple_trained, simple_cases, TRAINS),
        Check(
            FITS,
            "train",
            2.0,
            cases=lambda rng, _: list(fit_cases(rng)),
            observe=fitted,
            judge=judge_fit,
            needs=("train",),
            after=(TRAINS,),
            sabotage=spoiled_method(
                "SimpleNetwork",
                "train",
                "kwargs['epochs'] = min(kwargs['epochs'], 9)",
                "super().train(*args, **kwargs)",
            ),
        ),
    ],
    published={
        "train": """
for epoch in range(epochs):
    predictions = self.predict(inputs)
    self.weights += inputs.T @ (predictions - targets)
"""
    },
    hints={
        "train": (
            (
                "Follow one row by hand, with the weight too small: in which direction does the published line move "
                "it, and how far?"
            ),
            "w ← w − η xᵀ (p − t), with p = x w anew in every epoch; x (N, I), p and t (N, 1), w (I, 1)",
            (
                "The gradient points uphill, so it is subtracted; and only a share of it, the learning rate, is taken. "
                "Predictions, gradient and step belong to every epoch."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "adds the whole gradient, as published",
            swap(STEP, "self.weights = self.weights + gradient"),
            hint="Two mistakes are in that line: the gradient points uphill, so subtract it, and only learning_rate times it.",
        ),
        Mistake(
            "still adds the gradient",
            swap(STEP, "self.weights = self.weights + learning_rate * gradient"),
            hint="xᵀ(p − t) points to where the loss grows. Go the other way: subtract.",
        ),
        Mistake(
            "has no learning rate",
            swap(STEP, "self.weights = self.weights - gradient"),
            hint="The direction is right, the step is too long: it lands higher on the other side. Multiply by learning_rate.",
        ),
        Mistake(
            "divides by the rows",
            swap("inputs.T @ (predictions - targets)", "inputs.T @ (predictions - targets) / len(inputs)"),
            hint="The loss here is ½ Σ (p − t)², a sum: nothing is divided by the number of rows.",
        ),
        Mistake(
            "has the gradient of a loss without the half",
            swap("inputs.T @ (predictions - targets)", "2 * inputs.T @ (predictions - targets)"),
            hint="The ½ of the loss and the 2 of the square cancel: xᵀ(p − t), without a factor.",
        ),
        Mistake(
            "takes one step only",
            swap("for _ in range(epochs):", "for _ in range(1):"),
            hint="One step an epoch, and as many epochs as are asked for.",
        ),
        Mistake(
            "predicts only once",
            swap(
                "        for _ in range(epochs):\n            predictions = self.predict(inputs)",
                "        predictions = self.predict(inputs)\n        for _ in range(epochs):",
            ),
            hint="After a step the predictions are others: compute them anew in every epoch.",
        ),
        Mistake(
            "does not keep its steps",
            swap(STEP, "weights = self.weights - learning_rate * gradient"),
            hint="A new name is not the network's: write to self.weights.",
        ),
        Mistake(
            "follows the sign of the error only",
            swap("inputs.T @ (predictions - targets)", "inputs.T @ array_module(inputs).sign(predictions - targets)"),
            hint="The slope of ½ (p − t)² is p − t itself, not its sign.",
        ),
    ],
)

# --- TwoLayerNet -----------------------------------------------------------------------------

LOSS = "the loss matches the reference"
LARGE = "the loss is finite for large scores"
GRADIENTS = "gradients match the reference"
STEPS = "training steps down its gradients"
CLASSES = "predicts by the sign of the score"


def net_cases(rng):
    """Both classes in every case but the first, whose batch is one row."""
    for rows, n_inputs, n_hidden in [(1, 3, 2), (7, 2, 4), (6, 4, 3), (9, 3, 1)]:
        yield net_case(rng, rows, n_inputs, n_hidden)


def net_case(rng, rows, n_inputs, n_hidden, scale=1.0):
    params = {
        "W1": rng.normal(size=(n_inputs, n_hidden)),
        "b1": rng.normal(0, 0.5, n_hidden),
        "W2": scale * rng.normal(size=(n_hidden, 1)),
        "b2": rng.normal(0, 0.5, 1),
    }
    y = rng.permutation(np.arange(rows) % 2).astype(float)
    case = Case({"n_inputs": n_inputs, "n_hidden": n_hidden, "rng": Rng(0)}, x=rng.normal(size=(rows, n_inputs)), y=y)
    return case.with_changes(hidden={"params": params, "training": {"epochs": 3, "learning_rate": 0.4}})


def large_cases(rng):
    for rows in (6, 9):
        yield net_case(rng, rows, 3, 4, scale=2000.0)


def net(subject, case):
    network = subject.make("TwoLayerNet", **case.arguments)
    network.set("params", case.hidden["params"])
    return network


def loss_of(subject, case):
    return {"the loss": net(subject, case).call("loss", *case.inputs.values())}


def gradients_of(subject, case):
    return named(net(subject, case).call("gradients", *case.inputs.values()), "d")


def params_of(subject, case):
    network = net(subject, case)
    network.call("train", *case.inputs.values(), **case.hidden["training"])
    return named(network.get("params"), "")


def named(found, letter):
    """A dict of arrays as observations, one a name; whatever else it is, as it is."""
    if not isinstance(found, dict):
        return {"what comes": found}
    return {f"{letter}{name}": value for name, value in found.items()}


def classes_of(subject, case):
    return {"classes": net(subject, case).call("predict", case.inputs["x"])}


def predict_cases(rng):
    """Scores on both sides of zero, among them some between 0 and ½: no row of one side only."""
    for rows, n_inputs, n_hidden in [(40, 2, 4), (31, 4, 3), (12, 3, 1)]:
        case = net_case(rng, rows, n_inputs, n_hidden, scale=0.5)
        yield case.with_changes(inputs={"x": case.inputs["x"]})


NAMES = "('W1', 'b1', 'W2', 'b2')"
NET_STEP = "self.params[name] = self.params[name] - learning_rate * grads[name]"
ROW_LOSS = "(xp.maximum(z, 0) + xp.log1p(xp.exp(-abs(z))) - y * z).mean()"

two_layer_net = Exercise(
    "TwoLayerNet",
    "network",
    ("loss", "gradients", "train", "predict"),
    Points(loss=2, gradients=4, train=1, predict=1),
    [
        *method_checks("TwoLayerNet", "loss", loss_of, net_cases, LOSS),
        Check(
            LARGE,
            "loss",
            2.0,
            cases=lambda rng, _: list(large_cases(rng)),
            observe=loss_of,
            judge=compare_all,
            needs=("loss",),
            after=(LOSS,),
        ),
        *method_checks("TwoLayerNet", "gradients", gradients_of, net_cases, GRADIENTS),
        *method_checks("TwoLayerNet", "train", params_of, net_cases, STEPS),
        *method_checks("TwoLayerNet", "predict", classes_of, predict_cases, CLASSES, changes=("inputs", "device")),
    ],
    published={
        "loss": """
scores = self.forward(x)
correct = scores[range(len(x)), y]
return -np.log(correct).mean()
""",
        "gradients": """
m = len(x)
y = y[:, None]
a = 1 / (1 + np.exp(-self.forward(x)))
dz = -y / a - (1 - y) / (1 - a)
dh = dz @ self.params["W2"].T * (1 - self.h**2)
dW1 = self.h.T @ dh / m
dW2 = a.T @ dz / m
return {"W1": dW1, "b1": dh.mean(axis=0), "W2": dW2, "b2": dz.mean(axis=0)}
""",
        "train": """
for epoch in range(epochs):
    loss = self.loss(x, y)
    for name in self.params:
        self.params[name] -= learning_rate * grads[name]
""",
        "predict": """
return np.argmax(self.forward(x), axis=1)
""",
    },
    hints={
        "loss": (
            (
                "Of what may a logarithm be taken, of a score or of a probability? And is a label here the number of a "
                "column, or a weight?"
            ),
            "L = 1/N Σₙ [max(zₙ, 0) + ln(1 + e^(−|zₙ|)) − yₙ zₙ]; z (N,), the one column of the scores, y (N,), L ()",
            (
                "Take the one column of scores, so that z and y have the same shape. Write the formula of one row for "
                "all rows at once; no exponent in it is positive. Then the mean."
            ),
        ),
        "gradients": (
            (
                "Has every gradient the shape of its parameter? And what do the two examples of the first box, y = 1 "
                "and y = 0, say about the sign of dz?"
            ),
            (
                "dz = (a − y) / N with a = σ(z), (N, 1); "
                "dW₂ = hᵀ dz, (H, N) (N, 1) → (H, 1); "
                "db₂ = Σₙ dzₙ, (1,); "
                "dh = dz W₂ᵀ ⊙ (1 − h²), (N, H); "
                "dW₁ = xᵀ dh, (I, N) (N, H) → (I, H); "
                "db₁ = Σₙ dhₙ, (H,)"
            ),
            (
                "From the end to the beginning: the probabilities, dz with y stood up as a column, the two gradients "
                "of the second layer, back through W₂ and through tanh, the two of the first. A weight's slope is what "
                "it multiplied on the way forward; N is divided by once, in dz."
            ),
        ),
        "train": (
            (
                "The published loop goes over gradients that nobody has made. Who makes them, and for how long are "
                "they true?"
            ),
            "θ ← θ − η ∂L/∂θ for θ = W₁, b₁, W₂, b₂, all four gradients taken at the same place",
            (
                "In every epoch: ask for the gradients of all rows, then move each parameter against its own by a "
                "share of the learning rate. None moves before all four are known."
            ),
        ),
        "predict": (
            "Of a row that has one number, which is the largest?",
            "class = 1 where σ(z) > ½, which is where z > 0, else 0; z (N, 1), result (N,) of integers",
            "Scores of all rows, their only column, a comparison with zero, and integers in place of true and false.",
        ),
    },
    mistakes=[  # of two that look alike to a check the first is named: those that only that check sees stand first
        Mistake(
            "overflows at large scores",
            swap(ROW_LOSS, "(xp.log(1 + xp.exp(z)) - y * z).mean()"),
            hint="e^z overflows at z = 1000. ln(1 + e^z) = max(z, 0) + ln(1 + e^(−|z|)).",
            caught_by=LARGE,
        ),
        Mistake(
            "takes the logarithm of zero",
            swap(
                ROW_LOSS,
                "-(y * xp.log(1 / (1 + xp.exp(-z))) + (1 - y) * xp.log(1 - 1 / (1 + xp.exp(-z)))).mean()",
            ),
            hint="At z = 1000 the probability rounds to 1, and ln(1 − 1) is −∞. Write the loss in z.",
            caught_by=LARGE,
        ),
        Mistake(
            "takes the logarithm of raw scores",
            swap(ROW_LOSS, "-(y * xp.log(z) + (1 - y) * xp.log(1 - z)).mean()"),
            hint="A score may be negative, and has no logarithm then. The cross-entropy is of a probability: a = σ(z).",
        ),
        Mistake(
            "uses labels as indices",
            swap("z = self.forward(x)[:, 0]", "z = self.forward(x)[range(len(x)), y]"),
            hint="The labels are floats, and there is one column: they weigh the two terms of the loss, and pick nothing.",
        ),
        Mistake(
            "picks the score of the label's column",
            swap("z = self.forward(x)[:, 0]", "z = self.forward(x)[range(len(x)), y.astype(int)]"),
            hint="There is one score a row, and no column for class 1: use the labels as numbers, y and 1 − y.",
        ),
        Mistake(
            "forgets the other class",
            swap(ROW_LOSS, "(y * xp.log1p(xp.exp(-z))).mean()"),
            hint="A row of class 0 has a loss too: −(1 − y) ln(1 − a).",
        ),
        Mistake(
            "sums over the rows",
            swap(ROW_LOSS, ROW_LOSS.replace(".mean()", ".sum()")),
            hint="The loss is the mean over the rows.",
        ),
        Mistake(
            "sums rows and columns of different shape",
            swap("z = self.forward(x)[:, 0]", "z = self.forward(x)"),
            hint="z is (rows, 1) and y is (rows,): together they make a table. Take the one column, z[:, 0].",
        ),
        Mistake(
            "has the wrong sign of the label",
            swap("- y * z", "+ y * z"),
            hint="ln(1 + e^z) − y z: for class 1 a large score has a small loss.",
        ),
        Mistake(
            "uses gradients that nobody has made",
            swap("            grads = self.gradients(x, y)\n", "            self.loss(x, y)\n"),
            hint="grads is never set: ask for it in every epoch, grads = self.gradients(x, y).",
        ),
        Mistake(
            "climbs",
            swap("- learning_rate * grads", "+ learning_rate * grads"),
            hint="The gradient points uphill: subtract it.",
        ),
        Mistake(
            "has no learning rate",
            swap("- learning_rate * grads", "- grads"),
            hint="Only a share of the gradient is taken: learning_rate times it.",
        ),
        Mistake(
            "computes its gradients once",
            swap(
                "        for _ in range(epochs):\n            grads = self.gradients(x, y)\n",
                "        grads = self.gradients(x, y)\n        for _ in range(epochs):\n",
            ),
            hint="After a step the gradients are others: compute them anew in every epoch.",
        ),
        Mistake(
            "steps in the midst of its gradients",
            swap(
                "            grads = self.gradients(x, y)\n            for name in self.params:\n",
                "            for name in self.params:\n                grads = self.gradients(x, y)\n",
            ),
            hint="All gradients belong to one place: compute them before the first parameter moves.",
        ),
        Mistake(
            "trains the weights and not the biases",
            swap("for name in self.params:", 'for name in ("W1", "W2"):'),
            hint="All of params are trained, the biases too.",
        ),
        Mistake(
            "follows the article's derivative",
            swap("dz = (a - y[:, None]) / len(x)", "dz = (-y[:, None] / a - (1 - y[:, None]) / (1 - a)) / len(x)"),
            hint="The printed −y/a − (1−y)/(1−a) has a wrong sign and is by a. By z it is a − y.",
        ),
        Mistake(
            "takes the derivative by a for that by z",
            swap("dz = (a - y[:, None]) / len(x)", "dz = (-y[:, None] / a + (1 - y[:, None]) / (1 - a)) / len(x)"),
            hint="That is ∂L/∂a. The chain rule owes a factor a (1 − a), and then only a − y is left.",
        ),
        Mistake(
            "multiplies dz by the slope of σ again",
            swap("dz = (a - y[:, None]) / len(x)", "dz = (a - y[:, None]) * a * (1 - a) / len(x)"),
            hint="a − y holds the slope of σ already. (With squared error it would not.)",
        ),
        Mistake(
            "climbs with its derivative",
            swap("(a - y[:, None])", "(y[:, None] - a)"),
            hint="∂L/∂z = a − y: where the probability is too large, a smaller score is better, so the slope is positive.",
        ),
        Mistake(
            "sums over the rows where the loss has a mean",
            swap("dz = (a - y[:, None]) / len(x)", "dz = a - y[:, None]"),
            hint="The loss is a mean over N rows: every dz is divided by N.",
        ),
        Mistake(
            "multiplies by the output of the second layer",
            swap('"W2": h.T @ dz', '"W2": a.T @ dz'),
            hint="A weight multiplies the input of its layer, so that is its slope: hᵀ dz. The article's a is the output.",
        ),
        Mistake(
            "multiplies by the output of the first layer",
            swap('"W1": x.T @ dh', '"W1": h.T @ dh'),
            hint="A weight multiplies the input of its layer, so that is its slope: xᵀ dh. h is the first layer's output.",
        ),
        Mistake(
            "forgets the slope of tanh",
            swap("        dh = dh * (1 - h * h)\n", ""),
            hint="On its way back the gradient passes through tanh: times 1 − h².",
        ),
        Mistake(
            "forgets the square in the slope of tanh",
            swap("(1 - h * h)", "(1 - h)"),
            hint="tanh′ = 1 − h², with the square.",
        ),
        Mistake(
            "averages the gradients of the biases",
            swap("dh.sum(axis=0)", "dh.mean(axis=0)"),
            swap("dz.sum(axis=0)", "dz.mean(axis=0)"),
            hint="dz is divided by N already: the biases sum over the rows.",
        ),
        Mistake(
            "leaves the biases without gradients",
            swap('"b1": dh.sum(axis=0)', '"b1": 0 * dh.sum(axis=0)'),
            swap('"b2": dz.sum(axis=0)', '"b2": 0 * dz.sum(axis=0)'),
            hint="The biases are parameters too: the sums of dh and of dz over the rows.",
        ),
        Mistake(
            "takes the argmax of one column",
            swap("(self.forward(x)[:, 0] > 0).astype(int)", "self.forward(x).argmax(axis=1)"),
            hint="The largest of one column is always column 0. The class is 1 where z > 0.",
        ),
        Mistake(
            "compares a score with a half",
            swap("[:, 0] > 0)", "[:, 0] > 0.5)"),
            hint="½ is where the probability is undecided; the score is 0 there.",
        ),
        Mistake(
            "predicts the other class",
            swap("[:, 0] > 0)", "[:, 0] < 0)"),
            hint="A score above zero speaks for class 1.",
        ),
        Mistake(
            "keeps the column",
            swap("(self.forward(x)[:, 0] > 0)", "(self.forward(x) > 0)"),
            hint="One class a row: the shape is (rows,), not (rows, 1).",
        ),
    ],
)

# --- the capstone ----------------------------------------------------------------------------

ACCURACY = 0.97
DEALS = 3


def deals(rng, _reference):
    """Iris, its first two columns, dealt into three parts; each is judged by a network that has seen the two others.

    For every part the plane is turned, stretched and shifted anew, and the classes may change their numbers: nothing that
    is remembered of one training helps the next.
    """
    x, species = iris()
    x, y = x[:, :2], (species == 0).astype(np.int64)
    for _ in range(DEALS):
        trainings = []
        for part in np.array_split(rng.permutation(len(x)), 3):
            seen = rng.permutation(np.setdiff1d(np.arange(len(x)), part))
            task = disguise(Task(x[seen], y[seen], x[part], y[part]), "rotation", rng)
            stretch, shift = rng.uniform(0.2, 5), rng.normal(0, 3, 2)
            rows, unseen = (stretch * plane + shift for plane in (task.x, task.x_test))
            trainings.append([rows, task.y, unseen, task.y_test, int(rng.integers(1 << 31))])
        yield Case(x=trainings[0][0], y=trainings[0][1]).with_changes(hidden={"trainings": trainings})


def judged_by_others(subject, case):
    """For each part, the probabilities that a network gives which was trained on the two others."""
    found = []
    for x, y, unseen, _, seed in case.hidden["trainings"]:
        trained = subject.keep("train_setosa", x, y, rng=Rng(seed))
        found.append(trained.call("__call__", unseen))
    return {"probabilities": found}


def labels_of_parts(_reference, case, _rng):
    return {"labels": [labels for _, _, _, labels, _ in case.hidden["trainings"]]}


def judge_verdicts(observed, expected, case):
    del case
    right = 0
    for found, labels in zip(observed["probabilities"], expected["labels"], strict=True):
        if not isinstance(found, np.ndarray) or found.shape != labels.shape or found.dtype.kind != "f":
            what = f"an array of shape {found.shape}" if isinstance(found, np.ndarray) else f"a {type(found).__name__}"
            sentence = f"the function gives {what}; probabilities, {labels.shape}, are wanted"
            return Mismatch("shape", "probabilities", sentence)
        if not ((found >= 0) & (found <= 1)).all():
            return Mismatch("value", "probabilities", "the function gives numbers that are no probabilities")
        right += int(((found > 0.5) == labels).sum())
    count = sum(len(labels) for labels in expected["labels"])
    if right < ACCURACY * count:
        text = f"the networks are right on {right} of {count} unseen flowers; {100 * ACCURACY:.3g} % are wanted"
        return Mismatch("accuracy", "probabilities", text, error=ACCURACY - right / count)
    return None


# Over 300 deals (100 seeds) the reference has 1.01 flowers of 150 wrong in the mean and 2 at worst, accuracy 0.9933 and
# 0.9867; 4 may be wrong, so the worst deal has a margin of 2 flowers.  The one that is always wrong is a setosa with a sepal
# of 4.5 by 2.3 cm.  One training takes 0.015 s of the 5 that it may.
capstone = Exercise(
    "train_setosa",
    "model",
    ("train_setosa",),
    Points(train_setosa=4),
    [
        Check(
            f"reaches {100 * ACCURACY:.3g} % on flowers that it has not seen, in each of {DEALS} deals",
            "train_setosa",
            1.0,
            cases=lambda rng, reference: list(deals(rng, reference)),
            observe=judged_by_others,
            judge=judge_verdicts,
            expect=labels_of_parts,
            needs=("train_setosa",),
            capstone=True,
            cpu_s=5.0,
        )
    ],
    depends=("standardize", "minibatches", "TwoLayerNet"),
    hints={
        "train_setosa": (
            (
                "The function that you return meets rows that did not exist while you trained. On which scale does the "
                "network expect them?"
            ),
            (
                "x′ = (x − μ) / s with the mean μ and the deviation s of the training rows, both times; "
                "p = σ(z) = 1 / (1 + e⁻ᶻ); "
                "rows (M, 2), z (M, 1), p (M,)"
            ),
            (
                "Standardize the training rows, make floats of the labels, and take one step of the network on every "
                "mini-batch for a hundred epochs or more. The function that you return brings its rows to the scale of "
                "the training rows, sends them forward, and the one column of scores through σ."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "does not train",
            swap("for epoch in range(150):", "for epoch in range(0):"),
            hint="The loop over epochs never runs.",
        ),
        Mistake(
            "trains on labels in another order",
            swap("scaled, y.astype(float), 20, rng", "scaled, rng.permutation(y.astype(float)), 20, rng"),
            hint="Row i of x belongs to entry i of y: shuffle them together.",
        ),
        Mistake(
            "judges rows on another scale than it trained on",
            swap("        _, rows = standardize(x, rows)\n", ""),
            hint="The network has never seen raw centimetres: bring the rows to the scale of the training rows first.",
        ),
        Mistake(
            "gives the probability of the other class",
            swap("1 / (1 + np.exp(-network", "1 / (1 + np.exp(network"),
            hint="σ(z) = 1 / (1 + e⁻ᶻ), with a minus: a large score speaks for class 1.",
        ),
        Mistake(
            "gives scores for probabilities",
            swap("1 / (1 + np.exp(-network.forward(rows)[:, 0]))", "network.forward(rows)[:, 0]"),
            hint="A probability lies between 0 and 1: send the score through σ.",
        ),
    ],
)

ASSIGNMENT = Assignment(
    "01_foundations",
    title="Foundations",
    exercises=[
        numerical_gradient,
        relative_error,
        one_hot,
        standardize,
        minibatches,
        pairwise_distances,
        simple_network,
        two_layer_net,
        capstone,
    ],
    questions=[Question("valley", 2), Question("leak", 2)],
)
