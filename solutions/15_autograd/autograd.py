# %% [markdown]
# # 15 · Automatic differentiation and a small GPT
#
# For fourteen assignments you have derived backward passes by hand, and checked every one of them. None of them was
# different in kind: the chain rule, applied from the end to the beginning. So a program can do it. In this assignment
# you write that program, an engine of automatic differentiation on arrays, as PyTorch and JAX have one; and then you
# use it for a network of which nobody derives anything any more: a small GPT that learns how words are spelled, and
# makes up new ones.
#
# | | |
# |---|---|
# | Time | about 10 hours; every operation is a piece of its own |
# | You will be able to | say what a graph of operations is and why gradients flow through it in reverse order; write an operation's gradient once and never again; undo broadcasting; say what `no_grad`, `detach` and `zero_grad` do in any framework; build and train a GPT from operations |
# | Builds on | `Linear`, `ReLU` (02), `SoftmaxCrossEntropy` (03), `Adam` (04), `Embedding` (08), `MultiHeadAttention`, `RMSNorm`, `sample` (09): beside which your engine has to give the same numbers |
# | Next | nothing: you can now write every part of a framework yourself |
#
# | here | in PyTorch | in JAX |
# |---|---|---|
# | `Value`, `Node`, `Tensor` | `torch.Tensor` with `requires_grad=True` | an array that is traced |
# | `record` | `torch.autograd.Function` | `jax.custom_vjp` |
# | `backward(dy)`, `grad`, `zero_grad` | `y.backward(dy)`, `x.grad`, `x.grad = None` | the function that `jax.vjp` returns |
# | `no_grad()`, `detach` | `torch.no_grad()`, `x.detach()` | `jax.lax.stop_gradient` |
# | `unbroadcast`, `spread` | `Tensor.sum_to_size`, `Tensor.expand` | `jnp.sum`, `jnp.broadcast_to` |
# | `maximum` (ties share) | `torch.maximum` | `jnp.maximum` |
# | `getitem` | `x[index]` (`index_put_` with `accumulate=True` backward) | `x[index]` (`.at[index].add`) |
# | `value_and_grad` | `torch.func.grad_and_value` | `jax.value_and_grad` |
# | `cross_entropy` | `F.cross_entropy(…, ignore_index=-1)` | `optax.softmax_cross_entropy_with_integer_labels` |
# | `rms_norm`, `causal_attention` | `F.rms_norm`, `F.scaled_dot_product_attention(…, is_causal=True)` | `jax.nn.dot_product_attention` |
#
# **Further reading.** [Baydin, Pearlmutter, Radul & Siskind, *Automatic Differentiation in Machine Learning: a
# Survey*](https://www.jmlr.org/papers/v18/17-468.html) (2018). [Karpathy,
# *micrograd*](https://github.com/karpathy/micrograd) (2020), an engine of scalars in 100 lines. [Paszke et al.,
# *Automatic Differentiation in PyTorch*](https://openreview.net/forum?id=BJJsrmfCZ) (2017). [Radford et al., *Language
# Models are Unsupervised Multitask Learners*](https://openai.com/index/better-language-models/) (2019), which calls its
# model GPT-2.
#
# **Exactness.** As in the other assignments: results may differ from the exact ones by 10⁻⁶ of the largest number (in
# float32 by 10⁻³), in random expressions by 10⁻⁵. Code that draws random numbers draws them from `rng`.

# %%
import math
import time
from contextlib import contextmanager
from functools import cache

import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Optimizer, array_module, asarray, scatter_add
from dlkit.course import earlier, when_written
from dlkit.datasets import python_manual, words

# %% [markdown]
# ## 15.1 topological_order
#
# Every computation is a **graph**. Its nodes are numbers (later arrays); arrows lead to each node from the nodes
# that it was computed from, its *parents*. For $z = (x \cdot y) + x$:
#
# ```
#        x ──────┐               parents of p: x, y
#        │       ▼               parents of z: p, x
#        └─► p = x·y ─► z = p + x
#                ▲
#        y ──────┘
# ```
#
# The chain rule says that a node's gradient is a sum over the nodes that use it:
#
# $$ \frac{\partial z}{\partial x} = \sum_{u \text{ uses } x}
#    \frac{\partial z}{\partial u}\,\frac{\partial u}{\partial x} $$
#
# So before $x$ can pass its gradient on to *its* parents, all nodes that use $x$ must have delivered. Backward visits
# the nodes in an order in which every node comes after all nodes that use it: the reverse of a **topological order**,
# in which parents come before what is computed from them. It is worth being careful here: an order that visits $x$
# right after $z$, because $x$ is a parent of $z$, would pass on half a gradient.
#
# A depth-first search gives such an order: visit a node's parents, then append the node. Written as a function that
# calls itself, it needs a level of recursion for every operation on the longest way, and Python stops at 1,000. A
# recurrent network of a few hundred steps has more. So keep the nodes that are still to be visited in a list of your
# own.
#
# *By hand:* start at $z$. Its parents $p$ and $x$ come first; those of $p$ are $x$ and $y$. One order is $x, y, p, z$;
# another is $y, x, p, z$. The order $y, p, x, z$ is none: $x$ is a parent of $p$.


# %%
def topological_order(root):
    """All nodes that a node was computed from, and itself, in an order in which parents come first

    root: a node; every node has an attribute parents, a tuple of nodes, empty for a leaf.  A node may occur in it
    twice.
    Returns a list of nodes in which each node occurs once, after all its parents; so root is the last.  Any such order
    is correct.  Nodes are the same if they are the same object.
    Works for chains of 10,000 nodes and more, and in a time that grows with the number of arrows, not of ways: where
    every node uses the one before twice, 100 nodes have 2¹⁰⁰ ways.

    Source: Kahn, Topological Sorting of Large Networks (1962); by depth-first search: Tarjan (1976).
    """
    ### BEGIN SOLUTION
    order, seen, waiting = [], set(), [(root, False)]
    while waiting:
        node, ready = waiting.pop()
        if ready:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            waiting.append((node, True))
            waiting.extend((parent, False) for parent in node.parents)
    return order
    ### END SOLUTION


# %% [markdown] hints="topological_order"
# ### topological_order
# 1. When may a node be appended: as soon as you meet it, or once all its parents are in the list?
# 2. position(parent) < position(node) for every arrow; every node once; root last
# 3. Keep a list of nodes that wait. A node that you take from its end for the first time goes back to the end, with a
#    mark that says so, and its parents on top of it; when you meet the mark, all of them are done, and the node is
#    appended.

# %%
check(topological_order)

# %% [markdown]
# ## 15.2 Value
#
# First an engine of single numbers. A `Value` remembers what it was computed from and its **slopes**, the local
# derivatives with respect to each parent. For $u = x \cdot y$ these are $\partial u/\partial x = y$ and
# $\partial u/\partial y = x$: plain numbers that are known as soon as $u$ is computed.
#
# | operation | value | slopes |
# |---|---|---|
# | `x.add(y)` | $x + y$ | $1,\ 1$ |
# | `x.mul(y)` | $x\,y$ | $y,\ x$ |
# | `x.power(n)`, $n$ a number | $x^n$ | $n\,x^{n-1}$ |
# | `x.exp()` | $e^x$ | $e^x$ |
# | `x.log()` | $\ln x$ | $1/x$ |
# | `x.tanh()` | $\tanh x$ | $1 - \tanh^2 x$ |
# | `x.relu()` | $\max(0, x)$ | $1$ if $x > 0$, else $0$ |
#
# Then `backward` needs nothing but the order: the last node has the gradient 1; every node, from the last to the first,
# adds its gradient times its slopes to its parents' gradients. *Adds*: in $z = x y + x$ the node $x$ is reached twice,
# and what arrives second must not replace what arrived first.
#
# *By hand:* $z = x y + x$ at $x = 3$, $y = 2$. Forward: $p = 6$, $z = 9$. Backward: $dz = 1$; from $z$ to its parents:
# $dp = 1$, $dx = 1$; from $p$: $dx = 1 + 1 \cdot y = 3$, $dy = 1 \cdot x = 3$. Indeed $\partial z/\partial x = y + 1 =
# 3$.


# %%
class Value:
    """A number that remembers how it was computed

    data: the number.      grad: the gradient of what backward was called on, 0.0 at the start.
    parents: tuple of the Values it was computed from.      slopes: tuple of ∂data/∂parent.data, one number for each.
    add and mul take a Value or a number; a number becomes a Value of its own (see of).  Every operation returns a new
    Value with data, parents in the order of its operands, and slopes; it changes nothing else.
    power takes a number, which is no parent; the slope for the exponent 0 is 0.  The slope of relu at 0 is 0.
    """

    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = data, 0.0
        self.parents, self.slopes = tuple(parents), tuple(slopes)

    def of(self, other):
        """A Value for an operand: the Value itself, or a new one without parents for a number; given"""
        return other if isinstance(other, Value) else Value(other)

    def add(self, other):
        """X + y"""
        ### BEGIN SOLUTION
        other = self.of(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))
        ### END SOLUTION

    def mul(self, other):
        """X · y"""
        ### BEGIN SOLUTION
        other = self.of(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))
        ### END SOLUTION

    def power(self, exponent):
        """xⁿ for a number n"""
        ### BEGIN SOLUTION
        slope = exponent * self.data ** (exponent - 1) if exponent else 0.0
        return Value(self.data**exponent, (self,), (slope,))
        ### END SOLUTION

    def exp(self):
        """eˣ"""
        ### BEGIN SOLUTION
        y = math.exp(self.data)
        return Value(y, (self,), (y,))
        ### END SOLUTION

    def log(self):
        """The natural logarithm of x > 0"""
        ### BEGIN SOLUTION
        return Value(math.log(self.data), (self,), (1 / self.data,))
        ### END SOLUTION

    def tanh(self):
        """The hyperbolic tangent"""
        ### BEGIN SOLUTION
        y = math.tanh(self.data)
        return Value(y, (self,), (1 - y * y,))
        ### END SOLUTION

    def relu(self):
        """max(0, x)"""
        ### BEGIN SOLUTION
        return Value(max(0.0, self.data), (self,), (float(self.data > 0),))
        ### END SOLUTION

    def backward(self):
        """Add to grad of every Value that this one was computed from, and to its own, the gradient of this one

        The gradient of this Value at itself is 1.  Called on another Value, or called again, it adds to what is there:
        grad is then the sum of the gradients of all calls (a second call on a graph of Values is allowed).
        Works for chains of 10,000 operations.
        """
        ### BEGIN SOLUTION
        flow = {id(self): 1.0}
        for node in reversed(topological_order(self)):
            here = flow[id(node)]
            node.grad += here
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                flow[id(parent)] = flow.get(id(parent), 0.0) + slope * here
        ### END SOLUTION


