"""Stored reports of this version and of earlier ones.

Version 1 (release 0.1) is converted when it is read.  A later version is refused, because its content is unknown.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from autograder.report.record import FORMAT, Report

__all__ = ["ReportError", "read_report", "read_stored", "refuse_later_report", "upgrade_result"]

FIGURES = {"timing": "speed", "footprint": "memory", "growth": "growth"}
"""Fields of a verdict of version 1, and the kind of measurement that replaces each."""


class ReportError(Exception):
    """A file cannot be read as a report: one sentence with the cure."""


class _Stamp(msgspec.Struct):
    format: int = 1


def read_report(path: Path) -> Report:
    """Read a report of this version or an earlier one; ReportError if it is not one, or of a later version."""
    return read_stored(path)[0]


def read_stored(path: Path) -> tuple[Report, bytes]:
    """A report, and the bytes of its file.  ReportError as ``read_report``."""
    try:
        content = path.read_bytes()
        version = msgspec.json.decode(content, type=_Stamp).format
        if version == FORMAT:
            return msgspec.json.decode(content, type=Report), content
        if version < FORMAT:
            return _from_version_1(content), content
    except (OSError, msgspec.DecodeError) as error:
        message = f"{path} cannot be read as a report ({error}). Grade again."
        raise ReportError(message) from error
    raise _later(path, version)


def refuse_later_report(path: Path) -> None:
    """Raise ReportError if there is a report of a later version, which must not be overwritten."""
    try:
        version = msgspec.json.decode(path.read_bytes(), type=_Stamp).format
    except (OSError, msgspec.DecodeError):
        return
    if version > FORMAT:
        raise _later(path, version)


def _later(path: Path, version: int) -> ReportError:
    return ReportError(
        f"{path} was written by a later version of autograder (report format {version}, this one reads up to "
        f"{FORMAT}). Update it (pip install --upgrade dlkit-course), or name another folder."
    )


def _from_version_1(content: bytes) -> Report:
    record: dict[str, object] = msgspec.json.decode(content, type=dict[str, object])
    results = record.get("exercises")
    if isinstance(results, list):
        record["exercises"] = [upgrade_result(result) for result in results]
    return msgspec.convert({**record, "format": FORMAT}, Report)


def upgrade_result(result: object) -> object:
    """One exercise's verdicts of version 1, as builtins, in this version's form; anything else unchanged."""
    if not isinstance(result, dict) or not isinstance(verdicts := result.get("verdicts"), list):
        return result
    return {**result, "verdicts": [_upgraded(verdict) for verdict in verdicts]}


def _upgraded(verdict: object) -> object:
    """One verdict: at most one of the old fields held figures."""
    if not isinstance(verdict, dict):
        return verdict
    kept = {name: value for name, value in verdict.items() if name not in FIGURES}
    for name, kind in FIGURES.items():
        if isinstance(figures := verdict.get(name), dict):
            kept["measurement"] = {"kind": kind, **figures}
    return kept
