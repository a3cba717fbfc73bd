"""Told values after which only a search with the greatest expected improvement proposes what is right."""

import math

import numpy as np

from autograder.checks import Case, Rng
from dlkit.search import Range

from .spaces import space_of

LENGTHS, NOISES = (0.1, 0.2, 0.4, 0.8), (1e-4, 1e-2)
SHARE, SURE, WRONG = 0.7, 0.85, 0.5
"""Of the greatest expected improvement: what is required, what correct code reaches, what incorrect code must not."""
TRIES = 400
RARE = 0.04
"""Share of all units that pass where as many values were told as are drawn."""


def ranges_of(case):
    return [Range(*one.args, **one.kwargs) for one in case.arguments["space"]]


def settings_of(units, case):
    columns = [
        one.low * (one.high / one.low) ** u if one.log else one.low + u * (one.high - one.low)
        for one, u in zip(ranges_of(case), units.T, strict=True)
    ]
    return np.stack(columns, axis=1)


def covariance(a, b, length):
    return np.exp(-((a[:, None] - b[None]) ** 2).sum(axis=2) / (2 * length**2))


def standardized(values):
    return (values - values.mean()) / (values.std() or 1)


def likelihoods(x, y, lengths, noises):
    """Every pair of a length and a noise, by its likelihood, up to a constant."""
    found = {}
    for length in lengths:
        for noise in noises:
            K = covariance(x, x, length) + noise * np.eye(len(x))
            found[length, noise] = -y @ np.linalg.solve(K, y) - np.linalg.slogdet(K)[1]
    return found


def believed(x, y, at, pair):
    """Mean and standard deviation by a pair of a length and a noise, with K solved for as it is."""
    length, noise = pair
    K, k = covariance(x, x, length) + noise * np.eye(len(x)), covariance(x, at, length)
    variance = 1 - (k * np.linalg.solve(K, k)).sum(axis=0)
    return k.T @ np.linalg.solve(K, y), np.sqrt(np.maximum(variance, 1e-12))


def improvement(mean, sd, best):
    z = (best - mean) / sd
    below = np.array([math.erfc(-each / math.sqrt(2)) / 2 for each in z])
    return (best - mean) * below + sd * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def constants_of(case):
    return case.arguments.get("lengths", LENGTHS), case.arguments.get("noises", NOISES)


def gains(case, at):
    """Expected improvement at some units, by the likeliest length and noise."""
    x, y = case.hidden["units"], standardized(case.hidden["values"])
    found = likelihoods(x, y, *constants_of(case))
    return improvement(*believed(x, y, at, max(found, key=found.get)), y.min())


def everywhere(count):
    line = np.linspace(0, 1, 1001 if count == 1 else 41)
    return np.stack(np.meshgrid(*[line] * count, indexing="ij"), axis=-1).reshape(-1, count)


def choices(case, at):
    """Where incorrect rules go, as indices of these units, by the name of the rule."""
    x, values = case.hidden["units"], case.hidden["values"]
    y, constants = standardized(values), constants_of(case)
    found = likelihoods(x, y, *constants)
    pair = max(found, key=found.get)
    mean, sd = believed(x, y, at, pair)
    raw = likelihoods(x, values, *constants)
    others = likelihoods(x, y, LENGTHS, constants[1]), likelihoods(x, y, constants[0], NOISES)
    lengths, noises = (improvement(*believed(x, y, at, max(each, key=each.get)), y.min()) for each in others)
    first = improvement(*believed(x, y, at, (constants[0][0], constants[1][0])), y.min())
    twice = likelihoods(x, y, constants[0], constants[0])
    swapped = improvement(*believed(x, y, at, max(twice, key=twice.get)), y.min())
    rare = improvement(*believed(x, y, at, min(found, key=found.get)), y.min())
    own = improvement(*believed(x, values, at, max(raw, key=raw.get)), values.min())
    before = case.hidden.get("before", len(x))
    then = likelihoods(x[:before], standardized(values[:before]), *constants)
    kept = improvement(*believed(x, y, at, max(then, key=then.get)), y.min())
    return {
        "the smallest mean": (-mean).argmax(),
        "the largest deviation": sd.argmax(),
        "the most probable improvement": ((y.min() - mean) / sd).argmax(),
        "the best raw value": improvement(mean, sd, values.min()).argmax(),
        "the largest value": improvement(mean, sd, y.max()).argmax(),
        "values as they are": own.argmax(),
        "the first pair": first.argmax(),
        "the unlikeliest pair": rare.argmax(),
        "other lengths": lengths.argmax(),
        "other noises": noises.argmax(),
        "noises like the lengths": swapped.argmax(),
        "the earlier pair": kept.argmax(),
    }


