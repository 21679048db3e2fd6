"""What a language model shows: samples, the surprise of each token, and loss by what was read before.

T time, B windows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from unroll.data.encoded import Encoded
from unroll.data.padding import pad_sequences
from unroll.data.split import evenly_spread
from unroll.data.stream import TokenBatch
from unroll.models import language_decoding
from unroll.models.kneser_ney import KneserNey
from unroll.models.language import LanguageModel
from unroll.models.mixture import MixedLanguageModel, NgramReader, gather_evidence
from unroll.tasks.base import Progress, Trained
from unroll.tasks.language.preprocessor import LanguagePreprocessor
from unroll.tasks.language.reader import Corpus
from unroll.tasks.language.settings import LanguageSettings
from unroll.tasks.pictures import PredictedText, TaskPicture, TextSample, mean_by_place

WINDOWS, STEPS = 64, 200  # texts that are read from an empty state, and the tokens of each
SHOWN = 400  # tokens whose surprise is shown
LENGTH = 240  # tokens of a sample
TEMPERATURES = (0.5, 1.0)
SEED = 1
UNITS = {"char": "characters", "word": "words", "bpe": "pieces of words"}
OWN, NETWORK = "this run", "network alone"


def predicted_text(
    trained: Trained[LanguageSettings, LanguagePreprocessor, LanguageModel],
    data: Corpus,
    progress: Progress,
) -> Iterator[TaskPicture]:
    """Samples at two temperatures, and parts of the validation set read from an empty state.

    Args:
        trained: the model.
        data: with the n-grams of the training set, where there are some.
        progress: called with the share that is done.
    """
    floor = trained.preprocessor.floor
    ngrams = None if floor is None else floor.ngrams
    windows, categories = text_windows(data.valid)
    own, network = window_nats(trained, ngrams, windows, categories, progress)
    loss = {OWN: mean_by_place(own)}
    if ngrams is not None and trained.model.gate is not None:
        loss[NETWORK] = mean_by_place(network)
    first = max(range(len(windows)), key=lambda k: min(len(windows[k]), SHOWN))
    vocabulary = data.vocabulary
    yield PredictedText(
        samples=[
            write_sample(trained, ngrams, temperature, windows[first])
            for temperature in TEMPERATURES
        ],
        tokens=[vocabulary.decode([int(id)]) for id in windows[first][1 : SHOWN + 1]],
        nats=own[first][:SHOWN].tolist(),
        loss=loss,
        windows=len(windows),
        unit=UNITS[trained.settings.level],
    )


def text_windows(encoded: Encoded) -> tuple[list[np.ndarray], list[int] | None]:
    """Ids of lines, or of parts of a text, evenly spread; and their categories where lines have some."""
    if encoded.starts is not None:
        ends = [*encoded.starts[1:], len(encoded.ids) - 1]
        rows = evenly_spread(len(encoded.starts), WINDOWS)
        lines = [
            np.asarray(encoded.ids[encoded.starts[k] : ends[k] + 1][: STEPS + 1]) for k in rows
        ]
        categories = None
        if encoded.categories is not None:
            categories = [int(encoded.categories[k]) for k in rows]
        return lines, categories
    size = min(STEPS + 1, len(encoded.ids))
    count = max(1, min(WINDOWS, len(encoded.ids) // size))
    starts = np.linspace(0, len(encoded.ids) - size, count).round().astype(int)
    return [np.asarray(encoded.ids[at : at + size]) for at in starts], None


@torch.no_grad()
def window_nats(
    trained: Trained[LanguageSettings, LanguagePreprocessor, LanguageModel],
    ngrams: KneserNey | None,
    windows: list[np.ndarray],
    categories: list[int] | None,
    progress: Progress,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """-ln p of every token of each window but the first: by network and n-grams, and by the network.

    Args:
        trained: the model.
        ngrams: that it is mixed with, or None.
        windows: ids of each.
        categories: of each, or None.
        progress: called with the share that is done.
    """
    network, device = trained.model.eval(), trained.device
    own, alone = list[np.ndarray](), list[np.ndarray]()
    for at in range(0, len(windows), 16):
        some = windows[at : at + 16]
        lengths = torch.tensor([len(each) - 1 for each in some])
        x = pad_sequences([each[:-1].astype(np.int64) for each in some])[0]
        y = pad_sequences([each[1:].astype(np.int64) for each in some])[0]
        category = None if categories is None else torch.tensor(categories[at : at + 16])
        batch = TokenBatch(x, y, fresh=True, lengths=lengths, category=category).to(device)
        reader = None if ngrams is None else NgramReader(ngrams)
        evidence, _ = gather_evidence(network, reader, batch)
        mixed = evidence.network
        if ngrams is not None and network.gate is not None:
            mixed = network.gate.log_mixture(evidence)
        for k, each in enumerate(some):
            own.append(-mixed[: len(each) - 1, k])
            alone.append(-evidence.network[: len(each) - 1, k])
        progress((at + len(some)) / len(windows))
    return own, alone


def write_sample(
    trained: Trained[LanguageSettings, LanguagePreprocessor, LanguageModel],
    ngrams: KneserNey | None,
    temperature: float,
    window: np.ndarray,
) -> TextSample:
    """A text that the run writes by itself; of a run with conditions under the first one."""
    model = trained.model.eval()
    predictor = model if ngrams is None else MixedLanguageModel(model, ngrams)
    categories = trained.preprocessor.categories
    pieces = language_decoding.generate(
        predictor,
        trained.preprocessor.vocabulary,
        "",
        length=LENGTH,
        temperature=temperature,
        top_k=0,
        top_p=1.0,
        seed=SEED,
        per_line=trained.settings.per_line,
        category=0 if categories else None,
        unknown=False,
    )
    prompt = f"(condition {categories[0]})" if categories else ""
    return TextSample(temperature, prompt, "".join(pieces))
