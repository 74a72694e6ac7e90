"""Reading weight files by their content: safetensors and files of `torch.save`, without running code from them.

PyTorch's safe unpickler builds tensors and plain containers, and refuses any other class or function that a file names.
Training programs store more beside the weights: numbers of NumPy, arguments, callbacks. Such an object is read as an
empty stand-in, so that the weights beside it can be used; nothing that the file names is imported or called.
"""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from i2vadapt.errors import UserError
from i2vadapt.files.absent import advice

WEIGHTS, CHECKPOINT = "weights file", "checkpoint"
_WANTED = {WEIGHTS: "a .safetensors file or a file of torch.save", CHECKPOINT: "the checkpoint.pt of a run"}
_UNKNOWN_NAME = re.compile(r"GLOBAL (\S+) was not an allowed global")
_ENTRIES_OF = re.compile(r"Can only SETITEMS? for [^<]* but got <class '(\S+)'>")
_BLOCKED_NAME = re.compile(r"GLOBAL (\S+) whose module \S+ is blocked")
_OTHER_KINDS = (
    (b"version https://git-lfs", "a pointer of Git LFS in the place of the file, which `git lfs pull` fetches"),
    (b"\x1f\x8b", "compressed by gzip, to be unpacked first"),
    (b"BZh", "compressed by bzip2, to be unpacked first"),
    (b"\xfd7zXZ", "compressed by xz, to be unpacked first"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd, to be unpacked first"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "an array of NumPy"),
)
"""First bytes of files that are given in the place of weights."""


class StandIn(list[object]):
    """Stands for an object that is neither a tensor nor plain data; its class has the name that the file gives.

    It is a list because subclasses of list get their elements one by one.
    """

    __hash__ = object.__hash__  # type: ignore[assignment]

    def __init__(self, *_: object) -> None:
        super().__init__()

    def __setstate__(self, _: object) -> None:
        pass


class _EntriesOnly:
    """Stands for an object of a subclass of dict, of which the entries are read."""

    def __new__(cls, *_: object) -> Any:
        return OrderedDict()


def load_content(path: Path, wanted: str = WEIGHTS) -> object:
    """Reads what was saved in a weight file to the CPU.

    Args:
        path: safetensors file or file of `torch.save`; its suffix does not matter.
        wanted: what the file should be, for messages: `WEIGHTS` or `CHECKPOINT`.

    Returns:
        The saved content, with a `StandIn` for each object that is neither a tensor nor plain data.

    Raises:
        UserError: if the file is missing, damaged or of another kind; the message names what was found.
    """
    start = _first_bytes(path, wanted)
    kind = _other_kind(path, start)
    if kind:
        raise _refusal(path, wanted, kind)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's remarks about the format of the file
            return load_file(path) if start[8:9] == b"{" else _unpickle(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:
        # Damaged bytes make these parsers raise nearly anything: struct.error, IndexError, UnicodeDecodeError, ...
        found = _BLOCKED_NAME.search(str(error)) or _UNKNOWN_NAME.search(str(error))
        reason = (
            f"it names {found[1]}, and no code is run"
            if found
            else f"damaged, or of another kind ({type(error).__name__})"
        )
        raise _refusal(path, wanted, reason) from None


def _refusal(path: Path, wanted: str, found: str) -> UserError:
    return UserError(f"{path}: not a readable {wanted}: {found}; it must be {_WANTED[wanted]}")


def _first_bytes(path: Path, wanted: str) -> bytes:
    if path.is_dir():
        raise _refusal(path, wanted, "a folder")
    try:
        with path.open("rb") as file:
            return file.read(512)
    except FileNotFoundError:
        raise UserError(f"{path}: no such {wanted}{advice(path)}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None


def _other_kind(path: Path, start: bytes) -> str:
    """Names the kind of a file that holds no weights to be read; "" if it may hold some."""
    if not start:
        return "an empty file"
    if start.lstrip()[:1] == b"<":
        return "an HTML or XML page, perhaps an error page of the site that it came from"
    if start.startswith(b"PK"):
        return _kind_of_zip(path)
    known = next((kind for magic, kind in _OTHER_KINDS if start.startswith(magic)), "")
    return known or ("a text" if start.isascii() and b"\0" not in start else "")


def _kind_of_zip(path: Path) -> str:
    names = zip_members(path)
    if names is None:
        return "damaged, perhaps an incomplete copy or download"
    if has_code(names):
        return "a TorchScript program, which is never run"
    return "" if any(name.endswith("/data.pkl") for name in names) else "a zip archive of other files"


def zip_members(path: Path) -> list[str] | None:
    """Names of the members of a zip file; None if it is no zip file, or damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except Exception:  # damaged bytes make this parser raise UnicodeDecodeError, struct.error, ... too
        return None


def has_code(members: Iterable[str]) -> bool:
    """Whether a zip file with these members is a TorchScript archive."""
    return any("/code/" in name for name in members)


def _unpickle(path: Path) -> object:
    """Reads a file of `torch.save`; the names that need a stand-in become known one by one, each by a refusal."""
    stand_ins: dict[str, type] = {}
    while True:
        try:
            names: list[Any] = [(kind, name) for name, kind in stand_ins.items()]
            # An open file, since PyTorch judges a name by its suffix.
            with path.open("rb") as file, torch.serialization.safe_globals(names):
                return torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            unknown, with_entries = _UNKNOWN_NAME.search(str(error)), _ENTRIES_OF.search(str(error))
            name = unknown[1] if unknown else with_entries[1] if with_entries else ""
            name = name if "." in name else f"builtins.{name}"
            if unknown and name not in stand_ins:
                stand_ins[name] = _stand_in(name)
            elif with_entries and stand_ins.get(name, _EntriesOnly) is not _EntriesOnly:
                stand_ins[name] = _EntriesOnly
            else:
                raise


def _stand_in(name: str) -> type[StandIn]:
    module, _, own_name = name.rpartition(".")
    return type(own_name, (StandIn,), {"__module__": module})
