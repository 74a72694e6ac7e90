"""Stage *depth*: 16-bit inverse depth of photographs (paper section 4.2)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from i2vadapt import versions
from i2vadapt.config import DepthSettings
from i2vadapt.data.image import read_image
from i2vadapt.data.items import Item, digest_items
from i2vadapt.data.manifest import file_digest
from i2vadapt.data.shard_build import BATCH_ITEMS, build_shard, make_provenance
from i2vadapt.data.shards import Encoded, Failed, encode_depth
from i2vadapt.depth.fetch import downloaded_checkpoint
from i2vadapt.depth.network import DepthNetwork
from i2vadapt.depth.preprocess import predict_inverse_depth_batch, spec_network_size, to_uint16
from i2vadapt.depth.registry import build_depth_model, default_checkpoint
from i2vadapt.devices import best_device
from i2vadapt.errors import UserError

_logger = logging.getLogger(__name__)


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
    """The network on the fastest device, and what identifies it in the provenance."""
    path = checkpoint_path(settings)
    network = build_depth_model(settings.model, path)
    device = best_device()
    _logger.info("depth network %s from %s on %s", settings.model, path, device)
    return network.to(device), {"network": settings.model, "checkpoint": file_digest(path)}


def inverse_depth_in_unit_range(network: DepthNetwork, image: np.ndarray) -> np.ndarray:
    """Inverse depth of one image (H,W,3) uint8 as (H,W) float32 in [0,1], stretched as the stored maps are."""
    return to_uint16(predict_inverse_depth_batch(network, [image])[0]).astype(np.float32) / 65535


def _read(item: Item) -> np.ndarray | Failed:
    try:
        return read_image(item.path)
    except UserError as error:
        return Failed(item.id, str(error))


def estimate_items(network: DepthNetwork, items: Sequence[Item]) -> Iterator[Encoded | Failed]:
    """Depth of photographs, in order; those of one network size in a batch of items go through the network together."""
    with ThreadPoolExecutor(2) as pool:
        loaded = pool.map(_read, items)
        for start in range(0, len(items), BATCH_ITEMS):
            batch = items[start : start + BATCH_ITEMS]
            yield from _estimate_batch(network, batch, [next(loaded) for _ in batch])


def _estimate_batch(
    network: DepthNetwork, items: Sequence[Item], images: Sequence[np.ndarray | Failed]
) -> list[Encoded | Failed]:
    results: dict[str, Encoded | Failed] = {}
    by_size: dict[tuple[int, int], list[tuple[Item, np.ndarray]]] = {}
    for item, image in zip(items, images, strict=True):
        if isinstance(image, Failed):
            results[item.id] = image
        else:
            by_size.setdefault(spec_network_size(network.spec, *image.shape[:2]), []).append((item, image))
    for group in by_size.values():
        maps = predict_inverse_depth_batch(network, [image for _, image in group])
        for (item, _), inverse in zip(group, maps, strict=True):
            try:
                stored = to_uint16(inverse)
            except UserError as error:
                results[item.id] = Failed(item.id, str(error))
                continue
            info = {"height": stored.shape[0], "width": stored.shape[1]}
            results[item.id] = Encoded(item.id, item.label, [encode_depth(stored)], info)
    return [results[item.id] for item in items]


def run_depth(items: Sequence[Item], out: Path, settings: DepthSettings, max_failed_share: float) -> None:
    """Makes one shard of depth maps: per-image min-max inverse depth in 16 bits, at the photographs' own sizes."""
    network, identity = load_network(settings)
    inputs = {**identity, "items": digest_items(items)}
    build_shard(
        out,
        "depth",
        items,
        lambda photographs: estimate_items(network, photographs),
        make_provenance("depth", versions.DEPTH, {"model": settings.model}, inputs),
        max_failed_share,
        unit="image",
    )
