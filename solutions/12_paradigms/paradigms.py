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
# | Time | about 10 hours, with the bonus exercises 13 |
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
# > then a classifier), but it does not need one. What distinguishes the regions is what the learner is told: the answer
# > (supervised), nothing (unsupervised), the answer for a few rows (semi-supervised), an answer made from the row itself
# > (self-supervised), or only how good what it did was (reinforcement).</details>

# %%
import math
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import array_module, asarray, plotting
from dlkit.course import when_written
from dlkit.datasets import digits, iris

# %% [markdown]
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
# the product. A column of ones in place of centring is no equal either: $b$ would count in the norm.)
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
        ### BEGIN SOLUTION
        xp = array_module(x)
        middle, level = x.mean(axis=0), y.mean()
        self.W = xp.linalg.lstsq(x - middle, y - level, rcond=None)[0]
        self.b = level - middle @ self.W
        ### END SOLUTION

    def gradient(self, x, y):
        """A pair (dW, db): the gradients of the mean square at self.W and self.b, which stay as they are"""
        ### BEGIN SOLUTION
        e = 2 / len(x) * (x @ self.W + self.b - y)
        return x.T @ e, e.sum()
        ### END SOLUTION

    def descend(self, x, y, *, lr, steps):
        """Set self.W and self.b by steps steps of gradient descent, 0 or more, that begin with zeros"""
        ### BEGIN SOLUTION
        xp = array_module(x)
        self.W, self.b = xp.zeros_like(x[0]), xp.zeros_like(x[0, 0])
        for _ in range(steps):
            dW, db = self.gradient(x, y)
            self.W = self.W - lr * dW
            self.b = self.b - lr * db
        ### END SOLUTION

    def predict(self, x):
        """Answers (rows,) for rows x"""
        ### BEGIN SOLUTION
        return x @ self.W + self.b
        ### END SOLUTION


# %% [markdown] hints="LinearRegression"
# ### fit
# 1. What is the best b for a given W? And which W do you want if two columns are equal?
# 2. x̃ = x − x̄, ỹ = y − ȳ; W = pinv(x̃) ỹ, (F, N) (N,) → (F,); b = ȳ − x̄ W
# 3. Subtract the means of the columns and of y, give both to the library's least squares (or multiply by the
#    pseudo-inverse of the centred x), and compute b from the means.
#
# ### gradient
# 1. Is it a sum or a mean over the rows, and what is the derivative of a square?
# 2. e = x W + b − y, (N,); dW = 2/N xᵀ e, (F,); db = 2/N Σ e
# 3. Compute the residuals of all rows, multiply by two over the number of rows, and send them back through both
#    parameters.
#
# ### descend
# 1. Where does it begin if it is called a second time? And at which W is db taken?
# 2. W ← W − η dW, (F,); b ← b − η db; from zeros, again and again
# 3. Set both to zeros. In each step compute both gradients before you change either, then subtract.
#
# ### predict
# 1. Which two things did fit find?
# 2. y = x W + b, (N, F) (F,) → (N,)
# 3. Multiply the rows by the weights and add b.

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
        ### BEGIN SOLUTION
        return (1 + array_module(x).tanh((x @ self.W + self.b) / 2)) / 2
        ### END SOLUTION

    def loss(self, x, y):
        """The mean cross-entropy plus l2 / 2 · ‖W‖²; a number"""
        ### BEGIN SOLUTION
        xp = array_module(x)
        s = x @ self.W + self.b
        terms = xp.maximum(s, 0) + xp.log1p(xp.exp(-abs(s))) - y * s
        return terms.mean() + self.l2 / 2 * (self.W @ self.W)
        ### END SOLUTION

    def gradient(self, x, y):
        """A pair (dW, db): the gradients of the loss at self.W and self.b"""
        ### BEGIN SOLUTION
        e = (self.probabilities(x) - y.astype(x.dtype)) / len(x)
        return x.T @ e + self.l2 * self.W, e.sum()
        ### END SOLUTION

    def fit(self, x, y):
        """Set self.W and self.b where the loss is smallest: no entry of the gradient above 10⁻⁸.  Both classes occur."""
        ### BEGIN SOLUTION
        columns = np.concatenate([x, np.ones((len(x), 1))], axis=1)
        ridge = np.diag([self.l2] * x.shape[1] + [0])
        self.W, self.b = np.zeros(x.shape[1]), 0.0
        for _ in range(200):
            slope = np.append(*self.gradient(x, y))
            if abs(slope).max() <= 1e-9:
                break
            p = self.probabilities(x)
            step = np.linalg.solve((columns.T * (p * (1 - p) / len(x))) @ columns + ridge, slope)
            before, W, b = self.loss(x, y), self.W, self.b
            for halvings in range(40):
                self.W, self.b = W - step[:-1] / 2**halvings, b - step[-1] / 2**halvings
                if self.loss(x, y) <= before + 1e-15 * abs(before):
                    break
        ### END SOLUTION


