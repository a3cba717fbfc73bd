import base64
import hashlib
import re
from itertools import pairwise

import msgspec
import pytest

from autograder.render.html import class_page, student_page
from autograder.report import ExerciseResult, Footprint, HotSpot, Status, Timing


@pytest.fixture
def pages(every_status, hostile_report, right, wrong, make_report):
    full = make_report("O'Brien, Séan", [right, wrong])
    return [
        student_page(every_status),
        student_page(full),
        student_page(hostile_report),
        student_page(make_report()),
        class_page(
            "Layers", [every_status, full, hostile_report, make_report("nobody")], {"O'Brien, Séan": "obrien.html"}
        ),
        class_page("Layers", [], {}),
    ]


def test_a_page_is_well_formed_and_says_its_language(pages, page_of):
    for html in pages:
        page = page_of(html)
        assert html.startswith("<!doctype html>")
        assert page.all("html") == [{"lang": "en"}]
        assert len(page.all("main")) == len(page.all("title")) == 1
        assert len(page.ids) == len(set(page.ids))


def test_headings_begin_at_one_and_skip_no_level(pages, page_of):
    for html in pages:
        levels = page_of(html).levels
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_a_page_needs_nothing_but_itself(pages, page_of):
    for html in pages:
        page = page_of(html)
        assert page.all("link", "img", "iframe", "object", "embed", "form") == []
        for _, attributes in page.elements:
            assert not attributes.get("src")
            assert not any(name.startswith("on") for name in attributes)
            assert not re.match(r"[a-z]+:|//", attributes.get("href") or "")
        assert "url(" not in html
        assert "@import" not in html


def test_a_students_page_has_no_script_and_a_class_page_the_one_that_its_policy_allows(pages, page_of):
    *of_students, of_class, empty = pages
    for html in (*of_students, empty):
        assert page_of(html).all("script") == []
        assert "script-src" not in html
    page = page_of(of_class)
    assert page.all("script") == [{"type": "application/json", "id": "table-data"}, {}]
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv")]
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; form-action 'none'; "
        "base-uri 'none'"
    )
    assert of_class.count("<script") == of_class.count("</script") == 2
    assert not re.search(r"HTML|insertAdjacent|document\.write|eval|Function\b|setTimeout|fetch|<", page.scripts[1])


def test_every_table_header_has_a_scope_and_every_label_a_target(pages, page_of):
    for html in pages:
        page = page_of(html)
        assert all("scope" in header for header in page.all("th"))
        for _, attributes in page.elements:
            if target := attributes.get("aria-labelledby"):
                assert target in page.ids
            if (link := attributes.get("href") or "").startswith("#"):
                assert link[1:] in page.ids


def test_what_a_student_wrote_is_text(hostile_report, hostile, page_of):
    for html in (student_page(hostile_report), class_page("Layers", [hostile_report], {})):
        page = page_of(html)
        assert page.all("img") == []
        assert len(page.all("script")) in (0, 2)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", html)
        assert "A" * 700 not in html
        html.encode()
    if "7 * 7" in hostile:
        assert "{{ 7 * 7 }}" in student_page(hostile_report)


def test_every_status_is_written_out(every_status, page_of):
    page = page_of(student_page(every_status))
    for status in Status:
        assert f"sentence of {status}" in page.text or status in (Status.PARTLY, Status.BROKEN)
        assert status in page.text
    assert "a fault of the grader" in page.text or "a fault of the grader" in page.text


def test_a_students_page_shows_points_mistake_hint_timing_and_origin(right, wrong, make_report, page_of):
    text = " ".join(page_of(student_page(make_report("山田 太郎", [right, wrong]))).text.split())
    for part in (
        "山田 太郎",
        "6 of 14 points",
        "averages the weight gradient",
        "dW is a sum over the batch.",
        "2.7 × the reference (limit 2.0)",
        "20260",
        "ab12ab12ab12",
        "numpy 2.1.0",
        "full isolation",
        "2026-03-01 08:00:00 UTC",
    ):
        assert part in text
    assert "ab12" * 16 not in text


def test_an_exercise_that_failed_is_open_and_one_that_passed_is_closed(right, wrong, make_report, page_of):
    page = page_of(student_page(make_report(exercises=[right, wrong])))
    right_one, wrong_one, *rest = page.all("details")
    assert "open" not in right_one
    assert "open" in wrong_one
    assert not any("open" in folded for folded in rest)


