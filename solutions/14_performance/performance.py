# %% [markdown]
# # 14 · Performance
#
# Two programs compute the same numbers, and one takes a third of the time, or a hundredth of the memory. Nothing in the
# formula tells you which. What decides is how often each number travels between memory and the processor, how many
# intermediate arrays are made, and what is kept for later. In this assignment you write pieces of the earlier
# assignments again, so that they are fast or need little memory, and measure what you gained.
#
# | | |
# |---|---|
# | Time | about 8 hours, with the bonus exercises 11 |
# | You will be able to | estimate from bytes and operations what a program should cost, and say what limits it; fuse steps so that an array is read once; write into memory that exists; choose the order of axes; compute a softmax in pieces; trade memory for a second computation; measure all of this without deceiving yourself |
# | Builds on | `SoftmaxCrossEntropy` (03), `Adam` (04), the training of 05, `im2col`, `col2im` and `Conv2d` (06), `LSTM` (07), `cosine_neighbours` (08), `ScaledDotProductAttention` (09) |
# | Next | an engine that writes the backward passes itself (15) |
#
# | here | in PyTorch and elsewhere |
# |---|---|
# | `Conv2dFast` | `torch.nn.Conv2d`, which chooses among several algorithms (`torch.backends.cudnn.benchmark`) |
# | `SoftmaxCrossEntropyFused` | `torch.nn.functional.cross_entropy`; the fused kernels of Liger and Apex |
# | `AdamInPlace` | `torch.optim.Adam(fused=True)`, `foreach=True` |
# | `LSTMFusedGates` | `torch.nn.LSTM` (cuDNN) |
# | `merge_attention`, `AttentionChunked` | `torch.nn.functional.scaled_dot_product_attention`, FlashAttention |
# | `gradient_checkpoint` | `torch.utils.checkpoint.checkpoint_sequential` |
# | `cosine_topk_blocked` | `faiss.IndexFlatIP` |
# | `silu_kernel`, `softmax_kernel` | `cupy.ElementwiseKernel`, `cupy.RawKernel`; Triton |
# | `RingWorker` | `torch.distributed.all_reduce`, NCCL |
#
# **Further reading.** Williams, Waterman & Patterson, [*Roofline: An Insightful Visual Performance Model for Multicore
# Architectures*](https://doi.org/10.1145/1498765.1498785) (2009). Dao, Fu, Ermon, Rudra & Ré, [*FlashAttention: Fast and
# Memory-Efficient Exact Attention with IO-Awareness*](https://arxiv.org/abs/2205.14135) (2022). Chen, Xu, Zhang &
# Guestrin, [*Training Deep Nets with Sublinear Memory Cost*](https://arxiv.org/abs/1604.06174) (2016).
#
# **How it is graded.** First the numbers must be correct: that earns a few points, and without it nothing is measured.
# Then your code runs beside a **plain version** of the same thing: code as one writes it the first time, whole arrays,
# no Python loop over numbers. Both run in turn, on the same fresh inputs, and what counts is the *ratio* of CPU time, or
# of memory at the peak. The plain version never changes, and it is not yours: making your `Conv2d` of 06 slower wins
# nothing. The limits are in the text of each exercise. Where memory must **grow** slowly, it is measured at several
# sizes, and what counts is the power of the size that fits.
#
# On your own machine, memory and growth are measured exactly as when your work is graded. The time is compared with
# figures of the plain version that were stored when this assignment was made, on another machine: a rough estimate, and
# it counts as too close to decide where it is not clear. Your earlier assignments are what you can compare with on your
# own machine, as the pictures do.
#
# **Exactness.** As in the other assignments: results may differ from the exact ones by 10⁻⁶ of the largest number (in
# float32 by 10⁻³).

# %%
import time
import tracemalloc
from functools import cache
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from autograder import check
from dlkit import Layer, Loss, Optimizer, Parameter, array_module, blocks, zeros
from dlkit.course import earlier, when_written
from dlkit.datasets import mnist

threadpool_limits(1)  # products of matrices on one core, as when your work is graded

# %% [markdown]
# ## What code costs
#
# A processor computes much faster than memory delivers. On an ordinary core one addition of two float32 arrays that do
# not fit into the cache moves 12 bytes for one operation; the core could do fifty in that time. So the time of a NumPy
# expression is usually the number of **passes** over memory, not the number of operations:
#
# ```
#   p - lr * m / (sqrt(v) + eps)              four arrays are read, one is written: 5 passes would do
#
#   pass 1   t1 = sqrt(v)          read v          write t1
#   pass 2   t2 = t1 + eps         read t1         write t2
#   pass 3   t3 = lr * m           read m          write t3         and t1 … t4 are new memory,
#   pass 4   t4 = t3 / t2          read t3, t2     write t4         which the system has to find and to clear
#   pass 5   p  - t4               read p, t4      write t5         before it is written for the first time
# ```
#
# Four cures, and every exercise below is one of them or two:
#
# | cure | how |
# |---|---|
# | write into memory that exists | `xp.multiply(a, b, out=c)`, `a *= b`; one scratch array that is used again |
# | work in **blocks** that fit into the cache | the second operation finds in the cache what the first one has written |
# | **fuse** | compute the loss and its gradient from one exponential; four products as one |
# | **do not keep it** | compute again in backward what is cheap to compute and large to store |
#
# Two functions measure. `seconds` takes the median of several runs, in CPU time, because the first run is always
# slower (memory is new, caches are cold) and other programs disturb. `peak_bytes` is the memory that NumPy has taken at
# the worst moment of a call.


# %%
def seconds(run, repeat=7):
    """CPU time of one call, the median of several after one that warms up; given"""
    run()
    found = []
    for _ in range(repeat):
        start = time.process_time()
        run()
        found.append(time.process_time() - start)
    return max(float(np.median(found)), 1e-7)


def peak_bytes(run):
    """Bytes of new arrays at the worst moment of a call; given"""
    tracemalloc.start()
    run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def normal32(rng, *shape):
    """Normal numbers in float32; given"""
    return rng.normal(size=shape).astype("float32")


# %%
def new_arrays(x, y, _):
    """A polynomial of degree 4, as it is written; given"""
    return (((x * y + 0.3) * x + 0.2) * x + 0.1) * x


def in_place(x, y, scratch):
    """The same in one array that exists; given"""
    np.multiply(x, y, out=scratch)
    for coefficient in (0.3, 0.2, 0.1):
        scratch += coefficient
        scratch *= x
    return scratch


def in_blocks(x, y, scratch):
    """The same, one piece after the other; given"""
    for pieces in blocks(x, y, scratch):
        in_place(*pieces)
    return scratch


