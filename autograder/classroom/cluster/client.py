"""The run's side of a cluster: which machines may grade, what is sent to them, and what becomes of their reports."""

from __future__ import annotations

import logging
import secrets
import time
import traceback
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from autograder.classroom.cluster.parcels import pack_course, pack_hand_in
from autograder.classroom.finding import Entry, earlier_of, report_path, submission_of
from autograder.classroom.processes import keep_report, report_broken
from autograder.classroom.runs import Run, is_done
from autograder.course import catalogue
from autograder.course.catalogue import UsageError
from autograder.grading.grader import hash_of_earlier, unreadable, versions
from autograder.grading.options import Options
from autograder.report import Report
from autograder.submission import SubmissionError

if TYPE_CHECKING:
    from distributed import Client, Future

    from autograder.classroom.cluster.machine import Graded

__all__ = ["Cluster", "open_cluster"]

CONNECT_S = 20.0
WITHOUT_MACHINES_S = 120.0
"""So long a run waits where no machine is left; then it stops, and the same command resumes."""
AHEAD = 2
"""Hand-ins at the cluster for each machine: the one that it grades, and the next one."""
PAUSE_S = 0.5
FEWER_LOST = "Nothing that was graded is lost: the same command resumes."


class Cluster:
    """Machines that grade for one run.

    refused: why a machine gets no work, by its address; machines: how many may grade now.
    """

    def __init__(self, client: Client, address: str, options: Options) -> None:
        self._client, self._address, self._options = client, address, options
        self._name = f"autograder-{secrets.token_hex(4)}"
        self._known: frozenset[str] = frozenset()
        self._alone_since = time.monotonic()
        self.refused: dict[str, str] = {}
        self.machines = 0

    def prove(self, root: Path, assignments: Sequence[str]) -> None:
        """Send the course to every machine, and find out which ones may grade; UsageError if none may."""
        from autograder.classroom.cluster.machine import Machine, Needs

        checks = {name: catalogue.load(name, root).checks_sha256 for name in assignments}
        needs = Needs(versions(), self._options.isolation, self._options.backend, checks)
        with self._told():
            self._client.register_plugin(Machine(self._name, pack_course(root), needs), name=self._name)
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
        from distributed import wait

        waiting, sent = deque(entries), dict[Any, Entry]()
        while waiting or sent:
            with self._told():
                self._look_around()
            while waiting and len(sent) < AHEAD * max(self.machines, 1):
                entry = waiting.popleft()
                if _is_up_to_date(run, entry):
                    yield entry, False
                elif future := self._send(run, entry):
                    sent[future] = entry
                else:
                    yield entry, True
            self._refuse_to_wait_for_nobody()
            if sent:
                with self._told(), suppress(TimeoutError):
                    wait(list(sent), timeout=PAUSE_S, return_when="FIRST_COMPLETED")
            for future in [future for future in sent if future.done()]:
                entry = sent.pop(future)
                if self._keep(run, entry, future):
                    yield entry, True
                else:
                    waiting.appendleft(entry)

    def _send(self, run: Run, entry: Entry) -> Future | None:
        """Send one hand-in; None if it could not be read, and its report, which says so, was written here."""
        from autograder.classroom.cluster.machine import grade_parcel

        try:
            parcel = pack_hand_in(entry, with_earlier=run.earlier == "own")
        except OSError:
            _report_unread(run, entry)
            return None
        with self._told():
            return self._client.submit(grade_parcel, self._name, run, parcel, pure=False, resources={self._name: 1})

    def _keep(self, run: Run, entry: Entry, future: Future) -> bool:
        """Write the report that came back; False if another machine has to grade this."""
        if future.status == "finished":
            with self._told():
                graded: Graded = future.result()
            if graded.refusal:
                self.refused[graded.machine] = graded.refusal
                return False
            keep_report(run, entry, msgspec.json.decode(graded.report, type=Report), graded.fault)
            return True
        if future.status != "error":  # the scheduler has forgotten it
            raise self._lost("it has forgotten what it was sent")
        with self._told():
            error = future.exception()
        text = "".join(traceback.format_exception(error))
        reason = "the machines that graded it were lost, one after the other"
        report_broken(run, entry, reason if type(error).__name__ == "KilledWorker" else type(error).__name__, text)
        return True

    # --- the machines ------------------------------------------------------------------------

    def _look_around(self) -> None:
        """Ask machines that are new whether they may grade."""
        from autograder.classroom.cluster.machine import refusal_of

        current = frozenset(self._client.scheduler_info(n_workers=-1)["workers"])
        if current - self._known:
            answers: Mapping[str, Any] = self._client.run(refusal_of, self._name, on_error="return")
            for machine, answer in answers.items():
                if answer:
                    no_kit = "cannot run the kit: install dlkit-course there, in the same version"
                    self.refused[machine] = answer if isinstance(answer, str) else no_kit
        self._known = current
        self.machines = len(current - set(self.refused))
        if self.machines:
            self._alone_since = time.monotonic()

    def _refuse_to_wait_for_nobody(self) -> None:
        if time.monotonic() - self._alone_since > WITHOUT_MACHINES_S:
            message = f"No machine of {self._address} is left. {FEWER_LOST}"
            raise UsageError(message)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn the loss of the scheduler into a sentence."""
        try:
            yield
        except OSError as error:  # TimeoutError and Dask's own are among them
            raise self._lost(str(error) or type(error).__name__) from error

    def _lost(self, reason: str) -> UsageError:
        return UsageError(f"The scheduler {self._address} was lost ({reason.rstrip('.')}). {FEWER_LOST}")

    def end(self) -> None:
        """Let the machines forget this run."""
        with self._told():
            self._client.unregister_worker_plugin(self._name)


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
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        message = f"There is no scheduler at {address}. Name the address that dask scheduler printed: tcp://HOST:8786."
        raise UsageError(message) from error
    with client:
        cluster = Cluster(client, address, options)
        yield cluster
        cluster.end()


def _is_up_to_date(run: Run, entry: Entry) -> bool:
    """Whether there is a report from an earlier run that still holds."""
    path = report_path(Path(run.out), entry)
    if not path.is_file():
        return False
    loaded = catalogue.load(entry.assignment, Path(run.root))
    try:
        submission = submission_of(entry, loaded)
    except SubmissionError:
        return False
    earlier = earlier_of(entry, loaded) if run.earlier == "own" else loaded.earlier
    return is_done(path, submission, run, entry, hash_of_earlier(earlier))


def _report_unread(run: Run, entry: Entry) -> None:
    """Write the report of a hand-in that cannot be read, and so cannot be sent."""
    loaded = catalogue.load(entry.assignment, Path(run.root))
    try:
        submission_of(entry, loaded)
    except SubmissionError as error:
        file = Path(entry.path).name
        report = unreadable(loaded, entry.student, file, str(error), seed=run.seed, scope=run.scope)
        keep_report(run, entry, report, "")
    else:
        report_broken(run, entry, "its file changed while it was read", "Grade this hand-in again.\n")
