import re

import pytest
from rich.cells import cell_len

from autograder.render.notebook import notebook_html, notebook_text
from autograder.verdict import Status


def plain(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_an_exercise_that_is_right_is_one_line(right):
    assert len(notebook_text(right).splitlines()) == 1
    html = notebook_html(right)
    assert "<table" not in html
    assert "4 / 4 points" in plain(html)


@pytest.mark.parametrize("draw", [notebook_html, notebook_text])
def test_a_wrong_one_shows_checks_sentence_mistake_and_hint(wrong, draw):
    text = plain(draw(wrong))
    for part in (
        "averages the weight gradient",
        "dW is a sum over the batch.",
        "right, but too slow",
        "2.7 × the reference (limit 2.0)",
    ):
        assert part in text
    assert text.count("dW is a sum over the batch.") == 1


@pytest.mark.parametrize("draw", [notebook_html, notebook_text])
def test_every_status_is_written_out(every_status, draw):
    for exercise in every_status.exercises:
        text = plain(draw(exercise))
        assert exercise.name in text
        assert exercise.status in text
    assert {exercise.status for exercise in every_status.exercises} == set(Status)


def test_styles_are_inline_and_nothing_is_loaded(every_status, hostile_report):
    for html in (notebook_html(every_status), notebook_html(hostile_report)):
        assert not re.search(r"<(style|script|link|img|iframe)|class=|https?://", html)


def test_what_a_student_wrote_is_text(hostile_report):
    html = notebook_html(hostile_report)
    assert "<script" not in html
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", html)


def test_text_is_never_wider_than_eighty_columns(every_status, hostile_report, wrong):
    for result in (every_status, hostile_report, wrong):
        assert all(cell_len(line) <= 80 for line in notebook_text(result).splitlines())


def test_a_report_shows_all_its_exercises(every_status):
    text = plain(notebook_html(every_status))
    assert all(exercise.name in text for exercise in every_status.exercises)
    assert every_status.problems[0].sentence in text
