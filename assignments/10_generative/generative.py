# %% [markdown]
# # 10 · Generative models
#
# The networks of the earlier assignments answer a question about an image: which digit is this? A **generative model**
# has no question. It is shown images and learns what images are like, well enough to draw new ones. To do that it
# needs something that varies where the images vary: a short vector of numbers, the *code* or *latent variable*, from
# which the whole image can be computed. Where the code comes from is what distinguishes the models of this assignment.
# An autoencoder computes it from an image; a variational autoencoder also says how uncertain it is, and can therefore
# be run without an image; a generative adversarial network draws it and lets a second network judge the result; a
# diffusion model begins with an image of pure noise and takes the noise away, a little at a time.
#
# **Time.** About ten hours. **You need** 02 to 04 (`Linear`, activations, `Sequential`, losses, `Adam`), and for a
# part of the second half 05 and 06 (`BatchNorm`, `Conv2d`, `ConvTranspose2d`).
#
# **Goals.** Afterwards you can say what an autoencoder must not be able to do, and several ways to stop it; derive the
# bound that a variational autoencoder maximizes, and its gradient through a random draw; train two networks against
# each other without a gradient of the one ending up in the other; add noise to an image in one step and remove it in
# many; and measure whether generated images are any good.
#
# | here | PyTorch |
# |---|---|
# | `Autoencoder` | two `torch.nn.Sequential` one after the other |
# | `SparsePenalty`, `ContractivePenalty` | none: an expression, and autograd |
# | `GaussianSample` | `torch.distributions.Normal(mean, std).rsample()` |
# | `GaussianKL` | `torch.distributions.kl_divergence` of two `Normal`, summed |
# | `BernoulliLikelihood` | `torch.nn.functional.binary_cross_entropy_with_logits(reduction="sum")`, divided by the batch |
# | `DiscriminatorLoss`, `GeneratorLoss` | `binary_cross_entropy_with_logits` with targets 1 and 0 |
# | `gan_step` | two optimizers, and `fake.detach()` |
# | `DCGANGenerator`, `DCGANDiscriminator` | `ConvTranspose2d`, `Conv2d`, `BatchNorm2d` in a `Sequential` |
# | `CycleConsistencyLoss`, `DomainClassificationLoss` | `torch.nn.L1Loss`, `torch.nn.CrossEntropyLoss`, times a weight |
# | `q_sample`, `p_sample` | none; `add_noise` and `step` of `diffusers.DDPMScheduler` of Hugging Face |
# | `guided_noise` | none; the `guidance_scale` of `diffusers` is 1 + w |
# | `sparse_coding` | `sklearn.decomposition.sparse_encode(algorithm="lasso_cd")` minimizes the same expression |
#
# **Further reading.** Goodfellow, Bengio & Courville, *Deep Learning* (2016), chapters 14 and 20; Kingma & Welling,
# *An Introduction to Variational Autoencoders* (2019); Prince, *Understanding Deep Learning* (2023), chapters 14 to
# 18.
#
# **What is checked.** Values and gradients with random inputs of uneven shapes, up to $10^{-6}$ ($10^{-3}$ in
# float32); `backward` twice, a second object, views, parameters that change between calls, float32, no transfer from
# the device, as in every assignment. What is drawn at random is checked by its distribution, and by what is correct
# whatever is drawn.
#
# **Shapes.** Rows of numbers are (batch, features), images (N, C, H, W), codes (batch, latent).

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
from functools import cache

import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Layer, Loss, Parameter, array_module, asarray, plotting, zeros
from dlkit.course import earlier, when_written
from dlkit.datasets import mnist


# %% [markdown]
# # Part one: autoencoders
#
# ## 10.1 Autoencoder
#
# Two networks, one after the other. The **encoder** turns an image into a code, the **decoder** turns the code into an
# image again, and the error is how far the second image is from the first. Nobody has to label anything: the image is
# its own target.
#
# $$ c = \mathrm{encoder}(x), \qquad y = \mathrm{decoder}(c), \qquad L = \text{distance of } y \text{ and } x $$
#
# If the code is as large as the image, there is a perfect and useless solution: copy. So something has to prevent it.
# This assignment has four such obstacles: a code that is **small**; an input that is **corrupted** (below); a
# **penalty** on the code (10.3, 10.4); and a code that is **uncertain** (10.6).
#
# ```
#     x ──→ zeros at random ──→ encoder ──→ code ──→ decoder ──→ y
#     (8, 784)   `noise`       784-128-32  (8, 32)   32-128-784  (8, 784)
#                                            │
#                                            └──→ penalty (10.3)
# ```
#
# **Denoising.** In training each number of $x$ is replaced by 0 with probability `noise`, and the network has to
# return what was there. It cannot copy what it does not see; it must know what digits look like. Two things differ
# from dropout, though the code looks similar: what is kept is *not* divided by $1 - p$ (an image with holes is not
# an estimate of the whole one), and the **target is the clean $x$** (10.2).
#
# **Two outputs, and two gradients that meet.** A penalty needs the code, so `forward` returns $(y, c)$. Then the loss
# reaches the code on two paths, through the decoder and through the penalty, and by the chain rule they add up:
#
# $$ \frac{\partial L}{\partial c} = \underbrace{\mathrm{decoder}'(c)^\top dy}_{\text{what the decoder's backward returns}} + \;dc $$
#
# Only this sum goes to the encoder. What the encoder returns is the gradient at the *corrupted* input: a number that was
# replaced by 0 had no influence, so its gradient is 0.
#
# *By hand:* no noise, an encoder $c = \frac12 x_1 + \frac12 x_2$, a decoder $y = (c, c)$, and $x = (3, 1)$: $c = 2$,
# $y = (2, 2)$. The mean squared error is 1, $dy = (-1, 1)$. The decoder returns $-1 + 1 = 0$: there is no better code
# than the mean. If a penalty adds $dc = 0.5$, the encoder gets $0 + 0.5$, and $dx = (0.25, 0.25)$.

# %%
class Autoencoder(Layer):
    """An encoder and a decoder:  code = encoder(x),  y = decoder(code)

    Shapes
        x, y  the same, any      code  what the encoder returns
    encoder, decoder: layers with one input and one output each.
    noise: probability with which, in training, each number of x reaches the encoder as 0; in evaluation none does.
    rng: the generator that draws which; it is not needed without noise.
    corrupted: what the encoder was given in the last call.
    backward(dy, dcode=None): dcode is the gradient at the code that does not come through the decoder (a penalty's).

    Source: Rumelhart, Hinton & Williams, Learning Internal Representations by Error Propagation (1986); with noise:
    Vincent, Larochelle, Bengio & Manzagol, Extracting and Composing Robust Features with Denoising Autoencoders (2008).
    """

    def __init__(self, encoder, decoder, noise=0.0, *, rng=None):
        self.encoder, self.decoder = encoder, decoder
        self.noise, self.rng = noise, rng

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy, dcode=None):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(Autoencoder)


# %% [markdown]
# > **Find the mistake.** One of the articles behind this course writes: *"Unlike regular feedforward networks,
# > autoencoder networks do not require backpropagation and can directly optimize the loss function using automatic
# > differentiation."* And a sentence later it names *sparse coding* among the autoencoders.
# >
# > <details><summary>What is wrong</summary>Reverse-mode automatic differentiation of a scalar loss <em>is</em>
# > backpropagation: the program records what forward does, and applies the chain rule from the end to the beginning.
# > You have just written that by hand for an autoencoder, which is an ordinary feedforward network with an unusual
# > target. Sparse coding has a decoder, a matrix, but no encoder: the code of an image is found by minimizing, for
# > each image anew (10.11). The article's third example, the contractive autoencoder, is one.</details>

# %% [markdown]
# ## 10.2 reconstruction_step
#
# One step of training, the same five lines as always. With a denoising autoencoder there are three arrays that could
# be the target, and two of them are wrong:
#
# | target | what the network learns |
# |---|---|
# | the corrupted input | to return holes where it sees holes: nothing is repaired |
# | the reconstruction of an earlier step | to agree with itself |
# | **the clean input** | to fill the holes |
#
# *By hand:* $x = (2, 4)$, the second number was replaced: the network saw $(2, 0)$ and returned $(2, 1)$. Against the
# clean $x$ the mean squared error is $\frac12 (0 + 9) = 4.5$; against what the network saw it would be $\frac12 (0 +
# 1) = 0.5$, and the step would push the 1 down to 0 rather than up to 4.

