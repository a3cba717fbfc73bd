"""The autograder's zip, unpacked and run as Gradescope does."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from autograder.classroom.gradescope_container import LEAST_MB, Plan, _find_work, _read_visit, _room
from autograder.isolation.launcher import Limits
from tests.autograder.export.made_up import run_command
from tests.autograder.export.test_gradescope import validated

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the platform's containers are Linux")
CONTAINER = Path(__file__).parents[2] / "hostile/container.py"
METADATA = {
    "id": 123456,
    "created_at": "2026-03-01T14:22:32.365935-07:00",
    "assignment": {"id": 25828, "title": "Layers", "total_points": "20.0"},
    "submission_method": "upload",
    "users": [{"email": "ada@example.org", "id": 1, "name": "Ada Lovelace"}, {"name": "Zoë 山田"}],
    "previous_submissions": [
        {"submission_time": "2026-02-28T14:24:48.087023-07:00", "score": 1.0, "results": {}},
        {"submission_time": "2026-02-28T15:24:48.087023-07:00", "score": 3.5, "results": {}},
    ],
}


@pytest.fixture(scope="session")
def packed(small_course, tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / "autograder.zip"
    status, told, err = run_command("gradescope-zip", "02", "--course", small_course, "--to", path)
    assert (status, err) == (0, "")
    assert "02_layers with solutions, " in told
    return path


@dataclass
class Platform:
    """A folder laid out as ``/autograder`` is."""

    root: Path

    def hand_in(self, text, name="layers.py"):
        path = self.root / "submission" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def plan(self, **changes):
        path = self.root / "source/plan.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    def run(self, *before, **variables):
        """Start ``run_autograder``; return the validated result, and what an instructor sees."""
        ran = subprocess.run(
            [*map(str, before), "/usr/bin/env", "bash", str(self.root / "run_autograder")],
            cwd=self.root,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.root),
                "AUTOGRADER_ROOT": str(self.root),
                "AUTOGRADER_PYTHON": sys.executable,
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return validated(json.loads((self.root / "results/results.json").read_text())), ran.stdout + ran.stderr


@pytest.fixture
def platform(packed, tmp_path):
    root = tmp_path / "autograder"
    for name in ("source", "submission", "results"):
        (root / name).mkdir(parents=True)
    with zipfile.ZipFile(packed) as made:
        made.extractall(root / "source")
    shutil.copy(root / "source/run_autograder", root / "run_autograder")
    (root / "submission_metadata.json").write_text(json.dumps(METADATA))
    return Platform(root)


def running(root):
    """Command lines of processes that were started from here."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes().decode(errors="replace"))
    return [line for line in found if str(root) in line]


@pytest.fixture
def solution(small_course):
    return (small_course / "solutions/02_layers/layers.py").read_text()


# --- the zip -----------------------------------------------------------------------------------


def test_what_the_platform_looks_for_is_at_the_root_and_can_be_run(packed):
    with zipfile.ZipFile(packed) as made:
        files = {info.filename: info for info in made.infolist()}
        assert files["setup.sh"].external_attr >> 16 == files["run_autograder"].external_attr >> 16 == 0o755
        assert made.read("run_autograder").startswith(b"#!/usr/bin/env bash\n")
        assert b"\r" not in made.read("setup.sh") + made.read("run_autograder")


def test_the_kit_and_the_one_assignment_are_in_it_and_nothing_else(packed):
    with zipfile.ZipFile(packed) as made:
        names = made.namelist()
        plan = json.loads(made.read("plan.json"))
        requirements = made.read("requirements.txt").decode()
        pins = made.read("constraints.txt").decode()
    assert {name.split("/")[0] for name in names} == {
        "setup.sh", "run_autograder", "plan.json", "requirements.txt", "constraints.txt", "kit", "course"
    }  # fmt: skip
    assert {
        "kit/autograder/classroom/gradescope_container.py",
        "kit/dlkit/layer.py",
        "kit/autograder/render/templates/student.html",
    } <= set(names)
    course = {name for name in names if name.startswith("course/")}
    assert {"course/solutions/02_layers/assignment.py", "course/solutions/02_layers/layers.py"} < course
    assert "course/solutions/02_layers/mistakes/Tanh.md" in course
    assert not [name for name in names if "__pycache__" in name or "tests" in name.split("/")]
    assert plan == {
        "assignment": "02_layers",
        "isolation": "partial",
        "capstones": True,
        "seconds": 540.0,
        "bonus": True,
    }
    assert "numpy" in requirements
    assert "pytest" not in requirements
    assert "numpy==" in pins


