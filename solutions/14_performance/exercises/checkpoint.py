"""gradient_checkpoint: few inputs kept, and each layer computed at most twice."""

from autograder.checks import MATCHES, Case, FunctionExercise, Instance, Ref, Scaling, Setting, judge_words


def deep(shape, depth):
    """Shapes of one case."""
    return {"x": shape, "weights": (depth, shape[1]), "dy": shape}


def networks(rng):
    """Depth 1, 2 and 3, a square, a prime, one more than a square; batch 1."""
    for shape, depth in [((1, 3), 1), ((3, 2), 2), ((2, 4), 3), ((2, 1), 9), ((3, 2), 10), ((2, 3), 17)]:
        yield Case(**{name: rng.normal(size=each) for name, each in deep(shape, depth).items()})


def block(subject, case):
    del case
    return {"block": subject.make("support.Block")}


# Growth of memory: segments of about √depth 0.3 to 0.4, every other input 0.75, all of them 0.9.
checkpointed = FunctionExercise(
    "gradient_checkpoint",
    cases=networks,
    setting=Setting(block, lambda _: {}),
    outputs=("y", "dx", "dweights"),
    float32=True,
    support_files=("blocks",),
    scaling=Scaling(lambda depth: Case(**deep((256, 256), depth)), sizes=(16, 64, 256, 576), at_most=0.57, of="memory"),
)
TWICE = "no layer is computed more than twice"
SENTENCES = {
    "too often": "block.forward was called more than 2 · depth times: each segment is computed again once, from its "
    "checkpoint"
}


@checkpointed.check(
    TWICE, cases=networks, expect=lambda _: {"calls": "seldom enough"}, judge=judge_words(SENTENCES),
    after=(MATCHES,), weight=2,
)  # fmt: skip
def calls(subject, case):
    made: Instance = block(subject, case)["block"]
    subject.run("gradient_checkpoint", *case.inputs.values(), block=Ref(made.handle))
    count = made.get("calls")
    few = isinstance(count, int) and 0 < count <= 2 * len(case.inputs["weights"])
    return {"calls": "seldom enough" if few else "too often"}