# %%
def reconstruction_step(x, *, model, loss, optimizer):
    """One training step of an autoencoder on the rows x; return the loss before the update

    Shapes
        x  (batch, …), clean      result  (), what loss.forward returns
    model: forward(x) returns (y, code) and may corrupt x itself; backward(dy).      loss: forward(prediction, target).
    Gradients of an earlier step may be left in the model: clear them.  The model draws anew in every forward: call it
    once.  Its mode, training or evaluation, stays as it is.

    Source: Vincent, Larochelle, Bengio & Manzagol (2008), section 2.3.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(reconstruction_step)

# %% [markdown]
# Below, an autoencoder with a code of 32 numbers is trained twice: on clean digits, and on digits of which half of the
# pixels are missing. Both then see corrupted digits that they have never seen. The first line shows what they are given.
# The plain autoencoder was never forced to know more than how to copy through a narrow passage.

# %%
Linear, ReLU = earlier("layers.Linear"), earlier("layers.ReLU")
Sigmoid, Sequential = earlier("layers.Sigmoid"), earlier("layers.Sequential")
MeanSquaredError, Adam = earlier("losses.MeanSquaredError"), earlier("optimizers.Adam")


# %%
def pixels():
    """MNIST as rows of 784 grey values from 0 to 1: 10,000 to train on, 2,000 unseen, and the unseen labels; given"""
    data = mnist()
    x, unseen = (rows.reshape(len(rows), -1).astype("float32") for rows in (data.x_train, data.x_test))
    return x, unseen, data.y_test


def small_autoencoder(noise, *, rng, code=32):
    """An autoencoder of dense layers with a code between 0 and 1, in float32; given"""
    encoder = Sequential([Linear(784, 128, rng=rng), ReLU(), Linear(128, code, rng=rng), Sigmoid()])
    decoder = Sequential([Linear(code, 128, rng=rng), ReLU(), Linear(128, 784, rng=rng), Sigmoid()])
    model = Autoencoder(encoder, decoder, noise, rng=rng)
    model.astype("float32")
    return model


@cache
def trained_autoencoder(noise):
    """An autoencoder after six epochs of 10,000 digits; given"""
    rng = np.random.default_rng(0)
    x, _, _ = pixels()
    model = small_autoencoder(noise, rng=rng)
    loss, optimizer = MeanSquaredError(), Adam(model.parameters(), 0.003)
    for _ in range(6):
        order = rng.permutation(len(x))
        for first in range(0, len(x), 50):
            reconstruction_step(x[order[first : first + 50]], model=model, loss=loss, optimizer=optimizer)
    model.eval()
    return model


with when_written():
    _, unseen, _ = pixels()
    corrupted = unseen[:12] * (np.random.default_rng(1).random((12, 784)) >= 0.5)
    rows = [corrupted, *(trained_autoencoder(noise).forward(corrupted.astype("float32"))[0] for noise in (0.0, 0.5))]
    figure, axes = plt.subplots(3, 1, figsize=(11, 3.4), layout="constrained")
    names = "half of the pixels are missing", "trained on clean digits", "trained on corrupted digits"
    for name, row, ax in zip(names, rows, axes, strict=True):
        plotting.images(row.reshape(-1, 28, 28), columns=12, ax=ax)
        ax.set_title(name, fontsize=9)
    plt.show()


# %% [markdown]
# ## 10.3 SparsePenalty
#
# The second obstacle leaves the code as large as you like, but allows each of its units to be active for few images
# only. If a unit is used rarely, it has to stand for something particular: a stroke, a loop. Let the code come from a
# sigmoid, so that all its numbers lie between 0 and 1, and measure the **mean activity of each unit over the batch**,
# $\hat\rho_j = \frac1N \sum_n c_{nj}$. It should be a small number $\rho$, 0.05 for example. How far it is from that
# is measured as if both were the probability of a coin, by the Kullback-Leibler divergence:
#
# $$ R = \lambda \sum_j \left( \rho \log\frac{\rho}{\hat\rho_j} + (1 - \rho) \log\frac{1 - \rho}{1 - \hat\rho_j} \right) $$
#
# It is 0 where $\hat\rho_j = \rho$ and grows without bound towards 0 and 1. The direction matters: $\rho$ stands in
# front of the logarithms. And the mean goes over the *rows*: each unit has its own $\hat\rho_j$, no image has one.
#
# **The backward pass.** $R$ depends on $c_{nj}$ through $\hat\rho_j$ alone, and $\partial \hat\rho_j / \partial c_{nj}
# = 1/N$ for every row. So all rows get the same gradient:
#
# $$ \frac{\partial R}{\partial c_{nj}} = \frac{\lambda}{N} \left( -\frac{\rho}{\hat\rho_j} + \frac{1 - \rho}{1 - \hat\rho_j} \right) $$
#
# *By hand:* $\rho = 0.5$, $\lambda = 1$, two images with the codes $(0.2, 0.9)$ and $(0.4, 0.7)$: $\hat\rho = (0.3,
# 0.8)$. The first unit costs $0.5 \log\frac{0.5}{0.3} + 0.5 \log\frac{0.5}{0.7} = 0.0872$, the second $0.2231$; $R =
# 0.3103$. The gradient of every row is $\frac12 (-\frac{0.5}{0.3} + \frac{0.5}{0.7},\, -\frac{0.5}{0.8} +
# \frac{0.5}{0.2}) = (-0.476, 0.938)$: the first unit should be more active, the second less.

# %%
class SparsePenalty(Loss):
    """Penalty for units whose mean activity is not rho:  R = weight Σⱼ KL(rho ‖ mean of code[:, j])

    Shapes
        code  (batch, units), numbers strictly between 0 and 1      R  ()      dcode  (batch, units)
    rho: the intended mean activity, strictly between 0 and 1.      weight: 0 or more.
    Means may be very near 0 or 1; they count as they are.

    Source: Ng, Sparse Autoencoder, lecture notes CS294A (2011), section 3; Lee, Ekanadham & Ng, Sparse Deep Belief Net
    Model for Visual Area V2 (2007).
    """

    def __init__(self, rho=0.05, weight=1.0):
        self.rho, self.weight = rho, weight

    def forward(self, code):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(SparsePenalty)


# %% [markdown]
# What do the units stand for? Below are columns of the decoder's matrix for an autoencoder with 64 units, one matrix
# in and one matrix out: what each unit draws when it is active. Without a penalty most units take part in most images,
# and what each draws resembles nothing; with it, units become strokes or whole digits.

# %%
@cache
def trained_sparse(weight):
    """One matrix in, one out, with a penalty on the code in between; returns the model; given"""
    rng = np.random.default_rng(0)
    x, _, _ = pixels()
    model = Autoencoder(Sequential([Linear(784, 64, rng=rng), Sigmoid()]), Linear(64, 784, rng=rng))
    model.decoder.W.data *= 0.1  # so that no noise of the beginning remains where nothing is learned
    model.astype("float32")
    loss, penalty, optimizer = MeanSquaredError(), SparsePenalty(0.05, weight), Adam(model.parameters(), 0.003)
    for _ in range(6):
        order = rng.permutation(len(x))
        for first in range(0, len(x), 100):
            rows = x[order[first : first + 100]]
            y, code = model.forward(rows)
            loss.forward(y, rows)
            penalty.forward(code)
            model.zero_grad()
            model.backward(loss.backward(), penalty.backward())
            optimizer.step()
    return model


with when_written():
    _, unseen, _ = pixels()
    figure, axes = plt.subplots(1, 2, figsize=(11, 5.6), layout="constrained")
    for weight, ax in zip((0.0, 0.01), axes, strict=True):
        model = trained_sparse(weight)
        activity = model.forward(unseen)[1]
        plotting.images(model.decoder.W.data[:40].reshape(-1, 28, 28), columns=8, ax=ax)
        ax.set_title(f"weight {weight}: mean activity {activity.mean():.2f}, above ½ in {(activity > 0.5).mean():.0%}")
    plt.show()


# %% [markdown]
# ## 10.4 ContractivePenalty
#
# A third obstacle: the code should not change when the image changes a little. How much it changes is written in the
# Jacobian $J_{ij} = \partial h_j / \partial x_i$ of the encoder. Its squared Frobenius norm, the sum of all its
# squared entries, is the penalty of **contractive autoencoders**. What keeps it from making the code constant is the
# reconstruction: directions in which images really differ must remain visible, all others are flattened.
#
# For one sigmoid layer $h = \sigma(x W + b)$ the Jacobian needs no loop. The slope of the sigmoid is $h_j (1 - h_j)$,
# so
#
# $$ J_{ij} = h_j (1 - h_j)\, W_{ij}, \qquad
#    R_n = \sum_{ij} J_{ij}^2 = \sum_j \bigl(\underbrace{h_{nj} (1 - h_{nj})}_{p_{nj}}\bigr)^2 \underbrace{\sum_i W_{ij}^2}_{s_j} $$
#
# The layer below takes $h$ and gives one number per row. It knows the parameter $W$ of the linear layer that $h$ came
# from.
#
# ```
#     W (in_features, units) ──→ squares, summed over i ──→ s (units,) ────┐
#     h (batch, units)       ──→ p = h (1 − h) ──→ p² (batch, units) ──→ p² s ──→ R (batch,)
# ```
#
# **The backward pass, step by step.** Let $dy$ have one entry per row.
#
# 1. $R_n = \sum_j p_{nj}^2 s_j$, so $dp_{nj} = 2\, p_{nj}\, s_j\, dy_n$ and $ds_j = \sum_n p_{nj}^2\, dy_n$.
# 2. $p = h - h^2$, so $dh_{nj} = (1 - 2 h_{nj})\, dp_{nj}$.
# 3. $s_j = \sum_i W_{ij}^2$, so $dW_{ij} = 2\, W_{ij}\, ds_j$, *added* to `W.grad`.
#
# $W$ gets a second gradient, and $b$ its only one, when $dh$ passes on through the sigmoid and the linear layer. That
# is the second derivative of the encoder, and the step most often forgotten: a penalty on a slope has a gradient
# through the activity too.
#
# *By hand:* $W = \begin{pmatrix} 1 & 0 \\ 2 & -1 \end{pmatrix}$, so $s = (5, 1)$. One row $h = (0.5, 0.8)$: $p =
# (0.25, 0.16)$, $R = 0.0625 \cdot 5 + 0.0256 \cdot 1 = 0.3381$. With $dy = 1$: $dp = (2.5, 0.32)$, $dh = (0, -0.6)
# \cdot dp = (0, -0.192)$ (at one half the sigmoid is steepest, so $p$ does not change there), and $dW = 2 W \cdot
# (0.0625, 0.0256) = \begin{pmatrix} 0.125 & 0 \\ 0.25 & -0.0512 \end{pmatrix}$.

# %%
class ContractivePenalty(Layer):
    """Squared Frobenius norm of the Jacobian of h = sigmoid(x W + b), for every row:  y = Σⱼ (hⱼ (1 − hⱼ))² Σᵢ Wᵢⱼ²

    Shapes
        h  (batch, units), what the sigmoid returned      y  (batch,)      W  (in_features, units), a Parameter
    backward returns dh and adds to W.grad what does not pass through h.

    Source: Rifai, Vincent, Muller, Glorot & Bengio, Contractive Auto-Encoders: Explicit Invariance During Feature
    Extraction (2011), equation 4.
    """

    def __init__(self, W):
        self.W = W

    def forward(self, h):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(ContractivePenalty)


# %% [markdown]
# ## 10.5 anomaly_score
#
# An autoencoder has learned to reconstruct what it was trained on. What it has *not* seen it reconstructs badly. So
# the error of the reconstruction says how unusual an image is, without a single example of anything unusual:
#
# $$ s_n = \text{mean over all numbers of row } n \text{ of } (x - y)^2 $$
#
# One score per row; the batch is the first axis, whatever the others are.
#
# *By hand:* $x = (1, 0, 1, 0)$, $y = (0.5, 0, 1, 0.5)$: $s = (0.25 + 0 + 0 + 0.25) / 4 = 0.125$.

# %%
def anomaly_score(x, y):
    """How badly each row was reconstructed: the mean squared difference of every row

    Shapes
        x, y  (batch, …), the same, what went in and what came out      result  (batch,)

    Source: Japkowicz, Myers & Gluck, A Novelty Detection Approach to Classification (1995).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(anomaly_score)


# %% [markdown]
# How good is a score? Every threshold trades missed anomalies for false alarms. The **ROC curve** shows the share of
# anomalies found against the share of normal images reported, for all thresholds at once. The area under it (*AUC*) is
# the probability that an anomaly has a higher score than a normal image: ½ for guessing, 1 for a perfect score. Below,
# an autoencoder has been trained on all digits but one, and that one is the anomaly. Which digit is hardest to find,
# and why?

# %%
def roc(scores, unusual):
    """False alarms and found anomalies for every threshold, and the area under the curve; ties count half; given"""
    values, place = np.unique(-scores, return_inverse=True)
    found, alarms = (np.bincount(place, weights=kind, minlength=len(values)).cumsum() for kind in (unusual, ~unusual))
    found, alarms = (np.concatenate([[0], counts]) / max(counts[-1], 1) for counts in (found, alarms))
    return alarms, found, np.trapezoid(found, alarms)


@cache
def scores_without(digit):
    """Anomaly scores of unseen digits by an autoencoder with a code of 8 that has never seen one of them; given"""
    rng = np.random.default_rng(0)
    data, (x, unseen, _) = mnist(), pixels()
    x = x[data.y_train != digit][:5000]
    model = small_autoencoder(0.0, rng=rng, code=8)
    loss, optimizer = MeanSquaredError(), Adam(model.parameters(), 0.003)
    for _ in range(5):
        order = rng.permutation(len(x))
        for first in range(0, len(x), 50):
            reconstruction_step(x[order[first : first + 50]], model=model, loss=loss, optimizer=optimizer)
    return anomaly_score(unseen, model.forward(unseen)[0])


with when_written():
    _, _, labels = pixels()
    ax = plt.subplots(figsize=(5.2, 4.6), layout="constrained")[1]
    for digit, colour in zip((0, 1, 4, 7), plotting.COLOURS, strict=False):
        alarms, found, area = roc(scores_without(digit), labels == digit)
        ax.plot(alarms, found, color=colour, label=f"{digit} is the anomaly: AUC {area:.2f}")
    ax.plot([0, 1], [0, 1], ":", color="gray")
    ax.set(xlabel="share of normal digits reported", ylabel="share of anomalies found")
    ax.legend(loc="lower right")
    plt.show()


