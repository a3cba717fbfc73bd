# %% [markdown]
# # 02 · Layers
#
# A network is a chain of small functions, and training it needs two things of each: its value, and how an error
# at its output becomes an error at its input. In this assignment you write both for the layers that nearly every
# network is made of. At the end your own layers learn to tell two spirals apart, and you see with your own numbers
# why deep stacks of sigmoids were given up.
#
# **What a layer promises**
#
# | method | gives |
# |---|---|
# | `forward(x)` | the output `y`; the layer remembers what `backward` will need |
# | `backward(dy)` | `dx`, given `dy`; and *adds* each parameter's gradient to `parameter.grad` |
#
# Here `dy` is short for $\partial L / \partial y$, the gradient of the loss by the layer's output; it has the shape of
# `y`. The layer's whole duty is the chain rule: turn `dy` into `dx` $= \partial L / \partial x$, which has the shape
# of `x`.
#
# Two habits from the start: a float32 array in gives a float32 array out, and nobody writes to an array that was
# handed in. And ask the array for its library, `xp = array_module(x)`, instead of writing `np.`: then the same line
# runs on a GPU.

# %%
import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Layer, Parameter, array_module, plotting, zeros
from dlkit.course import when_written
from dlkit.datasets import spirals

# %% [markdown]
# ## 2.1 Linear
#
# Every output is a weighted sum of every input, plus a bias:
#
# $$ y = x W + b, \qquad y_{nj} = \sum_i x_{ni} W_{ij} + b_j $$
#
# **The backward pass, derived.** A change of $W_{ij}$ changes $y_{nj}$ for every row $n$ of the batch, at the rate
# $x_{ni}$. Adding up what each row's change does to the loss,
#
# $$ \frac{\partial L}{\partial W_{ij}} = \sum_n \frac{\partial L}{\partial y_{nj}}\, x_{ni}
#    \quad\Longleftrightarrow\quad dW = x^\top dy $$
#
# The same argument for the bias (rate 1) gives $db_j = \sum_n dy_{nj}$, and for the input, where row $n$ reaches only
# row $n$, $dx_{ni} = \sum_j dy_{nj} W_{ij}$, that is $dx = dy\, W^\top$.
#
# *By hand:* $x = (1\;\; 2)$, $W = \begin{pmatrix} 3 & 0 \\ 1 & -1 \end{pmatrix}$, $b = (0\;\; 1)$ gives
# $y = (5\;\; {-1})$. With $dy = (1\;\; 10)$: $dW = \begin{pmatrix} 1 & 10 \\ 2 & 20 \end{pmatrix}$, $db = (1\;\; 10)$,
# $dx = (3\;\; {-9})$. Check one entry by moving it: with $W_{21} = 1.1$, $y_1$ rises by 0.2, which is $x_2$ times the
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
        ### BEGIN SOLUTION
        self.x = x
        y = x @ self.W.data
        y += self.b.data
        return y
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        self.W.grad += self.x.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T
        ### END SOLUTION


# %% [markdown] hints="Linear"
# ### forward
# 1. Over which axis do x and W agree, so that it can be summed away? And how does one bias for each output meet a
#    whole table of rows?
# 2. y = x W + b, that is yₙⱼ = Σᵢ xₙᵢ Wᵢⱼ + bⱼ; (N, I) (I, O) + (O,) → (N, O)
# 3. Keep x, for backward needs it. One matrix product, nothing transposed; the bias spreads itself over the rows.
#
# ### backward
# 1. One weight acts in all N rows. What becomes of the N shares of its gradient: their mean, their sum? And what if
#    backward is called twice before the gradients are cleared?
# 2. dW = xᵀ dy, (I, N) (N, O) → (I, O); db = Σₙ dyₙ, (N, O) → (O,); dx = dy Wᵀ, (N, O) (O, I) → (N, I)
# 3. Two matrix products, with the one transpose each that makes the shapes fit, and one sum over the rows. Add the
#    first and the last to what W and b have gathered; divide by nothing, since the loss has done that; return the
#    third.
#
# ### speed
# 1. Which loop runs in Python: over rows, over outputs, over inputs?
# 2. N · I · O products, all of them in x W: (N, I) (I, O) → (N, O)
# 3. Hand the whole batch to one matrix product, forward and backward alike.

# %%
check(Linear)

