"""The names of the loop's values."""

import unroll
from unroll.engine.explain.equations import NamedColumns
from unroll.engine.explain.loop_names import LoopNames, is_product, sides
from unroll.engine.explain.names import Names
from unroll.engine.explain.terms import Terms

from .pages import planned


def test_new_states_have_the_names_of_the_fields():
    plan = planned(unroll.LSTMCell(3, 4))
    names = Names(plan)
    LoopNames(plan, names, Terms(plan, names)).name_results()
    shown = [names.of_nodes[a] for pieces in plan.loop.new_states for a in pieces]
    assert shown == [NamedColumns("h'", 0, 4, 4), NamedColumns("c'", 0, 4, 4)]


def test_the_gates_of_one_product_share_a_name():
    plan = planned(unroll.LSTMCell(3, 4))
    names = Names(plan)
    found = LoopNames(plan, names, Terms(plan, names))
    products = [n for n in found.forward_products() if is_product(n)]
    assert len({sides(n) for n in products}) == 1
    found.name_products(products)
    assert {names.of_nodes[n].name for n in products} == {"p1"}
    assert sorted(names.of_nodes[n].lo for n in products) == [0, 4, 8, 12]
