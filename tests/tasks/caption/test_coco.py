"""Captions as COCO keeps them become rows of images and captions."""

import json

import pytest

import unroll
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.caption.coco import is_coco, open_captions, open_images
from unroll.tasks.caption.metrics import caption_scores

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


def test_an_image_is_captioned_once(tmp_path):
    path = written(tmp_path, images=IMAGES, annotations=TEXTS)
    table = open_images(path, "captions.json")
    assert [row.cells[0] for row in table.rows(Problems())] == ["a.jpg", "b.jpg"]
    path = written(tmp_path, images=IMAGES)  # as image_info_test2017.json, without captions
    assert [row.cells[0] for row in open_images(path, "i.json").rows(Problems())] == [
        "a.jpg",
        "b.jpg",
    ]
    assert open_images(path, "i.json").said == ("form: COCO, 2 images",)


def test_a_run_of_captions_of_coco(folder, sizes, draw_squares):
    def write(name, rows):
        images, captions = [], []
        for number, row in enumerate(rows):
            path, text = row.strip().split("\t")
            images.append({"id": 100 + number, "file_name": path})
            for caption in (text, f"There is {text[0].lower()}{text[1:]}"):
                captions.append({"image_id": 100 + number, "caption": caption})
        (folder / name).write_text(json.dumps({"images": images, "annotations": captions}))

    asked = draw_squares(folder, 4, 60)
    write("train.json", draw_squares(folder, 24))
    write("test.json", asked)
    settings = {**sizes, "hidden": 8, "quiet": True, "threads": 1}
    run = unroll.train("train.json", folder / "run", steps=2, **settings)
    known = run.preprocessor.floor.captions
    assert len(known) == 24 and all(len(captions) == 2 for captions in known)
    assert run.result()["refit"]["kept"] and run.result()["captions"] == 4  # of two images
    found = run.evaluate("test.json")
    assert (found["images"], found["captions"]) == (4, 8) and "nrefs:2" in found["signature"]
    predicted = list(run.predict_file("test.json"))
    assert [each["image"].rpartition("/")[2] for each in predicted] == [
        f"{k}.png" for k in range(60, 64)
    ]
    references = [
        [text, f"There is a{text[1:]}"] for text in (row.strip().split("\t")[1] for row in asked)
    ]
    scores = caption_scores([each["caption"] for each in predicted], references)
    assert scores["cider_d"] == pytest.approx(found["cider_d"])
