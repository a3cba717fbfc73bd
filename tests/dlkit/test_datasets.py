import calendar
import gzip
import itertools
import re
import struct
import subprocess
import sys
import zlib
from datetime import date, datetime

import numpy as np
import pytest

from dlkit import datasets
from dlkit.datasets import DatasetError, Split, read_idx
from dlkit.datasets import text as text_module

MANUAL = 1_974_315_284
"""CRC of the manual, by which bounds of capstones were measured."""


def test_every_public_name_exists():
    assert all(hasattr(datasets, name) for name in datasets.__all__)


def test_importing_the_data_sets_loads_no_large_library():
    code = "import sys, dlkit.datasets; print(*{'sklearn', 'scipy', 'matplotlib', 'rich'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


def test_iris_has_three_classes_of_fifty():
    x, y = datasets.iris()
    assert (x.shape, x.dtype, y.dtype) == ((150, 4), np.float64, np.int64)
    np.testing.assert_array_equal([50, 50, 50], np.bincount(y))
    np.testing.assert_array_equal([5.1, 3.5, 1.4, 0.2], x[0])


def check_split(split, shapes, dtype):
    assert (split.x_train.shape, split.x_test.shape) == shapes
    assert split.x_train.dtype == split.x_test.dtype == dtype
    assert split.y_train.dtype == split.y_test.dtype == np.int64
    assert len(split.x_train) == len(split.y_train)
    assert len(split.x_test) == len(split.y_test)
    assert split.x_train.min() == 0
    assert split.x_train.max() == 1
    assert set(split.y_train) == set(split.y_test) == set(range(10))


def test_digits_are_split_the_same_way_every_time():
    one, other = datasets.digits(), datasets.digits()
    check_split(one, ((1438, 64), (359, 64)), np.float64)
    np.testing.assert_array_equal(one.x_test, other.x_test)


def test_digits_are_split_by_a_generator_without_loss(rng):
    fixed, drawn = datasets.digits(), datasets.digits(rng)
    check_split(drawn, ((1438, 64), (359, 64)), np.float64)
    assert not np.array_equal(fixed.y_test, drawn.y_test)
    rows = [np.concatenate([s.x_train, s.x_test]) for s in (fixed, drawn)]
    np.testing.assert_array_equal(*(r[np.lexsort(r.T)] for r in rows))


def test_a_split_keeps_rows_together_and_loses_none(rng):
    x = np.arange(10)
    parts = datasets.split(x[:, None], x, test=3, rng=rng)
    np.testing.assert_array_equal(parts.x_train[:, 0], parts.y_train)
    np.testing.assert_array_equal(parts.x_test[:, 0], parts.y_test)
    assert sorted([*parts.y_train, *parts.y_test]) == list(range(10))
    assert len(parts.y_test) == 3


@pytest.mark.parametrize(("y", "test"), [(np.zeros(3), 1), (np.zeros(4), 5), (np.zeros(4), -1)])
def test_a_split_that_cannot_be_is_refused(rng, y, test):
    with pytest.raises(ValueError, match="4"):
        datasets.split(np.zeros(4), y, test=test, rng=rng)


def test_the_embedded_mnist_has_twelve_thousand_digits():
    split = datasets.mnist()
    check_split(split, ((10000, 28, 28), (2000, 28, 28)), np.float32)
    np.testing.assert_array_equal([5, 0, 4, 1, 9], split.y_train[:5])
    np.testing.assert_array_equal([7, 2, 1, 0, 4], split.y_test[:5])
    assert 0.12 < split.x_train.mean() < 0.14


def idx(array, code=0x08):
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path, rng):
    for part, n in (("train", 6), ("t10k", 4)):
        pixels = rng.integers(0, 256, (n, 3, 2), dtype=np.uint8)
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(pixels))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(n, dtype=np.uint8)))
    return tmp_path


def test_the_full_mnist_is_read_from_a_folder(folder):
    split = datasets.mnist_full(folder)
    assert isinstance(split, Split)
    assert (split.x_train.shape, split.x_test.shape) == ((6, 3, 2), (4, 3, 2))
    assert split.x_train.dtype == np.float32
    assert split.y_train.dtype == np.int64
    raw = np.frombuffer((folder / "train-images-idx3-ubyte").read_bytes()[16:], np.uint8).reshape(6, 3, 2)
    np.testing.assert_allclose(raw / 255, split.x_train, rtol=1e-6)


