"""The pages in a real browser: nothing wider than a phone, nothing refused, nothing fetched, both schemes."""

import re
import shutil
import subprocess

import pytest

from autograder.render.html import class_page, index_page, student_page
from autograder.render.overview import totals_of
from autograder.report import ExerciseResult, Footprint, HotSpot, Status, Timing, Verdict

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
FLAGS += ["--allow-file-access-from-files", "--enable-logging=stderr", "--dump-dom", "--virtual-time-budget=3000"]
PHONE = 390

pytestmark = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed: it shows the pages")

FRAME = """<!doctype html><iframe id="f" src="{page}" style="width: {width}px; height: 800px; border: 0"></iframe>
<pre id="found"></pre>
<script>
onload = () => {{
  const page = document.getElementById("f").contentDocument
  for (const folded of page.querySelectorAll("details")) if ({unfold}) folded.open = true
  const scroll = page.documentElement.scrollWidth
  const dark = page.defaultView.getComputedStyle(page.body).backgroundColor
  const small = [...page.querySelectorAll(".plot text")].map(t => t.getBoundingClientRect().height)
  document.getElementById("found").textContent = `width ${{scroll}} ground ${{dark}} text ${{Math.min(99, ...small)}}`
}}
</script>"""


@pytest.fixture
def browse(tmp_path):
    """Open a page; return the browser's document and what its console said."""

    def open_page(html, *flags):
        page = tmp_path / "opened.html"
        page.write_text(html, encoding="utf-8")
        command = [BROWSER, *FLAGS, *flags, f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=True)
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    return open_page


@pytest.fixture
def look(tmp_path, browse):
    """Lay a page out at a phone's width; return its width, its background, the height of its smallest letters."""

    def look_at(html, *flags, unfold=False):
        page = tmp_path / "page.html"
        page.write_text(html, encoding="utf-8")
        frame = FRAME.format(page=page.as_uri(), width=PHONE, unfold="true" if unfold else "false")
        dom, _ = browse(frame, *flags)
        width, ground, text = re.search(r"width (\d+) ground (rgba?\([\d, ]+\)) text ([\d.]+)", dom).groups()
        return int(width), ground, float(text)

    return look_at


@pytest.fixture
def crowded(every_status, right, wrong, make_report, make_verdict):
    """Reports with all that a page can hold, names and code without a space among them."""
    hot = [HotSpot("cell 3, line 4", "for_every_row_of_the_batch_one_by_one(" + "x" * 60, 0.81, loop=True)]
    timing = Timing(9.0, 2.0, [9.0], low=8.0, high=11.0, hot=hot)
    slow = make_verdict(
        "fast enough", Status.FAILED, "speed", sentence="correct, but too slow. Somewhere", measurement=timing
    )
    lean = make_verdict("sparing with memory", part="memory", measurement=Footprint(1.1, 2.0, 2_200_000, 2_000_000))
    odd = Verdict("the check", "forward", Status.FAILED, 0.0, 2.0, "W" * 300, "M" * 200, "H" * 200)
    exercise = ExerciseResult("MultiHeadAttentionWithRotaryEmbedding", [slow, lean, odd])
    report = make_report("Wolfeschlegelsteinhausenbergerdorff" * 3, [right, wrong, exercise], tried=["T" * 200])
    return [report, every_status, make_report("nobody"), *[make_report(f"s{i}", [right, exercise]) for i in range(15)]]


@pytest.fixture(params=["class", "student", "index"])
def crowded_page(request, crowded):
    if request.param == "index":
        totals = totals_of("02_layers", {f"s{i}": report for i, report in enumerate(crowded)})
        return index_page([totals] * 15, lambda student: crowded[int(student[1:])].student)
    return class_page("Layers", crowded, {"s1": "s1.html"}) if request.param == "class" else student_page(crowded[0])


@pytest.mark.parametrize("unfold", [False, True], ids=["folded", "unfolded"])
def test_a_phone_needs_no_sideways_scrolling(crowded_page, look, unfold):
    width, _, letters = look(crowded_page, unfold=unfold)
    assert width == PHONE
    assert letters > 10


def test_a_page_that_is_too_wide_would_be_seen(look):
    width, _, _ = look("<!doctype html><p style='width: 500px'>wide</p>")
    assert width > PHONE


def test_the_page_follows_the_readers_scheme(crowded_page, look):
    _, light, _ = look(crowded_page)
    _, dark, _ = look(crowded_page, "--blink-settings=preferredColorScheme=0")
    assert (light, dark) == ("rgb(251, 251, 249)", "rgb(20, 21, 23)")


def test_the_browser_finds_nothing_to_complain_of(crowded_page, browse):
    _, console = browse(crowded_page)
    assert console == []


def test_the_policy_refuses_scripts_and_the_network(crowded_page, browse):
    """Text that passed the escaping would still neither run nor fetch."""
    planted = '<script>document.title = "owned"</script><img src="http://127.0.0.1:9/x.png"></main>'
    dom, console = browse(crowded_page.replace("</main>", planted))
    assert "<title>owned" not in dom
    assert len(console) == 2
    assert all("Content Security Policy" in line for line in console)


def test_what_a_student_wrote_becomes_no_element(every_hostile, make_report, browse):
    failed = [Verdict("the check", "forward", Status.FAILED, 0.0, 2.0, text, text, text) for text in every_hostile]
    report = make_report(every_hostile[0], [ExerciseResult(f"E{i}", [one]) for i, one in enumerate(failed)])
    dom, console = browse(student_page(report))
    assert "alert(" in dom
    assert not re.search(r"<(script|img)\b", dom)
    assert console == []
