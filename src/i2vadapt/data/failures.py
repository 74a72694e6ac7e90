"""Items that fail: every item of a shard by itself, and what concerns all of them at once."""

from __future__ import annotations

import errno
import logging

from i2vadapt.data.shards.format import Failed
from i2vadapt.errors import StageError, UserError, cause

_logger = logging.getLogger(__name__)

_OF_THE_MACHINE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE})
_OF_THE_DEVICE = frozenset({"OutOfMemoryError", "AcceleratorError"})  # PyTorch's, of a GPU


def failure(item_id: str, error: Exception, path: str = "") -> Failed:
    """The failure of an item for whatever exception it caused, ours or a library's.

    Args:
        item_id: id of the item.
        error: what was raised while the item was processed.
        path: its file, which the reason names; without one the id is its name.

    Raises:
        StageError: if the exception is no fault of the item, see `raise_if_general`.
        ModuleNotFoundError: likewise, if a package is missing.
        OSError: likewise, if the disk is full or too many files are open.
    """
    raise_if_general(error)
    _logger.debug("%s", item_id, exc_info=error)
    text = str(error) if isinstance(error, UserError) else f"not processed: {_named(error)}"
    return Failed(item_id, text if not path or text.startswith(f"{path}: ") else f"{path}: {text}")


def raise_if_general(error: Exception) -> None:
    """Raises an exception that would meet every item, so that it is not taken for the failure of one.

    These are faults of the stage's other inputs, a missing package, a full disk, a low limit on open files, and a GPU
    that is broken or out of memory. Main memory is different: items of ordinary size fit, so a lack of it is the
    item's failure.

    Raises:
        StageError: if the exception is one, or comes from a GPU.
        ModuleNotFoundError: if the exception is one.
        OSError: if the exception is one of those of the machine.
    """
    of_machine = isinstance(error, OSError) and error.errno in _OF_THE_MACHINE
    if of_machine or isinstance(error, StageError | ModuleNotFoundError):
        raise error
    if type(error).__name__ in _OF_THE_DEVICE or "CUDA error" in str(error):
        raise StageError(f"the GPU can't be used: {cause(error)}") from error


def _named(error: Exception) -> str:
    """Names the kind of an exception too, without which the texts of many (KeyError, AssertionError) say nothing."""
    text = cause(error)
    kind = type(error).__name__
    return text if isinstance(error, OSError | MemoryError) or text == kind else f"{kind}: {text}"
