"""The exercise EarlyStopping: training stops in time, and the best weights are restored."""

import numpy as np

from autograder.checks import Case, Exercise, Mismatch, Ref, compare_all, in_float32, judge_float32, mutated

from .parameters import look_at, numbered

PATIENCE = "stops exactly when patience is over"
BEST = "restores the weights of the best epoch"

SHAPES = [(2, 3), (3,), (2, 1, 2)]


def epochs(rng, losses, patience, min_delta=0.0):
    """A training run with these losses: weights for every epoch, and others at the start."""
    start, *places = ([rng.normal(size=shape) for shape in SHAPES] for _ in range(len(losses) + 1))
    hidden = {"losses": losses, "places": places}
    return Case({"patience": patience, "min_delta": min_delta}, weights=start).with_changes(hidden=hidden)


def falling(rng, count, last=1.0):
    """Losses that fall by at least 0.02 every time."""
    return [float(x) for x in last - np.cumsum(rng.uniform(0.02, 0.1, count))]


def rising(rng, count, above):
    """Losses above this one; the first is the largest, so each is better than the last, none than the best."""
    return [float(x) for x in above + np.sort(rng.uniform(0.02, 0.5, count))[::-1]]


def patience_cases(rng):
    """Training runs that end where patience is over, and one that lasts for all epochs."""
    for patience, waits in [(1, [3]), (3, [0, 2, 1]), (2, [1, 1, 1]), (4, [3, 0, 3, 2])]:
        losses, best = [], 1.0
        for wait in waits:
            losses += falling(rng, 2, best)
            best = losses[-1]
            losses += rising(rng, min(wait, patience - 1), best)
        yield epochs(rng, losses + falling(rng, 1, best) + rising(rng, patience, best), patience)
    best = falling(rng, 3)
    yield epochs(rng, [*best, best[-1], best[-1]], 2)  # the same loss again is not better
    yield epochs(rng, falling(rng, 6), 1)


def delta_cases(rng):
    """In eighths, which floats represent exactly: improvements by half of min_delta, by all of it, by more."""
    for steps, patience in [((16, 14, 13, 12, 10, 9, 8), 2), ((16, 14, 12, 10), 3), ((24, 23, 21, 20, 18), 5)]:
        yield epochs(rng, [step / 8 for step in steps], patience, 0.25)
    yield epochs(rng, [8.0, 7.75, 7.5, 7.0, 6.75, 6.5, 6.25], 3, 0.5)
    yield epochs(rng, [2.0, 2.125, 2.25, 2.0], 3, 0.5)


def nan_cases(rng):
    nan = float("nan")
    one, two, three = falling(rng, 3)
    yield epochs(rng, [one, nan, two, nan, nan], 2)
    yield epochs(rng, [nan, one, two, nan, two + 0.5, three, nan, nan, nan], 3)
    yield epochs(rng, [nan, nan], 2)


def restoring_cases(rng):
    cases = list(patience_cases(rng))
    return [*cases[:2], cases[-1], *list(delta_cases(rng))[:1]]


early_stopping = Exercise("EarlyStopping", "class", ("update", "restore"), support_files=("parameters", "stopping"))


def stopping(subject, case):
    """Parameters, and the object that stops their training."""
    parameters = subject.keep("support.parameters", case.inputs["weights"], [0 * x for x in case.inputs["weights"]])
    return parameters, subject.make("EarlyStopping", Ref(parameters.handle), **case.arguments)


def follow(subject, stopper, parameters, case):
    """Go through the epochs; what every update returned."""
    losses, places = case.hidden["losses"], case.hidden["places"]
    return subject.run("support.follow", Ref(stopper.handle), Ref(parameters.handle), losses, places)


def judge_answers(observed, expected, case):
    for epoch, right in expected.items():
        if observed.get(epoch) == right:
            continue
        losses = ", ".join(f"{loss:.4g}" for loss in case.hidden["losses"][: int(epoch.split()[1])])
        text = f"after {epoch} update says {observed.get(epoch)}; expected {right}: the losses were {losses}"
        return Mismatch("value", epoch, text)
    return None


def update_check(name, cases, **more):
    return early_stopping.check(name, cases=cases, part="update", judge=judge_answers, needs=("update",), **more)


@update_check(PATIENCE, patience_cases, weight=3)
def answers(subject, case):
    parameters, stopper = stopping(subject, case)
    said = follow(subject, stopper, parameters, case)
    return {f"epoch {t}": word for t, word in enumerate(said if isinstance(said, list) else [], start=1)}


update_check("an improvement of min_delta or less is none", delta_cases, after=(PATIENCE,))(answers)
update_check("a loss that is NaN is never the best", nan_cases, after=(PATIENCE,))(answers)


@early_stopping.check(BEST, cases=restoring_cases, weight=3)
def restored(subject, case):
    parameters, stopper = stopping(subject, case)
    follow(subject, stopper, parameters, case)
    subject.run("support.write", Ref(parameters.handle), case.inputs["weights"])  # neither the best nor the last
    stopper.call("restore")
    return look_at(subject, parameters, "data", "after restore, parameter")


early_stopping.check(
    "restores nothing where NaN is all there was, and no weights of a NaN", cases=nan_cases, after=(BEST,)
)(restored)


def judge_arrays(observed, expected, case):
    found = compare_all(observed, expected, case)
    if found is None:
        return None
    text = f"{found.name} does not contain the best weights: restore made a new array. Write into parameter.data[...]"
    return Mismatch("changed", found.name, text)


@early_stopping.check(
    "weights are restored in place",
    cases=restoring_cases,
    judge=judge_arrays,
    after=(BEST,),
    mutation=mutated("for p in self.parameters: p.data = p.data * 1", "super().restore()", method="restore"),
)
def restored_in_place(subject, case):
    parameters, stopper = stopping(subject, case)
    arrays = subject.keep("support.data", Ref(parameters.handle))
    follow(subject, stopper, parameters, case)
    stopper.call("restore")
    return numbered("the array of parameter", arrays.fetch())


@early_stopping.check("restores again what was trained on", cases=restoring_cases, after=(BEST,))
def restored_again(subject, case):
    parameters, stopper = stopping(subject, case)
    follow(subject, stopper, parameters, case)
    stopper.call("restore")
    subject.run("support.write", Ref(parameters.handle), case.hidden["places"][-1])
    stopper.call("restore")
    return look_at(subject, parameters, "data", "after a second restore, parameter")


early_stopping.check(
    "float32 stays float32",
    cases=in_float32(lambda rng: [epochs(rng, [0.5, 0.25, 0.75], 1)]),
    judge=judge_float32,
    after=(BEST,),
    mutation=mutated(
        "super().restore()", "for p in self.parameters: p.data = p.data.astype('float64')", method="restore"
    ),
)(restored)
early_stopping.check(
    "stays on the device",
    cases=restoring_cases,
    after=(BEST,),
    backend="stand-in",
    mutation=mutated(
        "for p in self.parameters: __import__('numpy').asarray(p.data)", "super().restore()", method="restore"
    ),
)(restored)
