# %% [markdown]
# # 03 · Losses
#
# The loss defines what a network *should* do. It turns predictions and targets into one number, and its gradient is
# where every backward pass begins: the `dy` that was given in the last assignment is computed here. In this assignment
# you write ten losses, for values, classes, probabilities, rankings and distances. At the end you train on labels of
# which every fifth is wrong, and see how much the choice of the loss matters.
#
# | | |
# |---|---|
# | Time | about 6 hours |
# | You will be able to | say what a loss rewards and what it ignores; derive its gradient from the logits and keep it finite; choose a loss for values, classes, orders and distances; explain what smoothing and focusing do to wrong labels |
# | Builds on | `Linear`, `ReLU`, `Sequential` (02), for the capstones |
# | Next | optimizers (04) |
#
# | here | PyTorch |
# |---|---|
# | `MeanSquaredError`, `Huber` | `torch.nn.MSELoss`, `HuberLoss` |
# | `BinaryCrossEntropy` | `BCEWithLogitsLoss` |
# | `SoftmaxCrossEntropy` | `CrossEntropyLoss(label_smoothing=s)` |
# | `KLDivergence` | `KLDivLoss(reduction="batchmean")` |
# | `Focal` | `torchvision.ops.sigmoid_focal_loss(reduction="mean")` |
# | `MultiMargin` | `MultiMarginLoss` |
# | `Angular` | `CosineEmbeddingLoss` |
# | `RankNet` | `MarginRankingLoss` is its relative with a kink; `-logsigmoid(better - worse).mean()` |
# | `Triplet` | `TripletMarginLoss` |
#
# **Further reading.** [Goodfellow, Bengio & Courville, *Deep Learning*](https://www.deeplearningbook.org) (2016),
# sections 5.5 and 6.2. [The notes of Stanford's CS231n](https://cs231n.github.io/linear-classify/) on linear
# classifiers, with pictures of hinge loss and cross-entropy. [Lin et al., *Focal
# Loss*](https://arxiv.org/abs/1708.02002) (2017).
#
# **Letters.** $N$ is the number of rows in the batch and $C$ that of classes; $M$ is the number of *all* elements of a
# prediction of any shape.
#
# **What a loss promises**
#
# | method | returns |
# |---|---|
# | `forward(prediction, target)` | one number $L$, the mean over the batch; stores what `backward` will need |
# | `backward()` | $\partial L / \partial\,\mathrm{prediction}$, in the shape of the prediction, already divided by the batch |
#
# There is no upstream gradient: the loss is the last function, $\partial L / \partial L = 1$, so `backward` has no
# argument. The target is given, not computed, so it has no gradient. And because the *loss* takes the mean, no layer
# has to: that is why the layers' gradients were sums over the batch.
#
# The habits of the last assignment still apply: float32 inputs give float32 results, inputs are never written to, and
# `xp = array_module(x)` instead of `np.`. The number that `forward` returns remains an array of the same library
# (`losses.mean()` is one); call `float()` only to print it.

# %%
import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Loss, array_module
from dlkit.course import earlier, when_written
from dlkit.datasets import digits

# %% [markdown]
# ## 3.1 Mean squared error
#
# For predicting values: prices, temperatures, the next frame. With $M$ the number of *all* elements, not only of rows,
#
# $$ L = \frac1M \sum_i (p_i - t_i)^2 $$
#
# **The backward pass, derived.** $p_i$ occurs in one term only. The outer derivative of the square is
# $2\,(p_i - t_i)$, the inner one of $p_i - t_i$ is 1, and the $1/M$ stays:
#
# $$ \frac{\partial L}{\partial p_i} = \frac{2}{M}\,(p_i - t_i) $$
#
# *By hand:* $p = (1\;\; 3)$, $t = (0\;\; 1)$: $L = \tfrac12(1 + 4) = 2.5$ and $dp = (1\;\; 2)$. Check the second entry
# by moving $p_2$ to 3.1: $L = \tfrac12 (1 + 4.41) = 2.705$, a rise of 0.205 for a step of 0.1, a slope of 2.05 that
# approaches 2 for smaller steps.
#
# > **Find the mistake.** A survey defines the mean squared error of a prediction $\hat y$ with $n$ values in two lines, as
# > if they were equal:
# >
# > $$ \frac1n \sum_{i=1}^n (y_i - \hat y_i)^2 \;=\; \frac1m\, (y - \hat y)(y - \hat y)^\top $$
# >
# > with $m$ the number of features. Put in $y = (0\;\; 1)$ and $\hat y = (1\;\; 3)$ as above, one value each for $n = 2$
# > houses that are described by $m = 3$ features.
# >
# > <details><summary>What is wrong</summary>The product is the sum of the n squares, 5, whatever the features are. The
# > first line gives 5/2, the second 5/3. A mean divides by the number of things that were added up: 1/n in both. The
# > number of features is the size of the input, and the loss never sees the input.</details>


# %%
class MeanSquaredError(Loss):
    """Mean of the squared difference over all elements:  L = 1/M Σ (p − t)²

    Shapes
        prediction, target  any, the same      loss  ()      dprediction  that of the prediction

    Source: Goodfellow, Bengio & Courville, Deep Learning (2016), section 5.1.4.
    """

    def forward(self, prediction, target):
        ### BEGIN SOLUTION
        self.difference = prediction - target
        return (self.difference * self.difference).mean()
        ### END SOLUTION

    def backward(self):
        ### BEGIN SOLUTION
        return self.difference * (2 / self.difference.size)
        ### END SOLUTION


# %% [markdown] hints="MeanSquaredError"
# ### forward
# 1. For 5 rows of 3 columns, over how many numbers is the mean taken: 5, or 15?
# 2. L = 1/M Σᵢ (pᵢ − tᵢ)², M the number of all elements; p, t (…) of the same shape, L ()
# 3. Subtract into a new array, and store it. Square it entry by entry, take the mean over all axes, and return the
#    number as the library gives it.
#
# ### backward
# 1. The derivative of the squared difference has two constant factors, one from the square and one from the mean.
#    Which?
# 2. ∂L/∂pᵢ = 2/M (pᵢ − tᵢ), M the number of all elements; dp (…), as p
# 3. The difference that forward stored (prediction minus target), times two over the number of its elements.

# %%
check(MeanSquaredError)

# %% [markdown]
# ## 3.2 Huber
#
# With a squared loss, one error of 100 counts as much as ten thousand errors of 1: a single mistyped value can spoil
# the whole fit. Huber's loss is the square near zero and a straight line further out. With $d = p - t$,
#
# $$ \ell(d) = \begin{cases} \tfrac12 d^2 & |d| \le \delta \\ \delta\,\bigl(|d| - \tfrac12 \delta\bigr) & |d| > \delta
#    \end{cases} \qquad L = \frac1M \sum_i \ell(d_i) $$
#
# The $-\tfrac12\delta$ makes the two pieces meet: at $|d| = \delta$ both are $\tfrac12\delta^2$.
#
# **The backward pass, derived.** $\ell'(d) = d$ inside and $\delta\,\mathrm{sign}(d)$ outside: the difference, *clipped* to
# $[-\delta, \delta]$. Call that $c$. Then
#
# $$ \frac{\partial L}{\partial p_i} = \frac{c_i}{M} \qquad\text{and also}\qquad \ell(d) = c\,\bigl(d - \tfrac12 c\bigr), $$
#
# which you can check in both branches: inside, $c = d$ gives $\tfrac12 d^2$; outside, $c = \pm\delta$ gives
# $\delta|d| - \tfrac12\delta^2$. One clipped array serves both passes, without a case distinction.
#
# *By hand:* $\delta = 1$, $d = (0.5\;\; {-3})$: $\ell = (0.125\;\; 2.5)$, $L = 1.3125$, $dp = (0.25\;\; {-0.5})$. The
# squared error would have given the gradient $(0.5\;\; {-3})$: six times the weight for the outlier.


# %%
class Huber(Loss):
    """Square near zero, straight line further out:  ½ d² where |d| ≤ delta, else delta (|d| − ½ delta); d = p − t

    Shapes
        prediction, target  any, the same      loss  (), the mean over all elements      dprediction  as the prediction
    delta: greater than zero.

    Source: Huber, Robust Estimation of a Location Parameter (1964); Hastie, Tibshirani & Friedman, The Elements of
    Statistical Learning (2009), section 10.6 (there twice as large).
    """

    def __init__(self, delta=1.0):
        self.delta = delta

    def forward(self, prediction, target):
        ### BEGIN SOLUTION
        difference = prediction - target
        self.clipped = array_module(difference).clip(difference, -self.delta, self.delta)
        return (self.clipped * (difference - 0.5 * self.clipped)).mean()
        ### END SOLUTION

    def backward(self):
        ### BEGIN SOLUTION
        return self.clipped / self.clipped.size
        ### END SOLUTION


