# %% [markdown]
# # 05 · Regularization
#
# A network with more weights than samples can memorize its training data. What you need is the opposite: correct
# answers on data that it has *not* seen. The gap between the two is called overfitting, and this assignment is about
# methods that reduce it.
#
# **How it comes about.** The loss that you can measure is a mean over the training samples; the loss that matters is
# the expectation over all possible samples. For *one fixed* function the first is an unbiased estimate of the second.
# But training searches for the function with the smallest training loss, and among millions of functions there is
# always one that fits by chance: the noise, the one odd pixel, the wrong label. The more freedom and the fewer samples,
# the more often that happens.
#
# **What can be done.** Every method removes freedom that the task does not need, or adds knowledge that the samples do
# not show:
#
# | method | idea | here |
# |---|---|---|
# | initial values | start where signals and gradients keep their size, or nothing is learned at all | 5.1 – 5.3 |
# | dropout | no unit may rely on one other unit | 5.4 |
# | normalization | every feature keeps its mean and its scale while the earlier layers change | 5.5, 5.6 |
# | L2 penalty | among equally good weights, prefer small ones | 5.7 |
# | early stopping | what is learned last is mostly noise | 5.8 |
# | augmentation | a digit moved by a pixel is the same digit | 5.9 |
# | mixup | between two samples, the answer lies between theirs | 5.10 |
#
# (Strictly, the first and the third make *training possible*; they are here because they are used together with the
# others.) The hardest backward pass of the assignment is that of `BatchNorm`: every output depends on every row of the
# batch, and the derivation is in 5.5. At the end you improve a network that has memorized 500 digits, step by step.
#
# | | |
# |---|---|
# | Time | about 7 hours |
# | You will be able to | say what each method removes or adds, and when it does harm; choose initial weights from variances; derive a backward pass in which every output depends on every input; write code for two modes; draw random numbers so that a run can be repeated; judge whether a method helped or was lucky |
# | Builds on | `Flatten`, `Linear`, `ReLU`, `Sequential` (02), `SoftmaxCrossEntropy` (03), `Adam`, `CosineAnnealing` (04), for the capstone |
# | Next | convolution (06) |
#
# | here | PyTorch |
# |---|---|
# | `normal_init`, `xavier_init`, `he_init` | `torch.nn.init.normal_`, `xavier_uniform_`, `kaiming_normal_` |
# | `Dropout` | `torch.nn.Dropout` |
# | `BatchNorm` | `torch.nn.BatchNorm1d`, `BatchNorm2d` |
# | `LayerNorm` | `torch.nn.LayerNorm` |
# | `L2Penalty` | `weight_decay` of an optimizer, with parameter groups for what is not penalized |
# | `EarlyStopping` | none; Lightning and Keras have callbacks of this name |
# | `random_shift`, `random_flip`, `random_crop`, `gaussian_noise` | `torchvision.transforms.v2.RandomAffine`, `RandomHorizontalFlip`, `RandomCrop`, `GaussianNoise` (of single images) |
# | `Mixup` | `torchvision.transforms.v2.MixUp` |
#
# **Further reading.** [Goodfellow, Bengio & Courville, *Deep Learning*](https://www.deeplearningbook.org) (2016),
# chapter 7. [Glorot & Bengio](https://proceedings.mlr.press/v9/glorot10a.html) (2010), on initial values.
# [Srivastava et al., *Dropout*](https://jmlr.org/papers/v15/srivastava14a.html) (2014).
# [Ioffe & Szegedy, *Batch Normalization*](https://arxiv.org/abs/1502.03167) (2015).

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
import math
from functools import cache

import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Layer, Loss, Parameter, array_module, asarray, ones, plotting, zeros
from dlkit.course import earlier, when_written
from dlkit.datasets import mnist
from dlkit.training import accuracy, predict

# %% [markdown]
# A small example of overfitting: twelve noisy measurements of a sine, and polynomials of three degrees fitted to them.
# The last one has as many coefficients as there are points, goes through every point, and is useless between them.

# %%
rng = np.random.default_rng(3)
x = np.linspace(-1, 1, 12)
y = np.sin(3 * x) + rng.normal(0, 0.25, x.size)
line = np.linspace(-1, 1, 400)
figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained", sharey=True)
for degree, ax in zip((1, 3, 11), axes, strict=True):
    curve = np.polynomial.Chebyshev.fit(x, y, degree, domain=[-1, 1])
    ax.plot(line, np.sin(3 * line), "--", color="gray", label="the truth")
    ax.plot(line, curve(line), color=plotting.COLOURS[0], label="the fit")
    ax.plot(x, y, "o", color=plotting.COLOURS[1], label="the samples")
    seen, unseen = ((curve(x) - y) ** 2).mean(), ((curve(line) - np.sin(3 * line)) ** 2).mean()
    ax.set(
        title=f"degree {degree}: error {seen:.3f} on the samples,\n{unseen:.3f} against the truth",
        ylim=(-2.5, 2.5),
        xticks=(-1, 0, 1),
    )
axes[0].legend(loc="upper left")
plt.show()


# %% [markdown]
# ## 5.1 Initial values: normal_init
#
# Before the first step the weights are random, and they have to be: if all units of a layer were equal, they would get
# the same gradient and stay equal forever. The question is how large the weights should be. The simplest answer is a
# fixed standard deviation,
#
# $$ W_{ij} \sim \mathcal N(0, \sigma^2), $$
#
# 0.01 in the networks of 2012. It is the baseline for the two that follow, and the picture below shows what happens
# with it in twenty layers.
#
# The generator `rng` draws in CPU memory. Draw from it, then move the numbers to the active device with `asarray(…)`.
# So the same seed gives the same weights on every device.
#
# *By hand:* `normal_init((2, 3), std=0.5, rng=rng)` is a 2 × 3 array. Of many such numbers 68 % lie between −0.5 and
# 0.5, and 95 % between −1 and 1.

