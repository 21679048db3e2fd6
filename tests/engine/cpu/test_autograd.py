"""The compiled CPU backend as a citizen of autograd, torch.func, torch.compile and torch.export.

T time, B batch, I input, H hidden.
"""

from functools import partial

import pytest
import torch
from torch.nn.utils.parametrizations import weight_norm
from torch.utils.checkpoint import checkpoint

import unroll
from unroll.cells import fields, map_state

from ..written_cells import CELLS
from .differentiated import LENGTHS, MAKE, B, H, I, T, close, compiled, run, smooth, weighted

pytestmark = compiled


SMOOTH = ["lstm", "projected", "reset-before", "clockwork"]


def inputs(cell, steps=T, batch=B):
    """x and a state, both with gradients."""
    x = torch.randn(steps, batch, I, dtype=torch.float64, requires_grad=True)
    state = map_state(
        lambda s: torch.randn_like(s).requires_grad_() if s.is_floating_point() else s.clone(),
        cell.initial_state(batch, dtype=torch.float64),
    )
    return x, state


@pytest.mark.parametrize("name", MAKE)
def test_every_leaf_gets_the_loops_gradient_whichever_others_are_frozen(name, the_cell):
    cell = the_cell(name)
    x, state = inputs(cell)
    leaves = {"x": x, **dict(cell.named_parameters())}
    leaves |= {n: s for n, s in fields(state) if s.is_floating_point()}
    whole = torch.autograd.grad(
        weighted(run(cell, x, state, "loop", lengths=LENGTHS)), list(leaves.values())
    )
    right = dict(zip(leaves, whole, strict=True))
    subsets = [{n} for n in leaves] + [set(leaves) - {n} for n in leaves] + [set(leaves)]
    for wanted in subsets:
        for n, tensor in leaves.items():
            tensor.requires_grad_(n in wanted)
            tensor.grad = None
        weighted(run(cell, x, state, lengths=LENGTHS)).backward()
        for n, tensor in leaves.items():
            if n in wanted:
                close(tensor.grad, right[n])
            else:
                assert tensor.grad is None


def test_nothing_has_a_gradient_where_nothing_wants_one(the_cell):
    cell = the_cell("lstm").requires_grad_(False)
    x = torch.randn(T, B, I, dtype=torch.float64)
    assert not any(v.requires_grad for v in run(cell, x))
    cell.requires_grad_()
    with torch.no_grad():
        assert not any(v.requires_grad for v in run(cell, x))
    with torch.inference_mode():
        values = run(cell, x)
        assert all(v.is_inference() for v in values)
    close([v.clone() for v in values], [v.detach() for v in run(cell, x, None, "loop")])
    assert all(v.requires_grad for v in run(cell, x))


def test_whole_numbers_of_the_state_carry_no_gradient(the_cell):
    cell = the_cell("clockwork")
    x, state = inputs(cell)
    _, last = unroll.unroll(cell, x, state, backend="cpu")
    assert last.h.requires_grad
    assert last.clock.dtype == torch.int64
    assert not last.clock.requires_grad
    assert (last.clock == T).all()


@pytest.mark.parametrize("which", ["output", "final", "one field", "one step", "neither"])
@pytest.mark.parametrize("name", ["lstm", "projected", "gru"])
def test_results_may_be_used_in_part(name, which, the_cell):
    cell = the_cell(name)
    found = {}
    for backend in ("loop", "cpu"):
        torch.manual_seed(1)
        x, state = inputs(cell)
        output, *last = run(cell, x, state, backend)
        loss = {
            "output": lambda o=output: weighted([o]),
            "final": lambda s=last: weighted(s),
            "one field": lambda s=last: weighted(s[-1:]),
            "one step": lambda o=output: o[1].sum(),
            "neither": lambda o=output: o[:0].sum() + 0 * o[0, 0, 0],
        }[which]()
        leaves = [x, *smooth(state), *cell.parameters()]
        found[backend] = torch.autograd.grad(
            loss, leaves, allow_unused=True, materialize_grads=True
        )
    close(found["cpu"], found["loop"])


