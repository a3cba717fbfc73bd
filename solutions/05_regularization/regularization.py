# %% [markdown]
# # 05 · Regularization

# %%
import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Layer, Parameter, array_module, asarray, ones, plotting, zeros
from dlkit.course import when_written

# %% [markdown]
# ## 5.4 Dropout
#
# A network that is large enough for its data learns units that only work together: one unit's mistake is undone by
# another's, in just the way that the training samples need. Dropout takes such partners away. In every training step each
# number of a layer is set to zero with probability $p$, each by itself, and no unit can rely on any other one:
#
# $$ y_i = \frac{k_i\, x_i}{1 - p}, \qquad k_i = \begin{cases} 0 & \text{with probability } p \\ 1 & \text{else} \end{cases} $$
#
# **Why divide by $1 - p$.** A unit of the next layer adds up many inputs. With a share $p$ of them missing its sum would be
# too small by the factor $1 - p$, and in evaluation, where nothing is dropped, all at once too large. Dividing in training
# keeps the mean,
#
# $$ \mathbb E[y_i] = \frac{(1 - p)\, x_i + p \cdot 0}{1 - p} = x_i, $$
#
# so that evaluation needs nothing at all: $y = x$. This is called *inverted* dropout. (The paper of 2014 does it the other way
# round, drops without dividing and multiplies all weights by $1 - p$ afterwards. Every library inverts.)
#
# **The backward pass.** The mask $k$ was drawn, it does not depend on $x$; so each $y_i$ is $x_i$ times a fixed number, and
#
# $$ dx_i = \frac{k_i\, dy_i}{1 - p} $$
#
# with **the same** $k$: what took no part in the forward pass gets no gradient. In evaluation $dx = dy$.
#
# *By hand:* $p = 0.2$, $x = (4\;\; 8\;\; {-2}\;\; 6)$ and $k = (1\;\; 0\;\; 1\;\; 1)$ give $y = (5\;\; 0\;\; {-2.5}\;\; 7.5)$, and
# $dy = (8\;\; 8\;\; 8\;\; 8)$ comes back as $dx = (10\;\; 0\;\; 10\;\; 10)$.
#
# **Two modes.** Every `Layer` has the attribute `self.training`. It is `True` from the beginning and after `train()`, `False`
# after `eval()`, and a whole model hands it on to its layers. Dropout is the first layer of this course that asks for it.
#
# > **Find the mistake.** An article in our sources says that dropout "addresses internal covariate shift". It does not: it
# > makes no mean and no variance steadier, on the contrary, it adds noise to them. What it prevents is *co-adaptation*, units that work
# > only in each other's company. Internal covariate shift is what *batch normalization* was proposed against, in the
# > next section.
#
# The generator `self.rng` lives on the host; `asarray(…)` moves what you draw to the device of the moment. A mask of
# booleans takes one byte a number, one of float64 eight.


# %%
class Dropout(Layer):
    """In training each number is 0 with probability p, and else divided by 1 − p; in evaluation  y = x

    Shapes
        x, y  any
    p: probability that a number is dropped, 0 ≤ p < 1.      rng: the generator that every mask is drawn from, in any way.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, Dropout: A Simple Way to Prevent Neural Networks
    from Overfitting (2014), section 4; inverted as in its section 10.
    """

    def __init__(self, p=0.5, *, rng):
        self.p = p
        self.rng = rng

    def forward(self, x):
        ### BEGIN SOLUTION
        self.kept = None
        if not self.training or self.p == 0:
            return x
        self.kept = asarray(self.rng.random(x.shape, dtype=np.float32) >= self.p)
        y = x * self.kept
        y *= 1 / (1 - self.p)
        return y
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        if self.kept is None:
            return dy
        dx = dy * self.kept
        dx *= 1 / (1 - self.p)
        return dx
        ### END SOLUTION


# %%
check(Dropout)

