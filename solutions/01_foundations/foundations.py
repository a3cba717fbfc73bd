# %% [markdown]
# # 01 · Foundations
#
# Nothing in this course is taken on trust: not a formula, not a library, not an article. This first assignment gives
# you the tools. You write the numerical gradient, against which every gradient of the course is checked, and the
# measure of how far apart two gradients are. Then you write what every training run needs before it begins: labels,
# scaling, mini-batches and distances. At the end you repair two small networks that were published with mistakes. Most
# broken code on the web does not crash: it trains, prints numbers, and is wrong. You will know how to find out.
#
# | | |
# |---|---|
# | Time | about 5 hours |
# | You will be able to | measure a slope and say how exact the measurement is; check any gradient that somebody derived; prepare data without leaking from the test rows; write array code without loops and without hidden copies; find a mistake in a published program by putting in numbers |
# | Builds on | Python and NumPy (arrays, broadcasting, `axis=`), derivatives, the chain rule, matrix products |
# | Next | layers and their gradients (02) |
#
# | here | in PyTorch and elsewhere |
# |---|---|
# | `numerical_gradient` | `torch.autograd.gradcheck` compares with it |
# | `relative_error` | the `rtol` of `torch.testing.assert_close`, `numpy.testing.assert_allclose` |
# | `one_hot` | `torch.nn.functional.one_hot` |
# | `standardize` | `sklearn.preprocessing.StandardScaler` |
# | `minibatches` | `torch.utils.data.DataLoader(batch_size=…, shuffle=True)` |
# | `pairwise_distances` | `torch.cdist`, `scipy.spatial.distance.cdist` |
# | `SimpleNetwork` | `torch.nn.Linear(bias=False)` and `torch.optim.SGD` |
# | `TwoLayerNet` | `Linear`, `Tanh`, `Linear` and `torch.nn.BCEWithLogitsLoss` |
#
# **Further reading.** [NumPy for absolute beginners](https://numpy.org/doc/stable/user/absolute_beginners.html), and on
# [broadcasting](https://numpy.org/doc/stable/user/basics.broadcasting.html). [The notes of Stanford's
# CS231n](https://cs231n.github.io/neural-networks-3/) on gradient checks.
# [Goodfellow, Bengio & Courville, *Deep Learning*](https://www.deeplearningbook.org) (2016), chapters 4 and 5.
#
# **Arrays, here and on a GPU.** NumPy computes on the CPU, CuPy offers the same functions on a GPU.
# `xp = array_module(x)` returns the library that an array belongs to; write `xp.exp(x)` where you would write
# `np.exp(x)`, and the same line runs on both. Three things copy numbers from the GPU to CPU memory, so avoid them:
# `float(array)`, `np.asarray(array)` and an `if` on the values of an array.
#
# **How checks work.** Below every exercise is a cell `check(…)`. It compares your code with a reference on random
# inputs. When your work is graded the inputs are drawn anew, so only code that is correct for all inputs passes. Two
# habits are checked throughout: a function never writes to an array that was passed to it, and float32 inputs give
# float32 results.

# %%
import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import array_module, asarray, plotting, zeros
from dlkit.course import when_written
from dlkit.datasets import iris

# %% [markdown]
# ## 1.1 The numerical gradient
#
# A derivative is a slope, and a slope can be measured. Step a little to the right of $x_i$ and a little to the left, all
# other entries fixed, and divide the difference in height by the distance:
#
# $$ \frac{\partial f}{\partial x_i} \approx \frac{f(x + h e_i) - f(x - h e_i)}{2h} $$
#
# where $e_i$ is 1 at entry $i$ and 0 elsewhere. It needs no calculus, so it cannot share a mistake with a formula
# derived by hand. That is why it can check one.
#
# **Why both sides.** Write the two values as Taylor series:
#
# $$ f(x \pm h) = f(x) \pm h f'(x) + \tfrac{h^2}{2} f''(x) \pm \tfrac{h^3}{6} f'''(x) + \ldots $$
#
# In the difference $f(x+h) - f(x-h)$ every even term cancels, and $2hf' + \tfrac{h^3}{3} f'''$ is left, so the error is
# $\tfrac{h^2}{6} f'''$. With one side only, $(f(x+h) - f(x))/h$, the $f''$ remains and the error is $\tfrac h2 f''$: at
# $h = 10^{-3}$ that is a thousand times worse.
#
# *By hand:* $f(x) = x^3$ at $x = 2$ with $h = 0.1$. Both sides: $(2.1^3 - 1.9^3)/0.2 = (9.261 - 6.859)/0.2 = 12.01$.
# The exact slope is $3 \cdot 2^2 = 12$, and the error is $h^2 f'''/6 = 0.01 \cdot 6/6$ as predicted. One side:
# $(9.261 - 8)/0.1 = 12.61$.
#
# `f` takes an array of any shape and returns one number. It is somebody else's code and may raise an error at any call;
# even then the caller's `x` must be unchanged.


