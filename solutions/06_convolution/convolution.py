# %% [markdown]
# # 06 · Convolution
#
# An image is more than a list of numbers. A digit moved by one pixel is the same digit, and the neighbourhood of a
# pixel matters more than its position. A `Linear` layer uses neither fact: it has a separate weight for every pixel,
# and if all images were shuffled in the same way it would learn just as well. A convolution looks through a small
# window and uses *the same* weights at every position of the window, so a stroke that it has learned once it finds
# anywhere.
#
# In this assignment you write the layers of a convolutional network and their gradients: first the rearrangement that
# turns all of them into a matrix product, then convolution, pooling, transposed convolution, the locally connected
# layer (a convolution without shared weights), and the residual block. At the end your own network reads handwritten
# digits, and you see what its filters detect and why very deep networks need shortcuts.
#
# | | |
# |---|---|
# | Time | about 6 hours, with the bonus exercise 7 |
# | You will be able to | write any layer with windows as a matrix product, and its backward as the adjoint; say which array is summed over what; compute the size of an output and a receptive field; explain what shared weights, pooling and shortcuts are for |
# | Builds on | `Linear`, `ReLU`, `Flatten`, `Sequential` (02), `SoftmaxCrossEntropy` (03); `Adam` (04) and `Dropout` (05) are given |
# | Next | sequences (07); generators from noise to image (10); the same convolution, faster (14) |
#
# | here | PyTorch |
# |---|---|
# | `im2col`, `col2im` | `torch.nn.functional.unfold`, `fold` |
# | `Conv2d` | `torch.nn.Conv2d` |
# | `MaxPool2d`, `AvgPool2d` | `torch.nn.MaxPool2d`, `torch.nn.AvgPool2d` |
# | `GlobalAveragePool` | `torch.nn.AdaptiveAvgPool2d(1)`, then `Flatten` |
# | `ConvTranspose2d` | `torch.nn.ConvTranspose2d` |
# | `LocallyConnected2d` | none; `unfold` and `torch.einsum` |
# | `ResidualBlock` | `torchvision.models.resnet.BasicBlock`, without batch normalization |
# | `InceptionBlock` | `torchvision.models.googlenet.Inception`, without batch normalization |
#
# **Further reading.** [Goodfellow, Bengio & Courville, *Deep Learning*](https://www.deeplearningbook.org) (2016),
# chapter 9. [Dumoulin & Visin, *A guide to convolution arithmetic for deep learning*](https://arxiv.org/abs/1603.07285)
# (2016), every size drawn. [He, Zhang, Ren & Sun, *Deep Residual Learning*](https://arxiv.org/abs/1512.03385) (2016).
# [Szegedy et al., *Going Deeper with Convolutions*](https://arxiv.org/abs/1409.4842) (2015).
#
# **Shapes.** Images are (N, C, H, W): batch, channels, height, width, as in PyTorch. A kernel is $k_h \times k_w$
# cells; it moves by `stride` pixels at a time (a number, or one for each direction) over the image, with `padding`
# pixels added on every side, and its cells may be `dilation` pixels apart. The number of places at which it fits is,
# for the height and likewise for the width,
#
# $$ H' = \left\lfloor \frac{H + 2p - d\,(k_h - 1) - 1}{s} \right\rfloor + 1 $$
#
# ```
#  stride 1, padding 0          stride 2, padding 1            dilation 2
#  ┌─────┐                      0 0 0 0 0 0 0
#  │x x x│x x     5 wide       ┌─────┐                         X · X · X
#  │x x x│x x     kernel 3     │0 x x│x x x 0   6 wide         · · · · ·
#  │x x x│x x     3 places     │0 x x│x x x 0   kernel 3       X · X · X    a 3 × 3 kernel
#  └─────┘                     └─────┘          3 places       · · · · ·    that sees 5 × 5
#   x x x x x                   0 x x x x x 0                  X · X · X
# ```

# %%
from functools import cache

import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Layer, Optimizer, Parameter, array_module, asarray, plotting, zeros
from dlkit.course import earlier, when_written
from dlkit.datasets import mnist
from dlkit.training import accuracy, fit, predict

# %% [markdown]
# Five small functions are given, because they are bookkeeping. Read `cell` carefully; everything below uses it. **Loop
# over the cells of the kernel, not over the places in the image:** while the kernel moves over the image, its cell
# $(i, j)$ covers the pixels $\bigl(i d + s\,h',\; j d + s\,w'\bigr)$ for $h' = 0 \ldots H'-1$ and $w' = 0 \ldots W'-1$.
# That is a slice with a step, a view that NumPy makes without copying: two short loops over the *kernel*, none over the
# image.


# %%
def both(value):
    """A pair (height, width), from a pair or from one number for both"""
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    """Places at which a kernel fits: (height, width) of the output for (height, width) of the input"""
    sides = zip(size, both(kernel_size), both(stride), strict=True)
    return tuple((n + 2 * padding - dilation * (k - 1) - 1) // s + 1 for n, k, s in sides)


def padded(x, padding, value=0.0):
    """The images x (N, C, H, W) with ``padding`` pixels of ``value`` on every side; x itself where there are none"""
    if not padding:
        return x
    batch, channels, height, width = x.shape
    larger = array_module(x).full((batch, channels, height + 2 * padding, width + 2 * padding), value, dtype=x.dtype)
    larger[:, :, padding : padding + height, padding : padding + width] = x
    return larger


def cell(i, j, out, stride=1, dilation=1):
    """Index of the pixels that cell (i, j) of a kernel covers at all ``out`` (height, width) places: ``x[cell(…)]``"""
    top, left, (down, right) = i * dilation, j * dilation, both(stride)
    rows = slice(top, top + down * (out[0] - 1) + 1, down)
    columns = slice(left, left + right * (out[1] - 1) + 1, right)
    return ..., rows, columns


def portions(batch, numbers):
    """Slices of the batch, each of as many images as fit into a quarter of a million numbers, about one cache"""
    size = max(1, 2**18 // max(1, numbers))
    return [slice(start, min(start + size, batch)) for start in range(0, batch, size)]


# %% [markdown]
# ## 6.1 im2col
#
# A convolution is a sum of products at every place. Computers are fastest at matrix products, so write the window of
# each place as one *column*; then one matrix product computes all sums at once.
#
# ```
#   x (C, H, W)                columns (C·kh·kw, H'·W')          the place, row by row
#                               ┌──────────────────────────────────→
#    1  2  0                    │  1  2  0  1     cell (0,0)
#    0  1  3     kernel 2 × 2   │  2  0  1  3     cell (0,1)
#    2  0  1    ────────────→   │  0  1  2  0     cell (1,0)
#                               ↓  1  3  0  1     cell (1,1)
#                     channel, then cell: (c, i, j) in this order
# ```
#
# The first column contains the upper left window, 1 2 0 1. The first *row* contains all pixels that cell $(0, 0)$
# covers: the upper left 2 × 2 pixels of the image, which is `x[cell(0, 0, (2, 2))]`. So fill the matrix row by row: one
# slice for each cell. A pixel is copied once for every window that contains it, nine times for a 3 × 3 kernel with
# stride 1; that is the price.


# %%
def im2col(x, kernel_size, stride=1, padding=0, dilation=1):
    """The windows of a kernel at all places, as columns of a matrix; PyTorch's ``unfold``

    Shapes
        x  (N, C, H, W)      columns  (N, C · kh · kw, H' · W'): rows in the order channel, i, j, places row by row
    kernel_size: a number or (kh, kw).      stride: a number or (down, right).      padding, dilation: numbers.

    Source: Chellapilla, Puri & Simard, High Performance Convolutional Neural Networks for Document Processing (2006),
    section 4.1.
    """
    ### BEGIN SOLUTION
    out = output_size(x.shape[2:], kernel_size, stride, padding, dilation)
    x = padded(x, padding)
    columns = array_module(x).empty((*x.shape[:2], *both(kernel_size), *out), dtype=x.dtype)
    for i, j in np.ndindex(*both(kernel_size)):
        columns[:, :, i, j] = x[cell(i, j, out, stride, dilation)]
    return columns.reshape(len(x), -1, out[0] * out[1])
    ### END SOLUTION


# %% [markdown] hints="im2col"
# ### im2col
# 1. Consider one cell of the kernel: which pixels does it cover at all places together? That is one slice, and the
#    function cell returns it.
# 2. u[n, (c, i, j), (h′, w′)] = x[n, c, s h′ + d i − p, s w′ + d j − p], and 0 outside the image; x (N, C, H, W), u
#    (N, C kh kw, H′ W′), rows in the order c, i, j
# 3. Compute the size of the output; pad the images; make an empty array with six axes, batch, channel, i, j, h′, w′, in
#    the dtype and the library of x. Fill it with one slice for each of the kh · kw cells. Merge axes 1 to 3 (channel,
#    i, j) into one, and the last two.

# %%
check(im2col)

# %% [markdown]
# The same as a picture, for a digit and a kernel of 3 × 3: nine rows, one for each cell, every one nearly the whole image,
# shifted by a pixel (left, at 8 × 8 pixels so that single entries can be seen). On the right each row is an image again.

# %%
with when_written():
    small = mnist().x_test[1][None, None, 2:26:3, 2:26:3]
    columns = im2col(small, 3)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.4), width_ratios=[2.6, 1], layout="constrained")
    left.imshow(columns[0], cmap="gray", aspect="auto")
    left.set(xlabel="place, row by row", ylabel="cell of the kernel", title="columns (9, 36)")
    left.set_yticks(range(9), [f"({i}, {j})" for i, j in np.ndindex(3, 3)])
    plotting.images(columns[0].reshape(9, 6, 6), columns=3, ax=right)
    right.set_title("each row as an image")
    plt.show()

