"""Small books of tunes, preprocessors learned from them, and networks that have learned nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch

from unroll.models.language import LanguageModel
from unroll.tasks.music.abc_bars import read_bars
from unroll.tasks.music.preprocessor import MusicPreprocessor
from unroll.tasks.music.reader import read_music
from unroll.tasks.music.settings import MusicSettings

TUNE = 'X:{n}\nT:Tune {n}\nM:4/4\nL:1/8\nK:{key}\n|:"G"{body}|"D"A4 d4:|\n'
BOOK = [
    'X:1\nT:One more\nS:Trad\nM:6/8\nL:1/8\nK:G\nd|:"G"G2B "D7"(3ABc d|\\\nB3/2A/2G G3:|\nP:B\n'
    "|:e|^c2z =c2B,||d4 _e2::f2 g4|[1A6:|[2G6|]\n",
    "X:2\nT:Two\n% a remark\nM:4/4\nL:1/4\nK:Am\nA/4|e>d c-c|B//A// (3cde f'3||\n",
    "X:3\nT:Three\nR:Waltz\nM:3/4\nK:D\nF2|A4 d2|z6|f3 g a2:|\n",
]
WORDS = "1/480\nxff580403021808 xff59020100 v90 n60 +240 o60 n64 n67 +480 o64 +1 o67 +959 xff2f00\n"


@pytest.fixture
def tune():
    """Calls: parts of a tune in ABC -> the tune."""

    def write(key="G", body="GABcdefg", n=1):
        return TUNE.format(n=n, key=key, body=body)

    return write


@pytest.fixture
def book():
    """Calls: a path and a number of tunes -> the path of their file."""

    def write(path, count=12):
        keys, draw = "G D A Em".split(), np.random.default_rng(0)
        tunes = [
            TUNE.format(n=n, key=keys[n % 4], body="".join(draw.choice(list("GABcde"), 8)))
            for n in range(1, count + 1)
        ]
        Path(path).write_text("\n".join(tunes))
        return str(path)

    return write


@pytest.fixture
def data(tmp_path, book):
    """Twelve tunes, read as a run reads them."""
    return read_music(book(tmp_path / "book.abc"), MusicSettings())


@pytest.fixture(scope="session")
def abc():
    """A preprocessor of three tunes in ABC, with every piece as a token."""
    return MusicPreprocessor.learn(BOOK * 2, "abc", 1)


@pytest.fixture(scope="session")
def midi():
    """A preprocessor of one tune in MIDI."""
    return MusicPreprocessor.learn([WORDS] * 2, "midi", 1)


@pytest.fixture(scope="session")
def untrained():
    """Calls: a preprocessor, a seed, and how much some tokens are preferred -> a network."""

    def build(preprocessor, seed, sure=1.0):
        torch.manual_seed(seed)
        network = LanguageModel(len(preprocessor), 8, 8)
        network.weight.data *= sure
        network.bias.data.normal_(0, sure)
        return network

    return build


@pytest.fixture(scope="session")
def check_bars():
    """Calls: a tune -> every bar is complete but the pickup; a bar that a part leaves incomplete is
    completed by the next part, or by the pickup."""

    def check(tune):
        (bars,) = read_bars(tune)
        complete = bars[0].capacity
        pickup = bars[0].length if bars[0].length < complete else 0
        assert bars[0].length <= complete
        is_short = False
        for bar in bars[1:]:
            if is_short:
                assert bar.length == pickup
                is_short = False
            elif bar.length != complete:
                assert pickup and bar.length == complete - pickup and bar.ends_part
                is_short = True
        assert bars[-1].ends_part
        opens = 0
        for bar in bars:  # no repeat is left open, none opened twice
            opens += bar.opens.endswith(":") and not (
                bar is not bars[0] and bar.opens.startswith(":")
            )
            opens -= bar.closes.startswith(":") and opens
            assert opens in (0, 1)

    return check
