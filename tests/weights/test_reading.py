from __future__ import annotations

import argparse
import collections
import datetime
import gzip
import hashlib
import os
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
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


class Attributes(dict[str, Any]):
    """A subclass of dict, as Lightning stores its hyper-parameters."""


class Steps(list[int]):
    """A subclass of list."""


BESIDE = {
    "epoch": np.int64(3),
    "best": np.float32(0.5),
    "names": np.array(["a", None], object),
    "arguments": argparse.Namespace(lr=0.1, root=Path("x")),
    "hyper_parameters": Attributes(depth=Attributes(a=1)),
    "callbacks": {Attributes: Steps([1, 2])},
    "history": collections.defaultdict(list, {1: collections.deque([0.5])}),
    "odd": [slice(1, 2), range(3), frozenset([1]), datetime.datetime(2024, 1, 1)],
}


@pytest.mark.parametrize("archive", [True, False], ids=["archive", "plain pickle"])
@pytest.mark.parametrize("name", ["state_dict", "model", "model_state_dict", "model_state"])
@pytest.mark.parametrize("prefix", ["", "module.", "model.", "module._orig_mod.", "net."])
def test_weights_beside_other_objects_are_read(tmp_path: Path, archive: bool, name: str, prefix: str) -> None:
    content = {**BESIDE, name: {f"{prefix}{key}": value for key, value in STATE.items()}}
    for suffix in (".pth.tar", ".ckpt", ""):
        path = tmp_path / f"w{suffix}"
        torch.save(content, path, _use_new_zipfile_serialization=archive)
        assert_same(read_state(path))


def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    safetensors.torch.save_file(STATE, tmp_path / "a.pt")
    torch.save(STATE, tmp_path / "b.safetensors")
    assert_same(read_state(tmp_path / "a.pt"))
    assert_same(read_state(tmp_path / "b.safetensors"))


class Remover:
    """Unpickling it would remove the folder `precious`."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (shutil.rmtree, ("precious",))


@pytest.mark.parametrize("archive", [True, False], ids=["archive", "plain pickle"])
def test_code_beside_weights_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archive: bool) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "precious").mkdir()
    torch.save({"model": STATE, "x": Remover()}, "evil.pt", _use_new_zipfile_serialization=archive)
    assert_same(read_state(Path("evil.pt")))
    assert (tmp_path / "precious").is_dir()


def test_files_of_other_kinds_are_named(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "whole.pt")
    with zipfile.ZipFile(tmp_path / "zip.pt", "w") as archive:
        archive.writestr("a.txt", "a")
    (tmp_path / "folder.pt").mkdir()
    kinds = {
        "empty.pt": (b"", "an empty file"),
        "lfs.pt": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a pointer of Git LFS"),
        "page.pt": (b"\n<!DOCTYPE html><html>", "an HTML or XML page"),
        "error.pt": (b'{"error": "not found"}', "a text"),
        "packed.pt": (gzip.compress(b"x"), "compressed by gzip"),
        "cut.pt": ((tmp_path / "whole.pt").read_bytes()[:-60], "damaged, perhaps an incomplete copy"),
        "zip.pt": (None, "a zip archive of other files"),
        "folder.pt": (None, "a folder"),
        "other.pt": (pickle.dumps(STATE), "damaged, or of another kind"),
        "noise.pt": (np.random.default_rng(0).bytes(300), "damaged, or of another kind"),
    }
    for name, (content, kind) in kinds.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError) as caught:
            read_state(tmp_path / name)
        line = str(caught.value)
        assert line.startswith(f"{tmp_path / name}: not a readable weights file: {kind}"), line
        assert line.endswith("; it must be a .safetensors file or a file of torch.save")
        assert "\n" not in line


def test_what_is_there_in_the_place_of_a_state_dict_is_named(tmp_path: Path) -> None:
    expected = {
        "a network": (torch.nn.Linear(2, 2), "not an object of torch.nn.modules.linear.Linear"),
        "a network inside": ({"model": torch.nn.Linear(2, 2)}, "'model' is a torch.nn.modules.linear.Linear"),
        "numbers": ({1: torch.zeros(2)}, "but 1 is a torch.Tensor"),
        "sparse": ({"a": torch.zeros(2, 2).to_sparse()}, "'a' is sparse, quantised or without values"),
        "no values": ({"a": torch.zeros(2, device="meta")}, "'a' is sparse, quantised or without values"),
    }
    for name, (content, reason) in expected.items():
        torch.save(content, tmp_path / f"{name}.pt")
        with pytest.raises(UserError, match=rf"{name}.pt: must contain a dictionary of tensors, .*{reason}"):
            read_state(tmp_path / f"{name}.pt")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_values_that_are_not_finite_are_named(tmp_path: Path, value: float, dtype: torch.dtype) -> None:
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file({"a": torch.ones(2), "b": torch.tensor([1, value, value], dtype=dtype)}, path)
    with pytest.raises(UserError, match=r"w.safetensors: the weights hold NaN or infinity: 2 of 3 values of b\Z"):
        read_state(path)
