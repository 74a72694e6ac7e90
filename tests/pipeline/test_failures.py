from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from i2vadapt.pipeline.failures import keep_failed_jobs_incomplete


@dataclass
class Job:
    output: list[str]


@dataclass
class Persistence:
    """Snakemake's record of the jobs, as far as it matters: all backups are there but those of `new` outputs."""

    recorded: list[str] = field(default_factory=list)

    def restore_output(self, path: Path) -> bool:
        return "new" not in path.name

    async def finished(self, job: Job) -> None:
        self.recorded += job.output


def end(persistence: Persistence, job: Job, failed: bool) -> None:
    """What Snakemake does at the end of a job."""
    if failed:
        for output in job.output:
            persistence.restore_output(Path(output))
    asyncio.run(persistence.finished(job))


def test_a_failed_job_whose_output_was_restored_is_not_recorded_until_it_succeeds() -> None:
    persistence, job = Persistence(), Job(["a/0000.h5"])
    keep_failed_jobs_incomplete(persistence)
    end(persistence, job, failed=True)
    end(persistence, job, failed=True)
    assert persistence.recorded == []
    end(persistence, job, failed=False)
    assert persistence.recorded == ["a/0000.h5"]


def test_other_jobs_are_recorded_as_ever() -> None:
    persistence = Persistence()
    keep_failed_jobs_incomplete(persistence)
    end(persistence, Job(["a/0000.h5", "a/0001.h5"]), failed=True)
    end(persistence, Job(["a/0002.h5"]), failed=False)
    end(persistence, Job(["a/new.h5"]), failed=True)  # Snakemake removes such an output, which is then missing
    assert persistence.recorded == ["a/0002.h5", "a/new.h5"]