# %% [markdown]
# ## 5.5 Batch normalization
#
# While a network learns, the inputs of each layer change, for they are the outputs of layers that learn as well. Batch
# normalization was proposed against this (its authors called it internal covariate shift): it gives each feature mean 0 and variance 1
# over the batch, and then a scale and a shift of its own, which are learned. For one feature, with its $m$ numbers $x_1
# \ldots x_m$,
#
# $$ \mu = \frac 1m \sum_i x_i, \qquad \sigma^2 = \frac 1m \sum_i (x_i - \mu)^2, \qquad
#    \hat x_i = \frac{x_i - \mu}{\sqrt{\sigma^2 + \varepsilon}}, \qquad y_i = \gamma\, \hat x_i + \beta $$
#
# The small $\varepsilon$ stands *inside* the root; it keeps a feature that does not vary from dividing by zero. And subtract the
# mean before you square: $\frac 1m \sum x_i^2 - \mu^2$ is the same on paper, but a small difference of large numbers, which loses all its
# digits where the mean is far from zero. A check asks for that.
#
# **What the $m$ numbers are.** For an input of shape (N, C) each of the C features has $m = N$ numbers, one a row. Images (N, C, H,
# W) have C features too, their channels, and a channel means the same at every place: $m = N H W$, mean and variance are over the axes 0, 2 and
# 3. One shape covers both: as (N, C, places), with one place for (N, C), it is always the axes 0 and 2.
#
# **Evaluation.** What is said of one sample must not depend on which others happen to be in its batch; and a batch of one has no
# variance. So training keeps running values, and evaluation uses these in place of $\mu$ and $\sigma^2$:
#
# $$ r_\mu \leftarrow (1 - \alpha)\, r_\mu + \alpha\, \mu, \qquad
#    r_{\sigma^2} \leftarrow (1 - \alpha)\, r_{\sigma^2} + \alpha\, \frac{m}{m - 1}\, \sigma^2 $$
#
# with the momentum $\alpha = 0.1$: the *new* value counts a tenth, as in PyTorch. (Momentum in 04 was the share of the *old*.
# Mind the difference.) The running variance is to estimate the variance of all the data, so it takes the unbiased estimate, with
# $m - 1$; the normalization itself divides by $m$. Training uses the batch's own $\mu$ and $\sigma^2$ and never the
# running ones; evaluation changes nothing.
#
# **The backward pass, derived.** The parameters first. $\gamma$ acts on every one of the $m$ numbers at the rate $\hat x_i$, $\beta$
# at the rate 1:
#
# $$ d\gamma = \sum_i dy_i\, \hat x_i, \qquad d\beta = \sum_i dy_i, \qquad d\hat x_i = \gamma\, dy_i $$
#
# Now $x_j$. With $s = 1 / \sqrt{\sigma^2 + \varepsilon}$, so that $\hat x_i = (x_i - \mu)\, s$, it reaches the outputs by three roads:
#
# ```
#          ┌───────────────── direct ────────────────→ x̂_j
#   x_j ───┼──→ μ  ──────────────────────────────────→ every x̂_i
#          └──→ σ² ──→ s ────────────────────────────→ every x̂_i
# ```
#
# *Direct:* $\partial \hat x_j / \partial x_j = s$ gives $s\, d\hat x_j$.
#
# *Through the mean:* $\partial \mu / \partial x_j = 1/m$ and $\partial \hat x_i / \partial \mu = -s$ for every $i$, which
# gives $-\frac sm \sum_i d\hat x_i$.
#
# *Through the variance:* $\partial \hat x_i / \partial \sigma^2 = (x_i - \mu) \cdot (-\tfrac12)\, s^3 = -\tfrac12\, s^2\, \hat x_i$. And
#
# $$ \frac{\partial \sigma^2}{\partial x_j} = \frac 2m (x_j - \mu) - \frac 2m \sum_i (x_i - \mu)\, \frac{\partial \mu}{\partial x_j}
#    = \frac 2m (x_j - \mu) = \frac{2}{m s}\, \hat x_j, $$
#
# for the deviations from a mean add up to zero: the variance does not feel the mean move. Together
# $-\tfrac12 s^2 \cdot \frac{2}{m s}\, \hat x_j \sum_i d\hat x_i\, \hat x_i = -\frac sm\, \hat x_j \sum_i d\hat x_i\, \hat x_i$.
#
# The three added up, and $\gamma$ taken out of the sums:
#
# $$ dx_j = \gamma\, s \left( dy_j - \frac{d\beta}{m} - \hat x_j\, \frac{d\gamma}{m} \right) $$
#
# Read it as geometry: from $dy$, seen as a vector of $m$ numbers, its mean and its part along $\hat x$ are taken out. Moving all $x$ by the same amount, or
# stretching them, changes no output, so there is no gradient in these two directions.
#
# In evaluation $\mu$ and $\sigma^2$ are given numbers, and only the direct road is left: $dx_j = \gamma\, s\, dy_j$, with $s$ and $\hat x$
# from the running values; $d\gamma$ and $d\beta$ read as before.
#
# *By hand:* one feature, three rows, $x = (0\;\; 0\;\; 3)$, $\gamma = 1$, $\beta = 0$, $\varepsilon = 0$. Then $\mu = 1$,
# $\sigma^2 = 2$, $s = 0.707$ and $\hat x = (-0.707\;\; {-0.707}\;\; 1.414)$. With $dy = (6\;\; 0\;\; 0)$: $d\beta = 6$, $d\gamma =
# -4.243$, and $dx = 0.707 \cdot \bigl((6\;\; 0\;\; 0) - 2 + 1.414\, \hat x\bigr) = 0.707 \cdot (3\;\; {-3}\;\; 0) = (2.121\;\;
# {-2.121}\;\; 0)$. They add up to 0, as they must. The running values, which began at 0 and 1, are now 0.1 and $0.9 + 0.1 \cdot 3 =
# 1.2$; in evaluation $x = 3$ becomes $2.9 / \sqrt{1.2} = 2.647$.


