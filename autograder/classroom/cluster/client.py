"""The run's side of a cluster: which machines may grade, what is sent to them, and what becomes of their reports."""

from __future__ import annotations

import logging
import secrets
import time
import traceback
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import msgspec

from autograder.classroom.cluster.parcels import pack_course, pack_hand_in
from autograder.classroom.finding import Entry, report_path, submission_of
from autograder.classroom.processes import earlier_in, is_up_to_date, keep_report, report_broken, unread
from autograder.classroom.runs import Run
from autograder.course import catalogue
from autograder.course.catalogue import UsageError
from autograder.grading.grader import versions
from autograder.grading.options import Options
from autograder.report import Report
from autograder.submission import SubmissionError

if TYPE_CHECKING:
    from distributed import Client, Future

    from autograder.classroom.cluster.machine import Graded

__all__ = ["Cluster", "open_cluster"]

CONNECT_S, CLOSE_S = 20.0, 5.0
WITHOUT_MACHINES_S = 120.0
"""So long a run waits where no machine is left; then it stops, and the same command resumes."""
UNPREPARED_S = 30.0
"""So long a machine may know nothing of the run after it has joined."""
MOST_LOSSES = 2
"""After so many losses of machines with it, the last one alone, a hand-in is reported as broken."""
AHEAD = 2
"""Hand-ins at the cluster for each machine: the one that it grades, and the next one."""
PAUSE_S = 0.5
RESUMES = "Nothing that was graded is lost: the same command resumes."


