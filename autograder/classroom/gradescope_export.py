"""Who handed in what, from the ``submission_metadata.yml`` of Gradescope's export.

Only the few forms of YAML that Gradescope writes are read: a mapping from submission to its fields, of which
``:submitters:`` is a list of mappings with plain or quoted values.  Everything else is skipped: results hold text
that students wrote, always indented more than the fields themselves.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

__all__ = ["METADATA", "Submitter", "created", "submitters"]

METADATA = "submission_metadata.yml"
MOST_BYTES = 64 << 20
_TOP = re.compile(r"^([\"']?)(submission_\d+)\1:\s*$")
_FIELD = re.compile(r"^(\s*)(- )?:?(\w+):(?:\s+(.*?))?\s*$")


class Submitter(NamedTuple):
    """One student of a submission: an id (student number, address or name) and a name."""

    id: str
    name: str


def submitters(path: Path) -> dict[str, list[Submitter]]:
    """Read the students of each submission; empty if the file cannot be read."""
    lines = _lines(path)
    found: dict[str, list[dict[str, str]]] = {}
    inside: list[dict[str, str]] | None = None
    level, is_list = -1, False
    for line in lines:
        if top := _TOP.match(line):
            inside, level, is_list = found.setdefault(top[2], []), -1, False
        elif (part := _FIELD.match(line)) and inside is not None:
            space, dash, key, value = len(part[1]), part[2], part[3], _plain(part[4])
            level = space if level < 0 else level
            if space == level and not dash:
                is_list = key == "submitters"
            elif is_list and dash:
                inside.append({key: value})
            elif is_list and inside:
                inside[-1].setdefault(key, value)
    return {name: [one for fields in those if (one := _submitter(fields))] for name, those in found.items()}


def created(path: Path) -> dict[str, str]:
    """When each submission was created, as it is written there; empty if the file cannot be read."""
    found: dict[str, str] = {}
    submission, level = "", -1
    for line in _lines(path):
        if top := _TOP.match(line):
            submission, level = top[2], -1
        elif (part := _FIELD.match(line)) and submission:
            level = len(part[1]) if level < 0 else level
            if len(part[1]) == level and not part[2] and part[3] == "created_at":
                found.setdefault(submission, _plain(part[4]))
    return found


def _lines(path: Path) -> list[str]:
    """The lines of the file; none if it cannot be read."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(MOST_BYTES).splitlines()
    except OSError:
        return []


def _submitter(fields: dict[str, str]) -> Submitter | None:
    name = fields.get("name", "")
    identifier = fields.get("sid") or fields.get("email") or name
    if not identifier or identifier in (".", "..") or re.search(r"[/\\\0]", identifier):
        return None
    return Submitter(identifier, name)


def _plain(value: str | None) -> str:
    """A scalar on one line: plain, or in single or double quotation marks."""
    value = (value or "").strip()
    if value in ("~", "null"):
        return ""
    if value.startswith("'") and value.endswith("'") and len(value) > 1:
        return value[1:-1].replace("''", "'")
    if value.startswith('"'):
        try:
            return str(json.loads(re.sub(r"\\x([0-9A-Fa-f]{2})", r"\\u00\1", value)))
        except ValueError:
            return value.strip('"')
    return value
