"""TokenizerExercise: a class that learns from a text how to turn text into ids, ``encode``, and back, ``decode``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Unpack

from autograder.checks.budgets import budget_checks
from autograder.checks.drawing import CaseMaker
from autograder.checks.mutation import mutated, mutated_method
from autograder.checks.tokenization import (
    Texts,
    Tokenizer,
    any_texts,
    as_ids,
    judge_ids,
    judge_learned,
    judge_refused,
    judge_same,
    judge_texts,
)
from autograder.isolation.tree import Value
from autograder.measuring import Memory, Scaling, Speed
from autograder.spec import (
    Case,
    Check,
    Draw,
    Exercise,
    Extras,
    Judge,
    Observations,
    Observe,
    Points,
    points_by_part,
)
from autograder.subject import Subject, SubjectRaisedError

__all__ = ["LEARNED", "TokenizerExercise"]

TO_LEARN, TO_ENCODE, TO_DECODE = ("train",), ("train", "encode"), ("train", "decode")
ALL = ("train", "encode", "decode")
LEARNED = "what is learned matches the reference"
FORGETS = "training again forgets the first text"
ALONE = "two tokenizers do not disturb each other"
SAME = "training twice on one text learns the same"
IDS = "ids match the reference"
UNTAUGHT = "encoding learns nothing"
SET = "what was learned can be written into another tokenizer"
DECODES_SET = "decode uses what was written there"
TEXTS = "decode matches the reference"
UNDOES = "decode undoes encode"
OUTSIDE = "ids outside the vocabulary raise ValueError"


def TokenizerExercise(  # noqa: N802 - reads as the class of exercise that it makes
    name: str,
    *,
    cases: CaseMaker,
    learned: tuple[str, ...] = ("merges",),
    texts: Texts = any_texts,
    outside: Callable[[Case], Iterable[int]] | None = None,
    settable: bool = False,
    arguments: Mapping[str, Value] | None = None,
    points: Points | float | None = None,
    speed: Speed | None = None,
    memory: Memory | None = None,
    scaling: Scaling | None = None,
    **extras: Unpack[Extras],
) -> Exercise:
    """Make the exercise of a class with ``train(text, …)``, ``encode(text) → ids`` and ``decode(ids) → text``.

    cases: the input ``text`` to train on, and the arguments of train by name: ``Case({"vocab_size": 300}, text=…)``.
    learned: attributes that hold what was learned, in its order: lists of plain data (ids, pairs of ids, strings) or
    mappings; bytes cannot be seen.
    texts(rng, case): to encode, and that decode must give back, by default any that UTF-8 can encode; of a tokenizer
    that knows the characters of its training text only, let them be of these.
    outside(case): ids that decode must refuse with a ValueError, where it must, alone and among others.
    settable: whether what was learned may be written into another tokenizer, which then works as this one does.
    arguments: of the constructor.
    speed, memory, scaling: of training; the input ``text`` is a function of an rng.
    """
    tokenizer = Tokenizer(name, cases, texts, learned, dict(arguments or {}))
    budgets = [replace(budget, dtype="float64") if budget else None for budget in (speed, memory, scaling)]
    encodes = _as_set(
        SET, "encode", tokenizer.with_learned, tokenizer.encode_as_set, judge_ids, after=IDS, untrained="vars({name}())"
    )
    decodes = _as_set(
        DECODES_SET, "decode", tokenizer.with_learned_and_ids, tokenizer.decode_as_set, judge_texts, after=TEXTS,
        untrained="()",
    )  # fmt: skip
    checks = [
        *_train_checks(tokenizer),
        *_encode_checks(tokenizer),
        *([encodes] if settable else []),
        *_decode_checks(tokenizer, outside),
        *([decodes] if settable else []),
        *budget_checks(tokenizer.trial, budgets, needs=TO_LEARN, after=(LEARNED,)),
    ]
    return Exercise(name, "tokenizer", ALL, points_by_part(name, points), checks, **extras)


def _train_checks(tokenizer: Tokenizer) -> list[Check]:
    return [
        Check(LEARNED, "train", 6.0, tokenizer.cases, tokenizer.train, judge_learned, needs=TO_LEARN),
        Check(
            SAME,
            "train",
            1.0,
            tokenizer.cases,
            tokenizer.train_twice,
            judge_same,
            needs=TO_LEARN,
            mutation=mutated(
                "{name}._count = getattr({name}, '_count', 0) + 1",
                "text = args[0][: len(args[0]) // 2] if {name}._count % 2 else args[0]",
                "super().train(text, *args[1:], **kwargs)",
                method="train",
            ),
        ),
    ]


def _encode_checks(tokenizer: Tokenizer) -> list[Check]:
    return [
        Check(IDS, "encode", 6.0, tokenizer.cases, tokenizer.encode, judge_ids, needs=TO_ENCODE, after=(LEARNED,)),
        Check(
            UNTAUGHT,
            "encode",
            1.0,
            tokenizer.cases,
            tokenizer.encode_twice,
            judge_learned,
            needs=TO_ENCODE,
            after=(IDS,),
            mutation=mutated(
                "seen = self.__dict__.setdefault('_seen', set())",
                "ids = list(super().encode(*args, **kwargs)) * (1 + (args[0] in seen))",
                "seen.add(args[0])",
                "return ids",
                method="encode",
            ),
        ),
        Check(
            FORGETS,
            "encode",
            1.0,
            tokenizer.pairs,
            tokenizer.train_again,
            judge_learned,
            expect=lambda reference, case, _rng: tokenizer.train_again(reference, case.with_changes(hidden={})),
            needs=TO_ENCODE,
            after=(IDS,),
            mutation=mutated(
                "self._given = getattr(self, '_given', (args, kwargs))",
                "args, kwargs = self._given",
                "super().train(*args, **kwargs)",
                method="train",
            ),
        ),
        Check(
            ALONE,
            "encode",
            1.0,
            tokenizer.pairs,
            tokenizer.train_beside,
            judge_learned,
            needs=TO_ENCODE,
            after=(IDS,),
            mutation=mutated("super().train(*args, **kwargs)", "{name}._latest = self", method="train")
            + mutated_method("return _Right.encode({name}._latest, *args, **kwargs)", method="encode"),
        ),
    ]


def _as_set(name: str, part: str, cases: Draw, observe: Observe, judge: Judge, *, after: str, untrained: str) -> Check:
    """The check of one method after what was learned was written; its mutation works with what training has stored.

    untrained: what it works with in a tokenizer that was never trained.
    """
    return Check(
        name,
        part,
        1.0,
        cases,
        observe,
        judge,
        needs=("train", part),
        after=(after,),
        mutation=mutated("super().train(*args, **kwargs)", "self._trained = dict(vars(self))", method="train")
        + mutated_method(
            f"vars(self).update(getattr(self, '_trained', None) or {untrained})",
            f"return super().{part}(*args, **kwargs)",
            method=part,
        ),
    )


def _decode_checks(tokenizer: Tokenizer, outside: Callable[[Case], Iterable[int]] | None) -> list[Check]:
    def refuse(subject: Subject, case: Case) -> Observations:
        trained, found = tokenizer.trained(subject, case), {}
        known = as_ids(trained.call("encode", next((text for text in case.inputs["texts"] if text), "")))
        first = known[:1] if isinstance(known, list) else []
        for each in outside(case) if outside else ():
            for ids in ([each], [*first, each, *first]):
                name = f"decode({ids})"
                try:
                    trained.call("decode", ids)
                    found[name] = ""
                except SubjectRaisedError as error:
                    found[name] = error.type
        return found

    checks = [
        Check(
            TEXTS, "decode", 3.0, tokenizer.with_ids, tokenizer.decode, judge_texts, needs=TO_DECODE, after=(LEARNED,)
        ),
        Check(
            UNDOES,
            "decode",
            3.0,
            tokenizer.cases,
            tokenizer.there_and_back,
            judge_texts,
            expect=lambda _reference, case, _rng: {"texts": case.inputs["texts"]},
            needs=ALL,
            mutation=mutated("return super().decode(*args, **kwargs).strip()", method="decode"),
        ),
    ]
    if outside:
        checks.append(
            Check(
                OUTSIDE,
                "decode",
                1.0,
                tokenizer.cases,
                refuse,
                judge_refused,
                needs=ALL,
                after=(IDS, TEXTS),
                mutation=mutated(
                    "try:",
                    "    return super().decode(*args, **kwargs)",
                    "except ValueError:",
                    "    return ''",
                    method="decode",
                ),
            )
        )
    return checks
