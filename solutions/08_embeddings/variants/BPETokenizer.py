"""Costly and plain ways to train a byte-pair encoding."""

from itertools import pairwise


class Slow:
    """Counts all pairs anew at every merge."""

    def train(self, text, vocab_size):
        ids, strings = list(text.encode()), [bytes([i]) for i in range(256)]
        self.merges = []
        while len(self.merges) < vocab_size - 256 and len(ids) > 1:
            counts = {}
            for pair in pairwise(ids):
                counts[pair] = counts.get(pair, 0) + 1
            pair = max(counts, key=lambda pair: (counts[pair], strings[pair[0]], strings[pair[1]]))
            ids = merged(ids, pair, 256 + len(self.merges))
            self.merges.append(pair)
            strings.append(strings[pair[0]] + strings[pair[1]])


class Plain:
    """Keeps counts and sets of places, and takes the largest count without a heap."""

    def train(self, text, vocab_size):
        ids, strings = list(text.encode()), [bytes([i]) for i in range(256)]
        after, before = list(range(1, len(ids) + 1)), list(range(-1, len(ids) - 1))
        places = {}
        for i, pair in enumerate(pairwise(ids)):
            places.setdefault(pair, set()).add(i)

        def forget(pair, i):
            places[pair].discard(i)
            if not places[pair]:
                del places[pair]

        self.merges = []
        while len(self.merges) < vocab_size - 256 and places:
            pair = max(places, key=lambda pair: (len(places[pair]), strings[pair[0]], strings[pair[1]]))
            new = len(strings)
            self.merges.append(pair)
            strings.append(strings[pair[0]] + strings[pair[1]])
            for i in sorted(places[pair]):
                if i not in places.get(pair, ()):
                    continue
                h, j = before[i], after[i]
                k = after[j]
                forget(pair, i)
                if h >= 0:
                    forget((ids[h], ids[i]), h)
                    places.setdefault((ids[h], new), set()).add(h)
                if k < len(ids):
                    forget((ids[j], ids[k]), j)
                    places.setdefault((new, ids[k]), set()).add(i)
                    before[k] = i
                ids[i], after[i] = new, k
