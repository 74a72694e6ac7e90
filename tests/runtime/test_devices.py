"""GPUs requested and found; the tests need no GPU."""

from __future__ import annotations

import logging
import os

import pytest
import torch

from i2vadapt.cli import main
from i2vadapt.errors import UserError
from i2vadapt.runtime.devices import best_device, check_gpus, node_count, use_device
from i2vadapt.runtime.launch import launch


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_JOB_ID", "SLURM_STEP_NUM_NODES", "CUDA_VISIBLE_DEVICES", "I2VADAPT_DEVICE"):
        monkeypatch.delenv(name, raising=False)


def slurm(monkeypatch: pytest.MonkeyPatch, allotted: str | None, found: int, device: str = "auto") -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("I2VADAPT_DEVICE", device)
    if allotted is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allotted)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: found > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: found)


@pytest.mark.parametrize(
    ("asked", "allotted", "found", "device"),
    [
        (1, "0", 1, "auto"),
        (2, "0,1", 2, "auto"),
        (1, "3", 0, "cpu"),
        (0, None, 0, "auto"),
        (0, "NoDevFiles", 0, "auto"),
    ],
)
def test_enough_gpus_are_accepted(
    monkeypatch: pytest.MonkeyPatch, asked: int, allotted: str | None, found: int, device: str
) -> None:
    slurm(monkeypatch, allotted, found, device)
    check_gpus(asked)


def test_each_node_has_its_share_of_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    slurm(monkeypatch, "0,1", 2)
    monkeypatch.setenv("SLURM_STEP_NUM_NODES", "2")
    check_gpus(4)
    with pytest.raises(UserError, match="GPUs: 3 requested"):
        check_gpus(6)


def test_an_interactive_step_and_an_odd_value_are_one_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_STEP_NUM_NODES", "2")
    assert node_count() == 2
    monkeypatch.setenv("SLURM_PTY_PORT", "40000")  # `srun --pty bash`: the shell runs on the first node only
    assert node_count() == 1
    monkeypatch.delenv("SLURM_PTY_PORT")
    monkeypatch.setenv("SLURM_STEP_NUM_NODES", "")
    assert node_count() == 1


def test_several_tasks_on_a_node_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_STEP_NUM_NODES", "2")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    with pytest.raises(UserError, match="SLURM must start one task on each of the 2 nodes, not 4 tasks"):
        launch(4, [])


@pytest.mark.parametrize(
    ("asked", "allotted", "found", "device"),
    [
        (1, "0", 0, "auto"),  # PyTorch without CUDA
        (2, "0", 1, "auto"),
        (1, None, 0, "auto"),  # the site allocates GPUs under another name
        (0, "0,1", 1, "auto"),  # requested as gres
        (2, "0", 0, "cpu"),
        (1, None, 0, "cpu"),
    ],
)
def test_fewer_gpus_than_requested_are_an_error_in_a_slurm_job(
    monkeypatch: pytest.MonkeyPatch, asked: int, allotted: str | None, found: int, device: str
) -> None:
    slurm(monkeypatch, allotted, found, device)
    with pytest.raises(UserError, match=r"GPUs: \d requested, CUDA_VISIBLE_DEVICES is "):
        check_gpus(asked)


def test_found_gpus_are_logged_and_outside_slurm_a_missing_gpu_is_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with caplog.at_level(logging.INFO):
        check_gpus(1)
    assert "GPUs: 1 requested, CUDA_VISIBLE_DEVICES is unset, 0 found" in caplog.text


def test_the_environment_variable_chooses_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert best_device() == "cuda"
    monkeypatch.setenv("I2VADAPT_DEVICE", "cpu")
    assert best_device() == "cpu"
    monkeypatch.setenv("I2VADAPT_DEVICE", "tpu")
    with pytest.raises(UserError, match="I2VADAPT_DEVICE: must be one of auto, cpu, not 'tpu'"):
        best_device()


def test_a_stage_checks_the_gpus_before_it_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slurm(monkeypatch, "0", 0)
    assert main(["depth", "--gpus", "1", "no such photograph.png", "--out", "maps"]) == 1
    assert "i2vadapt: error: GPUs: 1 requested, CUDA_VISIBLE_DEVICES is 0, 0 found" in capsys.readouterr().err


@pytest.mark.parametrize(("listed", "left"), [(None, "1"), ("4,7", "7"), ("GPU-a, GPU-b", "GPU-b")])
def test_a_worker_sees_its_own_gpu_alone(monkeypatch: pytest.MonkeyPatch, listed: str | None, left: str) -> None:
    if listed is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # so that it is restored
    use_device("cpu")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == (listed or "")
    use_device("cuda:1")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == left
