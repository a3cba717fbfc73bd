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
# | Time | about 8 hours, with the bonus exercises 10 |
# | You will be able to | estimate an error with its spread; tell from a matrix which classes are confused; combine predictions; adapt a trained network to new data with a few numbers; search settings by a model of what is not yet tried; choose a learning rate from one curve; train in half precision without losing small gradients |
# | Builds on | `Linear`, `ReLU`, `Softmax` (02), `SoftmaxCrossEntropy` (03), `AdamW` (04), `Conv2d`, `MaxPool2d` (06) |
# | Next | learning from few or no labels (12), smaller and more robust networks (13) |
#
# | here | in PyTorch and elsewhere |
# |---|---|
# | `k_fold` | `sklearn.model_selection.StratifiedKFold(shuffle=True)` |
# | `confusion_matrix` | `sklearn.metrics.confusion_matrix`, `torchmetrics.ConfusionMatrix` |
# | `Ensemble`, `TestTimeAugmentation` | a loop over models, over views; `sklearn.ensemble.VotingClassifier(voting="soft")` |
# | `learning_rate_finder` | `Learner.lr_find` of fastai, `lightning.pytorch.tuner.Tuner.lr_find` |
# | `LossScaler` | `torch.amp.GradScaler` |
# | `fine_tune` | `requires_grad_(False)` for the body, features computed in advance |
# | `GridSearch`, `RandomSearch` | `sklearn.model_selection.ParameterGrid`, `ParameterSampler` with `scipy.stats.loguniform` |
# | `gaussian_process_posterior` | `sklearn.gaussian_process.GaussianProcessRegressor`, `gpytorch` |
# | `BayesianSearch` | `botorch`, `skopt.gp_minimize`, Optuna's `GPSampler` |
# | `LoRA`, `merged_weights` | `peft.LoraConfig` of Hugging Face, `merge_and_unload` |
# | `newton_schulz`, `Muon` | `torch.optim.Muon` |
# | `calibration_error` | `torchmetrics.CalibrationError` |
# | `roc_auc` | `sklearn.metrics.roc_auc_score` |
#
# **Further reading.** Goodfellow, Bengio & Courville, *Deep Learning* (2016), chapter 11, *Practical Methodology*.
# Karpathy, *A Recipe for Training Neural Networks* (2019). Garnett, *Bayesian Optimization* (2023), chapters 1 to 3
# and 7.
#
# **Exactness.** As in the other assignments: results may differ from the exact ones by 10⁻⁶ of the largest number (in
# float32 by 10⁻³). Code that draws random numbers draws them from `rng`; it may draw others than the author's.

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
from copy import deepcopy
from functools import cache

import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Layer, Optimizer, Parameter, array_module, plotting, to_numpy, zeros
from dlkit.course import earlier, when_written
from dlkit.datasets import digits, mnist
from dlkit.search import BRANIN, FORRESTER, QUADRATIC, Range, Search, erf, minimize, to_units
from dlkit.training import accuracy, fit, predict


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
# The last point has a trap. With 3 folds and 10 classes of 4 rows, every class has one row too many. If each class is
# dealt beginning with the first fold, that fold gets 20 rows and the others get 10. So do not begin anew for each
# class: where one class ends, the next continues.
#
# *By hand:* the labels `a a b b b a a` and $k = 3$. Shuffled within the classes, for example rows 5 0 6 1 for a and
# rows 3 4 2 for b; dealt one after the other: 5→1, 0→2, 6→3, 1→1, 3→2, 4→3, 2→1. The folds are {5, 1, 2}, {0, 3} and
# {6, 4}: a 2 1 1, b 1 1 1, in all 3 2 2.
#
# It works with indices, which choose rows of any kind of data in CPU memory, so it runs there on every machine.