# %%
def numerical_gradient(f, x, h):
    """Slope of f along every entry of x:  ∂f/∂xᵢ ≈ (f(x + h eᵢ) − f(x − h eᵢ)) / 2h

    Shapes
        x  any, of floats      result  that of x
    f: takes an array of x's shape, returns one number; h: the step, greater than zero.

    Source: Nocedal & Wright, Numerical Optimization (2006), section 8.1.
    """
    ### BEGIN SOLUTION
    gradient = array_module(x).zeros_like(x)
    moved = x.copy()
    for index in np.ndindex(x.shape):
        moved[index] = x[index] + h
        above = f(moved)
        moved[index] = x[index] - h
        below = f(moved)
        moved[index] = x[index]
        gradient[index] = (above - below) / (2 * h)
    return gradient
    ### END SOLUTION


# %% [markdown] hints="numerical_gradient"
# ### numerical_gradient
# 1. How many entries of x may be changed at the moment when f is called? And what does the caller's x look like if f
#    raises an error halfway?
# 2. ∂f/∂xᵢ ≈ (f(x + h eᵢ) − f(x − h eᵢ)) / (2 h), where eᵢ is 1 at entry i and 0 elsewhere; result (…), the shape of x
# 3. Work on a copy of x, and visit the index of every entry, whatever the number of axes. Set that entry to its value
#    plus h and call f, set it to its value minus h and call f, then restore it. The slope is the difference of the two
#    values of f over the distance between the two points.

# %%
check(numerical_gradient)

# %% [markdown]
# **How small should the step be?** As small as possible, the formula suggests. Try it. The picture shows the error of
# both quotients for the slope of $e^{x}\sin x$ at $x = 1$, over sixteen powers of ten.

# %%
with when_written():

    def wave(x):
        return (np.exp(x) * np.sin(x)).sum()

    place = np.array([1.0])
    slope = np.exp(1.0) * (np.sin(1.0) + np.cos(1.0))
    steps = np.logspace(-16, 0, 161)
    central = [abs(numerical_gradient(wave, place, h)[0] - slope) / slope for h in steps]
    one_sided = [abs((wave(place + h) - wave(place)) / h - slope) / slope for h in steps]

    figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
    ax.loglog(steps, np.maximum(one_sided, 1e-17), ".", color=plotting.COLOURS[1], label="one side")
    ax.loglog(steps, np.maximum(central, 1e-17), ".", color=plotting.COLOURS[0], label="both sides (yours)")
    ax.loglog(steps, steps / 2, ":", color=plotting.COLOURS[1], label="truncation, like $h$")
    ax.loglog(steps, steps**2 / 6, ":", color=plotting.COLOURS[0], label="truncation, like $h^2$")
    ax.loglog(steps, np.finfo(float).eps / steps, "k--", lw=1, label="rounding, like $\\varepsilon / h$")
    for best, colour in ((np.finfo(float).eps ** (1 / 2), 1), (np.finfo(float).eps ** (1 / 3), 0)):
        ax.axvline(best, color=plotting.COLOURS[colour], lw=0.8, alpha=0.5)
    ax.set(xlabel="step $h$", ylabel="relative error of the slope", ylim=(1e-13, 10))
    ax.set_title("Two slopes meet in a valley: too large a step truncates, too small a step rounds")
    ax.grid(alpha=0.2)
    ax.legend()
    plt.show()

# %% [markdown]
# **Question 1.** *(2 points)* Left of the valley the error grows as the step shrinks, for both quotients. Explain why.
# Then find, from the two error terms of the central quotient, how the best $h$ depends on the machine precision
# $\varepsilon$, and say what that gives for float64 ($\varepsilon \approx 2 \cdot 10^{-16}$) and for float32
# ($\varepsilon \approx 10^{-7}$).

# %% [markdown] question="valley"
# ### BEGIN SOLUTION
# A computer stores each value of $f$ only to a relative precision $\varepsilon$. The difference of two nearly equal
# values keeps the absolute error, about $\varepsilon |f|$, while the difference itself shrinks with $h$; dividing by
# $2h$ amplifies the error to about $\varepsilon |f| / h$. Truncation adds $h^2 |f'''|/6$. The sum is smallest where the
# derivative with respect to $h$ vanishes: $\varepsilon |f| / h^2 = h |f'''| / 3$, so
# $h = (3 \varepsilon |f| / |f'''|)^{1/3}$, which is of the order $\varepsilon^{1/3}$ where $f$ and $f'''$ are of size 1.
# That is about $6 \cdot 10^{-6}$ in float64 and $5 \cdot 10^{-3}$ in float32; the remaining errors are of the order
# $\varepsilon^{2/3}$, so about $10^{-10}$ and a few times $10^{-5}$.
#
# Mark scheme: 1 point for cancellation (the rounding error of $f$ stays, the divisor shrinks), 1 for balancing the two
# terms to $h \sim \varepsilon^{1/3}$ with both numbers within a factor of ten.
# ### END SOLUTION

# %% [markdown]
# ## 1.2 The relative error
#
# Are 0.000 010 and 0.000 011 close? As gradients they differ by a tenth, though their difference is tiny. What counts
# is the difference relative to their size:
#
# $$ \mathrm{error}(a, b) = \max_i \frac{|a_i - b_i|}{\max(|a_i|,\, |b_i|)} $$
#
# with 0 for an entry where both are zero. It is **symmetric**: neither of the two is taken as the correct one. And it
# is never more than 2, which two numbers of equal size and opposite sign reach: the most common mistake of all.
#
# *By hand:* $a = (2, 0, -1)$ and $b = (2.2, 0, 1)$ give $0.2/2.2 = 0.09$, then $0$ (both are zero), then $2/1 = 2$. The
# largest counts: 2.
#
# A rule of thumb for float64 and central differences: below $10^{-7}$ the gradient is correct, above $10^{-4}$ it is
# wrong; in between, look for a kink (a ReLU at zero) within the step.