# %% [markdown]
# ## 2.2 Sigmoid
#
# $$ \sigma(x) = \frac{1}{1 + e^{-x}} $$
#
# squeezes any number into $(0, 1)$. Its derivative can be written with the output alone, so that is all the layer has
# to remember:
#
# $$ \sigma'(x) = \frac{e^{-x}}{(1 + e^{-x})^2} = \sigma(x)\,\bigl(1 - \sigma(x)\bigr) $$
#
# **Stay finite.** $e^{1000}$ overflows. Multiply numerator and denominator by $e^{x}$ where $x$ is negative:
# $\sigma(x) = e^{x} / (1 + e^{x})$. Then no exponent is ever positive. With $e = e^{-|x|}$ both cases read
# $1/(1+e)$ and $e/(1+e)$.
#
# *By hand:* $\sigma(0) = \tfrac12$, and $\sigma'(0) = \tfrac14$: no sigmoid ever passes on more than a quarter of the
# error. Remember that for the end of this notebook.


# %%
class Sigmoid(Layer):
    """Logistic function, element by element:  y = 1 / (1 + e⁻ˣ), finite for every finite x

    Shapes
        x, y  any

    Source: Goodfellow, Bengio & Courville, Deep Learning (2016), section 3.10.
    """

    def forward(self, x):
        ### BEGIN SOLUTION
        xp = array_module(x)
        e = xp.exp(-abs(x))
        y = xp.maximum(e, x >= 0)  # e, but 1 where x ≥ 0
        e += 1
        y /= e
        self.y = y
        return y
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        dx = 1 - self.y
        dx *= self.y
        dx *= dy
        return dx
        ### END SOLUTION


# %% [markdown] hints="Sigmoid"
# ### forward
# 1. What is e⁻ˣ at x = −1000? Which other form of the same fraction has no such exponent there?
# 2. with q = e^(−|x|), which lies between 0 and 1; y = 1 / (1 + q) where x ≥ 0; y = q / (1 + q) where x < 0; x, y (…)
# 3. One exponential, of minus the absolute value. The numerator is 1 or q, by the sign of x; the denominator is the
#    same for both. Keep y.
#
# ### backward
# 1. The slope can be written without any exponential: in which of the two, x or y?
# 2. dx = dy · y (1 − y), where y = σ(x) is what forward gave; dx, dy, y (…)
# 3. The kept output times what it lacks of one, and that times the gradient that comes in, entry by entry.

# %%
check(Sigmoid)

# %% [markdown]
# ## 2.3 Tanh
#
# $$ \tanh(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}} = 2\sigma(2x) - 1, \qquad \tanh'(x) = 1 - \tanh^2(x) $$
#
# It is a sigmoid stretched to $(-1, 1)$: centred on zero, with slope 1 there instead of $\tfrac14$.
#
# **The derivative, derived.** The quotient rule on the first form; numerator and denominator are each other's
# derivative:
#
# $$ \tanh'(x) = \frac{(e^{x} + e^{-x})^2 - (e^{x} - e^{-x})^2}{(e^{x} + e^{-x})^2} = 1 - \tanh^2(x) $$
#
# *By hand:* at $x = 1$, $y = 0.762$ and the slope is $1 - 0.580 = 0.420$, so $dy = 10$ comes out as $dx = 4.20$. The
# difference quotient agrees: $(\tanh 1.1 - \tanh 0.9) / 0.2 = 0.421$.


# %%
class Tanh(Layer):
    """Hyperbolic tangent, element by element:  y = tanh x

    Shapes
        x, y  any

    Source: LeCun, Bottou, Orr & Müller, Efficient BackProp (1998), section 4.4.
    """

    def forward(self, x):
        ### BEGIN SOLUTION
        self.y = array_module(x).tanh(x)
        return self.y
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        dx = self.y * self.y
        dx = 1 - dx
        dx *= dy
        return dx
        ### END SOLUTION


# %% [markdown] hints="Tanh"
# ### forward
# 1. A quotient of exponentials is inf / inf at x = 1000. Who offers the function whole?
# 2. y = tanh x = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ) = 2 σ(2x) − 1; x, y (…)
# 3. Ask the array for its library and take the hyperbolic tangent of the whole array from there; keep the result, in
#    which the slope is written.
#
# ### backward
# 1. Is what forward has kept the input, or its tanh already?
# 2. dx = dy · (1 − y²), where y = tanh x is what forward gave; dx, dy, y (…)
# 3. Square the kept output, subtract the square from one, multiply by the gradient that comes in.

