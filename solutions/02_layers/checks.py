"""What is graded of 02_layers: cases, points, limits, and the mistakes that people really make."""

from autograder.checks import (
    Assignment,
    Case,
    FunctionExercise,
    LayerExercise,
    Memory,
    Mistake,
    ModelExercise,
    New,
    Points,
    Question,
    Rng,
    Speed,
    Task,
    swap,
)
from dlkit.datasets import spirals

# Uneven sizes: at 7 rows a mean hides nothing, at 1 it hides everything, and no axis is like another.
SHAPES = [(1, 4), (7, 3), (2, 3, 5)]


def elementwise_cases(rng):
    """Inputs of one, two and three axes' worth of shape, on both sides of zero."""
    for shape in SHAPES:
        yield Case(x=rng.normal(0, 1.5, size=shape))


def linear_cases(rng):
    for batch, n_in, n_out in [(1, 4, 3), (7, 4, 1), (5, 2, 6)]:
        arguments = {"in_features": n_in, "out_features": n_out, "rng": Rng(0)}
        yield Case(arguments, x=rng.normal(size=(batch, n_in)))


# einsum in place of a matrix product takes 2.6 times the reference, loops 70 times.
linear = LayerExercise(
    "Linear",
    cases=linear_cases,
    points=Points(forward=2, backward=4, speed=1),
    has_parameters=True,
    speed=Speed(Case({"in_features": 256, "out_features": 256, "rng": Rng(0)}, x=(128, 256)), at_most=6.0),
    hints={
        "forward": (
            (
                "Over which axis do x and W agree, so that it can be summed away? And how does one bias for each "
                "output meet a whole table of rows?"
            ),
            "y = x W + b, that is yₙⱼ = Σᵢ xₙᵢ Wᵢⱼ + bⱼ; (N, I) (I, O) + (O,) → (N, O)",
            (
                "Keep x, for backward needs it. One matrix product, nothing transposed; the bias spreads itself over "
                "the rows."
            ),
        ),
        "backward": (
            (
                "One weight acts in all N rows. What becomes of the N shares of its gradient: their mean, their sum? "
                "And what if backward is called twice before the gradients are cleared?"
            ),
            "dW = xᵀ dy, (I, N) (N, O) → (I, O); db = Σₙ dyₙ, (N, O) → (O,); dx = dy Wᵀ, (N, O) (O, I) → (N, I)",
            (
                "Two matrix products, with the one transpose each that makes the shapes fit, and one sum over the "
                "rows. Add the first and the last to what W and b have gathered; divide by nothing, since the loss has "
                "done that; return the third."
            ),
        ),
        "speed": (
            "Which loop runs in Python: over rows, over outputs, over inputs?",
            "N · I · O products, all of them in x W: (N, I) (I, O) → (N, O)",
            "Hand the whole batch to one matrix product, forward and backward alike.",
        ),
    },
    mistakes=[
        Mistake(
            "forgets the bias",
            swap("y += self.b.data", "pass"),
            hint="y = x W + b: the bias is missing.",
        ),
        Mistake(
            "multiplies by the transposed weights",
            swap("y = x @ self.W.data", "y = x @ self.W.data.T"),
            hint="W has shape (in_features, out_features), so y = x W needs no transpose.",
        ),
        Mistake(
            "averages the weight gradient",
            swap("self.x.T @ dy", "self.x.T @ dy / len(dy)"),
            hint="dW is a sum over the batch. The loss has divided by the batch size already.",
        ),
        Mistake(
            "averages the bias gradient",
            swap("dy.sum(axis=0)", "dy.mean(axis=0)"),
            hint="db is a sum over the batch. The loss has divided by the batch size already.",
        ),
        Mistake(
            "forgets the gradient of the bias",
            swap("self.b.grad += dy.sum(axis=0)", "pass"),
            hint="The bias is a parameter too: add dy, summed over the batch, to self.b.grad.",
        ),
        Mistake(
            "returns dy in place of dx",
            swap("return dy @ self.W.data.T", "return dy"),
            hint="The error passes through the weights on its way back: dx = dy Wᵀ.",
        ),
        Mistake(
            "overwrites the gradient of the weights",
            swap("self.W.grad +=", "self.W.grad[...] ="),
            hint="Use +=: gradients accumulate until zero_grad().",
            caught_by="gradients accumulate",
        ),
        Mistake(
            "subtracts the gradient",
            swap("self.W.grad +=", "self.W.grad -="),
            hint="backward only gathers the gradient, with a plus; the step downhill is the optimizer's.",
        ),
    ],
    slow="""
def forward(self, x):
    self.x = x
    y = array_module(x).zeros((len(x), self.W.data.shape[1]), dtype=x.dtype)
    for n in range(len(x)):
        for j in range(y.shape[1]):
            y[n, j] = (x[n] * self.W.data[:, j]).sum() + self.b.data[j]
    return y
""",
    plain="""
def forward(self, x):
    xp = array_module(x)
    self.x = xp.concatenate([x, 1 + 0 * x[:, :1]], axis=1)
    return self.x @ xp.concatenate([self.W.data, self.b.data[None]])

def backward(self, dy):
    gradient = self.x.T @ dy
    self.W.grad += gradient[:-1]
    self.b.grad += gradient[-1]
    return dy @ self.W.data.T
""",
)

