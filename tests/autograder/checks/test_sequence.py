"""What is asked of layers that read sequences: what their outputs must not depend on, and what may be left out."""

import numpy as np
import pytest

from autograder.checks import (
    FORWARD,
    NO_GRADIENT,
    NO_STATE,
    Case,
    Independence,
    LayerExercise,
    hidden_keys,
    independence,
    later_steps,
    masked_steps,
    optional_state,
    other_rows,
    other_steps,
)
from autograder.checks.sequence import Change
from autograder.isolation.worker import SubjectRaisedError
from dlkit import Layer, Parameter
from tests.autograder.checks.asking import asked, mutated

FUTURE, WINDOW = "an output sees the past and the present, never the future", "a step is seen two steps later"
PADDING, ROWS, LAST = "padding has no influence", "a row stands alone", "the mean stands alone"


class Mixer(Layer):
    """y[t] = mean of the kept x up to t, times w; returned with the mean of all of them."""

    def __init__(self):
        self.w = Parameter(np.ones(()))

    def steps(self, x, mask):
        kept = x * (mask[:, :, None] != 0)
        return kept, np.maximum(np.cumsum(mask != 0, axis=1), 1)[:, :, None]

    def forward(self, x, mask):
        kept, count = self.steps(x, mask)
        y = np.cumsum(kept, axis=1) / count * self.w.data
        return y, kept.sum(axis=1) / count[:, -1]


def cases(rng):
    for batch, time, features in [(2, 4, 3), (3, 5, 2), (1, 6, 1)]:
        mask = rng.integers(2, size=(batch, time))
        mask[:, [0, -1]] = 1, 0
        yield Case(x=rng.normal(size=(batch, time, features)), mask=mask)


exercise = LayerExercise("Mixer", cases=cases, outputs=("y", "mean"), has_parameters=True)
shared = {"cases": cases, "outputs": ("y", "mean")}
independence(exercise, FUTURE, of=later_steps(), **shared)
independence(exercise, PADDING, of=masked_steps(), **shared)
independence(exercise, ROWS, of=other_rows(), weight=2, **shared)
independence(exercise, LAST, of=other_rows(), output="mean", **shared)
CHECKS = (FUTURE, PADDING, ROWS, LAST)


@pytest.mark.parametrize("check", CHECKS)
def test_an_independent_layer_passes(check):
    assert asked(exercise, check, Mixer, Mixer) is None


@pytest.mark.parametrize("check", CHECKS[:3])
def test_every_mutation_fails(check):
    assert asked(exercise, check, mutated(exercise, check, Mixer), Mixer) is not None


def test_the_checks_belong_to_forward_and_are_not_asked_before_it_is_written():
    found = exercise.find(ROWS)
    assert (found.part, found.weight, found.needs) == ("forward", 2.0, ("forward",))


def test_a_layer_that_looks_ahead_is_found_and_says_where():
    class Ahead(Mixer):
        def forward(self, x, mask):
            y, mean = super().forward(x, mask)
            y[:, :-1] += x[:, 1:]
            return y, mean

    found = asked(exercise, FUTURE, Ahead, Mixer)
    assert found.sentence.startswith("y[:, ")
    assert found.sentence.endswith(": it looks into the future")
    assert asked(exercise, ROWS, Ahead, Mixer) is None


def test_a_layer_that_counts_padding_is_found():
    class Padded(Mixer):
        def steps(self, x, mask):
            return super().steps(x, mask * 0 + 1)

    found = asked(exercise, PADDING, Padded, Mixer)
    assert found.sentence.endswith("changes with x where mask is 0: what is masked must not count")


def test_a_layer_that_mixes_rows_is_found():
    class Centred(Mixer):
        def forward(self, x, mask):
            return super().forward(x - x.mean(axis=0), mask)

    found = asked(exercise, ROWS, Centred, Mixer)
    assert "of x and mask: rows of a batch know nothing of each other" in found.sentence
    assert found.sentence.startswith("y[")
    assert asked(exercise, LAST, Centred, Mixer).sentence.startswith("mean[")