# %% [markdown] hints="Value"
# ### add
# 1. What becomes of a plain number as the second operand, and by how much does the sum grow when x grows by 1?
# 2. ∂(x + y)/∂x = 1; ∂(x + y)/∂y = 1
# 3. Make a Value of the operand with the method that is given. Return a Value with the sum, both operands as parents,
#    and the slopes one and one.
#
# ### mul
# 1. If x grows by 1, by how much does the product grow: by x or by y?
# 2. ∂(x y)/∂x = y; ∂(x y)/∂y = x
# 3. As for the sum; the slope for each operand is the number of the other one.
#
# ### power
# 1. What happens for the exponent 0 and x = 0 if you use the formula as it stands?
# 2. ∂(xⁿ)/∂x = n · xⁿ⁻¹; 0 for n = 0
# 3. Compute the slope by the formula unless the exponent is zero; the only parent is x.
#
# ### exp
# 1. Which function is its own derivative?
# 2. ∂(eˣ)/∂x = eˣ
# 3. Compute the exponential once; it is the value and the slope.
#
# ### log
# 1. Is the slope computed from x or from the logarithm?
# 2. ∂(ln x)/∂x = 1 / x
# 3. The value is the logarithm of the number, the slope one divided by the number.
#
# ### tanh
# 1. Can the slope be computed from the value, without another exponential?
# 2. y = tanh x; ∂y/∂x = 1 − y²
# 3. Compute the value first; the slope is one minus its square.
#
# ### relu
# 1. Which slope does the text say at exactly zero?
# 2. ∂ max(0, x)/∂x = 1 if x > 0, else 0
# 3. The value is the larger of zero and x; the slope is one where x is greater than zero and zero otherwise.
#
# ### backward
# 1. Which nodes must have delivered before a node passes its gradient on, and what of gradients from an earlier call?
# 2. d(self) = 1; d(parent) = Σ slope · d(node) over the nodes that use it; grad ← grad + d
# 3. Keep the gradients of this call apart from those that lie in the nodes already. Go through the topological order
#    from the end; add each node's gradient of this call to what it has, and to its parents' of this call the slope
#    times it.

# %%
check(Value)

# %% [markdown]
# The engine at work: the graph of $\tanh(x y + x)\,y$ as it was recorded, with values and gradients. Nobody drew the
# arrows; they were recorded while Python computed.