# %% [markdown]
# ## 6.2 col2im
#
# In the backward pass every entry of the columns has a gradient, and belongs to a pixel. A pixel that was copied nine
# times receives nine gradients: they **add up**. That is `col2im`: put every column back where it came from, and add.
#
# **Why adding is correct.** `im2col` only copies numbers: it is linear, $u = A x$, with a matrix $A$ of zeros and ones
# (one 1 in each row: the pixel that was copied). The chain rule gives $dx = A^\top du$. So `col2im` is $A^\top$, the
# *adjoint* of `im2col`, not its inverse. The adjoint is defined by one equation, which holds for all $x$ and all $u$:
#
# $$ \langle A x,\, u \rangle = \langle x,\, A^\top u \rangle, \qquad\text{that is}\qquad
#    \sum \mathrm{im2col}(x) \cdot u = \sum x \cdot \mathrm{col2im}(u) $$
#
# A check below tests exactly this equation with your two functions. It needs no reference: it checks the two against
# each other.
#
# *By hand:* columns of all ones, for the 3 × 3 image and the 2 × 2 kernel above, count how many windows contain each
# pixel:
#
# $$ \mathrm{col2im}(1) = \begin{pmatrix} 1 & 2 & 1 \\ 2 & 4 & 2 \\ 1 & 2 & 1 \end{pmatrix} $$
#
# With padding, work on the padded image and cut the border off at the end: gradients there belong to no pixel. (A loop
# over the cells adds whole slices, in which no pixel occurs twice, so `+=` is safe. `x[rows, columns] += …` with index
# arrays would count repeated pixels only once.)


# %%
def col2im(columns, shape, kernel_size, stride=1, padding=0, dilation=1):
    """Adds every entry of the columns to its pixel; PyTorch's ``fold``, the adjoint of ``im2col``

    Shapes
        columns  (N, C · kh · kw, H' · W')      result  (N, C, H, W), which is ``shape``
    """
    ### BEGIN SOLUTION
    batch, channels, height, width = shape
    out = output_size((height, width), kernel_size, stride, padding, dilation)
    columns = columns.reshape(batch, channels, *both(kernel_size), *out)
    larger = (batch, channels, height + 2 * padding, width + 2 * padding)
    x = array_module(columns).zeros(larger, dtype=columns.dtype)
    for i, j in np.ndindex(*both(kernel_size)):
        x[cell(i, j, out, stride, dilation)] += columns[:, :, i, j]
    return x[:, :, padding : padding + height, padding : padding + width]
    ### END SOLUTION


# %% [markdown] hints="col2im"
# ### col2im
# 1. A pixel that lies in nine windows receives nine gradients. How do they combine, and what happens to the gradients
#    of the padding?
# 2. dx[n, c, h, w] = Σ du[n, (c, i, j), (h′, w′)] over all i, j, h′, w′ with s h′ + d i − p = h and s w′ + d j − p =
#    w; du (N, C kh kw, H′ W′), dx (N, C, H, W)
# 3. The steps of im2col in reverse: six axes again; zeros of the padded size; for each cell of the kernel add its part
#    of the columns to the pixels that it covers; cut the border off.

# %%
check(col2im)

# %% [markdown]
# In how many windows does a pixel lie? That is `col2im` of ones, here for an image of 9 × 9 and kernels of 3 × 3. With
# stride 1 the middle counts nine times and the corners once. With stride 2 the windows overlap in single rows and
# columns only, and with dilation 2 the pixels near the border lie in fewer windows. Padding gives the border a share.

# %%
with when_written():
    settings = {
        "stride 1": {},
        "stride 1, padding 1": {"padding": 1},
        "stride 2": {"stride": 2},
        "dilation 2": {"dilation": 2},
    }
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.3), layout="constrained")
    for (name, window), ax in zip(settings.items(), axes, strict=True):
        ones_of = np.ones_like(im2col(np.ones((1, 1, 9, 9)), 3, **window))
        counts = col2im(ones_of, (1, 1, 9, 9), 3, **window)[0, 0]
        ax.imshow(counts, cmap="Purples", vmin=0, vmax=12)
        for (i, j), count in np.ndenumerate(counts):
            ax.text(j, i, f"{count:.0f}", ha="center", va="center", fontsize=8)
        ax.set(title=name, xticks=[], yticks=[])
    plt.show()

# %% [markdown]
# ## 6.3 Conv2d
#
# Every output channel $o$ has a kernel for every input channel $c$. At the place $(h', w')$, with $h = s\,h' + d\,i$ and
# $w = s\,w' + d\,j$ in the padded image,
#
# $$ y_{n o h' w'} = b_o + \sum_{c, i, j} W_{o c i j}\; x_{n c h w} $$
#
# (Strictly this is a *correlation*: the kernel is not flipped. Every library calls it a convolution; because the
# weights are learned it makes no difference.) With columns $u = \mathrm{im2col}(x)$ and $W$ as a matrix of shape
# $(O,\; C k_h k_w)$ it is, for every image,
#
# $$ y = W u + b, \qquad (O, P) = (O, K)\,(K, P), \quad K = C\,k_h k_w, \quad P = H' W' $$
#
# and $(O, P)$ only has to be reshaped to the layout $(O, H', W')$ of the output.
#
# **The backward pass, derived.** It is `Linear`, with places in the role of rows. $W_{ok}$ acts at every place of every
# image, at the rate $u_{nkp}$; and $u_{nkp}$ acts on every output channel $o$ at the rate $W_{ok}$:
#
# $$ dW = \sum_n dy_n\, u_n^\top, \qquad db_o = \sum_{n, p} dy_{nop}, \qquad du_n = W^\top dy_n, \qquad
#    dx = \mathrm{col2im}(du) $$
#
# *By hand:* the 3 × 3 image above, one channel, $W = \begin{pmatrix} 1 & 0 \\ -1 & 2 \end{pmatrix}$, $b = 1$. In the
# first window $1 \cdot 1 + 0 \cdot 2 - 1 \cdot 0 + 2 \cdot 1 + 1 = 4$; all four:
#
# $$ y = \begin{pmatrix} 4 & 8 \\ -1 & 4 \end{pmatrix}, \qquad dy = \begin{pmatrix} 1 & 0 \\ 0 & 2 \end{pmatrix} \;\Rightarrow\;
#    dW = \begin{pmatrix} 3 & 8 \\ 0 & 3 \end{pmatrix}, \quad db = 3, \quad
#    dx = \begin{pmatrix} 1 & 0 & 0 \\ -1 & 4 & 0 \\ 0 & -2 & 4 \end{pmatrix} $$
#
# The 3 in $dW$ is $1 \cdot x_{00} + 2 \cdot x_{11}$. And $dx$ is the kernel at the first place plus twice the kernel at
# the last place; in the middle, where they overlap, $2 + 2 = 4$.
#
# **In two steps, if you like.** The two functions below are the two halves of `Conv2d` without its bookkeeping: from
# columns to outputs, and from `dy` back to columns. They are *optional*: they are checked one by one and carry no
# points, and whoever writes `Conv2d` at once leaves them as they are. If you write them, `Conv2d` may call them.


# %%
def columns_to_outputs(columns, W, b):
    """One matrix product per image, and the bias:  y = W u + b, W as a matrix of one row per output channel

    Shapes
        columns  (N, in_channels · kh · kw, places)      y  (N, out_channels, places)
        W  (out_channels, in_channels, kh, kw)      b  (out_channels,): arrays, not parameters

    Source: Chellapilla, Puri & Simard (2006), section 4.1.
    """
    ### BEGIN SOLUTION
    return W.reshape(len(W), -1) @ columns + b[:, None]
    ### END SOLUTION


# %% [markdown] hints="columns_to_outputs"
# ### columns_to_outputs
# 1. Which axis do the columns and the weights share, once the weights are a matrix? And to which axis of y does the
#    bias belong?
# 2. yₙ = W uₙ + b for every image n; W (O, K), K = C kh kw, uₙ (K, P), b (O, 1), yₙ (O, P)
# 3. Merge the last three axes of the weights, multiply with all images at once, and add the bias as a column, so that
#    each channel gets its own at every place.

# %%
check(columns_to_outputs)


# %%
def columns_backward(dy, columns, W):
    """The gradients of ``columns_to_outputs``: (dcolumns, dW, db), dW and db summed over images and places

    Shapes
        dy  (N, out_channels, places)      columns, dcolumns  (N, in_channels · kh · kw, places)
        W, dW  (out_channels, in_channels, kh, kw)      db  (out_channels,)

    Source: Chellapilla, Puri & Simard (2006), section 4.1.
    """
    ### BEGIN SOLUTION
    matrix = W.reshape(len(W), -1)
    dW = (dy @ columns.transpose(0, 2, 1)).sum(axis=0)
    return matrix.T @ dy, dW.reshape(W.shape), dy.sum(axis=(0, 2))
    ### END SOLUTION


