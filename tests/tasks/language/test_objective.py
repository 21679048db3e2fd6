"""The objective: every kind of batch has a loss, and the state is carried where it should be."""

import pytest
import torch

from unroll.cells import GRUCell
from unroll.models.language import LanguageModel
from unroll.tasks.language.objective import LanguageObjective
from unroll.tasks.language.preprocessor import LanguagePreprocessor
from unroll.tasks.language.settings import LanguageSettings
from unroll.tasks.language.task import LanguageTask


def objective_of(corpus, settings):
    preprocessor = LanguagePreprocessor(corpus.vocabulary, corpus.categories)
    network = LanguageTask().build_network(settings, preprocessor, GRUCell)
    return LanguageObjective(network, corpus, settings, torch.device("cpu"))


@pytest.mark.parametrize(
    ("options", "carried"),
    [
        ({}, True),
        ({"state": "reset"}, False),
        ({"per_line": True}, False),
        ({"truncation": "overlapping", "k1": 4, "k2": 8}, True),
        ({"truncation": "randomised", "k1": 4, "k2": 8}, True),
        ({"online": "snap1"}, True),
    ],
)
def test_a_batch_has_a_loss_and_a_state_where_one_is_carried(prepared, options, carried):
    objective = objective_of(*prepared(**options))
    assert (objective.initial_state() is not None) == carried
    assert objective.batch(0).fresh
    batch = objective.batch(3)
    assert batch.tokens > 0 and batch.ragged == bool(options.get("per_line"))
    total, state = batch.loss(objective.initial_state())
    assert 0.5 < float(total.detach()) / batch.tokens < 10 and (state is not None) == carried


def test_the_same_number_is_the_same_batch(prepared):
    objective = objective_of(*prepared())
    objective.model.eval()
    losses = [float(objective.batch(k).loss(None)[0].detach()) for k in (3, 1, 3)]
    assert losses[0] == losses[2] != losses[1]


def test_it_evaluates_and_samples(prepared):
    objective = objective_of(*prepared())
    assert set(objective.evaluate()) == {"loss", "bits_per_character", "perplexity"}
    assert isinstance(objective.sample(), str)


def test_the_validation_set_can_be_learned_from_too(prepared):
    corpus, settings = prepared(batch_size=2)
    objective = objective_of(corpus, settings)
    whole = objective.with_validation_set()
    assert whole.network is objective.network
    ids = whole.corpus.train.ids
    assert len(ids) == 5 * corpus.valid.tokens + 1
    assert ids[-corpus.valid.tokens :].tolist() == corpus.valid.ids[1:].tolist()
    assert whole.evaluate() == objective.evaluate()


def test_lines_of_the_validation_set_are_among_all_lines(prepared):
    corpus, settings = prepared(per_line=True, batch_size=4)
    whole = objective_of(corpus, settings).with_validation_set()
    lines = whole.corpus.train
    assert len(lines.starts) == len(corpus.train.starts) + len(corpus.valid.starts)
    boundary = corpus.vocabulary.boundary
    assert (lines.ids[lines.starts] == boundary).all() and lines.ids[-1] == boundary


@pytest.mark.parametrize("options", [{}, {"per_line": True}])
def test_an_evaluation_may_read_fewer_tokens(prepared, options, monkeypatch):
    monkeypatch.setattr("unroll.tasks.language.objective.FEWEST_TOKENS", 8)
    objective = objective_of(*prepared(**options))
    everything, tokens = objective.evaluate(), objective.evaluated.tokens
    assert 0 < objective.limit_evaluation(0.5) <= 0.51
    assert objective.evaluated.tokens < 0.6 * tokens
    assert objective.limit_evaluation(1.0) == 1 and objective.evaluate() == everything


def test_one_stream_after_the_other_begins_with_an_empty_state(prepared):
    corpus, settings = prepared(level="word", batch_size=3, block=4, dropout=0.0, weight_drop=0.0)
    assert settings.restarts
    torch.manual_seed(0)
    network = LanguageModel(len(corpus.vocabulary), 8, 8)
    objective = LanguageObjective(network, corpus, settings, torch.device("cpu"))
    plain = LanguageObjective(
        network, corpus, settings.model_copy(update={"restarts": False}), torch.device("cpu")
    )
    state = plain.batch(0).loss(None)[1]
    (h, c), (batch, number) = state[0], (plain.batches.batch(1), 1)
    kept = torch.tensor([1.0, 0.0, 1.0])[None, :, None]  # of stream `number`
    expected, _ = network.loss(batch.x, batch.y, ((h * kept, c * kept),))
    found, _ = objective.batch(number).loss(state)
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(found, plain.batch(number).loss(state)[0])


def test_only_streams_that_carry_their_state_can_restart(prepared):
    assert not prepared(level="word", per_line=True)[1].restarts
    assert not prepared()[1].restarts and not prepared(level="word", state="reset")[1].restarts
    with pytest.raises(ValueError, match="restarts is for streams whose state is carried"):
        LanguageSettings(level="word", per_line=True, restarts=True)
