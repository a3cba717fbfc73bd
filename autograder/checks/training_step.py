"""TrainingStepExercise: a function that runs training steps on the networks, losses and optimizers that it is given.

These are trusted and small; the optimizers write down every update with the gradients that it was made with.  So what
is judged are numbers: the order of the updates, which the numbers depend on, only explains them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np

from autograder.checks.drawing import CaseMaker, is_float
from autograder.checks.function import MATCHES, FunctionExercise, Setting
from autograder.checks.mutation import mutated_function
from autograder.checks.support import packaged_support
from autograder.isolation.tree import New, Ref, Rng, Value, Values
from autograder.measuring import Memory, Scaling, Speed
from autograder.spec import Case, Exercise, Extras, Observations, Points
from autograder.spec.comparison import Mismatch, compare, compare_all
from autograder.subject import Instance, Subject

__all__ = ["DETACHED", "LEFT_OVER", "TrainingStepExercise"]

DETACHED = "the loss of one network does not reach the other"
LEFT_OVER = "no gradient is left over"
LOG = "_log"
REACHED = "what reached "
"""How the log begins the names of what went through a network's backward."""
ONE_ROW_LOSS: Mapping[str, New] = {"loss": New("support.RowLoss")}
ONE_OPTIMIZER: Mapping[str, str] = {"optimizer": "model"}


@dataclass(frozen=True)
class _Training(Setting):
    """Networks, losses and optimizers by the names of the arguments, and the log, which is no argument."""

    def arguments(self, case: Case, objects: dict[str, Instance]) -> Values:
        return super().arguments(case, {name: each for name, each in objects.items() if name != LOG})


@dataclass(frozen=True)
class _Given:
    """What the function is given besides its inputs, as ``TrainingStepExercise`` says it."""

    networks: Callable[[Case], Mapping[str, New]]
    optimizers: Mapping[str, str | tuple[str, ...]]
    losses: Mapping[str, New]
    lr: float
    stale: bool
    detached: tuple[str, ...]

    def setting(self) -> Setting:
        return _Training(self.make, lambda objects: _entries(objects[LOG].call("updates")))

    def make(self, subject: Subject, case: Case) -> dict[str, Instance]:
        """Make everything, by the names of the arguments, and the log."""
        made = {key: subject.make(new.name, *new.args, **new.kwargs) for key, new in self.networks(case).items()}
        dtype = next((str(x.dtype) for x in case.inputs.values() if is_float(x)), "float64")
        for network in made.values():
            network.call("astype", dtype)
        networks = {key: Ref(network.handle) for key, network in made.items()}
        log = subject.make("support.Log", networks, list(self.detached))
        if self.stale:
            log.call("leave", Rng(0))
        moved = {key: (to_move,) if isinstance(to_move, str) else to_move for key, to_move in self.optimizers.items()}
        steppers = {
            key: log.keep("optimizer", key, [networks[each] for each in to_move], self.lr)
            for key, to_move in moved.items()
        }
        losses = {key: subject.make(new.name, *new.args, **new.kwargs) for key, new in self.losses.items()}
        return {**made, **losses, **steppers, LOG: log}

    def log_of(self, name: str, subject: Subject, case: Case) -> Instance:
        """Run the function, and give the log."""
        setting = self.setting()
        objects = setting.make(subject, case)
        subject.run(name, *case.inputs.values(), **setting.arguments(case, objects))
        return objects[LOG]


def TrainingStepExercise(  # noqa: N802 - reads as the class of exercise that it makes
    name: str,
    *,
    cases: CaseMaker,
    networks: Callable[[Case], Mapping[str, New]],
    optimizers: Mapping[str, str | tuple[str, ...]] = ONE_OPTIMIZER,
    losses: Mapping[str, New] = ONE_ROW_LOSS,
    lr: float = 0.1,
    stale: bool = False,
    detached: tuple[str, ...] = (),
    cleared: tuple[str, ...] = (),
    points: Points | float | None = None,
    outputs: tuple[str, ...] = ("the result",),
    float32: bool | CaseMaker = False,
    speed: Speed | None = None,
    memory: Memory | None = None,
    scaling: Scaling | None = None,
    **extras: Unpack[Extras],
) -> Exercise:
    """Make the exercise of a function that trains, with the standard checks of a function.

    A case's inputs are passed in order, its arguments by name; and by name too:
    networks(case): ``{"model": New("support.Perceptron", 3, 4, rng=Rng(5))}``, of the assignment's ``support/`` or of
    ``autograder/checks/support/training.py``; they get the dtype of the case's first array of floats;
    optimizers: plain descent with ``lr``, each by the network or the networks that it moves;
    losses: by default a mean over rows of the squared distance, to rows or to labels.

    The result, the gradients of every update and the parameters at the end are compared with the reference's.
    stale: the networks come with gradients of an earlier step, which are to be cleared.
    detached: networks that another one's loss must not reach, even where its gradient is cleared before it does harm;
    cleared: networks whose gradients must be zero when the function returns.  Each adds a check.
    Other arguments: as of ``FunctionExercise``.
    """
    given = _Given(networks, optimizers, losses, lr, stale, detached)
    exercise = FunctionExercise(
        name, cases=cases, points=points, speed=speed, memory=memory, scaling=scaling, setting=given.setting(),
        outputs=outputs, float32=float32, **extras,
    )  # fmt: skip
    checks = [replace(check, judge=judge_updates) if check.name == MATCHES else check for check in exercise.checks]
    exercise = replace(exercise, checks=checks, support=packaged_support("training"))
    if detached:
        _ask_what_reaches(exercise, cases, given)
    if cleared:
        _ask_what_is_left(exercise, cases, given, cleared)
    return exercise


