"""A translator's answers: what it found, in words, with its attention.

`network` is a `unroll.models.translator.Translator`, or what is called as one is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from unroll.data.pair_batches import padded
from unroll.data.pair_preprocessor import PairPreprocessor
from unroll.data.vocabulary import BOUNDARY, UNKNOWN
from unroll.models.beam_search import Hypothesis, beam_search, follow
from unroll.models.sampling import distribution, draw
from unroll.tasks.translate.settings import TranslateSettings

AT_ONCE = 256  # sources that are read before the first is answered
ROWS = 256  # of a batch of searches


def answers(
    network: Any,
    preprocessor: PairPreprocessor,
    texts: Iterable[str],
    settings: TranslateSettings,
    device: torch.device,
) -> Iterator[dict[str, Any]]:
    """The translations of each text, in order.

    settings: those of the search. A dictionary holds `source`, `translation`, its
    `log_probability`, `score` and `finished`, `source_tokens`, `target_tokens` and, a row a target
    token, `attention`; `unknown`, what of the source is not known; `others`, the next best.
    """
    network.eval()
    generator = torch.Generator().manual_seed(settings.seed)
    for group in groups(texts, AT_ONCE):
        found: dict[int, dict[str, Any]] = {}
        order = sorted(range(len(group)), key=lambda n: len(group[n]))
        size = max(1, ROWS // settings.beam)
        for rows in groups(order, size):
            said = [group[row] for row in rows]
            for row, hypotheses in zip(
                rows, search(network, preprocessor, said, settings, device, generator), strict=True
            ):
                found[row] = answer(preprocessor, group[row], hypotheses, settings)
        yield from (found[row] for row in range(len(group)))


def groups(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """As they come, `size` at a time."""
    group: list[Any] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


@torch.no_grad()
def search(
    network: Any,
    preprocessor: PairPreprocessor,
    texts: list[str],
    settings: TranslateSettings,
    device: torch.device,
    generator: torch.Generator | None = None,
) -> list[list[Hypothesis]]:
    """The hypotheses of each text, best first; attention is cut to its source."""
    source, lengths = padded([preprocessor.source.encode(text) for text in texts])
    encoded = network.encode(source.to(device), lengths)
    length = settings.max_output or preprocessor.longest + 1
    B = len(texts)
    if settings.temperature is not None:
        drawn = follow(
            network.stepper(encoded),
            B,
            drawing(settings.temperature, banned(preprocessor, settings, device), generator),
            start=BOUNDARY,
            end=BOUNDARY,
            length=length,
            device=device,
        )
        found = [[one] for one in drawn]
    else:
        wide = encoded.repeated(settings.beam)
        found = beam_search(
            network.stepper(wide),
            B,
            width=settings.beam,
            start=BOUNDARY,
            end=BOUNDARY,
            length=length,
            length_penalty=settings.length_penalty,
            coverage_penalty=settings.coverage_penalty,
            source=wide.memory.mask,
            never=banned(preprocessor, settings, device),
            device=device,
        )
    return found


def drawing(temperature: float, never: Tensor | None, generator: torch.Generator | None) -> Any:
    """What draws tokens [B] from log p [B, V]."""
    generator = generator or torch.Generator()
    return lambda log_p: draw(distribution(log_p, temperature, never=never), generator)


def banned(
    preprocessor: PairPreprocessor, settings: TranslateSettings, device: torch.device
) -> Tensor | None:
    """The unknown token, unless the source's word will stand for it."""
    if settings.replace_unknown and preprocessor.target.level != "bpe":
        return None
    return torch.tensor([UNKNOWN], device=device)


def answer(
    preprocessor: PairPreprocessor,
    text: str,
    hypotheses: list[Hypothesis],
    settings: TranslateSettings,
) -> dict[str, Any]:
    """What was found for one source, as JSON can hold it."""
    tokens = preprocessor.source_tokens(text)
    told = [in_words(preprocessor, tokens, one) for one in hypotheses[: settings.best]]
    best, *others = told
    looked = hypotheses[0].attention
    rows = [] if looked is None else looked[:, : len(tokens)].tolist()
    ends = [preprocessor.target.name(BOUNDARY)] if hypotheses[0].finished else []
    return {
        "source": text,
        **best,
        "source_tokens": tokens,
        "target_tokens": [*preprocessor.target_tokens(hypotheses[0].tokens), *ends],
        "attention": [[round(weight, 4) for weight in row] for row in rows],
        "unknown": preprocessor.source.unknown(text),
        "others": others,
    }


def in_words(preprocessor: PairPreprocessor, source: list[str], one: Hypothesis) -> dict[str, Any]:
    """A hypothesis as text, unknown words replaced by those of the source that it looked at."""
    instead = []
    if one.attention is not None:
        words = max(1, len(source) - 1)  # not the end
        looked = one.attention[:, :words].argmax(1).tolist()
        instead = [
            source[place] for id, place in zip(one.tokens, looked, strict=False) if id == UNKNOWN
        ]
    return {
        "translation": preprocessor.text(one.tokens, instead),
        "log_probability": one.log_probability,
        "score": one.score,
        "finished": one.finished,
    }
