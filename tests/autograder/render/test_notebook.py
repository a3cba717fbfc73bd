import re

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from autograder.render.notebook import notebook_html, notebook_text
from autograder.report import ExerciseResult, Status


def plain(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_an_exercise_that_is_right_is_one_line(right):
    assert len(notebook_text(right).splitlines()) == 1
    html = notebook_html(right)
    assert "<details open" not in html
    line, _, folded = html.partition("</summary>")
    assert "4 / 4 points" in plain(line)
    assert "1.0 × the reference (limit 2.5)" in plain(line)
    assert "forward matches the reference" in plain(folded)


def test_what_was_not_run_is_said_on_that_line(right, make_verdict):
    later = make_verdict("fast enough", Status.SKIPPED, "speed", sentence="speed is measured when it is graded")
    exercise = ExerciseResult("Linear", [right.verdicts[0], later])
    assert notebook_text(exercise).endswith("2 / 4  speed is measured when it is graded")
    assert "2 / 4 points · speed is measured when it is graded" in plain(notebook_html(exercise))
    long = ExerciseResult("Linear", [right.verdicts[0], replace(later, sentence="a long reason " * 5)])
    assert notebook_text(long).endswith("2 / 4  not run here: speed")


@pytest.mark.parametrize("draw", [notebook_html, notebook_text])
def test_each_part_has_its_points(wrong, draw):
    text = plain(draw(wrong))
    assert re.search(r"✓ forward 2 / 2.*✗ backward 0 / 6.*✗ speed 0 / 2", text)


@pytest.fixture
def located(make_verdict):
    """An exercise whose error is located, with a line to see it again."""
    known = {
        "places": "only the last row is wrong",
        "heat": [[0.0, 0.0], [0.25, -1.0]],
        "snippet": "x = 1\nprint(x < 2)",
    }
    return ExerciseResult("Softmax", [make_verdict("the check", Status.FAILED, sentence="dx is wrong", **known)])


@pytest.mark.parametrize("draw", [notebook_html, notebook_text])
def test_where_an_error_sits_and_how_to_see_it_again(located, draw):
    text = draw(located)
    assert "only the last row is wrong" in plain(text)
    assert re.search(r"x = 1\n *print\(x (<|&lt;) 2\)", text)


def test_the_map_of_an_error_has_a_cell_an_entry(located, page_of):
    page = page_of(notebook_html(located))
    [table] = [attributes for attributes in page.all("table") if attributes.get("role") == "img"]
    assert table["aria-label"].startswith("Map of the error, 2 by 2")
    assert len(page.all("td")) == 4
    assert ". . # ×" in page.words
    assert "× is not a number" in page.words
    assert "|. .|" in notebook_text(located)
    assert "|# ?|" in notebook_text(located)


def test_a_ratio_is_drawn_beside_its_limit(wrong):
    assert re.search(r"2\.7 × the reference \(limit 2\.0\).*width: 67\.5%.*left: 50%", notebook_html(wrong), re.DOTALL)


def test_outputs_of_several_cells_share_no_name(every_status, right, wrong, located):
    for result in (every_status, right, wrong, located):
        assert not re.search(r"\b(id|name|for|href|aria-labelledby)=", notebook_html(result))


def test_every_colour_has_something_to_fall_back_on(every_status, wrong, located):
    """A notebook elsewhere than in JupyterLab knows none of its variables."""
    for result in (every_status, wrong, located):
        assert not re.search(r"var\(--[\w-]+\)", notebook_html(result))


def test_the_elements_are_closed_in_order(every_status, hostile_report, page_of):
    page_of(notebook_html(every_status))
    page_of(notebook_html(hostile_report))


@pytest.mark.parametrize("draw", [notebook_html, notebook_text])
def test_a_wrong_one_shows_checks_sentence_mistake_and_hint(wrong, draw):
    text = plain(draw(wrong))
    for part in (
        "averages the weight gradient",
        "dW is a sum over the batch.",
        "correct, but too slow",
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
