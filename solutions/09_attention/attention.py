# %% [markdown]
# # 09 · Attention

# %%
import numpy as np

from autograder import check
from dlkit import Layer, Parameter, array_module, asarray, ones, zeros


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
    """Booleans (batch, time), true where a token counts, as a mask (batch, 1, 1, keys) for all heads and queries; given"""
    return kept[:, None, None, :]


# %% [markdown]
# ## 9.1 Scaled dot-product attention


# %%
def masked_softmax(scores, mask=None):
    """The softmax of every row, over the last axis, among the positions that the mask allows

    Shapes
        scores, p  (…, queries, keys)
        mask  booleans that broadcast to scores, true where a query may look; None: everywhere
    p is 0 where the mask is false, and a row that sees nothing is all 0.
    """
    ### BEGIN SOLUTION
    xp = array_module(scores)
    if mask is None:
        p = scores - scores.max(axis=-1, keepdims=True)
        xp.exp(p, out=p)
        p /= p.sum(axis=-1, keepdims=True)
        return p
    p = xp.where(mask, scores, -xp.inf)
    p -= xp.maximum(p.max(axis=-1, keepdims=True), xp.finfo(p.dtype).min)  # finite in rows that see nothing
    xp.exp(p, out=p)
    total = p.sum(axis=-1, keepdims=True)
    p /= total + (total == 0)
    return p
    ### END SOLUTION


# %%
check(masked_softmax)


# %%
def softmax_backward(dp, p):
    """The gradient of the scores, where p is the softmax of each row and dp the gradient of p

    Shapes
        dp, p, dscores  (…, keys)
    """
    ### BEGIN SOLUTION
    dscores = dp - array_module(p).einsum("...k,...k->...", dp, p)[..., None]
    dscores *= p
    return dscores
    ### END SOLUTION


# %%
check(softmax_backward)


# %%
class ScaledDotProductAttention(Layer):
    """Every query reads a mean of the values, with weights by dot products:  y = softmax(q kᵀ / √head_dim) v

    Shapes
        q  (…, queries, head_dim)      k  (…, keys, head_dim)      v  (…, keys, value_dim)
        y  (…, queries, value_dim)      weights  (…, queries, keys)
        mask  booleans that broadcast to weights, with two axes or more, true where a query may look; None: everywhere
    forward(q, k, v, mask=None) returns y and sets self.weights to the weights; backward(dy) returns (dq, dk, dv).

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.1.
    """

    def forward(self, q, k, v, mask=None):
        ### BEGIN SOLUTION
        xp = array_module(q)
        if mask is not None:  # what nobody sees, and who sees nothing, counts as 0, for 0 · NaN is NaN
            q = xp.where(mask.any(axis=-1)[..., None], q, 0)
            seen = mask.any(axis=-2)[..., None]
            k, v = xp.where(seen, k, 0), xp.where(seen, v, 0)
        self.q, self.k, self.v = q * q.shape[-1] ** -0.5, k, v
        self.weights = masked_softmax(self.q @ k.swapaxes(-1, -2), mask)
        return self.weights @ v
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        dscores = softmax_backward(dy @ self.v.swapaxes(-1, -2), self.weights)
        dq = dscores @ self.k
        dq *= self.q.shape[-1] ** -0.5
        return dq, dscores.swapaxes(-1, -2) @ self.q, self.weights.swapaxes(-1, -2) @ dy
        ### END SOLUTION


# %%
check(ScaledDotProductAttention)


# %% [markdown]
# ## 9.2 Additive attention


