# %% [markdown]
# # 12 · Learning paradigms
#
# Until now nearly everything learned in one way: a network, a loss, labels for every row. That is one region of a larger
# map. This assignment walks over the rest of it. First the methods that were there before deep networks and that still
# are the first thing to try: a line fitted to numbers, borders between classes, trees of questions; then data without
# labels: clusters, directions, densities. In the second half an agent learns from rewards, networks learn from data that
# label themselves, and from few labels and many rows without.
#
# | | |
# |---|---|
# | Time | about 12 hours, with the bonus exercises 14 |
# | You will be able to | fit linear models in closed form, by descent, by Newton's method and row by row; grow a decision tree; cluster rows and say how sure that is; find the directions in which data spread; learn from rewards; train without labels, or with few |
# | Builds on | `Linear`, `ReLU`, `Softmax` (02), the cross-entropies and distances (03), `Adam` (04) |
# | Next | smaller and more robust networks (13) |
#
# | here | in PyTorch and elsewhere |
# |---|---|
# | `LinearRegression` | `torch.linalg.lstsq`, `sklearn.linear_model.LinearRegression` |
# | `LogisticRegression` | `torch.nn.BCEWithLogitsLoss` with `weight_decay`, `sklearn.linear_model.LogisticRegression` |
# | `LinearSVM` | `sklearn.svm.LinearSVC`, `sklearn.linear_model.SGDClassifier(loss="hinge")` |
# | `DecisionTree` | `sklearn.tree.DecisionTreeClassifier` |
# | `KMeans`, `kmeans_plus_plus` | `sklearn.cluster.KMeans`, `kmeans_plusplus` |
# | `PCA` | `torch.pca_lowrank`, `sklearn.decomposition.PCA` |
# | `GaussianMixture` | `torch.distributions.MixtureSameFamily`, `sklearn.mixture.GaussianMixture` |
# | `value_iteration`, `QLearning` | `gymnasium` has the worlds; tabular agents are written by hand everywhere |
# | `Reinforce` | `torch.distributions.Categorical(...).log_prob`; `PPO` of Stable-Baselines3 is its descendant |
# | `rotation_pretext` | `torch.rot90` |
# | `UnitLength` | `torch.nn.functional.normalize` |
# | `NTXent` | `lightly.loss.NTXentLoss` |
# | `CLIPLoss` | `open_clip.ClipLoss` |
# | `dqn_step` | `DQN` of Stable-Baselines3 |
# | `dpo_loss`, `grpo_advantages` | `DPOTrainer` and `GRPOTrainer` of TRL |
# | `KernelDensity` | `sklearn.neighbors.KernelDensity`, `scipy.stats.gaussian_kde` |
#
# **Further reading.** Bishop, *Pattern Recognition and Machine Learning* (2006), chapters 3, 4, 7, 9 and 12. Hastie,
# Tibshirani & Friedman, *The Elements of Statistical Learning* (2009), chapter 9. Goodfellow, Bengio & Courville, *Deep
# Learning* (2016), chapter 5.
#
# **Exactness.** As in the other assignments: results may differ from the exact ones by 10⁻⁶ of the largest number (in
# float32 by 10⁻³). Where a text says how numbers are drawn from `rng`, draw them so and in this order.
#
# > **Find the mistake.** One of the articles behind this course draws a map like this one. It says of *supervised
# > learning* that it "is regression analysis" and that it "uses unsupervised methods". Which two words does it mix up,
# > and what distinguishes the regions of the map?
# >
# > <details><summary>What is wrong</summary>Neither is true. Learning is *supervised* if every row comes with the answer
# > that is to be given. If the answers are numbers, the task is a *regression*; if they are classes, it is a
# > *classification*: regression is one half of supervised learning (and an old half of statistics), not another word for
# > it. *Unsupervised* methods get rows without answers. A supervised method may be preceded by an unsupervised one (PCA,
# > then a classifier), but it does not need one. What distinguishes the regions is what comes with each row: the answer
# > (supervised), nothing (unsupervised), the answer for a few rows (semi-supervised), an answer made from the row itself
# > (self-supervised), or only how good what it did was (reinforcement).</details>

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
from dataclasses import dataclass
from functools import cache

import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Layer, Loss, Parameter, array_module, asarray, plotting, zeros
from dlkit.course import earlier, when_written
from dlkit.datasets import digits, iris, mnist
from dlkit.training import fit, predict
from dlkit.worlds import GridWorld


# %% [markdown]
# # Learning from answers
#
# ## 12.1 LinearRegression
#
# The oldest way to learn from data. Rows $x_n$ of numbers, an answer $y_n$ for each, and a plane that is to pass as near
# as possible:
#
# $$ L(W, b) = \frac1N \sum_n (x_n W + b - y_n)^2 $$
#
# **Least squares.** Whatever $W$ is, the best $b$ makes the residuals sum to zero: $b = \bar y - \bar x W$. Put it in:
# $L = \frac1N \lVert \tilde x W - \tilde y \rVert^2$ with the **centred** $\tilde x = x - \bar x$, $\tilde y = y - \bar
# y$. Its gradient is zero where $\tilde x^\top \tilde x\, W = \tilde x^\top \tilde y$, the *normal equations*.
#
# If two columns are copies of each other, a column is constant, or there are fewer rows than features, many $W$ are
# equally good. Then take the one with the smallest $\lVert W \rVert$: copies share their weight, and a constant column
# gets the weight 0. That is what `linalg.lstsq` of the centred $x$ gives, and the pseudo-inverse `linalg.pinv`. (Solving
# the normal equations fails there: the matrix is singular. And $\tilde x^\top \tilde x$ has the squares of the singular
# values, so rounding errors of 10⁻¹⁶ look like singular values of 10⁻⁸: apply the pseudo-inverse to $\tilde x$, not to
# the product. In single precision it looks like 10⁻⁷: convert to float64 first, or tell both functions by `rcond` from
# where on a singular value counts as 0. A column of ones in place of centring is no equal either: $b$ would count in the norm.)
#
# **Gradient descent** gets there too, without inverting anything, and works for all models to come:
#
# $$ e_n = x_n W + b - y_n, \qquad dW = \frac2N x^\top e, \qquad db = \frac2N \sum_n e_n $$
#
# `descend` begins with zeros and takes `steps` steps $W \leftarrow W - \eta\, dW$, $b \leftarrow b - \eta\, db$, both
# with the gradients of the same place. The solution is approached along the eigenvectors of $\tilde x^\top \tilde x$,
# each at its own speed: fast where the data spread, slowly where they are narrow. This is why features are standardized.
#
# *By hand:* $x = 0, 1, 2$, $y = 1, 1, 4$. Centred $\tilde x = -1, 0, 1$, $\tilde y = -1, -1, 2$: $W = 3 / 2$ and $b = 2 -
# 1 \cdot 1.5 = 0.5$. The first gradients, at zero: $e = -1, -1, -4$, $dW = \frac23(0 - 1 - 8) = -6$, $db = \frac23 (-6) =
# -4$. With $\eta = 0.1$: $W = 0.6$, $b = 0.4$.

# %%
class LinearRegression:
    """An affine map of the features:  y = x W + b, with the smallest mean square of x W + b − y

    Shapes
        x  (rows, features), floats      y  (rows,), floats      W  (features,)      b  a number (an array of no axes will do)
    There may be one row only.  fit and descend begin anew at every call; W and b have the dtype of x.

    Source: Gauss, Theoria Motus (1809), sections 175–186; Penrose, On Best Approximate Solutions (1956).
    """

    def fit(self, x, y):
        """Set self.W and self.b by least squares; of several equally good W the one with the smallest ‖W‖"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def gradient(self, x, y):
        """A pair (dW, db): the gradients of the mean square at self.W and self.b, which stay as they are"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def descend(self, x, y, *, lr, steps):
        """Set self.W and self.b by steps steps of gradient descent, 0 or more, that begin with zeros"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def predict(self, x):
        """Answers (rows,) for rows x"""
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(LinearRegression)


# %% [markdown]
# Descent on the mean square, for petal widths of irises by their petal lengths: as measured, and standardized. Both
# find the same line. But where the length comes in centimetres around 4, $W$ and $b$ pull against each other in a long
# narrow valley.

# %%
def path_of_descent(x, y, lr, counts):
    """W and b after some numbers of steps; given"""
    model, found = LinearRegression(), []
    for steps in counts:
        model.descend(x, y, lr=lr, steps=steps)
        found.append((float(model.W[0]), float(model.b)))
    return np.array(found)


with when_written():
    flowers, _ = iris()
    length, width = flowers[:, 2:3], flowers[:, 3]
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    scaled = (length - length.mean()) / length.std()
    for ax, x, lr, title in zip(axes, (length, scaled), (0.04, 0.15), ("as measured", "standardized"), strict=True):
        model = LinearRegression()
        model.fit(x, width)
        path = path_of_descent(x, width, lr, range(31))
        w, b = np.meshgrid(
            model.W[0] + np.linspace(-0.85, 0.6, 90), float(model.b) + np.linspace(-1.4, 1.0, 90), indexing="xy"
        )
        height = ((x[:, 0, None, None] * w + b - width[:, None, None]) ** 2).mean(axis=0)
        ax.contour(w, b, np.log(height), levels=14, cmap="Greys", linewidths=0.8)
        ax.plot(*path.T, "o-", ms=3, lw=1, color=plotting.COLOURS[1], label="30 steps from zeros")
        ax.plot(model.W[0], model.b, "*", ms=13, color=plotting.COLOURS[0], label="least squares")
        ax.set(xlabel="$W$", ylabel="$b$", title=title)
        ax.legend(loc="upper right")
    plt.show()


# %% [markdown]
# ## 12.2 LogisticRegression
#
# Now the answers are classes, 0 and 1, and the model says how probable class 1 is: $p_n = \sigma(s_n)$ with the score
# $s_n = x_n W + b$. The loss is the cross-entropy, written with scores so that nothing overflows, and a penalty for large
# weights (not for $b$):
#
# $$ L = \frac1N \sum_n \left( \log(1 + e^{s_n}) - y_n s_n \right) + \frac{\lambda}{2} \lVert W \rVert^2,
#    \qquad \log(1 + e^s) = \max(s, 0) + \log(1 + e^{-|s|}) $$
#
# **Why the penalty.** If a plane separates the two classes, doubling $W$ and $b$ makes every row more certain, and the
# loss smaller; doubling again too. There is no smallest loss: the weights grow without end, and where training stops is
# an accident. With any $\lambda > 0$ there is exactly one minimum.
#
# **The gradient.** The derivative of $\log(1 + e^s)$ is $\sigma(s)$, so
#
# $$ dW = \frac1N x^\top (p - y) + \lambda W, \qquad db = \frac1N \sum_n (p_n - y_n) $$
#
# **Newton's method.** The loss is convex but no parabola, so there is no closed form. But one may take the parabola that
# fits best *here*, jump to its minimum, and repeat. The derivative of $p$ is $p(1 - p)$, so with $h_n = p_n (1 - p_n) / N$
# and $X$, which is $x$ with a column of ones, the matrix of second derivatives and the step are
#
# $$ H = X^\top \mathrm{diag}(h)\, X + \mathrm{diag}(\lambda, \ldots, \lambda, 0), \qquad
#    \begin{pmatrix} W \\ b \end{pmatrix} \leftarrow \begin{pmatrix} W \\ b \end{pmatrix}
#    - H^{-1} \begin{pmatrix} dW \\ db \end{pmatrix} $$
#
# Near the minimum the number of correct digits doubles with every step: six or seven steps from zero are usual. Far from
# it, a step may be too long and *increase* the loss. Then halve it until it does not. Stop when every entry of the
# gradient is below $10^{-8}$. (`fit` is judged by where it ends, to four digits. Another method that gets there is as
# good.)
#
# *By hand:* $x = -1, 1$, $y = 0, 1$, $\lambda = 1$. At zero $p = \frac12$, $dW = \frac12(0.5 \cdot {-1} + (-0.5) \cdot 1)
# = -0.5$, $db = 0$; $h = \frac18$, $H = \mathrm{diag}(\frac14 + 1, \frac14)$. First step: $W = 0.5 / 1.25 = 0.4$. The
# minimum is at $0.401$, where $\sigma(-W) = W$.
#
# `fit` decides in CPU memory whether to go on, so it runs there on every machine.

# %%
class LogisticRegression:
    """The probability of class 1 of two:  p = σ(x W + b), with a penalty for large weights

    l2: λ above, greater than 0
    Shapes
        x  (rows, features), floats      y  (rows,), integers 0 and 1      W  (features,)      b  a number
    fit begins anew at every call; the other methods use self.W and self.b and leave them as they are.  Scores may be of
    any size.  The gradient has the dtype of x.

    Source: Cox, The Regression Analysis of Binary Sequences (1958); Hastie, Tibshirani & Friedman (2009), section 4.4.1.
    """

    def __init__(self, l2=0.01):
        self.l2 = l2

    def probabilities(self, x):
        """The probability of class 1, (rows,)"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def loss(self, x, y):
        """The mean cross-entropy plus l2 / 2 · ‖W‖²; a number"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def gradient(self, x, y):
        """A pair (dW, db): the gradients of the loss at self.W and self.b"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def fit(self, x, y):
        """Set self.W and self.b where the loss is smallest: no entry of the gradient above 10⁻⁸.  Both classes occur."""
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(LogisticRegression)

# %% [markdown]
# Separable rows (two kinds of iris, by two measurements), with less and less penalty. The border hardly moves, but the
# band in which the model is unsure, between the dashed lines, becomes narrow: without a penalty it would vanish.

