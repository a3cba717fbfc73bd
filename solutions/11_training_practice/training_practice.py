# %% [markdown]
# # 11 · Training practice
#
# Layers, losses and optimizers are written; now they have to be *used*. Which learning rate? Is 91 % better than 90 %,
# or was it luck? What can be done if there are thirty labelled images and not thirty thousand? Such questions take more
# of the time of somebody who trains networks than any layer does. This assignment has the tools for them: measuring
# honestly, getting more out of trained models, using a model for another task than its own, and searching settings.
#
# | | |
# |---|---|
# | Time | about 8 hours |
# | You will be able to | estimate an error with its spread; tell from a matrix which classes are confused; combine predictions; adapt a trained network to new data with a few numbers; search settings by a model of what is not yet tried; choose a learning rate from one curve; train in half precision without losing small gradients |
# | Builds on | `Linear`, `ReLU`, `Softmax` (02), `SoftmaxCrossEntropy` (03), `AdamW` (04), `Conv2d`, `MaxPool2d` (06) |
# | Next | learning from few or no labels (12), smaller and more robust networks (13) |
#
# | here | in PyTorch and elsewhere |
# |---|---|
# | `k_fold` | `sklearn.model_selection.StratifiedKFold(shuffle=True)` |
# | `confusion_matrix` | `sklearn.metrics.confusion_matrix`, `torchmetrics.ConfusionMatrix` |
# | `Ensemble`, `TestTimeAugmentation` | a loop over models, over views; `sklearn.ensemble.VotingClassifier(voting="soft")` |
#
# **Further reading.** Goodfellow, Bengio & Courville, *Deep Learning* (2016), chapter 11, *Practical Methodology*.
# Karpathy, *A Recipe for Training Neural Networks* (2019). Garnett, *Bayesian Optimization* (2023), chapters 1 to 3 and 7.
#
# **Exactness.** As in the other assignments: results may differ from the exact ones by 10⁻⁶ of the largest number (in
# float32 by 10⁻³). Code that draws random numbers draws them from `rng`; it may draw others than the author's.

# %%
from functools import cache

import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Layer, Parameter, array_module, plotting
from dlkit.course import earlier, when_written
from dlkit.datasets import digits, mnist
from dlkit.training import fit

# %% [markdown]
# ## 11.1 k_fold
#
# A single number from a single test set is a draw: with other test rows it would have been another one. And if data are
# few, rows kept for testing are missing in training. **Cross-validation** uses every row for both, one after the other:
# deal the rows into $k$ **folds**, train $k$ times, each time on all folds but one, and test on the one left out. The
# mean of the $k$ numbers is the estimate; their standard deviation says how much it depends on the rows.
#
# ```
#                rows, dealt into k = 4 folds
#   model 1     [ test ][ train ][ train ][ train ]
#   model 2     [ train ][ test ][ train ][ train ]
#   model 3     [ train ][ train ][ test ][ train ]
#   model 4     [ train ][ train ][ train ][ test ]        every row is tested once
# ```
#
# Two things matter. Data often come **sorted** (all zeros first, then all ones), so rows have to be dealt in random
# order. And by chance a fold could get few rows of a rare class, or none, so each class is dealt separately
# (*stratified*): the numbers of a class in two folds differ by at most one. And so do the sizes of two whole folds.
#
# The last point has a trap. With 3 folds and 10 classes of 4 rows, every class has one row too many. If each class is dealt
# beginning with the first fold, that fold gets 20 rows and the others get 10. So do not begin anew for each class: where
# one class ends, the next continues.
#
# *By hand:* the labels `a a b b b a a` and $k = 3$. Shuffled within the classes, for example rows 5 0 6 1 for a and rows 3 4
# 2 for b; dealt one after the other: 5→1, 0→2, 6→3, 1→1, 3→2, 4→3, 2→1. The folds are {5, 1, 2}, {0, 3} and {6, 4}: a 2 1 1,
# b 1 1 1, in all 3 2 2.
#
# It works with indices, which choose rows of any kind of data in CPU memory, so it runs there on every machine.


