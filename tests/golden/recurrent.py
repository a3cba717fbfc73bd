"""What PyTorch's recurrent layers give in float64, for 07_recurrent; ``make_golden.py`` writes it.

The file holds ``header``, a JSON text, and of call number n the array ``n``: the numbers of its arrays one after the
other, whose names and shapes are in the header.  A name is ROLE.NAME with the roles input, parameter, upstream, output
and gradient; all are in the course's layout: states (batch, …), weights (in, out), one bias.  PyTorch has two; here
they share the course's one unevenly, which must make no difference.  ``truncated.…`` is one pass of training over a
long sequence in pieces, with ``detach()`` between them.

Where sequences end early, PyTorch packs them: its values of steps past the end mean nothing, and none are compared
there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from calls import Arrays, save
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}


def calls() -> Iterator[dict[str, Any]]:
    """Every kind alone, stacked, in both directions, and stacked in both directions; whole and with early ends."""
    for kind in GATES:
        for lengths in (None, [5, 1, 3, 4]):
            for layers, both in ((1, False), (2, False), (1, True), (2, True)):
                batch = 4 if lengths else 3
                yield described(kind, (batch, 5 if lengths else 6, 3), 2 + layers, layers, both=both, lengths=lengths)
        yield described(kind, (1, 1, 2), 3)


def described(
    kind: str,
    shape: tuple[int, int, int],
    hidden: int,
    layers: int = 1,
    *,
    both: bool = False,
    lengths: list[int] | None = None,
) -> dict[str, Any]:
    """One call: shape (batch, time, in_features) of x; lengths of the sequences where they end early."""
    batch, time, in_features = shape
    given = {"batch": batch, "time": time, "in_features": in_features, "hidden": hidden, "layers": layers}
    return {"kind": kind, **given, "both": both, "lengths": lengths}


def names(call: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The path of every layer in the course's nesting, and its suffix in PyTorch's names."""
    for layer in range(call["layers"]):
        for direction in range(1 + call["both"]):
            outer = f"layers.{layer}." if call["layers"] > 1 else ""
            inner = ("there.", "back.")[direction] if call["both"] else ""
            yield outer + inner, f"_l{layer}{'_reverse' if direction else ''}"


def shares(module: torch.nn.Module, call: dict[str, Any], rng: np.random.Generator) -> Arrays:
    """Draw the course's parameters and give them to the module of PyTorch."""
    k, hidden = GATES[call["kind"]], call["hidden"]
    given: Arrays = {}
    with torch.no_grad():
        for path, suffix in names(call):
            shapes = (getattr(module, f"weight_{name}{suffix}").T.shape for name in ("ih", "hh"))
            W, U = (rng.normal(0, 0.7, tuple(shape)) for shape in shapes)
            b, second = rng.normal(0, 0.7, (2, k * hidden))
            given |= {f"{path}W": W, f"{path}U": U, f"{path}b": b}
            first = b - second
            if call["kind"] == "GRU":
                given[f"{path}bn"] = second[2 * hidden :].copy()
                first[2 * hidden :] = b[2 * hidden :]
            for name, value in (("weight_ih", W.T), ("weight_hh", U.T), ("bias_ih", first), ("bias_hh", second)):
                getattr(module, name + suffix).copy_(torch.tensor(value.copy()))
    return given


def gradients(module: torch.nn.Module, call: dict[str, Any]) -> Arrays:
    """The gradients that PyTorch has gathered, in the course's layout."""
    found: Arrays = {}
    for path, suffix in names(call):
        found[f"{path}W"] = getattr(module, f"weight_ih{suffix}").grad.numpy().T.copy()
        found[f"{path}U"] = getattr(module, f"weight_hh{suffix}").grad.numpy().T.copy()
        found[f"{path}b"] = getattr(module, f"bias_ih{suffix}").grad.numpy()
        if call["kind"] == "GRU":
            found[f"{path}bn"] = getattr(module, f"bias_hh{suffix}").grad.numpy()[2 * call["hidden"] :]
    return found


def to_theirs(state: Any, call: dict[str, Any]) -> Any:
    """(batch, [layers], [directions], [h and c], hidden) as PyTorch's (layers · directions, batch, hidden), or two."""
    levels = call["layers"] * (1 + call["both"])
    flat = state.reshape(call["batch"], levels, -1, call["hidden"]).permute(2, 1, 0, 3).contiguous()
    return (flat[0], flat[1]) if call["kind"] == "LSTM" else flat[0]


def to_ours(state: Any, call: dict[str, Any]) -> Any:
    """The way back."""
    parts = torch.stack(state if isinstance(state, tuple) else (state,))
    return parts.permute(2, 1, 0, 3).reshape(shape_of_state(call))


def shape_of_state(call: dict[str, Any]) -> tuple[int, ...]:
    """The course's shape of the states of a batch."""
    levels = [call["layers"]] * (call["layers"] > 1) + [2] * call["both"] + [2] * (call["kind"] == "LSTM")
    return (call["batch"], *levels, call["hidden"])


