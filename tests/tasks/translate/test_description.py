"""What a translator's run reports in words."""

from unroll.tasks.translate.description import check_report, describe, summarise
from unroll.tasks.translate.reader import read_pairs
from unroll.tasks.translate.settings import TranslateSettings


def test_sets_tokens_and_batches_are_described(run, place):
    text = "\n".join(describe(read_pairs("pairs.tsv", run.settings), run.settings))
    assert "Training set: " in text and " pairs in columns 1 and 2 of pairs.tsv" in text
    assert "Validation set: a tenth of the different sources of pairs.tsv" in text
    assert "Tokens are words (--level), 7 different ones in sources and 8 in targets" in text
    assert "Attention: general" in text and "encoder of 2 x 24 units" in text


def test_metrics_stand_beside_the_baselines(run):
    lines = summarise(run.result(), "new pairs")
    assert lines[0].startswith("On new pairs, ") and lines[0].endswith("length penalty 1):")
    assert [line.split()[0] for line in lines[1:4]] == ["this", "source", "nearest"]
    assert all("BLEU" in line and "exact match" in line for line in lines[1:4])


def test_a_check_counts_bad_and_long_pairs(place):
    (place / "mixed.tsv").write_text(
        "".join(f"a {n}\tc d\n" for n in range(20)) + "a b c d\te\nx\n"
    )
    report = check_report("mixed.tsv", TranslateSettings(level="word", max_length=3))
    assert report["pairs"] == 21 and report["tokens"]["source"] == {"mean": 2.0, "longest": 2}
    assert "1 pair is longer than 3 tokens and is skipped." in report["messages"]
    assert "line 22: 1 column" in report["problems"][1]