@pytest.mark.parametrize("name", MAKE)
def test_a_retained_graph_gives_the_same_gradients_again(name, the_cell):
    cell = the_cell(name)
    x, state = inputs(cell)
    loss = weighted(run(cell, x, state, lengths=LENGTHS))
    leaves = [x, *smooth(state), *cell.parameters()]
    first = torch.autograd.grad(loss, leaves, retain_graph=True)
    second = torch.autograd.grad(loss, leaves)
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(loss, leaves)


@pytest.mark.parametrize("name", ["lstm", "reset-before"])
def test_gradients_add_up_over_calls_and_backwards(name, the_cell):
    cell = the_cell(name)
    grads = {}
    for backend in ("loop", "cpu"):
        cell.zero_grad()
        torch.manual_seed(2)
        x, state = inputs(cell)
        first, second = run(cell, x, state, backend), run(cell, 2 * x, state, backend)
        weighted(second).backward(retain_graph=True)
        (weighted(first) * weighted(second)).backward()
        grads[backend] = [x.grad, *(p.grad.clone() for p in cell.parameters())]
    close(grads["cpu"], grads["loop"])


@pytest.mark.parametrize("keywords", [{}, {"lengths": [1, 3]}, {"reverse": True}], ids=str)
@pytest.mark.parametrize("name", MAKE)
def test_gradcheck(name, keywords, the_cell):
    cell = the_cell(name)
    x, state = inputs(cell, 3, 2)
    weights = dict(cell.named_parameters())

    def values(x, *rest):
        rest = iter(rest)
        given = map_state(lambda s: next(rest) if s.is_floating_point() else s, state)
        stand_ins = {n: next(rest) for n in weights}
        return tuple(run(cell, x, given, parameters=stand_ins, **keywords))

    leaves = (x, *smooth(state), *weights.values())
    assert torch.autograd.gradcheck(values, leaves, fast_mode=True)
    assert torch.autograd.gradgradcheck(values, leaves, fast_mode=True)


def second_derivatives(cell, x, state, backend, **keywords):
    leaves = [x, *smooth(state), *cell.parameters()]
    first = torch.autograd.grad(
        weighted(run(cell, x, state, backend, **keywords)), leaves, create_graph=True
    )
    smooth_ones = [g for g in first if g.requires_grad]
    if not smooth_ones:  # no step was taken
        return [*first, *(torch.zeros_like(leaf) for leaf in leaves)]
    second = torch.autograd.grad(
        weighted(smooth_ones, 5), leaves, allow_unused=True, materialize_grads=True
    )
    return [*first, *second]


RESETS = torch.tensor([[0, 1, 0], [0, 0, 1], [1, 0, 1], [0, 1, 0]], dtype=torch.bool)


KINDS = {
    "whole": {},
    "ragged": {"lengths": LENGTHS},
    "none": {"lengths": [0, 0, 0]},
    "reverse": {"reverse": True},
    "ragged reverse": {"lengths": LENGTHS, "reverse": True},
    "resets": {"resets": RESETS},
    "all of it": {"lengths": LENGTHS, "reverse": True, "resets": RESETS},
}


