"""Attention for all steps at once is a plain loop over sequences, steps and places."""

import pytest
import torch

from unroll.layers.attention import Attention

T, S, B, Q, K = 4, 5, 3, 6, 6
LENGTHS = [5, 1, 3]


def by_hand(attention, queries, keys, lengths):
    """The equations, one number at a time."""
    context, weights = torch.zeros(T, B, K).double(), torch.zeros(T, B, S).double()
    for b in range(B):
        covered = torch.zeros(S).double()
        for t in range(T):
            q, scores = queries[t, b], []
            for i in range(lengths[b]):
                k = keys[i, b]
                if attention.kind == "dot":
                    e = q @ k
                elif attention.kind == "general":
                    e = q @ (attention.project.weight @ k)
                else:
                    seen = torch.tanh(attention.ask(q) + attention.project.weight @ k)
                    e = attention.judge.weight[0] @ seen
                if attention.coverage is not None:
                    e = e + attention.coverage * covered[i]
                scores.append(e)
            a = torch.stack(scores).softmax(0)
            weights[t, b, : lengths[b]] = a
            covered[: lengths[b]] += a
            context[t, b] = sum(a[i] * keys[i, b] for i in range(lengths[b]))
    return context, weights


@pytest.mark.parametrize("coverage", [False, True])
@pytest.mark.parametrize("kind", ["dot", "general", "additive"])
def test_equals_the_plain_loop(kind, coverage):
    attention = Attention(Q, K, kind, coverage=coverage).double()
    if coverage:
        torch.nn.init.constant_(attention.coverage, -2.0)
    queries, keys = torch.randn(T, B, Q).double(), torch.randn(S, B, K).double()
    memory = attention.remember(keys, torch.tensor(LENGTHS))
    context, weights = attention(queries, memory)
    expected = by_hand(attention, queries, keys, LENGTHS)
    torch.testing.assert_close((context, weights), expected)
    torch.testing.assert_close(weights.sum(2), torch.ones(T, B).double())

    steps, covered = [], torch.zeros(B, S).double()
    for query in queries:  # as a decoder asks that goes a step at a time
        step, seen = attention(query[None], memory, covered)
        steps.append(step[0])
        covered = covered + seen[0]
    torch.testing.assert_close(torch.stack(steps), context)


def test_padding_reaches_nothing():
    attention = Attention(Q, K)
    queries, keys = torch.randn(T, B, Q), torch.randn(S, B, K, requires_grad=True)
    context, weights = attention(queries, attention.remember(keys, torch.tensor(LENGTHS)))
    short, _ = attention(queries[:, 1:2], attention.remember(keys[:1, 1:2]))
    torch.testing.assert_close(context[:, 1:2], short)
    assert (weights[:, 2, 3:] == 0).all()
    context.sum().backward()
    assert (keys.grad[3:, 2] == 0).all() and (keys.grad[1:, 1] == 0).all()


def test_a_sequence_without_keys_gives_zeros():
    attention = Attention(Q, K)
    memory = attention.remember(torch.zeros(S, B, K), torch.tensor([5, 0, 3]))
    context, weights = attention(torch.randn(T, B, Q), memory)
    assert (context[:, 1] == 0).all() and (weights[:, 1] == 0).all() and context.isfinite().all()


def test_gradients():
    attention = Attention(3, 2, "additive", coverage=True).double()
    memory_of = lambda keys: attention.remember(keys, torch.tensor([3, 2]))  # noqa: E731
    inputs = [torch.randn(2, 2, 3).double(), torch.randn(3, 2, 2).double()]
    assert torch.autograd.gradcheck(
        lambda q, k: attention(q, memory_of(k)), [x.requires_grad_() for x in inputs]
    )


def test_refuses_what_cannot_be():
    with pytest.raises(ValueError, match="query_size=3 and key_size=4"):
        Attention(3, 4, "dot")
    with pytest.raises(ValueError, match="dot, general, additive"):
        Attention(3, 4, "loud")
