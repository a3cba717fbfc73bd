"""The results of many calls of mix."""

from dlkit import array_module


def mixtures(mixup, x, t, count):
    """The results of mixing x many times, in one array."""
    return array_module(x).stack([mixup.mix(x, t)[0] for _ in range(count)])
