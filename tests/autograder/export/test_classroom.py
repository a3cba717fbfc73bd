"""The version 3 result: by a schema from Exercism's interface, and read as GitHub Classroom's reporter reads it."""

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from autograder.export.classroom import MOST, output_line, result, workflow
from autograder.report import ExerciseResult
from tests.autograder.export.made_up import (
    HOSTILE,
    graded_folder,
    hostile_report,
    huge_report,
    report_of,
    run_command,
    unreadable_report,
    varied_report,
    verdict,
)

TEXT = {"type": ["string", "null"], "maxLength": 65535}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "status", "tests", "max_score"],
    "if": {"properties": {"status": {"const": "error"}}},
    "then": {"required": ["message"], "properties": {"message": {"type": "string", "minLength": 1}}},
    "properties": {
        "version": {"const": 3},
        "status": {"enum": ["pass", "fail", "error"]},
        "message": TEXT,
        "max_score": {"type": "number", "minimum": 0},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "status", "score"],
                "properties": {
                    "name": {"type": "string", "minLength": 1},
                    "status": {"enum": ["pass", "fail", "error"]},
                    "message": TEXT,
                    "output": {"type": ["string", "null"], "maxLength": 500},
                    "test_code": {"type": "string"},
                    "task_id": {"type": "integer", "minimum": 1},
                    "filename": {"type": "string"},
                    "line_no": {"type": "integer", "minimum": 0},
                    "duration": {"type": ["number", "string"]},
                    "score": {"type": "number", "minimum": 0},
                },
            },
        },
    },
}


def validated(report):
    read = json.loads(result(report))
    jsonschema.validate(read, SCHEMA)
    return read


def read_as_the_reporter(runners, environment):
    """What the reporter announces: for every runner its variable, from base64, and the sum of the tests' scores."""
    found = [
        json.loads(base64.b64decode(environment[f"{runner.strip().upper()}_RESULTS"]))
        for runner in runners.replace(",", " ").split()
    ]
    scored = [one for one in found if one.get("max_score")]
    total = sum(test["score"] for one in scored for test in one["tests"])
    failed = any(one["status"] in ("fail", "error") for one in found)
    return total, sum(one["max_score"] for one in scored), failed


def test_the_reporter_adds_up_the_reports_points():
    report = varied_report()
    encoded = output_line(result(report)).removeprefix("result=").strip()
    assert read_as_the_reporter("layers", {"LAYERS_RESULTS": encoded}) == (report.points, report.max_points, True)


def test_a_right_submission_passes():
    report = report_of(exercises=[ExerciseResult("ReLU", [verdict("forward")])])
    made = validated(report)
    assert (made["status"], made["max_score"]) == ("pass", 2.0)
    assert "message" not in made
    assert made["tests"][0]["message"] is None


def test_statuses_in_the_order_of_the_assignment():
    made = validated(varied_report())
    assert made["status"] == "fail"
    first = [test["status"] for test in made["tests"] if test["task_id"] == 1]
    assert first == ["pass", "fail", "fail", "fail", "pass", "error"]
    assert [test["task_id"] for test in made["tests"]] == [1] * 6 + [2] * 4 + [3]
    assert made["tests"][1]["message"] == "sentence of failed"


def test_a_file_that_nobody_can_read_is_an_error_with_the_sentence():
    made = validated(unreadable_report())
    assert made["status"] == "error"
    assert made["message"] == "layers.ipynb does not exist. Check the name and the folder."


def test_the_code_of_a_check_is_not_given_away():
    assert {test["test_code"] for test in validated(varied_report())["tests"]} == {""}


def test_a_huge_result_still_fits_into_an_environment_variable():
    report = huge_report()
    content = result(report)
    assert len(base64.b64encode(content)) <= MOST
    made = validated(report)
    assert sum(test["score"] for test in made["tests"]) == report.points
    assert len(made["tests"]) >= len(report.exercises)
    line = base64.b64encode(content).decode()
    read = subprocess.run(
        ["env"], env={"PATH": os.environ["PATH"], "LAYERS_RESULTS": line}, capture_output=True, check=True
    )
    assert line.encode() in read.stdout


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_valid_json_on_one_line(text):
    report = hostile_report(text)
    validated(report)
    line = output_line(result(report))
    assert line.count("\n") == 1
    assert line.endswith("\n")


def test_the_command_writes_results_and_the_workflow(tmp_path):
    out = graded_folder(tmp_path / "graded", varied_report("ada"), varied_report("bob"))
    path = tmp_path / "classroom.yml"
    status, told, err = run_command("classroom", out, "--workflow", path, "--kit", "git+https://example.org/kit")
    assert (status, err) == (0, "")
    assert "2 files in" in told
    assert (out / "classroom/ada/02_layers.output").read_text().startswith("result=ey")
    made = yaml.safe_load(path.read_text())
    assert made["name"] == "Autograding Tests"
    assert list(made["jobs"]) == ["run-autograding-tests"]
    steps = made["jobs"]["run-autograding-tests"]["steps"]
    assert steps[2]["run"] == 'python -m pip install "git+https://example.org/kit"'
    assert steps[3]["name"] == "Layers (22 points)"
    assert steps[3]["id"] == steps[4]["with"]["runners"] == "layers"
    assert steps[4]["env"] == {"LAYERS_RESULTS": "${{ steps.layers.outputs.result }}"}
    assert steps[4]["uses"].startswith("classroom-resources/autograding-grading-reporter@")


def test_a_hostile_title_keeps_the_workflow_a_workflow():
    title = 'Layers: "the # first" {{ x }} \n- run: rm -rf /'
    made = yaml.safe_load(workflow(varied_report().__class__(student="", assignment="02_layers", title=title), "./kit"))
    assert len(made["jobs"]["run-autograding-tests"]["steps"]) == 5


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the workflow's machine is Linux, at isolation full")
def test_the_workflows_own_step_grades_a_repository(small_course, tmp_path):
    repository, temporary = tmp_path / "repository", tmp_path / "temporary"
    folder = repository / "assignments/02_layers"
    temporary.mkdir()
    shutil.copytree(small_course / "assignments/02_layers", folder)
    (folder / "layers.ipynb").unlink()
    (folder / "layers.py").write_text((small_course / "solutions/02_layers/layers.py").read_text())
    steps = yaml.safe_load(workflow(report_of(), "./kit"))["jobs"]["run-autograding-tests"]["steps"]
    environment = os.environ | {
        "RUNNER_TEMP": str(temporary),
        "GITHUB_OUTPUT": str(temporary / "output"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    ran = subprocess.run(
        ["bash", "-e", "-c", steps[3]["run"]],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    name, _, value = (temporary / "output").read_text().strip().partition("=")
    assert name == "result"
    points, most, _ = read_as_the_reporter("layers", {"LAYERS_RESULTS": value})
    assert 0 < points <= most
    jsonschema.validate(json.loads(base64.b64decode(value)), SCHEMA)
