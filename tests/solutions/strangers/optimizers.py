"""Right implementations of 04_optimizers, as other people write them."""

from tests.solutions.strangers import Right

OPTIMIZERS = (
    # --- SGD ---------------------------------------------------------------------------------
    Right(
        "SGD",
        "in one line",
        """
def step(self):
    for p in self.parameters:
        p.data -= self.lr * (p.grad + self.weight_decay * p.data)
""",
    ),
    Right(
        "SGD",
        "shrinks first",
        """
def step(self):
    for parameter in self.parameters:
        parameter.data *= 1 - self.lr * self.weight_decay
        parameter.data -= self.lr * parameter.grad
""",
    ),
    Right(
        "SGD",
        "writes into a slice",
        """
def step(self):
    for i in range(len(self.parameters)):
        theta, g = self.parameters[i].data, self.parameters[i].grad
        if self.weight_decay != 0:
            g = g + self.weight_decay * theta
        theta[:] = theta - self.lr * g
""",
    ),
    # --- Momentum ----------------------------------------------------------------------------
    Right(
        "Momentum",
        "keeps the velocity in place",
        """
def step(self):
    for p, v in zip(self.parameters, self.velocity):
        v *= self.momentum
        v += p.grad + self.weight_decay * p.data
        p.data -= self.lr * v
""",
    ),
    Right(
        "Momentum",
        "puts a new velocity into the list",
        """
def step(self):
    for i, p in enumerate(self.parameters):
        g = p.grad + self.weight_decay * p.data
        self.velocity[i] = self.momentum * self.velocity[i] + g
        p.data[...] = p.data - self.lr * self.velocity[i]
""",
    ),
    Right(
        "Momentum",
        "makes a new list of velocities",
        """
def gradient(self, p):
    return p.grad if self.weight_decay == 0 else p.grad + self.weight_decay * p.data

def step(self):
    self.velocity = [self.momentum * v + self.gradient(p) for v, p in zip(self.velocity, self.parameters)]
    for v, p in zip(self.velocity, self.parameters):
        array_module(v).subtract(p.data, self.lr * v, out=p.data)
""",
    ),
    Right(
        "Momentum",
        "keeps a dictionary by the parameter's identity",
        """
def step(self):
    if not hasattr(self, "state"):
        self.state = {}
    for p in self.parameters:
        d_p = p.grad
        if self.weight_decay != 0:
            d_p = d_p + self.weight_decay * p.data
        buf = self.state.get(id(p))
        buf = d_p.copy() if buf is None else buf * self.momentum + d_p
        self.state[id(p)] = buf
        p.data += -self.lr * buf
""",
    ),
    # --- Nesterov ----------------------------------------------------------------------------
    Right(
        "Nesterov",
        "as PyTorch does",
        """
def step(self):
    for p, buf in zip(self.parameters, self.velocity):
        grad = p.grad
        if self.weight_decay:
            grad = grad + self.weight_decay * p.data
        buf *= self.momentum
        buf += grad
        grad = grad + self.momentum * buf
        p.data -= self.lr * grad
""",
    ),
    Right(
        "Nesterov",
        "moves before the velocity, by the formula put in",
        """
def step(self):
    mu = self.momentum
    for k, p in enumerate(self.parameters):
        g = p.grad + self.weight_decay * p.data
        v = self.velocity[k]
        p.data -= self.lr * ((1 + mu) * g + mu**2 * v)
        self.velocity[k] = mu * v + g
""",
    ),
    # --- Adagrad -----------------------------------------------------------------------------
    Right(
        "Adagrad",
        "in three lines",
        """
def step(self):
    for p, G in zip(self.parameters, self.sums):
        g = p.grad + self.weight_decay * p.data
        G += g**2
        p.data -= self.lr * g / (array_module(G).sqrt(G) + self.eps)
""",
    ),
    Right(
        "Adagrad",
        "piece by piece",
        """
def step(self):
    for p, total in zip(self.parameters, self.sums):
        for data, grad, s in blocks(p.data, p.grad, total):
            g = grad + self.weight_decay * data
            s += g * g
            g *= self.lr
            g /= s**0.5 + self.eps
            data -= g
""",
    ),
    # --- RMSprop -----------------------------------------------------------------------------
    Right(
        "RMSprop",
        "as the formula stands",
        """
def step(self):
    for i, p in enumerate(self.parameters):
        g = p.grad + self.weight_decay * p.data
        self.squares[i] = self.alpha * self.squares[i] + (1 - self.alpha) * g**2
        p.data -= self.lr * g / (self.squares[i] ** 0.5 + self.eps)
""",
    ),
    Right(
        "RMSprop",
        "moves the mean by a share of the difference",
        """
def step(self):
    for p, s in zip(self.parameters, self.squares, strict=True):
        g = p.grad + self.weight_decay * p.data
        s += (1 - self.alpha) * (g * g - s)
        root = array_module(s).sqrt(s)
        root += self.eps
        p.data -= (self.lr / root) * g
""",
    ),
    # --- Adadelta ----------------------------------------------------------------------------
    Right(
        "Adadelta",
        "with two roots",
        """
def step(self):
    rho, eps = self.rho, self.eps
    for p, s, d in zip(self.parameters, self.squares, self.steps):
        xp = array_module(s)
        g = p.grad + self.weight_decay * p.data
        s[...] = rho * s + (1 - rho) * g * g
        delta = xp.sqrt(d + eps) / xp.sqrt(s + eps) * g
        d[...] = rho * d + (1 - rho) * delta * delta
        p.data -= self.lr * delta
""",
    ),
    Right(
        "Adadelta",
        "with one root and new arrays",
        """
def step(self):
    for i in range(len(self.parameters)):
        p = self.parameters[i]
        g = p.grad + self.weight_decay * p.data
        self.squares[i] = self.squares[i] * self.rho + g**2 * (1 - self.rho)
        delta = g * ((self.steps[i] + self.eps) / (self.squares[i] + self.eps)) ** 0.5
        self.steps[i] = self.steps[i] * self.rho + delta**2 * (1 - self.rho)
        p.data -= delta * self.lr
""",
    ),
    # --- Adam --------------------------------------------------------------------------------
    Right(
        "Adam",
        "as the textbook",
        """
def step(self):
    self.t += 1
    beta1, beta2 = self.betas
    for i, p in enumerate(self.parameters):
        g = p.grad + self.weight_decay * p.data
        self.m[i] = beta1 * self.m[i] + (1 - beta1) * g
        self.v[i] = beta2 * self.v[i] + (1 - beta2) * g**2
        m_hat = self.m[i] / (1 - beta1**self.t)
        v_hat = self.v[i] / (1 - beta2**self.t)
        p.data -= self.lr * m_hat / (v_hat**0.5 + self.eps)
""",
    ),
    Right(
        "Adam",
        "as PyTorch does",
        """
def step(self):
    self.t += 1
    b1, b2 = self.betas
    correction1, correction2 = 1 - b1**self.t, 1 - b2**self.t
    for p, m, v in zip(self.parameters, self.m, self.v):
        grad = p.grad
        if self.weight_decay != 0:
            grad = grad + self.weight_decay * p.data
        m += (1 - b1) * (grad - m)
        v *= b2
        v += (1 - b2) * grad * grad
        denom = array_module(v).sqrt(v) / math.sqrt(correction2) + self.eps
        p.data -= (self.lr / correction1) * m / denom
""",
    ),
    Right(
        "Adam",
        "in the order of section 2 of the paper, in blocks",
        """
def step(self):
    self.t = self.t + 1
    one, two = self.betas
    root = (1 - two**self.t) ** 0.5
    rate = self.lr * root / (1 - one**self.t)
    for p, mean, square in zip(self.parameters, self.m, self.v):
        for theta, g, m, v in blocks(p.data, p.grad, mean, square):
            if self.weight_decay:
                g = g + self.weight_decay * theta
            m *= one
            m += (1 - one) * g
            v *= two
            v += (1 - two) * (g * g)
            theta -= rate * m / (v**0.5 + self.eps * root)
""",
    ),
    Right(
        "Adam",
        "lays all parameters end to end",
        """
def flat(self, arrays):
    return array_module(arrays[0]).concatenate([a.reshape(-1) for a in arrays])

def step(self):
    self.t += 1
    beta1, beta2 = self.betas
    g = self.flat([p.grad for p in self.parameters])
    if self.weight_decay:
        g = g + self.weight_decay * self.flat([p.data for p in self.parameters])
    if self.t == 1:
        self.mean, self.square = 0 * g, 0 * g
    self.mean = beta1 * self.mean + (1 - beta1) * g
    self.square = beta2 * self.square + (1 - beta2) * g**2
    m, v = self.mean / (1 - beta1**self.t), self.square / (1 - beta2**self.t)
    step = self.lr * m / (v**0.5 + self.eps)
    begin = 0
    for p in self.parameters:
        p.data -= step[begin : begin + p.data.size].reshape(p.data.shape)
        begin += p.data.size
""",
    ),
    # --- AdamW -------------------------------------------------------------------------------
    Right(
        "AdamW",
        "shrinks first",
        """
def step(self):
    self.t += 1
    beta1, beta2 = self.betas
    for i, p in enumerate(self.parameters):
        p.data *= 1 - self.lr * self.weight_decay
        self.m[i] = beta1 * self.m[i] + (1 - beta1) * p.grad
        self.v[i] = beta2 * self.v[i] + (1 - beta2) * p.grad**2
        m_hat = self.m[i] / (1 - beta1**self.t)
        v_hat = self.v[i] / (1 - beta2**self.t)
        p.data -= self.lr * m_hat / (array_module(v_hat).sqrt(v_hat) + self.eps)
""",
    ),
    Right(
        "AdamW",
        "subtracts both at once",
        """
def corrected(self, mean, beta):
    return mean / (1 - beta**self.t)

def step(self):
    self.t += 1
    for p, m, v in zip(self.parameters, self.m, self.v):
        m[...] = self.betas[0] * m + (1 - self.betas[0]) * p.grad
        v[...] = self.betas[1] * v + (1 - self.betas[1]) * p.grad * p.grad
        direction = self.corrected(m, self.betas[0]) / (self.corrected(v, self.betas[1]) ** 0.5 + self.eps)
        p.data -= self.lr * (direction + self.weight_decay * p.data)
""",
    ),
    # --- clip_gradient_norm ------------------------------------------------------------------
    Right(
        "clip_gradient_norm",
        "sums squares",
        """
def clip_gradient_norm(parameters, max_norm):
    norm = sum((p.grad**2).sum() for p in parameters) ** 0.5
    factor = array_module(norm).minimum(1, max_norm / (norm + 1e-6))
    for p in parameters:
        p.grad *= factor
    return norm
""",
    ),
    Right(
        "clip_gradient_norm",
        "takes the norm of the norms",
        """
def clip_gradient_norm(parameters, max_norm):
    xp = array_module(parameters[0].grad)
    norms = xp.stack([xp.linalg.norm(p.grad.reshape(-1)) for p in parameters])
    total = xp.linalg.norm(norms)
    coefficient = xp.clip(max_norm / (total + 1e-6), None, 1.0)
    for p in parameters:
        p.grad[...] = p.grad * coefficient
    return total
""",
    ),
    Right(
        "clip_gradient_norm",
        "lays all gradients end to end",
        """
def clip_gradient_norm(parameters, max_norm):
    gradients = [p.grad for p in parameters]
    xp = array_module(*gradients)
    everything = xp.concatenate([g.ravel() for g in gradients])
    length = xp.sqrt(everything @ everything)
    too_long = length + 1e-6 > max_norm
    scale = xp.where(too_long, max_norm / (length + 1e-6), xp.ones_like(length))
    for g in gradients:
        xp.multiply(g, scale, out=g)
    return length
""",
    ),
    # --- accumulate_gradients ----------------------------------------------------------------
    Right(
        "accumulate_gradients",
        "batch by batch, piece by piece",
        """
def accumulate_gradients(x, y, *, model, loss, optimizer, size, every):
    total = 0
    for start in range(0, len(x), size * every):
        stop = min(start + size * every, len(x))
        optimizer.zero_grad()
        for i in range(start, stop, size):
            j = min(i + size, stop)
            total = total + loss.forward(model.forward(x[i:j]), y[i:j]) * (j - i)
            model.backward(loss.backward() * ((j - i) / (stop - start)))
        optimizer.step()
    return total / len(x)
""",
    ),
    Right(
        "accumulate_gradients",
        "counts pieces",
        """
def accumulate_gradients(x, y, *, model, loss, optimizer, size, every):
    n = len(x)
    pieces = [(x[i : i + size], y[i : i + size]) for i in range(0, n, size)]
    losses = []
    for k, (xs, ys) in enumerate(pieces):
        if k % every == 0:
            optimizer.zero_grad()
            samples = sum(len(part) for part, _ in pieces[k : k + every])
        losses.append(loss.forward(model.forward(xs), ys) * (len(xs) / n))
        dy = loss.backward()
        model.backward(dy * (len(xs) / samples))
        if (k + 1) % every == 0 or k + 1 == len(pieces):
            optimizer.step()
    return sum(losses)
""",
    ),
    Right(
        "accumulate_gradients",
        "divides the gradients before the step",
        """
def accumulate_gradients(x, y, *, model, loss, optimizer, size, every):
    whole = 0.0
    for first in range(0, x.shape[0], every * size):
        optimizer.zero_grad()
        seen = 0
        for k in range(every):
            part = slice(first + k * size, first + (k + 1) * size)
            count = x[part].shape[0]
            if count == 0:
                break
            whole = whole + count * loss.forward(model.forward(x[part]), y[part])
            model.backward(count * loss.backward())
            seen += count
        for parameter in optimizer.parameters:
            parameter.grad /= seen
        optimizer.step()
    return whole / x.shape[0]
""",
    ),
    Right(
        "accumulate_gradients",
        "sends whole batches through, which takes their memory",
        """
def accumulate_gradients(x, y, *, model, loss, optimizer, size, every):
    total = 0
    for start in range(0, len(x), size * every):
        xs, ys = x[start : start + size * every], y[start : start + size * every]
        optimizer.zero_grad()
        total = total + len(xs) * loss.forward(model.forward(xs), ys)
        model.backward(loss.backward())
        optimizer.step()
    return total / len(x)
""",
    ),
    # --- StepDecay ---------------------------------------------------------------------------
    Right(
        "StepDecay",
        "raises to a power",
        """
def rate(self, t):
    return self.base * self.gamma ** (t // self.size)
""",
    ),
    Right(
        "StepDecay",
        "multiplies in a loop",
        """
def rate(self, t):
    lr = self.base
    while t >= self.size:
        lr *= self.gamma
        t -= self.size
    return lr
""",
    ),
    Right(
        "StepDecay",
        "floors with math",
        """
def rate(self, t):
    return float(self.base * math.pow(self.gamma, math.floor(t / self.size)))
""",
    ),
    # --- CosineAnnealing ---------------------------------------------------------------------
    Right(
        "CosineAnnealing",
        "as the formula stands",
        """
def rate(self, t):
    return self.minimum + 0.5 * (self.base - self.minimum) * (1 + math.cos(math.pi * t / self.steps))
""",
    ),
    Right(
        "CosineAnnealing",
        "squares the cosine of half the angle",
        """
def rate(self, t):
    share = math.cos(0.5 * math.pi * t / self.steps) ** 2
    return share * self.base + (1 - share) * self.minimum
""",
    ),
    Right(
        "CosineAnnealing",
        "makes a Python number of NumPy's",
        """
def rate(self, t):
    wave = (1 + np.cos(np.pi * t / self.steps)) / 2
    return float(self.minimum + (self.base - self.minimum) * wave)
""",
    ),
    # --- LinearWarmup ------------------------------------------------------------------------
    Right(
        "LinearWarmup",
        "as the formula stands",
        """
def rate(self, t):
    return self.base * (self.start + (1 - self.start) * min(1, t / self.steps))
""",
    ),
    Right(
        "LinearWarmup",
        "asks whether the rise is over",
        """
def rate(self, t):
    if t >= self.steps:
        return self.base
    low = self.start * self.base
    return low + (self.base - low) * t / self.steps
""",
    ),
    Right(
        "LinearWarmup",
        "interpolates",
        """
def rate(self, t):
    return float(np.interp(t, [0, self.steps], [self.start * self.base, self.base]))
""",
    ),
)
