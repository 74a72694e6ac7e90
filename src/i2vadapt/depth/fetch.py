"""Published depth checkpoints: where they are stored, and downloading them."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from i2vadapt.depth.checkpoints import read_checkpoint
from i2vadapt.depth.registry import new_network
from i2vadapt.depth.spec import DEPTH_MODELS, DepthModelSpec, depth_model_spec
from i2vadapt.errors import UserError
from i2vadapt.runtime.download import adopt, download
from i2vadapt.weights.reading import mismatch

_logger = logging.getLogger(__name__)


def downloaded_checkpoint(name: str) -> Path:
    """File in which a network's published checkpoint is stored, relative to the working directory."""
    return Path("weights") / f"{name}.pt"


def fetch_checkpoint(name: str, out: Path | None = None, local: Path | None = None) -> None:
    """Downloads the published checkpoint of a network, or copies one that is already on this machine.

    The publishers give no digest, so the digest of the first download is recorded; the weights must fit the network.

    Args:
        name: one of `DEPTH_MODELS`.
        out: file to write; `downloaded_checkpoint` by default.
        local: file to copy instead of downloading.

    Raises:
        UserError: if the network is unknown or comes with the package, or the weights belong to another network; also
            for the reasons of `download`.
    """
    spec = depth_model_spec(name)
    if not spec.url:
        others = ", ".join(other.name for other in DEPTH_MODELS.values() if other.url)
        raise UserError(f"download: {name} comes with the package; available for download: {others}")
    out = out or downloaded_checkpoint(name)
    _logger.info("%s: the weights are under the licence %s", name, spec.licence)
    if local is not None:
        adopt(local, out, lambda path: _check(path, spec))
        return
    by_hand = (
        f"Without internet access, fetch that file elsewhere and run `i2vadapt download depth {name} --archive FILE`"
    )
    download(spec.url, out, lambda path: _check(path, spec), by_hand)


def _check(path: Path, spec: DepthModelSpec) -> None:
    with torch.device("meta"):
        expected = new_network(spec).state_dict()
    difference = mismatch(read_checkpoint(path), expected)
    if difference:
        raise UserError(f"{path}: not a checkpoint of {spec.name}: {difference}")