# %%
def k_fold(labels, k, *, rng):
    """Deal rows into k folds, each class evenly; a list of k pairs (train, test) of arrays of row indices

    Shapes
        labels  (rows,), any integers, also negative      train, test  together every row once, in any order
    Every row is in one test.  The numbers of rows of a class in two tests differ by at most 1, and so do the sizes of
    two tests.  Which rows of a class come together is drawn.      k: 2 or more, at most the number of rows

    Source: Stone, Cross-Validatory Choice and Assessment of Statistical Predictions (1974); Kohavi, A Study of
    Cross-Validation and Bootstrap for Accuracy Estimation and Model Selection (1995).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(k_fold)


# %% [markdown]
# How large is the spread? Below, softmax regression learns the digits from 300 rows, in three ways of measuring: one
# test set of 60 rows, repeatedly drawn; 5-fold cross-validation, also with redrawn folds; and for comparison the
# accuracy on all other 1,400 rows, which one would not have in practice.

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


data = digits(np.random.default_rng(2))
x, y = data.x_train[:300], data.y_train[:300]
rest_x, rest_y = np.concatenate([data.x_train[300:], data.x_test]), np.concatenate([data.y_train[300:], data.y_test])
images = rest_x.astype("float32").reshape(-1, 8, 8)

with when_written():
    rng = np.random.default_rng(1)
    of_folds = [[accuracy_on(*fold, x, y) for fold in k_fold(y, 5, rng=rng)] for _ in range(8)]
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
# Single folds differ by ten percent, their means by two. But the means of folds that are dealt anew agree *too* well:
# all of them are about the same 300 rows, and with 300 others they would be elsewhere. The dashed line is not in the
# middle.

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
    A class may have no row, and there may be none at all.  Counts are correct however few bits the labels have.

    Source: Townsend, Theoretical Analysis of an Alphabetic Confusion Matrix (1971).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(confusion_matrix)

# %%
with when_written():
    scores = regression_scores(x, y, rest_x)
    plotting.confusion_matrix(confusion_matrix(rest_y, scores.argmax(axis=1), 10))
    plt.show()


# %% [markdown]
# The eight is the difficult one: look along its row and along its column. A list of the most frequent pairs of errors
# is often the best advice on what data to collect next.

# %% [markdown]
# ## 11.3 Ensemble
#
# Train the same network five times, with other first weights and another order of the rows, and you get five models
# that are about equally good but make *different* errors. Their mean is better than each of them: what is peculiar to
# one is outvoted by the others.
#
# What is averaged are **probabilities**, after the softmax:
#
# $$ y = \frac{1}{M} \sum_{m=1}^{M} \mathrm{softmax}(z_m(x)) $$
#
# not the scores $z_m$. Scores have no common scale: a model whose scores are ten times as large would decide alone.
# (The mean of scores, after a softmax, is the geometric mean of the probabilities, normalized. Then one model that is
# sure that a class is impossible has a veto.)
#
# *By hand:* two classes, two models with the scores $(4, 0)$ and $(0, 1)$. Probabilities $(0.982, 0.018)$ and $(0.269,
# 0.731)$, mean $(0.625, 0.375)$. The mean of the scores is $(2, 0.5)$, with the softmax $(0.818, 0.182)$.
#
# `softmax` is given here; the constructor is given too. An ensemble is a layer, so `ensemble.eval()` reaches all
# models.

# %%
def softmax(scores):
    """Probabilities of scores (batch, classes), for scores of any size; given"""
    e = array_module(scores).exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class Ensemble(Layer):
    """The mean of the probabilities that several models give

    models: layers whose forward(x) gives scores (batch, classes), for x of any shape (batch, …)
    forward(x) returns probabilities (batch, classes).  What the models return is not written to: it is theirs.  They
    compute in the mode that each is in (training or evaluation), and stay in it.

    Source: Hansen & Salamon, Neural Network Ensembles (1990); Lakshminarayanan, Pritzel & Blundell, Simple and Scalable
    Predictive Uncertainty Estimation using Deep Ensembles (2017), section 2.4.
    """

    def __init__(self, models):
        self.models = list(models)

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(Ensemble)

# %% [markdown]
# How much do more models help? Below ten small networks learn 150 digits; then ensembles of one to ten of them are
# tested on the others. The first few models help most. The errors that all of them make are left.

# %%
Flatten, Linear, ReLU = earlier("layers.Flatten"), earlier("layers.Linear"), earlier("layers.ReLU")
Sequential, SoftmaxCrossEntropy = earlier("layers.Sequential"), earlier("losses.SoftmaxCrossEntropy")
AdamW = earlier("optimizers.AdamW")


def small_network(rng):
    """A network with two narrow hidden layers for digits (batch, 8, 8), in float32; given"""
    hidden = [Linear(64, 16, rng=rng), ReLU(), Linear(16, 16, rng=rng), ReLU()]
    model = Sequential([Flatten(), *hidden, Linear(16, 10, rng=rng)])
    model.astype("float32")
    return model


@cache
def ten_networks():
    """Ten networks trained on 150 digits each; given"""
    found, data = [], digits(np.random.default_rng(2))
    x, y = data.x_train[:150].astype("float32").reshape(-1, 8, 8), data.y_train[:150]
    for seed in range(10):
        rng = np.random.default_rng(seed)
        model = small_network(rng)
        optimizer = AdamW(model.parameters(), 0.01)
        fit(model, SoftmaxCrossEntropy(), optimizer, x, y, epochs=80, batch_size=20, rng=rng, progress=False)
        found.append(model)
    return found


with when_written():
    rng = np.random.default_rng(0)
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
# image shifted by a pixel to the left, to the right … These are several **views** of the same thing, the label is the
# same for all of them, and the model's errors are not quite the same. So average over views:
#
# $$ y = \frac{1}{V} \sum_{v=1}^{V} \mathrm{softmax}(z(\mathrm{view}_v(x))) $$
#
# Each view is made of the *original* $x$, not of the view before. Whether $x$ itself is among the views is up to the
# caller, who passes the function that changes nothing.
#
# *By hand:* a model with the scores $z(x) = (x, 0)$ for a single number $x$, and the views $x \mapsto x$,
# $x \mapsto -2x$. For $x = 1$: scores $(1, 0)$ and $(-2, 0)$, probabilities $(0.731, 0.269)$ and $(0.119, 0.881)$,
# mean $(0.425, 0.575)$.
#
# The views must be changes that leave the label as it is. A shifted digit is the same digit. A mirrored one is not: a 2
# becomes something that never occurs.
#
# > **Find the mistake.** One of the articles behind this course says of predictions that making them at test time lets
# > a network correct its mistakes and so become more accurate. What does happen to a network when it predicts?
# >
# > <details><summary>What is wrong</summary>Nothing happens to it: without labels there is no loss, no gradient, and no
# > weight moves. (Whoever did train on test data would no longer measure what the model does on unseen data.) What does
# > improve predictions at test time is on this page: the same weights, asked several times.</details>

# %%
class TestTimeAugmentation(Layer):
    """The mean of the probabilities that one model gives for several views of its input

    model: a layer whose forward(x) gives scores (batch, classes), for x of any shape (batch, …)
    views: functions that take x and return an array of its shape
    forward(x) asks the model about one view after the other and returns probabilities (batch, classes).  What the model
    returns is not written to.  It computes in the mode that it is in, and stays in it.

    Source: Krizhevsky, Sutskever & Hinton, ImageNet Classification with Deep Convolutional Neural Networks (2012),
    section 4.1.
    """

    def __init__(self, model, views):
        self.model, self.views = model, list(views)

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(TestTimeAugmentation)


# %% [markdown]
# Does it help? The first of the ten networks above, with views that are shifted by up to one pixel, beside views that
# are mirrored.

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
# On these small images a shift by one pixel is a large change, and a network that has never seen shifted digits loses
# by such views. They help a network that was trained with shifts, and on images with more pixels. A mirror does harm.
# What helps has to be measured.

# %% [markdown]
# ## 11.5 fine_tune
#
# A network that reads handwritten digits has learned two things: in its first layers to see strokes, corners and
# loops, in its last layer to tell ten digits from them. Strokes are useful for other tasks too. So if there are few
# data for a new task, do not begin with random weights: take a network that was trained on much data of a similar
# kind, keep its first layers, and train the last ones on the new data. This is **fine-tuning**.
#
# Split the network in two:
#
# ```
#   x (rows, …) ──► body ──► features (rows, f) ──► head ──► scores (rows, classes) ──► loss
#                   frozen: weights stay            trained by the optimizer
#                   ◄── no gradient comes here ──   ◄─────────────────────────────────
# ```
#
# - The **body** is frozen: its weights stay, and no gradient is needed for them. So the backward pass ends in front of
#   it.
# - It is in evaluation mode: dropout in it would only make its features noisy, and batch normalization would replace
#   what it knows about much data by the statistics of your few rows. The head is in training mode.
# - Because the body does not change, its features of a row are the same in every epoch. **Compute them once**, for all
#   rows, before the first epoch; then each epoch costs no more than the head. This is graded as speed.
#
# The order of the rows is drawn as everywhere: at the beginning of each epoch one `rng.permutation(len(x))`, which is
# then cut into batches of `size` rows; the last one may be smaller. (It is drawn in CPU memory: `asarray` of the
# features' library moves it to where they are.)
#
# *By hand:* a body that doubles its input, a head $y = w f$ with $w = 1$, a single row $x = 1$ with the target 3, the
# loss $(y - 3)^2$, plain descent with the rate 0.1. The feature is 2. Epoch 1: $y = 2$, loss 1, $dy = -2$, $dw = -4$,
# $w = 1.4$. Epoch 2: $y = 2.8$, loss 0.04, $dw = 2 \cdot 2 \cdot (-0.2) = -0.8$, $w = 1.48$. The losses returned are
# $[1, 0.04]$.

# %%
def fine_tune(x, y, *, body, head, loss, optimizer, epochs, size, rng):
    """Train the head of a network on new data, its body frozen; a list with the loss of every batch, in order

    Shapes
        x  (rows, …)      y  (rows, …)      size  rows of a batch, 1 or more; the last of an epoch may have fewer
    body, head: layers; scores = head(body(x)).  optimizer: of the head's parameters.
    The body is in evaluation mode, and neither it nor its gradients change; the head is in training mode.  Gradients of
    the head that were there before do not count.  Every epoch takes the rows in the order rng.permutation(rows).  The
    head may draw: its forward runs once for each batch.

    Source: Yosinski, Clune, Bengio & Lipson, How Transferable are Features in Deep Neural Networks? (2014).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(fine_tune)


# %% [markdown]
# ## 11.6 LoRA
#
# Fine-tuning changes whole matrices, and for every task a copy of the whole network has to be stored. **Low-rank
# adaptation** leaves a trained matrix $W$ as it is and learns only what is to be *added*, as a product of two thin
# matrices:
#
# $$ y = x W + b + \frac{\alpha}{r}\, x A B $$
#
# ```
#   x (batch, in) ──► W (in, out), frozen ──────────────────────────► + ──► y (batch, out)
#        └──────────► A (in, r) ──► h (batch, r) ──► B (r, out) ──► · α/r ──┘
# ```
#
# $AB$ has the shape of $W$ and at most the rank $r$. For in = out = 1,000 and $r = 4$ that is 8,000 numbers in place
# of a million.
#
# **The beginning.** $A$ is random and $B$ is zero: then $AB = 0$, and training begins exactly with the trained
# network. (If both were zero, both gradients would be zero, and nothing would ever be learned. See below.) The
# variance of $A$ is $1 / \text{in}$, so that $h = x A$ is of the size of $x$. The constant $\alpha / r$ makes the
# learning rate that is good for one rank about right for others.
#
# **The backward pass.** Let $s = \alpha / r$ and $h = x A$. The path through $W$ gives $dx = dy\,W^\top$ as in every
# linear layer, but no $dW$: it is frozen. The other path is two linear layers, one after the other, with the upstream
# gradient $s\,dy$:
#
# $$ dB = h^\top (s\,dy), \qquad dh = (s\,dy)\, B^\top, \qquad dA = x^\top dh, \qquad
#    dx = dy\, W^\top + dh\, A^\top $$
#
# At the beginning $B = 0$, so $dh = 0$ and $dA = 0$: in the first step only $B$ moves. With $A = 0$ as well, $h = 0$
# and $dB = 0$ too.
#
# $W$ and $b$ are arrays here, not `Parameter`s: `parameters()` does not find them, so no optimizer can move them.
#
# *By hand:* $x = (1\;\;2)$, $W = \begin{pmatrix} 1 \\ 1 \end{pmatrix}$, $b = 0$, $r = 1$, $\alpha = 2$,
# $A = \begin{pmatrix} 1 \\ 0 \end{pmatrix}$, $B = (3)$. $h = 1$, $y = 3 + 2 \cdot 1 \cdot 3 = 9$. With $dy = 1$:
# $dB = 1 \cdot 2 = 2$, $dh = 2 \cdot 3 = 6$, $dA = \begin{pmatrix} 6 \\ 12 \end{pmatrix}$,
# $dx = (1\;\;1) + 6 \cdot (1\;\;0) = (7\;\;1)$.

