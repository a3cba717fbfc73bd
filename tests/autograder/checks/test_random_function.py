"""Exercises that draw at random: correct code passes whatever it draws, each mistake fails the check meant for it."""

from functools import partial

import numpy as np
import pytest

from autograder.checks import (
    APART,
    AllAlike,
    Case,
    Claim,
    InitialValuesExercise,
    Mean,
    RandomFunctionExercise,
    Rng,
    SpecError,
    SubjectRaisedError,
    Variance,
    equal_signs,
    even_draw,
    habits,
    judge_unchanged,
    normal_shape,
)
from autograder.checks.initial_values import SHAPED, SPREAD
from autograder.checks.random_function import DISTRIBUTED, INVARIANT, PLACED
from autograder.spec import Exercise
from autograder.subject import LocalSubject
from dlkit import array_module, asarray

GENERATOR = "draws from the generator that it is given"
UNTOUCHED, FLOAT32, DEVICE = "inputs are not modified", "float32 stays float32", "stays on the device"


def found(exercise, namespace, reference, name):
    """What one check says of an implementation; None where it passes."""
    check = exercise.find(name)
    subjects = [LocalSubject.live(dict(names), exercise.support) for names in (reference, namespace)]
    correct, subject = (s.on(check.backend) if check.backend else s for s in subjects)
    rng = np.random.default_rng(3)
    for case in check.cases(rng, correct):
        expected = check.expect(correct, case, rng) if check.expect else check.observe(correct, case)
        mismatch = check.judge(check.observe(subject, case), expected, case)
        if mismatch:
            return mismatch
    return None


def mutant(exercise, name, correct):
    """The names of a correct implementation changed as the check's mutation does."""
    names = {exercise.name: correct}
    exec(exercise.find(name).mutation.replace("{name}", exercise.name), names)  # noqa: S102 - source from the checks
    return names


# --- a function of arrays --------------------------------------------------------------------


def drop(x, p, *, rng):
    return x * asarray(rng.random(x.shape) >= p)


def few(rng):
    for p, shape in [(0.0, (3, 4)), (0.5, (5, 6)), (0.2, (4, 2))]:
        yield Case({"p": p}, x=rng.uniform(1, 2, shape))


def many(rng):
    for p in (0.3, 0.6):
        yield Case({"p": p}, x=np.ones((60, 100)))


def kept_or_zero(y, case):
    x = case.inputs["x"]
    return {"every number": "kept or 0" if ((y == x) | (y == 0)).all() else "changed", "y without drops": y[:0]}


def make_drop(**more):
    return RandomFunctionExercise(
        "drop",
        cases=few,
        invariant=kept_or_zero,
        sentences={"changed": "a number of y is neither that of x nor 0"},
        draws=many,
        claims=[Claim("the share of zeros", lambda seen, _: seen["y"] == 0, lambda case: Mean(case.arguments["p"]))],
        **more,
    )


ALL = [INVARIANT, DISTRIBUTED, GENERATOR, UNTOUCHED, FLOAT32, DEVICE]
of_drop = partial(found, make_drop(), reference={"drop": drop})


def test_a_function_of_arrays_has_the_checks_of_draws_and_of_the_habits():
    checks = make_drop().checks
    assert [check.name for check in checks] == ALL
    assert [check.weight for check in checks] == [3, 3, 1, 1, 1, 1]
    befores = [(), (INVARIANT,), (INVARIANT, DISTRIBUTED), *[(INVARIANT,)] * 3]
    assert [check.after for check in checks] == befores
    named = make_drop(names=("kept or 0", "the share is p"), weights=(1, 4)).checks
    assert [(check.name, check.weight) for check in named[:2]] == [("kept or 0", 1), ("the share is p", 4)]


def test_a_result_of_whole_numbers_is_not_asked_for_float32():
    assert [check.name for check in make_drop(float32=False).checks] == [name for name in ALL if name != FLOAT32]


@pytest.mark.parametrize("check", ALL)
@pytest.mark.parametrize(
    "correct",
    [
        drop,
        lambda x, p, *, rng: x * (1 - asarray(rng.binomial(1, p, x.shape))).astype(x.dtype),
        lambda x, p, *, rng: array_module(x).where(asarray(rng.uniform(size=x.shape) < 1 - p), x, 0),
    ],
)
def test_every_correct_way_to_draw_passes(correct, check):
    assert of_drop({"drop": correct}, name=check) is None


