import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import dlkit
from dlkit import Layer, Loss, Optimizer, Parameter
from dlkit.stand_in import hot_path
from dlkit.training import History, accuracy, fit, predict


class Linear(Layer):
    def __init__(self, n_in, n_out):
        self.W = Parameter(np.zeros((n_in, n_out)))
        self.modes = []
        self.sizes = []

    def forward(self, x):
        self.modes.append(self.training)
        self.sizes.append(len(x))
        self.x = x
        return x @ self.W.data

    def backward(self, dy):
        self.W.grad += self.x.T @ dy
        return dy @ self.W.data.T


class SquaredError(Loss):
    def forward(self, prediction, target):
        self.difference = prediction - target
        return (self.difference**2).sum() / len(target)

    def backward(self):
        return 2 * self.difference / len(self.difference)


class Descent(Optimizer):
    def step(self):
        for parameter in self.parameters:
            parameter.data -= self.lr * parameter.grad


def problem(rng, samples=50):
    x = rng.normal(size=(samples, 3))
    return x, x @ rng.normal(size=(3, 2))


def train(x, y, *, lr=0.05, epochs=3, batch_size=8, seed=0, model=None, **options):
    model = model or Linear(x.shape[1], y.shape[1])
    options.setdefault("progress", False)
    optimizer = Descent(model.parameters(), lr)
    rng = np.random.default_rng(seed)
    return model, fit(model, SquaredError(), optimizer, x, y, epochs=epochs, batch_size=batch_size, rng=rng, **options)


def test_a_linear_map_is_found(rng):
    x, y = problem(rng)
    model, history = train(x, y, epochs=40)
    assert len(history.loss) == len(history.seconds) == 40
    assert history.loss[-1] < 1e-6 < history.loss[0]
    assert history.validation_loss == history.metric == []
    np.testing.assert_allclose(y, predict(model, x), atol=1e-2)


def test_every_sample_is_seen_once_an_epoch_in_a_new_order():
    x = np.arange(10.0)[:, None]
    seen = []

    class Watcher(Linear):
        def forward(self, x):
            seen.append(dlkit.to_numpy(x)[:, 0].tolist())
            return super().forward(x)

    train(x, x, model=Watcher(1, 1), epochs=2, batch_size=4, lr=1e-9)
    assert [len(batch) for batch in seen] == [4, 4, 2] * 2
    first, second = np.concatenate(seen[:3]).tolist(), np.concatenate(seen[3:]).tolist()
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


def test_rows_of_x_and_y_stay_together(rng):
    x, y = problem(rng)
    assert train(x, y, epochs=60)[1].loss[-1] < 1e-8


def test_one_seed_gives_one_history(rng):
    x, y = problem(rng)
    assert train(x, y, seed=3)[1].loss == train(x, y, seed=3)[1].loss
    assert train(x, y, seed=3)[1].loss != train(x, y, seed=4)[1].loss


def test_the_loss_is_the_mean_over_samples_when_the_last_batch_is_short():
    x = np.ones((5, 1))
    y = np.arange(5.0)[:, None]
    _, history = train(x, y, lr=1e-12, epochs=1, batch_size=4)
    assert history.loss[0] == pytest.approx(float((y**2).mean()))


def test_a_seed_means_the_same_on_the_device(rng):
    x, y = problem(rng)
    _, expected = train(x, y, validation=(x, y))
    with dlkit.use("stand-in"):
        _, history = train(dlkit.asarray(x), dlkit.asarray(y), validation=(dlkit.asarray(x), dlkit.asarray(y)))
    np.testing.assert_allclose(expected.loss, history.loss, rtol=1e-12)
    np.testing.assert_allclose(expected.validation_loss, history.validation_loss, rtol=1e-12)


def test_nothing_leaves_the_device_within_an_epoch(rng):
    x, y = problem(rng)

    class Hot(Linear):
        def forward(self, x):
            with hot_path():
                return super().forward(x)

    fetched = []
    with dlkit.use("stand-in") as device:
        model = Hot(3, 2)
        fetch = type(model.W.data).get
        with pytest.MonkeyPatch.context() as patch:
            counted = dlkit.backend.Backend(
                device.name, device.module, device.array_type, lambda a: fetched.append(1) or fetch(a), lambda: None
            )
            patch.setitem(dlkit.backend._LOADED, "stand-in", counted)
            train(dlkit.asarray(x), dlkit.asarray(y), model=model, epochs=2, batch_size=5)
    assert len(fetched) == 2


def test_the_mode_is_training_for_updates_and_evaluation_for_the_rest(rng):
    x, y = problem(rng, 8)
    model, _ = train(x, y, epochs=2, batch_size=4, validation=(x, y))
    assert model.modes == [True, True, False, False] * 2
    assert not model.training


def test_the_validation_loss_is_that_of_the_whole_set(rng):
    x, y = problem(rng, 9)
    model, history = train(x, y, epochs=1, validation=(x[:7], y[:7]), batch_size=2)
    assert history.validation_loss == [pytest.approx(float(((x[:7] @ model.W.data - y[:7]) ** 2).sum() / 7))]


def test_a_metric_is_taken_on_the_validation_data_or_else_on_the_training_data(rng):
    x, y = problem(rng, 9)
    sizes = []

    def count(scores, labels):
        assert scores.shape == labels.shape
        sizes.append(len(labels))
        return len(labels)

    assert train(x, y, epochs=1, validation=(x[:4], y[:4]), metric=count)[1].metric == [4]
    assert train(x, y, epochs=1, metric=count, batch_size=2)[1].metric == [9]
    assert sizes == [4, 9]


