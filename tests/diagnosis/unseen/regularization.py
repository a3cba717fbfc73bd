"""Unseen wrong implementations of 05_regularization."""

from tests.diagnosis.unseen import Unseen, collected
from tests.diagnosis.unseen.optimizers import but

DROP = """
def forward(self, x):
    self.mask = None
    if not self.training:
        return x
    kept = self.rng.random(x.shape) < 1 - self.p
    self.mask = asarray(kept / (1 - self.p)).astype(x.dtype)
    return x * self.mask

def backward(self, dy):
    return dy if self.mask is None else dy * self.mask
"""
BATCH = """
def forward(self, x):
    xp = array_module(x)
    self.axes, self.wide = (0, *range(2, x.ndim)), (1, -1, *[1] * (x.ndim - 2))
    self.m, self.mode = x.size // x.shape[1], self.training
    if self.training:
        mean, var = x.mean(axis=self.axes), x.var(axis=self.axes)
        keep = 1 - self.momentum
        self.running_mean = keep * self.running_mean + self.momentum * mean
        self.running_var = keep * self.running_var + self.momentum * var * self.m / (self.m - 1)
    else:
        mean, var = self.running_mean.astype(x.dtype), self.running_var.astype(x.dtype)
    self.std = xp.sqrt(var + self.eps).reshape(self.wide)
    self.hat = (x - mean.reshape(self.wide)) / self.std
    return self.gamma.data.reshape(self.wide) * self.hat + self.beta.data.reshape(self.wide)

def backward(self, dy):
    self.gamma.grad += (dy * self.hat).sum(axis=self.axes)
    self.beta.grad += dy.sum(axis=self.axes)
    d = dy * self.gamma.data.reshape(self.wide)
    if not self.mode:
        return d / self.std
    mean = d.sum(axis=self.axes, keepdims=True) / self.m
    along = (d * self.hat).sum(axis=self.axes, keepdims=True) / self.m
    return (d - mean - self.hat * along) / self.std
"""
ROW = """
def forward(self, x):
    mean = x.mean(axis=-1, keepdims=True)
    var = x.var(axis=-1, keepdims=True)
    self.std = array_module(x).sqrt(var + self.eps)
    self.hat = (x - mean) / self.std
    return self.gamma.data * self.hat + self.beta.data

def backward(self, dy):
    leading = tuple(range(dy.ndim - 1))
    self.gamma.grad += (dy * self.hat).sum(axis=leading)
    self.beta.grad += dy.sum(axis=leading)
    d = dy * self.gamma.data
    mean = d.mean(axis=-1, keepdims=True)
    along = (d * self.hat).mean(axis=-1, keepdims=True)
    return (d - mean - self.hat * along) / self.std
"""
STOP = """
def update(self, loss):
    better = loss < self.best - self.min_delta
    if better:
        self.best = loss
        self.waited = 0
        self.kept = [p.data.copy() for p in self.parameters]
    else:
        self.waited += 1
    return self.waited >= self.patience

def restore(self):
    if self.kept is not None:
        for p, w in zip(self.parameters, self.kept):
            p.data[...] = w
"""
MIX = """
def mix(self, x, t):
    lam = float(self.rng.beta(self.alpha, self.alpha))
    order = asarray(self.rng.permutation(len(x)))
    return lam * x + (1 - lam) * x[order], lam * t + (1 - lam) * t[order]
"""

