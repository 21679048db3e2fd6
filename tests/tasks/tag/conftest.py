"""Small files of tagged sentences that are learned in seconds."""

import random

import pytest

PLACES, VERBS = ["Rome", "New York", "San Marino", "Oslo"], ["saw", "left", "likes"]


@pytest.fixture
def news():
    """Sentences about places, in BIO, as the text of a file."""

    def write(count=40, seed=1):
        draw, rows = random.Random(seed), []
        for _ in range(count):
            rows.append(f"{draw.choice(['She', 'He'])} O")
            rows.append(f"{draw.choice(VERBS)} O")
            first, *more = draw.choice(PLACES).split()
            rows.append(f"{first} B-place")
            rows += [f"{word} I-place" for word in more]
            rows += [". O", ""]
        return "\n".join(rows)

    return write


@pytest.fixture
def file(tmp_path, news):
    """A file of such sentences."""
    path = tmp_path / "news.conll"
    path.write_text(news())
    return path


@pytest.fixture
def universal():
    """Sentences in CoNLL-U, with comments and multiword tokens, as the text of a file."""
    draw, text = random.Random(2), ""
    tags = {"she": "PRON", "runs": "VERB", "fast": "ADV", "n't": "PART"}
    for k in range(30):
        words = draw.sample(list(tags), 3)
        text += f"# sent_id = {k}\n1-2\t{words[0]}{words[1]}" + "\t_" * 8 + "\n"
        for n, word in enumerate(words, 1):
            text += f"{n}\t{word}\t{word}\t{tags[word]}" + "\t_" * 6 + "\n"
        text += "\n"
    return text


@pytest.fixture
def small():
    """Settings of a network that is trained in no time."""
    return {
        "hidden": 16, "embedding": 12, "characters": 8, "batch_size": 8, "threads": 1,
        "quiet": True,
    }  # fmt: skip


@pytest.fixture
def fast(small):
    """The same, learning fast."""
    return small | {"learning_rate": 0.02, "dropout": 0.1, "dropout_input": 0.1}
