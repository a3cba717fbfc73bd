"""MaxPool2d: correct but slow; plain, as a good student writes it."""

import numpy as np

from dlkit import Layer, array_module


class Slow(Layer):
    def forward(self, x):
        xp, (down, right), (kh, kw) = array_module(x), self.stride, self.kernel_size
        self.x, out = x, output_size(x.shape[2:], self.kernel_size, self.stride, self.padding)
        x = padded(x, self.padding, -np.inf)
        y = xp.empty((*x.shape[:2], *out), dtype=x.dtype)
        for h in range(out[0]):
            for w in range(out[1]):
                y[:, :, h, w] = x[:, :, h * down : h * down + kh, w * right : w * right + kw].max(axis=(2, 3))
        return y

    def backward(self, dy):
        xp, (down, right), (kh, kw), p = array_module(dy), self.stride, self.kernel_size, self.padding
        x, (height, width) = padded(self.x, p, -np.inf), self.x.shape[2:]
        dx = xp.zeros(x.shape, dtype=dy.dtype)
        for h in range(dy.shape[2]):
            for w in range(dy.shape[3]):
                rows, columns = slice(h * down, h * down + kh), slice(w * right, w * right + kw)
                window = x[:, :, rows, columns]
                first = window.reshape(*x.shape[:2], -1).argmax(axis=2)
                hit = first[:, :, None] == xp.arange(kh * kw)
                dx[:, :, rows, columns] += dy[:, :, h, w, None, None] * hit.reshape(window.shape)
        return dx[:, :, p : p + height, p : p + width]


class Plain(Layer):
    def forward(self, x):
        xp, (down, right), p = array_module(x), self.stride, self.padding
        self.shape = x.shape
        windows = xp.lib.stride_tricks.sliding_window_view(padded(x, p, -np.inf), self.kernel_size, axis=(2, 3))
        windows = windows[:, :, ::down, ::right]
        windows = windows.reshape(*windows.shape[:4], -1)
        self.winner = windows.argmax(axis=-1)
        return windows.max(axis=-1)

    def backward(self, dy):
        xp, p, (kh, kw) = array_module(dy), self.padding, self.kernel_size
        height, width = self.shape[2:]
        dx = xp.zeros((*dy.shape[:2], height + 2 * p, width + 2 * p), dtype=dy.dtype)
        for n in range(kh * kw):
            i, j = divmod(n, kw)
            dx[cell(i, j, dy.shape[2:], self.stride)] += xp.where(self.winner == n, dy, 0)
        return dx[:, :, p : p + height, p : p + width]
