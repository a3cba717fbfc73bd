# %% [markdown]
# # 09 · Attention
#
# A recurrent network carries everything that it has read in one vector, from step to step. Whatever a later step may need
# has to fit into it, and a gradient from the hundredth word to the first passes through a hundred steps. **Attention**
# shortens that path: every position looks at all others directly, decides by its content what is of interest, and
# reads a mean of that. There is nothing to carry, any two positions are one step apart, and all positions are computed at
# once. A **Transformer** is a stack of such layers; language models are made of little else.
#
# In this assignment you write all of it: attention and its gradient, many heads, positions, the layers between, an encoder
# and a decoder, generation with a cache, and at the end two models that use them.
#
# **Time.** About ten hours. **You need** 02 to 04 (`Linear`, a loss and an optimizer) for the capstones,
# and 07 (the `GRU`) for one exercise.
#
# **Goals.** Afterwards you can derive the gradient of attention on paper; explain what a mask, a head, a position code
# and a residual path are for; say which output may depend on which input, and test it; and generate text from a
# decoder step by step without computing anything twice.
#
# | here | PyTorch |
# |---|---|
# | `ScaledDotProductAttention` | `torch.nn.functional.scaled_dot_product_attention` (`attn_mask` of booleans, true = may look) |
# | `MultiHeadAttention` | `torch.nn.MultiheadAttention(bias=False, batch_first=True)`; its masks are *true = hidden* |
# | `RMSNorm` | `torch.nn.RMSNorm` |
# | `PositionwiseFeedForward`, `SwiGLU` | two or three `Linear` layers and `relu` or `silu` between them |
# | `EncoderLayer`, `DecoderLayer` | `TransformerEncoderLayer(norm_first=True)`, `TransformerDecoderLayer(norm_first=True)`, with an RMSNorm for each LayerNorm |
# | `Transformer` | `torch.nn.Transformer`, its masks *true = hidden* |
# | `GroupedQueryAttention` | `scaled_dot_product_attention(…, is_causal=True, enable_gqa=True)` |
# | `PatchEmbedding` | a `Conv2d` whose stride is its kernel's size |
# | additive attention, positions, the cache, beam search | none; libraries bring their own |
#
# **Further reading.** Bahdanau, Cho & Bengio (2015) for the idea; Vaswani et al., *Attention Is All You Need* (2017);
# Goodfellow, Bengio & Courville, *Deep Learning* (2016), section 12.4.5; Phuong & Hutter, *Formal Algorithms for
# Transformers* (2022), every algorithm on one page.
#
# **What is checked.** Values and gradients with random inputs of uneven shapes, up to $10^{-6}$ ($10^{-3}$ in float32);
# `backward` twice, a second object, views, parameters that change between calls, float32, no transfer from the device,
# as in every assignment. Speed is compared with the author's solution. New are checks of **independence**: an input that an
# output must not see is changed (a later position, a masked one, another sequence of the batch), and the output must
# stay the same to the last digit that counts.
#
# **Shapes.** Sequences are (batch, time, features), attention inside a layer (batch, heads, time, head_dim). Masks are
# booleans, **true where a query may look**, and broadcast to (batch, heads, queries, keys).

# %% [markdown]
# **What every check asks**
#
# - *The same code on every device.* `xp.exp(x)` in place of `np.exp(x)`, with `xp` from `array_module`. New arrays come
#   from `xp` as well (`xp.zeros_like(x)`), or from `zeros` and `ones` of `dlkit`; its `asarray` takes to the device what
#   a generator has drawn. No `float(x)`, no `x.tolist()`: nothing is copied from a device.
# - *The dtype stays.* float32 inputs give float32 results, float64 inputs float64 ones.
# - *Inputs stay as they are.* Nothing is written to an array that was passed to a function or a method.
# - *Objects stand alone.* Two objects share nothing. Every call uses the inputs, the parameters and the mode of that
#   call; nothing changes between a `forward` and its `backward`. A second `backward` gives the same again. What a call
#   returned stays as it is, whatever is called later, and when parameters change. A network that a function is given
#   stays in its mode, unless the text says otherwise.
# - *Finite*, where a docstring says it, goes for gradients as well.
# - *Any array will do*: views of other arrays, batches of one row, long sequences, large parameters.
# - *Exactness.* The largest error may be 10⁻⁶ of the largest expected number (float32: 10⁻³), or of 1 where that is
#   larger. Shapes must be equal.
# - *Limits.* A call may take 3 seconds of CPU time and 2 GB of memory; a training has limits of its own. Where speed,
#   memory or growth earn points, the limit is a multiple of what the author's solution takes, and the check names it.
# - *Data.* A model is to be trained, not brought along: what a training needs may hold 4,000 characters of numbers, texts
#   and names (the author's solutions have about 1,000), and 10,000 bytes when it is compressed. Docstrings and comments do
#   not count; they are removed before a training is graded.
# - *Written questions* are graded by people. Where the course has model answers, `autograder answer` shows one, with its
#   mark scheme, after you have written your own.
# - *Imports.* Python's standard library, NumPy and dlkit: when your work is graded, nothing else can be imported.
# - *Gradients* are what the chain rule gives, computed from formulas. Differences of `forward`, complex steps and
#   `gradcheck` are no answer; nor is a `backward` that takes as long as a call of `forward` for every number. Loops are fine.

# %%
from functools import cache
from time import process_time

import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Layer, Parameter, Schedule, array_module, asarray, ones, plotting, zeros
from dlkit.course import earlier, when_written
from dlkit.datasets import characters, made_up_text, python_manual, written_dates
from dlkit.padding import padded, trimmed_batches


# %% [markdown]
# Some small functions are given. `draw` makes the initial weights of a matrix. `as_rows` merges all axes but the last,
# so that one matrix product treats all positions of all sequences: `as_rows(x) @ W`. The two masks are the common ones; a
# position may be looked at where both are true, `causal_mask(time) & padding_mask(kept)`:
#
# ```
#   causal_mask(4)            padding_mask of one sequence       both
#   keys →                    with three tokens
#   1 0 0 0                   1 1 1 0  (for every query)         1 0 0 0
#   1 1 0 0                                                      1 1 0 0
#   1 1 1 0                                                      1 1 1 0
#   1 1 1 1                                                      1 1 1 0
# ```

# %%
def draw(rows, columns, rng):
    """An initial weight matrix (rows, columns), normal with standard deviation 1/√rows; given"""
    return Parameter(rng.normal(0, rows**-0.5, (rows, columns)))


def as_rows(x):
    """(…, features) as a table (rows, features); given"""
    return x.reshape(-1, x.shape[-1])


def causal_mask(queries, keys=None):
    """Booleans (queries, keys), true where a query may look: at keys up to its own position; given

    Where there are more keys than queries, the queries are the last of the positions.
    """
    keys = queries if keys is None else keys
    return asarray(np.tri(queries, keys, keys - queries, dtype=bool))


def padding_mask(kept):
    """Booleans (batch, time), true where a token counts, as a mask for all heads and queries; given

    Shapes
        kept  (batch, time)      mask  (batch, 1, 1, time)
    """
    return kept[:, None, None, :]


# %% [markdown]
# ## 9.1 Scaled dot-product attention
#
# Think of a dictionary that is read approximately. Every position offers a **key** $k_j$ and a **value** $v_j$; a
# position that wants to know something asks with a **query** $q_i$. An ordinary dictionary returns the value of the one
# key that equals the query. Here every key is compared with the query by a dot product, the scores become weights by a
# softmax, and what is returned is the mean of all values with these weights:
#
# $$ S = \frac{q\,k^\top}{\sqrt{d}}, \qquad P = \operatorname{softmax}(S) \text{ of every row}, \qquad y = P\,v $$
#
# Unlike a dictionary it is differentiable: queries and keys can learn what to look for, and what to be found by.
#
# ```
#                keys →                                     value_dim →
#           ┌ p₁₁ p₁₂ p₁₃ ┐  every row                     ┌ · · ┐ v₁
#  queries  │ p₂₁ p₂₂ p₂₃ │  sums to 1       y   =   P  ·  │ · · │ v₂
#     ↓     └             ┘                                └ · · ┘ v₃
#     P: (queries, keys)                 (queries, value_dim) = (queries, keys) (keys, value_dim)
# ```
#
# The number of queries and the number of keys may differ, and so may `head_dim` (shared by queries and keys, $d$ in the
# formula) and `value_dim`. All axes before the last two (batch, heads) are carried along: `@` multiplies the last two
# axes of stacked matrices, and `x.swapaxes(-1, -2)` transposes them.
#
# **Why $\sqrt d$?** If the entries of $q$ and $k$ have variance 1, their dot product is a sum of $d$ such products and
# has variance $d$. With $d = 64$ a score of ±16 is nothing unusual, the softmax is then nearly one-hot, and its
# gradient nearly zero. Dividing by $\sqrt d$ keeps the variance at 1, whatever the size of the heads. The picture at
# the end of this section shows it.
#
# **Masks.** A query must not always look everywhere: a word that is being generated not at later words (a *causal*
# mask), nobody at padding. A mask is an array of booleans, **true where a query may look**, that broadcasts to the
# scores. It acts *before* the softmax, so that the allowed weights still sum to 1: a masked score counts as $-\infty$,
# and $e^{-\infty} = 0$. Three rules make this safe:
#
# - **Select, do not add.** `xp.where(mask, scores, -xp.inf)` discards what was there. Adding a large negative number does
#   not: NaN plus anything is NaN, and a score of $10^{10}$ survives $-10^9$.
# - **A query that sees nothing** gets weights 0, the output 0 and a gradient of 0. The formula would give
#   $e^{-\infty - (-\infty)}$, which is NaN: replace a maximum of $-\infty$ by a finite number, and do not divide by a
#   sum of 0. (Such rows are not exotic: a padded sequence of a batch may be padding only.)
# - **What no query sees counts as 0**, in keys and values: a weight of 0 is not enough, since $0 \cdot \text{NaN}$ is NaN,
#   and the memory behind padding may hold anything. By the same argument a query that sees nothing counts as 0.
#
# ### First step: masked_softmax
#
# The softmax of assignment 02, with a mask. The largest score of a row is subtracted from all of its scores, which
# changes nothing in the quotient and keeps $e^{s}$ finite.
#
# *By hand:* scores $(0, \ln 3, 7)$ with mask (true, true, false): the largest that counts is $\ln 3$, so
# $e^{s - \ln 3} = (\frac13, 1, 0)$, their sum is $\frac43$, and $p = (\frac14, \frac34, 0)$.
#
# `out` is what it is for NumPy's functions: an array that receives the result. Scores are the largest arrays of a
# Transformer, and nobody needs them after the softmax: with `out=scores` the weights take their place.

# %%
def masked_softmax(scores, mask=None, out=None):
    """The softmax of every row, over the last axis, among the positions that the mask allows

    Shapes
        scores, p  (…, keys)      mask  booleans that broadcast to scores, true where a score counts; None: everywhere
    p is 0 where the mask is false, whatever the score is there, and a row that sees nothing is all 0.
    out: an array of the shape of scores, perhaps scores itself, that the result is written into and that is returned;
    None: a new array, and scores is left unchanged.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.3.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(masked_softmax)


# %% [markdown]
# ### Second step: softmax_backward
#
# Every weight of a row depends on every score of that row. From $p_j = e^{s_j} / \sum_k e^{s_k}$ follows
# $\partial p_j / \partial s_i = p_j\,([i = j] - p_i)$, and the chain rule sums over all $j$:
#
# $$ ds_i = \sum_j dp_j\, p_j\, ([i = j] - p_i) = p_i \Bigl( dp_i - \sum_j p_j\, dp_j \Bigr) $$
#
# A row's gradient minus its mean under $p$, times $p$. Nobody needs the table of all $\partial p_j / \partial s_i$, which
# has keys × keys entries for every query. And masks take care of themselves: where $p = 0$, $ds = 0$.
#
# *By hand:* $p = (\frac14, \frac34)$, $dp = (0, 4)$: the mean is $3$, so $ds = (\frac14 \cdot (-3), \frac34 \cdot 1) =
# (-\frac34, \frac34)$. The entries sum to zero, always: a constant added to all scores changes nothing.

# %%
def softmax_backward(dp, p, out=None):
    """The gradient of the scores, where p is the softmax of each row and dp the gradient of the loss at p

    Shapes
        dp, p, ds  (…, keys)
    out: an array of this shape, perhaps dp itself, that the result is written into and that is returned; None: a new
    array, and dp is left unchanged.

    Source: Goodfellow, Bengio & Courville, Deep Learning (2016), section 6.5.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(softmax_backward)


