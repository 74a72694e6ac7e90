"""The command *verify*: all datasets of a results folder."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from pathlib import Path

from i2vadapt.errors import UserError
from i2vadapt.files import superseded
from i2vadapt.layout import Results
from i2vadapt.pipeline.verify.dataset import Problem, dataset_problems, shard_paths
from i2vadapt.pipeline.verify.shard import check_shard
from i2vadapt.runtime.parallel import ordered_map
from i2vadapt.runtime.progress import progress


def verify(results: Path, workers: int, report: Callable[[str], None]) -> None:
    """Reads every shard below a results folder and compares it with its manifest.

    Args:
        results: folder of everything that is made.
        workers: processes.
        report: takes the lines of the outcome: every problem, then the command that repairs them.

    Raises:
        UserError: if there is no dataset, or anything is wrong.
    """
    folders = Results(results).dataset_folders()
    if not folders:
        raise UserError(
            f"{results}: no dataset: {results / 'datasets'} has no folder with items/;"
            " name the folder of the results, or make them first (snakemake datasets)"
        )
    started = time.monotonic()
    problems: list[Problem] = []
    paths = [path for folder in folders for path in shard_paths(folder)]
    size = frames = 0
    with progress(len(paths), "verify", "shard") as bar:
        for checked in ordered_map(check_shard, paths, workers):
            problems += [Problem(checked.path, what, str(checked.path)) for what in checked.problems]
            size, frames = size + checked.size, frames + checked.frames
            bar.update()
    for folder in folders:
        problems += dataset_problems(folder)
    for problem in problems:
        report(f"{problem.path}: {problem.what}")
    seconds = max(time.monotonic() - started, 1e-9)
    report(
        f"{len(paths)} shards of {len(folders)} datasets, {frames} frames,"
        f" {size / 1e6:.0f} MB in {seconds:.1f} s ({size / 1e6 / seconds:.0f} MB/s)"
    )
    _report_superseded(results, report)
    if problems:
        redo = " ".join(shlex.quote(name) for name in dict.fromkeys(problem.redo for problem in problems))
        report(f"to repair: snakemake --cores all --forcerun {redo}")
        raise UserError(f"{results}: {len(problems)} problems, listed above")


def _report_superseded(results: Path, report: Callable[[str], None]) -> None:
    versions = Results(results).superseded()
    for version in versions:
        report(f"{version}: made with earlier settings; it is taken back if they return")
    if versions:
        report(superseded.describe(versions, results))
