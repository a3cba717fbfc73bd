import subprocess
import sys

import numpy as np
import pytest

import dlkit
from dlkit import plotting
from dlkit.training import History
from dlkit.worlds import GridWorld

HISTORY = History([2.0, 1.0, 0.5], [2.1, 1.2, 0.9], [0.2, 0.5, 0.7], [1.0, 1.0, 1.0])


def by_class(points):
    return (points[:, 0] > 0).astype(int)


PICTURES = {
    "curves": lambda **k: plotting.curves(HISTORY, **k),
    "decision_regions": lambda **k: plotting.decision_regions(
        by_class, np.array([[-1.0, 0.0], [1.0, 1.0]]), np.array([0, 1]), resolution=20, **k
    ),
    "gradient_norms": lambda **k: plotting.gradient_norms({"sigmoid": [1e-9, 1e-5, 1.0], "ReLU": [1.0, 1.0]}, **k),
    "filters": lambda **k: plotting.filters(np.random.default_rng(0).normal(size=(5, 1, 3, 3)), **k),
    "attention": lambda **k: plotting.attention(np.full((2, 3), 1 / 3), "ab", ["to", "the", " "], **k),
    "confusion_matrix": lambda **k: plotting.confusion_matrix([[5, 0], [1, 4]], ["cat", "horse"], **k),
    "gradient_error": lambda **k: plotting.gradient_error(np.array([[0.0, 1.0], [np.nan, -2.0]]), **k),
    "grid_world": lambda **k: plotting.grid_world(GridWorld(), np.arange(21.0), np.full((21, 4), 0.25), **k),
    "images": lambda **k: plotting.images(np.zeros((5, 4, 4)), **k),
    "neighbours": lambda **k: plotting.neighbours({"a": "bc", "$b": "a_"}, np.array([[0.9, 0.2], [0.5, -0.1]]), **k),
    "searches": lambda **k: plotting.searches({"grid": np.ones((2, 3)), "random": np.array([[3.0, 2.0, 1.0]])}, **k),
    "word_map": lambda **k: plotting.word_map(np.eye(2), ["x$", "__y__"], ["odd", "even"], **k),
}
every_picture = pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)


def test_every_public_function_is_drawn_here():
    assert sorted(PICTURES) == sorted(plotting.__all__)


@every_picture
def test_a_picture_can_be_saved(draw, tmp_path, plt):
    draw().figure.savefig(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 500


@every_picture
def test_a_picture_is_drawn_on_the_axes_it_is_given(draw, plt):
    figure, ax = plt.subplots()
    assert draw(ax=ax) is ax
    assert plt.get_fignums() == [figure.number]
    figure.canvas.draw()


def test_importing_the_plots_does_not_load_matplotlib():
    code = "import sys, dlkit.plotting; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_arrays_of_a_device_are_drawn(plt):
    with dlkit.use("stand-in"):
        plotting.images(dlkit.zeros((2, 3, 3)))
        plotting.gradient_error(dlkit.ones((2, 2)))


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_curves_name_what_they_show(plt):
    ax = plotting.curves(HISTORY)
    assert labels(ax) == ["training loss", "validation loss", "metric"]
    np.testing.assert_array_equal([1, 2, 3], ax.get_lines()[0].get_xdata())
    np.testing.assert_array_equal(HISTORY.loss, ax.get_lines()[0].get_ydata())


def test_curves_of_several_histories_keep_their_names(plt):
    ax = plotting.curves({"Adam": HISTORY, "SGD": History([3.0], [], [], [1.0])})
    assert labels(ax) == ["Adam: training loss", "Adam: validation loss", "SGD: training loss", "Adam: metric"]


def test_curves_of_nothing_are_empty_axes(plt):
    assert not plotting.curves(History()).get_lines()


def test_regions_follow_scores_as_well_as_classes(plt):
    x, y = np.array([[-1.0, 0.0], [1.0, 1.0]]), np.array([0, 1])
    found = [
        plotting.decision_regions(predict, x, y, resolution=10).collections[0].get_array()
        for predict in (by_class, lambda points: np.stack([-points[:, 0], points[:, 0]], axis=1))
    ]
    np.testing.assert_array_equal(*found)
    assert set(np.unique(found[0])) == {0, 1}


def test_gradient_norms_are_logarithmic_and_leave_out_zeros(plt):
    ax = plotting.gradient_norms({"dead": [0.0, 1e-3]})
    assert ax.get_yscale() == "log"
    np.testing.assert_array_equal([np.nan, 1e-3], ax.get_lines()[0].get_ydata())


def tiles(ax):
    return ax.get_images()[0].get_array()


def test_filters_of_several_channels_make_a_row_for_each_output(plt):
    assert tiles(plotting.filters(np.ones((4, 2, 3, 3)))).shape == (4 * 4 - 1, 2 * 4 - 1)


def test_filters_are_white_at_zero(plt):
    picture = plotting.filters(np.array([[[-1.0, 3.0]]])).get_images()[0]
    assert (picture.norm.vmin, picture.norm.vmax) == (-3, 3)


def test_images_stand_in_their_order(plt):
    grid = np.arange(3.0)[:, None, None] * np.ones((3, 2, 2))
    shown = tiles(plotting.images(grid, columns=2))
    assert shown.shape == (5, 5)
    assert [shown[0, 0], shown[0, 3], shown[3, 0]] == [0, 1, 2]


@pytest.mark.parametrize("shape", [(2, 1, 4, 4), (2, 4, 4, 1)])
def test_a_channel_axis_of_one_is_dropped(plt, shape):
    assert tiles(plotting.images(np.zeros(shape))).shape == (4, 9)


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (2, 4, 4, 3)])
def test_colour_images_are_found_by_either_order(plt, shape):
    assert tiles(plotting.images(np.zeros(shape))).shape == (4, 9, 3)


