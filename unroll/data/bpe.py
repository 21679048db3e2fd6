"""Pieces of words: byte-level byte pair encoding, by the `tokenizers` library."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from unroll.data.vocabulary import BOUNDARY, BOUNDARY_NAME, UNKNOWN, UNKNOWN_NAME, Ids
from unroll.saved_files import MOST_BYTES, Damaged, parse_record, read_whole, refuse_unless

if TYPE_CHECKING:
    from tokenizers import Tokenizer


LONGEST_WORD = 1024  # characters that learning takes as one word; its time grows with their square
# what the byte-level tokenizer takes as one word: letters, digits, spaces, other signs
RUN = re.compile(r"[^\W\d_]+|\d+|\s+|(?:[^\w\s]|_)+")
LONG_SPACE = re.compile(rf"\s{{{LONGEST_WORD + 1}}}")


class TokenizerPart(BaseModel):
    """A part of tokenizer.json; no other part has a type of its own, so nothing else is run."""

    model_config = ConfigDict(extra="forbid")


class SpecialToken(TokenizerPart):
    """A token that no text is encoded to."""

    id: int
    content: str
    single_word: Literal[False]
    lstrip: Literal[False]
    rstrip: Literal[False]
    normalized: Literal[False]
    special: Literal[True]


class ByteLevelPart(TokenizerPart):
    """Bytes as characters, before and after the pieces."""

    type: Literal["ByteLevel"]
    add_prefix_space: bool
    trim_offsets: bool
    use_regex: Literal[True]


class Pieces(TokenizerPart):
    """The pieces and the pairs that are merged to pieces."""

    type: Literal["BPE"]
    dropout: None
    unk_token: None
    continuing_subword_prefix: None
    end_of_word_suffix: None
    fuse_unk: Literal[False]
    byte_fallback: Literal[False]
    ignore_merges: Literal[False] = False
    vocab: dict[str, int]
    merges: list[tuple[str, str] | str]


class TokenizerRecord(TokenizerPart):
    """What tokenizer.json holds."""

    version: Literal["1.0"]
    truncation: None
    padding: None
    added_tokens: list[SpecialToken]
    normalizer: None
    pre_tokenizer: ByteLevelPart
    post_processor: None
    decoder: ByteLevelPart
    model: Pieces


def check_pieces(model: Pieces, path: Path) -> None:
    """Refuse pieces that are not numbered from 0, or pairs that merge to no piece.

    Raises:
        UserError: with the name of the file.
    """
    special = [UNKNOWN_NAME, BOUNDARY_NAME]
    vocab = model.vocab
    numbered = sorted(vocab.values()) == list(range(len(vocab)))
    refuse_unless(numbered, path, "pieces that are numbered from 0, each once")
    refuse_unless(
        [vocab.get(name) for name in special] == [0, 1], path, f"{special} as first pieces"
    )
    for merge in model.merges:
        pair = merge.split(" ") if isinstance(merge, str) else merge
        fits = len(pair) == 2 and all(part in vocab for part in (*pair, "".join(pair)))
        refuse_unless(fits, path, "pairs of pieces that merge to a piece")


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
    unknown_id = UNKNOWN
    boundary = BOUNDARY

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        # `<s>` written in a text is text, not a boundary
        self._tokenizer.encode_special_tokens = True

    @classmethod
    def load(cls, folder: Path, name: str) -> BPEVocabulary:
        """The vocabulary that a file of a run folder holds, as `files` wrote it.

        Raises:
            UserError: where it holds anything else: a tokenizer with other parts may read a text
                for ever.
        """
        from tokenizers import Tokenizer

        path = folder / name
        content = read_whole(folder, name, MOST_BYTES)
        record = parse_record(content, TokenizerRecord, path)
        check_pieces(record.model, path)
        try:
            return cls(Tokenizer.from_str(content.decode()))
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException as error:  # a panic of the library is no Exception
            raise Damaged(f"{path} is damaged: {str(error)[:100]}") from error

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
        tokenizer.train_from_iterator(bounded_words(texts), trainer)
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


def bounded_words(texts: Iterable[str]) -> Iterator[str]:
    """Texts in which no word is longer than learning takes: longer ones, as in DNA, are cut.

    A text without such words comes as it is.

    Args:
        texts: to learn from.
    """
    for text in texts:
        # a quick look: words are within what stands between spaces
        if max(map(len, text.split()), default=0) <= LONGEST_WORD and not LONG_SPACE.search(text):
            yield text
            continue
        begin = 0
        for run in RUN.finditer(text):
            for cut in range(run.start() + LONGEST_WORD, run.end(), LONGEST_WORD):
                yield text[begin:cut]
                begin = cut
        yield text[begin:]