sizes = np.unique(np.logspace(3, 7, 13).astype(int))
ax = plt.subplots(figsize=(6.6, 3.4), layout="constrained")[1]
for run in (new_arrays, in_place, in_blocks):
    found = []
    for size in sizes:
        x, y, scratch = (normal32(np.random.default_rng(0), size) for _ in range(3))
        calls = max(1, 300_000 // size)

        def repeated(run=run, x=x, y=y, scratch=scratch, calls=calls):
            for _ in range(calls):
                run(x, y, scratch)

        found.append(1e9 * seconds(repeated, 5) / calls / size)
    ax.plot(4 * sizes, found, marker=".", label=run.__name__.replace("_", " "))
ax.set(xscale="log", xlabel="bytes of one array", ylabel="nanoseconds per number", ylim=(0, None))
ax.legend(frameon=False)
plt.show()

# %% [markdown]
# On the left, each call is so short that Python's own work counts. In the middle everything lies in the cache. On the
# right, arrays come from memory, and new ones cost most: the system has to find them, and to clear them. Blocks gain as
# soon as the arrays are larger than the cache; how large that is, and what a new array costs, differs between machines,
# and even between two runs.

# %% [markdown]
# ## 14.1 Conv2dFast
#
# In 06, a convolution became a product of matrices: `im2col` copies every window of the image into a column, and one
# product does the rest. The price is memory: each pixel is copied $k^2$ times, for the whole batch at once, written to
# memory and read again. And backward makes another array of that size.
#
# ```
#   x (N, C, H, W)  ──►  columns (N, C·k·k, H'·W')  ──►  y = W (O, C·k·k) · columns  (N, O, H'·W')
#                        9 × as large as x for k = 3          ^ both arrays leave the cache before they are used
#
#   instead, one image at a time, or a few:
#   x[0]  ──►  columns of one image  ──►  y[0]
#   x[1]  ──►  columns of one image  ──►  y[1]                nothing large is ever kept
# ```
#
# Backward needs the columns again, for $dW = \sum_n dy_n \, \text{columns}_n^\top$. Copying the windows of an image once
# more is cheaper than keeping those of all. Then $W^\top dy_n$ is added back to the pixels, by `col2im`. Your functions of
# 06 do both for a batch of any size, so also of one; a buffer that is used again for each image saves a little more.
#
# There are other ways. For each of the $k^2$ places of the kernel, the product of the $(O, C)$ matrix at that place with
# a *shifted* image gives one share of $y$; if the padded image is stored as one row per channel, a shift is a slice, and
# nothing is copied at all. Which way is faster depends on the sizes: with many channels the shifted products win, with one
# channel they lose by far.
#
# *By hand:* one image of one channel, $4 \times 4$, padding 1, $k = 3$: $H' = W' = 4$, so the columns hold
# $9 \cdot 16 = 144$ numbers for 16 pixels. In a batch of 64 such images the plain version holds 9,216 numbers of
# columns; one image at a time, 144.
#
# **Graded:** on $(16, 16, 28, 28)$, 16 output channels, $3 \times 3$: forward and backward together with at most half of
# the memory of the plain version, which copies all windows. And that must not cost time: on $(8, 8, 32, 32)$ with 8 output
# channels at most twice its time. (Blocks are usually a little faster than the plain version.)


# %%
im2col, col2im = earlier("convolution.im2col"), earlier("convolution.col2im")


class Conv2dFast(Layer):
    """A convolution that never holds all windows:  y[o, h, w] = b[o] + Σ W[o, c, i, j] x[c, h + i − p, w + j − p]

    Shapes
        x  (N, in_channels, H, W)      y  (N, out_channels, H + 2p − k + 1, W + 2p − k + 1)
        W  (out_channels, in_channels, k, k)      b  (out_channels,)
    kernel_size: k, a number.      padding: p, zeros on each side, a number, 0 or more.      The stride is 1.

    Source: Chellapilla, Puri & Simard, High Performance Convolutional Neural Networks for Document Processing (2006),
    section 4.1, the plain version.
    """

    def __init__(self, in_channels, out_channels, kernel_size, padding=0, *, rng):
        k = kernel_size
        self.W = Parameter(rng.normal(0, (2 / (in_channels * k * k)) ** 0.5, (out_channels, in_channels, k, k)))
        self.b = Parameter(zeros(out_channels))
        self.kernel_size, self.padding = kernel_size, padding

    def forward(self, x):
        ### BEGIN SOLUTION
        self.x = x
        W = self.W.data.reshape(len(self.W.data), -1)
        results = []
        for n in range(len(x)):
            columns = im2col(x[n : n + 1], self.kernel_size, 1, self.padding)[0]
            results.append(W @ columns + self.b.data[:, None])
        height, width = (size + 2 * self.padding - self.kernel_size + 1 for size in x.shape[2:])
        return array_module(x).stack(results).reshape(len(x), len(W), height, width)
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        dy = dy.reshape(*dy.shape[:2], -1)
        W, dx = self.W.data.reshape(len(self.W.data), -1), array_module(dy).empty_like(self.x)
        for n in range(len(dy)):
            image = self.x[n : n + 1]
            columns = im2col(image, self.kernel_size, 1, self.padding)[0]
            self.W.grad += (dy[n] @ columns.T).reshape(self.W.shape)
            dx[n] = col2im((W.T @ dy[n])[None], image.shape, self.kernel_size, 1, self.padding)[0]
        self.b.grad += dy.sum(axis=(0, 2))
        return dx
        ### END SOLUTION


# %% [markdown] hints="Conv2dFast"
# ### forward
# 1. How large is the array of all windows, and how much of it is needed at the same time?
# 2. For each image: columns, (C k², H′ W′); y = W columns + b, (O, C k²) (C k², H′ W′)
# 3. Keep x for backward. For each image, or for a few, copy the windows into columns, multiply, add the bias, and write the
#    result to its place in y.
#
# ### backward
# 1. What did forward keep: the columns, or what they can be made from?
# 2. dW = Σ dy columnsᵀ, (O, H′ W′) (H′ W′, C k²); dcolumns = Wᵀ dy, each entry added to the pixel it was copied from;
#    db = Σ dy
# 3. Go through the images again, and copy the windows once more. Add the product of dy and the columns to the gradient of
#    W, and add the gradient of the columns back to the pixels of this image.
#
# ### speed
# 1. Over what do your loops run: images, places of the kernel, or places of the output?
# 2. Calls per image: k² for copying, one for the product
# 3. Let no loop run over places of the output: whole images, shifted, are copied at once.
#
# ### memory
# 1. What lives from forward to backward, and how large is it?
# 2. All columns: N C k² H′ W′ numbers; those of one image: C k² H′ W′
# 3. Keep x itself for backward, and make the columns again there, image by image.

# %%
check(Conv2dFast)

# %% [markdown]
# ## 14.2 SoftmaxCrossEntropyFused
#
# The loss of 03 needs the logarithm of the softmax, its gradient needs the softmax itself. As separate functions they
# compute the maximum, the difference and the exponential twice, and each makes arrays of its own, as large as the
# scores. With 50,000 classes, that is most of the memory of a language model.
#
# Both come from the same two things, $e_k = e^{z_k - \max z}$ and their sum $S$:
#
# $$ L = \frac{1}{B} \sum_n \Big( \log S - (1 - s)\,(z_{\text{label}} - \max z) - \frac{s}{K} \sum_k (z_k - \max z) \Big),
#    \qquad \frac{\partial L}{\partial z_k} = \frac{1}{B} \Big( \frac{e_k}{S} - (1 - s)\,[k = \text{label}] - \frac{s}{K} \Big) $$
#
# ```
#   scores (B, K) ──► z − max ──► exp ──► · 1/(B S) ──► − (1 − s)/B at the label, − s/(B K)     one array,
#                        │          │                              │                            four times written
#                     z[label]    sum S ──► loss                backward returns this
# ```
#
# So forward computes the gradient as well, in the one array it makes, and backward has nothing left to do. What about
# evaluation, where nobody needs the gradient? It costs one pass.
#
# *By hand:* scores $(\ln 3, 0)$, label 0, $s = 0$, one row. The maximum is $\ln 3$, $z = (0, -\ln 3)$, $e = (1, 1/3)$,
# $S = 4/3$. $L = \ln(4/3) = 0.288$, the gradient $(3/4 - 1, 1/4) = (-1/4, 1/4)$.
#
# **Graded:** on $(2048, 1000)$ at most 0.3 of the memory of the plain version, which computes the logarithm of the softmax in
# forward and the softmax in backward, with labels as rows of numbers. One new array as large as the scores is within
# the limit, two are not. (It is faster as well, but how much faster depends on what ran before.)


# %%
class SoftmaxCrossEntropyFused(Loss):
    """Cross-entropy of a softmax and labels with its gradient in one go; the formulas of SoftmaxCrossEntropy of 03

    Shapes
        scores  (batch, classes)      labels  (batch,), integers from 0      loss  ()      dscores  (batch, classes)
    label_smoothing: s, from 0 to 1.  Finite for all finite scores.

    Source: Goodfellow, Bengio & Courville, Deep Learning (2016), section 6.2.2.3; in one array: Hsu et al., Liger
    Kernel: Efficient Triton Kernels for LLM Training (2024), section 3.2.
    """

    def __init__(self, label_smoothing=0.0):
        self.label_smoothing = label_smoothing

    def forward(self, scores, labels):
        ### BEGIN SOLUTION
        xp, s, (batch, classes) = array_module(scores), self.label_smoothing, scores.shape
        rows = xp.arange(batch)
        z = scores - scores.max(axis=1, keepdims=True)
        right = z[rows, labels]
        average = z.mean(axis=1) if s else right
        xp.exp(z, out=z)
        total = z.sum(axis=1)
        losses = xp.log(total) - (1 - s) * right - s * average
        z *= (1 / (batch * total))[:, None]
        if s:
            z -= s / (batch * classes)
        z[rows, labels] -= (1 - s) / batch
        self.dscores = z
        return losses.mean()
        ### END SOLUTION

    def backward(self):
        ### BEGIN SOLUTION
        return self.dscores
        ### END SOLUTION


# %% [markdown] hints="SoftmaxCrossEntropyFused"
# ### forward
# 1. Which numbers do the loss and its gradient have in common?
# 2. z = scores − max, e = exp z, S = Σ e; loss = mean of log S − (1 − s) z at the label − s mean z;
#    dscores = e / (B S) − (1 − s) / B at the label − s / (B K)
# 3. Subtract the maximum into one new array and read from it what the loss needs before the exponential overwrites it.
#    Then scale that array, correct it at the labels, and keep it.
#
# ### backward
# 1. When was the gradient computed?
# 2. dscores, (B, K), as forward left it
# 3. Return the array that forward has kept, nothing else.
#
# ### memory
# 1. How many arrays as large as the scores exist at the worst moment?
# 2. One, (B, K)
# 3. Write exponentials over the differences and the gradient over the exponentials; labels are indices, not rows.

# %%
check(SoftmaxCrossEntropyFused)

# %% [markdown]
# ## 14.3 AdamInPlace
#
# The update of Adam is a dozen operations on every parameter, and each of them can be a pass over memory. Large models
# spend a tenth of their time here, and small networks with small batches most of it. Nothing is multiplied by a matrix:
# it is all passes.
#
# $$ m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad
#    \theta \leftarrow \theta - \frac{lr}{1 - \beta_1^t} \cdot \frac{m}{\sqrt{v} / \sqrt{1 - \beta_2^t} + \varepsilon} $$
#
# Written with `out=` and one scratch array $w$, no memory is taken at all:
#
# ```
#   w = (1 − β₁) g      m = β₁ m      m = m + w            g is read, m is read and written
#   w = g · g           w = (1 − β₂) w      v = β₂ v      v = v + w
#   w = √v      w = c w      w = w + ε      w = m / w      w = rate · w      θ = θ − w
# ```
#
# `blocks(a, b, …)` from dlkit cuts several arrays into pieces that fit into the cache, all at the same places; what is
# written to a piece is written to the array. Then the whole recipe runs on one piece before the next, and each array
# comes from memory once.
#
# Do not save operations by changing the formula: $\varepsilon$ is added *after* the correction of $v$.
#
# *By hand:* $\theta = 1$, $g = 2$, $lr = 0.1$, $\beta = (0.9, 0.999)$, $t = 1$: $m = 0.2$, $v = 0.004$; the rate is
# $0.1 / 0.1 = 1$, the root $\sqrt{0.004} / \sqrt{0.001} = 2$; $\theta = 1 - 1 \cdot 0.2 / 2 = 0.9$.
#
# **Graded:** on a parameter of $8192 \times 128$ at most 0.8 of the time of the plain version; and on one of
# $9000 \times 1000$ (36 MB) two steps take at most an eighth of the parameter in memory beyond the arrays that are given.


# %%
class AdamInPlace(Optimizer):
    """The steps of Adam (04) without new memory:  θ ← θ − lr · m̂ / (√v̂ + eps)

    m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ),  t = 1 at the first step.
    parameters: list of Parameter; lr > 0; betas: β₁ and β₂, each from 0 up to 1; eps > 0.
    self.m, self.v: one array per parameter, initially zero; self.t: steps so far.
    self.scratch: one more array per parameter, whose content nobody needs between steps; it may be overwritten.
    step() makes no new arrays but small ones: at no moment more than an eighth of the largest parameter.

    Source: Kingma & Ba, Adam: A Method for Stochastic Optimization (2015), algorithm 1.
    """

    def __init__(self, parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(parameters, lr)
        self.betas, self.eps, self.t = betas, eps, 0
        self.m, self.v, self.scratch = self.new_state(), self.new_state(), self.new_state()

    def step(self):
        ### BEGIN SOLUTION
        self.t += 1
        beta1, beta2 = self.betas
        root, rate = (1 - beta2**self.t) ** -0.5, self.lr / (1 - beta1**self.t)
        for parameter, means, squares, scratch in zip(self.parameters, self.m, self.v, self.scratch, strict=True):
            xp = array_module(parameter.data)
            for p, g, m, v, w in blocks(parameter.data, parameter.grad, means, squares, scratch):
                xp.multiply(g, 1 - beta1, out=w)
                m *= beta1
                m += w
                xp.multiply(g, g, out=w)
                w *= 1 - beta2
                v *= beta2
                v += w
                xp.sqrt(v, out=w)
                w *= root
                w += self.eps
                xp.divide(m, w, out=w)
                w *= rate
                p -= w
        ### END SOLUTION


# %% [markdown] hints="AdamInPlace"
# ### step
# 1. Which of these arrays may be overwritten, and which one must stay as it is?
# 2. w = (1 − β₁) g; m = β₁ m + w; w = (1 − β₂) g²; v = β₂ v + w; w = rate · m / (√v / √(1 − β₂ᵗ) + ε); θ = θ − w
# 3. Compute the two numbers that depend on t first. Then follow the recipe line by line, each line into m, v, θ or the
#    scratch array.
#
# ### speed
# 1. How far does a number travel between two operations on it?
# 2. 13 operations, each on pieces of some ten thousand numbers
# 3. Put the whole recipe into the body of a loop over blocks.
#
# ### memory
# 1. Which operator makes a new array, and which one does not?
# 2. New numbers per step: 0
# 3. Give every operation whose result is not one of its own arguments a place to write to.

# %%
check(AdamInPlace)

# %%
PlainAdam = earlier("optimizers.Adam")


def time_of_steps(make, size):
    """CPU time per number of one step of an optimizer on a parameter of this size; given"""
    rng = np.random.default_rng(0)
    parameter = Parameter(normal32(rng, size))
    parameter.grad[...] = normal32(rng, size)
    return 1e9 * seconds(make([parameter]).step) / size


with when_written():
    sizes = np.unique(np.logspace(3.5, 6.5, 9).astype(int))
    ax = plt.subplots(figsize=(6.6, 3.4), layout="constrained")[1]
    for make, name in ((PlainAdam, "your Adam of 04"), (AdamInPlace, "AdamInPlace")):
        ax.plot(4 * sizes, [time_of_steps(make, size) for size in sizes], marker=".", label=name)
    ax.set(xscale="log", xlabel="bytes of the parameter", ylabel="nanoseconds per number", ylim=(0, None))
    ax.legend(frameon=False)
    plt.show()

# %% [markdown]
# ## 14.4 LSTMFusedGates
#
# An LSTM cannot be parallel in time: step $t$ needs $h_{t-1}$. So each step should be as short as possible, and
# everything that does not depend on $h$ should happen before or after the loop. Four cures, from the layout of the
# arrays:
#
# ```
#   x W        (batch, time, in) · (in, 4 hidden)      for all steps at once, before the loop
#   h[t−1] U   (batch, hidden) · (hidden, 4 hidden)    one product in place of four: the gates lie side by side
#   gates      (time, batch, 4 hidden)                 time in front: a step is one contiguous piece
#   dW, dU, dx                                         products over all steps at once, after the loop
# ```
#
# ```
#   columns of z[t]:   |  i  |  f  |  g  |  o  |       one tanh for all: σ(z) = ½ + ½ tanh(z / 2)
#                       0    H    2H    3H    4H
# ```
#
# The last line is a trick: with $z/2$ in the columns of i, f and o, and $z$ in those of g, one call of tanh is the
# nonlinearity of all four gates, and $a \cdot \text{scale} + \text{shift}$ makes sigmoids of three of them. And since a
# product with $z/2$ is half of a product with $z$, the halves can be multiplied into $W$, $U$ and $b$ once per call.
#
# Backward goes through the steps in reverse. With $dh_t$ (from above and from step $t + 1$) and $dc_t$:
#
# $$ dc_t \mathrel{+}= dh_t \, o\, (1 - \tanh^2 c_t), \quad
#    dz_i = dc_t\, g\, i (1 - i), \quad dz_f = dc_t\, c_{t-1}\, f (1 - f), \quad dz_g = dc_t\, i\, (1 - g^2), \quad
#    dz_o = dh_t \tanh(c_t)\, o (1 - o) $$
#
# then $dh_{t-1} = dz_t\, U^\top$, $dc_{t-1} = dc_t\, f$. Only these two lines have to be in the loop; the factors that
# do not depend on $dh$ and $dc$, as $g\, i (1 - i)$, exist for all steps before it begins.
#
# *By hand:* 1 unit, $z = (0, 0, 1, 0)$, $c_{t-1} = 2$: $i = f = o = 0.5$, $g = \tanh 1 = 0.762$,
# $c_t = 0.5 \cdot 2 + 0.5 \cdot 0.762 = 1.381$, $h_t = 0.5 \tanh 1.381 = 0.440$.
#
# **Graded:** for 4 sequences of 128 steps with 24 inputs and 24 units, at most 0.7 of the time of the plain version, in
# which each gate has its own products in each step.


# %%
class LSTMFusedGates(Layer):
    """The LSTM of 07, from a state of zeros:  c[t] = f c[t−1] + i g,  h[t] = o tanh(c[t]),  gates of x[t] W + h[t−1] U + b

    Shapes
        x  (batch, time, in_features)      h  (batch, time, hidden)
        W  (in_features, 4 · hidden)      U  (hidden, 4 · hidden)      b  (4 · hidden,); columns in the order i, f, g, o
    i, f and o are sigmoids, g is a tanh.  The states before the first step, h and c, are 0.
    forward(x) returns h of every step, backward(dh) returns dx.

    Source: Hochreiter & Schmidhuber, Long Short-Term Memory (1997); fused: Appleyard, Kočiský & Blunsom, Optimizing
    Performance of Recurrent Neural Networks on GPUs (2016), section 3.
    """

    def __init__(self, in_features, hidden, *, rng):
        self.hidden = hidden
        self.W = Parameter(rng.normal(0, in_features**-0.5, (in_features, 4 * hidden)))
        self.U = Parameter(rng.normal(0, hidden**-0.5, (hidden, 4 * hidden)))
        self.b = Parameter(zeros(4 * hidden))

    def forward(self, x):
        ### BEGIN SOLUTION
        xp, hidden, (batch, time, _) = array_module(x), self.hidden, x.shape
        scale = xp.full(4 * hidden, 0.5, dtype=x.dtype)
        scale[2 * hidden : 3 * hidden] = 1
        U, shift = self.U.data * scale, 1 - scale
        self.x = xp.ascontiguousarray(x.swapaxes(0, 1)).reshape(time * batch, -1)
        gates = xp.matmul(self.x, self.W.data * scale)
        gates += self.b.data * scale
        gates = gates.reshape(time, batch, 4 * hidden)
        h, c = xp.zeros((2, time + 1, batch, hidden), dtype=x.dtype)  # before step t
        tanh_c, product = xp.empty_like(c[1:]), xp.empty_like(gates[0])
        for t in range(time):
            a = gates[t]
            a += xp.matmul(h[t], U, out=product)
            xp.tanh(a, out=a)
            a *= scale
            a += shift
            i, f, g, o = (a[:, k * hidden : (k + 1) * hidden] for k in range(4))
            xp.multiply(f, c[t], out=c[t + 1])
            c[t + 1] += i * g
            xp.tanh(c[t + 1], out=tanh_c[t])
            xp.multiply(o, tanh_c[t], out=h[t + 1])
        self.h, self.c, self.tanh_c, self.gates = h, c, tanh_c, gates
        return h[1:].swapaxes(0, 1)
        ### END SOLUTION

    def backward(self, dh):
        ### BEGIN SOLUTION
        xp, hidden, (time, batch, _) = array_module(dh), self.hidden, self.gates.shape
        gates = self.gates.reshape(time, batch, 4, hidden)
        i, f, g, o = (gates[:, :, k] for k in range(4))
        dz = gates - gates * gates  # the slopes of the sigmoids
        xp.subtract(1, g * g, out=dz[:, :, 2])
        for k, partner in enumerate((g, self.c[:-1], i, self.tanh_c)):
            dz[:, :, k] *= partner
        shown = o - o * self.tanh_c * self.tanh_c
        back, rows = xp.ascontiguousarray(self.U.data.T), dz.reshape(time, batch, 4 * hidden)
        dh = xp.ascontiguousarray(dh.swapaxes(0, 1))
        from_next = xp.zeros((batch, hidden), dtype=dh.dtype)
        dc = xp.zeros_like(from_next)
        for t in reversed(range(time)):
            from_next += dh[t]
            dc += from_next * shown[t]
            dz[t, :, :3] *= dc[:, None]
            dz[t, :, 3] *= from_next
            xp.matmul(rows[t], back, out=from_next)
            dc *= f[t]
        rows = rows.reshape(time * batch, 4 * hidden)
        self.W.grad += self.x.T @ rows
        self.U.grad += self.h[:-1].reshape(time * batch, hidden).T @ rows
        self.b.grad += rows.sum(axis=0)
        return (rows @ self.W.data.T).reshape(time, batch, -1).swapaxes(0, 1)
        ### END SOLUTION


# %% [markdown] hints="LSTMFusedGates"
# ### forward
# 1. Which part of a step's sums does not depend on the step before, and which array is contiguous in a step?
# 2. z[t] = (x W + b)[t] + h[t−1] U, (B, 4 H); c[t] = f c[t−1] + i g; h[t] = o tanh c[t]
# 3. Compute x W + b for all steps at once, time in front. In each step add one product for all gates, apply their
#    nonlinearities, and write c and h into arrays made before the loop.
#
# ### backward
# 1. Which factors of dz are known for all steps before the loop begins?
# 2. dc = dc + dh o (1 − tanh² c); dz = (dc g i(1 − i), dc c[t−1] f(1 − f), dc i(1 − g²), dh tanh c · o(1 − o));
#    dh[t−1] = dz Uᵀ, (B, 4 H) (4 H, H); dc[t−1] = dc f
# 3. Prepare the factors for all steps. In the loop from the last step multiply them by dc and dh, and compute both for
#    the step before. After it, one product each for dW, dU and dx.
#
# ### speed
# 1. How many calls of NumPy does one step make, and which of them could be made once for all steps?
# 2. Products with x: 1 in place of 4 · time; products with h: time in place of 4 · time
# 3. Move out of the loop what does not need the state, and treat all four gates in one call where that is possible.

# %%
check(LSTMFusedGates)

# %%
PlainLSTM = earlier("recurrent.LSTM")

with when_written():
    hidden_sizes = [8, 16, 32, 64, 128, 256]
    times = {"your LSTM of 07": [], "LSTMFusedGates": []}
    for hidden in hidden_sizes:
        rng = np.random.default_rng(0)
        x, dh = normal32(rng, 4, 64, hidden), normal32(rng, 4, 64, hidden)
        for kind, name in zip((PlainLSTM, LSTMFusedGates), times, strict=True):
            layer = kind(hidden, hidden, rng=rng)
            layer.astype("float32")

            def both_ways(layer=layer, x=x, dh=dh):
                layer.forward(x)
                layer.backward(dh)

            times[name].append(1e6 * seconds(both_ways, 5) / 64)
    ax = plt.subplots(figsize=(6.6, 3.4), layout="constrained")[1]
    for name, found in times.items():
        ax.plot(hidden_sizes, found, marker=".", label=name)
    ax.set(xscale="log", yscale="log", xlabel="units", ylabel="microseconds per step")
    ax.set_xticks(hidden_sizes, [str(size) for size in hidden_sizes])
    ax.minorticks_off()
    ax.legend(frameon=False)
    plt.show()

# %% [markdown]
# On the left a step costs what the calls cost; on the right what the products cost, and there fusing gains less.

# %% [markdown] question="layout"
# **Question: layout.** The parameters of `LSTMFusedGates` could also be stored as four matrices, `W_i`, `W_f`, `W_g`,
# `W_o`, or with the gates of *one unit* side by side (i, f, g, o of unit 0, then of unit 1, …). And the gates of all
# steps could be stored as (batch, time, 4 · hidden) in place of (time, batch, 4 · hidden). Say for each of these three
# alternatives what becomes slower in your code, and why. For which of them is there something that becomes simpler or
# faster?
#
# ### BEGIN SOLUTION
# *Four matrices (1 point):* four products of (batch, hidden) by (hidden, hidden) in each step in place of one. Each call
# has a fixed cost, and narrow products use the processor worse. It is simpler to read, and one gate can have other
# initial values.
#
# *Gates of one unit side by side (1 point):* still one product, but each gate is then every fourth column: views that
# skip memory, so that the elementwise operations are slower (every cache line is read four times, no vector
# instructions on contiguous numbers). It helps a hand-written kernel that treats one unit at a time: all it needs lies
# in one place.
#
# *(batch, time, …) (1 point):* a step is then `[:, t]`, rows far apart in memory: not contiguous, so `out=` and products
# have to copy, or run on strided memory. No transposition of x at the beginning and of h at the end is needed, which is
# one pass over each. With batch 1 both are the same.
# ### END SOLUTION

# %% [markdown]
# ## 14.5 merge_attention
#
# Attention reads a mean of values, weighted by a softmax over *all* keys. It seems that all scores have to exist before
# the first weight is known, because the softmax divides by a sum over all of them. It is not so. Let one part of the
# keys give the result $y_1$ with the logarithm of its sum $\ell_1 = \log \sum_j e^{s_j}$, another part $y_2$ and
# $\ell_2$. Then for all keys together
#
# $$ \ell = \log(e^{\ell_1} + e^{\ell_2}), \qquad y = e^{\ell_1 - \ell}\, y_1 + e^{\ell_2 - \ell}\, y_2 $$
#
# because $y_1 e^{\ell_1} = \sum_j e^{s_j} v_j$ is the sum before it was divided, and sums can be added. This is how
# attention is computed over keys that arrive piece by piece, or that lie on several machines.
#
# ```
#   keys 0 … 99     ──►  y₁ (…, queries, value_dim), ℓ₁ (…, queries)  ┐
#                                                                     ├──►  y, ℓ  of keys 0 … 199
#   keys 100 … 199  ──►  y₂, ℓ₂                                       ┘
# ```
#
# $e^{\ell_1}$ may overflow, so the larger of both logarithms is subtracted first. And a query that saw nothing in one
# part has $\ell = -\infty$ there: then the other part counts alone. Where both are $-\infty$, $y = 0$ and $\ell =
# -\infty$.
#
# *By hand:* scores 0 and $\ln 3$ in two parts of one key each, values 4 and 8. $\ell_1 = 0$, $\ell_2 = \ln 3$,
# $\ell = \ln 4$; $y = \frac14 \cdot 4 + \frac34 \cdot 8 = 7$.


# %%
def merge_attention(y1, lse1, y2, lse2):
    """What attention over all keys reads, from what it reads over two parts of them: (y, lse)

    Shapes
        y1, y2, y  (…, queries, value_dim)      lse1, lse2, lse  (…, queries): log Σ exp(score) over the keys of the part
    Finite for all finite numbers.  An lse of −∞ belongs to a query that sees no key of that part; then that part's y
    (which is finite) has no effect, and where both are −∞, y is 0 and lse is −∞.

    Source: Milakov & Gimelshein, Online Normalizer Calculation for Softmax (2018), section 3.1.
    """
    ### BEGIN SOLUTION
    xp = array_module(y1)
    most = xp.maximum(lse1, lse2)
    most = xp.where(most > -xp.inf, most, 0)
    w1, w2 = xp.exp(lse1 - most), xp.exp(lse2 - most)
    total = w1 + w2
    seen = total > 0
    share = 1 / xp.where(seen, total, 1)
    y = (w1 * share)[..., None] * y1 + (w2 * share)[..., None] * y2
    return y, xp.where(seen, most + xp.log(xp.where(seen, total, 1)), -xp.inf)
    ### END SOLUTION


# %% [markdown] hints="merge_attention"
# ### merge_attention
# 1. What was each y divided by, and what should it be divided by? What is −∞ − (−∞)?
# 2. a = max(ℓ₁, ℓ₂); w₁ = exp(ℓ₁ − a), w₂ = exp(ℓ₂ − a), (…, Q); y = (w₁ y₁ + w₂ y₂) / (w₁ + w₂); ℓ = a + log(w₁ + w₂)
# 3. Subtract the larger logarithm, or 0 where both are −∞. Weight both results with the exponentials, and divide by
#    their sum where it is not zero.

# %%
check(merge_attention)

# %% [markdown]
# ## 14.6 AttentionChunked
#
# The scores of attention are a matrix of all queries by all keys: twice the length is four times the memory, and
# backward needs the weights again. Yet what goes in and what comes out is only as long as the sequence. So do not keep
# the weights, and never make all scores at once: take some queries at a time.
#
# ```
#   q (…, queries, d)        k, v (…, keys, d)                     for each block of queries:
#     ┌──────┐                                                       scores (…, few, keys)   new, small
#     │ few  │  ──►  scores (few, keys) ──► weights ──► y (few, d)   y and lse of these queries
#     ├──────┤                                                       the scores are forgotten
#     │ few  │  ──►
#     └──────┘
# ```
#
# Forward keeps for each query the logarithm of the sum of its exponentials, one number:
# $\ell_q = \log \sum_k e^{s_{qk}}$. From it backward makes the weights again, exactly, without another maximum and
# another sum: $p_{qk} = e^{s_{qk} - \ell_q}$. The backward pass of a softmax needs $\sum_k p_{qk}\, dp_{qk}$ for each
# query. With $dp = dy\, v^\top$ that is a sum over the features, not over the keys:
#
# $$ D_q = \sum_k p_{qk} \sum_f dy_{qf} v_{kf} = \sum_f dy_{qf}\, y_{qf} $$
#
# so
#
# $$ ds = p \odot (dy\, v^\top - D), \qquad dq = \frac{ds\, k}{\sqrt d}, \qquad dk = \frac{ds^\top q}{\sqrt d}, \qquad dv = p^\top dy $$
#
# where $dk$ and $dv$ are sums over the blocks. (On a GPU the keys are cut as well, and `merge_attention` joins them: then
# even one block of scores fits into the memory of one processor.)
#
# *By hand:* one query, two keys with the scores $0$ and $\ln 3$, values $4$ and $8$: $\ell = \ln 4$, $p = (1/4, 3/4)$,
# $y = 7$. With $dy = 1$: $dp = (4, 8)$, $D = 7$, $ds = (-3/4, 3/4)$.
#
# **Graded:** for lengths from 512 to 4096, the memory of forward and backward grows at most like the length to the power
# 1.3 (the plain version: nearly 2). And at length 512 they take at most 1.5 × the time of the plain version: a loop over
# single queries is too slow.


# %%
class AttentionChunked(Layer):
    """ScaledDotProductAttention (09) without a matrix of all weights:  y = softmax(q kᵀ / √d) v, some queries at a time

    Shapes
        q  (…, queries, head_dim)      k  (…, keys, head_dim)      v  (…, keys, value_dim)
        y  (…, queries, value_dim)      lse  (…, queries)
    d is head_dim; there is no mask.  Finite for all finite scores.
    forward(q, k, v) returns y and sets self.lse to log Σ exp(score) of every query; backward(dy) returns (dq, dk, dv).

    Source: Rabe & Staats, Self-attention Does Not Need O(n²) Memory (2021); backward: Dao, Fu, Ermon, Rudra & Ré,
    FlashAttention (2022), algorithm 4.
    """

    def forward(self, q, k, v):
        ### BEGIN SOLUTION
        xp, queries = array_module(q), q.shape[-2]
        y = xp.empty((*q.shape[:-1], v.shape[-1]), dtype=q.dtype)
        lse, scale = xp.empty(q.shape[:-1], dtype=q.dtype), q.shape[-1] ** -0.5
        for first in range(0, queries, FEW):
            rows = slice(first, first + FEW)
            scores = (q[..., rows, :] * scale) @ k.swapaxes(-1, -2)
            most = scores.max(axis=-1, keepdims=True)
            scores -= most
            xp.exp(scores, out=scores)
            total = scores.sum(axis=-1, keepdims=True)
            y[..., rows, :] = scores @ v / total
            lse[..., rows] = (most + xp.log(total))[..., 0]
        self.q, self.k, self.v, self.y, self.lse = q, k, v, y, lse
        return y
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        xp, q, k, v = array_module(dy), self.q, self.k, self.v
        dq, dk, dv = (
            xp.empty(q.shape, dtype=q.dtype),
            xp.zeros(k.shape, dtype=k.dtype),
            xp.zeros(v.shape, dtype=v.dtype),
        )
        scale, queries = q.shape[-1] ** -0.5, q.shape[-2]
        for first in range(0, queries, FEW):
            rows = slice(first, first + FEW)
            some, error = q[..., rows, :] * scale, dy[..., rows, :]
            p = some @ k.swapaxes(-1, -2)
            p -= self.lse[..., rows, None]
            xp.exp(p, out=p)
            dv += p.swapaxes(-1, -2) @ error
            ds = error @ v.swapaxes(-1, -2)
            ds -= (error * self.y[..., rows, :]).sum(axis=-1, keepdims=True)
            ds *= p
            dk += ds.swapaxes(-1, -2) @ some
            dq[..., rows, :] = ds @ k * scale
        return dq, dk, dv
        ### END SOLUTION


FEW = 64
"""Queries in one block; given"""

# %% [markdown] hints="AttentionChunked"
# ### forward
# 1. Does the result of one query depend on other queries?
# 2. For a block of queries: s = q kᵀ / √d, (…, few, K); a = max s; e = exp(s − a); y = e v / Σ e; ℓ = a + log Σ e
# 3. Make y and ℓ as empty arrays. For each block of queries compute the scores, subtract their maximum, take the
#    exponentials in place, and fill the block's rows of y and ℓ.
#
# ### backward
# 1. Which two numbers per query are enough to make weights and their gradient again?
# 2. p = exp(s − ℓ), (…, few, K); D = Σ dy y over the features, (…, few); ds = p (dy vᵀ − D); dq = ds k / √d;
#    dk = Σ dsᵀ q / √d; dv = Σ pᵀ dy, sums over blocks
# 3. For each block of queries make the weights from the scores and ℓ, then ds. Fill the block's rows of dq, and add its
#    shares to dk and dv.
#
# ### speed
# 1. How many queries are there in one block?
# 2. few · keys: some ten thousand scores
# 3. Take some dozens of queries at once: their scores should fit into the cache.
#
# ### scaling
# 1. Which array has both lengths among its axes?
# 2. Block of scores: few · K numbers, which grow like K
# 3. Take a fixed number of queries in each block, and keep nothing of a block but its results.

# %%
check(AttentionChunked)

# %%
PlainAttention = earlier("attention.ScaledDotProductAttention")

with when_written():
    lengths = [128, 256, 512, 1024, 2048]
    ax = plt.subplots(figsize=(6.6, 3.4), layout="constrained")[1]
    for kind, name in ((PlainAttention, "your attention of 09"), (AttentionChunked, "AttentionChunked")):
        peaks = []
        for length in lengths:
            q, k, v, dy = normal32(np.random.default_rng(0), 4, 1, length, 32)

            def both_ways(kind=kind, q=q, k=k, v=v, dy=dy):
                layer = kind()
                layer.forward(q, k, v)
                layer.backward(dy)

            peaks.append(peak_bytes(both_ways) / 1e6)
        ax.plot(lengths, peaks, marker=".", label=name)
    ax.set(xscale="log", yscale="log", xlabel="length of the sequence", ylabel="megabytes at the peak")
    ax.set_xticks(lengths, [str(length) for length in lengths])
    ax.minorticks_off()
    ax.legend(frameon=False)
    plt.show()

# %% [markdown]
# On logarithmic axes a power is a straight line, and its slope is the exponent: 2 for the one, 1 for the other. That is the
# difference between a model that reads a page and one that reads a book.

# %% [markdown]
# ## 14.7 gradient_checkpoint
#
# Training keeps what every layer needs for backward, so that a network of 1,000 layers keeps 1,000 arrays. Most of them
# wait for a long time. **Checkpointing** keeps only some of them and computes the others again when backward arrives.
#
# ```
#   depth 9, segments of 3:     x0 → x1 → x2 → x3 → x4 → x5 → x6 → x7 → x8 → x9 = y
#   kept by forward:            x0              x3             x6
#   backward, last segment:                                    x6 → x7 → x8 again, then dx9 → dx8 → dx7 → dx6
#   backward, before it:                        x3 → x4 → x5 again, then dx6 → … → dx3
#   backward, first segment:    x0 → x1 → x2 again, then dx3 → … → dx0
# ```
#
# With segments of $s$ layers, $n / s$ checkpoints are kept, and within a segment up to $s$ more arrays:
# $n/s + s$, which is smallest for $s = \sqrt n$, where it is $2 \sqrt n$. The price is less than one more forward
# pass: each layer is computed at most twice. The gradients are *identical*: not approximately, but the same numbers,
# because the same operations run on the same inputs.
#
# Here a layer is a block without memory: `block.forward(x, w)` returns $y$ and keeps nothing; `block.backward(dy, x, w)`
# returns $(dx, dw)$ for the input that it is given. So what is kept is your decision alone.
#
# *By hand:* $n = 16$: all inputs are 16 arrays; segments of 4 need 4 checkpoints and 4 arrays of a segment (the first is
# the checkpoint itself), and $4 \cdot 3 = 12$ to 16 further calls of forward.
#
# **Graded:** for depths from 16 to 576 the memory grows at most like the depth to the power 0.57 (storing all: nearly 1), and
# `block.forward` is called at most twice per layer.


# %%
def gradient_checkpoint(x, weights, dy, *, block):
    """Forward and backward through a deep network that stores about 2 √depth of its inputs: (y, dx, dweights)

    Shapes
        x, dy, y, dx  (batch, features)      weights, dweights  (depth, features), depth 1 or more
    y is the output: x[k + 1] = block.forward(x[k], weights[k]) for k = 0 … depth − 1, from x[0] = x.
    dx, dweights: gradients for the gradient dy at the output, by dx, dw = block.backward(dy, x[k], weights[k]).
    Both functions of block return new arrays and keep nothing.  forward is called at most 2 · depth times in all, and
    backward depth times.

    Source: Chen, Xu, Zhang & Guestrin, Training Deep Nets with Sublinear Memory Cost (2016), section 4.
    """
    ### BEGIN SOLUTION
    depth = len(weights)
    length = max(1, round(depth**0.5))
    kept, y = [], x
    for k, w in enumerate(weights):
        if k % length == 0:
            kept.append(y)
        y = block.forward(y, w)
    dweights = array_module(weights).empty_like(weights)
    for first in reversed(range(0, depth, length)):
        last = min(first + length, depth)
        inputs = [kept.pop()]
        for k in range(first, last - 1):
            inputs.append(block.forward(inputs[-1], weights[k]))
        for k in reversed(range(first, last)):
            dy, dweights[k] = block.backward(dy, inputs.pop(), weights[k])
    return y, dy, dweights
    ### END SOLUTION


# %% [markdown] hints="gradient_checkpoint"
# ### gradient_checkpoint
# 1. Which input does backward need first, and from which kept one can it be computed?
# 2. s = √n: kept x₀, xₛ, x₂ₛ, …; within a segment x_k+1 = f(x_k, w_k), then dx_k, dw_k in reverse
# 3. Go forward and keep the input of every s-th layer. Then go through the segments from the last to the first: compute
#    the inputs of the segment again from its checkpoint, and use each of them once, in reverse.
#
# ### scaling
# 1. How many arrays are alive when backward is in the middle of a segment?
# 2. n / s + s, smallest at s = √n
# 3. Choose the length of a segment from the depth, and let go of each input as soon as it has been used.

# %%
check(gradient_checkpoint)


# %%
class ResidualBlock:
    """x + tanh(w x) / 20, a block without memory; given"""

    def forward(self, x, w):
        """The output for one input"""
        return x + 0.05 * array_module(x).tanh(w * x)

    def backward(self, dy, x, w):
        """The gradients at the input and at the weights"""
        t = array_module(x).tanh(w * x)
        share = 0.05 * dy * (1 - t * t)
        return dy + share * w, (share * x).sum(axis=0)


def storing_all(x, weights, dy, *, block):
    """The same as gradient_checkpoint, with all inputs stored; given"""
    inputs, dweights = [x], np.empty_like(weights)
    for w in weights:
        inputs.append(block.forward(inputs[-1], w))
    for k in reversed(range(len(weights))):
        dy, dweights[k] = block.backward(dy, inputs[k], weights[k])
    return inputs[-1], dy, dweights


with when_written():
    depths = [16, 64, 256, 1024]
    ax = plt.subplots(figsize=(6.6, 3.4), layout="constrained")[1]
    for run, name in ((storing_all, "all inputs stored"), (gradient_checkpoint, "gradient_checkpoint")):
        peaks = []
        for depth in depths:
            rng = np.random.default_rng(0)
            x, dy, weights = normal32(rng, 32, 256), normal32(rng, 32, 256), normal32(rng, depth, 256)
            peaks.append(
                peak_bytes(lambda run=run, x=x, w=weights, dy=dy: run(x, w, dy, block=ResidualBlock())) / x.nbytes
            )
        ax.plot(depths, peaks, marker=".", label=name)
    ax.plot(depths, 2 * np.sqrt(depths), color="grey", linestyle=":", label="2 √depth")
    ax.set(xscale="log", yscale="log", xlabel="depth", ylabel="peak, in arrays like x")
    ax.set_xticks(depths, [str(depth) for depth in depths])
    ax.minorticks_off()
    ax.legend(frameon=False)
    plt.show()

# %% [markdown]
# ## 14.8 cosine_topk_blocked
#
# A search: for each of many queries the $k$ most similar of many vectors, by the cosine. The plain way is one product,
# all cosines at once, then the best $k$ of each row. For 10,000 queries among 100,000 vectors these are 4 gigabytes of
# cosines, of which 100,000 numbers are of interest, and their order takes twice as much again (indices have 8 bytes).
#
# ```
#   queries (Q, features)          vectors (V, features)
#   ┌─────┐
#   │ few │ ──►  cosines (few, V) ──►  the best k of each row  ──►  ids (few, k), similarities (few, k)
#   ├─────┤                                                         the cosines are forgotten
#   │ few │ ──►
#   └─────┘
# ```
#
# Do not sort what nobody reads: `argpartition` finds the $k$ largest of a row in time proportional to its length, and
# only these $k$ are sorted.
#
# *By hand:* vectors $(1, 0)$, $(0, 2)$, $(3, 3)$, query $(0, 1)$, $k = 2$: cosines $0$, $1$, $0.707$; ids $(1, 2)$,
# similarities $(1, 0.707)$.
#
# **Graded:** for 1,024 queries among 4,096 vectors at most a fifth of the memory of the plain version; and with as many
# queries as vectors, from 768 to 6,144, the memory grows at most like their number to the power 1.3 (the plain version:
# nearly 2). Beware of views: `best[:, :k]` of a large array keeps all of it in memory.


# %%
def cosine_topk_blocked(vectors, queries, k):
    """The k most similar vectors of each query by the cosine, and their cosines: (ids, similarities)

    Shapes
        vectors  (V, features)      queries  (Q, features)      ids  (Q, k), integers      similarities  (Q, k)
    k: from 1 to V.  Each row begins with the most similar; of equally similar vectors any may come first.  The cosine
    with a vector of zeros is 0.

    Source: Johnson, Douze & Jégou, Billion-scale Similarity Search with GPUs (2017), section 2.
    """
    ### BEGIN SOLUTION
    xp, count = array_module(vectors), len(queries)
    directions = vectors / unit_or_length(vectors)
    ids = xp.empty((count, k), dtype="int64")
    similarities = xp.empty((count, k), dtype=vectors.dtype)
    for first in range(0, count, QUERIES):
        rows = slice(first, first + QUERIES)
        some = queries[rows]
        cosines = (some / unit_or_length(some)) @ directions.T
        best = xp.argpartition(cosines, -k, axis=1)[:, -k:]
        values = xp.take_along_axis(cosines, best, axis=1)
        order = xp.argsort(-values, axis=1)
        ids[rows] = xp.take_along_axis(best, order, axis=1)
        similarities[rows] = xp.take_along_axis(values, order, axis=1)
    return ids, similarities
    ### END SOLUTION


QUERIES = 32
"""Queries in one block; given"""


def unit_or_length(rows):
    """The length of each row as a column, 1 for a row of zeros; given"""
    xp = array_module(rows)
    lengths = xp.sqrt((rows * rows).sum(axis=1, keepdims=True))
    return xp.where(lengths > 0, lengths, 1)


# %% [markdown] hints="cosine_topk_blocked"
# ### cosine_topk_blocked
# 1. What is left of a row of cosines when its best k are known?
# 2. c = (q / ‖q‖) · (v / ‖v‖), (few, V); the k largest of each row, in falling order
# 3. Divide the vectors by their lengths once. For each block of queries compute the cosines, find the best k of each row
#    without sorting the row, sort only these, and fill the block's rows of both results.
#
# ### memory
# 1. Which array is as large as queries times vectors?
# 2. Block: few · V cosines, and as many indices
# 3. Take some dozens of queries at once, and keep of each block only its best k.
#
# ### scaling
# 1. What grows with both numbers at the same time?
# 2. few · V cosines; results Q · k; directions V · features
# 3. Take a fixed number of queries at once, and copy what you keep of a block, so that the block itself can go.

# %%
check(cosine_topk_blocked)

# %% [markdown]
# ## What limits each piece
#
# A **roofline** is a picture of a machine and of programs on it. Right across goes the *intensity* of a program: the
# operations that it makes for each byte that has to travel. Upwards goes what it reaches, in operations per second. No
# program can be above the roof: on the left memory is the limit (bytes per second times intensity), on the right the
# processor. Where the roof bends, a program needs both.
#
# Below, the roof is measured by a large product of matrices and by a large copy, on your machine. Each point is one of
# your pieces, with the operations of its formula and the bytes of its inputs and results, each counted once.


# %%
@cache
def roof():
    """Operations per second of a large product, bytes per second of a large copy; given"""
    a, b = normal32(np.random.default_rng(0), 2, 1024, 1024)
    source = np.ones(1 << 24, "float32")
    target = np.empty_like(source)
    return 2 * 1024**3 / seconds(lambda: a @ b), 2 * source.nbytes / seconds(lambda: np.copyto(target, source))


def both_ways(layer, *inputs, dy=None):
    """A call of forward and backward; given"""

    def run():
        layer.forward(*inputs)
        layer.backward(*([] if dy is None else [dy]))

    return run


def pieces():
    """Name, operations, bytes and run of each piece; given"""
    rng = np.random.default_rng(0)
    parameter = Parameter(normal32(rng, 1 << 22))
    yield "AdamInPlace", 13 * parameter.size, 28 * parameter.size, AdamInPlace([parameter]).step
    scores, labels = normal32(rng, 512, 1000), rng.integers(1000, size=512)
    loss = SoftmaxCrossEntropyFused()
    yield "cross-entropy", 6 * scores.size, 8 * scores.size, both_ways(loss, scores, labels)
    conv, x, dy = Conv2dFast(16, 32, 3, 1, rng=rng), normal32(rng, 16, 16, 28, 28), normal32(rng, 16, 32, 28, 28)
    conv.astype("float32")
    yield "convolution", 6 * dy.size * 16 * 9, 8 * (x.size + dy.size), both_ways(conv, x, dy=dy)
    lstm, x = LSTMFusedGates(64, 64, rng=rng), normal32(rng, 8, 64, 64)
    lstm.astype("float32")
    yield "LSTM", 6 * 512 * 128 * 256, 16 * x.size + 12 * 128 * 256, both_ways(lstm, x, dy=x)
    q, k, v, dy = normal32(rng, 4, 4, 512, 32)
    yield "attention", 14 * 4 * 512 * 512 * 32, 32 * q.size, both_ways(AttentionChunked(), q, k, v, dy=dy)


with when_written():
    operations, transfer = roof()
    intensity = np.logspace(-1.5, 3, 100)
    ax = plt.subplots(figsize=(7, 3.9), layout="constrained")[1]
    ax.plot(intensity, np.minimum(operations, transfer * intensity) / 1e9, color="black", label="roof")
    for name, count, size, run in pieces():
        reached = count / seconds(run, 5) / 1e9
        ax.plot(count / size, reached, marker="o", linestyle="none", label=name)
    ax.set(xscale="log", yscale="log", xlabel="operations per byte", ylabel="10⁹ operations per second")
    ax.legend(frameon=False, loc="lower right", fontsize=9)
    plt.show()

# %% [markdown] question="roofline"
# **Question: roofline.** Look at the picture of your own pieces. (a) Which of them are limited by memory and which by the
# processor, according to the roof above them? (b) One piece lies far below the roof, although its intensity is high: which
# one is it on your machine, and what limits it, if neither memory nor the processor does? (c) The plain version of one
# piece has the same operations and more bytes. Where would its point lie, and why do operations not say which of the two
# is faster?
#
# ### BEGIN SOLUTION
# (a) *1 point.* Adam and the cross-entropy have an intensity of about one half and lie under the slope: memory limits
# them. Convolution, attention and the LSTM have intensities of ten and more and lie under the flat part: the processor
# could be the limit.
#
# (b) *1 point.* Usually the LSTM: its steps depend on each other, and each is a product of a few rows and some calls on
# small arrays. What limits it is the cost of calls (of Python and of NumPy) and the small size of each product, that is
# latency; neither bytes nor operations. (Also full marks for another piece that does lie lowest, with a reason from the
# code: copies of windows in the convolution, exponentials in attention, which are counted as one operation each and
# cost many.)
#
# (c) *1 point.* Further to the left, since each intermediate array adds bytes, and lower by as much as memory limits it. The
# operations are the same, so the time differs only by what is moved: an operation on a number that is in the cache is
# nearly free.
# ### END SOLUTION

# %% [markdown]
# ## 14.9 train_fast
#
# Now the pieces together, on the training of 05, without what draws random numbers there: Linear layers with ReLU
# between them, cross-entropy with smoothed labels, Adam, and a learning rate that falls along half a cosine. Given are
# the parameters, the rows of every batch, and nothing else. Write the whole loop, as fast as you can:
#
# ```
#   for each row of order, t = 0, 1, … steps − 1:
#       xb = x[order[t]] ──► Linear ──► ReLU ──► Linear ──► … ──► scores ──► loss[t]
#                 gradients of this batch only, then one step of Adam at the rate  lr · ½ (1 + cos(π t / steps))
# ```
#
# Where does the time go in a small network? For 784 inputs and 256 units, the products of a batch of 16 read each weight
# three times. The plain update of Adam reads or writes each parameter two dozen times. So begin with what you have:
# `AdamInPlace` and `SoftmaxCrossEntropyFused`. Then look for work that nobody needs:
#
# - Who reads the gradient at the input of the *first* layer? For images it is one of the larger products.
# - Gradients that are first set to zero and then added to could be written, with `out=`.
# - Outputs of the layers have the same shapes in every step.
#
# What must not change are the numbers: each loss as the plain training has it, to $10^{-6}$.
#
# *By hand:* one layer, $W = 0$, $b = 0$, two classes, no smoothing: the first loss is $\log 2$ for whatever x. With
# $x = 1$, label 0, $lr = 0.1$ and 2 steps: the gradient is $(-\frac12, \frac12)$, Adam's first step has the length of the
# rate, so $W = b = (0.1, -0.1)$. The scores are then $(0.2, -0.2)$, the second loss $\log(1 + e^{-0.4}) = 0.513$, and
# the second rate $0.1 \cdot \frac12 (1 + \cos \frac\pi2) = 0.05$.
#
# **Graded:** for 784-512-10 and batches of 16, at most $\frac{1}{1.5}$ of the time of the plain training.


# %%
def train_fast(x, y, order, *, parameters, lr, label_smoothing=0.0):
    """Train a network of Linear layers with ReLU between them; return the loss of every batch, before its step

    Shapes
        x  (samples, in_features)      y  (samples,), integers from 0      order  (steps, batch), rows of x and y
        losses  (steps,), in the dtype of x
    parameters: [W₁, b₁, W₂, b₂, …], each a Parameter, W (in, out) and b (out,): they are trained, in place.  Gradients
    that they have before count as zero; those afterwards are nobody's concern.
    Each step: the loss of the batch (SoftmaxCrossEntropy of 03 with this label_smoothing), its gradients, and one step
    of Adam (04; betas 0.9 and 0.999, eps 10⁻⁸) at the rate lr · ½ (1 + cos(π t / steps)), t = 0 at the first step.
    """
    ### BEGIN SOLUTION
    xp, steps, batch = array_module(x), len(order), order.shape[1]
    loss, optimizer = SoftmaxCrossEntropyFused(label_smoothing), AdamInPlace(parameters, lr)
    weights, biases = parameters[::2], parameters[1::2]
    outputs = [xp.empty((batch, W.shape[1]), dtype=x.dtype) for W in weights]
    errors = [xp.empty_like(each) for each in outputs]
    losses = xp.empty(steps, dtype=x.dtype)
    for t, rows in enumerate(order):
        inputs = [x[rows], *outputs[:-1]]
        for k, (W, b, z) in enumerate(zip(weights, biases, outputs, strict=True)):
            xp.matmul(inputs[k], W.data, out=z)
            z += b.data
            if k < len(weights) - 1:
                xp.maximum(z, 0, out=z)
        losses[t] = loss.forward(outputs[-1], y[rows])
        dz = loss.backward()
        for k in reversed(range(len(weights))):
            xp.matmul(inputs[k].T, dz, out=weights[k].grad)
            xp.sum(dz, axis=0, out=biases[k].grad)
            if k:
                xp.matmul(dz, weights[k].data.T, out=errors[k - 1])
                errors[k - 1] *= inputs[k] > 0
                dz = errors[k - 1]
        optimizer.lr = lr * 0.5 * (1 + np.cos(np.pi * t / steps))
        optimizer.step()
    return losses
    ### END SOLUTION


# %% [markdown] hints="train_fast"
# ### train_fast
# 1. Which arrays of a step could be those of the step before, and which gradient does nobody read?
# 2. z₁ = x W₁ + b₁, h₁ = max(0, z₁), …; dWₖ = hₖ₋₁ᵀ dzₖ, dbₖ = Σ dzₖ, dzₖ₋₁ = (dzₖ Wₖᵀ) ⊙ [hₖ₋₁ > 0];
#    rate = lr · ½ (1 + cos(π t / steps))
# 3. Make arrays for all outputs and errors before the loop. In each step write products into them and gradients into
#    those of the parameters, stop before the input of the first layer, set the rate and take one step of your optimizer.
#
# ### speed
# 1. What share of a step is the optimizer, what share are products?
# 2. Adam: 13 operations on each parameter in the cache; products: 3 for each layer, 2 for the first
# 3. Use your optimizer that works in blocks, your loss that keeps its gradient, and write gradients in place of adding.

# %%
check(train_fast)

# %%
PlainLoss = earlier("losses.SoftmaxCrossEntropy")
Linear, ReLU, Sequential = earlier("layers.Linear"), earlier("layers.ReLU"), earlier("layers.Sequential")


def first_parameters(sizes, rng):
    """Initial values of [W₁, b₁, W₂, b₂, …]; given"""
    found = []
    for n_in, n_out in pairwise(sizes):
        found += [rng.normal(0, (2 / n_in) ** 0.5, (n_in, n_out)).astype("float32"), np.zeros(n_out, "float32")]
    return [Parameter(each) for each in found]


def train_plainly(x, y, order, *, parameters, lr, label_smoothing=0.0):
    """The same training with your layers, loss and optimizer of 02 to 04; given"""
    layers = []
    for W, b in zip(parameters[::2], parameters[1::2], strict=True):
        layer = Linear(*W.shape, rng=np.random.default_rng(0))
        layer.W, layer.b = W, b
        layers += [layer, ReLU()]
    model, loss, optimizer = Sequential(layers[:-1]), PlainLoss(label_smoothing), PlainAdam(parameters, lr)
    losses = []
    for t, rows in enumerate(order):
        losses.append(loss.forward(model.forward(x[rows]), y[rows]))
        optimizer.zero_grad()
        model.backward(loss.backward())
        optimizer.lr = lr * 0.5 * (1 + np.cos(np.pi * t / len(order)))
        optimizer.step()
    return np.array(losses)


with when_written():
    data = mnist()
    x, y = data.x_train[:500].reshape(500, -1), data.y_train[:500]
    rng = np.random.default_rng(0)
    order = np.concatenate([rng.permutation(500)[:496].reshape(-1, 16) for _ in range(10)])
    curves, times = {}, {}
    for run, name in ((train_plainly, "pieces of 02 to 04"), (train_fast, "train_fast")):
        start = time.process_time()
        parameters = first_parameters((784, 512, 10), np.random.default_rng(1))
        curves[name] = run(x, y, order, parameters=parameters, lr=0.001, label_smoothing=0.1)
        times[name] = time.process_time() - start
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.3), layout="constrained", width_ratios=(2, 1))
    for (name, losses), style in zip(curves.items(), ("-", ":"), strict=True):
        left.plot(losses, style, label=name, linewidth=2)
    left.set(xlabel="step", ylabel="loss of the batch")
    left.legend(frameon=False)
    right.bar(list(times), list(times.values()), color=["C0", "C1"])
    right.set(ylabel="seconds of CPU")
    plt.show()
    first, second = curves.values()
    print(f"largest difference of two losses: {abs(first - second).max():.1e} (in float32)")

