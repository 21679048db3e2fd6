"""Train character networks on raw text, before the tagger itself is trained.

T time, B batch, H units, V characters.
"""

from __future__ import annotations

import math
from itertools import chain
from time import monotonic

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from unroll.cells import State, map_state
from unroll.counting import counted
from unroll.data.characters import CharacterVocabulary
from unroll.data.encoded import Encoded
from unroll.data.stream import BlockStream
from unroll.data.text import text_source
from unroll.errors import UserError
from unroll.tasks.base import Log
from unroll.tasks.tag.raw_text import CharacterNetworks, RawText, new_networks
from unroll.tasks.tag.settings import TagSettings

RAW_STEPS, RAW_PART = 1000, 1 / 4  # steps without a budget of seconds; the share of one
MOST_CHARACTERS, FEWEST_CHARACTERS = 50_000_000, 1000  # of a raw text
MOST_LETTERS = 500  # characters that are told apart
STREAMS, BLOCK = 32, 64  # characters side by side, and one after the other, in a step
RATE, CLIP = 4e-3, 1.0
HELD_OUT, MOST_HELD_OUT, HELD_OUT_STREAMS = 0.05, 20_000, 10  # of the text, to measure by


def learn_raw_text(path: str, settings: TagSettings, log: Log) -> RawText:
    """Character networks that know a raw text.

    Args:
        path: of the text.
        settings: sizes, budget and seed.
        log: takes what is read, and how well it is known in the end.

    Raises:
        UserError: where there is no text, or hardly any.
    """
    text = read_raw_text(path)
    alphabet = CharacterVocabulary.learn([text], min_count=2, size=MOST_LETTERS)
    ids = alphabet.encode(text).astype(np.uint16)
    border = len(ids) - min(MOST_HELD_OUT, int(HELD_OUT * len(ids)))
    networks = new_networks(len(alphabet), settings.raw_size, settings.seed)
    budget = counted(settings.raw_steps or RAW_STEPS, "step")
    seconds = None
    if settings.raw_steps is None and settings.seconds is not None:
        seconds = RAW_PART * settings.seconds
        budget = f"{seconds:g} s"
    log(
        f"{path}: {counted(len(text), 'character')} of raw text, {len(alphabet):,} letters; two networks "
        f"of {counted(settings.raw_size, 'unit')} learn it for {budget} (--set raw_size=N, raw_steps=N)."
    )
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    steps = train_networks(networks, ids[:border], settings, seconds)
    raw = RawText(networks, alphabet, settings.raw_size)
    log(
        f"The raw text is known after {counted(steps, 'step')}: {unseen_nats(networks, ids[border:]):.3f} "
        "nats per character on the end of the text, which was held out."
    )
    return raw


def read_raw_text(path: str) -> str:
    """A text whole, or the first 50 million characters of it; documents are put end to end.

    Raises:
        UserError: where there is no text, or hardly any.
    """
    if path == "-":
        raise UserError("--set raw=- is not possible; expected the path of a text, in a file.")
    pieces: list[str] = []
    size = 0
    for document in text_source(path).documents():
        for piece in chain(["\n"] if pieces else [], document):
            pieces.append(piece)
            size += len(piece)
            if size >= MOST_CHARACTERS:
                return "".join(pieces)[:MOST_CHARACTERS]
    text = "".join(pieces)
    if len(text.strip()) < FEWEST_CHARACTERS:
        raise UserError(
            f"--set raw={path}: a text of {counted(len(text.strip()), 'character')}; expected at least "
            f"{FEWEST_CHARACTERS:,}, better millions, of the kind that is tagged."
        )
    return text


def train_networks(
    networks: CharacterNetworks, ids: np.ndarray, settings: TagSettings, seconds: float | None
) -> int:
    """Adam on the cross-entropy of the next character in each direction, at a rate that falls to zero.

    Args:
        networks: are trained.
        ids: the text, [characters].
        settings: the number of steps, and the seed.
        seconds: that it may take, in place of steps.

    Returns:
        How many steps were taken.
    """
    streams = max(1, min(STREAMS, len(ids) // (4 * BLOCK)))
    sides = [
        (model, BlockStream(Encoded(own, len(own), 0), streams, BLOCK, settings.seed))
        for model, own in ((networks.forwards, ids), (networks.backwards, ids[::-1]))
    ]
    optimizer = torch.optim.Adam(networks.parameters(), lr=RATE)
    states: list[State | None] = [None, None]
    begun, steps = monotonic(), settings.raw_steps or RAW_STEPS
    networks.train()
    step, share = 0, 0.0
    while share < 1:
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 + math.cos(math.pi * share)) / 2
        optimizer.zero_grad()
        for k, (model, stream) in enumerate(sides):
            batch = stream.batch(step)
            loss, state = model.loss(batch.x, batch.y, None if batch.fresh else states[k])
            (loss / batch.tokens).backward()
            states[k] = map_state(Tensor.detach, state)
        clip_grad_norm_(networks.parameters(), CLIP)
        optimizer.step()
        step += 1
        share = step / steps if seconds is None else (monotonic() - begun) / seconds
    return step


@torch.no_grad()
def unseen_nats(networks: CharacterNetworks, ids: np.ndarray) -> float:
    """The cross-entropy of both networks on characters that they have not learned, in nats each.

    Args:
        networks: trained.
        ids: the text, [characters]; read as several texts side by side.
    """
    length = len(ids) // HELD_OUT_STREAMS
    rows = ids[: length * HELD_OUT_STREAMS].astype(np.int64).reshape(HELD_OUT_STREAMS, length)
    columns = torch.from_numpy(rows).t()
    sides = ((networks.forwards, columns), (networks.backwards, columns.flip(0)))
    nats = sum(float(model.loss(own[:-1], own[1:])[0]) for model, own in sides)
    return nats / (2 * HELD_OUT_STREAMS * (length - 1))
