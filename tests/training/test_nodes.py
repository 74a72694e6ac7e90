"""Training on machines that lack what a desktop has."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mounts import NO_SHARED_MEMORY, SMALL_SHARED_MEMORY, with_mounts
from shims import FOLDERS_NOT_FLUSHED, NO_LOCKS, compile_shim
from tiny_data import CLASSES, TRAIN, make_run

from i2vadapt.training.loop import Trainer
from i2vadapt.weights import checkpoint

SETTINGS = {**TRAIN, "epochs": 1}


def command(data: Path, out: Path, workers: int, settings: dict[str, object] = SETTINGS) -> list[str]:
    folders = ["--source", str(data / "source"), "--target", str(data / "target"), "--out", str(out)]
    options = ["--workers", str(workers), "--seed", "5", "--settings", json.dumps(settings)]
    return [sys.executable, "-m", "i2vadapt", "train", *folders, "--classes", *CLASSES, *options]


def run(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(arguments, env=settings, capture_output=True, text=True, timeout=900)


@pytest.fixture(scope="module")
def undisturbed(data: Path) -> dict[str, torch.Tensor]:
    Trainer(make_run(data, data / "undisturbed", epochs=1)).train()
    return weights(data / "undisturbed")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    model: dict[str, torch.Tensor] = checkpoint.load(folder / "checkpoint.pt")["model"]
    return model


def assert_same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    assert [key for key in first if not torch.equal(first[key], second[key])] == []


def test_a_poor_node_gives_the_same_weights_with_one_warning_for_each_thing_that_it_lacks(
    data: Path, folder: Path, tmp_path: Path, undisturbed: dict[str, torch.Tensor]
) -> None:
    shims = [
        compile_shim(tmp_path, "locks", NO_LOCKS),
        compile_shim(tmp_path, "flush", FOLDERS_NOT_FLUSHED),
    ]
    lacking = {"LD_PRELOAD": " ".join(map(str, shims)), "LOCK_ERROR": str(errno.ENOSYS), "FLUSH_ERROR": "22"}
    lacking |= {"HOME": "/dev/null/home", "TMPDIR": str(tmp_path / "missing"), "XDG_CACHE_HOME": ""}
    left_over = {"RANK": "7", "WORLD_SIZE": "99", "LOCAL_RANK": "x", "MASTER_ADDR": "192.0.2.1", "MASTER_PORT": "1"}
    left_over |= {"SLURM_NTASKS": "4", "SLURM_PROCID": "1", "OMPI_COMM_WORLD_RANK": "3", "CUDA_VISIBLE_DEVICES": ""}
    done = run(with_mounts(SMALL_SHARED_MEMORY, command(data, folder, workers=1)), **lacking, **left_over)
    assert done.returncode == 0, done.stderr
    for warning in (
        f"{folder}: not locked, since its file system has no locks (Function not implemented)",
        f"{folder}: cannot be flushed to disk (Invalid argument)",
        "loader processes send batches through pipes, which is slower: /dev/shm has 0 MB free",
        "ignored: RANK=7, WORLD_SIZE=99, LOCAL_RANK=x, OMPI_COMM_WORLD_RANK=3 in the environment",
    ):
        assert done.stderr.count(warning) == 1, done.stderr
    assert "--shm-size" in done.stderr
    assert_same(weights(folder), undisturbed)


def test_without_any_shared_memory_the_training_process_loads(
    data: Path, folder: Path, undisturbed: dict[str, torch.Tensor]
) -> None:
    done = run(with_mounts(NO_SHARED_MEMORY, command(data, folder, workers=2)))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("loading in the training process, without loader processes: no semaphores") == 1
    assert_same(weights(folder), undisturbed)


def test_few_open_files_and_a_long_temporary_folder_need_no_shared_memory(
    data: Path, folder: Path, tmp_path: Path, undisturbed: dict[str, torch.Tensor]
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    few = ["sh", "-c", 'ulimit -n 64 && exec "$@"', "sh"]
    done = run([*few, *command(data, folder, workers=1)], TMPDIR=str(long))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("loader processes send batches through pipes, which is slower: ") == 1
    assert_same(weights(folder), undisturbed)


def test_weights_that_are_not_finite_are_named_before_training(data: Path, folder: Path, tmp_path: Path) -> None:
    state = {key: value.clone() for key, value in weights_of_i3d().items()}
    state["Conv3d_1a_7x7.bn.weight"][3] = float("nan")
    torch.save({"state_dict": state}, tmp_path / "bad.pth.tar")
    settings = {**SETTINGS, "init": {"rgb": str(tmp_path / "bad.pth.tar")}}
    done = run(command(data, folder, 0, settings))
    assert done.returncode == 1
    line = f"{tmp_path / 'bad.pth.tar'}: the weights hold NaN or infinity: 1 of 64 values of Conv3d_1a_7x7.bn.weight"
    assert [text for text in done.stderr.splitlines() if "error" in text] == [f"i2vadapt: error: {line}"]


def weights_of_i3d() -> dict[str, torch.Tensor]:
    from i2vadapt.models.i3d import InceptionI3D

    return InceptionI3D(400, 3).state_dict()


def test_the_soft_limit_of_open_files_is_raised_to_the_hard_one() -> None:
    code = (
        "import resource; from i2vadapt.cli import main; resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300))\n"
        "main(['view', 'nowhere.h5', '--out', 'x.png']); print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 300:
        pytest.skip("the hard limit is lower")
    done = run([sys.executable, "-c", code])
    assert done.stdout == "300\n", done.stderr
