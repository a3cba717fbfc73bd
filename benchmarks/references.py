"""The reference layers beside PyTorch on one CPU thread: forward and backward, float32, eager."""

from __future__ import annotations

import importlib.util
import statistics
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograder.course import catalogue
from benchmarks.table import ROOT, Row, Table, in_turns, median_ratio
from dlkit.course import providing

BATCH, FEATURES = 256, 1024
ELEMENTWISE, SOFTMAX, LINEAR, CROSS_ENTROPY = 1.6, 1.8, 1.0, 1.2
CONVOLUTION, MAX_POOL = 2.5, 2.0
BATCH_NORM, LAYER_NORM = 1.3, 3.0
LIKELIHOOD, DISTILLATION = 1.3, 1.0
GENERATOR, DISCRIMINATOR, ADVERSARIAL = 2.0, 2.0, 1.3
ADAM, TRAINED = 0.8, 10_000_000
ATTENTION, ATTENTION_MASKED, MULTI_HEAD = 1.2, 1.5, 1.2
RMS_NORM, SWIGLU, FEED_FORWARD = 1.0, 1.3, 1.2
QUERIES = (8, 4, 128, 32)
ENCODER, BATCH_OF_TEXTS = 1.2, (32, 64, 128)
IMAGES, CHANNELS = (32, 32, 28, 28), 64
EMBEDDING, VOCABULARY, IDS, OF_A_ROW = 2.0, 10_000, 4096, 64
UNIT_LENGTH = 1.2
FUSED_CROSS_ENTROPY, FUSED_ADAM, FUSED_LSTM, CHUNKED, BLOCKED_CONVOLUTION = 1.1, 1.1, 2.0, 2.5, 2.5
LONG_QUERIES, SEQUENCES = (2, 2, 1024, 32), (32, 64, 128)
AT_LEAST_S = 0.002
TITLE = (
    f"References beside PyTorch, one CPU thread, float32, forward and backward, ({BATCH}, {FEATURES}) where not said"
)

Run = Callable[[], None]


def names_of(assignment: str) -> dict[str, Any]:
    """Execute the reference's definitions, with the references that it builds on; return its names."""
    names: dict[str, Any] = {}
    loaded = catalogue.load(assignment, ROOT)
    before = {name.split("_", 1)[1]: names_of(name) for name in loaded.assignment.earlier}
    with providing(before):
        for chunk in loaded.reference.chunks:
            exec(compile(chunk.source, chunk.label, "exec"), names)  # noqa: S102 - our own reference
    return names


