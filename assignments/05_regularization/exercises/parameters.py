"""Parameters in the worker: their arrays after a call."""

from autograder.checks import Ref


def look_at(subject, parameters, what, said):
    """Their arrays (``what`` is "data" or "grads"), each under a name that begins with ``said``."""
    return numbered(said, subject.run(f"support.{what}", Ref(parameters.handle)))


def numbered(said, arrays):
    """One entry per array; empty if a worker sent something other than a list."""
    return {f"{said} {i}": x for i, x in enumerate(arrays if isinstance(arrays, list) else [])}