# %%
check(Tanh)

# %% [markdown]
# ## 2.4 ReLU
#
# $$ y = \max(0, x), \qquad dx = dy \cdot [x > 0] $$
#
# The square bracket is 1 where the condition holds and 0 elsewhere. At exactly 0 there is no derivative; any value
# between 0 and 1 is a fair choice, and no check of this course asks.
#
# *By hand:* $x = (-2\;\; 0.5\;\; 3)$ gives $y = (0\;\; 0.5\;\; 3)$, and $dy = (10\;\; 20\;\; 30)$ comes back as
# $dx = (0\;\; 20\;\; 30)$: a gate that is open or shut, by what came *in*. The first 10 is lost.


# %%
class ReLU(Layer):
    """Rectified linear unit, element by element:  y = max(0, x)

    Shapes
        x, y  any

    Source: Nair & Hinton, Rectified Linear Units Improve Restricted Boltzmann Machines (2010).
    """

    def forward(self, x):
        ### BEGIN SOLUTION
        self.positive = x > 0
        return array_module(x).clip(x, 0, np.inf)  # max(0, x), and faster than maximum
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        return dy * self.positive
        ### END SOLUTION


# %% [markdown] hints="ReLU"
# ### forward
# 1. What becomes of a negative number: its opposite, or zero? And whose array would it be that you write the zeros
#    into?
# 2. y = max(0, x), entry by entry; x, y (…)
# 3. Remember where x is positive: backward asks for it. Then give the larger of each entry and zero, as a new array.
#
# ### backward
# 1. What opened the gate, the number that went in or the gradient that comes back?
# 2. dx = dy · [x > 0], the bracket being 1 where it holds and 0 elsewhere; dx, dy, x (…)
# 3. Let dy through where forward saw a positive number, and make it zero elsewhere.
#
# ### speed
# 1. Does Python look at the entries one at a time?
# 2. one operation for all the entries of x at once: (…) → (…)
# 3. Let every operation take the whole array, forward and backward alike.

# %%
check(ReLU)

# %% [markdown]
# ## 2.5 LeakyReLU
#
# A ReLU whose input is always negative never learns again: its gradient is zero for ever. A small slope keeps it
# alive:
#
# $$ y = \begin{cases} x & x > 0 \\ s\,x & x \le 0 \end{cases} \qquad
#    dx = \begin{cases} dy & x > 0 \\ s\,dy & x \le 0 \end{cases} $$
#
# *By hand:* the same $x = (-2\;\; 0.5\;\; 3)$ with $s = 0.1$ gives $y = (-0.2\;\; 0.5\;\; 3)$, and the same
# $dy = (10\;\; 20\;\; 30)$ comes back as $dx = (1\;\; 20\;\; 30)$.


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
        ### BEGIN SOLUTION
        rate = (x > 0).astype(x.dtype)
        array_module(x).clip(rate, self.slope, 1, out=rate)  # 1 where x > 0, else the slope
        self.rate = rate
        return x * rate
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        return dy * self.rate
        ### END SOLUTION


# %% [markdown] hints="LeakyReLU"
# ### forward
# 1. Two rates are at work, and one of them is an argument. Which entries are multiplied by which?
# 2. y = x where x > 0; y = s x where x ≤ 0, s = slope; x, y (…)
# 3. Make an array of rates in the dtype of x: 1 where x is positive, the slope elsewhere. Keep it for the way back
#    and multiply x by it.
#
# ### backward
# 1. ReLU sends nothing back where x was negative. What does this layer send?
# 2. dx = dy where x > 0; dx = s dy where x ≤ 0, s = slope; dx, dy, x (…)
# 3. The rates that forward multiplied x by are the slopes: multiply dy by the same ones.

# %%
check(LeakyReLU)

