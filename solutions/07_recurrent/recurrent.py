# %% [markdown]
# # 07 · Recurrent networks
#
# A sentence, a melody, a temperature curve: what comes now has to be read in the light of what came before, and there may
# be any number of steps before. A `Linear` layer has a weight for every place of its input; it cannot read a sentence that is a word longer
# than those that it was built for, and it would have to learn the same thing anew for every place. A recurrent layer reads one
# step at a time, with the *same* weights at each, and keeps what it has read in a **state**, a handful of numbers that it
# changes at every step and hands on to the next.
#
# In this assignment you write the layers that do this, from the plain one to the gated ones, with their gradients;
# you stack them, let them read in both directions, and train them on sequences that have no end.
#
# **Shapes.** Sequences are (batch, time, features). All recurrent layers here have the same two methods:
#
# | | |
# |---|---|
# | `forward(x, state=None, mask=None)` | returns `(h, last)` |
# | `backward(dh, dlast=None)` | returns `(dx, dstate)` and adds to the gradients of the parameters |
# | `x` | (batch, time, in_features) |
# | `h` | (batch, time, out_features), the hidden state after *every* step |
# | `state`, `last` | (batch, *state_shape), the state before the first step and after the last one; `None` is a state of zeros |
# | `mask` | (batch, time), true (or 1) where there is a step and false (or 0) where there is padding; `None`: no padding |
#
# One array holds the state, whatever it consists of: (batch, hidden) for an RNN, (batch, 2, hidden) for an LSTM, which has
# two. `last` has the shape of `state`, so that one piece of a long text can be read after the other: pass `last` on
# as the next `state`. The loss may look at any of the hidden states and at the last state besides, so there are two upstream gradients, `dh`
# and `dlast` (`None`: nobody looked at it). `x` and the state are inputs, so there are two gradients to return.
#
# **Padding.** The sequences of a batch may have different lengths; the shorter ones are filled up, and the mask says where.
# There the state is **held**: it stays what it was, `h` repeats it, and whatever `x` contains has no influence.
# So `last` is the state at each sequence's own end, without any search for that end.
#
# ```
#   mask   1    1    1    0    0
#   x      x₁   x₂   x₃   ?    ?
#   h      h₁   h₂   h₃   h₃   h₃      last = h₃
# ```

# %%
import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Layer, Parameter, array_module, asarray, zeros
from dlkit.course import when_written

# %% [markdown]
# Some small things are given. `by_step` brings time to the front, so that the rows that belong to one step lie together in memory;
# `by_sequence` is the way back, and does not copy anything. A mask becomes `steps` of the shape (time, batch, 1), which fits
# beside one state: `xp.where(steps[t], new, old)`. `sigmoid` is the one of assignment 02, by way of $\sigma(z) = \frac12 + \frac12\tanh\frac z2$,
# which is finite everywhere.


# %%
def by_step(x):
    """(batch, time, …) as (time, batch, …), each step's rows together in memory"""
    return array_module(x).ascontiguousarray(x.swapaxes(0, 1))


def by_sequence(x):
    """(time, batch, …) as (batch, time, …): a view"""
    return x.swapaxes(0, 1)


def steps_of(mask):
    """A mask (batch, time) as booleans (time, batch, 1); None where there is none"""
    return None if mask is None else by_step(mask)[:, :, None] != 0


def sigmoid(z):
    """1 / (1 + e⁻ᶻ), finite for all z"""
    return 0.5 * array_module(z).tanh(0.5 * z) + 0.5


class Recurrent(Layer):
    """What all layers of this assignment have in common

    state_shape: the shape of one sequence's state, (hidden,) for example.      out_features: the last axis of h.
    """

    state_shape = ()
    out_features = 0

    def begin(self, x, state):
        """The state to begin with: the one that is given, or zeros for every sequence of x"""
        return array_module(x).zeros((len(x), *self.state_shape), dtype=x.dtype) if state is None else state

    def draw(self, rows, columns, rng):
        """First weights (rows, columns), uniform between ±1/√hidden as in PyTorch"""
        bound = self.out_features**-0.5
        return Parameter(rng.uniform(-bound, bound, (rows, columns)))


