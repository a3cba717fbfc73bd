"""Implementations of exercises in text files, in the format of planted mistakes, one file per exercise."""

from collections.abc import Iterator
from pathlib import Path

from autograder.course import catalogue
from autograder.course.mistake_files import REPLACE_ALL, REPLACE_METHODS, Entry, entries
from autograder.course.text_files import read_text
from autograder.spec import Exercise

ROOT = Path(__file__).resolve().parents[2]


def implementations(
    folder: Path, *, keys: tuple[str, ...] = (), classes: tuple[str, ...] = (REPLACE_METHODS,)
) -> dict[str, list[tuple[str, Entry]]]:
    """The entries of ``NN_name/EXERCISE.md`` below a folder, by assignment, with the exercise's name, in course order.

    keys: the ``KEY: value`` lines that an entry may have; classes: what entries of a class may have, ``replace
    methods`` or ``replace all``; of a function it is always all.
    """
    return {
        path.name: [
            (exercise.name, entry)
            for exercise in _exercises(path)
            for entry in _entries(path / f"{exercise.name}.md", keys, classes if exercise.is_class else (REPLACE_ALL,))
        ]
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith("__")
    }


def _exercises(folder: Path) -> list[Exercise]:
    """The exercises that the folder has a file for, in the assignment's order."""
    exercises = catalogue.load(folder.name, ROOT).assignment.exercises
    files = {path.stem for path in folder.iterdir()}
    strays = files - {exercise.name for exercise in exercises}
    assert not strays, f"{folder.name}/{min(strays)}.md is named as no exercise"
    return [exercise for exercise in exercises if exercise.name in files]


def _entries(path: Path, keys: tuple[str, ...], replaces: tuple[str, ...]) -> Iterator[Entry]:
    for entry in entries(read_text(path), f"{path.parent.name}/{path.name}"):
        where = f"{path.parent.name}/{path.name}, line {entry.line}: “{entry.name}”"
        assert set(entry.fields) <= set(keys), f"{where}: {set(entry.fields) - set(keys)} is not known here"
        assert entry.replaces in replaces, f"{where}: give it '{replaces[0]}:' with a block of code"
        assert not entry.edits, f"{where}: a block of code has no edits beside it"
        yield entry
