"""The process boundary, from both sides: the verbs, and everything that a worker may do to the grader process."""

import contextlib
import json
import os
import select
import signal
from pathlib import Path

import numpy as np
import pytest

from autograder.isolation.protocol import PREFIX
from autograder.isolation.tree import Code, New, Opaque, Ref, Rng, Strided
from autograder.isolation.worker import Limits, SubjectLostError, SubjectRaisedError, Worker, Zygote
from autograder.subject import RemoteSubject
from tests.limits import limits

QUICK = limits(0.3, memory_mb=1024)

pytestmark = pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="the grader process reads a worker's clock as Linux does"
)

COUNTER = """
import numpy as np

class Counter:
    def __init__(self, start=0, *, step=1):
        self.count, self.step, self.seen = start, step, {"last": None}
        self.parts = [np.zeros(2), np.ones(3)]

    def add(self, times=1):
        self.count += times * self.step
        return self.count

    def shift(self, x):
        x += self.count
        return x.sum()

def double(x):
    return 2 * x

def strides(x):
    return x.flags.c_contiguous, x.copy()
"""


def run(load, worker, source, *args, limits=None, backend="numpy", **kwargs):
    """Define ``f`` and call it."""
    assert load(source) == []
    return worker.ask("call", backend, limits, handle=None, name="f", args=list(args), kwargs=kwargs, echo=False)


