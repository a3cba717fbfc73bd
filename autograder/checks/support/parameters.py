"""Parameters that are given gradients, moved by an optimizer, and looked at."""

from collections.abc import Sequence

import numpy as np

from dlkit import Array, Optimizer, Parameter, asarray

AT_ONCE = 1 << 18
"""Bytes of a gradient that are drawn at once."""


def parameters(arrays: Sequence[Array], gradients: Sequence[Array] = ()) -> list[Parameter]:
    """New parameters with copies of these arrays; gradients: of each, where they are not to be zero."""
    made = [Parameter(array.copy()) for array in arrays]
    if gradients:
        give(made, gradients)
    return made


def large(shape: tuple[int, ...], dtype: str, *, rng: np.random.Generator) -> list[Parameter]:
    """One parameter of normal numbers, drawn here, whose gradient is not set."""
    return [Parameter(asarray(rng.standard_normal(shape, np.dtype(dtype).type)))]


def give_drawn(parameters: Sequence[Parameter], *, rng: np.random.Generator) -> None:
    """Draw normal gradients, a few rows at a time, so that no large array is made beside them."""
    for gradient in (parameter.grad for parameter in parameters):
        rows = max(1, AT_ONCE * len(gradient) // gradient.nbytes)
        for first in range(0, len(gradient), rows):
            some = gradient[first : first + rows]
            some[...] = asarray(rng.standard_normal(some.shape, some.dtype.type))


def rows(parameters: Sequence[Parameter], places: Array) -> Array:
    """These rows of the first parameter."""
    return parameters[0].data[places]


def spread(parameters: Sequence[Parameter]) -> None:
    """Put the numbers of every parameter of two axes or more in memory with gaps, and in another order.

    No view of one axis shows such numbers: reshape(-1) and ravel() copy them.
    """
    for parameter in parameters:
        if parameter.data.ndim > 1:
            parameter.data = parameter.data.T.repeat(2, axis=-1)[..., ::2].T


def give(parameters: Sequence[Parameter], gradients: Sequence[Array]) -> None:
    """Write these gradients into the parameters' own."""
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad[...] = gradient


def step(optimizer: Optimizer, parameters: Sequence[Parameter], gradients: Sequence[Array]) -> list[Array]:
    """Take one step with these gradients; return where the parameters are then."""
    give(parameters, gradients)
    optimizer.step()
    return data(parameters)


def data(parameters: Sequence[Parameter]) -> list[Array]:
    """The parameters' arrays, themselves."""
    return [parameter.data for parameter in parameters]


def write(parameters: Sequence[Parameter], arrays: Sequence[Array]) -> None:
    """Write these arrays into the parameters' own, as an optimizer does."""
    for parameter, array in zip(parameters, arrays, strict=True):
        parameter.data[...] = array


def grads(parameters: Sequence[Parameter]) -> list[Array]:
    """The parameters' gradients, themselves."""
    return [parameter.grad for parameter in parameters]


def state_dtypes(optimizer: Optimizer) -> dict[str, str]:
    """Dtypes of the floating-point arrays that an optimizer keeps, by the name of the attribute."""
    found: dict[str, str] = {}
    for name, value in vars(optimizer).items():
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
        for dtype in (str(getattr(item, "dtype", "")) for item in items):
            if dtype.startswith("float"):
                found[name] = dtype
    return found


def states(optimizer: Optimizer, names: Sequence[str]) -> dict[str, list[Array]]:
    """The lists of arrays that an optimizer keeps under these names; none where it keeps something else there."""
    found = {name: getattr(optimizer, name, None) for name in names}
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, list) and all(hasattr(array, "dtype") for array in value)
    }