# %% [markdown]
# ## 2.6 ELU
#
# $$ y = \begin{cases} x & x > 0 \\ \alpha\,(e^{x} - 1) & x \le 0 \end{cases} \qquad
#    \frac{dy}{dx} = \begin{cases} 1 & x > 0 \\ \alpha\,e^{x} = y + \alpha & x \le 0 \end{cases} $$
#
# The left branch levels off at $-\alpha$, which pulls the mean of the outputs towards zero. Mind that `where` computes
# *both* branches for every element: $e^{1000}$ must not overflow in the branch that is thrown away.
#
# *By hand:* $\alpha = 2$, $x = -1$: $y = 2\,(0.368 - 1) = -1.264$, and the slope is $2 \cdot 0.368 = 0.736$, which is
# $y + \alpha$ indeed: like the sigmoid, the layer can work from its output.


# %%
class ELU(Layer):
    """Exponential linear unit:  y = x where x > 0, else alpha (eˣ − 1)

    Shapes
        x, y  any
    alpha: greater than zero.

    Source: Clevert, Unterthiner & Hochreiter, Fast and Accurate Deep Network Learning by ELUs (2016).
    """

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def forward(self, x):
        ### BEGIN SOLUTION
        xp = array_module(x)
        self.positive = x > 0
        self.left = xp.expm1(xp.minimum(x, 0))  # 0 where x > 0
        self.left *= self.alpha
        return xp.maximum(x, 0) + self.left
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        slope = self.left + self.alpha
        slope *= ~self.positive
        slope += self.positive
        slope *= dy
        return slope
        ### END SOLUTION


# %% [markdown] hints="ELU"
# ### forward
# 1. Both branches are computed for every entry, also the one that is thrown away. What is e¹⁰⁰⁰ in there, and how do
#    you keep large numbers out of it?
# 2. y = x where x > 0; y = α (eˣ − 1) where x ≤ 0, α = alpha; x, y (…)
# 3. Cut x off at zero from above before the exponential; minus one, times alpha: that is the left part, and it is 0
#    on the right. Add the positive part of x. Keep the left part and where x is positive.
#
# ### backward
# 1. What is α eˣ, written with the output y?
# 2. dx = dy where x > 0; dx = dy · α eˣ = dy · (y + α) where x ≤ 0; dx, dy, x, y (…)
# 3. Slopes first: one on the right; on the left the part that forward kept, plus alpha. Then times dy.

# %%
check(ELU)

# %% [markdown]
# ## 2.7 GELU
#
# The Gaussian error linear unit weighs $x$ by the probability that a standard normal number is smaller. We use its
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
# More than 1: there a GELU makes an error a little larger.


# %%
class GELU(Layer):
    """Gaussian error linear unit, tanh form:  y = ½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))

    Shapes
        x, y  any

    Source: Hendrycks & Gimpel, Gaussian Error Linear Units (2016).
    """

    def forward(self, x):
        ### BEGIN SOLUTION
        self.x = x
        u = x * x
        u *= 0.044715
        u += 1
        u *= x
        u *= (2 / np.pi) ** 0.5
        self.t = array_module(x).tanh(u)
        y = 1 + self.t
        y *= x
        y *= 0.5
        return y
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        x, t = self.x, self.t
        du = x * x
        du *= 3 * 0.044715
        du += 1
        du *= (2 / np.pi) ** 0.5
        slope = 1 - t * t
        slope *= x
        slope *= du
        slope += 1 + t
        slope *= 0.5
        slope *= dy
        return slope
        ### END SOLUTION


# %% [markdown] hints="GELU"
# ### forward
# 1. With which power of x does 0.044715 stand, and how far does the root reach? Put in x = 1 and compare with the
#    example, u = 0.8336.
# 2. u = √(2/π) · (x + 0.044715 x³), the root of 2/π alone; t = tanh u; y = ½ x (1 + t); x, y (…)
# 3. The bracket, the constant in front of it (an ordinary number, or float32 becomes float64), the tanh, the product
#    with half of x. Keep x and t.
#
# ### backward
# 1. x stands in front of the bracket and within it. How many terms does the product rule give, and which of them
#    needs the chain rule as well?
# 2. u′ = √(2/π) · (1 + 3 · 0.044715 x²); slope = ½ (1 + t) + ½ x (1 − t²) u′; dx = dy · slope; dx, dy, x, t (…)
# 3. u′ from the kept x; one minus the square of the kept t; the second term out of x and these two. Add the first
#    term, and multiply by the gradient that comes in.

# %%
check(GELU)

