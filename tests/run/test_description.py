"""What a run reports at its start."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from torch import nn

from unroll.run.description import describe_memory, describe_model, describe_run, describe_training
from unroll.settings import RecurrentSettings, settings_from


def made(**values):
    known = {"hidden": 8, "learning_rate": 0.01, "batch_size": 4}
    return settings_from(RecurrentSettings, known | values)


OBJECTIVE = SimpleNamespace(model=nn.Linear(3, 2), closed_form=False)


def test_the_model_is_described_with_its_flags():
    settings = made(embedding=6, dropout=0.25, cell="gru", cell_options={"x": 1}, layers=2)
    assert describe_model(settings, OBJECTIVE) == (
        "Model: gru {'x': 1} 2x8 (--cell --layers --hidden), embedding 6, dropout 0.25, "
        "8 parameters."
    )
    network = nn.Linear(3, 2)
    network.initialised = "orthogonal recurrent weights"
    started = SimpleNamespace(model=network, closed_form=False)
    assert describe_model(made(), started).endswith("8 parameters; orthogonal recurrent weights.")


@pytest.mark.parametrize(
    ("values", "budget"),
    [
        ({}, "300 seconds (--seconds, --steps or --epochs)"),
        ({"seconds": 90}, "90 seconds"),
        ({"steps": 20}, "20 steps"),
    ],
)
def test_the_budget_and_the_optimizer_are_described(values, budget):
    sentence = describe_training(made(**values), OBJECTIVE)
    assert sentence == f"Training: {budget}, adamw, learning rate 0.01, cosine, batches of 4."


def test_a_read_out_in_closed_form_is_not_trained():
    solved = SimpleNamespace(model=OBJECTIVE.model, closed_form=True)
    assert describe_training(made(), solved) == (
        "Training: the read-out alone, in closed form (--readout gradient|ridge)."
    )


def test_bounded_memory_is_described():
    assert describe_memory(made()) == []
    assert "at most 1GB of tensors" in describe_memory(made(memory="1GB"))[0]
    assert "every 64 steps" in describe_memory(made(segment_length=64))[0]
    assert "the square root of its length" in describe_memory(made(segment_length="auto"))[0]


def test_where_it_runs_comes_last():
    lines = describe_run(made(), OBJECTIVE, "2 threads", Path("runs/a"))
    assert lines[-2:] == ["Runs on cpu, 2 threads, auto backend, seed 1.", "Run folder: runs/a"]
