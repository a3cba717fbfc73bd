# %% [markdown]
# # 13 · Robustness and compression
#
# A network that reads 92 % of all digits can be made to read 5 % of them, by changes that hardly anybody sees. And a network of
# a hundred thousand numbers can often be stored in a twentieth of the space, and nobody notices. Both say the same
# about what is learned: the accuracy on unseen data is one number, and it hides a lot. In this assignment you attack
# networks, train networks that withstand, and make networks small: fewer weights, fewer bits, fewer dimensions, a
# smaller network that learns from a larger one. These are the open problems with which one of the articles behind this
# course ends: efficiency, compression, robustness, attack and defence.
#
# | | |
# |---|---|
# | Time | about 7 hours, with the bonus exercises 9 |
# | You will be able to | compute how an input has to change to change the answer; attack a network within exact limits; train one that withstands; say whether a defence is one; remove weights and keep them removed; store numbers in few bits and compute with integers; let one network teach another; state what a network's size is, in bytes |
# | Builds on | `Linear`, `ReLU`, `Sequential` (02), `SoftmaxCrossEntropy` (03), `AdamW` (04), for the bonus `Conv2d`, `MaxPool2d` (06) |
# | Next | the same pieces, faster (14) |
#
# | here | in PyTorch and elsewhere |
# |---|---|
# | `input_gradient` | `x.requires_grad_()`, `torch.autograd.grad(loss, x)` |
# | `fgsm`, `pgd` | `torchattacks.FGSM`, `torchattacks.PGD`; `foolbox.attacks.LinfPGD` |
# | `adversarial_training` | a loop; `art.defences.trainer.AdversarialTrainer` |
# | `magnitude_pruning`, `masked_step` | `torch.nn.utils.prune.global_unstructured`, `prune.l1_unstructured` |
# | `quantize_int8` | `torch.quantize_per_tensor`, `torch.quantize_per_channel` |
# | `quantized_matmul`, `quantized_linear` | `torch._int_mm`, `torch.ao.nn.quantized.dynamic.Linear` |
# | `pack_integers`, `unpack_integers` | `numpy.packbits`, the formats of `bitsandbytes` and GGUF |
# | `DistillationLoss` | `T * T * torch.nn.KLDivLoss(reduction="batchmean")` of scores divided by T |
# | `low_rank_factorize` | `torch.linalg.svd`, `torch.svd_lowrank` |
# | `clipped_sum`, `dp_sgd_step` | Opacus, `PrivacyEngine.make_private` |
# | `grad_cam` | `pytorch_grad_cam.GradCAM`, `captum.attr.LayerGradCam` |
#
# **Further reading.** Madry et al., *Towards Deep Learning Models Resistant to Adversarial Attacks* (2018). Athalye,
# Carlini & Wagner, *Obfuscated Gradients Give a False Sense of Security* (2018). Gholami et al., *A Survey of
# Quantization Methods for Efficient Neural Network Inference* (2021).
#
# **Exactness.** As in the other assignments: results may differ from the exact ones by 10⁻⁶ of the largest number (in
# float32 by 10⁻³). Limits and integers are exact where the text says so. Code that draws random numbers draws them from
# `rng`.

# %%
from copy import deepcopy
from functools import cache
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Loss, Optimizer, array_module, asarray
from dlkit.course import earlier, when_written
from dlkit.datasets import mnist
from dlkit.training import accuracy, fit, predict

# %% [markdown]
# ## 13.1 input_gradient
#
# Training asks how the loss changes with the *weights*, the images being given. An attack asks the opposite: the
# weights are given, how does the loss change with the *image*? You have computed this gradient in every backward pass
# and thrown it away: it is what `model.backward` returns.
#
# ```
#   x (batch, …) ──► model ──► scores ──► loss
#   dx (batch, …) ◄── model.backward ◄── loss.backward
#         │                │
#      what we want     adds to the gradients of the parameters: what we do not want
# ```
#
# The second arrow at the bottom is a trap. `backward` also *adds* to the gradient of every parameter. Somebody who
# attacks in the middle of training, as you will, would make the next step with gradients that belong to the attack. So
# here the function leaves the parameters' gradients at zero.
#
# *By hand:* a model $y = w x$ with $w = 2$, the loss $(y - t)^2$ with $t = 1$. At $x = 3$ it is $y = 6$,
# $dy = 2 (6 - 1) = 10$, $dx = 2 \cdot 10 = 20$. The same backward pass adds $dw = 3 \cdot 10 = 30$, which is cleared.


# %%
def input_gradient(x, y, *, model, loss):
    """The gradient of a loss at the input of a model: how the loss changes with every number of x

    Shapes
        x, result  (batch, …)      y  what loss.forward(scores, y) takes, for example labels (batch,)
    The loss is loss.forward(model.forward(x), y), as it is (the mean over the batch, if the loss is one).
    The model computes in the mode that it is in, and stays in it.  The gradients of its parameters are zero afterwards,
    also if they were not before.

    Source: Szegedy et al., Intriguing Properties of Neural Networks (2014), section 4.
    """
    ### BEGIN SOLUTION
    loss.forward(model.forward(x), y)
    dx = model.backward(loss.backward())
    model.zero_grad()
    return dx
    ### END SOLUTION


# %% [markdown] hints="input_gradient"
# ### input_gradient
# 1. What does a model's backward return, and what does it change besides?
# 2. dx = backward of the model of backward of the loss, (N, …); afterwards dθ = 0 for all parameters θ
# 3. Run both forward passes, then both backward passes, keep what the last one returns, and clear the parameters'
#    gradients before you return it.

# %%
check(input_gradient)

# %% [markdown]
# What does such a gradient look like? Below, a network with 128 hidden units is trained on MNIST; each image of the
# first row has its input gradient below it. Red pixels increase the loss when they become lighter, blue ones when they
# become darker.

# %%
Linear, ReLU, Sequential = earlier("layers.Linear"), earlier("layers.ReLU"), earlier("layers.Sequential")
SoftmaxCrossEntropy, AdamW = earlier("losses.SoftmaxCrossEntropy"), earlier("optimizers.AdamW")


def dense_network(*sizes, rng):
    """Linear layers with ReLU between them, in float32; given"""
    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [Linear(n_in, n_out, rng=rng), ReLU()]
    model = Sequential(layers[:-1])
    model.astype("float32")
    return model


@cache
def images():
    """MNIST as rows of 784 grey values from 0 to 1: x, y to train, x, y to test; given"""
    data = mnist()
    return data.x_train.reshape(-1, 784), data.y_train, data.x_test.reshape(-1, 784), data.y_test


@cache
def plain_network():
    """A network 784-128-10, trained as usual; given"""
    x, y, _, _ = images()
    rng = np.random.default_rng(0)
    model = dense_network(784, 128, 10, rng=rng)
    optimizer = AdamW(model.parameters(), 0.002)
    fit(model, SoftmaxCrossEntropy(), optimizer, x, y, epochs=4, batch_size=50, rng=rng, progress=False)
    return model


def correct(model, x, y):
    """The share of rows that a model classifies correctly; given"""
    return float(accuracy(predict(model, x), y))


def show_rows(rows, titles=(), *, limit=None, size=1.25):
    """Rows of images of 784 pixels below each other; limit: of colours from blue to red, else grey; given"""
    _, axes = plt.subplots(
        len(rows), len(rows[0]), figsize=(size * len(rows[0]), size * len(rows) + 0.3), layout="constrained"
    )
    for line, row, line_titles in zip(axes, rows, titles or [[""] * len(rows[0])] * len(rows), strict=True):
        for ax, image, title in zip(line, row, line_titles, strict=True):
            signed = image.min() < 0
            most = (limit or abs(image).max()) if signed else 1
            ax.imshow(
                image.reshape(28, 28), cmap="RdBu_r" if signed else "gray", vmin=-most if signed else 0, vmax=most
            )
            ax.set_title(title, fontsize=9)
            ax.axis("off")
    plt.show()


x, y, x_test, y_test = images()
eight = np.array([np.flatnonzero(y_test == digit)[0] for digit in range(8)])

with when_written():
    print(f"accuracy of the network on unseen digits: {correct(plain_network(), x_test, y_test):.3f}")
    gradients = input_gradient(x_test[eight], y_test[eight], model=plain_network(), loss=SoftmaxCrossEntropy())
    show_rows([x_test[eight], gradients])

# %% [markdown]
# Noise, mostly. A human would lighten pixels where another digit has its strokes; the network cares for pixels all over
# the image. Keep this picture in mind for the end of 13.6.

# %% [markdown]
# ## 13.2 project
#
# "A change that nobody sees" needs a definition. The usual one: no pixel may change by more than $\varepsilon$ (the
# **maximum norm** of the change), and every pixel remains a grey value from 0 to 1. Both together are one interval for
# every number:
#
# $$ \mathrm{lo} = \max(x - \varepsilon, 0), \qquad \mathrm{hi} = \min(x + \varepsilon, 1), \qquad
#    \mathrm{lo} \le x_{\text{adv}} \le \mathrm{hi} $$
#
# ```
#        0        x − ε       x       x + ε               1
#        |----------[=========•=========]-----------------|      in the middle: ε on both sides
#        [====•=========]---------------------------------|      near the edge: lo is 0
# ```
#
# The **projection** of any point onto these limits takes the nearest point within them. Since every number has limits of
# its own, it works number by number: what is below lo becomes lo, what is above hi becomes hi, the rest stays.
#
# *By hand:* $\varepsilon = 0.1$ and $x = (0.05, 0.5, 0.95)$. The limits are $(0, 0.4, 0.85)$ and $(0.15, 0.6, 1)$; the
# point $(-0.2, 0.55, 1.2)$ becomes $(0, 0.55, 1)$.
#
# These limits are *exact*: a comparison with lo and hi, computed in the dtype of $x$, must find no number outside, not
# even in the last digit. An attack that leaves its limits a little is not an attack of that strength. So compute in the
# dtype of $x$ (in float32, $0.1$ is another number than in float64).


# %%
def project(x_adv, x, eps):
    """The point nearest to x_adv that differs from x by at most eps in every number, and has numbers from 0 to 1

    Shapes
        x_adv, x, result  (batch, …), of one dtype, which the result has too
    x: numbers from 0 to 1      x_adv: any numbers      eps: an ordinary number, 0 or more
    Every number of the result lies exactly within  max(x − eps, 0)  and  min(x + eps, 1), as computed in x's dtype.

    Source: Madry et al., Towards Deep Learning Models Resistant to Adversarial Attacks (2018), section 2.
    """
    ### BEGIN SOLUTION
    xp = array_module(x)
    return xp.clip(x_adv, xp.maximum(x - eps, 0), xp.minimum(x + eps, 1))
    ### END SOLUTION


