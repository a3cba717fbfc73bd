"""Classes 30–35: a ReLU that is correct but slow, and tricks that make it look fast."""

from dataclasses import replace

import pytest

from autograder.course import catalogue
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.worker import Zygote
from autograder.report import Status
from autograder.spec import Assignment
from autograder.submission import Submission
from dlkit.extraction import take
from tests.hostile.harness import HEAD, ROOT
from tests.limits import limits
from tests.sampling import some

LIMITS = limits(2.0, life_cpu_s=60)
ATTEMPTS = (1, 2, 3)
SLOW = f"""{HEAD}from dlkit import array_module
import time


def slowly(x):
    y = array_module(x).zeros_like(x)
    for index in np.ndindex(x.shape):
        y[index] = array_module(x).maximum(x[index], 0)
    return y

"""
RELU = """
class ReLU(Layer):
    def forward(self, x):
        self.positive = x > 0
        {how}

    def backward(self, dy):
        return dy * self.positive
"""

TRICKS = {
    "30 has every clock stand still": (
        "for clock in ('time', 'monotonic', 'perf_counter', 'process_time', 'thread_time', 'clock_gettime'):\n"
        "            setattr(time, clock, lambda *_: 0.0)\n"
        "        return slowly(x)"
    ),
    "33 remembers answers by the array's identity": (
        "known = ReLU.__dict__.get('known') or {}\n"
        "        ReLU.known = known\n"
        "        if x.size < 1000:\n"
        "            return slowly(x)\n"
        "        if id(x) not in known:\n"
        "            known[id(x)] = slowly(x)\n"
        "        return known[id(x)]"
    ),
    "33 remembers answers by the array's content": (
        "known = ReLU.__dict__.get('known') or {}\n"
        "        ReLU.known = known\n"
        "        key = bytes(np.array(x)) if isinstance(x, np.ndarray) else None\n"
        "        if key is None:\n"
        "            return slowly(x)\n"
        "        if key not in known:\n"
        "            known[key] = slowly(x)\n"
        "        return known[key]"
    ),
    "34 computes in the first call of a shape for all later ones": (
        "known = ReLU.__dict__.get('known') or {}\n"
        "        ReLU.known = known\n"
        "        if x.size < 1000:\n"
        "            return slowly(x)\n"
        "        if x.shape not in known:\n"
        "            known[x.shape] = slowly(x)\n"
        "        return known[x.shape]"
    ),
    "31 works in the background between the calls": (
        "import threading\n"
        "        y = np.empty_like(x) if isinstance(x, np.ndarray) else slowly(x)\n"
        "        if isinstance(x, np.ndarray):\n"
        "            threading.Thread(target=lambda: np.copyto(y, slowly(x)), daemon=True).start()\n"
        "            if x.size < 1000:\n"
        "                time.sleep(0.05)\n"
        "        return y"
    ),
    "32 computes when it is looked at": (
        "class Lazy(np.ndarray):\n"
        "            def settle(self):\n"
        "                if not self.done:\n"
        "                    self.done = True\n"
        "                    np.ndarray.__setitem__(self.view(np.ndarray), Ellipsis, slowly(self.x))\n"
        "            @property\n"
        "            def dtype(self):\n"
        "                self.settle()\n"
        "                return self.x.dtype\n"
        "        if not isinstance(x, np.ndarray):\n"
        "            return slowly(x)\n"
        "        y = np.empty_like(x).view(Lazy)\n"
        "        y.x, y.done = x, False\n"
        "        return y"
    ),
    "34 computes while its inputs are sent": (
        "import sys\n"
        "        kinds = [getattr(m, 'Executor', None) for m in list(sys.modules.values())]\n"
        "        kind = next(k for k in kinds if isinstance(k, type))\n"
        "        if not hasattr(kind, 'known'):\n"
        "            kind.known, kind.real = {}, kind.put\n"
        "            def put(self, handle, value):\n"
        "                self.real(handle, value)\n"
        "                x = self._objects[handle]\n"
        "                kind.known[id(x)] = slowly(x)\n"
        "            kind.put = put\n"
        "        y = kind.known.get(id(x)) if x.size >= 1000 else None\n"
        "        return slowly(x) if y is None else y"
    ),
    "32 computes when it is fetched, in every other pair": (
        "import sys\n"
        "        kinds = [getattr(m, 'Executor', None) for m in list(sys.modules.values())]\n"
        "        kind = next(k for k in kinds if isinstance(k, type))\n"
        "        if not hasattr(kind, 'left'):\n"
        "            kind.left, kind.calls, kind.real = [], 0, kind.fetch\n"
        "            def fetch(self, handle):\n"
        "                while kind.left:\n"
        "                    y, x = kind.left.pop()\n"
        "                    np.copyto(y, slowly(x))\n"
        "                return self.real(handle)\n"
        "            kind.fetch = fetch\n"
        "        if not isinstance(x, np.ndarray) or x.size < 1000:\n"
        "            return slowly(x)\n"
        "        kind.calls += 1\n"
        "        if kind.calls % 2:\n"
        "            return slowly(x)\n"
        "        y = np.empty_like(x)\n"
        "        kind.left.append((y, x))\n"
        "        return y"
    ),
    "35 sleeps between its steps": (
        "y = x * 1\n"
        "        for row in range(len(x)):\n"
        "            time.sleep(0.0001)\n"
        "            y[row] = slowly(x[row])\n"
        "        return y"
    ),
}


