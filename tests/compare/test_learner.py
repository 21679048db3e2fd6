import pytest
import torch

from unroll.compare.adding import Adding
from unroll.compare.copying import Copying
from unroll.compare.learner import Learner, accuracy_of, learn
from unroll.compare.spelling import Spelling


def made(problem, cell="rnn", **options):
    torch.manual_seed(1)
    return Learner(problem, cell, 8, **options)


def test_the_loss_is_the_cross_entropy_of_what_is_asked():
    problem = Copying()
    learner, drawn = made(problem), problem.sequences(2, 3, torch.Generator().manual_seed(1))
    log = learner(drawn.x).log_softmax(-1)
    by_hand = [
        -log[t, b, drawn.targets[t, b]]
        for t in range(len(drawn.x))
        for b in range(3)
        if drawn.targets[t, b] >= 0
    ]
    torch.testing.assert_close(learner.loss(drawn), torch.stack(by_hand).mean())
    sums = Adding()
    learner, drawn = made(sums, "gru"), sums.sequences(4, 3, torch.Generator().manual_seed(1))
    by_hand = ((learner(drawn.x) - drawn.targets) ** 2).mean()
    torch.testing.assert_close(learner.loss(drawn), by_hand)


def test_learning_follows_from_the_seed():
    problem = Spelling()
    one, two = (learn(problem, made(problem), 2, steps=20) for _ in range(2))
    assert one.losses == two.losses and one.accuracy == two.accuracy
    assert one.steps == 20 and one.parameters == 4 * 8 + 8 * 8 + 16 + 8 * 4 + 4


def test_hello_is_learned():
    problem, shares = Spelling(), []
    found = learn(problem, made(problem, "lstm"), 1, steps=200, rate=0.02, progress=shares.append)
    assert set(found.accuracy.values()) == {1.0} and shares[-1] == 1
    assert found.losses[200] < 0.1 < found.losses[4]


def test_seconds_end_it_and_a_loss_that_is_not_finite_is_told():
    problem = Spelling()
    assert learn(problem, made(problem), 1, steps=10**6, seconds=0.05).steps < 10**6
    learner = made(problem)
    with torch.no_grad():
        learner.output.weight.fill_(float("inf"))
    assert learn(problem, learner, 1, steps=5).diverged


def test_measuring_changes_nothing():
    problem = Copying()
    learner = made(problem)
    assert accuracy_of(problem, learner) == accuracy_of(problem, learner)


def test_clipping_bounds_the_step_of_sgd_and_the_norm_before_it_is_kept():
    torch.manual_seed(1)
    learner = Learner(Adding(), "rnn_relu", 8, "identity", gain=1.2)
    before = [p.detach().clone() for p in learner.parameters()]
    learned = learn(Adding(), learner, 1, steps=1, rate=0.1, clip=0.5, optimizer="sgd")
    moved = sum(
        float((p - q).detach().square().sum())
        for p, q in zip(learner.parameters(), before, strict=True)
    )
    assert moved**0.5 == pytest.approx(0.1 * 0.5, rel=1e-3)
    assert learned.gradient_norms[1] > 0.5 and "times 1.2" in learner.start


def test_truncation_cuts_the_gradient_and_not_the_state():
    torch.manual_seed(1)
    whole = Learner(Adding(), "lstm", 4)
    torch.manual_seed(1)
    cut = Learner(Adding(), "lstm", 4, truncate=3)
    x = torch.randn(8, 2, 2, requires_grad=True)
    torch.testing.assert_close(cut(x), whole(x))
    (gradient,) = torch.autograd.grad(cut(x).sum(), x)
    assert not gradient[:6].any() and gradient[6:].any()
