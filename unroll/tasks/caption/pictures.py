"""What a captioner shows of its validation set: images, captions, and the attention of each word."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unroll.data.split import evenly_spread
from unroll.tasks.base import Progress
from unroll.tasks.caption.decoding import ImageCaptioner, TrainedCaptioner
from unroll.tasks.caption.reader import CaptionData
from unroll.tasks.pictures import CaptionedImage, CaptionedImages, TaskPicture

IMAGES = 6


def captioned_images(
    trained: TrainedCaptioner, data: CaptionData, progress: Progress
) -> Iterator[TaskPicture]:
    """An even sample of the images of the validation set.

    Args:
        trained: the model.
        data: with the known images of the training set.
        progress: called with the share that is done.
    """
    valid = data.valid
    places, references = valid.by_image()
    chosen = evenly_spread(len(places), IMAGES).tolist()
    captioner, found = ImageCaptioner(trained), []
    own = [places[k] for k in chosen]
    captions = captioner.caption_all(valid.images, own, progress)
    for k, place, said in zip(chosen, own, captions, strict=True):
        rows, columns = said["grid"]
        attention = np.array(said["attention"], dtype=float).reshape(-1, rows, columns)
        pixels = np.moveaxis(valid.images.take([place])[0].numpy(), 0, -1)
        if pixels.shape[-1] == 1:
            pixels = np.repeat(pixels, 3, -1)
        found.append(
            CaptionedImage(
                name=valid.images.paths[place].name,
                pixels=pixels,
                caption=said["caption"],
                references=references[k],
                tokens=said["tokens"],
                attention=attention,
                origin=said["origin"],
            )
        )
    yield CaptionedImages(found, len(places))
