"""The table of students: what the script gets, what is there without it, and how it works in a real browser."""

import json
import re

import pytest
from msgspec.structs import replace

from autograder.render.html import class_page, index_page
from autograder.render.overview import totals_of
from autograder.render.reading import NAME, clean
from autograder.render.searchable import STATUSES, Heading, Row, Searchable, is_local, students_table, table_script
from autograder.report import Status
from benchmarks.pages import made_up
from tests.autograder.render.conftest import HOSTILE, report_of
from tests.notebook.browser import CHROMIUM, Browser
from tests.sampling import nightly

NAMES = {
    "markup": "</script><script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">",
    "comment": "<!--<script>",
    "right to left": "\u202eمحمد بن موسى\u202c",
    "entity": "&lt;b&gt; \u2028 \u2029",
    "address": "javascript:document.title='owned'",
    **HOSTILE,
}


# --- addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["a.html", "pages/ada/02_layers.html", "%E5%B1%B1/x.html", "pages/a%20b/..x.html"])
def test_a_path_below_the_folder_is_local(address):
    assert is_local(address)


@pytest.mark.parametrize(
    "address",
    ["", "/x", "//evil/x", "javascript:alert(1)", " javascript:alert(1)", "java\nscript:x", "\\\\evil", "a?b", "a#b",
     "../x", "pages/../../x", "%2e%2e/x", "a/%2E./x", "é.html", 'x"y', "x\n"],
)  # fmt: skip
def test_no_other_address_is_local(address):
    assert not is_local(address)


def test_addresses_are_the_same_after_what_they_share_is_taken_away(right):
    reports = [report_of(name, [right]) for name in ("ada", "bob", "eve", "zoe")]
    for links in (
        {name: f"pages/{name}/02_layers.html" for name in ("ada", "bob", "eve")},
        {"ada": "a.html", "bob": "aa.html", "eve": "a/a.html"},
        {"ada": "pages/ada/02_layers.html"},
        {"ada": "x/1/a.html", "bob": "x/1/1/a.html"},
    ):
        table = students_table(reports, {**links, "zoe": "javascript:alert(1)"}, ["Linear"], 4.0)
        found = {row.name: table.address(row, table.headings[0]) for row in table.rows}
        assert {name: address for name, address in found.items() if address} == links
        packed = json.loads(table.data)
        ending = packed["headings"][0]["page"]
        assert {row[0]: f"{packed['prefix']}{row[1]}{ending}" for row in packed["rows"] if row[1]} == links


def test_no_address_reaches_the_script_where_one_of_its_pages_would_not_be_local():
    table = Searchable(
        [Heading("Student", "student"), Heading("a", "number", "/a.html")], [Row("x", "..", [1.0])], "p/"
    )
    assert json.loads(table.data)["rows"] == [["x", "", 1]]


# --- data ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NAMES)
def test_the_data_are_json_without_markup(right, kind):
    table = students_table([report_of(NAMES[kind], [right])], {}, ["Linear"], 4.0)
    assert not re.search(r"[<>&\u2028\u2029\x00-\x1f]", table.data)
    table.data.encode()
    (row,) = json.loads(table.data)["rows"]
    assert row == [clean(NAMES[kind], NAME) or "without a name", "", 4, 0, "0", 0.4]


def test_a_mark_is_the_number_of_its_status(every_status):
    names = [exercise.name for exercise in every_status.exercises]
    table = students_table([every_status], {}, [*names, "Absent"], 4.0)
    packed = json.loads(table.data)
    marks = packed["rows"][0][4]
    words = [packed["statuses"][int(mark)][2] for mark in marks[:-1]]
    assert words == [exercise.status for exercise in every_status.exercises]
    assert marks[-1] == "-"
    assert set(STATUSES) == set(Status)


def test_two_students_of_one_name_are_two_rows(right, page_of):
    page = page_of(class_page("Layers", [report_of("Ada", [right]), report_of("Ada", [])], {}))
    assert [row[0] for row in page.table["rows"]] == ["Ada", "Ada"]


