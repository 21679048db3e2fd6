"""Two character networks that know raw text, whose states are features of words in their sentence.

T time, B batch, N words of all sentences, R numbers of a word, H units, V characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated
from weakref import WeakKeyDictionary

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from unroll.data.bucketed import longest_first
from unroll.data.characters import CharacterVocabulary
from unroll.models.language import LanguageModel
from unroll.saved_files import STRICT, are_unique, is_listed, read_record, refuse_unless
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.words import shorten_word
from unroll.training.checkpoint import check_finite, kind_of, pack, read_tensors
from unroll.training.files import as_json

WEIGHTS, RECORD = "raw.safetensors", "raw.json"
LETTER_SIZE = 32  # numbers of the vector of a character
MOST_UNITS = 2048
READ_TOGETHER = 64  # sentences
EDGE = "\n"  # before and after a sentence


class CharacterNetworks(nn.Module):
    """A language model of characters in each direction.

    Args:
        characters: V.
        size: H of each.
    """

    def __init__(self, characters: int, size: int) -> None:
        super().__init__()
        self.forwards = LanguageModel(characters, LETTER_SIZE, size)
        self.backwards = LanguageModel(characters, LETTER_SIZE, size)

    def states(self, ids: Sequence[Tensor]) -> list[Tensor]:
        """The states of both after each character of texts, each [T, 2 H]: each has read its side.

        Args:
            ids: the characters of each text, int64 [T].
        """
        lengths = torch.tensor([len(own) for own in ids])
        found = []
        for model, turn in ((self.forwards, False), (self.backwards, True)):
            h = model.embedding(pad_sequence([own.flip(0) if turn else own for own in ids]))
            for layer in model.stack:
                h, _ = layer(h, lengths=lengths)
            read = [h[:length, b] for b, length in enumerate(lengths.tolist())]
            found.append([own.flip(0) if turn else own for own in read])
        return [torch.cat(both, -1) for both in zip(*found, strict=True)]


@dataclass(frozen=True)
class RawTextRecord:
    """What is known of character networks beside their weights.

    Attributes:
        characters: the known ones.
        size: H of each network.
    """

    __pydantic_config__ = STRICT

    characters: str
    size: Annotated[int, Field(ge=1, le=MOST_UNITS)]


class RawText:
    """Character networks that were trained on raw text, as a run folder keeps them.

        x_t = [state of the forward network after the last character of word t;
               state of the backward network, which reads from the end, after its first character]

    The networks see the whole sentence, so the same word has other features in another sentence.
    Source: A. Akbik, D. Blythe and R. Vollgraf, Contextual string embeddings for sequence labeling,
    2018 (https://aclanthology.org/C18-1139).

    Args:
        networks: trained; put into eval mode.
        alphabet: their characters.
        size: H of each network.

    Examples:
        >>> from unroll.data.characters import CharacterVocabulary
        >>> from unroll.tasks.tag.conll import Sentence
        >>> from unroll.tasks.tag.raw_text import CharacterNetworks, RawText
        >>> raw = RawText(CharacterNetworks(5, 4), CharacterVocabulary("aos"), 4)
        >>> tuple(raw.features([Sentence(("as", "so")), Sentence(("as",))]).shape)
        (3, 8)
    """

    def __init__(
        self, networks: CharacterNetworks, alphabet: CharacterVocabulary, size: int
    ) -> None:
        self.networks, self.alphabet = networks.eval().requires_grad_(False), alphabet
        self._record = RawTextRecord(alphabet.characters, size)
        self._known: WeakKeyDictionary[Sentence, Tensor] = WeakKeyDictionary()

    @property
    def size(self) -> int:
        """R, the features of a word."""
        return 2 * self._record.size

    def features(self, sentences: Sequence[Sentence]) -> Tensor:
        """The features of all words end to end, float16 [N, R].

        They are kept for as long as the sentences are, so that all that reads these agrees to the bit.
        """
        new = [s for s in dict.fromkeys(sentences) if s not in self._known]
        for rows in longest_first([sum(map(len, s.words)) for s in new], READ_TOGETHER):
            self._read([new[k] for k in rows])
        none = torch.zeros(0, self.size, dtype=torch.float16)
        return torch.cat([none, *(self._known[s] for s in sentences)])

    @torch.no_grad()
    def _read(self, sentences: Sequence[Sentence]) -> None:
        texts, firsts, lasts = [], [], []
        for sentence in sentences:
            words = [shorten_word(word) for word in sentence.words]
            texts.append(torch.from_numpy(self.alphabet.encode(EDGE + " ".join(words) + EDGE)))
            ends = torch.tensor([len(word) + 1 for word in words]).cumsum(0)
            lasts.append(ends - 1)  # behind the edge
            firsts.append(ends - torch.tensor([len(word) for word in words]))
        half = self._record.size
        for sentence, read, first, last in zip(
            sentences, self.networks.states(texts), firsts, lasts, strict=True
        ):
            self._known[sentence] = torch.cat([read[last, :half], read[first, half:]], 1).half()

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it, by name."""
        weights = dict(self.networks.state_dict())
        return {WEIGHTS: pack(weights), RECORD: as_json(asdict(self._record))}

    @classmethod
    def load(cls, folder: Path) -> RawText | None:
        """That of a run folder; None where it has none.

        Raises:
            UserError: where its files are damaged.
        """
        if not is_listed(folder, RECORD):
            return None
        record = read_record(folder, RECORD, RawTextRecord)
        refuse_unless(are_unique(record.characters), folder / RECORD, "each character once")
        tensors, path = read_tensors(folder, WEIGHTS), folder / WEIGHTS
        alphabet = CharacterVocabulary(record.characters)
        networks = new_networks(len(alphabet), record.size, seed=0)
        own = {name: kind_of(tensor) for name, tensor in networks.state_dict().items()}
        found = {name: kind_of(tensor) for name, tensor in tensors.items()}
        refuse_unless(own == found, path, f"character networks of {record.size} units")
        for name, tensor in tensors.items():
            check_finite(path, name, tensor)
        networks.load_state_dict(tensors)
        return cls(networks, alphabet, record.size)


def new_networks(characters: int, size: int, seed: int) -> CharacterNetworks:
    """Fresh character networks; the random numbers of the run stay as they are.

    Args:
        characters: V.
        size: H of each.
        seed: of their weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CharacterNetworks(characters, size)
