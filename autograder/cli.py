"""The command line.  Heavy modules are imported by the command that needs them, so that it starts quickly."""

from __future__ import annotations

import contextlib
import os
import sys

import typer

from autograder.commands import authoring, authorship, learning, marking, teaching, term_marks, trusting
from autograder.commands.options import JsonOption, complain, open_console, print_json
from autograder.isolation.interpreter import NEUTRAL

__all__ = ["app", "main"]

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

app = typer.Typer(
    name="autograder",
    help="Prove every exercise correct by numbers, and explain what is wrong.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

for _commands in (learning, teaching, marking, term_marks, authorship, authoring, trusting):
    _commands.register(app)


@app.command()
def doctor(*, json: JsonOption = False) -> None:
    """Report what this machine can do: backends, isolation, threads, versions."""
    from autograder.commands.doctor import examine

    facts = examine()
    if json:
        print_json(facts)
        return
    console = open_console()
    for name, value in facts.items():
        console.print(f"{name:22} {value}", markup=False, highlight=False, soft_wrap=True)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; every error a user can make is one sentence and exit status 2."""
    _import_matplotlib_apart()
    try:
        result = app(arguments, standalone_mode=False)
    except typer.Exit as error:
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        result = INTERRUPTED
    except (BrokenPipeError, SystemExit):  # typer exits if the pipe is broken
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - the reader of our output has gone
        return 0
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            sys.stderr.write(str(getattr(error, "message", error)) + "\n")
            return 2
        status = _blame(error)
        if status is None:
            raise
        return complain(_sentence(error), status)
    if result == INTERRUPTED:  # typer also returns this status
        return complain("Stopped. The same command resumes where this one stopped.", INTERRUPTED)
    return result if isinstance(result, int) else 0


def _import_matplotlib_apart() -> None:
    """Import matplotlib in a neutral folder if the current one, perhaps a stranger's, holds settings for it.

    It reads them on import, and some versions evaluate them.
    """
    if os.path.lexists("matplotlibrc"):
        with contextlib.chdir(NEUTRAL):
            import matplotlib  # noqa: F401, ICN001 - to have read its settings


INTERRUPTED = 130
USER_ERRORS = {
    "UsageError", "SubmissionError", "CourseError", "BackendError", "MissingExtraError", "ExtractionError",
    "IsolationError", "ExportError", "LinkedPathError", "ReportError",
}  # fmt: skip


def _blame(error: Exception) -> int | None:
    """Exit status for an error whose message is meant for the user; None for a fault of this program.

    Recognised by name, so that nothing heavy is imported.
    """
    if type(error).__name__ in USER_ERRORS or hasattr(error, "format_message"):
        return 2
    return 1 if type(error).__name__ == "SpecError" else None


def _sentence(error: Exception) -> str:
    """One line: errors of the command line library have theirs in ``format_message``."""
    told = getattr(error, "format_message", None)
    text = told() if callable(told) else str(error)
    return " ".join(text.split()) or "A command is missing: see autograder --help."
