"""The loop of ``watch``: when a file is saved or a key is pressed, show the verdict of the current exercise."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from autograder.learner import hints, state
from autograder.learner.checking import Checker
from autograder.learner.events import Event
from autograder.learner.keys import keys, signals
from autograder.learner.records import View
from autograder.learner.saves import saves
from autograder.learner.work import Work, open_work
from autograder.render.reading import RIGHT
from autograder.report import ExerciseResult, Report, Status
from autograder.submission import SubmissionError

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded

__all__ = ["Show", "Watching"]

PATIENCE_S = 0.4
"""Waiting time after which the screen says that checks are running."""


Show = Callable[[View], None]


@dataclass(frozen=True)
class _Done:
    work: Work
    names: tuple[str, ...]
    report: Report | None
    error: Exception | None
    seconds: float


class Watching:
    """Watches the work on one assignment until QUIT or STOP.

    path: the file; if None, the assignment's notebook or Python file, whichever was saved last.
    """

    def __init__(self, loaded: Loaded, path: Path | None, checker: Checker, show: Show) -> None:
        self._loaded, self._path, self._checker, self._show = loaded, path, checker, show
        self._names = [exercise.name for exercise in loaded.assignment.exercises]
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._done: SimpleQueue[_Done] = SimpleQueue()
        self._work: Work | None = None
        self._running: tuple[Work, tuple[str, ...]] | None = None
        self._since = self._saved = 0.0
        self._waiting: tuple[str, ...] | None = None
        self._result: ExerciseResult | None = None
        self.view = View(loaded.assignment.name, loaded.assignment.title)

    def run(self) -> Event:
        """Show verdicts until QUIT or STOP; return which.  The terminal's settings are restored."""
        folder = self._path.resolve().parent if self._path else self._loaded.released
        module = self._loaded.assignment.module
        names = [self._path.name] if self._path else [f"{module}.ipynb", f"{module}.py"]
        send = self._events.put
        with signals(send), keys(send) as has_keys, saves(folder, frozenset(names), lambda: send(Event.SAVED)):
            self.view.keys = has_keys
            self._begin()
            while True:
                event = self._next_event()
                if event in (Event.QUIT, Event.STOP):
                    return event
                if event is not None:
                    self._handle(event)

    @property
    def busy(self) -> bool:
        """Whether checks are running."""
        return self._running is not None

    def _next_event(self) -> Event | None:
        """Wait for an event in short steps, as Windows interrupts no endless wait; report checks that take long."""
        try:
            return self._events.get(timeout=PATIENCE_S / 2)
        except Empty:
            if self._running and not self.view.running and time.monotonic() - self._since > PATIENCE_S:
                self.view.running = ", ".join(self._running[1]) if len(self._running[1]) == 1 else "everything"
                self._show(self.view)
            return None

    def _handle(self, event: Event) -> None:
        self.view.notice, self.view.help = "", False
        match event:
            case Event.SAVED:
                self._read()
            case Event.VERDICT:
                self._take()
            case Event.HINT:
                self._hint()
            case Event.NEXT:
                self._move(+1)
            case Event.PREVIOUS:
                self._move(-1)
            case Event.ALL:
                self._check(tuple(self._names))
            case Event.HELP:
                self.view.help = True
                self._show(self.view)
            case _:
                self._show(self.view)

    # --- reading ---------------------------------------------------------------------------

    def _begin(self) -> None:
        """Show the first exercise that is not known to be correct."""
        self._saved = time.monotonic()
        if not self._open():
            return
        known = {name: self._known(name) for name in self._names}
        self.view.statuses = {name: self._status(name, result) for name, result in known.items()}
        wrong = [name for name, status in self.view.statuses.items() if status not in RIGHT]
        self._go_to(wrong[0] if wrong else self._names[0])

    def _open(self) -> bool:
        """Read the file again; if that fails, show why."""
        try:
            work = open_work(self._loaded, self._path)
        except SubmissionError as error:
            self._work, self.view.problem = None, str(error)
            self._show(self.view)
            return False
        self._work, self.view.problem, self.view.file = work, "", work.path.name
        return True

    def _read(self) -> None:
        """A file was saved: check the exercise that changed, else the one on screen."""
        self._saved = time.monotonic()
        before = self._work
        if not self._open() or self._work is None:
            return
        if before is None:
            self._begin()
            return
        if (before.path, before.submission.sha256) == (self._work.path, self._work.submission.sha256):
            self._work = before  # saved without a change
            return
        changed = [name for name in self._names if before.sources.get(name) != self._work.sources.get(name)]
        if changed and self.view.current not in changed:
            self.view.current = changed[0]
        self.view.statuses = {name: self._status(name, self._known(name)) for name in self._names}
        self._check((self.view.current,))

    def _known(self, name: str) -> ExerciseResult | None:
        return state.last(state.read(self._loaded.root), self._work, name) if self._work else None

    def _status(self, name: str, result: ExerciseResult | None) -> str:
        if result:
            return result.status
        exercise = self._loaded.assignment.exercise(name)
        untouched = self._work is not None and self._work.submission.unwritten(exercise) == set(exercise.parts)
        return Status.NOT_ATTEMPTED if untouched else ""

    # --- checking --------------------------------------------------------------------------

    def _check(self, names: tuple[str, ...]) -> None:
        """Check exercises in a thread; of requests that arrive meanwhile only the last is run afterwards."""
        if self._work is None:
            self._show(self.view)
            return
        if self._running:
            self._waiting = names
            return
        self._running, self._since = (self._work, names), time.monotonic()
        threading.Thread(target=self._run_checks, args=(self._work, names), daemon=True).start()

    def _run_checks(self, work: Work, names: tuple[str, ...]) -> None:
        report, error = None, None
        try:
            report = self._checker.check(work, names)
        except Exception as raised:  # noqa: BLE001 - raised again in the main thread
            error = raised
        self._done.put(_Done(work, names, report, error, time.monotonic() - self._saved))
        self._events.put(Event.VERDICT)

    def _take(self) -> None:
        """A verdict arrived: show it, unless the text has changed since."""
        done = self._done.get()
        self._running, self.view.running = None, ""
        if done.error:
            raise done.error
        waiting, self._waiting = self._waiting, None
        if waiting:
            self._check(waiting)
        if done.work is not self._work or done.report is None:
            return
        self.view.statuses.update({result.name: result.status for result in done.report.exercises})
        self.view.seconds = done.seconds
        if len(done.names) > 1:
            self.view.report = done.report
        elif done.names[0] == self.view.current:
            self._say(done.report.exercises[0])
        self._show(self.view)

    def _say(self, result: ExerciseResult) -> None:
        assert self._work is not None  # noqa: S101 - a verdict is about some work
        self._result = result
        self.view.result, self.view.report = hints.without_step(result), None
        self.view.hints = hints.shown(self._work, result)

    # --- keys ------------------------------------------------------------------------------

    def _go_to(self, name: str) -> None:
        """Show an exercise with its last verdict, else a fresh one."""
        self.view.current, self.view.result, self.view.hints = name, None, []
        self.view.report = None
        if result := self._known(name):
            self.view.seconds = 0.0
            self._say(result)
            self._show(self.view)
        else:
            self._saved = time.monotonic()
            self._check((name,))

    def _move(self, by: int) -> None:
        if self.view.current not in self._names:
            self._show(self.view)
            return
        at = self._names.index(self.view.current) + by
        if 0 <= at < len(self._names):
            self._go_to(self._names[at])
            return
        end = "first" if by < 0 else "last"
        self.view.notice = f"{self.view.current} is the {end} exercise of {self.view.assignment}."
        self._show(self.view)

    def _hint(self) -> None:
        result = self._result
        if self._work is None or self.view.result is None or result is None:
            self.view.notice = "A hint needs a verdict: save the file first."
        elif hint := hints.next_hint(self._work, result):
            self.view.report = None
            self.view.hints = [*self.view.hints, hint]
        else:
            self.view.notice = hints.no_more(result)
        self._show(self.view)
