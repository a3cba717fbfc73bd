"""What is graded of 06_convolution: cases, points, limits, and the mistakes that people really make."""

import numpy as np

from autograder.checks import (
    Assignment,
    Case,
    FunctionExercise,
    LayerExercise,
    Memory,
    Mistake,
    ModelExercise,
    Points,
    Question,
    Rng,
    Speed,
    Task,
    swap,
)
from autograder.checks.standard import judge_float32
from autograder.spec import Check
from autograder.spec.comparison import Mismatch
from dlkit.datasets import mnist

GRADIENTS = "gradients match numerical differences"
TIES = "the first of equal numbers wins"

# Uneven in every axis: batch, channels, height, width, kernel; a stride that does not divide, padding, cells that are apart.
WINDOWS = [
    ((1, 1, 3, 4), {"kernel_size": 2}),
    ((2, 3, 6, 5), {"kernel_size": (3, 2), "stride": 2, "padding": 1}),
    ((3, 2, 7, 6), {"kernel_size": (2, 3), "stride": (1, 2), "padding": 2, "dilation": 2}),
]


def im2col_cases(rng):
    for shape, window in WINDOWS:
        yield Case(window, x=rng.normal(size=shape))


im2col = FunctionExercise(
    "im2col",
    cases=im2col_cases,
    points=3,
    hints={
        "im2col": (
            (
                "Stay with one cell of the kernel: which pixels does it meet at all places together? That is one "
                "slice, and the function cell gives it."
            ),
            (
                "u[n, (c, i, j), (h′, w′)] = x[n, c, s h′ + d i − p, s w′ + d j − p], and 0 outside the image; "
                "x (N, C, H, W), u (N, C kh kw, H′ W′), rows in the order c, i, j"
            ),
            (
                "Size of the output; the images padded; an empty array with six axes, batch, channel, i, j, h′, w′, in "
                "the dtype and the library of x. Fill it with one slice for each of the kh · kw cells. Let the three "
                "axes in the middle run into one, and the last two."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "puts the cells before the channels",
            swap("*x.shape[:2], *both(kernel_size), *out)", "len(x), *both(kernel_size), x.shape[1], *out)"),
            swap("columns[:, :, i, j] = x", "columns[:, i, j] = x"),
            hint="The rows are in the order channel, i, j: the cells of the first channel, then those of the second.",
        ),
        Mistake(
            "has places for rows",
            swap(
                "columns.reshape(len(x), -1, out[0] * out[1])",
                "columns.reshape(len(x), -1, out[0] * out[1]).transpose(0, 2, 1)",
            ),
            hint="Each place is a column: the shape is (N, C kh kw, places), not (N, places, C kh kw).",
        ),
        Mistake(
            "ignores the stride",
            swap("    out = output_size", "    stride = 1\n    out = output_size"),
            hint="The kernel moves by stride pixels at a time.",
        ),
        Mistake(
            "ignores the padding",
            swap("    out = output_size", "    padding = 0\n    out = output_size"),
            hint="Add padding pixels of zeros on every side first: x = padded(x, padding).",
        ),
        Mistake(
            "ignores the dilation",
            swap("cell(i, j, out, stride, dilation)", "cell(i, j, out, stride)"),
            hint="The cells of the kernel are dilation pixels apart: cell(i, j, out, stride, dilation).",
        ),
        Mistake(
            "takes the stride for the dilation",
            swap("cell(i, j, out, stride, dilation)", "cell(i, j, out, stride, both(stride)[0])"),
            hint="Stride is how far the kernel moves, dilation how far its cells are apart: cell (i, j) begins at pixel "
            "i · dilation, whatever the stride.",
        ),
        Mistake(
            "exchanges height and width of the kernel",
            swap("    out = output_size", "    kernel_size = both(kernel_size)[::-1]\n    out = output_size"),
            hint="kernel_size is (kh, kw): height first.",
        ),
        Mistake(
            "turns the kernel over",
            swap("columns[:, :, i, j] = x", "columns[:, :, -1 - i, -1 - j] = x"),
            hint="Cell (i, j) of the columns holds what cell (i, j) of the kernel meets; nothing is reversed.",
        ),
        Mistake(
            "makes float64 columns",
            swap("*out), dtype=x.dtype)", "*out))"),
            hint="empty, zeros and ones make float64 unless told otherwise: dtype=x.dtype.",
            caught_by="float32 stays float32",
        ),
        Mistake(
            "builds the columns on the host",
            swap("array_module(x).empty", "np.empty"),
            hint="np.empty makes a host array. Ask x for its library: array_module(x).empty.",
            caught_by="stays on the device",
        ),
    ],
)


def col2im_cases(rng):
    for (batch, channels, height, width), window in WINDOWS:
        kh, kw = np.broadcast_to(window["kernel_size"], 2)
        steps, padding, dilation = (
            np.broadcast_to(window.get("stride", 1), 2),
            window.get("padding", 0),
            window.get("dilation", 1),
        )
        sides = zip((height, width), (kh, kw), steps, strict=True)
        places = int(np.prod([(n + 2 * padding - dilation * (k - 1) - 1) // s + 1 for n, k, s in sides]))
        columns = rng.normal(size=(batch, channels * int(kh * kw), places))
        yield Case({"shape": (batch, channels, height, width), **window}, columns=columns)


col2im = FunctionExercise(
    "col2im",
    depends=("im2col",),  # which is its adjoint
    cases=col2im_cases,
    points=4,
    hints={
        "col2im": (
            (
                "A pixel that nine windows saw receives nine gradients. What becomes of the nine, and of what fell on "
                "the padding?"
            ),
            (
                "dx[n, c, h, w] = Σ du[n, (c, i, j), (h′, w′)] over all i, j, h′, w′ with s h′ + d i − p = h and s w′ + "
                "d j − p = w; "
                "du (N, C kh kw, H′ W′), dx (N, C, H, W)"
            ),
            (
                "Everything that im2col did, from the end: six axes again; zeros of the padded size; for each cell of "
                "the kernel add its part of the columns to the very pixels that it met; cut the border off."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "overwrites where it should add",
            swap("dilation)] += columns", "dilation)] = columns"),
            hint="A pixel that several windows saw receives a gradient from each of them: += over slices. With index arrays += keeps one of repeated places.",
        ),
        Mistake(
            "averages what falls on one pixel",
            swap(
                "    return x[:, :, padding",
                "    seen = array_module(columns).zeros_like(x)\n"
                "    for i, j in np.ndindex(*both(kernel_size)):\n"
                "        seen[cell(i, j, out, stride, dilation)] += 1\n"
                "    x /= array_module(columns).maximum(seen, 1)\n"
                "    return x[:, :, padding",
            ),
            hint="The adjoint is no inverse: the gradients of all windows add up, they are not averaged.",
        ),
        Mistake(
            "leaves the border on",
            swap("    return x[:, :, padding : padding + height, padding : padding + width]", "    return x"),
            hint="What fell on the padding belongs to no pixel: cut the border off at the end.",
        ),
        Mistake(
            "cuts the border off on one side only",
            swap("x[:, :, padding : padding + height, padding : padding + width]", "x[:, :, :height, :width]"),
            hint="The image begins at pixel padding of the padded one, not at 0.",
        ),
        Mistake(
            "reads the rows as cells before channels",
            swap(
                "columns.reshape(batch, channels, *both(kernel_size), *out)",
                "columns.reshape(batch, *both(kernel_size), channels, *out)",
            ),
            swap("+= columns[:, :, i, j]", "+= columns[:, i, j]"),
            hint="The rows of the columns are in the order channel, i, j, as im2col made them.",
        ),
        Mistake(
            "ignores the dilation",
            swap("x[cell(i, j, out, stride, dilation)]", "x[cell(i, j, out, stride)]"),
            hint="Put every number back where im2col took it from: cell(i, j, out, stride, dilation).",
        ),
        Mistake(
            "turns the kernel over",
            swap("+= columns[:, :, i, j]", "+= columns[:, :, -1 - i, -1 - j]"),
            hint="Row (c, i, j) goes back to where cell (i, j) took it from; nothing is reversed.",
        ),
        Mistake(
            "forgets the last cell",
            swap(
                "    for i, j in np.ndindex(*both(kernel_size)):",
                "    for i, j in list(np.ndindex(*both(kernel_size)))[:-1]:",
            ),
            hint="Every cell of the kernel gives back what it took: kh · kw slices.",
        ),
        Mistake(
            "makes float64 images",
            swap("zeros(larger, dtype=columns.dtype)", "zeros(larger)"),
            hint="empty, zeros and ones make float64 unless told otherwise: dtype=columns.dtype.",
            caught_by="float32 stays float32",
        ),
        Mistake(
            "builds the images on the host",
            swap("array_module(columns).zeros(larger", "np.zeros(larger"),
            hint="np.zeros makes a host array. Ask the columns for their library: array_module(columns).zeros.",
            caught_by="stays on the device",
        ),
    ],
)


def in_float32(exercise, cases):
    """The exercise with a check that single precision stays what it is."""

    def draw(rng):
        for case in list(cases(rng))[1:]:
            yield case.with_changes(inputs={name: x.astype("float32") for name, x in case.inputs.items()})

    @exercise.check("float32 stays float32", cases=draw, judge=judge_float32, after=(exercise.checks[0].name,))
    def observe(subject, case):
        return {"the result": subject.run(exercise.name, *case.inputs.values(), **case.arguments)}


in_float32(im2col, im2col_cases)
in_float32(col2im, col2im_cases)


def pairs(rng, _reference):
    for images, columns in zip(im2col_cases(rng), col2im_cases(rng), strict=True):
        yield images.with_changes(inputs={**images.inputs, **columns.inputs})


def both_products(subject, case):
    x, columns = case.inputs.values()
    there = subject.run("im2col", x, **case.arguments)
    back = subject.run("col2im", columns, tuple(x.shape), **case.arguments)
    return {"im2col x": there, "col2im u": back}


def judge_adjoint(observed, _expected, case):
    """⟨im2col x, u⟩ = ⟨x, col2im u⟩: the two functions are held to each other, not to the reference."""
    x, columns = case.inputs.values()
    there, back = observed["im2col x"], observed["col2im u"]
    if np.shape(there) != columns.shape or np.shape(back) != x.shape:
        text = f"im2col gives the shape {np.shape(there)} and col2im {np.shape(back)}: they do not fit each other"
        return Mismatch("shape", "col2im u", text)
    left, right = float((there * columns).sum()), float((x * back).sum())
    size = float(np.linalg.norm(there) * np.linalg.norm(columns))
    if abs(left - right) <= 1e-10 * size:
        return None
    text = "⟨im2col x, u⟩ and ⟨x, col2im u⟩ differ: col2im is not the adjoint of im2col"
    return Mismatch("value", "col2im u", text, error=abs(left - right))


# Both functions are the submission's own, so nothing right is needed: not after the comparison with the reference.
col2im.checks.append(
    Check(
        "im2col and col2im are adjoint to each other",
        "col2im",
        2.0,
        lambda rng, reference: list(pairs(rng, reference)),
        both_products,
        judge_adjoint,
        needs=("col2im",),
        sabotage="_right = {name}\ndef {name}(*args, **kwargs):\n    return 2 * _right(*args, **kwargs)\n",
    )
)


def convolution(shape, out_channels, kernel_size, **window):
    """Arguments and the shape of x for one convolution."""
    return {"in_channels": shape[1], "out_channels": out_channels, "kernel_size": kernel_size, **window, "rng": Rng(0)}


def conv2d_cases(rng):
    for shape, out_channels, kernel_size, window in [
        ((1, 1, 4, 3), 2, 2, {}),
        ((3, 2, 6, 5), 3, (3, 2), {"stride": 2, "padding": 1}),
        ((2, 3, 7, 6), 4, (2, 3), {"stride": (1, 2), "padding": 2, "dilation": 2}),
    ]:
        yield Case(convolution(shape, out_channels, kernel_size, **window), x=rng.normal(size=shape))


# A whole batch of columns, kept for backward, takes 0.65 to 0.9 times the reference here (and 1.4 times on large images), a
# loop over the places of the output 9 to 12 times, six nested loops 1300 times for forward alone.
conv2d = LayerExercise(
    "Conv2d",
    cases=conv2d_cases,
    points=Points(forward=4, backward=6, speed=2, memory=1),
    has_parameters=True,
    depends=("im2col", "col2im"),
    speed=Speed(Case(convolution((4, 8, 32, 32), 8, 3, padding=1), x=(4, 8, 32, 32)), at_most=5.0),
    memory=Memory(Case(convolution((8, 8, 32, 32), 32, 3, padding=1), x=(8, 8, 32, 32)), at_most=8.0),
    hints={
        "forward": (
            (
                "Once the columns are there, which layer of 02 is this? Over which axis do the weights, written as a "
                "matrix, and the columns agree?"
            ),
            (
                "u = im2col(x), (N, K, P), K = C kh kw, P = H′ W′; "
                "y = W u + b, (O, K) (K, P) + (O, 1) → (O, P) for every image; "
                "x (N, C, H, W), y (N, O, H′, W′)"
            ),
            (
                "The weights as a matrix, a row for each output channel. A few images at a time: their columns, the "
                "matrix product. Then the bias of each channel at all its places, and the places back into rows and "
                "columns. Keep x: its columns are many times as large."
            ),
        ),
        "backward": (
            (
                "One weight acts at every place of every image. Over which axes is its gradient summed, and over which "
                "that of the bias?"
            ),
            (
                "dW = Σₙ dyₙ uₙᵀ, (O, P) (P, K) → (O, K); "
                "dbₒ = Σₙₚ dyₙₒₚ, (N, O, P) → (O,); "
                "duₙ = Wᵀ dyₙ, (K, O) (O, P) → (K, P); "
                "dx = col2im(du), (N, C, H, W)"
            ),
            (
                "Let the two axes of places run into one. For a few images at a time make the columns anew; their "
                "product with dy, summed over these images, joins dW; the transposed weights times dy go through "
                "col2im into these images' dx. Sum dy over images and places. Add both sums to the gradients, and "
                "return dx."
            ),
        ),
        "speed": (
            (
                "Which loop runs over images, channels or places? And do the columns of one product still fit into the "
                "cache?"
            ),
            "N · O · K · P products, in matrix products (O, K) (K, P) → (O, P)",
            (
                "Loop over the cells of the kernel and over portions of the batch, and over nothing else: all places "
                "of an image are one matrix product."
            ),
        ),
        "memory": (
            "What do you keep between forward and backward, and for how many images do columns exist at one time?",
            (
                "columns of the batch: N · C kh kw · H′ W′ numbers; "
                "x itself: N · C · H · W; "
                "W times u without a sum in between: O times the columns"
            ),
            (
                "Keep x alone. Make columns for a portion of the batch, multiply by a matrix product (no product of "
                "single entries that is summed afterwards), and let them go before the next portion."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "forgets the bias",
            swap("        y += self.b.data[:, None]\n", ""),
            hint="Every output channel has a bias: add b[o] at every place.",
        ),
        Mistake(
            "ignores the stride",
            swap(
                "        out = output_size(x.shape[2:], **self.window)",
                '        self.window = {**self.window, "stride": 1}\n'
                "        out = output_size(x.shape[2:], **self.window)",
            ),
            hint="The kernel moves by stride pixels at a time: hand the stride on to im2col and to output_size.",
        ),
        Mistake(
            "ignores the padding",
            swap(
                "        out = output_size(x.shape[2:], **self.window)",
                '        self.window = {**self.window, "padding": 0}\n'
                "        out = output_size(x.shape[2:], **self.window)",
            ),
            hint="Hand the padding on to im2col and to output_size: (H + 2 padding − …).",
        ),
        Mistake(
            "ignores the dilation",
            swap(
                "        out = output_size(x.shape[2:], **self.window)",
                '        self.window = {**self.window, "dilation": 1}\n'
                "        out = output_size(x.shape[2:], **self.window)",
            ),
            hint="Hand the dilation on to im2col and to output_size: its cells are dilation pixels apart.",
        ),
        Mistake(
            "turns the kernel over",
            swap(
                "        W = self.W.data.reshape(len(self.W.data), -1)\n        out",
                "        W = self.W.data[:, :, ::-1, ::-1].reshape(len(self.W.data), -1)\n        out",
            ),
            hint="Libraries' convolution does not reverse the kernel: cell (0, 0) meets the upper left pixel of the window.",
        ),
        Mistake(
            "takes the weights as in by out",
            swap(
                "        W = self.W.data.reshape(len(self.W.data), -1)\n        out",
                "        W = self.W.data.reshape(-1, len(self.W.data)).T\n        out",
            ),
            hint="W is (out_channels, in_channels, kh, kw): reshape it to (out_channels, −1), without a transpose.",
        ),
        Mistake(
            "puts the channels last",
            swap("y.reshape(len(x), len(W), *out)", "y.transpose(0, 2, 1).reshape(len(x), *out, len(W))"),
            hint="The output is (N, out_channels, H′, W′), channels before places.",
        ),
        Mistake(
            "reads the places as channels",
            swap("y.reshape(len(x), len(W), *out)", "y.transpose(0, 2, 1).reshape(len(x), len(W), *out)"),
            hint="W u is (out_channels, places) for every image and can be reshaped as it is; a transpose before it mixes "
            "channels and places.",
        ),
        Mistake(
            "averages the weight gradient over the batch",
            swap(".sum(axis=0)\n            dx", ".sum(axis=0) / len(x)\n            dx"),
            hint="dW is a sum over images and places. The loss has divided by the batch size already.",
        ),
        Mistake(
            "averages the weight gradient over the places",
            swap(".sum(axis=0)\n            dx", ".sum(axis=0) / dy.shape[2]\n            dx"),
            hint="One weight acts at every place, and all these effects add up: a sum over places, no mean.",
        ),
        Mistake(
            "averages the bias gradient",
            swap("dy.sum(axis=(0, 2))", "dy.mean(axis=(0, 2))"),
            hint="db is a sum over images and places.",
        ),
        Mistake(
            "forgets the gradient of the bias",
            swap("        self.b.grad += dy.sum(axis=(0, 2))\n", ""),
            hint="The bias is a parameter too: add dy, summed over images and places, to self.b.grad.",
        ),
        Mistake(
            "sums the bias gradient over the batch only",
            swap("dy.sum(axis=(0, 2))", "dy.sum(axis=0)[:, 0]"),
            hint="The bias acts at every place of the output: sum over height and width as well.",
        ),
        Mistake(
            "overwrites the gradient of the weights",
            swap("self.W.grad +=", "self.W.grad[...] ="),
            hint="Use +=: gradients accumulate until zero_grad().",
            caught_by="gradients accumulate",
        ),
        Mistake(
            "keeps the gradient of the last portion only",
            swap("dW += (dy[rows]", "dW = (dy[rows]"),
            swap("in portions(len(x), W.shape[1] * dy.shape[2]):", "in portions(len(x), 2**20):"),
            hint="Where the batch is worked off in portions, each adds its part to dW: +=.",
        ),
        Mistake(
            "turns the kernel over going back",
            swap("col2im(W.T @ dy[rows]", "col2im(self.W.data[:, :, ::-1, ::-1].reshape(W.shape).T @ dy[rows]"),
            hint="The formula with a reversed kernel belongs to a convolution of padded dy. With col2im it is Wᵀ dy, the "
            "kernel as it is.",
        ),
        Mistake(
            "forgets the weights going back",
            swap("col2im(W.T @ dy[rows]", "col2im(0 * W.T @ dy[rows] + dy[rows].sum(axis=1, keepdims=True)"),
            hint="The error passes through the weights on its way back: du = Wᵀ dy, then col2im.",
        ),
        Mistake(
            "remembers the first batch for ever",
            swap("        self.x = x\n", '        self.x = getattr(self, "x", x)\n'),
            hint="backward belongs to the last forward: remember x anew in every call.",
            caught_by="a second call forgets the first",
        ),
        Mistake(
            "takes its columns to the host",
            swap("dW += (dy[rows] @ columns", "dW += (dy[rows] @ np.asarray(columns)"),
            hint="np.asarray pulls the columns off the GPU. They are an array of the right library already.",
            caught_by="backward stays on the device",
        ),
    ],
    slow="""
def forward(self, x):
    xp, (kh, kw) = array_module(x), self.window["kernel_size"]
    (down, right), dilation = both(self.window["stride"]), self.window["dilation"]
    self.x, out = x, output_size(x.shape[2:], **self.window)
    x = padded(x, self.window["padding"])
    y = xp.empty((len(x), len(self.W.data), *out), dtype=x.dtype)
    for h in range(out[0]):
        for w in range(out[1]):
            top, left = h * down, w * right
            seen = x[:, :, top : top + dilation * (kh - 1) + 1 : dilation, left : left + dilation * (kw - 1) + 1 : dilation]
            y[:, :, h, w] = xp.tensordot(seen, self.W.data, axes=((1, 2, 3), (1, 2, 3))) + self.b.data
    return y

def backward(self, dy):
    xp, (kh, kw), p = array_module(dy), self.window["kernel_size"], self.window["padding"]
    (down, right), dilation = both(self.window["stride"]), self.window["dilation"]
    x, (height, width) = padded(self.x, p), self.x.shape[2:]
    dx = xp.zeros(x.shape, dtype=x.dtype)
    for h in range(dy.shape[2]):
        for w in range(dy.shape[3]):
            rows = slice(h * down, h * down + dilation * (kh - 1) + 1, dilation)
            columns = slice(w * right, w * right + dilation * (kw - 1) + 1, dilation)
            self.W.grad += xp.tensordot(dy[:, :, h, w], x[:, :, rows, columns], axes=(0, 0))
            dx[:, :, rows, columns] += xp.tensordot(dy[:, :, h, w], self.W.data, axes=(1, 0))
    self.b.grad += dy.sum(axis=(0, 2, 3))
    return dx[:, :, p : p + height, p : p + width]
""",
    plain="""
def forward(self, x):
    self.shape, out = x.shape, output_size(x.shape[2:], **self.window)
    self.columns = im2col(x, **self.window)
    y = self.W.data.reshape(len(self.W.data), -1) @ self.columns + self.b.data[:, None]
    return y.reshape(len(x), -1, *out)

def backward(self, dy):
    xp, W = array_module(dy), self.W.data.reshape(len(self.W.data), -1)
    dy = dy.reshape(*dy.shape[:2], -1)
    self.W.grad += xp.tensordot(dy, self.columns, axes=((0, 2), (0, 2))).reshape(self.W.shape)
    self.b.grad += dy.sum(axis=(0, 2))
    return col2im(W.T @ dy, self.shape, **self.window)
""",
    bulky="""
def forward(self, x):
    self.shape, out = x.shape, output_size(x.shape[2:], **self.window)
    self.columns = im2col(x, **self.window)
    W = self.W.data.reshape(len(self.W.data), -1)
    products = W[:, :, None] * self.columns[:, None]
    return (products.sum(axis=2) + self.b.data[:, None]).reshape(len(x), -1, *out)

def backward(self, dy):
    W = self.W.data.reshape(len(self.W.data), -1)
    dy = dy.reshape(*dy.shape[:2], 1, -1)
    self.W.grad += (dy * self.columns[:, None]).sum(axis=(0, 3)).reshape(self.W.shape)
    self.b.grad += dy.sum(axis=(0, 2, 3))
    return col2im((W[:, :, None] * dy).sum(axis=1), self.shape, **self.window)
""",
)


def pooling_cases(rng):
    """Windows that overlap, that leave pixels over, and padding; mostly negative, so that a padded zero would win."""
    for shape, window in [
        ((1, 1, 4, 4), {"kernel_size": 2}),
        ((3, 2, 7, 5), {"kernel_size": (3, 2), "stride": 2, "padding": 1}),
        ((2, 3, 5, 7), {"kernel_size": (2, 3), "stride": (1, 2)}),
        ((2, 1, 5, 6), {"kernel_size": (2, 3)}),
    ]:
        yield Case(window, x=rng.normal(-1, 1, size=shape))


def tied_cases(rng):
    """Few different numbers, so that nearly every window has equal ones, as after a ReLU."""
    for shape, window in [
        ((2, 3, 6, 8), {"kernel_size": 2}),
        ((2, 2, 7, 7), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ]:
        yield Case(window, x=rng.integers(-1, 2, size=shape) * 1.0)


# The windows of a strided view, with argmax over them, take 3 times the reference, a loop over the places 14 to 17 times.
max_pool = LayerExercise(
    "MaxPool2d",
    cases=pooling_cases,
    points=Points(forward=2, backward=4, speed=1),
    speed=Speed(Case({"kernel_size": 2}, x=(4, 4, 64, 64)), at_most=7.0),
    hints={
        "forward": (
            "What would a zero in the padding do beside negative numbers? And which of two equal numbers has won?",
            (
                "y[n, c, h′, w′] = maxᵢⱼ x[n, c, s h′ + i − p, s w′ + j − p], and −∞ outside the image; "
                "x (N, C, H, W), y (N, C, H′, W′)"
            ),
            (
                "Pad. Begin with what the first cell of the kernel meets, as a copy. Go through the cells row by row; "
                "where the next one is strictly greater it takes over. Remember the number of the cell that was best, "
                "for every window."
            ),
        ),
        "backward": (
            "The winner of a window gets all of its dy. And a pixel that won two windows?",
            (
                "dx[n, c, h, w] = Σ dy[n, c, h′, w′] over the windows (h′, w′) that the pixel (h, w) wins; "
                "dx (N, C, H, W), dy (N, C, H′, W′)"
            ),
            (
                "Zeros of the padded size. For each cell of the kernel: dy where that cell was the winner, 0 "
                "elsewhere, added to the pixels that the cell meets. Cut the border off."
            ),
        ),
        "speed": (
            "Does a loop of yours run over places of the image, or over cells of the kernel?",
            "kh · kw slices of N · C · H′ W′ numbers each, forward and backward alike",
            "For each cell compare, or add, all windows of all images at once.",
        ),
    },
    mistakes=[
        Mistake(
            "takes the smallest",
            swap("xp.maximum(y, seen, out=y)", "xp.minimum(y, seen, out=y)"),
            hint="The largest number of the window is kept.",
        ),
        Mistake(
            "pads with zeros",
            swap("padded(x, self.padding, -np.inf)", "padded(x, self.padding)"),
            hint="A zero is larger than a negative number and would win. Pad with −∞: a pixel that is not there never wins.",
        ),
        Mistake(
            "ignores the stride",
            swap(
                "        xp = array_module(x)\n",
                "        xp = array_module(x)\n        self.stride = self.kernel_size\n",
            ),
            hint="The windows are stride pixels apart, which need not be the size of the kernel.",
        ),
        Mistake(
            "moves by one pixel",
            swap("        xp = array_module(x)\n", "        xp = array_module(x)\n        self.stride = 1\n"),
            hint="The windows are stride pixels apart: without a stride of its own, as many as the kernel is large.",
        ),
        Mistake(
            "ignores the padding",
            swap("        xp = array_module(x)\n", "        xp = array_module(x)\n        self.padding = 0\n"),
            hint="Add padding pixels of −∞ on every side first.",
        ),
        Mistake(
            "leaves out the last cell",
            swap(
                "            xp.maximum(y, seen, out=y)\n",
                "            if n + 1 < self.kernel_size[0] * self.kernel_size[1]:\n                xp.maximum(y, seen, out=y)\n",
            ),
            hint="Every cell of the kernel takes part, kh · kw of them.",
        ),
        Mistake(
            "writes into the caller's image",
            swap("self.out, self.stride)].copy()", "self.out, self.stride)]"),
            hint="A slice is no copy: keeping the best so far in it writes into x, where windows overlap even "
            "before the others have read it. Take a .copy() of the first one.",
        ),
        Mistake(
            "overwrites where windows overlap",
            swap("self.stride)] += dy * (self.winner == n)", "self.stride)] = dy * (self.winner == n)"),
            hint="A pixel may win several windows and be seen by others that it does not win: add with +=.",
        ),
        Mistake(
            "gives every pixel of the window the gradient",
            swap("dy * (self.winner == n)", "dy * (self.winner >= 0)"),
            hint="Only the winner reaches the output: the others get nothing.",
        ),
        Mistake(
            "shares the gradient like an average",
            swap("dy * (self.winner == n)", "dy / (self.kernel_size[0] * self.kernel_size[1])"),
            hint="That is the backward pass of the average. Here the winner gets all of it.",
        ),
        Mistake(
            "forgets the upstream gradient",
            swap("dy * (self.winner == n)", "(self.winner == n).astype(dy.dtype)"),
            hint="Chain rule: the winner gets dy, not 1.",
        ),
        Mistake(
            "sends the gradient to one cell for all",
            swap("dy * (self.winner == n)", "dy * (n == 0)"),
            hint="Every window has its own winner: remember in forward which cell it was.",
        ),
        Mistake(
            "leaves the border on",
            swap("return dx[:, :, p : p + height, p : p + width]", "return dx"),
            hint="dx has the shape of x: cut off what the padding added.",
        ),
        Mistake(
            "lets the last of equal numbers win",
            swap("(seen > y)", "(seen >= y)"),
            hint="Of equal numbers the first wins: only a strictly greater one takes over, seen > y.",
            caught_by=TIES,
        ),
        Mistake(
            "gives all equal numbers the gradient",
            swap("        return y\n", "        self.x, self.y = x, y\n        return y\n"),
            swap("dy * (self.winner == n)", "dy * (self.x[cell(i, j, self.out, self.stride)] == self.y)"),
            hint="x == y is true for every one of equal numbers, and dy would be paid out several times. The first gets it.",
            caught_by=TIES,
        ),
        Mistake(
            "shares the gradient among equal numbers",
            swap(
                "        return y\n",
                "        self.x, self.y = x, y\n"
                "        self.equal = sum((x[cell(i, j, self.out, self.stride)] == y) * 1.0 for i, j in np.ndindex(*self.kernel_size))\n"
                "        return y\n",
            ),
            swap(
                "dy * (self.winner == n)",
                "(dy * (self.x[cell(i, j, self.out, self.stride)] == self.y) / self.equal).astype(dy.dtype)",
            ),
            hint="A fair share would be a right gradient too, but the convention is PyTorch's: the first of equal numbers gets all.",
            caught_by=TIES,
        ),
        Mistake(
            "counts the winners on the host",
            swap("dy * (self.winner == n)", "dy * np.asarray(self.winner == n)"),
            hint="np.asarray pulls the winners off the GPU. Compare them where they are.",
            caught_by="backward stays on the device",
        ),
    ],
    slow="""
def forward(self, x):
    xp, (down, right), (kh, kw) = array_module(x), self.stride, self.kernel_size
    self.x, out = x, output_size(x.shape[2:], self.kernel_size, self.stride, self.padding)
    x = padded(x, self.padding, -np.inf)
    y = xp.empty((*x.shape[:2], *out), dtype=x.dtype)
    for h in range(out[0]):
        for w in range(out[1]):
            y[:, :, h, w] = x[:, :, h * down : h * down + kh, w * right : w * right + kw].max(axis=(2, 3))
    return y

def backward(self, dy):
    xp, (down, right), (kh, kw), p = array_module(dy), self.stride, self.kernel_size, self.padding
    x, (height, width) = padded(self.x, p, -np.inf), self.x.shape[2:]
    dx = xp.zeros(x.shape, dtype=dy.dtype)
    for h in range(dy.shape[2]):
        for w in range(dy.shape[3]):
            rows, columns = slice(h * down, h * down + kh), slice(w * right, w * right + kw)
            window = x[:, :, rows, columns]
            first = window.reshape(*x.shape[:2], -1).argmax(axis=2)
            hit = first[:, :, None] == xp.arange(kh * kw)
            dx[:, :, rows, columns] += dy[:, :, h, w, None, None] * hit.reshape(window.shape)
    return dx[:, :, p : p + height, p : p + width]
""",
    plain="""
def forward(self, x):
    xp, (down, right), p = array_module(x), self.stride, self.padding
    self.shape = x.shape
    windows = xp.lib.stride_tricks.sliding_window_view(padded(x, p, -np.inf), self.kernel_size, axis=(2, 3))
    windows = windows[:, :, ::down, ::right]
    windows = windows.reshape(*windows.shape[:4], -1)
    self.winner = windows.argmax(axis=-1)
    return windows.max(axis=-1)

def backward(self, dy):
    xp, p, (kh, kw) = array_module(dy), self.padding, self.kernel_size
    height, width = self.shape[2:]
    dx = xp.zeros((*dy.shape[:2], height + 2 * p, width + 2 * p), dtype=dy.dtype)
    for n in range(kh * kw):
        i, j = divmod(n, kw)
        dx[cell(i, j, dy.shape[2:], self.stride)] += xp.where(self.winner == n, dy, 0)
    return dx[:, :, p : p + height, p : p + width]
""",
)


@max_pool.check(TIES, cases=tied_cases, part="backward", after=("forward matches the reference", GRADIENTS))
def ties(subject, case):
    """Whole numbers as dy, so that sums are exact in any order."""
    layer = subject.make("MaxPool2d", **case.arguments)
    y = layer.call("forward", case.inputs["x"])
    return {"dx": layer.call("backward", 1.0 + np.arange(y.size).reshape(y.shape))}


avg_pool = LayerExercise(
    "AvgPool2d",
    cases=pooling_cases,
    points=Points(forward=1, backward=2),
    hints={
        "forward": (
            "By how many is the sum divided where a window reaches into the padding?",
            (
                "y[n, c, h′, w′] = 1/(kh kw) Σᵢⱼ x[n, c, s h′ + i − p, s w′ + j − p], and 0 outside the image; "
                "x (N, C, H, W), y (N, C, H′, W′)"
            ),
            (
                "Pad with zeros, and remember the shape of x. Add up what each cell of the kernel meets, slice by "
                "slice, in x's own dtype; divide once by the number of cells."
            ),
        ),
        "backward": (
            (
                "The mean is linear. Which share of a window's dy does each of its pixels get, and what if it lies in "
                "several windows?"
            ),
            (
                "dx[n, c, h, w] = 1/(kh kw) Σ dy[n, c, h′, w′] over the windows (h′, w′) in which the pixel (h, w) "
                "lies; "
                "dx (N, C, H, W), dy (N, C, H′, W′)"
            ),
            (
                "Divide dy by the number of cells. Into zeros of the padded size, add that share at the pixels of each "
                "cell of the kernel in turn. Cut the border off."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "sums where it should average",
            swap("        y /= self.kernel_size[0] * self.kernel_size[1]\n", ""),
            hint="The mean: the sum divided by the number of cells, kh · kw.",
        ),
        Mistake(
            "divides by the height squared",
            swap("        y /= self.kernel_size[0] * self.kernel_size[1]", "        y /= self.kernel_size[0] ** 2"),
            hint="The kernel may be wider than high: it has kh · kw cells.",
        ),
        Mistake(
            "does not count the padded zeros",
            swap(
                "        y /= self.kernel_size[0] * self.kernel_size[1]\n",
                "        there = padded(array_module(x).ones((1, 1, *self.shape[2:]), dtype=x.dtype), self.padding)\n"
                "        y /= sum(there[cell(i, j, self.out, self.stride)] for i, j in np.ndindex(*self.kernel_size))\n",
            ),
            hint="PyTorch's default counts padded zeros as pixels: the divisor is kh · kw at every place.",
        ),
        Mistake(
            "takes the maximum",
            swap(
                "            y += x[cell(i, j, self.out, self.stride)]\n",
                "            seen = x[cell(i, j, self.out, self.stride)]\n"
                "            y = seen if i == j == 0 else array_module(x).maximum(y, seen)\n",
            ),
            swap("        y /= self.kernel_size[0] * self.kernel_size[1]\n", ""),
            hint="This layer averages; the maximum was the one before.",
        ),
        Mistake(
            "forgets to divide going back",
            swap("share = dy / (self.kernel_size[0] * self.kernel_size[1])", "share = dy"),
            hint="Each pixel enters the mean with the factor 1 / (kh kw), so its gradient has that factor too.",
        ),
        Mistake(
            "overwrites where windows overlap",
            swap("self.stride)] += share", "self.stride)] = share"),
            hint="A pixel in several windows receives a share from each: +=.",
        ),
        Mistake(
            "divides by the size of the output",
            swap(
                "share = dy / (self.kernel_size[0] * self.kernel_size[1])", "share = dy / (self.out[0] * self.out[1])"
            ),
            hint="The divisor is the number of cells in the window, not the number of windows.",
        ),
        Mistake(
            "gives the gradient to the first cell only",
            swap("self.stride)] += share", "self.stride)] += share * (i == j == 0)"),
            hint="Every pixel of the window has its part in the mean, and its part of the gradient.",
        ),
        Mistake(
            "leaves the border on",
            swap("return dx[:, :, p : p + height, p : p + width]", "return dx"),
            hint="dx has the shape of x: cut off what the padding added.",
        ),
    ],
)

global_average = LayerExercise(
    "GlobalAveragePool",
    cases=lambda rng: [Case(x=rng.normal(size=shape)) for shape in [(1, 2, 3, 4), (3, 1, 2, 2), (4, 3, 5, 2)]],
    points=Points(forward=1, backward=1),
    hints={
        "forward": (
            "Which two axes disappear altogether, and which two stay?",
            "y[n, c] = 1/(H W) Σ x[n, c, h, w] over all h and w; x (N, C, H, W), y (N, C)",
            (
                "The mean over rows and columns of every channel together, with no axis of length one left behind. "
                "Remember the shape of x, anew in every call."
            ),
        ),
        "backward": (
            "How many pixels share one number of dy, and of which shape is what you return?",
            "dx[n, c, h, w] = dy[n, c] / (H W); dy (N, C), dx (N, C, H, W)",
            (
                "Divide dy by the number of pixels; give it two axes of length one at its end, and spread it over the "
                "shape that forward remembered, in dy's own dtype."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "averages over the channels too",
            swap("x.mean(axis=(2, 3))", "x.mean(axis=(1, 2, 3))[:, None] + 0 * x[:, :, 0, 0]"),
            hint="Every channel has its own mean: only height and width, axes 2 and 3.",
        ),
        Mistake(
            "sums where it should average",
            swap("x.mean(axis=(2, 3))", "x.sum(axis=(2, 3))"),
            hint="The mean, not the sum.",
        ),
        Mistake(
            "keeps the axes",
            swap("x.mean(axis=(2, 3))", "x.mean(axis=(2, 3), keepdims=True)"),
            hint="The result is (N, C): no axes of length one.",
        ),
        Mistake(
            "averages over the rows only",
            swap("x.mean(axis=(2, 3))", "x.mean(axis=2)[:, :, 0]"),
            hint="The mean is over height and width.",
        ),
        Mistake(
            "forgets to divide going back",
            swap("share = dy / (self.shape[2] * self.shape[3])", "share = dy"),
            hint="Every pixel enters the mean with the factor 1 / (H W), so its gradient has that factor too.",
        ),
        Mistake(
            "divides by the height only",
            swap("share = dy / (self.shape[2] * self.shape[3])", "share = dy / self.shape[2]"),
            hint="H · W pixels share the gradient.",
        ),
        Mistake(
            "returns the gradient without its axes",
            swap("+ share[:, :, None, None]", "[:, :, 0, 0] + share"),
            hint="dx has the shape of x: every pixel of a channel gets the same share.",
        ),
        Mistake(
            "makes float64 gradients",
            swap("zeros(self.shape, dtype=dy.dtype)", "zeros(self.shape)"),
            hint="zeros makes float64 unless told otherwise: dtype=dy.dtype.",
            caught_by="float32 gradients stay float32",
        ),
        Mistake(
            "remembers the size of the first images",
            swap("self.shape = x.shape", 'self.shape = (*x.shape[:2], *getattr(self, "shape", x.shape)[2:])'),
            hint="The next images may have another size: remember the shape anew in every forward.",
            caught_by="a second call forgets the first",
        ),
        Mistake(
            "remembers the first batch for ever",
            swap("self.shape = x.shape", 'self.shape = getattr(self, "shape", x.shape)'),
            hint="The last batch of an epoch may be smaller: remember the shape anew in every forward.",
            caught_by="a second call forgets the first",
        ),
    ],
)


def transpose_cases(rng):
    for shape, out_channels, kernel_size, window in [
        ((1, 1, 2, 3), 2, 2, {}),
        ((3, 2, 3, 4), 3, (3, 2), {"stride": 2, "padding": 1, "output_padding": 1}),
        ((2, 3, 4, 3), 1, (2, 4), {"stride": (1, 3)}),
    ]:
        yield Case(convolution(shape, out_channels, kernel_size, **window), x=rng.normal(size=shape))


conv_transpose = LayerExercise(
    "ConvTranspose2d",
    cases=transpose_cases,
    points=Points(forward=3, backward=4),
    has_parameters=True,
    depends=("im2col", "col2im"),
    hints={
        "forward": (
            (
                "Conv2d's backward makes dx out of dy by a matrix product and col2im. Which array plays the part of dy "
                "here, and which size must be worked out?"
            ),
            (
                "H′ = (H − 1) s − 2 p + kh + q, q = output_padding; "
                "W′ = (W − 1) s − 2 p + kw + q; "
                "y = col2im(Wᵀ x) + b for every image, x as (C, P), P = H W; "
                "(O kh kw, C) (C, P) → (O kh kw, P) → (O, H′, W′)"
            ),
            (
                "Height and width of the output. The weights as a matrix with a row for each input channel; x with its "
                "places on one axis. Transposed weights times x are the columns, which col2im lays down in an output "
                "of that size. The bias comes at the very end, once for each place."
            ),
        ),
        "backward": (
            "What does each step of forward become when it is gone back, and whose adjoint is col2im?",
            (
                "vₙ = im2col(dyₙ), (O kh kw, P), P = H W; "
                "dxₙ = W vₙ, (C, O kh kw) (O kh kw, P) → (C, P); "
                "dW = Σₙ xₙ vₙᵀ, (C, P) (P, O kh kw) → (C, O kh kw); "
                "dbₒ = Σ dy over images, rows and columns, (O,)"
            ),
            (
                "The columns of dy, with the window that forward gave to col2im. The weights as a matrix times them "
                "are dx. The images, places on one axis, times the columns transposed, summed over the batch, are dW "
                "in another shape. Add it and the bias's sum to the gradients."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "forgets the bias",
            swap(" + self.b.data[:, None, None]", ""),
            hint="Every output channel has a bias, added at every place once.",
        ),
        Mistake(
            "ignores the output padding",
            swap("        (down, right), p", "        self.output_padding = 0\n        (down, right), p"),
            hint="output_padding makes the output so many rows and columns larger.",
        ),
        Mistake(
            "ignores the padding",
            swap("        (down, right), p", '        self.window["padding"] = 0\n        (down, right), p'),
            hint="Padding makes the output smaller here: 2 · padding pixels less in each direction.",
        ),
        Mistake(
            "turns the kernel over",
            swap("W = self.W.data.reshape(channels, -1)", "W = self.W.data[:, :, ::-1, ::-1].reshape(channels, -1)"),
            hint="Every number lays the kernel down as it is. Only the formula by way of a convolution of spread-out x reverses it.",
        ),
        Mistake(
            "reads the weights as out by in",
            swap(
                "W = self.W.data.reshape(channels, -1)", "W = self.W.data.transpose(1, 0, 2, 3).reshape(channels, -1)"
            ),
            hint="W is (in_channels, out_channels, kh, kw), the other way round than in Conv2d: as a matrix it is (in, −1).",
        ),
        Mistake(
            "adds the bias once for every number laid down",
            swap(
                "columns = W.T @ x.reshape(batch, channels, -1)",
                "columns = W.T @ x.reshape(batch, channels, -1)\n        columns += array_module(x).repeat(self.b.data, kh * kw)[:, None]",
            ),
            swap(" + self.b.data[:, None, None]", ""),
            hint="The bias is added to the finished output, not to the columns: where kernels overlap it would count twice.",
        ),
        Mistake(
            "averages the weight gradient",
            swap(".sum(axis=0).reshape", ".mean(axis=0).reshape"),
            hint="dW is a sum over the batch. The loss has divided by the batch size already.",
        ),
        Mistake(
            "forgets the gradient of the bias",
            swap("        self.b.grad += dy.sum(axis=(0, 2, 3))\n", ""),
            hint="The bias is a parameter too: add dy, summed over images, rows and columns, to self.b.grad.",
        ),
        Mistake(
            "sums the bias gradient over the batch only",
            swap("dy.sum(axis=(0, 2, 3))", "dy.sum(axis=0)[:, 0, 0]"),
            hint="The bias acts at every place of the output: sum over height and width as well.",
        ),
        Mistake(
            "overwrites the gradient of the weights",
            swap("self.W.grad += (x", "self.W.grad[...] = (x"),
            hint="Use +=: gradients accumulate until zero_grad().",
            caught_by="gradients accumulate",
        ),
        Mistake(
            "turns the kernel over going back",
            swap("(self.W.data.reshape(x.shape[1], -1) @", "(self.W.data[:, :, ::-1, ::-1].reshape(x.shape[1], -1) @"),
            hint="dx = W im2col(dy): the kernel as it is.",
        ),
        Mistake(
            "forgets the weights going back",
            swap("(self.W.data.reshape(x.shape[1], -1) @ columns)", "(0 * x + columns.sum(axis=1, keepdims=True))"),
            hint="The error passes through the weights on its way back: dx = W im2col(dy).",
        ),
        Mistake(
            "reads dy as if the stride were one",
            swap(
                "columns = im2col(dy, **self.window)",
                'columns = im2col(dy, **{**self.window, "stride": 1})[:, :, : x.shape[2]]',
            ),
            hint="im2col must take from dy just where forward's col2im put: the same kernel, stride and padding.",
        ),
    ],
)


def local_cases(rng):
    for shape, out_channels, kernel_size, stride in [
        ((1, 1, 3, 2), 2, 2, 1),
        ((4, 2, 4, 5), 3, (3, 2), 1),
        ((3, 2, 5, 6), 2, (2, 3), 2),
    ]:
        arguments = convolution(shape, out_channels, kernel_size, stride=stride)
        yield Case({**arguments, "size": shape[2:]}, x=rng.normal(size=shape))


locally_connected = LayerExercise(
    "LocallyConnected2d",
    cases=local_cases,
    points=Points(forward=2, backward=4),
    has_parameters=True,
    depends=("im2col", "col2im"),
    hints={
        "forward": (
            (
                "A convolution uses one matrix at all places; here every place has its own. Which axis has to stand in "
                "front, so that a stack of matrix products does it?"
            ),
            (
                "u = im2col(x), (N, K, P), K = C kh kw, P = H′ W′; "
                "yₙₒₚ = bₒₚ + Σₖ Wₚₒₖ uₙₖₚ; "
                "as a stack of P products: (P, O, K) (P, K, N) → (P, O, N); "
                "x (N, C, H, W), y (N, O, H′, W′)"
            ),
            (
                "Columns with the places first and the batch last; keep them, and the shape of x. The weights with one "
                "axis of places in place of two. One stacked product; its axes back into the order batch, channel, "
                "place; the places into rows and columns; the bias of every number."
            ),
        ),
        "backward": (
            "No weight is used at two places. Over which axis is still summed, and over which no longer?",
            (
                "dWₚₒₖ = Σₙ dyₙₒₚ uₙₖₚ, stacks (P, O, N) (P, N, K) → (P, O, K); "
                "dbₒₚ = Σₙ dyₙₒₚ, (O, H′, W′); "
                "duₙₖₚ = Σₒ Wₚₒₖ dyₙₒₚ, stacks (P, K, O) (P, O, N) → (P, K, N); "
                "dx = col2im(du), du as (N, K, P)"
            ),
            (
                "The bias first, while dy still has its shape: a sum over the batch. Bring the places of dy to the "
                "front, as in forward. One stacked product with the kept columns for the weights, one with the weights "
                "for the columns; turn the latter back and lay it down with col2im. Add to the gradients."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "forgets the bias",
            swap(" + self.b.data\n", "\n"),
            hint="Every number of the output has a bias of its own: + self.b.data.",
        ),
        Mistake(
            "uses the weights of the first place everywhere",
            swap("y = (W @ self.columns)", "y = (W[:1] @ self.columns)"),
            hint="That would be a convolution. Here every place has its own weights.",
        ),
        Mistake(
            "counts the places column by column",
            swap(
                "        W = self.W.data.reshape(height * width, out_channels, -1)\n        y",
                "        W = self.W.data.transpose(1, 0, 2, 3, 4, 5).reshape(height * width, out_channels, -1)\n        y",
            ),
            hint="W is (H′, W′, …) and the columns count places row by row: reshape without a transpose.",
        ),
        Mistake(
            "reads the places as channels",
            swap("(W @ self.columns).transpose(2, 1, 0)", "(W @ self.columns).transpose(2, 0, 1)"),
            hint="Before the last reshape the axes must be (N, out_channels, places).",
        ),
        Mistake(
            "gives all places the bias of the first",
            swap(" + self.b.data\n", " + self.b.data[:, :1, :1]\n"),
            hint="b is (out_channels, H′, W′): a bias for every number of the output.",
        ),
        Mistake(
            "sums the weight gradient over the places",
            swap(
                "(dy @ self.columns.transpose(0, 2, 1)).reshape",
                "(0 * W + (dy @ self.columns.transpose(0, 2, 1)).sum(axis=0)).reshape",
            ),
            hint="That sum belongs to Conv2d, whose weights are shared. Here each place's weights have their own gradient.",
        ),
        Mistake(
            "averages the weight gradient",
            swap(
                "(dy @ self.columns.transpose(0, 2, 1)).reshape",
                "(dy @ self.columns.transpose(0, 2, 1) / len(self.columns[0, 0])).reshape",
            ),
            hint="dW is a sum over the batch. The loss has divided by the batch size already.",
        ),
        Mistake(
            "sums the bias gradient over the places",
            swap("dy.sum(axis=0)", "dy.sum(axis=(0, 2, 3))[:, None, None]"),
            hint="No bias is shared by places: db is a sum over the batch only.",
        ),
        Mistake(
            "forgets the gradient of the bias",
            swap("        self.b.grad += dy.sum(axis=0)\n", ""),
            hint="The bias is a parameter too: add dy, summed over the batch, to self.b.grad.",
        ),
        Mistake(
            "overwrites the gradient of the weights",
            swap("self.W.grad += (dy", "self.W.grad[...] = (dy"),
            hint="Use +=: gradients accumulate until zero_grad().",
            caught_by="gradients accumulate",
        ),
        Mistake(
            "uses the weights of the first place going back",
            swap("W.transpose(0, 2, 1) @ dy", "W[:1].transpose(0, 2, 1) @ dy"),
            hint="The error of a place passes through that place's weights.",
        ),
        Mistake(
            "forgets the stride going back",
            swap(
                "self.shape, **self.window)",
                'self.shape, **self.window) if self.window["stride"] == 1 else array_module(dy).zeros(self.shape, dtype=dy.dtype)',
            ),
            hint="col2im must put back where im2col took from: the same kernel and stride.",
        ),
    ],
)


def residual_cases(rng):
    for shape, out_channels, stride in [
        ((1, 2, 3, 4), 2, 1),
        ((3, 2, 4, 3), 3, 1),
        ((2, 3, 5, 4), 2, 2),
        ((2, 2, 4, 6), 2, 2),
    ]:
        arguments = {"in_channels": shape[1], "out_channels": out_channels, "stride": stride, "rng": Rng(0)}
        yield Case(arguments, x=rng.normal(size=shape))


residual = LayerExercise(
    "ResidualBlock",
    cases=residual_cases,
    points=Points(forward=2, backward=3),
    has_parameters=True,
    depends=("im2col", "col2im", "Conv2d"),
    hints={
        "forward": (
            (
                "Where does the way around join the convolutions again: before the last ReLU, or behind it? And when "
                "can x not be added as it is?"
            ),
            (
                "F(x) = conv2(max(0, conv1(x))); "
                "S(x) = x, or projection(x) where there is one; "
                "y = max(0, F(x) + S(x)); "
                "x (N, C, H, W), F, S and y (N, O, H′, W′)"
            ),
            (
                "conv1, the first ReLU, conv2, and no ReLU behind it yet. The way around, straight or through the "
                "projection. Their sum goes through the second ReLU."
            ),
        ),
        "backward": (
            "x was used twice. From which point do both ways back set out, and what happens where they meet again?",
            (
                "dh = dy · [F(x) + S(x) > 0]; "
                "dx = F′(x)ᵀ dh + S′(x)ᵀ dh, the last term being dh itself without a projection; "
                "dh (N, O, H′, W′), dx (N, C, H, W)"
            ),
            (
                "Back through the last ReLU. From there one way through conv2, the first ReLU and conv1, by the "
                "backward of each in this order; the other through the projection's backward, or straight. Add what "
                "arrives."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "forgets the shortcut",
            swap("self.relu2.forward(h + shortcut)", "self.relu2.forward(h)"),
            hint="The input is added before the last ReLU: y = max(0, F(x) + S(x)).",
        ),
        Mistake(
            "adds the shortcut after the last ReLU",
            swap("self.relu2.forward(h + shortcut)", "self.relu2.forward(h) + shortcut"),
            hint="First the sum, then the ReLU.",
        ),
        Mistake(
            "forgets the ReLU between the convolutions",
            swap("self.relu1.forward(self.conv1.forward(x))", "self.conv1.forward(x)"),
            hint="Two convolutions without a ReLU between them are one convolution.",
        ),
        Mistake(
            "forgets the last ReLU",
            swap("self.relu2.forward(h + shortcut)", "h + shortcut"),
            hint="y = max(0, F(x) + S(x)): the ReLU comes after the sum.",
        ),
        Mistake(
            "puts a ReLU behind the second convolution as well",
            swap("h = self.conv2.forward(h)", "h = ReLU().forward(self.conv2.forward(h))"),
            hint="The second convolution must be able to subtract: its ReLU comes after the sum.",
        ),
        Mistake(
            "adds the input where it should be projected",
            swap(
                "self.projection.forward(x) if self.projection else x",
                "x[:, :1, :: x.shape[2] // h.shape[2], :: x.shape[3] // h.shape[3]][:, :, : h.shape[2], : h.shape[3]] if self.projection else x",
            ),
            hint="Where the shapes change, the shortcut is self.projection.forward(x).",
        ),
        Mistake(
            "sends nothing through the shortcut going back",
            swap("return dx + dshortcut", "return dx"),
            hint="x was used twice: the gradient of the shortcut has to be added.",
        ),
        Mistake(
            "sends nothing through the convolutions going back",
            swap("return dx + dshortcut", "return dshortcut"),
            hint="x was used twice: the gradient through the convolutions has to be added.",
        ),
        Mistake(
            "takes the shortcut of dy past the last ReLU",
            swap("else dh\n", "else dy\n"),
            hint="The last ReLU comes after the sum: both ways receive what it lets through, dh.",
        ),
        Mistake(
            "forgets the last ReLU going back",
            swap("dh = self.relu2.backward(dy)", "dh = dy"),
            hint="The road back begins with the last thing that forward did: relu2.backward.",
        ),
        Mistake(
            "forgets the ReLU between the convolutions going back",
            swap("self.relu1.backward(self.conv2.backward(dh))", "self.conv2.backward(dh)"),
            hint="Between conv2 and conv1 lies relu1: its backward, too.",
        ),
        Mistake(
            "forgets the projection going back",
            swap("self.projection.backward(dh) if self.projection else dh", "0 * dx if self.projection else dh"),
            hint="The projection has an input and parameters too: send dh through its backward.",
        ),
    ],
)


def mnist_task(rng):
    del rng  # what differs from seed to seed is the disguise, and the numbers that training draws
    data = mnist()
    return Task(data.x_train[:, None], data.y_train, data.x_test[:, None], data.y_test)


# The reference reaches 0.9843 in the mean (standard deviation 0.0021) and 0.980 at worst over 22 seeds, in 25 s of CPU time
# each on a busy machine: the threshold lies 4.5 standard deviations off, so that one of three seeds misses it by chance
# less often than once in 10,000 gradings.
capstone = ModelExercise(
    "train_cnn",
    task=mnist_task,
    accuracy=0.975,
    points=6,
    cpu_s=120.0,
    disguised="sides",
    depends=("im2col", "col2im", "Conv2d", "MaxPool2d"),
    hints={
        "train_cnn": (
            (
                "What is missing for the last percent: images moved by a pixel, a learning rate that falls to zero, or "
                "one more time over all images? And are the weights float32?"
            ),
            (
                "Conv2d 3, pooling 2: (N, 1, 28, 28) → (N, 32, 26, 26) → (N, 32, 13, 13); "
                "Conv2d 3, pooling 2: → (N, 64, 11, 11) → (N, 64, 5, 5); "
                "Linear: (N, 1600) → (N, 128) → (N, 10); "
                "η(t) = η₀ (1 − t / T), T the number of all steps, η₀ = 0.003"
            ),
            (
                "A ReLU behind both convolutions and behind the hidden layer, dropout before the scores; the whole "
                "network float32 before the optimizer takes its parameters. Half a dozen epochs in batches of about "
                "50; each batch moved by a pixel or none; forward, loss, clear, backward, the rate of this step, step."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "steps uphill",
            swap("optimizer.lr = 0.003 *", "optimizer.lr = -0.003 *"),
            swap("Adam(model.parameters()), 6, 50", "Adam(model.parameters()), 1, 50"),  # once is enough to see it
            hint="The learning rate is positive: the optimizer subtracts by itself.",
        ),
        Mistake(
            "returns the untrained model",
            swap("Adam(model.parameters()), 6, 50", "Adam(model.parameters()), 0, 50"),
            hint="The loop over epochs never runs.",
        ),
        Mistake(
            "shows the network one batch an epoch",
            swap("range(0, len(x), size)", "range(0, size, size)"),
            hint="Every image has its turn in every epoch: batches from 0 to len(x).",
        ),
        Mistake(
            "flattens the images first",
            swap("model.forward(moved)", "model.forward(moved.reshape(len(rows), -1))"),
            hint="A convolution wants (N, C, H, W): hand the images over as they are, and flatten behind the last pooling.",
        ),
    ],
)

ASSIGNMENT = Assignment(
    "06_convolution",
    title="Convolution",
    exercises=[
        im2col,
        col2im,
        conv2d,
        max_pool,
        avg_pool,
        global_average,
        conv_transpose,
        locally_connected,
        residual,
        capstone,
    ],
    questions=[Question("shared_weights", points=3), Question("short_cuts", points=3)],
    earlier=["02_layers", "03_losses"],
)
