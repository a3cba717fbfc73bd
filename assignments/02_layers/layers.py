# %% [markdown]
# # 02 · Layers
#
# A network is a chain of small functions, and training it needs two things from each: its value, and how an error at
# its output becomes an error at its input. In this assignment you write both for the layers that nearly every network
# is made of. At the end your own layers learn to separate two spirals, and you see in your own numbers why deep stacks
# of sigmoids were abandoned.
#
# | | |
# |---|---|
# | Time | about 5 hours |
# | You will be able to | derive the backward pass of any layer on paper, from "who has an effect on what, and at what rate"; find by shapes alone which product a gradient is; keep exponentials finite; say why deep networks need nonlinearities whose slope is near 1 |
# | Builds on | matrix products, the chain rule; of 01 no code, but its tools are what checks your gradients |
# | Next | losses (03), optimizers (04) |
#
# | here | PyTorch |
# |---|---|
# | `Linear` | `torch.nn.Linear`, whose weight is the transpose: (out_features, in_features) |
# | `Sigmoid`, `Tanh`, `ReLU`, `LeakyReLU`, `ELU` | `torch.nn.Sigmoid`, `Tanh`, `ReLU`, `LeakyReLU`, `ELU` |
# | `GELU` | `torch.nn.GELU(approximate="tanh")` |
# | `Softmax` | `torch.nn.Softmax(dim=-1)` |
# | `Flatten`, `Sequential` | `torch.nn.Flatten`, `torch.nn.Sequential` |
# | `Parameter`, `layer.parameters()`, `zero_grad()` | `torch.nn.Parameter`, the same; a parameter there *is* a tensor, here it *has* two arrays |
# | `backward(dy)` | `y.backward(dy)`; autograd finds it by itself (15) |
#
# **Further reading.** [Goodfellow, Bengio & Courville, *Deep Learning*](https://www.deeplearningbook.org) (2016),
# chapter 6, above all 6.5. [The notes of Stanford's CS231n](https://cs231n.github.io/optimization-2/) on
# back-propagation. [Nielsen, *Neural Networks and Deep Learning*](http://neuralnetworksanddeeplearning.com/chap2.html)
# (2015), chapter 2.
#
# **What a layer promises**
#
# | method | returns |
# |---|---|
# | `forward(x)` | the output `y`; the layer remembers what `backward` will need |
# | `backward(dy)` | `dx`, given `dy`; and *adds* each parameter's gradient to `parameter.grad` |
#
# Here `dy` is short for $\partial L / \partial y$, the gradient of the loss with respect to the layer's output, or
# *upstream gradient*; it has the shape of `y`. The layer applies the chain rule: it turns `dy` into `dx`
# $= \partial L / \partial x$, which has the shape of `x`.
#
# Two habits from the start: a float32 input gives a float32 output, and a method never writes to an array that was
# passed to it. And use the array's own library, `xp = array_module(x)`, instead of `np.`: then the same line runs on a
# GPU.

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
import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Layer, Parameter, array_module, plotting, zeros
from dlkit.course import when_written
from dlkit.datasets import spirals

# %% [markdown]
# **What a parameter is.** The numbers that a layer learns are kept in a `Parameter`. It is not an array: it *has* two, of
# the same shape.
#
# | | |
# |---|---|
# | `p.data` | the values; an optimizer changes them |
# | `p.grad` | the gradient of the loss with respect to the values, zeros at first; `backward` *adds* to it |
#
# So compute with `self.W.data`, and write `self.W.grad += …`. Why add? A layer may be used twice in a network, or two
# batches may be combined for one step; then the gradient is the sum. Whoever trains clears it before the next one, with
# `layer.zero_grad()`. Run the cell below: it makes one parameter, uses its values, and adds to its gradient twice.

# %%
p = Parameter(np.array([[1.0, 2.0], [3.0, 4.0]]))
x = np.array([[10.0, 100.0]])
print("values    ", p.data.tolist(), " shape", p.shape)
print("x @ p.data", (x @ p.data).tolist())
p.grad += 1
p.grad += 1
print("gradient  ", p.grad.tolist(), " after adding 1 twice")
p.zero_grad()
print("cleared   ", p.grad.tolist())
try:
    x @ p
