"""From probabilities a frame to a labelling, where nobody said which frames are which label (CTC).

A path names a token or the blank (0) for every frame; the labelling it stands for is what is left
when tokens that repeat without a blank between them are one, and blanks are taken out. T frames,
B sequences, V tokens with the blank, K prefixes of a beam.

Source: A. Graves et al., Connectionist temporal classification, 2006
(https://www.cs.toronto.edu/~graves/icml_2006.pdf).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

BLANK = 0
NEVER = -np.inf


@dataclass(frozen=True)
class Found:
    """A labelling that was found.

    tokens: without blanks. times: the first and the last frame of each token on the likeliest path
    of this labelling. log_probability: in nats; of `greedy` that of its one path, of `beam_search`
    that of all paths to this labelling. score: what it is ranked by; with what a scorer adds.
    """

    tokens: list[int]
    times: list[tuple[int, int]]
    log_probability: float
    score: float


class Scorer(Protocol):
    """What else speaks for a labelling, a token at a time: a language model, a list of words.

    A state is whatever the scorer needs to know of the tokens so far; it is never changed.
    """

    def start(self) -> Any:
        """The state before the first token."""
        ...

    def scores(self, state: Any) -> np.ndarray:
        """What each token that could come next adds, [V], in nats; the blank's is not looked at."""
        ...

    def after(self, state: Any, token: int) -> Any:
        """The state behind this token."""
        ...

    def end(self, state: Any) -> float:
        """What ending here adds."""
        ...


