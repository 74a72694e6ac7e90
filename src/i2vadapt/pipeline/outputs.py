"""What the jobs of a workflow are about to make, and what they replace.

Snakemake deletes the outputs of a job before it starts and after it has failed, so that nothing can use files of
earlier settings. Two things are missing:

- It makes a missing file only if something that needs it has to be made as well. So if a shard fails after a changed
  setting, a report made earlier would still pass for finished. Hence the outputs of all jobs of a run are noted before
  the first job starts, and the default target of the next run has those that are missing. For other targets, what
  stands behind a failed job is marked as incomplete, as Snakemake itself marks the outputs of a killed job.
- Going back to earlier settings, or a kill between the end of a job and Snakemake's note of it, should not cost hours.
  Hence shards and trained runs are set aside before their job starts; its command takes back what fits.

Outputs that Snakemake leaves alone (`update`) would not do: of a failed job it restores them and records them as made
with the new settings (9.14 to 9.27 at least), so that the next run finds nothing to be done.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

from i2vadapt.files import superseded
from i2vadapt.files.atomic import write_atomically
from i2vadapt.layout import Results, RunFolder


def prepare_outputs(results: Results, jobs: Iterable[Any]) -> None:
    """Notes the outputs of jobs and sets aside those that are there, before the first job starts.

    Args:
        results: the results folder.
        jobs: Snakemake's jobs that will run.
    """
    outputs = [job.output for job in jobs]
    _write(results, {*_missing(results), *(str(output) for group in outputs for output in group)})
    for output in (Path(output) for group in outputs for output in group):
        if results.is_shard(output):
            superseded.set_aside(output)
        elif output.name == RunFolder(output.parent).checkpoint.name:
            superseded.set_folder_aside(output.parent, output)


def unfinished_outputs(results: Results, known: Container[Path]) -> list[Path]:
    """Outputs that an earlier run set out to make and that are not there, because a job failed or was killed.

    Args:
        results: the results folder.
        known: outputs of the present configuration; others are left out.
    """
    return [path for path in map(Path, _missing(results)) if path in known]


def note_finished(results: Results) -> list[str]:
    """Forgets the outputs that are there now, after a run without failures.

    Returns:
        A line on what was set aside; none where nothing was.
    """
    missing = _missing(results)
    if missing:
        _write(results, missing)
    else:
        results.unfinished.unlink(missing_ok=True)
    versions = results.superseded()
    return [superseded.describe(versions, results.path)] if versions else []


def mark_incomplete(persistence: Any, jobs: Iterable[Any]) -> None:
    """Makes Snakemake do jobs again that a failed job has kept from running, whatever the next run asks for.

    Args:
        persistence: Snakemake's record of the jobs.
        jobs: Snakemake's jobs that should have run and did not finish.
    """
    for job in jobs:
        persistence.started(job)


def _missing(results: Results) -> list[str]:
    if not results.unfinished.exists():
        return []
    return [output for output in json.loads(results.unfinished.read_text()) if not Path(output).exists()]


def _write(results: Results, outputs: Iterable[str]) -> None:
    write_atomically(results.unfinished, json.dumps(sorted(outputs), indent=0).encode())
