"""Batches through shared memory and through pipes, and the end of loader processes."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest
import torch
from torch.utils.data import Dataset

from i2vadapt.clips.batches import Sample
from i2vadapt.clips.loading import load_batches
from i2vadapt.clips.transfer import problem_with_shared_memory
from i2vadapt.errors import UserError

BATCHES = [[3, 1], [0, 2], [4]]


class Numbers(Dataset[Sample]):
    """Clips that hold their number; one of them may end the process that loads it."""

    def __init__(self, deadly: int = -1, reason: int = signal.SIGKILL) -> None:
        self._deadly, self._reason, self._home = deadly, reason, os.getpid()

    def __getitem__(self, index: int) -> Sample:
        if index == self._deadly and os.getpid() != self._home:
            os.kill(os.getpid(), self._reason)
        return {"clip": torch.full((2, 3), index, dtype=torch.uint8), "label": torch.tensor(index)}


@pytest.fixture
def without_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary folder with a name that is too long for a socket, through which shared memory is announced."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("x" * 100)))


def values(workers: int) -> list[dict[str, object]]:
    found = list(load_batches(Numbers(), BATCHES, workers))
    return [{key: (value.dtype, value.tolist()) for key, value in batch.items()} for batch in found]


def test_every_way_gives_the_same_batches(without_sockets: None, monkeypatch: pytest.MonkeyPatch) -> None:
    piped = values(2)
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert values(2) == piped
    assert values(0) == piped
    assert [batch["label"] for batch in piped] == [(torch.int64, batch) for batch in BATCHES]
    assert piped[0]["clip"] == (torch.uint8, [[[3] * 3] * 2, [[1] * 3] * 2])


def test_no_batches_need_no_sample() -> None:
    assert list(load_batches(Numbers(), [], workers=1)) == []


@pytest.mark.parametrize("reason", [signal.SIGKILL, signal.SIGBUS])
def test_a_loader_process_that_is_killed_is_one_line(reason: int) -> None:
    with pytest.raises(UserError, match=r"\Aa loader process (was killed|exited).*--workers.*--shm-size\)\Z"):
        list(load_batches(Numbers(deadly=2, reason=reason), BATCHES, workers=1))


def test_what_shared_memory_lacks_is_named(monkeypatch: pytest.MonkeyPatch, without_sockets: None) -> None:
    sample = {"clip": torch.empty(16, 224, 224, 3, dtype=torch.uint8, device="meta")}
    assert "(TMPDIR) is too long" in problem_with_shared_memory(sample, 1, workers=1, processes=1)
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    assert problem_with_shared_memory({"clip": torch.zeros(9)}, 1, workers=1, processes=1) == ""
    # 2 batches of each of 8 processes, one in use and one on its way, of 16 clips of 2.3 MB, for three loaders
    lines = problem_with_shared_memory(sample, 16, workers=8, processes=1000)
    assert "loading may take 1984500 MB (in a container: --shm-size=1984500m)" in lines
