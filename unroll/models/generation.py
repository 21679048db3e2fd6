"""Generate a text: draw a token, yield the text that it adds, feed it back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import torch
from torch import Tensor

from unroll.data.vocabulary import Vocabulary
from unroll.models.sampling import distribution, draw, draw_softmax


def generate_pieces(
    step: Callable[[Tensor], Tensor],
    vocabulary: Vocabulary,
    context: list[int],
    *,
    length: int,
    temperature: float,
    top_k: int,
    top_p: float,
    seed: int | None,
    never: Collection[int],
    end: int | None,
    device: torch.device,
) -> Iterator[str]:
    """Generate at most `length` tokens after a context, and yield their text.

    Args:
        step: from a token [1] to the logits [1, V] of the next one; keeps the state.
        vocabulary: ids to text.
        context: ids that are read first; at least one.
        length: tokens, at most.
        temperature: divides the logits; 0 always takes the most likely token.
        top_k: draw from the k most likely tokens. 0: from all.
        top_p: draw from the fewest tokens that reach this probability.
        seed: the same seed draws the same tokens. None: others each time.
        never: ids that must not be drawn.
        end: the id that ends the text. None: only `length` ends it.
        device: of the network.
    """
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    for id in context:
        logits = step(torch.tensor([id], device=device))
    pieces = TextPieces(vocabulary, context)
    banned = torch.tensor(list(never), device=device) if never else None
    plain = top_k == 0 and top_p == 1 and temperature >= 1e-3 and device.type == "cpu"
    plain = plain and logits.dtype == torch.float32
    for _ in range(length):
        if plain:
            id = draw_softmax(logits, temperature, list(never), generator)
        else:
            id = int(draw(distribution(logits, temperature, top_k, top_p, banned), generator))
        if id == end:
            break
        yield pieces.add(id)
        logits = step(torch.tensor([id], device=device))
    yield pieces.rest()


class TextPieces:
    """The text of ids one by one: a new id adds what it changes at the end."""

    def __init__(self, vocabulary: Vocabulary, context: list[int]) -> None:
        self.vocabulary = vocabulary
        self.ids = context[-1:]
        self.shown = len(vocabulary.decode(self.ids))

    def add(self, id: int) -> str:
        """The text that an id adds; empty where it is the first bytes of a character."""
        if self.vocabulary.level == "char":  # the same result, faster
            return self.vocabulary.decode([id])
        self.ids.append(id)
        text = self.vocabulary.decode(self.ids)
        if self.vocabulary.level == "bpe" and text.endswith("\N{REPLACEMENT CHARACTER}"):
            return ""
        new, self.ids = text[self.shown :], [id]
        self.shown = len(self.vocabulary.decode(self.ids))
        return new

    def rest(self) -> str:
        """The text that was held back because its last character was incomplete."""
        return self.vocabulary.decode(self.ids)[self.shown :]
