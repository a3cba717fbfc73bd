"""How a class with forward and backward is built, run and looked at: the way checks see a layer or a loss."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autograder.checks.chance import RAW, Invariant, invariant_of
from autograder.checks.drawing import TRAINED, CaseMaker, fits, in_dtype, in_views, is_float, sizes, without_rng
from autograder.checks.judges import AS_IT_WAS, used_again
from autograder.checks.slopes import SLOPES, Slope, has_slope, real, weighted_sum
from autograder.isolation.tree import Ref, Value
from autograder.spec import Case, Observations, Trial
from autograder.spec.comparison import agree
from autograder.subject import Instance, Subject
from dlkit import gradcheck
from dlkit.backend import NumpyArray

__all__ = ["TRIES", "Behaviour", "Index", "by_name"]

Index = int | slice | NumpyArray
"""Of entries of an array."""

DIRECTIONS = 2
RETURNED = "what forward returned"
UNLIKE = "unlike"
"""Hidden in a case: a complete one of other constructor arguments."""
TRIES = "_tries"
"""How often backward called forward, where that was more than to compute again what it did not keep."""


@dataclass(frozen=True)
class Behaviour:
    """A class with forward and backward, as checks see it.

    outputs: what sentences call the result (``y``, ``the loss``), or each of several that forward returns as a tuple;
    several have an upstream gradient each, which backward is given in their order;
    takes_upstream: backward is given the gradient of the output (a layer) or nothing (a loss);
    gradient_of: inputs whose gradient backward returns; by default every array of floats;
    invariant(seen, case): of a layer that draws numbers, what of y and dx does not depend on the draw;
    constant(case): by parameter, an index of entries whose gradient is zero by definition;
    has_parameters: of a loss, that it is a Layer with parameters; those of a layer are always drawn.
    """

    name: str
    draw: CaseMaker
    outputs: tuple[str, ...] = ("y",)
    takes_upstream: bool = True
    gradient_of: tuple[str, ...] = ()
    extreme: float | None = None
    invariant: Invariant | None = None
    constant: Callable[[Case], Mapping[str, Index]] | None = None
    has_parameters: bool = False

    # --- cases -------------------------------------------------------------------------------

    def cases(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw the author's cases, complete with parameters and upstream gradients."""
        return [self.complete(case, rng, reference) for case in self.draw(rng)]

    def complete(self, case: Case, rng: np.random.Generator, reference: Subject) -> Case:
        """Draw what the author left out: parameters (biases too, or a forgotten one would hide) and dy."""
        thing = reference.make(self.name, **case.arguments)
        parameters = {
            path: case.parameters.get(path, rng.normal(0, 0.7, value.shape))
            for path, value in (thing.parameters() if self.takes_upstream or self.has_parameters else {}).items()
        }
        case = case.with_changes(parameters=parameters)
        if self.takes_upstream:
            y = self.build(reference, case).call("forward", *case.inputs.values())
            case = case.with_changes(upstream=self._draw_upstream(y, rng))
        return case

    def _draw_upstream(self, y: Value, rng: np.random.Generator) -> Value:
        if len(self.outputs) == 1:
            return rng.normal(size=np.shape(y))
        return {f"d{name}": rng.normal(size=np.shape(value)) for name, value in zip(self.outputs, y, strict=True)}

    def forward_cases(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw the cases, and each again with non-contiguous views."""
        cases = self.cases(rng, reference)
        return [*cases, *(case.with_changes(inputs=in_views(case).inputs) for case in cases)]

    def gradient_cases(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw the cases, and the last one again with a third of its first parameter's numbers zero.

        Only of the first: where its bias was zero as well, a unit would stand at its kink.
        """
        cases = self.cases(rng, reference)
        for path, value in list(cases[-1].parameters.items())[:1]:
            partly = value * (np.arange(value.size).reshape(value.shape) % 3 != 1)
            cases.append(cases[-1].with_changes(parameters={**cases[-1].parameters, path: partly}))
        return cases

    def some_cases(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw the two last cases: enough for a property that does not depend on the numbers."""
        return self.cases(rng, reference)[-2:]

    def float32_cases(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw the two last cases in single precision."""
        return [in_dtype(case, "float32") for case in self.some_cases(rng, reference)]

    def extreme_cases(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw cases whose float inputs hold plus and minus the extreme value, one for each set of arguments.

        Then one whose inputs are of every size between.
        """
        cases = {repr(without_rng(case.arguments)): case for case in self.cases(rng, reference)}
        *_, last = cases.values()
        extreme = [self._changed(case, lambda x: self._made_extreme(x, rng)) for case in cases.values()]
        return [*extreme, self._changed(last, lambda x: self._of_every_size(x, rng))]

    def _changed(self, case: Case, change: Callable[[NumpyArray], NumpyArray]) -> Case:
        inputs = {name: change(x) if self._has_gradient(name, x) else x for name, x in case.inputs.items()}
        return case.with_changes(inputs=inputs)

    def _of_every_size(self, x: NumpyArray, rng: np.random.Generator) -> NumpyArray:
        sizes = np.linspace(-2, np.log10(self.extreme or 1), x.size)
        numbers: NumpyArray = rng.permutation(10**sizes) * rng.choice([-1, 1], x.size)
        return numbers.reshape(x.shape).astype(x.dtype)

    def _made_extreme(self, x: NumpyArray, rng: np.random.Generator) -> NumpyArray:
        signs = rng.permutation(np.arange(x.size) % 3 - 1).reshape(x.shape)
        if len(x) > 1:
            signs[0] = -1  # a whole row far below the others: one maximum for all would not do
        return np.where(signs == 0, x, signs * float(self.extreme or 0)).astype(x.dtype)

    def two_call_cases(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw a case with inputs for an earlier call: one row more, the same rows in another order, another case's.

        Inputs of another case of the same arguments differ in more than the count of rows, where such a case is drawn.
        """
        *others, case = self.cases(rng, reference)
        order = rng.permutation(len(next(iter(case.inputs.values()))) + 1)
        first = {name: np.concatenate([x, x[:1]])[order] for name, x in case.inputs.items()}
        moved = {name: np.roll(x, 1, axis=0) for name, x in case.inputs.items()}
        ours = sizes(case.inputs)
        unlike = [other.inputs for other in others if fits(other, case) and sizes(other.inputs) != ours]
        return [case.with_changes(hidden={"first": inputs}) for inputs in (first, moved, *unlike[-1:])]

    def cases_of_two(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw a case with the inputs, parameters and upstream gradients of another object, or of an earlier call."""
        case, *_ = self.two_call_cases(rng, reference)
        unfinished = case.with_changes(inputs=case.hidden["first"], parameters={}, upstream=None)
        other = self.complete(unfinished, rng, reference)
        theirs = {"parameters": other.parameters, "upstream": self.upstream(other)}
        return [case.with_changes(hidden={**case.hidden, **theirs})]

    def cases_beside_another(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw such a case, with an object made with other arguments, where the author draws some.

        Two such cases where the arguments of one object may spell out what is the default.
        """
        (case,) = self.cases_of_two(rng, reference)
        made_with = {repr(without_rng(other.arguments)): other for other in self.draw(rng)}
        made_with.pop(repr(without_rng(case.arguments)), None)
        others = list(made_with.values())
        spelled_out = all(other.arguments.keys() == case.arguments.keys() for other in others)
        unlike = [self.complete(other, rng, reference).as_data() for other in others[: 1 if spelled_out else 2]]
        return [case.with_changes(hidden={**case.hidden, UNLIKE: other}) for other in unlike] or [case]

    # --- runs --------------------------------------------------------------------------------

    def build(self, subject: Subject, case: Case) -> Instance:
        """Make the thing, give it the case's parameters, and where the case says so, train it and go to eval mode."""
        thing = subject.make(self.name, **case.arguments)
        for path, value in case.parameters.items():
            thing.set(f"{path}.data", value)
        if any(value.dtype == np.float32 for value in case.parameters.values()):
            thing.call("astype", "float32")
        if TRAINED in case.hidden:
            for inputs in case.hidden[TRAINED]:
                thing.call("forward", *inputs)
            thing.call("eval")
        return thing

    def shown(self, seen: Observations, case: Case) -> Observations:
        """What is compared of what was seen."""
        return invariant_of(self.invariant, seen, case)

    def forward(self, subject: Subject, case: Case) -> Observations:
        """Run forward once."""
        return self.shown(self.named_outputs(self.build(subject, case).call("forward", *case.inputs.values())), case)

    def named_outputs(self, returned: Value) -> Observations:
        """Name what forward returned."""
        return by_name(self.outputs, returned)

    def backward(self, subject: Subject, case: Case) -> Observations:
        """Run forward and backward once; look at every gradient, and note a backward that tries out forward."""
        thing = self.build(subject, case)
        y = thing.call("forward", *case.inputs.values())
        returned, tries = thing.tally(
            "backward", *self.upstream(case), counted="forward", inputs=list(case.inputs.values())
        )
        seen = self.compared(y, self.gradients(thing, case, returned), case)
        return {**seen, TRIES: tries} if tries else seen

    def compared(self, y: Value, gradients: Observations, case: Case) -> Observations:
        """Gradients; of a random layer, what of them does not depend on the draw, as this call's output shows it."""
        return self.shown({**self.named_outputs(y), **gradients}, case) if self.invariant else gradients

    def gradients_after(self, thing: Instance, case: Case, y: Value) -> Observations:
        """Run backward after a forward that returned y; look at every gradient."""
        return self.compared(y, self.gradients(thing, case, self.call_backward(thing, case)), case)

    def call_backward(self, thing: Instance, case: Case) -> Value:
        """Call backward with the arguments it expects."""
        return thing.call("backward", *self.upstream(case))

    def upstream(self, case: Case) -> list[NumpyArray]:
        """Give the arguments of backward."""
        return list(case.upstreams.values()) if self.takes_upstream else []

    def gradients(self, thing: Instance, case: Case, returned: Value) -> Observations:
        """Name what backward returned and what it added to the parameters."""
        names = [f"d{name}" for name in self.differentiable(case)]
        seen = by_name(names, returned, "what backward returns") if names else {}
        seen.update({gradient_name(path): thing.get(f"{path}.grad") for path in case.parameters})
        return seen

    def differentiable(self, case: Case) -> list[str]:
        """Names of the inputs that have a gradient."""
        return [name for name, x in case.inputs.items() if self._has_gradient(name, x)]

    def _has_gradient(self, name: str, x: object) -> bool:
        return name in self.gradient_of if self.gradient_of else is_float(x)

    def backward_twice(self, subject: Subject, case: Case) -> Observations:
        """Run forward and backward twice without zero_grad(); of a random layer, look at what the second call added."""
        thing = self.build(subject, case)
        thing.call("forward", *case.inputs.values())
        self.call_backward(thing, case)
        if self.invariant:
            return self._added_by_second(thing, case)
        thing.call("forward", *case.inputs.values())
        self.call_backward(thing, case)
        return {f"{gradient_name(path)} after two calls": thing.get(f"{path}.grad") for path in case.parameters}

    def _added_by_second(self, thing: Instance, case: Case) -> Observations:
        before = {gradient_name(path): thing.get(f"{path}.grad") for path in case.parameters}
        y = thing.call("forward", *case.inputs.values())
        gradients = self.gradients(thing, case, self.call_backward(thing, case))
        try:
            added = {name: np.subtract(gradients[name], first) for name, first in before.items()}
        except (TypeError, ValueError):
            added = {}  # no arrays, or of another shape than before
        return self.compared(y, {**gradients, **added}, case)

    def after_another(self, subject: Subject, case: Case) -> Observations:
        """Run forward on other inputs, then forward and backward on the case's, in the same arrays if they fit."""
        thing, first = self.build(subject, case), case.hidden["first"]
        sent = {name: subject.put(x) for name, x in first.items()}
        thing.call("forward", *sent.values())
        for name, x in case.inputs.items():
            if name in sent and first[name].shape == x.shape and first[name].dtype == x.dtype:
                subject.overwrite(sent[name], x)
            else:
                sent[name] = subject.put(x)
        y = thing.call("forward", *(sent[name] for name in case.inputs))
        seen = self.gradients_after(thing, case, y)
        if not self.invariant:
            seen = {**seen, **self.named_outputs(y)}
        return {name if name == RAW else f"{name} of the second call": value for name, value in seen.items()}

    def beside_another(self, subject: Subject, case: Case) -> Observations:
        """Run forward, then forward and backward of a second object with other numbers, then backward.

        An object made with other arguments is made and used before, where the case has one.
        """
        thing = self.build(subject, case)
        if UNLIKE in case.hidden:
            unlike = Case.from_data(case.hidden[UNLIKE])
            first = self.build(subject, unlike)
            first.call("forward", *unlike.inputs.values())
            self.call_backward(first, unlike)
        y = thing.call("forward", *case.inputs.values())
        other = self.build(subject, case.with_changes(parameters=case.hidden["parameters"]))
        other.call("forward", *case.hidden["first"].values())
        other.call("backward", *case.hidden["upstream"])
        return self.gradients_after(thing, case, y)

    def with_new_parameters(self, subject: Subject, case: Case) -> Observations:
        """Run forward and backward, write other numbers into the parameters, and run both again; look at gradients."""
        thing = self.build(subject, case.with_changes(parameters=case.hidden["parameters"]))
        sent = [subject.put(x) for x in case.inputs.values()]
        thing.call("forward", *sent)
        self.call_backward(thing, case)
        thing.call("zero_grad")
        return self.gradients_after(thing, case, self._forward_with_new_parameters(thing, case, sent))

    def output_with_new_parameters(self, subject: Subject, case: Case) -> Observations:
        """Run forward, write other numbers into the parameters, and run it again on the same arrays."""
        thing = self.build(subject, case.with_changes(parameters=case.hidden["parameters"]))
        sent = [subject.put(x) for x in case.inputs.values()]
        thing.call("forward", *sent)
        return self.shown(self.named_outputs(self._forward_with_new_parameters(thing, case, sent)), case)

    def _forward_with_new_parameters(self, thing: Instance, case: Case, sent: list[Ref]) -> Value:
        for path, value in case.parameters.items():
            thing.write(f"{path}.data", value)
        return thing.call("forward", *sent)

    def backward_again(self, subject: Subject, case: Case) -> Observations:
        """Run forward once and backward twice; say whether what forward returned is as it was."""
        thing = self.build(subject, case)
        kept = thing.keep("forward", *case.inputs.values())
        y = kept.fetch()
        self.call_backward(thing, case)
        if case.parameters:
            thing.call("zero_grad")
        seen = self.gradients_after(thing, case, y)
        return {**seen, RETURNED: AS_IT_WAS if agree(y, kept.fetch()) else "changed by backward"}

    def results_kept(self, subject: Subject, case: Case) -> Observations:
        """Run forward and backward, and again with other numbers in inputs and parameters; say whether results stay."""
        thing, moved = self.build(subject, case), {name: np.roll(x, 1, axis=0) for name, x in case.inputs.items()}
        kept: dict[str, Instance] = {RETURNED: thing.keep("forward", *case.inputs.values())}
        kept["what backward returned"] = thing.keep("backward", *self.upstream(case))
        before = {name: value.fetch() for name, value in kept.items()}
        for path, value in case.parameters.items():
            thing.write(f"{path}.data", -value)
        thing.call("forward", *moved.values())
        self.call_backward(thing, case)
        now = {name: value.fetch() for name, value in kept.items()}
        return {name: AS_IT_WAS if agree(before[name], now[name]) else "changed by a later call" for name in kept}

    def in_eval(self, subject: Subject, case: Case) -> Observations:
        """Run forward and backward after an earlier call and eval()."""
        thing = self.build(subject, case)
        thing.call("forward", *case.hidden["first"].values())
        thing.call("eval")
        return self.gradients_after(thing, case, thing.call("forward", *case.inputs.values()))

    def backward_of_views(self, subject: Subject, case: Case) -> Observations:
        """Run forward and backward with non-contiguous arrays."""
        thing, views = self.build(subject, case), in_views(case)
        y = thing.call("forward", *views.inputs.values())
        return self.compared(y, self.gradients(thing, case, self.call_backward(thing, views)), case)

    def forward_untouched(self, subject: Subject, case: Case) -> Observations:
        """Run forward, look at its inputs afterwards, and run it again on the same arrays with a second object."""
        sent = {name: subject.put(x) for name, x in case.inputs.items()}
        self.build(subject, case).call("forward", *sent.values())
        after = {name: Instance(subject, ref.handle).fetch() for name, ref in sent.items()}
        again = self.named_outputs(self.build(subject, case).call("forward", *sent.values()))
        return {**after, **used_again(self.shown(again, case))}

    def backward_untouched(self, subject: Subject, case: Case) -> Observations:
        """Run forward and backward, look at the upstream gradients afterwards, and use them with a second object."""
        sent = {name: subject.put(dy) for name, dy in case.upstreams.items()}
        first, second = self.build(subject, case), self.build(subject, case)
        first.call("forward", *case.inputs.values())
        first.call("backward", *sent.values())
        after = {name: Instance(subject, ref.handle).fetch() for name, ref in sent.items()}
        y = second.call("forward", *case.inputs.values())
        gradients = self.gradients(second, case, second.call("backward", *sent.values()))
        return {**after, **used_again(self.compared(y, gradients, case))}

    def trial(self, subject: Subject, case: Case) -> Trial:
        """Prepare forward and backward with everything sent ahead, so that only computing is timed."""
        thing = self.build(subject, case)
        sent: dict[str, list[Ref]] = {}
        kept: dict[str, Instance] = {}
        latest = [case]

        def renew(case: Case) -> None:
            latest[:] = [case]
            sent["forward"] = [subject.put(x) for x in case.inputs.values()]
            sent["backward"] = [subject.put(dy) for dy in self.upstream(case)]
            if case.parameters:
                thing.call("zero_grad")

        def go() -> None:
            for method, arguments in sent.items():
                kept[method] = thing.keep(method, *arguments, settle=True)

        def collect() -> Observations:
            gradients = self.gradients(thing, case, kept["backward"].fetch())
            return self.shown({**self.named_outputs(kept["forward"].fetch()), **gradients}, *latest)

        return Trial(renew, go, collect, calls=2)

    # --- what is right -----------------------------------------------------------------------

    def expect_gradients(self, reference: Subject, case: Case, rng: np.random.Generator) -> Observations:
        """Give the reference's gradients, and slopes of its forward along random directions."""
        expected = self.backward(reference, case)
        slopes = self.slopes(reference, case, rng, DIRECTIONS)
        if self.invariant and all(has_slope(expected[RAW], slope) for slope in slopes):
            slopes = []  # proved already: they are those of this draw, which nobody else need make
        return {**expected, SLOPES: slopes}

    def slopes(self, subject: Subject, case: Case, rng: np.random.Generator, count: int) -> list[Slope]:
        """Slopes of the subject's forward along random directions, by central differences."""
        thing = self.build(subject, case)

        def same_draw() -> Instance:
            return self.build(subject, case) if self.invariant else thing

        def objective(y: Value) -> float:
            return weighted_sum(y, list(case.upstreams.values())) if self.takes_upstream else real(y)

        def of_input(name: str) -> Callable[[NumpyArray], float]:
            return lambda x: objective(same_draw().call("forward", *{**case.inputs, name: x}.values()))

        constant = self.constant(case) if self.constant else {}

        def of_parameter(path: str) -> Callable[[NumpyArray], float]:
            def f(value: NumpyArray) -> float:
                moved = same_draw()
                if path in constant:
                    value = value.copy()
                    value[constant[path]] = case.parameters[path][constant[path]]
                moved.set(f"{path}.data", value)
                return objective(moved.call("forward", *case.inputs.values()))

            return f

        found: list[Slope] = []
        for name in count * self.differentiable(case):
            slope = gradcheck.directional_derivative(of_input(name), case.inputs[name], rng)
            found.append([f"d{name}", *slope])
        for path, value in count * list(case.parameters.items()):
            slope = gradcheck.directional_derivative(of_parameter(path), value, rng)
            found.append([gradient_name(path), *slope])
            thing.set(f"{path}.data", value)
        return found

    def is_right_for_own_forward(self, subject: Subject, case: Case, observed: Observations) -> bool:
        """Whether the gradients are those of the subject's own forward, be that right or wrong."""
        try:
            slopes = self.slopes(subject, case, _directions(case), DIRECTIONS)
        except (ArithmeticError, TypeError, ValueError):
            return False
        return all(has_slope(observed.get(RAW, observed), slope) for slope in slopes)


def _directions(case: Case) -> np.random.Generator:
    """Directions that depend on what was drawn, so that nobody knows them beforehand."""
    drawn = [*case.inputs.values(), *case.parameters.values()]
    return np.random.default_rng([zlib.crc32(x.tobytes()) for x in drawn if isinstance(x, np.ndarray)])


def by_name(names: Sequence[str], returned: Value, otherwise: str = "what forward returns") -> Observations:
    """What a method returned, by name: one value, or a tuple of as many as there are names.

    otherwise: what it is called where it is neither.
    """
    if len(names) == 1:
        return {names[0]: returned}
    if isinstance(returned, tuple | list) and len(returned) == len(names):
        return dict(zip(names, returned, strict=True))
    return {otherwise: returned}


def gradient_name(path: str) -> str:
    """``dW`` for the parameter W; a nested one is named by its path."""
    return f"d{path}" if "." not in path else f"the gradient of {path}"
