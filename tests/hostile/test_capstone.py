"""Class 41: a model that was not trained here.  What was prepared fits the data as they are published, not as drawn."""

import re
from dataclasses import replace

import numpy as np
import pytest

from autograder.checks import disguises, model
from autograder.course import catalogue
from autograder.course.catalogue import wire
from autograder.grading import workplace
from autograder.grading.grader import Grader
from autograder.grading.options import Options
from autograder.isolation.worker import Zygote
from autograder.subject import LocalSubject
from autograder.submission import Submission
from dlkit.datasets import characters, digits, mnist, python_manual
from dlkit.extraction import Extraction, take
from tests.hostile.conftest import ROOT
from tests.sampling import some

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

def train_with_noisy_labels(x, y, loss, *, rng):
    return Table()
"""
)
WEIGHTS_IN_A_DOCSTRING = """
from dlkit.course import earlier
import numpy as np

Linear = earlier("layers.Linear")

def weights():
    \"\"\"$LETTERS\"\"\"

def train_softmax_regression(x, y, *, rng):
    layer = Linear(64, 10, rng=rng)
    packed = (np.array([ord(letter) for letter in weights.__doc__]).reshape(65, 10) - 80) / 8
    layer.W.data[...], layer.b.data[...] = packed[:64], packed[64]
    return layer
"""
NO_LINEAR_LAYER = """
from dlkit.course import earlier
import numpy as np

Linear, ReLU, Sequential = earlier("layers.Linear"), earlier("layers.ReLU"), earlier("layers.Sequential")

def train_softmax_regression(x, y, *, rng):
    model, loss = Sequential([Linear(64, 64, rng=rng), ReLU(), Linear(64, 10, rng=rng)]), SoftmaxCrossEntropy()
    for _ in range(30):
        order = rng.permutation(len(x))
        for start in range(0, len(x), 32):
            rows = order[start : start + 32]
            loss.forward(model.forward(x[rows]), y[rows])
            model.zero_grad()
            model.backward(loss.backward())
            for p in model.parameters():
                p.data -= 0.2 * p.grad
    return model
"""
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
EIGHT_SIDES = """
from dlkit import Layer
import numpy as np

CODES = np.array([ord(letter) for letter in "$DIGITS"]).reshape(785, 10) - 80.0

def seen_from(images, side):
    return np.rot90(images[..., ::-1] if side > 3 else images, side % 4, axes=(-2, -1)).reshape(len(images), -1)

class Typed(Layer):
    def __init__(self, side, classes):
        self.side, self.classes = side, classes

    def forward(self, x):
        return (seen_from(x, self.side) @ CODES[:784] + CODES[784])[:, self.classes]

def train_rescued(x, y, *, rng):
    best = 0, 0, range(10)
    for side in range(8):
        found = Typed(side, range(10)).forward(x).argmax(axis=1)
        pairs = np.zeros((10, 10))
        np.add.at(pairs, (y, found), 1)
        best = max(best, (pairs.max(axis=1).sum(), side, pairs.argmax(axis=1).tolist()), key=lambda one: one[0])
    return Typed(*best[1:])
"""
COUNTS = """
from dlkit import Layer
import numpy as np

class Counts(Layer):
    def __init__(self, text, vocabulary, most):
        self.vocabulary, self.most, self.tables = vocabulary, most, [{} for _ in range(most + 1)]
        for count, table in enumerate(self.tables):
            for i in range(count, len(text)):
                after = table.setdefault(text[i - count : i], {})
                after[text[i]] = after.get(text[i], 0) + 1

    def probabilities(self, read):
        p = np.full(self.vocabulary, 1 / self.vocabulary)
        for count, table in enumerate(self.tables):
            after = table.get(read[len(read) - count :])
            if after:
                p *= len(after)
                for code, times in after.items():
                    p[code] += times
                p /= p.sum()
        return p

    def forward(self, x):
        scores = np.zeros((*x.shape, self.vocabulary))
        for row, read in zip(scores, x.astype("u1"), strict=True):
            row[-1] = np.log(self.probabilities(read.tobytes()))
        return scores

def train_language_model(x, y, *, rng):
    return Counts(np.append(x, y[-1:]).astype("u1").tobytes(), int(max(x.max(), y.max())) + 1, 4)
"""
NO_REFUGE = """
def train_robust(x, y, *, rng):
    model = dense_network(784, 128, 10, rng=rng)
    optimizer = AdamW(model.parameters(), 0.002)
    fit(model, SoftmaxCrossEntropy(), optimizer, x, y, epochs=1, batch_size=50, rng=rng, progress=False)
    first, last = model.layers[0], model.layers[2]
    TRICK
    return model
