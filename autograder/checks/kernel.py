"""KernelExercise: a function that compiles a kernel for a GPU; its checks run where there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

from autograder.checks.drawing import CaseMaker, in_dtype
from autograder.checks.judges import judge_unchanged
from autograder.isolation.tree import Ref
from autograder.spec import Case, Check, Exercise, Extras, Observations
from autograder.spec.comparison import FLOAT32, Mismatch, compare
from autograder.subject import Instance, Subject
from dlkit.backend import NumpyArray

__all__ = ["COMPUTES", "KernelExercise"]

COMPUTES = "the kernel computes the formula"


def KernelExercise(  # noqa: N802 - reads as the class of exercise that it makes
    name: str, *, cases: CaseMaker, formula: Callable[..., NumpyArray], **extras: Unpack[Extras]
) -> Exercise:
    """Make the exercise of one function whose work a kernel does that is compiled for a GPU.

    Without a GPU nothing can be compiled, so its checks are skipped there, and the expected result is that of
    ``formula``, with NumPy on the case's inputs in float64: no reference has to run.  Let it be a bonus exercise, which
    nobody loses points for.
    cases: float64 inputs; each is sent in float32 too, and the result must have the dtype of its input.
    """

    def drawn(case: Case) -> Observations:
        inputs = {key: x.astype("float64") for key, x in case.inputs.items()}
        (first,) = list(case.inputs.values())[:1]
        return {"the result": formula(*inputs.values()).astype(first.dtype)}

    def observe(subject: Subject, case: Case) -> Observations:
        return {"the result": subject.run(name, *case.inputs.values(), **case.arguments)}

    def untouched(subject: Subject, case: Case) -> Observations:
        sent = {key: subject.put(x) for key, x in case.inputs.items()}
        subject.run(name, *(Ref(each.handle) for each in sent.values()), **case.arguments)
        return {key: Instance(subject, each.handle).fetch() for key, each in sent.items()}

    def both(case: Case) -> list[Case]:
        return [case, in_dtype(case, "float32")]

    def check(sentence: str, weight: float, after: tuple[str, ...]) -> Check:
        computes = not after
        return Check(
            sentence,
            name,
            weight,
            cases=lambda rng, _reference: [each for case in cases(rng) for each in both(case)],
            observe=observe if computes else untouched,
            judge=judge_kernel if computes else judge_unchanged,
            expect=lambda _reference, case, _rng: drawn(case) if computes else dict(case.inputs),
            needs=(name,),
            after=after,
            redrawn=True,
            device_only=True,
        )

    checks = [check(COMPUTES, 3.0, ()), check("inputs are not modified", 1.0, (COMPUTES,))]
    return Exercise(name, "function", (name,), checks=checks, **extras)


def judge_kernel(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Compare values within the precision of the dtype, and require that dtype."""
    del case
    right, seen = expected["the result"], observed.get("the result")
    dtype = getattr(seen, "dtype", right.dtype)
    if getattr(seen, "shape", None) == right.shape and dtype != right.dtype:
        return Mismatch("dtype", "the result", f"the result: expected {right.dtype}, got {dtype}")
    if right.dtype == "float32":
        return compare(seen, right, "the result", FLOAT32)
    return compare(seen, right, "the result")
