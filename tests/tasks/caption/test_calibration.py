"""How much known captions count, fitted on the validation set."""

from unroll.tasks.caption.calibration import PRIORS, describe_prior, fit_prior
from unroll.tasks.caption.reader import read_captions


def test_the_best_prior_is_chosen(run, place):
    valid = read_captions("captions.tsv", run.settings, run.preprocessor).valid
    shares = []
    prior, scores = fit_prior(run.trained, valid, shares.append)
    assert tuple(scores) == PRIORS and scores[prior] == max(scores.values())
    assert prior == float(run.model.prior) and shares[-1] == 1.0
    assert f"a weight of {prior:.0%} (--set prior=N)" in describe_prior(prior, scores)