# %% [markdown] hints="LogisticRegression"
# ### probabilities
# 1. What is the probability at a score of −1000?
# 2. p = 1/(1 + e^(−s)) = (1 + tanh(s/2))/2, (N,)
# 3. Compute the scores and put them through a sigmoid that does not overflow on either side.
#
# ### loss
# 1. What is e to the power of 1000? And does the penalty depend on b?
# 2. s = x W + b, (N,); log(1 + eˢ) = max(s, 0) + log(1 + e^(−abs(s))); L = mean(log(1 + eˢ) − y s) + λ/2 ‖W‖²
# 3. Compute the scores, then each term in the form that never takes the exponential of a positive number, the mean over
#    the rows, and add half of λ times the sum of squared weights.
#
# ### gradient
# 1. Which terms of the loss depend on W, which on b?
# 2. e = (p − y)/N, (N,); dW = xᵀ e + λ W, (F,); db = Σ e
# 3. Subtract the labels from the probabilities, divide by the number of rows, send it back through the scores, and add
#    the slope of the penalty to that of the weights.
#
# ### fit
# 1. Is your gradient really zero at the end, also for separable rows and a small λ? What if a step makes the loss larger?
# 2. H = Xᵀ diag(p (1 − p)/N) X + diag(λ … λ 0), (F + 1, F + 1); step = H⁻¹ (dW, db)
# 3. Begin with zeros. Compute the gradient; end if it is small. Put ones beside x, make the matrix of second
#    derivatives, solve for the step, and halve the step as long as the loss would be larger than before.

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
    ### BEGIN SOLUTION
    violating = (y * (x @ W) < 1) * y
    return (1 - 1 / t) * W + violating.astype(x.dtype) @ x / (l2 * t * len(x))
    ### END SOLUTION


# %% [markdown] hints="pegasos_step"
# ### pegasos_step
# 1. By what is the sum of the rows that violate divided: by their number, or by the number of all rows of the step?
# 2. m = y · (x W), (N,); W' = (1 − 1/t) W + 1/(λ t N) Σ y x over rows with m < 1, (F,)
# 3. Compute the margins with the old weights, keep the labels of rows below one and put zero for the others, multiply
#    with the rows, scale by the rate over the number of rows, and add the shrunken old weights.

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
        ### BEGIN SOLUTION
        self.W = array_module(x).zeros_like(x[0])
        for t in range(1, self.steps + 1):
            rows = asarray(rng.integers(len(x), size=self.size))
            self.W = pegasos_step(self.W, x[rows], y[rows], t, self.l2)
        ### END SOLUTION

    def predict(self, x):
        """Classes (rows,), integers −1 and 1; a score of 0 gives 1"""
        ### BEGIN SOLUTION
        return array_module(x).where(x @ self.W >= 0, 1, -1)
        ### END SOLUTION


# %% [markdown] hints="LinearSVM"
# ### fit
# 1. What number has the first step, and does a second call of fit know anything of the first?
# 2. W = 0, (F,); t = 1, 2, …: rows = drawn numbers, (size,); W = step t of these rows
# 3. Begin with zeros. In each step draw the numbers of the rows from the generator, choose rows and labels, and let
#    pegasos_step make the new weights.
#
# ### predict
# 1. Which class has a row whose score is zero? The sign function has three values.
# 2. s = x W, (N,); 1 where s ≥ 0, else −1
# 3. Compute the scores and choose one of the two classes for each row.

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
    left.legend(frameon=False)
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
    ### BEGIN SOLUTION
    total = counts.sum(axis=-1, keepdims=True)
    shares = counts / np.where(total > 0, total, 1)
    return np.where(total[..., 0] > 0, 1 - (shares * shares).sum(axis=-1), 0.0)
    ### END SOLUTION


