"""CausalConv1d: correct but slow; plain, as a good student writes it."""

from dlkit import Layer, array_module


class Slow(Layer):
    def forward(self, x):
        xp, (batch, time, channels) = array_module(x), x.shape
        out_channels, _, kernel_size = self.W.shape
        before = self.dilation * (kernel_size - 1)
        self.padded = xp.zeros((batch, before + time, channels), dtype=x.dtype)
        self.padded[:, before:] = x
        y = xp.empty((batch, time, out_channels), dtype=x.dtype)
        W = self.W.data.transpose(2, 1, 0).reshape(-1, out_channels)
        for t in range(time):
            seen = self.padded[:, t : t + before + 1 : self.dilation].reshape(batch, -1)
            y[:, t] = seen @ W + self.b.data
        return y

    def backward(self, dy):
        xp, (batch, time, out_channels) = array_module(dy), dy.shape
        _, channels, kernel_size = self.W.shape
        before = self.dilation * (kernel_size - 1)
        dpadded, W = xp.zeros_like(self.padded), self.W.data.transpose(2, 1, 0).reshape(-1, out_channels)
        dW = xp.zeros_like(W)
        for t in range(time):
            where = slice(t, t + before + 1, self.dilation)
            dW += self.padded[:, where].reshape(batch, -1).T @ dy[:, t]
            dpadded[:, where] += (dy[:, t] @ W.T).reshape(batch, kernel_size, channels)
            self.b.grad += dy[:, t].sum(axis=0)
        self.W.grad += dW.reshape(kernel_size, channels, out_channels).transpose(2, 1, 0)
        return dpadded[:, before:]


class Plain(Layer):
    def forward(self, x):
        xp, (batch, time, channels) = array_module(x), x.shape
        out_channels, _, kernel_size = self.W.shape
        padded = xp.pad(x, [(0, 0), (self.dilation * (kernel_size - 1), 0), (0, 0)])
        starts = [k * self.dilation for k in range(kernel_size)]
        self.columns = xp.concatenate([padded[:, start : start + time] for start in starts], axis=2)
        W = self.W.data.transpose(2, 1, 0).reshape(-1, out_channels)
        return self.columns @ W + self.b.data

    def backward(self, dy):
        xp, (batch, time, out_channels) = array_module(dy), dy.shape
        _, channels, kernel_size = self.W.shape
        W = self.W.data.transpose(2, 1, 0).reshape(-1, out_channels)
        dW = self.columns.reshape(-1, len(W)).T @ dy.reshape(-1, out_channels)
        self.W.grad += dW.reshape(kernel_size, channels, out_channels).transpose(2, 1, 0)
        self.b.grad += dy.sum(axis=(0, 1))
        dcolumns = dy @ W.T
        dpadded = xp.zeros((batch, self.dilation * (kernel_size - 1) + time, channels), dtype=dy.dtype)
        for k in range(kernel_size):
            start = k * self.dilation
            dpadded[:, start : start + time] += dcolumns[:, :, k * channels : (k + 1) * channels]
        return dpadded[:, self.dilation * (kernel_size - 1) :]
