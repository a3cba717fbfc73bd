"""Right implementations of 06_convolution, as other people write them."""

from tests.solutions.strangers import Right

CONVOLUTION = (
    # --- im2col ------------------------------------------------------------------------------
    Right(
        "im2col",
        "cell by cell",
        """
def im2col(x, kernel_size, stride=1, padding=0, dilation=1):
    kh, kw = both(kernel_size)
    n, c, h, w = x.shape
    out = output_size((h, w), kernel_size, stride, padding, dilation)
    x = padded(x, padding)
    columns = array_module(x).empty((n, c, kh, kw, *out), dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            columns[:, :, i, j] = x[cell(i, j, out, stride, dilation)]
    return columns.reshape(n, c * kh * kw, out[0] * out[1])
""",
    ),
    Right(
        "im2col",
        "through sliding windows",
        """
def im2col(x, kernel_size, stride=1, padding=0, dilation=1):
    xp = array_module(x)
    kh, kw = both(kernel_size)
    sh, sw = both(stride)
    x = xp.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    reach = (dilation * (kh - 1) + 1, dilation * (kw - 1) + 1)
    windows = xp.lib.stride_tricks.sliding_window_view(x, reach, axis=(2, 3))
    windows = windows[:, :, ::sh, ::sw, ::dilation, ::dilation]
    n, c, oh, ow = windows.shape[:4]
    return windows.transpose(0, 1, 4, 5, 2, 3).reshape(n, c * kh * kw, oh * ow)
""",
    ),
    Right(
        "im2col",
        "with index arrays, as in CS231n",
        """
def indices_of_patches(xp, channels, out, kernel_size, stride, dilation):
    kh, kw = both(kernel_size)
    sh, sw = both(stride)
    i0 = xp.tile(xp.repeat(dilation * xp.arange(kh), kw), channels)
    j0 = xp.tile(dilation * xp.arange(kw), kh * channels)
    i1 = sh * xp.repeat(xp.arange(out[0]), out[1])
    j1 = sw * xp.tile(xp.arange(out[1]), out[0])
    k = xp.repeat(xp.arange(channels), kh * kw).reshape(-1, 1)
    return k, i0.reshape(-1, 1) + i1.reshape(1, -1), j0.reshape(-1, 1) + j1.reshape(1, -1)


def im2col(x, kernel_size, stride=1, padding=0, dilation=1):
    out = output_size(x.shape[2:], kernel_size, stride, padding, dilation)
    k, i, j = indices_of_patches(array_module(x), x.shape[1], out, kernel_size, stride, dilation)
    return padded(x, padding)[:, k, i, j]
""",
    ),
    Right(
        "im2col",
        "place by place",
        """
def im2col(x, kernel_size, stride=1, padding=0, dilation=1):
    kh, kw = both(kernel_size)
    sh, sw = both(stride)
    oh, ow = output_size(x.shape[-2:], kernel_size, stride, padding, dilation)
    x = padded(x, padding)
    places = []
    for a in range(oh):
        for b in range(ow):
            rows = slice(a * sh, a * sh + dilation * (kh - 1) + 1, dilation)
            cols = slice(b * sw, b * sw + dilation * (kw - 1) + 1, dilation)
            places.append(x[:, :, rows, cols].reshape(x.shape[0], -1))
    return array_module(x).stack(places, axis=-1)
""",
    ),
    # --- col2im ------------------------------------------------------------------------------
    Right(
        "col2im",
        "cell by cell",
        """
def col2im(columns, shape, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = shape
    kh, kw = both(kernel_size)
    out = output_size((h, w), kernel_size, stride, padding, dilation)
    columns = columns.reshape(n, c, kh, kw, *out)
    x = array_module(columns).zeros((n, c, h + 2 * padding, w + 2 * padding), dtype=columns.dtype)
    for i in range(kh):
        for j in range(kw):
            x[cell(i, j, out, stride, dilation)] += columns[:, :, i, j]
    return x[:, :, padding : padding + h, padding : padding + w]
""",
    ),
    Right(
        "col2im",
        "with add.at",
        """
def col2im(columns, shape, kernel_size, stride=1, padding=0, dilation=1):
    xp = array_module(columns)
    n, c, h, w = shape
    numbers = xp.arange(c * h * w, dtype=xp.int64).reshape(1, c, h, w) + 1
    where = im2col(numbers, kernel_size, stride, padding, dilation)[0]
    flat = xp.zeros((n, c * h * w + 1), dtype=columns.dtype)
    xp.add.at(flat, (slice(None), where), columns)
    return flat[:, 1:].reshape(shape)
""",
    ),
    Right(
        "col2im",
        "image by image and place by place",
        """
def col2im(columns, shape, kernel_size, stride=1, padding=0, dilation=1):
    xp = array_module(columns)
    (kh, kw), (down, right) = both(kernel_size), both(stride)
    batch, channels, height, width = shape
    oh, ow = output_size((height, width), kernel_size, stride, padding, dilation)
    large = xp.zeros((batch, channels, height + 2 * padding, width + 2 * padding), dtype=columns.dtype)
    for place in range(oh * ow):
        top, left = (place // ow) * down, (place % ow) * right
        window = columns[:, :, place].reshape(batch, channels, kh, kw)
        bottom, end = top + dilation * (kh - 1) + 1, left + dilation * (kw - 1) + 1
        large[:, :, top:bottom:dilation, left:end:dilation] += window
    if padding:
        large = large[:, :, padding:-padding, padding:-padding]
    return large
""",
    ),
    # --- Conv2d ------------------------------------------------------------------------------
    Right(
        "Conv2d",
        "keeps the columns",
        """
def forward(self, x):
    self.x_shape = x.shape
    self.out = output_size(x.shape[2:], **self.window)
    self.columns = im2col(x, **self.window)
    weights = self.W.data.reshape(len(self.W.data), -1)
    y = weights @ self.columns + self.b.data[:, None]
    return y.reshape(len(x), -1, *self.out)

def backward(self, dy):
    n, o = dy.shape[:2]
    dy = dy.reshape(n, o, -1)
    self.W.grad += (dy @ self.columns.transpose(0, 2, 1)).sum(axis=0).reshape(self.W.shape)
    self.b.grad += dy.sum(axis=(0, 2))
    weights = self.W.data.reshape(o, -1)
    return col2im(weights.T @ dy, self.x_shape, **self.window)
""",
    ),
    Right(
        "Conv2d",
        "one image after the other",
        """
def forward(self, x):
    self.inputs = x
    kernel = self.W.data.reshape(self.W.shape[0], -1)
    size = output_size(x.shape[-2:], **self.window)
    images = [kernel @ im2col(x[n : n + 1], **self.window)[0] for n in range(len(x))]
    y = array_module(x).stack(images).reshape(len(x), self.W.shape[0], *size)
    y += self.b.data.reshape(1, -1, 1, 1)
    return y

def backward(self, dy):
    xp = array_module(dy)
    kernel = self.W.data.reshape(self.W.shape[0], -1)
    gradients = []
    for n in range(len(dy)):
        one = self.inputs[n : n + 1]
        d = dy[n].reshape(dy.shape[1], -1)
        self.W.grad += (d @ im2col(one, **self.window)[0].T).reshape(self.W.shape)
        self.b.grad += d.sum(axis=1)
        gradients.append(col2im((kernel.T @ d)[None], one.shape, **self.window)[0])
    return xp.stack(gradients)
""",
    ),
    Right(
        "Conv2d",
        "einsum over sliding windows",
        """
def windows(self, x):
    xp = array_module(x)
    (kh, kw), (sh, sw) = self.window["kernel_size"], both(self.window["stride"])
    p, d = self.window["padding"], self.window["dilation"]
    x = xp.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    view = xp.lib.stride_tricks.sliding_window_view(x, (d * (kh - 1) + 1, d * (kw - 1) + 1), axis=(2, 3))
    return view[:, :, ::sh, ::sw, ::d, ::d]

def forward(self, x):
    self.seen, self.size = self.windows(x), x.shape
    y = array_module(x).einsum("nchwij,ocij->nohw", self.seen, self.W.data, optimize=True)
    return y + self.b.data[None, :, None, None]

def backward(self, dy):
    xp = array_module(dy)
    self.W.grad += xp.einsum("nohw,nchwij->ocij", dy, self.seen, optimize=True)
    self.b.grad += xp.einsum("nohw->o", dy)
    columns = xp.einsum("ocij,nohw->ncijhw", self.W.data, dy, optimize=True)
    n, c = self.size[:2]
    columns = columns.reshape(n, c * self.W.shape[2] * self.W.shape[3], -1)
    return col2im(columns, self.size, **self.window)
""",
    ),
    Right(
        "Conv2d",
        "a sum over cells without columns",
        """
def forward(self, x):
    xp = array_module(x)
    self.shape = x.shape
    self.padded_x = padded(x, self.window["padding"])
    out = output_size(x.shape[2:], **self.window)
    y = xp.zeros((len(x), self.W.shape[0], *out), dtype=x.dtype)
    for i in range(self.W.shape[2]):
        for j in range(self.W.shape[3]):
            seen = self.padded_x[cell(i, j, out, self.window["stride"], self.window["dilation"])]
            y += xp.tensordot(seen, self.W.data[:, :, i, j], axes=([1], [1])).transpose(0, 3, 1, 2)
    return y + self.b.data.reshape(-1, 1, 1)

def backward(self, dy):
    xp = array_module(dy)
    dx = xp.zeros_like(self.padded_x)
    dW = xp.zeros_like(self.W.data)
    for i in range(self.W.shape[2]):
        for j in range(self.W.shape[3]):
            at = cell(i, j, dy.shape[2:], self.window["stride"], self.window["dilation"])
            dW[:, :, i, j] = xp.tensordot(dy, self.padded_x[at], axes=([0, 2, 3], [0, 2, 3]))
            dx[at] += xp.tensordot(dy, self.W.data[:, :, i, j], axes=([1], [0])).transpose(0, 3, 1, 2)
    self.W.grad += dW
    self.b.grad += dy.sum(axis=(0, 2, 3))
    p, (h, w) = self.window["padding"], self.shape[2:]
    return dx[:, :, p : p + h, p : p + w]
""",
    ),
    Right(
        "Conv2d",
        "all images in one product, a cache as a tuple",
        """
def forward(self, x):
    xp = array_module(x)
    out_channels = self.W.data.shape[0]
    h, w = output_size(x.shape[2:], **self.window)
    cols = im2col(x, **self.window)
    K = cols.shape[1]
    flat = cols.transpose(1, 0, 2).reshape(K, -1)
    out = xp.dot(self.W.data.reshape(out_channels, K), flat) + self.b.data.reshape(-1, 1)
    self.cache = (x.shape, flat)
    return out.reshape(out_channels, x.shape[0], h, w).transpose(1, 0, 2, 3)

def backward(self, dy):
    shape, flat = self.cache
    o = dy.shape[1]
    dout = dy.transpose(1, 0, 2, 3).reshape(o, -1)
    self.b.grad += dout.sum(axis=1)
    self.W.grad += dout.dot(flat.T).reshape(self.W.data.shape)
    dcols = self.W.data.reshape(o, -1).T.dot(dout)
    dcols = dcols.reshape(flat.shape[0], shape[0], -1).transpose(1, 0, 2)
    return col2im(dcols, shape, **self.window)
""",
    ),
    # --- MaxPool2d ---------------------------------------------------------------------------
    Right(
        "MaxPool2d",
        "keeps the best cell so far",
        """
def forward(self, x):
    xp = array_module(x)
    self.shape = x.shape
    out = output_size(x.shape[2:], self.kernel_size, self.stride, self.padding)
    x = padded(x, self.padding, -np.inf)
    best = x[cell(0, 0, out, self.stride)].copy()
    self.winner = xp.zeros(best.shape, dtype=int)
    for number in range(1, self.kernel_size[0] * self.kernel_size[1]):
        i, j = divmod(number, self.kernel_size[1])
        candidate = x[cell(i, j, out, self.stride)]
        better = candidate > best
        best = xp.where(better, candidate, best)
        self.winner = xp.where(better, number, self.winner)
    return best

def backward(self, dy):
    n, c, h, w = self.shape
    p = self.padding
    dx = array_module(dy).zeros((n, c, h + 2 * p, w + 2 * p), dtype=dy.dtype)
    for number in range(self.kernel_size[0] * self.kernel_size[1]):
        i, j = divmod(number, self.kernel_size[1])
        dx[cell(i, j, dy.shape[2:], self.stride)] += dy * (self.winner == number)
    return dx[:, :, p : p + h, p : p + w]
""",
    ),
    Right(
        "MaxPool2d",
        "argmax of sliding windows, scattered with add.at",
        """
def forward(self, x):
    xp = array_module(x)
    kh, kw = self.kernel_size
    big = padded(x, self.padding, -math_inf())
    windows = xp.lib.stride_tricks.sliding_window_view(big, (kh, kw), axis=(2, 3))
    windows = windows[:, :, :: self.stride[0], :: self.stride[1]]
    flat = windows.reshape(*windows.shape[:4], kh * kw)
    self.best = flat.argmax(axis=-1)
    self.x_shape, self.big_shape = x.shape, big.shape
    return flat.max(axis=-1)

def backward(self, dy):
    xp = array_module(dy)
    n, c, oh, ow = dy.shape
    rows = self.best // self.kernel_size[1] + self.stride[0] * xp.arange(oh)[:, None]
    cols = self.best % self.kernel_size[1] + self.stride[1] * xp.arange(ow)
    dx = xp.zeros(self.big_shape, dtype=dy.dtype)
    xp.add.at(dx, (xp.arange(n)[:, None, None, None], xp.arange(c)[:, None, None], rows, cols), dy)
    p = self.padding
    return dx[:, :, p : p + self.x_shape[2], p : p + self.x_shape[3]]
""".replace("math_inf()", 'float("inf")'),
    ),
    Right(
        "MaxPool2d",
        "im2col of single channels",
        """
def forward(self, x):
    xp = array_module(x)
    n, c, h, w = x.shape
    oh, ow = output_size((h, w), self.kernel_size, self.stride, self.padding)
    single = padded(x, self.padding, -np.inf)
    single = single.reshape(n * c, 1, *single.shape[2:])
    columns = im2col(single, self.kernel_size, self.stride)
    self.argmax = columns.argmax(axis=1)
    self.sizes = x.shape, single.shape, columns.shape
    return columns.max(axis=1).reshape(n, c, oh, ow)

def backward(self, dy):
    xp = array_module(dy)
    shape, single, columns = self.sizes
    chosen = xp.arange(columns[1])[None, :, None] == self.argmax[:, None, :]
    spread = chosen * dy.reshape(columns[0], 1, -1)
    dx = col2im(spread, single, self.kernel_size, self.stride)
    p = self.padding
    dx = dx[:, :, p : p + shape[2], p : p + shape[3]]
    return dx.reshape(shape)
""",
    ),
    Right(
        "MaxPool2d",
        "window by window with unravel_index",
        """
def forward(self, x):
    xp = array_module(x)
    p, (sh, sw), (kh, kw) = self.padding, self.stride, self.kernel_size
    n, c, h, w = x.shape
    self.x_shape = x.shape
    big = xp.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), constant_values=-np.inf)
    oh, ow = (h + 2 * p - kh) // sh + 1, (w + 2 * p - kw) // sw + 1
    y = xp.empty((n, c, oh, ow), dtype=x.dtype)
    self.arg = xp.empty((n, c, oh, ow), dtype=int)
    for a in range(oh):
        for b in range(ow):
            window = big[:, :, a * sh : a * sh + kh, b * sw : b * sw + kw].reshape(n, c, -1)
            y[:, :, a, b] = window.max(axis=-1)
            self.arg[:, :, a, b] = window.argmax(axis=-1)
    return y

def backward(self, dy):
    xp = array_module(dy)
    n, c, h, w = self.x_shape
    p = self.padding
    dx = xp.zeros((n, c, h + 2 * p, w + 2 * p), dtype=dy.dtype)
    sample, channel = xp.arange(n)[:, None], xp.arange(c)[None]
    for a in range(dy.shape[2]):
        for b in range(dy.shape[3]):
            i, j = xp.unravel_index(self.arg[:, :, a, b], self.kernel_size)
            dx[sample, channel, i + a * self.stride[0], j + b * self.stride[1]] += dy[:, :, a, b]
    return dx[:, :, p : h + p, p : w + p]
""",
    ),
    # --- AvgPool2d ---------------------------------------------------------------------------
    Right(
        "AvgPool2d",
        "cell by cell",
        """
def forward(self, x):
    self.shape = x.shape
    self.out = output_size(x.shape[2:], self.kernel_size, self.stride, self.padding)
    x = padded(x, self.padding)
    kh, kw = self.kernel_size
    return sum(x[cell(i, j, self.out, self.stride)] for i in range(kh) for j in range(kw)) / (kh * kw)

def backward(self, dy):
    (n, c, h, w), p = self.shape, self.padding
    kh, kw = self.kernel_size
    dx = array_module(dy).zeros((n, c, h + 2 * p, w + 2 * p), dtype=dy.dtype)
    share = dy / (kh * kw)
    for i in range(kh):
        for j in range(kw):
            dx[cell(i, j, self.out, self.stride)] += share
    return dx[:, :, p : p + h, p : p + w]
""",
    ),
    Right(
        "AvgPool2d",
        "the mean of sliding windows, and col2im back",
        """
def forward(self, x):
    xp = array_module(x)
    p = self.padding
    self.before = x.shape
    big = xp.pad(x, [(0, 0), (0, 0), (p, p), (p, p)])
    windows = xp.lib.stride_tricks.sliding_window_view(big, self.kernel_size, axis=(2, 3))
    return windows[:, :, :: self.stride[0], :: self.stride[1]].mean(axis=(4, 5))

def backward(self, dy):
    xp = array_module(dy)
    n, c, h, w = self.before
    cells = self.kernel_size[0] * self.kernel_size[1]
    columns = xp.repeat(dy.reshape(n * c, 1, -1) / cells, cells, axis=1)
    dx = col2im(columns, (n * c, 1, h, w), self.kernel_size, self.stride, self.padding)
    return dx.reshape(self.before)
""",
    ),
    Right(
        "AvgPool2d",
        "window by window",
        """
def forward(self, x):
    xp = array_module(x)
    n, c, h, w = x.shape
    self.x_shape = x.shape
    oh, ow = output_size((h, w), self.kernel_size, self.stride, self.padding)
    big = padded(x, self.padding)
    y = xp.zeros((n, c, oh, ow), dtype=x.dtype)
    for r in range(oh):
        for s in range(ow):
            top, left = r * self.stride[0], s * self.stride[1]
            window = big[:, :, top : top + self.kernel_size[0], left : left + self.kernel_size[1]]
            y[:, :, r, s] = window.mean(axis=(2, 3))
    return y

def backward(self, dy):
    xp = array_module(dy)
    n, c, h, w = self.x_shape
    p = self.padding
    kh, kw = self.kernel_size
    big = xp.zeros((n, c, h + 2 * p, w + 2 * p), dtype=dy.dtype)
    for r in range(dy.shape[2]):
        for s in range(dy.shape[3]):
            top, left = r * self.stride[0], s * self.stride[1]
            big[:, :, top : top + kh, left : left + kw] += dy[:, :, r : r + 1, s : s + 1] / (kh * kw)
    return big[:, :, p : h + p, p : w + p]
""",
    ),
    # --- GlobalAveragePool -------------------------------------------------------------------
    Right(
        "GlobalAveragePool",
        "mean and broadcast",
        """
def forward(self, x):
    self.shape = x.shape
    return x.mean(axis=(2, 3))

def backward(self, dy):
    n, c, h, w = self.shape
    return array_module(dy).broadcast_to(dy[:, :, None, None] / (h * w), self.shape)
""",
    ),
    Right(
        "GlobalAveragePool",
        "flattens the pixels",
        """
def forward(self, x):
    self.h, self.w = x.shape[2:]
    return x.reshape(*x.shape[:2], -1).sum(axis=-1) / (self.h * self.w)

def backward(self, dy):
    pixels = array_module(dy).ones((1, 1, self.h, self.w), dtype=dy.dtype)
    return dy.reshape(*dy.shape, 1, 1) * pixels / pixels.size
""",
    ),
    Right(
        "GlobalAveragePool",
        "einsum and repeat",
        """
def forward(self, x):
    self.size = x.shape[-2:]
    return array_module(x).einsum("nchw->nc", x) / (x.shape[2] * x.shape[3])

def backward(self, dy):
    h, w = self.size
    return array_module(dy).repeat(dy / (h * w), h * w).reshape(*dy.shape, h, w)
""",
    ),
    # --- ConvTranspose2d ---------------------------------------------------------------------
    Right(
        "ConvTranspose2d",
        "col2im there and im2col back",
        """
def forward(self, x):
    self.x = x
    (kh, kw), (sh, sw) = self.window["kernel_size"], both(self.window["stride"])
    n, c, h, w = x.shape
    p, q = self.window["padding"], self.output_padding
    self.shape = (n, self.W.shape[1], (h - 1) * sh - 2 * p + kh + q, (w - 1) * sw - 2 * p + kw + q)
    W = self.W.data.reshape(c, -1)
    return col2im(W.T @ x.reshape(n, c, -1), self.shape, **self.window) + self.b.data[:, None, None]

def backward(self, dy):
    n, c, h, w = self.x.shape
    columns = im2col(dy, **self.window)
    x = self.x.reshape(n, c, h * w)
    self.W.grad += (x @ columns.swapaxes(1, 2)).sum(axis=0).reshape(self.W.shape)
    self.b.grad += dy.sum(axis=(0, 2, 3))
    return (self.W.data.reshape(c, -1) @ columns).reshape(self.x.shape)
""",
    ),
    Right(
        "ConvTranspose2d",
        "lays cells down, without columns",
        """
def forward(self, x):
    xp = array_module(x)
    self.input = x
    kh, kw = self.W.shape[2:]
    down, right = both(self.window["stride"])
    p, q = self.window["padding"], self.output_padding
    h, w = x.shape[2:]
    full = (h - 1) * down + kh + q, (w - 1) * right + kw + q
    y = xp.zeros((len(x), self.W.shape[1], *full), dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            y[cell(i, j, (h, w), (down, right))] += xp.einsum("nchw,co->nohw", x, self.W.data[:, :, i, j])
    y = y + self.b.data.reshape(1, -1, 1, 1)
    return y[:, :, p : full[0] - p, p : full[1] - p]

def backward(self, dy):
    xp = array_module(dy)
    x = self.input
    dx = xp.zeros_like(x)
    big = padded(dy, self.window["padding"])
    for i in range(self.W.shape[2]):
        for j in range(self.W.shape[3]):
            part = big[cell(i, j, x.shape[2:], self.window["stride"])]
            self.W.grad[:, :, i, j] += xp.einsum("nchw,nohw->co", x, part)
            dx += xp.einsum("nohw,co->nchw", part, self.W.data[:, :, i, j])
    self.b.grad += dy.sum((0, 2, 3))
    return dx
""",
    ),
    Right(
        "ConvTranspose2d",
        "spreads the input and convolves with the turned kernel",
        """
def forward(self, x):
    xp = array_module(x)
    n, c, h, w = x.shape
    _, o, kh, kw = self.W.shape
    sh, sw = both(self.window["stride"])
    p, q = self.window["padding"], self.output_padding
    spread = xp.zeros((n, c, (h - 1) * sh + 1 + q + 2 * (kh - 1), (w - 1) * sw + 1 + q + 2 * (kw - 1)), dtype=x.dtype)
    spread[:, :, kh - 1 : kh - 1 + (h - 1) * sh + 1 : sh, kw - 1 : kw - 1 + (w - 1) * sw + 1 : sw] = x
    turned = self.W.data[:, :, ::-1, ::-1].transpose(1, 0, 2, 3).reshape(o, c * kh * kw)
    height, width = spread.shape[2] - kh + 1, spread.shape[3] - kw + 1
    y = (turned @ im2col(spread, (kh, kw))).reshape(n, o, height, width)
    self.x = x
    return y[:, :, p : height - p, p : width - p] + self.b.data[:, None, None]

def backward(self, dy):
    n, c, h, w = self.x.shape
    v = im2col(dy, **self.window)
    flat = self.x.reshape(n, c, h * w)
    self.W.grad += array_module(dy).einsum("ncp,nkp->ck", flat, v, optimize=True).reshape(self.W.shape)
    self.b.grad += dy.sum(axis=3).sum(axis=2).sum(axis=0)
    return array_module(dy).matmul(self.W.data.reshape(c, -1), v).reshape(n, c, h, w)
""",
    ),
    # --- LocallyConnected2d ------------------------------------------------------------------
    Right(
        "LocallyConnected2d",
        "einsum over columns",
        """
def forward(self, x):
    xp = array_module(x)
    oh, ow, o = self.W.shape[:3]
    self.shape, self.u = x.shape, im2col(x, **self.window)
    W = self.W.data.reshape(oh * ow, o, -1)
    y = xp.einsum("pok,nkp->nop", W, self.u, optimize=True)
    return y.reshape(len(x), o, oh, ow) + self.b.data

def backward(self, dy):
    xp = array_module(dy)
    oh, ow, o = self.W.shape[:3]
    d = dy.reshape(len(dy), o, -1)
    self.W.grad += xp.einsum("nop,nkp->pok", d, self.u, optimize=True).reshape(self.W.shape)
    self.b.grad += dy.sum(axis=0)
    du = xp.einsum("pok,nop->nkp", self.W.data.reshape(oh * ow, o, -1), d, optimize=True)
    return col2im(du, self.shape, **self.window)
""",
    ),
    Right(
        "LocallyConnected2d",
        "places to the front",
        """
def forward(self, x):
    oh, ow, o = self.W.shape[:3]
    self.size = x.shape
    self.u = im2col(x, **self.window).transpose(2, 1, 0)
    y = self.W.data.reshape(oh * ow, o, -1) @ self.u
    return y.transpose(2, 1, 0).reshape(len(x), o, oh, ow) + self.b.data[None]

def backward(self, dy):
    oh, ow, o = self.W.shape[:3]
    d = dy.reshape(len(dy), o, oh * ow).transpose(2, 1, 0)
    self.W.grad += (d @ self.u.transpose(0, 2, 1)).reshape(self.W.shape)
    self.b.grad += dy.sum(axis=0)
    du = self.W.data.reshape(oh * ow, o, -1).transpose(0, 2, 1) @ d
    return col2im(du.transpose(2, 1, 0), self.size, **self.window)
""",
    ),
    Right(
        "LocallyConnected2d",
        "loops over places",
        """
def _windows(self, x):
    kh, kw = self.window["kernel_size"]
    down, right = both(self.window["stride"])
    for r in range(self.W.shape[0]):
        for s in range(self.W.shape[1]):
            yield r, s, (slice(None), slice(None), slice(r * down, r * down + kh), slice(s * right, s * right + kw))

def forward(self, x):
    xp = array_module(x)
    self.x = x
    y = xp.empty((len(x), self.W.shape[2], *self.W.shape[:2]), dtype=x.dtype)
    for r, s, at in self._windows(x):
        y[:, :, r, s] = xp.tensordot(x[at], self.W.data[r, s], axes=([1, 2, 3], [1, 2, 3])) + self.b.data[:, r, s]
    return y

def backward(self, dy):
    xp = array_module(dy)
    dx = xp.zeros_like(self.x)
    for r, s, at in self._windows(self.x):
        d = dy[:, :, r, s]
        self.W.grad[r, s] += xp.tensordot(d, self.x[at], axes=([0], [0]))
        self.b.grad[:, r, s] += d.sum(axis=0)
        dx[at] += xp.tensordot(d, self.W.data[r, s], axes=([1], [0]))
    return dx
""",
    ),
    # --- ResidualBlock -----------------------------------------------------------------------
    Right(
        "ResidualBlock",
        "with the layers that are there",
        """
def forward(self, x):
    shortcut = x if self.projection is None else self.projection.forward(x)
    out = self.conv2.forward(self.relu1.forward(self.conv1.forward(x)))
    return self.relu2.forward(out + shortcut)

def backward(self, dy):
    dh = self.relu2.backward(dy)
    dx = self.conv1.backward(self.relu1.backward(self.conv2.backward(dh)))
    return dx + (dh if self.projection is None else self.projection.backward(dh))
""",
    ),
    Right(
        "ResidualBlock",
        "with masks of its own",
        """
def forward(self, x):
    xp = array_module(x)
    h = self.conv1(x)
    self.open1 = h > 0
    f = self.conv2(h * self.open1)
    if self.projection:
        f += self.projection(x)
    else:
        f += x
    self.open2 = f > 0
    return xp.where(self.open2, f, 0)

def backward(self, dy):
    d = dy * self.open2
    dx = self.conv2.backward(d)
    dx = self.conv1.backward(dx * self.open1)
    if self.projection:
        dx = dx + self.projection.backward(d)
    else:
        dx = dx + d
    return dx
""",
    ),
    Right(
        "ResidualBlock",
        "as a Sequential and a way around",
        """
def branch(self):
    return Sequential([self.conv1, self.relu1, self.conv2])

def shortcut(self):
    return Sequential([] if self.projection is None else [self.projection])

def forward(self, x):
    return self.relu2(self.branch()(x) + self.shortcut()(x))

def backward(self, dy):
    dy = self.relu2.backward(dy)
    return self.branch().backward(dy) + self.shortcut().backward(dy)
""",
    ),
)
