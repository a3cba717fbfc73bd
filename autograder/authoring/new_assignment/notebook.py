# %% [markdown]
# # __NUMBER__ · __TITLE__
#
# Explain what this assignment is about, why it matters, and what the student will have built at the end.

# %%

from autograder import check
from dlkit import Layer

# %% [markdown]
# ## __SHORT__.1 Parabola
#
# Motivation, formula, the backward pass derived step by step, one example by hand:
#
# $$ y = s\,x^2, \qquad dx = 2\,s\,x\,dy $$


# %%
class Parabola(Layer):
    """Square of every element, times a constant:  y = s x²

    Shapes
        x, y  any
    s: the constant.

    Source: author (year), section or equation.
    """

    def __init__(self, s):
        self.s = s

    def forward(self, x):
        ### BEGIN SOLUTION
        self.x = x
        return self.s * x * x
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        return 2 * self.s * self.x * dy
        ### END SOLUTION


# %% [markdown] hints="Parabola"
# ### forward
# 1. Which of the two is squared, x or the constant?
# 2. y = s x², entry by entry; x and y have the same shape
# 3. Store x, which backward needs. Multiply it by itself, then by the constant.
#
# ### backward
# 1. x occurs twice in the product: what does the product rule give?
# 2. dx = 2 s x dy; dx and dy have the shape of x
# 3. Twice the constant times the stored x is the derivative; then apply the chain rule: multiply by dy.

# %%
check(Parabola)

# %% [markdown]
# **Question 1.** *(2 points)* Ask for what no check can grade.

# %% [markdown] question="why"
# ### BEGIN SOLUTION
# A model answer, and the mark scheme.
# ### END SOLUTION