# %% [markdown] hints="project"
# ### project
# 1. Which two conditions has every number to fulfil, and what is the smallest number that fulfils both?
# 2. lo = max(x − ε, 0), hi = min(x + ε, 1), (N, …); result = min(max(x_adv, lo), hi)
# 3. Compute both limits as arrays of the shape of x, and clip x_adv to them, number by number.

# %%
check(project)

# %% [markdown]
# ## 13.3 fgsm
#
# Which change within the limits increases the loss most? Near $x$ the loss is nearly linear:
#
# $$ L(x + \delta) \approx L(x) + \sum_i \frac{\partial L}{\partial x_i}\, \delta_i $$
#
# and of a sum each term can be made as large as possible by itself: $\delta_i = \varepsilon$ where the derivative is
# positive, $-\varepsilon$ where it is negative. How *large* the derivative is plays no part. So
#
# $$ x_{\text{adv}} = \text{project}(x + \varepsilon\, \operatorname{sign}(dx)) $$
#
# the **fast gradient sign method**: one backward pass. The increase is $\varepsilon \sum_i |dx_i|$, and that is why
# it works so well: 784 tiny changes all add up in the same direction.
#
# *By hand:* scores $(x_1 - x_2, 0)$ with the true class 0 at $x = (0.6, 0.5)$: the score difference is 0.1, correct.
# The gradient of the cross-entropy is $-(1 - p)$ times $(1, -1)$, signs $(-1, 1)$. With $\varepsilon = 0.1$:
# $x_{\text{adv}} = (0.5, 0.6)$, difference $-0.1$: wrong. No number has changed by more than 0.1.


# %%
def fgsm(x, y, eps, *, model, loss):
    """One step of length eps in every number, in the direction that increases the loss, projected

    Shapes
        x, result  (batch, …), numbers from 0 to 1, of one dtype      y  what the loss takes
    x + eps · sign(dx), projected to numbers from 0 to 1 that differ from x by at most eps, exactly as in project; the
    sign of 0 is 0.  The model computes in the mode that it is in, and stays in it.  The gradients of its parameters are
    zero afterwards.

    Source: Goodfellow, Shlens & Szegedy, Explaining and Harnessing Adversarial Examples (2015), section 4.
    """
    ### BEGIN SOLUTION
    signs = array_module(x).sign(input_gradient(x, y, model=model, loss=loss))
    return project(x + eps * signs, x, eps)
    ### END SOLUTION


# %% [markdown] hints="fgsm"
# ### fgsm
# 1. Is an attack successful if the loss becomes smaller, or larger?
# 2. x_adv = project(x + ε sign(dx), x, ε), (N, …)
# 3. Take the input gradient, only its signs, go a step of length ε in their direction, and project.

# %%
check(fgsm)

# %%
with when_written():
    attacked = fgsm(x_test[eight], y_test[eight], 0.1, model=plain_network(), loss=SoftmaxCrossEntropy())
    before, after = (predict(plain_network(), rows).argmax(axis=1) for rows in (x_test[eight], attacked))
    titles = [[f"read as {digit}" for digit in before], [""] * 8, [f"read as {digit}" for digit in after]]
    show_rows([x_test[eight], attacked - x_test[eight], attacked], titles)
    rest = fgsm(x_test, y_test, 0.1, model=plain_network(), loss=SoftmaxCrossEntropy())
    clean, under_attack = (correct(plain_network(), rows, y_test) for rows in (x_test, rest))
    print(f"accuracy: {clean:.3f}, attacked {under_attack:.3f}")

# %% [markdown]
# The last row is still easy to read. The network reads nearly none of it. (The middle row shows the changes: one shade
# of red, one of blue. Where the background is black already, it cannot become darker, and stays.)

# %% [markdown]
# ## 13.4 pgd
#
# The loss is only *nearly* linear. After a step of length $\varepsilon$ the gradient is another one, and a step in the
# wrong direction may even help the network. So take several smaller steps, with a new gradient for each, and project
# after each: **projected gradient** descent, here *ascent*. And begin at a random point within the limits, not at $x$:
# some networks have gradients of nearly zero exactly at the data, and are helpless a little beside.
#
# $$ x^{(0)} = \text{project}(x + u), \quad u \sim \mathrm{Uniform}(-\varepsilon, \varepsilon), \qquad
#    x^{(k+1)} = \text{project}\big(x^{(k)} + \alpha\, \operatorname{sign}(dx^{(k)})\big) $$
#
# Three things are always mistaken once. The gradient of a step is that at $x^{(k)}$. The projection is onto the limits
# around the *original* $x$, else the attack walks away step by step. And the labels are the true ones throughout.
#
# *By hand:* one number $x = 0.5$, $\varepsilon = 0.1$, $\alpha = 0.08$, $u = -0.06$, and a loss that increases with $x$
# everywhere. $x^{(0)} = 0.44$, $x^{(1)} = 0.52$, $x^{(2)} = 0.6$, $x^{(3)} = \text{project}(0.68) = 0.6$.
#
# So that everybody's attack is the same, the start is drawn in one call: `rng.uniform(-eps, eps, x.shape)`, float64 in
# CPU memory, which `asarray` of the library brings to where $x$ is, in the dtype of $x$.


# %%
def pgd(x, y, eps, *, model, loss, steps, step_size, rng):
    """Several projected steps that increase the loss, from a random start within the limits

    Shapes
        x, result  (batch, …), numbers from 0 to 1, of one dtype      y  what the loss takes
    start: x + u, projected; u is rng.uniform(-eps, eps, x.shape), converted to the dtype of x.  Nothing else is drawn.
    then steps times (0 or more): a step of step_size along the sign of the gradient at the present point, projected to
    what differs from the original x by at most eps, exactly as in project.
    The model computes in the mode that it is in, and stays in it.  After at least one step the gradients of its
    parameters are zero.

    Source: Madry et al., Towards Deep Learning Models Resistant to Adversarial Attacks (2018), section 2.1.
    """
    ### BEGIN SOLUTION
    xp = array_module(x)
    u = xp.asarray(rng.uniform(-eps, eps, x.shape), dtype=x.dtype)
    x_adv = project(x + u, x, eps)
    for _ in range(steps):
        dx = input_gradient(x_adv, y, model=model, loss=loss)
        x_adv = project(x_adv + step_size * xp.sign(dx), x, eps)
    return x_adv
    ### END SOLUTION


# %% [markdown] hints="pgd"
# ### pgd
# 1. At which point is the gradient of the third step taken, and around which point are the limits?
# 2. x₀ = project(x + u, x, ε); xₖ₊₁ = project(xₖ + α sign(dxₖ), x, ε), (N, …)
# 3. Draw the start and project it. In each step take the gradient at the present point, go along its signs, and project
#    to the limits around the original input.

# %%
check(pgd)

# %% [markdown]
# How strong is it? Below, the accuracy of the network on 500 unseen digits against the size of the largest change: random
# changes of that size, one step, and 20 steps. The network hardly notices noise; what deceives it is the
# direction.


# %%
def accuracies_under(model, attack, sizes, count=500):
    """Accuracy on unseen digits for each size of an attack(x, y, eps); given"""
    _, _, x, y = images()
    return [correct(model, attack(x[:count], y[:count], eps), y[:count]) for eps in sizes]


def random_change(x, eps, rng):
    """Every number changed by eps, up or down, at random; given"""
    return np.clip(x + eps * rng.choice([-1, 1], x.shape).astype("float32"), 0, 1)


def attacks_on(model):
    """Three attacks on a model by their names; given"""
    given, rng = {"model": model, "loss": SoftmaxCrossEntropy()}, np.random.default_rng(0)
    return {
        "random changes": lambda x, _, eps: random_change(x, eps, rng),
        "fgsm": lambda x, y, eps: fgsm(x, y, eps, **given),
        "pgd, 20 steps": lambda x, y, eps: pgd(x, y, eps, **given, steps=20, step_size=eps / 8, rng=rng),
    }


with when_written():
    sizes = np.linspace(0, 0.2, 9).tolist()
    ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")[1]
    for name, attack in attacks_on(plain_network()).items():
        ax.plot(sizes, accuracies_under(plain_network(), attack, sizes), marker=".", label=name)
    ax.set(xlabel="largest change of a pixel, ε", ylabel="accuracy on unseen digits", ylim=(0, 1))
    ax.legend(frameon=False)
    plt.show()

# %% [markdown]
# ## 13.5 adversarial_training
#
# The defence that has survived is also the most obvious one: train on attacked images. Every step of training first
# looks for the worst change within the limits, and then reduces the loss *there*:
#
# $$ \min_\theta \; \mathbb{E}\Big[ \max_{|\delta_i| \le \varepsilon} L(x + \delta, y; \theta) \Big] $$
#
# The inner maximum needs an attack for every batch, and an attack of 20 steps makes training 21 times as expensive. One
# step is enough if it begins at a random point and is a little longer than $\varepsilon$: the `pgd` of one step with
# $\alpha = 1.25\, \varepsilon$. (Without the random start, the network soon learns to withstand exactly this one step,
# by making its gradients useless, and falls to the next attack with two.)
#
# One step of training, in order:
#
# ```
#   model.eval()  ──►  x_adv = pgd(…, 1 step of 1.25 ε)        the model as it will be used
#   model.train() ──►  forward(x_adv) ──► loss ──► backward ──► optimizer.step()
#                      gradients: of this backward pass only
# ```
#
# *By hand:* a model $y = w x$ with $w = 1$, the loss $(y - t)^2$ with $t = 0$, $x = 0.5$, $\varepsilon = 0.1$, a start at
# $u = -0.05$, descent with the rate 0.1. At $0.45$: $dx = 2 \cdot 0.45 > 0$, so $x_{\text{adv}} = \text{project}(0.45 +
# 0.125) = 0.575$. The loss there is $0.331$, $dw = 2 \cdot 0.575 \cdot 0.575 = 0.661$, $w = 0.934$.


