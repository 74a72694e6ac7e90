from __future__ import annotations

import errno
import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from i2vadapt.config.preprocessing import DepthSettings
from i2vadapt.data.items import Item
from i2vadapt.data.shards.reader import ShardReader
from i2vadapt.depth import stage
from i2vadapt.depth.stage import run_depth
from i2vadapt.errors import UserError
from i2vadapt.files.digests import file_digest

SMALL = DepthSettings(model="dpt_small", precision="float32")


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    """Three photographs that go through the network together, the second of them mostly white."""
    found = []
    for number, least in enumerate((0, 240, 0)):
        path = tmp_path / f"{number}.png"
        blocks = np.random.default_rng(number).integers(least, 256, (6, 8, 3), np.uint8)
        cv2.imwrite(str(path), cv2.resize(blocks, (80, 60)))
        found.append(Item(path.name, str(path), "walk", 0, file_digest(path)))
    return found


def break_step(monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException) -> None:
    """Makes a step of the stage raise an error for the white photograph, and for a batch with it."""
    original = getattr(stage, step)

    def step_that_fails(*arguments: Any) -> Any:
        if step == "encode_depth":
            is_white = made.append(0) or len(made) == 2
        else:
            images = arguments[1] if step == "run_network" else [arguments[1] / 127.5 - 1]
            is_white = any(image.mean() > 0.8 for image in images)
        if is_white:
            raise error
        return original(*arguments)

    made: list[int] = []
    monkeypatch.setattr(stage, step, step_that_fails)


@pytest.mark.parametrize("step", ["network_input", "run_network", "encode_depth"])
@pytest.mark.parametrize("error", [RuntimeError("of a library"), MemoryError(), cv2.error("of OpenCV"), KeyError("x")])
def test_whatever_a_photograph_causes_is_its_failure_alone(
    tmp_path: Path,
    items: list[Item],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: str,
    error: Exception,
) -> None:
    run_depth([items[0], items[2]], tmp_path / "without.h5", SMALL, 0.0)
    break_step(monkeypatch, step, error)
    with caplog.at_level(logging.WARNING):
        run_depth(items, tmp_path / "with.h5", SMALL, 0.4)
    reader, without = ShardReader(tmp_path / "with.h5", "depth"), ShardReader(tmp_path / "without.h5", "depth")
    assert reader.ids == ["0.png", "2.png"]
    for number in range(2):
        assert np.abs(reader.frames(number).astype(int) - without.frames(number)).max() < 66
    (failed,) = reader.failures
    assert failed.id == "1.png"
    assert failed.reason.startswith(f"{items[1].path}: not processed: ")
    assert "1 of 3 items failed and are left out" in caplog.messages[-1]


@pytest.mark.parametrize("step", ["network_input", "run_network", "encode_depth"])
def test_what_concerns_all_photographs_ends_the_stage(
    tmp_path: Path, items: list[Item], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    for error, kind, words in (
        (KeyboardInterrupt(), KeyboardInterrupt, None),
        (OSError(errno.EMFILE, "Too many open files"), UserError, "Too many open files"),
        (RuntimeError("CUDA error: device-side assert"), UserError, "the GPU can't be used"),
    ):
        with monkeypatch.context() as patch:
            break_step(patch, step, error)
            with pytest.raises(kind, match=words):
                run_depth(items, tmp_path / "0000.h5", SMALL, 1.0)
        assert not (tmp_path / "0000.h5").exists()


def test_a_photograph_that_has_changed_ends_the_stage(tmp_path: Path, items: list[Item]) -> None:
    Path(items[1].path).write_bytes(Path(items[0].path).read_bytes())
    with pytest.raises(UserError, match=r"1\.png: has changed since the manifest was made"):
        run_depth(items, tmp_path / "0000.h5", SMALL, 1.0)
