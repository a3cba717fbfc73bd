# %% [markdown]
# # 08 · Embeddings
#
# A network computes with numbers, and a text consists of characters. This assignment is about the way from one to the
# other. First a text is cut into pieces from a fixed list, its *tokens*. Then each token gets a vector, its
# *embedding*, which is trained like any other weight. Nobody tells the training what a word means; it only sees which
# words stand near which others. Yet in the end words that are used alike have vectors that point in similar directions.
#
# | | |
# |---|---|
# | Time | about 6 hours |
# | You will be able to | build a tokenizer that can encode every text; train a table of vectors, where only few rows are used at a time; replace a softmax over a whole vocabulary by a few drawn words; search for neighbours among thousands of vectors; draw 50 dimensions in two |
# | Builds on | sigmoid and numerically stable losses (02, 03), `Adam` (04), masks (07) |
# | Next | Transformers (09) begin with a tokenizer and an embedding |
#
# | here | in PyTorch and elsewhere |
# |---|---|
# | `BPETokenizer` | `tokenizers.models.BPE` of Hugging Face, `tiktoken` of OpenAI (both also split a text into words first) |
# | `Embedding` | `torch.nn.Embedding` |
# | `draw_negatives` | `torch.multinomial` |
# | `SkipGramNegativeSampling` | sums of `torch.nn.functional.logsigmoid`; `gensim.models.Word2Vec(sg=1, negative=5)` |
# | `cosine_neighbours` | `torch.nn.functional.cosine_similarity`, `torch.topk` |
# | `truncated_svd` | `torch.svd_lowrank`, `sklearn.decomposition.TruncatedSVD` |
# | `sentence_embedding` | `torch.nn.EmbeddingBag(mode="mean")` for the mean |
# | `tf_idf` | `sklearn.feature_extraction.text.TfidfTransformer` |
# | `ParagraphVector` | `gensim.models.Doc2Vec(dm=0)` |
#
# **Further reading.** Jurafsky & Martin, *Speech and Language Processing* (3rd edition, draft), the chapters on tokens
# and on embeddings. Levy & Goldberg, *Neural Word Embedding as Implicit Matrix Factorization* (2014). Zhang, Lipton, Li
# & Smola, *Dive into Deep Learning*, the chapter on pretraining.
#
# **Shapes.** Ids are integers from 0 to vocab_size − 1. A table of vectors has the shape (vocab_size, features): row
# $i$ belongs to the word $i$. Ids of any shape (…) become vectors (…, features).
#
# > **Find the mistake.** One of the articles behind this course explains word embeddings under the heading *vector
# > quantization* and says that it assigns a vector to every word. Is that what quantization does?
# >
# > <details><summary>What is wrong</summary>The direction. Quantization takes a vector and replaces it by one of a few
# > stored ones, usually the nearest: from continuous to discrete. An embedding takes a word, one of finitely many, and
# > gives it a vector: from discrete to continuous. What the article means is *vectorization*. (In Chinese, the language
# > of the article, the two words share their first characters: 向量化, 向量量化.) Quantization of weights follows in
# > assignment 13.</details>

# %% [markdown]
# **What every check asks**
#
# - *The same code on every device.* `xp.exp(x)` in place of `np.exp(x)`, with `xp` from `array_module`. New arrays come
#   from `xp` as well (`xp.zeros_like(x)`), or from `zeros` and `ones` of `dlkit`; its `asarray` takes to the device what
#   a generator has drawn. No `float(x)`, no `x.tolist()`: nothing is copied from a device.
# - *The dtype stays.* float32 inputs give float32 results, float64 inputs float64 ones.
# - *Inputs stay as they are.* Nothing is written to an array that was passed to a function or a method.
# - *Objects stand alone.* Two objects share nothing. Every call uses the inputs, the parameters and the mode of that
#   call; nothing changes between a `forward` and its `backward`. A second `backward` gives the same again. What a call
#   returned stays as it is, whatever is called later, and when parameters change. A network that a function is given
#   stays in its mode, unless the text says otherwise.
# - *Finite*, where a docstring says it, goes for gradients as well.
# - *Any array will do*: views of other arrays, batches of one row, long sequences, large parameters.
# - *Exactness.* The largest error may be 10⁻⁶ of the largest expected number (float32: 10⁻³), or of 1 where that is
#   larger. Shapes must be equal.
# - *Limits.* A call may take 3 seconds of CPU time and 2 GB of memory; a training has limits of its own. Where speed,
#   memory or growth earn points, the limit is a multiple of what the author's solution takes, and the check names it.
# - *Data.* A model is to be trained, not brought along: what a training needs may hold 4,000 characters of numbers, texts
#   and names (the author's solutions have about 1,000), and 10,000 bytes when it is compressed. Docstrings and comments do
#   not count; they are removed before a training is graded.
# - *Written questions* are graded by people. Where the course has model answers, `autograder answer` shows one, with its
#   mark scheme, after you have written your own.
# - *Imports.* Python's standard library, NumPy and dlkit: when your work is graded, nothing else can be imported.
# - *Gradients* are what the chain rule gives, computed from formulas. Differences of `forward`, complex steps and
#   `gradcheck` are no answer; nor is a `backward` that takes as long as a call of `forward` for every number. Loops are fine.

# %%
import heapq
from functools import cache
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

from autograder import check
from dlkit import Layer, Loss, Parameter, array_module, plotting, scatter_add
from dlkit.course import earlier, when_written
from dlkit.datasets import python_manual, python_topics, words