except TypeError as error:
    print("x @ p     ", error)


# %% [markdown]
# ## 2.1 Linear
#
# Every output is a weighted sum of every input, plus a bias:
#
# $$ y = x W + b, \qquad y_{nj} = \sum_i x_{ni} W_{ij} + b_j $$
#
# **The backward pass, derived.** A change of $W_{ij}$ changes $y_{nj}$ for every row $n$ of the batch, at the rate
# $x_{ni}$. Summing the effect of all rows on the loss gives
#
# $$ \frac{\partial L}{\partial W_{ij}} = \sum_n \frac{\partial L}{\partial y_{nj}}\, x_{ni}
#    \quad\Longleftrightarrow\quad dW = x^\top dy $$
#
# The same argument for the bias (rate 1) gives $db_j = \sum_n dy_{nj}$, and for the input, where row $n$ affects only
# row $n$, $dx_{ni} = \sum_j dy_{nj} W_{ij}$, that is $dx = dy\, W^\top$.
#
# *By hand:* $x = (1\;\; 2)$, $W = \begin{pmatrix} 3 & 0 \\ 1 & -1 \end{pmatrix}$, $b = (0\;\; 1)$ gives
# $y = (5\;\; {-1})$. With $dy = (1\;\; 10)$: $dW = \begin{pmatrix} 1 & 10 \\ 2 & 20 \end{pmatrix}$, $db = (1\;\; 10)$,
# $dx = (3\;\; {-9})$. Check one entry by changing it: with $W_{21} = 1.1$, $y_1$ rises by 0.2, which is $x_2$ times the
# step, and the loss by $dy_1$ times that, 0.2 again: $dW_{21} = 0.2 / 0.1 = 2$.
#
# *In shapes*, with $N$ rows, $I$ inputs and $O$ outputs. There is only one way to multiply `x` and `dy` to get the
# shape of `W`, and one to get that of `x` from `dy` and `W`:
#
# ```
#   forward       x   ·   W    +   b   =   y        each row of y gets the same b
#               N × I   I × O      O     N × O
#
#   backward     xᵀ   ·   dy   =   dW               the batch is summed away
#               I × N   N × O    I × O
#
#                dy   ·   Wᵀ   =   dx               the batch stays
#               N × O   O × I    N × I
# ```

# %%
class Linear(Layer):
    """Affine map of the last axis:  y = x W + b

    Shapes
        x  (batch, in_features)      y  (batch, out_features)
        W  (in_features, out_features)      b  (out_features,)

    Source: Goodfellow, Bengio & Courville, Deep Learning (2016), section 6.5.
    """

    def __init__(self, in_features, out_features, *, rng):
        self.W = Parameter(rng.normal(0, in_features**-0.5, (in_features, out_features)))
        self.b = Parameter(zeros(out_features))

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(Linear)

# %% [markdown]
# The same as a picture, with your layer: 4 rows of 6 numbers, 3 outputs. Orange is positive, violet negative. Above the
# matrices of forward, below those of the gradient of $W$: every entry of $dW$ is a product of a column of $x$ and a
# column of $dy$, summed over the four rows. Which entry of $dW$ is the largest, and which two columns made it so?

# %%
with when_written():
    rng = np.random.default_rng(5)
    layer, x, dy = Linear(6, 3, rng=rng), rng.normal(size=(4, 6)), rng.normal(size=(4, 3))
    y = layer.forward(x)
    layer.backward(dy)
    figure, axes = plt.subplots(2, 3, figsize=(8, 4.4), layout="constrained")
    named = {"$x$": x, "$W$": layer.W.data, "$y = xW + b$": y, "$x^T$": x.T, "$dy$": dy, "$dW = x^T dy$": layer.W.grad}
    for (name, matrix), ax in zip(named.items(), axes.flat, strict=True):
        ax.imshow(matrix, cmap="PuOr_r", vmin=-4, vmax=4)
        ax.set_title(f"{name}  {matrix.shape[0]} × {matrix.shape[1]}")
        ax.set(xticks=[], yticks=[])
    plt.show()


