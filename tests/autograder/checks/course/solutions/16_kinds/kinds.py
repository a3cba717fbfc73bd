# %% [markdown]
# # 16 · Kinds

# %%
from itertools import pairwise

from autograder import check
from dlkit import Layer, array_module


# %%
class BytePairs:
    """Learn merges of the most frequent pair of ids; of equal ones the greater pair.

    merges: pairs of ids, in the order learned.

    Source: Sennrich et al. (2016), algorithm 1.
    """

    def __init__(self):
        self.merges = []

    def train(self, text, vocab_size):
        """Learn from a text until there are vocab_size ids, or no pair."""
        ### BEGIN SOLUTION
        self.merges = []
        ids = list(text.encode())
        while len(self.merges) < vocab_size - 256 and len(ids) > 1:
            counts = {}
            for pair in pairwise(ids):
                counts[pair] = counts.get(pair, 0) + 1
            pair = max(counts, key=lambda pair: (counts[pair], pair))
            ids = merged(ids, pair, 256 + len(self.merges))
            self.merges.append(pair)
        ### END SOLUTION

    def encode(self, text):
        """The ids of a text, a list."""
        ### BEGIN SOLUTION
        ids = list(text.encode())
        for new, pair in enumerate(self.merges, 256):
            ids = merged(ids, pair, new)
        return ids
        ### END SOLUTION

    def decode(self, ids):
        """The text of ids; ValueError where there is no such id."""
        ### BEGIN SOLUTION
        known = [bytes([i]) for i in range(256)]
        for left, right in self.merges:
            known.append(known[left] + known[right])
        if any(not 0 <= i < len(known) for i in ids):
            message = "there is no such id"
            raise ValueError(message)
        return b"".join(known[i] for i in ids).decode(errors="replace")
        ### END SOLUTION


def merged(ids, pair, new):
    """Ids with each pair replaced by a new one, from left to right."""
    result = []
    for i in ids:
        if result and (result[-1], i) == pair:
            result[-1] = new
        else:
            result.append(i)
    return result


# %% [markdown] hints="BytePairs"
# ### train
# 1. Which pair comes most often?
# 2. merges = the pairs, in the order learned
# 3. Count neighbours, choose the most frequent pair, merge it, count anew.
#
# ### encode
# 1. In which order were the merges learned?
# 2. ids = bytes, merged pair by pair
# 3. Begin with the bytes and apply every merge in the order in which it was learned.
#
# ### decode
# 1. Of which bytes is an id made?
# 2. text = bytes of all ids, one after the other
# 3. Put the bytes of all ids together before they become text.

# %%
check(BytePairs)


# %%
def gan_step(real, noise, *, generator, discriminator, loss, generator_optimizer, discriminator_optimizer):
    """Train the discriminator, then the generator; return both losses.

    Shapes
        real  (batch, features)      noise  (batch, …)
    The discriminator's loss is that of the real rows (label 1) and that of the generated ones (label 0), added up; the
    generator's is that of the same rows with label 1.  The discriminator's gradient is zero at the end.

    Source: Goodfellow et al. (2014), algorithm 1.
    """
    ### BEGIN SOLUTION
    one = array_module(real).ones((1, 1), dtype=real.dtype)
    discriminator_optimizer.zero_grad()
    fake = generator.forward(noise)
    first = loss.forward(discriminator.forward(real), one + 0 * real[:, :1])
    discriminator.backward(loss.backward())
    second = loss.forward(discriminator.forward(fake), 0 * fake[:, :1])
    discriminator.backward(loss.backward())
    discriminator_optimizer.step()
    generator_optimizer.zero_grad()
    error = loss.forward(discriminator.forward(fake), one + 0 * fake[:, :1])
    generator.backward(discriminator.backward(loss.backward()))
    generator_optimizer.step()
    discriminator_optimizer.zero_grad()
    return first + second, error
    ### END SOLUTION


# %% [markdown] hints="gan_step"
# ### gan_step
# 1. Whose turn is it first, and what must the other one not learn from it?
# 2. Ld = L(D(real), 1) + L(D(G(noise)), 0); Lg = L(D(G(noise)), 1)
# 3. Two losses and a step for the discriminator; then one loss, through the discriminator into the generator, and its
#    step; clear what that left in the discriminator.

# %%
check(gan_step)


# %%
class RunningMean(Layer):
    """Mean of all steps so far, padding left out.

    Shapes
        x, y  (batch, time, features)      mask  (batch, time), 0 where there is padding; the first step is none

    Source: this file.
    """

    def forward(self, x, mask):
        ### BEGIN SOLUTION
        self.kept = (mask != 0)[:, :, None].astype(x.dtype)
        self.count = self.kept.cumsum(axis=1)
        return (x * self.kept).cumsum(axis=1) / self.count
        ### END SOLUTION

    def backward(self, dy):
        ### BEGIN SOLUTION
        later = (dy / self.count)[:, ::-1].cumsum(axis=1)[:, ::-1]
        return later * self.kept
        ### END SOLUTION


# %% [markdown] hints="RunningMean"
# ### forward
# 1. Which steps count, and how many are there so far?
# 2. y[t] = sum of kept x up to t / number of kept steps up to t
# 3. Set padding to zero, add up along time, divide by the running number of kept steps.
#
# ### backward
# 1. Which outputs does one step have a part in?
# 2. dx[t] = sum over later s of dy[s] / count[s], where step t is kept
# 3. Divide by the counts, add up from the end, and set padding to zero.

# %%
check(RunningMean)