# %%
def normal_init(shape, std=0.01, *, rng):
    """Initial weights, normal with mean 0 and standard deviation ``std``

    Shapes
        result  ``shape``, float64, on the active device (asarray)
    std: greater than 0. rng: a numpy.random.Generator, the only source of randomness; every call draws new numbers.

    Source: Krizhevsky, Sutskever & Hinton, ImageNet Classification with Deep Convolutional Neural Networks (2012),
    section 5.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(normal_init)


# %% [markdown]
# ## 5.2 xavier_init
#
# What happens to the *size* of a signal in a layer? Let $y_j = \sum_i x_i W_{ij}$ with $n_{in}$ independent terms, all
# $W_{ij}$ with mean zero. The terms are uncorrelated, so their variances add up:
#
# $$ \operatorname{Var} y_j = \sum_{i=1}^{n_{in}} \operatorname{E}[x_i^2] \operatorname{Var} W_{ij}
#    = n_{in} \operatorname{Var} W \cdot \operatorname{E}[x^2] $$
#
# Each layer multiplies the mean square by $n_{in} \operatorname{Var} W$. Twenty layers do this twenty times: with 256
# inputs and $\sigma = 0.01$ the factor is $0.0256$ per layer, and $10^{-32}$ after twenty. To keep the size of the
# signal, $\operatorname{Var} W = 1/n_{in}$.
#
# In the backward pass, $dx_i = \sum_j dy_j W_{ij}$ is a sum of $n_{out}$ terms, and the same argument requires
# $\operatorname{Var} W = 1/n_{out}$. Both at once is only possible where the layer is square; Glorot and Bengio take
# the harmonic mean of the two,
#
# $$ \operatorname{Var} W = \frac{2}{n_{in} + n_{out}} $$
#
# **Fan in, fan out.** $n_{in}$ counts the terms in the sum of one output, $n_{out}$ the outputs that depend on one
# input. In a `Linear` of this course W is (in, out), so these are its two lengths. A convolution's W is (out, in, kh,
# kw), and one output sums over in · kh · kw numbers; one input affects out · kh · kw.
#
# The argument does not depend on the shape of the distribution: a normal one has
# $\sigma = \sqrt{\operatorname{Var} W}$, a uniform one on $(-a, a)$ has the variance $a^2/3$, so
# $a = \sqrt{3 \operatorname{Var} W}$. You may use either.
#
# *By hand:* a `Linear` from 300 to 100: variance $2/400 = 0.005$, so $\sigma = 0.0707$, or uniform between
# $\pm\sqrt{0.015} = \pm 0.122$. A convolution with W (8, 3, 5, 5): fan in $3 \cdot 25 = 75$, fan out
# $8 \cdot 25 = 200$, variance $2/275$.

# %%
def xavier_init(shape, *, rng):
    """Initial weights with mean 0 and variance 2 / (fan_in + fan_out), normal or uniform

    Shapes
        result  ``shape``, float64, on the active device (asarray)
        (in, out) of a Linear: fan_in = in, fan_out = out
        (out, in, kh, kw) of a Conv2d: fan_in = in · kh · kw, fan_out = out · kh · kw
    rng: a numpy.random.Generator, the only source of randomness; every call draws new numbers.

    Source: Glorot & Bengio, Understanding the difficulty of training deep feedforward neural networks (2010), equation
    12 for the variance (and 16 for the uniform distribution).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(xavier_init)


# %% [markdown]
# ## 5.3 he_init
#
# That was for a linear network. A ReLU sets the negative half to zero: if $y$ is symmetric around zero, half of its
# mean square is gone,
#
# $$ \operatorname{E}\bigl[\max(0, y)^2\bigr] = \tfrac12 \operatorname{Var} y \qquad\Longrightarrow\qquad
#    \operatorname{E}[x_{l+1}^2] = \tfrac12\, n_{in} \operatorname{Var} W \cdot \operatorname{E}[x_l^2] $$
#
# so the weights compensate for it with twice the variance:
#
# $$ \operatorname{Var} W = \frac{2}{n_{in}} $$
#
# A factor of two seems small. In twenty layers it is $2^{20}$, a million.
#
# *By hand:* from 50 inputs: variance $2/50 = 0.04$, $\sigma = 0.2$, or uniform between
# $\pm\sqrt{3 \cdot 0.04} = \pm 0.346$.

