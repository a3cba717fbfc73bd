"""Training: mini-batches, a progress line, a history, and a hook to stop early.

The loop asks nothing of the device inside an epoch: losses add up where they are, and come to the
CPU memory once, when the epoch is over.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from dlkit.backend import Array, array_module, to_numpy

if TYPE_CHECKING:
    import numpy as np
    from IPython.display import DisplayHandle
    from rich.progress import Progress

    from dlkit.layer import Layer
    from dlkit.loss import Loss
    from dlkit.optimizer import Optimizer

__all__ = ["History", "accuracy", "fit", "predict"]

Metric: TypeAlias = Callable[[Array, Array], Array]
"""Scores, labels → one number."""


@dataclass
class History:
    """Measurements, one entry per epoch; all Python floats.

    loss: mean over the training samples, in training mode, while the parameters moved.
    validation_loss: after the epoch, in evaluation mode; empty without validation data.
    metric: on the validation data where there are any, else on the training data; empty without one.
    seconds: time of the epoch's updates, without validation.
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    metric: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def fit(
    model: Layer,
    loss: Loss,
    optimizer: Optimizer,
    x: Array | tuple[Array, ...],
    y: Array,
    *,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
    validation: tuple[Array | tuple[Array, ...], Array] | None = None,
    metric: Metric | None = None,
    on_epoch_end: Callable[[int, History], bool | None] | None = None,
    progress: bool = True,
) -> History:
    """Train ``model`` with mini-batches, every sample once per epoch, in an order drawn from ``rng``.

    x: inputs (samples, …), or a tuple of them for a model of several inputs; y: targets (samples, …),
        all on one backend, that of the model's parameters.
    epochs: 0 or more.  batch_size: 1 or more; the last batch may be smaller.
    validation: (x, y) to measure on after each epoch, in evaluation mode.
    metric: scores, labels → one number, e.g. ``accuracy``; for all samples at once.
    on_epoch_end: epoch (1 is the first), history → true to stop.
    progress: a bar on a terminal, one line that renews itself in a notebook, nothing elsewhere.

    Returns the history and leaves the model in evaluation mode.  Raises ValueError for arrays of
    different lengths, no samples, and numbers outside their ranges.
    """
    _checked(x, y, "")
    _checked_size(batch_size)
    if epochs < 0:
        message = f"epochs is {epochs}; it must be 0 or more."
        raise ValueError(message)
    if validation is not None:
        _checked(*validation, "validation ")
    history = History()
    batches = -(-len(y) // batch_size)
    with _reporter(epochs * batches, shown=progress) as report:
        for epoch in range(1, epochs + 1):
            start = time.perf_counter()
            total = _epoch(model, loss, optimizer, _batches(x, y, batch_size, rng), report)
            history.loss.append(total / len(y))
            history.seconds.append(time.perf_counter() - start)
            if validation is not None or metric is not None:
                measured, targets = (x, y) if validation is None else validation
                scores = predict(model, measured, batch_size)
                if validation is not None:
                    history.validation_loss.append(float(to_numpy(loss.forward(scores, targets))))
                if metric is not None:
                    history.metric.append(float(to_numpy(metric(scores, targets))))
            report.epoch_done(_line(epoch, epochs, history))
            if on_epoch_end is not None and on_epoch_end(epoch, history):
                break
    model.eval()
    return history


def _batches(
    x: Array | tuple[Array, ...], y: Array, batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[tuple[Array, ...], Array]]:
    """Yield the inputs and the targets of each batch, in a new order of the samples."""
    order = array_module(y).asarray(rng.permutation(len(y)))
    for first in range(0, len(y), batch_size):
        batch = order[first : first + batch_size]
        yield tuple(part[batch] for part in _inputs(x)), y[batch]


def _epoch(
    model: Layer,
    loss: Loss,
    optimizer: Optimizer,
    batches: Iterator[tuple[tuple[Array, ...], Array]],
    report: _Report,
) -> float:
    """Take a step for every batch; return the sum of the samples' losses."""
    model.train()
    total: Array = 0.0
    for inputs, targets in batches:
        optimizer.zero_grad()
        total = total + len(targets) * loss.forward(model.forward(*inputs), targets)
        model.backward(loss.backward())
        optimizer.step()
        report.batch_done()
    return float(to_numpy(total))


def predict(model: Layer, x: Array | tuple[Array, ...], batch_size: int = 256) -> Array:
    """Compute the outputs of ``model`` for all samples (samples, …), in evaluation mode, one batch at a time.

    x: as in ``fit``; the output is on its backend.  The model's mode is restored afterwards.
    Raises ValueError for no samples or a batch size below one.
    """
    xs = _inputs(x)
    _checked_size(batch_size)
    samples = len(xs[0])
    if not samples:
        message = "x is empty: there is nothing to predict."
        raise ValueError(message)
    was_training = model.training
    model.eval()
    try:
        parts = [
            model.forward(*(part[start : start + batch_size] for part in xs)) for start in range(0, samples, batch_size)
        ]
    finally:
        if was_training:
            model.train()
    return array_module(parts[0]).concatenate(parts)


def accuracy(scores: Array, labels: Array) -> float:
    """Share of the labels that have the highest score, in [0, 1]; copies one number to CPU memory.

    scores (…, classes) of any real dtype; labels (…) integers, on the same backend.
    Raises ValueError where the shapes do not fit or there is no label.
    """
    if tuple(scores.shape[:-1]) != tuple(labels.shape) or not labels.size:
        message = f"Scores of shape {tuple(scores.shape)} do not match labels of shape {tuple(labels.shape)}."
        raise ValueError(message)
    return float(to_numpy((scores.argmax(axis=-1) == labels).mean()))


def _inputs(x: Array | tuple[Array, ...]) -> tuple[Array, ...]:
    return x if isinstance(x, tuple) else (x,)


def _checked(x: Array | tuple[Array, ...], y: Array, which: str) -> None:
    for part in _inputs(x):
        if len(part) != len(y):
            message = f"The {which}x has {len(part)} samples and y has {len(y)}: the numbers must be equal."
            raise ValueError(message)
    if not len(y):
        message = f"The {which}x and y are empty: pass at least one sample."
        raise ValueError(message)


def _checked_size(batch_size: int) -> None:
    if batch_size < 1:
        message = f"batch_size is {batch_size}; it must be 1 or more."
        raise ValueError(message)


def _line(epoch: int, epochs: int, history: History) -> str:
    words = [f"epoch {epoch}/{epochs}", f"loss {history.loss[-1]:.4g}"]
    if history.validation_loss:
        words.append(f"validation loss {history.validation_loss[-1]:.4g}")
    if history.metric:
        words.append(f"metric {history.metric[-1]:.4f}")
    return "  ".join([*words, f"{history.seconds[-1]:.2f} s"])


class _Report(Protocol):
    """What the loop reports while it runs."""

    def batch_done(self) -> None: ...

    def epoch_done(self, line: str) -> None: ...


class _Silent:
    def batch_done(self) -> None:
        pass

    def epoch_done(self, line: str) -> None:
        pass


class _Notebook:
    """One line of output that is updated, so that the saved notebook keeps the last."""

    def __init__(self) -> None:
        self._handle: DisplayHandle | None = None

    def batch_done(self) -> None:
        pass

    def epoch_done(self, line: str) -> None:
        from IPython.display import Pretty, display

        if self._handle is None:
            self._handle = display(Pretty(line), display_id=True)
        else:
            self._handle.update(Pretty(line))


class _Bar:
    """A bar of rich on a terminal, its description the last epoch's figures."""

    def __init__(self, bar: Progress, steps: int) -> None:
        self._bar = bar
        self._task = bar.add_task("epoch 1", total=steps)

    def batch_done(self) -> None:
        self._bar.advance(self._task)

    def epoch_done(self, line: str) -> None:
        self._bar.update(self._task, description=line)


def _reporter(steps: int, *, shown: bool) -> AbstractContextManager[_Report]:
    if shown and steps and _in_notebook():
        return _plain(_Notebook())
    if shown and steps and sys.stdout is not None and sys.stdout.isatty():
        return _terminal(steps)
    return _plain(_Silent())


def _in_notebook() -> bool:
    """Whether an IPython kernel runs this (and not its terminal)."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


@contextmanager
def _plain(report: _Report) -> Iterator[_Report]:
    yield report


@contextmanager
def _terminal(steps: int) -> Iterator[_Report]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn()
    with Progress(*columns) as bar:
        yield _Bar(bar, steps)