# %% [markdown]
# ## 7.1 RNN
#
# The plain recurrent layer. At every step it mixes what comes in with what it remembers, and squeezes the sum:
#
# $$ z_t = x_t W + h_{t-1} U + b, \qquad h_t = \tanh z_t $$
#
# $W$ (in_features, hidden) looks at the input, $U$ (hidden, hidden) at the state before. (PyTorch has two biases here, which
# are always added to each other; one does the same.) Drawn out in time, the layer is a deep network with one layer for each
# step, all of which share $W$, $U$ and $b$:
#
# ```
#                  h₁              h₂              h₃ ──→ last            ──→  forward
#                  ↑               ↑               ↑
#   state = h₀ ─U→ ⊕ ─tanh── h₁ ─U→ ⊕ ─tanh── h₂ ─U→ ⊕ ─tanh── h₃
#                  ↑               ↑               ↑
#                  W               W               W
#                  x₁              x₂              x₃
#
#                  dh₁             dh₂             dh₃ + dlast            ←──  backward
#                  ↓               ↓               ↓
#   dstate ←Uᵀ── dz₁ ←(1−h₁²)─⊕←Uᵀ── dz₂ ←(1−h₂²)─⊕←Uᵀ── dz₃ ←(1−h₃²)─⊕
#                  ↓               ↓               ↓
#                 dx₁             dx₂             dx₃
# ```
#
# **The backward pass, derived: back-propagation through time.** It is the hardest one of this assignment, and nothing but the
# chain rule on that drawing. Let $g_t$ be the gradient of the loss by $h_t$ with *all* its consequences. $h_t$ has two: it is handed out, where
# the loss looks at it ($dh_t$), and it enters the next step. There $\partial z_{t+1} / \partial h_t = U$, so
#
# $$ g_t = dh_t + dz_{t+1} U^\top, \qquad dz_t = g_t \odot (1 - h_t^2) $$
#
# The equation wants $dz_{t+1}$ before $g_t$: so begin at the last step, where $dlast$ takes the place of the term from the next step,
# and walk backwards. What is left at the front, $dz_1 U^\top$, is the gradient of the state that came in. The derivative of the tanh
# is written with its *value*, $1 - \tanh^2 z = 1 - h^2$; $z$ is not needed any more.
#
# $W$, $U$ and $b$ act at every step. A quantity that is used many times receives a gradient from every use, and they **add up**:
#
# $$ dW = \sum_t x_t^\top dz_t, \qquad dU = \sum_t h_{t-1}^\top dz_t, \qquad db = \sum_t \sum_n dz_{tn},
#    \qquad dx_t = dz_t W^\top $$
#
# Each of these sums over steps and sequences is *one* matrix product, if all steps are put below each other: (time · batch, features). The same
# holds for $x_t W$, which does not wait for any state and can be computed for all steps ahead of the loop. Only $h_{t-1} U$
# has to be in the loop.
#
# **With a mask.** Where a step does not count, $h_t = h_{t-1}$: a straight line through the drawing. On the way back $g_t$ takes this
# line as it is, $g_{t-1} = dh_{t-1} + g_t$, and $dz_t = 0$.
#
# *By hand:* one sequence, one feature, one number of state; $W = 1$, $U = 0.5$, $b = 0$; $x = (1, 0)$, $h_0 = 0$. Then $h_1 = \tanh 1 = 0.762$ and
# $h_2 = \tanh 0.381 = 0.363$. The loss looks at $h_2$ only: $dh = (0, 1)$. So $dz_2 = 1 - 0.363^2 = 0.868$, $g_1 = 0 + 0.5 \cdot 0.868 = 0.434$,
# $dz_1 = 0.434 \cdot (1 - 0.762^2) = 0.182$. And $dx = (0.182, 0.868)$, $dW = 1 \cdot 0.182 + 0 \cdot 0.868 = 0.182$,
# $dU = 0 \cdot 0.182 + 0.762 \cdot 0.868 = 0.661$, $db = 1.05$, $dstate = 0.5 \cdot 0.182 = 0.091$. Two steps, and one tenth is
# left of the gradient: you see where this leads in a hundred steps.


# %%
class RNN(Recurrent):
    """Plain recurrent layer:  h[t] = tanh(x[t] W + h[t−1] U + b)

    Shapes
        x  (batch, time, in_features)      h  (batch, time, hidden)      state, last  (batch, hidden)
        W  (in_features, hidden)      U  (hidden, hidden)      b  (hidden,): one bias, the sum of PyTorch's two
        mask  (batch, time), true or 1 where the step counts; elsewhere the state is held
    forward(x, state=None, mask=None) returns (h, last), backward(dh, dlast=None) returns (dx, dstate).

    Source: Elman, Finding Structure in Time (1990); backward: Werbos, Backpropagation Through Time (1990), section III.
    """

    def __init__(self, in_features, hidden, *, rng):
        self.out_features, self.state_shape = hidden, (hidden,)
        self.W, self.U = self.draw(in_features, hidden, rng), self.draw(hidden, hidden, rng)
        self.b = Parameter(zeros(hidden))

    def forward(self, x, state=None, mask=None):
        ### BEGIN SOLUTION
        xp = array_module(x)
        self.x, self.steps = by_step(x), steps_of(mask)
        z = self.x @ self.W.data + self.b.data
        h = xp.empty((len(z) + 1, *z.shape[1:]), dtype=z.dtype)  # h[t] is the state before step t
        h[0] = self.begin(x, state)
        for t in range(len(z)):
            new = xp.tanh(z[t] + h[t] @ self.U.data)
            h[t + 1] = new if mask is None else xp.where(self.steps[t], new, h[t])
        self.h = h
        return by_sequence(h[1:]), h[-1]
        ### END SOLUTION

    def backward(self, dh, dlast=None):
        ### BEGIN SOLUTION
        xp, x, h = array_module(dh), self.x, self.h
        slope = 1 - h[1:] * h[1:]
        if self.steps is not None:
            slope *= self.steps
        dh, dz = by_step(dh), xp.empty_like(slope)
        dstate = xp.zeros_like(dh[0]) if dlast is None else dlast
        for t in reversed(range(len(dz))):
            g = dh[t] + dstate
            dz[t] = g * slope[t]
            dstate = dz[t] @ self.U.data.T
            if self.steps is not None:
                dstate = xp.where(self.steps[t], dstate, g)
        rows = dz.reshape(-1, dz.shape[2])
        self.W.grad += x.reshape(len(rows), -1).T @ rows
        self.U.grad += h[:-1].reshape(rows.shape).T @ rows
        self.b.grad += rows.sum(axis=0)
        return by_sequence(dz @ self.W.data.T), dstate
        ### END SOLUTION


