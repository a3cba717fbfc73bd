"""What is graded of 05_regularization: cases, points, limits, and the mistakes that people really make."""

import numpy as np

from autograder.checks import (
    Assignment,
    Case,
    Claim,
    LayerExercise,
    Mean,
    Memory,
    Mistake,
    Modes,
    Points,
    Rng,
    Speed,
    in_pairs,
    seeded,
    statistics,
    swap,
)
from autograder.compare import Tolerance, compare

FORWARD = "forward matches the reference"
DIFFER = "train and eval differ"
EVAL_GRADIENTS = "gradients in eval match numerical differences"
GENERATOR = "draws from the generator that it is given"
BY_ITSELF = "each number is dropped by itself, with probability p"
FAR = "a mean far from zero does no harm"


def new_rng(rng):
    """A generator for the layer, another one in every run"""
    return Rng(int(rng.integers(2**31)))


# --- 5.4 Dropout -----------------------------------------------------------------------------


# Wherever p > 0 there are 240 numbers or more: that none of them is dropped, or all, has a chance below 1e-37.
def dropout_cases(rng):
    for p, shape in [(0.0, (3, 5)), (0.3, (4, 3, 5, 4)), (0.4, (24, 26))]:
        yield Case({"p": p, "rng": new_rng(rng)}, x=rng.normal(size=shape))


def factors(seen, case):
    """By what numbers what is kept, and what is dropped, is multiplied; and whether anything is dropped."""
    y = seen["y"]
    kept = y != 0
    found = ends("y / x where y is not 0", (y / case.inputs["x"])[kept])
    if "dx" in seen:
        ratio = seen["dx"] / case.upstream
        found |= ends("dx / dy where y is not 0", ratio[kept]) | ends("dx / dy where y is 0", ratio[~kept])
    return {**found, "what is dropped of y": "nothing" if kept.all() else "something"}


def ends(name, numbers):
    return {
        f"the {word} {name}": (end(numbers) if numbers.size else numbers.dtype.type(0))
        for word, end in (("smallest", np.min), ("largest", np.max))
    }


