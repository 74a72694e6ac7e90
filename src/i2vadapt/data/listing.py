"""Listing a dataset on disk: its files and the class of each."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from i2vadapt.config.documents import DatasetSpec
from i2vadapt.data.items import shard_of
from i2vadapt.errors import UserError

VIDEO_SUFFIXES = frozenset(
    {".avi", ".mp4", ".mkv", ".mov", ".webm", ".mpg", ".mpeg", ".m4v", ".wmv", ".flv", ".3gp", ".ogv", ".ts"}
)
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".jfif"})
_OTHERS = """
    .avif .heic .heif .svg .psd .ico .exr .npy .npz .mat .h5 .hdf5 .pkl .pickle .pt .pth .ckpt .safetensors .flo
    .txt .md .rst .log .csv .tsv .json .jsonl .xml .yaml .yml .toml .ini .cfg .htm .html .css .url .pdf .doc .docx
    .xls .xlsx .ppt .pptx .odt .ods .py .ipynb .sh .bat .exe .m .js .c .h .cpp .lnk .db .sqlite .bak .tmp .lock .part
    .zip .tar .gz .tgz .bz2 .xz .7z .rar .md5 .sha1 .sha256 .torrent .nfo .srt .sub .idx .vtt .ass .ssa .m3u .m3u8
    .mp3 .wav .flac .aac .m4a .wma .opus .xgtf .thm
"""
OTHER_SUFFIXES = IMAGE_SUFFIXES.union(_OTHERS.split())
"""Suffixes that are clearly not those of videos. Files with any other suffix, or none, are recognised by content."""
HMDB51_CODES = {"train": ("1",), "test": ("2",), "all": ("0", "1", "2")}


@dataclass(frozen=True)
class Entry:
    """A file, or a line of a list, before any check.

    Attributes:
        id: path below the root, with forward slashes.
        class_name: name of its class in the dataset, or a class index as text; None without a class.
        is_index: whether the class is given as an index into the benchmark's classes.
    """

    id: str
    class_name: str | None
    is_index: bool = False


def list_entries(spec: DatasetSpec) -> list[Entry]:
    """Lists all entries of a dataset, sorted by id.

    Raises:
        UserError: if the root or a list is missing, empty or malformed.
    """
    root = Path(spec.root)
    if not root.is_dir():
        raise UserError(f"{spec.dataset}: root: {spec.root}: no such folder")
    if spec.layout == "folder":
        entries = [_folder_entry(name) for name in walk(root)]
    elif spec.layout == "hmdb51":
        pairs = [pair for folder in spec.lists for pair in read_hmdb51_split(Path(folder), spec.split or 1)]
        entries = [entry for entry, code in pairs if code in HMDB51_CODES[spec.subset]]
    else:
        read = read_ucf101_list if spec.layout == "ucf101" else _read_list
        entries = [entry for name in spec.lists for entry in read(Path(name))]
    if not entries:
        raise UserError(
            f"{spec.dataset}: {spec.root if spec.layout == 'folder' else ', '.join(spec.lists)}: contains no items"
        )
    return sorted(entries, key=lambda entry: os.fsencode(entry.id))


def walk(root: Path) -> Iterator[str]:
    """Yields the ids of all files below a folder except hidden ones; follows links, but visits no folder twice."""
    seen: set[str] = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(folder, name).relative_to(root).as_posix()


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


def _folder_entry(name: str) -> Entry:
    parts = PurePosixPath(name).parts
    return Entry(name, parts[0] if len(parts) > 1 else None)


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    return [line.strip() for line in text.split("\n") if line.strip()]


def _read_list(path: Path) -> list[Entry]:
    """Parses lines 'path label', where the label is a class name or a class index."""
    entries = []
    for number, line in enumerate(_lines(path), start=1):
        name, _, label = line.rpartition(" ")
        if not name.strip():
            raise UserError(f"{path}: line {number}: must be 'path label', not {line!r}")
        entries.append(Entry(name.strip(), label, is_index=label.isdecimal()))
    return entries


def read_ucf101_list(path: Path) -> list[Entry]:
    """Parses lines 'Class/video.avi', which training lists follow with a number; the folder is the class.

    Raises:
        UserError: if the list is missing or malformed.
    """
    entries = []
    for number, line in enumerate(_lines(path), start=1):
        name = line.partition(" ")[0]
        folder, _, file = name.partition("/")
        if not file:
            raise UserError(f"{path}: line {number}: must be 'Class/video.avi', not {line!r}")
        entries.append(Entry(name, folder))
    return entries


def read_hmdb51_split(folder: Path, split: int) -> list[tuple[Entry, str]]:
    """Entries of a split with their codes: 1 train, 2 test, 0 unused in this split.

    Args:
        folder: folder of the files `<class>_test_split<k>.txt` with lines `<video>.avi <0|1|2>`.
        split: number k of the split, from 1.

    Raises:
        UserError: if there is no such file, or one is malformed.
    """
    suffix = f"_test_split{split}.txt"
    files = sorted(folder.glob(f"*{suffix}"))
    if not files:
        raise UserError(f"HMDB51 split: {folder}: no file *{suffix}")
    entries = []
    for file in files:
        class_name = file.name.removesuffix(suffix)
        for number, line in enumerate(_lines(file), start=1):
            name, _, code = line.rpartition(" ")
            if code not in HMDB51_CODES["all"] or not name:
                raise UserError(f"{file}: line {number}: must be '<video> <0, 1 or 2>', not {line!r}")
            entries.append((Entry(f"{class_name}/{name.strip()}", class_name), code))
    return entries