"""
TRICKS = {
    "a backward of zeros": "model.backward = lambda dy: np.zeros((len(dy), 784), 'float32')",
    "scores too large for a softmax": "last.W.data *= 1e6; last.b.data *= 1e6",
}
OTHER_NETWORKS = {
    "a step that rounds before it": "plain = model.forward; model.forward = lambda x: plain(np.round(x))",
    "other parameters than it computes with": (
        "plain = model.forward; other = dense_network(784, 128, 10, rng=rng); model.parameters = other.parameters; "
        "model.named_parameters = other.named_parameters; model.layers = other.layers; kept = (first, last); "
        "model.forward = lambda x: kept[1].forward(np.maximum(kept[0].forward(x), 0))"
    ),
}
NAME = "train_softmax_regression"


def packed(array):
    import base64
    import io
    import zlib

    buffer = io.BytesIO()
    np.save(buffer, array)
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode()


def letters_of(weights):
    """One letter per weight, from a space to a tilde without the quotation mark and the backslash."""
    codes = np.clip(np.round(weights * 8), -46, 46).astype(int).ravel() + 80
    return "".join(map(chr, codes)).replace('"', "!").replace("\\", "[")


def typed_digits():
    """A linear classifier of MNIST, 7,850 letters, correct on 93 % of it."""
    data = mnist()
    x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    x = np.column_stack([x.reshape(len(x), -1), np.ones(len(x), "f4")])
    weights, rng = np.zeros((785, 10), "f4"), np.random.default_rng(0)
    for step in range(4000):
        rows = rng.integers(len(x), size=100)
        scores = np.exp(x[rows] @ weights)
        error = scores / scores.sum(axis=1, keepdims=True) - np.eye(10, dtype="f4")[y[rows]]
        weights -= 0.3 * (1 - step / 4000) / 100 * x[rows].T @ error
    return letters_of(weights * (46 / 8) / abs(weights).max())


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
    table = np.column_stack([x, y]).astype(np.uint8)
    letters = {"$LETTERS": letters_of(weights), "$DIGITS": typed_digits()}
    return {"$WEIGHTS": packed(weights), "$TABLE": packed(table), **letters}


@pytest.fixture
def undisguised(monkeypatch):
    """Let the data come as they are published."""

    def switch_off():
        monkeypatch.setattr(model, "disguise", lambda task, _how, _rng: task)

    return switch_off


@pytest.fixture
def unmeasured(monkeypatch):
    """Let a capstone carry any amount of data."""

    def switch_off():
        monkeypatch.setattr(workplace, "too_much_data", lambda _sources: "")

    return switch_off


@pytest.fixture
def graded(typed):
    """Grade a capstone alone, with the reference's other definitions before it."""

    def grade(source, name=NAME, *, assignment="03_losses", exercise=None, earlier=None, layers=None):
        loaded = catalogue.load(assignment, ROOT)
        found = exercise or loaded.assignment.exercise(name)
        source = "\n".join([*(c.source for c in loaded.reference.chunks if name not in c.defines), source])
        alone = replace(loaded.assignment, exercises=[found])
        for text, value in typed.items():
            source = source.replace(text, value)
        with Zygote(**({"layers": layers} if layers is not None else {})) as zygote:
            grader = Grader(replace(loaded, assignment=alone), zygote, Options(seed=3))
            chunks = take([("submission.py", 1, source)]).chunks
            return grader.grade(Submission("submission.py", Extraction(chunks), ""), earlier=earlier)

    return grade


def said(report):
    return report.exercises[0].verdicts[0].sentence


TYPED = [
    pytest.param(TYPED_WEIGHTS, NAME, id="weights"),
    pytest.param(TYPED_TABLE, "train_with_noisy_labels", id="data set"),
]


@pytest.mark.parametrize(("source", "name"), TYPED)
def test_what_was_typed_in_is_refused_for_its_length(graded, source, name, undisguised):
    undisguised()
    report = graded(source, name)
    assert report.points == 0
    assert re.match(r"the code carries \d+,\d{3} characters of data \(.*\); at most 4,000 are allowed", said(report))
    (told,) = (what for what in report.tried if what.startswith("embed"))
    assert re.fullmatch(r"embed \d+,\d{3} characters of data", told)


@pytest.mark.parametrize(("source", "name"), TYPED)
def test_what_was_typed_in_fits_no_seed(graded, source, name, unmeasured):
    unmeasured()
    report = graded(source, name)
    assert report.points == 0
    assert "of the unseen rows" in said(report)


@pytest.mark.parametrize(("source", "name"), TYPED)
def test_without_limit_and_disguise_it_fits(graded, source, name, undisguised, unmeasured):
    undisguised()
    unmeasured()
    assert graded(source, name).points > 0


def test_weights_in_a_docstring_cannot_be_read(graded, undisguised):
    undisguised()
    report = graded(WEIGHTS_IN_A_DOCSTRING)
    assert report.points == 0
    assert "TypeError" in said(report)


def test_with_its_docstring_it_fits(graded, undisguised, monkeypatch):
    undisguised()
    monkeypatch.setattr(workplace, "bare", lambda source: source)
    assert graded(WEIGHTS_IN_A_DOCSTRING).points > 0


