"""The gate is fitted to the validation set, by what both models say of it."""

import torch

from unroll.data.vocabulary import ids_read
from unroll.models.language import LanguageModel
from unroll.tasks.language.calibration import calibrate
from unroll.tasks.language.floor import fit_floor


def test_a_network_that_knows_nothing_gets_a_share_of_nothing(prepared):
    corpus, settings = prepared()
    floor = fit_floor(corpus.train, corpus.valid, corpus.vocabulary, settings)
    network = LanguageModel(
        len(corpus.vocabulary), 4, 8, gated=True, ids_read=ids_read(corpus.vocabulary)
    )
    (sentence,) = calibrate(network, floor, corpus.valid, torch.device("cpu"))
    assert "the network has 0% of the probability" in sentence and "floor=none" in sentence
