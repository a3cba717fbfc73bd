"""Right implementations of 07_recurrent, as other people write them."""

from tests.solutions.strangers import Right

RECURRENT = (
    # --- RNN ---------------------------------------------------------------------------------
    Right(
        "RNN",
        "keeps lists and goes step by step",
        """
def forward(self, x, state=None, mask=None):
    xp = array_module(x)
    h = self.begin(x, state)
    self.inputs, self.mask, self.hs = x, mask, [h]
    for t in range(x.shape[1]):
        new = xp.tanh(x[:, t] @ self.W.data + h @ self.U.data + self.b.data)
        if mask is not None:
            new = xp.where(mask[:, t, None] != 0, new, h)
        h = new
        self.hs.append(h)
    return xp.stack(self.hs[1:], axis=1), h

def backward(self, dh, dlast=None):
    xp = array_module(dh)
    dx = xp.zeros_like(self.inputs)
    carry = xp.zeros_like(self.hs[0]) if dlast is None else dlast
    for t in range(dh.shape[1] - 1, -1, -1):
        g = dh[:, t] + carry
        dz = g * (1 - self.hs[t + 1] ** 2)
        if self.mask is None:
            carry = dz @ self.U.data.T
        else:
            alive = self.mask[:, t, None] != 0
            dz = dz * alive
            carry = xp.where(alive, dz @ self.U.data.T, g)
        self.W.grad += self.inputs[:, t].T @ dz
        self.U.grad += self.hs[t].T @ dz
        self.b.grad += dz.sum(axis=0)
        dx[:, t] = dz @ self.W.data.T
    return dx, carry
""",
    ),
    Right(
        "RNN",
        "batch first, with einsum and a mask of numbers",
        """
def forward(self, x, state=None, mask=None):
    xp = array_module(x)
    n, time, _ = x.shape
    keep = None if mask is None else (mask != 0)[:, :, None].astype(x.dtype)
    H = xp.zeros((n, time + 1, self.U.shape[0]), dtype=x.dtype)
    if state is not None:
        H[:, 0] = state
    z = xp.einsum("nti,ih->nth", x, self.W.data, optimize=True) + self.b.data
    for t in range(time):
        H[:, t + 1] = xp.tanh(z[:, t] + H[:, t] @ self.U.data)
        if keep is not None:
            H[:, t + 1] = keep[:, t] * H[:, t + 1] + (1 - keep[:, t]) * H[:, t]
    self.cache = x, H, keep
    return H[:, 1:].copy(), H[:, -1].copy()

def backward(self, dh, dlast=None):
    xp = array_module(dh)
    x, H, keep = self.cache
    D = xp.zeros_like(H[:, 1:])
    s = 0 if dlast is None else dlast
    for t in reversed(range(x.shape[1])):
        g = dh[:, t] + s
        active = g if keep is None else g * keep[:, t]
        D[:, t] = active * (1 - H[:, t + 1]) * (1 + H[:, t + 1])
        s = D[:, t] @ self.U.data.T + (g - active)
    self.W.grad += xp.einsum("nti,nth->ih", x, D, optimize=True)
    self.U.grad += xp.einsum("ntk,nth->kh", H[:, :-1], D, optimize=True)
    self.b.grad += xp.einsum("nth->h", D)
    return xp.einsum("nth,ih->nti", D, self.W.data, optimize=True), s
""",
    ),
    Right(
        "RNN",
        "one matrix for x, h and the bias",
        """
def forward(self, x, state=None, mask=None):
    xp = array_module(x)
    one = xp.ones((len(x), 1), dtype=x.dtype)
    matrix = xp.concatenate([self.W.data, self.U.data, self.b.data[None]])
    h, self.rows, self.outs, self.alive = self.begin(x, state), [], [], []
    for t in range(x.shape[1]):
        self.rows.append(xp.concatenate([x[:, t], h, one], axis=1))
        fresh = xp.tanh(self.rows[-1] @ matrix)
        here = xp.ones((len(x), 1), dtype=bool) if mask is None else mask[:, t : t + 1].astype(bool)
        h = xp.where(here, fresh, h)
        self.outs.append(h)
        self.alive.append(here)
    return xp.swapaxes(xp.stack(self.outs), 0, 1), h

def backward(self, dh, dlast=None):
    xp = array_module(dh)
    features, hidden = self.W.shape
    matrix = xp.vstack([self.W.data, self.U.data, self.b.data[None]])
    dmatrix = xp.zeros_like(matrix)
    dx = []
    back = xp.zeros_like(self.outs[0]) if dlast is None else dlast.copy()
    for t in range(len(self.rows))[::-1]:
        g = dh[:, t] + back
        dz = self.alive[t] * g * (1 - xp.square(self.outs[t]))
        dmatrix += self.rows[t].T @ dz
        drow = dz @ matrix.T
        dx.insert(0, drow[:, :features])
        back = drow[:, features : features + hidden] + ~self.alive[t] * g
    dW, dU, db = xp.split(dmatrix, [features, features + hidden])
    self.W.grad += dW
    self.U.grad += dU
    self.b.grad += db[0]
    return xp.stack(dx, axis=1), back
""",
    ),
    Right(
        "RNN",
        "an object for every step",
        """
class Step:
    def __init__(self, layer):
        self.layer = layer

    def read(self, x, before, on):
        xp = array_module(x)
        self.x, self.before, self.on = x, before, on
        self.h = xp.tanh(x @ self.layer.W.data + before @ self.layer.U.data + self.layer.b.data)
        if on is not None:
            self.h[~on] = before[~on]
        return self.h

    def unread(self, g):
        xp = array_module(g)
        dz = g * (1 - self.h * self.h)
        if self.on is not None:
            dz[~self.on] = 0
        self.layer.W.grad += xp.dot(self.x.T, dz)
        self.layer.U.grad += xp.dot(self.before.T, dz)
        self.layer.b.grad += xp.sum(dz, axis=0)
        dbefore = xp.dot(dz, self.layer.U.data.T)
        if self.on is not None:
            dbefore[~self.on] = g[~self.on]
        return xp.dot(dz, self.layer.W.data.T), dbefore

def forward(self, x, state=None, mask=None):
    xp = array_module(x)
    batch, time = x.shape[:2]
    self.chain = [self.Step(self) for _ in range(time)]
    h = xp.zeros((batch, self.out_features), dtype=x.dtype) if state is None else state
    out = xp.empty((batch, time, self.out_features), dtype=x.dtype)
    for t, step in enumerate(self.chain):
        h = step.read(x[:, t, :], h, None if mask is None else mask[:, t] > 0)
        out[:, t, :] = h
    return out, h

def backward(self, dh, dlast=None):
    xp = array_module(dh)
    back = xp.zeros_like(dh[:, 0]) if dlast is None else dlast
    dx = xp.empty((*dh.shape[:2], self.W.shape[0]), dtype=dh.dtype)
    for t, step in reversed(list(enumerate(self.chain))):
        dx[:, t], back = step.unread(dh[:, t] + back)
    return dx, back
""",
    ),
    # --- LSTM --------------------------------------------------------------------------------
    Right(
        "LSTM",
        "keeps lists and goes step by step",
        """
def first_bias(self, hidden):
    b = zeros(4 * hidden)
    b[hidden : hidden + hidden] += 1.0
    return b

def pieces(self, a):
    n = self.out_features
    return [a[..., k * n : (k + 1) * n] for k in range(4)]

def forward(self, x, state=None, mask=None):
    xp = array_module(x)
    state = self.begin(x, state)
    h, c = state[:, 0], state[:, 1]
    self.memory, hs = [], []
    for t in range(x.shape[1]):
        zi, zf, zg, zo = self.pieces(x[:, t] @ self.W.data + h @ self.U.data + self.b.data)
        i, f, g, o = sigmoid(zi), sigmoid(zf), xp.tanh(zg), sigmoid(zo)
        c_new = f * c + i * g
        tc = xp.tanh(c_new)
        h_new = o * tc
        on = None
        if mask is not None:
            on = (mask[:, t] != 0)[:, None]
            c_new, h_new = xp.where(on, c_new, c), xp.where(on, h_new, h)
        self.memory.append((x[:, t], h, c, i, f, g, o, tc, on))
        h, c = h_new, c_new
        hs.append(h)
    return xp.stack(hs, axis=1), xp.stack([h, c], axis=1)

def backward(self, dh, dlast=None):
    xp = array_module(dh)
    if dlast is None:
        from_h = from_c = xp.zeros_like(dh[:, 0])
    else:
        from_h, from_c = dlast[:, 0], dlast[:, 1]
    dx = []
    for t in reversed(range(len(self.memory))):
        x, h, c, i, f, g, o, tc, on = self.memory[t]
        gh = dh[:, t] + from_h
        gc = from_c + gh * o * (1 - tc**2)
        dzs = gc * g * i * (1 - i), gc * c * f * (1 - f), gc * i * (1 - g**2), gh * tc * o * (1 - o)
        dz = xp.concatenate(dzs, axis=1)
        if on is None:
            from_h, from_c = dz @ self.U.data.T, gc * f
        else:
            dz = dz * on
            from_h, from_c = xp.where(on, dz @ self.U.data.T, gh), xp.where(on, gc * f, from_c)
        self.W.grad += x.T @ dz
        self.U.grad += h.T @ dz
        self.b.grad += dz.sum(axis=0)
        dx.append(dz @ self.W.data.T)
    return xp.stack(dx[::-1], axis=1), xp.stack([from_h, from_c], axis=1)
""",
    ),
    Right(
        "LSTM",
        "one matrix for x, h and the bias",
        """
def first_bias(self, hidden):
    return np.repeat([0.0, 1.0, 0.0, 0.0], hidden)

def forward(self, x, state=None, mask=None):
    xp = array_module(x)
    batch, time, _ = x.shape
    all_weights = xp.vstack([self.W.data, self.U.data, self.b.data])
    state = xp.zeros((batch, *self.state_shape), dtype=x.dtype) if state is None else state
    h, c = state[:, 0], state[:, 1]
    self.tape = []
    y = xp.empty((batch, time, self.out_features), dtype=x.dtype)
    for t in range(time):
        row = xp.hstack([x[:, t], h, xp.ones((batch, 1), dtype=x.dtype)])
        zi, zf, zg, zo = xp.split(row @ all_weights, 4, axis=1)
        i, f, o = sigmoid(zi), sigmoid(zf), sigmoid(zo)
        g = xp.tanh(zg)
        cell = f * c + i * g
        hid = o * xp.tanh(cell)
        m = 1 if mask is None else mask[:, t].reshape(-1, 1).astype(x.dtype)
        self.tape.append((row, c, i, f, g, o, xp.tanh(cell), m))
        c = m * cell + (1 - m) * c
        h = m * hid + (1 - m) * h
        y[:, t] = h
    return y, xp.concatenate([h[:, None], c[:, None]], axis=1)

def backward(self, dh, dlast=None):
    xp = array_module(dh)
    features, hidden = self.W.shape[0], self.out_features
    all_weights = xp.vstack([self.W.data, self.U.data, self.b.data])
    grad = xp.zeros_like(all_weights)
    dx = xp.empty((len(dh), len(self.tape), features), dtype=dh.dtype)
    nh = xp.zeros((len(dh), hidden), dtype=dh.dtype) if dlast is None else dlast[:, 0]
    nc = xp.zeros((len(dh), hidden), dtype=dh.dtype) if dlast is None else dlast[:, 1]
    for t, (row, c, i, f, g, o, tc, m) in reversed(list(enumerate(self.tape))):
        nh = nh + dh[:, t]
        held_h, held_c = (1 - m) * nh, (1 - m) * nc
        dhid = m * nh
        dcell = m * nc + dhid * o * (1 - tc * tc)
        slopes = i - i * i, f - f * f, 1 - g * g, o - o * o
        partners = dcell * g, dcell * c, dcell * i, dhid * tc
        dz = xp.hstack([partner * slope for partner, slope in zip(partners, slopes)])
        grad += row.T @ dz
        drow = dz @ all_weights.T
        dx[:, t] = drow[:, :features]
        nh = held_h + drow[:, features:-1]
        nc = held_c + dcell * f
    self.W.grad += grad[:features]
    self.U.grad += grad[features:-1]
    self.b.grad += grad[-1]
    return dx, xp.stack((nh, nc), axis=1)
""",
    ),
    Right(
        "LSTM",
        "gates as an axis, both states in one array",
        """
def first_bias(self, hidden):
    b = zeros((4, hidden))
    b[1] = 1
    return b.reshape(-1)

def forward(self, x, state=None, mask=None):
    xp, n = array_module(x), self.out_features
    self.x, self.on = by_step(x), steps_of(mask)
    time, batch = self.x.shape[:2]
    U = self.U.data.reshape(n, 4, n)
    self.gates = (self.x @ self.W.data + self.b.data).reshape(time, batch, 4, n)
    self.S = xp.zeros((time + 1, batch, 2, n), dtype=x.dtype)
    if state is not None:
        self.S[0] = state
    for t in range(time):
        a = self.gates[t]
        a += xp.tensordot(self.S[t, :, 0], U, axes=1)
        a[:, 2] = xp.tanh(a[:, 2])
        for k in (0, 1, 3):
            a[:, k] = sigmoid(a[:, k])
        self.S[t + 1, :, 1] = a[:, 1] * self.S[t, :, 1] + a[:, 0] * a[:, 2]
        self.S[t + 1, :, 0] = a[:, 3] * xp.tanh(self.S[t + 1, :, 1])
        if self.on is not None:
            self.S[t + 1] = xp.where(self.on[t][:, None], self.S[t + 1], self.S[t])
    return by_sequence(self.S[1:, :, 0]), self.S[-1]

def backward(self, dh, dlast=None):
    xp, n = array_module(dh), self.out_features
    time, batch = self.x.shape[:2]
    dS = xp.zeros((batch, 2, n), dtype=dh.dtype)
    if dlast is not None:
        dS += dlast
    dz = xp.zeros((time, batch, 4, n), dtype=dh.dtype)
    for t in reversed(range(time)):
        i, f, g, o = (self.gates[t, :, k] for k in range(4))
        dS[:, 0] += dh[:, t]
        before = self.S[t, :, 1]
        shown = xp.tanh(f * before + i * g)
        dc = dS[:, 1] + dS[:, 0] * o * (1 - shown**2)
        dz[t, :, 0] = dc * g * i * (1 - i)
        dz[t, :, 1] = dc * before * f * (1 - f)
        dz[t, :, 2] = dc * i * (1 - g**2)
        dz[t, :, 3] = dS[:, 0] * shown * o * (1 - o)
        new = xp.stack([dz[t].reshape(batch, -1) @ self.U.data.T, dc * f], axis=1)
        if self.on is None:
            dS = new
        else:
            dz[t] *= self.on[t][:, None]
            dS = xp.where(self.on[t][:, None], new, dS)
    flat = dz.reshape(time, batch, -1)
    self.W.grad += xp.einsum("tni,tnk->ik", self.x, flat, optimize=True)
    self.U.grad += xp.einsum("tnh,tnk->hk", self.S[:-1, :, 0], flat, optimize=True)
    self.b.grad += flat.sum(axis=(0, 1))
    return by_sequence(flat @ self.W.data.T), dS
""",
    ),
    Right(
        "LSTM",
        "a cell with a dictionary for every gate",
        """
def first_bias(self, hidden):
    return np.concatenate([np.zeros(hidden), np.ones(hidden), np.zeros(hidden), np.zeros(hidden)])

NAMES = "ifgo"

@staticmethod
def squash(name, z):
    xp = array_module(z)
    return xp.tanh(z) if name == "g" else xp.exp(-xp.logaddexp(0, -z))

@staticmethod
def slope(name, value):
    return 1 - value**2 if name == "g" else value * (1 - value)

def part(self, array, name):
    k = self.NAMES.index(name)
    return array[..., k * self.out_features : (k + 1) * self.out_features]

def forward(self, x, state=None, mask=None):
    xp = array_module(x)
    state = self.begin(x, state)
    self.h, self.c, self.gate, self.x = [state[:, 0]], [state[:, 1]], [], x
    self.here = xp.ones(x.shape[:2], dtype=bool) if mask is None else mask != 0
    for t in range(x.shape[1]):
        gate = {}
        for name in self.NAMES:
            W, U, b = self.part(self.W.data, name), self.part(self.U.data, name), self.part(self.b.data, name)
            gate[name] = self.squash(name, x[:, t].dot(W) + self.h[-1].dot(U) + b)
        c = gate["f"] * self.c[-1] + gate["i"] * gate["g"]
        h = gate["o"] * xp.tanh(c)
        off = ~self.here[:, t]
        c[off], h[off] = self.c[-1][off], self.h[-1][off]
        self.h.append(h)
        self.c.append(c)
        self.gate.append(gate)
    return xp.stack(self.h[1:], axis=1), xp.stack([self.h[-1], self.c[-1]], axis=1)

def backward(self, dh, dlast=None):
    xp = array_module(dh)
    dx = xp.zeros_like(self.x)
    dlast = self.begin(dh, dlast)
    dh_next, dc_next = dlast[:, 0].copy(), dlast[:, 1].copy()
    for t in range(self.x.shape[1])[::-1]:
        on, gate, before = self.here[:, t][:, None], self.gate[t], self.c[t]
        dh_now = dh[:, t] + dh_next
        tanh_c = xp.tanh(gate["f"] * before + gate["i"] * gate["g"])
        dc = (dc_next + dh_now * gate["o"] * (1 - tanh_c**2)) * on
        by = {"i": dc * gate["g"], "f": dc * before, "g": dc * gate["i"], "o": dh_now * tanh_c * on}
        dh_next, dc_next = dh_now * ~on, dc_next * ~on + dc * gate["f"]
        for name in self.NAMES:
            dz = by[name] * self.slope(name, gate[name])
            self.part(self.W.grad, name)[...] += self.x[:, t].T @ dz
            self.part(self.U.grad, name)[...] += self.h[t].T @ dz
            self.part(self.b.grad, name)[...] += dz.sum(0)
            dx[:, t] += dz @ self.part(self.W.data, name).T
            dh_next = dh_next + dz @ self.part(self.U.data, name).T
    return dx, xp.stack([dh_next, dc_next], axis=1)
""",
    ),
    # --- GRU ---------------------------------------------------------------------------------
    Right(
        "GRU",
        "keeps lists and goes step by step",
        """
def forward(self, x, state=None, mask=None):
    xp, H = array_module(x), self.out_features
    h = self.begin(x, state)
    self.tape, outputs = [], []
    for t in range(x.shape[1]):
        xr, xz, xn = xp.split(x[:, t] @ self.W.data + self.b.data, 3, axis=1)
        hr, hz, hn = xp.split(h @ self.U.data, 3, axis=1)
        r, z = sigmoid(xr + hr), sigmoid(xz + hz)
        q = hn + self.bn.data
        n = xp.tanh(xn + r * q)
        new = (1 - z) * n + z * h
        on = None if mask is None else mask[:, t, None] != 0
        if on is not None:
            new = xp.where(on, new, h)
        self.tape.append((x[:, t], h, r, z, q, n, on))
        h = new
        outputs.append(h)
    return xp.stack(outputs, axis=1), h

def backward(self, dh, dlast=None):
    xp, H = array_module(dh), self.out_features
    back = xp.zeros_like(dh[:, 0]) if dlast is None else dlast
    dx = []
    while len(dx) < len(self.tape):
        t = len(self.tape) - 1 - len(dx)
        x, h, r, z, q, n, on = self.tape[t]
        g = dh[:, t] + back
        through = g if on is None else g * on
        dn, dz = through * (1 - z), through * (h - n)
        da = dn * (1 - n**2)
        dq, dr = da * r, da * q
        dr, dz = dr * r * (1 - r), dz * z * (1 - z)
        to_input, to_state = xp.hstack([dr, dz, da]), xp.hstack([dr, dz, dq])
        self.W.grad += x.T @ to_input
        self.b.grad += to_input.sum(axis=0)
        self.U.grad += h.T @ to_state
        self.bn.grad += dq.sum(axis=0)
        dx.append(to_input @ self.W.data.T)
        back = to_state @ self.U.data.T + through * z
        if on is not None:
            back = back + g * (1 - on.astype(g.dtype))
    return xp.stack(dx[::-1], axis=1), back
""",
    ),
    Right(
        "GRU",
        "opens the update gate where there is padding",
        """
def forward(self, x, state=None, mask=None):
    xp, k = array_module(x), self.out_features
    self.x = x
    a = x @ self.W.data + self.b.data
    self.h = xp.zeros((len(x), x.shape[1] + 1, k), dtype=x.dtype)
    self.r, self.z, self.q, self.n = xp.zeros((4, len(x), x.shape[1], k), dtype=x.dtype)
    if state is not None:
        self.h[:, 0] = state
    for t in range(x.shape[1]):
        h = self.h[:, t]
        u = h @ self.U.data
        self.r[:, t] = sigmoid(a[:, t, :k] + u[:, :k])
        self.z[:, t] = sigmoid(a[:, t, k:-k] + u[:, k:-k])
        if mask is not None:
            self.z[mask[:, t] == 0, t] = 1
        self.q[:, t] = u[:, -k:] + self.bn.data
        self.n[:, t] = xp.tanh(a[:, t, -k:] + self.r[:, t] * self.q[:, t])
        self.h[:, t + 1] = (1 - self.z[:, t]) * self.n[:, t] + self.z[:, t] * h
    return self.h[:, 1:], self.h[:, -1]

def backward(self, dh, dlast=None):
    xp, k = array_module(dh), self.out_features
    to_x = xp.zeros((*dh.shape[:2], 3 * k), dtype=dh.dtype)
    to_h = xp.zeros((*dh.shape[:2], 3 * k), dtype=dh.dtype)
    g = xp.zeros_like(dh[:, 0]) if dlast is None else 1 * dlast
    for t in reversed(range(dh.shape[1])):
        g = g + dh[:, t]
        r, z, q, n, h = self.r[:, t], self.z[:, t], self.q[:, t], self.n[:, t], self.h[:, t]
        da = g * (1 - z) * (1 - n * n)
        dr = da * q * r * (1 - r)
        dz = g * (h - n) * z * (1 - z)
        to_x[:, t] = xp.concatenate([dr, dz, da], axis=1)
        to_h[:, t] = xp.concatenate([dr, dz, da * r], axis=1)
        g = g * z + to_h[:, t] @ self.U.data.T
    self.W.grad += xp.einsum("nti,ntk->ik", self.x, to_x, optimize=True)
    self.U.grad += xp.einsum("nth,ntk->hk", self.h[:, :-1], to_h, optimize=True)
    self.b.grad += to_x.sum(axis=(0, 1))
    self.bn.grad += to_h[:, :, 2 * k :].sum(axis=(0, 1))
    return to_x @ self.W.data.T, g
""",
    ),
    Right(
        "GRU",
        "one matrix with a block of zeros for x, h and both biases",
        """
def matrix(self):
    xp = array_module(self.W.data)
    k = self.out_features
    W, U = self.W.data, self.U.data
    top = xp.hstack([W, xp.zeros((len(W), k), dtype=W.dtype)])
    middle = xp.hstack([U[:, : 2 * k], xp.zeros((k, k), dtype=U.dtype), U[:, 2 * k :]])
    return xp.vstack([top, middle, xp.concatenate([self.b.data, self.bn.data])])

def forward(self, x, state=None, mask=None):
    M = self.matrix()
    h = self.begin(x, state)
    self.rows, self.values, self.hold = [], [], []
    y = array_module(x).empty((x.shape[0], x.shape[1], self.out_features), dtype=x.dtype)
    for t in range(x.shape[1]):
        row = array_module(x).concatenate([x[:, t], h, array_module(x).ones_like(x[:, t, :1])], axis=1)
        zr, zz, zn, q = array_module(x).split(row @ M, 4, axis=1)
        r, z = sigmoid(zr), sigmoid(zz)
        n = array_module(x).tanh(zn + r * q)
        hold = array_module(x).zeros((len(x), 1), dtype=bool) if mask is None else (mask[:, t] == 0)[:, None]
        self.rows.append(row)
        self.values.append((h, r, z, n, q))
        self.hold.append(hold)
        h = array_module(x).where(hold, h, n - z * n + z * h)
        y[:, t] = h
    return y, h

def backward(self, dh, dlast=None):
    xp = array_module(dh)
    M, k, features = self.matrix(), self.out_features, self.W.shape[0]
    dM = xp.zeros_like(M)
    dx = xp.empty((dh.shape[0], dh.shape[1], features), dtype=dh.dtype)
    dstate = 0 * dh[:, 0] if dlast is None else dlast
    for t in reversed(range(dh.shape[1])):
        h, r, z, n, q = self.values[t]
        g = dh[:, t] + dstate
        live = xp.where(self.hold[t], 0 * g, g)
        dzn = live * (1 - z) * (1 - n**2)
        four = xp.hstack([dzn * q * r * (1 - r), live * (h - n) * z * (1 - z), dzn, dzn * r])
        dM += self.rows[t].T @ four
        drow = four @ M.T
        dx[:, t] = drow[:, :features]
        dstate = xp.where(self.hold[t], g, drow[:, features : features + k] + live * z)
    self.W.grad += dM[:features, : 3 * k]
    self.U.grad += xp.delete(dM[features:-1], np.s_[2 * k : 3 * k], axis=1)
    self.b.grad += dM[-1, : 3 * k]
    self.bn.grad += dM[-1, 3 * k :]
    return dx, dstate
""",
    ),
    Right(
        "GRU",
        "a cell for every step, with three weights apart",
        """
class Cell:
    def __init__(self, W, U, b, bn):
        xp = array_module(W)
        self.W, self.U, self.b = (xp.array_split(a, 3, axis=-1) for a in (W, U, b))
        self.bn = bn

    def forward(self, x, h):
        xp = array_module(x)
        self.x, self.h = x, h
        self.r, self.z = (sigmoid(x @ self.W[k] + h @ self.U[k] + self.b[k]) for k in (0, 1))
        self.q = h @ self.U[2] + self.bn
        self.n = xp.tanh(x @ self.W[2] + self.b[2] + self.r * self.q)
        return self.z * (h - self.n) + self.n

    def backward(self, g):
        xp = array_module(g)
        dn = g * (1 - self.z) * (1 - self.n**2)
        out = [dn * self.q * self.r * (1 - self.r), g * (self.h - self.n) * self.z * (1 - self.z), dn]
        rec = [out[0], out[1], dn * self.r]
        dx = sum(d @ W.T for d, W in zip(out, self.W))
        dh = sum(d @ U.T for d, U in zip(rec, self.U)) + g * self.z
        return xp.concatenate(out, axis=1), xp.concatenate(rec, axis=1), dx, dh

def forward(self, x, state=None, mask=None):
    xp = array_module(x)
    h = self.begin(x, state)
    self.cells, self.mask, hs = [], mask, []
    for t in range(x.shape[1]):
        cell = self.Cell(self.W.data, self.U.data, self.b.data, self.bn.data)
        new = cell.forward(x[:, t], h)
        h = new if mask is None else xp.where(xp.expand_dims(mask[:, t], 1), new, h)
        self.cells.append(cell)
        hs.append(h)
    return xp.moveaxis(xp.stack(hs), 0, 1), h

def backward(self, dh, dlast=None):
    xp = array_module(dh)
    g = xp.zeros_like(dh[:, 0]) if dlast is None else dlast
    dxs = [None] * len(self.cells)
    for t in reversed(range(len(self.cells))):
        g = g + dh[:, t]
        m = 1 if self.mask is None else xp.expand_dims(self.mask[:, t], 1).astype(dh.dtype)
        out, rec, dxs[t], back = self.cells[t].backward(g * m)
        self.W.grad += self.cells[t].x.T @ out
        self.U.grad += self.cells[t].h.T @ rec
        self.b.grad += out.sum(axis=0)
        self.bn.grad += rec[:, -self.out_features :].sum(axis=0)
        g = back + g * (1 - m)
    return xp.stack(dxs, axis=1), g
""",
    ),
    # --- StackedRNN --------------------------------------------------------------------------
    Right(
        "StackedRNN",
        "walks over pairs of dropout and layer",
        """
def forward(self, x, state=None, mask=None):
    state = self.begin(x, state)
    ends = []
    for k, (drop, layer) in enumerate(zip([None, *self.dropouts], self.layers)):
        x = x if drop is None else drop(x)
        x, end = layer.forward(x, state[:, k], mask=mask)
        ends.append(end)
    return x, array_module(x).stack(ends, axis=1)

def backward(self, dh, dlast=None):
    begins = []
    for k, (drop, layer) in reversed(list(enumerate(zip([None, *self.dropouts], self.layers)))):
        dh, begin = layer.backward(dh, None if dlast is None else dlast[:, k])
        dh = dh if drop is None else drop.backward(dh)
        begins.insert(0, begin)
    return dh, array_module(dh).stack(begins, axis=1)
""",
    ),
    Right(
        "StackedRNN",
        "writes into one array and hands None on",
        """
def forward(self, x, state=None, mask=None):
    last = array_module(x).empty((len(x), *self.state_shape), dtype=x.dtype)
    h = x
    for n in range(len(self.layers)):
        own = None if state is None else state[:, n]
        h, last[:, n] = self.layers[n].forward(h, own, mask)
        if n < len(self.dropouts):
            h = self.dropouts[n].forward(h)
    return h, last

def backward(self, dh, dlast=None):
    dstate = array_module(dh).zeros((len(dh), *self.state_shape), dtype=dh.dtype)
    for n in range(len(self.layers) - 1, -1, -1):
        if n < len(self.dropouts):
            dh = self.dropouts[n].backward(dh)
        dh, dstate[:, n] = self.layers[n].backward(dh, None if dlast is None else dlast[:, n])
    return dh, dstate
""",
    ),
    Right(
        "StackedRNN",
        "calls itself for the layers above",
        """
def climb(self, n, h, state, mask):
    h, end = self.layers[n](h, state[:, n], mask)
    if n == len(self.layers) - 1:
        return h, [end]
    h, ends = self.climb(n + 1, self.dropouts[n](h), state, mask)
    return h, [end, *ends]

def descend(self, n, dh, dlast):
    if n == len(self.layers) - 1:
        dh, begin = self.layers[n].backward(dh, dlast[:, n])
        return dh, [begin]
    dh, begins = self.descend(n + 1, dh, dlast)
    dh, begin = self.layers[n].backward(self.dropouts[n].backward(dh), dlast[:, n])
    return dh, [begin, *begins]

def forward(self, x, state=None, mask=None):
    h, ends = self.climb(0, x, self.begin(x, state), mask)
    return h, array_module(x).concatenate([end[:, None] for end in ends], axis=1)

def backward(self, dh, dlast=None):
    dx, begins = self.descend(0, dh, self.begin(dh, dlast))
    return dx, array_module(dh).concatenate([begin[:, None] for begin in begins], axis=1)
""",
    ),
    # --- Bidirectional -----------------------------------------------------------------------
    Right(
        "Bidirectional",
        "flips copies",
        """
def forward(self, x, state=None, mask=None):
    xp = array_module(x)
    first, second = (None, None) if state is None else (state[:, 0], state[:, 1])
    a, a_last = self.there.forward(x, first, mask)
    flipped = None if mask is None else xp.flip(mask, axis=1).copy()
    b, b_last = self.back.forward(xp.flip(x, axis=1).copy(), second, flipped)
    self.width = a.shape[-1]
    return xp.dstack([a, xp.flip(b, axis=1)]), xp.stack([a_last, b_last], axis=1)

def backward(self, dh, dlast=None):
    xp = array_module(dh)
    da, db = xp.split(dh, [self.width], axis=2)
    dx, ds = self.there.backward(da, None if dlast is None else dlast[:, 0])
    turned, du = self.back.backward(xp.flip(db, axis=1).copy(), None if dlast is None else dlast[:, 1])
    return dx + xp.flip(turned, axis=1), xp.stack([ds, du], axis=1)
""",
    ),
    Right(
        "Bidirectional",
        "writes into one array and turns by an index",
        """
def forward(self, x, state=None, mask=None):
    xp = array_module(x)
    self.turn = xp.arange(x.shape[1] - 1, -1, -1)
    state = xp.zeros((len(x), *self.state_shape), dtype=x.dtype) if state is None else state
    h = xp.empty((x.shape[0], x.shape[1], self.out_features), dtype=x.dtype)
    last = xp.empty(state.shape, dtype=x.dtype)
    cut = self.there.out_features
    h[:, :, :cut], last[:, 0] = self.there.forward(x, state[:, 0], mask)
    if mask is not None:
        mask = mask[:, self.turn]
    other, last[:, 1] = self.back.forward(x[:, self.turn], state[:, 1], mask)
    h[:, :, cut:] = other[:, self.turn]
    return h, last

def backward(self, dh, dlast=None):
    xp, cut = array_module(dh), self.there.out_features
    if dlast is None:
        dlast = xp.zeros((len(dh), *self.state_shape), dtype=dh.dtype)
    dstate = xp.empty_like(dlast)
    dx, dstate[:, 0] = self.there.backward(dh[:, :, :cut], dlast[:, 0])
    other, dstate[:, 1] = self.back.backward(dh[:, self.turn, cut:], dlast[:, 1])
    return dx + other[:, self.turn], dstate
""",
    ),
    Right(
        "Bidirectional",
        "loops over both directions",
        """
def ways(self):
    middle = self.there.out_features
    return [
        (0, self.there, slice(None, None, 1), slice(0, middle)),
        (1, self.back, slice(None, None, -1), slice(middle, self.out_features)),
    ]

def forward(self, x, state=None, mask=None):
    xp, state, hs, lasts = array_module(x), self.begin(x, state), [], []
    for n, layer, turn, _ in self.ways():
        h, last = layer(x[:, turn], state[:, n], mask if mask is None else mask[:, turn])
        hs.append(h[:, turn])
        lasts.append(last)
    return xp.concatenate(hs, axis=-1), xp.stack(lasts, 1)

def backward(self, dh, dlast=None):
    xp, dx, dstates = array_module(dh), 0, []
    for n, layer, turn, columns in self.ways():
        d, ds = layer.backward(dh[:, turn, columns], dlast if dlast is None else dlast[:, n])
        dx = dx + d[:, turn]
        dstates.append(ds)
    return dx, xp.stack(dstates, 1)
""",
    ),
    # --- truncated_bptt ----------------------------------------------------------------------
    Right(
        "truncated_bptt",
        "a while loop and a sum of losses times lengths",
        """
def truncated_bptt(x, y, state=None, *, model, loss, optimizer, steps):
    begin, total = 0, 0.0
    while begin < x.shape[1]:
        end = min(begin + steps, x.shape[1])
        scores, state = model.forward(x[:, begin:end], state)
        flat_shape = (len(x) * (end - begin),)
        wanted = y[:, begin:end].reshape(flat_shape + y.shape[2:])
        piece = loss.forward(scores.reshape(flat_shape + scores.shape[2:]), wanted)
        total = total + piece * (end - begin)
        optimizer.zero_grad()
        model.backward(loss.backward().reshape(scores.shape))
        optimizer.step()
        begin = end
    return total / x.shape[1], state
""",
    ),
    Right(
        "truncated_bptt",
        "a helper that trains on one piece",
        """
def in_rows(a):
    return a.reshape(a.shape[0] * a.shape[1], *a.shape[2:])


def train_piece(x, y, state, model, loss, optimizer):
    optimizer.zero_grad()
    prediction, last = model.forward(x, state)
    value = loss.forward(in_rows(prediction), in_rows(y))
    model.backward(loss.backward().reshape(prediction.shape))
    optimizer.step()
    return value, last


def truncated_bptt(x, y, state=None, *, model, loss, optimizer, steps):
    values, lengths = [], []
    for first in range(0, x.shape[1], steps):
        part = x[:, first : first + steps]
        value, state = train_piece(part, y[:, first : first + steps], state, model, loss, optimizer)
        values.append(value)
        lengths.append(part.shape[1])
    return sum(v * n for v, n in zip(values, lengths)) / sum(lengths), state
""",
    ),
    Right(
        "truncated_bptt",
        "cuts first, and puts steps before sequences",
        """
def truncated_bptt(x, y, state=None, *, model, loss, optimizer, steps):
    time = x.shape[1]
    cuts = list(range(steps, time, steps))
    xp, mean = array_module(x), 0
    for x_piece, y_piece in zip(xp.split(x, cuts, axis=1), xp.split(y, cuts, axis=1)):
        p, state = model.forward(x_piece, state)
        turned = xp.swapaxes(p, 0, 1)
        targets = xp.swapaxes(y_piece, 0, 1)
        value = loss.forward(turned.reshape(-1, *p.shape[2:]), targets.reshape(-1, *y_piece.shape[2:]))
        optimizer.zero_grad()
        drows = loss.backward().reshape(turned.shape)
        model.backward(xp.ascontiguousarray(xp.swapaxes(drows, 0, 1)))
        optimizer.step()
        mean = mean + value * x_piece.shape[1] / time
    return mean, state
""",
    ),
    Right(
        "truncated_bptt",
        "a running mean over what was read so far",
        """
def truncated_bptt(x, y, state=None, *, model, loss, optimizer, steps):
    read, mean = 0, 0
    pieces = -(-x.shape[1] // steps)
    for k in range(pieces):
        now = np.s_[:, k * steps : (k + 1) * steps]
        out, state = model.forward(x[now], state)
        target = y[now]
        here = target.shape[1]
        current = loss.forward(
            out.reshape((-1,) + out.shape[2:]),
            target.reshape((-1,) + target.shape[2:]),
        )
        read += here
        mean = mean + (current - mean) * (here / read)
        optimizer.zero_grad()
        model.backward(loss.backward().reshape(out.shape))
        optimizer.step()
    return mean, state
""",
    ),
    # --- RecursiveNet ------------------------------------------------------------------------
    Right(
        "RecursiveNet",
        "tree by tree and fork by fork",
        """
def forward(self, x, tree):
    xp = array_module(x)
    self.trees, self.leaves = tree, x.shape[1]
    self.nodes = xp.zeros((len(x), x.shape[1] + tree.shape[1], x.shape[2]), dtype=x.dtype)
    for s in range(len(x)):
        self.nodes[s, : self.leaves] = x[s]
        for m, (left, right) in enumerate(tree[s]):
            both = xp.hstack([self.nodes[s, left], self.nodes[s, right]])
            self.nodes[s, self.leaves + m] = xp.tanh(both @ self.W.data + self.b.data)
    return self.nodes[:, self.leaves :].copy()

def backward(self, dy):
    xp = array_module(dy)
    features = dy.shape[-1]
    grads = xp.zeros_like(self.nodes)
    for s in range(len(dy)):
        for m in reversed(range(dy.shape[1])):
            left, right = self.trees[s, m]
            p = self.nodes[s, self.leaves + m]
            da = (grads[s, self.leaves + m] + dy[s, m]) * (1 - p * p)
            both = xp.hstack([self.nodes[s, left], self.nodes[s, right]])
            self.W.grad += xp.outer(both, da)
            self.b.grad += da
            back = self.W.data @ da
            grads[s, left] += back[:features]
            grads[s, right] += back[features:]
    return grads[:, : self.leaves]
""",
    ),
    Right(
        "RecursiveNet",
        "two halves of W and add.at",
        """
def forward(self, x, tree):
    xp = array_module(x)
    n, leaves, d = x.shape
    self.tree, self.leaves, self.at = tree, leaves, xp.arange(n)
    upper, lower = self.W.data[:d], self.W.data[d:]
    self.h = xp.concatenate([x, xp.zeros((n, tree.shape[1], d), dtype=x.dtype)], axis=1)
    for m in range(tree.shape[1]):
        left, right = self.h[self.at, tree[:, m, 0]], self.h[self.at, tree[:, m, 1]]
        self.h[:, leaves + m] = xp.tanh(left @ upper + right @ lower + self.b.data)
    return self.h[:, leaves:]

def backward(self, dy):
    xp, d = array_module(dy), dy.shape[2]
    dh = xp.concatenate([xp.zeros((len(dy), self.leaves, d), dtype=dy.dtype), dy], axis=1)
    for m in range(dy.shape[1] - 1, -1, -1):
        da = dh[:, self.leaves + m] * (1 - self.h[:, self.leaves + m] ** 2)
        self.b.grad += da.sum(0)
        for side in (0, 1):
            rows = slice(side * d, (side + 1) * d)
            child = self.tree[:, m, side]
            self.W.grad[rows] += self.h[self.at, child].T @ da
            xp.add.at(dh, (self.at, child), da @ self.W.data[rows].T)
    return dh[:, : self.leaves].copy()
""",
    ),
    Right(
        "RecursiveNet",
        "a matrix that picks the children, and weights at the end",
        """
def forward(self, x, tree):
    xp = array_module(x)
    self.leaves, forks = x.shape[1], tree.shape[1]
    nodes = self.leaves + forks
    self.pick = (tree[:, :, :, None] == xp.arange(nodes)).astype(x.dtype)
    self.h = xp.zeros((len(x), nodes, x.shape[2]), dtype=x.dtype)
    self.h[:, : self.leaves] = x
    self.pairs = xp.empty((len(x), forks, 2 * x.shape[2]), dtype=x.dtype)
    for m in range(forks):
        self.pairs[:, m] = (self.pick[:, m] @ self.h).reshape(len(x), -1)
        self.h[:, self.leaves + m] = xp.tanh(self.pairs[:, m] @ self.W.data + self.b.data)
    return self.h[:, self.leaves :]

def backward(self, dy):
    xp = array_module(dy)
    n, forks, d = dy.shape
    dh = xp.zeros_like(self.h)
    dh[:, self.leaves :] += dy
    da = xp.empty_like(dy)
    for m in reversed(range(forks)):
        da[:, m] = dh[:, self.leaves + m] * (1 - xp.square(self.h[:, self.leaves + m]))
        shares = (da[:, m] @ self.W.data.T).reshape(n, 2, d)
        dh += xp.einsum("nsk,nsd->nkd", self.pick[:, m], shares)
    self.W.grad += xp.tensordot(self.pairs, da, axes=([0, 1], [0, 1]))
    self.b.grad += da.sum(axis=(0, 1))
    return dh[:, : self.leaves]
""",
    ),
    Right(
        "RecursiveNet",
        "a list of nodes, for each sample picked by take_along_axis",
        """
@staticmethod
def child(nodes, index):
    xp = array_module(nodes)
    wanted = xp.broadcast_to(index[:, None, None], (len(nodes), 1, nodes.shape[2]))
    return xp.take_along_axis(nodes, wanted, axis=1)[:, 0]

def forward(self, x, tree):
    xp = array_module(x)
    known = x
    self.kept = []
    for left, right in zip(tree[:, :, 0].T, tree[:, :, 1].T):
        pair = xp.concatenate((self.child(known, left), self.child(known, right)), axis=-1)
        p = xp.tanh(pair @ self.W.data + self.b.data)
        self.kept.append((left, right, pair, p))
        known = xp.concatenate((known, p[:, None]), axis=1)
    self.leaves = x.shape[1]
    return known[:, self.leaves :]

def backward(self, dy):
    xp = array_module(dy)
    n, forks, d = dy.shape
    dknown = xp.concatenate((xp.zeros((n, self.leaves, d), dtype=dy.dtype), dy), axis=1)
    while dknown.shape[1] > self.leaves:
        left, right, pair, p = self.kept[dknown.shape[1] - self.leaves - 1]
        dp, dknown = dknown[:, -1], dknown[:, :-1].copy()
        da = dp - dp * p**2
        self.W.grad += pair.T @ da
        self.b.grad += da.sum(axis=0)
        dl, dr = xp.split(da @ self.W.data.T, 2, axis=1)
        for s in range(n):
            dknown[s, left[s]] += dl[s]
            dknown[s, right[s]] += dr[s]
    return dknown
""",
    ),
    # --- CausalConv1d ------------------------------------------------------------------------
    Right(
        "CausalConv1d",
        "shifts without padding",
        """
def shifts(self, time):
    last = self.W.shape[2] - 1
    for k in range(last + 1):
        lag = self.dilation * (last - k)
        if lag < time:
            yield k, lag

def forward(self, x):
    xp = array_module(x)
    self.x, time = x, x.shape[1]
    y = xp.zeros((len(x), time, self.W.shape[0]), dtype=x.dtype) + self.b.data
    for k, lag in self.shifts(time):
        y[:, lag:] += x[:, : time - lag] @ self.W.data[:, :, k].T
    return y

def backward(self, dy):
    xp, time = array_module(dy), dy.shape[1]
    dx = xp.zeros_like(self.x)
    for k, lag in self.shifts(time):
        late = dy[:, lag:]
        dx[:, : time - lag] += late @ self.W.data[:, :, k]
        self.W.grad[:, :, k] += xp.einsum("nto,nti->oi", late, self.x[:, : time - lag])
    self.b.grad += dy.sum(axis=(0, 1))
    return dx
""",
    ),
    Right(
        "CausalConv1d",
        "gathers all windows by an index and multiplies once",
        """
def forward(self, x):
    xp = array_module(x)
    o, c, size = self.W.shape
    n, time, _ = x.shape
    p = self.dilation * (size - 1)
    big = xp.pad(x, ((0, 0), (p, 0), (0, 0)))
    self.where = xp.arange(time)[:, None] + self.dilation * xp.arange(size)
    self.windows = big[:, self.where].transpose(0, 1, 3, 2).reshape(n, time, c * size)
    self.p = p
    return self.windows @ self.W.data.reshape(o, -1).T + self.b.data

def backward(self, dy):
    xp = array_module(dy)
    o, c, size = self.W.shape
    n, time, _ = dy.shape
    self.W.grad += xp.tensordot(dy, self.windows, axes=((0, 1), (0, 1))).reshape(self.W.shape)
    self.b.grad += dy.reshape(-1, o).sum(axis=0)
    dwindows = (dy @ self.W.data.reshape(o, -1)).reshape(n, time, c, size).transpose(0, 1, 3, 2)
    dbig = xp.zeros((n, self.p + time, c), dtype=dy.dtype)
    for k in range(size):
        dbig[:, self.where[:, k]] += dwindows[:, :, k]
    return dbig[:, self.p :]
""",
    ),
    Right(
        "CausalConv1d",
        "time by time",
        """
def forward(self, x):
    xp = array_module(x)
    n, time, c = x.shape
    o, _, size = self.W.shape
    self.seen = x
    y = xp.empty((n, time, o), dtype=x.dtype)
    for t in range(time):
        y[:, t] = self.b.data
        for k in range(size):
            past = t - self.dilation * (size - 1 - k)
            if past >= 0:
                y[:, t] += x[:, past] @ self.W.data[..., k].T
    return y

def backward(self, dy):
    xp = array_module(dy)
    x, size = self.seen, self.W.shape[2]
    dx = xp.zeros(x.shape, dtype=dy.dtype)
    for t in range(dy.shape[1]):
        self.b.grad += dy[:, t].sum(axis=0)
        for k in range(size):
            past = t - self.dilation * (size - 1 - k)
            if past < 0:
                continue
            self.W.grad[..., k] += dy[:, t].T @ x[:, past]
            dx[:, past] += dy[:, t] @ self.W.data[..., k]
    return dx
""",
    ),
    Right(
        "CausalConv1d",
        "sliding windows, and back by the turned kernel from the future",
        """
def windows(self, big):
    xp = array_module(big)
    span = self.dilation * (self.W.shape[2] - 1) + 1
    view = xp.lib.stride_tricks.sliding_window_view(big, span, axis=1)
    return view[..., :: self.dilation]

def forward(self, x):
    xp = array_module(x)
    lead = self.dilation * (self.W.shape[2] - 1)
    silence = xp.zeros((len(x), lead, x.shape[2]), dtype=x.dtype)
    self.view = self.windows(xp.concatenate([silence, x], axis=1))
    return xp.einsum("ntik,oik->nto", self.view, self.W.data, optimize=True) + self.b.data

def backward(self, dy):
    xp = array_module(dy)
    self.b.grad += dy.sum(axis=1).sum(axis=0)
    self.W.grad += xp.einsum("nto,ntik->oik", dy, self.view, optimize=True)
    lead = self.dilation * (self.W.shape[2] - 1)
    later = self.windows(xp.pad(dy, ((0, 0), (0, lead), (0, 0))))
    return xp.einsum("ntok,oik->nti", later, self.W.data[:, :, ::-1], optimize=True)
""",
    ),
    # --- TCNBlock ----------------------------------------------------------------------------
    Right(
        "TCNBlock",
        "with the layers that are there",
        """
def forward(self, x):
    out = x
    for layer in (self.conv1, self.relu1, self.conv2, self.relu2):
        out = layer(out)
    return self.relu3(out + (x if self.projection is None else self.projection(x)))

def backward(self, dy):
    dh = self.relu3.backward(dy)
    d = dh
    for layer in (self.relu2, self.conv2, self.relu1, self.conv1):
        d = layer.backward(d)
    return d + (dh if self.projection is None else self.projection.backward(dh))
""",
    ),
    Right(
        "TCNBlock",
        "with masks of its own",
        """
def forward(self, x):
    xp = array_module(x)
    u = self.conv1.forward(x)
    self.on1 = u > 0
    F = self.conv2.forward(xp.where(self.on1, u, 0 * u))
    self.on2 = F > 0
    F = F * self.on2
    if self.projection is None:
        F = F + x
    else:
        F = F + self.projection.forward(x)
    self.on3 = F > 0
    return F * self.on3

def backward(self, dy):
    d = dy * self.on3
    dx = self.conv1.backward(self.on1 * self.conv2.backward(self.on2 * d))
    if self.projection is None:
        dx = dx + d
    else:
        dx = dx + self.projection.backward(d)
    return dx
""",
    ),
    Right(
        "TCNBlock",
        "as two ways in a Sequential each",
        """
def ways(self):
    long = Sequential([self.conv1, self.relu1, self.conv2, self.relu2])
    return [long, Sequential([self.projection] if self.projection else [])]

def forward(self, x):
    return self.relu3.forward(sum(way.forward(x) for way in self.ways()))

def backward(self, dy):
    dy = self.relu3.backward(dy)
    return sum(way.backward(dy) for way in self.ways())
""",
    ),
    # --- LocallyConnected1d ------------------------------------------------------------------
    Right(
        "LocallyConnected1d",
        "place by place",
        """
def forward(self, x):
    xp = array_module(x)
    places, out, _, size = self.W.shape
    self.x = x
    y = xp.empty((len(x), places, out), dtype=x.dtype)
    for p in range(places):
        u = x[:, p * self.stride : p * self.stride + size]
        y[:, p] = xp.tensordot(u, self.W.data[p], axes=([1, 2], [2, 1])) + self.b.data[p]
    return y

def backward(self, dy):
    xp = array_module(dy)
    places, _, _, size = self.W.shape
    dx = xp.zeros(self.x.shape, dtype=dy.dtype)
    for p in range(places):
        seen = slice(p * self.stride, p * self.stride + size)
        self.W.grad[p] += xp.einsum("no,nkc->ock", dy[:, p], self.x[:, seen])
        self.b.grad[p] += dy[:, p].sum(axis=0)
        dx[:, seen] += xp.einsum("no,ock->nkc", dy[:, p], self.W.data[p])
    return dx
""",
    ),
    Right(
        "LocallyConnected1d",
        "einsum cell by cell, without windows",
        """
def cells(self):
    places, _, _, size = self.W.shape
    return [(k, slice(k, k + self.stride * (places - 1) + 1, self.stride)) for k in range(size)]

def forward(self, x):
    xp = array_module(x)
    self.x = x
    y = self.b.data[None]
    for k, seen in self.cells():
        y = y + xp.einsum("npc,poc->npo", x[:, seen], self.W.data[..., k], optimize=True)
    return y

def backward(self, dy):
    xp = array_module(dy)
    dx = xp.zeros_like(self.x)
    for k, seen in self.cells():
        self.W.grad[..., k] += xp.einsum("npo,npc->poc", dy, self.x[:, seen], optimize=True)
        dx[:, seen] += xp.einsum("npo,poc->npc", dy, self.W.data[..., k], optimize=True)
    self.b.grad += dy.sum(axis=0)
    return dx
""",
    ),
    Right(
        "LocallyConnected1d",
        "gathers by an index and adds back with add.at",
        """
def forward(self, x):
    xp = array_module(x)
    places, out, channels, size = self.W.shape
    self.at = self.stride * xp.arange(places)[:, None] + xp.arange(size)[None, :]
    self.shape, self.u = x.shape, x[:, self.at]
    u = self.u.transpose(1, 0, 3, 2).reshape(places, len(x), channels * size)
    y = xp.matmul(u, self.W.data.reshape(places, out, -1).swapaxes(1, 2))
    return y.swapaxes(0, 1) + self.b.data[None]

def backward(self, dy):
    xp = array_module(dy)
    self.b.grad += xp.sum(dy, axis=0)
    self.W.grad += xp.einsum("npo,npkc->pock", dy, self.u, optimize=True)
    du = xp.einsum("npo,pock->npkc", dy, self.W.data, optimize=True)
    dx = xp.zeros(self.shape, dtype=dy.dtype)
    xp.add.at(dx, (slice(None), self.at), du)
    return dx
""",
    ),
    Right(
        "LocallyConnected1d",
        "one large matrix with weights on a band",
        """
def band(self, length):
    xp = array_module(self.W.data)
    places, out, channels, size = self.W.shape
    matrix = xp.zeros((length, channels, places, out), dtype=self.W.data.dtype)
    for p in range(places):
        begin = p * self.stride
        matrix[begin : begin + size, :, p] = self.W.data[p].transpose(2, 1, 0)
    return matrix.reshape(length * channels, places * out)

def forward(self, x):
    self.x = x
    y = x.reshape(len(x), -1) @ self.band(x.shape[1])
    return y.reshape(len(x), *self.b.shape) + self.b.data

def backward(self, dy):
    places, out, channels, size = self.W.shape
    n, length, _ = self.x.shape
    flat = dy.reshape(n, -1)
    dband = (self.x.reshape(n, -1).T @ flat).reshape(length, channels, places, out)
    for p in range(places):
        self.W.grad[p] += dband[p * self.stride : p * self.stride + size, :, p].transpose(2, 1, 0)
    self.b.grad += dy.sum(axis=0)
    return (flat @ self.band(length).T).reshape(n, length, channels)
""",
    ),
)
