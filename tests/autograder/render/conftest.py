"""Made-up reports: every status, every kind of text."""

import json
import re
from html.parser import HTMLParser

import pytest

from autograder.report import ExerciseResult, Problem, Report, Status, Timing, Verdict, WrittenAnswer

SENTENCE = "dx is wrong in every entry: largest error 0.166 (163 % of the largest expected value) at index (0, 3)"


def verdict(check, status=Status.PASSED, part="forward", **more):
    earned = 2.0 if status in (Status.PASSED, Status.INCONCLUSIVE) else 0.0
    return Verdict(check, part, status, earned, 2.0, **more)


def report_of(student="Ada Lovelace", exercises=(), isolation="full", **more):
    return Report(
        student=student,
        assignment="02_layers",
        title="Layers",
        file="layers.ipynb",
        submission_sha256="ab12" * 16,
        checks_sha256="cd34" * 16,
        seed=20260,
        isolation=isolation,
        versions={"python": "3.12.1", "numpy": "2.1.0"},
        exercises=list(exercises),
        seconds=0.42,
        graded_at="2026-03-01T08:00:00Z",
        **more,
    )


@pytest.fixture
def right():
    timing = Timing(1.02, 2.5, [0.9, 1.02, 1.1])
    return ExerciseResult(
        "Linear", [verdict("forward matches the reference"), verdict("fast enough", part="speed", measurement=timing)]
    )


@pytest.fixture
def wrong():
    known = {"mistake": "averages the weight gradient", "hint": "dW is a sum over the batch."}
    return ExerciseResult(
        "Conv2d",
        [
            verdict("forward matches the reference"),
            verdict("gradients match numerical differences", Status.FAILED, "backward", sentence=SENTENCE, **known),
            verdict("gradients accumulate", Status.FAILED, "backward", sentence="another sentence", **known),
            verdict("float32 stays float32", Status.SKIPPED, "backward", sentence="comes after “gradients”"),
            verdict(
                "fast enough",
                Status.FAILED,
                "speed",
                sentence="correct, but too slow",
                measurement=Timing(2.7, 2.0, [2.5, 2.9]),
            ),
        ],
    )


@pytest.fixture
def every_status():
    """A report with an exercise of every status, named by it."""
    exercises = [
        ExerciseResult(
            f"is_{status.replace(' ', '_')}", [verdict("the check", status, sentence=f"sentence of {status}")]
        )
        for status in Status
        if status is not Status.PARTLY
    ]
    unwritten = verdict(
        "backward is right", Status.NOT_ATTEMPTED, "backward", sentence="backward is still to be written"
    )
    exercises.append(ExerciseResult("is_partly_done", [verdict("forward is right"), unwritten]))
    assert {exercise.status for exercise in exercises} == set(Status)
    return report_of(
        exercises=exercises,
        problems=[Problem("layers.ipynb: cell 12 does not parse (line 3: unexpected indent).", "cell 12")],
        written=[
            WrittenAnswer("Why does it vanish?", 3.0, answered=True),
            WrittenAnswer("And explode?", 2.0, answered=False),
        ],
    )


@pytest.fixture
def make_report():
    return report_of


@pytest.fixture
def make_verdict():
    return verdict


HOSTILE = {
    "markup": "<script>alert('x')</script><img src=x onerror=alert(1)> & \" '",
    "template": "{{ 7 * 7 }}{% raw %}",
    "escape sequence": "before\x1b[31mred\x1b[0m\x1b]0;owned\x07\x9b2Jafter",
    "control": "a\x00b\x08c\rd\x7fe\x85f",
    "direction": "invoice\u202egnp.exe\u2066x\u2069",
    "long": "A" * 10_000,
    "accents": "Z" + "\u0300\u0301\u0302\u0303" * 500 + "algo",
    "surrogate": "half \ud83d here",
    "rich markup": "[bold red]no[/] [link=x]y",
    "empty": "",
}


@pytest.fixture(params=HOSTILE.values(), ids=HOSTILE.keys())
def hostile(request):
    return request.param


@pytest.fixture
def every_hostile():
    return list(HOSTILE.values())


@pytest.fixture
def hostile_report(hostile):
    """A report whose every student-written string is hostile."""
    failed = Verdict("the check", "forward", Status.FAILED, 0.0, 2.0, hostile, hostile, hostile)
    return report_of(
        student=hostile,
        exercises=[ExerciseResult("Linear", [failed, verdict("other")])],
        problems=[Problem(hostile, hostile)],
        written=[WrittenAnswer(hostile, 3.0, answered=True)],
    )


VOID = {"meta", "link", "br", "hr", "img", "input", "rect", "line"}


class Page(HTMLParser):
    """A page taken apart; refuses elements that are not closed in order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.elements, self.text, self.ids, self.scripts = [], [], "", [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, text):
        if not {"style", "script"} & set(self.open):
            self.text += f"{text} "
        elif "script" in self.open:
            self.scripts.append(text)

    def all(self, *tags):
        return [attributes for tag, attributes in self.elements if tag in tags]

    @property
    def levels(self):
        return [int(tag[1]) for tag, _ in self.elements if re.fullmatch(r"h[1-6]", tag)]

    @property
    def table(self):
        """The data of the table of students."""
        return json.loads(self.scripts[0])

    @property
    def words(self):
        """All its text, as one line."""
        return " ".join(self.text.split())


@pytest.fixture
def page_of():
    return Page
