"""Recurrent layers with cells of three kinds."""

import numpy as np

from autograder.checks import Case, LayerExercise, Rng, Speed, optional_state

OUTPUTS = ("h", "last")

# Early ends, a gap in the middle and a late beginning: a held state has to work wherever it is held.
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 1, 0, 1, 0]])


def recurrent_cases(*of_state):
    """Cases of a layer whose state is (*of_state, hidden): uneven, one sequence alone, with and without a mask."""

    def cases(rng):
        for batch, time, in_features, hidden, mask in [
            (1, 4, 2, 3, None),
            (2, 3, 1, 1, None),
            (3, 5, 4, 2, MASK),
            (3, 5, 2, 3, MASK[[1, 2, 0]] != 0),
        ]:
            inputs = {"x": (batch, time, in_features), "state": (batch, *of_state, hidden)}
            case = Case(
                {"in_features": in_features, "hidden": hidden, "rng": Rng(0)},
                **{name: rng.normal(size=shape) for name, shape in inputs.items()},
            )
            yield case if mask is None else case.with_changes(inputs={**case.inputs, "mask": mask})

    return cases


def calm_weights(in_features, hidden, gates):
    """Parameters of the size of first weights: with larger ones many steps are chaotic, and rounding errors grow."""
    rng = np.random.default_rng(0)
    W, U = (rng.normal(0, 0.5 * hidden**-0.5, (rows, gates * hidden)) for rows in (in_features, hidden))
    return {"W": W, "U": U, "b": rng.normal(0, 0.5, gates * hidden)}


def long_case(gates, *of_state):
    """One long sequence, in which every step depends on those before it."""
    arguments = {"in_features": 8, "hidden": 8, "rng": Rng(0)}
    return Case(arguments, parameters=calm_weights(8, 8, gates), x=(1, 256, 8), state=(1, *of_state, 8))


rnn = LayerExercise(
    "RNN",
    cases=recurrent_cases(),
    has_parameters=True,
    outputs=OUTPUTS,
    wide=long_case(1),
)

optional_state(rnn, cases=recurrent_cases())


FORGET = "the forget gate begins open"


# The limit: a product for every gate and step takes 1.2 to 2.0 times the reference, gates as objects that are
# computed again in backward 2.3 times, a loop over the sequences of the batch 20 times.  With a batch of 16 and 64
# features the calls themselves are a larger part of the time: one with a product for every gate took 4.9 times, that
# loop 10 times.
lstm = LayerExercise(
    "LSTM",
    cases=recurrent_cases(2),
    has_parameters=True,
    outputs=OUTPUTS,
    made_with=("first_bias",),
    wide=long_case(4, 2),
    speed=Speed(
        Case(
            {"in_features": 32, "hidden": 32, "rng": Rng(0)},
            parameters=calm_weights(32, 32, 4),
            x=(128, 16, 32),
            state=(128, 2, 32),
        ),
        at_most=7.0,
    ),
)

optional_state(lstm, cases=recurrent_cases(2))


def sizes(rng):
    """Hidden sizes to make a bias for; 1 among them, and none twice."""
    yield from (
        Case({"in_features": 2, "hidden": int(hidden), "rng": Rng(0)}) for hidden in (1, *rng.permutation([3, 6]))
    )


@lstm.check(FORGET, cases=sizes, part="first_bias", needs=("first_bias",))
def first_bias(subject, case):
    return {"b": subject.make("LSTM", **case.arguments).get("b.data")}


gru = LayerExercise(
    "GRU",
    cases=recurrent_cases(),
    has_parameters=True,
    outputs=OUTPUTS,
    wide=long_case(3),
)

optional_state(gru, cases=recurrent_cases())
