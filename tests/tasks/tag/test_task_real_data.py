"""Files of Universal Dependencies and WNUT 17: read whole, and parts of speech learned in seconds."""

from pathlib import Path

import pytest

import unroll
from unroll.run.data_check import check

DATA = Path(__file__).parents[4] / "shared" / "data" / "tagging"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data"),
]


def test_real_files_hold_what_their_sources_say():
    """SOURCE.md of each: sentences, words, entities."""
    for name, sentences, words, labels in (
        ("ud_english_ewt/en_ewt-ud-train.conllu", 12_544, 204_577, 17),
        ("ud_english_ewt/en_ewt-ud-test.conllu", 2_077, 25_094, 17),
        ("wnut17_ner/wnut17train.conll", 3_394, 62_730, 6),
        ("wnut17_ner/emerging.test.annotated", 1_287, 23_394, 6),
    ):
        found = check(DATA / name, [].append, task="tag")
        assert (found["sentences"], found["words"], len(found["labels"])) == (
            sentences,
            words,
            labels,
        )
        assert found["problems"] == []
    assert sum(found["labels"].values()) == 1_079


def test_parts_of_speech_in_half_a_minute(tmp_path):
    folder = DATA / "ud_english_ewt"
    run = unroll.train(
        folder / "en_ewt-ud-train.conllu",
        tmp_path / "run",
        valid=str(folder / "en_ewt-ud-dev.conllu"),
        hidden=100,
        steps=400,
        floor="none",
        quiet=True,
    )
    metrics = run.result()
    assert metrics["words"] == 25_147
    assert metrics["accuracy"] > 0.92 > metrics["baselines"]["most frequent tag"]["accuracy"]
    written = [run.format_prediction(a) for a in run.predict_file(folder / "en_ewt-ud-dev.conllu")]
    before = (folder / "en_ewt-ud-dev.conllu").read_text().split("\n")
    after = "\n".join(written).split("\n")
    kept = [line.split("\t")[:3] + line.split("\t")[4:] for line in after]
    assert kept == [line.split("\t")[:3] + line.split("\t")[4:] for line in before[:-1]]
