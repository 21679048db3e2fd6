import json
from dataclasses import replace

import numpy as np

from unroll.inspect.task_pictures.captioned import caption_results
from unroll.tasks.pictures import CaptionedImage, CaptionedImages


def test_attention_lies_over_the_image():
    attention = np.array([[[0.1, 0.9]], [[0.97, 0.03]]])
    pixels = np.zeros((4, 8, 3), dtype=np.uint8)
    image = CaptionedImage("a.png", pixels, "a dog .", ["A dog."], ["a", "dog"], attention)
    found = caption_results(CaptionedImages([image], 3), "it", {})
    borrowed = replace(image, origin="similar image")
    told = caption_results(CaptionedImages([borrowed], 3), "it", {}).sentences()
    assert len(found.sentences()) == 2 and told[2].startswith("1 caption is those of similar")
    assert "of which 1 say word for word" in found.sentences()[0]
    svg = found.svg("image")
    assert (
        svg.count("<image") == 3 and svg.count('class="area c1"') == 3
    )  # 3 % of 97 % is not drawn
    assert "90.0%" in svg and "reference: A dog." in svg and found.png()[:4] == b"\x89PNG"
    assert found.csv().splitlines()[:2] == ['word,"1,1","1,2"', "a,0.1,0.9"]
    assert found.table()[1] == ["a.png", "a", "1", "2", "90%"]
    assert json.dumps(found.as_dict(), allow_nan=False) and "A dog." in found.text()
