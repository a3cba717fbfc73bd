"""The capstone learned_policy: a policy for a world of two rooms that nobody has seen before."""

import numpy as np

from autograder.checks import Case, Exercise, Mismatch, Ref, Rng
from dlkit.worlds import GridWorld

SEEDS, GAMMA = 3, 0.95
REQUIRED = 0.95
LIMIT = 100
MOST = 1000 * LIMIT
"""Steps that 1,000 episodes can have."""


def two_rooms(rng):
    """A map of two rooms with a door between them, the start in one and the goal in the other, mirrored and turned."""
    height, left, right = int(rng.integers(4, 7)), int(rng.integers(2, 4)), int(rng.integers(2, 4))
    cells = np.full((height, left + 1 + right), ".")
    cells[:, left] = "#"
    cells[rng.integers(height), left] = "."
    cells[rng.integers(height), 0], cells[rng.integers(height), -1] = "S", "G"
    if rng.random() < 0.5:
        cells = cells[:, ::-1]
    return ["".join(row) for row in np.rot90(cells, int(rng.integers(4)))]


def seeds(rng):
    """Three worlds and generators; one that passes is enough."""
    for _ in range(SEEDS):
        yield Case({}).with_changes(hidden={"rows": two_rooms(rng), "seed": int(rng.integers(1 << 31))})


def values(policy, world):
    """Of each state under a policy (states, actions)."""
    moves = np.einsum("sa,sat->st", policy, world.transitions)
    return np.linalg.solve(np.eye(world.states) - GAMMA * moves, (policy * world.rewards).sum(axis=1))


def best_values(world):
    found = np.zeros(world.states)
    for _ in range(500):
        found = (world.rewards + GAMMA * world.transitions @ found).max(axis=1)
    return found


def way(actions, world):
    """How far a policy has come at the start, from choosing evenly (0) to the best (1)."""
    even = np.full((world.states, world.actions), 1 / world.actions)
    low, value, high = (
        table[world.start]
        for table in (values(even, world), values(np.eye(world.actions)[actions], world), best_values(world))
    )
    return float((value - low) / (high - low))


def judge_way(observed, expected, case):
    del expected
    world, actions = GridWorld(case.hidden["rows"]), observed["the policy"]
    if not isinstance(actions, np.ndarray) or actions.shape != (world.states,) or actions.dtype.kind not in "iu":
        what = (
            f"{actions.dtype} of shape {actions.shape}" if isinstance(actions, np.ndarray) else type(actions).__name__
        )
        text = f"expected the action of each of {world.states} states, an array of integers; got {what}"
        return Mismatch("shape", "the policy", text)
    if actions.min() < 0 or actions.max() >= world.actions:
        return Mismatch("value", "the policy", "an action is a number from 0 to 3")
    reached = way(actions, world)
    if observed["steps"] > MOST:
        text = f"the agent has taken {observed['steps']:,} steps; at most {MOST:,} are allowed"
        return Mismatch("value", "the policy", text)
    if reached >= REQUIRED:
        return None
    text = f"the policy has come {reached:.3f} of the way from choosing evenly to the best one; {REQUIRED} required"
    return Mismatch("accuracy", "the policy", text, error=REQUIRED - reached)


# Over 200 worlds the reference comes 0.995 of the way (standard deviation 0.006), 0.960 at worst, in 0.25 s of CPU
# time; Reinforce over 30 worlds 0.989 (0.009), 0.968 at worst. Twenty episodes of Q-learning get to 0.77 (0.29), random
# policies to −0.04 (at best 0.24), the same action everywhere to 0.20 (at best 0.82).
learned = Exercise(
    "learned_policy",
    "model",
    ("learned_policy",),
    support_files=("lived",),
    depends=("QLearning", "Reinforce"),
)


@learned.check(
    f"comes {REQUIRED} of the way to the best policy", cases=seeds, expect=lambda _: {}, judge=judge_way, cpu_s=10.0
)
def policy(subject, case):
    world = subject.make("support.NotedWorld", case.hidden["rows"], slip=0.2, limit=LIMIT)
    found = subject.run("learned_policy", Ref(world.handle), rng=Rng(case.hidden["seed"]))
    return {"the policy": found, "steps": world.call("count")}
