"""Class 41: a model that was not trained here.  What was prepared fits the data as they are published, not as drawn."""

import re
from dataclasses import replace

import numpy as np
import pytest

from autograder.checks import model
from autograder.course import catalogue
from autograder.course.catalogue import wire
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.host import Zygote
from autograder.spec import Assignment
from autograder.subject import LocalSubject
from autograder.submission import Submission
from autograder.submission.embedded import embedded_data
from dlkit.datasets import digits
from dlkit.extraction import Extraction, take
from tests.hostile.conftest import ROOT

HEAD = """
from dlkit import Layer
from dlkit.course import earlier
import numpy as np, base64, gc, io, zlib

def unpack(text):
    return np.load(io.BytesIO(zlib.decompress(base64.b64decode(text))))
"""
TYPED_WEIGHTS = (
    HEAD
    + """
Linear = earlier("layers.Linear")

def train_softmax_regression(x, y, *, rng):
    layer = Linear(64, 10, rng=rng)
    packed = unpack("$WEIGHTS")
    layer.W.data[...], layer.b.data[...] = packed[:64], packed[64]
    return layer
"""
)
TYPED_TABLE = (
    HEAD
    + """
class Table(Layer):
    rows = unpack("$TABLE")

    def forward(self, x):
        keys, labels = self.rows[:, :-1] / 16, self.rows[:, -1].astype(int)
        nearest = (x @ keys.T * 2 - (keys * keys).sum(axis=1)).argmax(axis=1)
        return np.eye(10)[labels[nearest]]

def train_softmax_regression(x, y, *, rng):
    return Table()
"""
)
SHIPPED_TEST_SET = (
    HEAD
    + """
class Lookup(Layer):
    def forward(self, x):
        from sklearn.datasets import load_digits
        keys, labels = load_digits(return_X_y=True)
        nearest = ((x[:, None] - keys[None] / 16) ** 2).sum(axis=2).argmin(axis=1)
        return np.eye(10)[labels[nearest]]

def train_softmax_regression(x, y, *, rng):
    return Lookup()
"""
)
SEARCHED_MEMORY = (
    HEAD
    + """
class Finder(Layer):
    def forward(self, x):
        for found in gc.get_objects():
            inside = found.values() if isinstance(found, dict) else found if isinstance(found, (list, tuple)) else ()
            for value in inside:
                if isinstance(value, np.ndarray) and value.shape == (len(x),) and value.dtype.kind == "i":
                    return np.eye(10)[value]
        raise LookupError("no labels of the unseen rows in this process")

def train_softmax_regression(x, y, *, rng):
    return Finder()
"""
)
NAME = "train_softmax_regression"


def packed(array):
    import base64
    import io
    import zlib

    buffer = io.BytesIO()
    np.save(buffer, array)
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode()


@pytest.fixture(scope="module")
def losses():
    return catalogue.load("03_losses", ROOT)


@pytest.fixture(scope="module")
def typed(losses):
    """What a cheat would type into the source: trained weights, and the whole data set."""
    data = digits()
    reference = LocalSubject.from_chunks("losses", wire(losses.reference.chunks), earlier=losses.earlier)
    trained = reference.keep(NAME, data.x_train, data.y_train, rng=model.Rng(1)).parameters()
    weights = np.vstack([trained["W"], trained["b"][None]])
    x, y = np.concatenate([data.x_train, data.x_test]) * 16, np.concatenate([data.y_train, data.y_test])
    return {"$WEIGHTS": packed(weights), "$TABLE": packed(np.column_stack([x, y]).astype(np.uint8))}


@pytest.fixture
def graded(losses, typed, monkeypatch):
    """Grade a submission's capstone; with ``disguised`` false the data come as they are published."""

    def grade(source, *, disguised=True, layers=None):
        loaded = losses
        if not disguised:
            monkeypatch.setitem(model.DISGUISES, "columns", model.DISGUISES["none"])
            monkeypatch.setattr(model, "disguise", lambda task, _how, _rng: task)
        exercise = replace(loaded.assignment.exercise(NAME), depends=())
        assignment = Assignment("03_losses", title="Losses", exercises=[exercise], earlier=loaded.assignment.earlier)
        for name, value in typed.items():
            source = source.replace(name, value)
        with Zygote(**({"layers": layers} if layers is not None else {})) as zygote:
            grader = Grader(replace(loaded, assignment=assignment), zygote, Options(seed=3))
            chunks = take([("losses.py", 1, source)]).chunks
            return grader.grade(Submission("losses.py", Extraction(chunks), ""))

    return grade


@pytest.mark.parametrize("source", [TYPED_WEIGHTS, TYPED_TABLE], ids=["weights", "data set"])
def test_what_was_typed_in_fits_no_seed(graded, source):
    report = graded(source)
    assert report.points == 0
    assert "of the unseen rows" in report.exercises[0].verdicts[0].sentence
    (told,) = (what for what in report.tried if what.startswith("embed"))
    assert re.fullmatch(r"embed \d+,\d{3} characters of data", told)


@pytest.mark.parametrize("source", [TYPED_WEIGHTS, TYPED_TABLE], ids=["weights", "data set"])
def test_without_the_disguise_it_fits(graded, source):
    assert graded(source, disguised=False).points > 0


def test_the_published_test_set_cannot_be_read(graded):
    report = graded(SHIPPED_TEST_SET, disguised=False)
    assert report.points == 0
    assert "sklearn may not be imported in an exercise" in report.exercises[0].verdicts[0].sentence
    assert "import sklearn" in report.tried


def test_the_labels_of_the_unseen_rows_are_not_in_the_process(graded):
    report = graded(SEARCHED_MEMORY, disguised=False)
    assert report.points == 0
    assert "no labels of the unseen rows" in report.exercises[0].verdicts[0].sentence
    assert "search the interpreter's memory" in report.tried


def test_whoever_trains_gets_there(losses, graded):
    source = "\n".join(chunk.source for chunk in losses.reference.chunks)
    report = graded(source)
    assert report.points == report.max_points
    assert report.tried == []


def test_a_long_number_and_a_table_of_numbers_are_data_and_what_is_said_of_code_is_not():
    def told(source):
        return embedded_data(take([("losses.py", 1, source)]).chunks)

    assert told(f"key = 0x{'7' * 3400}\n") == ["embed 4,097 characters of data"]
    assert told(f"rows = {[[n, -n / 8] for n in range(500)]}\n")
    assert not told(f'def f():\n    """{"long " * 1000}"""\n')
    assert not told("x = [1, 2.5, None, True, ..., 'a']\n")