# %%
check(RNN)

# %% [markdown]
# ## 7.2 LSTM
#
# Every step of an RNN multiplies the gradient by $U^\top$ and by slopes below 1; after a hundred steps nothing is left of it, or
# far too much. The LSTM adds a second state, the **cell** $c$, which goes from step to step without a matrix and without a
# tanh: it is only multiplied by a number between 0 and 1 and added to. *Gates*, small sigmoid layers of their own, decide how
# much is kept, how much is let in, how much is shown:
#
# ```
#    c[t−1] ──────────── · f ────── + ──────────────┬────────→ c[t]
#                                   ↑               │
#                                 i · g           tanh
#                                                   ↓
#    h[t−1], x[t] ──→ i, f, g, o                    · o ──────→ h[t]
# ```
#
# $$ (z^i, z^f, z^g, z^o) = x_t W + h_{t-1} U + b $$
# $$ i = \sigma(z^i), \quad f = \sigma(z^f), \quad g = \tanh(z^g), \quad o = \sigma(z^o) $$
# $$ c_t = f \odot c_{t-1} + i \odot g, \qquad h_t = o \odot \tanh c_t $$
#
# The four parts lie beside each other in the columns of $W$ (in_features, 4 · hidden), $U$ (hidden, 4 · hidden) and $b$, in
# the order **i, f, g, o** (PyTorch's), so that one product makes all four. The state of a sequence is (2, hidden): `state[:, 0]`
# is $h$ and `state[:, 1]` is $c$. A mask holds both.
#
# **An open door to begin with.** With $b = 0$ the forget gate begins at $f = \frac12$, and after ten steps a
# thousandth is left of what the cell held, and of its gradient. Begin with $b^f = 1$, so that $f \approx 0.73$ and more comes through until
# training finds out what is worth keeping. That is `first_bias`; all other biases begin at 0.
#
# **The backward pass, derived.** Two states come back from the next step: $g_t = dh_t + (\text{what } h_t \text{ did at } t + 1)$, and $dc_t$. The
# cell has two consequences in turn: it is shown in $h_t$, and it goes on to the next step. The latter is the direct path:
#
# $$ dc_t = dc_{t+1} \odot f_{t+1} \;+\; g_t \odot o \odot (1 - \tanh^2 c_t) $$
#
# Each gate is a factor in a product, so its gradient is the other factor, times the slope of its own function:
#
# $$ dz^i = dc \odot g \odot i(1 - i), \quad dz^f = dc \odot c_{t-1} \odot f(1 - f), \quad
#    dz^g = dc \odot i \odot (1 - g^2), \quad dz^o = g_t \odot \tanh c_t \odot o(1 - o) $$
#
# From here on it is the RNN: $dz_t U^\top$ goes to $h_{t-1}$, and the weights add up over all steps. Look at the direct path
# alone: from step to step $dc$ is multiplied by $f$, and by nothing else. Where the gate is open, the gradient arrives.
#
# *By hand:* one number of each, $W = U = 0$, $b = 0$, so that $i = f = o = \frac12$ and $g = 0$; $h_0 = 0$, $c_0 = 1$. Then $c_1 = 0.5$ and
# $h_1 = 0.5 \tanh 0.5 = 0.231$. With $dh_1 = 1$: $dz^o = 0.462 \cdot \frac14 = 0.116$; $dc_1 = 0.5\,(1 - 0.462^2) = 0.393$;
# $dz^i = 0$ (because $g = 0$), $dz^f = 0.393 \cdot 1 \cdot \frac14 = 0.098$, $dz^g = 0.393 \cdot \frac12 = 0.197$; and
# $dc_0 = 0.393 \cdot f = 0.197$.
#
# **Fast.** A step of 32 sequences is a small thing to compute, and Python's share in it is large: four products a step are
# four times the calls. One product makes all gates; one tanh does too, where the columns of the three sigmoids are halved
# before and after, by $\sigma(z) = \frac12 + \frac12 \tanh\frac z2$. Whatever does not depend on the step before (the slopes, the
# other factors) is computed for all steps at once, outside of the loop, and `out=` writes where memory is already.


