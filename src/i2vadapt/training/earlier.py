"""Trainings with other settings or inputs in a run's folder: set aside, and taken back when they are wanted again."""

from __future__ import annotations

import logging
from pathlib import Path

from i2vadapt.errors import UserError
from i2vadapt.files import superseded
from i2vadapt.layout import RunFolder
from i2vadapt.training.result import Result

_logger = logging.getLogger(__name__)


def exchange(result: Result, folder: RunFolder) -> None:
    """Sets the training in the folder aside, if it is another one, and takes this one back, if it was set aside before.

    Args:
        result: the identity of the training that is wanted.
        folder: folder of the run, locked.
    """
    main = _main_file(folder)
    if main is not None:
        changed = _differences(result, main)
        if not changed:
            return
        _logger.warning(
            "%s: the training there has other settings or inputs and is set aside:\n%s",
            folder.path,
            "\n".join(f"  {line}" for line in changed),
        )
        superseded.set_folder_aside(folder.path, main)
        superseded.remove_files(folder.path)
    for version in superseded.earlier(folder.path):
        found = _main_file(RunFolder(version))
        if found is not None and not _differences(result, found):
            _logger.info("%s: taken back: trained earlier with these settings", folder.path)
            superseded.take_folder_back(version, folder.path, found.name)
            return


def _main_file(folder: RunFolder) -> Path | None:
    """The file that tells which training a folder holds: the state of an unfinished one, or the checkpoint."""
    return next((file for file in (folder.state, folder.checkpoint) if file.exists()), None)


def _differences(result: Result, main: Path) -> list[str]:
    try:
        return result.differences_of(main)
    except UserError as error:
        return [str(error)]
