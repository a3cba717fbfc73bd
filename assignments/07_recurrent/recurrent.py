# %% [markdown]
# # 07 · Recurrent networks
#
# A sentence, a melody, a temperature curve: the meaning of a step depends on the steps before it, and there may be any
# number of them. A `Linear` layer has a weight for every position of its input; it cannot read a sentence that is
# longer than those that it was built for, and it would have to learn the same thing again for every position. A
# recurrent layer reads one step at a time, with the *same* weights at each, and keeps what it has read in a **state**,
# a small vector that it updates at every step and passes to the next.
#
# In this assignment you write the layers that do this, from the plain one to the gated ones, with their gradients; you
# stack them, let them read in both directions, and train them on very long sequences. Then come related layers: a
# network that reads trees, convolutions that do not see the future, a layer with separate weights at every place. At
# the end you train three networks: one learns to write, one recognizes digits line by line, one learns what to
# remember.
#
# | | |
# |---|---|
# | Time | about 7 hours |
# | You will be able to | derive back-propagation through time; say along which paths a gradient reaches an earlier step, and what is left of it; explain what each gate is for; handle sequences of different lengths; choose between a recurrent layer, a convolution over time and a tree |
# | Builds on | `Linear`, `ReLU`, `Sequential` (02), `SoftmaxCrossEntropy`, `MeanSquaredError` (03), `Adam`, `Adagrad`, `clip_gradient_norm` (04); `Dropout` (05) is given |
# | Next | attention (09), which needs no state |
#
# | here | PyTorch |
# |---|---|
# | `RNN`, `LSTM`, `GRU` | `torch.nn.RNN`, `LSTM`, `GRU`, all with `batch_first=True`; a mask in place of `pack_padded_sequence` |
# | `StackedRNN`, `Bidirectional` | the same with `num_layers=2, dropout=p`, `bidirectional=True` |
# | `truncated_bptt` | a loop with `state = state.detach()` between the pieces |
# | `CausalConv1d` | `torch.nn.Conv1d(dilation=d)` after `torch.nn.functional.pad(x, (d * (k - 1), 0))` |
# | `RecursiveNet`, `TCNBlock`, `LocallyConnected1d` | none |
#
# **Further reading.** [Goodfellow, Bengio & Courville, *Deep Learning*](https://www.deeplearningbook.org) (2016),
# chapter 10. [Olah, *Understanding LSTM Networks*](https://colah.github.io/posts/2015-08-Understanding-LSTMs/) (2015).
# [Karpathy, *The Unreasonable Effectiveness of Recurrent Neural
# Networks*](https://karpathy.github.io/2015/05/21/rnn-effectiveness/) (2015).
# [Bai, Kolter & Koltun](https://arxiv.org/abs/1803.01271) (2018), recurrent networks and convolutions compared.
#
# **Shapes.** Sequences are (batch, time, features). All recurrent layers here have the same two methods:
#
# | | |
# |---|---|
# | `forward(x, state=None, mask=None)` | returns `(h, last)` |
# | `backward(dh, dlast=None)` | returns `(dx, dstate)` and adds to the gradients of the parameters |
# | `x` | (batch, time, in_features) |
# | `h` | (batch, time, out_features), the hidden state after *every* step |
# | `state`, `last` | (batch, …), `state_shape` numbers for each sequence, before the first step and after the last one; `None` is a state of zeros |
# | `mask` | (batch, time), true (or 1) where there is a step and false (or 0) where there is padding; `None`: no padding |
#
# One array holds the state, whatever it consists of: (batch, hidden) for an RNN, (batch, 2, hidden) for an LSTM, which
# has two. `last` has the shape of `state`, so a long text can be read in pieces: pass `last` as the next `state`. The
# loss may depend on any of the hidden states and also on the last state, so there are two upstream gradients, `dh` and
# `dlast` (`None`: the loss does not depend on it). `x` and the state are inputs, so there are two gradients to return.
#
# **Parameters.** `self.W`, `self.U` and `self.b` are `Parameter`s: `self.W.data` is the array, and `backward` *adds* to
# `self.W.grad`, once per call, the sum over all steps.
#
# **Letters.** In the formulas $\delta_t$ is the gradient of the loss with respect to the hidden state $h_t$, with all its
# effects. $z$ is what goes into a nonlinearity; in the GRU, where one of the gates is called $z$,
# it is $a$. The letters of gates and of the GRU's proposal ($i, f, g, o$ and $r, z, n$) are PyTorch's.
#
# **Padding.** The sequences of a batch may have different lengths; the shorter ones are padded, and the mask shows
# where. There the state is **held**: it does not change, `h` repeats it, and the content of `x` has no effect. So
# `last` is the state at each sequence's own end, without searching for that end.
#
# ```
#   mask   1    1    1    0    0
#   x      x₁   x₂   x₃   ?    ?
#   h      h₁   h₂   h₃   h₃   h₃      last = h₃
# ```

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

import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Layer, Parameter, array_module, asarray, plotting, zeros
from dlkit.course import earlier, when_written
from dlkit.datasets import adding_problem, characters, mnist, python_manual
from dlkit.training import accuracy


# %% [markdown]
# Some small functions are given. `by_step` moves time to the front, so that the rows of one step lie together in
# memory; `by_sequence` is its inverse, and does not copy. A mask becomes `steps` of shape (time, batch, 1), which
# broadcasts with one state: `xp.where(steps[t], new, old)`. `sigmoid` is the one of assignment 02, computed as
# $\sigma(z) = \frac12 + \frac12\tanh\frac z2$, which is finite everywhere.

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
    """Base class of all layers of this assignment

    state_shape: the shape of one sequence's state, for example (hidden,).      out_features: the last axis of h.
    """

    state_shape = ()
    out_features = 0

    def begin(self, x, state):
        """The initial state: the given one, or zeros for every sequence of x"""
        return array_module(x).zeros((len(x), *self.state_shape), dtype=x.dtype) if state is None else state

    def draw(self, rows, columns, rng):
        """Initial weights (rows, columns), uniform between ±1/√hidden as in PyTorch"""
        bound = self.out_features**-0.5
        return Parameter(rng.uniform(-bound, bound, (rows, columns)))


# %% [markdown]
# ## 7.1 RNN
#
# The plain recurrent layer. At every step it combines the input with the state, and squeezes the sum:
#
# $$ z_t = x_t W + h_{t-1} U + b, \qquad h_t = \tanh z_t $$
#
# $W$ (in_features, hidden) multiplies the input, $U$ (hidden, hidden) the previous state. (PyTorch has two biases here,
# which are only ever used as their sum; one is enough.) Unrolled in time, the layer is a deep network with one layer
# for each step, all of which share $W$, $U$ and $b$:
#
# ```
#                            h₁                  h₂                  h₃ = last
#                            ↑                   ↑                   ↑
#   state ───U──→  ⊕ ─tanh─→ h₁ ──U──→ ⊕ ─tanh─→ h₂ ──U──→ ⊕ ─tanh─→ h₃
#                  ↑ W                 ↑ W                 ↑ W
#                  x₁                  x₂                  x₃           forward →
#
#                            dh₁                 dh₂                 dh₃ + dlast
#                            ↓                   ↓                   ↓
#   dstate ←──Uᵀ─  dz₁ ←─────δ₁ ←──Uᵀ─ dz₂ ←─────δ₂ ←──Uᵀ─ dz₃ ←─────δ₃
#                  ↓ Wᵀ                ↓ Wᵀ                ↓ Wᵀ
#                  dx₁                 dx₂                 dx₃         ← backward
# ```
#
# **The backward pass, derived: back-propagation through time.** It is the hardest derivation of this assignment, but it
# is only the chain rule applied to that drawing. Let $\delta_t$ be the gradient of the loss with respect to $h_t$, including
# *all* its effects. $h_t$ has two: it is an output, on which the loss depends ($dh_t$), and it enters the next step.
# There $\partial z_{t+1} / \partial h_t = U$, so
#
# $$ \delta_t = dh_t + dz_{t+1} U^\top, \qquad dz_t = \delta_t \odot (1 - h_t^2) $$
#
# The equation needs $dz_{t+1}$ before $\delta_t$: so begin at the last step, where $dlast$ replaces the term from the next
# step, and go backwards. The final result, $dz_1 U^\top$, is the gradient of the initial state. The derivative of the
# tanh is written in terms of its *value*, $1 - \tanh^2 z = 1 - h^2$; $z$ is no longer needed.
#
# $W$, $U$ and $b$ act at every step. A quantity that is used many times receives a gradient from every use, and they **add up**:
#
# $$ dW = \sum_t x_t^\top dz_t, \qquad dU = \sum_t h_{t-1}^\top dz_t, \qquad db = \sum_t \sum_{\text{rows}} dz_t,
#    \qquad dx_t = dz_t W^\top $$
#
# Each of these sums over steps and sequences is *one* matrix product if all steps are stacked as rows: (time · batch,
# features). The same holds for $x_t W$, which does not depend on any state and can be computed for all steps before the
# loop. Only $h_{t-1} U$ has to be in the loop.
#
# **With a mask.** Where a step does not count, $h_t = h_{t-1}$: a straight line through the drawing. In the backward
# pass $\delta_t$ follows this line unchanged, $\delta_{t-1} = dh_{t-1} + \delta_t$, and $dz_t = 0$.
#
# *By hand:* one sequence, one feature, one hidden number; $W = 1$, $U = 0.5$, $b = 0$; $x = (1, 0)$, $h_0 = 0$. Then
# $h_1 = \tanh 1 = 0.762$ and $h_2 = \tanh 0.381 = 0.363$. The loss depends only on $h_2$: $dh = (0, 1)$. So
# $dz_2 = 1 - 0.363^2 = 0.868$, $\delta_1 = 0 + 0.5 \cdot 0.868 = 0.434$, $dz_1 = 0.434 \cdot (1 - 0.762^2) = 0.182$. And
# $dx = (0.182, 0.868)$, $dW = 1 \cdot 0.182 + 0 \cdot 0.868 = 0.182$, $dU = 0 \cdot 0.182 + 0.762 \cdot 0.868 = 0.661$,
# $db = 1.05$, $dstate = 0.5 \cdot 0.182 = 0.091$. After two steps only one tenth of the gradient is left: imagine a
# hundred steps.

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
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dh, dlast=None):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(RNN)

