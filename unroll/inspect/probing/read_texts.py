"""The states of a network at every token of many texts: a sample of a file, or texts with labels.

T time, B batch, N tokens of all texts, U units.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unroll.data.encoded import Encoded
from unroll.data.words import GLUE
from unroll.errors import UserError
from unroll.inspect.probing.label_files import LabelledText
from unroll.inspect.recorded_text import record_language_model, record_text
from unroll.inspect.text_windows import read_encoded, text_windows
from unroll.models.language_decoding import start_ids
from unroll.run import LanguageRun, Run
from unroll.training.run_cell import recorded_cell

SAMPLED_TOKENS = 16_000  # of a file
PREDICTED_TOKENS = 5_000  # of a task whose inputs are read one by one
STREAMS = 16  # places of a long text that are read side by side
LONGEST = 600  # tokens of a line
TOGETHER = 64  # lines read side by side
MOST_INPUTS = 5_000  # of a file that a sample is taken of

Progress = Callable[[float], None]


@dataclass(frozen=True)
class LanguageBatch:
    """Texts that a language model reads side by side.

    Attributes:
        ids: [T, B].
        category: [B], or None.
        skip: how many first steps are read but not kept.
        blocks: the number of each text.
        lengths: of each text, without the skipped steps.
    """

    ids: Tensor
    category: Tensor | None
    skip: int
    blocks: list[int]
    lengths: list[int]


@dataclass(frozen=True)
class SampledTexts:
    """Texts for a network to read.

    Attributes:
        source: what they are, for people.
        batches: for a language model; else empty.
        inputs: for a run of another task; else empty.
        labelled: the texts with their labels, where a file has them; else empty.
    """

    source: str
    batches: Sequence[LanguageBatch] = ()
    inputs: Sequence[Any] = ()
    labelled: Sequence[LabelledText] = ()


@dataclass(frozen=True)
class ReadTexts:
    """What a network did at every token of several texts.

    Attributes:
        tokens: of each text.
        activations: of all texts, one after another, [N, U].
        parts: by layer and field, how many of the U units it has, in order.
        spaced: whether tokens are words, with spaces between.
    """

    tokens: list[list[str]]
    activations: Tensor
    parts: dict[str, int]
    spaced: bool

    @property
    def blocks(self) -> Tensor:
        """The number of the text of each token, [N]."""
        counts = torch.tensor([len(text) for text in self.tokens])
        return torch.arange(len(counts)).repeat_interleave(counts)

    @property
    def second_half(self) -> Tensor:
        """Whether a token is in the second half of the texts, or of the only text; bool [N]."""
        blocks, count = self.blocks, len(self.tokens)
        if count == 1:
            return torch.arange(len(blocks)) >= len(blocks) // 2
        return blocks >= count // 2

    def labels(self) -> list[str]:
        """The names of the U units."""
        return [f"{name}[{k}]" for name, count in self.parts.items() for k in range(count)]


def words_are_tokens(run: Run) -> bool:
    """Whether the tokens that a run reads are words, so that a space stands between them."""
    for name in ("vocabulary", "source"):
        level = getattr(getattr(run.preprocessor, name, None), "level", None)
        if level is not None:
            return bool(level == "word")
    return True  # a tagger reads words


def sample_of_file(run: Run, path: str, tokens: int = SAMPLED_TOKENS) -> SampledTexts:
    """Texts of a file, evenly spaced over it.

    Args:
        run: that reads them: a language model, a classifier of texts, a tagger, a translator.
        path: data of the kind that it was trained on.
        tokens: about how many, at most.

    Raises:
        UserError: for a file that the run cannot read.
    """
    if not isinstance(run, LanguageRun):
        trained = replace(run.trained, settings=run.recorded)
        every = list(islice(run.task.read_inputs(trained, path), MOST_INPUTS))
        order = np.random.default_rng(1).permutation(len(every))  # as many are read as suffice
        return SampledTexts(path, inputs=[every[k] for k in order])
    encoded = read_encoded(run, path)
    if encoded.starts is not None:
        return SampledTexts(path, line_batches(encoded, tokens))
    length = max(2, min(encoded.tokens, tokens) // STREAMS)
    windows = text_windows(encoded, length, STREAMS, path)
    ids, skip = torch.cat([windows.before, windows.x]), len(windows.before)
    B = ids.shape[1]
    return SampledTexts(
        path, [LanguageBatch(ids, windows.category, skip, list(range(B)), [length] * B)]
    )


def line_batches(encoded: Encoded, tokens: int) -> list[LanguageBatch]:
    """Lines evenly spaced over a text of separate lines; they begin with the boundary.

    Args:
        encoded: the text.
        tokens: about how many, at most.
    """
    starts = np.asarray(encoded.starts)
    lengths = np.diff(np.append(starts, len(encoded.ids) - 1))
    count = int(min(len(starts), max(1, tokens / max(1.0, lengths.mean()))))
    lines = np.unique(np.linspace(0, len(starts) - 1, count).round().astype(int))
    lines = lines[lengths[lines] > 1]
    ids = [encoded.ids[starts[k] : starts[k] + min(lengths[k], LONGEST)] for k in lines]
    categories = None
    if encoded.categories is not None:
        categories = np.asarray(encoded.categories)[lines]
    return padded_batches([part.astype(np.int64) for part in ids], 1, categories)


def padded_batches(
    ids: Sequence[np.ndarray], skip: int, categories: np.ndarray | None = None
) -> list[LanguageBatch]:
    """Texts of similar lengths side by side; what is read behind the end of a text is not kept.

    Args:
        ids: of each text.
        skip: how many first steps of each are read but not kept.
        categories: of each text, or None.
    """
    order = sorted(range(len(ids)), key=lambda k: len(ids[k]))
    batches = []
    for at in range(0, len(order), TOGETHER):
        rows = order[at : at + TOGETHER]
        together = np.zeros((max(len(ids[k]) for k in rows), len(rows)), dtype=np.int64)
        for column, k in enumerate(rows):
            together[: len(ids[k]), column] = ids[k]
        category = (
            None if categories is None else torch.from_numpy(categories[rows].astype(np.int64))
        )
        lengths = [len(ids[k]) - skip for k in rows]
        batches.append(LanguageBatch(torch.from_numpy(together), category, skip, rows, lengths))
    return batches


def sample_of_labelled(
    run: Run, texts: Sequence[LabelledText], name: str, tokens: int = SAMPLED_TOKENS
) -> SampledTexts:
    """Texts with labels, evenly spaced over their file.

    Args:
        run: that reads them.
        texts: of a file.
        name: of the file.
        tokens: about how many, at most.

    Raises:
        UserError: for a run of a task that reads no text, or that was trained with a condition.
    """
    language = isinstance(run, LanguageRun)
    mean = sum(len(text.words) for text in texts) / len(texts)
    most = tokens if language else min(tokens, PREDICTED_TOKENS)
    count = min(len(texts), max(1, round(most / mean)))
    places = np.unique(np.linspace(0, len(texts) - 1, count).round().astype(int))
    kept = [texts[k] for k in places]
    if not isinstance(run, LanguageRun):
        inputs = [text.words if run.task_name == "tag" else text.text for text in kept]
        return SampledTexts(name, inputs=inputs, labelled=kept)
    if run.categories:
        raise UserError(
            f"{run.path} was trained with a condition, and a file of labels has none. Use a rule: "
            "--probe NAME=REGEX."
        )
    before = start_ids(run.vocabulary, run.settings.per_line)
    ids = [np.append(before, run.vocabulary.encode(text.text)).astype(np.int64) for text in kept]
    full = [k for k, own in enumerate(ids) if len(own) > len(before)]
    batches = padded_batches([ids[k] for k in full], len(before))
    return SampledTexts(name, batches, labelled=[kept[k] for k in full])


def read_with(
    run: Run,
    sample: SampledTexts,
    network: nn.Module | None = None,
    progress: Progress | None = None,
) -> ReadTexts:
    """Read texts with the network of a run, or with another of the same kind in its place.

    Args:
        run: that knows the vocabulary.
        sample: the texts.
        network: in place of the run's own.
        progress: called with the share that is done.

    Raises:
        UserError: for texts that the run cannot read.
    """
    if network is not None:
        run = copy.copy(run)
        run.model = network.to(run.device).eval()
    read = (
        read_batches(run, sample, progress)
        if sample.batches
        else read_inputs(run, sample, progress)
    )
    tokens, states = zip(*read, strict=True)
    # for a word of one letter a layer over letters looks like one over words
    names = [name for name in states[0] if all(name in own for own in states)]
    parts = {name: states[0][name].shape[1] for name in names}
    activations = torch.cat([torch.cat([own[name] for name in names], 1) for own in states])
    return ReadTexts(list(tokens), activations, parts, words_are_tokens(run))


Text = tuple[list[str], dict[str, Tensor]]  # tokens, and [T, H] by layer and field


def read_batches(run: Any, sample: SampledTexts, progress: Progress | None) -> list[Text]:
    """Every text of the batches of a language model."""
    found: dict[int, Text] = {}
    for n, batch in enumerate(sample.batches):
        record = record_language_model(
            run, batch.ids, batch.category, batch.skip, with_guesses=False
        )
        for column, (block, length) in enumerate(zip(batch.blocks, batch.lengths, strict=True)):
            tokens = record.tokens[column][:length]
            if sample.labelled:
                tokens = written_tokens(run, sample.labelled[block].text, tokens)
            states = {name: s[:length, column].clone() for name, s in record.states.items()}
            found[block] = tokens, states
        if progress is not None:
            progress((n + 1) / len(sample.batches))
    return [found[block] for block in sorted(found)]


def written_tokens(run: LanguageRun, text: str, names: list[str]) -> list[str]:
    """The tokens of a text as they are written in it: unknown words too."""
    split = getattr(run.vocabulary, "tokens", None)
    tokens = list(text) if run.vocabulary.level == "char" else names
    if split is not None:
        tokens = [token.removeprefix(GLUE) if len(token) > 1 else token for token in split(text)]
    return tokens if len(tokens) == len(names) else names


def read_inputs(run: Run, sample: SampledTexts, progress: Progress | None) -> list[Text]:
    """Texts that a tagger, a classifier or a translator reads, one by one, until there are enough."""
    found, total = [], 0
    for n, value in enumerate(sample.inputs):
        record = record_text(run, value)
        states = {name: s[:, 0] for name, s in record.states.items()}
        found.append((record.tokens[0], states))
        total += len(record.tokens[0])
        if progress is not None:
            progress(max(total / PREDICTED_TOKENS, (n + 1) / len(sample.inputs)))
        if total >= PREDICTED_TOKENS and not sample.labelled:
            break
    if not found:
        raise UserError(f"{sample.source} has no text; expected at least one.")
    return found


def untrained_network(run: Run) -> nn.Module:
    """The network of a run as it was drawn from the seed of the run, before training."""
    # the cell file of the run, if it has one, was trusted where the run was loaded
    cell = recorded_cell(run.folder, run.recorded, trust_code=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.recorded.seed)
        network: nn.Module = run.task.build_network(run.recorded, run.preprocessor, cell.make)
    return network


def own_data(run: Run) -> str | None:
    """The data of a run, where its file still exists."""
    path = str(run.config["data"]["path"])
    return path if path != "-" and Path(path).exists() else None
