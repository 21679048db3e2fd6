"""Where the values of a program are kept."""

import torch

from unroll.engine.compiler.nodes import InputSource, Node
from unroll.engine.compiler.program import Buffer, Merged, load_of, store_beside


def test_an_input_is_read_where_its_source_lies():
    node = Node("input", (), 3, True, torch.float32)
    expected = {"state": "previous", "rows": "rows", "d_state": "carried", "sequence": "fixed"}
    for kind, time in expected.items():
        found = load_of(InputSource(kind, 1, 4), node)
        assert found == Buffer(f"{kind}:1", 4, 3, time, torch.float32)


def test_a_vector_is_shared_by_all_rows():
    node = Node("input", (), 3, False, torch.float32)
    assert load_of(InputSource("vector", 0, 0), node).shared


def test_pieces_are_stored_side_by_side():
    nodes = [Node("constant", (0,), width, True, torch.float32) for width in (2, 3)]
    stores = {}
    store_beside(stores, nodes, "state:0", "next")
    assert [(b.lo, b.width) for n in nodes for b in stores[n]] == [(0, 2), (2, 3)]


def test_a_merged_gradient_covers_a_matrix_or_a_part_of_it():
    node = Node("constant", (0,), 2, True, torch.float32)
    merged = Merged(node, node, (0, 4), (0, 3))
    assert merged.covers((4, 3))
    assert not merged.covers((4, 5))