# %%
class LSTM(Recurrent):
    """Long short-term memory:  c[t] = f c[t−1] + i g,  h[t] = o tanh(c[t]),  (i, f, g, o) of x[t] W + h[t−1] U + b

    Shapes
        x  (batch, time, in_features)      h  (batch, time, hidden)
        state, last  (batch, 2, hidden): state[:, 0] is h, state[:, 1] is c
        W  (in_features, 4 · hidden)      U  (hidden, 4 · hidden)      b  (4 · hidden,): one bias, the sum of PyTorch's two;
        columns in the order i, f, g, o
        mask  (batch, time), true or 1 where the step counts; elsewhere h and c are held
    i, f and o are sigmoids, g is a tanh.  b of the forget gate is 1 at the start, everything else in b is 0.
    forward(x, state=None, mask=None) returns (h, last), backward(dh, dlast=None) returns (dx, dstate).

    Source: Hochreiter & Schmidhuber, Long Short-Term Memory (1997); forget gate: Gers, Schmidhuber & Cummins, Learning to
    Forget (2000); its bias: Jozefowicz, Zaremba & Sutskever, An Empirical Exploration of Recurrent Network Architectures (2015).
    """

    def __init__(self, in_features, hidden, *, rng):
        self.out_features, self.state_shape = hidden, (2, hidden)
        self.W, self.U = self.draw(in_features, 4 * hidden, rng), self.draw(hidden, 4 * hidden, rng)
        self.b = Parameter(self.first_bias(hidden))

    def first_bias(self, hidden):
        """The bias to begin with, (4 · hidden,): 1 for the forget gate, 0 for all others"""
        ### BEGIN SOLUTION
        b = zeros(4 * hidden)
        b[hidden : 2 * hidden] = 1
        return b
        ### END SOLUTION

    def forward(self, x, state=None, mask=None):
        ### BEGIN SOLUTION
        xp, hidden = array_module(x), self.out_features
        self.x, self.steps = by_step(x), steps_of(mask)
        half = xp.full(4 * hidden, 0.5, dtype=x.dtype)
        half[2 * hidden : 3 * hidden] = 1  # σ(z) = ½ + ½ tanh(z / 2), but g = tanh(z)
        W, U, shift = self.W.data * half, self.U.data * half, 1 - half
        gates = self.x @ W
        gates += self.b.data * half
        time, batch, _ = gates.shape
        h, c = xp.empty((2, time + 1, batch, hidden), dtype=gates.dtype)  # before step t
        tanh_c = xp.empty_like(h[1:])
        state = self.begin(x, state)
        h[0], c[0] = state[:, 0], state[:, 1]
        product = xp.empty_like(gates[0])
        for t in range(time):
            xp.matmul(h[t], U, out=product)
            a = xp.add(gates[t], product, out=gates[t])
            xp.tanh(a, out=a)
            a *= half
            a += shift
            i, f, g, o = (a[:, k * hidden : (k + 1) * hidden] for k in range(4))
            xp.multiply(f, c[t], out=c[t + 1])
            c[t + 1] += i * g
            xp.tanh(c[t + 1], out=tanh_c[t])
            xp.multiply(o, tanh_c[t], out=h[t + 1])
            if mask is not None:
                h[t + 1] = xp.where(self.steps[t], h[t + 1], h[t])
                c[t + 1] = xp.where(self.steps[t], c[t + 1], c[t])
        self.h, self.c, self.tanh_c, self.gates = h, c, tanh_c, gates
        return by_sequence(h[1:]), xp.stack([h[-1], c[-1]], axis=1)
        ### END SOLUTION

    def backward(self, dh, dlast=None):
        ### BEGIN SOLUTION
        xp, steps, hidden = array_module(dh), self.steps, self.out_features
        gates = self.gates.reshape(*self.gates.shape[:2], 4, hidden)
        i, f, g, o = (gates[:, :, k] for k in range(4))
        dz = gates * (1 - gates)  # slope of each gate, then times its partner, then times dc or dh
        xp.subtract(1, g * g, out=dz[:, :, 2])
        for k, partner in enumerate((g, self.c[:-1], i, self.tanh_c)):
            dz[:, :, k] *= partner
        shown = o * (1 - self.tanh_c * self.tanh_c)
        if steps is not None:
            dz *= steps[:, :, None]
        dh, rows = by_step(dh), dz.reshape(*dz.shape[:2], -1)
        back = xp.ascontiguousarray(self.U.data.T)
        dstate = self.begin(dh[0], dlast)
        from_next, dc = dstate[:, 0], dstate[:, 1]
        for t in reversed(range(len(dz))):
            dh_t = dh[t] + from_next
            dc_t = dc + dh_t * shown[t]
            dz[t, :, :3] *= dc_t[:, None]
            dz[t, :, 3] *= dh_t
            from_next, kept = rows[t] @ back, dc_t * f[t]
            if steps is not None:
                from_next, kept = xp.where(steps[t], from_next, dh_t), xp.where(steps[t], kept, dc)
            dc = kept
        rows = rows.reshape(-1, 4 * hidden)
        self.W.grad += self.x.reshape(len(rows), -1).T @ rows
        self.U.grad += self.h[:-1].reshape(len(rows), -1).T @ rows
        self.b.grad += rows.sum(axis=0)
        dx = (rows @ self.W.data.T).reshape(self.x.shape)
        return by_sequence(dx), xp.stack([from_next, dc], axis=1)
        ### END SOLUTION


# %%
check(LSTM)

