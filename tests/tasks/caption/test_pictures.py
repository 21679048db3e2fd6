import numpy as np

from unroll.tasks.caption.pictures import IMAGES, captioned_images


def test_images_have_the_caption_of_predict(trained, place):
    data = trained.task.read("captions.tsv", trained.recorded, print, trained.preprocessor)
    (found,) = captioned_images(trained.trained, data, lambda share: None)
    assert len(found.images) == min(IMAGES, found.of)
    for each in found.images[:2]:
        said = trained.predict(each.name)
        assert said["caption"] == each.caption and said["tokens"] == list(each.tokens)
        np.testing.assert_allclose(
            each.attention.reshape(len(each.tokens), -1), said["attention"], atol=1e-3
        )
        assert each.references[0].startswith("A ") and each.pixels.dtype == np.uint8
        assert each.attention.shape[1:] == tuple(said["grid"])