def test_the_same_course_gives_the_same_zip(packed, small_course, tmp_path):
    run_command("gradescope-zip", "layers", "--course", small_course, "--to", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()


def test_choices_are_packed(small_course, tmp_path):
    options = ["--isolation", "full", "--minutes", "4", "--without", "capstones", "--to", tmp_path / "x.zip"]
    status, _, err = run_command("gradescope-zip", "02", "--course", small_course, *options)
    assert (status, err) == (0, "")
    with zipfile.ZipFile(io.BytesIO((tmp_path / "x.zip").read_bytes())) as made:
        plan = json.loads(made.read("plan.json"))
        assert b"timeout --kill-after=10 270 " in made.read("run_autograder")
    assert plan == {"assignment": "02_layers", "isolation": "full", "capstones": False, "seconds": 240.0, "bonus": True}


@pytest.mark.parametrize("name", ["setup.sh", "run_autograder"])
def test_the_scripts_are_sound(platform, name):
    ran = subprocess.run(["bash", "-n", str(platform.root / "source" / name)], capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")


# --- a submission ------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_right_submission_has_every_point(platform, solution):
    platform.hand_in(solution)
    made, told = platform.run()
    assert made["score"] == made["extra_data"]["max_score"] > 0
    assert {test["status"] for test in made["tests"]} == {"passed"}
    assert made["extra_data"]["isolation"] in ("full", "partial")
    assert f"isolation {made['extra_data']['isolation']}" in told


@pytest.mark.slow
def test_it_is_the_packed_kit_that_runs(platform, solution):
    kit = platform.root / "source/kit/autograder/classroom/gradescope_container.py"
    kit.write_text(
        kit.read_text().replace("of {report.max_points}, isolation", "out of {report.max_points}, isolation")
    )
    platform.hand_in(solution)
    _, told = platform.run()
    assert " out of " in told


@pytest.mark.slow
def test_no_module_comes_from_the_folder_that_it_is_started_in(platform, solution):
    platform.hand_in(solution)
    for name in ("contextlib", "typing", "selectors", "msgspec"):
        (platform.root / f"{name}.py").write_text(f"open({str(platform.root / 'ran')!r}, 'w')")
    made, _ = platform.run()
    assert made["score"] == made["extra_data"]["max_score"] > 0
    assert not (platform.root / "ran").exists()


@pytest.mark.slow
def test_handing_in_again_is_graded_anew(platform, solution):
    platform.hand_in(solution)
    first, _ = platform.run()
    other = "\n\n# %%\nclass Tanh(Layer):\n    def forward(self, x):\n        return x\n\ncheck(Tanh)\n"
    platform.hand_in(solution + other)
    second, _ = platform.run()
    assert second["score"] < first["score"]
    assert second["extra_data"]["seed"] != first["extra_data"]["seed"]
    assert second["extra_data"]["checks_sha256"] == first["extra_data"]["checks_sha256"]


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="a container's root needs root to be played"
)
@pytest.mark.parametrize(("age", "level"), [("new", "full"), ("old", "partial")])
def test_in_a_container_the_level_is_proved_and_told(platform, solution, age, level):
    platform.hand_in(solution)
    made, told = platform.run(sys.executable, CONTAINER, age)
    assert made["score"] == made["extra_data"]["max_score"]
    assert made["extra_data"]["isolation"] == level
    assert any("landlock" in text for text in made["extra_data"]["isolation_missing"]) == (age == "old")
    assert f"isolation {level}" in told


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="a container's root needs root to be played"
)
def test_the_solution_is_out_of_reach_even_in_an_old_container(platform, solution):
    thief = f"""
    class Tanh(Layer):
        def forward(self, x):
            with open({str(platform.root / "source/course/solutions/02_layers/layers.py")!r}) as file:
                raise ValueError("STOLEN" + file.read()[:40])

    check(Tanh)
    """
    platform.hand_in(f"{solution}\n\n# %%{textwrap.dedent(thief)}")
    made, _ = platform.run(sys.executable, CONTAINER, "old")
    assert "STOLEN" not in json.dumps(made)
    assert "PermissionError" in json.dumps(made)


@pytest.mark.slow
def test_below_the_level_nothing_is_run_and_nobody_is_blamed(platform, solution):
    platform.plan(isolation="full")
    launcher = platform.root / "source/kit/autograder/isolation/launcher.py"
    launcher.write_text(launcher.read_text().replace("return Zygote(backend", "return Zygote([], backend"))
    platform.hand_in(solution)
    made, _ = platform.run()
    assert (made["score"], made["tests"]) == (3.5, [])
    assert "Student code would run with isolation" in made["output"]
    assert "Pack the autograder again with another --isolation." in made["output"]


