"""The data of the lessons: texts that are made from a seed, small enough to look at."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

LINES = 2000
SEED = 1


def hello() -> str:
    """The word hello, and nothing else: the smallest text with something to remember."""
    return "hello"


def counting() -> str:
    """Lines of a's and as many b's, 1 to 10 of each: `aaabbb.`"""
    return of_problem("counting", "counting.txt")


def agreement() -> str:
    """Sentences whose verb agrees with a subject up to 24 words before: `the cats which ... were full .`"""
    return of_problem("agreement", "agreement.txt")


def agreement_labels() -> str:
    """Words of such sentences, each with 1 while the subject is plural, and 0 while it is singular."""
    return of_problem("agreement", "agreement_labels.tsv")


def of_problem(task: str, name: str) -> str:
    """A file of `unroll compare --task TASK --write-data FOLDER`."""
    from unroll.compare.corpus import write_corpus

    files: dict[str, bytes] = {}
    write_corpus(task, Path(), lambda path, content: files.update({path.name: content}))
    return files[name].decode()


def people() -> str:
    """Sentences whose pronoun follows from who acts: she, he, or they after `Alice and Tom`."""
    rng = random.Random(SEED)
    women, men = ("Alice", "Anna", "Mary"), ("Tom", "Bob", "John")
    verbs = ("went home", "stayed here", "sat down", "left early", "ate fish")
    when = ("", " today", " in the morning", " after the long walk to the sea")
    lines = []
    for _ in range(2 * LINES):
        name, other = rng.sample(women + men, 2)
        subject, pronoun = name, "she" if name in women else "he"
        if rng.random() < 1 / 3:
            subject, pronoun = f"{name} and {other}", "they"
        end = "were tired" if pronoun == "they" else "was tired"
        lines.append(f"{subject} {rng.choice(verbs)}{rng.choice(when)} because {pronoun} {end} .")
    return as_lines(lines)


def teddy() -> str:
    """Words with tags: Teddy is a person before Roosevelt and none before bears.

    One word and its tag a line, sentences apart by an empty line.
    """
    rng = random.Random(SEED)
    openings = ("He said ,", "She wrote :", "They read that", "We heard :", "I know that")
    persons = (("Roosevelt", ("was a great president", "spoke to us", "won the election")),)
    toys = (("bears", ("are on sale", "make good presents", "sit on the shelf")),)
    lines = []
    for _ in range(LINES // 2):
        is_person = rng.random() < 0.5
        after, ends = rng.choice(persons if is_person else toys)
        tags = ("B-PER", "I-PER") if is_person else ("O", "O")
        words = [(word, "O") for word in rng.choice(openings).split()]
        words += [("Teddy", tags[0]), (after, tags[1])]
        words += [(word, "O") for word in f"{rng.choice(ends)} !".split()]
        lines += [*(f"{word}\t{tag}" for word, tag in words), ""]
    return as_lines(lines)


def as_lines(lines: list[str]) -> str:
    """Lines as the text of a file."""
    return "\n".join(lines) + "\n"


TEXTS: dict[str, Callable[[], str]] = {
    "hello.txt": hello,
    "counting.txt": counting,
    "agreement.txt": agreement,
    "agreement_labels.tsv": agreement_labels,
    "people.txt": people,
    "teddy.conll": teddy,
}


USES = {
    "counting.txt": "as many b as a in each line; a language model has to count (lesson 9)",
    "agreement.txt": "lesson 14's sentences, also the longer ones, with up to 24 words in between",
    "agreement_labels.tsv": "words of them with 1 for plural, for --probe plural=@FILE (lesson 14)",
    "people.txt": "she, he or they by who acted; a unit for plural or for gender (lesson 14)",
}


def texts(*names: str) -> dict[str, str]:
    """Texts by the names of their files, as a lesson's `files` gives them.

    Args:
        names: of `TEXTS`. Default: all.
    """
    return {name: TEXTS[name]() for name in names or TEXTS}
