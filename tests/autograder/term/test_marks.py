"""Marks over a term, by cases that were computed by hand, through the command and its table."""

import csv
import re

import pytest

from autograder.classroom.hand_in_times import HandInTime
from autograder.classroom.marking.store import EXERCISE, QUESTION, Store
from autograder.report import ExerciseResult, Report, Status, Verdict, WrittenAnswer
from autograder.report.marks import Mark
from autograder.term.works import work_of
from tests.autograder.term.made_up import START, course, nothing, put, report, run

TWO = START + "[assignments.03_losses]\ndue = 2026-03-20T23:59:00\n"
IN_TIME = "2026-03-06T12:00:00+00:00"


def marks(folder):
    """The rows of ``marks.csv`` by the student's id."""
    with (folder / "term" / "marks.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def page(folder, student):
    """The text of a student's page."""
    text = (folder / "term" / "students" / f"{student}.html").read_text()
    return " ".join(re.sub(r"<[^>]*>", " ", text.split("</style>")[1]).split())


@pytest.fixture
def add_up(tmp_path, capsys):
    """Write a course and its reports, run the command; the table's rows, with status and what was printed."""

    def call(text, *reports, times=None, names=None, options=(), at="2026-04-01T12:00:00"):
        put(tmp_path / "graded", *reports, times=times, names=names)
        call.status, call.told = run(capsys, course(tmp_path, text), *options, at=at)
        return marks(tmp_path)

    return call


BOTH = [report("amara", 8.0), report("amara", 15.0, "03_losses", 20.0)]

WEIGHTS = [
    # 8 of 10 and 15 of 20: (8 + 15) / 30 = 76.666…
    ("by points", TWO, "76.67"),
    # the mean of 80 and 75
    ("equal", "weights = 'equal'\n" + TWO, "77.5"),
    # 3 × 80 and 1 × 75, by 4
    ("stated", TWO.replace("23:59:00\n[", "23:59:00\nweight = 3\n[") + "weight = 1\n", "78.75"),
    # a weight of 0 counts nothing
    ("a weight of 0", TWO.replace("23:59:00\n[", "23:59:00\nweight = 0\n[") + "weight = 1\n", "75"),
    # of 20 in place of 100, without decimals: 20 × 76.666… % = 15.33
    ("scale", "scale = 20\nplaces = 0\n" + TWO, "15"),
    # 75 % is the lowest
    ("drop", "drop_lowest = 1\n" + TWO, "80"),
    # one always counts
    ("drop all", "drop_lowest = 2\n" + TWO, "80"),
    # 03_losses is never dropped, so 02_layers is, though its share is higher
    ("keep", "drop_lowest = 1\n" + TWO + "keep = true\n", "75"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "mark"), [case[1:] for case in WEIGHTS], ids=[case[0] for case in WEIGHTS])
def test_shares_are_weighted_as_computed_by_hand(add_up, text, mark):
    assert add_up(text, *BOTH)["amara"]["mark"] == mark


def test_hundredths_stay_what_they_are(add_up):
    # 56.37 of 57 is 98.8947…; as binary numbers 18.79 + 18.79 + 18.79 is 56.370000000000005
    exercises = dict.fromkeys(("A", "B", "C"), (18.79, 19.0))
    rows = add_up("places = 6\n" + START, report("amara", 0, exercises=exercises))
    assert (rows["amara"]["02_layers"], rows["amara"]["mark"]) == ("56.37", "98.894737")


def test_bonus_points_are_added_and_are_no_part_of_the_maximum(add_up, tmp_path):
    # 10 of 10, and 2 of 3 bonus points: 12 of 10
    rows = add_up(START, report("amara", 0, exercises={"Linear": (10.0, 10.0), "Extra": (2.0, 3.0)}, bonus=["Extra"]))
    assert (rows["amara"]["02_layers"], rows["amara"]["02_layers maximum"], rows["amara"]["mark"]) == (
        "12",
        "10",
        "120",
    )
    assert "12 of 10 points, 2 of them bonus points, which are no part of the maximum." in page(tmp_path, "amara")


def test_equal_shares_drop_the_one_that_was_due_first(add_up):
    rows = add_up("drop_lowest = 1\n" + TWO, report("amara", 8.0), report("amara", 16.0, "03_losses", 20.0))
    assert (rows["amara"]["02_layers state"], rows["amara"]["03_losses state"]) == ("dropped", "counts")


def test_what_was_not_handed_in_counts_0_once_it_is_due_and_nothing_before(add_up):
    reports = [*BOTH, nothing("bo"), report("cy", 10.0)]  # bo has a report that says so, cy none of 03_losses
    rows = add_up(TWO, *reports, at="2026-04-01")
    assert {name: row["mark"] for name, row in rows.items()} == {"amara": "76.67", "bo": "0", "cy": "33.33"}
    rows = add_up(TWO, *reports, at="2026-03-10")
    assert (rows["cy"]["mark"], rows["cy"]["03_losses state"]) == ("100", "not yet due")
    assert (rows["bo"]["mark"], rows["bo"]["02_layers state"]) == ("0", "missing")
    rows = add_up(TWO, *reports, at="2026-03-01")
    assert (rows["bo"]["mark"], rows["bo"]["02_layers state"]) == ("", "not yet due")


def test_what_nobody_has_a_report_of_does_not_count_and_is_named(add_up):
    rows = add_up(TWO, report("amara", 8.0))
    assert (rows["amara"]["mark"], rows["amara"]["03_losses state"]) == ("80", "not graded")
    assert "Due, but not graded yet, so they do not count yet: 03_losses." in add_up.told


def test_an_excused_assignment_does_not_count_and_is_never_the_dropped_one(add_up):
    excused = "[[excused]]\nstudents = 'amara'\nassignment = '02_layers'\nreason = 'illness'\n"
    # 03_losses alone counts, and one always does
    rows = add_up("drop_lowest = 1\n" + TWO + excused, report("amara", 0.0), BOTH[1])
    assert (rows["amara"]["mark"], rows["amara"]["02_layers state"]) == ("75", "excused")


LATE = START + "[late]\npercent = 10\n"
A_DAY = "2026-03-07T22:59:00+00:00"  # exactly one day


def test_a_late_hand_in_loses_what_the_page_computes(add_up, tmp_path):
    assert add_up(LATE, report("amara", 8.0), times={"amara": A_DAY})["amara"]["mark"] == "72"
    told = page(tmp_path, "amara")
    assert "Handed in 2026-03-07 23:59 (UTC+01:00), by the time of the file." in told
    assert "1 day has begun, 10 % of the earned points each: 8 − 1 × 10 % × 8 = 7.2 points." in told
    assert "Share: 7.2 / 10 = 72 %." in told
    assert "Rounded half up to 2 decimals, once, here: 72." in told


def test_an_extension_moves_the_due_date_of_one_student(add_up, tmp_path):
    extension = (
        "[[extension]]\nstudents = 'Amara Diop'\nassignment = '02_layers'\nuntil = 2026-03-08\nreason = 'illness'\n"
    )
    times = {"amara": A_DAY, "bo": A_DAY}
    rows = add_up(LATE + extension, report("amara", 8.0), report("bo", 8.0), times=times, names={"amara": "Amara Diop"})
    assert (rows["amara"]["mark"], rows["bo"]["mark"]) == ("80", "72")
    assert "extended to 2026-03-08 24:00 (UTC+01:00) (illness)." in page(tmp_path, "amara")


def test_an_assignment_may_have_a_policy_of_its_own(add_up):
    own = "[assignments.02_layers.late]\npercent = 50\n"
    assert add_up(LATE + own, report("amara", 8.0), times={"amara": A_DAY})["amara"]["mark"] == "40"


def test_late_days_are_used_in_the_order_of_the_due_dates(add_up):
    # 02_layers is 2 days late and uses both days of 3 that it needs; 03_losses, 2 days late, gets the third one
    times = {("amara", "02_layers"): "2026-03-08T22:00:00+00:00", ("amara", "03_losses"): "2026-03-22T22:00:00+00:00"}
    rows = add_up(TWO + "[late]\npercent = 10\nbudget = 3\n", *BOTH, times=times)
    assert (rows["amara"]["02_layers"], rows["amara"]["03_losses"]) == ("8", "13.5")  # 15 less 10 %
    assert rows["amara"]["late days used"] == "3"


LINEAR = "[[override]]\nassignment='02_layers'\nexercise='Linear'\n"
CHANGES = [
    # of Linear 4 of 6 and ReLU 3 of 4: 7 of 10
    ("nothing", "", "7", "10"),
    ("void, full", "[[void]]\nassignment='02_layers'\nexercise='Linear'\ncounts='full'", "9", "10"),
    ("void, out", "[[void]]\nassignment='02_layers'\nexercise='Linear'\ncounts='out'", "3", "4"),
    ("override for one", LINEAR + "students='amara'\npoints=5.5", "8.5", "10"),
    ("override for another", LINEAR + "students='bo'\npoints=5.5", "7", "10"),
    ("override for all", LINEAR + "points=0", "3", "10"),
    ("override of the whole", "[[override]]\nassignment='02_layers'\nstudents='amara'\npoints=9.25", "9.25", "10"),
    (
        "one's own before everybody's",
        "[[override]]\nassignment='02_layers'\npoints=1\n[[override]]\nassignment='02_layers'\nstudents='amara'\npoints=2",
        "2",
        "10",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "points", "most"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_points_and_maximum_change_as_the_file_says(add_up, text, points, most):
    exercises = {"Linear": (4.0, 6.0), "ReLU": (3.0, 4.0)}
    rows = add_up(START + text, report("amara", 0, exercises=exercises), report("bo", 0, exercises=exercises))
    assert (rows["amara"]["02_layers"], rows["amara"]["02_layers maximum"]) == (points, most)


def test_full_points_of_a_withdrawn_exercise_are_for_who_handed_in(add_up):
    void = "[[void]]\nassignment='02_layers'\nexercise='Linear'\ncounts='full'"
    rows = add_up(START + void, report("amara", 0.0), nothing("bo"))
    assert (rows["amara"]["mark"], rows["bo"]["mark"]) == ("100", "0")


def test_an_assignment_whose_only_exercise_is_out_counts_nothing(add_up):
    void = "[[void]]\nassignment='02_layers'\nexercise='Linear'\ncounts='out'"
    rows = add_up(TWO + void, *BOTH, nothing("bo"), report("bo", 10.0, "03_losses", 20.0))
    assert {name: row["mark"] for name, row in rows.items()} == {"amara": "75", "bo": "50"}
    assert {row["02_layers state"] for row in rows.values()} == {"no maximum"}


def test_points_may_be_stated_for_who_handed_in_on_paper(add_up):
    override = "[[override]]\nassignment='02_layers'\nstudents='bo'\npoints=6\n"
    assert add_up(START + override, report("amara", 8.0), nothing("bo"))["bo"]["mark"] == "60"


# --- what is not certain ---------------------------------------------------------------------

DOUBTFUL = [
    ("2027-01-01T00:00:00+00:00", "2027-01-01 01:00 (UTC+01:00) lies after the date of this page"),
    ("2026-02-01T00:00:00+00:00", "2026-02-01 01:00 (UTC+01:00) lies before the release of the assignment"),
    (HandInTime("", "zip", doubt="the zip holds no times"), "the zip holds no times"),
    (HandInTime("yesterday", "file"), "the recorded time is no date"),
]


@pytest.mark.parametrize(("time", "doubt"), DOUBTFUL)
def test_a_time_that_cannot_be_deducts_nothing_and_needs_attention(add_up, tmp_path, time, doubt):
    rows = add_up(
        LATE.replace("\n[late]", "\nreleased = 2026-02-20\n[late]"), report("amara", 8.0), times={"amara": time}
    )
    assert (rows["amara"]["mark"], add_up.status) == ("80", 1)
    assert f"amara, 02_layers: The time of the hand-in is not known: {doubt}." in add_up.told
    assert doubt in page(tmp_path, "amara")


def test_a_run_without_recorded_times_deducts_nothing_and_says_so(add_up, tmp_path):
    assert add_up(LATE, report("amara", 8.0))["amara"]["mark"] == "80"
    assert "1 hand-in without a record of the time" in " ".join((tmp_path / "term/index.html").read_text().split())


def test_a_hand_in_that_the_platform_marked_late_needs_attention_if_its_time_is_not(add_up):
    add_up(LATE, report("amara", 8.0), times={"amara": HandInTime(IN_TIME, "file", late=True)})
    assert "The platform marked it as late, and its time is before the due date." in add_up.told
    assert add_up.status == 1


def test_somebody_with_two_reports_of_one_assignment_is_named(tmp_path, capsys):
    put(tmp_path / "graded", report("amara", 8.0))
    put(tmp_path / "again", report("amara", 9.0))
    status, told = run(capsys, course(tmp_path, "graded = ['graded', 'again']\n" + START))
    assert status == 2
    assert "amara has two reports of 02_layers, in graded/reports/amara and again/reports/amara." in told
    both = "graded = ['graded', 'again']\n" + START + "graded = 'again'\n"
    assert run(capsys, course(tmp_path, both))[0] == 0
    assert marks(tmp_path)["amara"]["mark"] == "90"


# --- everybody -------------------------------------------------------------------------------


def test_a_roster_joins_ids_of_several_platforms_and_lists_who_handed_in_nothing(tmp_path, capsys):
    (tmp_path / "roster.csv").write_text("id,email,name\n7,amara@example.org,Amara Diop\n8,bo@example.org,Bo Li\n")
    put(tmp_path / "one", report("7", 8.0), report("stranger", 1.0))
    put(tmp_path / "two", report("amara@example.org", 15.0, "03_losses", 20.0))
    text = "graded = ['one', 'two']\nroster = 'roster.csv'\n" + TWO
    status, told = run(capsys, course(tmp_path, text))
    rows = marks(tmp_path)
    assert {row["name"]: row["mark"] for row in rows.values()} == {"Amara Diop": "76.67", "Bo Li": "0", "": "3.33"}
    assert status == 1
    assert "stranger: Is not on the roster." in told


def test_two_students_of_one_name_are_shown_with_their_ids(add_up, tmp_path):
    rows = [report("a", 8.0), report("b", 8.0)]
    add_up(START, *rows, names={"a": "Li Wei", "b": "Li Wei"})
    index = (tmp_path / "term/index.html").read_text()
    assert "Li Wei (a)" in index
    assert "Li Wei (b)" in index
    excused = "[[excused]]\nstudents = 'Li Wei'\nassignment = '02_layers'\n"
    add_up(START + excused, *rows, names={"a": "Li Wei", "b": "Li Wei"})
    assert add_up.status == 2
    assert "2 students are called 'Li Wei'. Name the one by the id." in add_up.told


def test_what_a_report_counts_beyond_its_exercises_counts():
    class Marked(Report):
        """A report with written questions: 3 of 5 points, by hand."""

        @property
        def points(self):
            return 11.1

        @property
        def max_points(self):
            return 15.0

    verdict = Verdict("forward", "forward", Status.PASSED, 8.1, 10.0)
    work = work_of(Marked(student="amara", assignment="02_layers", exercises=[ExerciseResult("Linear", [verdict])]))
    assert [(part.name, float(part.points), float(part.most)) for part in work.parts] == [
        ("Linear", 8.1, 10.0),
        ("written questions", 3.0, 5.0),
    ]


def test_marks_by_hand_count_and_answers_without_one_are_named(add_up, tmp_path):
    questions = [WrittenAnswer("why", 3.0, answered=True, sha256="aa"), WrittenAnswer("how", 2.0, answered=True)]
    store = Store(put(tmp_path / "graded"))
    store.begin("02_layers", {"why": 3.0, "how": 2.0})
    store.save("amara", "02_layers", QUESTION, "why", Mark(2.5, answer_sha256="aa"))
    store.save("amara", "02_layers", EXERCISE, "Linear", Mark(9.0, "shown in class", automatic=8.0))
    rows = add_up(START, report("amara", 8.0, written=questions))
    # 9 of 10 by hand, 2.5 of 3 by hand, 0 of 2 that nobody has marked: 11.5 of 15
    assert (rows["amara"]["02_layers"], rows["amara"]["02_layers maximum"]) == ("11.5", "15")
    assert add_up.status == 1
    assert "2 points of written answers are to be marked, and count 0 until then." in add_up.told
