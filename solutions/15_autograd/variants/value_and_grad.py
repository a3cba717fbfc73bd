"""value_and_grad of an engine whose products go row by row, and as a good student writes it."""


def slow(f, *arrays):
    class RowByRow(Tensor):
        def matmul(self, other):
            a, b = self.data, other.data
            if a.ndim != 2 or b.ndim != 2:
                return Tensor.matmul(self, other)

            def pull(dy):
                xp = array_module(dy)
                da = xp.stack([b @ row for row in dy])
                db = xp.zeros_like(b)
                for left, right in zip(a, dy, strict=True):
                    db += left[:, None] * right
                return da, db

            return self.record(array_module(a).stack([row @ b for row in a]), (self, other), pull)

    was, Recording.on = Recording.on, True
    tensors = [RowByRow(array) for array in arrays]
    y = f(*tensors)
    Recording.on = was
    y.backward()
    return y.data, [t.data * 0 if t.grad is None else t.grad for t in tensors]


def plain(f, *arrays):
    tensors = [Tensor(array) for array in arrays]
    was = Recording.on
    Recording.on = True
    result = f(*tensors)
    Recording.on = was
    result.backward()
    grads = []
    for tensor in tensors:
        if tensor.grad is None:
            grads.append(tensor.data * 0)
        else:
            grads.append(tensor.grad)
    return result.data, grads
