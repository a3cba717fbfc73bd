"""Unseen wrong implementations of 07_recurrent."""

from tests.diagnosis.unseen import Unseen, collected
from tests.diagnosis.unseen.optimizers import but

RNN = """
def forward(self, x, state=None, mask=None):
    xp = array_module(x)
    self.x, self.steps = by_step(x), steps_of(mask)
    z = self.x @ self.W.data + self.b.data
    h = xp.empty((len(z) + 1, *z.shape[1:]), dtype=z.dtype)
    h[0] = self.begin(x, state)
    for t in range(len(z)):
        new = xp.tanh(z[t] + h[t] @ self.U.data)
        h[t + 1] = new if mask is None else xp.where(self.steps[t], new, h[t])
    self.h = h
    return by_sequence(h[1:]), h[-1]

def backward(self, dh, dlast=None):
    xp, x, h = array_module(dh), self.x, self.h
    slope = 1 - h[1:] * h[1:]
    if self.steps is not None:
        slope *= self.steps
    dz = xp.empty_like(slope)
    dh = by_step(dh)
    dstate = xp.zeros_like(dh[0]) if dlast is None else dlast
    for t in reversed(range(len(dz))):
        g = dh[t] + dstate
        dz[t] = g * slope[t]
        dstate = dz[t] @ self.U.data.T
        if self.steps is not None:
            dstate = xp.where(self.steps[t], dstate, g)
    rows = dz.reshape(-1, dz.shape[2])
    self.W.grad += x.reshape(len(rows), -1).T @ rows
    self.U.grad += h[:-1].reshape(rows.shape).T @ rows
    self.b.grad += rows.sum(axis=0)
    return by_sequence(dz @ self.W.data.T), dstate
"""
RNN_LISTS = """
def forward(self, x, state=None, mask=None):
    xp = array_module(x)
    h = self.begin(x, state)
    self.x, self.mask, self.hs = x, mask, [h]
    for t in range(x.shape[1]):
        new = xp.tanh(x[:, t] @ self.W.data + h @ self.U.data + self.b.data)
        if mask is not None:
            new = xp.where(mask[:, t, None] != 0, new, h)
        h = new
        self.hs.append(h)
    return xp.stack(self.hs[1:], axis=1), h

def backward(self, dh, dlast=None):
    xp = array_module(dh)
    dx = xp.zeros_like(self.x)
    carry = xp.zeros_like(self.hs[0]) if dlast is None else dlast
    for t in reversed(range(dh.shape[1])):
        g = dh[:, t] + carry
        h, before = self.hs[t + 1], self.hs[t]
        on = xp.ones((len(g), 1), dtype=bool) if self.mask is None else self.mask[:, t, None] != 0
        dz = g * (1 - h**2) * on
        self.W.grad += self.x[:, t].T @ dz
        self.U.grad += before.T @ dz
        self.b.grad += dz.sum(axis=0)
        dx[:, t] = dz @ self.W.data.T
        carry = xp.where(on, dz @ self.U.data.T, g)
    return dx, carry
"""
LSTM = """
def first_bias(self, hidden):
    b = zeros(4 * hidden)
    b[hidden : 2 * hidden] = 1
    return b

def forward(self, x, state=None, mask=None):
    xp, H = array_module(x), self.out_features
    self.x, self.steps = by_step(x), steps_of(mask)
    a = self.x @ self.W.data + self.b.data
    time, batch = self.x.shape[:2]
    h, c = xp.zeros((2, time + 1, batch, H), dtype=x.dtype)
    self.tanh_c = xp.zeros((time, batch, H), dtype=x.dtype)
    state = self.begin(x, state)
    h[0], c[0] = state[:, 0], state[:, 1]
    for t in range(time):
        a[t] += h[t] @ self.U.data
        a[t, :, : 2 * H] = sigmoid(a[t, :, : 2 * H])
        a[t, :, 2 * H : 3 * H] = xp.tanh(a[t, :, 2 * H : 3 * H])
        a[t, :, 3 * H :] = sigmoid(a[t, :, 3 * H :])
        i, f, g, o = (a[t, :, k * H : (k + 1) * H] for k in range(4))
        c[t + 1] = f * c[t] + i * g
        self.tanh_c[t] = xp.tanh(c[t + 1])
        h[t + 1] = o * self.tanh_c[t]
        if mask is not None:
            h[t + 1] = xp.where(self.steps[t], h[t + 1], h[t])
            c[t + 1] = xp.where(self.steps[t], c[t + 1], c[t])
    self.h, self.c, self.gates = h, c, a
    return by_sequence(h[1:]), xp.stack([h[-1], c[-1]], axis=1)

def backward(self, dh, dlast=None):
    xp, H = array_module(dh), self.out_features
    time, batch = self.x.shape[:2]
    dz = xp.zeros_like(self.gates)
    dlast = self.begin(dh, dlast)
    dh_next, dc_next = dlast[:, 0], dlast[:, 1]
    for t in reversed(range(time)):
        i, f, g, o = (self.gates[t, :, k * H : (k + 1) * H] for k in range(4))
        dht = dh[:, t] + dh_next
        dct = dc_next + dht * o * (1 - self.tanh_c[t] ** 2)
        dz[t, :, :H] = dct * g * i * (1 - i)
        dz[t, :, H : 2 * H] = dct * self.c[t] * f * (1 - f)
        dz[t, :, 2 * H : 3 * H] = dct * i * (1 - g**2)
        dz[t, :, 3 * H :] = dht * self.tanh_c[t] * o * (1 - o)
        if self.steps is not None:
            dz[t] *= self.steps[t]
        back_h, back_c = dz[t] @ self.U.data.T, dct * f
        if self.steps is not None:
            back_h, back_c = xp.where(self.steps[t], back_h, dht), xp.where(self.steps[t], back_c, dc_next)
        dh_next, dc_next = back_h, back_c
    rows = dz.reshape(time * batch, 4 * H)
    self.W.grad += self.x.reshape(time * batch, -1).T @ rows
    self.U.grad += self.h[:-1].reshape(time * batch, -1).T @ rows
    self.b.grad += rows.sum(axis=0)
    return by_sequence(dz @ self.W.data.T), xp.stack([dh_next, dc_next], axis=1)
"""
LSTM_LISTS = """
def first_bias(self, hidden):
    return np.repeat([0.0, 1.0, 0.0, 0.0], hidden)

def forward(self, x, state=None, mask=None):
    state = self.begin(x, state)
    h, c = state[:, 0], state[:, 1]
    self.tape, hs = [], []
    for t in range(x.shape[1]):
        zi, zf, zg, zo = np.split(x[:, t] @ self.W.data + h @ self.U.data + self.b.data, 4, axis=1)
        i, f, g, o = sigmoid(zi), sigmoid(zf), np.tanh(zg), sigmoid(zo)
        cell = f * c + i * g
        hid = o * np.tanh(cell)
        on = np.ones((len(x), 1), dtype=bool) if mask is None else mask[:, t : t + 1] != 0
        self.tape.append((x[:, t], h, c, i, f, g, o, np.tanh(cell), on))
        h = np.where(on, hid, h)
        c = np.where(on, cell, c)
        hs.append(h)
    return np.stack(hs, axis=1), np.stack([h, c], axis=1)

def backward(self, dh, dlast=None):
    nh, nc = (0 * dh[:, 0], 0 * dh[:, 0]) if dlast is None else (dlast[:, 0], dlast[:, 1])
    dx = []
    for t in range(len(self.tape) - 1, -1, -1):
        x, h, c, i, f, g, o, tc, on = self.tape[t]
        nh = nh + dh[:, t]
        dhid, dcell = nh * on, nc * on
        dcell = dcell + dhid * o * (1 - tc**2)
        dzi, dzf, dzg, dzo = dcell * g, dcell * c, dcell * i, dhid * tc
        dz = np.hstack([dzi * i * (1 - i), dzf * f * (1 - f), dzg * (1 - g**2), dzo * o * (1 - o)])
        self.W.grad += x.T @ dz
        self.U.grad += h.T @ dz
        self.b.grad += dz.sum(axis=0)
        dx.append(dz @ self.W.data.T)
        nh = nh * ~on + dz @ self.U.data.T
        nc = nc * ~on + dcell * f
    return np.stack(dx[::-1], axis=1), np.stack([nh, nc], axis=1)
"""
GRU = """
def forward(self, x, state=None, mask=None):
    xp, H = array_module(x), self.out_features
    self.x, self.steps = by_step(x), steps_of(mask)
    a = self.x @ self.W.data + self.b.data
    h = xp.empty((len(a) + 1, a.shape[1], H), dtype=a.dtype)
    self.r, self.z, self.q, self.n = (xp.empty_like(h[1:]) for _ in range(4))
    h[0] = self.begin(x, state)
    for t in range(len(a)):
        u = h[t] @ self.U.data
        self.r[t] = sigmoid(a[t, :, :H] + u[:, :H])
        self.z[t] = sigmoid(a[t, :, H : 2 * H] + u[:, H : 2 * H])
        self.q[t] = u[:, 2 * H :] + self.bn.data
        self.n[t] = xp.tanh(a[t, :, 2 * H :] + self.r[t] * self.q[t])
        new = (1 - self.z[t]) * self.n[t] + self.z[t] * h[t]
        h[t + 1] = new if mask is None else xp.where(self.steps[t], new, h[t])
    self.h = h
    return by_sequence(h[1:]), h[-1]

def backward(self, dh, dlast=None):
    xp, H = array_module(dh), self.out_features
    da = xp.empty((*self.n.shape[:2], 3 * H), dtype=self.n.dtype)
    du = xp.empty_like(da)
    dh, back = by_step(dh), self.begin(dh, dlast)
    for t in reversed(range(len(dh))):
        r, z, q, n = self.r[t], self.z[t], self.q[t], self.n[t]
        g = dh[t] + back
        active = g if self.steps is None else g * self.steps[t]
        dzn = active * (1 - z) * (1 - n * n)
        dzr = dzn * q * r * (1 - r)
        dzz = active * (self.h[t] - n) * z * (1 - z)
        da[t] = xp.concatenate([dzr, dzz, dzn], axis=1)
        du[t] = xp.concatenate([dzr, dzz, dzn * r], axis=1)
        back = du[t] @ self.U.data.T + active * z
        if self.steps is not None:
            back = xp.where(self.steps[t], back, g)
    rows, rows_u = da.reshape(-1, 3 * H), du.reshape(-1, 3 * H)
    self.W.grad += self.x.reshape(len(rows), -1).T @ rows
    self.U.grad += self.h[:-1].reshape(len(rows), -1).T @ rows_u
    self.b.grad += rows.sum(axis=0)
    self.bn.grad += rows_u[:, 2 * H :].sum(axis=0)
    return by_sequence(da @ self.W.data.T), back
"""
GRU_LISTS = """
def forward(self, x, state=None, mask=None):
    h = self.begin(x, state)
    self.tape, hs = [], []
    for t in range(x.shape[1]):
        xr, xz, xn = np.split(x[:, t] @ self.W.data + self.b.data, 3, axis=1)
        hr, hz, hn = np.split(h @ self.U.data, 3, axis=1)
        r, z = sigmoid(xr + hr), sigmoid(xz + hz)
        q = hn + self.bn.data
        n = np.tanh(xn + r * q)
        on = True if mask is None else mask[:, t : t + 1] != 0
        self.tape.append((x[:, t], h, r, z, q, n, on))
        h = np.where(on, (1 - z) * n + z * h, h)
        hs.append(h)
    return np.stack(hs, axis=1), h

def backward(self, dh, dlast=None):
    g = np.zeros_like(dh[:, 0]) if dlast is None else dlast
    dx = np.zeros((*dh.shape[:2], self.W.shape[0]), dtype=dh.dtype)
    for t in reversed(range(dh.shape[1])):
        x, h, r, z, q, n, on = self.tape[t]
        g = g + dh[:, t]
        held, g = np.where(on, 0 * g, g), np.where(on, g, 0 * g)
        dn = g * (1 - z) * (1 - n**2)
        dr = dn * q * r * (1 - r)
        dz = g * (h - n) * z * (1 - z)
        dq = dn * r
        self.W.grad += x.T @ np.hstack([dr, dz, dn])
        self.U.grad += h.T @ np.hstack([dr, dz, dq])
        self.b.grad += np.hstack([dr, dz, dn]).sum(axis=0)
        self.bn.grad += dq.sum(axis=0)
        dx[:, t] = np.hstack([dr, dz, dn]) @ self.W.data.T
        g = held + np.hstack([dr, dz, dq]) @ self.U.data.T + g * z
    return dx, g
"""
STACK = """
def forward(self, x, state=None, mask=None):
    h, last, state = x, [], self.begin(x, state)
    for n, layer in enumerate(self.layers):
        if n:
            h = self.dropouts[n - 1].forward(h)
        h, end = layer.forward(h, state[:, n], mask)
        last.append(end)
    return h, array_module(x).stack(last, axis=1)

def backward(self, dh, dlast=None):
    dstate = []
    for n in reversed(range(len(self.layers))):
        dh, begin = self.layers[n].backward(dh, None if dlast is None else dlast[:, n])
        dstate.append(begin)
        if n:
            dh = self.dropouts[n - 1].backward(dh)
    return dh, array_module(dh).stack(dstate[::-1], axis=1)
"""
STACK_ARRAYS = """
def forward(self, x, state=None, mask=None):
    last = array_module(x).zeros((len(x), *self.state_shape), dtype=x.dtype)
    for k in range(len(self.layers)):
        mine = None if state is None else state[:, k]
        x, last[:, k] = self.layers[k].forward(x, mine, mask)
        if k < len(self.dropouts):
            x = self.dropouts[k].forward(x)
    return x, last

def backward(self, dh, dlast=None):
    dstate = array_module(dh).zeros((len(dh), *self.state_shape), dtype=dh.dtype)
    for k in reversed(range(len(self.layers))):
        if k < len(self.dropouts):
            dh = self.dropouts[k].backward(dh)
        mine = None if dlast is None else dlast[:, k]
        dh, dstate[:, k] = self.layers[k].backward(dh, mine)
    return dh, dstate
"""
BOTH = """
def forward(self, x, state=None, mask=None):
    xp, state = array_module(x), self.begin(x, state)
    turned = None if mask is None else mask[:, ::-1]
    a, end_a = self.there.forward(x, state[:, 0], mask)
    b, end_b = self.back.forward(x[:, ::-1], state[:, 1], turned)
    return xp.concatenate([a, b[:, ::-1]], axis=2), xp.stack([end_a, end_b], axis=1)

def backward(self, dh, dlast=None):
    xp, middle = array_module(dh), self.there.out_features
    dend_a, dend_b = (None, None) if dlast is None else (dlast[:, 0], dlast[:, 1])
    da, db = dh[:, :, :middle], dh[:, ::-1, middle:]
    dx_a, dstate_a = self.there.backward(da, dend_a)
    dx_b, dstate_b = self.back.backward(db, dend_b)
    return dx_a + dx_b[:, ::-1], xp.stack([dstate_a, dstate_b], axis=1)
"""
BOTH_FLIPPED = """
def forward(self, x, state=None, mask=None):
    xp = array_module(x)
    state = self.begin(x, state)
    out = xp.zeros((*x.shape[:2], self.out_features), dtype=x.dtype)
    last = xp.zeros_like(state)
    k = self.there.out_features
    out[..., :k], last[:, 0] = self.there.forward(x, state[:, 0], mask)
    reverse = xp.flip(x, axis=1)
    reverse_mask = mask if mask is None else xp.flip(mask, axis=1)
    other, last[:, 1] = self.back.forward(reverse, state[:, 1], reverse_mask)
    out[..., k:] = xp.flip(other, axis=1)
    return out, last

def backward(self, dh, dlast=None):
    xp = array_module(dh)
    dlast = self.begin(dh, dlast)
    dstate = xp.zeros_like(dlast)
    k = self.there.out_features
    dx, dstate[:, 0] = self.there.backward(dh[..., :k], dlast[:, 0])
    other, dstate[:, 1] = self.back.backward(xp.flip(dh[..., k:], axis=1), dlast[:, 1])
    return dx + xp.flip(other, axis=1), dstate
"""
BPTT = """
def truncated_bptt(x, y, state=None, *, model, loss, optimizer, steps):
    total, time = 0, x.shape[1]
    for first in range(0, time, steps):
        piece = slice(first, first + steps)
        prediction, state = model.forward(x[:, piece], state)
        target = y[:, piece]
        rows = prediction.reshape(-1, *prediction.shape[2:])
        error = loss.forward(rows, target.reshape(-1, *target.shape[2:]))
        total = total + error * (target.shape[1] / time)
        optimizer.zero_grad()
        model.backward(loss.backward().reshape(prediction.shape))
        optimizer.step()
    return total, state
"""
BPTT_WHILE = """
def truncated_bptt(x, y, state=None, *, model, loss, optimizer, steps):
    losses, counts = [], []
    t = 0
    while t < x.shape[1]:
        xs, ys = x[:, t : t + steps], y[:, t : t + steps]
        t += steps
        optimizer.zero_grad()
        p, state = model.forward(xs, state)
        n = xs.shape[0] * xs.shape[1]
        losses.append(loss.forward(p.reshape(n, *p.shape[2:]), ys.reshape(n, *ys.shape[2:])))
        counts.append(xs.shape[1])
        model.backward(loss.backward().reshape(p.shape))
        optimizer.step()
    return sum(value * count for value, count in zip(losses, counts)) / sum(counts), state
"""
TREE = """
def forward(self, x, tree):
    xp = array_module(x)
    batch, leaves, features = x.shape
    rows = xp.arange(batch)
    h = xp.empty((batch, leaves + tree.shape[1], features), dtype=x.dtype)
    h[:, :leaves] = x
    for n in range(tree.shape[1]):
        pair = xp.concatenate([h[rows, tree[:, n, 0]], h[rows, tree[:, n, 1]]], axis=1)
        h[:, leaves + n] = xp.tanh(pair @ self.W.data + self.b.data)
    self.h, self.tree, self.leaves = h, tree, leaves
    return h[:, leaves:]

def backward(self, dy):
    xp = array_module(dy)
    h, tree, leaves, features = self.h, self.tree, self.leaves, dy.shape[2]
    rows = xp.arange(len(h))
    dh = xp.zeros_like(h)
    dh[:, leaves:] = dy
    for n in reversed(range(tree.shape[1])):
        left, right = tree[:, n, 0], tree[:, n, 1]
        da = dh[:, leaves + n] * (1 - h[:, leaves + n] ** 2)
        pair = xp.concatenate([h[rows, left], h[rows, right]], axis=1)
        self.W.grad += pair.T @ da
        self.b.grad += da.sum(axis=0)
        dpair = da @ self.W.data.T
        dh[rows, left] += dpair[:, :features]
        dh[rows, right] += dpair[:, features:]
    return dh[:, :leaves]
"""
TREE_LOOPS = """
def forward(self, x, tree):
    self.tree, self.leaves = tree, x.shape[1]
    self.h = np.zeros((len(x), x.shape[1] + tree.shape[1], x.shape[2]), dtype=x.dtype)
    self.h[:, : self.leaves] = x
    for s in range(len(x)):
        for m in range(tree.shape[1]):
            l, r = tree[s, m]
            both = np.append(self.h[s, l], self.h[s, r])
            self.h[s, self.leaves + m] = np.tanh(both @ self.W.data + self.b.data)
    return self.h[:, self.leaves :].copy()

def backward(self, dy):
    d, dx = dy.shape[2], []
    for s in range(len(dy)):
        dh = [np.zeros(d, dtype=dy.dtype) for _ in range(self.leaves)] + [row.copy() for row in dy[s]]
        for m in range(dy.shape[1] - 1, -1, -1):
            l, r = self.tree[s, m]
            h = self.h[s, self.leaves + m]
            da = dh[self.leaves + m] * (1 - h * h)
            self.W.grad += np.outer(np.append(self.h[s, l], self.h[s, r]), da)
            self.b.grad += da
            dh[l] += self.W.data[:d] @ da
            dh[r] += self.W.data[d:] @ da
        dx.append(np.stack(dh[: self.leaves]))
    return np.stack(dx)
"""
CAUSAL = """
def forward(self, x):
    xp, (batch, time, channels) = array_module(x), x.shape
    size = self.W.shape[2]
    before = self.dilation * (size - 1)
    self.padded = xp.zeros((batch, before + time, channels), dtype=x.dtype)
    self.padded[:, before:] = x
    y = xp.zeros((batch, time, self.W.shape[0]), dtype=x.dtype)
    y += self.b.data
    for k in range(size):
        start = k * self.dilation
        y += self.padded[:, start : start + time] @ self.W.data[:, :, k].T
    return y

def backward(self, dy):
    time, (out_channels, channels, size) = dy.shape[1], self.W.shape
    dpadded = array_module(dy).zeros_like(self.padded)
    flat = dy.reshape(-1, out_channels)
    for k in range(size):
        seen = slice(k * self.dilation, k * self.dilation + time)
        dpadded[:, seen] += dy @ self.W.data[:, :, k]
        self.W.grad[:, :, k] += flat.T @ self.padded[:, seen].reshape(-1, channels)
    self.b.grad += flat.sum(axis=0)
    return dpadded[:, self.dilation * (size - 1) :]
"""
CAUSAL_SHIFTS = """
def forward(self, x):
    xp = array_module(x)
    self.x = x
    size, time = self.W.shape[2], x.shape[1]
    y = xp.zeros((len(x), time, self.W.shape[0]), dtype=x.dtype)
    for k in range(size):
        lag = (size - 1 - k) * self.dilation
        if lag < time:
            y[:, lag:] += xp.einsum("ntc,oc->nto", x[:, : time - lag], self.W.data[..., k])
    return y + self.b.data

def backward(self, dy):
    xp = array_module(dy)
    dx = xp.zeros_like(self.x)
    size, time = self.W.shape[2], dy.shape[1]
    for k in range(size):
        lag = (size - 1 - k) * self.dilation
        if lag < time:
            self.W.grad[..., k] += xp.einsum("nto,ntc->oc", dy[:, lag:], self.x[:, : time - lag])
            dx[:, : time - lag] += xp.einsum("nto,oc->ntc", dy[:, lag:], self.W.data[..., k])
    self.b.grad += dy.sum(axis=(0, 1))
    return dx
"""
BLOCK = """
def forward(self, x):
    u = self.relu1.forward(self.conv1.forward(x))
    u = self.relu2.forward(self.conv2.forward(u))
    shortcut = self.projection.forward(x) if self.projection else x
    return self.relu3.forward(u + shortcut)

def backward(self, dy):
    dh = self.relu3.backward(dy)
    dx = self.conv1.backward(self.relu1.backward(self.conv2.backward(self.relu2.backward(dh))))
    dshortcut = self.projection.backward(dh) if self.projection else dh
    return dx + dshortcut
"""
BLOCK_MASKS = """
def forward(self, x):
    u = self.conv1.forward(x)
    self.m1 = u > 0
    F = self.conv2.forward(u * self.m1)
    self.m2 = F > 0
    F = F * self.m2
    way = x if self.projection is None else self.projection.forward(x)
    y = F + way
    self.m3 = y > 0
    return y * self.m3

def backward(self, dy):
    d = dy * self.m3
    way = d if self.projection is None else self.projection.backward(d)
    du = self.conv2.backward(d * self.m2)
    dx = self.conv1.backward(du * self.m1)
    return dx + way
"""
LOCAL = """
def forward(self, x):
    places, out_channels, channels, size = self.W.shape
    windows = array_module(x).empty((places, len(x), channels, size), dtype=x.dtype)
    reach = self.stride * (places - 1) + 1
    for k in range(size):
        windows[..., k] = x[:, k : k + reach : self.stride].transpose(1, 0, 2)
    self.windows, self.shape = windows.reshape(places, len(x), -1), x.shape
    W = self.W.data.reshape(places, out_channels, -1)
    return (self.windows @ W.transpose(0, 2, 1)).transpose(1, 0, 2) + self.b.data

def backward(self, dy):
    places, out_channels, channels, size = self.W.shape
    self.b.grad += dy.sum(axis=0)
    dy = dy.transpose(1, 0, 2)
    self.W.grad += (dy.transpose(0, 2, 1) @ self.windows).reshape(self.W.shape)
    dwindows = (dy @ self.W.data.reshape(places, out_channels, -1)).reshape(places, -1, channels, size)
    dx = array_module(dy).zeros(self.shape, dtype=dy.dtype)
    reach = self.stride * (places - 1) + 1
    for k in range(size):
        dx[:, k : k + reach : self.stride] += dwindows[..., k].transpose(1, 0, 2)
    return dx
"""
LOCAL_PLACES = """
def forward(self, x):
    xp = array_module(x)
    places, out, _, size = self.W.shape
    self.x = x
    y = xp.zeros((len(x), places, out), dtype=x.dtype)
    for p in range(places):
        at = p * self.stride
        y[:, p] = xp.einsum("nkc,ock->no", x[:, at : at + size], self.W.data[p]) + self.b.data[p]
    return y

def backward(self, dy):
    xp = array_module(dy)
    places, _, _, size = self.W.shape
    dx = xp.zeros_like(self.x)
    for p in range(places):
        at = p * self.stride
        self.W.grad[p] += xp.einsum("no,nkc->ock", dy[:, p], self.x[:, at : at + size])
        self.b.grad[p] += dy[:, p].sum(axis=0)
        dx[:, at : at + size] += xp.einsum("no,ock->nkc", dy[:, p], self.W.data[p])
    return dx
"""