# %%
def he_init(shape, *, rng):
    """Initial weights before a ReLU, with mean 0 and variance 2 / fan_in, normal or uniform

    Shapes
        result  ``shape``, float64, on the active device (asarray)
        (in, out) of a Linear: fan_in = in      (out, in, kh, kw) of a Conv2d: fan_in = in · kh · kw
    rng: a numpy.random.Generator, the only source of randomness; every call draws new numbers.

    Source: He, Zhang, Ren & Sun, Delving Deep into Rectifiers (2015), equation 10.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(he_init)


# %% [markdown]
# Twenty layers of 256 units, without training: the root mean square of the signal after each layer, and of its gradient
# in the backward pass (which begins at the right). A network whose curve leaves the picture cannot learn.

# %%
def through_layers(init, activation, rng, layers=20, width=256):
    """Root mean square after each of ``layers`` layers, forward and, in the same order, backward"""
    h = rng.normal(size=(500, width))
    weights, slopes, sizes = [], [], []
    for _ in range(layers):
        W = init((width, width), rng=rng)
        z = h @ W
        h = np.maximum(z, 0) if activation == "ReLU" else np.tanh(z)
        weights.append(W)
        slopes.append(z > 0 if activation == "ReLU" else 1 - h**2)
        sizes.append(np.sqrt((h**2).mean()))
    dh, backward = rng.normal(size=h.shape), []
    for W, slope in zip(weights[::-1], slopes[::-1], strict=True):
        dh = (dh * slope) @ W.T
        backward.append(np.sqrt((dh**2).mean()))
    return sizes, backward[::-1]


with when_written():
    figure, axes = plt.subplots(2, 2, figsize=(11, 6.4), layout="constrained", sharex=True, sharey="col")
    for row, activation in zip(axes, ("ReLU", "tanh"), strict=True):
        for init, marker in zip((normal_init, xavier_init, he_init), "o^s", strict=True):
            roads = through_layers(init, activation, np.random.default_rng(0))
            for ax, sizes, what in zip(row, roads, ("signal", "gradient"), strict=True):
                ax.semilogy(range(1, 21), sizes, marker=marker, ms=4, label=init.__name__)
                ax.set(title=f"{activation}: size of the {what}", ylim=(1e-8, 1e4))
                ax.grid(alpha=0.3)
    axes[0, 0].legend()
    for ax in axes[1]:
        ax.set(xlabel="layer, from the input", xticks=range(2, 21, 2))
    plt.show()


# %% [markdown]
# With ReLU only He's weights keep signal and gradient; with tanh, which is nearly linear around zero, Xavier's do too.
# With 0.01 both vanish.

# %% [markdown]
# ## 5.4 Dropout
#
# A network that is large enough for its data learns units that only work together: one unit corrects the mistakes of
# another exactly as the training samples require. Dropout breaks up such combinations. In every training step each
# number of a layer is set to zero with probability $p$, independently of the others, so no unit can rely on another:
#
# $$ y_i = \frac{k_i\, x_i}{1 - p}, \qquad k_i = \begin{cases} 0 & \text{with probability } p \\ 1 & \text{else} \end{cases} $$
#
# **Why divide by $1 - p$.** A unit of the next layer sums many inputs. With a share $p$ of them missing, its sum would
# be smaller by the factor $1 - p$ in training than in evaluation, where nothing is dropped. Dividing in training keeps
# the mean,
#
# $$ \mathbb E[y_i] = \frac{(1 - p)\, x_i + p \cdot 0}{1 - p} = x_i, $$
#
# so that evaluation needs no correction: $y = x$. This is called *inverted* dropout. (The paper of 2014 drops without
# dividing and multiplies all weights by $1 - p$ afterwards. Every library uses inverted dropout.)
#
# **The backward pass.** The mask $k$ is drawn and does not depend on $x$, so each $y_i$ is $x_i$ times a fixed number,
# and
#
# $$ dx_i = \frac{k_i\, dy_i}{1 - p} $$
#
# with **the same** $k$: numbers that were dropped in the forward pass get no gradient. In evaluation $dx = dy$.
#
# *By hand:* $p = 0.2$, $x = (4\;\; 8\;\; {-2}\;\; 6)$ and $k = (1\;\; 0\;\; 1\;\; 1)$ give
# $y = (5\;\; 0\;\; {-2.5}\;\; 7.5)$, and $dy = (8\;\; 8\;\; 8\;\; 8)$ becomes $dx = (10\;\; 0\;\; 10\;\; 10)$.
#
# **Two modes.** Every `Layer` has the attribute `self.training`. It is `True` initially and after `train()`, `False`
# after `eval()`; a model sets it for all its layers. Dropout is the first layer of this course that uses it.
#
# > **Find the mistake.** An article in our sources says that dropout "addresses internal covariate shift". It does not:
# > it makes no mean and no variance more stable; it adds noise to them. It prevents *co-adaptation*, units that only
# > work together. *Batch normalization*, in the next section, was proposed against internal covariate shift.
#
# The generator `self.rng` draws in CPU memory; `asarray(…)` moves the numbers to the active device. A mask of booleans
# takes one byte per number, a mask of float64 eight.

# %%
class Dropout(Layer):
    """In training each number is 0 with probability p, otherwise divided by 1 − p; in evaluation  y = x

    Shapes
        x, y  any
    p: probability that a number is dropped, 0 ≤ p < 1.      rng: the generator from which every mask is drawn.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, Dropout: A Simple Way to Prevent Neural Networks
    from Overfitting (2014), section 4; inverted as in its section 10.
    """

    def __init__(self, p=0.5, *, rng):
        self.p = p
        self.rng = rng

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(Dropout)


# %% [markdown]
# ## 5.5 Batch normalization
#
# While a network learns, the inputs of each layer change, because they are the outputs of layers that also learn. Batch
# normalization was proposed against this (its authors called it internal covariate shift): it gives each feature mean 0
# and variance 1 over the batch, and then its own learned scale and shift. For one feature, with its $m$ numbers
# $x_1 \ldots x_m$,
#
# $$ \mu = \frac 1m \sum_i x_i, \qquad \sigma^2 = \frac 1m \sum_i (x_i - \mu)^2, \qquad
#    \hat x_i = \frac{x_i - \mu}{\sqrt{\sigma^2 + \varepsilon}}, \qquad y_i = \gamma\, \hat x_i + \beta $$
#
# The small $\varepsilon$ is *inside* the root; it prevents a division by zero for a feature that does not vary. And
# subtract the mean before you square: $\frac 1m \sum x_i^2 - \mu^2$ is the same on paper, but it is a small difference
# of large numbers, which loses all its digits where the mean is far from zero. A check tests that.
#
# > **Find the mistake.** A survey prints $\hat x = (x - \mu) / \sqrt{\sigma^2 + \varepsilon}$, which is correct, and explains
# > it with the words "$\sigma^2$ is the standard deviation". Take the feature 2, 4, 6, 8 and follow the words. Which
# > variance does the result have?
# >
# > <details><summary>What is wrong</summary>The mean is 5, the variance (9 + 1 + 1 + 9) / 4 = 5, the standard deviation
# > 2.24. Whoever puts the standard deviation in the place of σ² divides by √2.24 = 1.50 and gets numbers with the
# > variance 5 / 2.24 = 2.24, and not 1. σ² is the variance; its root is the standard deviation, which is what one divides
# > by.</details>
#
# **What the $m$ numbers are.** For an input of shape (N, C) each of the C features has $m = N$ numbers, one per row.
# Images (N, C, H, W) have C features too, their channels, and a channel means the same at every place: $m = N H W$, and
# mean and variance are over the axes 0, 2 and 3. One shape covers both: reshaped to (N, C, places), with one place for
# (N, C), the axes are always 0 and 2.
#
# **Evaluation.** The prediction for one sample must not depend on the others in its batch, and a batch of one has no
# variance. So training keeps running values, and evaluation uses these instead of $\mu$ and $\sigma^2$:
#
# $$ r_\mu \leftarrow (1 - \alpha)\, r_\mu + \alpha\, \mu, \qquad
#    r_{\sigma^2} \leftarrow (1 - \alpha)\, r_{\sigma^2} + \alpha\, \frac{m}{m - 1}\, \sigma^2 $$
#
# with the momentum $\alpha = 0.1$: the *new* value counts a tenth, as in PyTorch. (Momentum in 04 was the share of the
# *old* value. Note the difference.) The running variance estimates the variance of all the data, so it uses the
# unbiased estimate, with $m - 1$; the normalization itself divides by $m$. Training uses the batch's own $\mu$ and
# $\sigma^2$ and never the running values; evaluation changes nothing.
#
# **The backward pass, derived.** The parameters first. $\gamma$ acts on every one of the $m$ numbers at the rate
# $\hat x_i$, $\beta$ at the rate 1:
#
# $$ d\gamma = \sum_i dy_i\, \hat x_i, \qquad d\beta = \sum_i dy_i, \qquad d\hat x_i = \gamma\, dy_i $$
#
# Now $x_j$. With $s = 1 / \sqrt{\sigma^2 + \varepsilon}$, so that $\hat x_i = (x_i - \mu)\, s$, it affects the outputs
# along three paths:
#
# ```
#          ┌───────────────── direct ────────────────→ x̂_j
#   x_j ───┼──→ μ  ──────────────────────────────────→ every x̂_i
#          └──→ σ² ──→ s ────────────────────────────→ every x̂_i
# ```
#
# *Direct:* $\partial \hat x_j / \partial x_j = s$ gives $s\, d\hat x_j$.
#
# *Through the mean:* $\partial \mu / \partial x_j = 1/m$ and $\partial \hat x_i / \partial \mu = -s$ for every $i$,
# which gives $-\frac sm \sum_i d\hat x_i$.
#
# *Through the variance:*
# $\partial \hat x_i / \partial \sigma^2 = (x_i - \mu) \cdot (-\tfrac12)\, s^3 = -\tfrac12\, s^2\, \hat x_i$. And
#
# $$ \frac{\partial \sigma^2}{\partial x_j} = \frac 2m (x_j - \mu) - \frac 2m \sum_i (x_i - \mu)\, \frac{\partial \mu}{\partial x_j}
#    = \frac 2m (x_j - \mu) = \frac{2}{m s}\, \hat x_j, $$
#
# because the deviations from a mean sum to zero: the variance does not change when the mean moves. Together $-\tfrac12
# s^2 \cdot \frac{2}{m s}\, \hat x_j \sum_i d\hat x_i\, \hat x_i = -\frac sm\, \hat x_j \sum_i d\hat x_i\, \hat x_i$.
#
# The sum of the three, with $\gamma$ factored out of the sums:
#
# $$ dx_j = \gamma\, s \left( dy_j - \frac{d\beta}{m} - \hat x_j\, \frac{d\gamma}{m} \right) $$
#
# Geometrically: from $dy$, as a vector of $m$ numbers, its mean and its component along $\hat x$ are removed. Moving
# all $x$ by the same amount, or stretching them, changes no output, so there is no gradient in these two directions.
#
# In evaluation $\mu$ and $\sigma^2$ are constants, and only the direct path is left: $dx_j = \gamma\, s\, dy_j$, with
# $s$ and $\hat x$ from the running values; $d\gamma$ and $d\beta$ are as before.
#
# *By hand:* one feature, three rows, $x = (0\;\; 0\;\; 3)$, $\gamma = 1$, $\beta = 0$, $\varepsilon = 0$. Then
# $\mu = 1$, $\sigma^2 = 2$, $s = 0.707$ and $\hat x = (-0.707\;\; {-0.707}\;\; 1.414)$. With $dy = (6\;\; 0\;\; 0)$:
# $d\beta = 6$, $d\gamma = -4.243$, and $dx = 0.707 \cdot \bigl((6\;\; 0\;\; 0) - 2 + 1.414\, \hat x\bigr) = 0.707 \cdot
# (3\;\; {-3}\;\; 0) = (2.121\;\; {-2.121}\;\; 0)$. They sum to 0, as they must. The running values, which began at 0
# and 1, are now 0.1 and $0.9 + 0.1 \cdot 3 = 1.2$; in evaluation $x = 3$ becomes $2.9 / \sqrt{1.2} = 2.647$.

# %%
class BatchNorm(Layer):
    """Mean 0 and variance 1 for every feature, over the batch and all places; then  y = γ x̂ + β

    Shapes
        x, y  (N, C) or (N, C, H, W)      gamma, beta, running_mean, running_var  (C,)
    features: C.      momentum: weight of the batch's values in the running ones.      eps: added to the variance.

    Training requires at least two numbers per feature. running_mean and running_var are plain arrays, updated in
    training, used in evaluation; running_var is updated with the unbiased variance.

    Source: Ioffe & Szegedy, Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
    Shift (2015), algorithms 1 and 2; momentum as in PyTorch.
    """

    def __init__(self, features, momentum=0.1, eps=1e-5):
        self.gamma = Parameter(ones(features))
        self.beta = Parameter(zeros(features))
        self.running_mean = zeros(features)
        self.running_var = ones(features)
        self.momentum = momentum
        self.eps = eps

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(BatchNorm)

# %% [markdown]
# How the running values approach those of the data, here mean 3 and variance 4, in batches of 16. Each batch counts a
# tenth, so after thirty steps the start is forgotten ($0.9^{30} = 0.04$), and only the noise of about the last twenty
# batches is left. Before that, evaluation divides by a variance that is still far from the true one: a network that is
# evaluated after three training steps looks worse than it is.

# %%
with when_written():
    rng, layer, seen = np.random.default_rng(5), BatchNorm(1), []
    for _ in range(80):
        layer.forward(rng.normal(3, 2, (16, 1)))
        seen.append((float(layer.running_mean[0]), float(layer.running_var[0])))
    figure, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
    for values, truth, name, colour in zip(
        zip(*seen, strict=True), (3, 4), ("running_mean", "running_var"), plotting.COLOURS, strict=False
    ):
        ax.plot(range(1, 81), values, color=colour, label=name)
        ax.axhline(truth, ls="--", lw=1, color=colour)
    ax.set(xlabel="training step", title="Running values, and those of the data (dashed)")
    ax.legend()
    plt.show()


# %% [markdown]
# ## 5.6 Layer normalization
#
# Averaging over a batch is not always possible: the inputs of a recurrent network differ from step to step, an online
# learner has one sample. Layer normalization uses the same formula along the other axis. Each row separately gets mean
# 0 and variance 1 over its $F$ features:
#
# $$ \mu = \frac 1F \sum_f x_f, \qquad \sigma^2 = \frac 1F \sum_f (x_f - \mu)^2, \qquad
#    \hat x_f = \frac{x_f - \mu}{\sqrt{\sigma^2 + \varepsilon}}, \qquad y_f = \gamma_f\, \hat x_f + \beta_f $$
#
# ```
#              features →                         features →
#            ┌ · │ · · · ┐                       ┌ · · · · · ┐
#     rows   │ · │ · · · │   BatchNorm       rows │ ───────── │   LayerNorm
#      ↓     │ · │ · · · │   one column       ↓   │ · · · · · │   one row
#            └ · │ · · · ┘                       └ · · · · · ┘
# ```
#
# There are no running values, and training and evaluation are the same.
#
# **The backward pass.** The paths from $x_j$ are those of batch normalization, with a row in the role of a column. But
# $\gamma$ now differs from term to term and cannot be factored out of the sums, so keep $d\hat x_f = \gamma_f\, dy_f$:
#
# $$ dx_j = s \left( d\hat x_j - \frac 1F \sum_f d\hat x_f - \hat x_j\, \frac 1F \sum_f d\hat x_f\, \hat x_f \right) $$
#
# The parameters act on every row, so their gradients are sums over all rows, for any leading shape:
# $d\gamma_f = \sum dy_f\, \hat x_f$ and $d\beta_f = \sum dy_f$.
#
# *By hand:* one row, $x = (0\;\; 0\;\; 3)$, $\varepsilon = 0$, so $\hat x = (-0.707\;\; {-0.707}\;\; 1.414)$ as
# before. With $\gamma = (2\;\; 1\;\; 1)$ and $dy = (3\;\; 0\;\; 0)$: $d\hat x = (6\;\; 0\;\; 0)$, and again
# $dx = (2.121\;\; {-2.121}\;\; 0)$; but $d\gamma = (-2.121\;\; 0\;\; 0)$ and $d\beta = (3\;\; 0\;\; 0)$, one for each
# feature.

# %%
class LayerNorm(Layer):
    """Mean 0 and variance 1 for every row, over its features, the last axis; then  y = γ x̂ + β

    Shapes
        x, y  (…, features)      gamma, beta  (features,)
    features: length of the last axis.      eps: added to the variance, which divides by features.

    Source: Ba, Kiros & Hinton, Layer Normalization (2016), section 3.
    """

    def __init__(self, features, eps=1e-5):
        self.gamma = Parameter(ones(features))
        self.beta = Parameter(zeros(features))
        self.eps = eps

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(LayerNorm)

# %% [markdown]
# Both as a picture, with your layers: a table of 8 rows and 6 features in which the features have different means and
# scales and the last row is much larger than the others. Batch normalization makes the columns alike, and the last row
# remains larger than the rest; layer normalization makes the rows alike, and the columns remain different.

# %%
with when_written():
    rng = np.random.default_rng(2)
    table = rng.normal(size=(8, 6)) * np.array([0.3, 1, 0.5, 1.5, 0.3, 1]) + np.array([2, -1, 0, 1, -2, 0.5])
    table[7] *= 2.5
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
    named = {"x": table, "BatchNorm": BatchNorm(6).forward(table), "LayerNorm": LayerNorm(6).forward(table)}
    for (name, numbers), ax in zip(named.items(), axes, strict=True):
        shown = ax.imshow(numbers, cmap="PuOr_r", vmin=-3, vmax=3)
        ax.set(title=name, xlabel="features", ylabel="rows", xticks=[], yticks=[])
    figure.colorbar(shown, ax=axes)
    plt.show()


# %% [markdown]
# ## 5.7 L2Penalty
#
# A function that bends sharply around single samples has large weights. So penalize large weights. Add to the loss
#
# $$ R = \frac{\lambda}{2} \sum_{W} \lVert W \rVert^2, \qquad\text{with the gradient}\qquad
#    \frac{\partial R}{\partial W} = \lambda W $$
#
# The ½ is there so that the gradient is $\lambda W$, which is what `weight_decay` means in the optimizers of 04 and
# in PyTorch. (Some articles write $\lambda \lVert W \rVert^2$; their $\lambda$ is half of ours.)
#
# **Which parameters?** Those that multiply: the weights. A bias only moves a sum up or down and does not bend the
# function, and pulling it to zero only makes the fit worse; the same holds for the gain and the shift of a
# normalization. The rule of this course, and of many programs: **a parameter with two axes or more is penalized** (the
# matrix of a `Linear`, the kernels of a `Conv2d`), **one with a single axis is not**.
#
# The backward pass has no upstream gradient: the penalty is added to the loss as it is. And it *adds* to
# `parameter.grad`, where the gradient of the loss already is, or will be added later.
#
# *By hand:* $\lambda = 0.1$, $W = \begin{pmatrix} 1 & -2 \\ 0 & 3 \end{pmatrix}$, $b = (7, 7)$:
# $R = 0.05 \cdot (1 + 4 + 9) = 0.7$, and $dW = \begin{pmatrix} 0.1 & -0.2 \\ 0 & 0.3 \end{pmatrix}$ is added. $b$ is
# not penalized.

# %%
class L2Penalty:
    """Penalty for large weights:  R = ½ weight_decay Σ ‖W‖² over all parameters with two axes or more

    parameters: list of Parameter, or model.parameters(); those with one axis (biases, gains, shifts) are not penalized.
    weight_decay: λ, 0 or more. forward() returns R, a scalar of the array's own library, for the current weights;
    backward() adds its gradient, λ W, to the grad of every penalized parameter and changes nothing else.

    Source: Krogh & Hertz, A Simple Weight Decay Can Improve Generalization (1992), equation 2; weight_decay as in
    PyTorch's SGD.
    """

    def __init__(self, parameters, weight_decay):
        self.parameters = list(parameters)
        self.weight_decay = weight_decay

    def forward(self):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(L2Penalty)

# %% [markdown]
# > **Find the mistake.** A survey says that weight decay "avoids that a model becomes too complex, which leads to
# > underfitting or overfitting". One of the two is not like the other. Look at the picture: the polynomial of degree 11 of
# > the beginning, fitted with three penalties.
# >
# > <details><summary>What is wrong</summary>A model that is too complex *over*fits. A penalty makes it simpler, so it
# > works against overfitting only; and it is a cause of underfitting where it is too strong, as on the right, where not
# > even the training data are fitted any more. Against underfitting one needs the opposite: less penalty, more
# > freedom, longer training.</details>

# %%
rng = np.random.default_rng(3)
x = np.linspace(-1, 1, 12)
y = np.sin(3 * x) + rng.normal(0, 0.25, x.size)
line = np.linspace(-1, 1, 400)
features, along = (np.polynomial.chebyshev.chebvander(places, 11) for places in (x, line))
penalized = np.eye(12)
penalized[0, 0] = 0  # the constant is a bias
figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained", sharey=True)
for strength, ax in zip((0, 1, 100), axes, strict=True):
    w = np.linalg.solve(features.T @ features + strength * penalized, features.T @ y)
    ax.plot(line, np.sin(3 * line), "--", color="gray", label="the truth")
    ax.plot(line, along @ w, color=plotting.COLOURS[0], label="the fit")
    ax.plot(x, y, "o", color=plotting.COLOURS[1], label="the samples")
    seen, unseen = ((features @ w - y) ** 2).mean(), ((along @ w - np.sin(3 * line)) ** 2).mean()
    ax.set(
        title=f"λ = {strength:g}: error {seen:.3f} on the samples,\n{unseen:.3f} against the truth",
        ylim=(-2.5, 2.5),
        xticks=(-1, 0, 1),
    )
axes[0].legend(loc="upper left")
plt.show()


# %% [markdown]
# ## 5.8 EarlyStopping
#
# Watch the loss on data that you do not train on. It falls, and at some point it rises again: from then on the network
# learns what is only true of the training data. So copy the weights whenever the validation loss is better than ever
# before, stop when it has not improved for a while, and restore the best weights.
#
# **The rules**, each of which is easy to get wrong:
#
# - An epoch is *better* if its loss is below the best one by **more than** `min_delta`. Otherwise it counts as one more
#   epoch of waiting, and the best loss stays the same.
# - `update` returns `True` when `patience` epochs **in a row** were not better; with a patience of 1, at the first such
#   epoch. A better epoch resets the count.
# - A loss that is NaN is never better. (Be careful with the condition: every comparison with NaN is false, so "not
#   worse" and "better" differ.)
# - `restore` writes the weights of the best epoch into the existing arrays, because the optimizer and others hold
#   references to them. If no epoch was ever better, it changes nothing.
#
# Weights change *in place* during training. Copy what you need later.
#
# *By hand:* patience 2, min_delta 0.1, the losses 1.0, 0.8, 0.75, 0.68, 0.7, 0.6:
#
# | epoch | loss | better? | best | waiting | `update` returns |
# |---|---|---|---|---|---|
# | 1 | 1.0 | yes | 1.0 | 0 | False |
# | 2 | 0.8 | yes | 0.8 | 0 | False |
# | 3 | 0.75 | no, by 0.05 only | 0.8 | 1 | False |
# | 4 | 0.68 | yes, 0.12 below 0.8 | 0.68 | 0 | False |
# | 5 | 0.7 | no | 0.68 | 1 | False |
# | 6 | 0.6 | no, by 0.08 only | 0.68 | 2 | **True**; `restore` goes back to epoch 4 |
#
# Note: `restore` handles only parameters. The running statistics of `BatchNorm` are not parameters and are not
# restored; where that matters, run the training data through the restored network a few times in training mode.

# %%
class EarlyStopping:
    """Stop when the validation loss has not been better for ``patience`` epochs in a row; keep the best weights

    parameters: list of Parameter, or model.parameters(). patience: 1 or more. min_delta: 0 or more; an epoch is better
    if its loss is below the best by more than that. update(loss) is called after every epoch with a Python number and
    returns True when it is time to stop, else False; NaN is never better. restore() writes the weights of the best
    epoch into every parameter.data, in place; before any epoch was better it changes nothing.

    Source: Prechelt, Early Stopping – But When? (1998), section 2; Goodfellow, Bengio & Courville, Deep Learning
    (2016), algorithm 7.1.
    """

    def __init__(self, parameters, patience, min_delta=0.0):
        self.parameters = list(parameters)
        self.patience = patience
        self.min_delta = min_delta
        self.best = math.inf
        self.waited = 0
        self.kept = None

    def update(self, loss):
        # YOUR CODE HERE
        raise NotImplementedError()

    def restore(self):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(EarlyStopping)


# %% [markdown]
# **Question 1.** *(3 points)* Take a quadratic loss, $L(w) = \tfrac12 a (w - w^*)^2$ in one direction, and start
# gradient descent with the learning rate $\eta$ at $w = 0$. (a) Show that after $t$ steps
# $w_t = \bigl(1 - (1 - \eta a)^t\bigr)\, w^*$, and that with an L2 penalty the minimum lies at
# $\frac{a}{a + \lambda}\, w^*$. (b) In directions of large $a$ the data determine the weight well, in directions of
# small $a$ they do not. What do early stopping and the penalty do in each? For which $\lambda$ do they have about the
# same effect, while $\eta a$ and $a/\lambda$ are small? (c) Early stopping chooses its epoch by the validation loss.
# Why is the validation accuracy of that epoch a biased estimate for new data, and what is an unbiased one?

# %% [markdown]
# YOUR ANSWER HERE

# %% [markdown]
# ## 5.9 Augmentation
#
# More data would be best, and some are free: changes after which the label is *known to be* the same. A digit moved by
# two pixels is the same digit. A network of `Linear` layers does not know that, but it learns it from five hundred
# digits that are moved differently in every epoch. Four changes, all with the same rules:
#
# - Every image of the batch gets **its own draw**: with one draw for the whole batch the images would still all be
#   moved alike.
# - Image $i$ of the result is image $i$ of the batch, changed: the labels still match.
# - Do not write to the input batch; the result has its dtype.
# - `x` may be on a GPU, while `rng` draws in CPU memory: move the drawn numbers with `asarray`.
#
# ### random_shift
#
# Each image is moved by a whole number of pixels down and by another to the right, both drawn uniformly from
# $-d, \dots, d$ (`most` is $d$). Background, 0, comes in, and pixels that leave the image are lost. `np.roll` does something else:
# pixels that leave on one side come in on the other.
#
# *By hand:* one image, moved by $+1$ down and $-1$ to the right:
#
# $$ \begin{pmatrix} 1 & 2 & 3 \\ 4 & 5 & 6 \\ 7 & 8 & 9 \end{pmatrix} \;\to\; \begin{pmatrix} 0 & 0 & 0 \\ 2 & 3 & 0 \\ 5 & 6 & 0 \end{pmatrix} $$
#
# One way to do it: add a border of $d$ zeros to every image, and cut a window of the original size out of it, at a
# different place in every image. One index selects the windows of all images at once: rows $t_n + 0 \dots t_n + H - 1$
# and columns $l_n + 0 \dots l_n + W - 1$ of image $n$. `windows` does that, and is given.

# %%
def windows(x, top, left, height, width):
    """The window of ``height`` × ``width`` pixels that begins at (top[n], left[n]) in image n, for every n; given

    Shapes
        x  (N, C, H, W)      top, left  (N,), NumPy integers      result  (N, C, height, width)
    Every window lies within its image: 0 ≤ top ≤ H − height, 0 ≤ left ≤ W − width.
    """
    numbers = asarray(np.arange(len(x))[:, None, None])
    rows = asarray((top[:, None] + np.arange(height))[:, :, None])
    columns = asarray((left[:, None] + np.arange(width))[:, None, :])
    return x.transpose(0, 2, 3, 1)[numbers, rows, columns].transpose(0, 3, 1, 2)


def bordered(x, border):
    """The images x (N, C, H, W) with ``border`` pixels of 0 on every side; given"""
    batch, channels, height, width = x.shape
    larger = array_module(x).zeros((batch, channels, height + 2 * border, width + 2 * border), dtype=x.dtype)
    larger[:, :, border : border + height, border : border + width] = x
    return larger


# %%
def random_shift(x, most, *, rng):
    """Move every image by whole pixels, down and to the right, each drawn uniformly from −most … most; 0 comes in

    Shapes
        x, result  (N, C, H, W), floats
    most: 0 or more, less than H and W.      rng: a numpy.random.Generator; every image has its own draw.

    Source: Simard, Steinkraus & Platt, Best Practices for Convolutional Neural Networks (2003), section 2.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(random_shift)


