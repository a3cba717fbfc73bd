"""Parameters that are given gradients, moved by an optimizer, and looked at."""

from collections.abc import Sequence

from dlkit import Array, Optimizer, Parameter


def parameters(arrays: Sequence[Array], gradients: Sequence[Array] = ()) -> list[Parameter]:
    """New parameters with copies of these arrays; gradients: of each, where they are not to be zero."""
    made = [Parameter(array.copy()) for array in arrays]
    if gradients:
        give(made, gradients)
    return made


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
