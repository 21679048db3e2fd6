"""A tagger: word vectors, an encoder of letters, recurrent layers in two directions, softmax or CRF.

T time, B batch, U distinct words of a batch, L letters, E embedding, C units of the letter encoder in
each direction, H hidden, K labels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from unroll.data.vocabulary import UNKNOWN
from unroll.layers import Recurrent
from unroll.layers.crf import CRF
from unroll.layers.locked_dropout import LockedDropout
from unroll.models.initialisation import initialise_layers
from unroll.tasks.tag.encoded import SHAPES, TagBatch
from unroll.tasks.tag.output import TagOutput

LETTER_SIZE, SHAPE_SIZE = 32, 16  # sizes of the vectors of a letter and of a shape
OUTSIDE = 0  # the label of words in no span


class Tagger(nn.Module):
    """A label for each word of a sentence, from the words around it and its own letters.

        x_t = [word vector; shape; letters read forwards; letters read backwards; pretrained vector;
               features from raw text]
        h_t = stack(x)_t, in two directions          scores_t = W h_t + b
        p(y | x) = CRF(scores), or the product of softmax(scores_t)[y_t]

    Letters are read once for each distinct word of a batch. In training a word that occurs n times
    becomes the unknown word with probability word_dropout / (word_dropout + n), so that the unknown
    word is learned (E. Kiperwasser and Y. Goldberg 2016); its letters and shape stay.

    Source: G. Lample et al., Neural architectures for named entity recognition, 2016
    (https://arxiv.org/abs/1603.01360).

    Args:
        counts: how often each word occurs in the training set, [words]; the unknown word infinitely.
        letters: how many letters there are.
        labels: K.
        embedding_size: E.
        vector_size: numbers of a pretrained vector, which is read as it is; 0: there is none.
        raw_size: numbers that character networks give each word; 0: there are none.
        character_size: C. 0: letters are not read.
        hidden_size: H of each layer, in each direction.
        num_layers: how many recurrent layers.
        bidirectional: whether sentences are read from both ends.
        cell: a name or a callable, as `unroll.Recurrent` takes it.
        crf: whether the labels of a sentence are chosen together.
        allowed: which labels may begin, follow and end, as `CRF` takes it. None: all may.
        word_dropout: how often words are made unknown in training.
        recall: what is added in training to the score of label 0, outside all spans, where it is
            wrong. Missed spans then cost more, and more are found (B. Mohit et al. 2012).
        dropout: locked dropout between layers and on outputs.
        dropout_input: locked dropout on x.
        combined: whether it keeps weights of its scores and those of a simple model (`Mixture`).
        initialisation: a name for `initialise`; `self.initialised` says what it did.

    Examples:
        >>> import torch
        >>> from unroll.tasks.tag.conll import Sentence
        >>> from unroll.tasks.tag.encoded import EncodedSentences
        >>> from unroll.tasks.tag.network import Tagger
        >>> from unroll.tasks.tag.preprocessor import TagPreprocessor
        >>> sentences = [Sentence(("a", "rose"), ("DET", "NOUN"))]
        >>> preprocessor = TagPreprocessor.learn(sentences, ["DET", "NOUN"])
        >>> model = Tagger(preprocessor.counts, letters=len(preprocessor.alphabet), labels=2)
        >>> tuple(model(EncodedSentences(sentences, preprocessor).batch([0])).shape)
        (2, 1, 2)
    """

    unknown_chance: Tensor
    mixture: Tensor

    def __init__(
        self,
        counts: Tensor,
        letters: int,
        labels: int,
        *,
        embedding_size: int = 100,
        vector_size: int = 0,
        raw_size: int = 0,
        character_size: int = 50,
        hidden_size: int = 200,
        num_layers: int = 1,
        bidirectional: bool = True,
        cell: str | Callable[[int, int], nn.Module] = "lstm",
        crf: bool = False,
        allowed: tuple[Tensor, Tensor, Tensor] | None = None,
        word_dropout: float = 0.0,
        recall: float = 0.0,
        dropout: float = 0.0,
        dropout_input: float = 0.0,
        combined: bool = False,
        initialisation: str = "auto",
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(len(counts), embedding_size)
        self.letters = LetterEncoder(letters, character_size, cell) if character_size else None
        self.shapes = nn.Embedding(SHAPES, SHAPE_SIZE)
        width = embedding_size + SHAPE_SIZE + vector_size + raw_size
        width += self.letters.output_size if self.letters is not None else 0
        self.stack = nn.ModuleList()
        for _ in range(num_layers):
            layer = Recurrent(cell, width, hidden_size, bidirectional=bidirectional)
            self.stack.append(layer)
            width = layer.output_size
        self.output = nn.Linear(width, labels)
        self.crf = CRF(labels, allowed) if crf else None
        self.drop_input = LockedDropout(dropout_input)
        self.drop = LockedDropout(dropout)
        self.register_buffer(
            "unknown_chance", word_dropout / (word_dropout + counts), persistent=False
        )
        # the network alone; `keep_mixtures` says what the numbers are
        alone = torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0])
        self.register_buffer("mixture", alone, persistent=combined)
        self.word_dropout, self.recall = word_dropout, recall
        self.initialised = self._initialise(initialisation)

    def forward(self, batch: TagBatch) -> Tensor:
        """The score of each label for each word, [T, B, K]."""
        words = batch.words
        if self.training and self.word_dropout:
            chance = self.unknown_chance[words]
            words = words.masked_fill(torch.rand_like(chance) < chance, UNKNOWN)
        own = [self.shapes(batch.shapes)]
        if self.letters is not None:
            own.append(self.letters(batch.letters, batch.letter_lengths))
        if batch.vectors is not None:
            own.append(batch.vectors)
        read = [self.words(words), torch.cat(own, -1)[batch.which]]
        if batch.raw is not None:
            read.append(batch.raw)
        h = self.drop_input(torch.cat(read, -1))
        for layer in self.stack:
            h, _ = layer(h, lengths=batch.lengths)
            h = self.drop(h)
        scores: Tensor = self.output(h)
        return scores

    def loss(self, scores: Tensor, batch: TagBatch) -> Tensor:
        """Summed negative log-probability of the labels, in nats, a scalar.

        Args:
            scores: of the batch, [T, B, K].
            batch: with labels.

        Raises:
            ValueError: for a batch without labels.
        """
        if batch.labels is not None and self.training and self.recall:
            missed = self.recall * (batch.labels != OUTSIDE)  # [T, B]
            scores = torch.cat([scores[..., :1] + missed.unsqueeze(2), scores[..., 1:]], 2)
        return self.choice.loss(scores, batch)

    def most_likely_labels(self, scores: Tensor, batch: TagBatch) -> Tensor:
        """The most likely labels, [T, B]; with a CRF the most likely sequence of labels."""
        return self.choice.most_likely_labels(scores, batch)

    def probabilities(self, scores: Tensor, batch: TagBatch) -> Tensor:
        """The probability of each label for each word, [T, B, K]."""
        return self.choice.probabilities(scores, batch)

    @property
    def choice(self) -> TagOutput:
        """How labels are chosen from scores."""
        return TagOutput(self.crf)

    @torch.no_grad()
    def take_vectors(self, vectors: dict[int, Tensor]) -> None:
        """Start from pretrained vectors. vectors: [E] each, by the number of the word."""
        for number, vector in vectors.items():
            self.words.weight[number] = vector

    def _initialise(self, name: str) -> str:
        layers = [layer for layer in self.modules() if isinstance(layer, Recurrent)]
        description = initialise_layers(layers, name)
        for table in (self.words, self.shapes):
            nn.init.normal_(table.weight, 0.0, table.embedding_dim**-0.5)
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        return description


class LetterEncoder(nn.Module):
    """A word as its letters, read in both directions: the last output of each.

    Args:
        letters: how many letters there are.
        size: C.
        cell: as `unroll.Recurrent` takes it.
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
        """A vector for each word, `[U, D*C]`. letters: [L, U]; lengths: [U], at least 1."""
        h, _ = self.layer(self.embedding(letters), lengths=lengths)
        half = self.output_size // 2
        last = (lengths - 1).view(1, -1, 1).expand(1, -1, half)
        forwards = h[..., :half].gather(0, last).squeeze(0)
        return torch.cat([forwards, h[0, :, half:]], -1)
