import pytest

from autograder.classroom.class_list import read_class_list
from autograder.course.catalogue import UsageError


@pytest.fixture
def listed(tmp_path):
    """Read a table from its text or bytes."""

    def read(content, encoding="utf-8"):
        path = tmp_path / "class.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return read_class_list(path)

    return read


TABLES = {
    "plain": "id,name\n12,Ada Lovelace\n13,Zoë Müller\n",
    "canvas": 'Student,ID,SIS Login ID\n"    Points Possible",,\n"Lovelace, Ada",12,ada\n"Müller, Zoë",13,zoe\n'
    '"Student, Test",99,\n',
    "moodle": "Identifier,Full name,Email address\nParticipant 12,Ada Lovelace,ada@x.org\nParticipant 13,Zoë Müller,\n",
    "two columns of names": "First name;Last name;ID number\nAda;Lovelace;12\nZoë;Müller;13\n",
    "tabs": "Student ID\tDisplay Name\n12\tAda Lovelace\n13\tZoë Müller\n",
    "an id alone": "name\n12\n13\n",
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_table_of_any_platform_names_students(listed, table, encoding):
    found = listed(TABLES[table], encoding).match(["13", "14"], {})
    assert found.strangers == ["14"]
    assert found.absent == ["12"]
    if table != "an id alone":
        assert found.names["13"] in ("Zoë Müller", "Müller, Zoë")


def test_students_are_found_by_every_id_and_by_name(listed):
    those = listed('ID,SIS Login ID,Email,Student\n12,ada,ada@x.org,"Lovelace, Ada"\n13,zoe,zoe@x.org,Zoë Müller\n')
    students = ["ADA", "Zoe\u0308 Müller_13_assignsubmission_file_"]
    found = those.match(students, {})
    assert (found.absent, found.strangers) == ([], [])
    assert those.match(["x"], {"x": "ada lovelace"}).strangers == []
    assert those.match(["zoe@x.org"], {}).absent == ["ada@x.org"]  # as the others are called
    assert those.match(["zoe"], {}).absent == ["ada"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty. Name a CSV file with a column of ids and one of names."),
        (b"colour,size\nred,3\n", "has no column of ids among colour, size. Name one column 'id', and one 'name'."),
        (b"PK\x03\x04\0\0", "is not a CSV file. Save the table as CSV"),
        (b"id,name\n../x,A\n", "row 2: '../x' cannot be an id: reports are stored in a folder of that name."),
        (b"id,name\n1,A\n2,B\n1,C\n", "the id '1' occurs in rows 2 and 4. Keep one."),
    ],
)
def test_a_table_that_is_none_is_refused_in_one_sentence(listed, content, sentence):
    with pytest.raises(UsageError) as error:
        listed(content)
    assert sentence in str(error.value)


def test_a_missing_table_is_reported(tmp_path):
    with pytest.raises(UsageError, match=r"class.csv cannot be read \(No such file or directory\). Name a CSV file"):
        read_class_list(tmp_path / "class.csv")