def test_a_confusion_matrix_shades_by_the_share_of_the_row(plt):
    ax = plotting.confusion_matrix(np.array([[5, 0], [1, 3]]))
    np.testing.assert_allclose([[1, 0], [0.25, 0.75]], tiles(ax))
    assert [text.get_text() for text in ax.texts] == ["5", "0", "1", "3"]


def test_an_empty_row_of_a_confusion_matrix_is_no_division_by_zero(plt):
    np.testing.assert_array_equal([[0, 0], [0, 1]], tiles(plotting.confusion_matrix([[0, 0], [0, 2]])))


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_the_error_of_a_gradient_of_any_rank_is_drawn(plt, shape):
    assert tiles(plotting.gradient_error(np.zeros(shape))).size == max(1, int(np.prod(shape)))


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plotting.filters(np.zeros((2, 2))),
        lambda: plotting.images(np.zeros((2, 2))),
        lambda: plotting.images(np.zeros((0, 2, 2))),
        lambda: plotting.images(np.zeros((2, 5, 4, 4))),
        lambda: plotting.attention(np.zeros((2, 2)), "ab", "abc"),
        lambda: plotting.confusion_matrix(np.zeros((2, 3))),
        lambda: plotting.confusion_matrix(np.zeros((2, 2)), ["one"]),
    ],
)
def test_an_array_that_does_not_fit_is_refused_by_its_shape(draw):
    with pytest.raises(ValueError, match=r"\("):
        draw()


def test_neighbours_are_written_into_the_table_with_their_similarity(plt):
    ax = plotting.neighbours({"tuple": ["list", "dict"]}, np.array([[0.91, 0.5]]))
    assert [text.get_text() for text in ax.texts] == ["list\n0.91", "dict\n0.50"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["tuple"]


def test_words_stand_at_their_points_in_the_colour_of_their_group(plt):
    ax = plotting.word_map(
        np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]), ["if", "int", "else"], ["flow", "type", "flow"]
    )
    assert {text.get_text(): text.xy for text in ax.texts} == {"if": (0, 1), "else": (4, 5), "int": (2, 3)}
    assert labels(ax) == ["flow", "type"]
    colours = {text.get_text(): text.get_color() for text in ax.texts}
    assert colours["if"] == colours["else"] != colours["int"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plotting.neighbours({"a": ["b"]}, np.zeros((1, 2))),
        lambda: plotting.neighbours({"a": ["b"]}, np.zeros((2, 1))),
        lambda: plotting.word_map(np.zeros((2, 2)), ["a"]),
        lambda: plotting.word_map(np.zeros((1, 2)), ["a"], ["b", "c"]),
    ],
)
def test_names_that_do_not_fit_are_refused(draw, plt):
    with pytest.raises(ValueError, match="do not fit"):
        draw()


def test_searches_are_drawn_by_their_median_within_the_middle_half(plt):
    runs = np.array([[4.0, 1.0], [5.0, 2.0], [6.0, 3.0], [7.0, 4.0], [80.0, 5.0]])
    ax = plotting.searches({"grid": runs, "random": runs / 2})
    assert [line.get_label() for line in ax.lines] == ["grid", "random"]
    assert ax.lines[0].get_ydata().tolist() == [6, 3]
    edges = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (edges.min(), edges.max()) == (2, 7)
    assert ax.get_yscale() == "log"


def test_a_single_search_needs_an_axis_for_seeds(plt):
    with pytest.raises(ValueError, match=r"grid: expected \(seeds, trials\)"):
        plotting.searches({"grid": np.ones(3)})


def arrows(ax):
    return {
        (int(x), int(y)): (float(u), float(v)) for q in quivers(ax) for (x, y), u, v in zip(q.XY, q.U, q.V, strict=True)
    }


def quivers(ax):
    return [child for child in ax.get_children() if type(child).__name__ == "Quiver"]


def test_arrows_point_where_the_actions_lead(plt):
    world = GridWorld(["S.", ".G"])
    found = arrows(plotting.grid_world(world, policy=np.array([1, 2, 0, 3])))
    assert {place: (np.sign(u), np.sign(v)) for place, (u, v) in found.items()} == {
        (0, 0): (1, 0),
        (1, 0): (0, 1),  # a matrix has its first row on top: down is the direction of larger rows
        (0, 1): (0, -1),
    }


def test_arrows_are_as_long_as_actions_are_probable(plt):
    world = GridWorld(["S.G"])
    ax = plotting.grid_world(world, policy=np.array([[0.0, 0.75, 0.25, 0.0]] * 3))
    lengths = sorted(np.hypot(q.U, q.V).tolist() for q in quivers(ax))
    assert lengths == [[], [], pytest.approx([0.095] * 2), pytest.approx([0.285] * 2)]


def test_the_goal_has_no_value(plt):
    world = GridWorld(["S.", ".G"])
    picture = plotting.grid_world(world, np.array([1.0, 2.0, 3.0, 0.0])).images[1].get_array()
    assert picture.filled(-1).tolist() == [[1, 2], [3, -1]]


@pytest.mark.parametrize("given", [{"values": np.zeros(3)}, {"policy": np.zeros((2, 2))}, {"policy": np.zeros(5, int)}])
def test_values_and_policies_of_another_world_are_refused(given, plt):
    with pytest.raises(ValueError, match="expected shape"):
        plotting.grid_world(GridWorld(["S.", ".G"]), **given)
