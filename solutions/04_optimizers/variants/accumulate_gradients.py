"""accumulate_gradients: plain, as a good student writes it; correct, but with too much memory."""


def plain(x, y, *, model, loss, optimizer, size, every):
    losses = []
    starts = list(range(0, len(x), size))
    for group in range(0, len(starts), every):
        pieces = starts[group : group + every]
        batch = min(pieces[-1] + size, len(x)) - pieces[0]
        optimizer.zero_grad()
        for start in pieces:
            prediction = model.forward(x[start : start + size])
            losses.append(loss.forward(prediction, y[start : start + size]) * (len(prediction) / len(x)))
            model.backward(loss.backward() * (len(prediction) / batch))
        optimizer.step()
    return sum(losses)


def bulky(x, y, *, model, loss, optimizer, size, every):
    total = 0
    for first in range(0, len(x), size * every):
        rows = slice(first, first + size * every)
        optimizer.zero_grad()
        total = total + loss.forward(model.forward(x[rows]), y[rows]) * (len(y[rows]) / len(x))
        model.backward(loss.backward())
        optimizer.step()
    return total
