from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from i2vadapt.errors import UserError
from i2vadapt.training import checkpoint


class Opener:
    """Unpickling it would run code."""

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.system, ("exit 0",)


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    checkpoint.save(path, {"epoch": 3, "model": {"w": torch.arange(4.0)}, "history": [{"loss": 0.1}], "bank": None})
    content = checkpoint.load(path)
    assert content["epoch"] == 3
    assert content["history"] == [{"loss": 0.1}]
    assert content["bank"] is None
    assert torch.equal(content["model"]["w"], torch.arange(4.0))
    assert os.listdir(tmp_path) == ["state.pt"]


def test_a_failed_save_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.pt"
    checkpoint.save(path, {"epoch": 1})

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(path, {"epoch": 2})
    assert checkpoint.load(path)["epoch"] == 1
    assert os.listdir(tmp_path) == ["state.pt"]


def test_files_that_are_no_checkpoint_are_one_line(tmp_path: Path) -> None:
    whole = tmp_path / "whole.pt"
    checkpoint.save(whole, {"model": {"w": torch.zeros(1000)}})
    (tmp_path / "cut.pt").write_bytes(whole.read_bytes()[:2000])
    (tmp_path / "empty.pt").touch()
    (tmp_path / "text.pt").write_text("hello")
    torch.save({"format": 1, "code": Opener()}, tmp_path / "code.pt")
    torch.save({"weights": torch.zeros(2)}, tmp_path / "foreign.pt")
    torch.save({"format": checkpoint.FORMAT + 1}, tmp_path / "later.pt")
    torch.save(torch.zeros(2), tmp_path / "tensor.pt")
    expected = {
        "missing.pt": "no such checkpoint",
        "cut.pt": "not a readable checkpoint",
        "empty.pt": "not a readable checkpoint",
        "text.pt": "not a readable checkpoint",
        "code.pt": "not a readable checkpoint",
        "foreign.pt": "not a checkpoint of i2vadapt",
        "later.pt": "of another format than 1",
        "tensor.pt": "not a checkpoint of i2vadapt",
    }
    for name, reason in expected.items():
        with pytest.raises(UserError) as caught:
            checkpoint.load(tmp_path / name)
        message = str(caught.value)
        assert message.startswith(f"{tmp_path / name}: ")
        assert reason in message, name
        assert "\n" not in message, name


def test_differences_name_the_key_and_both_values() -> None:
    old = {"a": {"b": 1, "same": [1, 2]}, "gone": "x", "long": list(range(100))}
    new = {"a": {"b": 2, "same": [1, 2]}, "added": None, "new": True, "long": []}
    found = checkpoint.differences(old, new)
    assert found[:2] == ["a.b: 1, now 2", "gone: 'x', now None"]
    assert found[2].startswith("long: [0, 1, 2, ")
    assert len(found[2]) < 80
    assert found[3:] == ["new: None, now True"]
    assert checkpoint.differences(old, old) == []


def test_the_random_state_goes_on_where_it_was_taken() -> None:
    state = checkpoint.random_state()
    first = torch.rand(5)
    checkpoint.set_random_state(state)
    assert torch.equal(torch.rand(5), first)


def test_a_folder_is_free_again_after_use_and_after_a_failure(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    with checkpoint.exclusive(folder), pytest.raises(UserError, match="another process"), checkpoint.exclusive(folder):
        pass
    with pytest.raises(ZeroDivisionError), checkpoint.exclusive(folder):
        _ = 1 // 0
    with checkpoint.exclusive(folder):
        assert folder.is_dir()