# %%
def adversarial_training(x, y, eps, *, model, loss, optimizer, rng):
    """One step of training on attacked rows; the loss that they had before the step

    Shapes
        x  (batch, …), numbers from 0 to 1      y  what the loss takes
    The rows are attacked by pgd with 1 step of 1.25 eps from a random start, drawn from rng, the model in evaluation
    mode; then the model is put into training mode, and the optimizer takes one step with the gradients of the loss of
    the attacked rows.  Gradients that were there before do not count.

    Source: Wong, Rice & Kolter, Fast Is Better than Free: Revisiting Adversarial Training (2020), algorithm 3.
    """
    ### BEGIN SOLUTION
    model.eval()
    x_adv = pgd(x, y, eps, model=model, loss=loss, steps=1, step_size=1.25 * eps, rng=rng)
    model.train()
    model.zero_grad()
    value = loss.forward(model.forward(x_adv), y)
    model.backward(loss.backward())
    optimizer.step()
    return value
    ### END SOLUTION


# %% [markdown] hints="adversarial_training"
# ### adversarial_training
# 1. Which backward passes are there in one step, and which of them may the optimizer see? In which mode is the model in
#    each?
# 2. x_adv = pgd of 1 step, α = 1.25 ε, (N, …); L = loss of model(x_adv), y; θ ← step of ∂L/∂θ
# 3. Put the model into evaluation mode and attack the rows. Put it into training mode, clear all gradients, run it on
#    the attacked rows forward and backward, let the optimizer step, and return the loss that you have computed.

# %%
check(adversarial_training)

# %% [markdown]
# ## 13.6 Capstone: a network that withstands
#
# Write `train_robust`: train a network on digits that classifies at least **85 %** of unseen digits correctly, and at
# least **50 %** of them under attack with $\varepsilon = 0.1$. (Trained as usual: 94 % and 2 %. The author's
# solution: 94 % and 72 %.) It may take 20 seconds of CPU time; the author's takes about 3.
#
# - The architecture is prescribed: `Linear(784, 128)`, `ReLU`, `Linear(128, 10)`, in a `Sequential`, and no other
#   parameters. The grader copies the four arrays into a network of its own, compares that network's answers with your
#   model's, and attacks *the copy*, with 20 steps and with several losses. Your backward pass plays no part in this. So a
#   model whose gradients are zero, or useless, or whose scores are so large that the softmax is 1 to the last digit, is as
#   easy to attack as it really is.
# - Train with `adversarial_training`, in batches of 50, for 5 epochs, with `AdamW` at 0.003.
# - The task is difficult in the beginning: increase $\varepsilon$ linearly from 0 to its full value during the first 30 %
#   of the steps.
# - Reduce the learning rate linearly to 0 during training: set `optimizer.lr` before each step.
# - The images are other ones for each seed: rotated, bent, their pixels in another order. A pixel remains a number from 0
#   to 1.


# %%
def train_robust(x, y, *, rng):
    """Train Linear(784, 128), ReLU, Linear(128, 10) on digits so that it withstands changes of every pixel by 0.1

    Shapes
        x  (batch, 784) float32, from 0 to 1      y  (batch,), integers from 0 to 9
    Returns the network, a Sequential.
    rng: a numpy.random.Generator for the initial weights, for shuffling, and for the attacks.
    """
    ### BEGIN SOLUTION
    model, loss = dense_network(784, 128, 10, rng=rng), SoftmaxCrossEntropy()
    optimizer = AdamW(model.parameters(), 0.003)
    starts = range(0, len(x), 50)
    total = 5 * len(starts)
    for epoch in range(5):
        order = rng.permutation(len(x))
        for number, start in enumerate(starts, epoch * len(starts)):
            rows = order[start : start + 50]
            eps = 0.1 * min(1, (number + 1) / (0.3 * total))
            optimizer.lr = 0.003 * (1 - number / total)
            adversarial_training(x[rows], y[rows], eps, model=model, loss=loss, optimizer=optimizer, rng=rng)
    return model
    ### END SOLUTION


# %% [markdown] hints="train_robust"
# ### train_robust
# 1. Which rows is the network trained on, and how strong is the attack in the first steps, in the last?
# 2. step s of S: ε = 0.1 · min(1, s / (0.3 S)); rate 0.003 · (1 − s/S); (N, 784) → (N, 128) → (N, 10)
# 3. Make the network and the optimizer, count all steps in advance. In each epoch draw an order of the rows; for every
#    batch set the strength and the rate that belong to this step, and take one step of adversarial training.

# %%
check(train_robust)

# %% [markdown]
# What has it brought? Both networks under attack: the robust one is as good where nobody attacks (on larger tasks it
# would be worse), and beyond the $\varepsilon$ it was trained for it falls as well. Below, the input gradients: those of the
# robust network are no noise any more, they lie on strokes and where strokes could be. To change the answer of this
# network, one has to change what a human would change too.


# %%
@cache
def robust_network():
    """Your network that withstands; given"""
    x, y, _, _ = images()
    return train_robust(x, y, rng=np.random.default_rng(0))


def both_networks():
    """The plain network and yours, with their colours; given"""
    return {"plain": (plain_network(), "#D55E00"), "robust": (robust_network(), "#0072B2")}


with when_written():
    sizes = np.linspace(0, 0.25, 11).tolist()
    ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")[1]
    for name, (model, colour) in both_networks().items():
        for attack, style in (("fgsm", "--"), ("pgd, 20 steps", "-")):
            found = accuracies_under(model, attacks_on(model)[attack], sizes)
            ax.plot(sizes, found, color=colour, ls=style, label=f"{name}: {attack}")
    ax.axvline(0.1, color="black", lw=0.8, ls=":")
    ax.set(xlabel="largest change of a pixel, ε", ylabel="accuracy on unseen digits", ylim=(0, 1))
    ax.legend(frameon=False)
    plt.show()
    loss = SoftmaxCrossEntropy()
    models = [model for model, _ in both_networks().values()]
    both = [input_gradient(x_test[eight], y_test[eight], model=model, loss=loss) for model in models]
    show_rows([x_test[eight], *both], [["image", *[""] * 7], ["plain", *[""] * 7], ["robust", *[""] * 7]])

# %% [markdown]
# One more thing is worth looking at: an attack with $\varepsilon = 0.3$, three times what the network was trained for, on
# both. Neither withstands. But to deceive the plain one it would have been enough to make the background dirty; against the
# robust one, strokes had to be broken and others begun.

# %%
with when_written():
    rows, titles, loss = [x_test[eight]], [["image", *[""] * 7]], SoftmaxCrossEntropy()
    for name, (model, _) in both_networks().items():
        changed = pgd(
            x_test[eight], y_test[eight], 0.3, model=model, loss=loss, steps=40, step_size=0.02,
            rng=np.random.default_rng(0),
        )  # fmt: skip
        rows.append(changed)
        titles.append([f"{name}: {digit}" for digit in predict(model, changed).argmax(axis=1)])
    show_rows(rows, titles)

# %% [markdown]
# ## 13.7 magnitude_pruning
#
# The second half of this assignment makes networks small. The simplest way: set weights to zero and do not store them.
# Which ones? Those that are nearly zero already. (A small weight may be important, if its input is large; but with
# inputs of about equal size, magnitude is a good guide, and it costs nothing to compute.)
#
# There are two ways to choose a share $s$ of all weights:
#
# ```
#   layer 1   |w|:  0.1  0.2  0.3  0.4        layer 2   |w|:  1  2  3  4             s = 1/2
#
#   global:         ✗    ✗    ✗    ✗                          •  •  •  •             the 4 smallest of all 8
#   per layer:      ✗    ✗    •    •                          ✗  ✗  •  •             the 2 smallest of each 4
# ```
#
# **Global** pruning finds out by itself which layers have weights to spare: often the largest ones. But it can also
# remove a whole layer, as above, if the layers' weights are of different size.
#
# How many are removed is `int(share * n)`, rounded down, of $n$ weights (of all together, or of each array). Exactly so
# many: if several are equally small and not all of them are to go, those go that come first, in the order of the list and
# in each array row by row. (So a threshold alone is not enough: a comparison with it removes all that are tied, or none.)
#
# *By hand:* the weights $\begin{pmatrix} 3 & -1 \\ 1 & 0 \end{pmatrix}$, share $1/2$: two go, first the 0, then, of the
# tied $-1$ and $1$, the $-1$. The mask is $\begin{pmatrix} 1 & 0 \\ 1 & 0 \end{pmatrix}$.


# %%
def magnitude_pruning(weights, share, *, per_layer=False):
    """Which weights remain if the given share of them is removed, the smallest in magnitude first

    Shapes
        weights  a list of arrays of any shapes      result  a list of arrays of booleans of these shapes, True: remains
    share: from 0 to 1      int(share * n) of n weights are removed: of all together, or per_layer of each array.
    Of weights of equal magnitude those are removed first that come first: in the list, then in the array row by row.
    The weights stay as they are.

    Source: Han, Pool, Tran & Dally, Learning both Weights and Connections for Efficient Neural Networks (2015).
    """
    ### BEGIN SOLUTION
    if per_layer:
        return [mask for w in weights for mask in magnitude_pruning([w], share)]
    xp = array_module(weights[0])
    sizes = xp.concatenate([abs(w).ravel() for w in weights])
    remains = xp.ones(sizes.shape, dtype=bool)
    remains[xp.argsort(sizes, kind="stable")[: int(share * len(sizes))]] = False
    masks, start = [], 0
    for w in weights:
        masks.append(remains[start : start + w.size].reshape(w.shape))
        start += w.size
    return masks
    ### END SOLUTION


# %% [markdown] hints="magnitude_pruning"
# ### magnitude_pruning
# 1. If ten weights are exactly zero and five have to go, does your code remove five? And which weights are compared with
#    each other in either way?
# 2. k = int(s · n); the k smallest abs(w) of all n (or of each array) have the mask 0, all others 1
# 3. Put the magnitudes of all arrays one after the other, sort them with a stable sort that gives positions, mark the
#    first k positions as removed, and cut the marks into arrays of the original shapes. Per layer, do that for each array.

# %%
check(magnitude_pruning)

# %% [markdown]
# ## 13.8 masked_step
#
# After pruning, a network is worse; trained a little further, it recovers. But the optimizer knows nothing of masks. The
# gradient of a removed weight is not zero, so the next step brings it back. To clear its gradient is not enough either:
# momentum still remembers earlier gradients, and Adam as well. What always works: let the optimizer do its step, then set
# the removed weights to zero again.
#
# *By hand:* weights $(2, 0)$ with the mask $(1, 0)$, momentum $v = (1, 1)$ from before, gradient $(1, 0)$, $\mu = 0.9$, rate
# 0.1. The step: $v = (1.9, 0.9)$, weights $(1.81, -0.09)$. Masked: $(1.81, 0)$. The gradient of the second weight was zero,
# and it moved.


