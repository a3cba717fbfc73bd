"""Class 26, replies that are awkward to receive: they cost the exercise its points, with a sentence, and nothing else.

Only the limits on a reply prevent these; so there is no defence that could be switched off.
"""

import pytest

from autograder.isolation.linux.seccomp import FREELY, WITH_CONDITIONS, Filter
from autograder.isolation.worker import Worker, Zygote
from autograder.report import Status
from autograder.submission import Submission
from dlkit.extraction import take
from tests.hostile.conftest import LIMITS
from tests.hostile.harness import Attack, let_loose, tanh

OUT_OF_MEMORY = "needs more memory than an exercise may use"
ENDLESS = "look for a loop that does not end"
NO_ANSWER = "sent an invalid reply"
RESULTS = {
    "a view of 10**12 elements": ("np.broadcast_to(0.0, (10**6, 10**6))", OUT_OF_MEMORY),
    "more bytes than may be returned": ("np.empty(40 << 20)", OUT_OF_MEMORY),
    "a shape of 2**60": ("np.empty((2**60,), np.int8)", OUT_OF_MEMORY),
    "numbers that are none": ("np.full(x.shape, np.nan)", ""),
    "payloads in numbers that are none": ("np.full(x.shape, 0x7FF8_DEAD_BEEF_F00D, np.uint64).view(float)", ""),
    "signalling numbers that are none": ("np.full(x.shape, 0x7FF0_0000_0000_0001, np.uint64).view(float)", ""),
    "infinities": ("np.full(x.shape, np.inf)", ""),
    "objects": ("np.full(x.shape, object(), dtype=object)", ""),
    "records": ("np.zeros(x.shape, [('a', float), ('b', object)])", ""),
    "dates": ("np.zeros(x.shape, 'M8[s]')", ""),
    "text in an array": ("np.full(x.shape, 'x' * 1000)", ""),
    "a masked array": ("np.ma.masked_array(np.tanh(x) + 1, True)", ""),
    "17 dimensions": ("np.zeros((1,) * 32)", NO_ANSWER),
    "an iterator without end": ("itertools.count()", ""),
    "a generator without end": ("(i for i in itertools.count())", ""),
    "a generator that never yields": ("(i for i in itertools.count() if i < 0)", ENDLESS),
    "a whole number of 10**8 bits": ("1 << 10**8", "raised TypeError"),
    "a text of 10**8 characters": ("'x' * 10**8", ""),
    "half a character": ("'\\ud800' * 100", ""),
    "a nest of a million lists": ("functools.reduce(lambda inner, _: [inner], range(10**6), [])", ""),
    "a list that holds itself": ("itself()", ""),
    "more arrays than may be returned": ("[np.zeros(1) for _ in range(5000)]", NO_ANSWER),
    "more numbers than may be returned": ("[[0] * 10_000] * 100", NO_ANSWER),
    "numbers without end": ("[[[0] * 10_000] * 10_000] * 10_000", ENDLESS),
    "a mapping of 10**5 keys": ("dict.fromkeys(range(10**5))", "got a dict"),
    "a mapping of odd keys": ("{(1, (2,)): 1, None: 2, b'x': 3}", ""),
    "a list that lies of its length": ("Liar([0.0])", ENDLESS),
    "an object of a class with a long name": ("type('x' * 10**6, (), {})()", ""),
    "an object of a class without a module": ("type('X', (), {'__module__': 5})()", ""),
    "an object that raises whatever it is asked": ("Shy()", ""),
    "a class": ("type(self)", ""),
    "a module": ("np", ""),
    "a coroutine": ("later()", ""),
}
BEFORE = """
import functools, itertools
def itself():
    made = []
    made.append(made)
    return made
async def later():
    return 0
class Liar(list):
    def __len__(self): return 10**12
    def __getitem__(self, key): return itertools.repeat(0.0)
class Shy:
    def __getattribute__(self, name): raise RuntimeError(name)
"""


@pytest.mark.parametrize("name", RESULTS)
def test_an_awkward_result_costs_its_points_and_no_more(name, graders, world, tmp_path, honest):
    result, said = RESULTS[name]
    attack = Attack(26, name, tanh(f"return {result}", before=BEFORE))
    outcome = let_loose(attack, world, tmp_path / "mallory", graders())
    assert outcome.earned == 0
    (exercise,) = outcome.report.exercises
    assert exercise.status is Status.FAILED
    assert said in outcome.said
    assert max(map(len, outcome.said.splitlines())) < 1000
    assert graders().grade(honest).status is Status.PASSED


LATER = """
Tanh.made = getattr(Tanh, "made", 0) + (not hasattr(self, "y"))
self.y = np.tanh(x)
return {result} if Tanh.made > {before} else self.y
"""
LATER_RESULTS = ["[[1.0], [2.0, 3.0]]", "'x' * 1000", "None"]


@pytest.mark.parametrize("result", LATER_RESULTS)
def test_a_result_that_turns_awkward_later_never_confuses_the_grader(result, graders):
    """Whichever object it begins with: in each check some object is the first to answer so."""
    failed = set()
    for before in range(1, 40, 3):
        source = tanh(LATER.format(result=result, before=before), "return dy * (1 - self.y**2)")
        submission = Submission("layers.py", take([("layers.py", 1, source)]), "")
        (exercise,) = graders().grade(submission).exercises
        assert Status.BROKEN not in {verdict.status for verdict in exercise.verdicts}, before
        assert max(len(verdict.sentence) for verdict in exercise.verdicts) < 500
        failed |= {verdict.check for verdict in exercise.verdicts if verdict.status is Status.FAILED}
    assert len(failed) > 3


UPROBES = (335, 336)
"""A kernel that traces programs answers these despite every filter, with a signal to the caller."""
TRY_ALL = """
import ctypes
def refused(allowed):
    libc = ctypes.CDLL(None, use_errno=True)
    odd = {}
    for number in range(600):
        if number not in allowed:
            arguments = [ctypes.c_long(-1)] * 6
            result = libc.syscall(ctypes.c_long(number), *arguments)
            if (result, ctypes.get_errno()) != (-1, 1):
                odd[str(number)] = [result, ctypes.get_errno()]
    return odd
"""


def test_every_call_that_is_not_listed_is_refused(in_force):
    if "seccomp" not in in_force:
        pytest.skip("this machine lacks seccomp")
    made = Filter()
    allowed = [made.number(numbers) for numbers in (FREELY | WITH_CONDITIONS).values()]
    allowed += UPROBES if made.machine == "x86_64" else ()
    with Zygote() as zygote, Worker(zygote, LIMITS) as worker:
        assert worker.ask("load", name="work", chunks=[["work.py", 1, TRY_ALL]]) == []
        assert worker.ask("call", handle=None, name="refused", args=[allowed], kwargs={}, echo=False) == {}
