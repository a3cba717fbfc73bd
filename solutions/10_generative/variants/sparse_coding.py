"""Correct, and slow: image by image. Then with residuals in place of products that are computed once."""

from dlkit import array_module


def slow(x, D, penalty, steps):
    xp = array_module(x)
    eta = 1 / xp.linalg.norm(D, 2) ** 2
    codes = []
    for row in x:
        z = xp.zeros_like(D @ row)
        for _ in range(steps):
            v = z - eta * (D @ (z @ D - row))
            z = xp.sign(v) * xp.maximum(abs(v) - eta * penalty, 0)
        codes.append(z)
    return xp.stack(codes)


def plain(x, D, penalty, steps):
    xp = array_module(x)
    eta = 1 / xp.linalg.eigvalsh(D.T @ D)[-1]
    z = xp.zeros_like(x @ D.T)
    for _ in range(steps):
        v = z + eta * (x - z @ D) @ D.T
        shrunk = abs(v) - eta * penalty
        z = xp.where(shrunk > 0, xp.where(v > 0, shrunk, -shrunk), 0)
    return z
