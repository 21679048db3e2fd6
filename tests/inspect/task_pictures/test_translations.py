import json

import numpy as np
import pytest

from unroll.inspect import results_of_run
from unroll.inspect.task_pictures.translations import translation_results
from unroll.tasks.pictures import TranslatedText, TranslatedTexts


def text(source, reference, output, quality):
    tokens = [*source.split(), "<eos>"]
    weights = np.full((len(output.split()) + 1, len(tokens)), 1 / len(tokens))
    return TranslatedText(
        source, reference, output, "network", tokens, [*output.split(), "<eos>"], weights, quality
    )


def test_texts_stand_side_by_side():
    texts = [text("a b c", "C B A", "C X A", 0.5), text("d e", "E D", "E D", 1.0)]
    found = translation_results(TranslatedTexts(texts, 2), "it", {})
    assert found.sentences() == [
        "1 of 2 outputs are the reference; on average an output scores 75 of 100 (mean of chrF and "
        "BLEU)."
    ]
    assert "C <del>B</del> A" in found.html() and "C <ins>X</ins> A" in found.html()
    assert found.by_length() == [(3, 3, 1.0, 1), (4, 4, 0.5, 1)]
    assert list(found.pictures()) == ["alignment", "alignment 2", "quality"]
    for name in found.pictures():
        assert found.svg(name) and found.png(name) and found.csv(name)
    assert json.dumps(found.as_dict(), allow_nan=False) and "C X A" in found.text()


def test_the_outputs_of_a_run_are_scored_as_its_metrics(translator):
    ((name, found),) = results_of_run(translator).parts.items()
    same = sum(each.output == each.reference for each in found.translated.texts)
    assert name == "translations" and len(found.translated.texts) == found.translated.of
    assert same / found.translated.of == pytest.approx(translator.result()["exact_match"])
    first = found.aligned()[0]
    assert first.attention.shape == (len(first.target_tokens), len(first.source_tokens))