# A mask of float64 (twice the bytes, and as many again while it is made) takes 1.5 to 2 times the reference's memory.
dropout = LayerExercise(
    "Dropout",
    cases=dropout_cases,
    points=Points(forward=4, backward=2, speed=1, memory=1),
    modes=Modes(steps=2),
    apart_from_chance=factors,
    speed=Speed(Case({"p": 0.4, "rng": Rng(0)}, x=(512, 512)), at_most=6.0),
    memory=Memory(Case({"p": 0.4, "rng": Rng(0)}, x=(512, 1024)), at_most=4.0),
    mistakes=[
        Mistake(
            "does not divide what is kept by 1 − p",
            swap("        y *= 1 / (1 - self.p)\n", ""),
            swap("        dx *= 1 / (1 - self.p)\n", ""),
            hint="Inverted dropout keeps the mean: what is left is divided by 1 − p, in training.",
        ),
        Mistake(
            "keeps with probability p, and divides by 1 − p",
            swap(">= self.p)", "< self.p)"),
            hint="rng.random() < p is true with probability p: these are the numbers to drop.",
            caught_by=BY_ITSELF,
        ),
        Mistake(
            "takes p for the probability to keep",
            swap(">= self.p)", "< self.p)"),
            swap("y *= 1 / (1 - self.p)", "y *= 1 / self.p"),
            swap("dx *= 1 / (1 - self.p)", "dx *= 1 / self.p"),
            hint="p is the probability that a number is dropped; 1 − p is the one that it is kept.",
        ),
        Mistake(
            "divides by what happens to be kept",
            swap("y *= 1 / (1 - self.p)", "y *= 1 / self.kept.mean()"),
            hint="Divide by 1 − p, a fixed number, and not by the share that this draw has kept.",
        ),
        Mistake(
            "normalizes what is kept",
            swap(
                "        y *= 1 / (1 - self.p)\n        return y",
                "        y -= y.mean(axis=0)\n        y /= (y * y).mean(axis=0) ** 0.5\n        return y",
            ),
            hint="Dropout is no normalization and does nothing against internal covariate shift; it keeps units from "
            "relying on each other: mask, and divide by 1 − p.",
        ),
        Mistake(
            "leaves out whole columns",
            swap("self.rng.random(x.shape,", "self.rng.random(x.shape[1:],"),
            hint="Every number of every row has a draw of its own: a mask of x's whole shape.",
            caught_by=BY_ITSELF,
        ),
        Mistake(
            "leaves out whole rows",
            swap("self.rng.random(x.shape,", "self.rng.random((*x.shape[:-1], 1),"),
            hint="Every number of every row has a draw of its own: a mask of x's whole shape.",
            caught_by=BY_ITSELF,
        ),
        Mistake(
            "draws the mask once and keeps it",
            swap(
                "self.kept = None\n        if not self.training",
                "old = getattr(self, 'old', None)\n        self.kept = None\n        if not self.training",
            ),
            swap(
                "        self.kept = asarray(self.rng.random(x.shape, dtype=np.float32) >= self.p)\n",
                "        if old is None or old.shape != x.shape:\n"
                "            old = asarray(self.rng.random(x.shape, dtype=np.float32) >= self.p)\n"
                "        self.old = self.kept = old\n",
            ),
            hint="Each call in training draws a new mask: else the same units are gone for ever, and nothing is learned.",
            caught_by=BY_ITSELF,
        ),
        Mistake(
            "draws from a generator of its own",
            swap("self.rng.random(", "np.random.default_rng().random("),
            hint="Draw from self.rng: with the same seed training has to come out the same.",
            caught_by=GENERATOR,
        ),
        Mistake(
            "drops in eval too",
            swap("if not self.training or self.p == 0:", "if self.p == 0:"),
            hint="Where self.training is False the answer is x itself.",
            caught_by=DIFFER,
        ),
        Mistake(
            "scales in eval",
            swap("            return x\n", "            return x * (1 - self.p)\n"),
            hint="Inverted dropout has divided in training already: in evaluation y = x.",
            caught_by=DIFFER,
        ),
        Mistake(
            "divides in eval",
            swap("            return x\n", "            return x / (1 - self.p)\n"),
            hint="In evaluation nothing is dropped, so there is nothing to make up for: y = x.",
            caught_by=DIFFER,
        ),
        Mistake(
            "drops in eval and not in training",
            swap("if not self.training or", "if self.training or"),
            hint="self.training is True while the network learns: then numbers are dropped.",
        ),
        Mistake(
            "writes into its input",
            swap("        y = x * self.kept\n", "        x *= self.kept\n        y = x * 1\n"),
            hint="x *= … changes the array of whoever called. Make a new one: x * mask.",
            caught_by="inputs are not modified",
        ),
        Mistake(
            "multiplies by a mask of float64",
            swap("y = x * self.kept\n", "y = x * self.kept.astype(float)\n"),
            hint="Multiply by the booleans themselves, or by a mask of x.dtype: float64 drags float32 along.",
            caught_by="float32 stays float32",
        ),
        Mistake(
            "leaves the mask on the host",
            swap(
                "asarray(self.rng.random(x.shape, dtype=np.float32) >= self.p)",
                "self.rng.random(x.shape, dtype=np.float32) >= self.p",
            ),
            hint="The generator draws on the host: asarray(…) moves the mask to where x is.",
            caught_by="stays on the device",
        ),
        Mistake(
            "draws another mask in backward",
            swap(
                "        dx = dy * self.kept\n",
                "        dx = dy * asarray(self.rng.random(dy.shape, dtype=np.float32) >= self.p)\n",
            ),
            hint="The gradient goes through what was kept in forward: keep that mask.",
        ),
        Mistake(
            "lets the whole gradient through",
            swap("        dx = dy * self.kept\n", "        dx = dy * 1\n"),
            hint="What was dropped had no effect on the loss, so its gradient is 0.",
        ),
        Mistake(
            "forgets to divide in backward",
            swap("        dx *= 1 / (1 - self.p)\n", ""),
            hint="y = k x / (1 − p), so dx = k dy / (1 − p): the same factor on both ways.",
        ),
        Mistake(
            "divides twice in backward",
            swap("dx *= 1 / (1 - self.p)", "dx *= 1 / (1 - self.p) ** 2"),
            hint="y = k x / (1 − p), so dx = k dy / (1 − p): one factor, the same on both ways.",
        ),
        Mistake(
            "masks the gradient in eval by the last mask of training",
            swap(
                "        self.kept = None\n        if not self.training or self.p == 0:\n            return x\n",
                "        if not self.training or self.p == 0:\n"
                "            if self.p == 0 or not hasattr(self, 'kept'):\n"
                "                self.kept = None\n"
                "            return x\n",
            ),
            hint="In evaluation y = x, so dx = dy: forget the mask of the last training step.",
            caught_by=EVAL_GRADIENTS,
        ),
    ],
    slow="""
def forward(self, x):
    self.kept = None
    if not self.training or self.p == 0:
        return x
    y = array_module(x).zeros_like(x)
    self.kept = array_module(x).zeros(x.shape, dtype=bool)
    for i in np.ndindex(*x.shape):
        if self.rng.random() >= self.p:
            self.kept[i] = True
            y[i] = x[i] / (1 - self.p)
    return y
""",
    plain="""
def forward(self, x):
    if self.training:
        self.mask = asarray((self.rng.random(x.shape) >= self.p) / (1 - self.p), dtype=x.dtype)
    else:
        self.mask = array_module(x).ones_like(x)
    return x * self.mask

def backward(self, dy):
    return dy * self.mask
""",
    bulky="""
def forward(self, x):
    self.x = x.copy()
    self.draws = [self.rng.random(x.shape) for _ in range(4)]
    if not self.training:
        self.mask = array_module(x).ones_like(x)
    else:
        self.mask = asarray((self.draws[-1] >= self.p) / (1 - self.p))
    self.y = (self.x * self.mask).astype(x.dtype)
    return self.y

def backward(self, dy):
    return (dy * self.mask).astype(dy.dtype)
""",
    hints={
        "forward": (
            "How does a call in training differ from one in evaluation, and what has backward to know of it?",
            "y = k x / (1 − p) in training, with k = 1 with probability 1 − p and 0 else; y = x in evaluation",
            "Draw a mask of x's shape from self.rng, move it with asarray, keep it, multiply, and divide by 1 − p.",
        ),
        "backward": (
            "Which numbers of x had an effect on y, and how strong was it?",
            "dx = k dy / (1 − p) with the k of forward; dx = dy where forward was in evaluation",
        ),
    },
)


