"""Conv2d: correct but slow; plain, as a good student writes it; with too much memory."""

from dlkit import Layer, array_module


class Slow(Layer):
    def forward(self, x):
        xp, (kh, kw) = array_module(x), self.window["kernel_size"]
        (down, right), dilation = both(self.window["stride"]), self.window["dilation"]
        self.x, out = x, output_size(x.shape[2:], **self.window)
        x = padded(x, self.window["padding"])
        y = xp.empty((len(x), len(self.W.data), *out), dtype=x.dtype)
        for h in range(out[0]):
            for w in range(out[1]):
                top, left = h * down, w * right
                seen = x[
                    :,
                    :,
                    top : top + dilation * (kh - 1) + 1 : dilation,
                    left : left + dilation * (kw - 1) + 1 : dilation,
                ]
                y[:, :, h, w] = xp.tensordot(seen, self.W.data, axes=((1, 2, 3), (1, 2, 3))) + self.b.data
        return y

    def backward(self, dy):
        xp, (kh, kw), p = array_module(dy), self.window["kernel_size"], self.window["padding"]
        (down, right), dilation = both(self.window["stride"]), self.window["dilation"]
        x, (height, width) = padded(self.x, p), self.x.shape[2:]
        dx = xp.zeros(x.shape, dtype=x.dtype)
        for h in range(dy.shape[2]):
            for w in range(dy.shape[3]):
                rows = slice(h * down, h * down + dilation * (kh - 1) + 1, dilation)
                columns = slice(w * right, w * right + dilation * (kw - 1) + 1, dilation)
                self.W.grad += xp.tensordot(dy[:, :, h, w], x[:, :, rows, columns], axes=(0, 0))
                dx[:, :, rows, columns] += xp.tensordot(dy[:, :, h, w], self.W.data, axes=(1, 0))
        self.b.grad += dy.sum(axis=(0, 2, 3))
        return dx[:, :, p : p + height, p : p + width]


class Plain(Layer):
    def forward(self, x):
        self.shape, out = x.shape, output_size(x.shape[2:], **self.window)
        self.columns = im2col(x, **self.window)
        y = self.W.data.reshape(len(self.W.data), -1) @ self.columns + self.b.data[:, None]
        return y.reshape(len(x), -1, *out)

    def backward(self, dy):
        xp, W = array_module(dy), self.W.data.reshape(len(self.W.data), -1)
        dy = dy.reshape(*dy.shape[:2], -1)
        self.W.grad += xp.tensordot(dy, self.columns, axes=((0, 2), (0, 2))).reshape(self.W.shape)
        self.b.grad += dy.sum(axis=(0, 2))
        return col2im(W.T @ dy, self.shape, **self.window)


class Bulky(Layer):
    def forward(self, x):
        self.shape, out = x.shape, output_size(x.shape[2:], **self.window)
        self.columns = im2col(x, **self.window)
        W = self.W.data.reshape(len(self.W.data), -1)
        products = W[:, :, None] * self.columns[:, None]
        return (products.sum(axis=2) + self.b.data[:, None]).reshape(len(x), -1, *out)

    def backward(self, dy):
        W = self.W.data.reshape(len(self.W.data), -1)
        dy = dy.reshape(*dy.shape[:2], 1, -1)
        self.W.grad += (dy * self.columns[:, None]).sum(axis=(0, 3)).reshape(self.W.shape)
        self.b.grad += dy.sum(axis=(0, 2, 3))
        return col2im((W[:, :, None] * dy).sum(axis=1), self.shape, **self.window)