def greedy(log_probabilities: Tensor, lengths: Tensor | None = None) -> list[Found]:
    """The labelling of the likeliest path of each sequence.

    When to use it: during training and where speed counts; a trained network is so sure that
    `beam_search` without a scorer seldom finds better.

    log_probabilities: log p [T, B, V] of each token and the blank (0). lengths: frames [B];
    default all.

    Example:
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
        tokens, times = collapsed(paths[:end, b])
        total = float(best[:end, b].sum(dtype=np.float64))
        found.append(Found(tokens, times, total, total))
    return found


def collapsed(path: np.ndarray) -> tuple[list[int], list[tuple[int, int]]]:
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
    scorer: Scorer | None = None,
    best: int | None = None,
) -> list[Found]:
    """The likeliest labellings of one sequence over all their paths, best first.

    When to use it: with a `scorer` (shallow fusion with a language model), or for the next best
    readings. Prefix search: of each prefix it keeps how likely the paths are that end in a blank
    and those that end in its last token, and after each frame only the best `width` prefixes. One
    wide enough to drop nothing finds the most probable labelling. What is found is ranked by

        score(Y) = log p(Y) + what the scorer adds for its tokens and its end

    with log p(Y) over all paths, those that had been dropped too. Cost: T K V, and a step of the
    scorer for each prefix that is kept.

    log_probabilities: log p [T, V] of each token and the blank (0). best: how many to return, at
    most `width`; default all that are kept.
    Raises: ValueError for a width under 1, or probabilities that are no numbers.

    Source: A. Hannun et al., First-pass large vocabulary continuous speech recognition using
    bi-directional recurrent DNNs, 2014 (https://arxiv.org/abs/1408.2873).

    Example:
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
        raise ValueError("beam_search got probabilities that are no numbers (NaN).")
    beam = Beam(log_p.shape[1], scorer)
    for frame in log_p:
        beam.read(frame, width)
    added = beam.added + beam.ends()
    totals = path_sums(log_p, beam.prefixes)
    order = np.argsort(-(totals + added), kind="stable")[:best]
    return [
        Found(
            list(beam.prefixes[k]),
            alignment(log_p, beam.prefixes[k]),
            float(totals[k]),
            float(totals[k] + added[k]),
        )
        for k in order
        if totals[k] > NEVER
    ]


class Beam:
    """Prefixes with the log-probability of their paths so far.

    blank, label: [K], of the paths that end in a blank, and in the prefix's last token. added: [K],
    what the scorer adds.
    """

    def __init__(self, V: int, scorer: Scorer | None) -> None:
        self.scorer, self.nothing = scorer, np.zeros(V)
        self.prefixes: list[tuple[int, ...]] = [()]
        self.blank, self.label, self.added = np.zeros(1), np.full(1, NEVER), np.zeros(1)
        self.states = [None if scorer is None else scorer.start()]
        self.offers = [self._offer(self.states[0])]

    def read(self, frame: np.ndarray, width: int) -> None:
        """One more frame: log p [V]."""
        K, V = len(self.prefixes), len(frame)
        rows = np.arange(K)
        last = np.array([prefix[-1] if prefix else BLANK for prefix in self.prefixes])
        either = np.logaddexp(self.blank, self.label)
        grown = either[:, None] + frame  # [K, V]
        # the same token again is a new one only behind a blank
        grown[rows, last] = self.blank + frame[last]
        grown[:, BLANK] = NEVER
        blank = either + frame[BLANK]
        label = np.where(last == BLANK, NEVER, self.label + frame[last])
        places = {prefix: k for k, prefix in enumerate(self.prefixes)}
        for k, prefix in enumerate(self.prefixes):
            parent = places.get(prefix[:-1]) if prefix else None
            if parent is not None:  # what it grows to is there already
                label[k] = np.logaddexp(label[k], grown[parent, last[k]])
                grown[parent, last[k]] = NEVER

        offered = self.added[:, None] + np.stack(self.offers)
        ranks = np.concatenate([np.logaddexp(blank, label) + self.added, (grown + offered).ravel()])
        kept = np.argsort(-ranks, kind="stable") if len(ranks) <= width else largest(ranks, width)
        kept = kept[ranks[kept] > NEVER]
        stays, grows = kept[kept < K], kept[kept >= K] - K
        parents, tokens = grows // V, grows % V
        states, offers = [self.states[k] for k in stays], [self.offers[k] for k in stays]
        for k, token in zip(parents.tolist(), tokens.tolist(), strict=True):
            state = None if self.scorer is None else self.scorer.after(self.states[k], token)
            states.append(state)
            offers.append(self._offer(state))
        self.prefixes = [self.prefixes[k] for k in stays] + [
            (*self.prefixes[k], token)
            for k, token in zip(parents.tolist(), tokens.tolist(), strict=True)
        ]
        self.blank = np.concatenate([blank[stays], np.full(len(grows), NEVER)])
        self.label = np.concatenate([label[stays], grown[parents, tokens]])
        self.added = np.concatenate([self.added[stays], offered[parents, tokens]])
        self.states, self.offers = states, offers

    def ends(self) -> np.ndarray:
        """What ending adds to each prefix, [K]."""
        if self.scorer is None:
            return np.zeros(len(self.prefixes))
        return np.array([self.scorer.end(state) for state in self.states])

    def _offer(self, state: Any) -> np.ndarray:
        return self.nothing if self.scorer is None else self.scorer.scores(state)


def largest(values: np.ndarray, count: int) -> np.ndarray:
    """Where the largest stand, the first of equal ones."""
    least = np.partition(values, len(values) - count)[len(values) - count]
    above, equal = np.flatnonzero(values > least), np.flatnonzero(values == least)
    return np.concatenate([above, equal[: count - len(above)]])


def path_sums(log_p: np.ndarray, labellings: list[tuple[int, ...]]) -> np.ndarray:
    """log p of labellings over all their paths, [K]; the sum that the CTC loss takes.

    log_p: [T, V].

    Example:
        >>> import numpy as np
        >>> from unroll.tasks.transcribe.ctc import path_sums
        >>> np.exp(path_sums(np.log([[0.6, 0.4], [0.6, 0.4]]), [(), (1,), (1, 1)])).round(2)
        array([0.36, 0.64, 0.  ])
    """
    if not labellings:
        return np.zeros(0)
    lengths = np.array([len(labelling) for labelling in labellings])
    # blanks before, between and behind the tokens
    places = np.full((len(labellings), 2 * lengths.max() + 1), BLANK)
    for k, labelling in enumerate(labellings):
        places[k, 1 : 2 * len(labelling) : 2] = labelling
    skips = may_skip(places)
    forward = np.full(places.shape, NEVER)
    forward[:, 0] = 0.0  # before the first frame: as if a blank had been
    for t, frame in enumerate(log_p):
        before = forward.copy()
        before[:, 1:] = np.logaddexp(before[:, 1:], forward[:, :-1])
        if t:
            jumped = np.where(skips, forward[:, :-2], NEVER)
            before[:, 2:] = np.logaddexp(before[:, 2:], jumped)
        forward = before + frame[places]
    rows = np.arange(len(labellings))
    behind, on = forward[rows, 2 * lengths], forward[rows, np.maximum(2 * lengths - 1, 0)]
    return np.where(lengths > 0, np.logaddexp(behind, on), behind)


def may_skip(places: np.ndarray) -> np.ndarray:
    """Whether place s can be reached from s - 2: the blank between two tokens that differ."""
    return (places[..., 2:] != BLANK) & (places[..., 2:] != places[..., :-2])


def alignment(log_p: np.ndarray, labelling: tuple[int, ...]) -> list[tuple[int, int]]:
    """The first and last frame of each token on the likeliest path of a labelling (Viterbi).

    When to use it: for the times of words that are known. log_p: [T, V].
    Raises: ValueError where no path of so few frames has this labelling.

    Example:
        >>> import numpy as np
        >>> from unroll.tasks.transcribe.ctc import alignment
        >>> alignment(np.log([[0.1, 0.9], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]]), (1, 1))
        [(0, 1), (3, 3)]
    """
    places = np.full(2 * len(labelling) + 1, BLANK)
    places[1::2] = labelling
    skips = may_skip(places)
    S, T = len(places), len(log_p)
    best = np.full(S, NEVER)
    best[0] = 0.0
    ways = np.zeros((T, S), dtype=np.int64)  # how many places each came forward
    for t, frame in enumerate(log_p):
        come = np.full((3, S), NEVER)
        come[0], come[1, 1:] = best, best[:-1]
        if t:
            come[2, 2:] = np.where(skips, best[:-2], NEVER)
        ways[t] = come.argmax(0)
        best = come.max(0) + frame[places]
    place = S - 1 if S == 1 or best[S - 1] >= best[S - 2] else S - 2
    if best[place] == NEVER:
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