@pytest.mark.parametrize(
    ("wrong", "check", "said"),
    [
        (lambda x, p, *, rng: 2 * drop(x, p, rng=rng), INVARIANT, "a number of y is neither that of x nor 0"),
        (lambda *_, **__: None, INVARIANT, "the result has an unexpected form: None: is a return missing?"),
        (lambda x, p, *, rng: drop(x, 1 - p, rng=rng), DISTRIBUTED, "the share of zeros is 0.7"),
        (lambda x, p, **_: drop(x, p, rng=np.random.default_rng()), GENERATOR, "a generator with the same seed"),
        (lambda x, p, *, rng: x.__imul__(asarray(rng.random(x.shape) >= p)), UNTOUCHED, "x was changed by the call"),
        (lambda x, p, *, rng: x * asarray(1.0 * (rng.random(x.shape) >= p)), FLOAT32, "the result: expected float32"),
    ],
)
def test_each_mistake_fails_the_check_meant_for_it(wrong, check, said):
    assert of_drop({"drop": wrong}, name=check).sentence.startswith(said)


def test_a_transfer_from_the_device_is_noticed():
    with pytest.raises(SubjectRaisedError, match="device"):
        of_drop({"drop": lambda x, p, *, rng: drop(np.asarray(x), p, rng=rng)}, name=DEVICE)


@pytest.mark.parametrize("check", [UNTOUCHED, FLOAT32])
def test_each_mutation_is_caught_by_its_check(check):
    assert of_drop(mutant(make_drop(), check, drop), name=check) is not None


def test_the_mutation_that_transfers_is_caught():
    with pytest.raises(SubjectRaisedError, match="device"):
        of_drop(mutant(make_drop(), DEVICE, drop), name=DEVICE)


def test_habits_say_in_words_whether_inputs_were_changed():
    """The words depend on the draw, so the same mistake could not be recognised in another."""
    exercise = make_drop()
    check, subject = (
        exercise.find(UNTOUCHED),
        LocalSubject.live({"drop": lambda x, *, rng, **_: x.fill(rng.random())}, ""),
    )
    seen = [check.observe(subject, case) for case in check.cases(np.random.default_rng(0), subject)]
    assert seen == [{"x": "changed"}] * 3


def test_a_word_that_is_expected_is_compared_as_one():
    assert judge_unchanged({"x": "as it was"}, {"x": "as it was"}, Case()) is None
    assert judge_unchanged({"x": "changed"}, {"x": "as it was"}, Case()).kind == "changed"
    assert judge_unchanged({}, {"x": "as it was"}, Case()).kind == "changed"


def test_habits_have_cases_of_their_own_where_few_do_not_show_them():
    exercise = make_drop(habit_cases=lambda _: [Case({"p": 0.25}, x=np.ones((2, 2)))])
    for name in (UNTOUCHED, FLOAT32, DEVICE):
        (case,) = exercise.find(name).cases(np.random.default_rng(0), None)
        assert case.arguments["p"] == 0.25


def test_what_is_correct_may_be_stated_instead_of_taken_from_the_reference():
    exercise = make_drop(expect=lambda _: {"every number": "kept or 0"})
    broken = {"drop": lambda x, **_: x + 1}
    for name in (INVARIANT, FLOAT32, DEVICE):
        assert found(exercise, broken, broken, name).name == "every number", name


def test_a_generator_is_drawn_for_cases_that_have_none():
    given = Rng(5)
    exercise = RandomFunctionExercise("f", cases=lambda _: [Case({"rng": given}), Case(), Case()])
    first, *drawn = exercise.checks[0].cases(np.random.default_rng(0), None)
    assert first.arguments["rng"] is given
    assert len({case.arguments["rng"].seed for case in drawn}) == 2


def test_a_reference_of_which_nothing_can_be_read_is_the_authors_error():
    nothing = {"drop": lambda *_, **__: None}
    with pytest.raises(SpecError, match="the reference's result cannot be read in the case p="):
        found(make_drop(), nothing, nothing, INVARIANT)


