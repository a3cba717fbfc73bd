"""Unseen wrong implementations of 06_convolution."""

from tests.diagnosis.unseen import Unseen, collected
from tests.diagnosis.unseen.optimizers import but

IM2COL = """
def im2col(x, kernel_size, stride=1, padding=0, dilation=1):
    kh, kw = both(kernel_size)
    n, c, h, w = x.shape
    oh, ow = output_size((h, w), kernel_size, stride, padding, dilation)
    x = padded(x, padding)
    columns = array_module(x).zeros((n, c, kh, kw, oh, ow), dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            columns[:, :, i, j] = x[cell(i, j, (oh, ow), stride, dilation)]
    return columns.reshape(n, c * kh * kw, oh * ow)
"""
COL2IM = """
def col2im(columns, shape, kernel_size, stride=1, padding=0, dilation=1):
    kh, kw = both(kernel_size)
    n, c, h, w = shape
    oh, ow = output_size((h, w), kernel_size, stride, padding, dilation)
    columns = columns.reshape(n, c, kh, kw, oh, ow)
    x = array_module(columns).zeros((n, c, h + 2 * padding, w + 2 * padding), dtype=columns.dtype)
    for i in range(kh):
        for j in range(kw):
            x[cell(i, j, (oh, ow), stride, dilation)] += columns[:, :, i, j]
    return x[:, :, padding : padding + h, padding : padding + w]
"""
CONV = """
def forward(self, x):
    self.x_shape = x.shape
    oh, ow = output_size(x.shape[2:], **self.window)
    self.columns = im2col(x, **self.window)
    W = self.W.data.reshape(len(self.W.data), -1)
    y = W @ self.columns + self.b.data[:, None]
    return y.reshape(len(x), len(W), oh, ow)

def backward(self, dy):
    n, o = dy.shape[:2]
    d = dy.reshape(n, o, -1)
    W = self.W.data.reshape(o, -1)
    self.W.grad += (d @ self.columns.transpose(0, 2, 1)).sum(axis=0).reshape(self.W.shape)
    self.b.grad += d.sum(axis=(0, 2))
    return col2im(W.T @ d, self.x_shape, **self.window)
"""
MAX = """
def forward(self, x):
    self.x_shape = x.shape
    self.out = output_size(x.shape[2:], self.kernel_size, self.stride, self.padding)
    self.big = padded(x, self.padding, -np.inf)
    y = array_module(x).full((*x.shape[:2], *self.out), -np.inf, dtype=x.dtype)
    for i in range(self.kernel_size[0]):
        for j in range(self.kernel_size[1]):
            y = array_module(x).maximum(y, self.big[cell(i, j, self.out, self.stride)])
    self.y = y
    return y

def backward(self, dy):
    (n, c, h, w), p = self.x_shape, self.padding
    dx = array_module(dy).zeros(self.big.shape, dtype=dy.dtype)
    taken = array_module(dy).zeros(dy.shape, dtype=bool)
    for i in range(self.kernel_size[0]):
        for j in range(self.kernel_size[1]):
            at = cell(i, j, self.out, self.stride)
            wins = (self.big[at] == self.y) & ~taken
            dx[at] += dy * wins
            taken = taken | wins
    return dx[:, :, p : p + h, p : p + w]
"""
AVG = """
def forward(self, x):
    self.x_shape = x.shape
    self.out = output_size(x.shape[2:], self.kernel_size, self.stride, self.padding)
    kh, kw = self.kernel_size
    big = padded(x, self.padding)
    y = sum(big[cell(i, j, self.out, self.stride)] for i in range(kh) for j in range(kw))
    return y / (kh * kw)

def backward(self, dy):
    (n, c, h, w), p = self.x_shape, self.padding
    kh, kw = self.kernel_size
    dx = array_module(dy).zeros((n, c, h + 2 * p, w + 2 * p), dtype=dy.dtype)
    for i in range(kh):
        for j in range(kw):
            dx[cell(i, j, self.out, self.stride)] += dy / (kh * kw)
    return dx[:, :, p : p + h, p : p + w]
"""
UP = """
def forward(self, x):
    self.x = x
    (kh, kw), (down, right) = self.window["kernel_size"], both(self.window["stride"])
    p, q = self.window["padding"], self.output_padding
    n, c, h, w = x.shape
    shape = (n, self.W.shape[1], (h - 1) * down - 2 * p + kh + q, (w - 1) * right - 2 * p + kw + q)
    W = self.W.data.reshape(c, -1)
    return col2im(W.T @ x.reshape(n, c, -1), shape, **self.window) + self.b.data[:, None, None]

def backward(self, dy):
    n, c, h, w = self.x.shape
    v = im2col(dy, **self.window)
    x = self.x.reshape(n, c, -1)
    W = self.W.data.reshape(c, -1)
    self.W.grad += (x @ v.transpose(0, 2, 1)).sum(axis=0).reshape(self.W.shape)
    self.b.grad += dy.sum(axis=(0, 2, 3))
    return (W @ v).reshape(self.x.shape)
"""
LOCAL = """
def forward(self, x):
    oh, ow, o = self.W.shape[:3]
    self.shape, self.u = x.shape, im2col(x, **self.window)
    W = self.W.data.reshape(oh * ow, o, -1)
    y = array_module(x).einsum("pok,nkp->nop", W, self.u)
    return y.reshape(len(x), o, oh, ow) + self.b.data

def backward(self, dy):
    xp = array_module(dy)
    oh, ow, o = self.W.shape[:3]
    d = dy.reshape(len(dy), o, -1)
    W = self.W.data.reshape(oh * ow, o, -1)
    self.W.grad += xp.einsum("nop,nkp->pok", d, self.u).reshape(self.W.shape)
    self.b.grad += dy.sum(axis=0)
    return col2im(xp.einsum("pok,nop->nkp", W, d), self.shape, **self.window)
"""
BLOCK = """
def forward(self, x):
    way = x if self.projection is None else self.projection.forward(x)
    h = self.relu1.forward(self.conv1.forward(x))
    return self.relu2.forward(self.conv2.forward(h) + way)

def backward(self, dy):
    dh = self.relu2.backward(dy)
    dx = self.conv1.backward(self.relu1.backward(self.conv2.backward(dh)))
    way = dh if self.projection is None else self.projection.backward(dh)
    return dx + way
"""