def test_an_output_whose_numbers_are_wrong_can_be_independent():
    class Wrong(Mixer):
        def forward(self, x, mask):
            y, mean = super().forward(x, mask)
            return 3 * y + 1, mean

    assert asked(exercise, FORWARD, Wrong, Mixer) is not None
    assert all(asked(exercise, check, Wrong, Mixer) is None for check in CHECKS)


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        (lambda out: out[0], "forward returns no y; expected (y, mean)"),
        (lambda out: (None, out[1]), "y is None; expected an array of real numbers"),
        (lambda out: ([1.0], out[1]), "y is a list; expected an array of real numbers"),
        (lambda out: (1j * out[0], out[1]), "y is an array of dtype complex128; expected an array of real numbers"),
        (lambda out: (out[0][:, 1:], out[1]), "y has shape (2, 3, 3); expected 4 places along axis 1"),
        (lambda out: (out[0][0, 0], out[1]), "y has shape (3,); expected 4 places along axis 1"),
    ],
)
def test_what_cannot_be_compared_is_said(returned, sentence):
    class Odd(Mixer):
        def forward(self, x, mask):
            return returned(super().forward(x, mask))

    assert asked(exercise, FUTURE, Odd, Mixer).sentence == sentence


def test_nan_that_appears_with_a_change_is_a_change():
    class Leaking(Mixer):
        def forward(self, x, mask):
            y, mean = super().forward(x, mask)
            return y + 0 * x.sum(), mean

    nan = LayerExercise("Mixer", cases=cases, outputs=("y", "mean"))
    independence(nan, PADDING, of=masked_steps(value=np.nan), **shared)

    class Careful(Mixer):
        def steps(self, x, mask):
            return super().steps(np.where(mask[:, :, None] != 0, x, 0), mask)

    assert asked(nan, PADDING, Careful, Careful) is None
    assert asked(nan, PADDING, Leaking, Careful) is not None
    assert asked(nan, PADDING, Mixer, Careful) is not None
    assert asked(exercise, PADDING, Leaking, Mixer) is None


def test_masked_outputs_may_follow_where_an_author_says_so():
    class Residual(Mixer):
        def forward(self, x, mask):
            y, mean = super().forward(x, mask)
            return x + y, mean

    own = LayerExercise("Mixer", cases=cases, outputs=("y", "mean"))
    independence(own, PADDING, of=masked_steps(may_change="mask"), **shared)
    assert asked(exercise, PADDING, Residual, Mixer) is not None
    assert asked(own, PADDING, Residual, Mixer) is None

    class Padded(Residual):
        def steps(self, x, mask):
            return super().steps(x, mask * 0 + 1)

    assert asked(own, PADDING, Padded, Residual) is not None


class Window(Layer):
    """y[t] = x[t] + x[t − 2]."""

    def forward(self, x):
        y = x.copy()
        y[:, 2:] += x[:, :-2]
        return y


windows = LayerExercise("Window", cases=lambda rng: [Case(x=rng.normal(size=(2, 7, 3)))])
independence(
    windows,
    WINDOW,
    cases=lambda rng: [Case(x=rng.normal(size=(2, 7, 3))) for _ in range(5)],
    of=later_steps(seen_by=lambda _case, step: [step, step + 2]),
)


def test_where_a_change_has_to_be_seen_it_is_missed():
    class Short(Window):
        def forward(self, x):
            return x.copy()

    assert asked(windows, WINDOW, Window, Window) is None
    said = asked(windows, WINDOW, Short, Window).sentence
    step = int(said.split("x[:, ")[1].split("]")[0])
    assert said == f"a change of x[:, {step}] is seen at step {step} of y; expected steps [{step}, {step + 2}]"


def test_an_output_that_answers_nowhere_is_missed():
    class Constant(Window):
        def forward(self, x):
            return x * 0

    assert "is seen at none of y; expected step" in asked(windows, WINDOW, Constant, Window).sentence


def test_token_ids_are_exchanged_for_others_of_their_range():
    class Counting(Layer):
        def forward(self, ids):
            seen.append(ids)
            return np.eye(7)[ids]

    seen = []
    ids = LayerExercise("Counting", cases=lambda rng: [Case(ids=rng.integers(7, size=(3, 5)))])
    cases = {"cases": lambda rng: [Case(ids=rng.integers(7, size=(3, 5))) for _ in range(20)]}
    independence(ids, FUTURE, of=later_steps("ids"), **cases)
    independence(ids, ROWS, of=other_rows(), **cases)
    assert asked(ids, FUTURE, Counting, Counting) is None
    assert asked(ids, ROWS, Counting, Counting) is None
    assert all(each.min() >= 0 and each.max() < 7 for each in seen)
    pairs = list(zip(seen[0::2], seen[1::2], strict=True))
    assert all((before != after).any() for before, after in pairs if before.shape == after.shape)