# %% [markdown]
# What does an untrained RNN remember? It reads one spike at step 5, then zeros. On the left its hidden states, step by
# step: each number reacts at once, and after a few steps hardly anything is left. On the right the other direction: how
# the *last* hidden state changes with the input of each step, which is what `backward` computes. It fades in the same way.

# %%
with when_written():
    spike = np.zeros((1, 40, 1))
    spike[0, 5] = 3
    layer = RNN(1, 12, rng=np.random.default_rng(4))
    h, _ = layer.forward(spike)
    dh = np.zeros_like(h)
    dh[:, -1] = 1
    dx, _ = layer.backward(dh)
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 3.4), layout="constrained")
    shown = left.imshow(h[0].T, cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
    left.set(xlabel="step", ylabel="hidden number", title="hidden states after a spike at step 5")
    figure.colorbar(shown, ax=left)
    right.semilogy(np.abs(dx[0, :, 0]), ".-", color=plotting.COLOURS[0])
    right.set(xlabel="step of the input", title="gradient of the last state with respect to the input")
    right.grid(alpha=0.2)
    plt.show()


# %% [markdown]
# ## 7.2 LSTM
#
# Every step of an RNN multiplies the gradient by $U^\top$ and by slopes below 1; after a hundred steps it has vanished
# or exploded. The LSTM adds a second state, the **cell** $c$, which passes from step to step without a matrix and
# without a tanh: it is only multiplied by a number between 0 and 1 and added to. *Gates*, small sigmoid layers, decide
# how much is kept, how much is written, and how much is output:
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
# The four parts are side by side in the columns of $W$ (in_features, 4 · hidden), $U$ (hidden, 4 · hidden) and $b$, in
# the order **i, f, g, o** (PyTorch's), so that one product computes all four. The state of a sequence is (2, hidden):
# `state[:, 0]` is $h$ and `state[:, 1]` is $c$. With a mask, both are held.
#
# **Initial bias.** With $b = 0$ the forget gate begins at $f = \frac12$, and after ten steps a thousandth of the cell's
# content is left, and of its gradient. Begin with $b^f = 1$, so that $f \approx 0.73$ and more passes until training
# has found what is worth keeping. That is `first_bias`; all other biases begin at 0.
#
# **The backward pass, derived.** Two gradients come from the next step: one is part of
# $\delta_t = dh_t + (\text{the effect of } h_t \text{ on step } t + 1)$, the other of $dc_t$. The cell has two effects: it
# appears in $h_t$, and it passes to the next step. The latter is the direct path:
#
# $$ dc_t = dc_{t+1} \odot f_{t+1} \;+\; \delta_t \odot o \odot (1 - \tanh^2 c_t) $$
#
# Each gate is a factor in a product, so its gradient is the other factor, times the slope of its own function:
#
# $$ dz^i = dc \odot g \odot i(1 - i), \quad dz^f = dc \odot c_{t-1} \odot f(1 - f), \quad
#    dz^g = dc \odot i \odot (1 - g^2), \quad dz^o = \delta_t \odot \tanh c_t \odot o(1 - o) $$
#
# From here on it is the RNN: $dz_t U^\top$ goes to $h_{t-1}$, and the gradients of the weights add up over all steps.
# Consider only the direct path: from step to step $dc$ is multiplied by $f$, and by nothing else. Where the gate is
# open, the gradient arrives.
#
# *By hand:* one number of each, $W = U = 0$, $b = 0$, so that $i = f = o = \frac12$ and $g = 0$; $h_0 = 0$, $c_0 = 1$. Then $c_1 = 0.5$ and
# $h_1 = 0.5 \tanh 0.5 = 0.231$. With $dh_1 = 1$: $dz^o = 0.462 \cdot \frac14 = 0.116$; $dc_1 = 0.5\,(1 - 0.462^2) = 0.393$;
# $dz^i = 0$ (because $g = 0$), $dz^f = 0.393 \cdot 1 \cdot \frac14 = 0.098$, $dz^g = 0.393 \cdot \frac12 = 0.197$; and
# $dc_0 = 0.393 \cdot f = 0.197$.
#
# **In steps, if you like.** Everything that is new is in one step between the products with $U$. `lstm_cell` is that step
# forwards and `lstm_cell_backward` the same backwards. Both are *optional*: they are checked one by one and carry no
# points, and whoever writes the LSTM at once leaves them as they are. If you write them, `LSTM` may call them, once per
# step; what is left are the products, the loop, the mask, and the sums.

# %%
def lstm_cell(z, c):
    """One step of an LSTM after its products: gates, cell and hidden state

    Shapes
        z  (batch, 4 · hidden): x[t] W + h[t−1] U + b, columns i, f, g, o      c  (batch, hidden): the cell before the step
        result  (h, new_c, gates): h, new_c (batch, hidden), gates (batch, 4 · hidden), z after its sigmoids and tanh

    Source: Hochreiter & Schmidhuber (1997); Gers, Schmidhuber & Cummins (2000).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(lstm_cell)


# %%
def lstm_cell_backward(dh, dc, gates, c, new_c):
    """One step of an LSTM backwards: from the gradients of h and of the new cell to those of z and of the old cell

    Shapes
        dh, dc  (batch, hidden): of h, with all its effects; of new_c, through the next step alone (f · dc of that step)
        gates  (batch, 4 · hidden), c, new_c  (batch, hidden): as in ``lstm_cell``
        result  (dz, dc_before): dz (batch, 4 · hidden), columns i, f, g, o; dc_before (batch, hidden)

    Source: Gers, Schmidhuber & Cummins (2000).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(lstm_cell_backward)


# %% [markdown]
# **Fast.** A step of 32 sequences is little computation, so the overhead of Python calls matters: four products per
# step are four times the calls. One product computes all gates, and one tanh is enough if the columns of the three
# sigmoids are halved before and after, because $\sigma(z) = \frac12 + \frac12 \tanh\frac z2$. Compute everything that
# does not depend on the previous step (the slopes, the other factors) for all steps at once, outside the loop, and use
# `out=` to write into existing memory.

# %%
class LSTM(Recurrent):
    """Long short-term memory:  c[t] = f c[t−1] + i g,  h[t] = o tanh(c[t]),  (i, f, g, o) of x[t] W + h[t−1] U + b

    Shapes
        x  (batch, time, in_features)      h  (batch, time, hidden)
        state, last  (batch, 2, hidden): state[:, 0] is h, state[:, 1] is c
        W  (in_features, 4 · hidden)      U  (hidden, 4 · hidden)      b  (4 · hidden,), the sum of PyTorch's two;
        columns in the order i, f, g, o
        mask  (batch, time), true or 1 where the step counts; elsewhere h and c are held
    i, f and o are sigmoids, g is a tanh.  b of the forget gate is initially 1, everything else in b is 0.
    forward(x, state=None, mask=None) returns (h, last), backward(dh, dlast=None) returns (dx, dstate).

    Source: Hochreiter & Schmidhuber, Long Short-Term Memory (1997); forget gate: Gers, Schmidhuber & Cummins, Learning
    to Forget (2000); its bias: Jozefowicz, Zaremba & Sutskever, An Empirical Exploration of Recurrent Network
    Architectures (2015).
    """

    def __init__(self, in_features, hidden, *, rng):
        self.out_features, self.state_shape = hidden, (2, hidden)
        self.W, self.U = self.draw(in_features, 4 * hidden, rng), self.draw(hidden, 4 * hidden, rng)
        self.b = Parameter(self.first_bias(hidden))

    def first_bias(self, hidden):
        """The initial bias, (4 · hidden,): 1 for the forget gate, 0 for all others"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def forward(self, x, state=None, mask=None):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dh, dlast=None):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(LSTM)

# %% [markdown]
# The spike of 7.1 again, now read by an untrained LSTM: the size of its cell $c$ in the steps after the spike, for four
# initial biases of the forget gate. From step to step the cell is multiplied by about $f$, so on the logarithmic axis it
# falls along a line, and the larger the bias, the longer it lasts. With 3 and 5 nearly all of it is kept, and what the
# layer writes in every step adds up: nothing has taught the other gates yet when to close.

# %%
with when_written():
    figure, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
    for bias in (0, 1, 3, 5):
        layer = LSTM(1, 12, rng=np.random.default_rng(4))
        layer.b.data[12:24] = bias
        state, sizes = np.zeros((1, 2, 12)), []
        for step in range(40):
            _, state = layer.forward(np.full((1, 1, 1), 3.0 * (step == 0)), state)
            sizes.append(np.abs(state[:, 1]).mean())
        ax.semilogy(sizes, label=f"bias {bias}, f ≈ {1 / (1 + np.exp(-bias)):.3f}")
    ax.set(xlabel="steps since the spike", ylabel="mean size of the cell")
    ax.legend()
    ax.grid(alpha=0.2)
    plt.show()


# %% [markdown]
# ## 7.3 GRU
#
# Two gates and one state work nearly as well. The *reset* gate $r$ decides how much of the past enters the proposal
# $n$, the *update* gate $z$ how much of the old state stays. (What goes into the gates is called $a$ here, because $z$ is
# a gate.)
#
# $$ r = \sigma(a^r), \quad z = \sigma(a^z), \qquad (a^r, a^z, a^n) = x_t W + b \quad\text{plus, for } r \text{ and } z,\; h_{t-1} U $$
# $$ q = h_{t-1} U^n + b^q, \qquad n = \tanh(a^n + r \odot q), \qquad h_t = (1 - z) \odot n + z \odot h_{t-1} $$
#
# The columns of $W$, $U$ (3 · hidden of them) and $b$ are in the order **r, z, n**. This is PyTorch's variant: the
# reset gate multiplies the recurrent product $q$, not the state before it, so that one product $h_{t-1} U$ serves all
# three. This has one consequence: $q$ has its own bias, `bn`, because $r$ multiplies it but not $b^n$. (Note also the
# roles of $z$ and $1 - z$: Cho et al. have them as here; in some papers they are exchanged.)
#
# **The backward pass, derived.** With $\delta_t$ for the gradient of $h_t$ with all its effects, the mixture gives
#
# $$ dn = \delta_t \odot (1 - z), \qquad dz = \delta_t \odot (h_{t-1} - n), \qquad
#    \text{and straight to } h_{t-1}: \; \delta_t \odot z $$
#
# Before the tanh, $da^n = dn \odot (1 - n^2)$. It passes unchanged to $b^n$ and $x_t W^n$, and to both factors of the
# product $r \odot q$: $dq = da^n \odot r$ and $dr = da^n \odot q$. Then $da^r = dr \odot r(1 - r)$ and
# $da^z = dz \odot z(1 - z)$. So the gradient that goes to the *input* is $(da^r, da^z, da^n)$ and the one that goes to
# the *state* is $(da^r, da^z, dq)$; they differ in the last third:
#
# $$ dW = \sum_t x_t^\top (da^r, da^z, da^n), \qquad dU = \sum_t h_{t-1}^\top (da^r, da^z, dq), \qquad db^q = \sum dq $$
#
# *By hand:* one number of each, all parameters 0 except $b^q = 1$; $h_0 = 1$. Then $r = z = \frac12$, $q = 1$,
# $n = \tanh\frac12 = 0.462$ and $h_1 = 0.731$. With $dh_1 = 1$: $dn = 0.5$, $da^n = 0.5\,(1 - 0.462^2) = 0.393$,
# $dq = 0.197$, $da^r = 0.393 \cdot 1 \cdot \frac14 = 0.098$, $da^z = (1 - 0.462) \cdot \frac14 = 0.134$; and with
# $U = 0$ only the direct path is left: $dh_0 = 0.5$.
#
# **In steps, if you like.** As for the LSTM, `gru_cell` and `gru_cell_backward` are one step between the products,
# forwards and backwards: *optional*, checked one by one, without points.

# %%
def gru_cell(a, q, h):
    """One step of a GRU after its products:  new h = (1 − z) n + z h,  n = tanh(aⁿ + r q)

    Shapes
        a  (batch, 3 · hidden), columns r, z, n: x[t] W + b, and in the columns of r and z also h[t−1] U
        q  (batch, hidden): h[t−1] Uⁿ + bn      h  (batch, hidden): the state before the step
        result  (new_h, gates): new_h (batch, hidden), gates (batch, 3 · hidden): r, z and n side by side

    Source: Cho et al. (2014), section 2.3, with the reset after the product.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(gru_cell)


# %%
def gru_cell_backward(dh, gates, q, h):
    """One step of a GRU backwards: from the gradient of the new state to those of a, of q, and of the old state directly

    Shapes
        dh  (batch, hidden): of the new state, with all its effects
        gates  (batch, 3 · hidden), q, h  (batch, hidden): as in ``gru_cell``
        result  (da, dq, dh_direct): da (batch, 3 · hidden), columns r, z, n; dq, dh_direct (batch, hidden)
    dh_direct: what passes straight to the old state, without what goes through U.

    Source: Cho et al. (2014), section 2.3, with the reset after the product.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(gru_cell_backward)


# %% [markdown]
# **Now the layer:** the products, the loop over time, the mask, and the sums over steps.

# %%
class GRU(Recurrent):
    """Gated recurrent unit, PyTorch's variant:  n = tanh(aⁿ + r (h[t−1] Uⁿ + bn)),  h[t] = (1 − z) n + z h[t−1]

    Shapes
        x  (batch, time, in_features)      h  (batch, time, hidden)      state, last  (batch, hidden)
        W  (in_features, 3 · hidden)      U  (hidden, 3 · hidden)      b  (3 · hidden,); columns in the order r, z, n
        bn  (hidden,): the bias of the recurrent product in n; for r and z, b is the sum of PyTorch's two biases
        mask  (batch, time), true or 1 where the step counts; elsewhere the state is held
    r and z are sigmoids of x[t] W + h[t−1] U + b in their columns; aⁿ = x[t] W + b in the columns of n.
    forward(x, state=None, mask=None) returns (h, last), backward(dh, dlast=None) returns (dx, dstate).

    Source: Cho et al., Learning Phrase Representations using RNN Encoder-Decoder (2014), section 2.3; reset after the
    product: PyTorch's documentation of torch.nn.GRU.
    """

    def __init__(self, in_features, hidden, *, rng):
        self.out_features, self.state_shape = hidden, (hidden,)
        self.W, self.U = self.draw(in_features, 3 * hidden, rng), self.draw(hidden, 3 * hidden, rng)
        self.b, self.bn = Parameter(zeros(3 * hidden)), Parameter(zeros(hidden))

    def forward(self, x, state=None, mask=None):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dh, dlast=None):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(GRU)

# %% [markdown]
# How much of a gradient is left after many steps? The loss depends only on the last hidden state, and the curves show
# its gradient with respect to the input of $k$ steps ago; all layers are untrained. The axis is logarithmic, so a
# straight line downwards means that the same share is lost at every step. You see the tanh of the RNN, the forget gates
# of the LSTM for three biases (the dashed one is `first_bias`), and the GRU, whose update gate begins half open and can
# learn to open.

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
# The hidden states of a recurrent layer are a sequence again, so another layer can read them: the first might find
# letters, the second words. Every layer has its own state; the state of the stack contains all of them, (batch, layers,
# …): `state[:, 0]` belongs to the first layer.
#
# **Dropout** (assignment 05; given below) is applied *between* the layers: it switches off numbers that one layer
# passes to the next. It is not applied after the last layer, where the user of the stack decides, and not from step to
# step, where it would erase memory; in evaluation mode it does nothing.
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
# **The backward pass** goes through the layers from the top to the bottom. Each gets the gradient of its hidden states,
# from the layer above, and *its* part of `dlast`; the gradient that it returns for its state is its part of `dstate`.
#
# *By hand:* two layers that sum their inputs, $h_t = x_t + h_{t-1}$, read $x = (1, 2)$ from the states $(10, 100)$: the
# first gives $(11, 13)$, the second $(111, 124)$; $last = (13, 124)$. With $dh = (0, 1)$ the second returns $(1, 1)$
# for its input and 1 for its state, and the first, with that, $(2, 1)$ and 2: $dx = (2, 1)$, $dstate = (2, 1)$.

# %%
class Dropout(Layer):
    """In training a share p of the numbers becomes 0, and the others are divided by 1 − p; given

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
    """Stacked recurrent layers, with dropout between them

    Shapes
        x  (batch, time, layers[0]'s in_features)      h  (batch, time, out_features of the last layer)
        state, last  (batch, layers, *state_shape of one layer)
        mask  (batch, time), the same for every layer
    layers: recurrent layers of the same kind with states of the same shape; the first one reads x. dropout: the share
    of numbers that is switched off between layers; self.dropouts[n] is between layers n and n + 1, draws when its
    forward is called, in training mode only, and is called once per forward, in this order. forward(x, state=None,
    mask=None) returns (h, last), backward(dh, dlast=None) returns (dx, dstate).

    Source: Graves, Mohamed & Hinton, Speech Recognition with Deep Recurrent Neural Networks (2013); dropout between
    layers only: Zaremba, Sutskever & Vinyals, Recurrent Neural Network Regularization (2014).
    """

    def __init__(self, layers, dropout=0.0, *, rng):
        self.layers, self.dropouts = layers, [Dropout(dropout, rng=rng) for _ in layers[1:]]
        self.out_features, self.state_shape = layers[-1].out_features, (len(layers), *layers[0].state_shape)

    def forward(self, x, state=None, mask=None):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dh, dlast=None):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(StackedRNN)


