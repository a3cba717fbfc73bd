import numpy as np
import pytest

import dlkit
from dlkit import Optimizer, landscapes
from dlkit.gradcheck import directional_derivative


class Descent(Optimizer):
    def step(self):
        for parameter in self.parameters:
            parameter.data -= self.lr * parameter.grad


each = pytest.mark.parametrize("landscape", [landscapes.QUADRATIC, landscapes.ROSENBROCK], ids=lambda one: one.name)


@each
def test_the_gradient_is_the_slope_of_the_height(landscape):
    rng = np.random.default_rng(1)
    for _ in range(5):
        place = rng.normal(size=2)
        direction, slope = directional_derivative(lambda p: float(landscape.height(*p)), place, rng)
        assert float(np.dot(landscape.gradient(*place), direction)) == pytest.approx(slope, rel=1e-5)


@each
def test_the_minimum_is_flat_and_lowest_and_on_the_map(landscape):
    assert np.allclose(landscape.gradient(*landscape.minimum), 0)
    left, right, bottom, top = landscape.window
    x, y = np.random.default_rng(0).uniform((left, bottom), (right, top), (1000, 2)).T
    assert landscape.height(x, y).min() >= landscape.height(*landscape.minimum)
    for place in (landscape.minimum, landscape.start):
        assert left < place[0] < right
        assert bottom < place[1] < top


@pytest.mark.parametrize("name", ["numpy", "stand-in"])
def test_a_road_begins_at_the_start_and_follows_the_optimizer(name):
    with dlkit.use(name):
        road = landscapes.descend(landscapes.QUADRATIC, lambda p: Descent(p, lr=0.05), 3)
    expected = [[-4 * 0.95**t, 1.4 * (-0.5) ** t] for t in range(4)]
    np.testing.assert_allclose(road, expected)


@each
def test_a_map_shows_the_roads(landscape, tmp_path, plt):
    roads = {"one": np.array([landscape.start, landscape.minimum]), "other": np.zeros((3, 2))}
    figure, ax = plt.subplots()
    assert landscapes.draw(landscape, roads, ax=ax) is ax
    assert [line.get_label() for line in ax.get_lines()][:2] == ["one", "other"]
    np.testing.assert_array_equal(ax.get_lines()[0].get_xydata(), roads["one"])
    figure.savefig(tmp_path / "map.png")


def test_a_map_makes_its_own_figure_where_none_is_given(plt):
    landscapes.draw(landscapes.QUADRATIC, {})
    assert len(plt.get_fignums()) == 1
