"""Small networks, a loss, and optimizers that write down what happens, for functions that train."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dlkit import Array, Layer, Loss, Optimizer, Parameter, array_module, asarray


class Perceptron(Layer):
    """x → tanh(x V) w, by default one number for each row."""

    def __init__(self, in_features: int, hidden: int, out_features: int = 1, *, rng: np.random.Generator) -> None:
        self.V = Parameter(rng.normal(0, in_features**-0.5, size=(in_features, hidden)))
        self.w = Parameter(rng.normal(0, hidden**-0.5, size=(hidden, out_features)))

    def forward(self, x: Array) -> Array:
        """Predict; x (batch, in_features), result (batch, out_features)."""
        self.x, self.h = x, array_module(x).tanh(x @ self.V.data)
        return self.h @ self.w.data

    def backward(self, dy: Array) -> Array:
        """Add the parameters' gradients and return dx."""
        self.w.grad += self.h.T @ dy
        dh = (dy @ self.w.data.T) * (1 - self.h * self.h)
        self.V.grad += self.x.T @ dh
        return dh @ self.V.data.T


class RowLoss(Loss):
    """The mean over rows of the squared distance, to rows or to labels."""

    def forward(self, prediction: Array, target: Array) -> Array:
        """Compute the loss; prediction (rows, n), target (rows, n) or labels (rows,)."""
        if prediction.ndim != 2 or len(prediction) != len(target):  # noqa: PLR2004
            message = (
                f"the loss expects one row for each prediction, not {prediction.shape} with targets {target.shape}"
            )
            raise ValueError(message)
        if target.ndim == 1:
            library = array_module(prediction)
            target = library.eye(prediction.shape[1], dtype=prediction.dtype)[target]
        self.difference = prediction - target
        return (self.difference * self.difference).sum(axis=1).mean()

    def backward(self) -> Array:
        """Gradient at the prediction."""
        return self.difference * (2 / len(self.difference))


class Recorder(Optimizer):
    """Plain descent that writes down every gradient it is given."""

    def __init__(self, log: "Log", name: str, parameters: Sequence[Parameter], lr: float) -> None:
        super().__init__(parameters, lr)
        self.log, self.name = log, name

    def step(self) -> None:
        """Note the gradients, and move against them."""
        self.log.note(self.name, self.parameters)
        for parameter in self.parameters:
            parameter.data -= self.lr * parameter.grad
        self.log.settle()


