"""Stages: what a program computes is ordered, and every value is written once."""

import pytest

from ..plans import MAKE, planned

STAGES = {
    # one stage a product that waits for another; in the backward, what comes before the first too
    "tanh": (1, 2),
    "relu": (1, 2),
    "lstm": (1, 2),
    "gru": (1, 2),
    "projected": (2, 3),
    "of both": (1, 2),
    "written peephole": (1, 2),
    "written coupled": (1, 2),
    "written slstm": (1, 2),
    "written gru-reset-after": (1, 2),
    "written gru-reset-before": (2, 3),
    "written minimal-gated": (2, 3),
    "written multiplicative": (2, 3),
    "written projected": (2, 3),
    "written clockwork": (1, 2),
    "written stacked": (2, 3),
    "written nested": (2, 3),
    "written jordan": (2, 3),
    "written irnn": (1, 2),
    "written indrnn": (1, 1),
    "written highway": (2, 3),
    "written minimal-rnn": (1, 2),
}


@pytest.mark.parametrize("name", STAGES)
def test_a_step_has_as_many_stages_as_products_that_wait_for_each_other(name):
    _, made = planned(name)
    assert (len(made.forward.stages), len(made.backward.program.stages)) == STAGES[name]


@pytest.mark.parametrize("name", MAKE)
def test_what_a_stage_reads_is_there_when_it_begins(name):
    """A product waits for its operands; nothing is computed twice in one group."""
    _, made = planned(name)
    for program in (made.forward, made.backward.program):
        stage_of, seen = {}, set(program.loads)
        for k, stage in enumerate(program.stages):
            for group in stage:
                nodes = [n for p in group.products for n in p] + group.body
                assert len(set(nodes)) == len(nodes)
                known = set()
                for node in nodes:
                    for a in node.operands:
                        before = a in program.loads and a not in stage_of
                        earlier = stage_of.get(a, k) < k
                        assert before or earlier or (a in known and node.op != "product")
                    known.add(node)
            for group in stage:
                for node in [*(n for p in group.products for n in p), *group.body]:
                    stage_of.setdefault(node, k)
                    seen.add(node)
        assert set(program.stores) <= seen | set(program.loads)


@pytest.mark.parametrize("name", MAKE)
def test_every_column_of_a_tensor_has_one_writer(name):
    _, made = planned(name)
    for program in (made.forward, made.backward.program):
        written = {}
        for buffers in program.stores.values():
            for b in buffers:
                columns = written.setdefault((b.tensor, b.time), [])
                columns += range(b.lo, b.lo + b.width)
        for (tensor, _), columns in written.items():
            assert len(set(columns)) == len(columns), tensor
            width = made.widths.get(tensor, program.scratch.get(tensor, (None,))[0])
            assert max(columns) < width
