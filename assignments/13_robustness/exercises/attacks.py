"""The exercises from input_gradient to adversarial_training: limits, directions, gradients that are left over."""

import math

import numpy as np

from autograder.checks import (
    MATCHES,
    Case,
    FunctionExercise,
    Mismatch,
    New,
    Ref,
    Rng,
    Setting,
    TrainingStepExercise,
    mutated_function,
)

WITHIN = "every number lies exactly within the limits"
SHAPES = [((1, 3), "rows"), ((5, 4), "labels"), ((4, 2, 3), "rows"), ((3, 1, 2, 4), "labels"), ((6, 2), "rows")]


def targets(kind, count, rng):
    return rng.normal(size=(count, 3)) if kind == "rows" else rng.integers(3, size=count)


def near_the_edges(rng, shape):
    """Numbers from 0 to 1, many of them at an end or near it."""
    x = rng.uniform(size=shape)
    kind = rng.integers(6, size=shape)
    for number, value in enumerate([0.0, 1.0, 0.01, 0.99]):
        x[kind == number] = value
    return x


# --- the network that is attacked ------------------------------------------------------------


def objects(subject, case):
    """The model, in one of its modes and with gradients of an earlier step, and the loss."""
    x = next(iter(case.inputs.values()))
    model = subject.make("support.Victim", math.prod(x.shape[1:]), 5, 3, rng=Rng(4))
    dtype = str(getattr(x, "dtype", "float64"))
    model.call("astype", dtype)
    model.call("train" if case.hidden.get("training") else "eval")
    if case.arguments.get("steps") != 0:  # what becomes of them then is left open
        subject.run("support.pollute", Ref(model.handle), math.nan if case.hidden.get("spoiled") else 1.0)
    return {"model": model, "loss": subject.make("support.RowLoss")}


def left(made):
    """The mode, and the gradients, of the model afterwards."""
    model = made["model"]
    return {
        "the mode of the model afterwards": "training" if model.get("training") else "evaluation",
        "the gradient of V afterwards": model.get("V.grad"),
        "the gradient of w afterwards": model.get("w.grad"),
        "V afterwards": model.get("V.data"),
    }


ATTACKED = Setting(objects, left)
SUPPORT = ("training", "victims")


def rows_to_attack(rng, **arguments):
    """Batch 1, rows and images, targets that are rows or labels; the model in both modes."""
    for number, (shape, kind) in enumerate(SHAPES):
        case = Case(arguments, x=near_the_edges(rng, shape), y=targets(kind, shape[0], rng))
        yield case.with_changes(hidden={"training": number % 2 == 1})


def any_rows(rng):
    """The same with inputs of any size: a gradient has no limits.  At last after a step that left nan in gradients."""
    for case in rows_to_attack(rng):
        yield case.with_changes(inputs={**case.inputs, "x": rng.normal(0, 0.7, case.inputs["x"].shape)})
    yield case.with_changes(hidden={**case.hidden, "spoiled": True})


gradient = FunctionExercise("input_gradient", cases=any_rows, setting=ATTACKED, float32=any_rows, support_files=SUPPORT)


# --- limits ----------------------------------------------------------------------------------


def limits(case):
    """Lower and upper limits in the dtype of x."""
    x, eps = case.inputs["x"], case.hidden["eps"]
    return np.maximum(x - eps, 0), np.minimum(x + eps, 1)


def judge_within(observed, expected, case):
    """Name the first number outside the limits, however little."""
    del expected
    found = observed["the result"]
    low, high = limits(case)
    if not isinstance(found, np.ndarray) or found.shape != low.shape:
        return Mismatch("shape", "the result", f"expected shape {low.shape}, got {getattr(found, 'shape', 'no array')}")
    for outside, limit, which in ((found < low, low, "below lo"), (found > high, high, "above hi")):
        if outside.any():
            at = tuple(int(i) for i in np.argwhere(outside)[0])
            got, right = (repr(float(each[at])) for each in (found, limit))
            text = f"the result at {list(at)} lies {which} by a little: got {got}, the limit is {right} in {low.dtype}"
            return Mismatch("value", "the result", text, index=at)
    return None


def asks_for_limits(exercise, cases, run):
    """Add the check that the limits are kept to the last digit, in both dtypes."""

    def draw(rng):
        for case in cases(rng):
            short = {
                name: x.astype("float32") if getattr(x, "dtype", None) == np.float64 else x
                for name, x in case.inputs.items()
            }
            yield case
            yield case.with_changes(inputs=short)

    exercise.check(
        WITHIN, cases=draw, expect=lambda _: {}, judge=judge_within, after=(MATCHES,), weight=2,
        mutation=mutated_function("import numpy", "return y + (y * numpy.finfo(y.dtype).eps * 2).astype(y.dtype)"),
    )(run)  # fmt: skip


def many_numbers(rng):
    """Enough numbers that rounding shows, and eps that are larger in float32 than in float64, and smaller."""
    for eps in (0.1, 0.35, 0.7):
        x = near_the_edges(rng, (40, 25))
        away = rng.choice([-1.5, 1.5, 1.0, -1.0, 0.3], x.shape) * eps
        yield Case({}, x_adv=x + away, x=x, eps=eps).with_changes(hidden={"eps": eps})


