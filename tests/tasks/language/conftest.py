"""A small text, read as a language run reads it."""

import pytest

from unroll.cells import GRUCell
from unroll.tasks.language.defaults import resolve, resolve_sizes
from unroll.tasks.language.reader import read_corpus
from unroll.tasks.language.settings import LanguageSettings

TEXT = "the rose is red and the sky is blue.\n" * 40


@pytest.fixture
def prepared(tmp_path):
    """Calls: settings by name -> the corpus and the settings with nothing left open."""

    def prepare(text=TEXT, **options):
        file = tmp_path / "text.txt"
        file.write_text(text)
        settings = LanguageSettings(**{"hidden": 8, "block": 8, "steps": 20} | options)
        settings = resolve_sizes(settings, GRUCell)
        corpus = read_corpus(file, settings)
        return corpus, resolve(settings, corpus)

    return prepare
