"""Files that systems and storage devices put beside photographs and videos, thumbnails above all."""

from __future__ import annotations

from pathlib import PurePosixPath

_FOLDERS = frozenset(
    {
        "@eadir",  # Synology: thumbnails under the name of each picture and video
        ".@__thumb",  # QNAP
        ".thumbnails",
        "__macosx",  # in archives made by macOS
        "#recycle",
        "@recycle",
        "$recycle.bin",
        ".trash",
        "#snapshot",
        "@recently-snapshot",
        "system volume information",
        "lost+found",
    }
)


def is_system_file(item_id: str) -> bool:
    """Whether a file, given by its path below the root of the dataset, belongs to a system and is no one's picture."""
    path = PurePosixPath(item_id)
    return path.name.startswith("._") or any(part.lower() in _FOLDERS for part in path.parts[:-1])