# %% [markdown]
# ## 7.3 GRU
#
# Two gates and one state do nearly as well. The *reset* gate $r$ decides how much of the past the proposal $n$ gets to see, the
# *update* gate $z$ how much of the old state stays:
#
# $$ r = \sigma(z^r), \quad z = \sigma(z^z), \qquad (z^r, z^z, z^n) = x_t W + b \quad\text{plus, for } r \text{ and } z,\; h_{t-1} U $$
# $$ q = h_{t-1} U^n + b^q, \qquad n = \tanh(z^n + r \odot q), \qquad h_t = (1 - z) \odot n + z \odot h_{t-1} $$
#
# The columns of $W$, $U$ (3 · hidden of them) and $b$ are in the order **r, z, n**. This is PyTorch's variant: the reset gate
# multiplies the finished recurrent product $q$ and not the state in front of it, so that one product $h_{t-1} U$ serves all
# three. It makes one thing different: $q$ has a bias of its own, `bn`, because $r$ multiplies it, and does not multiply $b^n$.
# (Mind the roles of $z$ and $1 - z$, too: Cho et al. have them as here; in some papers they are exchanged.)
#
# **The backward pass, derived.** With $g$ for all that comes back to $h_t$: the mix gives
#
# $$ dn = g \odot (1 - z), \qquad dz = g \odot (h_{t-1} - n), \qquad \text{and straight to } h_{t-1}: \; g \odot z $$
#
# Behind the tanh, $dz^n = dn \odot (1 - n^2)$. It reaches $b^n$ and $x_t W^n$ as it is, and the product $r \odot q$ by both of its factors:
# $dq = dz^n \odot r$ and $dr = dz^n \odot q$. Then $dz^r = dr \odot r(1 - r)$ and $dz^z = dz \odot z(1 - z)$. So the gradient that goes to the
# *input* is $(dz^r, dz^z, dz^n)$ and the one that goes to the *state* is $(dz^r, dz^z, dq)$; they differ in the last third:
#
# $$ dW = \sum_t x_t^\top (dz^r, dz^z, dz^n), \qquad dU = \sum_t h_{t-1}^\top (dz^r, dz^z, dq), \qquad db^q = \sum dq $$
#
# *By hand:* one number of each, all parameters 0 but $b^q = 1$; $h_0 = 1$. Then $r = z = \frac12$, $q = 1$, $n = \tanh\frac12 = 0.462$ and
# $h_1 = 0.731$. With $dh_1 = 1$: $dn = 0.5$, $dz^n = 0.5\,(1 - 0.462^2) = 0.393$, $dq = 0.197$, $dz^r = 0.393 \cdot 1 \cdot \frac14 = 0.098$,
# $dz^z = (1 - 0.462) \cdot \frac14 = 0.134$; and with $U = 0$ only the straight way leads back: $dh_0 = 0.5$.


# %%
class GRU(Recurrent):
    """Gated recurrent unit, PyTorch's variant:  n = tanh(zⁿ + r (h[t−1] Uⁿ + bn)),  h[t] = (1 − z) n + z h[t−1]

    Shapes
        x  (batch, time, in_features)      h  (batch, time, hidden)      state, last  (batch, hidden)
        W  (in_features, 3 · hidden)      U  (hidden, 3 · hidden)      b  (3 · hidden,); columns in the order r, z, n
        bn  (hidden,): the bias of the recurrent product in n; for r and z, b is the sum of PyTorch's two biases
        mask  (batch, time), true or 1 where the step counts; elsewhere the state is held
    r and z are sigmoids of x[t] W + h[t−1] U + b in their columns; zⁿ = x[t] W + b in the columns of n.
    forward(x, state=None, mask=None) returns (h, last), backward(dh, dlast=None) returns (dx, dstate).

    Source: Cho et al., Learning Phrase Representations using RNN Encoder-Decoder (2014), section 2.3; reset after the product:
    PyTorch's documentation of torch.nn.GRU.
    """

    def __init__(self, in_features, hidden, *, rng):
        self.out_features, self.state_shape = hidden, (hidden,)
        self.W, self.U = self.draw(in_features, 3 * hidden, rng), self.draw(hidden, 3 * hidden, rng)
        self.b, self.bn = Parameter(zeros(3 * hidden)), Parameter(zeros(hidden))

    def forward(self, x, state=None, mask=None):
        ### BEGIN SOLUTION
        xp, hidden = array_module(x), self.out_features
        self.x, self.steps = by_step(x), steps_of(mask)
        a = self.x @ self.W.data + self.b.data
        h = xp.empty((len(a) + 1, a.shape[1], hidden), dtype=a.dtype)  # h[t] is the state before step t
        q, n = xp.empty_like(h[1:]), xp.empty_like(h[1:])
        gates = a[:, :, : 2 * hidden]
        h[0] = self.begin(x, state)
        for t in range(len(a)):
            product = h[t] @ self.U.data
            gates[t] = sigmoid(gates[t] + product[:, : 2 * hidden])
            r, z = gates[t, :, :hidden], gates[t, :, hidden:]
            xp.add(product[:, 2 * hidden :], self.bn.data, out=q[t])
            xp.tanh(a[t, :, 2 * hidden :] + r * q[t], out=n[t])
            new = n[t] + z * (h[t] - n[t])
            h[t + 1] = new if mask is None else xp.where(self.steps[t], new, h[t])
        self.h, self.q, self.n, self.r, self.z = h, q, n, gates[:, :, :hidden], gates[:, :, hidden:]
        return by_sequence(h[1:]), h[-1]
        ### END SOLUTION

    def backward(self, dh, dlast=None):
        ### BEGIN SOLUTION
        xp, steps, hidden = array_module(dh), self.steps, self.out_features
        h, q, n, r, z = self.h, self.q, self.n, self.r, self.z
        dh, dstate = by_step(dh), self.begin(dh, dlast)
        to_n = (1 - z) * (1 - n * n)
        to_r, to_z = to_n * q * r * (1 - r), (h[:-1] - n) * z * (1 - z)
        da = xp.empty((*n.shape[:2], 3 * hidden), dtype=n.dtype)  # towards the input
        du = xp.empty_like(da)  # towards the state
        for t in reversed(range(len(n))):
            g = dh[t] + dstate
            active = g if steps is None else g * steps[t]
            xp.multiply(active, to_n[t], out=da[t, :, 2 * hidden :])
            xp.multiply(active, to_r[t], out=du[t, :, :hidden])
            xp.multiply(active, to_z[t], out=du[t, :, hidden : 2 * hidden])
            xp.multiply(da[t, :, 2 * hidden :], r[t], out=du[t, :, 2 * hidden :])
            dstate = du[t] @ self.U.data.T + active * z[t]
            if steps is not None:
                dstate = xp.where(steps[t], dstate, g)
        da[:, :, : 2 * hidden] = du[:, :, : 2 * hidden]
        da, du = (each.reshape(-1, 3 * hidden) for each in (da, du))
        self.W.grad += self.x.reshape(len(da), -1).T @ da
        self.U.grad += h[:-1].reshape(len(du), -1).T @ du
        self.b.grad += da.sum(axis=0)
        self.bn.grad += du[:, 2 * hidden :].sum(axis=0)
        return by_sequence((da @ self.W.data.T).reshape(self.x.shape)), dstate
        ### END SOLUTION