def test_a_students_page_names_no_other_student(every_status, right, make_report):
    names = ["Ada Lovelace", "Grace Hopper"]
    one, other = (student_page(make_report(name, [right])) for name in names)
    assert names[1] not in one
    assert names[0] not in other
    assert names[0] in student_page(every_status)


def test_an_unofficial_page_says_so(make_report):
    assert "Unofficial" in student_page(make_report(official=False))
    assert "Unofficial" not in student_page(make_report())


def test_a_lost_file_is_reported_with_what_to_do_and_what_is_wrong(every_status, make_report, make_verdict, page_of):
    problem = every_status.problems[0]
    lost = [ExerciseResult(n, [make_verdict("a", Status.FAILED, sentence=problem.sentence)]) for n in ("Tanh", "ReLU")]
    assert page_of(student_page(make_report(exercises=lost, problems=[problem]))).words.count(problem.sentence) == 2
    assert "Not graded, for the reason given" in student_page(make_report(exercises=lost, problems=[problem]))


def test_a_class_links_its_students_and_only_within(right, make_report, page_of):
    names = ["O'Brien, Séan", "山田 太郎", "mallory", "eve", "bob"]
    links = {
        "O'Brien, Séan": "a/02_layers.html",
        "山田 太郎": "%E5%B1%B1/x.html",
        "mallory": "javascript:alert(1)",
        "eve": "//evil/x",
    }
    page = page_of(class_page("Layers", [make_report(name, [right]) for name in names], links))
    assert [a["href"] for a in page.all("a") if not a["href"].startswith("#")] == [
        "a/02_layers.html",
        "%E5%B1%B1/x.html",
    ]
    assert all(name in page.text for name in names)


def test_a_class_page_counts(every_status, right, wrong, make_report, page_of):
    reports = [make_report("a", [right]), make_report("b", [right, wrong]), every_status]
    text = " ".join(page_of(class_page("Layers", reports, {})).text.split())
    for part in (
        "averages the weight gradient",
        "2 of 2 correct",
        "0 of 1 correct",
        "The grader itself failed (1)",
        "Speed too close to the limit to decide (1)",
        "Something is wrong with the file (1)",
        "Why does it vanish? 1 of 1 1 – 3",
        "0 to under 2 points: 0 students",
        "full isolation, proved before the work was loaded (3)",
    ):
        assert part in text


def test_every_student_is_in_the_distribution_once(right, wrong, make_report):
    reports = [make_report(str(i), [[right], [wrong], [right, wrong], []][i % 4]) for i in range(40)]
    text = class_page("Layers", reports, {})
    assert sum(int(count) for count in re.findall(r"points: (\d+) student", text)) == 40


def test_a_slow_submission_is_named(right, make_report, page_of):
    reports = [make_report(f"student {i}", [right]) for i in range(9)]
    slow = msgspec.structs.replace(make_report("sleeper", [right]), seconds=30.0)
    assert "Long to grade" in page_of(class_page("Layers", [*reports, slow], {})).words
    assert "sleeper 30.0 s" in page_of(class_page("Layers", [*reports, slow], {})).words
    assert "Long to grade" not in class_page("Layers", reports, {})


def test_what_the_code_tried_is_on_both_pages_and_escaped(right, make_report):
    report = make_report("Mallory", [right], tried=["read <b>secret</b>"])
    for page in (student_page(report), class_page("Layers", [report], {})):
        assert "tried to read &lt;b&gt;secret" in page


def test_where_time_and_memory_go_is_on_the_page(make_report, make_verdict, page_of):
    slow = Timing(9.0, 2.0, [9.0], hot=[HotSpot("cell 3, line 4", "for row in range(len(x)):", 0.81, loop=True)])
    lean = Footprint(1.1, 2.0, 2_200_000, 2_000_000)
    exercise = ExerciseResult(
        "Softmax",
        [
            make_verdict("fast enough", Status.FAILED, "speed", sentence="too slow", measurement=slow),
            make_verdict("sparing with memory", part="memory", measurement=lean),
        ],
    )
    text = " ".join(page_of(student_page(make_report("Ada", [exercise]))).text.split())
    assert "Where the time goes: 81 % in the loop at cell 3, line 4 for row in range(len(x)):" in text
    assert "1.1 × the reference’s memory (2.2 MB at its peak against 2.0 MB; limit 2.0)" in text