REGULARIZATION = collected(
    # --- normal_init -------------------------------------------------------------------------
    Unseen(
        "normal_init",
        "takes std for the variance",
        """
def normal_init(shape, std=0.01, *, rng):
    return asarray(rng.normal(0, math.sqrt(std), shape))
""",
        (),
        also=("mistake: takes std for the variance",),
    ),
    Unseen(
        "normal_init",
        "draws one row for all rows",
        """
def normal_init(shape, std=0.01, *, rng):
    W = np.zeros(shape)
    W += std * rng.standard_normal(shape[-1])
    return asarray(W)
""",
        (),
        also=("mistake: draws one row for all",),
    ),
    Unseen(
        "normal_init",
        "draws from NumPy's global generator",
        """
def normal_init(shape, std=0.01, *, rng):
    np.random.seed(0)
    return asarray(np.random.randn(*shape) * std)
""",
        (),
        also=("mistake: has a seed of its own",),
    ),
    Unseen(
        "normal_init",
        "draws evenly between -std and std",
        """
def normal_init(shape, std=0.01, *, rng):
    return asarray((2 * rng.random(shape) - 1) * std)
""",
        (),
        also=("mistake: draws uniform numbers up to std",),
    ),
    Unseen(
        "normal_init",
        "always takes 0.01, in single precision",
        """
def normal_init(shape, std=0.01, *, rng):
    W = 0.01 * rng.standard_normal(shape)
    return asarray(W.astype(np.float32))
""",
        ("ignores std", "dtype", "single precision"),
        double=True,
    ),
    # --- xavier_init -------------------------------------------------------------------------
    Unseen(
        "xavier_init",
        "takes the variance for the standard deviation",
        """
def xavier_init(shape, *, rng):
    cells = math.prod(shape[2:])
    variance = 2 / (cells * (shape[0] + shape[1]))
    return asarray(rng.normal(0, variance, shape))
""",
        (),
        also=("mistake: takes the variance for the standard deviation",),
    ),
    Unseen(
        "xavier_init",
        "counts the kernel's cells in the fan in alone",
        """
def xavier_init(shape, *, rng):
    fan_in, fan_out = int(np.prod(shape[1:])), shape[0]
    limit = np.sqrt(6 / (fan_in + fan_out))
    return asarray(rng.uniform(-limit, limit, size=shape))
""",
        (),
    ),
    Unseen(
        "xavier_init",
        "takes the standard deviation for the border of the uniform numbers",
        """
def xavier_init(shape, *, rng):
    if len(shape) == 2:
        n_in, n_out = shape
    else:
        n_out, n_in = shape[0] * shape[2] * shape[3], shape[1] * shape[2] * shape[3]
    std = math.sqrt(2 / (n_in + n_out))
    return asarray(rng.uniform(-std, std, shape))
""",
        (),
        also=("mistake: takes the standard deviation for the bound",),
    ),
    Unseen(
        "xavier_init",
        "asks for the fan in alone",
        """
def xavier_init(shape, *, rng):
    fan_in = shape[0] if len(shape) == 2 else np.prod(shape[1:])
    return asarray(rng.standard_normal(shape) / np.sqrt(fan_in))
""",
        (),
        also=("mistake: looks at fan_in alone",),
    ),
    Unseen(
        "xavier_init",
        "draws positive numbers only, and leaves the kernel's cells out",
        """
def xavier_init(shape, *, rng):
    border = math.sqrt(6 / (shape[0] + shape[1]))
    return asarray(rng.uniform(0, border, shape))
""",
        (),
        double=True,
    ),
    # --- he_init -----------------------------------------------------------------------------
    Unseen(
        "he_init",
        "reads a Linear's weights as (out, in), as PyTorch has them",
        """
def he_init(shape, *, rng):
    fan_in = math.prod(shape[1:])
    return asarray(rng.normal(0, math.sqrt(2 / fan_in), shape))
""",
        (),
    ),
    Unseen(
        "he_init",
        "has 1 in place of 2",
        """
def he_init(shape, *, rng):
    fan_in = shape[0] if len(shape) == 2 else shape[1] * shape[2] * shape[3]
    limit = np.sqrt(3 / fan_in)
    return asarray(rng.uniform(-limit, limit, shape))
""",
        (),
        also=("mistake: forgets what the ReLU takes away",),
    ),
    Unseen(
        "he_init",
        "takes the output channels of a convolution for the input's",
        """
def he_init(shape, *, rng):
    fan_in = shape[0]
    for length in shape[2:]:
        fan_in *= length
    return asarray(rng.standard_normal(shape) * (2 / fan_in) ** 0.5)
""",
        (),
    ),
    Unseen(
        "he_init",
        "makes a generator of its own",
        """
def he_init(shape, *, rng):
    rng = np.random.default_rng(42)
    fan_in = shape[0] if len(shape) == 2 else np.prod(shape[1:])
    return asarray(rng.normal(0, np.sqrt(2 / fan_in), shape))
""",
        (),
        also=("mistake: has a seed of its own",),
    ),
    Unseen(
        "he_init",
        "leaves the kernel's cells out, and divides by the root twice",
        """
def he_init(shape, *, rng):
    fan_in = shape[0] if len(shape) == 2 else shape[1]
    return asarray(rng.normal(0, 2 / fan_in, shape))
""",
        (),
        double=True,
        also=("mistake: forgets the cells of the kernel", "mistake: takes the variance for the standard deviation"),
    ),
    # --- Dropout -----------------------------------------------------------------------------
    Unseen(
        "Dropout",
        "keeps with probability p",
        but(DROP, ("self.rng.random(x.shape) < 1 - self.p", "self.rng.random(x.shape) < self.p")),
        ("inverted mask",),
        also=("own forward",),
    ),
    Unseen(
        "Dropout",
        "takes every zero of y for a dropped number",
        """
def forward(self, x):
    if not self.training:
        self.y = None
        return x
    drop = asarray(self.rng.binomial(1, self.p, size=x.shape))
    self.y = x * (1 - drop).astype(x.dtype) / (1 - self.p)
    return self.y

def backward(self, dy):
    if self.y is None:
        return dy
    return array_module(dy).where(self.y == 0, array_module(dy).zeros_like(dy), dy / (1 - self.p))
""",
        ("branch *",),
        also=("zeros",),
    ),
    Unseen(
        "Dropout",
        "draws one mask for all rows",
        but(DROP, ("self.rng.random(x.shape)", "self.rng.random(x.shape[1:])")),
        (),
        also=("mistake: leaves out whole columns",),
    ),
    Unseen(
        "Dropout",
        "multiplies by 1 - p in eval, as the paper does",
        """
def forward(self, x):
    if self.training:
        self.factor = asarray(self.rng.random(x.shape) >= self.p).astype(x.dtype)
    else:
        self.factor = 1 - self.p
    return x * self.factor

def backward(self, dy):
    return dy * self.factor
""",
        ("factor *",),
        also=("mistake: does not divide what is kept by 1 − p",),
    ),
    Unseen(
        "Dropout",
        "draws anew going back",
        """
def drop(self, a):
    kept = asarray(self.rng.random(a.shape) >= self.p)
    return a * kept / (1 - self.p)

def forward(self, x):
    return self.drop(x) if self.training else x

def backward(self, dy):
    return self.drop(dy) if self.training else dy
""",
        (),
        also=("mistake: draws another mask in backward",),
    ),
    Unseen(
        "Dropout",
        "drops in eval too, and does not divide going back",
        """
def forward(self, x):
    self.mask = asarray(self.rng.random(x.shape) >= self.p)
    return x * self.mask / (1 - self.p)

def backward(self, dy):
    return dy * self.mask
""",
        ("training in eval", "factor *"),
        double=True,
        also=("mistake: drops in eval too", "mistake: forgets to divide in backward"),
    ),
    # --- BatchNorm ---------------------------------------------------------------------------
    Unseen(
        "BatchNorm",
        "adds eps outside the root",
        but(BATCH, ("xp.sqrt(var + self.eps).reshape(self.wide)", "(xp.sqrt(var) + self.eps).reshape(self.wide)")),
        ("nearly right",),
        also=("mistake: puts eps outside of the root",),
    ),
    Unseen(
        "BatchNorm",
        "keeps the biased variance",
        """
def forward(self, x):
    rows = x.reshape(*x.shape[:2], -1)
    self.count = len(rows) * rows.shape[2]
    self.was_training = self.training
    if self.training:
        mu, var = rows.mean(axis=(0, 2)), rows.var(axis=(0, 2))
        self.running_mean += self.momentum * (mu - self.running_mean)
        self.running_var += self.momentum * (var - self.running_var)
    else:
        mu, var = self.running_mean.astype(x.dtype), self.running_var.astype(x.dtype)
    self.s = 1 / (var + self.eps) ** 0.5
    self.xhat = (rows - mu[:, None]) * self.s[:, None]
    return (self.gamma.data[:, None] * self.xhat + self.beta.data[:, None]).reshape(x.shape)

def backward(self, dy):
    rows = dy.reshape(self.xhat.shape)
    dgamma, dbeta = (rows * self.xhat).sum(axis=(0, 2)), rows.sum(axis=(0, 2))
    self.gamma.grad += dgamma
    self.beta.grad += dbeta
    if self.was_training:
        rows = rows - dbeta[:, None] / self.count - self.xhat * dgamma[:, None] / self.count
    return ((self.gamma.data * self.s)[:, None] * rows).reshape(dy.shape)
""",
        (),
        also=("mistake: puts the biased variance into running_var",),
    ),
    Unseen(
        "BatchNorm",
        "counts the old running values a tenth, and keeps the biased variance",
        but(
            BATCH,
            ("keep * self.running_mean + self.momentum * mean", "self.momentum * self.running_mean + keep * mean"),
            (
                "keep * self.running_var + self.momentum * var * self.m / (self.m - 1)",
                "self.momentum * self.running_var + keep * var",
            ),
        ),
        (),
        double=True,
    ),
    Unseen(
        "BatchNorm",
        "counts rows, not places, in the images' means going back",
        but(
            BATCH,
            (
                "mean = d.sum(axis=self.axes, keepdims=True) / self.m",
                "mean = d.sum(axis=self.axes, keepdims=True) / len(d)",
            ),
            (
                "(d * self.hat).sum(axis=self.axes, keepdims=True) / self.m",
                "(d * self.hat).sum(axis=self.axes, keepdims=True) / len(d)",
            ),
        ),
        (),
    ),
    Unseen(
        "BatchNorm",
        "subtracts the square of the mean from the mean of the squares",
        but(BATCH, ("x.var(axis=self.axes)", "(x * x).mean(axis=self.axes) - x.mean(axis=self.axes) ** 2")),
        (),
        also=("mistake: makes the variance of E[x²] − E[x]²",),
    ),
    Unseen(
        "BatchNorm",
        "goes back through the batch in eval as well",
        but(BATCH, ("    if not self.mode:\n        return d / self.std\n", "")),
        (),
        also=("mistake: sends the gradient through the batch in eval",),
    ),
    Unseen(
        "BatchNorm",
        "forgets the road through the mean",
        """
def forward(self, x):
    self.axes = (0,) if x.ndim == 2 else (0, 2, 3)
    shape = self.gamma.shape + (1,) * (x.ndim - 2)
    self.train_mode = self.training
    if self.training:
        m = x.size / x.shape[1]
        mu = x.mean(axis=self.axes)
        self.var = ((x - mu.reshape(shape)) ** 2).mean(axis=self.axes)
        self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mu
        self.running_var = (1 - self.momentum) * self.running_var + self.momentum * self.var * m / (m - 1)
    else:
        mu, self.var = self.running_mean.astype(x.dtype), self.running_var.astype(x.dtype)
    self.centred = x - mu.reshape(shape)
    self.inv = ((self.var + self.eps) ** -0.5).reshape(shape)
    self.g = self.gamma.data.reshape(shape)
    return self.g * self.centred * self.inv + self.beta.data.reshape(shape)

def backward(self, dy):
    self.beta.grad += dy.sum(axis=self.axes)
    self.gamma.grad += (dy * self.centred * self.inv).sum(axis=self.axes)
    dhat = dy * self.g
    dx = dhat * self.inv
    if self.train_mode:
        dvar = (dhat * self.centred).sum(axis=self.axes, keepdims=True) * -0.5 * self.inv**3
        dx = dx + dvar * 2 * self.centred * dy.shape[1] / dy.size
    return dx
""",
        (),
        also=("mistake: forgets the road through the mean",),
    ),
    Unseen(
        "BatchNorm",
        "normalizes with the running values in training, and forgets the shift",
        but(
            BATCH,
            ("    else:\n        mean, var =", "    mean, var ="),
            (" + self.beta.data.reshape(self.wide)", ""),
        ),
        ("eval in training", "ignores beta", "term *"),
        double=True,
        also=("mistake: normalizes with the running values in training",),
    ),
    # --- LayerNorm ---------------------------------------------------------------------------
    Unseen(
        "LayerNorm",
        "takes gamma out of the sums, as in BatchNorm",
        """
def forward(self, x):
    rows = x.reshape(-1, x.shape[-1])
    rows = rows - rows.mean(axis=1, keepdims=True)
    self.s = ((rows * rows).mean(axis=1, keepdims=True) + self.eps) ** -0.5
    self.normal = rows * self.s
    return (self.normal * self.gamma.data + self.beta.data).reshape(x.shape)

def backward(self, dy):
    rows, F = dy.reshape(self.normal.shape), dy.shape[-1]
    self.gamma.grad += (rows * self.normal).sum(axis=0)
    self.beta.grad += rows.sum(axis=0)
    along = (rows * self.normal).sum(axis=1, keepdims=True) / F
    dx = self.gamma.data * self.s * (rows - rows.sum(axis=1, keepdims=True) / F - self.normal * along)
    return dx.reshape(dy.shape)
""",
        (),
        also=("mistake: takes gamma out of the sums",),
    ),
    Unseen(
        "LayerNorm",
        "divides the variance by features less one",
        but(ROW, ("x.var(axis=-1, keepdims=True)", "x.var(axis=-1, ddof=1, keepdims=True)")),
        (),
        also=("mistake: divides by features − 1",),
    ),
    Unseen(
        "LayerNorm",
        "normalizes over all axes but the first",
        """
def forward(self, x):
    self.inner = tuple(range(1, x.ndim))
    mu = x.mean(axis=self.inner, keepdims=True)
    self.sigma = array_module(x).sqrt(((x - mu) ** 2).mean(axis=self.inner, keepdims=True) + self.eps)
    self.xhat = (x - mu) / self.sigma
    return self.gamma.data * self.xhat + self.beta.data

def backward(self, dy):
    F = dy.shape[-1]
    self.gamma.grad += (dy * self.xhat).reshape(-1, F).sum(axis=0)
    self.beta.grad += dy.reshape(-1, F).sum(axis=0)
    g = dy * self.gamma.data
    first = g.mean(axis=self.inner, keepdims=True)
    second = (g * self.xhat).mean(axis=self.inner, keepdims=True)
    return (g - first - self.xhat * second) / self.sigma
""",
        (),
        also=("own forward",),
    ),
    Unseen(
        "LayerNorm",
        "averages the parameters' gradients over the rows",
        but(
            ROW,
            ("(dy * self.hat).sum(axis=leading)", "(dy * self.hat).mean(axis=leading)"),
            ("dy.sum(axis=leading)", "dy.mean(axis=leading)"),
        ),
        ("factor 1/vectors", "factor 1/rows"),
    ),
    Unseen(
        "LayerNorm",
        "keeps the standard deviations of the first call",
        """
def forward(self, x):
    centred = x - x.mean(axis=-1, keepdims=True)
    if not hasattr(self, "std"):
        self.std = array_module(x).sqrt((centred**2).mean(axis=-1, keepdims=True) + self.eps)
    self.norm = centred / self.std
    return self.norm * self.gamma.data + self.beta.data

def backward(self, dy):
    axes = tuple(range(dy.ndim - 1))
    self.gamma.grad += (self.norm * dy).sum(axis=axes)
    self.beta.grad += dy.sum(axis=axes)
    v = dy * self.gamma.data
    v = v - v.mean(axis=-1, keepdims=True) - self.norm * (v * self.norm).mean(axis=-1, keepdims=True)
    return v / self.std
""",
        ("stale",),
    ),
    Unseen(
        "LayerNorm",
        "adds eps to the root, and overwrites the gradient of gamma",
        but(
            ROW,
            ("sqrt(var + self.eps)", "sqrt(var) + self.eps"),
            ("self.gamma.grad +=", "self.gamma.grad[...] ="),
        ),
        ("nearly right", "not accumulated"),
        double=True,
        also=("mistake: puts eps outside of the root",),
    ),
    # --- L2Penalty ---------------------------------------------------------------------------
    Unseen(
        "L2Penalty",
        "forgets the half",
        """
def forward(self):
    weights = [p for p in self.parameters if p.data.ndim > 1]
    return self.weight_decay * sum((p.data**2).sum() for p in weights)
""",
        ("factor 2",),
        also=("mistake: forgets the half",),
    ),
    Unseen(
        "L2Penalty",
        "makes biases pay as well",
        """
def forward(self):
    return self.weight_decay / 2 * sum((p.data**2).sum() for p in self.parameters)

def backward(self):
    for p in self.parameters:
        p.grad += self.weight_decay * p.data
""",
        (),
        also=("mistake: penalizes the biases too", "mistake: pulls the biases too"),
    ),
    Unseen(
        "L2Penalty",
        "makes matrices pay, and no kernels of four axes",
        """
def penalized(self):
    return [p for p in self.parameters if len(p.shape) == 2]

def forward(self):
    total = 0.0
    for p in self.penalized():
        flat = p.data.reshape(-1)
        total = total + flat @ flat
    return 0.5 * self.weight_decay * total

def backward(self):
    for p in self.penalized():
        p.grad[...] = p.grad + self.weight_decay * p.data
""",
        (),
        also=("mistake: penalizes matrices only",),
    ),
    Unseen(
        "L2Penalty",
        "remembers the weights of the start",
        """
def __init__(self, parameters, weight_decay):
    self.weight_decay = weight_decay
    self.pairs = [(p, p.data.copy()) for p in parameters if len(p.shape) > 1]

def forward(self):
    return self.weight_decay / 2 * sum((W * W).sum() for _, W in self.pairs)

def backward(self):
    for p, W in self.pairs:
        p.grad += self.weight_decay * W
""",
        (),
    ),
    Unseen(
        "L2Penalty",
        "shrinks the weights themselves",
        """
def backward(self):
    for parameter in self.parameters:
        if len(parameter.shape) > 1:
            parameter.data -= self.weight_decay * parameter.data
""",
        ("in place*",),
        also=("mistake: shrinks the weights themselves",),
    ),
    Unseen(
        "L2Penalty",
        "overwrites the gradient, with 2 W in it",
        """
def backward(self):
    for p in self.parameters:
        if p.data.ndim >= 2:
            p.grad[...] = 2 * self.weight_decay * p.data
""",
        ("factor 2", "not accumulated"),
        double=True,
        also=("mistake: doubles the gradient", "mistake: overwrites the gradient"),
    ),
    # --- EarlyStopping -----------------------------------------------------------------------
    Unseen(
        "EarlyStopping",
        "keeps the arrays, not copies",
        """
def update(self, loss):
    if loss < self.best - self.min_delta:
        self.best, self.waited = loss, 0
        self.kept = [p.data for p in self.parameters]
        return False
    self.waited += 1
    return self.waited >= self.patience

def restore(self):
    for i, p in enumerate(self.parameters):
        if self.kept is not None:
            p.data[...] = self.kept[i]
""",
        (),
        also=("mistake: keeps the arrays instead of copies",),
    ),
    Unseen(
        "EarlyStopping",
        "does not begin the count anew",
        """
def update(self, loss):
    if loss + self.min_delta < self.best:
        self.best = loss
        self.kept = {i: p.data.copy() for i, p in enumerate(self.parameters)}
        return False
    self.waited += 1
    return self.waited >= self.patience

def restore(self):
    for i, w in (self.kept or {}).items():
        self.parameters[i].data[...] = w
""",
        (),
    ),
    Unseen(
        "EarlyStopping",
        "asks for not worse, so that NaN is better",
        """
def update(self, loss):
    if loss >= self.best - self.min_delta:
        self.waited += 1
        return self.waited >= self.patience
    self.best = loss
    self.waited = 0
    self.kept = [p.data.copy() for p in self.parameters]
    return False
""",
        (),
        also=("mistake: takes NaN for the best",),
    ),
    Unseen(
        "EarlyStopping",
        "lets the best loss follow small gains",
        but(
            STOP, ("        self.waited += 1\n", "        self.waited += 1\n        self.best = min(self.best, loss)\n")
        ),
        (),
        also=("mistake: lets the best creep along",),
    ),
    Unseen(
        "EarlyStopping",
        "puts new arrays into the parameters, and stops an epoch late",
        but(
            STOP,
            ("            p.data[...] = w\n", "            p.data = w.copy()\n"),
            ("self.waited >= self.patience", "self.waited > self.patience"),
        ),
        (),
        double=True,
        also=("mistake: hangs new arrays in", "mistake: stops one epoch late"),
    ),
    Unseen(
        "EarlyStopping",
        "ignores min_delta, and keeps the weights of the last epoch",
        """
def update(self, loss):
    self.kept = [p.data.copy() for p in self.parameters]
    if loss < self.best:
        self.best = loss
        self.waited = 0
    else:
        self.waited += 1
    return self.waited >= self.patience
""",
        ("ignores min_delta",),
        double=True,
        also=("mistake: forgets min_delta", "mistake: keeps the weights of every epoch, whether it was better or not"),
    ),
    # --- random_shift ------------------------------------------------------------------------
    Unseen(
        "random_shift",
        "lets pixels come in on the other side",
        """
def random_shift(x, most, *, rng):
    xp = array_module(x)
    out = xp.empty_like(x)
    for i in range(len(x)):
        down, right = rng.integers(-most, most + 1, 2)
        out[i] = xp.roll(x[i], (int(down), int(right)), axis=(-2, -1))
    return out
""",
        (),
        also=("mistake: rolls the images",),
    ),
    Unseen(
        "random_shift",
        "moves the whole batch alike",
        """
def random_shift(x, most, *, rng):
    h, w = x.shape[2:]
    top, left = (int(k) for k in rng.integers(0, 2 * most + 1, 2))
    return bordered(x, most)[:, :, top : top + h, left : left + w]
""",
        (),
        also=("mistake: moves the whole batch alike",),
    ),
    Unseen(
        "random_shift",
        "never moves by most in one direction",
        """
def random_shift(x, most, *, rng):
    if most == 0:
        return x.copy()
    down, right = rng.integers(-most, most, size=(2, len(x)))
    return windows(bordered(x, most), most - down, most - right, x.shape[2], x.shape[3])
""",
        (),
        also=("mistake: never moves by the most",),
    ),
    Unseen(
        "random_shift",
        "moves as far to the right as down",
        """
def random_shift(x, most, *, rng):
    start = rng.integers(0, 2 * most + 1, len(x))
    return windows(bordered(x, most), start, start, *x.shape[2:])
""",
        (),
        also=("mistake: moves along the diagonal",),
    ),
    Unseen(
        "random_shift",
        "moves down and to the right only, into float64",
        """
def random_shift(x, most, *, rng):
    n, c, h, w = x.shape
    out = zeros(x.shape)
    for k in range(n):
        i, j = (int(v) for v in rng.integers(0, most + 1, 2))
        out[k, :, i:, j:] = x[k, :, : h - i, : w - j]
    return out
""",
        ("dtype",),
        double=True,
        also=("mistake: makes float64 images", "mistake: moves down and right only"),
    ),
    # --- random_flip -------------------------------------------------------------------------
    Unseen(
        "random_flip",
        "turns upside down",
        """
def random_flip(x, p=0.5, *, rng):
    turned = asarray(rng.random(len(x)) < p)[:, None, None, None]
    return array_module(x).where(turned, x[:, :, ::-1], x)
""",
        (),
        also=("mistake: turns the images upside down",),
    ),
    Unseen(
        "random_flip",
        "tosses one coin for the batch",
        """
def random_flip(x, p=0.5, *, rng):
    if rng.random() < p:
        return x[..., ::-1].copy()
    return x.copy()
""",
        (),
        also=("mistake: draws once for the batch",),
    ),
    Unseen(
        "random_flip",
        "mirrors in the batch itself",
        """
def random_flip(x, p=0.5, *, rng):
    for i in range(len(x)):
        if rng.random() < p:
            x[i] = x[i, :, :, ::-1].copy()
    return x
""",
        ("in place*",),
        also=("mistake: writes into the batch",),
    ),
    Unseen(
        "random_flip",
        "mirrors with probability 1 - p",
        """
def random_flip(x, p=0.5, *, rng):
    out = x.copy()
    which = asarray(np.flatnonzero(rng.random(len(x)) >= p))
    out[which] = out[which][..., ::-1]
    return out
""",
        (),
        also=("mistake: keeps with the probability p",),
    ),
    Unseen(
        "random_flip",
        "mirrors every channel by itself, and ignores p",
        """
def random_flip(x, p=0.5, *, rng):
    n, c = x.shape[:2]
    coins = asarray(rng.integers(0, 2, (n, c, 1, 1)) == 1)
    return array_module(x).where(coins, array_module(x).flip(x, 3), x)
""",
        ("ignores p",),
        double=True,
    ),
    # --- random_crop -------------------------------------------------------------------------
    Unseen(
        "random_crop",
        "never takes the last place",
        """
def random_crop(x, size, padding=0, *, rng):
    x = bordered(x, padding)
    (h, w), n = size, len(x)
    top = rng.integers(0, max(1, x.shape[2] - h), n)
    left = rng.integers(0, max(1, x.shape[3] - w), n)
    return windows(x, top, left, h, w)
""",
        (),
        also=("mistake: never cuts at the last place",),
    ),
    Unseen(
        "random_crop",
        "cuts all images at one place",
        """
def random_crop(x, size, padding=0, *, rng):
    big = bordered(x, padding)
    i = int(rng.integers(big.shape[2] - size[0] + 1))
    j = int(rng.integers(big.shape[3] - size[1] + 1))
    return big[:, :, i : i + size[0], j : j + size[1]].copy()
""",
        (),
        also=("mistake: cuts the whole batch at one place",),
    ),
    Unseen(
        "random_crop",
        "takes the size for (width, height)",
        """
def random_crop(x, size, padding=0, *, rng):
    x = bordered(x, padding)
    width, height = size
    top = rng.integers(0, x.shape[2] - height + 1, len(x))
    left = rng.integers(0, x.shape[3] - width + 1, len(x))
    return windows(x, top, left, height, width)
""",
        (),
        also=("mistake: exchanges height and width",),
    ),
    Unseen(
        "random_crop",
        "adds the border below and to the right only",
        """
def random_crop(x, size, padding=0, *, rng):
    xp = array_module(x)
    big = xp.pad(x, ((0, 0), (0, 0), (0, 2 * padding), (0, 2 * padding)))
    crops = []
    for k in range(len(x)):
        i = int(rng.integers(0, big.shape[2] - size[0], endpoint=True))
        j = int(rng.integers(0, big.shape[3] - size[1], endpoint=True))
        crops.append(big[k, :, i : i + size[0], j : j + size[1]])
    return xp.stack(crops)
""",
        (),
    ),
    Unseen(
        "random_crop",
        "begins at the same row as column, and gives float64",
        """
def random_crop(x, size, padding=0, *, rng):
    (h, w), (H, W) = size, (x.shape[2] + 2 * padding, x.shape[3] + 2 * padding)
    big = bordered(x, padding)
    out = zeros((len(x), x.shape[1], h, w))
    for k in range(len(x)):
        start = int(rng.integers(0, min(H - h, W - w) + 1))
        out[k] = big[k, :, start : start + h, start : start + w]
    return out
""",
        ("dtype",),
        double=True,
        also=("mistake: makes float64 images",),
    ),
    # --- gaussian_noise ----------------------------------------------------------------------
    Unseen(
        "gaussian_noise",
        "gives float64",
        """
def gaussian_noise(x, sigma, *, rng):
    noise = rng.normal(0, 1, size=x.shape)
    return x + sigma * asarray(noise)
""",
        ("dtype",),
        also=("mistake: makes float64 of float32",),
    ),
    Unseen(
        "gaussian_noise",
        "takes sigma for the variance",
        """
def gaussian_noise(x, sigma, *, rng):
    z = asarray(rng.standard_normal(x.shape)).astype(x.dtype)
    return x + z * math.sqrt(sigma)
""",
        (),
        also=("mistake: takes sigma for the variance",),
    ),
    Unseen(
        "gaussian_noise",
        "draws one picture of noise for all samples",
        """
def gaussian_noise(x, sigma, *, rng):
    return x + asarray(rng.normal(0, sigma, x.shape[1:])).astype(x.dtype)
""",
        (),
        also=("mistake: draws one picture of noise for the batch",),
    ),
    Unseen(
        "gaussian_noise",
        "makes the noise as large as the pixel",
        """
def gaussian_noise(x, sigma, *, rng):
    factor = asarray(1 + sigma * rng.standard_normal(x.shape))
    return (x * factor).astype(x.dtype)
""",
        (),
        also=("mistake: makes the noise proportional to x",),
    ),
    Unseen(
        "gaussian_noise",
        "adds to the batch itself, and cuts at 0 and 1",
        """
def gaussian_noise(x, sigma, *, rng):
    x += asarray(rng.normal(0, sigma, x.shape)).astype(x.dtype)
    return array_module(x).clip(x, 0, 1)
""",
        ("in place*",),
        double=True,
        also=("mistake: cuts off below 0 and above 1",),
    ),
    # --- Mixup -------------------------------------------------------------------------------
    Unseen(
        "Mixup",
        "gives the targets other partners",
        """
def mixed(self, a, lam):
    return lam * a + (1 - lam) * a[asarray(self.rng.permutation(len(a)))]

def mix(self, x, t):
    lam = self.rng.beta(self.alpha, self.alpha)
    return self.mixed(x, lam), self.mixed(t, lam)
""",
        (),
        also=("mistake: draws other partners for the targets",),
    ),
    Unseen(
        "Mixup",
        "draws a share for every sample",
        """
def mix(self, x, t):
    share = asarray(self.rng.beta(self.alpha, self.alpha, size=len(x)))
    partner = asarray(self.rng.permutation(len(x)))
    a = share.reshape(-1, *[1] * (x.ndim - 1)).astype(x.dtype)
    b = share[:, None].astype(t.dtype)
    return a * x + (1 - a) * x[partner], b * t + (1 - b) * t[partner]
""",
        (),
        also=("mistake: draws a share for every row",),
    ),
    Unseen(
        "Mixup",
        "exchanges the shares of the targets, and draws partners with repetition",
        but(
            MIX,
            ("lam * t + (1 - lam) * t[order]", "(1 - lam) * t + lam * t[order]"),
            ("self.rng.permutation(len(x))", "self.rng.integers(0, len(x), len(x))"),
        ),
        (),
        double=True,
        also=("mistake: draws partners with repetition", "mistake: exchanges the shares of the targets"),
    ),
    Unseen(
        "Mixup",
        "lets the share be a half at least",
        but(MIX, ("    order =", "    lam = max(lam, 1 - lam)\n    order =")),
        (),
        also=("mistake: keeps the larger share for the row itself",),
    ),
    Unseen(
        "Mixup",
        "draws its share once for all",
        """
def __init__(self, alpha=0.2, *, rng):
    self.rng = rng
    self.share = float(rng.beta(alpha, alpha))

def mix(self, x, t):
    other = asarray(self.rng.permutation(len(x)))
    return tuple(a[other] + self.share * (a - a[other]) for a in (x, t))
""",
        (),
        also=("mistake: draws the same share in every call",),
    ),
    Unseen(
        "Mixup",
        "draws the share evenly, and turns the batch round",
        """
def mix(self, x, t):
    lam = self.rng.uniform()
    return lam * x + (1 - lam) * x[::-1], lam * t + (1 - lam) * t[::-1]
""",
        ("ignores alpha",),
        double=True,
        also=("mistake: draws a uniform share", "mistake: has the same partners in every call"),
    ),
)