# %% [markdown]
# ## 2.2 Sigmoid
#
# $$ \sigma(x) = \frac{1}{1 + e^{-x}} $$
#
# squeezes any number into $(0, 1)$. Its derivative can be written in terms of the output alone, so that is all the
# layer has to store:
#
# $$ \sigma'(x) = \frac{e^{-x}}{(1 + e^{-x})^2} = \sigma(x)\,\bigl(1 - \sigma(x)\bigr) $$
#
# **Stay finite.** $e^{1000}$ overflows. Multiply numerator and denominator by $e^{x}$ where $x$ is negative:
# $\sigma(x) = e^{x} / (1 + e^{x})$. Then no exponent is ever positive. With $e = e^{-|x|}$ both cases read
# $1/(1+e)$ and $e/(1+e)$.
#
# *By hand:* $\sigma(0) = \tfrac12$, and $\sigma'(0) = \tfrac14$: a sigmoid never passes back more than a quarter of the
# gradient. Remember that for the end of this notebook.

# %%
class Sigmoid(Layer):
    """Logistic function, element by element:  y = 1 / (1 + e⁻ˣ), finite for every finite x

    Shapes
        x, y  any

    Source: Goodfellow, Bengio & Courville, Deep Learning (2016), section 3.10.
    """

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(Sigmoid)


# %% [markdown]
# ## 2.3 Tanh
#
# $$ \tanh(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}} = 2\sigma(2x) - 1, \qquad \tanh'(x) = 1 - \tanh^2(x) $$
#
# It is a sigmoid stretched to $(-1, 1)$: centred on zero, with slope 1 there instead of $\tfrac14$.
#
# **The derivative, derived.** Apply the quotient rule to the first form; numerator and denominator are each other's
# derivative:
#
# $$ \tanh'(x) = \frac{(e^{x} + e^{-x})^2 - (e^{x} - e^{-x})^2}{(e^{x} + e^{-x})^2} = 1 - \tanh^2(x) $$
#
# *By hand:* at $x = 1$, $y = 0.762$ and the slope is $1 - 0.580 = 0.420$, so $dy = 10$ gives $dx = 4.20$. The
# difference quotient agrees: $(\tanh 1.1 - \tanh 0.9) / 0.2 = 0.421$.

# %%
class Tanh(Layer):
    """Hyperbolic tangent, element by element:  y = tanh x, finite for every finite x

    Shapes
        x, y  any

    Source: LeCun, Bottou, Orr & Müller, Efficient BackProp (1998), section 4.4.
    """

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(Tanh)


# %% [markdown]
# ## 2.4 ReLU
#
# $$ y = \max(0, x), \qquad dx = dy \cdot [x > 0] $$
#
# The square bracket is 1 where the condition holds and 0 elsewhere. At exactly 0 there is no derivative; any value
# between 0 and 1 is a valid choice, and no check of this course tests it.
#
# *By hand:* $x = (-2\;\; 0.5\;\; 3)$ gives $y = (0\;\; 0.5\;\; 3)$, and $dy = (10\;\; 20\;\; 30)$ becomes
# $dx = (0\;\; 20\;\; 30)$: a gate that is open or closed, depending on the *input*. The first 10 is lost.

# %%
class ReLU(Layer):
    """Rectified linear unit, element by element:  y = max(0, x)

    Shapes
        x, y  any

    Source: Nair & Hinton, Rectified Linear Units Improve Restricted Boltzmann Machines (2010).
    """

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(ReLU)


# %% [markdown]
# ## 2.5 LeakyReLU
#
# A ReLU whose input is always negative never learns again: its gradient stays zero. A small slope keeps it alive:
#
# $$ y = \begin{cases} x & x > 0 \\ s\,x & x \le 0 \end{cases} \qquad
#    dx = \begin{cases} dy & x > 0 \\ s\,dy & x \le 0 \end{cases} $$
#
# *By hand:* the same $x = (-2\;\; 0.5\;\; 3)$ with $s = 0.1$ gives $y = (-0.2\;\; 0.5\;\; 3)$, and the same
# $dy = (10\;\; 20\;\; 30)$ becomes $dx = (1\;\; 20\;\; 30)$.

