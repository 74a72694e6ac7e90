from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from i2vadapt.files import superseded
from i2vadapt.layout import Results


def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: object, name: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")  # what Linux says on FAT

    monkeypatch.setattr(os, "link", refuse)


@pytest.fixture(params=["links", "no links"])
def file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both kinds of file systems."""
    if request.param == "no links":
        no_links(monkeypatch)
    return str(request.param)


def write(path: Path, text: str, time: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(time, time))
    return path


def test_versions_of_a_file_are_kept_until_they_are_taken_back(tmp_path: Path, file_system: str) -> None:
    path = tmp_path / "0000.h5"
    for number, text in enumerate(("first", "second")):
        write(path, text, 1_800_000_000_000_000_000 + number)
        superseded.set_aside(path)
        path.unlink(missing_ok=True)
    newest, oldest = superseded.earlier(path)
    assert (newest.read_text(), oldest.read_text()) == ("second", "first")
    assert oldest.name == "20270115T080000.000000000Z.h5"
    superseded.take_back(oldest, path)
    assert path.read_text() == "first"
    assert superseded.earlier(path) == [newest]
    superseded.take_back(newest, path)
    assert os.listdir(tmp_path) == ["0000.h5"]


def test_a_file_is_set_aside_once_and_takes_no_space_until_its_name_is_gone(tmp_path: Path) -> None:
    path = write(tmp_path / "0000.h5", "content", 10**18)
    superseded.set_aside(path)
    os.utime(path)  # as Snakemake does after a job
    superseded.set_aside(path)
    versions = superseded.earlier(path)
    assert len(versions) == 1
    assert superseded.size_of(versions) == 0
    superseded.take_back(versions[0], path)  # both are names of one file
    assert os.listdir(tmp_path) == ["0000.h5"]
    superseded.set_aside(path)
    path.unlink()
    assert superseded.size_of(superseded.earlier(path)) == len("content")


def run_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "mine" / "rgb" / "seed0"
    write(folder / "checkpoint.pt", "weights", 10**18)
    write(folder / "scores" / "0001.safetensors", "scores", 10**18)
    write(folder / ".lock", "", 10**18)
    return folder


@pytest.mark.parametrize("gone", [lambda folder: None, superseded.remove_files], ids=["still there", "replaced"])
def test_a_folder_is_taken_back_whole(tmp_path: Path, gone: Callable[[Path], None], file_system: str) -> None:
    folder = run_folder(tmp_path)
    superseded.set_folder_aside(folder, folder / "checkpoint.pt")
    gone(folder)
    assert (folder / ".lock").exists()
    (version,) = superseded.earlier(folder)
    assert sorted(path.name for path in version.rglob("*")) == ["0001.safetensors", "checkpoint.pt", "scores"]
    superseded.take_folder_back(version, folder, "checkpoint.pt")
    assert (folder / "checkpoint.pt").read_text() == "weights"
    assert (folder / "scores" / "0001.safetensors").read_text() == "scores"
    assert not version.parent.exists()


def test_a_folder_without_its_main_file_is_not_set_aside(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    (folder / "checkpoint.pt").unlink()
    superseded.set_folder_aside(folder, folder / "checkpoint.pt")
    assert superseded.earlier(folder) == []


def test_a_kill_while_a_folder_is_taken_back_leaves_it_to_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_folder(tmp_path)
    superseded.set_folder_aside(folder, folder / "checkpoint.pt")
    superseded.remove_files(folder)
    (version,) = superseded.earlier(folder)
    replace, calls = os.replace, []

    def killed_at_the_second(*arguments: Path) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        replace(*arguments)

    monkeypatch.setattr(os, "replace", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        superseded.take_folder_back(version, folder, "checkpoint.pt")
    assert superseded.earlier(folder) == [version]
    superseded.take_folder_back(version, folder, "checkpoint.pt")
    assert sorted(path.name for path in folder.rglob("*.*")) == [".lock", "0001.safetensors", "checkpoint.pt"]


def test_a_results_folder_lists_everything_that_was_set_aside(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    superseded.set_folder_aside(folder, folder / "checkpoint.pt")
    shard = write(tmp_path / "datasets" / "photos" / "frames" / "0000.h5", "shard", 10**18)
    superseded.set_aside(shard)
    versions = Results(tmp_path).superseded()
    assert versions == superseded.earlier(shard) + superseded.earlier(folder)
    for version in versions:
        superseded.remove(version)
    assert Results(tmp_path).superseded() == []
    assert shard.exists()
    assert (folder / "checkpoint.pt").exists()