# %%
check(GRU)

# %% [markdown]
# What is left of a gradient on its way back? The loss looks at the last hidden state only, and asks what an input of $n$ steps ago has
# to do with it; all layers are as they were drawn. The axis is logarithmic, so that a straight line downwards means: the same share is
# lost at every step. You see the tanh of the RNN, the forget gates of the LSTM at three biases (the dashed one is
# `first_bias`), and the GRU, whose update gate begins half open, and can learn to open.

# %%
with when_written():
    x = np.random.default_rng(0).normal(size=(32, 60, 8))
    ax = plt.subplots(figsize=(8, 4.5), layout="constrained")[1]
    for name, kind, bias in [
        ("RNN", RNN, None),
        ("GRU", GRU, None),
        ("LSTM, forget bias 0", LSTM, 0),
        ("LSTM, forget bias 1", LSTM, 1),
        ("LSTM, forget bias 3", LSTM, 3),
    ]:
        layer = kind(8, 32, rng=np.random.default_rng(1))
        if bias is not None:
            layer.b.data[32:64] = bias
        h, _ = layer.forward(x)
        dh = np.zeros(h.shape)
        dh[:, -1] = np.random.default_rng(2).normal(size=(32, 32))
        dx, _ = layer.backward(dh)
        left = np.linalg.norm(dx, axis=(0, 2))[::-1]
        ax.semilogy(left / left[0], "--" if bias == 1 else "-", label=name)
    ax.set(xlabel="steps ago", ylabel="gradient, as a share of the last step's")
    ax.legend()
    plt.show()

# %% [markdown]
# ## 7.4 StackedRNN
#
# The hidden states of a recurrent layer are a sequence again, so another layer can read them: the first finds letters, so to speak, the second
# words. Every layer has a state of its own; that of the stack holds all of them, (batch, layers, …):
# `state[:, 0]` belongs to the first layer.
#
# **Dropout** (assignment 05; given below) stands *between* the layers: it switches off numbers of what one layer hands up to the next. It does not stand behind the
# last layer, where whoever uses the stack decides, and not in the way from step to step, where it would wipe
# out memory; and in evaluation mode it does nothing at all.
#
# ```
#                 h                      layers = [A, B],  dropouts = [D]
#                 ↑
#    state[:, 1] → B → last[:, 1]
#                 ↑
#                 D        the dropout between them
#                 ↑
#    state[:, 0] → A → last[:, 0]
#                 ↑
#                 x
# ```
#
# **The backward pass** goes through the layers from the top to the bottom. Each is given the gradient of its hidden states, from above, and
# *its* part of `dlast`; what it returns for its state is its part of `dstate`.
#
# *By hand:* two layers that add up what comes in, $h_t = x_t + h_{t-1}$, read $x = (1, 2)$ from the states $(10, 100)$: the first
# gives $(11, 13)$, the second $(111, 124)$; $last = (13, 124)$. With $dh = (0, 1)$ the second returns $(1, 1)$ for its input and 1 for its state,
# and the first, with that, $(2, 1)$ and 2: $dx = (2, 1)$, $dstate = (2, 1)$.


