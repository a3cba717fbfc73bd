"""BatchNorm: correct but slow; plain, as a good student writes it."""

from dlkit import Layer, array_module


class Slow(Layer):
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


class Plain(Layer):
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