def compute(call: dict[str, Any], rng: np.random.Generator) -> Arrays:
    """Run one call forward and backward; return every array by role."""
    dropout = 0.4 if call["layers"] > 1 else 0.0  # which evaluation mode switches off
    sizes = (call["in_features"], call["hidden"], call["layers"])
    kind = getattr(torch.nn, call["kind"])
    module = kind(*sizes, batch_first=True, bidirectional=call["both"], dropout=dropout).double().eval()
    parameters = shares(module, call, rng)
    x = torch.tensor(rng.normal(size=(call["batch"], call["time"], call["in_features"])), requires_grad=True)
    state = torch.tensor(rng.normal(size=shape_of_state(call)), requires_grad=True)
    mask = None
    if call["lengths"]:
        mask = np.arange(call["time"]) < np.array(call["lengths"])[:, None]
        packed = pack_padded_sequence(x, torch.tensor(call["lengths"]), batch_first=True, enforce_sorted=False)
        h, end = module(packed, to_theirs(state, call))
        h, _ = pad_packed_sequence(h, batch_first=True)
    else:
        h, end = module(x, to_theirs(state, call))
    last = to_ours(end, call)
    dh, dlast = rng.normal(size=tuple(h.shape)), rng.normal(size=tuple(last.shape))
    if mask is not None:
        dh *= mask[:, :, None]
    ((h * torch.tensor(dh)).sum() + (last * torch.tensor(dlast)).sum()).backward()
    assert x.grad is not None
    assert state.grad is not None
    arrays = {"input.x": x.detach().numpy(), "input.state": state.detach().numpy()}
    if mask is not None:
        arrays["input.mask"] = mask
    by_parameter = gradients(module, call)
    return {
        **arrays,
        **{f"parameter.{path}": value for path, value in parameters.items()},
        "upstream.dh": dh,
        "upstream.dlast": dlast,
        "output.h": h.detach().numpy(),
        "output.last": last.detach().numpy(),
        "gradient.x": x.grad.numpy(),
        "gradient.state": state.grad.numpy(),
        **{f"gradient.{path}": value for path, value in by_parameter.items()},
    }


def truncated(rng: np.random.Generator) -> tuple[list[dict[str, Any]], Arrays]:
    """Descend on a long sequence in pieces, with a GRU and a linear layer; where that leads."""
    batch, time, features, hidden, classes = 2, 11, 3, 4, 5
    pieces: list[dict[str, Any]] = []
    arrays: Arrays = {}
    for n, (steps, rate) in enumerate([(4, 0.3), (3, 0.3), (11, 0.5), (20, 0.5), (1, 0.1)]):
        gru = torch.nn.GRU(features, hidden, batch_first=True).double()
        given = shares(gru, described("GRU", (batch, time, features), hidden), rng)
        output = torch.nn.Linear(hidden, classes).double()
        with torch.no_grad():
            for parameter in output.parameters():
                parameter.copy_(torch.tensor(rng.normal(size=tuple(parameter.shape))))
        given |= {"V": copied(output.weight).T, "a": copied(output.bias)}
        given |= {"x": rng.normal(size=(batch, time, features)), "y": rng.integers(classes, size=(batch, time))}
        given["state"] = rng.normal(size=(batch, hidden))
        loss, last = descend(gru, output, given, steps, rate)
        b, second = copied(gru.bias_ih_l0), copied(gru.bias_hh_l0)
        b[: 2 * hidden] += second[: 2 * hidden]
        ends = {"W": copied(gru.weight_ih_l0).T, "U": copied(gru.weight_hh_l0).T, "b": b, "bn": second[2 * hidden :]}
        ends |= {"V": copied(output.weight).T, "a": copied(output.bias), "loss": np.array(loss), "last": last}
        arrays |= {f"truncated.{n}.{name}": value for name, value in given.items()}
        arrays |= {f"truncated.{n}.end.{name}": value for name, value in ends.items()}
        pieces.append({"steps": steps, "lr": rate})
    return pieces, arrays


def copied(tensor: torch.Tensor) -> np.ndarray:
    """The numbers of a tensor as they are now."""
    return tensor.detach().numpy().copy()


def descend(gru: Any, output: Any, given: Arrays, steps: int, rate: float) -> tuple[float, np.ndarray]:
    """Train piece by piece; return the mean loss over all steps and the last state."""
    optimizer = torch.optim.SGD([*gru.parameters(), *output.parameters()], lr=rate)
    x, y, carried = torch.tensor(given["x"]), torch.tensor(given["y"]), torch.tensor(given["state"])[None]
    total, time = 0.0, x.shape[1]
    for first in range(0, time, steps):
        h, carried = gru(x[:, first : first + steps], carried)
        labels = y[:, first : first + steps].reshape(-1)
        loss = torch.nn.functional.cross_entropy(output(h).reshape(len(labels), -1), labels)
        total += float(loss.detach()) * h.shape[1] / time
        optimizer.zero_grad()
        loss.backward()
        # Two biases would be trained where the course has one, which would learn twice as fast: the second is frozen.
        gru.bias_hh_l0.grad[: 2 * gru.hidden_size] = 0
        optimizer.step()
        carried = carried.detach()
    return total, carried[0].numpy()


def write(path: Path, seed: int) -> Path:
    """Compute everything and write it to one file."""
    rng = np.random.default_rng(seed)
    every, arrays = list(calls()), {}
    for number, call in enumerate(every):
        found = compute(call, rng)
        call["arrays"] = [[name, list(array.shape)] for name, array in found.items()]
        arrays[str(number)] = np.concatenate([array.ravel().astype(float) for array in found.values()])
    pieces, found = truncated(rng)
    return save(path, {**arrays, **found}, seed=seed, calls=every, truncated=pieces)