# %% [markdown]
# ### random_flip
#
# Each image is mirrored, left to right, with probability $p$. A cat in a mirror is a cat. (With digits this fails: a
# mirrored 2 is not a digit. Which changes keep the label is knowledge about the task.)
#
# *By hand:* the row $(1, 2, 3)$ becomes $(3, 2, 1)$ or stays as it is.

# %%
def random_flip(x, p=0.5, *, rng):
    """Mirror every image left to right with probability p

    Shapes
        x, result  (N, C, H, W), floats
    p: from 0 to 1.      rng: a numpy.random.Generator; every image has its own draw.

    Source: Krizhevsky, Sutskever & Hinton, ImageNet Classification with Deep Convolutional Neural Networks (2012),
    section 4.1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(random_flip)


# %% [markdown]
# ### random_crop
#
# Each image gets a border of `padding` zeros, and a window of the given size is cut out of it, at a place drawn
# uniformly from all at which it fits. With padding 4 and the size of the image this is the usual augmentation for
# CIFAR; without padding and with a smaller size it shows the network parts of an image.
#
# How many places are there? Vertically, from row $0$ to row $H + 2p - h$, both included: $H + 2p - h + 1$ of them.
#
# *By hand:* the image $\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}$ with the padding 1 is 4 × 4, and a window of 2 × 2
# fits at $3 \cdot 3 = 9$ places. At the first it contains $\begin{pmatrix} 0 & 0 \\ 0 & 1 \end{pmatrix}$, in the middle
# the image itself.

# %%
def random_crop(x, size, padding=0, *, rng):
    """Cut a window out of every image, at a place drawn uniformly from all at which it fits

    Shapes
        x  (N, C, H, W), floats      result  (N, C, height, width), which is ``size``
    size: (height, width), at most (H + 2 padding, W + 2 padding).      padding: pixels of 0 added on every side before.
    rng: a numpy.random.Generator; every image has its own draw.

    Source: He, Zhang, Ren & Sun, Deep Residual Learning for Image Recognition (2016), section 4.2, after Lee et al.
    (2015).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(random_crop)