class Cluster:
    """Machines that grade for one run.

    refused: why a machine gets no work, by its address; machines: how many may grade now.
    """

    def __init__(self, client: Client, address: str, options: Options) -> None:
        self._client, self._address, self._options = client, address, options
        self._name = f"autograder-{secrets.token_hex(4)}"
        self._known: frozenset[str] = frozenset()
        self._seen: dict[str, float] = {}
        self._gave_up: set[str] = set()
        self._others_came = False
        self._waiting, self._alone = deque[Entry](), deque[Entry]()
        self._ended = SimpleQueue[Any]()
        self._losses = Counter[tuple[str, str]]()
        self._alone_since = time.monotonic()
        self._looked_at = float("-inf")
        self.refused: dict[str, str] = {}
        self.machines = 0

    def prove(self, root: Path, assignments: Sequence[str]) -> None:
        """Send the course to every machine, and find out which ones may grade; UsageError if none may."""
        from autograder.classroom.cluster.machine import Machine, Needs

        checks = {name: catalogue.load(name, root).checks_sha256 for name in assignments}
        needs = Needs(versions(), self._options.isolation, self._options.backend, checks)
        machine = Machine(self._name, pack_course(root), needs)
        with self._told():
            try:
                self._client.register_plugin(machine, name=self._name)
            except OSError:
                raise
            except Exception:  # noqa: BLE001, S110 - it is about some machine; each is asked below
                pass
        self._look_around()
        if not self.machines:
            reasons = "; ".join(f"{machine} {reason}" for machine, reason in self.refused.items())
            message = f"No machine of {self._address} can grade: {reasons or 'it has no workers'}."
            raise UsageError(message)

    def grade_all(self, entries: Sequence[Entry], run: Run) -> Iterator[tuple[Entry, bool]]:
        """Grade every entry; yield each when its report is written, with whether it was graded now or before.

        A hand-in on which one machine after the other was lost is reported as broken.
        Raises UsageError if the cluster is lost; reports already written stay.
        """
        self._waiting = deque(entries)
        sent: dict[Any, Entry] = {}
        while self._waiting or self._alone or sent:
            self._look_around()
            for entry in list(self._take_back(run, sent)):
                yield entry, True
            for entry in self._next(sent):
                if _has_report(run, entry):
                    yield entry, False
                elif future := self._send(run, entry):
                    sent[future] = entry
                else:
                    yield entry, True
            self._refuse_to_wait_for_nobody()
            for future, graded in self._brought(sent):
                entry = sent.pop(future)
                if self._keep(run, entry, future, graded):
                    yield entry, True

    def _next(self, sent: Mapping[Any, Entry]) -> Iterator[Entry]:
        """What to send now: some for each machine; at the end, one by one, what machines were lost with."""
        while self._waiting and len(sent) < AHEAD * max(self.machines, 1):
            yield self._waiting.popleft()
        if self._alone and not self._waiting and not sent:
            yield self._alone.popleft()

    def _send(self, run: Run, entry: Entry) -> Future | None:
        """Send one hand-in; None if it could not be read, and its report, which says so, was written here."""
        from autograder.classroom.cluster.machine import grade_parcel

        try:
            parcel = pack_hand_in(entry, with_earlier=run.earlier == "own")
        except SubmissionError as error:
            keep_report(run, entry, unread(run, entry, error), "")
            return None
        except OSError:
            _report_unread(run, entry)
            return None
        with self._told():
            future = self._client.submit(grade_parcel, self._name, run, parcel, pure=False, resources={self._name: 1})
            future.add_done_callback(self._ended.put)
        return future

    def _brought(self, sent: Mapping[Any, Entry]) -> list[tuple[Any, Graded | None]]:
        """Wait a little for what ends, and fetch these reports together, as each fetch costs a round trip.

        Of what has failed there is None.  What was lost with its machine in between, Dask grades again.
        """
        ended = [future for future in self._those_that_ended() if future in sent] if sent else []
        finished = [future for future in ended if future.status == "finished"]
        with self._told():
            graded = self._fetched(finished)
            again = {future for future in finished if future not in graded}
            again |= {future for future in ended if future.status == "lost"}
            for future in again:
                future.add_done_callback(self._ended.put)
        return [(future, graded.get(future)) for future in ended if future not in again]

    def _fetched(self, finished: Sequence[Any]) -> dict[Any, Graded]:
        """Reports by what they were sent as, without those that were lost meanwhile."""
        if not finished:
            return {}
        try:
            return dict(zip(finished, self._client.gather(finished), strict=True))
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - about one of them
            found = {}
            for future in finished:
                try:
                    found[future] = future.result()
                except Exception:
                    if future.status == "finished":
                        raise
            return found

    def _those_that_ended(self) -> list[Any]:
        """What has ended, each once; after a pause, nothing."""
        found = dict[Any, None]()
        with suppress(Empty):
            found[self._ended.get(timeout=PAUSE_S)] = None
            while True:
                found[self._ended.get_nowait()] = None
        return list(found)

    def _keep(self, run: Run, entry: Entry, future: Future, graded: Graded | None) -> bool:
        """Write the report that came back; False if the hand-in has to be graded again."""
        if graded:
            if graded.refusal:
                self.refused[graded.machine] = graded.refusal
                self._gave_up.add(graded.machine)
                self._waiting.appendleft(entry)
                return False
            keep_report(run, entry, msgspec.json.decode(graded.report, type=Report), graded.fault)
            return True
        if future.status != "error":  # the scheduler has forgotten it
            raise self._lost("it has forgotten what it was sent")
        with self._told():
            error = future.exception()
        text = "".join(traceback.format_exception(error))
        if type(error).__name__ == "KilledWorker":
            return self._was_lost(run, entry, text)
        report_broken(run, entry, type(error).__name__, text)
        return True

    def _was_lost(self, run: Run, entry: Entry, text: str) -> bool:
        """Grade a hand-in with which machines were lost again, alone; after ``MOST_LOSSES`` report it as broken."""
        self._losses[entry.student, entry.assignment] += 1
        if self._losses[entry.student, entry.assignment] < MOST_LOSSES:
            self._alone.append(entry)
            return False
        report_broken(run, entry, "the machines that graded it were lost, one after the other", text)
        return True

    def _take_back(self, run: Run, sent: dict[Any, Entry]) -> Iterator[Entry]:
        """Take back what waits at machines that have given up, or was at machines when all of them were lost.

        Yields what is given up, with its report.
        """
        if not self._gave_up and not self._others_came:
            return
        self._others_came = False
        with self._told():
            where: Mapping[str, Any] = self._client.processing()
        here = {key: machine in self._gave_up for machine, keys in where.items() for key in keys}
        for future in [future for future in sent if here.get(future.key, True) and not future.done()]:
            entry = sent.pop(future)
            future.cancel()
            if future.key in here:
                self._waiting.appendleft(entry)
            elif self._was_lost(run, entry, "All machines were lost, several times, while this was graded.\n"):
                yield entry

    # --- the machines ------------------------------------------------------------------------

    def _look_around(self) -> None:
        """Ask machines that are new whether they may grade, every now and then."""
        from autograder.classroom.cluster.machine import refusal_of

        now = time.monotonic()
        if now - self._looked_at < PAUSE_S:
            return
        self._looked_at = now
        with self._told():
            current = frozenset(self._client.nthreads())
            new = sorted(current - self._known)
            answers: Mapping[str, Any] = (
                self._client.run(refusal_of, self._name, workers=new, on_error="return") if new else {}
            )
        self._known &= current
        for machine, answer in answers.items():
            waited = now - self._seen.setdefault(machine, now)
            if isinstance(answer, str):
                self._known |= {machine}
                self._others_came = True
                if answer:
                    self.refused[machine] = answer
            elif waited > UNPREPARED_S or isinstance(answer, Exception):
                self._known |= {machine}
                self.refused[machine] = "cannot run the kit: install dlkit-course there, in the same version"
        self.machines = len(self._known - set(self.refused))
        if self.machines:
            self._alone_since = now

    def _refuse_to_wait_for_nobody(self) -> None:
        if time.monotonic() - self._alone_since > WITHOUT_MACHINES_S:
            message = f"No machine of {self._address} is left. {RESUMES}"
            raise UsageError(message)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn the loss of the scheduler into a sentence."""
        try:
            yield
        except OSError as error:  # TimeoutError and Dask's own are among them
            raise self._lost(str(error) or type(error).__name__) from error

    def _lost(self, reason: str) -> UsageError:
        return UsageError(f"The scheduler {self._address} was lost ({reason.rstrip('.')}). {RESUMES}")

    def end(self) -> None:
        """Let the machines forget this run, if the scheduler is still there."""
        if self._client.status == "running":
            with suppress(Exception):  # of a machine that never had it, or is gone
                self._client.unregister_worker_plugin(self._name)


def _silence() -> None:
    """Keep Dask's own remarks on lost connections from the terminal: each logger has a level of its own."""
    for name in ("distributed", *logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def open_cluster(address: str, options: Options) -> Iterator[Cluster]:
    """Connect to the scheduler at ``address``.

    Raises UsageError if there is none, or Dask is not installed.
    """
    try:
        from distributed import Client
    except ImportError as error:
        message = "--cluster needs Dask: install the extra dlkit-course[cluster]."
        raise UsageError(message) from error
    _silence()
    try:
        client = Client(address, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        message = f"There is no scheduler at {address}. Name the address that dask scheduler printed: tcp://HOST:8786."
        raise UsageError(message) from error
    cluster = Cluster(client, address, options)
    try:
        yield cluster
    finally:
        cluster.end()
        client.close(timeout=CLOSE_S)


def _has_report(run: Run, entry: Entry) -> bool:
    """Whether there is a report from an earlier run that still holds."""
    if not report_path(Path(run.out), entry).is_file():
        return False
    try:
        submission = submission_of(entry, catalogue.load(entry.assignment, Path(run.root)))
    except SubmissionError:
        return False
    return is_up_to_date(run, entry, submission, earlier_in(run, entry))


def _report_unread(run: Run, entry: Entry) -> None:
    """Write the report of a hand-in that cannot be read, and so cannot be sent."""
    try:
        submission_of(entry, catalogue.load(entry.assignment, Path(run.root)))
    except SubmissionError as error:
        keep_report(run, entry, unread(run, entry, error), "")
    else:
        report_broken(run, entry, "its file changed while it was read", "Grade this hand-in again.\n")
