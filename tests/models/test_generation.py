"""Generated text is what its ids decode to, piece by piece."""

import pytest
import torch

from unroll.data.bpe import BPEVocabulary
from unroll.data.characters import CharacterVocabulary
from unroll.data.vocabulary import BOUNDARY
from unroll.data.words import WordVocabulary
from unroll.models.generation import TextPieces, generate_pieces

TEXT = "naïve roses, 玫瑰.\nTwo lines"


@pytest.mark.parametrize(
    "vocabulary",
    [
        CharacterVocabulary.learn([TEXT]),
        WordVocabulary.learn([TEXT]),
        BPEVocabulary.learn([TEXT * 3], size=270),
    ],
    ids=["characters", "words", "bpe"],
)
def test_pieces_join_to_the_text(vocabulary):
    ids = vocabulary.encode(TEXT).tolist()
    pieces = TextPieces(vocabulary, [BOUNDARY])
    text = "".join(pieces.add(id) for id in ids) + pieces.rest()
    assert text.strip() == vocabulary.decode(ids).strip()


def counter(step):
    """Logits that are certain of the id after the last one."""
    return torch.nn.functional.one_hot((step + 1) % 6, 6) * 100.0


def test_it_stops_at_the_end_or_at_the_length():
    vocabulary = CharacterVocabulary("abcd")
    options = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "seed": 1, "never": []}
    options |= {"device": torch.device("cpu")}
    run = generate_pieces(counter, vocabulary, [1], length=3, end=None, **options)
    assert "".join(run) == "abc"
    run = generate_pieces(counter, vocabulary, [1], length=99, end=5, **options)
    assert "".join(run) == "abc"
