from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from i2vadapt.errors import UserError
from i2vadapt.weights.reading import mismatch, read_state, weights_digest

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.count": torch.tensor(3)}


def assert_same(state: dict[str, torch.Tensor]) -> None:
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[key], value) for key, value in STATE.items())


def test_every_kind_is_read(tmp_path: Path) -> None:
    safetensors.torch.save_file(STATE, tmp_path / "a.safetensors")
    torch.save(STATE, tmp_path / "b.pt", _use_new_zipfile_serialization=False)
    torch.save(STATE, tmp_path / "c.pth")
    torch.save({"model": STATE, "optimizer": {"lr": 1}}, tmp_path / "d.bin")
    paths = sorted(tmp_path.iterdir())
    for path in paths:
        assert_same(read_state(path))


class Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("attacked",))


def test_files_run_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a": Attack()}, tmp_path / "evil.pt")
    with pytest.raises(UserError, match=r"evil.pt: not a readable weights file"):
        read_state(tmp_path / "evil.pt")
    assert not (tmp_path / "attacked").exists()


@pytest.mark.parametrize("content", [b"", b"junk", pickle.dumps(3, protocol=2)])
@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_damaged_files_are_user_errors(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"\A\S*{name}: [^\n]*\Z"):
        read_state(tmp_path / name)


def test_a_file_cut_short_is_a_user_error(tmp_path: Path) -> None:
    safetensors.torch.save_file(STATE, tmp_path / "w.safetensors")
    torch.save(STATE, tmp_path / "w.pt")
    for path in list(tmp_path.iterdir()):
        whole = path.read_bytes()
        for share in (0.1, 0.5, 0.9):
            path.write_bytes(whole[: int(share * len(whole))])
            with pytest.raises(UserError, match="damaged"):
                read_state(path)


def test_missing_unknown_and_other_content(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere.pt: no such weights file"):
        read_state(tmp_path / "nowhere.pt")
    for content in ([1, 2], {"epoch": 3}):
        torch.save(content, tmp_path / "other.pt")
        with pytest.raises(UserError, match="must contain a dictionary of tensors"):
            read_state(tmp_path / "other.pt")


def test_the_digest_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"weights")
    assert weights_digest(tmp_path / "w.pt") == hashlib.sha256(b"weights").hexdigest()
    with pytest.raises(UserError, match=r"\A\S*nowhere\.pt: no such weights file\Z"):
        weights_digest(tmp_path / "nowhere.pt")


def test_a_mismatch_names_the_first_keys_of_each_kind() -> None:
    expected = {name: torch.zeros(2) for name in "abcdefg"}
    assert mismatch(expected, expected) == ""
    assert mismatch(dict(reversed(expected.items())), expected) == ""
    three = {name: expected[name] for name in "defg"}
    assert mismatch(three, expected) == "3 keys missing (a, b, c)"
    four = {name: expected[name] for name in "efg"}
    assert mismatch(four, expected) == "4 keys missing (a, b, c, …)"
    assert mismatch(expected, four) == "4 keys unexpected (a, b, c, …)"
    wrong = {**expected, "x": torch.zeros(1), "b": torch.zeros(2, 1)}
    del wrong["a"]
    assert mismatch(wrong, expected) == (
        "1 keys missing (a); 1 keys unexpected (x); 1 keys of another shape (b (2, 1) instead of (2,))"
    )