# %%
class AdditiveAttention(Layer):
    """A state reads a memory, with weights by a small network:  eⱼ = tanh(state W + memoryⱼ U) v

    Shapes
        state  (batch, state_features)      memory  (batch, time, memory_features)      context  (batch, memory_features)
        W  (state_features, hidden)      U  (memory_features, hidden)      v  (hidden,)      weights  (batch, time)
        mask  booleans (batch, time), true where the memory may be read; None: everywhere
    weights are the softmax of e over time, and context is the sum of weightsⱼ memoryⱼ.
    forward(state, memory, mask=None) returns context and sets self.weights; backward(dcontext) returns
    (dstate, dmemory).

    Source: Bahdanau, Cho & Bengio, Neural Machine Translation by Jointly Learning to Align and Translate (2015),
    section 3.1 and appendix A.1.2.
    """

    def __init__(self, state_features, memory_features, hidden, *, rng):
        self.W, self.U = draw(state_features, hidden, rng), draw(memory_features, hidden, rng)
        self.v = Parameter(rng.normal(0, hidden**-0.5, hidden))

    def forward(self, state, memory, mask=None):
        ### BEGIN SOLUTION
        xp = array_module(memory)
        if mask is not None:
            memory = xp.where(mask[:, :, None], memory, 0)
        hidden = (as_rows(memory) @ self.U.data).reshape(*memory.shape[:2], -1)
        hidden += (state @ self.W.data)[:, None]
        xp.tanh(hidden, out=hidden)
        self.weights = masked_softmax(hidden @ self.v.data, mask)
        self.state, self.memory, self.hidden = state, memory, hidden
        return (self.weights[:, None] @ memory)[:, 0]
        ### END SOLUTION

    def backward(self, dcontext):
        ### BEGIN SOLUTION
        de = softmax_backward((self.memory @ dcontext[:, :, None])[:, :, 0], self.weights)
        self.v.grad += de.reshape(-1) @ as_rows(self.hidden)
        dz = 1 - self.hidden * self.hidden
        dz *= de[:, :, None]
        dz *= self.v.data
        self.U.grad += as_rows(self.memory).T @ as_rows(dz)
        dmemory = (as_rows(dz) @ self.U.data.T).reshape(self.memory.shape)
        dmemory += self.weights[:, :, None] * dcontext[:, None]
        summed = dz.sum(axis=1)
        self.W.grad += self.state.T @ summed
        return summed @ self.W.data.T, dmemory
        ### END SOLUTION


# %%
check(AdditiveAttention)


# %%
class DecoderStep(Layer):
    """One step of a decoder: read the memory, then let a recurrent cell read x and what was found

    Shapes
        x  (batch, in_features)      state, new  (batch, hidden)      memory  (batch, time, memory_features)
        context  (batch, memory_features)      mask  (batch, time), of the memory
    attention: a layer whose forward(state, memory, mask) is context, and whose backward(dcontext) is
    (dstate, dmemory).      cell: a recurrent layer of 07 with in_features + memory_features inputs.
    context is read with the given state; the cell reads x and context side by side, x first, as one step.
    forward(x, state, memory, mask=None) returns (new, context), backward(dnew, dcontext) returns (dx, dstate, dmemory).

    Source: Bahdanau, Cho & Bengio (2015), section 3.1 and appendix A.2.2.
    """

    def __init__(self, attention, cell):
        self.attention, self.cell = attention, cell

    def forward(self, x, state, memory, mask=None):
        ### BEGIN SOLUTION
        xp = array_module(x)
        context = self.attention.forward(state, memory, mask)
        self.in_features = x.shape[1]
        _, new = self.cell.forward(xp.concatenate([x, context], axis=1)[:, None], state)
        return new, context
        ### END SOLUTION

    def backward(self, dnew, dcontext):
        ### BEGIN SOLUTION
        xp = array_module(dnew)
        dinput, dstate = self.cell.backward(xp.zeros_like(dnew)[:, None], dnew)
        dx, from_cell = dinput[:, 0, : self.in_features], dinput[:, 0, self.in_features :]
        from_attention, dmemory = self.attention.backward(dcontext + from_cell)
        return dx, dstate + from_attention, dmemory
        ### END SOLUTION


# %%
check(DecoderStep)


# %% [markdown]
# ## 9.3 Multi-head attention


