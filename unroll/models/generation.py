"""A text piece by piece: draw a token, say what it adds, feed it back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import torch
from torch import Tensor

from unroll.data.vocabulary import Vocabulary
from unroll.models.sampling import distribution, draw, draw_softmax


def generated(
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
    """The text of at most `length` tokens after a context, as it is made.

    step: from a token [1] to the logits [1, V] of the next. never: ids that must not come.
    end: the id that ends the text, or None. seed: None draws anew each time.
    """
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    for id in context:
        logits = step(torch.tensor([id], device=device))
    pieces = Pieces(vocabulary, context)
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


class Pieces:
    """The text of ids as they come: each new one adds what it changes at the end."""

    def __init__(self, vocabulary: Vocabulary, context: list[int]) -> None:
        self.vocabulary = vocabulary
        self.ids = context[-1:]
        self.shown = len(vocabulary.decode(self.ids))

    def add(self, id: int) -> str:
        """The text that this id adds; none where it is the first bytes of a character."""
        if self.vocabulary.level == "char":  # the same, sooner
            return self.vocabulary.decode([id])
        self.ids.append(id)
        text = self.vocabulary.decode(self.ids)
        if self.vocabulary.level == "bpe" and text.endswith("\N{REPLACEMENT CHARACTER}"):
            return ""
        new, self.ids = text[self.shown :], [id]
        self.shown = len(self.vocabulary.decode(self.ids))
        return new

    def rest(self) -> str:
        """What was held back."""
        return self.vocabulary.decode(self.ids)[self.shown :]
