"""The exercises magnitude_pruning and masked_step: which weights go, and that they do not come back."""

import numpy as np

from autograder.checks import Case, Exercise, Mismatch, Ref, Rng, Strided, compare, judge_unchanged, mutated_function

# --- magnitude_pruning -----------------------------------------------------------------------


def layers(rng, *shapes, sizes=None):
    """Weights of both signs, of another size in each layer."""
    sizes = sizes or [1.0] * len(shapes)
    return [size * rng.normal(size=shape) for shape, size in zip(shapes, sizes, strict=True)]


def tied(rng, *shapes):
    """Few magnitudes, so that many are equal, zeros of both signs among them."""
    return [rng.integers(-2, 3, size=shape) * rng.choice([-0.5, 0.5], size=shape) for shape in shapes]


def networks(rng):
    """One layer and several, of all shapes; none to remove, all, shares that do not divide; weights of other sizes."""
    yield Case({"share": 0.5}, weights=layers(rng, (4, 3)))
    yield Case({"share": 0.5, "per_layer": True}, weights=layers(rng, (3, 3), (5,), (2, 1, 3), sizes=[1, 9, 0.1]))
    yield Case({"share": 0.6}, weights=layers(rng, (3, 2), (2, 4), (4, 1), sizes=[0.3, 1, 2]))
    yield Case({"share": 0.0}, weights=layers(rng, (2, 3), (3,)))
    yield Case({"share": 1.0}, weights=layers(rng, (2, 3), (3,)))
    yield Case({"share": 1.0, "per_layer": True}, weights=layers(rng, (2, 2), (3, 1)))
    yield Case({"share": 0.3}, weights=layers(rng, (1, 1), (2, 5), sizes=[0.001, 1]))
    yield Case({"share": 0.3, "per_layer": True}, weights=layers(rng, (1, 2), (2, 5)))
    yield Case({"share": 0.45}, weights=tied(rng, (6, 5), (3, 4)))
    yield Case({"share": 0.45, "per_layer": True}, weights=tied(rng, (6, 5), (3, 7)))
    yield Case({"share": 0.4}, weights=[np.full((3, 4), -2.0), np.full((5,), 2.0)])
    yield Case({"share": 0.75}, weights=[x.astype("float32") for x in layers(rng, (5, 4), (4, 2))])


def judge_form(found, right):
    """As many masks as arrays, of their shapes, booleans."""
    if not isinstance(found, list | tuple) or len(found) != len(right):
        return compare(found, right, "the result")
    for number, (mask, wanted) in enumerate(zip(found, right, strict=True)):
        if getattr(mask, "shape", None) != wanted.shape:
            return compare(mask, wanted, f"mask {number}")
        if mask.dtype != np.bool_:
            return Mismatch("dtype", "the result", f"mask {number}: expected booleans, got {mask.dtype}")
    return None


def judge_masks(observed, expected, case):
    """Name the form, then how many remain, then which."""
    del case
    found, right = observed.get("the result"), expected["the result"]
    if wrong := judge_form(found, right):
        return wrong
    counts, wanted = ([int(mask.sum()) for mask in each] for each in (found, right))
    if counts != wanted:
        text = f"of the arrays {counts} weights remain, expected {wanted}"
        return Mismatch("value", "the result", text)
    for number, (mask, same) in enumerate(zip(found, right, strict=True)):
        if (mask != same).any():
            at = tuple(int(i) for i in np.argwhere(mask != same)[0])
            text = f"mask {number} at {list(at)}: expected {bool(same[at])}, got {bool(mask[at])}"
            return Mismatch("value", "the result", text, index=at)
    return None


WHICH = "exactly the smallest weights are removed"
pruning = Exercise("magnitude_pruning", "function", ("magnitude_pruning",))


def masks(subject, case):
    return {"the result": subject.run("magnitude_pruning", *case.inputs.values(), **case.arguments)}


pruning.check(WHICH, cases=networks, judge=judge_masks, weight=6)(masks)