# %% [markdown]
# ### gaussian_noise
#
# Independent noise is added to every number: $x + \sigma z$ with $z \sim \mathcal N(0, 1)$. In a small cloud around
# every sample the label is the same. (Bishop showed in 1995 that for small $\sigma$ this is a penalty on the slope of
# the network: it must not change fast around a sample.) Nothing is clipped at 0 or 1.
#
# The noise must not change the dtype: `rng.normal` draws float64, and float32 + float64 is float64.
#
# *By hand:* with $\sigma = 0.1$ the pixel 0.8 becomes a number between 0.7 and 0.9 in 68 of 100 draws.

# %%
def gaussian_noise(x, sigma, *, rng):
    """Add noise to every number:  x + sigma · z, z normal with mean 0 and variance 1

    Shapes
        x, result  any, floats of the same dtype
    sigma: 0 or more.      rng: a numpy.random.Generator; every number has its own draw.

    Source: Bishop, Training with Noise is Equivalent to Tikhonov Regularization (1995), section 2.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(gaussian_noise)

# %% [markdown]
# One digit, eight times under each of them:

# %%
with when_written():
    eights = mnist().x_train[:1][None].repeat(8, axis=0)
    rng = np.random.default_rng(0)
    changed = {
        "random_shift, 4": random_shift(eights, 4, rng=rng),
        "random_flip": random_flip(eights, rng=rng),
        "random_crop to 22 × 22": random_crop(eights, (22, 22), rng=rng),
        "random_crop, padding 4": random_crop(eights, (28, 28), 4, rng=rng),
        "gaussian_noise, 0.3": gaussian_noise(eights, 0.3, rng=rng),
    }
    figure, axes = plt.subplots(len(changed), 1, figsize=(9, 6.6), layout="constrained")
    for (name, some), ax in zip(changed.items(), axes, strict=True):
        plotting.images(np.clip(some[:, 0], 0, 1), columns=8, ax=ax)
        ax.set_title(name, fontsize="medium")
    plt.show()


# %% [markdown]
# ## 5.10 Mixup
#
# Mixup trains on images that do not exist. Take two samples, mix them, and mix their targets in the same way:
#
# $$ \tilde x = \lambda x_i + (1 - \lambda)\, x_j, \qquad \tilde t = \lambda t_i + (1 - \lambda)\, t_j, \qquad \lambda \sim \mathrm{Beta}(\alpha, \alpha) $$
#
# $t$ are targets as *distributions*: one-hot, or already soft. Between two samples the network then has to be linear,
# which is about the simplest thing that a function can be. With a small $\alpha$ (0.2, say) the Beta distribution has
# its mass at both ends, so most mixtures are almost one of the two samples; $\alpha = 1$ is uniform.
#
# In a batch the partners come from the batch itself, in another order: a permutation $\pi$, so that every sample is a
# partner exactly once, and *one* $\lambda$ for the batch. Pixels and targets must be mixed with the same $\lambda$
# and the same partner.
#
# **There is no backward pass to write.** $\tilde x$ is data and depends on no parameter. And the loss needs no new
# formula, because the cross-entropy is linear in the target:
#
# $$ -\sum_k \tilde t_k \log q_k = \lambda \Bigl( -\sum_k t_{ik} \log q_k \Bigr) + (1 - \lambda) \Bigl( -\sum_k t_{jk} \log q_k \Bigr) $$
#
# The loss of the mixed target is the mixture of the losses. With a loss that takes only integer labels you can evaluate
# it twice.
#
# *By hand:* $\lambda = 0.75$, $x_i = (4, 0)$ with $t_i = (1, 0)$, $x_j = (0, 8)$ with $t_j = (0, 1)$:
# $\tilde x = (3, 2)$, $\tilde t = (0.75, 0.25)$.

# %%
class Mixup:
    """Mix a batch with itself in another order:  λ x + (1 − λ) x[π],  λ t + (1 − λ) t[π],  λ ~ Beta(alpha, alpha)

    Shapes of mix(x, t), which returns a pair of the same shapes and dtypes
        x  (batch, …), floats      t  (batch, classes), floats: one-hot or soft targets, rows that sum to 1
    alpha: greater than 0.      rng: a numpy.random.Generator: one λ and one permutation π per call.

    Source: Zhang, Cisse, Dauphin & Lopez-Paz, mixup: Beyond Empirical Risk Minimization (2018), section 2.
    """

    def __init__(self, alpha=0.2, *, rng):
        self.alpha = alpha
        self.rng = rng

    def mix(self, x, t):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(Mixup)

# %% [markdown]
# An example: a 3 and an 8, mixed with shares from 1 to 0. With $\alpha = 0.2$ most draws lie near the two ends, as the
# histogram of 10,000 shares shows.

# %%
with when_written():
    data = mnist()
    three, eight = (data.x_train[data.y_train == digit][0] for digit in (3, 8))
    shares = np.linspace(1, 0, 6)
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 2.6), layout="constrained", width_ratios=(2, 1))
    plotting.images(np.stack([share * three + (1 - share) * eight for share in shares]), columns=6, ax=left)
    left.set_title("targets: " + ", ".join(f"{share:.1f} three" for share in shares))
    mixup = Mixup(0.2, rng=np.random.default_rng(0))
    two, targets = np.zeros((12, 1)), np.eye(12)
    drawn = [float(mixup.mix(two, targets)[1].diagonal().min()) for _ in range(10_000)]
    right.hist(drawn, bins=40, color=plotting.COLOURS[0])
    right.set(title="10,000 shares, α = 0.2", xlabel="λ", ylabel="draws")
    plt.show()

# %% [markdown]
# ## Capstone: 500 digits
#
# A network with two hidden layers of 256 and 128 units has 235,000 weights. It memorizes 500 digits within seconds: 100
# % correct on these, and about 88 % on digits that it has not seen.
#
# Write `train_rescued`: train a network on `x`, `y`, and return it. Of 4,000 *unseen* digits at least 90.5 % must be
# classified correctly, from one of up to three seeds, in at most 40 seconds of CPU time each (a small part of that
# is enough, and about 94 % can be reached). Five remarks:
#
# - You get images, (500, 1, 28, 28) float32: they can be moved, and the network begins with `Flatten`. `Linear` layers
#   are enough; a convolution (06) would be better at this, but is not the subject.
# - A penalty alone is not enough. Knowledge helps most: move every image in every batch, by up to two pixels.
# - Then the others help: He initialization, batch normalization, dropout; soft targets or `label_smoothing`.
# - With images that change, more epochs do no harm: 200 of them, in batches of 50, with a learning rate that falls to
#   zero.
# - For every seed other digits are drawn, and all are changed in the same way: rotated by any angle, perhaps mirrored,
#   bent a little, and each pixel mixed with its neighbours; the class numbers are permuted. So do not mirror single
#   images: a digit that is rotated or mirrored *differently* from the others may look like another digit.

# %%
Flatten, Linear, ReLU = earlier("layers.Flatten"), earlier("layers.Linear"), earlier("layers.ReLU")
Sequential, SoftmaxCrossEntropy = earlier("layers.Sequential"), earlier("losses.SoftmaxCrossEntropy")
Adam, CosineAnnealing = earlier("optimizers.Adam"), earlier("optimizers.CosineAnnealing")


def dense(n_in, n_out, *, rng):
    """A Linear layer with He initialization; given"""
    layer = Linear(n_in, n_out, rng=rng)
    layer.W.data[...] = he_init((n_in, n_out), rng=rng)
    return layer


# %%
def train_rescued(x, y, *, rng):
    """Train a network of Linear layers on few digits, so that it generalizes to others; return it

    Shapes
        x  (batch, 1, 28, 28) float32, mostly from −1 to 2      y  (batch,), integers from 0 to 9
    rng: a numpy.random.Generator for the initial weights, for shuffling, and for all other random numbers.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(train_rescued)