# %%
def relative_error(a, b):
    """Largest difference relative to the larger of the two:  max |aᵢ − bᵢ| / max(|aᵢ|, |bᵢ|), 0 where both are zero

    Shapes
        a, b  any, the same      result  one number, from 0 to 2

    Source: Karpathy, Stanford CS231n (2015), notes on gradient checks.
    """
    ### BEGIN SOLUTION
    largest = array_module(a).maximum(abs(a), abs(b))
    return (abs(a - b) / (largest + (largest == 0))).max()
    ### END SOLUTION


# %% [markdown] hints="relative_error"
# ### relative_error
# 1. By which of the two numbers do you divide, if neither is the reference? And what is the error of an entry that is
#    zero in both?
# 2. error = maxᵢ |aᵢ − bᵢ| / max(|aᵢ|, |bᵢ|), and 0 where both are 0; a, b (…) of the same shape, result () from 0 to 2
# 3. For every entry separately: the absolute difference, and the larger of the two absolute values, replaced by 1 where
#    it is exactly 0. Divide entry by entry; only then take the maximum.

# %%
check(relative_error)

# %% [markdown]
# ## 1.3 One-hot labels
#
# Class 2 is not twice class 1: class numbers are names. A network's target for a class is therefore a row with a 1 in
# the column of that class and 0 elsewhere,
#
# $$ y_{nc} = [\,\mathrm{label}_n = c\,] $$
#
# *By hand:* labels $(2, 0)$ of 3 classes give $\begin{pmatrix} 0 & 0 & 1 \\ 1 & 0 & 0 \end{pmatrix}$.
#
# Labels may have any shape (one for each pixel, say); the classes become a new last axis. The number of classes is an
# argument, because a batch may not contain every class.


# %%
def one_hot(labels, classes):
    """One row for every label, 1 at its class:  y[…, c] = 1 where labels[…] is c, else 0

    Shapes
        labels  any, integers from 0 to classes − 1      result  shape of labels + (classes,), float64

    Source: Bishop, Pattern Recognition and Machine Learning (2006), section 4.1.2 (1-of-K).
    """
    ### BEGIN SOLUTION
    names = array_module(labels).arange(classes)
    return (labels[..., None] == names).astype(float)
    ### END SOLUTION


# %% [markdown] hints="one_hot"
# ### one_hot
# 1. Which axis of the result is new, and what determines its length: the labels that happen to occur, or the argument?
# 2. y[…, c] = 1 where labels[…] = c, else 0, for c = 0, 1, …, classes − 1; labels (…), y (…, classes) of float64
# 3. Give the labels a last axis of length one and compare them with the row of all class numbers: the comparison
#    broadcasts over both. Then convert the booleans to numbers.

# %%
check(one_hot)

# %% [markdown]
# ## 1.4 Standardizing
#
# A length in millimetres and a weight in tonnes differ by a factor that has no meaning, but it dominates gradient
# descent: a column of large numbers determines almost the whole step. So every column is shifted and scaled to mean 0
# and standard deviation 1:
#
# $$ x'_{nj} = \frac{x_{nj} - \mu_j}{\sigma_j}, \qquad \mu_j = \frac1N \sum_n x_{nj}, \qquad
#    \sigma_j^2 = \frac1N \sum_n (x_{nj} - \mu_j)^2 $$
#
# **From the training rows only.** The test rows stand for data that do not exist yet. They are shifted and scaled by
# the *training* mean and deviation, so their own mean and deviation come out near 0 and 1, not exactly.
#
# **A constant column** has $\sigma = 0$. It is shifted and divided by 1 instead.
#
# *By hand:* training rows $(1, 3), (3, 3), (5, 3)$: means $(3, 3)$, deviations $(\sqrt{8/3}, 0) = (1.633, 0)$. The first
# column becomes $-1.225, 0, 1.225$ and the second $0, 0, 0$. The test row $(7, 5)$ becomes $(4/1.633,\; 2/1) = (2.449, 2)$.


# %%
def standardize(train, test):
    """Scales both with the mean and the deviation of the training rows:  x′ = (x − μ) / σ, σ = 1 where it would be 0

    Shapes
        train  (rows, columns)      test  (other rows, columns)      result  (train, test), both scaled

    Source: Hastie, Tibshirani & Friedman, The Elements of Statistical Learning (2009), section 11.5.3.
    """
    ### BEGIN SOLUTION
    mean = train.mean(axis=0)
    deviation = train.std(axis=0)
    scale = deviation + (deviation == 0)
    return (train - mean) / scale, (test - mean) / scale
    ### END SOLUTION


# %% [markdown] hints="standardize"
# ### standardize
# 1. May anything be computed from the test rows? And what do you divide by if a column has the same value in every
#    training row?
# 2. μⱼ = 1/N Σₙ xₙⱼ over the N training rows; σⱼ = √(1/N Σₙ (xₙⱼ − μⱼ)²), and 1 in place of a σⱼ of 0; x′ = (x − μ) /
#    σ; train (N, J), test (M, J), μ and σ (J,)
# 3. Compute mean and deviation of every column of train, over its rows; replace a deviation of exactly zero by 1, and
#    leave small ones as they are. Shift and divide both arrays by these two rows; return the pair, train first.

