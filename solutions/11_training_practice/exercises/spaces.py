"""Searches that do not learn: to_settings, GridSearch and RandomSearch."""

import numpy as np

from autograder.checks import (
    AllAlike,
    Case,
    Claim,
    Distribution,
    Exercise,
    FunctionExercise,
    Mean,
    New,
    in_pairs,
    judge_words,
    new_rng,
    seeded,
    statistics,
)

CPU = "Settings are few numbers, which a program in CPU memory chooses."
RANGES = {
    "rate": (1e-5, 1.0, True),
    "wide": (1e-8, 1e3, True),
    "narrow": (2.0, 3.0, True),
    "share": (0.0, 1.0, False),
    "signed": (-4.0, 2.5, False),
    "large": (100.0, 2000.0, False),
}


def new_range(low, high, log):
    return New("support.Range", low, high, log=log)


def space_of(*names):
    return [new_range(*RANGES[name]) for name in names]


def units_in_spaces(rng):
    """One setting and many, of both kinds in both orders, one point, many points and tables of them, and both ends."""
    for shape, names in [
        ((), ["rate"]),
        ((5,), ["signed"]),
        ((), ["share", "wide", "large"]),
        ((7,), ["rate", "signed"]),
        ((3, 2), ["large", "narrow", "signed", "wide"]),
    ]:
        yield Case({"space": space_of(*names)}, units=rng.random((*shape, len(names))))
    ends = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.5]])
    yield Case({"space": space_of("narrow", "signed", "share")}, units=ends)
    whole = [new_range(0, 15, log=False), new_range(1, 100, log=True), new_range(-3, 2, log=False)]
    yield Case({"space": whole}, units=rng.random((6, 3)))


translated = FunctionExercise("to_settings", cases=units_in_spaces, support_files=("ranges",), cpu_only=CPU)


# --- the grid --------------------------------------------------------------------------------

GRID = "all combinations, the last setting changing fastest"


def grids(_rng):
    """One setting and several, both ends, a single value, different numbers of values, ranges of both kinds."""
    for names, counts in [
        (["signed"], [4]),
        (["rate"], [3]),
        (["rate", "large"], [5, 2]),
        (["share", "narrow", "signed"], [2, 3, 4]),
        (["wide", "share"], [1, 3]),
        (["large", "rate", "signed"], [2, 1, 1]),
    ]:
        yield Case({"space": space_of(*names), "counts": counts})


grid = Exercise("GridSearch", "class", ("points",), support_files=("ranges",), depends=("to_settings",))


@grid.check(GRID, cases=grids, weight=3)
def all_points(subject, case):
    return {"the points": subject.make("GridSearch", **case.arguments).call("points")}


# --- random settings -------------------------------------------------------------------------

WITHIN, EVENLY = "a setting has one number for each range, within it", "settings are drawn evenly, each by itself"
FORM = "the setting"
MANY = 800


def some_spaces(rng):
    for names in (["rate"], ["signed", "large"], list(RANGES)):
        yield Case({"space": space_of(*names), "rng": new_rng(rng)})


def words_of_setting(setting, case):
    """In words: the shape, and whether every number is within its range."""
    ends = np.array([one.args[:2] for one in case.arguments["space"]])
    if not isinstance(setting, np.ndarray) or setting.shape != (len(ends),) or setting.dtype.kind != "f":
        return {FORM: f"not an array of floats of shape ({len(ends)},)"}
    inside = (setting >= ends[:, 0] * (1 - 1e-9 * np.sign(ends[:, 0]))) & (setting <= ends[:, 1] * (1 + 1e-9))
    return {FORM: "within its ranges" if inside.all() else "a number outside its range"}


def many_ranges(rng):
    """Very many ranges of both kinds in turns, so that a single setting has many draws."""
    space = []
    for _ in range(MANY):
        low = float(10 ** rng.uniform(-5, 0))
        space += [new_range(low, low * float(10 ** rng.uniform(2, 4)), log=True)]
        space += [new_range(-float(rng.uniform(0, 3)), float(rng.uniform(1, 9)), log=False)]
    yield Case({"space": space, "rng": new_rng(rng)})


def units_of(log):
    """Positions in the ranges of one kind, by value or by logarithm."""

    def units(seen, case):
        found = []
        for number, one in zip(seen["y"], case.arguments["space"], strict=True):
            low, high = one.args[:2]
            if one.kwargs["log"] and log:
                found.append(np.log(number / low) / np.log(high / low) if number > 0 else -1.0)
            elif one.kwargs["log"] == log:
                found.append((number - low) / (high - low))
        return np.array(found)

    return units


def uniform(_case):
    return Distribution("a uniform draw", lambda u: np.clip(u, 0, 1))


def by_value(_case):
    """The law of the logarithm's unit of a number that is uniform by value, in a range of three powers of ten."""
    return Distribution("uniform by value", lambda u: (1000 ** np.clip(u, 0, 1) - 1) / 999)


def neighbours_below(log):
    return lambda seen, case: np.logical_and(*in_pairs(units_of(log)(seen, case) < 0.5, 0))


drawn = Exercise("RandomSearch", "class", ("ask",), support_files=("ranges",), depends=("to_settings",))


def asked_once(subject, case):
    return subject.make("RandomSearch", **case.arguments).call("ask")


def asked_twice(subject, case):
    made = subject.make("RandomSearch", **case.arguments)
    return {name: made.call("ask") for name in ("y", "the next")}


@drawn.check(
    WITHIN,
    cases=some_spaces,
    weight=3,
    expect=lambda _: {FORM: "within its ranges"},
    judge=judge_words({"a number outside its range": "ask proposes a number outside its range"}),
)
def within(subject, case):
    return words_of_setting(asked_once(subject, case), case)


statistics(
    drawn,
    EVENLY,
    cases=many_ranges,
    weight=3,
    after=(WITHIN,),
    claims=[
        Claim(
            "the distance of the settings in ranges with a logarithm",
            units_of(log=True),
            uniform,
            {"uniform by value": by_value, "all alike": lambda _: AllAlike()},
        ),
        Claim(
            "the distance of the settings in ranges without a logarithm",
            units_of(log=False),
            uniform,
            {"all alike": lambda _: AllAlike()},
        ),
        *(
            Claim(
                f"the share of two neighbours {'with' if log else 'without'} a logarithm in the lower half",
                neighbours_below(log),
                lambda _: Mean(0.25),
                {"one draw for all": lambda _: Mean(0.5)},
            )
            for log in (True, False)
        ),
        Claim(
            "the share of ranges without a logarithm in which two settings lie in the same half",
            lambda seen, case: np.equal(
                *(units_of(log=False)({"y": seen[name]}, case) < 0.5 for name in ("y", "the next"))
            ),
            lambda _: Mean(0.5),
        ),
    ],
)(asked_twice)
seeded(drawn, cases=many_ranges, after=(WITHIN, EVENLY))(asked_once)
