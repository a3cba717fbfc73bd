"""Every layout that teachers have is accepted as it is, and nothing in it is overlooked."""

import os

import pytest

from autograder.classroom.finding import find_hand_ins, submission_of
from autograder.course import catalogue
from autograder.course.catalogue import UsageError
from autograder.submission.filenames import assignment_of_file, assignment_of_folder, attempt, kind_of
from autograder.submission.walk import is_plain_folder
from tests.autograder.classroom.conftest import packed, to_look_at, write

KNOWN = ["01_foundations", "02_layers", "03_losses", "10_gans2"]

# --- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "02_layers", "Layers", "layers", "02-layers", "02_LAYERS", "02 layers", "02layers", "2_layers",
        "02_layers_late", "02_layers (1)", "layers-2", "HW2 layers", "Assignment 2 - Layers", "layers final",
        "02_Layers_submission",
    ],
)  # fmt: skip
def test_a_folder_means_the_assignment_that_it_is_named_after(name):
    assert assignment_of_folder(name, KNOWN) == "02_layers"


@pytest.mark.parametrize(
    "name", ["03_layers", "amy", "layers of doom", "layers-amy", "players", "02", "layers losses", ""]
)
def test_a_folder_of_another_name_means_none(name):
    assert assignment_of_folder(name, KNOWN) is None


def test_a_file_may_have_more_in_its_name():
    for name in ("layers.ipynb", "layers_amy.ipynb", "Amy 02-Layers.IPYNB", "layers.ipynb.json", "layers (1).py"):
        assert assignment_of_file(name, KNOWN) == "02_layers"
    for name in ("amy.ipynb", "players.py", "layers and losses.py"):
        assert assignment_of_file(name, KNOWN) is None


def test_a_module_that_ends_in_a_number_keeps_it():
    assert attempt("gans2.ipynb", "gans2") == ("gans2", ())
    assert attempt("gans2 (3).ipynb", "gans2") == ("gans2", (3,))
    assert assignment_of_file("gans2-1.ipynb", KNOWN) == "10_gans2"


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("code", ["a.ipynb", "a.IPYNB", "a.py", "a.ipynb.json", "a.ipynb.txt", "a.ipynb_", "a.py.txt", "a.ipynb (1)"]),
        ("perhaps", ["a.json", "a.txt"]),
        ("zip", ["a.zip", "a.ZIP", "a.ipynb.zip"]),
        ("archive", ["a.rar", "a.7z", "a.tar.gz", "a.tgz"]),
        ("document", ["a.pdf", "a.docx", "a.html"]),
        ("handed out", ["checks.py", "checks (1).py", "cases.npz", "hints.json", "answers.json", "timestamp.txt"]),
        ("system", ["._a.ipynb", ".DS_Store", "Thumbs.db", "desktop.ini"]),
        ("other", ["a.png", "a.csv", "layers.py.1.bak", "a"]),
    ],
)
def test_a_name_says_of_which_kind_a_file_is(kind, names):
    assert {name: kind_of(name) for name in names} == dict.fromkeys(names, kind)


# --- a student's folder ----------------------------------------------------------------------

ONE_FILE = [
    "02_layers/layers.ipynb", "02_layers/layers.ipynb.json", "02_layers/layers.ipynb.txt", "02_layers/layers.IPYNB",
    "02_layers/homework amara.ipynb", "02_layers/02_layers/layers.ipynb", "Layers/layers.ipynb", "02-layers/x.ipynb",
    "02_LAYERS/a.ipynb", "02_layers_late/layers.ipynb", "layers.ipynb", "layers_amara.ipynb", "final.ipynb",
    "repo/assignments/02_layers/layers.ipynb", "my work/for school/notebook.json",
]  # fmt: skip


@pytest.mark.parametrize("place", ONE_FILE)
@pytest.mark.parametrize("assignment", [None, "02_layers"])
def test_the_work_is_found_wherever_it_lies_in_a_students_folder(found, taken, notebook, place, assignment):
    everything = found({f"amara/{place}": notebook}, assignment)
    assert taken(everything) == {"amara": place.rpartition("/")[2]}
    assert everything.not_graded == []