# %%
def k_fold(labels, k, *, rng):
    """Deal rows into k folds, each class evenly; a list of k pairs (train, test) of arrays of row indices

    Shapes
        labels  (rows,), integers      train, test  together every row once, in any order
    Every row is in one test.  The numbers of rows of a class in two tests differ by at most 1, and so do the sizes of
    two tests.  Which rows of a class come together is drawn.      k: 2 or more, at most the number of rows

    Source: Stone, Cross-Validatory Choice and Assessment of Statistical Predictions (1974); Kohavi, A Study of
    Cross-Validation and Bootstrap for Accuracy Estimation and Model Selection (1995).
    """
    ### BEGIN SOLUTION
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), int)
    fold[order] = np.arange(len(labels)) % k
    return [(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(k)]
    ### END SOLUTION


# %% [markdown] hints="k_fold"
# ### k_fold
# 1. If every class has one row more than the folds divide, which fold gets these rows?
# 2. order: the rows, shuffled, then sorted by class without changing the order within a class; row order[j] goes to fold
#    j mod k
# 3. Shuffle all rows, sort them by label with a stable sort, deal them in that order to the folds in turn, and make for
#    each fold the pair of all other rows and its own.

# %%
check(k_fold)

# %% [markdown]
# How large is the spread? Below, softmax regression learns the digits from 300 rows, in three ways of measuring: one
# test set of 60 rows, repeatedly drawn; 5-fold cross-validation, also with redrawn folds; and for comparison the accuracy
# on all other 1,400 rows, which one would not have in practice.


# %%
def regression_scores(x, y, unseen, *, steps=300, lr=0.5):
    """Scores of unseen rows by softmax regression, trained on x and y with plain gradient descent; given"""
    W, targets = np.zeros((x.shape[1], 10)), np.eye(10)[y]
    for _ in range(steps):
        scores = x @ W
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        W -= lr / len(x) * x.T @ (e / e.sum(axis=1, keepdims=True) - targets)
    return unseen @ W


def accuracy_on(train, test, x, y):
    """Share of test rows that are classified correctly after training on the training rows; given"""
    return float((regression_scores(x[train], y[train], x[test]).argmax(axis=1) == y[test]).mean())


with when_written():
    data, rng = digits(np.random.default_rng(0)), np.random.default_rng(1)
    x, y = data.x_train[:300].reshape(300, -1), data.y_train[:300]
    of_folds = [[accuracy_on(*fold, x, y) for fold in k_fold(y, 5, rng=rng)] for _ in range(8)]
    rest_x = np.concatenate([data.x_train[300:], data.x_test]).reshape(-1, 64)
    rest_y = np.concatenate([data.y_train[300:], data.y_test])
    truth = (regression_scores(x, y, rest_x).argmax(axis=1) == rest_y).mean()
    ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")[1]
    ax.hist(np.ravel(of_folds), bins=np.arange(0.8, 1.001, 1 / 60), color="#9ecae1", label="a single fold of 60 rows")
    for average in np.mean(of_folds, axis=1):
        ax.axvline(average, color="#08519c", lw=1)
    ax.axvline(average, color="#08519c", lw=1, label="means of 5 folds, dealt 8 times")
    ax.axvline(truth, color="black", ls="--", lw=1.5, label=f"{len(rest_y):,} other rows")
    ax.set(xlabel="accuracy", ylabel="folds")
    ax.legend(frameon=False)
    plt.show()

# %% [markdown]
# ## 11.2 confusion_matrix
#
# An accuracy of 90 % may mean that all classes are a little difficult, or that one of ten is never recognized. The
# **confusion matrix** counts for each class what its rows were taken for: row $i$, column $j$ is the number of rows of
# the class $i$ that were predicted to be $j$.
#
# $$ C_{ij} = \#\{\, n : t_n = i,\; p_n = j \,\} $$
#
# The correct ones are on the diagonal. Row sums are the rows of each class, column sums how often each was predicted.
# $C_{ii}$ divided by its row sum is the **recall** of class $i$ (how many were found), divided by its column sum the
# **precision** (how many of those called $i$ were one).
#
# *By hand:* labels `0 0 1 1 1`, predictions `0 1 1 1 0`: $C = \begin{pmatrix} 1 & 1 \\ 1 & 2 \end{pmatrix}$. The recall
# of class 1 is 2/3, its precision is 2/3.
#
# A warning: `C[labels, predicted] += 1` counts a pair that occurs twice only once. Number the pairs from 0 to
# classes² − 1, and count the numbers; or add with a scatter-add.


# %%
def confusion_matrix(labels, predicted, classes):
    """Counts by true class (rows) and predicted class (columns)

    Shapes
        labels, predicted  (rows,), integers from 0 to classes − 1 of any integer dtype
        result  (classes, classes), integers
    A class may have no row, and there may be none at all.

    Source: Townsend, Theoretical Analysis of an Alphabetic Confusion Matrix (1971).
    """
    ### BEGIN SOLUTION
    xp = array_module(labels)
    pairs = labels.astype(xp.int64) * classes + predicted
    return xp.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
    ### END SOLUTION


# %% [markdown] hints="confusion_matrix"
# ### confusion_matrix
# 1. Which of the two, the truth or the prediction, chooses the row? And what is 250 times 10 in eight bits?
# 2. pair = label · classes + prediction, (N,); C = counts of 0 … classes² − 1, as (classes, classes)
# 3. Turn every pair into one whole number that is wide enough, count how often each number occurs, also those that never
#    do, and give the counts the shape of the matrix.

# %%
check(confusion_matrix)

# %%
with when_written():
    scores = regression_scores(x, y, rest_x)
    plotting.confusion_matrix(confusion_matrix(rest_y, scores.argmax(axis=1), 10))
    plt.show()

# %% [markdown]
# The eight is the difficult one: look along its row and along its column. A list of the most frequent pairs of errors is often
# the best advice on what data to collect next.

# %% [markdown]
# ## 11.3 Ensemble
#
# Train the same network five times, with other first weights and another order of the rows, and you get five models that are
# about equally good but make *different* errors. Their mean is better than each of them: what is peculiar to one is
# outvoted by the others.
#
# What is averaged are **probabilities**, after the softmax:
#
# $$ y = \frac{1}{M} \sum_{m=1}^{M} \mathrm{softmax}(z_m(x)) $$
#
# not the scores $z_m$. Scores have no common scale: a model whose scores are ten times as large would decide alone. (The
# mean of scores, after a softmax, is the geometric mean of the probabilities, normalized. Then one model that is sure that
# a class is impossible has a veto.)
#
# *By hand:* two classes, two models with the scores $(4, 0)$ and $(0, 1)$. Probabilities $(0.982, 0.018)$ and $(0.269,
# 0.731)$, mean $(0.625, 0.375)$. The mean of the scores is $(2, 0.5)$, with the softmax $(0.818, 0.182)$.
#
# `softmax` is given here; the constructor is given too. An ensemble is a layer, so `ensemble.eval()` reaches all models.


# %%
def softmax(scores):
    """Probabilities of scores (batch, classes), for scores of any size; given"""
    e = array_module(scores).exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class Ensemble(Layer):
    """The mean of the probabilities that several models give

    models: layers whose forward(x) gives scores (batch, classes), for x of any shape (batch, …)
    forward(x) returns probabilities (batch, classes).  What the models return is not written to: it is theirs.

    Source: Hansen & Salamon, Neural Network Ensembles (1990); Lakshminarayanan, Pritzel & Blundell, Simple and Scalable
    Predictive Uncertainty Estimation using Deep Ensembles (2017), section 2.4.
    """

    def __init__(self, models):
        self.models = list(models)

    def forward(self, x):
        ### BEGIN SOLUTION
        return sum(softmax(model.forward(x)) for model in self.models) / len(self.models)
        ### END SOLUTION


# %% [markdown] hints="Ensemble"
# ### forward
# 1. One model has scores between −1 and 1, another between −100 and 100. How much does each count in a mean of scores?
# 2. y = 1/M Σₘ softmax(zₘ), zₘ = the scores of model m, (N, C)
# 3. Turn the scores of each model into probabilities, row by row, add these up over the models, and divide by the number of
#    models.

# %%
check(Ensemble)

# %% [markdown]
# How much do more models help? Below ten networks with one hidden layer learn 300 digits; then ensembles of one to ten of
# them are tested on the others. The first few models help most. The errors that all of them make are left.

# %%
Flatten, Linear, ReLU = earlier("layers.Flatten"), earlier("layers.Linear"), earlier("layers.ReLU")
Sequential, SoftmaxCrossEntropy = earlier("layers.Sequential"), earlier("losses.SoftmaxCrossEntropy")
AdamW = earlier("optimizers.AdamW")


def small_network(rng):
    """A network with one hidden layer for digits (batch, 8, 8), in float32; given"""
    model = Sequential([Flatten(), Linear(64, 32, rng=rng), ReLU(), Linear(32, 10, rng=rng)])
    model.astype("float32")
    return model


@cache
def ten_networks():
    """Ten networks trained on 300 digits; given"""
    found, data = [], digits(np.random.default_rng(0))
    for seed in range(10):
        model = small_network(np.random.default_rng(seed))
        optimizer = AdamW(model.parameters(), 0.003)
        fit(
            model, SoftmaxCrossEntropy(), optimizer, data.x_train[:300].astype("float32"), data.y_train[:300], epochs=30, batch_size=20,
            rng=np.random.default_rng(seed), progress=False,
        )  # fmt: skip
        found.append(model)
    return found


with when_written():
    images = rest_x.astype("float32").reshape(-1, 8, 8)
    alone = [(model.forward(images).argmax(axis=1) == rest_y).mean() for model in ten_networks()]
    together = [
        [
            (Ensemble(rng.choice(ten_networks(), count, replace=False)).forward(images).argmax(axis=1) == rest_y).mean()
            for _ in range(12)
        ]
        for count in range(1, 11)
    ]
    ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")[1]
    ax.fill_between(range(1, 11), np.min(together, axis=1), np.max(together, axis=1), color="#9ecae1", lw=0)
    ax.plot(range(1, 11), np.mean(together, axis=1), color="#08519c", label="mean, least and greatest of 12 choices")
    ax.axhline(np.mean(alone), color="black", ls="--", lw=1, label="one network on average")
    ax.set(xlabel="models in the ensemble", ylabel="accuracy on unseen digits", xticks=range(1, 11))
    ax.legend(frameon=False, loc="lower right")
    plt.show()

# %% [markdown]
# ## 11.4 TestTimeAugmentation
#
# Ten models cost ten times the training. But one model can be asked several times as well: about the image, about the
# image shifted by a pixel to the left, to the right … These are several **views** of the same thing, the label is the same
# for all of them, and the model's errors are not quite the same. So average over views:
#
# $$ y = \frac{1}{V} \sum_{v=1}^{V} \mathrm{softmax}(z(\mathrm{view}_v(x))) $$
#
# Each view is made of the *original* $x$, not of the view before. Whether $x$ itself is among the views is up to the caller,
# who passes the function that changes nothing.
#
# *By hand:* a model with the scores $z(x) = (x, 0)$ for a single number $x$, and the views $x \mapsto x$, $x \mapsto -2x$. For
# $x = 1$: scores $(1, 0)$ and $(-2, 0)$, probabilities $(0.731, 0.269)$ and $(0.119, 0.881)$, mean $(0.425, 0.575)$.
#
# The views must be changes that leave the label as it is. A shifted digit is the same digit. A mirrored one is not: a 2
# becomes something that never occurs.
#
# > **Find the mistake.** One of the articles behind this course says of predictions that making them at test time lets a
# > network correct its mistakes and so become more accurate. What does happen to a network when it predicts?
# >
# > <details><summary>What is wrong</summary>Nothing happens to it: without labels there is no loss, no gradient, and no
# > weight moves. (Whoever did train on test data would no longer measure what the model does on unseen data.) What does
# > improve predictions at test time is on this page: the same weights, asked several times.</details>


# %%
class TestTimeAugmentation(Layer):
    """The mean of the probabilities that one model gives for several views of its input

    model: a layer whose forward(x) gives scores (batch, classes), for x of any shape (batch, …)
    views: functions that take x and return an array of its shape
    forward(x) returns probabilities (batch, classes).

    Source: Krizhevsky, Sutskever & Hinton, ImageNet Classification with Deep Convolutional Neural Networks (2012),
    section 4.1.
    """

    def __init__(self, model, views):
        self.model, self.views = model, list(views)

    def forward(self, x):
        ### BEGIN SOLUTION
        return sum(softmax(self.model.forward(view(x))) for view in self.views) / len(self.views)
        ### END SOLUTION


# %% [markdown] hints="TestTimeAugmentation"
# ### forward
# 1. Is the second view made of the input or of the first view? And what has a common scale for all views: scores, or
#    probabilities?
# 2. y = 1/V Σᵥ softmax(z(viewᵥ(x))), (N, C)
# 3. For each view: make it from x, compute the model's scores of it, and their probabilities. Return the mean of these.

# %%
check(TestTimeAugmentation)


# %% [markdown]
# Does it help? The first of the ten networks above, with views that are shifted by up to one pixel, beside views that are
# mirrored.


# %%
def shifted(down, right):
    """A view: images (batch, height, width) moved by some pixels, with zeros where nothing comes in; given"""

    def view(x):
        moved = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        return moved[:, 1 - down : 1 - down + x.shape[1], 1 - right : 1 - right + x.shape[2]]

    return view


with when_written():
    views = {
        "the image itself": [shifted(0, 0)],
        "and four shifted ones": [shifted(*by) for by in ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))],
        "and a mirrored one": [shifted(0, 0), lambda x: x[:, :, ::-1]],
    }
    for name, some in views.items():
        found = [
            (TestTimeAugmentation(model, some).forward(images).argmax(axis=1) == rest_y).mean()
            for model in ten_networks()
        ]
        print(f"{name:24} {np.mean(found):.3f}  (least {min(found):.3f}, greatest {max(found):.3f} of ten networks)")

# %% [markdown]
# On these small images a shift by one pixel is a large change, and a network that has never seen shifted digits gains nothing
# by such views. They help a network that was trained with shifts, and on images with more pixels. A mirror does harm. What
# helps has to be measured.