def one_value(rng):
    for p, shape in [(0.2, (150, 200)), (0.7, (20, 8, 12, 16))]:
        yield Case({"p": p, "rng": new_rng(rng)}, x=np.ones(shape))


def neighbours(axis):
    """Whether a number is dropped too, of those whose neighbour along the axis is dropped"""

    def look(seen, _case):
        one, other = in_pairs(seen["y"] == 0, axis)
        return other[one]

    return look


def given(case):
    return Mean(case.arguments["p"])


ONCE = {"drawn once for both": lambda _case: Mean(1.0)}


@statistics(
    dropout,
    BY_ITSELF,
    cases=one_value,
    part="forward",
    weight=3,
    after=(FORWARD,),
    claims=[
        Claim(
            "the share of zeros in y",
            lambda seen, _: seen["y"] == 0,
            given,
            {"1 − p": lambda case: Mean(1 - case.arguments["p"])},
        ),
        Claim("the share of zeros beside zeros in another row", neighbours(0), given, ONCE),
        Claim("the share of zeros beside zeros in another column", neighbours(-1), given, ONCE),
        Claim("the share of zeros beside zeros in another channel", neighbours(1), given, ONCE),
        Claim(
            "the share of zeros in a second call where there were zeros in the first",
            lambda seen, _: seen["again"][seen["y"] == 0] == 0,
            given,
            ONCE,
        ),
    ],
)
def two_calls(subject, case):
    layer = subject.make("Dropout", **case.arguments)
    return {name: layer.call("forward", case.inputs["x"]) for name in ("y", "again")}


@seeded(dropout, cases=one_value, part="forward", after=(FORWARD,))
def masked(subject, case):
    return subject.make("Dropout", **case.arguments).call("forward", case.inputs["x"])


# --- 5.5 BatchNorm ---------------------------------------------------------------------------


def uneven(rng, shape, axis):
    """Numbers whose mean and spread differ from one place along the axis to the next"""
    sizes = [n if i == axis % len(shape) else 1 for i, n in enumerate(shape)]
    return rng.normal(size=shape) * rng.uniform(0.5, 2.5, sizes) + 2 * rng.normal(size=sizes)


# A momentum that is not 1/2 and an epsilon that shows, or nobody would see where they stand; the last but one is 2-D, the last 4-D.
def batch_norm_cases(rng):
    for shape, constants in [
        ((7, 3), {}),
        ((5, 4), {"momentum": 0.3, "eps": 0.2}),
        ((3, 2, 4, 5), {"momentum": 0.2, "eps": 0.1}),
    ]:
        yield Case({"features": shape[1], **constants}, x=uneven(rng, shape, 1))


def judge_far(observed, expected, _case):
    """Right to six digits is right: rounding leaves nine at worst, and a difference of large squares two."""
    return compare(observed["y"], expected["y"], "y", Tolerance(1e-6, 1e-6))


def far_from_zero(exercise, cases):
    """The exercise with a check of numbers whose mean is ten million times as large as their spread"""

    def draw(rng):
        for case in cases(rng):
            yield case.with_changes(inputs={"x": case.inputs["x"] + 1e7})

    @exercise.check(FAR, cases=draw, part="forward", judge=judge_far, needs=("forward",), after=(FORWARD,))
    def observe(subject, case):
        return {"y": subject.make(exercise.name, **case.arguments).call("forward", case.inputs["x"])}


CANCELS = (
    "Square the deviations from the mean. E[x²] − E[x]² is a small difference of large numbers, and loses all digits."
)