# %%
class LoRA(Layer):
    """A trained affine map with a trainable addition of low rank:  y = x W + b + alpha / rank · (x A) B

    Shapes
        x  (batch, …, in_features)      y  (batch, …, out_features)
        W  (in_features, out_features)  and  b  (out_features,): arrays, which stay as they are
        A  (in_features, rank)  and  B  (rank, out_features): parameters, in the dtype of W or in float64

    Source: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models (2022), section 4.1.
    """

    def __init__(self, W, b, rank, alpha, *, rng):
        self.W, self.b, self.scale = W, b, alpha / rank
        A, B = self.first_factors(rank, rng)
        self.A, self.B = Parameter(A), Parameter(B)

    def first_factors(self, rank, rng):
        """A (in_features, rank), independent random numbers with mean 0 and variance 1 / in_features, and B, zeros"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(LoRA)


# %% [markdown]
# ## 11.7 merged_weights
#
# After training, the two paths are one matrix:
#
# $$ W' = W + \frac{\alpha}{r} A B, \qquad x W' + b = x W + b + \frac{\alpha}{r} x A B $$
#
# So an adapted network is as fast as the trained one was, and a task is stored as $A$ and $B$ alone: subtract the
# product again and you have $W$ back.
#
# *By hand:* with the numbers above
# $W' = \begin{pmatrix} 1 \\ 1 \end{pmatrix} + 2 \begin{pmatrix} 3 \\ 0 \end{pmatrix} = \begin{pmatrix} 7 \\ 1 \end{pmatrix}$,
# and $x W' = 9$, as before.

# %%
def merged_weights(W, A, B, alpha):
    """The one matrix that does what W and an addition of low rank do:  W + alpha / rank · A B, a new array

    Shapes
        W, result  (in_features, out_features)      A  (in_features, rank)      B  (rank, out_features)
    rank may be any number, also a large one; A and B may be zero, and alpha too.

    Source: Hu et al., LoRA (2022), section 4.1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(merged_weights)


# %% [markdown]
# How few numbers are enough? In the capstone below `LoRA` is one of the ways to adapt a network to ten images.

# %% [markdown]
# ## 11.8 Searching settings: to_settings
#
# Learning rate, width, weight decay: no gradient tells how to change them, and each trial costs a whole training. The
# rest of this part is about spending 25 trials well. Three searches are compared with equal budget: a grid, random
# points, and a model of the function.
#
# `Range(low, high, log)` of `dlkit.search` describes one setting. All three searches work in **units**, numbers from 0
# to 1, and translate them at the end. Learning rates are spread over powers of ten: from 0.00001 to 1, a tenth of all
# trials should fall between 0.00001 and 0.00003, and not nine tenths between 0.1 and 1. So such a range is divided
# evenly by its *logarithm*:
#
# $$ \text{linear: } \; \text{low} + u\,(\text{high} - \text{low}), \qquad
#    \text{log: } \; \text{low} \cdot (\text{high} / \text{low})^u $$
#
# *By hand:* $u = 0.5$ in the range from 0.0001 to 1 is 0.50005 in a linear range and $0.0001 \cdot 10000^{0.5} = 0.01$
# in a logarithmic one.
#
# Settings are few numbers that a program in CPU memory chooses, so everything up to 11.15 runs there on every machine.

# %%
def to_settings(units, space):
    """Settings (…, settings) for units (…, settings) from 0 to 1; by logarithm where a range says so

    space: a Range for every setting, with low, high and log, in the order of the last axis; whatever the type of its
    ends, settings are floats and never rounded
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(to_settings)


# %% [markdown]
# ## 11.9 GridSearch
#
# The oldest way: some values of each setting, all combinations. With 5 values of 2 settings these are 25 trials, of 3
# settings already 125.
#
# The values are evenly spaced in units and contain both ends of the range: $u = 0, \frac{1}{n-1}, \ldots, 1$. A
# setting with a single value has it in the middle, $u = \frac12$. The last setting changes fastest:
#
# ```
#   counts (2, 3)      units   0 0    0 ½    0 1    1 0    1 ½    1 1        (6, 2)
# ```
#
# *By hand:* one range from 1 to 100 with a logarithm and 3 values, one from 0 to 4 with 1 value:
# $(1, 2), (10, 2), (100, 2)$.
#
# `ask`, and `tell` of the base class `Search`, are given.

# %%
class GridSearch(Search):
    """All combinations of evenly spaced values

    space: a Range for every setting      counts: of each, how many values it takes, 1 or more
    """

    def __init__(self, space, counts):
        super().__init__(space)
        self.counts = list(counts)

    def points(self):
        """All settings (product of the counts, settings), the last one changing fastest; both ends of each range"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def ask(self):
        """The setting that has no value yet, in the order of points; given"""
        return self.points()[len(self.values)]


# %%
check(GridSearch)


# %% [markdown]
# ## 11.10 RandomSearch
#
# Draw every setting by itself, evenly in units. That sounds worse than a grid and is often better. Of several settings
# usually only one or two matter, and nobody knows in advance which. A grid of 5 × 5 tries only *five* values of the
# setting that matters, each five times; 25 random points try 25 values of it.
#
# *By hand:* draws $u = (0.25, 0.5)$ for a range from 1 to 16 with a logarithm and one from 0 to 4:
# $(16^{0.25}, 2) = (2, 2)$.

# %%
class RandomSearch(Search):
    """Independent settings, uniform in units: by value, or by logarithm where a range says so

    space: a Range for every setting      rng: a numpy.random.Generator

    Source: Bergstra & Bengio, Random Search for Hyper-Parameter Optimization (2012).
    """

    def __init__(self, space, *, rng):
        super().__init__(space)
        self.rng = rng

    def ask(self):
        """A new setting (settings,)"""
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(RandomSearch)


# %% [markdown]
# ## 11.11 rbf_kernel
#
# Grid and random points learn nothing from what they have seen. If a learning rate of 0.1 was terrible, 0.11 will be
# too. To use that, assume that the unknown function is **smooth**: values at near points are similar. A **Gaussian
# process** makes this a probability distribution. The values at any points are normally distributed with mean 0, and
# the covariance of two of them depends on their distance, here by the RBF kernel
#
# $$ k(a, b) = \exp\!\left( -\frac{\lVert a - b \rVert^2}{2 \ell^2} \right) $$
#
# 1 for equal points, near 0 for points much farther apart than the **length** $\ell$.
#
# *By hand:* the points $(0, 0)$ and $(1, 1)$ with the length 1: the squared distance is 2, so $k = e^{-1} = 0.368$.
# With the length 2 it is $e^{-1/4} = 0.779$.

# %%
def rbf_kernel(a, b, length):
    """Covariances (n, m) of the values at points a (n, d) and b (m, d):  exp(−‖a − b‖² / (2 length²))

    They have the dtype of a and b: float32 stays float32.  Points may lie much farther from the origin than from each
    other.

    Source: Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), equation 2.31.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(rbf_kernel)


# %% [markdown]
# ## 11.12 gaussian_process_posterior
#
# **What follows from observations.** Let $y_1 \ldots y_n$ be values that were measured at $x_1 \ldots x_n$, with a
# noise of variance $\nu$, and $f$ the value at a new point $x_*$. Together they are normal:
#
# $$ \begin{pmatrix} y \\ f \end{pmatrix} \sim N\!\left( 0, \begin{pmatrix} K & k_* \\ k_*^\top & 1 \end{pmatrix} \right),
#    \qquad K_{ij} = k(x_i, x_j) + \nu\,[i = j], \qquad (k_*)_i = k(x_i, x_*) $$
#
# Which part of $f$ do the observations explain? Look for weights $a$ such that $f - a^\top y$ is uncorrelated with $y$:
# $\operatorname{Cov}(y, f - a^\top y) = k_* - K a = 0$, so $a = K^{-1} k_*$. For normal variables uncorrelated means
# independent; what is left of $f$ has mean 0 and the variance $1 - k_*^\top a$, whatever $y$ is. So
#
# $$ \mu = k_*^\top K^{-1} y, \qquad \sigma^2 = 1 - k_*^\top K^{-1} k_* $$
#
# **By Cholesky.** $K$ is symmetric and positive definite, and points that lie close together make it nearly singular:
# an inverse would be inaccurate. Decompose $K = L L^\top$ with a triangular $L$ (`np.linalg.cholesky`), and solve
# $L v = k_*$ and $L w = y$. Then
#
# $$ \mu = v^\top w, \qquad \sigma^2 = 1 - v^\top v $$
#
# Rounding errors can make $\sigma^2$ slightly negative where it is zero: take 0 there, or the root is NaN.
#
# ```
#   x (n, d) ──► K (n, n) = L Lᵀ ──► w = L⁻¹ y (n,)  ─┐
#      └── with at (m, d) ──► k (n, m) ──► V = L⁻¹ k (n, m) ──► mean = Vᵀ w (m,),  sd = √(1 − column sums of V²) (m,)
# ```
#
# *By hand:* one observation $y = 1$ at $x = 0$, $\ell = 1$, no noise; new points 0 and 1. $K = 1$, $k = (1, 0.607)$,
# so the means are $(1, 0.607)$, and the standard deviations $(0, \sqrt{1 - 0.368}) = (0, 0.795)$. With noise of
# variance 1: $K = 2$, $L = 1.414$, $v = (0.707, 0.429)$, $w = 0.707$: means $(0.5, 0.303)$, deviations
# $(0.707, 0.903)$.

# %%
def gaussian_process_posterior(x, y, at, *, length, noise):
    """What observations y at points x say about the function at other points: mean and standard deviation, a pair

    Shapes
        x  (n, d)      y  (n,)      at  (m, d)      mean, sd  (m,)
    length: of the RBF kernel      noise: variance of the observations' noise, 0 or more; it is not part of the sd.
    Where the function is known exactly, sd is 0 (never NaN).  Both have the dtype of x: float32 stays float32.

    Source: Rasmussen & Williams (2006), algorithm 2.1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(gaussian_process_posterior)

