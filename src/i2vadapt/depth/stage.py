"""Stage *depth*: 16-bit inverse depth of photographs (paper section 4.2)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from i2vadapt import stages
from i2vadapt.config.preprocessing import DepthSettings
from i2vadapt.data.failures import failure, raise_if_general
from i2vadapt.data.image import read_image
from i2vadapt.data.items import Item, check_unchanged, digest_items
from i2vadapt.data.shards.build import BATCH_ITEMS, build_shard, make_provenance
from i2vadapt.data.shards.codec import encode_depth, unit_range
from i2vadapt.data.shards.format import Encoded, Failed
from i2vadapt.depth.fetch import downloaded_checkpoint
from i2vadapt.depth.network import DepthNetwork
from i2vadapt.depth.predict import enlarge, predict_inverse_depth, run_network
from i2vadapt.depth.preprocess import network_input, to_uint16
from i2vadapt.depth.registry import build_depth_model, default_checkpoint
from i2vadapt.depth.spec import DepthModelSpec
from i2vadapt.errors import UserError
from i2vadapt.runtime.cores import thread_count
from i2vadapt.runtime.devices import best_device, chosen_dtype, visible_devices
from i2vadapt.runtime.parallel import map_over_devices, prefetch
from i2vadapt.weights.reading import weights_digest

_logger = logging.getLogger(__name__)

_READERS = 2  # threads that read photographs while the network runs on the CPU
_BATCH_PIXELS = 1 << 20  # total pixels of the inputs that go through the network together on the CPU
_BYTES_PER_PIXEL = 4096  # of an input, in a GPU's memory: an estimate for the largest network, not measured
_SHARE_OF_MEMORY = 3  # a batch may fill a third of a GPU, which leaves room for the weights and for a second process


def checkpoint_path(settings: DepthSettings) -> Path:
    """File of a network's weights: the configured one, the one that comes with the package, or the downloaded one.

    Raises:
        UserError: if there is none, since random weights give no depth.
    """
    if settings.checkpoint is not None:
        return Path(settings.checkpoint)
    path = default_checkpoint(settings.model) or downloaded_checkpoint(settings.model)
    if not path.is_file():
        raise UserError(
            f"depth: checkpoint: the weights of {settings.model} are missing ({path});"
            f" fetch them with `i2vadapt download depth {settings.model}`, or set checkpoint to a file"
        )
    return path


def load_network(settings: DepthSettings) -> tuple[DepthNetwork, dict[str, str]]:
    """Loads the network on the best device; also returns what determines its maps, for the provenance."""
    identity = _identity(settings)
    return _load_on_device(settings), identity


def _identity(settings: DepthSettings) -> dict[str, str]:
    precision = str(chosen_dtype(settings.precision, best_device())).removeprefix("torch.")
    return {"network": settings.model, "checkpoint": weights_digest(checkpoint_path(settings)), "precision": precision}


def _load_on_device(settings: DepthSettings) -> DepthNetwork:
    path, device = checkpoint_path(settings), best_device()
    dtype = chosen_dtype(settings.precision, device)
    network = build_depth_model(settings.model, path).prepare(device, dtype)
    _logger.info("depth network %s: weights from %s, running on %s in %s", settings.model, path, device, dtype)
    return network


def inverse_depth_in_unit_range(network: DepthNetwork, image: np.ndarray) -> np.ndarray:
    """Inverse depth of one image (H,W,3) uint8 as (H,W) float32 in [0,1], stretched like the stored maps."""
    return unit_range(to_uint16(predict_inverse_depth(network, image)))


@dataclass(frozen=True)
class Photograph:
    """A photograph as it passes through the stage.

    Attributes:
        item: the photograph's item.
        size: its height and width.
        array: the input of the network (3,H,W), later the predicted map (H,W), or why there is none.
    """

    item: Item
    size: tuple[int, int]
    array: NDArray[np.float32] | Failed


def estimate_items(network: DepthNetwork, items: Sequence[Item]) -> Iterator[Encoded | Failed]:
    """Estimates depth of photographs, in order, while others are being read and encoded.

    Photographs are processed in the batches of the shard, so the same ones go through the network together whatever
    was done before.
    """
    batches = [items[start : start + BATCH_ITEMS] for start in range(0, len(items), BATCH_ITEMS)]
    on_gpu = next(network.parameters()).device.type == "cuda"
    # On a GPU the network is so fast that reading and encoding take many cores.
    readers_count, encoders_count = (max(thread_count() // 2, 2),) * 2 if on_gpu else (_READERS, 1)
    with ThreadPoolExecutor(readers_count) as readers, ThreadPoolExecutor(encoders_count) as encoders:
        read = (list(readers.map(partial(_read, network.spec), batch)) for batch in batches)
        predicted = (_predict(network, photographs) for photographs in prefetch(read, 1))
        # At most one in each thread, since maps have the size of their photographs, unlike inputs and predictions.
        encode = partial(_encode, network.spec)
        yield from prefetch(one for photographs in prefetch(predicted, 1) for one in encoders.map(encode, photographs))


def estimate_on_devices(
    settings: DepthSettings, items: Sequence[Item], devices: Sequence[str]
) -> Iterator[Encoded | Failed]:
    """Like `estimate_items`, with one process and network per device."""
    batches = [items[start : start + BATCH_ITEMS] for start in range(0, len(items), BATCH_ITEMS)]
    for results in map_over_devices(partial(_estimate_batch, settings), batches, devices):
        yield from results


def _estimate_batch(settings: DepthSettings, items: Sequence[Item]) -> list[Encoded | Failed]:
    return list(estimate_items(_network_of_process(settings), items))


@cache
def _network_of_process(settings: DepthSettings) -> DepthNetwork:
    return _load_on_device(settings)


def _read(spec: DepthModelSpec, item: Item) -> Photograph:
    size = 0, 0
    try:
        image = read_image(item.path)
        check_unchanged(item)
        size = image.shape[0], image.shape[1]
        return Photograph(item, size, network_input(spec, image))
    except Exception as error:
        return Photograph(item, size, failure(item.id, error, item.path))


def _predict(network: DepthNetwork, photographs: Sequence[Photograph]) -> list[Photograph]:
    """Replaces inputs by maps; inputs of one size go through the network together, as many as memory allows."""
    by_size: dict[tuple[int, ...], list[int]] = {}
    for place, photograph in enumerate(photographs):
        if not isinstance(photograph.array, Failed):
            by_size.setdefault(photograph.array.shape[1:], []).append(place)
    done = list(photographs)
    for (height, width), places in by_size.items():
        count = max(_pixels_at_a_time(network) // (height * width), 1)
        for start in range(0, len(places), count):
            chosen = places[start : start + count]
            maps = _maps(network, [photographs[place] for place in chosen])
            for place, depth in zip(chosen, maps, strict=True):
                done[place] = replace(photographs[place], array=depth)
    return done


def _pixels_at_a_time(network: DepthNetwork) -> int:
    """Pixels of inputs that go through the network together.

    On a GPU it follows from its whole memory, not from what is free at the moment: rounding depends on the batch, and
    the same photographs must give the same maps.
    """
    device = next(network.parameters()).device
    if device.type != "cuda":
        return _BATCH_PIXELS
    return int(torch.cuda.mem_get_info(device)[1]) // _SHARE_OF_MEMORY // _BYTES_PER_PIXEL


def _maps(network: DepthNetwork, photographs: Sequence[Photograph]) -> list[NDArray[np.float32] | Failed]:
    """Predicts maps (H,W) from inputs of one size; if that fails, each half alone, so that only the cause has none.

    Halves also fit where a GPU's memory does not suffice for all, because another process uses it.
    """
    try:
        return list(run_network(network, [photograph.array for photograph in photographs]))  # type: ignore[misc]
    except Exception as error:
        if len(photographs) == 1:
            item = photographs[0].item
            return [failure(item.id, error, item.path)]
        if not isinstance(error, torch.OutOfMemoryError):
            raise_if_general(error)
    middle = len(photographs) // 2
    return _maps(network, photographs[:middle]) + _maps(network, photographs[middle:])


def _encode(spec: DepthModelSpec, photograph: Photograph) -> Encoded | Failed:
    item, size, array = photograph.item, photograph.size, photograph.array
    if isinstance(array, Failed):
        return array
    try:
        stored = to_uint16(enlarge(array, size, spec.enlarge))
        return Encoded(item.id, item.label, [encode_depth(stored)], {"height": size[0], "width": size[1]})
    except Exception as error:
        return failure(item.id, error, item.path)


def run_depth(items: Sequence[Item], out: Path, settings: DepthSettings, max_failed_share: float) -> None:
    """Builds one shard of depth maps: inverse depth in 16 bits, stretched to each photograph's range, at its size."""
    devices = visible_devices()
    inputs = {**_identity(settings), "items": digest_items(items)}

    def process(photographs: Sequence[Item]) -> Iterator[Encoded | Failed]:
        if len(devices) > 1:
            return estimate_on_devices(settings, photographs, devices)
        return estimate_items(_load_on_device(settings), photographs)

    build_shard(
        out,
        "depth",
        items,
        process,
        make_provenance("depth", stages.DEPTH.version, {"model": settings.model}, inputs),
        max_failed_share,
        unit="image",
    )
