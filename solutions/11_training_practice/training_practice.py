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
import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Layer, Parameter, array_module, plotting
from dlkit.course import earlier, when_written
from dlkit.datasets import digits, mnist

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