# %% [markdown]
# ## Improving generalization, step by step
#
# What does each method contribute? Below, a network is trained seven times, each time with one more of them, for three
# different draws of 500 digits (it takes a minute or two). 500 other digits are the validation data, for the curves and
# for early stopping; the table shows how many of 4,000 further digits, used for no decision, are classified correctly.
#
# Targets are distributions here because of mixup, so the loss has to accept them: `SoftTargets` is the cross-entropy of
# 5.10, and is given.

# %%
class SoftTargets(Loss):
    """Cross-entropy of scores against distributions:  L = −(1/N) Σₙ Σₖ tₙₖ log softmax(z)ₙₖ; given

    Shapes
        prediction (scores), target  (batch, classes), the rows of target sum to 1

    Source: Goodfellow, Bengio & Courville, Deep Learning (2016), section 6.2.2.3.
    """

    def forward(self, prediction, target):
        xp = array_module(prediction)
        shifted = prediction - prediction.max(axis=1, keepdims=True)
        log_q = shifted - xp.log(xp.exp(shifted).sum(axis=1, keepdims=True))
        self.difference = xp.exp(log_q) - target
        return -(target * log_q).sum() / len(target)

    def backward(self):
        return self.difference / len(self.difference)


def network(*, p, norm, rng):
    """784 – 256 – 128 – 10 with ReLU and He initialization, with or without normalization and dropout"""
    layers = [Flatten()]
    for n_in, n_out in ((784, 256), (256, 128)):
        layers += [dense(n_in, n_out, rng=rng), *([BatchNorm(n_out)] if norm else []), ReLU()]
        layers += [Dropout(p, rng=rng)] if p else []
    model = Sequential([*layers, dense(128, 10, rng=rng)])
    model.astype("float32")
    return model