# %%
class Dropout(Layer):
    """A share p of the numbers becomes 0 in training, the others are divided by 1 − p; given

    Source: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, Dropout (2014).
    """

    def __init__(self, p=0.5, *, rng):
        self.p, self.rng, self.factor = p, rng, None

    def forward(self, x):
        self.factor = None
        if not self.training or not self.p:
            return x
        kept = asarray(self.rng.random(x.shape, dtype="float32") >= self.p)
        self.factor = kept.astype(x.dtype) / (1 - self.p)
        return x * self.factor

    def backward(self, dy):
        return dy if self.factor is None else dy * self.factor


# %%
class StackedRNN(Recurrent):
    """Recurrent layers above each other, with dropout between them

    Shapes
        x  (batch, time, layers[0]'s in_features)      h  (batch, time, out_features of the last layer)
        state, last  (batch, layers, *state_shape of one layer)
        mask  (batch, time), the same for every layer
    layers: recurrent layers of one kind with states of one shape, the first one reads x.
    dropout: the share of numbers that is switched off between layers; self.dropouts[n] stands between layers n and n + 1,
    draws when its forward is called, in training mode only, and is asked once a forward, in this order.
    forward(x, state=None, mask=None) returns (h, last), backward(dh, dlast=None) returns (dx, dstate).

    Source: Graves, Mohamed & Hinton, Speech Recognition with Deep Recurrent Neural Networks (2013); dropout between layers
    only: Zaremba, Sutskever & Vinyals, Recurrent Neural Network Regularization (2014).
    """

    def __init__(self, layers, dropout=0.0, *, rng):
        self.layers, self.dropouts = layers, [Dropout(dropout, rng=rng) for _ in layers[1:]]
        self.out_features, self.state_shape = layers[-1].out_features, (len(layers), *layers[0].state_shape)

    def forward(self, x, state=None, mask=None):
        ### BEGIN SOLUTION
        h, last, state = x, [], self.begin(x, state)
        for n, layer in enumerate(self.layers):
            if n:
                h = self.dropouts[n - 1].forward(h)
            h, end = layer.forward(h, state[:, n], mask)
            last.append(end)
        return h, array_module(x).stack(last, axis=1)
        ### END SOLUTION

    def backward(self, dh, dlast=None):
        ### BEGIN SOLUTION
        dstate = []
        for n in reversed(range(len(self.layers))):
            dh, begin = self.layers[n].backward(dh, None if dlast is None else dlast[:, n])
            dstate.append(begin)
            if n:
                dh = self.dropouts[n - 1].backward(dh)
        return dh, array_module(dh).stack(dstate[::-1], axis=1)
        ### END SOLUTION


# %%
check(StackedRNN)

# %% [markdown]
# ## 7.5 Bidirectional
#
# Whether "bank" is a seat is often told by a word that comes *later*. Where the whole sequence is known, let one layer read it
# forwards and a second one, with weights of its own, backwards, and put their hidden states side by side:
#
# ```
#    x₁      x₂      x₃
#    there → a₁ ───→ a₂ ───→ a₃ → last[:, 0]           h₁ = [a₁ | b₁]
#            b₁ ←─── b₂ ←─── b₃ ← back                 h₂ = [a₂ | b₂]
#            └→ last[:, 1]                             h₃ = [a₃ | b₃]
# ```
#
# Turn the sequence round, let `back` read it, and turn its hidden states round again, so that $b_t$ stands beside $a_t$, at its own
# step: it has read $x_t$ and all that follows. Its *last* state is the one after $x_1$, and is not turned. On the way back
# it is the same: its part of $dh$ is turned round, and so is the gradient by $x$ that it returns. $x$ was read by both, so their
# gradients add up.
#
# **With a mask.** Turn the mask round with the sequence. Now the padding comes *first*, and a held state goes through it untouched: `back` begins at each
# sequence's own end, without any further trouble. (Turning round without the mask, it would read padding
# before it reads the first word.)
#
# *By hand:* two layers that add up, $h_t = x_t + h_{t-1}$, read $x = (1, 2, 4)$ from the states $(0, 0)$: there $(1, 3, 7)$, back $(7, 6, 4)$, and
# $last = (7, 7)$. With the mask $(1, 1, 0)$: there $(1, 3, 3)$, back $(3, 2, 0)$, $last = (3, 3)$.


# %%
class Bidirectional(Recurrent):
    """Two recurrent layers that read in opposite directions, their hidden states side by side

    Shapes
        x  (batch, time, in_features)      h  (batch, time, there's hidden + back's hidden): both at their own step
        state, last  (batch, 2, *state_shape of one layer): [:, 0] of there, [:, 1] of back; last is what each ends with
        mask  (batch, time), true or 1 where the step counts
    there: reads from the first step to the last.      back: from the last to the first; with a mask, from each sequence's own end.
    forward(x, state=None, mask=None) returns (h, last), backward(dh, dlast=None) returns (dx, dstate).

    Source: Schuster & Paliwal, Bidirectional Recurrent Neural Networks (1997), section II.
    """

    def __init__(self, there, back):
        self.there, self.back = there, back
        self.out_features, self.state_shape = there.out_features + back.out_features, (2, *there.state_shape)

    def forward(self, x, state=None, mask=None):
        ### BEGIN SOLUTION
        xp, state = array_module(x), self.begin(x, state)
        turned = None if mask is None else mask[:, ::-1]
        a, end_a = self.there.forward(x, state[:, 0], mask)
        b, end_b = self.back.forward(x[:, ::-1], state[:, 1], turned)
        return xp.concatenate([a, b[:, ::-1]], axis=2), xp.stack([end_a, end_b], axis=1)
        ### END SOLUTION

    def backward(self, dh, dlast=None):
        ### BEGIN SOLUTION
        xp, middle = array_module(dh), self.there.out_features
        dend_a, dend_b = (None, None) if dlast is None else (dlast[:, 0], dlast[:, 1])
        da, db = dh[:, :, :middle], dh[:, ::-1, middle:]
        dx_a, dstate_a = self.there.backward(da, dend_a)
        dx_b, dstate_b = self.back.backward(db, dend_b)
        return dx_a + dx_b[:, ::-1], xp.stack([dstate_a, dstate_b], axis=1)
        ### END SOLUTION