# %% [markdown]
# The six activations so far, drawn from your own code. An error comes back through the slopes on the right: which of
# the six let it pass far to the right of zero, which far to the left, and which on neither side?

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
# **Stay finite.** A constant added to all scores cancels: $e^{x_i + c} / \sum e^{x_k + c}$. Take $c = -\max_k x_k$
# and no exponent is positive.
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
# score gains the other loses.
#
# No Jacobian matrix need ever be built: one sum, one subtraction, one product. Try it with a `dy` of all ones: the
# result is zero, for the outputs always sum to one. That is also why a check with all ones would prove nothing here.


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
        ### BEGIN SOLUTION
        y = x - x.max(axis=self.axis, keepdims=True)
        array_module(x).exp(y, out=y)
        y /= y.sum(axis=self.axis, keepdims=True)
        self.y = y
        return y
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        dx = dy * self.y
        total = dx.sum(axis=self.axis, keepdims=True)
        dx -= self.y * total
        return dx
        ### END SOLUTION


# %% [markdown] hints="Softmax"
# ### forward
# 1. Which number can be taken from all scores of a row without changing the result? Along which axis does a row lie
#    here, and does every row have its own such number?
# 2. yᵢ = e^(xᵢ − m) / Σₖ e^(xₖ − m), m = maxₖ xₖ, sum and maximum along axis; x, y (…), sum and maximum the same with
#    length 1 along axis
# 3. Maximum along the axis, the axis kept; subtract it, into a new array; exponentials; their sum along the axis, the
#    axis kept; divide. Keep y.
#
# ### backward
# 1. Which entries of y does x₃ reach? All of its row, through the sum in the denominator. Does your slope know of
#    more than the diagonal?
# 2. dxⱼ = yⱼ (dyⱼ − Σᵢ dyᵢ yᵢ), the sum along axis; dx, dy, y (…)
# 3. Multiply dy by y and sum that along the axis, the axis kept. Subtract the sum from dy, multiply by y. With a dy
#    of all ones the result is zero.
#
# ### speed
# 1. Do you visit the rows one by one, or build the matrix of all ∂yᵢ/∂xⱼ?
# 2. a row of C scores: C² products with that matrix; 3 C operations with dxⱼ = yⱼ (dyⱼ − Σᵢ dyᵢ yᵢ)
# 3. One product, one sum along the axis, one subtraction and one more product, each for the whole array.
#
# ### memory
# 1. Which of your arrays has an axis more than x?
# 2. the matrix of all ∂yᵢ/∂xⱼ: C numbers for every number of x; y, dy and their product: one for every number of x
# 3. What the matrix does to dy can be written out with a sum along the axis. Then nothing is larger than x.

# %%
check(Softmax)

# %% [markdown]
# ## 2.9 Flatten
#
# Between a stack of images and a `Linear` stands a change of shape, and nothing else:
# $(N, C, H, W) \to (N, C H W)$. Backward puts the gradient into the shape that came in. Two images of one channel and
# 2 × 2 pixels:
#
# ```
#   (2, 1, 2, 2)                     (2, 4)
#
#   ┌ 1 2 ┐   ┌ 5 6 ┐   forward     1 2 3 4    one row an image
#   └ 3 4 ┘   └ 7 8 ┘   ───────▶    5 6 7 8
#                       ◀───────
#                       backward
# ```


# %%
class Flatten(Layer):
    """All axes but the first into one

    Shapes
        x  (batch, …)      y  (batch, product of the rest)
    """

    def forward(self, x):
        ### BEGIN SOLUTION
        self.shape = x.shape
        return x.reshape(x.shape[0], -1)
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        return dy.reshape(self.shape)
        ### END SOLUTION


# %% [markdown] hints="Flatten"
# ### forward
# 1. Which axis says what belongs to one sample? And what does backward need to know that y no longer tells?
# 2. (N, A, B, …) → (N, A · B · …), the last axis running fastest
# 3. Remember the shape of x, anew in every call. Keep the first axis and let the others run into one, in the order in
#    which the numbers lie.
#
# ### backward
# 1. Did forward change any number? Then what is there to compute on the way back?
# 2. (N, A · B · …) → (N, A, B, …), the shape that came in
# 3. Give dy the shape that the last forward remembered, with the numbers in the same order.

# %%
check(Flatten)