def test_packed_and_dotted_names_are_read_as_well(folder):
    expected = datasets.mnist_full(folder)
    for path in list(folder.iterdir()):
        (folder / f"{path.name.replace('-idx', '.idx')}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    np.testing.assert_array_equal(expected.x_test, datasets.mnist_full(str(folder)).x_test)


def test_the_environment_names_the_folder(folder, monkeypatch):
    monkeypatch.setenv("DLKIT_MNIST", str(folder))
    assert len(datasets.mnist_full().x_train) == 6


def test_a_folder_nobody_named_is_asked_for(monkeypatch):
    monkeypatch.delenv("DLKIT_MNIST", raising=False)
    with pytest.raises(DatasetError, match="pass its folder, or set DLKIT_MNIST"):
        datasets.mnist_full()


def test_a_missing_folder_or_file_is_named(folder):
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        datasets.mnist_full(folder / "nowhere")
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DatasetError, match="t10k-labels-idx1-ubyte does not exist"):
        datasets.mnist_full(folder)


def test_images_and_labels_that_do_not_fit_are_refused(folder):
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(5, np.uint8)))
    with pytest.raises(DatasetError, match=r"6 images .* 5 labels"):
        datasets.mnist_full(folder)


def test_images_in_place_of_labels_are_refused(folder):
    (folder / "train-labels-idx1-ubyte").write_bytes((folder / "train-images-idx3-ubyte").read_bytes())
    with pytest.raises(DatasetError, match="3 dimensions; expected 1"):
        datasets.mnist_full(folder)


def test_pixels_that_are_no_bytes_are_refused(folder):
    (folder / "train-images-idx3-ubyte").write_bytes(idx(np.zeros((6, 3, 2), ">i4"), 0x0C))
    with pytest.raises(DatasetError, match="int32; expected bytes"):
        datasets.mnist_full(folder)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda data: data[:0], "not an IDX file.*nothing"),
        (lambda data: data[:3], "not an IDX file"),
        (lambda data: b"\1" + data[1:], "not an IDX file.*01 00 08 02"),
        (lambda data: data[:2] + b"\x07" + data[3:], "not an IDX file"),
        (lambda data: data[:3] + b"\0" + data[4:], "not an IDX file"),
        (lambda data: data[:9], "ends within its header"),
        (lambda data: data[:-1], "truncated: 5 of 6 bytes"),
        (lambda data: data + b"\0", "extra bytes"),
        (lambda data: data[:4] + b"\xff" * 8 + data[12:], "more than any MNIST"),
    ],
)
def test_a_damaged_file_is_refused_in_a_sentence_that_names_it(tmp_path, damage, sentence, packed):
    path = tmp_path / "some-file"
    data = damage(idx(np.zeros((2, 3), np.uint8)))
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(DatasetError, match=f"some-file .*{sentence}") as caught:
        read_idx(path)
    assert "download it again" in str(caught.value)


@pytest.mark.parametrize("cut", [5, 25, -1])
def test_a_gzip_file_cut_short_is_refused(tmp_path, cut):
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(idx(np.arange(200, dtype=np.uint8)))[:cut])
    with pytest.raises(DatasetError, match=r"cut\.gz is a damaged gzip file"):
        read_idx(path)


def test_a_gzip_file_with_wrong_bytes_inside_is_refused(tmp_path, rng):
    data = bytearray(gzip.compress(idx(rng.integers(0, 256, 500, dtype=np.uint8))))
    data[200] ^= 0xFF
    data[-6] ^= 0xFF
    (tmp_path / "bad.gz").write_bytes(bytes(data))
    with pytest.raises(DatasetError, match=r"bad\.gz"):
        read_idx(tmp_path / "bad.gz")