def trained(digits, *, l2=0.0, p=0.0, patience=None, shift=0, norm=False, alpha=0.0, epochs=80, lr=0.001, rng):
    """Train with the given methods; return the model and a list of the measurements after every epoch

    digits: x, y, x_validation, y_validation.
    """
    x, y, x_validation, y_validation = digits
    model, loss, targets = network(p=p, norm=norm, rng=rng), SoftTargets(), np.eye(10, dtype=np.float32)
    optimizer = Adam(model.parameters(), lr=lr)
    penalty, mixup = L2Penalty(model.parameters(), l2), Mixup(alpha, rng=rng) if alpha else None
    stopper = EarlyStopping(model.parameters(), patience) if patience else None
    measured = []
    for _ in range(epochs):
        model.train()
        order = rng.permutation(len(x))
        for start in range(0, len(x), 50):
            rows = order[start : start + 50]
            seen, wanted = random_shift(x[rows], shift, rng=rng), targets[y[rows]]
            if mixup:
                seen, wanted = mixup.mix(seen, wanted)
            loss.forward(model.forward(seen), wanted)
            optimizer.zero_grad()
            model.backward(loss.backward())
            penalty.backward()
            optimizer.step()
        scores = predict(model, x), predict(model, x_validation)
        losses = [float(loss.forward(z, targets[labels])) for z, labels in zip(scores, (y, y_validation), strict=True)]
        measured.append((*losses, accuracy(scores[1], y_validation)))
        if stopper and stopper.update(losses[1]):
            break
    if stopper:
        stopper.restore()
        model.train()
        for _ in range(5 if norm else 0):  # running statistics still belong to the last epoch: compute them again
            for start in range(0, len(x), 50):
                model.forward(random_shift(x[start : start + 50], shift, rng=rng))
    model.eval()
    return model, measured


