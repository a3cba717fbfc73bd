"""Unseen wrong implementations of 01_foundations."""

from tests.diagnosis.unseen import Unseen, collected

NET = {
    "loss": """
def loss(self, x, y):
    xp = array_module(x)
    z = self.forward(x)[:, 0]
    return (xp.maximum(z, 0) + xp.log1p(xp.exp(-abs(z))) - y * z).mean()
""",
    "gradients": """
def gradients(self, x, y):
    xp = array_module(x)
    z = self.forward(x)
    e = xp.exp(-abs(z))
    a = xp.where(z >= 0, 1, e) / (1 + e)
    dz = (a - y[:, None]) / len(x)
    dh = dz @ self.params["W2"].T * (1 - self.h**2)
    return {"W1": x.T @ dh, "b1": dh.sum(axis=0), "W2": self.h.T @ dz, "b2": dz.sum(axis=0)}
""",
    "train": """
def train(self, x, y, *, epochs, learning_rate):
    for _ in range(epochs):
        for name, gradient in self.gradients(x, y).items():
            self.params[name] -= learning_rate * gradient
""",
    "predict": """
def predict(self, x):
    return (self.forward(x)[:, 0] > 0).astype(int)
""",
}


def net(**wrong: str) -> str:
    """The repaired network with these methods wrong."""
    return "".join((NET | wrong).values())