# %% [markdown]
# ## 8.1 BPETokenizer
#
# Which pieces should a text be cut into? Characters are few, but sequences become long, and a single character means
# little. Words mean something, but there is no end to them: whatever list you make, the next text contains a word that
# is not in it. **Byte-pair encoding** is between the two and never fails:
#
# - It begins with **bytes**. In UTF-8 each character is one to four bytes, so 256 ids are enough to write every text of
#   every language.
# - Then it *learns* from a text: it looks for the most frequent pair of neighbours, and makes a new id of it, again and
#   again. `t` and `h` become `th`, `th` and `e` become `the`, and at some point ` the ` with its spaces is one token.
#
# **Training.** Given a text and a `vocab_size`, start with the bytes of the text as ids, and repeat until there are
# `vocab_size` ids (of which 256 are bytes), or there is no pair left:
#
# 1. Count every pair of neighbours. Overlapping ones count too: `a a a` contains the pair (a, a) twice.
# 2. Take the pair with the highest count. If several have it, take the one whose *byte strings* are greater: compare
#    the bytes of the left ids first, then those of the right ids. (Any rule would do. But without one, two programs
#    learn different tokens from the same text.)
# 3. The pair gets the next id. Replace it in the sequence, from left to right: `a a a` becomes `X a`.
#
# Pairs that occur once are merged as well. (Libraries first split the text into words, so that no token crosses the
# border of a word. Here the text remains one sequence.)
#
# ```
#   ids       a  a  b  d  a  a  a  b  a  c        pairs: aa 3, ab 2, bd 1, da 1, ba 1, ac 1
#             └──┘        └──┘                    merge (a, a) → X
#             X     b  d  X     a  b  a  c        pairs: Xb 1, bd 1, dX 1, Xa 1, ab 1, ba 1, ac 1
#                      └──┘                       all have 1: the greatest left string is d: merge (d, X) → Y
# ```
#
# *(Check the last line: the left strings are aa, b, d, aa, a, b, a.)*
#
# **Encoding** a new text applies the merges in the order in which they were learned. **Decoding** puts the bytes of all
# ids together and reads them as UTF-8. Not every sequence of ids is a text: a model that writes may stop in the middle
# of a character. Bytes that cannot be read become the character U+FFFD, �. An id that does not exist is a mistake of the
# caller: raise a ValueError.
#
# *By hand:* train on `abab` with a vocabulary of 258. The pairs are ab 2, ba 1: merge (97, 98), the new id is 256. What
# remains is `256 256`, with the pair (256, 256): 257. So `merges = [(97, 98), (256, 256)]`; `encode("ababab")` first
# gives 256 256 256, then 257 256; and `decode([257, 256, 97])` is `abababa`.
#
# **Fast.** Each merge changes few places, so do not count again. A merge of (l, r) at one place changes three pairs, no
# matter how long the text is: before, `h l r k` has the pairs (h, l), (l, r), (r, k); then `h X k` has (h, X), (X, k).
# What is needed for that:
#
# - For every pair the **list of its places**, so that you find all of them without searching. Some entries become
#   outdated when a neighbour is merged; look whether the pair is still there before you merge.
# - The sequence as a **linked list**: for every place the next and the previous one that is still in use. Then nothing
#   has to be moved when two ids become one.
# - The most frequent pair: a `max` over all counts is acceptable. Faster is a **heap**: counts of old pairs only fall,
#   so an entry of the heap is either current or too high; if it is too high, put it back with its present count.
#
# Speed is graded on training: at most three times the time of the author's solution for all points, at most five times
# for half of them.
#
# This exercise is about lists and dictionaries, so it runs in CPU memory on every machine: text does not live on a GPU.

# %% [markdown]
# Two functions that you may use are given. `merged` replaces a pair in a list. `falling_key` turns a byte string into a
# text that sorts in the opposite order, for a heap, whose first entry is the *smallest*.

# %%
def merged(ids, pair, new):
    """A list of ids with every pair replaced by a new id, from left to right; given"""
    left, right = pair
    result, i = [], 0
    while i < len(ids):
        if ids[i] == left and i + 1 < len(ids) and ids[i + 1] == right:
            result.append(new)
            i += 2
        else:
            result.append(ids[i])
            i += 1
    return result


def falling_key(string):
    """A text for a byte string; texts of greater byte strings are smaller; given"""
    return "".join(chr(255 - byte) for byte in string) + chr(256)