# %% [markdown] hints="columns_backward"
# ### columns_backward
# 1. A weight acts at every place of every image. Over which axes is its gradient summed, and in which of the two products
#    does a matrix product do that for you?
# 2. duₙ = Wᵀ dyₙ, (K, O) (O, P) → (K, P); dW = Σₙ dyₙ uₙᵀ, (O, P) (P, K) → (O, K); db = Σ dy over images and places,
#    (O,)
# 3. Transposed weights times dy; dy times the columns with their last two axes exchanged, summed over the images and
#    given the shape of W again; dy summed over images and places. Return them in the order of the text.

# %%
check(columns_backward)

# %% [markdown]
# **Now the layer.** `self.W` and `self.b` are parameters: `self.W.data` is the array of the weights, and `backward`
# *adds* to `self.W.grad` (`self.W.grad += …`, never `=`).
#
# **Fast.** Six nested Python loops are correct, but a thousand times too slow. One matrix product for the whole batch
# is fast, but its columns take nine times the memory of the images and are written to and read from memory. Process a
# few images at a time (`portions`), so that their columns stay in the CPU's cache, and compute the columns again in
# backward instead of storing them: that is faster although it computes more, because memory is slower than arithmetic.


# %%
class Conv2d(Layer):
    """Kernels moved over images:  y[o, h, w] = b[o] + Σ W[o, c, i, j] x[c, s h + d i − p, s w + d j − p]

    Shapes
        x  (N, in_channels, H, W)      y  (N, out_channels, H', W')
        W  (out_channels, in_channels, kh, kw)      b  (out_channels,)
    kernel_size: a number or (kh, kw).      stride: a number or (down, right).      padding (zeros), dilation: numbers.

    Source: LeCun, Bottou, Bengio & Haffner, Gradient-based learning applied to document recognition (1998), section II;
    dilation: Yu & Koltun, Multi-Scale Context Aggregation by Dilated Convolutions (2016).
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, *, rng):
        kh, kw = both(kernel_size)
        self.W = Parameter(rng.normal(0, (2 / (in_channels * kh * kw)) ** 0.5, (out_channels, in_channels, kh, kw)))
        self.b = Parameter(zeros(out_channels))
        self.window = {"kernel_size": (kh, kw), "stride": stride, "padding": padding, "dilation": dilation}

    def forward(self, x):
        ### BEGIN SOLUTION
        self.x = x
        W = self.W.data.reshape(len(self.W.data), -1)
        out = output_size(x.shape[2:], **self.window)
        y = array_module(x).empty((len(x), len(W), out[0] * out[1]), dtype=x.dtype)
        for rows in portions(len(x), W.shape[1] * y.shape[2]):
            columns = im2col(x[rows], **self.window)
            y[rows] = W @ columns
        y += self.b.data[:, None]
        return y.reshape(len(x), len(W), *out)
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        x, W = self.x, self.W.data.reshape(len(self.W.data), -1)
        dy = dy.reshape(*dy.shape[:2], -1)
        dx, dW = array_module(x).empty_like(x), array_module(x).zeros_like(W)
        for rows in portions(len(x), W.shape[1] * dy.shape[2]):
            columns = im2col(x[rows], **self.window)
            dW += (dy[rows] @ columns.transpose(0, 2, 1)).sum(axis=0)
            dx[rows] = col2im(W.T @ dy[rows], x[rows].shape, **self.window)
        self.W.grad += dW.reshape(self.W.shape)
        self.b.grad += dy.sum(axis=(0, 2))
        return dx
        ### END SOLUTION


# %% [markdown] hints="Conv2d"
# ### forward
# 1. Once you have the columns, which layer of 02 is this? Which axis do the weights, written as a matrix, share with
#    the columns?
# 2. u = im2col(x), (N, K, P), K = C kh kw, P = H′ W′; y = W u + b, (O, K) (K, P) + (O, 1) → (O, P) for every image; x
#    (N, C, H, W), y (N, O, H′, W′)
# 3. The weights as a matrix, one row per output channel. For a few images at a time: their columns, the matrix product.
#    Then add the bias of each channel at all its places, and reshape the places to rows and columns. Store x only: its
#    columns are many times as large.
#
# ### backward
# 1. One weight acts at every place of every image. Over which axes is its gradient summed, and over which is that of
#    the bias?
# 2. dW = Σₙ dyₙ uₙᵀ, (O, P) (P, K) → (O, K); dbₒ = Σₙₚ dyₙₒₚ, (N, O, P) → (O,); duₙ = Wᵀ dyₙ, (K, O) (O, P) → (K, P);
#    dx = col2im(du), (N, C, H, W)
# 3. Merge the two axes of places into one. For a few images at a time compute the columns again; add their product with
#    dy, summed over these images, to dW; col2im of the transposed weights times dy is dx for these images. Sum dy over
#    images and places. Add both sums to the gradients, and return dx.
#
# ### speed
# 1. Which loop runs over images, channels or places? And do the columns of one product still fit into the cache?
# 2. N · O · K · P products, in matrix products (O, K) (K, P) → (O, P)
# 3. Loop only over the cells of the kernel and over portions of the batch: all places of an image are one matrix
#    product.
#
# ### memory
# 1. What do you store between forward and backward, and for how many images do columns exist at the same time?
# 2. columns of the batch: N · C kh kw · H′ W′ numbers; x itself: N · C · H · W; W times u without a sum in between: O
#    times the columns
# 3. Store only x. Make the columns of a portion of the batch, multiply with a matrix product (not with a product of
#    single entries that is summed afterwards), and free them before the next portion.

# %%
check(Conv2d)

# %% [markdown]
# Before kernels were learned they were designed by hand. Here are four of them, applied to a digit: each detects one
# feature wherever it is. (White is strongly positive, black strongly negative.)

# %%
with when_written():
    digit = mnist().x_test[1][None, None]
    kernels = {
        "vertical edges": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
        "horizontal edges": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
        "blur": [[1, 2, 1], [2, 4, 2], [1, 2, 1]],
        "outline": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    }
    layer = Conv2d(1, len(kernels), 3, padding=1, rng=np.random.default_rng(0))
    layer.W.data[:, 0] = np.array(list(kernels.values()))
    maps = layer.forward(digit)[0]
    figure, axes = plt.subplots(1, 5, figsize=(12, 2.8), layout="constrained")
    plotting.images(digit[:, 0], ax=axes[0])
    axes[0].set_title("the digit")
    for name, one, ax in zip(kernels, maps, axes[1:], strict=True):
        plotting.images(one[None], ax=ax)
        ax.set_title(name)
    plt.show()

# %% [markdown]
# **Question 1.** *(3 points)* The network of the capstone has the layers Conv2d 3 × 3 (1 → 32), ReLU, MaxPool2d 2,
# Conv2d 3 × 3 (32 → 64), ReLU, MaxPool2d 2, Linear (→ 128) and so on, on 28 × 28 pixels without padding. (a) How many
# weights and biases has the first Conv2d? How many would a `LocallyConnected2d` of the same shapes have, and how many a
# `Linear` from all pixels to all outputs? (b) How many pixels of the image (height × width) does *one* number at the
# output of the second pooling depend on? Show your calculation. (c) Name one kind of image for which shared weights are
# the wrong assumption.

# %% [markdown] question="shared_weights"
# ### BEGIN SOLUTION
# (a) Conv2d: $32 \cdot 1 \cdot 9 + 32 = 320$. Its output is 32 × 26 × 26. Locally connected: 9 weights and a bias for each of
# the $32 \cdot 676 = 21\,632$ outputs, $216\,320$. Linear: $784 \cdot 21\,632 + 21\,632 = 16\,981\,120$, about 17 million.
#
# (b) Go through the layers with $r$, the number of pixels (in one direction) that one number depends on, and $j$, the
# distance in image pixels between neighbours of the layer. Input: $r = 1, j = 1$. Conv 3: $r = 1 + 2 \cdot 1 = 3$. Pool
# 2, stride 2: $r = 3 + 1 \cdot 1 = 4$, $j = 2$. Conv 3: $r = 4 + 2 \cdot 2 = 8$. Pool 2: $r = 8 + 1 \cdot 2 = 10$,
# $j = 4$. So 10 × 10 pixels.
#
# (c) Images in which the position itself has a meaning and every position has its own statistics: portraits cropped and
# aligned at the eyes, forms with fixed fields, the frequency axis of a spectrogram, maps of the globe. A feature that
# matters at one position may not matter at another.
#
# Mark scheme: 1 point for the three counts (half a point for two correct ones), 1 for 10 × 10 with a calculation, 1 for
# an example with its reason.
# ### END SOLUTION

# %% [markdown]
# ## 6.4 MaxPool2d
#
# Whether there is a stroke matters more than its exact pixel. Pooling keeps the largest number of each window and makes
# the image smaller, so that the next layer covers a larger area:
#
# $$ y_{n c h' w'} = \max_{i, j}\; x_{n c,\; s h' + i,\; s w' + j} $$
#
# **The backward pass, derived.** A tiny change of the largest number changes $y$ by the same amount; a tiny change of
# any other changes nothing. So the whole gradient goes to the winner (the maximum) of each window:
#
# $$ dx_{n c h w} = \sum_{\text{windows that } (h, w) \text{ wins}} dy_{n c h' w'} $$
#
# Where windows overlap, one pixel may win several times: add the gradients. **Ties** are common here, because ReLU
# gives many zeros: the *first* of equal numbers in the window wins, row by row, as in PyTorch, and only it gets the
# gradient.
#
# Padding is with $-\infty$, so that a padded pixel never wins.
#
# *By hand:* kernel 2, stride 2:
#
# $$ x = \begin{pmatrix} 1 & 5 & 2 & 2 \\ 3 & 4 & 0 & 2 \end{pmatrix} \;\Rightarrow\; y = (5 \;\; 2), \qquad
#    dy = (10 \;\; 7) \;\Rightarrow\; dx = \begin{pmatrix} 0 & 10 & 7 & 0 \\ 0 & 0 & 0 & 0 \end{pmatrix} $$
#
# **Without a loop over the image.** Go through the cells of the kernel and keep the largest value so far, with the
# number of its cell: only a *strictly* greater value replaces it, so the first of equal values stays.


# %%
class MaxPool2d(Layer):
    """The largest number of each window; the first of equal numbers gets the gradient

    Shapes
        x  (N, C, H, W)      y  (N, C, H', W')
    kernel_size: a number or (kh, kw).      stride: a number or (down, right), by default the kernel's size.
    padding: a number, with −∞, at most half of the kernel.

    Source: Ranzato, Huang, Boureau & LeCun, Unsupervised Learning of Invariant Feature Hierarchies (2007); ties as
    PyTorch.
    """

    def __init__(self, kernel_size, stride=None, padding=0):
        self.kernel_size = both(kernel_size)
        self.stride = self.kernel_size if stride is None else both(stride)
        self.padding = padding

    def forward(self, x):
        ### BEGIN SOLUTION
        xp = array_module(x)
        self.shape, self.out = x.shape, output_size(x.shape[2:], self.kernel_size, self.stride, self.padding)
        x = padded(x, self.padding, -np.inf)
        y = x[cell(0, 0, self.out, self.stride)].copy()
        self.winner = xp.zeros(y.shape, dtype="int16")
        for n, (i, j) in enumerate(np.ndindex(*self.kernel_size)):
            seen = x[cell(i, j, self.out, self.stride)]
            better = (seen > y).astype("int16")
            better *= n
            xp.maximum(self.winner, better, out=self.winner)  # n only grows: the latest that was better
            xp.maximum(y, seen, out=y)
        return y
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        (batch, channels, height, width), p = self.shape, self.padding
        dx = array_module(dy).zeros((batch, channels, height + 2 * p, width + 2 * p), dtype=dy.dtype)
        for n, (i, j) in enumerate(np.ndindex(*self.kernel_size)):
            dx[cell(i, j, self.out, self.stride)] += dy * (self.winner == n)
        return dx[:, :, p : p + height, p : p + width]
        ### END SOLUTION


# %% [markdown] hints="MaxPool2d"
# ### forward
# 1. What would a zero in the padding do next to negative numbers? And which of two equal numbers wins?
# 2. y[n, c, h′, w′] = maxᵢⱼ x[n, c, s h′ + i − p, s w′ + j − p], and −∞ outside the image; x (N, C, H, W), y (N, C,
#    H′, W′)
# 3. Pad. Begin with a copy of the pixels that the first cell of the kernel covers. Go through the cells row by row;
#    where the next one is strictly greater, replace the value. Store the number of the winning cell for every window.
#
# ### backward
# 1. The winner of a window gets all of its dy. What about a pixel that wins two windows?
# 2. dx[n, c, h, w] = Σ dy[n, c, h′, w′] over the windows (h′, w′) that the pixel (h, w) wins; dx (N, C, H, W), dy (N,
#    C, H′, W′)
# 3. Zeros of the padded size. For each cell of the kernel: dy where that cell was the winner, 0 elsewhere, added to the
#    pixels that the cell covers. Cut the border off.
#
# ### speed
# 1. Do your loops go over places of the image, or over cells of the kernel?
# 2. kh · kw slices of N · C · H′ W′ numbers each, in forward and in backward
# 3. For each cell compare, or add, all windows of all images at once.

# %%
check(MaxPool2d)

# %% [markdown]
# ## 6.5 AvgPool2d
#
# The mean instead of the maximum, $y = \frac{1}{k_h k_w} \sum_{i, j} x$. It is linear, so its backward is the adjoint:
# every pixel of a window gets $1 / (k_h k_w)$ of the window's gradient, and the gradients from several windows add up.
# With padding the zeros count as pixels (PyTorch's default): the divisor is the same at every place.
#
# *By hand:* $x = \begin{pmatrix} 1 & 5 & 2 & 2 \\ 3 & 4 & 0 & 2 \end{pmatrix}$, kernel 2, stride 2: $y = (3.25 \;\; 1.5)$;
# $dy = (4 \;\; 8)$ gives $dx = \begin{pmatrix} 1 & 1 & 2 & 2 \\ 1 & 1 & 2 & 2 \end{pmatrix}$.


# %%
class AvgPool2d(Layer):
    """The mean of each window; padded zeros count

    Shapes
        x  (N, C, H, W)      y  (N, C, H', W')
    kernel_size: a number or (kh, kw).      stride: a number or (down, right), by default the kernel's size.
    padding: a number.

    Source: LeCun et al., Handwritten Digit Recognition with a Back-Propagation Network (1990); PyTorch's padding.
    """

    def __init__(self, kernel_size, stride=None, padding=0):
        self.kernel_size = both(kernel_size)
        self.stride = self.kernel_size if stride is None else both(stride)
        self.padding = padding

    def forward(self, x):
        ### BEGIN SOLUTION
        self.shape, self.out = x.shape, output_size(x.shape[2:], self.kernel_size, self.stride, self.padding)
        x = padded(x, self.padding)
        y = array_module(x).zeros((*x.shape[:2], *self.out), dtype=x.dtype)
        for i, j in np.ndindex(*self.kernel_size):
            y += x[cell(i, j, self.out, self.stride)]
        y /= self.kernel_size[0] * self.kernel_size[1]
        return y
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        (batch, channels, height, width), p = self.shape, self.padding
        share = dy / (self.kernel_size[0] * self.kernel_size[1])
        dx = array_module(dy).zeros((batch, channels, height + 2 * p, width + 2 * p), dtype=dy.dtype)
        for i, j in np.ndindex(*self.kernel_size):
            dx[cell(i, j, self.out, self.stride)] += share
        return dx[:, :, p : p + height, p : p + width]
        ### END SOLUTION


# %% [markdown] hints="AvgPool2d"
# ### forward
# 1. What is the sum divided by where a window reaches into the padding?
# 2. y[n, c, h′, w′] = 1/(kh kw) Σᵢⱼ x[n, c, s h′ + i − p, s w′ + j − p], and 0 outside the image; x (N, C, H, W), y
#    (N, C, H′, W′)
# 3. Pad with zeros, and store the shape of x. Add the pixels that each cell of the kernel covers, slice by slice, in
#    the dtype of x; divide once by the number of cells.
#
# ### backward
# 1. The mean is linear. Which fraction of a window's dy does each of its pixels get, and what if a pixel lies in
#    several windows?
# 2. dx[n, c, h, w] = 1/(kh kw) Σ dy[n, c, h′, w′] over the windows (h′, w′) in which the pixel (h, w) lies; dx (N, C,
#    H, W), dy (N, C, H′, W′)
# 3. Divide dy by the number of cells. Add the result to zeros of the padded size, at the pixels of each cell of the
#    kernel in turn. Cut the border off.

# %%
check(AvgPool2d)

# %% [markdown]
# ## 6.6 GlobalAveragePool
#
# The mean over a whole channel, $(N, C, H, W) \to (N, C)$. It measures how much of a feature an image contains,
# wherever it is, works for images of any size, and replaces `Flatten` and the largest `Linear` layer.
#
# $$ y_{nc} = \frac{1}{H W} \sum_{h, w} x_{nchw}, \qquad dx_{nchw} = \frac{dy_{nc}}{H W} $$
#
# *By hand:* a channel $\begin{pmatrix} 1 & 2 \\ 3 & 6 \end{pmatrix}$ gives 3; $dy = 8$ gives 2 to each of the four pixels.


# %%
class GlobalAveragePool(Layer):
    """The mean of every channel over height and width

    Shapes
        x  (N, C, H, W)      y  (N, C)

    Source: Lin, Chen & Yan, Network In Network (2014), section 3.2.
    """

    def forward(self, x):
        ### BEGIN SOLUTION
        self.shape = x.shape
        return x.mean(axis=(2, 3))
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        share = dy / (self.shape[2] * self.shape[3])
        return array_module(dy).zeros(self.shape, dtype=dy.dtype) + share[:, :, None, None]
        ### END SOLUTION


# %% [markdown] hints="GlobalAveragePool"
# ### forward
# 1. Which two axes disappear completely, and which two stay?
# 2. y[n, c] = 1/(H W) Σ x[n, c, h, w] over all h and w; x (N, C, H, W), y (N, C)
# 3. The mean over rows and columns of every channel, without axes of length one. Store the shape of x in every call.
#
# ### backward
# 1. How many pixels share one number of dy, and what shape do you return?
# 2. dx[n, c, h, w] = dy[n, c] / (H W); dy (N, C), dx (N, C, H, W)
# 3. Divide dy by the number of pixels; add two axes of length one at its end, and broadcast it to the shape that
#    forward stored, in the dtype of dy.

# %%
check(GlobalAveragePool)

# %% [markdown]
# A digit after both poolings, with windows of 4 × 4: the maximum keeps strokes, the mean blurs them. Beside each, where a
# gradient of ones ends up: with the maximum at one pixel of each window (the first one, where all are black), with the
# mean in equal parts everywhere.

# %%
with when_written():
    digit = mnist().x_test[1][None, None]
    figure, axes = plt.subplots(1, 5, figsize=(12, 2.8), layout="constrained")
    shown = {"the digit": digit}
    for layer in (MaxPool2d(4), AvgPool2d(4)):
        y = layer.forward(digit)
        shown |= {type(layer).__name__: y, f"gradient of {type(layer).__name__}": layer.backward(np.ones_like(y))}
    for (name, image), ax in zip(shown.items(), axes, strict=True):
        ax.imshow(image[0, 0], cmap="gray", vmin=0, vmax=0.1 if name == "gradient of AvgPool2d" else 1)
        ax.set_title(name, fontsize="medium")
        ax.axis("off")
    plt.show()

# %% [markdown]
# ## 6.7 ConvTranspose2d
#
# From a small map to a large image, as generators and segmentation networks need it. Each number of the input adds a
# copy of the kernel, multiplied by that number, to the output; the copies of neighbours are `stride` pixels apart, and
# where they overlap they add up:
#
# $$ y_{n o,\; s h + i - p,\; s w + j - p} \mathrel{+}= x_{n c h w}\; W_{c o i j} $$
#
# ```
#   x = 1  2        W =  1  0       stride 2:   1  0 │ 2  0       stride 1:   1  0+2   0
#                       -1  2                  -1  2 │-2  4                  -1  2-2   4
# ```
#
# That is how `Conv2d.backward` computed $dx$ from $dy$. So it is the *adjoint* of a convolution (hence "transposed"; it
# does not undo a convolution), and you already have everything you need. With $x$ as $(C, P)$, $P = H W$, and $W$ as a
# matrix $(C,\; O k_h k_w)$,
#
# $$ y = \mathrm{col2im}(W^\top x) + b $$
#
# **The backward pass, derived.** Go through the steps in reverse, and replace each by its adjoint. The adjoint of
# `col2im` is `im2col`: let $v = \mathrm{im2col}(dy)$, of shape $(O k_h k_w,\; P)$. The product $W^\top x$ is a `Linear`
# map again:
#
# $$ dx_n = W v_n, \qquad dW = \sum_n x_n v_n^\top, \qquad db_o = \sum_{n, h, w} dy_{nohw} $$
#
# > **Find the mistake.** One of the articles behind this course says that a transposed convolution turns a map that was
# > made smaller back into the original size "and so restores the image", and that it can rotate and flip images. Try it:
# > take the image and the kernel of 6.3 without the bias, $y = \begin{pmatrix} 3 & 7 \\ -2 & 3 \end{pmatrix}$, and apply
# > the transposed convolution with the same kernel:
# >
# > $$ x = \begin{pmatrix} 1 & 2 & 0 \\ 0 & 1 & 3 \\ 2 & 0 & 1 \end{pmatrix}, \qquad
# >    \mathrm{col2im}(W^\top y) = \begin{pmatrix} 3 & 7 & 0 \\ -5 & 2 & 14 \\ 2 & -7 & 6 \end{pmatrix} $$
# >
# > The *shape* is back, the image is not: nine pixels cannot be recovered from four numbers. It is the transpose of a
# > linear map, not its inverse. And it neither rotates nor flips: every number of the small map has an effect on the
# > pixels around its own place only.
#
# **The size.** $H' = (H - 1)\,s - 2p + k_h + q$. With stride $s$, a convolution maps $s$ different input sizes to the
# same output size, so the transposed convolution needs to know which one: `output_padding` $q < s$ adds rows at the
# bottom and columns on the right. (They contain the bias and whatever kernels reach there.)


# %%
class ConvTranspose2d(Layer):
    """The adjoint of a convolution: every number of x adds a multiple of the kernel to y

    Shapes
        x (N, in_channels, H, W) y (N, out_channels, H', W'); H' = (H − 1) stride − 2 padding + kh + output_padding W
        (in_channels, out_channels, kh, kw) b (out_channels,)
    kernel_size: a number or (kh, kw).      stride: a number or (down, right).
    padding: a number.      output_padding: a number less than the stride.

    Source: Zeiler, Krishnan, Taylor & Fergus, Deconvolutional Networks (2010); Dumoulin & Visin, A guide to convolution
    arithmetic for deep learning (2016), section 4.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, *, rng):
        kh, kw = both(kernel_size)
        self.W = Parameter(rng.normal(0, (2 / (in_channels * kh * kw)) ** 0.5, (in_channels, out_channels, kh, kw)))
        self.b = Parameter(zeros(out_channels))
        self.window = {"kernel_size": (kh, kw), "stride": stride, "padding": padding}
        self.output_padding = output_padding

    def forward(self, x):
        ### BEGIN SOLUTION
        self.x = x
        (down, right), p, (kh, kw) = both(self.window["stride"]), self.window["padding"], self.window["kernel_size"]
        batch, channels, height, width = x.shape
        out = (
            (height - 1) * down - 2 * p + kh + self.output_padding,
            (width - 1) * right - 2 * p + kw + self.output_padding,
        )
        W = self.W.data.reshape(channels, -1)
        columns = W.T @ x.reshape(batch, channels, -1)
        return col2im(columns, (batch, self.W.shape[1], *out), **self.window) + self.b.data[:, None, None]
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        x = self.x.reshape(*self.x.shape[:2], -1)
        columns = im2col(dy, **self.window)
        self.W.grad += (x @ columns.transpose(0, 2, 1)).sum(axis=0).reshape(self.W.shape)
        self.b.grad += dy.sum(axis=(0, 2, 3))
        return (self.W.data.reshape(x.shape[1], -1) @ columns).reshape(self.x.shape)
        ### END SOLUTION