# %% [markdown]
# ### The layer
#
# **The backward pass, derived.** It runs through the three equations from the end to the beginning. $y = P v$ is a matrix
# product, and the gradient of a product with respect to one factor is the upstream gradient times the other one,
# transposed:
#
# $$ dv = P^\top dy, \qquad dP = dy\, v^\top $$
#
# Through the softmax with `softmax_backward`: $dS = P \odot (dP - \text{rowsum}(P \odot dP))$. Then the scores, a
# matrix product with a factor in front:
#
# $$ dq = \frac{1}{\sqrt d}\, dS\, k, \qquad dk = \frac{1}{\sqrt d}\, dS^\top q $$
#
# *By hand:* one query $q = (1)$ with $d = 1$, two keys $k = (0, \ln 3)$ and values $v = (0, 4)$. The scores are
# $(0, \ln 3)$, the weights $(\frac14, \frac34)$ and $y = 3$. With $dy = 1$: $dv = (\frac14, \frac34)$, $dP = (0, 4)$,
# $dS = (-\frac34, \frac34)$ as above, $dq = \frac34 \ln 3 = 0.824$ and $dk = (-\frac34, \frac34)$. If the query grows,
# it prefers the second key even more, and $y$ rises.
#
# **Fast.** The arrays of queries × keys are the large ones. Scale $q$ before the product, not the scores after it; let
# the weights take the memory of the scores, and $dS$ that of $dP$. (The solution also computes the scores as
# $(k\,q^\top)^\top$: then the keys of one query lie apart in memory and those of neighbouring queries side by side, so
# that the maximum of each row is taken for many queries at a time.)
#
# > **Find the mistake.** An article in our sources calls attention "a type of self-attention". It is the reverse:
# > attention lets any queries read any keys and values; in *self*-attention, one special case, all three are computed
# > from the same sequence. Another case reads a second sequence (cross-attention, 9.2 and 9.3).

# %%
class ScaledDotProductAttention(Layer):
    """Every query reads a mean of the values, weighted by its dot products with the keys: y = softmax(q kᵀ / √d) v

    Shapes
        q  (…, queries, head_dim)      k  (…, keys, head_dim)      v  (…, keys, value_dim)
        y  (…, queries, value_dim)      weights  (…, queries, keys)
        mask  booleans that broadcast to weights, of two axes or more, true where a query may look; None: everywhere
    d is head_dim. A query that sees nothing reads 0. Keys and values that no query sees count as 0, and so does a query
    that sees nothing: NaN there has no effect on anything.
    forward(q, k, v, mask=None) returns y and sets self.weights to the weights; backward(dy) returns (dq, dk, dv).

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.1.
    """

    def forward(self, q, k, v, mask=None):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(ScaledDotProductAttention)

# %% [markdown]
# What the factor $1/\sqrt d$ does: the largest weight of a query that compares itself with 16 random keys, without and with
# the factor, and how much of the gradient passes the softmax. Without it, large heads begin training with weights that
# are almost 0 or 1, where nothing moves.

# %%
with when_written():
    rng = np.random.default_rng(0)
    dims = 2 ** np.arange(1, 11)
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
    for scaled in (False, True):
        largest, passed = [], []
        for dim in dims:
            q, k, dp = rng.normal(size=(400, 1, dim)), rng.normal(size=(400, 16, dim)), rng.normal(size=(400, 1, 16))
            p = masked_softmax(q @ k.swapaxes(-1, -2) / (dim**0.5 if scaled else 1))
            largest.append(p.max(axis=-1).mean())
            passed.append(np.linalg.norm(softmax_backward(dp, p), axis=-1).mean())
        label = "divided by √d" if scaled else "not divided"
        axes[0].semilogx(dims, largest, "o-", base=2, label=label)
        axes[1].semilogx(dims, passed, "o-", base=2, label=label)
    axes[0].set(xlabel="head_dim d", ylabel="largest weight, mean", ylim=(0, 1))
    axes[1].set(xlabel="head_dim d", ylabel="norm of the scores' gradient, mean", ylim=(0, None))
    axes[1].legend()
    plt.show()


# %% [markdown]
# ## 9.2 Additive attention and a decoder's step
#
# Attention is older than the Transformer. A translation network of 2014 read a sentence with one recurrent network, the
# *encoder*, and wrote its translation with another, the *decoder*, which knew of the sentence only the encoder's last
# state. Long sentences did not fit into it. Bahdanau, Cho and Bengio let the decoder keep *all* states of the encoder, the
# **memory**, and at every step read a mean of them, chosen anew by its own state:
#
# ```
#   memory   h₁      h₂      h₃      h₄        the encoder's states, (batch, time, memory_features)
#             ╲      │       │      ╱
#              w₁    w₂      w₃    w₄          weights that sum to 1, (batch, time)
#               ╲    │       │    ╱
#                 ───── Σ ───── ← state        which memory is of interest now?
#                       ↓
#                    context                   (batch, memory_features)
# ```
#
# How well state and memory fit is the output of a small network with one hidden layer, in which the two are *added*:
#
# $$ z_j = s\,W + h_j\,U, \qquad e_j = \tanh(z_j) \cdot v, \qquad w = \operatorname{softmax}(e), \qquad c = \sum_j w_j\,h_j $$
#
# $s$ is the state, $h_j$ step $j$ of the memory, $v$ a vector. The product $s W$ is needed once, for all steps;
# $h_j U$ is one matrix product for all steps together.
#
# **The backward pass, derived.** The memory is used twice: it decides about the weights, and it is what is read. Begin at
# the context, which is a sum of products. The gradient of a weight is how much its memory agrees with $dc$:
#
# $$ dw_j = h_j \cdot dc, \qquad de = \texttt{softmax\_backward}(dw, w) $$
#
# $e_j$ is a product of $\tanh(z_j)$ and $v$, so
#
# $$ dv = \sum_{n,j} de_{nj} \tanh(z_{nj}), \qquad dz_j = de_j\, v \odot \bigl(1 - \tanh^2 z_j\bigr) $$
#
# The state was added to *every* step, so its gradients of all steps add up before they meet $W$. Every step of the memory
# gets one part through $z_j$ and one directly, as a term of the context:
#
# $$ ds = \Bigl(\sum_j dz_j\Bigr) W^\top, \qquad dW = s^\top \sum_j dz_j, \qquad dU = \sum_j h_j^\top dz_j, \qquad
#    dh_j = dz_j\,U^\top + w_j\, dc $$
#
# *By hand:* one number of each, $W = U = v = 1$, $s = 0$, memory $(0, 2)$. Then $z = (0, 2)$, $e = (0, 0.964)$, weights
# $(0.276, 0.724)$ and $c = 1.448$. With $dc = 1$: $dw = (0, 2)$, their mean under $w$ is $1.448$, so
# $de = (0.276 \cdot (-1.448),\ 0.724 \cdot 0.552) = (-0.400, 0.400)$. $dz = de\,(1 - \tanh^2 z) = (-0.400, 0.028)$. So
# $ds = -0.371$, $dh = dz + w = (-0.124, 0.752)$, $dv = 0.400 \cdot 0.964 = 0.385$.
#
# **Masks** have one axis for time: (batch, time), true where there is something to read. A memory with nothing to read
# gives the context 0, and what is masked counts as 0, even if it is NaN.

# %%
class AdditiveAttention(Layer):
    """A state reads a memory, with weights from a small network: e[j] = tanh(state W + memory[j] U) · v

    Shapes
        state  (batch, state_features)      memory  (batch, time, memory_features)      weights  (batch, time)
        context  (batch, memory_features)      W  (state_features, hidden)      U  (memory_features, hidden)
        v  (hidden,)      mask  booleans (batch, time), true where the memory may be read; None: everywhere
    weights is the softmax of e over time, context the sum of weights[j] memory[j]. Where nothing may be read, context
    and weights are 0, without a gradient. Masked memory counts as 0: NaN there has no effect on anything, gradients of
    parameters included, and its own gradient is 0.
    forward(state, memory, mask=None) returns context and sets self.weights to the weights; backward(dcontext) returns
    (dstate, dmemory).

    Source: Bahdanau, Cho & Bengio, Neural Machine Translation by Jointly Learning to Align and Translate (2015),
    section 3.1 and appendix A.1.2.
    """

    def __init__(self, state_features, memory_features, hidden, *, rng):
        self.W, self.U = draw(state_features, hidden, rng), draw(memory_features, hidden, rng)
        self.v = Parameter(rng.normal(0, hidden**-0.5, hidden))

    def forward(self, state, memory, mask=None):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dcontext):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(AdditiveAttention)


# %% [markdown]
# ### DecoderStep
#
# The decoder is a recurrent network, a GRU for example, whose input at every step is the last word that it wrote together
# with what it has just read:
#
# ```
#            memory                        new ──→ (the next step, and the scores of the next word)
#              │                            ↑
#   state ──→ attention ── context ──→ [x, context] ──→ cell ←── state
#                             ↓             ↑
#                          context          x, the last word
# ```
#
# The cell is a recurrent layer of assignment 07; it is given sequences of a single step. Two things are easily forgotten in
# the backward pass. The state acts twice, on the attention and on the cell, so two gradients **add up**. And the context is
# both an output, with an upstream gradient of its own, and an input of the cell, which returns another one; they add up
# *before* they go back into the attention.
#
# *By hand:* let the cell return $new = x + c + s$, and let the attention return $c = 2s$. So $new = x + 3s$. With
# $dnew = 1$ and $dcontext = 10$: the cell returns 1 for $x$, 1 for $c$ and 1 for $s$. The attention is given
# $10 + 1 = 11$ and returns $22$. So $dx = 1$ and $ds = 1 + 22 = 23$, as $new + 10\,c = x + 23\,s$ confirms.

# %%
class DecoderStep(Layer):
    """One step of a decoder: read the memory, then let a recurrent cell read x and what was found

    Shapes
        x  (batch, in_features)      state, new  (batch, hidden)      memory  (batch, time, memory_features)
        context  (batch, memory_features)      mask  (batch, time), of the memory
    attention: a layer with forward(state, memory, mask) → context and backward(dcontext) → (dstate, dmemory).
    cell: a recurrent layer as in 07, with in_features + memory_features inputs: forward(x, state) → (h, last) of
    sequences (batch, time, features), and backward(dh, dlast) → (dx, dstate).
    The memory is read with the given state. The cell then reads x and context side by side, x first, as a sequence of
    one step, from the same state and without a mask; new is its last state.
    forward(x, state, memory, mask=None) returns (new, context), backward(dnew, dcontext) returns (dx, dstate, dmemory).

    Source: Bahdanau, Cho & Bengio (2015), section 3.1 and appendix A.2.2.
    """

    def __init__(self, attention, cell):
        self.attention, self.cell = attention, cell

    def forward(self, x, state, memory, mask=None):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dnew, dcontext):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(DecoderStep)

