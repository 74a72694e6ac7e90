"""Listing a dataset on disk: its files and the class of each."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from i2vadapt.config.documents import DatasetSpec
from i2vadapt.data.items import shard_of
from i2vadapt.data.list_files import HMDB51_CODES, Entry, read_hmdb51_split, read_list, read_ucf101_list
from i2vadapt.errors import UserError

VIDEO_SUFFIXES = frozenset(
    {".avi", ".mp4", ".mkv", ".mov", ".webm", ".mpg", ".mpeg", ".m4v", ".wmv", ".flv", ".3gp", ".ogv", ".ts"}
)
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".avif"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".jxl", ".heic", ".heif"}
)
"""Suffixes of pictures. Those that can't be read (HEIC) are excluded for that reason and not for their suffix."""
_OTHERS = """
    .svg .psd .ico .exr .npy .npz .mat .h5 .hdf5 .pkl .pickle .pt .pth .ckpt .safetensors .flo
    .txt .md .rst .log .csv .tsv .json .jsonl .xml .yaml .yml .toml .ini .cfg .htm .html .css .url .pdf .doc .docx
    .xls .xlsx .ppt .pptx .odt .ods .py .ipynb .sh .bat .exe .m .js .c .h .cpp .lnk .db .sqlite .bak .tmp .lock .part
    .zip .tar .gz .tgz .bz2 .xz .7z .rar .md5 .sha1 .sha256 .torrent .nfo .srt .sub .idx .vtt .ass .ssa .m3u .m3u8
    .mp3 .wav .flac .aac .m4a .wma .opus .xgtf .thm
"""
OTHER_SUFFIXES = IMAGE_SUFFIXES.union(_OTHERS.split())
"""Suffixes that are clearly not those of videos. Files with any other suffix, or none, are recognised by content."""


def list_entries(spec: DatasetSpec, labelled: bool = False) -> list[Entry]:
    """Lists all entries of a dataset, sorted by id.

    Args:
        spec: location of the dataset.
        labelled: whether every line of a list needs a label.

    Raises:
        UserError: if the root or a list is missing, empty or malformed.
    """
    root = Path(spec.root)
    if not root.is_dir():
        raise UserError(
            f"{spec.dataset}: root: {spec.root}: no such folder; is its drive mounted?"
            " `i2vadapt fetch` gets the data of the paper, `i2vadapt demo` renders that of the demo"
        )
    if spec.layout == "folder":
        entries = list(_list_folder(root))
    elif spec.layout == "hmdb51":
        pairs = [pair for folder in spec.lists for pair in read_hmdb51_split(Path(folder), spec.split or 1)]
        entries = [entry for entry, code in pairs if code in HMDB51_CODES[spec.subset]]
    elif spec.layout == "ucf101":
        entries = [entry for name in spec.lists for entry in read_ucf101_list(Path(name))]
    else:
        entries = [entry for name in spec.lists for entry in read_list(Path(name), root, labelled)]
    if not entries:
        raise UserError(
            f"{spec.dataset}: {spec.root if spec.layout == 'folder' else ', '.join(spec.lists)}: contains no items"
        )
    return sorted(entries, key=lambda entry: os.fsencode(entry.id))


def walk(root: Path) -> Iterator[str]:
    """Yields the ids of all files below a folder except hidden ones.

    Links are followed and hide nothing: a folder that has two names is visited under both. Only a link to a folder that
    contains it is left alone.
    """
    return (name for name, problem in walk_with_problems(root) if not problem)


def walk_with_problems(root: Path) -> Iterator[tuple[str, str]]:
    """Yields the ids of all files, as `walk`, with "", and those of folders that cannot be listed with the reason."""
    return _walk(os.fspath(root), "", (os.path.realpath(root),))


def _walk(folder: str, prefix: str, inside: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yields ids of files, and of folders that cannot be listed with the reason.

    Args:
        folder: path of the folder.
        prefix: id of the folder with a slash; empty for the root.
        inside: real paths of the folders from the root to this one, last of all its own.
    """
    try:
        with os.scandir(folder) as found:
            entries = sorted((entry for entry in found if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError as error:
        yield prefix.removesuffix("/"), f"folder cannot be listed: {error.strerror}"
        return
    folders = [entry for entry in entries if _is_folder(entry)]
    known = {entry.name for entry in folders}
    yield from ((prefix + entry.name, "") for entry in entries if entry.name not in known)
    for entry in folders:
        real = os.path.realpath(entry.path) if entry.is_symlink() else f"{inside[-1].removesuffix('/')}/{entry.name}"
        if real not in inside:
            yield from _walk(entry.path, f"{prefix}{entry.name}/", (*inside, real))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def shard_digests(root: Path, shards: int) -> list[str]:
    """Digests of the names and sizes of each shard's files, cheap enough to compute whenever the workflow starts.

    Modification times are ignored on purpose: a copy or a `touch` must not redo days of work. The price is that an
    edit which keeps a file's size to the byte goes unnoticed.
    """
    states = [hashlib.sha256() for _ in range(shards)]
    for name in walk(root) if root.is_dir() else ():
        try:
            size = os.stat(root / name).st_size
        except OSError:
            size = -1
        states[shard_of(name, shards)].update(os.fsencode(name) + b"\0%d\0" % size)
    return [state.hexdigest()[:16] for state in states]


def may_be_video(suffix: str) -> bool:
    """Whether a file may be a video by its suffix in small letters; if it is not among `VIDEO_SUFFIXES`, open it."""
    return suffix not in OTHER_SUFFIXES


def _list_folder(root: Path) -> Iterator[Entry]:
    for name, problem in walk_with_problems(root):
        parts = PurePosixPath(name).parts
        yield Entry(name, parts[0] if len(parts) > 1 else None, problem=problem)