# %% [markdown] hints="ConvTranspose2d"
# ### forward
# 1. Conv2d's backward computes dx from dy by a matrix product and col2im. Which array plays the role of dy here, and
#    which size do you have to compute?
# 2. H′ = (H − 1) s − 2 p + kh + q, q = output_padding; W′ = (W − 1) s − 2 p + kw + q; y = col2im(Wᵀ x) + b for every
#    image, x as (C, P), P = H W; (O kh kw, C) (C, P) → (O kh kw, P) → (O, H′, W′)
# 3. Height and width of the output. The weights as a matrix with one row per input channel; x with its places on one
#    axis. Transposed weights times x are the columns, which col2im adds into an output of that size. Add the bias at
#    the very end, once for each place.
#
# ### backward
# 1. What is the adjoint of each step of forward, and which function has the adjoint col2im?
# 2. vₙ = im2col(dyₙ), (O kh kw, P), P = H W; dxₙ = W vₙ, (C, O kh kw) (O kh kw, P) → (C, P); dW = Σₙ xₙ vₙᵀ, (C, P)
#    (P, O kh kw) → (C, O kh kw); dbₒ = Σ dy over images, rows and columns, (O,)
# 3. The columns of dy, with the window that forward passed to col2im. The weights as a matrix times these columns are
#    dx. The images, with places on one axis, times the transposed columns, summed over the batch, are dW in another
#    shape. Add it and the sum for the bias to the gradients.