# %%
class BPETokenizer:
    """Byte-pair encoding: the 256 bytes, and pairs of ids that occurred often in a text

    merges: what was learned, a list of pairs of ids (left, right), in the order learned: the pair at index i became the
    id 256 + i.  It may be written too (merges of a file, or fewer of them): encode and decode follow what it is now.

    Source: Gage, A New Algorithm for Data Compression (1994); Sennrich, Haddow & Birch, Neural Machine Translation of
    Rare Words with Subword Units (2016), section 3.2; on bytes: Radford et al., Language Models are Unsupervised
    Multitask Learners (2019), section 2.2.
    """

    def __init__(self):
        self.merges = []

    def train(self, text, vocab_size):
        """Learn merges from a text until there are vocab_size ids, or no pair of neighbours; forget earlier ones

        Overlapping pairs count.  Of equally frequent pairs the one with the greater byte strings is merged, the left
        string compared first.      vocab_size: 256 or more
        """
        # YOUR CODE HERE
        raise NotImplementedError()

    def encode(self, text):
        """The ids of a text, a list of integers: its bytes, merged in the order in which the merges were learned"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def decode(self, ids):
        """The text of some ids; bytes that are no UTF-8 become U+FFFD; ValueError where an id does not exist"""
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(BPETokenizer)


# %% [markdown]
# How much shorter does a text become? Below the tokenizer learns from the beginning of the Python manual and encodes a
# part that it has not seen. With 2,000 ids a token is about three and a half bytes long. The second picture shows a
# sentence with its tokens in colours: frequent words are one token, rare ones several.

# %%
def bytes_per_token(text, tokenizer, vocab_size):
    """Bytes of a text for each token, with the first ids of a tokenizer; given"""
    smaller = BPETokenizer()
    smaller.merges = tokenizer.merges[: vocab_size - 256]
    return len(text.encode()) / len(smaller.encode(text))


with when_written():
    manual = python_manual(repeated=False)
    unseen = manual[-20_000:]
    tokenizer = BPETokenizer()
    tokenizer.train(manual[:150_000], 2000)
    sizes = [256, 300, 400, 600, 1000, 1500, 2000]
    lengths = [bytes_per_token(unseen, tokenizer, size) for size in sizes]
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 3.2), width_ratios=[1, 2.2], layout="constrained")
    left.plot(sizes, lengths, "o-", color=plotting.COLOURS[0])
    left.set(xlabel="ids in the vocabulary", ylabel="bytes per token, unseen text", ylim=(0, None))
    sentence = "Function definitions may be nested; a coroutine awaits another one, übrigens auch 日本."
    pieces = [tokenizer.decode([token]).replace(" ", "␣") for token in tokenizer.encode(sentence)]
    ends = np.cumsum([len(piece) + 1 for piece in pieces])
    for i, (piece, end) in enumerate(zip(pieces, ends, strict=True)):
        row, column = divmod(end - len(piece) - 1, 78)
        box = {"facecolor": plotting.COLOURS[i % 6], "alpha": 0.3, "pad": 1.5}
        right.text(column, -row, piece, family="monospace", fontsize=11, bbox=box)
    right.set(xlim=(-1, 92), ylim=(-(ends[-1] // 78) - 1, 1), title="tokens of a sentence (� is part of a character)")
    right.set_axis_off()
    plt.show()


# %% [markdown]
# ## 8.2 Embedding
#
# A table of vectors, one row for each id. Forward looks rows up:
#
# $$ y_n = W_{i_n}, \qquad \text{ids } (\ldots) \;\to\; y\ (\ldots, \text{features}) $$
#
# ```
#   ids   3  0  3           W  0 │ . . . │ ─────────┐         dW  0 │ dy₂       │
#                              1 │ . . . │          │             1 │ 0         │
#                              2 │ . . . │          │             2 │ 0         │
#                              3 │ . . . │ ──┐      │             3 │ dy₁ + dy₃ │
#                                            ├─ y₁  ├─ y₂
#                                            └─ y₃
# ```
#
# **The backward pass, derived.** Looking up row $i$ is the product with a one-hot row: $y_n = e_{i_n} W$, or with all
# one-hot rows as a matrix $E$ (N, vocab_size), $y = E W$. So the layer is linear, and its gradient is that of `Linear`:
#
# $$ dW = E^\top dy, \qquad dW_v = \sum_{n:\, i_n = v} dy_n $$
#
# Each row of $dW$ is the sum of the upstream gradients at all places where its word stands. A word that occurs three
# times gets three contributions. Nobody multiplies by $E$, which has one nonzero entry in each row: *add* each $dy_n$
# to its row. That is a **scatter-add**. In NumPy it has a trap: `dW[ids] += dy` reads all rows first, adds, and then
# writes all rows, so of several equal ids only the last remains. `scatter_add(dW, ids, dy)` of dlkit adds them all.
#
# The ids are integers and have no gradient, so `backward` returns `None`.
#
# **Padding.** Sequences of different lengths are filled up with an id that means nothing, `padding_idx`. Its row begins
# as zeros and must stay as it is: it gets no gradient. (Forward treats it as any other row.)
#
# *By hand:* $W = ((1, 2), (3, 4), (5, 6))$, ids $(2, 0, 2)$: $y = ((5, 6), (1, 2), (5, 6))$. With
# $dy = ((1, 0), (0, 1), (10, 0))$: $dW = ((0, 1), (0, 0), (11, 0))$. With `padding_idx=2`: $dW = ((0, 1), (0, 0), (0, 0))$.
#
# **Fast.** Do not let the time depend on the size of the vocabulary: of 10,000 rows a batch uses a few hundred. NumPy
# adds at repeated indices fastest where target and values have one axis: row $i$ of a table with $F$ features is
# $iF, iF + 1, \ldots$ of the same memory as one long row.

# %%
class Embedding(Layer):
    """A table of vectors:  y[n] = W[ids[n]]

    Shapes
        ids  any shape (…), integers of any type, from 0 to vocab_size − 1      y  (…, features)
        W  (vocab_size, features)
    backward adds dy to the rows that were looked up, once for every time, and returns None: ids have no gradient.
    padding_idx: an id whose row is initially zero and gets no gradient; None where there is none.
    Other rows of W are initially normal with mean 0 and standard deviation 1, as in PyTorch.

    Source: Bengio, Ducharme, Vincent & Jauvin, A Neural Probabilistic Language Model (2003), section 2.
    """

    def __init__(self, vocab_size, features, padding_idx=None, *, rng):
        self.padding_idx = padding_idx
        W = rng.normal(size=(vocab_size, features))
        if padding_idx is not None:
            W[padding_idx] = 0
        self.W = Parameter(W)

    def forward(self, ids):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(Embedding)


# %% [markdown]
# ## 8.3 draw_negatives
#
# What should be trained, without labels? *"You shall know a word by the company it keeps"* (Firth, 1957). So take a
# word of a text, the **centre**, and a word from its neighbourhood, the **context**, and let a model predict the second
# from the first. With a softmax over the vocabulary that costs, at every step, a score for each of many thousand words.
#
# **Negative sampling** asks an easier question: is this a pair from the text, or did somebody make it up? For each real
# pair $k$ words are drawn at random, the **negatives**; the model has to tell the real context from those.
#
# Which law should the negatives have? Uniform draws are too easy: most words are rare, and a model would only learn
# which words are frequent. Draws proportional to the counts are mostly "the" and "a". In between works best:
#
# $$ P(w) = \frac{n_w^{3/4}}{\sum_v n_v^{3/4}} $$
#
# with $n_w$ the number of times that $w$ occurs. A word that is 10,000 times as frequent is drawn 1,000 times as often.
#
# One thing to observe: a negative must not be the positive of the same row, or the loss contradicts itself. **Draw it
# again**, until it is another word. So the law of a row's negatives is the one above *given that they differ from the
# positive*: $P(w) / (1 - P(v))$ for all $w \neq v$.
#
# *By hand:* counts $(16, 81, 0, 1)$: to the power ¾ they are $(8, 27, 0, 1)$, so $P = (0.222, 0.75, 0, 0.028)$. Where
# the positive is the word 1, only words 0 and 3 are left: with probabilities $8/9$ and $1/9$.
#
# This function prepares data, and to draw again it has to look at what it drew: it works in CPU memory, with NumPy.

# %%
def draw_negatives(positive, counts, k=5, *, rng):
    """Draw k random words for each positive word, none equal to it, P(w) = counts[w]^¾ / Σ counts^¾

    Shapes
        positive  (batch,), ids      counts  (vocab_size,), how often each word occurs, 0 or more, at least two above 0
        result  (batch, k), ids, NumPy arrays all of them
    All numbers are drawn independently: a row may hold a word twice.
    rng: a numpy.random.Generator, the only source of randomness.

    Source: Mikolov, Sutskever, Chen, Corrado & Dean, Distributed Representations of Words and Phrases and their
    Compositionality (2013), section 2.2; equal words: Goldberg & Levy, word2vec Explained (2014).
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(draw_negatives)