def points(rng):
    """Inside, outside on both sides, far away; any shape, batch 1; no change allowed, and any change; on the edges."""
    for shape, eps, far in [((1, 4), 0.1, 0.2), ((3, 5), 0.3, 1.0), ((2, 3, 4), 0.05, 10.0), ((4, 1, 2, 2), 0.0, 0.5)]:
        x = near_the_edges(rng, shape)
        yield Case({}, x_adv=x + rng.uniform(-far, far, shape), x=x, eps=eps)
    x = near_the_edges(rng, (3, 6))
    yield Case({}, x_adv=x + rng.normal(0, 2, x.shape), x=x, eps=2.0)
    yield Case({}, x_adv=x + rng.uniform(-0.2, 0.2, x.shape), x=x, eps=0.25)


projection = FunctionExercise("project", cases=points, float32=True)
asks_for_limits(
    projection, many_numbers, lambda subject, case: {"the result": subject.run("project", *case.inputs.values())}
)


# --- attacks ---------------------------------------------------------------------------------


def single_steps(rng):
    """Every case of the gradient with an eps: small, none, so large that only 0 and 1 are limits."""
    for case, eps in zip(rows_to_attack(rng), (0.1, 0.3, 0.0, 0.2, 1.5), strict=True):
        x, y = case.inputs.values()
        yield case.with_changes(inputs={"x": x, "y": y, "eps": eps}, hidden={**case.hidden, "eps": eps})


one_step = FunctionExercise(
    "fgsm", cases=single_steps, setting=ATTACKED, float32=True, depends=("input_gradient", "project"),
    support_files=SUPPORT,
)  # fmt: skip


def attack(name):
    def run(subject, case):
        made = objects(subject, case)
        return {"the result": subject.run(name, *case.inputs.values(), **ATTACKED.arguments(case, made))}

    return run


def large_batches(rng, **arguments):
    """Many numbers, so that the rounding of the limits shows."""
    for eps in (0.1, 0.35):
        case = Case(arguments, x=near_the_edges(rng, (60, 12)), y=targets("labels", 60, rng), eps=eps)
        yield case.with_changes(hidden={"eps": eps})


asks_for_limits(one_step, large_batches, attack("fgsm"))


def generator(rng):
    return Rng(int(rng.integers(1 << 30)))


def several_steps(rng):
    """No steps, one, several; steps so small that the limits do not matter, and so large that they do."""
    settings = [(0, 0.1), (1, 0.15), (3, 0.06), (7, 0.02), (4, 0.5)]
    for case, (steps, step_size) in zip(single_steps(rng), settings, strict=True):
        yield case.with_changes(arguments={"steps": steps, "step_size": step_size, "rng": generator(rng)})
    case = Case(
        {"steps": 12, "step_size": 0.03, "rng": generator(rng)},
        x=near_the_edges(rng, (4, 5)),
        y=targets("rows", 4, rng),
        eps=0.2,
    )
    yield case.with_changes(hidden={"training": False, "eps": 0.2})
    case = Case(
        {"steps": 0, "step_size": 0.1, "rng": generator(rng)},
        x=rng.permuted(np.linspace(0, 1, 24)).reshape(4, 6),
        y=targets("rows", 4, rng),
        eps=0.25,
    )
    yield case.with_changes(hidden={"training": False, "eps": 0.25})
    case = Case(  # steps far beyond the limits, from where many gradients point back
        {"steps": 5, "step_size": 0.9, "rng": generator(rng)},
        x=rng.uniform(size=(9, 8)),
        y=3 * targets("rows", 9, rng),
        eps=0.3,
    )
    yield case.with_changes(hidden={"training": False, "eps": 0.3})


many_steps = FunctionExercise(
    "pgd", cases=several_steps, setting=ATTACKED, float32=True, depends=("input_gradient", "project"),
    support_files=SUPPORT,
)  # fmt: skip


def large_attacks(rng):
    for case in large_batches(rng):
        yield case.with_changes(arguments={"steps": 4, "step_size": 0.07, "rng": generator(rng)})


asks_for_limits(many_steps, large_attacks, attack("pgd"))


# --- training --------------------------------------------------------------------------------


def batches(rng):
    """Rows, images and labels; batch 1; attacks of several strengths, and none; many rows."""
    for (shape, kind), eps in zip(SHAPES, (0.1, 0.3, 0.2, 0.0, 0.4), strict=True):
        x, y = near_the_edges(rng, shape), targets(kind, shape[0], rng)
        yield Case({"rng": generator(rng)}, x=x, y=y, eps=eps)
    # targets between what the scores are in one mode and in the other, so that many gradients differ in sign
    x, y = rng.uniform(size=(12, 6)), 0.3 * targets("rows", 12, rng)
    yield Case({"rng": generator(rng)}, x=x, y=y, eps=0.2)


trained = TrainingStepExercise(
    "adversarial_training",
    cases=batches,
    networks=lambda case: {"model": New("support.Victim", math.prod(case.inputs["x"].shape[1:]), 5, 3, rng=Rng(4))},
    stale=True,
    float32=True,
    depends=("pgd",),
    support_files=("victims",),
)
