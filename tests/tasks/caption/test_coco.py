"""Captions as COCO keeps them become rows of images and captions."""

import json

import pytest

from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.caption.coco import is_coco, open_captions

IMAGES = [{"id": 7, "file_name": "a.jpg", "width": 4}, {"id": 9, "file_name": "b.jpg"}]
TEXTS = [
    {"image_id": 9, "id": 1, "caption": "A dog."},
    {"image_id": 7, "id": 2, "caption": "A cat."},
    {"image_id": 7, "id": 3, "caption": "One cat."},
]


def written(tmp_path, indent=None, **record):
    path = tmp_path / "captions.json"
    path.write_text(json.dumps({"info": {"year": 2017}, "licenses": [], **record}, indent=indent))
    return path


@pytest.mark.parametrize("indent", [None, 2])
def test_images_and_captions(tmp_path, indent):
    path = written(tmp_path, indent, images=IMAGES, annotations=TEXTS)
    assert is_coco(path)
    table = open_captions(path, "captions.json")
    assert table.names == ("file_name", "caption")
    rows = [row.cells for row in table.rows(Problems())]
    assert rows == [["b.jpg", "A dog."], ["a.jpg", "A cat."], ["a.jpg", "One cat."]]
    assert table.said == ("form: COCO, 2 images, 3 captions",)


def test_what_is_wrong_is_told(tmp_path):
    path = written(tmp_path, images=IMAGES, annotations=[*TEXTS, {"image_id": 5, "caption": "x"}])
    problems = Problems(skip=True)
    assert len(list(open_captions(path, "c.json").rows(problems))) == 3
    assert "c.json, annotation 4: there is no image 5." in problems.messages()[1]
    path = written(tmp_path, images=IMAGES, annotations=[{"image_id": 7, "bbox": [1, 2, 3, 4]}])
    with pytest.raises(UserError, match="annotations of COCO without captions"):
        open_captions(path, "c.json")
    path.write_text('{"images": [{"id": 1')
    with pytest.raises(UserError, match="is not JSON"):
        open_captions(path, "c.json")


def test_other_objects_are_read_as_before(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"images": ["a.png"], "text": "x"}\n{"images": ["b.png"], "text": "y"}\n')
    table = open_captions(path, "a.json")
    assert table.names == ("images", "text")


def test_the_splits_of_karpathy_have_sentences_in_their_images(tmp_path):
    path = tmp_path / "dataset_coco.json"
    image = {"filepath": "val2014", "filename": "a.jpg", "sentences": [{"raw": "A cat."}]}
    path.write_text(
        json.dumps({"images": [image, {**image, "filename": "b.jpg"}], "dataset": "coco"})
    )
    table = open_captions(path, "d.json")
    rows = [row.cells for row in table.rows(Problems())]
    assert rows[0] == ["val2014/a.jpg", [{"raw": "A cat."}]] and rows[1][0] == "val2014/b.jpg"
    assert table.said == ("form: COCO, 2 images, with their sentences",)
