"""One sequence a line: learn invented names, then make some up."""

import itertools
from pathlib import Path

import unroll

names = ["".join(parts) for parts in itertools.product("bdgklmnr", "aeiou", "lmnrst", "aeio")]
Path("names.txt").write_text("\n".join(names))
run = unroll.train("names.txt", per_line=True, steps=60, hidden=32)
print([run.generate(seed=n, temperature=0.7) for n in range(5)])