# %% [markdown]
# An untrained attention as it reads: each row is one state, each column a step of the memory. Before training the weights
# are nearly even; after it, such a map shows which word of the source is read for which word of the translation. You will
# see trained maps at the end of this assignment.

# %%
with when_written():
    GRU = earlier("recurrent.GRU")
    rng = np.random.default_rng(0)
    step = DecoderStep(AdditiveAttention(16, 8, 16, rng=rng), GRU(4 + 8, 16, rng=rng))
    memory, state = rng.normal(size=(1, 20, 8)), np.zeros((1, 16))
    maps = []
    for size in (1, 8):
        step.attention.v.data *= size
        rows = []
        for _ in range(12):
            state, context = step.forward(3 * rng.normal(size=(1, 4)), state, memory)
            rows.append(step.attention.weights[0])
        maps.append(np.array(rows))
    figure, axes = plt.subplots(1, 2, figsize=(11, 3), layout="constrained")
    for ax, weights, title in zip(axes, maps, ("as drawn", "v eight times as large: sharper"), strict=True):
        shown = ax.imshow(weights, cmap="Purples", vmin=0, aspect="auto")
        ax.set(xlabel="step of the memory", ylabel="step of the decoder", title=title)
        figure.colorbar(shown, ax=ax, label="weight")
    plt.show()


# %% [markdown]
# ## 9.3 Multi-head attention
#
# One softmax gives one mean: a word that has to find both its subject and its object would get a mixture of the two. So let
# several attentions, **heads**, run side by side, each on features of its own. For the cost of one attention over all
# `features`, there are `heads` of them with `head_dim` = features / heads each.
#
# ### Dividing the features
#
# ```
#   x (batch, time, features)                    y (batch, heads, time, head_dim)
#
#             features →                            head 0       head 1
#           a₁ b₁ c₁ d₁                             a₁ b₁        c₁ d₁
#   time    a₂ b₂ c₂ d₂        split_heads          a₂ b₂        c₂ d₂
#     ↓     a₃ b₃ c₃ d₃      ──────────────→        a₃ b₃        c₃ d₃
# ```
#
# Two steps: the features of each position become (heads, head_dim), which is a reshape, and then the heads are moved in
# front of time, which is *not*. A bare `x.reshape(batch, heads, time, head_dim)` has the correct shape and mixes
# positions: its first head would consist of $a_1\, b_1$, then $c_1\, d_1$, then $a_2\, b_2$.
#
# *By hand:* the rows $(1, 2, 3, 4)$ and $(5, 6, 7, 8)$ with two heads become head 0 with the rows $(1, 2), (5, 6)$ and
# head 1 with the rows $(3, 4), (7, 8)$.
#
# `merge_heads` is the inverse. Both only move numbers, so each is also the other's backward pass.

# %%
def split_heads(x, heads):
    """Divides the features among heads, and moves the heads in front of time

    Shapes
        x  (batch, time, heads · head_dim)      y  (batch, heads, time, head_dim)
    The first head gets the first head_dim features of every step.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.2.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(split_heads)


# %%
def merge_heads(x):
    """The inverse of split_heads

    Shapes
        x  (batch, heads, time, head_dim)      y  (batch, time, heads · head_dim)

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.2.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(merge_heads)


# %% [markdown]
# ### The layer
#
# Four matrices without biases. Three make queries, keys and values; the fourth mixes what the heads have read:
#
# $$ q = x\,W_q, \quad k = m\,W_k, \quad v = m\,W_v, \qquad
#    y = \text{merge}\bigl(\text{attention}(\text{split } q, \text{split } k, \text{split } v)\bigr)\, W_o $$
#
# ```
#     x (batch, queries, features)      memory (batch, keys, features)
#     │ Wq                                 │ Wk            │ Wv
#     q ─ split ─→ (B, H, Q, D)            k ─ split       v ─ split
#                        └──── attention ───┴───────────────┘        weights (B, H, Q, K)
#                                 │ (B, H, Q, D)
#                               merge ─→ (B, Q, features) ── Wo ──→ y
# ```
#
# `memory` ($m$) is what is read. In **self-attention** a sequence reads itself, `forward(x, x)`; in **cross-attention**
# the decoder reads what the encoder made of its input. One layer for both: it always returns two gradients, and in
# self-attention the caller adds them.
#
# **Masks** of (batch, heads, queries, keys) in which any axis may be 1, or the first ones missing. A causal mask
# (queries, keys) and a padding mask (batch, 1, 1, keys) are combined by `&` and broadcast.
#
# **The backward pass** follows the drawing upwards. $W_o$: $dW_o = r^\top dy$ with $r$ the merged rows of all
# positions, and $dr = dy\,W_o^\top$. Merging is undone by splitting, so the gradient of what the heads returned is
# $\text{split}(dr)$. The attention returns three gradients, which are merged again, and each goes through its own matrix.
# Keys and values come from the same memory, so its gradient has two terms:
#
# $$ dx = dq\,W_q^\top, \qquad dm = dk\,W_k^\top + dv\,W_v^\top, \qquad
#    dW_q = x^\top dq, \quad dW_k = m^\top dk, \quad dW_v = m^\top dv $$
#
# with all positions of all sequences as rows.
#
# *By hand:* two features and two heads of one feature, all matrices the identity; one query $x = (1, 0)$, and a memory of
# two positions $(0, 0)$ and $(\ln 3, 2)$. Head 0 compares $1$ with $0$ and $\ln 3$ ($d = 1$): weights
# $(\frac14, \frac34)$, and reads $\frac34 \ln 3 = 0.824$. Head 1 has the query 0: weights $(\frac12, \frac12)$, and reads
# $1$. So $y = (0.824, 1)$: one sequence, read in two ways.

# %%
class MultiHeadAttention(Layer):
    """Several attentions side by side, each on its share of projected features

    Shapes
        x, y  (batch, queries, features)      memory  (batch, keys, features)
        Wq, Wk, Wv, Wo  (features, features)      weights  (batch, heads, queries, keys)
        mask  booleans that broadcast to weights, true where a query may look; None: everywhere
    Queries are x Wq, keys memory Wk and values memory Wv; each is divided among the heads by split_heads, and head_dim
    is features / heads. What the heads read is merged and multiplied by Wo. There are no biases.
    forward(x, memory, mask=None) returns y and sets self.weights; backward(dy) returns (dx, dmemory).

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.2.
    """

    def __init__(self, features, heads, *, rng):
        self.heads = heads
        self.Wq, self.Wk = draw(features, features, rng), draw(features, features, rng)
        self.Wv, self.Wo = draw(features, features, rng), draw(features, features, rng)
        self.attention = ScaledDotProductAttention()

    def forward(self, x, memory, mask=None):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(MultiHeadAttention)


# %% [markdown]
# **Question 1.** *(3 points)* (a) The keys have no bias here. Show that a bias $b_k$, added to all keys, would change no
# output of the layer, whatever its value. (b) Self-attention without a mask is given a sequence, and then the same
# sequence with its positions in another order. How are the two outputs related, and why is this a problem for language?
# (c) A causal mask of `time` = 1,000 is applied: which share of the scores is computed for nothing, and how do the costs
# of attention and of a recurrent layer grow with the length of the sequence?

# %% [markdown]
# YOUR ANSWER HERE

# %% [markdown]
# ## 9.4 Positional encoding
#
# Attention does not know about order: it compares contents. (You prove it in question 1.) So tell it where a position is, by
# adding a vector to $x_t$ that depends on $t$ alone. Counting, $P_t = t$, would grow without limit and dwarf the content.
# Vaswani et al. use waves, of which the first is fast and each following one slower, like the digits of a clock:
#
# $$ P_{t,\,2i} = \sin\bigl(t\,\omega_i\bigr), \qquad P_{t,\,2i+1} = \cos\bigl(t\,\omega_i\bigr), \qquad
#    \omega_i = 10000^{-2i/\text{features}} $$
#
# Sine and cosine of one wave are side by side. Together they are a point on a circle, and a step of $k$ positions rotates
# it by $k\,\omega_i$, whatever $t$ is. So the encoding of $t + k$ is a *linear* function of that of $t$, which a
# matrix such as $W_q$ can learn: "three positions ago" is one rotation. The dot product of two encodings depends only on
# their distance, $P_t \cdot P_s = \sum_i \cos((t - s)\,\omega_i)$: look at the picture.
#
# There is nothing to learn, and the **backward pass** is that of a sum: $dx = dy$.
#
# *By hand:* four features, so $\omega_0 = 1$ and $\omega_1 = 10000^{-2/4} = 0.01$. Position 0 is $(0, 1, 0, 1)$, position
# 1 is $(\sin 1, \cos 1, \sin 0.01, \cos 0.01) = (0.841, 0.540, 0.010, 1.000)$. With three features the last cosine is
# left out.
#
# `start` is the position of the first step: a decoder that is given one word after the other counts on. Compute the angles
# in float64, and convert the finished table to the dtype of x: near position 1,000,000 the numbers of float32 are
# 0.06 apart.

# %%
class PositionalEncoding(Layer):
    """Adds waves of the position: y[t] = x[t] + P[t], P[t, 2i] = sin(t ω[i]), P[t, 2i + 1] = cos(t ω[i])

    Shapes
        x, y  (batch, time, features)      P  (time, features)
    ω[i] = 10000^(−2i / features).      features: any number; where it is odd, the last sine has no cosine.
    forward(x, start=0) has steps at the positions start, start + 1, …; backward(dy) returns dx, which may be dy itself.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.5.
    """

    def __init__(self, features):
        self.features = features

    def forward(self, x, start=0):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(PositionalEncoding)

# %% [markdown]
# The table for 64 features, and the dot products of every two encodings: they depend on the distance only, and fall
# with it on the whole, in waves.

# %%
with when_written():
    table = PositionalEncoding(64).forward(np.zeros((1, 100, 64)))[0]
    figure, axes = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
    for ax, picture, names in zip(
        axes, (table, table @ table.T), (("feature", "position"), ("position", "position")), strict=True
    ):
        shown = ax.imshow(picture, cmap="PuOr", aspect="auto")
        ax.set(xlabel=names[0], ylabel=names[1])
        figure.colorbar(shown, ax=ax)
    axes[0].set_title("the waves")
    axes[1].set_title("dot products of encodings")
    plt.show()


# %% [markdown]
# ## 9.5 Rotary positions: RoPE
#
# What attention needs is not *where* a position is but *how far* from the query. So leave the input alone, and put
# the positions into the dot product: **rotate** every query and every key by an angle that grows with its position.
# A rotation changes no length, and the dot product of two rotated vectors depends only on the *difference* of their
# angles:
#
# $$ \bigl(R_{t}\, q\bigr) \cdot \bigl(R_{s}\, k\bigr) = q^\top R_t^\top R_s\, k = q^\top R_{s - t}\, k $$
#
# Whatever is learned about "two words ago" holds everywhere in the text. This is what most language models of today do;
# values are not rotated.
#
# ### Rotating pairs
#
# A rotation needs two dimensions, so features are taken in pairs, and each pair has its own angle:
#
# $$ y_i = x_i \cos\alpha_i - x_{i + \text{half}} \sin\alpha_i, \qquad
#    y_{i + \text{half}} = x_{i + \text{half}} \cos\alpha_i + x_i \sin\alpha_i $$
#
# Which features are a pair is a convention, and there are two. The paper pairs neighbours; GPT-NeoX, LLaMA and this
# course pair the first half with the second, since halves are contiguous in memory. Weights that were trained with one
# convention are useless with the other, and mixing them up raises no error:
#
# ```
#   half pairing (here)              interleaved pairing (the paper)
#
#   x₀ x₁ x₂ │ x₃ x₄ x₅              x₀ x₁ x₂ x₃ x₄ x₅
#   └──┼──┼────┘  │  │               └──┘  └──┘  └──┘
#      └──┼───────┘  │
#         └──────────┘
#   (0,3) (1,4) (2,5)                (0,1) (2,3) (4,5)
# ```
#
# *By hand:* $x = (1, 2, 3, 4)$, pairs $(1, 3)$ and $(2, 4)$, rotated by a right angle ($\cos = 0$, $\sin = 1$) and not at
# all ($\cos = 1$, $\sin = 0$): $y = (-3, 2, 1, 4)$.