def test_values_are_compared_within_the_rounding_of_their_precision():
    def scaled(factor):
        return {"f": lambda x, *, rng: x / factor + 0 * asarray(rng.random(x.shape).astype(x.dtype))}

    exercise = RandomFunctionExercise(
        "f", cases=lambda rng: [Case(x=rng.normal(size=(9, 9)))], invariant=lambda y, _: {"the result": y}
    )
    almost = {"f": lambda x, *, rng: scaled(3)["f"](x, rng=rng) * (1 + 1e-5)}
    assert found(exercise, almost, scaled(3), FLOAT32) is None
    assert found(exercise, almost, scaled(3), INVARIANT).name == "the result"


def test_claims_without_draws_are_refused():
    with pytest.raises(SpecError, match="claims need draws"):
        RandomFunctionExercise("f", cases=few, claims=[equal_signs(lambda seen, _: seen["y"], 0, "rows")])


# --- a method of a class, another call, several outputs --------------------------------------


class Jitter:
    def __init__(self, size, *, rng):
        self.size, self.rng = size, rng

    def pair(self, x, t):
        moved = self.size * asarray(self.rng.choice([-1, 1], len(x)).astype(x.dtype))[:, None]
        return x + moved, t + moved


class Doubles(Jitter):
    def pair(self, x, t):
        x, t = super().pair(x, t)
        return x, t.astype("float64")


def moved_alike(result, case):
    x, t = result
    return {"x and t": "moved alike" if abs((x - case.inputs["x"]) - (t - case.inputs["t"])).max() < 1e-5 else "apart"}


def pairs(rng):
    for rows in (120, 150):
        yield Case({"size": 0.5}, x=rng.normal(size=(rows, 2)), t=rng.normal(size=(rows, 3))[:, :2])


jitter = RandomFunctionExercise(
    "Jitter", method="pair", cases=pairs, draws=pairs, invariant=moved_alike, outputs=("the moved x", "the moved t")
)


@pytest.mark.parametrize("check", [check.name for check in jitter.checks])
def test_a_method_of_a_class_is_asked_the_same(check):
    assert jitter.parts == ("pair",)
    assert jitter.is_class
    assert found(jitter, {"Jitter": Jitter}, {"Jitter": Jitter}, check) is None


def test_each_of_several_outputs_has_a_dtype():
    mismatch = found(jitter, {"Jitter": Doubles}, {"Jitter": Jitter}, FLOAT32)
    assert mismatch.kind == "dtype"
    assert mismatch.sentence == "the moved t: expected float32 like the inputs, got float64"


@pytest.mark.parametrize("check", [UNTOUCHED, FLOAT32])
def test_each_mutation_of_a_method_is_caught(check):
    assert found(jitter, mutant(jitter, check, Jitter), {"Jitter": Jitter}, check) is not None


class Dice:
    def __init__(self, sides):
        self.sides = sides

    def roll(self, count, rng):
        return asarray(rng.integers(1, self.sides + 1, count))


def rolled(subject, case):
    dice = subject.make("Dice", case.arguments["sides"])
    return dice.keep("roll", 200, subject.put(case.arguments["rng"]))


def in_cpu_memory(dice, count, rng):
    return rng.integers(1, dice.sides + 1, count)


def test_another_call_is_made_by_run():
    def exercise(run):
        return RandomFunctionExercise(
            "Dice", method="roll", cases=lambda _: [Case({"sides": 6})], draws=lambda _: [Case({"sides": 6})], run=run,
            creates=True,
            claims=[Claim("the rolls", lambda seen, _: seen["y"], lambda case: even_draw(case.arguments["sides"], 1))],
        )  # fmt: skip

    kept = exercise(rolled)
    lazy = type("Dice", (Dice,), {"roll": in_cpu_memory})
    for check in kept.checks:
        assert found(kept, {"Dice": Dice}, {"Dice": Dice}, check.name) is None, check.name
    assert found(kept, {"Dice": lazy}, {"Dice": Dice}, PLACED).sentence.startswith(
        "the numbers are still in CPU memory"
    )
    fetched = exercise(lambda subject, case: rolled(subject, case).fetch())
    assert found(fetched, {"Dice": Dice}, {"Dice": Dice}, INVARIANT) is None
    with pytest.raises(SpecError, match="run must keep its result"):
        found(fetched, {"Dice": Dice}, {"Dice": Dice}, PLACED)