# %% [markdown]
# **Question 1.** *(3 points)* (a) In the picture above one digit is hardly ever noticed as an anomaly; its scores may
# even be *lower* than those of normal digits. Explain why, with what an autoencoder learns. (b) Somebody enlarges the
# code from 8 to 784 to get a better reconstruction of normal images. What happens to the AUC? (c) Somebody trains on
# data of which 5 % are anomalies, without knowing it. When does this matter little, and when much?

# %% [markdown]
# YOUR ANSWER HERE

# %% [markdown]
# ## 10.6 GaussianSample
#
# An autoencoder cannot draw a new digit: nobody knows which codes belong to digits and which lie in the empty space
# between them. The **variational autoencoder** has an answer. Suppose images come about like this: nature draws a code
# $z \sim \mathcal N(0, 1)$, and from it an image, $x \sim p(x \mid z)$, computed by the decoder. What we look for is the decoder
# that makes the images that we have likely, $p(x) = \int p(x \mid z)\, p(z)\, dz$. The integral cannot be computed.
# But for *any* distribution $q(z)$, by Jensen's inequality,
#
# $$ \log p(x) = \log \mathbb E_{q}\!\left[\frac{p(x \mid z)\, p(z)}{q(z)}\right]
#    \;\ge\; \underbrace{\mathbb E_{q}[\log p(x \mid z)]}_{\text{reconstruction}} - \underbrace{\mathrm{KL}(q(z) \,\|\, p(z))}_{\text{KL divergence}} $$
#
# The right side is the **evidence lower bound**, ELBO. It is best for codes from which $x$ may have come, so an
# encoder provides them: for each image a mean and a variance for each number of the code, $q(z \mid x) = \mathcal
# N(\mu(x), \sigma^2(x))$. The network is an autoencoder whose code is *drawn*. The following four exercises are its
# four pieces: the draw, the divergence, the likelihood, the network.
#
# **How does a gradient pass through a draw?** Not at all, if you ask a generator for a number with mean $\mu$ and
# deviation $\sigma$. But you can draw first and transform afterwards:
#
# $$ z = \mu + \sigma\,\varepsilon, \qquad \varepsilon \sim \mathcal N(0, 1) $$
#
# Now $\varepsilon$ is a constant that happens to be random, and $z$ is an ordinary function of $\mu$ and $\sigma$.
# This is called **reparameterization**. The encoder gives $\ell = \log \sigma^2$ in place of $\sigma$: it may be any
# number, and $\sigma = e^{\ell / 2}$ is positive by itself.
#
# **The backward pass.** $\partial z / \partial \mu = 1$ and $\partial z / \partial \ell = \varepsilon \cdot \frac12
# e^{\ell/2}$:
#
# $$ d\mu = dz, \qquad d\ell = \tfrac12\, \sigma\, \varepsilon\; dz $$
#
# with the $\varepsilon$ of this forward, not a new one.
#
# *By hand:* $\mu = 1$, $\ell = \log 4$, so $\sigma = 2$; say $\varepsilon = -0.5$ was drawn: $z = 1 - 1 = 0$. With $dz
# = 3$: $d\mu = 3$, $d\ell = \frac12 \cdot 2 \cdot (-0.5) \cdot 3 = -1.5$.

# %%
class GaussianSample(Layer):
    """A draw that gradients pass through:  z = mean + exp(log_variance / 2) · ε,  ε ~ N(0, 1)

    Shapes
        mean, log_variance, z  any, the same
    rng: the generator that draws ε, anew in every call, one number for each of z; in evaluation mode as in training.

    Source: Kingma & Welling, Auto-Encoding Variational Bayes (2014), section 2.4; Rezende, Mohamed & Wierstra,
    Stochastic Backpropagation and Approximate Inference in Deep Generative Models (2014).
    """

    def __init__(self, *, rng):
        self.rng = rng

    def forward(self, mean, log_variance):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dz):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(GaussianSample)


# %% [markdown]
# ## 10.7 GaussianKL
#
# The second term of the ELBO: how far is $\mathcal N(\mu, \sigma^2)$ from the $\mathcal N(0, 1)$ that codes are later drawn
# from? For two normal distributions the integral of the Kullback-Leibler divergence can be solved:
#
# $$ \mathrm{KL} = \mathbb E_q[\log q(z) - \log p(z)]
#    = \mathbb E_q\!\left[-\tfrac12 \log \sigma^2 - \tfrac{(z - \mu)^2}{2 \sigma^2} + \tfrac{z^2}{2}\right]
#    = \tfrac12 \left( \mu^2 + \sigma^2 - 1 - \log \sigma^2 \right) $$
#
# since $\mathbb E (z - \mu)^2 = \sigma^2$ and $\mathbb E z^2 = \mu^2 + \sigma^2$. The numbers of a code are
# independent, so their divergences **add up over the dimensions**; the loss is the **mean over the batch**.
#
# **Sum here, mean there?** Both terms of the ELBO are logarithms of probabilities of *one image*: sums over its 784
# pixels and over its 16 code numbers. Somebody who averages the pixels but sums the code gives the
# divergence 784 times its weight; the code then carries nothing, and every image is reconstructed as the same grey
# spot. This is called *posterior collapse*, and it does not look like a mistake in the program.
#
# **The backward pass.** With $\ell = \log \sigma^2$, so $\sigma^2 = e^\ell$ and $N$ rows:
#
# $$ d\mu = \frac{\mu}{N}, \qquad d\ell = \frac{e^\ell - 1}{2 N} $$
#
# *By hand:* one image, $\mu = (1, 0)$, $\ell = (0, \log 4)$: $\frac12 (1 + 1 - 1 - 0) = 0.5$ and $\frac12 (0 + 4 - 1 -
# 1.386) = 0.807$, together $1.307$. $d\mu = (1, 0)$, $d\ell = (0, 1.5)$: the second number is more uncertain than the
# prior, which costs too.

# %%
class GaussianKL(Loss):
    """KL(N(mean, exp(log_variance)) ‖ N(0, 1)): the sum over the dimensions, the mean over the batch

    Shapes
        mean, log_variance  (batch, latent)      loss  ()      backward returns (dmean, dlog_variance)

    Source: Kingma & Welling, Auto-Encoding Variational Bayes (2014), appendix B.
    """

    def forward(self, mean, log_variance):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(GaussianKL)


# %% [markdown]
# ## 10.8 BernoulliLikelihood
#
# The other term: how likely is the image $x$, given what the decoder says? The decoder gives a **logit** $a_i$ for
# each pixel, and $\sigma(a_i)$ is the probability that the pixel is set. For pixels of 0 and 1 this is a product of
# coins, and its negative logarithm is the binary cross-entropy of 03. Grey values between 0 and 1 are taken as if
# $x_i$ were the probability that the pixel is set:
#
# $$ -\log p(x \mid z) = \sum_i \bigl( \log(1 + e^{a_i}) - x_i\, a_i \bigr) $$
#
# What differs from 03 is what is summed: **all pixels of an image are summed**, only the batch is averaged.
#
# Two remarks. Even a perfect reconstruction costs something, namely the entropy of the grey values: with $\sigma(a_i)
# = x_i = \frac12$ a pixel still costs $\log 2$. And $e^{a}$ overflows for large $a$; write $\log(1 + e^a) = \max(a, 0)
# + \log(1 + e^{-|a|})$.
#
# **The backward pass** is that of 03 with another factor: $da = (\sigma(a) - x) / N$. Speed is graded here: no loop
# over images.
#
# *By hand:* $a = (0, 2)$, $x = (1, 0.25)$: $\log 2 - 0 = 0.693$ and $\log(1 + e^2) - 0.5 = 1.627$, together $2.320$;
# $da = (0.5 - 1, 0.881 - 0.25) = (-0.5, 0.631)$.

# %%
class BernoulliLikelihood(Loss):
    """−log p(x) of grey values, from logits:  Σ log(1 + exp(aᵢ)) − xᵢ aᵢ, a sum for each image, the mean of the batch

    Shapes
        logits, target  (batch, …), the same      loss  ()      dlogits  as the logits
    target: floats from 0 to 1.      The loss is finite for every finite logit.

    Source: Kingma & Welling, Auto-Encoding Variational Bayes (2014), appendix C.1.
    """

    def forward(self, logits, target):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(BernoulliLikelihood)


# %% [markdown]
# ## 10.9 VAE
#
# Now the network. The encoder gives $2k$ numbers for each image: the first $k$ are the means, the other $k$ the
# logarithms of the variances. A sampler (your `GaussianSample`) makes the code, the decoder makes logits. `forward`
# returns all three, because the likelihood needs the logits and the divergence the other two.
#
# ```
#                            ┌──→ mean (N, k) ────────┬──────────────────────────→ GaussianKL
#  x ──→ encoder ──→ (N, 2k) ┤                        ├──→ sampler ──→ z (N, k) ──→ decoder ──→ logits ──→ BernoulliLikelihood
#                            └──→ log_variance (N, k) ┴──────────────────────────→ GaussianKL
# ```
#
# **The backward pass, step by step.** `backward` gets three gradients: `dlogits` of the likelihood, and `dmean` and
# `dlog_variance` of the divergence. In the drawing, mean and log-variance have an arrow to the right and one to the
# sampler, so each has two gradients that add up:
#
# 1. $dz$ = the decoder's backward of `dlogits`.
# 2. The sampler's backward of $dz$ gives two gradients: $dz$ and $\frac12 \sigma \varepsilon\, dz$.
# 3. Add `dmean` to the first, `dlog_variance` to the second.
# 4. Put the two side by side, as the encoder gave them, and call the encoder's backward.
#
# *By hand:* the encoder gives $(\mu, \ell) = (1, \log 4)$, $\varepsilon = -0.5$, so $z = 0$; the decoder is $3z + 1$,
# the logit 1. Let `dlogits` be 2, and the divergence's gradients $(1, 1.5)$. Then $dz = 6$, the sampler returns $6$ and
# $\frac12 \cdot 2 \cdot (-0.5) \cdot 6 = -3$, and the encoder receives $(6 + 1, -3 + 1.5) = (7, -1.5)$.

# %%
class VAE(Layer):
    """Variational autoencoder:  mean, log_variance = encoder(x),  z = sampler(mean, log_variance),  logits = decoder(z)

    Shapes
        x  (batch, …)      logits  what the decoder returns      mean, log_variance, z  (batch, latent)
    encoder: returns (batch, 2 · latent), the means first.      decoder: takes (batch, latent).
    sampler: a GaussianSample, or another layer that makes z from mean and log_variance.
    backward(dlogits, dmean, dlog_variance): the last two are gradients that do not come through z (the KL's).

    Source: Kingma & Welling, Auto-Encoding Variational Bayes (2014), section 2 and appendix C.
    """

    def __init__(self, encoder, sampler, decoder):
        self.encoder, self.sampler, self.decoder = encoder, sampler, decoder

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dlogits, dmean, dlog_variance):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(VAE)


# %% [markdown]
# ## Capstone: a network that draws digits
#
# Write `train_vae`: make the network that `new_vae` builds, train it on 10,000 digits so that the sum of both losses,
# the negative ELBO, becomes small, and return it. The check reads the trained parameters, computes the negative ELBO
# of 2,000 *unseen* digits with draws of its own, and requires **at most 125 nats** per digit, from one of up to three
# seeds. Training may take at most 30 seconds of CPU time; the author's solution takes about 4. (A network that ignores
# its code and always draws the mean digit has 206.) Three remarks:
#
# - Parameters are float64 until `model.astype("float32")`, and take twice the time.
# - `model.backward(nll.backward(), *kl.backward())` are the two losses together.
# - For every seed the 784 pixels are in another order, which dense layers do not notice: only training helps.

