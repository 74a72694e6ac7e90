"""The training part and the test part of a dataset's first split."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from i2vadapt.config.names import canonical
from i2vadapt.config.run import SplitSettings
from i2vadapt.data.list_files import read_hmdb51_split, read_ucf101_list
from i2vadapt.errors import UserError

TRAIN, TEST = "train", "test"
_HMDB51 = {"1": TRAIN, "2": TEST}
_TRAIN_SHARE = 0.7


def split_parts(ids: Iterable[str], settings: SplitSettings) -> dict[str, str]:
    """Maps each item id to its part, "train" or "test"; items that the official lists do not name are missing.

    Without lists a stable hash of the id decides, so the part of a video never depends on the other videos.

    Args:
        ids: ids of the items, as in the lists: `Class/video.avi`; case is ignored, and so is the normal form.
        settings: the official lists.

    Raises:
        UserError: if a list is missing or malformed, or a part gets no item.
    """
    if settings.hmdb51 is None and not settings.train:
        parts = {item_id: TRAIN if _hash_fraction(item_id) < _TRAIN_SHARE else TEST for item_id in ids}
    else:
        listed = _read_lists(settings)
        parts = {item_id: listed[_key(item_id)] for item_id in ids if _key(item_id) in listed}
    for part in (TRAIN, TEST):
        if part not in parts.values():
            raise UserError(f"train.split1: no target video is in the {part} part{_example(settings)}")
    return parts


def _read_lists(settings: SplitSettings) -> dict[str, str]:
    listed = {}
    if settings.hmdb51 is not None:
        for entry, code in read_hmdb51_split(Path(settings.hmdb51), 1):
            if code in _HMDB51:  # 0 is in neither part
                listed[_key(entry.id)] = _HMDB51[code]
    for part, files in ((TRAIN, settings.train), (TEST, settings.test)):
        for file in files:
            listed |= {_key(entry.id): part for entry in read_ucf101_list(Path(file))}
    return listed


def _example(settings: SplitSettings) -> str:
    files = [*settings.train, *settings.test] or ([settings.hmdb51] if settings.hmdb51 else [])
    return f": {', '.join(files)} name other videos" if files else ""


def _key(item_id: str) -> str:
    return canonical(item_id).casefold()


def _hash_fraction(item_id: str) -> float:
    digest = hashlib.sha256(b"split1\0" + os.fsencode(item_id)).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