STEPS = {
    "memorized": {},
    "+ L2 penalty": {"l2": 0.0005},
    "+ dropout": {"p": 0.3},
    "+ early stopping": {"patience": 30},
    "+ shifts": {"shift": 2, "epochs": 200},
    "+ batch normalization": {"norm": True},
    "+ mixup": {"alpha": 0.2},
}


@cache
def rescued():
    """For every step: (training accuracy, test accuracy) of each draw, and the curves of the first draw"""
    data, found, cures = mnist(), {}, {}
    for name, more in STEPS.items():
        cures |= more
        rates, curves = [], []
        for seed in range(3):
            rng = np.random.default_rng(seed)
            some = rng.permutation(len(data.x_train))[:5000]
            x, y = data.x_train[some][:, None], data.y_train[some]
            model, measured = trained((x[:500], y[:500], x[500:1000], y[500:1000]), **cures, rng=rng)
            parts = ((x[:500], y[:500]), (x[1000:], y[1000:]))
            rates.append([accuracy(predict(model, images), labels) for images, labels in parts])
            curves.append(measured)
        found[name] = np.array(rates), np.array(curves[0])
    return found


with when_written():
    print(f"{'':24}{'training digits':>16}{'test digits':>14}{'lowest, highest of 3':>24}")
    for name, (rates, _) in rescued().items():
        (seen, unseen), low, high = 100 * rates.mean(axis=0), 100 * rates[:, 1].min(), 100 * rates[:, 1].max()
        print(f"{name:24}{seen:14.1f} %{unseen:12.1f} %{low:16.1f}{high:8.1f}")

# %%
with when_written():
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.4), layout="constrained")
    for (name, (_, curves)), colour in zip(rescued().items(), plotting.COLOURS, strict=False):
        right.plot(range(1, len(curves) + 1), 100 * curves[:, 2], color=colour, label=name)
        if name in ("memorized", "+ early stopping", "+ shifts", "+ mixup"):
            left.semilogy(range(1, len(curves) + 1), curves[:, 1], color=colour, label=name)
            left.semilogy(range(1, len(curves) + 1), curves[:, 0], "--", color=colour)
    left.set(xlabel="epoch", ylabel="loss", title="validation (solid) and training digits (dashed)", ylim=(1e-4, 3))
    right.set(xlabel="epoch", ylabel="accuracy in %", title="validation digits", ylim=(78, 97))
    for ax in (left, right):
        ax.grid(alpha=0.3)
        ax.legend(fontsize="small")
    plt.show()

# %% [markdown]
# **Question 2.** *(3 points)* Look at your table and your curves. (a) The network that memorized the digits is correct
# on all 500 after a few epochs, and its validation loss keeps rising while its validation accuracy stays the same. How
# can that be? (b) One step helps more than all others together. Which, and why can no penalty achieve the same? Name
# one change of digits that would do harm instead, and which digits it would harm. (c) For batch normalization and for
# mixup the figures differ as much from one draw of 500 digits to the next as with and without it. What would you have
# to do before you can claim that one of them helps?

# %% [markdown]
# YOUR ANSWER HERE