def test_a_folder_and_a_missing_file_are_no_idx_files(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        read_idx(tmp_path)
    with pytest.raises(DatasetError, match="does not exist"):
        read_idx(tmp_path / "missing")


@pytest.mark.parametrize(("code", "dtype"), [(9, ">i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")])
def test_other_number_types_come_out_in_native_order(tmp_path, code, dtype):
    array = np.arange(-3, 3).reshape(2, 3).astype(dtype)
    (tmp_path / "x").write_bytes(idx(array, code))
    found = read_idx(tmp_path / "x", dimensions=2)
    assert found.dtype.isnative
    assert found.flags.writeable
    np.testing.assert_array_equal(array, found)


def test_spirals_interleave_without_touching(rng):
    x, y = datasets.spirals(100, 3, noise=0, rng=rng)
    assert (x.shape, x.dtype, y.dtype) == ((300, 2), np.float64, np.int64)
    np.testing.assert_array_equal([100, 100, 100], np.bincount(y))
    radius = np.hypot(*x.T)
    assert radius.min() == pytest.approx(0.1)
    assert radius.max() == pytest.approx(1)
    apart = np.hypot(*(x[:, None] - x[None]).transpose(2, 0, 1))
    assert apart[y[:, None] != y[None]].min() > 0.1


def test_spirals_follow_their_seed_and_noise():
    first, second, third = (datasets.spirals(500, rng=np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, third)
    clean = datasets.spirals(500, noise=0, rng=np.random.default_rng(0))[0]
    assert (first - clean).std() == pytest.approx(0.03, rel=0.1)


@pytest.mark.parametrize(
    "bad", [{"n_per_class": 0}, {"n_per_class": 1, "n_classes": 0}, {"n_per_class": 1, "noise": -1}]
)
def test_spirals_that_cannot_be_are_refused(rng, bad):
    with pytest.raises(ValueError, match="spirals needs"):
        datasets.spirals(rng=rng, **bad)


def test_the_manual_is_the_same_for_every_version_of_python():
    text = datasets.python_manual()
    assert (len(text), zlib.crc32(text.encode())) == (465_047, MANUAL)
    assert len(datasets.python_manual(repeated=False)) == 373_344


def test_the_manual_consists_of_topics():
    topics = datasets.python_topics()
    assert len(topics) == 79
    assert list(topics) == sorted(topics)
    assert topics["assert"].startswith('The "assert" statement')
    assert datasets.python_manual() == "\n\n".join(topics.values())


def test_a_manual_that_was_lost_is_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(text_module.resources, "files", lambda _: tmp_path)
    with pytest.raises(datasets.DatasetError, match="install dlkit-course again"):
        datasets.python_topics()


def test_words_are_numbered_by_name_and_know_their_paragraph():
    vocabulary, codes, paragraphs = datasets.words("The cat's __init__.\n\n42\n\nthe END", rarest=1)
    assert vocabulary == ["__init__", "cat", "end", "s", "the"]
    assert codes.tolist() == [4, 1, 3, 0, 4, 2]
    assert paragraphs.tolist() == [0, 0, 0, 0, 2, 2]
    assert codes.dtype == paragraphs.dtype == np.int64


def test_rare_words_are_left_out():
    vocabulary, codes, paragraphs = datasets.words("a b a\n\nb c", rarest=2)
    assert (vocabulary, codes.tolist(), paragraphs.tolist()) == (["a", "b"], [0, 1, 0, 1], [0, 0, 0, 1])
    vocabulary, codes, paragraphs = datasets.words("a b", rarest=2)
    assert (vocabulary, codes.shape, paragraphs.shape) == ([], (0,), (0,))


def test_characters_can_be_read_back():
    vocabulary, codes = datasets.characters("banana ¾ 🙂")
    assert vocabulary == " abn¾🙂"
    assert codes.dtype == np.int64
    assert "".join(vocabulary[code] for code in codes) == "banana ¾ 🙂"


def test_the_manual_has_a_small_vocabulary():
    vocabulary, codes = datasets.characters(datasets.python_manual())
    assert 90 < len(vocabulary) < 200
    assert codes.max() == len(vocabulary) - 1


def test_the_manual_without_repetitions_holds_every_paragraph_once():
    text = datasets.python_manual()
    once = datasets.python_manual(repeated=False).split("\n\n")
    assert len(once) == len(set(once))
    assert set(once) == set(text.split("\n\n"))
    assert len(once) < len(text.split("\n\n"))


def test_rare_characters_become_one():
    text = "banana ¾ 🙂"
    vocabulary, codes = datasets.characters(text, rarest=2)
    assert vocabulary == " an\ufffd"
    assert codes.dtype == np.int64
    assert "".join(vocabulary[code] for code in codes) == "\ufffdanana \ufffd \ufffd"
    assert datasets.characters("aabb", rarest=2)[0] == "ab"
    assert datasets.characters("aabb", rarest=3)[0] == "\ufffd"


def test_words_of_a_made_up_sentence_agree(rng):
    text = datasets.made_up_text(20_000, rng=rng)
    assert len(text) == 20_000
    sentences = text.split(".")[:-1]
    for sentence in sentences:
        words = re.findall(r"([a-l]{6,7})-([1-8])", sentence)
        assert "".join(f"{letters}-{ending}" for letters, ending in words) == sentence
        assert len({ending for _, ending in words}) == 1
        assert 4 <= len(words) <= 6
    assert {sentence[-1] for sentence in sentences} == set("12345678")
    assert {len(sentence.split("-")[0]) for sentence in sentences} == {6, 7}


def test_every_made_up_text_is_in_another_language(rng):
    def shares():
        text = datasets.made_up_text(20_000, rng=rng)
        return np.array([text.count(one + other) for one, other in itertools.permutations("abcdefghijkl", 2)]) / 20_000

    assert abs(shares() - shares()).sum() > 0.3


@pytest.mark.parametrize("length", [0, 1, 9])
def test_a_made_up_text_has_any_length(rng, length):
    assert len(datasets.made_up_text(length, rng=rng)) == length


def test_a_made_up_text_has_no_negative_length(rng):
    with pytest.raises(ValueError, match="length is -1"):
        datasets.made_up_text(-1, rng=rng)


def test_an_empty_text_has_no_characters():
    with pytest.raises(ValueError, match="empty"):
        datasets.characters("")


@pytest.mark.parametrize("length", [2, 3, 50])
def test_the_adding_problem_marks_one_number_in_each_half(rng, length):
    x, y = datasets.adding_problem(200, length, rng=rng)
    assert (x.shape, y.shape, x.dtype, y.dtype) == ((200, length, 2), (200, 1), np.float64, np.float64)
    marks = x[:, :, 1]
    assert set(np.unique(marks)) <= {0, 1}
    np.testing.assert_array_equal(np.ones(200), marks[:, : length // 2].sum(axis=1))
    np.testing.assert_array_equal(np.ones(200), marks[:, length // 2 :].sum(axis=1))
    np.testing.assert_allclose((x[:, :, 0] * marks).sum(axis=1), y[:, 0], rtol=1e-15)


def test_answering_one_costs_a_sixth_in_the_adding_problem(rng):
    _, y = datasets.adding_problem(40_000, 4, rng=rng)
    assert ((y - 1) ** 2).mean() == pytest.approx(1 / 6, rel=0.03)


def test_dates_are_the_same_day_in_both_notations(rng):
    people, iso = datasets.date_pairs(300, rng=rng)
    for left, right in zip(people, iso, strict=True):
        day, month, year = left.split()
        assert date(int(year), list(calendar.month_name).index(month), int(day)) == date.fromisoformat(right)
    assert len(set(iso)) > 250
    assert {len(text) for text in iso} == {10}
    assert all(10 <= len(text) <= 17 for text in people)


def test_dates_keep_to_their_years(rng):
    _, iso = datasets.date_pairs(500, first_year=1997, last_year=1997, rng=rng)
    assert {text[:4] for text in iso} == {"1997"}


FORMATS = {
    r"\d{1,2} [A-Z][a-z]+ \d{4}": "%d %B %Y",
    r"[A-Z][a-z]+ \d{1,2}, \d{4}": "%B %d, %Y",
    r"\d{1,2}-[A-Z][a-z]{2}-\d\d": "%d-%b-%y",
    r"\d\d/\d\d/\d{4}": "%m/%d/%Y",
    r"\d{1,2}/\d{1,2}/\d\d": "%m/%d/%y",
    r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d{1,2} \d{4}": "%a %b %d %Y",
}
"""By a pattern, how Python reads each of the six formats."""


def test_written_dates_have_six_formats_and_are_the_same_day_in_both_notations(rng):
    people, iso = datasets.written_dates(3000, rng=rng)
    counts = dict.fromkeys(FORMATS, 0)
    for left, right in zip(people, iso, strict=True):
        (pattern,) = (pattern for pattern in FORMATS if re.fullmatch(pattern, left))
        counts[pattern] += 1
        read = datetime.strptime(left, FORMATS[pattern])  # noqa: DTZ007 - a day has no time zone
        year = read.year - 100 if read.year > 2069 else read.year + 100 if read.year < 1970 else read.year
        assert read.replace(year=year).date() == date.fromisoformat(right)
        assert "%a" not in FORMATS[pattern] or left[:3] == date.fromisoformat(right).strftime("%a")
    assert min(counts.values()) > 400
    years = [int(text[:4]) for text in iso]
    assert (min(years), max(years)) == (1970, 2069)
    assert max(map(len, people)) <= 18


def test_the_months_of_written_dates_may_have_other_names(rng):
    names = [letter * 5 for letter in "abcdefghijkl"]
    people, iso = datasets.written_dates(200, months=names, rng=rng)
    for left, right in zip(people, iso, strict=True):
        month = names[int(right[5:7]) - 1]
        assert ("/" in left) or month in left or month[:3] in left


def test_no_sequences_can_be_asked_for(rng):
    assert datasets.written_dates(0, rng=rng) == ([], [])
    assert datasets.date_pairs(0, rng=rng) == ([], [])
    assert datasets.adding_problem(0, 5, rng=rng)[0].shape == (0, 5, 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda rng: datasets.adding_problem(3, 1, rng=rng),
        lambda rng: datasets.adding_problem(-1, 5, rng=rng),
        lambda rng: datasets.date_pairs(-1, rng=rng),
        lambda rng: datasets.date_pairs(1, first_year=2000, last_year=1999, rng=rng),
        lambda rng: datasets.date_pairs(1, last_year=10_000, rng=rng),
        lambda rng: datasets.written_dates(-1, rng=rng),
        lambda rng: datasets.written_dates(1, months=["Same"] * 12, rng=rng),
        lambda rng: datasets.written_dates(1, months=["One", "Two"], rng=rng),
    ],
)
def test_sequences_that_cannot_be_are_refused(rng, call):
    with pytest.raises(ValueError, match="needs a count"):
        call(rng)