# %%
check(ConvTranspose2d)

# %% [markdown]
# With a kernel of 3 and a stride of 2 the copies overlap in every second pixel only, so some pixels receive four
# contributions and their neighbours one. This checkerboard pattern is known from generated images. A kernel size that
# is a multiple of the stride avoids it:

# %%
with when_written():
    figure, axes = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
    for kernel_size, ax in zip((3, 4), axes, strict=True):
        layer = ConvTranspose2d(1, 1, kernel_size, stride=2, rng=np.random.default_rng(0))
        layer.W.data[...] = 1
        plotting.images(layer.forward(np.ones((1, 1, 8, 8)))[:, 0], ax=ax)
        ax.set_title(f"all ones, kernel {kernel_size}, stride 2")
    plt.show()

# %% [markdown]
# ## 6.8 LocallyConnected2d
#
# A window as in a convolution, but *separate weights at every place*: the weights that suit the eyes of an aligned
# portrait may not suit its chin. With columns $u_{nkp}$ and weights $W_{pok}$ for the place $p$,
#
# $$ y_{nop} = b_{op} + \sum_k W_{pok}\, u_{nkp} $$
#
# **The backward pass, derived.** As for `Conv2d`, but no weight is used at two places, so nothing is summed over places:
#
# $$ dW_{pok} = \sum_n dy_{nop}\, u_{nkp}, \qquad db_{op} = \sum_n dy_{nop}, \qquad du_{nkp} = \sum_o W_{pok}\, dy_{nop}, \qquad
#    dx = \mathrm{col2im}(du) $$
#
# All three are stacks of matrix products, one for each place: move the places to the front, $(P, \cdot\,, \cdot)$, and
# use `@`.
#
# *By hand:* one channel, $x = (1 \;\; 2 \;\; 3)$, kernel 1 × 2, two places with weights $(1 \;\; 0)$ and $(0 \;\; {-1})$, biases 0:
# $y = (1 \;\; {-3})$. For $dy = (1 \;\; 10)$: $dW = (1 \;\; 2)$ and $(20 \;\; 30)$, $dx = (1 \;\; 0 \;\; {-10})$.