sigmoid = LayerExercise(
    "Sigmoid",
    cases=elementwise_cases,
    points=Points(forward=2, backward=2),
    extreme=1000.0,
    hints={
        "forward": (
            "What is e⁻ˣ at x = −1000? Which other form of the same fraction has no such exponent there?",
            (
                "with q = e^(−|x|), which lies between 0 and 1; "
                "y = 1 / (1 + q) where x ≥ 0; "
                "y = q / (1 + q) where x < 0; "
                "x, y (…)"
            ),
            (
                "One exponential, of minus the absolute value. The numerator is 1 or q, by the sign of x; the "
                "denominator is the same for both. Keep y."
            ),
        ),
        "backward": (
            "The slope can be written without any exponential: in which of the two, x or y?",
            "dx = dy · y (1 − y), where y = σ(x) is what forward gave; dx, dy, y (…)",
            "The kept output times what it lacks of one, and that times the gradient that comes in, entry by entry.",
        ),
    },
    mistakes=[
        Mistake(
            "overflows where x is very negative",
            swap("e = xp.exp(-abs(x))", "e = xp.exp(x)"),
            swap("y = xp.maximum(e, x >= 0)", "y = 1 * e"),
            hint="eˣ overflows at large x, and inf / inf is nan. Let no exponent be positive: use e^(−|x|) in both cases.",
            caught_by="extreme inputs stay finite",
        ),
        Mistake(
            "has the wrong sign in the exponent",
            swap("xp.maximum(e, x >= 0)", "xp.maximum(e, x < 0)"),
            hint="σ grows: σ(x) = 1 / (1 + e⁻ˣ) goes to 1 on the right. Yours goes to 0.",
        ),
        Mistake(
            "takes the derivative at the output",
            swap("dx = 1 - self.y\n", "dx = 1 - 1 / (1 + array_module(dy).exp(-self.y))\n"),
            swap("dx *= self.y\n", "dx *= 1 - dx\n"),
            hint="σ′ = y (1 − y), where y is σ(x) already: do not apply σ a second time.",
        ),
        Mistake(
            "forgets one factor of the derivative",
            swap("        dx *= self.y\n", ""),
            hint="σ′ = y (1 − y): both factors.",
        ),
        Mistake(
            "does not multiply by dy",
            swap("        dx *= dy\n", ""),
            hint="Chain rule: the slope has to be multiplied by the gradient that comes in, dx = dy · y (1 − y).",
        ),
        Mistake(
            "adds where it should subtract",
            swap("dx = 1 - self.y", "dx = 1 + self.y"),
            hint="σ′ = y (1 − y), with a minus.",
        ),
    ],
)

tanh = LayerExercise(
    "Tanh",
    cases=elementwise_cases,
    points=Points(forward=1, backward=2),
    extreme=1000.0,
    hints={
        "forward": (
            "A quotient of exponentials is inf / inf at x = 1000. Who offers the function whole?",
            "y = tanh x = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ) = 2 σ(2x) − 1; x, y (…)",
            (
                "Ask the array for its library and take the hyperbolic tangent of the whole array from there; keep the "
                "result, in which the slope is written."
            ),
        ),
        "backward": (
            "Is what forward has kept the input, or its tanh already?",
            "dx = dy · (1 − y²), where y = tanh x is what forward gave; dx, dy, y (…)",
            "Square the kept output, subtract the square from one, multiply by the gradient that comes in.",
        ),
    },
    mistakes=[
        Mistake(
            "forgets the square",
            swap("dx = self.y * self.y", "dx = 1 * self.y"),
            hint="tanh′ = 1 − y²: the output is squared.",
        ),
        Mistake(
            "uses the derivative of the sigmoid",
            swap("dx = self.y * self.y", "dx = 1 - self.y + self.y * self.y"),
            hint="y (1 − y) belongs to the sigmoid. For tanh it is 1 − y².",
        ),
        Mistake(
            "does not multiply by dy",
            swap("        dx *= dy\n", ""),
            hint="Chain rule: dx = dy · (1 − y²).",
        ),
        Mistake(
            "takes the derivative at the output",
            swap("dx = self.y * self.y", "dx = array_module(dy).tanh(self.y) ** 2"),
            hint="y is tanh(x) already: 1 − y², without another tanh.",
        ),
        Mistake(
            "builds it from exponentials that overflow",
            swap(
                "array_module(x).tanh(x)",
                "(array_module(x).exp(x) - array_module(x).exp(-x)) / (array_module(x).exp(x) + array_module(x).exp(-x))",
            ),
            hint="eˣ overflows at large x, and inf / inf is nan. Use the library's tanh, or exponents that are never positive.",
            caught_by="extreme inputs stay finite",
        ),
        Mistake(
            "computes the sigmoid",
            swap("array_module(x).tanh(x)", "1 / (1 + array_module(x).exp(-x))"),
            hint="This is the sigmoid. tanh(x) = 2 σ(2x) − 1.",
        ),
    ],
)