# %%
def masked_step(parameters, masks, *, optimizer):
    """One step of the optimizer, after which all removed weights are 0

    parameters: a list of Parameter      masks: a list of arrays of booleans of their shapes, True: remains
    optimizer: has step(), which moves these parameters, and perhaps others, which have no mask.
    Written into the arrays of the parameters, in place.  Gradients and masks stay as they are.

    Source: Han et al., Learning both Weights and Connections for Efficient Neural Networks (2015), section 3.
    """
    ### BEGIN SOLUTION
    optimizer.step()
    for parameter, mask in zip(parameters, masks, strict=True):
        parameter.data *= mask
    ### END SOLUTION


# %% [markdown] hints="masked_step"
# ### masked_step
# 1. Which memory does an optimizer have besides the gradient, and what does it do to a weight whose gradient is zero?
# 2. θ ← step; θ ← m ⊙ θ
# 3. Let the optimizer step first. Then multiply every parameter's numbers by its mask, in place.

# %%
check(masked_step)

# %% [markdown]
# How much can go? The plain network, pruned in both ways, before and after a further epoch of training.


# %%
def weights_of(model):
    """The matrices of a network, as parameters; given"""
    return [parameter for parameter in model.parameters() if parameter.data.ndim > 1]


def pruned(model, share, *, per_layer=False, epochs=0, seed=0):
    """A copy of a network without the smallest weights, trained further; and its masks; given"""
    x, y, _, _ = images()
    model, loss, rng = deepcopy(model), SoftmaxCrossEntropy(), np.random.default_rng(seed)
    matrices = weights_of(model)
    masks = magnitude_pruning([w.data for w in matrices], share, per_layer=per_layer)
    for w, mask in zip(matrices, masks, strict=True):
        w.data *= mask
    optimizer = AdamW(model.parameters(), 0.001)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), 50):
            rows = order[start : start + 50]
            model.zero_grad()
            loss.forward(model.forward(x[rows]), y[rows])
            model.backward(loss.backward())
            masked_step(matrices, masks, optimizer=optimizer)
    return model, masks


with when_written():
    shares = [0, 0.5, 0.8, 0.9, 0.95, 0.98]
    ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")[1]
    for per_layer, colour in ((False, "#0072B2"), (True, "#D55E00")):
        for epochs, style in ((0, "--"), (1, "-")):
            found = []
            for share in shares:
                model, _ = pruned(plain_network(), share, per_layer=per_layer, epochs=epochs)
                found.append(correct(model, x_test, y_test))
            name = f"{'per layer' if per_layer else 'global'}, {'trained further' if epochs else 'as it is'}"
            ax.plot(range(len(shares)), found, color=colour, ls=style, marker=".", label=name)
    ax.set(xlabel="share of weights removed", ylabel="accuracy on unseen digits", ylim=(0, 1))
    ax.set_xticks(range(len(shares)), [f"{100 * share:.0f} %" for share in shares])
    ax.legend(frameon=False)
    plt.show()

# %% [markdown]
# Nine of ten weights are hardly needed, if the network may adapt. Global pruning is far ahead: it takes nearly all from the
# first matrix, which has 100,000 weights, many of them of pixels that are always black, and nearly nothing from the
# last one, which has 1,280.

# %% [markdown]
# ## 13.9 quantize_int8
#
# A float32 has 24 significant bits. Weights do not need them. **Quantization** stores each number as a small integer
# $q$, and one **scale** for many of them:
#
# $$ s = \frac{\max |x|}{127}, \qquad q = \text{round}\!\left(\frac{x}{s}\right) \in \{-127, \dots, 127\}, \qquad x \approx s\, q $$
#
# An int8 could also be $-128$, but then the largest negative and positive numbers would not be treated alike
# (*symmetric* quantization). With $b$ bits the largest integer is $L = 2^{b-1} - 1$: 127 for 8 bits, 7 for 4, 1 for 2. The
# error of every number is at most $s/2$.
#
# One scale for the whole tensor, or one for each **channel**? If one column of a matrix has much larger numbers than the
# others, its scale is far too coarse for all of them:
#
# ```
#   x (3, 4)            axis=None:  s (1, 1)          axis=1:  s (1, 4), one for each column
#   ┌ 1  .01  2  .02 ┐
#   │ 2  .02  1  .01 │  q of column 2: 1, 1, 0        q of column 2:  64, 127, −32
#   └ 0 −.005 1  .01 ┘
# ```
#
# - `scale` has as many axes as $x$, each of length 1 except `axis`, so that $s\,q$ is a simple product.
# - Where all numbers are 0, $s$ would be 0, and $x/s$ undefined: there $s = 1$ (and $q = 0$).
# - Rounding is to the nearest integer, and halves to the *even* one: 0.5 → 0, 1.5 → 2, 2.5 → 2. If halves always went
#   up, sums of many numbers would be too large.
#
# *By hand:* $x = (63.5, -127, 0.5, 1.5)$: $s = 1$, $q = (64, -127, 0, 2)$, since 63.5 is between 63 and 64, and 64 is even.


# %%
def quantize_int8(x, *, bits=8, axis=None):
    """Integers and their scale, so that x ≈ scale · q; symmetric, in 8 bits or fewer

    Shapes
        x  any      q  as x, int8, from −L to L with L = 2^(bits − 1) − 1
        scale  as many axes as x, each of length 1 except axis, in the dtype of x
    axis: None, one scale for all numbers, or the axis of the channels, from 0 on, each of which has its own.
    scale = (largest magnitude) / L, but 1 where all numbers are 0;  q = x / scale, rounded, halves to the even integer.
    bits: from 2 to 8

    Source: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference
    (2018), section 2; Krishnamoorthi, Quantizing Deep Convolutional Networks (2018), sections 2.2 and 3.1.
    """
    ### BEGIN SOLUTION
    xp, largest = array_module(x), 2 ** (bits - 1) - 1
    others = tuple(i for i in range(x.ndim) if i != axis)
    scale = abs(x).max(axis=others, keepdims=True) / largest
    scale = xp.where(scale > 0, scale, xp.ones_like(scale))
    return xp.rint(x / scale).astype(xp.int8), scale
    ### END SOLUTION


# %% [markdown] hints="quantize_int8"
# ### quantize_int8
# 1. Over which axes is the maximum taken if every column has its own scale? What happens to a column of zeros, and to 2.5?
# 2. s = max abs(x) / L over all axes but the channels', (1, …, C, …, 1), or 1; q = round(x / s), L = 2^(b−1) − 1
# 3. Take the largest magnitude over all axes but that of the channels and keep these axes with length 1. Divide by the
#    largest integer, replace zeros by ones, divide x by it, round to even, and convert to eight bits.

# %%
check(quantize_int8)

# %% [markdown]
# From 8 bits to 2: what becomes of the accuracy, with one scale for each matrix, and with one for each column? (No further
# training.)


# %%
def quantized_network(model, bits, axis):
    """A copy of a network whose matrices are replaced by scale · q; given"""
    model = deepcopy(model)
    for w in weights_of(model):
        q, scale = quantize_int8(w.data, bits=bits, axis=axis)
        w.data[...] = scale * q
    return model


with when_written():
    all_bits = [8, 6, 5, 4, 3, 2]
    ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")[1]
    for axis, name, colour in ((1, "one scale per column", "#0072B2"), (None, "one scale per matrix", "#D55E00")):
        found = [correct(quantized_network(plain_network(), bits, axis), x_test, y_test) for bits in all_bits]
        print(f"{name}: " + ", ".join(f"{bits} bits {share:.3f}" for bits, share in zip(all_bits, found, strict=True)))
        ax.plot(range(len(all_bits)), found, marker=".", color=colour, label=name)
    ax.axhline(correct(plain_network(), x_test, y_test), color="black", lw=1, ls="--", label="float32")
    ax.set(xlabel="bits of a weight", ylabel="accuracy on unseen digits", ylim=(0, 1))
    ax.set_xticks(range(len(all_bits)), all_bits)
    ax.legend(frameon=False, loc="lower left")
    plt.show()

# %% [markdown]
# > **Find the mistake.** One of the articles behind this course has a section on *vector quantization*, which it explains
# > as "converting data into vectors of a fixed length, as the input of a model"; word embeddings are filed there. What is
# > described, and what is quantization?
# >
# > <details><summary>What is wrong</summary>What is described is <em>vectorization</em>: texts or images become vectors, as
# > in assignment 08. To <em>quantize</em> is to replace numbers by the nearest of a few, as in this section. <em>Vector</em>
# > quantization does that with whole vectors: each is replaced by the nearest entry of a table, and only its index is
# > stored (k-means finds such a table). An embedding layer looks up a table by an index too, but nothing was rounded to
# > get that index.</details>

# %% [markdown]
# ## 13.10 quantized_matmul
#
# Integers save space; with integer hardware they also save time. A product of two int8 matrices consists of sums of
# products of two small integers. One product is up to $127^2 = 16{,}129$, which no int8 can hold, and a sum of $k$ of
# them up to $16{,}129\,k$. So processors multiply in 8 bits and **accumulate in 32**: up to $k = 133{,}000$ terms fit, and
# the result is *exact*, whatever the order of the additions. (NumPy adds int8 in int8, without a word: 127 · 2 is −2.
# It multiplies matrices of integers slowly, and those of floats fast; float64 holds every integer up to $2^{53}$ exactly.)
#
# *By hand:* $(100\;\;100) \begin{pmatrix} 100 \\ 100 \end{pmatrix} = 20{,}000$; in eight bits it would be
# $20{,}000 \bmod 256 = 32$.


# %%
def quantized_matmul(a, b):
    """The product of two matrices of int8, as int32, exact

    Shapes
        a  (rows, k), int8      b  (k, columns), int8      result  (rows, columns), int32
    k: up to 130,000, so that every sum has a place in 32 bits.

    Source: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference
    (2018), section 2.2.
    """
    ### BEGIN SOLUTION
    xp = array_module(a)
    return (a.astype(xp.float64) @ b.astype(xp.float64)).astype(xp.int32)
    ### END SOLUTION


# %% [markdown] hints="quantized_matmul"
# ### quantized_matmul
# 1. In which dtype does your library add up products of int8? And up to which integer is a float32 exact?
# 2. c = Σₖ a b, (R, K) (K, C) → (R, C), each sum an integer below 2³¹
# 3. Convert both matrices to a type that can hold every sum exactly, multiply them, and convert the result to 32 bits.

# %%
check(quantized_matmul)

