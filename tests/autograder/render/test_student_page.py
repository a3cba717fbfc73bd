import re

import msgspec
import pytest

from autograder.render.html import student_page
from autograder.render.reading import next_steps
from autograder.report import ExerciseResult, Footprint, Growth, Problem, Report, Status, Timing, WrittenAnswer


def exercise(name, *verdicts):
    return ExerciseResult(name, list(verdicts))


@pytest.fixture
def measured(make_verdict):
    """An exercise of which everything was measured, each beside its limit."""
    timing = Timing(1.25, 2.0, [1.2, 1.3], low=1.1, high=1.4)
    figures = Footprint(3.5, 2.0, 35_000_000, 10_000_000)
    grown = Growth(
        1.02, 1.5, "time", [64, 512], [1e-3, 8e-3], low=0.98, high=1.06, reference=1.0, reference_costs=[1.0]
    )
    return exercise(
        "Conv2d",
        make_verdict("fast enough", part="speed", measurement=timing),
        make_verdict(
            "sparing with memory", Status.FAILED, "memory", sentence="correct, but too much", measurement=figures
        ),
        make_verdict("linear in the batch", part="growth", measurement=grown),
    )


def test_what_to_do_next_begins_with_what_is_wrong_and_costs_most(make_report, make_verdict):
    failed = [make_verdict("forward", Status.FAILED, sentence=f"y is wrong {i}") for i in range(3)]
    todo = make_verdict("backward", Status.NOT_ATTEMPTED, "backward", sentence="backward is still to be written")
    report = make_report(
        exercises=[
            exercise("Begun", make_verdict("forward"), todo),
            exercise("Untouched", make_verdict("forward", Status.NOT_ATTEMPTED)),
            exercise("Cheap", failed[0]),
            exercise("Dear", failed[1], failed[2]),
            exercise("Right", make_verdict("forward")),
        ],
        written=[WrittenAnswer("Why?", 3.0, answered=False), WrittenAnswer("How?", 3.0, answered=True)],
    )
    assert [(step.exercise, step.what, step.points) for step in next_steps(report)] == [
        ("Dear", "y is wrong 1", 4),
        ("Cheap", "y is wrong 0", 2),
        ("Begun", "backward is still to be written", 2),
        ("", "Write Untouched.", 2),
        ("", "Answer “Why?”.", 3),
    ]


def test_a_recognised_mistake_is_what_to_fix_first(wrong, make_report):
    (step,) = next_steps(make_report(exercises=[wrong]))
    assert (step.mistake, step.hint) == ("averages the weight gradient", "dW is a sum over the batch.")


def test_what_the_file_explains_is_one_step(make_report, make_verdict):
    sentence = "cell 3 does not parse"
    lost = [exercise(name, make_verdict("a", Status.FAILED, sentence=sentence)) for name in ("Tanh", "ReLU")]
    (step,) = next_steps(make_report(exercises=lost, problems=[Problem(sentence)]))
    assert (step.what, step.points) == (sentence, 4)


def test_nothing_is_left_to_do_where_all_is_right_or_the_grader_failed(right, make_report, make_verdict, page_of):
    assert "Nothing: everything is correct." in page_of(student_page(make_report(exercises=[right]))).words
    broken = exercise("Linear", make_verdict("forward", Status.BROKEN, sentence="ValueError: expected 42.125"))
    page = page_of(student_page(make_report(exercises=[right, broken])))
    assert "Nothing: what is missing is not yours to fix." in page.words
    assert "42.125" not in page.words


def test_a_step_leads_to_its_exercise(right, wrong, make_report, page_of):
    page = page_of(student_page(make_report(exercises=[right, wrong])))
    assert [a["href"] for a in page.all("a")] == ["#exercise-1"]
    assert {"exercise-0", "exercise-1"} <= set(page.ids)


def test_what_did_not_pass_comes_before_what_did(make_report, make_verdict, page_of):
    page = page_of(
        student_page(
            make_report(
                exercises=[
                    exercise(
                        "Linear",
                        make_verdict("a right thing"),
                        make_verdict("a wrong thing", Status.FAILED, sentence="y is wrong"),
                    )
                ]
            )
        )
    )
    assert page.words.index("a wrong thing") < page.words.index("1 passed") < page.words.index("a right thing")


def test_figures_are_beside_their_limits_in_words_in_a_drawing_and_in_a_table(measured, make_report, page_of):
    page = page_of(student_page(make_report(exercises=[measured])))
    for said in (
        "1.2 × the reference (limit 2.0)",
        "3.5 × the reference’s memory (35.0 MB at its peak against 10.0 MB; limit 2.0)",
        "computing time grows like the size to the power 1.02 (limit 1.50; the reference’s to the power 1.00)",
        "Conv2d speed 1.25 1.10 and 1.40 2.00 passed",
        "Conv2d memory 3.50 – 2.00 failed",
    ):
        assert said in page.words
    (drawing,) = [svg for svg in page.all("svg") if svg.get("role") == "img"]
    assert drawing["aria-label"].startswith("2 ratios to the reference")
    assert "1 over the limit" in drawing["aria-label"]


