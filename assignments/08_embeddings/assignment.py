"""08_embeddings: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Embeddings",
    earlier=("04_optimizers",),
    bonus=("tf_idf", "ParagraphVector"),
    minutes=360,
    points={
        "BPETokenizer": Points(train=5, encode=3, decode=3, speed=3),
        "Embedding": Points(forward=1, backward=5, speed=1),
        "draw_negatives": 3,
        "SkipGramNegativeSampling": Points(forward=3, backward=5),
        "cosine_neighbours": Points(cosine_neighbours=3, speed=1),
        "truncated_svd": 3,
        "sentence_embedding": 4,
        "train_word_vectors": 6,
        "tf_idf": 2,
        "ParagraphVector": Points(forward=2, backward=4),
    },
    questions={"two_vectors": 3, "tokens": 3},
)