# %%
def new_vae(*, rng):
    """The network of the capstone, 784-256-16-256-784, in float64; given"""
    encoder = Sequential([Linear(784, 256, rng=rng), ReLU(), Linear(256, 32, rng=rng)])
    decoder = Sequential([Linear(16, 256, rng=rng), ReLU(), Linear(256, 784, rng=rng)])
    return VAE(encoder, GaussianSample(rng=rng), decoder)


def train_vae(x, *, rng):
    """Train the network of new_vae to give images a small negative ELBO; return it

    Shapes
        x  (batch, 784) float32, grey values from 0 to 1
    rng: a numpy.random.Generator for the initial weights, for the draws and for shuffling.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(train_vae)


# %% [markdown]
# Now draw. Codes come from $\mathcal N(0, 1)$, and the same twelve codes are decoded after 1, 10, 100 and all 800
# steps.

# %%
@cache
def drawing_vae():
    """A trained network, and what it made of the same twelve codes on the way; given"""
    x, codes, sheets = pixels()[0], np.random.default_rng(5).normal(size=(12, 16)).astype("float32"), {}
    rng = np.random.default_rng(0)
    model, nll, kl = new_vae(rng=rng), BernoulliLikelihood(), GaussianKL()
    model.astype("float32")
    optimizer = Adam(model.parameters())
    for step in range(1, 801):
        rows = x[rng.integers(len(x), size=100)]
        logits, mean, log_variance = model.forward(rows)
        nll.forward(logits, rows)
        kl.forward(mean, log_variance)
        model.zero_grad()
        model.backward(nll.backward(), *kl.backward())
        optimizer.lr = 0.003 * (1 - step / 801)
        optimizer.step()
        if step in (1, 10, 100, 800):
            sheets[step] = Sigmoid().forward(model.decoder.forward(codes))
    return model, sheets


with when_written():
    _, sheets = drawing_vae()
    figure, axes = plt.subplots(len(sheets), 1, figsize=(11, 1.1 * len(sheets)), layout="constrained")
    for (step, images), ax in zip(sheets.items(), axes, strict=True):
        plotting.images(images.reshape(-1, 28, 28), columns=12, ax=ax)
        ax.set_title(f"steps: {step}", fontsize=9)
    plt.show()

# %% [markdown]
# And walk. Between the codes of two unseen digits every point is a code too. Straight lines from one digit to another,
# in steps of the code (above) and of the pixels (below). Which of the two passes through images that are digits?

# %%
with when_written():
    model, _ = drawing_vae()
    _, unseen, labels = pixels()
    figure, axes = plt.subplots(4, 1, figsize=(11, 4.4), layout="constrained")
    way = np.linspace(0, 1, 12, dtype="float32")[:, None]
    for pair, (first, last) in enumerate([(2, 7), (9, 0)]):
        ends = np.stack([unseen[labels == digit][0] for digit in (first, last)])
        codes = model.forward(ends)[1]
        images = Sigmoid().forward(model.decoder.forward((1 - way) * codes[0] + way * codes[1]))
        blends = (1 - way) * ends[0] + way * ends[1]
        for row, ax, of in ((images, axes[2 * pair], "codes"), (blends, axes[2 * pair + 1], "pixels")):
            plotting.images(row.reshape(-1, 28, 28), columns=12, ax=ax)
            ax.set_title(f"from a {first} to a {last}, by {of}", fontsize=9)
    plt.show()


# %% [markdown]
# **Question 2.** *(3 points)* (a) The sampled digits are blurred, those of the adversarial networks of part two are
# sharp. Explain the blur by what the likelihood rewards where a code does not determine a pixel. (b) After training,
# one of the 16 code numbers has $\mu = 0$ and $\sigma = 1$ for every image. What does it contribute to the KL, what
# can the decoder read from it, and why is that a sensible outcome of the loss? (c) Somebody omits the KL altogether.
# What happens to $\sigma$, what to the reconstructions, and what to images decoded from $\mathcal N(0, 1)$?

# %% [markdown]
# YOUR ANSWER HERE

# %% [markdown]
# ## 10.11 sparse_coding
#
# *(A bonus.)* Sparse coding has a decoder, a matrix $D$ whose rows are called *atoms*, but no encoder. The code of $x$
# is whatever explains $x$ best with few atoms:
#
# $$ z(x) = \arg\min_z \; \tfrac12 \lVert x - z D \rVert^2 + \lambda \sum_k |z_k| $$
#
# The absolute values make most numbers of $z$ *exactly* zero, which a square would not. But they have no derivative
# there. **ISTA** (iterative shrinkage-thresholding) takes a gradient step for the smooth part, then treats the other
# part exactly: the minimum of $\frac12 (z - v)^2 + t |z|$ is at
#
# $$ S_t(v) = \mathrm{sign}(v) \max(|v| - t, 0), $$
#
# *soft thresholding*: move everything by $t$ towards 0, and what would pass it becomes 0. (Compare the two cases: for
# $z > 0$ the slope $z - v + t$ vanishes at $v - t$, which is positive only if $v > t$.) So, from $z = 0$, a fixed
# number of times:
#
# $$ z \leftarrow S_{\eta\lambda}\bigl( z - \eta\, (z D - x) D^\top \bigr), \qquad \eta = \frac{1}{\lVert D \rVert_2^2} $$
#
# where $\lVert D \rVert_2$ is the largest singular value of $D$: with this step the value never grows. The threshold
# is $\eta\lambda$, not $\lambda$. All rows take a step together; speed is graded.
#
# *By hand:* one atom $D = (2)$, $\lambda = 1$, $x = 3$: $\eta = \frac14$. From 0: the gradient is $(0 - 3) \cdot 2 =
# -6$, so $v = 1.5$, and $S_{1/4}(1.5) = 1.25$. Again: $(2.5 - 3) \cdot 2 = -1$, $v = 1.5$, $z = 1.25$: it is the
# minimum. Without the penalty it would be 1.5.

# %%
def sparse_coding(x, D, penalty, steps):
    """Codes z that make ½ ‖x − z D‖² + penalty Σ |z| small for every row, after so many steps of ISTA from z = 0

    Shapes
        x  (batch, features)      D  (atoms, features), not all zero      result  (batch, atoms)
    penalty: λ, 0 or more.      steps: 0 or more, each of size 1 / (largest singular value of D)².

    Source: Daubechies, Defrise & De Mol, An Iterative Thresholding Algorithm for Linear Inverse Problems with a
    Sparsity Constraint (2004); Olshausen & Field, Emergence of Simple-Cell Receptive Field Properties (1996).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(sparse_coding)


# %% [markdown]
# The atoms below were learned: codes by your `sparse_coding`, then a step of the atoms downhill, each atom kept at
# length 1. Atoms of digits are strokes and whole digits, as the units of the sparse autoencoder are; but here most of
# a code is exactly zero.

# %%
@cache
def learned_atoms(atoms=64, penalty=0.5):
    """Atoms (atoms, 784) of length 1, and codes of unseen digits; given"""
    rng = np.random.default_rng(0)
    x, unseen, _ = pixels()
    D = x[rng.permutation(len(x))[:atoms]]
    D /= np.sqrt((D**2).sum(axis=1, keepdims=True))
    for step in range(300):
        rows = x[rng.integers(len(x), size=100)]
        z = sparse_coding(rows, D, penalty, 30)
        D -= (0.02 if step < 200 else 0.005) * z.T @ (z @ D - rows)
        D /= np.sqrt((D**2).sum(axis=1, keepdims=True))
    return D, sparse_coding(unseen, D, penalty, 100)


with when_written():
    D, codes = learned_atoms()
    ax = plotting.images(D[:48].reshape(-1, 28, 28), columns=12)
    ax.set_title(f"atoms; of a code, {(codes != 0).mean():.0%} of the numbers are not zero")
    plt.show()

# %% [markdown]
# # Part two: two networks and noise
#
# Neither an encoder nor a likelihood is needed in the second half. In the first model of this part the loss is itself a
# network, which learns; in the second one the code is as large as the image, and the way back is learned in small steps.

# %%
LeakyReLU, Tanh, Flatten = earlier("layers.LeakyReLU"), earlier("layers.Tanh"), earlier("layers.Flatten")
Conv2d, ConvTranspose2d = earlier("convolution.Conv2d"), earlier("convolution.ConvTranspose2d")
BatchNorm = earlier("regularization.BatchNorm")


# %% [markdown]
# ## 10.12 DiscriminatorLoss
#
# A **generative adversarial network** is two networks that train against each other. The *generator* $G$ turns noise
# $z$ into an image. The *discriminator* $D$ gets an image and answers with one number, a logit $s$: large if it takes
# the image for a real one, small if it takes it for a generated one; $\sigma(s)$ is its probability of "real". The
# discriminator is an ordinary classifier with two classes, so its loss is the binary cross-entropy of 03, with the
# label 1 for real images and 0 for generated ones:
#
# $$ L_D = -\frac1n \sum_{i=1}^n \log \sigma(s_i^{real}) \; - \; \frac1m \sum_{j=1}^m \log\bigl(1 - \sigma(s_j^{fake})\bigr) $$
#
# Each of the two is the mean over its own batch, and they are added: with $n \ne m$ that is not the mean over all
# $n + m$.
#
# **Stable.** With $\text{softplus}(s) = \log(1 + e^s)$ both terms have the same form, since
# $-\log \sigma(s) = \log(1 + e^{-s})$ and $-\log(1 - \sigma(s)) = \log(1 + e^s)$:
#
# $$ L_D = \text{mean softplus}(-s^{real}) + \text{mean softplus}(s^{fake}), \qquad
#    \text{softplus}(s) = \max(s, 0) + \log\bigl(1 + e^{-|s|}\bigr) $$
#
# A discriminator soon is *sure*: logits of ±50 are common. Whoever computes $\sigma$ first and then its logarithm gets
# $\log 0$ there; whoever adds a small number under the logarithm loses the gradient where it matters.
#
# **The backward pass, derived.** $\frac{d}{ds} \text{softplus}(s) = \frac{e^s}{1 + e^s} = \sigma(s)$, and the chain
# rule with the inner $-s$ gives a minus:
#
# $$ ds_i^{real} = -\frac1n\, \sigma(-s_i^{real}) = \frac{\sigma(s_i^{real}) - 1}{n}, \qquad ds_j^{fake} = \frac1m\, \sigma(s_j^{fake}) $$
#
# *By hand:* one real row with $s = \ln 3$, two generated ones with $0$ and $-\ln 3$. $\sigma$ is ¾, ½, ¼.
# $L_D = -\ln ¾ - ½ (\ln ½ + \ln ¾) = 0.288 + 0.490 = 0.778$; $ds^{real} = (-¼)$, $ds^{fake} = (¼, ⅛)$.
#
# > **Find the mistake.** One of the articles behind this course defines the discriminator as a supervised model that
# > receives the images that the generator makes, and determines whether they are real. What is missing?
# >
# > <details><summary>What is missing</summary>The real images. A discriminator that sees generated images only has one
# > class: "generated" is always the right answer, its loss falls to zero without a look at any image, and the generator
# > learns nothing of what images are like. What it learns about real images it learns only through the
# > discriminator.</details>

# %%
class DiscriminatorLoss(Loss):
    """Cross-entropy of a discriminator that should call real rows real, and generated ones generated, from logits

    Shapes
        real  (n, …)      fake  (m, …)      loss  ()      dreal, dfake  as real, as fake
    loss = mean(−log σ(real)) + mean(−log(1 − σ(fake))), finite for every finite logit.
    backward() returns (dreal, dfake).

    Source: Goodfellow et al., Generative Adversarial Nets (2014), equation 1.
    """

    def forward(self, real, fake):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self):
        # YOUR CODE HERE
        raise NotImplementedError()