# %% [markdown]
# ## 2.10 Sequential
#
# One layer after the other. The chain rule runs the same road back:
#
# $$ x \xrightarrow{f_1} h_1 \xrightarrow{f_2} h_2 \xrightarrow{f_3} y
#    \qquad\qquad dx \xleftarrow{f_1} dh_1 \xleftarrow{f_2} dh_2 \xleftarrow{f_3} dy $$
#
# `Layer.parameters()` finds the parameters of the layers in `self.layers` by itself.
#
# *By hand:* `Linear` with $W = (2)$, `ReLU`, `Linear` with $W = (-3)$, no biases. $x = 5$ goes to $10$, $10$ and $-30$;
# $dy = 1$ comes back as $-3$, $-3$ and $-6$: the product of the three slopes, taken from the right. $x = -5$ goes to
# $-10$, $0$ and $0$, and $dy = 1$ comes back as $-3$, $0$ and $0$.


# %%
class Sequential(Layer):
    """Layers in a row: the output of each is the input of the next

    Shapes
        x  what the first layer takes      y  what the last one gives
    """

    def __init__(self, layers):
        self.layers = list(layers)

    def forward(self, x):
        ### BEGIN SOLUTION
        for layer in self.layers:
            x = layer.forward(x)
        return x
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy
        ### END SOLUTION


# %% [markdown] hints="Sequential"
# ### forward
# 1. What is the input of the second layer?
# 2. h₀ = x; hₖ = fₖ(hₖ₋₁) for k = 1, …, n; y = hₙ
# 3. One variable holds what has come out so far; every layer in turn replaces it. Return it after the last.
#
# ### backward
# 1. Which layer meets the error first, and what is the dy of the layer before it?
# 2. dhₙ = dy; dhₖ₋₁ = what backward of fₖ makes of dhₖ, for k = n, …, 1; dx = dh₀
# 3. From the last layer to the first, the first included: what one returns is handed to the next. Return what comes
#    out at the end.

# %%
check(Sequential)

# %% [markdown]
# ## 2.11 What vanishes
#
# Send an error back through a deep stack and measure how much of it arrives. `gradient_norms` runs `x` forward
# through the layers, `dy` backward, and returns for each layer the Frobenius norm
# $\lVert dx \rVert = \sqrt{\sum dx^2}$ of the gradient by *its input*, first layer first.
#
# *By hand:* for the three layers of 2.10, $x = 5$ and $dy = 1$ the norms are $(6\;\; 3\;\; 3)$.


# %%
def gradient_norms(layers, x, dy):
    """Norm of the gradient by each layer's input

    Shapes
        x  what the first layer takes      dy  the shape of the last layer's output
        result  (number of layers,), in the order of the layers
    """
    ### BEGIN SOLUTION
    for layer in layers:
        x = layer.forward(x)
    norms = []
    for layer in reversed(layers):
        dy = layer.backward(dy)
        norms.append((dy * dy).sum() ** 0.5)
    return array_module(dy).stack(norms[::-1])
    ### END SOLUTION


# %% [markdown] hints="gradient_norms"
# ### gradient_norms
# 1. The gradient by a layer's input: does it exist before that layer's backward, or after? And which layer do you
#    meet first, which stands first in the result?
# 2. ‖dx‖ = √(Σ dx²) over all entries of dx, the gradient by one layer's input; result (L,), one for each of L layers,
#    the first layer first
# 3. All layers forward. From the last to the first: backward, then the root of the sum of squares of what it
#    returned. Turn the list of norms round, and make one array of it without fetching a number from the device.

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
# factor from $\sigma'(x) \le \tfrac14$ and the scale of the weights, compare it with your plot, and say what it means
# for the first layers of a network with 20 sigmoids. What do ReLU and tanh do differently?

# %% [markdown] question="vanishing_gradients"
# ### BEGIN SOLUTION
# Going back through one sigmoid multiplies each entry by at most 1/4 (less where the unit is saturated); going back
# through a Linear whose weights have variance 1/n keeps the norm on average. So each Linear-Sigmoid pair shrinks the
# norm by about 0.2 to 0.25, and 20 pairs by about $10^{-13}$ to $10^{-12}$: the first layers receive practically no
# gradient and do not learn. Tanh has slope 1 at 0, so it shrinks only as far as units leave the linear range; ReLU
# passes half of the entries unchanged, a factor of about $\sqrt{1/2}$ in norm, which He's initialization (variance
# 2/n) makes up for.
#
# Mark scheme: 1 point for the factor and its reason, 1 for the consequence (early layers do not learn), 1 for the
# comparison with ReLU or tanh.
# ### END SOLUTION

