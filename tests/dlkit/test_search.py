import math

import numpy as np
import pytest
from scipy import special

from dlkit import search
from dlkit.search import BRANIN, FORRESTER, QUADRATIC, Range

problems = pytest.mark.parametrize("problem", [BRANIN, FORRESTER, QUADRATIC], ids=lambda one: one.name)


def settings_on_a_grid(problem, count):
    axes = [
        np.geomspace(one.low, one.high, count) if one.log else np.linspace(one.low, one.high, count)
        for one in problem.space
    ]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))


@problems
def test_no_setting_lies_below_the_minimum_and_some_come_near(problem):
    values = np.array([problem.function(setting) for setting in settings_on_a_grid(problem, 301)])
    assert problem.minimum - 1e-9 <= values.min() <= problem.minimum + 0.01


def test_branins_three_minima_are_equally_deep():
    for setting in [(-math.pi, 12.275), (math.pi, 2.275), (3 * math.pi, 2.475)]:
        assert BRANIN.function(np.array(setting)) == pytest.approx(BRANIN.minimum, abs=1e-9)


def test_the_error_function_is_scipys():
    x = np.random.default_rng(0).normal(0, 2, (3, 4))
    np.testing.assert_allclose(search.erf(x), special.erf(x), rtol=1e-14)
    assert search.erf(np.array(0.5)).dtype == np.float64


def test_units_are_positions_by_value_or_by_logarithm():
    space = [Range(1e-4, 1, log=True), Range(-2, 6)]
    settings = np.array([[1e-4, -2], [1e-2, 2], [1, 6]])
    np.testing.assert_allclose(search.to_units(settings, space), [[0, 0], [0.5, 0.5], [1, 1]])
    np.testing.assert_allclose(search.to_units(settings[1], space), [0.5, 0.5])


@pytest.mark.parametrize("ends", [(1, 1, False), (2, 1, False), (0, 1, True), (-1, 1, True), (math.nan, 1, False)])
def test_an_empty_range_or_one_without_a_logarithm_is_refused(ends):
    low, high, log = ends
    with pytest.raises(ValueError, match="A range goes from"):
        Range(low, high, log=log)


class Downwards(search.Search):
    def ask(self):
        return np.array([5.0 - len(self.values)])


def test_a_search_is_asked_and_told_and_knows_the_best():
    found = Downwards([Range(0, 5)])
    best = search.minimize(lambda setting: abs(setting[0] - 3), found, 5)
    assert best.tolist() == [2, 1, 0, 0, 0]
    assert found.best().tolist() == [3]
    assert found.values == [2, 1, 0, 1, 2]


def test_a_reported_setting_is_kept_even_where_the_array_changes():
    found, setting = Downwards([Range(0, 5)]), np.array([1.0])
    found.tell(setting, 2)
    setting[0] = 4
    assert found.settings[0].tolist() == [1]


def test_a_search_that_was_told_nothing_has_no_best():
    with pytest.raises(ValueError, match="Nothing was told yet"):
        Downwards([Range(0, 5)]).best()


def test_the_base_class_proposes_nothing():
    with pytest.raises(NotImplementedError, match="Search has no ask yet"):
        search.Search([Range(0, 1)]).ask()