# %% [markdown]
# Below: Forrester's function, five observations, and what the process concludes. The band is two standard deviations
# wide on both sides. Where nothing was observed it is as wide as before all observations. A length that is too short
# believes nothing between the points, one that is too long is sure of what is not so.

# %%
with when_written():
    line = np.linspace(0, 1, 300)
    truth = np.array([FORRESTER.function(np.array([u])) for u in line])
    shown = np.array([0.05, 0.3, 0.5, 0.65, 0.95])
    heights = np.array([FORRESTER.function(np.array([u])) for u in shown])
    figure, axes = plt.subplots(1, 3, figsize=(11, 3), sharey=True, layout="constrained")
    for ax, length in zip(axes, (0.03, 0.15, 0.8), strict=True):
        scaled = (heights - heights.mean()) / heights.std()
        mean, sd = gaussian_process_posterior(shown[:, None], scaled, line[:, None], length=length, noise=1e-4)
        mean, sd = heights.mean() + heights.std() * mean, heights.std() * sd
        ax.fill_between(line, mean - 2 * sd, mean + 2 * sd, color="#deebf7", lw=0)
        ax.plot(line, truth, "k--", lw=1, label="the function")
        ax.plot(line, mean, color="#08519c", label="mean")
        ax.plot(shown, heights, "o", color="black", ms=4)
        ax.set(title=f"length {length}", xlabel="unit")
    axes[0].legend(frameon=False)
    plt.show()


# %% [markdown]
# ## 11.13 log_marginal_likelihood
#
# Which length is right? That too can be computed: how probable are the observed values, if the length is $\ell$? They
# are normal with mean 0 and the covariance $K$, so the logarithm of their density is
#
# $$ \log p(y) = -\tfrac12\, y^\top K^{-1} y - \tfrac12 \log\det K - \tfrac{n}{2} \log 2\pi $$
#
# The first term rewards lengths that fit the data, the second, which needs no data, prefers long ones: a short length
# could explain anything. With $w = L^{-1} y$ the first is $-\frac12 w^\top w$; and $\det K = (\det L)^2$ is the square
# of the product of the diagonal of $L$, so the second is $-\sum_i \log L_{ii}$. (Compute it so: the determinant itself
# would be smaller than the smallest float already for some hundred points.)
#
# *By hand:* one observation $y = 1$ without noise: $K = 1$, $-\frac12 - 0 - 0.919 = -1.419$. With noise 1: $K = 2$,
# $-0.25 - 0.347 - 0.919 = -1.516$.

# %%
def log_marginal_likelihood(x, y, *, length, noise):
    """The logarithm of the density of values y (n,) observed at points x (n, d), for this length and noise; a number

    Source: Rasmussen & Williams (2006), equation 2.30.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(log_marginal_likelihood)


# %% [markdown]
# ## 11.14 expected_improvement
#
# Where should the next trial be? Where the mean is lowest (a bit better than the best so far, certainly), or where
# little is known (perhaps much better)? The **expected improvement** weighs both. If the best value so far is $f^*$, a
# trial at a point with the value $f$ improves it by $\max(f^* - f, 0)$. The process says that
# $f \sim N(\mu, \sigma^2)$, so the expectation is, with $f = \mu + \sigma t$ and $z = (f^* - \mu) / \sigma$,
#
# $$ \mathrm{EI} = \int_{-\infty}^{z} (f^* - \mu - \sigma t)\, \varphi(t)\, dt = (f^* - \mu)\, \Phi(z) + \sigma\, \varphi(z) $$
#
# because $\int_{-\infty}^{z} -t\,\varphi(t)\, dt = \varphi(z)$. Here $\varphi(t) = e^{-t^2 / 2} / \sqrt{2\pi}$ is the
# density of the standard normal distribution and $\Phi(z) = \frac12 (1 + \mathrm{erf}(z / \sqrt 2))$ its cumulative
# distribution; `erf` is given, from `dlkit.search`.
#
# Where $\sigma = 0$, the point was tried already and there is nothing to expect: 0.
#
# *By hand:* $\mu = 0.607$, $\sigma = 0.795$, $f^* = 0.5$: $z = -0.134$, $\Phi = 0.447$, $\varphi = 0.395$, so
# $\mathrm{EI} = -0.107 \cdot 0.447 + 0.795 \cdot 0.395 = 0.267$. With $\sigma = 0.1$ it is only $0.007$.

# %%
def expected_improvement(mean, sd, best):
    """How far the values at some points are expected to fall below the best one; 0 where sd is 0

    Shapes
        mean, sd, result  (m,), sd 0 or more      best  a number, the smallest value so far

    Source: Jones, Schonlau & Welch, Efficient Global Optimization of Expensive Black-Box Functions (1998), equation 15.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(expected_improvement)


# %% [markdown]
# ## 11.15 BayesianSearch
#
# Now put it together. `ask` proposes the next setting:
#
# 1. As long as fewer than `initial` values were reported by `tell`, draw a setting as in random search.
# 2. After that, translate the reported settings to units (`to_units` of `dlkit.search`), and standardize their values:
#    subtract the mean and divide by the standard deviation (or by 1, if it is 0), since the process assumes mean 0 and
#    variance 1.
# 3. Of all pairs of a length in `self.lengths` and a noise in `self.noises` take the one with the greatest marginal
#    likelihood.
# 4. `self.candidates(x, y)` is given: 400 units drawn evenly, and 100 near the best one. Take the candidate with the
#    greatest expected improvement over the smallest value so far, and translate it to a setting.
#
# The search minimizes. What counts is what was *reported*, whether it was asked for or not.

# %%
class BayesianSearch(Search):
    """The setting whose expected improvement by a Gaussian process of all reported values is greatest; minimizes

    space: a Range for every setting      initial: how many values are reported before the process is used
    lengths, noises: of the process, in units and for standardized values; the likeliest pair is taken anew at each ask

    Source: Snoek, Larochelle & Adams, Practical Bayesian Optimization of Machine Learning Algorithms (2012).
    """

    def __init__(self, space, *, initial=5, lengths=(0.1, 0.2, 0.4, 0.8), noises=(1e-4, 1e-2), rng):
        super().__init__(space)
        self.initial, self.lengths, self.noises, self.rng = initial, lengths, noises, rng

    def candidates(self, x, y):
        """Units (500, settings) among which to choose, some of them near the best of x (n, settings); given"""
        everywhere = self.rng.random((400, len(self.space)))
        near = x[y.argmin()] + self.rng.normal(0, 0.05, (100, len(self.space)))
        return np.concatenate([everywhere, np.clip(near, 0, 1)])

    def ask(self):
        """The next setting (settings,)"""
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(BayesianSearch)


# %% [markdown]
# Three functions whose minimum is known, 25 trials for each search, 20 seeds (the grid has none). The lines are
# medians, the bands contain the middle half of the seeds.

# %%
def made_searches(space, seeds):
    """The searches of each kind with 25 trials in one or two settings, one for every seed; the grid has none; given"""
    drawn = [np.random.default_rng(seed) for seed in range(seeds)]
    return {
        "grid": [GridSearch(space, [25] if len(space) == 1 else [5, 5])],
        "random": [RandomSearch(space, rng=rng) for rng in drawn],
        "Bayesian": [BayesianSearch(space, rng=rng) for rng in drawn],
    }


with when_written():
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
    for ax, problem in zip(axes, (FORRESTER, BRANIN, QUADRATIC), strict=True):
        left = {
            name: np.array([minimize(problem.function, search, 25) for search in some]) - problem.minimum
            for name, some in made_searches(problem.space, 20).items()
        }
        plotting.searches({name: np.maximum(runs, 1e-6) for name, runs in left.items()}, ax=ax)
        ax.set_title(problem.name)
    plt.show()