# where, twice, takes 2 times the reference, a loop over elements 70 times.
relu = LayerExercise(
    "ReLU",
    cases=elementwise_cases,
    points=Points(forward=1, backward=2, speed=1),
    speed=Speed(Case(x=(128, 256)), at_most=6.0),
    hints={
        "forward": (
            (
                "What becomes of a negative number: its opposite, or zero? And whose array would it be that you write "
                "the zeros into?"
            ),
            "y = max(0, x), entry by entry; x, y (…)",
            (
                "Remember where x is positive: backward asks for it. Then give the larger of each entry and zero, as a "
                "new array."
            ),
        ),
        "backward": (
            "What opened the gate, the number that went in or the gradient that comes back?",
            "dx = dy · [x > 0], the bracket being 1 where it holds and 0 elsewhere; dx, dy, x (…)",
            "Let dy through where forward saw a positive number, and make it zero elsewhere.",
        ),
        "speed": (
            "Does Python look at the entries one at a time?",
            "one operation for all the entries of x at once: (…) → (…)",
            "Let every operation take the whole array, forward and backward alike.",
        ),
    },
    mistakes=[
        Mistake(
            "lets the gradient through everywhere",
            swap("return dy * self.positive", "return dy * 1"),
            hint="Where x ≤ 0 the output does not depend on x: the gradient there is 0.",
        ),
        Mistake(
            "forgets the upstream gradient",
            swap("return dy * self.positive", "return self.positive.astype(dy.dtype)"),
            hint="Chain rule: the mask has to be multiplied by dy.",
        ),
        Mistake(
            "masks by the gradient in place of the input",
            swap("return dy * self.positive", "return dy * (dy > 0)"),
            hint="The mask belongs to the forward pass: where x was positive, not where dy is.",
        ),
        Mistake(
            "returns the input in place of the gradient",
            swap("self.positive = x > 0", "self.positive = array_module(x).maximum(x, 0)"),
            hint="The slope of ReLU is 1 where x > 0, not x.",
            caught_by="gradients match numerical differences",
        ),
        Mistake(
            "passes negative values",
            swap("array_module(x).clip(x, 0, np.inf)", "array_module(x).minimum(x, 0)"),
            hint="max(0, x) keeps the positive side.",
        ),
        Mistake(
            "takes the absolute value",
            swap("array_module(x).clip(x, 0, np.inf)", "abs(x)"),
            hint="Negative inputs become 0, not their opposite.",
        ),
        Mistake(
            "changes its input in place",
            swap("return array_module(x).clip(x, 0, np.inf)", "x[x < 0] = 0\n        return x"),
            hint="x[x < 0] = 0 writes into the caller's array. Make a new one: xp.maximum(x, 0).",
            caught_by="inputs are not modified",
        ),
        Mistake(
            "makes its mask on the host",
            swap("return dy * self.positive", "return dy * np.asarray(self.positive)"),
            hint="np.asarray pulls the mask off the GPU. Keep it as the comparison gives it.",
            caught_by="backward stays on the device",
        ),
    ],
    slow="""
def forward(self, x):
    self.positive = x > 0
    y = array_module(x).zeros_like(x)
    for index in np.ndindex(x.shape):
        y[index] = array_module(x).maximum(x[index], 0)
    return y
""",
    plain="""
def forward(self, x):
    self.x = x
    return x * (x > 0)

def backward(self, dy):
    return dy * (self.x > 0)
""",
)