# %% [markdown] hints="gini"
# ### gini
# 1. Which axis has the classes? And what is zero divided by zero?
# 2. p = counts / Σ counts, (…, C); G = 1 − Σ p², (…); 0 where Σ counts = 0
# 3. Sum along the last axis, divide by these sums (by one where they are zero), square, sum again along the last axis,
#    subtract from one, and put zero where there was no row.

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
    ### BEGIN SOLUTION
    hot = (y[:, None] == np.unique(y)).astype(int)
    scores, splits = [], []
    for feature, values in enumerate(x.T):
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        last = np.flatnonzero(ordered[:-1] < ordered[1:])
        left = np.cumsum(hot[order], axis=0)[last]
        right = hot.sum(axis=0) - left
        scores.extend((left.sum(axis=1) * gini(left) + right.sum(axis=1) * gini(right)) / len(y))
        a, b = ordered[last], ordered[last + 1]
        middle = a + (b - a) / 2
        splits.extend((feature, float(t)) for t in np.where(middle < b, middle, a))
    return splits[np.flatnonzero(scores <= min(scores) + 1e-9)[0]] if splits else None
    ### END SOLUTION


# %% [markdown] hints="best_split"
# ### best_split
# 1. How many thresholds are there between equal values? Which of two equally good splits wins, and how equal do numbers
#    have to be that were computed in another order?
# 2. S = (n_l G_l + n_r G_r)/n; t = a + (b − a)/2 between neighbours a < b; left: x ≤ t
# 3. For each feature sort its values, go through the places where the next value is greater, count the classes on both
#    sides, and compute the score. Of all scores take the first that is the smallest up to the tolerance.

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
        ### BEGIN SOLUTION
        self.root = self.grow(x, y, self.depth)

    def grow(self, x, y, depth):
        """The node of these rows, with what is below it"""
        classes, counts = np.unique(y, return_counts=True)
        label = int(classes[counts.argmax()])
        split = best_split(x, y) if depth > 0 and len(classes) > 1 else None
        if split is None:
            return Node(label)
        feature, threshold = split
        left = x[:, feature] <= threshold
        below = self.grow(x[left], y[left], depth - 1), self.grow(x[~left], y[~left], depth - 1)
        return Node(label, feature, threshold, *below)
        ### END SOLUTION

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


# %% [markdown] hints="DecisionTree"
# ### fit
# 1. When does the growing end? Does a split have to gain anything? And what does a leaf with two rows each of two classes
#    answer?
# 2. leaf: one class, or no depth left, or no split; label = the most frequent class, the smallest of equal ones
# 3. Write a function that makes the node of some rows: count the classes; if it is a leaf, return it; otherwise split,
#    and let the same function make both nodes below, with one question fewer. Call it with all rows.

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
    ### BEGIN SOLUTION
    away = x[:, None, :] - centres
    return (away * away).sum(axis=2).argmin(axis=1)
    ### END SOLUTION


# %% [markdown] hints="nearest_centres"
# ### nearest_centres
# 1. What is left of 10¹⁶ − 10¹⁶ + 1 in a float? And along which axis do you look for the smallest distance?
# 2. d² = Σⱼ (xⱼ − μⱼ)², (N, 1, F) − (k, F) → (N, k, F) → (N, k); z = argmin over k, (N,)
# 3. Make all differences of rows and centres by putting an axis between, square, sum over the features, and take for each
#    row the place of the smallest one.

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
    ### BEGIN SOLUTION
    xp = array_module(x)
    member = (labels[:, None] == xp.arange(len(centres))).astype(x.dtype)
    count = member.sum(axis=0)[:, None]
    return xp.where(count > 0, member.T @ x / xp.maximum(count, 1), centres)
    ### END SOLUTION