# %%
class BatchNorm(Layer):
    """Mean 0 and variance 1 for every feature, over the batch and all places; then  y = γ x̂ + β

    Shapes
        x, y  (N, C) or (N, C, H, W)      gamma, beta, running_mean, running_var  (C,)
    features: C.      momentum: share of the batch's values in the running ones.      eps: added to the variance.

    In training at least two numbers a feature.  running_mean and running_var are plain arrays, moved in training,
    used in evaluation; the variance that goes into running_var is the unbiased one.

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
        ### BEGIN SOLUTION
        xp = array_module(x)
        rows = x.reshape(*x.shape[:2], -1)  # (N, C, places)
        self.count = rows.shape[0] * rows.shape[2] if self.training else None
        if self.training:
            mean = rows.sum(axis=(0, 2)) / self.count
            normal = rows - mean[:, None]
            var = xp.einsum("ncp,ncp->c", normal, normal) / self.count
            self.running_mean += self.momentum * (mean - self.running_mean)
            self.running_var += self.momentum * (var * (self.count / (self.count - 1)) - self.running_var)
        else:
            normal = rows - self.running_mean.astype(x.dtype)[:, None]
            var = self.running_var.astype(x.dtype)
        self.scale = 1 / xp.sqrt(var + self.eps)
        normal *= self.scale[:, None]
        self.normal = normal
        y = normal * self.gamma.data[:, None]
        y += self.beta.data[:, None]
        return y.reshape(x.shape)
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        rows = dy.reshape(self.normal.shape)
        dbeta = rows.sum(axis=(0, 2))
        dgamma = array_module(dy).einsum("ncp,ncp->c", rows, self.normal)
        self.beta.grad += dbeta
        self.gamma.grad += dgamma
        slope = (self.gamma.data * self.scale)[:, None]
        if self.count is None:
            return (rows * slope).reshape(dy.shape)
        dx = self.normal * (dgamma / -self.count)[:, None]
        dx += rows
        dx -= (dbeta / self.count)[:, None]
        dx *= slope
        return dx.reshape(dy.shape)
        ### END SOLUTION


# %%
check(BatchNorm)

# %% [markdown]
# How the running values find those of the data, here mean 3 and variance 4, in batches of 16. Each batch counts a tenth, so
# after thirty steps the start is forgotten ($0.9^{30} = 0.04$), and what is left is the noise of the last twenty batches or so.
# Before that, evaluation divides by a variance that is not yet there: a network that is evaluated after three steps of training
# looks worse than it is.

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
# A batch is not always there to be averaged over: a recurrent network sees another one at every step, an online learner has one sample.
# Layer normalization takes the same formula along the other axis. Each row, by itself, gets mean 0 and variance 1 over its $F$ features:
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
# No running values, and training and evaluation are the same.
#
# **The backward pass.** The roads from $x_j$ are those of batch normalization, with a row in the part of a column. But $\gamma$ now differs
# from term to term and does not come out of the sums, so keep $d\hat x_f = \gamma_f\, dy_f$:
#
# $$ dx_j = s \left( d\hat x_j - \frac 1F \sum_f d\hat x_f - \hat x_j\, \frac 1F \sum_f d\hat x_f\, \hat x_f \right) $$
#
# The parameters act on every row, so their gradients are sums over all rows, whatever the leading shape:
# $d\gamma_f = \sum dy_f\, \hat x_f$ and $d\beta_f = \sum dy_f$.
#
# *By hand:* one row, $x = (0\;\; 0\;\; 3)$, $\varepsilon = 0$, so $\hat x = (-0.707\;\; {-0.707}\;\; 1.414)$ as before. With $\gamma = (2\;\; 1\;\;
# 1)$ and $dy = (3\;\; 0\;\; 0)$: $d\hat x = (6\;\; 0\;\; 0)$, and again $dx = (2.121\;\; {-2.121}\;\; 0)$; but $d\gamma = (-2.121\;\; 0\;\; 0)$ and $d\beta =
# (3\;\; 0\;\; 0)$, one for each feature.


# %%
class LayerNorm(Layer):
    """Mean 0 and variance 1 for every row, over its features, the last axis; then  y = γ x̂ + β

    Shapes
        x, y  (…, features)      gamma, beta  (features,)
    features: length of the last axis.      eps: added to the variance, which is the one that divides by features.

    Source: Ba, Kiros & Hinton, Layer Normalization (2016), section 3.
    """

    def __init__(self, features, eps=1e-5):
        self.gamma = Parameter(ones(features))
        self.beta = Parameter(zeros(features))
        self.eps = eps

    def forward(self, x):
        ### BEGIN SOLUTION
        xp = array_module(x)
        rows = x.reshape(-1, x.shape[-1])
        normal = rows - rows.mean(axis=1, keepdims=True)
        var = xp.einsum("nf,nf->n", normal, normal)[:, None] / x.shape[-1]
        self.scale = 1 / xp.sqrt(var + self.eps)
        normal *= self.scale
        self.normal = normal
        y = normal * self.gamma.data
        y += self.beta.data
        return y.reshape(x.shape)
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        rows = dy.reshape(self.normal.shape)
        along = rows * self.normal
        self.beta.grad += rows.sum(axis=0)
        self.gamma.grad += along.sum(axis=0)
        weights = self.gamma.data / dy.shape[-1]  # means of γ dy and of γ dy x̂, each as a product with a vector
        roads = self.normal * (along @ weights)[:, None]
        roads += (rows @ weights)[:, None]
        dx = rows * self.gamma.data
        dx -= roads
        dx *= self.scale
        return dx.reshape(dy.shape)
        ### END SOLUTION


# %%
check(LayerNorm)