# %% [markdown]
# And on something real: the learning rate and the weight decay of a network on 300 digits, judged by the loss on 300
# others after ten epochs. (As the loss is sometimes enormous, the search gets its logarithm.) In the median Bayesian
# search ends ahead of the two others, but only by some tenths, and in single seeds random search wins: the loss is a
# noisy function of its settings, and 25 trials are few. The last step of a search, the choice of the best of 25 losses
# on the *same* 300 digits, is optimistic: measure the winner on data that no trial has seen.

# %%
RATE_AND_DECAY = [Range(1e-4, 1, log=True), Range(1e-5, 10, log=True)]


def log_loss_of(setting):
    """The logarithm of the loss on 300 digits after ten epochs on 300 others; given"""
    data, rng, loss = digits(np.random.default_rng(0)), np.random.default_rng(1), SoftmaxCrossEntropy()
    x, y = data.x_train.astype("float32"), data.y_train
    model = small_network(rng)
    rate, decay = (float(number) for number in setting)
    optimizer = AdamW(model.parameters(), rate, weight_decay=decay)
    with np.errstate(all="ignore"):
        fit(model, loss, optimizer, x[:300], y[:300], epochs=10, batch_size=30, rng=rng, progress=False)
        reached = float(loss.forward(model.forward(x[300:600]), y[300:600]))
    return np.log(min(reached, 100.0)) if np.isfinite(reached) else np.log(100.0)


with when_written():
    searches = made_searches(RATE_AND_DECAY, 6)
    losses = {name: np.exp([minimize(log_loss_of, one, 25) for one in some]) for name, some in searches.items()}
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
    plotting.searches(losses, ax=left)
    left.set_ylabel("best validation loss so far")
    for (name, some), colour in zip(searches.items(), plotting.COLOURS, strict=False):
        right.plot(*np.array(some[0].settings).T, "o", ms=5, color=colour, label=name)
    right.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="weight decay", title="25 trials of one seed")
    right.legend(frameon=False)
    plt.show()


# %% [markdown]
# ## 11.16 learning_rate_finder
#
# One setting is more important than all others, the learning rate, and there is a trick to find it in a *single* short
# run: let it grow from much too small to much too large, a little in each batch, and watch the loss. First nothing
# happens, then the loss falls, then it explodes. A good rate lies where it falls fastest, some way before the minimum.
#
# Each batch, in the order of the rows, is one step. With $K$ batches the rates are in even ratios
#
# $$ \eta_k = \text{lowest} \cdot (\text{highest} / \text{lowest})^{k / (K - 1)}, \qquad k = 0 \ldots K - 1 $$
#
# (only $\eta_0 = $ lowest, if there is a single batch). Losses of single batches are noisy, so smooth them, with the
# same correction of the beginning as in Adam:
#
# $$ m_k = \beta\, m_{k-1} + (1 - \beta)\, \ell_k, \qquad s_k = m_k / (1 - \beta^{k+1}), \qquad m_{-1} = 0 $$
#
# where $\ell_k$ is the loss of batch $k$ *before* the step with $\eta_k$. As soon as $s_k$ is more than `stop` times
# the smallest one before, or is not a finite number, end: neither this loss nor this step counts.
#
# At the end **nothing has changed**: the parameters are those from before, and so is the optimizer's learning rate.
# The run was a measurement. (Only an optimizer with a memory, such as Adam, must be made anew for the training.)
#
# *By hand:* losses 4, 2, 9 with $\beta = 0.5$, stop = 2. $m = 2, 2, 5.5$, divided by $0.5, 0.75, 0.875$:
# $s = 4, 2.667, 6.286$. The third is more than $2 \cdot 2.667$, so the result has two rates and the losses
# $(4, 2.667)$.
#
# Whether to end is decided in CPU memory, so there the loss has to go, once per batch: `float(to_numpy(loss))`.

# %%
def learning_rate_finder(x, y, *, model, loss, optimizer, size, lowest=1e-6, highest=1.0, beta=0.9, stop=4.0):
    """Train with a growing learning rate; a pair of lists (rates, smoothed losses) of the steps taken, Python floats

    Shapes
        x, y  (rows, …), taken in batches of size rows, in their order; the last may have fewer
    The rates go in even ratios from lowest, of the first batch, to highest, of the last.  Ends before a step whose
    smoothed loss is above stop times the smallest before, or not finite.  Gradients from before do not count.
    Afterwards parameters and optimizer.lr are as before (gradients need not be).  The model may draw: one forward for
    each batch, in the mode that it is in.

    Source: Smith, Cyclical Learning Rates for Training Neural Networks (2017), section 3.3; smoothed as in fastai.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(learning_rate_finder)

# %% [markdown]
# The curve for a network on 1,000 digits, and what becomes of three rates in training: one from the beginning of the
# slope, one a tenth of that with the lowest loss, and one from beyond it.

# %%
with when_written():
    data, loss = digits(np.random.default_rng(0)), SoftmaxCrossEntropy()
    x, y = data.x_train[:1000].astype("float32"), data.y_train[:1000]
    model = small_network(np.random.default_rng(0))
    finding = {"loss": loss, "size": 10, "lowest": 1e-5, "highest": 10.0}
    rates, found = learning_rate_finder(x, y, model=model, optimizer=AdamW(model.parameters(), 1.0), **finding)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
    left.plot(rates, found, color="black")
    left.set(xscale="log", xlabel="learning rate", ylabel="smoothed loss")
    lowest = rates[int(np.argmin(found))]
    for rate, colour in zip((lowest / 300, lowest / 10, 10 * lowest), plotting.COLOURS, strict=False):
        model = small_network(np.random.default_rng(0))
        optimizer = AdamW(model.parameters(), rate)
        rng = np.random.default_rng(0)
        history = fit(model, loss, optimizer, x, y, epochs=8, batch_size=20, rng=rng, progress=False)
        left.axvline(rate, color=colour, lw=1.5)
        right.plot(range(1, len(history.loss) + 1), history.loss, color=colour, label=f"rate {rate:.1g}")
    right.set(xlabel="epoch", ylabel="training loss")
    right.legend(frameon=False)
    plt.show()


# %% [markdown]
# ## 11.17 LossScaler
#
# Half precision (float16) takes half of the memory and on a GPU a fraction of the time. It has ten bits after the
# point, which is enough for activations. But its range is small: numbers above 65,504 become infinite, and numbers
# below $2^{-24} \approx 6 \cdot 10^{-8}$ become **zero**. Gradients are often that small.
#
# The remedy: multiply the gradient at the loss by a large **scale**. Backpropagation is linear, so all gradients
# become larger by the same factor, and do not vanish. Before the optimizer's step they are divided by it again, in
# float32, in which the parameters are kept.
#
# ```
#   dy (float32) ──► · scale ──► backward in float16 ──► gradients · scale, in float32 ──► / scale ──► optimizer.step()
#                                        │
#                        one of them infinite or NaN? no step, scale / 2
# ```
#
# How large? As large as possible, but no gradient may become infinite. Nobody knows in advance, so try: **dynamic**
# scaling begins with a large number. If any gradient of a step is infinite or NaN, this step is skipped (neither the
# parameters nor the optimizer's memory change) and the scale is halved. After `interval` steps in a row that went
# well, it is doubled.
#
# *By hand:* scale 8, interval 2, and gradients that are finite, finite, infinite, finite: steps yes, yes, no, yes. The
# scale after each: 8, 16 (two in a row), 8, 8 (one in a row).
#
# Whether all are finite is decided in CPU memory, like whether to end above: `to_numpy` brings the answer there.

# %%
class LossScaler:
    """Keeps small gradients from vanishing in half precision, and skips steps in which large ones overflow

    scale: factor at the beginning.  interval: after so many steps in a row that were taken, scale · growth; after a
    step that was skipped, scale · backoff.  The current factor is in self.scale.

    Source: Micikevicius et al., Mixed Precision Training (2018), section 3.2; names as in torch.amp.GradScaler.
    """

    def __init__(self, scale=65536.0, growth=2.0, backoff=0.5, interval=2000):
        self.scale, self.growth, self.backoff, self.interval = scale, growth, backoff, interval
        self.taken = 0

    def scaled(self, dy):
        """The gradient at the loss (float32 or float64, any shape), times the scale; a new array"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def step(self, optimizer):
        """Divide the gradients of optimizer.parameters by the scale, in place, and let it step; adapt the scale

        If one is not finite, skip the step (large finite ones are no reason to): parameters stay, and the optimizer is not called.  Returns whether it was
        called.
        """
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(LossScaler)

# %% [markdown]
# How much would be lost? Below are the gradients of all weights of a network that has trained for a while, by the
# power of two. All that lies left of the dashed line is zero in float16. With the scale $2^{16}$ nearly nothing does.