@pruning.check(
    "inputs are not modified",
    cases=networks,
    expect=lambda case: {f"array {i}": w for i, w in enumerate(case.inputs["weights"])},
    judge=judge_unchanged,
    after=(WHICH,),
)
def untouched(subject, case):
    sent = [subject.put(w) for w in case.inputs["weights"]]
    subject.run("magnitude_pruning", sent, **case.arguments)
    return {f"array {i}": subject.request("fetch", handle=ref.handle) for i, ref in enumerate(sent)}


@pruning.check(
    "views are pruned as other arrays are",
    cases=networks,
    judge=judge_masks,
    after=(WHICH,),
    mutation=mutated_function("flags = args[0][0].flags", "return y if flags.c_contiguous else [~mask for mask in y]"),
)
def masks_of_views(subject, case):
    views = [Strided(weights) for weights in case.inputs["weights"]]
    return {"the result": subject.run("magnitude_pruning", views, **case.arguments)}


pruning.check("stays on the device", cases=networks, judge=judge_masks, backend="stand-in", after=(WHICH,))(masks)


# --- masked_step -----------------------------------------------------------------------------

STAY = "removed weights stay 0, and the others move as the optimizer moves them"
LEFT = "gradients and masks are left alone, and arrays are the same"
STEPS = 3


def stories(rng):
    """Several parameters and one; nothing removed, nearly all; more parameters than masks; weights not yet removed."""
    for shapes, share, count in [([(3, 4)], 0.5, 1), ([(2, 3), (4,), (2, 1, 2)], 0.7, 3), ([(3, 2), (2,)], 0.4, 1)]:
        start = [rng.normal(size=shape) for shape in shapes]
        chosen = [rng.random(shape) >= share for shape in shapes[-count:]]
        given = [[rng.normal(size=shape) for shape in shapes] for _ in range(STEPS)]
        yield Case({}, start=start, masks=chosen).with_changes(hidden={"gradients": given})
    start = [rng.normal(size=(2, 3))]
    case = Case({}, start=start, masks=[np.ones((2, 3), bool)])
    yield case.with_changes(hidden={"gradients": [[rng.normal(size=(2, 3))]] * STEPS})
    start = [rng.normal(size=(2, 3))]
    case = Case({}, start=start, masks=[np.arange(6).reshape(2, 3) > 4])
    yield case.with_changes(hidden={"gradients": [[np.zeros((2, 3))]] * STEPS})


def steps(subject, case):
    """What happens in a few steps: parameters after each, and at the end gradients, masks, and the arrays' identity."""
    parameters = subject.keep("support.parameters", case.inputs["start"])
    held = subject.keep("support.data", Ref(parameters.handle))
    optimizer = subject.make("support.Heavy", Ref(parameters.handle), 0.2, rng=Rng(3))
    chosen = [subject.put(mask) for mask in case.inputs["masks"]]
    pruned = subject.keep("support.some", Ref(parameters.handle), len(chosen))
    found = {}
    for number, gradients in enumerate(case.hidden["gradients"], 1):
        subject.run("support.give", Ref(parameters.handle), gradients)
        subject.run("masked_step", Ref(pruned.handle), chosen, optimizer=Ref(optimizer.handle))
        found[f"the parameters after step {number}"] = subject.run("support.data", Ref(parameters.handle))
    left = {
        "the arrays of the parameters": held.fetch(),
        "the gradients": subject.run("support.grads", Ref(parameters.handle)),
        "the masks": [subject.request("fetch", handle=ref.handle) for ref in chosen],
    }
    return found, left


masked = Exercise("masked_step", "function", ("masked_step",), support_files=("parameters", "pruned"))


@masked.check(STAY, cases=stories, weight=5)
def moves(subject, case):
    return steps(subject, case)[0]


@masked.check(LEFT, cases=stories, weight=2, after=(STAY,))
def leaves(subject, case):
    return steps(subject, case)[1]


masked.check(
    "stays on the device", cases=stories, backend="stand-in", after=(STAY,),
    mutation=mutated_function("for p in args[0]: __import__('numpy').asarray(p.data)", "return y"),
)(moves)  # fmt: skip
