"""The formgrader in a real browser: it shows the scores, grades again at a click, and runs no script of a student."""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from tests.autograder.nbgrader.classroom import STUDENTS, averaged

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [pytest.mark.nightly, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
in_a_browser = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium here: apt-get install chromium")


class Server:
    """A Jupyter server in the instructor's folder, with a token of its own."""

    def __init__(self, course):
        self.token = secrets.token_hex(16)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = [
            *("-m", "jupyter_server", "--no-browser", "--ip=127.0.0.1", f"--port={self.port}"),
            *("--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}", "--allow-root"),
        ]
        self._log = (course.folder.parent / "server.log").open("w+")
        environment = {**course.environment, "JUPYTER_CONFIG_DIR": str(course.folder / ".jupyter")}
        self._process = subprocess.Popen(
            [sys.executable, *command], cwd=course.folder, env=environment, stdout=self._log, stderr=self._log
        )

    def ask(self, path, **data):
        """Send a request with the token; a POST where there is data."""
        body = json.dumps(data).encode() if data else None
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers)
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - our own server
            return json.load(answer)

    def wait(self):
        for _ in range(600):
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                return self.ask("/api/status")
            assert self._process.poll() is None, self.log()
            time.sleep(0.2)
        raise TimeoutError(self.log())

    def log(self):
        self._log.seek(0)
        return self._log.read()

    def close(self):
        self._process.terminate()
        self._process.wait(30)
        self._log.close()


@pytest.fixture(scope="module")
def server(course):
    server = Server(course)
    try:
        server.wait()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def look(server, tmp_path_factory):
    """Open a page in Chromium, logged in; return its content once its scripts have run."""
    profile = tmp_path_factory.mktemp("chromium")
    switches = [
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
        *("--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}"),
    ]

    def open_page(path):
        address = f"http://127.0.0.1:{server.port}{path}"
        command = [CHROMIUM, *switches, "--virtual-time-budget=20000", "--dump-dom", address]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, env=os.environ)
        return done.stdout

    open_page(f"/api/status?token={server.token}")  # logs in: the cookie stays in the profile
    return open_page


def rows(page):
    """Each student's row as text, by student."""
    texts = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL)]
    return {s: text for text in texts for s in STUDENTS if re.search(rf"(?<!\w){s}(?!\w)", text)}


@in_a_browser
def test_the_page_shows_every_score(course, look):
    shown = rows(look("/formgrader/gradebook/02_layers/layers"))
    assert set(shown) == set(STUDENTS)
    with course.gradebook() as gradebook:
        for student in STUDENTS:
            found = gradebook.find_submission_notebook("layers", "02_layers", student)
            assert f" {found.score:g} / {found.max_score:g} " in shown[student]
            assert f" {found.code_score:g} / {found.max_code_score:g} " in shown[student]


@in_a_browser
def test_a_submission_shows_the_diagnosis_and_runs_no_script_of_its_author(course, look):
    with course.gradebook() as gradebook:
        ids = {s: gradebook.find_submission_notebook("layers", "02_layers", s).id for s in ("björn", "mallory")}
    page = look(f"/formgrader/submissions/{ids['björn']}/?index=0")
    assert averaged("02_layers")[1].name in page
    page = look(f"/formgrader/submissions/{ids['mallory']}/?index=0")
    assert "document.title" in page
    assert re.search(r"<title>(.*?)</title>", page, re.DOTALL)[1].strip() != "owned"


def test_grading_again_at_a_click_gives_the_same_points(course, server):
    before = course.scores("björn", "02_layers")
    answer = server.ask("/formgrader/api/submission/02_layers/bj%C3%B6rn/autograde", force=True)
    assert answer["success"], answer.get("log")
    assert {name: points for name, (points, _) in course.scores("björn", "02_layers").items()} == {
        name: points for name, (points, _) in before.items()
    }