def test_without_scripting_there_are_the_first_rows_and_a_sentence(right, page_of):
    page = page_of(class_page("Layers", [report_of(f"s{i:03d}", [right]) for i in range(130)], {}))
    assert "s119" in page.words
    assert "s120" not in page.words
    assert "These are the first 120 of 130 students." in page.words
    assert "These are the first" not in page_of(class_page("Layers", [report_of("s", [right])], {})).words
    (tools,) = [one for one in page.all("div") if one.get("id") == "table-tools"]
    assert "hidden" in tools


def test_every_control_has_a_label(right, page_of):
    page = page_of(class_page("Layers", [report_of("s", [right])], {}))
    labels = {one["for"] for one in page.all("label")}
    assert labels == {one["id"] for one in page.all("input", "select")}


# --- size ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("students", "most"), [(300, 650_000), nightly(3000, 1_000_000)])
def test_the_page_of_a_class_stays_small(students, most):
    reports = [replace(made_up(i), student=f"Student {i:04d} of the Class") for i in range(students)]
    links = {report.student: f"pages/s{i:07d}/02_layers.html" for i, report in enumerate(reports)}
    page = class_page("Layers", reports, links, index="index.html")
    assert len(page.encode()) <= most
    assert page.count(f"s{students - 1:07d}") == 1


def test_an_index_of_three_thousand_and_fifteen_assignments_is_less_than_a_megabyte():
    reports = {f"s{i:07d}": made_up(i) for i in range(30)}
    totals = totals_of("02_layers", reports)
    points = {f"s{i:07d}": (i % 400 + 0.25, 480.0) for i in range(3000)}
    assignments = [replace(totals, assignment=f"{k:02d}_assignment", points=points) for k in range(15)]
    page = index_page(assignments, lambda student: f"Student {student} of the Class")
    assert len(page.encode()) <= 1_000_000
    assert page.count("s0002999 of the Class") == 1


# --- the index -------------------------------------------------------------------------------


@pytest.fixture
def index(right, wrong, page_of):
    """The index of two assignments: ada in both, bob in one, eve with nothing in the other."""
    first = totals_of("02_layers", {"ada": report_of("ada", [right]), "bob": report_of("bob", [right, wrong])})
    second = totals_of("03_losses", {"ada": report_of("ada", [wrong]), "eve": report_of("eve", [])})
    return page_of(index_page([first, second], str.title))


def test_the_index_adds_up_points_over_assignments(index):
    assert index.table["rows"] == [
        ["Ada", "ada", 6, 14, 42.8, 4, 2],
        ["Bob", "bob", 6, 24, 25, 6, None],
        ["Eve", "eve", 0, 14, 0, None, 0],
    ]
    assert "Ada 6 14 42.8 % 4 2" in index.words
    assert "Bob 6 24 25 % 6 –" in index.words


