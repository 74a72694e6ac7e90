"""The workflow through a real SLURM, and what happens to jobs there."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

from coordinator import Coordinator
from mini_slurm import wait_for

from i2vadapt.layout import Results

# Two jobs of one rule, whose input is there.
GENERATED = [f"results/datasets/my-photos/frames/{shard:04d}.h5" for shard in range(2)]
RESULTS = Results(Path("results"))
RUN = RESULTS.run("mine", "rgb_pace", 0)
LOG = RESULTS.log("train", "mine-rgb_pace-0")
CLOCK = {"clips_per_second", "share_waiting_for_data"}


def check_shards(coordinator: Coordinator, finished: Coordinator) -> None:
    """The shards of the undisturbed run, nothing left over, and nothing that `verify` finds wrong."""
    shards = coordinator.project.shards()
    expected = finished.project.shards()
    assert {name for name in expected if "my-photos/frames" in name} <= shards.keys()
    assert {name: shards[name] == expected[name] for name in shards} == dict.fromkeys(shards, True)
    assert not list(coordinator.project.folder.rglob("*.partial"))
    verified = subprocess.run(
        [sys.executable, "-m", "i2vadapt", "verify", "results"],
        cwd=coordinator.project.folder,
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def failures(output: str) -> list[str]:
    """States of the jobs that Snakemake found failed."""
    return re.findall(r"SLURM-job '[\d_]+' failed.*?SLURM status is: '(\w+)'", output)


def test_a_whole_run(finished: Coordinator) -> None:
    output = (finished.project.folder / "output.txt").read_text()
    assert "Report: results/reports/mine/report.html" in output
    assert failures(output) == []
    logs = finished.project.folder / "results" / "logs"
    for rule, jobs in (("depth", 2), ("train", 2)):
        found = [
            re.search(r"GPUs: 1 requested, CUDA_VISIBLE_DEVICES is \d,", log.read_text())
            for log in (logs / rule).iterdir()
        ]
        assert [bool(one) for one in found] == [True] * jobs
    assert output.count("localrule fuse:") == 1
    assert finished.project.plan() == {}
    assert len(finished.project.shards()) == 8


def test_gpus_that_are_not_there_are_an_error(finished: Coordinator) -> None:
    environment = {name: value for name, value in finished.cluster.environment.items() if name != "I2VADAPT_DEVICE"}
    command = [sys.executable, "-m", "i2vadapt", "depth", "no.png", "--out", "maps", "--gpus", "1"]
    for options, seen in ((["--gpus=1"], "0"), ([], "unset")):
        done = subprocess.run(
            ["srun", "--partition=gpu", *options, *command],
            cwd=finished.project.folder / "src",
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 1
        assert f"error: GPUs: 1 requested, CUDA_VISIBLE_DEVICES is {seen}, 0 found" in done.stderr


def test_a_job_that_is_killed(fresh: Coordinator, finished: Coordinator) -> None:
    with fresh.running(*GENERATED) as process:
        killed, other = fresh.stop_jobs("synthesize", 2)
        fresh.cluster.call("scancel", "--signal=KILL", killed.number)
        fresh.cluster.call("scancel", "--signal=CONT", other.number)
        output = fresh.finish(process)
    assert len(failures(output)) == 1
    check_shards(fresh, finished)


def test_a_job_over_its_time_limit(fresh: Coordinator, finished: Coordinator) -> None:
    with fresh.running(*GENERATED) as process:
        late, other = fresh.stop_jobs("synthesize", 2)
        fresh.cluster.call("scancel", "--signal=CONT", other.number)
        fresh.cluster.call("scontrol", "update", f"JobId={late.number}", "EndTime=now")
        output = fresh.finish(process)
    assert failures(output) == ["TIMEOUT"]
    check_shards(fresh, finished)


def test_a_killed_coordinator_whose_jobs_run_beside_those_of_the_next(
    fresh: Coordinator, finished: Coordinator
) -> None:
    with fresh.running(*GENERATED) as process:
        old = fresh.stop_jobs("synthesize", 2)
        process.kill()
    locked = fresh.start(*GENERATED)
    assert "--unlock" in locked.communicate(timeout=60)[0]
    assert locked.returncode != 0
    fresh.project.succeed("--unlock")
    with fresh.running(*GENERATED) as process:
        wait_for(lambda: len(fresh.cluster.jobs("RUNNING")) == 2, 240, "the new jobs")
        assert [job.state for job in fresh.cluster.jobs("STOPPED")] == ["STOPPED"] * 2
        for job in old:
            fresh.cluster.call("scancel", "--signal=CONT", job.number)
        fresh.finish(process)
    wait_for(lambda: not fresh.cluster.jobs(), 60, "the old jobs")
    check_shards(fresh, finished)
    assert fresh.project.plan(*GENERATED) == {}


def test_a_node_that_goes_down_and_comes_back(fresh: Coordinator, finished: Coordinator) -> None:
    cluster = fresh.cluster
    with fresh.running(*GENERATED) as process:
        node = fresh.stop_jobs("synthesize", 2)[0].node
        cluster.call("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
        try:
            for job in cluster.jobs("RUNNING,STOPPED"):
                cluster.call("scancel", "--signal=CONT", job.number)
            output = fresh.finish(process)
        finally:
            cluster.call("scontrol", "update", f"NodeName={node}", "State=RESUME")
    wait_for(lambda: cluster.node_states()[node] == "idle", 60, f"{node} to come back")
    assert set(failures(output)) <= {"NODE_FAIL"}
    check_shards(fresh, finished)


def metrics(coordinator: Coordinator) -> list[dict[str, str]]:
    """What training has measured in each epoch, the clock apart."""
    with (coordinator.project.folder / RUN.metrics).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{key: value for key, value in row.items() if key not in CLOCK} for row in rows]


def scores(coordinator: Coordinator) -> bytes:
    """Scores of the videos after the last epoch."""
    return (coordinator.project.folder / RUN.scores(2)).read_bytes()


def test_training_resumes_after_a_preemption(untrained: Coordinator, finished: Coordinator) -> None:
    log = untrained.project.folder / LOG
    with untrained.running(str(RUN.checkpoint)) as process:
        wait_for(lambda: log.exists() and "epoch 1 of 2" in log.read_text(), 240, "the first epoch")
        (job,) = untrained.cluster.jobs("RUNNING")
        untrained.cluster.call("scontrol", "requeue", job.number)
        wait_for(lambda: "SIGTERM received: stopping after the current step" in log.read_text(), 30, "the signal")
        output = untrained.finish(process)
    assert failures(output) == []
    assert "resuming after epoch 1" in log.read_text()
    assert metrics(untrained) == metrics(finished)
    assert scores(untrained) == scores(finished)


def test_training_on_two_nodes(untrained: Coordinator, finished: Coordinator) -> None:
    site = untrained.project.folder / "home" / "snakemake" / "lab" / "profile.yaml"
    nodes = "train: { slurm_partition: gpu, gpu: 2, nodes: 2, tasks: 2, tasks_per_gpu: 0, mpi: srun }"
    site.write_text(site.read_text().replace("train: { slurm_partition: gpu }", nodes))
    output = untrained.run(str(RUN.checkpoint))
    assert failures(output) == []
    assert "node[3-4]" in {job.node for job in untrained.cluster.jobs("COMPLETED") if job.rule == "train"}
    log = (untrained.project.folder / LOG).read_text()
    assert "in each of 2 processes" in log
    assert [row["epoch"] for row in metrics(untrained)] == ["1", "2"]
    assert len(scores(untrained)) == len(scores(finished))


def test_array_jobs(fresh: Coordinator, finished: Coordinator) -> None:
    output = fresh.run("--slurm-array-jobs", "synthesize", *GENERATED)
    assert "Submitted array job with Snakemake IDs" in output
    assert failures(output) == []
    check_shards(fresh, finished)
