"""Expected answers: every check's cases and the reference's results on them, computed once per seed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Mapping
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
FORMAT = 2
"""Of ``cases.npz``."""
Explained = dict[tuple[str, str], list[Any]]


def generator(seed: int, *names: str) -> np.random.Generator:
    """Make the generator that belongs to a seed and to these names: different ones for any two lists of names."""
    digest = hashlib.sha256(json.dumps([seed, *names]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))


def _something(found: list[Answer], exercise: Exercise, check: Check, why: str) -> list[Answer]:
    """The cases.  SpecError if a check could compare nothing, because it then proves nothing."""
    if not found:
        message = f"{exercise.name}: “{check.name}” has no cases, so it proves nothing ({why})"
        raise SpecError(message)
    if check.judge is compare_all and not any(is_compared(name) for _, expected in found for name in expected):
        message = f"{exercise.name}: “{check.name}” expects no value in any case, so it proves nothing"
        raise SpecError(message)
    return found


def _raised(exercise: Exercise, check: Check, case: Case | None, error: SubjectRaisedError) -> str:
    """What an author reads where the solution itself raises: the check, the case, the error and its place."""
    of, place = case.describe() if case else "before its first case", f" ({error.where})" if error.where else ""
    if case and (first := case.hidden.get("first")):
        of += f", called before with {Case(**first).describe()}: the first axis of an input is the batch, of any size"
    return f"{exercise.name}: the solution raises {error}{place} in “{check.name}”, {of}"


class Answers:
    """Answers computed from the references, and kept for the whole class.

    alike: all checks draw from the same numbers, as far as they draw the same, so that what is stored of them is small;
    else each draws its own.
    """

    def __init__(self, loaded: Loaded, seed: int, *, alike: bool = False) -> None:
        self.loaded = loaded
        self.seed = seed
        self.alike = alike
        self._found: dict[tuple[str, str], list[Answer]] = {}
        self._sizes: dict[tuple[str, str], list[Size]] = {}
        self._references: dict[str, LocalSubject] = {}

    def reference(self, exercise: Exercise) -> LocalSubject:
        """The reference implementation, in this process."""
        if exercise.name not in self._references:
            self._references[exercise.name] = self.loaded.subject(exercise)
        return self._references[exercise.name]

    def of(self, exercise: Exercise, check: Check) -> list[Answer]:
        """Cases of one check, at least one, with what is expected.  SpecError if none are drawn."""
        key = exercise.name, check.name
        if key not in self._found:
            names = () if self.alike and not check.redrawn else key
            rng = generator(self.seed, self.loaded.assignment.name, *names)
            found, sizes, drawn = list[Answer](), list[Size](), None
            try:
                reference = self.reference(exercise)
                for drawn in check.cases(rng, reference):
                    reference.largest = reference.returned = 0
                    expected = check.expect(reference, drawn, rng) if check.expect else check.observe(reference, drawn)
                    sizes.append((reference.largest, reference.returned))
                    found.append((drawn, expected))
            except SubjectRaisedError as error:
                raise SpecError(_raised(exercise, check, drawn, error)) from error
            self._found[key] = found
            reference.forget()
            if not check.expect:
                self._sizes[key] = sizes
        return _something(self._found[key], exercise, check, "its cases draw none")

    def sizes(self, exercise: Exercise, check: Check) -> list[Size]:
        """How much the reference returns in each case, observed like a submission; empty for a capstone."""
        if check.capstone:
            return []
        key = exercise.name, check.name
        answers = self.of(exercise, check)
        if key not in self._sizes:
            self._sizes[key] = []
            for case, _ in answers:
                subject = self.reference(exercise).on(check.backend or "numpy")
                subject.largest = subject.returned = 0
                with contextlib.suppress(SubjectRaisedError):  # its replies until then are known
                    check.observe(subject, case)
                self._sizes[key].append((subject.largest, subject.returned))
            self.reference(exercise).forget()
        return self._sizes[key]


class StoredAnswers:
    """Answers read from a released ``cases.npz``, which replaces the references on a student's machine.

    known: fingerprints of planted mistakes by exercise and check; matters: what each expected answer depends on; both
    in the form of ``autograder.diagnosis``.  assignment: its name, which seeds what is drawn here.
    """

    def __init__(
        self,
        found: dict[tuple[str, str], list[Answer]],
        seed: int,
        assignment: str = "",
        known: Explained | None = None,
        matters: Explained | None = None,
    ) -> None:
        self.found = found
        self.seed = seed
        self.assignment = assignment
        self.known = known or {}
        self.matters = matters or {}

    def of(self, exercise: Exercise, check: Check) -> list[Answer]:
        """Cases of one check, at least one, with what is expected.  SpecError if there are none.

        Cases of a capstone, and of a check whose expected result no reference gives, are drawn here.
        """
        key = exercise.name, check.name
        if (check.capstone or check.redrawn) and key not in self.found:
            nobody = LocalSubject()
            rng = generator(self.seed, self.assignment, *key)
            cases = check.cases(rng, nobody)
            self.found[key] = [(case, check.expect(nobody, case, rng) if check.expect else {}) for case in cases]
        return _something(
            self.found.get(key, []), exercise, check, "cases.npz holds none: get the file from the course again"
        )

    def sizes(self, _exercise: Exercise, _check: Check) -> list[Size]:
        """Unknown without the reference."""
        return []

    def reference(self, exercise: Exercise) -> LocalSubject:
        """Raises SpecError: there is no reference."""
        message = f"the reference of {exercise.name} is not available"
        raise SpecError(message)


def store(path: Path, stored: StoredAnswers) -> None:
    """Write answers to one ``.npz``: a tree as JSON, and its arrays, each once; with what explains wrong ones."""
    arrays: list[Any] = []
    tree = [
        [list(key), encode([[case.as_data(), expected] for case, expected in found], arrays)]
        for key, found in stored.found.items()
    ]
    places, packed = _packed(arrays)
    header = {
        "format": FORMAT,
        "seed": stored.seed,
        "assignment": stored.assignment,
        "answers": tree,
        "arrays": places,
        "known": _listed(stored.known),
        "matters": _listed(stored.matters),
    }
    np.savez_compressed(path, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **packed)


def _packed(arrays: list[Any]) -> tuple[list[list[Any]], dict[str, Any]]:
    """Arrays end to end, those of a dtype in one, equal ones once; and where each lies: dtype, offset, shape."""
    ends: dict[str, int] = {}
    known: dict[tuple[str, bytes], int] = {}
    parts: dict[str, list[Any]] = {}
    places = []
    for array in map(np.asarray, arrays):
        dtype = array.dtype.str
        key = dtype, hashlib.sha256(array.tobytes()).digest()
        if key not in known:
            known[key] = ends.get(dtype, 0)
            ends[dtype] = known[key] + array.size
            parts.setdefault(dtype, []).append(array.ravel())
        places.append([dtype, known[key], list(array.shape)])
    return places, {dtype.lstrip("<|="): np.concatenate(flat) for dtype, flat in parts.items()}


def _unpacked(places: list[list[Any]], packed: Mapping[str, Any]) -> list[Any]:
    """The arrays that ``_packed`` packed."""
    flat = {dtype: packed[dtype.lstrip("<|=")] for dtype in {dtype for dtype, _, _ in places}}
    return [flat[dtype][begin : begin + math.prod(shape)].reshape(shape) for dtype, begin, shape in places]


def _listed(explained: Explained | None) -> list[Any]:
    return [[list(key), value] for key, value in (explained or {}).items()]


def _by_key(listed: list[Any]) -> Explained:
    return {(exercise, check): value for (exercise, check), value in listed}


def read_stored(path: Path) -> StoredAnswers:
    """Read answers that ``store`` wrote; UsageError if the file is damaged or of another version."""
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(file["header"].tobytes())
            arrays = _unpacked(header["arrays"], file)
        found = {
            (exercise, check): [
                (Case.from_data(case), expected) for case, expected in decode(tree, arrays, markers=True)
            ]
            for (exercise, check), tree in header["answers"]
        }
        known, matters = (_by_key(header.get(name, [])) for name in ("known", "matters"))
        return StoredAnswers(found, header["seed"], header["assignment"], known, matters)
    except (OSError, EOFError, ValueError, KeyError, TypeError, ProtocolError, BadZipFile) as error:
        message = (
            f"{path} cannot be read ({error}): it is damaged, or of another version of the course. Get the file from "
            "the course again, or run autograder release."
        )
        raise UsageError(message) from error
