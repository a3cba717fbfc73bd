"""A world that notes every step that is taken in it, and agents that live in it."""

from typing import Any

import numpy as np

from dlkit.worlds import GridWorld


class NotedWorld:
    """What an agent sees of a grid world, and a list of what happened: (state, action, reward, next state, done)."""

    def __init__(self, rows: list[str], *, slip: float, limit: int) -> None:
        self._world = GridWorld(rows, slip=slip, limit=limit)
        self.states, self.actions = self._world.states, self._world.actions
        self.start, self.limit = self._world.start, limit
        self.steps: list[tuple[float, ...]] = []

    def step(self, state: int, action: int, *, rng: np.random.Generator) -> tuple[int, float, bool]:
        """Take a step, and note it."""
        following, reward, done = self._world.step(int(state), int(action), rng=rng)
        self.steps.append((int(state), int(action), reward, following, done))
        return following, reward, done

    def count(self) -> int:
        """Count the steps that were taken."""
        return len(self.steps)


def live(agent: Any, world: NotedWorld, calls: list[int], rng: np.random.Generator) -> dict[str, Any]:
    """Let an agent learn so many episodes in each call; what happened, and what it returned."""
    returned = [agent.learn(world, episodes, rng=rng) for episodes in calls]
    return {"steps": np.array(world.steps, float).reshape(-1, 5), "returned": returned}


def chosen(agent: Any, state: int, times: int, rng: np.random.Generator) -> list[Any]:
    """Let an agent choose so often in one state."""
    return [agent.act(state, rng=rng) for _ in range(times)]


def update_in_order(agent: Any, steps: list[list[Any]]) -> None:
    """Let an agent correct its table for one step after the other."""
    for step in steps:
        agent.update(*step)