# %% [markdown]
# ## 13.11 quantized_linear
#
# A linear layer with stored weights $W \approx s_W\, q_W$, one scale for each column, gets an input $x$ of floats. If the
# input is quantized as well, $x \approx s_x\, q_x$ with a single scale (it is computed on the spot: *dynamic*
# quantization), then
#
# $$ x W \approx (s_x q_x)(q_W s_W) = s_x\, (q_x q_W)\, s_W $$
#
# since $s_W$ belongs to columns of $W$, that is to columns of the result. So the product of integers comes first, and
# scaling afterwards, once for each number of the result. (With one scale for each *row* of $W$ this would not be possible:
# it would be inside the sum.)
#
# ```
#   x (rows, in) ──► quantize ──► q_x int8 ──► q_x q_W, int32 ──► · s_x s_W ──► + b ──► y (rows, out)
#                       └── s_x (1, 1) ──────────────────────────────┘
# ```
#
# *By hand:* $x = (1\;\;0.5)$, $s_x = 1/127$, $q_x = (127\;\;64)$ (63.5 goes to 64). With $q_W = \begin{pmatrix} 2 \\ -1
# \end{pmatrix}$, $s_W = 0.1$, $b = 1$: the integer is $254 - 64 = 190$, $y = 190 \cdot 0.1 / 127 + 1 = 1.150$; without rounding
# it is $1.15$.


# %%
def quantized_linear(x, q, scale, b):
    """What x W + b is with stored integers, W ≈ scale · q, and x quantized in 8 bits too; the product is of integers

    Shapes
        x  (rows, in_features)      q  (in_features, out_features), int8      scale  (1, out_features) or (1, 1)
        b  (out_features,)      result  (rows, out_features), in the dtype of x
    x is quantized as a whole (axis=None), as by quantize_int8; x of zeros gives b.

    Source: Jacob et al. (2018), section 2.2; Zafrir et al., Q8BERT: Quantized 8Bit BERT (2019).
    """
    ### BEGIN SOLUTION
    q_x, scale_x = quantize_int8(x)
    return quantized_matmul(q_x, q).astype(x.dtype) * (scale_x * scale) + b
    ### END SOLUTION


# %% [markdown] hints="quantized_linear"
# ### quantized_linear
# 1. Two things were divided away before the product: by what does the sum of integers have to be multiplied?
# 2. y = (q_x q_W) · s_x · s_W + b, (N, I) (I, O) → (N, O); s_x (1, 1), s_W (1, O)
# 3. Quantize the input, multiply the integers, convert the result to floats, multiply by both scales, add b.

# %%
check(quantized_linear)

# %%
with when_written():
    first, last = plain_network().layers[0], plain_network().layers[2]
    (q1, s1), (q2, s2) = (quantize_int8(layer.W.data, axis=1) for layer in (first, last))
    hidden = np.maximum(quantized_linear(x_test, q1, s1, first.b.data), 0)
    scores = quantized_linear(hidden, q2, s2, last.b.data)
    print(f"float32 {correct(plain_network(), x_test, y_test):.4f}, integers {accuracy(scores, y_test):.4f}")
    same = (scores.argmax(axis=1) == predict(plain_network(), x_test).argmax(axis=1)).mean()
    print(f"the same answer for {100 * same:.1f} % of the digits")

# %% [markdown]
# ## 13.12 pack_integers and unpack_integers
#
# How large is a network? What counts is the number of **bytes** that have to be stored. An integer of 3 bits in an int8
# still takes 8. So put the bits next to each other:
#
# ```
#   q, 3 bits each      1      −2      3      −1
#   two's complement   001    110    011    111
#   bytes              00111001 1111....         the last byte is filled up with zeros
#                      = 57     = 240
# ```
#
# **Two's complement** of $b$ bits: a negative number $q$ is stored as $q + 2^b$. Unpacking subtracts $2^b$ where the first
# bit is 1. In each integer the most significant bit comes first, and so it does in each byte, as in `numpy.packbits`.
# Four integers of 3 bits take $12$ bits, that is 2 bytes; in general $n$ integers take $\lceil n b / 8 \rceil$ bytes.
#
# These two functions work in CPU memory, where files are written.


# %%
def pack_integers(q, bits):
    """Signed integers of a few bits each, packed into bytes without gaps

    Shapes
        q  (n,), int8, from −2^(bits − 1) to 2^(bits − 1) − 1      result  (ceil(n · bits / 8),), uint8
    Two's complement, the most significant bit first, one integer after the other; the last byte is filled with zeros.
    bits: from 2 to 8      n: 0 or more
    """
    ### BEGIN SOLUTION
    return np.packbits((q[:, None] >> np.arange(bits - 1, -1, -1)) & 1)
    ### END SOLUTION


# %% [markdown] hints="pack_integers"
# ### pack_integers
# 1. Which bit of an integer comes first, and what does a negative number look like in b bits?
# 2. u = q mod 2^b; bit j (from the left, j = 0 … b − 1) is u // 2^(b − 1 − j) mod 2; (n, b) → (n b,) → bytes of 8 bits
# 3. Make a table of zeros and ones with a row for each integer, its most significant bit first. Read it row by row as
#    one long sequence, and combine each eight of them into a byte; the library has a function for that.

# %%
check(pack_integers)


# %%
def unpack_integers(packed, bits, count):
    """The integers that pack_integers has packed

    Shapes
        packed  (ceil(count · bits / 8),), uint8      result  (count,), int8
    bits: from 2 to 8      count: 0 or more; the bits after the last integer do not matter.
    """
    ### BEGIN SOLUTION
    table = np.unpackbits(packed, count=count * bits).reshape(count, bits).astype(np.int64)
    return (table @ 2 ** np.arange(bits - 1, -1, -1) - table[:, 0] * 2**bits).astype(np.int8)
    ### END SOLUTION


# %% [markdown] hints="unpack_integers"
# ### unpack_integers
# 1. What tells a negative number from a positive one, and how many of the bits belong to integers at all?
# 2. q = Σⱼ bitⱼ 2^(b − 1 − j) − 2^b · bit₀, (count, b) → (count,)
# 3. Turn the bytes into bits, take as many as belong to integers, and lay them out with one row for each integer. Add up
#    powers of two along the rows, and subtract the whole range where the first bit is set.

# %%
check(unpack_integers)

# %% [markdown]
# ## 13.13 store_layer and load_layer
#
# Now a whole layer: weights of which most are removed, the others in few bits. What has to be stored?
#
# | entry | what | bytes |
# |---|---|---|
# | `mask` | which weights remain: one bit for each, row by row, the last byte filled with zeros (`numpy.packbits`) | ⌈in · out / 8⌉ |
# | `values` | the integers of those that remain, row by row, packed | ⌈kept · bits / 8⌉ |
# | `scale` | one for each column | 4 · out |
# | `b` | the bias | 4 · out |
# | `bits` | a number | counted as 8 |
#
# The mask costs a bit for every weight, whether it is there or not. (To store the position of each remaining weight
# instead would cost about 17 bits for each; below a sixth or so of all weights… see the second question.)
#
# *By hand:* 784 × 128 weights of which 10 % remain, in 8 bits: 12,544 bytes of mask, 10,035 of values, 1,024 for scales
# and biases, together 23.6 kB. As float32 they are 401.9 kB: 17 times as much.


# %%
def store_layer(W, b, mask, *, bits):
    """A layer as it is stored: a dict of mask, values, scale, b (arrays) and bits

    Shapes
        W  (in_features, out_features)      b  (out_features,)      mask  as W, booleans, True: remains
        mask, values  bytes (uint8)      scale, b  (out_features,), float32      bits  the number of bits
    Removed weights count as 0, whatever W has there, NaN and infinity too.  The others are quantized with one scale for
    each column, as by quantize_int8, and packed by pack_integers, row by row.  In CPU memory.  Later changes of W, b and
    mask change nothing that is stored.

    Source: Han, Mao & Dally, Deep Compression (2016).
    """
    ### BEGIN SOLUTION
    q, scale = quantize_int8(np.where(mask, W, 0), bits=bits, axis=1)
    return {
        "mask": np.packbits(mask),
        "values": pack_integers(q[mask], bits),
        "scale": scale[0].astype(np.float32),
        "b": b.astype(np.float32),
        "bits": bits,
    }
    ### END SOLUTION


# %% [markdown] hints="store_layer"
# ### store_layer
# 1. If a removed weight is still large in W, what would it do to the scale of its column? In which order are the
#    remaining integers stored?
# 2. W' = m ⊙ W, (I, O); q, s = quantize(W'), s (1, O); values: q where m = 1, row by row
# 3. Set removed weights to zero and quantize column by column. Pack the mask into bits, the remaining integers with your
#    function, and convert the scales (one axis) and the biases to single precision.

# %%
check(store_layer)


# %%
def load_layer(stored, shape):
    """W and b of a layer that store_layer has stored, both float32; removed weights are 0

    Shapes
        shape  (in_features, out_features)      result  (W, b): W (in_features, out_features), b (out_features,)
    """
    ### BEGIN SOLUTION
    count = shape[0] * shape[1]
    mask = np.unpackbits(stored["mask"], count=count).astype(bool)
    W = np.zeros(count, np.float32)
    W[mask] = unpack_integers(stored["values"], stored["bits"], int(mask.sum()))
    return W.reshape(shape) * stored["scale"], stored["b"]
    ### END SOLUTION


# %% [markdown] hints="load_layer"
# ### load_layer
# 1. How many integers are stored, and where do you find out?
# 2. q at the places where m = 1, else 0, (I, O); W = q · s, s (O,)
# 3. Unpack the mask, cut it to the number of weights, count its ones, unpack so many integers, write them row by row to
#    the places that remain, and multiply each column by its scale.

# %%
check(load_layer)

# %%
with when_written():
    model, masks = pruned(plain_network(), 0.9, epochs=1)
    layers = [model.layers[0], model.layers[2]]
    full = sum(parameter.data.nbytes for parameter in model.parameters())
    for bits in (8, 4, 3):
        stored = [store_layer(each.W.data, each.b.data, m, bits=bits) for each, m in zip(layers, masks, strict=True)]
        size = sum(np.asarray(entry).nbytes for one in stored for entry in one.values())
        (W1, b1), (W2, b2) = (load_layer(one, each.W.shape) for one, each in zip(stored, layers, strict=True))
        scores = np.maximum(x_test @ W1 + b1, 0) @ W2 + b2
        print(f"{bits} bits: {size:,} bytes of {full:,} ({full / size:.0f} ×), accuracy {accuracy(scores, y_test):.3f}")