# %% [markdown]
# ## 7.5 Bidirectional
#
# Whether "bank" means a seat often becomes clear from a word that comes *later*. If the whole sequence is known, let
# one layer read it forwards and a second one, with its own weights, backwards, and put their hidden states side by
# side:
#
# ```
#    x₁      x₂      x₃
#    there → a₁ ───→ a₂ ───→ a₃ → last[:, 0]           h₁ = [a₁ | b₁]
#            b₁ ←─── b₂ ←─── b₃ ← back                 h₂ = [a₂ | b₂]
#            └→ last[:, 1]                             h₃ = [a₃ | b₃]
# ```
#
# Reverse the sequence, let `back` read it, and reverse its hidden states again, so that $b_t$ is next to $a_t$, at its
# own step: it has read $x_t$ and everything after it. Its *last* state is the one after $x_1$, and is not reversed. The
# backward pass is the same: reverse its part of $dh$, and the gradient with respect to $x$ that it returns. Both layers
# have read $x$, so their gradients add up.
#
# **With a mask.** Reverse the mask with the sequence. Now the padding comes *first*, and a held state passes through it
# unchanged: `back` begins at each sequence's own end automatically. (Without the reversed mask it would read padding
# before the first word.)
#
# *By hand:* two layers that sum, $h_t = x_t + h_{t-1}$, read $x = (1, 2, 4)$ from the states $(0, 0)$: there
# $(1, 3, 7)$, back $(7, 6, 4)$, and $last = (7, 7)$. With the mask $(1, 1, 0)$: there $(1, 3, 3)$, back $(3, 2, 0)$,
# $last = (3, 3)$.

