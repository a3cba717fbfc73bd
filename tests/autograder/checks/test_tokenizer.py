"""What a TokenizerExercise asks of a small byte-pair tokenizer, and what it says about wrong ones."""

import inspect
import re
import unicodedata

import numpy as np
import pytest

from autograder.checks import LEARNED, Case, Points, Speed, TokenizerExercise
from autograder.isolation.worker import Worker
from autograder.subject import LocalSubject, RemoteSubject
from tests.autograder.checks.asking import asked, mutated

TEXT = "the cat sat on the mat, the hat of that cat; näher, näher! "


class BytePairs:
    """Learns merges of the most frequent pair of ids; of equal ones the greater pair."""

    def __init__(self):
        self.merges = []

    def train(self, text, vocab_size):
        self.merges = []
        ids = list(text.encode())
        while len(self.merges) < vocab_size - 256:
            counts = self.count(ids)
            if not counts:
                break
            pair = max(counts, key=lambda pair: (counts[pair], pair))
            ids = self.merge(ids, pair, 256 + len(self.merges))
            self.merges.append(pair)

    def count(self, ids):
        counts = {}
        for pair in zip(ids, ids[1:]):  # noqa: B905, RUF007 - the source is sent to a worker
            counts[pair] = counts.get(pair, 0) + 1
        return counts

    def merge(self, ids, pair, new):
        merged = []
        for i in ids:
            if merged and (merged[-1], i) == pair:
                merged[-1] = new
            else:
                merged.append(i)
        return merged

    def encode(self, text):
        ids = list(text.encode())
        for new, pair in enumerate(self.merges, 256):
            ids = self.merge(ids, pair, new)
        return ids

    def pieces(self, i):
        return bytes([i]) if i < 256 else b"".join(self.pieces(each) for each in self.merges[i - 256])

    def decode(self, ids):
        if any(not 0 <= i < 256 + len(self.merges) for i in ids):
            message = "there is no such id"
            raise ValueError(message)
        return b"".join(self.pieces(i) for i in ids).decode(errors="replace")


def cases(rng):
    for size in (256, 262, 275):
        words = rng.permutation(TEXT.split())
        yield Case({"vocab_size": size}, text=" ".join([*words, *words[:5]]))


exercise = TokenizerExercise(
    "BytePairs",
    cases=cases,
    outside=lambda case: [-1, case.arguments["vocab_size"] + 5],
    settable=True,
    points=Points(train=4, encode=2, decode=2, speed=1),
    speed=Speed(Case({"vocab_size": 270}, text=lambda rng: " ".join(rng.permutation(TEXT.split()))), at_most=3),
)
CHECKS = [check.name for check in exercise.checks]
SAME, IDS, UNTAUGHT, FORGETS, ALONE, SET, TEXTS, UNDOES, OUTSIDE, DECODES_SET = CHECKS[1:11]


def variant(**methods):
    return type("Variant", (BytePairs,), methods)


def before(change):
    """A train that is given another text."""
    return variant(train=lambda self, text, vocab_size: BytePairs.train(self, change(text), vocab_size))


def decoding(change):
    return variant(decode=lambda self, ids: change(BytePairs.decode(self, ids)))


def encoding(change):
    return variant(encode=lambda self, text: change(BytePairs.encode(self, text)))


@pytest.mark.parametrize("check", CHECKS)
def test_a_correct_tokenizer_passes_every_check(check):
    assert asked(exercise, check, BytePairs, BytePairs) is None


def test_the_parts_are_the_three_methods():
    assert exercise.parts == ("train", "encode", "decode")
    assert exercise.find(IDS).needs == ("train", "encode")
    assert exercise.find("fast enough").part == "speed"


@pytest.mark.parametrize("check", [check.name for check in exercise.checks if check.mutation])
def test_every_mutation_fails_its_check_and_passes_those_that_come_before(check):
    wrong = mutated(exercise, check, BytePairs)
    assert all(asked(exercise, earlier, wrong, BytePairs) is None for earlier in exercise.find(check).after)
    assert asked(exercise, check, mutated(exercise, check, BytePairs), BytePairs) is not None