# --- initial values --------------------------------------------------------------------------


def lecun(shape, *, rng):
    return asarray(rng.normal(0, shape[0] ** -0.5, shape))


initial = InitialValuesExercise(
    "lecun",
    cases=lambda _: [Case({"shape": (100, 80)}), Case({"shape": (40, 300)})],
    variance=lambda case: 1 / case.arguments["shape"][0],
    others={"1 / fan_out": lambda case: 1 / case.arguments["shape"][1]},
)


def test_initial_values_are_checked_for_shape_spread_and_device():
    assert [check.name for check in initial.checks] == [SHAPED, SPREAD, GENERATOR, PLACED]
    for check in initial.checks:
        assert found(initial, {"lecun": lecun}, {"lecun": lecun}, check.name) is None, check.name


@pytest.mark.parametrize(
    ("wrong", "check", "said"),
    [
        (lambda shape, *, rng: 10 * lecun(shape, rng=rng), SPREAD, "the variance of W is "),
        (lambda shape, *, rng: lecun(shape, rng=rng).T, SHAPED, "the shape: expected (100, 80), got (80, 100)"),
        (lambda shape, *, rng: lecun(shape, rng=rng).astype("float32"), SHAPED, "the dtype: expected float64"),
        (lambda *_, **__: [1.0], SHAPED, "the shape: expected (100, 80), got a list"),
        (lambda shape, *, rng: rng.normal(0, shape[0] ** -0.5, shape), PLACED, "the numbers are still in CPU memory"),
    ],
)
def test_wrong_initial_values_fail_the_check_meant_for_them(wrong, check, said):
    assert found(initial, {"lecun": wrong}, {"lecun": lecun}, check).sentence.startswith(said)


def test_the_mutation_of_the_place_is_caught():
    assert found(initial, mutant(initial, PLACED, lecun), {"lecun": lecun}, PLACED) is not None


@pytest.mark.parametrize(
    ("wrong", "claim", "word"),
    [
        (lambda shape, rng: rng.normal(0, shape[1] ** -0.5, shape), "the variance of W", "1 / fan_out"),
        (
            lambda shape, rng: np.tile(lecun((shape[0], 1), rng=rng), shape[1]),
            "the share of equal signs in two columns",
            "all columns alike",
        ),
        (
            lambda shape, rng: np.tile(rng.normal(0, shape[0] ** -0.5, shape[1]), (shape[0], 1)),
            "the share of equal signs in two rows",
            "all rows alike",
        ),
    ],
)
def test_what_was_done_instead_is_recognised(wrong, claim, word):
    check, subject = initial.find(SPREAD), LocalSubject.live({"lecun": wrong}, "")
    for case in check.cases(np.random.default_rng(0), subject):
        assert check.observe(subject, case)[claim] == word


# --- laws and claims of general use ----------------------------------------------------------


def test_whole_numbers_drawn_evenly_follow_their_law_and_others_do_not():
    rng = np.random.default_rng(0)
    assert even_draw(5, -2).chance(rng.integers(-2, 3, 4000)) > 0.01
    assert even_draw(5, -2).chance(rng.integers(-2, 2, 4000)) < 1e-7
    assert even_draw(5, -2).chance(rng.integers(-1, 4, 4000)) < 1e-7


def test_numbers_that_are_all_alike_are_recognised():
    law = AllAlike()
    assert law.chance(np.full(9, 4.0)) == 1
    assert law.chance(np.array([4.0, 4, 5])) == 0
    assert (law.level(), law.measure(np.array([4.0, 4, 5]))) == (0, 1)


def test_two_values_are_not_taken_for_normal_numbers():
    rng, (claim, _) = np.random.default_rng(0), normal_shape("numbers", lambda seen, _: seen["y"])
    draws = {
        "as it should be": rng.normal(size=5000),
        "of two values": rng.choice([-1.0, 1.0], 5000),
        "that of a uniform distribution": rng.uniform(-(3**0.5), 3**0.5, 5000),
    }
    for word, y in draws.items():
        assert claim.judged({"y": y}, Case(), 1e-7)[0] == word
        assert Variance(1).chance(y) > 1e-7  # which the variance alone would not show