# %%
with when_written():
    data, loss = digits(np.random.default_rng(0)), SoftmaxCrossEntropy()
    x, y = data.x_train[:1000].astype("float32"), data.y_train[:1000]
    model = small_network(np.random.default_rng(0))
    optimizer = AdamW(model.parameters(), 0.01)
    fit(model, loss, optimizer, x, y, epochs=40, batch_size=20, rng=np.random.default_rng(0), progress=False)
    model.zero_grad()
    loss.forward(model.forward(x), y)
    model.backward(loss.backward())
    sizes = np.abs(np.concatenate([p.grad.ravel() for p in model.parameters()]))
    powers = np.log2(sizes[sizes > 0])
    ax = plt.subplots(figsize=(7, 3.2), layout="constrained")[1]
    for shift, name, colour in ((0, "gradients", "#D55E00"), (16, "times 65,536", "#0072B2")):
        ax.hist(powers + shift, bins=np.arange(-36, 20, 2), alpha=0.6, color=colour, label=name)
        print(f"{name:13}: {100 * (powers + shift < -24).mean():.1f} % vanish in float16")
    ax.axvline(-24, color="black", ls="--", lw=1, label="smallest float16")
    ax.axvline(16, color="black", lw=1, label="largest float16")
    ax.set(xlabel="power of two", ylabel="weights")
    ax.legend(frameon=False)
    plt.show()

# %% [markdown]
# ## Capstone: one image of each digit
#
# Two collections of handwritten digits: MNIST, 12,000 images reduced to 8 × 8 pixels, and the digits of scikit-learn,
# written by other people with other pens, and scanned in another way. Of the second collection you get **ten images**,
# one of each digit. How well can a network read the other 1,787?
#
# - Trained on the ten images alone, a small network classifies about 60 % correctly.
# - Trained on MNIST alone, about 56 %: the two collections are not the same.
# - Trained on MNIST and then *tuned* on the ten images: about 76 %.
#
# Write `train_transferred`: train a network on the source `x`, `y`, tune it on `few_x`, `few_y`, and return it. It is
# done for four drawings of the ten images; the mean accuracy on the others has to be at least 68 %, in one of up to
# three attempts. Each training may take 20 seconds of CPU time (the author's solution takes about 2). Remarks:
#
# - Images are (batch, 1, 8, 8), float32. A network for them: convolution 3 × 3 with 16 kernels, pooling, convolution 3
#   × 3 with 32 and a padding of 1, and two `Linear` layers with 64 hidden units; three epochs with AdamW at 0.003.
# - Which layers to freeze? The convolutions as `body`, both `Linear` layers as `head`, 40 epochs at 0.001 is what the
#   author does. To tune only the last layer gives about 69 %, all layers about 76 %; `LoRA` on the hidden layer is as
#   good as both.
# - In every drawing all images are changed in the same way, source and target alike: rotated, bent a little, each
#   pixel mixed with its neighbours; the classes are renumbered. So weights from an earlier run do not fit.
#   (Without that all figures are a few percent higher: see the picture below.)

# %%
Conv2d, MaxPool2d = earlier("convolution.Conv2d"), earlier("convolution.MaxPool2d")


# %%
def train_transferred(x, y, few_x, few_y, *, rng):
    """Train a network on much data, tune it on few of another kind, and return it: it is to classify that other kind

    Shapes
        x  (batch, 1, 8, 8) float32, mostly from −1 to 2      y  (batch,), integers from 0 to 9
        few_x, few_y  the same, for the task in question: one image of each class
    rng: a numpy.random.Generator for the initial weights and for shuffling.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(train_transferred)


# %% [markdown]
# What does tuning bring with 1, 3 or 10 images of each class? Below: the same source network each time, tuned in
# several ways, for three drawings of the images; and networks that see nothing but these images. The more images, the
# less the source matters.

# %%
def small_mnist():
    """MNIST without its border, reduced to 8 × 8 by the mean of 3 × 3 pixels, from 0 to 1; given"""
    data = mnist()
    x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    x = x[:, 2:26, 2:26].reshape(len(x), 8, 3, 8, 3).mean(axis=(2, 4))
    return ((x - x.min()) / (x.max() - x.min()))[:, None].astype("float32"), y


def parts_of(rng):
    """Convolutions, a hidden layer and a last one, in float32; given"""
    convolutions = [Conv2d(1, 16, 3, rng=rng), ReLU(), MaxPool2d(2), Conv2d(16, 32, 3, padding=1, rng=rng), ReLU()]
    parts = [
        Sequential([*convolutions, Flatten()]),
        Sequential([Linear(288, 64, rng=rng), ReLU()]),
        Sequential([Linear(64, 10, rng=rng)]),
    ]
    for part in parts:
        part.astype("float32")
    return parts


def tuned(parts, x, y, way, rng):
    """A network of copies of these parts, tuned in one way; given"""
    body, hidden, last = deepcopy(parts)
    loss, rate = SoftmaxCrossEntropy(), 0.001
    if way == "LoRA and the last layer":
        trained = hidden.layers[0]
        adapted = LoRA(trained.W.data, trained.b.data, 4, 8, rng=rng)
        adapted.A.astype("float32")
        adapted.B.astype("float32")
        hidden, rate = Sequential([adapted, ReLU()]), 0.003
    frozen, moved = {
        "not at all": ([body, hidden, last], []),
        "the last layer": ([body, hidden], [last]),
        "all layers": ([], [body, hidden, last]),
    }.get(way, ([body], [hidden, last]))
    frozen, head = Sequential(frozen), Sequential(moved)
    if moved:
        optimizer = AdamW(head.parameters(), rate)
        fine_tune(x, y, body=frozen, head=head, loss=loss, optimizer=optimizer, epochs=40, size=10, rng=rng)
    return Sequential([frozen, head])


@cache
def tuned_accuracies():
    """Accuracies (drawings, counts) by the way of tuning; given"""
    counts, ways = (
        (1, 3, 10),
        ("not at all", "the last layer", "both Linear layers", "LoRA and the last layer", "all layers"),
    )
    found = {name: np.zeros((3, len(counts))) for name in (*ways, "only these images")}
    source, labels = small_mnist()
    data = digits()
    x = np.concatenate([data.x_train, data.x_test]).reshape(-1, 1, 8, 8).astype("float32")
    y = np.concatenate([data.y_train, data.y_test])
    rng = np.random.default_rng(0)
    parts, loss = parts_of(rng), SoftmaxCrossEntropy()
    optimizer = AdamW(Sequential(parts).parameters(), 0.003)
    fit(Sequential(parts), loss, optimizer, source, labels, epochs=3, batch_size=50, rng=rng, progress=False)
    for drawing in range(3):
        order = rng.permutation(len(y))
        for column, count in enumerate(counts):
            few = np.concatenate([order[y[order] == label][:count] for label in range(10)])
            others = np.setdiff1d(order, few)
            for way in ways:
                model = tuned(parts, x[few], y[few], way, rng)
                found[way][drawing, column] = accuracy(predict(model, x[others]), y[others])
            model = Sequential(parts_of(rng))
            optimizer = AdamW(model.parameters(), 0.003)
            fit(model, loss, optimizer, x[few], y[few], epochs=60, batch_size=10, rng=rng, progress=False)
            found["only these images"][drawing, column] = accuracy(predict(model, x[others]), y[others])
    return found


with when_written():
    ax = plt.subplots(figsize=(8.6, 4), layout="constrained")[1]
    for i, (name, values) in enumerate(tuned_accuracies().items()):
        style = {"color": plotting.COLOURS[i], "marker": plotting.MARKERS[i]}
        ax.errorbar([1, 3, 10], values.mean(axis=0), np.ptp(values, axis=0) / 2, capsize=3, label=name, **style)
    ax.set(xscale="log", xticks=[1, 3, 10], xlabel="images of each class", ylabel="accuracy on the others")
    ax.set_xticklabels(["1", "3", "10"])
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5), title="tuned:", alignment="left")
    plt.show()


# %% [markdown]
# **It does not always help.** Take a network that reads the digits 0 to 4, and tune it to read 5 to 9, with ten images
# each. Measured with the author's networks, five seeds each:
#
# | network | only these images | last layer | last two layers | all layers |
# |---|---|---|---|---|
# | convolutions, 28 × 28 | 0.857 | 0.719 | 0.854 | 0.848 |
# | dense layers, 784-128-64 | 0.792 | 0.595 | 0.704 | 0.791 |
#
# The source task has *other classes* here. What distinguishes a 0 from a 1 need not distinguish a 5 from a 6, and a
# frozen dense layer has thrown away what was of no use for its own task: it does harm. Fifty images are also enough
# for a network of their own. Whether a transfer helps depends on how much the tasks share, and on how little data
# there is. Measure both.

# %% [markdown]
# **Question 1.** *(3 points)* A colleague searches 200 settings at random, takes the one with the lowest loss on 500
# validation rows, and reports the accuracy on these rows, 97.2 %. (a) Why is that number too high, even if no test row
# was ever used for training? (b) Does it become better or worse with 2,000 settings? (c) How could cross-validation
# and a test set be used together, and how often may the test set be used?

# %% [markdown]
# YOUR ANSWER HERE

# %% [markdown]
# **Question 2.** *(3 points)* (a) In `LoRA`, $A$ is random and $B$ is zero. What do the first two steps of plain
# descent change if it is the other way round, $A = 0$ and $B$ random, and does that do any harm? (b) Why is a mixture
# of both random bad, although it could learn as well? (c) With rank $r$ a `LoRA` of a 1,000 × 1,000 matrix trains
# $2{,}000\,r$ numbers. Can it always reach what full tuning reaches? For which $r$ surely?

# %% [markdown]
# YOUR ANSWER HERE

# %% [markdown]
# # Bonus
#
# Seven shorter exercises; their points are added to the mark.
#
# ## 11.18 newton_schulz *(bonus)*
#
# Adam scales every number of a gradient by itself. **Muon**, below, treats the gradient of a matrix as a matrix: it
# replaces it by the nearest *orthogonal* one, which has the same singular vectors, but all singular values 1. So
# directions in which the gradient is small get steps as large as the others.
#
# With the singular value decomposition $G = U \Sigma V^\top$ that would be $U V^\top$. A decomposition is slow on a
# GPU; products of matrices are fast. For any odd polynomial $p(x) = a x + b x^3 + c x^5$,
#
# $$ a X + (b A + c A^2)\, X \; = \; U\, p(\Sigma)\, V^\top, \qquad A = X X^\top $$
#
# because $A = U \Sigma^2 U^\top$. So a few rounds of this apply $p$ again and again to the singular values, without
# knowing them. With $a = 3.4445$, $b = -4.775$, $c = 2.0315$ five rounds bring all that are not below a few
# thousandths *near* 1, to about 0.7 to 1.2, not to 1. These constants are chosen so that small ones grow fast, 3.4
# times in each round.
#
# 1. Divide by the Frobenius norm (the root of the sum of all squares; where it is below $10^{-7}$, by $10^{-7}$), so
#    that no singular value is above 1.
# 2. A matrix with more rows than columns is transposed first, and back at the end: $A$ is then the smaller of both
#    products.
# 3. Five rounds.
#
# *By hand:* $G = (3\;\;4)$ has the norm 5 and a single singular value: $X = (0.6\;\;0.8)$, value 1. Round 1:
# $p(1) = 3.4445 - 4.775 + 2.0315 = 0.701$, so $X = (0.4206\;\;0.5608)$. The values of all five rounds are 0.701,
# 1.114, 0.721, 1.090, 0.696: they do not converge.

# %%
def newton_schulz(G):
    """A matrix with the singular vectors of G and singular values near 1, by five products of odd polynomials

    Shapes
        G, result  (rows, columns); all zeros give zeros

    Source: Jordan et al., Muon: An Optimizer for Hidden Layers in Neural Networks (2024); the iteration: Kovarik
    (1970), Bjorck & Bowie (1971).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(newton_schulz)

