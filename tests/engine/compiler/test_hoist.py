"""What is computed before the loop, and what stays in it."""

import pytest

from unroll.engine.compiler.nodes import ancestors
from unroll.engine.compiler.traced import ONCE, name_of

from ..plans import H, I, planned, products_of


def large(module):
    """The products of an eager part."""
    return [n for n in module.graph.nodes if n.op == "call_function" and name_of(n) in
            ("mm", "addmm", "linear")]  # fmt: skip


def parameter_names(made, node):
    """The parameters that a value is made of."""
    names = {n: name for name, n in made.traced.parameters.items()}
    found, stack, seen = set(), [node], set()
    while stack:
        n = stack.pop()
        if n not in seen:
            seen.add(n)
            found |= {names[n]} if n in names else set()
            stack.extend(n.all_input_nodes)
    return found


RECURRENT = {
    "lstm": {"weight_hh"},
    "gru": {"weight_hh"},
    "tanh": {"weight_hh"},
    "projected": {"weight_hh", "weight_hr"},
    "of both": {"both.weight"},
    "written peephole": {"recur.weight"},
    "written gru-reset-before": {"gates.weight", "candidate.weight"},
    "written multiplicative": {"recur_m.weight", "recur.weight"},
    "written clockwork": {"weight", "mask"},
    "written layer-norm": {"recur.weight"},
    "written indrnn": set(),
}


@pytest.mark.parametrize("name", RECURRENT)
def test_only_recurrent_matrices_are_in_the_loop(name):
    _, made = planned(name)
    used = {b.matrix for n in products_of(made.forward) for b in n.blocks if b.matrix >= 0}
    assert used == set(range(len(made.loop.matrices)))
    found = set().union(*(parameter_names(made, m) for m in made.loop.matrices), set())
    assert found == RECURRENT[name]


HOISTED = {"lstm": 1, "gru": 1, "projected": 1, "written peephole": 1, "written layer-norm": 1,
           "written gru-reset-before": 2, "written multiplicative": 2, "of both": 1,
           "written indrnn": 1, "written minimal-rnn": 2}  # fmt: skip


@pytest.mark.parametrize("name", HOISTED)
def test_products_with_the_inputs_are_done_before_the_loop(name):
    _, made = planned(name)
    # a single product may be left to the call of the loop, which does it before the first step
    assert len(large(made.eager.before)) + len(made.eager.reads or ()) == HOISTED[name]
    # no product of the loop reads what depends on the inputs alone
    for node in products_of(made.forward):
        assert all(
            any(n.source is not None and n.source.kind == "state" for n in ancestors([a]))
            for a in node.operands
        )


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("of both", ["both.weight"]),
        ("written coupled", ["forget.weight", "candidate.weight", "out.weight"]),
        ("written gru-reset-before", ["gates.weight", "candidate.weight"]),
    ],
)
def test_a_product_over_x_and_h_together_is_split(name, weights):
    """The columns of x are multiplied before the loop, those of h in it."""
    _, made = planned(name)
    for weight in weights:
        blocks = [
            b
            for n in products_of(made.forward)
            for b in n.blocks
            if b.matrix >= 0 and weight in parameter_names(made, made.loop.matrices[b.matrix])
        ]
        assert blocks
        for b in blocks:
            read = b.rows if b.transposed else b.columns
            whole = made.loop.matrices[b.matrix].meta["val"].shape[0 if b.transposed else 1]
            assert read == ((I, I + H) if whole == I + H else (0, H))


def test_masked_weights_are_masked_once_a_call():
    _, made = planned("written clockwork")
    (matrix,) = made.loop.matrices
    assert made.levels[matrix] == ONCE
    assert matrix in made.eager.once_values
    assert name_of(matrix) == "mul"
    assert parameter_names(made, matrix) == {"weight", "mask"}


@pytest.mark.parametrize("name", ["lstm", "tanh", "written projected", "written highway"])
def test_a_bias_that_can_be_added_before_the_loop_is_not_added_in_it(name):
    """(W x + b) + (U h + c) is (W x + (b + c)) + U h."""
    _, made = planned(name)
    assert len(made.loop.vectors) <= (1 if name == "written highway" else 0)
