"""Parameters with gradients, read from outside."""

from dlkit import Parameter


def parameters(arrays, gradients):
    """New parameters with copies of these arrays, and of these gradients."""
    made = [Parameter(array.copy()) for array in arrays]
    for parameter, gradient in zip(made, gradients):
        parameter.grad[...] = gradient
    return made


def data(parameters):
    """The parameters' own arrays."""
    return [parameter.data for parameter in parameters]


def grads(parameters):
    """The parameters' own gradients."""
    return [parameter.grad for parameter in parameters]


def write(parameters, arrays):
    """Write these arrays into the parameters' own, as an optimizer does."""
    for parameter, array in zip(parameters, arrays):
        parameter.data[...] = array
