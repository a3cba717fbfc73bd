"""Who is who: the roster and the students of several runs, whose ids may differ from platform to platform."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from autograder.classroom.class_list import ClassList, key_of
from autograder.classroom.class_record import ClassRecord, read_record
from autograder.term.errors import UsageError, refuse_unknown

__all__ = ["Found", "People", "Person", "find_people", "reports_in"]


class Person(msgspec.Struct, frozen=True):
    """One student.  key: an id, unique in the course; ids: all that are known; label: the name on pages."""

    key: str
    name: str
    ids: tuple[str, ...]
    label: str
    on_roster: bool = True


class Found(msgspec.Struct, frozen=True):
    """A report that was found: the run's folder as the course file names it, the student's id there, the assignment."""

    graded: str
    student: str
    assignment: str


class People:
    """Everybody in the course, in the order of the names.

    owners: the key of whose each id of each run is; strangers: labels of those who are on no roster.
    """

    def __init__(self, persons: Sequence[Person], owners: Mapping[tuple[str, str], str]) -> None:
        self.persons = sorted(persons, key=lambda one: (one.label.casefold(), one.label, one.key))
        self.owners = owners
        self.strangers = [one.label for one in self.persons if not one.on_roster]
        self._called: dict[str, set[str]] = defaultdict(set)
        for one in persons:
            for text in (*one.ids, one.name):
                if text:
                    self._called[key_of(text)].add(one.key)

    def find(self, text: str, place: str) -> str:
        """The key of the student with this id or name.  UsageError if there is none, or more than one."""
        keys = self._called.get(key_of(text))
        if not keys:
            names = {text for one in self.persons for text in (*one.ids, one.name) if text}
            refuse_unknown(text, names, place, "student")
            keys = self._called.get(key_of(text), set())
        if len(keys) > 1:
            message = f"{place}: {len(keys)} students are called '{text[:60]}'. Name the one by the id."
            raise UsageError(message)
        return next(iter(keys))

    def known(self, texts: Iterable[str]) -> str | None:
        """The key of the one student with one of these ids or names; None if there is none."""
        for text in texts:
            if text and len(keys := self._called.get(key_of(text), set())) == 1:
                return next(iter(keys))
        return None


def reports_in(folders: Mapping[str, Path]) -> list[Found]:
    """The reports of all runs.  UsageError if a folder holds no run."""
    found = []
    for name, folder in folders.items():
        paths = sorted((folder / "reports").glob("*/*.json"))
        if not paths and not (folder / "run.json").is_file():
            message = f"There are no reports in {folder}. Name the --out folders of autograder grade as graded = […]."
            raise UsageError(message)
        found += [Found(name, path.parent.name, path.stem) for path in paths]
    return found


def find_people(found: Sequence[Found], folders: Mapping[str, Path], roster: ClassList | None) -> People:
    """Join the students of all runs with the roster: who is on it is one person, whatever the ids are."""
    records = {name: read_record(folder) for name, folder in folders.items()}
    names: dict[str, str] = {}
    for one in found:
        shown = one.student.encode("utf-8", "replace").decode()
        names[one.student] = names.get(one.student) or records[one.graded].names.get(shown, "")
    rows = roster.owners(names) if roster else {}
    counts = Counter(one.student for one in found)
    of_row: dict[int, list[str]] = defaultdict(list)
    for student, row in rows.items():
        of_row[row].append(student)
    persons: list[Person] = []
    owner: dict[str, str] = {}
    for number, listed in enumerate(roster.rows if roster else ()):
        theirs = sorted(of_row[number], key=lambda student: (-counts[student], student))
        ids = tuple(dict.fromkeys([*theirs, *listed.ids.values()])) or (listed.name,)
        owner |= dict.fromkeys(theirs, ids[0])
        persons.append(Person(ids[0], listed.name, ids, ""))
    for student, name in names.items():
        if student not in rows:
            owner[student] = student
            persons.append(Person(student, name, (student,), "", on_roster=roster is None))
    return People(_labelled(persons), {(one.graded, one.student): owner[one.student] for one in found})


def _labelled(persons: Sequence[Person]) -> list[Person]:
    """The same with their names on pages, as the pages of a run show them."""
    ids = [one.key.encode("utf-8", "replace").decode() for one in persons]
    label = ClassRecord({key: one.name for key, one in zip(ids, persons, strict=True) if one.name}).labels()
    return [msgspec.structs.replace(one, label=label(key)) for key, one in zip(ids, persons, strict=True)]