# %%
def rotate_pairs(x, cos, sin):
    """Rotates the features i and i + half together, by the angles whose cosines and sines are given

    Shapes
        x, y  (…, time, 2 · half)      cos, sin  (time, half)
    y[i] = x[i] cos[i] − x[i + half] sin[i],      y[i + half] = x[i + half] cos[i] + x[i] sin[i]

    Source: Black et al., GPT-NeoX-20B: An Open-Source Autoregressive Language Model (2022), section 2.1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(rotate_pairs)


# %% [markdown]
# ### The layer
#
# The angles are those of the waves in 9.4: pair $i$ of the step at position $t$ is rotated by
#
# $$ \alpha_{t,i} = t \cdot \text{base}^{-2i / \text{head\_dim}}, \qquad i = 0, \dots, \text{head\_dim}/2 - 1 $$
#
# The first pair turns fast and distinguishes neighbours; the last one has hardly moved after a thousand steps.
#
# **The backward pass.** A rotation is a linear map, $y = R\,x$, so $dx = R^\top dy$. The transpose of a rotation is the
# rotation by the opposite angle: the same function, with $-\sin$.
#
# *By hand:* head_dim 2, so one pair and the angle $t$. $x_0 = x_1 = (1, 0)$: $y_0 = (1, 0)$,
# $y_1 = (\cos 1, \sin 1) = (0.540, 0.841)$, and their dot product is $\cos 1$, as for any two neighbours. With
# $dy_1 = (1, 0)$: $dx_1 = (0.540, -0.841)$.

# %%
class RoPE(Layer):
    """Rotary positions: pair i of the step at position t is rotated by the angle t · base^(−2i / head_dim)

    Shapes
        x, y  (…, time, head_dim)
    head_dim: an even number.  Pair i consists of the features i and i + head_dim / 2, as in rotate_pairs.
    forward(x, start=0) has steps at the positions start, start + 1, …; backward(dy) returns dx.

    Source: Su et al., RoFormer: Enhanced Transformer with Rotary Position Embedding (2021), section 3.2; pairs of
    halves: Black et al. (2022), section 2.1.
    """

    def __init__(self, head_dim, base=10000.0):
        self.head_dim, self.base = head_dim, base

    def forward(self, x, start=0):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(RoPE)

# %% [markdown]
# One query and one key, put at every pair of positions. Left: the scores; along each diagonal they are equal. Right: the
# scores by distance, for a query and a key of ones: they fall with it on the whole, in waves; neighbours usually matter
# most.

# %%
with when_written():
    rng = np.random.default_rng(3)
    rope = RoPE(32)
    q, k = (np.repeat(rng.normal(size=(1, 1, 32)), 60, axis=1) for _ in range(2))
    scores = rope.forward(q)[0] @ rope.forward(k)[0].T
    ones_of = np.ones((1, 200, 32))
    by_distance = rope.forward(ones_of)[0] @ rope.forward(ones_of)[0][0]
    figure, axes = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
    figure.colorbar(axes[0].imshow(scores, cmap="PuOr"), ax=axes[0])
    axes[0].set(xlabel="position of the key", ylabel="position of the query", title="scores of one query and one key")
    axes[1].plot(by_distance)
    axes[1].set(xlabel="distance", ylabel="score", title="a query and a key of ones")
    plt.show()


# %% [markdown]
# ## 9.6 RMSNorm
#
# Layer normalization (assignment 05) subtracts the mean of a row and divides by its standard deviation. Only the second
# matters, found Zhang and Sennrich: what keeps a deep stack stable is that every row has a fixed *size*. So divide by the
# root of the mean square, and leave mean and shift away:
#
# $$ r = \sqrt{\frac1F \sum_f x_f^2 + \varepsilon}, \qquad \hat x = \frac{x}{r}, \qquad y = \gamma \odot \hat x $$
#
# $\varepsilon$ is *inside* the root, as in PyTorch.
#
# **The backward pass, derived.** $x_f$ affects all outputs of its row, directly and through $r$. From
# $r^2 = \frac1F \sum x^2 + \varepsilon$ follows $\partial r / \partial x_f = x_f / (F\,r) = \hat x_f / F$. With
# $d\hat x = \gamma \odot dy$ and $\hat x_g = x_g / r$:
#
# $$ dx_f = \frac{d\hat x_f}{r} - \sum_g d\hat x_g \frac{x_g}{r^2} \cdot \frac{\hat x_f}{F}
#         = \frac1r \Bigl( d\hat x_f - \hat x_f \cdot \frac1F \sum_g d\hat x_g\, \hat x_g \Bigr) $$
#
# Compare with `LayerNorm`: the term with the mean of $d\hat x$ is gone. $d\gamma = \sum dy \odot \hat x$ over all rows.
#
# *By hand:* $x = (3, 4)$, $\varepsilon = 0$, $\gamma = (1, 1)$: $r = \sqrt{25/2} = 3.536$, $\hat x = (0.849, 1.131)$. With
# $dy = (1, 0)$ the mean of $d\hat x \hat x$ is $0.424$, so $dx = (1 - 0.849 \cdot 0.424,\ -1.131 \cdot 0.424) / 3.536 =
# (0.181, -0.136)$. It is orthogonal to $x$: if $x$ grows in its own direction, nothing changes.

# %%
class RMSNorm(Layer):
    """Root mean square 1 for every row, over its features, the last axis; then  y = γ x̂

    Shapes
        x, y  (…, features)      gamma  (features,)
    features: length of the last axis.      eps: added to the mean of the squares, inside the root.

    Source: Zhang & Sennrich, Root Mean Square Layer Normalization (2019), section 3.
    """

    def __init__(self, features, eps=1e-6):
        self.gamma = Parameter(ones(features))
        self.eps = eps

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(RMSNorm)


# %% [markdown]
# ## 9.7 SwiGLU
#
# Attention moves information between positions; the layer after it works on each position. In recent models that layer
# has a **gate**: one projection says *what*, another says *how much of it*, and their product is projected back. Three
# matrices in place of two, and no biases:
#
# $$ z = x\,W_\text{gate}, \qquad u = x\,W_\text{up}, \qquad y = \bigl(\text{silu}(z) \odot u\bigr)\, W_\text{down},
#    \qquad \text{silu}(z) = z\,\sigma(z) $$
#
# ```
#              ┌─ W_gate ─→ z ─ silu ─┐
#   x ─────────┤                      ⊙ ── W_down ──→ y
#   (features) └─ W_up ───→ u ────────┘ (hidden)      (features)
# ```
#
# **The backward pass, derived.** Call the product $p = \text{silu}(z) \odot u$. Then $dp = dy\,W_\text{down}^\top$, and
# each factor gets the other one: $du = dp \odot \text{silu}(z)$, $dz = dp \odot u \odot \text{silu}'(z)$. By the product
# rule, with $\sigma' = \sigma (1 - \sigma)$:
#
# $$ \text{silu}'(z) = \sigma(z) + z\,\sigma(z)\,(1 - \sigma(z)) = \sigma(z)\,\bigl(1 + z\,(1 - \sigma(z))\bigr) $$
#
# $x$ went into two matrices, so $dx = dz\,W_\text{gate}^\top + du\,W_\text{up}^\top$.
#
# *By hand:* one number of each, all weights 1, $x = 2$: $z = u = 2$, $\sigma = 0.881$, $\text{silu} = 1.762$,
# $y = 3.523$. With $dy = 1$: $du = 1.762$; $\text{silu}' = 0.881\,(1 + 2 \cdot 0.119) = 1.091$, $dz = 2.182$; $dx = 3.943$.
#
# For large negative $z$ the exponential in $\sigma$ overflows if it is written as $1 / (1 + e^{-z})$;
# $\sigma(z) = \frac12 + \frac12 \tanh\frac z2$ does not.

# %%
class SwiGLU(Layer):
    """A gated feed-forward layer, at every position: y = (silu(x W_gate) ⊙ (x W_up)) W_down

    Shapes
        x, y  (…, features)      W_gate, W_up  (features, hidden)      W_down  (hidden, features)
    silu(z) = z σ(z). There are no biases.

    Source: Shazeer, GLU Variants Improve Transformer (2020), equation 6.
    """

    def __init__(self, features, hidden, *, rng):
        self.W_gate, self.W_up = draw(features, hidden, rng), draw(features, hidden, rng)
        self.W_down = draw(hidden, features, rng)

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(SwiGLU)


# %% [markdown]
# ## 9.8 The position-wise feed-forward layer
#
# The layer after attention in the Transformer of 2017, and in the encoder that you write next: two affine maps and a ReLU,
# *the same at every position*, and each position by itself:
#
# $$ y = \max(0,\ x\,W_1 + b_1)\, W_2 + b_2 $$
#
# With `hidden` = 4 · features it holds two thirds of the weights of an encoder layer. In code nothing is new: merge batch and time
# into rows, and it is a small network of assignment 02.
#
# What matters is what it must *not* do. Attention is the only place where positions may exchange anything. If one hidden
# unit of this layer sums or averages over time instead, a causal model sees the future in training and has nothing to see
# when it generates: its loss is excellent, and its text is not. The check "every position is computed by itself" changes
# one position and looks at all the others.
#
# **The backward pass.** $dW_2 = h^\top dy$ and $db_2 = \sum dy$ with $h$ the hidden rows after the ReLU;
# $dh = dy\,W_2^\top$, zero where $h$ is zero; then $dW_1 = x^\top dh$, $db_1 = \sum dh$, $dx = dh\,W_1^\top$, all sums
# over all positions of all sequences.
#
# *By hand:* one feature, two hidden units, $W_1 = (1, -1)$, $b_1 = (0, 0)$, $W_2 = (2, 3)^\top$, $b_2 = 1$. Two positions
# $x = (1, -2)$: hidden rows $(1, 0)$ and $(0, 2)$, $y = (3, 7)$. With $dy = (1, 1)$: $dW_2 = (1, 2)$, $db_2 = 2$,
# $dh = (2, 0)$ and $(0, 3)$, $dW_1 = 1 \cdot (2, 0) - 2 \cdot (0, 3) = (2, -6)$, $db_1 = (2, 3)$, $dx = (2, -3)$.

# %%
class PositionwiseFeedForward(Layer):
    """A small network, the same at every position: y = max(0, x W1 + b1) W2 + b2

    Shapes
        x, y  (…, features)      W1  (features, hidden)      b1  (hidden,)      W2  (hidden, features)      b2  (features,)

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.3.
    """

    def __init__(self, features, hidden, *, rng):
        self.W1, self.W2 = draw(features, hidden, rng), draw(hidden, features, rng)
        self.b1, self.b2 = Parameter(zeros(hidden)), Parameter(zeros(features))

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(PositionwiseFeedForward)


# %% [markdown]
# ## 9.9 EncoderLayer
#
# Attention lets positions exchange information, and a feed-forward layer works on each of them alone. Put one behind
# the other, put a **residual path** around each, and you have the block that all Transformers are made of:
#
# $$ h = x + \text{attention}\bigl(\text{norm}_0(x)\bigr), \qquad y = h + \text{feedforward}\bigl(\text{norm}_1(h)\bigr) $$
#
# ```
#    x ──┬─────────────────────────→ ⊕ ── h ──┬──────────────────────────→ ⊕ ── y
#        └→ norms[0] ─→ attention ───┘        └→ norms[1] ─→ feed_forward ─┘
# ```
#
# **Before or after?** In 2017 the normalization stood *after* the sum, on the residual path itself. Then each layer
# rescales everything that passes, gradients too, and deep stacks only train if the learning rate begins small and grows (9.14). Here it stands
# *before* attention and before the feed-forward layer (*pre-norm*), inside the branch, so that the path from the
# output of a stack to its input contains nothing but sums. The price is that $x$ is never normalized on that path:
# therefore a stack ends with one more norm, which the `Transformer` below has.
#
# **The backward pass, derived.** A sum passes its gradient to both of its terms. So the gradient at $h$ has two parts:
# $dy$ itself, along the residual path, and what the branch returns:
#
# $$ dh = dy + \text{norm}_1^\leftarrow\bigl(\text{feedforward}^\leftarrow(dy)\bigr), \qquad
#    dx = dh + \text{norm}_0^\leftarrow(dq + dm), \quad (dq, dm) = \text{attention}^\leftarrow(dh) $$
#
# where $f^\leftarrow$ is the `backward` of $f$. Self-attention has read its input twice, as the queries' $x$ and as
# the `memory` that keys and values come from: both gradients belong to $\text{norm}_0(x)$, so they add up *before* they
# go through the norm.
#
# *By hand:* one position with two features, $x = (3, 4)$. Its attention can only look at itself: all weight is on it.
# With $W_v = W_o = 1$ (the identity), the branch gives $\text{norm}_0(x) = (3, 4) / \sqrt{12.5} = (0.849, 1.131)$, so
# $h = (3.849, 5.131)$. Let the feed-forward layer be zero: $y = h$. For $dy = (1, 0)$: $dh = (1, 0)$, $W_v$ passes it
# on, and RMSNorm returns $(1 - 0.849 \cdot 0.4243,\ -1.131 \cdot 0.4243) / 3.536 = (0.181, -0.136)$, where
# $0.4243 = (1 \cdot 0.849 + 0 \cdot 1.131) / 2$. So $dx = (1.181, -0.136)$. Without the residual path only
# $(0.181, -0.136)$ would be left: imagine twelve layers.
#
# The mask is passed on to the attention as it is. With `padding_mask(kept)` nobody looks at padding; with
# `causal_mask(time)` nobody looks ahead, and the layer is one of a language model.

# %%
class EncoderLayer(Layer):
    """Attention and a feed-forward layer, each behind a norm and inside a residual path:

        h = x + attention(norms[0](x)),      y = h + feed_forward(norms[1](h))

    Shapes
        x, y  (batch, time, features)
        mask  booleans that broadcast to (batch, heads, time, time), true where a step may look; None: everywhere
    forward(x, mask=None) returns y, backward(dy) returns dx.

    Source: Vaswani et al. (2017), section 3.1; the norm before each branch: Xiong et al., On Layer Normalization in the
    Transformer Architecture (2020), figure 1b.
    """

    def __init__(self, features, heads, hidden, *, rng):
        self.norms = [RMSNorm(features), RMSNorm(features)]
        self.attention = MultiHeadAttention(features, heads, rng=rng)
        self.feed_forward = PositionwiseFeedForward(features, hidden, rng=rng)

    def forward(self, x, mask=None):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(EncoderLayer)


# %% [markdown]
# ## 9.10 DecoderLayer
#
# A decoder writes: at every position of the target it predicts what comes next. Its layer has three branches. First the
# target's positions look at each other, each at itself and what stands before it: a *causal* mask. Then they look at
# the **memory**, what the encoder made of the source: *cross-attention*, with queries from the target and keys and
# values from the memory. Then the feed-forward layer.
#
# $$ h = x + \text{self}\bigl(\text{norm}_0(x)\bigr), \qquad g = h + \text{cross}\bigl(\text{norm}_1(h),\ memory\bigr), \qquad
#    y = g + \text{feedforward}\bigl(\text{norm}_2(g)\bigr) $$
#
# ```
#                                memory (batch, source_time, features)
#                                   │ keys, values
#    x ─┬────────────→ ⊕ ─ h ─┬──── │ ─────→ ⊕ ─ g ─┬─────────────────────→ ⊕ ─ y     (batch, time, features)
#       └→ norm → self ┘      └→ norm → cross ┘     └→ norm → feed_forward ─┘
#            causal              padding mask
# ```
#
# **Two masks.** The causal mask is (time, time) and belongs to the self-attention; the layer makes it. The mask that it
# is *given* shows where the memory has tokens, and belongs to the cross-attention. All positions of the target are
# computed at once, each as if what follows did not exist: a training sequence of ten symbols is ten examples, in one
# call.
#
# **The backward pass** goes through the three branches from the last to the first. The memory is an input, so it gets a
# gradient too, the second of the two that the cross-attention returns. The memory is not normalized here: its norm is
# the last of the encoder.
#
# *By hand:* one feature, no norms, all matrices 1, attention without choice: the target has one position, $x = 2$, and
# so has the memory, $m = 5$. Then $h = 2 + 2 = 4$, $g = 4 + 5 = 9$, and with a feed-forward layer
# $\max(0, g)$, $y = 18$. For $dy = 1$: $dg = 1 + 1 = 2$; the cross-attention returns nothing for its only
# query (its weight is 1, whatever the query is), and $dm = 2$; $dh = 2$, and $dx = 2 + 2 = 4$.

# %%
class DecoderLayer(Layer):
    """Causal self-attention, cross-attention to a memory, and a feed-forward layer, each with its norm and residual path:

        h = x + attention(norms[0](x)),   g = h + cross(norms[1](h), memory),   y = g + feed_forward(norms[2](g))

    Shapes
        x, y  (batch, time, features)      memory  (batch, source_time, features)
        mask  booleans that broadcast to (batch, heads, time, source_time), true where the memory may be read; None:
        everywhere
    No y depends on a later x.
    forward(x, memory, mask=None) returns y, backward(dy) returns (dx, dmemory).

    Source: Vaswani et al. (2017), section 3.1; the norm before each branch: Xiong et al. (2020).
    """

    def __init__(self, features, heads, hidden, *, rng):
        self.norms = [RMSNorm(features) for _ in range(3)]
        self.attention = MultiHeadAttention(features, heads, rng=rng)
        self.cross = MultiHeadAttention(features, heads, rng=rng)
        self.feed_forward = PositionwiseFeedForward(features, hidden, rng=rng)

    def forward(self, x, memory, mask=None):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(DecoderLayer)


# %% [markdown]
# ## 9.11 Transformer
#
# An encoder that reads, a decoder that writes:
#
# ```
#    source (batch, source_time, features)                target (batch, time, features)
#      │                                                    │
#    encoder[0] … encoder[L−1]   each with the mask       decoder[0] … decoder[L−1]   each with memory and mask
#      │                                                    │
#    norms[0]  ──→ memory ────────────────────────→         │
#                                                         norms[1]
#                                                           │
#                                                           y (batch, time, features)
# ```
#
# *Every* decoder layer reads the *same* memory, the normalized output of the *last* encoder layer. What the drawing
# does not show stands outside: symbols become features (an embedding, with positions added), and $y$ becomes scores for
# the next symbol (a `Linear`).
#
# The mask (batch, source_time) is true where the source has a token. `padding_mask` gives it the axes for heads and
# queries; encoder layers and cross-attention take the same one. At padded places the encoder computes something, but
# nobody looks at it.
#
# **The backward pass.** From $dy$ through `norms[1]` and the decoder layers, the last first. Each returns the gradient
# of its target and one of the memory. The memory was read by every decoder layer, so its gradients **add up**, and only
# their sum goes through `norms[0]` and the encoder.
#
# *By hand:* two decoder layers; the first returns $dmemory = (1, 0)$, the second $(2, 5)$. The encoder gets $(3, 5)$, in
# one pass. Two passes, one for each, would give the same numbers at twice the cost.
#
# **Find the mistake.** An article that this course follows writes: "the Transformer is one module, not a stack", and
# "encoder and decoder consist of the same layers". Which of the drawings above contradict it? (Both statements are
# wrong: each half is a stack of layers, six of them in the paper; and a decoder layer has a third branch,
# cross-attention, and a causal mask.)

# %%
class Transformer(Layer):
    """Encoder layers that read a source, and decoder layers that read a target and what the encoder made of the source

    Shapes
        source  (batch, source_time, features)      target, y  (batch, time, features)
        mask  booleans (batch, source_time), true where the source has a token; None: everywhere
    encoder, decoder: lists of layers.      norms: norms[0] after the last encoder layer, norms[1] after the last
    decoder layer.  No y depends on a later target, or on the source where the mask is false.
    forward(source, target, mask=None) returns y, backward(dy) returns (dsource, dtarget).

    Source: Vaswani et al. (2017), figure 1; a norm at the end of each stack: Xiong et al. (2020).
    """

    def __init__(self, features, heads, hidden, layers=1, *, rng):
        self.encoder = [EncoderLayer(features, heads, hidden, rng=rng) for _ in range(layers)]
        self.decoder = [DecoderLayer(features, heads, hidden, rng=rng) for _ in range(layers)]
        self.norms = [RMSNorm(features), RMSNorm(features)]

    def forward(self, source, target, mask=None):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(Transformer)


# %% [markdown]
# ## 9.12 KVCache
#
# A language model writes one symbol at a time: read all symbols so far, compute scores for the next one, choose, append,
# repeat. Done plainly, the model reads the first symbol again for every symbol that it writes. But a causal layer
# computes the same for it each time: what stands at position 5 does not depend on what comes later. Only the *new*
# position is new, and of the old ones it needs nothing but their keys and values. So keep these. What a model is given to begin with, before it writes, is called the *prompt*.
#
# ```
#    append(k, v)                    k, v           (batch, key_heads, 4, head_dim)      the prompt, four positions at once
#       keys, values     → 4 positions              mask (4, 4): causal within the prompt
#    append(k, v)                    k, v           (batch, key_heads, 1, head_dim)      one position
#       keys, values     → 5 positions              mask (1, 5): the new one sees all
#    append(k, v)        → 6 positions              …
# ```
#
# A text of $n$ positions costs about $n^2 / 2$ evaluations of a position without a cache, and $n$ with one.
#
# *By hand:* `append` of keys $(1, 2)$ and then of $(3)$ (one sequence, one head, one number per key) returns $(1, 2)$ and
# then $(1, 2, 3)$; `length` is 0 before, 2, and 3.

# %%
class KVCache:
    """Keys and values of all positions that a layer has read, of every sequence of a batch

    length: positions so far; 0 at the start. keys, values: what append returned last; None at the start.

    Source: Shazeer, Fast Transformer Decoding: One Write-Head Is All You Need (2019), section 2.3.
    """

    def __init__(self):
        self.keys = self.values = None
        self.length = 0

    def append(self, k, v):
        """Keep the keys and values of new positions; return those of all positions, in their order, as (keys, values)

        Shapes
            k  (batch, key_heads, new, head_dim)      keys  (batch, key_heads, length, head_dim), length after the call
            v  (batch, key_heads, new, value_dim)      values  (batch, key_heads, length, value_dim)
        What an earlier call returned does not change.
        """
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(KVCache)


# %% [markdown]
# ## 9.13 GroupedQueryAttention
#
# With a cache, the keys and values of a long text take more memory than the model, and reading them takes more time than
# multiplying. Queries are not kept. So let several heads of queries **share** one head of keys and values:
#
# ```
#    query heads     0   1   2   3        4   5   6   7         heads = 8
#                    └───┴─┬─┴───┘        └───┴─┬─┴───┘
#    key heads             0                    1               key_heads = 2: a quarter of the cache
# ```
#
# With `key_heads = heads` it is multi-head attention, with `key_heads = 1` *multi-query* attention. Head $h$ reads key
# head $\lfloor h / g \rfloor$, where $g = heads / key\_heads$: neighbours form a group.
#
# This layer is one of a decoder without an encoder, so it is always causal; and it uses rotary positions (9.5), on
# queries and keys but not on values.
#
# **With a cache**, `forward` is given new positions only, one or several. They begin at position `cache.length`: that is
# the `start` of both RoPE layers. Keys are kept *after* their rotation, since a key's position never changes. Then the
# new queries look at all keys, old and new, each at those up to its own position: `causal_mask(new, all)`, whose
# queries are the last of the positions.
#
# **The backward pass** (without a cache) is that of multi-head attention, with two additions: each gradient of rotated
# queries or keys goes back through its RoPE, and a key head that several heads have read gets the **sum** of their
# gradients.
#
# You can copy the keys and values for each of their readers, and add up the gradients of the copies. Or see it like
# this: to a key head it makes no difference which head a query belongs to. The $g$ heads of a group are simply $g$ times
# as many queries: (batch, heads, time, head_dim) becomes (batch, key_heads, g · time, head_dim) by a reshape, with the
# same mask for each of the $g$. Nothing is copied, and the attention's backward adds up by itself.
#
# *By hand:* two query heads, one key head, one number each, no rotation; two positions with keys $(0, 0)$, values
# $(2, 4)$. All weights are even: at position 1 both heads read $(2 + 4) / 2 = 3$. If both have the upstream gradient 1
# there, each sends $\frac12$ to both values, so $dv = (1, 1)$: the sum over two heads. With a cache that holds position
# 0, `forward` of position 1 alone gives the same 3.

# %%
class GroupedQueryAttention(Layer):
    """Causal self-attention with rotary positions, in which groups of query heads share a head of keys and values

    Shapes
        x, y  (batch, time, features)
        Wq, Wo  (features, features)      Wk, Wv  (features, key_heads · head_dim), head_dim = features / heads
    heads is a multiple of key_heads; query head h reads key head h // (heads / key_heads). split_heads divides queries
    among heads, keys and values among key_heads. Queries and keys are rotated by RoPE. No biases.
    forward(x, cache=None) returns y. With a cache (a KVCache) x are the positions after those that the cache holds, and
    their rotated keys and their values are appended to it.
    backward(dy) returns dx, after a forward without a cache.
    new_cache() returns an empty cache for this layer.

    Source: Ainslie et al., GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints (2023),
    section 2.2; with RoPE: Touvron et al., Llama 2 (2023), section 2.2.
    """

    def __init__(self, features, heads, key_heads, *, rng):
        head_dim = features // heads
        self.heads, self.key_heads = heads, key_heads
        self.Wq, self.Wk = draw(features, features, rng), draw(features, key_heads * head_dim, rng)
        self.Wv, self.Wo = draw(features, key_heads * head_dim, rng), draw(features, features, rng)
        self.rope_q, self.rope_k = RoPE(head_dim), RoPE(head_dim)
        self.attention = ScaledDotProductAttention()

    def new_cache(self):
        """An empty cache; given"""
        return KVCache()

    def forward(self, x, cache=None):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(GroupedQueryAttention)


# %% [markdown]
# ## 9.14 WarmupSchedule
#
# The paper's learning rate rises linearly for some steps, and then falls with the root of the step:
#
# $$ \eta_t = \eta_0 \cdot d^{-1/2} \cdot \min\left(s^{-1/2},\ s \cdot w^{-3/2}\right), \qquad s = t + 1 $$
#
# with $d$ the features of the model and $w$ the steps of the warm-up. The two terms meet at $s = w$. Schedules of this
# course begin at $t = 0$, where $t^{-1/2}$ would be infinite; so $s = t + 1$. The paper has $\eta_0 = 1$.
#
# *By hand:* $d = 4$, $w = 2$, $\eta_0 = 1$: $s = 1$ gives $\frac12 \min(1, 0.354) = 0.177$; $s = 2$ gives
# $\frac12 \cdot 0.707 = 0.354$, the maximum; $s = 3$ gives $\frac12 \cdot 0.577 = 0.289$.

# %%
class WarmupSchedule(Schedule):
    """Rise linearly, then fall as 1/√step:  base · features^(−½) · min(s^(−½), s · steps^(−3/2)),  s = t + 1

    features: of the model; steps: of the rise, 1 or more.

    Source: Vaswani et al. (2017), equation 3.
    """

    def __init__(self, optimizer, features, steps):
        self.features, self.steps = features, steps
        super().__init__(optimizer)

    def rate(self, t):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(WarmupSchedule)

# %%
Adam = earlier("optimizers.Adam")

with when_written():
    ax = plt.subplots(figsize=(7, 3), layout="constrained")[1]
    for (features, steps), style in {(32, 100): "-", (32, 200): "--", (128, 100): ":"}.items():
        schedule = WarmupSchedule(Adam([Parameter(np.zeros(1))], 1.0), features, steps)
        ax.plot([schedule.rate(t) for t in range(800)], style, label=f"{features} features, {steps} steps of warm-up")
    ax.set(xlabel="step", ylabel="learning rate / base", ylim=(0, None))
    ax.legend()
    plt.show()


# %% [markdown]
# ## 9.15 sample
#
# A language model's scores say how likely each symbol is to come next. Which one to take?
#
# - **Temperature** $T$ divides the scores: $p = \text{softmax}(s / T)$. Below 1 the likely ones become more likely; with
#   $T = 0$ the most likely one is always taken, *greedy* choice; above 1 the differences shrink.
# - **Top-k** keeps the $k$ most likely symbols, and gives the others probability 0.
# - **Top-p** (*nucleus sampling*) keeps as many of the most likely ones as it takes to reach the mass $p$: the *smallest*
#   set of most likely symbols whose probabilities add up to $p$ or more. Where the model is sure that may be one symbol,
#   where it is not, a hundred.
#
# Several may be given. They apply in this order, each to what the one before has left, and after each the
# probabilities are normalized again: temperature, top-k, top-p.
#
# *By hand:* $p = (0.5, 0.3, 0.15, 0.05)$. Top-p with 0.7: the first has 0.5, which is not enough; with the second it is
# 0.8. The set has two symbols, and their probabilities become $0.625$ and $0.375$. Now top-k with 3, and then top-p with
# 0.83: top-k leaves $(0.526, 0.316, 0.158)$, and $0.526 + 0.316 = 0.842$ is enough: two symbols are kept. (If the
# probabilities were not normalized after top-k, $0.8$ would not be enough, and three would be.)
#
# **Draw from a distribution** by one uniform number $u$ in $[0, 1)$: take the first symbol whose cumulative probability
# is above $u$. That works for all rows of a batch at once: every row needs its own $u$.

# %%
def sample(scores, temperature=1.0, top_k=None, top_p=None, *, rng):
    """Draw the next symbol of every row

    Shapes
        scores  (batch, vocabulary), floats: logarithms of unnormalized probabilities      result  (batch,), integers
    temperature: 0 or more; 0: the symbol with the highest score. top_k: 1 or more; None, or more than there are: all.
    top_p: above 0 and at most 1; None: 1. Applied in this order, each to what the one before left, normalized again.
    Among equal scores at the border of a choice, any may be taken.
    rng: a numpy.random.Generator, from which each row has a draw of its own.

    Source: temperature: Ackley, Hinton & Sejnowski (1985); top-k: Fan, Lewis & Dauphin, Hierarchical Neural Story
    Generation (2018), section 5.2; top-p: Holtzman et al., The Curious Case of Neural Text Degeneration (2020),
    section 3.1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(sample)


