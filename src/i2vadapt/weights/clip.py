"""Downloading and reading CLIP weights."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor

from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest
from i2vadapt.runtime.download import adopt, download
from i2vadapt.weights.files import has_code, zip_members
from i2vadapt.weights.reading import check_finite, read_state

SHA256 = "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"
URL = f"https://openaipublic.azureedge.net/clip/models/{SHA256}/ViT-B-32.pt"

_NOT_WEIGHTS = ("input_resolution", "context_length", "vocab_size")  # plain numbers in OpenAI's archives


def fetch_clip(out: Path, local: Path | None = None) -> None:
    """Downloads OpenAI's ViT-B/32 (MIT, 354 MB), or copies a file that is already on this machine.

    Args:
        out: file to write.
        local: file to copy instead of downloading.

    Raises:
        UserError: if the file is not OpenAI's; also for the reasons of `download`.
    """
    if local is not None:
        adopt(local, out, _check)
        return
    by_hand = (
        "Without internet access, fetch that file elsewhere and run `i2vadapt download clip-vit-b32 --archive FILE`"
    )
    download(URL, out, _check, by_hand)


def _check(path: Path) -> None:
    found = file_digest(path)
    if found != SHA256:
        raise UserError(f"{path}: not OpenAI's ViT-B-32.pt: its SHA-256 is {found}, not {SHA256}")


def read_clip(path: Path) -> dict[str, Tensor]:
    """Reads the state dict in a CLIP file to the CPU.

    Args:
        path: OpenAI's TorchScript archive, or a state dict of open_clip (.pt, .bin, .safetensors).

    Raises:
        UserError: if the file is missing, damaged, or of another kind, or a weight is not finite.
    """
    if not has_code(zip_members(path) or ()):
        return read_state(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # PyTorch deprecates TorchScript, but OpenAI's file uses it
            state = torch.jit.load(path, map_location="cpu").state_dict()
    except Exception:  # damaged bytes make the parser raise nearly anything
        raise UserError(f"{path}: not a readable TorchScript archive, or damaged") from None
    weights = {key: value for key, value in state.items() if key not in _NOT_WEIGHTS}
    check_finite(path, weights)
    return weights
