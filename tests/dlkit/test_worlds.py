import numpy as np
import pytest

from dlkit.worlds import ACTIONS, TWO_ROOMS, GridWorld

UP, RIGHT, DOWN, LEFT = range(4)
SMALL = ("S.#", "..G")


def values(world, gamma):
    """Of the best policy, by so many sweeps that nothing changes."""
    V = np.zeros(world.states)
    for _ in range(400):
        V = (world.rewards + gamma * world.transitions @ V).max(axis=1)
    return V


def test_states_are_the_cells_without_walls_row_by_row():
    world = GridWorld(SMALL)
    assert world.cells.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [1, 2]]
    assert (world.states, world.actions, world.start, world.goal) == (5, 4, 0, 4)
    assert len(ACTIONS) == world.actions


@pytest.mark.parametrize(
    ("state", "action", "following"),
    [(0, RIGHT, 1), (0, DOWN, 2), (0, UP, 0), (0, LEFT, 0), (1, RIGHT, 1), (3, RIGHT, 4), (3, UP, 1), (4, LEFT, 4)],
)
def test_walls_and_edges_keep_the_agent_and_the_goal_too(state, action, following):
    assert GridWorld(SMALL).move(state, action) == following


def test_the_table_is_what_steps_do():
    world, rng, count = GridWorld(SMALL, slip=0.3), np.random.default_rng(0), 4000
    for state in range(4):
        for action in range(4):
            steps = [world.step(state, action, rng=rng) for _ in range(count)]
            share = np.bincount([following for following, _, _ in steps], minlength=5) / count
            assert abs(share - world.transitions[state, action]).max() < 0.04
            assert np.mean([reward for _, reward, _ in steps]) == pytest.approx(world.rewards[state, action], abs=0.04)


def test_an_action_goes_astray_to_its_two_sides():
    world = GridWorld(("...", ".S.", "..G"), slip=0.4)
    assert world.transitions[world.start, UP].tolist() == pytest.approx([0, 0.6, 0, 0.2, 0, 0.2, 0, 0, 0])


def test_probabilities_add_up_and_the_goal_ends_everything():
    world = GridWorld()
    np.testing.assert_allclose(world.transitions.sum(axis=2), 1)
    assert (world.transitions[world.goal, :, world.goal] == 1).all()
    assert (world.rewards[world.goal] == 0).all()


def test_only_the_step_that_reaches_the_goal_is_rewarded():
    world = GridWorld(SMALL, slip=0, step_reward=-0.5, goal_reward=3)
    rng = np.random.default_rng(0)
    assert world.step(3, RIGHT, rng=rng) == (4, 3, True)
    assert world.step(3, LEFT, rng=rng) == (2, -0.5, False)
    assert (world.rewards[3, RIGHT], world.rewards[3, LEFT]) == (3, -0.5)


def test_a_world_without_slip_draws_nothing():
    rng = np.random.default_rng(0)
    GridWorld(SMALL, slip=0).step(0, RIGHT, rng=rng)
    assert rng.random() == np.random.default_rng(0).random()


def test_the_same_generator_gives_the_same_steps():
    world = GridWorld(slip=0.5)
    first, second = ([world.step(0, DOWN, rng=rng) for _ in range(30)] for rng in map(np.random.default_rng, (3, 3)))
    assert first == second


def test_two_rooms_are_worth_what_was_measured():
    """An independent computation gave 0.471 for the best policy and -0.351 for one that draws every action evenly."""
    world = GridWorld(TWO_ROOMS)
    V = values(world, 0.95)
    even = world.transitions.mean(axis=1)
    by_chance = np.linalg.solve(np.eye(world.states) - 0.95 * even, world.rewards.mean(axis=1))
    assert world.states == 21
    assert V[world.start] == pytest.approx(0.471, abs=5e-4)
    assert by_chance[world.start] == pytest.approx(-0.351, abs=5e-4)


def test_a_map_is_drawn_as_text_with_and_without_arrows():
    world = GridWorld(SMALL)
    assert world.text() == "S.#\n..G"
    assert world.text(np.array([RIGHT, DOWN, UP, RIGHT, LEFT])) == "→↓#\n↑→G"
    assert repr(world) == "GridWorld(5 states, slip 0.2)"


@pytest.mark.parametrize("rows", [("S.", "G"), ("SS", ".G"), ("S.", ".."), ("S.", "Gx"), ()])
def test_a_map_that_is_none_is_refused(rows):
    with pytest.raises(ValueError, match="a map has rows of one length"):
        GridWorld(rows)


def test_a_slip_that_is_no_probability_is_refused():
    with pytest.raises(ValueError, match="slip is the probability"):
        GridWorld(slip=1.5)


@pytest.mark.parametrize(("state", "action"), [(-1, 0), (5, 0), (0, 4), (0, -1), (4, 0)])
def test_a_step_that_does_not_exist_is_refused(state, action):
    with pytest.raises(ValueError, match="no step from state"):
        GridWorld(SMALL).step(state, action, rng=np.random.default_rng(0))
