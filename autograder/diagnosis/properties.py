"""What the failure of a check of one property shows: there, only that property can be violated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autograder.diagnosis.arrays import Array, same
from autograder.diagnosis.evidence import Answer, Evidence, Finding
from autograder.diagnosis.outcomes import Outcome, Raised
from autograder.diagnosis.pattern import Example, Pattern, pattern
from autograder.spec import Case
from autograder.spec.comparison import Mismatch

__all__ = ["CALLS", "EVAL", "PROPERTIES", "SECOND", "STALE", "Violation"]

STALE = "a second call forgets the first"
AGAIN = "backward can be repeated"
BESIDE = "a second object changes nothing"
EVAL = "eval() changes nothing"
VIEWS = "arrays may be views"
CALLS = (STALE, AGAIN, BESIDE, EVAL, VIEWS)
"""Checks of what happens around one call that is correct by itself."""
INPUTS_UNCHANGED = "inputs are not modified"
UNCHANGED = (
    INPUTS_UNCHANGED,
    "the upstream gradient is not modified",
    "gradients are not modified",
    "weights are not modified",
)
SECOND = " of the second call"
ACCUMULATES = "gradients accumulate"


@dataclass(frozen=True)
class Violation:
    """A failed check with its first mismatch (None for an error), and evidence of the name that differs, if any."""

    check: str
    mismatch: Mismatch | None
    outcomes: Sequence[Outcome]
    answers: Sequence[Answer]
    evidence: Evidence | None


@dataclass(frozen=True)
class Of:
    """When a property is looked at: where one of these checks fails with a mismatch of this kind.

    checks: by the end of their names; of any name, if there are none;  kind: any, if it is empty.
    """

    checks: tuple[str, ...] = ()
    kind: str = ""

    def __call__(self, violation: Violation) -> bool:
        """Whether it is looked at here."""
        kind = violation.mismatch.kind if violation.mismatch else ""
        return (not self.checks or violation.check.endswith(self.checks)) and (not self.kind or kind == self.kind)

    def __str__(self) -> str:
        checks = f"the check {' or '.join(f'“{name}”' for name in self.checks)}" if self.checks else "any check"
        return f"{checks}, where it finds a mismatch of kind “{self.kind}”" if self.kind else checks


@pattern(
    Of((STALE,)),
    Example(
        "Linear",
        STALE,
        correct="self.x = x",
        wrong='self.x = x if not hasattr(self, "x") else self.x',
        sentence="After an earlier call of forward on other inputs, backward is incorrect.",
        hint="Something from the first call is kept: an attribute that is set only once, a list that grows, or a "
        "cached result. Set what backward needs in every forward.",
    ),
)
def stale(_violation: Violation) -> Finding | None:
    """Backward is incorrect only after an earlier call of forward."""
    return Finding(
        "stale",
        "after an earlier call of forward on other inputs, backward is incorrect",
        "Something from the first call is kept: an attribute that is set only once, a list that grows, or a cached "
        "result. Set what backward needs in every forward.",
    )


@pattern(
    Of((AGAIN,)),
    Example(
        "Softmax",
        AGAIN,
        correct="return self.y * (dy - (dy * self.y).sum(axis=self.axis, keepdims=True))",
        wrong="self.y, y = self.y**2, self.y\nreturn y * (dy - (dy * y).sum(axis=self.axis, keepdims=True))",
        sentence="After one forward a second backward is incorrect: the first one changes what forward has kept.",
        hint="Look for an array of self that backward writes into (-=, *=, […] =) or sets anew. Make a new array.",
    ),
    Example(
        "Tanh",
        AGAIN,
        correct="return dy * (1 - self.y**2)",
        wrong="dx = dy * (1 - self.y**2)\nself.y *= 0\nreturn dx",
        sentence="The first backward changes the array that forward has returned.",
        hint="Look for an array of self that backward writes into (-=, *=, […] =): a name is not a copy.",
    ),
)
def repeated(violation: Violation) -> Finding | None:
    """Backward changes what forward has kept, so that it is right only once."""
    writes = "Look for an array of self that backward writes into (-=, *=, […] =)"
    for outcome, (_, expected) in zip(violation.outcomes, violation.answers, strict=True):
        returned = next((name for name, value in expected.items() if isinstance(value, str)), "")
        if returned and not isinstance(outcome, Raised) and outcome.get(returned) != expected[returned]:
            return Finding(
                "changes what forward returned",
                "the first backward changes the array that forward has returned",
                f"{writes}: a name is not a copy.",
            )
    return Finding(
        "right only once",
        "after one forward a second backward is incorrect: the first one changes what forward has kept",
        f"{writes} or sets anew. Make a new array.",
    )


@pattern(
    Of((BESIDE,)),
    Example(
        "Tanh",
        BESIDE,
        correct="self.y = xp.tanh(x)\nreturn self.y",
        wrong="Tanh.y = xp.tanh(x)\nreturn self.y",
        sentence="After a second object of the class has been used, backward of the first is incorrect: they share "
        "what forward keeps.",
        hint="Keep it in self: not in the class, not in a variable outside of it, not in a default argument.",
    ),
)
def shared(_violation: Violation) -> Finding | None:
    """Two objects of the class share what forward keeps."""
    return Finding(
        "shared by objects",
        "after a second object of the class has been used, backward of the first is incorrect: they share what "
        "forward keeps",
        "Keep it in self: not in the class, not in a variable outside of it, not in a default argument.",
    )


@pattern(
    Of((EVAL,)),
    Example(
        "Tanh",
        EVAL,
        correct="self.y = xp.tanh(x)\nreturn self.y",
        wrong="y = xp.tanh(x)\nif self.training:\n    self.y = y\nreturn y",
        sentence="After eval(), backward is incorrect; in training mode it is correct.",
        hint="This layer does the same in both modes: look for self.training.",
    ),
)
def unlike_in_eval(_violation: Violation) -> Finding | None:
    """A layer without modes computes something else after eval()."""
    return Finding(
        "unlike in eval",
        "after eval(), backward is incorrect; in training mode it is correct",
        "This layer does the same in both modes: look for self.training.",
    )


@pattern(
    Of((VIEWS,)),
    Example(
        "Tanh",
        VIEWS,
        correct="return dy * (1 - self.y**2)",
        wrong='return dy.ravel("K").reshape(dy.shape) * (1 - self.y**2)',
        sentence="For arrays that are not contiguous (a transpose, a slice), backward is incorrect, and correct for "
        "their copies.",
        hint="Look for what depends on the order in memory: strides, as_strided, order= other than C, and reshape to "
        "write through, which may return a copy.",
    ),
)
def of_views(_violation: Violation) -> Finding | None:
    """Gradients depend on the order of arrays in memory."""
    return Finding(
        "depends on memory order",
        "for arrays that are not contiguous (a transpose, a slice), backward is incorrect, and correct for their "
        "copies",
        "Look for what depends on the order in memory: strides, as_strided, order= other than C, and reshape to write "
        "through, which may return a copy.",
    )


@pattern(
    Of((ACCUMULATES,)),
    Example(
        "Linear",
        ACCUMULATES,
        correct="self.W.grad += self.x.T @ dy",
        wrong="self.W.grad[...] = self.x.T @ dy",
        sentence="dW holds only the gradient of the last call.",
        hint="Use += and do not clear gradients in backward: they add up until zero_grad() is called.",
    ),
    Example(
        "Linear",
        ACCUMULATES,
        correct="self.W.grad += self.x.T @ dy",
        wrong='self.total = getattr(self, "total", 0) + self.x.T @ dy\nself.W.grad += self.total',
        sentence="dW after two calls holds the first call's gradient twice.",
        hint="Do not keep a second sum beside parameter.grad.",
    ),
)
def accumulation(violation: Violation) -> Finding | None:
    """Gradients of two calls do not add up, or one counts twice."""
    evidence = violation.evidence
    if evidence is None:
        return None
    if all(same(2 * pair.seen, pair.expected) for pair in evidence.pairs):
        name = evidence.name.removesuffix(" after two calls")
        return Finding(
            "not accumulated",
            f"{name} holds only the gradient of the last call",
            "Use += and do not clear gradients in backward: they add up until zero_grad() is called.",
        )
    if all(same(pair.seen, 1.5 * pair.expected) for pair in evidence.pairs):
        return Finding(
            "accumulated twice",
            f"{evidence.name} holds the first call's gradient twice",
            "Do not keep a second sum beside parameter.grad.",
        )
    return None


@pattern(
    Of(UNCHANGED, kind="changed"),
    Example(
        "ReLU",
        INPUTS_UNCHANGED,
        correct="return xp.maximum(x, 0)",
        wrong="x[x < 0] = 0\nreturn x",
        sentence="7 of 12 entries of x have changed after the call.",
        hint="Look for x -= …, x[…] = …, out=x, or the same with another name for x: another name is not a copy.",
    ),
)
def in_place(violation: Violation) -> Finding | None:
    """An argument is not what it was before the call."""
    name = violation.mismatch.name if violation.mismatch else ""
    written = f"{name} -= …, {name}[…] = …, out={name}" if " " not in name else "-=, *=, […] = or out= with it"
    for outcome, (_, expected) in zip(violation.outcomes, violation.answers, strict=True):
        seen = None if isinstance(outcome, Raised) else outcome.get(name)
        before = expected.get(name)
        if isinstance(seen, np.ndarray) and isinstance(before, np.ndarray) and seen.shape == before.shape:
            count = int((seen != before).sum())
            if count:
                share = "all" if count == seen.size else f"{count} of {seen.size}"
                return Finding(
                    f"in place: {name}",
                    f"{share} entries of {name} have changed after the call",
                    f"Look for {written}, or the same with another name for {name}: another name is not a copy.",
                )
    return Finding(f"in place: {name}", f"{name} has changed after the call", "Another name is not a copy.")


@pattern(
    Of(kind="dtype"),
    Example(
        "LeakyReLU",
        "float32 stays float32",
        correct="return xp.where(x > 0, x, self.slope * x)",
        wrong="return x * xp.where(x > 0, 1, self.slope)",
        sentence="The dtype of y is not that of the inputs.",
        hint="NumPy scalars (np.sqrt(2), np.float64), arrays made without dtype=x.dtype or by where(mask, 1.0, 0.2), "
        "and masks or integers divided by a number are float64 and make float32 float64. A Python number beside an "
        "array does not.",
    ),
)
def dtype(violation: Violation) -> Finding | None:
    """Single precision becomes double precision."""
    if violation.mismatch is None:
        return None
    return Finding(
        "dtype",
        f"the dtype of {violation.mismatch.name} is not that of the inputs",
        "NumPy scalars (np.sqrt(2), np.float64), arrays made without dtype=x.dtype or by where(mask, 1.0, 0.2), "
        "and masks or integers divided by a number are float64 and make float32 float64. A Python number beside an "
        "array does not.",
    )


@pattern(
    Of(kind="nan"),
    Example(
        "Softmax",
        "extreme inputs stay finite",
        correct="e = xp.exp(x - x.max(axis=self.axis, keepdims=True))",
        wrong="e = xp.exp(x)",
        sentence="The input at this place: x[2, 0] = 1000 in a row from 0.5881 to 1000.",
        hint="Look for exp of a large number (inf), for inf / inf, inf − inf and 0 · inf (nan), for 0 / 0, and for the "
        "logarithm of a number rounded to 0. np.where computes both of its branches.",
    ),
)
def overflow(violation: Violation) -> Finding | None:
    """A nan or an inf, named by the input at its place; where shapes differ, by the largest of its row."""
    name = violation.mismatch.name if violation.mismatch else ""
    for outcome, (case, expected) in zip(violation.outcomes, violation.answers, strict=True):
        seen, wanted = None if isinstance(outcome, Raised) else outcome.get(name), expected.get(name)
        if not isinstance(seen, np.ndarray | np.generic) or wanted is None or np.shape(seen) != np.shape(wanted):
            continue
        broken = ~np.isfinite(np.asarray(seen)) & np.isfinite(np.asarray(wanted))
        if not broken.any():
            continue
        where = _culprit(broken, case)
        if where:
            return Finding(
                "overflow",
                f"the input at this place: {where}",
                "Look for exp of a large number (inf), for inf / inf, inf − inf and 0 · inf (nan), for 0 / 0, and for "
                "the logarithm of a number rounded to 0. np.where computes both of its branches.",
            )
    return None


def _culprit(broken: Array, case: Case) -> str:
    index = tuple(int(i) for i in np.argwhere(broken)[0]) if broken.ndim else ()
    for name, value in case.inputs.items():
        x = getattr(value, "array", value)
        if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
            continue
        if x.shape == broken.shape and index:
            at = index[0] if len(index) == 1 else index
            row = x[index[0]] if x.ndim > 1 else x[:0]
            far = f" in a row from {row.min():.4g} to {row.max():.4g}" if row.size > 1 else ""
            return f"{name}[{str(at).strip('()')}] = {x[index]:.4g}{far}"
        if not index:
            return f"{name} from {x.min():.4g} to {x.max():.4g}"
    return ""


PROPERTIES: tuple[Pattern[Violation], ...] = (
    *(stale, repeated, shared, unlike_in_eval, of_views),
    *(in_place, dtype, overflow, accumulation),
)
"""In the order in which they are asked."""