CONVOLUTION = collected(
    # --- im2col ------------------------------------------------------------------------------
    Unseen(
        "im2col",
        "puts the cells before the channels",
        but(IM2COL, ("columns.reshape(n", "columns.transpose(0, 2, 3, 1, 4, 5).reshape(n")),
        ("reordered", "permuted*"),
        also=("mistake: puts the cells before the channels",),
    ),
    Unseen(
        "im2col",
        "writes places down the columns",
        but(IM2COL, ("columns.reshape(n", "columns.transpose(0, 1, 2, 3, 5, 4).reshape(n")),
        ("reordered",),
    ),
    Unseen(
        "im2col",
        "knows one stride only",
        but(IM2COL, ("(oh, ow), stride, dilation)]", "(oh, ow), both(stride)[0], dilation)]")).replace(
            "kernel_size, stride, padding", "kernel_size, both(stride)[0], padding"
        ),
        (),
    ),
    Unseen(
        "im2col",
        "takes neighbours whatever the dilation",
        but(IM2COL, ("(oh, ow), stride, dilation)]", "(oh, ow), stride)]")),
        ("ignores dilation",),
        also=("mistake: ignores the dilation",),
    ),
    Unseen(
        "im2col",
        "stands places before cells",
        but(IM2COL, ("oh * ow)\n", "oh * ow).transpose(0, 2, 1)\n")),
        ("permuted (0, 2, 1)", "permuted*", "transpose"),
        also=("mistake: has places for rows",),
    ),
    Unseen(
        "im2col",
        "turns the kernel over and exchanges its sides",
        but(
            IM2COL,
            ("cell(i, j,", "cell(kh - 1 - i, kw - 1 - j,"),
            ("columns.reshape(n", "columns.transpose(0, 1, 3, 2, 4, 5).reshape(n"),
        ),
        ("reordered", "reversed*"),
        double=True,
    ),
    # --- col2im ------------------------------------------------------------------------------
    Unseen(
        "col2im",
        "writes instead of adding",
        but(COL2IM, ("dilation)] +=", "dilation)] =")),
        (),
        also=("mistake: overwrites where it should add",),
    ),
    Unseen(
        "col2im",
        "averages what a pixel receives",
        but(
            COL2IM,
            (
                "    return x[",
                """
    count = 0 * x
    for i in range(kh):
        for j in range(kw):
            count[cell(i, j, (oh, ow), stride, dilation)] += 1
    x = x / (count + (count == 0))
    return x[""",
            ),
        ),
        (),
        also=("mistake: averages what falls on one pixel",),
    ),
    Unseen(
        "col2im",
        "cuts the border off at the lower right",
        but(COL2IM, ("x[:, :, padding : padding + h, padding : padding + w]", "x[:, :, :h, :w]")),
        (),
        also=("mistake: cuts the border off on one side only",),
    ),
    Unseen(
        "col2im",
        "reads the columns cells first",
        but(
            COL2IM,
            (
                "columns.reshape(n, c, kh, kw, oh, ow)",
                "columns.reshape(n, kh, kw, c, oh, ow).transpose(0, 3, 1, 2, 4, 5)",
            ),
        ),
        (),
        also=("mistake: reads the rows as cells before channels",),
    ),
    Unseen(
        "col2im",
        "loses repetitions",
        """
def col2im(columns, shape, kernel_size, stride=1, padding=0, dilation=1):
    xp = array_module(columns)
    n, c, h, w = shape
    H, W = h + 2 * padding, w + 2 * padding
    where = im2col(xp.arange(c * H * W).reshape(1, c, H, W), kernel_size, stride, 0, dilation)[0]
    flat = xp.zeros((n, c * H * W), dtype=columns.dtype)
    flat[:, where] += columns
    return flat.reshape(n, c, H, W)[:, :, padding : padding + h, padding : padding + w]
""",
        (),
        also=("mistake: overwrites where it should add",),
    ),
    Unseen(
        "col2im",
        "forgets the dilation and one of the strides",
        but(COL2IM, ("(oh, ow), stride, dilation)] +=", "(oh, ow), both(stride)[1])] +=")),
        ("ignores dilation",),
        double=True,
    ),
    # --- Conv2d ------------------------------------------------------------------------------
    Unseen(
        "Conv2d",
        "turns the kernel over",
        CONV.replace("self.W.data.reshape", "self.W.data[:, :, ::-1, ::-1].reshape").replace(
            ".reshape(self.W.shape)", ".reshape(self.W.shape)[:, :, ::-1, ::-1]"
        ),
        ("own forward",),
        also=("mistake: turns the kernel over",),
    ),
    Unseen(
        "Conv2d",
        "averages the gradients over the batch",
        but(
            CONV,
            (".sum(axis=0).reshape", ".mean(axis=0).reshape"),
            ("d.sum(axis=(0, 2))", "d.sum(axis=(0, 2)) / n"),
        ),
        ("factor 1/rows",),
    ),
    Unseen(
        "Conv2d",
        "averages the bias gradient over places",
        but(CONV, ("d.sum(axis=(0, 2))", "d.mean(axis=2).sum(axis=0)")),
        ("factor *",),
    ),
    Unseen(
        "Conv2d",
        "keeps the columns of the first call",
        but(
            CONV,
            (
                "    self.columns = im2col(x, **self.window)\n",
                """
    columns = im2col(x, **self.window)
    if not hasattr(self, "columns"):
        self.columns = columns
""",
            ),
            ("W @ self.columns +", "W @ columns +"),
        ),
        ("stale",),
        also=("mistake: remembers the first batch for ever",),
    ),
    Unseen(
        "Conv2d",
        "forgets the bias",
        but(CONV, (" + self.b.data[:, None]", "")),
        ("ignores b", "term *"),
        also=("mistake: forgets the bias",),
    ),
    Unseen(
        "Conv2d",
        "overwrites both gradients",
        CONV.replace(".grad +=", ".grad[...] ="),
        ("not accumulated",),
    ),
    Unseen(
        "Conv2d",
        "turns dx's kernel over and takes the last image's bias gradient",
        but(
            CONV,
            ("W.T @ d", "self.W.data[:, :, ::-1, ::-1].reshape(o, -1).T @ d"),
            ("d.sum(axis=(0, 2))", "d[-1].sum(axis=1)"),
        ),
        ("last sample",),
        double=True,
    ),
    # --- MaxPool2d ---------------------------------------------------------------------------
    Unseen(
        "MaxPool2d",
        "gives the gradient to every equal one",
        but(MAX, (" & ~taken", "")),
        ("*ties*",),
        also=("mistake: gives all equal numbers the gradient",),
    ),
    Unseen(
        "MaxPool2d",
        "shares the gradient among equal ones",
        but(
            MAX,
            (
                "    taken = array_module(dy).zeros(dy.shape, dtype=bool)\n",
                """
    equal = 0
    for i in range(self.kernel_size[0]):
        for j in range(self.kernel_size[1]):
            equal = equal + (self.big[cell(i, j, self.out, self.stride)] == self.y).astype(dy.dtype)
    taken = array_module(dy).zeros(dy.shape, dtype=bool)
""",
            ),
            (" & ~taken", ""),
            ("dy * wins", "dy / equal * wins"),
        ),
        ("*ties*",),
        also=("mistake: shares the gradient among equal numbers",),
    ),
    Unseen(
        "MaxPool2d",
        "lets the last of equal ones win",
        but(
            MAX,
            (
                "in range(self.kernel_size[0]):\n        for j in range(self.kernel_size[1]):\n            at",
                (
                    "in range(self.kernel_size[0])[::-1]:\n"
                    "        for j in range(self.kernel_size[1])[::-1]:\n            at"
                ),
            ),
        ),
        ("*ties*",),
        also=("mistake: lets the last of equal numbers win",),
    ),
    Unseen(
        "MaxPool2d",
        "pads with zeros",
        but(MAX, ("padded(x, self.padding, -np.inf)", "padded(x, self.padding)")),
        ("*negative*", "branch *", "own forward"),
        also=("mistake: pads with zeros",),
    ),
    Unseen(
        "MaxPool2d",
        "moves by the kernel whatever the stride",
        MAX.replace("self.stride", "self.kernel_size"),
        ("ignores stride", "*stride*"),
    ),
    Unseen(
        "MaxPool2d",
        "writes where windows overlap",
        but(MAX, ("dx[at] += dy * wins", "dx[at] = array_module(dy).where(wins, dy, dx[at])")),
        ("*overlap*",),
        also=("one share of several",),
    ),
    Unseen(
        "MaxPool2d",
        "exchanges height and width of the kernel and spreads the gradient",
        but(
            MAX.replace("range(self.kernel_size[0])", "range(self.kernel_size[-1])").replace(
                "range(self.kernel_size[1])", "range(self.kernel_size[-2])"
            ),
            ("self.kernel_size, self.stride, self.padding)", "self.kernel_size[::-1], self.stride, self.padding)"),
            ("dx[at] += dy * wins", "dx[at] += dy / (self.kernel_size[0] * self.kernel_size[1])"),
        ),
        (),
        double=True,
    ),
    # --- AvgPool2d ---------------------------------------------------------------------------
    Unseen(
        "AvgPool2d",
        "does not count the padding",
        but(
            AVG,
            (
                "    return y / (kh * kw)",
                """
    ones = padded(x * 0 + 1, self.padding)
    count = sum(ones[cell(i, j, self.out, self.stride)] for i in range(kh) for j in range(kw))
    return y / count""",
            ),
        ),
        ("*padding*", "*border*"),
        also=("mistake: does not count the padded zeros",),
    ),
    Unseen(
        "AvgPool2d",
        "gives every pixel the whole gradient",
        but(AVG, ("+= dy / (kh * kw)", "+= dy")),
        ("factor *",),
        also=("mistake: forgets to divide going back",),
    ),
    Unseen(
        "AvgPool2d",
        "squares the height of the kernel",
        AVG.replace("/ (kh * kw)", "/ (kh * kh)"),
        ("own forward", "factor *"),
        also=("mistake: divides by the height squared",),
    ),
    Unseen(
        "AvgPool2d",
        "moves by the kernel whatever the stride",
        AVG.replace("self.stride", "self.kernel_size"),
        ("*stride*",),
    ),
    Unseen(
        "AvgPool2d",
        "writes where windows overlap",
        but(AVG, ("+= dy / (kh * kw)", "= dy / (kh * kw)")),
        ("*overlap*",),
    ),
    Unseen(
        "AvgPool2d",
        "sums, and sends the gradient to the first cell",
        but(AVG, ("    return y / (kh * kw)", "    return y"), ("+= dy / (kh * kw)", "+= dy * (i + j == 0)")),
        ("factor *",),
        double=True,
        also=("mistake: sums where it should average",),
    ),
    # --- GlobalAveragePool -------------------------------------------------------------------
    Unseen(
        "GlobalAveragePool",
        "keeps the axes",
        """
def forward(self, x):
    self.shape = x.shape
    return x.mean(axis=(2, 3), keepdims=True)

def backward(self, dy):
    n, c, h, w = self.shape
    return array_module(dy).ones(self.shape, dtype=dy.dtype) * dy.reshape(n, c, 1, 1) / (h * w)
""",
        ("reshaped",),
        also=("mistake: keeps the axes",),
    ),
    Unseen(
        "GlobalAveragePool",
        "does not divide going back",
        """
def forward(self, x):
    self.shape = x.shape
    return x.mean(axis=(2, 3))

def backward(self, dy):
    return array_module(dy).broadcast_to(dy[:, :, None, None], self.shape).copy()
""",
        ("factor *",),
        also=("mistake: forgets to divide going back",),
    ),
    Unseen(
        "GlobalAveragePool",
        "divides by the height twice",
        """
def forward(self, x):
    self.shape = x.shape
    return x.sum(axis=(2, 3)) / x.shape[2] ** 2

def backward(self, dy):
    return array_module(dy).ones(self.shape, dtype=dy.dtype) * dy[:, :, None, None] / self.shape[2] ** 2
""",
        ("own forward", "factor *"),
    ),
    Unseen(
        "GlobalAveragePool",
        "divides by the size of everything",
        """
def forward(self, x):
    self.shape, self.size = x.shape, x.size
    return x.mean(axis=(2, 3))

def backward(self, dy):
    return array_module(dy).ones(self.shape, dtype=dy.dtype) * dy[:, :, None, None] / self.size
""",
        ("factor *",),
    ),
    Unseen(
        "GlobalAveragePool",
        "remembers the first size",
        """
def forward(self, x):
    if not hasattr(self, "shape"):
        self.shape = x.shape
    return x.mean(axis=(2, 3))

def backward(self, dy):
    n, c, h, w = self.shape
    return array_module(dy).ones((*dy.shape, h, w), dtype=dy.dtype) * dy[:, :, None, None] / (h * w)
""",
        ("stale",),
        also=("mistake: remembers the size of the first images",),
    ),
    Unseen(
        "GlobalAveragePool",
        "takes the maximum, and averages back",
        """
def forward(self, x):
    self.shape = x.shape
    return x.max(axis=(2, 3))

def backward(self, dy):
    n, c, h, w = self.shape
    return array_module(dy).ones(self.shape, dtype=dy.dtype) * dy[:, :, None, None] / (h + w)
""",
        (),
        double=True,
    ),
    # --- ConvTranspose2d ---------------------------------------------------------------------
    Unseen(
        "ConvTranspose2d",
        "forgets the bias",
        but(UP, (" + self.b.data[:, None, None]", "")),
        ("ignores b", "term *"),
        also=("mistake: forgets the bias",),
    ),
    Unseen(
        "ConvTranspose2d",
        "adds the output padding at the top left",
        but(
            UP,
            (
                "    return col2im(W.T @ x.reshape(n, c, -1), shape, **self.window) +",
                """
    small = col2im(W.T @ x.reshape(n, c, -1), (*shape[:2], shape[2] - q, shape[3] - q), **self.window)
    larger = array_module(x).zeros(shape, dtype=x.dtype)
    larger[:, :, q:, q:] = small
    return larger +""",
            ),
        ),
        ("shifted*",),
    ),
    Unseen(
        "ConvTranspose2d",
        "leaves the output padding out",
        UP.replace("+ kh + q", "+ kh").replace("+ kw + q", "+ kw"),
        ("*output_padding*",),
        also=("mistake: ignores the output padding",),
    ),
    Unseen(
        "ConvTranspose2d",
        "turns the kernel over in dx",
        but(UP, ("    return (W @ v)", "    return (self.W.data[:, :, ::-1, ::-1].reshape(c, -1) @ v)")),
        (),
        also=("mistake: turns the kernel over going back",),
    ),
    Unseen(
        "ConvTranspose2d",
        "lays the kernel down turned over",
        UP.replace("W = self.W.data.reshape(c, -1)", "W = self.W.data[:, :, ::-1, ::-1].reshape(c, -1)").replace(
            ".reshape(self.W.shape)", ".reshape(self.W.shape)[:, :, ::-1, ::-1]"
        ),
        ("own forward",),
        also=("mistake: turns the kernel over",),
    ),
    Unseen(
        "ConvTranspose2d",
        "averages dW and overwrites db",
        but(UP, (".sum(axis=0).reshape", ".mean(axis=0).reshape"), ("self.b.grad +=", "self.b.grad[...] =")),
        ("factor 1/rows", "not accumulated"),
        double=True,
        also=("mistake: averages the weight gradient",),
    ),
    # --- LocallyConnected2d ------------------------------------------------------------------
    Unseen(
        "LocallyConnected2d",
        "averages dW over the batch",
        but(LOCAL, (".reshape(self.W.shape)", ".reshape(self.W.shape) / len(dy)")),
        ("factor 1/rows",),
        also=("mistake: averages the weight gradient",),
    ),
    Unseen(
        "LocallyConnected2d",
        "sums the bias gradient over places, as Conv2d does",
        but(LOCAL, ("dy.sum(axis=0)", "dy.sum(axis=(0, 2, 3))[:, None, None]")),
        ("summed too far",),
        also=("mistake: sums the bias gradient over the places",),
    ),
    Unseen(
        "LocallyConnected2d",
        "uses the first place's weights everywhere",
        but(LOCAL, ('einsum("pok,nkp->nop", W, self.u)', 'einsum("ok,nkp->nop", W[0], self.u)')),
        (),
        also=("mistake: uses the weights of the first place everywhere",),
    ),
    Unseen(
        "LocallyConnected2d",
        "numbers places down the columns",
        LOCAL.replace(
            "W = self.W.data.reshape(oh * ow, o, -1)", "W = self.W.data.swapaxes(0, 1).reshape(oh * ow, o, -1)"
        ).replace(".reshape(self.W.shape)", ".reshape(ow, oh, *self.W.shape[2:]).swapaxes(0, 1)"),
        ("own forward",),
        also=("mistake: counts the places column by column",),
    ),
    Unseen(
        "LocallyConnected2d",
        "returns the gradient of the columns' first images and forgets the bias",
        but(
            LOCAL, (" + self.b.data", ""), ('einsum("pok,nop->nkp", W, d)', 'einsum("pok,nop->nkp", W, d[:1] + 0 * d)')
        ),
        ("ignores b", "term *", "first sample"),
        double=True,
        also=("mistake: forgets the bias",),
    ),
    # --- ResidualBlock -----------------------------------------------------------------------
    Unseen(
        "ResidualBlock",
        "adds behind the last ReLU",
        but(
            BLOCK,
            ("self.relu2.forward(self.conv2.forward(h) + way)", "self.relu2.forward(self.conv2.forward(h)) + way"),
            (
                (
                    "dh = self.relu2.backward(dy)\n"
                    "    dx = self.conv1.backward(self.relu1.backward(self.conv2.backward(dh)))"
                ),
                (
                    "dh = dy\n    df = self.conv2.backward(self.relu2.backward(dy))\n"
                    "    dx = self.conv1.backward(self.relu1.backward(df))"
                ),
            ),
        ),
        ("own forward",),
        also=("mistake: adds the shortcut after the last ReLU",),
    ),
    Unseen(
        "ResidualBlock",
        "sends nothing through the short cut",
        but(BLOCK, ("    return dx + way", "    return dx")),
        (),
        also=("mistake: sends nothing through the shortcut going back",),
    ),
    Unseen(
        "ResidualBlock",
        "sends dy and not dh past the convolutions",
        but(
            BLOCK,
            (
                "way = dh if self.projection is None else self.projection.backward(dh)",
                "way = dy if self.projection is None else self.projection.backward(dy)",
            ),
        ),
        (),
        also=("ignores conv1.W",),
    ),
    Unseen(
        "ResidualBlock",
        "has no ReLU between the convolutions",
        but(
            BLOCK,
            ("self.relu1.forward(self.conv1.forward(x))", "self.conv1.forward(x)"),
            ("self.relu1.backward(self.conv2.backward(dh))", "self.conv2.backward(dh)"),
        ),
        ("own forward",),
        also=("mistake: forgets the ReLU between the convolutions",),
    ),
    Unseen(
        "ResidualBlock",
        "leaves the projection untrained",
        """
def forward(self, x):
    self.x = x
    way = x if self.projection is None else self.projection.forward(x)
    h = self.relu1.forward(self.conv1.forward(x))
    return self.relu2.forward(self.conv2.forward(h) + way)

def backward(self, dy):
    dh = self.relu2.backward(dy)
    dx = self.conv1.backward(self.relu1.backward(self.conv2.backward(dh)))
    if self.projection is None:
        return dx + dh
    kept = self.projection.W.grad.copy(), self.projection.b.grad.copy()
    way = self.projection.backward(dh)
    self.projection.W.grad[...], self.projection.b.grad[...] = kept
    return dx + way
""",
        ("zeros",),
    ),
    Unseen(
        "ResidualBlock",
        "forgets both masks going back",
        but(
            BLOCK,
            ("dh = self.relu2.backward(dy)", "dh = dy"),
            ("self.relu1.backward(self.conv2.backward(dh))", "self.conv2.backward(dh)"),
        ),
        (),
        double=True,
        also=(
            "ignores conv1.W",
            "ignores conv1.b",
        ),
    ),
)
