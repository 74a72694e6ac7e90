"""Stage *depth*: 16-bit inverse depth of photographs (paper section 4.2)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from i2vadapt import stages
from i2vadapt.config.preprocessing import DepthSettings
from i2vadapt.data.image import read_image
from i2vadapt.data.items import Item, digest_items
from i2vadapt.data.manifest import check_unchanged
from i2vadapt.data.shards.build import BATCH_ITEMS, build_shard, make_provenance
from i2vadapt.data.shards.codec import encode_depth
from i2vadapt.data.shards.format import Encoded, Failed
from i2vadapt.depth.fetch import downloaded_checkpoint
from i2vadapt.depth.network import DepthNetwork
from i2vadapt.depth.predict import enlarge, predict_inverse_depth, run_network
from i2vadapt.depth.preprocess import network_input, to_uint16
from i2vadapt.depth.registry import build_depth_model, default_checkpoint
from i2vadapt.depth.spec import DepthModelSpec
from i2vadapt.errors import UserError
from i2vadapt.runtime.devices import best_device, chosen_dtype, visible_devices
from i2vadapt.runtime.parallel import map_over_devices, prefetch
from i2vadapt.weights.reading import weights_digest

_logger = logging.getLogger(__name__)

_READERS = 2  # threads
_BATCH_PIXELS = 1 << 20  # of the inputs that go through the network together


def checkpoint_path(settings: DepthSettings) -> Path:
    """File of a network's weights: the given one, that of the package, or the downloaded one.

    Raises:
        UserError: if there is none: random weights give no depth.
    """
    if settings.checkpoint is not None:
        return Path(settings.checkpoint)
    path = default_checkpoint(settings.model) or downloaded_checkpoint(settings.model)
    if not path.is_file():
        raise UserError(
            f"depth: checkpoint: {settings.model} needs its weights, and there is no {path}:"
            f" `i2vadapt download depth {settings.model}` fetches them, or name a file"
        )
    return path


def load_network(settings: DepthSettings) -> tuple[DepthNetwork, dict[str, str]]:
    """The network on the fastest device, and what decides its maps, for the provenance."""
    identity = _identity(settings)
    return _network_here(settings), identity


def _identity(settings: DepthSettings) -> dict[str, str]:
    precision = str(chosen_dtype(settings.precision, best_device())).removeprefix("torch.")
    return {"network": settings.model, "checkpoint": weights_digest(checkpoint_path(settings)), "precision": precision}


def _network_here(settings: DepthSettings) -> DepthNetwork:
    path, device = checkpoint_path(settings), best_device()
    dtype = chosen_dtype(settings.precision, device)
    network = build_depth_model(settings.model, path).prepare(device, dtype)
    _logger.info("depth network %s from %s on %s in %s", settings.model, path, device, dtype)
    return network


def inverse_depth_in_unit_range(network: DepthNetwork, image: np.ndarray) -> np.ndarray:
    """Inverse depth of one image (H,W,3) uint8 as (H,W) float32 in [0,1], stretched as the stored maps are."""
    return to_uint16(predict_inverse_depth(network, image)).astype(np.float32) / 65535


@dataclass(frozen=True)
class Part:
    """A photograph on its way through the stage.

    Attributes:
        item: the photograph.
        size: its height and width.
        array: (3,H,W) input of the network, then the (H,W) map that it predicts, or why there is none.
    """

    item: Item
    size: tuple[int, int]
    array: NDArray[np.float32] | Failed


def estimate_items(network: DepthNetwork, items: Sequence[Item]) -> Iterator[Encoded | Failed]:
    """Depth of photographs, in order, while others are being read and encoded.

    Photographs are taken by batches of a shard, always the same ones together, whatever was done before.
    """
    batches = [items[start : start + BATCH_ITEMS] for start in range(0, len(items), BATCH_ITEMS)]
    with ThreadPoolExecutor(_READERS) as readers:
        read = (list(readers.map(partial(_read, network.spec), batch)) for batch in batches)
        predicted = (_predict(network, parts) for parts in prefetch(read, 1))
        encoded = ([_encode(network.spec, part) for part in parts] for parts in prefetch(predicted, 1))
        for results in prefetch(encoded, 1):
            yield from results


def estimate_on_devices(
    settings: DepthSettings, items: Sequence[Item], devices: Sequence[str]
) -> Iterator[Encoded | Failed]:
    """Like `estimate_items`, with one process and network for each device."""
    batches = [items[start : start + BATCH_ITEMS] for start in range(0, len(items), BATCH_ITEMS)]
    for results in map_over_devices(partial(_estimate_batch, settings), batches, devices):
        yield from results


def _estimate_batch(settings: DepthSettings, items: Sequence[Item]) -> list[Encoded | Failed]:
    return list(estimate_items(_network_of_process(settings), items))


@cache
def _network_of_process(settings: DepthSettings) -> DepthNetwork:
    return _network_here(settings)


def _read(spec: DepthModelSpec, item: Item) -> Part:
    try:
        image = read_image(item.path)
    except UserError as error:
        return Part(item, (0, 0), Failed(item.id, str(error)))
    check_unchanged(item)
    height, width = image.shape[:2]
    try:
        return Part(item, (height, width), network_input(spec, image))
    except UserError as error:
        return Part(item, (height, width), Failed(item.id, f"{item.path}: {error}"))


def _predict(network: DepthNetwork, parts: Sequence[Part]) -> list[Part]:
    """Replaces inputs by maps; inputs of one size go through the network together, as many as memory allows."""
    by_size: dict[tuple[int, ...], list[int]] = {}
    for place, part in enumerate(parts):
        if not isinstance(part.array, Failed):
            by_size.setdefault(part.array.shape[1:], []).append(place)
    done = list(parts)
    for (height, width), places in by_size.items():
        count = max(_BATCH_PIXELS // (height * width), 1)
        for start in range(0, len(places), count):
            chosen = places[start : start + count]
            maps = run_network(network, [parts[place].array for place in chosen])  # type: ignore[misc]
            for place, depth in zip(chosen, maps, strict=True):
                done[place] = replace(parts[place], array=depth)
    return done


def _encode(spec: DepthModelSpec, part: Part) -> Encoded | Failed:
    if isinstance(part.array, Failed):
        return part.array
    try:
        stored = to_uint16(enlarge(part.array, part.size, spec.enlarge))
    except UserError as error:
        return Failed(part.item.id, f"{part.item.path}: {error}")
    info = {"height": part.size[0], "width": part.size[1]}
    return Encoded(part.item.id, part.item.label, [encode_depth(stored)], info)


def run_depth(items: Sequence[Item], out: Path, settings: DepthSettings, max_failed_share: float) -> None:
    """Makes one shard of depth maps: per-image min-max inverse depth in 16 bits, at the photographs' own sizes."""
    devices = visible_devices()
    inputs = {**_identity(settings), "items": digest_items(items)}

    def process(photographs: Sequence[Item]) -> Iterator[Encoded | Failed]:
        if len(devices) > 1:
            return estimate_on_devices(settings, photographs, devices)
        return estimate_items(_network_here(settings), photographs)

    build_shard(
        out,
        "depth",
        items,
        process,
        make_provenance("depth", stages.DEPTH.version, {"model": settings.model}, inputs),
        max_failed_share,
        unit="image",
    )