# %% [markdown]
# ## 13.14 DistillationLoss
#
# A small network can learn from a large one: not from labels, but from its **scores**. They say more than a label. A 7
# that looks a little like a 1 has a score for 1 that is higher than that for 8, and this is true for images too that
# nobody has labelled. The small network (the *student*) is trained to have the same probabilities as the large one (the
# *teacher*).
#
# A trained teacher is very sure: 0.999 for one class. All that is interesting is in the last digits. So both are
# softened by a **temperature** $T > 1$:
#
# $$ p = \text{softmax}(t / T), \quad q = \text{softmax}(z / T), \qquad
#    L = \frac{T^2}{B} \sum_{n} \sum_k p_{nk}\, (\log p_{nk} - \log q_{nk}) $$
#
# with the teacher's scores $t$ and the student's $z$.
#
# **The backward pass**, step by step. Only $q$ depends on $z$, so $L = -\frac{T^2}{B} \sum p \log q + \text{const}$, a
# cross-entropy of $u = z / T$ with "labels" $p$. You know its gradient: $\partial L / \partial u = \frac{T^2}{B}(q - p)$.
# And $u = z / T$, which brings one factor $1/T$ more:
#
# $$ \frac{\partial L}{\partial z} = \frac{T^2}{B}\,(q - p) \cdot \frac{1}{T} = \frac{T}{B}\, (q - p) $$
#
# **Why** $T^2$? For a large $T$ the softmax is nearly linear: $q - p \approx (z - t) / (K T)$ (with scores whose mean is
# zero). So the gradient is about $T \cdot (z - t) / (K T B)$: the same size for every temperature. Without the factor $T^2$
# it would shrink by $1/T^2$, and with every new $T$ one would have to look for a new learning rate.
#
# *By hand:* $T = 2$, one row, $z = (0, 0)$, $t = (2 \ln 3, 0)$. $q = (\tfrac12, \tfrac12)$, $p = (\tfrac34, \tfrac14)$.
# $L = 4\,(\tfrac34 \ln \tfrac32 + \tfrac14 \ln \tfrac12) = 4 \cdot 0.1308 = 0.523$, $dz = 2 \cdot (-\tfrac14, \tfrac14)
# = (-0.5, 0.5)$.


# %%
class DistillationLoss(Loss):
    """How far a student's softened probabilities are from its teacher's:  T²/B Σ p (log p − log q)

    Shapes
        prediction  (batch, classes), the student's scores      target  (batch, classes), the teacher's scores
        loss  ()      dprediction  as the prediction
    p = softmax(target / T), q = softmax(prediction / T), both over the classes.  The sum is divided by the batch.
    Scores may be large: for scores of ±1,000 nothing overflows, and where p is 0 its term is 0.

    Source: Hinton, Vinyals & Dean, Distilling the Knowledge in a Neural Network (2015), section 2.
    """

    def __init__(self, T=4.0):
        self.T = T

    def forward(self, prediction, target):
        ### BEGIN SOLUTION
        xp = array_module(prediction)
        logs = []
        for scores in (prediction, target):
            shifted = (scores - scores.max(axis=1, keepdims=True)) / self.T
            logs.append(shifted - xp.log(xp.exp(shifted).sum(axis=1, keepdims=True)))
        p = xp.exp(logs[1])
        self.difference = xp.exp(logs[0]) - p
        return self.T**2 * (p * (logs[1] - logs[0])).sum() / len(prediction)
        ### END SOLUTION

    def backward(self):
        ### BEGIN SOLUTION
        return self.difference * (self.T / len(self.difference))
        ### END SOLUTION


# %% [markdown] hints="DistillationLoss"
# ### forward
# 1. Which of the two distributions weights the logarithms, and what does exp do with a score of 1,000?
# 2. log q = z/T − log Σ exp(z/T), (B, K), and log p alike; L = T²/B Σ p (log p − log q), ()
# 3. For both: subtract the largest score of each row, divide by T, and subtract the logarithm of the sum of exponentials.
#    Weight the difference of the logarithms by the teacher's probabilities, add up, multiply by T² and divide by the rows.
#
# ### backward
# 1. Through how many divisions by T does the gradient pass, and how many factors T are in front of the sum?
# 2. dz = T/B (q − p), (B, K)
# 3. Keep the difference of the two softened distributions in forward; scale it by the temperature and by the batch.

# %%
check(DistillationLoss)

# %% [markdown]
# Does it help? A small network, 784-32-10, has 300 labelled digits. On these alone it reaches some accuracy. The plain
# network, which has seen all 10,000 labels, answers for the other 9,700 images, whose labels the small one never sees.


# %%
@cache
def small_networks():
    """Accuracies of a network 784-32-10, by what it learns from; given"""
    x, y, x_test, y_test = images()
    teacher = predict(plain_network(), x)
    few = np.arange(300)
    ways = {
        "300 labels": (x[few], y[few], SoftmaxCrossEntropy(), 150),
        "the same 300 images, teacher": (x[few], teacher[few], DistillationLoss(4.0), 150),
        "10,000 images, teacher": (x, teacher, DistillationLoss(4.0), 5),
        "10,000 labels": (x, y, SoftmaxCrossEntropy(), 5),
    }
    found = {}
    for name, (rows, targets, loss, epochs) in ways.items():
        rng = np.random.default_rng(0)
        model = dense_network(784, 32, 10, rng=rng)
        optimizer = AdamW(model.parameters(), 0.002)
        fit(model, loss, optimizer, rows, targets, epochs=epochs, batch_size=50, rng=rng, progress=False)
        found[name] = correct(model, x_test, y_test)
    return found


with when_written():
    ax = plt.subplots(figsize=(6.4, 2.4), layout="constrained")[1]
    names, values = zip(*reversed(small_networks().items()), strict=True)
    bars = ax.barh(names, values, color=["#777777", "#0072B2", "#2F8FC4", "#D55E00"])
    ax.bar_label(bars, fmt="%.3f", padding=-36, color="white")
    ax.axvline(correct(plain_network(), x_test, y_test), color="black", ls="--", lw=1)
    ax.set(xlim=(0.5, 1), xlabel="accuracy on unseen digits (dashed: the teacher)")
    plt.show()

# %% [markdown]
# With the teacher's answers for all images the small network is nearly as good as with all labels. On the same 300 images the
# scores help less. And with all labels at hand, the teacher adds nothing on these digits: what it gives is mainly answers
# for images that have none.

# %% [markdown]
# ## 13.15 low_rank_factorize
#
# A matrix of rank $r$ is a product of two thin ones, and two thin matrices have fewer numbers:
#
# ```
#   W (in, out)  ≈   A (in, r)  B (r, out)          in · out   →   r · (in + out)
#                                                    784 · 128 = 100,352   →   16 · 912 = 14,592  for r = 16
# ```
#
# Trained matrices do not have a low rank, but they are near one: their singular values fall quickly. With
# $W = U \Sigma V^\top$ the nearest matrix of rank $r$ (nearest in the sum of squared differences) keeps the $r$ largest
# singular values:
#
# $$ W_r = \sum_{i=1}^{r} \sigma_i\, u_i v_i^\top, \qquad \|W - W_r\|^2 = \sum_{i > r} \sigma_i^2 $$
#
# How $\Sigma$ is divided between both factors is free; half each (the roots) makes them equally large, which is good for
# further training.
#
# *By hand:* $W = \begin{pmatrix} 3 & 0 \\ 0 & 1 \end{pmatrix}$ and $r = 1$: the singular values are 3 and 1, and $W_1 =
# \begin{pmatrix} 3 & 0 \\ 0 & 0 \end{pmatrix}$, for example with $A = \begin{pmatrix} \sqrt 3 \\ 0 \end{pmatrix}$ and
# $B = (\sqrt 3\;\; 0)$. The squared error is 1.


# %%
def low_rank_factorize(W, rank):
    """Two thin matrices whose product is the matrix of this rank that is nearest to W

    Shapes
        W  (in_features, out_features)      result  (A, B): A (in_features, rank), B (rank, out_features)
    A B is the best approximation of W in the sum of squared differences.  Any such A and B will do.
    rank: from 1 to the smaller side of W.  W may have a lower rank than that, or be zero.

    Source: Eckart & Young, The Approximation of One Matrix by Another of Lower Rank (1936); Denton et al., Exploiting
    Linear Structure Within Convolutional Networks (2014).
    """
    ### BEGIN SOLUTION
    xp = array_module(W)
    U, s, Vt = xp.linalg.svd(W, full_matrices=False)
    root = xp.sqrt(s[:rank])
    return U[:, :rank] * root, root[:, None] * Vt[:rank]
    ### END SOLUTION


# %% [markdown] hints="low_rank_factorize"
# ### low_rank_factorize
# 1. Which singular values does the best approximation keep, and where do you leave them if only two factors remain?
# 2. W = U diag(σ) Vᵀ; A = Uᵣ diag(√σᵣ), (I, r); B = diag(√σᵣ) Vᵣᵀ, (r, O)
# 3. Decompose the matrix by singular values, keep the first columns and rows, and multiply both by the roots of the
#    singular values that remain.

# %%
check(low_rank_factorize)

# %%
with when_written():
    ranks = [2, 4, 8, 16, 32, 64, 128]
    found = []
    for rank in ranks:
        model = deepcopy(plain_network())
        A, B = low_rank_factorize(model.layers[0].W.data, rank)
        model.layers[0].W.data[...] = A @ B
        found.append(correct(model, x_test, y_test))
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    for name, (network, colour) in both_networks().items():
        values = np.linalg.svd(network.layers[0].W.data, compute_uv=False)
        left.plot(np.arange(1, 129), values, color=colour, label=name)
    left.set(xlabel="number of the singular value", ylabel="singular values of the first matrix", ylim=0)
    left.legend(frameon=False)
    right.plot([rank * 912 / 100_352 for rank in ranks], found, marker=".", color="#D55E00")
    for rank, share in zip(ranks[:4], found, strict=False):
        right.annotate(f"r = {rank}", (rank * 912 / 100_352, share), (6, -8), textcoords="offset points", fontsize=8)
    right.axvline(1, color="black", lw=0.8, ls=":")
    right.set(xlabel="numbers of A and B, as a share of those of W", ylabel="accuracy", ylim=(0, 1))
    plt.show()

# %% [markdown]
# From a rank of $784 \cdot 128 / 912 = 110$ on, the factors are larger than the matrix. Rank 32 has hardly lost anything,
# with 29 % of the numbers; that is less than pruning achieves, but the products remain ordinary products of dense
# matrices, which every processor computes fast.