@pytest.fixture(scope="module")
def relu():
    loaded = catalogue.load("02_layers", ROOT)
    whole = loaded.assignment
    exercises = [exercise for exercise in whole.exercises if exercise.name == "ReLU"]
    return replace(loaded, assignment=Assignment(whole.name, title=whole.title, exercises=exercises))


@pytest.fixture(scope="module")
def zygote():
    with Zygote() as zygote:
        yield zygote


@pytest.mark.parametrize("seed", ATTEMPTS)
@pytest.mark.parametrize("trick", some(TRICKS, of=3))
def test_a_right_but_slow_implementation_is_not_taken_for_a_fast_one(relu, zygote, trick, seed):
    source = SLOW + RELU.format(how=TRICKS[trick])
    submission = Submission("layers.py", take([("layers.py", 1, source)]), "")
    (result,) = Grader(relu, zygote, Options(seed=seed, limits=LIMITS)).grade(submission).exercises
    *others, speed = result.verdicts
    assert {verdict.status for verdict in others} == {Status.PASSED}
    assert (speed.check, speed.status, speed.points) == ("fast enough", Status.FAILED, 0)


LESS_SLOW = """x * 1
        self.positive = x > 0
        for start in range(0, x.size, 8) if isinstance(x, np.ndarray) else []:
            y.reshape(-1)[start : start + 8] *= self.positive.reshape(-1)[start : start + 8]
        return y * self.positive"""
BESIDE_THE_REFERENCE = {
    "to slow it down": """
import sys, threading

def spin():
    while not getattr(sys, "enough", False):
        pass

threading.Thread(target=spin, daemon=True).start()
""",
    "to read it": """
import sys, threading, time

SLOW = "slow" + "ly"

def spy():
    while not getattr(sys, "enough", False):
        time.sleep(0.001)
        frames = [*sys._current_frames().values()]
        while frames:
            frame = frames.pop()
            text = str(getattr(frame.f_locals.get("executor"), "_sources", ""))
            if frame.f_back:
                frames.append(frame.f_back)
            if "class ReLU" in text and SLOW not in text:
                def tell(*_):
                    raise RuntimeError(text[text.find("class ReLU"):][:200])
                for module in list(sys.modules.values()):
                    if hasattr(module, "ReLU"):
                        module.ReLU.forward = tell

threading.Thread(target=spy, daemon=True).start()
""",
}


@pytest.mark.parametrize("why", BESIDE_THE_REFERENCE)
def test_earlier_work_of_ones_own_does_not_get_beside_the_reference(relu, zygote, why):
    source = SLOW.replace("import time", "import sys\n\nsys.enough = True") + RELU.format(
        how=f"slowly, sys.enough\n        y = {LESS_SLOW}"
    )
    submission = Submission("layers.py", take([("layers.py", 1, source)]), "")
    earlier = {"foundations": [[[], [["foundations.py", 1, BESIDE_THE_REFERENCE[why]]]]]}
    (result,) = Grader(relu, zygote, Options(seed=1, limits=LIMITS)).grade(submission, earlier=earlier).exercises
    *others, speed = result.verdicts
    assert {verdict.status for verdict in others} == {Status.PASSED}
    assert speed.status is Status.FAILED
    assert "too slow" in speed.sentence


ONLY_WHILE_TIMED = (
    "raise ValueError('large')",
    "raise SystemExit",
    "raise NotImplementedError",
    "return 10**400",
    "return None",
)


@pytest.mark.parametrize("how", ONLY_WHILE_TIMED)
def test_what_goes_wrong_only_while_it_is_timed_costs_only_that(relu, zygote, how):
    source = HEAD + RELU.format(
        how=f"if x.size > 1000 and x.dtype == 'float32':\n            {how}\n        return x * self.positive"
    )
    submission = Submission("layers.py", take([("layers.py", 1, source)]), "")
    (result,) = Grader(relu, zygote, Options(seed=1, limits=LIMITS)).grade(submission).exercises
    *others, speed = result.verdicts
    assert {verdict.status for verdict in others} == {Status.PASSED}
    assert (speed.status, speed.points) == (Status.FAILED, 0)
    assert speed.sentence.startswith("while measured: ")