# %% [markdown] hints="Huber"
# ### forward
# 1. What are the values of the two pieces at |d| = δ? If they differ, the loss has a jump there.
# 2. ℓ = ½ d² where |d| ≤ δ, else δ (|d| − ½ δ), d = p − t; the same without a case distinction: ℓ = c (d − ½ c), c = d
#    clipped to [−δ, δ]; L = 1/M Σᵢ ℓᵢ, M the number of all elements; p, t, d, c (…)
# 3. The difference, and the difference clipped at both ends; store the clipped one. Multiply it by (difference minus
#    half of it), and take the mean over all elements.
#
# ### backward
# 1. What is the slope of ½ d², what is the slope of the straight line, and on which side is it negative? One stored
#    array contains both.
# 2. ∂L/∂pᵢ = cᵢ / M, c = d clipped to [−δ, δ], M the number of all elements; dp (…), as p
# 3. Divide the clipped difference that forward stored by the number of all elements.

# %%
check(Huber)

# %% [markdown]
# The two losses as functions of the difference, and their gradients. Then a straight line fitted to data with three
# mistyped values, by gradient descent with your own gradients: which of the two fits would you prefer?

# %%
with when_written():
    d = np.linspace(-4, 4, 401)
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    for name, loss in {"squared": MeanSquaredError(), "Huber, δ = 1": Huber(1.0), "Huber, δ = 0.3": Huber(0.3)}.items():
        axes[0].plot(d, [loss(d[i : i + 1], np.zeros(1)) for i in range(len(d))], label=name)
        loss(d, np.zeros_like(d))
        axes[1].plot(d, loss.backward() * len(d), label=name)
    axes[0].set(title="forward", xlabel="prediction − target", ylim=(0, 6))
    axes[1].set(title="backward: the gradient", xlabel="prediction − target", ylim=(-4, 4))
    axes[0].legend()

    rng = np.random.default_rng(3)
    x = np.sort(rng.uniform(-1, 1, 40))
    t = 0.5 + 1.5 * x + rng.normal(0, 0.15, 40)
    t[[2, 6, 9]] += 8
    axes[2].plot(x, t, "k.", label="data")
    for name, loss in {"squared": MeanSquaredError(), "Huber, δ = 0.3": Huber(0.3)}.items():
        slope, intercept = 0.0, 0.0
        for _ in range(2000):
            loss(slope * x + intercept, t)
            dp = loss.backward()
            slope, intercept = slope - 0.3 * (dp * x).sum(), intercept - 0.3 * dp.sum()
        axes[2].plot(x, slope * x + intercept, label=name)
    axes[2].set(title="three mistyped values", xlabel="x", ylim=(-2, 9))
    axes[2].legend()
    plt.show()

# %% [markdown]
# ## 3.3 Binary cross-entropy
#
# For yes-or-no questions. The network returns any number $x$ (a *logit*), the sigmoid turns it into a probability
# $a = \sigma(x)$, and the loss is small if $a$ is close to the answer $y \in [0, 1]$:
#
# $$ \ell = -y \log a - (1 - y) \log(1 - a) $$
#
# **Stay finite.** At $x = -1000$ the sigmoid is 0 and its logarithm $-\infty$. Never take that logarithm: substitute
# $\log a = -\log(1 + e^{-x})$ and $\log(1 - a) = -x - \log(1 + e^{-x})$; for $x \ge 0$ you get
#
# $$ \ell = y \log(1 + e^{-x}) + (1 - y)\bigl(x + \log(1 + e^{-x})\bigr) = x - x y + \log\bigl(1 + e^{-x}\bigr) $$
#
# For $x < 0$ the exponent is positive; there $\log(1 + e^{-x}) = -x + \log(1 + e^{x})$, which leaves
# $-xy + \log(1 + e^{x})$. Both at once, with no positive exponent:
#
# $$ \ell = \max(x, 0) - x y + \log\bigl(1 + e^{-|x|}\bigr) $$
#
# and `log1p(e)` keeps the digits of $\log(1 + e)$ where $e$ is tiny.
#
# **The backward pass, derived.** With respect to the probability,
# $\partial \ell / \partial a = -y/a + (1 - y)/(1 - a) = (a - y) / \bigl(a (1 - a)\bigr)$. The sigmoid's slope is
# $a (1 - a)$. The product is as simple as can be:
#
# $$ \frac{\partial \ell}{\partial x} = a - y, \qquad \frac{\partial L}{\partial x_i} = \frac{a_i - y_i}{M} $$
#
# with $M$ the number of all elements. The denominator that could have been zero is gone. That is why the loss takes
# logits: the logarithm cancels the exponential of the sigmoid on paper, so the computer does not have to compute
# either.
#
# *By hand:* $x = 0$, $y = 1$: $a = \tfrac12$, $\ell = \log 2 \approx 0.693$, $dx = -\tfrac12$. And $x = -1000$, $y = 1$:
# $\ell = 0 + 1000 + 0 = 1000$, $dx = -1$.
#
# > **Find the mistake.** An article prints for this backward pass
# > $$ dz = -\frac{y}{a} - \frac{1 - y}{1 - a} $$
# > where $z$ is our $x$. Put in $y = 1$ and $a = 0.8$ and compare with the slope of the loss, then $y = 0$. Two things
# > are wrong.
# >
# > <details><summary>What is wrong</summary>It gives −1.25 for y = 1, where a − y = −0.2, and −5 for y = 0, where a − y =
# > 0.8: raising the logit of a "no" would be rewarded. The second term must be added, because the derivative of log(1 −
# > a) has its own minus sign; and even then it is the derivative with respect to a, not z: the factor a (1 − a) is
# > missing. With both fixed, only a − y is left.</details>


# %%
class BinaryCrossEntropy(Loss):
    """Cross-entropy of yes and no, from logits:  −y log σ(x) − (1 − y) log(1 − σ(x)), finite for every finite x

    Shapes
        logits, target  any, the same      loss  (), the mean over all elements      dlogits  as the logits
    target: floats from 0 (no) to 1 (yes).

    Source: Goodfellow, Bengio & Courville, Deep Learning (2016), section 6.2.2.2.
    """

    def forward(self, logits, target):
        ### BEGIN SOLUTION
        xp = array_module(logits)
        e = xp.exp(-abs(logits))
        self.probability = xp.where(logits >= 0, 1, e) / (1 + e)
        self.target = target
        losses = xp.maximum(logits, 0) - logits * target + xp.log1p(e)
        return losses.mean()
        ### END SOLUTION

    def backward(self):
        ### BEGIN SOLUTION
        return (self.probability - self.target) / self.probability.size
        ### END SOLUTION


# %% [markdown] hints="BinaryCrossEntropy"
# ### forward
# 1. Which logarithm becomes infinite at x = −1000, and which at x = +1000? Logarithm and exponential cancel on paper,
#    before anything overflows.
# 2. ℓ = max(x, 0) − x y + log(1 + e^(−|x|)); L = 1/M Σᵢ ℓᵢ, M the number of all elements; logits x and target y (…),
#    L ()
# 3. Compute the exponential of minus the absolute logit once: you need it in the logarithm (there is a function that
#    keeps the digits of log(1 + q) for a tiny q) and in a = σ(x), which backward needs. Add the three terms, take the
#    mean, store a and the target.
#
# ### backward
# 1. The slope of σ is a (1 − a). What is left when you multiply it by ∂ℓ/∂a?
# 2. ∂L/∂xᵢ = (aᵢ − yᵢ) / M, a = σ(x), M the number of all elements; dx (…), as x
# 3. Probability minus target, divided by the number of all elements. No further factor: it has cancelled.

# %%
check(BinaryCrossEntropy)