# %%
class LeakyReLU(Layer):
    """ReLU with a small slope for negative inputs:  y = x where x > 0, else slope · x

    Shapes
        x, y  any
    slope: between 0 and 1.

    Source: Maas, Hannun & Ng, Rectifier Nonlinearities Improve Neural Network Acoustic Models (2013).
    """

    def __init__(self, slope=0.01):
        self.slope = slope

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(LeakyReLU)


# %% [markdown]
# ## 2.6 ELU
#
# $$ y = \begin{cases} x & x > 0 \\ \alpha\,(e^{x} - 1) & x \le 0 \end{cases} \qquad
#    \frac{dy}{dx} = \begin{cases} 1 & x > 0 \\ \alpha\,e^{x} = y + \alpha & x \le 0 \end{cases} $$
#
# The left branch levels off at $-\alpha$, which pulls the mean of the outputs towards zero. Note that `where` computes
# *both* branches for every element: $e^{1000}$ must not overflow in the branch that is discarded.
#
# *By hand:* $\alpha = 2$, $x = -1$: $y = 2\,(0.368 - 1) = -1.264$, and the slope is $2 \cdot 0.368 = 0.736$, which is
# indeed $y + \alpha$: like the sigmoid, the layer can compute its slope from its output.

# %%
class ELU(Layer):
    """Exponential linear unit:  y = x where x > 0, else alpha (eˣ − 1)

    Shapes
        x, y  any
    alpha: greater than zero.  Finite for every finite x.

    Source: Clevert, Unterthiner & Hochreiter, Fast and Accurate Deep Network Learning by ELUs (2016).
    """

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(ELU)


# %% [markdown]
# ## 2.7 GELU
#
# The Gaussian error linear unit weights $x$ by the probability that a standard normal number is smaller. We use its
# well-known tanh form:
#
# $$ y = \tfrac12\, x\, (1 + t), \qquad t = \tanh(u), \qquad u = \sqrt{2/\pi}\,\bigl(x + 0.044715\,x^3\bigr) $$
#
# **Derivative.** Product rule, then chain rule through $u$:
#
# $$ \frac{dy}{dx} = \tfrac12 (1 + t) + \tfrac12\, x\,(1 - t^2)\,\frac{du}{dx}, \qquad
#    \frac{du}{dx} = \sqrt{2/\pi}\,\bigl(1 + 3 \cdot 0.044715\,x^2\bigr) $$
#
# *By hand:* at $x = 0$, $t = 0$ and the second term vanishes: the slope is $\tfrac12$. At $x = 1$: $u = 0.8336$,
# $t = 0.6824$, $y = 0.8412$; $du/dx = 0.9049$, so the slope is $0.8412 + \tfrac12 \cdot 0.5344 \cdot 0.9049 = 1.083$.
# More than 1: there a GELU makes the gradient a little larger.

# %%
class GELU(Layer):
    """Gaussian error linear unit, tanh form:  y = ½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))

    Shapes
        x, y  any

    Source: Hendrycks & Gimpel, Gaussian Error Linear Units (2016).
    """

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(GELU)

# %% [markdown]
# The six activations so far, drawn from your own code. The upstream gradient is multiplied by the slopes on the right:
# which of the six pass it on far to the right of zero, which far to the left, and which on neither side?

# %%
with when_written():
    x = np.linspace(-4, 4, 400)
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.5), sharex=True)
    for activation in (Sigmoid(), Tanh(), ReLU(), LeakyReLU(0.1), ELU(), GELU()):
        name = type(activation).__name__
        axes[0].plot(x, activation(x), label=name)
        axes[1].plot(x, activation.backward(np.ones_like(x)), label=name)
    axes[0].set_title("forward")
    axes[1].set_title("backward: the slope")
    axes[0].set_ylim(-1.2, 3)
    axes[1].legend()
    plt.show()


