"""autograder: proves each exercise correct, by numbers that the student's code cannot change."""

# Nothing is imported above these lines: for `python -m autograder`, Python puts the current folder, perhaps a
# stranger's, before the standard library.
import os
import sys

if sys.argv[:1] == ["-m"] and sys.path[0] == os.getcwd() != os.path.dirname(__path__[0]):  # noqa: PTH109, PTH120
    del sys.path[0]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from autograder.learner.notebook_check import check

__all__ = ["check"]


def __getattr__(name: str) -> object:
    """Import ``check`` on first use, so that the worker side stays light."""
    if name == "check":
        from autograder.learner.notebook_check import check

        return check
    message = f"module 'autograder' has no attribute '{name}'"
    raise AttributeError(message)