# %%
check(standardize)

# %% [markdown]
# ## 1.5 Mini-batches
#
# The gradient of 50 rows points in nearly the same direction as that of 50 000, for a thousandth of the work. So
# training goes through the rows in small batches. An **epoch** is one pass that uses every row exactly once:
#
# - rows are shuffled, in a different order every epoch, or the same rows would always come last;
# - row $i$ of `x` stays together with entry $i$ of `y`;
# - where the size does not divide the number of rows, the last batch is smaller; it is not left out.
#
# *By hand:* 5 rows, size 2, drawn order $(3, 0, 4, 1, 2)$: the batches contain rows $(3, 0)$, $(4, 1)$ and $(2)$.
#
# Write it as a generator: `yield x_batch, y_batch` for one batch after the other. All randomness comes from the
# argument `rng` (`rng.permutation(n)`), so that a run can be repeated.


# %%
def minibatches(x, y, size, rng):
    """One epoch, batch by batch: yields (x rows, y entries), every row once, in an order drawn from rng;
    every order is equally likely

    Shapes
        x  (rows, …)      y  (rows, …)      yields  (size, …) of both, the last batch with the remaining rows
    rng: a numpy.random.Generator.

    Source: Goodfellow, Bengio & Courville, Deep Learning (2016), section 8.1.3.
    """
    ### BEGIN SOLUTION
    order = rng.permutation(len(x))
    for start in range(0, len(x), size):
        rows = order[start : start + size]
        yield x[rows], y[rows]
    ### END SOLUTION


# %% [markdown] hints="minibatches"
# ### minibatches
# 1. What is drawn once per epoch, and what is only sliced? By hand: with 5 rows and size 2, how many rows has the last
#    batch?
# 2. o = 0, 1, …, N − 1 in an order drawn from rng; batch k = the rows o[k s], o[k s + 1], …, o[k s + s − 1] of x, and
#    the same of y, as long as there are rows left; k = 0, 1, …, ⌈N / s⌉ − 1, s = size
# 3. Draw one permutation of all row numbers from rng. Go along it in steps of size; yield those rows of x and, by the
#    same indices, those of y. A slice that reaches beyond the end is shorter automatically.

# %%
check(minibatches)

# %% [markdown]
# ## 1.6 All distances at once
#
# Nearest neighbours, clusters, attention: all begin with a table of the distances between every row of $a$ and every
# row of $b$. Two loops in Python take a second for what the machine can do in a millisecond. The obvious array
# expression, `a[:, None] - b[None]`, is quick to write but builds an array of rows × rows × columns. Expand the square
# instead:
#
# $$ \lVert a_i - b_j \rVert^2 = \lVert a_i \rVert^2 + \lVert b_j \rVert^2 - 2\, a_i \cdot b_j $$
#
# The last term for all $i, j$ is a matrix product, $a b^\top$, which is what computers are fastest at.
#
# **The catch.** For two nearly equal rows the formula subtracts large numbers that nearly cancel. What is left is
# rounding error, which may be negative: the square root of $-10^{-13}$ is not a number, and one `nan` makes every mean
# `nan`. A squared distance is never below zero; enforce that before you take the root.
#
# *By hand:* $a = (1, 2)$, $b = (4, 6)$: $5 + 52 - 2 \cdot 16 = 25$, distance 5.


# %%
def pairwise_distances(a, b):
    """Euclidean distance of every row of a to every row of b:  dᵢⱼ = √(‖aᵢ‖² + ‖bⱼ‖² − 2 aᵢ·bⱼ)

    Shapes
        a  (rows, columns)      b  (other rows, columns)      result  (rows, other rows)
    Never nan for finite numbers; takes no more memory than a few tables of the result's size.

    Source: Golub & Van Loan, Matrix Computations (2013), section 1.1 (matrix products); Euclid I.47.
    """
    ### BEGIN SOLUTION
    xp = array_module(a)
    squares = a @ b.T
    squares *= -2
    squares += (a * a).sum(axis=1)[:, None]
    squares += (b * b).sum(axis=1)
    xp.maximum(squares, 0, out=squares)
    return xp.sqrt(squares, out=squares)
    ### END SOLUTION


# %% [markdown] hints="pairwise_distances"
# ### pairwise_distances
# 1. You need no loop over pairs: which matrix product contains aᵢ·bⱼ for all i and j? And what can rounding turn a
#    square into that should be 0?
# 2. dᵢⱼ = √max(0, ‖aᵢ‖² + ‖bⱼ‖² − 2 aᵢ·bⱼ); a (R, C), b (S, C), a bᵀ (R, S), d (R, S)
# 3. The matrix product, times minus two. Add the sums of squares of a's rows as a column and of b's as a row. Raise
#    negative values to zero; take the root last.
#
# ### speed
# 1. Over which rows does Python loop?
# 2. R · S · C products, all of them in a bᵀ: (R, C) (C, S) → (R, S)
# 3. Let the matrix product replace every loop; what remains are sums over columns and operations on the whole table.
#
# ### scaling
# 1. How many axes has your largest array, and is C, the number of columns, the length of one of them?
# 2. aᵢ − bⱼ for all pairs: R · S · C numbers; ‖aᵢ‖² + ‖bⱼ‖² − 2 aᵢ·bⱼ for all pairs: R · S numbers
# 3. Expand the square, so that the sum over the columns happens inside the matrix product and no array ever has three
#    axes.