# %%
with when_written():
    values = np.geomspace(1e-4, 1, 200)
    ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")[1]
    for rounds, colour in zip(range(1, 6), plt.get_cmap("viridis")(np.linspace(0, 0.9, 5)), strict=True):
        reached = values.copy()
        for _ in range(rounds):
            reached = 3.4445 * reached - 4.775 * reached**3 + 2.0315 * reached**5
        ax.plot(values, reached, color=colour, label=f"{rounds} round{'s' * (rounds > 1)}")
    G = np.random.default_rng(0).normal(size=(20, 30)) * np.geomspace(1, 0.01, 30)
    U, before, Vh = np.linalg.svd(G / np.linalg.norm(G), full_matrices=False)
    ax.plot(before, np.diag(U.T @ newton_schulz(G) @ Vh.T), "k.", ms=5, label="of a random matrix")
    ax.set(xscale="log", xlabel="singular value before", ylabel="after")
    ax.legend(frameon=False)
    plt.show()


# %% [markdown]
# ## 11.19 Muon *(bonus)*
#
# The optimizer: Nesterov's momentum, orthogonalized, for each parameter with two axes:
#
# $$ v \leftarrow \mu v + g, \qquad u = g + \mu v, \qquad
#    \theta \leftarrow \theta - \eta \sqrt{\max(1, \text{rows} / \text{columns})} \; \mathrm{NS}(u) $$
#
# The root makes steps of tall matrices larger. A parameter with another number of axes (a bias, a kernel) has no
# singular values; it is moved by $u$ itself, $\theta \leftarrow \theta - \eta u$. (In practice these have an optimizer
# of their own, mostly AdamW.)
#
# *By hand:* $\eta = 0.1$, $\mu = 0.5$, $\theta = (0\;\;0)$, $g = (3\;\;4)$. $v = (3\;\;4)$, $u = (4.5\;\;6)$, which
# has the direction of $g$, so with the example above $\mathrm{NS}(u) = 0.696 \cdot (0.6\;\;0.8)$, and
# $\theta = (-0.042\;\;{-0.056})$, for any length of $g$.

# %%
class Muon(Optimizer):
    """Momentum, orthogonalized for parameters with two axes:  v ← momentum v + g,  u = g + momentum v,
    θ ← θ − lr √max(1, rows / columns) newton_schulz(u);  other parameters  θ ← θ − lr u

    Source: Jordan et al., Muon: An Optimizer for Hidden Layers in Neural Networks (2024).
    """

    def __init__(self, parameters, lr, momentum=0.95):
        super().__init__(parameters, lr)
        self.momentum = momentum
        self.v = self.new_state()

    def step(self):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(Muon)


# %% [markdown]
# ## 11.20 calibration_error *(bonus)*
#
# A network says "a 7, with probability 0.9". If it says so of a hundred images, are ninety of them sevens? Then it is
# **calibrated**. Networks that were trained until they make no error on the training set are not: they are too sure.
#
# To measure it, sort predictions by their *confidence*, the greatest probability, into $M$ bins of equal width,
# $(0, \frac1M], (\frac1M, \frac2M], \ldots$ A confidence on a boundary belongs to the lower bin: 0.5, with two bins,
# to the first. In each bin compare the mean confidence with the accuracy. The **expected calibration error** is the
# mean difference, weighted by the rows in each bin:
#
# $$ \mathrm{ECE} = \sum_{m=1}^{M} \frac{n_m}{N} \left| \mathrm{accuracy}_m - \mathrm{confidence}_m \right| $$
#
# *By hand:* two bins; confidences 0.4 (wrong), 0.8 (correct), 0.9 (wrong). First bin: accuracy 0, confidence 0.4.
# Second: 0.5 and 0.85. $\mathrm{ECE} = \frac13 \cdot 0.4 + \frac23 \cdot 0.35 = 0.367$.

