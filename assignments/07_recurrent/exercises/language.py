"""The capstone: a language model of characters, in a made-up language whose words agree over a distance."""

from autograder.checks import CHARACTERS, ModelExercise, endings_score, made_up_language

# The reference needs 0.009 bits in the mean and 0.078 at worst over 30 seeds, in 8 s of CPU time each. What might fail
# is to find the agreement before training ends; then it needs 3 bits, as whoever guesses. Counts of what followed the
# same last characters, smoothed as by Kneser and Ney (interpolated, a discount for each count), need 3.08 bits with
# four, 3.12 with five, 3.23 with six, 2.82 with nine and 2.87 with twelve.
language_model = ModelExercise(
    "train_language_model",
    task=made_up_language(1000),
    score=endings_score(1.0),
    cpu_s=60.0,
    disguised=CHARACTERS,
    depends=("LSTM", "truncated_bptt"),
)
