"""LSTMFusedGates: products for each gate in each step, which others are measured against; slow and plain."""

from dlkit import Layer, array_module


class Frozen(Layer):
    def forward(self, x):
        xp = array_module(x)
        W, U, b = (xp.split(p.data, 4, axis=-1) for p in (self.W, self.U, self.b))
        h = c = xp.zeros((len(x), self.hidden), dtype=x.dtype)
        self.x, self.memory, states = x, [], []
        for t in range(x.shape[1]):
            z = [x[:, t] @ W[k] + h @ U[k] + b[k] for k in range(4)]
            i, f, o = (0.5 + 0.5 * xp.tanh(0.5 * z[k]) for k in (0, 1, 3))
            g = xp.tanh(z[2])
            before, c = (h, c), f * c + i * g
            tanh_c = xp.tanh(c)
            h = o * tanh_c
            self.memory.append((*before, i, f, g, o, tanh_c))
            states.append(h)
        return xp.stack(states, axis=1)

    def backward(self, dh):
        xp, x = array_module(dh), self.x
        W, U = (xp.split(p.data, 4, axis=-1) for p in (self.W, self.U))
        dW, dU, db = (xp.split(p.grad, 4, axis=-1) for p in (self.W, self.U, self.b))
        dx = xp.zeros_like(x)
        dnext = dc = xp.zeros((len(x), self.hidden), dtype=x.dtype)
        for t in reversed(range(x.shape[1])):
            h, c, i, f, g, o, tanh_c = self.memory[t]
            dnext = dnext + dh[:, t]
            dc = dc + dnext * o * (1 - tanh_c**2)
            dz = (dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dnext * tanh_c * o * (1 - o))
            for k in range(4):
                dW[k] += x[:, t].T @ dz[k]
                dU[k] += h.T @ dz[k]
                db[k] += dz[k].sum(axis=0)
                dx[:, t] += dz[k] @ W[k].T
            dnext, dc = sum(dz[k] @ U[k].T for k in range(4)), dc * f
        return dx


class Slow(Layer):  # the inputs are multiplied before the loop, each gate by itself; all gradients in the loop
    def forward(self, x):
        xp, hidden = array_module(x), self.hidden
        W, U, b = (xp.split(p.data, 4, axis=-1) for p in (self.W, self.U, self.b))
        given = [x @ W[k] + b[k] for k in range(4)]
        h = c = xp.zeros((len(x), hidden), dtype=x.dtype)
        self.x, self.memory, states = x, [], []
        for t in range(x.shape[1]):
            z = [given[k][:, t] + h @ U[k] for k in range(4)]
            i, f, o = (1 / (1 + xp.exp(-xp.clip(z[k], -80, 80))) for k in (0, 1, 3))
            g = xp.tanh(z[2])
            before, c = (h, c), f * c + i * g
            tanh_c = xp.tanh(c)
            h = o * tanh_c
            self.memory.append((*before, i, f, g, o, tanh_c))
            states.append(h)
        return xp.stack(states, axis=1)

    def backward(self, dh):
        xp, x = array_module(dh), self.x
        W, U = (xp.split(p.data, 4, axis=-1) for p in (self.W, self.U))
        dW, dU, db = (xp.split(p.grad, 4, axis=-1) for p in (self.W, self.U, self.b))
        dx = xp.zeros_like(x)
        dnext = dc = xp.zeros((len(x), self.hidden), dtype=x.dtype)
        for t in reversed(range(x.shape[1])):
            h, c, i, f, g, o, tanh_c = self.memory[t]
            dnext = dnext + dh[:, t]
            dc = dc + dnext * o * (1 - tanh_c**2)
            dz = (dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dnext * tanh_c * o * (1 - o))
            for k in range(4):
                dW[k] += x[:, t].T @ dz[k]
                dU[k] += h.T @ dz[k]
                db[k] += dz[k].sum(axis=0)
                dx[:, t] += dz[k] @ W[k].T
            dnext, dc = sum(dz[k] @ U[k].T for k in range(4)), dc * f
        return dx


class Plain(Layer):  # one product for all gates in each step, a list of what each step keeps
    def forward(self, x):
        xp, hidden = array_module(x), self.hidden
        given = x @ self.W.data + self.b.data
        h = c = xp.zeros((len(x), hidden), dtype=x.dtype)
        self.x, self.memory, states = x, [], []
        for t in range(x.shape[1]):
            z = given[:, t] + h @ self.U.data
            g = xp.tanh(z[:, 2 * hidden : 3 * hidden])
            a = 0.5 + 0.5 * xp.tanh(0.5 * z)
            i, f, o = a[:, :hidden], a[:, hidden : 2 * hidden], a[:, 3 * hidden :]
            before, c = (h, c), f * c + i * g
            tanh_c = xp.tanh(c)
            h = o * tanh_c
            self.memory.append((*before, i, f, g, o, tanh_c))
            states.append(h)
        return xp.stack(states, axis=1)

    def backward(self, dh):
        xp, x, hidden = array_module(dh), self.x, self.hidden
        dz = xp.empty((*x.shape[:2], 4 * hidden), dtype=x.dtype)
        dnext = dc = xp.zeros((len(x), hidden), dtype=x.dtype)
        U = self.U.data.T
        for t in reversed(range(x.shape[1])):
            h, c, i, f, g, o, tanh_c = self.memory[t]
            dnext = dnext + dh[:, t]
            dc = dc + dnext * o * (1 - tanh_c * tanh_c)
            dz[:, t, :hidden] = dc * g * i * (1 - i)
            dz[:, t, hidden : 2 * hidden] = dc * c * f * (1 - f)
            dz[:, t, 2 * hidden : 3 * hidden] = dc * i * (1 - g * g)
            dz[:, t, 3 * hidden :] = dnext * tanh_c * o * (1 - o)
            dnext, dc = dz[:, t] @ U, dc * f
        h = xp.stack([each[0] for each in self.memory], axis=1)
        rows = dz.reshape(-1, 4 * hidden)
        self.W.grad += x.reshape(len(rows), -1).T @ rows
        self.U.grad += h.reshape(len(rows), -1).T @ rows
        self.b.grad += rows.sum(axis=0)
        return dz @ self.W.data.T