# %%
class Bidirectional(Recurrent):
    """Two recurrent layers that read in opposite directions, their hidden states side by side

    Shapes
        x  (batch, time, in_features)      h  (batch, time, there's hidden + back's hidden): both at their own step
        state, last  (batch, 2, *state_shape of one layer): [:, 0] of there, [:, 1] of back; last is what each ends with
        mask  (batch, time), true or 1 where the step counts
    there: reads from the first step to the last.
    back: reads from the last step to the first; with a mask, from each sequence's own end.
    forward(x, state=None, mask=None) returns (h, last), backward(dh, dlast=None) returns (dx, dstate).

    Source: Schuster & Paliwal, Bidirectional Recurrent Neural Networks (1997), section II.
    """

    def __init__(self, there, back):
        self.there, self.back = there, back
        self.out_features, self.state_shape = there.out_features + back.out_features, (2, *there.state_shape)

    def forward(self, x, state=None, mask=None):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dh, dlast=None):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(Bidirectional)

# %% [markdown]
# Which output has seen which input? Row $t$ shows how much the two halves of $h_t$ change with each step of $x$, computed
# with your `backward`, one step of $dh$ at a time. `there` has read everything up to $t$, `back` everything from $t$ on,
# and together they have read the whole sequence.

# %%
with when_written():
    rng = np.random.default_rng(0)
    layer, steps = Bidirectional(RNN(3, 16, rng=rng), RNN(3, 16, rng=rng)), 20
    h, _ = layer.forward(rng.normal(size=(1, steps, 3)))
    seen = np.zeros((3, steps, steps))
    for n, half in enumerate((slice(0, 16), slice(16, 32), slice(0, 32))):
        for t in range(steps):
            dh = np.zeros_like(h)
            dh[:, t, half] = rng.normal(size=dh[:, t, half].shape)
            seen[n, t] = np.abs(layer.backward(dh)[0]).sum(axis=(0, 2))
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    for name, one, ax in zip(("there", "back", "both"), seen, axes, strict=True):
        ax.imshow(np.log10(one + 1e-6), cmap="Purples", vmin=-6)
        ax.set(xlabel="step of x", ylabel="step of h", title=name, yticks=range(0, steps, 5))
    plt.show()


# %% [markdown]
# ## 7.6 Truncated back-propagation through time
#
# A book is one sequence of a million steps. It is not possible to store a million states for the backward pass, and one
# optimizer step per book would be too few. So cut it into pieces, and treat the two directions differently:
#
# ```
#    forward:     state ──→ [ piece 1 ] ──last──→ [ piece 2 ] ──last──→ [ piece 3 ] ──→ last        the state goes on
#    backward:              ←─────────┤  stop     ←─────────┤  stop     ←─────────┤                 the gradient does not
#                             step 1                 step 2                step 3
# ```
#
# The state is carried over, so that the model still reads the book from its beginning. But for the gradient it is a
# constant input: the gradient that `backward` returns for it is dropped, and the loss does not depend on `last`. So the
# sum over steps of section 7.1 is truncated after `steps` terms. It is an approximation: the state contains information
# from earlier pieces, but no gradient *trains* the model to keep it there.
#
# After every piece the optimizer takes a step. Two things are easy to miss. The last piece may be shorter than the
# others; the optimizer treats it like the others, but the mean loss over all steps must weight it by its length. And
# the model takes (batch, time, …), while losses expect one row per prediction: stack all steps of all sequences as
# rows, and reshape the gradient to the shape of the prediction.
#
# *By hand:* five steps in pieces of two are pieces of 2, 2 and 1. If their losses are 1, 2 and 6, the mean loss is
# $(2 \cdot 1 + 2 \cdot 2 + 1 \cdot 6) / 5 = 2.4$, not $(1 + 2 + 6) / 3 = 3$.
#
# Given: a model for this, a recurrent layer and a layer that makes a prediction from each of its hidden states.

# %%
class SequenceModel(Layer):
    """A recurrent layer, and a layer that makes a prediction from every hidden state; given

    Shapes
        x  (batch, time, in_features)      y  (batch, time, the output's features)
        state, last  as in the recurrent layer
    output: a layer of rows, Linear for example; it gets all steps of all sequences as rows.
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
    """Train on long sequences piece by piece, carrying the state over; return the mean loss and the last state

    Shapes
        x  (batch, time, features)      y  (batch, time) labels, or (batch, time, …) targets
        state, last state  as in the model; None: the model's own initial state
    model: forward(x, state) returns (prediction (batch, time, …), last), backward(dprediction) is for that piece; loss:
    forward(prediction, target) is a mean over rows, backward() its gradient; it gets one row for each step of each
    sequence; optimizer: of the model's parameters, with zero_grad() and step(), which is called once after every piece.
    steps: of a piece, 1 or more; the last piece may be shorter. The mean loss is a scalar of the array's library. The
    model may draw: one forward for each piece, in the mode that the model is in, which stays as it is.

    Source: Williams & Peng, An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent Network
    Trajectories (1990), section 2, with h = h′ = steps.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(truncated_bptt)

# %% [markdown]
# What is cut off? As above, row $t$ shows how much the output of step $t$ changes with each input: on the left as
# `backward` over the whole sequence finds it, on the right with four pieces of eight steps, whose first state is a
# constant. The values of the outputs are the same in both; what is missing are the gradients that cross a border.

# %%
with when_written():
    rng, steps, size = np.random.default_rng(1), 32, 8
    layer, x = RNN(3, 16, rng=rng), rng.normal(size=(1, 32, 3))
    upstream = rng.normal(size=(steps, 16))
    seen = np.zeros((2, steps, steps))
    for n, length in enumerate((steps, size)):
        state = None
        for first in range(0, steps, length):
            h, state = layer.forward(x[:, first : first + length], state)
            for t in range(length):
                dh = np.zeros_like(h)
                dh[:, t] = upstream[first + t]
                seen[n, first + t, first : first + length] = np.abs(layer.backward(dh)[0]).sum(axis=(0, 2))
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for name, one, ax in zip(("the whole sequence", "pieces of 8 steps"), seen, axes, strict=True):
        ax.imshow(np.log10(one + 1e-6), cmap="Purples", vmin=-6)
        ax.set(xlabel="step of x", ylabel="step of the output", title=name)
    plt.show()


# %% [markdown]
# ## 7.7 RecursiveNet
#
# A recurrent network reads from left to right. But a sentence, a formula, a program is a *tree*: "not (very good)" and
# "(not very) good" have the same words in the same order. A recursive network has one small layer that combines two
# vectors into one, and it applies this layer at every fork of the tree, from the leaves up to the root:
#
# $$ p = \tanh\bigl([\,l \mid r\,]\, W + b\bigr) $$
#
# $l$ and $r$ are the vectors of the left and of the right child, `features` numbers each; $[\,l \mid r\,]$ is both of
# them in one row, and $W$ has the shape $(2 \cdot \text{features},\; \text{features})$, so that the result is a vector
# of the same size and can itself be a child. A recurrent network is the special case of a tree that grows on one side
# only, with the next input always on the right.
#
# > **Find the mistake.** One of the articles behind this course has one name and one abbreviation, RNN, for recurrent and
# > for recursive networks, and calls a temporal convolutional network (7.9) "a recursive network" too. They are three
# > architectures. What is the output for a text of five words, and what does it depend on? A *recurrent* network
# > applies one layer along a chain and carries a state. A *recursive* one applies one layer at the forks of a tree, and
# > the tree is an input. A *convolutional* one has neither: no output of a layer is the input of the same layer again.
# > (Of every recurrent network there is a recursive one, with a tree that is a chain. The reverse does not hold.)
#
# **Trees as numbers.** The leaves have the numbers 0 … `leaves` − 1, followed by the forks, in an order in which
# children come before their parent; the last is the root. Then a tree is a table with one row per fork: the number of
# its left child and the number of its right child. A batch of trees of different shapes is one array (batch, nodes, 2),
# and every row of the table is computed for all trees at once. The trees of a batch have the same number of forks; a
# smaller one is padded with forks that are not used.
#
# ```
#                 5                 leaves 0 1 2        tree       0  1     fork 3
#               ┌─┴─┐                                              3  2     fork 4
#               4   0               leaf 0 stands                  4  0     fork 5, the root
#             ┌─┴─┐                 in it twice
#             3   2
#            ┌┴┐                    written as nested pairs: (((0, 1), 2), 0)
#            0 1
# ```
#
# **The backward pass, derived** (backpropagation through structure). Let $h_j$ be the vector of node $j$, leaf or fork,
# and $dh_j$ its gradient. A node gets a gradient from $y$, if it is a fork, and from every fork whose child it is.
# These gradients add up. So begin with $dh = dy$ for the forks and 0 for the leaves, and go through the forks in
# *reverse* order, so that all parents of a fork come before it. For the fork $n$ with the children $l$ and $r$,
#
# $$ da = dh_n \odot (1 - h_n^2), \qquad dW \mathrel{+}= [\,h_l \mid h_r\,]^\top da, \qquad db \mathrel{+}= da, \qquad
#    [\,dh_l \mid dh_r\,] \mathrel{+}= da\, W^\top $$
#
# All forks share $W$ and $b$, so their gradients are sums over all forks. A leaf that occurs more than once, or even as
# both children of one fork, receives a gradient each time.
#
# *By hand:* one feature, $W = (1, 2)^\top$, $b = 0$, leaves $0.2$ and $-0.1$, the tree ((0, 1), 0). The first fork:
# $0.2 - 2 \cdot 0.1 = 0$, $h_2 = \tanh 0 = 0$. The root: $0 + 2 \cdot 0.2 = 0.4$, $h_3 = 0.380$. For $dy = (0, 1)$: at
# the root $da = 1 - 0.380^2 = 0.856$, so $dW = (0 \cdot 0.856,\; 0.2 \cdot 0.856) = (0,\; 0.171)$, $dh_2 = 0.856$, and
# leaf 0 gets $2 \cdot 0.856 = 1.711$. At the first fork $da = 0.856 \cdot (1 - 0^2)$, and $dW$ grows by $(0.2,\; -0.1)
# \cdot 0.856$ to $(0.171,\; 0.086)$. Leaf 0 gets another $0.856$, together $2.567$; leaf 1 gets $1.711$; $db = 1.711$.