# %%
class LocallyConnected2d(Layer):
    """A convolution with separate weights at every place

    Shapes
        x  (N, in_channels, H, W)      y  (N, out_channels, H', W')
        W  (H', W', out_channels, in_channels, kh, kw)      b  (out_channels, H', W')
    size: of the images, a number or (H, W).
    kernel_size: a number or (kh, kw).      stride: a number or (down, right).

    Source: Gregor & LeCun, Emergence of Complex-Like Cells in a Temporal Product Network with Local Receptive Fields
    (2010); Taigman, Yang, Ranzato & Wolf, DeepFace (2014), section 3.
    """

    def __init__(self, in_channels, out_channels, size, kernel_size, stride=1, *, rng):
        kh, kw = both(kernel_size)
        out = output_size(both(size), kernel_size, stride)
        scale = (2 / (in_channels * kh * kw)) ** 0.5
        self.W = Parameter(rng.normal(0, scale, (*out, out_channels, in_channels, kh, kw)))
        self.b = Parameter(zeros((out_channels, *out)))
        self.window = {"kernel_size": (kh, kw), "stride": stride}

    def forward(self, x):
        ### BEGIN SOLUTION
        self.shape = x.shape
        height, width, out_channels = self.W.shape[:3]
        self.columns = im2col(x, **self.window).transpose(2, 1, 0)  # (places, K, N)
        W = self.W.data.reshape(height * width, out_channels, -1)
        y = (W @ self.columns).transpose(2, 1, 0)  # (N, out_channels, places)
        return y.reshape(len(x), out_channels, height, width) + self.b.data
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        height, width, out_channels = self.W.shape[:3]
        W = self.W.data.reshape(height * width, out_channels, -1)
        self.b.grad += dy.sum(axis=0)
        dy = dy.reshape(len(dy), out_channels, -1).transpose(2, 1, 0)  # (places, out_channels, N)
        self.W.grad += (dy @ self.columns.transpose(0, 2, 1)).reshape(self.W.shape)
        dcolumns = W.transpose(0, 2, 1) @ dy
        return col2im(dcolumns.transpose(2, 1, 0), self.shape, **self.window)
        ### END SOLUTION


# %% [markdown] hints="LocallyConnected2d"
# ### forward
# 1. A convolution uses one matrix at all places; here every place has its own. Which axis must come first, so that a
#    stack of matrix products computes it?
# 2. u = im2col(x), (N, K, P), K = C kh kw, P = H′ W′; yₙₒₚ = bₒₚ + Σₖ Wₚₒₖ uₙₖₚ; as a stack of P products: (P, O, K)
#    (P, K, N) → (P, O, N); x (N, C, H, W), y (N, O, H′, W′)
# 3. Columns with the places first and the batch last; store them, and the shape of x. The weights with one axis of
#    places instead of two. One stacked product; its axes in the order batch, channel, place; the places as rows and
#    columns; add the bias of every number.
#
# ### backward
# 1. No weight is used at two places. Over which axis do you still sum, and over which no longer?
# 2. dWₚₒₖ = Σₙ dyₙₒₚ uₙₖₚ, stacks (P, O, N) (P, N, K) → (P, O, K); dbₒₚ = Σₙ dyₙₒₚ, (O, H′, W′); duₙₖₚ = Σₒ Wₚₒₖ
#    dyₙₒₚ, stacks (P, K, O) (P, O, N) → (P, K, N); dx = col2im(du), du as (N, K, P)
# 3. The bias first, while dy still has its shape: a sum over the batch. Bring the places of dy to the front, as in
#    forward. One stacked product with the stored columns for the weights, one with the weights for the columns; restore
#    the axis order of the latter and pass it to col2im. Add to the gradients.

# %%
check(LocallyConnected2d)

# %% [markdown]
# ## 6.9 ResidualBlock
#
# Deeper networks should be better, but a plain stack of twenty convolutions trains *worse* than one of six, even on its
# own training data: the signal and the gradient have to pass through all of them. The residual block gives both a
# shortcut. Its convolutions only learn what to *add* to the input:
#
# ```
#              ┌──────────── x, or projection(x) ────────────┐
#              │                                             ↓
#     x  ──────┴──→ conv1 3×3 ──→ ReLU ──→ conv2 3×3 ──────→ + ──→ ReLU ──→ y
#                  (stride s)
# ```
#
# $$ y = \max\bigl(0,\; F(x) + S(x)\bigr), \qquad F(x) = \mathrm{conv2}(\max(0, \mathrm{conv1}(x))) $$
#
# $S(x) = x$ where the shapes are equal. Where the number of channels or the size changes, $x$ cannot be added directly:
# then $S$ is a 1 × 1 convolution with the block's stride, the *projection*. (The original has batch normalization after
# each convolution; it is omitted here.)
#
# **The backward pass, derived.** Let $dh$ be the gradient at the input of the last ReLU. A sum passes its gradient to
# both of its terms, and $x$ was used twice, so its two gradients add up:
#
# $$ dx = F'(x)^\top dh + S'(x)^\top dh \qquad\text{and without projection}\qquad dx = F'(x)^\top dh + dh $$
#
# The last term is the purpose of the block: whatever the convolutions do to the gradient, $dh$ itself is passed on.
# Twenty blocks multiply by $F' + 1$ twenty times, not by $F'$.
#
# *By hand:* one pixel, one channel, all weights 0 except the middle ones, 2 in conv1 and −0.25 in conv2; $x = 3$. Then
# $\mathrm{conv1} = 6$, $F = -1.5$, $y = 3 - 1.5 = 1.5$. With $dy = 1$: $dh = 1$; the path through the convolutions
# gives $1 \cdot (-0.25) \cdot 2 = -0.5$, the shortcut gives 1, together $dx = 0.5$.


# %%
ReLU, Linear = earlier("layers.ReLU"), earlier("layers.Linear")
Flatten, Sequential = earlier("layers.Flatten"), earlier("layers.Sequential")
SoftmaxCrossEntropy = earlier("losses.SoftmaxCrossEntropy")


# %%
class ResidualBlock(Layer):
    """Two 3 × 3 convolutions with a shortcut:  y = max(0, conv2(max(0, conv1(x))) + shortcut(x))

    Shapes
        x  (N, in_channels, H, W)      y  (N, out_channels, H', W'), the same H and W at stride 1
    projection: None, or a 1 × 1 Conv2d with the stride, where the number of channels or the size changes.

    Source: He, Zhang, Ren & Sun, Deep Residual Learning for Image Recognition (2016), section 3.2, option B; without
    batch normalization.
    """

    def __init__(self, in_channels, out_channels, stride=1, *, rng):
        self.conv1 = Conv2d(in_channels, out_channels, 3, stride, padding=1, rng=rng)
        self.conv2 = Conv2d(out_channels, out_channels, 3, padding=1, rng=rng)
        self.relu1, self.relu2 = ReLU(), ReLU()
        changes = stride != 1 or in_channels != out_channels
        self.projection = Conv2d(in_channels, out_channels, 1, stride, rng=rng) if changes else None

    def forward(self, x):
        ### BEGIN SOLUTION
        h = self.relu1.forward(self.conv1.forward(x))
        h = self.conv2.forward(h)
        shortcut = self.projection.forward(x) if self.projection else x
        return self.relu2.forward(h + shortcut)
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        dh = self.relu2.backward(dy)
        dx = self.relu1.backward(self.conv2.backward(dh))
        dx = self.conv1.backward(dx)
        dshortcut = self.projection.backward(dh) if self.projection else dh
        return dx + dshortcut
        ### END SOLUTION


# %% [markdown] hints="ResidualBlock"
# ### forward
# 1. Is the shortcut added before the last ReLU or after it? And when can x not be added directly?
# 2. F(x) = conv2(max(0, conv1(x))); S(x) = x, or projection(x) where there is one; y = max(0, F(x) + S(x)); x (N, C,
#    H, W), F, S and y (N, O, H′, W′)
# 3. conv1, the first ReLU, conv2, and no ReLU after it yet. Then the shortcut, which is x or its projection. Their sum
#    goes through the second ReLU.
#
# ### backward
# 1. x was used twice. At which point do the two backward paths split, and what happens where they meet again?
# 2. dh = dy · [F(x) + S(x) > 0]; dx = F′(x)ᵀ dh + S′(x)ᵀ dh, where the last term is dh itself without a projection; dh
#    (N, O, H′, W′), dx (N, C, H, W)
# 3. Call backward of the last ReLU. From there one path goes through the backward of conv2, the first ReLU and conv1,
#    in this order; the other goes through the backward of the projection, or is dh itself. Add the two results.

# %%
check(ResidualBlock)

