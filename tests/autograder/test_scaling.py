"""Growth: an exponent over sizes, of time and of memory, read from outside."""

import contextlib

import numpy as np
import pytest

from autograder.checks import Case, FunctionExercise, Scaling, SpecError
from autograder.isolation.worker import Worker
from autograder.measuring import scaling
from autograder.report import Growth, Pace
from autograder.spec import Bench
from autograder.subject import LocalSubject, RemoteSubject

SIZES = (2_000, 4_000, 8_000, 16_000)
LINEAR = "def f(x):\n    return np.cumsum(x, dtype=x.dtype)\n"
PLAIN = "def f(x):\n    return np.add.accumulate(x.astype('float64')).astype(x.dtype)\n"
QUADRATIC = "def f(x):\n    return np.tri(len(x), dtype=x.dtype) @ x\n"
LATER = """
class Late(np.ndarray):
    pass
left = []
def f(x):
    for old in left:
        np.tri(len(old), dtype=old.dtype) @ old
    left[:] = [x]
    return np.cumsum(x, dtype=x.dtype)
"""
EVERY_OTHER = """
import sys
executor = next(m.Executor for m in list(sys.modules.values()) if isinstance(getattr(m, 'Executor', None), type))
fetch, left, calls = executor.fetch, [], []
def complete(self, handle):
    while left:
        y, x = left.pop()
        y[...] = np.tri(len(x), dtype=x.dtype) @ x
    return fetch(self, handle)
executor.fetch = complete
def f(x):
    calls.append(1)
    if len(calls) % 2:
        return np.tri(len(x), dtype=x.dtype) @ x
    left.append((np.empty_like(x), x))
    return left[0][0]
"""


def chunks(source):
    return [["work.py", 1, "import numpy as np\n" + source]]


@pytest.fixture
def grown(zygote):
    """Measure one source's growth; its figures and what was wrong with its outputs."""

    @contextlib.contextmanager
    def loaded(source):
        with Worker(zygote) as worker:
            subject = RemoteSubject(worker)
            assert not subject.request("load", name="work", chunks=chunks(source))
            yield subject

    def measure(source, of="time", sizes=SIZES, at_most=1.5):
        bound = Scaling(lambda n: Case(x=(n,)), sizes, at_most, of=of, dtype="float64")
        exercise = FunctionExercise("f", cases=lambda _: [], points=1, scaling=bound)
        bench = Bench(
            code=lambda: loaded(source),
            reference=lambda: loaded(LINEAR),
            pieces=lambda: loaded(LINEAR),
            shapes=LocalSubject.from_chunks("work", chunks(LINEAR)),
            rng=np.random.default_rng(1),
        )
        return scaling.fit(bound, exercise.find(Scaling.name), bench)

    return measure


def test_the_exponent_of_a_power_is_that_power():
    sizes = [10, 20, 40, 80]
    assert scaling.exponent(sizes, [3.0 * n**1.7 for n in sizes]) == pytest.approx(1.7)


@pytest.mark.parametrize("source", [LINEAR, PLAIN], ids=["reference", "plain"])
def test_linear_memory_keeps_pace(grown, source):
    sizes = (200_000, 400_000, 800_000, 1_600_000)
    figures, wrong = grown(source, of="memory", sizes=sizes)
    assert wrong is None
    assert figures.pace is Pace.UNDER
    assert figures.exponent == pytest.approx(1.0, abs=0.2)


def test_quadratic_memory_does_not(grown):
    figures, wrong = grown(QUADRATIC, of="memory", sizes=(500, 1000, 2000, 4000))
    assert wrong is None
    assert figures.pace is Pace.OVER
    assert figures.exponent > 1.7
    assert "its memory grows like the size to the power" in scaling.sentence(figures)


def test_quadratic_time_does_not(grown):
    figures, wrong = grown(QUADRATIC, sizes=(500, 1000, 2000, 4000), at_most=1.3)
    assert wrong is None
    assert figures.pace is Pace.OVER
    assert figures.exponent > figures.reference


def test_linear_time_keeps_pace(grown):
    figures, wrong = grown(LINEAR, sizes=(50_000, 100_000, 200_000, 400_000), at_most=1.5)
    assert wrong is None
    assert figures.pace is Pace.UNDER


def test_an_incorrect_output_is_reported(grown):
    _, wrong = grown("def f(x):\n    return np.cumsum(x, dtype=x.dtype) + (len(x) > 7000)\n")
    assert wrong is not None
    assert "the result is wrong in every entry" in wrong.sentence


@pytest.mark.parametrize("source", [LATER, EVERY_OTHER], ids=["always", "every other time"])
def test_deferred_work_counts(grown, source):
    figures, wrong = grown(source, sizes=(500, 1000, 2000, 4000), at_most=1.3)
    assert wrong is None
    assert figures.pace is Pace.OVER


def test_the_sentence_says_what_growth_means():
    figures = Growth(2.03, 1.3, "memory", [64, 512], [1e6, 64e6], reference=1.0, reference_costs=[1e6, 8e6])
    assert scaling.sentence(figures) == (
        "its memory grows like the size to the power 2.0 (limit 1.3): at 8 times the size it takes 64 times as much, "
        "the reference 8 times"
    )


@pytest.mark.parametrize(
    ("sizes", "of", "said"),
    [
        ((1, 8, 64), "time", "there must be four or more"),
        ((1, 8, 4, 64), "time", "each larger than the one before"),
        ((1, 2, 3, 4), "time", "the last must be at least 8 times the first"),
        ((1, 2, 4, 8), "space", "'of' time or memory, not 'space'"),
    ],
)
def test_a_bound_that_cannot_be_measured_is_refused(sizes, of, said):
    with pytest.raises(SpecError, match=said):
        Scaling(lambda n: Case(x=(n,)), sizes, 1.5, of=of)