# %% [markdown]
# ## 9.16 generate
#
# Now put it together: a function that continues texts with any model whose `forward(ids, caches)` returns scores for the
# next symbol after every position. `model.new_caches()` makes empty caches, one for every layer.
#
# ```
#    ids (batch, time) ─→ model.forward(ids, caches) ─→ scores (batch, time, vocabulary)    the prompt, in one piece
#                                                          │ of the last position
#                                                        choose ─→ one new id per row (batch,)
#                          model.forward(new, caches) ←────┘      (batch, 1): the new position alone
# ```
#
# *By hand:* a model that always gives the highest score to the sum of the last two ids, from the prompt $(1, 1)$: 2, 3,
# 5, 8. `generate` with `length=4` returns $(1, 1, 2, 3, 5, 8)$. The first call gets two ids, the later ones one each; the
# last id, 8, need not be read any more.

# %%
def generate(ids, *, model, length, choose=None):
    """Continue every text of a batch by ``length`` symbols, reading each position once

    Shapes
        ids  (batch, time), integers, time 1 or more      result  (batch, time + length): ids, and what follows
    model: model.new_caches() returns empty caches, and model.forward(ids, caches) the scores (batch, new, vocabulary)
    of the symbol after each of the positions that it is given, which follow those that the caches hold.
    choose: choose(scores) returns one symbol (batch,) for each row of scores (batch, vocabulary); None: that with the
    highest score.      length: 0 or more; the last symbol is not read.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(generate)


# %% [markdown]
# ## 9.17 beam_search
#
# Greedy choice takes the best symbol at every step, and may end in a text that is worse than another: the best first
# symbol may have only poor continuations. **Beam search** keeps several texts, the *beams*, and extends all of them.
#
# At every step compute $\log p$ of every continuation of every text that is still open: its own sum so far, plus the log
# probability of the next symbol. Of all these (open texts × vocabulary) keep the best `beams`. Those that end with the
# end symbol are *finished*: they are put aside, and take no place afterwards: the next step keeps `beams` again. The
# others stay open. Stop when no text is open any more, or after
# `length` symbols; then what is still open counts as finished as well.
#
# Each symbol makes $\log p$ smaller, so the sum alone prefers short texts. Compare finished texts by
#
# $$ \text{score} = \frac{\log p}{\left(\frac{5 + n}{6}\right)^\alpha} $$
#
# with $n$ the number of new symbols, the end symbol included. (Only *finished* texts are compared like this; the open
# ones at one step all have the same length.)
#
# *By hand:* symbols a, b and the end ·; first $p = (0.4, 0.6, 0)$; after a: $(0, 0, 1)$; after b: $(0.4, 0.4, 0.2)$.
# Greedy begins with b. With two beams: after one step a ($-0.92$) and b ($-0.51$) are open. Of their continuations a·
# ($-0.92$) is the best, and ba ($\ln 0.24 = -1.43$) and bb ($-1.43$) tie for the second place. So a· is finished, with
# $p = 0.4$, more than any finished text that begins with b can have. With $\alpha = 0.6$ its score is
# $-0.92 / (7/6)^{0.6} = -0.84$.

# %%
def beam_search(ids, *, model, beams, length, end, alpha=0.6):
    """Find a likely continuation of one text: keep the best ``beams`` of all continuations at every step

    ids (time,): integers, the text so far, not empty.
    model: model.forward(ids), ids (rows, time), returns finite scores (rows, time, vocabulary), NumPy arrays: their
    softmax is the probability of the symbol after each position.
    At every step the best ``beams`` continuations of open texts, by log p, are kept; those that end with ``end`` are
    finished. After ``length`` steps open texts are finished too. beams, length: 1 or more.
    Returns (new, score): the list of new symbols, ``end`` included, of the finished text with the highest
    score = log p / ((5 + n) / 6)^alpha, n = len(new), and that score.

    Source: Wu et al., Google's Neural Machine Translation System (2016), equation 14; the search: Graves, Sequence
    Transduction with Recurrent Neural Networks (2012), algorithm 1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(beam_search)