@pytest.mark.parametrize(
    ("wrong", "check", "sentence"),
    [
        (
            variant(count=lambda self, ids: dict.fromkeys(BytePairs.count(self, ids), 1)),
            LEARNED,
            r"merges begins with 0 correct entries; entry 0, \(\d+, \d+\), is wrong",
        ),
        (before(lambda text: text[: len(text) // 2]), LEARNED, r"merges begins with \d+ correct entr(y|ies); entry .*"),
        (
            variant(train=lambda self, text, vocab_size: BytePairs.train(self, text, vocab_size - 1)),
            LEARNED,
            "merges has 5 entries; expected 6",
        ),
        (
            variant(train=lambda self, text, vocab_size: BytePairs.train(self, text, vocab_size + 1)),
            LEARNED,
            "merges has 1 entry; expected 0",
        ),
        (encoding(lambda ids: ids[::-1]), IDS, r"encode\(.*\) is wrong from id \d+ on"),
        (encoding(lambda ids: ids[:-1]), IDS, r"encode\(.*\) gives \d+ ids; expected \d+"),
        (encoding(lambda _: None), IDS, r"encode\(.*\) is None: is a return missing\?"),
        (encoding(str), IDS, r"encode\(.*\) is a str; expected a sequence of whole numbers"),
        (encoding(lambda ids: [float(i) for i in ids]), IDS, r"encode\(.*\) is a list; expected a sequence of .*"),
        (decoding(str.strip), UNDOES, r"decode\(encode\(.*\)\) is .*, which is not correct"),
        (decoding(lambda text: unicodedata.normalize("NFC", text)), UNDOES, r"decode\(encode\('cafe\u0301 .*"),
        (decoding(lambda text: text.replace("\ufffd", "?")), TEXTS, r"decode\(\[.*\) is .*, which is not correct"),
        (decoding(lambda text: text.encode("ascii", "ignore").decode()), TEXTS, r"decode\(\[.*"),
        (decoding(lambda _: None), TEXTS, r"decode\(\[\]\) is None: is a return missing\?"),
        (decoding(list), TEXTS, r"decode\(\[\]\) is a list; expected a str"),
        (
            variant(decode=lambda self, ids: BytePairs.decode(self, [i for i in ids if i >= 0])),
            OUTSIDE,
            r"decode\(\[-1\]\) raises nothing; expected a ValueError: the vocabulary does not have this id",
        ),
        (
            variant(
                decode=lambda self, ids: (
                    BytePairs.decode(self, ids[:1]) + BytePairs.decode(self, [abs(i) % 256 for i in ids[1:]])
                )
            ),
            OUTSIDE,
            r"decode\(\[\d+, -1, \d+\]\) raises nothing; expected a ValueError: .*",
        ),
        (
            decoding(lambda text: text.removeprefix("\ufeff")),
            UNDOES,
            r"decode\(encode\('\\ufeffa mark of .*",
        ),
        (
            decoding(lambda text: "\n".join(text.splitlines()) if "\n" not in text else text),
            UNDOES,
            r"decode\(encode\('.*\\x85.*",
        ),
    ],
)
def test_a_mistake_is_found_and_said(wrong, check, sentence):
    found = asked(exercise, check, wrong, BytePairs)
    assert re.fullmatch(sentence, found.sentence, re.DOTALL), found.sentence


def test_a_tokenizer_that_adds_to_what_it_has_learned_is_found():
    class Adding(BytePairs):
        def train(self, text, vocab_size):
            earlier = self.merges
            super().train(text, vocab_size)
            self.merges = earlier + self.merges

    assert asked(exercise, LEARNED, Adding, BytePairs) is None
    assert asked(exercise, FORGETS, Adding, BytePairs).name == "merges"


def test_what_two_tokenizers_share_is_found():
    class Shared(BytePairs):
        merges = []  # noqa: RUF012 - the mistake

        def __init__(self):
            pass

        def train(self, text, vocab_size):
            other = BytePairs()
            other.train(text, vocab_size)
            self.merges[:] = other.merges

    assert asked(exercise, LEARNED, Shared, BytePairs) is None
    assert asked(exercise, FORGETS, Shared, BytePairs) is None
    assert asked(exercise, ALONE, Shared, BytePairs).name == "merges"


def test_a_tokenizer_that_draws_is_found():
    class Drawing(BytePairs):
        rng = np.random.default_rng(0)

        def train(self, text, vocab_size):
            super().train("".join(self.rng.permutation(list(text))), vocab_size)

    assert asked(exercise, SAME, Drawing, BytePairs).sentence.startswith("trained twice on one text, merges differs")


def test_encoding_that_learns_new_characters_is_found():
    class Learning(BytePairs):
        def encode(self, text):
            ids = super().encode(text)
            if len(ids) > 30:
                self.merges.append((0, 0))
            return ids

    found = asked(exercise, UNTAUGHT, Learning, BytePairs)
    assert re.fullmatch(r"merges has \d+ entries; expected \d+", found.sentence)


@pytest.mark.parametrize(
    "kind", [tuple, np.array, lambda ids: np.array(ids, "int32"), lambda ids: list(map(np.int64, ids))]
)
def test_ids_may_be_any_sequence_of_whole_numbers(kind):
    whole = encoding(lambda ids: kind(ids) if ids else [])
    assert asked(exercise, IDS, whole, BytePairs) is None
    assert asked(exercise, UNDOES, whole, BytePairs) is None


def test_a_vocabulary_in_another_order_is_found():
    class Words:
        def train(self, text):
            self.vocabulary = {word: i for i, word in enumerate(sorted(set(text.split())))}

        def encode(self, text):
            return [self.vocabulary[word] for word in text.split()]

        def decode(self, ids):
            return " ".join(list(self.vocabulary)[i] for i in ids)

    class Otherwise(Words):
        def train(self, text):
            super().train(text)
            self.vocabulary = dict(reversed(self.vocabulary.items()))

    words = TokenizerExercise(
        "Words",
        cases=lambda rng: [Case(text=" ".join(rng.permutation(TEXT.split())))],
        learned=("vocabulary",),
        texts=lambda rng, case: [" ".join(rng.permutation(case.inputs["text"].split())[:n]) for n in (0, 1, 7)],
    )
    assert all(asked(words, check.name, Words, Words) is None for check in words.checks if check.name != FORGETS)
    assert asked(words, LEARNED, Otherwise, Words).sentence.startswith("vocabulary begins with 0 correct entries")


def test_odd_text_crosses_to_a_worker_and_back(zygote):
    source = inspect.getsource(BytePairs)
    reference = LocalSubject.live({"BytePairs": BytePairs}, "")
    with Worker(zygote) as worker:
        assert not worker.ask("load", name="work", chunks=[["work.py", 1, source]])
        subject = RemoteSubject(worker)
        for name in (LEARNED, IDS, TEXTS, UNDOES, OUTSIDE, "fast enough"):
            check = exercise.find(name)
            rng = np.random.default_rng(3)
            for case in check.cases(rng, reference):
                expected = check.expect(reference, case, rng) if check.expect else check.observe(reference, case)
                assert check.judge(check.observe(subject, case), expected, case) is None


class Remembering(BytePairs):
    """Encodes with a table that only training fills."""

    def __init__(self):
        super().__init__()
        self.table = []

    def train(self, text, vocab_size):
        super().train(text, vocab_size)
        self.table = [*self.merges]

    def encode(self, text):
        ids = list(text.encode())
        for new, pair in enumerate(self.table, 256):
            ids = self.merge(ids, pair, new)
        return ids


def test_what_was_learned_must_be_read_where_it_is_written():
    assert asked(exercise, IDS, Remembering, BytePairs) is None
    assert re.match(r"encode\(.*\)", asked(exercise, SET, Remembering, BytePairs).sentence)


def test_what_was_learned_is_decoded_as_it_is_now():
    """Strings that training stored are those of another list of merges."""

    def train(self, text, vocab_size):
        BytePairs.train(self, text, vocab_size)
        self.strings = [self.pieces(i) for i in range(256 + len(self.merges))]

    def decode(self, ids):
        known = getattr(self, "strings", None) or [self.pieces(i) for i in range(256 + len(self.merges))]
        if any(not 0 <= i < len(known) for i in ids):
            message = "there is no such id"
            raise ValueError(message)
        return b"".join(known[i] for i in ids).decode(errors="replace")

    stored = variant(train=train, decode=decode)
    assert asked(exercise, TEXTS, stored, BytePairs) is None
    assert re.match(r"decode\(.*\)", asked(exercise, DECODES_SET, stored, BytePairs).sentence)
    assert asked(exercise, DECODES_SET, BytePairs, BytePairs) is None
