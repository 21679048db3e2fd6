"""Write a tune token by token with a trained network, where only some tokens may come."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from unroll.errors import UserError
from unroll.models.language import LanguageModel
from unroll.models.mixture import MixedLanguageModel
from unroll.models.sampling import checked_sampling, distribution, draw
from unroll.tasks.music.preprocessor import BOUNDARY, MusicPreprocessor


class TokenWriter:
    """Draws tokens from a network, which reads each token that is drawn or given.

    V is the number of tokens.

    Args:
        network: of the run; it is put in eval mode.
        preprocessor: of the run.
        length: tokens after which the tune is brought to its end; checked here.
        temperature: divides the logits.
        top_k: draw from so many most likely tokens; 0 for all.
        top_p: draw from the most likely tokens that have this share of the probability.
        seed: of the draws; None for another tune each time.

    Raises:
        UserError: for a number that cannot be used.
    """

    def __init__(
        self,
        network: LanguageModel | MixedLanguageModel,
        preprocessor: MusicPreprocessor,
        *,
        length: int = 400,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
    ) -> None:
        checked_sampling(temperature, top_k, top_p, seed)
        if length < 1:
            raise UserError(f"--length got {length}; expected a number of tokens, 1 or more.")
        self.preprocessor, self.length = preprocessor, length
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p
        self.generator = torch.Generator()
        if seed is None:
            self.generator.seed()
        else:
            self.generator.manual_seed(seed)
        network.eval()
        self.device = network.bias.device
        self.step = network.stepper(1)
        self.ids: list[int] = []
        self.logits = self.step(torch.tensor([BOUNDARY], device=self.device))

    @property
    def text(self) -> str:
        """The tune so far."""
        return self.preprocessor.decode(self.ids)

    def sample(self, may: np.ndarray) -> int:
        """Draw one of the tokens that may come, bool [V]; the network does not read it."""
        allowed = torch.from_numpy(may).to(self.logits.device)
        logits = self.logits.masked_fill(~allowed, -torch.inf)
        shares = distribution(logits, self.temperature, self.top_k, self.top_p)
        return int(draw(shares, self.generator))

    def draw(self, may: np.ndarray) -> int:
        """Draw one of the tokens that may come, bool [V]; the network reads it unless it is the end."""
        id = self.sample(may)
        if id != BOUNDARY:
            self._read([id])
        return id

    def add(self, text: str) -> None:
        """Add text that is given, or that must come."""
        self._read(self.preprocessor.encode(text).tolist())

    def _read(self, ids: Iterable[int]) -> None:
        """Append ids, and let the network read them."""
        for id in ids:
            self.ids.append(id)
            self.logits = self.step(torch.tensor([id], device=self.device))
