"""A tokenizer as checks see it: what it is trained on, how it is run, and how what was seen is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from autograder.checks.drawing import CaseMaker
from autograder.isolation.tree import Opaque, Ref, Value
from autograder.spec import Case, Observations, Trial
from autograder.spec.comparison import Mismatch, compare
from autograder.subject import Instance, Subject

__all__ = [
    "Texts",
    "Tokenizer",
    "any_texts",
    "as_ids",
    "judge_ids",
    "judge_learned",
    "judge_refused",
    "judge_same",
    "judge_texts",
]

ODD_TEXTS = (
    "",
    " ",
    "  two  spaces, a tab\t and lines\r\n\n",
    "a" * 40,
    "naïve café",
    "cafe\u0301 in two characters",
    "日本語のテキスト",
    "👩\u200d👩\u200d👧 🇨🇭",
    "\x00\x7f\ufffd\uffff",
    "\ufeffa mark of the byte order, \x85 \u2028 other ends of lines\x0b\x0c\x1c",
)
BLOCKS = ((0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x3FF), (0x4E00, 0x9FFF), (0x1F300, 0x1F64F), (0x10000, 0x10FFFF))
"""Ranges of code points that drawn texts are made of: from ASCII to what takes four bytes; no surrogates."""

Texts = Callable[[np.random.Generator, Case], Iterable[str]]


def any_texts(rng: np.random.Generator, case: Case) -> list[str]:
    """Draw texts to encode: pieces of the training text, odd ones, and others with characters it may not have."""
    text = case.inputs["text"]
    starts = rng.integers(max(len(text) - 1, 1), size=4)
    pieces = [text[start : start + int(rng.integers(1, 80))] for start in starts]
    drawn = []
    for _ in range(4):
        blocks = [BLOCKS[i] for i in rng.integers(len(BLOCKS), size=int(rng.integers(1, 20)))]
        drawn.append("".join(chr(rng.integers(low, high, endpoint=True)) for low, high in blocks))
    return [*pieces, *ODD_TEXTS, *drawn]


@dataclass(frozen=True)
class Tokenizer:
    """A class of tokenizers, as checks see it."""

    name: str
    draw: CaseMaker
    texts: Texts
    learned: tuple[str, ...]
    arguments: Mapping[str, Value] = field(default_factory=dict)

    # --- cases -------------------------------------------------------------------------------

    def cases(self, rng: np.random.Generator, _reference: Subject) -> list[Case]:
        """Draw the author's cases, with texts to encode."""
        return [
            case.with_changes(inputs={**case.inputs, "texts": list(dict.fromkeys(self.texts(rng, case)))})
            for case in self.draw(rng)
        ]

    def pairs(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw cases, each with the text of another one for a training before it, or beside it."""
        cases = self.cases(rng, reference)
        others = [*cases[1:], cases[0].with_changes(inputs={"text": cases[0].inputs["text"][::-1]})]
        return [
            case.with_changes(hidden={"arguments": other.arguments, "text": other.inputs["text"]})
            for case, other in zip(cases, others, strict=True)
        ]

    def with_ids(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw cases with ids to decode."""
        return [
            case.with_changes(inputs={"text": case.inputs["text"], "ids": self._ids(rng, reference, case)})
            for case in self.cases(rng, reference)
        ]

    def _ids(self, rng: np.random.Generator, reference: Subject, case: Case) -> list[list[int]]:
        """Draw ids that the reference knows, in any order, and those of texts with white space at an end.

        So code that strips texts is found whatever is drawn.
        """
        tokenizer = self.trained(reference, case)
        texts = case.inputs["texts"]
        ids = [np.asarray(tokenizer.call("encode", text), int).tolist() for text in texts]
        known = np.concatenate([np.array(row, int) for row in ids])
        rows = [rng.permutation(known)[:length].tolist() for length in (0, 1, 2, 5, 20, 60)]
        return rows + [row for row, text in zip(ids, texts, strict=True) if text != text.strip()]

    def with_learned(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw cases with what the reference learns from them, and another text."""
        return [
            case.with_changes(hidden={**case.hidden, "learned": self.look(self.trained(reference, case))})
            for case in self.pairs(rng, reference)
        ]

    def with_learned_and_ids(self, rng: np.random.Generator, reference: Subject) -> list[Case]:
        """Draw the same with ids to decode, for each of three tokenizers."""
        return [
            case.with_changes(inputs={**case.inputs, "ids": 3 * self._ids(rng, reference, case)})
            for case in self.with_learned(rng, reference)
        ]

    # --- runs --------------------------------------------------------------------------------

    def trained(self, subject: Subject, case: Case, *, first: bool = False) -> Instance:
        """Make a tokenizer and train it; first: on the other text of the case before."""
        tokenizer = subject.make(self.name, **self.arguments)
        if first:
            tokenizer.call("train", case.hidden["text"], **case.hidden["arguments"])
        tokenizer.call("train", case.inputs["text"], **case.arguments)
        return tokenizer

    def look(self, tokenizer: Instance) -> Observations:
        """What it has learned."""
        return {path: tokenizer.get(path) for path in self.learned}

    def encoded(self, tokenizer: Instance, case: Case) -> Observations:
        """The ids of every text."""
        return {"ids": [as_ids(tokenizer.call("encode", text)) for text in case.inputs["texts"]]}

    def train(self, subject: Subject, case: Case) -> Observations:
        """Train once."""
        return self.look(self.trained(subject, case))

    def train_again(self, subject: Subject, case: Case) -> Observations:
        """Train on another text first."""
        tokenizer = self.trained(subject, case, first="text" in case.hidden)
        return {**self.look(tokenizer), **self.encoded(tokenizer, case)}

    def train_beside(self, subject: Subject, case: Case) -> Observations:
        """Train another tokenizer afterwards, on another text."""
        tokenizer = self.trained(subject, case)
        other = subject.make(self.name, **self.arguments)
        other.call("train", case.hidden["text"], **case.hidden["arguments"])
        return {**self.look(tokenizer), **self.encoded(tokenizer, case)}

    def train_twice(self, subject: Subject, case: Case) -> Observations:
        """Train two tokenizers on one text."""
        return {"first": self.train(subject, case), "second": self.train(subject, case)}

    def encode(self, subject: Subject, case: Case) -> Observations:
        """Encode every text."""
        return self.encoded(self.trained(subject, case), case)

    def encode_twice(self, subject: Subject, case: Case) -> Observations:
        """Encode every text twice; look at what is learned then."""
        tokenizer = self.trained(subject, case)
        self.encoded(tokenizer, case)
        return {**self.encoded(tokenizer, case), **self.look(tokenizer)}

    def _set(self, tokenizer: Instance, case: Case) -> Instance:
        """Write what was learned into a tokenizer."""
        for path, value in case.hidden["learned"].items():
            tokenizer.set(path, value)
        return tokenizer

    def encode_as_set(self, subject: Subject, case: Case) -> Observations:
        """Write what was learned into a tokenizer that was never trained, and encode."""
        return self.encoded(self._set(subject.make(self.name, **self.arguments), case), case)

    def decode_as_set(self, subject: Subject, case: Case) -> Observations:
        """Write what was learned into three tokenizers, and decode with each.

        One was never trained, one was; and one, which has learned as much from the text read backward, has decoded.
        """
        other = case.with_changes(inputs={"text": case.hidden["text"]}, arguments=case.hidden["arguments"])
        backward = case.inputs["text"][::-1]
        used = self.trained(subject, case.with_changes(inputs={"text": backward}))
        used.call("decode", used.call("encode", backward))
        tokenizers = subject.make(self.name, **self.arguments), self.trained(subject, other), used
        ids = case.inputs["ids"]
        each = [self._set(tokenizer, case) for tokenizer in tokenizers for _ in ids[: len(ids) // 3]]
        return {"texts": [tokenizer.call("decode", row) for tokenizer, row in zip(each, ids, strict=True)]}

    def decode(self, subject: Subject, case: Case) -> Observations:
        """Decode every sequence of ids."""
        tokenizer = self.trained(subject, case)
        return {"texts": [tokenizer.call("decode", ids) for ids in case.inputs["ids"]]}

    def there_and_back(self, subject: Subject, case: Case) -> Observations:
        """Encode and decode every text."""
        tokenizer = self.trained(subject, case)
        return {"texts": [tokenizer.call("decode", tokenizer.call("encode", text)) for text in case.inputs["texts"]]}

    def trial(self, subject: Subject, _case: Case) -> Trial:
        """Prepare one training on a text that is sent ahead."""
        kept: list[Value] = []

        def renew(case: Case) -> None:
            kept[:] = [subject.make(self.name, **self.arguments), subject.put(case.inputs["text"]), case.arguments]

        def go() -> None:
            tokenizer, text, arguments = kept
            tokenizer.keep("train", Ref(text.handle), settle=True, **arguments)

        return Trial(renew, go, lambda: self.look(kept[0]))


def as_ids(value: Value) -> Value:
    """A list of ordinary numbers, whatever sequence of whole numbers it was; anything else as it is."""
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iu":
        return value.tolist()
    whole = isinstance(value, list | tuple) and all(type(i) is int or isinstance(i, np.integer) for i in value)
    return [int(i) for i in value] if whole else value


# --- judges ----------------------------------------------------------------------------------


def judge_learned(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Compare what is learned, in its order, and ids where there are any; name the first that differs."""
    for name, right in expected.items():
        if name == "ids":
            continue
        found = _first_learned(observed.get(name), right, name)
        if found:
            return found
    return judge_ids(observed, expected, case) if "ids" in expected else None


def _first_learned(seen: Value, right: Value, name: str) -> Mismatch | None:
    """Where a list, or a mapping in its order, differs; other data is compared as a whole."""
    kind = dict if isinstance(right, dict) else list | tuple
    if not isinstance(right, kind) or not isinstance(seen, kind):
        return compare(seen, right, name)
    pairs = [list(value.items()) if isinstance(value, dict) else list(value) for value in (seen, right)]
    for i, (mine, its) in enumerate(zip(*pairs, strict=False)):
        if compare(mine, its, name):
            begin = f"{name} begins with {_count(i, 'correct entry', 'correct entries')}"
            return Mismatch("value", name, f"{begin}; entry {i}, {_brief(mine)}, is wrong", (i,))
    if len(pairs[0]) != len(pairs[1]):
        text = f"{name} has {_count(len(pairs[0]), 'entry', 'entries')}; expected {len(pairs[1])}"
        return Mismatch("structure", name, text)
    return None


def judge_ids(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require the expected ids of every text."""
    seen = observed.get("ids")
    for i, (text, right) in enumerate(zip(case.inputs["texts"], expected["ids"], strict=True)):
        ids = seen[i] if isinstance(seen, list) and i < len(seen) else None
        if not isinstance(ids, list) or not all(type(each) is int for each in ids):
            kind = (
                "None: is a return missing?" if ids is None else f"a {_kind(ids)}; expected a sequence of whole numbers"
            )
            return Mismatch("type", "ids", f"encode({_brief(text)}) is {kind}")
        if ids == right:
            continue
        same = next((k for k, pair in enumerate(zip(ids, right, strict=False)) if pair[0] != pair[1]), None)
        where = f"gives {len(ids)} ids; expected {len(right)}" if same is None else f"is wrong from id {same} on"
        return Mismatch("value", "ids", f"encode({_brief(text)}) {where}", (i,))
    return None


def judge_texts(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require the expected text of every sequence of ids."""
    for i, (given, right) in enumerate(
        zip(case.inputs.get("ids") or expected["texts"], expected["texts"], strict=True)
    ):
        seen = observed["texts"][i]
        called = f"decode({_brief(given)})" if "ids" in case.inputs else f"decode(encode({_brief(given)}))"
        if seen is None or not isinstance(seen, str):
            kind = "None: is a return missing?" if seen is None else f"a {_kind(seen)}; expected a str"
            return Mismatch("type", "the text", f"{called} is {kind}")
        if seen != right:
            return Mismatch("value", "the text", f"{called} is {_brief(seen)}, which is not correct", (i,))
    return None


def judge_same(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require that two tokenizers learned the same, correct or not."""
    del expected
    found = judge_learned(observed["second"], observed["first"], case)
    if found is None:
        return None
    text = (
        f"trained twice on one text, {found.name} differs: nothing may depend on earlier calls or on the order of a set"
    )
    return replace(found, kind="value", sentence=text)


def judge_refused(observed: Observations, expected: Observations, case: Case) -> Mismatch | None:
    """Require a ValueError for each of the ids."""
    del case
    for name in expected:
        raised = observed.get(name)
        if raised != "ValueError":
            what = f"raises {raised}" if raised else "raises nothing"
            return Mismatch(
                "method", name, f"{name} {what}; expected a ValueError: the vocabulary does not have this id"
            )
    return None


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"  # noqa: PLR2004


def _kind(value: object) -> str:
    return value.type_name if isinstance(value, Opaque) else type(value).__name__


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
