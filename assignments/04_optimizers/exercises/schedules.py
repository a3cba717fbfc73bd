"""Learning rates that change during training."""

from autograder.checks import Case, ScheduleExercise


def step_decay_cases(rng):
    for size, gamma in [(3, 0.5), (1, 0.9), (7, 0.3)]:
        yield Case({"size": size, "gamma": gamma}, lr=float(rng.uniform(0.1, 1)))


step_decay = ScheduleExercise(
    "StepDecay",
    cases=step_decay_cases,
)


def cosine_cases(rng):
    for steps, minimum in [(10, 0.0), (20, 0.05), (24, 0.02)]:
        yield Case({"steps": steps, "minimum": minimum}, lr=float(rng.uniform(0.1, 1)))


cosine_annealing = ScheduleExercise(
    "CosineAnnealing",
    cases=cosine_cases,
)


def warmup_cases(rng):
    for steps, start in [(4, 0.25), (10, 0.1), (30, 1 / 3)]:
        yield Case({"steps": steps, "start": start}, lr=float(rng.uniform(0.1, 1)))


linear_warmup = ScheduleExercise(
    "LinearWarmup",
    cases=warmup_cases,
)
