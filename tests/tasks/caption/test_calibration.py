"""What counts in the choice of a caption, fitted on the validation set."""

import copy
from dataclasses import replace

import torch

from unroll.tasks.caption.calibration import PRIORS, choices, describe_choice, fit_choice
from unroll.tasks.caption.reader import read_captions


def test_the_best_choice_is_found(run, place):
    valid = read_captions("captions.tsv", run.settings, run.preprocessor).valid
    shares = []
    choice, scores = fit_choice(run.trained, valid, shares.append)
    assert list(scores) == choices(run.trained)
    written = [score for each, score in scores.items() if each.weight < 1]
    assert choice.weight == 1 or scores[choice] == max(written)
    floor = run.preprocessor.floor
    assert (choice.prior, choice.weight) == (float(run.model.prior), floor.weight)
    assert (choice.by, choice.count) == (floor.by, floor.count) and shares[-1] == 1.0
    similar, prior = describe_choice(choice, scores)
    assert f"a weight of {choice.prior:.0%} (--set prior=N)" in prior
    assert f"{scores[choice]:.3f} together" in similar and "(--set floor=none" in similar


def test_without_known_images_only_the_prior_is_fitted(run, place):
    alone = replace(run.trained, preprocessor=replace(run.preprocessor, floor=None))
    assert [each.prior for each in choices(alone)] == list(PRIORS)
    given = replace(alone, settings=alone.settings.model_copy(update={"prior": 0.3}))
    assert [each.prior for each in choices(given)] == [0.3]


def test_similar_images_are_trusted_where_the_network_is_not_clearly_better(run, place):
    valid = read_captions("captions.tsv", run.settings, run.preprocessor).valid
    hurried = replace(run.trained, seconds=0.0)  # similar images of one group
    choice, scores = fit_choice(hurried, valid, lambda share: None)
    assert list(scores) == [each for each in choices(hurried) if each.weight == 1]
    assert scores[choice] == max(scores.values())
    assert "too few --seconds to try" in describe_choice(choice, scores)[0]
    untrained = copy.deepcopy(run.model)
    torch.nn.init.normal_(untrained.combine.weight)
    worse = replace(run.trained, model=untrained)
    choice, scores = fit_choice(worse, valid, lambda share: None)
    assert choice.weight == 1 and scores[choice] > 5
