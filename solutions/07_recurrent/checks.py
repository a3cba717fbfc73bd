"""What is graded of 07_recurrent: cases, points, limits, and the mistakes that people really make."""

import numpy as np

from autograder.checks import (
    Assignment,
    Case,
    FunctionExercise,
    LayerExercise,
    Mistake,
    New,
    Points,
    Ref,
    Rng,
    Setting,
    Speed,
    swap,
)
from autograder.checks.behaviour import Behaviour
from autograder.checks.sabotage import spoiled
from autograder.compare import compare_all
from autograder.spec import Check

FORWARD = "forward matches the reference"
GRADIENTS = "gradients match numerical differences"
NO_STATE = "a state that is not given is zeros"
NO_GRADIENT = "a gradient of the last state that is not given is zeros"
OUTPUTS = ("h", "last")

# Early ends, a gap in the middle and a late beginning: a held state has to work wherever it is held.
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 1, 0, 1, 0]])


def recurrent_cases(*of_state):
    """Cases of a layer whose state is (*of_state, hidden): uneven, one sequence alone, with and without a mask."""

    def cases(rng):
        for batch, time, in_features, hidden, mask in [
            (1, 4, 2, 3, None),
            (2, 3, 1, 1, None),
            (3, 5, 4, 2, MASK),
            (3, 5, 2, 3, MASK[[1, 2, 0]] != 0),
        ]:
            inputs = {"x": (batch, time, in_features), "state": (batch, *of_state, hidden)}
            case = Case(
                {"in_features": in_features, "hidden": hidden, "rng": Rng(0)},
                **{name: rng.normal(size=shape) for name, shape in inputs.items()},
            )
            yield case if mask is None else case.with_changes(inputs={**case.inputs, "mask": mask})

    return cases


def with_optional_arguments(exercise, cases):
    """Add the checks that a state, and a gradient of the last state, may be left out."""
    needs, thing = exercise.parts, Behaviour(exercise.name, cases, OUTPUTS)

    def without_state(subject, case):
        x, _, mask = case.inputs.values()
        alone = thing.named_outputs(thing.build(subject, case).call("forward", x))
        masked = thing.named_outputs(thing.build(subject, case).call("forward", x, None, mask))
        return {**alone, **{f"{name} with a mask": y for name, y in masked.items()}}

    def without_gradient(subject, case):
        layer = thing.build(subject, case)
        layer.call("forward", *case.inputs.values())
        return thing.gradients(layer, case, layer.call("backward", case.upstream["dh"]))

    exercise.checks.extend([
        Check(
            NO_STATE,
            "forward",
            1.0,
            thing.some_cases,
            without_state,
            compare_all,
            needs=tuple(part for part in needs if part != "backward"),
            after=(FORWARD,),
            sabotage=spoiled(
                "if len(xs) > 1 and xs[1] is not None:",
                "    return super().forward(*xs)",
                "h, last = super().forward(*xs)",
                "return h + 1, last",
            ),
        ),
        Check(
            NO_GRADIENT,
            "backward",
            1.0,
            thing.some_cases,
            without_gradient,
            compare_all,
            needs=needs,
            after=(GRADIENTS,),
            sabotage=spoiled(
                "dx, dstate = super().backward(*dy)",
                "return dx, dstate + (len(dy) == 1)",
                method="backward",
            ),
        ),
    ])
    return exercise


