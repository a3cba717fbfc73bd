"""An optimizer for schedules."""

from dlkit import Optimizer, Parameter, zeros


class Standing(Optimizer):
    """An optimizer that has a learning rate and moves nothing."""

    def __init__(self, lr: float) -> None:
        super().__init__([Parameter(zeros(1))], lr)

    def step(self) -> None:
        """Leave everything as it is."""