# %%
def draw_graph(root, names):
    """Draw the graph of a Value: every node with its number and its gradient; names: by id; given"""
    order = topological_order(root)
    level = {}
    for node in order:
        level[id(node)] = 1 + max((level[id(parent)] for parent in node.parents), default=-1)
    depth, leaves = max(level.values()), [node for node in order if not node.parents]
    place = {id(node): (level[id(node)], -0.6 - 0.35 * (level[id(node)] == 1)) for node in order}
    place.update({id(leaf): (0, -2.0 * number) for number, leaf in enumerate(leaves[::-1])})
    _, axes = plt.subplots(figsize=(2.1 * (depth + 1), 3.4))
    for node in order:
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            start, end = place[id(parent)], place[id(node)]
            axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": "0.6", "shrinkA": 32, "shrinkB": 32})
            middle = [0.55 * a + 0.45 * b for a, b in zip(start, end, strict=True)]
            axes.text(*middle, f"{slope:.2f}", color="tab:red", fontsize=8, ha="center", va="center",
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})  # fmt: skip
        text = f"{names.get(id(node), '')}\n{node.data:.3f}\ngrad {node.grad:.3f}".strip()
        colour = "tab:blue" if not node.parents else "0.3"
        axes.text(*place[id(node)], text, ha="center", va="center", fontsize=9,
                  bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": colour})  # fmt: skip
    axes.set(xlim=(-0.4, depth + 0.4), ylim=(-2.4, 0.4))
    axes.set_axis_off()
    axes.set_title("values, gradients, and slopes (red) at the arrows", fontsize=10)
    plt.show()


def show_example():
    """The graph of tanh(x y + x) y with its gradients; given"""
    x, y = Value(0.5), Value(0.8)
    p = x.mul(y)
    s = p.add(x)
    t = s.tanh()
    z = t.mul(y)
    z.backward()
    draw_graph(z, {id(x): "x", id(y): "y", id(p): "x y", id(s): "x y + x", id(t): "tanh", id(z): "z"})


with when_written():
    show_example()

# %% [markdown]
# > **Find the mistake.** An article that this course follows writes that autoencoders "do not require backpropagation",
# > because frameworks use automatic differentiation instead. Look at `Value.backward` and say what is wrong with
# > "instead". (Reverse-mode automatic differentiation *is* backpropagation: the same sums of products, in the same
# > order, written once for all networks. What is no longer required is that somebody derives them by hand.)
#
# **Question 1.** *(3 points)* A function has $n$ inputs and $m$ outputs. *Forward mode* carries, with every value, its
# derivative with respect to one input; *reverse mode* is what you have just written. (a) How many passes does each need
# for all $n \cdot m$ derivatives? (b) Why does training use reverse mode? (c) What does reverse mode have to keep that
# forward mode does not, and how does it grow with the depth of the network?

# %% [markdown] question="reverse_mode"
# ### BEGIN SOLUTION
# (a) Forward mode needs $n$ passes, one for each input; reverse mode needs $m$, one for each output (after one forward
# computation).
#
# (b) A loss is one number, $m = 1$, and there are thousands to billions of parameters: one backward pass, which costs a
# small multiple of the forward computation, gives them all. Forward mode would need a pass for every parameter.
#
# (c) It runs through the graph from the end, so it needs the graph and the values that slopes are computed from (inputs
# of products, outputs of tanh and exp): memory that grows linearly with the number of operations, so with the depth.
# Forward mode can forget each value as soon as it was used.
#
# Mark scheme: 1 point for n and m; 1 for one output and many parameters; 1 for stored values that grow with the depth
# (½ without the growth).
# ### END SOLUTION

# %% [markdown]
# ## 15.3 unbroadcast
#
# An engine of single numbers is a hundred times too slow. From here on a node holds an **array**, and a slope would be
# a huge matrix of which nearly all entries are zero. Instead, each operation is given a function that takes the
# gradient at its output, $dy$, and returns the gradient at each operand: the *pullback*, or vector–Jacobian product. It
# is exactly what you have written fifty times as `backward(dy)`.
#
# Arrays bring one difficulty of their own: **broadcasting**. In $y = x + b$ with x (batch, features) and b (features,),
# every number of $b$ is used batch times. What is used several times gets the sum of the gradients, so the gradient of
# $b$ is the sum over the batch. In general:
#
# ```
#   operand          b (      4, 1, 3)
#   result, dy         (2, 5, 4, 6, 3)
#                       └──┬─┘  │
#          new axes: sum and   axis of length 1 that was
#          remove them         stretched: sum and keep it
#
#   unbroadcast(dy, (4, 1, 3))   (2, 5, 4, 6, 3) → (4, 1, 3)
# ```
#
# *By hand:* dy = [[1, 2, 3], [4, 5, 6]]. For an operand of shape (3,): [5, 7, 9]. Of shape (2, 1): [[6], [15]]. Of
# shape (1, 1): [[21]]. Of shape (): 21.


# %%
def unbroadcast(dy, shape):
    """Undo broadcasting: the gradient of an operand, from that of the array that it was broadcast to

    Shapes
        dy  any that shape broadcasts to      result  shape
    shape: a tuple.  Sums dy over the axes that broadcasting added in front and over those that it stretched from
    length 1; the latter stay, with length 1.  The dtype is that of dy.  dy itself may be returned where shape is its
    own.

    Source: Harris et al., Array Programming with NumPy (2020), for the rules of broadcasting.
    """
    ### BEGIN SOLUTION
    if dy.shape == shape:
        return dy
    new = dy.ndim - len(shape)
    stretched = [new + i for i, n in enumerate(shape) if n == 1]
    return dy.sum(axis=(*range(new), *stretched)).reshape(shape)
    ### END SOLUTION


# %% [markdown] hints="unbroadcast"
# ### unbroadcast
# 1. There are two kinds of axes to sum over: which, and which of them stay?
# 2. result = Σ dy over axes 0 … dy.ndim − len(shape) − 1 and over those where shape has 1 and dy has not
# 3. Count how many axes dy has more. Collect these, and the places, counted in dy, where shape has a one and dy another
#    length; sum over all of them at once, and give the result the shape that is asked for.

# %%
check(unbroadcast)

# %% [markdown]
# ## 15.4 spread
#
# The opposite happens in sums. $y = \sum_i x_i$ uses every $x_i$ once, with slope 1, so each gets the whole gradient of
# the sum: $dx_i = dy$. `spread` repeats the gradient along the axes that were summed.
#
# *By hand:* x (2, 3), summed over axis 1, gives y (2,). From dy = [10, 20] comes dx = [[10, 10, 10], [20, 20, 20]].
# Without an axis everything was summed, dy is one number, and dx is full of it.


# %%
def spread(dy, shape, axis=None):
    """Undo a sum: the gradient of what was summed, from that of the sum

    Shapes
        dy  shape without the axes that were summed, or with them as axes of length 1      result  shape
    axis: a whole number, a tuple of them, or None for all axes; negative ones count from the end.  The dtype is that of
    dy.  The result may be a view of dy that repeats its numbers; nobody writes into it.
    """
    ### BEGIN SOLUTION
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    summed = {a % len(shape) for a in axes}
    kept = tuple(1 if i in summed else n for i, n in enumerate(shape))
    return array_module(dy).broadcast_to(dy.reshape(kept), shape)
    ### END SOLUTION


# %% [markdown] hints="spread"
# ### spread
# 1. Which shape has a sum that keeps its axes, and does broadcasting do the rest?
# 2. dxᵢ = dy for every i that was summed; dy (kept, with ones) → dx (shape)
# 3. Write down shape with a one at each axis that was summed, also for negative numbers, for a tuple and for all axes.
#    Give dy that shape, and broadcast it to the whole one.

# %%
check(spread)

# %% [markdown]
# ## 15.5 no_grad
#
# A graph keeps every array that its pullbacks need, and so memory. When a trained network is only used, nobody will
# call backward. `with no_grad():` switches recording off for a block: operations compute and remember nothing.
#
# The switch is one attribute, `Recording.on`. Two things are easy to get wrong: after the block the switch has to be
# what it was *before* (blocks may lie inside each other), and also if the block ends with an error. Otherwise one
# failed line in a notebook leaves an engine without gradients.
#
# *By hand:* on = True; enter the outer block: False; enter the inner one: False; leave the inner one: it was False
# before, so False; leave the outer one: True.


# %%
class Recording:
    """The switch: whether operations are recorded; given"""

    on = True


@contextmanager
def no_grad():
    """Open a block in which nothing is recorded, by a with statement

    Within the block Recording.on is False.  Afterwards it is what it was before, also if the block raises an error,
    which is passed on; blocks may be nested.
    (As a function with @contextmanager: what comes before yield is done on entering the block, the rest on leaving
    it; an error of the block is raised by yield.)

    Source: Paszke et al., PyTorch (2019), section 4.3.
    """
    ### BEGIN SOLUTION
    before, Recording.on = Recording.on, False
    try:
        yield
    finally:
        Recording.on = before
    ### END SOLUTION


# %% [markdown] hints="no_grad"
# ### no_grad
# 1. What is the switch set to at the end, if the block was inside another one, or raised an error?
# 2. on entering: before = on, on = False; on leaving, in any case: on = before
# 3. Remember the switch, turn it off, and yield inside a try; put back what you remembered in its finally.

# %%
check(no_grad)

# %% [markdown]
# ## 15.6 Node
#
# Now the heart of the engine. A `Node` has an array, the gradient that has arrived, its parents, and its pullback:
#
# ```
#   forward     a, b ──► y = a.record(numbers, (a, b), pull)
#   backward    pull(dy) ──► (da, db), added to a.grad and b.grad
# ```
#
# `record` is used by every operation. `backward` goes through the topological order from the end, as in `Value`. Three
# things are new.
#
# - **A start.** `y.backward()` starts from 1 and makes sense only for one number. `y.backward(dy)` starts from any
#   array.
# - **Sums, not writes.** `parent.grad += d` writes into an array that may be somebody else's: `add` returns the *same*
#   array for both operands, and it may be the caller's `dy`. Make a new array: `grad + d`.
# - **A graph is used once.** After backward the graph is given up (parents and pullbacks are removed), so that its
#   memory is free; a second backward through it raises an error instead of adding silently. The function `used` below
#   is the pullback of a node whose graph was given up.
#
# Gradients add up over several backward passes of *different* graphs with the same leaves: that is how a batch is
# processed in parts. `zero_grad` begins anew. `detach` gives the same numbers without a past: a constant.
#
# *By hand:* a = [1, 2], y = a + a, so the pullback of y returns (dy, dy). With dy = [10, 20]: a.grad is first [10, 20],
# then [10, 20] + [10, 20] = [20, 40]; y.grad is [10, 20]. Had the second been added in place, y.grad and dy would be
# [20, 40] too.


# %%
def used(_dy):
    """The pullback of a node whose graph an earlier backward has given up; given"""
    message = "backward was already called through this node: compute it anew"
    raise RuntimeError(message)


class Node:
    """An array that remembers how it was computed

    data: the array.      grad: None, or after backward an array with the shape and the dtype of data.
    parents: tuple of the nodes it was computed from.      pull: None for a leaf; else a function of the gradient at
    data that returns a tuple with the gradient at each parent's data, in their order.
    """

    def __init__(self, data):
        self.data = asarray(data)
        self.grad, self.parents, self.pull = None, (), None

    @property
    def shape(self):
        """The shape of data; given"""
        return self.data.shape

    def constant(self, other):
        """An operand as a node: a node itself; a number or array as a leaf with the dtype of this one; given"""
        return other if isinstance(other, Node) else type(self)(asarray(other, dtype=self.data.dtype))

    def record(self, data, parents, pull):
        """A new node of the same class as this one, with these numbers, which was computed from parents

        parents: a sequence of nodes.  The new node's parents are a tuple of these, its pull is the given function.  Where
        Recording.on is False, it is a leaf: no parents, no pull.
        """
        ### BEGIN SOLUTION
        node = type(self)(data)
        if Recording.on:
            node.parents, node.pull = tuple(parents), pull
        return node
        ### END SOLUTION

    def backward(self, dy=None):
        """Add to grad of this node, and of every node that it was computed from, the gradient of Σ dy · data

        dy: array with the shape and the dtype of data, which is not modified; None: 1, for data with one number,
        however many axes.
        Raises ValueError where dy is None and data has not one number.
        A grad that is None counts as 0.  Afterwards all these nodes have a grad, and the graph is given up: every node
        that had a pull now has no parents and the pull used; so a second backward through any of them raises
        RuntimeError.  Arrays that were a grad before stay as they are: sums are new arrays.
        Every pull is called once, with the whole gradient of its node.  Works for chains of 10,000 operations.
        """
        ### BEGIN SOLUTION
        if dy is None:
            if self.data.size != 1:
                message = f"backward() starts from one number; for data of shape {self.shape} give dy"
                raise ValueError(message)
            dy = array_module(self.data).ones_like(self.data)
        order = topological_order(self)
        self.grad = dy if self.grad is None else self.grad + dy
        for node in reversed(order):
            if node.pull is None:
                continue
            for parent, d in zip(node.parents, node.pull(node.grad), strict=True):
                parent.grad = d if parent.grad is None else parent.grad + d
            node.parents, node.pull = (), used
        ### END SOLUTION

    def zero_grad(self):
        """Forget the gradient: grad is None again; the array that it was is left as it is"""
        ### BEGIN SOLUTION
        self.grad = None
        ### END SOLUTION

    def detach(self):
        """A new leaf of the same class with the same numbers: no parents, no pull, no grad"""
        ### BEGIN SOLUTION
        return type(self)(self.data)
        ### END SOLUTION


# %% [markdown] hints="Node"
# ### record
# 1. Of which class is the new node, and what does it remember while recording is off?
# 2. y.data = data; recording: y.parents = parents, y.pull = pull; else none
# 3. Make an object of the class that this one has. If the switch is on, set its parents, as a tuple, and its pullback.
#
# ### backward
# 1. Into which arrays do you write when two gradients arrive at one node, and who else may hold them?
# 2. grad(self) = dy; grad(parent) ← grad(parent) + d for every d of pull(grad(node)), (shape of the parent's data)
# 3. Find the start and the order. Go through the order from the end: call the node's pullback with its gradient, and
#    give each parent a new array, the sum of what it had and what comes. Then take away the node's parents and set its
#    pullback to the function that raises.
#
# ### zero_grad
# 1. What was the gradient before any backward?
# 2. grad = None
# 3. Set the attribute to what the constructor sets it to; write no zeros into an array that others may hold.
#
# ### detach
# 1. What must the new node not know?
# 2. data = data of this one; parents = ()
# 3. Make an object of the class that this one has, of the same numbers, and give it nothing else.

# %%
check(Node)
# %% [markdown]
# ## 15.7 Arithmetic
#
# With `record` an operation takes three lines: compute, say what it was computed from, say how the gradient flows back.
# All that follow have this form:
#
# ```python
# def negate(self):
#     return self.record(-self.data, (self,), lambda dy: (-dy,))
# ```
#
# The first three have two operands that broadcast against each other, so each of their gradients goes through
# `unbroadcast`. For the maximum,
#
# $$ y = \max(a, b), \qquad da = dy \cdot [a > b] + \tfrac12\, dy \cdot [a = b], \qquad
#    db = dy \cdot [a < b] + \tfrac12\, dy \cdot [a = b] $$
#
# where both are equal, the slope is not defined; each gets half, as in PyTorch, so that the sum is right if $a$ and $b$
# are the same node.
#
# *By hand:* a = [[1], [4]], b = [3, 4], dy = [[1, 1], [1, 1]]. a · b = [[3, 4], [12, 16]]; da = dy · b summed over the
# stretched axis = [[7], [7]]; db = dy · a summed over the new axis = [5, 5]. max(a, b) = [[3, 4], [4, 4]]; da = [[0],
# [1 + ½]], db = [1 + 0, 1 + ½].


# %%
class Arithmetic(Node):
    """Sum, product and maximum, entry by entry, with broadcasting

    Shapes
        self, other  any that broadcast      result  the shape that both broadcast to
    other: a node, or a number (see constant).  Each method returns a node made by record, whose parents are self and
    other.  dtype in is dtype out, also of gradients; a number has the dtype of self.
    """

    def add(self, other):
        """The sum of both"""
        ### BEGIN SOLUTION
        a, b = self, self.constant(other)
        return self.record(a.data + b.data, (a, b), lambda dy: (unbroadcast(dy, a.shape), unbroadcast(dy, b.shape)))
        ### END SOLUTION

    def mul(self, other):
        """The product of both"""
        ### BEGIN SOLUTION
        a, b = self, self.constant(other)

        def pull(dy):
            return unbroadcast(dy * b.data, a.shape), unbroadcast(dy * a.data, b.shape)

        return self.record(a.data * b.data, (a, b), pull)
        ### END SOLUTION

    def maximum(self, other):
        """The larger of both; where they are equal, each gets half of the gradient"""
        ### BEGIN SOLUTION
        a, b = self, self.constant(other)
        xp = array_module(a.data)

        def pull(dy):
            half = xp.where(a.data == b.data, dy / 2, 0)
            da, db = xp.where(a.data > b.data, dy, half), xp.where(a.data < b.data, dy, half)
            return unbroadcast(da, a.shape), unbroadcast(db, b.shape)

        return self.record(xp.maximum(a.data, b.data), (a, b), pull)
        ### END SOLUTION


# %% [markdown] hints="Arithmetic"
# ### add
# 1. Which shape does each gradient need, if the operands have different shapes?
# 2. da = unbroadcast(dy, shape of a); db = unbroadcast(dy, shape of b)
# 3. Make a node of the operand. Record the sum with both as parents and a function that undoes broadcasting of dy for
#    each.
#
# ### mul
# 1. When do you have to undo broadcasting: before or after the multiplication by the other operand?
# 2. da = unbroadcast(dy · b, shape of a); db = unbroadcast(dy · a, shape of b)
# 3. As for the sum; multiply dy by the other operand's numbers first, in the shape of the result.
#
# ### maximum
# 1. What of places where both are equal, and which dtype has a product with a mask?
# 2. da = dy where a > b, dy / 2 where a = b, else 0; db likewise with a < b
# 3. Choose by conditions, so that the dtype stays; undo broadcasting of both.

# %%
check(Arithmetic)

# %% [markdown]
# ## 15.8 Elementwise
#
# The same functions as for `Value`, on arrays: the gradient is dy times the slope, entry by entry. Use what is there:
# the slope of exp and tanh follows from the output, that of log and of powers from the input.
#
# *By hand:* x = [−1, 0, 2], dy = [10, 10, 10]. Power 3: y = [−1, 0, 8], dx = 10 · 3x² = [30, 0, 120]. relu: y = [0, 0,
# 2], dx = [0, 0, 10].


# %%
class Elementwise(Node):
    """Functions of every entry by itself

    Shapes
        self, result  any
    Each method returns a node made by record, whose parent is self.  dtype in is dtype out, also of gradients.
    """

    def power(self, exponent):
        """selfⁿ for a number n (no node); the gradient for n = 0 is 0 everywhere, also at 0"""
        ### BEGIN SOLUTION
        x = self.data

        def pull(dy):
            return (dy * exponent * x ** (exponent - 1) if exponent else dy * 0,)

        return self.record(x**exponent, (self,), pull)
        ### END SOLUTION

    def exp(self):
        """The exponential function of self"""
        ### BEGIN SOLUTION
        y = array_module(self.data).exp(self.data)
        return self.record(y, (self,), lambda dy: (dy * y,))
        ### END SOLUTION

    def log(self):
        """The natural logarithm of numbers greater than 0"""
        ### BEGIN SOLUTION
        x = self.data
        return self.record(array_module(x).log(x), (self,), lambda dy: (dy / x,))
        ### END SOLUTION

    def tanh(self):
        """The hyperbolic tangent, finite for all numbers"""
        ### BEGIN SOLUTION
        y = array_module(self.data).tanh(self.data)
        return self.record(y, (self,), lambda dy: (dy * (1 - y * y),))
        ### END SOLUTION

    def relu(self):
        """max(0, self); the gradient at exactly 0 is 0"""
        ### BEGIN SOLUTION
        positive = self.data > 0
        return self.record(self.data * positive, (self,), lambda dy: (dy * positive,))
        ### END SOLUTION


# %% [markdown] hints="Elementwise"
# ### power
# 1. What is 0 times an infinite number, and for which exponent does it occur?
# 2. dx = dy · n · xⁿ⁻¹; 0 for n = 0
# 3. Distinguish the exponent zero; else multiply dy by the exponent and the power with one less.
#
# ### exp
# 1. Which of input and output is the slope?
# 2. dx = dy · y
# 3. Keep the exponential for the pullback and multiply dy by it.
#
# ### log
# 1. Which of input and output does the slope need?
# 2. dx = dy / x
# 3. Record the logarithm, with a function that divides dy by the input.
#
# ### tanh
# 1. Can the slope be had from the output?
# 2. dx = dy · (1 − y²)
# 3. Keep the output; multiply dy by one minus its square. A quotient of exponentials would overflow.
#
# ### relu
# 1. Which gradient does the text say at exactly zero?
# 2. dx = dy · [x > 0]
# 3. Keep where the numbers are greater than zero; both the result and the gradient are products with it.

# %%
check(Elementwise)

# %% [markdown]
# ## 15.9 Reductions
#
# A sum passes its gradient on to all that it summed, and `spread` does that. A mean is a sum divided by the *number of
# numbers in each mean*: for x (2, 3) and axis 1 that is 3, neither 6 nor 2.
#
# *By hand:* x = [[1, 2, 3], [4, 5, 9]]. Sum over axis −1: [6, 18], kept [[6], [18]]. Mean over axis −1: [2, 6]; from dy
# = [3, 30] comes dx = [[1, 1, 1], [10, 10, 10]].


# %%
class Reductions(Node):
    """Sum and mean over axes

    Shapes
        self  any      result  without the axes that were summed, or with keepdims=True with length 1 there
    axis: a whole number, a tuple of different ones, or None for all; negative ones count from the end.
    Each method returns a node made by record, whose parent is self.  dtype in is dtype out, also of gradients.
    """

    def sum(self, axis=None, keepdims=False):
        """Σ self"""
        ### BEGIN SOLUTION
        shape = self.shape
        total = self.data.sum(axis=axis, keepdims=keepdims)
        return self.record(total, (self,), lambda dy: (spread(dy, shape, axis),))
        ### END SOLUTION

    def mean(self, axis=None, keepdims=False):
        """Σ self divided by the number of numbers in each sum"""
        ### BEGIN SOLUTION
        shape = self.shape
        means = self.data.mean(axis=axis, keepdims=keepdims)
        share = means.size / self.data.size
        return self.record(means, (self,), lambda dy: (spread(dy * share, shape, axis),))
        ### END SOLUTION


# %% [markdown] hints="Reductions"
# ### sum
# 1. Which shape has dy, and which the gradient?
# 2. dx = spread(dy, shape of x, axis)
# 3. Record the sum with a function that spreads dy over the axes that were summed.
#
# ### mean
# 1. How many numbers are in each mean, if only some axes are summed?
# 2. dx = spread(dy, shape of x, axis) / n, with n = numbers of x / numbers of the result
# 3. Divide the number of numbers of x by that of the result; divide dy by it, then spread.

# %%
check(Reductions)

# %% [markdown]
# ## 15.10 Reshaping
#
# These operations only move numbers; their gradients move them back. For `getitem` that means: what was not chosen gets
# 0, and what was chosen *twice* gets the sum of both, as the rows of an embedding table (08). `dx[index] = dy` and
# `dx[index] += dy` both write once per place; `scatter_add` from `dlkit` adds every time.
#
# *By hand:* x = [5, 6, 7], index [0, 2, 0]: y = [5, 7, 5]. From dy = [1, 10, 100] comes dx = [101, 0, 10]. For
# `transpose((2, 0, 1))` axis 0 of y is axis 2 of x; so dx is dy transposed by the permutation that finds them again:
# (1, 2, 0).


# %%
class Reshaping(Node):
    """Other shapes, and parts of an array

    Each method returns a node made by record, whose parent is self.  dtype in is dtype out, also of gradients.
    """

    def reshape(self, shape):
        """The same numbers, row by row, in another shape; one length may be −1

        Shapes
            self  any      result  shape, a tuple
        """
        ### BEGIN SOLUTION
        old = self.shape
        return self.record(self.data.reshape(shape), (self,), lambda dy: (dy.reshape(old),))
        ### END SOLUTION

    def transpose(self, axes=None):
        """The axes in another order: axis i of the result is axis axes[i] of self

        axes: a tuple with every axis once, negative ones count from the end; None: the opposite order.
        """
        ### BEGIN SOLUTION
        n = len(self.shape)
        order = tuple(reversed(range(n))) if axes is None else tuple(axis % n for axis in axes)
        back = tuple(order.index(axis) for axis in range(n))
        return self.record(self.data.transpose(order), (self,), lambda dy: (dy.transpose(back),))
        ### END SOLUTION

    def getitem(self, index):
        """A part, as NumPy's self.data[index]: numbers, slices, arrays or lists of whole numbers, None, …, or a tuple

        Gradients of a place that was chosen several times add up.
        """
        ### BEGIN SOLUTION
        x = self.data

        def pull(dy):
            dx = array_module(x).zeros_like(x)
            scatter_add(dx, index, dy)
            return (dx,)

        return self.record(x[index], (self,), pull)
        ### END SOLUTION


# %% [markdown] hints="Reshaping"
# ### reshape
# 1. Which shape must the gradient have?
# 2. dx = dy in the shape of x
# 3. Remember the old shape; give it to dy.
#
# ### transpose
# 1. Is the way back the same permutation again? Try (2, 0, 1).
# 2. back[axes[i]] = i; dx = dy transposed by back
# 3. Write all axes as numbers from the front. For each axis of x find its place in the order: these places are the
#    order for dy.
#
# ### getitem
# 1. What happens to the first of two gradients that are assigned to the same place?
# 2. dx = 0; dx[index[k]] ← dx[index[k]] + dy[k] for every k
# 3. Make zeros in the shape and dtype of x, and add dy at the index with the function of dlkit that adds every time.

# %%
check(Reshaping)

# %% [markdown]
# ## 15.11 concatenate
#
# Joined arrays lie side by side; backward cuts dy at the same places. Each part remembers where it began.
#
# *By hand:* parts of lengths 2, 1 and 3 along the axis begin at 0, 2 and 3. The gradients are dy[0:2], dy[2:3],
# dy[3:6].


# %%
def concatenate(nodes, axis=0):
    """Arrays joined along an axis

    Shapes
        nodes  equal but along axis      result  the same, its length along axis the sum of theirs
    nodes: a list of nodes, one or more; the same node may be in it several times.  axis: negative ones count from the
    end.  Returns a node made by record of the first one, whose parents are the nodes.  dtype in is dtype out, also of
    gradients.
    """
    ### BEGIN SOLUTION
    arrays = [node.data for node in nodes]
    xp = array_module(arrays[0])
    cuts, end = [], 0
    for array in arrays[:-1]:
        end += array.shape[axis]
        cuts.append(end)
    joined = xp.concatenate(arrays, axis=axis)
    return nodes[0].record(joined, nodes, lambda dy: tuple(xp.split(dy, cuts, axis=axis)))
    ### END SOLUTION


# %% [markdown] hints="concatenate"
# ### concatenate
# 1. Where in dy does each part lie, and when does a function that you make in a loop look at the loop's variable?
# 2. part k lies at n₀ + … + nₖ₋₁ … n₀ + … + nₖ along axis
# 3. Add up the lengths of the parts along the axis to get the places to cut at. The pullback cuts dy there, along the
#    same axis, and returns all parts.

# %%
check(concatenate)

# %% [markdown]
# ## 15.12 Products
#
# For matrices, $Y = A B$ gives $dA = dY\,B^\top$ and $dB = A^\top dY$, as in every `Linear`. NumPy's product knows
# more: stacks of matrices, whose leading axes broadcast, and vectors.
#
# ```
#   (5, 1, 2, 3) · (4, 3, 6)   →  (5, 4, 2, 6)     transpose the last two axes only; then unbroadcast
#   (3,) · (3, 6)              →  (6,)             the vector is a row (1, 3), and the axis goes away
#   (2, 3) · (3,)              →  (2,)             the vector is a column (3, 1)
#   (3,) · (3,)                →  ()
# ```
#
# So turn vectors into matrices first, compute with matrices, and give the gradients the shapes of the operands. One
# case is worth an exception, because all of a GPT's layers are of it: x (batch, time, features) times W (features,
# out). Its dW is a stack of batch matrices that `unbroadcast` adds up; with all rows of x in *one* matrix it is one
# product.
#
# *By hand:* a = [1, 2], B = [[1, 0, 2], [3, 1, 0]]: y = [7, 2, 2]. From dy = [1, 10, 100]: da = dy Bᵀ = [201, 13], dB =
# aᵀ dy = [[1, 10, 100], [2, 20, 200]].


# %%
def as_rows(x):
    """All rows of a stack of matrices in one matrix; given"""
    return x.reshape(-1, x.shape[-1])


class Products(Node):
    """Products of matrices"""

    def matmul(self, other):
        """The product as NumPy's @: of matrices in the last two axes, of vectors, and of stacks, which broadcast

        Shapes
            self  (…, n, k) or (k,)      other  (…, k, m) or (k,)      result  (…, n, m), n or m missing for a vector
        other: a node, or an array (see constant).  Returns a node made by record, whose parents are self and other.
        dtype in is dtype out, also of gradients.

        Source: Giles, Collected Matrix Derivative Results (2008), section 2.2.
        """
        ### BEGIN SOLUTION
        a, b = self, self.constant(other)
        A = a.data[None, :] if len(a.shape) == 1 else a.data
        B = b.data[:, None] if len(b.shape) == 1 else b.data

        def pull(dy):
            dY = dy[..., None] if len(b.shape) == 1 else dy
            dY = dY[..., None, :] if len(a.shape) == 1 else dY
            dA = dY @ B.swapaxes(-1, -2)
            dB = A.swapaxes(-1, -2) @ dY if B.ndim > 2 else as_rows(A).T @ as_rows(dY)
            return unbroadcast(dA, A.shape).reshape(a.shape), unbroadcast(dB, B.shape).reshape(b.shape)

        return self.record(a.data @ b.data, (a, b), pull)
        ### END SOLUTION


# %% [markdown] hints="Products"
# ### matmul
# 1. What does transposing do to a stack, which axes of a stack were broadcast, and what is a vector's missing axis?
# 2. dA = dY Bᵀ, (…, n, m) (…, m, k) → (…, n, k); dB = Aᵀ dY, (…, k, n) (…, n, m) → (…, k, m)
# 3. Give a vector on the left an axis in front, one on the right an axis behind, and dy the same axes. Multiply with
#    the last two axes exchanged, undo broadcasting, and give each gradient the shape of its operand.

# %%
check(Products)

# %% [markdown]
# ## 15.13 Tensor, and value_and_grad
#
# All operations together, with Python's operators: the class `Tensor` is given.


# %%
class Tensor(Arithmetic, Elementwise, Reductions, Reshaping, Products):
    """An array with all operations; given"""

    concatenate = staticmethod(concatenate)
    __array_priority__ = 1  # array + Tensor is left to the Tensor

    def __add__(self, other):
        return self.add(other)

    def __mul__(self, other):
        return self.mul(other)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self):
        return self.mul(-1.0)

    def __sub__(self, other):
        return self.add(-other)

    def __rsub__(self, other):
        return self.mul(-1.0).add(other)

    def __pow__(self, exponent):
        return self.power(exponent)

    def __truediv__(self, other):
        return self.mul(other.power(-1.0) if isinstance(other, Tensor) else 1.0 / other)

    def __matmul__(self, other):
        return self.matmul(other)

    def __getitem__(self, index):
        return self.getitem(index)


