import re

import pytest

from autograder.render.figures import exercise_rates
from autograder.render.html import class_page, student_page
from autograder.render.measured import class_measures, measures
from autograder.render.plots import pace_of_class, pace_of_one, points_by_exercise
from autograder.report import ExerciseResult, Status, Timing


@pytest.fixture
def report_with(make_report, make_verdict):
    def make(*ratios, student="a", name="Softmax", status=None):
        results = []
        for i, ratio in enumerate(ratios):
            figures = Timing(ratio, 2.0, [ratio], low=0.9 * ratio, high=1.1 * ratio)
            verdict = make_verdict(
                "fast enough", status or (Status.FAILED if ratio > 2 else Status.PASSED), measurement=figures
            )
            results.append(ExerciseResult(f"{name}{i}" if i else name, [verdict]))
        return make_report(student, results)

    return make


def drawings(report):
    return [
        pace_of_one(measures(report)),
        pace_of_class(class_measures([report])),
        points_by_exercise(exercise_rates([report])),
    ]


def test_a_drawing_says_what_it_is_and_takes_the_pages_colours(report_with):
    for drawing in drawings(report_with(1.0, 9.0)):
        assert re.match(r'<svg class="plot" role="img" aria-label="[^"]+" viewBox="0 0 330 \d+"', drawing)
        assert not re.search(r"#[0-9a-f]{6}\b(?!\")", drawing)
        assert "var(--ink)" in drawing
        assert "font-family" not in drawing
        assert "<style" not in drawing


def test_a_drawing_holds_its_words_as_text(report_with):
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", pace_of_one(measures(report_with(1.0, 9.0))))
    assert {"Softmax", "Softmax1", "limit", "1.00", "9.00"} <= set(texts)


def test_what_is_over_the_limit_has_another_shape_and_another_place(report_with):
    within, over = (pace_of_one(measures(report_with(ratio))) for ratio in (1.0, 9.0))
    assert "var(--bar)" in within
    assert "var(--bar-wrong)" not in within
    assert "var(--bar-wrong)" in over
    shapes = [re.search(r'<path id="[^"]+" d="([^"]+)"', drawing)[1] for drawing in (within, over)]
    assert "C" in shapes[0]  # a circle is made of curves
    assert "C" not in shapes[1]
    places = [float(re.search(r'<use href="[^"]+" x="([\d.]+)"', drawing)[1]) for drawing in (within, over)]
    limit = 118 + (330 - 118 - 60) / 2
    assert places[0] < limit < places[1]


@pytest.mark.parametrize("ratio", [0.0, 1e-9, 1e9, 2.0])
def test_every_ratio_has_a_place_on_the_strip(report_with, ratio):
    (mark,) = re.findall(r'<use href="[^"]+" x="([\d.]+)"', pace_of_one(measures(report_with(ratio))))
    assert 118 <= float(mark) <= 270


def test_names_are_text_and_no_formula_and_no_markup(report_with):
    for name in ("$x^2$", "<b>&\"'", "卷积层", "A" * 200, "a --> b", "\u202eolleh"):
        for drawing in drawings(report_with(1.0, name=name)):
            assert "<b>" not in drawing
            assert "-->" not in drawing
            assert "\u202e" not in drawing
            assert "A" * 19 not in drawing
    assert "$x^2$" in pace_of_one(measures(report_with(1.0, name="$x^2$")))
    assert "卷积层" in pace_of_one(measures(report_with(1.0, name="卷积层")))


def test_the_readers_own_matplotlib_settings_change_nothing(report_with):
    import matplotlib as mpl

    usual = drawings(report_with(1.0, 9.0))
    with mpl.rc_context({"svg.fonttype": "path", "lines.markersize": 30, "axes.facecolor": "red", "font.size": 30}):
        assert drawings(report_with(1.0, 9.0)) == usual
        assert mpl.rcParams["font.size"] == 30


def test_the_drawings_of_a_page_share_no_id(report_with, page_of):
    reports = [report_with(1.0, 9.0, 0.5, student=str(i)) for i in range(6)]
    for html in (class_page("Layers", reports, {}), student_page(reports[0])):
        page = page_of(html)
        assert len(page.all("svg")) >= 1
        assert len(page.ids) == len(set(page.ids))


def test_a_drawing_of_a_class_does_not_grow_with_it(report_with):
    def size(students):
        spread = [
            report_with(*[1.0 + (i * j % 97) / 97 for j in range(1, 15)], student=str(i)) for i in range(students)
        ]
        return len(pace_of_class(class_measures(spread)))

    assert size(400) < 1.5 * size(100)


def test_a_page_without_figures_does_not_draw(make_report, make_verdict, monkeypatch):
    monkeypatch.setattr("autograder.render.sheet.Sheet.drawn", None)
    assert student_page(make_report(exercises=[ExerciseResult("Linear", [make_verdict("forward")])]))