# %% [markdown]
# ## 3.4 Softmax cross-entropy
#
# The loss that most classifiers are trained with. Scores $x_{nk}$ of sample $n$ for class $k$ become probabilities
# $p_{nk} = e^{x_{nk}} / \sum_j e^{x_{nj}}$, and the target is a distribution $q_{nk}$ over the classes:
#
# $$ L = -\frac1N \sum_n \sum_k q_{nk} \log p_{nk} $$
#
# with $N$ rows in the batch. For a label $y_n$, $q$ is 1 at $y_n$ and 0 elsewhere, and the inner sum is
# $\log p_{n y_n}$ alone. With **label smoothing** $s$, the target is slightly uncertain: a share $s$ is spread evenly
# over *all* $C$ classes, including the correct one,
#
# $$ q_{nk} = (1 - s)\,[k = y_n] + \frac{s}{C} $$
#
# **Stay finite.** $\log p_k = x_k - \log \sum_j e^{x_j}$. Subtract the row's maximum from the scores first,
# $z_k = x_k - \max_j x_j$; it cancels, no exponent is positive, and the sum is at least 1, so its logarithm is finite.
# Never form $\log(p_k)$: a probability of $e^{-1000}$ is stored as 0.
#
# No table of $q$ is needed. Since $\sum_k q_k = 1$,
#
# $$ -\sum_k q_k \log p_k = \log \sum_j e^{z_j} - \sum_k q_k z_k
#    = \log \sum_j e^{z_j} - (1 - s)\, z_y - s\, \bar z, \qquad \bar z = \frac1C \sum_k z_k $$
#
# **The backward pass, derived.** From that last form, for one row: the derivative of $\log \sum_j e^{x_j}$ with respect
# to $x_k$ is $e^{x_k} / \sum_j e^{x_j} = p_k$, and that of $\sum_j q_j x_j$ is $q_k$. So
#
# $$ \frac{\partial L}{\partial x_{nk}} = \frac{p_{nk} - q_{nk}}{N} $$
#
# the same "prediction minus target" as above. Each row sums to zero: what one class gains, the others lose.
#
# *By hand:* scores $(0\;\; \log 3)$, label 1: $p = (\tfrac14\;\; \tfrac34)$, $L = -\log\tfrac34 \approx 0.288$,
# $dx = (\tfrac14\;\; {-\tfrac14})$. With $s = 0.2$: $q = (0.1\;\; 0.9)$, $dx = (0.15\;\; {-0.15})$, and at $p = q$ the
# gradient is zero: the scores no longer grow without limit.
#
# To select one score from each row, index with two arrays: `scores[rows, labels]` with `rows = xp.arange(len(labels))`.
# With $N = 2$ rows and $C = 3$ classes:
#
# ```
#   scores (N × C)     rows, labels (N,)     scores[rows, labels] (N,)
#
#     4  [1]  0          0, 1        ───▶        1
#    [2]  5   3          1, 0        ───▶        2
#
#   p − q  (N × C): the softmax of every row, minus 1 at the brackets; divided by N it is dscores
# ```
#
# > **Find the mistake.** A survey prints the cross-entropy as $-\sum_k p_k q_k$. For the label 1 and $C = 2$, compute
# > what it gives for $p_1 = 1$, $\tfrac12$ and $0.001$. What would be the loss of a network that is certain and wrong?
# >
# > <details><summary>What is wrong</summary>The logarithm is missing: it should be −Σ q log p. The printed formula
# > gives −1, −0.5 and −0.001. It is bounded, so being certain and wrong costs hardly more than being undecided, and its
# > gradient with respect to the scores has the factor p of the correct class: a network that is certain and wrong would
# > learn next to nothing from it. The correct formula gives 0, 0.69 and 6.9.</details>


