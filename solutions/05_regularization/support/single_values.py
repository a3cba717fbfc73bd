"""Values that come one at a time."""

import numpy as np

from dlkit import asarray


def one_by_one(layer, count):
    """What the layer makes of a single 1, over and over again."""
    return [float(layer.forward(asarray(np.ones((1, 1))))[0, 0]) for _ in range(count)]
