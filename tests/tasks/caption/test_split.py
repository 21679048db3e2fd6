"""Which rows of a caption table are the validation set."""

from unroll.tasks.caption.reader import read_captions
from unroll.tasks.caption.rows import CaptionRows
from unroll.tasks.caption.settings import CaptionSettings
from unroll.tasks.caption.split import group_rows, split_rows


def test_the_same_caption_stays_in_one_part_where_that_leaves_enough(folder, write_table):
    which, texts = [0, 1, 1, 2, 3], ["a", "A", "b", "b", "c"]
    assert group_rows(which, texts, True).tolist() == [0, 0, 0, 0, 1]
    assert group_rows(which, texts, False).tolist() == [0, 1, 1, 2, 3]
    rows = [f"{k}.png,Number {k % 5}." for k in range(30)]
    write_table()
    (folder / "few.csv").write_text("image,caption\n" + "\n".join(rows) + "\n")
    assert read_captions("few.csv", CaptionSettings()).validation_set.startswith(
        "a tenth of the images"
    )
    apart = read_captions("few.csv", CaptionSettings(apart="captions"))
    assert len(set(apart.valid.texts)) == 1 and len(apart.valid) == 6
    assert not set(apart.train.texts) & set(apart.valid.texts)


def test_the_most_frequent_caption_is_in_the_training_set():
    texts = [f"Caption {k}." for k in range(30)] + ["What all write."] * 5
    held = set()
    for first in range(30):  # wherever it stands in the file
        order = texts[:first] + texts[30:] + texts[first:30]
        rows = CaptionRows(texts=order, which=list(range(35)))
        chosen, _, rule = split_rows(rows, "captions")
        held |= {text for text, out in zip(order, chosen, strict=True) if out}
        assert 2 <= chosen.sum() <= 3 and "has the most frequent" in rule
    assert len(held) > 3 and "What all write." not in held