# %% [markdown]
# ## 2.8 Softmax
#
# Turns scores into probabilities along one axis:
#
# $$ y_i = \frac{e^{x_i}}{\sum_k e^{x_k}} $$
#
# **Stay finite.** A constant that is added to all scores cancels: $e^{x_i + c} / \sum e^{x_k + c}$. Take
# $c = -\max_k x_k$ and no exponent is positive.
#
# **The backward pass, derived.** Every output depends on every input. With $\delta_{ij} = [i = j]$,
#
# $$ \frac{\partial y_i}{\partial x_j} = y_i\,(\delta_{ij} - y_j) $$
#
# so that
#
# $$ dx_j = \sum_i dy_i\, y_i\,(\delta_{ij} - y_j) = y_j\,\Bigl(dy_j - \sum_i dy_i\, y_i\Bigr) $$
#
# *By hand:* $x = (0\;\; \log 3)$ gives $y = (\tfrac14\;\; \tfrac34)$. With $dy = (1\;\; 0)$ the sum is $\tfrac14$, and
# $dx = \bigl(\tfrac14 (1 - \tfrac14)\;\; \tfrac34 (0 - \tfrac14)\bigr) = (\tfrac3{16}\;\; {-\tfrac3{16}})$: what one
# score gains, the other loses.
#
# You never need to build the Jacobian matrix: one sum, one subtraction, one product. Try it with a `dy` of all ones:
# the result is zero, because the outputs always sum to one. That is also why a check with all ones would prove nothing
# here.

# %%
class Softmax(Layer):
    """Probabilities along an axis:  yᵢ = e^{xᵢ} / Σₖ e^{xₖ}, finite for every finite x

    Shapes
        x, y  any; sums to 1 along ``axis``

    Source: Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs (1990).
    """

    def __init__(self, axis=-1):
        self.axis = axis

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(Softmax)


# %% [markdown]
# ## 2.9 Flatten
#
# Between a stack of images and a `Linear` layer, only the shape has to change: $(N, C, H, W) \to (N, C H W)$. Backward
# returns the gradient in the shape of the input. Two images of one channel and 2 × 2 pixels:
#
# ```
#   (2, 1, 2, 2)                     (2, 4)
#
#   ┌ 1 2 ┐   ┌ 5 6 ┐   forward     1 2 3 4    one row per image
#   └ 3 4 ┘   └ 7 8 ┘   ───────▶    5 6 7 8
#                       ◀───────
#                       backward
# ```

# %%
class Flatten(Layer):
    """Merges all axes except the first

    Shapes
        x  (batch, …)      y  (batch, product of the rest)
    """

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(Flatten)


# %% [markdown]
# ## 2.10 Sequential
#
# One layer after the other. The chain rule goes through them in reverse:
#
# $$ x \xrightarrow{f_1} h_1 \xrightarrow{f_2} h_2 \xrightarrow{f_3} y
#    \qquad\qquad dx \xleftarrow{f_1} dh_1 \xleftarrow{f_2} dh_2 \xleftarrow{f_3} dy $$
#
# `Layer.parameters()` finds the parameters of the layers in `self.layers` automatically.
#
# *By hand:* `Linear` with $W = (2)$, `ReLU`, `Linear` with $W = (-3)$, no biases. $x = 5$ becomes $10$, $10$ and $-30$;
# going back, $dy = 1$ becomes $-3$, $-3$ and $-6$: the product of the three slopes, taken from the right. $x = -5$
# becomes $-10$, $0$ and $0$, and $dy = 1$ becomes $-3$, $0$ and $0$.

# %%
class Sequential(Layer):
    """Layers in a row: the output of each is the input of the next

    Shapes
        x  input of the first layer      y  output of the last one
    """

    def __init__(self, layers):
        self.layers = list(layers)

    def forward(self, x):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(Sequential)


# %% [markdown]
# ## 2.11 Vanishing gradients
#
# Send a gradient back through a deep stack and measure how much of it arrives. `gradient_norms` runs `x` forward
# through the layers, `dy` backward, and returns for each layer the Frobenius norm $\lVert dx \rVert = \sqrt{\sum dx^2}$
# of the gradient with respect to *its input*, first layer first.
#
# *By hand:* for the three layers of 2.10, $x = 5$ and $dy = 1$ the norms are $(6\;\; 3\;\; 3)$.

