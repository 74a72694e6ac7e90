"""Downloading torchvision's Kinetics-400 weights of networks of clips."""

from __future__ import annotations

from pathlib import Path

from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.runtime.download import adopt, download

FOLDER = "https://download.pytorch.org/models/"
FILES = {
    "mvit_v2_s": "mvit_v2_s-ae3be167.pth",
    "swin3d_t": "swin3d_t-7615ae03.pth",
    "s3d": "s3d-d76dad2f.pth",
    "r2plus1d_18": "r2plus1d_18-91a641e6.pth",
}
"""Files by the names of the networks; a file's name ends in the first eight digits of its SHA-256."""


def fetch_torchvision(name: str, out: Path, local: Path | None = None) -> None:
    """Downloads the weights of a network (32 to 132 MB), or copies a file that is already on this machine.

    Args:
        name: one of `FILES`.
        out: file to write.
        local: file to copy instead of downloading.

    Raises:
        UserError: if the file is not torchvision's; also for the reasons of `download`.
    """
    if local is not None:
        adopt(local, out, lambda path: _check(path, FILES[name]))
        return
    by_hand = f"Without internet access, fetch that file elsewhere and run `i2vadapt download {name} --archive FILE`"
    download(FOLDER + FILES[name], out, lambda path: _check(path, FILES[name]), by_hand)


def _check(path: Path, published: str) -> None:
    found, expected = file_digest(path), Path(published).stem.rpartition("-")[2]
    if not found.startswith(expected):
        raise UserError(f"{path}: not torchvision's {published}: its SHA-256 begins with {found[:8]}, not {expected}")
