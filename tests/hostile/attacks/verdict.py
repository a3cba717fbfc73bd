"""Attacks on the verdict: points for work that is not right."""

from tests.hostile.harness import Attack, tanh

ATTACKS = [
    Attack(
        2,
        "returns an object that is equal to everything",
        tanh(
            before="""
            class Yes:
                dtype, shape, ndim, size = np.dtype(float), (2, 2), 2, 4
                def __eq__(self, other): return True
                def __ne__(self, other): return False
                def __bool__(self): return True
                def __sub__(self, other): return 0.0
                def __rsub__(self, other): return 0.0
                def __array_function__(self, function, types, args, kwargs): return None
            """,
            forward="return Yes()",
            backward="return Yes()",
        ),
    ),
]
