"""What a mixture is made of, for many calls."""

from dlkit import array_module


def mixtures(mixup, x, t, count):
    """What a Mixup makes of x, again and again, in one array."""
    return array_module(x).stack([mixup.mix(x, t)[0] for _ in range(count)])
