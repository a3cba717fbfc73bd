"""LSTMFusedGates: one product for all gates, and nothing in the loop that could stand outside."""

from autograder.checks import Case, LayerExercise, Rng, Speed, independence, later_steps, other_rows


def cell(in_features, hidden):
    return {"in_features": in_features, "hidden": hidden, "rng": Rng(0)}


def sequences(rng):
    """One step and one unit, one sequence and several, more inputs than units and fewer."""
    for shape, hidden in [((1, 1, 2), 3), ((4, 3, 1), 2), ((2, 5, 3), 1), ((3, 4, 2), 4)]:
        yield Case(cell(shape[2], hidden), x=rng.normal(0, 1.5, shape))


# Time, against the plain version: this layout 0.4; one product for all gates in each step, and sigmoids of all gates at
# once, 0.5; products for each gate with x outside the loop 0.9.
lstm = LayerExercise(
    "LSTMFusedGates",
    cases=sequences,
    outputs=("h",),
    has_parameters=True,
    extreme=1000.0,
    wide=Case(cell(8, 8), x=(1, 96, 8)),
    speed=Speed(Case(cell(24, 24), x=(4, 128, 24)), at_most=0.7, against="frozen"),
)
independence(
    lstm, "no step sees later ones", cases=lambda rng: list(sequences(rng))[-2:], of=later_steps(), outputs=("h",)
)
independence(
    lstm, "sequences of a batch know nothing of each other", cases=lambda rng: list(sequences(rng))[-1:],
    of=other_rows(), outputs=("h",),
)  # fmt: skip
