"""Stage *crop*: turns photographs into videos by 2D crops around the object of their class, without depth (ST-I2V)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from i2vadapt import stages
from i2vadapt.config.preprocessing import CropSettings
from i2vadapt.data.failures import failure
from i2vadapt.data.image import read_image
from i2vadapt.data.items import Item, check_unchanged, digest_items, item_seed
from i2vadapt.data.shards.build import BATCH_ITEMS, build_shard, make_provenance
from i2vadapt.data.shards.codec import encode_frame
from i2vadapt.data.shards.format import Encoded, Failed
from i2vadapt.errors import UserError
from i2vadapt.inference.attention import PhotographClassifier, load_photograph_classifier
from i2vadapt.runtime.parallel import prefetch, thread_map
from i2vadapt.synthesis.crops import WHOLE, Box, crop_clip, object_box, random_box, to_pixels
from i2vadapt.synthesis.frame_size import frame_size

_BATCH_PIXELS = 1 << 21  # total pixels of the photographs that go through the network together, some 0.5 GB on the CPU


@dataclass(frozen=True)
class Located:
    """A photograph and the box of its object.

    Attributes:
        item: the photograph's item.
        box: the box, None if none was looked for, or why there is none.
    """

    item: Item
    box: Box | Failed | None


Locate = Callable[[Sequence[Item]], Iterator[Located]]


def run_crops(
    items: Sequence[Item],
    classifier: Path | None,
    out: Path,
    settings: CropSettings,
    seed: int,
    threads: int,
    max_failed_share: float,
) -> None:
    """Builds one shard of generated videos.

    Args:
        items: photographs of the shard.
        classifier: checkpoint of a ResNet that was trained on photographs; needed with attention "grad_cam".
        out: shard to write.
        settings: settings of the stage.
        seed: random seed of the crops, combined with each item's id.
        threads: number of threads that read photographs, and of those that crop and encode them; at least 1.
        max_failed_share: share of failed items above which the stage fails.

    Raises:
        UserError: if the classifier is missing or does not know the class of an item.
    """
    inputs = {"items": digest_items(items)}
    locate: Locate = _unlocated
    if settings.attention == "grad_cam":
        if classifier is None:
            raise UserError("crop: attention grad_cam needs --classifier, the checkpoint.pt of a run on photographs")
        network = load_photograph_classifier(classifier)
        network.check_knows(items)
        inputs |= network.identity()
        locate = partial(locate_objects, network, settings, threads)
    crop = partial(_crop, settings, seed)
    build_shard(
        out,
        "frames",
        items,
        lambda photographs: thread_map(crop, prefetch(locate(photographs), BATCH_ITEMS), threads),
        make_provenance("crop", stages.CROP.version, {**settings.model_dump(mode="json"), "seed": seed}, inputs),
        max_failed_share,
        unit="video",
    )


def _unlocated(items: Sequence[Item]) -> Iterator[Located]:
    return (Located(item, None) for item in items)


def locate_objects(
    classifier: PhotographClassifier, settings: CropSettings, threads: int, items: Sequence[Item]
) -> Iterator[Located]:
    """Finds the object of each photograph, in order, while others are being read.

    Photographs are processed in the batches of the shard, so the same ones go through the network together whatever
    was done before: rounding depends on the batch.

    Args:
        classifier: network whose maps show the objects.
        settings: see `object_box`.
        threads: number of threads that read photographs.
        items: photographs.
    """
    batches = [items[start : start + BATCH_ITEMS] for start in range(0, len(items), BATCH_ITEMS)]
    with ThreadPoolExecutor(threads) as readers:
        read = (list(readers.map(partial(_read, classifier), batch)) for batch in batches)
        for batch, photographs in zip(batches, prefetch(read, 1), strict=True):
            boxes = _find_boxes(classifier, settings, batch, photographs)
            yield from map(Located, batch, boxes)


def _read(classifier: PhotographClassifier, item: Item) -> np.ndarray | Failed:
    try:
        return classifier.input_of(read_image(item.path))
    except Exception as error:
        return failure(item.id, error, item.path)


def _find_boxes(
    classifier: PhotographClassifier,
    settings: CropSettings,
    items: Sequence[Item],
    photographs: Sequence[np.ndarray | Failed],
) -> list[Box | Failed]:
    """Finds boxes; photographs of one size go through the network together, up to a number of pixels."""
    found: dict[Item, Box | Failed] = {}
    by_size: dict[tuple[int, ...], list[tuple[Item, np.ndarray]]] = {}
    for item, photograph in zip(items, photographs, strict=True):
        if isinstance(photograph, Failed):
            found[item] = photograph
        else:
            by_size.setdefault(photograph.shape[:2], []).append((item, photograph))
    for (height, width), same_size in by_size.items():
        count = max(_BATCH_PIXELS // (height * width), 1)
        for start in range(0, len(same_size), count):
            found |= _boxes_of_one_size(classifier, settings, same_size[start : start + count])
    return [found[item] for item in items]


def _boxes_of_one_size(
    classifier: PhotographClassifier, settings: CropSettings, photographs: Sequence[tuple[Item, np.ndarray]]
) -> dict[Item, Box | Failed]:
    try:
        maps = classifier.maps(
            [photograph for _, photograph in photographs], [item.class_name for item, _ in photographs]
        )
        return {
            item: object_box(attention, photograph.shape[0], photograph.shape[1], settings)
            for (item, photograph), attention in zip(photographs, maps, strict=True)
        }
    except Exception as error:
        # What may fail is a large photograph, for lack of memory, and it is alone.
        return {item: failure(item.id, error, item.path) for item, _ in photographs}


def _crop(settings: CropSettings, seed: int, located: Located) -> Encoded | Failed:
    item = located.item
    if isinstance(located.box, Failed):
        return located.box
    try:
        # Read again, as a batch of large photographs would take gigabytes until it is their turn.
        image = read_image(item.path)
        check_unchanged(item)
        return _generate(item, image, located.box, settings, seed)
    except Exception as error:
        return failure(item.id, error, item.path)


def _generate(item: Item, image: np.ndarray, found: Box | None, settings: CropSettings, seed: int) -> Encoded:
    height, width = image.shape[:2]
    frame_size(height, width, settings.short_side, settings.aspect)
    rng = np.random.default_rng(item_seed(seed, "crop", item.id))
    box = found or (random_box(rng, settings.smallest_side) if settings.attention == "random" else WHOLE)
    frames, boxes = crop_clip(image, box, settings, rng)
    data = [encode_frame(frame, settings.codec, settings.quality) for frame in frames]
    info = {
        "height": frames.shape[1],
        "width": frames.shape[2],
        "fps": 25.0,
        "object": to_pixels(box, height, width),
        "boxes": boxes,
    }
    return Encoded(item.id, item.label, data, info)
