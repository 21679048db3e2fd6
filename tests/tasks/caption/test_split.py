"""Which rows of a caption table are the validation set."""

import pytest

from unroll.errors import UserError
from unroll.tasks.caption.reader import read_captions
from unroll.tasks.caption.rows import CaptionRows
from unroll.tasks.caption.settings import CaptionSettings
from unroll.tasks.caption.split import group_rows, split_rows


def test_the_same_caption_stays_in_one_part_where_that_leaves_enough(folder, write_table):
    which, texts = [0, 1, 1, 2, 3], ["a", "A", "b", "b", "c"]
    assert group_rows(which, [text.lower() for text in texts]).tolist() == [0, 0, 0, 0, 1]
    assert group_rows(which).tolist() == [0, 1, 1, 2, 3]
    assert group_rows(which, "xyzzx").tolist() == [0, 1, 1, 1, 0]
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


def test_whole_groups_are_held_out(folder, write_table):
    write_table()
    lines = [f"{k}.png,Number {k}.,{'abcde'[k % 5]}" for k in range(30)]
    (folder / "groups.csv").write_text("image,caption,who\n" + "\n".join(lines) + "\n")
    data = read_captions("groups.csv", CaptionSettings(by="who"))
    train, valid = (
        {int(text[7:-1]) % 5 for text in part.texts} for part in (data.train, data.valid)
    )
    assert len(data.valid) == 6 and len(valid) == 1 and len(train) == 4 and not train & valid
    assert data.validation_set == "those of 1 of 5 in column who"
    with pytest.raises(UserError, match="--by where: groups"):
        read_captions("groups.csv", CaptionSettings(by="where"))


def test_groups_that_share_an_image_are_held_out_together():
    rows = CaptionRows(texts=list("ttuuvw"), which=[0, 1, 1, 2, 3, 4], groups=list("abcdde"))
    chosen, where, _ = split_rows(rows, "auto", "who")
    together = [chosen[1], chosen[2]], [chosen[3], chosen[4]]
    assert all(one == other for one, other in together) and 0 < chosen.sum() < 6
    assert where.endswith("of 5 in column who")
    with pytest.raises(UserError, match="column who has 1 group, which share"):
        split_rows(CaptionRows(texts=["a", "b"], which=[0, 1], groups=["x", "x"]), "auto", "who")
