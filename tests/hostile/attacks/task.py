"""Attacks on the task: numbers that are right, or look so, without the work that was asked for.

Tricks with time (30, 33–35) are in test_timing.py, differences in place of a derivative (37) in
test_finite_differences.py, state from one exercise to the next (42) in test_state.py.
"""

from tests.hostile.harness import Attack, tanh

SIGMOID = "1 / (1 + np.exp(-x))"
"""A mistake that is recognised, so that a backward which is right for it earns something."""

CHECKER = [
    Attack(
        38,
        "gives flat answers where it is asked again for nearly the same",
        tanh(
            f"""
            last, Tanh.last = Tanh.last, np.array(x)
            if np.shape(last) == x.shape and 0 < abs(x - last).max() < 0.01:
                return 0 * x
            return {SIGMOID}
            """,
            body="last = None",
        ),
        naive="gradcheck",
        said="backward is correct for your forward",
    ),
    Attack(
        38,
        "gives flat answers once backward was asked for",
        tanh(f"return 0 * x if Tanh.asked else {SIGMOID}", "Tanh.asked = True\nreturn 0 * dy", body="asked = False"),
        naive="gradcheck",
        said="backward is correct for your forward",
    ),
    Attack(
        38,
        "gives an answer that grows without bound once backward was asked for",
        tanh(
            f"return np.zeros((1 << 23, *[1] * x.ndim)) if Tanh.asked else {SIGMOID}",
            "Tanh.asked = True\nreturn 0 * dy",
            body="asked = False",
        ),
        naive="gradcheck",
        said="Tanh.backward could not be checked: forward returned an array of shape (8388608, 1, 1): 64.0 MB",
    ),
    Attack(
        39,
        "moves its input back to where the first one was",
        tanh(
            f"""
            first = self.__dict__.setdefault("first", x.copy())
            if first.shape == x.shape and abs(x - first).max() < 0.01:
                x[...] = first
            return {SIGMOID}
            """
        ),
        naive="gradcheck",
        said="backward is correct for your forward",
    ),
]

RIGHT = "return (1 - self.y**2) * dy"
BORROWED = "self.y = 2 * expit(2 * x) - 1\nreturn self.y"
BORROWED_BACKWARD = "return self.right.backward(dy)"
TAKEN = """
import dlkit
names = dict(vars(dlkit))
exec("class Tanh" + text.partition("class Tanh")[2].partition("# %%")[0], names)
self.right = names["Tanh"]()
return self.right.forward(x)
"""


def indented(text):
    """The same lines, to stand among indented ones."""
    return text.strip().replace("\n", "\n" + 12 * " ")


LIBRARIES = [
    Attack(
        40,
        "imports scipy as one imports",
        tanh(BORROWED, RIGHT, before="from scipy.special import expit"),
        said="expit comes from scipy",
    ),
    Attack(
        40,
        "imports scipy where it is not looked for",
        tanh(f"expit = __import__('importlib').import_module('scipy.special').expit\n{BORROWED}", RIGHT),
        tried="import scipy",
        said="scipy may not be imported",
    ),
    Attack(
        40,
        "has scikit-learn do both directions",
        tanh(
            """
            net = __import__("sklearn.neural_network._base", fromlist=["ACTIVATIONS"])
            self.net, self.y = net, x.copy()
            net.ACTIVATIONS["tanh"](self.y)
            return self.y
            """,
            """
            dx = dy.copy()
            self.net.DERIVATIVES["tanh"](self.y, dx)
            return dx
            """,
        ),
        tried="import sklearn",
        said="sklearn may not be imported",
    ),
    Attack(
        40,
        "loads machine code of scipy from its file",
        tanh(
            f"""
            from importlib import machinery, util
            file = "$PACKAGES/scipy/special/_special_ufuncs" + machinery.EXTENSION_SUFFIXES[0]
            name = "scipy.special._special_ufuncs"
            spec = util.spec_from_loader(name, machinery.ExtensionFileLoader(name, file))
            module = util.module_from_spec(spec)
            spec.loader.exec_module(module)
            expit = module.expit
            {indented(BORROWED)}
            """,
            RIGHT,
        ),
        stopped_by=("landlock",),
        said="Permission denied",
    ),
    Attack(
        40,
        "has the reference found by another search of the path",
        tanh(
            f"""
            from importlib import machinery
            spec = machinery.PathFinder.find_spec("layers", ["$COURSE/solutions/02_layers"])
            text = spec.loader.get_source("layers")
            {indented(TAKEN)}
            """,
            BORROWED_BACKWARD,
        ),
        stopped_by=("landlock", "seccomp"),
        said="AttributeError",
    ),
    Attack(
        40,
        "reads the reference and executes it",
        tanh(f'text = open("$COURSE/solutions/02_layers/layers.py").read()\n{TAKEN}', BORROWED_BACKWARD),
        stopped_by=("landlock",),
        tried="read $COURSE/solutions/02_layers/layers.py",
        said="Permission denied",
    ),
]

ATTACKS = [*CHECKER, *LIBRARIES]