# %% [markdown]
# Two functions are given: you have derived both in 03.

# %%
def softplus(s):
    """log(1 + eˢ), element by element, for every finite s; given"""
    xp = array_module(s)
    y = xp.log1p(xp.exp(-abs(s)))
    y += xp.maximum(s, 0)
    return y


def sigmoid(s):
    """1 / (1 + e⁻ˢ) = (1 + tanh(s / 2)) / 2, element by element, for every finite s; given"""
    y = array_module(s).tanh(s * 0.5)
    y += 1
    y *= 0.5
    return y


# %%
check(DiscriminatorLoss)


# %% [markdown]
# ## 10.13 GeneratorLoss
#
# The generator is after the opposite. The **minimax** game of the paper takes that literally: its loss is minus the
# second term of the discriminator's. The **non-saturating** loss asks instead that its images be called real:
#
# $$ L_{minimax} = \text{mean} \log\bigl(1 - \sigma(s)\bigr) = -\text{mean softplus}(s), \qquad
#    L_{non-saturating} = -\text{mean} \log \sigma(s) = \text{mean softplus}(-s) $$
#
# Both fall when $s$ rises. But look at the gradients, for $m$ rows:
#
# $$ ds_{minimax} = -\frac1m\, \sigma(s), \qquad ds_{non-saturating} = -\frac1m\, \sigma(-s) $$
#
# ```
#     s (what D answers)          −10        −2         0         2        10
#     D thinks of the image       surely    probably              probably surely
#                                 generated generated             real     real
#     |ds| minimax              0.00005     0.12      0.50      0.88      1.00
#     |ds| non-saturating          1.00     0.88      0.50      0.12   0.00005
# ```
#
# At the beginning of training every image is noise, and the discriminator sees that at once: $s \ll 0$. The minimax
# loss then has no gradient left, just where the generator has everything to learn. The non-saturating one has its
# full gradient there, and loses it where there is nothing to improve. Therefore it is the one that is used.
#
# *By hand:* two rows with $s = -\ln 3$ and $0$, so $\sigma = ¼, ½$. Minimax: $L = ½ (\ln ¾ + \ln ½) = -0.490$,
# $ds = (-⅛, -¼)$. Non-saturating: $L = -½ (\ln ¼ + \ln ½) = 1.040$, $ds = (-⅜, -¼)$.

# %%
class GeneratorLoss(Loss):
    """What a generator makes small, from the discriminator's logits of its rows

    Shapes
        fake  (m, …)      loss  ()      dfake  as fake
    loss = mean(−log σ(fake)); with minimax=True mean(log(1 − σ(fake))).  Finite for every finite logit.

    Source: Goodfellow et al., Generative Adversarial Nets (2014), section 3.
    """

    def __init__(self, minimax=False):
        self.minimax = minimax

    def forward(self, fake):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(GeneratorLoss)


# %% [markdown]
# ## 10.14 gan_step
#
# One step of the game has two halves, and what makes it difficult is not a formula but the **order of events**.
#
# ```
#   1  the discriminator's half                          2  the generator's half
#
#      noise ──→ G ──→ fake ──┐                             fresh ──→ G ──→ fake ──→ D ──→ s ──→ L_G
#                             ├─→ D ──→ s ──→ L_D                     ↑                ↓
#      real ──────────────────┘   ↑           ↓                       └── dfake ←──────┘
#                                 └───────────┘                       │
#      D.step()     (G gets nothing)                        G.step()  (D passes on, and does not move)
# ```
#
# 1. **The discriminator's half.** The generator makes rows from `noise`. The discriminator sees the real and the
#    generated rows, and moves so that $L_D$ falls. The gradient stops at the generated rows: to the discriminator
#    they are data. Libraries call that *detached*; here it simply means that `generator.backward` is not called.
# 2. **The generator's half.** From `fresh` noise the generator makes new rows, which the discriminator *as it is now*
#    judges. The gradient of $L_G$ goes **through** the discriminator, whose `backward` gives what matters, the
#    gradient at its input, and into the generator, which moves. On its way it also leaves something in the
#    discriminator's `.grad`. That belongs to nobody: whoever does not clear it finds it again in the next step, with
#    the wrong sign.
#
# Two details:
#
# - A layer remembers its **last** `forward` only. If the discriminator reads first the real and then the generated
#   rows, then `backward` for the real ones uses what it remembers of the generated ones. Either let it read both as
#   *one* batch (real rows first, then split the logits, and join the two gradients again), or read the real rows a
#   second time.
# - The networks may come with gradients of earlier steps. Clear each network's before its own half. At the end the
#   discriminator's are zero.
#
# *By hand:* rows of one number, $G(z) = g z$ with $g = 1$; $D(x) = w x$ with $w = 0$; a real row 2, noise 1, fresh
# noise 3, learning rate 1. First half: the logits are 0 and 0, $L_D = 2 \ln 2$, $ds = (-½, ½)$,
# $dw = -½ \cdot 2 + ½ \cdot 1 = -½$, so $w = ½$. Second half: $G(3) = 3$, $s = 1.5$,
# $L_G = \text{softplus}(-1.5) = 0.201$, $ds = -0.182$, $dfake = -0.182 \cdot ½ = -0.091$,
# $dg = -0.091 \cdot 3 = -0.274$, so $g = 1.274$. With the discriminator's old $w = 0$ the generator would have
# learned nothing.

# %%
def gan_step(
    real, noise, fresh, *, generator, discriminator, discriminator_loss, generator_loss, discriminator_optimizer,
    generator_optimizer
):  # fmt: skip
    """One update of the discriminator, then one of the generator; returns both losses

    Shapes
        real  (n, …)      noise  (m, latent)      fresh  (k, latent)      result  two scalars
    First the discriminator, by discriminator_loss(real, fake) of its answers to the real rows and to those that the
    generator makes of noise; then the generator, by generator_loss(fake) of the answers to what it makes of fresh.
    The first loss does not reach the generator. Earlier gradients do not count, and the discriminator's are zero at
    the end. Both networks compute in the mode that each is in, and stay in it. The rows of both kinds have the same
    shape; n, m and k may differ.
    Returns (the discriminator's loss, the generator's loss).

    Source: Goodfellow et al., Generative Adversarial Nets (2014), algorithm 1, with one step of the discriminator.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(gan_step)


# %% [markdown]
# ## Capstone: digits from an opponent
#
# Write `train_gan`: make the generator that `new_generator` builds and a discriminator of your own, train them
# against each other on digits of 14 × 14 pixels, and return the generator. Four remarks:
#
# - Both networks in float32, `Adam` with the first of its betas at 0.5 (the usual 0.9 remembers for too long what an
#   opponent of ten steps ago was like), batches of 64, about 2,000 steps of `gan_step`, a rate around 0.001.
# - A discriminator 196-256-128-1 with LeakyReLU(0.2) is good enough. No norm is needed here.
# - Draw both noises anew for every step.
# - The losses say little. That of the discriminator is 1.24 after 800 steps as well as after 2,000 (an opponent that
#   guesses has $2 \ln 2 = 1.39$), while the images get better and better: if both improve, neither loss falls. Look at
#   images instead.
#
# **How to measure.** A good generator draws images of which everybody can say what they are, and draws of everything.
# With $p(y|x)$ what a classifier says of the image $x$, and $p(y)$ the mean of that over all generated images,
#
# $$ \text{score} = \exp\; \text{mean}_x\; KL\bigl(p(y|x)\, \|\, p(y)\bigr) $$
#
# It is 1 if all images look alike to the classifier, or if it can make nothing of any of them, and 10 if it is sure
# of each and there are equally many of every class. (In the paper the classifier is a network named Inception, hence
# *Inception score*.)
#
# The check reads the parameters of the generator, computes 2,000 images from codes of its own, and requires a score
# of **at least 4.4** by its own classifier, and that at least **1 %** of the images are of each class, from one of up
# to three seeds. By that classifier, which is simple and in doubt rather often, real digits have 8.2, normal numbers
# with the mean and covariance of the pixels 2.9, and the author's solution has 5.2, after 8 seconds of CPU time; 40
# are allowed. For every seed the digits are dealt anew, and their pixels are in another order.

# %%
def new_generator(*, rng):
    """The generator of the capstone, 32-128-256-196, in float64; given"""
    layers = [Linear(32, 128, rng=rng), LeakyReLU(0.2), Linear(128, 256, rng=rng), LeakyReLU(0.2)]
    return Sequential([*layers, Linear(256, 196, rng=rng), Tanh()])


def train_gan(x, *, rng):
    """Train the generator of new_generator against a discriminator, and return it

    Shapes
        x  (batch, 196) float32, pixels from −1 to 1
    rng: a numpy.random.Generator for the initial weights, the noise and the batches.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(train_gan)


# %% [markdown]
# What becomes of the same twelve codes in the course of training, with the score of 2,000 images each time.

# %%
@cache
def small_digits():
    """Digits of 14 × 14 as rows of 196 pixels from −1 to 1, their labels, then 2,000 unseen ones and theirs; given"""
    data = mnist()
    x, unseen = (
        (2 * rows.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)) - 1).reshape(-1, 196).astype("float32")
        for rows in (data.x_train, data.x_test)
    )
    return x, data.y_train, unseen, data.y_test


@cache
def classifier():
    """Least squares on a thousand random features: probabilities of digits for rows of 196 pixels; given"""
    x, y, _, _ = small_digits()
    rng = np.random.default_rng(0)
    A, c = rng.normal(0, 1 / 14, (196, 1000)).astype("float32"), rng.normal(0, 0.5, 1000).astype("float32")

    def features(rows):
        return np.maximum(rows @ A + c, 0)

    seen = features(x[:5000])
    weights = np.linalg.solve(
        seen.T @ seen + 5 * np.eye(1000, dtype="float32"), seen.T @ np.eye(10, dtype="float32")[y[:5000]]
    )

    def probabilities(rows):
        scores = 12 * features(rows.astype("float32")) @ weights
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    return probabilities


def inception_score(images):
    """The exponential of mean KL(p(y|x) ‖ p(y)) of rows of 196 pixels; given"""
    p = classifier()(images)
    return float(np.exp((p * np.log((p + 1e-12) / (p.mean(axis=0) + 1e-12))).sum(axis=1).mean()))


# %%
@cache
def digits_on_the_way(*, steps=2000):
    """A generator, and what it made of the same codes after some of the steps; given"""
    x, _, _, _ = small_digits()
    rng, sheets = np.random.default_rng(1), {}
    codes = rng.normal(size=(2000, 32)).astype("float32")
    generator, discriminator = new_generator(rng=rng), opponent(rng=rng)
    for network in (generator, discriminator):
        network.astype("float32")
    settings = {"lr": 0.001, "betas": (0.5, 0.999)}
    playing = {
        "generator": generator,
        "discriminator": discriminator,
        "discriminator_loss": DiscriminatorLoss(),
        "generator_loss": GeneratorLoss(),
        "discriminator_optimizer": Adam(discriminator.parameters(), **settings),
        "generator_optimizer": Adam(generator.parameters(), **settings),
    }
    for step in range(1, steps + 1):
        both = rng.normal(size=(2, 64, 32)).astype("float32")
        gan_step(x[rng.integers(len(x), size=64)], both[0], both[1], **playing)
        if step in (1, 100, 400, 1000, 2000):
            sheets[step] = generator.forward(codes)
    return generator, sheets


