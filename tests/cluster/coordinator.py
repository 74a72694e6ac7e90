"""Snakemake on the login node of a cluster."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mini_slurm import Job, MiniSlurm, wait_for
from small_project import Project, make_project

# The site's profile of docs/cluster.md, without an account and with one core a job, so that a small machine copes.
SITE = """
default-resources: { slurm_partition: cpu }
set-resources:
  depth: { slurm_partition: gpu, gpu: 0, gres: "'gpu:1'" }
  train: { slurm_partition: gpu }
set-threads: [depth=1, synthesize=1, decode=1, flow=1, train=1]
"""
CONFIG = """
benchmarks: [mine.yaml]
methods: [full]
features: []
"""
PROFILES = ("--workflow-profile", "profiles/slurm", "--profile", "lab")
# The first look at jobs is after these seconds and each further one 10 seconds later; a job takes six or more.
FIRST_LOOK = 8


class Coordinator:
    """A project, and the Snakemake that runs it on a cluster.

    Attributes:
        environment: of Snakemake, and so of its jobs.
    """

    def __init__(self, cluster: MiniSlurm, folder: Path, data: Path) -> None:
        """Makes the project.

        Args:
            cluster: where the jobs go.
            folder: of the project; it must not exist.
            data: photographs and videos.
        """
        self.cluster = cluster
        self.project: Project = make_project(folder, data)
        (folder / "config.yaml").write_text(CONFIG)
        site = folder / "home" / "snakemake" / "lab"
        site.mkdir(parents=True)
        (site / "profile.yaml").write_text(SITE)
        self.environment = {
            **cluster.environment,
            "PATH": f"{Path(sys.executable).parent}:{cluster.environment['PATH']}",
            "XDG_CONFIG_HOME": str(folder / "home"),
            "OMP_NUM_THREADS": "1",
            "I2VADAPT_DEVICE": "cpu",  # the cards are files
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts Snakemake."""
        options = ["--slurm-init-seconds-before-status-checks", str(FIRST_LOOK), "--latency-wait", "5", "--nocolor"]
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *PROFILES, *options, *arguments],
            cwd=self.project.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Snakemake during the block; killed at its end if it is still there."""
        with self.start(*arguments) as process:
            try:
                yield process
            finally:
                process.kill()

    def end(self, process: subprocess.Popen[str], seconds: float = 900) -> str:
        """What Snakemake has said when it ended; ends it by force if it does not end in time."""
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            output = f"{process.communicate()[0]}\nno end after {seconds:.0f} s"
        return output

    def finish(self, process: subprocess.Popen[str]) -> str:
        """What Snakemake has said when it ended well."""
        output = self.end(process)
        assert process.returncode == 0, output
        return output

    def fail(self, *arguments: str) -> str:
        """A whole run in which a job fails."""
        process = self.start(*arguments)
        output = self.end(process)
        assert process.returncode == 1, output
        return output

    def run(self, *arguments: str) -> str:
        """A whole run."""
        return self.finish(self.start(*arguments))

    def stop_jobs(self, rule: str, number: int = 1) -> list[Job]:
        """Waits until some jobs of a rule compute, and stops their processes in the middle."""

        def found() -> list[Job]:
            return [job for job in self.cluster.jobs("RUNNING,STOPPED") if job.rule == rule]

        wait_for(lambda: len(found()) >= number, 120, f"{number} jobs of rule {rule}")
        logs = self.project.folder / "results" / "logs" / rule
        wait_for(lambda: len(list(logs.glob("*.log"))) >= number, 60, f"the logs of {number} jobs of rule {rule}")
        jobs = found()
        for job in jobs:
            self.cluster.call("scancel", "--signal=STOP", job.number)
        # A signal on the heels of another leaves a killed job in the state STOPPED, which Snakemake takes for alive.
        numbers = {job.number for job in jobs}
        wait_for(lambda: numbers <= {job.number for job in self.cluster.jobs("STOPPED")}, 60, "the jobs to stop")
        return jobs

    def take(self, finished: Coordinator, *left_out: str) -> None:
        """Saves a run the jobs whose results do not matter to it.

        Args:
            finished: run that has them.
            left_out: names of files and folders of datasets that are to be made.
        """
        old, new = finished.project.folder, self.project.folder
        ignored = shutil.ignore_patterns(*left_out)
        shutil.copytree(old / "results" / "datasets", new / "results" / "datasets", ignore=ignored)
        shutil.copytree(old / ".snakemake" / "metadata", new / ".snakemake" / "metadata")
