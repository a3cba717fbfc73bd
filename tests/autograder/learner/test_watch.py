"""``watch`` at a pseudo-terminal and without one: through a whole exercise, and however an editor saves."""

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from autograder.learner import state

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind.")
PATIENCE_S = 60
"""Never reached where everything works: the expected output ends the wait."""
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Session:
    """``autograder watch`` in a process of its own, with what it has shown so far."""

    def __init__(self, folder, *arguments, terminal=True, **environment):
        self.shown = ""
        self.plain = not terminal
        inherited = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM", "COLUMNS", "DLKIT_COURSE")}
        settings = {**inherited, "PYTHONIOENCODING": "utf-8", "TERM": "xterm", **environment}
        if terminal:
            import fcntl
            import pty
            import struct
            import termios

            self.master, self.slave = pty.openpty()
            fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
            streams = {"stdin": self.slave, "stdout": self.slave, "stderr": self.slave}
            self.before = termios.tcgetattr(self.slave)
        else:
            self.master, theirs = os.pipe()
            streams = {"stdin": subprocess.DEVNULL, "stdout": theirs, "stderr": subprocess.STDOUT}
        command = [sys.executable, "-m", "autograder", "watch", *arguments]
        self.process = subprocess.Popen(command, cwd=folder, env=settings, start_new_session=True, **streams)
        if not terminal:
            os.close(theirs)

    def until(self, *wanted, gone=()):
        """Wait until the newest screen, its lines joined, contains all of this and none of that; return it."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            screen = " ".join(self.screen().split())
            if all(text in screen for text in wanted) and not any(text in screen for text in gone):
                return screen
            if select.select([self.master], [], [], 0.2)[0]:
                with contextlib.suppress(OSError):
                    self.shown += os.read(self.master, 1 << 16).decode()
        pytest.fail(f"{wanted} did not come, but:\n{self.screen()}")

    def screen(self):
        return CODES.sub("", self.shown.rpartition("\x1b[2J")[2])

    def forget(self):
        self.shown = ""

    def press(self, key):
        os.write(self.master, key.encode())

    def mode(self):
        import termios

        return termios.tcgetattr(self.slave)

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.master)


@pytest.fixture
def watch(mine):
    """Start watching in the learner's folder; ended, however the test ends."""
    sessions = []

    def begin(*arguments, **how):
        sessions.append(Session(mine, *arguments, **how))
        return sessions[-1]

    yield begin
    for session in sessions:
        session.close()


WAITING = "waiting for the next save"


@posix
def test_a_whole_exercise_stub_wrong_hint_right_next_quit(watch, write):
    session = watch("02_layers")
    session.until("[·]· 0 of 2 correct", "Tanh.forward is still to be written", "h hint")
    assert session.mode() != session.before

    write.wrong("Tanh", ("return self.y", "return -self.y"))
    session.until("[✗]·", "failed", "forward matches the reference", WAITING)
    session.press("h")
    first = session.until("Hint 1 of 3, where to look:", "Look at Tanh.forward")
    assert "Hint 2" not in first
    session.press("h")
    session.until("Hint 2 of 3, the formula:", "tanh x")
    session.press("h")
    last = session.until("Hint 3 of 3, the step:")
    assert "array_module(x).tanh" not in last
    session.press("h")
    session.until("You have seen every hint for this verdict.")

    write.right("Tanh")
    session.until("[✓]·", "passed", "Correct. Press n for Flatten.", gone=["Hint"])
    session.press("h")
    session.until("Tanh is correct: no hint is needed.")
    session.press("n")
    session.until("✓[·]", "Flatten.forward is still to be written")
    session.press("n")
    session.until("Flatten is the last exercise of 02_layers.")
    session.press("p")
    session.until("[✓]·", "passed")
    session.press("?")
    session.until("the next hint")
    write.right("Flatten")
    session.until("2 of 2 correct", "All of 02_layers is correct. Hand it in: autograder submit 02_layers")
    session.press("a")
    session.until("02_layers · Layers", "of 5 points")
    session.press("q")
    assert session.process.wait(PATIENCE_S) == 0
    assert session.mode() == session.before


@posix
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 0), (getattr(signal, "SIGHUP", 0), 143)]
)
def test_a_signal_leaves_the_terminal_as_it_was(watch, script, number, status):
    session = watch("02_layers")
    session.until("h hint")
    assert session.mode() != session.before
    session.process.send_signal(number)
    assert session.process.wait(PATIENCE_S) == status
    assert session.mode() == session.before
    assert "Traceback" not in session.shown


@posix
def test_an_end_does_not_wait_for_what_is_running(watch, write):
    session = watch("02_layers")
    session.until("h hint")
    write.wrong("Tanh", ("self.y = array_module(x).tanh(x)", "while True: pass"))
    session.until("Checking Tanh ...")
    session.press("q")
    assert session.process.wait(PATIENCE_S) == 0
    assert session.mode() == session.before
    assert "failed" not in session.shown


@posix
def test_after_a_stop_and_a_go_on_keys_are_read_again(watch, script):
    import termios

    session = watch("02_layers")
    session.until("h hint")
    own = session.mode()
    os.kill(session.process.pid, signal.SIGSTOP)
    termios.tcsetattr(session.slave, termios.TCSANOW, session.before)  # as a shell does
    session.forget()
    os.kill(session.process.pid, signal.SIGCONT)
    session.until("h hint")
    assert session.mode() == own
    session.press("n")
    session.until("Flatten.forward is still to be written")