@pytest.mark.parametrize("keywords", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("name", MAKE)
def test_second_derivatives_are_the_loops(name, keywords, the_cell):
    cell = the_cell(name)
    x, state = inputs(cell)
    close(
        second_derivatives(cell, x, state, "cpu", **keywords),
        second_derivatives(cell, x, state, "loop", **keywords),
    )


@pytest.mark.parametrize(("steps", "batch"), [(0, 3), (1, 1), (3, 0)])
def test_second_derivatives_of_next_to_nothing_are_the_loops(steps, batch, the_cell):
    cell = the_cell("lstm")
    found = {}
    for backend in ("loop", "cpu"):
        torch.manual_seed(1)
        x, state = inputs(cell, steps, batch)
        values = [v.square() for v in run(cell, x, state, backend)]
        (first,) = torch.autograd.grad(weighted(values), state.c, create_graph=True)
        (second,) = torch.autograd.grad(first.sum(), state.c)
        found[backend] = [first, second]
    close(found["cpu"], found["loop"])


def test_a_gradient_penalty_trains_as_on_the_loop(the_cell):
    cell, grads = the_cell("gru"), {}
    for backend in ("loop", "cpu"):
        cell.zero_grad()
        torch.manual_seed(1)
        x, _ = inputs(cell)
        output = run(cell, x, None, backend)[0]
        (of_x,) = torch.autograd.grad(output.sum(), x, create_graph=True)
        (output.square().sum() + of_x.square().sum()).backward()
        grads[backend] = [x.grad, *(p.grad.clone() for p in cell.parameters())]
    close(grads["cpu"], grads["loop"])


def test_a_batch_of_gradients_at_once_is_refused(the_cell):
    cell = the_cell("lstm")
    x = torch.randn(2, 2, I, dtype=torch.float64)
    with pytest.raises(RuntimeError, match='backend="loop"'):
        torch.autograd.functional.jacobian(
            lambda x: unroll.unroll(cell, x, backend="cpu")[0], x, vectorize=True
        )


def test_hooks_on_tensors_fire_once_and_may_change_the_gradient(the_cell):
    cell = the_cell("lstm")
    found = {}
    for backend in ("loop", "cpu"):
        torch.manual_seed(1)
        x, state = inputs(cell)
        cell.zero_grad()
        output, h, c = run(cell, x, state, backend)
        calls = []

        def hook(gradient, calls=calls):
            calls.append(gradient.shape)
            return 2 * gradient

        # final states are not among them: on the loop the last step reads them too
        tensors = [output, x, state.h, *cell.parameters()]
        handles = [t.register_hook(hook) for t in tensors]
        after = [p.register_post_accumulate_grad_hook(lambda p, c=calls: c.append(0))
                 for p in cell.parameters()]  # fmt: skip
        weighted([output, h, c]).backward()
        for handle in (*handles, *after):
            handle.remove()
        assert len(calls) == len(tensors) + len(after)
        found[backend] = [x.grad, state.h.grad, *(p.grad.clone() for p in cell.parameters())]
    close(found["cpu"], found["loop"])


@pytest.mark.parametrize("name", ["lstm", "gru", "tanh", "projected", "reset-before"])
@pytest.mark.parametrize("which", ["output", "final", "detached output", "x", "state", "weight"])
def test_what_is_changed_in_place_raises_or_is_right(which, name, the_cell):
    """Never a silently wrong gradient."""
    cell = the_cell(name)
    x, state = inputs(cell)
    leaves = [x, *smooth(state), *cell.parameters()]
    unchanged = torch.autograd.grad(weighted(run(cell, x, state, "loop")), leaves)

    plain = run(cell, x, state, "loop")
    changed = [2 * plain[0], *plain[1:]] if which == "output" else (
        [plain[0], *(2 * s for s in plain[1:])] if which == "final" else None
    )  # fmt: skip
    right = unchanged if changed is None else torch.autograd.grad(weighted(changed), leaves)

    values = run(cell, x.clone(), map_state(lambda s: s * 1, state))
    kept_x, kept_state = x * 1, map_state(lambda s: s * 1, state)
    values = run(cell, kept_x, kept_state)
    with torch.no_grad():
        saved = [p.clone() for p in cell.parameters()]
    try:
        if which == "output":
            values[0].mul_(2)
        elif which == "final":
            for value in values[1:]:
                value.mul_(2)
        elif which == "detached output":
            kept = values[0].detach().clone()
            values[0].detach().mul_(2)
        else:
            with torch.no_grad():
                tensors = {"x": [kept_x], "state": smooth(kept_state)}
                for tensor in tensors.get(which, cell.parameters()):
                    tensor.mul_(2)
        if which == "detached output":  # a loss of its values would be another loss
            assert torch.equal(values[0] / 2, kept)
            drawn = [torch.arange(v.numel(), dtype=v.dtype).add(3).sin().view_as(v) for v in values]
            got = torch.autograd.grad(values, leaves, drawn)
        else:
            got = torch.autograd.grad(weighted(values), leaves)
    except RuntimeError as error:
        assert "modified" in str(error) and "inplace" in str(error).replace("-", "")
    else:
        close(got, right)
    finally:
        with torch.no_grad():
            for p, value in zip(cell.parameters(), saved, strict=True):
                p.copy_(value)


def test_gradients_may_be_changed_in_place(the_cell):
    """What a leaf has collected shares no memory with another's, or with what is used again."""
    cell = the_cell("lstm")
    x, state = inputs(cell)
    loss = weighted(run(cell, x, state))
    leaves = [x, *smooth(state), *cell.parameters()]
    loss.backward(retain_graph=True)
    kept = [leaf.grad.clone() for leaf in leaves]
    for k, leaf in enumerate(leaves):
        leaf.grad.fill_(k)
    assert all((leaf.grad == k).all() for k, leaf in enumerate(leaves))
    torch.testing.assert_close(list(torch.autograd.grad(loss, leaves)), kept, rtol=0, atol=0)


def test_results_may_be_changed_in_place_without_changing_each_other(the_cell):
    for name in MAKE:
        cell = the_cell(name)
        x, state = inputs(cell)
        with torch.no_grad():
            output, *last = run(cell, x, state)
            kept = [s.clone() for s in last]
            output.zero_()
            assert all(torch.equal(a, b) for a, b in zip(last, kept, strict=True))
            given = [s.clone() for s in smooth(state)]
            for s in last:
                s.zero_()
            assert all(torch.equal(a, b) for a, b in zip(smooth(state), given, strict=True))


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
def test_anomaly_mode_changes_nothing(the_cell):
    cell = the_cell("gru")
    x, _ = inputs(cell)
    right = torch.autograd.grad(weighted(run(cell, x)), [x, *cell.parameters()])
    with torch.autograd.detect_anomaly():
        got = torch.autograd.grad(weighted(run(cell, x)), [x, *cell.parameters()])
    torch.testing.assert_close(got, right, rtol=0, atol=0)
    with torch.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="nan values"):
        output = run(cell, x)[0]
        (output * torch.full_like(output, torch.nan)).sum().backward()