# %% [markdown]
# One curve, twice. (Your pieces of 02 to 04 may be fast already; the plain version that your work is measured against is
# as simple as the formulas.)

# %% [markdown]
# ## 14.10 RingWorker (bonus)
#
# Several machines train one network, each on its own rows. After every batch each needs the *sum* of all gradients: an
# *all-reduce*. If everybody sends its gradient to one machine, that one receives $n - 1$ times the whole size and is the
# bottleneck. In a **ring** each sends to its neighbour only, and everybody is busy all the time:
#
# ```
#   3 workers, arrays of 3 pieces (a, b, c):
#
#   share and add, n − 1 rounds:      worker 0        worker 1        worker 2
#     r = 0: sends to the next          a0              b1              c2
#            adds what arrived          c0+c2           a1+a0           b2+b1
#     r = 1: sends                      c0+c2           a0+a1           b1+b2
#            adds                       b0+b1+b2        c0+c1+c2        a0+a1+a2      each has one whole sum
#   pass on, n − 1 rounds:            everybody sends the whole sum that arrived last, and stores what arrives
# ```
#
# In each round a worker sends one piece, $1/n$ of the array, so in all $2 (n - 1) / n$ of it: less than twice its size,
# however many workers there are.
#
# You write one worker. It knows its own array, its place `rank` and how many workers there are; of the others it knows
# what arrives, and nothing else. When it is graded, the grader plays the others: it receives what your worker sends and
# delivers what the neighbour would have sent.
#
# *By hand:* 4 workers, arrays of 8 numbers in float64 (64 bytes): pieces of 2 numbers, 3 + 3 rounds, 6 pieces of 16 bytes:
# each worker sends 96 bytes. Everything to one worker and back: that one receives 192 and sends 192. Worker 1 sends in
# its first two rounds the pieces 1 and 0, and what arrives are the pieces 0 and 3.


