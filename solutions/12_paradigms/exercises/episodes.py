"""Lives of an agent in a world that notes every step, and what is required of episodes."""

import numpy as np

from autograder.checks import Case, Mismatch, New, Ref, new_rng

MAPS = {
    "two rooms": ["S.#.G", ".....", "..#.."],
    "corridor": ["..S.G"],
    "far": ["G....", "....S"],
}


def life(rng, name, calls, *, slip=0.3, limit=40, **arguments):
    rows = MAPS[name]
    states = sum(row.count(letter) for row in rows for letter in "SG.")
    given = {"states": states, "actions": 4, **arguments}
    world = New("support.NotedWorld", rows, slip=slip, limit=limit)
    return Case(given).with_changes(hidden={"world": world, "calls": calls, "rng": new_rng(rng), "limit": limit})


def lives(rng, **arguments):
    """Episodes that reach the goal and that are broken off, of one step, one episode, none, a second call."""
    yield life(rng, "two rooms", [6], **arguments)
    yield life(rng, "far", [9], limit=4, **arguments)
    yield life(rng, "corridor", [3, 4], **arguments)
    yield life(rng, "corridor", [5], limit=1, **arguments)
    yield life(rng, "two rooms", [0, 1], slip=0.0, limit=25, **arguments)


def some_lives(rng):
    """With and without exploring."""
    yield from lives(rng, gamma=0.9, epsilon=0.3)
    yield life(rng, "two rooms", [7], gamma=0.9, epsilon=0.0, limit=30)


def undirected_lives(rng):
    """Nothing but exploring."""
    yield life(rng, "two rooms", [40], gamma=0.9, epsilon=1.0)


def explored_lives(rng):
    """Half of the time."""
    yield life(rng, "two rooms", [20], gamma=0.9, epsilon=0.5)


def lived(subject, name, case, tables):
    """What happened, what was returned, and what the agent has learned."""
    arguments, hidden = dict(case.arguments), case.hidden
    rng = arguments.pop("rng", hidden["rng"])
    made = subject.make(name, **arguments)
    for table, values in hidden.get("known", {}).items():
        made.set(table, values)
    world = subject.make(hidden["world"].name, *hidden["world"].args, **hidden["world"].kwargs)
    seen = subject.run("support.live", Ref(made.handle), Ref(world.handle), hidden["calls"], rng)
    return {**(seen if isinstance(seen, dict) else {}), **{table: made.get(table) for table in tables}}


def steps_of(observed):
    """The steps (steps, 5): state, action, reward, next state, done."""
    steps = observed.get("steps")
    return steps if isinstance(steps, np.ndarray) and steps.ndim == 2 else np.zeros((0, 5))


def start_of(case):
    rows = case.hidden["world"].args[0]
    return "".join(rows).replace("#", "").index("S")


def cut(steps, case):
    """The steps of each episode, or a sentence about the first that is not one."""
    episodes, begin = [], 0
    for t, (state, _, _, following, done) in enumerate(steps):
        if t == begin and state != start_of(case):
            return f"episode {len(episodes) + 1} begins in state {state:.0f}, not in the start, {start_of(case)}"
        last = done or t + 1 - begin == case.hidden["limit"]
        if not last and t + 1 < len(steps) and steps[t + 1, 0] != following:
            return (
                f"in episode {len(episodes) + 1}, after {t + 1 - begin} steps, a step led to state {following:.0f}, "
                f"but the next one begins in state {steps[t + 1, 0]:.0f} (the limit is {case.hidden['limit']} steps)"
            )
        if last:
            episodes.append(steps[begin : t + 1])
            begin = t + 1
    if begin < len(steps):
        return f"the last episode ends after {len(steps) - begin} steps, neither at the goal nor at the limit"
    return episodes


def follow(observed, case):
    """Whether episodes were lived through as they should, so many, and their sums of rewards returned."""
    calls, found = case.hidden["calls"], cut(steps_of(observed), case)
    if isinstance(found, str):
        return Mismatch("value", "the episodes", f"learn: {found}")
    if len(found) != sum(calls):
        return Mismatch("value", "the episodes", f"learn: expected {sum(calls)} episodes, got {len(found)}")
    sums, first = observed.get("returned"), 0
    for count, returned in zip(calls, sums if isinstance(sums, list) else [None] * len(calls), strict=True):
        right = [float(steps[:, 2].sum()) for steps in found[first : first + count]]
        first += count
        if not isinstance(returned, list | tuple | np.ndarray) or len(returned) != count:
            form = f"{len(returned)} values" if isinstance(returned, list | tuple | np.ndarray) else f"{returned!r:.40}"
            return Mismatch("structure", "the result", f"learn: expected {count} sums of rewards, got {form}")
        try:
            numbers = np.asarray(returned, float).reshape(count)
        except (TypeError, ValueError):
            return Mismatch("structure", "the result", f"learn: expected a list of {count} numbers")
        if (off := np.flatnonzero(~np.isclose(numbers, right, atol=1e-9))).size:
            i = int(off[0])
            text = f"the sum of the rewards of episode {i + 1}: expected {right[i]:.6g}, got {numbers[i]:.6g}"
            return Mismatch("value", "the result", text)
    return None


def among_the_best(steps, tables):
    """Whether each action had the greatest value of its state at that time, to rounding."""
    for t, (step, table) in enumerate(zip(steps, tables, strict=False), 1):
        row = table[int(step[0])]
        if row[int(step[1])] < row.max() - 1e-9:
            text = f"with epsilon = 0, step {t} takes an action whose value was not the greatest of its state"
            return Mismatch("value", "the actions", text)
    return None
