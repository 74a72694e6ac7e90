from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from i2vadapt.errors import UserError
from i2vadapt.training import lock
from i2vadapt.training.lock import lock_folder
from i2vadapt.training.state import differences, random_state, set_random_state
from i2vadapt.weights import checkpoint


def test_differences_name_the_key_and_both_values() -> None:
    old = {"a": {"b": 1, "same": [1, 2]}, "gone": "x", "long": list(range(100))}
    new = {"a": {"b": 2, "same": [1, 2]}, "added": None, "new": True, "long": []}
    found = differences(old, new)
    assert found[:2] == ["a.b: 1, now 2", "gone: 'x', now None"]
    assert found[2].startswith("long: [0, 1, 2, ")
    assert len(found[2]) < 80
    assert found[3:] == ["new: None, now True"]
    assert differences(old, old) == []


def test_a_removed_or_added_section_is_named_by_its_key() -> None:
    assert differences({"bank": {"capacity": 2}}, {"bank": None}) == ["bank: {'capacity': 2}, now None"]
    assert differences({"weights": {}}, {"weights": {"a.pt": "12"}}) == ["weights.a.pt: None, now '12'"]


def test_a_restored_random_state_gives_the_same_numbers(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "state.pt", {"random": random_state()})
    first = torch.rand(5)
    set_random_state(checkpoint.load(tmp_path / "state.pt")["random"])
    assert torch.equal(torch.rand(5), first)
    assert not torch.equal(torch.rand(5), first)


def test_a_folder_is_free_again_after_use_and_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_PATIENCE", 0.3)
    folder = tmp_path / "new" / "run"
    with lock_folder(folder), pytest.raises(UserError, match=rf"\A{folder}: another process is"), lock_folder(folder):
        pass
    with pytest.raises(ZeroDivisionError), lock_folder(folder):
        _ = 1 // 0
    with lock_folder(folder):
        assert folder.is_dir()


def test_the_other_processes_of_a_training_need_no_lock(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "run"), lock_folder(tmp_path / "run", needed=False):
        pass
    with lock_folder(tmp_path / "none", needed=False):
        assert not (tmp_path / "none").exists()


TRAINER = """
import multiprocessing, os, pathlib, sys, time
from i2vadapt.training.lock import lock_folder

def load(parent):
    while os.getppid() == parent:
        time.sleep(0.05)
    time.sleep(2)

with lock_folder(pathlib.Path(sys.argv[1])):
    multiprocessing.get_context("fork").Process(target=load, args=(os.getpid(),)).start()
    print("locked", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def trainer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that locks a folder; its loader process inherits the lock and outlives it by two seconds."""
    command = [sys.executable, "-c", TRAINER, str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_a_killed_training_leaves_no_lock_once_its_loader_processes_have_ended(
    tmp_path: Path, trainer: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(lock, "_PATIENCE", 0.0)
        with pytest.raises(UserError, match="another process is training here"), lock_folder(tmp_path / "run"):
            pass
        trainer.kill()
        trainer.wait()
        with pytest.raises(UserError, match="another process is training here"), lock_folder(tmp_path / "run"):
            pass  # the loader process still has it
    with lock_folder(tmp_path / "run"):
        pass
