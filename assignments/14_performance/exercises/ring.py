"""all_reduce: sums that arrive by a ring, and what each worker sends."""

from autograder.checks import MATCHES, Case, FunctionExercise, Ref, Setting, judge_words

COUNTS = "no worker sends more than twice its array"


def rings(rng):
    """One worker, two, several; lengths that the workers divide, that they do not, and shorter than the ring."""
    for workers, length in [(1, 3), (2, 2), (2, 5), (3, 6), (4, 7), (5, 3), (3, 1)]:
        yield Case(parts=rng.normal(size=(workers, length)))


def make_ring(subject, case):
    return {"ring": subject.make("support.Ring", len(case.inputs["parts"]))}


reduced = FunctionExercise(
    "all_reduce",
    cases=rings,
    setting=Setting(make_ring, lambda _: {}),
    float32=True,
    new=True,
    support_files=("ring",),
)


def limits(case):
    """The fewest and the most bytes that one worker may send."""
    parts = case.inputs["parts"]
    count, numbers = parts.shape
    rounds, size = 2 * (count - 1), parts.dtype.itemsize
    return rounds * (numbers // count) * size, rounds * -(-numbers // count) * size


SENTENCES = {
    "too many": "a worker sent more than 2 (workers − 1) pieces: send pieces, not whole arrays, and each only once per "
    "round",
    "too few": "a worker sent less than the sum needs: what it learns of others must arrive by the ring",
    "left": "something was sent that nobody received",
    "uneven": "the pieces are not as equal as possible: their lengths differ by more than one number",
}


@reduced.check(
    COUNTS, cases=rings, expect=lambda _: {"the ring": "as it should be"}, judge=judge_words(SENTENCES),
    after=(MATCHES,), weight=3,
)  # fmt: skip
def counted(subject, case):
    ring = make_ring(subject, case)["ring"]
    subject.run("all_reduce", *case.inputs.values(), ring=Ref(ring.handle))
    low, high = limits(case)
    sent, waiting = ring.get("sent"), ring.get("waiting")
    if not isinstance(sent, list) or not all(isinstance(each, int) for each in sent):
        return {"the ring": "too few"}
    if max(sent) > high:
        return {"the ring": "too many"}
    if min(sent) < low:
        return {"the ring": "too few"}
    numbers, count = case.inputs["parts"].shape[1], len(case.inputs["parts"])
    sizes = ring.get("sizes")
    if not isinstance(sizes, list) or not all(isinstance(each, int) for each in sizes):
        return {"the ring": "uneven"}
    sizes = [size for size in sizes if size]  # empty pieces may be sent or not
    if sizes and (min(sizes) < numbers // count or max(sizes) > -(-numbers // count)):
        return {"the ring": "uneven"}
    return {"the ring": "left" if waiting else "as it should be"}
