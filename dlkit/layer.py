"""Layer and Parameter: the parts of every network of the course.

A layer remembers in ``forward`` what its ``backward`` needs, returns the gradient of every input
from ``backward`` and *adds* the gradient of every parameter to ``parameter.grad``.

Source: the layer contract of Torch7 (Collobert et al., 2011); parameters as PyTorch keeps them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import numpy as np

from dlkit.backend import Array, array_module, asarray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import DTypeLike

__all__ = ["Layer", "Parameter"]


def _no_array(sign: str) -> Callable[..., NoReturn]:
    """An operator of Parameter: it raises TypeError, which names the cure."""

    def refuse(*_: object, **__: object) -> NoReturn:
        message = (
            f"a Parameter is not an array, so {sign} does not work on it. Its values are in .data, their gradient in "
            ".grad: write self.W.data, for example."
        )
        raise TypeError(message)

    return refuse


SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "matmul": "@", "divide": "/", "power": "**"}


class _ForArrays:
    """``__array_ufunc__`` of Parameter: a refusal where NumPy reads it from the class, None where it is the object's.

    None tells arrays of other libraries to leave an operator to Parameter; NumPy would raise an error without a cure.
    """

    def __get__(self, parameter: object, kind: object = None) -> Callable[..., NoReturn] | None:
        return self._refuse if parameter is None else None

    @staticmethod
    def _refuse(_: object, function: np.ufunc, *__: object, **___: object) -> NoReturn:
        _no_array(SIGNS.get(function.__name__, f"np.{function.__name__}"))()


class Parameter:
    """A trainable array and its accumulated gradient.

    data: array of any shape, moved to the context's backend.
    grad: array of the same shape and dtype, zero at the start.
    Not an array itself: arithmetic with it raises TypeError.
    """

    __slots__ = ("data", "grad")

    def __init__(self, data: Array) -> None:
        self.data = asarray(data)
        self.grad = array_module(self.data).zeros_like(self.data)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the data."""
        return tuple(self.data.shape)

    @property
    def size(self) -> int:
        """Number of elements of the data."""
        return int(self.data.size)

    def zero_grad(self) -> None:
        """Set the gradient to zero, in place."""
        self.grad[...] = 0

    def astype(self, dtype: DTypeLike) -> None:
        """Convert data and gradient to ``dtype``, e.g. ``numpy.float32``."""
        self.data = self.data.astype(dtype)
        self.grad = self.grad.astype(dtype)

    def __repr__(self) -> str:
        return f"Parameter(shape={self.shape}, dtype={self.data.dtype})"

    def __getattr__(self, name: str) -> NoReturn:
        """AttributeError for everything else, for what an array has with the cure.  It reads nothing of ``self``."""
        cure = f": write self.W.data.{name}, for example" if hasattr(np.ndarray, name) else ""
        message = f"a Parameter has no attribute {name!r}. Its values are in .data, their gradient in .grad{cure}."
        raise AttributeError(message, name=name, obj=self)

    __add__ = __radd__ = _no_array("+")
    __sub__ = __rsub__ = _no_array("-")
    __mul__ = __rmul__ = _no_array("*")
    __matmul__ = __rmatmul__ = _no_array("@")
    __truediv__ = __rtruediv__ = _no_array("/")
    __pow__ = __rpow__ = _no_array("**")
    __neg__ = _no_array("-")
    __abs__ = _no_array("abs()")
    __getitem__ = __setitem__ = _no_array("[ ]")
    __lt__ = __le__ = __gt__ = __ge__ = _no_array("a comparison")
    __array__ = __array_function__ = _no_array("a function of NumPy")
    __array_ufunc__ = _ForArrays()


class Layer:
    """Base class of every layer and model.

    Write ``forward(*xs)``, which returns ``y`` (or a tuple) and remembers what backward needs, and
    ``backward(dy)``, which returns the gradient of every input in the order of ``forward`` and
    adds to ``parameter.grad``.  dtype in is dtype out; inputs are never written to.
    """

    training: bool = True

    def forward(self, *xs: Array) -> Array | tuple[Array, ...]:
        """Compute the outputs for these inputs; the layer stores only its last call."""
        message = f"{type(self).__name__} has no forward yet"
        raise NotImplementedError(message)

    def backward(self, dy: Array) -> Array | tuple[Array, ...]:
        """Gradient of every input, given the gradient at the output of the last forward."""
        message = f"{type(self).__name__} has no backward yet"
        raise NotImplementedError(message)

    def __call__(self, *xs: Array) -> Array | tuple[Array, ...]:
        """Call ``forward``."""
        return self.forward(*xs)

    def named_parameters(self) -> dict[str, Parameter]:
        """Every parameter by its path (``"W"``, ``"layers.0.W"``), each once, in order of attributes."""
        return {path: node for path, node in _walk(self, "") if isinstance(node, Parameter)}

    def parameters(self) -> list[Parameter]:
        """Every parameter of this layer and of the layers in its attributes, lists, tuples, dicts."""
        return list(self.named_parameters().values())

    def zero_grad(self) -> None:
        """Set every parameter's gradient to zero."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def train(self) -> None:
        """Switch this layer and all layers in it to training mode."""
        self._set_mode(training=True)

    def eval(self) -> None:
        """Switch this layer and all layers in it to evaluation mode."""
        self._set_mode(training=False)

    def _set_mode(self, *, training: bool) -> None:
        for _, node in _walk(self, ""):
            if isinstance(node, Layer):
                node.training = training

    def astype(self, dtype: DTypeLike) -> None:
        """Convert every parameter, and every other array of floats that a layer keeps, to ``dtype``."""
        for _, node in _walk(self, ""):
            if isinstance(node, Parameter):
                node.astype(dtype)
                continue
            for name, value in list(vars(node).items()):
                if getattr(getattr(value, "dtype", None), "kind", "") == "f" and hasattr(value, "astype"):
                    setattr(node, name, value.astype(dtype))


_identity = object.__hash__
"""Like ``id``, which notifies every audit hook of the process when it is called and would slow down training."""


def _walk(node: object, path: str) -> Iterator[tuple[str, Layer | Parameter]]:
    """Yield every Layer and Parameter at or below ``node`` with its path, each once."""
    stack: list[tuple[str, object]] = [(path, node)]
    seen: set[int] = set()
    while stack:
        path, node = stack.pop()
        if isinstance(node, Parameter | Layer):
            identity = _identity(node)
            if identity in seen:
                continue
            seen.add(identity)
            yield path, node
        if isinstance(node, Layer):
            below = list(vars(node).items())
        elif isinstance(node, list | tuple):
            below = [(str(i), item) for i, item in enumerate(node)]
        elif isinstance(node, dict):
            below = [(str(key), item) for key, item in node.items()]
        else:
            continue
        prefix = f"{path}." if path else ""
        stack.extend((prefix + name, item) for name, item in reversed(below))