rnn = LayerExercise(
    "RNN",
    cases=recurrent_cases(),
    points=Points(forward=4, backward=8),
    has_parameters=True,
    outputs=OUTPUTS,
    hints={
        "forward": (
            "One loop, over time. What does a step need that the step before has made?",
            "hₜ = tanh(xₜ W + hₜ₋₁ U + b)",
            "Make room for time + 1 states, put the given one first, and fill in one after the other; where the mask is 0, copy the one before.",
        ),
        "backward": (
            "Follow one hidden state in the drawing: it goes out at the top, and to the right. Both ways bring something back.",
            "gₜ = dhₜ + dzₜ₊₁ Uᵀ,  dzₜ = gₜ (1 − hₜ²),  dW = Σ xₜᵀ dzₜ,  dU = Σ hₜ₋₁ᵀ dzₜ",
            "Walk from the last step to the first with one array in hand, what comes back from the next step; it begins as dlast and ends as dstate.",
        ),
    },
    mistakes=[
        Mistake(
            "forgets the bias",
            swap("self.x @ self.W.data + self.b.data", "self.x @ self.W.data"),
            hint="zₜ = xₜ W + hₜ₋₁ U + b: the bias is missing.",
        ),
        Mistake(
            "forgets the state that comes in",
            swap("self.begin(x, state)", "self.begin(x, None)"),
            hint="The first step reads the state that forward was given, not zeros.",
        ),
        Mistake(
            "forgets the state of the step before",
            swap("xp.tanh(z[t] + h[t] @ self.U.data)", "xp.tanh(z[t])"),
            hint="Without hₜ₋₁ U every step stands alone, and nothing is remembered.",
        ),
        Mistake(
            "reads the first state at every step",
            swap("z[t] + h[t] @ self.U.data", "z[t] + h[0] @ self.U.data"),
            hint="Step t reads the state that step t − 1 has left, not the one that came in.",
        ),
        Mistake(
            "takes U transposed",
            swap("z[t] + h[t] @ self.U.data", "z[t] + h[t] @ self.U.data.T"),
            hint="hₜ₋₁ U, without a transpose: PyTorch keeps its weights the other way round.",
        ),
        Mistake(
            "mixes with the bias of the sequence in place of the state",
            swap("z[t] + h[t] @ self.U.data", "z[t] + self.b.data @ self.U.data"),
            hint="It is the state before, hₜ₋₁, that U is applied to.",
        ),
        Mistake(
            "ignores the mask",
            swap("new if mask is None else xp.where(self.steps[t], new, h[t])", "new"),
            hint="Where the mask is 0 there is no step: the state stays what it was.",
        ),
        Mistake(
            "sets the state to zero in the padding",
            swap("xp.where(self.steps[t], new, h[t])", "new * self.steps[t]"),
            hint="Padding holds the state; zeros would be forgotten words. Take the state before where the mask is 0.",
        ),
        Mistake(
            "shows zeros in the padding",
            swap(
                "return by_sequence(h[1:]), h[-1]",
                "return by_sequence(h[1:] if mask is None else h[1:] * self.steps), h[-1]",
            ),
            hint="Here h repeats the held state in the padding, unlike PyTorch's packed sequences, which have zeros there.",
        ),
        Mistake(
            "holds the state that came in",
            swap("xp.where(self.steps[t], new, h[t])", "xp.where(self.steps[t], new, h[0])"),
            hint="Held is the state of the step before, not the very first one.",
        ),
        Mistake(
            "returns the states before the steps",
            swap("by_sequence(h[1:])", "by_sequence(h[:-1])"),
            hint="h[:, t] is the state after step t: leave out the one that came in, not the last one.",
        ),
        Mistake(
            "puts time before the batch",
            swap("return by_sequence(h[1:]), h[-1]", "return h[1:], h[-1]"),
            hint="h is (batch, time, hidden): turn time and batch round before you return it.",
        ),
        Mistake(
            "returns the hidden states only",
            swap("return by_sequence(h[1:]), h[-1]", "return by_sequence(h[1:])"),
            hint="Two things are wanted: all hidden states and the last state, return h, last.",
        ),
        Mistake(
            "ignores the gradient of the last state",
            swap("if dlast is None else dlast", "if True else dlast"),
            hint="The last state is an output too: dlast is where the way back begins.",
        ),
        Mistake(
            "goes back through the last step only",
            swap("xp.empty_like(slope)", "xp.zeros_like(slope)"),
            swap("for t in reversed(range(len(dz))):", "for t in [len(dz) - 1]:"),
            hint="Every step had a part in the outputs: go back through all of them, from the last to the first.",
        ),
        Mistake(
            "forgets what comes back from the next step",
            swap("g = dh[t] + dstate", "g = dh[t]"),
            hint="hₜ is read by step t + 1 as well: gₜ = dhₜ + dzₜ₊₁ Uᵀ.",
        ),
        Mistake(
            "asks the last step only what the outputs want",
            swap("g = dh[t] + dstate", "g = dstate + (dh[t] if t == len(dz) - 1 else 0)"),
            hint="The loss may look at the hidden state of every step: dhₜ is added at each.",
        ),
        Mistake(
            "takes the slope with z in place of h",
            swap("slope = 1 - h[1:] * h[1:]", "slope = 1 - xp.arctanh(h[1:]) ** 2"),
            hint="tanh′(z) = 1 − tanh²(z) = 1 − h²: square the output, not what went into the tanh.",
        ),
        Mistake(
            "takes the slope of the step before",
            swap("slope = 1 - h[1:] * h[1:]", "slope = 1 - h[:-1] * h[:-1]"),
            hint="The tanh of step t gave hₜ: its slope is 1 − hₜ², not 1 − hₜ₋₁².",
        ),
        Mistake(
            "forgets the slope of the tanh",
            swap("dz[t] = g * slope[t]", "dz[t] = g * (slope[t] != 0)"),
            hint="Chain rule through the tanh: dz = g (1 − h²).",
        ),
        Mistake(
            "goes back without U",
            swap("dstate = dz[t] @ self.U.data.T", "dstate = dz[t]"),
            hint="The state entered the next step through U, so its gradient comes back through Uᵀ.",
        ),
        Mistake(
            "goes back with U as it is",
            swap("dstate = dz[t] @ self.U.data.T", "dstate = dz[t] @ self.U.data"),
            hint="Going back the matrix is transposed: dz Uᵀ.",
        ),
        Mistake(
            "overwrites the gradient of W at every step",
            swap("self.W.grad += x.reshape(len(rows), -1).T @ rows", "self.W.grad += x[0].T @ dz[0]"),
            hint="W acts at every step, and the effects add up: what is left here is the last one that was written, of the first step.",
        ),
        Mistake(
            "averages the gradient of W over the steps",
            swap(
                "self.W.grad += x.reshape(len(rows), -1).T @ rows",
                "self.W.grad += x.reshape(len(rows), -1).T @ rows / len(dz)",
            ),
            hint="The effects of all steps add up: a sum over time, no mean.",
        ),
        Mistake(
            "takes the state after the step for U",
            swap("h[:-1].reshape(rows.shape)", "h[1:].reshape(rows.shape)"),
            hint="U was multiplied by the state before the step: dU = Σ hₜ₋₁ᵀ dzₜ.",
        ),
        Mistake(
            "leaves the first state out of the gradient of U",
            swap("self.U.grad += h[:-1].reshape(rows.shape).T @ rows", "self.U.grad += (h[1:-1].reshape(-1, h.shape[2]).T @ dz[1:].reshape(-1, h.shape[2]))"),
            hint="The state that came in was multiplied by U too: the sum begins with the first step.",
        ),
        Mistake(
            "forgets the gradient of the bias",
            swap("        self.b.grad += rows.sum(axis=0)\n", ""),
            hint="The bias is a parameter too: add dz, summed over steps and sequences.",
        ),
        Mistake(
            "ignores the mask going back",
            swap("        if self.steps is not None:\n            slope *= self.steps\n", ""),
            swap(
                "            if self.steps is not None:\n                dstate = xp.where(self.steps[t], dstate, g)\n", ""
            ),
            hint="Where nothing happened on the way there, nothing is differentiated on the way back: dz = 0 and the gradient goes straight on.",
        ),
        Mistake(
            "loses the gradient in the padding",
            swap("xp.where(self.steps[t], dstate, g)", "dstate * self.steps[t]"),
            hint="A held state is handed on as it is, hₜ = hₜ₋₁, so its whole gradient goes on to the step before.",
        ),
        Mistake(
            "lets padding into the weights' gradients",
            swap("        if self.steps is not None:\n            slope *= self.steps\n", ""),
            hint="Padding has no part in W, U, b and x: dz is 0 there.",
        ),
        Mistake(
            "returns no gradient of the first state",
            swap("return by_sequence(dz @ self.W.data.T), dstate", "return by_sequence(dz @ self.W.data.T), 0 * dstate"),
            hint="The state that came in is an input: what is left over at the front of the walk is its gradient.",
        ),
        Mistake(
            "overwrites the gradient of the weights",
            swap("self.W.grad += x", "self.W.grad[...] = x"),
            hint="Use +=: gradients accumulate until zero_grad().",
            caught_by="gradients accumulate",
        ),
        Mistake(
            "remembers the first batch for ever",
            swap("        self.h = h\n", '        self.h = getattr(self, "h", h)\n'),
            hint="backward belongs to the last forward: remember the states anew in every call.",
            caught_by="a second call forgets the first",
        ),
        Mistake(
            "makes float64 states",
            swap("*z.shape[1:]), dtype=z.dtype)", "*z.shape[1:]))"),
            hint="empty and zeros make float64 unless told otherwise: dtype=x.dtype.",
            caught_by="float32 stays float32",
        ),
        Mistake(
            "keeps the states on the host",
            swap("h = xp.empty(", "h = np.empty("),
            hint="np.empty makes a host array. Ask x for its library: array_module(x).empty.",
            caught_by="stays on the device",
        ),
        Mistake(
            "wants a state",
            swap("self.begin(x, state)", "state + 0"),
            hint="state=None is a state of zeros: self.begin(x, state) makes it.",
            caught_by=NO_STATE,
        ),
        Mistake(
            "wants a gradient of the last state",
            swap("xp.zeros_like(dh[0]) if dlast is None else dlast", "dlast.copy()"),
            hint="dlast=None means that nobody looked at the last state: zeros.",
            caught_by=NO_GRADIENT,
        ),
    ],
)
with_optional_arguments(rnn, recurrent_cases())