def test_growth_over_its_limit_is_reported_once(make_report, make_verdict, page_of):
    sentence = "correct, but its computing time grows like the size to the power 2.0"
    grown = Growth(2.0, 1.5, "time", [64, 512], [1.0, 64.0])
    failed = make_verdict("linear in the batch", Status.FAILED, "growth", sentence=sentence, measurement=grown)
    page = page_of(student_page(make_report(exercises=[exercise("Conv2d", failed, failed)])))
    assert "computing time grows like the size to the power 2.00" not in page.words


SECRETS = {
    name: f"{name}-secret-{number}"
    for number, name in enumerate(("student", "sentence", "mistake", "hint", "code", "tried", "problem", "question"))
}


def report_with_secrets(report, verdict, owner):
    """A report in which every string that is the student's own holds its owner's name."""
    own = {kind: f"{owner}-{secret}" for kind, secret in SECRETS.items()}
    failed = msgspec.structs.replace(verdict, sentence=own["sentence"], mistake=own["mistake"], hint=own["hint"])
    return msgspec.structs.replace(
        report,
        student=own["student"],
        problems=[Problem(own["problem"])],
        tried=[own["tried"]],
        written=[WrittenAnswer(own["question"], 1.0, answered=True)],
        exercises=[ExerciseResult("Linear", [failed])],
    )


def test_a_page_holds_all_of_its_owners_and_nothing_of_the_others(make_report, make_verdict):
    verdict = make_verdict("forward", Status.FAILED)
    owners = ("ada", "grace", "alan")
    pages = {owner: student_page(report_with_secrets(make_report(), verdict, owner)) for owner in owners}
    for owner, page in pages.items():
        assert set(re.findall(r"(ada|grace|alan)-\w+-secret", page)) == {owner}
        assert f"{owner}-sentence-secret" in page
        assert f"{owner}-hint-secret" in page


def test_a_page_holds_no_raw_figure_of_the_record(make_report, make_verdict):
    """What was timed call by call, and the whole hashes, stay in the report."""
    timing = Timing(1.25, 2.0, [1.2345678], low=1.1, high=1.4)
    report = make_report(exercises=[exercise("Linear", make_verdict("fast enough", measurement=timing))])
    page = student_page(report)
    assert "1.2345678" not in page
    assert report.submission_sha256 not in page
    assert report.checks_sha256 not in page


def test_the_same_report_is_the_same_page(measured, make_report):
    report = make_report(exercises=[measured])
    again = msgspec.json.decode(msgspec.json.encode(report), type=Report)
    assert student_page(report).encode() == student_page(again).encode()


def test_a_thousand_problems_do_not_fill_the_page(make_report, page_of):
    page = page_of(student_page(make_report(problems=[Problem(f"cell {i} does not parse") for i in range(1000)])))
    assert "And 988 more like these." in page.words
    assert "cell 999" not in page.words


def test_where_the_error_sits_is_drawn_and_said_without_its_numbers(make_report, make_verdict, page_of):
    failed = make_verdict(
        "forward matches the reference",
        Status.FAILED,
        sentence="y is wrong in 3 of 6 entries",
        places="y is wrong only in the last row",
        heat=[[0.0, 0.0, 0.0], [0.123, 0.987, -1.0]],
        snippet="layer = Linear(2, 3)\ny = layer.forward(np.array([[1.0, <b>]]))\nprint(y)",
    )
    html = student_page(make_report(exercises=[exercise("Linear", failed)]))
    page = page_of(html)
    assert "y is wrong only in the last row" in page.words
    (drawing,) = [span for span in page.all("span") if span.get("role") == "img"]
    assert drawing["aria-label"].startswith("Map of the error: 2 by 3")
    assert [i.get("class") for i in page.all("i") if re.fullmatch("h[0-4]|no", i.get("class") or "")] == [
        "h0", "h0", "h0", "h1", "h4", "no",
    ]  # fmt: skip
    assert "0.123" not in html
    assert "0.987" not in html
    assert "layer = Linear(2, 3)\ny = layer.forward(np.array([[1.0, &lt;b&gt;]]))\nprint(y)</code>" in html


def test_a_pattern_is_reported_like_a_mistake(make_report, make_verdict, page_of):
    failed = make_verdict(
        "forward", Status.FAILED, sentence="y is wrong", pattern="factor 2", hint="y is twice too large."
    )
    page = page_of(student_page(make_report(exercises=[exercise("Linear", failed)])))
    assert "What it looks like y is twice too large. Seen in forward" in page.words
    assert "Linear : y is twice too large." in page.words  # what to do next