# %%
class RingWorker:
    """One of the workers of a ring in which each sends to the next one only, until all have the sum of all arrays

    numbers: (length,), its own array, which stays as it is; workers: how many there are; rank: 0 … workers − 1, its place.
    Piece k of an array goes from length · k // workers up to length · (k + 1) // workers; it may be empty.
    In the rounds r = 0 … 2 (workers − 1) − 1 every worker first sends piece (rank − r) mod workers to the next one (the
    last one to worker 0); then it receives what the one before has sent.  A worker alone has no rounds.
    self.numbers: (length,), its array as it is now; after the last round the sum of all.

    Source: Patarasuk & Yuan, Bandwidth Optimal All-reduce Algorithms for Clusters of Workstations (2009), section 4.
    """

    def __init__(self, numbers, *, rank, workers):
        self.numbers, self.rank, self.workers = numbers.copy(), rank, workers

    def send(self, r):
        """The piece that it sends in round r, as it is now (a view or a copy)"""
        ### BEGIN SOLUTION
        k, length = (self.rank - r) % self.workers, len(self.numbers)
        return self.numbers[length * k // self.workers : length * (k + 1) // self.workers]
        ### END SOLUTION

    def receive(self, arrived, r):
        """Take in what has arrived in round r: add it in the first half of the rounds, store it in the second

        arrived: the piece that the worker before has sent in this round; it stays as it is.
        """
        ### BEGIN SOLUTION
        k, length = (self.rank - 1 - r) % self.workers, len(self.numbers)
        piece = slice(length * k // self.workers, length * (k + 1) // self.workers)
        if r < self.workers - 1:
            self.numbers[piece] += arrived
        else:
            self.numbers[piece] = arrived
        ### END SOLUTION


# %% [markdown] hints="RingWorker"
# ### send
# 1. Which piece is it in round 0, and in which direction do the pieces follow one another?
# 2. k = (rank − r) mod workers
# 3. Compute the number of the piece, then its two ends in the array, and give this part of the array.
#
# ### receive
# 1. Which piece has the worker before sent, and is it a part of the sum or the whole?
# 2. k = (rank − 1 − r) mod workers; rounds 0 … n − 2 add, the n − 1 rounds after them replace
# 3. Find the ends of the piece that the neighbour has sent. In the first half add what arrives to your own numbers there;
#    in the second half write it over them.

# %%
check(RingWorker)

# %%
with when_written():
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(4, 8))
    team = [RingWorker(part, rank=n, workers=4) for n, part in enumerate(parts)]
    sent = 0
    for r in range(6):
        pieces = [each.send(r).copy() for each in team]
        sent += pieces[0].nbytes
        for n, each in enumerate(team):
            each.receive(pieces[n - 1], r)
    print(
        f"worker 0 sent {sent} bytes; largest error {max(abs(each.numbers - parts.sum(axis=0)).max() for each in team):.1e}"
    )

# %% [markdown]
# ## 14.11 silu_kernel (bonus, on a GPU)
#
# On a GPU every operation on an array starts a *kernel*, a program that thousands of threads run at once, and every
# intermediate result goes through the memory of the device. `x / (1 + exp(-x))` is four kernels with three intermediate
# arrays. CuPy compiles one for you, from the types of its arguments and one line of C for one element:
#
# ```
#   kernel = xp.ElementwiseKernel("T x", "T y", "y = …", "name")       T: whatever the array's type is
#   y = kernel(x)                                                       y is made for you
# ```
#
# Without a GPU nothing can be compiled. The check then says so, and costs nothing; with one, run
# `autograder check 14_performance --backend cupy`.
#
# *By hand:* $\text{silu}(0) = 0$, $\text{silu}(1) = 1 / (1 + e^{-1}) = 0.731$.


# %%
def silu_kernel(x):
    """X · σ(x) = x / (1 + exp(−x)), element by element, by one kernel compiled with ElementwiseKernel

    Shapes
        x, y  any, float32 or float64, arrays of CuPy: ``array_module(x)`` is then cupy
    For numbers of any size (−1000 gives 0).

    Source: Okuta et al., CuPy: A NumPy-Compatible Library for NVIDIA GPU Calculations (2017), section 3.
    """
    ### BEGIN SOLUTION
    kernel = array_module(x).ElementwiseKernel("T x", "T y", "y = x / (1 + exp(-x))", "silu")
    return kernel(x)
    ### END SOLUTION


# %% [markdown] hints="silu_kernel"
# ### silu_kernel
# 1. What is the C expression for one element, and what is its type?
# 2. y = x / (1 + exp(−x))
# 3. Get the library from the array, build the kernel with one input and one output of type T, and call it.

# %%
check(silu_kernel)

# %% [markdown]
# ## 14.12 softmax_kernel (bonus, on a GPU)
#
# A softmax is not element by element: each row has a maximum and a sum. A `RawKernel` is a whole program in CUDA C, in
# which you say what each *thread* does. Threads come in blocks; those of one block share a small fast memory
# (`__shared__`) and can wait for each other (`__syncthreads()`). One block per row is a good plan:
#
# ```
#   block r = row r,  threads t = 0 … 255
#     1. each thread takes the maximum of columns t, t + 256, t + 512, …       part[t]
#     2. half of the threads take the larger of part[t] and part[t + 128], then a quarter …   the maximum is in part[0]
#     3. the same with sums of exp(x − maximum)
#     4. each thread writes y at its columns
# ```
#
# `kernel((rows,), (256,), (x, y, columns))` starts it: blocks, threads in each, arguments. Numbers are passed as
# `numpy.int32(columns)`. Between steps all threads have to wait, or some read what others have not written yet.
#
# *By hand:* a row of 3 columns and 4 threads: part = (x₀, x₁, x₂, −∞) after step 1; thread 0 takes max(x₀, x₂), thread 1
# max(x₁, −∞), then thread 0 takes the larger of both.


# %%
def softmax_kernel(x):
    """Softmax of every row by one RawKernel, one block of threads per row

    Shapes
        x, y  (rows, columns), float32 or float64, C-contiguous arrays of CuPy; at least one row and one column
    Finite for all finite numbers.

    Source: NVIDIA, CUDA C++ Programming Guide, shared memory and synchronization; the reduction: Harris, Optimizing
    Parallel Reduction in CUDA (2007).
    """
    ### BEGIN SOLUTION
    code = r"""
    extern "C" __global__ void softmax_rows(const T* x, T* y, const int columns) {
        __shared__ T part[256];
        const int t = threadIdx.x;
        const T* row = x + (long long) blockIdx.x * columns;
        T* out = y + (long long) blockIdx.x * columns;
        T most = row[0];
        for (int c = t; c < columns; c += 256) most = row[c] > most ? row[c] : most;
        part[t] = most;
        __syncthreads();
        for (int half = 128; half > 0; half /= 2) {
            if (t < half && part[t + half] > part[t]) part[t] = part[t + half];
            __syncthreads();
        }
        most = part[0];
        __syncthreads();
        T total = 0;
        for (int c = t; c < columns; c += 256) total += exp(row[c] - most);
        part[t] = total;
        __syncthreads();
        for (int half = 128; half > 0; half /= 2) {
            if (t < half) part[t] += part[t + half];
            __syncthreads();
        }
        for (int c = t; c < columns; c += 256) out[c] = exp(row[c] - most) / part[0];
    }
    """
    xp = array_module(x)
    number = "float" if x.dtype == np.float32 else "double"
    kernel = xp.RawKernel(code.replace("T*", f"{number}*").replace("T ", f"{number} "), "softmax_rows")
    y = xp.empty_like(x)
    kernel((x.shape[0],), (256,), (x, y, np.int32(x.shape[1])))
    return y
    ### END SOLUTION


# %% [markdown] hints="softmax_kernel"
# ### softmax_kernel
# 1. Which thread may read part[0], and when is it complete?
# 2. a = max of the row, S = Σ exp(x − a), y = exp(x − a) / S, one block of 256 threads per row
# 3. Let each thread collect its columns, combine the results of all threads in halves with a barrier after each, read the
#    result, put a barrier before the shared memory is used again, and do the same for the sum.

# %%
check(softmax_kernel)

# %% [markdown]
# ## The leaderboard
#
# Your instructor may publish what everybody's code costs beside the plain versions. You are on that page only if you give
# a name here, under which you will appear: any name that the others need not know. It changes no mark.

# %%
LEADERBOARD_NAME = ""

# %% [markdown]
# ## What remains
#
# None of this changed a number. You wrote the same functions again and chose what is in memory, when, and for how long.
# What you did by hand, compilers for arrays do from the formula: `torch.compile` and XLA fuse chains of operations, choose
# layouts, decide what backward computes again. They begin with a graph of the operations, and that graph is what the next
# assignment builds.
