"""The recurrent references beside PyTorch and beside numpy-ml on one CPU thread: forward and backward through time."""

from __future__ import annotations

import collections
import collections.abc
import importlib.util
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.references import Run, beside, names_of
from benchmarks.table import Table

BATCH, TIME, IN_FEATURES, HIDDEN = 32, 64, 128, 128
AT_MOST = {"RNN": 1.0, "LSTM": 2.0, "GRU": 1.0}
BESIDE_NUMPY_ML = 1.0
SHAPES = f"batch {BATCH}, {TIME} steps, {IN_FEATURES} → {HIDDEN}, one CPU thread, forward and backward"


def numbers(dtype: Any) -> tuple[Any, Any]:
    """Draw x (batch, time, in_features) and dh (batch, time, hidden)."""
    rng = np.random.default_rng(0)
    x, dh = rng.normal(size=(BATCH, TIME, IN_FEATURES)), rng.normal(size=(BATCH, TIME, HIDDEN))
    return x.astype(dtype), dh.astype(dtype)


def reference(kind: str, dtype: Any) -> Run:
    """Make a run of the course's layer."""
    layer = names_of("07_recurrent")[kind](IN_FEATURES, HIDDEN, rng=np.random.default_rng(1))
    layer.astype(dtype)
    x, dh = numbers(dtype)

    def run() -> None:
        layer.forward(x)
        layer.backward(dh)

    return run


def of_pytorch(kind: str) -> Run:
    """Make a run of PyTorch's layer, float32, eager."""
    import torch

    torch.set_num_threads(1)
    layer = getattr(torch.nn, kind)(IN_FEATURES, HIDDEN, batch_first=True)
    x, dh = map(torch.tensor, numbers(np.float32))
    x.requires_grad_()

    def run() -> None:
        x.grad = None
        layer(x)[0].backward(dh)

    return run


def of_numpy_ml() -> Run:
    """Make a run of numpy-ml's LSTM cell, step by step; float64, whatever it is given.

    Its last release (0.1.2, 2020) imports a name that Python 3.10 removed, and its LSTM layer cannot be made (a
    property without a setter); the cell, which does all of the work, can.
    """
    collections.Hashable = collections.abc.Hashable  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layers = importlib.import_module("numpy_ml.neural_nets.layers.layers")
    cell = layers.LSTMCell(HIDDEN)
    x, dh = (array.transpose(1, 0, 2).copy() for array in numbers(np.float64))

    def run() -> None:
        if cell.is_initialized:
            cell.flush_gradients()
            cell.derived_variables.update(dLdA_accumulator=None, dLdC_accumulator=None)
        for step in x:
            cell.forward(step)
        for step in dh[::-1]:
            cell.backward(step)

    return run


def tables(*, quick: bool) -> Iterator[Table]:
    """Measure every pair alternately; the median of the ratios decides."""
    title = f"Recurrent layers beside PyTorch, float32, {SHAPES}"
    if importlib.util.find_spec("torch") is None:
        yield Table(title, note="PyTorch is not installed. Install the extra: pip install 'dlkit-course[bench]'.")
    else:
        pairs = {kind: (reference(kind, np.float32), of_pytorch(kind)) for kind in AT_MOST}
        yield Table(title, [beside("PyTorch", kind, AT_MOST[kind], pair, quick=quick) for kind, pair in pairs.items()])
    title = f"LSTM beside numpy-ml, float64, {SHAPES}"
    if importlib.util.find_spec("numpy_ml") is None:
        yield Table(title, note="numpy-ml is not installed. Install the extra package: pip install numpy-ml.")
    else:
        pair = (reference("LSTM", np.float64), of_numpy_ml())
        yield Table(title, [beside("numpy-ml", "LSTM", BESIDE_NUMPY_ML, pair, quick=quick)])