# %%
check(Bidirectional)

# %% [markdown]
# ## 7.6 Truncated back-propagation through time
#
# A book is one sequence of a million steps. Nobody can keep a million states for the way back, and one step of the optimizer a
# book would be few. So cut it into pieces, and treat the two directions differently:
#
# ```
#    forward:     state ──→ [ piece 1 ] ──last──→ [ piece 2 ] ──last──→ [ piece 3 ] ──→ last        the state goes on
#    backward:              ←─────────┤  stop     ←─────────┤  stop     ←─────────┤                 the gradient does not
#                             step 1                 step 2                step 3
# ```
#
# The state is carried over, so that the model still reads the book from its beginning. But for the gradient it is a number
# like any other that comes in from outside: what `backward` returns for it is dropped, and nothing is asked of `last`.
# So the sum over steps of section 7.1 is cut off after `steps` terms. It is an approximation: what happened longer ago than that is in
# the state, but the model is never *told* to keep it there.
#
# After every piece the optimizer takes a step. Two things are easy to miss. The last piece may be shorter than the others; it is a piece
# like the others for the optimizer, but the mean loss over all steps has to count it by its length. And the model is
# given (batch, time, …), while losses want one row for each prediction: put all steps of all sequences below each other, and give the
# gradient back the shape of the prediction.
#
# *By hand:* five steps in pieces of two are pieces of 2, 2 and 1. If their losses are 1, 2 and 6, the mean loss is
# $(2 \cdot 1 + 2 \cdot 2 + 1 \cdot 6) / 5 = 2.4$, and not $(1 + 2 + 6) / 3 = 3$.
#
# Given: a model for such things, a recurrent layer and a layer that makes predictions of each of its hidden states.


# %%
class SequenceModel(Layer):
    """A recurrent layer, and a layer that makes a prediction of every hidden state; given

    Shapes
        x  (batch, time, in_features)      y  (batch, time, the output's features)      state, last  as of the recurrent layer
    output: a layer of rows, Linear for example; it is given all steps of all sequences below each other.
    forward(x, state=None, mask=None) returns (y, last), backward(dy, dlast=None) returns (dx, dstate).
    """

    def __init__(self, recurrent, output):
        self.recurrent, self.output = recurrent, output
        self.state_shape = recurrent.state_shape

    def forward(self, x, state=None, mask=None):
        h, last = self.recurrent.forward(x, state, mask)
        y = self.output.forward(h.reshape(-1, h.shape[2]))
        return y.reshape(*h.shape[:2], -1), last

    def backward(self, dy, dlast=None):
        dh = self.output.backward(dy.reshape(-1, dy.shape[2]))
        return self.recurrent.backward(dh.reshape(*dy.shape[:2], -1), dlast)


# %%
def truncated_bptt(x, y, state=None, *, model, loss, optimizer, steps):
    """Train on long sequences piece by piece, carrying the state over; return the mean loss over all steps, and the last state

    Shapes
        x  (batch, time, features)      y  (batch, time) labels, or (batch, time, …) targets
        state, last state  as of the model; None: the model's own beginning
    model: forward(x, state) returns (prediction (batch, time, …), last), backward(dprediction) goes back within that piece;
    loss: forward(prediction, target) is a mean over rows, backward() its gradient; it is given one row for each step of each
    sequence; optimizer: of the model's parameters, with zero_grad() and step(), which is called once after every piece.
    steps: of a piece, 1 or more; the last piece may be shorter.  The mean loss is a scalar of the array's library.

    Source: Williams & Peng, An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent Network Trajectories
    (1990), section 2, with h = h′ = steps.
    """
    ### BEGIN SOLUTION
    total, time = 0, x.shape[1]
    for first in range(0, time, steps):
        piece = slice(first, first + steps)
        prediction, state = model.forward(x[:, piece], state)
        target = y[:, piece]
        rows = prediction.reshape(-1, *prediction.shape[2:])
        error = loss.forward(rows, target.reshape(-1, *target.shape[2:]))
        total = total + error * (target.shape[1] / time)
        optimizer.zero_grad()
        model.backward(loss.backward().reshape(prediction.shape))
        optimizer.step()
    return total, state
    ### END SOLUTION


# %%
check(truncated_bptt)
