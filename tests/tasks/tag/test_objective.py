"""What is minimised falls, and the validation set decides which weights are kept."""

import random

import pytest
import torch

import unroll
from unroll.settings import settings_from
from unroll.tasks.tag.objective import TagObjective
from unroll.tasks.tag.settings import TagSettings
from unroll.tasks.tag.task import TagTask


def begin(file, log=lambda sentence: None, **given):
    """The objective, and its data, as they are when training starts."""
    task, make_cell = TagTask(), unroll.layers.recurrent.cell_factory("lstm")
    settings = task.resolve_sizes(settings_from(TagSettings, given), make_cell)
    data = task.read(str(file), settings, log)
    settings = task.resolve(settings, data)
    torch.manual_seed(settings.seed)
    network = task.build_network(settings, data.preprocessor, make_cell)
    return TagObjective(network, data, settings, torch.device("cpu")), data


@pytest.mark.parametrize("output", ["crf", "softmax"])
def test_32_sentences_are_memorised(tmp_path, output):
    draw, rows = random.Random(4), []
    for _ in range(32):
        length = draw.randint(1, 9)
        rows += [f"{draw.choice('abcdefgh')} {draw.choice(['N', 'V', 'A'])}" for _ in range(length)]
        rows.append("")
    file = tmp_path / "random.conll"
    file.write_text("\n".join(rows))
    objective, data = begin(
        file, hidden=48, batch_size=32, output=output, valid=str(file), dropout=0.0,
        dropout_input=0.0, word_dropout=0.0,
    )  # fmt: skip
    assert data.duplicates == 32
    optimizer = torch.optim.Adam(objective.model.parameters(), 0.01)
    for step in range(150):
        batch = objective.batch(step)
        total, state = batch.loss(None)
        assert state is None
        optimizer.zero_grad()
        (total / batch.tokens).backward()
        optimizer.step()
    # the same words in the same sentence may have two tags only where sentences are the same
    assert objective.evaluate()["loss"] < 0.05


def test_the_loss_decides_while_nothing_is_right(file):
    objective, _ = begin(file, hidden=4, embedding=4, characters=2)
    with torch.no_grad():
        objective.network.output.bias[0] = 100.0  # outside all spans
    metrics = objective.evaluate()
    assert metrics["f1"] == 0 and metrics["error"] == 1 + metrics["loss"]
    assert objective.batch(0).ragged and objective.unit == "words"