# %%
with when_written():
    flowers, kinds = iris()
    x, y = flowers[:100, [0, 2]] - flowers[:100, [0, 2]].mean(axis=0), kinds[:100]
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    for ax, l2 in zip(axes, (0.1, 0.001, 1e-6), strict=True):
        model = LogisticRegression(l2)
        model.fit(x, y)
        across, up = np.meshgrid(np.linspace(-1.5, 1.8, 200), np.linspace(-2.2, 2.6, 200))
        p = model.probabilities(np.stack([across.ravel(), up.ravel()], axis=1)).reshape(across.shape)
        ax.contourf(across, up, p, levels=20, cmap="PuOr", alpha=0.7)
        ax.contour(across, up, p, levels=[0.05, 0.5, 0.95], colors="black", linewidths=1, linestyles=["--", "-", "--"])
        for label, marker, colour in ((0, "o", "white"), (1, "s", "black")):
            ax.plot(*x[y == label].T, marker, ms=4, mec="black", mew=0.5, color=colour)
        ax.set(title=f"λ = {l2:g}, ‖W‖ = {np.linalg.norm(model.W):.1f}", xlabel="sepal length")
    axes[0].set_ylabel("petal length")
    plt.show()


# %% [markdown]
# ## 12.3 pegasos_step
#
# Of all planes that separate two classes, which is best? The **support vector machine** takes the one with the widest
# street between the classes. With labels $y = \pm 1$ and the **margin** $m_n = y_n\, x_n W$ it minimizes
#
# $$ L = \frac{\lambda}{2} \lVert W \rVert^2 + \frac1N \sum_n \max(0,\, 1 - m_n) $$
#
# A row whose margin is 1 or more costs nothing, however far away it is: only rows on the street or on its wrong side (the
# *support vectors*) decide. (Logistic regression is pulled by all rows, by far ones a little.)
#
# **Pegasos** is descent on this loss by few rows at a time, with a rate that falls in just the way that $\lambda$ asks
# for. In step $t = 1, 2, \ldots$ with $k$ rows and $\eta = 1 / (\lambda t)$
#
# $$ W \leftarrow (1 - \eta \lambda)\, W + \frac{\eta}{k} \sum_{n \,:\, m_n < 1} y_n\, x_n, \qquad 1 - \eta\lambda = 1 - \frac1t $$
#
# The margins are those of the old $W$. A margin of exactly 1 costs nothing and does not count. The sum is over the rows
# that violate, but $k$ is the number of all rows of the step. In the first step $1 - 1/t = 0$: what $W$ was before is
# forgotten.
#
# There is no $b$: append a column of ones to $x$ (`with_ones` below), and the last weight is one.
#
# *By hand:* $W = (1, 0)$, $\lambda = 0.5$, $t = 4$, two rows $(0.5, 1)$ with $y = 1$ and $(-3, 1)$ with $y = -1$. Margins
# 0.5 and 3: only the first violates. $\eta = 0.5$, $W = 0.75\,(1, 0) + 0.25\,(0.5, 1) = (0.875, 0.25)$.

# %%
def pegasos_step(W, x, y, t, l2):
    """The weights after step t: descent on the hinge loss with the rate 1 / (l2 · t); a new array

    Shapes
        W, result  (features,)      x  (rows, features), the rows of this step      y  (rows,), −1 or 1, integers or floats
    t: the number of the step, from 1      l2: λ above, greater than 0

    Source: Shalev-Shwartz, Singer, Srebro & Cotter, Pegasos: Primal Estimated sub-GrAdient SOlver for SVM (2011),
    figure 2, without the projection.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(pegasos_step)


# %% [markdown]
# ## 12.4 LinearSVM
#
# Draw some rows, take a step, again and again. Begin with $W = 0$; step $t$, from 1, draws its rows with
# `rng.integers(len(x), size=size)` (so a row may come twice) and is a `pegasos_step`. (Indices are drawn in CPU memory:
# `asarray` brings them to where $x$ is.)
#
# The prediction is the sign of the score $x W$. A score of exactly 0 is on the border; it counts as 1.
#
# *By hand:* one row $x = 2$, $y = 1$, $\lambda = 1$, size 1. Step 1: $m = 0 < 1$, $W = 0 + 2 = 2$. Step 2: $m = 4$, $W =
# \frac12 \cdot 2 = 1$. Step 3: $m = 2$, $W = \frac23$. Step 4: $m = \frac43$, $W = \frac12$. Step 5: $m = 1$, no violation,
# $W = \frac45 \cdot \frac12 = 0.4$. Step 6: $m = 0.8$, $W = \frac56 \cdot 0.4 + \frac26 = \frac23$. It swings around
# $\frac12$, where the margin is 1, ever less.

# %%
class LinearSVM:
    """A plane between two classes with a wide margin:  the sign of x W

    l2: λ, greater than 0      steps: how many, 1 or more      size: rows drawn for each, 1 or more
    Shapes
        x  (rows, features), floats      y  (rows,), −1 or 1      W  (features,), with the dtype of x

    Source: Cortes & Vapnik, Support-Vector Networks (1995); Shalev-Shwartz et al. (2011).
    """

    def __init__(self, l2=0.01, *, steps=1000, size=8):
        self.l2, self.steps, self.size = l2, steps, size

    def fit(self, x, y, *, rng):
        """Set self.W, beginning with zeros; the rows of each step are rng.integers(rows, size=size)"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def predict(self, x):
        """Classes (rows,), integers −1 and 1; a score of 0 gives 1"""
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(LinearSVM)


# %% [markdown]
# Two kinds of iris that overlap, by two measurements. The solid line is the border, the dashed ones are where the margin
# is 1. Beside it the loss: the rate falls like $1/t$, so the noise of single steps dies away.

# %%
def with_ones(x):
    """Rows with a further column of ones, whose weight is the offset; given"""
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def hinge_loss(W, x, y, l2):
    """The loss that Pegasos descends; given"""
    return float(l2 / 2 * W @ W + np.maximum(0, 1 - y * (x @ W)).mean())


