"""09_attention: its exercises in the order of the notebook, with their points."""

from autograder.checks import Outline, Points

OUTLINE = Outline(
    title="Attention",
    earlier=(
        "02_layers",
        "03_losses",
        "04_optimizers",
        "07_recurrent",
    ),
    minutes=600,
    points={
        "masked_softmax": 2,
        "softmax_backward": 2,
        "ScaledDotProductAttention": Points(forward=4, backward=6, speed=1, memory=1),
        "AdditiveAttention": Points(forward=3, backward=5, speed=1),
        "DecoderStep": Points(forward=2, backward=4),
        "split_heads": 1,
        "merge_heads": 1,
        "MultiHeadAttention": Points(forward=4, backward=6, speed=1),
        "PositionalEncoding": Points(forward=3, backward=1),
        "rotate_pairs": 2,
        "RoPE": Points(forward=3, backward=2, speed=1),
        "RMSNorm": Points(forward=2, backward=4, speed=1),
        "SwiGLU": Points(forward=2, backward=4),
        "PositionwiseFeedForward": Points(forward=2, backward=3, speed=1),
        "EncoderLayer": Points(forward=3, backward=4),
        "DecoderLayer": Points(forward=4, backward=5),
        "Transformer": Points(forward=4, backward=5),
        "KVCache": Points(append=2),
        "GroupedQueryAttention": Points(forward=6, backward=5),
        "WarmupSchedule": Points(rate=2),
        "sample": 5,
        "generate": Points(generate=3, speed=2),
        "beam_search": 5,
        "PatchEmbedding": Points(forward=2, backward=3),
        "MixtureOfExperts": Points(forward=3, backward=4),
        "train_date_reader": 6,
        "train_character_model": 6,
    },
    questions={"what_attention_ignores": 3, "cache": 3},
)
