"""What a learner's commands write stays in the learner's folder."""

import pytest

from autograder.learner import state
from autograder.learner.originals import start
from autograder.report import Status
from autograder.writing import LinkedPathError


@pytest.fixture
def victim(tmp_path):
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "state.json").write_text("theirs")
    return folder


def exchange(folder, victim):
    """Put a link to the victim in the place of a folder."""
    folder.rename(folder.with_name("really"))
    folder.symlink_to(victim)


@pytest.mark.parametrize(
    "command", [["check", "Tanh"], ["hint", "Tanh"], ["progress", "--check"]], ids=lambda command: command[0]
)
def test_verdicts_are_not_remembered_through_a_link(autograder, mine, victim, command):
    exchange(mine / ".autograder", victim)
    status, _, err = autograder(*command)
    assert status == 2
    assert err == f"autograder: {LinkedPathError(str(mine / '.autograder'))}\n"
    assert (victim / "state.json").read_text() == "theirs"
    assert len(list(victim.iterdir())) == 1


def test_watch_ends_with_the_sentence_where_its_memory_is_a_link(mine, victim, loaded):
    exchange(mine / ".autograder", victim)
    with pytest.raises(LinkedPathError):
        state.change(mine, lambda _: None)
    assert (victim / "state.json").read_text() == "theirs"


def test_an_assignment_is_not_reset_through_a_link(autograder, mine, victim, write):
    write.right("Tanh")
    folder = mine / "assignments/02_layers"
    (victim / "layers.py").write_text((folder / "layers.py").read_text())
    (folder / "layers.py").unlink()
    (folder / "layers.py").symlink_to(victim / "layers.py")
    before = (victim / "layers.py").read_bytes()
    status, _, err = autograder("reset", "Tanh", "--yes")
    assert status == 2
    assert "layers.py is a symbolic link" in err
    assert (victim / "layers.py").read_bytes() == before
    assert not list(folder.glob("*.bak"))


def test_a_hand_in_is_not_packed_through_a_link(autograder, mine, victim):
    (mine / "02_layers.zip").symlink_to(victim / "state.json")
    status, _, err = autograder("submit", "--yes")
    assert status == 2
    assert "02_layers.zip is a symbolic link" in err
    assert (victim / "state.json").read_text() == "theirs"


@pytest.mark.parametrize("name", [".autograder", "assignments"])
def test_an_assignment_is_not_started_through_a_link(tmp_path, handed_out, victim, name):
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / name).symlink_to(victim)
    with pytest.raises(LinkedPathError):
        start("02_layers", folder, handed_out)
    assert [path.name for path in victim.iterdir()] == ["state.json"]
    assert [path.name for path in folder.iterdir()] == [name]


def test_a_learners_folder_may_itself_be_reached_by_a_link(autograder, mine, tmp_path, monkeypatch, write):
    (tmp_path / "shortcut").symlink_to(mine)
    monkeypatch.chdir(tmp_path / "shortcut")
    write.right("Tanh")
    assert autograder("check", "Tanh")[0] == 0
    assert state.read(mine).checked["02_layers/Tanh"].result.status is Status.PASSED
