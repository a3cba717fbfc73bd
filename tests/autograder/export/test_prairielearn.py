"""PrairieLearn's results against a schema written from its documentation."""

import json

import jsonschema
import pytest

from autograder.export.prairielearn import MOST, result
from autograder.report import ExerciseResult, Status
from tests.autograder.export.made_up import (
    HOSTILE,
    SLOW,
    hostile_report,
    huge_report,
    report_of,
    unreadable_report,
    varied_report,
    verdict,
)

IMAGES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["url"],
        "additionalProperties": False,
        "properties": {"label": {"type": "string"}, "url": {"type": "string", "pattern": "^data:image/png;base64,"}},
    },
}
TEXT = {"type": "string"}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "if": {"properties": {"gradable": {"const": False}}, "required": ["gradable"]},
    "else": {"required": ["score"]},
    "properties": {
        "gradable": {"type": "boolean"},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "message": TEXT,
        "output": TEXT,
        "images": IMAGES,
        "format_errors": {"type": ["string", "array"], "items": TEXT},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "points", "max_points"],
                "properties": {
                    "name": TEXT,
                    "description": TEXT,
                    "points": {"type": "number"},
                    "max_points": {"type": "number"},
                    "message": TEXT,
                    "output": TEXT,
                    "images": IMAGES,
                },
            },
        },
    },
}


def validated(report):
    read = json.loads(result(report))
    jsonschema.validate(read, SCHEMA)
    return read


def test_the_score_is_the_share_of_the_points():
    slow = verdict("fast enough", Status.FAILED, "speed", measurement=SLOW)
    made = validated(report_of(exercises=[ExerciseResult("A", [verdict("forward"), slow])]))
    assert (made["gradable"], made["score"]) == (True, 0.5)
    assert [(test["name"], test["points"], test["max_points"]) for test in made["tests"]] == [
        ("A: forward", 2.0, 2.0),
        ("A: fast enough", 0.0, 2.0),
    ]
    assert [image["label"] for image in made["tests"][1]["images"]] == [
        "2 measured ratios to the reference, median 2.70, limit 2.00"
    ]
    assert made["tests"][0]["images"] == []


def test_a_file_that_nobody_can_read_costs_no_attempt():
    made = validated(unreadable_report())
    assert made["gradable"] is False
    assert made["format_errors"] == ["layers.ipynb does not exist. Check the name and the folder."]


def test_the_graders_own_fault_costs_no_attempt():
    made = validated(varied_report())
    assert made["gradable"] is False
    assert "The grader itself failed on checks worth 2 points" in made["message"]


def test_a_cell_that_does_not_parse_is_still_graded():
    report = varied_report()
    sound = [exercise for exercise in report.exercises if exercise.status is not Status.BROKEN]
    made = validated(report_of(exercises=sound, problems=report.problems))
    assert made["gradable"] is True
    assert "cell 12 does not parse" in made["message"]


def test_a_huge_result_is_shortened_until_it_fits():
    content = result(huge_report())
    assert len(content) <= MOST
    made = json.loads(content)
    jsonschema.validate(made, SCHEMA)
    assert (made["score"], len(made["tests"])) == (0, 723)


def test_nothing_to_be_had_is_no_division():
    assert validated(report_of())["score"] == 0


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_keeps_the_form(text):
    assert validated(hostile_report(text))["gradable"] is False  # one of its checks is broken
    failed = verdict(text, Status.FAILED, sentence=text, mistake=text, hint=text)
    assert validated(report_of(text, [ExerciseResult(text, [failed])]))["score"] == 0
