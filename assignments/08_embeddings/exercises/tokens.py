"""The exercise BPETokenizer: training with ties and overlapping pairs, any text, any ids."""

from autograder.checks import Case, Speed, TokenizerExercise
from dlkit.datasets import made_up_text

SENTENCES = (
    "the cat sat on the mat, the hat of that cat; näher, näher! the theatre in the north. ",
    "日本語のテキスト、日本の本。二本の日本語。",
    "aab aab aaab baa baab; zz zzz zzzz zzzzz. ",
)


def texts_to_learn(rng):
    """Of every length: ties everywhere, runs of one character, characters of several bytes, more ids than pairs."""
    for size in (256, 263, 290):
        words = rng.permutation(SENTENCES[0].split())
        yield Case({"vocab_size": size}, text=" ".join([*words, *words[:5]]))
    letters = "".join(rng.choice(["a", "b", "c"], size=70, p=[0.6, 0.3, 0.1]))
    yield Case({"vocab_size": 281}, text=letters)
    run = int(rng.integers(12, 30))  # (a, a) comes run − 1 times if overlapping pairs count, else run / 2 times
    yield Case({"vocab_size": 276}, text="a" * run + "bc" * (3 * run // 4) + "c" * int(rng.integers(5, 9)))
    yield Case({"vocab_size": 280}, text=SENTENCES[1] * 2)
    yield Case({"vocab_size": 300}, text="".join(rng.permutation(list(SENTENCES[2]))))
    yield Case({"vocab_size": 400}, text="".join(rng.permutation(list("abcdefé"))))
    yield Case({"vocab_size": 270}, text="")
    yield Case({"vocab_size": 270}, text="x")


byte_pairs = TokenizerExercise(
    "BPETokenizer",
    cases=texts_to_learn,
    settable=True,
    outside=lambda case: [-1, case.arguments["vocab_size"], case.arguments["vocab_size"] + 5, 1 << 40],
    # Counting anew with NumPy takes 0.7 times the reference, a max over all counts at every merge in place of a heap 2
    # times, counting anew in Python 7 to 9 times.
    speed=Speed(
        Case({"vocab_size": 346}, text=lambda rng: made_up_text(40_000, rng=rng)),
        at_most=3.0,
        half_at=5.0,
    ),
)