# %% [markdown]
# What a user of an engine wants is one function: the value of an expression and its gradients at all inputs. With it
# your engine is graded on *random expressions*, drawn anew for every run: up to thirty operations, with intermediate
# results that are used several times, with broadcasting, with every operation of yours; and beside layers of earlier
# assignments. What fails is cut down to the smallest expression that still fails before it is shown to you.
# The engine is also timed: forward and backward of two layers, 784-128-10 with a batch of 128, may take 2.5 times as long
# as with the reference, which is about as fast as the layers by hand.
#
# *By hand:* f(a, b) = (a · b).sum() with a = [1, 2] and b = 3: the value is 9, the gradients are [3, 3] and 3. An input
# that f does not use has the gradient 0.


# %%
def value_and_grad(f, *arrays):
    """The value of a function of tensors, and its gradient at every input

    f: takes as many Tensors as there are arrays and returns a Tensor with one number, of any number of axes, made of
    them by operations.
    arrays: arrays of floats of any shape.
    Returns value, the array of f's result, and grads, a list of arrays: grads[i] has the shape and dtype of arrays[i];
    zeros where f does not use it.  The arrays are not modified, and every call is independent of earlier ones; it works
    also within no_grad().
    f is called once, and there is one backward pass.

    Source: Bradbury et al., JAX (2018), value_and_grad.
    """
    ### BEGIN SOLUTION
    before, Recording.on = Recording.on, True
    try:
        tensors = [Tensor(array) for array in arrays]
        y = f(*tensors)
    finally:
        Recording.on = before
    y.backward()
    zeros_of = array_module(y.data).zeros_like
    return y.data, [zeros_of(t.data) if t.grad is None else t.grad for t in tensors]
    ### END SOLUTION