class Pairs:
    """Makes runs of the same forward and backward: ours and PyTorch's on the same numbers."""

    def __init__(self) -> None:
        import torch

        torch.set_num_threads(1)
        self.torch = torch
        rng = np.random.default_rng(0)
        self.x, self.dy = rng.standard_normal((2, BATCH, FEATURES), dtype=np.float32)
        self.labels = rng.integers(FEATURES, size=BATCH)
        self.their_x = torch.tensor(self.x, requires_grad=True)
        self.their_dy, self.their_labels = torch.tensor(self.dy), torch.tensor(self.labels)

    def layer(self, ours: Any, theirs: Any) -> tuple[Run, Run]:
        """Pair a layer with a function or module of PyTorch."""

        def run_ours() -> None:
            ours.forward(self.x)
            ours.backward(self.dy)

        def run_theirs() -> None:
            self.their_x.grad = None
            theirs(self.their_x).backward(self.their_dy)

        return run_ours, run_theirs

    def on_images(self, ours: Any, theirs: Any, shape: tuple[int, ...]) -> tuple[Run, Run]:
        """Pair a layer of images with a module of PyTorch, on images of this shape."""
        rng = np.random.default_rng(2)
        x = rng.standard_normal(shape, dtype=np.float32)
        dy = rng.standard_normal(ours.forward(x).shape, dtype=np.float32)
        their_x, their_dy = self.torch.tensor(x, requires_grad=True), self.torch.tensor(dy)

        def run_ours() -> None:
            ours.forward(x)
            ours.backward(dy)

        def run_theirs() -> None:
            their_x.grad = None
            theirs(their_x).backward(their_dy)

        return run_ours, run_theirs

    def cross_entropy(self, ours: Any) -> tuple[Run, Run]:
        """Pair softmax cross-entropy with PyTorch's."""

        def run_ours() -> None:
            ours.forward(self.x, self.labels)
            ours.backward()

        def run_theirs() -> None:
            self.their_x.grad = None
            self.torch.nn.functional.cross_entropy(self.their_x, self.their_labels).backward()

        return run_ours, run_theirs

    def likelihood(self) -> tuple[Run, Run]:
        """Pair the likelihood of grey values with PyTorch's binary cross-entropy, summed over each row."""
        target = np.random.default_rng(6).random(self.x.shape, dtype=np.float32)
        ours, their_target = names_of("10_generative")["BernoulliLikelihood"](), self.torch.tensor(target)
        entropy = self.torch.nn.functional.binary_cross_entropy_with_logits

        def run_ours() -> None:
            ours.forward(self.x, target)
            ours.backward()

        def run_theirs() -> None:
            self.their_x.grad = None
            (entropy(self.their_x, their_target, reduction="sum") / BATCH).backward()

        return run_ours, run_theirs

    def distillation(self) -> tuple[Run, Run]:
        """Pair the divergence of softened probabilities with PyTorch's; a teacher's scores are given."""
        target = np.random.default_rng(7).standard_normal(self.x.shape, dtype=np.float32)
        ours, their_target = names_of("13_robustness")["DistillationLoss"](4.0), self.torch.tensor(target)
        functional = self.torch.nn.functional

        def run_ours() -> None:
            ours.forward(self.x, target)
            ours.backward()

        def run_theirs() -> None:
            self.their_x.grad = None
            softened = functional.log_softmax(self.their_x / 4, dim=1), functional.softmax(their_target / 4, dim=1)
            (16 * functional.kl_div(*softened, reduction="batchmean")).backward()

        return run_ours, run_theirs

    def all(self) -> Iterator[tuple[str, float, tuple[Run, Run]]]:
        """Give every pair: a name, the target, the runs."""
        functional = self.torch.nn.functional
        names = names_of("02_layers")
        linear = names["Linear"](FEATURES, FEATURES, rng=np.random.default_rng(1))
        linear.astype(np.float32)
        yield "Linear", LINEAR, self.layer(linear, self.torch.nn.Linear(FEATURES, FEATURES))
        for name, theirs in {
            "Sigmoid": self.torch.sigmoid,
            "Tanh": self.torch.tanh,
            "ReLU": functional.relu,
            "LeakyReLU": functional.leaky_relu,
            "ELU": functional.elu,
            "GELU": lambda x: functional.gelu(x, approximate="tanh"),
        }.items():
            yield name, ELEMENTWISE, self.layer(names[name](), theirs)
        yield "Softmax", SOFTMAX, self.layer(names["Softmax"](), lambda x: functional.softmax(x, dim=-1))
        loss = names_of("03_losses")["SoftmaxCrossEntropy"]()
        yield "SoftmaxCrossEntropy", CROSS_ENTROPY, self.cross_entropy(loss)
        yield "BernoulliLikelihood", LIKELIHOOD, self.likelihood()
        yield "DistillationLoss", DISTILLATION, self.distillation()
        yield from self.normalizations()
        yield from self.convolutions()
        yield from self.opponents()
        yield from self.attention()
        yield self.encoder_layer()
        unit = names_of("12_paradigms")["UnitLength"]()
        yield "UnitLength", UNIT_LENGTH, self.layer(unit, lambda x: functional.normalize(x, dim=1))
        yield f"Adam, a step on {TRAINED:,} parameters", ADAM, self.adam()
        yield f"Embedding, {IDS:,} ids, ({VOCABULARY}, {OF_A_ROW})", EMBEDDING, self.embedding()
        yield from self.performance()

    def performance(self) -> Iterator[tuple[str, float, tuple[Run, Run]]]:
        """Give the pairs of 14: layers whose time or memory is what counts."""
        names, modules, rng = names_of("14_performance"), self.torch.nn, np.random.default_rng(1)
        conv = names["Conv2dFast"](IMAGES[1], CHANNELS, 3, padding=1, rng=rng)
        conv.astype(np.float32)
        theirs = modules.Conv2d(IMAGES[1], CHANNELS, 3, padding=1)
        yield f"Conv2dFast 3 × 3, {IMAGES} → {CHANNELS}", BLOCKED_CONVOLUTION, self.on_images(conv, theirs, IMAGES)
        yield "SoftmaxCrossEntropyFused", FUSED_CROSS_ENTROPY, self.cross_entropy(names["SoftmaxCrossEntropyFused"]())
        yield f"AdamInPlace, a step on {TRAINED:,} parameters", FUSED_ADAM, self.adam(names["AdamInPlace"])
        cell, their_cell = (make(SEQUENCES[2], SEQUENCES[2]) for make in (
            lambda n, m: names["LSTMFusedGates"](n, m, rng=rng), lambda n, m: modules.LSTM(n, m, batch_first=True)
        ))  # fmt: skip
        cell.astype(np.float32)
        yield f"LSTMFusedGates, {SEQUENCES}", FUSED_LSTM, self.on_images(cell, lambda x: their_cell(x)[0], SEQUENCES)
        attend = modules.functional.scaled_dot_product_attention
        pair = self.on_inputs(names["AttentionChunked"](), attend, 3 * [LONG_QUERIES])
        yield f"AttentionChunked, {LONG_QUERIES}", CHUNKED, pair

    def embedding(self) -> tuple[Run, Run]:
        """Pair a table of vectors with PyTorch's; its gradient is one of the whole table, made anew each time."""
        rng = np.random.default_rng(4)
        ids, dy = rng.integers(VOCABULARY, size=IDS), rng.standard_normal((IDS, OF_A_ROW), dtype=np.float32)
        ours = names_of("08_embeddings")["Embedding"](VOCABULARY, OF_A_ROW, rng=rng)
        ours.astype(np.float32)
        theirs = self.torch.nn.Embedding(VOCABULARY, OF_A_ROW)
        their_ids, their_dy = self.torch.tensor(ids), self.torch.tensor(dy)

        def run_ours() -> None:
            ours.zero_grad()
            ours.forward(ids)
            ours.backward(dy)

        def run_theirs() -> None:
            theirs.zero_grad(set_to_none=True)
            theirs(their_ids).backward(their_dy)

        return run_ours, run_theirs

    def adam(self, kind: Any = None) -> tuple[Run, Run]:
        """Pair one step of Adam, that of 04 or another one, on one large parameter."""
        from dlkit import Parameter

        start, gradient = np.random.default_rng(3).standard_normal((2, TRAINED), dtype=np.float32)
        ours, theirs = Parameter(start.copy()), self.torch.nn.Parameter(self.torch.tensor(start))
        ours.grad[...] = gradient
        theirs.grad = self.torch.tensor(gradient)
        kind = kind or names_of("04_optimizers")["Adam"]
        return kind([ours]).step, self.torch.optim.Adam([theirs]).step

    def encoder_layer(self) -> tuple[str, float, tuple[Run, Run]]:
        """Pair the encoder layers of Transformers: pre-norm with RMSNorm, four heads, no dropout."""
        ours = names_of("09_attention")["EncoderLayer"](128, 4, 512, rng=np.random.default_rng(1))
        ours.astype(np.float32)
        theirs = self.torch.nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True, norm_first=True)
        theirs.norm1, theirs.norm2 = self.torch.nn.RMSNorm(128), self.torch.nn.RMSNorm(128)
        return f"EncoderLayer, {BATCH_OF_TEXTS}", ENCODER, self.on_images(ours, theirs, BATCH_OF_TEXTS)

    def normalizations(self) -> Iterator[tuple[str, float, tuple[Run, Run]]]:
        """Give the pairs that normalize, in training mode: channels of images, and rows."""
        names, modules = names_of("05_regularization"), self.torch.nn
        ours, rows = names["BatchNorm"](CHANNELS), names["LayerNorm"](FEATURES)
        ours.astype(np.float32)
        rows.astype(np.float32)
        shape = (IMAGES[0], CHANNELS, *IMAGES[2:])
        yield f"BatchNorm, {shape}", BATCH_NORM, self.on_images(ours, modules.BatchNorm2d(CHANNELS), shape)
        yield "LayerNorm", LAYER_NORM, self.layer(rows, modules.LayerNorm(FEATURES))

    def attention(self) -> Iterator[tuple[str, float, tuple[Run, Run]]]:
        """Give the pairs of 09: attention without and with a mask, several heads, layers of every position."""
        names, torch = names_of("09_attention"), self.torch
        functional, modules, rng = torch.nn.functional, torch.nn, np.random.default_rng(1)
        attend, kept = functional.scaled_dot_product_attention, np.tri(QUERIES[2], dtype=bool)
        mask, ours = torch.tensor(kept), names["ScaledDotProductAttention"]
        yield f"attention, {QUERIES}", ATTENTION, self.on_inputs(ours(), attend, 3 * [QUERIES])
        masked = self.on_inputs(ours(), lambda *x: attend(*x, attn_mask=mask), 3 * [QUERIES], (kept,))
        yield f"attention with a causal mask, {QUERIES}", ATTENTION_MASKED, masked
        shape = BATCH_OF_TEXTS
        theirs = modules.MultiheadAttention(shape[2], 4, bias=False, batch_first=True)
        heads = names["MultiHeadAttention"](shape[2], 4, rng=rng)
        pair = self.on_inputs(heads, lambda x, m: theirs(x, m, m, need_weights=False)[0], 2 * [shape])
        yield f"MultiHeadAttention, 4 heads, {shape}", MULTI_HEAD, pair
        norm = names["RMSNorm"](shape[2])
        yield f"RMSNorm, {shape}", RMS_NORM, self.on_inputs(norm, modules.RMSNorm(shape[2]), [shape])
        gate, up, down = (modules.Linear(n, m, bias=False) for n, m in (*2 * [(shape[2], 256)], (256, shape[2])))
        gated = names["SwiGLU"](shape[2], 256, rng=rng)
        pair = self.on_inputs(gated, lambda x: down(functional.silu(gate(x)) * up(x)), [shape])
        yield f"SwiGLU, 256 hidden, {shape}", SWIGLU, pair
        plain = names["PositionwiseFeedForward"](shape[2], 512, rng=rng)
        network = modules.Sequential(modules.Linear(shape[2], 512), modules.ReLU(), modules.Linear(512, shape[2]))
        yield f"PositionwiseFeedForward, 512 hidden, {shape}", FEED_FORWARD, self.on_inputs(plain, network, [shape])

    def on_inputs(
        self, ours: Any, theirs: Any, shapes: list[tuple[int, ...]], more: tuple[Any, ...] = ()
    ) -> tuple[Run, Run]:
        """Pair a layer of several inputs with a function or module of PyTorch; more: what only our forward is given."""
        rng = np.random.default_rng(2)
        xs = [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]
        ours.astype(np.float32)
        dy = rng.standard_normal(ours.forward(*xs, *more).shape, dtype=np.float32)
        their_xs, their_dy = [self.torch.tensor(x, requires_grad=True) for x in xs], self.torch.tensor(dy)

        def run_ours() -> None:
            ours.forward(*xs, *more)
            ours.backward(dy)

        def run_theirs() -> None:
            for x in their_xs:
                x.grad = None
            theirs(*their_xs).backward(their_dy)

        return run_ours, run_theirs

    def convolutions(self) -> Iterator[tuple[str, float, tuple[Run, Run]]]:
        """Give the pairs on images."""
        names, modules = names_of("06_convolution"), self.torch.nn
        conv = names["Conv2d"](IMAGES[1], CHANNELS, 3, padding=1, rng=np.random.default_rng(1))
        conv.astype(np.float32)
        theirs = modules.Conv2d(IMAGES[1], CHANNELS, 3, padding=1)
        yield f"Conv2d 3 × 3, {IMAGES} → {CHANNELS}", CONVOLUTION, self.on_images(conv, theirs, IMAGES)
        shape = (IMAGES[0], CHANNELS, *IMAGES[2:])
        yield f"MaxPool2d 2, {shape}", MAX_POOL, self.on_images(names["MaxPool2d"](2), modules.MaxPool2d(2), shape)

    def opponents(self) -> Iterator[tuple[str, float, tuple[Run, Run]]]:
        """Give the pairs of adversarial networks: both networks of DCGAN in training, and the discriminator's loss."""
        names, modules, rng = names_of("10_generative"), self.torch.nn, np.random.default_rng(1)
        generator, discriminator = names["DCGANGenerator"](32, 64, rng=rng), names["DCGANDiscriminator"](32, rng=rng)
        generator.astype(np.float32)
        discriminator.astype(np.float32)
        theirs = modules.Sequential(
            *(modules.Linear(32, 1024), modules.Unflatten(1, (64, 4, 4)), modules.BatchNorm2d(64), modules.ReLU()),
            *(modules.ConvTranspose2d(64, 32, 3, 2, 1), modules.BatchNorm2d(32), modules.ReLU()),
            *(modules.ConvTranspose2d(32, 1, 4, 2, 1), modules.Tanh()),
        )
        yield "DCGANGenerator, 64 images", GENERATOR, self.on_images(generator, theirs, (64, 32))
        theirs = modules.Sequential(
            *(modules.Conv2d(1, 32, 4, 2, 1), modules.LeakyReLU(0.2), modules.Conv2d(32, 64, 3, 2, 1)),
            *(modules.BatchNorm2d(64), modules.LeakyReLU(0.2), modules.Flatten(), modules.Linear(1024, 1)),
        )
        yield "DCGANDiscriminator, 64 images", DISCRIMINATOR, self.on_images(discriminator, theirs, (64, 1, 14, 14))
        yield "DiscriminatorLoss", ADVERSARIAL, self.adversarial(names["DiscriminatorLoss"]())

    def adversarial(self, ours: Any) -> tuple[Run, Run]:
        """Pair the discriminator's loss with two cross-entropies of PyTorch."""
        fake = self.x[::-1].copy()
        their_fake = self.torch.tensor(fake, requires_grad=True)
        entropy, one = self.torch.nn.functional.binary_cross_entropy_with_logits, self.torch.ones(self.x.shape)

        def run_ours() -> None:
            ours.forward(self.x, fake)
            ours.backward()

        def run_theirs() -> None:
            self.their_x.grad = their_fake.grad = None
            (entropy(self.their_x, one) + entropy(their_fake, 0 * one)).backward()

        return run_ours, run_theirs


def repeated(run: Run) -> tuple[Run, int]:
    """Repeat a run until a clock can time it well; return how often."""
    (seconds,) = in_turns(run, rounds=5)
    times = 1 + int(AT_LEAST_S / min(seconds))

    def many() -> None:
        for _ in range(times):
            run()

    return many, times


def tables(*, quick: bool) -> Iterator[Table]:
    """Measure every pair."""
    if importlib.util.find_spec("torch") is None:
        yield Table(TITLE, note="PyTorch is not installed. Install the extra: pip install 'dlkit-course[bench]'.")
        return
    yield Table(TITLE, [beside("PyTorch", name, at_most, pair, quick=quick) for name, at_most, pair in Pairs().all()])


def beside(whom: str, name: str, at_most: float, pair: tuple[Run, Run], *, quick: bool) -> Row:
    """Measure both alternately; the median of the ratios decides."""
    (ours, n), (theirs, m) = map(repeated, pair)
    a, b = in_turns(ours, theirs, rounds=3 if quick else 41)
    note = f"{1000 * statistics.median(a) / n:.3g} ms; {whom} {1000 * statistics.median(b) / m:.3g} ms"
    return Row(name, median_ratio(a, b) * m / n, "×", at_most, note=note)
