"""TrainingStepExercise: a function that runs training steps on the networks, losses and optimizers that it is given.

These are trusted and small; the optimizers write down every update with the gradients that it was made with, and who
has moved what in between.  ``updates.py`` judges it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Unpack

import numpy as np

from autograder.checks.drawing import CaseMaker, is_float
from autograder.checks.function import MATCHES, FunctionExercise, Setting
from autograder.checks.mutation import mutated_function
from autograder.checks.support import packaged_support
from autograder.checks.updates import judge_left, judge_modes, judge_reaching, judge_turns, judge_updates
from autograder.isolation.tree import New, Ref, Rng, Value, Values
from autograder.measuring import Memory, Scaling, Speed
from autograder.spec import Case, Check, Exercise, Extras, Observations, Points
from autograder.subject import Instance, Subject

__all__ = ["DETACHED", "DRAWS", "LEFT_OVER", "MODES", "TURNS", "TrainingStepExercise"]

TURNS = "every network is moved in its turn"
DETACHED = "the loss of one network does not reach the other"
LEFT_OVER = "no gradient is left over"
MODES = "a network computes in the mode that it is in, and stays in it"
DRAWS = "what a network draws in forward is what backward belongs to"
MODE = "mode"
"""Hidden in a case: the method that sets the mode in which its networks are given."""
LOG = "_log"
SUPPORT = packaged_support("training") + "\n\n" + packaged_support("returned")
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
    adjusted: tuple[str, ...] = ()
    watched: bool = False
    drawing: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """The networks that are named anywhere, those that are moved first."""
        moved = ((each,) if isinstance(each, str) else each for each in self.optimizers.values())
        return tuple(dict.fromkeys([*(name for names in moved for name in names), *self.detached, *self.cleared]))

    def setting(self) -> Setting:
        return _Training(self.make, lambda objects: _entries(objects[LOG].call("updates")))

    def make(self, subject: Subject, case: Case) -> dict[str, Instance]:
        """Make everything, by the names of the arguments, and the log."""
        made = {key: subject.make(new.name, *new.args, **new.kwargs) for key, new in self.networks(case).items()}
        dtype = next((str(x.dtype) for x in case.inputs.values() if is_float(x)), "float64")
        for network in made.values():
            network.call("astype", dtype)
            if MODE in case.hidden:
                network.call(case.hidden[MODE])
        networks = {key: Ref(network.handle) for key, network in made.items()}
        log = subject.make(
            "support.Log", networks, list(self.detached), watched=self.watched, drawing=list(self.drawing)
        )
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
    adjusted: tuple[str, ...] = (),
    drawing: tuple[str, ...] = (),
    points: Points | float | None = None,
    outputs: tuple[str, ...] = ("the result",),
    float32: bool | CaseMaker = False,
    speed: Speed | None = None,
    memory: Memory | None = None,
    scaling: Scaling | None = None,
    cpu_only: str = "",
    **extras: Unpack[Extras],
) -> Exercise:
    """Make the exercise of a function that trains, with the standard checks of a function.

    A case's inputs are passed in order, its arguments by name; and by name too:
    networks(case): ``{"model": New("support.Perceptron", 3, 4, rng=Rng(5))}``, of the assignment's ``support/`` or of
    ``autograder/checks/support/training.py``; they get the dtype of the case's first array of floats;
    optimizers: plain descent with ``lr``, each by the network or the networks that it moves;
    losses: by default a mean over rows of the squared distance, to rows or to labels.

    The result, the gradients of every update and the parameters at the end are compared with the reference's.  Where
    there are several optimizers, the first check is of the order of events: which optimizer moves its networks when,
    and that nothing else does.
    stale: the networks come with gradients of an earlier step, which are to be cleared.
    detached: networks that another one's loss must not reach, even where its gradient is cleared before it does harm;
    cleared: networks whose gradients must be zero when the function returns.  Each adds a check.
    adjusted: networks whose parameters the function itself changes between updates, as by clipping them.
    drawing: networks whose forward the text has called once for each backward, because it may draw.
    Other arguments: as of ``FunctionExercise``.
    """
    given = _Given(networks, optimizers, losses, lr, stale, detached, adjusted, cleared=cleared)
    exercise = FunctionExercise(
        name, cases=cases, points=points, speed=speed, memory=memory, scaling=scaling, setting=given.setting(),
        outputs=outputs, float32=float32, cpu_only=cpu_only, models=given.names(), **extras,
    )  # fmt: skip
    first = [_turns(name, cases, given)] if len(optimizers) > 1 else []
    follows = tuple(check.name for check in first)
    checks = [
        replace(check, judge=judge_updates, after=follows) if check.name == MATCHES else check
        for check in exercise.checks
    ]
    exercise = replace(exercise, checks=[*first, *checks], support=SUPPORT)
    _ask_for_modes(exercise, cases, given)
    if drawing:
        _ask_what_is_drawn(exercise, cases, replace(given, drawing=drawing))
    if detached:
        _ask_what_reaches(exercise, cases, given)
    if cleared:
        _ask_what_is_left(exercise, cases, given, cleared)
    return exercise


def _turns(name: str, cases: CaseMaker, given: _Given) -> Check:
    """The check of the order in which networks are moved."""
    watching = replace(given, watched=True)

    def observe(subject: Subject, case: Case) -> Observations:
        log = watching.log_of(name, subject, case)
        return {"_turns": log.call("taking_turns"), **_entries(log.call("updates"))}  # by which mistakes are recognised

    return Check(
        TURNS, name, 1.0, lambda rng, _reference: list(cases(rng)), observe,
        partial(judge_turns, adjusted=given.adjusted), needs=(name,), mutation=_late_updates(tuple(given.optimizers)),
    )  # fmt: skip


def _late_updates(optimizers: tuple[str, ...]) -> str:
    """Source of a function whose updates all come at the end, the last one first."""
    return (
        "_right = {name}\ndef {name}(*args, **kwargs):\n"
        f"    waiting, moving = [], [kwargs[name] for name in {optimizers!r}]\n"
        "    steps = [optimizer.step for optimizer in moving]\n"
        "    for optimizer, step in zip(moving, steps): optimizer.step = lambda step=step: waiting.append(step)\n"
        "    y = _right(*args, **kwargs)\n"
        "    for step in reversed(waiting): step()\n"
        "    return y\n"
    )


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


def _ask_for_modes(exercise: Exercise, cases: CaseMaker, given: _Given) -> None:
    mutation = mutated_function(
        f"network = kwargs[{given.names()[0]!r}]", "network.eval() if network.training else network.train()", "return y"
    )

    def in_modes(rng: np.random.Generator) -> list[Case]:
        drawn = list(cases(rng))[:2]
        return [case.with_changes(hidden={**case.hidden, MODE: mode}) for case in drawn for mode in ("train", "eval")]

    @exercise.check(MODES, cases=in_modes, judge=judge_modes, after=(MATCHES,), mutation=mutation)
    def modes(subject: Subject, case: Case) -> Observations:
        given_in = {"_given": "training" if case.hidden[MODE] == "train" else "evaluation"}
        return {**_entries(given.log_of(exercise.name, subject, case).call("modes_seen")), **given_in}


def _ask_what_is_drawn(exercise: Exercise, cases: CaseMaker, given: _Given) -> None:
    mutation = _looks_again(given.drawing[0])

    @exercise.check(DRAWS, cases=cases, judge=judge_updates, after=(MATCHES,), mutation=mutation)
    def drawn(subject: Subject, case: Case) -> Observations:
        return _entries(given.log_of(exercise.name, subject, case).call("updates"))


def _looks_again(network: str) -> str:
    """Source of a function that runs this network's forward once more before each of its backwards."""
    return (
        "_right = {name}\ndef {name}(*args, **kwargs):\n"
        f"    network, given = kwargs[{network!r}], []\n"
        "    forward, backward = network.forward, network.backward\n"
        "    network.forward = lambda *xs: (given.append(xs), forward(*xs))[1]\n"
        "    network.backward = lambda *dy: (forward(*given[-1]), backward(*dy))[1]\n"
        "    return _right(*args, **kwargs)\n"
    )


def _entries(seen: Value) -> Observations:
    """What the log says, unless somebody got at it."""
    return seen if isinstance(seen, dict) else {}


def _sends_again(network: str) -> str:
    """Source of a function that sends a gradient through this network once more when all is done.

    Where nothing was sent, because the network is frozen, ones for all of its last outputs.
    """
    return (
        "_right = {name}\ndef {name}(*args, **kwargs):\n"
        f"    network, sent = kwargs[{network!r}], []\n"
        "    forward, backward = network.forward, network.backward\n"
        "    network.forward = lambda *xs: (sent.append((forward(*xs),)), sent[-1][0])[1]\n"
        "    network.backward = lambda *dy: (sent.append(dy), backward(*dy))[1]\n"
        "    y = _right(*args, **kwargs)\n"
        "    backward(*(1 + 0 * each for each in sent[-1]))\n"
        "    return y\n"
    )