# %% [markdown] hints="value_and_grad"
# ### value_and_grad
# 1. What is the gradient of an input that was not used, and what if recording is off?
# 2. value = f(x₁, …); gradsᵢ = ∂f/∂xᵢ, 0 if f does not use xᵢ
# 3. Turn recording on for the call and put the switch back afterwards. Make a new tensor of every array, call f with
#    them, go backward once, and collect the gradients, zeros in place of None.
#
# ### speed
# 1. Where does the time go: into products of whole matrices, or into Python around them?
# 2. one product each for y, dA and dB; work per node that does not grow with the arrays
# 3. Look for loops over rows in matmul and unbroadcast, for copies of whole arrays, and for a search in a list of nodes
#    where a set would do.

# %%
check(value_and_grad)

# %% [markdown]
# ## 15.14 softmax
#
# From here on nobody writes a backward pass. The softmax of 02, of tensors:
#
# $$ p_k = \frac{e^{x_k - m}}{\sum_j e^{x_j - m}}, \qquad m = \max_j x_j $$
#
# The maximum keeps the exponentials finite. Its own gradient is not needed: the result does not depend on $m$ at all,
# so take it as a constant, an array without a past.
#
# *By hand:* x = [0, ln 3]: m = ln 3, e^(x − m) = [⅓, 1], sum 4/3, p = [¼, ¾]. With dy = [1, 0]: dx = p · (dy − Σ p dy)
# = [¼ · ¾, −¾ · ¼].


