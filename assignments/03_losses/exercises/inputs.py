"""Shapes of inputs for the losses, and inputs that keep away from kinks."""

import numpy as np

# Different sizes: a mean over 7 rows differs from the sum, over 1 row it does not, and no two axes have the same
# length.
SHAPES = [(1, 4), (2, 3, 5), (7, 3)]
CLEAR = 0.05
"""How far from a kink inputs are drawn, so that neither rounding nor the step of a numerical derivative crosses it."""


def clear_of(kink, draw):
    """Draw until every value of ``kink(*drawn)`` is clear of zero, on both sides of it where it has three or more."""
    while True:
        drawn = draw()
        values = np.ravel(kink(*drawn))
        both_sides = values.size < 3 or (values.min() < 0 < values.max())
        if np.abs(values).min() > CLEAR and both_sides:
            return drawn
