import math

import pytest
import torch
from torch.nn.functional import cross_entropy, linear

import unroll
from unroll.errors import UserError
from unroll.inspect import gradients_of_run
from unroll.inspect.text_windows import read_encoded, text_windows

TEXT = "the clouds are in the sky.\nthe apple and pear salad.\n" * 30


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gradients")
    (folder / "poems.txt").write_text(TEXT)
    (folder / "names.tsv").write_text("".join(f"{'ab'[n % 2]}\tname {n}\n" for n in range(60)))
    small = {"steps": 3, "hidden": 8, "threads": 1, "backend": "loop", "block": 5}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.chdir(folder)
        from unroll.training.report import QuietReport

        quiet = {"report": QuietReport()}
        unroll.train("poems.txt", "poems", layers=2, **small, **quiet)
        lines = {"per_line": True, "condition": "1", "cell": "gru"}
        unroll.train("names.tsv", "names", **small, **lines, **quiet)
        yield folder


def test_each_layer_has_the_gradients_of_a_plain_loop(place):
    run = unroll.load("poems")
    before = {name: p.clone() for name, p in run.model.state_dict().items()}
    found = gradients_of_run(run, "poems.txt", length=20, batch=3)
    assert [flow.name for flow in found.flows] == ["layer 1", "layer 2"]
    assert all(torch.equal(p, before[n]) for n, p in run.model.state_dict().items())
    assert run.model.bias.dtype == torch.float32 and run.model.bias.grad is None

    places = text_windows(read_encoded(run, "poems.txt"), 20, 3, "poems.txt")
    model = run.model.double()
    states = [
        tuple(s[0] for s in state) for state in model(places.before, model.initial_state(3))[1]
    ]
    states = [tuple(s.detach().requires_grad_() for s in state) for state in states]
    cells, kept = [layer.cells[0] for layer in model.stack], []
    for t in range(20):
        h = model.embedding(places.x[t])
        for k, cell in enumerate(cells):
            h, states[k] = cell.step(h, states[k])
        kept.append([part for state in states for part in state])
    logits = linear(h, model._softmax_weight(), model.bias)
    loss = cross_entropy(logits, places.y, reduction="sum")
    norms = [n for flow in found.flows for n in flow.norms.values()]
    for back in range(20):
        some = torch.autograd.grad(loss, kept[-1 - back], retain_graph=True, allow_unused=True)
        for norm, gradient in zip(norms, some, strict=True):
            expected = 0.0 if gradient is None else float(gradient.norm()) / math.sqrt(3)
            assert norm[back] == pytest.approx(expected, rel=1e-9)


def test_the_error_of_a_window_is_that_of_plain_truncation(place):
    run = unroll.load("poems")
    found = gradients_of_run(run, "poems.txt", length=20, batch=3)
    places = text_windows(read_encoded(run, "poems.txt"), 20, 3, "poems.txt")
    model = run.model.double()

    def gradients(window):
        with torch.no_grad():
            seen = torch.cat([places.before, places.x[: 20 - window]])
            _, state = model(seen, model.initial_state(3))
        logits, _ = model(places.x[20 - window :], state)
        loss = cross_entropy(logits[-1], places.y, reduction="sum")
        found = [
            torch.autograd.grad(loss, list(c.parameters()), retain_graph=True) for c in model.stack
        ]
        return [torch.cat([g.flatten() for g in some]) for some in found]

    exact, cut = gradients(20), gradients(5)
    for flow, whole, part in zip(found.flows, exact, cut, strict=True):
        assert set(flow.truncation) == {1, 5, 10}
        lost = float((whole - part).norm() / whole.norm())
        assert flow.truncation[5] == pytest.approx(lost, rel=1e-6) and lost > 1e-3
        assert flow.weight_norm == pytest.approx(float(whole.norm()))


def test_lines_with_a_condition_are_followed_from_their_beginning(place):
    found = gradients_of_run(unroll.load("names"), "names.tsv")
    assert found.conditions["warm_up"] == 0 and found.conditions["length"] == len("name 10\n")
    assert found.flows[0].name == "gru" and found.flows[0].total_norms[0] > 0


def test_a_text_that_is_shorter_than_the_length_is_refused(place):
    run = unroll.load("poems")
    (place / "short.txt").write_text("the pear")
    with pytest.raises(UserError, match="has 8 tokens, and --length asks for 50"):
        gradients_of_run(run, "short.txt", length=50)
    assert gradients_of_run(run, "short.txt").flows[0].steps == 8
    with pytest.raises(UserError, match="--length got 1"):
        gradients_of_run(run, "poems.txt", length=1)
    with pytest.raises(UserError, match="--batch got 0"):
        gradients_of_run(run, "poems.txt", batch=0)
    with pytest.raises(UserError, match="longest line"):
        gradients_of_run(unroll.load("names"), "names.tsv", length=50)