# %% [markdown] hints="updated_centres"
# ### updated_centres
# 1. How many clusters are there, if the last ones have no row? What do you divide by in an empty one?
# 2. M = [zₙ = c], (N, k); n = Σ M, (k,); μ = Mᵀ x / n, (k, F); the old μ where n = 0
# 3. Make a table that says which row belongs to which cluster, sum the rows of each by a product, divide by their number
#    (by one where it is zero), and put the old centre where there was none.

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
    ### BEGIN SOLUTION
    chosen = [rng.integers(len(x))]
    far = ((x - x[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < k:
        total = far.sum()
        chosen.append(rng.choice(len(x), p=far / total) if total > 0 else rng.integers(len(x)))
        far = np.minimum(far, ((x - x[chosen[-1]]) ** 2).sum(axis=1))
    return x[chosen]
    ### END SOLUTION


# %% [markdown] hints="kmeans_plus_plus"
# ### kmeans_plus_plus
# 1. Distance or squared distance? From the centre drawn last, or from the nearest of all? What if all of them are zero?
# 2. D² = min over centres of ‖x − μ‖², (N,); p = D² / Σ D², (N,)
# 3. Draw the first row. Keep for each row the squared distance to its nearest centre. Draw the next row by these,
#    divided by their sum, and compare the distances with those to the new centre, until there are enough.

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
        ### BEGIN SOLUTION
        self.centres, labels = kmeans_plus_plus(x, self.k, rng=rng), None
        for _ in range(self.rounds):
            before, labels = labels, nearest_centres(x, self.centres)
            if before is not None and (before == labels).all():
                break
            self.centres = updated_centres(x, labels, self.centres)
        self.labels = nearest_centres(x, self.centres)
        self.inertia = ((x - self.centres[self.labels]) ** 2).sum()
        ### END SOLUTION

    def predict(self, x):
        """The number of the nearest centre of each row; given"""
        return nearest_centres(x, self.centres)


# %% [markdown] hints="KMeans"
# ### fit
# 1. When has nothing changed? And do labels and inertia at the end belong to the centres at the end?
# 2. z = nearest of μ, (N,); μ = means by z, (k, F); J = Σ ‖x − μ_z‖²
# 3. Draw the first centres. In each round compute the labels, end if they are those of the round before, else move the
#    centres. Afterwards compute the labels once more, and the inertia.

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
    10⁻⁹, the first.  The variances that are kept differ from each other.  Everything has the dtype of x.

    Source: Pearson, On Lines and Planes of Closest Fit to Systems of Points in Space (1901); Hotelling (1933).
    """

    def __init__(self, k):
        self.k = k

    def fit(self, x):
        """Set self.mean, self.components and self.variances"""
        ### BEGIN SOLUTION
        xp = array_module(x)
        self.mean = x.mean(axis=0)
        _, values, directions = xp.linalg.svd(x - self.mean, full_matrices=False)
        V = directions[: self.k]
        size = abs(V)
        first = (size >= size.max(axis=1, keepdims=True) - 1e-9).argmax(axis=1)
        self.components = V * xp.sign(V[xp.arange(len(V)), first])[:, None]
        self.variances = values[: self.k] ** 2 / (len(x) - 1)
        ### END SOLUTION

    def encode(self, x):
        """Coordinates (rows, k) of rows along the directions, from the mean"""
        ### BEGIN SOLUTION
        return (x - self.mean) @ self.components.T
        ### END SOLUTION

    def decode(self, code):
        """The points (rows, features) that have these coordinates"""
        ### BEGIN SOLUTION
        return code @ self.components + self.mean
        ### END SOLUTION


# %% [markdown] hints="PCA"
# ### fit
# 1. Are the rows centred? Is the variance a mean or divided by one less? In which order do eigenvalues come?
# 2. x̃ = U diag(σ) Vᵀ; components = first k rows of Vᵀ, (k, F); variances = σ²/(N − 1), (k,)
# 3. Subtract the mean, decompose, keep the first k directions, find in each the first entry that is as large as the
#    largest, and multiply the row by its sign.
#
# ### encode
# 1. Where is the origin of the codes?
# 2. c = (x − mean) componentsᵀ, (N, F) (F, k) → (N, k)
# 3. Subtract the mean that fit has found, not that of these rows, and multiply by the transposed directions.
#
# ### decode
# 1. What was subtracted before encoding?
# 2. x̂ = c components + mean, (N, k) (k, F) → (N, F)
# 3. Multiply the codes by the directions and add the mean.

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
    ### BEGIN SOLUTION
    xp = array_module(S)
    values, V = xp.linalg.eigh(S)
    return (V * xp.maximum(values, floor)[..., None, :]) @ V.swapaxes(-1, -2)
    ### END SOLUTION


# %% [markdown] hints="floored_covariance"
# ### floored_covariance
# 1. What is raised: the diagonal, or the eigenvalues? And are the eigenvectors rows or columns?
# 2. S = V diag(λ) Vᵀ, (F, F); result = V diag(max(λ, floor)) Vᵀ
# 3. Decompose with the library's function for symmetric matrices, raise the eigenvalues, scale the columns of
#    eigenvectors by them, and multiply by the transposed eigenvectors.

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
    ### BEGIN SOLUTION
    xp = array_module(x)
    L = xp.linalg.cholesky(covariances)
    u = xp.linalg.solve(L, (x - means[:, None]).swapaxes(1, 2))
    normal = -(u * u).sum(axis=1) / 2 - x.shape[1] / 2 * math.log(2 * math.pi)
    normal = normal - xp.log(xp.diagonal(L, axis1=1, axis2=2)).sum(axis=1)[:, None]
    a = xp.where(weights > 0, normal.T + xp.log(xp.where(weights > 0, weights, 1)), -np.inf)
    top = a.max(axis=1, keepdims=True)
    density = top + xp.log(xp.exp(a - top).sum(axis=1, keepdims=True))
    return density.mean(), xp.exp(a - density)
    ### END SOLUTION


# %% [markdown] hints="responsibilities"
# ### responsibilities
# 1. What do you get for a row so far away that all its densities are 0 in a float? And what is the determinant in terms
#    of L?
# 2. a = log π − ½ (uᵀu + d log 2π) − Σ log Lⱼⱼ, (N, k); log p = m + log Σ exp(a − m), (N,); r = exp(a − log p)
# 3. For each component decompose the covariance, solve for u of all rows, and compute the logarithms. Take the largest
#    of each row out before you exponentiate, and return the mean of the log-densities and the shares.

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
    ### BEGIN SOLUTION
    xp = array_module(x)
    total = r.sum(axis=0)
    share = (r / xp.where(total > 0, total, 1)).T
    alive = total[:, None] > 0
    means = xp.where(alive, share @ x, means)
    away = x - means[:, None]
    spread = floored_covariance((away * share[:, :, None]).swapaxes(1, 2) @ away, floor)
    return total / len(x), means, xp.where(alive[:, :, None], spread, covariances)
    ### END SOLUTION


# %% [markdown] hints="maximized"
# ### maximized
# 1. From which mean do the differences go: the old or the new one? By what do you divide: all rows, or those of the
#    component? What if there are none?
# 2. N_c = Σₙ r, (k,); π = N_c/N; μ = Σ r x / N_c, (k, F); Σ = Σ r (x − μ)(x − μ)ᵀ / N_c, (k, F, F)
# 3. Divide the responsibilities of each component by their sum (by one where it is zero). Make the new means, the
#    differences from them, and the weighted products of differences, floor these, and put back what was there before
#    where a component is responsible for nothing.

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
    fit begins anew at every call.

    Source: Dempster, Laird & Rubin (1977); Bishop (2006), section 9.2.
    """

    def __init__(self, k, *, floor=1e-6, rounds=100, tolerance=1e-6):
        self.k, self.floor, self.rounds, self.tolerance = k, floor, rounds, tolerance

    def fit(self, x, labels):
        """Set self.weights, self.means, self.covariances and self.history; labels (rows,), from 0 to k − 1, to begin with

        A number may be missing among the labels.
        """
        ### BEGIN SOLUTION
        r = (labels[:, None] == np.arange(self.k)).astype(x.dtype)
        away = x - x.mean(axis=0)
        all_rows = floored_covariance(away.T @ away / len(x), self.floor)
        means, covariances = np.tile(x.mean(axis=0), (self.k, 1)), np.tile(all_rows, (self.k, 1, 1))
        self.history = []
        for _ in range(self.rounds):
            self.weights, means, covariances = maximized(x, r, means, covariances, self.floor)
            level, r = responsibilities(x, self.weights, means, covariances)
            self.history.append(float(level))
            if len(self.history) > 1 and self.history[-1] - self.history[-2] < self.tolerance:
                break
        self.means, self.covariances = means, covariances
        ### END SOLUTION

    def predict(self, x):
        """The number of the component that is most responsible for each row, (rows,), integers"""
        ### BEGIN SOLUTION
        return responsibilities(x, self.weights, self.means, self.covariances)[1].argmax(axis=1)
        ### END SOLUTION


# %% [markdown] hints="GaussianMixture"
# ### fit
# 1. Which of the two steps comes first if you have labels? When is the first comparison with the round before?
# 2. r = [labelₙ = c], (N, k); then π, μ, Σ = M step of r; ℓ, r = E step; end if ℓ − ℓ before < tolerance
# 3. Make responsibilities of the labels, and means and covariances of all rows for components without any. In each round
#    do the M step, then the E step, note the likelihood, and end if it has hardly risen.
#
# ### predict
# 1. Which of the two results of the E step says where a row comes from?
# 2. z = argmax over c of r, (N, k) → (N,)
# 3. Compute the responsibilities with what fit has found, and take the place of the largest in each row.

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
    ### BEGIN SOLUTION
    directions = PCA(15)
    directions.fit(x)
    code = directions.encode(x)
    runs = [KMeans(10) for _ in range(5)]
    for run in runs:
        run.fit(code, rng=rng)
    best = min(runs, key=lambda run: run.inertia)
    mixture = GaussianMixture(10, floor=0.02, rounds=60, tolerance=1e-4)
    mixture.fit(code, best.labels)
    return mixture.predict(code)
    ### END SOLUTION


# %% [markdown] hints="train_clusters"
# ### train_clusters
# 1. How many numbers describe an image well enough, and how many does a covariance of them have?
# 2. x (N, 64) ─► code (N, 15) ─► labels of k-means, the run with the smallest inertia ─► mixture ─► components (N,)
# 3. Encode the rows by principal directions, run k-means several times, keep the best run, let the mixture begin with its
#    labels, with a floor of a few hundredths, and return the components that it predicts.

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
        row[1].set(xticks=range(10) if group == order[-1] else [], yticks=[], ylim=(0, 185), xlim=(-0.6, 9.6))
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

# %% [markdown] question="separable"
# ### BEGIN SOLUTION
# (a) If $(W, b)$ separates, all terms $\log(1 + e^{-m_n})$ with the margins $m_n > 0$ become smaller if $(W, b)$ is
# multiplied by a number above 1. So the loss comes as near to 0 as one likes but has no minimum. Descent makes $\lVert W
# \rVert$ grow for ever, ever more slowly (like the logarithm of the number of steps); where it stops depends on the number
# of steps.
#
# (b) With $\lambda > 0$ the loss grows with $\lVert W \rVert$ in every direction, and is strictly convex in $W$: there is
# exactly one minimum. As $\lambda \to 0$ its $\lVert W \rVert$ goes to infinity (for separable rows).
#
# (c) Only rows with a margin of at most 1 have a gradient. A row with a margin above 1 may move away, twice as far or to
# infinity, and nothing changes. In logistic regression every row has some gradient, though a far one has little.
#
# (d) Accuracy on rows that were seen says nothing about unseen ones; both can separate, and still their planes differ. It
# needs a test set (or folds), and for probabilities the loss there: 100 % accuracy may go along with overconfident
# probabilities.
#
# Mark scheme: 1 point for the scaling argument with "no minimum"; 1 for the unique minimum and ‖W‖ → ∞; 1 for the support
# vectors and "nothing changes"; 1 for unseen rows (½ without a reason).
# ### END SOLUTION

# %% [markdown]
# ## 12.18 KernelDensity *(bonus)*
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
        ### BEGIN SOLUTION
        self.x = x.copy()
        ### END SOLUTION

    def log_density(self, at):
        """The logarithm of the density at some points"""
        ### BEGIN SOLUTION
        xp = array_module(at)
        away = (at[:, None] - self.x) / self.bandwidth
        a = -(away * away).sum(axis=2) / 2
        top = a.max(axis=1)
        hills = top + xp.log(xp.exp(a - top[:, None]).mean(axis=1))
        return hills - at.shape[1] / 2 * math.log(2 * math.pi * self.bandwidth**2)
        ### END SOLUTION


# %% [markdown] hints="KernelDensity"
# ### fit
# 1. What happens to your rows if the caller changes the array afterwards?
# 2. x, (N, F), kept as a copy
# 3. Store a copy of the rows in the object.
#
# ### log_density
# 1. What do you get for a point so far away that all hills are 0? How does the height of a hill depend on the width?
# 2. a = −‖(x − xₙ)/h‖²/2, (m, N); log p = max a + log mean exp(a − max a) − d/2 log(2π h²), (m,)
# 3. Make all differences, divide by the bandwidth, square and sum, take the largest of each point out, average the
#    exponentials over the rows, and subtract the logarithm of the hills' normalization.

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