# %% [markdown]
# ## 13.16 Capstone: 20,000 bytes
#
# Write `train_compressed`: train a network `Linear(784, 128)`, `ReLU`, `Linear(128, 10)` on digits and return it as it is
# stored: a list of what `store_layer` returns for the first and for the second layer. It may have no more than **20,000
# bytes** (as float32 it has 407,080), and must classify **92 %** of unseen digits correctly. The grader counts the
# bytes of all entries, unpacks them with its own code and computes the scores with its own network. 20 seconds of CPU
# time; the author's solution takes about 3 and reaches 94.5 %.
#
# - 12,705 bytes of masks are needed in any case. What remains is for integers: how many weights, of how many bits?
# - Train for 4 epochs, prune globally, train for 2 more epochs with `masked_step`, store.
# - Other ways are as good: a network of fewer hidden units whose other weights are removed; in steps, a little more each
#   time; trained by a larger teacher of yours.


# %%
def train_compressed(x, y, *, rng):
    """Train Linear(784, 128), ReLU, Linear(128, 10) on digits; a list of both layers as store_layer gives them

    Shapes
        x  (batch, 784) float32, from 0 to 1      y  (batch,), integers from 0 to 9
    All entries together take 20,000 bytes or fewer.
    rng: a numpy.random.Generator for the initial weights and for shuffling.
    """
    ### BEGIN SOLUTION
    model, loss = dense_network(784, 128, 10, rng=rng), SoftmaxCrossEntropy()
    optimizer = AdamW(model.parameters(), 0.002)
    fit(model, loss, optimizer, x, y, epochs=4, batch_size=50, rng=rng, progress=False)
    matrices = weights_of(model)
    masks = magnitude_pruning([w.data for w in matrices], 0.9)
    optimizer = AdamW(model.parameters(), 0.001)
    for _ in range(2):
        order = rng.permutation(len(x))
        for start in range(0, len(x), 50):
            rows = order[start : start + 50]
            model.zero_grad()
            loss.forward(model.forward(x[rows]), y[rows])
            model.backward(loss.backward())
            masked_step(matrices, masks, optimizer=optimizer)
    layers = [model.layers[0], model.layers[2]]
    return [store_layer(each.W.data, each.b.data, m, bits=4) for each, m in zip(layers, masks, strict=True)]
    ### END SOLUTION


# %% [markdown] hints="train_compressed"
# ### train_compressed
# 1. How many bytes do the masks take, and how many weights of 4 bits fit into the rest?
# 2. bytes = 12,544 + 160 + kept · bits / 8 + 4 · 2 · (128 + 10) + 16; kept = (1 − s) · 101,632
# 3. Train as usual, choose the masks over both matrices together, train further with masked steps, and store both layers
#    with few bits.

# %%
check(train_compressed)

# %% [markdown]
# All ways on one picture: accuracy against the number of bytes.

# %%
with when_written():

    def size_and_accuracy(model, masks, bits):
        """Bytes of a network as it is stored, and the accuracy of what is loaded again"""
        layers, stored = [model.layers[0], model.layers[2]], []
        for each, mask in zip(layers, masks, strict=True):
            stored.append(store_layer(each.W.data, each.b.data, mask, bits=bits))
        (W1, b1), (W2, b2) = (load_layer(one, each.W.shape) for one, each in zip(stored, layers, strict=True))
        scores = np.maximum(x_test @ W1 + b1, 0) @ W2 + b2
        return sum(np.asarray(entry).nbytes for one in stored for entry in one.values()), accuracy(scores, y_test)

    ax = plt.subplots(figsize=(7, 3.8), layout="constrained")[1]
    whole = [np.ones(w.shape, bool) for w in weights_of(plain_network())]
    float_size = sum(parameter.data.nbytes for parameter in plain_network().parameters())
    quantized = [
        (whole_size - 12_704, share)  # no mask is needed
        for whole_size, share in (size_and_accuracy(plain_network(), whole, bits) for bits in (8, 6, 4, 3, 2))
    ]
    ax.plot(*zip(*quantized, strict=True), "o-", color="#E69F00", label="fewer bits: 8, 6, 4, 3, 2")
    kept = [pruned(plain_network(), share, epochs=2) for share in (0.5, 0.8, 0.9, 0.95, 0.98)]
    for bits, colour in ((8, "#009E73"), (4, "#0072B2")):
        found = [size_and_accuracy(model, masks, bits) for model, masks in kept]
        ax.plot(*zip(*found, strict=True), "o-", color=colour, label=f"50 to 98 % pruned and tuned, {bits} bits")
    small = small_networks()
    ax.plot(
        4 * (784 * 32 + 32 + 330), small["10,000 images, teacher"], "s", color="#CC79A7", label="32 units, by a teacher"
    )
    ax.plot(float_size, correct(plain_network(), x_test, y_test), "k*", ms=10, label="float32")
    ax.set(xscale="log", xlabel="bytes", ylabel="accuracy on unseen digits", ylim=(0.6, 1))
    ax.set_xticks([20_000, 50_000, 100_000, 200_000, 400_000], ["20,000", "50,000", "100,000", "200,000", "400,000"])
    ax.minorticks_off()
    ax.legend(frameon=False, loc="lower right", fontsize=8)
    plt.show()

# %% [markdown]
# The curves add up: nine of ten weights and half of the bits together, and the network is 20 times as small. Below 20
# kilobytes the masks are the largest part.
#
# **Question 1.** *(3 points)* Somebody puts a step in front of a network that rounds every pixel to 0 or 1, with the
# gradient 0 in its backward pass. Under `fgsm` with $\varepsilon = 0.1$ the accuracy rises from 7 % to 92 %. (a) Why does
# `fgsm` find nothing, although the network behind the rounding is the plain one? (b) Describe two attacks, or two
# measurements, that would show whether the defence is real. (c) In this case, with images that are mostly black and
# white: how robust is it really, and at which $\varepsilon$ does it certainly break down?

# %% [markdown] question="masked_gradients"
# ### BEGIN SOLUTION
# (a) The gradient at the pixels is 0 everywhere, so its signs are 0 and `fgsm` returns $x$: not the network is robust,
# the attack has lost its compass.
#
# (b) For example: replace the gradient of the rounding by that of the identity in the attack (it knows the defence); make
# the attack on the plain network, or on another one, and send the result to the defended one (transfer); attacks without
# gradients, by many random trials or by differences of scores; look whether accuracy falls to 0 for an unlimited
# $\varepsilon$, as it must, and whether more steps ever do worse than one.
#
# (c) A pixel changes its rounded value only if it lies within 0.1 of ½. Pixels that are nearly 0 or 1 cannot be moved at
# all: here the defence is real for most pixels. But grey ones at the edges of strokes can, so it is between the plain
# network and full robustness. From $\varepsilon = 0.5$ on every pixel can be given any value: nothing is left of it.
#
# Mark scheme: 1 point for the zero gradient as the reason; 1 for two of the attacks or measurements (½ each); ½ for only
# pixels near ½, ½ for ε = 0.5 (or slightly above).
# ### END SOLUTION

# %% [markdown]
# **Question 2.** *(3 points)* A matrix has $n = 100{,}352$ weights, of which a share $d$ remains, each in 8 bits. (a) How
# many bytes do they take with a mask of one bit for every weight? (b) Instead, the position of each remaining weight is
# stored as an integer of 17 bits. Below which $d$ is that smaller? (c) Is a network of which 90 % of the weights are zero
# ten times as fast with the products that you have written? Say what it depends on.

# %% [markdown] question="bytes"
# ### BEGIN SOLUTION
# (a) $n / 8$ for the mask and $d\,n$ for the values: $12{,}544 + 100{,}352\, d$ bytes.
#
# (b) $d\,n\,(17 + 8)/8 < n/8 + d\,n$, so $17\, d < 1$: $d < 1/17 \approx 5.9\,\%$.
#
# (c) No: `x @ W` multiplies zeros as well, so it is exactly as fast. To gain from zeros one needs other code, which visits
# only what remains, and memory that is read out of order costs more than the products saved, until very few are left;
# or zeros in a pattern that hardware knows (whole units, blocks, 2 of every 4). Removing whole units or low rank makes
# dense matrices smaller, and these are faster at once.
#
# Mark scheme: 1 point for (a); 1 for d < 1/17 with its reason; 1 for "no" with one correct reason (½ without it).
# ### END SOLUTION

# %% [markdown]
# # Bonus
#
# Three exercises; their points are added to the mark. The first two are about privacy, the last one shows where a
# network looks.
#
# ## 13.17 clipped_sum *(bonus)*
#
# A network remembers what it was trained on. With enough access to it one can find out whether a certain person was
# among the training data, and sometimes get back whole lines of text. **Differential privacy** is a promise: the trained
# weights are about as likely with this person's row as without it. For training that means that no single row may move the
# weights by much, and what it moves has to drown in noise.
#
# The first half: limit what one row can do. A step of training adds up the gradients of all rows. Take each row's gradient
# $g_n$ by itself (all parameters together, as one long vector), and shorten it to the length $C$ if it is longer:
#
# $$ \bar g_n = g_n \cdot \min\!\left(1, \frac{C}{\|g_n\|}\right), \qquad \|g_n\|^2 = \sum_{\theta} \sum_i \left(\frac{\partial
#    L_n}{\partial \theta_i}\right)^2, \qquad S = \sum_n \bar g_n $$
#
# ```
#   row 1 ──► gradient of all parameters ──► length 0.4 < C      ──► as it is  ─┐
#   row 2 ──► gradient of all parameters ──► length 9   > C = 1  ──► · 1/9     ─┼─► sum
#   row 3 ──► …                                                                 ─┘
# ```
#
# To clip the gradient of the whole batch, as in assignment 04, is something else: then one row with a huge gradient
# decides the direction of the step.
#
# *By hand:* two rows with the gradients $(3, 4)$ and $(0.3, 0.4)$, $C = 1$: the lengths are 5 and 0.5, so
# $S = (0.6, 0.8) + (0.3, 0.4) = (0.9, 1.2)$.
#
# The simple way is a loop over the rows, each a batch of its own. (A row alone is a batch of one, so a loss that is a mean
# gives exactly this row's loss.)


