"""One student's files, sorted by the assignment that each could belong to; the others with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from autograder.report import NotGraded
from autograder.submission.archive import ArchiveError, listing, members
from autograder.submission.filenames import assignment_of_file, assignment_of_folder, kind_of, system_folder
from autograder.submission.files import CODE, File, shown
from autograder.submission.recognition import handed_out, recognised, recognised_file
from autograder.submission.walk import Seen, flaw, is_plain_folder, walk

__all__ = ["REASONS", "StudentFiles"]

REASONS = {
    "system": "belongs to a program or an operating system.",
    "handed out": "was handed out by the course.",
    "archive": "is an archive of an unsupported kind. Hand in the notebook itself, or a zip file.",
    "document": "is neither a notebook nor a Python file. Hand in the notebook.",
    "other": "is neither a notebook nor a Python file.",
}
MOST_BYTES = 64 << 20
"""Bytes read of one student's files whose names do not show what they are."""


@dataclass
class StudentFiles:
    """What one student handed in.

    files: by assignment, the candidates (an empty list if only its folder exists); rest: everything else.
    homes: folders above those of students, without links; shared by a class, so that each is looked up once.
    """

    student: str
    base: Path
    root: Path
    known: Sequence[str]
    files: dict[str, list[File]] = field(default_factory=dict)
    rest: list[NotGraded] = field(default_factory=list)
    homes: dict[Path, Path] = field(default_factory=dict)
    _read: int = 0

    def add(self, folders: Iterable[Path], files: Iterable[File], default: str | None) -> None:
        """Sort everything in the student's folders, and single files.

        default: the assignment of files that do not show another, or None.
        """
        for folder in folders:
            home = self._resolved(folder.parent) / folder.name
            if not is_plain_folder(folder) and (reason := flaw(folder, home)):
                self._add(File(folder, self._shown(folder), f"{folder.name} {reason}"), [default] if default else [])
                continue
            for seen in walk(folder, home):
                self._sort(seen, default)
        for file in files:
            name = file.name or file.path.name
            kind = kind_of(name)
            if kind in (*CODE, "zip"):
                self._add(file, self._meant(file.path, name, kind, None, default), kind)
            else:
                self._put_aside(file.shown, kind, assignment_of_file(name, self.known) or default or "")

    def settle(self) -> None:
        """After sorting: if there is no notebook, other documents count as the hand-in and are then refused."""
        left = []
        for one in self.rest:
            of = [one.assignment] if one.assignment else []
            lonely = not any(self.files.get(name) for name in of or self.files)
            if one.kind in ("perhaps", "hand-in") and lonely and of:
                name = one.path.rpartition("/")[2]
                self.files.setdefault(one.assignment, []).append(
                    File(self.base / one.path, one.path, f"{name} {one.reason}")
                )
            elif one.kind == "perhaps":
                left.append(_with_kind(one, "hand-in" if lonely else "other"))
            else:
                left.append(one)
        self.rest = left

    def _sort(self, seen: Seen, default: str | None) -> None:
        name = seen.path.name
        folders = [one for part in seen.parts[:-1] if (one := assignment_of_folder(part, self.known))]
        own = assignment_of_folder(name, self.known) if seen.kind in ("folder", "refused") else None
        by_folder = own or (folders[-1] if folders else None)
        if by_folder:
            self.files.setdefault(by_folder, [])
        kind = kind_of(name)
        if seen.kind == "folder":
            return
        if seen.kind == "system":
            self._put_aside(self._shown(seen.path), "system", "")
        elif seen.kind == "link":
            reason = "is a link to something that is read in its own place."
            self.rest.append(NotGraded(self._shown(seen.path), reason, "other", by_folder or "", self._name))
        elif seen.kind == "refused":
            file = File(seen.path, self._shown(seen.path), f"{name} {seen.reason}")
            meant = by_folder or assignment_of_file(name, self.known) or default
            self._add(file, [meant] if meant else [])
        elif handed_out(seen.parts, seen.path, self.root):
            self._put_aside(self._shown(seen.path), "handed out", by_folder or default or "")
        elif kind in (*CODE, "zip"):
            by_name = assignment_of_file(name, self.known)
            vague = len(seen.parts) > 1 and not (by_folder or by_name) and name.casefold().endswith(".py")
            file = File(seen.path, self._shown(seen.path), vague=vague)
            self._add(file, self._meant(seen.path, name, kind, by_folder, default), kind)
        else:
            named = assignment_of_file(name, self.known)
            self._put_aside(self._shown(seen.path), kind, by_folder or named or default or "", named=bool(named))

    def _meant(self, path: Path, name: str, kind: str, by_folder: str | None, default: str | None) -> Iterable[str]:
        """The assignments that a file may belong to: by its name and folder, else by its content."""
        by_name = assignment_of_file(name, self.known)
        if kind == "zip":
            if by_folder or by_name:
                return [by_folder or by_name or ""]
            return self._inside(path) or ([default] if default else [])
        if by_folder and by_name and by_folder != by_name:
            return [self._recognised(path) or by_folder]
        found = by_folder or by_name or self._recognised(path)
        if found is None and kind == "code":
            found = default
        return [found] if found else []

    def _recognised(self, path: Path) -> str | None:
        """The assignment of a file by its content, unless too much was read already."""
        try:
            self._read += path.stat().st_size
        except OSError:
            return None
        return recognised_file(path, self.root) if self._read <= MOST_BYTES else None

    def _inside(self, path: Path) -> list[str]:
        """The assignments in a zip: by the names of its folders and files, else by what its files define."""
        try:
            code = [one for one in listing(path) if _is_code(one.name)]
            found = {meant for one in code if (meant := _by_place(one.name, self.known))}
            few = []
            for one in code if not found else ():
                self._read += one.size
                few += [one.name] if self._read <= MOST_BYTES else []
            found |= {meant for data in members(path, few).values() if (meant := recognised(data, self.root))}
        except ArchiveError:
            return []
        return sorted(found)

    def _add(self, file: File, meant: Iterable[str], kind: str = "code") -> None:
        found = list(meant)
        for assignment in found:
            self.files.setdefault(assignment, []).append(file)
        if not found:
            reason = file.reason or "defines none of the exercises of the course's assignments."
            self.rest.append(NotGraded(file.shown, reason, "perhaps" if kind != "perhaps" else "other", "", self._name))

    def _put_aside(self, place: str, kind: str, assignment: str, *, named: bool = False) -> None:
        weight = {"archive": "hand-in", "document": "hand-in" if named else "perhaps"}.get(kind, kind)
        self.rest.append(NotGraded(place, REASONS[kind], weight, assignment, self._name))

    def _resolved(self, folder: Path) -> Path:
        if folder not in self.homes:
            self.homes[folder] = folder.resolve()
        return self.homes[folder]

    def _shown(self, path: Path) -> str:
        return shown(path.relative_to(self.base).as_posix())

    @property
    def _name(self) -> str:
        return shown(self.student)


def _with_kind(one: NotGraded, kind: str) -> NotGraded:
    return NotGraded(one.path, one.reason, kind, one.assignment, one.student)


def _is_code(name: str) -> bool:
    *folders, last = name.split("/")
    return kind_of(last) in CODE and not any(map(system_folder, folders))


def _by_place(name: str, known: Sequence[str]) -> str | None:
    *folders, last = name.split("/")
    meant = filter(None, map(partial(assignment_of_folder, known=known), reversed(folders)))
    return next(meant, None) or assignment_of_file(last, known)