# %% [markdown]
# The three laws for the words of the manual: what each share of the draws goes to.

# %%
vocabulary, codes, paragraphs = words(python_manual(repeated=False), rarest=5)
counts = np.bincount(codes)
print(f"{len(codes):,} words, {len(vocabulary):,} of them different, in {len(set(paragraphs.tolist())):,} paragraphs")
order = np.argsort(-counts)
figure, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
for power, colour in zip((1.0, 0.75, 0.0), plotting.COLOURS, strict=False):
    law = counts[order] ** power
    ax.plot(
        np.arange(1, len(law) + 1), np.cumsum(law) / law.sum(), color=colour, label=f"counts to the power {power:g}"
    )
ax.set(xscale="log", xlabel="words, the most frequent first", ylabel="share of all draws")
ax.legend()
plt.show()


# %% [markdown]
# ## 8.4 SkipGramNegativeSampling
#
# Every word has *two* vectors: $u$ as a centre and $v$ as a context. The score of a pair is their product $u \cdot v$,
# its probability of being real $\sigma(u \cdot v)$. For one real pair and its negatives $n_1 \ldots n_k$ the loss is a
# binary cross-entropy of $k + 1$ decisions:
#
# $$ \ell = -\log \sigma(u \cdot v) - \sum_{j=1}^{k} \log \sigma(-u \cdot n_j), \qquad L = \frac1B \sum_{b=1}^{B} \ell_b $$
#
# **The backward pass, derived.** Step by step:
#
# 1. *The scores.* Write $s = u \cdot v$ and $t_j = u \cdot n_j$. As for every sigmoid with cross-entropy (03), the
#    derivative is probability minus target: $ds = \sigma(s) - 1$ for the real pair, $dt_j = \sigma(t_j)$ for the
#    negatives, whose target is 0. Both are divided by $B$, since $L$ is a mean.
# 2. *The vectors.* A product gives each factor the other one: $dv = ds \cdot u$ and $dn_j = dt_j \cdot u$.
# 3. *The centre* appears in all $k + 1$ scores, so its gradients add up: $du = ds \cdot v + \sum_j dt_j \cdot n_j$.
#
# ```
#   u  (B, F)    v  (B, F)    n  (B, k, F)
#   s  (B,)      t  (B, k)               u as (B, 1, F) meets n
#   du (B, F)    dv (B, F)    dn (B, k, F)
# ```
#
# A step of gradient descent pulls $u$ towards $v$ and pushes it away from the $n_j$, the more the surer the model was of
# the wrong answer.
#
# **Stable.** $\log \sigma(x)$ by its definition is $\log 0$ for $x = -800$. With $-\log \sigma(x) = \log(1 + e^{-x})
# = \max(-x, 0) + \log(1 + e^{-|x|})$ nothing overflows; `log1p` keeps small values exact.
#
# *By hand:* $u = (1, 0)$, $v = (0, 1)$, one negative $n = (0, 1)$. Both scores are 0, so $\ell = 2 \log 2 = 1.386$;
# $ds = -\tfrac12$, $dt = \tfrac12$; $dv = (-0.5, 0)$, $dn = (0.5, 0)$, and $du = -\tfrac12 v + \tfrac12 n = 0$: real
# and drawn word are the same vector, so they cancel. (That is why a negative is drawn again where it *is* the
# positive.)

# %%
class SkipGramNegativeSampling(Loss):
    """Loss of word pairs:  −log σ(u · v) − Σⱼ log σ(−u · nⱼ), finite for all finite vectors

    Shapes
        centre  (batch, features), u      context  (batch, features), v      negatives  (batch, k, features), n
        loss  (), the mean over the batch      backward returns (dcentre, dcontext, dnegatives)

    Source: Mikolov, Sutskever, Chen, Corrado & Dean, Distributed Representations of Words and Phrases and their
    Compositionality (2013), equation 4.
    """

    def forward(self, centre, context, negatives):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(SkipGramNegativeSampling)


