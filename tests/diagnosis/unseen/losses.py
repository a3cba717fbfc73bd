"""Unseen wrong implementations of 03_losses."""

from tests.diagnosis.unseen import Unseen, collected

SCORES = """
def forward(self, scores, labels):
    xp, s = array_module(scores), self.label_smoothing
    z = scores - scores.max(axis=1, keepdims=True)
    log_p = z - xp.log(xp.exp(z).sum(axis=1, keepdims=True))
    self.p = xp.exp(log_p)
    one_hot = (xp.arange(scores.shape[1]) == labels[:, None]).astype(scores.dtype)
    self.q = (1 - s) * one_hot + s / scores.shape[1]
    return -(self.q * log_p).sum(axis=1).mean()
"""
HINGE = """
def forward(self, scores, labels):
    xp = array_module(scores)
    self.right = xp.arange(scores.shape[1]) == labels[:, None]
    lead = scores[xp.arange(len(labels)), labels][:, None]
    self.slack = xp.maximum(0, self.margin - lead + scores) * ~self.right
    return self.slack.mean()
"""
COSINE = """
def forward(self, a, b, target):
    xp = array_module(a)
    self.a, self.b, self.alike = a, b, target == 1
    self.aa = (a * a).sum(axis=1, keepdims=True) + 1e-12
    self.bb = (b * b).sum(axis=1, keepdims=True) + 1e-12
    self.norms = xp.sqrt(self.aa * self.bb)
    self.cosine = (a * b).sum(axis=1, keepdims=True) / self.norms
    losses = xp.where(self.alike, 1 - self.cosine[:, 0], xp.maximum(self.cosine[:, 0] - self.margin, 0))
    return losses.mean()
"""
RANK = """
def forward(self, better, worse):
    xp = array_module(better)
    d = better - worse
    e = xp.exp(-abs(d))
    self.wrong = xp.where(d >= 0, e, 1) / (1 + e)
    return (xp.maximum(-d, 0) + xp.log1p(e)).mean()
"""
TRIPLETS = """
def forward(self, anchor, positive, negative):
    xp = array_module(anchor)
    self.near, self.far = anchor - positive + 1e-6, anchor - negative + 1e-6
    self.d_near = (self.near**2).sum(axis=1, keepdims=True) ** 0.5
    self.d_far = (self.far**2).sum(axis=1, keepdims=True) ** 0.5
    self.losses = xp.maximum(0, self.margin + self.d_near - self.d_far)
    self.active = (self.losses > 0).astype(anchor.dtype) / len(anchor)
    return self.losses.mean()
"""
LOGITS = """
def forward(self, logits, target):
    xp = array_module(logits)
    e = xp.exp(-abs(logits))
    self.a = xp.where(logits >= 0, 1, e) / (1 + e)
    self.target = target
    return (xp.maximum(logits, 0) - logits * target + xp.log1p(e)).mean()
"""
FOCUS = """
def forward(self, logits, target):
    xp = array_module(logits)
    self.sign = 2 * target - 1
    z = self.sign * logits
    e = xp.exp(-abs(z))
    self.miss = xp.where(z >= 0, e, 1) / (1 + e)
    self.surprise = xp.maximum(-z, 0) + xp.log1p(e)
    self.weight = (self.alpha * target + (1 - self.alpha) * (1 - target)) * self.miss**self.gamma
    return (self.weight * self.surprise).mean()
"""
SQUARES = """
def forward(self, prediction, target):
    self.d = prediction - target
    return (self.d**2).mean()
"""

