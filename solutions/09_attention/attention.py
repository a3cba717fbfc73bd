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