# %% [markdown]
# ## 8.5 cosine_neighbours
#
# Trained vectors are compared by the angle between them:
#
# $$ \cos(a, b) = \frac{a \cdot b}{\lVert a \rVert \, \lVert b \rVert} $$
#
# The length of a word vector mostly reflects how frequent the word is, so it is left out. A vector of zeros has no
# direction; its cosine with every other is *defined* as 0, so that a word that never occurred disturbs nothing.
#
# *The k nearest* of a query are the k words with the highest cosine, without the query itself: a word is always its own
# nearest neighbour. (Do not simply drop the first one: another word may have exactly the same direction.)
#
# ```
#   vectors (vocab, F)    queries (B,)
#   cosines (B, vocab) = (B, F) · (F, vocab)     one matrix product; −∞ at each row's own word
#   ids, similarities (B, k), the most similar first
# ```
#
# *By hand:* vectors $(2, 0)$, $(1, 1)$, $(0, 0)$, $(-3, 0)$; query 0, $k = 3$. The cosines are $1$ with itself, $0.707$,
# $0$, $-1$: neighbours 1, 2, 3 with similarities 0.707, 0, −1.
#
# **Fast.** Write it without a Python loop: all queries at once, normalized once. The k largest of a row do not require
# sorting all of it: `argpartition` moves them to one side, and only those k are sorted.

# %%
def cosine_neighbours(vectors, queries, k):
    """The k words most similar to each query by the cosine of their vectors, without the query itself

    Shapes
        vectors  (vocab_size, features)      queries  (batch,), ids      result  (ids, similarities), both (batch, k),
        the most similar first; of equally similar words any may come first
    k: from 1 to vocab_size − 1.  The cosine with a vector of zeros is 0; other vectors may be as short as 10⁻⁵.

    Source: Manning, Raghavan & Schütze, Introduction to Information Retrieval (2008), section 6.3.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(cosine_neighbours)


# %% [markdown]
# ## 8.6 truncated_svd
#
# Fifty dimensions cannot be drawn. The **singular value decomposition** finds the directions that matter most. Every
# matrix is a sum of products of a column with a row,
#
# $$ X = \sum_i s_i\, u_i v_i^\top, \qquad s_1 \ge s_2 \ge \ldots \ge 0, $$
#
# where the $u_i$ are orthogonal unit vectors, and so are the $v_i$. The first $k$ terms are the best approximation of
# $X$ by a matrix of rank $k$ (Eckart & Young, 1936). $v_1$ is the direction in which the rows are longest: of all unit
# vectors it maximizes $\lVert Xv \rVert$.
#
# **How to find it.** Multiply out: $X^\top X = \sum_i s_i^2\, v_i v_i^\top$. The $v_i$ are the eigenvectors of
# $X^\top X$, with eigenvalues $s_i^2$: a symmetric matrix of only (features, features), for which every library has
# `linalg.eigh`. It returns eigenvalues in *ascending* order. With $v_i$ known, $s_i = \lVert X v_i \rVert$ and
# $u_i = X v_i / s_i$.
#
# **The sign** is free: $u_i$ and $v_i$ may both be negated. So that the result is unique, make the entry of $v_i$ with
# the largest magnitude positive.
#
# (What is lost: squaring. Singular values below $10^{-8} s_1$ drown in rounding errors. `linalg.svd` is more exact there and
# may be used too.)
#
# *By hand:* $X = \begin{pmatrix} 3 & 0 \\ 0 & -2 \\ 0 & 0 \end{pmatrix}$. $X^\top X = \mathrm{diag}(9, 4)$, so $s = (3, 2)$,
# $v_1 = (1, 0)$, $v_2 = (0, 1)$, $u_1 = (1, 0, 0)$, $u_2 = (0, -1, 0)$.

# %%
def truncated_svd(x, k):
    """The first k singular vectors and values:  x ≈ U diag(s) Vᵀ

    Shapes
        x  (rows, features)      result  (U, s, V): U (rows, k), s (k,) in descending order, V (features, k)
    Columns of U and of V are orthonormal.  In each column of V the entry of the largest magnitude is positive.
    k: at most the rank of x.  Not centred: x is used as it is.

    Source: Eckart & Young, The Approximation of One Matrix by Another of Lower Rank (1936); Golub & Van Loan, Matrix
    Computations (2013), section 8.6.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(truncated_svd)


# %% [markdown]
# ## 8.7 sentence_embedding
#
# The simplest vector of a sentence is the **mean** of its word vectors. It is hard to beat, but two things spoil it:
# frequent words like "the" contribute most and say least, and all sentences share a common direction (that of
# such words), so all of them look similar. **SIF**, smooth inverse frequency, corrects both:
#
# 1. *Weights.* Word $w$ with the probability $p(w)$ (its share of a text) gets the weight $\frac{a}{a + p(w)}$, near 1
#    for rare words, small for frequent ones. The sentence $s$ of $|s|$ words is
#    $x_s = \frac1{|s|} \sum_{w \in s} \frac{a}{a + p(w)} W_w$: divided by the *number of words*, not by the sum of weights.
# 2. *The common direction.* Let $v$ be the first right singular vector of the matrix of all $x_s$ (one sentence in each
#    row, not centred). Remove its part: $x_s \leftarrow x_s - (x_s \cdot v)\, v$.
#
# Sentences are padded to one length, with any valid id; a mask says where there is a word. An empty sentence gives zeros.
#
# *By hand:* the mean of $(1, 0)$ and $(0, 2)$ is $(0.5, 1)$. With $a = 0.1$, $p = (0.1, 0.3)$ the weights are
# $\tfrac12, \tfrac14$, so $x = (0.25, 0.25)$. If that is the only sentence, $v = (0.707, 0.707)$ and nothing remains:
# $x - (x \cdot v) v = 0$.