# %%
def rows_of(tree, leaves):
    """The children of every fork, one row per fork, of a tree written as nested pairs of leaf numbers; given

    ((0, 1), 2) with three leaves → [[0, 1], [3, 2]]
    """
    rows = []

    def number(node):
        if isinstance(node, int):
            return node
        rows.append([number(child) for child in node])
        return leaves + len(rows) - 1

    number(tree)
    return rows


# %%
class RecursiveNet(Layer):
    """Combines two vectors into one at every fork of a tree:  h[n] = tanh([h[left] | h[right]] W + b)

    Shapes
        x  (batch, leaves, features): the vectors of the leaves
        tree  (batch, nodes, 2), integers: the children (left, right) of every fork, children before parents; j < leaves
            is leaf j, and leaves + m is fork m.  No gradient.
        y  (batch, nodes, features): the vectors of all forks, the root's last
        W  (2 · features, features)      b  (features,)
    backward returns only dx.

    Source: Socher, Lin, Ng & Manning, Parsing Natural Scenes and Natural Language with Recursive Neural Networks
    (2011), section 3; backward: Goller & Küchler, Learning Task-Dependent Distributed Representations by
    Backpropagation Through Structure (1996).
    """

    def __init__(self, features, *, rng):
        self.W = Parameter(rng.normal(0, (2 * features) ** -0.5, (2 * features, features)))
        self.b = Parameter(zeros(features))

    def forward(self, x, tree):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(RecursiveNet)

# %% [markdown]
# What can one small layer learn? Logic. The leaves are the five words *true*, *false*, *not*, *and*, *or*, each a
# vector that is trained too, and a formula is a tree: (not, a), (a, (and, b)). The network is only given whether the
# *whole* formula is true, for formulas of one to six forks. Then it is tested on larger ones. (Your own `Linear`, loss
# and `Adam` are used here and below.)

# %%
Linear, Sequential, ReLU = earlier("layers.Linear"), earlier("layers.Sequential"), earlier("layers.ReLU")
SoftmaxCrossEntropy, MeanSquaredError = earlier("losses.SoftmaxCrossEntropy"), earlier("losses.MeanSquaredError")
Adam, Adagrad = earlier("optimizers.Adam"), earlier("optimizers.Adagrad")
clip_gradient_norm = earlier("optimizers.clip_gradient_norm")

WORDS = ["false", "true", "not", "and", "or"]


# %%
def formula(forks, *, rng):
    """A formula with this many forks as nested pairs of the words' numbers, and whether it is true; given"""
    if not forks:
        value = int(rng.integers(2))
        return value, value
    if forks == 1 or rng.random() < 0.3:
        inside, value = formula(forks - 1, rng=rng)
        return (2, inside), 1 - value
    left_forks = int(rng.integers(forks - 1))
    (left, first), (right, second) = formula(left_forks, rng=rng), formula(forks - 2 - left_forks, rng=rng)
    word = int(rng.integers(3, 5))
    return (left, (word, right)), first & second if word == 3 else first | second


class Logician(Layer):
    """Vectors of five words, a RecursiveNet, and two scores, false and true, for every fork; given"""

    def __init__(self, features, *, rng):
        self.words = Parameter(rng.normal(size=(len(WORDS), features)))
        self.net, self.output = RecursiveNet(features, rng=rng), Linear(features, 2, rng=rng)

    def forward(self, tree):
        x = np.broadcast_to(self.words.data, (len(tree), *self.words.shape))
        y = self.net.forward(x, tree)
        return self.output.forward(y.reshape(-1, y.shape[2])).reshape(*y.shape[:2], 2)

    def backward(self, dscores):
        dy = self.output.backward(dscores.reshape(-1, 2)).reshape(*dscores.shape[:2], -1)
        self.words.grad += self.net.backward(dy).sum(axis=0)  # every tree of the batch has the same words


def formulas(forks, count, *, rng):
    """Trees (count, forks, 2) and whether each is true (count,); given"""
    drawn = [formula(forks, rng=rng) for _ in range(count)]
    return np.array([rows_of(tree, len(WORDS)) for tree, _ in drawn]), np.array([value for _, value in drawn])


# %%
with when_written():
    rng = np.random.default_rng(0)
    logician, loss = Logician(12, rng=rng), SoftmaxCrossEntropy()
    optimizer = Adam(logician.parameters(), 0.01)
    for step in range(1000):
        trees, truth = formulas(1 + step % 6, 50, rng=rng)
        scores = logician.forward(trees)
        loss.forward(scores[:, -1], truth)
        dscores = np.zeros_like(scores)
        dscores[:, -1] = loss.backward()
        optimizer.zero_grad()
        logician.backward(dscores)
        optimizer.step()
    for forks in (4, 6, 8, 12):
        trees, truth = formulas(forks, 500, rng=rng)
        print(f"{forks:2} forks: {100 * accuracy(logician.forward(trees)[:, -1], truth):.1f} % correct")


# %% [markdown]
# The network has learned more than it was trained for. Here is a formula with ten forks; the colour of every fork that
# is a complete formula shows the network's answer for it, although only roots were used in training.

# %%
def draw_tree(tree, scores, ax):
    """Draw a tree of words from its rows, with every fork coloured by its scores (forks, 2); given

    Orange is false, violet is true.
    """
    leaves, places = len(WORDS), iter(range(len(tree) + 1))

    def draw(node):
        if node < leaves:
            x = next(places)
            ax.text(x, -0.1, WORDS[node], ha="center", va="top")
            return x, 0
        left, right = tree[node - leaves]
        (x1, y1), (x2, y2) = draw(left), draw(right)
        x, y = (x1 + x2) / 2, max(y1, y2) + 1
        ax.plot([x1, x, x2], [y1, y, y2], color="gray", zorder=1)
        true = 1 / (1 + np.exp(scores[node - leaves, 0] - scores[node - leaves, 1]))
        unfinished = left in (3, 4)  # "and b" is not a complete formula
        color = "white" if unfinished else plt.cm.PuOr(0.1 + 0.8 * true)
        ax.scatter(x, y, s=160, color=color, edgecolors="gray", zorder=2)
        return x, y

    draw(leaves + len(tree) - 1)
    ax.set_axis_off()
    ax.margins(0.05, 0.15)


with when_written():
    tree, truth = formulas(10, 1, rng=np.random.default_rng(4))
    ax = plt.subplots(figsize=(11, 4), layout="constrained")[1]
    draw_tree(tree[0], logician.forward(tree)[0], ax)
    ax.set_title(f"the whole formula is {WORDS[truth[0]]}")
    plt.show()