IN_ZIPS = {
    "02_layers.zip": "layers.ipynb",
    "02_layers (1).zip": "02_layers/layers.ipynb",
    "layers.zip": "02_layers/layers.ipynb",
    "Layers/work.zip": "layers.ipynb",
    "amara.zip": "02_layers\\layers.ipynb",
    "hand-in.zip": "final.ipynb",
    "all of it.zip": "amara/02_layers/02_layers/layers.ipynb",
}


@pytest.mark.parametrize("place", IN_ZIPS)
@pytest.mark.parametrize("assignment", [None, "02_layers"])
def test_the_work_is_found_in_a_zip_of_any_name(found, taken, notebook, place, assignment):
    inside = {IN_ZIPS[place]: notebook, "__MACOSX/02_layers/._layers.ipynb": b"\0\5", "02_layers/.DS_Store": b"x"}
    everything = found({f"amara/{place}": inside}, assignment)
    assert taken(everything) == {"amara": IN_ZIPS[place].replace("\\", "/").rpartition("/")[2]}
    assert to_look_at(everything) == []


def test_a_solved_notebook_of_another_name_counts_beside_what_was_handed_out(found, taken, notebook, stub):
    files = {
        "amy/02_layers/layers.ipynb": stub,
        "amy/02_layers/layers_amy.ipynb": notebook,
        "bo/02_layers/layers.ipynb": stub,
        "bo/02_layers/layers (1).ipynb": notebook,
        "cleo/02_layers/layers_cleo.ipynb": notebook,
        "cleo/02_layers/checks.py": "# the course's own",
        "cleo/02_layers/._layers.ipynb": "x",
        "cleo/02_layers/.ipynb_checkpoints/layers-checkpoint.ipynb": stub,
        "cleo/__MACOSX/02_layers/layers.ipynb": stub,
    }
    everything = found(files)
    assert taken(everything) == {"amy": "layers_amy.ipynb", "bo": "layers (1).ipynb", "cleo": "layers_cleo.ipynb"}
    assert sorted((one.path, one.kind) for one in everything.not_graded) == [
        ("cleo/02_layers/._layers.ipynb", "system"),
        ("cleo/02_layers/.ipynb_checkpoints", "system"),
        ("cleo/02_layers/checks.py", "handed out"),
        ("cleo/__MACOSX", "system"),
    ]


@pytest.mark.parametrize("place", ["__MACOSX", ".git", ".ipynb_checkpoints"])
def test_folders_of_programs_are_no_students(found, taken, notebook, place):
    everything = found({f"{place}/02_layers/layers.ipynb": notebook, "amy/02_layers/layers.ipynb": notebook})
    assert taken(everything) == {"amy": "layers.ipynb"}
    assert [(one.path, one.kind) for one in everything.not_graded] == [(place, "system")]


@pytest.mark.parametrize("assignment", [None, "02_layers"])
def test_what_cannot_be_graded_is_listed_with_its_reason(found, taken, notebook, assignment):
    files = {
        "amy/02_layers/layers.ipynb": notebook,
        "amy/02_layers/plot.png": b"x",
        "amy/notes.py": "x = 1",
        "bo/02_layers/layers.rar": b"x",
        "cy/02_layers/layers.pdf": b"x",
        "di/layers.docx": b"x",
    }
    everything = found(files, assignment)
    kinds = {"amy/02_layers/plot.png": "other"}
    if assignment is None:  # otherwise the assignment decides
        kinds["amy/notes.py"] = "other"
    assert {one.path: one.kind for one in everything.not_graded} == kinds
    assert taken(everything) == {
        "amy": "layers.ipynb",
        "bo": "layers.rar is an archive of an unsupported kind. Hand in the notebook itself, or a zip file.",
        "cy": "layers.pdf is neither a notebook nor a Python file. Hand in the notebook.",
        "di": "layers.docx is neither a notebook nor a Python file. Hand in the notebook.",
    }


