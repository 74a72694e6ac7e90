"""A shard that is killed before and after each of its system calls that change what is on the disk."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from i2vadapt.data.items import Item
from i2vadapt.data.shards.build import BATCH_ITEMS, build_shard, make_provenance
from i2vadapt.data.shards.format import Encoded
from i2vadapt.files.atomic import write_atomically

ITEMS = [Item(f"item{number}", "", "", number, "") for number in range(2 * BATCH_ITEMS + 3)]
CALLS = ("replace", "fsync", "unlink", "rmdir")


def in_fork(work: Callable[[], None], kill_at: int) -> bool:
    """Runs `work` in a fork that kills itself at the given call, counted twice: before and after it; whether it did."""
    child = os.fork()
    if child == 0:
        points = 0

        def spy(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                nonlocal points
                points += 2
                if points - 1 == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                try:
                    return real(*arguments, **options)
                finally:
                    if points == kill_at:
                        os.kill(os.getpid(), signal.SIGKILL)

            return call

        for name in CALLS:
            setattr(os, name, spy(getattr(os, name)))
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


def test_a_shard_at_every_call(tmp_path: Path) -> None:
    done: list[str] = []

    def process(items: Sequence[Item]) -> Iterator[Encoded]:
        for item in items:
            done.append(item.id)
            yield Encoded(item.id, item.label, [item.id.encode()] * 2, {})

    def build(out: Path) -> None:
        build_shard(out, "frames", ITEMS, process, make_provenance("test", 1, {}, {}), 0.0)

    build(tmp_path / "whole" / "0000.h5")
    expected = (tmp_path / "whole" / "0000.h5").read_bytes()
    kill_at = 1
    while True:
        out = tmp_path / str(kill_at) / "0000.h5"
        if not in_fork(lambda out=out: build(out), kill_at):  # type: ignore[misc]
            break
        sealed = len(list(out.parent.glob("*.partial/[0-9]*.h5")))
        assert not out.exists() or out.read_bytes() == expected
        already = out.exists()
        done.clear()
        build(out)
        assert out.read_bytes() == expected
        assert os.listdir(out.parent) == ["0000.h5"]
        assert done == ([] if already else [item.id for item in ITEMS[sealed * BATCH_ITEMS :]])
        kill_at += 1
    assert kill_at > 2 * 4 * 4  # four files, each flushed, renamed, its temporary name removed, its folder flushed


def test_a_plain_file_at_every_call(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    path.write_bytes(b"old")
    kill_at = 1
    while in_fork(lambda: write_atomically(path, b"new"), kill_at):
        assert path.read_bytes() in (b"old", b"new")
        kill_at += 1
    assert kill_at >= 5
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["state.pt"]