# Timed on a table of many features: on images a loop over the few channels costs little more than doing without.
batch_norm = LayerExercise(
    "BatchNorm",
    cases=batch_norm_cases,
    points=Points(forward=5, backward=6, speed=1),
    has_parameters=True,
    modes=Modes(steps=5, state=("running_mean", "running_var")),
    speed=Speed(Case({"features": 1024}, x=(512, 1024)), at_most=5.0),
    mistakes=[
        Mistake(
            "normalizes with the running values in training",
            swap(
                "        self.scale = 1 / xp.sqrt(var + self.eps)",
                "        normal = rows - self.running_mean.astype(x.dtype)[:, None]\n"
                "        var = self.running_var.astype(x.dtype)\n"
                "        self.scale = 1 / xp.sqrt(var + self.eps)",
            ),
            hint="Training uses the batch's own mean and variance; the running ones are for evaluation.",
        ),
        Mistake(
            "divides by m − 1 in training",
            swap("normal, normal) / self.count", "normal, normal) / (self.count - 1)"),
            swap("var * (self.count / (self.count - 1))", "var"),
            hint="The normalization divides by m; m − 1 belongs to the running variance only.",
        ),
        Mistake(
            "puts eps outside of the root",
            swap("1 / xp.sqrt(var + self.eps)", "1 / (xp.sqrt(var) + self.eps)"),
            hint="s = 1 / √(σ² + ε): eps is added to the variance.",
        ),
        Mistake(
            "forgets eps",
            swap("1 / xp.sqrt(var + self.eps)", "1 / xp.sqrt(var)"),
            hint="s = 1 / √(σ² + ε): eps is added to the variance.",
        ),
        Mistake(
            "divides by the variance",
            swap("1 / xp.sqrt(var + self.eps)", "1 / (var + self.eps)"),
            hint="The standard deviation is the root of the variance.",
        ),
        Mistake(
            "gives every place of the images a mean of its own",
            swap(
                "        normal *= self.scale[:, None]\n",
                "        if self.training:\n"
                "            normal = rows - rows.mean(axis=0)\n"
                "            normal /= xp.sqrt((normal * normal).mean(axis=0) + self.eps)\n"
                "        else:\n"
                "            normal *= self.scale[:, None]\n",
            ),
            hint="A channel means the same at every place: mean and variance over the axes 0, 2 and 3.",
        ),
        Mistake(
            "gives every image a mean of its own",
            swap(
                "        normal *= self.scale[:, None]\n",
                "        if self.training and x.ndim == 4:\n"
                "            normal = rows - rows.mean(axis=2, keepdims=True)\n"
                "            normal /= xp.sqrt((normal * normal).mean(axis=2, keepdims=True) + self.eps)\n"
                "        else:\n"
                "            normal *= self.scale[:, None]\n",
            ),
            hint="Mean and variance are over the whole batch: the axes 0, 2 and 3. (Over 2 and 3 alone it is called instance "
            "normalization.)",
        ),
        Mistake(
            "normalizes rows in place of features",
            swap(
                "        normal *= self.scale[:, None]\n",
                "        if self.training:\n"
                "            normal = rows - rows.mean(axis=(1, 2), keepdims=True)\n"
                "            normal /= xp.sqrt((normal * normal).mean(axis=(1, 2), keepdims=True) + self.eps)\n"
                "        else:\n"
                "            normal *= self.scale[:, None]\n",
            ),
            hint="A feature is compared with itself in the other rows of the batch. One row over its features is LayerNorm.",
        ),
        Mistake(
            "forgets gamma and beta",
            swap(
                "        y = normal * self.gamma.data[:, None]\n        y += self.beta.data[:, None]\n",
                "        y = normal * 1\n",
            ),
            hint="y = γ x̂ + β: each feature has a scale and a shift that are learned.",
        ),
        Mistake(
            "makes the variance of E[x²] − E[x]²",
            swap(
                'var = xp.einsum("ncp,ncp->c", normal, normal) / self.count',
                "var = (rows * rows).sum(axis=(0, 2)) / self.count - mean * mean",
            ),
            hint=CANCELS,
            caught_by=FAR,
        ),
        Mistake(
            "puts the biased variance into running_var",
            swap("var * (self.count / (self.count - 1))", "var"),
            hint="running_var takes the unbiased variance: σ² m / (m − 1).",
            caught_by=DIFFER,
        ),
        Mistake(
            "counts rows for m − 1, and not places",
            swap("(self.count / (self.count - 1))", "(len(x) / (len(x) - 1))"),
            hint="m is N H W for images: all the numbers that the variance is of.",
            caught_by=DIFFER,
        ),
        Mistake(
            "takes the momentum for the share of the old values",
            swap("self.momentum * (mean - self.running_mean)", "(1 - self.momentum) * (mean - self.running_mean)"),
            swap("self.momentum * (var", "(1 - self.momentum) * (var"),
            hint="With momentum 0.1 the new value counts a tenth and the old one nine tenths.",
            caught_by=DIFFER,
        ),
        Mistake(
            "never moves the running values",
            swap("            self.running_mean += self.momentum * (mean - self.running_mean)\n", ""),
            swap(
                "            self.running_var += self.momentum * (var * (self.count / (self.count - 1)) - self.running_var)\n",
                "",
            ),
            hint="Each call in training moves running_mean and running_var towards those of its batch.",
            caught_by=DIFFER,
        ),
        Mistake(
            "keeps the running values of the last batch only",
            swap("self.running_mean += self.momentum * (mean - self.running_mean)", "self.running_mean = mean"),
            swap(
                "self.running_var += self.momentum * (var * (self.count / (self.count - 1)) - self.running_var)",
                "self.running_var = var * (self.count / (self.count - 1))",
            ),
            hint="r ← (1 − momentum) r + momentum · new: a tenth of the new value and nine of the old.",
            caught_by=DIFFER,
        ),
        Mistake(
            "uses the batch's own values in eval",
            swap(
                "            normal = rows - self.running_mean.astype(x.dtype)[:, None]\n"
                "            var = self.running_var.astype(x.dtype)\n",
                "            normal = rows - rows.mean(axis=(0, 2))[:, None]\n            var = (normal * normal).mean(axis=(0, 2))\n",
            ),
            hint="In evaluation mean and variance are running_mean and running_var: no row may depend on another.",
            caught_by=DIFFER,
        ),
        Mistake(
            "moves the running values in eval too",
            swap(
                "            var = self.running_var.astype(x.dtype)\n",
                "            var = self.running_var.astype(x.dtype)\n"
                "            self.running_mean = self.running_mean + self.momentum * (rows.mean(axis=(0, 2)) - self.running_mean)\n",
            ),
            hint="Evaluation reads running_mean and running_var, and changes nothing.",
            caught_by=DIFFER,
        ),
        Mistake(
            "leaves eps out in eval",
            swap(
                "            var = self.running_var.astype(x.dtype)\n",
                "            var = self.running_var.astype(x.dtype) - self.eps\n",
            ),
            hint="The formula is the same in both modes: √(running_var + ε).",
            caught_by=DIFFER,
        ),
        Mistake(
            "lets float64 of the running values through",
            swap("self.running_mean.astype(x.dtype)", "self.running_mean"),
            hint="The running values are float64 and drag float32 along: turn them into x.dtype before they meet x.",
            caught_by="float32 stays float32 in eval",
        ),
        Mistake(
            "writes into its input",
            swap("normal = rows - mean[:, None]", "rows -= mean[:, None]\n            normal = rows"),
            hint="x.reshape(…) is the same memory as x: x -= mean changes the array of whoever called.",
            caught_by="inputs are not modified",
        ),
        Mistake(
            "follows the direct road only",
            swap("        if self.count is None:\n", "        if self.count is None or self.count:\n"),
            hint="x also moves the mean and the variance, and they move every output: three roads.",
        ),
        Mistake(
            "forgets the road through the mean",
            swap("        dx -= (dbeta / self.count)[:, None]\n", ""),
            hint="x moves the mean by 1/m, and the mean moves every output: subtract dβ / m.",
        ),
        Mistake(
            "forgets the road through the variance",
            swap("dx = self.normal * (dgamma / -self.count)[:, None]", "dx = self.normal * 0"),
            hint="x moves the variance, and that scales every output: subtract x̂ dγ / m.",
        ),
        Mistake(
            "forgets gamma on the way back",
            swap("slope = (self.gamma.data * self.scale)[:, None]", "slope = self.scale[:, None]"),
            hint="dx̂ = γ dy comes first.",
        ),
        Mistake(
            "forgets the standard deviation on the way back",
            swap("slope = (self.gamma.data * self.scale)[:, None]", "slope = self.gamma.data[:, None]"),
            hint="∂x̂/∂x = s = 1 / √(σ² + ε): every road has this factor.",
        ),
        Mistake(
            "does not divide the sums by m",
            swap("(dgamma / -self.count)", "-dgamma"),
            swap("(dbeta / self.count)", "dbeta"),
            hint="dx = γ s (dy − dβ / m − x̂ dγ / m): the roads through mean and variance have a factor 1/m.",
        ),
        Mistake(
            "multiplies dy by x for gamma's gradient",
            swap(
                "self.gamma.grad += dgamma",
                "self.gamma.grad += (rows * self.normal / self.scale[:, None]).sum(axis=(0, 2))",
            ),
            hint="γ multiplies x̂, the normalized x: dγ = Σ dy x̂.",
        ),
        Mistake(
            "averages gamma's gradient",
            swap("self.gamma.grad += dgamma", "self.gamma.grad += dgamma / (self.normal.size / len(dgamma))"),
            hint="γ acts on every number of its feature: a sum, no mean.",
        ),
        Mistake(
            "averages beta's gradient",
            swap("self.beta.grad += dbeta", "self.beta.grad += dbeta / (self.normal.size / len(dbeta))"),
            hint="β acts on every number of its feature: a sum, no mean.",
        ),
        Mistake(
            "sums the parameters' gradients over the batch alone",
            swap(
                "self.gamma.grad += dgamma",
                "self.gamma.grad += (dy * self.normal.reshape(dy.shape)).sum(axis=0)",
            ),
            swap("self.beta.grad += dbeta", "self.beta.grad += dy.sum(axis=0)"),
            hint="A channel has one γ and one β for all places: sum over the axes 0, 2 and 3.",
        ),
        Mistake(
            "overwrites the parameters' gradients",
            swap("self.gamma.grad += dgamma", "self.gamma.grad = dgamma"),
            swap("self.beta.grad += dbeta", "self.beta.grad = dbeta"),
            hint="Gradients add up until zero_grad(): +=.",
            caught_by="gradients accumulate",
        ),
        Mistake(
            "sends the gradient through the batch in eval",
            swap(
                "            return (rows * slope).reshape(dy.shape)\n",
                "            self.count = rows.shape[0] * rows.shape[2]\n",
            ),
            hint="In evaluation mean and variance are given numbers: only the direct road is left, dx = γ s dy.",
            caught_by=EVAL_GRADIENTS,
        ),
    ],
    slow="""
def forward(self, x):
    xp = array_module(x)
    self.training_step = self.training
    self.normal, self.scale = xp.empty_like(x), xp.empty(x.shape[1], dtype=x.dtype)
    y, m = xp.empty_like(x), x.size // x.shape[1]
    for c in range(x.shape[1]):
        mean, var = self.running_mean[c].astype(x.dtype), self.running_var[c].astype(x.dtype)
        if self.training:
            mean, var = x[:, c].mean(), x[:, c].var()
            self.running_mean[c] += self.momentum * (mean - self.running_mean[c])
            self.running_var[c] += self.momentum * (var * (m / (m - 1)) - self.running_var[c])
        self.scale[c] = 1 / xp.sqrt(var + self.eps)
        self.normal[:, c] = (x[:, c] - mean) * self.scale[c]
        y[:, c] = self.gamma.data[c] * self.normal[:, c] + self.beta.data[c]
    return y

def backward(self, dy):
    dx, m = array_module(dy).empty_like(dy), dy.size // dy.shape[1]
    for c in range(dy.shape[1]):
        dgamma, dbeta = (dy[:, c] * self.normal[:, c]).sum(), dy[:, c].sum()
        self.gamma.grad[c] += dgamma
        self.beta.grad[c] += dbeta
        roads = dbeta / m + self.normal[:, c] * (dgamma / m) if self.training_step else 0
        dx[:, c] = self.gamma.data[c] * self.scale[c] * (dy[:, c] - roads)
    return dx
""",
    plain="""
def forward(self, x):
    xp = array_module(x)
    self.axes = (0,) if x.ndim == 2 else (0, 2, 3)
    self.form = (1, -1) if x.ndim == 2 else (1, -1, 1, 1)
    self.in_training = self.training
    if self.training:
        mean, var = x.mean(axis=self.axes), x.var(axis=self.axes)
        m = x.size // len(mean)
        self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
        self.running_var = (1 - self.momentum) * self.running_var + self.momentum * var * m / (m - 1)
    else:
        mean, var = self.running_mean.astype(x.dtype), self.running_var.astype(x.dtype)
    self.std = xp.sqrt(var.reshape(self.form) + self.eps)
    self.normal = (x - mean.reshape(self.form)) / self.std
    return self.gamma.data.reshape(self.form) * self.normal + self.beta.data.reshape(self.form)

def backward(self, dy):
    self.gamma.grad += (dy * self.normal).sum(axis=self.axes)
    self.beta.grad += dy.sum(axis=self.axes)
    dnormal = dy * self.gamma.data.reshape(self.form)
    if not self.in_training:
        return dnormal / self.std
    mean = dnormal.mean(axis=self.axes, keepdims=True)
    along = (dnormal * self.normal).mean(axis=self.axes, keepdims=True)
    return (dnormal - mean - self.normal * along) / self.std
""",
    hints={
        "forward": (
            "Which numbers of x belong to one feature, in a table and in images? Over these are mean and variance.",
            "x̂ = (x − μ) / √(σ² + ε), y = γ x̂ + β; r ← (1 − momentum) r + momentum · new, the variance with m − 1",
            (
                "Reshape to (N, C, places); in training take mean and variance over the axes 0 and 2 and move the running "
                "values, in evaluation use these; keep x̂, s and the mode."
            ),
        ),
        "backward": (
            "On how many roads does one x reach the outputs of its feature?",
            "dγ = Σ dy x̂, dβ = Σ dy, dx = γ s (dy − dβ / m − x̂ dγ / m); in evaluation dx = γ s dy",
            "Both sums are over the axes 0 and 2 of (N, C, places); give them back as [:, None] to subtract them.",
        ),
    },
)
far_from_zero(batch_norm, batch_norm_cases)