# %% [markdown]
# ## 6.10 InceptionBlock (bonus)
#
# How large should a kernel be? A stroke is seen in 3 × 3 pixels, a loop needs 5 × 5, and sometimes the mean of the
# neighbourhood says most. The Inception block does not choose: it computes all of them side by side, and puts the
# channels of the four branches one behind the other.
#
# ```
#              ┌─→ one    1×1 ──────────────────────────────→ ReLU ──→ y[:, 0 : a]
#              │
#     x  ──────┼─→ narrow3 1×1 → ReLU → three 3×3 (padding 1) → ReLU ──→ y[:, a : a+b]
#  (N,C,H,W)   │
#              ├─→ narrow5 1×1 → ReLU → five  5×5 (padding 2) → ReLU ──→ y[:, a+b : a+b+c]
#              │
#              └─→ pool 3×3, stride 1, padding 1 → after 1×1 ──→ ReLU ──→ y[:, a+b+c : a+b+c+d]
# ```
#
# All four keep height and width, so that they can be concatenated: $y = [\,y_1 \mid y_3 \mid y_5 \mid y_p\,]$ along the
# axis of channels. The trick is in the 1 × 1 convolutions in front of the wide kernels. A 5 × 5 convolution from 192 to
# 32 channels has $25 \cdot 192 \cdot 32 = 153{,}600$ weights. If a 1 × 1 convolution first narrows 192 channels to 16,
# both together have $192 \cdot 16 + 25 \cdot 16 \cdot 32 = 15{,}872$: a tenth.
#
# **The backward pass.** Concatenation copies nothing together: each branch receives its own channels of $dy$. And $x$ was
# used four times, so its four gradients add up:
#
# $$ dx = f_1^\top dy_1 + f_3^\top dy_3 + f_5^\top dy_5 + f_p^\top dy_p $$
#
# where $f^\top$ stands for the `backward` of a whole branch. Where a branch begins and ends follows from the numbers of
# output channels, `len(self.one.W.data)` and so on, or from the outputs that forward computed.
#
# *By hand:* one pixel, one channel, all biases 0, every branch with one output channel: weights 2 in `one`, 1 and 3 in
# the 3 × 3 branch (its middle cell), $-1$ and 5 in the 5 × 5 branch, 4 after the pool; $x = 1$. Then
# $y = (2,\; 3,\; 0,\; 4)$: the third branch has a negative number at its first ReLU. For $dy = (1, 1, 1, 1)$:
# $dx = 2 + 3 \cdot 1 + 0 + 4 = 9$.


# %%
class InceptionBlock(Layer):
    """Four branches side by side, their channels one behind the other:  y = [1×1 | 1×1, 3×3 | 1×1, 5×5 | pool, 1×1]

    Shapes
        x  (N, in_channels, H, W)      y  (N, one + three + five + pooled, H, W), the branches in this order
    one, three, five, pooled: output channels of the branches; narrow3, narrow5: channels between the two convolutions of
    the second and third branch. Every convolution is followed by a ReLU; the pooling is a MaxPool2d of 3 × 3 with stride 1
    and padding 1.
    The convolutions are self.one, self.narrow3, self.three, self.narrow5, self.five and self.after (the one after the
    pooling, self.pool); self.relus has a ReLU for each of them, in this order.

    Source: Szegedy et al., Going Deeper with Convolutions (2015), section 4 and figure 2(b).
    """

    def __init__(self, in_channels, one, narrow3, three, narrow5, five, pooled, *, rng):
        self.one = Conv2d(in_channels, one, 1, rng=rng)
        self.narrow3, self.three = (
            Conv2d(in_channels, narrow3, 1, rng=rng),
            Conv2d(narrow3, three, 3, padding=1, rng=rng),
        )
        self.narrow5, self.five = Conv2d(in_channels, narrow5, 1, rng=rng), Conv2d(narrow5, five, 5, padding=2, rng=rng)
        self.pool, self.after = MaxPool2d(3, 1, 1), Conv2d(in_channels, pooled, 1, rng=rng)
        self.relus = [ReLU() for _ in range(6)]

    def forward(self, x):
        ### BEGIN SOLUTION
        one, narrow3, three, narrow5, five, after = self.relus
        y1 = one.forward(self.one.forward(x))
        y3 = narrow3.forward(self.narrow3.forward(x))
        y3 = three.forward(self.three.forward(y3))
        y5 = narrow5.forward(self.narrow5.forward(x))
        y5 = five.forward(self.five.forward(y5))
        pooled = after.forward(self.after.forward(self.pool.forward(x)))
        return array_module(x).concatenate([y1, y3, y5, pooled], axis=1)
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        one, narrow3, three, narrow5, five, after = self.relus
        a = len(self.one.W.data)
        b = a + len(self.three.W.data)
        c = b + len(self.five.W.data)
        dx1 = self.one.backward(one.backward(dy[:, :a]))
        dx3 = self.three.backward(three.backward(dy[:, a:b]))
        dx3 = self.narrow3.backward(narrow3.backward(dx3))
        dx5 = self.five.backward(five.backward(dy[:, b:c]))
        dx5 = self.narrow5.backward(narrow5.backward(dx5))
        dpooled = self.pool.backward(self.after.backward(after.backward(dy[:, c:])))
        return dx1 + dx3 + dx5 + dpooled
        ### END SOLUTION


# %% [markdown] hints="InceptionBlock"
# ### forward
# 1. Which of the four branches has its pooling before the convolution? And behind how many of the six convolutions is
#    there a ReLU?
# 2. y₁ = max(0, one(x)); y₃ = max(0, three(max(0, narrow3(x)))); y₅ = max(0, five(max(0, narrow5(x)))); yₚ = max(0,
#    after(pool(x))); y = [y₁ | y₃ | y₅ | yₚ] along the channels; x (N, C, H, W), y (N, a + b + c + d, H, W)
# 3. Run the four branches on the same x, one after the other, each layer with the ReLU that belongs to it; then join their
#    outputs along the axis of channels.
#
# ### backward
# 1. Which channels of dy belong to which branch? And what becomes of four gradients of the same x?
# 2. dy = [dy₁ | dy₃ | dy₅ | dyₚ], cut where y was joined; dx = the sum of the four branches' gradients; dy (N, a + b + c
#    + d, H, W), dx (N, C, H, W)
# 3. Cut dy along the channels. Send each piece back through its own branch, from its last ReLU to its first layer; in
#    the last branch the pooling comes at the end. Add the four results.

# %%
check(InceptionBlock)

# %% [markdown]
# What do the branches see? Here an untrained block reads a digit: four maps of each branch, 1 × 1 to 5 × 5 from left to
# right, then those behind the pooling. The larger the kernel, the more pixels are mixed; behind the pooling the strokes
# are thicker. (A map is black where its weights happen to be negative: the ReLU is closed everywhere.)

# %%
with when_written():
    digit = mnist().x_test[1][None, None]
    block = InceptionBlock(1, 4, 8, 4, 8, 4, 4, rng=np.random.default_rng(205))
    maps = block.forward(digit)[0]
    figure, axes = plt.subplots(1, 5, figsize=(12, 2.8), layout="constrained")
    plotting.images(digit[:, 0], ax=axes[0])
    axes[0].set_title("the digit")
    for n, (name, ax) in enumerate(zip(("1 × 1", "3 × 3", "5 × 5", "pooling, 1 × 1"), axes[1:], strict=True)):
        plotting.images(maps[4 * n : 4 * n + 4], columns=2, ax=ax)
        ax.set_title(name)
    plt.show()

# %% [markdown]
# ## Capstone: a network that reads
#
# The network of the source article, half as wide, built from your own layers: a convolution with 16 kernels, pooling,
# one with 32, pooling, a hidden layer of 64, dropout, ten scores; trained with Adam. (The article's 32, 64 and 128 take
# two and a half times as long and classify another half percent correctly.) Two pieces are given. `Adam` is the optimizer
# of assignment 04; `Dropout` (assignment 05) switches off half of the hidden units at random while training, so that
# none can rely on another. If you have written them already, you know how they work.