@pytest.mark.parametrize("cut", [lambda y: np.clip(y, -3, 3), lambda y: np.clip(y, -2.5, 2.5), lambda y: y[abs(y) < 3]])
def test_normal_numbers_that_are_cut_off_are_recognised(cut):
    rng, (_, far) = np.random.default_rng(0), normal_shape("numbers", lambda seen, _: seen["y"])
    y = rng.normal(size=9000)
    assert far.judged({"y": y}, Case(), 1e-7)[0] == "as it should be"
    assert far.judged({"y": cut(y)}, Case(), 1e-7)[0] == "no number so far away"
    assert Variance(1).chance(cut(y)) > 1e-7  # which the variance alone would not show


def test_habits_compare_arrays_where_nothing_is_drawn():
    exercise = Exercise("f", "function", ("f",))
    habits(
        exercise, lambda subject, case: subject.run("f", *case.inputs.values()), cases=few, after=(), among=("inputs",)
    )
    check, subject = exercise.checks[0], LocalSubject.live({"f": lambda x: x.fill(0)}, "")
    case = check.cases(np.random.default_rng(0), subject)[0]
    assert not check.observe(subject, case)["x"].any()


def test_a_function_that_draws_in_cpu_memory_is_not_run_on_a_device():
    names = [
        [check.name for check in RandomFunctionExercise("drop", cases=lambda _: [], **options).checks]
        for options in ({}, {"cpu_only": "it prepares data"})
    ]
    assert [DEVICE in checks for checks in names] == [True, False]
    assert all(UNTOUCHED in checks and FLOAT32 in checks for checks in names)


# --- rows that are drawn in dependence ---------------------------------------------------------


def shifted(x, *, rng):
    return x + asarray(rng.normal(size=x.shape))


def make_shifted(rows):
    return RandomFunctionExercise("shifted", cases=lambda rng: [Case(x=rng.normal(size=(4, 3)))], rows=rows)


def of_four(rng):
    return [Case(x=rng.normal(size=(4, 3)))]


def mirrors(x, *, rng):
    half = rng.normal(size=(len(x) // 2, *x.shape[1:]))
    return x + np.concatenate([half, -half])


def same_for_first_and_last(x, *, rng):
    noise = rng.normal(size=x.shape)
    noise[-1] = noise[0]
    return x + noise


def every_second_one_at_most(x, *, rng):
    return x + (np.arange(len(x)) % 2 == rng.integers(2))[:, None]


@pytest.mark.parametrize("wrong", [mirrors, same_for_first_and_last, every_second_one_at_most])
def test_rows_that_depend_on_each_other_are_found_wherever_they_are(wrong):
    exercise = make_shifted(of_four)
    said = found(exercise, {"shifted": wrong}, {"shifted": shifted}, APART)
    assert said.kind == "statistics"
    assert "of a batch are drawn in dependence: in 300 calls" in said.sentence


def test_the_rows_that_depend_on_each_other_are_named():
    said = found(make_shifted(of_four), {"shifted": same_for_first_and_last}, {"shifted": shifted}, APART).sentence
    assert said.startswith(
        "rows 0 and 3 of a batch are drawn in dependence: in 300 calls both are large or both small 300"
    )


@pytest.mark.parametrize(
    "right",
    [
        shifted,
        lambda x, *, rng: x + (rng.random((len(x), 1)) < 0.02),  # hardly ever
        lambda x, *, rng: x + 0 * rng.random(),  # nothing that differs between calls
        lambda x, *, rng: (x + rng.normal(size=x.shape), rng.integers(3, size=len(x))),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_independent_rows_pass_whatever_they_look_like(right, seed):
    check = make_shifted(of_four).find(APART)
    subject = LocalSubject.live({"shifted": right}, "")
    (case,) = check.cases(np.random.default_rng(seed), None)
    assert check.judge(check.observe(subject, case), check.expect(None, case, None), case) is None


def test_rows_whose_number_changes_from_call_to_call_cannot_be_compared():
    def loses_rows(x, *, rng):
        return x[: rng.integers(1, len(x))]

    said = found(make_shifted(of_four), {"shifted": loses_rows}, {"shifted": shifted}, APART)
    assert said.sentence.startswith("the rows cannot be compared")


def test_only_exercises_that_ask_for_it_have_the_check():
    assert APART not in [check.name for check in make_shifted(None).checks]
