"""Unseen wrong implementations of 02_layers."""

from tests.diagnosis.unseen import Unseen, collected

LINEAR_FORWARD = """
def forward(self, x):
    self.x = x
    return x @ self.W.data + self.b.data
"""

LAYERS = collected(
    # --- Linear ------------------------------------------------------------------------------
    Unseen(
        "Linear",
        "averages both gradients",
        LINEAR_FORWARD
        + """
def backward(self, dy):
    batch = dy.shape[0]
    self.W.grad += self.x.T @ dy / batch
    self.b.grad += dy.sum(axis=0) / batch
    return dy @ self.W.data.T
""",
        ("mistake: averages the weight gradient", "mistake: averages the bias gradient", "factor 1/rows"),
        double=True,
    ),
    Unseen(
        "Linear",
        "sums the bias gradient over everything",
        LINEAR_FORWARD
        + """
def backward(self, dy):
    self.W.grad += self.x.T @ dy
    self.b.grad += dy.sum()
    return dy @ self.W.data.T
""",
        ("summed too far",),
    ),
    Unseen(
        "Linear",
        "assigns both gradients",
        LINEAR_FORWARD
        + """
def backward(self, dy):
    self.W.grad = self.x.T @ dy
    self.b.grad = dy.sum(axis=0)
    return dy @ self.W.data.T
""",
        ("not accumulated", "mistake: overwrites the gradient of the weights"),
    ),
    Unseen(
        "Linear",
        "adds the bias gradient twice",
        LINEAR_FORWARD
        + """
def backward(self, dy):
    self.W.grad += self.x.T @ dy
    for row in dy:
        self.b.grad += row
    self.b.grad += dy.sum(axis=0)
    return dy @ self.W.data.T
""",
        ("factor 2",),
    ),
    Unseen(
        "Linear",
        "subtracts the bias",
        """
def forward(self, x):
    self.x = x
    return x @ self.W.data - self.b.data

def backward(self, dy):
    self.W.grad += self.x.T @ dy
    self.b.grad += dy.sum(axis=0)
    return dy @ self.W.data.T
""",
        ("term *",),
    ),
    Unseen(
        "Linear",
        "takes the first row's bias gradient",
        LINEAR_FORWARD
        + """
def backward(self, dy):
    self.W.grad += self.x.T @ dy
    self.b.grad += dy[0]
    return dy @ self.W.data.T
""",
        ("first sample",),
    ),
    Unseen(
        "Linear",
        "reverses dx and averages dW",
        LINEAR_FORWARD
        + """
def backward(self, dy):
    self.W.grad += self.x.T @ dy / len(self.x)
    self.b.grad += dy.sum(axis=0)
    return -dy @ self.W.data.T
""",
        ("mistake: averages the weight gradient", "sign", "factor 1/rows"),
        double=True,
    ),
    # --- Sigmoid -----------------------------------------------------------------------------
    Unseen(
        "Sigmoid",
        "differentiates with the input",
        """
def forward(self, x):
    xp = array_module(x)
    self.x = x
    e = xp.exp(-abs(x))
    return xp.where(x >= 0, 1 / (1 + e), e / (1 + e))

def backward(self, dy):
    return dy * self.x * (1 - self.x)
""",
        ("instead: x for y",),
    ),
    Unseen(
        "Sigmoid",
        "squares the output in the slope",
        """
def forward(self, x):
    xp = array_module(x)
    e = xp.exp(-abs(x))
    self.s = xp.where(x >= 0, 1 / (1 + e), e / (1 + e))
    return self.s

def backward(self, dy):
    return dy * self.s**2 * (1 - self.s)
""",
        ("extra factor y",),
    ),
    Unseen(
        "Sigmoid",
        "clips the input for safety",
        """
def forward(self, x):
    xp = array_module(x)
    self.y = 1 / (1 + xp.exp(-x.clip(-5, 5)))
    return self.y

def backward(self, dy):
    return dy * self.y * (1 - self.y)
""",
        ("branch *", "nearly right"),
    ),
    Unseen(
        "Sigmoid",
        "divides by the batch and forgets dy",
        """
def forward(self, x):
    xp = array_module(x)
    e = xp.exp(-abs(x))
    self.y = xp.where(x >= 0, 1 / (1 + e), e / (1 + e))
    return self.y

def backward(self, dy):
    return self.y * (1 - self.y) / len(dy)
""",
        ("missing factor dy*", "ignores dy"),
        double=True,
    ),
    # --- Tanh --------------------------------------------------------------------------------
    Unseen(
        "Tanh",
        "differentiates with the input",
        """
def forward(self, x):
    self.x = x
    return array_module(x).tanh(x)

def backward(self, dy):
    return dy * (1 - self.x**2)
""",
        ("instead: x for y",),
    ),
    Unseen(
        "Tanh",
        "forgets the brackets",
        """
def forward(self, x):
    self.y = array_module(x).tanh(x)
    return self.y

def backward(self, dy):
    return dy * 1 - self.y**2
""",
        ("not linear in dy",),
    ),
    Unseen(
        "Tanh",
        "has a plus in the slope",
        """
def forward(self, x):
    self.out = array_module(x).tanh(x)
    return self.out

def backward(self, dy):
    return (1 + self.out * self.out) * dy
""",
        ("term *",),
    ),
    Unseen(
        "Tanh",
        "stretches the sigmoid in one direction only",
        """
def forward(self, x):
    xp = array_module(x)
    e = xp.exp(-abs(x))
    self.y = 2 * xp.where(x >= 0, 1 / (1 + e), e / (1 + e)) - 1
    return self.y

def backward(self, dy):
    return dy * (1 - self.y**2)
""",
        (),
    ),
    # --- ReLU --------------------------------------------------------------------------------
    Unseen(
        "ReLU",
        "writes into dy",
        """
def forward(self, x):
    self.x = x
    return array_module(x).maximum(x, 0)

def backward(self, dy):
    dx = dy
    dx[self.x <= 0] = 0
    return dx
""",
        ("in place*",),
    ),
    Unseen(
        "ReLU",
        "returns the mask",
        """
def forward(self, x):
    self.mask = (x > 0).astype(x.dtype)
    return self.mask

def backward(self, dy):
    return dy * self.mask
""",
        ("branch x > 0*",),
        also=("missing factor x",),
    ),
    Unseen(
        "ReLU",
        "inverts the mask",
        """
def forward(self, x):
    self.x = x
    return x * (x > 0)

def backward(self, dy):
    dx = dy.copy()
    dx[self.x > 0] = 0
    return dx
""",
        ("inverted mask", "term *"),
    ),
    Unseen(
        "ReLU",
        "leaks",
        """
def forward(self, x):
    self.x = x
    return array_module(x).maximum(0.01 * x, x)

def backward(self, dy):
    return dy * (self.x > 0)
""",
        ("branch x < 0*",),
    ),
    Unseen(
        "ReLU",
        "keeps its first mask",
        """
def forward(self, x):
    if not hasattr(self, "mask"):
        self.mask = x > 0
    return x * (x > 0)

def backward(self, dy):
    return dy * self.mask
""",
        ("stale",),
    ),
    # --- LeakyReLU ---------------------------------------------------------------------------
    Unseen(
        "LeakyReLU",
        "forgets dy on the left",
        """
def forward(self, x):
    self.x = x
    return array_module(x).where(x > 0, x, self.slope * x)

def backward(self, dy):
    return array_module(dy).where(self.x > 0, dy, self.slope)
""",
        ("branch x < 0*", "not linear in dy"),
    ),
    Unseen(
        "LeakyReLU",
        "puts the corner at the slope",
        """
def forward(self, x):
    self.x = x
    return array_module(x).where(x > self.slope, x, self.slope * x)

def backward(self, dy):
    return array_module(dy).where(self.x > 0, dy, self.slope * dy)
""",
        (),
    ),
    Unseen(
        "LeakyReLU",
        "takes one minus the slope",
        """
def forward(self, x):
    xp = array_module(x)
    self.rate = xp.where(x > 0, 1, 1 - self.slope).astype(x.dtype)
    return x * self.rate

def backward(self, dy):
    return dy * self.rate
""",
        ("branch x < 0*", "own forward"),
    ),
    Unseen(
        "LeakyReLU",
        "divides by the slope",
        """
def forward(self, x):
    xp = array_module(x)
    self.x = x
    return xp.where(x > 0, x, x / self.slope)

def backward(self, dy):
    xp = array_module(dy)
    return xp.where(self.x > 0, dy, dy / self.slope)
""",
        ("branch x < 0*", "own forward"),
    ),
    # --- ELU ---------------------------------------------------------------------------------
    Unseen(
        "ELU",
        "forgets alpha going back",
        """
def forward(self, x):
    xp = array_module(x)
    self.x = x
    return xp.where(x > 0, x, self.alpha * (xp.exp(xp.minimum(x, 0)) - 1))

def backward(self, dy):
    xp = array_module(dy)
    return xp.where(self.x > 0, dy, dy * xp.exp(xp.minimum(self.x, 0)))
""",
        ("branch x < 0*",),
        also=("ignores alpha",),
    ),
    Unseen(
        "ELU",
        "puts the brackets wrongly",
        """
def forward(self, x):
    xp = array_module(x)
    self.x = x
    return xp.where(x > 0, x, self.alpha * xp.exp(xp.minimum(x, 0)) - 1)

def backward(self, dy):
    xp = array_module(dy)
    return xp.where(self.x > 0, dy, dy * self.alpha * xp.exp(xp.minimum(self.x, 0)))
""",
        ("branch x < 0*",),
    ),
    Unseen(
        "ELU",
        "swaps the two sides",
        """
def forward(self, x):
    xp = array_module(x)
    self.x = x
    return xp.where(x < 0, x, self.alpha * (xp.exp(x) - 1))

def backward(self, dy):
    xp = array_module(dy)
    return xp.where(self.x < 0, dy, dy * self.alpha * xp.exp(self.x))
""",
        ("own forward",),
    ),
    # --- GELU --------------------------------------------------------------------------------
    Unseen(
        "GELU",
        "rounds the constant",
        """
def forward(self, x):
    self.x = x
    self.t = array_module(x).tanh(0.7979 * (x + 0.044715 * x**3))
    return 0.5 * x * (1 + self.t)

def backward(self, dy):
    x, t = self.x, self.t
    return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * 0.7979 * (1 + 3 * 0.044715 * x**2))
""",
        ("nearly right", "own forward"),
    ),
    Unseen(
        "GELU",
        "takes the exact form",
        """
def forward(self, x):
    import math
    xp = array_module(x)
    self.x = x
    flat = [0.5 * v * (1 + math.erf(v / 2**0.5)) for v in x.ravel().tolist()]
    self.phi = xp.asarray([0.5 * (1 + math.erf(v / 2**0.5)) for v in x.ravel().tolist()]).reshape(x.shape)
    return xp.asarray(flat, dtype=x.dtype).reshape(x.shape)

def backward(self, dy):
    xp = array_module(dy)
    return dy * (self.phi + self.x * xp.exp(-self.x**2 / 2) / (2 * np.pi) ** 0.5)
""",
        ("nearly right", "own forward"),
    ),
    Unseen(
        "GELU",
        "forgets the half of the second term",
        """
def forward(self, x):
    self.x = x
    self.t = array_module(x).tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))
    return 0.5 * x * (1 + self.t)

def backward(self, dy):
    x, t = self.x, self.t
    du = (2 / np.pi) ** 0.5 * (1 + 3 * 0.044715 * x**2)
    return dy * (0.5 * (1 + t) + x * (1 - t**2) * du)
""",
        (),
    ),
    Unseen(
        "GELU",
        "forgets the square of t",
        """
def forward(self, x):
    self.x = x
    self.t = array_module(x).tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))
    return 0.5 * x * (1 + self.t)

def backward(self, dy):
    x, t = self.x, self.t
    du = (2 / np.pi) ** 0.5 * (1 + 3 * 0.044715 * x**2)
    return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t) * du)
""",
        (),
    ),
    # --- Softmax -----------------------------------------------------------------------------
    Unseen(
        "Softmax",
        "averages in the second term",
        """
def forward(self, x):
    xp = array_module(x)
    e = xp.exp(x - x.max(axis=self.axis, keepdims=True))
    self.y = e / e.sum(axis=self.axis, keepdims=True)
    return self.y

def backward(self, dy):
    return self.y * (dy - (dy * self.y).mean(axis=self.axis, keepdims=True))
""",
        ("term *",),
    ),
    Unseen(
        "Softmax",
        "sums the second term over the whole array",
        """
def forward(self, x):
    xp = array_module(x)
    e = xp.exp(x - x.max(axis=self.axis, keepdims=True))
    self.y = e / e.sum(axis=self.axis, keepdims=True)
    return self.y

def backward(self, dy):
    return self.y * (dy - (dy * self.y).sum())
""",
        ("term *",),
    ),
    Unseen(
        "Softmax",
        "always normalises columns",
        """
def forward(self, x):
    xp = array_module(x)
    e = xp.exp(x - x.max(axis=0, keepdims=True))
    self.y = e / e.sum(axis=0, keepdims=True)
    return self.y

def backward(self, dy):
    return self.y * (dy - (dy * self.y).sum(axis=0, keepdims=True))
""",
        ("own forward", "axis *"),
        also=("ignores axis",),
    ),
    Unseen(
        "Softmax",
        "sums over all and keeps the diagonal",
        """
def forward(self, x):
    xp = array_module(x)
    e = xp.exp(x - x.max())
    self.y = e / e.sum()
    return self.y

def backward(self, dy):
    return dy * self.y * (1 - self.y)
""",
        ("mistake: sums over the whole array", "mistake: uses the diagonal of the Jacobian only", "own factor *"),
        double=True,
        also=("ignores axis",),
    ),
    # --- Flatten -----------------------------------------------------------------------------
    Unseen(
        "Flatten",
        "moves the channels last",
        """
def forward(self, x):
    self.shape = x.shape
    return x.transpose(0, *range(2, x.ndim), 1).reshape(len(x), -1)

def backward(self, dy):
    return dy.reshape(self.shape)
""",
        ("reordered", "permuted *"),
    ),
    Unseen(
        "Flatten",
        "keeps the second axis",
        """
def forward(self, x):
    self.shape = x.shape
    return x.reshape(x.shape[0], x.shape[1], -1)

def backward(self, dy):
    return dy.reshape(self.shape)
""",
        ("reshaped",),
    ),
    Unseen(
        "Flatten",
        "turns the shape round going back",
        """
def forward(self, x):
    self.shape = x.shape
    return x.reshape(len(x), -1)

def backward(self, dy):
    return dy.reshape(self.shape[::-1]).T
""",
        ("reordered", "permuted *", "mistake: transposes going back"),
    ),
    # --- Sequential --------------------------------------------------------------------------
    Unseen(
        "Sequential",
        "leaves out the last layer going back",
        """
def forward(self, x):
    for layer in self.layers:
        x = layer(x)
    return x

def backward(self, dy):
    for layer in self.layers[-2::-1]:
        dy = layer.backward(dy)
    return dy
""",
        ("zeros *",),
    ),
    Unseen(
        "Sequential",
        "clears the gradients itself",
        """
def forward(self, x):
    for layer in self.layers:
        x = layer(x)
    return x

def backward(self, dy):
    for layer in reversed(self.layers):
        layer.zero_grad()
        dy = layer.backward(dy)
    return dy
""",
        ("not accumulated",),
    ),
    Unseen(
        "Sequential",
        "sends dy twice through each layer's parameters",
        """
def forward(self, x):
    for layer in self.layers:
        x = layer(x)
    return x

def backward(self, dy):
    for layer in reversed(self.layers):
        layer.backward(dy)
        dy = layer.backward(dy)
    return dy
""",
        ("factor 2",),
    ),
    # --- gradient_norms ----------------------------------------------------------------------
    Unseen(
        "gradient_norms",
        "adds absolute values",
        """
def gradient_norms(layers, x, dy):
    for layer in layers:
        x = layer.forward(x)
    norms = []
    for layer in reversed(layers):
        dy = layer.backward(dy)
        norms.insert(0, abs(dy).sum())
    return array_module(dy).stack(norms)
""",
        (),
    ),
    Unseen(
        "gradient_norms",
        "measures the upstream gradient as well",
        """
def gradient_norms(layers, x, dy):
    for layer in layers:
        x = layer.forward(x)
    norms = [(dy**2).sum() ** 0.5]
    for layer in reversed(layers):
        dy = layer.backward(dy)
        norms.append((dy**2).sum() ** 0.5)
    return array_module(dy).stack(norms[::-1])
""",
        ("one too many *",),
    ),
    Unseen(
        "gradient_norms",
        "divides by the rows",
        """
def gradient_norms(layers, x, dy):
    for layer in layers:
        x = layer(x)
    norms = []
    for layer in layers[::-1]:
        dy = layer.backward(dy)
        norms.append((dy * dy).sum() ** 0.5 / len(dy))
    return array_module(dy).stack(norms[::-1])
""",
        ("factor *",),
    ),
)