leaky_relu = LayerExercise(
    "LeakyReLU",
    cases=lambda rng: [
        Case({"slope": slope}, **case.inputs)
        for slope, case in zip((0.01, 0.2, 0.1), elementwise_cases(rng), strict=True)
    ],
    points=Points(forward=1, backward=2),
    hints={
        "forward": (
            "Two rates are at work, and one of them is an argument. Which entries are multiplied by which?",
            "y = x where x > 0; y = s x where x ≤ 0, s = slope; x, y (…)",
            (
                "Make an array of rates in the dtype of x: 1 where x is positive, the slope elsewhere. Keep it for the "
                "way back and multiply x by it."
            ),
        ),
        "backward": (
            "ReLU sends nothing back where x was negative. What does this layer send?",
            "dx = dy where x > 0; dx = s dy where x ≤ 0, s = slope; dx, dy, x (…)",
            "The rates that forward multiplied x by are the slopes: multiply dy by the same ones.",
        ),
    },
    mistakes=[
        Mistake(
            "has the slope fixed at 0.01",
            swap("self.slope, 1", "0.01, 1"),
            hint="The slope is an argument: use self.slope.",
        ),
        Mistake(
            "swaps the two sides",
            swap("rate = (x > 0)", "rate = (x <= 0)"),
            hint="The small slope belongs to the negative side.",
        ),
        Mistake(
            "flips the sign of the negative side",
            swap("return x * rate", "return abs(x) * rate"),
            hint="slope · x, with x negative as it is: no minus sign.",
        ),
        Mistake(
            "stops the gradient on the negative side",
            swap("return dy * self.rate", "return dy * (self.rate == 1)"),
            hint="That is ReLU's backward. Here slope · dy flows back where x ≤ 0.",
        ),
        Mistake(
            "forgets the slope going back",
            swap("return dy * self.rate", "return dy * 1"),
            hint="Where x ≤ 0 the gradient is slope · dy.",
        ),
        Mistake(
            "gives the slope without dy",
            swap("return dy * self.rate", "return self.rate + 0 * dy"),
            hint="Chain rule: multiply the slope by dy.",
        ),
    ],
)

elu = LayerExercise(
    "ELU",
    cases=lambda rng: [
        Case({"alpha": alpha}, **case.inputs)
        for alpha, case in zip((1.0, 0.5, 1.7), elementwise_cases(rng), strict=True)
    ],
    points=Points(forward=2, backward=2),
    extreme=1000.0,
    hints={
        "forward": (
            (
                "Both branches are computed for every entry, also the one that is thrown away. What is e¹⁰⁰⁰ in there, "
                "and how do you keep large numbers out of it?"
            ),
            "y = x where x > 0; y = α (eˣ − 1) where x ≤ 0, α = alpha; x, y (…)",
            (
                "Cut x off at zero from above before the exponential; minus one, times alpha: that is the left part, "
                "and it is 0 on the right. Add the positive part of x. Keep the left part and where x is positive."
            ),
        ),
        "backward": (
            "What is α eˣ, written with the output y?",
            "dx = dy where x > 0; dx = dy · α eˣ = dy · (y + α) where x ≤ 0; dx, dy, x, y (…)",
            "Slopes first: one on the right; on the left the part that forward kept, plus alpha. Then times dy.",
        ),
    },
    mistakes=[
        Mistake(
            "forgets the minus one",
            swap("xp.expm1(xp.minimum(x, 0))", "xp.exp(xp.minimum(x, 0)) * ~self.positive"),
            hint="alpha (eˣ − 1): without the −1 the function jumps at 0.",
        ),
        Mistake(
            "forgets alpha",
            swap("        self.left *= self.alpha\n", ""),
            hint="The negative side is scaled by alpha.",
        ),
        Mistake(
            "takes alpha for the slope",
            swap("slope = self.left + self.alpha", "slope = 0 * self.left + self.alpha"),
            hint="On the negative side the slope is alpha eˣ, which is y + alpha.",
        ),
        Mistake(
            "takes the output for the slope",
            swap("slope = self.left + self.alpha", "slope = 1 * self.left"),
            hint="alpha eˣ = y + alpha: the + alpha is missing.",
        ),
        Mistake(
            "stops the gradient on the negative side",
            swap("slope = self.left + self.alpha", "slope = 0 * self.left"),
            hint="That is ReLU's backward. ELU's slope where x ≤ 0 is y + alpha.",
        ),
        Mistake(
            "multiplies by one plus the slope",
            swap("slope = self.left + self.alpha", "slope = self.left + 1"),
            hint="The slope is y + alpha; y + 1 is right only for alpha = 1.",
        ),
        Mistake(
            "multiplies the two branches by masks",
            swap("xp.expm1(xp.minimum(x, 0))", "xp.expm1(x) * ~self.positive"),
            hint="0 · inf is nan: the branch that is thrown away must not overflow. Clip it first, xp.minimum(x, 0).",
            caught_by="extreme inputs stay finite",
        ),
    ],
)