# %%
check(pairwise_distances)

# %% [markdown]
# ## 1.7 Repair: the simplest network
#
# From here on the code is not yours. It was printed in an overview article as the reader's first network, and it is
# wrong. You get it as it was published; fix it.
#
# The network is one linear layer without a bias, $p = x w$, to be trained by gradient descent on half the squared error
#
# $$ L = \tfrac12 \sum_n (p_n - t_n)^2 \qquad\Longrightarrow\qquad
#    \frac{\partial L}{\partial w_i} = \sum_n (p_n - t_n)\,\frac{\partial p_n}{\partial w_i} = \sum_n x_{ni}\,(p_n - t_n) $$
#
# that is $dw = x^\top (p - t)$. Each epoch takes one step downhill, $w \leftarrow w - \eta\, dw$, using all rows.
#
# > **Find the mistake.** Take one row, $x = 2$, target $6$, so that $w = 3$ would be correct, and start at $w = 1$. By
# > hand: $p = 2$, $p - t = -4$, $dw = -8$. The published line gives $w = 1 - 8 = -7$; one more epoch gives $p = -14$
# > and $w = -47$. In which direction does it move, and how far? There are **two** mistakes. With both fixed and
# > $\eta = 0.1$ the weights are $1 \to 1.8 \to 2.28 \to 2.57 \to \ldots \to 3$: each epoch leaves a fraction
# > $1 - \eta x^2 = 0.6$ of the error.
#
# A training run that diverges fills its weights with `inf` and `nan` without raising an error. Look at the numbers.


# %%
class SimpleNetwork:
    """One linear layer without a bias, p = x w, trained on ½ Σ (p − t)²:  w ← w − η xᵀ (p − t), once per epoch

    Shapes
        inputs  (rows, n_inputs)      targets, predictions  (rows, n_outputs)      weights  (n_inputs, n_outputs)
    n_outputs: 1 in the checks, 2 in the published program.

    Source: the first program of an overview article, as published; for the rule, Widrow & Hoff, Adaptive Switching
    Circuits (1960).
    """

    def __init__(self, n_inputs, n_outputs=1, *, rng):
        self.weights = asarray(rng.normal(0, 1, (n_inputs, n_outputs)))

    def predict(self, inputs):
        return inputs @ self.weights

    def train(self, inputs, targets, *, epochs, learning_rate):
        ### BEGIN SOLUTION
        for _ in range(epochs):
            predictions = self.predict(inputs)
            gradient = inputs.T @ (predictions - targets)
            self.weights = self.weights - learning_rate * gradient
        ### END SOLUTION


# %% [markdown] hints="SimpleNetwork"
# ### train
# 1. Compute one row by hand, with the weight too small: in which direction does the published line move it, and how
#    far?
# 2. w ← w − η xᵀ (p − t), with p = x w computed again in every epoch; x (N, I), p and t (N, O), w (I, O)
# 3. The gradient points uphill, so subtract it, scaled by the learning rate. Compute predictions, gradient and step in
#    every epoch.

# %%
check(SimpleNetwork)

# %% [markdown]
# **The published data, and data that fit.** The article trains this class with three inputs and two outputs, from weights
# of a tenth of the usual size, on four rows:
#
# | inputs | targets |
# |---|---|
# | 0 0 1 | 0 1 |
# | 0 1 1 | 1 0 |
# | 1 0 1 | 1 0 |
# | 1 1 1 | 0 1 |
#
# The left picture is the loss over the epochs on these data, with the class as it is above and with the published line.
# On the right are the same inputs with a target that *is* within reach: their own first column, for which the correct
# weights are $(1, 0, 0)$. Until you have repaired the class, the two curves coincide.