# %%
def sentence_embedding(ids, mask, vectors, p=None, *, a=1e-3):
    """Vectors of sentences: the mean of their words' vectors; where p is given, SIF

    Shapes
        ids  (sentences, time), integers      mask  (sentences, time), true or 1 where there is a word, else false or 0
        vectors  (vocab_size, features)      p  (vocab_size,), the probability of each word, or None
        result  (sentences, features); zeros for a sentence without words
    With p: words weighted by a / (a + p), divided by the number of words of the sentence; then the projection on the
    first right singular vector of the matrix of all sentences (not centred) is subtracted.      a: greater than 0

    Source: Arora, Liang & Ma, A Simple but Tough-to-Beat Baseline for Sentence Embeddings (2017), algorithm 1.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(sentence_embedding)

# %% [markdown]
# ## 8.8 Capstone: word vectors of the Python manual
#
# Now train. The text is the manual of Python as a sequence of word ids, with the number of the paragraph in which each
# word stands. Write `train_word_vectors`, with your own pieces: two `Embedding`s (centre and context), the loss,
# `draw_negatives`, and `Adam` from assignment 04.
#
# Nobody tells your code which word has which id: for every seed the ids are in another order, the paragraphs too, and a
# tenth of the words is missing. And there is **something new in each text**: fifty pairs of words are made *synonyms*.
# Wherever one of the two stands, a coin decides which of them is written, so that both are used alike.
#
# **How it is judged.** By questions of this form: is $a$ nearer to $b$ than to $c$ (by the cosine)? There are two kinds:
#
# - *Groups.* We have sorted 107 words of the manual into 16 groups: `try`, `except`, `finally`, `raise` … belong together, so
#   do `int`, `float`, `complex` … Here $b$ is from the group of $a$, and $c$ from another one.
# - *Synonyms.* $b$ is the synonym of $a$, and $c$ any other word of the 207.
#
# For each kind at most 12 % of the questions may be answered incorrectly, in one of up to three seeds, with at most 30
# seconds of CPU time each (the author's solution takes about 3, and fails on 8 %). Random vectors fail on half of them,
# vectors trained for too short a time on a quarter.
#
# - A batch of 1,000 pairs, 5 negatives, vectors of 50 features, a window of up to 5 words and 8 passes over the text are
#   enough, with `Adam` at a learning rate of 0.01 that falls to 0.
# - Initial values: small for the centres (multiply what `Embedding` draws by 0.01), zeros for the contexts.
# - float32 is twice as fast: `astype("float32")`.
#
# Two functions are given. `thinned` leaves out occurrences of very frequent words at random: a word with the share $f$
# of the text is kept with the probability $\min(1, \sqrt{10^{-3} / f})$, because "the" says little about its neighbours.
# `skip_gram_pairs` makes the pairs: for each centre it draws a window of 1 to 5 words, so that near words count more,
# and no pair crosses the border of a paragraph.

# %%
Adam = earlier("optimizers.Adam")


def thinned(codes, paragraphs, counts, *, rng):
    """The text without some occurrences of very frequent words: its words and their paragraphs; given"""
    share = counts / counts.sum()
    kept = rng.random(len(codes)) < np.sqrt(1e-3 / np.maximum(share, 1e-12))[codes]
    return codes[kept], paragraphs[kept]


def skip_gram_pairs(codes, paragraphs, window=5, *, rng):
    """Centres (n,) and contexts (n,), in random order: words at most 1 to ``window`` places apart; given"""
    reach = rng.integers(1, window + 1, size=len(codes))
    centres, contexts = [], []
    for distance in range(1, window + 1):
        left, right = codes[:-distance], codes[distance:]
        together = paragraphs[:-distance] == paragraphs[distance:]
        for centre, context, far in (
            (left, right, reach[:-distance] >= distance),
            (right, left, reach[distance:] >= distance),
        ):
            centres.append(centre[together & far])
            contexts.append(context[together & far])
    order = rng.permutation(sum(map(len, centres)))
    return np.concatenate(centres)[order], np.concatenate(contexts)[order]


# %%
def train_word_vectors(codes, paragraphs, *, rng):
    """Train a vector for each word of a text; return the model

    Shapes
        codes  (n,), the text: the id of each word, from 0      paragraphs  (n,), the number of each word's paragraph
    The model's forward takes ids (words,) and returns their vectors (words, 50): an Embedding does.
    rng: a numpy.random.Generator for initial values, pairs and negatives.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(train_word_vectors)


# %% [markdown]
# And now with the words' names. First some neighbours, then the similarity of all pairs among some groups of words: bright
# squares along the diagonal are groups that the training has found. At last the map: the vectors of the groups, reduced
# to two dimensions by your `truncated_svd` (of the unit vectors, minus their mean).

# %%
@cache
def manual_vectors():
    """Vectors of the words of the manual, trained once, as unit vectors; given"""
    model = train_word_vectors(codes, paragraphs, rng=np.random.default_rng(0))
    vectors = model.forward(np.arange(len(vocabulary))).astype(float)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


SHOWN = {
    "containers": "list tuple dictionary dict set sequence mapping",
    "numbers": "int float integer complex decimal integers digits",
    "errors": "try except finally raise raised exceptions handler",
    "classes": "class subclass base metaclass classes inheritance",
    "calls": "function method argument arguments parameter positional keyword",
    "text": "string str bytes character characters unicode ascii",
    "names": "global nonlocal namespace scope local variables globals",
    "imports": "import module package modules imported",
    "matching": "pattern match case guard patterns subject",
    "debugger": "breakpoint debugger pdb frame command step",
}
number = {word: i for i, word in enumerate(vocabulary)}
shown = [word for group in SHOWN.values() for word in group.split()]
group_of = [group for group, members in SHOWN.items() for _ in members.split()]

# %%
with when_written():
    vectors = manual_vectors()
    asked = ["tuple", "float", "except", "subclass", "global", "argument", "width", "import", "breakpoint", "equality"]
    ids, similarities = cosine_neighbours(vectors, np.array([number[word] for word in asked]), 6)
    near = {word: [vocabulary[i] for i in row] for word, row in zip(asked, ids, strict=True)}
    plotting.neighbours(near, similarities)
    plt.show()