with when_written():
    flowers, kinds = iris()
    x = flowers[50:, 2:4] - flowers[50:, 2:4].mean(axis=0)
    y = np.where(kinds[50:] == 2, 1, -1)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    counts = np.unique(np.geomspace(1, 5000, 30).astype(int))
    for size, colour in ((1, plotting.COLOURS[1]), (20, plotting.COLOURS[0])):
        losses = []
        for steps in counts:
            model = LinearSVM(0.01, steps=int(steps), size=size)
            model.fit(with_ones(x), y, rng=np.random.default_rng(0))
            losses.append(hinge_loss(model.W, with_ones(x), y, 0.01))
        right.loglog(counts, losses, color=colour, label=f"{size} row{'s' * (size > 1)} in a step")
    right.set(xlabel="steps", ylabel="loss on all rows")
    right.legend(frameon=False)
    across, up = np.meshgrid(np.linspace(-2, 2.1, 200), np.linspace(-0.8, 1, 200))
    score = (with_ones(np.stack([across.ravel(), up.ravel()], axis=1)) @ model.W).reshape(across.shape)
    left.contour(across, up, score, levels=[-1, 0, 1], colors="black", linestyles=["--", "-", "--"], linewidths=1)
    for label, marker in ((-1, "o"), (1, "s")):
        left.plot(*x[y == label].T, marker, ms=4, color=plotting.COLOURS[(label + 1) // 2], label=f"class {label}")
    left.set(xlabel="petal length, centred", ylabel="petal width, centred")
    left.legend(loc="lower right")
    plt.show()


# %% [markdown]
# ## 12.5 gini
#
# A **decision tree** asks one question after the other, each about one feature: *is the petal longer than 2.45 cm?* The
# answers lead to a leaf, and the leaf has a class. Nothing is multiplied, no feature has to be standardized, and one can
# read afterwards why a row was classified as it was.
#
# A question is good if the rows on either side of it are of one class as far as possible. The **Gini impurity** measures
# what is mixed: draw two rows, with replacement; how probable is it that their classes differ?
#
# $$ G = 1 - \sum_c p_c^2, \qquad p_c = n_c / n $$
#
# It is 0 for a single class and largest, $1 - 1/C$, for $C$ classes that are equally frequent. No row at all is not mixed:
# 0.
#
# *By hand:* counts $(3, 1)$: $1 - \frac{9}{16} - \frac{1}{16} = \frac38$. Counts $(2, 2)$: $\frac12$. Counts $(5, 0)$: 0.
#
# Trees compare numbers one by one and decide where to go on, so everything up to 12.7 runs in CPU memory on every machine.

# %%
def gini(counts):
    """The Gini impurity of rows that are counted by class, 0 where there is no row

    Shapes
        counts  (…, classes), integers or floats, 0 or more      result  (…), floats
    There is at least one axis, and a single class is possible.  The counts stay as they are.

    Source: Breiman, Friedman, Olshen & Stone, Classification and Regression Trees (1984), section 4.3.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(gini)


# %% [markdown]
# ## 12.6 best_split
#
# A **split** is a feature $f$ and a threshold $t$: rows with $x_f \le t$ go left, the others right. It is judged by the
# impurity that is left, each side weighted by its rows:
#
# $$ S = \frac{n_l}{n} G_l + \frac{n_r}{n} G_r $$
#
# Between two neighbouring values of a feature all thresholds do the same, so only one is tried there, half way:
# $t = a + (b - a)/2$ for neighbours $a < b$ among the *different* values. (Where rounding makes that $b$, since $a$ and $b$
# are neighbouring floats, $t$ is $a$, so that $b$ stays on the right.) The largest value has no threshold behind it.
#
# **Ties.** Often several splits are equally good. Then the feature with the smallest number wins, and of its thresholds
# the smallest. Sums in another order differ in their last digits, so scores that are apart by less than $10^{-9}$ count as
# equal.
#
# The best split counts even if it gains nothing, because the questions after it may: no single question about XOR helps,
# two do. Only if every feature is constant there is no split: `None`.
#
# ```
#   x₀       1    2    2    5          classes   a    a    b    b
#               1.5       3.5          thresholds half way between different values: 1.5 and 3.5
# ```
#
# *By hand:* these four rows. $t = 1.5$: left a, right a b b: $S = 0 + \frac34 \cdot \frac49 = \frac13$. $t = 3.5$: left a
# a b, right b: also $\frac34 \cdot \frac49 = \frac13$. A tie, so the smaller threshold: $(0, 1.5)$.
#
# Trying all thresholds does not need the counts of all rows for each of them: sort the rows by the feature and take the
# running sums of their one-hot labels. (After sorting, the row $i$ of the cumulative sum has the counts left of a
# threshold behind row $i$.)

# %%
def best_split(x, y):
    """The question that leaves the least impurity: a pair (feature, threshold), or None if all features are constant

    Shapes
        x  (rows, features), floats      y  (rows,), any integers as classes      feature an int, threshold a float
    Rows with x[:, feature] ≤ threshold go left.  Thresholds lie half way between neighbouring different values (and on the
    smaller one where rounding would give the greater).  Scores apart by less than 10⁻⁹ are equal: then the smaller
    feature, then the smaller threshold.  There is at least one row.

    Source: Breiman et al. (1984), section 2.4.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(best_split)


# %% [markdown]
# ## 12.7 DecisionTree
#
# Now repeat it. All rows are at the root. Find the best split, send the rows to both sides, and do the same with each of
# them, until one of three things happens; then the node is a **leaf**:
#
# - all its rows are of one class,
# - it is `depth` questions below the root (with `depth` 0 the root itself is a leaf),
# - there is no split.
#
# A leaf answers with its most frequent class; of several equally frequent ones with the smallest. (Inner nodes have a
# label as well, which nobody reads.)
#
# `Node` and `predict` are given: `fit` sets `self.root`, a `Node` whose children are `Node`s; a leaf has no feature.
#
# *By hand:* XOR, $x = (0, 0), (0, 1), (1, 0), (1, 1)$ with the classes 0 1 1 0. All splits leave $\frac12$; the first is
# feature 0 at 0.5. Below, feature 1 at 0.5 separates each pair. With `depth` 1 both leaves have a tie and answer 0.

# %%
@dataclass
class Node:
    """A node of a tree: its class and, unless it is a leaf, the question and the nodes below; given"""

    label: int
    feature: int | None = None
    threshold: float = 0.0
    left: "Node | None" = None
    right: "Node | None" = None


class DecisionTree:
    """Questions about single features, one after the other, that lead to a class

    depth: the largest number of questions for one row, 0 or more
    Shapes
        x  (rows, features), floats      y  (rows,), any integers: some may be missing, and they may be negative

    Source: Breiman, Friedman, Olshen & Stone, Classification and Regression Trees (1984).
    """

    def __init__(self, depth):
        self.depth = depth

    def fit(self, x, y):
        """Grow the tree: set self.root, a Node"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def predict(self, x):
        """Classes (rows,), integers; given"""
        found = np.empty(len(x), int)
        waiting = [(self.root, np.arange(len(x)))]
        while waiting:
            node, rows = waiting.pop()
            found[rows] = node.label
            if node.feature is not None:
                goes_left = x[rows, node.feature] <= node.threshold
                waiting += [(node.left, rows[goes_left]), (node.right, rows[~goes_left])]
        return found


# %%
check(DecisionTree)


# %% [markdown]
# Irises by two measurements that do not separate all of them. Each question is a line parallel to an axis. With more
# questions single flowers get regions of their own: the tree has learned them by heart. With all four measurements two
# questions are nearly enough; they are printed below.

# %%
def printed(node, names, indent=""):
    """The questions of a tree as text; given"""
    if node.feature is None:
        return f"{indent}→ class {node.label}\n"
    question = f"{indent}{names[node.feature]} ≤ {node.threshold:.4g}?\n"
    return question + printed(node.left, names, indent + "    yes: ") + printed(node.right, names, indent + "    no:  ")


with when_written():
    flowers, kinds = iris()
    figure, axes = plt.subplots(1, 3, figsize=(12.5, 4), layout="constrained")
    for ax, depth in zip(axes, (1, 3, 12), strict=True):
        tree = DecisionTree(depth)
        tree.fit(flowers[:, :2], kinds)
        plotting.decision_regions(tree.predict, flowers[:, :2], kinds, ax=ax)
        ax.set(xlabel="sepal length", ylabel="sepal width" if depth == 1 else "")
        ax.text(0.03, 0.95, f"depth {depth}", transform=ax.transAxes, va="top")
    plt.show()
    tree = DecisionTree(2)
    tree.fit(flowers, kinds)
    print(printed(tree.root, ("sepal length", "sepal width", "petal length", "petal width")))

# %% [markdown]
# How deep? Train on 110 flowers, test on 40, thirty times: a tree that answers by heart is no better than one with three
# questions.

# %%
with when_written():
    flowers, kinds = iris()
    rng, scores = np.random.default_rng(0), []
    for _ in range(30):
        order, row = rng.permutation(150), []
        train, test = order[:110], order[110:]
        for depth in range(7):
            tree = DecisionTree(depth)
            tree.fit(flowers[train], kinds[train])
            row.append([(tree.predict(flowers[part]) == kinds[part]).mean() for part in (train, test)])
        scores.append(row)
    seen, unseen = np.mean(scores, axis=0).T
    ax = plt.subplots(figsize=(6, 3.2), layout="constrained")[1]
    ax.plot(range(7), seen, "o-", color=plotting.COLOURS[0], label="rows that it has seen")
    ax.plot(range(7), unseen, "s-", color=plotting.COLOURS[1], label="unseen rows")
    ax.set(xlabel="depth", ylabel="accuracy, mean of 30 splits")
    ax.legend(frameon=False, loc="lower right")
    plt.show()


# %% [markdown]
# # Groups and directions
#
# ## 12.8 nearest_centres
#
# From here on there are no labels. What can be learned from rows alone? First: that they come in groups. **K-means**
# describes $N$ rows by $k$ points, the *centres*, each row belonging to the nearest one, so that the sum of the squared
# distances, the **inertia**, is small:
#
# $$ J = \sum_n \lVert x_n - \mu_{z_n} \rVert^2 $$
#
# Two steps alternate, and each can only make $J$ smaller: choose the best $z$ for given centres, then the best centres
# for given $z$. The first step is this function. At equal distance the centre with the smaller number wins.
#
# Two ways to compute all distances: as differences, $\sum_j (x_j - \mu_j)^2$; or multiplied out, $\lVert x \rVert^2 - 2 x
# \mu^\top + \lVert \mu \rVert^2$, which is one product of matrices and fast. But rows that lie far from zero and near to
# each other, at $10^8$ for example, have squares of $10^{16}$, and their difference has no correct digit left. Rows may
# lie anywhere here: take differences, or centre first.
#
# ```
#   x (rows, features)                differences               squared distances         labels
#   centres (k, features)   ──►   (rows, k, features)   ──►        (rows, k)       ──►    (rows,)
# ```
#
# *By hand:* $x = 0, 3, 4, 10$ and the centres $2, 6$: squared distances $(4, 36), (1, 9), (4, 4), (64, 16)$, labels 0 0 0 1:
# the row 4 is at equal distance.

# %%
def nearest_centres(x, centres):
    """The number of the nearest centre of each row; of equally near ones the smallest number

    Shapes
        x  (rows, features), floats      centres  (k, features), floats      result  (rows,), integers from 0 to k − 1
    Rows and centres may lie far from zero.  k may be 1; two centres may be equal.

    Source: Lloyd, Least Squares Quantization in PCM (1957, published 1982).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(nearest_centres)


# %% [markdown]
# ## 12.9 updated_centres
#
# The second step: which point has the smallest sum of squared distances to the rows of a cluster? Set the gradient
# $\sum_n 2 (\mu - x_n)$ to zero: their mean.
#
# $$ \mu_c = \frac{1}{n_c} \sum_{n \,:\, z_n = c} x_n $$
#
# And a cluster to which no row belongs? A mean of nothing is 0 / 0. (It happens: two centres may be equal, and then the
# second one gets no row.) There are several customs. Here an **empty cluster keeps the centre it had**.
#
# *By hand:* $x = 0, 3, 4, 10$ with the labels 0 0 2 2 and the centres $5, 6, 7$: the new centres are $1.5$, $6$ and $7$.

# %%
def updated_centres(x, labels, centres):
    """The mean of the rows of each cluster; a cluster without rows keeps its centre; a new array

    Shapes
        x  (rows, features), floats      labels  (rows,), integers from 0 to k − 1 of any integer dtype
        centres, result  (k, features), floats of the dtype of x

    Source: Lloyd (1957).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(updated_centres)


# %% [markdown]
# ## 12.10 kmeans_plus_plus
#
# Where do the two steps begin? They end in a local minimum, and a bad beginning (two centres in one group, none in
# another) leads to a bad one. Rows that are drawn at random often are such a beginning. **K-means++** draws each further
# centre where the rows are not yet served well: with a probability in proportion to its squared distance from the
# nearest centre so far,
#
# $$ p_n = \frac{D_n^2}{\sum_m D_m^2}, \qquad D_n^2 = \min_c \lVert x_n - \mu_c \rVert^2 $$
#
# So a far group is likely to get a centre, and a row that is a centre already is never drawn again. If all rows lie on
# centres, which happens if there are fewer different rows than centres, the sum is zero: then all rows are equally
# probable.
#
# The draws, in this order: the first centre is the row `rng.integers(rows)`. Each further one is the row
# `rng.choice(rows, p=p)`; if the sum is zero, `rng.integers(rows)`.
#
# *By hand:* rows $0, 1, 4$; the first draw gives row 0, so $D^2 = 0, 1, 16$ and $p = 0, \frac1{17}, \frac{16}{17}$. If it
# gives row 2, the third centre has $D^2 = 0, 1, 0$: row 1 for sure.
#
# Rows are drawn in CPU memory, and there it is decided when k-means ends; so this and `KMeans` run there.

# %%
def kmeans_plus_plus(x, k, *, rng):
    """Rows of x to begin with, k of them: each further one drawn by its squared distance from those before it

    Shapes
        x  (rows, features), floats      result  (k, features), a new array, in the order of the draws
    First rng.integers(rows), then each time rng.choice(rows, p=p); where all rows lie on centres, rng.integers(rows).
    k is 1 or more, and may be more than there are different rows.

    Source: Arthur & Vassilvitskii, k-means++: The Advantages of Careful Seeding (2007).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(kmeans_plus_plus)


# %% [markdown]
# ## 12.11 KMeans
#
# Put it together:
#
# 1. Begin with `kmeans_plus_plus`.
# 2. In each round give every row the number of its nearest centre. If no number has changed since the round before, end.
#    Otherwise move the centres to the means. There are at most `rounds` rounds.
# 3. At the end, `labels` are the numbers of the nearest of the *final* centres, and `inertia` is the sum of the squared
#    distances to these. (If the rounds were too few, the labels of the last round belong to the centres before.)
#
# *By hand:* $x = 0, 3, 4, 10$, beginning with the centres $0, 3$. Round 1: labels 0 1 1 1, centres $0$ and $\frac{17}{3}$.
# Round 2: the squared distances of 3 are 9 and 7.1, so again 0 1 1 1: the end. $J = 0 + 7.11 + 2.78 + 18.78 = 28.67$. But
# beginning with $3, 10$: labels 0 0 0 1, centres $\frac73$ and $10$, then the same labels, $J = 8.67$. The beginning decides.

# %%
class KMeans:
    """Clusters around centres, so that the squared distances to them are small

    k: the number of clusters      rounds: at most so many, 1 or more
    Shapes
        x  (rows, features), floats      centres  (k, features)      labels  (rows,), integers      inertia  a number
    fit begins anew at every call.  A cluster may remain empty.

    Source: Lloyd (1957); Arthur & Vassilvitskii (2007).
    """

    def __init__(self, k, *, rounds=100):
        self.k, self.rounds = k, rounds

    def fit(self, x, *, rng):
        """Set self.centres, and self.labels and self.inertia by these; rng goes to kmeans_plus_plus"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def predict(self, x):
        """The number of the nearest centre of each row; given"""
        return nearest_centres(x, self.centres)


# %%
check(KMeans)


# %% [markdown]
# Six groups of points, two of them near to each other: the rounds of one run, and what becomes of twenty runs with
# k-means++ and with rows drawn evenly. (The dashed line is the inertia with the true means.)

# %%
def six_groups(rng):
    """Points around six places (360, 2), and the number of their place; given"""
    places = np.array([[0, 0], [4, 0.5], [8, -1], [0.5, 5], [5, 5.5], [7, 4.5]])
    groups = np.repeat(np.arange(6), 60)
    return places[groups] + rng.normal(0, 0.7, (360, 2)), groups


with when_written():
    x, groups = six_groups(np.random.default_rng(0))
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.6), layout="constrained")
    for ax, rounds in zip(axes, (1, 3, 30), strict=False):
        model = KMeans(6, rounds=rounds)
        model.fit(x, rng=np.random.default_rng(49))
        plotting.decision_regions(model.predict, x, model.labels, ax=ax)
        ax.plot(*model.centres.T, "k*", ms=12)
        ax.legend().remove()
        ax.set(title=f"after {rounds} round{'s' * (rounds > 1)}: J = {model.inertia:.0f}")
    careful, even = [], []
    for seed in range(20):
        model = KMeans(6)
        model.fit(x, rng=np.random.default_rng(seed))
        careful.append(model.inertia)
        centres = x[np.random.default_rng(seed).choice(360, 6, replace=False)]
        for _ in range(50):
            centres = updated_centres(x, nearest_centres(x, centres), centres)
        even.append(((x - centres[nearest_centres(x, centres)]) ** 2).sum())
    means = updated_centres(x, groups, centres)
    axes[3].plot(sorted(careful), "o-", ms=4, color=plotting.COLOURS[0], label="k-means++")
    axes[3].plot(sorted(even), "s-", ms=4, color=plotting.COLOURS[1], label="rows drawn evenly")
    axes[3].axhline(((x - means[groups]) ** 2).sum(), ls="--", color="black", lw=1)
    axes[3].set(xlabel="runs, sorted", ylabel="inertia at the end", ylim=(0, None))
    axes[3].legend(frameon=False)
    plt.show()


# %% [markdown]
# ## 12.12 PCA
#
# A second thing to be learned from rows alone: that they do not fill their space. Images of 64 pixels are points with 64
# coordinates, but neighbouring pixels are alike, so the points lie near a flat sheet of fewer dimensions. **Principal
# component analysis** finds it: the direction in which the centred rows spread most, then, at right angles to it, the
# next one, and so on.
#
# The spread along a unit vector $v$ is $\frac{1}{N - 1} \lVert \tilde x v \rVert^2 = v^\top C v$ with the covariance
# $C = \frac{1}{N-1} \tilde x^\top \tilde x$. It is largest for the eigenvector of $C$ with the largest eigenvalue, which
# is that spread. With the singular value decomposition $\tilde x = U \Sigma V^\top$ these are the rows of $V^\top$ and
# $\sigma_i^2 / (N - 1)$. (See 8.6, where the rows were *not* centred.)
#
# - `encode` gives the coordinates in the sheet: $c = (x - \bar x)\, V_k$.
# - `decode` gives the point of the sheet: $c\, V_k^\top + \bar x$. Of all points of all sheets with $k$ dimensions these are
#   nearest to the rows.
#
# **The sign** of a direction is free. Here the entry with the largest magnitude is positive; and if several are equally
# large, up to $10^{-9}$, the *first* of them. This is not far-fetched: two standardized features always have the
# directions $(1, 1) / \sqrt 2$ and $(1, -1) / \sqrt 2$, and rounding must not decide about their signs.
#
# *By hand:* rows $(0, 0), (2, 1), (4, 2)$. Mean $(2, 1)$; all lie on the line along $(2, 1) / \sqrt 5$; the squared
# distances from the mean are $5, 0, 5$, so the variance is $10 / 2 = 5$. Codes: $-\sqrt 5, 0, \sqrt 5$.

# %%
class PCA:
    """The k directions in which rows spread most:  encode(x) = (x − mean) componentsᵀ

    k: at most the number of directions in which the centred rows spread at all
    Shapes
        x  (rows, features), floats      mean  (features,)      components  (k, features), rows of length 1
        variances  (k,), descending: of the codes of the rows, divided by rows − 1      code  (rows, k)
    In each row of components the entry of the largest magnitude is positive; of entries that are equally large up to
    10⁻⁹, the first.  The variances that are kept differ from each other.  Everything has the dtype of x.  mean and
    components may be written as well: encode and decode use what is there.

    Source: Pearson, On Lines and Planes of Closest Fit to Systems of Points in Space (1901); Hotelling (1933).
    """

    def __init__(self, k):
        self.k = k

    def fit(self, x):
        """Set self.mean, self.components and self.variances"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def encode(self, x):
        """Coordinates (rows, k) of rows along the directions, from the mean"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def decode(self, code):
        """The points (rows, features) that have these coordinates"""
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(PCA)

# %% [markdown]
# Digits: the mean, the first directions (orange adds, violet takes away), and the same four digits decoded from 2, 8, 20
# and all 64 numbers. On the right all of them by their first two numbers: no label was used, and still the classes lie in
# different places.

# %%
with when_written():
    data = digits()
    x, y = data.x_train, data.y_train
    model = PCA(40)
    model.fit(x)
    figure = plt.figure(figsize=(13, 4.6), layout="constrained")
    left, middle, right = figure.subfigures(1, 3, width_ratios=(1, 1.05, 1.35))
    for i, ax in enumerate(left.subplots(4, 3).flat):
        shown = model.mean if i == 0 else model.components[i - 1]
        ax.imshow(
            shown.reshape(8, 8),
            cmap="gray_r" if i == 0 else "PuOr_r",
            vmin=0 if i == 0 else -0.4,
            vmax=None if i == 0 else 0.4,
        )
        ax.set(xticks=[], yticks=[])
        ax.set_title("mean" if i == 0 else f"{i}", fontsize=8)
    kept = (2, 8, 20, 40)
    for row, axes in zip((0, 10, 25, 47), middle.subplots(4, 5), strict=True):
        for ax, k in zip(axes, (*kept, 64), strict=True):
            small = PCA(min(k, 40))
            small.mean, small.components = model.mean, model.components[:k]
            shown = x[row] if k == 64 else small.decode(small.encode(x[row : row + 1]))[0]
            ax.imshow(shown.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
            ax.set_title("original" if k == 64 else f"{k}", fontsize=8)
    code, ax = model.encode(x), right.subplots()
    points = ax.scatter(code[:, 0], code[:, 1], c=y, s=7, cmap="tab10", vmin=-0.5, vmax=9.5)
    right.colorbar(points, ax=ax, ticks=range(10))
    ax.set(xlabel="first number", ylabel="second number")
    plt.show()
    print(
        "share of the variance in the first 2, 8, 20 directions:",
        [round(float(model.variances[:k].sum() / x.var(axis=0, ddof=1).sum()), 2) for k in (2, 8, 20)],
    )


# %% [markdown]
# ## 12.13 Mixtures of normal distributions: floored_covariance
#
# K-means believes that clusters are round, equally large, and that each row belongs to exactly one. A **Gaussian mixture**
# gives this up. It says where rows come from: first one of $k$ components is drawn, the component $c$ with the
# probability $\pi_c$, then a row of the normal distribution with the mean $\mu_c$ and the covariance $\Sigma_c$ (an
# ellipse, long or short, in any direction):
#
# $$ p(x) = \sum_c \pi_c\, N(x; \mu_c, \Sigma_c), \qquad
#    N(x; \mu, \Sigma) = \frac{1}{\sqrt{(2\pi)^d \det \Sigma}}\; e^{-\frac12 (x - \mu)^\top \Sigma^{-1} (x - \mu)} $$
#
# Fit it by making the likelihood of the rows large, in two alternating steps like k-means (**EM**, expectation and
# maximization). The next three functions are the steps.
#
# First an accident has to be prevented. If a component takes only two rows, or one feature is constant, or features are
# copies, its ellipse is flat: $\det \Sigma = 0$, and the density is infinite. So covariances are not allowed to be narrower
# than a small variance, the **floor**, in any direction. The eigenvalues of $\Sigma$ are the variances along its axes; those
# below the floor are raised to it:
#
# $$ \Sigma = V\, \mathrm{diag}(\lambda)\, V^\top \quad \longrightarrow \quad
#    V\, \mathrm{diag}(\max(\lambda, \text{floor}))\, V^\top $$
#
# A covariance that is wide enough in all directions stays as it is. That is better than a *ridge*, $\Sigma + \epsilon I$,
# which makes all of them wider in every step, so that the steps are no longer those of EM and the likelihood may fall.
#
# *By hand:* $\Sigma = \begin{pmatrix} 1 & 1 \\ 1 & 1 \end{pmatrix}$ has the eigenvalues 2 along $(1, 1)$ and 0 along
# $(1, -1)$. With the floor 0.1: $\Sigma + \frac{0.1}{2} \begin{pmatrix} 1 & -1 \\ -1 & 1 \end{pmatrix} =
# \begin{pmatrix} 1.05 & 0.95 \\ 0.95 & 1.05 \end{pmatrix}$.

# %%
def floored_covariance(S, floor):
    """A covariance whose eigenvalues below floor are raised to floor; the others stay; a new array

    Shapes
        S, result  (…, features, features), symmetric: one covariance or many      floor  a number above 0
    Eigenvalues may be 0, also all of them, and by rounding a little below.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(floored_covariance)


# %% [markdown]
# ## 12.14 responsibilities
#
# The **E step**: given the components, where does a row come from? By Bayes' rule from component $c$ with the probability
#
# $$ r_{nc} = \frac{\pi_c\, N(x_n; \mu_c, \Sigma_c)}{\sum_b \pi_b\, N(x_n; \mu_b, \Sigma_b)} $$
#
# the **responsibility** of $c$ for row $n$. A row between two clusters belongs to both a little. The logarithm of the
# denominator is the log-density of the row, and its mean over all rows is what EM makes large:
# $\ell = \frac1N \sum_n \log p(x_n)$.
#
# **In logarithms.** A row 50 standard deviations away has the density $e^{-1250}$, which is 0 in a float, and 0 / 0 is
# NaN. So compute $a_{nc} = \log \pi_c + \log N(x_n; \mu_c, \Sigma_c)$, and never the exponential of anything but a
# difference from the largest:
#
# $$ \log p(x_n) = m_n + \log \sum_c e^{a_{nc} - m_n}, \qquad m_n = \max_c a_{nc}, \qquad r_{nc} = e^{a_{nc} - \log p(x_n)} $$
#
# **The normal density.** With the Cholesky factor, $\Sigma = L L^\top$ and $u = L^{-1} (x - \mu)$,
#
# $$ \log N = -\frac12 \left( u^\top u + d \log 2\pi \right) - \sum_j \log L_{jj} $$
#
# because $\det \Sigma = (\prod_j L_{jj})^2$. A component may have the weight 0: $\log 0 = -\infty$ and $r = 0$. (Some weight
# is above 0.)
#
# ```
#   x (N, d) ─► u = L⁻¹ (x − μ)   (d, N) for each component ─► a (N, k) ─► max, sum over k ─► log p (N,) ─► r (N, k)
# ```
#
# *By hand:* one feature, $\mu = 0, 2$, both variances 1, $\pi = \frac12, \frac12$, the row $x = 0.5$: the densities are in
# the ratio $e^{-0.125} : e^{-1.125} = 1 : e^{-1}$, so $r = (0.731, 0.269)$; $\log p = \log \frac12 - 0.125 + \log(1 +
# e^{-1}) - \frac12 \log 2\pi = -1.424$.

# %%
def responsibilities(x, weights, means, covariances):
    """A pair (log_likelihood, r): the mean log-density of the rows, a number, and for each row the share of each component

    Shapes
        x  (rows, features)      weights  (k,), sum 1, some may be 0      means  (k, features)
        covariances  (k, features, features), positive definite      r  (rows, k), each row with the sum 1
    Rows may be as far from all means as you like.  Both results have the dtype of x.

    Source: Dempster, Laird & Rubin, Maximum Likelihood from Incomplete Data via the EM Algorithm (1977).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(responsibilities)


# %% [markdown]
# ## 12.15 maximized
#
# The **M step**: given the responsibilities, which components make the likelihood largest? Each takes the rows as far as it
# is responsible for them. With $N_c = \sum_n r_{nc}$
#
# $$ \pi_c = \frac{N_c}{N}, \qquad \mu_c = \frac{1}{N_c} \sum_n r_{nc}\, x_n, \qquad
#    \Sigma_c = \frac{1}{N_c} \sum_n r_{nc}\, (x_n - \mu_c)(x_n - \mu_c)^\top $$
#
# with the *new* $\mu_c$, and then $\Sigma_c$ is floored. (Why: with $z$ known these are the frequencies, means and
# covariances of each cluster, the solution for one normal distribution; $r$ puts a weight on each term.)
#
# Write the covariance as it stands, from differences. The other formula, $\frac{1}{N_c} \sum r\, x x^\top - \mu \mu^\top$, is
# equal on paper and has no correct digit for rows far from zero.
#
# A component that is responsible for nothing, $N_c = 0$, would be 0 / 0. It gets the weight 0, and **keeps its mean and
# covariance**.
#
# *By hand:* rows $0, 2, 4$, one component with $r = 1, 1, 0$ and one with $0, 0, 1$. $\pi = \frac23, \frac13$; $\mu = 1, 4$;
# variances $\frac12(1 + 1) = 1$ and $0$, which is raised to the floor.

# %%
def maximized(x, r, means, covariances, floor):
    """(weights, means, covariances) that make the likelihood largest for these responsibilities; new arrays

    Shapes
        x  (rows, features)      r  (rows, k), 0 or more      weights  (k,): N_c / rows
        means  (k, features)      covariances  (k, features, features), eigenvalues of the new ones at least floor
    means, covariances: those before, which a component keeps if it is responsible for nothing (then its weight is 0).
    Rows may lie far from zero.  The results have the dtype of x.

    Source: Dempster, Laird & Rubin (1977).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(maximized)


# %% [markdown]
# ## 12.16 GaussianMixture
#
# The beginning comes from labels, usually those of k-means: responsibilities 1 and 0. Then
#
# 1. M step: `self.weights, self.means, self.covariances` from the responsibilities,
# 2. E step: the log-likelihood, which is appended to `self.history`, and new responsibilities,
#
# again and again, at most `rounds` times. End before that if the log-likelihood has risen by less than `tolerance` since
# the round before.
#
# Before the first M step, the mean and the covariance of every component are those of all rows (divided by their number,
# floored). They matter only for components that have no label: these keep them, with the weight 0.
#
# **Neither step makes the likelihood smaller.** For any $r$ with the rows' sums 1,
#
# $$ \ell = \frac1N \sum_n \log \sum_c r_{nc} \frac{\pi_c N_{nc}}{r_{nc}}
#         \;\ge\; \frac1N \sum_n \sum_c r_{nc} \log \frac{\pi_c N_{nc}}{r_{nc}} $$
#
# because the logarithm is concave. The E step chooses $r$ so that both sides are equal; the M step makes the right side as
# large as possible, and the left side is above it. So the history never falls, except by rounding, $10^{-9}$ at most, and
# except in a step that had to raise an eigenvalue, because a floored covariance is not the best one. A likelihood that
# falls is a sure sign of a mistake: *plot it*.
#
# `predict` gives the component with the largest responsibility, of equal ones the smallest number.
#
# *By hand:* rows $0, 2, 4$ with the labels 0 0 1 and the floor 1: after the first M step $\pi = \frac23, \frac13$, $\mu = 1,
# 4$, both variances 1. E step: for the row 2, $a = \log \frac23 - \frac12$ and $\log \frac13 - 2$: the responsibility of
# component 0 is $1 / (1 + \frac12 e^{-1.5}) = 0.90$.
#
# Whether to go on is decided in CPU memory, so it runs there on every machine.

# %%
class GaussianMixture:
    """Rows as draws of k normal distributions, each with a covariance of its own, fitted by EM

    k: components      floor: the smallest eigenvalue of a covariance      rounds: at most so many, 1 or more
    tolerance: end if the log-likelihood has risen by less
    Shapes
        x  (rows, features), floats      weights  (k,)      means  (k, features)      covariances  (k, features, features)
        history  a list of the log-likelihood of each round, Python floats
    fit begins anew at every call.  predict uses weights, means and covariances as they are, which may be written as well.

    Source: Dempster, Laird & Rubin (1977); Bishop (2006), section 9.2.
    """

    def __init__(self, k, *, floor=1e-6, rounds=100, tolerance=1e-6):
        self.k, self.floor, self.rounds, self.tolerance = k, floor, rounds, tolerance

    def fit(self, x, labels):
        """Set self.weights, self.means, self.covariances and self.history; labels (rows,), from 0 to k − 1, to begin with

        A number may be missing among the labels.
        """
        # YOUR CODE HERE
        raise NotImplementedError()

    def predict(self, x):
        """The number of the component that is most responsible for each row, (rows,), integers"""
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(GaussianMixture)


# %% [markdown]
# Three groups that are long, tilted and of different size. K-means cuts them where the distances to two centres are equal;
# the mixture beginning from there finds them. The ellipses are one and two standard deviations; the likelihood rises in
# every round.

# %%
def long_groups(rng):
    """Points in three long groups of different size (330, 2), and their group; given"""
    sizes, groups = (200, 100, 30), []
    shapes = ([[2.2, 0.9], [0, 0.3]], [[0.3, 0.2], [0, 1.6]], [[0.35, 0], [0, 0.35]])
    for size, shape, place in zip(sizes, shapes, ([0, 0], [4.2, 1], [0.5, 3]), strict=True):
        groups.append(rng.normal(size=(size, 2)) @ np.array(shape) + place)
    return np.concatenate(groups), np.repeat(np.arange(3), sizes)


def draw_ellipses(ax, mixture):
    """One and two standard deviations of every component; given"""
    angle = np.linspace(0, 2 * np.pi, 100)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    for mean, covariance in zip(mixture.means, mixture.covariances, strict=True):
        for size in (1, 2):
            ax.plot(*(mean[:, None] + size * np.linalg.cholesky(covariance) @ circle), color="black", lw=1)


with when_written():
    x, groups = long_groups(np.random.default_rng(3))
    clusters, mixture = KMeans(3), GaussianMixture(3)
    clusters.fit(x, rng=np.random.default_rng(0))
    mixture.fit(x, clusters.labels)
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    for ax, model, title in zip(axes, (clusters, mixture), ("k-means", "Gaussian mixture"), strict=False):
        plotting.decision_regions(model.predict, x, model.predict(x), ax=ax)
        ax.legend().remove()
        ax.set(title=title, aspect="equal")
    axes[0].plot(*clusters.centres.T, "k*", ms=12)
    draw_ellipses(axes[1], mixture)
    axes[2].plot(range(1, len(mixture.history) + 1), mixture.history, "o-", ms=3, color=plotting.COLOURS[0])
    axes[2].set(xlabel="round", ylabel="mean log-likelihood of a row")
    plt.show()


# %% [markdown]
# ## 12.17 Capstone: train_clusters
#
# Find ten groups among 1,797 handwritten digits of 8 × 8 pixels, without a single label. Nobody says what the groups are to
# be; afterwards they are compared with the ten digits. And as the images are turned, mirrored, bent and mixed in a way that
# is drawn anew each time, nothing that you know about digits helps, only what the rows themselves show.
#
# **The judge** is the adjusted Rand index. Of all pairs of rows, count those on which two groupings agree (together in
# both, or apart in both), and subtract what would agree by chance, so that 1 means the same grouping (whatever the numbers
# of the groups are), and 0 one by chance. The mean over five drawings has to be at least **0.67**.
#
# What helps, from everything above:
#
# - K-means on the pixels reaches 0.63: it believes that all clusters are round.
# - A mixture has ellipses. But a covariance of 64 pixels has 2,080 numbers, too many for the 180 rows of a digit, and
#   pixels in the corners are always empty. Describe the images by 15 to 20 numbers first.
# - The variance that is left out has to be thought of too: a `floor` of some hundredths of a squared grey value keeps
#   narrow components from swallowing few rows.
# - Begin where several runs of k-means were best, judged by the inertia: it needs no labels.
#
# It may take 15 seconds a grading, five drawings together.

# %%
def train_clusters(x, *, rng):
    """Ten groups of rows; a number for each row, (rows,), integers

    x  (rows, 64), floats: images of 8 × 8 grey values, changed all in the same way; no labels
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(train_clusters)

# %% [markdown]
# The groups that it finds: their means, and which digits are in them. Some digits have two groups (ones that are straight
# and ones with a foot), some share one.

# %%
with when_written():
    data = digits()
    x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    found = train_clusters(x, rng=np.random.default_rng(0))
    table = np.array([[((found == group) & (y == digit)).sum() for digit in range(10)] for group in range(10)])
    order = np.argsort(table.argmax(axis=1), kind="stable")
    figure, axes = plt.subplots(10, 2, figsize=(8, 5), layout="constrained", width_ratios=(1, 12))
    for row, group in zip(axes, order, strict=True):
        if (found == group).any():
            row[0].imshow(x[found == group].mean(axis=0).reshape(8, 8), cmap="gray_r")
        row[1].bar(range(10), table[group], color=plotting.COLOURS[0])
        row[0].set(xticks=[], yticks=[])
        row[1].set(xticks=range(10) if group == order[-1] else [], yticks=[], ylim=(0, 185), xlim=(-0.6, 10.1))
        for digit in np.flatnonzero(table[group]):
            row[1].text(digit + 0.42, 20, table[group, digit], fontsize=7)
    axes[-1, 1].set_xlabel("digit")
    plt.show()

# %% [markdown]
# **Question 1.** *(4 points)* Two classes of rows can be separated by a plane. (a) Why has logistic regression without a
# penalty no best $W$ there, and what does descent with a fixed rate do in the end? (b) What does $\lambda > 0$ change, and
# what becomes of $\lVert W \rVert$ as $\lambda$ goes to 0? (c) In which way is the support vector machine different: which
# rows decide about its plane, and what happens to it if a row that is classified well moves twice as far away? (d) A
# colleague reports 100 % accuracy on the training rows for both and concludes that both are equally good. What is missing?

# %% [markdown]
# YOUR ANSWER HERE

# %% [markdown]
# # Learning from rewards
#
# A label says what would have been correct. A **reward** only says how good it was, often much later: a game is won
# after forty moves, and nobody says which of them were good. An *agent* is in a **state**, chooses an **action**, gets
# a reward and is in another state; it looks for a **policy**, a choice of actions, with as much reward as possible.
#
# The world of this part ships with dlkit. It has two rooms with a door between them, a start S and a goal G:
#
# ```
#    S . # . .        states    the cells that are no walls, numbered row by row: 21
#    . . # . .        actions   0 up, 1 right, 2 down, 3 left
#    . . . . .        slip      with probability 0.2 an action goes astray, half of it to each side:
#    . . # . .                  who wants to go up goes up (0.8), right (0.1) or left (0.1)
#    . . # . G        rewards   −0.02 for each step, +1 for the step that reaches the goal
# ```
#
# Walls and edges keep the agent where it is. An **episode** begins in S and ends in G, or is broken off after 100
# steps. Rewards count less the later they come: after $t$ steps $\gamma^t$ times as much, with $\gamma = 0.95$. The sum
# $G_t = r_t + \gamma r_{t+1} + \gamma^2 r_{t+2} + \dots$ is the **return** from step $t$ on. All this is a
# *Markov decision process*: what comes next depends on the state and the action, and not on what was before.
#
# A world of few states is a table, and what an agent does depends on numbers that it looks at after every step. So the
# exercises of this part run in CPU memory on every machine.

# %%
world = GridWorld()
print(world.text(), f"\n\n{world.states} states, from {world.start} to {world.goal}; from state 1 downwards:", end=" ")
print({int(s): round(float(p), 2) for s, p in enumerate(world.transitions[1, 2]) if p})


# %% [markdown]
# ## 12.18 action_values
#
# Suppose that we know the **value** $V(s)$ of every state: the mean return of who begins there and then acts in a
# certain way. What is the **action value** $Q(s, a)$, for beginning with action $a$ and continuing in that way? The mean
# reward of the first step, and then, discounted once, the mean value of where it leads. This is **Bellman's equation**:
#
# $$ Q(s, a) = R(s, a) + \gamma \sum_{s'} P(s' \mid s, a)\, V(s') $$
#
# ```
#   P (states, actions, states)  ·  V (states,)   ──►  (states, actions)       the last axis of P is where it leads to
#   R (states, actions)          + γ ·             ──►  Q (states, actions)
# ```
#
# `transitions` and `rewards` of the world are $P$ and $R$.
#
# *By hand:* from a state, an action leads with probability 0.8 to a state of value 1 and with 0.2 to one of value
# −0.5; its mean reward is −0.02. With $\gamma = 0.5$: $Q = -0.02 + 0.5 \cdot (0.8 - 0.1) = 0.33$.

# %%
def action_values(values, transitions, rewards, gamma):
    """One Bellman backup:  Q(s, a) = R(s, a) + gamma · Σ P(s' | s, a) V(s')

    Shapes
        values  (states,)      transitions  (states, actions, states), the next state last
        rewards  (states, actions)      result  (states, actions), a new array

    Source: Bellman, Dynamic Programming (1957); Sutton & Barto, Reinforcement Learning (2018), equation 4.6.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(action_values)


# %% [markdown]
# ## 12.19 value_iteration
#
# In the **best** policy, every state takes the action with the greatest value: $V(s) = \max_a Q(s, a)$. With Bellman's
# equation, $V$ stands on both sides:
#
# $$ V(s) = \max_a \Big( R(s, a) + \gamma \sum_{s'} P(s' \mid s, a)\, V(s') \Big) $$
#
# Begin with zeros and apply the right side again and again. Each **sweep** brings $V$ nearer to the solution: if two
# tables differ by at most $d$, then after a sweep by at most $\gamma d$, since a mean and a maximum make no difference
# larger. So it converges, from any beginning, and errors shrink by $\gamma$ in each sweep.
#
# Stop after the first sweep in which no value changes by more than the tolerance, and after `sweeps` sweeps (one or
# more) in any case. A sweep computes *all* new values
# from those of the sweep before. (Whoever writes each new value into the table at once converges too, but with other
# numbers on the way.)
#
# *By hand:* two states, G with value 0 for ever, and A with two actions: "stay" with reward −0.1, "go" to G with
# reward 1. With $\gamma = 0.5$, sweep 1: $Q(A) = (-0.1, 1)$, $V(A) = 1$. Sweep 2: $Q(A) = (-0.1 + 0.5, 1) = (0.4, 1)$;
# nothing changes, stop. The policy is "go".

# %%
def value_iteration(transitions, rewards, gamma, *, tolerance=1e-9, sweeps=1000):
    """The values of the best policy and the policy: (values, policy)

    Shapes
        transitions  (states, actions, states)      rewards  (states, actions)
        values  (states,), floats      policy  (states,), integers: the action of each state
    Values begin with 0.  A sweep computes all new values from all old ones.  The last sweep is the first one in which
    no value changes by more than tolerance, or number `sweeps`, and the values are those after it.  The policy takes
    the action whose value, computed from these values, is the greatest; of equal ones the first.
    gamma: from 0 to below 1      sweeps: 1 or more

    Source: Bellman, A Markovian Decision Process (1957); Sutton & Barto, Reinforcement Learning (2018), section 4.4.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(value_iteration)

# %%
with when_written():
    best, policy = value_iteration(world.transitions, world.rewards, 0.95)
    print(world.text(policy), f"\nworth {best[world.start]:.3f} at the start")
    plotting.grid_world(world, best, policy)
    plt.show()


# %% [markdown]
# In the left room all arrows lead to the row of the door, in the right one to the goal. (Where two ways are equally long,
# slips decide: which one has a wall beside it that does no harm?)

# %% [markdown]
# ## 12.20 policy_values
#
# How good is a policy that is *not* the best, say one that somebody has learned? Let $\pi(a \mid s)$ be the probability
# with which it chooses $a$ in $s$. Averaged over its choices, the world has the transitions $P_\pi$ and the rewards
# $R_\pi$,
#
# $$ P_\pi(s, s') = \sum_a \pi(a \mid s)\, P(s' \mid s, a), \qquad R_\pi(s) = \sum_a \pi(a \mid s)\, R(s, a) $$
#
# and Bellman's equation has no maximum any more: it is linear, and can be solved at once.
#
# $$ V = R_\pi + \gamma P_\pi V \quad\Longleftrightarrow\quad (I - \gamma P_\pi)\, V = R_\pi $$
#
# *By hand:* the two states from above, and a policy that chooses "stay" and "go" with ½ each: $R_\pi(A) = 0.45$, and it
# stays in A with ½, so $V(A) = 0.45 + 0.5 \cdot 0.5\, V(A)$, which gives $V(A) = 0.6$.

# %%
def policy_values(policy, transitions, rewards, gamma):
    """The value of every state under a policy that draws its actions, (states,), exactly (from a linear system)

    Shapes
        policy  (states, actions), probabilities; rows have the sum 1
        transitions  (states, actions, states)      rewards  (states, actions)
    gamma: from 0 to below 1

    Source: Sutton & Barto, Reinforcement Learning (2018), section 4.1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(policy_values)


# %% [markdown]
# With it we can say *how far* a policy has come, from choosing evenly (0) to the best (1):
#
# $$ \text{way} = \frac{V - V_\text{random}}{V^* - V_\text{random}} \qquad\text{at the start} $$

# %%
@cache
def both_ends():
    """The value of the start under the policy that chooses evenly, and under the best; given"""
    even = policy_values(np.full((world.states, 4), 0.25), world.transitions, world.rewards, 0.95)
    return even[world.start], value_iteration(world.transitions, world.rewards, 0.95)[0][world.start]


def way(actions):
    """How far a policy, an action for each state, has come from choosing evenly to the best; given"""
    value = policy_values(np.eye(4)[actions], world.transitions, world.rewards, 0.95)[world.start]
    low, high = both_ends()
    return float((value - low) / (high - low))


with when_written():
    print(
        "even and best: {:.3f} and {:.3f}".format(*both_ends()), f"; always to the right: {way(np.ones(21, int)):.2f}"
    )


# %% [markdown]
# ## 12.21 QLearning
#
# So far the world was known. Now it is not: the agent can only *step* and see what happens. **Q-learning** keeps a table
# $Q(s, a)$ and corrects one entry after every step. After action $a$ in $s$ with reward $r$, it is in $s'$, and can say
# better what $Q(s, a)$ should be:
#
# $$ \text{target} = r + \gamma \max_{a'} Q(s', a'), \qquad
#    Q(s, a) \leftarrow Q(s, a) + \alpha\,\big(\text{target} - Q(s, a)\big) $$
#
# In a goal nothing follows, so there the target is $r$ alone. But an episode that was *broken off* after its last step
# has not reached a goal: from $s'$ it would have continued, and $Q(s')$ counts.
#
# **The rate.** The target is noisy: the next state is drawn. A constant $\alpha$ would follow that noise for ever. So
# let $\alpha = n^{-0.6}$, where $n$ is how often action $a$ was taken in $s$, this time included: 1 at first, then
# 0.66, 0.52, …: at first it forgets the zeros, later it averages.
#
# **Exploring.** An agent that always takes the action that seems best never finds out what the others would bring. With
# the probability $\varepsilon$ take *any* action, each with the same probability (the best is among them); else the one
# with the greatest $Q$, and where several are equally good, any of these. ($\varepsilon$*-greedy.*) In the beginning all
# are zero: if equal ones always gave "up", the agent would walk up for a long time.
#
# Note that the target takes the maximum over the next actions, though the agent may not take that one. So it learns the
# values of the *best* policy while it follows another one (*off-policy*).
#
# *By hand:* $Q(s) = (0, 0.5)$, $Q(s') = (0.2, 0.4)$, $\gamma = 0.5$; action 1 in $s$, taken for the second time, gives
# $r = -0.1$. The target is $-0.1 + 0.5 \cdot 0.4 = 0.1$, $\alpha = 2^{-0.6} = 0.66$, and
# $Q(s, 1) = 0.5 + 0.66 \cdot (0.1 - 0.5) = 0.236$. If $s'$ were the goal, the target would be −0.1.

# %%
class QLearning:
    """A table of action values that is corrected after every step, with epsilon-greedy choices

    Q  (states, actions), floats, 0 at first      visits  (states, actions), how often each action was taken, integers
    epsilon: the probability with which act draws among all actions      power: of the rate, visits^(−power)

    Source: Watkins & Dayan, Q-learning (1992); the rate as in Even-Dar & Mansour, Learning Rates for Q-learning (2003).
    """

    def __init__(self, states, actions, *, gamma=0.95, epsilon=0.2, power=0.6):
        self.gamma, self.epsilon, self.power = gamma, epsilon, power
        self.Q = np.zeros((states, actions))
        self.visits = np.zeros((states, actions), int)

    def act(self, state, *, rng):
        """Choose an action: with probability epsilon any, else one with the greatest Q; equal ones are drawn evenly"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def update(self, state, action, reward, next_state, done):
        """Count the visit, and correct Q for one step; done: next_state is a goal, after which nothing follows"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def learn(self, world, episodes, *, rng):
        """Live through episodes, correct Q after each step; a list with the sum of the rewards of each episode

        world: has start, limit (steps after which an episode is broken off), and
        step(state, action, rng=rng), which returns (next_state, reward, done)
        A further call continues with the table as it is.
        """
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(QLearning)

# %%
with when_written():
    rng = np.random.default_rng(0)
    agent = QLearning(world.states, world.actions)
    pictures = []
    for episodes in (5, 45, 450):
        agent.learn(world, episodes, rng=rng)
        pictures.append((agent.visits.sum(), agent.Q.copy()))
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    for ax, (steps, Q) in zip(axes, pictures, strict=True):
        plotting.grid_world(world, Q.max(axis=1), Q.argmax(axis=1), ax=ax)
        ax.set_title(f"after {steps:,} steps: way {way(Q.argmax(axis=1)):.2f}")
    plt.show()


# %% [markdown]
# Values spread from the goal backwards, one step with each visit. Where the policy of the agent seldom leads, arrows
# may be wrong even at the end: it does not harm, and nobody corrects it.

# %% [markdown]
# ## 12.22 discounted_returns
#
# The other way to learn from rewards has no table of action values: it changes the *policy* itself, by a gradient. It
# needs the return from each step of an episode to its end:
#
# $$ G_t = \sum_{k \ge t} \gamma^{k - t}\, r_k = r_t + \gamma\, G_{t+1}, \qquad G_T = 0 $$
#
# The right form takes one pass from the end to the beginning. (The sum $\sum_k \gamma^k r_k$, cumulated from the end and
# divided by $\gamma^t$, is the same on paper. But $0.5^{2000}$ is 0 on every machine.)
#
# *By hand:* the rewards $(-1, 0, 2)$ with $\gamma = 0.5$: $G_2 = 2$, $G_1 = 0 + 1 = 1$, $G_0 = -1 + 0.5 = -0.5$.

# %%
def discounted_returns(rewards, gamma):
    """The return from each step on:  G(t) = r(t) + gamma · G(t + 1)

    Shapes
        rewards, result  (steps,), floats; one step or more, also thousands
    gamma: from 0 to 1, both included

    Source: Sutton & Barto, Reinforcement Learning (2018), equation 3.9.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(discounted_returns)


# %% [markdown]
# ## 12.23 policy_gradient
#
# Let the policy be a softmax of scores: a table $\theta$ (states, actions) with
# $\pi(a \mid s) = e^{\theta_{sa}} / \sum_{a'} e^{\theta_{sa'}}$. We want to climb: which change of $\theta$ increases the
# mean return $J$? The return is a sum over episodes $\tau$, each with its probability, $J = \sum_\tau p(\tau) G(\tau)$.
# Rewards do not depend on $\theta$; probabilities do. With $\nabla p = p\, \nabla \log p$,
#
# $$ \nabla J = \sum_\tau p(\tau)\, G(\tau)\, \nabla \log p(\tau) = \mathrm{E}\big[\, G\, \nabla \log p(\tau)\, \big] $$
#
# which is a *mean*, so that episodes that were lived through estimate it. The probability of an episode is a product of
# the policy's choices and of the world's, and in the logarithm the world's are terms without $\theta$:
#
# $$ \nabla \log p(\tau) = \sum_t \nabla \log \pi(a_t \mid s_t) $$
#
# An action cannot change rewards that came before it, so each term is weighted by the return *from its step on*. And any
# number that does not depend on the action may be subtracted, for example an estimate $b(s_t)$ of that return, since
# $\sum_a \pi(a)\, \nabla \log \pi(a) = \nabla \sum_a \pi(a) = \nabla 1 = 0$: it changes no mean, but the spread. What is
# left is the **advantage** $A_t = G_t - b(s_t)$: was it better than usual?
#
# $$ g = \sum_t A_t\, \nabla \log \pi(a_t \mid s_t), \qquad
#    \frac{\partial \log \pi(a \mid s)}{\partial \theta_{sk}} = [k = a] - \pi(k \mid s) $$
#
# The last formula is the gradient of the cross-entropy from assignment 03 with the other sign: one-hot minus softmax. It
# goes to the row $s_t$ of $g$. Where a state occurs several times in an episode, its contributions **add up**.
#
# (Exactly, the term of step $t$ has a factor $\gamma^t$. As in nearly all programs, it is left out: otherwise late steps
# would hardly learn.)
#
# *By hand:* one state, two actions, $\theta = (0, 0)$, so $\pi = (½, ½)$. Two steps, actions 0 and 1, advantages 2 and
# −1: $g = 2 \cdot (½, -½) - 1 \cdot (-½, ½) = (1.5, -1.5)$. Both steps say the same: more of action 0.

# %%
def policy_gradient(theta, states, actions, advantages):
    """The direction in which an episode's steps push a softmax policy:  Σₜ A(t) ∇ log π(a(t) | s(t))

    Shapes
        theta, result  (states, actions): scores of any size, and the gradient at each, to be added
        states, actions  (steps,), integers; a state may occur many times      advantages  (steps,)

    Source: Williams, Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning (1992).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(policy_gradient)


# %% [markdown]
# ## 12.24 Reinforce
#
# **REINFORCE** lives through an episode with its policy, computes returns, advantages and the gradient, and takes a
# step *up*. The baseline $b(s)$ is learned beside it: after the episode, in the order of its steps,
#
# $$ b(s_t) \leftarrow b(s_t) + \beta\, \big(G_t - b(s_t)\big) $$
#
# The advantages of an episode use the baseline *before* it. With $\beta = 0$ the baseline stays 0: no baseline.
#
# Note what is different from Q-learning: nothing is learned before the episode is over, the agent learns about the
# policy that it follows (*on-policy*), and there is no $\varepsilon$: as long as the probabilities are not 0 or 1, it
# explores by itself.
#
# *By hand:* one state, two actions, $\theta = 0$, $b = 0.5$, $\gamma = 1$, learning rate 1, $\beta = 0.1$. An episode
# with actions 0, 1 and rewards 1, 1: $G = (2, 1)$, $A = (1.5, 0.5)$,
# $g = 1.5 \cdot (½, -½) + 0.5 \cdot (-½, ½) = (0.5, -0.5)$, which is the new $\theta$. The baseline: $0.5 + 0.1 \cdot
# (2 - 0.5) = 0.65$, then $0.65 + 0.1 \cdot (1 - 0.65) = 0.685$.

# %%
class Reinforce:
    """A softmax policy that climbs along the policy gradient of each episode, with a learned baseline

    theta  (states, actions), the scores of the policy, 0 at first      baseline  (states,), 0 at first
    lr: of the policy      baseline_lr: of the baseline, 0 for none

    Source: Williams (1992); Sutton & Barto, Reinforcement Learning (2018), section 13.4.
    """

    def __init__(self, states, actions, *, gamma=0.95, lr=0.5, baseline_lr=0.1):
        self.gamma, self.lr, self.baseline_lr = gamma, lr, baseline_lr
        self.theta = np.zeros((states, actions))
        self.baseline = np.zeros(states)

    def act(self, state, *, rng):
        """Draw an action with the probabilities of the policy, the softmax of theta in that state"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def update(self, states, actions, rewards):
        """Learn from one episode: its states, actions and rewards, arrays (steps,); first policy, then baseline"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def learn(self, world, episodes, *, rng):
        """Live through episodes and update after each; a list with the sum of the rewards of each episode

        world: as for QLearning.learn.  A further call continues with what was learned.
        """
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(Reinforce)


# %% [markdown]
# What does the baseline buy? Eight agents each, 200 episodes; the line is the median over the agents of how far their
# greedy policy has come, the band reaches from a quarter to three quarters of them.

# %%
@cache
def ways_of_reinforce(baseline_lr, lr, agents=8, episodes=200, every=5):
    """How far agents have come (agents, measurements); given"""
    found = []
    for seed in range(agents):
        rng, agent = np.random.default_rng(seed), Reinforce(world.states, 4, lr=lr, baseline_lr=baseline_lr)
        found.append([])
        for _ in range(episodes // every):
            agent.learn(world, every, rng=rng)
            found[-1].append(way(agent.theta.argmax(axis=1)))
    return np.array(found)


with when_written():
    ax = plt.subplots(figsize=(6.8, 3.6), layout="constrained")[1]
    for i, (name, beta) in enumerate({"with a baseline": 0.1, "without": 0.0}.items()):
        found = ways_of_reinforce(beta, 0.3)
        x = np.arange(1, found.shape[1] + 1) * 5
        low, middle, high = np.quantile(found, (0.25, 0.5, 0.75), axis=0)
        ax.fill_between(x, low, high, color=plotting.COLOURS[i], alpha=0.2, lw=0)
        ax.plot(x, middle, color=plotting.COLOURS[i], label=name)
    ax.axhline(1, color="black", lw=0.8, ls=":")
    ax.set(xlabel="episodes", ylabel="way from even to best", ylim=(-0.1, 1.05))
    ax.legend(frameon=False, loc="lower right")
    plt.show()


# %% [markdown]
# Without a baseline every action of an episode that reached the goal is pushed up, good and bad ones alike, and each
# action of a long one is pushed down: the mean is correct, but a single episode says little. The advantage asks a
# better question: was it better than usual *from here*?

# %% [markdown]
# ## 12.25 Learning a policy
#
# The first capstone of this part. Write `learned_policy`: an agent in a world that it does not know, which may act for
# 1,000 episodes, and then says what it would do in each state. Take whichever of your agents you like. It is graded in a
# world of two rooms drawn anew: of other sizes, turned or mirrored, with the door elsewhere, so the policy of the
# picture above does not fit. The **way** at the start has to be at least 0.95, in one of up to three attempts.

# %%
def learned_policy(world, *, rng):
    """Learn to act in a world by at most 1,000 episodes of world.limit steps; the action of each state, (states,)

    The result has integers.

    world: has states, actions, start, limit and step(state, action, rng=rng), which returns (next_state, reward, done);
    rewards count gamma = 0.95 times as much with each step

    What the world holds beside these names is not part of the task: all that is known about it comes from steps.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(learned_policy)

# %%
with when_written():
    learned = learned_policy(world, rng=np.random.default_rng(1))
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.6), layout="constrained")
    for ax, (name, actions) in zip(axes, {"learned": learned, "best": policy}.items(), strict=True):
        values = policy_values(np.eye(4)[actions], world.transitions, world.rewards, 0.95)
        plotting.grid_world(world, values, actions, ax=ax)
        ax.set_title(f"{name}: {values[world.start]:.3f} at the start")
    plt.show()


# %% [markdown]
# # Learning from the data themselves
#
# Images are cheap; labels are not. In **self-supervised** learning the data make a task of their own, a *pretext*, whose
# labels cost nothing: how far was this image turned? Which of these two hundred images is the other view of the same
# one? Nobody needs the answers. But to find them, a network has to learn what is in the images, and its **features** can
# then serve a task with few labels.
#
# ## 12.26 rotation_pretext
#
# Turn each image by a quarter turn, two, three or none, drawn for each, and let a network say which. To see that a cat
# lies on its back, it has to recognize the cat.
#
# ```
#   x (batch, …, size, size)  ──►  images (batch, …, size, size),  turns (batch,) from 0 to 3
#
#     1 2                             2 4
#     3 4      turned by 1:           1 3
# ```
#
# The turns are counterclockwise, as `numpy.rot90` does it in the plane of the last two axes.
#
# *By hand:* the image $\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}$ turned once is
# $\begin{pmatrix} 2 & 4 \\ 1 & 3 \end{pmatrix}$, twice $\begin{pmatrix} 4 & 3 \\ 2 & 1 \end{pmatrix}$.

# %%
def rotation_pretext(x, *, rng):
    """Turn each image by 0, 1, 2 or 3 quarter turns counterclockwise, each equally likely: (images, turns)

    Shapes
        x, images  (batch, …, size, size), of one dtype; images is a new array
        turns  (batch,), integers from 0 to 3
    Each image has a turn of its own.

    Source: Gidaris, Singh & Komodakis, Unsupervised Representation Learning by Predicting Image Rotations (2018).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(rotation_pretext)


# %% [markdown]
# ## 12.27 UnitLength
#
# The other pretext compares features by their *direction*: the cosine of two vectors is the inner product of vectors of
# length 1. So features are first divided by their length.
#
# $$ y = \frac{x}{\lVert x \rVert} $$
#
# **The backward pass.** With $n = \lVert x \rVert$ and $\partial n / \partial x_j = x_j / n = y_j$:
#
# $$ \frac{\partial y_i}{\partial x_j} = \frac{[i = j]}{n} - \frac{x_i}{n^2}\, y_j = \frac{[i = j] - y_i\, y_j}{n}
#    \qquad\Longrightarrow\qquad dx = \frac{dy - y\,(y \cdot dy)}{n} $$
#
# Geometrically: of $dy$, what points along $y$ is taken away, since no change of $x$ along itself changes its direction;
# the rest is divided by the length. Each row for itself.
#
# A row of zeros has no direction. Such rows occur where a ReLU has silenced all features: let them give zeros, and the
# gradient zero.
#
# *By hand:* $x = (3\;\;4)$, $n = 5$, $y = (0.6\;\;0.8)$. With $dy = (1\;\;0)$: $y \cdot dy = 0.6$, and
# $dx = ((1\;\;0) - 0.6 \cdot (0.6\;\;0.8)) / 5 = (0.128\;\; -0.096)$, which is orthogonal to $x$.

# %%
class UnitLength(Layer):
    """Rows divided by their length:  y = x / ‖x‖

    Shapes
        x, y  (batch, features)
    A row of zeros gives zeros, and gets the gradient 0.

    Source: Wang et al., NormFace (2017), section 3.3.
    """

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(UnitLength)


# %% [markdown]
# ## 12.28 NTXent
#
# **Contrastive learning.** Distort each of $n$ images twice, at random. The two *views* of an image should have similar
# features, and views of different images should not. Each of the $2n$ views has to find its partner among the $2n - 1$
# others: a classification by cosines, with a **temperature** $T$,
#
# $$ s_{ij} = \frac{u_i \cdot u_j}{T}, \qquad
#    L = \frac{1}{2n} \sum_{i=1}^{2n} \Big( -s_{i, j(i)} + \log \sum_{k \neq i} e^{s_{ik}} \Big) $$
#
# where $u$ are the rows of both views, one below the other, with length 1, and $j(i)$ is the row of the partner of $i$.
#
# ```
#   a (n, features) ─┐ one below the other       u (2n, features)       s (2n, 2n)
#                    ├──► z (2n, features) ──►  ‖ ‖ = 1  ──► u uᵀ / T ──►  −∞  .   .   +   .   .
#   b (n, features) ─┘                                                      .  −∞   .   .   +   .
#                                                     − ∞: itself           .   .  −∞   .   .   +
#                                                       +: the partner      +   .   .  −∞   .   .
# ```
#
# A view is most similar to itself: $s_{ii} = 1/T$. It must not be in its own denominator, so set it to $-\infty$ *before*
# the softmax. Subtracting $e^{1/T}$ afterwards is the same on paper only: with $T = 0.02$ it is $5 \cdot 10^{21}$, and the
# others, near 1, are lost in its rounding.
#
# **The backward pass**, in three steps.
#
# 1. As always with a softmax and a cross-entropy: $ds = (p - \text{onehot}) / 2n$, where $p$ is the softmax of each row
#    (0 on the diagonal) and the one is at the partner.
# 2. $s = u u^\top / T$ contains $u$ twice, as row $i$ and as column $j$:
#    $du_i = \frac1T \sum_j (ds_{ij} + ds_{ji})\, u_j$, or $du = (ds + ds^\top)\, u / T$.
# 3. Back through the lengths: that is `UnitLength`. The first $n$ rows are $da$, the others $db$.
#
# *By hand:* $n = 1$: each view has one other view to choose from, so $L = 0$. With $n = 2$, $T = 1$ and the four rows
# $u = (1, 0), (0, 1), (1, 0), (0, 1)$, where rows 0 and 2 are partners, and 1 and 3: each row sees its partner with
# $s = 1$ and two others with $s = 0$: $L = \log(e + 2) - 1 = 0.551$.

# %%
class NTXent(Loss):
    """Each view has to find the other view of the same image, by cosines (normalized temperature-scaled cross-entropy)

    Shapes
        a, b  (batch, features): features of the two views of each image, of any length
        backward  (da, db)
    The loss is the mean over all 2 · batch views.

    Source: Chen, Kornblith, Norouzi & Hinton, A Simple Framework for Contrastive Learning of Visual Representations
    (2020), equation 1.
    """

    def __init__(self, temperature=0.5):
        self.temperature = temperature

    def forward(self, a, b):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(NTXent)


# %% [markdown]
# ## 12.29 contrastive_step
#
# Between images and loss stand two networks: an **encoder**, whose features we want, and a small **head** behind it,
# whose outputs the loss compares. (Features directly before the loss forget what the views do not share, the position
# for example. With a head, the encoder may keep it.)
#
# ```
#   a (n, …) ─┐                                                        ┌─► first n rows ─┐
#             ├─► (2n, …) ─► encoder ─► features ─► head ─► (2n, f) ───┤                 ├─► loss
#   b (n, …) ─┘                                                        └─► last n rows ──┘
# ```
#
# A trap: a layer remembers its *last* call only. Whoever sends $a$ through the encoder and then $b$, has lost what the
# backward pass of $a$ needs. So send both views through at once, as one batch of $2n$ rows. And the gradients of the
# loss, $da$ and $db$, go back the same way, one below the other.
#
# *By hand:* an encoder $f = w x$ with $w = 2$, a head that changes nothing, $a = 1$, $b = 3$, and the loss $(f_a -
# f_b)^2$: $f = (2, 6)$, loss 16, $da = -8$, $db = 8$, $dw = -8 \cdot 1 + 8 \cdot 3 = 16$. With the rate 0.01 the new
# $w$ is 1.84.

# %%
def contrastive_step(a, b, *, encoder, head, loss, optimizer):
    """One step of contrastive learning: two views of a batch through encoder and head, loss, backward, step; the loss

    Shapes
        a, b  (batch, …), two views of the same images
    encoder, head: layers, both moved by the optimizer.  loss: forward(a, b) of the head's outputs, backward() gives
    (da, db).  Gradients that were there before do not count.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(contrastive_step)


# %% [markdown]
# ## 12.30 CLIPLoss
#
# The two views may be of different kinds: a picture and the sentence below it. **CLIP** has an encoder for each, and in
# a batch of $n$ pairs each picture has to find its sentence, and each sentence its picture. Here a row is not compared
# with rows of its own kind, so there is no diagonal to be hidden: the diagonal is where the pairs are.
#
# $$ c_{ij} = u_i \cdot v_j, \qquad s = e^{\tau} c, \qquad
#    L = \frac{1}{2n} \sum_i \Big[ \big(\log \textstyle\sum_j e^{s_{ij}} - s_{ii}\big)
#      + \big(\log \textstyle\sum_j e^{s_{ji}} - s_{ii}\big) \Big] $$
#
# once by rows, once by columns. The temperature is learned: its parameter is the logarithm $\tau$ of the scale, which
# begins with $\log(1/0.07)$. A scale above 100 would make training unstable: $e^\tau$ is limited to 100.
#
# **The backward pass.** By rows and by columns there is a softmax, $p$ and $q$, so
# $ds = \frac{1}{2n}(p - I + q - I)$. Then, with the scale $e = \min(e^\tau, 100)$:
#
# $$ du = e\, ds\, v, \qquad dv = e\, ds^\top u, \qquad
#    d\tau = e \sum_{ij} ds_{ij}\, c_{ij} \;\; (0 \text{ where } e^\tau > 100) $$
#
# and $du$, $dv$ go back through the lengths.
#
# *By hand:* two pairs with $u = v = (1, 0), (0, 1)$ and $\tau = 0$: $c = I$, each row and column has the softmax
# $(e, 1) / (e + 1) = (0.731, 0.269)$, $L = 0.313$. $ds_{11} = \frac14 (0.731 - 1 + 0.731 - 1) = -0.134$, and
# $d\tau = 2 \cdot (-0.134) \cdot 1 = -0.269$: a larger scale would be better.

# %%
class CLIPLoss(Layer):
    """Each image has to find its text and each text its image, by cosines times a learned scale

    A loss with a parameter.

    Shapes
        images, texts  (batch, features), of any length; row i of both belongs together
        log_scale  (1,): the logarithm of the scale, which is limited to 100
        forward gives one number, the mean over both directions and the batch; backward(), without an argument, gives
        (dimages, dtexts), and adds to log_scale.grad: 0 where the scale is limited

    Source: Radford et al., Learning Transferable Visual Models From Natural Language Supervision (2021), figure 3.
    """

    def __init__(self):
        self.log_scale = Parameter(zeros(1) + np.log(1 / 0.07))

    def forward(self, images, texts):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(CLIPLoss)


# %% [markdown]
# ## 12.31 pseudo_label
#
# **Semi-supervised** learning has few labelled rows and many without labels. The simplest way: train on the labelled
# ones, let the model label the others, and believe it where it is sure. **Pseudo-labels** are the classes of the rows
# whose greatest probability reaches a threshold, and training continues with them as if they were true.
#
# *By hand:* probabilities $(0.7, 0.3)$, $(0.45, 0.55)$, $(0.1, 0.9)$ with the threshold 0.7: rows 0 and 2, with the
# labels 0 and 1.
#
# (The danger is plain: errors in which the model is sure are learned as well. A high threshold, and distortions of the
# images that are trained with, keep it small.)

# %%
def pseudo_label(scores, threshold):
    """The rows that a model is sure of, and their classes, from scores before the softmax: (rows, labels)

    Shapes
        scores  (batch, classes), of any size
        rows  (sure,), integers in rising order: where the greatest probability is at least threshold
        labels  (sure,), integers: the class of that probability, of equal ones the first
    There may be no such row.

    Source: Lee, Pseudo-Label (2013); Sohn et al., FixMatch (2020), equation 4.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(pseudo_label)

# %% [markdown]
# ## 12.32 Labels for 50 images
#
# The second capstone: 4,000 images and no label. Write `pretrained_encoder`: it trains an encoder on the images alone
# and returns it. Its features are judged as is usual, by **linear evaluation**: a linear classifier is fitted to the
# features of 50 labelled images, five of each class, and classifies the others, which the encoder has never seen. That
# is done for 20 drawings of the 50. The same classifier on the *pixels* is right in about 61 %; the mean on your
# features has to be better by at least 4 percent points, in one of up to three attempts. Training may take 20 seconds of CPU
# time (the author's takes about 7). Remarks:
#
# - Images are MNIST at 14 × 14, (batch, 1, 14, 14), float32. All are changed in the same way, anew for each attempt:
#   rotated, mirrored, bent a little, each pixel mixed with its neighbours.
# - Features are the output of the encoder in evaluation mode, (batch, features), at most 128 for each image.
# - An encoder of two `Linear` layers with ReLU, 256 and 64 units, and a head `Linear` with 32; NT-Xent at $T = 0.3$;
#   batches of 128, AdamW at 0.003 falling to 0; 40 epochs: that is what the author does. A convolution is better in the
#   same number of epochs, but each takes five times as long.
# - What the views leave unchanged is what the features will be about. `distorted` turns, stretches, slants and shifts
#   images, blots out a square, and adds noise.

# %%
Flatten, Linear, ReLU = earlier("layers.Flatten"), earlier("layers.Linear"), earlier("layers.ReLU")
Sequential, SoftmaxCrossEntropy = earlier("layers.Sequential"), earlier("losses.SoftmaxCrossEntropy")
AdamW = earlier("optimizers.AdamW")


# %%
def distorted(x, *, rng):
    """Another view of each image (batch, 1, size, size): turned, stretched, slanted, shifted, with a hole; given"""
    n, size = len(x), x.shape[-1]
    middle, every = (size - 1) / 2, np.arange(size)
    turn, slant = rng.uniform(-0.35, 0.35, n), rng.uniform(-0.15, 0.15, n)
    stretch = np.exp(rng.uniform(-0.15, 0.15, (n, 2)))
    maps = np.array([[np.cos(turn), slant - np.sin(turn)], [np.sin(turn), np.cos(turn)]]).transpose(2, 0, 1)
    grid = np.stack(np.meshgrid(every - middle, every - middle, indexing="ij")).reshape(2, -1)
    at = (maps * stretch[:, None]) @ grid + rng.uniform(-0.1 * size, 0.1 * size, (n, 2, 1)) + middle
    at = np.clip(at, 0, size - 1.001)
    corner = at.astype(int)
    down, right = (at - corner).astype(x.dtype).transpose(1, 0, 2)
    place, pixels = corner[:, 0] * size + corner[:, 1], x.reshape(n, -1)
    first, second, third, fourth = (np.take_along_axis(pixels, place + step, axis=1) for step in (0, 1, size, size + 1))
    y = (first * (1 - right) + second * right) * (1 - down) + (third * (1 - right) + fourth * right) * down
    y = y.reshape(n, size, size)
    hole = size // 4
    rows, columns = (
        (every >= begin[:, None]) & (every < begin[:, None] + hole)
        for begin in rng.integers(size - hole + 1, size=(2, n))
    )
    y[rows[:, :, None] & columns[:, None]] = 0
    return (y + 0.1 * rng.standard_normal(y.shape, dtype="float32"))[:, None].astype(x.dtype)


def pretrained_encoder(x, *, rng):
    """Train an encoder on images without labels and return it: a layer whose forward gives features

    Shapes
        x  (batch, 1, 14, 14) float32, mostly from −1 to 2      forward of the encoder  (rows, features), at most 128
    rng: a numpy.random.Generator for the initial weights, the order and the views.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(pretrained_encoder)


# %% [markdown]
# Now the comparison that matters: 50 labels, and what to do with them. *Supervised alone*: the same network, trained on
# the 50 images (with and without distorting them). *Rotation*: the encoder is trained to tell how far images were
# turned, then a linear classifier is fitted to its features. *NT-Xent*: the same with your encoder.

# %%
def small_mnist():
    """MNIST as 14 × 14: 4,000 images without labels, and 4,000 others with; given"""
    data = mnist()
    x = data.x_train.reshape(-1, 1, 14, 2, 14, 2).mean(axis=(3, 5)).astype("float32")
    count = 2 * len(x) // 5
    return x[:count], x[count : 2 * count], data.y_train[count : 2 * count]


def linear_evaluation(features, labels, *, rng, drawings=20):
    """Mean accuracy of a ridge regression on 50 labelled rows, five of each class; given"""
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    found = []
    for _ in range(drawings):
        few = np.concatenate([rng.choice(np.flatnonzero(labels == c), 5, replace=False) for c in range(10)])
        inner = features[few] @ features[few].T / features.shape[1]
        weights = features[few].T @ np.linalg.solve(inner + 0.1 * np.eye(50), np.eye(10)[labels[few]] - 0.1)
        right = (features @ weights).argmax(axis=1) == labels
        right[few] = False
        found.append(right.sum() / (len(labels) - 50))
    return float(np.mean(found))


def supervised(x, labels, *, rng, distort):
    """Mean accuracy of the network trained on 50 labelled rows alone, of three drawings; given"""
    found = []
    for _ in range(3):
        few = np.concatenate([rng.choice(np.flatnonzero(labels == c), 5, replace=False) for c in range(10)])
        layers = [
            Flatten(),
            Linear(196, 256, rng=rng),
            ReLU(),
            Linear(256, 64, rng=rng),
            ReLU(),
            Linear(64, 10, rng=rng),
        ]
        model, loss = Sequential(layers), SoftmaxCrossEntropy()
        model.astype("float32")
        optimizer = AdamW(model.parameters(), 0.001)
        for _ in range(100):
            batch = distorted(x[few], rng=rng) if distort else x[few]
            fit(model, loss, optimizer, batch, labels[few], epochs=1, batch_size=10, rng=rng, progress=False)
        right = predict(model, x).argmax(axis=1) == labels
        right[few] = False
        found.append(right.sum() / (len(labels) - 50))
    return float(np.mean(found))


def rotation_encoder(x, *, rng, epochs=20):
    """An encoder that was trained to say how far images were turned; its accuracy is printed; given"""
    encoder = Sequential([Flatten(), Linear(196, 256, rng=rng), ReLU(), Linear(256, 64, rng=rng), ReLU()])
    model, loss = Sequential([encoder, Linear(64, 4, rng=rng)]), SoftmaxCrossEntropy()
    model.astype("float32")
    optimizer = AdamW(model.parameters(), 0.002)
    for _ in range(epochs):
        turned, turns = rotation_pretext(x, rng=rng)
        fit(model, loss, optimizer, turned, turns, epochs=1, batch_size=64, rng=rng, progress=False)
    turned, turns = rotation_pretext(x, rng=rng)
    print(f"how far images were turned: {(predict(model, turned).argmax(axis=1) == turns).mean():.2f} right")
    return encoder


@cache
def encoders():
    """An encoder by name; given"""
    x, _, _ = small_mnist()
    return {
        "rotation": rotation_encoder(x, rng=np.random.default_rng(0)),
        "NT-Xent": pretrained_encoder(x, rng=np.random.default_rng(0)),
    }


with when_written():
    _, x, labels = small_mnist()
    rng = np.random.default_rng(0)
    found = {
        "network, 50 images": supervised(x, labels, rng=rng, distort=False),
        "network, 50 images, distorted": supervised(x, labels, rng=rng, distort=True),
        "pixels, linear": linear_evaluation(x.reshape(len(x), -1), labels, rng=rng),
    }
    for name, encoder in encoders().items():
        found[f"{name}, linear"] = linear_evaluation(predict(encoder, x), labels, rng=rng)
    ax = plt.subplots(figsize=(7, 2.8), layout="constrained")[1]
    bars = ax.barh(list(found), list(found.values()), color=[plotting.COLOURS[5]] * 4 + [plotting.COLOURS[1]])
    ax.bar_label(bars, fmt="%.2f", padding=3)
    ax.invert_yaxis()
    ax.set(xlabel="accuracy on the others", xlim=(0, 1))
    plt.show()

# %% [markdown]
# And what have the encoders learned? 1,500 images at the place of their features in the plane of largest variance, by
# class (which no encoder has seen).

# %%
with when_written():
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
    pictures = {"pixels": x.reshape(len(x), -1), **{name: predict(encoder, x) for name, encoder in encoders().items()}}
    for ax, (name, features) in zip(axes, pictures.items(), strict=True):
        some = features[:1500] - features[:1500].mean(axis=0)
        points = some @ np.linalg.svd(some, full_matrices=False)[2][:2].T
        for c in range(10):
            chosen = points[labels[:1500] == c]
            ax.scatter(*chosen.T, s=7, color=plt.cm.tab10(c), label=str(c))
            ax.text(*np.median(chosen, axis=0), str(c), weight="bold", ha="center", va="center")
        ax.set(title=name, xticks=[], yticks=[])
    plt.show()


# %% [markdown]
# **Question.** *(3 points)* The rotation pretext is solved almost perfectly, and yet its features are worse than the
# pixels; on photographs the same pretext has worked well. (a) What does a network have to see in a digit to say how far
# it was turned, and why does that not need the class? (b) Name a distortion that `distorted` does *not* make and that
# would do harm as a view of digits, and one that does no harm to digits but would to another kind of images. (c) What
# does NT-Xent assume about the other images of a batch, and when is that wrong?

# %% [markdown]
# YOUR ANSWER HERE

# %% [markdown]
# # Bonus
#
# Densities without a model, and three shorter exercises about rewards; their points are added to the mark.
#
# ## 12.33 KernelDensity *(bonus)*
#
# A mixture describes the density of rows by a few ellipses. A **kernel density estimate** has no form at all to believe in:
# it puts a small round hill on each row, and adds them up,
#
# $$ p(x) = \frac1N \sum_n N(x; x_n, h^2 I), \qquad
#    \log N(x; x_n, h^2 I) = -\frac{\lVert x - x_n \rVert^2}{2 h^2} - \frac{d}{2} \log (2 \pi h^2) $$
#
# Nothing is learned, the rows themselves are the model. Only the width $h$, the **bandwidth**, has to be chosen: too small,
# and every row is an island; too large, and all is one hill. (Choose it by the log-density of rows that were left out.)
#
# Again in logarithms, with the largest taken out: $\log p = m + \log \frac1N \sum_n e^{a_n - m}$. And distances from
# differences, since rows may lie far from zero.
#
# *By hand:* rows $0$ and $2$, $h = 1$, $x = 0$: $\log \frac12 (1 + e^{-2}) - \frac12 \log 2 \pi = -0.566 - 0.919 = -1.485$.

# %%
class KernelDensity:
    """The density of rows as the mean of normal distributions around each of them

    bandwidth: their standard deviation h, above 0
    Shapes
        x  (rows, features), floats, 1 row or more      at  (m, features)      log_density  (m,), with the dtype of at
    A later change of the caller's array x does not change the estimate.  Rows and points may lie far from zero and from
    each other.

    Source: Rosenblatt, Remarks on Some Nonparametric Estimates of a Density Function (1956); Parzen (1962).
    """

    def __init__(self, bandwidth):
        self.bandwidth = bandwidth

    def fit(self, x):
        """Remember the rows; those of an earlier call are forgotten"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def log_density(self, at):
        """The logarithm of the density at some points"""
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(KernelDensity)

# %% [markdown]
# Three long groups again, with three bandwidths. Below each: the log-density of rows that were left out, which says which
# is best.

# %%
with when_written():
    x, _ = long_groups(np.random.default_rng(3))
    order = np.random.default_rng(0).permutation(len(x))
    seen, unseen = x[order[:250]], x[order[250:]]
    across, up = np.meshgrid(np.linspace(-6, 6, 120), np.linspace(-4, 6, 120))
    points = np.stack([across.ravel(), up.ravel()], axis=1)
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    for ax, bandwidth in zip(axes, (0.1, 0.35, 1.5), strict=True):
        model = KernelDensity(bandwidth)
        model.fit(seen)
        density = np.exp(model.log_density(points)).reshape(across.shape)
        ax.contourf(across, up, density, levels=14, cmap="viridis")
        ax.plot(*seen.T, ".", ms=1.5, color="white", alpha=0.6)
        ax.set(title=f"h = {bandwidth}: {model.log_density(unseen).mean():.2f} on unseen rows")
        ax.set(xlim=(-6, 6), ylim=(-4, 6))
    plt.show()


# %% [markdown]
# ## 12.34 DQN: dqn_step *(bonus)*
#
# Where there are too many states for a table, a network computes $Q(s, \cdot)$ from a description of the state: a **deep
# Q-network**. Steps $(s, a, r, s', \text{done})$ are kept in a memory and drawn from it in batches. The target is that of
# Q-learning,
#
# $$ t_i = r_i + \gamma \max_{a'} Q^-(s'_i, a') \quad (r_i \text{ where done}), \qquad
#    L = \frac{1}{n} \sum_i \big( Q(s_i, a_i) - t_i \big)^2 $$
#
# with one difference: $Q^-$ is a **target network**, an old copy of the network, which is renewed only now and then.
# Otherwise each step would move its own target. The target is a constant: no gradient goes through it. And only the
# action that was taken has an error: $dQ(s_i, k) = 2\,(Q(s_i, a_i) - t_i) / n$ for $k = a_i$, and 0 for all others.
#
# *By hand:* one step with $Q(s) = (1, 2)$, action 0, $r = 0.5$, $Q^-(s') = (2, 4)$ and $\gamma = 0.5$: $t = 2.5$,
# $L = 2.25$, $dQ = (-3, 0)$.

# %%
def dqn_step(states, actions, rewards, next_states, done, *, network, target, optimizer, gamma):
    """One step of deep Q-learning on a batch of steps; the loss, a scalar

    Shapes
        states, next_states  (batch, …)      actions  (batch,), integers      rewards  (batch,)
        done  (batch,), booleans: the next state is a goal
    network, target: layers that give action values (batch, actions) for states.  The optimizer moves the network; the
    target network stays as it is, and so do its gradients.  Gradients that the network had before do not count.

    Source: Mnih et al., Human-level Control through Deep Reinforcement Learning (2015), algorithm 1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(dqn_step)


# %% [markdown]
# ## 12.35 dpo_loss *(bonus)*
#
# A language model is a policy: its actions are words. To make it answer as people like, one may learn a reward from
# their preferences and then climb with REINFORCE or one of its descendants. **Direct preference optimization** needs
# neither: for each question there are a *chosen* answer $w$ and a *rejected* one $l$, and a frozen *reference* model.
# With the log-probabilities of whole answers,
#
# $$ m = \beta \big[ (\log \pi(w) - \log \pi_\text{ref}(w)) - (\log \pi(l) - \log \pi_\text{ref}(l)) \big], \qquad
#    L = -\frac1n \sum \log \sigma(m) $$
#
# The bracket says how much more the model prefers the chosen answer than the reference does. Its size $\beta$ keeps it
# near the reference: a large $\beta$ is satisfied with a small difference. With $-\log \sigma(m) = \log(1 + e^{-m})$ and
# $dm = -\sigma(-m) / n$:
#
# $$ d\log \pi(w) = -\frac{\beta}{n}\, \sigma(-m), \qquad d\log \pi(l) = +\frac{\beta}{n}\, \sigma(-m) $$
#
# Pairs that are ordered correctly by far ($m$ large) push no more. Where $m = -1000$, the loss is 1000, not infinite.
#
# *By hand:* log-probabilities −10 (chosen) and −9 (rejected), both −10 in the reference, $\beta = 1$: $m = 0 - 1 = -1$,
# $L = \log(1 + e) = 1.313$, and with $n = 1$ the gradients are −0.731 and 0.731.

# %%
def dpo_loss(chosen, rejected, reference_chosen, reference_rejected, *, beta):
    """The loss of direct preference optimization, and its gradients by the model: (loss, dchosen, drejected)

    Shapes
        all inputs  (batch,): log-probabilities of answers, of any size; the last two by the reference model
        loss, a scalar, the mean over the batch      dchosen, drejected  (batch,)

    Source: Rafailov et al., Direct Preference Optimization (2023), equation 7.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(dpo_loss)


# %% [markdown]
# ## 12.36 grpo_advantages *(bonus)*
#
# REINFORCE needs a baseline: how good is an answer to *this* question usually? For a language model nobody has a table of
# questions. **Group relative policy optimization** asks each question several times and compares the answers of a group
# with each other:
#
# $$ A_{gi} = \frac{r_{gi} - \text{mean}_g}{\text{sd}_g} $$
#
# with the standard deviation that divides by the number of answers, not by one less. If all answers of a group are
# equally good, nothing can be learned from it: its advantages are 0, exactly. (Beware: the mean of three times 0.1 is not
# 0.1 on a machine. So the standard deviation of equal rewards may be $10^{-17}$ in place of 0, and the quotient 1.)
#
# *By hand:* the rewards $(1, 0, 0, 1)$ have the mean ½ and the deviation ½: advantages $(1, -1, -1, 1)$. $(3, 3, 3)$:
# $(0, 0, 0)$.

# %%
def grpo_advantages(rewards):
    """Rewards of several answers to each question, relative to those of the same question

    Shapes
        rewards, result  (groups, answers), floats
    A group whose rewards are all equal has the advantages 0.

    Source: Shao et al., DeepSeekMath (2024), section 4.1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(grpo_advantages)