# %% [markdown]
# ## 9.18 PatchEmbedding *(bonus)*
#
# Attention reads sets of vectors; where they come from makes no difference. Cut an image into square patches, map the
# pixels of each to `features` numbers, and it is a sequence that an encoder can read, a *Vision Transformer*. In front
# stands one more position that belongs to no patch, the **class token**: a vector of parameters. What the encoder makes
# of it is used to classify the image. And since an encoder without positions cannot know where a patch was, each place
# of the sequence has a learned vector that is added.
#
# ```
#    x (batch, channels, height, width)         patches 0 1 2
#                                                       3 4 5      row by row
#    each patch (channels, patch, patch) as one row of channels · patch · patch numbers, in this order
#
#    y[:, 0]     =  token                  + positions[0]
#    y[:, 1 + n] =  patch n · W + b        + positions[1 + n]        y (batch, 1 + patches, features)
# ```
#
# Between the image and the table of patches there is nothing but a reshape, a change of axes, and another reshape:
# (N, C, H, W) → (N, C, rows, patch, columns, patch) → (N, rows, columns, C, patch, patch) → (N, patches, C · patch · patch).
# A single reshape would mix pixels of different patches.
#
# **The backward pass.** No patch overlaps another, so the gradient of the image is the same way back. `positions` are
# added to every sequence of the batch, and so is the token: their gradients are sums over the batch. $b$ is added to
# all patches of all images.
#
# *By hand:* one channel, an image of $2 \times 4$ with the rows $(1, 2, 3, 4)$ and $(5, 6, 7, 8)$, patches of
# $2 \times 2$: the first is $(1, 2, 5, 6)$, the second $(3, 4, 7, 8)$. With $W$ a column of ones, $b = 0$, the token 9 and
# no positions: $y = (9, 14, 22)$. For $dy = (1, 10, 100)$: the token gets 1, $b$ 110, $W$ $10 \cdot (1, 2, 5, 6) + 100 \cdot
# (3, 4, 7, 8) = (310, 420, 750, 860)$, and each pixel of the left patch 10, of the right one 100.