# %%
with when_written():
    vectors = manual_vectors()[[number[word] for word in shown]]
    figure, (left, right) = plt.subplots(1, 2, figsize=(15, 7), width_ratios=[1, 1.2], layout="constrained")
    picture = left.imshow(vectors @ vectors.T, cmap="viridis", vmin=0, vmax=1)
    left.set_xticks(range(len(shown)), shown, rotation=90, fontsize=6)
    left.set_yticks(range(len(shown)), shown, fontsize=6)
    figure.colorbar(picture, ax=left, label="cosine", shrink=0.7)
    U, s, _ = truncated_svd(vectors - vectors.mean(axis=0), 2)
    plotting.word_map(U * s, shown, group_of, ax=right)
    plt.show()


# %% [markdown]
# **Is a network needed for this?** Not really. Count how often each pair of words occurs within the window, take
# the logarithm of how much more often that is than by chance (the positive *pointwise mutual information*, PPMI), and
# factorize the matrix with your `truncated_svd`: the vectors are nearly as good (9 % of the questions about groups fail).
# That is no coincidence: Levy & Goldberg (2014) show that the loss of 8.4 is smallest where $u \cdot v$ is the
# PMI of the pair minus $\log k$. What the network buys is memory: it never sets up the matrix of all pairs.

# %%
def mutual_information(codes, paragraphs, size, window=5):
    """Positive pointwise mutual information of all pairs of words, (size, size), near ones counted more; given"""
    together = np.zeros((size, size))
    for distance in range(1, window + 1):
        same = paragraphs[:-distance] == paragraphs[distance:]
        pair = codes[:-distance][same], codes[distance:][same]
        np.add.at(together, pair, 1 / distance)
        np.add.at(together, pair[::-1], 1 / distance)
    total = together.sum(axis=1)
    return np.log(np.maximum(together * total.sum() / np.outer(total, total), 1))


with when_written():
    ppmi = mutual_information(codes, paragraphs, len(vocabulary))
    U, s, _ = truncated_svd(ppmi, 50)
    asked = ["tuple", "float", "except", "subclass", "global", "argument", "width", "import", "breakpoint", "equality"]
    ids, similarities = cosine_neighbours(U * np.sqrt(s), np.array([number[word] for word in asked]), 6)
    near = {word: [vocabulary[i] for i in row] for word, row in zip(asked, ids, strict=True)}
    plotting.neighbours(near, similarities)
    plt.show()

# %% [markdown]
# Sentences: here are the paragraphs of the manual that are nearest to one question, by the mean of the word vectors and
# by SIF.

# %%
with when_written():
    texts = [text for text in python_manual(repeated=False).split("\n\n") if 15 < len(text.split()) < 60]
    question = "how is an exception caught that was raised in a block of code"
    rows = [words(text)[0:2] for text in [question, *texts]]
    rows = [[number[found[c]] for c in row if found[c] in number] for found, row in rows]
    longest = max(len(row) for row in rows)
    ids = np.array([row + [0] * (longest - len(row)) for row in rows])
    mask = np.arange(longest) < np.array([[len(row)] for row in rows])
    for name, p in (("mean", None), ("SIF", counts / counts.sum())):
        found = sentence_embedding(ids, mask, manual_vectors(), p)
        nearest, similarity = cosine_neighbours(found, np.array([0]), 3)
        print(f"\n{name}:")
        for i, cosine in zip(nearest[0], similarity[0], strict=True):
            print(f"  {cosine:.2f}  {' '.join(texts[i - 1].split())[:110]} …")


# %% [markdown]
# **Question 1.** *(3 points)* (a) Why does every word have two vectors, one as a centre and one as a context? Consider what
# the score $u \cdot v$ would say about a word and itself if the two were the same vector, and how often a word really
# stands next to itself. (b) After training, take a single pair $(w, c)$ that occurs $n$ times in the text, while $c$ is
# drawn $m$ times as a negative of $w$. For which score is its part of the loss smallest? (c) What follows for a pair
# that never occurs, and why do the vectors nevertheless not become infinite?

# %% [markdown]
# YOUR ANSWER HERE

# %% [markdown]
# ## 8.9 tf_idf
#
# *(A bonus: the idea of SIF is much older.)* Documents as rows of word counts are vectors too, without any training. The
# count of a word in a document, its *term frequency*, is weighted by how few documents contain it, its *inverse
# document frequency*:
#
# $$ \mathrm{idf}_w = \log\frac{1 + N}{1 + N_w} + 1, \qquad y_{dw} = \frac{n_{dw}\,\mathrm{idf}_w}{\lVert (n_{d\cdot}\,\mathrm{idf}_\cdot) \rVert} $$
#
# with $N$ documents, of which $N_w$ contain the word. The ones inside are as if one more document contained every word:
# nothing is divided by zero. The one added outside keeps words that are in all documents. Rows have the length 1; a document without words stays zero.
#
# *By hand:* two documents $(3, 0)$ and $(4, 1)$. $N_w = (2, 1)$, so $\mathrm{idf} = (1, \log 1.5 + 1) = (1, 1.405)$. The second
# row is $(4, 1.405)$, its length $4.240$: $(0.943, 0.331)$.

# %%
def tf_idf(counts):
    """Documents as vectors of their words' counts, weighted by how few documents contain each word, of length 1

    Shapes
        counts  (documents, vocab_size), integers, 0 or more      result  (documents, vocab_size), float64
    idf = log((1 + documents) / (1 + documents that contain the word)) + 1; a document without words gives zeros.

    Source: Spärck Jones, A Statistical Interpretation of Term Specificity and its Application in Retrieval (1972); the
    smooth form is scikit-learn's.
    """
    # YOUR CODE HERE
    raise NotImplementedError()


