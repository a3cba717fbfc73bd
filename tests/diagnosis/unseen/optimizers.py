"""Unseen wrong implementations of 04_optimizers."""

from tests.diagnosis.unseen import Unseen, collected

ADAM = """
def step(self):
    self.t += 1
    b1, b2 = self.betas
    for i, p in enumerate(self.parameters):
        g = p.grad + self.weight_decay * p.data
        self.m[i] = b1 * self.m[i] + (1 - b1) * g
        self.v[i] = b2 * self.v[i] + (1 - b2) * g * g
        m, v = self.m[i] / (1 - b1**self.t), self.v[i] / (1 - b2**self.t)
        p.data -= self.lr * m / (v**0.5 + self.eps)
"""
ADAMW = ADAM.replace("p.grad + self.weight_decay * p.data", "p.grad").replace(
    "        self.m[i] =", "        p.data -= self.lr * self.weight_decay * p.data\n        self.m[i] ="
)


def but(source: str, *swaps: tuple[str, str]) -> str:
    """The source with these texts, each of which it holds just once, exchanged."""
    for old, new in swaps:
        assert source.count(old) == 1, (old, source)
        source = source.replace(old, new)
    return source


OPTIMIZERS = collected(
    # --- SGD ---------------------------------------------------------------------------------
    Unseen(
        "SGD",
        "makes a new array",
        """
def step(self):
    for p in self.parameters:
        g = p.grad + self.weight_decay * p.data
        p.data = p.data - self.lr * g
""",
        (),
        also=("mistake: makes a new array",),
    ),
    Unseen(
        "SGD",
        "decays twice as much",
        """
def step(self):
    for p in self.parameters:
        p.data -= self.lr * (p.grad + 2 * self.weight_decay * p.data)
""",
        (),
        also=("mistake: doubles the weight decay",),
    ),
    Unseen(
        "SGD",
        "decays without the learning rate",
        """
def step(self):
    for p in self.parameters:
        p.data -= self.lr * p.grad + self.weight_decay * p.data
""",
        (),
        also=("only the weight decay, which belongs in the gradient",),
    ),
    Unseen(
        "SGD",
        "adds the decay to the gradient itself",
        """
def step(self):
    for p in self.parameters:
        p.grad += self.weight_decay * p.data
        p.data -= self.lr * p.grad
""",
        ("in place*",),
        also=("mistake: adds the decay to the gradient itself",),
    ),
    Unseen(
        "SGD",
        "moves a copy",
        """
def step(self):
    for p in self.parameters:
        theta = p.data
        theta = theta - self.lr * (p.grad + self.weight_decay * theta)
""",
        (),
        also=("does not move",),
    ),
    Unseen(
        "SGD",
        "climbs, and forgets the decay",
        """
def step(self):
    for p in self.parameters:
        p.data += self.lr * p.grad
""",
        ("ignores weight_decay",),
        double=True,
        also=("mistake: climbs",),
    ),
    # --- Momentum ----------------------------------------------------------------------------
    Unseen(
        "Momentum",
        "keeps the learning rate in the velocity",
        """
def step(self):
    for p, v in zip(self.parameters, self.velocity):
        v[...] = self.momentum * v + self.lr * (p.grad + self.weight_decay * p.data)
        p.data -= v
""",
        (),
        also=("mistake: keeps the learning rate in the velocity",),
    ),
    Unseen(
        "Momentum",
        "does not keep the velocity",
        """
def step(self):
    for p, v in zip(self.parameters, self.velocity):
        v = self.momentum * v + p.grad + self.weight_decay * p.data
        p.data -= self.lr * v
""",
        ("*state*", "ignores momentum"),
        also=("mistake: forgets the velocity after the step",),
    ),
    Unseen(
        "Momentum",
        "averages the gradient into the velocity",
        """
def step(self):
    for p, v in zip(self.parameters, self.velocity):
        g = p.grad + self.weight_decay * p.data
        v[...] = self.momentum * v + (1 - self.momentum) * g
        p.data -= self.lr * v
""",
        (),
        also=("mistake: weighs the gradient by one minus momentum",),
    ),
    Unseen(
        "Momentum",
        "moves before the velocity is new",
        """
def step(self):
    for p, v in zip(self.parameters, self.velocity):
        p.data -= self.lr * v
        v *= self.momentum
        v += p.grad + self.weight_decay * p.data
""",
        ("*old*",),
        also=(
            "a step late",
            "mistake: steps before it updates the velocity",
        ),
    ),
    Unseen(
        "Momentum",
        "has one velocity for all",
        """
def step(self):
    for p in self.parameters:
        g = p.grad + self.weight_decay * p.data
        self.last = self.momentum * getattr(self, "last", 0) + g.mean()
        p.data -= self.lr * (g + self.last - g.mean())
""",
        (),
        also=("after the first step",),
    ),
    Unseen(
        "Momentum",
        "decays beside the velocity and damps the new gradient too",
        """
def step(self):
    for p, v in zip(self.parameters, self.velocity):
        v += p.grad
        v *= self.momentum
        p.data -= self.lr * (v + self.weight_decay * p.data)
""",
        (),
        double=True,
        also=("step: term g",),
    ),
    # --- Nesterov ----------------------------------------------------------------------------
    Unseen(
        "Nesterov",
        "steps along the velocity alone",
        """
def step(self):
    for p, v in zip(self.parameters, self.velocity):
        v[...] = self.momentum * v + p.grad + self.weight_decay * p.data
        p.data -= self.lr * v
""",
        (),
        also=("mistake: does not look ahead",),
    ),
    Unseen(
        "Nesterov",
        "looks ahead with the old velocity",
        """
def step(self):
    for p, v in zip(self.parameters, self.velocity):
        g = p.grad + self.weight_decay * p.data
        p.data -= self.lr * (g + self.momentum * v)
        v[...] = self.momentum * v + g
""",
        ("*old*",),
        also=("mistake: does not look ahead",),
    ),
    Unseen(
        "Nesterov",
        "keeps the look ahead as the velocity",
        """
def step(self):
    for p, v in zip(self.parameters, self.velocity):
        g = p.grad + self.weight_decay * p.data
        v[...] = self.momentum * v + g
        v[...] = g + self.momentum * v
        p.data -= self.lr * v
""",
        (),
        also=("after the first step",),
    ),
    Unseen(
        "Nesterov",
        "adds the bare gradient in the step",
        """
def step(self):
    for p, v in zip(self.parameters, self.velocity):
        v[...] = self.momentum * v + p.grad + self.weight_decay * p.data
        p.data -= self.lr * (p.grad + self.momentum * v)
""",
        (),
        also=("only the weight decay, which belongs in the gradient",),
    ),
    Unseen(
        "Nesterov",
        "as CS231n writes it, with the rate in the velocity",
        """
def step(self):
    mu = self.momentum
    for p, v in zip(self.parameters, self.velocity):
        before = v.copy()
        v[...] = mu * v - self.lr * (p.grad + self.weight_decay * p.data)
        p.data += -mu * before + (1 + mu) * v
""",
        (),
        also=("mistake: keeps the learning rate in the velocity",),
    ),
    Unseen(
        "Nesterov",
        "keeps no velocity and forgets the decay",
        """
def step(self):
    for p, v in zip(self.parameters, self.velocity):
        v = self.momentum * v + p.grad
        p.data -= self.lr * (p.grad + self.momentum * v)
""",
        ("*state*", "ignores weight_decay"),
        double=True,
    ),
    # --- Adagrad -----------------------------------------------------------------------------
    Unseen(
        "Adagrad",
        "puts eps under the root",
        """
def step(self):
    for p, G in zip(self.parameters, self.sums):
        g = p.grad + self.weight_decay * p.data
        G += g * g
        p.data -= self.lr * g / (G + self.eps) ** 0.5
""",
        ("nearly right",),
        also=("mistake: has epsilon inside the root",),
    ),
    Unseen(
        "Adagrad",
        "divides by the sum before this gradient",
        """
def step(self):
    for p, G in zip(self.parameters, self.sums):
        g = p.grad + self.weight_decay * p.data
        p.data -= self.lr * g / (G**0.5 + self.eps)
        G += g * g
""",
        ("*old*",),
        also=("mistake: divides by the sum before this gradient",),
    ),
    Unseen(
        "Adagrad",
        "adds up absolute values",
        """
def step(self):
    for p, G in zip(self.parameters, self.sums):
        g = p.grad + self.weight_decay * p.data
        G += abs(g)
        p.data -= self.lr * g / (G + self.eps)
""",
        (),
        also=("after the first step",),
    ),
    Unseen(
        "Adagrad",
        "has one rate for a whole parameter",
        """
def step(self):
    for p, G in zip(self.parameters, self.sums):
        g = p.grad + self.weight_decay * p.data
        G += (g * g).sum()
        p.data -= self.lr * g / (G**0.5 + self.eps)
""",
        (),
        also=("mistake: has one sum for a whole parameter",),
    ),
    Unseen(
        "Adagrad",
        "squares the bare gradient",
        """
def step(self):
    for p, G in zip(self.parameters, self.sums):
        G += p.grad**2
        p.data -= self.lr * (p.grad + self.weight_decay * p.data) / (G**0.5 + self.eps)
""",
        (),
        also=("only the weight decay, which belongs in the gradient",),
    ),
    Unseen(
        "Adagrad",
        "takes no root and starts the sum anew",
        """
def step(self):
    for p, G in zip(self.parameters, self.sums):
        g = p.grad + self.weight_decay * p.data
        G = g * g
        p.data -= self.lr * g / (G + self.eps)
""",
        ("*state*",),
        double=True,
        also=(
            "mistake: does not accumulate",
            "mistake: forgets the root",
        ),
    ),
    # --- RMSprop -----------------------------------------------------------------------------
    Unseen(
        "RMSprop",
        "exchanges the two shares",
        """
def step(self):
    for p, s in zip(self.parameters, self.squares):
        g = p.grad + self.weight_decay * p.data
        s[...] = (1 - self.alpha) * s + self.alpha * g * g
        p.data -= self.lr * g / (s**0.5 + self.eps)
""",
        (),
        also=("mistake: exchanges the two weights",),
    ),
    Unseen(
        "RMSprop",
        "puts eps under the root",
        """
def step(self):
    for p, s in zip(self.parameters, self.squares):
        g = p.grad + self.weight_decay * p.data
        s[...] = self.alpha * s + (1 - self.alpha) * g * g
        p.data -= self.lr * g / (s + self.eps) ** 0.5
""",
        ("nearly right",),
        also=("mistake: has epsilon inside the root",),
    ),
    Unseen(
        "RMSprop",
        "corrects the start, as Adam does",
        """
def step(self):
    self.t = getattr(self, "t", 0) + 1
    for p, s in zip(self.parameters, self.squares):
        g = p.grad + self.weight_decay * p.data
        s[...] = self.alpha * s + (1 - self.alpha) * g * g
        p.data -= self.lr * g / ((s / (1 - self.alpha**self.t)) ** 0.5 + self.eps)
""",
        ("*bias correction*", "*start*"),
        also=("factor of the step's number",),
    ),
    Unseen(
        "RMSprop",
        "keeps the mean in a local name",
        """
def step(self):
    for p, s in zip(self.parameters, self.squares):
        g = p.grad + self.weight_decay * p.data
        s = self.alpha * s + (1 - self.alpha) * g * g
        p.data -= self.lr * g / (s**0.5 + self.eps)
""",
        ("*state*",),
    ),
    Unseen(
        "RMSprop",
        "adds the new square in full",
        """
def step(self):
    for p, s in zip(self.parameters, self.squares):
        g = p.grad + self.weight_decay * p.data
        s[...] = self.alpha * s + g * g
        p.data -= self.lr * g / (s**0.5 + self.eps)
""",
        (),
        also=("mistake: sums in place of a mean",),
    ),
    Unseen(
        "RMSprop",
        "divides by the old mean, eps first",
        """
def step(self):
    for p, s in zip(self.parameters, self.squares):
        g = p.grad + self.weight_decay * p.data
        p.data -= self.lr * g / (s + self.eps) ** 0.5
        s *= self.alpha
        s += (1 - self.alpha) * g * g
""",
        ("*old*",),
        double=True,
    ),
    # --- Adadelta ----------------------------------------------------------------------------
    Unseen(
        "Adadelta",
        "counts this step before it is made",
        """
def step(self):
    r, e = self.rho, self.eps
    for p, s, d in zip(self.parameters, self.squares, self.steps):
        g = p.grad + self.weight_decay * p.data
        s[...] = r * s + (1 - r) * g * g
        delta = ((d + e) / (s + e)) ** 0.5 * g
        d[...] = r * d + (1 - r) * delta * delta
        p.data -= self.lr * ((d + e) / (s + e)) ** 0.5 * g
""",
        (),
    ),
    Unseen(
        "Adadelta",
        "remembers steps with the learning rate",
        """
def step(self):
    r, e = self.rho, self.eps
    for p, s, d in zip(self.parameters, self.squares, self.steps):
        g = p.grad + self.weight_decay * p.data
        s[...] = r * s + (1 - r) * g * g
        delta = self.lr * ((d + e) / (s + e)) ** 0.5 * g
        d[...] = r * d + (1 - r) * delta * delta
        p.data -= delta
""",
        (),
        also=("mistake: remembers steps with the learning rate in them",),
    ),
    Unseen(
        "Adadelta",
        "puts eps outside the roots",
        """
def step(self):
    r, e = self.rho, self.eps
    for p, s, d in zip(self.parameters, self.squares, self.steps):
        g = p.grad + self.weight_decay * p.data
        s[...] = r * s + (1 - r) * g * g
        delta = (d**0.5 + e) / (s**0.5 + e) * g
        d[...] = r * d + (1 - r) * delta * delta
        p.data -= self.lr * delta
""",
        (),
        also=("mistake: has epsilon outside the roots",),
    ),
    Unseen(
        "Adadelta",
        "turns the fraction over",
        """
def step(self):
    r, e = self.rho, self.eps
    for p, s, d in zip(self.parameters, self.squares, self.steps):
        g = p.grad + self.weight_decay * p.data
        s[...] = r * s + (1 - r) * g * g
        delta = ((s + e) / (d + e)) ** 0.5 * g
        d[...] = r * d + (1 - r) * delta * delta
        p.data -= self.lr * delta
""",
        (),
    ),
    Unseen(
        "Adadelta",
        "never remembers a step",
        """
def step(self):
    r, e = self.rho, self.eps
    for p, s, d in zip(self.parameters, self.squares, self.steps):
        g = p.grad + self.weight_decay * p.data
        s[...] = r * s + (1 - r) * g * g
        delta = ((d + e) / (s + e)) ** 0.5 * g
        d = r * d + (1 - r) * delta * delta
        p.data -= self.lr * delta
""",
        ("*state*",),
        also=("mistake: does not remember its steps",),
    ),
    Unseen(
        "Adadelta",
        "takes no roots and ignores the learning rate",
        """
def step(self):
    r, e = self.rho, self.eps
    for p, s, d in zip(self.parameters, self.squares, self.steps):
        g = p.grad + self.weight_decay * p.data
        s[...] = r * s + (1 - r) * g * g
        delta = (d + e) / (s + e) * g
        d[...] = r * d + (1 - r) * delta * delta
        p.data -= delta
""",
        ("ignores lr",),
        double=True,
    ),
    # --- Adam --------------------------------------------------------------------------------
    Unseen(
        "Adam",
        "corrects nothing",
        but(ADAM, ("self.m[i] / (1 - b1**self.t), self.v[i] / (1 - b2**self.t)", "self.m[i], self.v[i]")),
        ("*bias correction*", "*correct*"),
    ),
    Unseen(
        "Adam",
        "counts a step for every parameter",
        but(ADAM, ("    self.t += 1\n", ""), ("        g =", "        self.t += 1\n        g =")),
        (),
        also=("factor of the step's number",),
    ),
    Unseen(
        "Adam",
        "corrects the mean only",
        but(ADAM, ("self.v[i] / (1 - b2**self.t)", "self.v[i]")),
        ("*correct*",),
    ),
    Unseen(
        "Adam",
        "keeps the corrected means",
        but(
            ADAM,
            (
                "m, v = self.m[i] / (1 - b1**self.t), self.v[i] / (1 - b2**self.t)",
                "self.m[i] = m = self.m[i] / (1 - b1**self.t)\n        self.v[i] = v = self.v[i] / (1 - b2**self.t)",
            ),
        ),
        (),
        also=("after the first step",),
    ),
    Unseen(
        "Adam",
        "adds eps before the correction",
        but(
            ADAM,
            (
                "p.data -= self.lr * m / (v**0.5 + self.eps)",
                (
                    "rate = self.lr * (1 - b2**self.t) ** 0.5 / (1 - b1**self.t)\n"
                    "        p.data -= rate * self.m[i] / (self.v[i] ** 0.5 + self.eps)"
                ),
            ),
        ),
        ("nearly right",),
        also=("mistake: adds epsilon before the correction",),
    ),
    Unseen(
        "Adam",
        "exchanges the betas and decays beside the gradient",
        but(
            ADAM,
            ("b1, b2 = self.betas", "b2, b1 = self.betas"),
            ("p.grad + self.weight_decay * p.data", "p.grad"),
            ("self.lr * m / (v**0.5 + self.eps)", "self.lr * (m / (v**0.5 + self.eps) + self.weight_decay * p.data)"),
        ),
        (),
        double=True,
        also=("mistake: exchanges the betas",),
    ),
    Unseen(
        "Adam",
        "forgets to count",
        but(ADAM, ("    self.t += 1\n", "    t = self.t + 1\n")).replace("**self.t", "**t"),
        ("*t *", "*correct*"),
    ),
    # --- AdamW -------------------------------------------------------------------------------
    Unseen(
        "AdamW",
        "decays through the gradient",
        ADAM,
        (),
        also=("mistake: decays through the gradient",),
    ),
    Unseen(
        "AdamW",
        "decays without the learning rate",
        but(ADAMW, ("p.data -= self.lr * self.weight_decay * p.data", "p.data -= self.weight_decay * p.data")),
        (),
        also=("mistake: decays without the learning rate",),
    ),
    Unseen(
        "AdamW",
        "decays after the step",
        but(ADAMW, ("        p.data -= self.lr * self.weight_decay * p.data\n", ""))
        + "        p.data -= self.lr * self.weight_decay * p.data\n",
        ("nearly right", "*order*"),
        also=("mistake: decays after the step",),
    ),
    Unseen(
        "AdamW",
        "decays both ways",
        but(ADAMW, ("g = p.grad", "g = p.grad + self.weight_decay * p.data")),
        (),
        also=("only the weight decay, which belongs beside the step",),
    ),
    Unseen(
        "AdamW",
        "divides the decay by the root as well",
        but(
            ADAMW,
            ("        p.data -= self.lr * self.weight_decay * p.data\n", ""),
            ("self.lr * m / (v**0.5 + self.eps)", "self.lr * (m + self.weight_decay * p.data) / (v**0.5 + self.eps)"),
        ),
        (),
        also=("only the weight decay, which belongs beside the step",),
    ),
    Unseen(
        "AdamW",
        "never decays and corrects by roots",
        but(
            ADAMW,
            ("        p.data -= self.lr * self.weight_decay * p.data\n", ""),
            (
                "(1 - b1**self.t), self.v[i] / (1 - b2**self.t)",
                "(1 - b1**self.t)**0.5, self.v[i] / (1 - b2**self.t)**0.5",
            ),
        ),
        ("ignores weight_decay",),
        double=True,
    ),
    # --- clip_gradient_norm ------------------------------------------------------------------
    Unseen(
        "clip_gradient_norm",
        "clips each parameter by itself",
        """
def clip_gradient_norm(parameters, max_norm):
    total = 0
    for p in parameters:
        norm = (p.grad**2).sum() ** 0.5
        p.grad *= array_module(norm).minimum(1, max_norm / (norm + 1e-6))
        total = total + norm**2
    return total**0.5
""",
        (),
        also=("mistake: clips each parameter by itself",),
    ),
    Unseen(
        "clip_gradient_norm",
        "clips every entry",
        """
def clip_gradient_norm(parameters, max_norm):
    norm = sum((p.grad**2).sum() for p in parameters) ** 0.5
    for p in parameters:
        p.grad[...] = p.grad.clip(-max_norm, max_norm)
    return norm
""",
        (),
        also=("mistake: clips every entry",),
    ),
    Unseen(
        "clip_gradient_norm",
        "lengthens what is short",
        """
def clip_gradient_norm(parameters, max_norm):
    norm = sum((p.grad**2).sum() for p in parameters) ** 0.5
    for p in parameters:
        p.grad *= max_norm / (norm + 1e-6)
    return norm
""",
        (),
        also=("mistake: lengthens short gradients",),
    ),
    Unseen(
        "clip_gradient_norm",
        "makes new gradients",
        """
def clip_gradient_norm(parameters, max_norm):
    norm = sum((p.grad**2).sum() for p in parameters) ** 0.5
    factor = array_module(norm).minimum(1, max_norm / (norm + 1e-6))
    for p in parameters:
        p.grad = p.grad * factor
    return norm
""",
        (),
        also=("mistake: makes new gradients",),
    ),
    Unseen(
        "clip_gradient_norm",
        "returns the norm after clipping",
        """
def clip_gradient_norm(parameters, max_norm):
    norm = sum((p.grad**2).sum() for p in parameters) ** 0.5
    factor = array_module(norm).minimum(1, max_norm / (norm + 1e-6))
    for p in parameters:
        p.grad *= factor
    return sum((p.grad**2).sum() for p in parameters) ** 0.5
""",
        (),
        also=("mistake: returns the norm after clipping",),
    ),
    Unseen(
        "clip_gradient_norm",
        "adds up the norms and leaves the 1e-6 out",
        """
def clip_gradient_norm(parameters, max_norm):
    norm = sum((p.grad**2).sum() ** 0.5 for p in parameters)
    factor = array_module(norm).minimum(1, max_norm / norm)
    for p in parameters:
        p.grad *= factor
    return norm
""",
        (),
        double=True,
    ),
    # --- accumulate_gradients ----------------------------------------------------------------
    Unseen(
        "accumulate_gradients",
        "divides by every, whatever the sizes",
        """
def accumulate_gradients(x, y, *, model, loss, optimizer, size, every):
    total = 0
    for k, i in enumerate(range(0, len(x), size)):
        if k % every == 0:
            optimizer.zero_grad()
        part = x[i : i + size]
        total = total + len(part) * loss.forward(model.forward(part), y[i : i + size])
        model.backward(loss.backward() / every)
        if (k + 1) % every == 0 or i + size >= len(x):
            optimizer.step()
    return total / len(x)
""",
        (),
        also=("mistake: divides by every, also at the end",),
    ),
    Unseen(
        "accumulate_gradients",
        "leaves the last update out",
        """
def accumulate_gradients(x, y, *, model, loss, optimizer, size, every):
    total = 0
    optimizer.zero_grad()
    for k, i in enumerate(range(0, len(x), size), start=1):
        part = x[i : i + size]
        total = total + len(part) * loss.forward(model.forward(part), y[i : i + size])
        model.backward(loss.backward() * (len(part) / (size * every)))
        if k % every == 0:
            optimizer.step()
            optimizer.zero_grad()
    return total / len(x)
""",
        (),
    ),
    Unseen(
        "accumulate_gradients",
        "clears the gradients before every piece",
        """
def accumulate_gradients(x, y, *, model, loss, optimizer, size, every):
    total = 0
    for start in range(0, len(x), size * every):
        xs, ys = x[start : start + size * every], y[start : start + size * every]
        for i in range(0, len(xs), size):
            optimizer.zero_grad()
            part = xs[i : i + size]
            total = total + len(part) * loss.forward(model.forward(part), ys[i : i + size])
            model.backward(loss.backward() * (len(part) / len(xs)))
        optimizer.step()
    return total / len(x)
""",
        (),
        also=("mistake: clears the gradients before every piece",),
    ),
    Unseen(
        "accumulate_gradients",
        "averages the losses of the pieces",
        """
def accumulate_gradients(x, y, *, model, loss, optimizer, size, every):
    losses = []
    for start in range(0, len(x), size * every):
        xs, ys = x[start : start + size * every], y[start : start + size * every]
        optimizer.zero_grad()
        for i in range(0, len(xs), size):
            part = xs[i : i + size]
            losses.append(loss.forward(model.forward(part), ys[i : i + size]))
            model.backward(loss.backward() * (len(part) / len(xs)))
        optimizer.step()
    return sum(losses) / len(losses)
""",
        (),
        also=("mistake: returns the mean of the pieces' losses",),
    ),
    Unseen(
        "accumulate_gradients",
        "updates one piece too early",
        """
def accumulate_gradients(x, y, *, model, loss, optimizer, size, every):
    total = 0
    optimizer.zero_grad()
    for k, i in enumerate(range(0, len(x), size)):
        part = x[i : i + size]
        total = total + len(part) * loss.forward(model.forward(part), y[i : i + size])
        model.backward(loss.backward() * (len(part) / (size * every)))
        if k % every == 0 or i + size >= len(x):
            optimizer.step()
            optimizer.zero_grad()
    return total / len(x)
""",
        (),
    ),
    Unseen(
        "accumulate_gradients",
        "updates once, and adds the means up",
        """
def accumulate_gradients(x, y, *, model, loss, optimizer, size, every):
    total = 0
    optimizer.zero_grad()
    for i in range(0, len(x), size):
        total = total + len(x[i : i + size]) * loss.forward(model.forward(x[i : i + size]), y[i : i + size])
        model.backward(loss.backward())
    optimizer.step()
    return total / len(x)
""",
        ("ignores every",),
        double=True,
    ),
    # --- StepDecay ---------------------------------------------------------------------------
    Unseen(
        "StepDecay",
        "does not round down",
        "def rate(self, t):\n    return self.base * self.gamma ** (t / self.size)\n",
        (),
        also=("mistake: decays at every step",),
    ),
    Unseen(
        "StepDecay",
        "is one step early",
        "def rate(self, t):\n    return self.base * self.gamma ** ((t + 1) // self.size)\n",
        ("shifted*",),
        also=("mistake: decays one step early",),
    ),
    Unseen(
        "StepDecay",
        "multiplies the last rate",
        """
def rate(self, t):
    if t and t % self.size == 0:
        return self.optimizer.lr * self.gamma
    return self.optimizer.lr
""",
        (),
        also=("mistake: changes the last rate",),
    ),
    Unseen(
        "StepDecay",
        "decays once only",
        "def rate(self, t):\n    return self.base if t < self.size else self.base * self.gamma\n",
        (),
        also=("mistake: decays once only",),
    ),
    Unseen(
        "StepDecay",
        "rounds up and makes a NumPy number",
        "def rate(self, t):\n    return self.base * np.power(self.gamma, np.ceil(t / self.size))\n",
        ("dtype",),
        double=True,
    ),
    # --- CosineAnnealing ---------------------------------------------------------------------
    Unseen(
        "CosineAnnealing",
        "goes through a whole wave",
        """
def rate(self, t):
    wave = 1 + math.cos(2 * math.pi * t / self.steps)
    return self.minimum + 0.5 * (self.base - self.minimum) * wave
""",
        (),
        also=("mistake: goes through a whole wave",),
    ),
    Unseen(
        "CosineAnnealing",
        "stays at the minimum",
        """
def rate(self, t):
    wave = 1 + math.cos(math.pi * min(t, self.steps) / self.steps)
    return self.minimum + 0.5 * (self.base - self.minimum) * wave
""",
        (),
        also=("mistake: stops at the minimum",),
    ),
    Unseen(
        "CosineAnnealing",
        "starts above the base",
        """
def rate(self, t):
    return self.minimum + 0.5 * self.base * (1 + math.cos(math.pi * t / self.steps))
""",
        (),
        also=("mistake: starts above the base",),
    ),
    Unseen(
        "CosineAnnealing",
        "returns a NumPy number",
        """
def rate(self, t):
    return self.minimum + 0.5 * (self.base - self.minimum) * (1 + np.cos(np.pi * t / self.steps))
""",
        ("dtype",),
        also=("mistake: takes NumPy's cosine",),
    ),
    Unseen(
        "CosineAnnealing",
        "uses degrees and forgets the half",
        """
def rate(self, t):
    return self.minimum + (self.base - self.minimum) * (1 + math.cos(180 * t / self.steps))
""",
        (),
        double=True,
    ),
    # --- LinearWarmup ------------------------------------------------------------------------
    Unseen(
        "LinearWarmup",
        "goes on rising",
        "def rate(self, t):\n    return self.base * (self.start + (1 - self.start) * t / self.steps)\n",
        (),
        also=("mistake: rises for ever",),
    ),
    Unseen(
        "LinearWarmup",
        "counts the first step as one",
        "def rate(self, t):\n    return self.base * (self.start + (1 - self.start) * min(1, (t + 1) / self.steps))\n",
        ("shifted*",),
        also=("mistake: is one step ahead",),
    ),
    Unseen(
        "LinearWarmup",
        "takes the start for a rate",
        "def rate(self, t):\n    return self.start + (self.base - self.start) * min(1, t / self.steps)\n",
        (),
        also=("mistake: has start for a rate",),
    ),
    Unseen(
        "LinearWarmup",
        "rises from zero",
        "def rate(self, t):\n    return self.base * max(self.start, min(1, t / self.steps))\n",
        (),
    ),
    Unseen(
        "LinearWarmup",
        "climbs from the last rate and overshoots",
        """
def rate(self, t):
    if t == 0:
        return self.start * self.base
    return self.optimizer.lr + (1 - self.start) / self.steps
""",
        (),
        double=True,
    ),
)