RECURRENT = collected(
    # --- RNN ---------------------------------------------------------------------------------
    Unseen(
        "RNN",
        "goes on from where the last call ended",
        but(
            RNN_LISTS,
            (
                "    h = self.begin(x, state)\n",
                """
    if state is None:
        state = getattr(self, "kept", None)
        if state is not None and len(state) != len(x):
            state = None
    h = self.begin(x, state)
""",
            ),
            ("    return xp.stack(self.hs", "    self.kept = h\n    return xp.stack(self.hs"),
        ),
        ("stale",),
        also=("mistake: goes on from where the last call ended",),
    ),
    Unseen(
        "RNN",
        "lets no gradient through time",
        but(RNN, ("g = dh[t] + dstate", "g = dh[t] + (dstate if t == len(dz) - 1 else 0)")),
        (),
        also=("ignores dlast",),
    ),
    Unseen(
        "RNN",
        "has the state after the step in dU",
        but(RNN_LISTS, ("self.U.grad += before.T", "self.U.grad += h.T")),
        (),
        also=("mistake: takes the state after the step for U",),
    ),
    Unseen(
        "RNN",
        "takes the slope for 1 − h",
        but(RNN, ("1 - h[1:] * h[1:]", "1 - h[1:]")),
        (),
    ),
    Unseen(
        "RNN",
        "shows zeros where there is padding",
        but(
            RNN,
            (
                "return by_sequence(h[1:]), h[-1]",
                "return by_sequence(h[1:] if mask is None else h[1:] * self.steps), h[-1]",
            ),
        ),
        (),
        also=("mistake: shows zeros in the padding",),
    ),
    Unseen(
        "RNN",
        "adds dlast to dh itself",
        but(
            RNN,
            (
                "    dh = by_step(dh)\n    dstate = xp.zeros_like(dh[0]) if dlast is None else dlast\n",
                """
    if dlast is not None:
        dh[:, -1] += dlast
    dh = by_step(dh)
    dstate = xp.zeros_like(dh[0])
""",
            ),
        ),
        ("in place*",),
    ),
    Unseen(
        "RNN",
        "loses the gradient in padding and overwrites db",
        but(
            RNN_LISTS,
            ("carry = xp.where(on, dz @ self.U.data.T, g)", "carry = dz @ self.U.data.T"),
            ("        self.b.grad += dz.sum(axis=0)\n", "        db.append(dz.sum(axis=0))\n"),
            ("    dx = xp.zeros_like(self.x)\n", "    dx, db = xp.zeros_like(self.x), []\n"),
            ("    return dx, carry", "    self.b.grad[...] = sum(db)\n    return dx, carry"),
        ),
        ("not accumulated",),
        double=True,
        also=("mistake: loses the gradient in the padding",),
    ),
    Unseen(
        "RNN",
        "does not look at dlast and averages the bias gradient",
        but(
            RNN,
            ("xp.zeros_like(dh[0]) if dlast is None else dlast", "xp.zeros_like(dh[0])"),
            ("rows.sum(axis=0)", "rows.mean(axis=0)"),
        ),
        ("ignores dlast", "factor *"),
        double=True,
    ),
    # --- LSTM --------------------------------------------------------------------------------
    Unseen(
        "LSTM",
        "has the columns in the order i, f, o, g",
        LSTM_LISTS.replace("zi, zf, zg, zo = np", "zi, zf, zo, zg = np").replace(
            "dzg * (1 - g**2), dzo * o * (1 - o)", "dzo * o * (1 - o), dzg * (1 - g**2)"
        ),
        ("own forward",),
        also=("mistake: has the gates in the order i, f, o, g",),
    ),
    Unseen(
        "LSTM",
        "stops the gradient of the cell at every step",
        but(LSTM, ("dh_next, dc_next = back_h, back_c", "dh_next, dc_next = back_h, 0 * back_c")),
        (),
        also=("mistake: forgets the direct path of the cell", "mistake: loses the gradient of the held cell"),
    ),
    Unseen(
        "LSTM",
        "begins with every bias at 1",
        but(LSTM, ("b = zeros(4 * hidden)\n    b[hidden : 2 * hidden] = 1", "b = zeros(4 * hidden) + 1")),
        (),
        also=("mistake: opens all gates",),
    ),
    Unseen(
        "LSTM",
        "holds h in padding and not c",
        but(
            LSTM,
            ("            c[t + 1] = xp.where(self.steps[t], c[t + 1], c[t])\n", ""),
        ),
        (),
        also=("mistake: holds h and not c",),
    ),
    Unseen(
        "LSTM",
        "gives the last state back as c, h",
        but(LSTM_LISTS, ("axis=1), np.stack([h, c], axis=1)", "axis=1), np.stack([c, h], axis=1)")),
        ("reversed along axis 1", "reordered", "shifted along axis 1"),
    ),
    Unseen(
        "LSTM",
        "takes the cell after the step for the one before it in the forget gate",
        but(LSTM, ("dct * self.c[t] * f", "dct * self.c[t + 1] * f")),
        (),
        also=("mistake: takes the cell after the step for the forget gate",),
    ),
    Unseen(
        "LSTM",
        "forgets the tanh of the cell on the way back and counts dlast's cell twice",
        but(
            LSTM_LISTS,
            ("dhid * o * (1 - tc**2)", "dhid * o"),
            ("(dlast[:, 0], dlast[:, 1])", "(dlast[:, 0], 2 * dlast[:, 1])"),
        ),
        (),
        double=True,
    ),
    # --- GRU ---------------------------------------------------------------------------------
    Unseen(
        "GRU",
        "exchanges z and 1 − z",
        but(
            GRU,
            ("(1 - self.z[t]) * self.n[t] + self.z[t] * h[t]", "self.z[t] * self.n[t] + (1 - self.z[t]) * h[t]"),
            ("active * (1 - z) * (1 - n * n)", "active * z * (1 - n * n)"),
            ("active * (self.h[t] - n)", "active * (n - self.h[t])"),
            ("+ active * z\n", "+ active * (1 - z)\n"),
        ),
        ("own forward",),
        also=("mistake: exchanges the update gate and its complement",),
    ),
    Unseen(
        "GRU",
        "resets the state before the product",
        """
def forward(self, x, state=None, mask=None):
    h, k = self.begin(x, state), self.out_features
    W, U, b = self.W.data, self.U.data, self.b.data
    self.tape, hs = [], []
    for t in range(x.shape[1]):
        r = sigmoid(x[:, t] @ W[:, :k] + h @ U[:, :k] + b[:k])
        z = sigmoid(x[:, t] @ W[:, k : 2 * k] + h @ U[:, k : 2 * k] + b[k : 2 * k])
        n = np.tanh(x[:, t] @ W[:, 2 * k :] + b[2 * k :] + (r * h) @ U[:, 2 * k :] + self.bn.data)
        on = True if mask is None else mask[:, t, None] != 0
        self.tape.append((x[:, t], h, r, z, n, on))
        h = np.where(on, (1 - z) * n + z * h, h)
        hs.append(h)
    return np.stack(hs, axis=1), h

def backward(self, dh, dlast=None):
    k, U = self.out_features, self.U.data
    g = self.begin(dh, dlast)
    dx = np.zeros((*dh.shape[:2], self.W.shape[0]), dtype=dh.dtype)
    for t in reversed(range(dh.shape[1])):
        x, h, r, z, n, on = self.tape[t]
        g = g + dh[:, t]
        held, g = np.where(on, 0 * g, g), np.where(on, g, 0 * g)
        dn = g * (1 - z) * (1 - n**2)
        drh = dn @ U[:, 2 * k :].T
        dr = drh * h * r * (1 - r)
        dz = g * (h - n) * z * (1 - z)
        both = np.hstack([dr, dz, dn])
        self.W.grad += x.T @ both
        self.b.grad += both.sum(axis=0)
        self.bn.grad += dn.sum(axis=0)
        self.U.grad[:, : 2 * k] += h.T @ both[:, : 2 * k]
        self.U.grad[:, 2 * k :] += (r * h).T @ dn
        dx[:, t] = both @ self.W.data.T
        g = held + g * z + drh * r + both[:, : 2 * k] @ U[:, : 2 * k].T
    return dx, g
""",
        ("own forward",),
        also=("mistake: resets the state before the product",),
    ),
    Unseen(
        "GRU",
        "forgets the straight way to the state before",
        but(GRU, (" + active * z\n", "\n")),
        (),
        also=("mistake: forgets the straight way",),
    ),
    Unseen(
        "GRU",
        "gives bn the gradient of the input's bias",
        but(GRU_LISTS, ("self.bn.grad += dq.sum", "self.bn.grad += dn.sum")),
        (),
        also=("mistake: gives both biases the same gradient",),
    ),
    Unseen(
        "GRU",
        "keeps the hidden states in float64",
        but(
            GRU,
            ("h = xp.empty((len(a) + 1, a.shape[1], H), dtype=a.dtype)", "h = xp.empty((len(a) + 1, a.shape[1], H))"),
        ),
        ("dtype",),
    ),
    Unseen(
        "GRU",
        "takes the mask for where to hold",
        GRU_LISTS.replace("mask[:, t : t + 1] != 0", "mask[:, t : t + 1] == 0"),
        ("inverted mask",),
        also=("own forward",),
    ),
    Unseen(
        "GRU",
        "sends the input's gradient through U and forgets bn's",
        but(
            GRU_LISTS,
            ("        self.bn.grad += dq.sum(axis=0)\n", ""),
            ("self.U.grad += h.T @ np.hstack([dr, dz, dq])", "self.U.grad += h.T @ np.hstack([dr, dz, dn])"),
        ),
        ("zeros",),
        double=True,
        also=("mistake: forgets the gradient of the bias of the product", "mistake: gives U the gradient of the input"),
    ),
    # --- StackedRNN --------------------------------------------------------------------------
    Unseen(
        "StackedRNN",
        "gives every layer the state of the first",
        but(STACK, ("layer.forward(h, state[:, n], mask)", "layer.forward(h, state[:, 0], mask)")),
        (),
        also=("mistake: begins every layer with the first one's state",),
    ),
    Unseen(
        "StackedRNN",
        "gives the states' gradients back from the top to the bottom",
        but(STACK, ("dstate[::-1]", "dstate")),
        ("reversed along axis 1", "reordered", "shifted along axis 1"),
        also=("mistake: returns the states' gradients from the top down",),
    ),
    Unseen(
        "StackedRNN",
        "goes back around the dropout",
        but(STACK_ARRAYS, ("        if k < len(self.dropouts):\n            dh = self.dropouts[k].backward(dh)\n", "")),
        (),
        also=("mistake: forgets the dropout going back",),
    ),
    Unseen(
        "StackedRNN",
        "tells the first layer alone of the mask",
        but(STACK_ARRAYS, ("forward(x, mine, mask)", "forward(x, mine, mask if k == 0 else None)")),
        (),
        also=("mistake: gives the mask to the first layer only",),
    ),
    Unseen(
        "StackedRNN",
        "drops out before every layer but the last",
        """
def forward(self, x, state=None, mask=None):
    ends, state = [], self.begin(x, state)
    for n, layer in enumerate(self.layers):
        if n < len(self.dropouts):
            x = self.dropouts[n](x)
        x, end = layer.forward(x, state[:, n], mask)
        ends.append(end)
    return x, np.stack(ends, axis=1)

def backward(self, dh, dlast=None):
    begins, dlast = [], self.begin(dh, dlast)
    for n, layer in reversed(list(enumerate(self.layers))):
        dh, begin = layer.backward(dh, dlast[:, n])
        begins.insert(0, begin)
        if n < len(self.dropouts):
            dh = self.dropouts[n].backward(dh)
    return dh, np.stack(begins, axis=1)
""",
        ("own forward",),
        also=("mistake: puts dropout in front of the first layer",),
    ),
    Unseen(
        "StackedRNN",
        "drops out in evaluation too",
        """
def forward(self, x, state=None, mask=None):
    xp, state, ends, self.kept = array_module(x), self.begin(x, state), [], []
    for n, layer in enumerate(self.layers):
        if n:
            d = self.dropouts[n - 1]
            self.kept.append((d.rng.random(x.shape, dtype="float32") >= d.p).astype(x.dtype) / (1 - d.p))
            x = x * self.kept[-1]
        x, end = layer.forward(x, state[:, n], mask)
        ends.append(end)
    return x, xp.stack(ends, axis=1)

def backward(self, dh, dlast=None):
    xp, dlast, begins = array_module(dh), self.begin(dh, dlast), []
    for n in range(len(self.layers) - 1, -1, -1):
        dh, begin = self.layers[n].backward(dh, dlast[:, n])
        begins.append(begin)
        if n:
            dh = dh * self.kept[n - 1]
    return dh, xp.stack(begins[::-1], axis=1)
""",
        ("training in eval",),
        also=("mistake: drops in evaluation as well",),
    ),
    Unseen(
        "StackedRNN",
        "begins every layer at zero and gives back the top layer's states alone",
        but(
            STACK,
            ("layer.forward(h, state[:, n], mask)", "layer.forward(h, None, mask)"),
            ("return h, array_module(x).stack(last, axis=1)", "return h, last[-1]"),
        ),
        ("ignores state",),
        double=True,
        also=("mistake: forgets the state that comes in",),
    ),
    # --- Bidirectional -----------------------------------------------------------------------
    Unseen(
        "Bidirectional",
        "leaves the second half turned round",
        but(BOTH, ("xp.concatenate([a, b[:, ::-1]], axis=2)", "xp.concatenate([a, b], axis=2)")).replace(
            "dh[:, ::-1, middle:]", "dh[:, :, middle:]"
        ),
        ("own forward",),
        also=("mistake: does not turn dh for the second layer", "mistake: does not turn the hidden states back"),
    ),
    Unseen(
        "Bidirectional",
        "does not turn the mask",
        but(BOTH, ("turned = None if mask is None else mask[:, ::-1]", "turned = mask")),
        ("own forward",),
        also=("mistake: turns the sequence and not the mask",),
    ),
    Unseen(
        "Bidirectional",
        "does not turn back's dx",
        but(BOTH_FLIPPED, ("return dx + xp.flip(other, axis=1), dstate", "return dx + other, dstate")),
        (),
        also=("mistake: does not turn the second layer's gradient back",),
    ),
    Unseen(
        "Bidirectional",
        "turns the batch and not the time",
        BOTH_FLIPPED.replace("axis=1", "axis=0"),
        ("own forward",),
    ),
    Unseen(
        "Bidirectional",
        "reads with the same layer both ways",
        BOTH.replace("self.back.", "self.there."),
        ("zeros", "ignores back*"),
    ),
    Unseen(
        "Bidirectional",
        "takes the state beside the last step for back's last",
        but(
            BOTH,
            ("axis=2), xp.stack([end_a, end_b], axis=1)", "axis=2), xp.stack([end_a, b[:, 0]], axis=1)"),
        ),
        (),
    ),
    Unseen(
        "Bidirectional",
        "exchanges the parts of dlast and keeps the gradient of one reader alone",
        but(
            BOTH_FLIPPED,
            (
                "dx, dstate[:, 0] = self.there.backward(dh[..., :k], dlast[:, 0])",
                "dx, dstate[:, 0] = self.there.backward(dh[..., :k], dlast[:, 1])",
            ),
            ("axis=1), dlast[:, 1])", "axis=1), dlast[:, 0])"),
            ("return dx + xp.flip(other, axis=1), dstate", "return dx, dstate"),
        ),
        (),
        double=True,
        also=("ignores back.P",),
    ),
    # --- truncated_bptt ----------------------------------------------------------------------
    Unseen(
        "truncated_bptt",
        "averages the pieces as if they were equally long",
        but(
            BPTT_WHILE,
            ("sum(value * count for value, count in zip(losses, counts)) / sum(counts)", "sum(losses) / len(losses)"),
        ),
        (),
        also=("mistake: averages the pieces whatever their length",),
    ),
    Unseen(
        "truncated_bptt",
        "begins every piece anew",
        but(
            BPTT,
            (
                "prediction, state = model.forward(x[:, piece], state)",
                "prediction, last = model.forward(x[:, piece], state)",
            ),
            ("return total, state", "return total, last"),
        ),
        (),
        also=("mistake: begins every piece with the first state",),
    ),
    Unseen(
        "truncated_bptt",
        "leaves a shorter last piece out",
        but(BPTT, ("range(0, time, steps)", "range(0, time - steps + 1, steps)")),
        (),
        also=("mistake: leaves out the shorter piece",),
    ),
    Unseen(
        "truncated_bptt",
        "never clears the gradients",
        but(BPTT_WHILE, ("        optimizer.zero_grad()\n", "")),
        (),
        also=("mistake: never clears the gradients",),
    ),
    Unseen(
        "truncated_bptt",
        "takes one step at the end of the book",
        but(
            BPTT,
            ("        optimizer.zero_grad()\n", ""),
            ("        optimizer.step()\n", "    optimizer.step()\n"),
            ("    for first", "    optimizer.zero_grad()\n    for first"),
        ),
        (),
        also=("mistake: updates once at the end",),
    ),
    Unseen(
        "truncated_bptt",
        "puts steps first in the predictions and sequences first in the targets",
        but(
            BPTT,
            ("rows = prediction.reshape(-1,", "rows = prediction.swapaxes(0, 1).reshape(-1,"),
        ),
        (),
    ),
    Unseen(
        "truncated_bptt",
        "returns the last piece's loss and the state before it",
        """
def truncated_bptt(x, y, state=None, *, model, loss, optimizer, steps):
    after = state
    for start in range(0, x.shape[1], steps):
        state = after
        scores, after = model.forward(x[:, start : start + steps], state)
        labels = y[:, start : start + steps]
        value = loss.forward(scores.reshape(-1, *scores.shape[2:]), labels.reshape(-1, *labels.shape[2:]))
        optimizer.zero_grad()
        model.backward(loss.backward().reshape(scores.shape))
        optimizer.step()
    return value, state
""",
        (),
        double=True,
    ),
    Unseen(
        "truncated_bptt",
        "clears the gradients before the step and adds the losses up",
        but(
            BPTT,
            ("error * (target.shape[1] / time)", "error"),
            ("        optimizer.zero_grad()\n", ""),
            ("        optimizer.step()\n", "        optimizer.zero_grad()\n        optimizer.step()\n"),
        ),
        ("does not move",),
        double=True,
        also=("ignores state", "zeros"),
    ),
    # --- RecursiveNet ------------------------------------------------------------------------
    Unseen(
        "RecursiveNet",
        "lays the right child before the left one",
        but(
            TREE_LOOPS.replace("np.append(self.h[s, l], self.h[s, r])", "np.append(self.h[s, r], self.h[s, l])"),
            ("dh[l] += self.W.data[:d] @ da", "dh[r] += self.W.data[:d] @ da"),
            ("dh[r] += self.W.data[d:] @ da", "dh[l] += self.W.data[d:] @ da"),
        ),
        ("own forward",),
        also=("mistake: exchanges left and right",),
    ),
    Unseen(
        "RecursiveNet",
        "goes through the forks in the same order on the way back",
        but(TREE, ("for n in reversed(range(tree.shape[1])):", "for n in range(tree.shape[1]):")),
        (),
        also=("mistake: goes through the forks from the first to the last",),
    ),
    Unseen(
        "RecursiveNet",
        "writes to a child instead of adding",
        but(TREE_LOOPS, ("dh[l] +=", "dh[l] ="), ("dh[r] +=", "dh[r] =")),
        ("one share of several",),
        also=("mistake: loses a share of a node that is used twice",),
    ),
    Unseen(
        "RecursiveNet",
        "loses a share where one node is both children",
        but(
            TREE,
            (
                "        dh[rows, left] += dpair[:, :features]\n        dh[rows, right] += dpair[:, features:]\n",
                "        dh[rows[:, None], tree[:, n]] += dpair.reshape(-1, 2, features)\n",
            ),
        ),
        ("one share of several",),
        also=("mistake: loses one of the shares where both children are the same leaf",),
    ),
    Unseen(
        "RecursiveNet",
        "grows every tree by the first one's table",
        but(
            TREE,
            ("h[rows, tree[:, n, 0]], h[rows, tree[:, n, 1]]", "h[:, tree[0, n, 0]], h[:, tree[0, n, 1]]"),
            ("left, right = tree[:, n, 0], tree[:, n, 1]", "left, right = tree[0, n]"),
        ),
        ("own forward",),
        also=("mistake: gives all trees the form of the first",),
    ),
    Unseen(
        "RecursiveNet",
        "begins at the root alone and forgets the slope for the bias",
        but(
            TREE,
            ("dh[:, leaves:] = dy", "dh[:, -1] = dy[:, -1]"),
            ("self.b.grad += da.sum(axis=0)", "self.b.grad += dh[:, leaves + n].sum(axis=0)"),
        ),
        (),
        double=True,
    ),
    # --- CausalConv1d ------------------------------------------------------------------------
    Unseen(
        "CausalConv1d",
        "lets the first cell meet the present",
        CAUSAL_SHIFTS.replace("lag = (size - 1 - k) * self.dilation", "lag = k * self.dilation"),
        ("own forward",),
        also=("mistake: reverses the kernel in time",),
    ),
    Unseen(
        "CausalConv1d",
        "pads on both sides alike",
        """
def forward(self, x):
    xp = array_module(x)
    size, time = self.W.shape[2], x.shape[1]
    p = self.dilation * (size - 1)
    self.left = p // 2
    self.big = xp.pad(x, ((0, 0), (self.left, p - self.left), (0, 0)))
    y = self.b.data
    for k in range(size):
        y = y + self.big[:, k * self.dilation : k * self.dilation + time] @ self.W.data[:, :, k].T
    return y

def backward(self, dy):
    xp = array_module(dy)
    dbig, time = xp.zeros_like(self.big), dy.shape[1]
    for k in range(self.W.shape[2]):
        now = slice(k * self.dilation, k * self.dilation + time)
        self.W.grad[:, :, k] += xp.einsum("nto,nti->oi", dy, self.big[:, now])
        dbig[:, now] += dy @ self.W.data[:, :, k]
    self.b.grad += dy.sum(axis=(0, 1))
    return dbig[:, self.left : self.left + time]
""",
        ("own forward",),
        also=("mistake: pads on both sides, and so looks ahead",),
    ),
    Unseen(
        "CausalConv1d",
        "has no dilation",
        CAUSAL_SHIFTS.replace("lag = (size - 1 - k) * self.dilation", "lag = size - 1 - k"),
        ("ignores dilation",),
        also=("mistake: ignores the dilation",),
    ),
    Unseen(
        "CausalConv1d",
        "cuts the padding off dx at the wrong end",
        but(CAUSAL, ("return dpadded[:, self.dilation * (size - 1) :]", "return dpadded[:, :time]")),
        (),
        also=("mistake: cuts the padding off at the wrong end",),
    ),
    Unseen(
        "CausalConv1d",
        "averages the bias gradient over steps and sequences",
        but(CAUSAL, ("flat.sum(axis=0)", "flat.mean(axis=0)")),
        ("factor *",),
    ),
    Unseen(
        "CausalConv1d",
        "forgets the bias and overwrites the weight gradient",
        but(
            CAUSAL_SHIFTS,
            ("return y + self.b.data", "return y"),
            ("self.W.grad[..., k] += xp", "self.W.grad[..., k] = xp"),
        ),
        ("ignores b", "term *", "not accumulated"),
        double=True,
        also=("mistake: forgets the bias", "mistake: overwrites the gradient of the weights"),
    ),
    # --- TCNBlock ----------------------------------------------------------------------------
    Unseen(
        "TCNBlock",
        "leaves the ReLU behind the second convolution out",
        but(
            BLOCK,
            ("u = self.relu2.forward(self.conv2.forward(u))", "u = self.conv2.forward(u)"),
            ("self.conv2.backward(self.relu2.backward(dh))", "self.conv2.backward(dh)"),
        ),
        ("own forward",),
        also=("mistake: forgets the ReLU behind the second convolution",),
    ),
    Unseen(
        "TCNBlock",
        "has one ReLU for all three",
        BLOCK.replace("self.relu2", "self.relu1").replace("self.relu3", "self.relu1"),
        (),
    ),
    Unseen(
        "TCNBlock",
        "forgets the gradient of the way around",
        but(BLOCK_MASKS, ("return dx + way", "return dx")),
        (),
        also=("mistake: sends nothing around going back",),
    ),
    Unseen(
        "TCNBlock",
        "goes back through the projection by its matrix alone",
        but(
            BLOCK_MASKS,
            ("else self.projection.backward(d)", "else d @ self.projection.W.data[:, :, 0]"),
        ),
        ("zeros",),
    ),
    Unseen(
        "TCNBlock",
        "gives the way around dy from before the last ReLU",
        but(
            BLOCK,
            (
                "self.projection.backward(dh) if self.projection else dh",
                "self.projection.backward(dy) if self.projection else dy",
            ),
        ),
        (),
        also=("ignores conv1.W", "ignores projection.b"),
    ),
    Unseen(
        "TCNBlock",
        "turns the first mask over and has no ReLU at the end",
        but(
            BLOCK_MASKS,
            ("du * self.m1", "du * ~self.m1"),
            ("return y * self.m3", "return y"),
            ("self.m3 = y > 0", "self.m3 = 1"),
        ),
        (),
        double=True,
        also=("mistake: forgets the ReLU after the sum",),
    ),
    Unseen(
        "TCNBlock",
        "adds the way around in front of the second ReLU and goes back along one way",
        """
def forward(self, x):
    h = self.conv2(self.relu1(self.conv1(x)))
    if self.projection is not None:
        x = self.projection(x)
    return self.relu2(h + x)

def backward(self, dy):
    for layer in (self.relu2, self.conv2, self.relu1, self.conv1):
        dy = layer.backward(dy)
    return dy
""",
        (),
        double=True,
        also=("mistake: forgets the ReLU behind the second convolution",),
    ),
    # --- LocallyConnected1d ------------------------------------------------------------------
    Unseen(
        "LocallyConnected1d",
        "uses the first place's weights everywhere",
        LOCAL_PLACES.replace("self.W.data[p]", "self.W.data[0]"),
        (),
        also=(
            "mistake: uses the weights of the first place everywhere",
            "mistake: uses the weights of the first place going back",
        ),
    ),
    Unseen(
        "LocallyConnected1d",
        "moves by one step whatever the stride",
        LOCAL_PLACES.replace("at = p * self.stride", "at = p"),
        ("ignores stride",),
        also=("mistake: ignores the stride",),
    ),
    Unseen(
        "LocallyConnected1d",
        "overwrites where windows overlap",
        but(LOCAL_PLACES, ("dx[:, at : at + size] +=", "dx[:, at : at + size] =")),
        ("one share of several",),
    ),
    Unseen(
        "LocallyConnected1d",
        "keeps the windows of the first call",
        but(
            LOCAL,
            (
                "    self.windows, self.shape = windows.reshape(places, len(x), -1), x.shape\n",
                """
    windows, self.shape = windows.reshape(places, len(x), -1), x.shape
    if not hasattr(self, "windows"):
        self.windows = windows
""",
            ),
            ("return (self.windows @", "return (windows @"),
        ),
        ("stale",),
    ),
    Unseen(
        "LocallyConnected1d",
        "flattens a window steps first",
        """
def forward(self, x):
    places, out, channels, size = self.W.shape
    self.shape = x.shape
    self.u = np.stack([x[:, p * self.stride : p * self.stride + size].reshape(len(x), -1) for p in range(places)])
    return np.swapaxes(self.u @ self.W.data.reshape(places, out, -1).swapaxes(1, 2), 0, 1) + self.b.data

def backward(self, dy):
    places, out, channels, size = self.W.shape
    d = np.swapaxes(dy, 0, 1)
    self.W.grad += (d.swapaxes(1, 2) @ self.u).reshape(self.W.shape)
    self.b.grad += d.sum(axis=1)
    du = d @ self.W.data.reshape(places, out, -1)
    dx = np.zeros(self.shape, dtype=dy.dtype)
    for p in range(places):
        dx[:, p * self.stride : p * self.stride + size] += du[p].reshape(-1, size, channels)
    return dx
""",
        ("own forward",),
    ),
    Unseen(
        "LocallyConnected1d",
        "sums the bias gradient over places",
        but(LOCAL, ("self.b.grad += dy.sum(axis=0)", "self.b.grad += dy.sum(axis=(0, 1))")),
        ("summed too far",),
        also=("mistake: sums the gradient of the bias over the places",),
    ),
    Unseen(
        "LocallyConnected1d",
        "cuts dx off behind the last window and averages the weight gradient",
        but(
            LOCAL,
            ("@ self.windows).reshape(self.W.shape)", "@ self.windows).reshape(self.W.shape) / dy.shape[1]"),
            ("    return dx\n", "    return dx[:, : self.stride * (places - 1) + size]\n"),
        ),
        ("cut short", "factor 1/rows"),
        double=True,
    ),
)
