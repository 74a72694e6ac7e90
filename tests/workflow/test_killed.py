"""A run that is killed with all its jobs."""

from __future__ import annotations

import os
import signal
import subprocess
import time

from small_project import Project


def test_a_killed_run_is_locked_then_goes_on_to_the_same_shards(finished: Project, fresh: Project) -> None:
    process = subprocess.Popen(
        fresh.command("datasets"),
        cwd=fresh.folder,
        env=fresh.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        # In the middle: a shard is there, another is in hand.
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and process.poll() is None:
            if list(fresh.folder.rglob("*.h5")) and list(fresh.folder.rglob("*.h5.partial")):
                break
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGSTOP)  # it stays in the middle, however long the next one takes to start
        assert process.poll() is None
        second = fresh.run("datasets")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert second.returncode != 0
    assert "cannot be locked" in second.stdout
    locked = fresh.run("datasets")
    assert locked.returncode != 0
    assert "--unlock" in locked.stdout
    fresh.succeed("--unlock")
    left = fresh.plan("datasets")
    assert left
    fresh.succeed("datasets")
    assert fresh.plan("datasets") == {}
    assert fresh.shards() == finished.shards()
    assert not list(fresh.folder.rglob("*.partial"))