# %%
class Adam(Optimizer):
    """Steps of size ``lr``, in the direction of the mean gradient over the root of the mean square; given

    Source: Kingma & Ba, Adam: A Method for Stochastic Optimization (2015), algorithm 1.
    """

    def __init__(self, parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(parameters, lr)
        self.betas, self.eps, self.t = betas, eps, 0
        self.state = [(0 * p.data, 0 * p.data) for p in self.parameters]

    def step(self):
        self.t += 1
        beta1, beta2 = self.betas
        for p, (mean, square) in zip(self.parameters, self.state, strict=True):
            mean[...] += (1 - beta1) * (p.grad - mean)
            square[...] += (1 - beta2) * (p.grad * p.grad - square)
            p.data -= self.lr / (1 - beta1**self.t) * mean / ((square / (1 - beta2**self.t)) ** 0.5 + self.eps)


class Dropout(Layer):
    """In training a share p of the numbers becomes 0, and the others are divided by 1 − p; given

    Source: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, Dropout (2014).
    """

    def __init__(self, p=0.5, *, rng):
        self.p, self.rng = p, rng

    def forward(self, x):
        if not self.training:
            return x
        kept = asarray(self.rng.random(x.shape, dtype="float32") >= self.p)
        self.factor = kept.astype(x.dtype) / (1 - self.p)
        return x * self.factor

    def backward(self, dy):
        return dy * self.factor if self.training else dy


# %% [markdown]
# Write `train_cnn`: build the network, train it on `x`, `y`, return it. The data are 10,000 images of MNIST; at least
# 96.5 % of 2,000 *unseen* images must be classified correctly, from one of up to three seeds, in at most 120 seconds
# of CPU time each (a small part of that is enough). Four remarks:
#
# - The images are float32. Parameters are float64 until `model.astype("float32")`, and take twice the time and memory.
# - Use `fit` from `dlkit.training` or a loop of your own. About six epochs in batches of about 50 are enough. A
#   learning rate that falls to zero towards the end gains the last half percent.
# - Ten thousand images are not many. But a digit moved by a pixel is the same digit: `np.roll` shifts a whole batch by
#   one pixel, in a different direction each time, and makes nine images of each. (The border is almost empty, so nothing
#   visible comes in on the other side.)
# - For every seed the images are changed, all in the same way: rotated by any angle, perhaps mirrored, bent a little, and
#   each pixel mixed with its neighbours; the class numbers are permuted. So only your training counts, not weights stored
#   from an earlier run.


# %%
def train_cnn(x, y, *, rng):
    """Train a convolutional network to recognize ten digits; return it

    Shapes
        x  (batch, 1, 28, 28) float32, mostly from −1 to 2      y  (batch,), integers from 0 to 9
    rng: a numpy.random.Generator for the initial weights, for dropout and for shuffling.
    """
    ### BEGIN SOLUTION
    body = [Conv2d(1, 16, 3, rng=rng), ReLU(), MaxPool2d(2), Conv2d(16, 32, 3, rng=rng), ReLU(), MaxPool2d(2)]
    head = [Flatten(), Linear(32 * 5 * 5, 64, rng=rng), ReLU(), Dropout(0.25, rng=rng), Linear(64, 10, rng=rng)]
    model, loss = Sequential(body + head), SoftmaxCrossEntropy()
    model.astype("float32")
    optimizer, epochs, size = Adam(model.parameters()), 6, 50
    step, steps = 0, epochs * -(-len(x) // size)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), size):
            rows = order[start : start + size]
            moved = np.roll(x[rows], tuple(rng.integers(-1, 2, size=2)), axis=(2, 3))
            loss.forward(model.forward(moved), y[rows])
            model.zero_grad()
            model.backward(loss.backward())
            optimizer.lr = 0.003 * (1 - step / steps)
            optimizer.step()
            step += 1
    return model
    ### END SOLUTION


# %% [markdown] hints="train_cnn"
# ### train_cnn
# 1. What is missing for the last percent: images shifted by a pixel, a learning rate that falls to zero, or one more
#    epoch? And are the weights float32?
# 2. Conv2d 3, pooling 2: (N, 1, 28, 28) → (N, 16, 26, 26) → (N, 16, 13, 13); Conv2d 3, pooling 2: → (N, 32, 11, 11) →
#    (N, 32, 5, 5); Linear: (N, 800) → (N, 64) → (N, 10); η(t) = η₀ (1 − t / T), T the number of all steps, η₀ =
#    0.003
# 3. A ReLU after both convolutions and after the hidden layer, dropout before the scores; convert the whole network to
#    float32 before you pass its parameters to the optimizer. About six epochs in batches of about 50; shift each batch
#    by at most one pixel; forward, loss, clear the gradients, backward, set the rate of this step, step.

# %%
check(train_cnn)

# %% [markdown]
# What has it learned? First the 16 kernels of the first layer: orange is positive, violet negative. Many are edges of
# one direction, like those designed by hand above, without being told to. Then the maps that some of them compute from
# a digit, after the first and after the second pooling.


# %%
@cache
def trained():
    """Your network, trained once for all plots, and its scores for the unseen digits"""
    model = train_cnn(x_train, data.y_train, rng=np.random.default_rng(0))
    model.eval()
    return model, predict(model, x_test)


with when_written():
    data = mnist()
    x_train, x_test = data.x_train[:, None], data.x_test[:, None]
    model, scores = trained()
    print(f"{100 * accuracy(scores, data.y_test):.2f} % of the unseen digits are classified correctly")
    plotting.filters(model.layers[0].W.data, columns=8)
    plt.show()

# %%
with when_written():
    model, _ = trained()
    figure, axes = plt.subplots(3, 3, figsize=(11, 8), layout="constrained")
    for row, number in zip(axes, (1, 4, 7), strict=True):
        h = x_test[number : number + 1]
        plotting.images(h[:, 0], ax=row[0])
        row[0].set_title("the digit")
        for n, layer in enumerate(model.layers[:6]):
            h = layer.forward(h)
            if n == 2:
                plotting.images(h[0], columns=8, ax=row[1])
                row[1].set_title("16 maps of 13 × 13")
        plotting.images(h[0], columns=8, ax=row[2])
        row[2].set_title("32 maps of 5 × 5")
    plt.show()

# %% [markdown]
# And the digits that it gets wrong. Would you have recognized them?

# %%
with when_written():
    _, scores = trained()
    wrong = np.flatnonzero(scores.argmax(axis=1) != data.y_test)[:16]
    figure, axes = plt.subplots(2, 8, figsize=(12, 3.6), layout="constrained")
    for ax in axes.flat:
        ax.axis("off")
    for ax, number in zip(axes.flat, wrong, strict=False):
        plotting.images(x_test[number], ax=ax)
        ax.set_title(f"{scores[number].argmax()}, but is {data.y_test[number]}", fontsize="small")
    plt.show()

# %% [markdown]
# ## The effect of the shortcut
#
# Two networks of equal depth, 32 convolutions between the first and the last layer, on 2,000 digits: one of
# `ResidualBlock`s, one of the same blocks without the shortcut. In the residual network the weights of the second
# convolution of each block are initially multiplied by 0.1, so that each block begins as little more than its shortcut.
# The plain network keeps the variance that He recommends: with a tenth of the weights no signal would pass through
# sixteen blocks.


# %%
class PlainBlock(Layer):
    """ResidualBlock without the shortcut:  y = max(0, conv2(max(0, conv1(x))))

    Shapes
        x  (N, channels, H, W)      y  the same
    """

    def __init__(self, channels, *, rng):
        first, second = (Conv2d(channels, channels, 3, padding=1, rng=rng) for _ in range(2))
        self.body = Sequential([first, ReLU(), second, ReLU()])

    def forward(self, x):
        return self.body.forward(x)

    def backward(self, dy):
        return self.body.backward(dy)


def deep_network(blocks, *, rng):
    """A stem that halves the image twice, the blocks (of 8 channels), and ten scores"""
    stem = [Conv2d(1, 8, 3, stride=2, padding=1, rng=rng), ReLU(), MaxPool2d(2)]
    return Sequential([*stem, *blocks, Flatten(), Linear(8 * 7 * 7, 10, rng=rng)])


# %%
with when_written():
    histories = {}
    for name in ("residual", "plain"):
        rng = np.random.default_rng(1)
        if name == "residual":
            blocks = [ResidualBlock(8, 8, rng=rng) for _ in range(16)]
            for block in blocks:
                block.conv2.W.data *= 0.1
        else:
            blocks = [PlainBlock(8, rng=rng) for _ in range(16)]
        network = deep_network(blocks, rng=rng)
        network.astype("float32")
        histories[name] = fit(
            network,
            SoftmaxCrossEntropy(),
            Adam(network.parameters(), 0.002),
            x_train[:2000],
            data.y_train[:2000],
            epochs=8,
            batch_size=50,
            rng=rng,
            validation=(x_test[:1000], data.y_test[:1000]),
            metric=accuracy,
        )
    ax = plt.subplots(figsize=(8, 4.5), layout="constrained")[1]
    plotting.curves(histories, ax=ax)
    plt.show()

# %% [markdown]
# **Question 2.** *(3 points)* (a) Compare the *training* losses of the two networks. Can overfitting be the reason why
# the plain one is worse? (b) Without shortcuts the gradient of an early layer is a product of 32 Jacobian matrices,
# with them a product of sixteen factors $F' + 1$. Expand that product for three blocks; how many paths does the
# gradient have through them, and which of these does not depend on any weight? (c) Why does the residual network train
# when the second convolutions begin at a tenth of their size, while a plain one would not?

# %% [markdown] question="short_cuts"
# ### BEGIN SOLUTION
# (a) No. A network that overfits has a *small* training loss and a large validation loss. Here the plain network is
# worse on its own training data, so the problem is training itself: signal and gradient do not pass through. (A
# residual block can represent everything that a plain one can, and the plain one could in principle copy its input;
# training just does not find that solution.)
#
# (b) $(F_3' + 1)(F_2' + 1)(F_1' + 1) = F_3'F_2'F_1' + F_3'F_2' + F_3'F_1' + F_2'F_1' + F_3' + F_2' + F_1' + 1$: eight
# paths, $2^3$, one for each choice of blocks that the gradient passes through. The last, 1, bypasses all blocks and
# depends on no weight (only on the ReLUs after the sums). The plain network has only the first path, and where every
# factor shrinks a little, the product of sixteen vanishes.
#
# (c) With $F$ small, each block is nearly the identity: $F' + 1 \approx 1$, so that signal and gradient pass through
# unchanged at the start at any depth, and the blocks then learn what to add. The second convolution receives a full
# gradient from the start, because its gradient depends on dh and on its input, not on its own size. In a plain network
# a tenth for each of sixteen blocks leaves $10^{-16}$ of signal and gradient.
#
# Mark scheme: 1 point for the training loss as evidence against overfitting; 1 for the eight paths and the 1 among
# them; 1 for the block near the identity compared with the product of small factors.
# ### END SOLUTION