def test_an_archive_beside_the_work_is_to_be_looked_at(found, taken, notebook):
    files = {"amy/02_layers/layers.ipynb": notebook, "amy/02_layers/layers.rar": b"x", "amy/02_layers/layers.pdf": b"x"}
    everything = found(files)
    assert taken(everything) == {"amy": "layers.ipynb"}
    assert to_look_at(everything) == ["amy/02_layers/layers.pdf", "amy/02_layers/layers.rar"]


def test_a_script_without_an_exercise_is_somebodys_hand_in_where_there_is_no_other(found, notebook):
    everything = found({"amy/notes.py": "x = 1", "bo/02_layers/layers.ipynb": notebook})
    assert to_look_at(everything) == ["amy/notes.py"]
    assert everything.not_graded[0].reason == "defines none of the exercises of the course's assignments."


def test_scripts_of_a_whole_repository_are_no_rivals_of_the_work(found, taken, notebook, right, tmp_path):
    files = {
        "amy/assignments/02_layers/layers.ipynb": notebook,
        "amy/tests/test_tanh.py": right.replace("1 - ", "2 - "),
        "amy/.git/config": "x",
        "amy/README.md": "x",
    }
    everything = found(files)
    os.utime(tmp_path / "in/amy/tests/test_tanh.py", (4e9, 4e9))
    assert taken(everything) == {"amy": "layers.ipynb"}
    assert to_look_at(everything) == []


def test_a_link_is_never_followed_and_always_listed(found, taken, notebook, tmp_path):
    write(
        tmp_path, {"in/amy/02_layers/layers.ipynb": notebook, "in/bo/x.txt": "x", "in/cy/work/layers.ipynb": notebook}
    )
    (tmp_path / "in/bo/02_layers").symlink_to("../amy/02_layers")
    (tmp_path / "in/cy/02_layers").symlink_to("work")
    everything = found({})
    sentences = taken(everything)
    assert sentences["bo"] == "02_layers is a link to another place. Hand in the folder itself, with the file in it."
    assert (sentences["amy"], sentences["cy"]) == ("layers.ipynb", "layers.ipynb")


def test_of_very_many_files_some_are_looked_at_and_all_are_listed(found, small_course, right):
    files = {f"amy/02_layers/copy{n:02}.py": right + f"\nx = {n}" for n in range(60)}
    everything = found({**files, "amy/02_layers/layers.py": right})
    (entry,) = everything.entries
    submission = submission_of(entry, catalogue.load("02_layers", small_course))
    assert submission.file == "layers.py"
    unseen = [one for one in submission.set_aside if "was not read: more than 40 files" in one.reason]
    assert (len(submission.set_aside), len(unseen)) == (60, 21)
    assert {one.kind for one in unseen} == {"hand-in"}


# --- layouts of platforms --------------------------------------------------------------------


def canvas(notebook, stub):
    return {
        "lovelaceada_12345_678901_layers.ipynb": stub,
        "lovelaceada_12345_678955_layers-1.ipynb": notebook,
        "hopper_LATE_777_678911_02_layers.zip": {"layers.ipynb": notebook},
        "noether_888_678912_final work.ipynb": notebook,
        "gauss_999_text.html": "<p>my answer</p>",
    }


def test_a_download_of_canvas_is_read_as_it_is(found, taken, notebook, stub):
    everything = found(canvas(notebook, stub), "02_layers")
    assert taken(everything) == {
        "12345": "layers-1.ipynb",
        "777": "layers.ipynb",
        "888": "final work.ipynb",
        "999": "gauss_999_text.html is neither a notebook nor a Python file. Hand in the notebook.",
    }
    assert everything.names == {"12345": "lovelaceada", "777": "hopper", "888": "noether", "999": "gauss"}
    assert to_look_at(everything) == []


def test_of_two_attempts_in_canvas_the_later_attachment_counts(found, small_course, notebook, right):
    files = {
        "lovelaceada_12345_678901_layers.ipynb": notebook.replace("1 - ", "2 - "),
        "lovelaceada_12345_678955_layers.ipynb": notebook,
        "hopper_777_9_layers-1.py": right.replace("1 - ", "2 - "),
        "hopper_777_8_layers-2.py": right,
    }
    loaded = catalogue.load("02_layers", small_course)
    read = {entry.student: submission_of(entry, loaded).extraction.text for entry in found(files).entries}
    assert read == {"12345": notebook, "777": right}


