"""Pieces of words: byte-level byte pair encoding, by the `tokenizers` library."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from unroll.data.vocabulary import BOUNDARY_NAME, UNKNOWN_NAME, Ids

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class BPEVocabulary:
    """Byte pair encoding over bytes: every text can be encoded, and decodes to itself.

    When to use it: between characters and words; names and rare words are spelled in pieces.

    Source: R. Sennrich et al., Neural machine translation of rare words with subword units, 2016
    (https://arxiv.org/abs/1508.07909).

    Examples:
        >>> from unroll.data.bpe import BPEVocabulary
        >>> vocabulary = BPEVocabulary.learn(["low lower lowest " * 50], size=300)
        >>> vocabulary.decode(vocabulary.encode("lowest naïve"))
        'lowest naïve'
    """

    level = "bpe"

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        # `<s>` written in a text is text, not a boundary
        self._tokenizer.encode_special_tokens = True

    @classmethod
    def from_json(cls, text: str) -> BPEVocabulary:
        """The vocabulary whose `files` hold this JSON."""
        from tokenizers import Tokenizer

        return cls(Tokenizer.from_str(text))

    @classmethod
    def learn(cls, texts: Iterable[str], size: int = 4096, min_count: int = 2) -> BPEVocabulary:
        """Merge the most frequent pairs of these texts until there are `size` tokens.

        Args:
            texts: the training set.
            size: tokens, the 256 bytes and the two special tokens among them; never fewer than those.
            min_count: pairs that come less often are not merged.
        """
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=max(1, min_count),
            special_tokens=[UNKNOWN_NAME, BOUNDARY_NAME],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer)

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size()

    def encode(self, text: str) -> Ids:
        return np.asarray(self._tokenizer.encode(text).ids, dtype=np.int64)

    def decode(self, ids: Iterable[int]) -> str:
        text: str = self._tokenizer.decode(
            [int(i) for i in ids if i > 1], skip_special_tokens=False
        )
        return text

    def name(self, id: int) -> str:
        return self.decode([id]) if id > 1 else (UNKNOWN_NAME, BOUNDARY_NAME)[id]

    def unknown(self, text: str) -> list[str]:
        return []

    def files(self) -> dict[str, bytes]:
        # read and written again so that the bytes do not depend on the library's spacing
        record = json.loads(self._tokenizer.to_str())
        return {"tokenizer.json": json.dumps(record, ensure_ascii=False, indent=1).encode()}
