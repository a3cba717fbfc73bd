"""JUnit's XML for Jenkins' xunit plugin (its ``junit-10.xsd``): one suite per exercise, one case per check.

That schema allows properties of suites only, so each check's points are listed with its exercise.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from autograder.export.by_hand import HandRow, hand_rows
from autograder.export.feedback import lines, remarks
from autograder.render.reading import MEANING, NAME, clean, number
from autograder.report import ExerciseResult, Report, Status, Verdict

__all__ = ["document"]

KINDS = {
    Status.FAILED: "failure",
    Status.BROKEN: "error",
    Status.NOT_ATTEMPTED: "skipped",
    Status.SKIPPED: "skipped",
}
"""The XML element of a status; other statuses have passed."""


def document(report: Report) -> bytes:
    """XML of a whole submission."""
    statuses = [verdict.status for exercise in report.listed for verdict in exercise.verdicts]
    root = ET.Element("testsuites", name=f"{_name(report.student)} {_name(report.assignment)}".strip())
    root.set("time", f"{max(report.seconds, 0.0):.3f}")
    by_hand = hand_rows(report)
    statuses += [_status(row) for row in by_hand]
    root.attrib |= {key: value for key, value in _counts(statuses).items() if key != "skipped"}
    for exercise in report.listed:
        _suite(root, report, exercise)
    for row in by_hand:
        _suite_by_hand(root, report, row)
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def _suite(root: ET.Element, report: Report, exercise: ExerciseResult) -> None:
    suite = ET.SubElement(root, "testsuite", name=_name(exercise.name), package=_name(report.assignment))
    suite.attrib |= _counts([verdict.status for verdict in exercise.verdicts])
    if report.graded_at:
        suite.set("timestamp", clean(report.graded_at, 32).removesuffix("Z"))
    properties = ET.SubElement(suite, "properties")
    facts = {
        "points": number(exercise.points),
        "max_points": number(exercise.max_points),
        "bonus": "yes" if exercise.bonus else "no",
        "status": exercise.status,
        "student": _name(report.student),
        "seed": str(report.seed),
        "isolation": report.isolation,
        "submission_sha256": report.submission_sha256,
        "checks_sha256": report.checks_sha256,
    } | {
        f"points of: {_name(verdict.check)}": f"{number(verdict.points)}/{number(verdict.max_points)}"
        for verdict in exercise.verdicts
    }
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=value)
    for verdict in exercise.verdicts:
        _case(suite, report, exercise, verdict)
    if told := remarks(report):
        ET.SubElement(suite, "system-out").text = "\n".join(told)


def _suite_by_hand(root: ET.Element, report: Report, row: HandRow) -> None:
    """What was marked by hand: passed, whatever its points, or skipped while it is still to be marked."""
    suite = ET.SubElement(root, "testsuite", name=_name(row.title), package=_name(report.assignment))
    suite.attrib |= _counts([_status(row)])
    properties = ET.SubElement(suite, "properties")
    facts = {"max_points": number(row.max_points), "student": _name(report.student)}
    facts = facts if row.points is None else {"points": number(row.points), **facts}
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=value)
    case = ET.SubElement(suite, "testcase", name="marked by hand", classname=_name(report.assignment))
    told = "\n".join(row.told)
    if row.points is None:
        ET.SubElement(case, "skipped", type="to be marked", message="still to be marked").text = told
    elif told:
        ET.SubElement(case, "system-out").text = told


def _status(row: HandRow) -> Status:
    return Status.SKIPPED if row.points is None else Status.PASSED


def _case(suite: ET.Element, report: Report, exercise: ExerciseResult, verdict: Verdict) -> None:
    place = f"{_name(report.assignment)}.{_name(exercise.name)}"
    case = ET.SubElement(suite, "testcase", name=_name(verdict.check), classname=place)
    kind = KINDS.get(verdict.status)
    told = lines(verdict)
    if kind:
        message = clean(verdict.sentence) or MEANING[verdict.status]  # instructors read this: describe faults
        ET.SubElement(case, kind, type=verdict.status, message=message).text = "\n".join(told)
    elif told:
        ET.SubElement(case, "system-out").text = "\n".join(told)


def _counts(statuses: list[Status]) -> dict[str, str]:
    kinds = [KINDS.get(status) for status in statuses]
    return {
        "tests": str(len(kinds)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
    }


def _name(text: str) -> str:
    return clean(text, NAME) or "without a name"