def opponent(*, rng):
    """A discriminator for rows of 196 pixels; given"""
    first, second = Linear(196, 256, rng=rng), Linear(256, 128, rng=rng)
    return Sequential([first, LeakyReLU(0.2), second, LeakyReLU(0.2), Linear(128, 1, rng=rng)])


with when_written():
    _, sheets = digits_on_the_way()
    figure, axes = plt.subplots(len(sheets), 1, figsize=(11, 1.15 * len(sheets)), layout="constrained")
    for (step, images), ax in zip(sheets.items(), axes, strict=True):
        plotting.images(images[:12].reshape(-1, 14, 14), columns=12, ax=ax)
        ax.set_title(f"steps: {step}, score {inception_score(images):.1f}", fontsize=9)
    plt.show()

# %% [markdown]
# A walk through the space of codes, from one code to another on a circle (a straight line would pass near the origin,
# where no code of training was). Every image on the way is one that the generator might have drawn, though no image
# of the data is like it.

# %%
with when_written():
    generator, _ = digits_on_the_way()
    ends = np.random.default_rng(4).normal(size=(3, 2, 1, 32))
    turn = np.linspace(0, np.pi / 2, 12)[:, None]
    figure, axes = plt.subplots(3, 1, figsize=(11, 3.3), layout="constrained")
    for (first, last), ax in zip(ends, axes, strict=True):
        walk = (np.cos(turn) * first + np.sin(turn) * last).astype("float32")
        plotting.images(generator.forward(walk).reshape(-1, 14, 14), columns=12, ax=ax)
    plt.show()


# %% [markdown]
# ## 10.16 DCGANGenerator
#
# With images the networks should be convolutional. Radford, Metz & Chintala tried many and wrote down what trained
# well, the *DCGAN*: transposed convolutions that double the size, batch normalization inside, ReLU in the generator
# and LeakyReLU in the discriminator, tanh at the end. For 14 × 14 pixels:
#
# ```
#   z (N, latent) ─ Linear ─→ (N, 16 C) ─ as images ─→ (N, C, 4, 4) ─ norm1 ─ ReLU ─┐
#                                                                                    │
#   ┌────────────────────────────────────────────────────────────────────────────────┘
#   └─ up1: ConvTranspose2d 3 × 3, stride 2, padding 1 ─→ (N, C/2, 7, 7) ─ norm2 ─ ReLU ─┐
#                                                                                        │
#   ┌────────────────────────────────────────────────────────────────────────────────────┘
#   └─ up2: ConvTranspose2d 4 × 4, stride 2, padding 1 ─→ (N, 1, 14, 14) ─ tanh ─→ y, pixels from −1 to 1
# ```
#
# - **No norm at the ends.** Batch normalization gives each channel of the *batch* the same mean and variance. At
#   the last layer that would fix the mean brightness and the contrast of all generated images together, whatever the
#   data are like.
# - The norm comes *before* the ReLU, and `norm1` sees images: the $4 \cdot 4$ places of a channel share one mean. So
#   reshape first. With the shape (N, 16 C) it would be another layer, with 16 times as many means.
# - In training mode all rows of a batch depend on each other. After `eval()` each image depends on its own code only.
#
# **The backward pass** calls the backward of every layer, from the last to the first, and undoes the reshape.
#
# *By hand:* shapes for $C = 32$ and a batch of 5: (5, 512), (5, 32, 4, 4), then $(4 - 1) \cdot 2 - 2 + 3 = 7$:
# (5, 16, 7, 7), then $(7 - 1) \cdot 2 - 2 + 4 = 14$: (5, 1, 14, 14).

# %%
class DCGANGenerator(Layer):
    """Images from codes:  Linear, norm1, ReLU, up1, norm2, ReLU, up2, tanh

    Shapes
        z  (N, latent)      y  (N, 1, 14, 14)
    channels: of the images of 4 × 4 with which it begins, an even number; norm1 is over these channels.
    backward returns dz.

    Source: Radford, Metz & Chintala, Unsupervised Representation Learning with Deep Convolutional Generative
    Adversarial Networks (2016), section 3.
    """

    def __init__(self, latent, channels, *, rng):
        half = channels // 2
        self.linear = Linear(latent, channels * 4 * 4, rng=rng)
        self.norm1, self.norm2 = BatchNorm(channels), BatchNorm(half)
        self.up1 = ConvTranspose2d(channels, half, 3, stride=2, padding=1, rng=rng)
        self.up2 = ConvTranspose2d(half, 1, 4, stride=2, padding=1, rng=rng)
        self.relu1, self.relu2, self.tanh = ReLU(), ReLU(), Tanh()
        for layer in (self.linear, self.up1, self.up2):
            layer.W.data[...] = asarray(rng.normal(0, 0.02, layer.W.shape))  # as in the paper

    def forward(self, z):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(DCGANGenerator)


# %% [markdown]
# ## 10.17 DCGANDiscriminator
#
# The mirror image: convolutions with stride 2 in place of pooling, LeakyReLU with slope 0.2, one norm, in the middle,
# and one logit at the end.
#
# ```
#   x (N, 1, 14, 14) ─ down1: Conv2d 4 × 4, stride 2, padding 1 ─→ (N, C, 7, 7) ─ LeakyReLU ─┐
#                                                                                            │
#   ┌────────────────────────────────────────────────────────────────────────────────────────┘
#   └─ down2: Conv2d 3 × 3, stride 2, padding 1 ─→ (N, 2C, 4, 4) ─ norm ─ LeakyReLU ─ as rows ─→ (N, 32 C) ─ Linear ─→ (N, 1)
# ```
#
# **No norm at the ends:** none after `down1`, since the norm would remove from the images just what may give them
# away, mean and contrast; none after the last layer, since half of the logits of each batch would then be positive,
# whatever it contains.
#
# A ReLU passes no gradient where its input is negative. In the discriminator that would be the generator's loss: what
# it learns comes through here. LeakyReLU passes a fifth.
#
# The norm mixes the images of a batch. If real and generated images are in one batch, the discriminator sees each
# real one beside generated ones, and the other way round. It works, but a step of its own for each kind of batch
# often trains better.
#
# *By hand:* (5, 1, 14, 14) with $C = 16$: $\lfloor (14 + 2 - 4) / 2 \rfloor + 1 = 7$: (5, 16, 7, 7);
# $\lfloor (7 + 2 - 3) / 2 \rfloor + 1 = 4$: (5, 32, 4, 4); (5, 512); (5, 1).

# %%
class DCGANDiscriminator(Layer):
    """A logit for each image:  down1, LeakyReLU, down2, norm, LeakyReLU, Linear

    Shapes
        x  (N, 1, 14, 14)      y  (N, 1)
    channels: after down1; twice as many after down2.      The slope of both LeakyReLU is 0.2.      backward returns dx.

    Source: Radford, Metz & Chintala (2016), section 3.
    """

    def __init__(self, channels, *, rng):
        self.down1 = Conv2d(1, channels, 4, stride=2, padding=1, rng=rng)
        self.down2 = Conv2d(channels, 2 * channels, 3, stride=2, padding=1, rng=rng)
        self.norm = BatchNorm(2 * channels)
        self.relu1, self.relu2, self.flatten = LeakyReLU(0.2), LeakyReLU(0.2), Flatten()
        self.linear = Linear(2 * channels * 4 * 4, 1, rng=rng)
        for layer in (self.down1, self.down2, self.linear):
            layer.W.data[...] = asarray(rng.normal(0, 0.02, layer.W.shape))

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(DCGANDiscriminator)


# %% [markdown]
# ## 10.18 CycleConsistencyLoss
#
# A *CycleGAN* translates between two kinds of images, $X$ and $Y$, of which there are no pairs: photographs and
# paintings, horses and zebras. One generator, $G$, makes $Y$ of $X$; another one, $F$, makes $X$ of $Y$; and each has
# a discriminator that knows real images of its kind. But the adversarial loss only says that $G(x)$ should look like
# *some* $y$. $G$ might send every horse to the same zebra. So the way back has to lead to the image from which it
# began:
#
# $$ x \xrightarrow{\;G\;} \hat y \xrightarrow{\;F\;} \tilde x, \qquad L = \lambda\; \text{mean} |\tilde x - x| $$
#
# and likewise from $y$ over $\hat x$ to $\tilde y$. The mean is over all pixels of all images. Absolute differences,
# not squares, since squares prefer a blurred image that is a little wrong everywhere.
#
# **The backward pass, derived.** $\frac{d}{d\tilde x} |\tilde x - x| = \text{sign}(\tilde x - x)$, so
# $d\tilde x = \frac{\lambda}{\text{size}}\, \text{sign}(\tilde x - x)$. (Where both are equal, 0.) The image $x$
# comes from the data and gets no gradient.
#
# *By hand:* $x = (0.2, -0.5, 1)$, $\tilde x = (0.5, -0.5, 0.4)$, $\lambda = 10$:
# $L = 10 \cdot (0.3 + 0 + 0.6) / 3 = 3$ and $d\tilde x = \frac{10}{3} (1, 0, -1)$.

