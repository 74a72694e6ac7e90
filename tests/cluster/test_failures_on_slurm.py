"""Jobs of every rule that SLURM runs fail for a real cause, are tried again, and the way back costs nothing."""

from __future__ import annotations

from dataclasses import replace

from coordinator import Coordinator
from failures import FAILURES, costly, nothing, restore

RULES = ("report", "train", "flow", "synthesize", "depth", "decode", "manifest_my-photos")


def test_every_rule_fails_once(copy: Coordinator, finished: Coordinator) -> None:
    project = copy.project
    before = costly(project)
    for rule in RULES:
        FAILURES[rule].cause(project)
        output = copy.fail("--retries", "0", *(["--forcerun", rule] if rule == "report" else []))
        assert FAILURES[rule].message in output
        assert "Report:" not in output
        assert rule in project.plan(), output
        restore(project, finished.project)
    copy.run()
    assert costly(project) == before
    assert project.shards() == finished.project.shards()
    assert project.plan() == {}


def test_a_job_that_is_killed_or_out_of_time_has_failed(copy: Coordinator, finished: Coordinator) -> None:
    project = copy.project
    before = costly(project)
    replace(FAILURES["synthesize"], spoil=nothing).cause(project)
    with copy.running("--retries", "0") as process:
        killed, late = copy.stop_jobs("synthesize", 2)
        copy.cluster.call("scancel", "--signal=KILL", killed.number)
        copy.cluster.call("scontrol", "update", f"JobId={late.number}", "EndTime=now")
        output = copy.end(process)
    assert process.returncode == 1, output
    assert project.plan()["synthesize"] == 2
    restore(project, finished.project)
    copy.run()
    assert costly(project) == before
    assert project.plan() == {}
