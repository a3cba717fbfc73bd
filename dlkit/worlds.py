"""Grid worlds: where an agent may go, what it gets for it, and where it ends up by accident.

A world is a table: it holds no position and no generator, so that one world may be used by several agents at once.
``GridWorld.step`` draws the accident from the generator that it is given; ``move`` is what happens without one.

Source: Sutton & Barto, Reinforcement Learning: An Introduction (2018), example 3.5 and chapter 3; slips to both sides
as in Russell & Norvig, Artificial Intelligence: A Modern Approach (2021), section 17.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlkit.backend import NumpyArray

__all__ = ["ACTIONS", "ARROWS", "TWO_ROOMS", "GridWorld"]

ACTIONS = ("up", "right", "down", "left")
"""The name of each action, 0 to 3; action + 1 is a quarter turn to the right of it."""
ARROWS = "↑→↓←"
TWO_ROOMS = ("S.#..", "..#..", ".....", "..#..", "..#.G")
"""Two rooms with a door between them: 21 states."""


class GridWorld:
    """Cells in rows, one of which is the goal.  Its *states* are the cells that are no walls, numbered row by row.

    rows: one text per row, all of the same length: ``S`` the start, ``G`` the goal, ``#`` a wall, ``.`` any other cell.
    slip: the probability that an action goes astray, half of it to each side (a quarter turn).
    step_reward: for every step but the one that reaches the goal;  goal_reward: for that one.
    limit: steps after which an episode is broken off.

    states, actions: how many there are.  start, goal: the numbers of these states.  limit: as given.
    transitions (states, actions, states): the probability of the next state.  rewards (states, actions): the mean
    reward.  In the goal nothing more happens: every action stays there, with the reward 0.

    Raises ValueError where the map has rows of different lengths, other characters, or not one S and one G, and where
    slip is no probability.
    """

    DIRECTIONS = ((-1, 0), (0, 1), (1, 0), (0, -1))
    """Rows down and columns to the right, by action."""

    def __init__(
        self,
        rows: Sequence[str] = TWO_ROOMS,
        *,
        slip: float = 0.2,
        step_reward: float = -0.02,
        goal_reward: float = 1.0,
        limit: int = 100,
    ) -> None:
        self.rows = _checked(rows)
        if not 0 <= slip <= 1:
            message = f"slip is the probability of an accident, from 0 to 1; got {slip}"
            raise ValueError(message)
        self.slip, self.step_reward, self.goal_reward, self.limit = slip, step_reward, goal_reward, limit
        cells = np.array([list(row) for row in self.rows])
        self.cells = np.argwhere(cells != "#")
        """Row and column of every state (states, 2)."""
        self.states, self.actions = len(self.cells), len(self.DIRECTIONS)
        self._numbers = np.full(cells.shape, -1)
        self._numbers[tuple(self.cells.T)] = np.arange(self.states)
        self.start, self.goal = (int(self._numbers[cells == letter][0]) for letter in "SG")
        self._moves = np.array([[self._target(s, a) for a in range(self.actions)] for s in range(self.states)])
        self.transitions, self.rewards = self._tables()

    def _target(self, state: int, action: int) -> int:
        """The state one step in a direction; the same where there is a wall or the edge, and from the goal."""
        row, column = (self.cells[state] + np.array(self.DIRECTIONS[action])).tolist()
        inside = 0 <= row < len(self.rows) and 0 <= column < len(self.rows[0])
        number = int(self._numbers[row, column]) if inside and state != self.goal else -1
        return state if number < 0 else number

    def _tables(self) -> tuple[NumpyArray, NumpyArray]:
        transitions = np.zeros((self.states, self.actions, self.states))
        every = np.arange(self.states)
        for action in range(self.actions):
            for turn, chance in ((0, 1 - self.slip), (1, self.slip / 2), (-1, self.slip / 2)):
                np.add.at(transitions[:, action], (every, self._moves[:, (action + turn) % self.actions]), chance)
        reached = transitions[:, :, self.goal]
        rewards = self.step_reward * (1 - reached) + self.goal_reward * reached
        rewards[self.goal] = 0
        return transitions, rewards

    def move(self, state: int, action: int) -> int:
        """Return the next state where nothing goes astray.  Walls and the edge keep the agent where it is."""
        return int(self._moves[state, action])

    def step(self, state: int, action: int, *, rng: np.random.Generator) -> tuple[int, float, bool]:
        """Take one step from a state: (the next state, the reward, whether it is the goal).

        It draws one number from rng, or none where the world has no slip.  Raises ValueError for a state or an action
        that does not exist, and for a step from the goal.
        """
        if not (0 <= state < self.states and 0 <= action < self.actions) or state == self.goal:
            message = (
                f"no step from state {state} by action {action}: states are 0 to {self.states - 1} without the goal, "
                f"{self.goal}, and actions 0 to {self.actions - 1}"
            )
            raise ValueError(message)
        turn = 0
        if self.slip:
            u = rng.random()
            turn = 1 if u < self.slip / 2 else -1 if u < self.slip else 0
        following = self.move(state, (action + turn) % self.actions)
        done = following == self.goal
        return following, self.goal_reward if done else self.step_reward, done

    def text(self, policy: NumpyArray | None = None) -> str:
        """Draw the map; policy (states,): with the arrow of its action in every cell but the goal."""
        letters = [list(row) for row in self.rows]
        if policy is not None:
            for state, (row, column) in enumerate(self.cells):
                if state != self.goal:
                    letters[row][column] = ARROWS[int(policy[state])]
        return "\n".join("".join(row) for row in letters)

    def __repr__(self) -> str:
        return f"GridWorld({self.states} states, slip {self.slip:g})"


def _checked(rows: Sequence[str]) -> tuple[str, ...]:
    text = "".join(rows)
    if len({len(row) for row in rows}) != 1 or set(text) - set("SG#.") or text.count("S") != 1 or text.count("G") != 1:
        message = f"a map has rows of one length, of the characters S G # and ., with one S and one G; got {list(rows)}"
        raise ValueError(message)
    return tuple(rows)
