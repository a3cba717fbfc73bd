"""The checks of an implementation's cost: one per budget of the exercise, on fresh inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from autograder.checks.drawing import in_dtype
from autograder.checks.judges import judge_float32
from autograder.spec import Budget, Case, Check, Observations, Run, Trial
from autograder.spec.comparison import compare_all
from autograder.subject import Subject

__all__ = ["budget_checks"]


def budget_checks(
    trial: Callable[[Subject, Case], Trial],
    budgets: Iterable[Budget | None],
    *,
    needs: tuple[str, ...],
    after: tuple[str, ...],
    prepare: Callable[[Case, np.random.Generator, Subject], Case] | None = None,
) -> list[Check]:
    """Make the check of every budget that the exercise has.

    trial(subject, case): the measured runs; prepare(case, rng, reference): completes a case with parameters.
    """

    def cases(budget: Budget) -> Callable[[np.random.Generator, Subject], list[Case]]:
        def drawn(run: Run, rng: np.random.Generator, reference: Subject) -> Case:
            case = run.draw(rng)
            return in_dtype(prepare(case, rng, reference) if prepare else case, run.dtype)

        return lambda rng, reference: [drawn(run, rng, reference) for run in budget.runs]

    def observe(subject: Subject, case: Case) -> Observations:
        prepared = trial(subject, case)
        prepared.renew(case)
        prepared.go()
        return prepared.collect()

    return [
        Check(
            budget.name,
            budget.part,
            weight=1.0,
            cases=cases(budget),
            observe=observe,
            judge=judge_float32 if budget.dtype == "float32" else compare_all,
            needs=needs,
            after=after,
            budget=budget,
            trial=trial,
        )
        for budget in budgets
        if budget
    ]
