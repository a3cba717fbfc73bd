"""Item analysis: figures as SciPy and pingouin compute them, and what is left out of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from autograder.render.condensing import Condenser
from autograder.render.html import class_page
from autograder.render.items import analysed, cronbach_alpha, difficulty, item_rest
from autograder.report import ExerciseResult, Problem, Status, Verdict

STORED = json.loads((Path(__file__).parents[2] / "golden/item_analysis.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", STORED)
def test_the_figures_are_those_of_scipy_and_pingouin(name):
    stored = STORED[name]
    scores = np.array(stored["scores"])
    np.testing.assert_allclose(difficulty(scores, stored["most"]), stored["difficulty"], rtol=1e-12)
    np.testing.assert_allclose(item_rest(scores), stored["item_rest"], rtol=1e-10, atol=1e-12)
    assert cronbach_alpha(scores) == pytest.approx(stored["alpha"], rel=1e-10)


def test_what_does_not_vary_has_no_correlation():
    scores = np.array([[1.0, 0.3], [1.0, 0.1], [1.0, 0.7]])
    assert np.isnan(item_rest(scores)).all()
    assert np.isnan(cronbach_alpha(np.full((3, 2), 0.1)))
    assert np.isnan(cronbach_alpha(scores[:, :1]))


def one(name, earned, status=Status.PASSED, most=2.0, *, bonus=False):
    return ExerciseResult(name, [Verdict("forward", "forward", status, earned, most)], bonus)


@pytest.fixture
def class_of(make_report):
    """A class in which ``Linear`` and ``ReLU`` go together and ``Tanh`` goes against them; n students."""

    def build(n):
        def result(name, good):
            return one(name, 2.0 if good else 0.0, Status.PASSED if good else Status.FAILED)

        return [
            make_report(
                f"s{i:02}",
                [
                    result("Linear", i % 2),
                    result("ReLU", i % 2 or i % 5 == 0),
                    result("Tanh", not i % 2),
                    one("ELU", 2.0),
                ],
            )
            for i in range(n)
        ]

    return build


def test_items_are_flagged_where_somebody_should_look(class_of):
    found = analysed(class_of(20))
    flags = {item.name: " ".join(item.flags) for item in found.items}
    assert flags["Tanh"].startswith("negative")
    assert flags["ELU"] == "easy: nearly all points"
    assert [item.correlation for item in found.items if item.name == "ELU"] == [None]
    assert [item.difficulty for item in found.items] == [0.5, 0.6, 0.5, 1.0]


def test_few_students_get_no_correlations(class_of):
    found = analysed(class_of(9))
    assert found.too_few
    assert found.alpha is None
    assert {item.correlation for item in found.items} == {None}
    assert not any(flag.startswith(("low", "negative")) for item in found.items for flag in item.flags)
    assert "Fewer than 10 are too few for correlations" in class_page("Layers", class_of(9), {})


def test_students_whose_zeros_say_nothing_are_left_out(class_of, make_report):
    nothing = make_report("absent", [one("Linear", 0.0, Status.FAILED)], problems=[Problem("nothing was handed in")])
    nothing = type(nothing)(**{f: getattr(nothing, f) for f in nothing.__struct_fields__} | {"submission_sha256": ""})
    idle = make_report("idle", [one("Linear", 0.0, Status.NOT_ATTEMPTED)])
    broken = make_report("broken", [one("Linear", 0.0, Status.BROKEN)])
    close = make_report("close", [one(name, 2.0, Status.INCONCLUSIVE) for name in ("Linear", "ReLU", "Tanh", "ELU")])
    alone, among = analysed([*class_of(12), close]), analysed([*class_of(12), close, nothing, idle, broken])
    assert (among.students, among.left_out) == (13, 3)
    assert among.items == alone.items
    assert analysed([idle]) is None


def test_bonus_exercises_are_no_items(make_report):
    reports = [make_report(f"s{i}", [one("Linear", 2.0), one("Extra", 1.0, bonus=True)]) for i in range(3)]
    assert [item.name for item in analysed(reports).items] == ["Linear"]


def test_who_wrote_nothing_after_what_fails_is_stuck(make_report):
    failed, untouched = Status.FAILED, Status.NOT_ATTEMPTED

    def work(*statuses):
        names = ("Linear", "ReLU", "Tanh")
        return [one(n, 2.0 * (s is Status.PASSED), s) for n, s in zip(names, statuses, strict=True)]

    reports = [
        make_report("stuck", work(Status.PASSED, failed, untouched)),
        make_report("went on", work(failed, failed, Status.PASSED)),
        make_report("paused", work(Status.PASSED, Status.PASSED, untouched)),
        make_report("at the end", work(Status.PASSED, Status.PASSED, failed)),
    ]
    assert [(found.exercise, found.who) for found in analysed(reports).stuck] == [("ReLU", ["stuck"])]


def test_condensed_reports_give_the_same(class_of):
    reports = class_of(15)
    condenser = Condenser()
    assert analysed([condenser.condense(report) for report in reports]) == analysed(reports)


def test_every_figure_on_the_page_links_to_its_definition(class_of):
    page = class_page("Layers", class_of(20), {})
    for name in ("difficulty", "item-rest", "alpha", "flags"):
        assert f'href="#define-{name}"' in page
        assert f'id="define-{name}"' in page
