"""Parameters with gradients, to be clipped."""

from dlkit import Parameter, zeros


def parameters(gradients):
    found = [Parameter(zeros(gradient.shape).astype(gradient.dtype)) for gradient in gradients]
    for parameter, gradient in zip(found, gradients, strict=True):
        parameter.grad[...] = gradient
    return found


def grads(parameters):
    return [parameter.grad for parameter in parameters]