# %%
inputs = np.array([[0.0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
published_targets = np.array([[0.0, 1], [1, 0], [1, 0], [0, 1]])
figure, axes = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
for name, targets, ax in (
    ("the published targets", published_targets, axes[0]),
    ("the first column as target", inputs[:, :1], axes[1]),
):
    network = SimpleNetwork(3, targets.shape[1], rng=np.random.default_rng(0))
    network.weights = 0.1 * network.weights
    published = network.weights.copy()
    yours, theirs = [], []
    for _ in range(60):
        yours.append(((network.predict(inputs) - targets) ** 2).sum() / 2)
        theirs.append(((inputs @ published - targets) ** 2).sum() / 2)
        network.train(inputs, targets, epochs=1, learning_rate=0.1)
        published += inputs.T @ (inputs @ published - targets)
    ax.semilogy(theirs, "--", color=plotting.COLOURS[1], label="as published")
    ax.semilogy(yours, color=plotting.COLOURS[0], label="as in your notebook")
    ax.set(xlabel="epoch", ylabel="loss", ylim=(1e-6, 1e12), title=name)
    ax.grid(alpha=0.3)
    ax.legend()
plt.show()

# %% [markdown]
# > **Find the mistake.** On the right your repair fits; on the left its loss stops at 1, however long you train, and it
# > must. Look at the targets: the first column is 1 where exactly *one* of the first two inputs is 1. That is XOR, and the
# > second column is its complement. Suppose that weights $w_1, w_2$ and $w_3$ gave the first column exactly. The first
# > row says $w_3 = 0$, the second then $w_2 = 1$, the third $w_1 = 1$, and the last would have to be $1 + 1 = 0$. So no
# > weights fit: **XOR is no linear function.** Gradient descent finds the best compromise, which here is $w = (0, 0,
# > \frac12)$ for both outputs: every prediction is $\frac12$, all eight errors are $\pm\frac12$, and
# > $\frac12 \sum (\frac12)^2 = 1$.
# >
# > The program's last line "tests" the network on the row 0 1 0. The repaired network prints $(0, 0)$: the third input,
# > which is 1 in every training row, was the bias, and in this row it is switched off. So even the idea of the example
# > is wrong: data that a linear layer cannot fit, no learning rate (here it has to be below $2 / 6.37 = 0.31$, where 6.37
# > is the largest eigenvalue of $x^\top x$; the published rate is 1), and a test row that is unlike all others.
#
# What is missing is a **hidden layer**: numbers computed from the inputs that are *not* linear in them. It need not even
# be trained to help. Below the same class gets eight random features $\tanh(x V)$ in place of $x$, and fits XOR. A layer
# that learns its features is the subject of the next section.

# %%
with when_written(), np.errstate(all="ignore"):  # as published it overflows
    network = SimpleNetwork(3, 2, rng=np.random.default_rng(0))
    network.train(inputs, published_targets, epochs=1000, learning_rate=0.1)
    print("a linear layer, the four rows:\n", network.predict(inputs).round(3))
    print("the article's test row (0 1 0):", (network.predict(np.array([[0.0, 1, 0]])) + 0.0).round(3))
    features = np.tanh(inputs @ np.random.default_rng(1).normal(0, 2, (3, 8)))
    network = SimpleNetwork(8, 2, rng=np.random.default_rng(0))
    network.train(features, published_targets, epochs=5000, learning_rate=0.1)
    print("behind a hidden layer, the four rows:\n", network.predict(features).round(3))

# %% [markdown]
# ## 1.8 Repair: two layers on Iris
#
# The second article trains a network with one hidden layer on Fisher's iris flowers: is a flower a *setosa*, judged by
# the length and width of its sepal alone? Its program never ran. Its output is one score $z$ per row,
#
# $$ h = \tanh(x W_1 + b_1), \qquad z = h W_2 + b_2, \qquad a = \sigma(z) = \frac{1}{1 + e^{-z}} $$
#
# and $a$ is the probability of class 1. `forward` is correct and given. Four methods are as published.
#
# **The loss** is the cross-entropy of a *probability*,
# $L = -\frac1N \sum_n \bigl[ y_n \ln a_n + (1 - y_n) \ln(1 - a_n) \bigr]$. The published code takes the logarithm of a
# raw score, which may be negative, and selects it by using the label, a float, as an index into a row that has only one
# column. In terms of $z$, the loss of a row is $\ln(1 + e^{z}) - y z$, and
#
# $$ \ln(1 + e^{z}) = \max(z, 0) + \ln\bigl(1 + e^{-|z|}\bigr) $$
#
# has no exponent above zero: nothing overflows, and the logarithm of zero is never taken.
#
# **The gradients.** The article prints $dz = -y/a - (1 - y)/(1 - a)$.
#
# > **Find the mistake.** Put in $y = 1$, $a = 0.9$: a good prediction, so $dz$ should be small and negative. The
# > article gives $-1.11$. Put in $y = 0$, $a = 0.1$, an equally good prediction: the article gives $-1.11$ again, so it
# > pushes *both* scores up. There are two errors. The derivative with respect to $a$ is $-y/a + (1-y)/(1-a)$, with a
# > plus; and because it is taken with respect to $a$, the chain rule requires a factor
# > $\partial a / \partial z = a (1 - a)$. Together
# >
# > $$ \frac{\partial L}{\partial z} = \Bigl( -\frac{y}{a} + \frac{1-y}{1-a} \Bigr)\, a (1-a) = -y (1-a) + (1-y)\, a = a - y $$
# >
# > which is $-0.1$ and $+0.1$.
#
# From there, apply the chain rule backwards. With $dz = (a - y)/N$ for the mean over the rows,
#
# $$ dW_2 = h^\top dz, \qquad db_2 = \textstyle\sum_n dz_n, \qquad dh = dz\, W_2^\top \odot (1 - h^2), \qquad
#    dW_1 = x^\top dh, \qquad db_1 = \textstyle\sum_n dh_n $$
#
# > **Find the mistake.** The article prints $dw = \frac1m \sum dz\, a\, z^\top$: it multiplies by the layer's *output*.
# > A weight multiplies the *input* of its layer, so the input is its slope: $\frac1m \sum dz\, x^\top$. The shapes show
# > it: $h^\top dz$ has the shape of $W_2$, and $a^\top dz$ is a single number.
#
# **Training** uses gradients named `grads`, which nothing in the published program ever computes. And **predicting** by
# argmax over one column gives 0 whatever the column contains: the class is 1 where $a > \frac12$, that is where
# $z > 0$.
#
# *By hand:* $x = (1, 0)$, $W_1 = \begin{pmatrix} 1 \\ 5 \end{pmatrix}$, $b_1 = 0$, $W_2 = (2)$, $b_2 = 0$, $y = 1$.
# Then $h = \tanh 1 = 0.762$, $z = 1.523$, $a = 0.821$, $L = -\ln 0.821 = 0.197$; backwards $dz = -0.179$,
# $dW_2 = 0.762 \cdot (-0.179) = -0.136$, $dh = -0.179 \cdot 2 \cdot (1 - 0.580) = -0.150$,
# $dW_1 = (-0.150, 0)^\top$. Your `numerical_gradient` will agree.


# %%
class TwoLayerNet:
    """One hidden layer and one score per row, for two classes:  h = tanh(x W₁ + b₁), z = h W₂ + b₂

    Shapes
        x  (rows, n_inputs)      y  (rows,) of 0.0 and 1.0      z  (rows, 1)
        params, and gradients with the same names  W1 (n_inputs, n_hidden), b1 (n_hidden,), W2 (n_hidden, 1), b2 (1,)
    loss: the mean cross-entropy of σ(z) against y; gradients: of the loss with respect to every parameter, a dict;
    train: one gradient step with all rows per epoch; predict: (rows,) of integers, 1 where z > 0.

    Source: the Iris program and the formulas of an introductory article, as published; for the correct ones, Bishop,
    Pattern Recognition and Machine Learning (2006), section 5.3.
    """

    def __init__(self, n_inputs, n_hidden, *, rng):
        self.params = {
            "W1": asarray(rng.normal(0, n_inputs**-0.5, (n_inputs, n_hidden))),
            "b1": zeros(n_hidden),
            "W2": asarray(rng.normal(0, n_hidden**-0.5, (n_hidden, 1))),
            "b2": zeros(1),
        }

    def forward(self, x):
        self.h = array_module(x).tanh(x @ self.params["W1"] + self.params["b1"])
        return self.h @ self.params["W2"] + self.params["b2"]

    def loss(self, x, y):
        ### BEGIN SOLUTION
        z = self.forward(x)[:, 0]
        xp = array_module(z)
        return (xp.maximum(z, 0) + xp.log1p(xp.exp(-abs(z))) - y * z).mean()
        ### END SOLUTION

    def gradients(self, x, y):
        ### BEGIN SOLUTION
        z = self.forward(x)
        h = self.h
        a = (1 + array_module(z).tanh(z / 2)) / 2  # σ(z), for every finite z
        dz = (a - y[:, None]) / len(x)
        dh = dz @ self.params["W2"].T
        dh = dh * (1 - h * h)
        return {"W1": x.T @ dh, "b1": dh.sum(axis=0), "W2": h.T @ dz, "b2": dz.sum(axis=0)}
        ### END SOLUTION

    def train(self, x, y, *, epochs, learning_rate):
        ### BEGIN SOLUTION
        for _ in range(epochs):
            grads = self.gradients(x, y)
            for name in self.params:
                self.params[name] = self.params[name] - learning_rate * grads[name]
        ### END SOLUTION

    def predict(self, x):
        ### BEGIN SOLUTION
        return (self.forward(x)[:, 0] > 0).astype(int)
        ### END SOLUTION


# %% [markdown] hints="TwoLayerNet"
# ### loss
# 1. Which of the two has a logarithm, a score or a probability? And is a label here a column index, or a weight?
# 2. L = 1/N Σₙ [max(zₙ, 0) + ln(1 + e^(−|zₙ|)) − yₙ zₙ]; z (N,), the one column of the scores, y (N,), L ()
# 3. Take the single column of scores, so that z and y have the same shape. Write the formula for all rows at once; no
#    exponent in it is positive. Then take the mean.
#
# ### gradients
# 1. Does every gradient have the shape of its parameter? And what do the two examples of the first box, y = 1 and y =
#    0, say about the sign of dz?
# 2. dz = (a − y) / N with a = σ(z), (N, 1); dW₂ = hᵀ dz, (H, N) (N, 1) → (H, 1); db₂ = Σₙ dzₙ, (1,); dh = dz W₂ᵀ ⊙ (1
#    − h²), (N, H); dW₁ = xᵀ dh, (I, N) (N, H) → (I, H); db₁ = Σₙ dhₙ, (H,)
# 3. From the end to the beginning: the probabilities, dz with y as a column, the two gradients of the second layer,
#    back through W₂ and through tanh, the two gradients of the first layer. A weight's slope is what it multiplied in
#    the forward pass; divide by N once, in dz.
#
# ### train
# 1. The published loop uses gradients that were never computed. What computes them, and how long are they valid?
# 2. θ ← θ − η ∂L/∂θ for θ = W₁, b₁, W₂, b₂, all four gradients taken at the same parameters
# 3. In every epoch: compute the gradients over all rows, then subtract the learning rate times its gradient from each
#    parameter. Compute all four gradients before you change any parameter.
#
# ### predict
# 1. Which entry of a row with a single number is the largest?
# 2. class = 1 where σ(z) > ½, which is where z > 0, else 0; z (N, 1), result (N,) of integers
# 3. The scores of all rows, their only column, a comparison with zero, and integers in place of booleans.

# %%
check(TwoLayerNet)

# %% [markdown]
# **Check your repair yourself** before the autograder does: compare the gradients that you derived with those that you
# measured.

# %%
with when_written():
    x, species = iris()
    x, _ = standardize(x[:, :2], x[:, :2])
    y = (species == 0).astype(float)
    network = TwoLayerNet(2, 8, rng=np.random.default_rng(0))
    for name, derived in network.gradients(x, y).items():

        def loss_of(value, name=name):
            kept, network.params[name] = network.params[name], value
            try:
                return network.loss(x, y)
            finally:
                network.params[name] = kept

        measured = numerical_gradient(loss_of, network.params[name], 1e-5)
        print(f"{name}: relative error {relative_error(derived, measured):.1e}")

# %% [markdown]
# ## 1.9 Capstone: setosa or not
#
# Put your functions together, on real flowers. `train_setosa` is given two columns of measurements and the labels 0
# and 1 as *integers*; it trains a `TwoLayerNet` and returns a function that takes rows of raw measurements and
# returns the probability of class 1 for each. How it is graded: the flowers are split into three parts, and each part
# is classified by a network that was trained from scratch on the other two. At least 97 % of these 150 predictions
# must be correct, in one of up to three random splits. For every training run the plane of the measurements is
# rotated, stretched and shifted, and the two class numbers may be swapped, so that only your training counts. One
# training run may take 5 seconds of CPU time (a tenth is enough).
#
# `standardize` takes training and test rows together, but here the test rows come later: the function that you return
# can call it with the training rows and the rows that it receives.


# %%
def train_setosa(x, y, *, rng):
    """Train a TwoLayerNet on raw measurements; return a function: rows like those of x → probability of class 1

    Shapes
        x  (rows, 2), of any scale      y  (rows,) integers 0 and 1
        the function  (other rows, 2) → (other rows,) from 0 to 1
    rng: a numpy.random.Generator, for the initial weights and for the order of the rows.
    """
    ### BEGIN SOLUTION
    network = TwoLayerNet(2, 8, rng=rng)
    scaled, _ = standardize(x, x)
    for epoch in range(150):
        rate = 0.5 if epoch < 100 else 0.1
        for rows, labels in minibatches(scaled, y.astype(float), 20, rng):
            network.train(rows, labels, epochs=1, learning_rate=rate)

    def probability(rows):
        _, rows = standardize(x, rows)
        return 1 / (1 + np.exp(-network.forward(rows)[:, 0]))

    return probability
    ### END SOLUTION


# %% [markdown] hints="train_setosa"
# ### train_setosa
# 1. The function that you return receives rows that were not available during training. On which scale does the network
#    expect them?
# 2. x′ = (x − μ) / s with the mean μ and the deviation s of the training rows, both times; p = σ(z) = 1 / (1 + e⁻ᶻ);
#    rows (M, 2), z (M, 1), p (M,)
# 3. Standardize the training rows, convert the labels to floats, and take one step of the network on every mini-batch
#    for a hundred epochs or more. The function that you return brings its rows to the scale of the training rows, runs
#    the forward pass, and applies σ to the single column of scores.

# %%
check(train_setosa)

# %%
with when_written():
    x, species = iris()
    x, y = x[:, :2], (species == 0).astype(int)
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    probability = train_setosa(x, y, rng=np.random.default_rng(1))
    plotting.decision_regions(lambda rows: (probability(rows) > 0.5).astype(int), x, y, ax=axes[0])
    axes[0].set(xlabel="length of the sepal, cm", ylabel="width of the sepal, cm")

    sides = [np.linspace(x[:, i].min() - 0.3, x[:, i].max() + 0.3, 120) for i in (0, 1)]
    grid = np.stack(np.meshgrid(*sides), axis=-1)
    heights = probability(grid.reshape(-1, 2)).reshape(grid.shape[:2])
    shades = axes[1].contourf(*sides, heights, levels=np.linspace(0, 1, 11), cmap="PuOr")
    axes[1].contour(*sides, heights, levels=[0.5], colors="k")
    pairs = pairwise_distances(x, x) + 99 * np.eye(len(x))
    strange = y != y[pairs.argmin(axis=1)]
    axes[1].scatter(*x[strange].T, s=60, facecolor="none", edgecolor="k", label="nearest neighbour in the other class")
    axes[1].set(xlabel="length of the sepal, cm", title="probability of setosa")
    axes[1].legend(loc="upper right")
    figure.colorbar(shades, ax=axes[1])
    plt.show()

# %% [markdown]
# **Question 2.** *(2 points)* Somebody standardizes all 150 flowers first and splits them into training and test parts
# afterwards. What has leaked from the test rows, why does this hardly change the measured accuracy *here*, and in which
# situation would the same habit give a number that is much too good? Name one more step of a usual pipeline that must
# not see the test rows.

# %% [markdown] question="leak"
# ### BEGIN SOLUTION
# The mean and the deviation of every column then depend on the test rows: information from the test rows enters the
# training rows. With 150 rows of one distribution the statistics of two thirds are nearly those of all, and the first
# layer can undo an affine change of two columns anyway, so next to nothing is gained here. It matters where the test
# rows are few or differ (a later year, another hospital: standardizing with their own mean hides exactly the shift that
# the test should reveal), and where the step uses more than two moments: choosing columns by their correlation with the
# labels on all rows finds "predictors" in pure noise. Other such steps: selecting features, filling in missing values,
# PCA, choosing hyperparameters or the epoch to stop at, balancing or duplicating rows before the split.
#
# Mark scheme: 1 point for naming the leaked statistics and why it is harmless here, 1 for a situation in which it is not
# together with one more such step.
# ### END SOLUTION