# %% [markdown]
# ## 7.8 CausalConv1d
#
# A recurrent layer needs the state of the previous step before it can compute the next. A convolution over time does
# not: every output is a weighted sum of a few known inputs, and all outputs can be computed at once. It only has to be
# *causal*: $y_t$ may depend on $x_t$ and earlier steps, and on nothing later. Otherwise a network that predicts the
# next character could simply copy it. So all of the padding is on the left.
#
# $$ y_t = b + \sum_{k=0}^{K-1} W_k\; x_{t - d\,(K - 1 - k)}, \qquad x_t = 0 \text{ for } t < 0 $$
#
# where $W_k$ is the matrix (out, in) of kernel cell $k$, and $K$ the kernel size. The last cell covers the present
# step, cell 0 the most distant past, $d\,(K-1)$ steps ago; the dilation $d$ is the distance between cells. PyTorch's
# `conv1d` gives the same result if the input is padded on the left.
#
# ```
#   kernel size 3, dilation 1              kernel size 3, dilation 2
#
#   0  0 │x0  x1  x2  x3                   0  0  0  0 │x0  x1  x2  x3
#   └──┴──┘                                └─────┴─────┘
#         y0                                           y0        cell 2 covers x0, cells 0 and 1 the padding
# ```
#
# **The backward pass, derived.** Let $\tilde x$ be $x$ with $p = d\,(K-1)$ zeros in front. Cell $k$ covers the piece
# $\tilde x_{kd} \ldots \tilde x_{kd + T - 1}$: one slice for each cell, and the layer is a sum of $K$ `Linear` layers
# of shifted inputs. So is its backward:
#
# $$ dW_k = \sum_{n, t} dy_{nt}\, \tilde x_{n,\,t + kd}^\top, \qquad db = \sum_{n, t} dy_{nt}, \qquad
#    d\tilde x_{t + kd} \mathrel{+}= W_k^\top dy_t $$
#
# and $dx$ is $d\tilde x$ without its first $p$ steps. The gradient of $x_t$ comes from $y_t, y_{t+d}, \ldots$: from the
# *future*, because that is where $x_t$ has an effect.
#
# *By hand:* one channel, $x = (1, 2, 3, 4)$, $K = 2$, $d = 2$, $W = (10, 1)$, $b = 0$. Then $y_t = 10\, x_{t-2} + x_t$,
# so $y = (1, 2, 13, 24)$. For $dy = (0, 0, 1, 2)$: $dW = (1 \cdot 1 + 2 \cdot 2,\; 1 \cdot 3 + 2 \cdot 4) = (5, 11)$,
# $db = 3$, and $dx = (10, 20, 1, 2)$.

# %%
class CausalConv1d(Layer):
    """A causal convolution over time:  y[t] = b + Σₖ W[:, :, k] x[t − dilation · (kernel_size − 1 − k)]

    Shapes
        x  (batch, time, in_channels)      y  (batch, time, out_channels), as long as x
        W  (out_channels, in_channels, kernel_size), as PyTorch's conv1d      b  (out_channels,)
    dilation: steps between the cells of the kernel.  Before the first step the input is zero.

    Source: van den Oord et al., WaveNet: A Generative Model for Raw Audio (2016), section 2.1; dilation: Yu & Koltun,
    Multi-Scale Context Aggregation by Dilated Convolutions (2016).
    """

    def __init__(self, in_channels, out_channels, kernel_size, dilation=1, *, rng):
        scale = (2 / (in_channels * kernel_size)) ** 0.5
        self.W = Parameter(rng.normal(0, scale, (out_channels, in_channels, kernel_size)))
        self.b = Parameter(zeros(out_channels))
        self.dilation = dilation

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(CausalConv1d)

# %% [markdown]
# Which output depends on which input? Row $t$ shows how much $y_t$ changes with each step of $x$, computed with your
# `backward`. Nothing lies above the diagonal: no output sees the future. With the dilation the cells of the kernel
# move apart, and two such layers one after the other look further back than either.

# %%
with when_written():
    rng, steps = np.random.default_rng(0), 20
    stacks = {
        "kernel 3": [CausalConv1d(2, 2, 3, rng=rng)],
        "kernel 3, dilation 4": [CausalConv1d(2, 2, 3, 4, rng=rng)],
        "one after the other": [CausalConv1d(2, 2, 3, rng=rng), CausalConv1d(2, 2, 3, 4, rng=rng)],
    }
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained")
    for (name, layers), ax in zip(stacks.items(), axes, strict=True):
        y = rng.normal(size=(1, steps, 2))
        for layer in layers:
            y = layer.forward(y)
        seen = np.zeros((steps, steps))
        for t in range(steps):
            dy = np.zeros_like(y)
            dy[:, t] = 1
            for layer in reversed(layers):
                dy = layer.backward(dy)
            seen[t] = np.abs(dy).sum(axis=(0, 2))
        ax.imshow(seen > 1e-12, cmap="Purples", vmax=1.4)
        ax.set(title=name, xlabel="step of x", ylabel="step of y", xticks=range(0, steps, 5), yticks=range(0, steps, 5))
    plt.show()


# %% [markdown]
# ## 7.9 TCNBlock
#
# One causal convolution covers $K$ steps. Stack them, double the dilation from block to block, and the receptive field
# grows like $2^n$ with the number of layers, while the number of weights per layer stays the same:
#
# ```
#   dilation 4    ·  ·  ·  ·  ·  ·  ·  ●        kernel size 2: eight steps with three layers
#                          ╱           │
#   dilation 2    ·  ·  ·  ●  ·  ·  ·  ●
#                    ╱     │     ╱     │
#   dilation 1    ·  ●  ·  ●  ·  ●  ·  ●
#                  ╱ │   ╱ │   ╱ │   ╱ │
#   x             ●  ●  ●  ●  ●  ●  ●  ●
# ```
#
# The block of a *temporal convolutional network* is a residual block, like that for images: two convolutions of the
# same dilation, each with its ReLU, and a shortcut.
#
# $$ u = \max(0, \mathrm{conv1}(x)), \qquad F = \max(0, \mathrm{conv2}(u)), \qquad y = \max\bigl(0,\; F + S(x)\bigr) $$
#
# $S(x) = x$ where the numbers of channels are equal; where they are not, $S$ is a convolution of kernel size 1, the
# *projection*. Unlike in the block for images, $F$ has its own ReLU before the sum, as in the paper. (The original
# normalizes the weights of both convolutions, and applies dropout after them. Both are omitted here.)
#
# **The backward pass.** It goes back along both paths, and $x$ was used twice, so its two gradients add up. With $dh$
# for the gradient at the input of the last ReLU:
#
# $$ dx =
#    \mathrm{conv1}^\top \bigl(\mathrm{relu}_1^\top\, \mathrm{conv2}^\top\, \mathrm{relu}_2^\top\; dh\bigr) + S^\top dh $$
#
# where $f^\top$ stands for the `backward` of $f$.
#
# *By hand:* one channel, kernel size 1, $W = 2$ and $b = -1$ in conv1, $W = -1$ and $b = 4$ in conv2. For $x = (1, 3)$:
# $u = (1, 5)$, $F = \max(0, (3, -1)) = (3, 0)$, $y = (4, 3)$. For $dy = (1, 1)$: in the first step the convolutions
# give $-1 \cdot 2 = -2$ and the shortcut 1, together $-1$; in the second the ReLU after conv2 is closed, and only the
# shortcut gives 1: $dx = (-1, 1)$.

# %%
class TCNBlock(Layer):
    """Two causal convolutions with a shortcut:  y = max(0, max(0, conv2(max(0, conv1(x)))) + shortcut(x))

    Shapes
        x  (batch, time, in_channels)      y  (batch, time, out_channels)
    projection: None, or a CausalConv1d of kernel size 1 where the number of channels changes.

    Source: Bai, Kolter & Koltun, An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence
    Modeling (2018), section 3.3 and figure 1; without weight normalization and dropout.
    """

    def __init__(self, in_channels, out_channels, kernel_size, dilation=1, *, rng):
        self.conv1 = CausalConv1d(in_channels, out_channels, kernel_size, dilation, rng=rng)
        self.conv2 = CausalConv1d(out_channels, out_channels, kernel_size, dilation, rng=rng)
        self.relu1, self.relu2, self.relu3 = ReLU(), ReLU(), ReLU()
        self.projection = CausalConv1d(in_channels, out_channels, 1, rng=rng) if in_channels != out_channels else None

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(TCNBlock)

# %% [markdown]
# How large is the receptive field of a stack of blocks? Set every weight to 1 and let the input be one spike at step 0:
# every output that is not zero depends on it.

# %%
with when_written():
    spike = np.zeros((1, 64, 1))
    spike[0, 0] = 1
    figure, ax = plt.subplots(figsize=(10, 2.6), layout="constrained")
    h, rows = spike, [spike[0, :, 0]]
    for dilation in (1, 2, 4, 8):
        block = TCNBlock(1, 1, 3, dilation, rng=np.random.default_rng(0))
        for parameter in block.parameters():
            parameter.data[...] = parameter.data.ndim > 1
        h = block.forward(h)
        rows.append(h[0, :, 0])
    ax.imshow(np.array(rows) > 0, aspect="auto", cmap="Purples", vmax=1.4)
    ax.set(xlabel="step", title="outputs that depend on the spike at step 0 (kernel size 3)")
    ax.set_yticks(range(5), ["the input", *(f"block of dilation {d}" for d in (1, 2, 4, 8))])
    plt.show()


# %% [markdown]
# **Question 1.** *(3 points)* (a) A stack of $n$ TCN blocks has the kernel size $K$ and the dilations
# $1, 2, 4, \ldots, 2^{n-1}$. On how many steps (including the present one) can its output depend? Give the formula, and
# the smallest $n$ for which a stack with $K = 3$ covers 1000 steps. (b) A network of $n$ such blocks and an LSTM are
# trained on sequences of $T$ steps, with unlimited parallel processors. How many matrix products *one after the other*
# does the forward pass of each need? (c) Both have been trained, and now produce a text, one character after the other.
# What must each of them store from one character to the next, so that it does not compute all of the past again?

# %% [markdown]
# YOUR ANSWER HERE

