"""Decoding of connectionist temporal classification (CTC): per-frame probabilities to labellings.

A path names a token or the blank (0) for every frame. Its labelling is what remains when repeated
tokens without a blank between them are merged and blanks are removed. T frames, B sequences, V
tokens with the blank, K prefixes of a beam.

Source: A. Graves et al., Connectionist temporal classification, 2006
(https://www.cs.toronto.edu/~graves/icml_2006.pdf).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from torch import Tensor

BLANK = 0
IMPOSSIBLE = -np.inf

S = TypeVar("S")


@dataclass(frozen=True)
class Labelling:
    """A decoded sequence of tokens.

    Attributes:
        tokens: without blanks.
        times: the first and the last frame of each token, on the most likely path.
        log_probability: in nats; from `greedy` of the one path, from `beam_search` of all paths of
            this labelling.
        score: what it is ranked by: the log-probability and what a scorer adds.
    """

    tokens: list[int]
    times: list[tuple[int, int]]
    log_probability: float
    score: float


class Scorer(Protocol[S]):
    """A second source of scores for a labelling, token by token: a language model, a word list.

    A state S is what the scorer remembers of the tokens so far; it is never modified.
    """

    def start(self) -> S:
        """The state before the first token."""
        ...

    def scores(self, state: S) -> np.ndarray:
        """What each possible next token adds, [V], in nats; the value of the blank is ignored."""
        ...

    def after(self, state: S, token: int) -> S:
        """The state after this token."""
        ...

    def end(self, state: S) -> float:
        """What ending here adds, in nats."""
        ...


def greedy(log_probabilities: Tensor, lengths: Tensor | None = None) -> list[Labelling]:
    """The labelling of the most likely path of each sequence.

    When to use it: during training and where speed counts; the probabilities of a trained network
    are so close to 0 and 1 that `beam_search` without a scorer is seldom better.

    Args:
        log_probabilities: log p [T, B, V] of each token and the blank (0).
        lengths: frames [B]. Default: all T.

    Returns:
        One labelling per sequence.

    Examples:
        >>> import torch
        >>> from unroll.tasks.transcribe.ctc import greedy
        >>> path = torch.tensor([1, 1, 0, 1, 2])
        >>> found = greedy(torch.eye(3)[path][:, None].log_softmax(-1))[0]
        >>> found.tokens, found.times
        ([1, 1, 2], [(0, 1), (3, 3), (4, 4)])
    """
    best, paths = (part.cpu().numpy() for part in log_probabilities.detach().max(-1))
    T, B = paths.shape
    ends = [T] * B if lengths is None else lengths.tolist()
    found = []
    for b, end in enumerate(ends):
        tokens, times = collapse(paths[:end, b])
        total = float(best[:end, b].sum(dtype=np.float64))
        found.append(Labelling(tokens, times, total, total))
    return found


def collapse(path: np.ndarray) -> tuple[list[int], list[tuple[int, int]]]:
    """The labelling of a path [T], and the first and last frame of each token."""
    changes = np.flatnonzero(np.diff(path)) + 1
    firsts = np.concatenate([[0], changes]) if len(path) else changes
    lasts = np.concatenate([changes, [len(path)]])[: len(firsts)] - 1
    runs = [
        (int(path[first]), (int(first), int(last)))
        for first, last in zip(firsts, lasts, strict=True)
        if path[first] != BLANK
    ]
    return [token for token, _ in runs], [time for _, time in runs]


def beam_search(
    log_probabilities: Tensor,
    width: int,
    scorer: Scorer[S] | None = None,
    best: int | None = None,
) -> list[Labelling]:
    """The most likely labellings of one sequence, over all their paths.

    When to use it: with a `scorer` (shallow fusion with a language model), or for the next best
    labellings. Prefix search: for each prefix it keeps the probability of the paths that end in a
    blank and of those that end in its last token, and after each frame it keeps the best `width`
    prefixes. A beam that is wide enough to drop nothing finds the most probable labelling. The
    labellings are ranked by

        score(Y) = log p(Y) + what the scorer adds for the tokens and the end of Y

    with log p(Y) over all paths, the dropped ones included. Cost: T K V operations, and one step of
    the scorer per prefix that is kept.

    Args:
        log_probabilities: log p [T, V] of each token and the blank (0).
        width: K, the prefixes that are kept.
        scorer: adds scores. Default: none.
        best: how many labellings to return, at most `width`. Default: all that are kept.

    Returns:
        The labellings, best first.

    Raises:
        ValueError: where width is below 1, or a probability is NaN.

    Source: A. Hannun et al., First-pass large vocabulary continuous speech recognition using
    bi-directional recurrent DNNs, 2014 (https://arxiv.org/abs/1408.2873).

    Examples:
        >>> import torch
        >>> from unroll.tasks.transcribe.ctc import beam_search, greedy
        >>> log_p = torch.tensor([[0.6, 0.4], [0.6, 0.4]]).log()      # blank or "a", twice
        >>> greedy(log_p[:, None])[0].tokens                          # blank, blank: 0.36
        []
        >>> [(f.tokens, round(f.log_probability, 2)) for f in beam_search(log_p, 8)]   # 0.64
        [([1], -0.45), ([], -1.02)]
    """
    if width < 1:
        raise ValueError(f"beam_search got width={width}; expected at least 1.")
    log_p = log_probabilities.detach().cpu().double().numpy()
    if np.isnan(log_p).any():
        raise ValueError("beam_search got probabilities that are not numbers (NaN).")
    if scorer is None:
        prefixes, added = best_prefixes(log_p, width, ZeroScorer(log_p.shape[1]))
    else:
        prefixes, added = best_prefixes(log_p, width, scorer)
    totals = path_sums(log_p, prefixes)
    order = np.argsort(-(totals + added), kind="stable")[:best]
    return [
        Labelling(
            list(prefixes[k]),
            alignment(log_p, prefixes[k]),
            float(totals[k]),
            float(totals[k] + added[k]),
        )
        for k in order
        if totals[k] > IMPOSSIBLE
    ]


class ZeroScorer:
    """A scorer that adds nothing. V: tokens with the blank."""

    def __init__(self, V: int) -> None:
        self._zeros = np.zeros(V)

    def start(self) -> None:
        """No state."""

    def scores(self, state: None) -> np.ndarray:
        """Zeros [V]."""
        return self._zeros

    def after(self, state: None, token: int) -> None:
        """No state."""

    def end(self, state: None) -> float:
        """Zero."""
        return 0.0


def best_prefixes(
    log_p: np.ndarray, width: int, scorer: Scorer[S]
) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """The prefixes that remain after all frames of log p [T, V], and what the scorer adds, [K]."""
    beam = Beam(scorer)
    for frame in log_p:
        beam.read(frame, width)
    return beam.prefixes, beam.added + beam.ends()


class Beam(Generic[S]):
    """Prefixes of labellings with the log-probability of their paths so far.

    Attributes:
        prefixes: K token sequences.
        blank: [K], log-probability of the paths that end in a blank.
        label: [K], log-probability of the paths that end in the prefix's last token.
        added: [K], what the scorer adds.
        states: K states of the scorer.
        offers: K arrays [V], what the scorer adds for each next token.
    """

    def __init__(self, scorer: Scorer[S]) -> None:
        self.scorer = scorer
        self.prefixes: list[tuple[int, ...]] = [()]
        self.blank, self.label, self.added = np.zeros(1), np.full(1, IMPOSSIBLE), np.zeros(1)
        self.states = [scorer.start()]
        self.offers = [scorer.scores(self.states[0])]

    def read(self, frame: np.ndarray, width: int) -> None:
        """Extend the prefixes by one frame, log p [V]; keep the best `width`."""
        K, V = len(self.prefixes), len(frame)
        rows = np.arange(K)
        last = np.array([prefix[-1] if prefix else BLANK for prefix in self.prefixes])
        either = np.logaddexp(self.blank, self.label)
        grown = either[:, None] + frame  # [K, V]
        # a repeated token is a new one only after a blank
        grown[rows, last] = self.blank + frame[last]
        grown[:, BLANK] = IMPOSSIBLE
        blank = either + frame[BLANK]
        label = np.where(last == BLANK, IMPOSSIBLE, self.label + frame[last])
        places = {prefix: k for k, prefix in enumerate(self.prefixes)}
        for k, prefix in enumerate(self.prefixes):
            parent = places.get(prefix[:-1]) if prefix else None
            if parent is not None:  # the parent, grown by this token, is this prefix
                label[k] = np.logaddexp(label[k], grown[parent, last[k]])
                grown[parent, last[k]] = IMPOSSIBLE

        offered = self.added[:, None] + np.stack(self.offers)
        ranks = np.concatenate([np.logaddexp(blank, label) + self.added, (grown + offered).ravel()])
        kept = np.argsort(-ranks, kind="stable") if len(ranks) <= width else largest(ranks, width)
        kept = kept[ranks[kept] > IMPOSSIBLE]
        stays, grows = kept[kept < K], kept[kept >= K] - K
        parents, tokens = grows // V, grows % V
        states, offers = [self.states[k] for k in stays], [self.offers[k] for k in stays]
        for k, token in zip(parents.tolist(), tokens.tolist(), strict=True):
            state = self.scorer.after(self.states[k], token)
            states.append(state)
            offers.append(self.scorer.scores(state))
        self.prefixes = [self.prefixes[k] for k in stays] + [
            (*self.prefixes[k], token)
            for k, token in zip(parents.tolist(), tokens.tolist(), strict=True)
        ]
        self.blank = np.concatenate([blank[stays], np.full(len(grows), IMPOSSIBLE)])
        self.label = np.concatenate([label[stays], grown[parents, tokens]])
        self.added = np.concatenate([self.added[stays], offered[parents, tokens]])
        self.states, self.offers = states, offers

    def ends(self) -> np.ndarray:
        """What ending adds to each prefix, [K]."""
        return np.array([self.scorer.end(state) for state in self.states])


def largest(values: np.ndarray, count: int) -> np.ndarray:
    """The places of the `count` largest values, the first ones of equal values."""
    least = np.partition(values, len(values) - count)[len(values) - count]
    above, equal = np.flatnonzero(values > least), np.flatnonzero(values == least)
    return np.concatenate([above, equal[: count - len(above)]])


def path_sums(log_p: np.ndarray, labellings: list[tuple[int, ...]]) -> np.ndarray:
    """The log-probability of labellings over all their paths, the sum of the CTC loss.

    Args:
        log_p: [T, V].
        labellings: K token sequences.

    Returns:
        [K], in nats.

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.transcribe.ctc import path_sums
        >>> np.exp(path_sums(np.log([[0.6, 0.4], [0.6, 0.4]]), [(), (1,), (1, 1)])).round(2)
        array([0.36, 0.64, 0.  ])
    """
    if not labellings:
        return np.zeros(0)
    lengths = np.array([len(labelling) for labelling in labellings])
    # blanks before, between and after the tokens
    places = np.full((len(labellings), 2 * lengths.max() + 1), BLANK)
    for k, labelling in enumerate(labellings):
        places[k, 1 : 2 * len(labelling) : 2] = labelling
    skips = may_skip(places)
    forward = np.full(places.shape, IMPOSSIBLE)
    forward[:, 0] = 0.0  # before the first frame, as after a blank
    for t, frame in enumerate(log_p):
        before = forward.copy()
        before[:, 1:] = np.logaddexp(before[:, 1:], forward[:, :-1])
        if t:
            jumped = np.where(skips, forward[:, :-2], IMPOSSIBLE)
            before[:, 2:] = np.logaddexp(before[:, 2:], jumped)
        forward = before + frame[places]
    rows = np.arange(len(labellings))
    after, on = forward[rows, 2 * lengths], forward[rows, np.maximum(2 * lengths - 1, 0)]
    return np.where(lengths > 0, np.logaddexp(after, on), after)


def may_skip(places: np.ndarray) -> np.ndarray:
    """Whether place s can be reached from s - 2: the blank between two tokens that differ."""
    return (places[..., 2:] != BLANK) & (places[..., 2:] != places[..., :-2])


def alignment(log_p: np.ndarray, labelling: tuple[int, ...]) -> list[tuple[int, int]]:
    """The first and the last frame of each token on the most likely path of a labelling (Viterbi).

    When to use it: for the times of known words.

    Args:
        log_p: [T, V].
        labelling: tokens, without blanks.

    Returns:
        One pair of frames per token.

    Raises:
        ValueError: where T frames are too few for a path of this labelling.

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.transcribe.ctc import alignment
        >>> alignment(np.log([[0.1, 0.9], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]]), (1, 1))
        [(0, 1), (3, 3)]
    """
    places = np.full(2 * len(labelling) + 1, BLANK)
    places[1::2] = labelling
    skips = may_skip(places)
    S, T = len(places), len(log_p)
    best = np.full(S, IMPOSSIBLE)
    best[0] = 0.0
    ways = np.zeros((T, S), dtype=np.int64)  # how many places the best path moved forward
    for t, frame in enumerate(log_p):
        moved = np.full((3, S), IMPOSSIBLE)
        moved[0], moved[1, 1:] = best, best[:-1]
        if t:
            moved[2, 2:] = np.where(skips, best[:-2], IMPOSSIBLE)
        ways[t] = moved.argmax(0)
        best = moved.max(0) + frame[places]
    place = S - 1 if S == 1 or best[S - 1] >= best[S - 2] else S - 2
    if best[place] == IMPOSSIBLE:
        raise ValueError(
            f"alignment got {len(labelling)} tokens and {T} frames; expected a frame for each token "
            "and one between equal ones."
        )
    times: list[list[int]] = [[] for _ in labelling]
    for t in range(T - 1, -1, -1):
        if place % 2:
            times[place // 2].append(t)
        place -= int(ways[t, place])
    return [(frames[-1], frames[0]) for frames in times]