def test_an_author_may_say_of_what_else_an_output_does_not_depend():
    def brighter(case, _rng):
        return Change({"x": case.inputs["x"] + 1}, "the mean of x", np.zeros((1,), bool))

    centred = LayerExercise("Window", cases=lambda rng: [Case(x=rng.normal(size=(2, 7, 3)))])
    independence(
        centred,
        "the mean does not matter",
        cases=lambda rng: [Case(x=rng.normal(size=(2, 7, 3)))],
        of=Independence(brighter, (0,), "subtract it first"),
    )

    class Centred(Window):
        def forward(self, x):
            return super().forward(x - x.mean())

    assert asked(centred, "the mean does not matter", Centred, Centred) is None
    found = asked(centred, "the mean does not matter", Window, Centred)
    assert found.sentence == "y[1] changes with the mean of x: subtract it first"


class PositionWise(Layer):
    """y[t] = x[t]²."""

    def forward(self, x):
        return x * x


ALONE, HIDDEN = "every position is computed by itself", "no query sees what its mask hides"
alone = LayerExercise(
    "PositionWise", cases=lambda rng: [Case(x=rng.normal(size=(2, 6, 3)))], independent={ALONE: other_steps()}
)


def test_one_unit_that_runs_over_time_is_found():
    class OneUnit(PositionWise):
        def forward(self, x):
            y = super().forward(x)
            y[..., 1] = y[..., 1].mean(axis=1, keepdims=True)
            return y

    assert asked(alone, ALONE, PositionWise, PositionWise) is None
    assert asked(alone, ALONE, mutated(alone, ALONE, PositionWise), PositionWise) is not None
    found = asked(alone, ALONE, OneUnit, PositionWise)
    assert found.sentence == "y[:, 5] changes with x[:, 0]: every position is computed by itself"


@pytest.mark.parametrize("step", range(5))
def test_a_leak_from_any_single_step_is_found(step):
    class Leak(PositionWise):
        def forward(self, x):
            y = super().forward(x)
            y[:, step, 0] += 1e-3 * x[:, step + 1, 0]
            return y

    causal = LayerExercise("PositionWise", cases=alone_cases, independent={FUTURE: later_steps()})
    assert asked(causal, FUTURE, PositionWise, PositionWise) is None
    found = asked(causal, FUTURE, Leak, PositionWise)
    assert found.sentence == f"y[:, {step}] changes with x[:, {step + 1}]: it looks into the future"


def alone_cases(rng):
    yield Case(x=rng.normal(size=(2, 6, 3)))


def test_long_sequences_are_tried_at_some_steps_the_first_and_last_among_them():
    of = other_steps()
    changes = of.change(Case(x=np.zeros((1, 50, 2))), np.random.default_rng(0))
    steps = [int(np.flatnonzero(change.may)[0]) for change in changes]
    assert len(steps) == 8
    assert steps[0] == 0
    assert steps[-1] == 49
    assert steps == sorted(set(steps))


class Reading(Layer):
    """y of a query = Σ v of the keys that it sees, tanh(k) times."""

    def forward(self, k, v, mask):
        seen = np.where(mask[..., None], (np.tanh(k) * v)[:, :, None], 0)
        return seen.sum(axis=3)


def reading_cases(rng):
    for batch, heads, queries, keys in [(2, 2, 3, 4), (1, 2, 4, 1)]:
        k, v = rng.normal(size=(2, batch, heads, keys, 2))
        mask = rng.random((batch, heads, queries, keys)) < 0.5
        mask[..., 0, 0] = False
        yield Case(k=k, v=v, mask=mask)


reading = LayerExercise("Reading", cases=reading_cases, gradient_of=("k", "v"), independent={HIDDEN: hidden_keys()})


def test_a_query_that_sees_a_hidden_key_is_found():
    class Leaking(Reading):
        def forward(self, k, v, mask):
            return super().forward(k, v, mask) + 1e-6 * v.sum(axis=2, keepdims=True)

    class OneQuery(Reading):
        def forward(self, k, v, mask):
            return super().forward(k, v, mask | (np.arange(mask.shape[2])[:, None] == 0))

    assert asked(reading, HIDDEN, Reading, Reading) is None
    assert asked(reading, HIDDEN, mutated(reading, HIDDEN, Reading), Reading) is not None
    for wrong in (Leaking, OneQuery):
        found = asked(reading, HIDDEN, wrong, Reading)
        assert found.sentence.endswith(", :] and v[..., 0, :]: the mask hides it from this query"), found.sentence


