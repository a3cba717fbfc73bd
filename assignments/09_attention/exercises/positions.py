"""Positions: waves that are added, and pairs of features that are rotated."""

import numpy as np

from autograder.checks import (
    FORWARD,
    Case,
    FunctionExercise,
    LayerExercise,
    Speed,
    independence,
    judge_float32,
    mutated,
    other_rows,
    other_steps,
)

START = "positions begin at start"
FAR = "far positions are exact in float32 too"
DISTANCE = "scores depend on the distance alone"
ALONE = "every position is computed by itself"
BACK = "gradients are rotated back from the positions of forward"
ROWS = "sequences of a batch know nothing of each other"


def waves_cases(rng):
    """An odd number of features, a single one, a single step."""
    for batch, time, features in [(1, 4, 2), (2, 1, 5), (3, 6, 1), (2, 3, 6), (2, 4, 3)]:
        yield Case({"features": features}, x=rng.normal(size=(batch, time, features)))


waves = LayerExercise("PositionalEncoding", cases=waves_cases, has_cost=False, has_memory=False)


def started(subject, case):
    """Forward at every start, with one object; backward after each."""
    layer, x = subject.make(case.hidden["of"], **case.arguments), case.inputs["x"]
    seen = {}
    for start in case.hidden["starts"]:
        seen[f"y from position {start} on"] = layer.call("forward", x, start)
    return seen


def waves_starts(rng):
    for case in list(waves_cases(rng))[-2:]:
        yield case.with_changes(hidden={"of": "PositionalEncoding", "starts": (3, 0, 11)})


def waves_far(rng):
    yield Case({"features": 64}, x=rng.normal(size=(1, 1, 64)).astype("float32")).with_changes(
        hidden={"of": "PositionalEncoding", "starts": (1_000_000,)}
    )


waves.check(START, cases=waves_starts, part="forward", needs=("forward",), after=(FORWARD,))(started)
waves.check(FAR, cases=waves_far, part="forward", judge=judge_float32, needs=("forward",), after=(FORWARD,))(started)
independence(waves, ALONE, cases=waves_cases, of=other_steps())
independence(waves, ROWS, cases=waves_cases, of=other_rows())


# --- rotations -------------------------------------------------------------------------------


def pairs_cases(rng):
    """One pair and several, with heads and without; angles of every size."""
    for leading, time, half in [((1,), 3, 1), ((2,), 1, 2), ((2, 3), 4, 3), ((2,), 5, 2)]:
        angles = rng.uniform(-7, 7, (time, half))
        yield Case(x=rng.normal(size=(*leading, time, 2 * half)), cos=np.cos(angles), sin=np.sin(angles))


pairs = FunctionExercise("rotate_pairs", cases=pairs_cases, float32=True, complex_numbers=True)


def rotated_cases(rng):
    """One pair and several, with heads and without; another base."""
    for shape, more in [
        ((1, 3, 2), {}),
        ((2, 2, 1, 4), {}),
        ((2, 1, 3, 6), {"base": 10.0}),
        ((2, 4, 4), {"base": 100.0}),
    ]:
        yield Case({"head_dim": shape[-1], **more}, x=rng.normal(size=shape))


# Long sequences: partners side by side take 1.4 times as long as the reference, a loop over positions and pairs 27 to
# 39 times.
rope = LayerExercise(
    "RoPE",
    cases=rotated_cases,
    depends=("rotate_pairs",),
    complex_numbers=True,
    has_memory=False,
    wide=Case({"head_dim": 64}, x=(1, 64, 64)),
    speed=Speed(Case({"head_dim": 16}, x=(4, 2, 512, 16)), at_most=6.0),
)


def rope_starts(rng):
    for case in list(rotated_cases(rng))[-2:-1]:
        yield case.with_changes(hidden={"of": "RoPE", "starts": (3, 0, 11)})


def rope_far(rng):
    yield Case({"head_dim": 64}, x=rng.normal(size=(1, 1, 64)).astype("float32")).with_changes(
        hidden={"of": "RoPE", "starts": (1_000_000,)}
    )


rope.check(START, cases=rope_starts, part="forward", needs=("forward",), after=(FORWARD,))(started)
rope.check(FAR, cases=rope_far, part="forward", judge=judge_float32, needs=("forward",), after=(FORWARD,))(started)


def back_cases(rng):
    for case in list(rotated_cases(rng))[-2:]:
        yield case.with_changes(inputs={**case.inputs, "dy": rng.normal(size=case.inputs["x"].shape)})


@rope.check(
    BACK,
    cases=back_cases,
    part="backward",
    after=(FORWARD,),
    mutation=mutated("y = super().forward(*xs)", "super().forward(xs[0])", "return y"),
)
def back_from_start(subject, case):
    """While another layer of the same class rotates by other angles."""
    layer, other = (subject.make("RoPE", **case.arguments) for _ in range(2))
    layer.call("forward", case.inputs["x"], 5)
    other.call("forward", case.inputs["x"], 2)
    return {"dx": layer.call("backward", case.inputs["dy"])}


def same_vectors(rng):
    """The same query and key at every position."""
    q, k = rng.normal(size=(2, 1, 1, 4))
    yield Case({"head_dim": 4}, q=np.repeat(q, 6, axis=1), k=np.repeat(k, 6, axis=1))


@rope.check(
    DISTANCE,
    cases=same_vectors,
    part="forward",
    needs=("forward",),
    mutation=mutated("y = super().forward(*xs) * 1", "y[..., 1:, :] *= 2", "return y"),
)
def distance(subject, case):
    """Along every diagonal of the scores the distance is the same; no correct score is needed for this."""
    q, k = (subject.make("RoPE", **case.arguments).call("forward", case.inputs[name]) for name in ("q", "k"))
    scores = q[0] @ k[0].T
    spread = max(float(np.ptp(np.diagonal(scores, offset))) for offset in range(-4, 5))
    return {"the largest difference between scores at equal distance": 0.0 if spread < 1e-9 else spread}


independence(rope, ALONE, cases=lambda rng: list(rotated_cases(rng))[::3], of=other_steps())
independence(rope, ROWS, cases=rotated_cases, of=other_rows())