# %%
class CycleConsistencyLoss(Loss):
    """How far an image is from where it began, after the way there and back:  weight · mean |back − x|

    Shapes
        back, x  any, the same      loss  ()      dback  as back
    weight: λ.      backward() returns dback; x is data.

    Source: Zhu, Park, Isola & Efros, Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks
    (2017), equation 2.
    """

    def __init__(self, weight=10.0):
        self.weight = weight

    def forward(self, back, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(CycleConsistencyLoss)


# %% [markdown]
# ## 10.19 translation_step
#
# Four networks, and one step of the two generators: $G$ (`to_y`), $F$ (`to_x`), and the discriminators `judge_y` and
# `judge_x`, which have had their step already, stay as they are, and only pass gradients on.
#
# ```
#   x ──→ G ──→ ŷ ──→ judge_y ──→ s ──→ generator_loss             y ──→ F ──→ x̂ ──→ judge_x ──→ s ──→ generator_loss
#               └───→ F ──→ x̃ ──→ cycle_loss(x̃, x)                             └───→ G ──→ ỹ ──→ cycle_loss(ỹ, y)
# ```
#
# The loss is the sum of the four. Two things have to be thought about before writing:
#
# - $\hat y$ is used **twice**, by the discriminator and by $F$. Its two gradients add up, and their sum goes into $G$.
# - $G$ is used twice as well, for $x$ and for $\hat x$, and so is $F$. A layer remembers its *last* `forward`. So
#   finish one of the two rows of the drawing, with its backward, before you begin the other one. Parameters'
#   gradients add up by themselves.
#
# Only then the optimizer, which holds the parameters of *both* generators, makes one step. And what the backward
# passes have left in the two discriminators is cleared, as in `gan_step`.
#
# *By hand* for the upper row, with networks that multiply by one number, $G$ by 2, $F$ by 1, judge_y by 1, and
# generator_loss $= -s$, cycle_loss $= |\tilde x - x|$, $x = 1$: $\hat y = 2$, $s = 2$, $\tilde x = 2$, $L = -2 + 1$.
# Back: $d\tilde x = 1$, so $dF = 1 \cdot \hat y = 2$ and through $F$ comes $1$; through judge_y comes $-1$; together
# $d\hat y = 0$: the discriminator pulls $G$ upwards just as much as the cycle pulls it downwards.

# %%
def translation_step(x, y, *, to_y, to_x, judge_y, judge_x, generator_loss, cycle_loss, optimizer):
    """One update of both generators of a CycleGAN; returns their loss

    Shapes
        x  (n, …)      y  (m, …)      result  ()
    loss = generator_loss(judge_y(to_y(x))) + cycle_loss(to_x(to_y(x)), x)
         + generator_loss(judge_x(to_x(y))) + cycle_loss(to_y(to_x(y)), y)
    optimizer moves both generators, once.  Earlier gradients do not count, and those of judge_y and judge_x are zero at
    the end.  Every network computes in the mode that it is in, and stays in it.

    Source: Zhu, Park, Isola & Efros (2017), section 3.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(translation_step)


# %% [markdown]
# A CycleGAN, at its smallest: $X$ are digits, white on black, and $Y$ are *other* digits, black on white. Nobody
# shows the networks a pair. The generators are two 3 × 3 convolutions with a linear output, the loss is that of least
# squares (Mao et al., 2017): squared distances of answers from 1 and 0, which train more smoothly here than
# cross-entropy. Three hundred steps with $\lambda = 3$ and with $\lambda = 0$.

# %%
class SquaredPair(Loss):
    """Mean squares of answers to real rows minus 1, and of answers to generated ones; given"""

    def forward(self, real, fake):
        self.apart = real - 1, fake
        return sum((apart**2).mean() for apart in self.apart)

    def backward(self):
        return tuple(2 * apart / apart.size for apart in self.apart)


class SquaredAnswer(Loss):
    """Mean square of answers to generated rows minus 1; given"""

    def forward(self, fake):
        self.apart = fake - 1
        return (self.apart**2).mean()

    def backward(self):
        return 2 * self.apart / self.apart.size


def translator(*, rng):
    """Images to images; given"""
    first, second = Conv2d(1, 8, 3, padding=1, rng=rng), Conv2d(8, 1, 3, padding=1, rng=rng)
    second.W.data *= 0.3
    return Sequential([first, LeakyReLU(0.2), second])


def critic(*, rng):
    """A logit for each image; given"""
    body = [Conv2d(1, 8, 4, 2, 1, rng=rng), LeakyReLU(0.2), Conv2d(8, 16, 3, 2, 1, rng=rng), LeakyReLU(0.2)]
    return Sequential([*body, Flatten(), Linear(256, 1, rng=rng)])


def judged_step(real, fake, judge, loss, optimizer):
    """One update of a discriminator; given"""
    scores = judge.forward(np.concatenate([real, fake]))
    loss.forward(scores[: len(real)], scores[len(real) :])
    judge.zero_grad()
    judge.backward(np.concatenate(loss.backward()))
    optimizer.step()


@cache
def translators(weight, steps=300):
    """Both generators of a CycleGAN after some steps; given"""
    x, y = np.split(small_digits()[0].reshape(-1, 1, 14, 14), 2)
    y, rng = -y, np.random.default_rng(2)
    to_y, to_x, judge_y, judge_x = translator(rng=rng), translator(rng=rng), critic(rng=rng), critic(rng=rng)
    for network in (to_y, to_x, judge_y, judge_x):
        network.astype("float32")
    both = Adam(to_y.parameters() + to_x.parameters(), 0.003, betas=(0.5, 0.999))
    judges = [(judge, Adam(judge.parameters(), 0.0005, betas=(0.5, 0.999))) for judge in (judge_y, judge_x)]
    networks = {"to_y": to_y, "to_x": to_x, "judge_y": judge_y, "judge_x": judge_x, "optimizer": both}
    losses = {"generator_loss": SquaredAnswer(), "cycle_loss": CycleConsistencyLoss(weight)}
    for _ in range(steps):
        some_x, some_y = (rows[rng.integers(len(rows), size=32)] for rows in (x, y))
        judged_step(some_y, to_y.forward(some_x), *judges[0][:1], SquaredPair(), judges[0][1])
        judged_step(some_x, to_x.forward(some_y), *judges[1][:1], SquaredPair(), judges[1][1])
        translation_step(some_x, some_y, **networks, **losses)
    return to_y, to_x


with when_written():
    _, _, unseen, truth = small_digits()
    figure, axes = plt.subplots(5, 1, figsize=(11, 5.4), layout="constrained")
    plotting.images(unseen[:12].reshape(-1, 14, 14), columns=12, ax=axes[0])
    axes[0].set_title("unseen digits", fontsize=9)
    for weight, (there, back) in zip((3.0, 0.0), axes[1:].reshape(2, 2), strict=True):
        to_y, to_x = translators(weight)
        translated = to_y.forward(unseen.reshape(-1, 1, 14, 14))
        returned = to_x.forward(translated)
        read = (classifier()(-translated.reshape(-1, 196)).argmax(axis=1) == truth).mean()
        off = abs(returned.reshape(-1, 196) - unseen).mean()
        for images, ax in ((translated, there), (returned, back)):
            plotting.images(images[:12, 0].clip(-1, 1), columns=12, ax=ax)
        there.set_title(f"λ = {weight:g}: translated; read correctly as negatives: {100 * read:.0f} %", fontsize=9)
        back.set_title(f"λ = {weight:g}: and back; mean difference {off:.2f}", fontsize=9)
    plt.show()


# %% [markdown]
# Without the cycle the discriminator is content with anything that looks like a negative. Nothing requires that it is
# a negative of *this* digit, and nothing that the way back leads home. (A large $\lambda$ has a price, too: whoever is
# punished for every pixel that does not come back is slow to change any.)

# %% [markdown]
# ## 10.20 DomainClassificationLoss
#
# A CycleGAN needs two generators for every pair of kinds. The *StarGAN* has one generator for all kinds ("domains":
# hair black, blond, brown), which gets the desired one as an input, and a discriminator with **two heads**: is the
# image real, and which domain is it from?
#
# ```
#   scores (batch, 1 + domains):    real?  │ black  blond  brown
#                                    0.3   │  1.2   −0.5    0.1
#                                          └──── softmax ─────┘
# ```
#
# The second head is a classifier. It learns from *real* images with the domain that they have, and teaches the
# *generator* with generated images and the domain that they **should** have:
#
# $$ L = \lambda\; \text{mean} \bigl(-\log p_{c}\bigr), \qquad p = \text{softmax}(\text{scores}_{1 \ldots}) $$
#
# with $c$ the domain of the row. The first column belongs to the adversarial loss and takes no part: it is not among
# those that the softmax normalizes, and its gradient is 0.
#
# **The backward pass** is that of the softmax cross-entropy:
# $d\,\text{scores}_{1 \ldots} = \frac{\lambda}{batch} (p - \text{onehot}(c))$, and 0 in column 0.
#
# *By hand:* one row of scores $(5, \ln 3, 0)$, $c = 1$, $\lambda = 2$: $p = (¾, ¼)$, $L = -2 \ln ¼ = 2.773$, and
# $d = 2 \cdot (0, ¾, ¼ - 1) = (0, 1.5, -1.5)$.

# %%
class DomainClassificationLoss(Loss):
    """Cross-entropy of the domain, from the scores of a discriminator that answers real or not in column 0

    Shapes
        scores  (batch, 1 + domains)      domain  (batch,), integers from 0      loss  ()      dscores  as scores
    loss = weight · mean(−log softmax(scores[:, 1:])[domain]), finite for all finite scores; column 0 takes no part.

    Source: Choi et al., StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation
    (2018), equations 2 and 3.
    """

    def __init__(self, weight=1.0):
        self.weight = weight

    def forward(self, scores, domain):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(DomainClassificationLoss)


# %% [markdown]
# ## 10.21 q_sample
#
# A **diffusion model** has no opponent. It destroys an image in many small steps, in each of which the image shrinks
# a little and gets a little noise; and it learns to go *one* small step back. Whoever can do that can begin with pure
# noise and arrive at an image. With the *noise levels* $\beta_0, \ldots, \beta_{T-1}$, small numbers that rise,
#
# $$ x_t = \sqrt{1 - \beta_t}\; x_{t-1} + \sqrt{\beta_t}\; \varepsilon_t, \qquad \varepsilon_t \sim \mathcal N(0, 1) $$
#
# The two factors are such that numbers of variance 1 keep it: $(1 - \beta_t) \cdot 1 + \beta_t = 1$.
#
# **All steps at once, derived.** Training needs $x_t$ for a random $t$, and $t$ steps for every image would be slow.
# Put two steps together, with $\alpha_t = 1 - \beta_t$:
#
# $$ x_1 = \sqrt{\alpha_1}\,\bigl(\sqrt{\alpha_0}\, x + \sqrt{\beta_0}\, \varepsilon_0\bigr) + \sqrt{\beta_1}\, \varepsilon_1
#    = \sqrt{\alpha_1 \alpha_0}\; x + \underbrace{\sqrt{\alpha_1 \beta_0}\; \varepsilon_0 + \sqrt{\beta_1}\; \varepsilon_1}_{\text{normal, of variance }
#    \alpha_1 (1 - \alpha_0) + 1 - \alpha_1 \,=\, 1 - \alpha_1 \alpha_0} $$
#
# Two independent normal numbers add up to *one*, whose variance is the sum. The same happens in every further step,
# so with $\bar\alpha_t = \alpha_0 \alpha_1 \cdots \alpha_t$
#
# $$ x_t = \sqrt{\bar\alpha_t}\; x + \sqrt{1 - \bar\alpha_t}\; \varepsilon $$
#
# ```
#   t            0        10        20        30        40       49          T = 50, β from 0.001 to 0.2
#   √ᾱ_t       1.00      0.89      0.64      0.37      0.17     0.07         how much of the image is left
#   √(1 − ᾱ_t) 0.03      0.46      0.77      0.93      0.99     1.00         how much noise there is
# ```
#
# Each row of a batch has a $t$ of its own, so $\bar\alpha_t$ is one number for each row, whatever shape a row has.
# $t$ counts from 0: $\bar\alpha_0 = \alpha_0$ already contains one step of noise.
#
# *By hand:* $\beta = (0.19, \frac59)$: $\alpha = (0.81, \frac49)$, $\bar\alpha = (0.81, 0.36)$. For $t = 1$, $x = 2$
# and $\varepsilon = 1$: $x_1 = 0.6 \cdot 2 + 0.8 \cdot 1 = 2$. For $t = 0$:
# $x_0 = 0.9 \cdot 2 + 0.436 \cdot 1 = 2.236$.

# %%
def q_sample(x, t, noise, beta):
    """Images after the steps 0 to t of noise, at once:  √ᾱ[t] x + √(1 − ᾱ[t]) noise,  ᾱ the running product of 1 − beta

    Shapes
        x, noise  (batch, …)      t  (batch,), integers of any dtype, 0 to steps − 1      beta  (steps,)      result  as x
    Each row has its own t.  The result has the dtype of x; beta may have another, in which ᾱ is then computed.

    Source: Ho, Jain & Abbeel, Denoising Diffusion Probabilistic Models (2020), equation 4.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(q_sample)


# %% [markdown]
# ## 10.22 noisy_batch
#
# A batch to train on: every row gets a random $t$, from 0 to $T - 1$ with the same probability, and normal noise of
# its own. Whoever draws one $t$ for the whole batch gets gradients that point somewhere else at every step; whoever
# draws only one image's noise, a network that expects the same noise everywhere.
#
# *By hand:* with $\beta = (0.19, \frac59)$ and $x = (2, 2)$ one possible result is $t = (1, 0)$,
# $\varepsilon = (1, 1)$, $x_t = (2, 2.236)$.

# %%
def noisy_batch(x, beta, *, rng):
    """Draw a step and noise for each row; returns (xt, t, noise) with xt = q_sample(x, t, noise, beta)

    Shapes
        x  (batch, …)      beta  (steps,)      xt, noise  as x      t  (batch,), of any integer dtype, 0 to steps − 1
    Steps are drawn evenly, each row's by itself; noise is normal, with mean 0 and variance 1, every number by itself.
    xt and noise have the dtype of x; that of beta may be another.
    rng: a numpy.random.Generator.

    Source: Ho, Jain & Abbeel (2020), algorithm 1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(noisy_batch)


# %% [markdown]
# ## 10.23 drop_labels
#
# To draw a digit that somebody has *asked for*, the network gets the label as an input. **Classifier-free guidance**
# (10.25) also needs a network that has not been told. One network can be both, if in training some rows get a label
# that means "not told": one more class, here called `nothing`. Each row loses its label with probability $p$, about
# 0.1, whatever happens to the others.
#
# *By hand:* labels $(3, 7, 7)$, `nothing` = 10, and uniform numbers $(0.52, 0.04, 0.81)$ with $p = 0.1$: $(3, 10, 7)$.

# %%
def drop_labels(labels, p, nothing, *, rng):
    """Labels, each of which is replaced by ``nothing`` with probability p, independently of the others

    Shapes
        labels  (batch,), integers      result  the same, of any integer dtype
    p: from 0 to 1.      nothing: an integer, the label that says nothing.      rng: a numpy.random.Generator.

    Source: Ho & Salimans, Classifier-Free Diffusion Guidance (2022), algorithm 1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(drop_labels)


# %% [markdown]
# ## 10.24 denoising_step
#
# What should the network learn? To say which noise is in $x_t$. If it knew $\varepsilon$ exactly, it would know the
# image too: $x = (x_t - \sqrt{1 - \bar\alpha_t}\, \varepsilon) / \sqrt{\bar\alpha_t}$. Of course it cannot know; it
# learns the best guess.
#
# $$ L = \text{mean} \bigl(\varepsilon_\theta(x_t, t, c) - \varepsilon\bigr)^2 $$
#
# with the label $c$. The noise has the same size at every $t$, so no $t$ outweighs the others. That is all: a
# regression, with a loss that falls, and nobody who trains against it.
#
# *By hand:* a "network" that answers $w \cdot x_t$ with $w = \frac12$; $x_t = 2$ and $\varepsilon = 1$ from 10.21:
# $L = (1 - 1)^2 = 0$. For the row with $t = 0$: $x_t = 2.236$, $L = (1.118 - 1)^2 = 0.0139$,
# $dw = 2 \cdot 0.118 \cdot 2.236 = 0.528$.

# %%
def denoising_step(x, t, noise, labels, *, model, loss, optimizer, beta):
    """One update of a network that guesses the noise; returns the loss

    Shapes
        x, noise  (batch, …)      t, labels  (batch,), integers      beta  (steps,)      result  ()
    model.forward(xt, t, labels) is the guess, as x, and may draw: call it once; model.backward(dguess) its backward.
    loss: of a guess and what it should be, loss.forward(guess, truth) and loss.backward().  Earlier gradients do not
    count.  The model's mode stays as it is.

    Source: Ho, Jain & Abbeel (2020), algorithm 1 and equation 14.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(denoising_step)


# %% [markdown]
# ## 10.25 guided_noise
#
# Now the way back. A network that gets the label often takes little notice of it, since at a high noise level every
# label is almost as good. Guidance turns it up: ask the network twice, with the label and with `nothing`, and go on
# in the direction that leads from the second answer to the first,
#
# $$ \varepsilon = \varepsilon_\theta(x_t, t, c) + w\,\bigl(\varepsilon_\theta(x_t, t, c) - \varepsilon_\theta(x_t, t, \varnothing)\bigr)
#    = (1 + w)\, \varepsilon_{cond} - w\, \varepsilon_{uncond} $$
#
# With $w = 0$ it is the answer with the label alone. (Some programs call $1 + w$ the guidance.) A large $w$ gives
# clear but uniform images, a small one varied but doubtful ones.
#
# *By hand:* $\varepsilon_{cond} = 0.5$, $\varepsilon_{uncond} = 0.2$, $w = 2$: $3 \cdot 0.5 - 2 \cdot 0.2 = 1.1$.

# %%
def guided_noise(x, t, labels, w, nothing, *, model):
    """The guess of a network with guidance:  (1 + w) · guess with the labels − w · guess with ``nothing`` for all

    Shapes
        x  (batch, …)      t, labels  (batch,), integers      result  as x
    w: 0 or more.      nothing: the label that says nothing.      model.forward(x, t, labels): the guess, an array of
    the model's, which is not written to.

    Source: Ho & Salimans (2022), equation 6.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(guided_noise)


# %% [markdown]
# ## 10.26 p_sample
#
# One step back, from $x_t$ to $x_{t-1}$, given a guess $\varepsilon$ of the noise in $x_t$:
#
# $$ x_{t-1} = \frac{1}{\sqrt{\alpha_t}} \Bigl( x_t - \frac{\beta_t}{\sqrt{1 - \bar\alpha_t}}\; \varepsilon \Bigr) + \sqrt{\beta_t}\; z, \qquad
#    z \sim \mathcal N(0, 1), \text{ and } z = 0 \text{ for } t = 0 $$
#
# **Where it comes from.** $x_{t-1}$ had noise of variance $1 - \bar\alpha_{t-1}$, and the step added $\beta_t$. So of
# all noise in $x_t$ the last step's is a share: its best guess is
# $\frac{\sqrt{\beta_t}}{\sqrt{1 - \bar\alpha_t}}\, \varepsilon$. Take $\sqrt{\beta_t}$ times that away, and undo the
# factor $\sqrt{\alpha_t}$.
#
# **And why noise is added again.** That is a mean: the average of all images from which $x_t$ may have come. Whoever
# follows averages arrives at an average, a blur. Noise of variance $\beta_t$ makes it *one* of those images. (The
# paper also tries $\tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t} \beta_t$, which is a little less.
# Here it is $\beta_t$.) The last step, $t = 0$, adds none: nobody would take it away again.
#
# *By hand:* $\beta = (0.19, \frac59)$, $t = 1$, $x_1 = 2$, $\varepsilon = 1$: $\sqrt{\alpha_1} = \frac23$,
# $\sqrt{1 - \bar\alpha_1} = 0.8$, so $\frac32 (2 - \frac{0.556}{0.8}) = 1.958$, plus $0.745\, z$. Then from
# $x_0 = 1.958$, $t = 0$, $\varepsilon = 1$: $\frac{1}{0.9} (1.958 - \frac{0.19}{0.436}) = 1.691$, and no noise.

# %%
def p_sample(x, t, noise, beta, *, rng):
    """One step back, from the step t to t − 1, or to the image where t is 0

    Shapes
        x  (batch, …), all after the steps 0 to t      noise  as x, the guess of what is in it      beta  (steps,)
        result  as x
    t: one integer from 0 to steps − 1, for all rows.      rng: a numpy.random.Generator, of normal numbers z
    result = (x − beta[t] / √(1 − ᾱ[t]) noise) / √(1 − beta[t]) + √beta[t] z, and without z where t is 0.
    The result has the dtype of x; that of beta may be another.

    Source: Ho, Jain & Abbeel (2020), algorithm 2, with the variance beta.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(p_sample)


# %% [markdown]
# Now all of it together. The network that guesses is given: dense layers, with a vector of parameters added for each
# step and one for each label (an embedding, as in 08), and with its guess of the noise it begins from $x_t$ itself.
# It trains on the small digits, each of which loses its label with probability 0.1. Then it is asked for one of each
# digit, with guidance $w = 1$.

# %%
class Denoiser(Layer):
    """Guesses the noise in rows of pixels, told the step and the label (10: nothing): a share of x, and more; given"""

    def __init__(self, features, hidden, steps, *, rng):
        self.enter = Linear(features, hidden, rng=rng)
        self.step, self.label = (Parameter(rng.normal(0, 1, (n, hidden))) for n in (steps, 11))
        self.share = Parameter(zeros((steps, 1)) + 1)
        self.relus = ReLU(), ReLU()
        self.inner, self.leave = Linear(hidden, hidden, rng=rng), Linear(hidden, features, rng=rng)
        self.leave.W.data *= 0.1

    def forward(self, x, t, labels):
        xp = array_module(x)
        self.chosen = [
            (table, (index[:, None] == xp.arange(len(table.data))).astype(x.dtype))
            for table, index in ((self.step, t), (self.label, labels))
        ]
        h = self.enter.forward(x) + sum(one_hot @ table.data for table, one_hot in self.chosen)
        self.x, (_, self.when) = x, self.chosen[0]
        found = self.leave.forward(self.relus[1].forward(self.inner.forward(self.relus[0].forward(h))))
        return found + (self.when @ self.share.data) * x

    def backward(self, dy):
        self.share.grad += self.when.T @ (dy * self.x).sum(axis=1, keepdims=True)
        dh = self.relus[1].backward(self.leave.backward(dy))
        dh = self.relus[0].backward(self.inner.backward(dh))
        for table, one_hot in self.chosen:
            table.grad += one_hot.T @ dh
        return self.enter.backward(dh) + (self.when @ self.share.data) * dy


BETA = np.linspace(0.001, 0.2, 50)


@cache
def denoiser(*, steps=2500):
    """A network that guesses noise in digits, trained; given"""
    x, labels, _, _ = small_digits()
    rng = np.random.default_rng(3)
    model, loss = Denoiser(196, 256, len(BETA), rng=rng), MeanSquaredError()
    model.astype("float32")
    optimizer = Adam(model.parameters(), 0.002)
    for step in range(steps):
        rows = rng.integers(len(x), size=100)
        _, t, noise = noisy_batch(x[rows], BETA, rng=rng)
        told = drop_labels(labels[rows], 0.1, 10, rng=rng)
        optimizer.lr = 0.002 * (1 - step / steps)
        denoising_step(x[rows], t, noise, told, model=model, loss=loss, optimizer=optimizer, beta=BETA)
    return model


def denoised(labels, w, *, rng):
    """Images with these labels, from pure noise step by step; yields (t, what there is after the step t); given"""
    x = rng.normal(size=(len(labels), 196)).astype("float32")
    for t in reversed(range(len(BETA))):
        guess = guided_noise(x, np.full(len(labels), t), labels, w, 10, model=denoiser())
        x = p_sample(x, t, guess.astype("float32"), BETA, rng=rng)
        yield t, x


with when_written():
    wanted = np.arange(10)
    shown = {t: x for t, x in denoised(wanted, 1.0, rng=np.random.default_rng(0)) if t in (49, 30, 20, 10, 5, 0)}
    figure, axes = plt.subplots(len(shown), 1, figsize=(9.5, 1.1 * len(shown)), layout="constrained")
    for (t, images), ax in zip(shown.items(), axes, strict=True):
        plotting.images(images.clip(-1, 1).reshape(-1, 14, 14), columns=10, ax=ax)
        ax.set_title(f"after the step t = {t}", fontsize=9)
    plt.show()

# %% [markdown]
# What guidance does, in numbers: 500 images, 50 of each digit; how many of them the classifier reads as the digit
# that was asked for, and the score of the capstone above. Guidance makes digits clearer, and all of a kind more
# alike: a score above that of real digits is not a better one.

# %%
with when_written():
    wanted = np.arange(500) % 10
    untold = 0 * wanted + 10
    for name, labels, w in [
        ("w = 2", wanted, 2.0),
        ("w = 0.5", wanted, 0.5),
        ("w = 0", wanted, 0.0),
        ("no label", untold, 0.0),
    ]:
        *_, (_, images) = denoised(labels, w, rng=np.random.default_rng(1))
        agree = (classifier()(images).argmax(axis=1) == wanted).mean()
        print(f"{name:8}  as asked for: {100 * agree:3.0f} %    score {inception_score(images):.1f}")