# %% [markdown]
# ## 7.10 LocallyConnected1d
#
# A convolution uses the same weights at every step, as if it did not matter when something happens. For text that is
# appropriate. It is not where the position itself has a meaning: the hours of a day, the bands of a spectrum, the
# positions of an aligned gene. A locally connected layer has windows like a convolution, but *separate weights at every
# place*. With $u_{np}$, the window of place $p$ of sequence $n$, `kernel_size` steps of all channels,
#
# $$ y_{np} = W_p\, u_{np} + b_p, \qquad p = 0 \ldots P - 1, \qquad
#    P = \left\lfloor \frac{\text{length} - K}{s} \right\rfloor + 1 $$
#
# where place $p$ covers the steps $s\,p \ldots s\,p + K - 1$. There is no padding, and the length is fixed when the
# layer is made.
#
# **The backward pass, derived.** It is `Linear`, once for each place. No weight is used at two places, so nothing is
# summed over places; but windows may overlap, so a step of $x$ that lies in several windows receives a gradient from
# each:
#
# $$ dW_p = \sum_n dy_{np}\, u_{np}^\top, \qquad db_p = \sum_n dy_{np}, \qquad du_{np} = W_p^\top dy_{np} $$
#
# **Fast.** A Python loop over the places is correct but slow. Move the places to the front: then $u$ is $(P, N, K C)$
# and $W$ is $(P, O, K C)$, and `@` multiplies stacks of matrices. A loop over the cells of the kernel is enough to fill
# $u$, and to add up $du$.
#
# *By hand:* one channel, $x = (1, 2, 3)$, $K = 2$, two places with the weights $(1, 0)$ and $(0, -1)$, biases 0: $y =
# (1, -3)$. For $dy = (1, 10)$: $dW = (1, 2)$ and $(20, 30)$, $dx = (1, 0, -10)$.

# %%
class LocallyConnected1d(Layer):
    """A convolution over time with separate weights at every place:  y[p] = b[p] + Σₖ W[p, :, :, k] x[stride · p + k]

    Shapes
        x  (batch, length, in_channels)      y  (batch, places, out_channels)
        W  (places, out_channels, in_channels, kernel_size)      b  (places, out_channels)
        places = (length − kernel_size) // stride + 1
    length: of every sequence; fixed, because each place has its own weights.  There is no padding.

    Source: Gregor & LeCun, Emergence of Complex-Like Cells in a Temporal Product Network with Local Receptive Fields
    (2010), along one axis.
    """

    def __init__(self, in_channels, out_channels, length, kernel_size, stride=1, *, rng):
        places = (length - kernel_size) // stride + 1
        scale = (2 / (in_channels * kernel_size)) ** 0.5
        self.W = Parameter(rng.normal(0, scale, (places, out_channels, in_channels, kernel_size)))
        self.b = Parameter(zeros((places, out_channels)))
        self.stride = stride

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(LocallyConnected1d)


# %% [markdown]
# ## Capstone: three networks that read
#
# Three tasks, each trained with your own layers. All data are drawn or changed anew for every seed: another language and
# other numbers for its characters, images rotated by any angle and bent, features mixed, so that only your training
# counts.

# %% [markdown]
# ### a · A network that writes
#
# A language model gives every character a probability of being the next one, after everything that it has read. Its
# quality is measured in **bits**: the mean of $-\log_2 p(\text{the next character})$, the length of the message that would
# send it to somebody who has the same model.
#
# Counting gets far: how often did each character follow the last three? It cannot learn what a sentence agrees on. So
# the text is in a made-up language with *agreement*, as many languages have it:
#
# `jaljebl-1giaifb-1kebkeif-1bkljah-1bkeifk-1lkebeae-1.fgeafhk-2eljljdf-2iiiija-2dddjljl-2hgiiia-2.`
#
# A word has six or seven letters, a hyphen, and an ending, one of eight; all four to six words of a sentence have the
# same ending. Which letters like to follow which is drawn for each seed, so every seed has another language, and the
# characters are given as numbers in an order that is drawn as well. Your model is asked for **endings** of sentences
# that it has not seen, each after 64 characters, and not for the first ending of a sentence. Somebody who has understood
# needs 0 bits, somebody who guesses $\log_2 8 = 3$. Counting what followed the same last four characters needs 3.1, and
# with the last nine, falling back on fewer where these were never seen, it is 2.8: the previous ending is eight or nine
# characters back, and between the two stands another word each time. Reach **1 bit** or less, from one of up to three
# seeds, with at most 60 seconds of CPU time each (a small part of that is enough, and 0.01 bits can be reached).
#
# `LanguageModel` is given: an LSTM that reads one-hot vectors, and a `Linear` that turns each hidden state into scores.
# Write `train_language_model`. Remarks:
#
# - `x` is one long text of 300,000 characters, and `y` is the same text one character later. An LSTM is slow with one
#   sequence and hardly slower with sixteen: cut the text into about 16 *lanes* of equal length, one row each, and read
#   them in parallel with `truncated_bptt`, piece by piece. Every lane must remain a continuous text: be careful with the
#   order of `reshape`.
# - Six epochs with 64 hidden numbers and `Adam` are enough, with a learning rate that begins at about 0.02 and falls.
#   `truncated_bptt` does not change the optimizer's rate; to change it during training, pass a few pieces at a time,
#   with the state.
# - To try it yourself: `characters(made_up_text(100_000, rng=np.random.default_rng(0)))`, both of `dlkit.datasets`, gives
#   the characters of a text and their numbers.
# - First your model learns which letters follow which; endings cost 3 bits all the while. The agreement comes later, and
#   then suddenly: many small steps help more than a few large ones.
# - float32 takes half the time.

# %%
class LanguageModel(SequenceModel):
    """Scores of the next character after each; given

    Shapes
        x  (batch, time), integers from 0 to vocabulary − 1      scores  (batch, time, vocabulary)
        state, last  (batch, 2, hidden)
    """

    def __init__(self, vocabulary, hidden, *, rng):
        super().__init__(LSTM(vocabulary, hidden, rng=rng), Linear(hidden, vocabulary, rng=rng))
        self.vocabulary = vocabulary

    def forward(self, x, state=None, mask=None):
        one_hot = array_module(x).eye(self.vocabulary, dtype=self.recurrent.W.data.dtype)
        return super().forward(one_hot[x], state, mask)


# %%
def train_language_model(x, y, *, rng):
    """Train a model to predict the next character of a text; return it

    Shapes
        x, y (characters,), integers from 0 up; y[i] is the character after x[i]. Later texts contain no larger numbers.
    The model's forward takes x (batch, time) and returns scores (batch, time, vocabulary), or these and its last state.
    rng: a numpy.random.Generator for the initial weights.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(train_language_model)


# %% [markdown]
# Now the same function for a real text, the manual of Python (each paragraph once: some are repeated there), about
# 373,000 characters of 84 kinds. Without any knowledge the cost is $\log_2 84 = 6.4$ bits per character; with the
# frequency of each it is 4.7, with the previous character 3.5, with the previous two 2.65 bits.
#
# Let it write. Every character is drawn from the model's probabilities and is the next input. The *temperature* divides
# the scores first: a low temperature makes the text predictable and repetitive, a high one varied and wrong.

# %%
def write(model, vocabulary, start, length, temperature, *, rng):
    """``length`` characters after the text ``start``, each drawn from the model's probabilities; given"""
    model.eval()
    codes, state, text = [vocabulary.index(c) for c in start], None, start
    for _ in range(length):
        scores, state = model.forward(np.array([codes]), state)
        scores = scores[0, -1].astype(float) / temperature
        p = np.exp(scores - scores.max())
        codes = [int(rng.choice(len(p), p=p / p.sum()))]
        text += vocabulary[codes[0]]
    return text


def bits_per_character(model, codes, length=64, count=1000):
    """Mean of −log₂ p of characters that follow ``length`` others, at ``count`` places of a text; given"""
    model.eval()
    starts = np.linspace(0, len(codes) - length - 1, count).astype(int)
    scores = model.forward(np.stack([codes[start : start + length] for start in starts]))[0][:, -1]
    return float(SoftmaxCrossEntropy().forward(scores.astype(float), codes[starts + length]) / np.log(2))