# %%
def split_heads(x, heads):
    """Divide the features among heads, and move the heads before time

    Shapes
        x  (batch, time, heads · head_dim)      y  (batch, heads, time, head_dim)
    Head 0 gets the first head_dim features of every step.
    """
    ### BEGIN SOLUTION
    batch, time, features = x.shape
    return x.reshape(batch, time, heads, features // heads).swapaxes(1, 2)
    ### END SOLUTION


# %%
check(split_heads)


# %%
def merge_heads(x):
    """The inverse of split_heads

    Shapes
        x  (batch, heads, time, head_dim)      y  (batch, time, heads · head_dim)
    """
    ### BEGIN SOLUTION
    batch, heads, time, head_dim = x.shape
    return x.swapaxes(1, 2).reshape(batch, time, heads * head_dim)
    ### END SOLUTION


# %%
check(merge_heads)


# %%
class MultiHeadAttention(Layer):
    """Several attentions side by side, each on its own projection of the features

    Shapes
        x, y  (batch, queries, features)      memory  (batch, keys, features)
        Wq, Wk, Wv, Wo  (features, features)      weights  (batch, heads, queries, keys)
        mask  booleans that broadcast to weights, true where a query may look; None: everywhere
    Queries are x Wq, keys memory Wk, values memory Wv; each is divided among the heads by split_heads. What the heads
    read is merged and multiplied by Wo. No biases.
    forward(x, memory, mask=None) returns y and sets self.weights; backward(dy) returns (dx, dmemory).
    Self-attention is forward(x, x): the gradient of x is then the sum of the two.

    Source: Vaswani et al. (2017), section 3.2.2.
    """

    def __init__(self, features, heads, *, rng):
        self.heads = heads
        self.Wq, self.Wk = draw(features, features, rng), draw(features, features, rng)
        self.Wv, self.Wo = draw(features, features, rng), draw(features, features, rng)
        self.attention = ScaledDotProductAttention()

    def forward(self, x, memory, mask=None):
        ### BEGIN SOLUTION
        self.x, self.memory = x, memory
        q, k, v = (
            split_heads((as_rows(inputs) @ W.data).reshape(inputs.shape), self.heads)
            for inputs, W in ((x, self.Wq), (memory, self.Wk), (memory, self.Wv))
        )
        self.merged = merge_heads(self.attention.forward(q, k, v, mask))
        self.weights = self.attention.weights
        return (as_rows(self.merged) @ self.Wo.data).reshape(x.shape)
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        self.Wo.grad += as_rows(self.merged).T @ as_rows(dy)
        dmerged = (as_rows(dy) @ self.Wo.data.T).reshape(dy.shape)
        dq, dk, dv = (as_rows(merge_heads(d)) for d in self.attention.backward(split_heads(dmerged, self.heads)))
        x, memory = as_rows(self.x), as_rows(self.memory)
        self.Wq.grad += x.T @ dq
        self.Wk.grad += memory.T @ dk
        self.Wv.grad += memory.T @ dv
        dmemory = dk @ self.Wk.data.T
        dmemory += dv @ self.Wv.data.T
        return (dq @ self.Wq.data.T).reshape(self.x.shape), dmemory.reshape(self.memory.shape)
        ### END SOLUTION


# %%
check(MultiHeadAttention)


# %% [markdown]
# ## 9.4 Positional encoding


# %%
class PositionalEncoding(Layer):
    """Adds waves of the position:  y[t] = x[t] + P[t],  P[t, 2i] = sin(t / 10000^(2i/features)),  P[t, 2i + 1] = its cos

    Shapes
        x, y  (batch, time, features)
    features: length of the last axis; where it is odd, the last sine has no cosine.
    forward(x, start=0): start is the position of the first step.

    Source: Vaswani et al. (2017), section 3.5.
    """

    def __init__(self, features):
        self.features = features

    def forward(self, x, start=0):
        ### BEGIN SOLUTION
        time, features = x.shape[-2:]
        waves = np.arange(0, features, 2)
        angles = np.arange(start, start + time)[:, None] * 10000.0 ** (-waves / features)
        table = np.empty((time, features))
        table[:, 0::2] = np.sin(angles)
        table[:, 1::2] = np.cos(angles)[:, : features // 2]
        return x + asarray(table.astype(x.dtype))
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        return dy
        ### END SOLUTION


# %%
check(PositionalEncoding)


# %% [markdown]
# ## 9.5 Rotary positions


# %%
def rotate_pairs(x, cos, sin):
    """Rotates feature i together with feature i + half, by the angles of which cos and sin are given

    Shapes
        x, y  (…, time, 2 · half)      cos, sin  (time, half)
    y[i] = x[i] cos[i] − x[i + half] sin[i],      y[i + half] = x[i + half] cos[i] + x[i] sin[i]
    """
    ### BEGIN SOLUTION
    half = x.shape[-1] // 2
    first, second = x[..., :half], x[..., half:]
    y = array_module(x).empty_like(x)
    y[..., :half] = first * cos - second * sin
    y[..., half:] = second * cos + first * sin
    return y
    ### END SOLUTION


# %%
check(rotate_pairs)


# %%
class RoPE(Layer):
    """Rotary positions: pair i of step t is rotated by the angle t · base^(−2i / head_dim)

    Shapes
        x, y  (…, time, head_dim)
    head_dim is even.  Pair i consists of the features i and i + head_dim / 2 (the half pairing), as in rotate_pairs.
    forward(x, start=0): start is the position of the first step.

    Source: Su et al., RoFormer: Enhanced Transformer with Rotary Position Embedding (2021), section 3.2; half pairing:
    Black et al., GPT-NeoX-20B (2022), section 2.1.
    """

    def __init__(self, head_dim, base=10000.0):
        self.head_dim, self.base = head_dim, base

    def forward(self, x, start=0):
        ### BEGIN SOLUTION
        half = self.head_dim // 2
        speeds = self.base ** (-np.arange(half) / half)
        angles = np.arange(start, start + x.shape[-2])[:, None] * speeds
        self.cos, self.sin = (asarray(wave(angles).astype(x.dtype)) for wave in (np.cos, np.sin))
        return rotate_pairs(x, self.cos, self.sin)
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        return rotate_pairs(dy, self.cos, -self.sin)
        ### END SOLUTION


# %%
check(RoPE)


# %% [markdown]
# ## 9.6 RMSNorm


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
        ### BEGIN SOLUTION
        xp, rows = array_module(x), as_rows(x)
        squares = xp.einsum("nf,nf->n", rows, rows)[:, None]
        squares /= x.shape[-1]
        squares += self.eps
        self.scale = 1 / xp.sqrt(squares)
        self.normal = rows * self.scale
        return (self.normal * self.gamma.data).reshape(x.shape)
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        rows = as_rows(dy)
        along = rows * self.normal
        self.gamma.grad += along.sum(axis=0)
        means = along @ (self.gamma.data / dy.shape[-1])
        dx = rows * self.gamma.data
        dx -= self.normal * means[:, None]
        dx *= self.scale
        return dx.reshape(dy.shape)
        ### END SOLUTION


# %%
check(RMSNorm)


# %% [markdown]
# ## 9.7 SwiGLU


# %%
class SwiGLU(Layer):
    """A gated feed-forward layer, at every position:  y = (silu(x W_gate) ⊙ (x W_up)) W_down

    Shapes
        x, y  (…, features)      W_gate, W_up  (features, hidden)      W_down  (hidden, features)
    silu(z) = z σ(z).  No biases.

    Source: Shazeer, GLU Variants Improve Transformer (2020), equation 6.
    """

    def __init__(self, features, hidden, *, rng):
        self.W_gate, self.W_up = draw(features, hidden, rng), draw(features, hidden, rng)
        self.W_down = draw(hidden, features, rng)

    def forward(self, x):
        ### BEGIN SOLUTION
        xp, rows = array_module(x), as_rows(x)
        z, up = rows @ self.W_gate.data, rows @ self.W_up.data
        sigmoid = z * 0.5
        xp.tanh(sigmoid, out=sigmoid)
        sigmoid += 1
        sigmoid *= 0.5
        gate = z * sigmoid
        self.rows, self.z, self.up, self.sigmoid, self.gate = rows, z, up, sigmoid, gate
        return (gate * up @ self.W_down.data).reshape(x.shape)
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        rows = as_rows(dy)
        dproduct = rows @ self.W_down.data.T
        self.W_down.grad += (self.gate * self.up).T @ rows
        dup = dproduct * self.gate
        dz = 1 - self.sigmoid
        dz *= self.z
        dz += 1
        dz *= self.sigmoid
        dz *= self.up
        dz *= dproduct
        self.W_gate.grad += self.rows.T @ dz
        self.W_up.grad += self.rows.T @ dup
        dx = dz @ self.W_gate.data.T
        dx += dup @ self.W_up.data.T
        return dx.reshape(dy.shape)
        ### END SOLUTION


# %%
check(SwiGLU)


# %% [markdown]
# ## 9.8 Position-wise feed-forward layer


# %%
class PositionwiseFeedForward(Layer):
    """A small network, the same at every position:  y = max(0, x W1 + b1) W2 + b2

    Shapes
        x, y  (…, features)      W1  (features, hidden)      b1  (hidden,)      W2  (hidden, features)      b2  (features,)

    Source: Vaswani et al. (2017), section 3.3.
    """

    def __init__(self, features, hidden, *, rng):
        self.W1, self.W2 = draw(features, hidden, rng), draw(hidden, features, rng)
        self.b1, self.b2 = Parameter(zeros(hidden)), Parameter(zeros(features))

    def forward(self, x):
        ### BEGIN SOLUTION
        self.rows = as_rows(x)
        hidden = self.rows @ self.W1.data
        hidden += self.b1.data
        self.hidden = array_module(x).maximum(hidden, 0, out=hidden)
        y = self.hidden @ self.W2.data
        y += self.b2.data
        return y.reshape(x.shape)
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        rows = as_rows(dy)
        self.W2.grad += self.hidden.T @ rows
        self.b2.grad += rows.sum(axis=0)
        dhidden = rows @ self.W2.data.T
        dhidden *= self.hidden > 0
        self.W1.grad += self.rows.T @ dhidden
        self.b1.grad += dhidden.sum(axis=0)
        return (dhidden @ self.W1.data.T).reshape(dy.shape)
        ### END SOLUTION


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
# rescales everything that passes, gradients too, and deep stacks only train with a long warm-up. Here it stands
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
        ### BEGIN SOLUTION
        normed = self.norms[0].forward(x)
        h = x + self.attention.forward(normed, normed, mask)
        return h + self.feed_forward.forward(self.norms[1].forward(h))
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        dh = dy + self.norms[1].backward(self.feed_forward.backward(dy))
        dq, dm = self.attention.backward(dh)
        return dh + self.norms[0].backward(dq + dm)
        ### END SOLUTION


# %% [markdown] hints="EncoderLayer"
# ### forward
# 1. There are two branches. What does each read, and to what is its result added?
# 2. h = x + attention(n, n, mask), n = norm₀(x); y = h + feedforward(norm₁(h)); all (batch, time, features)
# 3. Normalize x once and give the same array to the attention as queries and as memory; add x. Do the same with the
#    second norm and the feed-forward layer, beginning with the sum.
#
# ### backward
# 1. A sum passes its gradient to both terms. How many gradients does the attention return, and where do both belong?
# 2. dh = dy + norm₁'(feedforward'(dy)); dx = dh + norm₀'(dq + dm), with (dq, dm) = attention'(dh)
# 3. Begin with the last branch: through the feed-forward layer, then its norm, then add dy. Go on with that sum through
#    the attention, add its two gradients, go through the first norm and add the sum.

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
        ### BEGIN SOLUTION
        normed = self.norms[0].forward(x)
        h = x + self.attention.forward(normed, normed, causal_mask(x.shape[1]))
        g = h + self.cross.forward(self.norms[1].forward(h), memory, mask)
        return g + self.feed_forward.forward(self.norms[2].forward(g))
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        dg = dy + self.norms[2].backward(self.feed_forward.backward(dy))
        dq, dmemory = self.cross.backward(dg)
        dh = dg + self.norms[1].backward(dq)
        dq, dm = self.attention.backward(dh)
        return dh + self.norms[0].backward(dq + dm), dmemory
        ### END SOLUTION


# %% [markdown] hints="DecoderLayer"
# ### forward
# 1. There are three branches and two masks. Which branch reads what, and which mask belongs to which?
# 2. h = x + self(norm₀(x)), causal; g = h + cross(norm₁(h), memory, mask); y = g + feedforward(norm₂(g))
# 3. Make the causal mask of the target's length for the self-attention. Give the cross-attention the normalized sum as
#    queries, the memory as it is, and the mask. Every branch is added to what its norm has read.
#
# ### backward
# 1. Go through the branches from the last to the first. Which one returns a gradient that leaves the layer at once?
# 2. dg = dy + norm₂'(feedforward'(dy)); (dq, dmemory) = cross'(dg); dh = dg + norm₁'(dq); dx = dh + norm₀'(dq + dm)
# 3. The cross-attention's two gradients part: the first goes through its norm and is added, the second is returned. The
#    self-attention's two are added before they go through the first norm.

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
        ### BEGIN SOLUTION
        mask = None if mask is None else padding_mask(mask)
        memory = source
        for layer in self.encoder:
            memory = layer.forward(memory, mask)
        memory = self.norms[0].forward(memory)
        y = target
        for layer in self.decoder:
            y = layer.forward(y, memory, mask)
        return self.norms[1].forward(y)
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        dtarget, dmemory = self.norms[1].backward(dy), 0
        for layer in reversed(self.decoder):
            dtarget, dread = layer.backward(dtarget)
            dmemory = dmemory + dread
        dsource = self.norms[0].backward(dmemory)
        for layer in reversed(self.encoder):
            dsource = layer.backward(dsource)
        return dsource, dtarget
        ### END SOLUTION


# %% [markdown] hints="Transformer"
# ### forward
# 1. Two loops, one after the other. What does every layer of the second one get besides the output of the one before?
# 2. memory = norm₀(encoder(source)); y = norm₁(decoder(target, memory)); the mask as (batch, 1, 1, source_time) in both
# 3. Turn the mask into one for all heads and queries. Run the encoder layers one after the other with it, normalize,
#    then the decoder layers, each with the memory and the mask, and normalize again.
#
# ### backward
# 1. Who has read the memory? What happens to gradients of something that was read several times?
# 2. dmemory = Σ over the decoder layers of their second gradient; dsource = encoder'(norm₀'(dmemory))
# 3. Go through the decoder from its last layer, adding up what each returns for the memory; only then through the
#    encoder's norm and its layers, the last first.

# %%
check(Transformer)