# %%
def calibration_error(probabilities, labels, bins=15):
    """The mean difference between confidence and accuracy, by bins of equal width (open below, closed above); a scalar

    Shapes
        probabilities  (rows, classes), rows sum to 1      labels  (rows,), integers of any dtype

    Source: Guo, Pleiss, Sun & Weinberger, On Calibration of Modern Neural Networks (2017), equation 3.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(calibration_error)


# %% [markdown]
# ## 11.21 TemperatureScaling *(bonus)*
#
# The simplest remedy has a single parameter. Divide all scores by a **temperature** $T > 0$ before the softmax:
#
# $$ p = \mathrm{softmax}(z / T) $$
#
# $T > 1$ makes every prediction less sure, $T < 1$ surer, and the order of the classes, so the accuracy, stays as it
# is. Find $T$ on rows that were *not* trained on: where the mean cross-entropy is smallest. In $\beta = 1 / T$ it is
# convex, with the derivative
#
# $$ \frac{d}{d\beta} \operatorname{mean}\left( \log \textstyle\sum_c e^{\beta z_c} - \beta z_y \right)
#    = \operatorname{mean}\left( \sum_c p_c z_c - z_y \right) $$
#
# which grows with $\beta$: look for its zero, by halving an interval of $\log \beta$, for example. The temperature is
# graded up to 0.1 %, and lies between 0.05 and 20.
#
# *By hand:* rows with the scores $(2, 0)$, of which three have the label 0 and one has 1. The best $p_0$ is $\frac34$,
# so $2 / T = \log 3$ and $T = 1.820$.

# %%
class TemperatureScaling:
    """Probabilities softmax(scores / temperature), the temperature chosen for the smallest mean cross-entropy

    fit(scores, labels) sets self.temperature, a Python float from 0.05 to 20;  forward(scores) gives probabilities, of
    float32 scores in float32, before a fit and after it
    Shapes
        scores, probabilities  (rows, classes)      labels  (rows,), integers

    Source: Guo et al., On Calibration of Modern Neural Networks (2017), section 4.2.
    """

    def __init__(self):
        self.temperature = 1.0

    def fit(self, scores, labels):
        # YOUR CODE HERE
        raise NotImplementedError()

    def forward(self, scores):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(TemperatureScaling)

# %% [markdown]
# A network that was trained for too long on 200 digits, before and after. In each **reliability diagram** a bar shows
# the accuracy of the rows with that confidence; on the diagonal it would be calibrated. The temperature is found on
# 300 rows and tested on others.

# %%
with when_written():
    data = digits(np.random.default_rng(1))
    x, y = data.x_train.astype("float32"), data.y_train
    model, rng = small_network(np.random.default_rng(0)), np.random.default_rng(0)
    optimizer = AdamW(model.parameters(), 0.01)
    fit(model, SoftmaxCrossEntropy(), optimizer, x[:200], y[:200], epochs=200, batch_size=20, rng=rng, progress=False)
    scaling = TemperatureScaling()
    scaling.fit(model.forward(x[200:500]), y[200:500])
    scores, labels = model.forward(x[500:]), y[500:]
    figure, axes = plt.subplots(1, 2, figsize=(8.4, 4), sharey=True, layout="constrained")
    for ax, name, p in zip(
        axes, ("T = 1", f"T = {scaling.temperature:.2f}"), (softmax(scores), scaling.forward(scores)), strict=True
    ):
        confidence, correct = p.max(axis=1), p.argmax(axis=1) == labels
        place = np.ceil(confidence * 10).astype(int)
        for k in range(1, 11):
            if (place == k).any():
                ax.bar((k - 0.5) / 10, correct[place == k].mean(), width=0.09, color="#0072B2", alpha=0.7)
                ax.text((k - 0.5) / 10, 0.02, (place == k).sum(), ha="center", fontsize="x-small")
        ax.plot([0, 1], [0, 1], "k--", lw=1)
        ax.set(title=f"{name}: error {calibration_error(p, labels):.3f}", xlabel="confidence", aspect="equal")
    axes[0].set_ylabel("accuracy")
    plt.show()


# %% [markdown]
# ## 11.22 roc_auc *(bonus)*
#
# A detector gives scores; whoever uses it chooses a threshold. A measure that needs no threshold is the probability
# that a random positive row has a higher score than a random negative one, with one half for equal scores:
#
# $$ \mathrm{AUC} = P(s^+ > s^-) + \tfrac12 P(s^+ = s^-) $$
#
# (It is the area under the curve of hits against false alarms for all thresholds, hence the name: *receiver operating
# characteristic, area under the curve*.) 1 is perfect, ½ is guessing, 0 is perfect with the wrong sign.
#
# All pairs are too many to compare. Sort instead: let $r_i$ be the **rank** of row $i$ among all scores, from 1, equal
# scores sharing the mean of their ranks. With $n^+$ and $n^-$ rows,
#
# $$ \mathrm{AUC} = \frac{\sum_{i\,:\,\text{positive}} r_i - n^+ (n^+ + 1) / 2}{n^+ n^-} $$
#
# for the rank of a positive row counts all rows below it, and the sum of ranks among the positives alone is subtracted.
#
# *By hand:* scores 0.1 (−), 0.4 (+), 0.4 (−), 0.8 (+): ranks 1, 2.5, 2.5, 4. $(2.5 + 4 - 3) / 4 = 0.875$. Check: of
# four pairs three are right and one is equal.

# %%
def roc_auc(scores, labels):
    """The probability that a positive row has a higher score than a negative one; ties count one half; a scalar

    Shapes
        scores  (rows,)      labels  (rows,), integers of any dtype: 1 for positive, 0 for negative rows; each occurs

    Source: Hanley & McNeil, The Meaning and Use of the Area under a ROC Curve (1982).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(roc_auc)


# %% [markdown]
# ## 11.23 fit_power_law *(bonus)*
#
# How much better would a network be with ten times the data? Errors often follow a **power law** over many orders of
# magnitude:
#
# $$ y = a\, x^{-b}, \qquad \log y = \log a - b \log x $$
#
# In logarithms it is a straight line, and the best one, by least squares of the logarithms, has
#
# $$ b = -\frac{\sum_i (\log x_i - \overline{\log x})(\log y_i - \overline{\log y})}{\sum_i (\log x_i - \overline{\log x})^2},
#    \qquad \log a = \overline{\log y} + b\, \overline{\log x} $$
#
# *By hand:* $x = 1, 10, 100$ and $y = 8, 4, 2$: each factor of 10 halves $y$, so $b = \log_{10} 2 = 0.301$ and
# $a = 8$. For $x = 1000$ it predicts 1.

# %%
def fit_power_law(x, y):
    """The constants (a, b) of  y ≈ a x^(−b), by least squares of the logarithms; a pair of scalars

    Shapes
        x, y  (points,), greater than 0, of x at least two different

    Source: Hestness et al., Deep Learning Scaling is Predictable, Empirically (2017).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(fit_power_law)

# %% [markdown]
# Softmax regression on more and more digits: a law fitted to the share of errors with up to 300 rows, and what happens
# with up to 1,200. A power law that fits is no law of nature: the curve may bend where the model, not the data, limits
# the error.

# %%
with when_written():
    data = digits(np.random.default_rng(3))
    x, y = data.x_train.reshape(-1, 64), data.y_train
    held_x, held_y = data.x_test.reshape(-1, 64), data.y_test
    rows = np.array([30, 50, 80, 120, 200, 300, 500, 800, 1200])
    errors = np.array([1 - (regression_scores(x[:n], y[:n], held_x).argmax(axis=1) == held_y).mean() for n in rows])
    a, b = fit_power_law(rows[:6], errors[:6])
    ax = plt.subplots(figsize=(6, 3.4), layout="constrained")[1]
    ax.plot(rows, a * rows**-b, color="#D55E00", label=f"{a:.2f} · rows^(−{b:.2f}), from the first six")
    ax.plot(rows[:6], errors[:6], "o", color="black")
    ax.plot(rows[6:], errors[6:], "o", color="black", fillstyle="none", label="predicted")
    ax.set(xscale="log", yscale="log", xlabel="training rows", ylabel="share of errors")
    ax.legend(frameon=False)
    plt.show()


# %% [markdown]
# ## 11.24 MultiTaskLoss *(bonus)*
#
# A network with two outputs, a class and a distance, has two losses. How are they weighted? One is measured in nats,
# the other in square metres. Instead of searching the weights, *learn* them. Suppose that the error of task $t$ is
# normal noise with a variance $\sigma_t^2$ that is not known: its negative log-likelihood is
# $\frac{1}{2\sigma_t^2} L_t + \log \sigma_t$, up to constants. With $s_t = \log \sigma_t^2$ as the parameter (which
# may be any number, while a variance may not),
#
# $$ y = \sum_t \tfrac12 \left( e^{-s_t} L_t + s_t \right) $$
#
# A task with a large loss gets a small weight. But $s_t$ cannot grow for ever, for it is added itself.
#
# **The backward pass**, for the losses $L$ of each row and an upstream gradient for each row:
#
# $$ dL_{nt} = \tfrac12 e^{-s_t}\, dy_n, \qquad ds_t = \sum_n \tfrac12 \left( 1 - e^{-s_t} L_{nt} \right) dy_n $$
#
# $ds_t = 0$ where $e^{s_t}$ is the mean loss of the task.
#
# *By hand:* one row with the losses $(1, 4)$, $s = (0, \log 4)$: $y = \frac12 (1 + 0) + \frac12 (1 + 1.386) = 1.693$.
# With $dy = 1$: $dL = (0.5, 0.125)$, $ds = (0, 0)$.

# %%
class MultiTaskLoss(Layer):
    """Losses of several tasks, weighted by learned variances:  y = Σₜ ½ (exp(−sₜ) Lₜ + sₜ)

    Shapes
        losses  (batch, tasks)      y  (batch,)      s  (tasks,), logarithms of the variances, 0 at first

    Source: Kendall, Gal & Cipolla, Multi-Task Learning Using Uncertainty to Weigh Losses (2018), section 3.2.
    """

    def __init__(self, tasks):
        self.s = Parameter(zeros(tasks))

    def forward(self, losses):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(MultiTaskLoss)
