from __future__ import annotations

import errno

import cv2
import pytest
import torch

from i2vadapt.data.failures import failure
from i2vadapt.data.shards.format import Failed
from i2vadapt.errors import StageError, UserError


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UserError("/p/a.jpg: 1x1 pixels"), "/p/a.jpg: 1x1 pixels"),
        (UserError("too long"), "/p/a.jpg: too long"),
        (ValueError("shapes\n  differ"), "/p/a.jpg: not processed: ValueError: shapes differ"),
        (KeyError(), "/p/a.jpg: not processed: KeyError"),
        (MemoryError("Unable to allocate 30 GiB"), "/p/a.jpg: not processed: not enough memory"),
        (OSError(errno.EIO, "Input/output error"), "/p/a.jpg: not processed: Input/output error"),
    ],
)
def test_whatever_an_item_causes_is_its_failure_on_one_line(error: Exception, reason: str) -> None:
    assert failure("a", error, "/p/a.jpg") == Failed("a", reason)


def test_opencv_and_pytorch_too() -> None:
    with pytest.raises(cv2.error) as opencv:
        cv2.resize(torch.zeros(3, 3).numpy(), (0, 0))
    with pytest.raises(RuntimeError) as pytorch:
        torch.zeros(3) @ torch.zeros(4)
    for caught in (opencv, pytorch):
        assert "\n" not in failure("a", caught.value).reason


def test_what_concerns_every_item_is_raised() -> None:
    for code in (errno.ENOSPC, errno.EMFILE, errno.EDQUOT):
        with pytest.raises(OSError, match="full") as caught:
            failure("a", OSError(code, "full"))
        assert caught.value.errno == code
    with pytest.raises(StageError, match="changed"):
        failure("a", StageError("it has changed"))
    for error in (torch.cuda.OutOfMemoryError("CUDA out of memory"), RuntimeError("CUDA error: launch failure")):
        with pytest.raises(StageError, match="the GPU can't be used: CUDA"):
            failure("a", error)
