"""The learning rate of the paper."""

from autograder.checks import Case, ScheduleExercise


def warmup_cases(rng):
    """The warm-up ends early, in the middle, and not at all; one step of it."""
    for features, steps in [(16, 5), (7, 12), (64, 40), (3, 1)]:
        yield Case({"features": features, "steps": steps}, lr=float(rng.uniform(0.5, 2)))


warmup = ScheduleExercise("WarmupSchedule", cases=warmup_cases)