# --- 5.6 LayerNorm ---------------------------------------------------------------------------


def layer_norm_cases(rng):
    for shape, constants in [((5,), {}), ((4, 6), {"eps": 0.2}), ((3, 2, 5), {"eps": 0.1})]:
        yield Case({"features": shape[-1], **constants}, x=uneven(rng, shape, 0))


layer_norm = LayerExercise(
    "LayerNorm",
    cases=layer_norm_cases,
    points=Points(forward=3, backward=4, speed=1),
    has_parameters=True,
    speed=Speed(Case({"features": 256}, x=(2048, 256)), at_most=4.0),
    mistakes=[
        Mistake(
            "normalizes over the batch",
            swap("rows.mean(axis=1, keepdims=True)", "rows.mean(axis=0)"),
            swap(
                'var = xp.einsum("nf,nf->n", normal, normal)[:, None] / x.shape[-1]',
                "var = (normal * normal).mean(axis=0)",
            ),
            hint="Each row by itself: mean and variance over the last axis. Over the batch it is batch normalization.",
        ),
        Mistake(
            "normalizes all of a sample at once",
            swap(
                "normal = rows - rows.mean(axis=1, keepdims=True)",
                "axes = tuple(range(min(1, x.ndim - 1), x.ndim))\n        normal = x - x.mean(axis=axes, keepdims=True)",
            ),
            swap(
                'var = xp.einsum("nf,nf->n", normal, normal)[:, None] / x.shape[-1]',
                "var = (normal * normal).mean(axis=axes, keepdims=True)",
            ),
            hint="Only the last axis is averaged over; every leading place is a row of its own.",
        ),
        Mistake(
            "divides by features − 1",
            swap("[:, None] / x.shape[-1]", "[:, None] / (x.shape[-1] - 1)"),
            hint="The variance here divides by the number of features.",
        ),
        Mistake(
            "puts eps outside of the root",
            swap("1 / xp.sqrt(var + self.eps)", "1 / (xp.sqrt(var) + self.eps)"),
            hint="s = 1 / √(σ² + ε): eps is added to the variance.",
        ),
        Mistake(
            "forgets eps",
            swap("1 / xp.sqrt(var + self.eps)", "1 / xp.sqrt(var)"),
            hint="s = 1 / √(σ² + ε): eps is added to the variance.",
        ),
        Mistake(
            "does not subtract the mean",
            swap("normal = rows - rows.mean(axis=1, keepdims=True)", "normal = rows * 1"),
            hint="x̂ = (x − μ) s: the mean first. (Without it, it is called RMS normalization.)",
        ),
        Mistake(
            "forgets gamma and beta",
            swap(
                "        y = normal * self.gamma.data\n        y += self.beta.data\n",
                "        y = normal * 1\n",
            ),
            hint="y = γ x̂ + β: each feature has a scale and a shift that are learned.",
        ),
        Mistake(
            "makes the variance of E[x²] − E[x]²",
            swap(
                'var = xp.einsum("nf,nf->n", normal, normal)[:, None] / x.shape[-1]',
                "var = ((rows * rows).mean(axis=1) - rows.mean(axis=1) ** 2)[:, None]",
            ),
            hint=CANCELS,
            caught_by=FAR,
        ),
        Mistake(
            "writes into its input",
            swap(
                "normal = rows - rows.mean(axis=1, keepdims=True)",
                "rows -= rows.mean(axis=1, keepdims=True)\n        normal = rows",
            ),
            hint="x.reshape(…) is the same memory as x: rows −= … changes the array of whoever called.",
            caught_by="inputs are not modified",
        ),
        Mistake(
            "follows the direct road only",
            swap("        dx -= roads\n", ""),
            hint="x also moves the mean and the variance of its row, and they move all its outputs: three roads.",
        ),
        Mistake(
            "forgets the road through the mean",
            swap("        roads += (rows @ weights)[:, None]\n", ""),
            hint="x moves the mean of its row, and the mean moves every output: subtract the mean of dx̂.",
        ),
        Mistake(
            "forgets the road through the variance",
            swap("roads = self.normal * (along @ weights)[:, None]", "roads = self.normal * 0"),
            hint="x moves the variance of its row, and that scales every output: subtract x̂ times the mean of dx̂ x̂.",
        ),
        Mistake(
            "takes gamma out of the sums",
            swap("weights = self.gamma.data / dy.shape[-1]", "weights = 0 * self.gamma.data + 1 / dy.shape[-1]"),
            swap("        dx = rows * self.gamma.data\n", "        dx = rows * 1\n"),
            swap("        dx *= self.scale\n", "        dx *= self.scale * self.gamma.data\n"),
            hint="γ differs from feature to feature: multiply first, dx̂ = γ dy, and take both means of dx̂.",
        ),
        Mistake(
            "forgets gamma on the way back",
            swap("weights = self.gamma.data / dy.shape[-1]", "weights = 0 * self.gamma.data + 1 / dy.shape[-1]"),
            swap("        dx = rows * self.gamma.data\n", "        dx = rows * 1\n"),
            hint="dx̂ = γ dy comes first.",
        ),
        Mistake(
            "forgets the standard deviation on the way back",
            swap("        dx *= self.scale\n", ""),
            hint="∂x̂/∂x = s = 1 / √(σ² + ε): every road has this factor.",
        ),
        Mistake(
            "does not divide the sums by the number of features",
            swap("weights = self.gamma.data / dy.shape[-1]", "weights = self.gamma.data"),
            hint="The roads through mean and variance have a factor 1/F: means of dx̂ and of dx̂ x̂, no sums.",
        ),
        Mistake(
            "averages over the batch on the way back",
            swap("roads += (rows @ weights)[:, None]", "roads += (rows * self.gamma.data).mean(axis=0)"),
            hint="The roads are those of one row: both means are over the last axis.",
        ),
        Mistake(
            "averages gamma's gradient",
            swap("self.gamma.grad += along.sum(axis=0)", "self.gamma.grad += along.mean(axis=0)"),
            hint="γ acts on every row: a sum, no mean.",
        ),
        Mistake(
            "sums the parameters' gradients over the first axis only",
            swap("self.gamma.grad += along.sum(axis=0)", "self.gamma.grad += along.reshape(dy.shape).sum(axis=0)"),
            swap("self.beta.grad += rows.sum(axis=0)", "self.beta.grad += dy.sum(axis=0)"),
            hint="Whatever the leading shape: sum over all axes but the last. reshape(−1, features) makes rows of them.",
        ),
        Mistake(
            "overwrites the parameters' gradients",
            swap("self.beta.grad += rows", "self.beta.grad = rows"),
            swap("self.gamma.grad += along", "self.gamma.grad = along"),
            hint="Gradients add up until zero_grad(): +=.",
            caught_by="gradients accumulate",
        ),
    ],
    slow="""
def forward(self, x):
    self.normal, self.scale = [], []
    y = array_module(x).empty_like(x)
    for i in np.ndindex(*x.shape[:-1]):
        row = x[i]
        scale = 1 / array_module(x).sqrt(row.var() + self.eps)
        self.scale.append(scale)
        self.normal.append((row - row.mean()) * scale)
        y[i] = self.normal[-1] * self.gamma.data + self.beta.data
    return y

def backward(self, dy):
    dx = array_module(dy).empty_like(dy)
    for i, normal, scale in zip(np.ndindex(*dy.shape[:-1]), self.normal, self.scale, strict=True):
        self.gamma.grad += dy[i] * normal
        self.beta.grad += dy[i]
        d = dy[i] * self.gamma.data
        dx[i] = scale * (d - d.mean() - normal * (d * normal).mean())
    return dx
""",
    plain="""
def forward(self, x):
    self.std = array_module(x).sqrt(x.var(axis=-1, keepdims=True) + self.eps)
    self.normal = (x - x.mean(axis=-1, keepdims=True)) / self.std
    return self.gamma.data * self.normal + self.beta.data

def backward(self, dy):
    axes = tuple(range(dy.ndim - 1))
    self.gamma.grad += (dy * self.normal).sum(axis=axes)
    self.beta.grad += dy.sum(axis=axes)
    dnormal = dy * self.gamma.data
    mean = dnormal.mean(axis=-1, keepdims=True)
    along = (dnormal * self.normal).mean(axis=-1, keepdims=True)
    return (dnormal - mean - self.normal * along) / self.std
""",
    hints={
        "forward": (
            "Over which axis is the mean, and what shape has it to have so that x − mean fits?",
            "x̂ = (x − μ) / √(σ² + ε) over the last axis, y = γ x̂ + β",
            "Take the means with keepdims=True; keep x̂ and s for backward.",
        ),
        "backward": (
            "Which outputs does one x reach? Those of its own row, on three roads.",
            "dx̂ = γ dy; dx = s (dx̂ − mean(dx̂) − x̂ · mean(dx̂ x̂)), both means over the last axis",
            "For γ and β make rows of all leading axes, reshape(−1, features), and sum over them.",
        ),
    },
)
far_from_zero(layer_norm, layer_norm_cases)

ASSIGNMENT = Assignment(
    "05_regularization",
    title="Regularization",
    exercises=[dropout, batch_norm, layer_norm],
)