@posix
def test_plain_ascii_without_colour_at_eighty_columns(watch, write):
    write.wrong("Tanh", ("return self.y", "return -self.y"))
    session = watch("02_layers", NO_COLOR="1", TERM="dumb", PYTHONIOENCODING="ascii")
    session.until("[x]-", "forward matches the reference", "h hint")
    session.press("h")
    session.until("Hint 1 of 3")
    session.press("h")
    session.until("Hint 2 of 3")
    assert "\x1b" not in session.shown
    assert session.shown.isascii()
    assert max(len(line.rstrip("\r")) for line in session.shown.split("\n")) <= 80


def test_without_a_terminal_every_save_is_answered_and_no_key_is_offered(watch, write):
    session = watch("02_layers", terminal=False)
    session.until("Tanh.forward is still to be written")
    write.wrong("Tanh", ("return self.y", "return -self.y"))
    session.until("failed", WAITING)
    session.forget()
    write.right("Tanh")
    session.until("passed", "Left to do: Flatten.")
    assert "h hint" not in session.shown
    assert "\x1b" not in session.shown


def test_json_is_one_object_a_line(watch, write):
    session = watch("02_layers", "--json", terminal=False)
    session.until('"seconds"')
    session.forget()
    write.right("Tanh")
    session.until('"passed"', '"seconds"')
    view = json.loads(next(line for line in session.shown.splitlines() if '"passed"' in line))
    assert (view["current"], view["statuses"]["Tanh"], view["file"]) == ("Tanh", "passed", "layers.py")
    assert all(verdict["status"] == "passed" for verdict in view["result"]["verdicts"])


# --- however an editor saves -----------------------------------------------------------------


@pytest.fixture
def session(watch, script):
    found = watch("02_layers", terminal=False)
    found.until("Tanh.forward is still to be written")
    found.forget()
    return found


def with_tanh(script, text):
    start = script.read_text()
    return re.sub(r"class Tanh\(.*?(?=\n\n\n)", lambda _: text, start, count=1, flags=re.DOTALL)


def test_a_file_renamed_into_place(session, script, solution):
    part = script.with_name(".layers.py.swp~")
    part.write_text(with_tanh(script, solution("Tanh")))
    part.replace(script)
    session.until("passed")


def test_a_burst_of_saves_ends_with_the_last_one(session, script, solution):
    right = with_tanh(script, solution("Tanh"))
    wrong = with_tanh(script, solution("Tanh", ("return self.y", "return -self.y")))
    for text in (wrong, "", right[:900], wrong, right):
        script.write_text(text)
    shown = session.until("passed", WAITING)
    assert shown.rstrip().endswith("waiting for the next save.")
    session.forget()
    script.write_text(wrong)
    session.until("failed")


def test_a_file_that_does_not_parse_is_reported_until_it_does(session, script, solution):
    right = with_tanh(script, solution("Tanh"))
    script.write_text(right.replace("return self.y", "return (self.y"))
    session.until("does not parse", "Fix the cell")
    session.forget()
    script.write_text("")
    session.until("is empty")
    session.forget()
    script.write_text(right)
    session.until("passed")


def test_a_file_that_is_deleted_and_back(session, script, solution):
    text = with_tanh(script, solution("Tanh"))
    script.unlink()
    session.until("There is no layers.ipynb and no layers.py", "autograder start 02_layers")
    session.forget()
    script.write_text(text)
    session.until("passed")


def test_a_folder_that_is_made_anew(session, script, solution):
    text = with_tanh(script, solution("Tanh"))
    script.parent.rename(script.parents[2] / "aside")
    session.until("There is no layers.ipynb")
    session.forget()
    (script.parents[2] / "aside").rename(script.parent)
    script.write_text(text)
    session.until("passed")


def test_the_exercise_whose_text_changed_is_the_one_that_is_checked(session, write):
    write.right("Flatten")
    shown = session.until("passed", WAITING)
    assert "Flatten" in shown
    assert "Left to do: Tanh." in shown


def test_the_notebook_counts_once_it_is_saved_last(mine, watch, solution):
    session = watch("02_layers", terminal=False)
    session.until("still to be written")
    notebook = mine / "assignments/02_layers/layers.ipynb"
    content = json.loads(notebook.read_text())
    for cell in content["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "Tanh":
            cell["source"] = solution("Tanh")
    notebook.write_text(json.dumps(content))
    session.until("layers.ipynb", "passed")


def test_a_file_by_name_is_watched_wherever_it_lies(mine, watch, solution, tmp_path):
    text = (mine / "assignments/02_layers/layers.py").read_text()
    (tmp_path / "elsewhere").mkdir()
    copy = tmp_path / "elsewhere/layers.py"
    copy.write_text(text)
    session = watch(str(copy), terminal=False)
    session.until("still to be written")
    copy.write_text(re.sub(r"class Tanh\(.*?(?=\n\n\n)", lambda _: solution("Tanh"), text, count=1, flags=re.DOTALL))
    session.until("passed")


def test_what_was_seen_is_remembered(session, write, mine):
    write.right("Tanh")
    session.until("passed", WAITING)
    assert state.read(mine).checked["02_layers/Tanh"].result.status == "passed"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["99"], "There is no assignment '99'. Choose one of: 02_layers."),
        (["nowhere.py"], "There is no assignment 'nowhere'"),
        (["--key", "h"], "--key"),
    ],
)
def test_wrong_usage_is_one_sentence(autograder, mine, arguments, sentence):
    status, out, err = autograder("watch", *arguments)
    assert (status, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
