"""The bonus exercise MultiTaskLoss: losses of several tasks with learned weights."""

from autograder.checks import Case, LayerExercise


def losses_of_tasks(rng):
    """One task and several, batch 1, losses of very different size, a loss of zero."""
    for batch, tasks in [(1, 2), (5, 3), (7, 1), (4, 4)]:
        yield Case({"tasks": tasks}, losses=rng.exponential(10.0 ** rng.uniform(-1, 1, tasks), (batch, tasks)))
    some = rng.exponential(1, (3, 2))
    some[1, 0] = 0
    yield Case({"tasks": 2}, losses=some)


weighted = LayerExercise(
    "MultiTaskLoss", cases=losses_of_tasks, has_parameters=True, wide=Case({"tasks": 4000}, losses=(4, 4000))
)