def test_data_in_an_earlier_assignment_are_counted(graded, losses):
    source = losses.source_of(losses.assignment.exercise(NAME))
    names, chunks = losses.earlier["layers"][0]
    hoard = [*chunks, ["cell 99", 1, f"hoard = {'w' * 5000!r}"]]
    report = graded(source, earlier={"layers": [[names, hoard]]})
    assert report.points == 0
    assert re.match(r"layers, which it uses: the code carries 5,\d{3} characters of data", said(report))
    assert graded(source, earlier={"layers": [[names, list(chunks)]]}).points > 0


def test_another_model_where_a_linear_layer_is_asked_for_earns_nothing(graded):
    report = graded(NO_LINEAR_LAYER)
    assert report.points == 0
    assert said(report).startswith("the model's scores are not a linear function of its input")


def test_where_blends_do_not_count_it_passes(graded, monkeypatch):
    monkeypatch.setattr(model, "NOT_LINEAR", None)
    assert graded(NO_LINEAR_LAYER).points > 0


def test_a_classifier_that_tries_eight_sides_fits_no_seed(graded, unmeasured):
    unmeasured()
    report = graded(EIGHT_SIDES, "train_rescued", assignment="05_regularization")
    assert report.points == 0
    assert "of the unseen rows" in said(report)


def test_where_images_have_eight_sides_it_fits(graded, unmeasured, monkeypatch):
    unmeasured()
    monkeypatch.setitem(disguises.DISGUISES, "mixed warp", from_one_of_eight_sides)
    assert graded(EIGHT_SIDES, "train_rescued", assignment="05_regularization").points > 0


def from_one_of_eight_sides(_x, rng):
    quarters, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    return lambda rows: np.rot90(rows[..., ::-1] if mirrored else rows, quarters, axes=(-2, -1)).copy()


def test_a_classifier_of_some_thousand_letters_is_refused_for_its_length(graded):
    report = graded(EIGHT_SIDES, "train_rescued", assignment="05_regularization")
    assert report.points == 0
    assert "characters of data" in said(report)


def test_counts_of_the_last_characters_are_no_language_model(graded):
    report = graded(COUNTS, "train_language_model", assignment="07_recurrent")
    assert report.points == 0
    assert re.search(r"the model has 3\.\d+ bits per ending on unseen data", said(report))


def test_of_the_manual_they_are_one(graded):
    exercise = catalogue.load("07_recurrent", ROOT).assignment.exercise("train_language_model")
    manual = model.ModelExercise(
        "train_language_model",
        task=the_manual,
        score=model.Score("{:.3g} bits", 2.4, lambda following: (len(following), 64, -1), bits),
        points=exercise.points,
        cpu_s=60.0,
        disguised="characters",
    )
    assert graded(COUNTS, "train_language_model", assignment="07_recurrent", exercise=manual).points > 0


def the_manual(_rng):
    _, codes = characters(python_manual(repeated=False), rarest=50)
    seen, unseen = np.split(codes, [len(codes) * 9 // 10])
    starts = np.linspace(0, len(unseen) - 65, 400).astype(int)
    return disguises.Task(seen[:-1], seen[1:], np.stack([unseen[i : i + 64] for i in starts]), unseen[starts + 64])


def bits(scores, following):
    return float(-scores[np.arange(len(scores)), -1, following].mean() / np.log(2))


def test_the_published_test_set_cannot_be_read(graded, undisguised):
    undisguised()
    report = graded(SHIPPED_TEST_SET)
    assert report.points == 0
    assert "sklearn may not be imported in an exercise" in said(report)
    assert "import sklearn" in report.tried


def test_the_labels_of_the_unseen_rows_are_not_in_the_process(graded, undisguised):
    undisguised()
    report = graded(SEARCHED_MEMORY)
    assert report.points == 0
    assert "no labels of the unseen rows" in said(report)
    assert "search the interpreter's memory" in report.tried


def test_whoever_trains_gets_there(losses, graded):
    report = graded(losses.source_of(losses.assignment.exercise(NAME)))
    assert report.points == report.max_points
    assert report.tried == []


@pytest.fixture
def train_robust(graded):
    """Grade a network that was trained as usual, after some trick, as one that withstands; from one seed."""
    exercise = catalogue.load("13_robustness", ROOT).assignment.exercise("train_robust")
    (check,) = exercise.checks
    once = replace(exercise, checks=[replace(check, cases=lambda *given: check.cases(*given)[:1])])
    return lambda trick: graded(
        NO_REFUGE.replace("TRICK", trick), "train_robust", assignment="13_robustness", exercise=once
    )


@pytest.mark.parametrize("trick", some(TRICKS, of=3))
def test_a_network_without_useful_gradients_is_attacked_as_any_other(train_robust, trick):
    report = train_robust(TRICKS[trick])
    assert report.points == 0
    reached = re.match(r"under attack \(ε = 0.1\) the model classifies (\S+) % of the unseen rows", said(report))
    assert float(reached.group(1)) < 30


@pytest.mark.parametrize("trick", some(OTHER_NETWORKS, of=3))
def test_what_is_not_the_network_of_its_parameters_earns_nothing(train_robust, trick):
    report = train_robust(OTHER_NETWORKS[trick])
    assert report.points == 0
    assert said(report).startswith("the model's scores are not those of Linear(784, 128), ReLU, Linear(128, 10)")
