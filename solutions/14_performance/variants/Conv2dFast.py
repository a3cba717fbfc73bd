"""Conv2dFast: all windows at once, which others are measured against; slow, plain and bulky."""

from dlkit import Layer, array_module


class Frozen(Layer):
    def forward(self, x):
        xp, k, p, self.shape = array_module(x), self.kernel_size, self.padding, x.shape
        larger = xp.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        h, w = larger.shape[2] - k + 1, larger.shape[3] - k + 1
        columns = xp.empty((*x.shape[:2], k, k, h, w), dtype=x.dtype)
        for i in range(k):
            for j in range(k):
                columns[:, :, i, j] = larger[:, :, i : i + h, j : j + w]
        self.columns = columns.reshape(len(x), -1, h * w)
        y = self.W.data.reshape(len(self.W.data), -1) @ self.columns + self.b.data[:, None]
        return y.reshape(len(x), -1, h, w)

    def backward(self, dy):
        xp, k, p, (batch, channels, height, width) = array_module(dy), self.kernel_size, self.padding, self.shape
        h, w = dy.shape[2:]
        dy = dy.reshape(batch, -1, h * w)
        W = self.W.data.reshape(len(self.W.data), -1)
        self.W.grad += xp.tensordot(dy, self.columns, axes=((0, 2), (0, 2))).reshape(self.W.shape)
        self.b.grad += dy.sum(axis=(0, 2))
        dcolumns = (W.T @ dy).reshape(batch, channels, k, k, h, w)
        dx = xp.zeros((batch, channels, height + 2 * p, width + 2 * p), dtype=dy.dtype)
        for i in range(k):
            for j in range(k):
                dx[:, :, i : i + h, j : j + w] += dcolumns[:, :, i, j]
        return dx[:, :, p : p + height, p : p + width]


class Slow(Layer):  # one place of the output at a time
    def forward(self, x):
        xp, k, p = array_module(x), self.kernel_size, self.padding
        self.x = xp.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        W = self.W.data.reshape(len(self.W.data), -1)
        y = xp.empty((len(x), len(W), self.x.shape[2] - k + 1, self.x.shape[3] - k + 1), dtype=x.dtype)
        for i in range(y.shape[2]):
            for j in range(y.shape[3]):
                y[:, :, i, j] = self.x[:, :, i : i + k, j : j + k].reshape(len(x), -1) @ W.T + self.b.data
        return y

    def backward(self, dy):
        xp, k, p, W = array_module(dy), self.kernel_size, self.padding, self.W.data.reshape(len(self.W.data), -1)
        dx, dW = xp.zeros_like(self.x), xp.zeros_like(W)
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                window = self.x[:, :, i : i + k, j : j + k]
                dW += dy[:, :, i, j].T @ window.reshape(len(dy), -1)
                dx[:, :, i : i + k, j : j + k] += (dy[:, :, i, j] @ W).reshape(window.shape)
        self.W.grad += dW.reshape(self.W.shape)
        self.b.grad += dy.sum(axis=(0, 2, 3))
        return dx[:, :, p : dx.shape[2] - p, p : dx.shape[3] - p]


class Plain(Layer):  # one image at a time, new arrays for each
    def windows(self, image):
        k, p, xp = self.kernel_size, self.padding, array_module(image)
        channels, height, width = image.shape
        h, w = height + 2 * p - k + 1, width + 2 * p - k + 1
        larger = xp.pad(image, ((0, 0), (p, p), (p, p)))
        return xp.stack([larger[:, i : i + h, j : j + w] for i in range(k) for j in range(k)], axis=1), h, w

    def forward(self, x):
        self.x, W, results = x, self.W.data.reshape(len(self.W.data), -1), []
        for image in x:
            columns, h, w = self.windows(image)
            results.append((W @ columns.reshape(-1, h * w)).reshape(-1, h, w) + self.b.data[:, None, None])
        return array_module(x).stack(results)

    def backward(self, dy):
        xp, k, p, W = array_module(dy), self.kernel_size, self.padding, self.W.data.reshape(len(self.W.data), -1)
        dx = xp.zeros((*self.x.shape[:2], self.x.shape[2] + 2 * p, self.x.shape[3] + 2 * p), dtype=dy.dtype)
        for n, image in enumerate(self.x):
            columns, h, w = self.windows(image)
            error = dy[n].reshape(-1, h * w)
            self.W.grad += (error @ columns.reshape(-1, h * w).T).reshape(self.W.shape)
            dcolumns = (W.T @ error).reshape(len(image), k, k, h, w)
            for i in range(k):
                for j in range(k):
                    dx[n, :, i : i + h, j : j + w] += dcolumns[:, i, j]
        self.b.grad += dy.sum(axis=(0, 2, 3))
        return dx[:, :, p : p + self.x.shape[2], p : p + self.x.shape[3]]


class Bulky(Layer):  # products in blocks, but all windows are kept for backward
    def forward(self, x):
        xp, k, p, self.shape = array_module(x), self.kernel_size, self.padding, x.shape
        h, w = x.shape[2] + 2 * p - k + 1, x.shape[3] + 2 * p - k + 1
        larger = xp.zeros((2, x.shape[1], x.shape[2] + 2 * p, x.shape[3] + 2 * p), dtype=x.dtype)
        columns = xp.empty((*x.shape[:2], k, k, h, w), dtype=x.dtype)
        W = self.W.data.reshape(len(self.W.data), -1)
        y = xp.empty((len(x), len(W), h * w), dtype=x.dtype)
        for n in range(0, len(x), 2):
            few = min(2, len(x) - n)
            larger[:few, :, p : p + x.shape[2], p : p + x.shape[3]] = x[n : n + few]
            for i in range(k):
                for j in range(k):
                    columns[n : n + few, :, i, j] = larger[:few, :, i : i + h, j : j + w]
            xp.matmul(W, columns[n : n + few].reshape(few, -1, h * w), out=y[n : n + few])
        self.columns = columns.reshape(len(x), -1, h * w)
        y += self.b.data[:, None]
        return y.reshape(len(x), len(W), h, w)

    def backward(self, dy):
        xp, k, p, (batch, channels, height, width) = array_module(dy), self.kernel_size, self.padding, self.shape
        h, w = dy.shape[2:]
        dy = dy.reshape(batch, -1, h * w)
        W, dW = self.W.data.reshape(len(self.W.data), -1), xp.zeros((len(self.W.data), self.columns.shape[1]), dy.dtype)
        dx = xp.zeros((batch, channels, height + 2 * p, width + 2 * p), dtype=dy.dtype)
        dcolumns = xp.empty_like(self.columns)
        for n in range(batch):
            dW += dy[n] @ self.columns[n].T
            xp.matmul(W.T, dy[n], out=dcolumns[n])
            shares = dcolumns[n].reshape(channels, k, k, h, w)
            for i in range(k):
                for j in range(k):
                    dx[n, :, i : i + h, j : j + w] += shares[:, i, j]
        self.W.grad += dW.reshape(self.W.shape)
        self.b.grad += dy.sum(axis=(0, 2))
        return dx[:, :, p : p + height, p : p + width]