def moodle(notebook):
    return {
        "Zoë Müller_302_assignsubmission_file_/layers.ipynb": notebook,
        "Ada Lovelace_303_assignsubmission_file_/02_layers.zip": {"02_layers/layers.ipynb": notebook},
        "Ada Lovelace_303_assignsubmission_onlinetext_/onlinetext.html": "<p>Here it is.</p>",
    }


def test_folders_of_moodle_are_read_as_they_are(found, taken, notebook):
    everything = found(moodle(notebook), "02_layers")
    assert taken(everything) == {
        "Ada Lovelace_303_assignsubmission_file_": "layers.ipynb",
        "Zoë Müller_302_assignsubmission_file_": "layers.ipynb",
    }
    assert sorted(everything.names.values()) == ["Ada Lovelace", "Zoë Müller"]
    assert to_look_at(everything) == []


def test_files_of_moodle_without_folders_are_read_as_they_are(found, taken, notebook):
    everything = found({name.replace("_/", "_"): content for name, content in moodle(notebook).items()}, "02_layers")
    assert sorted(taken(everything).values()) == ["layers.ipynb", "layers.ipynb"]


METADATA = """\
---
submission_11:
  :submitters:
  - :name: Ada Lovelace
    :sid: '0123'
    :email: ada@example.org
  - :name: "Zo\\xEB O'Neil: the 2nd"
    :email: zoe@example.org
  :created_at: 2026-03-01 10:00:00.000000000 Z
  :results:
    :output: |
      :submitters:
      - :name: Mallory
        :sid: '666'
  :history:
  - :id: 5
submission_12:
  :submitters:
  - :name: Grace Hopper
    :sid:
    :email:
  :score: 3.0
"""


def test_an_export_of_gradescope_is_read_as_it_is(found, taken, notebook, right):
    files = {
        "submission_metadata.yml": METADATA,
        "submission_11/layers.ipynb": notebook,
        "submission_12/02_layers/layers.py": right,
        "submission_13/layers.py": right,
    }
    everything = found(files)
    assert taken(everything) == {
        "0123": "layers.ipynb",
        "zoe@example.org": "layers.ipynb",
        "Grace Hopper": "layers.py",
        "submission_13": "layers.py",
    }
    assert everything.names == {"0123": "Ada Lovelace", "zoe@example.org": "Zoë O'Neil: the 2nd"}
    assert everything.not_graded == []


@pytest.mark.parametrize(
    "data", [b"\xff\0" * 40, b"", b"- a\n- b\n", b"submission_11:\n  :submitters:\n  - :sid: ../x\n"]
)
def test_metadata_of_no_sense_leaves_the_folders_as_students(found, taken, notebook, data):
    everything = found({"submission_metadata.yml": data, "submission_11/layers.ipynb": notebook})
    assert taken(everything) == {"submission_11": "layers.ipynb"}


def test_folders_sorted_by_assignment_are_read_as_they_are(found, taken, notebook):
    files = {
        "02_layers/amy/layers.ipynb": notebook,
        "02_layers/bo/homework.ipynb": notebook,
        "02_layers/cy/02_layers.zip": {"layers.ipynb": notebook},
        "notes.txt": "x",
    }
    everything = found(files)
    assert taken(everything) == {"amy": "layers.ipynb", "bo": "homework.ipynb", "cy": "layers.ipynb"}
    assert {entry.assignment for entry in everything.entries} == {"02_layers"}
    assert [(one.path, one.kind) for one in everything.not_graded] == [("notes.txt", "other")]


def test_a_download_of_a_platform_may_lie_in_a_folder_of_its_assignment(found, taken, notebook, stub):
    everything = found({f"Layers/{name}": content for name, content in canvas(notebook, stub).items()})
    assert taken(everything)["12345"] == "layers-1.ipynb"
    assert set(everything.names) == {"12345", "777", "888", "999"}


