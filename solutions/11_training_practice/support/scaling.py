"""An optimizer that counts its steps, and a loss scaler that is followed over many of them."""

from typing import Any

from dlkit import Array, Optimizer, Parameter


class Counting(Optimizer):
    """Plain descent that counts its steps."""

    def __init__(self, parameters: list[Parameter], lr: float) -> None:
        super().__init__(parameters, lr)
        self.steps = 0

    def step(self) -> None:
        """Move against the gradients."""
        self.steps += 1
        for parameter in self.parameters:
            parameter.data -= self.lr * parameter.grad


def follow(scaler: Any, optimizer: Counting, gradients: list[list[Array]]) -> list[dict[str, Any]]:
    """Give the parameters gradients times the scale, and let the scaler step, again and again; what happened each time.

    Infinite gradients stay infinite.  What was in a gradient before is overwritten.
    """
    seen = []
    for given in gradients:
        arrays = [parameter.grad for parameter in optimizer.parameters]
        for parameter, gradient in zip(optimizer.parameters, given, strict=True):
            parameter.grad[...] = gradient.astype(parameter.grad.dtype) * scaler.scale
        answer = scaler.step(optimizer)
        seen.append(
            {
                "answer": answer,
                "scale": scaler.scale,
                "steps": optimizer.steps,
                "data": [parameter.data.copy() for parameter in optimizer.parameters],
                "grads": [array.copy() for array in arrays],
            }
        )
    return seen