def test_a_key_is_also_changed_by_far_more_than_its_score_may_be_lowered():
    class Lowered(Reading):
        def forward(self, k, v, mask):
            return (np.exp(np.where(mask, 0.0, -30.0))[..., None] * (k * v)[:, :, None]).sum(axis=3)

    assert asked(reading, HIDDEN, Lowered, Reading) is not None


def test_heads_of_a_mask_are_merged_where_the_output_has_none():
    class Summed(Reading):
        def forward(self, k, v, mask):
            return super().forward(k, v, mask).sum(axis=1)

    class Leaking(Summed):
        def forward(self, k, v, mask):
            return super().forward(k, v, mask | True)

    summed = LayerExercise("Reading", cases=reading_cases, independent={HIDDEN: hidden_keys(axes=(0, 1))})
    assert asked(summed, HIDDEN, Summed, Summed) is None
    assert asked(summed, HIDDEN, Leaking, Summed) is not None


def test_nothing_is_hidden_without_a_mask():
    assert not hidden_keys().change(Case(k=np.zeros((1, 1, 2, 3))), np.random.default_rng(0))


class Adder(Layer):
    """h[t] = state + x[0] + … + x[t]; where a mask is 0 nothing is added."""

    def forward(self, x, state=None, mask=None):
        steps = x if mask is None else x * (mask[:, :, None] != 0)
        self.mask = mask
        h = np.cumsum(steps, axis=1) + (0 if state is None else state[:, None])
        return h, h[:, -1] * 1

    def backward(self, dh, dlast=None):
        ds = dh.copy()
        if dlast is not None:
            ds[:, -1] += dlast
        ds = ds[:, ::-1].cumsum(axis=1)[:, ::-1]
        return ds if self.mask is None else ds * (self.mask[:, :, None] != 0), ds[:, 0]


def recurrent_cases(*, masked):
    def draw(rng):
        for batch in (2, 3):
            x, state = rng.normal(size=(batch, 4, 2)), rng.normal(size=(batch, 2))
            yield Case(x=x, state=state, **({"mask": rng.integers(2, size=(batch, 4))} if masked else {}))

    return draw


def recurrent(*, masked):
    made = LayerExercise("Adder", cases=recurrent_cases(masked=masked), outputs=("h", "last"))
    optional_state(made, cases=recurrent_cases(masked=masked))
    return made


@pytest.mark.parametrize("masked", [True, False])
def test_a_state_and_a_gradient_may_be_left_out(masked):
    for check in (NO_STATE, NO_GRADIENT):
        made = recurrent(masked=masked)
        assert asked(made, check, Adder, Adder) is None
        wrong = mutated(made, check, Adder)
        assert asked(made, FORWARD, wrong, Adder) is None
        assert asked(made, check, wrong, Adder) is not None


def test_a_state_that_is_kept_from_the_last_call_is_found():
    class Keeping(Adder):
        kept = None

        def forward(self, x, state=None, mask=None):
            h, last = super().forward(x, self.kept if state is None else state, mask)
            self.kept = last
            return h, last

    assert asked(recurrent(masked=False), NO_STATE, Keeping, Adder).name == "h of a second call"


def test_a_gradient_that_is_needed_is_found():
    class Needing(Adder):
        def backward(self, dh, dlast=0):
            return super().backward(dh, dh[:, -1] if dlast is None or np.ndim(dlast) == 0 else dlast)

    assert asked(recurrent(masked=True), NO_GRADIENT, Needing, Adder).name == "dx"


@pytest.mark.parametrize("masked", [True, False])
def test_what_needs_a_second_step_is_found(masked):
    class Longer(Adder):
        def forward(self, x, state=None, mask=None):
            return super().forward(x, np.zeros_like(x[:, 1]) if state is None else state, mask)

        def backward(self, dh, dlast=None):
            return super().backward(dh, np.zeros_like(dh[:, 1]) if dlast is None else dlast)

    made = recurrent(masked=masked)
    assert asked(made, FORWARD, Longer, Adder) is None
    for check in (NO_STATE, NO_GRADIENT):
        with pytest.raises(SubjectRaisedError, match="out of bounds"):
            asked(made, check, Longer, Adder)
