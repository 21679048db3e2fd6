"""Images with captions: read from a table, cut into two parts, scaled, kept in memory or not.

N rows of the table, M different images, C colours, H height, W width, T tokens, B batch.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unroll.counting import counted
from unroll.data.bucketed import Bucketed, longest_first
from unroll.data.images import BadImage, read_image
from unroll.data.media_table import IMAGES, MediaTable, find_media_table
from unroll.data.optional import optional
from unroll.data.padding import decoder_targets
from unroll.data.problems import Problems
from unroll.data.split import count_shared, evenly_spread, validation_rows
from unroll.data.vocabulary import Ids
from unroll.errors import UserError
from unroll.tasks.caption.preprocessor import CaptionPreprocessor, learn_preprocessor
from unroll.tasks.caption.settings import CaptionSettings

CAPTIONS = "caption captions text sentence description title words comment".split()
PIXELS = 10_000  # of an image, where its size is left out
LOOK = 200  # images whose size is looked at
GROUPS = 20  # so many groups are enough to hold some out
LARGEST = 0.2  # of the rows, that a group may have
Watch = Callable[[float], None]


@dataclass
class Images:
    """Different images, scaled to one size, each with 8 bits a colour.

    paths: of the files. size: C, H, W. kept: [M, C, H, W] uint8, or None where they are read anew
    each time.
    """

    paths: list[Path]
    size: tuple[int, int, int]
    kept: Tensor | None

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: Sequence[int]) -> Tensor:
        """These images, [B, C, H, W] uint8.

        Raises: BadImage where a file is no longer what it was.
        """
        if self.kept is not None:
            return self.kept[torch.as_tensor(rows)]
        return torch.stack([scaled(self.paths[row], self.size) for row in rows])


def scaled(source: Path | bytes, size: tuple[int, int, int], name: str | None = None) -> Tensor:
    """An image of this size, uint8 [C, H, W]."""
    image = read_image(source, size[0], size[1], size[2], name)
    return (image * 255).round().to(torch.uint8)


@dataclass(frozen=True)
class CaptionBatch:
    """images: [B, C, H, W] uint8. inputs, target: ids [T, B], the inputs one step late. weight: bool
    [T, B], true where the target counts. lengths: [B], of the captions with their ends."""

    images: Tensor
    inputs: Tensor
    target: Tensor
    weight: Tensor
    lengths: Tensor
    fresh: bool = True

    @property
    def tokens(self) -> int:
        """How many targets count, ends among them."""
        return int(self.lengths.sum())

    def to(self, device: torch.device) -> CaptionBatch:
        """The same batch on a device; the lengths stay."""
        return replace(
            self,
            images=self.images.to(device),
            inputs=self.inputs.to(device),
            target=self.target.to(device),
            weight=self.weight.to(device),
        )


@dataclass(frozen=True)
class Captioned:
    """Captions with their images: a row each. texts: [N]. ids: tokens of each. which: its image."""

    images: Images
    texts: list[str]
    ids: list[Ids]
    which: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each caption, its end among them."""
        return np.array([len(ids) + 1 for ids in self.ids], dtype=np.int64)

    def batch(self, rows: list[int]) -> CaptionBatch:
        """These rows, padded."""
        images = self.images.take(self.which[rows].tolist())
        return CaptionBatch(images, *decoder_targets([self.ids[row] for row in rows]))

    def batches(self, size: int) -> list[list[int]]:
        """Every row once, in batches of about the same length."""
        return longest_first(self.lengths, size)

    def by_image(self) -> tuple[list[int], list[list[str]]]:
        """Each image that has captions, once, in order, and all its captions."""
        found: dict[int, list[str]] = {}
        for which, text in zip(self.which.tolist(), self.texts, strict=True):
            found.setdefault(which, []).append(text)
        return list(found), list(found.values())

    def part(self, chosen: np.ndarray) -> Captioned:
        """The rows that are true there; the images are count_shared."""
        rows = np.flatnonzero(chosen).tolist()
        return Captioned(
            self.images,
            [self.texts[row] for row in rows],
            [self.ids[row] for row in rows],
            self.which[rows],
        )


class CaptionBatches:
    """Batch n of a run: captions of about the same length."""

    def __init__(self, part: Captioned, batch_size: int, seed: int) -> None:
        self.part = part
        self.bucketed = Bucketed(part.lengths, batch_size, seed)
        self.per_epoch = self.bucketed.per_epoch

    def batch(self, number: int) -> CaptionBatch:
        """Batch `number` of the run, counted from 0 over all epochs."""
        return self.part.batch(self.bucketed.rows(number))