def gone(pid):
    """Whether a process has ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@pytest.fixture
def lost(zygote):
    """Define ``f`` and call it, which ends the worker; the sentence, after proof that the next worker serves."""

    def call(source, *args, limits=QUICK):
        with Worker(zygote, limits) as worker:
            assert worker.ask("load", name="work", chunks=[["work.py", 1, source]]) == []
            with pytest.raises(SubjectLostError) as error:
                worker.ask("call", handle=None, name="f", args=list(args), kwargs={}, echo=False)
        assert gone(worker.pid)
        assert_serves(zygote)
        return str(error.value)

    return call


def assert_serves(zygote):
    with Worker(zygote, QUICK) as worker:
        worker.ask("load", name="work", chunks=[["work.py", 1, COUNTER]])
        assert worker.ask("call", handle=None, name="double", args=[21], kwargs={}, echo=False) == 42


# --- the verbs -------------------------------------------------------------------------------


def test_an_object_is_made_called_read_and_set(worker, load):
    load(COUNTER)
    subject = RemoteSubject(worker)
    counter = subject.make("Counter", 10, step=5)
    assert counter.call("add", 2) == 20
    assert counter.get("count") == 20
    counter.set("step", 100)
    assert counter.call("add", times=1) == 120


def test_paths_lead_through_attributes_keys_and_indices(worker, load):
    load(COUNTER)
    counter = RemoteSubject(worker).make("Counter")
    assert counter.get("seen.last") is None
    assert counter.get("parts.1").tolist() == [1, 1, 1]
    counter.set("parts", [np.arange(4.0)])
    assert counter.get("parts.0").tolist() == [0, 1, 2, 3]


def test_a_kept_result_stays_in_the_worker_until_it_is_fetched(worker, load):
    load(COUNTER)
    subject = RemoteSubject(worker)
    kept = subject.keep("double", np.arange(3.0))
    assert kept.fetch().tolist() == [0, 2, 4]
    counter = subject.make("Counter", 1)
    assert counter.keep("add").fetch() == 2


def test_a_value_sent_ahead_is_passed_by_reference(worker, load):
    load(COUNTER)
    subject = RemoteSubject(worker)
    ahead = subject.put(np.ones(3))
    assert isinstance(ahead, Ref)
    subject.make("Counter", 1).call("shift", ahead)
    assert worker.ask("fetch", handle=ahead.handle).tolist() == [2, 2, 2]
    worker.ask("drop", handle=ahead.handle)
    with pytest.raises(SubjectRaisedError, match="KeyError"):
        worker.ask("fetch", handle=ahead.handle)


def test_an_echo_shows_the_arguments_as_they_are_afterwards(worker, load):
    load("def shift(x, by):\n    x += by\n    return float(x.sum())")
    x = np.ones(3)
    value, after = RemoteSubject(worker).run_echo("shift", x, 4)
    assert value == 15
    assert after[0].tolist() == [5, 5, 5]
    assert x.tolist() == [1, 1, 1]


def test_markers_become_what_they_stand_for(worker, load):
    load(
        "class Pair:\n    def __init__(self, left, right):\n        self.values = [left, right]\n"
        "def f(pair, rng, function):\n    return pair.values, float(rng.random()), function(4)"
    )
    pair = New("Pair", 1, right=New("Pair", 2, 3))
    found = RemoteSubject(worker).run("f", pair, Rng(5), Code("lambda x: x**2"))
    assert found == ([1, Opaque("Pair")], np.random.default_rng(5).random(), 16)


def test_a_strided_array_arrives_as_a_view_with_the_same_values(worker, load):
    load(COUNTER)
    contiguous, values = RemoteSubject(worker).run("strides", Strided(np.arange(6.0).reshape(2, 3)))
    assert contiguous is False
    assert values.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_parameters_are_listed_by_their_paths(worker, load):
    load(
        "import numpy as np\nfrom dlkit import Layer, Parameter\n"
        "class Inner(Layer):\n    def __init__(self):\n        self.w = Parameter(np.ones(2))\n"
        "class Outer(Layer):\n    def __init__(self):\n        self.b, self.layers = Parameter(np.zeros(1)), [Inner()]"
    )
    found = RemoteSubject(worker).make("Outer").parameters()
    assert {path: value.tolist() for path, value in found.items()} == {"b": [0], "layers.0.w": [1, 1]}


def test_arrays_live_on_the_backend_that_was_asked_for(worker, load):
    assert (
        run(load, worker, "def f(x):\n    return type(x).__name__, x + 1", np.ones(2), backend="stand-in")[0]
        == "DeviceArray"
    )


def test_a_fresh_worker_knows_nothing_of_another(zygote, worker, load):
    load(COUNTER)
    with Worker(zygote, QUICK) as other, pytest.raises(SubjectRaisedError, match="double is not defined"):
        other.ask("call", handle=None, name="double", args=[1], kwargs={}, echo=False)


def test_a_worker_cannot_change_what_later_workers_import(zygote, worker, load):
    load("import numpy as np\nnp.tanh = lambda x: x\nnp.allclose = lambda *a, **k: True")
    with Worker(zygote, QUICK) as other:
        other.ask("load", name="work", chunks=[["work.py", 1, "import numpy as np\ndef f(x): return np.tanh(x)"]])
        assert other.ask("call", handle=None, name="f", args=[np.zeros(1) + 9], kwargs={}, echo=False) < 1


def test_a_chunk_that_fails_costs_only_what_it_defines(worker):
    chunks = [["work.py", 1, "a = 1"], ["work.py", 2, "b = 1 / 0"], ["work.py", 3, "def c(): return a"]]
    problems = worker.ask("load", name="work", chunks=chunks)
    assert [(p["chunk"], p["type"], p["where"], p["code"]) for p in problems] == [
        (1, "ZeroDivisionError", "work.py, line 2", "b = 1 / 0")
    ]
    assert worker.ask("call", handle=None, name="c", args=[], kwargs={}, echo=False) == 1


# --- errors of the student's code ------------------------------------------------------------


def test_an_error_comes_back_with_type_message_place_and_line(worker, load):
    load("\n\ndef g(x):\n    y = x\n    return y[5]   # too far\n\ndef f(x):\n    return g(x)\n")
    with pytest.raises(SubjectRaisedError) as error:
        worker.ask("call", handle=None, name="f", args=[[1, 2]], kwargs={}, echo=False)
    found = error.value
    assert (found.type, found.message) == ("IndexError", "list index out of range")
    assert (found.where, found.code) == ("work.py, line 5", "return y[5]   # too far")
    assert not found.unwritten


def test_a_line_break_within_a_string_does_not_shift_the_lines(worker, load):
    load('s = "a\u2028b\x0c"\n\ndef f():\n    return 1 / 0\n')
    with pytest.raises(SubjectRaisedError) as error:
        worker.ask("call", handle=None, name="f", args=[], kwargs={}, echo=False)
    assert (error.value.where, error.value.code) == ("work.py, line 4", "return 1 / 0")


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("raise SystemExit(3)", "SystemExit"),
        ("import sys; sys.exit()", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise StopIteration", "StopIteration"),
        ("raise BaseException('all')", "BaseException"),
        ("raise NotImplementedError", "NotImplementedError"),
        ("f()", "RecursionError"),
        ("[0] * (20 << 30)", "MemoryError"),
        ("np.ones(20 << 30, np.uint8)", "MemoryError"),
        ("class Own(Exception):\n        def __str__(self): raise ValueError\n    raise Own", "Own"),
        ("raise type('Q' * 9999, (Exception,), {})", "Q" * 200),
    ],
)
def test_whatever_is_raised_comes_back_as_an_error(worker, load, statement, kind):
    with pytest.raises(SubjectRaisedError) as error:
        run(load, worker, f"import numpy as np\ndef f():\n    {statement}")
    assert error.value.type == kind
    assert run(load, worker, "def f(): return 1") == 1


def test_an_unwritten_part_says_so(worker, load):
    with pytest.raises(SubjectRaisedError) as error:
        run(load, worker, "def f(): raise NotImplementedError")
    assert error.value.unwritten


def test_a_message_says_nothing_of_addresses_and_is_bounded(worker, load):
    with pytest.raises(SubjectRaisedError) as error:
        run(load, worker, "def f(): raise ValueError(f'{object()} ' + 'x' * 10**6)")
    assert error.value.message.startswith("<object object> x")
    assert len(error.value.message) == 2000


def test_half_a_character_in_a_message_can_be_printed(worker, load):
    with pytest.raises(SubjectRaisedError) as error:
        run(load, worker, "def f(): raise ValueError('\\ud800')")
    assert error.value.type == "ValueError"


# --- results that are no arrays --------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("np.array([object()])", Opaque("array of dtype object")),
        ("np.array(['text'])", Opaque("array of dtype <U4")),
        ("object()", Opaque("object")),
        ("{1, 2}", Opaque("set")),
        ("lambda: 1", Opaque("function")),
        ("(i * i for i in range(4))", [0, 1, 4, 9]),
        ("map(abs, [-1])", Opaque("map")),
        ("[1, (2.5, None), {'a': True}]", [1, (2.5, None), {"a": True}]),
        ("{3: 4}", {"3": 4}),
        ("'x' * 9999", "x" * 2000),
        ("type('Fake', (), {'shape': (1,), 'dtype': float, '__array__': lambda s: np.ones(1)})()", Opaque("Fake")),
        ("type('Whole', (int,), {})(3)", Opaque("Whole")),
    ],
)
def test_a_result_is_reduced_to_plain_data(worker, load, expression, expected):
    assert run(load, worker, f"import numpy as np\ndef f(): return {expression}") == expected


def test_a_subclass_of_an_array_crosses_as_an_array(worker, load):
    found = run(load, worker, "import numpy as np\ndef f(): return np.ones(3).view(type('Sly', (np.ndarray,), {}))")
    assert type(found) is np.ndarray
    assert found.tolist() == [1, 1, 1]


def test_an_endless_generator_is_read_to_a_bound(worker, load):
    assert len(run(load, worker, "import itertools\ndef f():\n    yield from itertools.count()")) == 10_000


def test_a_view_that_would_fill_the_memory_is_refused(worker, load):
    with pytest.raises(SubjectRaisedError, match="more than the 256 MB that may be returned"):
        run(load, worker, "import numpy as np\ndef f(): return np.broadcast_to(np.float64(1), (1 << 20, 1 << 10))")


def test_a_list_within_itself_is_cut_off(worker, load):
    found = run(load, worker, "def f():\n    a = []\n    a.append(a)\n    return a")
    for _ in range(17):
        found = found[0]
    assert found == Opaque("too deep a nest")


def test_what_was_returned_does_not_change_later(worker, load):
    load("import numpy as np\nkept = np.zeros(2)\ndef f():\n    global kept\n    kept += 1\n    return kept")
    first = worker.ask("call", handle=None, name="f", args=[], kwargs={}, echo=False)
    worker.ask("call", handle=None, name="f", args=[], kwargs={}, echo=False)
    assert first.tolist() == [1, 1]


# --- the end of a worker ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import os; os._exit(0)", "ended its own process with exit status 0: an exercise must return, never exit"),
        ("import os; os._exit(7)", "with exit status 7"),
        ("import os; os.abort()", "killed by the system (signal SIGABRT)"),
        ("import ctypes; ctypes.string_at(0)", "killed by the system (signal SIGSEGV)"),
        ("while True: pass", "did not end within {cpu_s:g} s of computing or {wall_s:g} s of wall time"),
        ("import itertools\n    for _ in itertools.count(): pass", "look for a loop that does not end"),
        ("import os; os.close(11)", "ended its own process"),
    ],
)
def test_a_worker_that_ends_or_never_does_costs_one_sentence(lost, body, said):
    shown = said.format(cpu_s=QUICK.cpu_s, wall_s=QUICK.wall_s)  # not in the name: they depend on the machine's speed
    assert shown in lost(f"def f():\n    {body}")


def test_sleeping_does_not_help(lost):
    said = lost("import time\ndef f(): time.sleep(600)", limits=Limits(cpu_s=5, wall_s=0.3))
    limits = "5 s of computing or 0.3 s of wall time"
    assert said.startswith(f"did not end within {limits}: look for a loop that does not end")


def test_a_whole_life_of_computing_is_bounded(lost):
    said = lost("def f():\n    while True: pass", limits=Limits(cpu_s=60, wall_s=60, life_cpu_s=1))
    assert "look for a loop that does not end" in said


def test_after_its_end_a_worker_says_that_it_has_ended(worker, load):
    with pytest.raises(SubjectLostError):
        run(load, worker, "import os\ndef f(): os._exit(0)")
    with pytest.raises(SubjectLostError, match="ended by an earlier call"):
        worker.ask("drop", handle=1)


def test_a_loop_while_loading_is_found(zygote):
    with Worker(zygote, QUICK) as worker, pytest.raises(SubjectLostError, match="loop that does not end"):
        worker.ask("load", name="work", chunks=[["work.py", 1, "while True: pass"]])
    assert gone(worker.pid)
    assert_serves(zygote)


FORGE = """
import json, os, struct, sys