UNREADABLE = {
    "nothing": ({}, "There is no notebook and no Python file here. Hand in"),
    "no notebook": ({"layers.ipynb": "{not json"}, "layers.ipynb"),
    "another assignment": ({"layers.py": "x = 1\n"}, "defines none of the exercises of 02_layers"),
}


@pytest.mark.parametrize(("files", "sentence"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_file_that_nobody_can_read_is_a_sentence_and_zero(platform, files, sentence):
    for name, text in files.items():
        platform.hand_in(text, name)
    made, _ = platform.run()
    assert made["score"] == 0
    assert sentence in made["output"]
    assert made["extra_data"]["unreadable"] is True
    assert {test["status"] for test in made["tests"]} == {"failed"}


@pytest.mark.slow
def test_when_time_runs_out_what_is_known_is_written(platform, solution):
    waits = "\n\n# %%\nclass Flatten(Layer):\n    def forward(self, x):\n        import time\n        time.sleep(600)\n"
    waits += "\ncheck(Flatten)"
    platform.hand_in(solution + waits)
    platform.plan(seconds=16)
    made, _ = platform.run()
    deadline = time.monotonic() + 20
    while running(platform.root) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert running(platform.root) == []
    by_tag = {tag: [test for test in made["tests"] if tag in test["tags"]] for tag in ("Tanh", "Flatten")}
    assert {test["status"] for test in by_tag["Tanh"]} == {"passed"}
    assert "was not reached within 16 s." in by_tag["Flatten"][0]["output"]
    assert made["score"] == pytest.approx(sum(test["max_score"] for test in by_tag["Tanh"]))
    assert "Grading was stopped after 16 s, with 1 exercises left." in made["output"]


FAULTS = {
    "a plan that is none": ("source/plan.json", "[]", "ValidationError while grading."),
    "checks that do not load": ("source/course/solutions/02_layers/assignment.py", "1 / 0", "SpecError while grading."),
}


@pytest.mark.parametrize(("path", "text", "sentence"), FAULTS.values(), ids=FAULTS.keys())
def test_the_graders_own_fault_is_said_and_the_earlier_score_stands(platform, solution, path, text, sentence):
    platform.hand_in(solution)
    (platform.root / path).write_text(text)
    made, told = platform.run()
    assert (made["score"], made["tests"]) == (3.5, [])
    assert sentence in made["output"]
    assert made["extra_data"]["grader_fault"] is True
    assert "Traceback" in told


@pytest.mark.parametrize("python", ["/nonexistent/python", "/bin/false"])
def test_a_grader_that_cannot_even_start_leaves_a_result(platform, solution, python):
    platform.hand_in(solution)
    (platform.root / "results/results.json").write_text('{"score": 100}')
    made, _ = platform.run(AUTOGRADER_PYTHON=python)
    assert made["score"] == 0
    assert "The autograder did not start" in made["output"]


# --- what the platform says --------------------------------------------------------------------


def test_the_platforms_file_is_read(platform):
    visit = _read_visit(platform.root / "submission_metadata.json")
    assert (visit.student, visit.score) == ("Ada Lovelace, Zoë 山田", 3.5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "null",
        '{"users": 3, "previous_submissions": {}}',
        '{"users": [1, {"name": 2}], "previous_submissions": [null, {"score": "9"}]}',
        '{"previous_submissions": [{"score": -4}, {"score": null}]}',
    ],
)
def test_a_platforms_file_of_another_form_is_left_out(tmp_path, text):
    path = tmp_path / "submission_metadata.json"
    path.write_text(text)
    visit = _read_visit(path)
    assert (visit.student, visit.score) == ("", 0.0)
    assert _read_visit(tmp_path / "nothing.json") == visit


def test_a_whole_repository_is_searched_for_the_work(tmp_path, layers):
    def made(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("x = 1")
        return _find_work(tmp_path, layers)

    assert made("README.md", ".git/layers.py") == tmp_path
    assert made("course/deep/layers.py") == tmp_path / "course/deep"
    assert made("old/layers.ipynb") == tmp_path  # which of the two?
    assert made("assignments/02_layers/layers.ipynb") == tmp_path / "assignments/02_layers"
    assert made("layers.py") == tmp_path


def test_a_worker_gets_what_the_container_has(monkeypatch, tmp_path):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr("autograder.classroom.gradescope_container.MEMORY_FILES", (str(tmp_path / "none"), str(limit)))
    usual = Limits().memory_mb
    for text, megabytes in [("max", usual), (str(768 << 20), 448), (str(64 << 30), usual), (str(100 << 20), LEAST_MB)]:
        limit.write_text(text)
        assert _room() == megabytes
    limit.unlink()
    assert _room() == usual


def test_a_plan_says_what_is_usual():
    assert Plan("02_layers") == Plan("02_layers", "partial", capstones=True, seconds=540.0)