class Log:
    """What happens to networks while a function trains them.

    networks: by the name of the argument; followed: those of which everything is noted that backward adds to their
    gradients, also where it is cleared later.  Where there is one network, its parameters are named without it.
    watched: whether it is also noted which parameters change while no optimizer moves them;
    drawing: networks that are made to draw: each forward multiplies what it returns by a number of its own.
    """

    def __init__(
        self,
        networks: Mapping[str, Layer],
        followed: Sequence[str] = (),
        *,
        watched: bool = False,
        drawing: Sequence[str] = (),
    ) -> None:
        self.order: list[str] = []
        self.moves: dict[str, list[str]] = {}
        self.paths: dict[int, str] = {}
        self.parameters: dict[str, Parameter] = {}
        self.taken: dict[str, list[Array]] = {}
        self.calls = dict.fromkeys(networks, 0)
        self.modes: dict[str, set[bool]] = {name: set() for name in networks}
        self.reached: dict[str, list[list[Array]]] = {name: [] for name in followed}
        for name, network in networks.items():
            for path, parameter in network.named_parameters().items():
                self._know(path if len(networks) == 1 else f"{name}.{path}", parameter)
            if name in drawing:
                self._let_draw(network)
            self._count(name, network)
            if name in self.reached:
                self._follow(name, network)
        self.networks = networks
        self.turns: list[tuple[str, list[str]]] = []
        self.settled: dict[str, Array] | None = {} if watched else None
        self.settle()

    def _know(self, path: str, parameter: Parameter) -> None:
        self.paths[id(parameter)] = path
        self.parameters[path], self.taken[path] = parameter, []

    def _count(self, name: str, network: Any) -> None:
        """Count calls of forward; by a class of its own, so that a copy of the network runs its own forward."""
        own = type(network).forward

        def forward(this: Any, *xs: Array, **named: Any) -> Array:
            self.calls[name] += 1
            self.modes[name].add(bool(this.training))
            result: Array = own(this, *xs, **named)
            return result

        _becomes(network, forward=forward)

    def _let_draw(self, network: Any) -> None:
        own, factors = type(network), [1.0]

        def forward(this: Any, *xs: Array, **named: Any) -> Any:
            factors.append(0.5 + (0.618 * len(factors)) % 1)
            y = own.forward(this, *xs, **named)
            return (factors[-1] * y[0], *y[1:]) if isinstance(y, tuple) else factors[-1] * y

        def backward(this: Any, dy: Array, *others: Array, **named: Any) -> Any:
            return own.backward(this, factors[-1] * dy, *others, **named)

        _becomes(network, forward=forward, backward=backward)

    def _follow(self, name: str, network: Any) -> None:
        own, parameters = type(network).backward, network.parameters()
        self.reached[name].append([0 * parameter.grad for parameter in parameters])

        def backward(this: Any, *dy: Array, **named: Array) -> Array:
            before = [parameter.grad.copy() for parameter in parameters]
            dx: Array = own(this, *dy, **named)
            sums = self.reached[name][-1]
            sums[:] = [s + p.grad - b for s, p, b in zip(sums, parameters, before, strict=True)]
            return dx

        _becomes(network, backward=backward)

    def optimizer(self, name: str, networks: Sequence[Layer], lr: float) -> Recorder:
        """Make an optimizer of these networks that notes its updates under this name."""
        parameters = [parameter for network in networks for parameter in network.parameters()]
        self.moves[name] = [self.paths[id(parameter)] for parameter in parameters]
        return Recorder(self, name, parameters, lr)

    def leave(self, rng: np.random.Generator) -> None:
        """Leave gradients of an earlier step in all networks."""
        for parameter in self.parameters.values():
            parameter.grad[...] = asarray(rng.normal(size=parameter.shape).astype(str(parameter.grad.dtype)))

    def note(self, name: str, parameters: Sequence[Parameter]) -> None:
        """Note an update, and with what gradients it is made."""
        self.order.append(name)
        self.turns.append((name, self._changed()))
        known = {id(parameter) for parameter in parameters}
        for parameter in parameters:
            self.taken[self.paths[id(parameter)]].append(parameter.grad.copy())
        for network, sums in self.reached.items():
            if any(id(parameter) in known for parameter in self.networks[network].parameters()):
                sums.append([0 * each for each in sums[-1]])

    def modes_seen(self) -> dict[str, str]:
        """In which mode each network computed, and in which it is now, in words."""
        words = {(True,): "training mode", (False,): "evaluation mode", (): "no mode"}
        found = {}
        for name, network in self.networks.items():
            found[f"{name} computes in"] = words.get(tuple(self.modes[name]), "both modes in turn")
            found[f"{name} is left in"] = words[bool(network.training),]
        return found

    def settle(self) -> None:
        """Remember where the parameters are now, if they are watched."""
        if self.settled is not None:
            self.settled = {path: parameter.data.copy() for path, parameter in self.parameters.items()}

    def _changed(self) -> list[str]:
        """Names of the networks that have changed since the last update, or since the start."""
        settled = self.settled or {}
        changed = [path for path, data in settled.items() if (self.parameters[path].data != data).any()]
        return [name for name in self.networks if any(path.startswith(f"{name}.") for path in changed)]

    def taking_turns(self) -> list[object]:
        """[optimizer, networks that changed before it without a step] of every update, and at the end ["", …]."""
        return [[name, changed] for name, changed in [*self.turns, ("", self._changed())]]

    def updates(self) -> dict[str, object]:
        """The gradients of every parameter, update by update, and where it is at the end."""
        taken = {f"the gradients of {path}, update by update,": self._stacked(path) for path in self.parameters}
        ends = {f"{path} at the end": parameter.data for path, parameter in self.parameters.items()}
        return {"_order": self.order, "_moves": self.moves, "_calls": self.calls, **taken, **ends}

    def _stacked(self, path: str) -> Array:
        grad = self.parameters[path].grad
        return array_module(grad).stack(self.taken[path]) if self.taken[path] else grad[None][:0]

    def reaching(self) -> dict[str, object]:
        """What reached the gradients before each update and after the last, of the networks that are followed."""
        return {
            f"what reached {name}.{path}": array_module(sums[0][i]).stack([each[i] for each in sums])
            for name, sums in self.reached.items()
            for i, path in enumerate(self.networks[name].named_parameters())
        }

    def left(self, names: Sequence[str]) -> dict[str, object]:
        """What is in the gradients now, of the networks of these names."""
        return {
            f"{name}.{path}": parameter.grad
            for name in names
            for path, parameter in self.networks[name].named_parameters().items()
        }


def _becomes(network: Any, **methods: Any) -> None:
    """Give one object, and copies of it, other methods."""
    own = type(network)
    network.__class__ = type(own.__name__, (own,), methods)
