"""Which problems there are, by name."""

from __future__ import annotations

from unroll.compare.adding import Adding
from unroll.compare.agreement import Agreement
from unroll.compare.copying import Copying, Reversal
from unroll.compare.counting import Counting
from unroll.compare.names import PersonNames
from unroll.compare.problem import Problem
from unroll.compare.spelling import Spelling

PROBLEMS: dict[str, type[Problem]] = {
    kind.name: kind
    for kind in (Spelling, Agreement, Counting, Copying, Reversal, Adding, PersonNames)
}