# %%
def clipped_sum(x, y, *, model, loss, clip):
    """The sum over rows of the gradients of the parameters by this row's loss, each shortened to the length clip

    Shapes
        x  (batch, …)      y  (batch, …), what the loss takes
        result  a list of arrays, as the parameters of model.parameters()
    A row's gradient is that of loss.forward(model.forward(x[n : n + 1]), y[n : n + 1]) by all parameters together; its
    length is the root of the sum of all squares.  Longer ones are scaled to the length clip, the others stay; a
    gradient of zeros is zero.  clip: greater than 0
    The model computes in the mode that it is in.  The gradients of its parameters are zero afterwards, also if they
    were not before.

    Source: Abadi et al., Deep Learning with Differential Privacy (2016), algorithm 1.
    """
    ### BEGIN SOLUTION
    xp, parameters = array_module(x), model.parameters()
    total = [xp.zeros_like(p.data) for p in parameters]
    for n in range(len(x)):
        model.zero_grad()
        loss.forward(model.forward(x[n : n + 1]), y[n : n + 1])
        model.backward(loss.backward())
        length = xp.sqrt(sum((p.grad * p.grad).sum() for p in parameters))
        for added, p in zip(total, parameters, strict=True):
            added += p.grad * (clip / xp.maximum(length, clip))
    model.zero_grad()
    return total
    ### END SOLUTION


# %% [markdown] hints="clipped_sum"
# ### clipped_sum
# 1. Is one length computed for each parameter, or for all together? For each row, or for the batch? What if it is 0?
# 2. fₙ = C / max(‖gₙ‖, C), ‖gₙ‖ over all parameters; S = Σₙ fₙ gₙ, an array for each parameter
# 3. For every row: clear the gradients, run it forward and backward as a batch of one, compute the length of all
#    gradients together, and add them, scaled, to your sums. Clear the gradients at the end.

# %%
check(clipped_sum)

# %% [markdown]
# ## 13.18 dp_sgd_step *(bonus)*
#
# The second half: noise. Without a certain row the sum $S$ would be another one, by at most $C$. Normal noise with the
# standard deviation $\sigma C$ in every number makes both nearly equally likely; how nearly, depends on $\sigma$ and on the
# number of steps. Then divide by the number of rows, and step:
#
# $$ \text{grad} = \frac{1}{B} \big( S + \sigma C\, z \big), \qquad z \sim \mathcal N(0, 1) \text{ for every number} $$
#
# The noise is added to the **sum**, once, and divided by $B$ with it. If it were added to every row's gradient, it would
# be $B$ times as much variance; if it were added after the division, a batch of 100 rows would have 100 times too much.
#
# *By hand:* $S = (0.9, 1.2)$ of two rows, $C = 1$, $\sigma = 0.5$, drawn $z = (1, -2)$: $(0.9 + 0.5, 1.2 - 1) / 2 =
# (0.7, 0.1)$.


# %%
def dp_sgd_step(x, y, *, model, loss, optimizer, clip, sigma, rng):
    """One private step: the clipped sum of the rows' gradients plus normal noise, divided by the rows

    Shapes
        x  (batch, …)      y  (batch, …), what the loss takes
    The gradient of every parameter is  (S + noise) / batch,  S of clipped_sum, noise of independent normal numbers with
    mean 0 and the standard deviation sigma · clip, drawn once for every number of every parameter, from rng.
    With sigma = 0 there is no noise.  Then optimizer.step(); it moves all parameters of the model.  Returns None.

    Source: Abadi et al., Deep Learning with Differential Privacy (2016), algorithm 1.
    """
    ### BEGIN SOLUTION
    sums = clipped_sum(x, y, model=model, loss=loss, clip=clip)
    for p, total in zip(model.parameters(), sums, strict=True):
        noise = asarray(rng.normal(0, sigma * clip, p.shape))
        p.grad[...] = (total + noise) / len(x)
    optimizer.step()
    ### END SOLUTION


# %% [markdown] hints="dp_sgd_step"
# ### dp_sgd_step
# 1. How often is noise added: for each row, or once? Before the division by the rows, or after it? Which factor makes it as
#    large as one row can be?
# 2. grad = (S + σ C z) / B, z normal, as many as the parameter has numbers
# 3. Compute the clipped sums. For every parameter draw noise of its shape, add it to the sum, divide by the number of rows,
#    and write that into the parameter's gradient. Then let the optimizer step.

# %%
check(dp_sgd_step)

# %% [markdown]
# What does privacy cost? A small network, trained on 2,000 digits with more and more noise.


# %%
class Descent(Optimizer):
    """Plain gradient descent; given"""

    def step(self):
        for p in self.parameters:
            p.data -= self.lr * p.grad


with when_written():
    all_sigma, found = [0.0, 0.5, 1.0, 2.0, 4.0], []
    for sigma in all_sigma:
        rng = np.random.default_rng(0)
        model, loss = dense_network(784, 32, 10, rng=rng), SoftmaxCrossEntropy()
        optimizer = Descent(model.parameters(), 1.0)
        for start in range(0, 6000, 100):
            rows = np.arange(start, start + 100) % 2000
            dp_sgd_step(x[rows], y[rows], model=model, loss=loss, optimizer=optimizer, clip=1.0, sigma=sigma, rng=rng)
        found.append(correct(model, x_test, y_test))
    ax = plt.subplots(figsize=(5.4, 2.8), layout="constrained")[1]
    ax.plot(all_sigma, found, marker="o", color="#0072B2")
    ax.set(xlabel="noise σ (in multiples of the clipped length)", ylabel="accuracy", ylim=(0, 1))
    plt.show()

# %% [markdown]
# ## 13.19 grad_cam *(bonus)*
#
# An input gradient says what would *change* the answer, pixel by pixel, and is noisy. Where did a convolutional network
# *look*? Its last convolution gives maps of features, still with places. **Grad-CAM** weights each map by how much the
# score of a class depends on it:
#
# $$ \alpha_c = \frac{1}{H W} \sum_{ij} \frac{\partial z_k}{\partial A_{cij}}, \qquad
#    M_{ij} = \max\!\Big(0, \sum_c \alpha_c\, A_{cij}\Big) $$
#
# ```
#   x (N, …) ──► body ──► A (N, C, H, W) ──► head ──► scores (N, K) ──► z of class k
#                          │                  ◄── backward ◄── 1 at class k, 0 elsewhere
#                 dA (N, C, H, W) ──► mean over H, W ──► α (N, C) ──► M (N, H, W)
# ```
#
# The upstream gradient at the scores is 1 for the class in question and 0 for all others: no loss is needed. What speaks
# *against* the class is set to zero at the end.
#
# *By hand:* two maps of 1 × 2 places, $A_1 = (1\;\;2)$, $A_2 = (3\;\;0)$, gradients $dA_1 = (2\;\;0)$, $dA_2 = (-1\;\;-1)$.
# $\alpha = (1, -1)$, the sum is $(1 - 3,\; 2 - 0) = (-2, 2)$, $M = (0\;\;2)$.


# %%
def grad_cam(x, classes, *, body, head):
    """Where each row has what speaks for a class: the maps of features, weighted by the score's gradient

    Shapes
        x  (batch, …)      classes  (batch,), integers: the class in question of each row
        body(x)  (batch, channels, height, width)      head(body(x))  scores (batch, classes)
        result  (batch, height, width), 0 or greater, in the dtype of the features
    The weight of a channel is the mean over the places of the gradient of the score of the row's class.
    Both compute in the mode that they are in.  Nothing goes back through the body; the gradients of the head's
    parameters are zero afterwards.

    Source: Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization (2017),
    section 3.
    """
    ### BEGIN SOLUTION
    features = body.forward(x)
    scores = head.forward(features)
    xp = array_module(scores)
    dscores = xp.zeros_like(scores)
    dscores[xp.arange(len(scores)), classes] = 1
    weights = head.backward(dscores).mean(axis=(2, 3), keepdims=True)
    head.zero_grad()
    return xp.maximum((weights * features).sum(axis=1), 0)
    ### END SOLUTION


# %% [markdown] hints="grad_cam"
# ### grad_cam
# 1. Which gradient at the scores asks for one class alone? Over which axes is the mean taken, over which the sum?
# 2. dz: 1 at (n, kₙ), (N, K); α = mean of dA over the places, (N, C, 1, 1); M = max(0, Σ_c α A), (N, H, W)
# 3. Compute features and scores, send ones for the classes in question back through the head, average over the places,
#    weight the features, add up the channels, cut off negative numbers, and clear the head's gradients.

# %%
check(grad_cam)

# %% [markdown]
# A CNN of your layers of assignment 06 looks at fours and nines. Above, where it sees a reason for what the digit is;
# below, a reason for the other of the two, on the same images. (Each map is as bright as its own largest number.)

# %%
Conv2d, MaxPool2d, Flatten = (
    earlier("convolution.Conv2d"),
    earlier("convolution.MaxPool2d"),
    earlier("layers.Flatten"),
)


@cache
def small_cnn():
    """Body and head of a convolutional network; given"""
    x, y, _, _ = images()
    rng = np.random.default_rng(0)
    body = Sequential([Conv2d(1, 8, 3, rng=rng), ReLU(), MaxPool2d(2), Conv2d(8, 16, 3, rng=rng), ReLU()])
    head = Sequential([MaxPool2d(2), Flatten(), Linear(400, 10, rng=rng)])
    model = Sequential([body, head])
    model.astype("float32")
    optimizer, rows = AdamW(model.parameters(), 0.003), x[:6000].reshape(-1, 1, 28, 28)
    fit(model, SoftmaxCrossEntropy(), optimizer, rows, y[:6000], epochs=2, batch_size=50, rng=rng, progress=False)
    return body, head


with when_written():
    body, head = small_cnn()
    chosen = np.concatenate([np.flatnonzero(y_test == digit)[:4] for digit in (4, 9)])
    digits = x_test[chosen].reshape(-1, 1, 28, 28)
    fig, axes = plt.subplots(2, 8, figsize=(10, 2.9), layout="constrained")
    for row, asked in zip(axes, (y_test[chosen], 13 - y_test[chosen]), strict=True):
        for ax, image, heat, digit in zip(
            row, digits, grad_cam(digits, asked, body=body, head=head), asked, strict=True
        ):
            ax.imshow(image[0], cmap="gray")
            ax.imshow(heat, cmap="inferno", alpha=0.6, extent=(3 - 0.5, 25 - 0.5, 25 - 0.5, 3 - 0.5), vmin=0)
            ax.set_title(f"a reason for {digit}", fontsize=9)
            ax.set(xlim=(-0.5, 27.5), ylim=(27.5, -0.5), xticks=[], yticks=[])
    plt.show()

# %% [markdown]
# In these fours nothing speaks for a nine, at least not in the end, after all channels are added up. The open top and the
# arms on both sides are what makes a four; in the nines, the network finds arms as well.