FORGET = "the forget gate begins open"

lstm = LayerExercise(
    "LSTM",
    cases=recurrent_cases(2),
    points=Points(first_bias=1, forward=6, backward=10, speed=2),
    has_parameters=True,
    outputs=OUTPUTS,
    made_with=("first_bias",),
    speed=Speed(
        Case({"in_features": 64, "hidden": 64, "rng": Rng(0)}, x=(16, 32, 64), state=(16, 2, 64)),
        at_most=5.0,
    ),
    hints={
        "first_bias": (
            "Which of the four gates decides how much of the cell is kept?",
            "b = (0, 1, 0, 0) for the gates i, f, g, o, each value for all hidden numbers",
            "Begin with zeros of the length 4 · hidden and set the second quarter to 1.",
        ),
        "forward": (
            "Beside the RNN there is a second state, and four times as many columns; the loop is the same.",
            "c = f c₋₁ + i g,  h = o tanh(c),  with i, f, o through a sigmoid and g through a tanh",
            "Compute x W + b for all steps at once, add h U in the loop, cut the columns into quarters, and hold both states where the mask is 0.",
        ),
        "backward": (
            "Two things come back from the next step. Which way does each of them go on?",
            "dc = dc₊₁ f₊₁ + g o (1 − tanh² c);  each gate: the other factor of its product times its own slope",
            "In the loop: dh plus what came back, dc plus what comes through h, the four dz side by side, then dz Uᵀ and dc f for the step before. Weights after the loop, as one product.",
        ),
    },
    mistakes=[
        Mistake(
            "begins with all gates half open",
            swap("b[hidden : 2 * hidden] = 1", "b[hidden : 2 * hidden] = 0"),
            hint="With a bias of 0 half of the cell is lost at every step. Begin with 1 for the forget gate.",
            caught_by=FORGET,
        ),
        Mistake(
            "opens the input gate instead",
            swap("b[hidden : 2 * hidden] = 1", "b[:hidden] = 1"),
            hint="The gates are in the order i, f, g, o: the forget gate has the second quarter.",
            caught_by=FORGET,
        ),
        Mistake(
            "takes the third gate for the forget gate",
            swap("b[hidden : 2 * hidden] = 1", "b[2 * hidden : 3 * hidden] = 1"),
            hint="The gates are in the order i, f, g, o: the forget gate has the second quarter, from hidden to 2 · hidden.",
            caught_by=FORGET,
        ),
        Mistake(
            "opens all gates",
            swap("b[hidden : 2 * hidden] = 1", "b[...] = 1"),
            hint="Only the forget gate begins with a bias of 1; the others have zeros.",
            caught_by=FORGET,
        ),
        Mistake(
            "closes the forget gate",
            swap("b[hidden : 2 * hidden] = 1", "b[hidden : 2 * hidden] = -1"),
            hint="The gate says how much is *kept*: a positive bias opens it.",
            caught_by=FORGET,
        ),
        Mistake(
            "has the gates in the order i, f, o, g",
            swap("half[2 * hidden : 3 * hidden] = 1", "half[3 * hidden :] = 1"),
            swap("i, f, g, o = (a[:", "i, f, o, g = (a[:"),
            hint="The columns are in the order i, f, g, o: the tanh is the third, the output gate the last.",
        ),
        Mistake(
            "has the gates in the order f, i, g, o",
            swap("i, f, g, o = (a[:", "f, i, g, o = (a[:"),
            hint="The columns are in the order i, f, g, o: the input gate is the first.",
        ),
        Mistake(
            "puts g through a sigmoid",
            swap("half[2 * hidden : 3 * hidden] = 1", "half[2 * hidden : 3 * hidden] = 0.5"),
            hint="g is no gate but what is to be written: a tanh, from −1 to 1.",
        ),
        Mistake(
            "shows the cell without its tanh",
            swap("xp.multiply(o, tanh_c[t], out=h[t + 1])", "xp.multiply(o, c[t + 1], out=h[t + 1])"),
            hint="h = o tanh(c).",
        ),
        Mistake(
            "forgets nothing",
            swap("xp.multiply(f, c[t], out=c[t + 1])", "c[t + 1] = c[t]"),
            hint="c = f c₋₁ + i g: the forget gate is missing.",
        ),
        Mistake(
            "writes over the cell",
            swap("c[t + 1] += i * g", "c[t + 1] = i * g"),
            hint="What is let in is added to what is kept: c = f c₋₁ + i g.",
        ),
        Mistake(
            "forgets the input gate",
            swap("c[t + 1] += i * g", "c[t + 1] += g"),
            hint="c = f c₋₁ + i g: the input gate is missing.",
        ),
        Mistake(
            "lets in what is not kept",
            swap("c[t + 1] += i * g", "c[t + 1] += (1 - f) * g"),
            hint="That is the GRU's economy. The LSTM has an input gate of its own: i g.",
        ),
        Mistake(
            "forgets the output gate",
            swap("xp.multiply(o, tanh_c[t], out=h[t + 1])", "h[t + 1] = tanh_c[t]"),
            hint="h = o tanh(c): the output gate is missing.",
        ),
        Mistake(
            "takes the state as c and h",
            swap("h[0], c[0] = state[:, 0], state[:, 1]", "c[0], h[0] = state[:, 0], state[:, 1]"),
            hint="state[:, 0] is h and state[:, 1] is c.",
        ),
        Mistake(
            "begins with an empty cell",
            swap("h[0], c[0] = state[:, 0], state[:, 1]", "h[0], c[0] = state[:, 0], 0"),
            hint="The state that comes in has two parts: c begins as state[:, 1].",
        ),
        Mistake(
            "forgets the state that comes in",
            swap("state = self.begin(x, state)", "state = self.begin(x, None)"),
            hint="The first step reads the state that forward was given, not zeros.",
        ),
        Mistake(
            "stacks the states in front of the batch",
            swap("xp.stack([h[-1], c[-1]], axis=1)", "xp.stack([h[-1], c[-1]])"),
            hint="last has the shape of state, (batch, 2, hidden): the batch comes first.",
        ),
        Mistake(
            "returns the last h for c as well",
            swap("xp.stack([h[-1], c[-1]], axis=1)", "xp.stack([h[-1], h[-1]], axis=1)"),
            hint="last holds h and c after the last step.",
        ),
        Mistake(
            "forgets the bias",
            swap("        gates += self.b.data * half\n", ""),
            hint="z = x W + h U + b: the bias is missing.",
        ),
        Mistake(
            "ignores the mask",
            swap("if mask is not None:\n                h[t + 1]", "if False:\n                h[t + 1]"),
            hint="Where the mask is 0 there is no step: h and c stay what they were.",
        ),
        Mistake(
            "holds h and not c",
            swap("                c[t + 1] = xp.where(self.steps[t], c[t + 1], c[t])\n", ""),
            hint="The state has two parts, and both are held in the padding.",
        ),
        Mistake(
            "sets the state to zero in the padding",
            swap("xp.where(self.steps[t], h[t + 1], h[t])", "h[t + 1] * self.steps[t]"),
            swap("xp.where(self.steps[t], c[t + 1], c[t])", "c[t + 1] * self.steps[t]"),
            hint="Padding holds the state; zeros would be a loss of memory. Take the state before where the mask is 0.",
        ),
        Mistake(
            "forgets the direct path of the cell",
            swap("dc_t * f[t]\n", "0 * dc_t\n"),
            hint="c goes on to the next step without passing h: dc · f comes back on that way. It is the point of an LSTM.",
        ),
        Mistake(
            "takes the direct path past the forget gate",
            swap("dc_t * f[t]\n", "dc_t\n"),
            hint="c₋₁ was multiplied by f on its way: so is its gradient, dc · f.",
        ),
        Mistake(
            "takes the forget gate of the step before",
            swap("dc_t * f[t]\n", "dc_t * f[t - 1]\n"),
            hint="From c of step t to c of step t − 1 it goes through the forget gate of step t.",
        ),
        Mistake(
            "forgets that the cell is shown",
            swap("dc_t = dc + dh_t * shown[t]", "dc_t = dc + 0 * shown[t]"),
            hint="h = o tanh(c): dh reaches c through it, dh · o (1 − tanh² c).",
        ),
        Mistake(
            "forgets the slope of the tanh of the cell",
            swap("shown = o * (1 - self.tanh_c * self.tanh_c)", "shown = o * 1"),
            hint="h = o tanh(c), so dh comes to c with the slope of that tanh: o (1 − tanh² c).",
        ),
        Mistake(
            "takes h for the tanh of the cell",
            swap("(1 - self.tanh_c * self.tanh_c)", "(1 - self.h[1:] ** 2)"),
            hint="The slope is 1 − tanh²(c). h is o tanh(c), not tanh(c).",
        ),
        Mistake(
            "takes the slope with c in place of its tanh",
            swap("(1 - self.tanh_c * self.tanh_c)", "(1 - self.c[1:] ** 2)"),
            hint="The slope is 1 − tanh²(c): square the tanh of c, not c.",
        ),
        Mistake(
            "takes the slope of a sigmoid for g",
            swap("        xp.subtract(1, g * g, out=dz[:, :, 2])\n", ""),
            hint="g is a tanh: its slope is 1 − g². Only i, f and o have s (1 − s).",
        ),
        Mistake(
            "takes the slope of a tanh for every gate",
            swap("dz = gates * (1 - gates)", "dz = 1 - gates * gates"),
            hint="i, f and o are sigmoids: their slope is s (1 − s). Only g has 1 − g².",
        ),
        Mistake(
            "forgets the slopes of the gates",
            swap("dz = gates * (1 - gates)", "dz = 0 * gates + 1"),
            swap("        xp.subtract(1, g * g, out=dz[:, :, 2])\n", ""),
            hint="Each gate is a function of z: times i (1 − i), f (1 − f), 1 − g², o (1 − o).",
        ),
        Mistake(
            "takes the cell after the step for the forget gate",
            swap("enumerate((g, self.c[:-1], i, self.tanh_c))", "enumerate((g, self.c[1:], i, self.tanh_c))"),
            hint="f multiplied the cell of the step before: df = dc · c₋₁.",
        ),
        Mistake(
            "exchanges the partners of i and g",
            swap("enumerate((g, self.c[:-1], i, self.tanh_c))", "enumerate((i, self.c[:-1], g, self.tanh_c))"),
            hint="In the product i g the derivative by i is g, and by g it is i.",
        ),
        Mistake(
            "takes the cell for the output gate",
            swap("enumerate((g, self.c[:-1], i, self.tanh_c))", "enumerate((g, self.c[:-1], i, self.c[1:]))"),
            hint="o multiplied tanh(c): do = dh · tanh(c).",
        ),
        Mistake(
            "asks the output gate for the cell's gradient",
            swap("dz[t, :, 3] *= dh_t", "dz[t, :, 3] *= dc_t"),
            hint="The output gate stands in h = o tanh(c), not in c: its gradient comes from dh.",
        ),
        Mistake(
            "forgets what comes back from the next step",
            swap("dh_t = dh[t] + from_next", "dh_t = dh[t]"),
            hint="h is read by the next step as well: dh plus dz Uᵀ of the step after.",
        ),
        Mistake(
            "goes back through the last step only",
            swap(
                "        for t in reversed(range(len(dz))):", "        dz[:-1] = 0\n        for t in [len(dz) - 1]:"
            ),
            hint="Every step had a part in the outputs: go back through all of them, from the last to the first.",
        ),
        Mistake(
            "ignores the gradient of the last state",
            swap("self.begin(dh[0], dlast)", "self.begin(dh[0], None)"),
            hint="The last state is an output too: dlast is where the way back begins.",
        ),
        Mistake(
            "ignores the gradient of the last cell",
            swap("from_next, dc = dstate[:, 0], dstate[:, 1]", "from_next, dc = dstate[:, 0], 0 * dstate[:, 1]"),
            hint="dlast has two parts, as the state has: dlast[:, 1] is the gradient of the last cell.",
        ),
        Mistake(
            "takes dlast as c and h",
            swap("from_next, dc = dstate[:, 0], dstate[:, 1]", "dc, from_next = dstate[:, 0], dstate[:, 1]"),
            hint="dlast[:, 0] belongs to h and dlast[:, 1] to c.",
        ),
        Mistake(
            "goes back with U as it is",
            swap("from_next, kept = rows[t] @ back,", "from_next, kept = rows[t] @ self.U.data.reshape(4 * hidden, hidden),"),
            hint="Going back the matrix is transposed, dz Uᵀ; a reshape to the same size is something else.",
        ),
        Mistake(
            "overwrites the gradient of W at every step",
            swap(
                "self.W.grad += self.x.reshape(len(rows), -1).T @ rows",
                "self.W.grad += self.x[0].T @ rows[: self.x.shape[1]]",
            ),
            hint="W acts at every step, and the effects add up: what is left here is the last one that was written, of the first step.",
        ),
        Mistake(
            "takes the state after the step for U",
            swap("self.h[:-1].reshape(len(rows), -1)", "self.h[1:].reshape(len(rows), -1)"),
            hint="U was multiplied by the state before the step: dU = Σ hₜ₋₁ᵀ dzₜ.",
        ),
        Mistake(
            "forgets the gradient of the bias",
            swap("        self.b.grad += rows.sum(axis=0)\n", ""),
            hint="The bias is a parameter too: add dz, summed over steps and sequences.",
        ),
        Mistake(
            "averages the gradient of the bias",
            swap("self.b.grad += rows.sum(axis=0)", "self.b.grad += rows.mean(axis=0)"),
            hint="The effects of all steps and sequences add up: a sum, no mean.",
        ),
        Mistake(
            "ignores the mask going back",
            swap("        if steps is not None:\n            dz *= steps[:, :, None]\n", ""),
            swap("            if steps is not None:\n                from_next", "            if False:\n                from_next"),
            hint="Where nothing happened on the way there, nothing is differentiated on the way back: dz = 0, and dh and dc go straight on.",
        ),
        Mistake(
            "loses the gradient in the padding",
            swap(
                "xp.where(steps[t], from_next, dh_t), xp.where(steps[t], kept, dc)",
                "from_next * steps[t], kept * steps[t]",
            ),
            hint="Held states are handed on as they are, so their whole gradients go on to the step before.",
        ),
        Mistake(
            "loses the gradient of the held cell",
            swap("xp.where(steps[t], kept, dc)", "kept * steps[t]"),
            hint="The cell is held in the padding as well: its gradient dc goes straight on.",
        ),
        Mistake(
            "lets padding into the weights' gradients",
            swap("        if steps is not None:\n            dz *= steps[:, :, None]\n", ""),
            hint="Padding has no part in W, U, b and x: dz is 0 there.",
        ),
        Mistake(
            "returns no gradient of the first state",
            swap("xp.stack([from_next, dc], axis=1)", "0 * xp.stack([from_next, dc], axis=1)"),
            hint="The state that came in is an input: what is left over at the front of the walk is its gradient.",
        ),
        Mistake(
            "returns no gradient of the first cell",
            swap("xp.stack([from_next, dc], axis=1)", "xp.stack([from_next, 0 * dc], axis=1)"),
            hint="The state has two parts, and so has its gradient: what is left of dc at the front belongs to c.",
        ),
        Mistake(
            "overwrites the gradient of the weights",
            swap("self.W.grad += self.x", "self.W.grad[...] = self.x"),
            hint="Use +=: gradients accumulate until zero_grad().",
            caught_by="gradients accumulate",
        ),
        Mistake(
            "remembers the first cells for ever",
            swap("self.h, self.c, self.tanh_c, self.gates = h, c, tanh_c, gates", 'self.h, self.tanh_c, self.gates = h, tanh_c, gates\n        self.c = getattr(self, "c", c)'),
            hint="backward belongs to the last forward: remember the cells anew in every call.",
            caught_by="a second call forgets the first",
        ),
        Mistake(
            "makes float64 gates",
            swap("xp.full(4 * hidden, 0.5, dtype=x.dtype)", "xp.full(4 * hidden, 0.5)"),
            hint="full, empty and zeros make float64 unless told otherwise: dtype=x.dtype.",
            caught_by="float32 stays float32",
        ),
        Mistake(
            "keeps the states on the host",
            swap("h, c = xp.empty(", "h, c = np.empty("),
            hint="np.empty makes a host array. Ask x for its library: array_module(x).empty.",
            caught_by="stays on the device",
        ),
        Mistake(
            "wants a state",
            swap("state = self.begin(x, state)", "state = state + 0"),
            hint="state=None is a state of zeros: self.begin(x, state) makes it.",
            caught_by=NO_STATE,
        ),
        Mistake(
            "wants a gradient of the last state",
            swap("dstate = self.begin(dh[0], dlast)", "dstate = dlast.copy()"),
            hint="dlast=None means that nobody looked at the last state: zeros.",
            caught_by=NO_GRADIENT,
        ),
    ],
    slow="""
def forward(self, x, state=None, mask=None):
    xp, hidden = array_module(x), self.out_features
    batch, time, _ = x.shape
    state = self.begin(x, state)
    W, U, b = (xp.split(p.data, 4, axis=-1) for p in (self.W, self.U, self.b))
    self.x, self.mask = x, mask
    self.h, self.c = xp.zeros((2, batch, time + 1, hidden), dtype=x.dtype)
    self.a = xp.zeros((4, batch, time, hidden), dtype=x.dtype)
    self.h[:, 0], self.c[:, 0] = state[:, 0], state[:, 1]
    for n in range(batch):
        for t in range(time):
            h, c = self.h[n, t], self.c[n, t]
            z = [x[n, t] @ W[k] + h @ U[k] + b[k] for k in range(4)]
            i, f, g, o = sigmoid(z[0]), sigmoid(z[1]), xp.tanh(z[2]), sigmoid(z[3])
            for k, gate in enumerate((i, f, g, o)):
                self.a[k, n, t] = gate
            new_c = f * c + i * g
            new_h = o * xp.tanh(new_c)
            self.h[n, t + 1] = new_h if mask is None else xp.where(mask[n, t], new_h, h)
            self.c[n, t + 1] = new_c if mask is None else xp.where(mask[n, t], new_c, c)
    return self.h[:, 1:], xp.stack([self.h[:, -1], self.c[:, -1]], axis=1)

def backward(self, dh, dlast=None):
    xp, hidden, x = array_module(dh), self.out_features, self.x
    batch, time, _ = x.shape
    dstate = self.begin(dh, dlast).copy()
    dx = xp.zeros_like(x)
    U, W = self.U.data, self.W.data
    for n in range(batch):
        dnext, dc = dstate[n]
        for t in reversed(range(time)):
            dnext = dnext + dh[n, t]
            held_h, held_c = dnext, dc
            i, f, g, o = self.a[:, n, t]
            tanh_c = xp.tanh(self.c[n, t + 1])
            dc = dc + dnext * o * (1 - tanh_c * tanh_c)
            dz = xp.concatenate([
                dc * g * i * (1 - i), dc * self.c[n, t] * f * (1 - f), dc * i * (1 - g * g), dnext * tanh_c * o * (1 - o)
            ])
            if self.mask is not None:
                dz = dz * (self.mask[n, t] != 0)
            self.W.grad += x[n, t][:, None] * dz
            self.U.grad += self.h[n, t][:, None] * dz
            self.b.grad += dz
            dx[n, t] = W @ dz
            dnext, dc = U @ dz, dc * f
            if self.mask is not None:
                dnext = xp.where(self.mask[n, t], dnext, held_h)
                dc = xp.where(self.mask[n, t], dc, held_c)
        dstate[n, 0], dstate[n, 1] = dnext, dc
    return dx, dstate
""",
    plain="""
def forward(self, x, state=None, mask=None):
    xp, steps = array_module(x), steps_of(mask)
    state = self.begin(x, state)
    h, c = state[:, 0], state[:, 1]
    W, U, b = (xp.split(p.data, 4, axis=-1) for p in (self.W, self.U, self.b))
    self.x, self.steps, self.memory, states = x, steps, [], []
    for t in range(x.shape[1]):
        z = [x[:, t] @ W[k] + h @ U[k] + b[k] for k in range(4)]
        i, f, g, o = sigmoid(z[0]), sigmoid(z[1]), xp.tanh(z[2]), sigmoid(z[3])
        new_c = f * c + i * g
        tanh_c = xp.tanh(new_c)
        new_h = o * tanh_c
        self.memory.append((h, c, i, f, g, o, tanh_c))
        h = new_h if mask is None else xp.where(steps[t], new_h, h)
        c = new_c if mask is None else xp.where(steps[t], new_c, c)
        states.append(h)
    return xp.stack(states, axis=1), xp.stack([h, c], axis=1)

def backward(self, dh, dlast=None):
    xp, x = array_module(dh), self.x
    dstate = self.begin(dh, dlast)
    dnext, dc = dstate[:, 0], dstate[:, 1]
    dx = xp.zeros_like(x)
    for t in reversed(range(x.shape[1])):
        h, c, i, f, g, o, tanh_c = self.memory[t]
        held_h, held_c = dnext + dh[:, t], dc
        dc = held_c + held_h * o * (1 - tanh_c ** 2)
        dz = xp.concatenate([
            dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g ** 2), held_h * tanh_c * o * (1 - o)
        ], axis=1)
        if self.steps is not None:
            dz = dz * self.steps[t]
        self.W.grad += x[:, t].T @ dz
        self.U.grad += h.T @ dz
        self.b.grad += dz.sum(axis=0)
        dx[:, t] = dz @ self.W.data.T
        dnext, dc = dz @ self.U.data.T, dc * f
        if self.steps is not None:
            dnext, dc = xp.where(self.steps[t], dnext, held_h), xp.where(self.steps[t], dc, held_c)
    return dx, xp.stack([dnext, dc], axis=1)
""",
)
with_optional_arguments(lstm, recurrent_cases(2))


def sizes(rng):
    """Hidden sizes to make a bias for; 1 among them, and none twice."""
    yield from (Case({"in_features": 2, "hidden": int(hidden), "rng": Rng(0)}) for hidden in (1, *rng.permutation([3, 6])))


@lstm.check(FORGET, cases=sizes, part="first_bias", needs=("first_bias",))
def first_bias(subject, case):
    return {"b": subject.make("LSTM", **case.arguments).get("b.data")}



ASSIGNMENT = Assignment("07_recurrent", title="Recurrent networks", exercises=[rnn, lstm])
