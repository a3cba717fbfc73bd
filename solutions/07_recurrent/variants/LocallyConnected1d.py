"""LocallyConnected1d: correct but slow; plain, as a good student writes it."""

from dlkit import Layer, array_module


class Slow(Layer):
    def forward(self, x):
        self.x = x
        places, out_channels, channels, kernel_size = self.W.shape
        y = array_module(x).empty((len(x), places, out_channels), dtype=x.dtype)
        for p in range(places):
            seen = x[:, p * self.stride : p * self.stride + kernel_size].transpose(0, 2, 1).reshape(len(x), -1)
            y[:, p] = seen @ self.W.data[p].reshape(out_channels, -1).T + self.b.data[p]
        return y

    def backward(self, dy):
        x, (places, out_channels, channels, kernel_size) = self.x, self.W.shape
        dx = array_module(dy).zeros_like(x)
        for p in range(places):
            where = slice(p * self.stride, p * self.stride + kernel_size)
            seen = x[:, where].transpose(0, 2, 1).reshape(len(x), -1)
            self.W.grad[p] += (dy[:, p].T @ seen).reshape(out_channels, channels, kernel_size)
            self.b.grad[p] += dy[:, p].sum(axis=0)
            dseen = dy[:, p] @ self.W.data[p].reshape(out_channels, -1)
            dx[:, where] += dseen.reshape(len(x), channels, kernel_size).transpose(0, 2, 1)
        return dx


class Plain(Layer):
    def forward(self, x):
        xp, kernel_size = array_module(x), self.W.shape[3]
        self.shape = x.shape
        reach = self.stride * (len(self.W.data) - 1) + 1
        cells = [x[:, k : k + reach : self.stride] for k in range(kernel_size)]
        self.u = xp.stack(cells, axis=-1).transpose(1, 0, 2, 3).reshape(len(self.W.data), len(x), -1)
        W = self.W.data.reshape(len(self.W.data), self.W.shape[1], -1)
        return xp.einsum("pnk,pok->npo", self.u, W, optimize=True) + self.b.data

    def backward(self, dy):
        xp, (places, out_channels, channels, kernel_size) = array_module(dy), self.W.shape
        W = self.W.data.reshape(places, out_channels, -1)
        self.W.grad += xp.einsum("npo,pnk->pok", dy, self.u, optimize=True).reshape(self.W.shape)
        self.b.grad += dy.sum(axis=0)
        du = xp.einsum("npo,pok->npk", dy, W, optimize=True).reshape(len(dy), places, channels, kernel_size)
        dx = xp.zeros(self.shape, dtype=dy.dtype)
        reach = self.stride * (places - 1) + 1
        for k in range(kernel_size):
            dx[:, k : k + reach : self.stride] += du[..., k]
        return dx