# %%
check(tf_idf)


# %% [markdown]
# Which topics of the manual are about the same thing? Here the nearest neighbours of some of them by `tf_idf`.

# %%
def counts_of(texts):
    """How often each word of the vocabulary occurs in each text, (texts, vocab_size); given"""
    rows = []
    for text in texts:
        found, inside, _ = words(text)
        known = [number[found[code]] for code in inside if found[code] in number]
        rows.append(np.bincount(np.array(known, dtype=int), minlength=len(vocabulary)))
    return np.stack(rows)


with when_written():
    topics = python_topics()
    names = list(topics)
    asked = ["try", "class", "import", "numbers", "while", "formatstrings", "attribute-access"]
    ids, similarities = cosine_neighbours(
        tf_idf(counts_of(topics.values())), np.array([names.index(name) for name in asked]), 4
    )
    near = {name: [names[i] for i in row] for name, row in zip(asked, ids, strict=True)}
    plotting.neighbours(near, similarities)
    plt.show()


# %% [markdown]
# ## 8.10 ParagraphVector
#
# *(A bonus.)* A document can have a vector of its own, trained like that of a word: it has to predict which words occur in
# it. This is the skip-gram model with documents in place of centre words (PV-DBOW, *distributed bag of words*): a table
# $D$ of document vectors, a table $W$ of word vectors, and for each pair of a document $d$ and a word $w$ in it, with
# negatives $n_j$,
#
# $$ y = -\log \sigma(D_d \cdot W_w) - \sum_j \log \sigma(-D_d \cdot W_{n_j}) $$
#
# Here the layer has both tables and returns the loss of *each* pair; the mean is taken outside, so that
# $dy = 1 / \text{batch}$ in training.
#
# **The backward pass** is that of 8.4 with the rows of 8.2: $ds = (\sigma(s) - 1)\,dy$ and $dt_j = \sigma(t_j)\,dy$, with $dy$ of
# that pair; then scatter-add $ds\,W_w + \sum_j dt_j W_{n_j}$ to the row $d$ of $dD$, and $ds\,D_d$, $dt_j D_d$ to the rows
# $w$, $n_j$ of $dW$. The same document, and the same word, may occur many times in a batch, also as a negative.
#
# *By hand:* one document with $D = (1)$, words $W = (0, 2)^\top$, the pair (document 0, word 0), negative word 1. $s = 0$,
# $t = 2$: $y = 0.693 + 2.127 = 2.820$. With $dy = 1$: $ds = -0.5$, $dt = 0.881$, so
# $dD = -0.5 \cdot 0 + 0.881 \cdot 2 = 1.762$ and $dW = (-0.5, 0.881)^\top$.

# %%
class ParagraphVector(Layer):
    """Documents predict their words:  y = −log σ(D[d] · W[w]) − Σⱼ log σ(−D[d] · W[nⱼ]), finite for finite tables

    Shapes
        document  (batch,), ids      word  (batch,), ids      negatives  (batch, k), ids      y  (batch,)
        D  (documents, features)      W  (vocab_size, features)
    backward adds to the gradients of D and W and returns None: ids have no gradient.

    Source: Le & Mikolov, Distributed Representations of Sentences and Documents (2014), section 2.3.
    """

    def __init__(self, documents, vocab_size, features, *, rng):
        self.D = Parameter(rng.normal(0, features**-0.5, (documents, features)))
        self.W = Parameter(rng.normal(0, features**-0.5, (vocab_size, features)))

    def forward(self, document, word, negatives):
        # YOUR CODE HERE
        raise NotImplementedError()

    def backward(self, dy):
        # YOUR CODE HERE
        raise NotImplementedError()


# %%
check(ParagraphVector)


# %% [markdown]
# The topics of the manual again, this time by vectors that were trained to predict their words. Compare with the table of
# `tf_idf`: both find `if`, `for` and `while` together, and yet one has 1,200 numbers for each topic and the other 32.

# %%
@cache
def topic_vectors():
    """Vectors (topics, 32) of the manual's topics, trained to predict their words; given"""
    rng, table = np.random.default_rng(0), counts_of(python_topics().values())
    times = table[table.nonzero()]
    documents, inside = (np.repeat(ids, times) for ids in table.nonzero())
    model = ParagraphVector(len(table), len(vocabulary), 32, rng=rng)
    model.astype("float32")
    optimizer = Adam(model.parameters(), 0.01)
    for _ in range(12):
        kept, of = thinned(inside, documents, counts, rng=rng)
        order = rng.permutation(len(kept))
        for first in range(0, len(order), 1024):
            rows = order[first : first + 1024]
            model.zero_grad()
            model.forward(of[rows], kept[rows], draw_negatives(kept[rows], counts, rng=rng))
            model.backward(np.full(len(rows), 1 / len(rows), dtype="float32"))
            optimizer.step()
    return model.D.data


with when_written():
    names = list(python_topics())
    asked = ["try", "class", "import", "numbers", "while", "formatstrings", "attribute-access"]
    ids, similarities = cosine_neighbours(topic_vectors(), np.array([names.index(name) for name in asked]), 4)
    near = {name: [names[i] for i in row] for name, row in zip(asked, ids, strict=True)}
    plotting.neighbours(near, similarities)
    plt.show()

# %% [markdown]
# **Question 2.** *(3 points)* A tokenizer of bytes was trained on English text with 2,000 ids. (a) A Chinese character is three
# bytes in UTF-8. About how many tokens does a Chinese text have, compared with its number of characters, and what does
# that mean for a model with a fixed maximal number of tokens? (b) Why can the ids of `" the"` and `"the"` both exist, and
# what does a model have to learn because of that? (c) A tokenizer with more ids makes shorter sequences. Name two
# costs of a larger vocabulary.

# %% [markdown]
# YOUR ANSWER HERE