FOUNDATIONS = collected(
    # --- numerical_gradient ------------------------------------------------------------------
    Unseen(
        "numerical_gradient",
        "takes the step to the left only",
        """
def numerical_gradient(f, x, h):
    slopes = array_module(x).zeros_like(x)
    for i in np.ndindex(*x.shape):
        left = x.copy()
        left[i] -= h
        slopes[i] = (f(x) - f(left)) / h
    return slopes
""",
        ("nearly right", "one-sided*"),
    ),
    Unseen(
        "numerical_gradient",
        "divides by h and not by the whole distance",
        """
def numerical_gradient(f, x, h):
    slopes = array_module(x).zeros_like(x)
    for i in np.ndindex(*x.shape):
        e = array_module(x).zeros_like(x)
        e[i] = h
        slopes[i] = (f(x + e) - f(x - e)) / h
    return slopes
""",
        ("factor 2",),
        also=("mistake: divides by h",),
    ),
    Unseen(
        "numerical_gradient",
        "moves all entries at once",
        """
def numerical_gradient(f, x, h):
    slope = (f(x + h) - f(x - h)) / (2 * h)
    return array_module(x).ones_like(x) * slope
""",
        ("summed too far",),
        also=("mistake: moves all entries at once",),
    ),
    Unseen(
        "numerical_gradient",
        "never puts an entry back",
        """
def numerical_gradient(f, x, h):
    work = x.copy()
    slopes = array_module(x).zeros_like(x)
    for i in np.ndindex(*x.shape):
        work[i] += h
        up = f(work)
        work[i] -= 2 * h
        slopes[i] = (up - f(work)) / (2 * h)
    return slopes
""",
        ("nearly right",),
        also=("mistake: does not move back",),
    ),
    Unseen(
        "numerical_gradient",
        "leaves x moved where f raises",
        """
def numerical_gradient(f, x, h):
    slopes = array_module(x).zeros_like(x)
    for i in np.ndindex(*x.shape):
        old = x[i] + 0
        x[i] = old + h
        up = f(x)
        x[i] = old - h
        down = f(x)
        x[i] = old
        slopes[i] = (up - down) / (2 * h)
    return slopes
""",
        ("in place*",),
        also=("mistake: moves the caller's x",),
    ),
    Unseen(
        "numerical_gradient",
        "hands f a flat array and divides by h",
        """
def numerical_gradient(f, x, h):
    flat = x.reshape(-1)
    slopes = array_module(x).zeros_like(flat)
    for i in range(flat.size):
        up, down = flat.copy(), flat.copy()
        up[i] += h
        down[i] -= h
        slopes[i] = (f(up) - f(down)) / h
    return slopes.reshape(x.shape)
""",
        ("factor 2",),
        double=True,
    ),
    # --- relative_error ----------------------------------------------------------------------
    Unseen(
        "relative_error",
        "takes a for the truth",
        """
def relative_error(a, b):
    xp = array_module(a)
    size = xp.abs(a)
    return (xp.abs(a - b) / xp.where(size == 0, 1, size)).max()
""",
        (),
    ),
    Unseen(
        "relative_error",
        "adds the two sizes",
        """
def relative_error(a, b):
    xp = array_module(a)
    size = xp.abs(a) + xp.abs(b)
    return (xp.abs(a - b) / xp.where(size == 0, 1, size)).max()
""",
        (),
        also=("mistake: divides by the sum of the sizes",),
    ),
    Unseen(
        "relative_error",
        "averages over the entries",
        """
def relative_error(a, b):
    xp = array_module(a)
    size = xp.maximum(xp.abs(a), xp.abs(b))
    return (xp.abs(a - b) / xp.where(size == 0, 1, size)).mean()
""",
        (),
        also=("mistake: takes the mean",),
    ),
    Unseen(
        "relative_error",
        "guards with 1e-8, which small gradients do not reach",
        """
def relative_error(a, b):
    xp = array_module(a)
    return (xp.abs(a - b) / xp.maximum(1e-8, xp.maximum(xp.abs(a), xp.abs(b)))).max()
""",
        (),
        also=("mistake: divides by a small number at least",),
    ),
    Unseen(
        "relative_error",
        "divides the largest difference by the largest number",
        """
def relative_error(a, b):
    xp = array_module(a)
    top = xp.maximum(xp.abs(a).max(), xp.abs(b).max())
    return xp.abs(a - b).max() / xp.where(top == 0, 1, top)
""",
        (),
        also=("mistake: divides by the largest entry of all",),
    ),
    Unseen(
        "relative_error",
        "forgets the absolute value of the difference",
        """
def relative_error(a, b):
    xp = array_module(a)
    size = xp.maximum(xp.abs(a), xp.abs(b))
    return ((a - b) / xp.where(size == 0, 1, size)).max()
""",
        (),
        also=("mistake: forgets the sign of the difference",),
    ),
    Unseen(
        "relative_error",
        "compares norms",
        """
def relative_error(a, b):
    xp = array_module(a)
    norm = lambda v: xp.sqrt((v * v).sum())
    size = norm(a) + norm(b)
    return norm(a - b) / xp.where(size == 0, 1, size)
""",
        (),
        double=True,
    ),
    # --- one_hot -----------------------------------------------------------------------------
    Unseen(
        "one_hot",
        "makes integers",
        """
def one_hot(labels, classes):
    xp = array_module(labels)
    return (labels[..., None] == xp.arange(classes)).astype(int)
""",
        ("dtype",),
        also=("mistake: gives integers",),
    ),
    Unseen(
        "one_hot",
        "counts the classes of the batch",
        """
def one_hot(labels, classes):
    xp = array_module(labels)
    return xp.eye(int(labels.max()) + 1)[labels]
""",
        (),
        also=("mistake: has as many columns as classes that occur",),
    ),
    Unseen(
        "one_hot",
        "puts the classes first",
        """
def one_hot(labels, classes):
    xp = array_module(labels)
    return xp.stack([(labels == c).astype(float) for c in range(classes)])
""",
        ("transpose", "permuted*"),
        also=("mistake: puts the classes first",),
    ),
    Unseen(
        "one_hot",
        "flattens images of labels",
        """
def one_hot(labels, classes):
    xp = array_module(labels)
    flat = labels.ravel()
    y = xp.zeros((len(flat), classes))
    y[xp.arange(len(flat)), flat] = 1
    return y
""",
        ("reshaped",),
        also=("mistake: flattens the labels",),
    ),
    Unseen(
        "one_hot",
        "counts labels from one",
        """
def one_hot(labels, classes):
    return array_module(labels).eye(classes)[labels - 1]
""",
        ("shifted*", "reordered"),
    ),
    Unseen(
        "one_hot",
        "marks every label of the batch in every row",
        """
def one_hot(labels, classes):
    xp = array_module(labels)
    y = xp.zeros((*labels.shape, classes))
    y[..., labels] = 1
    return y
""",
        (),
    ),
    # --- standardize -------------------------------------------------------------------------
    Unseen(
        "standardize",
        "gives the test rows their own statistics",
        """
def standardize(train, test):
    def scaled(rows):
        deviation = rows.std(axis=0)
        return (rows - rows.mean(axis=0)) / array_module(rows).where(deviation == 0, 1, deviation)
    return scaled(train), scaled(test)
""",
        ("ignores train",),
        also=("mistake: gives each part statistics of its own",),
    ),
    Unseen(
        "standardize",
        "takes the statistics of all rows together",
        """
def standardize(train, test):
    xp = array_module(train)
    rows = xp.concatenate([train, test])
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    deviation = xp.where(deviation == 0, 1, deviation)
    return (train - mean) / deviation, (test - mean) / deviation
""",
        (),
        also=("mistake: takes the statistics of both together",),
    ),
    Unseen(
        "standardize",
        "divides by N − 1",
        """
def standardize(train, test):
    mean, deviation = train.mean(axis=0), train.std(axis=0, ddof=1)
    deviation = array_module(train).where(deviation == 0, 1, deviation)
    return (train - mean) / deviation, (test - mean) / deviation
""",
        ("rows scaled*", "factor *"),
        also=("mistake: divides by N − 1",),
    ),
    Unseen(
        "standardize",
        "takes one mean of all columns",
        """
def standardize(train, test):
    mean, deviation = train.mean(), train.std()
    return (train - mean) / deviation, (test - mean) / deviation
""",
        (),
    ),
    Unseen(
        "standardize",
        "adds a little to every deviation",
        """
def standardize(train, test):
    mean, deviation = train.mean(axis=0), train.std(axis=0) + 1e-8
    return (train - mean) / deviation, (test - mean) / deviation
""",
        ("nearly right", "rows scaled*"),
        also=("mistake: adds a small number to every deviation",),
    ),
    Unseen(
        "standardize",
        "shifts train in place and divides by the variance",
        """
def standardize(train, test):
    mean = train.mean(axis=0)
    train -= mean
    variance = (train**2).mean(axis=0)
    variance = array_module(train).where(variance == 0, 1, variance)
    return train / variance, (test - mean) / variance
""",
        ("in place*", "rows scaled*"),
        double=True,
        also=("mistake: divides by the variance",),
    ),
    # --- minibatches -------------------------------------------------------------------------
    Unseen(
        "minibatches",
        "leaves the short batch out",
        """
def minibatches(x, y, size, rng):
    order = asarray(rng.permutation(len(x)))
    for b in range(len(x) // size):
        rows = order[b * size : (b + 1) * size]
        yield x[rows], y[rows]
""",
        (),
        also=("mistake: leaves out the smaller batch",),
    ),
    Unseen(
        "minibatches",
        "draws rows with replacement",
        """
def minibatches(x, y, size, rng):
    n = len(x)
    for start in range(0, n, size):
        rows = asarray(rng.integers(0, n, min(size, n - start)))
        yield x[rows], y[rows]
""",
        (),
        also=("mistake: draws rows with repetition",),
    ),
    Unseen(
        "minibatches",
        "shuffles x and y apart",
        """
def minibatches(x, y, size, rng):
    x, y = x[asarray(rng.permutation(len(x)))], y[asarray(rng.permutation(len(y)))]
    for i in range(0, len(x), size):
        yield x[i : i + size], y[i : i + size]
""",
        (),
        also=("mistake: shuffles x and y apart",),
    ),
    Unseen(
        "minibatches",
        "does not shuffle",
        """
def minibatches(x, y, size, rng):
    for i in range(0, len(x), size):
        yield x[i : i + size], y[i : i + size]
""",
        (),
        also=("mistake: does not shuffle",),
    ),
    Unseen(
        "minibatches",
        "has a seed of its own",
        """
def minibatches(x, y, size, rng):
    order = asarray(np.random.default_rng(0).permutation(len(x)))
    for i in range(0, len(x), size):
        yield x[order[i : i + size]], y[order[i : i + size]]
""",
        (),
        also=("mistake: has a seed of its own",),
    ),
    Unseen(
        "minibatches",
        "fills the last batch up and shuffles the batches, not the rows",
        """
def minibatches(x, y, size, rng):
    n = len(x)
    for start in rng.permutation(np.arange(0, n, size)):
        rows = asarray((start + np.arange(size)) % n)
        yield x[rows], y[rows]
""",
        (),
        double=True,
    ),
    # --- pairwise_distances ------------------------------------------------------------------
    Unseen(
        "pairwise_distances",
        "takes no root",
        """
def pairwise_distances(a, b):
    xp = array_module(a)
    return xp.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T, 0)
""",
        ("square",),
        also=("mistake: forgets the root",),
    ),
    Unseen(
        "pairwise_distances",
        "takes the root of rounding",
        """
def pairwise_distances(a, b):
    xp = array_module(a)
    return xp.sqrt((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T)
""",
        ("overflow",),
    ),
    Unseen(
        "pairwise_distances",
        "forgets the two",
        """
def pairwise_distances(a, b):
    xp = array_module(a)
    return xp.sqrt(xp.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - a @ b.T, 0))
""",
        (),
        also=("mistake: forgets the factor 2",),
    ),
    Unseen(
        "pairwise_distances",
        "adds up absolute differences",
        """
def pairwise_distances(a, b):
    xp = array_module(a)
    return xp.stack([xp.abs(row - b).sum(axis=1) for row in a])
""",
        (),
        also=("mistake: sums absolute differences",),
    ),
    Unseen(
        "pairwise_distances",
        "adds a little under the root",
        """
def pairwise_distances(a, b):
    xp = array_module(a)
    return xp.sqrt(xp.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T, 0) + 1e-8)
""",
        ("nearly right",),
    ),
    Unseen(
        "pairwise_distances",
        "turns the table and forgets the rows of b",
        """
def pairwise_distances(a, b):
    xp = array_module(a)
    return xp.sqrt(xp.maximum((a * a).sum(1) - 2 * b @ a.T, 0))
""",
        (),
        double=True,
        also=(
            "mistake: gives the table turned over",
            "mistake: leaves out one of the squares",
        ),
    ),
    # --- SimpleNetwork -----------------------------------------------------------------------
    Unseen(
        "SimpleNetwork",
        "averages over the rows",
        """
def train(self, inputs, targets, *, epochs, learning_rate):
    for _ in range(epochs):
        error = self.predict(inputs) - targets
        self.weights -= learning_rate * inputs.T @ error / len(inputs)
""",
        (),
        also=("mistake: divides by the rows",),
    ),
    Unseen(
        "SimpleNetwork",
        "turns both signs",
        """
def train(self, inputs, targets, *, epochs, learning_rate):
    for _ in range(epochs):
        error = targets - self.predict(inputs)
        self.weights -= learning_rate * inputs.T @ error
""",
        (),
        also=("mistake: still adds the gradient",),
    ),
    Unseen(
        "SimpleNetwork",
        "predicts once before the loop",
        """
def train(self, inputs, targets, *, epochs, learning_rate):
    error = self.predict(inputs) - targets
    for _ in range(epochs):
        self.weights -= learning_rate * inputs.T @ error
""",
        (),
        also=("mistake: predicts only once",),
    ),
    Unseen(
        "SimpleNetwork",
        "takes a step for every row",
        """
def train(self, inputs, targets, *, epochs, learning_rate):
    for _ in range(epochs):
        for n in range(len(inputs)):
            row = inputs[n : n + 1]
            self.weights -= learning_rate * row.T @ (self.predict(row) - targets[n : n + 1])
""",
        (),
    ),
    Unseen(
        "SimpleNetwork",
        "forgets the half and returns after the first epoch",
        """
def train(self, inputs, targets, *, epochs, learning_rate):
    for _ in range(epochs):
        self.weights -= 2 * learning_rate * inputs.T @ (self.predict(inputs) - targets)
        return
""",
        ("ignores epochs",),
        double=True,
        also=(
            "mistake: has the gradient of a loss without the half",
            "mistake: takes one step only",
        ),
    ),
    # --- TwoLayerNet -------------------------------------------------------------------------
    Unseen(
        "TwoLayerNet",
        "loses the slope of tanh",
        net(
            gradients="""
def gradients(self, x, y):
    a = 1 / (1 + array_module(x).exp(-self.forward(x)[:, 0]))
    dz = ((a - y) / len(x))[:, None]
    dh = dz @ self.params["W2"].T
    return {"W1": x.T @ dh, "b1": dh.sum(axis=0), "W2": self.h.T @ dz, "b2": dz.sum(axis=0)}
"""
        ),
        (),
        also=("mistake: forgets the slope of tanh",),
    ),
    Unseen(
        "TwoLayerNet",
        "lets labels meet scores of another shape",
        net(
            loss="""
def loss(self, x, y):
    xp = array_module(x)
    z = self.forward(x)
    return (xp.maximum(z, 0) + xp.log1p(xp.exp(-abs(z))) - y * z).mean()
"""
        ),
        (),
        also=("mistake: sums rows and columns of different shape",),
    ),
    Unseen(
        "TwoLayerNet",
        "clips the probability before the logarithm",
        net(
            loss="""
def loss(self, x, y):
    xp = array_module(x)
    a = 1 / (1 + xp.exp(-self.forward(x)[:, 0].clip(-30, 30)))
    a = a.clip(1e-7, 1 - 1e-7)
    return -(y * xp.log(a) + (1 - y) * xp.log(1 - a)).mean()
"""
        ),
        (),
    ),
    Unseen(
        "TwoLayerNet",
        "sums the gradients and averages the loss",
        net(
            gradients="""
def gradients(self, x, y):
    a = 1 / (1 + array_module(x).exp(-self.forward(x)))
    dz = a - y[:, None]
    dh = dz @ self.params["W2"].T * (1 - self.h**2)
    return {"W1": x.T @ dh, "b1": dh.sum(axis=0), "W2": self.h.T @ dz, "b2": dz.sum(axis=0)}
"""
        ),
        ("factor rows",),
        also=("mistake: sums over the rows where the loss has a mean",),
    ),
    Unseen(
        "TwoLayerNet",
        "asks for new gradients after every parameter",
        net(
            train="""
def train(self, x, y, *, epochs, learning_rate):
    for _ in range(epochs):
        for name in self.params:
            self.params[name] = self.params[name] - learning_rate * self.gradients(x, y)[name]
"""
        ),
        (),
        also=("mistake: steps in the midst of its gradients",),
    ),
    Unseen(
        "TwoLayerNet",
        "cuts the score at a half",
        net(
            predict="""
def predict(self, x):
    return (self.forward(x)[:, 0] > 0.5).astype(int)
"""
        ),
        (),
        also=("mistake: compares a score with a half",),
    ),
    Unseen(
        "TwoLayerNet",
        "predicts a column of truth values",
        net(
            predict="""
def predict(self, x):
    return self.forward(x) > 0
"""
        ),
        ("reshaped", "dtype"),
        double=True,
    ),
)
