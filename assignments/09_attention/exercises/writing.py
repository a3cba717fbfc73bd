"""The capstone: a decoder that has learned a made-up language, in which the words of a sentence agree."""

import numpy as np

from autograder.checks import CHARACTERS, Case, ModelExercise, Ref, Rng, compare, endings_score, made_up_language

# The reference needs 0.012 bits in the mean (standard deviation 0.008) and 0.040 at worst over 30 seeds, in 5 s of CPU
# time each on a busy machine. Counts of what followed the same last characters need 3.3 bits with four, 3.8 and more
# with six and nine.
character_model = ModelExercise(
    "train_character_model",
    task=made_up_language(500),
    score=endings_score(1.0),
    cpu_s=30.0,
    disguised=CHARACTERS,
    depends=("GroupedQueryAttention", "KVCache", "RMSNorm", "SwiGLU", "RoPE"),
)


def pieces(rng):
    """A prompt and then one symbol after the other; several pieces; two texts."""
    for batch, sizes in [(1, (8, *24 * [1])), (2, (3, 5, 1, 1, 7))]:
        ids = rng.integers(20, size=(batch, sum(sizes)))
        yield Case({"symbols": 20, "rng": Rng(1)}, ids=ids).with_changes(hidden={"sizes": list(sizes)})


def spans(case):
    """First and last position of each piece."""
    ends = np.cumsum(case.hidden["sizes"]).tolist()
    return zip([0, *ends], ends, strict=False)


def judge_scores(observed, expected, case):
    """Every piece's scores are those of the reference without caches."""
    for begin, end in spans(case):
        name = f"the scores of positions {begin} to {end - 1}"
        found = compare(observed.get(f"{begin}"), expected["whole"][:, begin:end], name)
        if found:
            return found
    return None


CHANGED_BY_A_CACHE = (
    "_right = GroupedQueryAttention.forward\n"
    "GroupedQueryAttention.forward = lambda self, x, cache=None: (\n"
    "    _right(self, x, cache) * (1 if cache is None else 1 + (cache.length > 8))\n"
    ")\n"
)
"""Attention that is another one where a cache is longer than a prompt."""


@character_model.check(
    "with caches, a model of these layers computes the same",
    cases=pieces,
    judge=judge_scores,
    mutation=CHANGED_BY_A_CACHE,
)
def with_caches(subject, case):
    model = subject.make("CharacterModel", **case.arguments)
    caches = model.keep("new_caches")
    ids = case.inputs["ids"]
    seen = {f"{begin}": model.call("forward", ids[:, begin:end], Ref(caches.handle)) for begin, end in spans(case)}
    return {**seen, "whole": model.call("forward", ids)}
