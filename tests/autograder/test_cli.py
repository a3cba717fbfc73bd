import errno
import io
import json
import os
import shutil
import subprocess
import sys

import pytest

from autograder.cli import main
from autograder.report import Status
from tests.autograder.conftest import write_assignment


@pytest.fixture
def student(small_course, tmp_path):
    """A student's course: what was released, and nothing else."""
    shutil.copytree(small_course / "assignments", tmp_path / "course/assignments")
    return tmp_path / "course"


@pytest.fixture
def solve(student, small_course):
    """Write the solution, with some text replaced, where the student works."""

    def write(*changes):
        text = (small_course / "solutions/02_layers/layers.py").read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (student / "assignments/02_layers/layers.py").write_text(text)

    return write


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# --- wrong usage -----------------------------------------------------------------------------

WRONG = [
    (["gade", "in"], "gade"),
    (["check", "--sed", "3"], "--sed"),
    (["check", "--seed", "three"], "--seed"),
    (["check", "--seed", "-1"], "--seed"),
    (["check", "99"], "There is no assignment or exercise '99'. Assignments are: 02_layers."),
    (["check", "Conv2d"], "There is no assignment or exercise 'Conv2d'. Assignments are: 02_layers."),
    (["check", "losses.Tanh"], "There is no assignment or exercise 'losses.Tanh'."),
    (["check", "nowhere/layers.py"], "layers.py does not exist. Check the name and the folder."),
    (["check", "homework.py"], "There is no assignment 'homework'. Choose one of: 02_layers."),
    (["check", "--without", "tests"], "--without: expected 'capstones' or 'bonus', got 'tests'."),
    (["check", "--backend", "abacus"], "There is no backend 'abacus'. Choose one of:"),
    (["grade"], "issing argument"),
    (["grade", "nowhere"], "nowhere is not a folder. Name the one that holds a folder for every student."),
    (["grade", ".", "--assignment", "99"], "There is no assignment '99'. Choose one of: 02_layers."),
    (["grade", ".", "--earlier", "theirs"], "--earlier: expected 'own' or 'reference', got 'theirs'."),
    (["grade", ".", "--jobs", "0"], "--jobs"),
    (["grade", ".", "--seed", "x"], "--seed"),
    (["release", "99"], "There is no assignment '99'."),
    (["audit", "99"], "There is no assignment or exercise '99'."),
    (
        ["new", "Graphs"],
        "'Graphs' is not an assignment's name. Use two digits, an underscore, lower-case letters: 16_graphs.",
    ),
    (["new", "../16_graphs"], "is not an assignment's name"),
    (["new", "02_layers"], "solutions/02_layers exists already. Choose another name, or delete it first."),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
@pytest.mark.usefixtures("empty_folder")
def test_wrong_usage_is_one_sentence_and_exit_status_2(autograder, small_course, arguments, sentence):
    course = [] if arguments == ["gade", "in"] else ["--course", small_course]
    status, out, err = autograder(*arguments, *course)
    assert (status, out) == (2, "")
    assert err.startswith("autograder: ")
    assert err.count("\n") == 1
    assert sentence in err


@pytest.mark.parametrize(
    "command", [["check"], ["grade", "."], ["release"], ["audit"], ["new", "16_graphs"]], ids=lambda c: c[0]
)
def test_a_folder_that_is_not_a_course_is_reported(autograder, tmp_path, command):
    status, out, err = autograder(*command, "--course", tmp_path)
    assert (status, out) == (2, "")
    assert err == f"autograder: There is no course at or above {tmp_path}: name the folder that holds assignments/.\n"


def test_a_folder_without_reports_is_reported(autograder, tmp_path):
    status, out, err = autograder("report", tmp_path / "nowhere")
    assert (status, out) == (2, "")
    assert (
        err
        == f"autograder: There are no reports in {tmp_path / 'nowhere'}. Name the --out folder of autograder grade.\n"
    )


def test_a_report_that_cannot_be_read_is_named(autograder, tmp_path):
    (tmp_path / "reports/adam").mkdir(parents=True)
    (tmp_path / "reports/adam/02_layers.json").write_text("{")
    status, _, err = autograder("report", tmp_path)
    assert status == 2
    assert "02_layers.json cannot be read as a report" in err
    assert err.count("\n") == 1


def test_without_a_command_there_is_help(autograder):
    status, out, err = autograder()
    assert status == 2
    assert "Usage" in out + err
    status, out, _ = autograder("--help")
    assert status == 0
    for command in ("check", "grade", "report", "release", "audit", "doctor", "new"):
        assert command in out


def test_an_interruption_is_reported_without_a_traceback(autograder, small_course, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("autograder.grading.grader.Grader.grade", interrupt)
    status, _, err = autograder("check", "--course", small_course)
    assert status == 130
    assert err == "autograder: Stopped. The same command resumes where this one stopped.\n"


def test_a_reader_that_has_gone_is_no_error(small_course, monkeypatch):
    class Closed(io.StringIO):
        def write(self, _):
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(sys, "stdout", Closed())
    assert main(["check", "--json", "--course", str(small_course)]) == 0
    sys.stdout.close()


# --- a student's own check -------------------------------------------------------------------


def test_a_right_solution_is_checked_without_the_references(autograder, student, solve):
    solve()
    status, out, _ = autograder("check", "--json", "--course", student)
    (report,) = json.loads(out)
    assert status == 0
    found = {e["name"]: {v["status"] for v in e["verdicts"]} for e in report["exercises"]}
    assert found == {"Tanh": {"passed"}, "Flatten": {"passed"}}
    assert sum(v["points"] for e in report["exercises"] for v in e["verdicts"]) == pytest.approx(5)


def test_an_untouched_stub_is_not_attempted_and_no_failure(autograder, student):
    status, out, _ = autograder("check", "--json", "--course", student)
    (report,) = json.loads(out)
    assert status == 0
    assert {v["status"] for e in report["exercises"] for v in e["verdicts"]} == {Status.NOT_ATTEMPTED}


def test_a_mistake_fails(autograder, student, solve):
    solve(("dx = 1 - dx", "dx = 1 + dx"))
    status, out, _ = autograder("check", "--json", "--course", student)
    (report,) = json.loads(out)
    assert status == 1
    failed = [v for e in report["exercises"] for v in e["verdicts"] if v["status"] == "failed"]
    assert [v["check"] for v in failed] == ["gradients match numerical differences"]
    assert failed[0]["sentence"].startswith("dx is wrong in every entry")


def test_one_exercise_can_be_checked(autograder, student, solve):
    solve(("dx = 1 - dx", "dx = 1 + dx"))
    for target, status, names in [
        ("Flatten", 0, ["Flatten"]),
        ("Tanh", 1, ["Tanh"]),
        ("layers.Flatten", 0, ["Flatten"]),
        ("02_layers.Tanh", 1, ["Tanh"]),
        ("02", 1, ["Tanh", "Flatten"]),
        ("layers", 1, ["Tanh", "Flatten"]),
        ("assignments/02_layers/", 1, ["Tanh", "Flatten"]),
        (student / "assignments/02_layers/layers.py", 1, ["Tanh", "Flatten"]),
        (student / "assignments/02_layers/layers.ipynb", 0, ["Tanh", "Flatten"]),
    ]:
        found, out, _ = autograder("check", target, "--json", "--course", student)
        (report,) = json.loads(out)
        assert (found, [e["name"] for e in report["exercises"]]) == (status, names)


def test_several_targets_are_one_json_document(autograder, student, solve):
    solve()
    status, out, _ = autograder("check", "Tanh", "Flatten", "--json", "--course", student)
    assert status == 0
    assert [[e["name"] for e in report["exercises"]] for report in json.loads(out)] == [["Tanh"], ["Flatten"]]


def test_a_check_is_printed_for_people(autograder, student, solve):
    solve(("dx = 1 - dx", "dx = 1 + dx"))
    status, out, _ = autograder("check", "--course", student)
    assert status == 1
    for text in ("Tanh", "Flatten", "dx is wrong in every entry"):
        assert text in out
    longer = autograder("check", "-v", "--course", student)[1]
    assert "forward matches the reference" in longer


def test_of_two_files_with_work_the_one_saved_last_is_checked(autograder, student, solve):
    solve()
    notebook = student / "assignments/02_layers/layers.ipynb"
    cells = json.loads(notebook.read_text())
    cells["cells"].append({"cell_type": "code", "metadata": {}, "source": "class Tanh:\n    x = 1"})
    notebook.write_text(json.dumps(cells))
    os.utime(notebook, (1, 1))
    status, out, _ = autograder("check", "--json", "--course", student)
    (report,) = json.loads(out)
    assert (status, report["file"]) == (0, "layers.py")
    assert "layers.py was graded, which has the latest time" in report["problems"][0]["sentence"]


def test_the_same_seed_checks_the_same_way(autograder, small_course):
    solution = small_course / "solutions/02_layers/layers.py"
    reports = [
        json.loads(autograder("check", solution, "--seed", "4", "--json", "--course", small_course)[1])[0]
        for _ in range(2)
    ]
    for report in reports:
        del report["seconds"], report["graded_at"]
    assert reports[0] == reports[1]
    assert reports[0]["seed"] == 4


def test_earlier_work_is_found_in_the_course_that_was_named(autograder, student, solve, monkeypatch, tmp_path):
    folder = student / "assignments/03_next"
    write_assignment(
        folder,
        "from autograder.checks import Case, FunctionExercise\n"
        "again = FunctionExercise('again', cases=lambda rng: [Case(x=rng.normal(size=3))])\n",
        title="Next",
        points={"again": 1},
        earlier=("02_layers",),
    )
    (folder / "next.py").write_text(
        "from dlkit.course import earlier\n\nTanh = earlier('layers.Tanh')\n\n\n"
        "def again(x):\n    return Tanh().forward(x)\n"
    )
    from autograder.course import answers
    from autograder.spec import Case

    case = Case(x=answers.np.ones(3))
    names = ["the result matches the reference", "inputs are not modified", "stays on the device"]
    expected = [{"the result": answers.np.tanh(answers.np.ones(3))}, {"x": answers.np.ones(3)}]
    found = {("again", name): [(case, expected[i % 2])] for i, name in enumerate(names)}
    answers.store(folder / "cases.npz", answers.StoredAnswers(found, 1, "03_next"))
    solve()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    status, out, _ = autograder("check", "03", "--json", "--course", student)
    assert [v["sentence"] for v in json.loads(out)[0]["exercises"][0]["verdicts"]] == ["", "", ""]
    assert status == 0


# --- the others ------------------------------------------------------------------------------


def test_the_doctor_says_what_the_machine_can_do(autograder):
    status, out, _ = autograder("doctor", "--json")
    facts = json.loads(out)
    assert status == 0
    assert facts["backend numpy"] == "yes"
    assert {"system", "cores", "isolation", "numpy", "worker starts in"} <= set(facts)
    status, out, _ = autograder("doctor")
    assert status == 0
    assert "backend numpy" in out


def test_a_new_assignment_can_be_released_and_audited(autograder, tmp_path):
    (tmp_path / "assignments").mkdir()
    status, out, _ = autograder("new", "16_graph_nets", "--course", tmp_path)
    assert status == 0
    assert "Next: autograder release 16_graph_nets, then autograder audit 16_graph_nets." in out
    assert sorted(path.name for path in (tmp_path / "solutions/16_graph_nets").iterdir()) == [
        "assignment.py",
        "exercises",
        "graph_nets.py",
        "mistakes",
    ]
    assert autograder("release", "16", "--course", tmp_path)[0] == 0
    assert autograder("audit", "16_graph_nets", "--course", tmp_path)[0] == 0
    status, out, _ = autograder("check", "16", "--json", "--course", tmp_path)
    assert (status, len(json.loads(out))) == (0, 1)


def test_the_prompt_does_not_wait_for_heavy_imports(root):
    code = (
        "import sys; from autograder.cli import main; main(['--help']); "
        "print(sorted({'numpy', 'matplotlib', 'sklearn', 'nbgrader', 'jinja2'} & set(sys.modules)), file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert found.stderr == "[]\n"


def test_the_command_is_installed(root, small_course):
    environment = {**os.environ, "COLUMNS": "80"}
    found = subprocess.run(
        [sys.executable, "-m", "autograder", "check", "99", "--course", str(small_course)],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == "autograder: There is no assignment or exercise '99'. Assignments are: 02_layers.\n"