# %% [markdown]
# ## Capstone: two spirals
#
# No straight line separates two interleaved spirals, so a network has to bend space. Everything is yours: the
# layers, the gradients, the training. Write `train_spirals`: build a small network out of your layers, train it on
# `x`, `y`, and return it. Its `forward` must give two scores a row, the larger one for the right class; at least 97 %
# of *unseen* points must be right, from each of three seeds, in at most 20 seconds of computing each (a tenth of one
# is enough). For every seed the plane is turned to another angle and the classes may change numbers: what is graded is
# the training, not the numbers that came out of it once.
#
# A loss comes next assignment; for now this one is given: squared error against targets +1 and −1.


# %%
def squared_error(scores, y):
    """Mean squared error against +1 (right class) and −1 (the other), and its gradient by the scores

    Shapes
        scores, gradient  (batch, 2)      y  (batch,) of 0 and 1
    """
    targets = array_module(scores).stack([1 - 2 * y, 2 * y - 1], axis=1).astype(scores.dtype)
    difference = scores - targets
    return (difference * difference).mean(), 2 * difference / difference.size


# %%
def train_spirals(x, y, *, rng):
    """Train a network of your own layers to tell two spirals apart; return it

    Shapes
        x  (batch, 2), coordinates within about ±1      y  (batch,) of 0 and 1
    rng: a numpy.random.Generator for the initial weights and for shuffling.
    """
    ### BEGIN SOLUTION
    width = 40
    model = Sequential(
        [Linear(2, width, rng=rng), ReLU(), Linear(width, width, rng=rng), ReLU(), Linear(width, 2, rng=rng)]
    )
    model.layers[0].W.data *= 3
    velocity = [0 * p.data for p in model.parameters()]
    for _ in range(120):
        order = rng.permutation(len(x))
        for start in range(0, len(x), 50):
            rows = order[start : start + 50]
            _, dscores = squared_error(model.forward(x[rows]), y[rows])
            model.zero_grad()
            model.backward(dscores)
            for i, p in enumerate(model.parameters()):
                velocity[i] = 0.9 * velocity[i] - 0.05 * p.grad
                p.data += velocity[i]
    return model
    ### END SOLUTION


# %% [markdown] hints="train_spirals"
# ### train_spirals
# 1. If the loss does not fall, which of four things is missing: the minus of the step, gradients cleared before each
#    batch, a bend between the linear maps, or epochs?
# 2. θ ← θ − η ∂L/∂θ after every batch; or with a velocity for each parameter: v ← 0.9 v − η ∂L/∂θ, θ ← θ + v; scores
#    (B, 2) of rows (B, 2)
# 3. Two hidden layers of some forty units with ReLU behind each. In every epoch a new order of the rows, cut into
#    batches; for each batch forward, the loss with its gradient by the scores, gradients cleared, backward, step.
#    First weights a few times larger let the network see the turns sooner.

# %%
check(train_spirals)

# %% [markdown]
# What your training did: the loss of every batch, and how the plane is divided in the end. Where did the curve bend?
# That is when the network had found the turns of the spiral.

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
    axes[0].axhline(1, color="gray", lw=1, ls=":", label="always answering 0")
    axes[0].set(title="your training", xlabel="batch", ylabel="loss", yscale="log")
    axes[0].legend()
    plotting.decision_regions(lambda points: model.forward(points).argmax(axis=1), x, y, ax=axes[1])
    plt.show()

# %% [markdown]
# **Question 2.** *(2 points)* Replace every ReLU in `train_spirals` by nothing, so that `Linear` follows `Linear`.
# What is the best accuracy that such a network can reach, whatever its depth and however long it trains, and why?

# %% [markdown] question="why_nonlinear"
# ### BEGIN SOLUTION
# A composition of affine maps is one affine map, $x W_1 W_2 W_3 + \ldots = x W + b$, so the decision boundary is a
# straight line however deep the network is. The spirals are interleaved: any line leaves about half of the points on
# the wrong side, so accuracy stays not far above chance (some 60 to 65 % at best).
#
# Mark scheme: 1 point for the collapse into one affine map, 1 for the straight boundary and its consequence here.
# ### END SOLUTION
