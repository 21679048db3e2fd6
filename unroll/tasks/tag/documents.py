"""Documents of a file of sentences: whole ones are held out, as their names and words come again."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from unroll.data.split import validation_rows
from unroll.data.text import lines
from unroll.tasks.tag.conll import Sentence, conll_file

MARK = re.compile(r"#\s*newdoc\b|#\s*doc(ument)?(_id)?\s*[=:]|-DOCSTART-")
FEWEST = 10  # documents of which some can be held out
MOST_BEYOND = 1.5  # times the sentences that are wanted


def number_documents(path: str, sentences: Sequence[Sentence]) -> np.ndarray | None:
    """The number of the document of each sentence, int64 [sentences]; None where few are marked.

    A document begins with a comment `# newdoc` or `# doc_id = ...`, or with `-DOCSTART-`.

    Args:
        path: a file in columns.
        sentences: of it, in order.
    """
    starts = [
        number for number, line in enumerate(lines(conll_file(path), path), 1) if MARK.match(line)
    ]
    documents = np.array([bisect_right(starts, s.line(0)) for s in sentences], dtype=np.int64)
    return documents if len(np.unique(documents)) >= FEWEST else None


def held_out_documents(documents: np.ndarray) -> np.ndarray:
    """Which sentences form the validation set: whole documents, together about a tenth.

    Args:
        documents: the number of that of each sentence, int64 [sentences].

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.tag.documents import held_out_documents
        >>> chosen = held_out_documents(np.repeat(np.arange(10), 3))
        >>> int(chosen.sum()), len(set(np.flatnonzero(chosen) // 3))
        (3, 1)
    """
    wanted = int(validation_rows(len(documents)).sum())
    names, counts = np.unique(documents, return_counts=True)
    order = np.random.default_rng(0).permutation(len(names))
    chosen, reached = [], 0
    for k in order:  # none that is much too long
        if reached < wanted and reached + counts[k] <= MOST_BEYOND * wanted:
            chosen.append(k)
            reached += counts[k]
    return np.isin(documents, names[chosen or [counts.argmin()]])
