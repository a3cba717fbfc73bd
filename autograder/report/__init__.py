"""Reports: the results of a hand-in, as plain data, and how they are stored and read."""

from autograder.report.by_hand import ByHand
from autograder.report.marks import read_counted, read_marked
from autograder.report.measurement import Footprint, Growth, HotSpot, Measurement, Pace, Pair, Timing
from autograder.report.problems import NotGraded, Problem
from autograder.report.record import FORMAT, MOST_TEXT, Report, WrittenAnswer, grade_cell
from autograder.report.redaction import Redactor, encodable
from autograder.report.status import Status, overall
from autograder.report.storage import ReportError, read_report, read_stored, refuse_later_report, upgrade_result
from autograder.report.verdict import WAITS, ExerciseResult, Verdict

__all__ = [
    "FORMAT",
    "MOST_TEXT",
    "WAITS",
    "ByHand",
    "ExerciseResult",
    "Footprint",
    "Growth",
    "HotSpot",
    "Measurement",
    "NotGraded",
    "Pace",
    "Pair",
    "Problem",
    "Redactor",
    "Report",
    "ReportError",
    "Status",
    "Timing",
    "Verdict",
    "WrittenAnswer",
    "encodable",
    "grade_cell",
    "overall",
    "read_counted",
    "read_marked",
    "read_report",
    "read_stored",
    "refuse_later_report",
    "upgrade_result",
]