def test_the_hook_gets_the_epoch_and_stops_the_training(rng):
    x, y = problem(rng)
    told = []

    def hook(epoch, history):
        told.append((epoch, len(history.loss)))
        return epoch == 3

    _, history = train(x, y, epochs=10, on_epoch_end=hook)
    assert told == [(1, 1), (2, 2), (3, 3)]
    assert len(history.loss) == 3


def test_no_epochs_leave_the_model_as_it_is(rng):
    model, history = train(*problem(rng), epochs=0)
    assert history == History()
    assert not model.W.data.any()


def test_a_model_of_several_inputs_takes_a_tuple(rng):
    class Pair(Layer):
        def __init__(self):
            self.inner = Linear(3, 2)

        def forward(self, a, b):
            return self.inner.forward(a + b)

        def backward(self, dy):
            dx = self.inner.backward(dy)
            return dx, dx

    x, y = problem(rng)
    model = Pair()
    rng = np.random.default_rng(0)
    inputs = (x / 4, 3 * x / 4)
    optimizer = Descent(model.parameters(), 0.05)
    options = {"epochs": 40, "batch_size": 8, "rng": rng, "progress": False}
    history = fit(model, SquaredError(), optimizer, inputs, y, validation=(inputs, y), **options)
    assert history.validation_loss[-1] < 1e-6
    assert predict(model, inputs, 7).shape == y.shape


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"y": np.zeros((4, 2))}, "x has 5 samples and y has 4"),
        ({"x": np.zeros((0, 3)), "y": np.zeros((0, 2))}, "empty"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"epochs": -1}, "epochs is -1"),
        ({"validation": (np.zeros((2, 3)), np.zeros((1, 2)))}, "validation x has 2 samples and y has 1"),
        ({"validation": (np.zeros((0, 3)), np.zeros((0, 2)))}, "validation x and y are empty"),
    ],
)
def test_input_that_does_not_fit_is_refused_in_a_sentence(change, sentence):
    arguments = {"x": np.zeros((5, 3)), "y": np.zeros((5, 2)), "model": Linear(3, 2)} | change
    with pytest.raises(ValueError, match=sentence):
        train(arguments.pop("x"), arguments.pop("y"), **arguments)


def test_predict_works_by_batches_and_restores_the_mode(rng):
    x = rng.normal(size=(7, 3))
    model = Linear(3, 2)
    assert predict(model, x, 3).shape == (7, 2)
    assert model.sizes == [3, 3, 1]
    assert model.modes == [False] * 3
    assert model.training
    model.eval()
    predict(model, x)
    assert not model.training


def test_predict_restores_the_mode_after_an_error():
    model = Linear(3, 2)
    with pytest.raises(ValueError, match="matmul"):
        predict(model, np.zeros((2, 5)))
    assert model.training


@pytest.mark.parametrize(
    ("x", "size", "sentence"), [(np.zeros((0, 3)), 4, "empty"), (np.zeros((2, 3)), 0, "batch_size")]
)
def test_predict_refuses_what_it_cannot_do(x, size, sentence):
    with pytest.raises(ValueError, match=sentence):
        predict(Linear(3, 2), x, size)


@pytest.mark.parametrize("name", ["numpy", "stand-in"])
def test_accuracy_is_the_share_of_right_labels(name):
    with dlkit.use(name):
        scores = dlkit.asarray([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [2.0, 1.0]])
        found = accuracy(scores, dlkit.asarray([1, 0, 0, 1]))
    assert type(found) is float
    assert found == 0.5


def test_accuracy_counts_every_step_of_a_sequence():
    assert accuracy(np.eye(3)[None], np.array([[0, 1, 0]])) == pytest.approx(2 / 3)


@pytest.mark.parametrize("labels", [np.zeros(3, int), np.zeros((2, 1), int)])
def test_labels_that_do_not_fit_the_scores_are_refused(labels):
    with pytest.raises(ValueError, match="do not match"):
        accuracy(np.zeros((2, 4)), labels)


def test_a_loss_that_is_not_finite_is_recorded(rng):
    x, y = problem(rng)
    with np.errstate(all="ignore"):
        _, history = train(x, y, lr=1e200, epochs=2)
    assert not math.isfinite(history.loss[-1])


def test_nothing_is_printed_where_nobody_watches(rng, capsys):
    train(*problem(rng), progress=True)
    assert capsys.readouterr() == ("", "")


def test_nothing_is_printed_where_it_is_not_wanted(rng, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    train(*problem(rng), progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_a_bar_with_the_last_figures(rng, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    x, y = problem(rng)
    train(x, y, progress=True, epochs=2, validation=(x, y), metric=lambda *_: 0.5)
    shown = capsys.readouterr().out
    assert "epoch 2/2  loss" in shown
    assert "validation loss" in shown
    assert "metric 0.5000" in shown


def test_a_notebook_shows_one_line_that_renews_itself(rng, capsys, monkeypatch):
    lines = []

    class Handle:
        def update(self, shown):
            lines.append(("update", shown))

    def display(shown, *, display_id):
        lines.append(("display", shown))
        assert display_id
        return Handle()

    shell = SimpleNamespace(kernel=object())
    tools = SimpleNamespace(display=display, Pretty=str)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell, display=tools))
    monkeypatch.setitem(sys.modules, "IPython.display", tools)
    train(*problem(rng), progress=True, epochs=3)
    assert [how for how, _ in lines] == ["display", "update", "update"]
    assert lines[-1][1].startswith("epoch 3/3  loss ")
    assert capsys.readouterr().out == ""