@dataclass(frozen=True)
class CaptionData:
    """What was read. problems: the bad records. told: what was counted on the way."""

    table: MediaTable
    preprocessor: CaptionPreprocessor
    train: Captioned
    valid: Captioned
    sha256: str
    validation_set: str
    problems: Problems
    told: list[str]


@dataclass
class Rows:
    """The rows of a table: paths of different images, and for each row its image and its words."""

    paths: list[Path] = field(default_factory=list)
    where: list[str] = field(default_factory=list)  # of each path's first row
    texts: list[str] = field(default_factory=list)
    which: list[int] = field(default_factory=list)


def find_captions(
    path: str, image: str | None, text: str | None, *, labelled: bool = True
) -> MediaTable:
    """The table of images and captions at a path."""
    return find_media_table(
        path,
        image,
        text,
        media_flag="--image",
        value_flag="--text",
        values=CAPTIONS,
        suffixes=IMAGES,
        labelled=labelled,
    )


def find_again(
    path: str, settings: CaptionSettings, image: str | None, text: str | None, *, labelled: bool
) -> MediaTable:
    """A further table, its columns named as the run's where they are there, else guessed."""
    if image is None and text is None:
        try:
            return find_captions(path, settings.image, settings.text, labelled=labelled)
        except UserError:
            if not Path(path).is_file():
                raise
    return find_captions(path, image, text, labelled=labelled)


def rows_of(table: MediaTable, problems: Problems) -> Rows:
    """What a table says, its images not yet opened."""
    rows = Rows()
    places: dict[Path, int] = {}
    for row in table.rows(problems):
        place = places.setdefault(row.path, len(places))
        if place == len(rows.paths):
            rows.paths.append(row.path)
            rows.where.append(row.where)
        rows.texts.append(" ".join((row.value or "").split()))
        rows.which.append(place)
    return rows


def usual_size(paths: Sequence[Path], settings: CaptionSettings) -> tuple[int, int, int]:
    """Colours, height and width that images are scaled to: as asked, else in the form that the
    middle one of some of them has, with 10,000 pixels at most."""
    if settings.height and settings.width:
        return settings.colours, settings.height, settings.width
    forms = []
    pillow = optional("PIL.Image", "reads images")
    for place in evenly_spread(len(paths), LOOK):
        try:
            with pillow.open(paths[place]) as image:
                forms.append((image.height / image.width, image.height * image.width))
        except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError):
            continue  # told when it is read
    ratio, pixels = np.median(forms, 0).tolist() if forms else (1.0, PIXELS)
    pixels = min(pixels, PIXELS)
    height = settings.height or round((pixels * ratio) ** 0.5)
    width = settings.width or round(height / ratio)
    if settings.width and not settings.height:
        height = round(width * ratio)
    return settings.colours, max(8, height), max(8, width)


def open_images(
    rows: Rows,
    size: tuple[int, int, int],
    most: int,
    problems: Problems,
    watch: Watch | None = None,
) -> tuple[Images, np.ndarray, str]:
    """The images of rows, which rows have one, and a hash of all files.

    Each file is opened, so that a bad one is told before training. most: bytes that may be kept.
    """
    M = len(rows.paths)
    keep = M * size[0] * size[1] * size[2] <= most
    kept = torch.empty(M if keep else 0, *size, dtype=torch.uint8)
    good, digest = np.ones(M, dtype=bool), hashlib.sha256()
    for place, path in enumerate(rows.paths):
        try:
            data = path.read_bytes()
            image = scaled(data, size, f"{rows.where[place]}: {path}")
        except BadImage as error:
            problems.bad(str(error))
            good[place] = False
            continue
        except OSError as error:
            problems.bad(f"{rows.where[place]}: {path} cannot be read ({error.strerror}).")
            good[place] = False
            continue
        digest.update(hashlib.sha256(data).digest())
        if keep:
            kept[place] = image
        if watch is not None:
            watch((place + 1) / M)
    fine = good[np.array(rows.which, dtype=np.int64)] if rows.which else np.zeros(0, dtype=bool)
    digest.update("\n".join(rows.texts).encode("utf-8", "surrogatepass"))
    return Images(rows.paths, size, kept if keep else None), fine, digest.hexdigest()


