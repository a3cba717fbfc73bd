"""Right implementations of 01_foundations, as other people write them."""

from tests.solutions.strangers import Right

FOUNDATIONS = (
    # --- numerical_gradient ------------------------------------------------------------------
    Right(
        "numerical_gradient",
        "walks over indices of a copy",
        """
def numerical_gradient(f, x, h):
    gradient = array_module(x).zeros_like(x)
    work = x.copy()
    for index in np.ndindex(*x.shape):
        old = work[index].copy()
        work[index] = old + h
        up = f(work)
        work[index] = old - h
        down = f(work)
        work[index] = old
        gradient[index] = (up - down) / (2 * h)
    return gradient
""",
    ),
    Right(
        "numerical_gradient",
        "adds unit vectors",
        """
def numerical_gradient(f, x, h):
    xp = array_module(x)
    units = xp.eye(x.size, dtype=x.dtype).reshape(x.size, *x.shape)
    slopes = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in units]
    return xp.asarray(slopes).astype(x.dtype).reshape(x.shape)
""",
    ),
    Right(
        "numerical_gradient",
        "writes into x and puts it back whatever happens",
        """
def numerical_gradient(f, x, h):
    xp = array_module(x)
    grad = xp.empty(x.shape, dtype=x.dtype)
    it = np.nditer(np.empty(x.shape), flags=["multi_index"])
    while not it.finished:
        i = it.multi_index
        before = x[i] + 0
        try:
            x[i] = before + h
            plus = f(x)
            x[i] = before - h
            minus = f(x)
        finally:
            x[i] = before
        grad[i] = (plus - minus) / (2.0 * h)
        it.iternext()
    return grad
""",
    ),
    Right(
        "numerical_gradient",
        "divides by the distance that was really walked",
        """
def numerical_gradient(f, x, h):
    slopes = array_module(x).zeros(x.shape, dtype=x.dtype)
    for i in np.ndindex(x.shape):
        right, left = x.copy(), x.copy()
        right[i] += h
        left[i] -= h
        slopes[i] = (f(right) - f(left)) / (right[i] - left[i])
    return slopes
""",
    ),
    # --- relative_error ----------------------------------------------------------------------
    Right(
        "relative_error",
        "puts 1 where both are zero",
        """
def relative_error(a, b):
    xp = array_module(a)
    scale = xp.maximum(xp.abs(a), xp.abs(b))
    return (xp.abs(a - b) / xp.where(scale == 0, 1, scale)).max()
""",
    ),
    Right(
        "relative_error",
        "divides where there is something to divide by",
        """
def relative_error(a, b):
    xp = array_module(a)
    size = xp.maximum(abs(a), abs(b))
    ratio = xp.zeros_like(size)
    xp.divide(abs(a - b), size, out=ratio, where=size > 0)
    return xp.max(ratio)
""",
    ),
    Right(
        "relative_error",
        "lets 0 / 0 be nan and makes it 0",
        """
def relative_error(a, b):
    with np.errstate(invalid="ignore"):
        quotient = abs(a - b) / np.maximum(abs(a), abs(b))
    return np.nan_to_num(quotient).max()
""",
    ),
    # --- one_hot -----------------------------------------------------------------------------
    Right(
        "one_hot",
        "picks rows of the identity",
        """
def one_hot(labels, classes):
    return array_module(labels).eye(classes)[labels]
""",
    ),
    Right(
        "one_hot",
        "compares with all classes",
        """
def one_hot(labels, classes):
    xp = array_module(labels)
    return (xp.expand_dims(labels, -1) == xp.arange(classes)).astype(xp.float64)
""",
    ),
    Right(
        "one_hot",
        "writes ones into a flat table",
        """
def one_hot(labels, classes):
    xp = array_module(labels)
    flat = labels.reshape(-1)
    y = xp.zeros((flat.size, classes))
    y[xp.arange(flat.size), flat] = 1.0
    return y.reshape(labels.shape + (classes,))
""",
    ),
    # --- standardize -------------------------------------------------------------------------
    Right(
        "standardize",
        "takes mean and std of NumPy",
        """
def standardize(train, test):
    mean, std = train.mean(axis=0), train.std(axis=0)
    std = array_module(train).where(std == 0, 1, std)
    return (train - mean) / std, (test - mean) / std
""",
    ),
    Right(
        "standardize",
        "writes the formulas out",
        """
def standardize(train, test):
    n = train.shape[0]
    mu = train.sum(axis=0, keepdims=True) / n
    centred = train - mu
    sigma = ((centred * centred).sum(axis=0, keepdims=True) / n) ** 0.5
    sigma = sigma + (sigma == 0)
    return centred / sigma, (test - mu) / sigma
""",
    ),
    Right(
        "standardize",
        "goes column by column",
        """
def standardize(train, test):
    new_train, new_test = train.copy(), test.copy()
    for j in range(train.shape[1]):
        column = train[:, j]
        spread = column.std()
        spread = array_module(train).where(spread > 0, spread, array_module(train).ones_like(spread))
        new_train[:, j] = (column - column.mean()) / spread
        new_test[:, j] = (test[:, j] - column.mean()) / spread
    return new_train, new_test
""",
    ),
    # --- minibatches -------------------------------------------------------------------------
    Right(
        "minibatches",
        "slices a permutation",
        """
def minibatches(x, y, size, rng):
    order = rng.permutation(len(x))
    for start in range(0, len(x), size):
        chosen = order[start : start + size]
        yield x[chosen], y[chosen]
""",
    ),
    Right(
        "minibatches",
        "shuffles numbers and moves them",
        """
def minibatches(x, y, size, rng):
    numbers = np.arange(x.shape[0])
    rng.shuffle(numbers)
    numbers = asarray(numbers)
    while len(numbers):
        batch, numbers = numbers[:size], numbers[size:]
        yield x[batch], y[batch]
""",
    ),
    Right(
        "minibatches",
        "sorts random numbers and copies the data once",
        """
def minibatches(x, y, size, rng):
    order = asarray(np.argsort(rng.random(len(y))))
    x, y = x[order], y[order]
    return ((x[i : i + size], y[i : i + size]) for i in range(0, len(y), size))
""",
    ),
    Right(
        "minibatches",
        "pops rows from a Python list",
        """
def minibatches(x, y, size, rng):
    left = rng.permutation(len(x)).tolist()
    while left:
        rows, left = left[:size], left[size:]
        yield x[rows], y[rows]
""",
    ),
    # --- pairwise_distances ------------------------------------------------------------------
    Right(
        "pairwise_distances",
        "multiplies out",
        """
def pairwise_distances(a, b):
    xp = array_module(a)
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * a @ b.T
    return xp.sqrt(xp.maximum(squares, 0))
""",
    ),
    Right(
        "pairwise_distances",
        "works in place with einsum",
        """
def pairwise_distances(a, b):
    xp = array_module(a)
    table = xp.einsum("ik,jk->ij", a, b, optimize=True)
    table *= -2
    table += xp.einsum("ik,ik->i", a, a)[:, None]
    table += xp.einsum("jk,jk->j", b, b)
    xp.clip(table, 0, None, out=table)
    return xp.sqrt(table, out=table)
""",
    ),
    Right(
        "pairwise_distances",
        "moves the origin to the mean first",
        """
def pairwise_distances(a, b):
    xp = array_module(a)
    centre = b.mean(axis=0)
    a, b = a - centre, b - centre
    d2 = xp.sum(a * a, axis=1, keepdims=True) + xp.sum(b * b, axis=1) - 2 * xp.dot(a, b.T)
    return xp.where(d2 > 0, d2, 0) ** 0.5
""",
    ),
    Right(
        "pairwise_distances",
        "takes the absolute value of rounding",
        """
def pairwise_distances(a, b):
    xp = array_module(a)
    aa, bb = (a * a).sum(1).reshape(-1, 1), (b * b).sum(1).reshape(1, -1)
    return xp.sqrt(xp.abs(aa + bb - 2 * (a @ b.T)))
""",
    ),
    Right(
        "pairwise_distances",
        "puts all three terms into one product",
        """
def pairwise_distances(a, b):
    xp = array_module(a)
    left = xp.concatenate([-2 * a, (a * a).sum(1, keepdims=True), xp.ones((len(a), 1), dtype=a.dtype)], axis=1)
    right = xp.concatenate([b, xp.ones((len(b), 1), dtype=b.dtype), (b * b).sum(1, keepdims=True)], axis=1)
    return xp.sqrt(xp.maximum(left @ right.T, 0))
""",
    ),
    Right(
        "pairwise_distances",
        "takes differences row by row",
        """
def pairwise_distances(a, b):
    xp = array_module(a)
    rows = [xp.sqrt(((row - b) ** 2).sum(axis=1)) for row in a]
    return xp.stack(rows)
""",
    ),
    Right(
        "pairwise_distances",
        "takes all differences at once",
        """
def pairwise_distances(a, b):
    return array_module(a).linalg.norm(a[:, None, :] - b[None, :, :], axis=-1)
""",
    ),
    # --- SimpleNetwork -----------------------------------------------------------------------
    Right(
        "SimpleNetwork",
        "mends the line",
        """
def train(self, inputs, targets, *, epochs, learning_rate):
    for epoch in range(epochs):
        predictions = self.predict(inputs)
        self.weights -= learning_rate * inputs.T @ (predictions - targets)
""",
    ),
    Right(
        "SimpleNetwork",
        "adds the other difference to new weights",
        """
def train(self, inputs, targets, *, epochs, learning_rate):
    for _ in range(epochs):
        error = targets - inputs.dot(self.weights)
        self.weights = self.weights + learning_rate * array_module(inputs).einsum("ni,nj->ij", inputs, error)
""",
    ),
    Right(
        "SimpleNetwork",
        "computes the normal equations once",
        """
def train(self, inputs, targets, *, epochs, learning_rate):
    squares, mixed = inputs.T @ inputs, inputs.T @ targets
    while epochs > 0:
        self.weights = self.weights - learning_rate * (squares @ self.weights - mixed)
        epochs -= 1
""",
    ),
    # --- TwoLayerNet -------------------------------------------------------------------------
    Right(
        "TwoLayerNet",
        "writes everything with columns",
        """
def loss(self, x, y):
    xp = array_module(x)
    z = self.forward(x)
    y = y.reshape(-1, 1)
    return (xp.maximum(z, 0) + xp.log1p(xp.exp(-xp.abs(z))) - y * z).mean()

def gradients(self, x, y):
    xp = array_module(x)
    z = self.forward(x)
    e = xp.exp(-xp.abs(z))
    a = xp.where(z >= 0, 1 / (1 + e), e / (1 + e))
    dz = (a - y[:, None]) / len(x)
    dh = dz @ self.params["W2"].T * (1 - self.h**2)
    return {"W1": x.T @ dh, "b1": dh.sum(axis=0), "W2": self.h.T @ dz, "b2": dz.sum(axis=0)}

def train(self, x, y, *, epochs, learning_rate):
    for epoch in range(epochs):
        grads = self.gradients(x, y)
        for name in self.params:
            self.params[name] -= learning_rate * grads[name]

def predict(self, x):
    return (self.forward(x)[:, 0] > 0).astype(int)
""",
    ),
    Right(
        "TwoLayerNet",
        "squeezes the scores and uses logaddexp and tanh",
        """
def loss(self, x, y):
    xp = array_module(x)
    z = self.forward(x).squeeze(axis=1)
    return xp.mean(xp.logaddexp(xp.zeros_like(z), z) - y * z)

def _probability(self, x):
    return 0.5 * (1 + array_module(x).tanh(0.5 * self.forward(x)[:, 0]))

def gradients(self, x, y):
    xp = array_module(x)
    delta = (self._probability(x) - y) / x.shape[0]
    back = xp.outer(delta, self.params["W2"]) * (1 - self.h * self.h)
    return {
        "W1": xp.einsum("ni,nj->ij", x, back),
        "b1": xp.einsum("nj->j", back),
        "W2": (self.h.T @ delta)[:, None],
        "b2": delta.sum(keepdims=True),
    }

def train(self, x, y, *, epochs, learning_rate):
    for _ in range(epochs):
        g = self.gradients(x, y)
        self.params = {name: value - learning_rate * g[name] for name, value in self.params.items()}

def predict(self, x):
    return array_module(x).where(self.forward(x).ravel() > 0, 1, 0)
""",
    ),
    Right(
        "TwoLayerNet",
        "averages at the end, as the published code does",
        """
def loss(self, x, y):
    xp = array_module(x)
    sign = 2 * y[:, None] - 1
    z = sign * self.forward(x)
    return xp.mean(xp.where(z > 0, 0, -z) + xp.log(1 + xp.exp(-abs(z))))

def gradients(self, x, y):
    m = len(x)
    y = y[:, None]
    xp = array_module(x)
    with np.errstate(over="ignore"):
        a = 1 / (1 + xp.exp(-self.forward(x)))
    dz = a - y
    dh = dz @ self.params["W2"].T * (1 - self.h**2)
    dW1 = x.T @ dh / m
    dW2 = self.h.T @ dz / m
    return {"W1": dW1, "b1": dh.mean(axis=0), "W2": dW2, "b2": dz.mean(axis=0)}

def train(self, x, y, *, epochs, learning_rate):
    for epoch in range(epochs):
        for name, gradient in self.gradients(x, y).items():
            self.params[name] = self.params[name] - learning_rate * gradient

def predict(self, x):
    return (self.forward(x) > 0).astype("int64").reshape(-1)
""",
    ),
)
