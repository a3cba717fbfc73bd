"""Checks of 05_regularization: shared."""

from dataclasses import dataclass

import numpy as np

from autograder.checks import Case, Distribution, Exercise, Mean, Points, Ref, Rng, in_pairs, seeded, statistics
from autograder.spec import Check
from autograder.spec.comparison import Mismatch

UNTOUCHED = "inputs are not modified"


FLOAT32 = "float32 stays float32"


DEVICE = "stays on the device"


AS_IT_WAS = "as it was"


def new_rng(rng):
    """A generator for the worker, of a seed that nobody knows beforehand."""
    return Rng(int(rng.integers(1 << 31)))


def spoiled_function(*body):
    """Source that spoils a right function: ``y`` is what it returns."""
    lines = ("y = _right(*args, **kwargs)", *body)
    return "_right = {name}\ndef {name}(*args, **kwargs):\n" + "".join(f"    {line}\n" for line in lines)


def judge_words(sentences):
    """Want the words that are expected; say the sentence of another one."""

    def judge(observed, expected, case):
        del case
        for name, right in expected.items():
            seen = observed.get(name)
            if seen != right:
                return Mismatch("value", name, sentences.get(seen) or f"{name} is {seen}; {right} is wanted")
        return None

    return judge


def untouched_words(before, after):
    """Whether each input is as it was, in words: what it was changed to depends on the draw."""
    pairs = {name: (x, after[i]) for i, (name, x) in enumerate(before.items())}
    return {name: AS_IT_WAS if np.array_equal(x, now) else "another" for name, (x, now) in pairs.items()}


def judge_untouched(observed, expected, case):
    """Want every input as it was."""
    del case
    changed = next((name for name, right in expected.items() if observed.get(name) != right), None)
    if changed is None:
        return None
    return Mismatch("changed", changed, f"{changed} was changed by the call: inputs are never written to")


def all_as_they_were(_subject, case, _rng):
    return dict.fromkeys(case.inputs, AS_IT_WAS)


def matrix_of(W):
    return W.reshape(len(W), -1)


FORWARD = "forward matches the reference"


def given(case):
    return Mean(case.arguments["p"])


WEIGHTS = [(4, 3), (3,), (2, 3, 2, 2), (2,), (3, 1), (1,), (1, 4), (2, 3, 1)]
"""Of the parameters: matrices, also of one row or column, kernels, and between them biases that cost nothing."""


def penalty_cases(rng, dtype="float64"):
    for count, weight_decay in [(2, 0.3), (len(WEIGHTS), 0.05), (5, 2.0)]:
        arrays, gradients, others = (
            [rng.normal(size=shape).astype(dtype) for shape in WEIGHTS[:count]] for _ in range(3)
        )
        yield Case({"weight_decay": weight_decay}, weights=arrays).with_changes(
            hidden={"gradients": gradients, "others": others}
        )


def look_at(subject, parameters, what, said):
    return numbered(said, subject.run(f"support.{what}", Ref(parameters.handle)))


def numbered(said, arrays):
    """One entry for each array; nothing where a worker sent something else than a list."""
    return {f"{said} {i}": x for i, x in enumerate(arrays if isinstance(arrays, list) else [])}


def single(rng):
    return list(penalty_cases(rng, "float32"))[1:]


BECOMES = "what becomes of every image"


OWN_DRAW = "every image has a draw of its own, evenly from all that there are"


def distinct_images(rng, shape):
    """Images whose pixels are all different, and none 0: what was done to them can be read off."""
    numbers = rng.permutation(int(np.prod(shape))) + 1.0
    return (numbers * rng.choice([-1.0, 1.0], numbers.size)).reshape(shape)


def small_images(rng, count, channels, height, width):
    """Images of the same kind, many: pixels are different within each, and tell its number."""
    pixels = channels * height * width
    return np.stack([rng.permutation(pixels) + 1.0 + n / (2 * count) for n in range(count)]).reshape(
        count, channels, height, width
    )


def same_images(left, right):
    """Which images of two batches are equal, pixel by pixel, up to the rounding of single precision."""
    close = np.abs(left - right) <= 1e-6 * np.abs(right)
    return close.reshape(len(left), -1).all(axis=1)


def told_of(y, x, ways, shape):
    """A word for what became of the images: the first of ``ways`` (word → batches to compare with) that explains all."""
    if not isinstance(y, np.ndarray):
        return "nothing: a return is missing" if y is None else f"no array, but a {type(y).__name__}"
    if y.shape != shape:
        return f"an array of shape {y.shape} where {shape} is wanted"
    if y.dtype.kind != "f" or not np.isfinite(y).all():
        return "an array that holds something else than finite floats"
    for word, batches in ways.items():
        left = np.ones(len(x), dtype=bool)
        for batch in batches(x):
            left &= ~same_images(y, batch)
            if not left.any():
                return word
    return "something else"