def groups_of(which: Sequence[int], texts: Sequence[str], by_caption: bool) -> np.ndarray:
    """The number of each row's group [N]: rows of one image are in one, and where asked, rows with
    the same caption too."""
    keys = [("image", str(place)) for place in which]
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(key: tuple[str, str]) -> tuple[str, str]:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for key, text in zip(keys, texts, strict=True):
        if by_caption:
            parent[root(("caption", text.lower()))] = root(key)
    names: dict[tuple[str, str], int] = {}
    return np.array([names.setdefault(root(key), len(names)) for key in keys], dtype=np.int64)


def group_of_commonest(groups: np.ndarray, texts: Sequence[str]) -> int:
    """The group of the caption that most rows have, the first of them where several are as common."""
    ((commonest, _),) = Counter(text.lower() for text in texts).most_common(1)
    return int(groups[[text.lower() for text in texts].index(commonest)])


def cut_apart(rows: Rows, apart: str) -> tuple[np.ndarray, str]:
    """Which rows are held out, a tenth of the groups, and what the groups are, in words."""
    if apart != "images":
        groups = groups_of(rows.which, rows.texts, by_caption=True)
        sizes = np.bincount(groups)
        if apart == "captions" or (len(sizes) >= GROUPS and sizes.max() <= LARGEST * len(groups)):
            chosen = validation_rows(len(sizes))
            if chosen.sum() > 1:
                # what people say most is to be learned, and is the baseline to be beaten
                chosen[group_of_commonest(groups, rows.texts)] = False
            return chosen[groups], (
                "a tenth of the captions with all their images, but never the commonest, so that no "
                "image and no caption is in both parts (--set apart=images)"
            )
    groups = groups_of(rows.which, rows.texts, by_caption=False)
    return validation_rows(int(groups.max(initial=-1)) + 1)[groups], (
        "a tenth of the images, so that none is in both parts (--set apart=captions)"
    )


def read_captions(
    path: str,
    settings: CaptionSettings,
    preprocessor: CaptionPreprocessor | None,
    watch: Watch | None = None,
    *,
    checking: bool = False,
) -> CaptionData:
    """The captions at a path in two parts.

    preprocessor: the run's own; else it is learned from the training part. checking: too few to train on
    are told and not refused.
    Raises: UserError for a table without captions, and for bad records.
    """
    problems = Problems(settings.skip_bad)
    table = find_captions(path, settings.image, settings.text)
    rows = rows_of(table, problems)
    size = preprocessor.size if preprocessor else usual_size(rows.paths, settings)
    most = settings.cache << 20
    images, fine, sha256 = open_images(rows, size, most, problems, watch)
    held, where = np.zeros(len(fine), dtype=bool), settings.valid or ""
    other: tuple[Rows, Images, np.ndarray] | None = None
    if settings.valid is None:
        held, where = cut_apart(rows, settings.apart)
    else:
        further = rows_of(find_captions(settings.valid, settings.image, settings.text), problems)
        opened, good, _ = open_images(further, size, most, problems, watch)
        other = further, opened, good
    train_texts = [rows.texts[row] for row in np.flatnonzero(fine & ~held)]
    if preprocessor is None:
        preprocessor = learn_preprocessor(train_texts, size, settings)
    whole = encoded(rows, images, preprocessor)
    train = whole.part(fine & ~held)
    if other is None:
        valid = whole.part(fine & held)
    else:
        valid = encoded(other[0], other[1], preprocessor).part(other[2])
    told = []
    if not len(train) or not len(valid):
        few = (
            f"{path} holds {counted(len(train) + len(valid), 'caption')}, {len(valid):,} held out; "
            "expected at least one to learn from and one held out. Give more of them, or others by "
            "--valid FILE."
        )
        if not checking or not len(train) + len(valid):
            raise UserError(few)
        told.append(f"Too few to train: {few}")
    same = count_shared([t.lower() for t in train.texts], [t.lower() for t in valid.texts])
    paths = {images.paths[place] for place in train.which.tolist()}
    seen = sum(valid.images.paths[place] in paths for place in set(valid.which.tolist()))
    return CaptionData(
        table=table,
        preprocessor=preprocessor,
        train=train,
        valid=valid,
        sha256=sha256,
        validation_set=where,
        problems=problems,
        told=[
            f"Of {len(valid):,} held-out captions {same:,} are also learned from, and of their images "
            f"{seen:,}.",
            *told,
        ],
    )


def encoded(rows: Rows, images: Images, preprocessor: CaptionPreprocessor) -> Captioned:
    """The rows as numbers."""
    ids = [preprocessor.vocabulary.encode(text) for text in rows.texts]
    return Captioned(images, rows.texts, ids, np.array(rows.which, dtype=np.int64))
