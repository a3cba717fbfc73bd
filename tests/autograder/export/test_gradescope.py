"""Gradescope's results against a schema written from its specification."""

import base64
import json
import re
from html.parser import HTMLParser

import jsonschema
import msgspec
import pytest

from autograder.export.gradescope import fault, results
from tests.autograder.export.made_up import HOSTILE, HOT, hostile_report, report_of, unreadable_report, varied_report

FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
NUMBER = {"type": "number"}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "anyOf": [
        {"required": ["score"]},
        {"required": ["tests"], "properties": {"tests": {"items": {"required": ["score"]}}}},
    ],
    "properties": {
        "score": {"type": "number", "minimum": 0},
        "execution_time": {"type": "number", "minimum": 0},
        "output": {"type": "string"},
        "output_format": FORMAT,
        "test_output_format": FORMAT,
        "test_name_format": FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "score": NUMBER,
                    "max_score": NUMBER,
                    "status": {"enum": ["passed", "failed"]},
                    "name": {"type": "string"},
                    "name_format": FORMAT,
                    "number": {"type": "string", "pattern": r"^\d+(\.\d+)*$"},
                    "output": {"type": "string"},
                    "output_format": FORMAT,
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "visibility": VISIBILITY,
                    "extra_data": {"type": "object"},
                },
            },
        },
        "leaderboard": {"type": "array"},
    },
}  # fmt: skip


def validated(made):
    """As the platform gets it."""
    read = json.loads(msgspec.json.encode(made))
    jsonschema.validate(read, SCHEMA)
    return read


class Tags(HTMLParser):
    """What an HTML text is made of."""

    def __init__(self, text):
        super().__init__()
        self.seen, self.text = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, {name for name, _ in attributes}))

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def made():
    return validated(results(varied_report()))


def test_the_schema_refuses_what_the_platform_does_not_know():
    for wrong in ({}, {"score": 1, "grade": 2}, {"tests": [{"status": "ok"}]}, {"score": 1, "visibility": "shown"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, SCHEMA)


def test_the_total_is_the_reports(made):
    report = varied_report()
    assert made["score"] == report.points == sum(test.get("score", 0) for test in made["tests"])
    assert made["extra_data"]["max_score"] == report.max_points


def test_every_check_is_a_test_with_its_number_score_and_tags(made):
    tests = {test["number"]: test for test in made["tests"]}
    assert list(tests) == ["1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "2.1", "2.2", "2.3", "2.4", "3.1"]
    gradients = tests["2.4"]
    assert (gradients["name"], gradients["score"], gradients["max_score"]) == ("Conv2d: gradients", 1.0, 2.0)
    assert gradients["tags"] == ["Conv2d", "backward", "failed"]
    assert "off by 0.1" in gradients["output"]
    assert "dW is a sum over the batch." in gradients["output"]


def test_only_what_is_right_has_passed(made):
    passed = {test["tags"][2] for test in made["tests"] if test["status"] == "passed"}
    failed = {test["tags"][2] for test in made["tests"] if test["status"] == "failed"}
    assert passed == {"passed", "inconclusive"}
    assert failed == {"failed", "not attempted", "skipped", "broken"}


def test_the_graders_own_fault_has_no_score_and_says_so(made):
    (broken,) = [test for test in made["tests"] if "broken" in test["tags"]]
    assert not {"score", "max_score"} & set(broken)
    assert "a fault of the grader" in broken["output"]
    assert "sentence of broken" not in json.dumps(made)
    assert "The grader itself failed on checks worth 2 points" in made["output"]
    assert made["extra_data"]["needs_a_hand"] is True


def test_a_time_is_drawn_as_a_png_inside_the_page(made):
    (fast,) = [test for test in made["tests"] if test["name"] == "Conv2d: fast enough"]
    image = re.search(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]+)">', fast["output"])
    assert base64.b64decode(image[1]).startswith(b"\x89PNG\r\n\x1a\n")
    assert image[2] == "2 measured ratios to the reference, median 2.70, limit 2.00"
    assert "83 % of it at cell 3, line 12: for i in range(len(x)):" in fast["output"]
    assert sum("<img" in test["output"] for test in made["tests"]) == 1
    assert HOT[0].share == 0.83


def test_raw_figures_of_the_reference_are_not_there(made):
    assert "0.123456789" not in json.dumps(made)


def test_the_record_can_be_replayed(made):
    record = made["extra_data"]
    assert (record["seed"], record["submission_sha256"], record["checks_sha256"]) == (20260, "ab12" * 16, "cd34" * 16)
    assert (record["isolation"], record["isolation_missing"]) == ("full", [])
    assert record["versions"] == {"python": "3.12.1", "numpy": "2.1.0"}


def test_nothing_is_hidden_or_the_total_would_be(made):
    assert {made["visibility"], *(test["visibility"] for test in made["tests"])} == {"visible"}
    assert made["stdout_visibility"] == "hidden"


def test_a_file_that_nobody_can_read_is_a_sentence_and_no_points():
    made = validated(results(unreadable_report()))
    assert made["score"] == 0
    assert "layers.ipynb does not exist. Check the name and the folder." in made["output"]
    assert made["extra_data"]["unreadable"] is True


def test_a_fault_keeps_the_score_that_stood_and_calls_nothing_wrong():
    made = validated(fault("MemoryError while grading.", 37.5))
    assert (made["score"], made["tests"]) == (37.5, [])
    assert "your work is not to blame" in made["output"]
    assert made["extra_data"]["grader_fault"] is True


def test_an_empty_report_is_a_result():
    assert validated(results(report_of()))["score"] == 0


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_stays_text(text):
    made = validated(results(hostile_report(text)))
    for output in (made["output"], *(test["output"] for test in made["tests"])):
        seen = Tags(output)
        assert {tag for tag, _ in seen.seen} <= {"p", "img"}
        assert all(attributes <= {"src", "alt"} for _, attributes in seen.seen)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", output)
    texts = [made["output"], *(re.sub("<img[^>]*>", "", test["output"]) for test in made["tests"])]
    assert max(map(len, texts)) < 6000