def test_the_index_names_every_assignment_with_its_figures(index):
    assert "02_layers: Layers 2 students 2 hand-ins median 5 mean 5 of 14 1 all correct" in index.words
    assert "03_losses: Layers 2 students" in index.words
    links = [a["href"] for a in index.all("a")]
    assert links == [
        "02_layers.html", "03_losses.html", "pages/ada/02_layers.html", "pages/ada/03_losses.html",
        "pages/bob/02_layers.html", "pages/eve/03_losses.html",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_in_the_index_is_text(right, page_of, kind):
    html = index_page([totals_of("02_layers", {"ada": report_of("ada", [right])})], lambda _: NAMES[kind])
    page = page_of(html)
    assert page.table["rows"][0][0] == clean(NAMES[kind], NAME) or "without a name"
    assert html.count("<script") == html.count("</script") == 2
    assert page.all("img") == []


# --- in a browser ----------------------------------------------------------------------------

in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: it shows the pages")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    pytest.importorskip("websocket", reason="it comes with JupyterLab, and speaks to the browser")
    with Browser(tmp_path_factory.mktemp("profile"), (1280, 900)) as opened:
        yield opened


@pytest.fixture
def opened(browser, tmp_path):
    """Open a page and wait for its table."""

    def open_page(html):
        path = tmp_path / "page.html"
        path.write_text(html, encoding="utf-8")
        browser.open(path.as_uri())
        browser.until(f"location.href === {path.as_uri()!r} && !document.getElementById('table-tools').hidden", "it")
        return browser

    return open_page


@pytest.fixture
def of_class(opened, right, wrong):
    """A page of 130 students, open: every third one failed, whose id is in no name."""
    reports = [report_of(f"Zoë {i:03d}" if i % 2 else f"amy {i:03d}", [wrong if i % 3 else right]) for i in range(130)]
    links = {report.student: f"pages/id{i:03d}/02_layers.html" for i, report in enumerate(reports)}
    return opened(class_page("Layers", reports, links))


ROWS = "[...document.querySelectorAll('#table tbody tr')]"


def names(browser):
    return browser.value(f"{ROWS}.map(row => row.cells[0].textContent)")


def said(browser):
    return browser.value("document.getElementById('table-shown').textContent")


def sorting(browser):
    return browser.value("[...document.querySelectorAll('#table thead th')].map(th => th.getAttribute('aria-sort'))")


def click(browser, selector):
    browser.value(f"document.querySelector({selector!r}).click()")


def search(browser, text):
    browser.value("document.getElementById('table-search').focus(), document.getElementById('table-search').select()")
    browser.type(text)


@in_a_browser
def test_the_table_shows_fifty_at_a_time_or_all(of_class):
    assert (len(names(of_class)), said(of_class)) == (50, "1 to 50 of 130 students")
    click(of_class, "#table-previous")
    assert said(of_class) == "1 to 50 of 130 students"
    click(of_class, "#table-next")
    assert said(of_class) == "51 to 100 of 130 students"
    click(of_class, "#table-next")
    click(of_class, "#table-next")
    assert (len(names(of_class)), said(of_class)) == (30, "101 to 130 of 130 students")
    choose = (
        "const size = document.getElementById('table-size'); size.value = {}; size.dispatchEvent(new Event('change'))"
    )
    for size, shown in (("100", 100), ("all", 130)):
        of_class.value(f"{{ {choose.format(repr(size))} }}")
        assert len(names(of_class)) == shown
    assert len(set(names(of_class))) == 130
    assert said(of_class) == "130 students"
    assert of_class.value("document.getElementById('table-first').hidden") is True


@in_a_browser
def test_a_search_finds_names_without_accents_in_any_order_and_ids(of_class):
    search(of_class, "ZOE 01")
    assert names(of_class) == ["Zoë 001", "Zoë 011", "Zoë 013", "Zoë 015", "Zoë 017", "Zoë 019", "Zoë 101"]
    assert said(of_class) == "7 students"
    search(of_class, "017 zoë")
    assert (names(of_class), said(of_class)) == (["Zoë 017"], "1 student")
    search(of_class, "id004")
    assert names(of_class) == ["amy 004"]
    search(of_class, "nobody")
    assert (names(of_class), said(of_class)) == ([], "0 students")


@in_a_browser
def test_every_column_sorts_in_both_directions(of_class):
    assert sorting(of_class) == ["ascending", *["none"] * 5]
    click(of_class, "#table thead th:nth-child(2) button")
    assert sorting(of_class) == ["none", "ascending", *["none"] * 4]
    points = f"{ROWS}.map(row => parseFloat(row.cells[1].textContent))"
    assert set(of_class.value(points)) == {2}
    click(of_class, "#table thead th:nth-child(2) button")
    assert sorting(of_class)[1] == "descending"
    assert of_class.value(points)[:44] == [4] * 44
    click(of_class, "#table thead th:nth-child(4) button")  # Linear, which two thirds have no verdict of
    assert of_class.value(f"{ROWS}.map(row => row.cells[3].textContent)").count("") == 6
    click(of_class, "#table thead th:nth-child(1) button")
    assert names(of_class)[:2] == ["amy 000", "amy 002"]
    click(of_class, "#table thead th:nth-child(1) button")
    assert names(of_class)[:2] == ["Zoë 129", "Zoë 127"]
    search(of_class, "amy")
    assert names(of_class)[0] == "amy 128", "a search keeps the order"


@in_a_browser
def test_the_keyboard_reaches_and_works_everything(of_class):
    of_class.value("document.getElementById('table-search').focus()")
    focused = "document.activeElement.id || document.activeElement.textContent || document.activeElement.className"
    reached = []
    for _ in range(6):
        reached.append(of_class.value(focused))
        of_class.press("Tab")
    assert reached[:4] == ["table-search", "table-size", "table-previous", "table-next"]
    of_class.value("document.querySelector('#table thead th:nth-child(2) button').focus()")
    of_class.press("Enter")
    assert sorting(of_class)[1] == "ascending"
    of_class.press(" ")
    assert sorting(of_class)[1] == "descending"
    assert of_class.value(focused) == "Points", "the focus stays"
    outline = of_class.value("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    of_class.value("document.getElementById('table-next').focus()")
    of_class.press("Enter")
    assert said(of_class) == "51 to 100 of 130 students"


@in_a_browser
def test_rows_of_the_script_are_those_of_the_page(opened, every_status, wrong, browser, tmp_path):
    reports = [every_status, report_of("ada", [wrong]), report_of("nobody")]
    html = class_page("Layers", reports, {"ada": "pages/ada/02_layers.html"})
    width = "Math.round(10 * parseFloat(cell.querySelector('i')?.style.width || 0))"
    text = "cell.innerHTML.replace(/ style=.[^'\"]*./, '')"
    rows = f"{ROWS}.map(row => [...row.cells].map(cell => [cell.className, {text}, {width}]))"
    drawn = opened(html).value(rows)
    still = html.replace("</script>\n</body>", " </script>\n</body>").replace("<title>", "<title>still ")
    path = tmp_path / "still.html"
    path.write_text(still, encoding="utf-8")
    browser.open(path.as_uri())
    browser.until("document.title.startsWith('still')", "the page whose script has another hash")
    assert browser.value("document.getElementById('table-tools').hidden") is True
    assert browser.value(rows) == drawn


@in_a_browser
@pytest.mark.parametrize("page", ["class", "index"])
def test_no_name_runs_or_becomes_an_element(opened, right, page):
    if page == "class":
        reports = [report_of(name, [right]) for name in NAMES.values()]
        links = dict.fromkeys(NAMES.values(), "javascript:document.title='owned'")
        browser = opened(class_page("Layers", reports, links))
    else:
        totals = totals_of("02_layers", {f"s{i}": report_of("", [right]) for i in range(len(NAMES))})
        browser = opened(index_page([totals], dict(zip(totals.points, NAMES.values(), strict=True)).__getitem__))
    assert sorted(names(browser)) == sorted(clean(name, NAME) or "without a name" for name in NAMES.values())
    for selector in ("img", "script:not([type]) ~ script", "#table [onerror]"):
        assert browser.value(f"document.querySelectorAll({selector!r}).length") == 0
    assert browser.value("document.scripts.length") == 2
    search(browser, "<img")
    assert names(browser) == [clean(HOSTILE["markup"], NAME)]
    hrefs = browser.value("[...document.querySelectorAll('#table a')].map(a => a.protocol)")
    assert set(hrefs) <= {"file:"}
    assert "owned" not in browser.value("document.title")


@in_a_browser
def test_the_policy_refuses_every_other_script(opened, right):
    html = class_page("Layers", [report_of("ada", [right])], {})
    planted = '<script>document.title = "owned"</script><b onclick="document.title = \'owned\'" id="b">b</b>'
    browser = opened(html.replace("</main>", f"{planted}</main>"))
    click(browser, "#b")
    assert "owned" not in browser.value("document.title")


def test_the_script_is_text_that_cannot_end_its_element():
    script, source = table_script()
    assert "<" not in script
    assert re.fullmatch(r"'sha256-[\w+/]{43}='", source)