# %%
def softmax(x):
    """Softmax over the last axis, of a Tensor

    Shapes
        x, result  (…, classes)
    Finite for all finite numbers; a number −∞ gives 0 and has the gradient 0, where its row has a finite one.
    dtype in is dtype out, also of gradients.
    """
    ### BEGIN SOLUTION
    e = (x - x.data.max(axis=-1, keepdims=True)).exp()
    return e / e.sum(axis=-1, keepdims=True)
    ### END SOLUTION


# %% [markdown] hints="softmax"
# ### softmax
# 1. Which number of a row has to be subtracted, and does it need a gradient?
# 2. p = eˣ⁻ᵐ / Σ eˣ⁻ᵐ, over the last axis, which is kept in the sum
# 3. Subtract the array of the rows' maxima, which is no tensor; take the exponential; divide by its sum.

# %%
check(softmax)

# %% [markdown]
# ## 15.15 cross_entropy
#
# The loss of 03 at every position of every sequence. Sequences have different lengths, and are filled up with −1: these
# positions have no target and do not count.
#
# $$ L = -\frac{1}{N} \sum_{\text{positions with a target}} \log p_{\text{target}}, \qquad
#    \log p_k = (x_k - m) - \ln \sum_j e^{x_j - m} $$
#
# where $N$ is the number of positions *with* a target. The logarithm of `softmax` would be −∞ where p is 0 in floating
# point; the formula on the right is not.
#
# *By hand:* scores [[0, ln 3], [5, 1], [0, 0]], targets [1, −1, 0]: log p = ln ¾ for the first and ln ½ for the third,
# so L = −½ (ln ¾ + ln ½) = 0.490.


# %%
def cross_entropy(scores, targets):
    """The mean of −log softmax(scores) at the targets, over all positions that have one

    Shapes
        scores  Tensor (…, classes)      targets  array of whole numbers (…), from 0, or −1 where there is none
        result  Tensor ()
    At least one position has a target.  Finite for all finite scores.  dtype in is dtype out, also of gradients.
    """
    ### BEGIN SOLUTION
    rows = scores.reshape((-1, scores.shape[-1]))
    targets = targets.reshape(-1)
    places = array_module(targets).nonzero(targets >= 0)[0]
    z = rows - rows.data.max(axis=-1, keepdims=True)
    right = z[places, targets[places]]
    normalizers = z.exp().sum(axis=-1).log()
    return (normalizers[places] - right).mean()
    ### END SOLUTION


# %% [markdown] hints="cross_entropy"
# ### cross_entropy
# 1. Is the logarithm of the softmax always finite, and by what is the sum divided?
# 2. L = 1/N Σ (ln Σ eˣ⁻ᵐ − (x_target − m)) over the N positions with a target
# 3. Make one row of every position, subtract the maxima, and find the rows that have a target. Take the logarithm of
#    the sum of exponentials and the score of the target of those rows; the loss is the mean of their difference.

# %%
check(cross_entropy)

# %% [markdown]
# ## 15.16 rms_norm
#
# The `RMSNorm` of 09 without its gain γ: every row is divided by the root of the mean of its squares.
#
# *By hand:* x = [3, 4], eps = 0: the mean square is 12.5, its root 3.536, y = [0.849, 1.131].


# %%
def rms_norm(x, eps=1e-6):
    """Every row divided by its root mean square, over the last axis, of a Tensor:  y = x / √(mean x² + eps)

    Shapes
        x, result  (…, features)
    dtype in is dtype out, also of gradients.

    Source: Zhang & Sennrich, Root Mean Square Layer Normalization (2019), section 3; without gain.
    """
    ### BEGIN SOLUTION
    return x * ((x * x).mean(axis=-1, keepdims=True) + eps) ** -0.5
    ### END SOLUTION


# %% [markdown] hints="rms_norm"
# ### rms_norm
# 1. Is eps inside the root or outside, and is a mean of x subtracted?
# 2. y = x · (1/n Σ x² + eps)^(−½)
# 3. Take the mean of the squares over the last axis, which stays; add eps; multiply x by its power minus one half.

# %%
check(rms_norm)

# %% [markdown]
# ## 15.17 causal_attention
#
# Every position asks (q), and reads a mean of the values (v) of all positions up to its own, weighted by how well their
# keys (k) fit:
#
# $$ y_t = \sum_{s \le t} p_{ts} v_s, \qquad
#    p_t = \operatorname{softmax}_s\!\left(\frac{q_t \cdot k_s}{\sqrt{d}}\right) $$
#
# Hidden positions have the score −∞, so the weight 0. Add a constant array with 0 where a position may look and −∞
# where it may not.
#
# *By hand:* the first position sees only itself: p = [1, 0, …], y₀ = v₀ whatever the scores are. With q = 0 all scores
# are equal: position t reads the mean of v₀ … vₜ.


# %%
def causal_attention(q, k, v):
    """Attention in which every position looks at itself and at earlier ones, of Tensors

    Shapes
        q, k  (…, time, head_dim)      v  (…, time, value_dim)      result  (…, time, value_dim)
    Leading axes are equal.  Scores are divided by √head_dim.  No result depends on a later q, k or v.
    dtype in is dtype out, also of gradients.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.
    """
    ### BEGIN SOLUTION
    xp, n = array_module(q.data), len(q.shape)
    scores = q @ k.transpose((*range(n - 2), n - 1, n - 2)) / k.shape[-1] ** 0.5
    hidden = xp.triu(xp.full(scores.shape[-2:], -xp.inf, dtype=scores.data.dtype), 1)
    return softmax(scores + hidden) @ v
    ### END SOLUTION


# %% [markdown] hints="causal_attention"
# ### causal_attention
# 1. Which axes of k are exchanged, and which side of the diagonal is hidden: where the key is later or earlier?
# 2. scores = q kᵀ / √d, (…, time, d) (…, d, time) → (…, time, time); −∞ where key > query; y = softmax(scores) v
# 3. Multiply q by k with its last two axes exchanged and divide by the root of the length of its rows. Add an array
#    with minus infinity above the diagonal and zero elsewhere. Take the softmax and multiply by v.

# %%
check(causal_attention)

# %% [markdown]
# ## 15.18 GPT
#
# The whole model, with one block:
#
# ```
#   ids (batch, time)
#     │  rows of wte (symbols, d)  +  rows of wpe (block, d), one per position
#     ▼
#   x (batch, time, d) ──► x + attention(rms_norm(x)) ──► x + mlp(rms_norm(x)) ──► rms_norm(x) · head
#                                                                                       │
#                                                                                       ▼
#                                                                        scores (batch, time, symbols)
# ```
#
# Attention projects to q, k and v, divides each into heads, and projects what the heads have read. Heads are cut out of
# the *features*: (batch, time, heads · head_dim) → (batch, time, heads, head_dim) → (batch, heads, time, head_dim). A
# reshape straight to (batch, heads, time, head_dim) would mix positions.
#
# | parameter | shape | numbers, for 27 symbols, d = 16, block 16 |
# |---|---|---|
# | wte, wpe | (symbols, d), (block, d) | 432 + 256 |
# | Wq, Wk, Wv, Wo | (d, d) | 4 · 256 |
# | W1, W2 | (d, 4 d), (4 d, d) | 2 · 1,024 |
# | head | (d, symbols) | 432 |
# | together | | 4,192 |
#
# *By hand:* with all of Wo and W2 zero, both branches add nothing: scores = rms_norm(wte[ids] + wpe[0 … time − 1]) ·
# head.


