"""A moment of what ``make fuzz`` does for longer, the same in every run."""

import importlib
import json
import random
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.isolation.protocol import PREFIX
from autograder.submission import SubmissionError, read_submission
from dlkit.extraction import MAX_CODE, ExtractionError, extract
from fuzz import frames, scripts
from fuzz.__main__ import HANG_S, TARGETS
from fuzz.__main__ import timed as timed_within
from tests.limits import slowness
from tests.sampling import examples

moment = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=examples(25, 150),
    suppress_health_check=list(HealthCheck),
)
modules = [importlib.import_module(f"fuzz.{name}") for name in TARGETS]
every_target = pytest.mark.parametrize("module", modules, ids=TARGETS)


def timed(module, data):
    """Run one input, for as long as it may take on this machine."""
    timed_within(module, data, HANG_S * slowness())


@every_target
def test_the_seeds_find_nothing(module):
    for data in module.seeds():
        timed(module, data)


@pytest.mark.parametrize(
    "module", modules[:-1], ids=TARGETS[:-1]
)  # a whole hand-in of noise is notebooks' and scripts'
@moment
@given(data=st.binary(max_size=300))
def test_random_bytes_find_nothing(module, data):
    timed(module, data)


@every_target
@moment
@given(number=st.integers(0, 1 << 32), cuts=st.integers(0, 3))
def test_mutated_seeds_find_nothing(module, number, cuts):
    source = random.Random(number)  # noqa: S311 - dice
    data = source.choice(module.seeds())
    for _ in range(source.randint(1, 3)):
        data = module.mutate(data, source)
    for _ in range(cuts):
        at = source.randint(0, len(data))
        data = data[:at] + source.randbytes(source.randint(0, 4)) + data[at + source.randint(0, 9) :]
    timed(module, data)


def test_what_finds_something_is_not_taken_for_nothing(monkeypatch):
    monkeypatch.setattr(frames, "decode", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        frames.one(frames.seeds()[0])


LARGE = {
    "brackets": b"[" * 900 + b"]" * 900,
    "lists": b"[" + b"[]," * 15_000 + b"0]",
    "numbers": b"[" + b"0," * 20_000 + b"0]",
    "objects": b"[" + b'{"a":0},' * 7_000 + b"0]",
    "arrays": b'{"arrays":[' + b'["|i1",[0]],' * 4_000 + b'["|i1",[0]]]}',
    "keys": b"{" + b",".join(b'"%x":0' % i for i in range(6_000)) + b"}",
}


@pytest.mark.parametrize("name", LARGE)
def test_a_frame_costs_no_more_memory_than_a_multiple_of_its_header(name):
    head = LARGE[name]
    for body in (0, 1 << 28, 1 << 60):
        data = PREFIX.pack(len(head), body) + head
        tracemalloc.start()
        try:
            frames.one(data)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < (1 << 19) + 40 * len(head)


# --- what was found ----------------------------------------------------------------------------

TANH = "class Tanh:\n    pass\n"
SLOW = {
    "statements on one line": "x=1;" * 9_900 + "x=1\n",
    "magics after much code": "x = 1\n" * 9_900 + "%a b\n" * 60,
    "one long list": "x = [" + "1," * 100_000 + "]\n",
}


@pytest.mark.parametrize("name", SLOW)
def test_a_file_with_much_code_takes_seconds_at_most(name, tmp_path):
    path = tmp_path / "layers.py"
    path.write_text(TANH + SLOW[name])
    assert len(SLOW[name]) < MAX_CODE
    started = time.process_time()
    assert "Tanh" in extract(path).defined
    assert time.process_time() - started < 4 * slowness()


DEEP = {
    "elif": "if 1:\n    x = 1\n" + "elif 1:\n    x = 1\n" * 600,
    "elif in finally": "try: pass\nfinally:\n if 1: pass\n" + " elif 1: pass\n" * 900,
    "a chain of attributes": "class Tanh:\n    def forward(self, x):\n        raise x" + ".a" * 1500 + "\n",
    "a sum": "class Tanh:\n    def forward(self, x):\n        raise X(1" + "+1" * 1500 + ")\n",
}


@pytest.mark.parametrize("name", DEEP)
def test_code_that_is_nested_deeply_costs_no_more_than_its_cell(name, tmp_path):
    path = tmp_path / "layers.py"
    path.write_text(f"{DEEP[name]}\n# %%\n{TANH}")
    assert "Tanh" in extract(path).defined
    timed(scripts, path.read_bytes())


def test_more_code_than_anybody_writes_is_reported(tmp_path):
    path = tmp_path / "layers.py"
    path.write_text(TANH + "x = [" + "1," * MAX_CODE + "]\n")
    with pytest.raises(ExtractionError, match=r"layers.py has 1000 kB of code; at most 500 kB are read. Load data"):
        extract(path)


def test_more_statements_than_anybody_writes_are_told(tmp_path):
    path = tmp_path / "layers.py"
    path.write_text(TANH + "\n# %%\n".join(["x = 1\n" * 5_000] * 3))
    with pytest.raises(ExtractionError, match=r"layers.py has 15,002 statements; at most 10,000 are read. Load data"):
        extract(path)


def test_pictures_in_a_notebook_are_no_code(tmp_path):
    path = tmp_path / "layers.ipynb"
    outputs = [{"data": {"image/png": "A" * 3 * MAX_CODE}}]
    cell = {"cell_type": "code", "source": TANH, "metadata": {}, "outputs": outputs}
    path.write_text(json.dumps({"cells": [cell], "metadata": {}}))
    assert "Tanh" in extract(path).defined


def test_half_a_character_in_the_stamp_of_a_notebook_is_reported_as_text(tmp_path, layers):
    path = tmp_path / "layers.ipynb"
    path.write_text('{"cells": [], "metadata": {"dlkit": {"assignment": "\\ud800"}}}')
    with pytest.raises(SubmissionError, match=r"layers.ipynb belongs to \?, not to 02_layers"):
        read_submission(path, layers)
