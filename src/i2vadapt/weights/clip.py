"""Files of CLIP weights: OpenAI's, and how it gets here."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import torch
from torch import Tensor

from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.weights.download import adopt, download
from i2vadapt.weights.reading import read_state

SHA256 = "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"
URL = f"https://openaipublic.azureedge.net/clip/models/{SHA256}/ViT-B-32.pt"

_NOT_WEIGHTS = ("input_resolution", "context_length", "vocab_size")  # figures in OpenAI's archives


def fetch_clip(out: Path, local: Path | None = None) -> None:
    """Downloads OpenAI's ViT-B/32 (MIT, 354 MB), or takes a copy that was brought here by hand.

    Args:
        out: file to write.
        local: the copy.

    Raises:
        UserError: another file than OpenAI's, or as `download`.
    """
    if local is not None:
        adopt(local, out, _check)
        return
    by_hand = "Without internet: fetch that file elsewhere, then `i2vadapt download clip-vit-b32 --archive FILE`"
    download(URL, out, _check, by_hand)


def _check(path: Path) -> None:
    found = file_digest(path)
    if found != SHA256:
        raise UserError(f"{path}: not OpenAI's ViT-B-32.pt: its SHA-256 is {found}, not {SHA256}")


def read_clip(path: Path) -> dict[str, Tensor]:
    """Reads the state dict of a CLIP file on the CPU.

    Args:
        path: OpenAI's TorchScript archive, or a state dict of open_clip (.pt, .bin, .safetensors).

    Raises:
        UserError: missing, damaged, or of another kind.
    """
    if not _is_torchscript(path):
        return read_state(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # PyTorch drops TorchScript; OpenAI's file stays what it is
            state = torch.jit.load(path, map_location="cpu").state_dict()
    except RuntimeError as error:
        raise UserError(f"{path}: not a readable TorchScript archive, or damaged") from error
    return {key: value for key, value in state.items() if key not in _NOT_WEIGHTS}


def _is_torchscript(path: Path) -> bool:
    """Such an archive is a zip file with a folder of code."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any("/code/" in name for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
