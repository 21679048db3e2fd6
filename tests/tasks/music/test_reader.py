"""Tunes as numbers: without loss, the same batch for the same number, parts of long tunes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.errors import UserError
from unroll.tasks.music.batches import TuneBatches
from unroll.tasks.music.keys import parse_key
from unroll.tasks.music.preprocessor import BOUNDARY, MusicPreprocessor
from unroll.tasks.music.reader import read_music
from unroll.tasks.music.settings import MusicSettings

TUNE = 'X:{n}\nT:Tune {n}\nM:4/4\nL:1/8\nK:{key}\n|:"G"{body}|"D"A4 d4:|\n'


def book(path, count=12):
    keys, draw = "G D A Em".split(), np.random.default_rng(0)
    path.write_text(
        "\n".join(
            TUNE.format(n=n, key=keys[n % 4], body="".join(draw.choice(list("GABcde^f"[:6]), 8)))
            for n in range(1, count + 1)
        )
    )
    return str(path)


PREPROCESSOR = MusicPreprocessor.learn([TUNE.format(n=1, key="G", body="GABcdefg")] * 2, "abc", 1)


@settings(max_examples=60)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_comes_back(text):
    assert PREPROCESSOR.decode(PREPROCESSOR.encode(text)) == text


def test_a_tune_of_known_pieces_is_short_and_comes_back(tmp_path):
    data = read_music(book(tmp_path / "a.abc"), MusicSettings())
    assert len(data.train) == 11 and len(data.valid) == 1 and not data.untransposable
    for tune in data.train + data.valid:
        ids = data.preprocessor.encode(tune.text)
        assert data.preprocessor.decode(ids) == tune.text and len(ids) < 0.8 * len(tune.text)
    (tmp_path / "tokens.json").write_bytes(data.preprocessor.files()["tokens.json"])
    assert MusicPreprocessor.load(tmp_path) == data.preprocessor


def test_keys_are_drawn_as_often_as_they_come(tmp_path):
    data = read_music(book(tmp_path / "a.abc"), MusicSettings())
    draw, tune = np.random.default_rng(1), data.train[0].text
    drawn = [data.preprocessor.draw_key(tune, draw) for _ in range(300)]
    assert set(drawn) == {"G", "D", "A"}  # the minor key is for minor tunes
    for target in set(drawn):
        moved = data.preprocessor.transpose(tune, target)
        assert parse_key(target).fifths == parse_key(moved.split("K:")[1].split("\n")[0]).fifths


def test_a_batch_depends_on_its_number_alone(tmp_path):
    data = read_music(book(tmp_path / "a.abc"), MusicSettings())
    texts = [tune.text for tune in data.train]
    given = MusicSettings(batch_size=4, transpose=1.0)
    first, second = (TuneBatches(texts, data.preprocessor, given) for _ in range(2))
    for _ in range(3):
        first.batch(2)
    assert torch.equal(first.batch(7).x, second.batch(7).x)
    assert not torch.equal(first.batch(7).x[:9], first.batch(8).x[:9])
    batch = first.batch(0)
    assert (batch.x[0] == BOUNDARY).all() and batch.tokens == int(batch.lengths.sum())


def test_long_tunes_are_learned_in_parts(tmp_path):
    data = read_music(book(tmp_path / "a.abc"), MusicSettings())
    texts = [tune.text for tune in data.train]
    given = MusicSettings(batch_size=3, longest=16, transpose=0)
    batches = TuneBatches(texts, data.preprocessor, given)
    assert batches.divided == 11
    tokens = sum(batches.batch(n).tokens for n in range(batches.per_epoch))
    assert tokens == sum(len(data.preprocessor.encode(text)) + 1 for text in texts)


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="no file or folder"):
        read_music(str(tmp_path / "none.abc"), MusicSettings())
    with pytest.raises(UserError, match="Expected two or more"):
        read_music(book(tmp_path / "one.abc", 1), MusicSettings())
    (tmp_path / "x.mid").write_bytes(b"MThd")
    with pytest.raises(UserError, match="one of the two notations"):
        read_music(str(tmp_path), MusicSettings())