# %%
def gradient_norms(layers, x, dy):
    """Norm of the gradient with respect to each layer's input

    Shapes
        x  input of the first layer      dy  shape of the last layer's output
        result  (number of layers,), in the order of the layers
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(gradient_norms)

# %%
with when_written():
    rng = np.random.default_rng(0)
    depth, width = 20, 64
    x, dy = rng.normal(size=(32, width)), rng.normal(size=(32, width))
    stacks = {}
    for activation in (Sigmoid, Tanh, ReLU):
        layers = [layer for _ in range(depth) for layer in (Linear(width, width, rng=rng), activation())]
        stacks[activation.__name__] = gradient_norms(layers, x, dy)
    plotting.gradient_norms(stacks)
    plt.show()


# %% [markdown]
# **Question 1.** *(3 points)* The curve of the sigmoid falls by the same factor at nearly every layer. Estimate that
# factor from $\sigma'(x) \le \tfrac14$ and the scale of the weights, compare it with your plot, and explain what it
# means for the first layers of a network with 20 sigmoids. What do ReLU and tanh do differently?

# %% [markdown]
# YOUR ANSWER HERE

# %% [markdown]
# ## Capstone: two spirals
#
# No straight line separates two interleaved spirals, so a network has to bend space. Everything is yours: the layers,
# the gradients, the training. Write `train_spirals`: build a small network from your layers, train it on `x`, `y`,
# and return it. Its `forward` must return two scores per row, the larger one for the correct class. At least 97 % of
# *unseen* points must be classified correctly, from one of up to three seeds, in at most 20 seconds of CPU time each
# (0.1 seconds are enough). For every seed the plane is rotated by a random angle and the class numbers may be
# swapped, so that only your training counts, not numbers stored from an earlier run.
#
# Losses are the subject of the next assignment; for now this one is given: squared error against targets +1 and −1.

# %%
def squared_error(scores, y):
    """Mean squared error against +1 (correct class) and −1 (other class), and its gradient with respect to the scores

    Shapes
        scores, gradient  (batch, 2)      y  (batch,) of 0 and 1
    """
    targets = array_module(scores).stack([1 - 2 * y, 2 * y - 1], axis=1).astype(scores.dtype)
    difference = scores - targets
    return (difference * difference).mean(), 2 * difference / difference.size


# %%
def train_spirals(x, y, *, rng):
    """Train a network of your own layers to separate two spirals; return it

    Shapes
        x  (batch, 2), coordinates within about ±1      y  (batch,) of 0 and 1
    rng: a numpy.random.Generator for the initial weights and for shuffling.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(train_spirals)

# %% [markdown]
# How your training went: the loss of every batch, and how the network divides the plane in the end. Where does the loss
# begin to fall quickly? That is when the network had found the turns of the spiral.

# %%
with when_written():
    x, y = spirals(200, noise=0.02, rng=np.random.default_rng(1))
    given, losses = squared_error, []

    def squared_error(scores, y):
        loss, dscores = given(scores, y)
        losses.append(float(loss))
        return loss, dscores

    try:
        model = train_spirals(x, y, rng=np.random.default_rng(2))
    finally:
        squared_error = given
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    axes[0].plot(losses, ".", ms=2, alpha=0.4, label="each call of squared_error")
    window = max(1, len(losses) // 50)
    smooth = np.convolve(losses, np.full(window, 1 / window), "valid") if losses else []
    axes[0].plot(np.arange(len(smooth)) + window // 2, smooth, label=f"mean of {window}")
    axes[0].axhline(1, color="gray", lw=1, ls=":", label="always predicting 0")
    axes[0].set(title="your training", xlabel="batch", ylabel="loss", yscale="log")
    axes[0].legend()
    plotting.decision_regions(lambda points: model.forward(points).argmax(axis=1), x, y, ax=axes[1])
    plt.show()

# %% [markdown]
# **Question 2.** *(2 points)* Replace every ReLU in `train_spirals` by nothing, so that `Linear` follows `Linear`. What
# is the best accuracy that such a network can reach, at any depth and after any training time, and why?

# %% [markdown]
# YOUR ANSWER HERE