def reply(head, body=b"", sizes=None):
    head = head if isinstance(head, bytes) else json.dumps(head).encode()
    os.write(11, struct.pack("<IQ", *(sizes or (len(head), len(body)))) + head + body)

def call_id():
    frame = sys._getframe()
    while "header" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["header"]["id"]

def f():
    {body}
    return 1
"""


@pytest.mark.parametrize(
    "body",
    [
        "reply({'id': '0' * 16, 'value': 1, 'arrays': []})",
        "reply({'id': call_id(), 'value': {'new': 'Layer', 'args': [], 'kw': {'d': []}}, 'arrays': []})",
        "reply({'id': call_id(), 'value': {'a': 0}, 'arrays': [['|O', [1]]]}, bytes(8))",
        "reply({'id': call_id(), 'value': {'a': 0}, 'arrays': [['<f8', [0] + [2**28] * 3]]})",
        "reply({'id': call_id(), 'value': {'big': chr(178)}, 'arrays': []})",
        "reply({}, sizes=((1 << 32) - 1, 0))",
        "reply({}, sizes=(2, 1 << 63))",
        "reply(b'[' * 100000)",
        "os.write(11, os.urandom(1 << 16))",
        "os.write(11, b'x' * 11); os.close(11)",
    ],
)
def test_a_forged_frame_is_no_answer(lost, body):
    assert lost(FORGE.replace("{body}", body)).startswith(("sent an invalid reply", "ended its own process"))


def test_an_answer_in_parts_that_never_ends_meets_the_deadline(lost):
    body = "import time\n    while True: os.write(11, b'\\0' if call_id() else b''); time.sleep(0.05)"
    forged = FORGE.replace("{body}", f"reply({{'id': call_id()}}, sizes=(1 << 17, 0))\n    {body}")
    assert "did not end within" in lost(forged, limits=Limits(cpu_s=5, wall_s=0.5))


def test_a_forged_error_is_text_of_bounded_length(worker, load):
    source = FORGE.replace(
        "{body}",
        "error = {'type': 'T' * 10**5, 'message': [[1]], 'where': {}, 'unwritten': 'yes'}\n"
        "    reply({'id': call_id(), 'arrays': [], 'error': error})",
    )
    with pytest.raises(SubjectRaisedError) as error:
        run(load, worker, source)
    found = error.value
    assert len(found.type) <= 2000
    assert not found.unwritten
    with contextlib.suppress(SubjectLostError):
        worker.ask("drop", handle=1)


def test_a_worker_that_does_not_read_is_lost(zygote):
    with Worker(zygote, Limits(cpu_s=5, wall_s=0.3)) as worker:
        worker.ask("drop", handle=1)
        os.kill(worker.pid, signal.SIGSTOP)
        with pytest.raises(SubjectLostError, match="did not end within"):
            worker.ask("put", handle=1, value=np.zeros(1 << 21))
    assert gone(worker.pid)


def test_a_flood_of_output_goes_nowhere(worker, load, capfd):
    source = (
        "import os, sys\ndef f():\n    for _ in range(2000):\n        print('flood' * 1000)\n"
        "        print('flood' * 1000, file=sys.stderr)\n        os.write(1, b'flood' * 1000)\n"
        "    sys.stdout.flush()\n    return 5"
    )
    assert run(load, worker, source, limits=Limits(cpu_s=5)) == 5
    assert "flood" not in "".join(capfd.readouterr())


def test_input_is_at_its_end(worker, load):
    with pytest.raises(SubjectRaisedError, match="EOFError"):
        run(load, worker, "def f(): return input()")


def test_a_worker_has_no_descriptor_of_the_grader_process(worker, load):
    here, there = os.pipe()
    os.set_inheritable(there, True)  # noqa: FBT003
    try:
        found = run(
            load,
            worker,
            "import os\ndef f():\n    found = {}\n    for n in range(1024):\n"
            "        try: found[str(n)] = os.fstat(n).st_rdev\n        except OSError: pass\n    return found",
        )
    finally:
        os.close(here)
        os.close(there)
    assert set(found) <= {"0", "1", "2", "10", "11"}
    assert {found[fd] for fd in "012"} == {Path(os.devnull).stat().st_rdev}


def test_a_worker_inherits_nothing_of_the_hosts_environment(monkeypatch):
    monkeypatch.setenv("DLKIT_TEST_SECRET", "token")
    with Zygote() as zygote, Worker(zygote, QUICK) as worker:
        worker.ask("load", name="work", chunks=[["work.py", 1, "import os\ndef f(): return dict(os.environ)"]])
        found = worker.ask("call", handle=None, name="f", args=[], kwargs={}, echo=False)
    assert "DLKIT_TEST_SECRET" not in found
    assert found["OPENBLAS_NUM_THREADS"] == "1"


def test_a_worker_cannot_write_files(worker, load, tmp_path):
    with contextlib.suppress(SubjectRaisedError, SubjectLostError):
        run(load, worker, f"def f():\n    with open({str(tmp_path / 'x')!r}, 'w') as file: file.write('x' * 9999)")
    assert not (tmp_path / "x").exists() or not (tmp_path / "x").stat().st_size


def test_no_worker_is_left_behind(zygote):
    workers = [Worker(zygote, QUICK) for _ in range(5)]
    for worker in workers:
        worker.ask("drop", handle=1)
        assert not gone(worker.pid)
    for worker in workers:
        worker.close()
        worker.close()
    assert all(gone(worker.pid) for worker in workers)


def test_children_of_a_worker_end_with_it(zygote):
    with Worker(zygote, QUICK) as worker:
        source = (
            "import os, time\ndef f():\n    pid = os.fork()\n    if not pid:\n        time.sleep(600)\n    return pid"
        )
        worker.ask("load", name="work", chunks=[["work.py", 1, source]])
        try:
            child = worker.ask("call", handle=None, name="f", args=[], kwargs={}, echo=False)
        except (SubjectRaisedError, SubjectLostError):
            child = None
    assert child is None or wait_gone(child)


def wait_gone(pid):
    for _ in range(200):
        if gone(pid):
            return True
        select.select([], [], [], 0.05)
    return False


def test_closing_the_zygote_ends_its_process():
    with Zygote() as zygote, Worker(zygote, QUICK) as worker:
        worker.ask("drop", handle=1)
    assert zygote._process.returncode is not None
    assert gone(worker.pid)


def test_the_prefix_of_a_frame_is_twelve_bytes():
    assert (PREFIX.size, json.loads("{}")) == (12, {})
