"""What a captioner's run reports in words."""

from unroll.tasks.caption.description import check_report, describe, summarise
from unroll.tasks.caption.reader import read_captions
from unroll.tasks.caption.settings import CaptionSettings


def test_sets_images_and_vocabulary_are_described(run, place):
    data = read_captions("captions.tsv", CaptionSettings(apart="images"), run.preprocessor)
    text = "\n".join(describe(data, run.settings, run.model))
    assert "Guessed: path: column image (change by --image)" in text
    assert "Training set: 144 captions of 144 images." in text
    assert "Validation set: a tenth of the images, 16 captions of 16 images" in text
    assert "No image is in both sets (--set apart=captions)." in text
    assert "Images are scaled to 24 x 16 pixels, in colour" in text
    assert "a grid of 6 x 4 places" in text and "by up to 1 pixel (" in text


def test_metrics_stand_beside_the_baselines(run):
    metrics = {**run.result(), "skipped": 2}
    lines = summarise(metrics, "new images")
    assert lines[0].startswith("On new images, 16 images (of ")
    assert [line.split()[0] for line in lines[1:4]] == ["this", "most", "nearest"]
    assert lines[-1] == "  Skipped 2 bad records."
    worse = summarise({**metrics, "cider_d": 0.0}, "new images")
    assert any(line.startswith("No better than the baselines") for line in worse)


def test_a_check_counts_bad_rows(write_table):
    report = check_report(write_table(more="none.png,Nothing.\n"), CaptionSettings())
    assert (report["rows"], report["images"], report["bad"]) == (40, 30, 1)
    assert report["lengths"]["unit"] == "words" and report["scaled_to"] == {
        "width": 24,
        "height": 16,
    }
    assert "there is no file none.png" in report["problems"][0]