def test_single_files_are_students_by_their_names(found, taken, notebook, right):
    files = {"amy.zip": {"02_layers/layers.ipynb": notebook}, "bo.py": right, "cy/layers.py": right, "layers.py": right,
             "02_layers.zip": {"layers.py": right}, "class.csv": "id,name"}  # fmt: skip
    everything = found(files)
    assert taken(everything) == {"amy": "layers.ipynb", "bo": "bo.py", "cy": "layers.py"}
    assert to_look_at(everything) == ["02_layers.zip", "layers.py"]
    assert everything.not_graded[0].reason.startswith("lies in no student's folder")


def test_the_folder_of_one_student_is_that_student(found, taken, notebook):
    everything = found({"02_layers/layers.ipynb": notebook})
    assert taken(everything) == {"in": "layers.ipynb"}


def test_what_a_run_wrote_and_the_run_itself_are_no_students(found, taken, notebook, tmp_path):
    files = {
        "amy/02_layers/layers.ipynb": notebook,
        "graded/reports/amy/02_layers.json": "{}",
        "old/run.json": "{}",
        "old/reports/amy/02_layers.json": "{}",
    }
    everything = found(files, "02_layers", without=[tmp_path / "in/graded"])
    assert taken(everything) == {"amy": "layers.ipynb"}
    assert [(one.path, one.reason) for one in everything.not_graded] == [("old", "was written by autograder grade.")]


def test_hand_ins_of_other_assignments_are_counted(own_course, tmp_path, notebook):
    import shutil

    shutil.copytree(own_course / "solutions/02_layers", own_course / "solutions/03_more")
    (own_course / "solutions/03_more/layers.py").rename(own_course / "solutions/03_more/more.py")
    write(tmp_path / "in", {"amy/03_more/more.ipynb": notebook, "bo/02_layers/layers.ipynb": notebook})
    found = find_hand_ins(tmp_path / "in", own_course, "02_layers")
    assert [(entry.student, len(entry.files)) for entry in found.entries] == [("amy", 0), ("bo", 1)]
    (one,) = found.not_graded
    assert (one.path, one.kind) == ("03_more", "other")
    assert one.reason == "1 hand-in is of 03_more, and this run grades only 02_layers."


def test_a_folder_in_which_nothing_is_recognised_says_what_was_seen(found):
    with pytest.raises(
        UsageError, match=r"Seen and not recognised: a.ipynb \(lies in no|Seen and not recognised: amy/x.rar"
    ):
        found({"amy/x.rar": b"x"})


def test_no_sentence_and_no_path_breaks_the_record(found, notebook):
    name = os.fsdecode(b"jos\xe9")
    try:
        everything = found({f"{name}/02_layers/layers.ipynb": notebook, f"{name}/x.pdf": b"x"})
    except (OSError, UnicodeError):
        pytest.skip("this file system takes text alone")
    for one in everything.not_graded:
        f"{one.path}{one.student}{one.reason}".encode()


def test_zips_in_a_download_of_a_class_are_opened_as_hand_ins(small_course, tmp_path, taken, notebook):
    from autograder.submission.archive import unpack

    for wrapped in ("", "submissions/"):
        path = tmp_path / f"class{len(wrapped)}.zip"
        path.write_bytes(packed({f"{wrapped}amy/02_layers/layers.ipynb": notebook,
                                 f"{wrapped}bo/02_layers.zip": packed({"layers.ipynb": notebook})}))  # fmt: skip
        place = tmp_path / f"place{len(wrapped)}"
        assert unpack(path, place) == []
        found = find_hand_ins(place, small_course, packed=True)
        assert taken(found) == {"amy": "layers.ipynb", "bo": "layers.ipynb"}


def test_a_folder_is_plain_unless_it_is_a_link_a_file_or_gone(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "file").touch()
    assert [is_plain_folder(tmp_path / name) for name in ("folder", "link", "file", "gone")] == [
        True,
        False,
        False,
        False,
    ]
