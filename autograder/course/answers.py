"""What is right: every check's cases and what the reference shows on them, drawn once per seed."""

from __future__ import annotations

import contextlib
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from autograder.course.catalogue import UsageError
from autograder.isolation.protocol import ProtocolError
from autograder.isolation.tree import decode, encode
from autograder.spec import Case, Check, Exercise, Observations, SpecError
from autograder.spec.comparison import compare_all, is_compared
from autograder.subject import LocalSubject, SubjectRaisedError

if TYPE_CHECKING:
    from autograder.course.catalogue import Loaded

__all__ = ["Answers", "StoredAnswers", "generator", "read_stored", "store"]

Answer = tuple[Case, Observations]
Size = tuple[int, int]
"""Bytes of arrays in the largest reply of a case, and in all of them."""
Explained = dict[tuple[str, str], list[Any]]


def generator(seed: int, *names: str) -> np.random.Generator:
    """Make the generator of one named thing: another for every name, the same for a seed."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def _something(found: list[Answer], exercise: Exercise, check: Check, why: str) -> list[Answer]:
    """The cases themselves.  SpecError where a check could compare nothing, for then it has not passed."""
    if not found:
        message = f"{exercise.name}: “{check.name}” has no cases, so it proves nothing ({why})"
        raise SpecError(message)
    if check.judge is compare_all and not any(is_compared(name) for _, expected in found for name in expected):
        message = f"{exercise.name}: “{check.name}” expects no value in any case, so it proves nothing"
        raise SpecError(message)
    return found


class Answers:
    """Answers drawn from the references, and kept for the whole class."""

    def __init__(self, loaded: Loaded, seed: int) -> None:
        self.loaded = loaded
        self.seed = seed
        self._found: dict[tuple[str, str], list[Answer]] = {}
        self._sizes: dict[tuple[str, str], list[Size]] = {}
        self._references: dict[str, LocalSubject] = {}

    def reference(self, exercise: Exercise) -> LocalSubject:
        """The reference implementation, in this process."""
        if exercise.name not in self._references:
            self._references[exercise.name] = self.loaded.subject(exercise)
        return self._references[exercise.name]

    def of(self, exercise: Exercise, check: Check) -> list[Answer]:
        """Cases of one check, at least one, with what is expected.  SpecError where none are drawn."""
        key = exercise.name, check.name
        if key not in self._found:
            rng = generator(self.seed, self.loaded.assignment.name, *key)
            reference = self.reference(exercise)
            self._found[key], sizes = [], []
            for case in check.cases(rng, reference):
                reference.largest = reference.returned = 0
                expected = check.expect(reference, case, rng) if check.expect else check.observe(reference, case)
                sizes.append((reference.largest, reference.returned))
                self._found[key].append((case, expected))
            reference.forget()
            if not check.expect:
                self._sizes[key] = sizes
        return _something(self._found[key], exercise, check, "its specification draws none")

    def sizes(self, exercise: Exercise, check: Check) -> list[Size]:
        """How much the reference returns in each case, observed as a submission is; nothing where that would train."""
        if check.capstone:
            return []
        key = exercise.name, check.name
        answers = self.of(exercise, check)
        if key not in self._sizes:
            self._sizes[key] = []
            for case, _ in answers:
                subject = self.reference(exercise).on(check.backend or "numpy")
                subject.largest = subject.returned = 0
                with contextlib.suppress(SubjectRaisedError):  # what it returned until then is known
                    check.observe(subject, case)
                self._sizes[key].append((subject.largest, subject.returned))
            self.reference(exercise).forget()
        return self._sizes[key]


class StoredAnswers:
    """Answers read from a released ``cases.npz``: what a student's machine has in place of the references.

    known: prints of planted mistakes by exercise and check, matters: what each right answer depends on; both as
    ``autograder.diagnosis`` reads them.
    """

    def __init__(
        self,
        found: dict[tuple[str, str], list[Answer]],
        seed: int,
        known: Explained | None = None,
        matters: Explained | None = None,
    ) -> None:
        self.found = found
        self.seed = seed
        self.known = known or {}
        self.matters = matters or {}

    def of(self, exercise: Exercise, check: Check) -> list[Answer]:
        """Cases of one check, at least one, with what is expected.  SpecError where there are none.

        A capstone's are drawn here, for it needs no reference.
        """
        key = exercise.name, check.name
        if check.capstone and key not in self.found:
            nobody = LocalSubject()
            rng = generator(self.seed, *key)
            cases = check.cases(rng, nobody)
            self.found[key] = [(case, check.expect(nobody, case, rng) if check.expect else {}) for case in cases]
        return _something(
            self.found.get(key, []), exercise, check, "cases.npz holds none: take the file from the course again"
        )

    def sizes(self, _exercise: Exercise, _check: Check) -> list[Size]:
        """Not known here, where there is no reference."""
        return []

    def reference(self, exercise: Exercise) -> LocalSubject:
        """There is none here."""
        message = f"the reference of {exercise.name} is not here"
        raise SpecError(message)


def store(
    path: Path,
    answers: dict[tuple[str, str], list[Answer]],
    seed: int,
    known: Explained | None = None,
    matters: Explained | None = None,
) -> None:
    """Write answers to one ``.npz``: a tree as JSON, and its arrays; with what explains wrong ones."""
    arrays: list[Any] = []
    tree = [
        [list(key), encode([[case.as_data(), expected] for case, expected in found], arrays)]
        for key, found in answers.items()
    ]
    explained = {"known": _listed(known), "matters": _listed(matters)}
    header = np.frombuffer(json.dumps({"seed": seed, "answers": tree, **explained}).encode(), np.uint8)
    np.savez_compressed(path, header=header, **{f"a{i}": array for i, array in enumerate(arrays)})


def _listed(explained: Explained | None) -> list[Any]:
    return [[list(key), value] for key, value in (explained or {}).items()]


def _by_key(listed: list[Any]) -> Explained:
    return {(exercise, check): value for (exercise, check), value in listed}


def read_stored(path: Path) -> StoredAnswers:
    """Read answers that ``store`` wrote; UsageError where the file is damaged or of another version."""
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(file["header"].tobytes())
            arrays = [file[f"a{i}"] for i in range(len(file.files) - 1)]
        found = {
            (exercise, check): [
                (Case.from_data(case), expected) for case, expected in decode(tree, arrays, markers=True)
            ]
            for (exercise, check), tree in header["answers"]
        }
        known, matters = (_by_key(header.get(name, [])) for name in ("known", "matters"))
        return StoredAnswers(found, header["seed"], known, matters)
    except (OSError, EOFError, ValueError, KeyError, TypeError, ProtocolError, BadZipFile) as error:
        message = (
            f"{path} cannot be read ({error}): it is damaged, or of another version of the course. Take the file from "
            "the course again, or run autograder release."
        )
        raise UsageError(message) from error
