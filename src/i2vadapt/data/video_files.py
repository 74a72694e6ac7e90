"""Finding the videos among files and folders that a user names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from i2vadapt.data.container import open_video
from i2vadapt.data.listing import VIDEO_SUFFIXES, may_be_video, walk_with_problems
from i2vadapt.data.system_files import is_system_file
from i2vadapt.errors import UserError


class FoundVideo(NamedTuple):
    """A file, or a folder that cannot be listed.

    Attributes:
        path: where it is.
        problem: why it cannot be read; empty where that is not known yet.
    """

    path: Path
    problem: str = ""


def find_videos(paths: Iterable[Path]) -> list[FoundVideo]:
    """Lists the videos that are named or lie below a folder that is named, each of them once.

    A file that is named is taken for a video. Below a folder, hidden files and those of systems are skipped, like those
    that are no videos by their suffix or, where the suffix is unknown, by their content.

    Args:
        paths: files and folders.

    Raises:
        UserError: if a folder contains no video.
    """
    found: dict[Path, FoundVideo] = {}
    for path in paths:
        videos = list(_below(path)) if path.is_dir() else [FoundVideo(path)]
        if not videos:
            raise UserError(f"{path}: contains no videos")
        for video in videos:
            found.setdefault(video.path, video)
    return list(found.values())


def _below(folder: Path) -> Iterator[FoundVideo]:
    for name, problem in walk_with_problems(folder):
        path = folder / name
        if problem:
            yield FoundVideo(path, f"{path}: {problem}")
        elif not is_system_file(name) and _is_video(path):
            yield FoundVideo(path)


def _is_video(path: Path) -> bool:
    suffix = PurePosixPath(path.name).suffix.lower()
    if suffix in VIDEO_SUFFIXES or not may_be_video(suffix):
        return suffix in VIDEO_SUFFIXES
    try:
        with open_video(path):
            return True
    except UserError:
        return False
