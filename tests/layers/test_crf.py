"""The CRF beside an enumeration of all paths."""

import itertools

import pytest
import torch

from unroll.layers.crf import CRF
from unroll.tasks.tag.schemes import allowed_transitions, scheme_labels


def made(K, seed=0, may=None):
    torch.manual_seed(seed)
    crf = CRF(K, may).double()
    for p in crf.parameters():
        torch.nn.init.normal_(p)
    return crf


def enumerated(crf, scores, length):
    """Every allowed path of one sequence with its score: {path: score}."""
    found = {}
    for path in itertools.product(range(crf.labels), repeat=length):
        forbidden = path and (crf.no_begin[path[0]] or crf.no_end[path[-1]])
        pairs = list(itertools.pairwise(path))
        if forbidden or any(crf.no_pairs[a, b] for a, b in pairs):
            continue
        total = sum((scores[t, k] for t, k in enumerate(path)), torch.zeros((), dtype=scores.dtype))
        total = total + sum(crf.pairs[a, b] for a, b in pairs)
        found[path] = total + crf.begin[path[0]] + crf.end[path[-1]] if path else total
    return found


def some_allowed():
    may = allowed_transitions(scheme_labels(["x"], "BIO"), "BIO")
    return tuple(torch.from_numpy(x) for x in may)


LENGTHS = torch.tensor([4, 1, 0, 3, 2])


@pytest.mark.parametrize("may", [None, some_allowed()], ids=["all", "BIO"])
def test_likelihood_marginals_and_best_path_are_those_of_an_enumeration(may):
    crf = made(3, may=may)
    scores = torch.randn(4, 5, 3, dtype=torch.float64) * 2
    best, marginals = crf.best(scores, LENGTHS), crf.marginals(scores, LENGTHS)
    for b, length in enumerate(LENGTHS.tolist()):
        paths = enumerated(crf, scores[:, b], length)
        normaliser = torch.stack(list(paths.values())).logsumexp(0)
        expected = torch.zeros(4, 3, dtype=torch.float64)
        for path, score in paths.items():
            tags = torch.zeros(4, 5, dtype=torch.long)
            tags[:length, b] = torch.tensor(path, dtype=torch.long)
            got = crf.log_likelihood(scores, tags, LENGTHS)[b]
            torch.testing.assert_close(got, score - normaliser)
            for t, k in enumerate(path):
                expected[t, k] += (score - normaliser).exp().detach()
        torch.testing.assert_close(marginals[:, b], expected)
        assert tuple(best[:length, b].tolist()) == max(paths, key=lambda path: paths[path])
        assert not best[length:, b].any()


def test_forbidden_paths_have_probability_zero():
    crf = made(3, may=some_allowed())
    scores = torch.randn(3, 1, 3, dtype=torch.float64)
    tags = torch.tensor([[0], [2], [2]])  # O I-x I-x
    assert crf.log_likelihood(scores, tags).exp() == 0
    total = sum(
        crf.log_likelihood(scores, torch.tensor(path).unsqueeze(1)).exp()
        for path in itertools.product(range(3), repeat=3)
    )
    torch.testing.assert_close(total, torch.ones(1, dtype=torch.float64))


@pytest.mark.parametrize("may", [None, some_allowed()], ids=["all", "BIO"])
def test_gradients(may):
    crf = made(3, may=may)
    scores = torch.randn(4, 5, 3, dtype=torch.float64, requires_grad=True)
    tags = torch.tensor([[1, 1, 0, 0, 1], [2, 0, 0, 1, 2], [2, 0, 0, 0, 0], [0, 0, 0, 0, 0]])

    def likelihood(scores, *parameters):
        return crf.log_likelihood(scores, tags, LENGTHS)

    assert torch.autograd.gradcheck(likelihood, (scores, *crf.parameters()))


def test_the_gradient_is_that_of_the_enumeration_in_float32_too():
    crf = made(3)
    scores = torch.randn(4, 1, 3, dtype=torch.float64, requires_grad=True)
    torch.stack(list(enumerated(crf, scores[:, 0], 4).values())).logsumexp(0).backward()
    expected, scores.grad = scores.grad, None
    single = CRF(3)
    single.load_state_dict(crf.state_dict())
    x = scores.detach().float().requires_grad_()
    tags = torch.zeros(4, 1, dtype=torch.long)
    own = torch.zeros(4, 1, 3)
    own[:, :, 0] = 1
    single.log_likelihood(x, tags).sum().backward()
    torch.testing.assert_close(own - x.grad, expected.float(), atol=1e-6, rtol=1e-5)


def test_padding_does_not_matter_even_nan():
    crf = made(4)
    scores = torch.randn(5, 2, 4, dtype=torch.float64)
    lengths, tags = torch.tensor([5, 2]), torch.randint(4, (5, 2))
    ill = scores.clone()
    ill[2:, 1] = torch.nan
    for x in (scores, ill):
        x.requires_grad_()
        crf.log_likelihood(x, tags, lengths).sum().backward()
    torch.testing.assert_close(ill.grad, scores.grad)
    alone = crf.log_likelihood(scores[:2, 1:], tags[:2, 1:])
    torch.testing.assert_close(crf.log_likelihood(ill, tags, lengths)[1:], alone)
    torch.testing.assert_close(crf.marginals(ill, lengths), crf.marginals(scores, lengths))
    assert torch.equal(crf.best(ill, lengths), crf.best(scores, lengths))


def test_large_scores_stay_finite():
    crf = CRF(3)
    scores = torch.randn(50, 2, 3) * 1e3
    best = crf.best(scores)
    found = crf.log_likelihood(scores.requires_grad_(), best)
    found.sum().backward()
    roundings = 8 * torch.finfo().eps * float(scores.detach().amax(-1).sum(0).abs().max())
    torch.testing.assert_close(found, torch.zeros(2), atol=roundings, rtol=0)
    assert scores.grad.isfinite().all()


def test_no_steps_and_no_sequences():
    crf = CRF(3)
    nothing = torch.zeros(0, 2, 3, requires_grad=True)
    crf.log_likelihood(nothing, torch.zeros(0, 2, dtype=torch.long)).sum().backward()
    assert crf.best(nothing).shape == (0, 2)
    none = torch.zeros(3, 0, 3)
    assert crf.log_likelihood(none, torch.zeros(3, 0, dtype=torch.long)).shape == (0,)
    assert crf.best(none).shape == (3, 0)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: CRF(0), "labels=0"),
        (lambda: CRF(3).best(torch.zeros(2, 1, 4)), r"expected \[T, B, K=3\]"),
        (lambda: CRF(3).best(torch.zeros(2, 1, 3), torch.tensor([3])), "between 0 and T=2"),
        (lambda: CRF(3, (torch.ones(2),) * 3), r"allowed\[0\]"),
    ],
)
def test_what_does_not_fit_is_told(call, said):
    with pytest.raises(ValueError, match=said):
        call()