gelu = LayerExercise(
    "GELU",
    cases=elementwise_cases,
    points=Points(forward=2, backward=3),
    hints={
        "forward": (
            (
                "With which power of x does 0.044715 stand, and how far does the root reach? Put in x = 1 and compare "
                "with the example, u = 0.8336."
            ),
            "u = √(2/π) · (x + 0.044715 x³), the root of 2/π alone; t = tanh u; y = ½ x (1 + t); x, y (…)",
            (
                "The bracket, the constant in front of it (an ordinary number, or float32 becomes float64), the tanh, "
                "the product with half of x. Keep x and t."
            ),
        ),
        "backward": (
            (
                "x stands in front of the bracket and within it. How many terms does the product rule give, and which "
                "of them needs the chain rule as well?"
            ),
            (
                "u′ = √(2/π) · (1 + 3 · 0.044715 x²); "
                "slope = ½ (1 + t) + ½ x (1 − t²) u′; "
                "dx = dy · slope; "
                "dx, dy, x, t (…)"
            ),
            (
                "u′ from the kept x; one minus the square of the kept t; the second term out of x and these two. Add "
                "the first term, and multiply by the gradient that comes in."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "forgets the cubic term",
            swap("u *= 0.044715\n        u += 1", "u *= 0\n        u += 1"),
            hint="u = √(2/π) (x + 0.044715 x³).",
        ),
        Mistake(
            "squares where it should cube",
            swap("u *= 0.044715\n        u += 1\n        u *= x", "u *= 0.044715\n        u += x"),
            hint="0.044715 goes with x³, not x².",
        ),
        Mistake(
            "forgets the half",
            swap("y *= x\n        y *= 0.5", "y *= x"),
            hint="y = ½ x (1 + t): the ½ is missing.",
        ),
        Mistake(
            "uses the sigmoid approximation",
            swap("y *= 0.5\n        return y", "y = x / (1 + array_module(x).exp(-1.702 * x))\n        return y"),
            hint="x σ(1.702 x) is another, coarser approximation. Wanted is the tanh form.",
        ),
        Mistake(
            "leaves out the second term of the product rule",
            swap("        slope *= du\n", "        slope *= 0 * du\n"),
            hint="x stands in front of the bracket and inside it: product rule, two terms.",
        ),
        Mistake(
            "leaves out the inner derivative",
            swap("        slope *= du\n", ""),
            hint="t = tanh(u): its derivative by x is (1 − t²) du/dx. The factor du/dx is missing.",
        ),
        Mistake(
            "forgets the three from the cube",
            swap("du *= 3 * 0.044715", "du *= 0.044715"),
            hint="The derivative of 0.044715 x³ is 3 · 0.044715 x².",
        ),
        Mistake(
            "does not multiply by dy",
            swap("        slope *= dy\n", ""),
            hint="Chain rule: the slope has to be multiplied by dy.",
        ),
        Mistake(
            "computes in float64",
            swap("y *= 0.5\n        return y", 'y = y.astype("float64") * 0.5\n        return y'),
            hint="dtype in is dtype out. np.sqrt(2 / np.pi) is a float64 and drags float32 along: use a Python float.",
            caught_by="float32 stays float32",
        ),
    ],
)


def softmax_cases(rng):
    for shape, axis in [((1, 4), -1), ((3, 5), 0), ((4, 2, 3), 1), ((6, 5), -1)]:
        yield Case({"axis": axis}, x=rng.normal(0, 2, size=shape))


# A full Jacobian by einsum takes 2.5 times the reference here, a loop over rows 11 times.
softmax = LayerExercise(
    "Softmax",
    cases=softmax_cases,
    points=Points(forward=2, backward=4, speed=1, memory=1),
    extreme=1000.0,
    speed=Speed(Case({"axis": -1}, x=(512, 10)), at_most=5.0),
    memory=Memory(Case({"axis": -1}, x=(1024, 128)), at_most=5.0),
    hints={
        "forward": (
            (
                "Which number can be taken from all scores of a row without changing the result? Along which axis does "
                "a row lie here, and does every row have its own such number?"
            ),
            (
                "yᵢ = e^(xᵢ − m) / Σₖ e^(xₖ − m), m = maxₖ xₖ, sum and maximum along axis; "
                "x, y (…), sum and maximum the same with length 1 along axis"
            ),
            (
                "Maximum along the axis, the axis kept; subtract it, into a new array; exponentials; their sum along "
                "the axis, the axis kept; divide. Keep y."
            ),
        ),
        "backward": (
            (
                "Which entries of y does x₃ reach? All of its row, through the sum in the denominator. Does your slope "
                "know of more than the diagonal?"
            ),
            "dxⱼ = yⱼ (dyⱼ − Σᵢ dyᵢ yᵢ), the sum along axis; dx, dy, y (…)",
            (
                "Multiply dy by y and sum that along the axis, the axis kept. Subtract the sum from dy, multiply by y. "
                "With a dy of all ones the result is zero."
            ),
        ),
        "speed": (
            "Do you visit the rows one by one, or build the matrix of all ∂yᵢ/∂xⱼ?",
            "a row of C scores: C² products with that matrix; 3 C operations with dxⱼ = yⱼ (dyⱼ − Σᵢ dyᵢ yᵢ)",
            "One product, one sum along the axis, one subtraction and one more product, each for the whole array.",
        ),
        "memory": (
            "Which of your arrays has an axis more than x?",
            (
                "the matrix of all ∂yᵢ/∂xⱼ: C numbers for every number of x; "
                "y, dy and their product: one for every number of x"
            ),
            "What the matrix does to dy can be written out with a sum along the axis. Then nothing is larger than x.",
        ),
    },
    mistakes=[
        Mistake(
            "does not subtract the maximum",
            swap("x - x.max(axis=self.axis, keepdims=True)", "x * 1"),
            hint="eˣ overflows at large scores. Subtract the maximum first: it cancels.",
            caught_by="extreme inputs stay finite",
        ),
        Mistake(
            "subtracts the maximum of the whole array",
            swap("x - x.max(axis=self.axis, keepdims=True)", "x - x.max()"),
            hint="With one maximum for all, a row far below it becomes 0 / 0. Each row needs its own: axis=self.axis, keepdims=True.",
            caught_by="extreme inputs stay finite",
        ),
        Mistake(
            "sums over the whole array",
            swap("y /= y.sum(axis=self.axis, keepdims=True)", "y /= y.sum()"),
            hint="Each row is normalised by itself: sum along self.axis with keepdims=True.",
        ),
        Mistake(
            "always uses the last axis",
            swap("y /= y.sum(axis=self.axis, keepdims=True)", "y /= y.sum(axis=-1, keepdims=True)"),
            hint="The axis is an argument: use self.axis.",
        ),
        Mistake(
            "uses the diagonal of the Jacobian only",
            swap("dx -= self.y * total", "dx *= 1 - self.y"),
            hint="y (1 − y) is only the diagonal. Every output depends on every input: dx = y (dy − Σ dy y).",
        ),
        Mistake(
            "passes dy times the output",
            swap("dx -= self.y * total", "pass"),
            hint="The outputs share one denominator; its part of the derivative, − y Σ dy y, is missing.",
        ),
        Mistake(
            "sums dy without the output",
            swap("total = dx.sum(axis=self.axis, keepdims=True)", "total = dy.sum(axis=self.axis, keepdims=True)"),
            hint="The sum is Σ dy y, weighted by the outputs.",
        ),
        Mistake(
            "sums over the last axis going back",
            swap("total = dx.sum(axis=self.axis, keepdims=True)", "total = dx.sum(axis=-1, keepdims=True)"),
            hint="backward, too, sums along self.axis.",
        ),
    ],
    slow="""
def backward(self, dy):
    y = np.moveaxis(self.y, self.axis, -1)
    upstream = np.moveaxis(dy, self.axis, -1)
    dx = array_module(dy).zeros_like(y)
    for index in np.ndindex(y.shape[:-1]):
        jacobian = -y[index][:, None] * y[index]
        for i in range(len(jacobian)):
            jacobian[i, i] += y[index][i]
        dx[index] = jacobian @ upstream[index]
    return np.moveaxis(dx, -1, self.axis)
""",
    plain="""
def forward(self, x):
    xp = array_module(x)
    e = xp.exp(x - x.max(axis=self.axis, keepdims=True))
    self.y = e / e.sum(axis=self.axis, keepdims=True)
    return self.y

def backward(self, dy):
    return self.y * (dy - (dy * self.y).sum(axis=self.axis, keepdims=True))
""",
    bulky="""
def backward(self, dy):
    xp = array_module(dy)
    y = xp.moveaxis(self.y, self.axis, -1)
    jacobian = -y[..., :, None] * y[..., None, :]
    diagonal = xp.arange(y.shape[-1])
    jacobian[..., diagonal, diagonal] += y
    dx = (jacobian @ xp.moveaxis(dy, self.axis, -1)[..., None])[..., 0]
    return xp.moveaxis(dx, -1, self.axis)
""",
)

flatten = LayerExercise(
    "Flatten",
    cases=lambda rng: [Case(x=rng.normal(size=shape)) for shape in [(1, 2, 3), (4, 3), (5, 2, 3, 4)]],
    points=Points(forward=1, backward=1),
    hints={
        "forward": (
            "Which axis says what belongs to one sample? And what does backward need to know that y no longer tells?",
            "(N, A, B, …) → (N, A · B · …), the last axis running fastest",
            (
                "Remember the shape of x, anew in every call. Keep the first axis and let the others run into one, in "
                "the order in which the numbers lie."
            ),
        ),
        "backward": (
            "Did forward change any number? Then what is there to compute on the way back?",
            "(N, A · B · …) → (N, A, B, …), the shape that came in",
            "Give dy the shape that the last forward remembered, with the numbers in the same order.",
        ),
    },
    mistakes=[
        Mistake(
            "flattens the batch too",
            swap("x.reshape(x.shape[0], -1)", "x.reshape(-1)"),
            hint="The first axis is the batch and stays: (batch, everything else).",
        ),
        Mistake(
            "puts the batch last",
            swap("x.reshape(x.shape[0], -1)", "x.reshape(-1, x.shape[0])"),
            hint="The batch is the first axis of the output, too.",
        ),
        Mistake(
            "reads the axes in another order",
            swap("x.reshape(x.shape[0], -1)", 'x.reshape(x.shape[0], -1, order="F")'),
            hint="Keep the default order (last axis fastest): each row holds its image as it lies in memory.",
        ),
        Mistake(
            "returns the gradient still flat",
            swap("return dy.reshape(self.shape)", "return dy"),
            hint="dx has the shape of x: remember it in forward.",
        ),
        Mistake(
            "remembers the first batch for ever",
            swap("self.shape = x.shape", 'self.shape = getattr(self, "shape", x.shape)'),
            hint="The last batch of an epoch may be smaller: remember the shape anew in every forward.",
            caught_by="a second call forgets the first",
        ),
        Mistake(
            "transposes going back",
            swap("return dy.reshape(self.shape)", 'return dy.reshape(self.shape, order="F")'),
            hint="backward must undo just what forward did: the same order of elements.",
        ),
    ],
)

# Layers that the checks bring along, so that Sequential stands or falls by itself.
SUPPORT = '''
from dlkit import Layer, Parameter, array_module

class Scale(Layer):
    """y = w x"""
    def __init__(self, size, *, rng):
        self.w = Parameter(rng.normal(size=size))
    def forward(self, x):
        self.x = x
        return x * self.w.data
    def backward(self, dy):
        self.w.grad += (dy * self.x).sum(axis=0)
        return dy * self.w.data

class Square(Layer):
    """y = x² + x"""
    def forward(self, x):
        self.x = x
        return x * x + x
    def backward(self, dy):
        return dy * (2 * self.x + 1)

class Widen(Layer):
    """y = (x, sin x) side by side"""
    def forward(self, x):
        xp = array_module(x)
        self.x = x
        return xp.concatenate([x, xp.sin(x)], axis=1)
    def backward(self, dy):
        half = dy.shape[1] // 2
        return dy[:, :half] + dy[:, half:] * array_module(dy).cos(self.x)
'''


def layer_stacks():
    """Stacks in which the order of the layers shows."""
    yield 3, [New("support.Square")]
    yield 2, [New("support.Scale", 2, rng=Rng(1)), New("support.Square"), New("support.Widen")]
    yield (
        4,
        [
            New("support.Widen"),
            New("support.Scale", 8, rng=Rng(2)),
            New("support.Square"),
            New("support.Scale", 8, rng=Rng(3)),
        ],
    )


sequential = LayerExercise(
    "Sequential",
    cases=lambda rng: [Case({"layers": layers}, x=rng.normal(size=(3 + n, n))) for n, layers in layer_stacks()],
    points=Points(forward=1, backward=2),
    has_parameters=True,
    support=SUPPORT,
    hints={
        "forward": (
            "What is the input of the second layer?",
            "h₀ = x; hₖ = fₖ(hₖ₋₁) for k = 1, …, n; y = hₙ",
            "One variable holds what has come out so far; every layer in turn replaces it. Return it after the last.",
        ),
        "backward": (
            "Which layer meets the error first, and what is the dy of the layer before it?",
            "dhₙ = dy; dhₖ₋₁ = what backward of fₖ makes of dhₖ, for k = n, …, 1; dx = dh₀",
            (
                "From the last layer to the first, the first included: what one returns is handed to the next. Return "
                "what comes out at the end."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "feeds every layer the first input",
            swap("x = layer.forward(x)\n        return x", "y = layer.forward(x)\n        return y"),
            hint="The output of each layer is the input of the next: keep it in one variable.",
        ),
        Mistake(
            "runs forward in reverse",
            swap("for layer in self.layers:", "for layer in self.layers[::-1]:"),
            hint="Forward goes from the first layer to the last.",
        ),
        Mistake(
            "runs backward in the order of forward",
            swap("reversed(self.layers)", "self.layers"),
            hint="The error takes the road back: the last layer first.",
        ),
        Mistake(
            "hands every layer the same dy",
            swap("dy = layer.backward(dy)\n        return dy", "dx = layer.backward(dy)\n        return dx"),
            hint="What one layer returns is the dy of the layer before it.",
        ),
        Mistake(
            "leaves out the first layer going back",
            swap("for layer in reversed(self.layers):", "for layer in reversed(self.layers[1:]):"),
            hint="The first layer has parameters and an input too: send the error through it as well.",
        ),
        Mistake(
            "returns nothing from backward",
            swap("dy = layer.backward(dy)\n        return dy", "dy = layer.backward(dy)"),
            hint="backward returns dx, the gradient by the input of the whole stack.",
        ),
    ],
)


def norms_cases(rng):
    for n, layers in layer_stacks():
        width = 2 * n if any(layer.name == "support.Widen" for layer in layers) else n
        yield Case(layers=layers, x=rng.normal(size=(5, n)), dy=rng.normal(size=(5, width)))


norms = FunctionExercise(
    "gradient_norms",
    cases=norms_cases,
    points=2,
    support=SUPPORT,
    hints={
        "gradient_norms": (
            (
                "The gradient by a layer's input: does it exist before that layer's backward, or after? And which "
                "layer do you meet first, which stands first in the result?"
            ),
            (
                "‖dx‖ = √(Σ dx²) over all entries of dx, the gradient by one layer's input; "
                "result (L,), one for each of L layers, the first layer first"
            ),
            (
                "All layers forward. From the last to the first: backward, then the root of the sum of squares of what "
                "it returned. Turn the list of norms round, and make one array of it without fetching a number from "
                "the device."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "returns the last layer first",
            swap("norms[::-1]", "norms"),
            hint="Going back you meet the last layer first; the result begins with the first layer.",
        ),
        Mistake(
            "takes the mean in place of the sum",
            swap("(dy * dy).sum() ** 0.5", "(dy * dy).mean() ** 0.5"),
            hint="The Frobenius norm is the root of the *sum* of squares.",
        ),
        Mistake(
            "forgets the root",
            swap("(dy * dy).sum() ** 0.5", "(dy * dy).sum()"),
            hint="The norm is the square root of the sum of squares.",
        ),
        Mistake(
            "measures before the layer, not after",
            swap(
                "dy = layer.backward(dy)\n        norms.append((dy * dy).sum() ** 0.5)",
                "norms.append((dy * dy).sum() ** 0.5)\n        dy = layer.backward(dy)",
            ),
            hint="Wanted is the gradient by each layer's input: first backward, then measure what it returns.",
        ),
        Mistake(
            "brings each norm to the host",
            swap(
                "norms.append((dy * dy).sum() ** 0.5)",
                "norms.append(array_module(dy).asarray(float((dy * dy).sum()) ** 0.5))",
            ),
            hint="float() waits for the GPU at every layer. Keep the norms as 0-d arrays and stack them at the end.",
            caught_by="stays on the device",
        ),
    ],
)


def spirals_task(rng):
    x, y = spirals(200, noise=0.02, rng=rng)
    x_test, y_test = spirals(500, noise=0.02, rng=rng)
    return Task(x, y, x_test, y_test)


# The reference reaches 0.9999 in the mean and 0.999 at worst over 20 seeds, in 0.1 s of CPU time each.
capstone = ModelExercise(
    "train_spirals",
    task=spirals_task,
    accuracy=0.97,
    points=4,
    disguised="rotation",
    depends=("Linear", "Sequential"),
    hints={
        "train_spirals": (
            (
                "If the loss does not fall, which of four things is missing: the minus of the step, gradients cleared "
                "before each batch, a bend between the linear maps, or epochs?"
            ),
            (
                "θ ← θ − η ∂L/∂θ after every batch; "
                "or with a velocity for each parameter: v ← 0.9 v − η ∂L/∂θ, θ ← θ + v; "
                "scores (B, 2) of rows (B, 2)"
            ),
            (
                "Two hidden layers of some forty units with ReLU behind each. In every epoch a new order of the rows, "
                "cut into batches; for each batch forward, the loss with its gradient by the scores, gradients "
                "cleared, backward, step. First weights a few times larger let the network see the turns sooner."
            ),
        ),
    },
    mistakes=[
        Mistake(
            "steps uphill",
            swap("- 0.05 * p.grad", "+ 0.05 * p.grad"),
            hint="Subtract: the gradient points uphill.",
        ),
        Mistake(
            "never clears the gradients",
            swap("            model.zero_grad()\n", ""),
            hint="Gradients accumulate: call model.zero_grad() before every backward.",
        ),
        Mistake(
            "has no nonlinearity",
            swap(
                "[Linear(2, width, rng=rng), ReLU(), Linear(width, width, rng=rng), ReLU(), ",
                "[Linear(2, width, rng=rng), Linear(width, width, rng=rng), ",
            ),
            hint="Linear after Linear is one Linear: a straight line cannot separate the spirals.",
        ),
        Mistake(
            "returns the untrained model",
            swap("for _ in range(120):", "for _ in range(0):"),
            hint="The loop over epochs never runs.",
        ),
    ],
)

ASSIGNMENT = Assignment(
    "02_layers",
    title="Layers",
    exercises=[linear, sigmoid, tanh, relu, leaky_relu, elu, gelu, softmax, flatten, sequential, norms, capstone],
    questions=[Question("vanishing_gradients", points=3), Question("why_nonlinear", points=2)],
)
