"""Right implementations of 05_regularization, as other people write them."""

from tests.solutions.strangers import Right

REGULARIZATION = (
    # --- normal_init -------------------------------------------------------------------------
    Right(
        "normal_init",
        "stretches standard normal numbers",
        """
def normal_init(shape, std=0.01, *, rng):
    return asarray(std * rng.standard_normal(shape))
""",
    ),
    Right(
        "normal_init",
        "draws a flat list and folds it",
        """
def normal_init(shape, std=0.01, *, rng):
    count = math.prod(shape)
    numbers = np.array([rng.normal(loc=0.0, scale=std) for _ in range(count)], dtype=np.float64)
    W = numbers.reshape(shape)
    return asarray(W)
""",
    ),
    Right(
        "normal_init",
        "as Box and Muller do, from uniform numbers",
        """
def box_muller(shape, rng):
    u = 1.0 - rng.random(shape)
    angle = 2 * np.pi * rng.random(shape)
    return np.sqrt(-2 * np.log(u)) * np.cos(angle)


def normal_init(shape, std=0.01, *, rng):
    W = zeros(shape)
    W[...] = asarray(box_muller(shape, rng) * std)
    return W
""",
    ),
    # --- xavier_init -------------------------------------------------------------------------
    Right(
        "xavier_init",
        "normal, with the fans from a helper",
        """
def fans(shape):
    if len(shape) == 2:
        return shape
    out_channels, in_channels, kh, kw = shape
    return in_channels * kh * kw, out_channels * kh * kw


def xavier_init(shape, *, rng):
    fan_in, fan_out = fans(shape)
    std = np.sqrt(2.0 / (fan_in + fan_out))
    return asarray(rng.normal(0.0, std, size=shape))
""",
    ),
    Right(
        "xavier_init",
        "uniform, both fans at once",
        """
def xavier_init(shape, *, rng):
    cells = int(np.prod(shape[2:]))
    a = math.sqrt(6) / math.sqrt(cells * (shape[0] + shape[1]))
    return asarray((2 * rng.random(shape) - 1) * a)
""",
    ),
    Right(
        "xavier_init",
        "matches the shape, fills an array in place",
        """
def xavier_init(shape, *, rng):
    match tuple(shape):
        case (n_in, n_out):
            pass
        case (o, i, kh, kw):
            n_in, n_out = i * kh * kw, o * kh * kw
    W = np.empty(shape)
    for row in range(shape[0]):
        W[row] = rng.standard_normal(shape[1:])
    W *= (0.5 * (n_in + n_out)) ** -0.5
    return asarray(W)
""",
    ),
    # --- he_init -----------------------------------------------------------------------------
    Right(
        "he_init",
        "uniform",
        """
def he_init(shape, *, rng):
    if len(shape) == 4:
        fan_in = np.prod(shape[1:])
    else:
        fan_in = shape[0]
    limit = np.sqrt(6 / fan_in)
    return asarray(rng.uniform(low=-limit, high=limit, size=shape))
""",
    ),
    Right(
        "he_init",
        "a helper class, and the gain of a ReLU",
        """
class FanIn:
    def __init__(self, shape):
        self.n = shape[0] if len(shape) < 3 else math.prod(shape) // shape[0]

    def std(self, gain):
        return gain / math.sqrt(self.n)


def he_init(shape, *, rng):
    return asarray(rng.standard_normal(shape)) * FanIn(shape).std(gain=math.sqrt(2))
""",
    ),
    Right(
        "he_init",
        "multiplies the lengths that are summed over",
        """
def he_init(shape, *, rng):
    terms = 1
    for axis, length in enumerate(shape):
        summed_over = axis == 0 if len(shape) == 2 else axis > 0
        if summed_over:
            terms *= length
    return asarray(rng.normal(0, (2 / terms) ** 0.5, np.prod(shape)).reshape(shape))
""",
    ),
    # --- Dropout -----------------------------------------------------------------------------
    Right(
        "Dropout",
        "keeps the mask already scaled, in the input's dtype",
        """
def forward(self, x):
    if not self.training:
        self.mask = None
        return x
    keep = 1.0 - self.p
    self.mask = asarray((self.rng.random(x.shape) < keep) / keep).astype(x.dtype)
    return x * self.mask

def backward(self, dy):
    return dy if self.mask is None else dy * self.mask
""",
    ),
    Right(
        "Dropout",
        "chooses with where, and asks for the mode in backward as well",
        """
def forward(self, x):
    if self.training:
        xp = array_module(x)
        self.dropped = asarray(self.rng.uniform(size=x.shape) < self.p)
        return xp.where(self.dropped, xp.zeros_like(x), x / (1 - self.p))
    return x

def backward(self, dy):
    if self.training:
        xp = array_module(dy)
        return xp.where(self.dropped, xp.zeros_like(dy), dy / (1 - self.p))
    return dy
""",
    ),
    Right(
        "Dropout",
        "writes zeros into a copy, binomial draws",
        """
def forward(self, x):
    y = x.copy()
    self.gone = None
    if self.training:
        self.gone = asarray(self.rng.binomial(1, self.p, size=x.shape) == 1)
        y /= 1 - self.p
        y[self.gone] = 0
    return y

def backward(self, dy):
    dx = dy.copy()
    if self.gone is not None:
        dx /= 1 - self.p
        dx[self.gone] = 0
    return dx
""",
    ),
    Right(
        "Dropout",
        "one multiplier for both modes, drawn by choice",
        """
def multiplier(self, x):
    if not self.training:
        return 1
    drawn = self.rng.choice([0.0, 1 / (1 - self.p)], size=x.shape, p=[self.p, 1 - self.p])
    return asarray(drawn.astype(x.dtype))

def forward(self, x):
    self.k = self.multiplier(x)
    return self.k * x

def backward(self, dy):
    return self.k * dy
""",
    ),
    # --- BatchNorm ---------------------------------------------------------------------------
    Right(
        "BatchNorm",
        "axes by the number of axes, means of the upstream gradient",
        """
def forward(self, x):
    xp = array_module(x)
    self.axes = (0,) if x.ndim == 2 else (0, 2, 3)
    self.shape = (1, -1) + (1,) * (x.ndim - 2)
    self.in_training = self.training
    if self.training:
        mu, var, m = x.mean(axis=self.axes), x.var(axis=self.axes), x.size // x.shape[1]
        self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mu
        self.running_var = (1 - self.momentum) * self.running_var + self.momentum * var * (m / (m - 1))
    else:
        mu, var = self.running_mean.astype(x.dtype), self.running_var.astype(x.dtype)
    self.std = xp.sqrt(var + self.eps).reshape(self.shape)
    self.x_hat = (x - mu.reshape(self.shape)) / self.std
    return self.gamma.data.reshape(self.shape) * self.x_hat + self.beta.data.reshape(self.shape)

def backward(self, dy):
    self.gamma.grad += (dy * self.x_hat).sum(axis=self.axes)
    self.beta.grad += dy.sum(axis=self.axes)
    dx_hat = dy * self.gamma.data.reshape(self.shape)
    if not self.in_training:
        return dx_hat / self.std
    mean = dx_hat.mean(axis=self.axes, keepdims=True)
    along = (dx_hat * self.x_hat).mean(axis=self.axes, keepdims=True)
    return (dx_hat - mean - self.x_hat * along) / self.std
""",
    ),
    Right(
        "BatchNorm",
        "step by step through the graph, channels last",
        """
def to_rows(self, x):
    x = array_module(x).moveaxis(x, 1, -1)
    return x.reshape(-1, x.shape[-1]), x.shape

def from_rows(self, rows, shape):
    return array_module(rows).moveaxis(rows.reshape(shape), -1, 1)

def forward(self, x):
    rows, self.long = self.to_rows(x)
    n = rows.shape[0]
    if self.training:
        mu = 1.0 / n * rows.sum(axis=0)
        xmu = rows - mu
        var = 1.0 / n * (xmu**2).sum(axis=0)
        self.running_mean *= 1 - self.momentum
        self.running_mean += self.momentum * mu
        self.running_var *= 1 - self.momentum
        self.running_var += self.momentum * var * n / (n - 1)
    else:
        xmu = rows - self.running_mean.astype(x.dtype)
        var = self.running_var.astype(x.dtype)
    sqrtvar = array_module(x).sqrt(var + self.eps)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    out = self.gamma.data * xhat + self.beta.data
    self.cache = (xhat, xmu, ivar, sqrtvar, self.training)
    return self.from_rows(out, self.long)

def backward(self, dy):
    xhat, xmu, ivar, sqrtvar, training = self.cache
    dout, _ = self.to_rows(dy)
    n = len(dout)
    self.beta.grad += dout.sum(axis=0)
    self.gamma.grad += (dout * xhat).sum(axis=0)
    dxhat = dout * self.gamma.data
    dxmu1 = dxhat * ivar
    if not training:
        return self.from_rows(dxmu1, self.long)
    divar = (dxhat * xmu).sum(axis=0)
    dsqrtvar = -divar * ivar**2
    dvar = 0.5 * dsqrtvar / sqrtvar
    dsq = dvar / n
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -dx1.sum(axis=0)
    dx = dx1 + dmu / n
    return self.from_rows(dx, self.long)
""",
    ),
    Right(
        "BatchNorm",
        "one feature after the other",
        """
def forward(self, x):
    xp = array_module(x)
    y = xp.empty_like(x)
    self.memory = []
    a = self.momentum
    for c in range(x.shape[1]):
        column = x[:, c]
        m = column.size
        if self.training:
            mu = column.mean()
            var = ((column - mu) ** 2).mean()
            self.running_mean[c] = (1 - a) * self.running_mean[c] + a * mu
            self.running_var[c] = (1 - a) * self.running_var[c] + a * var * m / (m - 1)
        else:
            mu, var = self.running_mean[c].astype(x.dtype), self.running_var[c].astype(x.dtype)
        s = 1 / xp.sqrt(var + self.eps)
        hat = (column - mu) * s
        y[:, c] = self.gamma.data[c] * hat + self.beta.data[c]
        self.memory.append((hat, s, m if self.training else None))
    return y

def backward(self, dy):
    dx = array_module(dy).empty_like(dy)
    for c, (hat, s, m) in enumerate(self.memory):
        d = dy[:, c]
        dgamma, dbeta = (d * hat).sum(), d.sum()
        self.gamma.grad[c] += dgamma
        self.beta.grad[c] += dbeta
        dx[:, c] = self.gamma.data[c] * s * (d if m is None else d - dbeta / m - hat * dgamma / m)
    return dx
""",
    ),
    Right(
        "BatchNorm",
        "keeps the input, normalizes anew in backward, casts at the end",
        """
def places(self, x):
    return x.reshape(x.shape[0], x.shape[1], -1)

def column(self, v):
    return v[None, :, None]

def forward(self, x):
    xp = array_module(x)
    self.x = rows = self.places(x)
    if self.training:
        self.mu = rows.mean(axis=(0, 2))
        self.var = rows.var(axis=(0, 2))
        self.running_mean = self.running_mean + self.momentum * (self.mu - self.running_mean)
        unbiased = rows.var(axis=(0, 2), ddof=1)
        self.running_var = self.running_var + self.momentum * (unbiased - self.running_var)
    else:
        self.mu, self.var = self.running_mean.copy(), self.running_var.copy()
    self.s = (self.var + self.eps) ** -0.5
    hat = (rows - self.column(self.mu)) * self.column(self.s)
    y = self.column(self.gamma.data) * hat + self.column(self.beta.data)
    return y.reshape(x.shape).astype(x.dtype)

def backward(self, dy):
    d = self.places(dy)
    m = d.shape[0] * d.shape[2]
    hat = (self.x - self.column(self.mu)) * self.column(self.s)
    dgamma, dbeta = (d * hat).sum(axis=(0, 2)), d.sum(axis=(0, 2))
    self.gamma.grad[...] += dgamma
    self.beta.grad[...] += dbeta
    if self.training:
        d = (m * d - self.column(dbeta) - hat * self.column(dgamma)) / m
    dx = self.column(self.gamma.data * self.s) * d
    return dx.reshape(dy.shape).astype(dy.dtype)
""",
    ),
    Right(
        "BatchNorm",
        "features as rows of a matrix, takes two directions out with products",
        """
def matrix(self, x):
    return x.swapaxes(0, 1).reshape(x.shape[1], -1)

def back(self, rows, shape):
    return rows.reshape(shape[1], shape[0], *shape[2:]).swapaxes(0, 1)

def forward(self, x):
    xp = array_module(x)
    X = self.matrix(x)
    m = X.shape[1]
    self.from_batch = self.training
    if self.from_batch:
        X = X - X.mean(axis=1, keepdims=True)
        var = xp.einsum("cm,cm->c", X, X) / m
        mean = self.matrix(x).mean(axis=1)
        for running, new in ((self.running_mean, mean), (self.running_var, var * m / (m - 1))):
            running[...] = (1 - self.momentum) * running + self.momentum * new
    else:
        X = X - self.running_mean[:, None].astype(x.dtype)
        var = self.running_var.astype(x.dtype)
    self.inverse = 1 / xp.sqrt(var + self.eps)[:, None]
    self.normed = X * self.inverse
    return self.back(self.normed * self.gamma.data[:, None] + self.beta.data[:, None], x.shape)

def backward(self, dy):
    xp = array_module(dy)
    D = self.matrix(dy)
    self.gamma.grad += xp.einsum("cm,cm->c", D, self.normed)
    self.beta.grad += D.sum(axis=1)
    G = D * self.gamma.data[:, None]
    if self.from_batch:
        share = xp.einsum("cm,cm->c", G, self.normed)[:, None] / G.shape[1]
        G = G - G.mean(axis=1, keepdims=True)
        G = G - share * self.normed
    return self.back(G * self.inverse, dy.shape)
""",
    ),
    # --- LayerNorm ---------------------------------------------------------------------------
    Right(
        "LayerNorm",
        "along the last axis, whatever stands before it",
        """
def forward(self, x):
    mu = x.mean(axis=-1, keepdims=True)
    var = x.var(axis=-1, keepdims=True)
    self.std = array_module(x).sqrt(var + self.eps)
    self.x_hat = (x - mu) / self.std
    return self.gamma.data * self.x_hat + self.beta.data

def backward(self, dy):
    leading = tuple(range(dy.ndim - 1))
    self.gamma.grad += (dy * self.x_hat).sum(axis=leading)
    self.beta.grad += dy.sum(axis=leading)
    d = dy * self.gamma.data
    return (d - d.mean(axis=-1, keepdims=True) - self.x_hat * (d * self.x_hat).mean(axis=-1, keepdims=True)) / self.std
""",
    ),
    Right(
        "LayerNorm",
        "one row after the other",
        """
def forward(self, x):
    xp = array_module(x)
    rows = x.reshape(-1, x.shape[-1])
    self.hats, self.scales = [], []
    y = xp.empty(rows.shape, dtype=x.dtype)
    for i in range(len(rows)):
        row = rows[i] - rows[i].sum() / rows.shape[1]
        s = 1 / xp.sqrt((row * row).sum() / rows.shape[1] + self.eps)
        self.hats.append(row * s)
        self.scales.append(s)
        y[i] = self.gamma.data * self.hats[i] + self.beta.data
    return y.reshape(x.shape)

def backward(self, dy):
    rows = dy.reshape(-1, dy.shape[-1])
    dx = array_module(dy).empty(rows.shape, dtype=dy.dtype)
    for i, (hat, s) in enumerate(zip(self.hats, self.scales)):
        self.gamma.grad += rows[i] * hat
        self.beta.grad += rows[i]
        d = self.gamma.data * rows[i]
        dx[i] = s * (d - d.mean() - hat * (d @ hat) / len(hat))
    return dx.reshape(dy.shape)
""",
    ),
    Right(
        "LayerNorm",
        "through the variance and the mean, gradients in new arrays",
        """
def forward(self, x):
    self.n = x.shape[-1]
    self.centred = x - x.mean(axis=-1, keepdims=True)
    self.var = (self.centred**2).mean(axis=-1, keepdims=True) + self.eps
    normalized = self.centred / self.var**0.5
    return normalized * self.gamma.data + self.beta.data

def backward(self, dy):
    inverse = self.var**-0.5
    axes = tuple(range(dy.ndim))[:-1]
    self.gamma.grad = self.gamma.grad + (dy * self.centred * inverse).sum(axis=axes)
    self.beta.grad = self.beta.grad + dy.sum(axis=axes)
    dxhat = dy * self.gamma.data
    dvar = (dxhat * self.centred).sum(axis=-1, keepdims=True) * (-0.5) * inverse**3
    dmean = -(dxhat * inverse).sum(axis=-1, keepdims=True)
    return dxhat * inverse + dvar * 2 * self.centred / self.n + dmean / self.n
""",
    ),
    Right(
        "LayerNorm",
        "einsum, features first",
        """
def forward(self, x):
    xp = array_module(x)
    self.shape = x.shape
    columns = x.reshape(-1, x.shape[-1]).T
    columns = columns - xp.einsum("fn->n", columns) / len(columns)
    self.s = 1 / xp.sqrt(xp.einsum("fn,fn->n", columns, columns) / len(columns) + self.eps)
    self.hat = columns * self.s
    y = xp.einsum("f,fn->nf", self.gamma.data, self.hat) + self.beta.data
    return y.reshape(x.shape)

def backward(self, dy):
    xp = array_module(dy)
    rows = dy.reshape(-1, dy.shape[-1])
    self.gamma.grad += xp.einsum("nf,fn->f", rows, self.hat)
    self.beta.grad += xp.einsum("nf->f", rows)
    d = xp.einsum("nf,f->fn", rows, self.gamma.data)
    d = d - d.mean(axis=0) - self.hat * xp.einsum("fn,fn->n", d, self.hat) / len(d)
    return (d * self.s).T.reshape(self.shape)
""",
    ),
    # --- L2Penalty ---------------------------------------------------------------------------
    Right(
        "L2Penalty",
        "in one line each",
        """
def forward(self):
    return 0.5 * self.weight_decay * sum((p.data**2).sum() for p in self.parameters if p.data.ndim >= 2)

def backward(self):
    for p in [q for q in self.parameters if q.data.ndim >= 2]:
        p.grad += self.weight_decay * p.data
""",
    ),
    Right(
        "L2Penalty",
        "sorts the weights out at the start, products of vectors",
        """
def __init__(self, parameters, weight_decay):
    self.weights = [p for p in parameters if len(p.data.shape) > 1]
    self.lam = weight_decay

def forward(self):
    total = 0.0
    for w in self.weights:
        flat = w.data.reshape(-1)
        total += self.lam * (flat @ flat) / 2
    return total

def backward(self):
    for w in self.weights:
        w.grad[...] = w.grad + self.lam * w.data
""",
    ),
    Right(
        "L2Penalty",
        "norms of the arrays, skips what has a single axis",
        """
def forward(self):
    squares = []
    for p in self.parameters:
        if len(p.shape) < 2:
            continue
        xp = array_module(p.data)
        squares.append(xp.square(xp.linalg.norm(p.data.ravel())))
    return sum(squares) * (self.weight_decay / 2)

def backward(self):
    for p in self.parameters:
        if len(p.shape) < 2:
            continue
        array_module(p.grad).add(p.grad, self.weight_decay * p.data, out=p.grad)
""",
    ),
    # --- EarlyStopping -----------------------------------------------------------------------
    Right(
        "EarlyStopping",
        "asks for NaN first, returns early",
        """
def update(self, loss):
    if not math.isnan(loss) and loss < self.best - self.min_delta:
        self.best, self.waited = loss, 0
        self.kept = [p.data.copy() for p in self.parameters]
        return False
    self.waited += 1
    if self.waited >= self.patience:
        return True
    return False

def restore(self):
    if self.kept is None:
        return
    for p, w in zip(self.parameters, self.kept):
        p.data[...] = w
""",
    ),
    Right(
        "EarlyStopping",
        "counts epochs, under names of its own",
        """
def __init__(self, parameters, patience, min_delta=0.0):
    self.params = list(parameters)
    self.limit, self.delta = patience, min_delta
    self.epoch = self.best_epoch = 0
    self.lowest = float("inf")
    self.snapshot = {}

def update(self, loss):
    self.epoch += 1
    if loss + self.delta < self.lowest:
        self.lowest = loss
        self.best_epoch = self.epoch
        for i, p in enumerate(self.params):
            self.snapshot[i] = array_module(p.data).array(p.data)
    return self.epoch - self.best_epoch >= self.limit

def restore(self):
    for i, weights in self.snapshot.items():
        self.params[i].data[:] = weights
""",
    ),
    Right(
        "EarlyStopping",
        "writes into copies that it has from the start",
        """
def __init__(self, parameters, patience, min_delta=0.0):
    self.parameters = list(parameters)
    self.patience, self.min_delta = patience, min_delta
    self.history = []
    self.best = None
    self.copies = [p.data.copy() for p in self.parameters]

def improves(self, loss):
    if loss != loss:
        return False
    return (math.inf if self.best is None else self.best) - loss > self.min_delta

def update(self, loss):
    better = self.improves(loss)
    self.history.append(better)
    if better:
        self.best = loss
        for copy, p in zip(self.copies, self.parameters):
            copy[...] = p.data
    return len(self.history) >= self.patience and not any(self.history[-self.patience :])

def restore(self):
    if self.best is not None:
        for copy, p in zip(self.copies, self.parameters):
            array_module(p.data).copyto(p.data, copy)
""",
    ),
    # --- random_shift ------------------------------------------------------------------------
    Right(
        "random_shift",
        "draws moves, and turns them into places of a window",
        """
def random_shift(x, most, *, rng):
    n, _, h, w = x.shape
    down = rng.integers(-most, most, size=n, endpoint=True)
    right = rng.integers(-most, most, size=n, endpoint=True)
    return windows(bordered(x, most), most - down, most - right, h, w)
""",
    ),
    Right(
        "random_shift",
        "one image after the other, with slices",
        """
def random_shift(x, most, *, rng):
    n, c, h, w = x.shape
    result = array_module(x).zeros_like(x)
    for i in range(n):
        down, right = (int(k) for k in rng.integers(-most, most + 1, size=2))
        to = (i, slice(None), slice(max(down, 0), h + min(down, 0)), slice(max(right, 0), w + min(right, 0)))
        source = (i, slice(None), slice(max(-down, 0), h - max(down, 0)), slice(max(-right, 0), w - max(right, 0)))
        result[to] = x[source]
    return result
""",
    ),
    Right(
        "random_shift",
        "rolls, and blanks what came round",
        """
def blank(image, axis, by):
    gone = [slice(None)] * image.ndim
    gone[axis] = slice(0, by) if by >= 0 else slice(by, None)
    image[tuple(gone)] = 0
    return image


def random_shift(x, most, *, rng):
    xp = array_module(x)
    moves = np.arange(-most, most + 1)
    moved = []
    for image in x:
        down, right = int(rng.choice(moves)), int(rng.choice(moves))
        rolled = xp.roll(image, (down, right), axis=(1, 2))
        moved.append(blank(blank(rolled, 1, down), 2, right))
    return xp.stack(moved)
""",
    ),
    Right(
        "random_shift",
        "multiplies with matrices of zeros and ones",
        """
def moving(length, by, dtype):
    i = np.arange(length)
    return asarray((i[:, None] - i == by[:, None, None]).astype(dtype))[:, None]


def random_shift(x, most, *, rng):
    drawn = np.floor(rng.random((len(x), 2)) * (2 * most + 1)).astype(int) - most
    rows = moving(x.shape[2], drawn[:, 0], x.dtype)
    columns = moving(x.shape[3], drawn[:, 1], x.dtype).swapaxes(2, 3)
    return rows @ x @ columns
""",
    ),
    Right(
        "random_shift",
        "takes pixels by index, and 0 where there is none",
        """
def random_shift(x, most, *, rng):
    n, c, h, w = x.shape
    rows = np.arange(h) - rng.integers(-most, most + 1, (n, 1))
    columns = np.arange(w) - rng.integers(-most, most + 1, (n, 1))
    inside = ((rows >= 0) & (rows < h))[:, :, None] & ((columns >= 0) & (columns < w))[:, None, :]
    taken = x[
        asarray(np.arange(n)[:, None, None, None]),
        asarray(np.arange(c)[:, None, None]),
        asarray(rows.clip(0, h - 1)[:, None, :, None]),
        asarray(columns.clip(0, w - 1)[:, None, None, :]),
    ]
    return taken * asarray(inside[:, None])
""",
    ),
    # --- random_flip -------------------------------------------------------------------------
    Right(
        "random_flip",
        "one image after the other, in a copy",
        """
def random_flip(x, p=0.5, *, rng):
    out = x.copy()
    for i in range(len(x)):
        if rng.random() < p:
            out[i] = x[i, :, :, ::-1]
    return out
""",
    ),
    Right(
        "random_flip",
        "picks the numbers of the images",
        """
def random_flip(x, p=0.5, *, rng):
    which = asarray(np.flatnonzero(rng.uniform(size=x.shape[0]) < p))
    result = x.copy()
    result[which] = array_module(x).flip(x[which], axis=-1)
    return result
""",
    ),
    Right(
        "random_flip",
        "reads columns by index",
        """
def random_flip(x, p=0.5, *, rng):
    n, w = x.shape[0], x.shape[3]
    mirrored = rng.binomial(1, p, size=(n, 1)).astype(bool)
    columns = np.where(mirrored, np.arange(w)[::-1], np.arange(w))
    return x[asarray(np.arange(n)[:, None]), :, :, asarray(columns)].transpose(0, 2, 3, 1)
""",
    ),
    Right(
        "random_flip",
        "adds both with weights 0 and 1",
        """
def random_flip(x, p=0.5, *, rng):
    coin = rng.choice([1, 0], size=(len(x), 1, 1, 1), p=[p, 1 - p])
    coin = asarray(coin.astype(x.dtype))
    return coin * x[:, :, :, ::-1] + (1 - coin) * x
""",
    ),
    # --- random_crop -------------------------------------------------------------------------
    Right(
        "random_crop",
        "pads, and stacks slices",
        """
def random_crop(x, size, padding=0, *, rng):
    xp = array_module(x)
    height, width = size
    big = xp.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    crops = []
    for image in big:
        i = int(rng.integers(image.shape[1] - height + 1))
        j = int(rng.integers(image.shape[2] - width + 1))
        crops.append(image[:, i : i + height, j : j + width])
    return xp.stack(crops)
""",
    ),
    Right(
        "random_crop",
        "numbers the places, and draws one number",
        """
def random_crop(x, size, padding=0, *, rng):
    h, w = size
    rows, columns = x.shape[2] + 2 * padding - h + 1, x.shape[3] + 2 * padding - w + 1
    top, left = np.divmod(rng.integers(0, rows * columns, size=len(x)), columns)
    return windows(bordered(x, padding), top, left, h, w)
""",
    ),
    Right(
        "random_crop",
        "chooses among sliding windows",
        """
def random_crop(x, size, padding=0, *, rng):
    xp = array_module(x)
    if padding > 0:
        x = bordered(x, padding)
    view = xp.lib.stride_tricks.sliding_window_view(x, tuple(size), axis=(2, 3))
    n = len(x)
    top = rng.choice(view.shape[2], size=n)
    left = rng.choice(view.shape[3], size=n)
    return view[asarray(np.arange(n)), :, asarray(top), asarray(left)]
""",
    ),
    Right(
        "random_crop",
        "copies the part of the image that the window sees",
        """
def overlap(start, length, whole):
    a, b = max(start, 0), min(start + length, whole)
    return slice(a, max(a, b)), slice(a - start, max(a, b) - start)


def random_crop(x, size, padding=0, *, rng):
    n, c, H, W = x.shape
    out = array_module(x).zeros((n, c, *size), dtype=x.dtype)
    for k in range(n):
        top = int(rng.integers(-padding, H + padding - size[0], endpoint=True))
        left = int(rng.integers(-padding, W + padding - size[1], endpoint=True))
        rows, to_rows = overlap(top, size[0], H)
        columns, to_columns = overlap(left, size[1], W)
        if rows.stop > rows.start and columns.stop > columns.start:
            out[k, :, to_rows, to_columns] = x[k, :, rows, columns]
    return out
""",
    ),
    # --- gaussian_noise ----------------------------------------------------------------------
    Right(
        "gaussian_noise",
        "adds onto a copy",
        """
def gaussian_noise(x, sigma, *, rng):
    noisy = x.copy()
    noisy += asarray(rng.normal(scale=sigma, size=x.shape))
    return noisy
""",
    ),
    Right(
        "gaussian_noise",
        "draws in single precision, nothing for no noise",
        """
def gaussian_noise(x, sigma, *, rng):
    if sigma == 0:
        return x
    z = asarray(rng.standard_normal(x.shape, dtype=np.float32)).astype(x.dtype)
    return x + sigma * z
""",
    ),
    Right(
        "gaussian_noise",
        "one sample after the other",
        """
def gaussian_noise(x, sigma, *, rng):
    result = array_module(x).empty_like(x)
    for i, sample in enumerate(x):
        result[i] = sample + sigma * asarray(rng.normal(size=sample.shape))
    return result
""",
    ),
    # --- Mixup -------------------------------------------------------------------------------
    Right(
        "Mixup",
        "walks towards the partner",
        """
def mix(self, x, t):
    lam = float(self.rng.beta(self.alpha, self.alpha))
    perm = asarray(self.rng.permutation(x.shape[0]))
    return x + (1 - lam) * (x[perm] - x), t + (1 - lam) * (t[perm] - t)
""",
    ),
    Right(
        "Mixup",
        "share from two gamma numbers, shuffles a range, blends with a helper",
        """
def blend(self, a, share, order):
    return (a * share + a[order] * (1.0 - share)).astype(a.dtype)

def mix(self, x, t):
    one, other = self.rng.gamma(self.alpha, size=2)
    share = one / (one + other)
    order = np.arange(len(t))
    self.rng.shuffle(order)
    order = asarray(order)
    return self.blend(x, share, order), self.blend(t, share, order)
""",
    ),
    Right(
        "Mixup",
        "pair by pair, in the order of random numbers",
        """
def mix(self, x, t):
    partners = np.argsort(self.rng.random(len(x)))
    share = self.rng.beta(self.alpha, self.alpha, size=1)[0].item()
    xp = array_module(x)
    images = [share * x[i] + (1 - share) * x[int(j)] for i, j in enumerate(partners)]
    targets = [share * t[i] + (1 - share) * t[int(j)] for i, j in enumerate(partners)]
    return xp.stack(images), xp.stack(targets)
""",
    ),
)