def augmentation(name, *, cases, draws, claims, ways, sentences):
    """The exercise of one change of images, drawn anew for each.

    cases: few images, of every kind; draws: many small ones, for statistics; ways(case): word → function of x that gives
    the batches that an image's result may come from, the right one first; claims: of the results of ``draws``.
    """
    right = next(iter(ways(next(iter(cases(np.random.default_rng(0)))))))

    def changed(case, y):
        (x,) = case.inputs.values()
        shape = (*x.shape[:2], *case.arguments.get("size", x.shape[2:]))
        return {"what becomes of an image": told_of(y, x, ways(case), shape)}

    def observe(subject, case):
        (x,) = case.inputs.values()
        return changed(case, subject.run(name, x, **case.arguments))

    def with_dtype(subject, case):
        (x,) = case.inputs.values()
        y = subject.run(name, x, **case.arguments)
        return {**changed(case, y), "the dtype of the result": str(getattr(y, "dtype", type(y).__name__))}

    def untouched(subject, case):
        return untouched_words(case.inputs, subject.run_echo(name, *case.inputs.values(), **case.arguments)[1])

    def single(rng, _reference):
        for case in cases(rng):
            yield case.with_changes(inputs={key: x.astype("float32") for key, x in case.inputs.items()})

    def check(sentence, observe, judge, **more):
        return Check(
            sentence,
            name,
            more.pop("weight", 1.0),
            more.pop("cases", lambda rng, _: list(cases(rng))),
            observe,
            judge,
            needs=(name,),
            **more,
        )

    exercise = Exercise(
        name,
        "function",
        (name,),
        Points(),
        [
            check(
                BECOMES,
                observe,
                judge_words(sentences),
                weight=3.0,
                expect=lambda _s, _c, _r: {"what becomes of an image": right},
            ),
        ],
    )

    @statistics(exercise, OWN_DRAW, cases=draws, claims=claims, weight=3, after=(BECOMES,))
    def drawn(subject, case):
        (x,) = case.inputs.values()
        return {"x": x, "y": subject.run(name, x, **case.arguments)}

    @seeded(exercise, cases=draws, after=(BECOMES,))
    def again(subject, case):
        (x,) = case.inputs.values()
        return subject.run(name, x, **case.arguments)

    exercise.checks.extend(
        [
            check(
                UNTOUCHED,
                untouched,
                judge_untouched,
                expect=all_as_they_were,
                after=(BECOMES,),
                mutation=spoiled_function("args[0][...] = 0", "return y"),
            ),
            check(
                FLOAT32,
                with_dtype,
                judge_words({"float64": "the result is float64 where the images are float32: dtype in is dtype out"}),
                cases=lambda rng, reference: list(single(rng, reference)),
                expect=lambda _s, _c, _r: {"what becomes of an image": right, "the dtype of the result": "float32"},
                after=(BECOMES,),
                mutation=spoiled_function("return y.astype('float64')"),
            ),
            check(
                DEVICE,
                observe,
                judge_words(sentences),
                expect=lambda _s, _c, _r: {"what becomes of an image": right},
                after=(BECOMES,),
                backend="stand-in",
                mutation=spoiled_function("__import__('numpy').asarray(y)", "return y"),
            ),
        ]
    )
    return exercise


def framed(x, border, mode="constant"):
    return np.pad(x, ((0, 0), (0, 0), (border, border), (border, border)), mode=mode)


def cuts(x, height, width):
    """Every window of this size, place by place, row by row."""
    return (
        x[:, :, top : top + height, left : left + width]
        for top in range(x.shape[2] - height + 1)
        for left in range(x.shape[3] - width + 1)
    )


def places_of(y, x, height, width):
    """(top, left) of the window of x that every image of y is; raises where one is none."""
    found = np.full((len(y), 2), -1)
    for place, window in enumerate(cuts(x, height, width)):
        found[same_images(y, window)] = divmod(place, x.shape[3] - width + 1)
    if (found < 0).any():
        message = "an image is no window"
        raise ValueError(message)
    return found.T


def even(count, first=0):
    """Whole numbers first, first + 1 … drawn evenly, ``count`` of them."""
    return Distribution("an even draw", lambda k: np.clip((np.floor(k) - first + 1) / count, 0, 1))


@dataclass(frozen=True)
class AllAlike:
    """The law of numbers that are all the same, whichever that is."""

    def chance(self, values):
        return float(values.min() == values.max())

    def describe(self):
        return "one number"

    def level(self):
        return 0.0

    def measure(self, values):
        return float(values.mean())


def alike(places):
    """Whether neighbours in the batch have the same place."""
    one, other = (np.stack(half) for half in zip(*(in_pairs(place, 0) for place in places), strict=True))
    return (one == other).all(axis=0)


def close(left, right, scale):
    return bool(np.abs(left - right).max() <= 1e-5 * scale)
