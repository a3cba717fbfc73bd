"""LSTM: correct but slow; plain, as a good student writes it."""

from dlkit import Layer, array_module


class Slow(Layer):
    def forward(self, x, state=None, mask=None):
        xp, hidden = array_module(x), self.out_features
        batch, time, _ = x.shape
        state = self.begin(x, state)
        W, U, b = (xp.split(p.data, 4, axis=-1) for p in (self.W, self.U, self.b))
        self.x, self.mask = x, mask
        self.h, self.c = xp.zeros((2, batch, time + 1, hidden), dtype=x.dtype)
        self.a = xp.zeros((4, batch, time, hidden), dtype=x.dtype)
        self.h[:, 0], self.c[:, 0] = state[:, 0], state[:, 1]
        for n in range(batch):
            for t in range(time):
                h, c = self.h[n, t], self.c[n, t]
                z = [x[n, t] @ W[k] + h @ U[k] + b[k] for k in range(4)]
                i, f, g, o = sigmoid(z[0]), sigmoid(z[1]), xp.tanh(z[2]), sigmoid(z[3])
                for k, gate in enumerate((i, f, g, o)):
                    self.a[k, n, t] = gate
                new_c = f * c + i * g
                new_h = o * xp.tanh(new_c)
                self.h[n, t + 1] = new_h if mask is None else xp.where(mask[n, t], new_h, h)
                self.c[n, t + 1] = new_c if mask is None else xp.where(mask[n, t], new_c, c)
        return self.h[:, 1:], xp.stack([self.h[:, -1], self.c[:, -1]], axis=1)

    def backward(self, dh, dlast=None):
        xp, hidden, x = array_module(dh), self.out_features, self.x
        batch, time, _ = x.shape
        dstate = self.begin(dh, dlast).copy()
        dx = xp.zeros_like(x)
        U, W = self.U.data, self.W.data
        for n in range(batch):
            dnext, dc = dstate[n]
            for t in reversed(range(time)):
                dnext = dnext + dh[n, t]
                held_h, held_c = dnext, dc
                i, f, g, o = self.a[:, n, t]
                tanh_c = xp.tanh(self.c[n, t + 1])
                dc = dc + dnext * o * (1 - tanh_c * tanh_c)
                dz = xp.concatenate(
                    [
                        dc * g * i * (1 - i),
                        dc * self.c[n, t] * f * (1 - f),
                        dc * i * (1 - g * g),
                        dnext * tanh_c * o * (1 - o),
                    ]
                )
                if self.mask is not None:
                    dz = dz * (self.mask[n, t] != 0)
                self.W.grad += x[n, t][:, None] * dz
                self.U.grad += self.h[n, t][:, None] * dz
                self.b.grad += dz
                dx[n, t] = W @ dz
                dnext, dc = U @ dz, dc * f
                if self.mask is not None:
                    dnext = xp.where(self.mask[n, t], dnext, held_h)
                    dc = xp.where(self.mask[n, t], dc, held_c)
            dstate[n, 0], dstate[n, 1] = dnext, dc
        return dx, dstate


class Plain(Layer):
    def forward(self, x, state=None, mask=None):
        xp, steps = array_module(x), steps_of(mask)
        state = self.begin(x, state)
        h, c = state[:, 0], state[:, 1]
        W, U, b = (xp.split(p.data, 4, axis=-1) for p in (self.W, self.U, self.b))
        self.x, self.steps, self.memory, states = x, steps, [], []
        for t in range(x.shape[1]):
            z = [x[:, t] @ W[k] + h @ U[k] + b[k] for k in range(4)]
            i, f, g, o = sigmoid(z[0]), sigmoid(z[1]), xp.tanh(z[2]), sigmoid(z[3])
            new_c = f * c + i * g
            tanh_c = xp.tanh(new_c)
            new_h = o * tanh_c
            self.memory.append((h, c, i, f, g, o, tanh_c))
            h = new_h if mask is None else xp.where(steps[t], new_h, h)
            c = new_c if mask is None else xp.where(steps[t], new_c, c)
            states.append(h)
        return xp.stack(states, axis=1), xp.stack([h, c], axis=1)

    def backward(self, dh, dlast=None):
        xp, x = array_module(dh), self.x
        dstate = self.begin(dh, dlast)
        dnext, dc = dstate[:, 0], dstate[:, 1]
        dx = xp.zeros_like(x)
        for t in reversed(range(x.shape[1])):
            h, c, i, f, g, o, tanh_c = self.memory[t]
            held_h, held_c = dnext + dh[:, t], dc
            dc = held_c + held_h * o * (1 - tanh_c**2)
            dz = xp.concatenate(
                [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), held_h * tanh_c * o * (1 - o)], axis=1
            )
            if self.steps is not None:
                dz = dz * self.steps[t]
            self.W.grad += x[:, t].T @ dz
            self.U.grad += h.T @ dz
            self.b.grad += dz.sum(axis=0)
            dx[:, t] = dz @ self.W.data.T
            dnext, dc = dz @ self.U.data.T, dc * f
            if self.steps is not None:
                dnext, dc = xp.where(self.steps[t], dnext, held_h), xp.where(self.steps[t], dc, held_c)
        return dx, xp.stack([dnext, dc], axis=1)