@cache
def trained():
    """Your language model, trained once for both pictures, its vocabulary, and the text that it has not seen; given"""
    vocabulary, codes = characters(python_manual(repeated=False), rarest=50)
    seen, unseen = np.split(codes, [len(codes) * 9 // 10])
    return train_language_model(seen[:-1], seen[1:], rng=np.random.default_rng(0)), vocabulary, unseen


# %%
with when_written():
    writer, vocabulary, unseen = trained()
    print(f"{bits_per_character(writer, unseen):.2f} bits per character on unseen text")
    for temperature in (0.4, 0.8):
        print(f"\n--- temperature {temperature}\n")
        print(write(writer, vocabulary, "The statement ", 400, temperature, rng=np.random.default_rng(1)))

# %% [markdown]
# Where does the model know what comes next, and where not? Below is some unseen text, each character coloured by its
# bits: pale characters were expected, dark ones were a surprise.

# %%
with when_written():
    writer, vocabulary, unseen = trained()
    piece = unseen[-1200:-900]
    scores = writer.forward(piece[None, :-1])[0][0].astype(float)
    log_p = scores - np.log(np.exp(scores - scores.max()).sum(axis=1, keepdims=True)) - scores.max()
    bits = np.append(0, -log_p[np.arange(len(log_p)), piece[1:]] / np.log(2))
    columns = 75
    figure, ax = plt.subplots(figsize=(12, 1.9), layout="constrained")
    shown = ax.imshow(bits.reshape(-1, columns), aspect="auto", cmap="Oranges", vmin=0, vmax=8)
    for place, code in enumerate(piece):
        letter = vocabulary[code].replace("\n", "↵").replace("$", r"\$")
        ax.text(place % columns, place // columns, letter, ha="center", va="center", family="monospace", fontsize=9)
    ax.set_axis_off()
    figure.colorbar(shown, label="bits")
    plt.show()


# %% [markdown]
# ### b · A network that reads an image line by line
#
# The LSTM of the source article is trained with Adagrad and with a *keep probability*: the share of its outputs that
# dropout keeps. Here it reads the digits of MNIST as a sequence, 28 rows of 28 pixels, from top to bottom, and
# classifies the digit at the end. It never sees more than one row at a time: its state contains what it knows about the
# others. For every seed all images are changed in the same way: rotated by any angle, perhaps mirrored, bent a little,
# and each pixel mixed with its neighbours.
#
# > **Find the mistake.** The program of the article makes its cell with `BasicLSTMCell(…, dropout_keep_prob=dropout_rate)`,
# > its labels have the shape (batch, classes), and the loss is the mean over all steps of all sequences.
# >
# > 1. A *rate* says what is dropped, a *keep probability* what stays: with a rate of 0.1 the program would drop nine
# >    numbers of ten. Keep is 1 − rate. (And `BasicLSTMCell` has no such argument: dropout is a wrapper around a cell.)
# > 2. The *sparse* cross-entropy takes one integer per prediction. Scores are (batch, steps, classes), so labels are
# >    (batch, steps). With (batch, classes) the shapes match only if there are as many steps as classes, and then the
# >    loss is of something else.
# > 3. The program is not told how long each sequence is, so it also learns to predict padding, and the mean is over
# >    padding too. With a mask $m_{nt}$ of ones and zeros the loss is $\sum_{n,t} m_{nt}\, L_{nt} \big/ \sum_{n,t} m_{nt}$:
# >    two sequences of 2 and 8 steps, padded to 8, with the loss 3 at each real step and 0 at each padded one, have the
# >    mean loss 3. The program reports $3 \cdot 10 / 16 = 1.9$.
#
# Given: `LastStep`, a recurrent layer and a layer that uses its *last* hidden state. Write `train_row_reader` with
# it: an `LSTM`, then `Dropout` and a `Linear` with ten scores, and `Adagrad`. At least 92 % of 2,000 unseen images
# must be classified correctly, from one of up to three seeds, with at most 60 seconds of CPU time each (half of
# that is enough).
#
# - `Dropout(1 - keep_probability)`: the article counts what is kept, the layer what is dropped.
# - Adagrad divides by the root of *all* squared gradients so far, so its steps become smaller automatically: a learning
#   rate of 0.05 and no schedule.
# - 64 or 96 hidden numbers and small batches are enough.
# - Occasionally a bad step costs a few percent until training recovers. So after every epoch measure the accuracy on
#   some training images (in evaluation mode), and keep a copy of the best weights.

# %%
class LastStep(Layer):
    """A recurrent layer, and a layer that uses only its last hidden state; given

    Shapes
        x  (batch, time, in_features)      y  (batch, the output's features)
    """

    def __init__(self, recurrent, output):
        self.recurrent, self.output = recurrent, output

    def forward(self, x):
        h, _ = self.recurrent.forward(x)
        self.shape = h.shape
        return self.output.forward(h[:, -1])

    def backward(self, dy):
        dlast = self.output.backward(dy)
        dh = array_module(dy).zeros(self.shape, dtype=dlast.dtype)
        dh[:, -1] = dlast
        return self.recurrent.backward(dh)[0]


# %%
def train_row_reader(x, y, *, rng):
    """Train an LSTM with Adagrad and dropout to read images row by row; return the model

    Shapes
        x  (batch, 28, 28) float32, mostly from −1 to 2: 28 steps of 28 features      y  (batch,), integers from 0 to 9
    The model's forward takes x and returns scores (batch, 10).
    rng: a numpy.random.Generator for the initial weights, for dropout and for shuffling.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(train_row_reader)

# %% [markdown]
# When does it recognize the digit? Here are its ten scores, as probabilities, after every row, for three unseen digits.

# %%
with when_written():
    data = mnist()
    reader = train_row_reader(data.x_train, data.y_train, rng=np.random.default_rng(0))
    reader.eval()
    print(f"{100 * accuracy(reader.forward(data.x_test), data.y_test):.1f} % of the unseen digits are correct")
    figure, axes = plt.subplots(1, 6, figsize=(13, 3), width_ratios=[1, 1.4] * 3, layout="constrained")
    for pair, number in zip(axes.reshape(3, 2), (1, 4, 7), strict=True):
        h, _ = reader.recurrent.forward(data.x_test[number : number + 1])
        scores = reader.output.forward(h[0])
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        plotting.images(data.x_test[number : number + 1], ax=pair[0])
        pair[1].imshow(p / p.sum(axis=1, keepdims=True), aspect="auto", cmap="Purples", vmin=0, vmax=1)
        pair[1].set(xlabel="digit", ylabel="rows read")
        pair[1].set_xticks(range(10))
    plt.show()


# %% [markdown]
# ### c · The adding problem
#
# A task that needs a long memory: a sequence of numbers, two of which are marked, one in the first half and one in the
# second. The target is their sum. Always predicting 1 gives a mean squared error of $1/6 = 0.167$. To do better a
# network has to keep the first marked number over all the later steps.
#
# You have seen the difficulty in section 7.3: from lag to lag the gradient shrinks by the same factor, and that of an
# RNN has vanished before it arrives at the first mark.
#
# Write `train_adder`. Sequences have 60 steps; the mean squared error on unseen ones must be at most 0.01 for each of
# three seeds, with at most 60 seconds of CPU time each (a small part of that is enough). An RNN does not reach
# this in that time.
#
# - `LastStep(LSTM(2, 32, rng=rng), Linear(32, 1, rng=rng))`, `MeanSquaredError`, `Adam` at a learning rate of 0.01 to
#   0.02, batches of 50, and gradients clipped to the norm 1.
# - For a few hundred steps nothing seems to happen: the loss stays at 0.167 until the network has learned what the mark
#   means. Do not give up; and do not stop because one batch was good by chance: watch a running mean, and stop when
#   that is small.
# - The two features of the input are mixed by an unknown rotation, so that the number is not in the first and the mark
#   not in the second. For linear maps this makes no difference.

# %%
def train_adder(x, y, kind=None, *, rng):
    """Train a recurrent network to add the two marked numbers of each sequence; return the model

    Shapes
        x  (batch, time, 2), a number and a mark at every step, mixed by a rotation
        y  (batch, 1), the sum of the marked numbers
    The model's forward takes x and returns predictions (batch, 1).
    kind: the class of the recurrent layer (RNN, GRU); LSTM where it is None.
    rng: a numpy.random.Generator for the initial weights and for drawing batches.
    For the plot below: at the end set model.losses to the list of the losses of all batches.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(train_adder)


# %% [markdown]
# The same training, with an RNN and with an LSTM: their losses; and how much of the gradient of the last hidden state
# arrives at the input $k$ steps earlier, the *lag*, for the layers before and after training.

# %%
def norms_by_lag(layer, x, *, rng):
    """Norm of the last hidden state's gradient with respect to x[t], by the lag from t to the end, 1 at lag 0; given"""
    h, _ = layer.forward(x)
    dh = np.zeros_like(h)
    dh[:, -1] = rng.normal(size=h[:, -1].shape)
    norms = np.linalg.norm(layer.backward(dh)[0], axis=(0, 2))[::-1]
    return norms / norms[0]


with when_written():
    rng = np.random.default_rng(0)
    x, y = adding_problem(5000, 60, rng=rng)
    unseen_x, unseen_y = adding_problem(1000, 60, rng=rng)
    unseen_x = unseen_x.astype("float32")
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.5), layout="constrained")
    for kind, color in ((RNN, "tab:orange"), (LSTM, "tab:purple")):
        name, model = kind.__name__, train_adder(x, y, kind, rng=np.random.default_rng(0))
        error = float(((model.forward(unseen_x) - unseen_y) ** 2).mean())
        print(f"{name}: mean squared error on unseen sequences {error:.4f}")
        losses = np.append(getattr(model, "losses", []), np.nan)
        left.semilogy(np.convolve(losses, np.ones(50) / 50, mode="valid"), color=color, label=name)
        for layer, line, when in (
            (kind(2, 32, rng=np.random.default_rng(0)), "--", "before"),
            (model.recurrent, "-", "after training"),
        ):
            norms = norms_by_lag(layer, unseen_x[:50], rng=np.random.default_rng(1))
            right.semilogy(norms, line, color=color, label=f"{name}, {when}")
    left.axhline(1 / 6, color="gray", linestyle=":", label="always predicting 1")
    left.set(xlabel="batches", ylabel="mean squared error, mean of 50 batches")
    right.set(xlabel="lag", ylabel="gradient norm, 1 at lag 0", ylim=(1e-12, 1e2))
    left.legend()
    right.legend()
    plt.show()

# %% [markdown]
# **Question 2.** *(3 points)* (a) Take a recurrent layer without inputs and without a tanh: $h_t = h_{t-1} U$. By which
# matrix is the gradient of $h_T$ multiplied from $h_T$ back to $h_{T-k}$? The largest singular value of $U$ is 0.9. How
# much of the gradient is left, at most, after 100 steps? What does a tanh add to this? (b) In an LSTM consider only the
# direct path from $c_T$ to $c_{T-k}$. By what is the gradient multiplied, and how large must the forget gate be so that
# a tenth is left after 100 steps? Which bias gives that gate initially (all else 0)? (c) Before training the gradient
# of the LSTM falls with the lag too; and yet it learns the adding problem and the RNN does not. What can the LSTM
# change in training that the RNN cannot, or only at a cost?

# %% [markdown]
# YOUR ANSWER HERE