@pytest.mark.parametrize("name", MAKE)
def test_checkpoints_and_saved_tensors_elsewhere_change_nothing(name, the_cell):
    cell = the_cell(name)
    x, state = inputs(cell)
    leaves = [x, *smooth(state), *cell.parameters()]
    right = torch.autograd.grad(weighted(run(cell, x, state, lengths=LENGTHS)), leaves)
    values = checkpoint(partial(run, cell, lengths=LENGTHS), x, state, use_reentrant=False)
    torch.testing.assert_close(torch.autograd.grad(weighted(values), leaves), right, rtol=0, atol=0)
    with torch.autograd.graph.save_on_cpu():
        loss = weighted(run(cell, x, state, lengths=LENGTHS))
    torch.testing.assert_close(torch.autograd.grad(loss, leaves), right, rtol=0, atol=0)


def test_a_parametrized_weight_learns_as_on_the_loop():
    torch.manual_seed(0)
    cell = CELLS["gru-reset-before"](I, H).double()
    weight_norm(cell.candidate, "weight")
    x, h = inputs(cell)
    got, right = (
        torch.autograd.grad(weighted(run(cell, x, h, b)), [x, h, *cell.parameters()])
        for b in ("cpu", "loop")
    )
    close(got, right)


def numbers_saved(cell, x, **keywords):
    """Numbers that the forward keeps for its backward, beside inputs and parameters."""
    outside = [x, *cell.parameters()]
    known = {t.untyped_storage().data_ptr() for t in outside}
    kept = []

    def pack(tensor):
        if tensor.untyped_storage().data_ptr() not in known:
            kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        values = unroll.unroll(cell, x, backend="cpu", **keywords)
    del values
    storages = {t.untyped_storage().data_ptr(): t for t in kept}
    return sum(t.untyped_storage().nbytes() // t.element_size() for t in storages.values())


@pytest.mark.parametrize("width", [64, 128])
def test_an_lstm_saves_at_most_seven_numbers_a_step_and_unit(width):
    cell, x = unroll.LSTMCell(8, width), torch.randn(30, 8, 8, requires_grad=True)
    unroll.unroll(cell, x, backend="cpu")
    assert numbers_saved(cell, x) <= 7 * 30 * 8 * width
    lengths = [30, 20, 10, 10, 5, 5, 0, 0]
    assert numbers_saved(cell, x, lengths=lengths) <= 7 * (sum(lengths) + 8) * width


def test_nothing_is_saved_where_nothing_wants_a_gradient(the_cell):
    cell, x = the_cell("lstm"), torch.randn(T, B, I, dtype=torch.float64)
    with torch.no_grad():
        assert numbers_saved(cell, x) == 0
