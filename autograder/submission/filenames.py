"""What the name of a file or a folder says: its kind, its assignment, and the number of the attempt.

Names come from browsers (``layers (1).ipynb``), Jupyter (``layers-Copy1.ipynb``), Canvas (``layers-1.ipynb``), Windows,
macOS and people; they are read without regard to case, separators and Unicode form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["Kind", "assignment_of_file", "assignment_of_folder", "attempt", "kind_of", "stem_of", "system_folder"]

Kind = str
"""A file's kind: "code", "perhaps" (content decides), "zip", "archive", "document", "handed out", "system", "other"."""

_HANDED_OUT = {
    "checks.py",
    "cases.npz",
    "yardsticks.json",
    "hints.json",
    "answers.json",
    "hand-in.json",
    "timestamp.txt",
}
_SYSTEM_FILES = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "submission_metadata.yml"}
_SYSTEM_FOLDERS = {"__macosx", "__pycache__", "node_modules", "venv", "site-packages", "$recycle.bin"}
_ARCHIVES = (".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".tbz", ".xz", ".txz", ".zst", ".zipx")
_DOCUMENTS = (".pdf", ".html", ".htm", ".doc", ".docx", ".odt", ".rtf", ".pages", ".tex", ".md", ".mhtml")
_CODE = re.compile(r"\.ipynb(?![a-z0-9])|\.py(?:w|\.txt|\.json)?$")
_SUFFIXES = re.compile(r"(?:\.(?:ipynb|pyw?|json|txt|zip|download))+$", re.IGNORECASE)
_NUMBER = re.compile(r"\s*\((\d{1,6})\)$|[ _-]v?(\d{1,6})$|(?<=[a-z])(\d{1,6})$", re.IGNORECASE)
_COPY = re.compile(r"[ _-]+(?:copy|kopie|copie|copia)[ _-]?\d{0,6}(?:\s*\(\d{1,6}\))?$", re.IGNORECASE)
_NOISE = frozenset(
    """late copy kopie copie copia final fixed new old submission submissions submitted submit handin hand in my
    assignment homework hw exercise exercises solution solutions work project task lab notebook v version the""".split()  # noqa: SIM905 - words
)

MOST_NAMES = 1024
"""Names of files and folders that are remembered: most hand-ins of a class have the same ones."""


@lru_cache(maxsize=MOST_NAMES)
def kind_of(name: str) -> Kind:
    """The kind of a file, by its name."""
    plain = name.casefold()
    suffix = f".{plain.rpartition('.')[2]}"
    if plain.startswith(".") or plain in _SYSTEM_FILES:
        return "system"
    if plain in _HANDED_OUT or f"{attempt(name)[0]}{suffix}" in _HANDED_OUT:
        return "handed out"
    if plain.endswith(".zip"):
        return "zip"
    if _CODE.search(plain) and suffix != ".bak":  # what a reset or an editor has kept
        return "code"
    if suffix in (".json", ".txt"):
        return "perhaps"
    return "archive" if suffix in _ARCHIVES else "document" if suffix in _DOCUMENTS else "other"


def system_folder(name: str) -> bool:
    """Whether a folder belongs to a program: a repository's, a notebook server's, an operating system's."""
    return name.startswith(".") or name.casefold() in _SYSTEM_FOLDERS


def stem_of(name: str) -> str:
    """A file's name without its suffixes: ``layers`` of ``layers.ipynb.json``."""
    return _SUFFIXES.sub("", name) or name


def attempt(name: str, module: str = "") -> tuple[str, tuple[int, ...]]:
    """Split a file's name into what all attempts share, and the numbers of this one, () for the first.

    ``layers (1).ipynb`` is ("layers", (1,)), ``layers-1 (2).ipynb`` is ("layers", (1, 2)).  A copy has no number: only
    its time shows which of the two was edited.  module: the assignment's module, which may itself end in a number.
    """
    stem = unicodedata.normalize("NFC", stem_of(name)).casefold()
    numbers: list[int] = []
    while stem != module:
        shorter = _COPY.sub("", stem)
        if found := _NUMBER.search(shorter):
            numbers.insert(0, int(next(filter(None, found.groups()))))
            shorter = shorter[: found.start()]
        if shorter == stem or not shorter:
            break
        stem = shorter
    return stem, tuple(numbers)


def assignment_of_folder(name: str, known: Iterable[str]) -> str | None:
    """The assignment that a folder is named after: ``02_layers``, ``Layers``, ``02 layers late``, ``02_layers (1)``."""
    return _of_folder(name, tuple(known))


@lru_cache(maxsize=MOST_NAMES)
def _of_folder(name: str, known: tuple[str, ...]) -> str | None:
    words = _words(name)
    return _only(each for each in known if _named_after(words, each))


def assignment_of_file(name: str, known: Iterable[str]) -> str | None:
    """The assignment named in a file's name: ``layers.ipynb``, ``02_Layers_amy.py``; None if there are two."""
    return _of_file(name, tuple(known))


@lru_cache(maxsize=MOST_NAMES)
def _of_file(name: str, known: tuple[str, ...]) -> str | None:
    words = _words(stem_of(name))
    return _only(each for each in known if _named_after(words, each)) or _only(
        each for each in known if _place(words, _module(each)) is not None
    )


def _only(found: Iterable[str]) -> str | None:
    names = list(found)
    return names[0] if len(names) == 1 else None


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", name).casefold()
    return re.findall(r"\d+|[^\W\d_]+", plain)


def _module(assignment: str) -> list[str]:
    return _words(assignment.partition("_")[2])


def _place(words: list[str], module: list[str]) -> int | None:
    return next((at for at in range(len(words)) if words[at : at + len(module)] == module), None)


def _named_after(words: list[str], assignment: str) -> bool:
    """Whether the words name an assignment, with nothing else but its number before it and filler words."""
    module = _module(assignment)
    at = _place(words, module)
    if at is None:
        return False
    before, after = words[:at], words[at + len(module) :]
    own = int(assignment.partition("_")[0])
    numbers = [int(word) for word in before if word.isdecimal()]
    rest = [word for word in (*before, *after) if not word.isdecimal()]
    return numbers in ([], [own]) and _NOISE.issuperset(rest)