def _ask_what_reaches(exercise: Exercise, cases: CaseMaker, given: _Given) -> None:
    mutation = _sends_again(given.detached[0])

    @exercise.check(DETACHED, cases=cases, judge=judge_reaching, after=(MATCHES,), mutation=mutation)
    def reaching(subject: Subject, case: Case) -> Observations:
        log = given.log_of(exercise.name, subject, case)
        return {**_entries(log.call("reaching")), **_entries(log.call("updates"))}  # by which mistakes are recognised


def _ask_what_is_left(exercise: Exercise, cases: CaseMaker, given: _Given, cleared: tuple[str, ...]) -> None:
    mutation = mutated_function(f"for p in kwargs[{cleared[0]!r}].parameters(): p.grad += 1", "return y")

    @exercise.check(LEFT_OVER, cases=cases, judge=judge_left, after=(MATCHES,), mutation=mutation)
    def left(subject: Subject, case: Case) -> Observations:
        return _entries(given.log_of(exercise.name, subject, case).call("left", list(cleared)))


def _entries(seen: Value) -> Observations:
    """What the log says, unless somebody got at it."""
    return seen if isinstance(seen, dict) else {}


def _sends_again(network: str) -> str:
    """Source of a function that sends a gradient through this network once more when all is done."""
    return (
        "_right = {name}\ndef {name}(*args, **kwargs):\n"
        f"    network, sent = kwargs[{network!r}], []\n"
        "    backward = network.backward\n"
        "    network.backward = lambda *dy: (sent.append(dy), backward(*dy))[1]\n"
        "    y = _right(*args, **kwargs)\n"
        "    backward(*sent[-1])\n"
        "    return y\n"
    )


# --- judges ----------------------------------------------------------------------------------


def judge_updates(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Compare everything with the reference's; name the first update that differs, in the order of updates."""
    found = compare_all(observed, expected, case)
    if found is None:
        return None
    return _first_update(observed, expected) or found


def _first_update(observed: Observations, expected: Observations) -> Mismatch | None:
    order, seen = expected["_order"], observed.get("_order")
    if not isinstance(seen, list) or not all(isinstance(name, str) for name in seen):
        return None
    for name in dict.fromkeys(order):
        if seen.count(name) != order.count(name):
            ran = f"ran {_times(seen.count(name))}" if name in seen else "never ran"
            counts = f"{name}.step() {ran}; expected {_times(order.count(name))}"
            return Mismatch("structure", f"the updates of {name}", counts + _forward_calls(observed, expected))
    note = "" if seen == order else f". The updates came in the order {_listed(seen)}; expected {_listed(order)}"
    for event, name in enumerate(order):
        t = order[:event].count(name)
        which = f"update {t + 1}" if len(expected["_moves"]) == 1 else f"update {t + 1} of {name}"
        for path in expected["_moves"][name]:
            key = f"the gradients of {path}, update by update,"
            theirs, right = observed.get(key), expected[key]
            if not isinstance(theirs, np.ndarray) or theirs.shape != right.shape:
                continue
            found = compare(theirs[t], right[t], f"the gradient of {path} in {which}")
            if found:
                return replace(found, sentence=found.sentence + (note or _forward_calls(observed, expected)))
    return None


def _forward_calls(observed: Observations, expected: Observations) -> str:
    """How often forward ran, where that differs; it explains, and decides nothing."""
    seen = observed.get("_calls")
    for name, count in expected["_calls"].items():
        theirs = seen.get(name) if isinstance(seen, dict) else None
        if isinstance(theirs, int) and theirs != count:
            return f" ({name}.forward ran {_times(theirs)}; in the reference {_times(count)})"
    return ""


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")  # noqa: PLR2004


def judge_reaching(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require that nothing but the gradients of its own updates went through a network."""
    del case
    for name, right in expected.items():
        if not name.startswith(REACHED):
            continue
        seen = observed.get(name)
        for t in range(len(right)):
            theirs = seen[t] if isinstance(seen, np.ndarray) and seen.shape == right.shape else None
            if compare(theirs, right[t], name):
                network = name.removeprefix(REACHED).partition(".")[0]
                when = f"before its update {t + 1}" if t < len(right) - 1 else "after its last update"
                text = (
                    f"something other than the gradient of its own loss went through {network}.backward {when}: "
                    "another network's loss must not reach it"
                )
                return Mismatch("method", name, text)
    return None


def judge_left(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require gradients of zero."""
    del case
    for name, right in expected.items():
        seen = observed.get(name)
        if not isinstance(seen, np.ndarray) or seen.shape != right.shape or seen.any():
            text = f"the gradient of {name} is not zero when the function returns: clear it"
            return Mismatch("value", name, text)
    return None
