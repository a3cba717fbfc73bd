"""The exercise LossScaler: which steps are taken, what the gradients are then, and how the scale moves."""

import numpy as np

from autograder.checks import Case, Exercise, Mismatch, Ref, compare_all, habits, judge_float32, mutated

SCALED = "gradients are multiplied by the scale"
TAKEN = "a step is taken where all gradients are finite, with the gradients themselves"
ADAPTED = "the scale falls after a skipped step and grows after enough good ones in a row"
SHAPES = [(2, 3), (4,), (1, 2, 2)]
PERFECT, INFINITE, NEGATIVE, UNDEFINED = "good", "infinite", "minus infinity", "NaN"
BAD = {INFINITE: np.inf, NEGATIVE: -np.inf, UNDEFINED: np.nan}

scaler = Exercise("LossScaler", "class", ("scaled", "step"), support_files=("parameters", "scaling"))


# --- scaled ----------------------------------------------------------------------------------


def gradients_at_a_loss(rng):
    """Any shape, several scales."""
    for shape, scale in [((1, 3), 65536.0), ((5, 2), 1.0), ((2, 3, 4), 0.25), ((7,), 1024.0)]:
        yield Case({"scale": scale}, dy=rng.normal(0, 1e-3, shape))


def multiplied(subject, case):
    return {"the scaled gradient": subject.make("LossScaler", **case.arguments).call("scaled", case.inputs["dy"])}


scaler.check(SCALED, cases=gradients_at_a_loss, part="scaled", needs=("scaled",), weight=2)(multiplied)
habits(scaler, multiplied, cases=gradients_at_a_loss, after=(SCALED,), part="scaled", prefix="scaled: ")


@scaler.check(
    "the current scale is used",
    cases=gradients_at_a_loss,
    part="scaled",
    needs=("scaled",),
    after=(SCALED,),
    mutation=mutated(
        "now, self.scale = self.scale, getattr(self, 'first', self.scale)",
        "self.first = self.scale",
        "y = super().scaled(*args, **kwargs)",
        "self.scale = now",
        "return y",
        method="scaled",
    ),
)
def with_another_scale(subject, case):
    made = subject.make("LossScaler", **case.arguments)
    made.call("scaled", case.inputs["dy"])
    made.set("scale", 3.0)
    return {"the gradient scaled by another factor": made.call("scaled", case.inputs["dy"])}


# --- step ------------------------------------------------------------------------------------


def run_of_steps(rng, story, **arguments):
    """A run with these kinds of gradients; a bad one is in a single entry, of one parameter after the other."""
    gradients, bad = [], 0
    for kind in story:
        given = [rng.normal(size=shape) for shape in SHAPES]
        if kind != PERFECT:
            given[bad % len(SHAPES)].flat[int(rng.integers(4))] = BAD[kind]
            bad += 1
        gradients.append(given)
    start = [rng.normal(size=shape) for shape in SHAPES]
    return Case(arguments, start=start).with_changes(hidden={"gradients": gradients})


def stories(rng):
    """All good; a bad step of every kind first, last, in between, several in a row, just before the interval ends."""
    good, infinite, negative, undefined = PERFECT, INFINITE, NEGATIVE, UNDEFINED
    yield run_of_steps(rng, [good] * 7, scale=8.0, interval=3)
    yield run_of_steps(rng, [infinite, good, good, undefined, good], scale=1024.0, interval=2)
    yield run_of_steps(rng, [good, good, negative, good, good, good, undefined], scale=65536.0, interval=3)
    yield run_of_steps(rng, [undefined, infinite, negative, good], scale=4.0, growth=3.0, backoff=0.25, interval=1)
    yield run_of_steps(rng, [good, infinite, good, infinite, good, good], scale=2.0, interval=2, growth=4.0)
    yield run_of_steps(rng, [infinite] + [good] * 3)
    yield large_gradients(rng)


def large_gradients(rng):
    """Gradients in float32 that are finite, as their sum and their squares are not."""
    case = run_of_steps(rng, [PERFECT] * 3, scale=2.0, interval=2)
    for given in case.hidden["gradients"][1:2]:
        for gradient in given:
            gradient[...] = 1e38 * rng.uniform(1, 1.6, gradient.shape)
    return case.with_changes(inputs={"start": [x.astype("float32") for x in case.inputs["start"]]})


def history(subject, case):
    """What happens at every step."""
    zeros = [np.zeros_like(x) for x in case.inputs["start"]]
    parameters = subject.keep("support.parameters", case.inputs["start"], zeros)
    optimizer = subject.make("support.Counting", Ref(parameters.handle), 0.5)
    made = subject.make("LossScaler", **case.arguments)
    found = subject.run("support.follow", Ref(made.handle), Ref(optimizer.handle), case.hidden["gradients"])
    return found if isinstance(found, list) else []


def of_every_step(found, *names):
    return {f"{name} after step {t}": step[name] for t, step in enumerate(found, 1) for name in names if name in step}


def kind_of(case, t):
    entries = np.concatenate([np.ravel(g) for g in case.hidden["gradients"][t]])
    return "finite" if np.isfinite(entries).all() else "not all finite"


def judge_taken(observed, expected, case):
    """Name the first step that was taken or skipped incorrectly."""
    for t in range(len(case.hidden["gradients"])):
        for name, verb in (("steps", "the optimizer was called"), ("answer", "step returned")):
            key = f"{name} after step {t + 1}"
            seen, right = observed.get(key), expected[key]
            if isinstance(seen, np.bool_):
                seen = bool(seen)
            if seen != right or (name == "answer" and not isinstance(seen, bool)):
                unit = " times so far" if name == "steps" else ""
                text = f"in step {t + 1} the gradients are {kind_of(case, t)}; {verb} {seen}{unit}, expected {right}"
                return Mismatch("value", key, text)
        same = {key: value for key, value in expected.items() if key == f"data after step {t + 1}"}
        if found := compare_all(observed, same, case):
            return found
    return None


@scaler.check(TAKEN, cases=stories, part="step", weight=4, needs=("step",), judge=judge_taken)
def taken(subject, case):
    return of_every_step(history(subject, case), "steps", "answer", "data")


def judge_scale(observed, expected, case):
    for key, right in expected.items():
        if compare_all(observed, {key: right}, case):
            story = [kind_of(case, t) for t in range(int(key.split()[-1]))]
            text = f"{key}: expected {right:g}, got {observed.get(key)}; the gradients were {', '.join(story)}"
            return Mismatch("value", key, text)
    return None


@scaler.check(ADAPTED, cases=stories, part="step", weight=3, needs=("step",), after=(TAKEN,), judge=judge_scale)
def adapted(subject, case):
    return of_every_step(history(subject, case), "scale")


def all_good(rng):
    return [run_of_steps(rng, [PERFECT] * 3, scale=16.0, interval=2)]


@scaler.check("gradients are divided in place", cases=all_good, part="step", needs=("step",), after=(TAKEN,))
def in_place(subject, case):
    return of_every_step(history(subject, case), "grads")


def short_stories(rng):
    """In single precision: the arrays of the start, and gradients."""
    for case in list(stories(rng))[1:3]:
        yield case.with_changes(inputs={"start": [x.astype("float32") for x in case.inputs["start"]]})


scaler.check(
    "float32 stays float32",
    cases=short_stories,
    part="step",
    needs=("step",),
    after=(TAKEN,),
    judge=judge_float32,
    mutation=mutated(
        "for p in args[0].parameters: p.data = p.data.astype('float64')", "return super().step(*args)", method="step"
    ),
)(lambda subject, case: of_every_step(history(subject, case), "data"))
