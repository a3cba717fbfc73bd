# %% [markdown]
# # 10 · Generative models
#
# The networks of the earlier assignments answer a question about an image: which digit is this? A **generative model**
# has no question. It is shown images and learns what images are like, well enough to draw new ones. To do that it needs
# something that varies where the images vary: a short vector of numbers, the *code* or *latent variable*, from which the
# whole image can be computed. Where the code comes from is what distinguishes the models of this assignment. An
# autoencoder computes it from an image; a variational autoencoder also says how uncertain it is, and can therefore be
# run without an image; a generative adversarial network draws it and lets a second network judge the result; a diffusion
# model begins with an image of pure noise and takes the noise away, a little at a time.
#
# **Time.** About ten hours. **You need** 02 to 04 (`Linear`, activations, `Sequential`, losses, `Adam`), and for a part of
# the second half 05 and 06 (`BatchNorm`, `Conv2d`, `ConvTranspose2d`).
#
# **Goals.** Afterwards you can say what an autoencoder must not be able to do, and three ways to stop it; derive the bound
# that a variational autoencoder maximizes, and its gradient through a random draw; train two networks against each other
# without a gradient of the one ending up in the other; add noise to an image in one step and remove it in many; and measure
# whether generated images are any good.
#
# | here | PyTorch |
# |---|---|
# | `Autoencoder` | two `torch.nn.Sequential` one after the other |
# | `SparsePenalty`, `ContractivePenalty` | none: an expression, and autograd |
# | `GaussianSample` | `torch.distributions.Normal(mean, std).rsample()` |
# | `GaussianKL` | `torch.distributions.kl_divergence` of two `Normal`, summed |
# | `BernoulliLikelihood` | `torch.nn.functional.binary_cross_entropy_with_logits(reduction="sum")`, divided by the batch |
# | `GANLosses` | `binary_cross_entropy_with_logits` with targets 1 and 0 |
# | `DCGANGenerator`, `DCGANDiscriminator` | `ConvTranspose2d`, `Conv2d`, `BatchNorm2d` in a `Sequential` |
# | `GaussianDiffusion` | none; `diffusers.DDPMScheduler` of Hugging Face |
# | `SparseCoding` | `sklearn.decomposition.sparse_encode(algorithm="lasso_cd")` minimizes the same expression |
#
# **Further reading.** Goodfellow, Bengio & Courville, *Deep Learning* (2016), chapters 14 and 20; Kingma & Welling, *An
# Introduction to Variational Autoencoders* (2019); Prince, *Understanding Deep Learning* (2023), chapters 14 to 18.
#
# **What is checked.** Values and gradients with random inputs of uneven shapes, up to $10^{-6}$ ($10^{-3}$ in float32);
# `backward` twice, a second object, views, parameters that change between calls, float32, no transfer from the device,
# as in every assignment. What is drawn at random is checked by its distribution, and by what is correct whatever is drawn.
#
# **Shapes.** Rows of numbers are (batch, features), images (N, C, H, W), codes (batch, latent).

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

# %% [markdown]
# # Part two: two networks and noise