# %%
class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of a softmax and labels:  −1/N Σₙ Σₖ q log p, q = (1 − s) [k = label] + s / classes

    Shapes
        scores  (batch, classes)      labels  (batch,), integers from 0      loss  ()      dscores  (batch, classes)
    label_smoothing: s, from 0 to 1.  Finite for all finite scores.

    Source: Goodfellow, Bengio & Courville, Deep Learning (2016), section 6.2.2.3; smoothing: Szegedy, Vanhoucke, Ioffe,
    Shlens & Wojna, Rethinking the Inception Architecture for Computer Vision (2016), section 7.
    """

    def __init__(self, label_smoothing=0.0):
        self.label_smoothing = label_smoothing

    def forward(self, scores, labels):
        ### BEGIN SOLUTION
        xp, s = array_module(scores), self.label_smoothing
        rows = xp.arange(len(labels))
        z = scores - scores.max(axis=1, keepdims=True)
        right = z[rows, labels]
        average = xp.einsum("nk->n", z) / z.shape[1] if s else right  # einsum sums rows faster than z.sum(axis=1)
        xp.exp(z, out=z)
        total = xp.einsum("nk->n", z)
        losses = xp.log(total) - (1 - s) * right - s * average
        self.rows, self.labels, self.exponentials, self.total = rows, labels, z, total
        return losses.mean()
        ### END SOLUTION

    def backward(self):
        ### BEGIN SOLUTION
        s, (batch, classes) = self.label_smoothing, self.exponentials.shape
        dscores = self.exponentials * (1 / (batch * self.total))[:, None]
        if s:
            dscores -= s / (batch * classes)
        dscores[self.rows, self.labels] -= (1 - s) / batch
        return dscores
        ### END SOLUTION


# %% [markdown] hints="SoftmaxCrossEntropy"
# ### forward
# 1. Do you take the logarithm of a probability anywhere, which may be stored as 0? The logarithm of a quotient is a
#    difference. And which entries do two index arrays select: one from each row, or a whole table?
# 2. zₙₖ = xₙₖ − maxⱼ xₙⱼ; ℓₙ = log Σⱼ e^(zₙⱼ) − (1 − s) z[n, labelₙ] − s/C Σₖ zₙₖ; s = label_smoothing; L = 1/N Σₙ
#    ℓₙ; scores x (N, C), labels (N,), ℓ (N,), L ()
# 3. Subtract each row's own maximum from its scores, into a new array. Select the label's score of every row by pairs
#    of row number and label. Then the exponentials, their sum along the classes, the logarithm of that sum; combine the
#    three terms and take the mean over the rows. Store the exponentials and sums.
#
# ### backward
# 1. What was predicted, and what is the target? Both are distributions: what must every row of the gradient sum to?
# 2. ∂L/∂xₙₖ = (pₙₖ − qₙₖ) / N; pₙₖ = e^(zₙₖ) / Σⱼ e^(zₙⱼ); qₙₖ = (1 − s) [k = labelₙ] + s/C; dx, p, q (N, C)
# 3. The exponentials over the sum of their row; subtract s/C everywhere, and 1 − s in addition at every row's label;
#    divide everything by the number of rows, not of elements.
#
# ### speed
# 1. Which loop goes over the rows? And which exponentials do you compute again in backward?
# 2. forward: N · C exponentials, once; backward: N · C products, and N subtractions at the labels
# 3. Process all rows at once, store exponentials and row sums for backward, and correct the labels' entries by pairs of
#    row number and label instead of a table of ones and zeros.

# %%
check(SoftmaxCrossEntropy)

# %% [markdown]
# The gradient as a picture, with your own loss: six rows of five scores, the labels marked by a dot. Every row of the
# gradient is the softmax of its scores, minus 1 at the label, divided by the number of rows. Orange entries will fall in
# the next step, violet ones will rise. In which row has the network nothing to learn, and in which the most? On the right
# with smoothing: a score that leads by too much falls again.

# %%
with when_written():
    scores = np.array(
        [[6.0, 0, 0, 0, 0], [0, 2, 1, 0, 0], [0, 0, 0, 0, 0], [3, 0, 0, 0, 0], [0, 3, 0, 3, 0], [5, 0, 0, 0, 2]]
    )
    labels, loss = np.array([0, 1, 2, 3, 3, 4]), SoftmaxCrossEntropy()
    figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
    loss.forward(scores, labels)
    smooth = SoftmaxCrossEntropy(label_smoothing=0.5)
    smooth.forward(scores, labels)
    named = {"scores": scores / 36, "gradient": loss.backward(), "gradient, smoothing 0.5": smooth.backward()}
    for (name, numbers), ax in zip(named.items(), axes, strict=True):
        ax.imshow(numbers, cmap="PuOr_r", vmin=-1 / 6, vmax=1 / 6)
        ax.plot(labels, range(6), "ko", ms=4)
        ax.set(title=name, xlabel="class", ylabel="row", xticks=range(5))
    plt.show()

# %% [markdown]
# ## 3.5 Kullback-Leibler divergence
#
# How far is a distribution $p$ from a given distribution $q$? The prediction consists of *log*-probabilities
# $u = \log p$, as a log-softmax returns them; the target consists of plain probabilities:
#
# $$ L = \frac1N \sum_n \sum_k q_{nk}\,\bigl(\log q_{nk} - u_{nk}\bigr) $$
#
# It is the cross-entropy minus the entropy of $q$, so it is 0 where $p = q$ and never negative. It appears again when
# one network teaches another, and in variational autoencoders.
#
# **Stay finite.** $q \log q \to 0$ for $q \to 0$, but the computer gives $0 \cdot (-\infty) =$ nan. Take the logarithm
# of 1 wherever $q = 0$: its value there does not matter, as long as it is finite.
#
# **The backward pass, derived.** Linear in $u$: $\;\partial L / \partial u_{nk} = -q_{nk} / N$. The prediction does not
# appear. (It does after the backward pass of the log-softmax before it: then the result is again $p - q$.)
#
# *By hand:* $q = (1\;\; 0)$, $u = (\log\tfrac12\;\; \log\tfrac12)$: $L = 1 \cdot (0 + \log 2) + 0 = \log 2$ and
# $du = (-1\;\; 0)$.


# %%
class KLDivergence(Loss):
    """Kullback-Leibler divergence of log-probabilities from probabilities:  1/N Σ q (log q − u)

    Shapes
        prediction, target  (batch, …), the same      loss  ()      dprediction  as the prediction
    prediction: logarithms of probabilities, u.  target: probabilities q; where q = 0 the term is 0.
    The sum over all elements is divided by the batch (PyTorch's reduction 'batchmean').

    Source: Kullback & Leibler, On Information and Sufficiency (1951); Goodfellow, Bengio & Courville, Deep Learning
    (2016), equation 3.50.
    """

    def forward(self, prediction, target):
        ### BEGIN SOLUTION
        xp = array_module(prediction)
        self.target = target
        log_target = xp.log(xp.where(target > 0, target, 1))
        return (target * (log_target - prediction)).sum() / len(target)
        ### END SOLUTION

    def backward(self):
        ### BEGIN SOLUTION
        return self.target * (-1 / len(self.target))
        ### END SOLUTION


# %% [markdown] hints="KLDivergence"
# ### forward
# 1. Which of the two is already a logarithm? And what is 0 · log 0 on a computer?
# 2. L = 1/N Σₙ Σₖ qₙₖ (log qₙₖ − uₙₖ), a term with qₙₖ = 0 is 0; prediction u and target q (N, …), L ()
# 3. Replace the target by 1 wherever it is 0 and take the logarithm. Subtract the prediction as it is, multiply by the
#    target, sum over everything, divide by the number of rows.
#
# ### backward
# 1. The loss is linear in the prediction. Does the prediction still appear in its slope?
# 2. ∂L/∂uₙₖ = −qₙₖ / N; du, q (N, …)
# 3. Minus the target, divided by the number of rows: forward only has to store the target.

# %%
check(KLDivergence)

# %% [markdown]
# ## 3.6 Focal loss
#
# A detector looks at a hundred thousand places in an image, and ten of them contain an object. Each of the others has a
# small loss, but together they outweigh the ten. The focal loss reduces the weight of easy samples. Write $p_t$ for the
# probability that the network gives to the *correct* answer ($\sigma(x)$ for a yes, $1 - \sigma(x)$ for a no):
#
# $$ \ell = -\alpha_t\,(1 - p_t)^\gamma \log p_t, \qquad \alpha_t = \begin{cases} \alpha & y = 1 \\ 1 - \alpha & y = 0
#    \end{cases} $$
#
# At $\gamma = 0$ and $\alpha = \tfrac12$ it is half the binary cross-entropy. At $\gamma = 2$ a sample with
# $p_t = 0.9$ counts a hundredth.
#
# **One sign instead of two cases.** With $g = 2y - 1 = \pm 1$ and $z = g x$, the logit of the correct answer,
# $p_t = \sigma(z)$. Let $m = 1 - p_t = \sigma(-z)$ be the probability of a miss. As in 3.3,
# $-\log p_t = \max(-z, 0) + \log(1 + e^{-|z|})$ stays finite; call it $h$. So $\ell = \alpha_t\, m^\gamma\, h$.
#
# **The backward pass, derived.** Product rule. The slopes of the factors are
#
# $$ \frac{dm}{dz} = -\sigma(z)\,\sigma(-z) = -(1 - m)\,m, \qquad \frac{dh}{dz} = -m $$
#
# so that
#
# $$ \frac{d\ell}{dz} = \alpha_t \Bigl[\gamma\, m^{\gamma - 1} \cdot \bigl(-(1 - m)\, m\bigr) \cdot h + m^\gamma \cdot (-m) \Bigr]
#    = -\alpha_t\, m^\gamma \bigl[\gamma\,(1 - m)\,h + m\bigr] $$
#
# and with $dz/dx = g$: $\; \partial L / \partial x_i = g_i\, \ell'(z_i) / M$. The weight is *not* a constant: it
# shrinks as the sample gets easier, which gives the first term.
#
# *By hand:* $x = 0$, $y = 1$, $\gamma = 2$, $\alpha = \tfrac14$: $m = \tfrac12$, $h = \log 2$,
# $\ell = \tfrac14 \cdot \tfrac14 \cdot 0.693 = 0.0433$, $dx = -\tfrac1{16}\bigl[2 \cdot \tfrac12 \cdot 0.693 + \tfrac12\bigr] = -0.0746$.


# %%
class Focal(Loss):
    """Binary cross-entropy with little weight on easy samples:  −αₜ (1 − pₜ)^gamma log pₜ, from logits

    Shapes
        logits, target  any, the same      loss  (), the mean over all elements      dlogits  as the logits
    target: 0.0 or 1.0.  gamma: 0 or more.  alpha: weight of target 1; target 0 has 1 − alpha.
    Finite for every finite logit.

    Source: Lin, Goyal, Girshick, He & Dollár, Focal Loss for Dense Object Detection (2017), equation 5.
    """

    def __init__(self, gamma=2.0, alpha=0.25):
        self.gamma = gamma
        self.alpha = alpha

    def forward(self, logits, target):
        ### BEGIN SOLUTION
        xp = array_module(logits)
        self.sign = 2 * target - 1
        z = self.sign * logits
        e = xp.exp(-abs(z))
        self.miss = xp.where(z >= 0, e, 1) / (1 + e)
        self.surprise = xp.maximum(-z, 0) + xp.log1p(e)
        balance = self.alpha * target + (1 - self.alpha) * (1 - target)
        self.weight = balance * self.miss**self.gamma
        return (self.weight * self.surprise).mean()
        ### END SOLUTION

    def backward(self):
        ### BEGIN SOLUTION
        slope = self.gamma * (1 - self.miss) * self.surprise + self.miss
        return -self.sign * self.weight * slope / self.sign.size
        ### END SOLUTION


# %% [markdown] hints="Focal"
# ### forward
# 1. A yes and a no look like two cases. By what do you multiply the logit to get the logit of the correct answer in
#    both?
# 2. g = 2 y − 1, z = g x; m = σ(−z), the probability of a miss; h = −log σ(z) = max(−z, 0) + log(1 + e^(−|z|)); L =
#    1/M Σᵢ αₜ m^γ h, αₜ = α where y = 1, 1 − α where y = 0; x, y, z, m, h (…), M the number of all elements
# 3. The sign, z, and the exponential of minus |z|. From that one exponential compute m, with no positive exponent in
#    either branch, and h. αₜ times the power of m is the weight; weight times h, then the mean. Store the sign, m, h
#    and the weight.
#
# ### backward
# 1. The weight depends on the logit as well. Which two terms does the product rule give, and what do they have in
#    common?
# 2. ∂L/∂xᵢ = −g αₜ m^γ [γ (1 − m) h + m] / M, all letters at element i; dx (…), as x
# 3. The bracket from m and h; the weight that forward stored; the sign g once more, because z = g x; a minus, because
#    the loss falls as z rises; divide by the number of all elements.

# %%
check(Focal)

# %% [markdown]
# The loss of one sample and its gradient, as functions of the logit of the correct answer. Look to the right of 2,
# where most samples of a trained detector are.

# %%
with when_written():
    z = np.linspace(-5, 6, 400)
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
    variants = {"cross-entropy": BinaryCrossEntropy()} | {f"focal, γ = {g:g}": Focal(g, 0.5) for g in (0.5, 1, 2, 5)}
    for name, loss in variants.items():
        scale = 1 if name == "cross-entropy" else 2  # alpha = 0.5 halves every loss: undone for comparison
        axes[0].plot(z, [scale * loss(z[i : i + 1], np.ones(1)) for i in range(len(z))], label=name)
        loss(z, np.ones_like(z))
        axes[1].plot(z, -scale * len(z) * loss.backward(), label=name)
    axes[0].set(title="forward", xlabel="logit of the correct answer", ylim=(0, 5))
    axes[1].set(title="backward: minus gradient", xlabel="logit of the correct answer", yscale="log", ylim=(1e-6, 3))
    axes[1].legend(loc="lower left")
    plt.show()

# %% [markdown]
# **Question 1.** *(3 points)* `BinaryCrossEntropy`, `SoftmaxCrossEntropy` and `Focal` take logits, though each could
# have taken the probabilities that a `Sigmoid` or `Softmax` layer returns. Explain what goes wrong in *forward* and in
# *backward* when sigmoid and cross-entropy are two separate steps in float32 and a sample with target 1 has the logit
# −200; then explain what happens at −50, where the sigmoid is still greater than zero, and at +50 with target 0.

# %% [markdown] question="why_logits"
# ### BEGIN SOLUTION
# At −200 the sigmoid is $e^{-200} \approx 10^{-87}$, which float32 stores as 0 (its smallest numbers are about
# $10^{-45}$). Forward: log 0 = −∞, the loss is infinite (and in the target-0 term 0 · −∞ can make nan). Backward: the
# loss's derivative −y/a is −1/0 = −∞, the sigmoid's slope a (1 − a) is 0, and their product 0 · ∞ is nan, which spreads
# to every weight with the next step. The correct values, 200 and −1, are ordinary numbers: from the logit they are
# computed as max(x, 0) − x y + log1p(e^−|x|) and a − y.
#
# At −50, $a \approx 2 \cdot 10^{-22}$ is a normal float32 number; log a = −50 and −1/a · a (1 − a) = −1 are both
# correct. At +50 with target 0, a is rounded to exactly 1 (1 − a would be $10^{-22}$, far below the spacing of float32
# at 1, about $10^{-7}$), so log(1 − a) is already −∞: the two sides differ, and on this side the problem begins at
# about x = 17.
#
# Mark scheme: 1 point for the infinite loss in forward with the reason, 1 for 0 · ∞ = nan (or a gradient of 0 where it
# should be −1) in backward, 1 for seeing that −50 survives and +50 does not because 1 − a is rounded to 0.
# ### END SOLUTION

# %% [markdown]
# ## 3.7 Multi-class margin
#
# The loss of the support vector machine. It needs no probabilities. It requires only that the score of the correct
# class exceeds every other by a margin $\Delta$; then the loss is zero:
#
# $$ L = \frac{1}{N\,C} \sum_n \sum_{j \ne y_n} \max\bigl(0,\; \Delta - x_{n y_n} + x_{nj}\bigr) $$
#
# **The backward pass, derived.** Where a term is positive, its slope is $+1$ with respect to $x_{nj}$ and $-1$ with
# respect to $x_{n y_n}$; elsewhere it is 0. Let $v_n$ be the number of classes that violate the margin in row $n$:
#
# $$ \frac{\partial L}{\partial x_{nj}} = \frac{1}{N\,C} \begin{cases} [\Delta - x_{n y_n} + x_{nj} > 0] & j \ne y_n \\
#    -v_n & j = y_n \end{cases} $$
#
# *By hand:* scores $(2\;\; 1.5\;\; {-1})$, label 0, $\Delta = 1$: the terms of the classes 1 and 2 are $0.5$ and
# $\max(0, -2) = 0$, so $L = 0.5 / 3$ and $dx = (-\tfrac13\;\; \tfrac13\;\; 0)$. The term of the correct class itself
# would always be $\Delta$: leave it out.


# %%
class MultiMargin(Loss):
    """Hinge over classes:  1/(N C) Σₙ Σ_{j ≠ label} max(0, margin − x_label + xⱼ)

    Shapes
        scores  (batch, classes)      labels  (batch,), integers from 0      loss  ()      dscores  (batch, classes)
    margin: greater than zero.

    Source: Weston & Watkins, Support Vector Machines for Multi-Class Pattern Recognition (1999), whose sum is divided
    by the number of classes here, as PyTorch does.
    """

    def __init__(self, margin=1.0):
        self.margin = margin

    def forward(self, scores, labels):
        ### BEGIN SOLUTION
        xp = array_module(scores)
        rows = xp.arange(len(labels))
        lead = scores[rows, labels] - self.margin
        slack = scores - lead[:, None]
        slack[rows, labels] = 0
        xp.maximum(slack, 0, out=slack)
        self.rows, self.labels, self.slack = rows, labels, slack
        return slack.mean()
        ### END SOLUTION

    def backward(self):
        ### BEGIN SOLUTION
        dscores = (self.slack > 0).astype(self.slack.dtype)
        dscores[self.rows, self.labels] = -dscores.sum(axis=1)
        dscores /= dscores.size
        return dscores
        ### END SOLUTION


# %% [markdown] hints="MultiMargin"
# ### forward
# 1. What would the correct class's own term be, in every row? Does the sum contain it?
# 2. L = 1/(N C) Σₙ Σ_(j ≠ labelₙ) max(0, Δ − x[n, labelₙ] + xₙⱼ), Δ = margin; scores x (N, C), labels (N,), L ()
# 3. The others must stay below the label's score of the row minus the margin. By how much does each exceed it? Set the
#    label's own entry and all negative entries to zero. The mean of that table over rows and classes is the loss; store
#    the table.
#
# ### backward
# 1. In how many terms of its row does the correct class's score appear, and with which sign?
# 2. for j ≠ labelₙ: ∂L/∂xₙⱼ = 1/(N C) where its term is positive, else 0; ∂L/∂x[n, labelₙ] = −vₙ/(N C), vₙ the number
#    of positive terms of row n; dx (N, C)
# 3. Ones in the dtype of the scores wherever the stored table is positive. At each row's label, minus the number of
#    ones in that row. Divide everything by rows times classes.
#
# ### speed
# 1. Which loop goes over the rows, in forward or in backward?
# 2. N · C differences and comparisons, on whole tables (N, C); N corrections at the labels
# 3. Subtract each row's own number as a column from the whole table, and set the labels' entries of all rows by pairs
#    of row number and label.

# %%
check(MultiMargin)

# %% [markdown]
# ## 3.8 Angular
#
# Are two things alike? Compare the vectors that a network computes for them; often only their direction matters, not
# their length. With $\cos\theta = a \cdot b / (\lVert a \rVert\,\lVert b \rVert)$ and a target that is $+1$ for alike
# pairs and $-1$ for unlike pairs,
#
# $$ \ell = \begin{cases} 1 - \cos\theta & t = +1 \\ \max(0, \cos\theta - \Delta) & t = -1 \end{cases}
#    \qquad L = \frac1N \sum_n \ell_n $$
#
# With the margin $\Delta$, unlike vectors that are further apart than $\arccos \Delta$ have no loss.
#
# **The backward pass, derived.** $a$ appears in the numerator and, through its length, in the denominator. With
# $\partial \lVert a \rVert / \partial a = a / \lVert a \rVert$, the quotient rule gives
#
# $$ \frac{\partial \cos\theta}{\partial a} = \frac{b}{\lVert a \rVert\,\lVert b \rVert}
#    - \frac{a \cdot b}{\lVert a \rVert^2\,\lVert b \rVert} \cdot \frac{a}{\lVert a \rVert}
#    = \frac{b}{\lVert a \rVert\,\lVert b \rVert} - \cos\theta\,\frac{a}{\lVert a \rVert^2} $$
#
# and the same for $b$ with the roles exchanged. Multiply by $\partial \ell / \partial \cos\theta$, which is $-1$ for
# alike pairs, $+1$ for unlike pairs that are too close, and 0 for the others; divide by $N$. A test: the gradient with
# respect to $a$ is orthogonal to $a$, because a longer $a$ has the same angle.
#
# *By hand:* $a = (2\;\; 0)$, $b = (1\;\; 1)$, $t = +1$: $\cos\theta = 2 / (2\sqrt2) = 0.707$, $\ell = 0.293$,
# $da = -\bigl[(1\;\; 1)/2\sqrt2 - 0.707\,(2\;\; 0)/4\bigr] = (0\;\; {-0.354})$: a descent step turns $a$ towards $b$
# without stretching it.
#
# A vector of zeros has no direction. As in PyTorch, $10^{-12}$ is added to both squared lengths, so that it gives
# $\cos\theta = 0$ instead of $0/0$.


# %%
class Angular(Loss):
    """Cosine embedding loss:  1 − cos θ where target is +1, max(0, cos θ − margin) where it is −1

    Shapes
        a, b  (batch, features)      target  (batch,), integers +1 or −1      loss  (), the mean over the batch
        backward returns da, db, both (batch, features)
    margin: from −1 to 1.  cos θ = a·b / √((a·a + 10⁻¹²)(b·b + 10⁻¹²)), PyTorch's, finite for vectors of zeros.

    Source: Barz & Denzler, Deep Learning on Small Datasets without Pre-Training using Cosine Loss (2020), for 1 − cos
    θ; the part for unlike pairs as in PyTorch's CosineEmbeddingLoss.
    """

    def __init__(self, margin=0.0):
        self.margin = margin

    def forward(self, a, b, target):
        ### BEGIN SOLUTION
        xp = array_module(a)
        self.a, self.b, self.alike = a, b, target == 1
        self.aa = (a * a).sum(axis=1) + 1e-12
        self.bb = (b * b).sum(axis=1) + 1e-12
        self.norms = xp.sqrt(self.aa * self.bb)
        self.cosine = (a * b).sum(axis=1) / self.norms
        losses = xp.where(self.alike, 1 - self.cosine, xp.maximum(self.cosine - self.margin, 0))
        return losses.mean()
        ### END SOLUTION

    def backward(self):
        ### BEGIN SOLUTION
        a, b, xp = self.a, self.b, array_module(self.a)
        slope = xp.where(self.alike, -1, self.cosine > self.margin).astype(a.dtype) / len(a)
        across = (slope / self.norms)[:, None]
        along = slope * self.cosine
        da = across * b - (along / self.aa)[:, None] * a
        db = across * a - (along / self.bb)[:, None] * b
        return da, db
        ### END SOLUTION


# %% [markdown] hints="Angular"
# ### forward
# 1. The product a·b grows with the lengths. What must you divide it by so that only the angle is left, and what if a
#    vector is all zeros?
# 2. p = a·a + 10⁻¹², q = b·b + 10⁻¹², cos θ = a·b / √(p q), all (N,); ℓ = 1 − cos θ where t = +1; ℓ = max(0, cos θ −
#    Δ) where t = −1, Δ = margin; L = 1/N Σₙ ℓₙ; a, b (N, F), t (N,)
# 3. Three sums along the features, one number per row: a·a and b·b, with the small number added to both, and a·b. Then
#    the cosine, the loss of the case that the target selects, and the mean. Store the vectors, the squared lengths and
#    the cosine.
#
# ### backward
# 1. a appears in the numerator and, through its length, in the denominator: two terms. And which pairs contribute
#    nothing?
# 2. c = −1/N where t = +1, +1/N where t = −1 and cos θ > Δ, else 0; da = c (b / √(p q) − cos θ · a / p); db = c (a /
#    √(p q) − cos θ · b / q); c, p, q, cos θ (N,), da and db (N, F)
# 3. First the number c of every pair, in the dtype of the vectors. Each term is one number per row, as a column, times
#    a vector; db is da with the roles exchanged. Return both, in the order of forward. Test: da is orthogonal to a.

# %%
check(Angular)

# %% [markdown]
# ## 3.9 RankNet
#
# A search engine does not need to know how good a page is, only which of two is better. The network scores both; with
# $d = s_{\text{better}} - s_{\text{worse}}$, the probability that the order is correct is modelled as $\sigma(d)$, and
# the loss is its negative logarithm:
#
# $$ L = \frac1N \sum_n -\log \sigma(d_n) = \frac1N \sum_n \log\bigl(1 + e^{-d_n}\bigr) $$
#
# **Stay finite.** $\log(1 + e^{-d}) = \max(-d, 0) + \log(1 + e^{-|d|})$, as in 3.3.
#
# **The backward pass, derived.** $\frac{d}{dd} \log(1 + e^{-d}) = -e^{-d} / (1 + e^{-d}) = -\sigma(-d)$: minus the
# probability of the wrong order. $d$ rises with the better score and falls with the worse one, so
#
# $$ \frac{\partial L}{\partial s_{\text{better}}} = -\frac{\sigma(-d)}{N}, \qquad
#    \frac{\partial L}{\partial s_{\text{worse}}} = +\frac{\sigma(-d)}{N} $$
#
# *By hand:* equal scores, one pair: $L = \log 2$, and the gradients $-\tfrac12$ and $+\tfrac12$ push the two apart.


# %%
class RankNet(Loss):
    """Pairwise logistic loss on score differences:  mean of log(1 + e^−(better − worse)), finite for all finite scores

    Shapes
        better, worse  (batch,)      loss  ()      backward returns dbetter, dworse, both (batch,)

    Source: Burges et al., Learning to Rank using Gradient Descent (2005), section 3.
    """

    def forward(self, better, worse):
        ### BEGIN SOLUTION
        xp = array_module(better)
        difference = better - worse
        e = xp.exp(-abs(difference))
        self.wrong = xp.where(difference >= 0, e, 1) / (1 + e)
        losses = xp.maximum(-difference, 0) + xp.log1p(e)
        return losses.mean()
        ### END SOLUTION

    def backward(self):
        ### BEGIN SOLUTION
        dworse = self.wrong / len(self.wrong)
        return -dworse, dworse
        ### END SOLUTION


# %% [markdown] hints="RankNet"
# ### forward
# 1. What is e^(−d) where the score of the worse one is higher by 1000?
# 2. d = better − worse; ℓ = log(1 + e^(−d)) = max(−d, 0) + log(1 + e^(−|d|)); L = 1/N Σₙ ℓₙ; better, worse, d, ℓ (N,)
# 3. The difference, and one exponential, of minus its absolute value. From that exponential compute the second term of
#    the loss, and σ(−d), the probability of the wrong order, for backward. Then the mean.
#
# ### backward
# 1. d rises with one score and falls with the other. What does that tell you about the two gradients?
# 2. ∂L/∂better = −σ(−d) / N; ∂L/∂worse = +σ(−d) / N; both (N,)
# 3. The stored probability of the wrong order, divided by the number of pairs: with a minus for better, with a plus for
#    worse. Return both, in that order.

# %%
check(RankNet)

# %% [markdown]
# Three losses that require a lead, and one that requires an angle, drawn from your own code. Solid lines show the loss,
# dashed lines the size of its gradient. Which of the three on the left reach zero at some point, and which never do?

# %%
with when_written():
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
    lead, zero = np.linspace(-3, 4, 281), np.zeros(1)
    losses = {
        "margin": (MultiMargin(), lambda d: (np.array([[d, 0.0]]), np.array([0])), 2),  # 2 undoes the mean over classes
        "cross-entropy": (SoftmaxCrossEntropy(), lambda d: (np.array([[d, 0.0]]), np.array([0])), 1),
        "RankNet": (RankNet(), lambda d: (zero + d, zero), 1),
    }
    for i, (name, (loss, make, scale)) in enumerate(losses.items()):
        cost, pull = [], []
        for d in lead:
            cost.append(scale * float(loss(*make(d))))
            dx = loss.backward()
            pull.append(-scale * float(np.ravel(dx[0] if isinstance(dx, tuple) else dx)[0]))
        axes[0].plot(lead, cost, color=f"C{i}", lw=5 if name == "cross-entropy" else 2, alpha=0.6, label=name)
        axes[0].plot(lead, pull, color=f"C{i}", lw=5 if name == "cross-entropy" else 2, alpha=0.6, ls="--")
    axes[0].set(title="lead of the correct answer", xlabel="its score minus the other's", ylim=(-0.1, 3.2))

    angle = np.linspace(0, np.pi, 181)
    a, b = np.tile([1.0, 0.0], (181, 1)), np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for i, (name, target) in enumerate({"alike": 1, "unlike, margin 0.3": -1}.items()):
        loss = Angular(margin=0.3)
        targets = np.full(181, target)
        cost = [float(loss(a[j : j + 1], b[j : j + 1], targets[:1])) for j in range(181)]
        loss(a, b, targets)
        pull = 181 * np.linalg.norm(loss.backward()[0], axis=1)
        axes[1].plot(np.degrees(angle), cost, color=f"C{i}", label=name)
        axes[1].plot(np.degrees(angle), pull, color=f"C{i}", ls="--")
    axes[1].set(title="angle between two vectors", xlabel="degrees", xticks=range(0, 181, 30))
    for ax in axes:
        ax.legend()
        ax.grid(alpha=0.3)
    plt.show()

# %% [markdown]
# Cross-entropy over *two* classes and RankNet are the same curve: the softmax of two scores is the sigmoid of their
# difference. And the gradient for an angle has the size $\sin\theta$: two vectors that should be alike and point in
# opposite directions have the largest loss, but hardly move.

# %% [markdown]
# ## 3.10 Triplet
#
# A network that recognizes faces must handle people who were not in the training data, so people cannot be classes.
# Learn a *map* instead, in which pictures of one person lie close together. A triplet is an anchor $a$, a positive $p$
# (the same person) and a negative $n$ (another person); the negative should be further away than the positive, by a
# margin $\Delta$:
#
# $$ L = \frac1N \sum \max\bigl(0,\; \Delta + d(a, p) - d(a, n)\bigr), \qquad
#    d(u, v) = \sqrt{\textstyle\sum_i (u_i - v_i + \varepsilon)^2}, \quad \varepsilon = 10^{-6} $$
#
# The $\varepsilon$, added to *every difference* before it is squared, is PyTorch's: without it two equal vectors have
# the distance 0, where the root has no derivative.
#
# **The backward pass, derived.** Let $\delta = u - v + \varepsilon$. Then
# $\partial d / \partial u_i = \tfrac{1}{2d} \cdot 2\delta_i = \delta_i / d$ and
# $\partial d / \partial v_i = -\delta_i / d$: a vector of length one from $v$ to $u$. Write $e^+$ for the one from the
# positive to the anchor and $e^-$ for the one from the negative to the anchor. The anchor appears in both distances.
# Where the term is positive,
#
# $$ da = \frac{e^+ - e^-}{N}, \qquad dp = -\frac{e^+}{N}, \qquad dn = +\frac{e^-}{N} $$
#
# and where it is not, all three are zero. The three always add up to zero: moving all of them together changes nothing.
#
# *By hand:* $a = (0\;\; 0)$, $p = (3\;\; 4)$, $n = (0\;\; 5)$, $\Delta = 1$ (and no $\varepsilon$): $d(a, p) = 5$,
# $d(a, n) = 5$, $L = 1$, $e^+ = (-0.6\;\; {-0.8})$, $e^- = (0\;\; {-1})$, so $da = (-0.6\;\; 0.2)$,
# $dp = (0.6\;\; 0.8)$, $dn = (0\;\; {-1})$. A descent step goes in the opposite direction: the positive comes nearer,
# the negative moves away.


# %%
class Triplet(Loss):
    """Anchor nearer to the positive than to the negative:  mean of max(0, margin + d(a, p) − d(a, n))

    Shapes
        anchor, positive, negative  (batch, features)      loss  ()
        backward returns danchor, dpositive, dnegative, each (batch, features)
    margin: greater than zero.
    d(u, v) = ‖u − v + 10⁻⁶‖₂: the 10⁻⁶ is added to every difference, as PyTorch does, so that d is never 0.

    Source: Balntas, Riba, Ponsa & Mikolajczyk, Learning local feature descriptors with triplets and shallow
    convolutional neural networks (2016), margin ranking loss; PyTorch's TripletMarginLoss.
    """

    def __init__(self, margin=1.0):
        self.margin = margin

    def forward(self, anchor, positive, negative):
        ### BEGIN SOLUTION
        xp = array_module(anchor)
        self.near = anchor - positive + 1e-6
        self.far = anchor - negative + 1e-6
        self.d_near = xp.sqrt((self.near * self.near).sum(axis=1))
        self.d_far = xp.sqrt((self.far * self.far).sum(axis=1))
        losses = xp.maximum(self.margin + self.d_near - self.d_far, 0)
        self.active = losses > 0
        return losses.mean()
        ### END SOLUTION

    def backward(self):
        ### BEGIN SOLUTION
        share = self.active.astype(self.near.dtype) / len(self.near)
        to_anchor = self.near * (share / self.d_near)[:, None]
        from_negative = self.far * (share / self.d_far)[:, None]
        return to_anchor - from_negative, -to_anchor, from_negative
        ### END SOLUTION


# %% [markdown] hints="Triplet"
# ### forward
# 1. Which of the two distances should be large, and which sign does it have in the loss? And what is under the root
#    when two vectors are equal?
# 2. d(u, v) = √(Σᵢ (uᵢ − vᵢ + 10⁻⁶)²), one number per row; ℓ = max(0, Δ + d(a, p) − d(a, n)), Δ = margin; L = 1/N Σ ℓ
#    over all rows; a, p, n (N, F), each d (N,)
# 3. Both differences start at the anchor; add 10⁻⁶ to every entry, before it is squared. Root of the sum along the
#    features; margin plus near minus far; at least zero; the mean over all rows. Store differences and distances, and
#    which rows have a positive loss.
#
# ### backward
# 1. In how many distances does the anchor appear, in how many each of the others? And what is the gradient of a triplet
#    whose loss is zero?
# 2. e⁺ = (a − p + 10⁻⁶) / d(a, p), (N, F); e⁻ = (a − n + 10⁻⁶) / d(a, n), (N, F); where ℓ > 0: da = (e⁺ − e⁻) / N, dp
#    = −e⁺ / N, dn = e⁻ / N; where ℓ = 0: all three are 0
# 3. One factor per row, 1/N where the loss is positive and 0 elsewhere, in the dtype of the vectors. Factor over
#    distance, as a column, times the stored difference gives e⁺/N and e⁻/N. Combine the two into the three gradients,
#    in the order of forward; they sum to zero.
#
# ### speed
# 1. Which loop goes over the triplets one at a time?
# 2. two tables of differences (N, F); their squares summed along F: (N, F) → (N,)
# 3. Sum along the features for all rows at once; multiply the table by one number per row as a column. Store the
#    differences and distances, so that backward does not compute them again.

# %%
check(Triplet)

# %% [markdown]
# Thirty random points of three classes, moved only by your gradients: the triplet loss sorts them into clusters. The
# lines are the trajectories of the points.

# %%
with when_written():
    rng = np.random.default_rng(4)
    kind = np.arange(30) % 3
    points, loss = rng.normal(size=(30, 2)), Triplet(margin=1.0)
    road = [points.copy()]
    for _ in range(200):
        i = rng.integers(30, size=90)
        same = (i + 3 * rng.integers(1, 10, size=90)) % 30
        other = (i + 3 * rng.integers(0, 9, size=90) + rng.integers(1, 3, size=90)) % 30
        loss(points[i], points[same], points[other])
        for rows, gradient in zip((i, same, other), loss.backward(), strict=True):
            np.subtract.at(points, rows, 1.0 * gradient)
        road.append(points.copy())
    road = np.array(road)
    plt.figure(figsize=(5.5, 5), layout="constrained")
    for k, (colour, marker) in enumerate(zip(("#0072B2", "#D55E00", "#009E73"), "osD", strict=True)):
        plt.plot(road[:, kind == k, 0], road[:, kind == k, 1], color=colour, alpha=0.3, lw=1)
        plt.scatter(*points[kind == k].T, color=colour, marker=marker, edgecolor="white", zorder=3, label=f"class {k}")
    plt.legend()
    plt.title("triplets at work")
    plt.axis("equal")
    plt.show()

# %% [markdown]
# ## Capstone: softmax regression
#
# One `Linear` layer, the one you wrote in the last assignment, and `SoftmaxCrossEntropy` on top of it: that is softmax
# regression, the oldest classifier that is still used as a baseline. The data are 1797 handwritten digits of 8 × 8
# pixels.
#
# Write `train_softmax_regression`: train `Linear(64, 10)` by gradient descent in small batches and return it. The
# steps for each batch are always the same five: scores forward, loss forward, `zero_grad`, loss backward into layer
# backward, update. At least 91 % of *unseen* digits must be classified correctly, from one of up to three seeds, in
# at most a few seconds. For every seed the 64 pixels are mixed by another rotation of their space, which makes no
# difference to a linear layer, and the class numbers are permuted, so that only training helps. It has to be one linear
# layer: the check also asks for the scores of blends of unseen digits, which must be blends of their scores.

# %%
Linear, ReLU, Sequential = earlier("layers.Linear"), earlier("layers.ReLU"), earlier("layers.Sequential")


# %%
def train_softmax_regression(x, y, *, rng):
    """Train one linear layer to recognize ten digits; return it

    Shapes
        x  (batch, 64), mixed pixels      y  (batch,), integers from 0 to 9
    rng: a numpy.random.Generator for the initial weights and for shuffling.
    """
    ### BEGIN SOLUTION
    model, loss = Linear(64, 10, rng=rng), SoftmaxCrossEntropy()
    for _ in range(30):
        order = rng.permutation(len(x))
        for start in range(0, len(x), 32):
            rows = order[start : start + 32]
            loss.forward(model.forward(x[rows]), y[rows])
            model.zero_grad()
            model.backward(loss.backward())
            for p in model.parameters():
                p.data -= 0.5 * p.grad
    return model
    ### END SOLUTION


# %% [markdown] hints="train_softmax_regression"
# ### train_softmax_regression
# 1. Every batch takes five steps. In which order must they come, so that an update uses the gradient of its own batch
#    only?
# 2. scores = x W + b, (N, 64) (64, 10) → (N, 10); θ ← θ − η ∂L/∂θ for θ = W, b, with η from 0.1 to 1
# 3. About thirty epochs, each with a new order of the rows, split into batches of about 32, the same rows of x and y.
#    For each batch: the layer forward, the loss forward, clear the gradients, pass the loss's backward to the layer's
#    backward, update.

# %%
check(train_softmax_regression)

# %% [markdown]
# A linear layer has one weight for every pixel and class, so you can look at it. Orange is evidence for the digit,
# violet against it.

# %%
with when_written():
    data = digits()
    model = train_softmax_regression(data.x_train, data.y_train, rng=np.random.default_rng(0))
    right = (model.forward(data.x_test).argmax(axis=1) == data.y_test).mean()
    figure, axes = plt.subplots(1, 10, figsize=(12, 1.7), layout="constrained")
    for k, ax in enumerate(axes):
        ax.imshow(model.W.data[:, k].reshape(8, 8), cmap="PuOr_r", vmin=-2, vmax=2)
        ax.set_title(k)
        ax.axis("off")
    figure.suptitle(f"what softmax regression looks for ({100 * right:.1f} % of unseen digits correct)")
    plt.show()

# %% [markdown]
# ## Capstone: wrong labels
#
# Real labels are sometimes wrong: somebody clicked too fast, a form was misread. Here every fifth label is wrong. A
# network with a hidden layer has enough capacity to *memorize* them, and then makes the same mistakes on new digits.
# The loss influences this, and you are going to measure how much.
#
# Write `train_with_noisy_labels(x, y, loss, rng=rng)`: build `Linear` – `ReLU` – `Linear` with about a hundred hidden
# units, train it with the loss that is *passed as an argument* (it has a `forward(scores, labels)` and a
# `backward()`) until the training loss no longer falls much, and return it. You know neither the noise nor the loss.
# The check calls it with `SoftmaxCrossEntropy(label_smoothing=0.7)` and labels of which 20 % are wrong; of the
# *unseen* digits, with correct labels, at least 92 % must be classified correctly, from one of up to three seeds,
# mixed and renumbered each time as above. (Without smoothing the same network reaches about 85 %.)


# %%
def train_with_noisy_labels(x, y, loss, *, rng):
    """Train a network with one hidden layer with the given loss; return it

    Shapes
        x  (batch, 64), mixed pixels      y  (batch,), integers from 0 to 9, some of them wrong
    loss: an object with forward(scores, labels) and backward(), scores (batch, 10).
    rng: a numpy.random.Generator for the initial weights and for shuffling.
    """
    ### BEGIN SOLUTION
    model = Sequential([Linear(64, 128, rng=rng), ReLU(), Linear(128, 10, rng=rng)])
    velocity = [0 * p.data for p in model.parameters()]
    for _ in range(60):
        order = rng.permutation(len(x))
        for start in range(0, len(x), 64):
            rows = order[start : start + 64]
            loss.forward(model.forward(x[rows]), y[rows])
            model.zero_grad()
            model.backward(loss.backward())
            for v, p in zip(velocity, model.parameters(), strict=True):
                v[...] = 0.9 * v - 0.1 * p.grad
                p.data += v
    return model
    ### END SOLUTION


# %% [markdown] hints="train_with_noisy_labels"
# ### train_with_noisy_labels
# 1. Which loss do you train with, the argument or one of your own? And does the training loss still fall at the end?
# 2. scores = max(0, x W₁ + b₁) W₂ + b₂, (N, 64) → (N, 128) → (N, 10); v ← 0.9 v − η ∂L/∂θ, θ ← θ + v, with η about
#    0.1
# 3. Build the network once, with a velocity of zeros for each parameter. About sixty epochs of shuffled batches:
#    network forward, the given loss forward, clear the gradients, the loss's backward into the network's, an update of
#    every parameter.

# %%
check(train_with_noisy_labels)

# %% [markdown]
# Now the comparison. `OneAgainstAll` turns a binary loss into one for labels: each class is a yes-or-no question, and
# their losses are summed. The left picture shows how many unseen digits are classified correctly, the right one how
# many of the *wrong* labels the network reproduces on its own training data: what it has memorized.


# %%
class OneAgainstAll(Loss):
    """A binary loss for every class (is it this one?), summed over the classes, mean over the batch

    Shapes
        scores  (batch, classes)      labels  (batch,), integers from 0      loss  ()      dscores  (batch, classes)
    scale: multiplies the loss, to make losses of different size comparable.
    """

    def __init__(self, loss, scale=1.0):
        self.loss = loss
        self.scale = scale

    def forward(self, scores, labels):
        xp = array_module(scores)
        target = xp.zeros_like(scores)
        target[xp.arange(len(labels)), labels] = 1
        self.factor = self.scale * scores.shape[1]
        return self.factor * self.loss.forward(scores, target)

    def backward(self):
        return self.factor * self.loss.backward()


def with_wrong_labels(y, share, *, rng):
    """The labels with a share of them replaced by another digit, and which rows those are

    Shapes
        y  (n,), integers from 0 to 9      result  (n,) and (round(share · n),)
    """
    rows = rng.permutation(len(y))[: round(share * len(y))]
    noisy = y.copy()
    noisy[rows] = (y[rows] + rng.integers(1, 10, size=len(rows))) % 10
    return noisy, rows


# %%
with when_written():
    variants = {
        "cross-entropy": SoftmaxCrossEntropy,
        "cross-entropy, smoothing 0.3": lambda: SoftmaxCrossEntropy(0.3),
        "cross-entropy, smoothing 0.7": lambda: SoftmaxCrossEntropy(0.7),
        "one against all": lambda: OneAgainstAll(BinaryCrossEntropy()),
        "one against all, focal": lambda: OneAgainstAll(Focal(2.0, 0.5), scale=2.0),
    }
    data, shares = digits(), [0.0, 0.1, 0.2, 0.3, 0.4]
    figure, axes = plt.subplots(1, 2, figsize=(12, 4.2), layout="constrained")
    for (name, make), marker in zip(variants.items(), "osD^v", strict=True):
        unseen, by_heart = [], []
        for share in shares:
            rng = np.random.default_rng(5)
            noisy, rows = with_wrong_labels(data.y_train, share, rng=rng)
            model = train_with_noisy_labels(data.x_train, noisy, make(), rng=rng)
            unseen.append((model.forward(data.x_test).argmax(axis=1) == data.y_test).mean())
            if share:
                by_heart.append((model.forward(data.x_train[rows]).argmax(axis=1) == noisy[rows]).mean())
        axes[0].plot(shares, unseen, marker=marker, label=name)
        axes[1].plot(shares[1:], by_heart, marker=marker, label=name)
    axes[0].set(title="unseen digits classified correctly", xlabel="share of wrong labels", ylim=(0.5, 1))
    axes[1].set(title="wrong labels memorized", xlabel="share of wrong labels", ylim=(0, 1), xlim=axes[0].get_xlim())
    axes[0].legend()
    for ax in axes:
        ax.grid(alpha=0.3)
    plt.show()

# %% [markdown]
# **Question 2.** *(3 points)* Explain what you see. (a) Write down the gradient of the smoothed cross-entropy with
# respect to the score of a sample's label. How large is it at most once the network has learned the majority, for a
# correct and for a wrong label, and why does smoothing keep a network from memorizing the wrong ones? (b) The focal
# loss puts its weight on the samples that the network gets wrong. Which are these, towards the end, when a fifth of the
# labels is wrong, and what does that mean for its use on unreliable data?

# %% [markdown] question="smoothing_and_focal"
# ### BEGIN SOLUTION
# (a) $\partial \ell / \partial x_y = p_y - q_y$ with $q_y = 1 - s + s/C$ at the label and $s/C$ elsewhere. Once the
# network has learned the majority, $p = q$ for the *true* class. A sample with a correct label then has the gradient 0.
# One with a wrong label $k$ has $p_k = s/C$, so its gradient is $s/C - (1 - s + s/C) = -(1 - s)$: full force, $-1$,
# without smoothing, and 0.3 at $s = 0.7$. Without smoothing the correct samples are saturated ($p \approx 1$) and
# hardly resist: the remaining gradient comes from the wrong labels, and with enough time and units the network fits
# each of them. With smoothing the scores stop at a finite lead, $\log(q_y / q_j) \approx 1.7$ at $s = 0.7$, the softmax
# is not saturated, and every correctly labelled neighbour pulls back as soon as its own $p$ differs from $q$. So fewer
# wrong labels are memorized (right picture) and more unseen digits are classified correctly (left picture); the effect
# grows with the share of wrong labels.
#
# (b) Towards the end the samples with a large loss are mostly those with a wrong label. The focal weight
# $(1 - p_t)^\gamma$ is near 1 for them and near 0 for correct, easy samples, so they make up nearly all of the
# remaining gradient. In the picture the focal loss memorizes about as many wrong labels as one against all without it,
# and is no better on unseen digits. It is made for data that are *unbalanced* and clean; on unreliable labels it puts
# most weight where they are wrong.
#
# Mark scheme: 1 point for the gradient and its size $-(1 - s)$ at a wrong label; 1 for why smoothing prevents
# memorizing (bounded lead, correct samples keep resisting); 1 for seeing that hard samples and wrong labels are the
# same here, consistent with the student's own picture.
# ### END SOLUTION