def is_telling(case, against, rng):
    """Whether correct code is sure to pass this case, and none of these rules does."""
    count = len(case.arguments["space"])
    at = everywhere(count)
    gain = gains(case, at)
    went = choices(case, at)
    if any(gain[went[rule]] > WRONG * gain.max() for rule in against):
        return False
    few = len(case.hidden["values"]) == case.arguments["initial"]
    if few and (gain >= SHARE * gain.max()).mean() > RARE:  # a setting that is drawn must not pass by luck
        return False
    best = case.hidden["units"][case.hidden["values"].argmin()]
    for _ in range(6):
        near = np.clip(best + rng.normal(0, 0.05, (100, count)), 0, 1)
        if gains(case, np.concatenate([rng.random((400, count)), near])).max() < SURE * gain.max():
            return False
    return True


GREEDY = ("the smallest mean", "the largest value", "the best raw value")
SPECS = (
    (["share"], 5, 5, 1.0, 3.0, 0.0, {}, ("the largest deviation", "the first pair")),
    (["signed", "large"], 5, 5, 2.0, 3.0, 0.0, {}, ("the largest deviation",)),
    (["rate"], 6, 3, 300.0, 20.0, 1.0, {}, (*GREEDY, "values as they are", "the unlikeliest pair")),
    (["share"], 7, 3, 20.0, 8.0, 0.0, {}, ("noises like the lengths",)),
    (["large"], 9, 4, 0.01, 14.0, 0.0, {}, ("the most probable improvement", "values as they are")),
    (["rate", "signed"], 12, 5, 50.0, 8.0, 0.6, {}, (*GREEDY, "the largest deviation", "values as they are")),
    (["signed"], 12, 2, 1.0, 5.0, 1.0, {"lengths": (0.03, 1.5), "noises": (1e-3,)}, (*GREEDY, "other lengths")),
    (["rate"], 12, 5, 5.0, 5.0, 1.0, {"lengths": (0.2,), "noises": (0.3,)}, ("other noises",)),
    (["share"], 8, 5, 1.0, 5.0, 1.0, {"lengths": (0.15,), "noises": (1e-6, 1.0)}, ("the first pair",)),
)
"""Ranges, told values, initial ones, size of values, waves, roughness, other arguments, rules that must not pass."""


def told_cases(rng):
    """Values that somebody else has told: of any size, rough and smooth, in ranges of both kinds, as few as initial."""
    for spec in SPECS:
        yield telling_case(rng, *spec)


CHANGING = (
    (["share"], 9, 3, 2.0, 7.0, 0.0, {"lengths": (0.04, 0.3), "noises": (1e-4,)}, ("the earlier pair",), 4),
    (["signed"], 10, 4, 1.0, 5.0, 0.4, {"lengths": (0.2,), "noises": (1e-4, 0.5)}, ("the earlier pair",), 4),
)
"""The same, and after how many told values there is an ask already."""


def told_in_two_parts(rng):
    """Values after some of which another length, or another noise, is the likeliest than after all of them."""
    for spec in CHANGING:
        yield telling_case(rng, *spec)


def telling_case(rng, names, told, initial, scale, waves, rough, constants, against, before=0):
    """Drawn anew until it tells correct code from these rules."""
    case = Case({"space": space_of(*names), "initial": initial, **constants, "rng": Rng(int(rng.integers(1 << 30)))})
    for _ in range(TRIES):
        units = (np.stack([rng.permutation(told) for _ in names], axis=1) + rng.random((told, len(names)))) / told
        waved = np.sin(waves * units + rng.uniform(0, 6, len(names))).sum(axis=1)
        values = scale * (3 + waved + ((units - 0.5) ** 2).sum(axis=1) + rough * rng.normal(size=told))
        case = case.with_changes(hidden={"units": units, "values": values, **({"before": before} if before else {})})
        if is_telling(case, against, rng):
            break
    return case
