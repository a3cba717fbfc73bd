"""Settings to search: ranges, the base class of searches, and functions whose minimum is known.

Settings are few numbers, in CPU memory on every machine.  Within a range, a *unit* is the position between its ends,
from 0 to 1: by value, or by logarithm where the range says so.

Sources: Forrester, Sobester & Keane, Engineering Design via Surrogate Modelling (2008), appendix; Branin, Widely
convergent method for finding multiple solutions of simultaneous nonlinear equations (1972), in the form of Dixon &
Szego (1978).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dlkit.backend import NumpyArray

__all__ = ["BRANIN", "FORRESTER", "QUADRATIC", "Problem", "Range", "Search", "erf", "minimize", "to_units"]

_erf = np.frompyfunc(math.erf, 1, 1)


@dataclass(frozen=True)
class Range:
    """The least and the greatest value of one setting; log: whether units follow its logarithm.

    Raises ValueError where the range is empty, or where it has a logarithm and does not lie above 0.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and not self.low > 0):
            message = f"A range goes from a smaller to a larger value, with a logarithm above 0; got {self}."
            raise ValueError(message)


def to_units(settings: NumpyArray, space: Sequence[Range]) -> NumpyArray:
    """Positions (…, settings) in their ranges, from 0 to 1, of settings (…, settings)."""
    columns = []
    for i, one in enumerate(space):
        value = np.asarray(settings, float)[..., i]
        if one.log:
            columns.append(np.log(value / one.low) / math.log(one.high / one.low))
        else:
            columns.append((value - one.low) / (one.high - one.low))
    return np.stack(columns, axis=-1)


def erf(x: NumpyArray) -> NumpyArray:
    """Compute the error function of every entry, in float64: 2 / √π times the integral of e^(−t²) from 0 to x.

    The cumulative standard normal distribution is Φ(z) = (1 + erf(z / √2)) / 2.
    """
    found: NumpyArray = np.asarray(_erf(np.asarray(x, float)), float)
    return found


class Search:
    """Base class of a search for the setting with the smallest value: ``ask`` proposes one, ``tell`` reports its value.

    space: a Range for every setting.  settings, values: what was told so far, in order.
    """

    def __init__(self, space: Sequence[Range]) -> None:
        self.space = list(space)
        self.settings: list[NumpyArray] = []
        self.values: list[float] = []

    def ask(self) -> NumpyArray:
        """Propose the setting to be tried next, an array (settings,)."""
        message = f"{type(self).__name__} has no ask yet"
        raise NotImplementedError(message)

    def tell(self, setting: NumpyArray, value: float) -> None:
        """Note the value of a setting; any may be told, also one that was not asked for."""
        self.settings.append(np.array(setting, float))
        self.values.append(float(value))

    def best(self) -> NumpyArray:
        """Return the setting with the smallest value that was told.  Raises ValueError where there is none."""
        if not self.values:
            message = "Nothing was told yet."
            raise ValueError(message)
        return self.settings[int(np.argmin(self.values))]


def minimize(function: Callable[[NumpyArray], float], search: Search, trials: int) -> NumpyArray:
    """Ask and tell so many times; return the smallest value so far after each trial (trials,)."""
    for _ in range(trials):
        setting = search.ask()
        search.tell(setting, function(setting))
    return np.minimum.accumulate(np.array(search.values))


@dataclass(frozen=True)
class Problem:
    """A function of settings (settings,) with the space to search and its smallest value there."""

    name: str
    function: Callable[[NumpyArray], float]
    space: tuple[Range, ...]
    minimum: float


def _forrester(setting: NumpyArray) -> float:
    (x,) = setting
    return float((6 * x - 2) ** 2 * math.sin(12 * x - 4))


def _branin(setting: NumpyArray) -> float:
    x, y = setting
    valley = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return float(valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10)


def _quadratic(setting: NumpyArray) -> float:
    rate, width = setting
    return float((math.log10(rate) + 2.3) ** 2 + 2 * (width - 0.35) ** 2)


FORRESTER = Problem("Forrester", _forrester, (Range(0, 1),), -6.020740055766075)
"""One setting, a local minimum and a deeper one."""
BRANIN = Problem("Branin", _branin, (Range(-5, 10), Range(0, 15)), 10 / (8 * math.pi))
"""Two settings, three minima that are equally deep."""
QUADRATIC = Problem("quadratic", _quadratic, (Range(1e-5, 1, log=True), Range(0, 1)), 0.0)
"""A quadratic in the logarithm of the first setting."""
