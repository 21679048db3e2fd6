"""A tagger: word vectors and an encoder of letters, a stack in two directions, softmax or CRF.

T time, B batch, U distinct words of a batch, L letters, E embedding, C units of the letters' encoder
in each direction, K labels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from unroll.data.vocabulary import UNKNOWN
from unroll.layers import Recurrent
from unroll.layers.crf import CRF
from unroll.layers.locked_dropout import LockedDropout
from unroll.models.initialisation import initialise_layers
from unroll.tasks.tag.preprocessor import SHAPES, TaggedBatch

LETTER_SIZE, SHAPE_SIZE = 32, 16  # numbers a letter, and a shape
OUTSIDE = 0  # the label of words in no span


class Tagger(nn.Module):
    """A label for each word of a sentence, from the words around it and its own letters.

        x_t = [word vector; letters read forwards; letters read backwards; shape]
        h_t = stack(x)_t, in two directions          scores_t = W h_t + b
        p(y | x) = CRF(scores), or the product of softmax(scores_t)[y_t]

    Letters are read once for each distinct word of a batch. In training a word that was seen n times
    becomes the unknown one with probability word_dropout / (word_dropout + n), so that the unknown
    one is learned (E. Kiperwasser and Y. Goldberg 2016); its letters and shape stay.

    Source: G. Lample et al., Neural architectures for named entity recognition, 2016
    (https://arxiv.org/abs/1603.01360).

    Args:
        counts: of each word, how often training has it, [words]; the unknown's is infinite.
        letters: how many there are. labels: K.
        embedding_size: E. character_size: C, 0 for no letters. hidden_size: of each of num_layers
            layers, in each direction.
        cell: a name or a callable, as `unroll.Recurrent` takes it.
        allowed: what `CRF` takes; None with output "softmax".
        recall: what label 0, which is outside all spans, is given in training where it is wrong.
            Missed spans then cost more, and more are found (B. Mohit et al. 2012).
        dropout, dropout_input: locked dropout between layers and on outputs; on x.
        initialisation: a name for `initialise`; what it did stands in `self.initialised`.

    Example:
        >>> import torch
        >>> from unroll.tasks.tag.conll import Sentence
        >>> from unroll.tasks.tag.preprocessor import EncodedSentences, TagPreprocessor
        >>> from unroll.tasks.tag.network import Tagger
        >>> sentences = [Sentence(("a", "rose"), ("DET", "NOUN"))]
        >>> preprocessor = TagPreprocessor.learn(sentences, ["DET", "NOUN"])
        >>> model = Tagger(preprocessor.counts, letters=len(preprocessor.alphabet), labels=2)
        >>> tuple(model(EncodedSentences(sentences, preprocessor).batch([0])).shape)
        (2, 1, 2)
    """

    def __init__(
        self,
        counts: Tensor,
        letters: int,
        labels: int,
        *,
        embedding_size: int = 100,
        character_size: int = 50,
        hidden_size: int = 200,
        num_layers: int = 1,
        cell: str | Callable[[int, int], nn.Module] = "lstm",
        crf: bool = False,
        allowed: tuple[Tensor, Tensor, Tensor] | None = None,
        word_dropout: float = 0.0,
        recall: float = 0.0,
        dropout: float = 0.0,
        dropout_input: float = 0.0,
        initialisation: str = "auto",
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(len(counts), embedding_size)
        self.letters = Letters(letters, character_size, cell) if character_size else None
        self.shapes = nn.Embedding(SHAPES, SHAPE_SIZE)
        width = embedding_size + SHAPE_SIZE
        width += self.letters.output_size if self.letters is not None else 0
        self.stack = nn.ModuleList()
        for _ in range(num_layers):
            layer = Recurrent(cell, width, hidden_size, bidirectional=True)
            self.stack.append(layer)
            width = layer.output_size
        self.output = nn.Linear(width, labels)
        self.crf = CRF(labels, allowed) if crf else None
        self.drop_input = LockedDropout(dropout_input)
        self.drop = LockedDropout(dropout)
        self.register_buffer("forget", word_dropout / (word_dropout + counts), persistent=False)
        self.forgets, self.recall = word_dropout > 0, recall
        self.initialised = self._initialise(initialisation)

    def forward(self, batch: TaggedBatch) -> Tensor:
        """Scores [T, B, K] of each label."""
        words = batch.words
        if self.training and self.forgets:
            chance = self.forget[words]  # type: ignore[index]
            words = words.masked_fill(torch.rand_like(chance) < chance, UNKNOWN)
        own = [self.shapes(batch.shapes)]
        if self.letters is not None:
            own.append(self.letters(batch.letters, batch.letter_lengths))
        h = torch.cat([self.words(words), torch.cat(own, -1)[batch.which]], -1)
        h = self.drop_input(h)
        for layer in self.stack:
            h, _ = layer(h, lengths=batch.lengths)
            h = self.drop(h)
        scores: Tensor = self.output(h)
        return scores

    def loss(self, scores: Tensor, batch: TaggedBatch) -> Tensor:
        """Summed negative log-probability of the labels, in nats.

        Raises: ValueError for a batch without labels.
        """
        if batch.labels is None:
            raise ValueError("The batch has no labels; expected some to compare with.")
        if self.training and self.recall:
            missed = self.recall * (batch.labels != OUTSIDE)  # [T, B]
            scores = torch.cat([scores[..., :1] + missed.unsqueeze(2), scores[..., 1:]], 2)
        if self.crf is not None:
            return -self.crf.log_likelihood(scores, batch.labels, batch.lengths).sum()
        inside = self._inside(batch)
        return cross_entropy(scores[inside], batch.labels[inside], reduction="sum")

    def best(self, scores: Tensor, batch: TaggedBatch) -> Tensor:
        """The likeliest labels, [T, B]; the CRF's are those of the likeliest sequence."""
        if self.crf is not None:
            return self.crf.best(scores, batch.lengths)
        return scores.argmax(-1)

    def probabilities(self, scores: Tensor, batch: TaggedBatch) -> Tensor:
        """The probability of each label at each step, [T, B, K]."""
        if self.crf is not None:
            return self.crf.marginals(scores, batch.lengths)
        return scores.softmax(-1)

    @torch.no_grad()
    def take_vectors(self, vectors: dict[int, Tensor]) -> None:
        """Start from pretrained vectors. vectors: by the word's number."""
        for number, vector in vectors.items():
            self.words.weight[number] = vector

    def _inside(self, batch: TaggedBatch) -> Tensor:
        steps = torch.arange(len(batch.words), device=batch.lengths.device)
        return steps.unsqueeze(1) < batch.lengths

    def _initialise(self, name: str) -> str:
        layers = [layer for layer in self.modules() if isinstance(layer, Recurrent)]
        said = initialise_layers(layers, name)
        for table in (self.words, self.shapes):
            nn.init.normal_(table.weight, 0.0, table.embedding_dim**-0.5)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        return said


class Letters(nn.Module):
    """A word as its letters read from both ends: the last output of each direction.

    Input: letters [L, U], their lengths [U], at least 1. Output: [U, output_size].
    """

    def __init__(
        self, letters: int, size: int, cell: str | Callable[[int, int], nn.Module]
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(letters, LETTER_SIZE)
        nn.init.normal_(self.embedding.weight, 0.0, LETTER_SIZE**-0.5)
        self.layer = Recurrent(cell, LETTER_SIZE, size, bidirectional=True)
        self.output_size = self.layer.output_size

    def forward(self, letters: Tensor, lengths: Tensor) -> Tensor:
        h, _ = self.layer(self.embedding(letters), lengths=lengths)
        half = self.output_size // 2
        last = (lengths - 1).view(1, -1, 1).expand(1, -1, half)
        forwards = h[..., :half].gather(0, last).squeeze(0)
        return torch.cat([forwards, h[0, :, half:]], -1)
