"""``autograder export``: every format by its command, and what is refused, in one sentence."""

import json

import pytest

from autograder.export.formats import FORMATS
from autograder.export.summary import Summary
from tests.autograder.export.made_up import graded_folder, report_of, run_command, varied_report

EACH = {"gradescope": ".json", "classroom": ".json", "prairielearn": ".json", "junit": ".xml"}


@pytest.fixture
def out(tmp_path):
    return graded_folder(tmp_path / "graded", varied_report("ada"), varied_report("Zoë, 'B'"))


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")


@pytest.mark.parametrize(("name", "suffix"), EACH.items(), ids=EACH.keys())
def test_one_file_per_student(out, tmp_path, name, suffix):
    status, told, err = run_command(name, out)
    assert (status, err) == (0, "")
    assert told == f"2 files in {out / name}: STUDENT/ASSIGNMENT{suffix}.\n"
    assert (out / name / "Zoë, 'B'" / f"02_layers{suffix}").stat().st_size > 500
    status, _, _ = run_command(name, out, "--to", tmp_path / "elsewhere", "--assignment", "layers")
    assert status == 0
    assert (tmp_path / "elsewhere/ada" / f"02_layers{suffix}").read_bytes() == (
        out / name / "ada" / f"02_layers{suffix}"
    ).read_bytes()


def test_one_assignment_of_several(tmp_path):
    losses = report_of("ada").__class__(student="ada", assignment="03_losses")
    out = graded_folder(tmp_path / "graded", varied_report("ada"), losses)
    status, told, _ = run_command("junit", out, "--assignment", "03")
    assert status == 0
    assert "1 files" in told
    assert [path.name for path in (out / "junit").rglob("*.xml")] == ["03_losses.xml"]
    status, told, err = run_command("canvas", out, "--sheet", tmp_path / "x.csv")
    assert (status, told) == (2, "")
    assert "This format holds one assignment at a time. Choose one with --assignment: 02_layers, 03_losses." in err


def test_the_gradebook_gets_the_reports_the_course_and_the_address(out, small_course, monkeypatch):
    given = []

    def write_gradebook(reports, root, url, submitted):
        given.append((sorted(report.student for report in reports), root, url, submitted))
        return Summary(added=2)

    monkeypatch.setattr("autograder.export.gradebook.write_gradebook", write_gradebook)
    status, told, err = run_command("gradebook", out, "--to", "sqlite:///x.db", "--course", small_course)
    assert (status, err) == (0, "")
    assert told == ("Gradebook sqlite:///x.db: 2 new, 0 changed, 0 unchanged; 0 cells wait for manual grading.\n")
    (out / "run.json").write_text(json.dumps({"submissions": str(out.parent)}))
    run_command("gradebook", out, "--course", small_course)
    students = ["Zoë, 'B'", "ada"]
    assert given == [
        (students, small_course, "sqlite:///x.db", None),
        (students, small_course, "sqlite:///gradebook.db", out.parent),
    ]


WRONG = [
    (["xlsx", "OUT"], "There is no format 'xlsx'. Choose one of: gradescope, classroom,"),
    (["csv", "nowhere"], "There are no reports in nowhere. Name the --out folder of autograder grade."),
    (["csv", "OUT", "--assignment", "99"], "There are no reports of '99' in "),
    (["canvas", "OUT"], "There is no sheet to fill. Download it from the platform, and name it with --sheet."),
    (["moodle", "OUT", "--sheet", "nowhere.csv"], "nowhere.csv cannot be read (No such file or directory)."),
    (["csv", "OUT", "--to", "/dev/null/x.csv"], "cannot be written"),
    (["junit", "OUT", "--to", "OUT/reports/ada/02_layers.json"], "cannot be written"),
    (["classroom", "OUT", "--workflow", "x.yml"], "name with --kit what pip installs, such as git+https://…"),
    (["csv", "empty"], "There are no reports in empty."),
    ([], "issing argument"),
    (["gradescope-zip", "99"], "There is no assignment '99'. Choose one of: 02_layers."),
    (["gradescope-zip", "02", "--isolation", "most"], "--isolation: expected 'full', 'partial' or 'none', got 'most'."),
    (["gradescope-zip", "02", "--without", "tests"], "--without: expected 'capstones' or 'bonus', got 'tests'."),
    (["gradescope-zip", "02", "--to", "/dev/null/x.zip"], "cannot be written"),
]


@pytest.mark.parametrize(
    ("arguments", "sentence"), WRONG, ids=[" ".join(arguments) or "nothing" for arguments, _ in WRONG]
)
@pytest.mark.usefixtures("empty_folder")
def test_what_is_wrong_is_one_sentence_and_exit_status_2(out, small_course, arguments, sentence):
    course = ["--course", small_course] if arguments else []
    status, told, err = run_command(*(word.replace("OUT", str(out)) for word in arguments), *course)
    assert (status, told) == (2, "")
    assert err.startswith("autograder: ")
    assert err.count("\n") == 1
    assert sentence in err


def test_a_report_that_is_none_is_one_sentence(out):
    (out / "reports/ada/02_layers.json").write_text("{")
    status, told, err = run_command("csv", out)
    assert (status, told) == (2, "")
    assert "02_layers.json cannot be read as a report" in err
    assert err.count("\n") == 1


def test_a_student_without_the_solution_cannot_pack_it(small_course, tmp_path):
    (tmp_path / "assignments").symlink_to(small_course / "assignments")
    status, _, err = run_command("gradescope-zip", "02", "--course", tmp_path, "--to", tmp_path / "x.zip")
    assert status == 2
    assert "The solution of 02_layers is missing: run this in a clone of the project." in err
    assert not (tmp_path / "x.zip").exists()


def test_the_help_names_every_format():
    status, told, _ = run_command("--help")
    assert status == 0
    assert all(name in told for name in (*FORMATS, "gradescope-zip"))
