"""RingWorker: what one worker of a ring sends, and what it makes of what arrives; the checks play its neighbours."""

from autograder.checks import Case, Exercise, habits, mutated

SENDS = "sends its piece of each round"
TAKES = "adds what arrives in the first half, and stores it in the second"
PLAYS = "in every round it sends its numbers as they are by then"
ALL = "a ring of such workers gives every one of them the sum"

worker = Exercise("RingWorker", "class", ("send", "receive"))
RINGS = [(2, 2), (2, 5), (3, 6), (4, 7), (5, 3), (3, 1), (6, 16)]
"""Workers and numbers: lengths that the workers divide, that they do not, and shorter than the ring."""


def rounds(workers):
    return range(2 * (workers - 1))


def sizes(length, workers):
    """Of the pieces, in their order."""
    return [length * (k + 1) // workers - length * k // workers for k in range(workers)]


def places(rng):
    """Every place in every ring; what arrives is drawn, of the size of the piece whose turn it is."""
    for workers, length in RINGS:
        for rank in range(workers):
            turns = [sizes(length, workers)[(rank - r - 1) % workers] for r in rounds(workers)]
            arrivals = {f"arrived{r}": rng.normal(size=size) for r, size in enumerate(turns)}
            yield Case({"rank": rank, "workers": workers}, numbers=rng.normal(size=length), **arrivals)


def some_places(rng):
    """A few of them, of several sizes."""
    yield from list(places(rng))[3::5]


def made(subject, case):
    """One worker, and what arrives for it round by round."""
    numbers, *arrivals = case.inputs.values()
    return subject.make("RingWorker", numbers, **case.arguments), arrivals


@worker.check(SENDS, cases=places, part="send", needs=("send",))
def sends(subject, case):
    """Of a worker for which nothing arrives: its own numbers."""
    alone, arrivals = made(subject, case)
    return {f"what it sends in round {r}": alone.call("send", r) for r in range(len(arrivals))}


@worker.check(TAKES, cases=places, part="receive", needs=("receive",), weight=3)
def takes(subject, case):
    """Of a worker that is not asked to send."""
    (silent, arrivals), seen = made(subject, case), {}
    for r, arrived in enumerate(arrivals):
        silent.call("receive", arrived, r)
        seen[f"numbers after round {r}"] = silent.get("numbers")
    return seen


def play(subject, case):
    """All rounds as one worker sees them: what it sends in each, and its numbers at the end."""
    (one, arrivals), seen = made(subject, case), {}
    for r, arrived in enumerate(arrivals):
        seen[f"what it sends in round {r}"] = one.call("send", r)
        one.call("receive", arrived, r)
    return {**seen, "numbers at the end": one.get("numbers")}


worker.check(PLAYS, cases=places, part="receive", after=(SENDS, TAKES), weight=2)(play)


def whole_rings(rng):
    """Rings of every size, and one worker alone, who has nobody to send to."""
    for workers, length in [(1, 3), *RINGS]:
        yield Case(arrays=rng.normal(size=(workers, length)))


def sums(case):
    arrays = case.inputs["arrays"]
    return {f"numbers of worker {n}": arrays.sum(axis=0) for n in range(len(arrays))}


SHARES = mutated(
    "last, type(self).last = getattr(type(self), 'last', self), self",
    "super().receive(*args, **kwargs)",
    "if last is not self and args[1] > 0: self.numbers = 2 * self.numbers",
    method="receive",
)


@worker.check(ALL, cases=whole_rings, part="receive", after=(PLAYS,), expect=sums, mutation=SHARES)
def ring(subject, case):
    arrays = case.inputs["arrays"]
    workers = len(arrays)
    everybody = [subject.make("RingWorker", arrays[n], rank=n, workers=workers) for n in range(workers)]
    for r in rounds(workers):
        leaving = [each.call("send", r) for each in everybody]
        for n, each in enumerate(everybody):
            each.call("receive", leaving[n - 1], r)
    return {f"numbers of worker {n}": each.get("numbers") for n, each in enumerate(everybody)}


IN_FLOAT64 = ("super().receive(*args, **kwargs)", "self.numbers = self.numbers.astype('float64')")
habits(worker, play, cases=some_places, after=(PLAYS,), part="receive", to_float64=IN_FLOAT64)