# %%
class PatchEmbedding(Layer):
    """An image as a sequence: a class token, then the patches row by row, each mapped to features; positions added

    Shapes
        x  (batch, channels, height, width)      y  (batch, 1 + patches, features)
        W  (channels · patch · patch, features)      b, token  (features,)      positions  (1 + patches, features)
    size: (height, width), both multiples of patch.  The rows of W are in the order channel, row, column of a patch.

    Source: Dosovitskiy et al., An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale (2021),
    section 3.1.
    """

    def __init__(self, channels, size, patch, features, *, rng):
        self.patch = patch
        patches = (size[0] // patch) * (size[1] // patch)
        self.W, self.b = draw(channels * patch * patch, features, rng), Parameter(zeros(features))
        self.token = Parameter(rng.normal(0, 0.02, features))
        self.positions = Parameter(rng.normal(0, 0.02, (1 + patches, features)))

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(PatchEmbedding)


# %% [markdown]
# ## 9.19 MixtureOfExperts *(bonus)*
#
# A larger feed-forward layer knows more and costs more, at every position. A *mixture of experts* has many feed-forward
# layers, and each position uses only a few: a **router** decides which. So the number of parameters can grow while the
# cost per position stays.
#
# $$ P = \text{softmax}(x\, W_r) \in \mathbb R^E, \qquad g_e = \frac{P_e}{\sum_{j \in \text{top}} P_j} \text{ for the } k
#    \text{ experts with the largest } P, \text{ else } 0, \qquad y = \sum_e g_e\, \text{expert}_e(x) $$
#
# ```
#    x ── router ──→ P = (0.1, 0.5, 0.1, 0.3) ──→ top 2: experts 1 and 3, g = (0, 0.625, 0, 0.375)
#    │                                                    │
#    ├──→ expert 1 ──── · 0.625 ───┐                      │
#    └──→ expert 3 ──── · 0.375 ───┴─ ⊕ ──→ y     experts 0 and 2 do nothing for this position
# ```
#
# **Balance.** An expert that is chosen more often learns more and is chosen even more often; soon a few do all the work.
# Therefore a second output, a loss that is large where few do the work:
#
# $$ balance = E \sum_{e=1}^E f_e \bar P_e, \qquad f_e = \frac{\text{how often expert } e \text{ was chosen}}{\text{positions} \cdot k}, \qquad
#    \bar P_e = \text{mean of } P_e \text{ over all positions} $$
#
# It is 1 if all are chosen alike, and $E / k$ at most. To count is not differentiable: $f$ is a constant in the backward
# pass, and the gradient goes **through $\bar P$ only**. That is enough: it makes $P_e$ smaller where $f_e$ is large.
#
# **The backward pass, derived.** Two upstream gradients arrive, $dy$ and $dbalance$. For every position and each of its
# experts, with $o_e = \text{expert}_e(x)$, and $[e \in \text{top}]$ for 1 where $e$ is chosen and 0 elsewhere:
#
# $$ do_e = g_e\, dy, \qquad dg_e = dy \cdot o_e, \qquad
#    dP_e = \frac{dg_e - \sum_j g_j\, dg_j}{\sum_{j \in \text{top}} P_j} \; [e \in \text{top}] \;+\; dbalance \cdot \frac{E f_e}{\text{positions}} $$
#
# The first fraction is the derivative of a normalization: $g = P / s$ with $s$ the sum of the chosen. It does not depend
# on the size of the chosen $P$, only on their proportions. The second term holds for *all* experts. From $dP$ on it is
# the backward of a softmax. $x$ is read by the router and by the experts: its gradients add up.
#
# *By hand:* two experts, $k = 1$, two positions with $P = (0.8, 0.2)$ and $(0.6, 0.4)$. Both choose expert 0: $f = (1, 0)$,
# $\bar P = (0.7, 0.3)$, $balance = 2 \cdot 0.7 = 1.4$. With $k = 1$, $g = 1$ whatever $P$ is, so $dy$ teaches the router
# nothing; for $dbalance = 1$: $dP = (2 \cdot 1 / 2, 0) = (1, 0)$ at both positions. Had they chosen differently, with
# $f = (0.5, 0.5)$, $balance$ would be 1 and $dP = (0.5, 0.5)$, of which the softmax's backward makes 0.

# %%
class MixtureOfExperts(Layer):
    """Feed-forward layers of which every position uses the top_k that a router chooses:  y = Σ g[e] experts[e](x)

    Shapes
        x, y  (…, features)      Wr  (features, experts)      balance  ()
    P = softmax(x Wr).  g is P, normalized among the top_k largest of each position, and 0 elsewhere; among equal P any
    may be chosen, and never more than top_k.
    balance = experts · Σ f[e] mean(P[e]), f the share of expert e in all choices; no gradient goes through f.
    experts: how many; hidden: of each expert, a PositionwiseFeedForward; top_k: from 1 to experts.
    forward(x) returns (y, balance), backward(dy, dbalance) returns dx.

    Source: Shazeer et al., Outrageously Large Neural Networks: The Sparsely-Gated Mixture-of-Experts Layer (2017);
    balance: Fedus, Zoph & Shazeer, Switch Transformers (2022), equations 4 to 6; normalized among the top_k: Jiang et
    al., Mixtral of Experts (2024), section 2.1.
    """

    def __init__(self, features, hidden, experts, top_k, *, rng):
        self.Wr, self.top_k = draw(features, experts, rng), top_k
        self.experts = [PositionwiseFeedForward(features, hidden, rng=rng) for _ in range(experts)]

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy, dbalance):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(MixtureOfExperts)

# %% [markdown]
# ## Capstone a · A network that reads dates
#
# People write dates in many ways, and machines expect one. Six formats are to be understood, and ISO 8601 is to be
# written:
#
# ```
#    3 May 1997        May 3, 1997        3-May-97        05/03/1997        5/3/97        Sat May 3 1997      → 1997-05-03
# ```
#
# Where a date consists of numbers, the month comes first; two digits of a year are one from 1970 to 2069. So the network
# has to find out which format it is, which characters are which part, look up names of months, put parts in another
# order, and complete years.
#
# Given: `DateReader`, which wraps your `Transformer`: embeddings (rows of a table, one for each symbol), positions, and
# a `Linear` that turns $y$ into scores. It is trained with **teacher forcing**: the decoder gets the *right* target,
# shifted by one position, so that it predicts each symbol from the right ones before it. When it is used, it gets its own.
#
# ```
#    the decoder reads     start  1  9  9  7  -  0  5  -  0
#    it is to write          1    9  9  7  -  0  5  -  0  3
# ```
#
# Write `train_date_reader`. At most 2 % of 1,000 unseen dates may contain an error, from one of up to three seeds, with
# at most 40 seconds of CPU time each (the author's solution takes about 8). In every seed the months have other names, made
# up for it, and all symbols are given as numbers in an order that is drawn: there is nothing to look up. Remarks:
#
# - One layer on either side is enough, with 32 features, 4 heads, 64 hidden numbers, and 800 batches of 64 dates.
# - `WarmupSchedule` with 100 steps of warm-up; its largest rate should be about 0.015. Its fall is slow: let the rate fall
#   to zero over the last third, by a factor of your own, or use another schedule of 04 after the warm-up.
# - `SoftmaxCrossEntropy` of 03 takes rows: `as_rows(scores)` and `y.ravel()`. A little label smoothing (0.05) helps;
#   with it the loss does not fall to zero, but to about 0.3.
# - `trimmed_batches`, of `dlkit.padding`, gives the rows of batches in random order, each with the number of columns that
#   are not padding in all of them. (Batches of dates of similar length would have less padding. But the length gives
#   away the format: then a batch consists of one or two formats, and the next one undoes what it has learned.)
# - To try it yourself: `written_dates(2000, rng=np.random.default_rng(0))`, of `dlkit.datasets`, gives pairs of texts;
#   `encoded` below makes ids of them.

# %%
Linear, SoftmaxCrossEntropy = earlier("layers.Linear"), earlier("losses.SoftmaxCrossEntropy")
clip_gradient_norm = earlier("optimizers.clip_gradient_norm")


class Lookup(Layer):
    """A row of a table for each symbol; given (08 has it with all that belongs to it)

    Shapes
        ids  (…,), integers from 0 to symbols − 1      y  (…, features)      W  (symbols, features)
    """

    def __init__(self, symbols, features, *, rng):
        self.W = Parameter(rng.normal(size=(symbols, features)))

    def forward(self, ids):
        self.ids = ids
        return self.W.data[ids]

    def backward(self, dy):
        one_hot = array_module(dy).eye(len(self.W.data), dtype=dy.dtype)[self.ids.reshape(-1)]
        self.W.grad += one_hot.T @ as_rows(dy)