LOSSES = collected(
    # --- MeanSquaredError --------------------------------------------------------------------
    Unseen(
        "MeanSquaredError",
        "averages over the last axis only",
        """
def forward(self, prediction, target):
    self.d = prediction - target
    return (self.d**2).mean(axis=-1)

def backward(self):
    return 2 * self.d / self.d.size
""",
        ("missing mean",),
    ),
    Unseen(
        "MeanSquaredError",
        "squares the difference in the gradient",
        SQUARES
        + """
def backward(self):
    return 2 * self.d**2 / self.d.size
""",
        ("extra factor *",),
    ),
    Unseen(
        "MeanSquaredError",
        "divides by the rows and forgets the two",
        SQUARES
        + """
def backward(self):
    return self.d / len(self.d)
""",
        ("factor *",),
        double=True,
    ),
    Unseen(
        "MeanSquaredError",
        "sums both ways",
        """
def forward(self, prediction, target):
    self.d = prediction - target
    return (self.d**2).sum()

def backward(self):
    return 2 * self.d
""",
        (
            "mistake: sums where it should average",
            "mistake: forgets to divide in backward",
            "own forward",
            "factor size",
        ),
        double=True,
    ),
    # --- Huber -------------------------------------------------------------------------------
    Unseen(
        "Huber",
        "compares the square with delta",
        """
def forward(self, prediction, target):
    xp = array_module(prediction)
    self.d = prediction - target
    small = self.d**2 <= self.delta
    return xp.where(small, 0.5 * self.d**2, self.delta * (abs(self.d) - 0.5 * self.delta)).mean()

def backward(self):
    return self.d.clip(-self.delta, self.delta) / self.d.size
""",
        (),
    ),
    Unseen(
        "Huber",
        "forgets the sign in the outer slope",
        """
def forward(self, prediction, target):
    xp = array_module(prediction)
    self.d = prediction - target
    inside = abs(self.d) <= self.delta
    return xp.where(inside, 0.5 * self.d**2, self.delta * (abs(self.d) - 0.5 * self.delta)).mean()

def backward(self):
    inside = abs(self.d) <= self.delta
    return array_module(self.d).where(inside, self.d, self.delta) / self.d.size
""",
        ("branch *", "sign in some"),
    ),
    Unseen(
        "Huber",
        "squares everywhere",
        """
def forward(self, prediction, target):
    self.d = prediction - target
    return 0.5 * (self.d**2).mean()

def backward(self):
    return self.d.clip(-self.delta, self.delta) / self.d.size
""",
        ("ignores delta",),
    ),
    Unseen(
        "Huber",
        "divides the inner branch only",
        """
def forward(self, prediction, target):
    xp = array_module(prediction)
    self.d = prediction - target
    inside = abs(self.d) <= self.delta
    return xp.where(inside, 0.5 * self.d**2, self.delta * (abs(self.d) - 0.5 * self.delta)).mean()

def backward(self):
    xp = array_module(self.d)
    return xp.where(abs(self.d) <= self.delta, self.d / self.d.size, self.delta * xp.sign(self.d))
""",
        ("branch |prediction − target| > delta*", "factor size in some"),
    ),
    # --- BinaryCrossEntropy ------------------------------------------------------------------
    Unseen(
        "BinaryCrossEntropy",
        "adds an epsilon inside the logarithm",
        """
def forward(self, logits, target):
    xp = array_module(logits)
    e = xp.exp(-abs(logits))
    self.a = xp.where(logits >= 0, 1, e) / (1 + e)
    self.target = target
    return -(target * xp.log(self.a + 1e-7) + (1 - target) * xp.log(1 - self.a + 1e-7)).mean()

def backward(self):
    return (self.a - self.target) / self.a.size
""",
        ("nearly right",),
    ),
    Unseen(
        "BinaryCrossEntropy",
        "takes the logarithm to base 2",
        """
def forward(self, logits, target):
    xp = array_module(logits)
    e = xp.exp(-abs(logits))
    self.a = xp.where(logits >= 0, 1, e) / (1 + e)
    self.target = target
    return (xp.maximum(logits, 0) - logits * target + xp.log1p(e)).mean() / 0.6931471805599453

def backward(self):
    return (self.a - self.target) / self.a.size
""",
        ("factor 1/log 2",),
    ),
    Unseen(
        "BinaryCrossEntropy",
        "applies the sigmoid twice going back",
        LOGITS
        + """
def backward(self):
    p = 1 / (1 + array_module(self.a).exp(-self.a))
    return (p - self.target) / p.size
""",
        (),
    ),
    Unseen(
        "BinaryCrossEntropy",
        "leaves out the minus",
        """
def forward(self, logits, target):
    xp = array_module(logits)
    e = xp.exp(-abs(logits))
    self.a = xp.where(logits >= 0, 1, e) / (1 + e)
    self.target = target
    return -(xp.maximum(logits, 0) - logits * target + xp.log1p(e)).mean()

def backward(self):
    return (self.target - self.a) / self.a.size
""",
        ("sign", "mistake: has the sign reversed", "own forward"),
        double=True,
    ),
    # --- SoftmaxCrossEntropy -----------------------------------------------------------------
    Unseen(
        "SoftmaxCrossEntropy",
        "knows of no smoothing",
        """
def forward(self, scores, labels):
    xp = array_module(scores)
    z = scores - scores.max(axis=1, keepdims=True)
    log_p = z - xp.log(xp.exp(z).sum(axis=1, keepdims=True))
    self.p, self.labels = xp.exp(log_p), labels
    return -log_p[xp.arange(len(labels)), labels].mean()

def backward(self):
    d = self.p.copy()
    d[array_module(d).arange(len(d)), self.labels] -= 1
    return d / len(d)
""",
        (
            "mistake: forgets the smoothing",
            "mistake: forgets the smoothing in backward",
            "own forward",
            "ignores label_smoothing",
        ),
        double=True,
    ),
    Unseen(
        "SoftmaxCrossEntropy",
        "spreads the smoothing over the others, both ways",
        """
def forward(self, scores, labels):
    xp, s, classes = array_module(scores), self.label_smoothing, scores.shape[1]
    z = scores - scores.max(axis=1, keepdims=True)
    log_p = z - xp.log(xp.exp(z).sum(axis=1, keepdims=True))
    self.p = xp.exp(log_p)
    one_hot = (xp.arange(classes) == labels[:, None]).astype(scores.dtype)
    self.q = (1 - s) * one_hot + s / (classes - 1) * (1 - one_hot)
    return -(self.q * log_p).sum(axis=1).mean()

def backward(self):
    return (self.p - self.q) / len(self.p)
""",
        ("mistake: spreads the smoothing over the other classes only", "own forward"),
    ),
    Unseen(
        "SoftmaxCrossEntropy",
        "divides the probabilities only",
        SCORES
        + """
def backward(self):
    return self.p / len(self.p) - self.q
""",
        (),
    ),
    Unseen(
        "SoftmaxCrossEntropy",
        "normalises over the batch",
        """
def forward(self, scores, labels):
    xp, s = array_module(scores), self.label_smoothing
    z = scores - scores.max(axis=0, keepdims=True)
    log_p = z - xp.log(xp.exp(z).sum(axis=0, keepdims=True))
    self.p = xp.exp(log_p)
    one_hot = (xp.arange(scores.shape[1]) == labels[:, None]).astype(scores.dtype)
    self.q = (1 - s) * one_hot + s / scores.shape[1]
    return -(self.q * log_p).sum(axis=1).mean()

def backward(self):
    return (self.p - self.q) / len(self.p)
""",
        ("axis *",),
    ),
    # --- KLDivergence ------------------------------------------------------------------------
    Unseen(
        "KLDivergence",
        "averages over every distribution",
        """
def forward(self, prediction, target):
    xp = array_module(prediction)
    self.target = target
    log_target = xp.log(xp.where(target > 0, target, 1))
    return (target * (log_target - prediction)).sum(axis=-1).mean()

def backward(self):
    return -self.target * self.target.shape[-1] / self.target.size
""",
        ("factor *", "own forward"),
        double=True,
    ),
    Unseen(
        "KLDivergence",
        "gives the gradient by the target",
        """
def forward(self, prediction, target):
    xp = array_module(prediction)
    self.target, self.prediction = target, prediction
    self.log_target = xp.log(xp.where(target > 0, target, 1))
    return (target * (self.log_target - prediction)).sum() / len(target)

def backward(self):
    return (self.log_target - self.prediction + 1) / len(self.target)
""",
        ("wrong input*",),
    ),
    Unseen(
        "KLDivergence",
        "adds an epsilon inside the logarithm",
        """
def forward(self, prediction, target):
    self.target = target
    return (target * (array_module(target).log(target + 1e-6) - prediction)).sum() / len(target)

def backward(self):
    return -self.target / len(self.target)
""",
        ("nearly right",),
    ),
    # --- Focal -------------------------------------------------------------------------------
    Unseen(
        "Focal",
        "weighs by the sigmoid whatever the target",
        """
def forward(self, logits, target):
    xp = array_module(logits)
    e = xp.exp(-abs(logits))
    p = xp.where(logits >= 0, 1, e) / (1 + e)
    self.sign = 2 * target - 1
    z = self.sign * logits
    surprise = xp.maximum(-z, 0) + xp.log1p(xp.exp(-abs(z)))
    miss = 1 / (1 + xp.exp(z.clip(-500, 500)))
    balance = self.alpha * target + (1 - self.alpha) * (1 - target)
    self.dz = balance * miss**self.gamma * (self.gamma * (1 - miss) * surprise + miss)
    return (balance * (1 - p) ** self.gamma * surprise).mean()

def backward(self):
    return -self.sign * self.dz / self.sign.size
""",
        (),
    ),
    Unseen(
        "Focal",
        "divides by the elements twice",
        FOCUS
        + """
def backward(self):
    n = self.sign.size
    slope = self.gamma * (1 - self.miss) * self.surprise + self.miss
    return -self.sign * self.weight * slope / n / n
""",
        ("factor 1/size",),
    ),
    Unseen(
        "Focal",
        "lowers the exponent and forgets the sigmoid's slope",
        FOCUS
        + """
def backward(self):
    m, g = self.miss, self.gamma
    balance = self.weight / m**g
    return -self.sign * balance * (g * m ** (g - 1) * self.surprise + m ** (g + 1)) / m.size
""",
        (),
    ),
    Unseen(
        "Focal",
        "gives the minority alpha in forward and one in backward",
        FOCUS
        + """
def backward(self):
    slope = self.gamma * (1 - self.miss) * self.surprise + self.miss
    return -self.sign * self.miss**self.gamma * slope / self.sign.size
""",
        ("factor *", "piecewise *", "two factors *"),
        also=("mistake: forgets alpha",),
    ),
    # --- MultiMargin -------------------------------------------------------------------------
    Unseen(
        "MultiMargin",
        "counts the right class going back",
        HINGE
        + """
def backward(self):
    active = (self.slack > 0) | self.right
    count = active.sum(axis=1, keepdims=True)
    xp = array_module(self.slack)
    return (xp.where(self.right, -count, active) / active.size).astype(self.slack.dtype)
""",
        ("label entries*",),
        also=("mistake: counts the right class",),
    ),
    Unseen(
        "MultiMargin",
        "takes the strongest rival's slack for each row",
        """
def forward(self, scores, labels):
    xp = array_module(scores)
    self.right = xp.arange(scores.shape[1]) == labels[:, None]
    lead = scores[xp.arange(len(labels)), labels][:, None]
    self.slack = xp.maximum(0, self.margin - lead + scores) * ~self.right
    return self.slack.max(axis=1).mean()

def backward(self):
    active = (self.slack > 0).astype(self.slack.dtype)
    return (active - self.right * active.sum(axis=1, keepdims=True)) / active.size
""",
        (),
    ),
    Unseen(
        "MultiMargin",
        "averages over the rows only, both ways",
        """
def forward(self, scores, labels):
    xp = array_module(scores)
    self.right = xp.arange(scores.shape[1]) == labels[:, None]
    lead = scores[xp.arange(len(labels)), labels][:, None]
    self.slack = xp.maximum(0, self.margin - lead + scores) * ~self.right
    return self.slack.sum() / len(scores)

def backward(self):
    active = (self.slack > 0).astype(self.slack.dtype)
    return (active - self.right * active.sum(axis=1, keepdims=True)) / len(active)
""",
        (
            "mistake: sums over the classes",
            "mistake: divides the gradient by the batch only",
            "own forward",
            "factor columns",
        ),
        double=True,
    ),
    Unseen(
        "MultiMargin",
        "forgets the right class and to divide",
        HINGE
        + """
def backward(self):
    return (self.slack > 0).astype(self.slack.dtype)
""",
        ("mistake: forgets the gradient of the right class", "mistake: forgets to divide in backward"),
        double=True,
    ),
    # --- Angular -----------------------------------------------------------------------------
    Unseen(
        "Angular",
        "swaps the gradients and forgets to divide",
        COSINE
        + """
def backward(self):
    xp = array_module(self.a)
    slope = xp.where(self.alike, -1, self.cosine[:, 0] > self.margin).astype(self.a.dtype)[:, None]
    da = slope * (self.b / self.norms - self.cosine * self.a / self.aa)
    db = slope * (self.a / self.norms - self.cosine * self.b / self.bb)
    return db, da
""",
        (
            "swapped gradients*",
            "factor rows",
            "mistake: exchanges the two gradients",
            "mistake: forgets to divide in backward",
        ),
        double=True,
    ),
    Unseen(
        "Angular",
        "copies a formula and changes one letter too few",
        COSINE
        + """
def backward(self):
    xp = array_module(self.a)
    slope = xp.where(self.alike, -1, self.cosine[:, 0] > self.margin).astype(self.a.dtype)[:, None] / len(self.a)
    da = slope * (self.b / self.norms - self.cosine * self.a / self.aa)
    db = slope * (self.a / self.norms - self.cosine * self.a / self.bb)
    return da, db
""",
        (),
    ),
    Unseen(
        "Angular",
        "adds a larger epsilon to the lengths",
        """
def forward(self, a, b, target):
    xp = array_module(a)
    self.a, self.b, self.alike = a, b, target == 1
    self.na = (a * a).sum(axis=1, keepdims=True) ** 0.5 + 1e-5
    self.nb = (b * b).sum(axis=1, keepdims=True) ** 0.5 + 1e-5
    self.cosine = (a * b).sum(axis=1, keepdims=True) / (self.na * self.nb)
    losses = xp.where(self.alike, 1 - self.cosine[:, 0], xp.maximum(self.cosine[:, 0] - self.margin, 0))
    return losses.mean()

def backward(self):
    xp = array_module(self.a)
    slope = xp.where(self.alike, -1, self.cosine[:, 0] > self.margin).astype(self.a.dtype)[:, None] / len(self.a)
    da = slope * (self.b / (self.na * self.nb) - self.cosine * self.a / self.na**2)
    db = slope * (self.a / (self.na * self.nb) - self.cosine * self.b / self.nb**2)
    return da, db
""",
        ("nearly right", "own forward"),
    ),
    # --- RankNet -----------------------------------------------------------------------------
    Unseen(
        "RankNet",
        "sums both ways",
        """
def forward(self, better, worse):
    xp = array_module(better)
    d = better - worse
    e = xp.exp(-abs(d))
    self.wrong = xp.where(d >= 0, e, 1) / (1 + e)
    return (xp.maximum(-d, 0) + xp.log1p(e)).sum()

def backward(self):
    return -self.wrong, self.wrong
""",
        ("mistake: sums where it should average", "mistake: forgets to divide in backward", "own forward", "factor *"),
        double=True,
    ),
    Unseen(
        "RankNet",
        "gives the worse no gradient",
        RANK
        + """
def backward(self):
    dbetter = -self.wrong / len(self.wrong)
    return dbetter, 0 * dbetter
""",
        ("zeros",),
    ),
    Unseen(
        "RankNet",
        "takes the decadic logarithm",
        """
def forward(self, better, worse):
    xp = array_module(better)
    d = better - worse
    e = xp.exp(-abs(d))
    self.wrong = xp.where(d >= 0, e, 1) / (1 + e)
    return (xp.maximum(-d, 0) + xp.log1p(e)).mean() / 2.302585092994046

def backward(self):
    n = len(self.wrong)
    return -self.wrong / n, self.wrong / n
""",
        ("factor 1/log 10",),
    ),
    Unseen(
        "RankNet",
        "leaves out the order's sign",
        RANK
        + """
def backward(self):
    n = len(self.wrong)
    return self.wrong / n, self.wrong / n
""",
        ("mistake: gives both the same sign", "sign"),
    ),
    # --- Triplet -----------------------------------------------------------------------------
    Unseen(
        "Triplet",
        "takes city-block distances",
        """
def forward(self, anchor, positive, negative):
    xp = array_module(anchor)
    self.near, self.far = anchor - positive + 1e-6, anchor - negative + 1e-6
    losses = xp.maximum(0, self.margin + abs(self.near).sum(axis=1) - abs(self.far).sum(axis=1))
    self.active = (losses > 0).astype(anchor.dtype)[:, None] / len(anchor)
    return losses.mean()

def backward(self):
    xp = array_module(self.near)
    near, far = self.active * xp.sign(self.near), self.active * xp.sign(self.far)
    return near - far, -near, far
""",
        ("own forward",),
    ),
    Unseen(
        "Triplet",
        "divides one of the two by its distance",
        TRIPLETS
        + """
def backward(self):
    near, far = self.active * self.near / self.d_near, self.active * self.far
    return near - far, -near, far
""",
        ("rows scaled*",),
    ),
    Unseen(
        "Triplet",
        "adds the margin after the clamp",
        """
def forward(self, anchor, positive, negative):
    xp = array_module(anchor)
    self.near, self.far = anchor - positive + 1e-6, anchor - negative + 1e-6
    self.d_near = (self.near**2).sum(axis=1, keepdims=True) ** 0.5
    self.d_far = (self.far**2).sum(axis=1, keepdims=True) ** 0.5
    losses = xp.maximum(0, self.d_near - self.d_far) + self.margin
    self.active = (self.margin + self.d_near - self.d_far > 0).astype(anchor.dtype) / len(anchor)
    return losses.mean()

def backward(self):
    near, far = self.active * self.near / self.d_near, self.active * self.far / self.d_far
    return near - far, -near, far
""",
        (),
    ),
    Unseen(
        "Triplet",
        "sums both ways",
        """
def forward(self, anchor, positive, negative):
    xp = array_module(anchor)
    self.near, self.far = anchor - positive + 1e-6, anchor - negative + 1e-6
    self.d_near = (self.near**2).sum(axis=1, keepdims=True) ** 0.5
    self.d_far = (self.far**2).sum(axis=1, keepdims=True) ** 0.5
    losses = xp.maximum(0, self.margin + self.d_near - self.d_far)
    self.active = (losses > 0).astype(anchor.dtype)
    return losses.sum()

def backward(self):
    near, far = self.active * self.near / self.d_near, self.active * self.far / self.d_far
    return near - far, -near, far
""",
        ("mistake: sums where it should average", "mistake: forgets to divide in backward", "own forward", "factor *"),
        double=True,
    ),
)
