"""The engine of 15 beside the layers by hand, on one CPU thread: what automatic differentiation costs."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.references import Run, names_of, repeated
from benchmarks.table import Row, Table, in_turns, median_ratio
from dlkit.course import providing

BATCH, SIZES = 128, (784, 128, 10)
AT_MOST = 1.5
GPT_BATCH = 32


def two_layers(names: dict[str, Any]) -> tuple[Run, Run]:
    """Forward and backward of two linear layers, ReLU and cross-entropy: by the engine, and by hand."""
    rng = np.random.default_rng(0)
    n, hidden, classes = SIZES
    shapes = [(BATCH, n), (n, hidden), (hidden,), (hidden, classes), (classes,)]
    arrays = [(rng.normal(size=shape) * shape[0] ** -0.5).astype("float32") for shape in shapes]
    labels = rng.integers(classes, size=BATCH)

    def f(x: Any, W: Any, b: Any, V: Any, c: Any) -> Any:
        return names["cross_entropy"]((x @ W + b).relu() @ V + c, labels)

    layers, losses = names_of("02_layers"), names_of("03_losses")
    made = [layers["Linear"](n, hidden, rng=rng), layers["ReLU"](), layers["Linear"](hidden, classes, rng=rng)]
    model, loss = layers["Sequential"](made), losses["SoftmaxCrossEntropy"]()
    model.astype("float32")

    def by_hand() -> None:
        model.zero_grad()
        loss.forward(model.forward(arrays[0]), labels)
        model.backward(loss.backward())

    def by_engine() -> None:
        names["value_and_grad"](f, *arrays)

    return by_engine, by_hand


def small_gpt(names: dict[str, Any]) -> tuple[Run, Run]:
    """The same of the GPT of the notebook."""
    earlier = {each: names_of(f"{n}_{each}") for n, each in (("02", "layers"), ("03", "losses"))}
    earlier |= {each: names_of(f"{n}_{each}") for n, each in (("08", "embeddings"), ("09", "attention"))}
    model = names["GPT"](27, rng=np.random.default_rng(0))
    ids, targets = names["read_and_guess"](names["as_codes"](names["manual_words"]()[:: 2800 // GPT_BATCH]))
    with providing(earlier):
        by_hand = names["HandwrittenGPT"](model)

    def run_engine() -> None:
        names["engine_loss_and_gradients"](model, ids, targets)

    def run_by_hand() -> None:
        by_hand.loss_and_gradients(ids, targets)

    return run_engine, run_by_hand


def tables(*, quick: bool) -> Iterator[Table]:
    """Measure both pairs alternately; the median of the ratios decides."""
    names, rows = names_of("15_autograd"), []
    layers = "-".join(map(str, SIZES))
    for what, at_most, pair in (
        (f"two layers, {layers}, batch {BATCH}, float32", AT_MOST, two_layers(names)),
        (f"GPT of 4,192 numbers, batch {GPT_BATCH}, float64", None, small_gpt(names)),
    ):
        (ours, n), (theirs, m) = map(repeated, pair)
        a, b = in_turns(ours, theirs, rounds=3 if quick else 41)
        note = f"{1000 * statistics.median(a) / n:.3g} ms; by hand {1000 * statistics.median(b) / m:.3g} ms"
        rows.append(Row(what, median_ratio(a, b) * m / n, "×", at_most, note=note))
    yield Table("The engine of 15 beside layers by hand, one CPU thread, forward and backward", rows)
