"""One step of a gated layer between its products, forwards and backwards."""

from autograder.checks import Case, FunctionExercise

SIZES = [(1, 1), (3, 2), (2, 4), (5, 3)]
"""Sequences of the batch, hidden numbers."""


def drawn(rng, batch, hidden, **columns):
    """Arrays (batch, columns · hidden), of a size at which no gate is saturated."""
    return {name: rng.normal(size=(batch, count * hidden)) for name, count in columns.items()}


def lstm_cases(rng):
    for batch, hidden in SIZES:
        yield Case(**drawn(rng, batch, hidden, z=4, c=1))


lstm_step = FunctionExercise("lstm_cell", cases=lstm_cases, float32=True, outputs=("h", "new_c", "gates"))


def lstm_backward_cases(rng):
    """Gates as they come out of a step: sigmoids between 0 and 1, the proposal between −1 and 1."""
    for batch, hidden in SIZES:
        gates = rng.uniform(0.1, 0.9, size=(batch, 4 * hidden))
        gates[:, 2 * hidden : 3 * hidden] = rng.uniform(-0.9, 0.9, size=(batch, hidden))
        others = drawn(rng, batch, hidden, dh=1, dc=1, c=1, new_c=1)
        yield Case(dh=others["dh"], dc=others["dc"], gates=gates, c=others["c"], new_c=others["new_c"])


lstm_back = FunctionExercise("lstm_cell_backward", cases=lstm_backward_cases, float32=True, outputs=("dz", "dc_before"))


def gru_cases(rng):
    for batch, hidden in SIZES:
        yield Case(**drawn(rng, batch, hidden, a=3, q=1, h=1))


gru_step = FunctionExercise("gru_cell", cases=gru_cases, float32=True, outputs=("new_h", "gates"))


def gru_backward_cases(rng):
    for batch, hidden in SIZES:
        gates = rng.uniform(0.1, 0.9, size=(batch, 3 * hidden))
        gates[:, 2 * hidden :] = rng.uniform(-0.9, 0.9, size=(batch, hidden))
        others = drawn(rng, batch, hidden, dh=1, q=1, h=1)
        yield Case(dh=others["dh"], gates=gates, q=others["q"], h=others["h"])


gru_back = FunctionExercise(
    "gru_cell_backward", cases=gru_backward_cases, float32=True, outputs=("da", "dq", "dh_direct")
)
