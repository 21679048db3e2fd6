"""The search that the settings ask for, and files that are read in chunks."""

from pathlib import Path

import pytest
import torch

import unroll
from tests.tasks.transcribe.test_floor import model as simple_model
from unroll.errors import UserError
from unroll.tasks.base import Trained
from unroll.tasks.transcribe.ctc import beam_search, greedy
from unroll.tasks.transcribe.decoding import Decoder, Recogniser, check_search, log_probabilities
from unroll.tasks.transcribe.settings import TranscribeSettings


def trained(data, settings, network, **changes):
    settings = settings.model_copy(update=changes)
    return Trained(network, data.preprocessor, settings, torch.device("cpu"), Path())


def test_settings_of_the_search_that_do_not_fit_together():
    with pytest.raises(UserError, match="beam=16"):
        check_search(TranscribeSettings(language_model="run"))
    with pytest.raises(UserError, match="for a run that streams"):
        check_search(TranscribeSettings(chunk=0.1))
    check_search(TranscribeSettings(chunk=0.1, streaming=True, beam=4, language_model="run"))


def test_the_width_of_the_beam_chooses_the_search(untrained):
    found = untrained()
    log_p = torch.randn(12, 5, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    assert Decoder(trained(*found))(log_p) == greedy(log_p[:, None])[0]
    assert Decoder(trained(*found, beam=4))(log_p) == beam_search(log_p, 4)[0]


def test_a_simple_model_of_other_statistics_is_refused(untrained):
    data, *others = untrained()
    with pytest.raises(UserError, match="statistics of a recording"):
        Recogniser(trained(data.with_floor(simple_model()), *others))


def test_a_file_in_chunks_gives_what_the_whole_file_gives(untrained):
    found = untrained(streaming=True, subsample=2)
    raw = found[0].train.raw(0)
    with unroll.backend("loop"):  # nothing of this size is worth compiling
        whole = log_probabilities(trained(*found), raw, None)
        chunks = log_probabilities(trained(*found, chunk=0.03), raw, None)
    torch.testing.assert_close(chunks, whole, rtol=0, atol=1e-5)
