"""Interpolated n-grams with modified Kneser-Ney smoothing.

    p(w | h) = max(c(h w) - D(c(h w)), 0) / c(h .) + g(h) p(w | h')
    g(h) = (D1 N1(h .) + D2 N2(h .) + D3 N3+(h .)) / c(h .)

c counts, h' is the history h without its first token, and below the unigram the distribution is uniform.
N1, N2 and N3+ are how many tokens followed h once, twice and more often; D1, D2 and D3 are the discounts of
counts of 1, 2 and more, of each order its own. Grams of the highest order are counted as they come; a shorter
gram counts the different tokens that come before it. Source: S. Chen and J. Goodman, An empirical study of
smoothing techniques for language modeling, 1999 (https://doi.org/10.1006/csla.1999.0128), equations 15 to 17.

A gram is a row number: 0 is the empty gram, and the rows of longer grams follow those of shorter ones, sorted
by (row of the gram without its last token) * V + last token. So the grams that extend a gram are neighbours,
and one binary search finds grams of all lengths at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unroll.models.gram_counts import GramCounts

UNSEEN = -1  # the row of a gram that was never seen
CHUNK = 1 << 17  # tokens that are looked up together
USUAL_DISCOUNTS = (0.5, 1.0, 1.5)  # where too few grams tell
KINDS = ("tokens", "counts", "children")  # of the arrays of each length


@dataclass(frozen=True)
class KneserNey:
    """The probability of the next token, given the n - 1 tokens before it.

    When to use it: as the model of tokens that needs no training, alone or beside a network.

    Attributes:
        vocabulary_size: V.
        keys: of the grams of all lengths, row of the gram without its last token * V + last token,
            sorted, int64 [G].
        counts: of each gram, int64 [G].
        sizes: grams of each length [n].
        discounts: D1, D2 and D3 of each length [n, 3].

    Examples:
        >>> import numpy as np
        >>> from unroll.models.kneser_ney import KneserNey
        >>> ids = np.array([0, 1, 2, 0, 1, 2, 0, 1])
        >>> model = KneserNey.fit(ids, vocabulary_size=3, order=2)
        >>> int(model.probabilities(model.rows_after([0, 1])).argmax())
        2
    """

    vocabulary_size: int
    keys: np.ndarray
    counts: np.ndarray
    sizes: tuple[int, ...]
    discounts: np.ndarray

    @classmethod
    def fit(
        cls, ids: np.ndarray, vocabulary_size: int, order: int, boundary: int | None = None
    ) -> KneserNey:
        """The model of a sequence, its discounts from its counts.

        Args:
            ids: the sequence [N].
            vocabulary_size: V.
            order: n, tokens of the longest gram; fewer where the sequence is shorter.
            boundary: the token between sequences that do not know each other. None: it is one sequence.
        """
        return cls.of_counts(GramCounts.of(ids, vocabulary_size, order, boundary), order)

    @classmethod
    def of_counts(
        cls, grams: GramCounts, order: int, discounts: np.ndarray | None = None
    ) -> KneserNey:
        """The model of an order at most that of the counts.

        Args:
            grams: counted in a sequence.
            order: n; fewer where the sequence is shorter.
            discounts: D1, D2 and D3 of each length [n, 3]. None: from the counts.
        """
        order = min(order, grams.order)
        counts = grams.of_order(order)
        if discounts is None:
            discounts = np.stack([usual_discounts(count) for count in counts])
        keys, rows, before = [], 1, 0
        for key in grams.keys[:order]:  # rows of one length become rows of all lengths
            keys.append(key + before * grams.vocabulary_size)
            before, rows = rows, rows + len(key)
        return cls(
            grams.vocabulary_size,
            np.concatenate(keys),
            np.concatenate(counts).astype(np.int64),
            tuple(len(key) for key in keys),
            np.asarray(discounts[:order], dtype=np.float64),
        )

    @property
    def order(self) -> int:
        """n, tokens of the longest gram."""
        return len(self.sizes)

    # files

    def arrays(self) -> dict[str, np.ndarray]:
        """The model as arrays by name, for a file; whole numbers are as narrow as they can be."""
        found: dict[str, np.ndarray] = {"discounts": self.discounts}
        rows = np.cumsum([0, 1, *self.sizes])
        children = np.diff(self.first)
        for k, size in enumerate(self.sizes):
            place = slice(rows[k + 1] - 1, rows[k + 1] - 1 + size)
            found[f"tokens.{k}"] = narrow(self.tokens[place])
            found[f"counts.{k}"] = narrow(self.counts[place])
            found[f"children.{k}"] = narrow(children[rows[k] : rows[k + 1]])
        return found

    @classmethod
    def from_arrays(cls, vocabulary_size: int, arrays: dict[str, np.ndarray]) -> KneserNey:
        """The model that has these `arrays`.

        Args:
            vocabulary_size: V.
            arrays: as `arrays` returned them.

        Raises:
            ValueError: where they are not those of such a model.
        """
        order = (len(arrays) - 1) // len(KINDS)
        names = {f"{kind}.{k}" for kind in KINDS for k in range(order)}
        if not order or set(arrays) != {"discounts", *names}:
            raise ValueError("expected discounts, and tokens, counts and children of each length")
        whole = {name: arrays[name] for name in names}
        if any(a.ndim != 1 or a.dtype.kind not in "ui" or (a < 0).any() for a in whole.values()):
            raise ValueError("expected whole numbers from 0 on")
        discounts = arrays["discounts"]
        fit = discounts.shape == (order, 3) and discounts.dtype == np.float64
        if not fit or not ((discounts >= 0) & (discounts <= np.arange(1, 4))).all():
            raise ValueError("expected three discounts of each length, at most 1, 2 and 3")
        tokens, counts, children = (
            [whole[f"{kind}.{k}"].astype(np.int64) for k in range(order)] for kind in KINDS
        )
        sizes = tuple(len(each) for each in tokens)
        for k in range(order):
            rows = sizes[k - 1] if k else 1
            fit = len(counts[k]) == sizes[k] == children[k].sum() and len(children[k]) == rows
            if not fit or not sizes[k] or (counts[k] == 0).any():
                raise ValueError(f"expected counts above 0 and children of all grams in counts.{k}")
            if (tokens[k] >= vocabulary_size).any():
                raise ValueError(f"expected tokens below {vocabulary_size} in tokens.{k}")
        prefix = np.repeat(np.arange(sum(map(len, children))), np.concatenate(children))
        keys = prefix * vocabulary_size + np.concatenate(tokens)
        if (np.diff(keys) <= 0).any():
            raise ValueError("expected rising tokens of each gram")
        return cls(vocabulary_size, keys, np.concatenate(counts), sizes, discounts)

    # the two factors of the equation, by row; the last entry is that of grams never seen

    @cached_property
    def first(self) -> np.ndarray:
        """For each row the place of the first gram that extends it, [G + 2]; they end at the next one."""
        children = np.bincount(self.keys // self.vocabulary_size, minlength=len(self.keys) + 1)
        return np.concatenate([[0], np.cumsum(children)])

    @cached_property
    def tokens(self) -> np.ndarray:
        """The last token of each gram [G]."""
        return self.keys % self.vocabulary_size

    @cached_property
    def after(self) -> np.ndarray:
        """c(h .) of each row, [G + 2]; 0 where nothing followed."""
        prefix = self.keys // self.vocabulary_size
        return np.bincount(prefix, weights=self.counts, minlength=len(self.keys) + 2)

    @cached_property
    def _factors(self) -> tuple[np.ndarray, np.ndarray]:
        """share(h w) = (c(h w) - D) / c(h .) and g(h), of each row [G + 2]."""
        prefix, total = self.keys // self.vocabulary_size, self.after
        length = np.repeat(np.arange(self.order), self.sizes)
        taken = np.minimum(self.discounts[length, np.minimum(self.counts, 3) - 1], self.counts)
        share = np.zeros(len(total))
        share[1:-1] = (self.counts - taken) / total[prefix]
        left = np.bincount(prefix, weights=taken, minlength=len(total))
        return share, np.where(total > 0, left / np.maximum(total, 1), 1.0)

    def prepared_arrays(self) -> dict[str, np.ndarray]:
        """The arrays of which a program without this class makes `advance` and `probabilities`.

        `keys` end with one that no gram has; the last two entries of `left`, `share` and `followed` are
        those of grams never seen.
        """
        share, left = self._factors
        none = np.array([np.iinfo(np.int64).max])
        return {
            "keys": np.concatenate([self.keys, none]),
            "first": self.first,
            "tokens": self.tokens,
            "share": share,
            "left": left,
            "followed": self.after > 0,
            "unigram": self._unigram,
        }

    # histories

    def rows_after(self, ids: list[int] | np.ndarray) -> np.ndarray:
        """The rows of the last 0, 1, ... n - 1 tokens of a sequence [N], UNSEEN where never seen, [n]."""
        rows = np.full(self.order, UNSEEN)
        rows[0] = 0
        for token in ids[max(0, len(ids) - self.order + 1) :]:
            rows = self.advance(rows, np.asarray(token))
        return rows

    def advance(self, rows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """The rows of histories after one more token each.

        Args:
            rows: of histories of 0, 1, ... n - 1 tokens [*, n].
            tokens: that follow [*].

        Returns:
            The rows of the histories that end with these tokens [*, n].
        """
        found = np.zeros(rows.shape, dtype=np.int64)
        found[..., 1:] = self.find(rows[..., :-1], tokens[..., None])
        return found

    def find(self, rows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """The rows of the grams that are a row's gram and a token, UNSEEN where never seen; a token
        outside of the vocabulary is nothing.
        """
        key = rows * self.vocabulary_size + tokens
        place = np.minimum(self.keys.searchsorted(key), len(self.keys) - 1)
        is_token = (tokens >= 0) & (tokens < self.vocabulary_size)
        return np.where((self.keys[place] == key) & (rows != UNSEEN) & is_token, place + 1, UNSEEN)

    # probabilities

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        """The distribution of the next token.

        Memory: 8 B V bytes.

        Args:
            rows: of the histories, as `rows_after` or `advance` returns them, [n] or [B, n].

        Returns:
            Probabilities [V] or [B, V].
        """
        share, left = self._factors
        if rows.ndim == 1:
            p = self._unigram.copy()
            for row in rows[1:].tolist():
                if row == UNSEEN:
                    break  # then no longer history was seen either
                p *= left[row]
                place = slice(self.first[row], self.first[row + 1])
                p[self.tokens[place]] += share[place.start + 1 : place.stop + 1]
            return p
        many = np.repeat(self._unigram[None], len(rows), axis=0)
        for row in rows.T[1:]:
            many *= left[row][:, None]
            start, stop = self.first[row], self.first[row + 1]
            size = np.where(row == UNSEEN, 0, stop - start)
            each = np.repeat(np.arange(len(row)), size)
            place = np.arange(len(each)) + np.repeat(start - (np.cumsum(size) - size), size)
            many[each, self.tokens[place]] += share[place + 1]
        return many

    @cached_property
    def _unigram(self) -> np.ndarray:
        """The distribution without a history [V]."""
        share, left = self._factors
        p = np.full(self.vocabulary_size, left[0] / self.vocabulary_size)
        p[self.keys[: self.sizes[0]]] += share[1 : self.sizes[0] + 1]
        return p

    def log_probabilities(self, ids: np.ndarray) -> np.ndarray:
        """ln p of every token of a sequence [N] but the first, each given those before it, [N - 1]."""
        return np.log(self.score(ids)[0])

    def score(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How every token of a sequence but the first is predicted.

        Args:
            ids: the sequence [N].

        Returns:
            p of each token, given those before it, and how many tokens of its history were seen before,
            each [N - 1].
        """
        ids = np.asarray(ids, dtype=np.int64)
        steps = len(ids) - 1
        p, seen = np.empty(max(0, steps)), np.empty(max(0, steps))
        for start in range(0, steps, CHUNK):
            first = max(0, start - self.order + 1)
            found = self.score_rows(ids[first : start + CHUNK + 1])
            for whole, part in zip((p, seen), found, strict=True):
                whole[start : start + CHUNK] = part[start - first :]
        return p, seen

    def score_rows(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`score` of sequences side by side, [*, N] -> [*, N - 1]; a negative id is nothing.

        Memory: about 60 bytes for each token.
        """
        share, left = self._factors
        size = ids.shape[-1]
        p = np.full(ids.shape, 1.0 / self.vocabulary_size)  # of the token at each place
        seen = np.zeros(ids.shape)
        history = np.zeros(ids.shape, dtype=np.int64)  # the gram of k tokens from each place on
        for k in range(min(self.order, size)):
            history = history[..., : size - k]
            gram = self.find(history, ids[..., k:])
            p[..., k:] = left[history] * p[..., k:] + share[gram]
            seen[..., k:] = np.where(self.after[history] > 0, k, seen[..., k:])
            history = gram
        return p[..., 1:], seen[..., 1:]


def narrow(numbers: np.ndarray) -> np.ndarray:
    """The same whole numbers from 0 on, of the smallest type without a sign that holds them."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


def usual_discounts(counts: np.ndarray) -> np.ndarray:
    """D1, D2 and D3 of grams of one length, by how many of them come 1, 2, 3 and 4 times, [3].

    Y = n1 / (n1 + 2 n2), Dk = k - (k + 1) Y n(k+1) / nk. Where a number is 0, or a discount would be below
    0 or take all of a count, too few grams tell: `USUAL_DISCOUNTS`.
    """
    n = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].astype(np.float64)
    if (n[:3] == 0).any():
        return np.array(USUAL_DISCOUNTS)
    k = np.arange(1, 4)
    found = k - (k + 1) * n[0] / (n[0] + 2 * n[1]) * n[1:] / n[:3]
    return np.where((found > 0) & (found < k), found, USUAL_DISCOUNTS)
