"""Right solutions of 07_recurrent that are written in other ways than the reference earn full marks at every check."""

import numpy as np
import pytest

ASSIGNMENT = "07_recurrent"

OTHERWISE = {
    # lists of steps, one product a step, the mask by arithmetic, names of one's own
    "RNN": """
class RNN(Recurrent):
    def __init__(self, in_features, hidden, *, rng):
        self.out_features, self.state_shape = hidden, (hidden,)
        self.W, self.U = self.draw(in_features, hidden, rng), self.draw(hidden, hidden, rng)
        self.b = Parameter(zeros(hidden))

    def forward(self, x, state=None, mask=None):
        xp = array_module(x)
        keep = xp.ones(x.shape[:2], dtype=x.dtype) if mask is None else mask.astype(x.dtype)
        self.seen, shown = [], []
        now = self.begin(x, state)
        for t in range(x.shape[1]):
            m = keep[:, t : t + 1]
            new = xp.tanh(x[:, t] @ self.W.data + now @ self.U.data + self.b.data)
            self.seen.append((x[:, t], now, new, m))
            now = m * new + (1 - m) * now
            shown.append(now)
        return xp.stack(shown, axis=1), now

    def backward(self, dh, dlast=None):
        xp = array_module(dh)
        carried, dx = (0 if dlast is None else dlast), []
        for t, (x, before, new, m) in reversed(list(enumerate(self.seen))):
            carried = carried + dh[:, t]
            dz = m * carried * (1 - new**2)
            self.W.grad += x.T @ dz
            self.U.grad += before.T @ dz
            self.b.grad += dz.sum(axis=0)
            dx.insert(0, dz @ self.W.data.T)
            carried = dz @ self.U.data.T + (1 - m) * carried
        return xp.stack(dx, axis=1), carried
""",
    # the sigmoid by exp, gates cut by split, everything computed again from x and the states in backward
    "LSTM": """
class LSTM(Recurrent):
    def __init__(self, in_features, hidden, *, rng):
        self.out_features, self.state_shape = hidden, (2, hidden)
        self.W, self.U = self.draw(in_features, 4 * hidden, rng), self.draw(hidden, 4 * hidden, rng)
        self.b = Parameter(self.first_bias(hidden))

    def first_bias(self, hidden):
        return asarray([0.0] * hidden + [1.0] * hidden + [0.0] * (2 * hidden))

    def gates(self, t):
        xp = array_module(self.x)
        z = self.x[:, t] @ self.W.data + self.states[t][0] @ self.U.data + self.b.data
        i, f, g, o = xp.split(z, 4, axis=1)
        return 1 / (1 + xp.exp(-i)), 1 / (1 + xp.exp(-f)), xp.tanh(g), 1 / (1 + xp.exp(-o))

    def forward(self, x, state=None, mask=None):
        xp = array_module(x)
        begin = self.begin(x, state)
        self.x, self.mask, self.states = x, mask, [(begin[:, 0], begin[:, 1])]
        for t in range(x.shape[1]):
            h, c = self.states[t]
            i, f, g, o = self.gates(t)
            new = (i * g + f * c)
            pair = (o * xp.tanh(new), new)
            if mask is not None:
                m = mask[:, t].astype(bool)[:, None]
                pair = tuple(xp.where(m, a, b) for a, b in zip(pair, (h, c)))
            self.states.append(pair)
        return xp.stack([h for h, _ in self.states[1:]], axis=1), xp.stack(list(self.states[-1]), axis=1)

    def backward(self, dh, dlast=None):
        xp = array_module(dh)
        end = self.begin(dh, dlast)
        gh, gc = end[:, 0], end[:, 1]
        dx = xp.zeros_like(self.x)
        for t in range(self.x.shape[1] - 1, -1, -1):
            gh = gh + dh[:, t]
            h, c = self.states[t]
            i, f, g, o = self.gates(t)
            s = xp.tanh(f * c + i * g)
            dc = gc + gh * o * (1 - s**2)
            dz = xp.concatenate(
                [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), gh * s * o * (1 - o)], axis=1
            )
            on = True if self.mask is None else self.mask[:, t].astype(bool)[:, None]
            dz = dz * on
            self.W.grad += self.x[:, t].T @ dz
            self.U.grad += h.T @ dz
            self.b.grad += dz.sum(axis=0)
            dx[:, t] = dz @ self.W.data.T
            if self.mask is None:
                gh, gc = dz @ self.U.data.T, dc * f
            else:
                gh, gc = xp.where(on, dz @ self.U.data.T, gh), xp.where(on, dc * f, gc)
        return dx, xp.stack([gh, gc], axis=1)
""",
    # three products, the mix as it stands in the formula
    "GRU": """
class GRU(Recurrent):
    def __init__(self, in_features, hidden, *, rng):
        self.out_features, self.state_shape = hidden, (hidden,)
        self.W, self.U = self.draw(in_features, 3 * hidden, rng), self.draw(hidden, 3 * hidden, rng)
        self.b, self.bn = Parameter(zeros(3 * hidden)), Parameter(zeros(hidden))

    def forward(self, x, state=None, mask=None):
        xp, n = array_module(x), self.out_features
        (Wr, Wz, Wn), (Ur, Uz, Un) = (xp.split(p.data, 3, axis=1) for p in (self.W, self.U))
        br, bz, bn = self.b.data[:n], self.b.data[n : 2 * n], self.b.data[2 * n :]
        h, self.memory, hs = self.begin(x, state), [], []
        for t in range(x.shape[1]):
            r, z = sigmoid(x[:, t] @ Wr + h @ Ur + br), sigmoid(x[:, t] @ Wz + h @ Uz + bz)
            q = h @ Un + self.bn.data
            proposal = xp.tanh(x[:, t] @ Wn + bn + r * q)
            m = None if mask is None else mask[:, t][:, None] != 0
            self.memory.append((x[:, t], h, r, z, q, proposal, m))
            new = (1 - z) * proposal + z * h
            h = new if m is None else xp.where(m, new, h)
            hs.append(h)
        return xp.stack(hs, axis=1), h

    def backward(self, dh, dlast=None):
        xp = array_module(dh)
        g, dxs = self.begin(dh, dlast), []
        for t in reversed(range(dh.shape[1])):
            x, h, r, z, q, n, m = self.memory[t]
            g = g + dh[:, t]
            a = g if m is None else g * m
            dn = a * (1 - z) * (1 - n * n)
            dr, dz, dq = dn * q * r * (1 - r), a * (h - n) * z * (1 - z), dn * r
            into, back = xp.concatenate([dr, dz, dn], axis=1), xp.concatenate([dr, dz, dq], axis=1)
            self.W.grad += x.T @ into
            self.U.grad += h.T @ back
            self.b.grad += into.sum(axis=0)
            self.bn.grad += dq.sum(axis=0)
            dxs.append(into @ self.W.data.T)
            through = a * z + back @ self.U.data.T
            g = through if m is None else xp.where(m, through, g)
        return xp.stack(dxs[::-1], axis=1), g
""",
    # the state is left to the layers where there is none, arrays are filled in place of stacked
    "StackedRNN": """
class StackedRNN(Recurrent):
    def __init__(self, layers, dropout=0.0, *, rng):
        self.layers, self.dropouts = layers, [Dropout(dropout, rng=rng) for _ in layers[1:]]
        self.out_features, self.state_shape = layers[-1].out_features, (len(layers), *layers[0].state_shape)

    def forward(self, x, state=None, mask=None):
        last = self.begin(x, None)
        for n in range(len(self.layers)):
            x, last[:, n] = self.layers[n].forward(x, None if state is None else state[:, n], mask)
            if n < len(self.dropouts):
                x = self.dropouts[n].forward(x)
        return x, last

    def backward(self, dh, dlast=None):
        dstate = self.begin(dh, None)
        for n in range(len(self.layers))[::-1]:
            if n < len(self.dropouts):
                dh = self.dropouts[n].backward(dh)
            dh, dstate[:, n] = self.layers[n].backward(dh, dlast if dlast is None else dlast[:, n])
        return dh, dstate
""",
    # flip in place of a slice, split in place of an index
    "Bidirectional": """
class Bidirectional(Recurrent):
    def __init__(self, there, back):
        self.there, self.back = there, back
        self.out_features, self.state_shape = there.out_features + back.out_features, (2, *there.state_shape)

    def forward(self, x, state=None, mask=None):
        xp = array_module(x)
        first, second = (None, None) if state is None else (state[:, 0], state[:, 1])
        right, end = self.there.forward(x, first, mask)
        left, begin = self.back.forward(xp.flip(x, axis=1), second, None if mask is None else xp.flip(mask, axis=1))
        return xp.concatenate((right, xp.flip(left, axis=1)), axis=-1), xp.stack((end, begin), axis=1)

    def backward(self, dh, dlast=None):
        xp = array_module(dh)
        right, left = xp.split(dh, [self.there.out_features], axis=2)
        ends = [None, None] if dlast is None else [dlast[:, 0], dlast[:, 1]]
        dx, dfirst = self.there.backward(right, ends[0])
        turned, dsecond = self.back.backward(xp.flip(left, axis=1), ends[1])
        return dx + xp.flip(turned, axis=1), xp.stack((dfirst, dsecond), axis=1)
""",
    # a while loop, losses weighed at the end
    "truncated_bptt": """
def truncated_bptt(x, y, state=None, *, model, loss, optimizer, steps):
    losses, lengths, start = [], [], 0
    while start < x.shape[1]:
        here, wanted = x[:, start : start + steps], y[:, start : start + steps]
        scores, state = model.forward(here, state)
        optimizer.zero_grad()
        count = wanted.shape[0] * wanted.shape[1]
        losses.append(loss.forward(scores.reshape(count, -1), wanted.reshape((count,) + wanted.shape[2:])))
        lengths.append(wanted.shape[1])
        model.backward(loss.backward().reshape(scores.shape), None)
        optimizer.step()
        start += steps
    return sum(one * length for one, length in zip(losses, lengths)) / x.shape[1], state
""",
    # a list of nodes, two halves of W in place of joined pairs, one-hot rows of the tree in place of indices
    "RecursiveNet": """
class RecursiveNet(Layer):
    def __init__(self, features, *, rng):
        self.W = Parameter(rng.normal(0, 1, (2 * features, features)))
        self.b = Parameter(zeros(features))

    def forward(self, x, tree):
        xp = array_module(x)
        self.count, self.trail = x.shape[1], []
        nodes, upper = [x[:, j] for j in range(x.shape[1])], x.shape[2]
        self.tree = xp.eye(x.shape[1] + tree.shape[1], dtype=x.dtype)[tree]
        for n in range(tree.shape[1]):
            known = xp.stack(nodes, axis=1)
            left, right = (xp.einsum("bk,bkf->bf", self.tree[:, n, side, : len(nodes)], known) for side in (0, 1))
            nodes.append(xp.tanh(left @ self.W.data[:upper] + right @ self.W.data[upper:] + self.b.data))
            self.trail.append((left, right, nodes[-1]))
        return xp.stack(nodes[x.shape[1] :], axis=1)

    def backward(self, dy):
        xp, upper = array_module(dy), dy.shape[2]
        dnodes = xp.concatenate([xp.zeros((len(dy), self.count, upper), dtype=dy.dtype), dy], axis=1)
        for n, (left, right, h) in reversed(list(enumerate(self.trail))):
            da = dnodes[:, self.count + n] * (1 - h) * (1 + h)
            self.W.grad[:upper] += left.T @ da
            self.W.grad[upper:] += right.T @ da
            self.b.grad += xp.ones(len(da), dtype=da.dtype) @ da
            for side, half in ((0, self.W.data[:upper]), (1, self.W.data[upper:])):
                dnodes = dnodes + self.tree[:, n, side, :, None] * (da @ half.T)[:, None]
        return dnodes[:, : self.count]
""",
    # every output's steps are fetched by index, with a row of zeros for what was before the beginning
    "CausalConv1d": """
class CausalConv1d(Layer):
    def __init__(self, in_channels, out_channels, kernel_size, dilation=1, *, rng):
        self.W = Parameter(rng.normal(0, 1, (out_channels, in_channels, kernel_size)))
        self.b = Parameter(zeros(out_channels))
        self.distance = dilation

    def forward(self, x):
        xp, size = array_module(x), self.W.shape[2]
        back = self.distance * (size - 1 - xp.arange(size))
        self.where = xp.maximum(xp.arange(1, x.shape[1] + 1)[:, None] - back, 0)
        x = xp.concatenate([0 * x[:, :1], x], axis=1)
        self.fetched = x[:, self.where]
        return xp.einsum("btkc,ock->bto", self.fetched, self.W.data) + self.b.data

    def backward(self, dy):
        xp = array_module(dy)
        self.W.grad += xp.einsum("bto,btkc->ock", dy, self.fetched)
        self.b.grad += xp.einsum("bto->o", dy)
        dfetched = xp.einsum("bto,ock->btkc", dy, self.W.data)
        goes_to = xp.eye(dy.shape[1] + 1, dtype=dy.dtype)[self.where]
        return xp.einsum("btkc,tks->bsc", dfetched, goes_to)[:, 1:]
""",
    # masks in place of ReLU layers
    "TCNBlock": """
class TCNBlock(Layer):
    def __init__(self, in_channels, out_channels, kernel_size, dilation=1, *, rng):
        self.conv1 = CausalConv1d(in_channels, out_channels, kernel_size, dilation, rng=rng)
        self.conv2 = CausalConv1d(out_channels, out_channels, kernel_size, dilation, rng=rng)
        self.projection = None
        if in_channels != out_channels:
            self.projection = CausalConv1d(in_channels, out_channels, 1, rng=rng)

    def forward(self, x):
        self.open = []
        h = self.shut(self.conv2.forward(self.shut(self.conv1.forward(x))))
        return self.shut(h + (x if self.projection is None else self.projection.forward(x)))

    def shut(self, h):
        self.open.append(h > 0)
        return h * self.open[-1]

    def backward(self, dy):
        first, second, last = self.open
        dsum = dy * last
        through = self.conv1.backward(self.conv2.backward(dsum * second) * first)
        return through + (dsum if self.projection is None else self.projection.backward(dsum))
""",
    # one einsum over windows that are fetched by index
    "LocallyConnected1d": """
class LocallyConnected1d(Layer):
    def __init__(self, in_channels, out_channels, length, kernel_size, stride=1, *, rng):
        places = (length - kernel_size) // stride + 1
        self.W = Parameter(rng.normal(0, 1, (places, out_channels, in_channels, kernel_size)))
        self.b = Parameter(zeros((places, out_channels)))
        self.step = stride

    def forward(self, x):
        xp, (places, _, _, size) = array_module(x), self.W.shape
        self.where, self.length = self.step * xp.arange(places)[:, None] + xp.arange(size), x.shape[1]
        self.fetched = x[:, self.where]
        return xp.einsum("bpkc,pock->bpo", self.fetched, self.W.data) + self.b.data

    def backward(self, dy):
        xp = array_module(dy)
        self.W.grad += xp.einsum("bpo,bpkc->pock", dy, self.fetched)
        self.b.grad += xp.einsum("bpo->po", dy)
        goes_to = xp.eye(self.length, dtype=dy.dtype)[self.where]
        return xp.einsum("bpo,pock,pks->bsc", dy, self.W.data, goes_to)
""",
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_another_right_solution_passes_every_check(loaded, name):
    exercise = loaded.assignment.exercise(name)
    reference = loaded.subject(exercise)
    subject = loaded.subject(exercise, loaded.variant(exercise, OTHERWISE[name]))
    rng = np.random.default_rng(3)
    asked = 0
    for check in exercise.checks:
        if check.budget:
            continue
        backend = check.backend or "numpy"
        for case in check.cases(rng, reference):
            expected = check.expect(reference, case, rng) if check.expect else check.observe(reference, case)
            found = check.judge(check.observe(subject.on(backend), case), expected, case)
            assert found is None, (check.name, found.sentence)
            asked += 1
    assert asked > 3


def test_every_exercise_but_the_capstones_is_solved_in_another_way(loaded):
    assert list(OTHERWISE) == [exercise.name for exercise in loaded.assignment.exercises if not exercise.capstone]