# %%
class GPT:
    """A decoder with one block, of Tensors: scores of the next symbol at every position

    Shapes
        ids  array of whole numbers (batch, time), from 0 to symbols − 1, time ≤ block
        scores  Tensor (batch, time, symbols)
    features is divisible by heads.  Weights are Tensors; parameters() lists them.

    Source: Radford et al., Language Models are Unsupervised Multitask Learners (2019); RMSNorm without gain, no biases.
    """

    def __init__(self, symbols, features=16, heads=4, block=16, *, rng):
        self.heads = heads
        d = features
        self.wte, self.wpe = self.draw(symbols, d, rng), self.draw(block, d, rng)
        self.Wq, self.Wk, self.Wv, self.Wo = (self.draw(d, d, rng) for _ in range(4))
        self.W1, self.W2, self.head = self.draw(d, 4 * d, rng), self.draw(4 * d, d, rng), self.draw(d, symbols, rng)

    @staticmethod
    def draw(rows, columns, rng):
        """Initial weights, normal with standard deviation 0.08; given"""
        return Tensor(rng.normal(0, 0.08, (rows, columns)))

    def parameters(self):
        """All weights, in the order of the table; given"""
        return [self.wte, self.wpe, self.Wq, self.Wk, self.Wv, self.Wo, self.W1, self.W2, self.head]

    def attention(self, x):
        """Causal attention of several heads: queries x Wq, keys x Wk, values x Wv, and what is read times Wo

        Shapes
            x, result  Tensors (batch, time, features)
        Head h has the features h · head_dim … (h + 1) · head_dim − 1 of q, k, v and of what is read.
        """
        ### BEGIN SOLUTION
        batch, time, features = x.shape
        split = (batch, time, self.heads, features // self.heads)
        q, k, v = ((x @ W).reshape(split).transpose((0, 2, 1, 3)) for W in (self.Wq, self.Wk, self.Wv))
        read = causal_attention(q, k, v).transpose((0, 2, 1, 3))
        return read.reshape(x.shape) @ self.Wo
        ### END SOLUTION

    def mlp(self, x):
        """Two products with ReLU between them: relu(x W1) W2

        Shapes
            x, result  Tensors (batch, time, features)
        """
        ### BEGIN SOLUTION
        return (x @ self.W1).relu() @ self.W2
        ### END SOLUTION

    def forward(self, ids):
        """Scores at every position: see the drawing"""
        ### BEGIN SOLUTION
        x = self.wte[ids] + self.wpe[: ids.shape[1]]
        x = x + self.attention(rms_norm(x))
        x = x + self.mlp(rms_norm(x))
        return rms_norm(x) @ self.head
        ### END SOLUTION


# %% [markdown] hints="GPT"
# ### attention
# 1. Which axis is cut into heads, and where must the axis of the heads stand for causal_attention?
# 2. (batch, time, heads · e) → (batch, time, heads, e) → (batch, heads, time, e), and back
# 3. Multiply by the three matrices, cut the last axis, and exchange the axes of time and heads. Let the heads read,
#    exchange the axes back, join the heads, and multiply by the last matrix.
#
# ### mlp
# 1. Where is the only function that is not linear?
# 2. y = relu(x W1) W2, (…, d) → (…, 4 d) → (…, d)
# 3. One product, relu, the other product.
#
# ### forward
# 1. Which rows of the table of positions are added, and what is added to x after each branch?
# 2. x₀ = wte[ids] + wpe[0 … time − 1]; x₁ = x₀ + attention(rms(x₀)); x₂ = x₁ + mlp(rms(x₁)); scores = rms(x₂) head
# 3. Look up both tables and add them. Each branch gets the normalized x, and its result is added to x as it was.
#    Normalize once more and multiply by head.

# %%
check(GPT)

# %% [markdown]
# ## 15.19 TensorAdam
#
# The optimizer of 04, for tensors. One thing is new: a tensor that no loss has used has no gradient at all, grad is
# None. It stays where it is.
#
# *By hand:* lr = 0.1, betas (0.9, 0.99), the first step with g = 4: m = 0.4, v = 0.16; m̂ = 0.4 / 0.1 = 4, v̂ = 0.16 /
# 0.01 = 16; the step is 0.1 · 4 / (4 + eps) = 0.1. The first step has the length lr, whatever the gradient is.


# %%
class TensorAdam(Optimizer):
    """Momentum and a rate for every number, corrected at the start:  θ ← θ − lr · m̂ / (√v̂ + eps)

    m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ),  t = 1 at the first step.
    parameters: list of tensors, or of whatever has data and grad; lr > 0; betas: β₁ and β₂, each from 0 up to 1;
    eps > 0.
    step writes into data, in place, and does not modify grad.  A parameter whose grad is None stays as it is.

    Source: Kingma & Ba, Adam: A Method for Stochastic Optimization (2015), algorithm 1.
    """

    def __init__(self, parameters, lr=0.01, betas=(0.9, 0.99), eps=1e-8):
        super().__init__(parameters, lr)
        self.betas, self.eps = betas, eps
        self.m, self.v = self.new_state(), self.new_state()
        self.t = 0

    def step(self):
        ### BEGIN SOLUTION
        self.t += 1
        beta1, beta2 = self.betas
        for p, m, v in zip(self.parameters, self.m, self.v, strict=True):
            if p.grad is None:
                continue
            m += (1 - beta1) * (p.grad - m)
            v += (1 - beta2) * (p.grad * p.grad - v)
            root = array_module(v).sqrt(v / (1 - beta2**self.t))
            p.data -= self.lr / (1 - beta1**self.t) * m / (root + self.eps)
        ### END SOLUTION


# %% [markdown] hints="TensorAdam"
# ### step
# 1. With which t are the means corrected in the first step, and what of a parameter without a gradient?
# 2. m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²; θ ← θ − lr · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + eps)
# 3. Count the step first. For every parameter with a gradient update both means in place, correct them, and subtract
#    the step from the array, in place.

# %%
check(TensorAdam)
# %% [markdown]
# ## 15.20 Capstone: words that nobody has written
#
# The data are the words of Python's manual: about 2,800 different ones of 3 to 12 letters. Each is a row of codes, 0 at
# its beginning and its end, 1 … 26 for letters, and −1 after the end:
#
# ```
#   yield     0 25 9 5 12 4 0 −1 −1 −1 −1 −1 −1 −1        14 numbers
#   read      0 25 9 5 12 4                               each position reads what is before it …
#   guess     25 9 5 12 4 0                               … and guesses the next; positions with target −1 do not count
# ```
#
# The mark to beat is a **table of pairs**: how often each letter follows each. Its loss on held-out words is about 2.44
# nats per letter (guessing blindly is ln 27 = 3.30). Your GPT has 4,192 numbers, six times as many as the table, and
# sees all letters before. The reference comes to 2.14 in 1,000 steps of 32 words: Adam with the rate 0.01 falling to 0,
# in about 3 s.


# %%
@cache
def manual_words():
    """The different words of 3 to 12 letters in Python's manual, sorted; given"""
    vocabulary, _, _ = words(python_manual())
    return [word for word in vocabulary if 3 <= len(word) <= 12 and "_" not in word]


def as_codes(chosen):
    """Words as rows (words, 14) of codes; given"""
    codes = np.full((len(chosen), 14), -1)
    for row, word in zip(codes, chosen, strict=True):
        row[: len(word) + 2] = [0, *(ord(letter) - ord("a") + 1 for letter in word), 0]
    return codes


def read_and_guess(codes):
    """What each position reads, and what it is to guess, without columns that are empty in all rows; given"""
    time = int((codes >= 0).sum(axis=1).max())
    return np.maximum(codes[:, : time - 1], 0), codes[:, 1:time]


def pair_table_loss(train, test):
    """The loss on test of a table of pairs of train, every count greater by 0.1; given"""
    counts = np.full((27, 27), 0.1)
    np.add.at(counts, (train[:, :-1][train[:, 1:] >= 0], train[:, 1:][train[:, 1:] >= 0]), 1)
    log_p = np.log(counts / counts.sum(axis=1, keepdims=True))
    return -log_p[test[:, :-1][test[:, 1:] >= 0], test[:, 1:][test[:, 1:] >= 0]].mean()


# %% [markdown]
# `train_gpt` is graded on other words: the grader holds back 400 words that you never see, and renumbers the letters
# anew for every grading, so that nothing typed in fits. It takes the *arrays* that you return, puts them into a GPT of
# its own, and compares the loss on the held-out words with that of the table of pairs. At most 20 s of CPU time; one
# training that reaches the mark is enough, and after a miss there are up to two more.
#
# *By hand:* with a fresh model all scores are nearly 0, so every symbol has about 1/27: the first loss is near 3.30.


# %%
def train_gpt(codes, *, rng):
    """Train a GPT(27), with 16 features, 4 heads and block 16, to guess the next letter

    Shapes
        codes  (words, 14), whole numbers: 0 at the beginning and end of a word, letters 1 … 26, −1 after the end
    Returns the arrays of model.parameters(), in their order, as a list.  On unseen words the loss has to be lower than
    that of a table of pairs by 0.15 or more.
    """
    ### BEGIN SOLUTION
    model = GPT(27, rng=rng)
    parameters = model.parameters()
    for p in parameters:
        p.data = p.data.astype("float32")
    optimizer, steps = TensorAdam(parameters, lr=0.01), 1000
    for step in range(steps):
        optimizer.lr = 0.01 * (1 - step / steps)
        ids, targets = read_and_guess(codes[rng.integers(len(codes), size=32)])
        loss = cross_entropy(model.forward(ids), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return [p.data for p in parameters]
    ### END SOLUTION


# %% [markdown] hints="train_gpt"
# ### train_gpt
# 1. In which order are gradients forgotten, computed and used, and what does the rate do towards the end?
# 2. repeat: L = cross_entropy(scores(ids), targets); ∂L/∂θ backward; Adam; η(s) = η₀ (1 − s / S)
# 3. Make the model, its arrays in single precision, and the optimizer. In each of a thousand steps lower the rate, draw
#    32 words, compute the loss, forget the old gradients, go backward, and step. Return the arrays.

# %%
check(train_gpt)

# %% [markdown]
# ### The curve, and new words
#
# Below, the same training is watched: the loss of each batch, and the table's loss on the held-out words as a line.
# Then the model writes. `sample` of 09 chooses each next letter; a word ends with the code 0. Most are new, and many
# could be English, or Python. With `no_grad()`, writing needs no graph.


# %%
def model_of(arrays):
    """A GPT with these arrays; given"""
    model = GPT(27, rng=np.random.default_rng(0))
    for parameter, array in zip(model.parameters(), arrays, strict=True):
        parameter.data = array
    return model


def losses_of(model, codes):
    """The mean loss on words, without a graph; given"""
    ids, targets = read_and_guess(codes)
    with no_grad():
        return float(cross_entropy(model.forward(ids), targets).data)


def write_words(model, count, *, rng, temperature=1.0):
    """New words, letter by letter; given"""
    choose = earlier("attention.sample")
    ids = np.zeros((count, 1), dtype=int)
    with no_grad():
        for _ in range(13):
            scores = model.forward(ids).data[:, -1]
            ids = np.concatenate([ids, np.reshape(choose(scores, temperature, rng=rng), (count, 1))], axis=1)
    return ["".join(chr(96 + c) if c else " " for c in row[1:]).split(" ")[0] for row in ids]


@cache
def watched_training(steps=600):
    """A model trained on words, the loss of every step, held-out losses from time to time, that of the table; given"""
    rng = np.random.default_rng(1)
    codes = as_codes(manual_words())
    dealt = rng.permutation(len(codes))
    held_out, kept = codes[dealt[:400]], codes[dealt[400:]]
    model = GPT(27, rng=rng)
    optimizer, curve, seen = TensorAdam(model.parameters(), lr=0.01), [], []
    for step in range(steps):
        optimizer.lr = 0.01 * (1 - step / steps)
        inputs, targets = read_and_guess(kept[rng.integers(len(kept), size=32)])
        loss = cross_entropy(model.forward(inputs), targets)
        for tensor in model.parameters():
            tensor.zero_grad()
        loss.backward()
        optimizer.step()
        curve.append(float(loss.data))
        if step % 50 == 0 or step == steps - 1:
            seen.append((step, losses_of(model, held_out)))
    return model, curve, seen, pair_table_loss(kept, held_out)


with when_written():
    model, curve, seen, table = watched_training()
    figure, axes = plt.subplots(figsize=(7.5, 3.6))
    axes.plot(curve, color="0.75", linewidth=0.8, label="each batch")
    axes.plot(*zip(*seen, strict=True), color="tab:blue", marker="o", markersize=4, label="held-out words")
    axes.axhline(table, color="tab:red", linestyle="--", label="table of pairs, held out")
    axes.axhline(np.log(27), color="0.4", linestyle=":", label="guessing blindly, ln 27")
    axes.set(xlabel="step", ylabel="nats per letter", ylim=(1.8, 3.5))
    axes.legend(frameon=False)
    axes.set_title("A GPT of 4,192 numbers, on an engine of your own")
    figure.tight_layout()
    plt.show()
    print("written:", ", ".join(write_words(model, 24, rng=np.random.default_rng(2), temperature=0.8)))

# %% [markdown]
# Where does the model look? The weights of its four heads, for one word: row by row what a position reads. Above the
# diagonal all is 0. Heads differ: some look at the last letter, some spread over all, some go back to the beginning.


# %%
def attention_weights(model, ids):
    """The weights of every head (heads, time, time) for one sequence of codes; given"""
    with no_grad():
        x = rms_norm(model.wte[ids] + model.wpe[: len(ids)])
        q, k = ((x @ W).reshape((len(ids), model.heads, -1)).transpose((1, 0, 2)).data for W in (model.Wq, model.Wk))
        scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
        return softmax(Tensor(np.where(np.tri(len(ids), dtype=bool), scores, -np.inf))).data


with when_written():
    shown = "exception"
    ids = as_codes([shown])[0, : len(shown) + 1]
    weights = attention_weights(watched_training()[0], ids)
    labels = ["·", *shown]
    figure, axes = plt.subplots(1, len(weights), figsize=(11, 3.2))
    for number, (axis, weight) in enumerate(zip(axes, weights, strict=True), 1):
        axis.imshow(weight, cmap="Blues", vmin=0, vmax=1)
        axis.set_xticks(range(len(labels)), labels)
        axis.set_yticks(range(len(labels)), labels)
        axis.set_title(f"head {number}", fontsize=10)
    axes[0].set_ylabel("position")
    figure.supxlabel("what it reads")
    figure.tight_layout()
    plt.show()

# %% [markdown]
# ### The same model by hand
#
# Is the engine right, and what does it cost? Below is the same GPT of the layers of 02, 03, 08 and 09, with the
# backward passes that you derived there. In float64 the loss and all nine gradients agree to 10⁻¹⁰. Both do the same
# products; the engine also makes a node, a closure and several small arrays for each of about 80 operations.


# %%
class HandwrittenGPT:
    """The GPT with the layers of earlier assignments, whose backward passes were derived by hand; given"""

    def __init__(self, model):
        layers = {name: earlier(f"layers.{name}") for name in ("Linear", "ReLU")}
        rng, (symbols, d) = np.random.default_rng(0), model.wte.shape
        Embedding, RMSNorm = earlier("embeddings.Embedding"), earlier("attention.RMSNorm")
        self.table, self.places = Embedding(symbols, d, rng=rng), Embedding(len(model.wpe.data), d, rng=rng)
        self.attention = earlier("attention.MultiHeadAttention")(d, model.heads, rng=rng)
        self.norms = [RMSNorm(d), RMSNorm(d), RMSNorm(d)]
        self.up, self.relu = layers["Linear"](d, 4 * d, rng=rng), layers["ReLU"]()
        self.down, self.head = layers["Linear"](4 * d, d, rng=rng), layers["Linear"](d, symbols, rng=rng)
        self.loss = earlier("losses.SoftmaxCrossEntropy")()
        a = self.attention
        self.matrices = [self.table.W, self.places.W, a.Wq, a.Wk, a.Wv, a.Wo, self.up.W, self.down.W, self.head.W]
        for own, tensor in zip(self.matrices, model.parameters(), strict=True):
            own.data = tensor.data.copy()

    def loss_and_gradients(self, ids, targets):
        """The loss, and the gradient of every matrix in the order of GPT.parameters()"""
        for matrix in self.matrices:
            matrix.zero_grad()
        shape, d = ids.shape, self.table.W.data.shape[1]
        x = self.table.forward(ids) + self.places.forward(np.arange(shape[1]))
        normal = self.norms[0].forward(x)
        x = x + self.attention.forward(normal, normal, np.tri(shape[1], dtype=bool))
        rows = self.norms[1].forward(x).reshape(-1, d)
        x = x + self.down.forward(self.relu.forward(self.up.forward(rows))).reshape(x.shape)
        scores = self.head.forward(self.norms[2].forward(x).reshape(-1, d))
        counted = np.flatnonzero(targets.reshape(-1) >= 0)
        value = self.loss.forward(scores[counted], targets.reshape(-1)[counted])
        dscores = np.zeros_like(scores)
        dscores[counted] = self.loss.backward()
        dx = self.norms[2].backward(self.head.backward(dscores).reshape(x.shape))
        branch = self.up.backward(self.relu.backward(self.down.backward(dx.reshape(-1, d))))
        dx = dx + self.norms[1].backward(branch.reshape(x.shape))
        branch = self.attention.backward(dx)
        dx = dx + self.norms[0].backward(branch[0] + branch[1])
        self.table.backward(dx)
        self.places.backward(dx.sum(axis=0))
        return value, [matrix.grad for matrix in self.matrices]


def engine_loss_and_gradients(model, ids, targets):
    """The same with the engine; given"""
    for tensor in model.parameters():
        tensor.zero_grad()
    loss = cross_entropy(model.forward(ids), targets)
    loss.backward()
    return loss.data, [tensor.grad for tensor in model.parameters()]


def seconds_of(function, *arguments, repeats=30):
    """The shortest of some runs; given"""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(*arguments)
        found.append(time.perf_counter() - start)
    return min(found)


with when_written():
    small = GPT(27, rng=np.random.default_rng(2))
    ids, targets = read_and_guess(as_codes(manual_words()[:3200:100]))
    by_hand = HandwrittenGPT(small)
    (value, grads), (expected, slopes) = (
        engine_loss_and_gradients(small, ids, targets),
        by_hand.loss_and_gradients(ids, targets),
    )
    largest = max([abs(value - expected), *(abs(a - b).max() for a, b in zip(grads, slopes, strict=True))])
    own, hand = (
        seconds_of(engine_loss_and_gradients, small, ids, targets),
        seconds_of(by_hand.loss_and_gradients, ids, targets),
    )
    print(f"largest difference of loss and gradients: {largest:.1e}")
    print(f"engine {1e3 * own:.2f} ms, by hand {1e3 * hand:.2f} ms: ratio {own / hand:.2f}")

# %% [markdown]
# **Question 2.** *(3 points)* (a) During `backward`, which arrays does the engine still need of a product `a @ b`, of
# `x.exp()`, of `x.relu()` and of `a + b`? (b) Why would it be wrong to change the array of a parameter in place between
# forward and backward, and right after backward it is not? (c) The engine of this assignment is slower than layers by
# hand for small models. Name two costs that do not grow with the arrays, and say why the ratio comes near 1 for large
# ones.

# %% [markdown] question="tape"
# ### BEGIN SOLUTION
# (a) The product: both operands. exp: its result. relu: where the input was positive (or its result). The sum: nothing
# but the shapes of the operands.
#
# (b) The pullbacks refer to the array, they have no copy: with another content, dy Bᵀ is computed with the new B, which
# is the gradient of no function that was computed. After backward the graph is given up, and nobody reads the array any
# more: this is when optimizers write.
#
# (c) For example: making a node object and a closure for every operation, sorting the graph, Python's calls; more but
# smaller NumPy calls, where a layer has one. They cost the same for every size, some microseconds an operation, while
# products of matrices grow with the sizes, and those are the same by hand.
#
# Mark scheme: 1 point for three of the four; 1 for references instead of copies, and the given-up graph; 1 for two
# costs (½) and that they are independent of the size while the products are not (½).
# ### END SOLUTION

# %% [markdown]
# You have written an engine, a model and its training, from the arrays up. What frameworks add to it is speed: kernels
# for devices, fused operations, graphs that are compiled before they run. What they compute is this.