class DateReader(Layer):
    """A Transformer from symbols to symbols; given

    Shapes
        source  (batch, source_time), integers, 0 where there is padding
        target  (batch, time), integers from 0 to symbols − 1      scores  (batch, time, symbols)
    forward(source, target) returns scores for every position of the target, each from the right symbols before it;
    forward(source) writes ``time`` symbols for each source, the most likely one at each position.
    """

    def __init__(self, source_symbols, symbols, time, features, heads, hidden, layers=1, *, rng):
        self.symbols, self.time = symbols, time
        self.source_table = Lookup(source_symbols, features, rng=rng)
        self.target_table = Lookup(symbols + 1, features, rng=rng)  # one more, for the start
        self.positions = PositionalEncoding(features)
        self.transformer = Transformer(features, heads, hidden, layers, rng=rng)
        self.output = Linear(features, symbols, rng=rng)

    def forward(self, source, target=None):
        if target is None:
            return self.write(source)
        before = np.concatenate([np.full((len(target), 1), self.symbols), target[:, :-1]], axis=1)
        return self.scores(source, before)

    def scores(self, source, before):
        read = self.positions.forward(self.source_table.forward(source))
        written = self.positions.forward(self.target_table.forward(before))
        y = self.transformer.forward(read, written, source != 0)
        return self.output.forward(as_rows(y)).reshape(*before.shape, self.symbols)

    def backward(self, dscores):
        dy = self.output.backward(as_rows(dscores)).reshape(*dscores.shape[:2], -1)
        dread, dwritten = self.transformer.backward(dy)
        self.source_table.backward(dread)
        self.target_table.backward(dwritten)

    def write(self, source):
        before = np.full((len(source), 1), self.symbols)
        for _ in range(self.time):
            new = self.scores(source, before)[:, -1].argmax(axis=1)
            before = np.concatenate([before, new[:, None]], axis=1)
        return before[:, 1:]


# %%
def train_date_reader(x, y, *, rng):
    """Train a DateReader to write dates in one format that are given in several; return it

    Shapes
        x  (dates, 18), integers, 0 where there is padding      y  (dates, 10), integers from 0 to 10
    Later dates contain no larger numbers.  The model's forward takes x and returns symbols (dates, 10).
    rng: a numpy.random.Generator for the initial weights and for the order of batches.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(train_date_reader)


# %% [markdown]
# Here is what your network has learned from English dates. Each picture is one head of the cross-attention: its rows are
# the symbols that were written, its columns the characters that were read. For the year of `5/3/97` the network has to
# look at the end, and for its century at the same digits: 97 is after 70.

# %%
def encoded(texts, alphabet, first=0):
    """Texts as lists of numbers: the place of every character in the alphabet, plus ``first``; given"""
    return [[first + alphabet.index(character) for character in text] for text in texts]


with when_written():
    rng = np.random.default_rng(0)
    people, iso = written_dates(10_000, rng=rng)
    read, wrote = "".join(sorted(set("".join(people)))), "0123456789-"
    x, _ = padded(encoded(people, read, 1))
    reader = train_date_reader(x, np.array(encoded(iso, wrote)), rng=rng)
    reader.eval()
    for text in ("3 May 1997", "May 3, 1997", "3-May-97", "05/03/1997", "5/3/69", "12/31/70", "Sat May 3 1997"):
        ids = reader.forward(np.array(encoded([text], read, 1)))[0]
        print(f"{text:20}{''.join(wrote[i] for i in ids)}")
    figure, axes = plt.subplots(2, 2, figsize=(13, 8), layout="constrained")
    for row, text in zip(axes, ("3 May 1997", "5/3/97"), strict=True):
        ids = reader.forward(np.array(encoded([text], read, 1)))
        reader.forward(np.array(encoded([text], read, 1)), ids)
        weights = reader.transformer.decoder[-1].cross.weights[0]
        sharpest = np.argsort(-weights.max(axis=2).mean(axis=1))[:2]  # the two heads that are surest where to look
        for ax, head in zip(row, sharpest, strict=True):
            plotting.attention(weights[head], [wrote[i] for i in ids[0]], list(text), ax=ax)
            ax.set_title(f"head {head}")
    plt.show()


# %% [markdown]
# ## Capstone b · A network that writes
#
# A language model of today is a stack of decoder layers without cross-attention, each with the pieces of the second half
# of this assignment: RMSNorm, grouped queries with rotary positions, SwiGLU. Given are `DecoderBlock` and
# `CharacterModel`, which put yours together:
#
# ```
#    ids ─→ table ─→ blocks[0] ─→ … ─→ blocks[L−1] ─→ norm ─→ output ─→ scores of the next character, at every position
#                     x + attention(norm(x)),  then  h + feed_forward(norm(h))
# ```
#
# The text is that of 07: a made-up language in which all words of a sentence have the same ending, a digit after a
# hyphen. Your model is asked for endings of sentences that it has not seen, each after 64 characters. Who has understood
# needs 0 bits, who guesses 3; counting needs 2.8. The LSTM of 07 had to carry the ending in its state; attention can look
# it up: find the last hyphen, and read what came after it. For that it takes two layers: one in which every character
# learns what stands before it, and one that finds the character *after a hyphen*.
#
# Write `train_character_model`. Reach **1 bit** or less, from one of up to three seeds, with at most 30 seconds of CPU
# time each (the author's solution takes about 5 and needs 0.02 bits). In every seed the language is another one, and its
# characters are numbered in an order that is drawn. Remarks:
#
# - The sizes that `CharacterModel` has by default are enough. 300 batches of 12 pieces with 64 characters each, from
#   random places of the text, in float32.
# - `Adam` with a rate that rises to 0.01 within 40 steps and falls to zero until the end; gradients clipped to the norm 1.
# - There is no state: every piece begins anew, and position 5 of one piece has nothing to do with position 5 of another.
#   Pieces shorter than 64 would not prepare the model for what it is asked.
#
# And with caches a model of your layers must compute exactly what it computes without: in float64 to $10^{-9}$.

# %%
class DecoderBlock(Layer):
    """Grouped-query attention and SwiGLU, each behind a norm and inside a residual path; given

    Shapes
        x, y  (batch, time, features)
    """

    def __init__(self, features, heads, key_heads, hidden, *, rng):
        self.norms = [RMSNorm(features), RMSNorm(features)]
        self.attention = GroupedQueryAttention(features, heads, key_heads, rng=rng)
        self.feed_forward = SwiGLU(features, hidden, rng=rng)

    def forward(self, x, cache=None):
        h = x + self.attention.forward(self.norms[0].forward(x), cache)
        return h + self.feed_forward.forward(self.norms[1].forward(h))

    def backward(self, dy):
        dh = dy + self.norms[1].backward(self.feed_forward.backward(dy))
        return dh + self.norms[0].backward(self.attention.backward(dh))


class CharacterModel(Layer):
    """Scores of the next symbol after each; given

    Shapes
        ids  (batch, time), integers from 0 to symbols − 1      scores  (batch, time, symbols)
    With caches, ids are those after the positions that the caches hold.
    """

    def __init__(self, symbols, features=64, heads=4, key_heads=2, hidden=128, layers=2, *, rng):
        self.table = Lookup(symbols, features, rng=rng)
        self.blocks = [DecoderBlock(features, heads, key_heads, hidden, rng=rng) for _ in range(layers)]
        self.norm, self.output = RMSNorm(features), Linear(features, symbols, rng=rng)

    def new_caches(self):
        return [block.attention.new_cache() for block in self.blocks]

    def forward(self, ids, caches=None):
        x = self.table.forward(ids)
        for block, own in zip(self.blocks, caches or [None] * len(self.blocks), strict=True):
            x = block.forward(x, own)
        return self.output.forward(as_rows(self.norm.forward(x))).reshape(*ids.shape, -1)

    def backward(self, dscores):
        dx = self.norm.backward(self.output.backward(as_rows(dscores)).reshape(*dscores.shape[:2], -1))
        for block in reversed(self.blocks):
            dx = block.backward(dx)
        self.table.backward(dx)


# %%
def train_character_model(x, y, *, rng):
    """Train a CharacterModel to predict the next character of a text; return it

    Shapes
        x, y  (characters,), integers from 0 up; y[i] is the character after x[i].  Later texts contain no larger numbers.
    The model's forward takes ids (batch, time) and returns scores (batch, time, symbols).
    rng: a numpy.random.Generator for the initial weights and for drawing pieces of the text.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(train_character_model)


# %% [markdown]
# Now the manual of Python, with your model, your cache and your sampling. After a few seconds of training it has learned
# how words look, not what they mean. And look at what happens after character 64: in training no position was further
# than 64 from any other, so no rotation was larger, and the model does not know what to do there. Train it with longer
# pieces, and the text stays as good for longer. Then: the two ways to write up to 256 characters, and their time.

# %%
@cache
def trained_on_the_manual():
    """Your model, trained on the manual of Python, and its characters; given"""
    vocabulary, codes = characters(python_manual(repeated=False), rarest=50)
    return train_character_model(codes[:-1], codes[1:], rng=np.random.default_rng(0)), vocabulary


def without_caches(ids, *, model, length):
    """Greedy generation that reads everything again for each symbol; given"""
    for _ in range(length):
        ids = np.concatenate([ids, model.forward(ids)[:, -1].argmax(axis=1)[:, None]], axis=1)
    return ids


with when_written():
    writer, vocabulary = trained_on_the_manual()
    rng = np.random.default_rng(1)
    prompt = np.array([[vocabulary.index(character) for character in "The statement "]])
    for settings in ({"temperature": 0}, {"temperature": 1.0}, {"temperature": 0.7, "top_p": 0.9}):
        ids = generate(prompt, model=writer, length=130, choose=lambda scores, s=settings: sample(scores, **s, rng=rng))
        print(f"--- {settings}\n\n{''.join(vocabulary[i] for i in ids[0])}\n")

# %%
with when_written():
    writer, vocabulary = trained_on_the_manual()
    prompt, lengths = np.zeros((1, 8), int), np.array([16, 32, 64, 128, 256])
    seconds = {generate: [], without_caches: []}
    for length in lengths:
        for function, measured in seconds.items():
            begin = process_time()
            text = function(prompt, model=writer, length=int(length) - 8)
            measured.append(process_time() - begin)
    ax = plt.subplots(figsize=(7, 4), layout="constrained")[1]
    for (function, measured), style in zip(seconds.items(), ("o-", "s--"), strict=True):
        ax.plot(lengths, measured, style, label=function.__name__)
    ax.set_xscale("log", base=2)
    ax.set(xlabel="length of the text", ylabel="CPU seconds", yscale="log")
    ax.legend()
    plt.show()
    print(f"{seconds[without_caches][-1] / seconds[generate][-1]:.1f} times as fast at length 256")

# %% [markdown]
# And where does it look? Below are the four heads of each layer, for one sentence of a made-up language, after training
# on it: rows are the characters that look, columns those that are looked at. Find the head that connects an ending with
# the one before.

# %%
with when_written():
    text = made_up_text(300_000, rng=np.random.default_rng(2))
    symbols, codes = characters(text)
    speaker = train_character_model(codes[:-1], codes[1:], rng=np.random.default_rng(0))
    piece = codes[: text.index(".", 30) + 1][-36:]
    speaker.forward(piece[None])
    figure, axes = plt.subplots(2, 4, figsize=(16, 8), layout="constrained")
    names = [symbols[i] for i in piece]
    weights = [block.attention.attention.weights[0].reshape(4, len(piece), -1) for block in speaker.blocks]
    for number, (ax, weight) in enumerate(zip(axes.ravel(), np.concatenate(weights), strict=True)):
        ax.imshow(weight, cmap="viridis", vmin=0, vmax=1)
        ax.set_xticks(range(len(piece)), names, fontsize=6)
        ax.set_yticks(range(len(piece)), names, fontsize=6)
        ax.set_title(f"layer {number // 4}, head {number % 4}")
    plt.show()

# %% [markdown]
# **Question 2.** *(3 points)* (a) The model above has two layers with two key heads of 16 numbers. How many bytes does
# the cache of one text of 256 characters take in float32? And with as many key heads as query heads? (b) How many
# positions are evaluated to write 248 characters after a prompt of 8, with the cache and without? You have measured a
# smaller ratio of times: name a reason. (c) The encoder of 9.11 reads a source to which one more symbol is appended. Why
# can it not keep keys and values as the decoder does? In which layer could it?

# %% [markdown]
# YOUR ANSWER HERE
